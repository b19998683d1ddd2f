"""Asterisk's fallback queue, kept in step with who is logged in and who pauses.

When the service is away Asterisk rings these operators by itself; when the service is back, the
queue tells who was logged in at the last moment, better than any record.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from acd.core.events import Event, OperatorLoggedOut, OperatorPaused, OperatorReady
from acd.core.names import OperatorId
from acd.core.router import Router
from acd.core.seats import Seat

QUEUE = "fallback"
UNNAMED_PAUSE = "other"

Message = Mapping[str, str]


class Ami(Protocol):
    """What is needed of the link."""

    def post(self, name: str, **headers: str) -> object:
        """Send an action, in order, without waiting."""


class FallbackMirror:
    """What the queue was last told."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._ami: Ami | None = None
        self._told: dict[OperatorId, str | None] = {}

    def attach(self, ami: Ami | None, listed: Iterable[Message] = ()) -> None:
        """Use this link; `listed` is what QueueStatus says of the queue."""
        self._ami = ami
        self._told = members(listed)
        if ami is not None:
            for seat in self._router.seats:
                self.tell(seat)

    def tell(self, seat: Seat) -> None:
        """Push one operator's log-in and pause, when they differ from what was pushed last."""
        operator = seat.profile.id
        is_in = operator in self._told
        if self._ami is None or not (is_in or seat.logged_in):
            return
        interface = f"PJSIP/{operator}"
        if not seat.logged_in:
            del self._told[operator]
            self._ami.post("QueueRemove", Queue=QUEUE, Interface=interface)
            return
        if is_in and self._told[operator] == seat.pause:
            return
        paused = "false" if seat.pause is None else "true"
        if not is_in:
            self._ami.post("QueueAdd", Queue=QUEUE, Interface=interface, Paused=paused)
        if is_in or seat.pause is not None:
            self._ami.post(
                "QueuePause",
                Queue=QUEUE,
                Interface=interface,
                Paused=paused,
                Reason=seat.pause or "",
            )
        self._told[operator] = seat.pause


def members(listed: Iterable[Message]) -> dict[OperatorId, str | None]:
    """Who is in the queue, with the reason of a pause or None."""
    found: dict[OperatorId, str | None] = {}
    for message in listed:
        if message.get("Event") == "QueueMember":
            operator = OperatorId(message.get("Location", "").removeprefix("PJSIP/"))
            is_paused = message.get("Paused") == "1"
            reason = message.get("PausedReason") or UNNAMED_PAUSE
            found[operator] = reason if is_paused else None
    return found


def standings(listed: Iterable[Message], seats: Iterable[Seat]) -> list[Event]:
    """What brings the seats in line with the queue; an empty queue is a new one and tells nothing.

    A pause that the router itself makes of a phone out of reach is not taken over: the phone's
    state says it anew.
    """
    queue = members(listed)
    events: list[Event] = []
    for seat in seats if queue else ():
        operator = seat.profile.id
        if operator not in queue:
            events += [OperatorLoggedOut(operator)] if seat.logged_in else []
            continue
        reason = queue[operator]
        if not seat.logged_in or (reason is None and seat.pause is not None):
            events.append(OperatorReady(operator))
        if reason is not None and reason != seat.pause:
            events.append(OperatorPaused(operator, reason))
    return events
