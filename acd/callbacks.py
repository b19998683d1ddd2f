"""Citizens who are called back: who asked for it, what became of each call, what is on record.

The router decides when and for which operator (`acd.core.callbacks`). This knows the numbers, has
them dialled, and keeps one row for each callback, so that a restart forgets nobody.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from acd import views
from acd.api import Request, RequestError, text_of
from acd.call_record import Call
from acd.calls import CallBook
from acd.clock import Clock
from acd.core.callbacks import callback_id
from acd.core.commands import CallbackGivenUp, CancelOffer, Command, DialCallback
from acd.core.contacts import Contact, Stage
from acd.core.events import (
    CallbackAccepted,
    CallbackCancelled,
    CallbackFailed,
    CallbackRestored,
    Connected,
    ContactFound,
    ContactQueued,
    Event,
)
from acd.core.names import ContactId, Millis, OperatorId
from acd.core.router import Router
from acd.dialler import AmiError, channel_of, new_ticket
from acd.listeners import Link, Message
from acd.loop import Loop
from acd.settings import Callbacks as Allowed
from acd.store import CallbackRow

log = logging.getLogger(__name__)

KEY_DIGITS = 10
"""A number is known by its last digits, however it is written: +7 701.., 8 701.., 701.."""


class Dials(Protocol):
    """Has Asterisk call the number of a ticket; AmiError when it does not take it."""

    async def dial(self, ticket: str, ring_ms: Millis) -> None:
        """Returns when the call is on its way."""


def key_of(number: str) -> str:
    """What stands for a number."""
    return "".join(each for each in number if each.isdigit())[-KEY_DIGITS:]


class Callbacks:
    """All open callbacks. `allowed` says whom we may call, `keep` puts a row on record."""

    def __init__(
        self,
        router: Router,
        book: CallBook,
        loop: Loop,
        clock: Clock,
        dialler: Dials,
        *,
        zone: ZoneInfo,
        allowed: Callable[[], Allowed],
        keep: Callable[[CallbackRow], None],
        link: Callable[[], Link | None],
    ) -> None:
        self._router = router
        self._book = book
        self._loop = loop
        self._clock = clock
        self._dialler = dialler
        self._zone = zone
        self._allowed = allowed
        self._keep = keep
        self._link = link
        self._rows: dict[ContactId, CallbackRow] = {}
        self._tickets: dict[ContactId, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def rows(self) -> list[CallbackRow]:
        """The callbacks nothing has come of yet, and those in conversation."""
        return list(self._rows.values())

    @property
    def are_possible(self) -> bool:
        """Whether anybody may be called at all."""
        return bool(self._allowed().numbers)

    def dialable(self, number: str) -> str | None:
        """The number as it is to be dialled, None when it must not be."""
        allowed = self._allowed()
        return next((each for each in (number, f"+{number}") if allowed.allows(each)), None)

    # Taken by a caller

    async def accept(self, contact: ContactId, number: str) -> bool:
        """A waiting caller has confirmed the number; False when they are to stay on the line."""
        before, call = self._router.contact(contact), self._book.get(contact)
        if before is None or call is None:
            return False
        row = self._row(callback_id(contact), call.id, number, before)
        self._rows[row.contact] = row  # the router may want it dialled at once
        await self._loop.settle(CallbackAccepted(contact, row.key))
        self._keep_if_open(row.contact)
        return self._router.contact(contact) is None  # else an operator has answered meanwhile

    async def book(self, queued: ContactQueued, number: str) -> bool:
        """A caller in the menu wants to be called back; False when that cannot be."""
        call, new = self._book.get(queued.contact), callback_id(queued.contact)
        key = key_of(number)
        if call is None or self.dialable(number) is None:
            return False
        if self._router.callback(key) is not None:
            return True  # already promised, with an earlier place
        queued = replace(queued, contact=new)
        self._rows[new] = self._row(new, call.id, number, queued)
        self._book.calls_back(new, call)
        await self._loop.settle(CallbackRestored(queued, key, 0, queued.queued_at))
        return self._keep_if_open(new)

    def _keep_if_open(self, new: ContactId) -> bool:
        """On record with what has happened already; or forgotten, the router not having it."""
        if self._router.contact(new) is not None:
            self._keep(self._rows[new])
            return True
        self._rows.pop(new, None)
        self._book.called_back(new)
        return False

    def _row(
        self, new: ContactId, call: str, number: str, contact: Contact | ContactQueued
    ) -> CallbackRow:
        return CallbackRow(
            contact=new,
            call=ContactId(call),
            key=key_of(number),
            number=self.dialable(number) or number,
            queue=contact.queue,
            topic=contact.topic,
            language=contact.language,
            queued_at=contact.queued_at,
            priority_ms=(
                contact.own_priority_ms if isinstance(contact, Contact) else contact.priority_ms
            ),
            accepted_at=self._clock(),
        )

    # After a restart

    def restore(self, rows: Iterable[CallbackRow], call_of: Callable[[ContactId], Call]) -> None:
        """Those on record; whom an operator talked to last may still be in that conversation."""
        for row in rows:
            if row.closed not in (None, "answered"):
                continue
            self._book.calls_back(row.contact, call_of(row.call))
            if row.closed is None:
                self._rows[row.contact] = row
                queued = ContactQueued(
                    contact=row.contact,
                    queue=row.queue,
                    topic=row.topic,
                    language=row.language,
                    queued_at=row.queued_at,
                    priority_ms=row.priority_ms,
                )
                self._loop.post(CallbackRestored(queued, row.key, row.tries, row.not_before))

    # Cancelled by hand

    async def cancel(self, id_: str) -> CallbackRow | None:
        """By the id of the callback or of its call; None when it is not open."""
        row = self._rows.get(ContactId(id_)) or self._rows.get(callback_id(ContactId(id_)))
        if row is None or row.closed is not None:
            return None
        await self._loop.settle(CallbackCancelled(row.contact))
        return row if row.contact not in self._rows else None

    # From the router

    def observe(self, event: Event, commands: list[Command]) -> None:
        """What became of a callback, and what is to be done for one."""
        for command in commands:
            if isinstance(command, DialCallback):
                self._dial(command)
            elif isinstance(command, CancelOffer):
                self._stop_dialling(command.contact)
            elif isinstance(command, CallbackGivenUp) and command.contact in self._rows:
                row = self._rows[command.contact]
                self._rows[command.contact] = replace(row, tries=command.tries)
        about = {ContactId(getattr(event, "contact", ""))}
        about |= {ContactId(getattr(command, "contact", "")) for command in commands}
        for contact in about & self._rows.keys():
            self._follow(contact, event)

    def _follow(self, id_: ContactId, event: Event) -> None:
        """Bring the row in line with the contact."""
        before, contact = self._rows[id_], self._router.contact(id_)
        row = before
        if isinstance(event, CallbackFailed) and event.contact == id_:
            row = replace(row, last=event.why)
        if contact is None:
            row = replace(row, closed=row.closed or _how_closed(event))
        elif isinstance(event, Connected | ContactFound) and event.contact == id_:
            row = replace(row, closed="answered")
        if contact is not None and contact.callback is not None:
            callback = contact.callback
            row = replace(row, tries=callback.tries, not_before=callback.not_before)
        if row.closed is not None and row.closed_at is None:
            row = replace(row, closed_at=self._clock())
        if row != before:
            self._rows[id_] = row
            self._keep(row)
        if contact is None:
            del self._rows[id_]
            self._tickets.pop(id_, None)
            self._book.called_back(id_)

    def _dial(self, command: DialCallback) -> None:
        row, link = self._rows.get(command.contact), self._link()
        allowed = row is not None and self._allowed().allows(row.number)
        if row is None or link is None or not allowed:
            self._loop.post(CallbackFailed(command.contact, "failed"))
            return
        ticket = self._tickets[row.contact] = new_ticket()
        known = (row.contact, row.number, row.language, row.topic, row.priority_ms // 1000)
        value = "|".join(map(str, (*known, row.queued_at, -(-command.ring_ms // 1000))))
        set_ = link.post("Setvar", Variable=f"ACD_CB_{ticket}", Value=value)
        self._spawn(self._have_dialled(row.contact, ticket, command.ring_ms, set_))

    async def _have_dialled(
        self,
        contact: ContactId,
        ticket: str,
        ring_ms: Millis,
        set_: "asyncio.Task[Message | None]",
    ) -> None:
        """Not before the number is behind the ticket: the two logins know nothing of each other."""
        try:
            if await set_ is None:
                raise AmiError("Asterisk did not take the number")
            if self._tickets.get(contact) == ticket:  # not called off meanwhile
                await self._dialler.dial(ticket, ring_ms)
        except AmiError as error:
            log.error("%s cannot be called back: %s", contact, error)
            self._loop.post(CallbackFailed(contact, "failed"))

    def _stop_dialling(self, contact: ContactId) -> None:
        """The operator has gone, or it has rung for too long; who has picked up is not cut off."""
        ticket, link = self._tickets.pop(contact, None), self._link()
        known = self._router.contact(contact)
        is_on_line = known is not None and known.is_live
        if ticket is not None and link is not None and not is_on_line:
            link.post("Setvar", Variable=f"ACD_CB_{ticket}", Value="")
            link.post("Hangup", Channel=channel_of(ticket))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="callback")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # For ops

    async def answer(self, request: Request) -> list[views.Row]:
        """The request `callback`: `action` is `list`, or `cancel` with the `id`."""
        action, id_ = text_of(request, "action", default="list"), text_of(request, "id")
        if action not in ("list", "cancel"):
            raise RequestError("'action' must be list or cancel")
        if action == "cancel" and await self.cancel(id_ or "") is None:
            raise RequestError(
                f"no callback '{id_}' can be cancelled; `acd callback list` shows the open ones"
            )
        now = self._clock()
        rows = sorted(self._rows.values(), key=lambda row: row.queued_at - row.priority_ms)
        return [views.callback_row(row, self.state(row), self._zone, now) for row in rows]

    def state(self, row: CallbackRow) -> tuple[str, OperatorId | None]:
        """What a callback is doing, and for which operator."""
        contact = self._router.contact(row.contact)
        if contact is None:
            return row.closed or "waiting", None
        if contact.stage is Stage.RESTING and contact.callback is not None:
            is_pausing = contact.callback.not_before > self._clock()
            return ("pausing" if is_pausing else "quiet_hours"), None
        return contact.stage.value, contact.operator


def _how_closed(event: Event) -> str:
    match event:
        case CallbackCancelled():
            return "cancelled"
        case CallbackFailed():
            return "given_up"
        case _ if getattr(event, "contact", None) is None:
            return "given_up"  # by time alone
        case _:
            return "hung_up"
