"""Plays a plan with the real router: what callers get of it, beside what the formula says."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from random import Random
from statistics import mean, stdev
from typing import NamedTuple

from acd.core.commands import Decided
from acd.core.queues import OperatorProfile
from acd.settings import Settings, Shift
from acd.sim.calls import Call, Closed
from acd.sim.duty import Calendar
from acd.sim.scenario import Behaviour
from acd.sim.world import World

T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's t for 95 %, by degrees of freedom; beyond the last the normal 1.96 is near enough."""


class Count(NamedTuple):
    """Calls offered, and answered in time, by interval."""

    offered: tuple[int, ...]
    in_time: tuple[int, ...]


class Estimate(NamedTuple):
    """A mean over runs and half the width of its 95 % interval; None: nothing to count."""

    value: float | None
    margin: float | None


class _Counter:
    """A watcher that counts by the interval in which a call came."""

    def __init__(self, starts_ms: Sequence[int], target_ms: int) -> None:
        self._starts = starts_ms
        self._target_ms = target_ms
        self.offered = [0] * len(starts_ms)
        self.in_time = [0] * len(starts_ms)

    def closed(self, closed: Closed) -> None:
        at = max(0, bisect_right(self._starts, closed.call.arrival_ms) - 1)
        self.offered[at] += 1
        if closed.outcome == "answered" and closed.wait_ms <= self._target_ms:
            self.in_time[at] += 1

    def happened(self, call: str, at: int, event: str, data: dict[str, object]) -> None:
        """Of no account here."""

    def decided(self, call: str, decided: Decided) -> None:
        """Of no account here."""


def with_plan(
    settings: Settings, shifts: Sequence[Shift], operators: Iterable[OperatorProfile]
) -> Settings:
    """The settings with other shifts and other people."""
    crew = {each.id: each for each in operators}
    return replace(
        settings,
        rules=replace(settings.rules, operators=crew),
        shifts={shift.id: shift for shift in shifts},
    )


def without_absent(settings: Settings, share: float, seed: int) -> Settings:
    """The same week with this share of every shift ill or in training all along."""
    if not share:
        return settings
    rng = Random(f"{seed}:absent")
    there: list[OperatorProfile] = []
    for id_ in settings.shifts:
        crew = [each for each in settings.rules.operators.values() if each.shift == id_]
        kept = len(crew) * (1 - share)
        count = int(kept) + (rng.random() < kept - int(kept))
        chosen = set(rng.sample(range(len(crew)), count))
        there += [each for index, each in enumerate(crew) if index in chosen]
    return with_plan(settings, list(settings.shifts.values()), there)


def play(
    settings: Settings,
    calls: Iterable[Call],
    start: datetime,
    starts_ms: Sequence[int],
    within_ms: int,
    behaviour: Behaviour,
    seed: int,
) -> Count:
    """One run."""
    counter = _Counter(starts_ms, within_ms)
    calendar = Calendar(settings, start)
    World(settings.rules, calendar.events(), counter, behaviour, seed).run(calls)
    return Count(tuple(counter.offered), tuple(counter.in_time))


def estimate(counts: Sequence[Count], rows: Sequence[int]) -> Estimate:
    """The service level over some intervals, run by run, and what the runs say together."""
    shares = []
    for each in counts:
        offered = sum(each.offered[row] for row in rows)
        if offered:
            shares.append(sum(each.in_time[row] for row in rows) / offered)
    return summed_up(shares)


def gain(after: Sequence[Count], before: Sequence[Count]) -> Estimate:
    """What changed, run by run with the same calls."""
    changes = []
    for one, other in zip(after, before, strict=True):
        if sum(one.offered) and sum(other.offered):
            changes.append(
                sum(one.in_time) / sum(one.offered) - sum(other.in_time) / sum(other.offered)
            )
    return summed_up(changes)


def summed_up(values: Sequence[float]) -> Estimate:
    """Mean and half width; one run has no width."""
    if not values:
        return Estimate(None, None)
    if len(values) == 1:
        return Estimate(values[0], None)
    free = len(values) - 1
    factor = T95[free - 1] if free <= len(T95) else 1.96
    return Estimate(mean(values), factor * stdev(values) / math.sqrt(len(values)))


def by_day(starts: Sequence[datetime]) -> Mapping[str, list[int]]:
    """The rows of each date, in order."""
    days: dict[str, list[int]] = {}
    for index, start in enumerate(starts):
        days.setdefault(f"{start:%Y-%m-%d}", []).append(index)
    return days
