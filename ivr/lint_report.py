"""What the rules are told, and how they report: by node and field, in plain words."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from acd.problems import Problems, Severity
from acd.settings import Settings
from ivr.core.menu import Branch, Clip, Dialplan, LanguageMenu, Menu, Node
from ivr.graph import Edge
from ivr.reader import Draft
from ivr.scope import Place

HasClip = Callable[[Clip], str | None]
Standing = Literal["recorded", "draft", "stale", "missing"]
Missed = tuple[str, str, str]  # node, kind and label of an edge
Usage = Mapping[str, Mapping[str, Mapping[str, int]]]  # by menu, node and key


@dataclass(frozen=True, slots=True)
class World:
    """What the rules may ask of the world outside the file; what is None stays unchecked.

    `has_clip` says what is wrong with the audio of a clip, with the remedy; None when it is good.
    `standings` says of clips, by id, whether each is a person's. `clip_ms` is how long a person
    takes to say it, None when nobody has recorded it. `usage` counts the keys chosen in each node
    within 28 days. `missed` are the edges that no test walks, by the id of the dialplan.
    `is_production`: nothing but recordings will do.
    """

    has_clip: HasClip | None = None
    standings: Callable[[Collection[Clip]], Mapping[str, Standing]] | None = None
    clip_ms: Callable[[Clip], int | None] | None = None
    today: date | None = None
    settings: Settings | None = None
    usage: Usage | None = None
    missed: Mapping[str, frozenset[Missed]] | None = None
    is_production: bool = False


class Report:
    """Takes what the rules find, and knows where each part of a dialplan stands."""

    def __init__(self, draft: Draft, problems: Problems, world: World) -> None:
        self.draft = draft
        self.plan: Dialplan = draft.dialplan
        self.world = world
        self._problems = problems

    def at(self, name: str) -> Place:
        """The place of a node, of the file or of a flow."""
        return ("nodes", name)

    def chosen(self, name: str) -> Mapping[str, int] | None:
        """How often each key of a node was chosen within 28 days, None when nobody knows."""
        return (self.world.usage or {}).get(self.plan.id, {}).get(name)

    def edge_at(self, node: Node, edge: Edge) -> Place:
        """The place where an edge is written."""
        at = self.at(node.name)
        if edge.kind in ("key", "case"):
            word = "options" if edge.kind == "key" else "when"
            return self._nth(node, edge, (*at, word))
        return (*at, {"call": "flow", "return": "next"}.get(edge.kind, edge.kind))

    def error(self, at: Place, rule: str, message: str) -> None:
        """Something that forbids to use the dialplan."""
        self.record(at, rule, "error", message)

    def warn(self, at: Place, rule: str, message: str) -> None:
        """Something that is allowed and probably not meant."""
        self.record(at, rule, "warning", message)

    def record(self, at: Place, rule: str, severity: Severity, message: str) -> None:
        """Either, at the nearest thing that was written at or above a place."""
        node = self.draft.place(*at)
        record = self._problems.error if severity == "error" else self._problems.warning
        record(node.file, node.line, node.column, rule, message)

    def _nth(self, node: Node, edge: Edge, at: Place) -> Place:
        labels: list[str] = []
        if isinstance(node, Branch):
            labels = [case.when.text for case in node.cases]
        elif isinstance(node, Menu | LanguageMenu):
            labels = [option.key for option in node.options]
        return (*at, labels.index(edge.label), "goto") if edge.label in labels else at


def listed(words: list[str], most: int = 6) -> str:
    """A list for a message, cut off where it would become a novel."""
    shown = ", ".join(words[:most])
    return f"{shown} and {len(words) - most} more" if len(words) > most else shown
