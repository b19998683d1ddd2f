"""Random dialplans, random callers, random events: what holds in every call."""

import dataclasses
import json
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.core import menu, speech
from ivr.core.session import (
    AfterOperator,
    Enqueue,
    HangUp,
    HungUp,
    KeyPressed,
    Listen,
    Note,
    Overflowed,
    Play,
    PlaybackFinished,
    Recorded,
    Started,
    TimedOut,
    TransferFailed,
)
from ivr.core.steps import BookCallback, CallbackAnswered, Fetch, Fetched, Record, Transfer, Warned
from ivr.core.walk import PATIENCE, TYPE_AHEAD_MAX
from tests.unit.callers import Caller
from tests.unit.random_plans import FACTS, INNER, OUTER, dialplans

KEYS = st.sampled_from("0123456789*#")
ANSWERS = st.sampled_from([None, {}, {"state": "paid"}, [1], "text", 3.5])
EVENTS = st.one_of(
    st.builds(KeyPressed, KEYS),
    st.sampled_from([PlaybackFinished(), TimedOut(), Started(), HungUp()]),
    st.builds(AfterOperator, st.sampled_from([*OUTER, *INNER, "operator", "q", "nowhere"])),
    st.builds(Overflowed, st.sampled_from([*OUTER, "operator", "nowhere"])),
    st.builds(Fetched, ANSWERS),
    st.builds(Recorded, st.integers(0, 90_000)),
    st.builds(CallbackAnswered, st.booleans()),
    st.builds(
        TransferFailed, st.sampled_from([*OUTER, "nowhere"]), st.sampled_from(["busy", "noanswer"])
    ),
)
SECRET = "7593"  # stands in no dialplan
DIALLED = ("101", "12", "1**", "0*", "#####", SECRET, f"{SECRET}#", "1" * 40)
MOVES = st.lists(st.sampled_from([*"0123456789*#", "-", "-", "", "", *DIALLED]), max_size=50)
QUIET = (HealthCheck.too_slow, HealthCheck.data_too_large)
MANY = settings(max_examples=60, deadline=None, suppress_health_check=QUIET)
ENDS = (Enqueue, HangUp, Transfer)


def answer(step, chance):
    """What the world says to a step that was heard out; `chance` is 0 or 1. Another house
    repeats what it was told.
    """
    match step:
        case Play():
            return PlaybackFinished()
        case Listen():
            return TimedOut()
        case Fetch():
            return Fetched({"state": "paid", **step.body} if chance else None)
        case Record():
            return Recorded(4000 * chance)
        case BookCallback():
            return CallbackAnswered(bool(chance))
        case Transfer():
            return TransferFailed(step.node, "busy")
    raise AssertionError(step)


def length_ms(step):
    return step.timeout_ms if isinstance(step, Listen) else 700


def move_on(caller, move, chance):
    """Keys, or what happens by itself."""
    if move in ("-", ""):
        caller.ask(answer(caller.step, chance), length_ms(caller.step))
    else:
        caller.press(*move)


def play(caller, moves, until=lambda: False):
    """Until the menu lets go; the moves first, then silence. False when `until` came before."""
    script = iter(moves)
    for count in range(3000):
        if isinstance(caller.step, ENDS) or caller.session.is_broken:
            return True
        if until():
            return False
        move_on(caller, next(script, "-"), count % 2)
        assert len(caller.session._walk.keys) <= TYPE_AHEAD_MAX
    raise AssertionError(f"still at {caller.at}")


def problems(caller):
    return [warning for warning in caller.warnings if "error" in warning or "person" in warning]


@MANY
@given(dialplans(), FACTS, MOVES)
def test_every_call_ends_at_a_person_a_promise_or_a_goodbye_within_the_limits(plan, facts, moves):
    caller = Caller(plan, facts=facts)
    play(caller, moves)
    assert caller.session.is_over
    assert problems(caller) == []
    assert caller.session._walk.steps <= plan.limits.max_steps * PATIENCE + 3
    if "accessible" not in (facts.get("caller.profile"), *caller.session.variables.values()):
        assert caller.session._walk.steps <= plan.limits.max_steps + 3
    if isinstance(caller.step, Enqueue):
        assert isinstance(plan.nodes[caller.step.node], menu.Queue)
        assert caller.step.topic
        assert caller.step.language in plan.languages
    if isinstance(caller.step, HangUp):
        assert isinstance(plan.nodes[caller.at], menu.HangUp), "nobody is hung up on elsewhere"
    assert json.dumps(caller.session.variables)


@MANY
@given(dialplans(), FACTS, MOVES, st.integers(0, 25))
def test_zero_reaches_a_person_in_one_key_wherever_a_key_counts(plan, facts, moves, moment):
    caller = Caller(plan, facts=facts)
    seen = []

    def is_the_moment():
        walk, node = caller.session._walk, plan.nodes[caller.at]
        if isinstance(caller.step, Play):
            counts = caller.step.interruptible
        else:
            counts = isinstance(caller.step, Listen) and not walk.entry
        if walk.promised is None and hasattr(node, "input"):
            counts = counts and node.input.globals_on and not isinstance(node, menu.Survey)
        seen.append(counts)
        return counts and len(seen) > moment

    if play(caller, moves, is_the_moment):
        return
    caller.press("0").hear_out()
    assert isinstance(caller.step, Enqueue), caller.step


@MANY
@given(dialplans(), FACTS, st.lists(st.tuples(EVENTS, st.integers(-5, 9000)), max_size=60))
def test_no_order_of_events_raises_or_asks_for_two_things_or_plays_what_has_no_audio(
    plan, facts, events
):
    caller = Caller(plan, facts=facts, first=None)
    clips = {speech.clip_id(clip) for clip in speech.all_clips(plan)}
    news = facts.get("config.broadcast.texts")
    for texts in news if isinstance(news, list) else ():
        if isinstance(texts, dict):
            clips |= {speech.clip_id(menu.Clip(*item)) for item in texts.items()}
    is_gone = False
    for event, after_ms in [(Started(), 0), *events]:
        before = caller.step
        caller.ask(event, after_ms)
        assert problems(caller) == []
        if is_gone:
            assert caller.step is before
        is_gone = is_gone or isinstance(event, HungUp)
        if isinstance(caller.step, Listen):
            assert caller.step.timeout_ms > 0
        if isinstance(caller.step, Play):
            heard = [s for s in caller.step.sounds if isinstance(s, menu.Clip)]
            assert heard
            assert {speech.clip_id(clip) for clip in heard} <= clips


@MANY
@given(dialplans(), FACTS, MOVES, st.integers(0, 40))
def test_a_hang_up_at_any_moment_ends_everything(plan, facts, moves, moment):
    caller = Caller(plan, facts=facts)
    for move in moves[:moment]:
        if not isinstance(caller.step, ENDS):
            move_on(caller, move, 0)
    was_over = caller.session.is_over
    before = len(caller.said)
    caller.ask(HungUp())
    assert [note.result for note in caller.said[before:]] == ([] if was_over else ["hangup"])
    assert caller.session.is_over
    walk = caller.session._walk
    assert (list(walk.keys), walk.target, walk.promised) == ([], None, None)
    late = (PlaybackFinished(), TimedOut(), Fetched({}), Recorded(1), KeyPressed("0"), Started())
    for event in (*late, AfterOperator("q"), Overflowed("q"), TransferFailed(caller.at, "busy")):
        assert caller.session.handle(event, caller.now + 1) == []


@MANY
@given(dialplans(), FACTS, MOVES)
def test_the_timeline_has_no_gap(plan, facts, moves):
    caller = Caller(plan, facts=facts)
    play(caller, moves)
    notes = caller.notes
    for note, after in pairwise(notes):
        if note.to is not None and note.result != "fail":
            assert after.node == note.to, (note, after)
        assert after.at_ms >= note.at_ms
        assert note.entered_ms <= note.at_ms
        assert (note.case is not None) <= isinstance(plan.nodes[note.node], menu.Branch)


@MANY
@given(dialplans(), FACTS, MOVES)
def test_what_a_caller_enters_in_confidence_is_in_no_note_and_no_warning(plan, facts, moves):
    nodes = {
        name: dataclasses.replace(node, is_sensitive=True, check=None, digits_max=4)
        if isinstance(node, menu.Collect)
        else node
        for name, node in plan.nodes.items()
    }
    services = plan.tables["services"]
    rows = {**services.rows, SECRET: services.rows["101"]}
    tables = {"services": dataclasses.replace(services, rows=rows)}
    caller = Caller(dataclasses.replace(plan, nodes=nodes, tables=tables), facts=facts)
    play(caller, [each for move in moves for each in (move, SECRET)])
    logged = [each for each in caller.said if isinstance(each, Note | Warned)]
    assert SECRET not in str(logged)
    spoken = [[speech.DIGITS[each][int(d)] for d in SECRET] for each in plan.languages]
    for note in caller.notes:
        assert not any(" ".join(words) in " ".join(note.heard) for words in spoken), note


@MANY
@given(dialplans(), FACTS, MOVES, st.integers(1, 30), st.booleans())
def test_whatever_goes_wrong_inside_brings_a_person(plan, facts, moves, moment, is_for_good):
    asked = []

    def failing(name):
        asked.append(name)
        if len(asked) == moment or (is_for_good and len(asked) > moment):
            raise LookupError(name)
        return facts.get(name)

    caller = Caller(plan, facts=failing)
    play(caller, moves)
    assert caller.session.is_over
    if any("internal error" in warning for warning in caller.warnings):
        assert isinstance(caller.step, Enqueue) or (is_for_good and caller.session.is_broken)


@MANY
@given(dialplans(), MOVES)
def test_whoever_needs_time_is_sent_on_only_after_ten_times_the_limits(plan, moves):
    caller = Caller(plan, facts={"caller.profile": "accessible"})
    script, pressed_ms = iter(moves), 0
    limits = plan.limits
    for count in range(3000):
        if isinstance(caller.step, ENDS):
            break
        node, move = caller.at, next(script, "-")
        if move not in ("-", ""):
            caller.press(*move)
            pressed_ms = caller.now
        elif isinstance(caller.step, Listen):
            is_asked_for_ever = not caller.session._walk.entry and node_asks_for_ever(caller)
            caller.ask(TimedOut(), max(25_000, caller.step.timeout_ms))
            is_silent = caller.now - pressed_ms >= PATIENCE * limits.max_ivr_ms
            is_long = caller.session._walk.steps > PATIENCE * limits.max_steps
            if is_asked_for_ever:
                assert caller.at == node
                assert (caller.session._walk.promised is not None) is (is_silent or is_long)
        else:
            caller.ask(answer(caller.step, count % 2), 700)
    else:
        raise AssertionError(f"no person ever came to {caller.at}")


def node_asks_for_ever(caller):
    node = caller.session._walk.node
    is_changed = "profile" in caller.session.variables
    return not is_changed and not isinstance(node, menu.Survey)
