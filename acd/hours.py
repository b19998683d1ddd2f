"""Tells the router of the hour, whose shift ends when, and when nobody is to be called back."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from acd.clock import Clock
from acd.core.events import CallbacksHeld, Event, HourChanged, ShiftEnds
from acd.core.names import Millis, OperatorId
from acd.core.queues import OperatorProfile
from acd.settings import Callbacks, Shift

MINUTE_MS = 60_000
DAYS_MAX = 8
"""A shift that goes on for so many days without a break has no end that matters."""


class Hours:
    """`post` takes the events; the others give the settings in force."""

    def __init__(
        self,
        clock: Clock,
        zone: ZoneInfo,
        callbacks: Callable[[], Callbacks],
        shifts: Callable[[], Mapping[str, Shift]],
        operators: Callable[[], Mapping[OperatorId, OperatorProfile]],
        post: Callable[[Event], None],
    ) -> None:
        self._clock = clock
        self._zone = zone
        self._callbacks = callbacks
        self._shifts = shifts
        self._operators = operators
        self._post = post
        self._hour: int | None = None
        self._is_quiet: bool | None = None
        self._ends: dict[OperatorId, Millis] = {}

    def look(self) -> None:
        """Tell what is different from the last look; also after a reload."""
        local = datetime.fromtimestamp(self._clock() / 1000, self._zone)
        is_quiet = self._callbacks().is_quiet(local.hour * 60 + local.minute)
        if local.hour != self._hour:
            self._hour = local.hour
            self._post(HourChanged(local.hour))
        if is_quiet != self._is_quiet:
            self._is_quiet = is_quiet
            self._post(CallbacksHeld(is_quiet))
        self._tell_ends(local)

    def _tell_ends(self, now: datetime) -> None:
        """Whose shift ends when. An end that has come stays told: they may work on past it."""
        ends = {id_: shift_end(shift, now) for id_, shift in self._shifts().items()}
        told, self._ends = self._ends, {}
        for operator, profile in self._operators().items():
            end, before = ends.get(profile.shift), told.get(operator)
            if end is None and before is not None and before <= now.timestamp() * 1000:
                end = before
            if end is not None:
                self._ends[operator] = end
            if end != before:
                self._post(ShiftEnds(operator, end))

    async def run(self) -> None:
        """Until cancelled: at each full minute, whatever the zone does with its hours."""
        while True:
            self.look()
            await asyncio.sleep((MINUTE_MS - self._clock() % MINUTE_MS) / 1000)


def shift_end(shift: Shift, now: datetime) -> Millis | None:
    """When the shift ends that is on duty now, in epoch ms; None when it is not on duty.

    Where the next one of its days begins at that very moment it goes on. Hours are those on the
    wall, whatever the zone does with them.
    """
    day, end = now.date() - timedelta(days=1), None
    wall = now.replace(tzinfo=None)
    for _ in range(2 + DAYS_MAX):
        if day.weekday() in shift.days:
            midnight = datetime.combine(day, time())
            begins = midnight + timedelta(minutes=shift.begins)
            ends = midnight + timedelta(minutes=shift.ends)
            if shift.ends <= shift.begins:
                ends += timedelta(days=1)
            if begins == end or begins <= wall < ends:
                end = ends
        day += timedelta(days=1)
    if end is None or end - wall > timedelta(days=DAYS_MAX - 1):
        return None
    return Millis(round(end.replace(tzinfo=now.tzinfo).timestamp() * 1000))
