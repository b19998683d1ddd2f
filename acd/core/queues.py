"""What an admin lays down: least levels, ring and wrap-up times, the ladder, how to route."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from acd.core.names import NO_TIME, Language, Millis, OperatorId, QueueId, Topic

RING_CITIZEN = Millis(25_000)
ONE_MINUTE, THREE_MINUTES, FIVE_MINUTES = Millis(60_000), Millis(180_000), Millis(300_000)
EIGHT_HOURS = Millis(28_800_000)


@dataclass(frozen=True, slots=True)
class LeastLevel:
    """Who may take a contact: this level or better in its language and in its topic.

    0 for the topic means: anybody who speaks the language.
    """

    language: int
    topic: int


@dataclass(frozen=True, slots=True)
class Route:
    """One way to be served: this topic at this level, in the contact's language."""

    topic: Topic
    least: LeastLevel


@dataclass(frozen=True, slots=True)
class Need:
    """What a contact asks of an operator at some moment: any of the routes, in this order.

    The first route is its own topic; overflow adds others. `reserve`: those kept in reserve may
    help. Of those who can, one who knows `prefers` comes first.
    """

    language: Language
    routes: tuple[Route, ...]
    reserve: bool = False
    prefers: tuple[Topic, ...] = ()


Figure = Literal["predicted_wait", "waited", "waiting", "ready", "longest_wait", "hour"]
"""What a condition looks at. Waits in ms; `waiting` and `longest_wait` of the contact's queue;
`ready`: operators free now who meet the queue's least levels for it; `hour`: 0..23, local."""

Comparison = Literal["<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Condition:
    """A figure past a limit. Once true it stays so until the figure is past `release` again."""

    figure: Figure
    op: Comparison
    value: int
    release: int


When = tuple[Condition, ...]
"""All of them must hold; none at all: no condition."""


@dataclass(frozen=True, slots=True)
class Widen:
    """Ladder step: accept operators below the queue's least levels (None: leave that one).

    Every step fires when the contact has waited `at_ms` or when `when` holds, whichever is first.
    """

    at_ms: Millis | None
    language: int | None
    topic: int | None
    when: When = ()


@dataclass(frozen=True, slots=True)
class Reserve:
    """Ladder step: the operators kept in reserve may take the contact as well."""

    at_ms: Millis | None
    when: When = ()


@dataclass(frozen=True, slots=True)
class Raise:
    """Ladder step: another head start for the contact."""

    at_ms: Millis | None
    by_ms: Millis
    when: When = ()


@dataclass(frozen=True, slots=True)
class OfferCallback:
    """Ladder step: the caller may have a callback and hears so; place and clock are kept."""

    at_ms: Millis | None
    when: When = ()


@dataclass(frozen=True, slots=True)
class OverflowTo:
    """Ladder step: the operators of another queue may take the contact as well.

    Its statistics, place and clock stay with the queue it first entered.
    """

    at_ms: Millis | None
    queue: QueueId
    when: When = ()


@dataclass(frozen=True, slots=True)
class Leave:
    """Ladder step: the contact leaves for `voicemail`, the `menu` or a number outside.

    A caller being rung for is connected first; the step waits for what becomes of it.
    """

    at_ms: Millis | None
    target: str
    when: When = ()


@dataclass(frozen=True, slots=True)
class Message:
    """Ladder step: the waiting caller hears a phrase; nothing else changes."""

    at_ms: Millis | None
    phrase: str
    when: When = ()


Step = Widen | Reserve | Raise | OfferCallback | OverflowTo | Leave | Message


def step_name(step: Step) -> str:
    """The word for a step in records and on screens, as in `queues.yaml`."""
    match step:
        case Widen():
            return "widen"
        case Reserve():
            return "reserve"
        case Raise():
            return "raise"
        case OfferCallback():
            return "offer_callback"
        case OverflowTo(queue=queue):
            return f"overflow to {queue}"
        case Leave(target=target):
            return f"leave to {target}"
        case Message():
            return "message"


@dataclass(frozen=True, slots=True)
class Announce:
    """When a waiting caller may be told something: place, or a wait; only when it is news."""

    first_ms: Millis
    every_ms: Millis
    position: bool
    wait: bool


@dataclass(frozen=True, slots=True)
class CallbackRules:
    """How often and how long a citizen is called back; `max_age_ms` counts from queueing.

    `priority_ms` is a head start over those who wait on the line.
    """

    tries: int = 3
    pause_ms: Millis = FIVE_MINUTES
    ring_ms: Millis = RING_CITIZEN
    max_age_ms: Millis = EIGHT_HOURS
    priority_ms: Millis = NO_TIME


@dataclass(frozen=True, slots=True)
class QueueRules:
    """The rules of one queue. `ladder` is in the order of the file or of time, as one likes.

    `priority_ms` is the head start every contact of the queue has; the line of a queue without
    `callback` rules uses the usual ones.
    """

    id: QueueId
    least: LeastLevel
    ring_ms: Millis
    wrap_up_ms: Millis
    ladder: tuple[Step, ...]
    priority_ms: Millis = NO_TIME
    announce: Announce | None = None
    callback: CallbackRules | None = None


@dataclass(frozen=True, slots=True)
class OperatorProfile:
    """What the roster says of an operator; what they are doing now is a `Seat`.

    `topics` keeps the order of the file: the first of the highest level is the operator's own.
    An operator in `reserve` is taken only for contacts whose ladder says so.
    """

    id: OperatorId
    name: str
    shift: str
    languages: Mapping[Language, int]
    topics: Mapping[Topic, int]
    wrap_up_ms: Millis | None = None
    ring_ms: Millis | None = None
    reserve: bool = False

    own_topic: Topic | None = field(init=False, compare=False)
    """The topic at the highest level, first listed on a tie; None without topics."""
    skill_count: int = field(init=False, compare=False)
    """Languages and topics together: how much is lost while this operator is busy."""

    def __post_init__(self) -> None:
        own = max(self.topics, key=lambda topic: self.topics[topic], default=None)
        object.__setattr__(self, "own_topic", own)
        object.__setattr__(self, "skill_count", len(self.languages) + len(self.topics))


@dataclass(frozen=True, slots=True)
class Routing:
    """How the whole centre routes.

    `target_first`: a freed operator takes the oldest caller still inside the target, then the
    overdue, but anyone who has waited `cap_ms` before all. `first_come`: simply the oldest.
    `idle` says which of equal idle operators is taken; `handle_ms` and `patience_ms` are means
    for the prediction; `topic_priority` and `repeat_priority_ms` are head starts.
    """

    order: Literal["target_first", "first_come"] = "target_first"
    cap_ms: Millis = ONE_MINUTE
    idle: Literal["longest_ready", "least_loaded"] = "longest_ready"
    handle_ms: Millis = THREE_MINUTES
    patience_ms: Millis = FIVE_MINUTES
    topic_priority: Mapping[Topic, Millis] = field(default_factory=dict)
    repeat_priority_ms: Millis = NO_TIME


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything the router is told; replaced as a whole by a reload.

    `topics` gives each topic its one queue. `target_ms` is the wait promised to callers. From
    `last_offer_ms` before the end of a shift on nobody of it is rung (None: they are, also past
    it), and with `auto_logout` they are logged out when it has ended and their work is done.
    """

    target_ms: Millis
    topics: Mapping[Topic, QueueId]
    queues: Mapping[QueueId, QueueRules]
    operators: Mapping[OperatorId, OperatorProfile]
    routing: Routing = field(default_factory=Routing)
    last_offer_ms: Millis | None = None
    auto_logout: bool = False

    def topic_level(self, profile: OperatorProfile, topic: Topic) -> int:
        """The operator's level in a topic; a queue's name stands for the best of its topics."""
        if topic in self.topics:
            return profile.topics.get(topic, 0)
        as_queue = QueueId(topic)
        return max(
            (level for t, level in profile.topics.items() if self.topics.get(t) == as_queue),
            default=0,
        )

    def queue_of(self, topic: Topic) -> QueueId:
        """The queue a topic belongs to; an unknown topic goes to `general`."""
        if topic in self.topics:
            return self.topics[topic]
        as_queue = QueueId(topic)
        return as_queue if as_queue in self.queues else QueueId("general")
