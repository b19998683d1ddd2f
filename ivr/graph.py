"""Where a call can go in a dialplan: its edges, and what follows from them.

`edges` are the ways out of one node as an author writes them: a `call` leads into its flow and,
when that returns, on to its own `next`. `steps` are the ways as a call walks them: there a `call`
only leads into the flow, each `return` of the flow leads back behind every `call` of it, and a
case that is never true leads nowhere.

Every walk here is a worklist over nodes and edges, so that thousands of nodes take no time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

from ivr.core import menu
from ivr.core.expressions import truth_of
from ivr.core.menu import Assignment, Dialplan, Jump, Node
from ivr.core.speech import NO_KEY, YES_KEY

Edges = Mapping[str, tuple["Edge", ...]]

TERMINAL = menu.Queue | menu.Callback | menu.Voicemail | menu.Transfer | menu.HangUp
ASKING = menu.InputNode | menu.Callback  # nodes that may wait for a key


@dataclass(frozen=True, slots=True)
class Edge:
    """One way out of a node.

    `kind` is the word of the file (`next`, `on_fail`, `on_yes`, `else`, `back_to`, ...), or `key`
    (label: the key), `case` (label: the expression), `call` (label: the flow), `return` (label:
    the node that had called), `global` (label: the key). `set` is what is assigned on the way.
    """

    kind: str
    label: str
    target: str
    set: tuple[Assignment, ...] = ()


def edges(node: Node) -> list[Edge]:
    """The ways out of a node in the order of the file, the global keys left out."""
    match node:
        case menu.Menu() | menu.LanguageMenu() | menu.Collect() | menu.Confirm():
            return [*_edges_of_keys(node), *_edges_of_input(node.input)]
        case menu.Callback():
            return [*_work_edges(node), *_edges_of_input(node.input)]
        case menu.Branch():
            cases = [_jump("case", case.to, case.when.text) for case in node.cases]
            return [*cases, _jump("else", node.otherwise)]
        case menu.Call():
            return [Edge("call", node.flow, node.entry), *_plain("next", node.next)]
        case menu.HangUp():
            return []
        case menu.Lookup() | menu.Http() | menu.Queue() | menu.Transfer():
            return _work_edges(node)
        case _:
            return _plain("next", node.next)


def global_edges(dialplan: Dialplan) -> dict[str, Edge]:
    """The way of the key `0`, for each node where it leads to a person."""
    zero = Edge("global", "0", dialplan.globals.operator)
    return {name: zero for name, node in dialplan.nodes.items() if hears_globals(node)}


def hears_globals(node: Node) -> bool:
    """Whether `0`, `*` and `#` mean what they always mean while this node runs."""
    match node:
        case menu.Survey():
            return False
        case menu.Menu() | menu.LanguageMenu() | menu.Collect() | menu.Confirm():
            return node.input.globals_on
        case menu.Callback():
            return node.input.globals_on
        case menu.Say():
            return node.bargein
        case _:
            return False


def steps(dialplan: Dialplan) -> dict[str, tuple[Edge, ...]]:
    """The ways out of every node as a call walks them, the global keys left out."""
    callers: dict[str, list[menu.Call]] = {}
    for node in dialplan.nodes.values():
        if isinstance(node, menu.Call):
            callers.setdefault(node.flow, []).append(node)
    found: dict[str, tuple[Edge, ...]] = {}
    for name, node in dialplan.nodes.items():
        if isinstance(node, menu.Call):
            found[name] = tuple(edge for edge in edges(node) if edge.kind == "call")
        elif isinstance(node, menu.Return):
            found[name] = tuple(_ways_back(node, callers.get(flow_of(name) or "", ())))
        elif isinstance(node, menu.Branch):
            found[name] = tuple(_possible(node, edges(node)))
        else:
            found[name] = tuple(edges(node))
    return found


def flow_of(name: str) -> str | None:
    """The flow a node belongs to; None for a node of the file itself."""
    flow, dot, _ = name.partition(".")
    return flow if dot else None


def written_edges(
    dialplan: Dialplan, passes: Callable[[Node], bool] = lambda node: True
) -> dict[str, tuple[Edge, ...]]:
    """`edges` of every node, without those that no call walks.

    Gone are the ways behind a `call` whose flow never returns through nodes for which `passes`
    holds, the own ways of a `return` whose callers all have one, and cases that are never true.
    """
    returning = _returning(dialplan, passes)
    nextless = {
        node.flow
        for node in dialplan.nodes.values()
        if isinstance(node, menu.Call) and node.next is None
    }
    found: dict[str, tuple[Edge, ...]] = {}
    for name, node in dialplan.nodes.items():
        outs = edges(node)
        if isinstance(node, menu.Call) and node.entry not in returning:
            outs = [edge for edge in outs if edge.kind == "call"]
        elif isinstance(node, menu.Return) and flow_of(name) not in nextless:
            outs = []
        elif isinstance(node, menu.Branch):
            outs = _possible(node, outs)
        found[name] = tuple(outs)
    return found


def reached_from(starts: Iterable[str], ways: Edges) -> set[str]:
    """Every node that some walk gets to, the starts among them."""
    found: set[str] = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name in ways and name not in found:
            found.add(name)
            waiting.extend(edge.target for edge in ways[name])
    return found


def reachable(dialplan: Dialplan, ways: Edges) -> set[str]:
    """Every node some caller can hear; the operator key works everywhere."""
    return reached_from((dialplan.entry, dialplan.globals.operator), ways)


def before(ways: Edges) -> dict[str, list[str]]:
    """The nodes that lead to each node."""
    found: dict[str, list[str]] = {}
    for name, outs in ways.items():
        for edge in outs:
            found.setdefault(edge.target, []).append(name)
    return found


def reaching(goals: Iterable[str], ways: Edges) -> set[str]:
    """Every node from which some walk gets to a goal, the goals among them."""
    back = before(ways)
    found: set[str] = set()
    waiting = list(goals)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(back.get(name, ()))
    return found


def circles(ways: Edges, within: Callable[[str], bool]) -> list[list[str]]:
    """Groups of nodes that lead to each other, of the nodes for which `within` holds.

    Tarjan's strongly connected components without recursion; a node alone counts only when it
    leads to itself.
    """
    search = _Components(ways, within)
    for name in ways:
        if within(name):
            search.walk(name)
    return search.found


def menu_depths(dialplan: Dialplan, ways: Edges) -> dict[str, int]:
    """How many menus, this one included, are heard on the shortest way from the entry.

    Silent nodes, prompts and entries of digits are no menus.
    """

    def cost(name: str) -> int:
        return int(isinstance(dialplan.nodes[name], menu.Menu | menu.LanguageMenu))

    return distances(dialplan.entry, ways, cost)


def distances(start: str, ways: Edges, cost: Callable[[str], int]) -> dict[str, int]:
    """The least sum of costs (0 or more a node, both ends counted) to each node reached."""
    found: dict[str, int] = {}
    waiting = [(cost(start), start)]
    while waiting:
        total, name = heappop(waiting)
        if name in found:
            continue
        found[name] = total
        for edge in ways.get(name, ()):
            if edge.target not in found:
                heappush(waiting, (total + cost(edge.target), edge.target))
    return found


def longest(start: str, ways: Edges, cost: Callable[[str], int | None]) -> dict[str, int]:
    """The greatest sum of costs before each node, on walks that repeat no circle.

    A node of cost None is where a walk ends: it is among the results, what follows is not.
    """
    order: list[str] = []
    seen = {start}
    path = [(start, iter(ways.get(start, ()) if cost(start) is not None else ()))]
    while path:
        name, following = path[-1]
        edge = next(following, None)
        if edge is None:
            order.append(name)
            path.pop()
        elif edge.target not in seen:
            seen.add(edge.target)
            goes_on = cost(edge.target) is not None
            path.append((edge.target, iter(ways.get(edge.target, ()) if goes_on else ())))
    found = {start: 0}
    for name in reversed(order):
        own = cost(name)
        if own is None or name not in found:
            continue
        for edge in ways.get(name, ()):
            found[edge.target] = max(found.get(edge.target, 0), found[name] + own)
    return found


def _edges_of_keys(
    node: menu.Menu | menu.LanguageMenu | menu.Collect | menu.Confirm,
) -> list[Edge]:
    match node:
        case menu.Menu():
            return [_jump("key", option.to, option.key) for option in node.options]
        case menu.LanguageMenu():
            return [Edge("key", option.key, node.next) for option in node.options]
        case menu.Confirm():
            return [_jump("on_yes", node.on_yes, YES_KEY), _jump("on_no", node.on_no, NO_KEY)]
        case menu.Collect():
            return [
                *_jump_or_none("on_found", node.on_found),
                *_jump_or_none("on_missing", node.on_missing),
                *_jump_or_none("next", node.next),
                *_jump_or_none("on_empty", node.on_empty, node.empty_key or ""),
            ]


def _work_edges(
    node: menu.Callback | menu.Lookup | menu.Http | menu.Queue | menu.Transfer,
) -> list[Edge]:
    match node:
        case menu.Callback():
            return [*_plain("next", node.next), *_plain("on_withheld", node.on_withheld)]
        case menu.Lookup():
            return [_jump("on_found", node.on_found), _jump("on_missing", node.on_missing)]
        case menu.Http():
            return [_jump("on_ok", node.on_ok), _jump("on_error", node.on_error)]
        case menu.Queue():
            return [*_plain("next", node.next), *_plain("on_overflow", node.on_overflow)]
        case menu.Transfer():
            return [
                *_plain("next", node.next),
                *_plain("on_busy", node.on_busy),
                *_plain("on_noanswer", node.on_noanswer),
            ]


def _edges_of_input(asking: menu.Input) -> list[Edge]:
    return [_jump("on_fail", asking.on_fail), *_plain("back_to", asking.back_to)]


def _jump(kind: str, jump: Jump, label: str = "") -> Edge:
    return Edge(kind, label, jump.goto, jump.set)


def _jump_or_none(kind: str, jump: Jump | None, label: str = "") -> list[Edge]:
    return [] if jump is None else [_jump(kind, jump, label)]


def _plain(kind: str, target: str | None) -> list[Edge]:
    return [] if target is None else [Edge(kind, "", target)]


def _ways_back(node: menu.Return, callers: Iterable[menu.Call]) -> Iterator[Edge]:
    for call in callers:
        target = call.next or node.next
        if target is not None:
            yield Edge("return", call.name, target)


def _possible(branch: menu.Branch, outs: list[Edge]) -> list[Edge]:
    """The ways of a branch that can be taken: not a case that is never true, nor past one that
    always is.
    """
    found: list[Edge] = []
    for case, edge in zip(branch.cases, outs, strict=False):
        truth = truth_of(case.when)
        if truth is not False:
            found.append(edge)
        if truth is True:
            return found
    return found + outs[len(branch.cases) :]


def _returning(dialplan: Dialplan, passes: Callable[[Node], bool]) -> set[str]:
    """Nodes of flows from which a `return` of the same flow can be reached."""
    gates: dict[str, list[menu.Call]] = {}
    back: dict[str, list[tuple[str, str | None]]] = {}
    for name, node in dialplan.nodes.items():
        if isinstance(node, menu.Call):
            gates.setdefault(node.entry, []).append(node)
        for edge in edges(node) if flow_of(name) is not None else ():
            if edge.kind != "call" and flow_of(edge.target) == flow_of(name):
                gate = node.entry if isinstance(node, menu.Call) else None
                back.setdefault(edge.target, []).append((name, gate))
    found: set[str] = set()
    waiting = [name for name, node in dialplan.nodes.items() if isinstance(node, menu.Return)]
    while waiting:
        name = waiting.pop()
        if name in found or name not in dialplan.nodes or not passes(dialplan.nodes[name]):
            continue
        found.add(name)
        waiting.extend(one for one, gate in back.get(name, ()) if gate is None or gate in found)
        waiting.extend(call.name for call in gates.get(name, ()) if call.next in found)
    return found


class _Components:
    """The state of one search for circles."""

    def __init__(self, ways: Edges, within: Callable[[str], bool]) -> None:
        self.found: list[list[str]] = []
        self._ways = ways
        self._within = within
        self._index: dict[str, int] = {}
        self._low: dict[str, int] = {}
        self._stack: list[str] = []
        self._on_stack: set[str] = set()

    def walk(self, start: str) -> None:
        """Search everything behind a node that was not searched before."""
        if start in self._index:
            return
        path = [(start, self._enter(start))]
        while path:
            name, following = path[-1]
            target = next(following, None)
            if target is None:
                path.pop()
                if path:
                    above = path[-1][0]
                    self._low[above] = min(self._low[above], self._low[name])
                self._leave(name)
            elif target not in self._index:
                path.append((target, self._enter(target)))
            elif target in self._on_stack:
                self._low[name] = min(self._low[name], self._index[target])

    def _enter(self, name: str) -> Iterator[str]:
        self._index[name] = self._low[name] = len(self._index)
        self._stack.append(name)
        self._on_stack.add(name)
        targets = (edge.target for edge in self._ways.get(name, ()))
        return (target for target in targets if self._within(target))

    def _leave(self, name: str) -> None:
        if self._low[name] != self._index[name]:
            return
        group: list[str] = []
        while not group or group[-1] != name:
            group.append(self._stack.pop())
            self._on_stack.discard(group[-1])
        if len(group) > 1 or any(edge.target == name for edge in self._ways.get(name, ())):
            self.found.append(group[::-1])
