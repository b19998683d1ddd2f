"""A call as the simulator is given it, and what became of it."""

from dataclasses import dataclass
from random import Random
from typing import Final, Literal, NamedTuple

from acd.core.names import ContactId, Language, OperatorId, Topic
from acd.core.seats import OperatorState

LAST_WAIT_MS: Final = 7 * 86_400_000
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


@dataclass(slots=True, init=False)
class Closed:
    """What became of a call; `number` counts them in the order they came."""

    number: int
    call: Call
    outcome: Ending
    wait_ms: int
    step: int
    operator: OperatorId | None
    skill_level: int | None

    def __init__(
        self,
        number: int,
        call: Call,
        outcome: Ending,
        wait_ms: int,
        step: int,
        operator: OperatorId | None = None,
        skill_level: int | None = None,
    ) -> None:
        self.number, self.call, self.outcome, self.wait_ms = number, call, outcome, wait_ms
        self.step, self.operator, self.skill_level = step, operator, skill_level


@dataclass(slots=True, eq=False, init=False)
class Live:
    """A call that is not over: its place in the run, its dice, and how far it has come.

    `offers` counts what was begun for it, so that the end of what was broken off is known as such.
    """

    call: Call
    number: int
    contact: ContactId
    queued_at: int
    rng: Random | None
    offers: int
    step: int
    is_closed: bool
    is_callback: bool

    def __init__(
        self, call: Call, number: int, contact: ContactId, queued_at: int, rng: Random | None
    ) -> None:
        self.call, self.number, self.contact = call, number, contact
        self.queued_at, self.rng = queued_at, rng
        self.offers = self.step = 0
        self.is_closed = self.is_callback = False


@dataclass(slots=True, eq=False)
class Stay:
    """What an operator is doing, and since when."""

    state: OperatorState
    since: int


def span_of(calls: list[Call]) -> Span:
    """The span of calls that are in order."""
    last = calls[-1].arrival_ms
    leaves = (
        last + LAST_WAIT_MS if call.patience_ms is None else call.arrival_ms + call.patience_ms
        for call in calls
    )
    return Span(len(calls), calls[0].arrival_ms, last, max(leaves))
