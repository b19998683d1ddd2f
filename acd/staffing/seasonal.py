"""How many calls come, by quarter hour: level, weekday or holiday, and the shape of the day.

    calls(day, quarter) = level(day) * kind(day) * shape(kind of day, quarter)

Level and kind are fitted in logarithms of the day's calls, by means that Huber's weights keep from
following a single strange day. The level that a forecast begins with is the mean of the last days,
each counting half of the one `half_life` days later; a trend, where it helped, is the median of
all slopes (Theil and Sen) and fades out. The shape of a weekday is that of its days so far, mixed
with the other kinds of day that look alike and smoothed over neighbouring quarters. What of this
helps is found out by `acd.staffing.backtest`.

Pure: days in, expectations out. Quarters are those of the wall clock, 0 to 95.
"""

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations
from statistics import fmean, median

QUARTERS = 96
SUNDAY = 6
HOLIDAY = 7
SILENT_CALLS = 20.0
"""Not one call where so many were expected: nobody counted, rather than that nobody called."""
BUSY_CALLS = 4.0
"""An hour with so many calls is a busy one."""

_HUBER = 1.5
_ROUNDS = 4
_LEVEL_DAYS = 14.0
_KIND_DAYS = 56.0
_SHAPE_DAYS = 56.0
_TREND_DAYS = 56
_FADE = 0.97
_KNOWN_LEAST = 0.5
_ALIKE = 0.1
_SCALE_LEAST = 0.02
_MAD = 1.4826
_SHARE_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Day:
    """The calls of each quarter hour of a local day; None where nobody counted them."""

    date: date
    is_holiday: bool
    calls: tuple[float | None, ...]

    @property
    def kind(self) -> int:
        """Monday is 0; a holiday is a kind of its own."""
        return HOLIDAY if self.is_holiday else self.date.weekday()


@dataclass(frozen=True, slots=True)
class Knobs:
    """What the back-test chooses.

    Half-life of the level in days, whether to follow a trend, how many quarters to each side are
    smoothed over, and how many days of others the shape of a weekday is mixed with.
    """

    half_life: float = 8.0
    has_trend: bool = False
    smooth: int = 1
    mixed: float = 4.0


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted history; `base` is the logarithm of the level on the day `last`."""

    last: date
    base: float
    slope: float
    kinds: Mapping[int, float]
    shapes: Mapping[int, tuple[float, ...]]

    def day_total(self, day: date, *, is_holiday: bool) -> float:
        """The calls expected on a day."""
        ahead = max(0, (day - self.last).days)
        faded = _FADE * (1 - _FADE**ahead) / (1 - _FADE)
        kind = HOLIDAY if is_holiday else day.weekday()
        return max(0.0, math.exp(self.base + self.slope * faded + self.kinds[kind]) - 1)

    def expected(self, day: date, *, is_holiday: bool) -> tuple[float, ...]:
        """The calls expected in each quarter hour of a day."""
        total = self.day_total(day, is_holiday=is_holiday)
        kind = HOLIDAY if is_holiday else day.weekday()
        return tuple(total * share for share in self.shapes[kind])


def without_outages(days: Sequence[Day]) -> list[Day]:
    """The same days; a silence in hours that are busy in other weeks is unknown, not nothing.

    A day is compared with the usual hours of its kind, so that a centre that closes at night, on
    Saturdays or on holidays is not taken for one that is down.
    """
    busy = {kind: _busy_hours([d for d in days if d.kind == kind]) for kind in range(HOLIDAY + 1)}
    cleaned = [list(day.calls) for day in days]
    run: list[tuple[int, int]] = []
    missed = 0.0
    for number, day in enumerate(days):
        for at, calls in enumerate(day.calls):
            if calls:
                if missed >= SILENT_CALLS:
                    _forget(cleaned, run)
                run, missed = [], 0.0
            elif calls is not None and busy[day.kind][at // 4]:
                run.append((number, at))
                missed += busy[day.kind][at // 4] / 4
    if missed >= SILENT_CALLS:
        _forget(cleaned, run)
    return [replace(day, calls=tuple(calls)) for day, calls in zip(days, cleaned, strict=True)]


def _forget(cleaned: list[list[float | None]], run: list[tuple[int, int]]) -> None:
    for number, at in run:
        cleaned[number][at] = None


def _busy_hours(days: Sequence[Day]) -> list[float]:
    """The median over the days of each hour's calls, of which a few outages take no notice.

    0 for hours with few: in a quiet night silence means nothing, however long it is.
    """
    hours = []
    for begin in range(0, QUARTERS, 4):
        known = [day.calls[begin : begin + 4] for day in days]
        sums = [sum(calls or 0 for calls in hour) for hour in known if None not in hour]
        usual = median(sums) if sums else 0.0
        hours.append(usual if usual >= BUSY_CALLS else 0.0)
    return hours


@dataclass(slots=True)
class Levels:
    """Days with enough known of them: their totals, the level about each, weights, kinds."""

    days: list[Day]
    ages: list[int]
    totals: list[float]
    logs: list[float]
    level: list[float]
    weights: list[float]
    kinds: dict[int, float]


def levels_of(days: Sequence[Day]) -> Levels:
    """Take level and kind of day apart. Nothing here depends on the knobs."""
    used, totals = _totals(days)
    logs = [math.log(total + 1) for total in totals]
    last = days[-1].date
    found = Levels(
        used,
        [(last - day.date).days for day in used],
        totals,
        logs,
        [median(logs)] * len(logs),
        [1.0] * len(logs),
        dict.fromkeys(range(HOLIDAY + 1), 0.0),
    )
    for _ in range(_ROUNDS):
        found.kinds = _kinds(found)
        plain = [log - found.kinds[day.kind] for log, day in zip(logs, used, strict=True)]
        found.level = _smooth(plain, found.weights, found.ages)
        found.weights = _huber([a - b for a, b in zip(plain, found.level, strict=True)])
    return found


def fitted(
    levels: Levels, last: date, knobs: Knobs, shapes: Mapping[int, tuple[float, ...]]
) -> Model:
    """The model with these knobs; `shapes` come from `shapes_of`."""
    plain = [
        log - levels.kinds[day.kind] for log, day in zip(levels.logs, levels.days, strict=True)
    ]
    slope = _slope(plain, levels.ages) if knobs.has_trend else 0.0
    weights = [
        trust * 0.5 ** (age / knobs.half_life)
        for trust, age in zip(levels.weights, levels.ages, strict=True)
    ]
    risen = [slope * min(age, _TREND_DAYS) for age in levels.ages]
    base = _weighted([a + b for a, b in zip(plain, risen, strict=True)], weights)
    # The mean of logarithms is not the logarithm of the mean: the sums are made to agree.
    fits = [
        max(0.0, math.exp(base - rise + levels.kinds[day.kind]) - 1)
        for day, rise in zip(levels.days, risen, strict=True)
    ]
    share = _weighted(levels.totals, weights) / max(_SHARE_LEAST, _weighted(fits, weights))
    return Model(last, base + math.log(max(share, _SHARE_LEAST)), slope, levels.kinds, shapes)


def shapes_of(levels: Levels, knobs: Knobs) -> dict[int, tuple[float, ...]]:
    """For each kind of day, which share of its calls comes in each quarter hour."""
    raw: dict[int, list[float]] = {}
    days: dict[int, float] = {}
    for kind in range(HOLIDAY + 1):
        chosen = [
            (day, total, trust * 0.5 ** (age / _SHAPE_DAYS))
            for day, total, trust, age in zip(
                levels.days, levels.totals, levels.weights, levels.ages, strict=True
            )
            if day.kind == kind and total > 0
        ]
        days[kind] = sum(weight for _, _, weight in chosen)
        if chosen:
            raw[kind] = _shares(chosen)
    everything = _mean([(raw[kind], days[kind]) for kind in raw])
    found = {}
    for kind in range(HOLIDAY + 1):
        alike = raw.get(kind) or raw.get(SUNDAY) or everything
        others = [
            (raw[other], days[other]) for other in raw if _distance(alike, raw[other]) < _ALIKE
        ]
        own = days[kind] if kind in raw else 0.0
        mixed = _mean([(alike, own or 1.0), (_mean(others) if others else alike, knobs.mixed)])
        found[kind] = tuple(_neighbours(mixed, knobs.smooth))
    return found


def _totals(days: Sequence[Day]) -> tuple[list[Day], list[float]]:
    """The calls of each day of which at least half is known, as if all of it were."""
    whole = [day for day in days if None not in day.calls] or list(days)
    shape = _mean([([calls or 0.0 for calls in day.calls], 1.0) for day in whole])
    size = sum(shape)
    used, totals = [], []
    for day in days:
        known = [
            (calls, part) for calls, part in zip(day.calls, shape, strict=True) if calls is not None
        ]
        share = sum(part for _, part in known) / size if size else len(known) / QUARTERS
        if share >= _KNOWN_LEAST:
            used.append(day)
            totals.append(sum(calls for calls, _ in known) / share)
    return used, totals


def _kinds(levels: Levels) -> dict[int, float]:
    sums = dict.fromkeys(range(HOLIDAY + 1), 0.0)
    weights = dict.fromkeys(range(HOLIDAY + 1), 0.0)
    parts = zip(levels.days, levels.logs, levels.level, levels.weights, levels.ages, strict=True)
    for day, log, level, trust, age in parts:
        # Holidays are rare: last year's count as much as the latest.
        weight = 1.0 if day.is_holiday else trust * 0.5 ** (age / _KIND_DAYS)
        sums[day.kind] += weight * (log - level)
        weights[day.kind] += weight
    kinds = {kind: sums[kind] / weights[kind] for kind in range(HOLIDAY) if weights[kind]}
    usual = fmean(kinds.values()) if kinds else 0.0
    for kind in range(HOLIDAY):
        kinds.setdefault(kind, usual)
    # As if one Sunday had been seen among the holidays.
    kinds[HOLIDAY] = (sums[HOLIDAY] + kinds[SUNDAY]) / (weights[HOLIDAY] + 1)
    return kinds


def _smooth(values: Sequence[float], weights: Sequence[float], ages: Sequence[int]) -> list[float]:
    """The weighted mean about each day, the weight halved every so many days to both sides."""
    forward = _running(values, weights, ages)
    backward = _running(values[::-1], weights[::-1], ages[::-1])[::-1]
    found = []
    for value, weight, (a, n), (b, m) in zip(values, weights, forward, backward, strict=True):
        found.append((a + b - weight * value) / (n + m - weight))
    return found


def _running(
    values: Sequence[float], weights: Sequence[float], ages: Sequence[int]
) -> list[tuple[float, float]]:
    found = []
    total = count = 0.0
    before = ages[0] if ages else 0
    for value, weight, age in zip(values, weights, ages, strict=True):
        keep = 0.5 ** (abs(age - before) / _LEVEL_DAYS)
        total, count, before = total * keep + weight * value, count * keep + weight, age
        found.append((total, count))
    return found


def _huber(residuals: Sequence[float]) -> list[float]:
    scale = max(_SCALE_LEAST, _MAD * median(abs(each) for each in residuals))
    most = _HUBER * scale
    return [1.0 if abs(each) <= most else most / abs(each) for each in residuals]


def _slope(values: Sequence[float], ages: Sequence[int]) -> float:
    """Per day, the median over all pairs of the last weeks."""
    recent = [(age, value) for age, value in zip(ages, values, strict=True) if age < _TREND_DAYS]
    slopes = [(b - a) / (j - i) for (i, a), (j, b) in combinations(recent, 2) if i != j]
    return -median(slopes) if slopes else 0.0


def _weighted(values: Sequence[float], weights: Sequence[float]) -> float:
    total: float = sum(map(operator.mul, values, weights))
    return total / sum(weights)


def _shares(chosen: Iterable[tuple[Day, float, float]]) -> list[float]:
    calls, whole = [0.0] * QUARTERS, [0.0] * QUARTERS
    for day, total, weight in chosen:
        for at, count in enumerate(day.calls):
            if count is not None:
                calls[at] += weight * count
                whole[at] += weight * total
    shares = [a / b if b else 0.0 for a, b in zip(calls, whole, strict=True)]
    size = sum(shares)
    return [share / size for share in shares] if size else [1 / QUARTERS] * QUARTERS


def _mean(parts: Sequence[tuple[Sequence[float], float]]) -> list[float]:
    size = sum(weight for _, weight in parts)
    if not size:
        return [1 / QUARTERS] * QUARTERS
    return [sum(part[at] * weight for part, weight in parts) / size for at in range(QUARTERS)]


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    """Which share of the calls would have to come in another hour."""
    hours = range(0, QUARTERS, 4)
    return sum(abs(sum(one[at : at + 4]) - sum(other[at : at + 4])) for at in hours) / 2


def _neighbours(shares: Sequence[float], reach: int) -> list[float]:
    """Each share as the mean of its neighbourhood, the nearer the heavier; midnight is no edge."""
    weights = {step: reach + 1 - abs(step) for step in range(-reach, reach + 1)}
    size = sum(weights.values())
    return [
        sum(shares[(at + step) % QUARTERS] * weight for step, weight in weights.items()) / size
        for at in range(QUARTERS)
    ]
