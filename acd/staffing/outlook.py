"""The calls to expect in each quarter hour of the weeks to come, with bands.

From a history by `acd.staffing.seasonal`, from a scenario of the simulator where there is no
history yet, and what-if events on top of either.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from acd.sim.scenario import Day as ScenarioDay
from acd.sim.scenario import Scenario, Spread
from acd.staffing.backtest import Backtest, assumed_spread
from acd.staffing.backtest import Spread as Deviation
from acd.staffing.history import Series
from acd.staffing.seasonal import HOLIDAY, Day, fitted, levels_of, shapes_of

QUARTER_S = 900
SATURDAY = 5


class Band(NamedTuple):
    """Between these lie the calls with a likelihood of 80 %, and of 95 %."""

    low: float
    high: float
    low_95: float
    high_95: float

    def times(self, factor: float) -> "Band":
        """For so many times the calls."""
        return Band(*(each * factor for each in self))


@dataclass(frozen=True, slots=True)
class Quarter:
    """One quarter hour. `patience_s` is all waiting by the number who give up."""

    start: datetime
    calls: float
    handle_s: float | None
    patience_s: float | None
    band: Band


@dataclass(frozen=True, slots=True)
class Whole:
    """One day."""

    day: date
    is_holiday: bool
    calls: float
    band: Band


@dataclass(frozen=True, slots=True)
class Outlook:
    """Quarter hours and days, in order."""

    quarters: tuple[Quarter, ...]
    days: tuple[Whole, ...]


@dataclass(frozen=True, slots=True)
class When:
    """The days to forecast, in the centre's zone."""

    first: date
    days: int
    zone: ZoneInfo
    holidays: Collection[date]

    def quarters(self) -> Iterator[tuple[datetime, date, int, int]]:
        """Start, day, quarter of the wall clock and kind of day of each quarter hour there is.

        On the day the clocks change one hour is there twice, or not at all.
        """
        begin = datetime.combine(self.first, time(), self.zone).timestamp()
        end_day = self.first + timedelta(days=self.days)
        end = datetime.combine(end_day, time(), self.zone).timestamp()
        for at in range(int(begin), int(end), QUARTER_S):
            start = datetime.fromtimestamp(at, self.zone)
            quarter = start.hour * 4 + start.minute // 15
            yield start, start.date(), quarter, self.kind(start.date())

    def kind(self, day: date) -> int:
        """Monday is 0, a holiday a kind of its own."""
        return HOLIDAY if day in self.holidays else day.weekday()


@dataclass(frozen=True, slots=True)
class Event:
    """On the days from first to last so many times the usual calls come, of a topic or of all."""

    first: date
    last: date
    topic: str | None
    factor: float

    def is_on(self, day: date) -> bool:
        """Whether it concerns this day."""
        return self.first <= day <= self.last


def from_history(
    days: Sequence[Day], times: Sequence[Series], test: Backtest, when: When
) -> Outlook:
    """Of the days known so far. Handle time and patience are of the first series that has any."""
    levels = levels_of(days)
    last = days[-1].date
    model = fitted(levels, last, test.knobs, shapes_of(levels, test.knobs))
    expected: dict[date, tuple[float, ...]] = {}
    quarters = []
    for start, day, at, kind in when.quarters():
        if day not in expected:
            expected[day] = model.expected(day, is_holiday=kind == HOLIDAY)
        calls = expected[day][at]
        band = _band(test.quarters, calls, _weeks(last, day))
        handle_s = _first(series.handle_s(kind, at // 4) for series in times)
        patience_s = _first(series.patience_s(kind, at // 4) for series in times)
        quarters.append(Quarter(start, calls, handle_s, patience_s, band))
    return _outlook(quarters, test.days, last, when)


def from_scenario(scenario: Scenario, when: When, topic: str | None = None) -> Outlook:
    """Its `weekday` from Monday to Friday, its `weekend` on all other days; it must have both.

    Bands are assumed, for nobody has counted yet.
    """
    weekday, weekend = (_by_hour(scenario.days[name]) for name in ("weekday", "weekend"))
    share = 1.0 if topic is None else scenario.topics[topic]
    handle_s = _handle_s(scenario, topic)
    patience_s = sum(part * mean for part, mean in scenario.patience) / 1000
    spread = assumed_spread()
    quarters = []
    for start, _, at, kind in when.quarters():
        hourly = weekday if kind < SATURDAY else weekend
        calls = share * hourly.get(at // 4, 0.0) / 4
        quarters.append(Quarter(start, calls, handle_s, patience_s, _band(spread, calls, 1)))
    return _outlook(quarters, spread, when.first - timedelta(days=1), when)


def _by_hour(day: ScenarioDay) -> dict[int, float]:
    """Calls in each hour of the clock that has any."""
    each = day.calls / sum(day.hours)
    return {(day.begins + n) % 24: weight * each for n, weight in enumerate(day.hours)}


def with_events(
    outlook: Outlook, events: Sequence[Event], parts: Mapping[str, Outlook], topic: str | None
) -> Outlook:
    """The outlook of a topic, or of all (None), with the events in it.

    `parts` has the outlooks of the topics that events name. What is uncertain grows with the calls.
    """
    quarters = list(outlook.quarters)
    days = list(outlook.days)
    for event in events:
        if topic is not None and event.topic not in (None, topic):
            continue
        part = None if event.topic in (None, topic) else parts[str(event.topic)]
        for n, quarter in enumerate(quarters):
            if event.is_on(quarter.start.date()):
                usual = quarter if part is None else part.quarters[n]
                quarters[n] = _more(quarter, usual, event.factor)
        for n, day in enumerate(days):
            if event.is_on(day.day):
                extra = (day.calls if part is None else part.days[n].calls) * (event.factor - 1)
                factor = max(0.0, 1 + extra / day.calls) if day.calls else 1.0
                days[n] = replace(day, calls=day.calls * factor, band=day.band.times(factor))
    return Outlook(tuple(quarters), tuple(days))


def made_to_add_up(whole: Outlook, parts: Mapping[str, Outlook]) -> dict[str, Outlook]:
    """The parts, each moved so that together they are the whole in every quarter hour."""
    sums = [math.fsum(part.quarters[n].calls for part in parts.values()) for n in _steps(whole)]
    factors = [
        quarter.calls / found if found else 1.0
        for quarter, found in zip(whole.quarters, sums, strict=True)
    ]
    moved = {}
    for topic, part in parts.items():
        quarters = tuple(
            replace(each, calls=each.calls * factor, band=each.band.times(factor))
            for each, factor in zip(part.quarters, factors, strict=True)
        )
        by_day: dict[date, float] = {}
        for each in quarters:
            day = each.start.date()
            by_day[day] = by_day.get(day, 0.0) + each.calls
        days = tuple(
            replace(
                day,
                calls=by_day[day.day],
                band=day.band.times(by_day[day.day] / day.calls if day.calls else 1.0),
            )
            for day in part.days
        )
        moved[topic] = Outlook(quarters, days)
    return moved


def _first(values: Iterable[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)


def _steps(outlook: Outlook) -> range:
    return range(len(outlook.quarters))


def _more(quarter: Quarter, usual: Quarter, factor: float) -> Quarter:
    """The quarter hour when `usual`, which is part of it, comes so many times."""
    extra = max(-quarter.calls, usual.calls * (factor - 1))
    calls = quarter.calls + extra
    handle_s = quarter.handle_s
    if calls and handle_s is not None and usual.handle_s is not None:
        mixed = (quarter.calls * handle_s + extra * usual.handle_s) / calls
        handle_s = mixed if mixed > 0 else handle_s
    share = calls / quarter.calls if quarter.calls else 1.0
    return replace(quarter, calls=calls, handle_s=handle_s, band=quarter.band.times(share))


def _outlook(quarters: Sequence[Quarter], spread: Deviation, last: date, when: When) -> Outlook:
    totals: dict[date, float] = {}
    for quarter in quarters:
        day = quarter.start.date()
        totals[day] = totals.get(day, 0.0) + quarter.calls
    days = tuple(
        Whole(day, day in when.holidays, calls, _band(spread, calls, _weeks(last, day)))
        for day, calls in totals.items()
    )
    return Outlook(tuple(quarters), days)


def _band(spread: Deviation, calls: float, weeks: int) -> Band:
    return Band(*spread.band(calls, weeks, 0.8), *spread.band(calls, weeks, 0.95))


def _weeks(last: date, day: date) -> int:
    """How many weeks ahead, the first is 1."""
    return max(1, ((day - last).days + 6) // 7)


def _handle_s(scenario: Scenario, topic: str | None) -> float:
    def of(name: str) -> float:
        found: Spread = scenario.handle_by_topic.get(name, scenario.handle)
        return found.mean_ms / 1000

    if topic is not None:
        return of(topic)
    return sum(share * of(name) for name, share in scenario.topics.items())
