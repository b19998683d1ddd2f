"""A caller in the router, and the line they stand in."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from acd.core.names import NO_TIME, ContactId, Language, Millis, OperatorId, QueueId, Topic
from acd.core.queues import LeastLevel

Place = tuple[int, int, int]
"""Sorts the line: returned callers first, then by queueing less the head start, then by order."""


class Stage(Enum):
    """How far a contact has come."""

    WAITING = "waiting"
    RINGING = "ringing"
    WHISPER = "whisper"
    TALKING = "talking"


@dataclass(frozen=True, slots=True)
class Route:
    """One way to be served: this topic at this level, in the contact's language."""

    topic: Topic
    least: LeastLevel


@dataclass(slots=True)
class Contact:
    """One stay, from queued to closed. Only the router changes it.

    `queued_at` is the wait clock and nothing restarts it before an operator is connected.
    `routes` begins with its own topic; overflow adds others. `step` counts ladder steps fired;
    messages due before `rules_since`, the last reload, are not played again.
    """

    id: ContactId
    queue: QueueId
    topic: Topic
    language: Language
    queued_at: Millis
    priority_ms: Millis
    order: int
    routes: list[Route]
    stage: Stage = Stage.WAITING
    operator: OperatorId | None = None
    stage_since: Millis = NO_TIME
    deadline: Millis | None = None
    step: int = 0
    rules_since: Millis = NO_TIME
    returned: bool = False
    tried: list[OperatorId] = field(default_factory=list)

    @property
    def place(self) -> Place:
        """Where this contact stands in the line."""
        return (0 if self.returned else 1, self.queued_at - self.priority_ms, self.order)

    def waited_ms(self, now: Millis) -> Millis:
        """The wait so far; ringing and whisper count."""
        return Millis(now - self.queued_at)


class Line:
    """The callers waiting for an operator, in the order they are to be served."""

    def __init__(self) -> None:
        self._places: list[tuple[Place, ContactId]] = []

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[ContactId]:
        return (contact for _, contact in self._places)

    def join(self, contact: Contact) -> None:
        """Stand at the place the contact's clock gives; a caller re-offered is where they were."""
        insort(self._places, (contact.place, contact.id))

    def leave(self, contact: Contact) -> None:
        """Step out: rung for, connected or gone. A contact not in the line is ignored."""
        entry = (contact.place, contact.id)
        at = bisect_left(self._places, entry)
        if at < len(self._places) and self._places[at] == entry:
            del self._places[at]
