"""Charts as SVG text for a page that needs nothing else: no script, no font, nothing from outside.

Each chart is a `<figure>` with a title, what it shows in words, a legend of words, and the numbers
behind it as a table to open. Colours and dashes come from the classes `s0` to `s5` in `STYLE`, so
that light, dark and print differ in one place. Values that are None are gaps.
"""

import math
from collections.abc import Sequence
from html import escape
from itertools import chain, count
from typing import Final, NamedTuple

WIDTH, HEIGHT = 480, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 14, 26
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
LETTER_WIDTH = 8
TICKS_MAX = 5

Values = Sequence[float | None]


class Series(NamedTuple):
    """A row of values, one for each label of the chart; `style` 0 to 5 is its colour."""

    name: str
    values: Values
    style: int
    is_dashed: bool = False


class Mark(NamedTuple):
    """A line across the chart with its words: at a value, or before the label of this number."""

    at: float
    text: str


class Chart(NamedTuple):
    """What all charts have. `unit` is added to numbers, `decimals` are worth reading."""

    title: str
    about: str
    labels: Sequence[str]
    series: Sequence[Series]
    unit: str = ""
    decimals: int = 0
    top: float | None = None
    label: str = "time"


STYLE: Final = """
:root{color-scheme:light dark;--ink:#1c1f24;--soft:#555c66;--line:#d5d9df;
--page:#fff;--card:#f6f7f9;--s0:#1f6fb4;--s1:#b4540a;--s2:#2b7f4f;--s3:#8a4fa8;--s4:#8a8f98;--s5:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#aab0b9;--line:#3a4049;
--page:#14171b;--card:#1c2026;--s0:#6fb3ee;--s1:#f0a35a;--s2:#6fca93;--s3:#c79be0;--s4:#8d939d;--s5:#ff8a80}}
figure{margin:0;min-width:0}
figure svg{display:block;width:100%;height:auto}
figcaption{font-weight:600}
.about{color:var(--soft);margin:.1rem 0 .4rem}
.legend{display:flex;flex-wrap:wrap;gap:.15rem 1rem;list-style:none;margin:.2rem 0 .4rem;padding:0}
.legend i{display:inline-block;width:1.5em;height:0;border-top:.25em solid;vertical-align:.2em;
margin-right:.35em}
.legend i.dash{border-top-style:dotted}
svg text{font:11px system-ui,sans-serif;fill:var(--soft)}
svg .said{paint-order:stroke;stroke:var(--card);stroke-width:4px;fill:var(--ink)}
@media (max-width:600px){svg text{font-size:15px}}
svg .grid{stroke:var(--line);stroke-width:1}
svg .mark{stroke:var(--ink);stroke-width:1;stroke-dasharray:2 3}
svg .line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}
svg .dash{stroke-dasharray:5 4}
svg .bar{stroke:var(--card);stroke-width:.4}
svg .hit{fill:transparent}
svg .hit:hover{fill:var(--ink);fill-opacity:.1}
.s0{stroke:var(--s0);border-color:var(--s0)!important}.s1{stroke:var(--s1);border-color:var(--s1)!important}
.s2{stroke:var(--s2);border-color:var(--s2)!important}.s3{stroke:var(--s3);border-color:var(--s3)!important}
.s4{stroke:var(--s4);border-color:var(--s4)!important}.s5{stroke:var(--s5);border-color:var(--s5)!important}
.f0{fill:var(--s0)}.f1{fill:var(--s1)}.f2{fill:var(--s2)}.f3{fill:var(--s3)}.f4{fill:var(--s4)}
.f5{fill:var(--s5)}
@media (forced-colors:active){svg .hit:hover{fill-opacity:0}}
"""


def lines(chart: Chart, mark: Mark | None = None) -> str:
    """A line for each series; where a value is missing the line is broken."""
    top = _top(chart, [_highest(each.values) for each in chart.series], mark)
    drawn = [_line(each, len(chart.labels), top) for each in chart.series]
    if mark is not None:
        y = _y(mark.at, top)
        drawn.append(f'<path class="mark" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
        drawn.append(
            f'<text class="said" x="{LEFT + 4}" y="{round(y - 4, 1)}">{escape(mark.text)}</text>'
        )
    return _figure(chart, top, drawn, is_stacked=False)


def stacked(chart: Chart, mark: Mark | None = None) -> str:
    """A column for each label, the series one on top of another, the first at the bottom."""
    count_ = len(chart.labels)
    heights = [math.fsum(each.values[n] or 0 for each in chart.series) for n in range(count_)]
    top = _top(chart, heights, None)
    width = PLOT_WIDTH / max(1, count_)
    drawn = []
    for number, series in enumerate(chart.series):
        path = []
        for n in range(count_):
            value = series.values[n] or 0
            if not value:
                continue
            below = math.fsum(each.values[n] or 0 for each in chart.series[:number])
            y0, y1 = _y(below, top), _y(below + value, top)
            path.append(f"M{_x(n, width)} {y0}V{y1}h{round(width * 0.92, 2)}V{y0}z")
        drawn.append(f'<path class="bar f{series.style}" d="{"".join(path)}"/>')
    if mark is not None:
        x = _x(mark.at, width)
        drawn.append(f'<path class="mark" d="M{x} {TOP}V{HEIGHT - BOTTOM}"/>')
        is_right = mark.at > count_ / 2
        side = f'text-anchor="end" x="{x - 4}"' if is_right else f'x="{x + 4}"'
        drawn.append(f'<text class="said" {side} y="{TOP + 8}">{escape(mark.text)}</text>')
    return _figure(chart, top, drawn, is_stacked=True)


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column names the row; the others are numbers."""
    cells = "".join(f'<th scope="col">{escape(each)}</th>' for each in head)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="group" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{cells}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def ticks_of(highest: float, most: int = TICKS_MAX) -> list[float]:
    """Round numbers from 0 to the first that is not below."""
    if highest <= 0:
        return [0.0, 1.0]
    rough = highest / most
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * each for each in (1, 2, 5, 10) if unit * each >= rough * (1 - 1e-9))
    return [step * n for n in range(math.ceil(highest / step - 1e-9) + 1)]


def _highest(values: Values) -> float:
    return max((value for value in values if value is not None), default=0.0)


def _top(chart: Chart, heights: Sequence[float], mark: Mark | None) -> float:
    if chart.top is not None:
        return chart.top
    return ticks_of(max([*heights, mark.at if mark else 0.0], default=0.0))[-1]


def _y(value: float, top: float) -> float:
    return round(TOP + PLOT_HEIGHT * (1 - value / top), 1)


def _x(number: float, width: float) -> float:
    return round(LEFT + number * width, 2)


def _line(series: Series, number: int, top: float) -> str:
    width = PLOT_WIDTH / max(1, number)
    parts, is_on = [], False
    for n, value in enumerate(series.values):
        if value is None:
            is_on = False
            continue
        parts.append(f"{'L' if is_on else 'M'}{_x(n + 0.5, width)} {_y(value, top)}")
        if not is_on:
            parts.append("h0")  # a dot, when it stays alone
        is_on = True
    dash = " dash" if series.is_dashed else ""
    return f'<path class="line s{series.style}{dash}" d="{"".join(parts)}"/>'


def _figure(chart: Chart, top: float, drawn: Sequence[str], *, is_stacked: bool) -> str:
    title, about = escape(chart.title), escape(chart.about)
    legend = "".join(
        f'<li><i class="s{each.style}{" dash" if each.is_dashed else ""}"></i>'
        f"{escape(each.name)}</li>"
        for each in chart.series
    )
    rows = [
        [label, *(number(each.values[n], chart) for each in chart.series)]
        for n, label in enumerate(chart.labels)
    ]
    behind = table(f"{chart.title}: the numbers", [chart.label, *_names(chart)], rows)
    order = chart.series[::-1] if is_stacked else chart.series
    return (
        f"<figure><figcaption>{title}</figcaption>"
        f'<p class="about">{about}</p><ul class="legend">{legend}</ul>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}. {about}">'
        f"<title>{title}</title><desc>{about}</desc>"
        f"{_axes(chart, top)}{''.join(drawn)}{_hits(chart, order)}</svg>"
        f"<details><summary>The numbers</summary>{behind}</details></figure>"
    )


def _names(chart: Chart) -> list[str]:
    unit = f", {chart.unit.strip()}" if chart.unit.strip() else ""
    return [f"{each.name}{unit}" for each in chart.series]


def number(value: float | None, chart: Chart) -> str:
    """A value as the tables have it."""
    return "-" if value is None else f"{value:,.{chart.decimals}f}"


def _axes(chart: Chart, top: float) -> str:
    found = []
    for tick in ticks_of(top):
        if tick > top * (1 + 1e-9):
            break
        y = _y(tick, top)
        found.append(f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
        text = f"{tick:,.10g}{chart.unit}"
        found.append(f'<text text-anchor="end" x="{LEFT - 4}" y="{round(y + 4, 1)}">{text}</text>')
    many = len(chart.labels)
    width = PLOT_WIDTH / max(1, many)
    for n in range(0, many, _every(chart.labels)):
        label = escape(chart.labels[n])
        found.append(
            f'<text text-anchor="middle" x="{_x(n, width)}" y="{HEIGHT - 8}">{label}</text>'
        )
    return "".join(found)


def _every(labels: Sequence[str]) -> int:
    """Which labels there is room for; of quarter hours whole hours, when not all of them."""
    most = PLOT_WIDTH // (LETTER_WIDTH * (len(labels[len(labels) // 2]) + 1)) if labels else 1
    if len(labels) <= most:
        return 1
    return next(n for n in chain((2, 4), count(8, 4)) if len(labels) / n <= most)


def _hits(chart: Chart, order: Sequence[Series]) -> str:
    """Invisible columns that say their numbers when pointed at."""
    width = PLOT_WIDTH / max(1, len(chart.labels))
    return "".join(
        f'<rect class="hit" x="{_x(n, width)}" y="{TOP}" width="{round(width, 2)}" '
        f'height="{PLOT_HEIGHT}"><title>{escape(label)}'
        + "".join(
            f"\n{escape(each.name)}: {number(each.values[n], chart)}{escape(chart.unit)}"
            for each in order
            if each.values[n] is not None
        )
        + "</title></rect>"
        for n, label in enumerate(chart.labels)
    )
