"""Tells the router of the hour, and when nobody is to be called back."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from acd.clock import Clock
from acd.core.events import CallbacksHeld, Event, HourChanged
from acd.settings import Callbacks

MINUTE_MS = 60_000


class Hours:
    """`post` takes the events; `callbacks` gives the settings in force."""

    def __init__(
        self,
        clock: Clock,
        zone: ZoneInfo,
        callbacks: Callable[[], Callbacks],
        post: Callable[[Event], None],
    ) -> None:
        self._clock = clock
        self._zone = zone
        self._callbacks = callbacks
        self._post = post
        self._hour: int | None = None
        self._is_quiet: bool | None = None

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

    async def run(self) -> None:
        """Until cancelled: at each full minute, whatever the zone does with its hours."""
        while True:
            self.look()
            await asyncio.sleep((MINUTE_MS - self._clock() % MINUTE_MS) / 1000)
