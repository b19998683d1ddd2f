"""What every part of a dialplan reader needs: names that exist, languages, places, defaults."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from acd.yaml_source import Fields, Node, Problems, near_miss
from ivr.core import menu
from ivr.core.expressions import Expression
from ivr.fields import Fields as Described

Place = tuple[str | int, ...]

TIMING_KEYS = ("attempts", "first_digit_timeout", "inter_digit_timeout", "option_gap", "bargein")
DEFAULT_TIMING = menu.Timing(
    attempts=3, first_digit_ms=6000, inter_digit_ms=3000, option_gap_ms=600, bargein=True
)
DEFAULT_ON_FAIL = menu.Jump("operator")
NEAR_MISSES_MAX = 60  # a file where everything is wrong must not be compared for ever


@dataclass(frozen=True, slots=True)
class Flow:
    """A sub-flow: its parameters and the short names of its nodes.

    `entry` is a full name, `flow.node`; empty when what is written names no node.
    """

    name: str
    params: tuple[str, ...]
    names: frozenset[str]
    entry: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """An expression as it stands in the file, and the flow it stands in, if any."""

    expression: Expression
    at: Place
    flow: str | None


@dataclass(slots=True)
class Scope:
    """What is known while one file is read; filled as the reading goes on.

    `names` are the nodes that are written outside flows, good or bad. `topics` is None when nobody
    knows them. `stores` are the variables that entries go into, `finds` the tables that rows come
    from, by variable. `tables` has None for one that could not be read. `uses` has every
    expression, `sets` those that go into a variable, `arguments` those of calls by flow and
    parameter.
    """

    file: str
    problems: Problems
    languages: tuple[str, ...]
    default_language: str
    topics: Collection[str] | None
    config: Path | None
    places: dict[Place, Node]
    names: dict[str, None] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)
    tables: dict[str, menu.Table | None] = field(default_factory=dict)
    schedules: Collection[str] = ()
    stores: set[str] = field(default_factory=set)
    finds: dict[str, list[str]] = field(default_factory=dict)
    may_prefix: set[str] = field(default_factory=set)
    uses: list[Use] = field(default_factory=list)
    sets: dict[str, list[Use]] = field(default_factory=dict)
    arguments: dict[tuple[str, str], list[Use]] = field(default_factory=dict)
    topic_uses: list[tuple[str, Use]] = field(default_factory=list)
    row_uses: list[tuple[str, Use]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    timing: menu.Timing = DEFAULT_TIMING
    on_fail: menu.Jump = DEFAULT_ON_FAIL
    near_miss_count: int = 0

    def resolve(self, name: str, flow: Flow | None) -> str | None:
        """The full name of a node: one of the own flow first, then one of the file."""
        if flow is not None and name in flow.names:
            return f"{flow.name}.{name}"
        return name if name in self.names else None

    def target_of(self, node: Node, flow: Flow | None) -> str | None:
        """The full name of the node that is named here; unknown ones are recorded."""
        text = node.plain_text("the name of a node") if node.entries is None else None
        if node.entries is not None:
            node.error("nothing can be set on this way; write the name of a node")
        if text is None or node.string() is None:
            return None
        found = self.resolve(text, flow)
        if found is None:
            names = [*(flow.names if flow else ()), *self.names]
            remedy = self.near(text, names) or "; write the name of a node of this file"
            owner = next((each for each in self.flows.values() if text in each.names), None)
            if owner is not None and owner is not flow:
                remedy = f"; it is one of the flow '{owner.name}', which only a 'call' node enters"
            node.error(f"there is no node '{text}'{remedy}", "E04")
        return found

    def near(self, word: str, known: Collection[str]) -> str:
        """`near_miss`, as long as there are not too many of them."""
        if len(known) > 200:
            self.near_miss_count += 1
            if self.near_miss_count > NEAR_MISSES_MAX:
                return ""
        return near_miss(word, known)

    def remember(self, fields: Fields, names: Collection[str], at: Place) -> None:
        """Keep the places of values for later messages."""
        for name in names:
            node = fields.get(name)
            if node is not None:
                self.places[*at, name] = node

    def texts(self, node: Node) -> dict[str, str] | None:
        """A sentence in every language of the dialplan, with nothing to fill in."""
        texts = node.texts(self.languages)
        for key, value in node.entries or ():
            offset = (value.text or "").find("{")
            if offset >= 0 and key.text in self.languages:
                value.error_at(offset, "nothing is filled in here; remove the braces")
        return texts

    def read_timing(self, fields: Fields, base: menu.Timing | None = None) -> menu.Timing:
        """The times of a node, or the defaults; what is not written is inherited."""
        base = base or self.timing
        return replace(
            base,
            attempts=fields.read("attempts", lambda n: n.integer(1, 10), base.attempts),
            first_digit_ms=fields.read(
                "first_digit_timeout", duration(500, 60_000), base.first_digit_ms
            ),
            inter_digit_ms=fields.read(
                "inter_digit_timeout", duration(500, 30_000), base.inter_digit_ms
            ),
            option_gap_ms=fields.read("option_gap", duration(0, 5000), base.option_gap_ms),
            bargein=fields.read("bargein", Node.boolean, base.bargein),
            type_ahead=fields.read("type_ahead", Node.boolean, base.type_ahead),
            slow_after_noinput=fields.read(
                "slow_after_noinput", Node.boolean, base.slow_after_noinput
            ),
        )


def described_fields(node: Node, described: Described, key: Node | None = None) -> Fields | None:
    """The fields of a mapping; unknown and missing ones are recorded.

    A missing exit is recorded at `key`, what belongs to the mapping at the mapping.
    """
    fields = node.fields(optional=described)
    if fields is None:
        return None
    for name, each in described.items():
        if each.is_required and name not in fields:
            _record_missing(node, key or node, name, each.rule)
    return fields


def _record_missing(node: Node, key: Node, name: str, rule: str) -> None:
    if rule == "E03":
        node.error(f"the key '{name}' is missing; add '{name}: ...'")
    elif rule == "E23":
        example = "'timeout: \"2s\"'" if name == "timeout" else f"'{name}: ' with a node"
        key.error(f"the node has no '{name}'; add {example}", rule)
    elif name == "next":
        key.error("the node leads nowhere; add 'next: ' with a node", rule)
    else:
        key.error(f"nothing says where '{name}' leads; add '{name}: ' with a node", rule)


def duration(lo_ms: int, hi_ms: int) -> Callable[[Node], int | None]:
    """A converter for a duration within bounds."""
    return partial(Node.duration_ms, lo_ms=lo_ms, hi_ms=hi_ms)


def entry_of(node: Node | None, name: str) -> Node | None:
    """The value under a key, if there is one; nothing is recorded."""
    entries = node.entries if node is not None else None
    return next((value for key, value in entries or () if key.text == name), None)


def text_columns(table: menu.Table) -> list[str]:
    """The columns of texts by language, as the first row has them."""
    row = next(iter(table.rows.values()), {})
    return [name for name, cell in row.items() if isinstance(cell, Mapping)]


def columns_of(table: menu.Table) -> Sequence[str]:
    """Every column that some row has."""
    return list(dict.fromkeys(name for row in table.rows.values() for name in row))
