"""An operator at work: what they are doing, and what they will do when it ends.

    logged out --ready--> READY --offer--> RINGING --answer, bridge--> TALKING --> WRAP_UP --> READY
                            ^                 | failed: set aside (paused with the reason)
                            +--ready-- PAUSED +

A pause or a log-out that arrives in a conversation waits for its end. The phone's own state
stands beside this: an operator is offered callers only while the phone is free as well.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from acd.core.events import Phone
from acd.core.handling import Running
from acd.core.names import NO_TIME, ContactId, Millis, Topic
from acd.core.queues import OperatorProfile


class OperatorState(Enum):
    """What ops see, in the words of the reports."""

    OFFLINE = "offline"
    READY = "ready"
    RINGING = "ringing"
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    PAUSED = "paused"

    # By identity: the counting of times looks states up several times for each call.
    __hash__ = object.__hash__


Shown = tuple[OperatorState, str | None]
"""A state, with the reason of a pause."""

_OFFLINE: Final[Shown] = (OperatorState.OFFLINE, None)
_READY: Final[Shown] = (OperatorState.READY, None)
_RINGING: Final[Shown] = (OperatorState.RINGING, None)
_TALKING: Final[Shown] = (OperatorState.TALKING, None)
_WRAP_UP: Final[Shown] = (OperatorState.WRAP_UP, None)


class Work(Enum):
    """What a contact makes the operator do."""

    NONE = "none"
    RINGING = "ringing"
    TALKING = "talking"
    WRAP_UP = "wrap_up"


LEAVING: Final = "shift_ends"
"""What an operator is called who is free, but so close to the end of the shift is not rung."""

PAST_MAX: Final = 64
"""How many changes of state are remembered of each operator, to say later what they were doing."""


@dataclass(slots=True)
class Seat:
    """One operator's present. Only the router changes it.

    From `bit` on it is the book-keeping of `Staff`: the operator's place in its sets (none once
    off the roster), the time in conversation and wrap-up since logging in, the state last noted,
    what a decision record calls it (None: logged out), and what it was before. `topic` and
    `began` are of the last conversation, `handled` is one whose wrap-up is not over yet. From
    `last_offer_at` on they are not rung; who `goes_home` is logged out when the work is done.
    """

    profile: OperatorProfile
    logged_in: bool = False
    pause: str | None = None
    phone: Phone = Phone.UNREACHABLE
    work: Work = Work.NONE
    contact: ContactId | None = None
    work_until: Millis | None = None
    pause_next: str | None = None
    logout_next: bool = False
    since: Millis = NO_TIME
    bit: int = 0
    index: int = -1
    order_key: int = 0
    busy_ms: int = 0
    shown: Shown = _OFFLINE
    counted: str | None = None
    talk_slot: int | None = None
    talk_class: int = 0
    topic: Topic | None = None
    began: Millis = NO_TIME
    handled: tuple[Topic, Millis] | None = None
    paces: Running = field(default_factory=Running)
    pace_class: int = 0
    shift_ends: Millis | None = None
    last_offer_at: Millis | None = None
    goes_home: bool = False
    past: "deque[tuple[Millis, str | None]]" = field(default_factory=lambda: deque(maxlen=PAST_MAX))

    def state(self) -> Shown:
        """The state shown, with the reason of a pause; work outranks what is wished for next."""
        work = self.work
        if work is not Work.NONE:
            if work is Work.RINGING:
                return _RINGING
            if work is Work.TALKING:
                return _TALKING
            if self.logged_in:
                return _WRAP_UP
        if not self.logged_in:
            return _OFFLINE
        if self.pause is not None:
            return OperatorState.PAUSED, self.pause
        if self.phone is not Phone.FREE:
            return OperatorState.PAUSED, f"phone_{self.phone.value}"
        return _READY

    @property
    def is_ready(self) -> bool:
        """Whether this operator can be rung this instant."""
        return (
            self.work is Work.NONE
            and self.logged_in
            and self.pause is None
            and self.phone is Phone.FREE
            and self.counted != LEAVING
        )

    def said(self, when: Millis) -> str | None:
        """The word for the state at some moment of the past; None: logged out, or long ago."""
        before: str | None = None
        for since, word in self.past:
            if since > when:
                break
            before = word
        return before

    def start(self, work: Work, contact: ContactId | None, until: Millis | None) -> None:
        """Put to work, or None for idle again; carries out what was wished for meanwhile."""
        self.work, self.contact, self.work_until = work, contact, until
        if work in (Work.NONE, Work.WRAP_UP) and self.logout_next:
            self.logged_in, self.logout_next = False, False
            self.pause = self.pause_next = None
            self.work, self.contact, self.work_until = Work.NONE, None, None
        if self.work is Work.NONE and self.goes_home:
            self.logged_in, self.goes_home = False, False
            self.pause = self.pause_next = None
        if self.work is Work.NONE and self.pause_next is not None:
            self.pause, self.pause_next = self.pause_next, None

    def say_home(self) -> None:
        """The shift is over: logs out now, or after the conversation and its wrap-up."""
        self.goes_home = self.logged_in
        if self.work is Work.NONE:
            self.start(Work.NONE, None, None)

    def say_ready(self) -> None:
        """Logs in, and takes back a pause or a log-out, present or wished for."""
        self.logged_in, self.logout_next, self.goes_home = True, False, False
        self.pause = self.pause_next = None
        if self.work is Work.WRAP_UP:
            self.start(Work.NONE, None, None)

    def say_pause(self, reason: str) -> None:
        """Pauses now, or after the conversation and its wrap-up."""
        if self.work is Work.TALKING:
            self.pause_next = reason
            return
        self.pause, self.pause_next = reason, None
        if self.work is Work.WRAP_UP:
            self.start(Work.NONE, None, None)

    def say_logout(self) -> None:
        """Logs out now, or after the conversation."""
        if self.work is Work.TALKING:
            self.logout_next = True
            return
        self.logged_in = self.goes_home = False
        self.pause = self.pause_next = None
        if self.work is Work.WRAP_UP:
            self.start(Work.NONE, None, None)
