"""Callbacks keep place and clock, and nobody is called for whom no operator is free."""

from dataclasses import replace

import pytest

from acd.core.callbacks import callback_id
from acd.core.commands import (
    CallbackGivenUp,
    CancelOffer,
    DialCallback,
    LeaveQueue,
    Offer,
    SetAside,
)
from acd.core.contacts import Stage
from acd.core.events import (
    CallbackAccepted,
    CallbackAnswered,
    CallbackCancelled,
    CallbackFailed,
    CallbackRestored,
    CallbacksHeld,
    CallerHungUp,
    Connected,
    OfferFailed,
    OfferFailure,
    OffersHeld,
    OperatorAnswered,
    OperatorHungUp,
    OperatorLost,
    OperatorPaused,
    OperatorReady,
    OperatorWrappedUp,
    RulesReplaced,
)
from acd.core.floor import CONFIRM_GRACE_MS
from acd.core.names import ContactId, Millis
from acd.core.queues import CallbackRules, Leave, Message, Raise, Routing
from tests.unit.routing import (
    AIGUL,
    BOLAT,
    CHEN,
    PENSION,
    RING,
    RU,
    A,
    B,
    Play,
    on_duty,
    operator,
    queued,
    rules,
)

PENSIONS, SECOND = operator(A, {RU: 5}, {PENSION: 5}), operator(B, {RU: 5}, {PENSION: 5})
CALLBACK = CallbackRules(3, Millis(300_000), Millis(25_000), Millis(3_600_000))
AIGUL_CB, BOLAT_CB = callback_id(AIGUL), callback_id(BOLAT)
FIRST_COME = Routing(order="first_come")


def told(*crew, **more):
    return rules(*(crew or (PENSIONS, SECOND)), ladder=(), callback=CALLBACK, **more)


def taken(*on, at=10_000, **more):
    """A centre in which Aigul queued at 0 and took a callback."""
    play = Play(told(**more))
    play.at(0, queued(AIGUL, 0))
    assert play.at(at, CallbackAccepted(AIGUL, "7701")) == []
    for event in on_duty(*on):
        commands = play.at(at, event)
    return (play, commands) if on else play


def stage(play, contact=AIGUL_CB):
    return play.router.contact(contact).stage


def test_a_callback_may_have_a_head_start_over_those_on_the_line():
    credit = replace(CALLBACK, priority_ms=Millis(10_000))
    for rules_, first in ((CALLBACK, Offer), (credit, DialCallback)):
        play = Play(rules(PENSIONS, SECOND, ladder=(), callback=rules_))
        play.at(0, queued(BOLAT, 0))
        play.at(5000, queued(AIGUL, 5000))
        play.at(6000, CallbackAccepted(AIGUL, "7701"))
        play.at(6000, RulesReplaced(play.router.rules))
        commands = [command for event in on_duty(A) for command in play.at(9000, event)]
        assert [type(command) for command in commands] == [first]


def test_a_callback_keeps_place_and_clock_and_the_call_is_closed():
    play = taken(routing=FIRST_COME)
    assert play.router.contact(AIGUL) is None
    play.at(11_000, queued(BOLAT, 5000))
    assert play.router.line() == [AIGUL_CB, BOLAT]
    assert play.router.contact(AIGUL_CB).waited_ms(Millis(11_000)) == 11_000
    assert play.router.callback("7701") == AIGUL_CB


def test_the_citizen_is_called_first_and_the_operator_rung_when_they_have_confirmed():
    play, commands = taken(A)
    assert commands == [DialCallback(AIGUL_CB, A, Millis(25_000))]
    assert play.state(A) == "ringing"
    assert play.at(15_000, CallbackAnswered(AIGUL_CB)) == [Offer(AIGUL_CB, A, RING)]
    play.at(17_000, OperatorAnswered(AIGUL_CB, A))
    play.at(18_000, Connected(AIGUL_CB, A))
    play.at(60_000, OperatorHungUp(AIGUL_CB, A))
    assert list(play.router.contacts) == []
    assert play.router.callback("7701") is None
    assert play.state(A) == "wrap_up"


def test_live_and_callback_callers_are_served_in_one_order():
    play = taken(routing=FIRST_COME)
    play.at(11_000, queued(BOLAT, 11_000))
    play.at(12_000, queued(CHEN, 12_000))
    assert play.at(13_000, CallbackAccepted(CHEN, "7703")) == []
    served = []
    for event in on_duty(A):
        commands = play.at(14_000, event)
    for moment in range(20_000, 35_000, 5000):
        contact = commands[-1].contact
        served.append(contact)
        play.at(moment, CallbackAnswered(contact))
        play.at(moment, Connected(contact, A))
        play.at(moment + 1000, OperatorHungUp(contact, A))
        commands = play.at(moment + 1000, OperatorWrappedUp(A))
    assert served == [AIGUL_CB, BOLAT, callback_id(CHEN)]


def test_never_more_citizens_are_called_than_operators_are_free_for_them():
    play = Play(told())
    for n in range(60):
        play.at(n, queued(ContactId(f"c{n}"), n))
        play.at(n, CallbackAccepted(ContactId(f"c{n}"), f"77{n}"))
    dialled = [c for event in on_duty(A, B) for c in play.at(1000, event)]
    assert dialled == [
        DialCallback(ContactId("c0~cb"), A, Millis(25_000)),
        DialCallback(ContactId("c1~cb"), B, Millis(25_000)),
    ]
    again = play.at(9000, CallbackFailed(ContactId("c0~cb"), "busy"))
    assert again == [DialCallback(ContactId("c2~cb"), A, Millis(25_000))]


def test_one_callback_for_a_number_the_first_keeps_its_place():
    play = taken()
    play.at(11_000, queued(BOLAT, 11_000))
    assert play.at(12_000, CallbackAccepted(BOLAT, "7701")) == []
    assert [contact.id for contact in play.router.contacts] == [AIGUL_CB]


def test_who_is_not_reached_is_called_again_after_the_pause_and_given_up_after_the_tries():
    play, _ = taken(A, at=0)
    now = 0
    for _ in range(2):
        now += 9000
        assert play.at(now, CallbackFailed(AIGUL_CB, "no_answer")) == []
        assert (stage(play), play.state(A)) == (Stage.RESTING, "ready")
        assert play.until(now + 299_999) == []
        now += 300_000
        assert play.until(now) == [(now, DialCallback(AIGUL_CB, A, Millis(25_000)))]
    assert play.at(now + 1, CallbackFailed(AIGUL_CB, "busy")) == [CallbackGivenUp(AIGUL_CB, 3)]
    assert play.state(A) == "ready"
    assert play.router.callback("7701") is None


def test_the_pause_of_one_holds_up_nobody_else():
    play, _ = taken(A)
    play.at(20_000, CallbackFailed(AIGUL_CB, "no_answer"))
    assert play.at(21_000, queued(BOLAT, 21_000)) == [Offer(BOLAT, A, RING)]


def test_a_callback_too_old_is_given_up_while_it_waits():
    play = taken()
    assert play.until(3_599_999) == []
    assert play.until(3_600_000) == [(3_600_000, CallbackGivenUp(AIGUL_CB, 0))]


def test_nobody_is_called_in_quiet_hours_and_the_place_is_kept():
    play = taken(routing=FIRST_COME)
    assert play.at(10_001, CallbacksHeld(True)) == []
    assert play.router.line() == []
    for event in on_duty(A):
        assert play.at(11_000, event) == []
    assert play.at(12_000, queued(BOLAT, 12_000)) == [Offer(BOLAT, A, RING)]
    play.at(12_500, queued(CHEN, 12_500))
    play.at(13_000, CallbacksHeld(False))
    assert play.router.line() == [AIGUL_CB, CHEN]


def test_a_phone_that_rings_when_quiet_hours_begin_goes_on_ringing():
    play, _ = taken(A)
    assert play.at(11_000, CallbacksHeld(True)) == []
    assert play.at(12_000, CallbackAnswered(AIGUL_CB)) == [Offer(AIGUL_CB, A, RING)]


def test_an_operator_who_steps_away_before_the_citizen_answers_ends_the_call_to_them():
    play, _ = taken(A)
    assert play.at(12_000, OperatorPaused(A, "lunch")) == [CancelOffer(AIGUL_CB, A)]
    assert play.router.line() == [AIGUL_CB]
    assert play.router.contact(AIGUL_CB).callback.tries == 0, "that was no try of theirs"
    assert play.at(13_000, OperatorReady(A)) == [DialCallback(AIGUL_CB, A, Millis(25_000))]


def test_a_phone_that_dies_before_the_citizen_answers_passes_the_callback_on():
    play, _ = taken(A)
    for event in on_duty(B):
        play.at(11_000, event)
    assert play.at(12_000, OperatorLost(AIGUL_CB, A)) == [
        CancelOffer(AIGUL_CB, A),
        SetAside(A, "phone_unreachable"),
        DialCallback(AIGUL_CB, B, Millis(25_000)),
    ]


def test_a_citizen_on_the_line_waits_for_the_next_operator_like_anybody_else():
    play, _ = taken(A)
    play.at(12_000, CallbackAnswered(AIGUL_CB))
    assert play.at(20_000, OfferFailed(AIGUL_CB, A, OfferFailure.NO_ANSWER)) == [
        SetAside(A, "rona")
    ]
    for event in on_duty(B):
        commands = play.at(21_000, event)
    assert commands == [Offer(AIGUL_CB, B, RING)], "nobody is dialled twice"
    assert play.at(22_000, CallerHungUp(AIGUL_CB)) == []
    assert play.state(B) == "ready"


def test_an_answer_that_comes_when_the_operator_has_just_gone_rings_the_next():
    play, _ = taken(A)
    play.at(12_000, OperatorPaused(A, "lunch"))
    play.at(12_001, CallbackAnswered(AIGUL_CB))
    for event in on_duty(B):
        commands = play.at(13_000, event)
    assert commands == [Offer(AIGUL_CB, B, RING)]


def test_a_call_of_which_nobody_says_what_became_is_given_up_and_counts_as_a_try():
    play, _ = taken(A)
    end = 10_000 + 25_000 + CONFIRM_GRACE_MS
    assert play.until(end) == [(end, CancelOffer(AIGUL_CB, A))]
    assert play.router.contact(AIGUL_CB).callback.tries == 1
    assert play.state(A) == "ready", "nobody's fault"


def test_a_caller_who_takes_a_callback_as_a_phone_begins_to_ring_is_called_by_that_operator():
    play = Play(told(), A)
    play.at(0, queued(AIGUL, 0))
    assert play.at(500, CallbackAccepted(AIGUL, "7701")) == [
        CancelOffer(AIGUL, A),
        DialCallback(AIGUL_CB, A, Millis(25_000)),
    ]


@pytest.mark.parametrize("event", [OperatorAnswered(AIGUL, A), Connected(AIGUL, A)])
def test_whoever_is_talked_to_needs_no_callback(event):
    play = Play(told(), A)
    play.at(0, queued(AIGUL, 0))
    play.at(400, event)
    before = play.router.ignored
    assert play.at(500, CallbackAccepted(AIGUL, "7701")) == []
    assert play.router.ignored == before + 1
    assert play.router.contact(AIGUL) is not None


def test_a_cancelled_callback_is_gone_and_its_operator_free():
    play, _ = taken(A)
    assert play.at(11_000, CallbackCancelled(AIGUL_CB)) == [CancelOffer(AIGUL_CB, A)]
    assert list(play.router.contacts) == []
    assert play.state(A) == "ready"
    assert play.at(12_000, CallbackAnswered(AIGUL_CB)) == []


def test_a_callback_on_record_comes_back_with_its_clock_and_its_tries():
    play = Play(told(routing=FIRST_COME), A)
    play.at(0, OffersHeld(True))
    play.at(100_000, queued(BOLAT, 60_000))
    back = CallbackRestored(queued(AIGUL_CB, 50_000), "7701", 2, Millis(0))
    play.at(100_001, back)
    assert play.router.line() == [AIGUL_CB, BOLAT]
    assert play.at(100_002, OffersHeld(False)) == [DialCallback(AIGUL_CB, A, Millis(25_000))]
    assert play.at(110_000, CallbackFailed(AIGUL_CB, "busy"))[0] == CallbackGivenUp(AIGUL_CB, 3)


def test_a_callback_on_record_is_not_called_before_its_pause_is_over():
    play = Play(told(), A)
    play.at(100_000, CallbackRestored(queued(AIGUL_CB, 0), "7701", 1, Millis(150_000)))
    assert stage(play) is Stage.RESTING
    assert play.until(150_000) == [(150_000, DialCallback(AIGUL_CB, A, Millis(25_000)))]


def test_a_callback_is_told_nothing_and_led_nowhere_but_moves_up_like_the_rest():
    ladder = (
        Raise(Millis(12_000), Millis(7000)),
        Message(Millis(20_000), "still_waiting"),
        Leave(Millis(30_000), "voicemail"),
    )
    play = Play(rules(PENSIONS, ladder=ladder, callback=CALLBACK))
    play.at(0, queued(AIGUL, 0))
    play.at(10_000, CallbackAccepted(AIGUL, "7701"))
    assert play.until(100_000) == []
    assert play.router.contact(AIGUL_CB).priority_ms == 7000


def test_a_caller_who_waits_meanwhile_leaves_as_always():
    play = Play(rules(PENSIONS, ladder=(Leave(Millis(30_000), "voicemail"),)))
    play.at(0, queued(AIGUL, 0))
    play.at(1, queued(BOLAT, 1))
    play.at(10_000, CallbackAccepted(AIGUL, "7701"))
    assert play.until(31_000) == [(30_001, LeaveQueue(BOLAT, "voicemail"))]


def test_a_reload_keeps_callbacks_and_their_pauses():
    play, _ = taken(A)
    play.at(20_000, CallbackFailed(AIGUL_CB, "no_answer"))
    assert play.at(21_000, RulesReplaced(told())) == []
    assert stage(play) is Stage.RESTING
    assert play.until(320_000) == [(320_000, DialCallback(AIGUL_CB, A, Millis(25_000)))]


def test_a_citizen_lost_in_the_conversation_is_first_in_line_again():
    play, _ = taken(A)
    play.at(12_000, CallbackAnswered(AIGUL_CB))
    play.at(13_000, Connected(AIGUL_CB, A))
    play.at(14_000, queued(BOLAT, 14_000))
    play.at(20_000, OperatorLost(AIGUL_CB, A))
    assert play.router.line() == [AIGUL_CB, BOLAT]
    for event in on_duty(B):
        commands = play.at(21_000, event)
    assert commands == [Offer(AIGUL_CB, B, RING)]
