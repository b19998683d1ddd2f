"""One kind of call, operators alike: the formulas are exact there; how to hold a run to them."""

import math
from random import Random
from statistics import fmean, linear_regression

from acd.core.queues import LeastLevel, OperatorProfile, QueueRules, Routing, Rules
from acd.sim.calls import Call

BATCHES = 20
T_999 = 3.922
"""Student's t for 99.9 % and 18 degrees of freedom: the grid below asks about 60 questions."""

NARROW, NARROW_SHARE, NARROW_S = 0.4, 0.05, 1.0
"""Half of an interval at most: this part of the value, or (where little happens) so many points
of a share, so many seconds of a wait."""


def one_pool(operators, target_ms):
    """One topic, all operators alike, no wrap-up apart, first come first served."""
    queue = QueueRules("general", LeastLevel(1, 1), 8000, 0, ladder=())
    profiles = {
        f"op{n:03}": OperatorProfile(f"op{n:03}", "", "A", {"ru": 5}, {"general": 5})
        for n in range(operators)
    }
    routing = Routing(order="first_come")
    return Rules(target_ms, {"general": "general"}, {"general": queue}, profiles, routing)


def poisson_calls(count, load, seed):
    rng, at = Random(seed), 0.0
    for number in range(1, count + 1):
        at += rng.expovariate(load.calls_per_hour / 3_600_000)
        patience = None
        if load.patience_s < math.inf:
            patience = round(rng.expovariate(1 / load.patience_s) * 1000)
        handle = round(rng.expovariate(1 / load.handle_s) * 1000)
        yield Call(str(number), round(at), "ru", "general", handle, patience)


def assert_mean_is(expected, values, calls, load, what):
    """Within the run's own interval, from the means of batches; the first is warming up.

    There may be a value for each call, or for each so many.

    Most of the difference between batches is how much work happened to come. What that is on
    average is known exactly, so it is taken out by regression (a control variate).
    """
    size = len(values) // (BATCHES + 1)
    numbers, per = range(1, BATCHES + 1), len(calls) // len(values)
    means = [fmean(values[n * size : (n + 1) * size]) for n in numbers]
    work = [_work_too_much(calls[n * size * per : (n + 1) * size * per], load) for n in numbers]
    slope, at_no_more = linear_regression(work, means)
    residuals = [mean - at_no_more - slope * more for mean, more in zip(means, work, strict=True)]
    deviation = (sum(each * each for each in residuals) / (BATCHES - 2)) ** 0.5
    spread = sum((more - fmean(work)) ** 2 for more in work)
    half = T_999 * deviation * (1 / BATCHES + fmean(work) ** 2 / spread) ** 0.5
    found = f"{what}: {at_no_more:.5f} +- {half:.5f}, exact {expected:.5f}"
    assert abs(at_no_more - expected) <= half, found
    assert half <= max(NARROW * expected, NARROW_S if what == "wait" else NARROW_SHARE), found


def _work_too_much(calls, load):
    """How much longer the conversations and shorter the gaps were than on average; that is 0."""
    gap_ms = (calls[-1].arrival_ms - calls[0].arrival_ms) / (len(calls) - 1)
    handle_ms = fmean(call.handle_ms for call in calls)
    return handle_ms / load.handle_s / 1000 - gap_ms * load.calls_per_hour / 3_600_000
