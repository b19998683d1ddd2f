"""Where a value can come from: every topic a queue can be asked for, every row a text is taken of.

A value is followed through `set`, through the parameters of flows and through the columns of
tables, as far as the file tells. What a caller types or another house answers can be anything.
"""

from collections.abc import Mapping

from acd.yaml_source import Node
from ivr.core import menu
from ivr.core.expressions import Constant, Logic, Name, Tree
from ivr.scope import Place, Scope, Use

DEPTH_MAX = 50  # variables set from variables, followed so far
PLACES_MAX = 20  # of one value: enough to put it right

Values = dict[str, list[Place]]  # each value, and where it is written


class Origins:
    """Follows values through one dialplan that has been read."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._known: dict[str, Values | None] = {}
        self._on_the_way: set[str] = set()

    def values(self, use: Use) -> Values | None:
        """Every value it can have and where each is written; None when it can be anything."""
        return self._of_tree(use.expression.tree, use)

    def _of_tree(self, tree: Tree, use: Use) -> Values | None:
        match tree:
            case Constant(value):
                return {} if value is None else {str(value): [use.at]}
            case Name(name):
                return self._of_name(name, use.flow)
            case Logic("or", operands):
                return _joined([self._of_tree(each, use) for each in operands])
        return None

    def _of_name(self, name: str, flow: str | None) -> Values | None:
        key = f"{flow}/{name}" if name.startswith("with.") else name
        if key in self._known:
            return self._known[key]
        if key in self._on_the_way:
            return {}  # a variable set from itself adds nothing
        if len(self._on_the_way) >= DEPTH_MAX:
            return None
        self._on_the_way.add(key)
        found = self._look_up(name, flow)
        self._on_the_way.discard(key)
        if not self._on_the_way:
            self._known[key] = found
        return found

    def _look_up(self, name: str, flow: str | None) -> Values | None:
        scope = self._scope
        if name == "language":
            return {language: [] for language in scope.languages}
        if name.startswith("with.") and flow is not None:
            return self._of_uses(scope.arguments.get((flow, name.removeprefix("with.")), []))
        if not name.startswith("call."):
            return None
        if name in scope.stores or name in scope.finds or name.startswith("call.http"):
            return None
        whole, _, column = name.rpartition(".")
        if whole in scope.finds:
            return _joined([self._of_column(table, column) for table in scope.finds[whole]])
        if whole in scope.sets:
            return None
        return self._of_uses(scope.sets.get(name, []))

    def _of_uses(self, uses: list[Use]) -> Values | None:
        return _joined([self.values(use) for use in uses])

    def _of_column(self, table_name: str, column: str) -> Values | None:
        table = self._scope.tables.get(table_name)
        if table is None:
            return None
        found: Values = {}
        for key, row in table.rows.items():
            cell = row.get(column)
            if isinstance(cell, Mapping):
                return None
            if cell is not None:
                places = found.setdefault(str(cell), [])
                if len(places) < PLACES_MAX:
                    places.append(("tables", table_name, key, column))
        return found


def topics_of(scope: Scope, nodes: Mapping[str, menu.Node]) -> dict[str, tuple[str, ...]]:
    """The topics of each queue node; unknown ones are recorded where they are written."""
    origins = Origins(scope)
    found: dict[str, tuple[str, ...]] = {}
    for name, use in scope.topic_uses:
        values = origins.values(use)
        if values is None:
            continue
        for topic, places in values.items():
            _check_topic(scope, topic, places)
        if name in nodes:
            found[name] = tuple(values)
    return found


def check_rows(scope: Scope) -> None:
    """E04: a row that is asked for by its key does not exist."""
    origins = Origins(scope)
    for table_name, use in scope.row_uses:
        table = scope.tables.get(table_name)
        values = origins.values(use) if table is not None else None
        for key, places in (values or {}).items():
            if table is None or key in table.rows:
                continue
            remedy = scope.near(key, table.rows) or "; add it, or write the key of one there is"
            for place in _nodes(scope, places):
                place.error(f"the table '{table_name}' has no row '{key}'{remedy}", "E04")


def _check_topic(scope: Scope, topic: str, places: list[Place]) -> None:
    if scope.topics is None or topic in scope.topics:
        return
    remedy = scope.near(topic, scope.topics) or "; write it into config/skills.yaml, or use another"
    for place in _nodes(scope, places):
        place.error(f"there is no topic or queue '{topic}'{remedy}", "E04")


def _nodes(scope: Scope, places: list[Place]) -> list[Node]:
    return [scope.places[place] for place in places if place in scope.places]


def _joined(parts: list[Values | None]) -> Values | None:
    found: Values = {}
    for part in parts:
        if part is None:
            return None
        for value, places in part.items():
            kept = found.setdefault(value, [])
            kept.extend(places[: PLACES_MAX - len(kept)])
    return found
