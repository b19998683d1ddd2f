"""A caller in the menu: the numbered sentences of the menu's semantics, one test each."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.core import menu, speech
from ivr.core.session import (
    AfterOperator,
    Enqueue,
    HangUp,
    HungUp,
    KeyPressed,
    Listen,
    MenuSession,
    Note,
    Play,
    PlaybackFinished,
    Started,
    TimedOut,
)
from tests.unit.menus import MAIN, dialplan

PLAN = dialplan()


def ending_after_the_notice():
    """The example with its notice leading to the goodbye, which the lint rules would refuse."""
    notice = dataclasses.replace(PLAN.nodes["notice"], next="bye")
    return dataclasses.replace(PLAN, nodes={**PLAN.nodes, "notice": notice})


class Caller:
    """Plays a caller: knows what was last heard, and what the session waits for."""

    def __init__(self, plan=PLAN, language=None):
        self.session = MenuSession(plan, language=language)
        self.now = 0
        self.notes = []
        self.step = None
        self.ask(Started())

    def ask(self, event, after_ms=0):
        self.now += after_ms
        commands = self.session.handle(event, self.now)
        self.notes += [c for c in commands if isinstance(c, Note)]
        steps = [c for c in commands if not isinstance(c, Note)]
        assert len(steps) <= 1
        assert not steps or commands[-1] is steps[0]
        if steps:
            self.step = steps[0]
        return self

    def press(self, *keys):
        for key in keys:
            self.ask(KeyPressed(key), 200)
        return self

    def hear_out(self):
        """Listen to prompts until a key is wanted or the menu is over."""
        while isinstance(self.step, Play):
            self.ask(PlaybackFinished(), 1000)
        return self

    def stay_silent(self):
        self.hear_out()
        return self.ask(TimedOut(), self.step.timeout_ms)

    @property
    def heard(self):
        assert isinstance(self.step, Play), self.step
        return [sound.text for sound in self.step.sounds if isinstance(sound, menu.Clip)]

    @property
    def results(self):
        return [(n.node, n.key, n.result) for n in self.notes if n.result]


def at_main(language="2"):
    caller = Caller()
    caller.press(language).hear_out()
    assert caller.session.node_name == "main"
    return caller


def test_s1_the_entry_node_runs_first_in_the_default_language():
    caller = Caller()
    assert caller.heard[0] == "Сәлеметсіз бе!"
    assert caller.step.interruptible


def test_a_language_key_is_taken_over_the_prompt_and_the_notice_follows_in_it():
    caller = Caller().press("2")
    assert caller.heard == ["Разговор записывается."]
    assert not caller.step.interruptible
    assert caller.results == [("language", "2", "match")]
    assert caller.notes[0].via == "bargein"


def test_a_topic_key_queues_with_topic_language_and_priority():
    caller = at_main().press("1", "1")
    assert caller.step == Enqueue("q_pension", "pension", "ru", 5)
    assert caller.session.is_over


def test_the_first_key_timer_runs_from_the_end_of_the_prompt():
    caller = at_main()
    assert caller.step == Listen(6000)


def test_after_silence_the_time_is_doubled_once():
    caller = at_main().stay_silent().hear_out()
    assert caller.step == Listen(12_000)
    assert caller.stay_silent().hear_out().step == Listen(12_000)


def test_silence_and_wrong_keys_count_together_and_end_at_a_person():
    caller = at_main().stay_silent()
    assert caller.heard[0] == "Вы ничего не нажали."
    caller.hear_out().press("7")
    assert caller.heard[0] == "Такого пункта нет."
    caller.stay_silent()
    assert caller.heard == ["Соединяю с оператором."]
    caller.hear_out()
    assert caller.step == Enqueue("operator", "general", "ru", 0)
    assert [r for _, _, r in caller.results] == ["match", "noinput", "nomatch", "noinput", "fail"]


def test_a_caller_who_never_presses_a_key_reaches_a_person_in_the_state_language():
    caller = Caller()
    for _ in range(10):
        if caller.session.is_over:
            break
        caller.stay_silent().hear_out()
    assert caller.step == Enqueue("operator", "general", "kk", 0)


def test_the_promise_of_an_operator_is_made_only_when_an_operator_is_next():
    caller = Caller().stay_silent().stay_silent()
    assert caller.heard == ["Әңгіме жазылады."]


def test_a_language_key_outside_the_options_is_a_wrong_key():
    caller = Caller().press("7")
    assert caller.heard[0] == "Мұндай тармақ жоқ."
    assert caller.session.language == "kk"


def test_attempts_begin_anew_in_the_next_menu():
    caller = at_main().stay_silent().hear_out().press("1")
    assert caller.heard[0] == "Социальный раздел."
    assert caller.hear_out().step == Listen(6000)


@pytest.mark.parametrize("way", [(), ("2",), ("2", "1"), ("2", "2")])
def test_s8_zero_reaches_a_person_in_one_key_from_everywhere(way):
    caller = Caller()
    for key in way:
        caller.hear_out() if caller.session.node_name == "notice" else None
        caller.press(key)
    if isinstance(caller.step, Play) and not caller.step.interruptible:
        caller.press("0").hear_out()
    else:
        caller.press("0")
    assert isinstance(caller.step, Enqueue)
    assert caller.step.node == "operator"


def test_zero_works_in_a_prompt_and_in_silence():
    assert isinstance(at_main().press("0").step, Enqueue)
    caller = at_main().press("2")
    assert caller.heard == ["Документы выдают в ЦОН."]
    assert isinstance(caller.press("0").step, Enqueue)


def test_s10_star_goes_back_one_menu_and_then_to_back_to():
    caller = at_main().press("1", "*")
    assert caller.session.node_name == "main"
    assert caller.press("*").session.node_name == "language"
    caller.press("*")
    assert caller.session.node_name == "language"
    assert caller.heard[0] == "Сәлеметсіз бе!"


def test_star_in_a_prompt_leads_to_the_menu_it_came_from():
    caller = at_main().press("2", "*")
    assert caller.session.node_name == "main"
    assert isinstance(caller.step, Play)


def test_a_menu_come_back_to_is_not_its_own_way_back():
    caller = at_main().press("2", "#")
    assert caller.session.node_name == "main"
    assert caller.press("*").session.node_name == "language"


def test_silence_in_the_language_menu_assumes_the_language_written_there():
    text = MAIN.replace("{language: kk}, goto", "{language: en}, goto")
    caller = Caller(dialplan(text)).stay_silent().stay_silent()
    assert caller.heard == ["Calls are recorded."]


def test_a_zero_pressed_before_the_goodbye_is_obeyed():
    caller = Caller(ending_after_the_notice()).press("2", "0").hear_out()
    assert caller.step == Enqueue("operator", "general", "ru", 0)


def test_s11_a_change_of_language_keeps_the_way():
    caller = at_main().press("*", "3").hear_out()
    assert caller.session.language == "en"
    assert caller.session.node_name == "main"


def test_hash_repeats_a_menu_without_costing_an_attempt():
    caller = at_main()
    for _ in range(5):
        caller.press("#")
        assert caller.heard[0] == "Два раздела."
    assert caller.stay_silent().heard[0] == "Вы ничего не нажали."


def test_hash_skips_a_prompt():
    caller = at_main().press("2", "#")
    assert caller.session.node_name == "main"
    assert caller.heard[0] == "Два раздела."


def test_keys_of_a_prompt_that_must_be_heard_are_kept_for_the_menu():
    caller = Caller().press("2", "1", "2")
    assert caller.heard == ["Разговор записывается."]
    caller.hear_out()
    assert caller.step == Enqueue("q_child", "child", "ru", 0)
    assert [n.via for n in caller.notes if n.node == "main"] == ["early"]


def test_another_key_stops_a_prompt_and_counts_in_the_next_menu():
    caller = at_main().press("2", "1")
    assert caller.session.node_name == "social"


def test_thirty_keys_are_kept_and_no_more():
    caller = Caller().press("2").press(*["#"] * 29, "1", "1", "9", "9")
    assert len(caller.session._keys) == 30


def test_keys_pressed_early_are_thrown_away_after_an_error():
    caller = Caller().press("2", "7", "1", "1").hear_out()
    assert caller.session.node_name == "main"
    assert ("main", "7", "nomatch") in caller.results


def test_a_zero_among_the_keys_thrown_away_is_obeyed():
    caller = Caller().press("2", "7", "0").hear_out()
    assert caller.step == Enqueue("operator", "general", "ru", 0)


def test_a_pause_gives_time_to_lift_the_handset_after_a_key():
    caller = Caller().press("2")
    assert caller.step.sounds[0] == menu.Pause(500)
    assert Caller().step.sounds[0] != menu.Pause(500)


LONG_KEYS = MAIN.replace('{key: "2", label: {kk: "Құж', '{key: "12", label: {kk: "Құж').replace(
    "    announce_count: true\n", "    allow_prefix: true\n"
)


def test_s6_a_key_that_could_go_on_waits_for_the_next_one():
    caller = Caller(dialplan(LONG_KEYS)).press("2").hear_out().press("1")
    assert caller.step == Listen(3000)
    assert caller.ask(TimedOut()).session.node_name == "social"
    caller = Caller(dialplan(LONG_KEYS)).press("2").hear_out().press("1", "2")
    assert caller.session.node_name == "answer"
    caller = Caller(dialplan(LONG_KEYS)).press("2").hear_out().press("1", "5")
    assert caller.results[-1] == ("main", "15", "nomatch")


def test_hash_ends_a_long_key_star_clears_it_and_zero_still_reaches_a_person():
    def caller():
        return Caller(dialplan(LONG_KEYS)).press("2").hear_out().press("1")

    assert caller().press("#").session.node_name == "social"
    assert caller().press("*").step == Listen(6000)
    assert isinstance(caller().press("0").step, Enqueue)


def test_s16_a_hang_up_stops_everything_with_one_last_note():
    caller = at_main().ask(HungUp())
    assert caller.results[-1] == ("main", None, "hangup")
    step = caller.step
    assert caller.press("1").ask(TimedOut()).ask(PlaybackFinished()).step is step
    assert caller.session.is_over


def test_s18_too_many_visits_end_at_a_person():
    caller = at_main()
    for _ in range(10):
        caller.press("*", "2").hear_out()
        if caller.session.is_over:
            break
    assert caller.step == Enqueue("operator", "general", "ru", 0)
    assert "max_revisits" in [n.reason for n in caller.notes]


def test_s18_too_many_steps_end_at_a_person():
    caller = at_main()
    for _ in range(100):
        caller.press("#")
        if caller.heard == ["Соединяю с оператором."]:
            break
    assert isinstance(caller.hear_out().step, Enqueue)
    assert caller.notes[-2].reason == "max_steps"


def test_s18_too_much_time_ends_at_a_person_and_listening_ends_with_it():
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


def test_s20_after_the_operator_the_next_node_runs_in_the_callers_language():
    session = MenuSession(PLAN, language="en")
    (play,) = session.handle(AfterOperator("q_pension"), 5)
    assert play.sounds == (menu.Clip("en", "Goodbye!"),)
    assert session.handle(PlaybackFinished(), 9)[-1] == HangUp()


@pytest.mark.parametrize("node", ["q_child", "main", "gone"])
def test_after_the_operator_a_call_with_nothing_left_ends(node):
    assert MenuSession(PLAN).handle(AfterOperator(node), 0) == [HangUp()]


def test_zero_in_the_goodbye_reaches_a_person_and_another_key_ends_the_call():
    session = MenuSession(PLAN, language="en")
    session.handle(AfterOperator("q_pension"), 5)
    assert isinstance(session.handle(KeyPressed("0"), 9)[-1], Enqueue)
    session = MenuSession(PLAN, language="en")
    session.handle(AfterOperator("q_pension"), 5)
    assert session.handle(KeyPressed("4"), 9)[-1] == HangUp()


def test_globals_off_makes_zero_an_ordinary_key():
    text = MAIN.replace("    announce_count: true\n", "    globals: off\n").replace(
        "goto: answer}", "goto: q_child}"
    )
    caller = Caller(dialplan(text)).press("2").hear_out().press("0")
    assert caller.results[-1] == ("main", "0", "nomatch")
    assert "Оператор: нажмите ноль" not in caller.heard


def test_an_unknown_language_of_a_caller_is_the_default():
    assert MenuSession(PLAN, language="de").language == "kk"


def test_keys_that_no_telephone_has_are_ignored():
    caller = at_main()
    for key in ("A", "", "12", "é"):
        caller.ask(KeyPressed(key))
    assert caller.step == Listen(6000)


def test_the_timeline_tells_visit_attempt_and_what_was_heard():
    caller = at_main().stay_silent().hear_out().press("1", "*")
    last = [n for n in caller.notes if n.node == "main"][-1]
    assert (last.visit, last.attempt, last.key) == (1, 2, "1")
    assert last.heard[0] == "Вы ничего не нажали."
    assert isinstance(hash(dataclasses.astuple(last)), int)


KEYS = st.sampled_from("0123456789*#")
EVENTS = st.one_of(
    st.builds(KeyPressed, KEYS),
    st.just(PlaybackFinished()),
    st.just(TimedOut()),
    st.just(Started()),
    st.builds(AfterOperator, st.sampled_from(["q_pension", "q_child", "main", "nowhere"])),
)
PLANS = [PLAN, dialplan(LONG_KEYS), dialplan(MAIN.replace("    bargein: false\n", ""))]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(PLANS), st.lists(st.tuples(EVENTS | st.just(HungUp()), st.integers(-5, 9000)))
)
def test_no_order_of_events_raises_or_asks_for_two_things(plan, events):
    session, now = MenuSession(plan), 0
    clips = {speech.clip_id(clip) for clip in speech.all_clips(plan)}
    for event, after_ms in events:
        now += after_ms
        commands = session.handle(event, now)
        steps = [c for c in commands if not isinstance(c, Note)]
        assert len(steps) <= 1
        for step in steps:
            if isinstance(step, Listen):
                assert step.timeout_ms > 0
            if isinstance(step, Play):
                heard = [s for s in step.sounds if isinstance(s, menu.Clip)]
                assert heard
                assert {speech.clip_id(clip) for clip in heard} <= clips


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PLANS), st.lists(st.one_of(KEYS, st.just("-"), st.just("")), max_size=120))
def test_every_call_ends_at_a_queue_or_a_goodbye_within_the_limits(plan, keys):
    caller = Caller(plan)
    script = iter(keys)
    for _ in range(400):
        if caller.session.is_over:
            break
        key = next(script, "-")
        if key in ("-", ""):
            caller.hear_out()
            if isinstance(caller.step, Listen) and key == "-":
                caller.ask(TimedOut(), caller.step.timeout_ms)
        else:
            caller.press(key)
    assert isinstance(caller.step, Enqueue | HangUp)
    assert caller.session._steps <= plan.limits.max_steps + 2
    if "0" in keys[: len([n for n in caller.notes if n.key])] and isinstance(caller.step, HangUp):
        pytest.fail("a caller who pressed 0 was hung up on")


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PLANS), st.lists(st.tuples(EVENTS, st.integers(0, 3000)), max_size=30))
def test_from_any_state_zero_leads_to_a_person(plan, events):
    session, now = MenuSession(plan), 0
    step = None
    for event, after_ms in [(Started(), 0), *events]:
        now += after_ms
        for command in session.handle(event, now):
            step = command if not isinstance(command, Note) else step
        if session.is_over:
            return
    commands = session.handle(KeyPressed("0"), now)
    if not commands:  # a prompt that must be heard to its end
        assert isinstance(step, Play)
        assert not step.interruptible
        commands = session.handle(PlaybackFinished(), now + 1000)
    for _ in range(3):
        if isinstance(commands[-1], Play):
            commands = session.handle(PlaybackFinished(), now + 2000)
    assert isinstance(commands[-1], Enqueue)
