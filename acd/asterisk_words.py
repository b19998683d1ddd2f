"""Asterisk's words for phones and for the end of a Dial, in ours."""

from collections.abc import Mapping

from acd.core.events import CallbackFailure, OfferFailure, Phone
from acd.core.names import Millis

CALL_REJECTED = "21"
"""The cause of a SIP 603: somebody pressed decline. Dial calls that CHANUNAVAIL."""
PHONES = {"NOT_INUSE": Phone.FREE, "UNAVAILABLE": Phone.UNREACHABLE, "INVALID": Phone.UNREACHABLE}
"""Asterisk's device states; all others mean that the phone is in use."""


def phone_state(state: str) -> Phone:
    """Asterisk's device state in our words."""
    return PHONES.get(state, Phone.IN_USE)


def offer_failure(message: Mapping[str, str], *, has_rung: bool) -> OfferFailure:
    """Why Dial did not end in a conversation.

    A phone that never said it was ringing is unreachable, whatever Dial calls it.
    """
    match message.get("Status"):
        case "NOTFREE":
            return OfferFailure.NOT_FREE
        case "ANSWER":
            return OfferFailure.HUNG_UP_AT_ONCE
        case "BUSY":
            return OfferFailure.BUSY
        case "NOANSWER" if has_rung:
            return OfferFailure.NO_ANSWER
        case _ if message.get("Cause") == CALL_REJECTED:
            return OfferFailure.BUSY
        case _:
            return OfferFailure.UNREACHABLE


def callback_failure(status: str) -> CallbackFailure:
    """Why a citizen was not reached, from Dial's status or the dialplan's own words."""
    match status:
        case "BUSY":
            return "busy"
        case "NOANSWER":
            return "no_answer"
        case "REFUSED":
            return "refused"
        case _:
            return "failed"


def moment(message: Mapping[str, str]) -> Millis | None:
    """When Asterisk says that this happened, in epoch milliseconds: news may be late."""
    try:
        return Millis(round(float(message.get("Timestamp", "")) * 1000))
    except ValueError:
        return None
