"""Counts a run: the figures of the centre, and a CSV with a line for each call."""

import math
import os
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar, Final, TextIO

from acd.core.commands import Decided
from acd.core.seats import OperatorState
from acd.figures import QueueSums
from acd.sim.calls import Closed
from acd.sim.world import Totals

COLUMNS = "call,arrival_s,language,topic,outcome,wait_s,operator,skill_level,step,handle_s"
TAIL: Final = 0.10
COUNTED_MS: Final = 600_000
"""Waits below this are counted by the millisecond; the few above are kept one by one."""


class Waits:
    """How often each wait was seen, to the millisecond, in as much room for a year as for a day."""

    def __init__(self) -> None:
        self._seen = array("L", bytes(array("L").itemsize * COUNTED_MS))
        self._beyond: list[int] = []
        self.count = 0

    def add(self, wait_ms: int) -> None:
        """Count one."""
        self.count += 1
        if wait_ms < COUNTED_MS:
            self._seen[wait_ms] += 1
        else:
            self._beyond.append(wait_ms)

    def longest(self) -> int:
        """The longest of them; there must be one."""
        return next(iter(self._downwards()))[0]

    def exceeded_by(self, share: float) -> int:
        """The wait that no more than this share of them exceed; there must be one."""
        over = self.count - math.ceil(self.count * (1 - share))
        for wait_ms, seen in self._downwards():
            over -= seen
            if over < 0:
                return wait_ms
        raise ValueError("no wait was counted")

    def sum_of_longest(self, share: float) -> tuple[int, int]:
        """The longest of them, this share of all and at least one: their sum and their number."""
        wanted = left = min(self.count, max(1, round(self.count * share)))
        total = 0
        for wait_ms, seen in self._downwards():
            taken = min(seen, left)
            total, left = total + taken * wait_ms, left - taken
            if not left:
                break
        return total, wanted

    def _downwards(self) -> Iterator[tuple[int, int]]:
        for wait_ms in sorted(self._beyond, reverse=True):
            yield wait_ms, 1
        for wait_ms in range(COUNTED_MS - 1, -1, -1):
            if self._seen[wait_ms]:
                yield wait_ms, self._seen[wait_ms]


class Results:
    """Sums over all calls. `write` is given the lines of the CSV, in the order the calls came."""

    follows_calls: ClassVar[bool] = False

    def __init__(self, target_ms: int, write: Callable[[str], object] | None = None) -> None:
        self._target_ms = target_ms
        self._write = write
        self._held: dict[int, str] = {}
        self._next = 1
        self.sums = QueueSums()
        self.waits = Waits()
        if write is not None:
            write(COLUMNS + "\n")

    def closed(self, closed: Closed) -> None:
        """Count a call; its line waits until those that came before it have theirs."""
        self.sums.offered += 1
        self.sums.add(closed.outcome, closed.wait_ms, self._target_ms)
        self.waits.add(closed.wait_ms)
        if self._write is None:
            return
        self._held[closed.number] = line_of(closed)
        while (line := self._held.pop(self._next, None)) is not None:
            self._write(line)
            self._next += 1

    def happened(self, call: str, at: int, event: str, data: dict[str, object]) -> None:
        """Of no account for the sums."""

    def decided(self, call: str, decided: Decided) -> None:
        """Of no account for the sums."""

    def report(self, totals: Totals, elapsed_s: float) -> dict[str, int | float | None]:
        """The figures, by the names everybody uses; None: nothing to count."""
        sums, waits = self.sums, self.waits
        states = totals.state_ms or {}
        busy = states.get(OperatorState.TALKING, 0) + states.get(OperatorState.WRAP_UP, 0)
        there = busy + states.get(OperatorState.READY, 0)
        return {
            "offered": sums.offered,
            "answered": sums.answered,
            "answered_in_target": sums.answered_in_target,
            "abandoned": sums.abandoned,
            "abandoned_short": sums.abandoned_short,
            "callbacks": sums.callbacks,
            "overflowed": sums.overflowed,
            "service_level": _share(sums.answered_in_target, sums.offered),
            "asa_s": _seconds(sums.answered_wait_ms, sums.answered),
            "wait_p95_s": _seconds(waits.exceeded_by(0.05), 1) if waits.count else None,
            "wait_max_s": _seconds(waits.longest(), 1) if waits.count else None,
            "wait_worst_10pct_mean_s": _seconds(*waits.sum_of_longest(TAIL)),
            "abandon_rate": _share(sums.abandoned, sums.offered),
            "occupancy": _share(busy, there),
            "elapsed_s": round(elapsed_s, 3),
            "events": totals.events,
        }


def line_of(closed: Closed) -> str:
    """The line of a call in the CSV. Three decimals, the same on every machine."""
    call = closed.call
    level = "" if closed.skill_level is None else closed.skill_level
    handle = decimals(call.handle_ms) if closed.outcome == "answered" else ""
    return (
        f"{call.id},{decimals(call.arrival_ms)},{call.language},{call.topic},{closed.outcome},"
        f"{decimals(closed.wait_ms)},{closed.operator or ''},{level},{closed.step},{handle}\n"
    )


def decimals(ms: int) -> str:
    """Seconds with three decimals."""
    return f"{ms // 1000}.{ms % 1000:03d}"


class Unfinished:
    """A file that appears under its name only when it is whole. Use as a context."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # A pipe or a device cannot be replaced, and nobody could read half of it later.
        is_special = path.exists() and not path.is_file()
        self._beside = None if is_special else path.with_name(f".{path.name}.{os.getpid()}")
        self._stream: TextIO | None = None

    def __enter__(self) -> TextIO:
        self._stream = (self._beside or self._path).open("w", encoding="utf-8", newline="")
        return self._stream

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._stream is not None
        try:
            self._stream.close()
            if kind is None and self._beside is not None:
                self._beside.replace(self._path)
        finally:
            if self._beside is not None:
                self._beside.unlink(missing_ok=True)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def _seconds(ms: int, count: int) -> float | None:
    return round(ms / count / 1000, 3) if count else None
