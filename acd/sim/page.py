"""A run, or two side by side, as one page that needs no script and nothing from elsewhere."""

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from html import escape
from typing import Final, NamedTuple

from acd.charts import STYLE, Chart, Mark, Series, lines, stacked, table, ticks_of
from acd.core.seats import OperatorState
from acd.figures import QueueSums
from acd.sim.tally import QUARTER_MS, Slot, Tally, total

BINS_MAX: Final = 120
QUARTERS_AN_HOUR: Final = 4
HOURS_A_DAY: Final = 24
WAIT_BINS: Final = 6
WAIT_BINS_MAX: Final = 24
"""The target has the first number of columns of the distribution; the last column is open."""

WORDS_COLUMNS: Final = 2
"""A table of names and what is said of each, which may be long."""

HEAD: Final = ("calls", "in time", "longest wait")
STATES: Final = (
    (OperatorState.TALKING, "talking", 0),
    (OperatorState.WRAP_UP, "wrap-up", 3),
    (OperatorState.RINGING, "ringing", 1),
    (OperatorState.READY, "ready", 2),
    (OperatorState.PAUSED, "paused", 4),
)
OUTCOMES: Final[tuple[tuple[str, int, Callable[[QueueSums], int]], ...]] = (
    ("answered in time", 2, lambda sums: sums.answered_in_target),
    ("answered later", 0, lambda sums: sums.answered - sums.answered_in_target),
    ("callback or led elsewhere", 3, lambda sums: sums.callbacks + sums.overflowed),
    ("gave up", 5, lambda sums: sums.abandoned),
)

_PAGE: Final = """
body{margin:0 auto;padding:1rem;max-width:1160px;background:var(--page);color:var(--ink);
font:16px/1.45 system-ui,sans-serif}
h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.15rem;margin:1.6rem 0 .5rem}
.grid2{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr))}
.grid2>*{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.7rem;
min-width:0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.wide{overflow:auto;max-height:26rem}.whole .wide{max-height:none}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}
caption{text-align:left;font-weight:600;padding:.3rem 0}
th,td{padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--line);text-align:right}
thead th{color:var(--soft);font-weight:normal;vertical-align:bottom}
td{white-space:nowrap}th:first-child{text-align:left;font-weight:normal}
.words td,.words th{white-space:normal;text-align:left}
summary{cursor:pointer;padding:.4rem 0;color:var(--soft)}
:focus-visible{outline:2px solid var(--s0);outline-offset:2px}
@media print{figure,tr{break-inside:avoid}}
"""


class Side(NamedTuple):
    """What was played: `name` is empty when there is only one."""

    name: str
    tally: Tally


class Page(NamedTuple):
    """A page to be written. `days` are together in the tallies; `told` are paragraphs, `facts` say
    what was played, `figures` is a table whose first row is its head.
    """

    title: str
    told: Sequence[str]
    facts: Sequence[tuple[str, str]]
    figures: Sequence[Sequence[str]]
    sides: Sequence[Side]
    days: int
    start: datetime
    target_ms: int
    queue_of: Callable[[str], str]


def render(page: Page) -> str:
    """The whole page."""
    hours = _Hours(page)
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in page.facts)
    told = "".join(f"<p>{escape(line)}</p>" for line in page.told)
    by_time = [_service_level(hours), _longest(hours), _waits(hours)]
    by_side = [chart for draw in (_calls, _distribution, _states) for chart in _each(hours, draw)]
    grids = [by_time, by_side] if len(page.sides) > 1 else [[*by_time, *by_side]]
    charts = "<p></p>".join(f'<div class="grid2">{"".join(grid)}</div>' for grid in grids)
    head, *rows = page.figures
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(page.title)}</title><style>{STYLE}{_PAGE}</style></head><body><main>"
        f"<h1>{escape(page.title)}</h1>{told}<dl>{facts}</dl>"
        f'<h2>Figures</h2><div class="whole{" words" if len(head) == WORDS_COLUMNS else ""}">'
        f"{table('The whole centre', head, rows)}</div>"
        f"<h2>Through the day</h2>{charts}"
        f'<h2>Queues and topics</h2><div class="whole">{_parts(page)}</div>'
        "</main></body></html>\n"
    )


class _Hours:
    """The stretches of time that charts are drawn in: quarter hours, or longer of a long trace."""

    def __init__(self, page: Page) -> None:
        self.page = page
        came = [
            quarter
            for side in page.sides
            for quarter, slot in side.tally.slots.items()
            if slot.sums.offered
        ]
        first = min(came, default=0) // QUARTERS_AN_HOUR * QUARTERS_AN_HOUR
        until = max(came, default=0) + 1
        self.width = 1
        while (until - first) / self.width > BINS_MAX:
            self.width = self.width * 2 if self.width < QUARTERS_AN_HOUR else self.width + 4
        self.firsts = range(first, until, self.width)
        self.is_long = until - first > HOURS_A_DAY * QUARTERS_AN_HOUR
        self.labels = [self._label(quarter) for quarter in self.firsts]
        minutes = self.width * QUARTER_MS // 60_000
        self.each = f"{minutes} minutes" if minutes < 60 else f"{minutes // 60} h"

    def slots(self, tally: Tally) -> list[Slot]:
        """Of each stretch everything in one."""
        found = []
        for first in self.firsts:
            whole = Slot()
            for quarter in range(first, first + self.width):
                slot = tally.slots.get(quarter)
                if slot is not None:
                    whole.merge(slot)
            found.append(whole)
        return found

    def _label(self, quarter: int) -> str:
        moment = datetime.fromtimestamp(
            self.page.start.timestamp() + quarter * QUARTER_MS / 1000, self.page.start.tzinfo
        )
        return f"{moment:%d.%m. %H:%M}" if self.is_long else f"{moment:%H:%M}"


def _each(hours: _Hours, draw: Callable[[_Hours, Side], str]) -> list[str]:
    return [draw(hours, side) for side in hours.page.sides]


def _named(text: str, side: Side) -> str:
    return f"{text}, with {side.name}" if side.name else text


def _overlaid(
    hours: _Hours, names: Sequence[tuple[str, int, Callable[[Slot], float | None]]]
) -> list[Series]:
    """The same values of both sides: B in other colours and dashed."""
    found = []
    for number, side in enumerate(hours.page.sides):
        slots = hours.slots(side.tally)
        for name, style, value in names:
            text = f"{name}, {side.name}" if side.name else name
            found.append(Series(text, [value(slot) for slot in slots], style + number, number > 0))
    return found


def _service_level(hours: _Hours) -> str:
    return lines(
        Chart(
            "Answered in time",
            f"Of the calls that came, the share answered within {hours.page.target_ms / 1000:g} s, "
            f"every {hours.each}.",
            hours.labels,
            _overlaid(
                hours,
                [("answered in time", 0, lambda slot: _share(slot.sums))],
            ),
            " %",
            1,
            100,
        )
    )


def _share(sums: QueueSums) -> float | None:
    return 100 * sums.answered_in_target / sums.offered if sums.offered else None


def _waits(hours: _Hours) -> str:
    return lines(
        Chart(
            "Mean wait, and what 5 % wait longer than",
            f"The mean is of those answered, the other of everybody, every {hours.each}.",
            hours.labels,
            _overlaid(hours, [("mean", 2, _mean), ("5 % over", 0, _p95)]),
            " s",
            1,
        ),
        _target(hours),
    )


def _longest(hours: _Hours) -> str:
    return lines(
        Chart(
            "Longest wait",
            f"Of those who came in these {hours.each}, however the wait ended"
            f"{'' if hours.page.days == 1 else '; the longest of all days'}.",
            hours.labels,
            _overlaid(hours, [("longest", 0, lambda slot: max(slot.waits, default=0) / 1000)]),
            " s",
            1,
        ),
        _target(hours),
    )


def _target(hours: _Hours) -> Mark:
    seconds = hours.page.target_ms / 1000
    return Mark(seconds, f"target {seconds:g} s")


def _mean(slot: Slot) -> float | None:
    sums = slot.sums
    return sums.answered_wait_ms / sums.answered / 1000 if sums.answered else None


def _p95(slot: Slot) -> float | None:
    waits = sorted(slot.waits)
    return waits[math.ceil(len(waits) * 0.95) - 1] / 1000 if waits else None


def _calls(hours: _Hours, side: Side) -> str:
    slots, days = hours.slots(side.tally), hours.page.days
    tops = (
        max((slot.sums.offered / days for slot in hours.slots(each.tally)), default=0)
        for each in hours.page.sides
    )
    return stacked(
        Chart(
            _named("Calls, and what became of them", side),
            f"In the {hours.each} in which they came{'' if days == 1 else ', on an average day'}.",
            hours.labels,
            [
                Series(name, [value(slot.sums) / days for slot in slots], style)
                for name, style, value in OUTCOMES
            ],
            "",
            0 if days == 1 else 1,
            _same_top(tops),
        )
    )


def _states(hours: _Hours, side: Side) -> str:
    length = hours.width * QUARTER_MS * hours.page.days

    def many(slot: Slot) -> float:
        return sum(slot.state_ms.values()) / length

    tops = (
        max((many(slot) for slot in hours.slots(each.tally)), default=0.0)
        for each in hours.page.sides
    )
    slots = hours.slots(side.tally)
    return stacked(
        Chart(
            _named("Operators by state", side),
            f"How many on average in each state, every {hours.each}.",
            hours.labels,
            [
                Series(name, [slot.state_ms.get(state, 0) / length for slot in slots], style)
                for state, name, style in STATES
            ],
            "",
            1,
            _same_top(tops),
        )
    )


def _same_top(tops: Iterable[float]) -> float:
    """Charts side by side have the same scale."""
    return ticks_of(max(tops, default=0))[-1]


def _distribution(hours: _Hours, side: Side) -> str:
    """Only of those who waited at all; in words, how many did not."""
    step, days = hours.page.target_ms / WAIT_BINS, hours.page.days
    every = [wait for each in hours.page.sides for wait in _all_waits(each.tally)]
    bins = min(WAIT_BINS_MAX, max(WAIT_BINS + 2, math.ceil(max(every, default=0) / step)))
    counts = {
        (each.name, kind): _binned(waits, step, bins)
        for each in hours.page.sides
        for kind, waits in _kinds(each.tally)
    }
    top = _same_top(
        sum(counts[each.name, kind][n] for kind, _ in _kinds(each.tally)) / days
        for each in hours.page.sides
        for n in range(bins)
    )
    at_once = sum(wait <= 0 for wait in side.tally.answered_waits) / days
    edges = [f"{n * step / 1000:g}" for n in range(bins)]
    return stacked(
        Chart(
            _named("How long callers waited", side),
            f"Calls{'' if days == 1 else ' of an average day'} by their wait. Besides, "
            f"{at_once:,.0f} were answered at once and are not drawn; callbacks and calls led "
            "elsewhere are not counted.",
            [*(f"{edge} s" for edge in edges[:-1]), f"over {edges[-1]} s"],
            [
                Series(kind, [value / days for value in counts[side.name, kind]], style)
                for (kind, _), style in zip(_kinds(side.tally), (2, 5), strict=True)
            ],
            "",
            0 if days == 1 else 1,
            top,
            "wait from",
        ),
        Mark(WAIT_BINS, f"target {hours.page.target_ms / 1000:g} s"),
    )


def _kinds(tally: Tally) -> list[tuple[str, "array[int]"]]:
    return [("answered", tally.answered_waits), ("gave up", tally.abandoned_waits)]


def _all_waits(tally: Tally) -> Iterator[int]:
    for _, waits in _kinds(tally):
        yield from waits


def _binned(waits: Iterable[int], step: float, bins: int) -> list[int]:
    """A wait of just the target is still in time, so that each column has its upper edge."""
    counts = [0] * bins
    for wait in waits:
        if wait > 0:
            counts[min(bins - 1, math.ceil(wait / step) - 1)] += 1
    return counts


def _parts(page: Page) -> str:
    """Queues and topics, the largest first, with the longest wait beside the share in time."""
    head = [
        f"{what}{f', {side.name}' if side.name else ''}" for side in page.sides for what in HEAD
    ]
    found = []
    for kind, parts in (
        ("queue", [side.tally.by_queue(page.queue_of) for side in page.sides]),
        ("topic", [side.tally.topics for side in page.sides]),
    ):
        names = {name for part in parts for name in part}
        sums = {name: [total(part.get(name, {})) for part in parts] for name in names}
        rows = [
            [name, *(cell for each in sums[name] for cell in _cells(each, page.days))]
            for name in sorted(names, key=lambda name: (-sums[name][0][0], name))
        ]
        found.append(table(f"By {kind}", [kind, *head], rows))
    return "".join(found)


def _cells(sums: tuple[int, int, int], days: int) -> list[str]:
    offered, in_time, longest_ms = sums
    share = f"{100 * in_time / offered:.1f} %" if offered else "-"
    return [f"{offered / days:,.0f}", share, f"{longest_ms / 1000:,.1f} s"]
