"""Rule E21: expressions that cannot mean what is meant. Kinds of values, and always or never true.

Names nobody knows, and what cannot be parsed, come from the reader; `lint_variables` looks at
variables without a value.
"""

from collections.abc import Mapping, Sequence

from acd.problems import near_miss
from ivr.core import menu
from ivr.core.expressions import (
    Apply,
    Compare,
    Comparison,
    Constant,
    Expression,
    Logic,
    Name,
    Not,
    Tree,
    Value,
    comparisons_of,
    truth_of,
)
from ivr.core.menu import Dialplan
from ivr.graph import edges
from ivr.lint_report import Report

_KINDS = {"text": "a text", "number": "a number", "truth": "true or false"}
_FACTS = {
    "language": "text",
    "caller.number": "text",
    "caller.language": "text",
    "caller.profile": "text",
    "caller.withheld": "truth",
    "config.broadcast.active": "truth",
}
_SCOPES = {"schedule": "truth", "queue": "number"}
_MEANT = {"kz": "kk", "eng": "en", "rus": "ru", "kaz": "kk"}  # names of languages that are not ours
DEPTH_MAX = 20  # variables set from variables, followed so far
_ORDERS = ("<", "<=", ">", ">=")


def check_expressions(report: Report) -> None:
    """Every expression of the dialplan, and every case of a branch."""
    kinds = _Kinds(report.plan)
    for use in report.draft.uses:
        for comparison in comparisons_of(use.expression):
            message = _fault(report.plan, kinds, comparison)
            if message is not None:
                report.error(use.at, "E21", message)
    for node in report.plan.nodes.values():
        if isinstance(node, menu.Branch):
            _check_cases(report, node)


def _check_cases(report: Report, node: menu.Branch) -> None:
    at = report.at(node.name)
    first_at: dict[str, int] = {}
    for index, case in enumerate(node.cases):
        place = (*at, "when", index, "if")
        truth = truth_of(case.when)
        if truth is True:
            message = "this is always true, so that no later way is ever taken"
            report.error(place, "E21", f"{message}; remove the condition, or what follows")
        elif truth is False:
            report.error(place, "E21", "this is never true; correct it, or remove the way")
        elif case.when.text in first_at:
            line = report.draft.place(*at, "when", first_at[case.when.text], "if").line
            message = f"line {line} asks the same, so that this way is never taken"
            report.error(place, "E21", f"{message}; correct it, or remove the way")
        first_at.setdefault(case.when.text, index)


class _Kinds:
    """Which kind of value a name has, as far as the file tells."""

    def __init__(self, plan: Dialplan) -> None:
        self._known: dict[str, str | None] = dict(_FACTS)
        self._values: dict[str, list[Expression]] = {}
        self._opaque: set[str] = set()
        self._depth = 0
        for node in plan.nodes.values():
            self._note(node)

    def of_name(self, name: str) -> str | None:
        """`text`, `number` or `truth`; None when it is not known, or may be several."""
        if name not in self._known and self._depth < DEPTH_MAX:
            self._known[name] = None  # while it is worked out: a variable set from itself
            self._depth += 1
            self._known[name] = self._worked_out(name)
            self._depth -= 1
        return self._known.get(name)

    def _worked_out(self, name: str) -> str | None:
        scope = name.partition(".")[0]
        if scope in _SCOPES:
            return _SCOPES[scope]
        values = self._values.get(name)
        if values is None or ".".join(name.split(".")[:2]) in self._opaque:
            return None
        kinds = {self._of_tree(value.tree) for value in values if value.tree != Constant(None)}
        return kinds.pop() if len(kinds) == 1 else None

    def _of_tree(self, tree: Tree) -> str | None:
        match tree:
            case Constant(value):
                return kind_of(value)
            case Name(name):
                return self.of_name(name)
            case Compare() | Not():
                return "truth"
            case Apply("len", _):
                return "number"
            case Logic("or", operands):
                kinds = {self._of_tree(each) for each in operands}
                return kinds.pop() if len(kinds) == 1 else None
        return None

    def _note(self, node: menu.Node) -> None:
        jumps = [edge.set for edge in edges(node)]
        for assignment in (each for group in (node.set, *jumps) for each in group):
            self._values.setdefault(assignment.target, []).append(assignment.value)
        if isinstance(node, menu.Collect):
            self._values.setdefault(node.store, []).append(_TEXT)
        find = node.find if isinstance(node, menu.Collect | menu.Lookup) else None
        if find is not None:
            self._opaque.add(find.into)
        if isinstance(node, menu.Http):
            self._opaque.add("call.http")


_TEXT = Expression("''", Constant(""))


def kind_of(value: Value) -> str | None:
    """The kind of a value that is written."""
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else None


def _fault(plan: Dialplan, kinds: _Kinds, found: Comparison) -> str | None:
    name, operator, value = found.name, found.operator, found.value
    kind = kinds.of_name(name)
    if value is None:
        return None
    if operator in ("in", "not in"):
        if isinstance(value, str) or not isinstance(value, Sequence):
            return None
        written = {kind_of(each) for each in value}
        if kind is not None and written and None not in written and kind not in written:
            return f"'{name}' is {_KINDS[kind]}, and the list holds none; {_remedy(kind)}"
        return _stranger(plan, name, [each for each in value if isinstance(each, str)])
    other = kind_of(value)
    if kind is None or other is None:
        return None
    if kind != other:
        what = f"'{name}' is {_KINDS[kind]}, and {value!r} is {_KINDS[other]}"
        return f"{what}: never equal; {_remedy(kind)}"
    if operator in _ORDERS and kind == "truth":
        return f"'{name}' is true or false, which has no order; write '{name}' or 'not {name}'"
    return _stranger(plan, name, [value] if isinstance(value, str) else [])


def _remedy(kind: str) -> str:
    if kind == "text":
        return "put quotes around it, as in '112'"
    return "write the number without quotes" if kind == "number" else "write true or false"


def _stranger(plan: Dialplan, name: str, words: Sequence[str]) -> str | None:
    """A language or profile that this dialplan does not have."""
    known: Sequence[str] | Mapping[str, menu.Profile] = ()
    if name in ("language", "caller.language"):
        known, what = plan.languages, "language"
    elif name in ("caller.profile", "call.profile"):
        known, what = plan.profiles, "profile"
    for word in words if known else ():
        if word not in known:
            remedy = (
                near_miss(_MEANT.get(word, word), known) or f"; write one of {', '.join(known)}"
            )
            return f"'{word}' is no {what} of this dialplan{remedy}"
    return None
