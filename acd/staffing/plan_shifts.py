"""The shifts a plan may choose from: hours, weekdays and breaks that people can work. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from acd.settings import Break, Shift
from acd.staffing.plan import DAY_M, HOUR_M, SLOT_M, paid_hours

ALTERNATING = ((0, 2, 4, 6), (1, 3, 5))
"""Two crews take turns day by day, and swap weeks: 3.5 days a week for either."""
LONG_H = 11
"""From this length on the days may alternate, with a free day after each."""
SHORT_H = 8
"""Up to this length half an hour of break is enough."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What shifts are allowed; lengths are hours from coming to leaving, the break included."""

    lengths_h: tuple[int, ...] = (9, 11, 12)
    step_m: int = HOUR_M
    week_h: tuple[float, float] = (33.0, 44.0)
    at_once: float = 0.25
    break_m: int = 60


def candidates(choice: Choice) -> list[Shift]:
    """Every shift of these lengths, at every start, on every pattern of days that gives a week.

    The days are consecutive, from any weekday on, or alternate; as many of them as keep a
    person's paid week within the bounds.
    """
    found = []
    for long in choice.lengths_h:
        for begins in range(0, DAY_M, choice.step_m):
            for days in _patterns(long):
                shift = Shift("", days, begins, (begins + long * HOUR_M) % DAY_M)
                shift = _with_break(shift, long, choice)
                if choice.week_h[0] <= paid_hours(shift) <= choice.week_h[1]:
                    found.append(shift)
    return found


def _patterns(long: int) -> Iterator[tuple[int, ...]]:
    for count in range(1, 7):
        for first in range(7):
            yield tuple(sorted((first + day) % 7 for day in range(count)))
    yield tuple(range(7))
    if long >= LONG_H:
        yield from ALTERNATING


def _with_break(shift: Shift, long: int, choice: Choice) -> Shift:
    """Its waves, one after another, lie around the middle of the shift."""
    break_m = choice.break_m if long > SHORT_H else min(choice.break_m, SLOT_M)
    if not break_m:
        return shift
    taken_m = math.ceil(1 / choice.at_once) * break_m
    after_m = max(0, math.ceil((long * HOUR_M - taken_m) / 2 / choice.step_m) * choice.step_m)
    at = (shift.begins + after_m) % DAY_M
    breaks = (Break(at, break_m * 60_000, choice.at_once),)
    return Shift(shift.id, shift.days, shift.begins, shift.ends, breaks)


def neighbours(shifts: Sequence[Shift], step_m: int) -> list[list[int]]:
    """For each shift those that differ a little in one thing: the start, or the days or length."""
    near: list[list[int]] = []
    for one in shifts:
        long = (one.ends - one.begins) % DAY_M
        found = []
        for index, other in enumerate(shifts):
            apart = (other.begins - one.begins) % DAY_M
            apart = min(apart, DAY_M - apart)
            is_as_long = (other.ends - other.begins) % DAY_M == long
            differ = len(set(one.days) ^ set(other.days))
            if (
                (is_as_long and one.days == other.days and 0 < apart <= 2 * step_m)
                or (is_as_long and not apart and one.days != other.days)
                or (not is_as_long and apart <= step_m and differ <= 1)
            ):
                found.append(index)
        near.append(found)
    return near


def lettered(shifts: Sequence[Shift]) -> list[Shift]:
    """In order of their start, named A, B, ... as in shifts.yaml."""
    ordered = sorted(shifts, key=lambda each: (each.begins, each.ends, each.days))
    return [
        Shift(name_of(index), each.days, each.begins, each.ends, each.breaks)
        for index, each in enumerate(ordered)
    ]


def name_of(index: int) -> str:
    """A to Z, then A2 to Z2, and so on."""
    again, letter = divmod(index, 26)
    return chr(ord("A") + letter) + (str(again + 1) if again else "")
