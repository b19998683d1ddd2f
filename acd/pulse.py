"""Notices that the process stood still: stopped, swapped out, or busy with one thing too long.

Whatever this process believed before may be wrong afterwards, and nothing may be done to a call
until Asterisk has been asked: so this is looked at before each event, not only now and then.
"""

import asyncio
from collections.abc import Callable

from acd.clock import monotonic_s

BEAT_S = 0.25
STOOD_STILL_S = 2.0
"""As old as the heartbeat in Asterisk may get before callers leave for the fallback queue."""


class Pulse:
    """`stood_still` is told for how many seconds, once per gap, before anything else happens."""

    def __init__(
        self, stood_still: Callable[[float], None], now: Callable[[], float] = monotonic_s
    ) -> None:
        self._stood_still = stood_still
        self._now = now
        self._last = now()
        self.gaps = 0

    def check(self) -> None:
        """Look how long ago the last look was."""
        now = self._now()
        gap, self._last = now - self._last, now
        if gap > STOOD_STILL_S:
            self.gaps += 1
            self._stood_still(gap)

    async def run(self) -> None:
        """Until cancelled: look often enough that a longer silence means a gap."""
        self._last = self._now()
        while True:
            await asyncio.sleep(BEAT_S)
            self.check()
