"""The day's figures per queue and per operator, kept in sums so that they add up.

A call counts in the day it was queued. `answered` counts when the conversation is over or known
to be one; calls in progress are added by the views, which see them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from acd.core.names import Millis, OperatorId, QueueId

SHORT_ABANDON_MS: Final = 5000
"""A caller who gives up sooner may have meant to; counted apart (the centre's definition)."""


@dataclass(slots=True)
class QueueSums:
    """Sums over the calls of one queue and one day; waits in milliseconds."""

    offered: int = 0
    answered: int = 0
    answered_in_target: int = 0
    abandoned: int = 0
    abandoned_short: int = 0
    callbacks: int = 0
    overflowed: int = 0
    answered_wait_ms: int = 0

    def add(self, outcome: str, wait_ms: int, target_ms: int) -> None:
        """Count one closed call."""
        match outcome:
            case "answered":
                self.answered += 1
                self.answered_in_target += wait_ms <= target_ms
                self.answered_wait_ms += wait_ms
            case "abandoned":
                self.abandoned += 1
                self.abandoned_short += wait_ms < SHORT_ABANDON_MS
            case "callback":
                self.callbacks += 1
            case "overflowed":
                self.overflowed += 1

    def merge(self, other: "QueueSums") -> None:
        """Add another set of sums."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def take_off(self, other: "QueueSums") -> None:
        """Subtract another set of sums."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) - getattr(other, name))


@dataclass(slots=True)
class OperatorSums:
    """Sums over one operator's day. `handle_ms` is talk and wrap-up."""

    calls: int = 0
    handle_ms: int = 0
    rona: int = 0


@dataclass(slots=True)
class Figures:
    """Today's sums. `begins` and `ends` are the local midnights; `roll` starts a new day."""

    target_ms: int
    begins: Millis
    queues: dict[QueueId, QueueSums] = field(default_factory=dict)
    operators: dict[OperatorId, OperatorSums] = field(default_factory=dict)

    def offered(self, queue: QueueId, queued_at: Millis) -> None:
        """A caller entered a queue."""
        if queued_at >= self.begins:
            self.queues.setdefault(queue, QueueSums()).offered += 1

    def closed(self, queue: QueueId, queued_at: Millis, outcome: str, wait_ms: int) -> None:
        """A contact ended."""
        if queued_at >= self.begins:
            sums = self.queues.setdefault(queue, QueueSums())
            sums.add(outcome, wait_ms, self.target_ms)

    def reopened(self, queue: QueueId, queued_at: Millis, outcome: str, wait_ms: int) -> None:
        """A contact that had ended goes on: it counts as what it comes to in the end."""
        if queued_at >= self.begins:
            once = QueueSums()
            once.add(outcome, wait_ms, self.target_ms)
            self.queues.setdefault(queue, QueueSums()).take_off(once)

    def operator(self, operator: OperatorId) -> OperatorSums:
        """One operator's sums, to add to."""
        return self.operators.setdefault(operator, OperatorSums())

    def roll(self, begins: Millis, open_calls: Iterable[tuple[QueueId, Millis]]) -> None:
        """A new day: calls queued after its midnight and still open are its first."""
        self.begins = begins
        self.queues.clear()
        self.operators.clear()
        for queue, queued_at in open_calls:
            self.offered(queue, queued_at)
