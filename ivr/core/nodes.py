"""The nodes of a menu and what they are made of; `ivr.core.menu` is where to import them from.

Texts are `{language: sentence}`. Durations are integer milliseconds. Every target (a `goto`, a
`next`, an `on_...`) names a node of the same `Dialplan`; the loader guarantees that it exists, so
nothing that walks a dialplan has to ask again. Nodes of a sub-flow are named `flow.node`; those
of the file itself have no dot.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ivr.core.expressions import Expression

Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Clip:
    """One sentence in one language: the unit that is recorded, built and played.

    `is_private`: part of what a caller entered and must not stand in any log.
    """

    language: str
    text: str
    is_private: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence between two clips, during which a key still counts."""

    ms: int


Sound = Clip | Pause


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence as it is written, or its words before or after a value that is filled in.

    Such words can be missing in some languages: the value stands where the grammar wants it.
    """

    texts: Texts


@dataclass(frozen=True, slots=True)
class RowText:
    """A text from a table: the row that `key` names, the column in the caller's language.

    A row that does not exist is silent, and a warning in the call's timeline.
    """

    table: str
    key: Expression
    column: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """A value: `number` as a number of 0..60, `digits` one by one, `text` a table's text.

    `text` expects what a lookup has stored, such as `call.service.name` (texts by language).
    """

    value: Expression
    how: Literal["number", "digits", "text"]


@dataclass(frozen=True, slots=True)
class Broadcasts:
    """Whatever operations have switched on at this moment, one after another; often nothing."""


Part = Said | RowText | Spoken | Broadcasts
Prompt = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """`target` is `language` or a name below `call.`; the value is worked out when it is set."""

    target: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Jump:
    """Assignments, in order, and the node that follows."""

    goto: str
    set: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Timing:
    """How long and how often a node that takes keys waits.

    `attempts` counts plays in total, silence and wrong keys together (S7); None has no limit and
    comes from a profile of people who need time, never from a file.
    `first_digit_ms` runs from the end of the prompt; it is doubled after a silence.
    `inter_digit_ms` is used only while a longer key could still match.
    `slow_after_noinput`: after a silence the prompt is played slower.
    """

    attempts: int | None
    first_digit_ms: int
    inter_digit_ms: int
    option_gap_ms: int
    bargein: bool
    type_ahead: bool = True
    slow_after_noinput: bool = True


@dataclass(frozen=True, slots=True)
class Reprompts:
    """What is said after silence and after a wrong key instead of the language's own phrase.

    The n-th silence takes the n-th prompt of `noinput`, the n-th wrong key the n-th of `nomatch`,
    the last one when there are fewer (VoiceXML's rule).
    """

    noinput: tuple[Prompt, ...] = ()
    nomatch: tuple[Prompt, ...] = ()


@dataclass(frozen=True, slots=True)
class Input:
    """What every node that takes keys has.

    `globals_on` false: `0`, `*` and `#` mean nothing of their own here. `back_to` is where `*`
    leads when no menu came before; None repeats this node.
    """

    timing: Timing
    on_fail: Jump
    reprompts: Reprompts = Reprompts()
    globals_on: bool = True
    back_to: str | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a menu: what is said for it, the key, and where it leads."""

    key: str
    label: Texts
    to: Jump


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
    prompt: Prompt
    bargein: bool
    next: str
    set: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Menu:
    """Plays options, takes a key, goes where it leads. S4: file order, then the `0` option."""

    name: str
    intro: Prompt | None
    options: tuple[Option, ...]
    announce_count: bool
    input: Input
    set: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class LanguageMenu:
    """Asks for the language. `remember`: the choice is kept for the caller's number."""

    name: str
    intro: Texts | None
    options: tuple[LanguageOption, ...]
    input: Input
    next: str
    remember: bool = False
    set: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Find:
    """A look into a table: the row whose key column equals `key`, into a `call.` variable."""

    table: str
    key: Expression
    into: str


@dataclass(frozen=True, slots=True)
class Collect:
    """Takes digits. An entry of `digits_max` digits ends at once, a shorter one with `#` or time.

    `store` is the `call.` variable. `check` is `iin` (12 digits, checksum) or a regular
    expression that the whole entry must match. `is_sensitive` entries are masked in every log.
    `empty_key` pressed first leads to `on_empty`. `find` looks the entry up after it was stored:
    `on_found`, `on_missing`; without it the entry leads to `next`.
    """

    name: str
    prompt: Prompt
    digits_min: int
    digits_max: int
    store: str
    input: Input
    check: str | None = None
    is_sensitive: bool = False
    empty_key: str | None = None
    on_empty: Jump | None = None
    find: Find | None = None
    on_found: Jump | None = None
    on_missing: Jump | None = None
    next: Jump | None = None
    set: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Confirm:
    """Says something and asks whether it is right: 1 yes, 2 no. Keys pressed early do not count."""

    name: str
    prompt: Prompt
    on_yes: Jump
    on_no: Jump
    input: Input
    set: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One way of a branch."""

    when: Expression
    to: Jump


@dataclass(frozen=True, slots=True)
class Branch:
    """The first case that is true wins; `otherwise` when none is."""

    name: str
    cases: tuple[Case, ...]
    otherwise: Jump
    set: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class SetNode:
    """Assigns and goes on (`type: set`)."""

    name: str
    set: tuple[Assignment, ...]
    next: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """Looks into a table (`type: lookup`)."""

    name: str
    find: Find
    on_found: Jump
    on_missing: Jump
    set: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Http:
    """Asks a service of another house; the answer is `call.http`.

    `url` is a name of `config.` or a literal. `body` are the fields of a JSON object. The filler
    is said before asking. Anything but an answer of 2xx in time leads to `on_error`.
    """

    name: str
    method: Literal["GET", "POST"]
    url: Expression
    body: tuple[tuple[str, Expression], ...]
    timeout_ms: int
    filler: Prompt | None
    on_ok: Jump
    on_error: Jump
    set: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """Hands the caller to the router.

    `topic` gives a topic of skills.yaml, or the name of a queue (any topic of that queue will
    do). `priority_s` is a head start in seconds. `next` runs when the operator has hung up and
    the caller is still there, or None ends the call politely. `on_overflow` is where the router
    sends a caller for whom there is nobody. `topics` are those `topic` can come to, as far as the
    file tells; empty means any.
    """

    name: str
    topic: Expression
    priority_s: int
    next: str | None
    on_overflow: str | None = None
    keep_place: bool = False
    announce_every_ms: int | None = None
    offer_callback_after_ms: int | None = None
    topics: tuple[str, ...] = ()
    set: tuple[Assignment, ...] = ()
    announce_position: bool = False
    announce_eta: bool = False


@dataclass(frozen=True, slots=True)
class Callback:
    """Promises to call back the number. `on_withheld`: no number, or the centre takes none now."""

    name: str
    number: Expression
    confirm_number: bool
    max_age_ms: int
    next: str
    on_withheld: str
    input: Input
    set: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Voicemail:
    """Takes a message: prompt, beep, up to `max_ms`; four seconds of silence or `#` end it."""

    name: str
    prompt: Prompt
    max_ms: int
    next: str
    set: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """One question after the operator has hung up, answered with one key of `scale`, asked once.

    Whoever does not answer goes on with `next` too; neither `input.on_fail` nor `0` counts here.
    `key` names the figure in the records. `low` is the highest answer that is tagged `low_tag`.
    """

    name: str
    key: str
    prompt: Prompt
    scale: tuple[str, ...]
    input: Input
    next: str
    low: int | None = None
    low_tag: str = ""
    set: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Transfer:
    """Leads the caller out of the centre, to a number such as 112; the prompt says where to."""

    name: str
    number: str
    prompt: Prompt
    next: str | None
    on_busy: str
    on_noanswer: str
    set: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """Runs a sub-flow from its `entry`; its `return` goes on with `next`, else with its own."""

    name: str
    flow: str
    entry: str
    arguments: tuple[tuple[str, Expression], ...]
    next: str | None
    set: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Return:
    """Ends a sub-flow: on with `next` of the caller, or with its own when the caller has none."""

    name: str
    next: str | None
    set: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class HangUp:
    """Plays a last prompt, if any, and ends the call."""

    name: str
    prompt: Prompt | None
    set: tuple[Assignment, ...] = ()


InputNode = Menu | LanguageMenu | Collect | Confirm | Survey
Node = (
    Say
    | Menu
    | LanguageMenu
    | Collect
    | Confirm
    | Branch
    | SetNode
    | Lookup
    | Http
    | Queue
    | Callback
    | Voicemail
    | Survey
    | Transfer
    | Call
    | Return
    | HangUp
)
