"""Erlang B, C and A against published figures, against sums over all states, and in order."""

import math
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acd.staffing.erlang import Load, Outcome, erlang_b, erlang_c, evaluate
from acd.staffing.need import (
    OPERATORS_MAX,
    Goal,
    Unreachable,
    least_operators,
    scheduled,
)

HOUR = 3600
LEVELS = (0.80, 0.90, 0.95, 0.99)
MEASURES = ("offered", "answered", "without_short", "virtual", "asa_s", "abandon_rate", "occupancy")

# Published


def whitt(theta, within):
    """Whitt 2005: 100 operators, 102 calls in the time one call takes, patience 1/theta of it."""
    return evaluate(Load(102 * HOUR, 1, 1 / theta), 100, within)


def queue_variance(outcome, arrival, departure, theta):
    """From the balance of every state with the one above it, each times its queue, added up."""
    mean = outcome.mean_waiting
    square = (arrival * (mean + outcome.wait_probability) - departure * mean) / theta
    return square - mean**2


def test_whitt_2005_with_patience_as_long_as_a_call():
    at_1, at_2 = whitt(1, 0.1), whitt(1, 0.2)
    assert 1 - at_1.wait_probability == pytest.approx(0.4083, abs=5e-5)
    assert at_1.abandon_rate == pytest.approx(0.0499, abs=5e-5)
    assert at_1.mean_waiting == pytest.approx(5.092, abs=5e-4)
    assert queue_variance(at_1, 102, 100, 1) == pytest.approx(44.6, abs=5e-2)
    assert at_1.asa_s == pytest.approx(0.0490, abs=5e-5)
    hung_up_wait = at_1.mean_wait_s - at_1.asa_s * (1 - at_1.abandon_rate)
    assert hung_up_wait / at_1.abandon_rate == pytest.approx(0.0666, abs=5e-5)
    assert at_1.service_level_answered == pytest.approx(0.7986, abs=5e-5)
    assert at_2.service_level_answered == pytest.approx(0.9644, abs=5e-5)
    assert at_1.abandoned_in_time / at_1.abandon_rate == pytest.approx(0.7671, abs=5e-5)


def test_whitt_2005_with_patience_of_four_calls():
    at_1, at_2 = whitt(0.25, 0.1), whitt(0.25, 0.2)
    assert 1 - at_1.wait_probability == pytest.approx(0.226, abs=5e-4)
    assert at_1.abandon_rate == pytest.approx(0.0364, abs=5e-5)
    assert at_1.mean_waiting == pytest.approx(14.84, abs=5e-3)
    assert queue_variance(at_1, 102, 100, 0.25) == pytest.approx(214.5, abs=5e-2)
    assert at_1.asa_s == pytest.approx(0.1455, abs=1e-4)
    hung_up_wait = at_1.mean_wait_s - at_1.asa_s * (1 - at_1.abandon_rate)
    assert hung_up_wait / at_1.abandon_rate == pytest.approx(0.1429, abs=5e-5)
    assert at_1.service_level_answered == pytest.approx(0.4688, abs=5e-5)
    assert at_2.service_level_answered == pytest.approx(0.6865, abs=5e-5)


def test_whitt_2005_needs_99_operators_for_two_promises_at_once():
    # Whitt counts the waits of those served; with hang-ups as misses it takes one operator more.
    load, few_hang_up = Load(100 * HOUR, 1, 1), Goal("abandon_rate", 0.05)
    assert least_operators(load, [few_hang_up, Goal("answered", 0.80)], 0.1).operators == 99
    assert least_operators(load, [few_hang_up, Goal("offered", 0.80)], 0.1).operators == 100


def test_mandelbaum_and_zeltyn_50_operators():
    found = evaluate(Load(2880, 60, 120), 50, 20)
    assert found.abandon_rate == pytest.approx(0.031, abs=5e-4)
    assert found.asa_s == pytest.approx(3.7, abs=0.1)
    assert found.mean_wait_s == pytest.approx(3.7, abs=0.05)
    assert found.occupancy == pytest.approx(0.93, abs=5e-4)


def test_gans_koole_mandelbaum_a_real_half_hour():
    load = Load(2 * 1364, 296, 1800)
    with_all, with_fewer = evaluate(load, 223, 30), evaluate(load, 218, 30)
    assert with_all.asa_s == pytest.approx(32.6, abs=0.05)
    assert with_all.abandon_rate == pytest.approx(0.0181, abs=5e-5)
    assert with_fewer.asa_s == pytest.approx(58.3, abs=0.05)
    assert with_fewer.abandon_rate == pytest.approx(0.0322, abs=5e-5)
    assert evaluate(Load(2 * 1364, 296), 225, 30).asa_s == pytest.approx(400, abs=0.5)


def test_pyworkforce_and_the_r_manual_10_erlang():
    found = evaluate(Load(200, 180), 14, 20)
    assert found.wait_probability == pytest.approx(0.1741319336, abs=5e-11)
    assert found.service_level == pytest.approx(0.8883500192, abs=5e-11)
    assert found.asa_s == pytest.approx(7.83593701, abs=5e-9)
    assert erlang_c(14, 10) == pytest.approx(0.1741319336, abs=5e-11)
    fewer = evaluate(Load(200, 180), 11, 20)
    assert fewer.wait_probability == pytest.approx(0.6821182, abs=5e-8)
    assert fewer.service_level == pytest.approx(0.3896138, abs=5e-8)


@pytest.mark.parametrize(
    ("operators", "patience_s", "mean_wait_s"),
    [(13, math.inf, 26.557), (13, 300, 9.913), (9, 300, 56.618)],
)
def test_herzog_mean_waits(operators, patience_s, mean_wait_s):
    found = evaluate(Load(3.5 * 60, 180, patience_s), operators, 20)
    assert found.mean_wait_s == pytest.approx(mean_wait_s, abs=5e-4)


def test_lecuyer_small_centre():
    endless = evaluate(Load(4.2 * 60, 120), 12, 20)
    assert endless.service_level == pytest.approx(0.8991, abs=5e-5)
    assert endless.asa_s / 60 == pytest.approx(0.1022, abs=5e-5)
    mortal = evaluate(Load(4.2 * 60, 120, 60), 12, 20)
    assert mortal.service_level_answered == pytest.approx(0.9742, abs=5e-5)
    assert mortal.abandon_rate == pytest.approx(0.0297, abs=5e-5)


@pytest.mark.parametrize(("calls", "asa_s"), [(1550, 47.9), (1580, 153.9), (1585, 213.6)])
def test_mandelbaum_slides_close_to_the_edge(calls, asa_s):
    assert evaluate(Load(calls, 225), 100, 30).asa_s == pytest.approx(asa_s, abs=0.05)


def test_jonesthenet_28_operators():
    assert least_operators(Load(250, 330), [Goal("offered", 0.8)], 30).operators == 28


# calls/h, handle time: Erlang C, patience 300 s, patience 120 s, for 80, 90, 95, 99 % in 30 s
NEEDS = {
    (500, 180): [(29, 27, 25), (31, 29, 28), (32, 31, 30), (35, 34, 34)],
    (800, 180): [(45, 42, 39), (46, 44, 42), (48, 46, 45), (52, 51, 50)],
    (1000, 120): [(37, 35, 32), (39, 37, 35), (40, 38, 37), (43, 42, 42)],
    (1000, 180): [(55, 51, 48), (57, 54, 51), (59, 56, 55), (62, 61, 60)],
    (1300, 120): [(47, 44, 41), (49, 46, 44), (50, 48, 47), (53, 52, 52)],
    (1300, 180): [(70, 65, 61), (72, 69, 65), (74, 71, 69), (78, 77, 76)],
    (1300, 240): [(93, 87, 81), (95, 91, 86), (98, 94, 91), (103, 100, 99)],
    (1500, 180): [(81, 75, 70), (83, 78, 74), (84, 81, 78), (89, 87, 86)],
}
LIMITS = {
    (500, 180): (21, 25, 28, 33),
    (1000, 120): (28, 32, 35, 40),
    (1300, 180): (53, 61, 66, 74),
    (1500, 180): (61, 69, 75, 84),
}


@pytest.mark.parametrize("case", NEEDS)
def test_staffing_table(case):
    calls, handle_s = case
    found = [
        tuple(
            least_operators(
                Load(calls, handle_s, patience_s), [Goal("offered", level)], 30
            ).operators
            for patience_s in (math.inf, 300, 120)
        )
        for level in LEVELS
    ]
    assert found == NEEDS[case]


@pytest.mark.parametrize("case", LIMITS)
def test_no_order_of_service_can_do_with_fewer(case):
    calls, handle_s = case
    load = Load(calls, handle_s, 300)
    found = tuple(
        next(n for n in range(1, 200) if evaluate(load, n, 30).best_possible >= level)
        for level in LEVELS
    )
    assert found == LIMITS[case]


@pytest.mark.parametrize(
    "row",
    [
        (60, 53.38, 9.07, 27.5, 98.5, 0.824, 89.99, 0.0),
        (63, 70.84, 5.96, 17.7, 97.0, 0.686, 93.14, 0.0),
        (66, 83.93, 3.63, 10.6, 94.9, 0.522, 95.65, 27.40),
        (68, 89.87, 2.50, 7.3, 93.2, 0.413, 96.94, 62.44),
        (70, 93.92, 1.66, 4.8, 91.3, 0.313, 97.94, 81.07),
        (72, 96.50, 1.07, 3.1, 89.3, 0.228, 98.67, 90.73),
        (76, 98.97, 0.40, 1.2, 85.2, 0.106, 99.51, 97.98),
        (80, 99.74, 0.13, 0.4, 81.1, 0.042, 99.84, 99.61),
    ],
)
def test_table_of_one_pool_at_65_erlang(row):
    operators, level, abandon, asa_s, busy, waits, limit, endless_level = row
    found = evaluate(Load(1300, 180, 300), operators, 30)
    assert 100 * found.service_level == pytest.approx(level, abs=0.0051)
    assert 100 * found.abandon_rate == pytest.approx(abandon, abs=0.0051)
    assert found.asa_s == pytest.approx(asa_s, abs=0.051)
    assert 100 * found.occupancy == pytest.approx(busy, abs=0.051)
    assert found.wait_probability == pytest.approx(waits, abs=0.00051)
    assert 100 * found.best_possible == pytest.approx(limit, abs=0.0051)
    endless = evaluate(Load(1300, 180), operators, 30)
    assert 100 * endless.service_level == pytest.approx(endless_level, abs=0.0051)


# Against sums over all states


def states(arrivals, operators, theta):
    """Probability of each number of calls in the centre; the time unit is one call."""
    logs = [0.0]
    while True:
        count = len(logs)
        out = min(count, operators) + max(0, count - operators) * theta
        logs.append(logs[-1] + math.log(arrivals / out))
        # What is left is a geometric row at most, and its first term below any digit.
        if count > operators and arrivals < 0.999 * out and logs[-1] < max(logs[operators:]) - 50:
            break
    most = max(logs)
    weights = [math.exp(each - most) for each in logs]
    total = math.fsum(weights)
    return [each / total for each in weights]


GRID = [
    (operators, rho, theta)
    for operators, rho, theta in product(
        (1, 2, 5, 20, 100, 500, 5000), (0.3, 0.7, 0.95, 1.0, 1.05, 1.5, 2.0), (0.05, 0.5, 5.0, 50.0)
    )
    if operators < 5000 or (rho in (0.95, 1.05, 2.0) and theta in (0.05, 5.0))
]


@pytest.mark.parametrize("operators", sorted({each[0] for each in GRID}))
def test_the_integrals_are_the_sums_over_all_states(operators):
    for _, rho, theta in (each for each in GRID if each[0] == operators):
        arrivals = rho * operators
        shares = states(arrivals, operators, theta)
        queue = math.fsum(index * each for index, each in enumerate(shares[operators:]))
        found = evaluate(Load(arrivals * HOUR, 1, 1 / theta), operators, 0.2)
        case = f"rho {rho}, theta {theta}"
        exact = pytest.approx
        assert found.wait_probability == exact(math.fsum(shares[operators:]), rel=1e-9), case
        assert found.mean_waiting == exact(queue, rel=1e-9), case
        assert found.abandon_rate == exact(theta * queue / arrivals, rel=1e-9), case
        busy = math.fsum(min(index, operators) * each for index, each in enumerate(shares))
        assert found.occupancy == exact(busy / operators, rel=1e-9), case


def level_by_states(shares, operators, theta, within):
    """Answered in time, caller by caller: who finds k waiting must see k + 1 departures."""
    level = math.fsum(shares[:operators])
    arrived = shares[operators:]
    # alive[k]: the caller has k others before them still; Runge-Kutta on the departures.
    size = len(arrived)
    rates = [operators + index * theta for index in range(size)]

    def change(alive):
        above = [rates[index + 1] * alive[index + 1] for index in range(size - 1)] + [0.0]
        return [
            up - (rate + theta) * here for up, rate, here in zip(above, rates, alive, strict=True)
        ]

    steps = 400
    step = within / steps
    alive, answered = list(arrived), 0.0
    for _ in range(steps):
        first = change(alive)
        second = change([a + step / 2 * b for a, b in zip(alive, first, strict=True)])
        third = change([a + step / 2 * b for a, b in zip(alive, second, strict=True)])
        fourth = change([a + step * b for a, b in zip(alive, third, strict=True)])
        nexts = [
            a + step / 6 * (p + 2 * q + 2 * r + s)
            for a, p, q, r, s in zip(alive, first, second, third, fourth, strict=True)
        ]
        ends = 6 * alive[0] + step * (first[0] + second[0] + third[0])
        answered += operators * step / 6 * ends
        alive = nexts
    return level + answered


@pytest.mark.parametrize(
    ("operators", "rho", "theta"), [(1, 0.5, 1.0), (3, 1.5, 0.5), (10, 0.9, 0.3), (10, 1.2, 2.0)]
)
def test_the_service_level_is_what_callers_meet_one_by_one(operators, rho, theta):
    shares = states(rho * operators, operators, theta)
    found = evaluate(Load(rho * operators * HOUR, 1, 1 / theta), operators, 0.3)
    met = level_by_states(shares, operators, theta, 0.3)
    assert found.service_level == pytest.approx(met, abs=1e-9)


# At the edges


@pytest.mark.parametrize("operators", [10, 66, 80, 500])
def test_endless_patience_is_the_limit_of_great_patience(operators):
    load = 0.95 * operators * HOUR / 180
    mortal, endless = (
        evaluate(Load(load, 180, 1e12), operators, 30),
        evaluate(Load(load, 180), operators, 30),
    )
    assert mortal.service_level == pytest.approx(endless.service_level, rel=1e-6)
    assert mortal.asa_s == pytest.approx(endless.asa_s, rel=1e-6)
    assert mortal.best_possible == pytest.approx(endless.best_possible, rel=1e-6)


@pytest.mark.parametrize("rho", [0.5, 1.0, 2.0])
def test_no_patience_at_all_is_erlang_b(rho):
    found = evaluate(Load(rho * 20 * HOUR / 180, 180, 1e-6), 20, 30)
    assert found.abandon_rate == pytest.approx(erlang_b(20, rho * 20), rel=1e-6)


def test_in_overload_patience_sets_the_balance():
    found = evaluate(Load(2 * 5000 * HOUR / 180, 180, 1e7), 5000, 30)
    assert found.abandon_rate == pytest.approx(0.5, abs=1e-6)
    assert found.mean_wait_s == pytest.approx(0.5e7, rel=1e-6)
    assert found.service_level == 0.0


def test_too_few_for_the_endlessly_patient():
    found = evaluate(Load(1300, 180), 65, 30)
    assert (found.service_level, found.wait_probability, found.occupancy) == (0.0, 1.0, 1.0)
    assert (found.asa_s, found.mean_wait_s, found.mean_waiting) == (None, None, None)
    for measure in MEASURES:
        assert least_operators(Load(1300, 180), [Goal(measure, 0.999)], 30).operators >= 66


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (lambda: Load(0, 180), "calls_per_hour"),
        (lambda: Load(math.nan, 180), "calls_per_hour"),
        (lambda: Load(1, -1), "handle_s"),
        (lambda: Load(1, 1, 0), "patience_s"),
        (lambda: Load(1, 1, math.nan), "patience_s"),
        (lambda: evaluate(Load(1, 1), 0, 30), "operators"),
        (lambda: evaluate(Load(1, 1), 1, math.nan), "within_s"),
        (lambda: erlang_b(-1, 1), "Erlang B"),
        (lambda: scheduled(1, 1.0), "shrinkage"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, name):
    with pytest.raises(ValueError, match=name):
        wrong()


def test_erlang_b_needs_no_factorials():
    assert erlang_b(0, 5) == 1.0
    assert erlang_b(1, 1) == 0.5
    assert erlang_b(2, 1) == pytest.approx(0.2)
    assert erlang_b(5000, 5000) == pytest.approx(math.sqrt(2 / (math.pi * 5000)), rel=0.02)
    assert erlang_b(5000, 1) == 0.0


# In order

loads = st.builds(
    lambda operators, rho, handle_s, patience_s: (
        Load(rho * operators * HOUR / handle_s, handle_s, patience_s),
        operators,
    ),
    st.integers(1, 5000),
    st.floats(0.05, 3),
    st.floats(10, 1000),
    st.one_of(st.floats(1, 1e9), st.just(math.inf)),
)


@settings(deadline=None, max_examples=150)
@given(loads, st.floats(0, 300))
def test_one_operator_more_makes_nothing_worse(case, within_s):
    load, operators = case
    less, more = (evaluate(load, operators + extra, within_s) for extra in (0, 1))
    hair = 1e-9
    for name in Outcome.__dataclass_fields__:
        for each in (less, more):
            value = getattr(each, name)
            assert value is None or value >= 0
    for name in ("", "_answered", "_without_short", "_virtual"):
        level = f"service_level{name}"
        assert getattr(more, level) >= getattr(less, level) - hair
        assert getattr(more, level) <= 1
    assert more.best_possible >= less.best_possible - hair
    assert more.wait_probability <= less.wait_probability + hair
    assert more.occupancy <= less.occupancy + hair
    if less.mean_wait_s is not None:
        assert more.abandon_rate <= less.abandon_rate + hair
        assert more.asa_s <= less.asa_s * (1 + 1e-7) + hair
        assert more.mean_wait_s <= less.mean_wait_s * (1 + 1e-7) + hair


@settings(deadline=None, max_examples=100)
@given(loads, st.floats(1, 300))
def test_the_four_levels_stand_in_their_order_and_below_the_limit(case, within_s):
    found = evaluate(*case, within_s)
    hair = 1e-9
    assert found.service_level <= found.service_level_without_short + hair
    assert found.service_level_without_short <= found.service_level_answered + hair
    assert found.service_level <= found.service_level_virtual + hair
    assert found.service_level <= found.best_possible + hair
    assert found.abandoned_in_time <= found.abandon_rate + hair


@settings(deadline=None, max_examples=60)
@given(loads, st.sampled_from(MEASURES), st.floats(0.05, 0.95))
def test_the_least_number_meets_the_goal_and_one_fewer_does_not(case, measure, limit):
    load, _ = case
    goal = Goal(measure, limit)
    try:
        found = least_operators(load, [goal], 30)
    except Unreachable:
        assert not goal.is_met(evaluate(load, OPERATORS_MAX, 30))
        return
    assert goal.is_met(found)
    if found.operators > 1:
        assert not goal.is_met(evaluate(load, found.operators - 1, 30))


def test_longer_patience_means_longer_waits_and_fewer_hang_ups():
    found = [evaluate(Load(1300, 180, patience), 66, 30) for patience in (30, 120, 300, 1e4, 1e9)]
    for shorter, longer in pairwise(found):
        assert longer.mean_wait_s > shorter.mean_wait_s
        assert longer.abandon_rate < shorter.abandon_rate


def test_several_goals_are_all_kept():
    load = Load(1300, 180, 300)
    one = least_operators(load, [Goal("offered", 0.95)], 30)
    other = least_operators(load, [Goal("occupancy", 0.8)], 30)
    both = least_operators(load, [Goal("offered", 0.95), Goal("occupancy", 0.8)], 30)
    assert both.operators == max(one.operators, other.operators)


def test_a_load_beyond_reach_is_told():
    with pytest.raises(Unreachable):
        least_operators(Load(1e6, 180), [Goal("offered", 0.8)], 30)


@pytest.mark.parametrize(
    ("operators", "shrinkage", "roster"),
    [(70, 0.3, 100), (70, 0.0, 70), (71, 0.3, 102), (0, 0.3, 0)],
)
def test_the_roster_makes_up_for_time_lost(operators, shrinkage, roster):
    assert scheduled(operators, shrinkage) == roster
