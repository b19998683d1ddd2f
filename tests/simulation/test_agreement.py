"""The simulator with the live router in it, held against the formulas of `acd staff`.

One kind of call, operators alike, exponential times: there the formulas are exact. A run is cut
into batches; what the formula says must lie within the interval that the batches themselves give,
and the interval must be narrow enough for that to mean something.
"""

import pytest

from acd.core.events import OperatorReady
from acd.sim.duty import COMES, Duty
from acd.sim.world import World
from acd.staffing.erlang import Load, evaluate
from tests.simulation.pools import assert_mean_is, one_pool, poisson_calls

HANDLE_S = 100.0


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


def assert_agrees(load, operators, calls, within_s=30.0):
    exact = evaluate(load, operators, within_s)
    came = [call.call for call in calls]
    limit_ms = round(within_s * 1000)
    is_answered = [call.outcome == "answered" for call in calls]
    in_time = [
        answered and call.wait_ms <= limit_ms
        for call, answered in zip(calls, is_answered, strict=True)
    ]
    assert_mean_is(exact.service_level, in_time, came, load, "service level")
    assert_mean_is(
        exact.wait_probability, [call.wait_ms > 0 for call in calls], came, load, "waits at all"
    )
    assert_mean_is(
        exact.abandon_rate, [not answered for answered in is_answered], came, load, "abandoned"
    )
    if exact.mean_wait_s is not None and exact.mean_wait_s > 0.01:
        assert_mean_is(
            exact.mean_wait_s, [call.wait_ms / 1000 for call in calls], came, load, "wait"
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
    came = [call.call for call in calls]
    assert_mean_is(0.1741319336, [call.wait_ms > 0 for call in calls], came, load, "waits at all")
    assert_mean_is(
        0.8883500192, [call.wait_ms <= 20_000 for call in calls], came, load, "service level"
    )
    assert_mean_is(7.83593701, [call.wait_ms / 1000 for call in calls], came, load, "wait")


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
    came = [call.call for call in calls]
    assert_mean_is(
        abandoned, [call.outcome == "abandoned" for call in calls], came, load, "abandoned"
    )
    assert_mean_is(mean_wait_s, [call.wait_ms / 1000 for call in calls], came, load, "wait")
    if at_once is not None:
        assert_mean_is(
            at_once, [call.wait_ms == 0 for call in calls], came, load, "answered at once"
        )
