"""Rule E21, the part about variables: read where they may have no value, set and never read.

A variable has a value at a node when it has one on every way there. The sets of variables are
kept as bits of whole numbers and travel along the edges until nothing changes any more.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from acd.problems import near_miss
from ivr import graph
from ivr.core import menu
from ivr.core.expressions import (
    Compare,
    Constant,
    Expression,
    Logic,
    Name,
    Tree,
    expected_names_of,
    names_of,
)
from ivr.core.menu import Assignment, Node
from ivr.graph import Edge
from ivr.lint_report import Report
from ivr.lint_ways import Ways
from ivr.scope import Place

ENGINE_READS = ("call.profile",)  # how a caller is asked
HTTP_ANSWER = "call.http"
WITNESSES_MAX = 40  # each looks through the whole menu
NEAR_MISSES_MAX = 60  # each looks through all variables


@dataclass(frozen=True, slots=True)
class _Way:
    """An edge and what it changes: `gains` after what was assigned on it, `loses` before."""

    edge: Edge
    gains: int
    loses: int


def check_variables(report: Report, ways: Ways) -> None:
    """Every variable of the dialplan, and every place where one is read."""
    flow = _Flow(report, ways)
    _check_unknown(report, flow)
    flow.settle()
    flow.check_reads()
    _check_unused(report, flow)


def variable_of(name: str) -> str:
    """The variable of a dotted name: `call.service.name` is part of `call.service`."""
    return ".".join(name.split(".")[:2])


class _Flow:
    """Which variables have a value where."""

    def __init__(self, report: Report, ways: Ways) -> None:
        self._report = report
        self._ways = ways
        self._at = {id(use.expression): use.at for use in report.draft.uses}
        self.set_at: dict[str, Place] = {}
        for node in ways.nodes.values():
            self._note(node)
        self._bits = {name: 1 << index for index, name in enumerate(self.set_at)}
        self._all = (1 << len(self._bits)) - 1
        self._lost_in_flows = self._losses_in_flows()
        self._outs = {name: self._ways_of(ways.nodes[name]) for name in ways.nodes}
        self._in: dict[str, int] = {}
        self._callers = {n: node for n, node in ways.nodes.items() if isinstance(node, menu.Call)}
        self._returns: dict[str, list[str]] = {}
        for name, node in ways.nodes.items():
            if isinstance(node, menu.Return):
                self._returns.setdefault(graph.flow_of(name) or "", []).append(name)

    def settle(self) -> None:
        """Let the values travel until nothing changes."""
        plan = self._report.plan
        self._in = {plan.entry: 0, plan.globals.operator: 0}
        waiting = list(self._in)
        while waiting:
            name = waiting.pop()
            arrivals = list(self._arrivals(name))
            if name in self._callers:
                arrivals += self._returns_to(self._callers[name])
            for target, state in arrivals:
                before = self._in.get(target, self._all + 1)
                after = state if before > self._all else before & state
                if after != before:
                    self._in[target] = after
                    waiting.append(target)

    def check_reads(self) -> None:
        """Reads of what has no value on some way."""
        lacking: dict[tuple[Place, str], str] = {}
        for name in self._in:
            node = self._ways.nodes[name]
            for expression, state in self._reads(node):
                for read in expected_names_of(expression):
                    variable = variable_of(read)
                    bit = self._bits.get(variable)
                    if bit is not None and not state & bit:
                        at = self._at.get(id(expression), self._report.at(name))
                        lacking.setdefault((at, variable), name)
        for index, ((at, variable), name) in enumerate(lacking.items()):
            where = "on some way to this place"
            if index < WITNESSES_MAX:
                where = self._witness(name, self._bits[variable])
            message = f"'{variable}' has no value {where}"
            remedy = f'set it on that way, or write "{variable} or ..."'
            self._report.error(at, "E21", f"{message}; {remedy}")

    def reads(self) -> Iterator[str]:
        """Every variable that something reads."""
        for use in self._report.draft.uses:
            yield from (variable_of(name) for name in names_of(use.expression))
        for node in self._ways.nodes.values():
            find = node.find if isinstance(node, menu.Collect | menu.Lookup) else None
            if find is not None:
                yield from (variable_of(name) for name in names_of(find.key))

    def _note(self, node: Node) -> None:
        for each in (*node.set, *(one for edge in graph.edges(node) for one in edge.set)):
            if each.target.startswith("call."):
                at = self._at.get(id(each.value), self._report.at(node.name))
                self.set_at.setdefault(variable_of(each.target), at)
        at = self._report.at(node.name)
        if isinstance(node, menu.Collect):
            self.set_at.setdefault(variable_of(node.store), (*at, "store"))
        find = node.find if isinstance(node, menu.Collect | menu.Lookup) else None
        if find is not None:
            self.set_at.setdefault(variable_of(find.into), at)
        if isinstance(node, menu.Http):
            self.set_at.setdefault(HTTP_ANSWER, at)

    def _losses_in_flows(self) -> int:
        """What any flow takes the value of; after its return nobody can be sure of that."""
        lost = 0
        for name, node in self._ways.nodes.items():
            if graph.flow_of(name) is not None:
                sets = (*node.set, *(one for edge in graph.edges(node) for one in edge.set))
                lost |= self._assigned(0, sets)[1]
                if isinstance(node, menu.Collect | menu.Lookup) and node.find is not None:
                    lost |= self._bits[variable_of(node.find.into)]
                if isinstance(node, menu.Http):
                    lost |= self._bits[HTTP_ANSWER]
        return lost

    def _assigned(self, state: int, assignments: Iterable[Assignment]) -> tuple[int, int]:
        """What has a value after these assignments, and what has lost it."""
        lost = 0
        for each in assignments:
            bit = self._bits.get(variable_of(each.target), 0)
            if each.value.tree == Constant(None):
                state, lost = state & ~bit, lost | bit
            else:
                state, lost = state | bit, lost & ~bit
        return state, lost

    def _ways_of(self, node: Node) -> tuple[_Way, ...]:
        found = []
        for index, edge in enumerate(self._ways.steps[node.name]):
            gains, loses = self._own_changes(node, edge, index)
            after, lost = self._assigned(gains, edge.set)
            found.append(_Way(edge, after, loses | lost))
        return tuple(found)

    def _own_changes(self, node: Node, edge: Edge, index: int) -> tuple[int, int]:
        """What the node itself stores, or knows to be there, on one of its ways."""
        match node:
            case menu.Collect() if edge.kind in ("on_found", "on_missing", "next"):
                stored = self._bits[variable_of(node.store)]
                return self._found(node.find, edge, stored)
            case menu.Lookup():
                return self._found(node.find, edge, 0)
            case menu.Http():
                bit = self._bits[HTTP_ANSWER]
                return (bit, 0) if edge.kind == "on_ok" else (0, bit)
            case menu.Branch() if edge.kind == "case":
                case = next(c for c in node.cases if c.when.text == edge.label)
                names = (variable_of(name) for name in _implied(case.when.tree))
                return sum({self._bits.get(name, 0) for name in names}), 0
        return 0, 0

    def _found(self, find: menu.Find | None, edge: Edge, stored: int) -> tuple[int, int]:
        if find is None:
            return stored, 0
        bit = self._bits[variable_of(find.into)]
        return (stored | bit, 0) if edge.kind == "on_found" else (stored, bit)

    def _arrivals(self, name: str) -> Iterator[tuple[str, int]]:
        """The nodes that follow, and what has a value when they begin."""
        state = self._assigned(self._in[name], self._ways.nodes[name].set)[0]
        for way in self._outs[name]:
            after = (state & ~way.loses) | way.gains
            if way.edge.kind == "return":
                after = self._after_return(way.edge.label, after)
                if after < 0:
                    continue
            yield way.edge.target, after

    def _after_return(self, caller: str, state: int) -> int:
        """What a caller of a flow knew is still there; -1 when nobody has come by that call."""
        if caller not in self._in:
            return -1
        known = self._assigned(self._in[caller], self._callers[caller].set)[0]
        return state | (known & ~self._lost_in_flows)

    def _returns_to(self, call: menu.Call) -> Iterator[tuple[str, int]]:
        """What follows behind one call, from each `return` of its flow that was reached so far."""
        for name in self._returns.get(call.flow, ()):
            node = self._ways.nodes[name]
            target = call.next or getattr(node, "next", None)
            if name in self._in and target is not None:
                state = self._assigned(self._in[name], node.set)[0]
                yield target, self._after_return(call.name, state)

    def _reads(self, node: Node) -> Iterator[tuple[Expression, int]]:
        """Every expression of a node with what has a value when it is worked out."""
        state = self._in[node.name]
        for each in node.set:
            yield each.value, state
            state = self._assigned(state, (each,))[0]
        for expression in _expressions_of(node):
            yield expression, state
        find = node.find if isinstance(node, menu.Collect | menu.Lookup) else None
        if find is not None:
            stored = variable_of(node.store) if isinstance(node, menu.Collect) else ""
            yield find.key, state | self._bits.get(stored, 0)
        for way in self._outs[node.name]:
            after = (state & ~way.loses) | self._own_changes(node, way.edge, 0)[0]
            for each in way.edge.set:
                yield each.value, after
                after = self._assigned(after, (each,))[0]

    def _witness(self, name: str, bit: int) -> str:
        """How a caller may come here without a value."""
        plan = self._report.plan
        if name == plan.globals.operator:
            return "when the caller presses 0, or a limit brings them here"
        for before in self._in:
            for target, state in self._arrivals(before):
                if target == name and not state & bit and before != name:
                    edge = next(w.edge for w in self._outs[before] if w.edge.target == name)
                    key = f" (key {edge.label})" if edge.kind == "key" else ""
                    return f"when the caller comes from '{before}'{key}"
        return "at the beginning of the call" if name == plan.entry else "here"


def _check_unknown(report: Report, flow: _Flow) -> None:
    """Variables that are read and that nothing sets."""
    known = dict.fromkeys([*flow.set_at, *ENGINE_READS, HTTP_ANSWER])
    remedies: dict[str, str] = {}
    for use in report.draft.uses:
        for name in names_of(use.expression):
            variable = variable_of(name)
            if not name.startswith("call.") or variable in known:
                continue
            if variable not in remedies and len(remedies) < NEAR_MISSES_MAX:
                remedies[variable] = near_miss(variable, known)
            remedy = remedies.get(variable) or "; add it to a 'set:'"
            report.error(use.at, "E21", f"nothing ever sets '{variable}'{remedy}")


def _check_unused(report: Report, flow: _Flow) -> None:
    read = {*flow.reads(), *ENGINE_READS, HTTP_ANSWER}
    for variable, at in flow.set_at.items():
        if variable not in read:
            message = f"'{variable}' is set, and nothing reads it; remove it, or use it"
            report.warn(at, "E21", message)


def _expressions_of(node: Node) -> Iterator[Expression]:
    """What a node works out when it begins, after its `set`."""
    match node:
        case menu.Branch():
            yield from (case.when for case in node.cases)
        case menu.Http():
            yield node.url
            yield from (value for _, value in node.body)
        case menu.Queue():
            yield node.topic
        case menu.Callback():
            yield node.number
        case menu.Call():
            yield from (value for _, value in node.arguments)
        case _:
            pass
    yield from _spoken_by(node)


def _spoken_by(node: Node) -> Iterator[Expression]:
    """What the prompts of a node fill in."""
    prompts = [getattr(node, name, None) for name in ("prompt", "intro", "filler")]
    if isinstance(node, menu.InputNode | menu.Callback):
        prompts += [*node.input.reprompts.noinput, *node.input.reprompts.nomatch]
    for prompt in prompts:
        for part in prompt if isinstance(prompt, tuple) else ():
            if isinstance(part, menu.RowText):
                yield part.key
            elif isinstance(part, menu.Spoken):
                yield part.value


def _implied(tree: Tree) -> Iterator[str]:
    """The names that have a value when a condition is true."""
    match tree:
        case Name(name):
            yield name
        case Logic("and", operands):
            for each in operands:
                yield from _implied(each)
        case Compare(Name(name), (operator, *_), (right, *_)):
            is_nothing = right == Constant(None)
            if (operator == "!=") == is_nothing and operator != "not in":
                yield name
