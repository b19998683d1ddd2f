"""A caller in the router, and what callers of one kind have in common."""

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from acd.core.names import NO_TIME, ContactId, Language, Millis, OperatorId, QueueId, Topic
from acd.core.queues import LeastLevel, Route
from acd.core.skills import Pool

__all__ = ["Contact", "Group", "LeastLevel", "Place", "Route", "Stage"]

Place = tuple[int, int, int]
"""Sorts the line: returned callers first, then by queueing less the head start, then by order."""


class Stage(Enum):
    """How far a contact has come. The last two are for callbacks alone."""

    WAITING = "waiting"
    RINGING = "ringing"
    WHISPER = "whisper"
    TALKING = "talking"
    DIALLING = "dialling"
    """An operator is reserved while the citizen's phone rings."""
    RESTING = "resting"
    """Between two tries, or in quiet hours: in nobody's line."""


@dataclass(slots=True)
class Callback:
    """What a contact has that is to be called back. `is_on_line`: the citizen picked up."""

    key: str
    tries: int = 0
    not_before: Millis = NO_TIME
    is_on_line: bool = False


@dataclass(slots=True, eq=False)
class Contact:
    """One stay, from queued to closed. Only the router changes it.

    `queued_at` is the wait clock and nothing restarts it before an operator is connected.
    `pool` is who may take it now: its own topic, and what the ladder added. `step` counts ladder
    steps fired, `fired` has a bit for each, `rung` is how far the steps with a time have been
    looked at; messages due before `rules_since`, the last reload, are not played again.
    """

    id: ContactId
    queue: QueueId
    topic: Topic
    language: Language
    queued_at: Millis
    own_priority_ms: Millis
    priority_ms: Millis
    order: int
    group: "Group"
    pool: Pool
    prefers: tuple[Topic, ...] = ()
    stage: Stage = Stage.WAITING
    operator: OperatorId | None = None
    stage_since: Millis = NO_TIME
    deadline: Millis | None = None
    step: int = 0
    fired: int = 0
    rung: int = 0
    rules_since: Millis = NO_TIME
    returned: bool = False
    tried: list[OperatorId] = field(default_factory=list)
    callback: Callback | None = None
    callback_offered: bool = False
    callback_owed: bool = False
    leaving: int | None = None
    heard: tuple[str, ...] = ()
    tell_at: Millis | None = None
    told_position: int | None = None
    told_wait_ms: Millis | None = None
    stands: bool = False

    @property
    def place(self) -> Place:
        """Where this contact stands in the line."""
        return (0 if self.returned else 1, self.queued_at - self.priority_ms, self.order)

    @property
    def is_live(self) -> bool:
        """Whether somebody is on the line and hears what they are told."""
        return self.callback is None or self.callback.is_on_line

    def waited_ms(self, now: Millis) -> Millis:
        """The wait so far; ringing and whisper count."""
        return Millis(now - self.queued_at)


class Outlook(NamedTuple):
    """What a prediction goes by: operators at work, how fast (per ms) the first of them becomes
    free, callers of other types before, how fast operators become free in the long run, and how
    fast one of the usual pace does. They never become free more slowly than `least`.
    """

    crew: float
    rate: float
    share: float
    run: float
    least: float
    each: float


@dataclass(slots=True, eq=False)
class Group:
    """The contacts of one queue, language and topic: conditions and predictions look at these.

    `waiting` is in the order of the line. For each step with a condition `todo` has those for
    whom it has not fired, longest wait first, and `latched` the conditions that hold. What
    predictions found out for a pool is kept in `outlooks`.
    """

    queue: QueueId
    language: Language
    topic: Topic
    pool: Pool
    number: int
    waiting: list[tuple[Place, ContactId]] = field(default_factory=list)
    latched: set[tuple[int, int]] = field(default_factory=set)
    todo: dict[int, list[tuple[Millis, int, ContactId]]] = field(default_factory=dict)
    check_at: Millis | None = None
    checked_at: Millis = NO_TIME
    outlooks: dict[Pool, tuple[Millis, Outlook]] = field(default_factory=dict)
