"""What `acd calls` and `acd call show` ask of the service: live calls and those on record."""

import asyncio
from typing import Any
from zoneinfo import ZoneInfo

from acd import views
from acd.api import Request, RequestError, text_of
from acd.archive import recorded_call, story_of, why_of
from acd.calls import CallBook
from acd.core.names import ContactId, Millis, OperatorId
from acd.core.router import Router
from acd.figures import Figures
from acd.store import Store

FLUSH_S = 1.0
"""How long a question waits for the last lines to be on record."""


class CallRequests:
    """Answers the requests `calls` and `call`."""

    def __init__(
        self, router: Router, book: CallBook, figures: Figures, store: Store, zone: ZoneInfo
    ) -> None:
        self._router = router
        self._book = book
        self._figures = figures
        self._store = store
        self._zone = zone

    async def calls(self, request: Request) -> Any:
        """Today's calls, newest first."""
        limit = request.get("limit", 200)
        if not isinstance(limit, int) or not 1 <= limit <= 100_000:
            raise RequestError("'limit' must be a number from 1 to 100000")
        records = self._store.records
        stored = await asyncio.to_thread(records.recent_calls, self._figures.begins, limit)
        rows = {str(row.id): views.call_row(recorded_call(row), self._zone) for row in stored}
        for call in self._book.live:
            rows[call.id] = views.call_row(call, self._zone)
        return sorted(rows.values(), key=lambda row: str(row["arrived_at"]), reverse=True)[:limit]

    async def call(self, request: Request) -> Any:
        """Everything about one call; `why`: and why an operator was not taken."""
        call = text_of(request, "call") or ""
        why = text_of(request, "why")
        if why is not None and self._router.seat(OperatorId(why)) is None:
            raise RequestError(f"there is no operator '{why}'; `acd operators` lists them")
        live = self._book.get(call)
        if live is not None and why is None:
            return views.call_story(live, self._zone)
        await asyncio.to_thread(self._store.flush, FLUSH_S)
        reason = None
        if why is not None:
            rules, state_at = self._router.rules, self._state_at
            reason = why_of(self._store.records, rules, OperatorId(why), state_at)
        if live is not None:
            return await asyncio.to_thread(views.call_story, live, self._zone, reason)
        story = await asyncio.to_thread(self._store.records.call, ContactId(call))
        if story is None:
            raise RequestError(f"there is no call '{call}'; `acd calls` lists them")
        return await asyncio.to_thread(story_of, story, self._zone, reason)

    def _state_at(self, operator: OperatorId, at: Millis) -> tuple[str, str | None] | None:
        """What an operator was doing then, as far as it is remembered here."""
        seat = self._router.seat(operator)
        word = seat.said(at) if seat is not None else None
        return None if word is None else (word, None)
