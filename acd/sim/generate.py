"""Makes up the calls of a day from a scenario: the same seed, the same calls."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from random import Random

from acd.core.names import Language, Topic
from acd.sim.calls import Call
from acd.sim.scenario import DAY_MS, Day, Scenario, Spread

HOUR_MS = 3_600_000


def made_up_days(
    scenario: Scenario, days: Iterable[Day], count: int | None, seed: int
) -> Iterator[Call]:
    """The calls of days that follow each other, `count` on each or as many as the day has.

    One day is made up at a time, so that a year takes no more room than a day.
    """
    number = 0
    for passed, day in enumerate(days):
        rng = Random(f"{seed}/{passed}" if passed else seed)
        calls = count or day.calls
        yield from _day(scenario, day, calls, rng, number, passed * DAY_MS)
        number += calls


def _day(
    scenario: Scenario, day: Day, count: int, rng: Random, before: int, midnight_ms: int
) -> list[Call]:
    """Given their number the calls of a Poisson process are independent of each other.

    Each comes at a moment drawn from the profile.
    """
    edges = [0, *accumulate(day.hours)]
    arrivals = sorted(midnight_ms + _moment(rng, day, edges) for _ in range(count))
    languages, topics = _Draw(scenario.languages), _Draw(scenario.topics)
    patience = _Draw({str(n): share for n, (share, _) in enumerate(scenario.patience)})
    calls = []
    for number, arrival_ms in enumerate(arrivals, before + 1):
        language, topic = languages.draw(rng), topics.draw(rng)
        handle = scenario.handle_by_topic.get(topic, scenario.handle)
        handle_ms = lognormal_ms(rng, handle)
        mean_ms = scenario.patience[int(patience.draw(rng))][1]
        patience_ms = exponential_ms(rng, mean_ms)
        calls.append(
            Call(str(number), arrival_ms, Language(language), Topic(topic), handle_ms, patience_ms)
        )
    return calls


def lognormal_ms(rng: Random, spread: Spread) -> int:
    """At least 1 ms, of this mean and deviation."""
    if not spread.sd_ms:
        return spread.mean_ms
    square = math.log1p((spread.sd_ms / spread.mean_ms) ** 2)
    return max(1, round(rng.lognormvariate(math.log(spread.mean_ms) - square / 2, square**0.5)))


def exponential_ms(rng: Random, mean_ms: int) -> int:
    """Of this mean."""
    return round(rng.expovariate(1 / mean_ms))


def _moment(rng: Random, day: Day, edges: list[int]) -> int:
    weight = rng.random() * edges[-1]
    hour = min(bisect_right(edges, weight) - 1, len(day.hours) - 1)
    into = (weight - edges[hour]) / day.hours[hour]
    return int((day.begins + hour + into) * HOUR_MS)


class _Draw:
    """Draws names by their shares."""

    def __init__(self, shares: Mapping[str, float]) -> None:
        self._names = list(shares)
        self._edges = list(accumulate(shares.values()))

    def draw(self, rng: Random) -> str:
        at = bisect_right(self._edges, rng.random() * self._edges[-1])
        return self._names[min(at, len(self._names) - 1)]
