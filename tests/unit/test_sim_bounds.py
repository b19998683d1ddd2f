"""The limits beside a simulated day: never below what can be done, and as theory has them."""

import json
from functools import cache
from random import Random

import pytest

from acd.__main__ import main
from acd.core.events import OperatorLoggedOut, OperatorPaused, OperatorReady
from acd.core.queues import LeastLevel, OperatorProfile, OverflowTo, QueueRules, Rules, Widen
from acd.sim import bounds_tight
from acd.sim.bounds import Kinds, Pool, Watch
from acd.sim.calls import Call
from acd.sim.duty import COMES, Duty
from acd.sim.results import Results
from acd.sim.scenario import Behaviour, Redial, Ringing, Spread
from acd.sim.world import World
from acd.staffing.erlang import Load, evaluate
from tests.simulation.pools import assert_mean_is, one_pool, poisson_calls
from tests.unit.settings_sample import EXAMPLE, write

TARGET = 30_000
HOUR = 3_600_000


# Theory


@pytest.mark.parametrize(("agents", "is_in_time_only"), [(66, False), (66, True), (60, True)])
def test_the_pools_agree_with_the_closed_forms(agents, is_in_time_only):
    pool = Pool(TARGET, TARGET) if is_in_time_only else Pool(TARGET)
    for operator in range(agents):
        pool.come(operator, 0)
    answered, before = [], 0
    load = Load(1300, 180, 300)
    calls = list(poisson_calls(210_000, load, 5))
    for number, call in enumerate(calls, 1):
        pool.call(call.arrival_ms, call.handle_ms, call.patience_ms)
        if number % 100 == 0:
            answered.append((pool.in_target - before) / 100)
            before = pool.in_target
    exact = evaluate(load, agents, 30)
    expected = exact.best_possible if is_in_time_only else exact.service_level
    assert_mean_is(expected, answered, calls, load, "service level")


# By hand


def rules_of(operators, queues=None, target=TARGET):
    """Operators by the topics they know; each topic is its own queue, without any ladder."""
    topics = {t: t for known in operators.values() for t in known}
    queues = queues or {t: QueueRules(t, LeastLevel(1, 1), 8000, 0, ladder=()) for t in topics}
    profiles = {
        id_: OperatorProfile(id_, "", "A", {"ru": 5}, dict.fromkeys(known, 3))
        for id_, known in operators.items()
    }
    return Rules(target, topics, queues, profiles)


def call_of(number, at_s, topic, handle_s, patience_s=None):
    patience = None if patience_s is None else patience_s * 1000
    return Call(str(number), at_s * 1000, "ru", topic, handle_s * 1000, patience)


def watch_of(rules, stays, calls, kind=Watch):
    """Told in the order of time what a run would tell: operators before callers."""
    watch = kind(rules)
    told = [(begins, 0, OperatorReady(id_)) for id_, begins, _ in stays]
    told += [(ends, 1, OperatorLoggedOut(id_)) for id_, _, ends in stays]
    told += [(call.arrival_ms, 2, call) for call in calls]
    for at, what, about in sorted(told, key=lambda one: one[:2]):
        if what == 2:
            watch.queued(about, at)
        else:
            watch.on_duty([about], at)
    watch.finish()
    return watch


def test_three_calls_at_once_for_one_operator():
    calls = [call_of(1, 0, "a", 100), call_of(2, 0, "a", 20), call_of(3, 0, "a", 25)]
    watch = watch_of(rules_of({"x": ["a"]}), [("x", 0, HOUR)], calls)
    # First come: the first call is in the way of both others, who wait until 100 and 120 s.
    # Knowing the future: the two short ones. The quick limit does not see that they may collide.
    assert watch.shares() == pytest.approx((1 / 3, 1 / 3, 1.0), abs=1e-6)
    long = [call_of(n, 0, "a", 100) for n in range(3)]
    watch = watch_of(rules_of({"x": ["a"]}), [("x", 0, HOUR)], long)
    assert watch.shares().clairvoyant == pytest.approx(1 / 3, abs=1e-6)


def test_an_operator_who_goes_finishes_the_conversation():
    calls = [call_of(1, 0, "a", 600), call_of(2, 50, "a", 600), call_of(3, 100, "a", 600)]
    rules = rules_of({"x": ["a"], "y": ["a"]})
    watch = watch_of(rules, [("x", 0, 10_000), ("y", 40_000, HOUR)], calls)
    assert watch.answerable == 2  # x takes the first along, y the second; the third finds nobody


def test_a_call_nobody_on_duty_knows_is_lost_unless_somebody_comes_in_time():
    rules = rules_of({"x": ["a"], "y": ["b"]})
    calls = [call_of(1, 0, "b", 10), call_of(2, 80, "b", 10), call_of(3, 81, "b", 10, 5)]
    watch = watch_of(rules, [("x", 0, HOUR), ("y", 100_000, HOUR)], calls)
    assert watch.answerable == 1


def test_crews_that_know_one_topic_each_have_a_limit_each():
    calls = [call_of(n, 0, "a", 300) for n in range(4)] + [call_of(9, 1, "b", 300)]
    watch = watch_of(rules_of({"x": ["a"], "y": ["b"]}), [("x", 0, HOUR), ("y", 0, HOUR)], calls)
    assert watch.answerable == 2


def test_a_caller_reaches_whom_the_ladder_brings_in_and_nobody_else():
    least = LeastLevel(1, 4)
    ladder = (Widen(10_000, None, 2), OverflowTo(20_000, "b"))
    queues = {
        "a": QueueRules("a", least, 8000, 0, ladder),
        "b": QueueRules("b", LeastLevel(1, 3), 8000, 0, ()),
        "c": QueueRules("c", least, 8000, 0, (Widen(20_000, None, 0),)),
    }
    operators = {"x": ["a"], "y": ["b"], "z": ["c"]}
    kinds = Kinds(rules_of(operators, queues))

    def reached(topic, language="ru"):
        may = kinds.of(topic, language).may
        return {id_ for id_, index in kinds.index.items() if may >> index & 1}

    assert reached("a") == {"x", "y"}
    assert reached("b") == {"y"}
    assert reached("c") == {"x", "y", "z"}
    assert reached("a", "en") == set()
    assert reached("nothing") == set()


# Against an exhaustive search


def best_of(rules, stays, calls):
    """The most calls anybody could have answered in time, by trying everything."""
    hours = {id_: [(b, e) for who, b, e in stays if who == id_] for id_ in rules.operators}
    ids = list(rules.operators)

    def begin(id_, at):
        return next((max(at, b) for b, e in sorted(hours[id_]) if max(at, b) < e), None)

    @cache
    def most(left, free):
        found = 0
        for number in left:
            call = calls[number]
            latest = call.arrival_ms + min(TARGET, call.patience_ms or TARGET)
            for place, id_ in enumerate(ids):
                if call.topic not in rules.operators[id_].topics:
                    continue
                at = begin(id_, max(free[place], call.arrival_ms))
                if at is not None and at <= latest:
                    later = (*free[:place], at + call.handle_ms, *free[place + 1 :])
                    found = max(found, 1 + most(left - {number}, later))
        return found

    return most(frozenset(range(len(calls))), (0,) * len(ids))


def tiny(seed):
    rng = Random(seed)
    operators = {id_: rng.choice((["a"], ["b"], ["a", "b"])) for id_ in "xy"[: rng.randint(1, 2)]}
    operators["z"] = ["a", "b"]
    stays = []
    for id_ in operators:
        begins = rng.choice((0, 0, 15_000))
        ends = begins + rng.choice((20_000, 60_000, 200_000))
        stays.append((id_, begins, ends))
        if rng.random() < 0.4:
            stays.append((id_, ends + 20_000, ends + 90_000))
    calls = [
        call_of(
            n, rng.randint(0, 60), rng.choice("ab"), rng.randint(20, 150), rng.choice((None, 5, 20))
        )
        for n in range(rng.randint(4, 7))
    ]
    return rules_of(operators), stays, sorted(calls, key=lambda call: call.arrival_ms)


def test_the_quick_limit_is_never_below_the_best_there_is():
    above = calls_seen = 0
    for seed in range(400):
        rules, stays, calls = tiny(seed)
        best, limit = best_of(rules, stays, calls), watch_of(rules, stays, calls).answerable
        assert best <= limit <= len(calls), seed
        above += limit - best
        calls_seen += len(calls)
    assert above < 0.25 * calls_seen, "a limit this far off says nothing"


def test_the_tight_limit_is_never_below_the_best_there_is_and_tighter_than_the_quick_one():
    pytest.importorskip("highspy", reason="the solver of --bounds tight is not installed")
    above = quick_above = 0
    for seed in range(150):
        rules, stays, calls = tiny(seed)
        watch = watch_of(rules, stays, calls, bounds_tight.Recorder)
        best, tight = best_of(rules, stays, calls), bounds_tight.answerable(watch)
        assert best <= tight <= watch.answerable, seed
        above += tight - best
        quick_above += watch.answerable - best
    assert above < 0.7 * quick_above


# Against the router


def play(rules, duties, calls, behaviour=None, seed=0, kind=Watch):
    watch, results = kind(rules), Results(rules.target_ms)
    World(rules, duties, results, behaviour, seed, bounds=watch).run(calls)
    return results.sums, watch


RINGING = Behaviour(
    ringing=Ringing(Spread(4000, 3000), 0.1, 40_000),
    whisper_ms=2000,
    redial=Redial(0.5, 60_000),
)


def small_world(seed):
    """Seven operators who come, take a break and go as they like, and 200 calls in an hour."""
    rng = Random(seed)
    known = [rng.sample("abc", rng.randint(1, 3)) for _ in range(6)]
    rules = rules_of({f"o{n}": topics for n, topics in enumerate(known)} | {"all": list("abc")})
    duties = []
    for id_ in rules.operators:
        at = rng.randint(0, 600_000)
        for word in (OperatorReady, OperatorPaused, OperatorReady, OperatorLoggedOut):
            event = word(id_, "break") if word is OperatorPaused else word(id_)
            duties.append(Duty(at, COMES, 0, (event,)))
            at += rng.choice((7_000, 300_000, 1_800_000))
    duties.sort(key=lambda duty: duty.at)
    at, calls = 0, []
    for number in range(200):
        at += round(rng.expovariate(1 / 20_000))
        handle, patience = rng.lognormvariate(11.3, 1), rng.expovariate(1 / 120_000)
        calls.append(Call(str(number), at, "ru", rng.choice("abc"), round(handle), round(patience)))
    return rules, duties, calls


@pytest.mark.parametrize("behaviour", [None, RINGING])
def test_no_run_is_better_than_its_limits(behaviour):
    dropped = 0
    for seed in range(60):
        sums, watch = play(*small_world(seed), behaviour, seed)
        assert sums.offered == watch.offered
        assert sums.answered_in_target <= watch.answerable, seed
        dropped += watch.offered - watch.answerable
    assert dropped > 60, "the limit never had to say no"


def test_no_run_is_better_than_the_tight_limit():
    pytest.importorskip("highspy", reason="the solver of --bounds tight is not installed")
    gained = 0
    for seed in range(4):
        sums, watch = play(*small_world(seed), RINGING, seed, bounds_tight.Recorder)
        tight = bounds_tight.answerable(watch)
        assert sums.answered_in_target <= tight <= watch.answerable, seed
        gained += watch.answerable - tight
    assert gained > 0


def test_a_pool_of_people_who_know_everything_is_what_the_router_makes_of_them():
    rules = one_pool(14, 20_000)
    came = Duty(0, COMES, 0, tuple(OperatorReady(id_) for id_ in rules.operators))
    sums, watch = play(rules, [came], list(poisson_calls(5000, Load(220, 180, 200), 3)))
    assert watch.shares().pooled_first_come == round(sums.answered_in_target / sums.offered, 6)


# The command


def test_the_limits_are_told(capsys):
    words = ["simulate", "--calls", "3000", "--scenario", "shipped"]
    assert main([*words, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    bounds = figures["bounds"]
    assert list(bounds) == ["pooled_first_come", "best_without_lengths", "clairvoyant"]
    assert figures["service_level"] <= bounds["clairvoyant"] <= 1
    assert main(words) == 0
    text = capsys.readouterr().out
    assert f"\npossible       {bounds['pooled_first_come'] * 100:.1f} % by people who all" in text
    assert f"\n               {bounds['clairvoyant'] * 100:.1f} % at most, whatever" in text


def test_the_tight_limit_by_command(tmp_path, capsys):
    pytest.importorskip("highspy", reason="the solver of --bounds tight is not installed")
    config, trace = write(tmp_path, EXAMPLE), tmp_path / "t.csv"
    lines = "".join(f"{32400 + n},ru,pension,{20 + n},\n" for n in range(4))  # one operator
    trace.write_text("arrival_s,language,topic,handle_s,patience_s\n" + lines)
    words = ["simulate", "--json", "--config", str(config), "--trace", str(trace)]
    shares = []
    for how in ("quick", "tight"):
        assert main([*words, "--bounds", how]) == 0
        shares.append(json.loads(capsys.readouterr().out)["bounds"]["clairvoyant"])
    assert shares == [1.0, 0.5]


def test_without_the_solver_the_remedy_is_said(capsys, monkeypatch):
    monkeypatch.setattr(bounds_tight, "find_spec", lambda name: None)
    assert main(["simulate", "--calls", "5", "--bounds", "tight"]) == 1
    assert "pip install highspy" in capsys.readouterr().err


def test_nothing_is_said_of_no_calls():
    assert watch_of(rules_of({"x": ["a"]}), [], []).shares() == (None, None, None)
