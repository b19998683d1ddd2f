"""The limits of a call, and the person behind each of them."""

import dataclasses

from ivr.core import menu
from ivr.core.session import Enqueue, Recorded
from ivr.core.steps import Record
from tests.unit.callers import Caller
from tests.unit.plans import a_menu, branch, plan, queue, say, voicemail


def test_a_message_may_stand_for_a_person_when_the_steps_are_used_up():
    limits = menu.Limits(max_steps=3, max_revisits=99, max_ivr_ms=10**9)
    nodes = (a_menu("m", {"1": "bye"}), voicemail("message", "bye"))
    caller = Caller(plan(*nodes, operator="message", limits=limits)).press(*"###").hear_out()
    assert caller.step == Record("message", 90_000)
    assert caller.ask(Recorded(9)).heard == ["kk goodbye"]


def test_nodes_that_wait_for_nothing_do_not_go_round_for_ever():
    for facts in ({}, {"caller.profile": "accessible"}):
        circle = plan(branch("a", "b", ("false", "bye")), menu.SetNode("b", (), "a"))
        caller = Caller(circle, facts=facts).hear_out()
        assert isinstance(caller.step, Enqueue)
        assert "max_steps" in [n.reason for n in caller.notes]
        assert len(caller.way) <= circle.limits.max_steps + 2


def test_the_person_stands_behind_prompts_and_branches():
    nodes = (
        a_menu("m", {"1": "bye"}, attempts=1, on_fail="m"),
        say("person", "which"),
        branch("which", "day", ("schedule.night", "night")),
        queue("day", "'day'"),
        queue("night", "'night'"),
        queue("other", "'other'"),
    )
    example = dataclasses.replace(plan(*nodes, operator="person"))
    for is_night in (True, False):
        caller = Caller(example, facts={"schedule.night": is_night})
        caller.silent_to_the_end()
        assert caller.step.topic == ("night" if is_night else "day")


def test_a_message_stands_for_a_person_when_the_operator_key_leads_to_it():
    nodes = (a_menu("m", {"1": "bye"}, attempts=1, on_fail="m"), voicemail("message", "m"))
    caller = Caller(plan(*nodes, operator="message")).silent_to_the_end()
    assert caller.step == Record("message", 90_000)
    caller.ask(Recorded(5000)).silent_to_the_end()
    assert isinstance(caller.step, Enqueue), "the second time it is any queue"
