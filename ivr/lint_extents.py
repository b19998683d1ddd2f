"""Which node a line of a file belongs to: for waivers, and so that messages name their node."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from acd.problems import Problems
from acd.yaml_source import Node
from ivr.reader import Draft

_NO_END = 1 << 30  # beyond the last line of any file


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """Where something begins that lasts until the next mark; `name` is that of a node.

    `is_owner`: a waiver inside covers it as a whole (nodes, and rows of tables).
    """

    line: int
    column: int
    name: str
    is_owner: bool


class Extents:
    """The marks of one file in their order."""

    def __init__(self, marks: Iterator[Mark]) -> None:
        self._marks = sorted(set(marks))
        self._places = [(mark.line, mark.column) for mark in self._marks]

    def node_at(self, line: int, column: int) -> str:
        """The name of the node this place is in, empty outside nodes."""
        index = bisect_right(self._places, (line, column)) - 1
        return self._marks[index].name if index >= 0 else ""

    def owner_lines(self, line: int) -> tuple[int, int] | None:
        """First and last line of the node or row a line is in; None elsewhere."""
        index = bisect_right(self._places, (line + 1, 0)) - 1
        if index < 0 or not self._marks[index].is_owner:
            return None
        first = self._marks[index].line
        following = self._marks[index + 1 :]
        return first, max(first, following[0].line - 1) if following else _NO_END

    def begins_on(self, line: int) -> bool:
        """Whether a node or a row begins on this line."""
        index = bisect_right(self._places, (line + 1, 0)) - 1
        return index >= 0 and self._marks[index].is_owner and self._marks[index].line == line


def extents_of(draft: Draft, root: Node, file: str) -> Extents:
    """The marks of a file of a draft; only the dialplan itself, at `root`, has nodes."""
    return Extents(_marks(draft, root, file))


def name_nodes(extents: Extents, file: str, problems: Problems) -> None:
    """Add the node's name to every message that does not say it."""
    for problem in problems.sorted():
        if problem.file != file or problem.line < 1:
            continue
        name = extents.node_at(problem.line, problem.column)
        if name and f"'{name}'" not in problem.message:
            problems.reword(problem, f"{problem.message} (node '{name}')")


def _marks(draft: Draft, root: Node, file: str) -> Iterator[Mark]:
    if file == draft.file:
        yield from _marks_of(root)
    for at, place in draft.places.items():
        if len(at) == 3 and at[0] == "tables" and place.file == file:
            yield Mark(place.line, place.column, "", True)


def _marks_of(root: Node) -> Iterator[Mark]:
    for key, value in root.entries or ():
        yield Mark(key.line, key.column, "", False)
        if key.text == "nodes":
            yield from _nodes(value, "")
        for flow, inside in (value.entries or ()) if key.text == "flows" else ():
            yield Mark(flow.line, flow.column, "", False)
            for word, part in inside.entries or ():
                yield Mark(word.line, word.column, "", False)
                if word.text == "nodes":
                    yield from _nodes(part, f"{flow.text}.")


def _nodes(nodes: Node, prefix: str) -> Iterator[Mark]:
    for key, _ in nodes.entries or ():
        yield Mark(key.line, key.column, f"{prefix}{key.text}", True)
