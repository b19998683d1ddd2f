"""Makes a trace of calls that were really made, so that they can be played under other settings.

What a record cannot know is drawn: how long the conversation with somebody who hung up would have
been, from those of the same topic, in the same hour where there are enough; how long somebody who
was answered would have waited, from `Patience`, given that it was longer than the wait.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from acd.sim.patience import Patience
from acd.sim.results import decimals
from acd.sim.trace import COLUMNS
from acd.store import CallRow

ENOUGH = 30
HOUR_MS = 3_600_000
_OF_QUEUE = ("answered", "abandoned", "callback", "overflowed")


class Recorded(NamedTuple):
    """A call that was made. Without `handle_ms` nobody spoke with the caller."""

    arrival_ms: int
    language: str
    topic: str
    wait_ms: int
    handle_ms: int | None
    has_given_up: bool


@dataclass(slots=True)
class Told:
    """What was counted on the way."""

    calls: int = 0
    answered: int = 0
    gave_up: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    topics: dict[str, int] = field(default_factory=dict)

    def leave_out(self, why: str) -> None:
        """A call is not in the trace."""
        self.left_out[why] = self.left_out.get(why, 0) + 1


@dataclass(slots=True)
class _Learned:
    """The conversations and waits that the unknown ones are drawn from; None: of all."""

    handle: dict[tuple[str | None, int | None], "array[int]"] = field(default_factory=dict)
    waits: dict[str | None, list[tuple[int, bool]]] = field(default_factory=dict)
    patience: dict[str | None, Patience] = field(default_factory=dict)

    def take(self, call: Recorded) -> None:
        wait = call.wait_ms, call.has_given_up
        for topic in (call.topic, None):
            self.waits.setdefault(topic, []).append(wait)
        if call.handle_ms is not None:
            hour = call.arrival_ms // HOUR_MS % 24
            for pool in ((call.topic, hour), (call.topic, None), (None, None)):
                self.handle.setdefault(pool, array("q")).append(call.handle_ms)

    def estimate(self) -> None:
        self.patience = {topic: Patience(waits) for topic, waits in self.waits.items()}
        self.waits.clear()

    def draw_handle_ms(self, rng: Random, call: Recorded) -> int:
        hour = call.arrival_ms // HOUR_MS % 24
        for pool in ((call.topic, hour), (call.topic, None)):
            known = self.handle.get(pool)
            if known is not None and len(known) >= ENOUGH:
                return rng.choice(known)
        return rng.choice(self.handle[None, None])

    def draw_patience_ms(self, rng: Random, call: Recorded) -> int | None:
        own = self.patience[call.topic]
        chosen = own if own.gave_up >= ENOUGH else self.patience[None]
        return chosen.draw(rng, call.wait_ms)


class NothingKnown(Exception):
    """Not one conversation to draw from."""


def trace_lines(read: Callable[[], Iterable[Recorded]], seed: int, told: Told) -> Iterator[str]:
    """The lines of the trace. `read` gives the calls by arrival, and is called twice: once to
    learn from them, once to write them, so that months need no more room than their times.
    """
    learned = _Learned()
    for call in read():
        learned.take(call)
    if learned.waits and (None, None) not in learned.handle:
        raise NothingKnown
    learned.estimate()
    rng = Random(seed)
    yield ",".join(COLUMNS) + "\n"
    for call in read():
        if call.topic not in learned.patience:
            continue  # came while this was read
        handle_ms, patience_ms = call.handle_ms, call.wait_ms
        if handle_ms is None:
            handle_ms = learned.draw_handle_ms(rng, call)
        until = patience_ms if call.has_given_up else learned.draw_patience_ms(rng, call)
        told.calls += 1
        told.answered += call.handle_ms is not None
        told.gave_up += call.has_given_up
        told.topics[call.topic] = told.topics.get(call.topic, 0) + 1
        yield (
            f"{decimals(call.arrival_ms)},{call.language},{call.topic},{decimals(handle_ms)},"
            f"{'' if until is None else decimals(until)}\n"
        )


def from_rows(
    rows: Iterable[CallRow], begin_ms: int, language: str, told: Told
) -> Iterator[Recorded]:
    """Calls on record; `language` is of those that never chose one. Times count from `begin_ms`."""
    for row in rows:
        if row.queued_at is None or row.outcome not in _OF_QUEUE or row.wait_ms is None:
            told.leave_out("not over yet" if row.outcome is None else "never waited in a queue")
            continue
        is_answered = row.outcome == "answered"
        yield Recorded(
            row.queued_at - begin_ms,
            row.language or language,
            row.topic or row.queue or "",
            row.wait_ms,
            row.handle_ms if is_answered else None,
            row.outcome == "abandoned",
        )
