"""What a menu session is told and what it asks for: its events, its commands, its timeline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ivr.core import menu
from ivr.core.expressions import Value

Result = Literal["match", "noinput", "nomatch", "global", "fail", "hangup"]
Via = Literal["early", "bargein", "after"]


@dataclass(frozen=True, slots=True)
class Started:
    """The call was answered; the entry node begins."""


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """One key of the telephone: 0-9, `*` or `#`. Anything else is ignored."""

    key: str


@dataclass(frozen=True, slots=True)
class PlaybackFinished:
    """The last `Play` came to its end."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The time of the last `Listen` passed without a key."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller has gone."""


@dataclass(frozen=True, slots=True)
class AfterOperator:
    """The operator hung up and the caller is still there: run `next` of that queue node.

    May be the first event of a session, since the call left the menu in between.
    """

    node: str


@dataclass(frozen=True, slots=True)
class Overflowed:
    """The router has nobody for the caller of that queue node: run its `on_overflow`.

    May be the first event of a session, like `AfterOperator`.
    """

    node: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """The answer to `Fetch`: the parsed JSON, or None when there was no answer of 2xx in time."""

    body: Value


@dataclass(frozen=True, slots=True)
class Recorded:
    """The answer to `Record`: how much was spoken; 0 is nothing."""

    length_ms: int


@dataclass(frozen=True, slots=True)
class CallbackAnswered:
    """The answer to `BookCallback`: whether the number will be called."""

    is_booked: bool


@dataclass(frozen=True, slots=True)
class TransferFailed:
    """The other house did not take the caller of that transfer node, who is still there.

    May be the first event of a session, like `AfterOperator`.
    """

    node: str
    reason: Literal["busy", "noanswer"]


Event = (
    Started
    | KeyPressed
    | PlaybackFinished
    | TimedOut
    | HungUp
    | AfterOperator
    | Overflowed
    | Fetched
    | Recorded
    | CallbackAnswered
    | TransferFailed
)


@dataclass(frozen=True, slots=True)
class Play:
    """Play these sounds one after another; `is_slow`: the slower variant of each."""

    sounds: tuple[menu.Sound, ...]
    interruptible: bool
    is_slow: bool = False


@dataclass(frozen=True, slots=True)
class Listen:
    """Wait in silence for one key."""

    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Hand the caller to the router; the menu is over until `AfterOperator`."""

    node: str
    topic: str
    language: str
    priority_s: int
    keep_place: bool = False


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Ask another house: JSON out, JSON in, at most 64 kB, no longer than `timeout_ms`."""

    node: str
    method: Literal["GET", "POST"]
    url: str
    body: Mapping[str, Value]
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Record:
    """Beep, then take down what the caller says until `#`, four seconds of silence or the limit."""

    node: str
    max_ms: int


@dataclass(frozen=True, slots=True)
class BookCallback:
    """Promise to call this number back."""

    node: str
    number: str
    language: str
    topic: str
    max_age_ms: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """Lead the caller out to this number; the menu is over unless that fails."""

    node: str
    number: str


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep the language for the caller's number. Takes no time."""

    language: str


@dataclass(frozen=True, slots=True)
class Rated:
    """The caller's answer to a survey; `tag` when it was low. Takes no time."""

    key: str
    score: int
    tag: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Something an admin should know that did not stop the call: a missing row, an unset name."""

    node: str
    message: str


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the call's timeline: a node was left, or played again.

    `visit` and `attempt` count from 1. `heard` is empty when keys pressed early spared the
    prompt. `key` is masked where the node is sensitive. `result` is None where no key was asked
    for. `reason` says what forced the step or how it came out: a limit, `booked`, `missing` where
    a look into a table found nothing. `to` is the node that follows, None when the call ends,
    waits or asks again. `case` is the number, from 0, of the case of a branch that was true, None
    when none was. `entered_ms` is when the node
    was entered, `first_key_ms` how long after the end of the prompt the first key came (-1:
    during it, or earlier), None without a key.
    """

    at_ms: int
    node: str
    visit: int
    attempt: int
    language: str
    heard: tuple[str, ...]
    key: str | None
    result: Result | None
    via: Via | None = None
    reason: str | None = None
    to: str | None = None
    entered_ms: int | None = None
    first_key_ms: int | None = None
    case: int | None = None


Command = (
    Play
    | Listen
    | Enqueue
    | HangUp
    | Fetch
    | Record
    | BookCallback
    | Transfer
    | Remember
    | Rated
    | Warned
    | Note
)

UNTIMED = (Note, Remember, Rated, Warned)
"""The commands that take no time: any number of them stands before the one that does."""
