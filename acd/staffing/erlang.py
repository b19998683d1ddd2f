"""Erlang B, C and A: what becomes of callers when so many calls meet so many operators.

One queue, served in order of arrival; calls come at random at a constant rate, handle times and
patience are exponential. The numbers are those of the steady state, exact, not approximations.

The wait V that is offered to a caller (how long someone of endless patience would wait) is nought
with weight 1 and has the density B lambda exp(phi(s)) at s > 0, where

    phi(s) = lambda g(s) - n mu s,   g(s) = (1 - exp(-theta s)) / theta,

B is Erlang B of n - 1 operators, lambda, mu and theta are the rates of arrivals, of an operator
and of giving up. (Theta 0 gives Erlang C, theta without end Erlang B of n.) Every figure is a
ratio of integrals of this density times something positive, so nothing cancels: the usual closed
forms by incomplete gamma functions lose all digits at light loads and for great patience. The
density has one peak; the integrals are taken piece by piece between its sides, the peak and the
target, by the tanh-sinh rule, which copes with whatever happens at the end of a piece.

Pure: no clock, no I/O. Times are seconds, shares 0 to 1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import NamedTuple

SECONDS_PER_HOUR = 3600.0
DROP_MAX = 60.0
"""Where the density is below exp(-60) of its peak it adds nothing that a double could hold."""
NODES_STEP = 1 / 16
NODES_REACH = 3.25


@dataclass(frozen=True, slots=True)
class Load:
    """Calls, how long they keep an operator (wrap-up included), how long callers wait at most.

    `patience_s` is the mean patience; infinite: nobody gives up.
    """

    calls_per_hour: float
    handle_s: float
    patience_s: float = math.inf

    def __post_init__(self) -> None:
        for name, value in (("calls_per_hour", self.calls_per_hour), ("handle_s", self.handle_s)):
            if not 0 < value < math.inf:
                raise ValueError(f"{name} is {value}; it must be above 0 and finite")
        if not self.patience_s > 0:
            raise ValueError(f"patience_s is {self.patience_s}; it must be above 0")

    @property
    def erlangs(self) -> float:
        """Operators busy on average if nobody gave up."""
        return self.calls_per_hour * self.handle_s / SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Outcome:
    """What callers and operators meet. A wait of None grows without end."""

    operators: int
    service_level: float
    """Answered in time of all offered: who hangs up counts as missed."""
    service_level_answered: float
    """Answered in time of those answered."""
    service_level_without_short: float
    """Answered in time of all but those who hung up within that time."""
    service_level_virtual: float
    """Share for whom an operator would be free in time, if only they waited."""
    wait_probability: float
    asa_s: float | None
    """Mean wait of those answered, who did not wait at all included."""
    mean_wait_s: float | None
    """Mean wait of all callers, who hung up included."""
    abandon_rate: float
    abandoned_in_time: float
    """Share of all offered who hang up within the time of the service level."""
    occupancy: float
    mean_waiting: float | None
    """Callers waiting, on average."""
    best_possible: float
    """The service level that no order of service can beat which does not know how long calls
    take: the oldest caller still in time first, those past it never."""


class _Rates(NamedTuple):
    arrival: float
    departure: float
    """Of all operators together, when all are busy."""
    abandon: float


class _Sums(NamedTuple):
    """Integrals of the density (up to a factor) over a range of offered waits, times ..."""

    one: float = 0.0
    answered: float = 0.0
    """... the share that has not hung up by then"""
    answered_wait: float = 0.0
    """... that share and the wait"""
    wait: float = 0.0
    """... the mean of wait and patience, whichever ends first"""

    def plus(self, other: "_Sums") -> "_Sums":
        return _Sums(*(mine + its for mine, its in zip(self, other, strict=True)))


class _Density(NamedTuple):
    """The integrals up to the target and beyond it, and the weight of no wait, in one scale."""

    none: float
    within: _Sums
    beyond: _Sums


def erlang_b(operators: int, erlangs: float) -> float:
    """The share of calls that find all operators busy when nobody can wait."""
    if operators < 0 or not 0 <= erlangs < math.inf:
        raise ValueError(f"no Erlang B of {operators} operators and {erlangs} Erlang")
    blocked = 1.0
    for count in range(1, operators + 1):
        blocked *= erlangs
        blocked /= count + blocked
    return blocked


def erlang_c(operators: int, erlangs: float) -> float:
    """The share of callers who have to wait when nobody gives up; 1 with too few operators."""
    if operators <= erlangs:
        return 1.0
    blocked = erlang_b(operators, erlangs)
    return blocked / (1 - erlangs / operators * (1 - blocked))


def evaluate(load: Load, operators: int, within_s: float) -> Outcome:
    """What so many operators make of the load; `within_s` is the target of the service levels."""
    if operators < 1:
        raise ValueError(f"{operators} operators; there must be 1 at least")
    if not 0 <= within_s < math.inf:
        raise ValueError(f"within_s is {within_s}; it must be 0 or above and finite")
    rates = _Rates(
        load.calls_per_hour / SECONDS_PER_HOUR, operators / load.handle_s, 1 / load.patience_s
    )
    blocked = erlang_b(operators - 1, load.erlangs)
    best = _best_possible(rates, blocked, within_s)
    if rates.abandon == 0 and rates.arrival >= rates.departure:
        return _endless(operators, best)
    density = (
        _with_patience(rates, blocked, within_s)
        if rates.abandon > 0
        else _without_patience(rates, blocked, within_s)
    )
    return _outcome(load, operators, within_s, density, best)


def _outcome(
    load: Load, operators: int, within_s: float, density: _Density, best: float
) -> Outcome:
    none, within, beyond = density
    waits = within.plus(beyond)
    offered = none + waits.one
    answered = none + waits.answered
    in_time = none + within.answered
    mean_wait = waits.wait / offered
    give_up = 1 / load.patience_s
    hung_up_by_then = -math.expm1(-give_up * within_s) * beyond.one
    abandoned_in_time = (give_up * within.wait + hung_up_by_then) / offered
    late = beyond.one * math.exp(-give_up * within_s)
    abandon_rate = _share(give_up * mean_wait)
    return Outcome(
        operators=operators,
        service_level=_share(in_time / offered),
        service_level_answered=_share(in_time / answered) if answered > 0 else 0.0,
        service_level_without_short=_share(in_time / (in_time + late)) if in_time > 0 else 0.0,
        service_level_virtual=_share((none + within.one) / offered),
        wait_probability=_share(waits.one / offered),
        asa_s=waits.answered_wait / answered if answered > 0 else None,
        mean_wait_s=mean_wait,
        abandon_rate=abandon_rate,
        abandoned_in_time=_share(abandoned_in_time),
        occupancy=_share(load.erlangs / operators * (answered / offered)),
        mean_waiting=load.calls_per_hour / SECONDS_PER_HOUR * mean_wait,
        best_possible=best,
    )


def _endless(operators: int, best: float) -> Outcome:
    """Too few operators, and nobody gives up: the queue grows for ever."""
    return Outcome(
        operators=operators,
        service_level=0.0,
        service_level_answered=0.0,
        service_level_without_short=0.0,
        service_level_virtual=0.0,
        wait_probability=1.0,
        asa_s=None,
        mean_wait_s=None,
        abandon_rate=0.0,
        abandoned_in_time=0.0,
        occupancy=1.0,
        mean_waiting=None,
        best_possible=best,
    )


def _without_patience(rates: _Rates, blocked: float, within_s: float) -> _Density:
    """Erlang C: the density is a plain exponential one."""
    spare = rates.departure - rates.arrival
    scale = blocked * rates.arrival / spare
    late = math.exp(-spare * within_s)
    in_time = -math.expm1(-spare * within_s)
    early_wait = (in_time - spare * within_s * late) / spare
    late_wait = late * (within_s + 1 / spare)
    return _Density(
        1.0,
        _Sums(scale * in_time, scale * in_time, scale * early_wait, scale * early_wait),
        _Sums(scale * late, scale * late, scale * late_wait, scale * late_wait),
    )


def _with_patience(rates: _Rates, blocked: float, within_s: float) -> _Density:
    """Erlang A: the integrals relative to the density's peak, which may be beyond any double."""
    peak_s = max(0.0, math.log(rates.arrival / rates.departure)) / rates.abandon
    steps = rates.departure / rates.abandon
    height = steps * _excess(-peak_s * rates.abandon) if peak_s > 0 else 0.0
    step = 1 / rates.departure
    first = -_reach(lambda distance: _drop(rates, peak_s, -distance), step, peak_s)
    last = _reach(lambda distance: _drop(rates, peak_s, distance), step, math.inf)
    target = within_s - peak_s
    within, beyond = _Sums(), _Sums()
    cuts = sorted({first, 0.0, last} | ({target} if first < target < last else set()))
    for start, end in pairwise(cuts):
        piece = _integrate(rates, peak_s, start, end)
        if end <= target:
            within = within.plus(piece)
        else:
            beyond = beyond.plus(piece)
    scale = blocked * rates.arrival
    return _Density(
        math.exp(-height),
        _Sums(*(scale * each for each in within)),
        _Sums(*(scale * each for each in beyond)),
    )


def _drop(rates: _Rates, peak_s: float, distance_s: float) -> float:
    """How far the logarithm of the density is below its peak, at this distance from it."""
    bend = _excess(rates.abandon * distance_s) / rates.abandon
    if peak_s > 0:
        return rates.departure * bend
    return (rates.departure - rates.arrival) * distance_s + rates.arrival * bend


def _reach(drop: Callable[[float], float], step: float, most: float) -> float:
    """The distance from a peak at which the density is as good as nothing, or the most there is.

    A piece must not be much longer than what is in it, or the points fall beside it.
    """
    low, high = 0.0, min(step, most)
    while drop(high) < DROP_MAX:
        if high >= most:
            return most
        low, high = high, min(2 * high, most)
    while high - low > 1e-3 * high:
        middle = (low + high) / 2
        if drop(middle) < DROP_MAX:
            low = middle
        else:
            high = middle
    return high


def _integrate(rates: _Rates, peak_s: float, start: float, end: float) -> _Sums:
    """The four integrals over one piece; start and end are distances from the peak."""
    width = end - start
    one = answered = answered_wait = wait = 0.0
    for part, weight in _nodes():
        near = part * width
        for distance in (start + near, end - near):
            at_s = max(0.0, peak_s + distance)
            value = weight * math.exp(-_drop(rates, peak_s, distance))
            gone = -math.expm1(-rates.abandon * at_s)
            left = value * (1 - gone)
            one += value
            answered += left
            answered_wait += left * at_s
            wait += value * gone
    wait /= rates.abandon
    return _Sums(one * width, answered * width, answered_wait * width, wait * width)


def _best_possible(rates: _Rates, blocked: float, within_s: float) -> float:
    """The limit for any order of service: as if patience ended at the target at the latest."""
    arrival, departure, abandon = rates
    peak_s = within_s
    if abandon > 0 and arrival > departure:
        peak_s = min(within_s, math.log(arrival / departure) / abandon)
    elif arrival <= departure:
        peak_s = 0.0

    def rise(at_s: float) -> float:
        bend = _excess(abandon * at_s) / abandon if abandon > 0 else 0.0
        return (arrival - departure) * at_s - arrival * bend

    height = rise(peak_s)
    busy = lost = 0.0
    step = 1 / departure
    first = peak_s - _reach(lambda distance: height - rise(peak_s - distance), step, peak_s)
    last = peak_s + _reach(
        lambda distance: height - rise(peak_s + distance), step, within_s - peak_s
    )
    for start, end in ((first, peak_s), (peak_s, last)):
        for part, weight in _nodes() if end > start else ():
            for at_s in (start + part * (end - start), end - part * (end - start)):
                value = weight * (end - start) * math.exp(rise(at_s) - height)
                busy += value
                lost -= value * math.expm1(-abandon * at_s)
    rest = math.exp(rise(within_s) - height) / departure
    scale = blocked * arrival
    return _share(1 - scale * (lost + rest) / (math.exp(-height) + scale * (busy + rest)))


@cache
def _nodes() -> tuple[tuple[float, float], ...]:
    """Tanh-sinh: parts of a piece, counted from its nearer end, with their weights.

    Each stands for two points, one from either end; so the middle has half its weight.
    """
    found = []
    for index in range(int(NODES_REACH / NODES_STEP) + 1):
        at = index * NODES_STEP
        part = 1 / (1 + math.exp(math.pi * math.sinh(at)))
        weight = NODES_STEP * math.pi * math.cosh(at) * part * (1 - part)
        found.append((part, weight if index else weight / 2))
    return tuple(found)


def _excess(value: float) -> float:
    """exp(-value) - 1 + value, to the last digits also near nought."""
    if abs(value) > 0.03:
        return math.expm1(-value) + value
    series = 0.0
    for divisor in (8, 7, 6, 5, 4, 3):
        series = (1 - series) * value / divisor
    return value * value / 2 * (1 - series)


def _share(value: float) -> float:
    """Rounding must not make a share of more than all or less than nothing."""
    return min(1.0, max(0.0, value))
