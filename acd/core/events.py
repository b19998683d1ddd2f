"""What happens to the router. Late and unknown contacts are normal: Asterisk may be slow.

Nobody changes an event. Those of every call are not `frozen` all the same, and have an `__init__`
of their own where it counts: that makes one in a quarter of the time, compiled in a tenth.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from acd.core.names import NO_TIME, ContactId, Language, Millis, OperatorId, QueueId, Topic
from acd.core.queues import Rules


class Phone(Enum):
    """What Asterisk says of an operator's phone, whoever is using it."""

    FREE = "free"
    IN_USE = "in_use"
    UNREACHABLE = "unreachable"


class OfferFailure(Enum):
    """Why an offer did not become a conversation; the value is the reason shown to ops.

    All but NOT_FREE and UNSEEN set the operator aside: a phone that turned out to be in use
    when it was about to be rung, or an offer whose end nobody saw, is nobody's fault. An operator
    set aside as UNREACHABLE is ready again when the phone has gone and come back, not before: a
    phone that Asterisk believes in and that fails each call would be rung for ever.
    """

    NO_ANSWER = "rona"
    BUSY = "phone_busy"
    UNREACHABLE = "phone_unreachable"
    HUNG_UP_AT_ONCE = "hung_up_at_once"
    NO_RESULT = "no_result"
    NOT_FREE = "not_free"
    UNSEEN = "unseen"


@dataclass(slots=True, init=False)
class ContactQueued:
    """A caller left the menu and waits for an operator; the wait clock starts here.

    `queued_at` may lie in the past: a caller adopted after a restart keeps place and clock.
    `priority_ms` is the caller's own head start; those of queue and topic come on top. Among
    operators who meet the least levels one who knows the topics of `prefers` comes first.
    """

    contact: ContactId
    queue: QueueId
    topic: Topic
    language: Language
    queued_at: Millis
    priority_ms: Millis
    prefers: tuple[Topic, ...]

    def __init__(
        self,
        contact: ContactId,
        queue: QueueId,
        topic: Topic,
        language: Language,
        queued_at: Millis,
        priority_ms: Millis = NO_TIME,
        prefers: tuple[Topic, ...] = (),
    ) -> None:
        self.contact, self.queue, self.topic, self.language = contact, queue, topic, language
        self.queued_at, self.priority_ms, self.prefers = queued_at, priority_ms, prefers


@dataclass(frozen=True, slots=True)
class ContactFound:
    """A contact found in Asterisk with an operator: rung for, or in conversation since `since`.

    So comes back what went on while nobody listened, and so begin the conversations that
    Asterisk's own fallback queue arranges. Nobody is rung for it.
    """

    queued: ContactQueued
    operator: OperatorId
    is_talking: bool
    since: Millis

    @property
    def contact(self) -> ContactId:
        """The contact's id."""
        return self.queued.contact


@dataclass(slots=True)
class CallerHungUp:
    """The caller left, at whatever point."""

    contact: ContactId


@dataclass(frozen=True, slots=True)
class CallerLeft:
    """Asterisk took the caller elsewhere (its fallback): not ours any more, yet not gone."""

    contact: ContactId


@dataclass(slots=True)
class OperatorAnswered:
    """The operator picked up and hears the whisper; the caller still waits."""

    contact: ContactId
    operator: OperatorId


@dataclass(slots=True, init=False)
class Connected:
    """Caller and operator hear each other. A fact: it wins over whatever the router thought.

    `at` is the moment for the record when the news came late, None for now.
    """

    contact: ContactId
    operator: OperatorId
    at: Millis | None

    def __init__(self, contact: ContactId, operator: OperatorId, at: Millis | None = None) -> None:
        self.contact, self.operator, self.at = contact, operator, at


@dataclass(frozen=True, slots=True)
class OfferFailed:
    """The offered operator did not take the caller, who is back in hold."""

    contact: ContactId
    operator: OperatorId
    why: OfferFailure


@dataclass(slots=True, init=False)
class OperatorHungUp:
    """The operator ended the conversation; the contact is served."""

    contact: ContactId
    operator: OperatorId

    def __init__(self, contact: ContactId, operator: OperatorId) -> None:
        self.contact, self.operator = contact, operator


@dataclass(frozen=True, slots=True)
class OperatorLost:
    """The operator's phone died in the conversation; the caller goes to the head of the queue."""

    contact: ContactId
    operator: OperatorId


@dataclass(slots=True)
class OperatorReady:
    """Logs in if need be, ends a pause or a wrap-up."""

    operator: OperatorId


@dataclass(frozen=True, slots=True)
class OperatorPaused:
    """No more offers, for a reason; in a conversation it takes effect after the wrap-up."""

    operator: OperatorId
    reason: str


@dataclass(slots=True, init=False)
class OperatorWrappedUp:
    """The operator says the after-call work is done; nothing happens in any other state."""

    operator: OperatorId

    def __init__(self, operator: OperatorId) -> None:
        self.operator = operator


@dataclass(frozen=True, slots=True)
class OperatorLoggedOut:
    """No more offers; in a conversation it takes effect when that ends."""

    operator: OperatorId


@dataclass(frozen=True, slots=True)
class PhoneChanged:
    """Asterisk reports another state of an operator's phone."""

    operator: OperatorId
    phone: Phone


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """Whether Asterisk hears us and we hear it. While it does not, nothing is decided.

    Offers under way are not given up for want of news; when the link is up again their limits
    begin anew, after events have said what became of them.
    """

    is_up: bool


@dataclass(frozen=True, slots=True)
class OffersHeld:
    """No new offers while `held`: callers are being left to Asterisk's fallback queue."""

    held: bool


CallbackFailure = Literal["no_answer", "busy", "failed", "refused"]


@dataclass(frozen=True, slots=True)
class CallbackAccepted:
    """The waiting caller took the callback and confirmed the number; `key` stands for it.

    Closes the live contact; `callback_id(contact)` stands in the line at the same place with the
    same clock. A number has one callback: whoever has one already keeps that one.
    """

    contact: ContactId
    key: str


@dataclass(frozen=True, slots=True)
class CallbackRestored:
    """A callback on record after a restart; nobody is called before `not_before`.

    `queued` is the callback's own: its contact, and the clock of the call it came from.
    """

    queued: ContactQueued
    key: str
    tries: int
    not_before: Millis

    @property
    def contact(self) -> ContactId:
        """The callback's id."""
        return self.queued.contact


@dataclass(frozen=True, slots=True)
class CallbackAnswered:
    """The citizen picked up and confirmed: now the reserved operator is rung."""

    contact: ContactId


@dataclass(frozen=True, slots=True)
class CallbackFailed:
    """The citizen was not reached: a pause, then again, until the tries are used up."""

    contact: ContactId
    why: CallbackFailure


@dataclass(frozen=True, slots=True)
class CallbackCancelled:
    """Nobody needs to be called back any more."""

    contact: ContactId


@dataclass(frozen=True, slots=True)
class CallbacksHeld:
    """Quiet hours: while `held`, nobody is called back."""

    held: bool


@dataclass(frozen=True, slots=True)
class HourChanged:
    """A new hour, 0..23, in the centre's time zone; conditions of ladders may name it."""

    hour: int


@dataclass(frozen=True, slots=True)
class ShiftEnds:
    """When the shift ends that an operator is in; None: in none, or it is not known.

    Predictions go by it, and `Rules.last_offer_ms`. Who says after it that they are ready works
    on as long as they like, as does whoever logs in outside of a shift.
    """

    operator: OperatorId
    at: Millis | None


@dataclass(frozen=True, slots=True)
class RulesReplaced:
    """A reload: callers already waiting get the new least levels and ladder."""

    rules: Rules


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time reached `Router.wake_at()`; nothing else happened."""


Event = (
    ContactQueued
    | ContactFound
    | CallerHungUp
    | CallerLeft
    | OperatorAnswered
    | Connected
    | OfferFailed
    | OperatorHungUp
    | OperatorLost
    | OperatorReady
    | OperatorPaused
    | OperatorWrappedUp
    | OperatorLoggedOut
    | PhoneChanged
    | LinkChanged
    | OffersHeld
    | CallbackAccepted
    | CallbackRestored
    | CallbackAnswered
    | CallbackFailed
    | CallbackCancelled
    | CallbacksHeld
    | HourChanged
    | ShiftEnds
    | RulesReplaced
    | Ticked
)
