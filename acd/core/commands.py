"""What the router wants done, and what it wants remembered.

Nobody changes a command. `Offer` and `Decided`, which every call has, are not `frozen` all the
same: see `acd.core.events`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from acd.core.names import ContactId, Millis, OperatorId
from acd.core.queues import Need


@dataclass(slots=True, init=False)
class Offer:
    """Ring this operator for this caller, for at most `ring_ms`."""

    contact: ContactId
    operator: OperatorId
    ring_ms: Millis

    def __init__(self, contact: ContactId, operator: OperatorId, ring_ms: Millis) -> None:
        self.contact, self.operator, self.ring_ms = contact, operator, ring_ms


@dataclass(frozen=True, slots=True)
class CancelOffer:
    """Stop ringing: the caller goes back to hold, or on to the next operator."""

    contact: ContactId
    operator: OperatorId


@dataclass(frozen=True, slots=True)
class ReturnCaller:
    """Take the caller out of a dead conversation, tell them why, and put them in hold."""

    contact: ContactId
    operator: OperatorId


@dataclass(frozen=True, slots=True)
class PlayMessage:
    """The waiting caller hears a phrase; an offer may cut it short."""

    contact: ContactId
    phrase: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """The operator gets no more offers until they say ready. For the record and the fallback."""

    operator: OperatorId
    reason: str


@dataclass(frozen=True, slots=True)
class OfferCallbackTo:
    """The caller may now take a callback: say so. They may still be connected at any moment."""

    contact: ContactId


@dataclass(frozen=True, slots=True)
class DialCallback:
    """Call the citizen, for at most `ring_ms`. `operator` is reserved and not rung yet."""

    contact: ContactId
    operator: OperatorId
    ring_ms: Millis


@dataclass(frozen=True, slots=True)
class CallbackGivenUp:
    """The citizen was called `tries` times, or waited too long; the callback is closed."""

    contact: ContactId
    tries: int


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    """The contact is closed as overflowed: lead the caller to `target`."""

    contact: ContactId
    target: str


@dataclass(frozen=True, slots=True)
class Tell:
    """The waiting caller hears their place, or a range of how long it may still take.

    None leaves that part out; there is always something to say.
    """

    contact: ContactId
    position: int | None
    wait_ms: tuple[Millis, Millis] | None


STEP_WORDS = frozenset({"widen", "reserve", "raise", "offer_callback", "message"})


@dataclass(slots=True, init=False)
class Decided:
    """Why the router did what it did for a contact, kept for `acd call show`.

    `rule` is what settled it. `candidates` are the first of the operators who could have taken
    it, in the order of choice, `candidate_count` counts them all; `refused` counts the others by
    reason; whoever is in neither was logged out. `inputs` is what the contact asked for, enough
    for `missing` of `acd.core.skills` to say again why an operator did not meet it.
    `estimated_wait_ms` is how long it would still take: None unknown, -1 never as things are.
    """

    contact: ContactId
    at: Millis
    rule: str
    taken: OperatorId | None
    candidates: tuple[OperatorId, ...]
    refused: Mapping[str, int]
    waited_ms: Millis
    step: int
    candidate_count: int
    estimated_wait_ms: Millis | None
    inputs: Need | None

    def __init__(
        self,
        contact: ContactId,
        at: Millis,
        rule: str,
        taken: OperatorId | None,
        candidates: tuple[OperatorId, ...],
        refused: Mapping[str, int],
        waited_ms: Millis,
        step: int,
        candidate_count: int = 0,
        estimated_wait_ms: Millis | None = None,
        inputs: Need | None = None,
    ) -> None:
        self.contact, self.at, self.rule, self.taken = contact, at, rule, taken
        self.candidates, self.refused, self.candidate_count = candidates, refused, candidate_count
        self.waited_ms, self.step = waited_ms, step
        self.estimated_wait_ms, self.inputs = estimated_wait_ms, inputs

    @property
    def is_step(self) -> bool:
        """Whether a step of the ladder was taken, and not only something noted."""
        return self.rule in STEP_WORDS or self.rule.startswith(("overflow to ", "leave to "))


Command = (
    Offer
    | CancelOffer
    | ReturnCaller
    | PlayMessage
    | OfferCallbackTo
    | DialCallback
    | CallbackGivenUp
    | LeaveQueue
    | Tell
    | SetAside
    | Decided
)
