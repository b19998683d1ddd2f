"""Reads a scenario: how calls come, what they are about, and how people behave.

The shipped one is `weekday.yaml` beside this file; it says where each number is from.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from acd.problems import Problems
from acd.settings_entries import check_schema
from acd.yaml_source import Fields, Node, read_yaml

SHIPPED: Final = Path(__file__).resolve().parent / "weekday.yaml"
DAYS: Final = ("weekday", "weekend", "night")
HOURS: Final = 24
DAY_MS: Final = 86_400_000
WEIGHT_MAX: Final = 1_000_000
CALLS_MAX: Final = 10_000_000
SUM_SLACK: Final = 0.0005


class Spread(NamedTuple):
    """A lognormal time by its mean and standard deviation."""

    mean_ms: int
    sd_ms: int


@dataclass(frozen=True, slots=True)
class Day:
    """So many calls, and the weight of each hour of the day they come in.

    `begins` is the first hour, so that a night is one stretch of time.
    """

    calls: int
    begins: int
    hours: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ringing:
    """From the offer to the operator's answer; `back_after_ms`: ready again after no answer."""

    answer: Spread
    no_answer: float = 0.0
    back_after_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class Redial:
    """This share of those who gave up call again, after a time that is exponential."""

    share: float
    after_ms: int


@dataclass(frozen=True, slots=True)
class CallbackTaking:
    """The share who take a callback when it is offered, and the share who are then reached."""

    accept: float
    reached: float


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What people do beside talking and hanging up; as it stands here: nothing."""

    menu: Spread | None = None
    ringing: Ringing | None = None
    whisper_ms: int = 0
    redial: Redial | None = None
    callback: CallbackTaking | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole scenario. Shares add up to 1; `patience` is a mixture of (share, mean)."""

    days: Mapping[str, Day]
    languages: Mapping[str, float]
    topics: Mapping[str, float]
    handle: Spread
    handle_by_topic: Mapping[str, Spread]
    patience: tuple[tuple[float, int], ...]
    behaviour: Behaviour


def load_scenario(
    path: Path, problems: Problems, languages: Collection[str], topics: Collection[str]
) -> Scenario | None:
    """The scenario of a file, or None when the problems say why not.

    The shipped one has a share for what the sample settings have; of other settings it takes
    what they have, and deals evenly what nothing is known of.
    """
    root = read_yaml(path, problems)
    if root is None:
        return None
    is_shipped = path.resolve() == SHIPPED
    known = (None, None) if is_shipped else (languages, topics)
    scenario = _scenario(root, *known)
    if scenario is None or problems.has_errors:
        return None
    if not is_shipped:
        return scenario
    return Scenario(
        days=scenario.days,
        languages=_only(scenario.languages, languages),
        topics=_only(scenario.topics, topics),
        handle=scenario.handle,
        handle_by_topic=scenario.handle_by_topic,
        patience=scenario.patience,
        behaviour=scenario.behaviour,
    )


def _only(shares: Mapping[str, float], known: Collection[str]) -> dict[str, float]:
    kept = {name: share for name, share in shares.items() if name in known}
    if not kept:
        return {name: 1 / len(known) for name in known}
    total = sum(kept.values())
    return {name: share / total for name, share in kept.items()}


def _scenario(
    root: Node, languages: Collection[str] | None, topics: Collection[str] | None
) -> Scenario | None:
    fields = root.fields(
        required=["schema", "days", "languages", "topics", "handle", "patience"],
        optional=["menu", "ring", "whisper", "redial", "callback"],
    )
    if fields is None:
        return None
    check_schema(fields)
    days = fields.read("days", lambda node: node.mapping_of(_day_name, _day))
    spoken = fields.read("languages", partial(_shares, languages))
    asked = fields.read("topics", partial(_shares, topics))
    handle = fields.read("handle", partial(_handle, topics))
    patience = fields.read("patience", _patience)
    behaviour = Behaviour(
        menu=fields.read("menu", _spread),
        ringing=fields.read("ring", _ringing),
        whisper_ms=fields.read("whisper", lambda node: node.duration_ms(0, 5000), 0),
        redial=fields.read("redial", _redial),
        callback=fields.read("callback", _callback),
    )
    if not days or not spoken or not asked or handle is None or not patience:
        return None
    return Scenario(days, spoken, asked, handle[0], handle[1], patience, behaviour)


def _day_name(node: Node) -> str | None:
    return node.choice(DAYS)


def _day(node: Node) -> Day | None:
    fields = node.fields(required=["calls", "hours"], optional=["begins"])
    if fields is None:
        return None
    calls = fields.read("calls", lambda one: one.integer(1, CALLS_MAX))
    begins = fields.read("begins", lambda one: one.integer(0, HOURS - 1), 0)
    listed = fields.get("hours")
    if listed is None or calls is None:
        return None
    hours = listed.list_of(lambda one: one.integer(0, WEIGHT_MAX)) or []
    if listed.items is not None and not 1 <= len(listed.items) <= HOURS:
        listed.error(f"{len(hours)} hours stand here; write one weight for each hour, at most 24")
        return None
    if not sum(hours):
        listed.error("no hour has any calls; write weights, as in [2, 3, 5]")
        return None
    return Day(calls, begins, tuple(hours))


def _shares(known: Collection[str] | None, node: Node) -> dict[str, float] | None:
    def name(key: Node) -> str | None:
        return key.name() if known is None else key.choice(list(known), "E04")

    shares = node.mapping_of(name, Node.percent)
    if shares is None or node.entries is None or len(shares) < len(node.entries):
        return None
    return shares if _is_whole(node, list(shares.values())) else None


def _is_whole(node: Node, shares: list[float]) -> bool:
    total = sum(shares)
    if abs(total - 1) > SUM_SLACK:
        node.error(f"the shares add up to {total * 100:g}%; make it 100%")
        return False
    return True


def _positive(node: Node) -> int | None:
    return node.duration_ms(1, DAY_MS)


def _pair(fields: Fields) -> Spread | None:
    mean = fields.read("mean", _positive)
    sd = fields.read("sd", lambda one: one.duration_ms(0, DAY_MS), 0)
    return None if mean is None else Spread(mean, sd)


def _spread(node: Node) -> Spread | None:
    fields = node.fields(required=["mean"], optional=["sd"])
    return None if fields is None else _pair(fields)


def _handle(known: Collection[str] | None, node: Node) -> tuple[Spread, dict[str, Spread]] | None:
    def name(key: Node) -> str | None:
        return key.name() if known is None else key.choice(list(known), "E04")

    fields = node.fields(required=["mean"], optional=["sd", "topics"])
    usual = None if fields is None else _pair(fields)
    if fields is None or usual is None:
        return None
    return usual, fields.read("topics", lambda one: one.mapping_of(name, _spread)) or {}


def _patience(node: Node) -> tuple[tuple[float, int], ...] | None:
    parts = node.list_of(_part)
    if parts is None or node.items is None or len(parts) < len(node.items):
        return None
    return tuple(parts) if _is_whole(node, [share for share, _ in parts]) else None


def _part(node: Node) -> tuple[float, int] | None:
    return _share_and_time(node, "share", "mean")


def _share_and_time(node: Node, share_key: str, time_key: str) -> tuple[float, int] | None:
    fields = node.fields(required=[share_key, time_key])
    if fields is None:
        return None
    share, time = fields.read(share_key, Node.percent), fields.read(time_key, _positive)
    return None if share is None or time is None else (share, time)


def _redial(node: Node) -> Redial | None:
    found = _share_and_time(node, "share", "after")
    return None if found is None else Redial(*found)


def _callback(node: Node) -> CallbackTaking | None:
    fields = node.fields(required=["accept", "reached"])
    if fields is None:
        return None
    accept, reached = fields.read("accept", Node.percent), fields.read("reached", Node.percent)
    return None if accept is None or reached is None else CallbackTaking(accept, reached)


def _ringing(node: Node) -> Ringing | None:
    fields = node.fields(required=["mean"], optional=["sd", "no_answer", "back_after"])
    answer = None if fields is None else _pair(fields)
    if fields is None or answer is None:
        return None
    return Ringing(
        answer,
        fields.read("no_answer", Node.percent, 0.0),
        fields.read("back_after", _positive, 60_000),
    )
