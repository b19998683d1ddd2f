"""What waiting does to a caller: steps by time and by condition, and what they hear."""

import pytest

from acd.core.commands import (
    CancelOffer,
    Decided,
    LeaveQueue,
    Offer,
    OfferCallbackTo,
    PlayMessage,
    SetAside,
    Tell,
)
from acd.core.events import (
    CallerHungUp,
    Connected,
    HourChanged,
    LinkChanged,
    OfferFailed,
    OfferFailure,
    OffersHeld,
    OperatorAnswered,
    OperatorLoggedOut,
    OperatorPaused,
    RulesReplaced,
    Ticked,
)
from acd.core.names import ContactId, Millis
from acd.core.plans import holds
from acd.core.queues import (
    Announce,
    Condition,
    Leave,
    Message,
    OfferCallback,
    OverflowTo,
    Raise,
    Reserve,
    Widen,
)
from tests.unit.routing import (
    AIGUL,
    ANY,
    BOLAT,
    CHEN,
    CHILD,
    EDS,
    GENERAL,
    PENSION,
    RING,
    RU,
    A,
    B,
    C,
    Play,
    on_duty,
    operator,
    queued,
    rules,
    when,
)

PENSIONS = operator(A, {RU: 5}, {PENSION: 5})
IN_RESERVE = operator(B, {RU: 5}, {PENSION: 5}, reserve=True)
GENERALIST = operator(C, {RU: 5}, {ANY: 5})
VOICEMAIL = Leave(Millis(30_000), "voicemail")
LONG = when("predicted_wait", ">", 30_000, 20_000)


def play_with(*ladder, crew=(PENSIONS, IN_RESERVE, GENERALIST), on=(), **more):
    return Play(rules(*crew, ladder=ladder, **more), *on)


def test_an_operator_in_reserve_is_rung_only_once_the_ladder_says_so():
    play = play_with(Reserve(Millis(12_000)), on=(B,))
    assert play.at(0, queued()) == []
    assert play.decisions[-1].refused == {"reserve": 1}
    assert play.until(12_000) == [(12_000, Offer(AIGUL, B, RING))]
    assert play.decisions[-2].rule == "reserve"


def test_steps_after_one_that_its_condition_fired_early_keep_their_time():
    early = Reserve(Millis(10_000), LONG)  # `predicted_wait > 30s` holds as soon as the call waits
    play = play_with(early, Widen(Millis(15_000), None, 0), on=(A, C))
    play.at(0, OperatorPaused(A, "break"))
    play.at(0, queued())
    assert play.decisions[-1].rule == "reserve"
    assert play.until(30_000) == [(15_000, Offer(AIGUL, C, RING))]


def test_an_operator_in_reserve_comes_after_all_others_of_the_same_route():
    play = play_with(Reserve(Millis(0)), on=(B, A))
    play.at(0, OffersHeld(True))
    play.at(0, queued())
    play.at(1, Ticked())
    assert play.at(2, OffersHeld(False)) == [Offer(AIGUL, A, RING)]


def test_raise_gives_another_head_start():
    play = play_with(Raise(Millis(10_000), Millis(15_000)))
    play.at(0, queued(BOLAT, 0, topic=ANY, queue=GENERAL))
    play.at(5000, queued(AIGUL, 5000))
    assert play.router.line() == [BOLAT, AIGUL]
    play.until(15_000)
    assert play.router.line() == [AIGUL, BOLAT]
    assert play.router.contact(AIGUL).waited_ms(Millis(15_000)) == 10_000, "the clock is the clock"


@pytest.mark.parametrize(
    ("op", "value", "release", "true_at", "false_at", "ends_at", "stays_at"),
    [
        (">", 30, 20, 31, 30, 19, 20),
        (">=", 10, 9, 10, 9, 8, 9),
        ("<", 2, 3, 1, 2, 4, 3),
        ("<=", 2, 3, 2, 3, 4, 3),
    ],
)
def test_a_condition_ends_only_past_its_release(
    op, value, release, true_at, false_at, ends_at, stays_at
):
    condition = Condition("waiting", op, value, release)
    assert holds(condition, true_at, already=False)
    assert not holds(condition, false_at, already=False)
    assert holds(condition, stays_at, already=True)
    assert not holds(condition, ends_at, already=True)


def test_a_condition_on_the_queue_fires_for_all_who_wait_and_for_those_who_come_while_it_holds():
    step = Message(None, "busy", when("waiting", ">=", 3, 2))
    play = play_with(step)
    assert play.at(0, queued(AIGUL, 0)) == []
    assert play.at(1, queued(BOLAT, 1)) == []
    heard = play.at(2, queued(CHEN, 2))
    assert heard == [PlayMessage(each, "busy") for each in (AIGUL, BOLAT, CHEN)]
    play.at(3, CallerHungUp(AIGUL))
    play.until(2000)
    assert play.at(2001, queued("dana", 2001)) == [PlayMessage("dana", "busy")], "two still wait"
    for each in (BOLAT, "dana"):
        play.at(2002, CallerHungUp(each))
    play.until(4000)
    assert play.at(4001, queued("erlan", 4001)) == [], "it was below its release in between"


def test_what_held_does_not_hold_on_for_those_of_whom_nobody_has_waited_for_a_while():
    play = play_with(Message(None, "busy", when("waiting", ">=", 3, 2)))
    for each in (AIGUL, BOLAT):
        play.at(0, queued(each, 0, topic=CHILD))
    assert play.at(0, queued(CHEN, 0)) == [PlayMessage(CHEN, "busy")]
    for each in (AIGUL, CHEN):
        play.at(100, CallerHungUp(each))
    play.until(10_000)
    assert play.at(10_000, queued("dana", 10_000)) == [], "two wait, as before it held"


def test_a_step_fires_once_for_a_caller_by_its_time_or_its_condition_whichever_is_first():
    step = Message(Millis(10_000), "busy", when("waiting", ">=", 2, 2))
    play = play_with(step)
    play.at(0, queued(AIGUL, 0))
    assert play.until(10_000) == [(10_000, PlayMessage(AIGUL, "busy"))]
    assert play.at(11_000, queued(BOLAT, 11_000)) == [PlayMessage(BOLAT, "busy")]
    assert play.until(40_000) == []
    assert play.router.contact(BOLAT).step == 1


def test_all_of_several_conditions_have_to_hold():
    both = (*when("waiting", ">=", 2, 1), *when("waited", ">=", 7000, 0))
    play = play_with(Message(None, "busy", both))
    play.at(0, queued(AIGUL, 0))
    play.at(3000, queued(BOLAT, 3000))
    assert play.until(20_000) == [
        (7000, PlayMessage(AIGUL, "busy")),
        (10_000, PlayMessage(BOLAT, "busy")),
    ]


def test_a_wait_that_must_be_short_never_fires_for_those_who_waited_longer():
    both = (*when("waited", "<", 2000), *when("hour", ">=", 20, 20))
    play = play_with(Message(None, "night", both))
    play.at(0, queued(AIGUL, 0))
    assert play.at(5000, HourChanged(20)) == []
    assert play.at(5001, queued(BOLAT, 5001)) == [PlayMessage(BOLAT, "night")]


def test_the_hour_is_known_once_it_was_told_and_acts_at_once():
    play = play_with(Message(None, "night", when("hour", ">=", 20, 20)))
    play.at(0, queued())
    assert play.until(3000) == []
    assert play.at(3001, HourChanged(19)) == []
    assert play.at(3002, HourChanged(20)) == [PlayMessage(AIGUL, "night")]


def test_the_longest_wait_of_the_queue_is_that_of_whoever_came_first():
    play = play_with(Message(None, "busy", when("longest_wait", ">", 9000)))
    play.at(0, queued(AIGUL, 0))
    play.at(5000, queued(BOLAT, 5000, priority_ms=60_000))
    fired = play.until(9600)
    assert {command.contact for _, command in fired} == {AIGUL, BOLAT}
    assert all(9000 < moment <= 9501 for moment, _ in fired)


def test_the_last_operator_of_a_skill_leaving_fires_the_branch_within_a_second():
    crew = [operator(f"op{n:02}", {RU: 5}, {PENSION: 5}) for n in range(40)]
    ids = [profile.id for profile in crew]
    play = play_with(OverflowTo(None, GENERAL, LONG), crew=(*crew, GENERALIST), on=(*ids, C))
    for n, who in enumerate(ids):
        play.at(0, queued(ContactId(f"c{n}"), 0))
        play.at(0, Connected(ContactId(f"c{n}"), who))
    assert play.at(60_000, queued(AIGUL, 60_000)) == [], "somebody will be free soon enough"
    assert play.until(62_000) == []
    for n, who in enumerate(ids):
        play.at(62_100, OperatorLoggedOut(who))
        play.at(62_100, CallerHungUp(ContactId(f"c{n}")))
    fired = play.until(63_200)
    assert [command for _, command in fired] == [Offer(AIGUL, C, RING)]


def test_nobody_who_could_ever_take_it_fires_at_once_and_is_put_on_record_as_never():
    play = play_with(OverflowTo(None, GENERAL, LONG), on=(C,))
    assert play.at(0, queued()) == [Offer(AIGUL, C, RING)]
    assert play.decisions[0].rule == "nobody_ready"
    assert play.decisions[0].estimated_wait_ms == -1


def test_all_on_a_break_is_unknown_on_the_record_and_long_enough_for_the_ladder():
    play = play_with(OverflowTo(None, GENERAL, LONG), on=(A, C))
    play.at(0, OperatorPaused(A, "lunch"))
    assert play.at(1, queued(AIGUL, 1)) == [Offer(AIGUL, C, RING)]
    assert play.decisions[0].estimated_wait_ms is None


def test_a_condition_that_begins_to_hold_for_thousands_is_carried_out_bit_by_bit():
    play = play_with(Message(None, "busy", when("hour", ">=", 20, 20)))
    for n in range(1000):
        play.at(n, queued(ContactId(f"c{n}"), n))
    most = len(play.at(2000, HourChanged(21)))
    told = [command.contact for _, command in play.until(3000)]
    assert most <= 32
    assert len(told) == 1000 - most
    assert told == sorted(told, key=lambda id_: int(id_[1:])), "in the order of the line"


def test_many_kinds_of_callers_are_looked_at_some_at_a_time_and_all_within_a_second():
    step = Message(None, "busy", when("hour", ">=", 20, 20))
    told = rules(PENSIONS, ladder=(step,))
    topics = {f"t{n}": "social" for n in range(300)}
    play = Play(type(told)(told.target_ms, topics, told.queues, told.operators, told.routing))
    for n in range(300):
        play.at(n, queued(ContactId(f"c{n}"), n, topic=f"t{n}"))
    play.until(2000)
    most = len(play.at(2001, HourChanged(21)))
    assert 0 < most <= 5
    assert most + len(play.until(3001)) == 300


# Leaving


def test_a_caller_leaves_at_the_step_and_is_closed():
    play = play_with(VOICEMAIL)
    play.at(0, queued())
    assert play.until(29_999) == []
    assert play.until(30_000) == [(30_000, LeaveQueue(AIGUL, "voicemail"))]
    assert list(play.router.contacts) == []
    assert play.decisions[-1].rule == "leave to voicemail"
    assert play.decisions[-1].step == 1


def test_a_caller_being_rung_for_is_connected_and_not_torn_away():
    play = play_with(VOICEMAIL)
    play.at(0, queued())
    play.until(25_000)
    for event in on_duty(A):
        play.at(25_000, event)
    assert play.until(32_000) == []
    play.at(32_500, OperatorAnswered(AIGUL, A))
    play.at(33_000, Connected(AIGUL, A))
    assert play.until(100_000) == []
    assert play.state(A) == "talking"


def test_a_caller_whose_offer_fails_after_the_step_goes_to_the_next_or_leaves():
    play = play_with(VOICEMAIL, crew=(PENSIONS, operator(B, {RU: 5}, {PENSION: 5})), on=(A, B))
    play.at(0, OffersHeld(True))
    play.at(0, queued())
    play.at(28_000, OffersHeld(False))
    play.until(31_000)
    failed = play.at(36_000, OfferFailed(AIGUL, A, OfferFailure.NO_ANSWER))
    assert failed == [SetAside(A, "rona"), Offer(AIGUL, B, RING)]
    failed = play.at(44_000, OfferFailed(AIGUL, B, OfferFailure.NO_ANSWER))
    assert failed == [SetAside(B, "rona"), LeaveQueue(AIGUL, "voicemail")]


def test_nobody_is_led_away_while_asterisk_cannot_hear_us():
    play = play_with(VOICEMAIL)
    play.at(0, queued())
    play.at(29_000, LinkChanged(False))
    assert play.until(35_000) == []
    assert play.at(35_001, LinkChanged(True)) == [LeaveQueue(AIGUL, "voicemail")]


def test_a_caller_who_comes_back_is_a_new_stay_with_the_clock_they_bring():
    play = play_with(Leave(Millis(30_000), "menu"))
    play.at(0, queued())
    play.until(30_000)
    play.at(60_000, queued(AIGUL, 0))
    assert list(play.router.contacts) == [], "it is past the step, and leaves again"


# Being told


def test_a_caller_is_offered_a_callback_and_can_still_be_connected():
    play = play_with(OfferCallback(Millis(20_000)))
    play.at(0, queued())
    assert play.until(20_000) == [(20_000, OfferCallbackTo(AIGUL))]
    for event in on_duty(A):
        commands = play.at(21_000, event)
    assert commands == [Offer(AIGUL, A, RING)]


def test_a_callback_that_fell_due_while_it_rang_is_offered_if_nobody_answers():
    play = play_with(OfferCallback(Millis(5000)), on=(A,))
    play.at(0, queued())
    assert play.until(7000) == []
    commands = play.at(8000, OfferFailed(AIGUL, A, OfferFailure.NO_ANSWER))
    assert commands == [OfferCallbackTo(AIGUL), SetAside(A, "rona")]


def test_a_reload_offers_no_callback_twice():
    play = play_with(OfferCallback(Millis(5000)))
    play.at(0, queued())
    play.until(5000)
    assert play.at(6000, RulesReplaced(play.router.rules)) == []
    assert play.until(20_000) == []


ANNOUNCE = Announce(Millis(20_000), Millis(45_000), position=True, wait=False)


def all_busy(announce):
    """One operator, in a conversation that does not end."""
    play, first = play_with(announce=announce, on=(A,)), ContactId("first")
    play.at(0, queued(first))
    play.at(0, Connected(first, A))
    return play


def test_the_place_is_told_when_it_has_become_better_and_only_then():
    play = all_busy(ANNOUNCE)
    for moment, each in enumerate((AIGUL, BOLAT, CHEN)):
        play.at(moment, queued(each, moment))
    told = play.until(30_000)
    assert [(c.contact, c.position) for _, c in told] == [(AIGUL, 1), (BOLAT, 2), (CHEN, 3)]
    assert play.until(66_000) == [], "no better than before"
    play.at(70_000, CallerHungUp(AIGUL))
    assert play.until(111_000) == [
        (110_001, Tell(BOLAT, 1, None)),
        (110_002, Tell(CHEN, 2, None)),
    ]


def test_nothing_is_told_to_a_caller_for_whom_somebody_is_about_to_be_rung():
    play = play_with(Reserve(Millis(20_000)), announce=ANNOUNCE, on=(B,))
    play.at(0, queued())
    assert play.until(20_000) == [(20_000, Offer(AIGUL, B, RING))]


def test_no_place_is_told_when_nobody_is_there_who_could_come():
    play = play_with(announce=ANNOUNCE)
    play.at(0, queued())
    assert play.until(100_000) == []


def test_a_first_place_far_back_is_no_news():
    play = all_busy(ANNOUNCE)
    for n in range(30):
        play.at(n, queued(ContactId(f"c{n}"), n))
    told = play.until(21_000)
    assert [command.position for _, command in told] == list(range(1, 11))


def test_a_wait_is_told_in_ranges_and_again_only_when_it_is_shorter():
    announce = Announce(Millis(20_000), Millis(20_000), position=False, wait=True)
    play = play_with(announce=announce, on=(A,))
    play.at(0, queued(AIGUL, 0))
    play.at(0, Connected(AIGUL, A))
    play.at(1, queued(BOLAT, 1))
    [(at, told)] = play.until(60_000)
    assert at == 20_001
    low, high = told.wait_ms
    estimate = next(d for d in play.decisions if d.rule == "announce").estimated_wait_ms
    assert low <= estimate < high
    assert told.position is None


def test_nothing_is_told_of_a_wait_that_nobody_knows():
    announce = Announce(Millis(20_000), Millis(20_000), position=False, wait=True)
    play = play_with(announce=announce)
    play.at(0, queued(AIGUL, 0))
    assert play.until(100_000) == []


def test_nobody_is_told_anything_while_a_phone_rings_for_them():
    play = play_with(announce=ANNOUNCE, on=(A,))
    play.at(0, OffersHeld(True))
    play.at(0, queued())
    play.at(15_000, OffersHeld(False))
    assert play.until(22_999) == []


# Reload


def test_a_reload_gives_those_who_wait_the_new_conditions_and_takes_back_old_head_starts():
    play = play_with(Raise(Millis(1000), Millis(9000)))
    play.at(0, queued())
    play.until(2000)
    assert play.router.contact(AIGUL).priority_ms == 9000
    new = rules(
        PENSIONS,
        ladder=(Message(None, "busy", when("waiting", ">=", 1, 1)),),
        priority_ms=Millis(4000),
    )
    assert play.at(3000, RulesReplaced(new)) == [PlayMessage(AIGUL, "busy")]
    assert play.router.contact(AIGUL).priority_ms == 4000
    assert play.at(4000, RulesReplaced(new)) == [], "heard already"


def test_a_reload_keeps_a_ringing_phone_ringing():
    play = play_with(on=(A,))
    play.at(0, queued())
    assert play.at(1000, RulesReplaced(rules(PENSIONS, GENERALIST))) == []
    assert play.state(A) == "ringing"
    assert play.at(2000, RulesReplaced(rules(GENERALIST))) == [CancelOffer(AIGUL, A)]
    assert play.router.line() == [AIGUL]


def test_a_step_that_fell_due_in_a_conversation_that_was_none_is_made_up_for():
    play = play_with(
        Widen(Millis(4000), None, 1), Message(None, "busy", when("hour", ">", 20, 20)), on=(A,)
    )
    play.at(0, queued())
    play.at(1000, Connected(AIGUL, A))
    play.at(1000, queued(BOLAT, 1000))
    assert PlayMessage(AIGUL, "busy") not in play.at(5000, HourChanged(21))
    commands = play.at(6000, OfferFailed(AIGUL, A, OfferFailure.HUNG_UP_AT_ONCE))
    assert PlayMessage(AIGUL, "busy") in commands
    assert play.router.contact(AIGUL).step == 2


def test_every_decision_counts_everybody_who_is_logged_in_once():
    crew = [operator(f"op{n}", {RU: 5}, {PENSION: 5}) for n in range(8)]
    crew += [operator("low", {RU: 1}, {PENSION: 5}), operator("eds", {RU: 5}, {EDS: 5})]
    crew += [operator("spare", {RU: 5}, {PENSION: 5}, reserve=True)]
    play = Play(rules(*crew), *(one.id for one in crew))
    play.at(1, OperatorPaused("op7", "lunch"))
    play.at(2, queued())
    decided = play.decisions[-1]
    assert isinstance(decided, Decided)
    assert decided.candidate_count == 7
    assert decided.candidates == ("op0", "op1", "op2", "op3", "op4")
    assert decided.refused == {"language_level": 1, "topic": 1, "reserve": 1, "paused": 1}
    assert decided.candidate_count + sum(decided.refused.values()) == len(crew)


def test_why_somebody_was_not_taken_is_told_again_later_from_what_is_kept():
    play = Play(rules(PENSIONS, IN_RESERVE, GENERALIST), A, B)
    play.at(1000, queued(AIGUL, 1000))
    play.at(1500, Connected(AIGUL, A))
    play.at(2000, queued(BOLAT, 2000))
    first, second = play.decisions[0], play.decisions[-1]
    assert play.router.why(BOLAT, A) == "talking"
    assert play.router.why(BOLAT, B) == "reserve"
    assert play.router.why(BOLAT, C) == "logged_out"
    for moment in range(3000, 9000, 1000):
        play.at(moment, OperatorPaused(A, "later"))
    play.at(9000, CallerHungUp(AIGUL))
    assert play.router.why_then(first, A) is None
    assert play.router.why_then(second, A) == "talking"
    assert play.router.why_then(second, C) == "logged_out"
