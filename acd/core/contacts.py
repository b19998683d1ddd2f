"""A caller in the router, and what callers of one kind have in common."""

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from acd.core.events import ContactQueued
from acd.core.names import NO_TIME, ContactId, Language, Millis, OperatorId, QueueId, Topic
from acd.core.queues import LeastLevel, Route
from acd.core.skills import Pool

__all__ = ["Contact", "Group", "LeastLevel", "Line", "LineKey", "Place", "Route", "Stage"]

Place = tuple[int, int, int]
"""Sorts the line: returned callers first, then by queueing less the head start, then by order."""


LineKey = tuple[int, int, bool, bool, int]
"""What makes a line of a language and topic: see the fields of `Line`."""


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


@dataclass(slots=True, eq=False, init=False)
class Contact:
    """One stay, from queued to closed. Only the router changes it.

    `queued_at` is the wait clock and nothing restarts it before an operator is connected.
    `pool` is who may take it now: its own topic, and what the ladder added. `step` counts ladder
    steps fired, `fired` has a bit for each, `rung` is how far the steps with a time have been
    looked at; messages due before `rules_since`, the last reload, are not played again. `lines`
    are those it stands in (see `acd.core.lines`).
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
    prefers: tuple[Topic, ...]
    stage: Stage
    operator: OperatorId | None
    stage_since: Millis
    deadline: Millis | None
    step: int
    fired: int
    rung: int
    rules_since: Millis
    returned: bool
    tried: list[OperatorId]
    callback: Callback | None
    callback_offered: bool
    callback_owed: bool
    leaving: int | None
    heard: tuple[str, ...]
    tell_at: Millis | None
    told_position: int | None
    told_wait_ms: Millis | None
    stands: bool
    lines: "tuple[Line, ...]"

    def __init__(
        self, event: ContactQueued, queue: QueueId, order: int, group: "Group", now: Millis
    ) -> None:
        """As it comes: in no line yet, with its own head start only."""
        self.id, self.queue, self.topic = event.contact, queue, event.topic
        self.language, self.prefers = event.language, event.prefers
        self.queued_at = event.queued_at if event.queued_at < now else now
        self.own_priority_ms = self.priority_ms = event.priority_ms
        self.order, self.group, self.pool = order, group, group.pool
        self.stage, self.stage_since = Stage.WAITING, now
        self.operator = self.deadline = None
        self.step = self.fired = self.rung = 0
        self.rules_since, self.returned = NO_TIME, False
        self.tried = []
        self.callback, self.callback_offered, self.callback_owed = None, False, False
        self.leaving, self.heard = None, ()
        self.tell_at = self.told_position = self.told_wait_ms = None
        self.stands, self.lines = False, ()

    @property
    def place(self) -> Place:
        """Where this contact stands in the line."""
        return (0 if self.returned else 1, self.queued_at - self.priority_ms, self.order)

    def as_callback(self, id_: ContactId, key: str) -> "Contact":
        """The callback that takes the place of this one: the same clock, the same ladder."""
        own = ContactQueued(
            id_, self.queue, self.topic, self.language, self.queued_at, self.own_priority_ms,
            self.prefers,
        )  # fmt: skip
        twin = Contact(own, self.queue, self.order, self.group, self.stage_since)
        twin.stage, twin.pool, twin.priority_ms = self.stage, self.pool, self.priority_ms
        twin.step, twin.fired, twin.rung = self.step, self.fired, self.rung
        twin.rules_since, twin.returned = self.rules_since, self.returned
        twin.callback, twin.callback_offered = Callback(key), self.callback_offered
        twin.told_position, twin.told_wait_ms = self.told_position, self.told_wait_ms
        twin.heard, twin.tried = self.heard, list(self.tried)
        return twin

    @property
    def is_live(self) -> bool:
        """Whether somebody is on the line and hears what they are told."""
        return self.callback is None or self.callback.is_on_line

    def waited_ms(self, now: Millis) -> Millis:
        """The wait so far; ringing and whisper count."""
        return Millis(now - self.queued_at)


@dataclass(slots=True, eq=False, init=False)
class Line:
    """Contacts of equal standing, by arrival: least levels, reserve allowed, returned, head start.

    `home` has it under `key` while anybody stands in it.
    """

    language: int
    topic: int
    reserve: bool
    returned: bool
    priority_ms: int
    home: "dict[LineKey, Line]"
    key: LineKey
    contacts: list[tuple[int, int, ContactId]]

    def __init__(self, home: "dict[LineKey, Line]", key: LineKey) -> None:
        self.language, self.topic, self.reserve, self.returned, self.priority_ms = key
        self.home, self.key, self.contacts = home, key, []
        home[key] = self


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
