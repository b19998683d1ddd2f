"""What `acd staff --plan` plans for: each interval's load and need, with surges and shares."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from acd.cli.common import Arguments, CommandError
from acd.problems import Problems, near_miss
from acd.sim.from_forecast import Expected, mean_handle_s, mean_patience_s
from acd.sim.scenario import SHIPPED, Scenario, load_scenario
from acd.staffing.erlang import Load
from acd.staffing.need import OPERATORS_MAX, Goal, Unreachable, least_operators, scheduled
from acd.staffing.plan import DAY_M, HOUR_M, WEEK_M, Row
from acd.staffing.plan_files import WEEKDAYS

if TYPE_CHECKING:
    from acd.settings import Settings
    from acd.staffing.forecast import Forecast, Interval

LENGTHS_M = (15, 30, 60)
FACTOR_MAX = 100.0
LEAST = 1
"""On duty in every interval of the forecast: the number can be called at any hour."""


@dataclass(frozen=True, slots=True)
class Week:
    """The rows of the forecast, the same for the simulator, and topics by their load."""

    rows: Sequence[Row]
    expected: Sequence[Expected]
    scenario: Scenario
    start: datetime
    loads: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Surge:
    topic: str
    factor: float
    days: frozenset[int]


def week_of(
    arguments: Arguments, settings: "Settings", goals: Sequence[Goal], forecast: "Forecast"
) -> Week:
    """The week, or CommandError with the place of what is wrong."""
    zone = ZoneInfo(settings.service.timezone)
    scenario = _scenario(arguments, settings)
    surges = [_surge(text, scenario) for text in arguments.surge or ()]
    starts = [_local(each.start, zone) for each in forecast.intervals]
    length_m = _length(arguments, forecast, starts)
    midnight = datetime.combine(starts[0].date(), time(), zone)
    rows, expected = [], []
    loads = dict.fromkeys(scenario.topics, 0.0)
    for interval, start in zip(forecast.intervals, starts, strict=True):
        factors = {s.topic: s.factor for s in surges if start.weekday() in s.days}
        weights = {t: share * factors.get(t, 1.0) for t, share in scenario.topics.items()}
        handle_s = interval.handle_s or arguments.handle_s or mean_handle_s(scenario, factors)
        patience_s = interval.patience_s or arguments.patience_s
        calls = interval.calls * sum(weights.values())
        load = (calls * 60 / length_m, handle_s, patience_s or mean_patience_s(scenario))
        place = f"{arguments.forecast}:{interval.line}:1"
        rows.append(_row(arguments, start, length_m, calls, load, goals, scenario, place))
        begins_ms = round((start.replace(tzinfo=zone).timestamp() - midnight.timestamp()) * 1000)
        own_s = interval.handle_s or arguments.handle_s or mean_handle_s(scenario)
        usual = interval.calls
        expected.append(Expected(begins_ms, length_m * 60_000, usual, own_s, patience_s, factors))
        for topic, weight in weights.items():
            loads[topic] += interval.calls * weight * _handle_s(scenario, topic) / 3600
    if not any(row.calls for row in rows):
        raise CommandError(f"{arguments.forecast}: no calls in any interval; there is no plan")
    return Week(rows, expected, scenario, midnight, loads)


def _handle_s(scenario: Scenario, topic: str) -> float:
    return scenario.handle_by_topic.get(topic, scenario.handle).mean_ms / 1000


def _row(
    arguments: Arguments,
    start: datetime,
    length_m: int,
    calls: float,
    load: tuple[float, float, float],
    goals: Sequence[Goal],
    scenario: Scenario,
    place: str,
) -> Row:
    per_hour, handle_s, patience_s = load

    def least(share: float) -> int:
        if per_hour * share <= 0:
            return 0
        part = Load(per_hour * share, handle_s, patience_s)
        return least_operators(part, goals, arguments.within_s).operators

    lost = arguments.shrinkage or 0.0
    try:
        at_phones = max(LEAST, least(1.0))
        spoken = {name: least(share) for name, share in scenario.languages.items()}
    except Unreachable:
        raise CommandError(
            f"{place}: not even {OPERATORS_MAX} operators meet this target with {per_hour:g} calls "
            f"per hour of {handle_s:g} s; check the load"
        ) from None
    minute = start.weekday() * DAY_M + start.hour * HOUR_M + start.minute
    return Row(
        start, minute, length_m, calls, handle_s, patience_s, at_phones,
        scheduled(at_phones, lost), {name: scheduled(n, lost) for name, n in spoken.items()},
    )  # fmt: skip


def _local(start: datetime, zone: ZoneInfo) -> datetime:
    """The time on the wall of the centre."""
    return start if start.tzinfo is None else start.astimezone(zone).replace(tzinfo=None)


def _length(arguments: Arguments, forecast: "Forecast", starts: Sequence[datetime]) -> int:
    """Minutes of an interval, if the rows are of a kind that can be planned for."""
    file = arguments.forecast
    if forecast.minutes not in LENGTHS_M:
        raise CommandError(
            f"{file}: intervals of {forecast.minutes:g} minutes; --plan takes 15, 30 or 60"
        )
    length_m = int(forecast.minutes)
    for interval, start in zip(forecast.intervals, starts, strict=True):
        if (start.hour * HOUR_M + start.minute) % length_m or start.second or start.microsecond:
            raise _bad(file, interval, f"begins at no full {length_m} minutes; move it there")
    span_m = (starts[-1] - starts[0]) / timedelta(minutes=1) + length_m
    if span_m < DAY_M:
        raise CommandError(
            f"{file}: {span_m / HOUR_M:g} hours; a plan needs a day at least, and best a week"
        )
    if span_m > WEEK_M:
        late = next(
            each
            for each, start in zip(forecast.intervals, starts, strict=True)
            if (start - starts[0]) / timedelta(minutes=1) + length_m > WEEK_M
        )
        raise _bad(file, late, "more than a week after the first row; plan one week at a time")
    return length_m


def _bad(file: Path, interval: "Interval", message: str) -> CommandError:
    return CommandError(f"{file}:{interval.line}:1: {message}")


def _scenario(arguments: Arguments, settings: "Settings") -> Scenario:
    problems = Problems()
    is_named = arguments.scenario not in (None, "shipped")
    path = Path(arguments.scenario) if is_named else SHIPPED
    topics = list(settings.rules.topics)
    scenario = load_scenario(path, problems, settings.service.languages, topics)
    if scenario is None:
        raise CommandError(problems.render())
    return scenario


def _surge(text: str, scenario: Scenario) -> _Surge:
    topic, _, rest = text.partition("=")
    number, at, names = rest.partition("@")
    if topic not in scenario.topics:
        hint = near_miss(topic, list(scenario.topics))
        raise CommandError(
            f"--surge {text}: no calls are about '{topic}'{hint}; "
            "write a topic of the scenario, as in osms=2@mon"
        )
    try:
        factor = float(number)
    except ValueError:
        factor = math.nan
    if not 0 <= factor <= FACTOR_MAX:
        raise CommandError(
            f"--surge {text}: '{number}' is no factor from 0 to {FACTOR_MAX:g}; write osms=2@mon"
        )
    days = names.split(",") if at else list(WEEKDAYS)
    wrong = [name for name in days if name not in WEEKDAYS]
    if wrong:
        raise CommandError(f"--surge {text}: '{wrong[0]}' is no day; write {', '.join(WEEKDAYS)}")
    return _Surge(topic, factor, frozenset(WEEKDAYS.index(name) for name in days))
