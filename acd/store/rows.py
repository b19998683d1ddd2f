"""What is put on record: one frozen row per thing that happened.

Moments are integer milliseconds since the epoch, durations integer milliseconds. A row carries
the identity of what it describes, never one given by the database: writing it twice changes
nothing, so a batch whose fate is unknown can simply be written again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from acd.core.names import NO_TIME, ContactId, Language, Millis, OperatorId, QueueId, Topic

Outcome = Literal[
    "answered",
    "abandoned",
    "callback",
    "overflowed",
    "left_menu",
    "finished_in_menu",
    "fallback",
]
"""How a call ended. The first four are for calls that entered a queue, and add up to offered."""

Data = Mapping[str, object]
"""The particulars of an event: anything JSON can say."""


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call as known now; written whole, and the last one written counts.

    `id` is Asterisk's Uniqueid. `outcome` and `ended_at` are None while the call lives.
    `talk_ended_at` is the end of the conversation, `ended_at` of the caller's channel.
    `wait_ms` runs from queued to connected or to the end, `handle_ms` includes wrap-up.
    `menu` is the id of the dialplan, `menu_version` the version the call began with.
    `fallback` marks a call that Asterisk served on its own, without the service.
    `estimated_wait_ms` is how long the wait was expected to be at queueing: None unknown, -1 never.
    `recording` is the file of the conversation in the folder of recordings, as it was begun.
    """

    id: ContactId
    node: str
    arrived_at: Millis
    number: str | None = None
    language: Language | None = None
    topic: Topic | None = None
    queue: QueueId | None = None
    queued_at: Millis | None = None
    connected_at: Millis | None = None
    talk_ended_at: Millis | None = None
    ended_at: Millis | None = None
    outcome: Outcome | None = None
    wait_ms: Millis | None = None
    operator: OperatorId | None = None
    skill_level: int | None = None
    step: int = 0
    handle_ms: Millis | None = None
    priority_ms: Millis = NO_TIME
    menu: str | None = None
    menu_version: str | None = None
    fallback: bool = False
    estimated_wait_ms: Millis | None = None
    recording: str | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of a call's timeline. `seq` counts from 0 within the call."""

    call: ContactId
    seq: int
    at: Millis
    event: str
    data: Data


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """Why the router did what it did for a call. `seq` counts from 0 within the call.

    `candidates` are the first of `candidate_count`, `refused` counts the others by reason.
    `inputs` is what the contact asked for then (`acd.why` makes and reads it), None on record of
    an earlier version. `estimated_wait_ms` as in a call's row.
    """

    call: ContactId
    seq: int
    at: Millis
    rule: str
    taken: OperatorId | None
    candidates: tuple[OperatorId, ...]
    refused: Mapping[str, int]
    waited_ms: Millis
    step: int
    estimated_wait_ms: Millis | None = None
    candidate_count: int = 0
    inputs: Data | None = None


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """What an operator did from one moment to another, written when it has ended."""

    operator: OperatorId
    began_at: Millis
    ended_at: Millis
    state: str
    reason: str | None = None
    call: ContactId | None = None


@dataclass(frozen=True, slots=True)
class OperatorNowRow:
    """What an operator chose last, to be taken up again after a restart."""

    operator: OperatorId
    logged_in: bool
    pause: str | None
    since: Millis


@dataclass(frozen=True, slots=True)
class MenuEventRow:
    """One step of a caller through a menu: a node was left, or played again.

    `seq` tells the steps of one moment apart. `version` is the dialplan's. `key` is masked where
    the node takes what must not be kept. `first_key_ms` counts from the end of the prompt and is
    negative during it. `goes_to` is the node that follows, None when the call ends, waits or asks
    again. `moved_to` is the topic an operator moved the call to afterwards, None until then.
    """

    call: ContactId
    at: Millis
    seq: int
    menu: str
    version: str
    node: str
    visit: int
    attempt: int
    language: str
    entered_at: Millis | None
    first_key_ms: int | None
    key: str | None
    via: str | None
    result: str | None
    reason: str | None
    goes_to: str | None
    moved_to: str | None = None


@dataclass(frozen=True, slots=True)
class CallbackRow:
    """A citizen who is to be called back; written whole, and the last one written counts.

    `contact` is the callback's, `call` the call it came from, whose clock `queued_at` is. `key`
    stands for the number. `tries` counts the calls made; nobody is called before `not_before`.
    `closed` says how it ended: `answered`, `given_up` or `cancelled`; None while it is open.
    """

    contact: ContactId
    call: ContactId
    key: str
    number: str
    queue: QueueId
    topic: Topic
    language: Language
    queued_at: Millis
    priority_ms: Millis
    accepted_at: Millis
    tries: int = 0
    not_before: Millis = NO_TIME
    last: str | None = None
    closed: str | None = None
    closed_at: Millis | None = None


@dataclass(frozen=True, slots=True)
class CallerLanguageRow:
    """The language a caller chose, kept for the number's next call."""

    number: str
    language: str
    at: Millis


Row = (
    CallRow
    | EventRow
    | DecisionRow
    | IntervalRow
    | OperatorNowRow
    | MenuEventRow
    | CallerLanguageRow
    | CallbackRow
)
