"""Flows: their arguments, their ways back, and flows within flows."""

from ivr.core import menu
from ivr.core.expressions import parse
from ivr.core.session import PlaybackFinished
from tests.unit.callers import Caller
from tests.unit.plans import a_menu, branch, call, plan, say, sets


def test_a_flow_sees_its_own_arguments_and_going_back_restores_them():
    told = (menu.RowText("services", parse("with.id"), "name"),)
    nodes = (
        a_menu("main", {"1": "one", "2": "two"}),
        call("one", "t", "say", id="'101'"),
        call("two", "t", "say", id="'102'"),
        say("t.say", "t.menu", prompt=told),
        a_menu("t.menu", {"1": "t.say", "2": "t.more"}),
        a_menu("t.more", {"1": "main"}),
    )
    caller = Caller(plan(*nodes)).press("2")
    assert caller.heard == ["kk pension"]
    caller.hear_out().press("2", "*", "1")
    assert caller.heard == ["kk pension"]
    caller.hear_out().press("2", "1", "1")
    assert caller.heard == ["kk passport"]


def test_going_back_into_a_flow_brings_its_arguments_back():
    nodes = (
        call("c", "t", "menu", id="'102'"),
        a_menu("t.menu", {"1": "t.say", "2": "outer"}),
        say("t.say", "t.menu", prompt=(menu.RowText("services", parse("with.id"), "name"),)),
        a_menu("outer", {"1": "bye"}),
    )
    caller = Caller(plan(*nodes)).press("2")
    assert caller.at == "outer"
    assert caller.press("*", "1").heard == ["kk pension"]


def test_a_flow_that_is_left_for_the_file_is_over():
    nodes = (
        a_menu("main", {"1": "c"}),
        call("c", "t", "menu", id="'102'"),
        a_menu("t.menu", {"1": "main"}, intro="flow"),
    )
    limits = menu.Limits(max_steps=99, max_revisits=50, max_ivr_ms=10**9, max_depth=2)
    caller = Caller(plan(*nodes, limits=limits)).press(*"11" * 10, "1")
    assert caller.heard[0] == "kk flow"
    assert not [note for note in caller.notes if note.reason]


def test_flows_within_flows_return_in_order():
    nodes = (
        call("c", "a", "go", "end", x="1"),
        call("a.go", "b", "go", "a.end", x="2"),
        say("b.go", "b.end", prompt=(menu.Spoken(parse("with.x"), "number"),)),
        menu.Return("b.end", None),
        say("a.end", "a.out", prompt=(menu.Spoken(parse("with.x"), "number"),)),
        menu.Return("a.out", None),
        say("end", "bye"),
    )
    caller = Caller(plan(*nodes), "en")
    said_now = [caller.heard]
    for _ in range(2):
        said_now.append(caller.ask(PlaybackFinished()).heard)
    assert said_now == [["two"], ["one"], ["en end"]]


def test_different_arguments_are_different_places():
    nodes = (
        a_menu("main", {"1": "one", "2": "two"}),
        call("one", "t", "say", "x1", id="'101'"),
        call("two", "t", "say", "x2", id="'102'"),
        say("t.say", "t.end"),
        menu.Return("t.end", None),
        say("x1", "main"),
        say("x2", "main"),
    )
    limits = menu.Limits(max_steps=99, max_revisits=1, max_ivr_ms=10**6)
    caller = Caller(plan(*nodes, limits=limits)).press("1", "#", "#", "2")
    assert caller.heard == ["kk t.say"]
    assert caller.press("#", "#").hear_out().notes[-1].reason is None


def test_a_flow_that_calls_itself_returns_to_its_own_arguments():
    nodes = (
        call("c", "f", "say", "bye", n="1"),
        say("f.say", "f.which", prompt=(menu.Spoken(parse("with.n"), "number"),)),
        branch("f.which", "f.again", ("with.n == 2", "f.end"), ("call.done", "f.end")),
        call("f.again", "f", "say", "f.back", n="2"),
        say(
            "f.back", "f.end", prompt=(menu.Spoken(parse("with.n"), "number"),), set=sets(done="1")
        ),
        menu.Return("f.end", None),
    )
    caller = Caller(plan(*nodes), "en")
    assert caller.heard == ["one"]
    assert caller.ask(PlaybackFinished()).heard == ["two"]
    assert caller.ask(PlaybackFinished()).heard == ["one"]
    assert caller.ask(PlaybackFinished()).heard == ["en goodbye"]
