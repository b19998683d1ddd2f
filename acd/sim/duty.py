"""Who comes to work when: the shifts of the settings as events, from the start on and for ever."""

import heapq
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from acd.core.events import (
    CallbacksHeld,
    Event,
    HourChanged,
    OperatorLoggedOut,
    OperatorPaused,
    OperatorReady,
    ShiftEnds,
)
from acd.core.names import Millis, OperatorId
from acd.hours import shift_end
from acd.rota import ONE_DAY, Turn, breaks, turns
from acd.settings import Callbacks, Settings, Shift

LEAVES, COMES, ALL = 0, 1, 2
BREAK = "break"


class Duty(NamedTuple):
    """Something that happens by the clock; of those of one moment the lowest rank is first."""

    at: int
    rank: int
    number: int
    events: tuple[Event, ...]


class Calendar:
    """The shifts of these settings, in ms from `start`, which has the centre's time zone."""

    def __init__(self, settings: Settings, start: datetime) -> None:
        self._start = start
        self._start_ms = round(start.timestamp() * 1000)
        self._shifts: Mapping[str, Shift] = settings.shifts
        self._holidays = settings.holidays
        self._callbacks = settings.service.callbacks
        self._crews: dict[str, list[OperatorId]] = {id_: [] for id_ in settings.shifts}
        for operator in settings.rules.operators.values():
            self._crews[operator.shift].append(operator.id)

    def events(self) -> Iterator[Duty]:
        """Everything in order; what began before the start begins with it. Has no end."""
        each = [
            self._shift(number, shift, self._crews[id_])
            for number, (id_, shift) in enumerate(self._shifts.items())
            if self._crews[id_] and shift.days
        ]
        yield from heapq.merge(*each, self._hours(), key=lambda duty: duty[:3])

    def is_anybody_there(self, from_ms: int, until_ms: int) -> bool:
        """Whether any shift with operators is on duty at some moment of a span."""
        for id_, shift in self._shifts.items():
            if not self._crews[id_] or not shift.days:
                continue
            for turn in self._stays(shift):
                if self._ms(turn.begins) > until_ms:
                    break
                if self._ms(turn.ends) > from_ms:
                    return True
        return False

    def moment(self, at_ms: int) -> datetime:
        """The time on the wall."""
        return datetime.fromtimestamp((self._start_ms + at_ms) / 1000, self._start.tzinfo)

    def _ms(self, wall: datetime) -> int:
        """From the time on the wall, whatever the zone does with its hours."""
        return round(wall.replace(tzinfo=self._start.tzinfo).timestamp() * 1000) - self._start_ms

    def _stays(self, shift: Shift) -> Iterator[Turn]:
        for turn in turns(shift, self._start.date() - ONE_DAY, self._holidays):
            if self._ms(turn.ends) > 0:
                yield turn

    def _shift(self, number: int, shift: Shift, crew: list[OperatorId]) -> Iterator[Duty]:
        stays = self._stays(shift)
        turn = next(stays, None)
        goes_on = False
        while turn is not None:
            following = next(stays, None)
            begins = max(self._ms(turn.begins), 0)
            end_ms = shift_end(shift, self.moment(begins), self._holidays)
            until = None if end_ms is None else Millis(end_ms - self._start_ms)
            came: tuple[Event, ...] = tuple(ShiftEnds(operator, until) for operator in crew)
            if not goes_on:
                came = (*(OperatorReady(operator) for operator in crew), *came)
            yield Duty(begins, COMES, number, came)
            yield from self._breaks(number, shift, crew, turn)
            goes_on = following is not None and following.begins == turn.ends
            if not goes_on:
                left = tuple(OperatorLoggedOut(operator) for operator in crew)
                yield Duty(self._ms(turn.ends), LEAVES, number, left)
            turn = following

    def _breaks(self, number: int, shift: Shift, crew: list[OperatorId], turn: Turn) -> list[Duty]:
        begins, ends = max(self._ms(turn.begins), 0), self._ms(turn.ends)
        found: list[Duty] = []
        for away in breaks(shift, turn, crew):
            at, back = max(self._ms(away.begins), begins), self._ms(away.ends)
            if at < back:
                gone = tuple(OperatorPaused(operator, BREAK) for operator in away.operators)
                found.append(Duty(at, ALL, number, gone))
                if back < ends:
                    again = tuple(OperatorReady(operator) for operator in away.operators)
                    found.append(Duty(back, LEAVES, number, again))
        return sorted(found, key=lambda duty: duty[:3])

    def _hours(self) -> Iterator[Duty]:
        """The hour on the wall, and from which minute nobody may be called back."""
        hour, quiet, at = -1, None, 0
        while True:
            local = self.moment(at)
            events: list[Event] = []
            if local.hour != hour:
                hour = local.hour
                events.append(HourChanged(hour))
            is_quiet = self._callbacks.is_quiet(local.hour * 60 + local.minute)
            if is_quiet != quiet:
                quiet = is_quiet
                events.append(CallbacksHeld(is_quiet))
            if events:
                yield Duty(at, ALL, len(self._shifts), tuple(events))
            at += _to_next(local, self._callbacks)


def _to_next(local: datetime, callbacks: Callbacks) -> int:
    """To the next full hour, or the next minute that begins or ends the quiet hours."""
    into_ms = local.second * 1000 + local.microsecond // 1000
    minutes: set[int] = {0, *((edge % 60 for edge in callbacks.quiet) if callbacks.quiet else ())}
    ahead = min((minute - local.minute - 1) % 60 + 1 for minute in minutes)
    return ahead * 60_000 - into_ms
