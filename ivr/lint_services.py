"""Rules about other houses and sub-flows: E23, E24."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, urlsplit

from acd.problems import near_miss
from ivr import graph
from ivr.core import menu
from ivr.core.checks import IIN, IIN_DIGITS
from ivr.core.expressions import Constant, Expression, names_of
from ivr.lint_report import Report
from ivr.lint_ways import Ways

WAYS_BACK_MAX = 100_000  # of one flow
TIMEOUT_MS_MAX = 3000
FLOWS_SHOWN_MAX = 6
SILENCE_MS_MAX = 1000
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")

_SECRET_NAME = re.compile(
    r"(?i)password|passwd|passphrase|secret|token|api[_-]?key|credential"
    r"|(?<![a-z])(?:pass|pwd|auth|authorization)(?![a-z])"
)
_SECRET_VALUE = re.compile(r"(?i)(?:bearer|basic)\s+\S{6,}|(?=.*\d)(?=.*[a-z])[a-z\d+/=]{24,}")


def check_services(report: Report) -> None:
    """E23: what is asked of other houses, and what must not stand in a log."""
    for node in report.plan.nodes.values():
        if isinstance(node, menu.Http):
            _check_http(report, node)
        if isinstance(node, menu.Collect) and _is_person_shown(node):
            message = f"{IIN_DIGITS} digits may be the number of a person"
            remedy = "add 'sensitive: true', so that no log shows it"
            report.error(report.at(node.name), "E23", f"{message}; {remedy}")


def are_flows_small(report: Report) -> bool:
    """E24: what every rule about ways looks at, calls of a flow times its returns, stays small."""
    called: Counter[str] = Counter()
    returning: Counter[str] = Counter()
    for name, node in report.plan.nodes.items():
        if isinstance(node, menu.Call):
            called[node.flow] += 1
        elif isinstance(node, menu.Return):
            returning[graph.flow_of(name) or ""] += 1
    large = [flow for flow in called if called[flow] * returning[flow] > WAYS_BACK_MAX]
    for flow in large:
        message = (
            f"{called[flow]} calls and {returning[flow]} 'return' nodes are too many ways back"
        )
        report.error(("flows", flow), "E24", f"{message}; lead to one 'return'")
    return not large


def check_flows(report: Report, ways: Ways) -> None:
    """E24: flows that call themselves or too deeply, parameters nobody reads, no way back."""
    plan = report.plan
    entered = {graph.flow_of(name) for name in ways.reached}
    calls: dict[str, dict[str, None]] = {}
    for name, node in plan.nodes.items():
        if isinstance(node, menu.Call):
            calls.setdefault(graph.flow_of(name) or "", {})[node.flow] = None
    is_recursive = _check_recursion(report, calls)
    if not is_recursive:
        _check_nesting(report, calls)
    _check_parameters(report)
    for name, node in plan.nodes.items() if not is_recursive else ():
        is_entered = graph.flow_of(name) in entered  # one that nothing runs is told by W05
        if isinstance(node, menu.Return) and is_entered and name not in ways.reached:
            message = f"no way leads to the 'return' node '{name}'; lead a key there, or remove it"
            report.error(report.at(name), "E24", message)


def _is_person_shown(node: menu.Collect) -> bool:
    return not node.is_sensitive and (node.check == IIN or node.digits_max == IIN_DIGITS)


def _check_http(report: Report, node: menu.Http) -> None:
    at = report.at(node.name)
    if node.timeout_ms > TIMEOUT_MS_MAX:
        message = f"the caller may wait {node.timeout_ms / 1000:g} s; write at most 3s"
        report.error((*at, "timeout"), "E23", message)
    if node.timeout_ms > SILENCE_MS_MAX and not node.filler:
        message = f"up to {node.timeout_ms / 1000:g} s are silent"
        report.error(at, "E23", f"{message}; add 'filler: ' with a prompt, or 'timeout: \"1s\"'")
    url_at = next((p for w in ("post", "get", "url") if (p := (*at, w)) in report.draft.places), at)
    url = node.url.tree.value if isinstance(node.url.tree, Constant) else None
    if isinstance(url, str):
        for message in _url_faults(url):
            report.error(url_at, "E23", message)
    for name, value in node.body:
        if _is_secret(name, value):
            message = f"the secret '{name}' is written out; name a setting, as in config.sms.key"
            report.error((*at, "json", name), "E23", message)


def _url_faults(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        yield f"'{url}' is no address; write it as in https://host/path"
        return
    if parts.scheme not in ("http", "https"):
        return  # the reader has told it
    if not host:
        yield f"'{url}' names no house; write it as in https://host/path"
    elif parts.scheme == "http" and host not in LOCAL_HOSTS:
        yield f"what goes to {host} can be read on the way; write https://"
    if parts.username or parts.password:
        yield "a password stands in the address; name a setting, as in config.sms.url"
    elif any(_SECRET_NAME.search(name) for name, _ in parse_qsl(parts.query)):
        yield "a secret stands in the address; name a setting, as in config.sms.url"


def _is_secret(name: str, value: Expression) -> bool:
    written = value.tree.value if isinstance(value.tree, Constant) else None
    if not written:
        return False
    looks_secret = isinstance(written, str) and _SECRET_VALUE.fullmatch(written) is not None
    return looks_secret or _SECRET_NAME.search(name) is not None


def _check_recursion(report: Report, calls: Mapping[str, Mapping[str, None]]) -> bool:
    """Whether any flow calls itself, alone or by way of others."""
    ways = {
        flow: tuple(graph.Edge("call", "", called) for called in inside)
        for flow, inside in calls.items()
    }
    in_circle = {flow: group for group in graph.circles(ways, lambda _: True) for flow in group}
    for name, node in report.plan.nodes.items():
        group = in_circle.get(graph.flow_of(name) or "", [])
        if isinstance(node, menu.Call) and node.flow in group:
            shown = group if len(group) <= FLOWS_SHOWN_MAX else [*group[:FLOWS_SHOWN_MAX], "..."]
            way = " -> ".join([*shown, group[0]])
            message = f"the flow '{node.flow}' calls itself ({way}); lead on with 'next' instead"
            report.error((*report.at(name), "flow"), "E24", message)
    return bool(in_circle)


def _check_nesting(report: Report, calls: Mapping[str, Mapping[str, None]]) -> None:
    """How deep flows call each other, of those that the file itself calls."""
    limit = report.plan.limits.max_depth
    depths: dict[str, int] = {"": 0}
    waiting = [""]
    while waiting:
        flow = waiting.pop()
        for called in calls.get(flow, ()):
            if depths.get(called, 0) <= depths[flow]:
                depths[called] = depths[flow] + 1
                waiting.append(called)
    for flow, depth in depths.items():
        if depth > limit:
            message = f"the flow '{flow}' is number {depth} of flows within flows"
            remedy = f"keep to {limit} (limits: max_depth)"
            report.error(("flows", flow), "E24", f"{message}; {remedy}")


def _check_parameters(report: Report) -> None:
    """What a call hands over is what the flow declares, and the flow reads it."""
    flows = report.draft.flows
    calls = [node for node in report.plan.nodes.values() if isinstance(node, menu.Call)]
    for node in (call for call in calls if call.flow in flows):
        given, params = [name for name, _ in node.arguments], flows[node.flow].params
        at = report.at(node.name)
        for name in params:
            if name not in given:
                message = f"the flow '{node.flow}' wants '{name}'; add it to 'with:'"
                report.error((*at, "with"), "E24", message)
        for name in given:
            if name not in params:
                remedy = near_miss(name, params) or f"; add it to 'params:' of '{node.flow}'"
                message = f"the flow '{node.flow}' has no parameter '{name}'{remedy}"
                report.error((*at, "with", name), "E24", message)
    _check_unread(report)


def _check_unread(report: Report) -> None:
    read: dict[str, set[str]] = {}
    for use in report.draft.uses:
        for name in names_of(use.expression) if use.flow is not None else ():
            read.setdefault(use.flow or "", set()).add(name)
    for flow in report.draft.flows.values():
        for param in flow.params:
            if f"with.{param}" not in read.get(flow.name, ()):
                message = f"nothing in the flow '{flow.name}' reads 'with.{param}'; remove it"
                report.error(("flows", flow.name, "params"), "E24", message)
