"""Prompts in a call: values, rows, broadcasts; and what goes wrong inside a session."""

import dataclasses

import pytest

from ivr.core import menu, speech
from ivr.core.expressions import parse
from ivr.core.session import AfterOperator, Enqueue, HangUp, MenuSession, Recorded, Started
from ivr.core.steps import CallbackAnswered, Fetch, Fetched
from tests.unit.callers import Caller
from tests.unit.plans import (
    PHRASES,
    SERVICES,
    a_menu,
    branch,
    callback,
    http,
    plan,
    queue,
    say,
    table,
    texts,
    to,
)


def told(value, how, language="en"):
    """What is heard of a value, and what an admin is told; the prompt ends with a full stop."""
    prompt = (menu.Spoken(parse("call.v"), how), menu.Said(texts("end")))
    caller = Caller(plan(say("s", "bye", prompt=prompt)), language, variables={"v": value})
    return caller.heard[:-1], caller.warnings


@pytest.mark.parametrize(
    ("value", "heard"),
    [(0, "zero"), (60, "sixty"), ("21", "twenty one"), (4.9, "four"), ("007", "seven")],
)
def test_a_number_up_to_sixty_is_one_word(value, heard):
    assert told(value, "number") == ([heard], [])


@pytest.mark.parametrize(
    ("value", "heard"),
    [
        (61, ["six", "one"]),
        (-5, ["five"]),
        ("many", []),
        (True, []),
        (1e300, []),
        (float("nan"), []),
        ([3], []),
    ],
)
def test_a_number_that_has_no_clip_is_said_in_digits_with_a_warning(value, heard):
    assert told(value, "number") == (heard, ["call.v is no number of 0..60; its digits were said"])


def test_digits_are_said_one_by_one_and_no_more_than_anybody_wants_to_hear():
    assert told("1-12", "digits") == (["one", "one", "two"], [])
    assert told(70, "digits") == (["seven", "zero"], [])
    assert len(told("7" * 4000, "digits")[0]) == 30
    for nothing in ("", "abc", True, 4.5, {}):
        assert told(nothing, "digits") == ([], ["call.v has no digits to say"])


def test_a_text_must_stand_in_a_table():
    assert told(texts("pension"), "text") == (["en pension"], [])
    assert told("documents", "text") == (["documents"], [])
    for stranger in (texts("stranger"), "stranger", 5, {"kk": "бөтен"}, {"en": " "}):
        assert told(stranger, "text") == ([], ["call.v is no text of a table; it was left out"])


@pytest.mark.parametrize("key", ["101", 101])
def test_the_row_of_a_number_is_that_of_its_text(key):
    prompt = (menu.RowText("services", parse("call.v"), "name"),)
    caller = Caller(plan(say("s", "bye", prompt=prompt)), variables={"v": key})
    assert caller.heard == ["kk passport"]


@pytest.mark.parametrize(("key", "column"), [("999", "name"), ("101", "none"), (True, "name")])
def test_a_row_or_column_that_is_missing_is_silent_with_a_warning(key, column):
    prompt = (menu.RowText("services", parse("call.v"), column), menu.Said(texts("end")))
    caller = Caller(plan(say("s", "bye", prompt=prompt)), variables={"v": key})
    assert caller.heard == ["kk end"]
    assert caller.warnings == [f"table services: no row for call.v with a text '{column}'"]


def test_a_missing_value_is_told_once_for_a_call():
    nodes = (
        say("a", "b", prompt=(menu.Spoken(parse("call.v"), "digits"),)),
        say("b", "m", prompt=(menu.Spoken(parse("call.v"), "digits"),)),
        a_menu("m", {"1": "bye"}),
    )
    assert Caller(plan(*nodes)).warnings.count("call.v has no value") == 1


def test_a_table_that_is_not_there_has_no_rows():
    prompt = (menu.RowText("gone", parse("'1'"), "name"), menu.Said(texts("end")))
    assert Caller(plan(say("s", "bye", prompt=prompt))).heard == ["kk end"]
    one = plan(
        menu.Lookup("l", menu.Find("gone", parse("'1'"), "call.x"), *[menu.Jump("bye")] * 2),
        tables={"services": SERVICES, "more": table("more", {})},
    )
    assert Caller(one).heard == ["kk goodbye"]


def test_an_answer_to_another_question_is_ignored():
    caller = Caller(plan(http("h", "bye", "bye")))
    for stranger in (Recorded(5), CallbackAnswered(True)):
        assert caller.session.handle(stranger, 5) == []
    assert isinstance(caller.step, Fetch)
    booking = Caller(plan(callback("c", number="'8701'", confirm_number=False)))
    assert booking.session.handle(Fetched({}), 5) == []


def test_keys_that_came_early_can_repeat_and_go_on():
    nodes = (say("a", "m", bargein=False), a_menu("m", {"1": "q"}), queue("q"))
    caller = Caller(plan(*nodes)).press("#", "#", "1").hear_out()
    assert caller.step.node == "q"
    assert [note.via for note in caller.notes if note.node == "m"] == ["early"] * 3


def test_a_driver_that_cannot_go_on_gets_the_last_line():
    session = MenuSession(plan(a_menu("m", {"1": "bye"})))
    session.handle(Started(), 5)
    note = session.failed(90)
    assert (note.at_ms, note.node, note.result, note.reason) == (90, "m", "fail", "internal_error")
    assert session.is_over
    assert session.handle(Recorded(5), 100) == []


def test_a_dialplan_without_any_queue_ends_politely():
    nodes = {
        "m": a_menu("m", {"1": "m"}, attempts=1, on_fail="m"),
        "bye": plan(queue("x")).nodes["bye"],
    }
    lonely = dataclasses.replace(plan(nodes["m"], operator="bye"), nodes=nodes)
    assert Caller(lonely).silent_to_the_end().step == HangUp()


def test_a_queue_whose_topic_nobody_can_tell_still_queues():
    caller = Caller(plan(queue("operator", "call.a"), queue("q", "call.b"), entry="q"))
    assert caller.step == Enqueue("q", "", "kk", 0)


def test_an_error_on_the_way_to_a_person_leaves_the_call_to_the_fallback():
    broken = dataclasses.replace(plan(a_menu("m", {"1": "bye"})), phrases={})
    caller = Caller(broken)
    assert caller.session.is_broken
    assert caller.step is None
    assert [message.split(",")[0] for message in caller.warnings] == [
        "internal error",
        "no person could be sent",
    ]


def test_an_error_where_there_is_no_queue_leaves_the_call_to_the_fallback():
    goodbye = plan(queue("x")).nodes["bye"]
    lonely = plan(say("s", "bye", words="x"), operator="bye")
    nodes = {"s": dataclasses.replace(lonely.nodes["s"], next="gone"), "bye": goodbye}
    caller = Caller(dataclasses.replace(lonely, nodes=nodes)).hear_out()
    assert caller.session.is_broken


def test_every_sentence_of_the_glue_is_spoken_in_every_language():
    assert set(PHRASES) == set(speech.BACK) == set(speech.REPEAT) == set(speech.CALLBACK)
    assert texts("x").keys() == PHRASES.keys() == speech.ENTER_NUMBER.keys()


def test_after_an_error_the_rest_of_the_call_goes_on_as_always():
    failing = ["caller.vip"]

    def facts(name):
        if name in failing:
            raise LookupError(name)

    nodes = (
        branch("b", "bye", ("caller.vip", "bye")),
        queue("operator", goto="after"),
        branch("after", to("q", profile="'patient'")),
        queue("q", "'q'"),
    )
    caller = Caller(plan(*nodes), facts=facts).hear_out()
    assert caller.step.node == "operator"
    assert caller.ask(AfterOperator("operator")).step == Enqueue("q", "q", "kk", 10)
