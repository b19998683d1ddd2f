"""What a menu is, once it has been read and checked: frozen nouns, no behaviour.

Texts are `{language: sentence}`. Durations are integer milliseconds. Every target (a `goto`, a
`next`, an `on_...`) names a node of the same `Dialplan`; the loader guarantees that it exists, so
nothing that walks a dialplan has to ask again. Nodes of a sub-flow are named `flow.node`; those
of the file itself have no dot.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.core.nodes import Assignment as Assignment
from ivr.core.nodes import Branch as Branch
from ivr.core.nodes import Broadcasts as Broadcasts
from ivr.core.nodes import Call as Call
from ivr.core.nodes import Callback as Callback
from ivr.core.nodes import Case as Case
from ivr.core.nodes import Clip as Clip
from ivr.core.nodes import Collect as Collect
from ivr.core.nodes import Confirm as Confirm
from ivr.core.nodes import Find as Find
from ivr.core.nodes import HangUp as HangUp
from ivr.core.nodes import Http as Http
from ivr.core.nodes import Input as Input
from ivr.core.nodes import InputNode as InputNode
from ivr.core.nodes import Jump as Jump
from ivr.core.nodes import LanguageMenu as LanguageMenu
from ivr.core.nodes import LanguageOption as LanguageOption
from ivr.core.nodes import Lookup as Lookup
from ivr.core.nodes import Menu as Menu
from ivr.core.nodes import Node as Node
from ivr.core.nodes import Option as Option
from ivr.core.nodes import Part as Part
from ivr.core.nodes import Pause as Pause
from ivr.core.nodes import Prompt as Prompt
from ivr.core.nodes import Queue as Queue
from ivr.core.nodes import Reprompts as Reprompts
from ivr.core.nodes import Return as Return
from ivr.core.nodes import RowText as RowText
from ivr.core.nodes import Said as Said
from ivr.core.nodes import Say as Say
from ivr.core.nodes import SetNode as SetNode
from ivr.core.nodes import Sound as Sound
from ivr.core.nodes import Spoken as Spoken
from ivr.core.nodes import Survey as Survey
from ivr.core.nodes import Texts as Texts
from ivr.core.nodes import Timing as Timing
from ivr.core.nodes import Transfer as Transfer
from ivr.core.nodes import Voicemail as Voicemail
from ivr.core.schedules import Schedule

Cell = str | int | bool | None | Texts


@dataclass(frozen=True, slots=True)
class Table:
    """Rows by their key; a column is a plain value or texts by language."""

    name: str
    key: str
    rows: Mapping[str, Mapping[str, Cell]]


@dataclass(frozen=True, slots=True)
class Profile:
    """How times change for callers who need it; chosen by `call.profile`.

    `attempts` replaces those of a node, None (written `unlimited`) asks for ever. Times are
    multiplied by `timeout_factor`, `is_slow` plays every prompt slower, `priority_s` is a head
    start in every queue.
    """

    name: str
    attempts: int | None
    timeout_factor: int
    is_slow: bool
    priority_s: int


@dataclass(frozen=True, slots=True)
class Phrases:
    """The spoken glue of one language.

    `option` holds `{label}` and one of `{digit}` (nominative) or `{digit_acc}` (accusative).
    `count` holds `{n}` and, where the language needs it, a `{one|few|many}` group. `confirm`
    holds both keys, `{1}` and `{2}` or `{1_acc}` and `{2_acc}`. `back` and `repeat` are labels of
    `*` and `#`, said in the slow replay; `callback` comes before a number that will be called,
    `enter_number` asks for another one. Those that are empty are said in our own words.
    """

    option: str
    count: str
    noinput: str
    nomatch: str
    to_operator: str
    confirm: str
    back: str = ""
    repeat: str = ""
    callback: str = ""
    enter_number: str = ""


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
    max_depth: int = 4


@dataclass(frozen=True, slots=True)
class Dialplan:
    """One menu tree. `version` is a hash of all its files: a call keeps the one it began with."""

    id: str
    name: str
    version: str
    languages: tuple[str, ...]
    default_language: str
    timezone: str
    entry: str
    nodes: Mapping[str, Node]
    phrases: Mapping[str, Phrases]
    globals: Globals
    limits: Limits
    tables: Mapping[str, Table] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
