"""How long callers would have waited, of whom most were answered before they gave up.

The estimate of Kaplan and Meier: of those who still waited at a moment when somebody hung up, the
share who did not. A caller who was answered after 20 s counts as waiting until then, and says
nothing of later. Pure.
"""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import groupby
from random import Random


class Patience:
    """The waits of many callers: (ms, whether the caller gave up then).

    `times` are the moments somebody gave up, `staying` which share had more patience than that.
    Beyond the last of them nobody knows: there the time until the next gives up is exponential,
    with all waiting by the number who gave up as its mean.
    """

    def __init__(self, waits: Iterable[tuple[int, bool]]) -> None:
        ordered = sorted(waits)
        self.times: list[int] = []
        self.staying: list[float] = []
        self.gave_up = 0
        waiting, share, total = len(ordered), 1.0, 0
        for wait_ms, group in groupby(ordered, key=lambda each: each[0]):
            gone = list(group)
            left = sum(is_gone for _, is_gone in gone)
            total += wait_ms * len(gone)
            if left:
                share *= 1 - left / waiting
                self.gave_up += left
                self.times.append(wait_ms)
                self.staying.append(share)
            waiting -= len(gone)
        self._mean_ms = total / self.gave_up if self.gave_up else 0.0

    def share_beyond(self, wait_ms: int) -> float:
        """Which share of the callers have more patience than this."""
        at = bisect_right(self.times, wait_ms)
        return self.staying[at - 1] if at else 1.0

    def draw(self, rng: Random, waited_ms: int) -> int | None:
        """The patience of somebody who was still there after so long; None: nobody gave up."""
        if not self.gave_up:
            return None
        beyond = rng.random() * self.share_beyond(waited_ms)
        begin = bisect_right(self.times, waited_ms)
        low, high = begin, len(self.times)
        while low < high:
            middle = (low + high) // 2
            if self.staying[middle] <= beyond:
                high = middle
            else:
                low = middle + 1
        if low < len(self.times):
            return self.times[low]
        last = max(waited_ms, self.times[-1])
        return last + (round(rng.expovariate(1 / self._mean_ms)) if self._mean_ms else 0)
