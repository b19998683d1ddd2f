"""What an admin lays down for a queue: least levels, ring and wrap-up times, the ladder."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from acd.core.names import Language, Millis, OperatorId, QueueId, Topic


@dataclass(frozen=True, slots=True)
class LeastLevel:
    """Who may take a contact: this level or better in its language and in its topic.

    0 for the topic means: anybody who speaks the language.
    """

    language: int
    topic: int


@dataclass(frozen=True, slots=True)
class Widen:
    """Ladder step: accept operators below the queue's least levels (None: leave that one)."""

    at_ms: Millis
    language: int | None
    topic: int | None


@dataclass(frozen=True, slots=True)
class OverflowTo:
    """Ladder step: the operators of another queue may take the contact as well.

    Its statistics, place and clock stay with the queue it first entered.
    """

    at_ms: Millis
    queue: QueueId


@dataclass(frozen=True, slots=True)
class Message:
    """Ladder step: the waiting caller hears a phrase; nothing else changes."""

    at_ms: Millis
    phrase: str


Step = Widen | OverflowTo | Message


def step_name(step: Step) -> str:
    """The word for a step in records and on screens, as in `queues.yaml`."""
    match step:
        case Widen():
            return "widen"
        case OverflowTo(queue=queue):
            return f"overflow to {queue}"
        case Message():
            return "message"


@dataclass(frozen=True, slots=True)
class QueueRules:
    """The rules of one queue. `ladder` is sorted by `at_ms`, which counts from queueing."""

    id: QueueId
    least: LeastLevel
    ring_ms: Millis
    wrap_up_ms: Millis
    ladder: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class OperatorProfile:
    """What the roster says of an operator; what they are doing now is a `Seat`.

    `topics` keeps the order of the file: the first of the highest level is the operator's own.
    """

    id: OperatorId
    name: str
    shift: str
    languages: Mapping[Language, int]
    topics: Mapping[Topic, int]
    wrap_up_ms: Millis | None = None
    ring_ms: Millis | None = None

    own_topic: Topic | None = field(init=False, compare=False)
    """The topic at the highest level, first listed on a tie; None without topics."""
    skill_count: int = field(init=False, compare=False)
    """Languages and topics together: how much is lost while this operator is busy."""

    def __post_init__(self) -> None:
        own = max(self.topics, key=lambda topic: self.topics[topic], default=None)
        object.__setattr__(self, "own_topic", own)
        object.__setattr__(self, "skill_count", len(self.languages) + len(self.topics))


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything the router is told; replaced as a whole by a reload.

    `topics` gives each topic its one queue. `target_ms` is the wait promised to callers.
    """

    target_ms: Millis
    topics: Mapping[Topic, QueueId]
    queues: Mapping[QueueId, QueueRules]
    operators: Mapping[OperatorId, OperatorProfile]

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
