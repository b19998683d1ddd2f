"""What a menu session is told and what it asks for: its events, its commands, its timeline."""

from dataclasses import dataclass
from typing import Literal

from ivr.core import menu

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


Event = Started | KeyPressed | PlaybackFinished | TimedOut | HungUp | AfterOperator


@dataclass(frozen=True, slots=True)
class Play:
    """Play these sounds one after another."""

    sounds: tuple[menu.Sound, ...]
    interruptible: bool


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


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the call's timeline: a node was left, or played again.

    `visit` and `attempt` count from 1. `heard` is empty when keys pressed early spared the
    prompt. `result` is None where no key was asked for. `reason` says what forced the step:
    a limit, or how the node was reached.
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


Command = Play | Listen | Enqueue | HangUp | Note
