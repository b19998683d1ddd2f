"""What a week needs, and what shifts give it: the arithmetic of a plan, in whole minutes.

A week is a circle: a shift of Sunday night goes on into Monday morning. Pure: no clock, no I/O.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from acd.settings import Break, Shift

HOUR_M = 60
DAY_M = 24 * HOUR_M
WEEK_M = 7 * DAY_M
SLOT_M = 30
"""Shifts and breaks begin at full or half hours; so do the parts of the week that are compared."""
SLOTS = WEEK_M // SLOT_M
BANDS = ((0.1, 1.0), (0.1, 2.0), (0.8, 4.0))
"""What one operator too few counts: in the first tenth of the need, the second, and the rest. So
a shortage that cannot be helped is spread over the hours instead of leaving one of them empty."""


@dataclass(frozen=True, slots=True)
class Row:
    """One interval of the forecast with what it needs.

    `minute` counts from Monday midnight. `at_phones` answers the calls; `needed` are to be on
    duty, the absent included. `languages`: who of them have to speak each language.
    """

    start: datetime
    minute: int
    length_m: int
    calls: float
    handle_s: float
    patience_s: float
    at_phones: int
    needed: int
    languages: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Need:
    """The most that any interval in each slot of the week needs; 0 where nothing is forecast."""

    total: tuple[int, ...]
    languages: Mapping[str, tuple[int, ...]]


def need_of(rows: Iterable[Row]) -> Need:
    """The need slot by slot. A row may be shorter or longer than a slot."""
    total = [0] * SLOTS
    languages: dict[str, list[int]] = {}
    for row in rows:
        for slot in slots_of(row.minute, row.length_m):
            total[slot] = max(total[slot], row.needed)
            for language, needed in row.languages.items():
                spoken = languages.setdefault(language, [0] * SLOTS)
                spoken[slot] = max(spoken[slot], needed)
    return Need(tuple(total), {name: tuple(each) for name, each in languages.items()})


def slots_of(minute: int, length_m: int) -> Iterator[int]:
    """The slots that a stretch of the week touches."""
    for slot in range(minute // SLOT_M, -(-(minute + length_m) // SLOT_M)):
        yield slot % SLOTS


def length_m(shift: Shift) -> int:
    """Minutes from coming to leaving; the same hour twice is the whole day."""
    return (shift.ends - shift.begins) % DAY_M or DAY_M


def paid_hours(shift: Shift) -> float:
    """A week of one person in it; breaks are not paid."""
    rest_m = sum(each.length_ms / 60_000 for each in shift.breaks)
    return len(shift.days) * (length_m(shift) - rest_m) / HOUR_M


def waves(each: Break, heads: int) -> list[int]:
    """How many of a crew are away in each wave of a break, one wave after another."""
    count = math.ceil(1 / each.at_once) if each.at_once > 0 else heads
    count = min(count, heads)
    return [len(range(wave, heads, count)) for wave in range(count)]


def away(shift: Shift, heads: int) -> Iterator[tuple[int, int, int]]:
    """(minute from the shift's begin, until, how many) of those on their break."""
    for each in shift.breaks:
        first, long = (each.at - shift.begins) % DAY_M, each.length_ms // 60_000
        for wave, gone in enumerate(waves(each, heads)):
            begins = first + wave * long
            until = min(begins + long, length_m(shift))
            if begins < until:
                yield begins, until, gone


def present_by_minute(shift: Shift, heads: int) -> list[int]:
    """How many of so many are at the phones, in every minute of the week."""
    steps = [0] * (2 * WEEK_M + 1)
    for day in shift.days:
        begins = day * DAY_M + shift.begins
        _stretch(steps, begins, begins + length_m(shift), heads)
        for gone_at, back_at, gone in away(shift, heads):
            _stretch(steps, begins + gone_at, begins + back_at, -gone)
    level = list(accumulate(steps))
    return [level[minute] + level[minute + WEEK_M] for minute in range(WEEK_M)]


def _stretch(steps: list[int], begins: int, until: int, count: int) -> None:
    steps[begins] += count
    steps[until] -= count


def present(shift: Shift, heads: int) -> list[int]:
    """How many of so many are at the phones through all of each slot."""
    if not heads:
        return [0] * SLOTS
    minutes = present_by_minute(shift, heads)
    return [min(minutes[at : at + SLOT_M]) for at in range(0, WEEK_M, SLOT_M)]


def added(parts: Iterable[Sequence[int]]) -> list[int]:
    """Slot by slot."""
    return [sum(column) for column in zip([0] * SLOTS, *parts, strict=True)]


def at_row(row: Row, slots: Sequence[int]) -> int:
    """The least of the slots a row touches."""
    return min(slots[slot] for slot in slots_of(row.minute, row.length_m))


def missing_weight(need: float, have: float) -> float:
    """What a shortage counts, in operators, by BANDS."""
    short, weight = max(0.0, need - have), 0.0
    for share, price in BANDS:
        part = min(short, share * need)
        weight += part * price
        short -= part
    return weight
