"""What is known of one call, and where it is put on record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from acd.core.commands import Decided
from acd.core.names import Millis, OperatorId, Outcome, QueueId

Data = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a call's timeline."""

    seq: int
    at: Millis
    event: str
    data: Data


@dataclass(slots=True)
class Call:
    """One citizen's call. Moments are epoch milliseconds, None for what has not happened.

    `outcome` is final once set: that of the contact if the caller was queued (answered, abandoned,
    overflowed, callback), else left_menu or finished_in_menu; but whom the ladder sent away and
    who queues again has none until that wait ends. `estimated_wait_ms` is the wait expected at
    queueing (-1: never). `fallback` marks a caller whom
    Asterisk's own queue had while the service was away.
    """

    id: str
    number: str
    arrived_at: Millis
    node: str
    menu: str | None = None
    menu_version: str | None = None
    language: str | None = None
    topic: str | None = None
    queue: QueueId | None = None
    priority_ms: int = 0
    own_priority_ms: int = 0
    queued_at: Millis | None = None
    connected_at: Millis | None = None
    talk_ended_at: Millis | None = None
    ended_at: Millis | None = None
    outcome: Outcome | None = None
    wait_ms: int | None = None
    operator: OperatorId | None = None
    skill_level: int | None = None
    step: int = 0
    handle_ms: int | None = None
    fallback: bool = False
    estimated_wait_ms: int | None = None
    recording: str | None = None
    talk_since: Millis | None = None
    timeline: list[Entry] = field(default_factory=list)
    decisions: list[Decided] = field(default_factory=list)
    next_line: int = 0
    next_decision: int = 0

    @property
    def is_waiting_in_fallback(self) -> bool:
        """Whether Asterisk's own queue has the caller, and nobody talks to them yet."""
        return self.fallback and self.talk_since is None and self.outcome is None


ANY_TOPIC = "general"
FAR_LINE = 1000
"""Where the lines of a call begin that was met under way: what an earlier run may have put on
record of it, and cannot be read just now, is not written over."""


class Archive(Protocol):
    """Where records go; must not block and must not raise."""

    def call(self, call: Call) -> None:
        """The call's record has changed."""

    def entry(self, call: str, entry: Entry) -> None:
        """A new line of a timeline."""

    def decision(self, seq: int, decision: Decided) -> None:
        """A new decision."""
