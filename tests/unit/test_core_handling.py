"""Handle times are learned from what happened: by topic, by operator, and kept over a reload."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.core.events import (
    CallerHungUp,
    Connected,
    ContactFound,
    OfferFailed,
    OfferFailure,
    OperatorHungUp,
    OperatorLoggedOut,
    OperatorLost,
    OperatorPaused,
    OperatorReady,
    OperatorWrappedUp,
    RulesReplaced,
    Ticked,
)
from acd.core.handling import (
    LONGEST,
    TIME_STEP,
    WEIGHT,
    HandleTimes,
    Running,
    extra_speed,
    pace_class,
)
from acd.core.names import ContactId, Millis, Topic
from acd.core.queues import Routing
from tests.unit.routing import (
    AIGUL,
    BOLAT,
    CHILD,
    PENSION,
    RU,
    WRAP_UP,
    A,
    B,
    Play,
    operator,
    queued,
    rules,
)

USUAL = 180_000
P_A, P_B = (operator(each, {RU: 5}, {PENSION: 5, CHILD: 5}) for each in (A, B))


def centre(*ready, **more):
    return Play(rules(P_A, P_B, ladder=(), **more), *ready)


def times_of(play):
    return play.router._staff.handle_times


def drawn(*took):
    return pytest.approx((WEIGHT * USUAL + sum(took)) / (WEIGHT + len(took)))


def talk(play, at, took, contact=AIGUL, who=A, topic=PENSION):
    play.at(at, queued(contact, at, topic=topic))
    play.at(at, Connected(contact, who))
    return play.at(at + took, OperatorHungUp(contact, who))


@pytest.mark.parametrize(
    ("length", "mean"),
    [(1, 60_000), (20, 60_000), (500, 60_000), (20, 600_000), (20, 1)],
)
def test_a_mean_is_drawn_to_the_usual_while_few_were_seen(length, mean):
    times, paces = HandleTimes(USUAL), Running()
    for _ in range(length):
        times.learn(PENSION, paces, Millis(mean))
    assert times.of(PENSION) == pytest.approx((WEIGHT * USUAL + length * mean) / (WEIGHT + length))
    assert times.of(CHILD) == USUAL
    assert paces.drawn_to(1) == pytest.approx(1), "nobody is quicker than themselves"


def test_what_is_long_past_fades():
    times = HandleTimes(USUAL)
    for took in [60_000] * 5000 + [300_000] * 1500:
        times.learn(PENSION, Running(), Millis(took))
    assert 270_000 < times.of(PENSION) < 300_000


def test_a_phone_left_off_its_hook_says_little():
    times = HandleTimes(USUAL)
    times.learn(PENSION, Running(), Millis(30_000_000))
    assert times.of(PENSION) == drawn(LONGEST * USUAL)


@given(st.lists(st.integers(-5, 10**9), max_size=60), st.integers(1, 10**7))
def test_the_mean_lies_between_what_was_seen_and_the_usual(took, usual):
    times, paces = HandleTimes(usual), Running()
    for each in took:
        times.learn(PENSION, paces, Millis(each))
    counted = [usual, *(min(max(1, each), LONGEST * usual) for each in took)]
    assert min(counted) * 0.999 <= times.of(PENSION) <= max(counted) * 1.001
    assert 0 < paces.drawn_to(1) < 60
    assert -4 <= pace_class(paces.drawn_to(1)) <= 4
    middle = times.class_ms(times.time_class(times.of(PENSION)))
    assert TIME_STEP**-0.51 <= middle / times.of(PENSION) <= TIME_STEP**0.51


def test_the_pace_is_against_the_others_of_the_same_topic():
    times, quick, slow = HandleTimes(USUAL), Running(), Running()
    for _ in range(100):
        times.learn(PENSION, quick, Millis(30_000))
        times.learn(PENSION, slow, Millis(90_000))
        times.learn(CHILD, quick, Millis(200_000))
        times.learn(CHILD, slow, Millis(600_000))
    assert quick.drawn_to(1) == pytest.approx(0.5, abs=0.06)
    assert slow.drawn_to(1) == pytest.approx(1.5, abs=0.06)
    assert extra_speed(pace_class(quick.drawn_to(1))) == pytest.approx(0.8, abs=0.2)
    assert extra_speed(pace_class(slow.drawn_to(1))) == pytest.approx(-1 / 3, abs=0.06)
    assert extra_speed(0) == 0


@pytest.mark.parametrize(
    ("then", "took"),
    [
        ((), 60_000 + WRAP_UP),
        ([(4000, OperatorWrappedUp(A))], 64_000),
        ([(3000, OperatorReady(A))], 63_000),
        ([(2000, OperatorPaused(A, "lunch"))], 62_000),
        ([(1000, OperatorLoggedOut(A))], 61_000),
        ([(5000, queued(BOLAT, 5000)), (5000, Connected(BOLAT, A))], 65_000),
    ],
)
def test_it_is_learned_when_the_wrap_up_is_over_however_that_ends(then, took):
    play = centre(A)
    talk(play, 0, 60_000)
    assert times_of(play).of(PENSION) == USUAL, "not before"
    for after, event in then:
        play.at(60_000 + after, event)
    play.until(60_000 + WRAP_UP)
    assert times_of(play).of(PENSION) == drawn(took)
    play.until(200_000)
    play.at(200_000, OperatorReady(A))
    assert times_of(play).of(PENSION) == drawn(took), "once"


def test_without_wrap_up_or_at_a_log_out_it_is_learned_at_the_end_of_the_talk():
    play = centre(A, wrap_up=Millis(0))
    talk(play, 0, 60_000)
    assert times_of(play).of(PENSION) == drawn(60_000)
    play = centre(A)
    play.at(0, queued())
    play.at(0, Connected(AIGUL, A))
    play.at(1000, OperatorLoggedOut(A))
    play.at(60_000, CallerHungUp(AIGUL))
    assert times_of(play).of(PENSION) == drawn(60_000)


@pytest.mark.parametrize(
    "event",
    [
        OperatorLost(AIGUL, A),
        OfferFailed(AIGUL, A, OfferFailure.HUNG_UP_AT_ONCE),
    ],
)
def test_what_was_no_whole_conversation_is_not_learned(event):
    play = centre(A)
    play.at(0, queued())
    play.at(0, Connected(AIGUL, A))
    play.at(9000, event)
    play.at(9000, CallerHungUp(AIGUL))
    play.until(100_000)
    assert times_of(play).means == {}
    assert play.router.seat(A).paces.count == 0


def test_a_phone_that_rang_and_no_more_is_not_learned_from():
    play = centre(A)
    play.at(0, queued())
    play.at(5000, OperatorHungUp(AIGUL, A))
    play.until(100_000)
    assert times_of(play).means == {}


def test_a_conversation_found_under_way_counts_from_its_beginning():
    play = centre(A)
    play.at(100_000, ContactFound(queued(), A, True, Millis(40_000)))
    play.at(120_000, Connected(AIGUL, A))  # the same once more
    play.at(130_000, OperatorHungUp(AIGUL, A))
    play.until(130_000 + WRAP_UP)
    assert times_of(play).of(PENSION) == drawn(90_000 + WRAP_UP)


def test_a_caller_who_takes_the_place_of_another_begins_anew():
    play = centre(A, wrap_up=Millis(0))
    play.at(0, queued())
    play.at(0, Connected(AIGUL, A))
    play.at(50_000, queued(BOLAT, 50_000, topic=CHILD))
    play.at(50_000, Connected(BOLAT, A))
    play.at(80_000, OperatorHungUp(BOLAT, A))
    assert times_of(play).means == {CHILD: drawn(30_000)}


def test_each_topic_and_each_operator_have_their_own():
    play = centre(A, B, wrap_up=Millis(0))
    for n in range(60):
        at = n * 1_000_000
        talk(play, at, 30_000, ContactId(f"a{n}"), A)
        talk(play, at + 40_000, 90_000, ContactId(f"b{n}"), B)
        talk(play, at + 200_000, 300_000, ContactId(f"c{n}"), B, CHILD)
    assert times_of(play).of(PENSION) == drawn(*[60_000] * 120)
    assert times_of(play).of(CHILD) == drawn(*[300_000] * 60)
    quick, slow = play.router.seat(A), play.router.seat(B)
    assert quick.pace_class < 0 < slow.pace_class
    assert play.router._staff.paces == {
        quick.pace_class: quick.bit,
        slow.pace_class: slow.bit,
    }


def test_a_reload_keeps_what_was_learned_and_draws_it_to_the_new_usual():
    play = centre(A, B, wrap_up=Millis(0))
    for n in range(60):
        talk(play, n * 1_000_000, 30_000, ContactId(f"a{n}"), A)
        talk(play, n * 1_000_000 + 40_000, 90_000, ContactId(f"b{n}"), B)
    paces = [play.router.seat(each).paces.drawn_to(1) for each in (A, B)]
    later = Millis(100_000_000)
    play.at(later, queued("x", later))
    play.at(later, Connected("x", A))
    again = rules(P_B, P_A, ladder=(), routing=Routing(handle_ms=Millis(60_000)))
    play.at(later + 1000, RulesReplaced(again))
    assert times_of(play).of(PENSION) == pytest.approx(60_000)
    assert times_of(play).of(CHILD) == 60_000
    assert [play.router.seat(each).paces.drawn_to(1) for each in (A, B)] == paces
    for each in (A, B):
        seat = play.router.seat(each)
        assert play.router._staff.paces[seat.pace_class] == seat.bit
    [[who]] = [list(slots.values()) for slots in play.router._staff.talks.values()]
    assert who == play.router.seat(A).bit
    play.at(later + 2000, OperatorHungUp("x", A))
    play.at(later + 100_000, Ticked())
    assert play.router._staff.talks == {}
    gone = rules(P_A, ladder=())
    gone = type(gone)(gone.target_ms, {}, gone.queues, gone.operators, gone.routing)
    play.at(later + 100_001, RulesReplaced(gone))
    assert times_of(play).means == {}, "a topic that is no more"
    assert times_of(play).of(Topic("pension")) == USUAL
