"""Who can do what: sets of operators, kept in the bits of integers.

The bits are in the order of reserve last, fewest skills first, then id, so that the lowest bit of
a set is the first in that part of the order of choice. Whether any of ten thousand operators can
take a caller is one AND, how many are at work is one count: neither looks at an operator. What a
contact needs is made into a `Pool` once and kept until the next reload.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from acd.core.names import BEST_LEVEL, Language, OperatorId, Topic
from acd.core.queues import LeastLevel, Need, OperatorProfile, Rules

ANY: Final = Topic("")
"""Stands for every topic at once: a route of least level 0."""

Reason = str
"""Why an operator does not meet a need: `language`, `language_level`, `topic`, `topic_level`,
`reserve`."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The operators who meet one need. Each route has (who may, whose own topic it is)."""

    need: Need
    routes: tuple[tuple[int, int], ...]
    may: int
    prefers: tuple[int, ...]
    refused: tuple[tuple[Reason, int], ...]


class Skills:
    """The roster of one set of rules, by what everybody can do."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        profiles = sorted(
            rules.operators.values(), key=lambda one: (one.reserve, one.skill_count, one.id)
        )
        self.ids: tuple[OperatorId, ...] = tuple(profile.id for profile in profiles)
        self.index = {id_: index for index, id_ in enumerate(self.ids)}
        self.everybody = (1 << len(profiles)) - 1
        self.reserve = self._set(i for i, one in enumerate(profiles) if one.reserve)
        self.unreserved = ~self.reserve
        self.band: list[int] = []
        self.levels: list[dict[Topic, int]] = []
        self._speakers: dict[Language, list[list[int]]] = {}
        self._knowers: dict[Topic, list[list[int]]] = {}
        self._owners: dict[Topic, list[int]] = {}
        self._sets: dict[tuple[str, str, int], int] = {}
        self._pools: dict[Need, Pool] = {}
        before: tuple[bool, int] | None = None
        for index, profile in enumerate(profiles):
            band = (profile.reserve, profile.skill_count)
            self.band.append(self.band[-1] + (band != before) if self.band else 0)
            before = band
            self._enter(index, profile)
        count = self.band[-1] + 1 if self.band else 0
        members: list[list[int]] = [[] for _ in range(count)]
        for index, where in enumerate(self.band):
            members[where].append(index)
        self.bands: list[int] = [self._set(each) for each in members]

    def _enter(self, index: int, profile: OperatorProfile) -> None:
        for language, level in profile.languages.items():
            self._speakers.setdefault(language, _no_levels())[level].append(index)
        known = {t: level for t, level in profile.topics.items() if t in self._rules.topics}
        levels = dict(known)
        for topic, level in known.items():
            queue = Topic(self._rules.topics.get(topic, ""))
            if queue and queue not in self._rules.topics:
                levels[queue] = max(levels.get(queue, 0), level)
        for topic, level in levels.items():
            self._knowers.setdefault(topic, _no_levels())[level].append(index)
        self.levels.append(levels | {ANY: BEST_LEVEL})
        own = profile.own_topic
        if own is not None:
            for topic in {own, Topic(self._rules.topics.get(own, own))}:
                if topic == own or topic not in self._rules.topics:
                    self._owners.setdefault(topic, []).append(index)

    def speaks(self, language: Language, level: int) -> int:
        """Those at this level or better in a language; without any, nobody speaks it."""
        return self._at_least("speaks", language, self._speakers.get(language), max(1, level))

    def knows(self, topic: Topic, level: int) -> int:
        """Those at this level or better in a topic, or in the best of a queue's; 0: everybody."""
        if level <= 0:
            return self.everybody
        return self._at_least("knows", topic, self._knowers.get(topic), level)

    def pool(self, need: Need) -> Pool:
        """Who meets a need. The same need gives the same object."""
        pool = self._pools.get(need)
        if pool is None:
            pool = self._pools[need] = self._make(need)
        return pool

    def _make(self, need: Need) -> Pool:
        allowed = self.everybody if need.reserve else self.everybody & ~self.reserve
        routes = []
        meets = knows = 0
        for route in need.routes:
            speakers = self.speaks(need.language, route.least.language)
            may = speakers & self.knows(route.topic, route.least.topic)
            owners = self._at_least("own", route.topic, [self._owners.get(route.topic, [])], 0)
            routes.append((may & allowed, owners))
            meets |= may
            knows |= self.knows(route.topic, 1)
        speaks = self.speaks(need.language, 1)
        least = min(route.least.language for route in need.routes)
        well = self.speaks(need.language, least)
        refused = {
            "language": self.everybody & ~speaks,
            "language_level": speaks & ~well,
            "topic": well & ~meets & ~knows,
            "topic_level": well & ~meets & knows,
            "reserve": meets & ~allowed,
        }
        return Pool(
            need=need,
            routes=tuple(routes),
            may=meets & allowed,
            prefers=tuple(self.knows(topic, 1) for topic in need.prefers),
            refused=tuple((why, who) for why, who in refused.items() if who),
        )

    def _at_least(self, kind: str, name: str, levels: list[list[int]] | None, least: int) -> int:
        if levels is None:
            return 0
        key = (kind, name, least)
        found = self._sets.get(key)
        if found is None:
            found = self._set(i for members in levels[least:] for i in members)
            self._sets[key] = found
        return found

    def _set(self, members: Iterable[int]) -> int:
        bits = bytearray(len(self.ids) // 8 + 1)
        for index in members:
            bits[index >> 3] |= 1 << (index & 7)
        return int.from_bytes(bits, "little")


def missing(rules: Rules, profile: OperatorProfile, need: Need) -> Reason | None:
    """What keeps one operator from a need, None when nothing does; agrees with `Pool.refused`."""
    level = profile.languages.get(need.language, 0)
    if level == 0:
        return "language"
    if level < min(route.least.language for route in need.routes):
        return "language_level"
    if not any(_meets(rules, profile, level, route.topic, route.least) for route in need.routes):
        known = any(rules.topic_level(profile, route.topic) > 0 for route in need.routes)
        return "topic_level" if known else "topic"
    return "reserve" if profile.reserve and not need.reserve else None


def _meets(
    rules: Rules, profile: OperatorProfile, level: int, topic: Topic, least: LeastLevel
) -> bool:
    return level >= least.language and rules.topic_level(profile, topic) >= least.topic


def _no_levels() -> list[list[int]]:
    return [[] for _ in range(BEST_LEVEL + 1)]
