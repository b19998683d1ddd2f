"""The other ways of routing of the benchmark, by hand and against queueing theory."""

import csv
import io

import pytest

from acd.core.events import OperatorLoggedOut, OperatorReady
from acd.core.queues import LeastLevel, OperatorProfile, QueueRules, Rules
from acd.sim.calls import Call
from acd.sim.duty import COMES, LEAVES, Duty
from acd.sim.results import Results
from acd.staffing.erlang import Load
from tests.bench import policies
from tests.bench.policies_app_queue import AppQueue, RoundRobin
from tests.bench.policies_floor import Departments, HoldBack, Lines, WithHelp
from tests.simulation.pools import assert_mean_is, one_pool, poisson_calls


def rules_of(operators):
    """`{"x": {"a": 5}}`: levels in topics, each of which is a queue."""
    topics = {topic: topic for levels in operators.values() for topic in levels}
    return Rules(
        30_000,
        topics,
        {t: QueueRules(t, LeastLevel(1, 1), 8000, 0, ladder=()) for t in topics},
        {id_: OperatorProfile(id_, "", "A", {"ru": 5}, lv) for id_, lv in operators.items()},
    )


def call(number, at_s, topic, handle_s, patience_s=None):
    patience = None if patience_s is None else round(patience_s * 1000)
    return Call(str(number), round(at_s * 1000), "ru", topic, round(handle_s * 1000), patience)


def played(policy, rules, calls, duties=None, **more):
    """{call: (operator, wait in s)}; without an operator the caller has hung up."""
    written = io.StringIO()
    came = Duty(0, COMES, 0, tuple(OperatorReady(id_) for id_ in rules.operators))
    results = Results(rules.target_ms, written.write)
    policy(rules, duties or [came], results, **more).run(calls)
    rows = csv.DictReader(io.StringIO(written.getvalue()))
    return {int(row["call"]): (row["operator"] or None, float(row["wait_s"])) for row in rows}


@pytest.mark.parametrize("policy", [Lines, HoldBack])
def test_the_oldest_caller_the_operator_can_take_comes_first(policy):
    rules = rules_of({"x": {"a": 5, "b": 5}, "y": {"b": 5}})
    calls = [call(1, 0, "b", 50), call(2, 1, "b", 90), call(3, 2, "a", 60), call(4, 3, "b", 10)]
    # x has been ready longest; free again at 50 s it takes the older 3, y at 91 s what it knows.
    assert played(policy, rules, calls) == {
        1: ("x", 0.0), 2: ("y", 0.0), 3: ("x", 48.0), 4: ("y", 88.0),
    }  # fmt: skip


def test_the_longest_idle_operator_is_taken():
    rules = rules_of({"x": {"a": 1}, "y": {"a": 5}})
    calls = [call(1, 0, "a", 5), call(2, 1, "a", 2), call(3, 10, "a", 5), call(4, 11, "a", 5)]
    assert [who for who, _ in played(Lines, rules, calls).values()] == ["x", "y", "y", "x"]


def test_patience_shifts_and_a_conversation_beyond_the_end():
    rules = rules_of({"x": {"a": 5}})
    duties = [
        Duty(0, COMES, 0, (OperatorReady("x"),)),
        Duty(20_000, LEAVES, 0, (OperatorLoggedOut("x"),)),
        Duty(60_000, COMES, 0, (OperatorReady("x"),)),
    ]
    calls = [
        call(1, 0, "a", 30),
        call(2, 5, "a", 9, 25),
        call(3, 6, "a", 9, 54),
        call(4, 7, "a", 9, 1),
    ]
    # Call 3 is answered in the very moment its patience ends: operators come before hang-ups.
    assert played(Lines, rules, calls, duties) == {
        1: ("x", 0.0), 2: (None, 25.0), 3: ("x", 54.0), 4: (None, 1.0),
    }  # fmt: skip


def test_second_choice_only_after_thirty_seconds():
    rules = rules_of({"x": {"a": 5, "b": 2}, "y": {"b": 5}})
    calls = [call(1, 0, "b", 100), call(2, 10, "b", 5), call(3, 20, "b", 5), call(4, 47, "a", 1)]
    # x is idle all the while, and helps with 2 at 40 s, with 3 at 50 s.
    assert played(HoldBack, rules, calls) == {
        1: ("y", 0.0), 2: ("x", 30.0), 3: ("x", 30.0), 4: ("x", 0.0),
    }  # fmt: skip


def test_after_twenty_five_seconds_those_help_who_do_not_know_the_topic():
    rules = rules_of({"x": {"a": 5}, "y": {"b": 5}})
    calls = [call(1, 0, "b", 100), call(2, 10, "b", 5), call(3, 12, "a", 28), call(4, 13, "b", 5)]
    # x is busy with 3 from 12 to 40 s, when both who wait for y have waited 25 s: the older first.
    assert played(WithHelp, rules, calls) == {
        1: ("y", 0.0), 2: ("x", 30.0), 3: ("x", 0.0), 4: ("x", 32.0),
    }  # fmt: skip


def test_with_departments_nobody_helps_another_one():
    rules = rules_of({"x": {"a": 5, "b": 4}, "y": {"b": 5}})
    calls = [call(1, 0, "b", 100), call(2, 10, "b", 5, 60), call(3, 20, "a", 5)]
    assert played(Departments, rules, calls) == {1: ("y", 0.0), 2: (None, 60.0), 3: ("x", 0.0)}


def test_app_queue_asks_once_a_second():
    rules = rules_of({"x": {"a": 5}})
    calls = [call(1, 0, "a", 10.2), call(2, 0.3, "a", 3)]
    assert played(AppQueue, rules, calls) == {1: ("x", 0.0), 2: ("x", 10.0)}  # at 10.3, not 10.2


def test_app_queue_serves_the_queue_that_asks_first_not_the_oldest_caller():
    rules = rules_of({"x": {"a": 5, "b": 5}})
    calls = [call(1, 0, "a", 10.2), call(2, 0.9, "a", 3), call(3, 5.3, "b", 3)]
    assert played(AppQueue, rules, calls) == {1: ("x", 0.0), 3: ("x", 5.0), 2: ("x", 13.0)}


def test_app_queue_keeps_the_order_within_a_queue():
    rules = rules_of({"x": {"a": 5}})
    calls = [call(1, 0, "a", 10.2), call(2, 0.9, "a", 3), call(3, 1.3, "a", 3)]
    # 3 asks at 10.3, when x is free, but 2 is before it and takes x at 10.9.
    assert played(AppQueue, rules, calls) == {1: ("x", 0.0), 2: ("x", 10.0), 3: ("x", 13.0)}


def test_app_queue_rings_the_lowest_penalty_then_the_least_recent():
    rules = rules_of({"w": {"a": 3}, "x": {"a": 5}, "y": {"a": 5}})
    calls = [
        call(1, 0, "a", 20), call(2, 1, "a", 5), call(3, 2, "a", 60),
        call(4, 30, "a", 1), call(5, 40, "a", 1), call(6, 50, "a", 1),
    ]  # fmt: skip
    # y ends at 6 s and x at 20 s: y is the least recent, then x, then y again; w has penalty 2.
    who = [operator for operator, _ in played(AppQueue, rules, calls).values()]
    assert sorted(played(AppQueue, rules, calls)) == [1, 2, 3, 4, 5, 6]
    assert who == ["x", "y", "w", "y", "x", "y"]


def test_app_queue_in_turn_remembers_whose_turn_it_is():
    rules = rules_of({"x": {"a": 5}, "y": {"a": 5}, "z": {"a": 5}})
    calls = [call(n, n * 10, "a", 1) for n in range(1, 6)]
    who = [operator for operator, _ in played(RoundRobin, rules, calls).values()]
    assert who == ["x", "y", "z", "x", "y"]


def test_app_queue_rings_fifteen_seconds_and_tries_again_five_later():
    rules = rules_of({"x": {"a": 5}, "y": {"a": 4}})
    calls = [call(1, 0, "a", 60), call(2, 1, "a", 5)]
    picks_up = iter((False, True, True))
    found = played(AppQueue, rules, calls, picks_up=lambda number, operator: next(picks_up))
    # x does not answer 1 until 15 s; meanwhile 2 is not held up: y takes it at 1 s. At 20 s: x.
    assert found == {1: ("x", 20.0), 2: ("y", 0.0)}


@pytest.mark.parametrize("policy", [Lines, HoldBack])
def test_with_one_skill_first_come_is_erlang_c(policy):
    rules, written = one_pool(14, 20_000), io.StringIO()
    came = Duty(0, COMES, 0, tuple(OperatorReady(id_) for id_ in rules.operators))
    results = Results(rules.target_ms, written.write)
    load = Load(200, 180)
    calls = list(poisson_calls(63_000, load, 7))
    policy(rules, [came], results).run(calls)
    rows = csv.DictReader(io.StringIO(written.getvalue()))
    waits = [float(row["wait_s"]) for row in rows]
    assert_mean_is(0.1741319336, [wait > 0 for wait in waits], calls, load, "waits at all")
    assert_mean_is(0.8883500192, [wait <= 20 for wait in waits], calls, load, "service level")
    assert_mean_is(7.83593701, waits, calls, load, "wait")


def test_the_most_that_is_carried_is_found():
    assert policies.carried(lambda count: 1 - count / 1000, 1, 400) == 50
    assert policies.carried(lambda count: 1.0, 1, 400) == 400


def test_the_interval_of_five_days():
    assert policies.interval([0.90, 0.91, 0.92, 0.93, 0.94]) == "+-2.0"
    assert policies.interval([0.9]) == ""


def test_a_trace_that_is_not_there_is_said(tmp_path, capsys):
    policies.bank(tmp_path / "none.csv", policies.WEEKDAY, "quick")
    assert "none.csv is not there" in capsys.readouterr().out
    policies.bank(None, policies.WEEKDAY, "quick")
    assert "BANK_TRACE names none" in capsys.readouterr().out
