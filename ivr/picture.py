"""What a drawing of a menu shows: boxes, their rows, and lines; nothing of how it is drawn.

To stay legible the drawing is a tree wherever it can be: the first way to a node, counted from the
entry, is a line; a later one is a small reference with the node's name. What is the same
everywhere is left out: the keys `0`, `*` and `#`, failures that lead to the operator, and what
follows after each queue (one of them shows it, the others name it).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ivr import graph
from ivr.core import menu
from ivr.core.menu import Dialplan, Node, Prompt
from ivr.graph import Edge

TEXT_MAX = 70
LABEL_MAX = 42

LIGHT = frozenset(
    (
        *("on_fail", "back_to", "on_overflow", "on_busy", "on_noanswer", "on_withheld"),
        *("on_error", "call", "global"),
    )
)

Calls = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Row:
    """One exit as it stands in its box: the key or the kind, and what is said for it."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Box:
    """A node. `calls` is how many came by, None when nobody counted."""

    name: str
    kind: str
    text: str
    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    flow: str | None = None
    is_entry: bool = False
    is_reachable: bool = True
    calls: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A way. `row` is where it leaves its box, None for the box as a whole."""

    source: str
    target: str
    label: str
    row: int | None = None
    is_light: bool = False
    is_reference: bool = False
    calls: int | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing; `flows` has the parameters of each sub-flow."""

    title: str
    subtitle: str
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    flows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Exit:
    edge: Edge
    row: int | None


def picture_of(
    dialplan: Dialplan, language: str, *, shows_all: bool = False, calls: Calls | None = None
) -> Picture:
    """A drawing with the texts of one language; `calls` counts callers by node."""
    reached = graph.reachable(dialplan, graph.steps(dialplan))
    boxes: list[Box] = []
    exits: dict[str, list[_Exit]] = {}
    for name, node in dialplan.nodes.items():
        shown, notes = _shown_edges(dialplan, node, shows_all=shows_all)
        rows, exits[name] = _rows(node, shown, language)
        boxes.append(
            Box(
                name=name,
                kind=kind_of(node),
                text=_shorten(text_of(node, language), TEXT_MAX),
                rows=tuple(rows),
                notes=tuple(notes),
                flow=graph.flow_of(name),
                is_entry=name == dialplan.entry,
                is_reachable=name in reached,
                calls=calls.get(name, 0) if calls is not None else None,
            )
        )
    lines = _lines(dialplan, exits, shows_all=shows_all)
    if calls is not None:
        lines = [replace(line, calls=_calls_of(line, calls)) for line in lines]
    operator = dialplan.globals.operator
    return Picture(
        title=dialplan.name or dialplan.id,
        subtitle=f"{len(boxes)} nodes, version {dialplan.version}, texts in {language}. "
        f"Key 0 leads to {operator} from everywhere, and so do silence and wrong keys "
        f"where nothing else is drawn; * goes back, # repeats.",
        boxes=tuple(boxes),
        lines=tuple(lines),
        flows=_flows(dialplan),
    )


def kind_of(node: Node) -> str:
    """The `type` of a node as it is written."""
    return _KINDS[type(node)]


_KINDS: Mapping[type, str] = {
    menu.Say: "say",
    menu.Menu: "menu",
    menu.LanguageMenu: "language",
    menu.Collect: "collect",
    menu.Confirm: "confirm",
    menu.Branch: "branch",
    menu.SetNode: "set",
    menu.Lookup: "lookup",
    menu.Http: "http",
    menu.Queue: "queue",
    menu.Callback: "callback",
    menu.Voicemail: "voicemail",
    menu.Survey: "survey",
    menu.Transfer: "transfer",
    menu.Call: "call",
    menu.Return: "return",
    menu.HangUp: "hangup",
}


def text_of(node: Node, language: str) -> str:
    """What a node says first, or what it does when it says nothing."""
    match node:
        case menu.Say() | menu.Collect() | menu.Confirm() | menu.Voicemail() | menu.Survey():
            return _prompt(node.prompt, language)
        case menu.Menu():
            return _prompt(node.intro or (), language)
        case menu.LanguageMenu():
            return next(iter((node.intro or {}).values()), "")
        case menu.Transfer():
            return f"{node.number}: {_prompt(node.prompt, language)}"
        case menu.HangUp():
            return _prompt(node.prompt or (), language)
        case _:
            return _silent_text_of(node)


def _silent_text_of(node: Node) -> str:
    match node:
        case menu.Queue():
            return f"topic {node.topic.text.strip(chr(39))}"
        case menu.Callback():
            return f"calls back {node.number.text}"
        case menu.Call():
            given = ", ".join(f"{k} = {v.text.strip(chr(39))}" for k, v in node.arguments)
            return f"flow {node.flow}({given})"
        case menu.Http():
            return f"{node.method} {node.url.text}"
        case menu.Lookup():
            return f"{node.find.key.text} in {node.find.table}"
        case menu.SetNode():
            return ", ".join(f"{each.target} = {each.value.text}" for each in node.set)
        case menu.Return():
            return "back to the caller of the flow"
        case _:
            return ""


def _prompt(prompt: Prompt, language: str) -> str:
    words = []
    for part in prompt:
        match part:
            case menu.Said(texts):
                words.append(texts.get(language, ""))
            case menu.RowText(table, key, _):
                words.append(f"‹{table}: {key.text}›")
            case menu.Spoken(value, _):
                words.append(f"‹{value.text}›")
            case menu.Broadcasts():
                words.append("‹broadcasts that are on›")
    return " ".join(words)


def _shown_edges(
    dialplan: Dialplan, node: Node, *, shows_all: bool
) -> tuple[list[Edge], list[str]]:
    """The ways to draw, and those that are told in words instead."""
    edges = graph.edges(node)
    if shows_all:
        zero = graph.global_edges(dialplan).get(node.name)
        return [*edges, *([zero] if zero is not None else [])], []
    operator = dialplan.globals.operator
    shown: list[Edge] = []
    notes: list[str] = []
    for edge in edges:
        if edge.kind in ("back_to", "call") or (edge.kind == "on_fail" and edge.target == operator):
            continue
        if isinstance(node, menu.Queue) and node.name != operator:
            word = "then" if edge.kind == "next" else "nobody free:"
            notes.append(f"{word} {edge.target}")
        else:
            shown.append(edge)
    return shown, notes


def _rows(node: Node, edges: list[Edge], language: str) -> tuple[list[Row], list[_Exit]]:
    """Rows for a node with several ways out; a single plain way needs none."""
    if len(edges) <= 1 and not any(edge.kind == "key" for edge in edges):
        return [], [_Exit(edge, None) for edge in edges]
    rows: list[Row] = []
    exits: list[_Exit] = []
    for edge in edges:
        exits.append(_Exit(edge, len(rows)))
        rows.append(_row(node, edge, language))
    return rows, exits


def _row(node: Node, edge: Edge, language: str) -> Row:
    word = edge.kind.removeprefix("on_").replace("_", " ")
    if edge.kind == "case":
        return Row("if", _shorten(edge.label, LABEL_MAX))
    if edge.kind != "key":
        return Row(edge.label, word) if edge.label else Row("", word)
    match node:
        case menu.Menu():
            label = next(o.label[language] for o in node.options if o.key == edge.label)
        case menu.LanguageMenu():
            label = next(o.label for o in node.options if o.key == edge.label)
        case _:
            label = ""
    return Row(edge.label, _shorten(label, LABEL_MAX))


def _lines(dialplan: Dialplan, exits: Mapping[str, list[_Exit]], *, shows_all: bool) -> list[Line]:
    """Lines and references; several ways between the same two boxes become one."""
    depth = _depths(dialplan, exits)
    first: set[str] = {dialplan.entry, *_flow_entries(dialplan)}
    found: list[Line] = []
    for name in sorted(exits, key=lambda each: depth.get(each, len(depth))):
        for line in _merged(name, exits[name]):
            further = depth.get(line.target, 0) - depth.get(name, 0)
            is_tree = line.target not in first and further > 0
            is_near = further == 1 and not line.is_light
            is_line = shows_all or (_is_same_group(name, line.target) and (is_tree or is_near))
            first.add(line.target)
            found.append(replace(line, is_reference=not is_line))
    return found


def _is_same_group(one: str, other: str) -> bool:
    return graph.flow_of(one) == graph.flow_of(other)


def _merged(name: str, exits: list[_Exit]) -> Iterator[Line]:
    by_target: dict[tuple[str, bool], list[_Exit]] = {}
    for each in exits:
        is_light = each.edge.kind in LIGHT
        by_target.setdefault((each.edge.target, is_light), []).append(each)
    for (target, is_light), several in by_target.items():
        row = several[0].row if len(several) == 1 else None
        yield Line(name, target, _label([each.edge for each in several]), row, is_light)


def _label(edges: list[Edge]) -> str:
    """The keys of a way, or its kind where that is not plain."""
    keys = [edge.label for edge in edges if edge.kind in ("key", "global", "on_yes", "on_no")]
    words = [
        edge.kind.removeprefix("on_").replace("_", " ")
        for edge in edges
        if edge.kind not in ("key", "global", "on_yes", "on_no", "next", "case")
    ]
    if any(edge.kind == "case" for edge in edges) and len(edges) > 1:
        words.insert(0, "if")
    if len(keys) > 3 and keys == [str(int(keys[0]) + n) for n in range(len(keys))]:
        keys = [f"{keys[0]}-{keys[-1]}"]
    return ", ".join([*keys, *dict.fromkeys(words)])


def _depths(dialplan: Dialplan, exits: Mapping[str, list[_Exit]]) -> dict[str, int]:
    """How many boxes lie before each, plain ways first, then those that are drawn light."""
    found: dict[str, int] = {}
    starts = [dialplan.entry, *_flow_entries(dialplan), *dialplan.nodes]
    for start in starts:
        if start in found:
            continue
        if start not in (dialplan.entry, *_flow_entries(dialplan)):
            before = [
                found[name] + 1
                for name, outs in exits.items()
                if name in found and any(each.edge.target == start for each in outs)
            ]
            found[start] = min(before, default=0)
        else:
            found[start] = 0
        level = [start]
        while level:
            following: list[str] = []
            for name in level:
                for each in exits[name]:
                    target = each.edge.target
                    is_plain = each.edge.kind not in LIGHT
                    if target not in found and is_plain and _is_same_group(name, target):
                        found[target] = found[name] + 1
                        following.append(target)
            level = following
    return found


def _flow_entries(dialplan: Dialplan) -> list[str]:
    calls = (node for node in dialplan.nodes.values() if isinstance(node, menu.Call))
    return list(dict.fromkeys(node.entry for node in calls))


def _flows(dialplan: Dialplan) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for node in dialplan.nodes.values():
        if isinstance(node, menu.Call):
            found.setdefault(node.flow, tuple(name for name, _ in node.arguments))
    return found


def _calls_of(line: Line, calls: Calls) -> int:
    """No more came along a line than left the one box or entered the other."""
    return min(calls.get(line.source, 0), calls.get(line.target, 0))


def _shorten(text: str, length: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"
