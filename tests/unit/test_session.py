"""A caller in the menu: keys, silence, language, limits."""

import dataclasses

import pytest

from ivr.core import menu
from ivr.core.session import (
    AfterOperator,
    Enqueue,
    HangUp,
    HungUp,
    KeyPressed,
    Listen,
    MenuSession,
    Overflowed,
    Play,
    PlaybackFinished,
    Started,
    TimedOut,
)
from tests.unit.callers import Caller
from tests.unit.plans import a_menu, branch, bye, languages, plan, queue, say, sets, to

NODES = (
    languages(goto="notice", attempts=2, on_fail=to("notice", language="'kk'")),
    say("notice", "main", bargein=False),
    a_menu("main", {"1": "social", "2": "answer"}, count=True, back_to="language"),
    a_menu("social", {"1": "q_pension", "2": "q_child"}, intro="social matters"),
    say("answer", "main"),
    queue("q_pension", "'pension'", "bye", priority_s=5),
    queue("q_child", "'child'"),
    bye(),
)
PLAN = plan(*NODES)


def changed(**nodes):
    """The example with some nodes replaced."""
    return plan(*(nodes.get(node.name, node) for node in NODES))


def at_main(language="2", **others):
    caller = Caller(others.get("of", PLAN))
    caller.press(language).hear_out()
    assert caller.at == "main"
    return caller


def test_the_entry_is_heard_in_the_default_language_and_a_key_may_stop_it():
    caller = Caller(PLAN)
    assert caller.heard[0] == "Сәлеметсіз бе!"
    assert caller.step.interruptible
    assert not caller.step.is_slow


def test_a_language_key_is_taken_over_the_prompt_and_the_notice_follows_in_it():
    caller = Caller(PLAN).press("2")
    assert caller.heard == ["ru notice"]
    assert not caller.step.interruptible
    assert caller.results == [("language", "2", "match")]
    assert caller.notes[0].via == "bargein"


def test_a_topic_key_queues_with_topic_language_and_priority():
    caller = at_main().press("1", "1")
    assert caller.step == Enqueue("q_pension", "pension", "ru", 5)
    assert caller.session.is_over


def test_after_silence_the_time_is_doubled_once():
    caller = at_main().stay_silent().hear_out()
    assert caller.step == Listen(12_000)
    assert caller.stay_silent().hear_out().step == Listen(12_000)


def test_a_caller_who_never_presses_a_key_reaches_a_person_in_the_state_language():
    caller = Caller(PLAN).silent_to_the_end()
    assert caller.step == Enqueue("operator", "general", "kk", 0)


def test_the_promise_of_an_operator_is_made_only_when_an_operator_is_next():
    assert Caller(PLAN).stay_silent().stay_silent().heard == ["kk notice"]
    night = branch("which", "q_child", ("schedule.night", "s"), set=sets(topic="'x'"))
    behind = (night, menu.SetNode("s", sets(topic="'night'"), "q"), queue("q", "call.topic"))
    lost = a_menu("main", {"1": "social"}, attempts=1, on_fail="which")
    hidden = plan(lost, *behind, queue("q_child"), a_menu("social", {"1": "main"}))
    caller = Caller(hidden, facts={"schedule.night": True}).stay_silent()
    assert caller.heard == ["Операторға қосамын."]
    assert caller.hear_out().step.topic == "night"
    assert caller.way[-3:] == ["which", "s", "q"]
    for ways in (("social", ("schedule.night", "q")), ("q", ("true", "social"))):
        perhaps = (branch("which", *ways), a_menu("social", {"1": "main"}, intro="first"))
        caller = Caller(plan(lost, *behind[1:], *perhaps)).stay_silent()
        assert caller.heard[0] == "kk first"
    circle = plan(lost, branch("which", "s"), menu.SetNode("s", (), "which"))
    assert Caller(circle).silent_to_the_end().step.node == "operator"


def test_a_language_key_outside_the_options_is_a_wrong_key():
    caller = Caller(PLAN).press("7")
    assert caller.heard[0] == "Мұндай тармақ жоқ."
    assert caller.session.language == "kk"


def test_attempts_begin_anew_in_the_next_menu():
    caller = at_main().stay_silent().hear_out().press("1")
    assert caller.heard[0] == "ru social matters"
    assert caller.hear_out().step == Listen(6000)


def test_star_in_a_prompt_leads_to_the_menu_it_came_from():
    caller = at_main().press("2", "*")
    assert caller.at == "main"
    assert isinstance(caller.step, Play)


def test_a_menu_come_back_to_is_not_its_own_way_back():
    caller = at_main().press("2", "#")
    assert caller.at == "main"
    assert caller.press("*").at == "language"


def test_silence_in_the_language_menu_assumes_the_language_written_there():
    node = languages(goto="notice", attempts=2, on_fail=to("notice", language="'en'"))
    caller = Caller(changed(language=node)).stay_silent().stay_silent()
    assert caller.heard == ["en notice"]
    assert caller.remembered == []


def test_a_zero_pressed_before_the_goodbye_is_obeyed():
    ending = changed(notice=say("notice", "bye", bargein=False))
    caller = Caller(ending).press("2", "0").hear_out()
    assert caller.step == Enqueue("operator", "general", "ru", 0)


def test_hash_repeats_a_menu_without_costing_an_attempt():
    caller = at_main()
    for _ in range(5):
        caller.press("#")
        assert caller.heard[0] == "Два раздела."
    assert caller.stay_silent().heard[0] == "Вы ничего не нажали."


def test_hash_skips_a_prompt():
    caller = at_main().press("2", "#")
    assert caller.at == "main"
    assert caller.heard[0] == "Два раздела."


def test_keys_of_a_prompt_that_must_be_heard_are_kept_for_the_menu():
    caller = Caller(PLAN).press("2", "1", "2")
    assert caller.heard == ["ru notice"]
    caller.hear_out()
    assert caller.step == Enqueue("q_child", "child", "ru", 0)
    assert [n.via for n in caller.notes if n.node == "main"] == ["early"]


def test_another_key_stops_a_prompt_and_counts_in_the_next_menu():
    assert at_main().press("2", "1").at == "social"


def test_keys_pressed_early_reach_from_a_menu_that_must_be_heard_into_the_next():
    nodes = (a_menu("a", {"1": "b"}, bargein=False), a_menu("b", {"1": "bye", "2": "q"}))
    caller = Caller(plan(*nodes, queue("q"))).press("1", "2").hear_out()
    assert caller.step.node == "q"
    assert [n.via for n in caller.notes if n.key] == ["early", "early"]


def test_thirty_keys_are_kept_and_no_more():
    ways = {"1": "main", "2": "main"}
    other = changed(main=a_menu("main", {"1": "social"}), social=a_menu("social", ways))
    limits = dataclasses.replace(PLAN.limits, max_steps=100, max_revisits=100)
    caller = Caller(dataclasses.replace(other, limits=limits))
    caller.press("2").press(*"12" * 15, "1").hear_out()
    assert caller.at == "main"
    assert len([n for n in caller.notes if n.via == "early"]) == 30


def test_keys_pressed_early_are_thrown_away_after_an_error():
    caller = Caller(PLAN).press("2", "7", "1", "1").hear_out()
    assert caller.at == "main"
    assert ("main", "7", "nomatch") in caller.results


def test_the_sentence_that_promises_a_person_is_in_the_timeline():
    caller = Caller(plan(a_menu("m", {"1": "bye"}, attempts=1))).silent_to_the_end()
    promise = ("Операторға қосамын.",)
    assert [(n.node, n.result) for n in caller.notes if n.heard == promise] == [("operator", None)]
    gone = Caller(plan(a_menu("m", {"1": "bye"}, attempts=1))).stay_silent().ask(HungUp())
    assert (gone.notes[-1].result, gone.notes[-1].heard) == ("hangup", promise)
    busy = plan(a_menu("m", {"1": "bye"}, attempts=1), queue("operator", on_overflow="q_child"))
    back = Caller(dataclasses.replace(busy, nodes={**busy.nodes, "q_child": queue("q_child")}))
    back.silent_to_the_end().ask(Overflowed("operator"))
    assert [n.heard for n in back.notes][-2:] == [promise, ()], "it was said once"
    asked_for = Caller(plan(a_menu("m", {"1": "bye"}))).press("0")
    assert asked_for.notes[-1].heard == ()


def test_a_zero_among_the_keys_thrown_away_is_obeyed():
    caller = Caller(PLAN).press("2", "7", "0").hear_out()
    assert caller.step == Enqueue("operator", "general", "ru", 0)


def test_a_node_without_type_ahead_hears_only_a_zero_that_came_early():
    deaf = changed(main=a_menu("main", {"1": "q_child"}, type_ahead=False))
    assert Caller(deaf).press("2", "1").hear_out().step == Listen(6000)
    assert isinstance(Caller(deaf).press("2", "0").hear_out().step, Enqueue)
    quiet = changed(main=a_menu("main", {"1": "q_child"}, type_ahead=False, bargein=False))
    caller = Caller(quiet).press("2").ask(PlaybackFinished()).press("1").hear_out()
    assert caller.step == Listen(6000)


def test_a_pause_gives_time_to_lift_the_handset_after_a_key():
    assert Caller(PLAN).press("2").step.sounds[0] == menu.Pause(500)
    assert Caller(PLAN).step.sounds[0] != menu.Pause(500)


LONG = changed(main=a_menu("main", {"1": "social", "12": "answer"}))


def test_hash_ends_a_long_key_star_clears_it_and_zero_still_reaches_a_person():
    def caller():
        return Caller(LONG).press("2").hear_out().press("1")

    assert caller().press("#").at == "social"
    assert caller().press("*").step == Listen(6000)
    assert isinstance(caller().press("0").step, Enqueue)


def test_a_zero_within_a_longer_key_belongs_to_it():
    tens = changed(main=a_menu("main", {"10": "q_child", "2": "answer"}))
    caller = Caller(tens).press("2").hear_out().press("1", "0")
    assert caller.step.node == "q_child"


def test_too_many_steps_end_at_a_person():
    caller = at_main()
    for _ in range(100):
        caller.press("#")
        if caller.heard == ["Соединяю с оператором."]:
            break
    assert isinstance(caller.hear_out().step, Enqueue)
    assert [n for n in caller.notes if n.result == "fail"][-1].reason == "max_steps"


def test_too_much_time_ends_at_a_person_and_listening_ends_with_it():
    caller = at_main()
    caller.now = 179_000
    caller.press("#").hear_out()
    assert caller.step.timeout_ms <= 1000
    caller.stay_silent()
    assert caller.heard == ["Соединяю с оператором."]
    assert isinstance(caller.press("5").step, Enqueue)


def test_a_topic_chosen_late_is_still_honoured():
    caller = at_main().press("1").hear_out()
    caller.now = 500_000
    assert caller.press("1").step == Enqueue("q_pension", "pension", "ru", 5)


@pytest.mark.parametrize("node", ["q_child", "main", "gone"])
def test_after_the_operator_a_call_with_nothing_left_ends(node):
    assert MenuSession(PLAN).handle(AfterOperator(node), 0) == [HangUp()]


def test_zero_in_the_goodbye_reaches_a_person_and_another_key_ends_the_call():
    def caller():
        return Caller(PLAN, "en", first=AfterOperator("q_pension"))

    assert isinstance(caller().press("0").step, Enqueue)
    assert caller().press("4").step == HangUp()
    assert caller().hear_out().step == HangUp()


def test_globals_off_makes_zero_star_and_hash_ordinary_keys():
    plain = changed(main=a_menu("main", {"1": "social"}, globals_on=False, attempts=9))
    caller = Caller(plain).press("2").hear_out()
    for key in "0*#":
        assert caller.press(key).results[-1] == ("main", key, "nomatch")
        assert "Оператор: нажмите ноль" not in caller.heard


def test_an_unknown_language_of_a_caller_is_the_default():
    assert MenuSession(PLAN, language="de").language == "kk"


def test_keys_that_no_telephone_has_are_ignored():
    caller = at_main()
    for key in ("A", "", "12", "é"):
        caller.ask(KeyPressed(key))
    assert caller.step == Listen(6000)


def test_a_language_that_is_not_offered_changes_nothing_and_is_told():
    caller = Caller(plan(say("a", "bye", set=sets(language="'de'"))))
    assert caller.session.language == "kk"
    assert caller.warnings == ["'de' is no language of this menu; the language stays"]


def test_the_timeline_tells_visit_attempt_and_what_was_heard():
    caller = at_main().stay_silent().hear_out().press("1", "*")
    last = [n for n in caller.notes if n.node == "main"][-1]
    assert (last.visit, last.attempt, last.key) == (1, 2, "1")
    assert last.heard[0] == "Вы ничего не нажали."
    assert isinstance(hash(dataclasses.astuple(last)), int)


def test_the_timeline_tells_where_each_step_led():
    caller = at_main().press("1", "2")
    assert [(n.node, n.to) for n in caller.notes] == [
        ("language", "notice"),
        ("notice", "main"),
        ("main", "social"),
        ("social", "q_child"),
        ("q_child", None),
    ]


def test_the_timeline_tells_when_a_node_was_entered_and_when_the_first_key_came():
    caller = at_main()
    entered_ms = caller.notes[-1].at_ms
    caller.ask(KeyPressed("1"), 1500)
    assert (caller.notes[-1].entered_ms, caller.notes[-1].first_key_ms) == (entered_ms, 1500)
    assert caller.press("1").notes[-2].first_key_ms == -1
    assert caller.notes[-1].first_key_ms is None


LATE = [PlaybackFinished(), TimedOut(), Started(), KeyPressed("1"), AfterOperator("q_pension")]


@pytest.mark.parametrize("event", LATE, ids=lambda event: type(event).__name__)
def test_nothing_follows_a_hang_up(event):
    caller = at_main().ask(HungUp())
    assert caller.session.handle(event, 10**6) == []


def test_a_hang_up_before_the_first_word_leaves_nothing():
    caller = Caller(PLAN, first=HungUp())
    assert (caller.step, caller.said) == (None, [])
    assert caller.session.handle(Started(), 5) == []


def test_a_clock_that_runs_backwards_stands_still():
    caller = at_main()
    before = caller.now
    caller.session.handle(KeyPressed("1"), 0)
    assert caller.session.handle(HungUp(), 0)[0].at_ms == before
