"""Leaving callers to Asterisk's own queue on purpose: a drill, or a service about to stop.

Both stop the heartbeat and make no new offers. Who waits goes to the fallback queue within
seconds, whose operators are the same; conversations and phones that ring already are seen to
their end here.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from acd.api import Request, RequestError
from acd.asterisk_link import AsteriskLink
from acd.core.contacts import Stage
from acd.core.router import Router

RINGING = (Stage.RINGING, Stage.WHISPER, Stage.DIALLING)
LOOK_S = 0.2
LIMIT_S = 3600


class Takeover:
    """Serves the requests `fallback` and `drain`. `drained` is set when the service may stop."""

    def __init__(self, link: AsteriskLink, router: Router, in_menu: Callable[[], int]) -> None:
        """`in_menu` counts the callers a menu speaks to."""
        self._link = link
        self._router = router
        self._in_menu = in_menu
        self._waiting: asyncio.Task[None] | None = None
        self.drained = asyncio.Event()
        self.wants_restart = False

    @property
    def sentence(self) -> str | None:
        """What ops should know while it lasts."""
        if self._waiting is not None:
            return "the service is being drained: callers go to Asterisk's own queue"
        if self._link.is_left_to_fallback:
            return "the fallback is on: callers go to Asterisk's own queue"
        return None

    async def fallback(self, request: Request) -> Any:
        """`{"on": true|false}` or nothing to ask how it stands."""
        wanted = request.get("on")
        if wanted is not None and not isinstance(wanted, bool):
            raise RequestError("'on' must be true or false")
        if wanted is not None:
            if self._waiting is not None:
                raise RequestError("the service is being drained; it stops when that is done")
            self._link.leave_to_fallback(leave=wanted)
        return {"on": self._link.is_left_to_fallback}

    async def drain(self, request: Request) -> Any:
        """`{"limit_s": 900, "restart": false}`: answers at once with what is still going on."""
        limit_s = request.get("limit_s", 900)
        restart = request.get("restart", False)
        if not isinstance(limit_s, int) or not 1 <= limit_s <= LIMIT_S:
            raise RequestError(f"'limit_s' must be a number from 1 to {LIMIT_S}")
        if not isinstance(restart, bool):
            raise RequestError("'restart' must be true or false")
        if self._waiting is None:
            self.wants_restart = restart
            self._link.leave_to_fallback(leave=True)
            self._waiting = asyncio.get_running_loop().create_task(
                self._drain(limit_s), name="drain"
            )
        return self._left()

    def _left(self) -> dict[str, int]:
        stages = [
            contact.stage
            for contact in self._router.contacts
            if contact.is_live or contact.stage is Stage.DIALLING  # other callbacks wait for us
        ]
        return {
            "talking": sum(stage is Stage.TALKING for stage in stages),
            "ringing": sum(stage in RINGING for stage in stages),
            "waiting": sum(stage is Stage.WAITING for stage in stages),
            "in_menu": self._in_menu(),
        }

    async def _drain(self, limit_s: int) -> None:
        try:
            async with asyncio.timeout(limit_s):
                while any(self._left().values()):  # noqa: ASYNC110 - nobody announces the last
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            pass  # conversations outlive the service; the next run puts them on record
        self.drained.set()
