"""What a call knows: its language, what it has set, the arguments of its flow, facts of the world.

`call.*` is written by the dialplan, `with.*` are the arguments of the flow the caller is in, every
other name is asked of `facts`. Everything kept here is plain values: texts, numbers, lists, dicts.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ivr.core import menu
from ivr.core.expressions import Expression, Lookup, Value, evaluate, expected_names_of, names_of

PRIVATE = "***"  # stands in every log for what a caller entered in confidence

_OWN = ("call", "with", "config", "schedule")  # what a dialplan may rely on being there


@dataclass(frozen=True, slots=True)
class Frame:
    """One flow that has been called and not yet left; `next` is where the caller goes on.

    `private` are the arguments that must not stand in a log.
    """

    flow: str
    arguments: Mapping[str, Value]
    next: str | None
    private: tuple[str, ...] = ()


class Variables:
    """Names and their values. `warn` is told, once per name, of one that should have a value."""

    def __init__(
        self,
        plan: menu.Dialplan,
        facts: Lookup,
        *,
        language: str | None,
        call: Mapping[str, Value],
        warn: Callable[[str], None],
    ) -> None:
        self.language = language if language in plan.languages else plan.default_language
        self.call: dict[str, Value] = dict(call)
        self.frames: tuple[Frame, ...] = ()
        self.warn = warn
        self._plan = plan
        self._facts = facts
        self._private: set[str] = set()
        self._warned: set[str] = set()

    def value(self, expression: Expression) -> Value:
        """What an expression is at this moment."""

        def lookup(name: str) -> Value:
            value = self._named(name)
            if value is None and name.partition(".")[0] in _OWN and name not in self._warned:
                self._missed(name, expression)
            return value

        return evaluate(expression, lookup)

    def fact(self, name: str) -> Value:
        """Something of the world outside the call; None when nobody knows."""
        return self._facts(name)

    def is_private(self, expression: Expression) -> bool:
        """Whether its value tells something that must not stand in a log."""
        return any(self._is_private_name(name) for name in names_of(expression))

    def assign(self, assignments: Iterable[menu.Assignment]) -> None:
        """Carry assignments out, in order; a language that is not offered changes nothing."""
        for each in assignments:
            value = self.value(each.value)
            if each.target != "language":
                self.store(each.target, value, is_private=self.is_private(each.value))
            elif isinstance(value, str) and value in self._plan.languages:
                self.language = value
            else:
                shown = PRIVATE if self.is_private(each.value) else repr(value)
                self.warn(f"{shown} is no language of this menu; the language stays")

    def store(self, name: str, value: Value, *, is_private: bool = False) -> None:
        """Keep a value under a name that begins with `call.`."""
        (self._private.add if is_private else self._private.discard)(name)
        _put(self.call, name.split(".")[1:], value)

    def find(self, find: menu.Find) -> bool:
        """Look into a table; whether the row exists, which is then kept."""
        key = self.value(find.key)
        row = row_of(self._plan, find.table, key)
        if row is None:
            self.store(find.into, None)
            return False
        column = self._plan.tables[find.table].key
        self.store(find.into, {column: str(key), **row})
        if self.is_private(find.key):
            self._private.add(f"{find.into}.{column}")
        return True

    def profile(self) -> menu.Profile | None:
        """How this caller is to be asked, if not like everybody."""
        if not self._plan.profiles:
            return None
        name = self.call.get("profile") or self._facts("caller.profile")
        return self._plan.profiles.get(name) if isinstance(name, str) else None

    def _named(self, name: str) -> Value:
        head, _, rest = name.partition(".")
        if name == "language":
            return self.language
        if head == "call":
            return _dig(self.call, rest)
        if head == "with":
            return _dig(self.frames[-1].arguments, rest) if self.frames else None
        return self._facts(name)

    def _is_private_name(self, name: str) -> bool:
        head, _, rest = name.partition(".")
        if head == "with":
            return bool(self.frames) and rest.partition(".")[0] in self.frames[-1].private
        dotted = f"{name}."
        return any(dotted.startswith(f"{p}.") or p.startswith(dotted) for p in self._private)

    def enter_flow(self, call: menu.Call) -> None:
        """A flow begins; its arguments are worked out where it is called."""
        arguments = {name: self.value(value) for name, value in call.arguments}
        private = tuple(name for name, value in call.arguments if self.is_private(value))
        self.frames = (*self.frames, Frame(call.flow, arguments, call.next, private))

    def leave_flows_for(self, node: str) -> None:
        """Keep the frame of the flow a node belongs to; a node of the file itself has none."""
        flow, dot, _ = node.partition(".")
        while self.frames and not (dot and self.frames[-1].flow == flow):
            self.frames = self.frames[:-1]

    def _missed(self, name: str, expression: Expression) -> None:
        if name in expected_names_of(expression):
            self._warned.add(name)
            self.warn(f"{name} has no value")


def row_of(plan: menu.Dialplan, table: str, key: Value) -> Mapping[str, menu.Cell] | None:
    """The row of a table; keys are texts, and a whole number finds the same row as its text."""
    known = plan.tables.get(table)
    if known is None or isinstance(key, bool) or not isinstance(key, str | int):
        return None
    return known.rows.get(str(key))


def _dig(values: Mapping[str, Value], path: str) -> Value:
    value: Value = values
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _put(values: dict[str, Value], path: list[str], value: Value) -> None:
    """Rows of tables are shared by all calls: what lies on the way is copied, never changed."""
    for part in path[:-1]:
        inner = values.get(part)
        copy = dict(inner) if isinstance(inner, Mapping) else {}
        values[part] = copy
        values = copy
    if path:
        values[path[-1]] = value
