"""What the router wants done, and what it wants remembered."""

from collections.abc import Mapping
from dataclasses import dataclass

from acd.core.names import ContactId, Millis, OperatorId


@dataclass(frozen=True, slots=True)
class Offer:
    """Ring this operator for this caller, for at most `ring_ms`."""

    contact: ContactId
    operator: OperatorId
    ring_ms: Millis


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
class Decided:
    """Why the router did what it did for a contact, kept for `acd call show`.

    `candidates` are the operators who could have taken it, in the order of choice; `refused`
    names the others by reason; whoever is in neither was logged out. `rule` is what settled it.
    """

    contact: ContactId
    at: Millis
    rule: str
    taken: OperatorId | None
    candidates: tuple[OperatorId, ...]
    refused: Mapping[str, tuple[OperatorId, ...]]
    waited_ms: Millis
    step: int


Command = Offer | CancelOffer | ReturnCaller | PlayMessage | SetAside | Decided
