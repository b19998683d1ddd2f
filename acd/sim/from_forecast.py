"""Makes up calls from a forecast: a Poisson process with each interval's rate.

Every interval has dice of its own, and calls on top of the usual have theirs: the calls of a usual
week stay the same ones when a surge is added to one of its days.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from random import Random
from typing import NamedTuple

from acd.core.names import Language, Topic
from acd.sim.calls import Call
from acd.sim.generate import exponential_ms, lognormal_ms
from acd.sim.scenario import Scenario, Spread


class Expected(NamedTuple):
    """An interval, in ms from the start of the run.

    `calls` without any surge; `factors` multiply the calls of single topics. `patience_s` is the
    mean (infinite: nobody hangs up); None: as the scenario has it.
    """

    begins_ms: int
    length_ms: int
    calls: float
    handle_s: float
    patience_s: float | None
    factors: Mapping[str, float]


def calls_of(expected: Iterable[Expected], scenario: Scenario, seed: int) -> list[Call]:
    """The calls in order. `handle_s` is the mean of all topics; each keeps its ratio to it."""
    draws = _Draws(scenario)
    found: list[tuple[int, int, int, Call]] = []
    for number, each in enumerate(expected):
        rng = Random(f"{seed}:{number}")
        for at in _arrivals(rng, each, each.calls):
            call = draws.call(rng, each, at)
            if each.factors.get(call.topic, 1.0) >= 1 or rng.random() < each.factors[call.topic]:
                found.append((at, number, len(found), call))
        for topic, factor in each.factors.items():
            share = scenario.topics.get(topic, 0.0)
            if factor > 1 and share > 0:
                rng = Random(f"{seed}:{number}:{topic}")
                for at in _arrivals(rng, each, each.calls * share * (factor - 1)):
                    call = draws.call(rng, each, at, Topic(topic))
                    found.append((at, number, len(found), call))
    found.sort(key=lambda one: one[:3])
    return [call._replace(id=str(number)) for number, (*_, call) in enumerate(found, 1)]


def mean_handle_s(scenario: Scenario, factors: Mapping[str, float] | None = None) -> float:
    """Over all calls of a scenario, when some topics have other shares than usual."""
    weights = {t: share * (factors or {}).get(t, 1.0) for t, share in scenario.topics.items()}
    total = sum(
        weight * scenario.handle_by_topic.get(topic, scenario.handle).mean_ms
        for topic, weight in weights.items()
    )
    return total / sum(weights.values()) / 1000


def mean_patience_s(scenario: Scenario) -> float:
    """Over all parts of the mixture."""
    return sum(share * mean_ms for share, mean_ms in scenario.patience) / 1000


def _arrivals(rng: Random, each: Expected, calls: float) -> list[int]:
    found: list[int] = []
    if calls <= 0:
        return found
    at = rng.expovariate(calls)
    while at < 1:
        found.append(each.begins_ms + int(at * each.length_ms))
        at += rng.expovariate(calls)
    return found


class _Draws:
    """Everything about a call but its time."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._usual_s = mean_handle_s(scenario)
        self._languages = _edges(scenario.languages)
        self._topics = _edges(scenario.topics)
        self._parts = _edges({str(n): share for n, (share, _) in enumerate(scenario.patience)})

    def call(self, rng: Random, each: Expected, at: int, topic: Topic | None = None) -> Call:
        language = Language(_drawn(rng, self._languages))
        topic = topic or Topic(_drawn(rng, self._topics))
        usual = self._scenario.handle_by_topic.get(topic, self._scenario.handle)
        ratio = each.handle_s / self._usual_s
        spread = Spread(max(1, round(usual.mean_ms * ratio)), round(usual.sd_ms * ratio))
        handle_ms = lognormal_ms(rng, spread)
        return Call("", at, language, topic, handle_ms, self._patience_ms(rng, each))

    def _patience_ms(self, rng: Random, each: Expected) -> int | None:
        if each.patience_s is None:
            mean_ms = self._scenario.patience[int(_drawn(rng, self._parts))][1]
        elif each.patience_s == math.inf:
            return None
        else:
            mean_ms = max(1, round(each.patience_s * 1000))
        return exponential_ms(rng, mean_ms)


def _edges(shares: Mapping[str, float]) -> tuple[Sequence[str], Sequence[float]]:
    return list(shares), list(accumulate(shares.values()))


def _drawn(rng: Random, among: tuple[Sequence[str], Sequence[float]]) -> str:
    names, edges = among
    return names[min(bisect_right(edges, rng.random() * edges[-1]), len(names) - 1)]
