"""Where each caller's channel stands in Asterisk's dialplan, as far as the events have told us.

    MENU -> HOLD -> PARKED -> MOVING -> RINGING -> TALKING -> AFTER -> GONE
                      ^----- SAYING ------'  any of them -> FALLBACK, GONE

A Redirect is sent only to a channel sitting in an application (PARKED in music, SAYING a message,
RINGING or TALKING in Dial), never to one on its way, and only one at a time (MOVING).
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

from acd.core.commands import (
    CancelOffer,
    LeaveQueue,
    Offer,
    OfferCallbackTo,
    PlayMessage,
    ReturnCaller,
    Tell,
)
from acd.core.names import ContactId, OperatorId

Wish = Offer | CancelOffer | ReturnCaller | PlayMessage | LeaveQueue | Tell | OfferCallbackTo


class Place(Enum):
    """Where in the dialplan a caller is."""

    MENU = "menu"
    HOLD = "hold"
    PARKED = "parked"
    SAYING = "saying"
    MOVING = "moving"
    RINGING = "ringing"
    TALKING = "talking"
    AFTER = "after"
    FALLBACK = "fallback"
    GONE = "gone"


@dataclass(slots=True)
class Line:
    """One caller's channel. `call` is its Uniqueid and our id of the call.

    `contact` is the router's: the call's id, but for a citizen who is called back.
    `owes_offer` while the caller is still to hear that they may have a callback, `is_asked` while
    they are asked for the number.
    `offer` counts the offers of this call; Asterisk names it in what it reports of one.
    `leg` is the Uniqueid of the operator's channel, `leg_channel` its name.
    `wishes` are commands that wait for the channel to sit still.
    """

    call: str
    channel: str
    place: Place = Place.MENU
    operator: OperatorId | None = None
    offer: int = 0
    has_rung: bool = False
    leg: str | None = None
    leg_channel: str | None = None
    interruptible: bool = True
    wishes: deque[Wish] = field(default_factory=deque)
    moved: int = 0
    contact: ContactId = field(default=ContactId(""))
    owes_offer: bool = False
    is_asked: bool = False

    def __post_init__(self) -> None:
        self.contact = self.contact or ContactId(self.call)

    @property
    def is_callback(self) -> bool:
        """Whether the citizen was called by us."""
        return self.contact != self.call

    @property
    def is_still(self) -> bool:
        """Whether a Redirect would find the channel in an application."""
        return self.place in (Place.PARKED, Place.RINGING, Place.TALKING) or (
            self.place is Place.SAYING and self.interruptible
        )

    @property
    def is_in_menu(self) -> bool:
        """Whether a menu speaks to the caller, and leads them to where they go next."""
        return self.place in (Place.MENU, Place.AFTER)
