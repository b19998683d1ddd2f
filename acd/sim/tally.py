"""Counts a run by quarter hour, topic and queue: for the page, and for comparing two settings."""

from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from acd.core.commands import Decided
from acd.core.seats import OperatorState
from acd.figures import QueueSums
from acd.sim.calls import Closed
from acd.sim.world import Watcher

QUARTER_MS = 900_000


@dataclass(slots=True)
class Slot:
    """The calls that came in a quarter hour, and the operators' time in it."""

    sums: QueueSums = field(default_factory=QueueSums)
    waits: "array[int]" = field(default_factory=lambda: array("q"))
    state_ms: dict[OperatorState, int] = field(default_factory=dict)

    def merge(self, other: "Slot") -> None:
        """Add another one."""
        self.sums.merge(other.sums)
        self.waits.extend(other.waits)
        for state, ms in other.state_ms.items():
            self.state_ms[state] = self.state_ms.get(state, 0) + ms


Shares = dict[int, list[int]]
"""By quarter hour: how many calls came, how many were answered in time, the longest wait in ms."""


class Tally:
    """What became of the calls of one run. Passes everything on to `then`.

    A call counts in the quarter hour in which it came, whenever it was answered. `in_time` has a
    byte for each call that was not a second try, so that two runs can be laid side by side.
    """

    def __init__(self, target_ms: int, then: Watcher | None = None) -> None:
        self._target_ms = target_ms
        self._then = then
        self.slots: dict[int, Slot] = {}
        self.topics: dict[str, Shares] = defaultdict(dict)
        self.answered_waits = array("q")
        self.abandoned_waits = array("q")
        self.in_time = bytearray()

    def closed(self, closed: Closed) -> None:
        """Count a call."""
        if self._then is not None:
            self._then.closed(closed)
        call, wait_ms = closed.call, closed.wait_ms
        quarter = call.arrival_ms // QUARTER_MS
        slot = self._slot(quarter)
        slot.sums.offered += 1
        slot.sums.add(closed.outcome, wait_ms, self._target_ms)
        slot.waits.append(wait_ms)
        is_answered = closed.outcome == "answered"
        is_in_time = is_answered and wait_ms <= self._target_ms
        _add(self.topics[call.topic], quarter, (1, is_in_time, wait_ms))
        if is_answered:
            self.answered_waits.append(wait_ms)
        elif closed.outcome == "abandoned":
            self.abandoned_waits.append(wait_ms)
        if is_in_time and call.id.isdigit():
            number = int(call.id)
            if number >= len(self.in_time):
                self.in_time.extend(bytes(number + 1 - len(self.in_time)))
            self.in_time[number] = 1

    def happened(self, call: str, at: int, event: str, data: dict[str, object]) -> None:
        """Of no account here."""
        if self._then is not None:
            self._then.happened(call, at, event, data)

    def decided(self, call: str, decided: Decided) -> None:
        """Of no account here."""
        if self._then is not None:
            self._then.decided(call, decided)

    def spent(self, state: OperatorState, since: int, until: int) -> None:
        """A stretch of an operator's time, shared out to its quarter hours."""
        if state is OperatorState.OFFLINE:
            return
        while since < until:
            quarter = since // QUARTER_MS
            edge = min(until, (quarter + 1) * QUARTER_MS)
            states = self._slot(quarter).state_ms
            states[state] = states.get(state, 0) + edge - since
            since = edge

    def merge(self, other: "Tally") -> None:
        """Add the same hours of another day; the single calls of days are not the same."""
        for quarter, slot in other.slots.items():
            self._slot(quarter).merge(slot)
        for topic, shares in other.topics.items():
            mine = self.topics[topic]
            for quarter, share in shares.items():
                _add(mine, quarter, share)
        self.answered_waits.extend(other.answered_waits)
        self.abandoned_waits.extend(other.abandoned_waits)
        self.in_time = bytearray()

    def by_queue(self, queue_of: Callable[[str], str]) -> dict[str, Shares]:
        """The shares of the topics, put together to those of queues."""
        queues: dict[str, Shares] = {}
        for topic, shares in self.topics.items():
            queue = queues.setdefault(queue_of(topic), {})
            for quarter, share in shares.items():
                _add(queue, quarter, share)
        return queues

    def detach(self) -> "Tally":
        """The counts alone, to be handed on."""
        self._then = None
        return self

    def _slot(self, quarter: int) -> Slot:
        slot = self.slots.get(quarter)
        if slot is None:
            slot = self.slots[quarter] = Slot()
        return slot


def total(shares: Shares) -> tuple[int, int, int]:
    """Of all quarter hours: calls, those answered in time, the longest wait in ms."""
    rows = shares.values()
    return (
        sum(row[0] for row in rows),
        sum(row[1] for row in rows),
        max((row[2] for row in rows), default=0),
    )


def _add(shares: Shares, quarter: int, more: Sequence[int]) -> None:
    share = shares.get(quarter)
    if share is None:
        shares[quarter] = list(more)
    else:
        share[0] += more[0]
        share[1] += more[1]
        share[2] = max(share[2], more[2])
