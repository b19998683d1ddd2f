"""A call as the simulator is given it, and what became of it."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from acd.core.names import Language, OperatorId, Topic

LAST_WAIT_MS = 7 * 86_400_000
"""Who never hangs up is given up so long after the last call: every shift has come by then."""


class Call(NamedTuple):
    """Times in ms from the start of the run; `handle_ms` includes the wrap-up.

    Without `patience_ms` the caller never hangs up.
    """

    id: str
    arrival_ms: int
    language: Language
    topic: Topic
    handle_ms: int
    patience_ms: int | None


class Span(NamedTuple):
    """How many calls there are, and from when to when any of them may still be waiting."""

    calls: int
    first_ms: int
    last_ms: int
    until_ms: int


Ending = Literal["answered", "abandoned", "callback", "overflowed"]


@dataclass(frozen=True, slots=True)
class Closed:
    """What became of a call; `number` counts them in the order they came."""

    number: int
    call: Call
    outcome: Ending
    wait_ms: int
    step: int
    operator: OperatorId | None = None
    skill_level: int | None = None


def span_of(calls: list[Call]) -> Span:
    """The span of calls that are in order."""
    last = calls[-1].arrival_ms
    leaves = (
        last + LAST_WAIT_MS if call.patience_ms is None else call.arrival_ms + call.patience_ms
        for call in calls
    )
    return Span(len(calls), calls[0].arrival_ms, last, max(leaves))
