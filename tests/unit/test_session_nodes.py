"""Every kind of node in a call: collect, confirm, survey, callback, the silent ones, profiles."""

import dataclasses
import json

import pytest

from ivr.core import menu
from ivr.core.expressions import parse
from ivr.core.session import (
    AfterOperator,
    Enqueue,
    HangUp,
    HungUp,
    KeyPressed,
    Listen,
    Overflowed,
    Play,
    PlaybackFinished,
    Recorded,
    TimedOut,
    TransferFailed,
)
from ivr.core.steps import BookCallback, CallbackAnswered, Fetch, Fetched, Rated, Record, Transfer
from tests.unit.callers import Caller
from tests.unit.plans import (
    SERVICES,
    a_menu,
    branch,
    bye,
    call,
    callback,
    collect,
    confirm,
    find,
    http,
    plan,
    queue,
    said,
    say,
    sets,
    survey,
    to,
    transfer,
    voicemail,
)

SPOKEN_CODE = (menu.Spoken(parse("call.code"), "digits"),)


# collect


def test_a_whole_entry_ends_at_once_and_a_short_one_with_hash_or_time():
    def caller():
        node = collect("c", digits=(2, 4), next="said")
        return Caller(plan(node, say("said", "bye", prompt=SPOKEN_CODE)), "en")

    assert caller().press(*"1234").heard == ["one", "two", "three", "four"]
    assert caller().press(*"12#").heard == ["one", "two"]
    waiting = caller().press(*"12")
    assert waiting.step == Listen(3000)
    assert waiting.stay_silent().heard == ["one", "two"]


def test_an_entry_that_is_too_short_is_a_wrong_key_and_not_silence():
    node = collect("c", digits=(2, 4), next="bye")
    assert Caller(plan(node)).press("1", "#").results == [("c", "1", "nomatch")]
    assert Caller(plan(node)).press("1").stay_silent().results == [("c", "1", "nomatch")]
    caller = Caller(plan(node)).stay_silent()
    assert caller.results == [("c", None, "noinput")]
    assert caller.heard == ["Сіз ештеңе баспадыңыз.", "kk enter c"]
    assert caller.step.is_slow


def test_an_entry_goes_into_its_variable_as_text():
    caller = Caller(plan(collect("c", next="q"), queue("q", "call.code"))).press(*"007")
    assert isinstance(caller.step, Enqueue), "0 first is a person"
    free = collect("c", next="q", globals_on=False)
    assert Caller(plan(free, queue("q", "call.code"))).press(*"007").step.topic == "007"


def test_an_entry_must_pass_its_check():
    node = collect("c", check="[12].*", next="bye")
    assert Caller(plan(node)).press(*"345").results == [("c", "345", "nomatch")]
    assert Caller(plan(node)).press(*"145").heard == ["kk goodbye"]
    iin = collect("c", digits=(12, 12), check="iin", is_sensitive=True, next="bye")
    caller = Caller(plan(iin)).press(*"940507300029")
    assert caller.results == [("c", "*" * 12, "nomatch")]
    assert caller.press(*"940507300021").heard == ["kk goodbye"]


def test_the_empty_key_leads_elsewhere_only_when_it_comes_first():
    node = collect("c", digits=(2, 4), empty_key="#", on_empty="away", next="bye")
    example = plan(node, say("away", "bye"))
    assert Caller(example).press("#").heard == ["kk away"]
    assert Caller(example).press(*"12#").heard == ["kk goodbye"]
    star = dataclasses.replace(node, empty_key="*")
    assert Caller(plan(star, say("away", "bye"))).press("1", "*", "*").heard == ["kk away"]
    zero = dataclasses.replace(node, empty_key="0")
    assert isinstance(Caller(plan(zero, say("away", "bye"))).press("0").step, Enqueue)
    nowhere = collect("c", empty_key="9", next="bye")
    assert isinstance(Caller(plan(nowhere)).press("9").step, Enqueue), "no on_empty: a person"


def test_an_entry_is_looked_up():
    node = collect("c", find=find(), on_found=to("q"), on_missing=to("none"))
    example = plan(node, queue("q", "call.service.skill"), say("none", "bye"))
    caller = Caller(example).press(*"102")
    assert caller.step.topic == "social"
    assert caller.session.variables["service"]["code"] == "102"
    caller = Caller(example).press(*"999")
    assert (caller.heard, caller.session.variables["service"]) == (["kk none"], None)


def test_a_sensitive_entry_is_in_no_note_not_even_when_it_is_said_or_copied():
    nodes = (
        collect("c", is_sensitive=True, next=to("f", copy="call.code")),
        call("f", "f", "check", "bye", id="call.copy"),
        confirm("f.check", "bye", "bye", prompt=(menu.Spoken(parse("with.id"), "digits"),)),
    )
    caller = Caller(plan(*nodes), "en").press(*"415")
    assert caller.heard[:3] == ["four", "one", "five"], "the caller hears it"
    caller.press("1")
    assert "four" not in str(caller.notes)
    assert "415" not in str(caller.notes)
    assert caller.notes[-1].heard[:3] == ("***", "***", "***")
    assert ("c", "***", "match") in caller.results


def test_what_comes_of_a_sensitive_entry_is_in_no_note_and_no_warning_either():
    row = (menu.Spoken(parse("call.service.code"), "digits"),)
    echo = (menu.Spoken(parse("call.http.code"), "number"),)
    nodes = (
        collect("c", is_sensitive=True, find=find(), on_found=to("s"), on_missing=to("bye")),
        say("s", "h", prompt=row),
        http("h", "e", "bye", body=(("code", "call.code"),)),
        say("e", "l", prompt=echo),
        menu.SetNode("l", sets(language="call.code"), "bye"),
    )
    caller = Caller(plan(*nodes), "en").press(*"101")
    assert caller.heard == ["one", "zero", "one"]
    assert caller.hear_out().ask(Fetched({"code": 52})).heard == ["fifty two"]
    caller.hear_out()
    assert [n.heard for n in caller.notes if n.node in "se"] == [("***",) * 3, ("***",)]
    assert caller.warnings == ["*** is no language of this menu; the language stays"]
    assert "101" not in str(caller.said)


def test_globals_off_leaves_star_and_hash_to_the_entry():
    node = collect("c", digits=(2, 3), next="bye", globals_on=False)
    caller = Caller(plan(node)).press("*")
    assert caller.step == Listen(6000)
    assert caller.press("#").results == [("c", "#", "nomatch")]


# confirm


def test_one_is_yes_and_two_is_no_and_early_keys_do_not_count():
    nodes = (
        a_menu("m", {"1": "c"}),
        confirm("c", to("q", topic="'pension'"), "no"),
        queue("q", "call.topic"),
        say("no", "bye"),
    )
    assert Caller(plan(*nodes)).press("1", "1").step.topic == "pension"
    assert Caller(plan(*nodes)).press("1", "2").heard == ["kk no"]
    assert Caller(plan(*nodes)).press("1", "*").at == "m"
    early = plan(say("a", "c", bargein=False), *nodes, entry="a")
    caller = Caller(early).press("1").hear_out()
    assert (caller.at, caller.step) == ("c", Listen(6000))
    assert isinstance(Caller(early).press("0").hear_out().step, Enqueue)


def test_a_wrong_key_at_a_question_asks_it_again_whole():
    caller = Caller(plan(confirm("c", "bye", "bye")), "ru").press("3")
    assert caller.heard == [
        "Такого пункта нет.",
        "ru is it c",
        "Если верно, нажмите один, если нет, нажмите два.",
    ]


# survey


@pytest.mark.parametrize(
    ("key", "tag"), [("1", "quality_review"), ("2", "quality_review"), ("3", "")]
)
def test_an_answer_to_the_survey_is_kept_and_a_low_one_is_tagged(key, tag):
    example = plan(queue("q", goto="survey"), survey())
    caller = Caller(example, "en", first=AfterOperator("q")).press(key)
    assert caller.ratings == [Rated("csat", int(key), tag)]
    assert caller.heard == ["en goodbye"]


@pytest.mark.parametrize("key", ["0", "9", "*", "#", None])
def test_a_survey_is_asked_once_and_no_key_means_a_person(key):
    caller = Caller(plan(queue("q", goto="survey"), survey()), first=AfterOperator("q"))
    caller.press(key) if key else caller.stay_silent()
    assert caller.heard == ["kk goodbye"]
    assert caller.ratings == []
    assert caller.hear_out().step == HangUp()


def test_a_survey_has_no_globals_whatever_its_file_says():
    node = survey()
    asked = dataclasses.replace(node.input, globals_on=True)
    example = plan(queue("q", goto="survey"), dataclasses.replace(node, input=asked))
    caller = Caller(example, first=AfterOperator("q")).press("0")
    assert caller.results == [("survey", "0", "nomatch"), ("survey", None, "fail")]


# callback


CALLS = plan(callback("cb", number="caller.number"))
KNOWN = {"caller.number": "+77011234567"}


def test_a_call_back_says_the_number_and_books_it_after_a_yes():
    caller = Caller(CALLS, "en", facts=KNOWN)
    assert caller.heard == [
        "We will call you back on this number.",
        *["seven", "seven", "zero", "one", "one", "two", "three", "four", "five", "six", "seven"],
        "If that is right, press one; if not, press two.",
    ]
    caller.press("1")
    assert caller.step == BookCallback("cb", "+77011234567", "en", "", 14_400_000)
    assert caller.ask(CallbackAnswered(True)).heard == ["en goodbye"]
    assert caller.notes[-1].reason == "booked"
    assert "seven" not in str(caller.notes), "a number stands in no note"


def test_a_caller_may_enter_another_number():
    caller = Caller(CALLS, "en", facts=KNOWN).press("2")
    assert caller.heard == ["Enter your phone number, then hash."]
    assert caller.press(*"123#").results[-1] == ("cb", "***", "nomatch")
    caller.press(*"7771234#")
    assert caller.heard[1:-1] == ["seven", "seven", "seven", "one", "two", "three", "four"]
    assert caller.press("1").step.number == "7771234"


def test_a_withheld_number_or_a_full_list_leads_on():
    assert Caller(CALLS).heard == ["kk after the tone"]
    caller = Caller(CALLS, facts=KNOWN).press("1").ask(CallbackAnswered(False))
    assert caller.heard == ["kk after the tone"]


@pytest.mark.parametrize(
    ("number", "booked"),
    [
        ("+7 (701) 123-45-67", "+77011234567"),
        (87011234567, "87011234567"),
        ("anonymous", None),
        ("sip:1@2", None),
        ("87011234567&PJSIP/9", None),
        ("1" * 16, None),
        (True, None),
        ("+", None),
    ],
)
def test_only_a_telephone_number_is_called_back(number, booked):
    caller = Caller(CALLS, facts={"caller.number": number})
    if booked is None:
        assert (caller.heard, caller.notes[0].reason) == (["kk after the tone"], "withheld")
    else:
        assert caller.press("1").step.number == booked


def test_the_question_of_a_call_back_cannot_be_answered_before_it_is_heard():
    nodes = (a_menu("m", {"1": "cb"}), callback("cb"))
    early = plan(say("a", "m", bargein=False), *nodes, entry="a")
    caller = Caller(early, "en", facts=KNOWN).press("1", "1").hear_out()
    assert (caller.at, caller.step) == ("cb", Listen(6000))
    assert isinstance(Caller(early, facts=KNOWN).press("1", "0").hear_out().step, Enqueue)
    unasked = plan(say("a", "cb", bargein=False), callback("cb", confirm_number=False), entry="a")
    assert isinstance(Caller(unasked, facts=KNOWN).press("0").hear_out().step, Enqueue)
    booked = Caller(unasked, facts=KNOWN).press("1").hear_out()
    assert isinstance(booked.step, BookCallback)


def test_a_call_back_without_a_question_is_booked_at_once_with_the_topic_of_the_queue():
    nodes = (
        queue("q", "'pension'", on_overflow="cb"),
        callback("cb", number="'8701'", confirm_number=False),
    )
    example = plan(*nodes)
    assert Caller(example, first=Overflowed("q")).step.topic == "pension"
    alone = Caller(dataclasses.replace(example, entry="cb"), variables={"topic": "child"})
    assert alone.step.topic == "child"


def test_silence_at_a_call_back_ends_where_it_says():
    assert isinstance(Caller(CALLS, facts=KNOWN).silent_to_the_end().step, Enqueue)


# say, voicemail, transfer, http


def test_keys_that_skip_a_prompt_stay_in_their_order():
    nodes = (
        say("a", "b", bargein=False),
        say("b", "m"),
        a_menu("m", {"1": "n", "2": "bye"}),
        a_menu("n", {"1": "bye", "2": "q"}),
        queue("q"),
    )
    assert Caller(plan(*nodes)).press("1", "2").hear_out().step.node == "q"


def test_a_message_is_recorded_after_the_prompt():
    caller = Caller(plan(voicemail("v"))).hear_out()
    assert caller.step == Record("v", 90_000)
    assert caller.press("1", "0").step == Record("v", 90_000)
    assert caller.ask(Recorded(4000)).heard == ["kk goodbye"]
    assert Caller(plan(voicemail("v"))).press("#").step == Record("v", 90_000)


def test_a_transfer_says_where_to_and_comes_back_when_it_fails():
    nodes = (transfer("t", busy="busy", noanswer="gone"), say("busy", "bye"), say("gone", "bye"))
    caller = Caller(plan(*nodes))
    assert caller.heard == ["kk to 112"]
    assert caller.hear_out().step == Transfer("t", "112")
    assert caller.session.is_over
    assert caller.press("0").step == Transfer("t", "112"), "the caller is out of the house"
    assert caller.ask(TransferFailed("t", "busy")).heard == ["kk busy"]
    gone = Caller(plan(*nodes)).press("5").ask(TransferFailed("t", "noanswer"))
    assert gone.heard == ["kk gone"]
    assert gone.ask(TransferFailed("t", "busy")).heard == ["kk gone"], "late"
    after = Caller(plan(transfer("t", goto="bye"))).hear_out().ask(AfterOperator("t"))
    assert after.heard == ["kk goodbye"]


def test_a_transfer_that_failed_may_be_the_first_thing_a_session_hears():
    nodes = (transfer("t", busy="busy", noanswer="gone"), say("busy", "m"), say("gone", "m"))
    example = plan(*nodes, a_menu("m", {"1": "bye"}))
    for reason, said_then in (("busy", ["ru busy"]), ("noanswer", ["ru gone"])):
        caller = Caller(example, "ru", first=None)
        caller.ask(TransferFailed("t", reason), 10**9)
        assert caller.heard == said_then
        [note] = caller.notes
        assert (note.node, note.visit, note.reason, note.to) == ("t", 1, reason, said_then[0][3:])
        assert note.entered_ms == note.at_ms == 10**9
        assert caller.hear_out().step == Listen(6000), "the time in the menu begins anew"


def test_a_transfer_that_failed_in_a_menu_that_no_longer_has_it_brings_a_person():
    caller = Caller(plan(say("a", "bye")), first=TransferFailed("t", "busy"))
    assert isinstance(caller.step, Enqueue)
    elsewhere = Caller(plan(queue("q"), transfer("t"), entry="q"))
    assert elsewhere.session.handle(TransferFailed("t", "busy"), 5) == [], "they wait in a queue"


@pytest.mark.parametrize("node", [say("n", "bye"), voicemail("n"), transfer("n")])
def test_star_goes_back_from_a_prompt_and_repeats_one_that_no_menu_came_before(node):
    nodes = (a_menu("m", {"1": "n"}), node)
    assert Caller(plan(*nodes)).press("1", "*").at == "m"
    alone = Caller(plan(node))
    before = alone.heard
    assert (alone.press("*").heard, alone.at) == (before, "n")
    assert alone.results == [("n", "*", "global")]
    assert alone.press(*"*" * 70).hear_out().step == Enqueue("operator", "general", "kk", 0)
    assert "max_steps" in [note.reason for note in alone.notes]


def test_star_in_the_goodbye_goes_back_to_a_menu_if_there_is_one():
    assert Caller(plan(a_menu("m", {"1": "bye"}))).press("1", "*").at == "m"
    assert Caller(plan(bye())).press("*").step == HangUp()


def test_a_filler_is_said_before_asking_and_keys_are_kept_meanwhile():
    nodes = (http("h", "m", "bye", filler=said("wait")), a_menu("m", {"1": "q"}), queue("q"))
    caller = Caller(plan(*nodes))
    assert caller.heard == ["kk wait"]
    caller.press("1")
    assert isinstance(caller.step, Fetch)
    assert caller.ask(Fetched({})).step.node == "q"
    assert isinstance(Caller(plan(*nodes)).press("0").step, Enqueue)
    early = Caller(plan(*nodes)).hear_out().press("7", "0").ask(Fetched({}))
    assert early.step.node == "operator"


def test_an_address_that_is_none_is_an_error_of_the_answer():
    caller = Caller(plan(http("h", "m", "bye", url="config.sms.url"), a_menu("m", {"1": "bye"})))
    assert caller.heard == ["kk goodbye"]
    assert caller.warnings[-1] == "config.sms.url is no address; nothing was asked"


def test_a_prompt_with_nothing_to_say_is_passed_in_silence():
    nodes = (
        say("a", "b", prompt=(menu.Broadcasts(),)),
        say("b", "c", prompt=(menu.RowText("services", parse("call.none"), "name"),)),
        say("c", "bye", prompt=(menu.Spoken(parse("caller.number"), "text"),)),
    )
    caller = Caller(plan(*nodes), facts={"caller.number": "8701"})
    assert caller.heard == ["kk goodbye"]
    assert caller.way == ["a", "b", "c"]
    assert len(caller.warnings) == 3


def test_broadcasts_are_said_one_after_another():
    known = {"config.broadcast.texts": [{"kk": "бір", "ru": "раз"}, {"ru": "два"}]}
    caller = Caller(plan(say("a", "bye", prompt=(menu.Broadcasts(),))), "ru", facts=known)
    assert caller.heard == ["раз", "два"]
    other = Caller(plan(say("a", "bye", prompt=(menu.Broadcasts(),))), "kk", facts=known)
    assert other.heard == ["бір"]
    assert other.warnings == ["a broadcast has no text in kk; it was left out"]


# branch, set, lookup


def test_the_first_case_that_is_true_wins():
    node = branch("b", "c", ("false", "a"), ("call.n >= 2", to("q", t="'two'")), ("true", "a"))
    example = plan(node, say("a", "bye"), say("c", "bye"), queue("q", "call.t"))
    assert Caller(example, variables={"n": 2}).step.topic == "two"
    assert Caller(example, variables={"n": 1}).heard == ["kk a"]
    assert Caller(plan(branch("b", "bye", ("false", "b")))).heard == ["kk goodbye"]


def test_the_timeline_tells_which_case_was_true_and_whether_a_row_was_found():
    node = branch("b", "q", ("call.n == 1", "q"), ("call.n == 2", "q"))
    for number, case in ((1, 0), (2, 1), (3, None)):
        notes = Caller(plan(node, queue("q")), variables={"n": number}).notes
        assert [note.case for note in notes if note.node == "b"] == [case]
    lookup = menu.Lookup("l", find(), to("q"), to("q"))
    entry = collect("c", find=find(), on_found=to("q"), on_missing=to("q"))
    for code, reason in (("101", None), ("777", "missing")):
        found = Caller(plan(lookup, queue("q")), variables={"code": code}).notes[0]
        assert (found.to, found.reason) == ("q", reason)
        entered = Caller(plan(entry, queue("q"))).press(*code).notes[0]
        assert (entered.to, entered.reason) == ("q", reason)


def test_a_row_that_was_found_is_never_changed():
    nodes = (
        menu.SetNode("s", sets(code="101"), "l"),
        menu.Lookup("l", find(), to("w", service__skill="'mine'"), to("bye")),
        queue("w", "call.service.skill"),
    )
    example = plan(*nodes)
    assert Caller(example).step.topic == "mine"
    assert example.tables["services"].rows["101"]["skill"] == "documents"
    deep = dataclasses.replace(nodes[1], on_found=to("w", service__name__kk="'mine'"))
    caller = Caller(plan(nodes[0], deep, nodes[2]))
    assert caller.session.variables["service"]["name"]["kk"] == "mine"
    assert SERVICES.rows["101"]["name"]["kk"] == "kk passport"


EVERYTHING = [
    PlaybackFinished(),
    TimedOut(),
    KeyPressed("1"),
    Fetched({}),
    Recorded(5),
    CallbackAnswered(True),
]


@pytest.mark.parametrize("late", EVERYTHING, ids=lambda event: type(event).__name__)
def test_an_event_out_of_place_changes_nothing(late):
    for first in (None, AfterOperator("q"), HungUp()):
        caller = Caller(plan(queue("q"), entry="q"), first=first)
        assert caller.session.handle(late, 50) == []
    playing = Caller(plan(say("a", "bye", bargein=False)))
    commands = playing.session.handle(late, 50)
    assert bool(commands) == isinstance(late, PlaybackFinished)
    assert isinstance(playing.step, Play)


def test_what_a_session_keeps_is_plain_values():
    nodes = (
        collect("c", next=to("q", copy="call.code"), find=None),
        queue("q", on_overflow="again"),
        say("again", "bye"),
    )
    caller = Caller(plan(*nodes)).press(*"123")
    kept = json.loads(json.dumps(caller.session.variables))
    assert kept == {"code": "123", "copy": "123"}
    resumed = Caller(plan(*nodes), first=Overflowed("q"), variables=kept)
    assert resumed.session.variables == kept
