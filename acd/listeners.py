"""What the switchboard asks of those it works with."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from acd.core.events import ContactQueued

Message = Mapping[str, str]


class Link(Protocol):
    """What the switchboard needs of AMI: send in order without waiting, or ask."""

    def post(self, name: str, **headers: str) -> "asyncio.Task[Message | None]":
        """Send an action; the answer may be looked at later, None when it was refused."""

    async def listing(self, name: str, timeout_s: float = 10.0, **headers: str) -> list[Message]:
        """Ask for a list."""


class Listener(Protocol):
    """Who is told what happens to calls, beside the router."""

    def call_arrived(self, call: str, number: str, at: int | None) -> None:
        """A citizen's channel was born, now or (epoch milliseconds) while nobody listened."""

    def call_event(self, call: str, event: str, **data: str | int | None) -> None:
        """Something for the call's timeline that the router does not need."""

    def call_gone(self, call: str) -> None:
        """The citizen's channel is destroyed."""


class Fallback(Protocol):
    """Who is told what happens to callers in Asterisk's own queue."""

    def entered(self, call: str, at: int | None, queued: ContactQueued | None = None) -> None:
        """The caller waits there now, or has since that moment; `queued` is how it began."""

    def answered(self, call: str, operator: str, at: int | None) -> None:
        """An operator talks to the caller, from now or since that moment."""

    def operator_left(self, call: str, operator: str) -> None:
        """That conversation is over, and the caller is still there."""

    def message_left(self, call: str, file: str) -> None:
        """The caller has left a message: nobody was logged in."""
