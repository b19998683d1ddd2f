from acd.core.commands import CancelOffer, Offer, PlayMessage, ReturnCaller, SetAside
from acd.core.events import (
    CallerHungUp,
    CallerLeft,
    Connected,
    OfferFailed,
    OfferFailure,
    OperatorAnswered,
    OperatorHungUp,
    OperatorLoggedOut,
    OperatorLost,
    OperatorPaused,
    OperatorReady,
    OperatorWrappedUp,
    Phone,
    PhoneChanged,
    RulesReplaced,
    Ticked,
)
from acd.core.names import Millis
from acd.core.queues import Message, Widen
from acd.core.router import OFFER_GRACE_MS
from tests.unit.routing import (
    AIGUL,
    ANY,
    BOLAT,
    CHEN,
    CHILD,
    EDS,
    EGOV,
    GENERAL,
    KK,
    PENSION,
    RING,
    RU,
    SOCIAL,
    WRAP_UP,
    A,
    B,
    C,
    Play,
    on_duty,
    operator,
    queued,
    rules,
)

PENSIONS = operator(A, {RU: 5}, {PENSION: 5})
BROAD = operator(B, {RU: 5, KK: 5}, {CHILD: 5, PENSION: 4, ANY: 3})
BEGINNER = operator(C, {RU: 5}, {PENSION: 1, ANY: 5})


def test_a_caller_is_offered_at_once_to_the_one_who_can():
    play = Play(rules(PENSIONS), A)
    assert play.at(1000, queued(at=1000)) == [Offer(AIGUL, A, RING)]
    assert play.state(A) == "ringing"


def test_the_operator_whose_own_topic_it_is_comes_before_the_one_who_waited_longer():
    play = Play(rules(BROAD, PENSIONS), B)
    for event in on_duty(A):
        play.at(5000, event)
    assert play.at(6000, queued()) == [Offer(AIGUL, A, RING)]
    assert play.decisions[-1].candidates == (A, B)


def test_a_tie_at_the_highest_level_goes_by_the_order_of_the_roster_file():
    first_child = operator(A, {RU: 5}, {CHILD: 5, PENSION: 5})
    first_pension = operator(B, {RU: 5}, {PENSION: 5, CHILD: 5})
    play = Play(rules(first_child, first_pension), A, B)
    assert play.at(1, queued()) == [Offer(AIGUL, B, RING)]


def test_among_equals_the_one_with_the_fewest_skills_is_rung():
    many = operator(A, {RU: 5, KK: 4}, {CHILD: 5, PENSION: 3, ANY: 2})
    few = operator(B, {RU: 5}, {CHILD: 5, PENSION: 3})
    play = Play(rules(many, few), A, B)
    assert play.at(1, queued()) == [Offer(AIGUL, B, RING)]


def test_among_the_same_skills_the_longest_ready_is_rung():
    play = Play(rules(operator(A, {RU: 5}, {PENSION: 5}), operator(B, {RU: 5}, {PENSION: 5})), B)
    for event in on_duty(A):
        play.at(1000, event)
    assert play.at(2000, queued()) == [Offer(AIGUL, B, RING)]


def test_nobody_below_the_least_level_is_rung_until_the_ladder_says_so():
    play = Play(rules(BEGINNER), C)
    assert play.at(0, queued()) == []
    assert play.decisions[-1].refused == {"topic_level": 1}
    assert play.at(9999, Ticked()) == []
    assert play.at(10_000, Ticked()) == [Offer(AIGUL, C, RING)]


def test_a_language_nobody_speaks_is_named_as_the_reason():
    play = Play(rules(PENSIONS), A)
    assert play.at(0, queued(language=KK)) == []
    assert play.decisions[-1].refused == {"language": 1}


def test_a_caller_nobody_can_serve_does_not_hold_up_one_somebody_can():
    play = Play(rules(PENSIONS), A)
    play.at(0, queued(language=KK))
    assert play.at(1, queued(BOLAT, at=1)) == [Offer(BOLAT, A, RING)]


def test_callers_of_equal_standing_are_served_first_come_first_served():
    play = Play(rules(PENSIONS))
    for moment, contact in enumerate((AIGUL, BOLAT, CHEN)):
        play.at(moment, queued(contact, at=moment))
    play.at(10, PhoneChanged(A, Phone.FREE))
    assert play.at(10, OperatorReady(A)) == [Offer(AIGUL, A, RING)]


def test_priority_is_a_head_start_and_no_more():
    play = Play(rules(PENSIONS))
    play.at(0, queued(AIGUL, at=0))
    play.at(4000, queued(BOLAT, at=4000, priority_ms=5000))
    play.at(6000, queued(CHEN, at=6000, priority_ms=5000))
    assert play.router.line() == [BOLAT, AIGUL, CHEN]


def test_an_offer_that_rings_out_sets_the_operator_aside_and_goes_to_the_next_at_once():
    play = Play(rules(PENSIONS, BROAD), A, B)
    play.at(0, queued())
    commands = play.at(8000, OfferFailed(AIGUL, A, OfferFailure.NO_ANSWER))
    assert commands == [SetAside(A, "rona"), Offer(AIGUL, B, RING)]
    assert play.state(A) == "paused(rona)"


def test_a_failed_offer_leaves_place_and_clock_alone():
    play = Play(rules(PENSIONS), A)
    play.at(0, queued(AIGUL, at=0))
    play.at(1, queued(BOLAT, at=1))
    play.at(8000, OfferFailed(AIGUL, A, OfferFailure.NO_ANSWER))
    assert play.router.line() == [AIGUL, BOLAT]
    assert play.router.contact(AIGUL).waited_ms(Millis(8000)) == 8000


def test_an_operator_set_aside_gets_no_caller_until_ready_again():
    play = Play(rules(PENSIONS), A)
    play.at(0, queued())
    play.at(8000, OfferFailed(AIGUL, A, OfferFailure.NO_ANSWER))
    assert play.at(9000, PhoneChanged(A, Phone.FREE)) == []
    assert play.at(9500, OperatorReady(A)) == [Offer(AIGUL, A, RING)]


def test_a_phone_found_in_use_is_nobodys_fault():
    play = Play(rules(PENSIONS), A)
    play.at(0, queued())
    assert play.at(10, OfferFailed(AIGUL, A, OfferFailure.NOT_FREE)) == []
    assert play.state(A) == "paused(phone_in_use)"
    assert play.at(500, PhoneChanged(A, Phone.FREE)) == [Offer(AIGUL, A, RING)]


def test_an_operator_set_aside_for_a_dead_phone_returns_with_the_phone():
    play = Play(rules(PENSIONS), A)
    play.at(0, queued())
    play.at(3000, OfferFailed(AIGUL, A, OfferFailure.UNREACHABLE))
    assert play.state(A) == "paused(phone_unreachable)"
    assert play.at(3001, PhoneChanged(A, Phone.FREE)) == [], "rung and failed again and again"
    play.at(18_000, PhoneChanged(A, Phone.UNREACHABLE))
    assert play.at(20_000, PhoneChanged(A, Phone.FREE)) == [Offer(AIGUL, A, RING)]


def test_a_phone_in_use_or_unreachable_is_not_rung():
    for phone in (Phone.IN_USE, Phone.UNREACHABLE):
        play = Play(rules(PENSIONS), A)
        play.at(0, PhoneChanged(A, phone))
        assert play.at(1, queued()) == []
        assert play.decisions[-1].refused == {f"phone_{phone.value}": 1}


def talking(play, contact=AIGUL, who=A, at=0):
    play.at(at, queued(contact, at=at))
    play.at(at + 1000, OperatorAnswered(contact, who))
    play.at(at + 2000, Connected(contact, who))


def test_after_a_conversation_comes_wrap_up_and_then_the_next_caller():
    play = Play(rules(PENSIONS), A)
    talking(play)
    assert play.state(A) == "talking"
    play.at(3000, queued(BOLAT, at=3000))
    assert play.at(60_000, OperatorHungUp(AIGUL, A)) == []
    assert play.state(A) == "wrap_up"
    assert play.router.wake_at() <= 60_000 + WRAP_UP
    assert play.at(60_000 + WRAP_UP - 1, Ticked()) == []
    assert play.at(60_000 + WRAP_UP, Ticked()) == [Offer(BOLAT, A, RING)]


def test_wrap_up_ends_early_on_the_operators_word():
    play = Play(rules(PENSIONS), A)
    talking(play)
    play.at(60_000, OperatorHungUp(AIGUL, A))
    play.at(61_000, OperatorWrappedUp(A))
    assert play.state(A) == "ready"


def test_an_operators_own_wrap_up_time_overrules_the_queues():
    play = Play(rules(operator(A, {RU: 5}, {PENSION: 5}, wrap_up_ms=Millis(20_000))), A)
    talking(play)
    play.at(60_000, OperatorHungUp(AIGUL, A))
    play.at(79_999, Ticked())
    assert play.state(A) == "wrap_up"
    play.at(80_000, Ticked())
    assert play.state(A) == "ready"


def test_no_wrap_up_at_all_makes_the_operator_ready_at_once():
    play = Play(rules(PENSIONS, wrap_up=Millis(0)), A)
    talking(play)
    play.at(60_000, CallerHungUp(AIGUL))
    assert play.state(A) == "ready"


def test_a_caller_who_gives_up_while_waiting_leaves_no_trace():
    play = Play(rules(PENSIONS))
    play.at(0, queued())
    play.at(4000, CallerHungUp(AIGUL))
    assert list(play.router.contacts) == []
    assert play.router.line() == []


def test_a_caller_who_gives_up_while_it_rings_frees_the_operator_without_blame():
    play = Play(rules(PENSIONS), A)
    play.at(0, queued())
    play.at(4000, CallerHungUp(AIGUL))
    assert play.state(A) == "ready"


def test_a_caller_who_gives_up_during_the_whisper_frees_the_operator_without_wrap_up():
    play = Play(rules(PENSIONS), A)
    play.at(0, queued())
    play.at(1000, OperatorAnswered(AIGUL, A))
    play.at(1500, CallerHungUp(AIGUL))
    assert play.state(A) == "ready"


def test_the_caller_who_hangs_up_first_leaves_the_operator_to_wrap_up():
    play = Play(rules(PENSIONS), A)
    talking(play)
    play.at(50_000, CallerHungUp(AIGUL))
    assert play.state(A) == "wrap_up"
    play.at(50_001, OperatorHungUp(AIGUL, A))
    assert play.router.ignored == 1


def test_an_operator_who_hangs_up_at_once_has_not_answered():
    play = Play(rules(PENSIONS, BROAD), A, B)
    talking(play)
    commands = play.at(3000, OfferFailed(AIGUL, A, OfferFailure.HUNG_UP_AT_ONCE))
    assert commands == [SetAside(A, "hung_up_at_once"), Offer(AIGUL, B, RING)]
    assert play.router.contact(AIGUL).waited_ms(Millis(3000)) == 3000


def test_a_caller_whose_operators_phone_dies_goes_to_the_head_and_to_the_next():
    play = Play(rules(PENSIONS, BROAD), A)
    talking(play)
    play.at(3000, queued(BOLAT, at=3000))
    assert play.at(40_000, OperatorLost(AIGUL, A)) == [ReturnCaller(AIGUL, A)]
    assert play.router.line() == [AIGUL, BOLAT]
    for event in on_duty(B):
        commands = play.at(41_000, event)
    assert commands == [Offer(AIGUL, B, RING)]
    assert play.state(A) == "paused(phone_unreachable)"


def test_the_second_wait_of_a_returned_caller_has_a_clock_and_a_ladder_of_its_own():
    play = Play(rules(PENSIONS, BEGINNER), A)
    talking(play)
    play.at(40_000, OperatorLost(AIGUL, A))
    for event in on_duty(C):
        assert play.at(40_000, event) == []
    assert play.router.contact(AIGUL).waited_ms(Millis(45_000)) == 5000
    assert play.at(50_000, Ticked()) == [Offer(AIGUL, C, RING)]


def test_a_phone_that_dies_while_it_rings_is_taken_off_the_caller():
    play = Play(rules(PENSIONS, BROAD), A, B)
    play.at(0, queued())
    commands = play.at(2000, OperatorLost(AIGUL, A))
    assert commands == [
        CancelOffer(AIGUL, A),
        SetAside(A, "phone_unreachable"),
        Offer(AIGUL, B, RING),
    ]


def test_a_pause_while_the_phone_rings_sends_the_caller_to_the_next():
    play = Play(rules(PENSIONS, BROAD), A, B)
    play.at(0, queued())
    commands = play.at(1000, OperatorPaused(A, "lunch"))
    assert commands == [CancelOffer(AIGUL, A), Offer(AIGUL, B, RING)]
    assert play.state(A) == "paused(lunch)"


def test_a_pause_in_a_conversation_begins_after_the_wrap_up():
    play = Play(rules(PENSIONS), A)
    talking(play)
    play.at(5000, OperatorPaused(A, "lunch"))
    assert play.state(A) == "talking"
    play.at(60_000, OperatorHungUp(AIGUL, A))
    assert play.state(A) == "wrap_up"
    play.at(70_000, Ticked())
    assert play.state(A) == "paused(lunch)"


def test_ready_takes_back_a_pause_that_has_not_begun():
    play = Play(rules(PENSIONS), A)
    talking(play)
    play.at(5000, OperatorPaused(A, "lunch"))
    play.at(6000, OperatorReady(A))
    play.at(60_000, OperatorHungUp(AIGUL, A))
    play.at(70_000, Ticked())
    assert play.state(A) == "ready"


def test_a_log_out_in_a_conversation_waits_for_its_end():
    play = Play(rules(PENSIONS), A)
    talking(play)
    play.at(5000, OperatorLoggedOut(A))
    assert play.state(A) == "talking"
    play.at(60_000, CallerHungUp(AIGUL))
    assert play.state(A) == "offline"


def test_a_log_out_during_the_whisper_does_not_cut_the_caller_off():
    play = Play(rules(PENSIONS), A)
    play.at(0, queued())
    play.at(1000, OperatorAnswered(AIGUL, A))
    assert play.at(1500, OperatorLoggedOut(A)) == []
    play.at(2000, Connected(AIGUL, A))
    assert play.state(A) == "talking"
    play.at(60_000, CallerHungUp(AIGUL))
    assert play.state(A) == "offline"


def test_an_offer_without_any_result_is_given_up():
    play = Play(rules(PENSIONS, BROAD), A, B)
    play.at(0, queued())
    given_up = RING + OFFER_GRACE_MS
    assert play.at(given_up, Ticked()) == [
        CancelOffer(AIGUL, A),
        SetAside(A, "no_result"),
        Offer(AIGUL, B, RING),
    ]


def test_what_asterisk_has_connected_is_believed():
    play = Play(rules(PENSIONS, BROAD), A, B)
    play.at(0, queued())
    play.at(1000, Connected(AIGUL, B))
    assert play.state(A) == "ready"
    assert play.state(B) == "talking"


def test_a_caller_taken_by_the_fallback_is_out_of_the_line():
    play = Play(rules(PENSIONS))
    play.at(0, queued())
    play.at(3000, CallerLeft(AIGUL))
    assert play.router.line() == []
    for event in on_duty(A):
        assert play.at(4000, event) == []


def test_a_step_of_the_ladder_has_fired_at_exactly_thirty_seconds():
    play = Play(rules(operator(A, {RU: 5}, {ANY: 5})), A)
    play.at(0, queued())
    play.at(10_000, Ticked())
    play.at(29_999, Ticked())
    assert play.router.contact(AIGUL).step == 1
    assert play.at(30_000, Ticked()) == [Offer(AIGUL, A, RING)]
    assert play.router.contact(AIGUL).step == 2


def test_a_caller_being_rung_for_hears_no_message_and_is_not_torn_away():
    ladder = (Message(Millis(5000), "still_waiting"),)
    play = Play(rules(PENSIONS, ladder=ladder), A)
    play.at(0, queued())
    assert play.at(5000, Ticked()) == []
    assert play.state(A) == "ringing"


def test_a_waiting_caller_hears_the_message_of_the_ladder():
    ladder = (Message(Millis(5000), "still_waiting"), Widen(Millis(30_000), 1, 0))
    play = Play(rules(PENSIONS, ladder=ladder))
    play.at(0, queued())
    assert play.at(5000, Ticked()) == [PlayMessage(AIGUL, "still_waiting")]


def test_a_reload_gives_waiting_callers_the_new_ladder_without_repeating_messages():
    ladder = (Message(Millis(5000), "still_waiting"),)
    play = Play(rules(BEGINNER, ladder=ladder), C)
    play.at(0, queued())
    play.at(5000, Ticked())
    new = (*ladder, Widen(Millis(6000), None, 1))
    assert play.at(20_000, RulesReplaced(rules(BEGINNER, ladder=new))) == [Offer(AIGUL, C, RING)]


def test_an_operator_who_left_the_roster_finishes_the_conversation_first():
    play = Play(rules(PENSIONS), A)
    talking(play)
    play.at(5000, RulesReplaced(rules(BROAD)))
    assert play.state(A) == "talking"
    play.at(60_000, OperatorHungUp(AIGUL, A))
    assert play.router.seat(A) is None


def test_a_contact_of_a_queue_by_name_goes_to_whoever_knows_any_topic_of_it():
    play = Play(rules(operator(A, {RU: 5}, {EDS: 3})), A)
    contact = queued(topic=EGOV, queue=EGOV)
    assert play.at(0, contact) == [Offer(AIGUL, A, RING)]


def test_an_unknown_queue_is_replaced_by_the_topics_own_or_by_general():
    play = Play(rules(PENSIONS))
    play.at(0, queued(AIGUL, topic=PENSION, queue="nowhere"))
    play.at(0, queued(BOLAT, topic="nothing", queue="nowhere"))
    assert play.router.contact(AIGUL).queue == SOCIAL
    assert play.router.contact(BOLAT).queue == GENERAL


def test_late_news_of_unknown_callers_and_operators_is_counted_and_dropped():
    play = Play(rules(PENSIONS), A)
    for event in (
        OperatorAnswered(AIGUL, A),
        Connected(AIGUL, A),
        OfferFailed(AIGUL, A, OfferFailure.NO_ANSWER),
        OperatorHungUp(AIGUL, A),
        OperatorLost(AIGUL, A),
        OperatorReady("nobody"),
        PhoneChanged("nobody", Phone.FREE),
    ):
        assert play.at(1, event) == []
    assert play.router.ignored == 7
    assert play.state(A) == "ready"


def test_a_wake_up_always_changes_the_next_one():
    play = Play(rules(PENSIONS), A)
    talking(play)
    play.at(60_000, OperatorHungUp(AIGUL, A))
    while (wake := play.router.wake_at()) is not None:
        play.at(wake, Ticked())
        later = play.router.wake_at()
        assert later is None or later > wake, "the live loop would spin"
