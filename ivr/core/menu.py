"""What a menu is, once it has been read and checked: frozen nouns, no behaviour.

Texts are `{language: sentence}`. Durations are integer milliseconds. Every `goto`, `next` and
`on_fail` names a node of the same `Dialplan`; the loader guarantees that it exists, so nothing
that walks a dialplan has to ask again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Clip:
    """One sentence in one language: the unit that is recorded, built and played."""

    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence between two clips, during which a key still counts."""

    ms: int


Sound = Clip | Pause


@dataclass(frozen=True, slots=True)
class Timing:
    """How long and how often a node that takes keys waits.

    `attempts` counts plays in total, silence and wrong keys together (S7).
    `first_digit_ms` runs from the end of the prompt; it is doubled after a silence.
    `inter_digit_ms` is used only while a longer key could still match.
    """

    attempts: int
    first_digit_ms: int
    inter_digit_ms: int
    option_gap_ms: int
    bargein: bool


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a menu: what is said for it, the key, and the node it leads to."""

    key: str
    label: Texts
    goto: str


@dataclass(frozen=True, slots=True)
class LanguageOption:
    """One language on offer, announced in that language only."""

    key: str
    language: str
    label: str


@dataclass(frozen=True, slots=True)
class Say:
    """Plays a prompt and goes on.

    With `bargein` any key stops it: `#` does only that, `0` and `*` mean what they always mean,
    other keys are kept for the next node. Without it the prompt is heard to its end first.
    """

    name: str
    prompt: Texts
    bargein: bool
    next: str


@dataclass(frozen=True, slots=True)
class Menu:
    """Plays options, takes a key, goes where it leads.

    `back_to` is where `*` leads when no menu came before; None repeats this one.
    """

    name: str
    intro: Texts | None
    options: tuple[Option, ...]
    announce_count: bool
    timing: Timing
    globals_on: bool
    back_to: str | None
    on_fail: str


@dataclass(frozen=True, slots=True)
class LanguageMenu:
    """Asks for the language; `fail_language` is assumed when nothing usable was pressed."""

    name: str
    intro: Texts | None
    options: tuple[LanguageOption, ...]
    timing: Timing
    globals_on: bool
    next: str
    fail_language: str
    on_fail: str


@dataclass(frozen=True, slots=True)
class Queue:
    """Hands the caller to the router.

    `topic` is a topic of skills.yaml, or the name of a queue (any topic of that queue will do).
    `priority_s` is a head start in seconds. `next` runs when the operator has hung up and the
    caller is still there; None ends the call politely.
    """

    name: str
    topic: str
    priority_s: int
    next: str | None


@dataclass(frozen=True, slots=True)
class HangUp:
    """Plays a last prompt, if any, and ends the call."""

    name: str
    prompt: Texts | None


Node = Say | Menu | LanguageMenu | Queue | HangUp


@dataclass(frozen=True, slots=True)
class Phrases:
    """The spoken glue of one language.

    `option` holds `{label}` and one of `{digit}` (nominative) or `{digit_acc}` (accusative).
    `count` holds `{n}` and, where the language needs it, a `{one|few|many}` group.
    """

    option: str
    count: str
    noinput: str
    nomatch: str
    to_operator: str


@dataclass(frozen=True, slots=True)
class Globals:
    """The keys that work everywhere: `0` leads to `operator`; `*` goes back; `#` repeats."""

    operator: str
    label: Texts


@dataclass(frozen=True, slots=True)
class Limits:
    """What stops a caller from wandering for ever; each limit ends at a person."""

    max_steps: int
    max_revisits: int
    max_ivr_ms: int


@dataclass(frozen=True, slots=True)
class Dialplan:
    """One menu tree. `version` is a hash of the file: a call keeps the one it started with."""

    id: str
    name: str
    version: str
    languages: tuple[str, ...]
    default_language: str
    entry: str
    nodes: Mapping[str, Node]
    phrases: Mapping[str, Phrases]
    globals: Globals
    limits: Limits
