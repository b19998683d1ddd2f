"""Tells the router of the hour, whose shift ends when, and when nobody is to be called back."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from acd.clock import Clock
from acd.core.events import CallbacksHeld, Event, HourChanged, ShiftEnds
from acd.core.names import Millis, OperatorId
from acd.core.queues import OperatorProfile
from acd.rota import DAYS_MAX, ONE_DAY, Change, Rota, at_ms, end_of, turns
from acd.settings import Callbacks, Shift

MINUTE_MS = 60_000


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
        holidays: Callable[[], Collection[date]] = frozenset,
        changes: Callable[[], Sequence[Change]] = tuple,
    ) -> None:
        self._clock = clock
        self._zone = zone
        self._callbacks = callbacks
        self._shifts = shifts
        self._operators = operators
        self._post = post
        self._holidays = holidays
        self._changes = changes
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
        rota = Rota(self._shifts(), self._operators(), self._holidays(), self._changes())
        told, self._ends = self._ends, {}
        for operator, end in rota.ends(now).items():
            before = told.get(operator)
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


def shift_end(
    shift: Shift, now: datetime, holidays: Collection[date] = frozenset()
) -> Millis | None:
    """When the shift ends that is on duty now, in epoch ms; None when it is not on duty.

    Where the next one of its days begins at that very moment it goes on.
    """
    wall = now.replace(tzinfo=None)
    first = wall.date() - ONE_DAY
    days = islice(turns(shift, first, holidays), 2 + DAYS_MAX)
    end = end_of((turn[2:] for turn in days), wall)
    return None if end is None else at_ms(end, now)
