"""Two settings, the same calls: the figures of both, and how sure it is that they differ."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from acd.figures import QueueSums
from acd.sim.paired import Estimate, Ratio, of_blocks, of_days, together, verdict, width_of
from acd.sim.runs import A, B, Figures, Played
from acd.sim.tally import QUARTER_MS, Shares, Tally, total

LEVEL: Final = 0.95
LEVEL_OF_MANY: Final = 0.99
"""Of queues and topics, who are many: at 95 % one in twenty would be marked by mere chance."""

BETTER: Final[Mapping[str, int]] = {
    "service_level": 1,
    "wait_max_s": -1,
    "asa_s": -1,
    "wait_p95_s": -1,
    "abandon_rate": -1,
    "overflow_rate": -1,
    "callback_rate": 0,
    "occupancy": 0,
}
"""What is compared: 1 when more is better, -1 when less is, 0 when neither."""

_RATES: Final[Mapping[str, Callable[[QueueSums], Ratio]]] = {
    "service_level": lambda sums: (sums.answered_in_target, sums.offered),
    "asa_s": lambda sums: (sums.answered_wait_ms / 1000, sums.answered),
    "abandon_rate": lambda sums: (sums.abandoned, sums.offered),
    "overflow_rate": lambda sums: (sums.overflowed, sums.offered),
    "callback_rate": lambda sums: (sums.callbacks, sums.offered),
}
"""What can be told of every quarter hour."""

Row = dict[str, float | int | str | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found, ready for JSON. `block_s` and `blocks` are set when there is one stretch of
    calls only, cut into blocks; `swapped` counts calls answered in time with A only, and B only.
    """

    days: int
    block_s: int | None
    blocks: int | None
    measures: dict[str, Row]
    queues: dict[str, Row]
    topics: dict[str, Row]
    swapped: tuple[int, int]


def compare(runs: Sequence[Played], queue_of: Callable[[str], str], *, is_one: bool) -> Comparison:
    """From the runs of both sides. `is_one`: a trace, one stretch of calls and no several days."""
    a, b = (sorted_side(runs, side) for side in (A, B))
    pairs = [(one.tally, other.tally) for one, other in zip(a, b, strict=True)]
    blocks = _Blocks(*pairs[0]) if is_one else None
    swaps = [_swapped(one.in_time, other.in_time) for one, other in pairs]
    return Comparison(
        days=len(pairs),
        block_s=blocks.width * QUARTER_MS // 1000 if blocks else None,
        blocks=blocks.count if blocks else None,
        measures={
            name: _measure(name, [run.figures for run in a], [run.figures for run in b], blocks)
            for name in BETTER
        },
        queues=_parts(
            [(one.by_queue(queue_of), two.by_queue(queue_of)) for one, two in pairs], blocks
        ),
        topics=_parts([(one.topics, two.topics) for one, two in pairs], blocks),
        swapped=(sum(lost for lost, _ in swaps), sum(won for _, won in swaps)),
    )


def sorted_side(runs: Sequence[Played], side: int) -> list[Played]:
    """The runs of one side, by their seed."""
    return sorted((run for run in runs if run.side == side), key=lambda run: run.seed)


class _Blocks:
    """How the quarter hours of one stretch are put together."""

    def __init__(self, a: Tally, b: Tally) -> None:
        self._a, self._b = a, b
        came = [
            quarter
            for tally in (a, b)
            for quarter, slot in tally.slots.items()
            if slot.sums.offered
        ]
        self._quarters = range(min(came), max(came) + 1)
        self.width = 1
        self.width = width_of(*self._rates("service_level"))
        self.count = max(1, len(self._quarters) // self.width)

    def estimate(self, name: str) -> Estimate | None:
        """None when the figure is none of quarter hours."""
        return of_blocks(*self._rates(name), LEVEL) if name in _RATES else None

    def of_shares(self, a: Shares, b: Shares) -> Estimate | None:
        """The same of a part of the calls."""
        return of_blocks(self._shares(a), self._shares(b), LEVEL_OF_MANY)

    def _rates(self, name: str) -> tuple[list[Ratio], list[Ratio]]:
        a, b = (
            [_rate(tally, name, quarter) for quarter in self._quarters]
            for tally in (self._a, self._b)
        )
        return together(a, self.width), together(b, self.width)

    def _shares(self, shares: Shares) -> list[Ratio]:
        rows = [shares.get(quarter, (0, 0, 0)) for quarter in self._quarters]
        return together([(in_time, offered) for offered, in_time, _ in rows], self.width)


def _rate(tally: Tally, name: str, quarter: int) -> Ratio:
    slot = tally.slots.get(quarter)
    return _RATES[name](slot.sums) if slot else (0, 0)


def _measure(name: str, a: Sequence[Figures], b: Sequence[Figures], blocks: _Blocks | None) -> Row:
    pairs = [
        (one, other)
        for one, other in zip(
            (_value(each, name) for each in a), (_value(each, name) for each in b), strict=True
        )
        if one is not None and other is not None
    ]
    if not pairs:
        return _row(None, None, None, 0)
    estimate = blocks.estimate(name) if blocks else None
    if estimate is None:
        estimate = of_days([other - one for one, other in pairs], LEVEL)
    means = fmean(one for one, _ in pairs), fmean(other for _, other in pairs)
    return _row(*means, estimate, BETTER[name])


def _value(figures: Figures, name: str) -> float | None:
    count = {"overflow_rate": "overflowed", "callback_rate": "callbacks"}.get(name)
    if count is None:
        return figures[name]
    part, whole = figures[count], figures["offered"]
    return part / whole if whole and part is not None else None


def _parts(
    pairs: Sequence[tuple[Mapping[str, Shares], Mapping[str, Shares]]], blocks: _Blocks | None
) -> dict[str, Row]:
    """The share answered in time of each queue or topic, with how many of its calls came a day."""
    names = sorted({name for a, b in pairs for name in (*a, *b)})
    found = {}
    for name in names:
        sides = [(a.get(name, {}), b.get(name, {})) for a, b in pairs]
        found[name] = _part(sides, blocks)
    return dict(sorted(found.items(), key=lambda each: -float(each[1]["offered"] or 0)))


def _part(sides: Sequence[tuple[Shares, Shares]], blocks: _Blocks | None) -> Row:
    sums = [(total(a), total(b)) for a, b in sides]
    shares = [(a[1] / a[0], b[1] / b[0]) for a, b in sums if a[0] and b[0]]
    row: Row = {
        "offered": fmean(a[0] for a, _ in sums),
        "wait_max_s_a": max(a[2] for a, _ in sums) / 1000,
        "wait_max_s_b": max(b[2] for _, b in sums) / 1000,
    }
    if not shares:
        return {**row, **_row(None, None, None, 0)}
    estimate = blocks.of_shares(*sides[0]) if blocks else None
    if estimate is None:
        estimate = of_days([b - a for a, b in shares], LEVEL_OF_MANY)
    means = fmean(a for a, _ in shares), fmean(b for _, b in shares)
    return {**row, **_row(*means, estimate, 1)}


def _swapped(a: bytearray, b: bytearray) -> tuple[int, int]:
    """How many calls were in time with A only, and with B only."""
    both = sum(x & y for x, y in zip(a, b, strict=False))
    return sum(a) - both, sum(b) - both


def _row(a: float | None, b: float | None, estimate: Estimate | None, better: int) -> Row:
    row: Row = {"a": _round(a), "b": _round(b)}
    if estimate is None:
        return {**row, "difference": None, "low": None, "high": None, "verdict": "not known"}
    return {
        **row,
        "difference": _round(estimate.difference),
        "low": _round(estimate.low),
        "high": _round(estimate.high),
        "verdict": verdict(estimate, better),
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
