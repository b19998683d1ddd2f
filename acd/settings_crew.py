"""Holds the ladders against the roster and the shifts: who is served by whom, and how late."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from acd.core.names import Language, OperatorId, QueueId, Topic
from acd.core.queues import (
    LeastLevel,
    Leave,
    OfferCallback,
    OperatorProfile,
    OverflowTo,
    QueueRules,
    Reserve,
    Rules,
    Widen,
)
from acd.settings import Callbacks, Shift
from acd.settings_checks import acts_by
from acd.settings_queues import QueuesFile
from acd.yaml_source import Node

_DAY, _WEEK = 1440, 7 * 1440  # minutes
_NAMED_MAX = 3

HOLD_BACK: Final = ((0, 0.0), (5, 1.4), (10, 2.3), (20, 4.4), (30, 6.8))
"""Seconds of hold-back, and the points of answered-in-30-s it costs.

From simulating 72 operators with three topics each, 65 Erlang, patience 300 s: the second and the
third topic, two thirds of who could take a call, were held back for so long.
"""
HELD_SHARE: Final = 2 / 3
POINTS_MIN: Final = 1.0  # below it the simulation cannot tell a difference


@dataclass(frozen=True, slots=True)
class Crew:
    """Everything the checks compare, and where queues, shifts and operators are written."""

    rules: Rules
    languages: Collection[Language]
    callbacks: Callbacks
    shifts: Mapping[str, Shift]
    queues: QueuesFile
    shift_places: Mapping[str, Node]
    operator_places: Mapping[OperatorId, Node]


def check_crew(crew: Crew) -> None:
    """Records (W25) where the promise cannot be kept with these people."""
    on_duty = duties(crew.shifts.values())
    silent = _check_speakers(crew, on_duty)
    skilled = _skilled(crew.rules)
    for id_, place in crew.queues.places.items():
        _check_served(crew, crew.rules.queues[id_], place, on_duty, silent)
        _check_reserve(crew, id_)
        _check_hold_back(crew.rules.queues[id_], place, skilled.get(id_, ()))
        _check_callbacks(crew, id_)
    _check_reserve_is_used(crew)


def duties(shifts: Collection[Shift]) -> set[frozenset[str]]:
    """Which shifts work at the same time, at some moment of the week or around a holiday in it."""
    found = _duties(shifts, None)
    if any(shift.holidays != "works" for shift in shifts):
        for weekday in range(7):
            found |= _duties(shifts, weekday)
    return found - {frozenset()}


def _duties(shifts: Collection[Shift], holiday: int | None) -> set[frozenset[str]]:
    """The same in a week in which this weekday is a public holiday."""
    spans = [
        (shift.id, (day * _DAY + shift.begins), _length(shift))
        for shift in shifts
        for day in shift.days
        if shift.holidays == "works" or (day == holiday) == (shift.holidays == "only")
    ]
    edges = sorted({edge % _WEEK for _, begin, length in spans for edge in (begin, begin + length)})
    moments = [first for first, _ in pairwise([*edges, _WEEK])]
    return {
        frozenset(id_ for id_, begin, length in spans if (moment - begin) % _WEEK < length)
        for moment in moments
    }


def _length(shift: Shift) -> int:
    return (shift.ends - shift.begins) % _DAY


def _check_speakers(crew: Crew, on_duty: Iterable[frozenset[str]]) -> set[tuple[str, Language]]:
    """Languages nobody on duty speaks are told once, at the shift, not at every queue."""
    silent: set[tuple[str, Language]] = set()
    for language in crew.languages:
        speaking = {
            operator.shift
            for operator in crew.rules.operators.values()
            if language in operator.languages
        }
        silent |= {(id_, language) for duty in on_duty if not duty & speaking for id_ in duty}
    for id_, place in crew.shift_places.items():
        lacking = [language for language in crew.languages if (id_, language) in silent]
        if lacking:
            message = f"while shift {id_} works nobody on duty speaks {_listed(lacking)}"
            place.warning(f"{message}; give the shift an operator who does", "W25")
    return silent


def _check_served(
    crew: Crew,
    queue: QueueRules,
    place: Node,
    on_duty: Iterable[frozenset[str]],
    silent: Collection[tuple[str, Language]],
) -> None:
    """Somebody on duty can take every call of the queue by the target, whatever the hour."""
    gaps: dict[tuple[str, Language], list[Topic]] = {}
    topics = [topic for topic, owner in crew.rules.topics.items() if owner == queue.id]
    for language in crew.languages:
        spoken_by = [each for each in crew.rules.operators.values() if language in each.languages]
        for topic in topics:
            serving = _serving_shifts(crew.rules, queue, language, topic, spoken_by)
            lacking = {id_ for duty in on_duty if not duty & serving for id_ in duty}
            for id_ in lacking - {id_ for id_, spoken in silent if spoken == language}:
                gaps.setdefault((id_, language), []).append(topic)
    alike: dict[tuple[tuple[str, ...], tuple[Topic, ...]], list[Language]] = {}
    for language in crew.languages:
        shifts = tuple(id_ for id_ in crew.shifts if (id_, language) in gaps)
        missing = {topic for id_ in shifts for topic in gaps[id_, language]}
        if shifts:
            key = (shifts, tuple(topic for topic in topics if topic in missing))
            alike.setdefault(key, []).append(language)
    for (shifts, lacking_topics), languages in alike.items():
        which = "" if len(lacking_topics) == len(topics) else f" ({_listed(lacking_topics)})"
        place.warning(
            f"nobody on duty in shift {_listed(shifts)} can take calls of '{queue.id}'{which} in "
            f"{_listed(languages)} within {crew.rules.target_ms / 1000:g} s; widen the ladder by "
            "then, or teach somebody",
            "W25",
        )


def _serving_shifts(
    rules: Rules,
    queue: QueueRules,
    language: Language,
    topic: Topic,
    spoken_by: Collection[OperatorProfile],
) -> set[str]:
    """The shifts with an operator whom the ladder lets take such a call by the target."""
    routes, with_reserve = routes_by(rules, queue, rules.target_ms)
    found: set[str] = set()
    for operator in spoken_by:
        if (
            operator.shift not in found
            and (with_reserve or not operator.reserve)
            and _is_let_in(rules, operator, routes, language, topic)
        ):
            found.add(operator.shift)
    return found


def who_can_serve(
    rules: Rules, queue: QueueRules, language: Language, topic: Topic
) -> list[OperatorProfile]:
    """Everybody whom the ladder lets take such a call by the target, on duty or not."""
    routes, with_reserve = routes_by(rules, queue, rules.target_ms)
    return [
        operator
        for operator in rules.operators.values()
        if (with_reserve or not operator.reserve)
        and _is_let_in(rules, operator, routes, language, topic)
    ]


Skilled = tuple[OperatorId, int, int]
"""An operator, the level in a language, the level in a topic."""

Routes = tuple[LeastLevel, tuple[tuple[QueueId, LeastLevel], ...]]
"""The least levels of the contact's own topic, and the queues that help with theirs."""


def routes_by(rules: Rules, queue: QueueRules, target_ms: int | None) -> tuple[Routes, bool]:
    """Who is accepted after every step until then (None: ever), and whether the reserve is.

    A condition counts as one that holds when it is needed: nobody free makes the wait long.
    """
    language, topic = queue.least.language, queue.least.topic
    helping: list[tuple[QueueId, LeastLevel]] = []
    with_reserve = has_left = False
    for step in queue.ladder:
        is_late = target_ms is not None and not step.when and not acts_by(step, target_ms)
        if is_late or (has_left and step.at_ms is not None):
            continue
        match step:
            case Widen():
                language = min(language, step.language or language)
                topic = min(topic, topic if step.topic is None else step.topic)
            case OverflowTo(queue=other) if other in rules.queues:
                helping.append((other, rules.queues[other].least))
            case Reserve():
                with_reserve = True
            case Leave(at_ms=at_ms):
                has_left = has_left or at_ms is not None
    return (LeastLevel(language, topic), tuple(helping)), with_reserve


def _is_let_in(
    rules: Rules, operator: OperatorProfile, routes: Routes, language: Language, topic: Topic
) -> bool:
    level = operator.languages.get(language, 0)
    own, helping = routes
    if level >= max(1, own.language) and operator.topics.get(topic, 0) >= own.topic:
        return True
    return any(
        level >= max(1, least.language) and rules.topic_level(operator, Topic(other)) >= least.topic
        for other, least in helping
    )


def _check_reserve(crew: Crew, id_: QueueId) -> None:
    """A step that brings in the reserve needs somebody in it who may take these calls."""
    steps = [each for each in crew.queues.ladders[id_] if isinstance(each.step, Reserve)]
    if not steps or any(True for _ in _reserve_of(crew, id_)):
        return
    steps[0].node.warning(
        f"no operator with 'reserve: true' may take calls of '{id_}'; mark one in operators.yaml, "
        "or remove the step",
        "W25",
    )


def _reserve_of(crew: Crew, id_: QueueId) -> Iterable[OperatorId]:
    """The reserve operators whom the ladder of a queue lets take one of its calls, ever."""
    rules = crew.rules
    topics = [topic for topic, owner in rules.topics.items() if owner == id_]
    routes, with_reserve = routes_by(rules, rules.queues[id_], None)
    reserve = [operator for operator in rules.operators.values() if operator.reserve]
    for operator in reserve if with_reserve else ():
        if any(
            _is_let_in(rules, operator, routes, language, topic)
            for language in operator.languages
            for topic in topics
        ):
            yield operator.id


def _check_reserve_is_used(crew: Crew) -> None:
    """Whoever is in reserve and no ladder brings in never has a call."""
    used = {operator for id_ in crew.rules.queues for operator in _reserve_of(crew, id_)}
    for id_, operator in crew.rules.operators.items():
        if operator.reserve and id_ not in used:
            message = "no ladder brings this operator in; add '{at: 10s, do: reserve}' to a queue"
            crew.operator_places[id_].warning(f"{message}, or remove 'reserve:'", "W25")


def _check_callbacks(crew: Crew, id_: QueueId) -> None:
    """A callback is dialled to the numbers of service.yaml only, and not in the quiet hours."""
    offers = [each for each in crew.queues.ladders[id_] if isinstance(each.step, OfferCallback)]
    if not offers:
        return
    if not crew.callbacks.numbers:
        offers[0].node.warning(
            "service.yaml allows no number to be dialled, so that nobody can be called back; add "
            "'callbacks: {numbers: [\"+77XXXXXXXXX\"]}' there",
            "W25",
        )
    begins, ends = crew.callbacks.quiet or (0, 0)
    quiet_ms = (ends - begins) % _DAY * 60_000
    rules = crew.rules.queues[id_].callback
    if rules is not None and quiet_ms >= rules.max_age_ms:
        offers[0].node.warning(
            f"a callback accepted when the quiet hours begin is given up before they end; write "
            f"'max_age: {quiet_ms // 3_600_000 + 3}h' under 'callback:'",
            "W25",
        )


def _skilled(rules: Rules) -> dict[QueueId, list[Skilled]]:
    """Who can take which queue's calls: once for each language and topic they have for it."""
    found: dict[QueueId, list[Skilled]] = {}
    for operator in rules.operators.values():
        for topic, level in operator.topics.items() if not operator.reserve else ():
            rows = found.setdefault(rules.topics[topic], [])
            rows += [(operator.id, spoken, level) for spoken in operator.languages.values()]
    return found


def _check_hold_back(queue: QueueRules, place: Node, skilled: Iterable[Skilled]) -> None:
    """Operators who could take a call and get it late, only because it waits on (W25)."""
    waits = {
        (language, topic): held_back_ms(queue, language, topic)
        for language in range(1, 6)
        for topic in range(1, 6)
    }
    able: set[OperatorId] = set()
    held: dict[OperatorId, int] = {}
    pairs, points = 0, 0.0
    for id_, spoken, level in skilled:
        wait = waits[spoken, level]
        if wait is None:
            continue
        able.add(id_)
        pairs, points = pairs + 1, points + hold_back_points(wait)
        if wait:
            held[id_] = max(wait, held.get(id_, 0))
    cost = points / pairs / HELD_SHARE if pairs else 0.0
    if cost < POINTS_MIN:
        return
    groups = Counter(held.values()).most_common(_NAMED_MAX)
    waits_in_words = _listed([f"{count} for {wait / 1000:g} s" for wait, count in groups])
    place.warning(
        f"{len(held)} of {len(able)} operators who know topics of '{queue.id}' are held back "
        f"({waits_in_words}): costs about {cost:.1f} points of answered-in-30-s; lower "
        "'least_level:' to what the ladder accepts anyway, unless their calls take more than 1.2 "
        "times as long",
        "W25",
    )


def held_back_ms(queue: QueueRules, language: int, topic: int) -> int | None:
    """When the ladder accepts these levels: 0 at once, None never or on a condition alone."""
    least = queue.least
    if language >= least.language and topic >= least.topic:
        return 0
    lowest = [least.language, least.topic]
    for step in queue.ladder:
        if step.at_ms is None or (isinstance(step, Leave)):
            return None
        if isinstance(step, Widen):
            lowest[0] = min(lowest[0], step.language or lowest[0])
            lowest[1] = min(lowest[1], lowest[1] if step.topic is None else step.topic)
            if language >= lowest[0] and topic >= lowest[1]:
                return int(step.at_ms)
    return None


def hold_back_points(held_ms: int) -> float:
    """The cost of holding back two thirds of those who could take a call, at most as at 30 s."""
    seconds = held_ms / 1000
    for (before, low), (after, high) in pairwise(HOLD_BACK):
        if seconds <= after:
            return low + (high - low) * (seconds - before) / (after - before)
    return HOLD_BACK[-1][1]


def _listed(names: Collection[str]) -> str:
    """The first few, and how many more."""
    shown = list(names)[:_NAMED_MAX]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
