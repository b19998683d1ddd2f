"""Differences between two runs of the same calls, each with an interval that means what it says.

Two ways. Of several independent days: one difference a day, and Student's t. Of a single stretch
of calls: batch means. Calls close in time wait together and are answered together, so that single
calls would make the interval far too narrow; quarter hours are put together until the
differences of neighbours have next to nothing to do with each other.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist, fmean, stdev
from typing import NamedTuple

BLOCKS_MIN = 10
CORRELATION_MAX = 0.2
SERIES_MAX = 2000
"""From so many degrees of freedom on the expansion for many is exact to nine digits."""

Ratio = tuple[float, float]
"""A count or a sum, and what it is divided by."""


class Estimate(NamedTuple):
    """B less A; without bounds when there is too little to tell how sure it is."""

    difference: float
    low: float | None
    high: float | None


def t_quantile(share: float, freedom: int) -> float:
    """The value below which Student's t of so many degrees of freedom stays with this share.

    `share` is above a half. Abramowitz and Stegun 26.7.3 and 26.7.4 give the share inside +-t in
    closed form for whole degrees of freedom.
    """
    assert 0.5 < share < 1, f"{share} is no upper share"
    assert freedom >= 1, f"{freedom} degrees of freedom"
    if freedom > SERIES_MAX:
        z = NormalDist().inv_cdf(share)
        first = (z**3 + z) / 4
        second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
        return z + first / freedom + second / freedom**2
    low, high = 0.0, math.pi / 2
    for _ in range(80):
        middle = (low + high) / 2
        if _inside(middle, freedom) < 2 * share - 1:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _inside(angle: float, freedom: int) -> float:
    """The share between -t and t, where t is the tangent of the angle times root freedom."""
    cosine, square = math.cos(angle), math.cos(angle) ** 2
    is_odd = freedom % 2 == 1
    term = cosine if is_odd else 1.0
    total = term if freedom > 1 else 0.0
    for n in range(3 if is_odd else 2, freedom - 1, 2):
        term *= square * (n - 1) / n
        total += term
    if is_odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total


def of_days(differences: Sequence[float], level: float) -> Estimate:
    """From one difference for each independent day."""
    mean = fmean(differences)
    if len(differences) < 2:
        return Estimate(mean, None, None)
    half = t_quantile((1 + level) / 2, len(differences) - 1)
    half *= stdev(differences) / math.sqrt(len(differences))
    return Estimate(mean, mean - half, mean + half)


def of_blocks(a: Sequence[Ratio], b: Sequence[Ratio], level: float) -> Estimate | None:
    """From the blocks of one stretch, whose ratios count by their size; None: nothing to divide.

    Each block is taken for what it adds to the difference of the two overall ratios, to the first
    order (the delta method).
    """
    parts = influences(a, b)
    if parts is None:
        return None
    difference, each = parts
    if len(each) < BLOCKS_MIN:
        return Estimate(difference, None, None)
    count = len(each)
    half = t_quantile((1 + level) / 2, count - 1) * math.sqrt(
        count / (count - 1) * math.fsum(value**2 for value in each)
    )
    return Estimate(difference, difference - half, difference + half)


def influences(a: Sequence[Ratio], b: Sequence[Ratio]) -> tuple[float, list[float]] | None:
    """The difference of the overall ratios, and what each block adds to it beyond its size."""
    totals = [math.fsum(row[n] for row in rows) for rows in (a, b) for n in (0, 1)]
    if not totals[1] or not totals[3]:
        return None
    of_a, of_b = totals[0] / totals[1], totals[2] / totals[3]
    return of_b - of_a, [
        (top_b - of_b * under_b) / totals[3] - (top_a - of_a * under_a) / totals[1]
        for (top_a, under_a), (top_b, under_b) in zip(a, b, strict=True)
    ]


def together(rows: Sequence[Ratio], width: int) -> list[Ratio]:
    """Blocks of so many neighbours; what is left over goes to the last."""
    count = max(1, len(rows) // width)
    edges = [n * width for n in range(count)] + [len(rows)]
    return [
        (sum(top for top, _ in rows[i:j]), sum(under for _, under in rows[i:j]))
        for i, j in pairwise(edges)
    ]


def width_of(a: Sequence[Ratio], b: Sequence[Ratio]) -> int:
    """How many neighbours make a block: the fewest whose differences hang together no more."""
    width = 1
    while len(a) // (width * 2) >= BLOCKS_MIN:
        parts = influences(together(a, width), together(b, width))
        if parts is None or _correlation(parts[1]) <= CORRELATION_MAX:
            break
        width *= 2
    return width


def _correlation(values: Sequence[float]) -> float:
    """Of each with the next; 0 when nothing differs."""
    square = math.fsum(value**2 for value in values)
    if not square:
        return 0.0
    return math.fsum(x * y for x, y in pairwise(values)) / square


def verdict(estimate: Estimate, better: int) -> str:
    """In a word. `better` is 1 when more is better, -1 when less is, 0 when neither."""
    difference, low, high = estimate
    if difference == 0 and not low and not high:
        return "same"
    if low is None or high is None:
        return "not known"
    if low <= 0 <= high:
        return "no difference shown"
    if not better:
        return "higher" if difference > 0 else "lower"
    return "better" if difference * better > 0 else "worse"
