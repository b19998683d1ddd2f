"""Rules about the ways through a menu: W05, E06, E07, E10, E11, W16."""

from collections.abc import Iterator

from ivr import graph
from ivr.core import menu
from ivr.core.expressions import names_of
from ivr.core.menu import Node
from ivr.graph import Edge
from ivr.lint_report import Report

DEPTH_MAX = 3
KEYS_MAX = 3
PROMPTS_BEFORE_KEYS_MAX = 3

_HUNG_UP = {
    "on_fail": "who presses nothing in '{}' is hung up on",
    "on_overflow": "for whom nobody comes in '{}' is hung up on",
    "on_withheld": "whoever hides the number in '{}' is hung up on",
    "on_busy": "who hears the engaged tone in '{}' is hung up on",
    "on_noanswer": "who is not answered in '{}' is hung up on",
    "on_missing": "whose entry is not found in '{}' is hung up on",
    "on_error": "when the other house is silent in '{}' the caller is hung up on",
    "else": "for whom no case of '{}' holds is hung up on",
}
_CHOOSING = menu.Menu | menu.LanguageMenu | menu.Collect | menu.Confirm | menu.Callback


class Ways:
    """The edges of a dialplan as the rules look at them, worked out once."""

    def __init__(self, report: Report) -> None:
        plan = report.plan
        self.nodes = plan.nodes
        self.steps = graph.steps(plan)
        self.written = graph.written_edges(plan)
        self.reached = graph.reachable(plan, self.written)


def check_ways(report: Report, ways: Ways) -> None:
    """Every rule of this module; the dialplan is sound."""
    _check_reachable(report, ways)
    _check_circles(report, ways)
    _check_returns(report, ways)
    _check_failures(report, ways)
    _check_operator(report, ways)
    _check_depth(report, ways)


def _check_reachable(report: Report, ways: Ways) -> None:
    """W05: nodes nobody hears; a flow that nothing calls is told once."""
    entered: set[str | None] = {None, *(graph.flow_of(name) for name in ways.reached)}
    told: set[str] = set()
    for name in ways.nodes:
        flow = graph.flow_of(name)
        if name in ways.reached:
            continue
        if flow in entered and isinstance(ways.nodes[name], menu.Return):
            continue  # E24 says more
        if flow is None or flow in entered:
            message = f"no caller ever gets to '{name}'; lead a key there, or remove it"
            report.warn(report.at(name), "W05", message)
        elif flow not in told:
            told.add(flow)
            message = (
                f"no 'call' that is ever reached runs the flow '{flow}'; call it, or remove it"
            )
            report.warn(("flows", flow), "W05", message)


def _check_circles(report: Report, ways: Ways) -> None:
    """E07: circles in which nobody is asked; E06: nodes from which no end can be reached."""
    passing = graph.written_edges(report.plan, _passes)
    circling: set[str] = set()
    circles = graph.circles(
        passing, lambda name: name in ways.reached and _passes(ways.nodes[name])
    )
    for group in circles:
        members = set(group)
        inner = {n: [e for e in passing[n] if e.target in members] for n in group}
        circling |= members
        if any(edge.kind == "call" for edges in inner.values() for edge in edges):
            continue  # a flow that calls itself: E24
        for name in group:
            message = f"'{name}' repeats for ever without asking for a key; lead it on"
            report.error(report.edge_at(ways.nodes[name], inner[name][0]), "E07", message)
    ends = [name for name, node in ways.nodes.items() if isinstance(node, graph.TERMINAL)]
    ending = graph.reaching(ends, ways.steps)
    explained = graph.reaching(circling, ways.steps)  # the circle is what has to be mended
    for name in ways.nodes:
        if name in ways.reached and name not in ending and name not in explained:
            message = f"from '{name}' no queue and no other end can be reached; add a way"
            report.error(report.at(name), "E06", message)


def _passes(node: Node) -> bool:
    """Whether a call goes through a node without anybody having a say."""
    return not isinstance(node, graph.ASKING | graph.TERMINAL)


def _check_returns(report: Report, ways: Ways) -> None:
    """E06: a flow comes back and nothing says where to."""
    lost = {
        graph.flow_of(name)
        for name, node in ways.nodes.items()
        if isinstance(node, menu.Return) and node.next is None and name in ways.reached
    }
    for name in ways.reached:
        node = ways.nodes[name]
        if isinstance(node, menu.Call) and node.next is None and node.flow in lost:
            message = f"nothing says what follows when the flow '{node.flow}' returns"
            report.error(report.at(name), "E06", f"{message}; add 'next: ' with a node")


def _check_failures(report: Report, ways: Ways) -> None:
    """E10: who cannot or does not choose ends at a person or a recorder, never hung up on."""
    silent = {name: tuple(_silent_edges(node)) for name, node in ways.nodes.items()}
    hung = _hung_up(ways, silent)
    ends = [n for n, node in ways.nodes.items() if isinstance(node, graph.TERMINAL)]
    ending = graph.reaching(ends, {**ways.steps, **_plain_only(silent, ways)})
    for name in ways.nodes:
        node = ways.nodes[name]
        if name not in ways.reached or _is_by_the_clock(node):
            continue
        for edge in graph.edges(node):
            if edge.kind not in _HUNG_UP:
                continue
            target = ways.nodes[edge.target]
            if edge.target in hung:
                message = _HUNG_UP[edge.kind].format(name) + f" at '{hung[edge.target]}'"
            elif edge.kind == "on_fail" and edge.target not in ending:
                message = f"who presses nothing in '{name}' goes round for ever"
            else:
                continue
            remedy = f"lead '{edge.kind}' to a queue"
            if isinstance(target, menu.Survey):
                remedy += ", the survey is for those who have spoken to a person"
            report.error(report.edge_at(node, edge), "E10", f"{message}; {remedy}")


def _silent_edges(node: Node) -> Iterator[Edge]:
    """The ways a call may go on when nobody presses a key."""
    for edge in graph.edges(node):
        if isinstance(node, _CHOOSING) and edge.kind not in ("on_fail", "on_withheld"):
            continue
        yield edge


def _plain_only(silent: graph.Edges, ways: Ways) -> graph.Edges:
    """The silent edges of nodes that ask; the others walk their usual ways."""
    return {n: silent[n] for n, node in ways.nodes.items() if isinstance(node, _CHOOSING)}


def _hung_up(ways: Ways, silent: graph.Edges) -> dict[str, str]:
    """For each node from which silence may end in a hang-up, the name of that.

    Not beyond nodes that ask, which answer for themselves, and not where the clock decides: a
    house that is closed may say so.
    """
    back: dict[str, list[str]] = {}
    for name, node in ways.nodes.items():
        if isinstance(node, menu.HangUp | _CHOOSING) or _is_by_the_clock(node):
            continue
        if isinstance(node, graph.TERMINAL):
            continue
        for edge in ways.written[name]:
            if edge in silent[name]:
                back.setdefault(edge.target, []).append(name)
    found = {n: n for n, node in ways.nodes.items() if isinstance(node, menu.HangUp)}
    waiting = list(found)
    while waiting:
        name = waiting.pop()
        for before in back.get(name, ()):
            if before not in found:
                found[before] = found[name]
                waiting.append(before)
    return found


def _is_by_the_clock(node: Node) -> bool:
    return isinstance(node, menu.Branch) and any(
        "schedule." in case.when.text
        and any(name.startswith("schedule.") for name in names_of(case.when))
        for case in node.cases
    )


def _check_operator(report: Report, ways: Ways) -> None:
    """E11: a person is one key away from every menu, and near from the start."""
    plan = report.plan
    queues = [name for name, node in ways.nodes.items() if isinstance(node, menu.Queue)]
    through = {n: e for n, e in ways.written.items() if _passes(ways.nodes[n])}
    near = graph.reaching(queues, through)
    if plan.globals.operator not in near:
        message = f"the key 0 leads to '{plan.globals.operator}', which is not a queue"
        report.error(("globals", "goto"), "E11", f"{message}; name a queue node")
    far = graph.longest(plan.entry, ways.steps, lambda name: _prompt_count(ways.nodes[name]))
    asked = [far[name] for name in far if not _passes(ways.nodes[name])]
    prompt_count = max(asked, default=0)
    if prompt_count > PROMPTS_BEFORE_KEYS_MAX:
        message = f"{prompt_count} prompts come before the first choice"
        remedy = f"keep to {PROMPTS_BEFORE_KEYS_MAX}"
        report.error(("entry",), "E11", f"{message}; {remedy}")
    anywhere = graph.reaching(queues, ways.steps)
    for name, node in ways.nodes.items():
        if not isinstance(node, _CHOOSING) or node.input.globals_on:
            continue
        if any(edge.target in near for edge in graph.edges(node) if edge.kind not in _NO_KEY):
            continue
        rule = "E11" if name in anywhere else "E09"
        message = "no key leads to a person here; remove 'globals: off', or add an option"
        report.error((*report.at(name), "globals"), rule, message)


_NO_KEY = ("on_fail", "back_to", "on_withheld")


def _prompt_count(node: Node) -> int | None:
    if not _passes(node):
        return None
    return int(isinstance(node, menu.Say))


def _check_depth(report: Report, ways: Ways) -> None:
    """W16: not more than three menus in a row, nor three keys to anything they list."""
    depths = graph.menu_depths(report.plan, ways.steps)
    keys = graph.distances(report.plan.entry, ways.steps, lambda n: _key_count(ways.nodes[n]))
    for name, node in ways.nodes.items():
        depth = depths.get(name, 0)
        if not isinstance(node, menu.Menu | menu.LanguageMenu) or name not in ways.reached:
            continue
        if depth > DEPTH_MAX:
            message = f"this is menu number {depth} on the way; keep to {DEPTH_MAX} in a row"
            report.warn(report.at(name), "W16", message)
            continue
        pressed = keys[name] - _key_count(node) if name in keys else 0
        longest = max((option.key for option in node.options), key=len, default="")
        if pressed + len(longest) > KEYS_MAX:
            index = [option.key for option in node.options].index(longest)
            message = f"{pressed + len(longest)} keys are needed to get to '{longest}' here"
            at = (*report.at(name), "options", index, "key")
            report.warn(at, "W16", f"{message}; keep to {KEYS_MAX}")


def _key_count(node: Node) -> int:
    """How many keys take a caller out of a node at least."""
    match node:
        case menu.Menu() | menu.LanguageMenu():
            return min((len(option.key) for option in node.options), default=1)
        case menu.Collect():
            return node.digits_min
        case menu.Confirm():
            return 1
        case _:
            return 0
