"""The numbered sentences of the menu's semantics, S1 to S22: one test each, some with company."""

import dataclasses
from datetime import UTC, datetime

import pytest

from ivr.core import menu
from ivr.core.expressions import BadExpression, parse
from ivr.core.schedules import Interval, Override, Schedule, holds
from ivr.core.session import (
    AfterOperator,
    Enqueue,
    HangUp,
    HungUp,
    Listen,
    MenuSession,
    Overflowed,
    Play,
    PlaybackFinished,
    Recorded,
    Started,
)
from ivr.core.steps import CallbackAnswered, Fetch, Fetched
from tests.unit.callers import Caller
from tests.unit.plans import (
    a_menu,
    branch,
    bye,
    call,
    callback,
    collect,
    confirm,
    http,
    languages,
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


def test_s01_the_entry_runs_first():
    caller = Caller(plan(say("second", "bye"), say("first", "second"), entry="first"))
    assert caller.heard == ["kk first"]


def test_s02_a_node_runs_its_set_before_its_prompt():
    asked = menu.Spoken(parse("call.count"), "number")
    node = say("a", "bye", prompt=(asked,), set=sets(count="7", language="'en'"))
    assert Caller(plan(node)).heard == ["seven"]
    chosen = queue("q", "call.topic", set=sets(topic="'pension'", language="'ru'"))
    assert Caller(plan(chosen)).step == Enqueue("q", "pension", "ru", 0)
    asked = a_menu("m", {"1": "bye"}, set=sets(language="'ru'"))
    assert Caller(plan(asked)).heard[0].startswith("Ru label 1")


def test_s03_menus_and_questions_have_their_ways_and_no_next():
    ways = {"1": "q"}
    nodes = (a_menu("m", ways), collect("c", next="q"), confirm("f", "q", "m"), languages(goto="q"))
    for node in nodes:
        caller = Caller(plan(node, queue("q"), a_menu("m", ways), entry=node.name))
        caller.press(*("123" if node.name == "c" else "1"))
        assert caller.step.node == "q", node.name


def test_s04_options_come_in_file_order_then_zero_and_the_signs_only_when_slow():
    caller = Caller(plan(a_menu("m", {"2": "bye", "1": "operator"})), "ru")
    options = [
        "Ru label 2 of m: нажмите два",
        "Ru label 1 of m: нажмите один",
        "Оператор: нажмите ноль",
    ]
    assert (caller.heard, caller.step.is_slow) == (options, False)
    caller.stay_silent()
    assert caller.heard == [
        "Вы ничего не нажали.",
        *options,
        "Назад: нажмите звёздочку",
        "Повторить: нажмите решётку",
    ]
    assert caller.step.is_slow


def test_s04_a_node_may_keep_its_pace_after_a_silence():
    caller = Caller(plan(a_menu("m", {"1": "bye"}, slow_after_noinput=False))).stay_silent()
    assert not caller.step.is_slow
    assert not any("жұлдызша" in text for text in caller.heard)


def test_s05_only_the_phrases_of_a_language_name_keys():
    assert Caller(plan(a_menu("m", {"1": "bye", "2": "bye"}, count=True)), "en").heard == [
        "There are two choices.",
        "For en label 1 of m, press one",
        "For en label 2 of m, press two",
        "For an operator, press zero",
    ]
    counts = {1: "There is one choice.", 2: "There are two choices.", 5: "There are five choices."}
    for number, sentence in counts.items():
        ways = dict.fromkeys("12345"[:number], "bye")
        assert Caller(plan(a_menu("m", ways, count=True)), "en").heard[0] == sentence
    of_russian = {1: "Один раздел.", 2: "Два раздела.", 5: "Пять разделов."}
    for number, sentence in of_russian.items():
        ways = dict.fromkeys("12345"[:number], "bye")
        assert Caller(plan(a_menu("m", ways, count=True)), "ru").heard[0] == sentence
    assert Caller(plan(confirm("c", "bye", "bye")), "kk").heard == [
        "kk is it c",
        "Дұрыс болса бірді, әйтпесе екіні басыңыз.",
    ]


def test_s06_the_first_timer_runs_from_the_end_of_the_prompt():
    caller = Caller(plan(a_menu("m", {"1": "bye"})))
    assert isinstance(caller.step, Play)
    assert caller.ask(PlaybackFinished(), 20_000).step == Listen(6000)


def test_s06_the_second_timer_runs_only_while_a_longer_key_is_possible():
    ambiguous = plan(a_menu("m", {"1": "q", "12": "bye", "3": "q"}), queue("q"))
    caller = Caller(ambiguous).hear_out().press("1")
    assert caller.step == Listen(3000)
    assert caller.stay_silent().step.node == "q"
    assert Caller(ambiguous).press("3").step.node == "q"
    assert Caller(ambiguous).press("1", "2").heard == ["kk goodbye"]
    assert Caller(ambiguous).press("1", "5").results == [("m", "15", "nomatch")]


def test_s07_attempts_count_all_plays_and_end_at_a_person():
    caller = Caller(plan(a_menu("m", {"1": "bye"})), "ru").stay_silent()
    assert caller.heard[0] == "Вы ничего не нажали."
    caller.hear_out().press("7")
    assert caller.heard[0] == "Такого пункта нет."
    caller.stay_silent()
    assert caller.heard == ["Соединяю с оператором."]
    assert caller.hear_out().step == Enqueue("operator", "general", "ru", 0)
    assert [r for _, _, r in caller.results] == ["noinput", "nomatch", "noinput", "fail"]
    assert caller.notes[-2].to == "operator"


def test_s07_reprompts_take_the_highest_one_there_is():
    own = menu.Reprompts(noinput=(said("one"), said("two")), nomatch=(said("wrong"), said("no")))
    caller = Caller(plan(a_menu("m", {"1": "bye"}, attempts=9, reprompts=own)))
    first = [caller.stay_silent().heard[0] for _ in range(3)]
    assert first == ["kk one", "kk two", "kk two"]
    wrong = [caller.press("7").heard[0] for _ in range(3)]
    assert wrong == ["kk wrong", "kk no", "kk no"]


def test_s07_what_a_failure_sets_is_set_before_the_promise_is_kept():
    node = a_menu("m", {"1": "bye"}, attempts=1, on_fail=to("q", topic="'lost'"))
    caller = Caller(plan(node, queue("q", "call.topic"))).silent_to_the_end()
    assert caller.step.topic == "lost"


INPUT_NODES = {
    "menu": a_menu("n", {"1": "bye"}),
    "language": languages("n", "bye"),
    "collect": collect("n", next="bye"),
    "confirm": confirm("n", "bye", "bye"),
    "callback": callback("n", number="'87011234567'"),
    "say": say("n", "bye"),
    "voicemail": voicemail("n"),
    "transfer": transfer("n"),
    "hangup": bye("n"),
}


@pytest.mark.parametrize("kind", INPUT_NODES)
def test_s08_zero_reaches_a_person_in_one_key(kind):
    example = plan(INPUT_NODES[kind])
    assert Caller(example).press("0").step == Enqueue("operator", "general", "kk", 0)
    listening = Caller(example).hear_out()
    if isinstance(listening.step, Listen):
        assert isinstance(listening.press("0").step, Enqueue)


def test_s08_zero_is_a_digit_once_an_entry_has_begun():
    caller = Caller(plan(collect("c", next="bye"))).press("1", "0", "0")
    assert caller.results == [("c", "100", "match")]


def test_s08_zero_is_obeyed_after_a_prompt_that_must_be_heard():
    caller = Caller(plan(say("a", "m", bargein=False), a_menu("m", {"1": "bye"})))
    assert isinstance(caller.press("0").hear_out().step, Enqueue)


@pytest.mark.parametrize("kind", INPUT_NODES)
def test_s08_zero_pressed_before_a_node_is_heard_there(kind):
    example = plan(say("a", "n", bargein=False), INPUT_NODES[kind])
    caller = Caller(example).press("0").ask(PlaybackFinished())
    assert caller.step == Enqueue("operator", "general", "kk", 0)
    deaf = a_menu("n", {"1": "bye"}, bargein=False)
    caller = Caller(plan(deaf)).press("0", "1").hear_out()
    assert isinstance(caller.step, Enqueue)


def test_s08_zero_is_no_person_where_the_globals_are_off():
    for node in (a_menu("n", {"1": "bye"}, globals_on=False), survey("n")):
        caller = Caller(plan(node)).press("0")
        assert caller.results[0] == ("n", "0", "nomatch")


def test_s09_star_clears_an_entry_and_goes_back_from_an_empty_one():
    caller = Caller(plan(a_menu("m", {"1": "c"}), collect("c", next="bye")))
    caller.press("1", "7", "8", "*").hear_out()
    assert (caller.at, caller.step) == ("c", Listen(6000))
    assert caller.press("1", "2", "3").results[-1] == ("c", "123", "match")
    caller = Caller(plan(a_menu("m", {"1": "c"}), collect("c", next="bye"))).press("1", "*")
    assert caller.at == "m"


def back_to(*, main):
    """Two menus and an entry below the menu of languages; the caller is at the last one."""
    nodes = (
        languages(goto="main"),
        a_menu("main", {"1": "low"}, **main),
        a_menu("low", {"1": "c"}),
        collect("c", next="last"),
        a_menu("last", {"1": "bye"}),
    )
    caller = Caller(plan(*nodes)).press("2", "1", "1", "1", "2", "3")
    assert caller.at == "last"
    return caller


def test_s10_star_goes_back_one_menu_per_press_then_to_back_to_or_repeats():
    caller = back_to(main={"back_to": "language"})
    assert [caller.press("*").at for _ in range(4)] == ["low", "main", "language", "language"]
    assert caller.heard[0] == "Сәлеметсіз бе!"
    caller = back_to(main={})
    assert [caller.press("*").at for _ in range(4)] == ["low", "main", "main", "main"]
    assert caller.heard[0].startswith("Ru label 1 of main")
    assert caller.results[-1] == ("main", "*", "global")
    assert caller.stay_silent().stay_silent().heard[0] == "Вы ничего не нажали.", "no attempt"


def test_s10_a_menu_that_is_come_back_to_by_another_way_is_not_its_own_way_back():
    nodes = (a_menu("main", {"1": "low"}), a_menu("low", {"1": "main", "2": "bye"}))
    caller = Caller(plan(*nodes)).press("1", "1")
    assert [caller.press("*").at for _ in range(2)] == ["main", "main"]


def test_s11_a_change_of_language_keeps_node_and_variables():
    ways = {"1": to("main", language="'en'"), "2": "c"}
    nodes = (
        a_menu("main", ways),
        say("c", "bye", prompt=(menu.Spoken(parse("call.n"), "number"),)),
    )
    caller = Caller(plan(*nodes), variables={"n": 3}).press("1").hear_out()
    assert (caller.at, caller.session.language) == ("main", "en")
    assert caller.press("2").heard == ["three"]


def test_s12_expressions_are_a_closed_subset_and_what_is_missing_is_null_with_a_warning():
    for text in ("__import__('os')", "a if b else c", "a.b()", "[x for x in y]", "lambda: 1"):
        with pytest.raises(BadExpression):
            parse(text)
    caller = Caller(plan(branch("b", "m", ("call.age > 18", "bye")), a_menu("m", {"1": "bye"})))
    assert caller.at == "m"
    assert caller.warnings == ["call.age has no value"]


def test_s12_asking_whether_a_value_is_there_is_no_warning():
    caller = Caller(plan(queue("q", "call.topic or 'general'")))
    assert caller.step.topic == "general"
    assert caller.warnings == []


def test_s13_the_scopes_of_names():
    facts = {
        "caller.number": "8701",
        "config.x": 1,
        "schedule.night": True,
        "queue.general.ready": 2,
    }
    when = (
        "caller.number == '8701' and config.x == 1 and schedule.night and "
        "queue.general.ready >= 2 and call.mine == 'yes' and language == 'ru' and with.id == None"
    )
    node = branch("b", "operator", (when, "bye"), set=sets(mine="'yes'"))
    assert Caller(plan(node), "ru", facts=facts).heard == ["ru goodbye"]


def test_s14_a_call_pushes_a_frame_and_return_goes_on_with_the_caller_else_on_its_own():
    def nodes(of_caller, own):
        return plan(
            call("c", "f", "start", of_caller, id="'101'"),
            say("f.start", "f.end", prompt=(menu.RowText("services", parse("with.id"), "name"),)),
            menu.Return("f.end", own),
            say("here", "bye"),
            say("there", "bye"),
        )

    caller = Caller(nodes("here", "there"))
    assert caller.heard == ["kk passport"]
    assert caller.ask(PlaybackFinished()).heard == ["kk here"]
    assert Caller(nodes(None, "there")).ask(PlaybackFinished()).heard == ["kk there"]


def test_s14_a_flow_that_has_returned_is_off_the_stack():
    ends = [menu.Return(f"{name}.end", None) for name in "fg"]
    nodes = (
        call("a", "f", "end", "b"),
        call("b", "g", "in", "told", id="1"),
        call("g.in", "f", "end", "g.end", id="2"),
        say("told", "bye", prompt=(menu.Spoken(parse("with.id"), "number"),)),
        *ends,
    )
    deepest = menu.Limits(max_steps=60, max_revisits=3, max_ivr_ms=180_000, max_depth=2)
    caller = Caller(plan(*nodes, limits=deepest))
    assert caller.heard == ["kk goodbye"], "with.id is over, and two flows deep is deep enough"


def test_s14_a_return_that_leads_nowhere_ends_at_a_person():
    lost = plan(call("c", "f", "end"), menu.Return("f.end", None))
    caller = Caller(lost).hear_out()
    assert isinstance(caller.step, Enqueue)
    assert [n.reason for n in caller.notes if n.result == "fail"] == ["no_next"]


def test_s15_the_answer_of_another_house_is_call_http():
    nodes = (
        http("h", "ok", "failed", url="config.url", body=(("to", "caller.number"),)),
        say("failed", "bye"),
        branch("ok", "operator", ("call.http.state == 'paid'", "bye")),
    )
    facts = {"config.url": "http://127.0.0.1/", "caller.number": "8701"}
    caller = Caller(plan(*nodes), facts=facts)
    assert caller.step == Fetch("h", "POST", "http://127.0.0.1/", {"to": "8701"}, 2000)
    assert caller.ask(Fetched({"state": "paid"})).heard == ["kk goodbye"]
    assert Caller(plan(*nodes), facts=facts).ask(Fetched(None)).heard == ["kk failed"]


WAITS = {
    "prompt": (a_menu("n", {"1": "bye"}), []),
    "silence": (a_menu("n", {"1": "bye"}), [PlaybackFinished()]),
    "fetch": (http("n", "bye", "bye"), []),
    "record": (voicemail("n"), [PlaybackFinished()]),
    "promise": (a_menu("n", {"1": "bye"}, attempts=1), [PlaybackFinished(), "silence"]),
    "book": (callback("n", number="'87011234567'", confirm_number=False), []),
}


@pytest.mark.parametrize("wait", WAITS)
def test_s16_a_hang_up_ends_everything_with_one_last_note(wait):
    node, events = WAITS[wait]
    caller = Caller(plan(node))
    for event in events:
        caller.stay_silent() if event == "silence" else caller.ask(event)
    before = len(caller.notes)
    caller.ask(HungUp())
    assert [n.result for n in caller.notes[before:]] == ["hangup"]
    assert caller.session.is_over
    for late in (Fetched({}), Recorded(1), CallbackAnswered(True), PlaybackFinished(), HungUp()):
        assert caller.session.handle(late, 10**6) == []


def test_s17_an_internal_error_brings_a_person():
    def facts(name):
        raise LookupError(name)

    node = branch("b", "bye", ("caller.vip", "bye"))
    for profiles, asked in (({}, "caller.vip"), (plan(node).profiles, "caller.profile")):
        caller = Caller(dataclasses.replace(plan(node), profiles=profiles), facts=facts)
        assert caller.hear_out().step == Enqueue("operator", "general", "kk", 0)
        assert "internal_error" in [n.reason for n in caller.notes]
        assert caller.warnings == [f"internal error, LookupError: {asked}"]
        assert not caller.session.is_broken


def test_s17_when_that_fails_too_nothing_is_asked_for():
    def facts(name):
        raise LookupError(name)

    caller = Caller(plan(queue("operator", "caller.topic")), facts=facts).hear_out()
    assert caller.session.is_broken
    assert caller.session.is_over
    assert not isinstance(caller.step, Enqueue | HangUp)


def test_s18_too_many_steps():
    limits = menu.Limits(max_steps=5, max_revisits=99, max_ivr_ms=10**9)
    nodes = (say("a", "b"), say("b", "a"), queue("operator"), queue("z", "'other'"))
    caller = Caller(plan(*nodes, limits=limits)).hear_out()
    assert caller.step.node == "operator"
    assert [n.reason for n in caller.notes if n.result == "fail"] == ["max_steps"]
    assert caller.way.count("a") + caller.way.count("b") == 6


@pytest.mark.parametrize(("repeats", "is_over"), [(4, False), (5, True)])
def test_s18_every_play_is_one_step(repeats, is_over):
    limits = menu.Limits(max_steps=5, max_revisits=99, max_ivr_ms=10**9)
    caller = Caller(plan(a_menu("m", {"1": "bye"}), limits=limits)).press(*"#" * repeats)
    assert (caller.heard == ["Операторға қосамын."]) is is_over


def test_s18_too_many_visits():
    caller = Caller(plan(a_menu("m", {"1": "a"}), say("a", "m"))).press(*"1#1#1#")
    assert (caller.at, caller.notes[-1].to) == ("m", "m"), "three returns are allowed"
    caller.press("1", "#")
    assert caller.heard == ["Операторға қосамын."]
    assert caller.notes[-1].reason == "max_revisits"
    assert isinstance(caller.hear_out().step, Enqueue)


def test_s18_too_much_time():
    caller = Caller(plan(say("a", "m"), a_menu("m", {"1": "bye"})))
    caller.ask(PlaybackFinished(), 180_000)
    assert caller.heard == ["Операторға қосамын."]
    assert caller.notes[-1].reason == "max_ivr_time"
    just = Caller(plan(say("a", "m"), a_menu("m", {"1": "bye"}))).ask(PlaybackFinished(), 179_999)
    assert just.heard[0].startswith("Kk label 1")
    assert just.hear_out().stay_silent().heard == ["Операторға қосамын."], "not a moment longer"


def test_s18_too_deep():
    def nested(flows):
        entries = [*["call"] * (flows - 1), "say"]
        calls = [
            call(f"f{n}.call" if n else "c", f"f{n + 1}", entry) for n, entry in enumerate(entries)
        ]
        return plan(*calls, say(f"f{flows}.say", "bye", words="deep"))

    assert Caller(nested(4)).heard == ["kk deep"]
    caller = Caller(nested(5))
    assert caller.notes[-1].reason == "max_depth"
    assert isinstance(caller.hear_out().step, Enqueue)


def test_s19_a_call_keeps_the_version_it_began_with():
    old = plan(say("a", "m", words="old"), a_menu("m", {"1": "bye"}, intro="old"))
    session = MenuSession(old)
    session.handle(Started(), 0)
    MenuSession(plan(say("a", "bye", words="new"))).handle(Started(), 0)
    play = session.handle(PlaybackFinished(), 5)[-1]
    assert play.sounds[0].text == "kk old"


def test_s20_a_queue_ends_the_menu_until_the_router_reports():
    nodes = (queue("q", "'pension'", "survey", on_overflow="busy"), survey(), say("busy", "bye"))
    example = plan(*nodes, entry="q")
    caller = Caller(example, "en")
    assert caller.session.is_over
    assert caller.press("1", "0").ask(PlaybackFinished()).step == Enqueue("q", "pension", "en", 0)
    assert caller.ask(AfterOperator("q")).heard == ["en rate us"]
    assert Caller(example, first=Overflowed("q")).heard == ["kk busy"]
    assert Caller(example, first=Overflowed("operator")).step == HangUp()
    again = Caller(example, "en").ask(Overflowed("q"))
    assert again.heard == ["en busy"]


NIGHT = Schedule("night", daily=(Interval(22 * 60, 8 * 60),))


@pytest.mark.parametrize(
    ("hour", "minute", "is_night"),
    [(21, 59, False), (22, 0, True), (0, 0, True), (7, 59, True), (8, 0, False), (12, 0, False)],
)
def test_s21_the_night_is_half_open_and_crosses_midnight(hour, minute, is_night):
    assert holds(NIGHT, datetime(2026, 3, 10, hour, minute, tzinfo=UTC)) is is_night


def test_s21_the_night_is_asked_at_the_branch():
    night = {"schedule.night": False}
    nodes = (say("a", "b"), branch("b", "day", ("schedule.night", "bye")), say("day", "bye"))
    caller = Caller(plan(*nodes), facts=night)
    night["schedule.night"] = True
    assert caller.ask(PlaybackFinished()).heard == ["kk goodbye"]


def test_s22_an_override_beats_a_holiday_and_a_holiday_beats_the_hours():
    at_night = datetime(2026, 3, 22, 23, 0, tzinfo=UTC)
    feast = dataclasses.replace(NIGHT, holidays=frozenset({"2026-03-22"}), on_holidays=False)
    assert holds(NIGHT, at_night)
    assert not holds(feast, at_night)
    assert holds(feast, datetime(2026, 3, 23, 23, 0, tzinfo=UTC))
    by_hand = dataclasses.replace(feast, override=Override(is_on=True, until="2026-03-22T23:30"))
    assert holds(by_hand, at_night)
    assert not holds(by_hand, datetime(2026, 3, 22, 23, 30, tzinfo=UTC))
