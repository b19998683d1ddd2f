"""One group of fields within a node, and how its values, ways and expressions are read.

A section knows where it stands, so that each value keeps its place and each message is located;
and in which flow, so that short names mean the right nodes.
"""

import re
from collections.abc import Callable
from typing import TypeVar, overload

from acd.yaml_source import Fields, Node, near_miss
from ivr.core import menu
from ivr.core.expressions import BadExpression, Expression, literal, names_of, parse
from ivr.fields import CALLER_FIELDS, CASE, JUMP, QUEUE_FIELDS, VARIABLE_PATTERN
from ivr.fields import Fields as Described
from ivr.scope import Flow, Place, Scope, Use, columns_of, described_fields

T = TypeVar("T")

SCOPES = ("call", "caller", "config", "language", "queue", "row", "schedule", "with")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*|\+?[0-9]+")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_URL = re.compile(r"https?://\S+")
_VARIABLE = re.compile(VARIABLE_PATTERN)
_CONSTANTS = ("true", "false", "null")


class Section:
    """Fields that are read one by one; every method records what is wrong and goes on."""

    def __init__(
        self, scope: Scope, fields: Fields, at: Place, flow: Flow | None, key: Node
    ) -> None:
        self.scope = scope
        self.fields = fields
        self.at = at
        self.flow = flow
        self.key = key
        self.columns: tuple[str, ...] | None = None  # of the rows that `row.` stands for

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    @overload
    def read(self, name: str, convert: Callable[[Node], T | None]) -> T | None: ...
    @overload
    def read(self, name: str, convert: Callable[[Node], T | None], default: T) -> T: ...
    def read(
        self, name: str, convert: Callable[[Node], T | None], default: T | None = None
    ) -> T | None:
        """The converted value; the default when it is absent or was wrong (then recorded)."""
        value = self.fields.read(name, convert)
        return default if value is None else value

    def get(self, name: str) -> Node | None:
        """The value as written."""
        return self.fields.get(name)

    def inner(self, name: str, described: Described) -> "Section | None":
        """A group of fields under a name; None when it is absent or no group."""
        node = self.fields.get(name)
        return None if node is None else self.within(node, described, (*self.at, name))

    def within(self, node: Node, described: Described, at: Place) -> "Section | None":
        """A group of fields below this one, wherever it stands."""
        fields = described_fields(node, described)
        if fields is None:
            return None
        self.scope.remember(fields, described, at)
        section = Section(self.scope, fields, at, self.flow, node)
        section.columns = self.columns
        return section

    def target(self, name: str) -> str | None:
        """The full name of the node that a field names, None when it is absent or unknown."""
        node = self.fields.get(name)
        return None if node is None else self.scope.target_of(node, self.flow)

    def jump(self, name: str) -> menu.Jump | None:
        """A node, or `{goto: NODE, set: {...}}`."""
        node = self.fields.get(name)
        if node is None:
            return None
        if node.entries is None:
            target = self.scope.target_of(node, self.flow)
            return None if target is None else menu.Jump(target)
        section = self.inner(name, JUMP)
        return section.way() if section is not None else None

    def way(self) -> menu.Jump | None:
        """The jump of a group that has `goto`, and `set` or not."""
        assignments = self.assignments()
        target = self.target("goto")
        return None if target is None else menu.Jump(target, assignments)

    def case(self, node: Node, index: int) -> menu.Case | None:
        """One way of a branch."""
        at: Place = (*self.at, "when", index)
        self.scope.places[at] = node
        section = self.within(node, CASE, at)
        if section is None:
            return None
        when, way = section.condition("if"), section.way()
        return menu.Case(when, way) if when is not None and way is not None else None

    def assignments(self) -> tuple[menu.Assignment, ...]:
        """What `set` says, in order."""
        node = self.fields.get("set")
        if node is None:
            return ()
        if not node.entries:
            node.error(f"{node.in_words()} stands here; write {{call.topic: \"'general'\"}}")
            return ()
        found = []
        for key, value in node.entries:
            target = self._set_target(key)
            if target is None:
                continue
            at: Place = (*self.at, "set", target)
            self.scope.places[at] = value
            expression = self.value_of(value, at)
            if expression is None or (target == "language" and not self._is_language(value)):
                continue
            self.scope.sets.setdefault(target, []).append(self._use(expression, at))
            found.append(menu.Assignment(target, expression))
        return tuple(found)

    def variable(self, name: str) -> str | None:
        """The name of a `call.` variable."""
        node = self.fields.get(name)
        text = node.plain_text("a variable, as in call.code") if node is not None else None
        if node is None or text is None:
            return None
        if not _VARIABLE.fullmatch(text):
            node.error(f"'{text}' is not a variable; write a name such as call.code", "E21")
            return None
        return text

    def value(self, name: str) -> Expression | None:
        """A word, a number, or an expression."""
        node = self.fields.get(name)
        return None if node is None else self.value_of(node, (*self.at, name))

    def value_of(self, node: Node, at: Place) -> Expression | None:
        """A value anywhere: a word stands for itself, anything longer is an expression."""
        text = node.plain_text("a word, a number, or an expression in quotes")
        if text is None:
            return None
        if not node.quoted:
            if text in ("true", "false"):
                return self._keep(literal(text == "true"), at)
            if _INTEGER.fullmatch(text):
                return self._keep(literal(int(text)), at)
            if node.string() is None:
                return None
        is_word = _WORD.fullmatch(text) is not None and text not in (*_CONSTANTS, "language")
        if is_word or _URL.fullmatch(text):
            return self._keep(literal(text), at)
        return self.expression_of(node, at)

    def condition(self, name: str) -> Expression | None:
        """An expression that is true or false."""
        node = self.fields.get(name)
        return None if node is None else self.expression_of(node, (*self.at, name))

    def expression_of(self, node: Node, at: Place) -> Expression | None:
        """An expression; names that nobody answers are recorded with their place."""
        text = node.plain_text("an expression, as in \"caller.language == 'kk'\"")
        if text is None:
            return None
        try:
            expression = parse(text)
        except BadExpression as error:
            node.error_at(error.offset, error.message, "E21")
            return None
        is_good = True
        for name in names_of(expression):
            message = self.unknown(name)
            if message is not None:
                found = re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", text)
                node.error_at(found.start() if found else 0, message, "E21")
                is_good = False
        return self._keep(expression, at) if is_good else None

    def unknown(self, name: str) -> str | None:
        """What is wrong with a name, in words; None when somebody answers it."""
        first, *rest = name.split(".")
        if first not in SCOPES or (first == "language") == bool(rest):
            return self._stranger(name, first, rest)
        word = rest[0] if rest else ""
        match first:
            case "caller":
                return self._one_of(name, word, CALLER_FIELDS, rest)
            case "schedule":
                known = tuple(self.scope.schedules)
                return self._one_of(name, word, known, rest, "add it under 'schedules:'")
            case "with":
                if self.flow is None:
                    return f"'{name}' has a value only in a flow; write a name such as call.topic"
                return self._one_of(name, word, self.flow.params, rest, "add it to 'params:'")
            case "row":
                if self.columns is None:
                    return f"'{name}' has a value only in 'options_from'; look the row up first"
                return self._one_of(name, word, self.columns, rest, "name a column of the table")
            case "queue":
                return self._queue(name, rest)
            case "call":
                return self._column(name, rest)
        return None

    def _stranger(self, name: str, first: str, rest: list[str]) -> str:
        if first in SCOPES and first != "language":
            return f"'{name}' is only the beginning of a name; write {name}. and what is meant"
        if first == "language":
            return f"there is no '{name}'; 'language' stands alone"
        close = near_miss(first, SCOPES)
        if rest and close:
            found = close.partition("'")[2].partition("'")[0]
            return f"there is no '{name}'; did you mean '{'.'.join((found, *rest))}'?"
        if not rest:
            return f"there is no name '{name}'{close or f'; a text needs quotes, {name!r}'}"
        known = ", ".join(f"{scope}." for scope in SCOPES if scope != "language")
        return f"there is no '{name}'; names begin with {known} or are 'language'"

    def _one_of(
        self, name: str, word: str, known: tuple[str, ...], rest: list[str], remedy: str = ""
    ) -> str | None:
        if word in known and len(rest) == 1:
            return None
        listed = remedy or f"known: {', '.join(known)}"
        return f"there is no '{name}'{near_miss(word, known) or f'; {listed}'}"

    def _queue(self, name: str, rest: list[str]) -> str | None:
        topics = self.scope.topics
        if topics is not None and rest[0] not in topics:
            remedy = near_miss(rest[0], topics) or f"; known: {', '.join(sorted(topics)[:20])}"
            return f"there is no queue '{rest[0]}'{remedy}"
        word = rest[1] if len(rest) > 1 else ""
        return self._one_of(name, word, QUEUE_FIELDS, rest[1:])

    def _column(self, name: str, rest: list[str]) -> str | None:
        """A name below a variable that holds a row must be one of its columns."""
        tables = [self.scope.tables.get(t) for t in self.scope.finds.get(f"call.{rest[0]}", ())]
        if len(rest) < 2 or not tables or f"call.{rest[0]}" in self.scope.stores:
            return None
        known: list[str] = []
        for table in tables:
            if table is None:
                return None
            known.extend(columns_of(table))
        if rest[1] in known:
            return None
        remedy = near_miss(rest[1], known) or f"; its columns are {', '.join(dict.fromkeys(known))}"
        return f"'call.{rest[0]}' has no column '{rest[1]}'{remedy}"

    def _set_target(self, key: Node) -> str | None:
        text = key.text or ""
        if text == "language" or _VARIABLE.fullmatch(text):
            return text
        remedy = "only 'language' and names such as call.topic can be set"
        close = near_miss(text, ["language"]) if "." not in text else ""
        key.error(f"'{text}' cannot be set{close or f'; {remedy}'}", "E21")
        return None

    def _is_language(self, node: Node) -> bool:
        """A language that is written out is one of the dialplan."""
        text = (node.text or "").strip("'")
        if _WORD.fullmatch(text) is None or text in ("language", *self.scope.languages):
            return True
        languages = self.scope.languages
        remedy = near_miss(text, languages) or f"; write one of {', '.join(languages)}"
        node.error(f"'{text}' is not a language of this dialplan{remedy}")
        return False

    def _keep(self, expression: Expression, at: Place) -> Expression:
        self.scope.uses.append(self._use(expression, at))
        return expression

    def _use(self, expression: Expression, at: Place) -> Use:
        return Use(expression, at, self.flow.name if self.flow is not None else None)
