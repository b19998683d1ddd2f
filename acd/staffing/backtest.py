"""How far a forecast may be out, found by forecasting weeks that are already known.

From several days of the past, a week apart, the weeks that followed are forecast from what was
known then, and compared with what came. That chooses the knobs of `acd.staffing.seasonal`, gives
the bands, and tells whether the method is worth it against two that anybody can do by hand.

The bands are made of roots: `2 * (sqrt(calls) - sqrt(expected))` of calls that come by themselves
has a variance of 1, however many they are; what days differ by on top grows with the expectation
and with the weeks ahead. Its own quantiles, not those of a bell, decide how wide the band is.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple

from acd.staffing.seasonal import (
    QUARTERS,
    Day,
    Knobs,
    Levels,
    fitted,
    levels_of,
    shapes_of,
)

LEARN_DAYS = 14
"""Without two weeks of a weekday its week cannot be told from its level."""
ORIGINS_MAX = 16
BANDS = (0.8, 0.95)
HALF_LIVES = (4.0, 8.0, 16.0, 32.0)
SMOOTHS = (0, 1, 2)
MIXTURES = (0.0, 4.0, 12.0)
CLEARLY = 0.99
"""Knobs are turned only for an error that is lower by 1 %."""
FOLDS = 4
ASSUMED = 0.0625
"""Without a back-test days are taken to differ by 25 % from what is expected of them."""
NORMAL = {0.8: 1.2816, 0.95: 1.96}
_ADD = 0.375
_BINS = 12
_CLIP = 9.0
_RANDOM_LEAST = 0.25


class Miss(NamedTuple):
    """What was expected of a quarter hour or a day, so many weeks ahead, and what came."""

    weeks: int
    expected: float
    came: float

    @property
    def root(self) -> float:
        """The distance in roots."""
        return 2 * (math.sqrt(self.came + _ADD) - math.sqrt(self.expected + _ADD))


class Errors(NamedTuple):
    """Sum of the absolute errors, by the calls that came: of days and of quarter hours."""

    day: float
    quarter: float


@dataclass(frozen=True, slots=True)
class Spread:
    """How far calls lie from what was expected.

    `excess` is by weeks ahead, the last for all that follow, growing; `reach` is for each band the
    lower and the upper quantile.
    """

    random: float
    excess: tuple[float, ...]
    reach: Mapping[float, tuple[float, float]]

    def band(self, expected: float, weeks: int, share: float) -> tuple[float, float]:
        """Between which numbers that share of the calls is to lie, `weeks` (from 1) ahead."""
        centre = math.sqrt(expected + _ADD)
        deviation = self._deviation(expected, weeks)
        low, high = (centre + reach * deviation / 2 for reach in self.reach[share])
        return max(0.0, max(0.0, low) ** 2 - _ADD), max(0.0, high**2 - _ADD)

    def _deviation(self, expected: float, weeks: int) -> float:
        known = len(self.excess)
        excess = self.excess[min(weeks, known) - 1] * max(1.0, weeks / known)
        return math.sqrt(self.random + excess * expected)

    def standard(self, miss: Miss) -> float:
        """A miss in deviations."""
        return miss.root / self._deviation(miss.expected, miss.weeks)


@dataclass(frozen=True, slots=True)
class Backtest:
    """What the past says of a forecast. None where it is too short to say anything."""

    knobs: Knobs
    origins: int
    ours: Errors | None
    same_week_before: Errors | None
    four_weeks_mean: Errors | None
    coverage: Mapping[float, float]
    quarters: Spread
    days: Spread


@dataclass(frozen=True, slots=True)
class _Origin:
    """A day of the past, what was known then, and what came after it."""

    last: date
    levels: Levels
    known: Mapping[date, Day]
    after: Sequence[Day]


def assumed_spread() -> Spread:
    """For when nothing is known."""
    return Spread(1.0, (ASSUMED,), {share: (-NORMAL[share], NORMAL[share]) for share in BANDS})


def backtest(days: Sequence[Day], weeks: int, knobs: Knobs | None = None) -> Backtest:
    """Test the method on days without outages, for forecasts of so many weeks.

    With `knobs` given they are not chosen anew: the topics go by those of the whole.
    """
    origins = _origins(days, weeks)
    if not origins:
        none = assumed_spread()
        return Backtest(knobs or Knobs(), 0, None, None, None, {}, none, none)
    knobs = knobs or _best(origins)
    per_origin = [_misses(origin, _ours(origin, knobs)) for origin in origins]
    by_quarter = [quarters for quarters, _ in per_origin]
    by_day = [whole for _, whole in per_origin]
    return Backtest(
        knobs,
        len(origins),
        _errors(per_origin),
        _errors([_misses(origin, _week_before(origin)) for origin in origins]),
        _errors([_misses(origin, _mean_of_weeks(origin)) for origin in origins]),
        _coverage(by_quarter),
        spread_of(by_quarter),
        spread_of(by_day),
    )


def spread_of(origins: Sequence[Sequence[Miss]]) -> Spread:
    """Fit the spread to the misses from several origins. Quiet quarters say little and are left
    out unless there is nothing else.
    """
    misses = [miss for each in origins for miss in each]
    misses = [miss for miss in misses if miss.expected >= 1] or misses
    if not misses:
        return assumed_spread()
    random = _random([(miss.expected, miss.root**2) for miss in misses])
    by_week: list[float] = []
    for week in range(1, max(miss.weeks for miss in misses) + 1):
        pairs = [(miss.expected, miss.root**2) for miss in misses if miss.weeks == week]
        found = _excess(pairs, random) if pairs else 0.0
        by_week.append(max([found, *by_week[-1:]]))
    spread = Spread(random, tuple(by_week), {})
    standard = sorted(spread.standard(miss) for miss in misses)
    # Few origins have not seen much of what may happen.
    wider = math.sqrt(1 + 1 / len(origins))
    reach = {
        share: (
            wider * min(0.0, _quantile(standard, (1 - share) / 2)),
            wider * max(0.0, _quantile(standard, (1 + share) / 2)),
        )
        for share in BANDS
    }
    return replace(spread, reach=reach)


def _origins(days: Sequence[Day], weeks: int) -> list[_Origin]:
    found: list[_Origin] = []
    for ahead in range(7, len(days) - LEARN_DAYS + 1, 7):
        past, after = days[:-ahead], days[-ahead:][: 7 * weeks]
        if _is_enough(past) and len(found) < ORIGINS_MAX:
            known = {day.date: day for day in past}
            found.append(_Origin(past[-1].date, levels_of(past), known, after))
    return found


def _is_enough(days: Sequence[Day]) -> bool:
    return sum(any(calls is not None for calls in day.calls) for day in days) >= LEARN_DAYS


Expect = Callable[[Day], Sequence[float] | None]


def _ours(origin: _Origin, knobs: Knobs) -> Expect:
    return _model(origin, knobs, shapes_of(origin.levels, knobs))


def _model(origin: _Origin, knobs: Knobs, shapes: Mapping[int, tuple[float, ...]]) -> Expect:
    model = fitted(origin.levels, origin.last, knobs, shapes)
    return lambda day: model.expected(day.date, is_holiday=day.is_holiday)


def _week_before(origin: _Origin) -> Expect:
    """The same time in the last week that is known: what everybody can do by hand."""

    def expect(day: Day) -> list[float] | None:
        weeks = _weeks_before(origin, day, 8)
        return [_first(week[at] for week in weeks) for at in range(QUARTERS)] if weeks else None

    return expect


def _mean_of_weeks(origin: _Origin) -> Expect:
    """The mean of the last four weeks."""

    def expect(day: Day) -> list[float] | None:
        weeks = _weeks_before(origin, day, 4)
        if not weeks:
            return None
        known = [[week[at] for week in weeks if week[at] is not None] for at in range(QUARTERS)]
        return [fmean(calls or 0 for calls in each) if each else 0.0 for each in known]

    return expect


def _weeks_before(origin: _Origin, day: Day, most: int) -> list[tuple[float | None, ...]]:
    at = day.date
    found: list[tuple[float | None, ...]] = []
    while at > origin.last:
        at -= timedelta(days=7)
    for week in range(most):
        known = origin.known.get(at - timedelta(days=7 * week))
        if known is not None and any(calls is not None for calls in known.calls):
            found.append(known.calls)
    return found


def _first(values: Iterable[float | None]) -> float:
    return next((value for value in values if value is not None), 0.0)


def _misses(origin: _Origin, expect: Expect) -> tuple[list[Miss], list[Miss]]:
    """By quarter hour and by day, where it is known what came."""
    quarters: list[Miss] = []
    whole: list[Miss] = []
    for day in origin.after:
        expected = expect(day)
        if expected is None:
            continue
        weeks = ((day.date - origin.last).days + 6) // 7
        found = [
            Miss(weeks, likely, came)
            for likely, came in zip(expected, day.calls, strict=True)
            if came is not None
        ]
        quarters += found
        if 2 * len(found) >= QUARTERS:
            total = sum(miss.expected for miss in found)
            whole.append(Miss(weeks, total, sum(miss.came for miss in found)))
    return quarters, whole


def _errors(origins: Sequence[tuple[Sequence[Miss], Sequence[Miss]]]) -> Errors:
    return Errors(
        _error(miss for _, whole in origins for miss in whole),
        _error(miss for quarters, _ in origins for miss in quarters),
    )


def _error(misses: Iterable[Miss]) -> float:
    out = came = 0.0
    for miss in misses:
        out += abs(miss.came - miss.expected)
        came += miss.came
    return out / came if came else 0.0


def _best(origins: Sequence[_Origin]) -> Knobs:
    """Level and trend by the days, then the shape by the quarter hours."""
    plain = [shapes_of(origin.levels, Knobs()) for origin in origins]

    def day_error(knobs: Knobs) -> float:
        misses = []
        for origin, shapes in zip(origins, plain, strict=True):
            misses += _misses(origin, _model(origin, knobs, shapes))[1]
        return _error(misses)

    def quarter_error(knobs: Knobs) -> float:
        return _error(m for origin in origins for m in _misses(origin, _ours(origin, knobs))[0])

    start = Knobs()
    knobs = _choose(start, [replace(start, half_life=days) for days in HALF_LIVES], day_error)
    knobs = _choose(knobs, [replace(knobs, has_trend=True)], day_error)
    knobs = _choose(knobs, [replace(knobs, smooth=reach) for reach in SMOOTHS], quarter_error)
    return _choose(knobs, [replace(knobs, mixed=mixed) for mixed in MIXTURES], quarter_error)


def _choose(start: Knobs, others: Sequence[Knobs], error: Callable[[Knobs], float]) -> Knobs:
    best, least = start, error(start)
    for knobs in others:
        if knobs != start and (found := error(knobs)) < least * CLEARLY:
            best, least = knobs, found
    return best


def _coverage(origins: Sequence[Sequence[Miss]]) -> dict[float, float]:
    """Which share of the quarter hours lay in bands made without them."""
    inside = dict.fromkeys(BANDS, 0)
    count = 0
    for fold in range(min(FOLDS, len(origins))):
        others = [each for number, each in enumerate(origins) if number % FOLDS != fold]
        if not others:
            return {}
        spread = spread_of(others)
        for miss in (m for each in origins[fold::FOLDS] for m in each if m.expected >= 1):
            count += 1
            for share in BANDS:
                low, high = spread.band(miss.expected, miss.weeks, share)
                inside[share] += low <= miss.came <= high
    return {share: inside[share] / count for share in BANDS} if count else {}


def _random(pairs: Sequence[tuple[float, float]]) -> float:
    """The variance where next to nothing is expected: a line through bins, at its beginning."""
    ordered = sorted(pairs)
    edges = [round(len(ordered) * n / _BINS) for n in range(_BINS + 1)]
    bins = [ordered[a:b] for a, b in pairwise(edges) if b > a]
    points = [(fmean(x for x, _ in each), _clipped([y for _, y in each])) for each in bins]
    x_mean, y_mean = fmean(x for x, _ in points), fmean(y for _, y in points)
    square = sum((x - x_mean) ** 2 for x, _ in points)
    slope = sum((x - x_mean) * (y - y_mean) for x, y in points) / square if square else 0.0
    return max(_RANDOM_LEAST, y_mean - max(0.0, slope) * x_mean)


def _excess(pairs: Sequence[tuple[float, float]], random: float) -> float:
    mean = fmean(x for x, _ in pairs)
    return max(0.0, _clipped([y for _, y in pairs]) - random) / mean if mean else 0.0


def _clipped(squares: Sequence[float]) -> float:
    """The mean of squares, none counted as more than 9 times the usual one."""
    most = _CLIP * max(_RANDOM_LEAST, 2.2 * sorted(squares)[len(squares) // 2])
    return fmean(min(square, most) for square in squares)


def _quantile(ordered: Sequence[float], share: float) -> float:
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)
