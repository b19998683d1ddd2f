"""The simulator with the live router in it, held against the formulas of `acd staff`.

One kind of call, operators alike, exponential times: there the formulas are exact. A run is cut
into batches; what the formula says must lie within the interval that the batches themselves give,
and the interval must be narrow enough for that to mean something.
"""

import math
from random import Random
from statistics import fmean, linear_regression

import pytest

from acd.core.events import OperatorReady
from acd.core.queues import LeastLevel, OperatorProfile, QueueRules, Routing, Rules
from acd.sim.calls import Call
from acd.sim.duty import COMES, Duty
from acd.sim.world import World
from acd.staffing.erlang import Load, evaluate

BATCHES = 20
T_999 = 3.922
"""Student's t for 99.9 % and 18 degrees of freedom: the grid below asks about 60 questions."""

HANDLE_S = 100.0
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


class Kept:
    """Every call that is over, by its number."""

    def __init__(self):
        self.calls = {}

    def closed(self, closed):
        self.calls[closed.number] = closed

    def happened(self, call, at, event, data):
        pass

    def decided(self, call, decided):
        pass


def played(load, operators, count, seed, target_ms=30_000):
    """The calls in order of arrival."""
    rules, kept = one_pool(operators, target_ms), Kept()
    came = Duty(0, COMES, 0, tuple(OperatorReady(id_) for id_ in rules.operators))
    World(rules, [came], kept).run(poisson_calls(count, load, seed))
    return [kept.calls[number] for number in sorted(kept.calls)]


def assert_mean_is(expected, values, calls, load, what):
    """Within the run's own interval, from the means of batches; the first is warming up.

    Most of the difference between batches is how much work happened to come. What that is on
    average is known exactly, so it is taken out by regression (a control variate).
    """
    size = len(values) // (BATCHES + 1)
    batches = [slice(n * size, (n + 1) * size) for n in range(1, BATCHES + 1)]
    means = [fmean(values[batch]) for batch in batches]
    work = [_work_too_much(calls[batch], load) for batch in batches]
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
    gap_ms = (calls[-1].call.arrival_ms - calls[0].call.arrival_ms) / (len(calls) - 1)
    handle_ms = fmean(call.call.handle_ms for call in calls)
    return handle_ms / load.handle_s / 1000 - gap_ms * load.calls_per_hour / 3_600_000


def assert_agrees(load, operators, calls, within_s=30.0):
    exact = evaluate(load, operators, within_s)
    limit_ms = round(within_s * 1000)
    is_answered = [call.outcome == "answered" for call in calls]
    in_time = [
        answered and call.wait_ms <= limit_ms
        for call, answered in zip(calls, is_answered, strict=True)
    ]
    assert_mean_is(exact.service_level, in_time, calls, load, "service level")
    assert_mean_is(
        exact.wait_probability, [call.wait_ms > 0 for call in calls], calls, load, "waits at all"
    )
    assert_mean_is(
        exact.abandon_rate, [not answered for answered in is_answered], calls, load, "abandoned"
    )
    if exact.mean_wait_s is not None and exact.mean_wait_s > 0.01:
        assert_mean_is(
            exact.mean_wait_s, [call.wait_ms / 1000 for call in calls], calls, load, "wait"
        )


@pytest.mark.parametrize(("patience", "count"), [(0.3, 14_000), (1.0, 21_000), (4.0, 42_000)])
@pytest.mark.parametrize("busy", [0.7, 0.95, 1.2])
@pytest.mark.parametrize("operators", [1, 10, 60])
def test_erlang_a_over_a_grid(operators, busy, patience, count):
    """`patience` in handle times, `busy` the Erlang offered to each operator."""
    load = Load(operators * busy * 3600 / HANDLE_S, HANDLE_S, patience * HANDLE_S)
    assert_agrees(load, operators, played(load, operators, count, 3))


@pytest.mark.parametrize(
    ("operators", "busy"), [(1, 0.5), (1, 0.7), (10, 0.6), (10, 0.8), (60, 0.8)]
)
def test_erlang_c_over_a_grid(operators, busy):
    load = Load(operators * busy * 3600 / HANDLE_S, HANDLE_S)
    assert_agrees(load, operators, played(load, operators, 42_000, 5))


def test_published_erlang_c():
    """10 Erlang, 14 operators, 180 s, within 20 s: the R package ErlangC's manual."""
    load = Load(200, 180)
    calls = played(load, 14, 42_000, 7, 20_000)
    assert_mean_is(0.1741319336, [call.wait_ms > 0 for call in calls], calls, load, "waits at all")
    assert_mean_is(
        0.8883500192, [call.wait_ms <= 20_000 for call in calls], calls, load, "service level"
    )
    assert_mean_is(7.83593701, [call.wait_ms / 1000 for call in calls], calls, load, "wait")


@pytest.mark.parametrize(
    ("per_hour", "patience_s", "operators", "abandoned", "mean_wait_s", "at_once"),
    [
        (102 * 60, 60, 100, 0.04992, 0.04992 * 60, 0.40828),  # Whitt 2005, table 1
        (102 * 60, 240, 100, 0.03636, 0.03636 * 240, 0.22568),  # tables 3 and 5
        (2880, 120, 50, 0.0309, 3.71, None),  # Mandelbaum and Zeltyn
    ],
)
def test_published_erlang_a(per_hour, patience_s, operators, abandoned, mean_wait_s, at_once):
    load = Load(per_hour, 60, patience_s)
    calls = played(load, operators, 42_000, 11)
    assert_mean_is(
        abandoned, [call.outcome == "abandoned" for call in calls], calls, load, "abandoned"
    )
    assert_mean_is(mean_wait_s, [call.wait_ms / 1000 for call in calls], calls, load, "wait")
    if at_once is not None:
        assert_mean_is(
            at_once, [call.wait_ms == 0 for call in calls], calls, load, "answered at once"
        )
