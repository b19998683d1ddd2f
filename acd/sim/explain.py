"""Follows one call of a run, for the words `acd call show` has for a live one."""

from collections.abc import Callable

from acd.core.commands import Decided
from acd.core.prediction import NEVER
from acd.sim.calls import Closed
from acd.sim.results import Results


class Story:
    """Tells `results` everything and keeps what is about the one call. `iso` gives the moment."""

    def __init__(self, call: str, results: Results, iso: Callable[[int], str]) -> None:
        self._call = call
        self._results = results
        self._iso = iso
        self._closed: Closed | None = None
        self._timeline: list[dict[str, object]] = []
        self._decisions: list[dict[str, object]] = []

    def closed(self, closed: Closed) -> None:
        """A call has its outcome."""
        self._results.closed(closed)
        if closed.call.id == self._call:
            self._closed = closed

    def happened(self, call: str, at: int, event: str, data: dict[str, object]) -> None:
        """A line of the call's timeline."""
        if call == self._call:
            self._timeline.append({"at": self._iso(at), "event": event, **data})

    def decided(self, call: str, decided: Decided) -> None:
        """A decision about the call."""
        if call != self._call:
            return
        wait = decided.estimated_wait_ms
        row: dict[str, object] = {
            "at": self._iso(decided.at),
            "rule": decided.rule,
            "taken": decided.taken,
            "candidates": list(decided.candidates),
            "candidate_count": decided.candidate_count,
            "refused": dict(decided.refused),
            "estimated_wait_s": None if wait is None or wait == NEVER else wait / 1000,
            "step": decided.step,
        }
        if wait == NEVER:
            row["estimated_never"] = True
        self._decisions.append(row)
        if decided.is_step:
            step = {"at": row["at"], "event": "step", "step": decided.rule}
            self._timeline.append(step)

    def told(self) -> dict[str, object] | None:
        """The whole of it; None when there was no such call."""
        if self._closed is None:
            return None
        closed = self._closed
        return {
            "call": closed.call.id,
            "arrived_at": self._iso(closed.call.arrival_ms),
            "language": closed.call.language,
            "topic": closed.call.topic,
            "outcome": closed.outcome,
            "wait_s": closed.wait_ms / 1000,
            "operator": closed.operator,
            "handle_s": closed.call.handle_ms / 1000 if closed.operator else None,
            "timeline": self._timeline,
            "decisions": self._decisions,
        }
