"""What happened to a phone, with times, and waiting for it without sleeping."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from .udp import now_ms

EventName = Literal[
    "registered",
    "unregistered",
    "register-failed",
    "qualified",  # we answered an OPTIONS
    "dialled",
    "trying",
    "ringing",  # we ring, or the other side does
    "early-media",
    "invited",
    "answered",  # our 200 left, or the other side's came
    "acked",
    "ack-missing",
    "rejected",  # we said no
    "failed",  # the other side said no, or nothing; the detail has the code
    "cancelled",  # by either side, before an answer
    "re-invited",
    "bye-sent",
    "bye-received",
    "ended",  # always the last event of a call
    "vanished",
    "garbage",
]


class PhoneTimeout(AssertionError):
    """What a test waited for did not happen; the message has the phone's log."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a phone's log."""

    at_ms: int
    name: EventName
    call_id: str = ""
    detail: str = ""


class EventLog:
    """Events of one phone in order; waiters wake when one is added."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.events: list[Event] = []
        self._added = asyncio.Event()

    def add(self, name: EventName, call_id: str = "", detail: str = "", at_ms: int = 0) -> Event:
        """Write an event; without `at_ms` it happens now."""
        event = Event(at_ms or now_ms(), name, call_id, detail)
        self.events.append(event)
        self._added.set()
        self._added = asyncio.Event()
        return event

    def find(self, *names: EventName, call_id: str = "", since: int = 0) -> list[Event]:
        """The events of these names, of one call if named, from index `since` on."""
        return [
            event
            for event in self.events[since:]
            if event.name in names and (not call_id or event.call_id == call_id)
        ]

    async def wait_for(
        self, *names: EventName, timeout_ms: int = 5_000, call_id: str = "", since: int = 0
    ) -> Event:
        """The first such event, also one that happened already; raises `PhoneTimeout`.

        Does not wait out the deadline when the call named has ended without it. To wait
        for something new, take `since=len(log.events)` before causing it.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_ms / 1_000
        while True:
            found = self.find(*names, call_id=call_id, since=since)
            if found:
                return found[0]
            if call_id and self.find("ended", call_id=call_id):
                raise PhoneTimeout(self._complaint(names, "the call ended without it", call_id))
            try:
                async with asyncio.timeout_at(deadline):
                    await self._added.wait()
            except TimeoutError:
                text = self._complaint(names, f"waited {timeout_ms} ms", call_id)
                raise PhoneTimeout(text) from None

    def _complaint(self, names: tuple[EventName, ...], why: str, call_id: str) -> str:
        lines = [f"{self.owner}: no {' or '.join(names)}: {why}. Log, ms before now:"]
        now = now_ms()
        for event in self.events:
            if not call_id or event.call_id in ("", call_id):
                lines.append(f"  {event.at_ms - now:8} {event.name} {event.detail}")
        return "\n".join(lines)
