"""Which edges of a dialplan a call has walked, read from its transcript."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ivr import graph
from ivr.core import menu
from ivr.core.menu import Dialplan
from ivr.core.steps import Note
from ivr.core.walk import MISSING
from ivr.player import Player


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """One edge with the node it leaves; `index` counts those of the node as the file has them."""

    node: str
    index: int
    kind: str
    label: str
    target: str

    def in_words(self) -> str:
        """As in `main, key 1, to m_egov`."""
        label = f" {self.label}" if self.label and self.kind == "key" else ""
        case = f" {self.index + 1} ({self.label})" if self.kind == "case" else ""
        return f"{self.node}, {self.kind}{label}{case}, to {self.target}"


def ways_of(dialplan: Dialplan) -> list[Way]:
    """Every edge some caller can walk, the global keys left out, in the order of the file."""
    reached = graph.reachable(dialplan, graph.steps(dialplan))
    return [
        Way(name, index, edge.kind, edge.label, edge.target)
        for name, edges in graph.written_edges(dialplan).items()
        if name in reached
        for index, edge in _numbered(dialplan.nodes[name], edges)
    ]


def _numbered(node: menu.Node, walkable: Iterable[graph.Edge]) -> Iterator[tuple[int, graph.Edge]]:
    """The edges some call can walk, each with its place among all that are written."""
    left = list(walkable)
    for index, edge in enumerate(graph.edges(node)):
        if left and left[0] == edge:
            yield index, left.pop(0)


class Coverage:
    """The edges of one dialplan, and those that calls have walked so far."""

    def __init__(self, dialplan: Dialplan) -> None:
        self.ways = ways_of(dialplan)
        self.walked: set[Way] = set()
        self._plan = dialplan
        self._by_node: dict[str, list[Way]] = {}
        for way in self.ways:
            self._by_node.setdefault(way.node, []).append(way)

    @property
    def missing(self) -> list[Way]:
        """The edges nobody has walked, in the order of the file."""
        return [way for way in self.ways if way not in self.walked]

    def add(self, player: Player) -> set[Way]:
        """Count what a call has walked; gives the edges that are new."""
        found = set(self._ways_walked(player)) - self.walked
        self.walked |= found
        return found

    def _ways_walked(self, player: Player) -> Iterator[Way]:
        for name, kind in player.returns:
            yield from (way for way in self._by_node.get(name, ()) if way.kind == kind)
        callers: dict[str, menu.Call] = {}
        for note in player.notes:
            node = self._plan.nodes[note.node]
            if note.to is None or note.reason in _ESCAPES:
                continue
            if isinstance(node, menu.Call):
                callers[node.flow] = node
            if isinstance(node, menu.Return):
                caller = callers.get(graph.flow_of(note.node) or "")
                if caller is not None and caller.next == note.to:
                    yield from (w for w in self._by_node.get(caller.name, ()) if w.kind == "next")
                    continue
            ways = self._by_node.get(note.node, [])
            yield from (way for way in ways if _is_walked(way, node, note))


_ESCAPES = ("max_steps", "max_revisits", "max_ivr_time", "max_depth", "internal_error", "no_next")


def _is_walked(way: Way, node: menu.Node, note: Note) -> bool:
    """Whether a line of the transcript went this way."""
    if way.target != note.to:
        return False
    if way.kind in ("key", "on_yes", "on_no", "on_empty"):
        return note.result == "match" and note.key == way.label
    if isinstance(node, menu.Branch):
        return note.case == (way.index if way.kind == "case" else None)
    if isinstance(node, menu.Collect) and way.kind in ("on_found", "on_missing", "next"):
        is_entry = note.result == "match" and note.key != (node.empty_key or "")
        return is_entry and (note.reason == MISSING) is (way.kind == "on_missing")
    if isinstance(node, menu.Callback) and way.kind == "next":
        return note.reason == "booked"
    match way.kind:
        case "on_fail":
            return note.result == "fail"
        case "back_to":
            return note.result == "global" and note.key == "*"
        case "next":
            return note.result != "global" or note.key == "#"
    reasons = _REASONS.get(way.kind)
    return reasons is None or note.reason in reasons


_REASONS: Mapping[str, tuple[str | None, ...]] = {
    "on_ok": (None,),
    "on_error": ("error",),
    "on_busy": ("busy",),
    "on_noanswer": ("noanswer",),
    "on_withheld": ("refused", "withheld"),
    "on_found": (None,),
    "on_missing": (MISSING,),
}
