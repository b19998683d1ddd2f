"""Who is on duty when: the shifts, the public holidays, and what was changed by hand for a day.

Everything that asks goes by this: the ends of shifts the router is told, the simulator, the
checks, `acd shift`. Times are those on the wall, whatever the zone does with its hours.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal, NamedTuple

from acd.core.names import Millis, OperatorId
from acd.core.queues import OperatorProfile
from acd.settings import Break, Shift

ONE_DAY = timedelta(days=1)

DAYS_MAX = 8
"""A shift that goes on for so many days without a break has no end that matters."""

How = Literal["roster", "swap", "add"]


@dataclass(frozen=True, slots=True)
class Change:
    """What is different from the roster on these days, both included.

    `absent`: works no turn that begins then. `swap`: works what `other` would, and `other` what
    they would. `add`: works `shift` as well, whatever its days are.
    """

    number: int
    kind: Literal["absent", "swap", "add"]
    operator: OperatorId
    first: date
    last: date
    made_at: Millis
    other: OperatorId | None = None
    shift: str | None = None
    reason: str | None = None

    def concerns(self, operator: OperatorId, day: date) -> bool:
        """Whether it says anything of somebody on a day."""
        return operator in (self.operator, self.other) and self.first <= day <= self.last


class Turn(NamedTuple):
    """A shift on one of its days; `day` is the one on which it begins."""

    shift: str
    day: date
    begins: datetime
    ends: datetime


class Assigned(NamedTuple):
    """Somebody's turn, and how they come to it."""

    operator: OperatorId
    turn: Turn
    how: How


class Away(NamedTuple):
    """Those of a turn who have their break together."""

    begins: datetime
    ends: datetime
    operators: tuple[OperatorId, ...]


def works_on(shift: Shift, day: date, holidays: Collection[date]) -> bool:
    """Whether a turn of the shift begins on this day."""
    if day.weekday() not in shift.days:
        return False
    return shift.holidays == "works" or (day in holidays) == (shift.holidays == "only")


def turn_of(shift: Shift, day: date) -> Turn:
    """The shift as it is on a day it works."""
    midnight = datetime.combine(day, time())
    ends = midnight + timedelta(minutes=shift.ends)
    if shift.ends <= shift.begins:
        ends += ONE_DAY
    return Turn(shift.id, day, midnight + timedelta(minutes=shift.begins), ends)


def turns(shift: Shift, first: date, holidays: Collection[date]) -> Iterator[Turn]:
    """All that begin on this day or later: without end, unless it works on holidays only."""
    last = max(holidays, default=None) if shift.holidays == "only" else date.max
    day = first
    while shift.days and last is not None and day <= last:
        if works_on(shift, day, holidays):
            yield turn_of(shift, day)
        day += ONE_DAY


def breaks(shift: Shift, turn: Turn, crew: Sequence[OperatorId]) -> Iterator[Away]:
    """Who of these has a break when: as many waves, one after another, as the share asks for."""
    for each in shift.breaks:
        first = datetime.combine(turn.day, time()) + timedelta(minutes=each.at)
        if first < turn.begins:
            first += ONE_DAY
        length = timedelta(milliseconds=each.length_ms)
        for wave, operators in enumerate(_waves(each, crew)):
            begins = first + wave * length
            ends = min(begins + length, turn.ends)
            if begins < ends:
                yield Away(begins, ends, tuple(operators))


def _waves(each: Break, crew: Sequence[OperatorId]) -> list[Sequence[OperatorId]]:
    count = math.ceil(1 / each.at_once) if each.at_once > 0 else len(crew)
    count = min(count, len(crew))
    return [crew[wave::count] for wave in range(count)]


def end_of(spans: Iterable[tuple[datetime, datetime]], wall: datetime) -> datetime | None:
    """When somebody with these turns, in order, goes home who is on duty at this moment.

    Where the next turn has begun by the end of one they stay; None: not on duty, or for ever.
    """
    end: datetime | None = None
    for begins, ends in spans:
        if begins <= wall < ends or (end is not None and begins <= end):
            end = ends if end is None else max(end, ends)
    if end is None or end - wall > timedelta(days=DAYS_MAX - 1):
        return None
    return end


class Rota:
    """The roster of one set of settings, with the changes in force, in order of their number."""

    def __init__(
        self,
        shifts: Mapping[str, Shift],
        operators: Mapping[OperatorId, OperatorProfile],
        holidays: Collection[date] = frozenset(),
        changes: Sequence[Change] = (),
    ) -> None:
        self.shifts = shifts
        self.operators = operators
        self.holidays = holidays
        self._changes: dict[OperatorId, list[Change]] = {}
        for change in changes:
            for operator in (change.operator, change.other):
                if operator is not None:
                    self._changes.setdefault(operator, []).append(change)

    def roster_turn(self, operator: OperatorId, day: date) -> Turn | None:
        """What the roster alone has somebody work on a day."""
        profile = self.operators.get(operator)
        shift = None if profile is None else self.shifts.get(profile.shift)
        if shift is None or not works_on(shift, day, self.holidays):
            return None
        return turn_of(shift, day)

    def planned(self, operator: OperatorId, day: date) -> list[Assigned]:
        """The turns that begin on a day, were they not absent; the first begins first."""
        whose, is_swapped = operator, False
        extra: list[Assigned] = []
        for change in self.changes_of(operator, day):
            if change.kind == "swap" and not is_swapped and change.other is not None:
                whose = change.other if operator == change.operator else change.operator
                is_swapped = True
            elif change.kind == "add" and (shift := self.shifts.get(change.shift or "")):
                turn = turn_of(shift, day)
                extra.append(Assigned(operator, turn, "add"))
        own = self.roster_turn(whose, day)
        if own is not None:
            extra.append(Assigned(operator, own, "swap" if is_swapped else "roster"))
        return sorted(extra, key=lambda each: each.turn.begins)

    def changes_of(self, operator: OperatorId, day: date) -> list[Change]:
        """What was changed for somebody on a day."""
        return [each for each in self._changes.get(operator, ()) if each.concerns(operator, day)]

    def absence(self, operator: OperatorId, day: date) -> Change | None:
        """Why somebody does not come on a day."""
        found = (each for each in self.changes_of(operator, day) if each.kind == "absent")
        return next(found, None)

    def turns(self, operator: OperatorId, day: date) -> list[Assigned]:
        """What somebody works that begins on a day."""
        return [] if self.absence(operator, day) else self.planned(operator, day)

    def everybody(self, first: date, last: date) -> Iterator[Assigned]:
        """Everybody's turns that begin on these days, day by day in the order of the roster."""
        for index in range((last - first).days + 1):
            day = first + index * ONE_DAY
            for operator in self.operators:
                yield from self.turns(operator, day)

    def ends(self, now: datetime) -> dict[OperatorId, Millis | None]:
        """When those who are on duty go home, in epoch ms; None for everybody else."""
        wall = now.replace(tzinfo=None)
        first = wall.date() - ONE_DAY
        days = [first + index * ONE_DAY for index in range(2 + DAYS_MAX)]
        usual = {
            id_: end_of((turn[2:] for turn in _on_days(shift, days, self.holidays)), wall)
            for id_, shift in self.shifts.items()
        }
        found: dict[OperatorId, Millis | None] = {}
        for operator, profile in self.operators.items():
            end = usual.get(profile.shift)
            if any(self.changes_of(operator, day) for day in days):
                mine = [each.turn[2:] for day in days for each in self.turns(operator, day)]
                end = end_of(sorted(mine), wall)
            found[operator] = None if end is None else at_ms(end, now)
        return found

    def is_on(self, operator: OperatorId, wall: datetime, early: timedelta) -> bool:
        """Whether somebody may be expected at work: in a turn, or so long before one."""
        days = (wall.date() - ONE_DAY, wall.date(), (wall + early).date())
        return any(
            each.turn.begins - early <= wall < each.turn.ends
            for day in dict.fromkeys(days)
            for each in self.turns(operator, day)
        )


def _on_days(shift: Shift, days: Iterable[date], holidays: Collection[date]) -> Iterator[Turn]:
    for day in days:
        if works_on(shift, day, holidays):
            yield turn_of(shift, day)


def at_ms(wall: datetime, now: datetime) -> Millis:
    """A time on the wall in epoch ms, in the zone of `now`."""
    return Millis(round(wall.replace(tzinfo=now.tzinfo).timestamp() * 1000))
