"""The request `shift`: who is on duty now and ahead, and changes of the roster for a day."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from acd.api import Request, RequestError, text_of
from acd.clock import Clock
from acd.core.events import Event
from acd.core.names import OperatorId
from acd.core.router import Router
from acd.core.seats import OperatorState, Seat
from acd.hours import Hours
from acd.rota import Change
from acd.settings import Settings
from acd.shift_board import Live, Moment, board
from acd.shift_changes import Kind, ShiftChanges, ShiftError, Wanted

DAYS_MAX = 14
LEAST_MAX = 1000
KINDS = ("absent", "swap", "add")


class ShiftDesk:
    """`settings` gives those in force; `post` takes what the router is told of the clock."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        clock: Clock,
        zone: ZoneInfo,
        router: Router,
        post: Callable[[Event], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._zone = zone
        self._off: tuple[int, tuple[Change, ...], Settings, frozenset[OperatorId]] | None = None
        self._router = router
        self.changes = ShiftChanges(settings().service.folder, clock, zone)
        self.hours = Hours(
            clock,
            zone,
            callbacks=lambda: settings().service.callbacks,
            shifts=lambda: settings().shifts,
            operators=lambda: settings().rules.operators,
            post=post,
            holidays=lambda: settings().holidays,
            changes=lambda: self.changes.active,
        )

    def off(self) -> frozenset[OperatorId]:
        """Those who are not expected at work in this minute; looked up once a minute."""
        settings, changes = self._settings(), tuple(self.changes.active)
        minute = self._clock() // 60_000
        known = self._off
        if known is None or known[:2] != (minute, changes) or known[2] is not settings:
            wall = datetime.fromtimestamp(minute * 60, self._zone).replace(tzinfo=None)
            early = timedelta(milliseconds=settings.service.edges.login_early_ms)
            rota = self.changes.rota(settings)
            off = frozenset(each for each in rota.operators if not rota.is_on(each, wall, early))
            known = self._off = (minute, changes, settings, off)
        return known[3]

    async def answer(self, request: Request) -> Any:
        """`action`: `show` (with `days`, `least`), `changes`, `undo` (`number`), or a change."""
        action = text_of(request, "action", default="show")
        try:
            if action == "show":
                return await self._show(request)
            return self._change(action or "", request)
        except ShiftError as error:
            raise RequestError(str(error)) from error

    async def _show(self, request: Request) -> Any:
        days = _number(request, "days", 1, DAYS_MAX, 1)
        least = _number(request, "least", 1, LEAST_MAX, 1)
        live = {seat.profile.id: _live(seat) for seat in self._router.seats}
        settings = self._settings()
        now = datetime.fromtimestamp(self._clock() / 1000, self._zone)
        moment = Moment(settings, self.changes.rota(settings), now, live)
        # A fortnight of a large roster is a second of work: calls are not to wait for it.
        return await asyncio.to_thread(board, moment, days, least)

    def _change(self, action: str, request: Request) -> Any:
        settings = self._settings()
        if action == "undo":
            number = request.get("number")
            if not isinstance(number, int):
                raise RequestError("'number' must be that of a change; `acd shift changes`")
            self.changes.undo(settings, number)
        elif action in KINDS:
            self.changes.change(settings, wanted_of(request))
        elif action != "changes":
            known = ", ".join(("show", *KINDS, "undo", "changes"))
            raise RequestError(f"'action' must be one of {known}")
        if action != "changes":
            self.hours.look()
        return self.changes.rows()


def wanted_of(request: Request) -> Wanted:
    """The change a request of one of KINDS asks for. Raises RequestError."""
    action = text_of(request, "action")
    kind: Kind = "absent" if action == "absent" else "swap" if action == "swap" else "add"
    return Wanted(
        kind,
        text_of(request, "operator") or "",
        text_of(request, "days") or "",
        text_of(request, "second"),
        text_of(request, "reason"),
    )


def _number(request: Request, key: str, least: int, most: int, default: int) -> int:
    value = request.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise RequestError(f"'{key}' must be a number from {least} to {most}")
    return value


def _live(seat: Seat) -> Live:
    """A seat as the board sees it; who is away was seen until they went."""
    state, reason = seat.state()
    past = list(seat.past)
    seen = next((at for at, word in reversed(past) if word is None), None)
    is_away = state is OperatorState.OFFLINE
    came_before = any(word is not None for _, word in past)
    return Live(state, reason, seat.since, seen if is_away and came_before else None)
