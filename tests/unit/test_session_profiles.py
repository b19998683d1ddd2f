"""Queues, and the profiles of callers who need time."""

import dataclasses

import pytest

from ivr.core import menu
from ivr.core.session import Enqueue, Listen, Overflowed
from tests.unit.callers import Caller
from tests.unit.plans import (
    a_menu,
    branch,
    callback,
    collect,
    confirm,
    languages,
    plan,
    queue,
    sets,
    to,
)


def test_a_queue_without_a_topic_takes_that_of_the_operator():
    caller = Caller(plan(queue("q", "call.nothing", keep_place=True)))
    assert caller.step == Enqueue("q", "general", "kk", 0, keep_place=True)
    assert "the topic call.nothing has no value; the operator's is taken" in caller.warnings
    named = queue("q", "call.nothing", topics=("pension", "child"))
    assert Caller(plan(named)).step.topic == "pension"


def test_a_profile_changes_times_attempts_pace_and_priority():
    node = a_menu("m", {"1": "bye"}, attempts=2)
    caller = Caller(plan(node), facts={"caller.profile": "patient"}).hear_out()
    assert caller.step == Listen(12_000)
    for _ in range(4):
        caller.stay_silent()
        assert caller.at == "m"
        assert caller.heard != ["Операторға қосамын."]
    assert caller.stay_silent().hear_out().step == Enqueue("operator", "general", "kk", 10)


TIGHT = menu.Limits(max_steps=6, max_revisits=1, max_ivr_ms=30_000)


def test_whoever_needs_time_is_not_sent_on_by_the_limits_of_the_others():
    nodes = (a_menu("m", {"1": "m", "2": "c"}), collect("c", next="m"))
    caller = Caller(plan(*nodes, limits=TIGHT), variables={"profile": "accessible"})
    assert caller.step.is_slow
    for _ in range(8):
        assert caller.stay_silent().hear_out().step == Listen(36_000)
    caller.press(*"1111").press("2").hear_out()
    for _ in range(7):
        assert caller.stay_silent().hear_out().step == Listen(36_000)
    assert caller.press("0").step == Enqueue("operator", "general", "kk", 60)


ASKED = {
    "menu": a_menu("n", {"1": "bye"}),
    "language": languages("n", "bye"),
    "collect": collect("n", next="bye"),
    "confirm": confirm("n", "bye", "bye"),
    "callback": callback("n", number="'87011234567'"),
}


@pytest.mark.parametrize("kind", ASKED)
def test_ten_times_the_time_in_silence_bring_a_person_to_whoever_needs_time(kind):
    caller = Caller(plan(ASKED[kind], limits=TIGHT), variables={"profile": "accessible"})
    caller.press("#").hear_out()
    pressed_ms = caller.now
    while caller.at == "n" and caller.heard_now != ["Операторға қосамын."]:
        assert caller.now - pressed_ms < 10 * 30_000 + 40_000
        caller.stay_silent()
    assert caller.now - pressed_ms >= 10 * 30_000
    assert caller.notes[-1].reason == "max_ivr_time"
    assert caller.hear_out().step == Enqueue("operator", "general", "kk", 60)


def test_the_silence_is_counted_from_the_moment_the_menu_took_the_call():
    nodes = (queue("q", "'q'", on_overflow="m"), a_menu("m", {"1": "bye"}))
    example, known = plan(*nodes, limits=TIGHT), {"profile": "accessible"}
    caller = Caller(example, variables=known, first=None)
    caller.ask(Overflowed("q"), 10**9)
    assert caller.stay_silent().hear_out().step == Listen(36_000)


def test_a_key_now_and_then_keeps_a_person_away_from_whoever_needs_time():
    limits = dataclasses.replace(TIGHT, max_steps=100)
    node = a_menu("m", {"1": "bye"})
    caller = Caller(plan(node, limits=limits), variables={"profile": "accessible"})
    for _ in range(60):
        caller.stay_silent().stay_silent().press("#")
        assert len(caller.heard) > 1, "the menu, not the promise of a person"
    assert caller.now > 100 * limits.max_ivr_ms


def test_a_key_that_is_stuck_brings_a_person_after_ten_times_the_steps():
    example = plan(a_menu("m", {"1": "bye"}), limits=TIGHT)
    caller = Caller(example, variables={"profile": "accessible"}).press(*"#" * 59)
    assert len(caller.heard) == 2
    assert caller.press("#").heard == ["Операторға қосамын."]
    assert isinstance(caller.hear_out().step, Enqueue)


def test_whoever_needs_time_may_repeat_a_menu_as_often_as_they_like():
    caller = Caller(plan(a_menu("m", {"1": "bye"})), variables={"profile": "accessible"})
    caller.press(*"#" * 200)
    assert caller.at == "m"
    assert len(caller.heard) == 2


def test_a_profile_may_be_chosen_in_the_menu():
    slow = a_menu("slow", {"1": "m"}, set=sets(profile="'accessible'"))
    caller = Caller(plan(a_menu("m", {"1": "slow"}), slow)).hear_out()
    assert caller.step == Listen(6000)
    assert caller.press("1").step.is_slow
    assert caller.hear_out().step == Listen(18_000)
    assert caller.press("1").step.is_slow


def test_the_language_is_remembered_only_where_it_says_so():
    assert Caller(plan(languages(goto="bye", remember=True))).press("3").remembered == ["en"]
    assert Caller(plan(languages(goto="bye"))).press("3").remembered == []


def test_what_a_queue_sets_counts_for_its_own_topic_and_priority():
    node = queue("q", "call.topic", set=sets(topic="'child'", profile="'patient'"))
    assert Caller(plan(node)).step == Enqueue("q", "child", "kk", 10)


@pytest.mark.parametrize("profile", ["patient", "accessible"])
def test_a_profile_set_on_the_way_into_a_queue_counts_there(profile):
    chosen = a_menu("m", {"1": to("q", profile=f"'{profile}'")})
    head_start = {"patient": 10, "accessible": 60}[profile]
    assert Caller(plan(chosen, queue("q"))).press("1").step.priority_s == head_start
    failing = a_menu("m", {"1": "bye"}, attempts=1, on_fail=to("q", profile=f"'{profile}'"))
    silent = Caller(plan(failing, queue("q"))).silent_to_the_end()
    assert silent.step.priority_s == head_start
    night = branch("b", to("q", profile=f"'{profile}'"))
    assert Caller(plan(night, queue("q"))).step.priority_s == head_start
    busy = queue("q", on_overflow="l", priority_s=5)
    looked = menu.SetNode("l", sets(profile=f"'{profile}'"), "again")
    overflowed = Caller(plan(busy, looked, queue("again")), first=Overflowed("q"))
    assert overflowed.step.priority_s == head_start


def test_another_number_to_call_back_is_asked_for_as_often_as_the_first():
    caller = Caller(plan(callback("c", number="'87011234567'", attempts=2)), "en")
    assert caller.stay_silent().press("2").heard == ["Enter your phone number, then hash."]
    caller.stay_silent()
    assert caller.heard == ["I did not hear a key.", "Enter your phone number, then hash."]
    caller.press(*"7771234#").stay_silent()
    assert caller.heard[0] == "I did not hear a key."
    assert isinstance(caller.stay_silent().hear_out().step, Enqueue)


def test_a_menu_of_languages_is_slow_for_those_who_need_it():
    example = plan(languages(goto="bye"))
    slow = dataclasses.replace(example.profiles["accessible"], attempts=3)
    example = dataclasses.replace(example, profiles={"accessible": slow})
    caller = Caller(example, variables={"profile": "accessible"})
    assert caller.step.is_slow
    for _ in range(3):
        caller.stay_silent()
    assert caller.hear_out().step == Enqueue("operator", "general", "kk", 60)
