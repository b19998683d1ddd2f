"""What other switches are known to do wrong, or have tests for, as far as it is a decision."""

from acd.core.commands import CancelOffer, LeaveQueue, Offer, SetAside
from acd.core.events import (
    CallerHungUp,
    Connected,
    ContactFound,
    OfferFailed,
    OfferFailure,
    OffersHeld,
    OperatorAnswered,
    OperatorHungUp,
    OperatorLoggedOut,
    OperatorPaused,
    OperatorReady,
    OperatorWrappedUp,
    Phone,
    PhoneChanged,
    RulesReplaced,
    Ticked,
)
from acd.core.names import ContactId, Millis
from acd.core.queues import Leave, Routing, Widen
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

P_A, P_B, P_C = (operator(each, {RU: 5}, {PENSION: 5}) for each in (A, B, C))
SOON = (Leave(Millis(3000), "voicemail"),)


def one(commands):
    [command] = commands
    return command


def serve(play, contact, who, at, ms=1000):
    """From a ringing phone to the end of the conversation."""
    play.at(at, OperatorAnswered(contact, who))
    play.at(at, Connected(contact, who))
    return play.at(at + ms, OperatorHungUp(contact, who))


def test_a_call_has_each_stage_once_and_in_order():
    play = Play(rules(P_A), A)
    stages = []
    for at, event in (
        (0, queued()),
        (1000, OperatorAnswered(AIGUL, A)),
        (2000, Connected(AIGUL, A)),
        (9000, OperatorHungUp(AIGUL, A)),
    ):
        play.at(at, event)
        found = play.router.contact(AIGUL)
        stages.append(found.stage.value if found else None)
    assert stages == ["ringing", "whisper", "talking", None]


def test_twelve_callers_with_head_starts_stand_where_head_start_and_arrival_put_them():
    play = Play(rules(P_A, ladder=(), routing=Routing(order="first_come")))
    for n, head_start in enumerate((0, 0, 100, 100, 200, 0, 0, 0, 300, 100, 100, 200)):
        play.at(n, queued(ContactId(f"c{n:02}"), n, priority_ms=head_start))
    order = [8, 4, 11, 2, 3, 9, 10, 0, 1, 5, 6, 7]
    assert play.router.line() == [f"c{n:02}" for n in order]


def test_with_everybody_on_a_break_nobody_is_rung_and_the_ladder_acts_on_time():
    play = Play(rules(P_A, P_B, ladder=SOON), A, B)
    for each in (A, B):
        play.at(0, OperatorPaused(each, "break"))
    assert play.at(0, queued()) == []
    assert play.until(10_000) == [(3000, LeaveQueue(AIGUL, "voicemail"))]


def test_only_those_not_on_a_break_are_rung():
    play = Play(rules(P_A, P_B), A, B)
    play.at(0, OperatorPaused(A, "break"))
    assert one(play.at(1, queued())).operator == B


def test_when_nobody_picks_up_each_is_set_aside_once_and_the_caller_is_not_lost():
    play = Play(rules(P_A, P_B, ladder=SOON), A, B)
    play.at(0, queued())
    assert play.at(2000, OfferFailed(AIGUL, A, OfferFailure.NO_ANSWER)) == [
        SetAside(A, "rona"),
        Offer(AIGUL, B, RING),
    ]
    assert play.at(4000, OfferFailed(AIGUL, B, OfferFailure.NO_ANSWER)) == [
        SetAside(B, "rona"),
        LeaveQueue(AIGUL, "voicemail"),
    ]


def test_an_operator_below_the_level_is_never_rung_however_long_it_takes():
    play = Play(rules(operator(A, {RU: 5}, {PENSION: 1}), ladder=()), A)
    play.at(0, queued())
    assert play.until(600_000) == []


def test_a_busy_phone_is_not_rung_and_not_blamed_and_one_on_a_break_is_not_rung_when_free():
    play = Play(rules(P_A), A)
    play.at(0, PhoneChanged(A, Phone.IN_USE))
    assert play.at(1, queued()) == []
    assert play.state(A) == "paused(phone_in_use)"
    play.at(2, OperatorPaused(A, "break"))
    assert play.at(3, PhoneChanged(A, Phone.FREE)) == []
    assert play.state(A) == "paused(break)"


def test_wrap_up_is_the_operators_and_holds_for_all_their_skills():
    both = operator(A, {RU: 5}, {PENSION: 5, EDS: 5})
    play = Play(rules(both, P_B), A, B)
    play.at(0, queued(AIGUL, 0, topic=EDS, queue=EGOV))
    serve(play, AIGUL, A, 1000)
    assert one(play.at(2500, queued(BOLAT, 2500))).operator == B
    assert play.at(2600, queued(CHEN, 2600, topic=EDS, queue=EGOV)) == []


def test_each_operator_wraps_up_for_as_long_as_is_laid_down_for_them():
    slow = operator(B, {RU: 5}, {PENSION: 5}, wrap_up_ms=Millis(20_000))
    play = Play(rules(P_A, slow), A, B)
    for contact, who in ((AIGUL, A), (BOLAT, B)):
        play.at(0, queued(contact, 0))
        serve(play, contact, who, 0, 0)
    play.until(WRAP_UP)
    assert (play.state(A), play.state(B)) == ("ready", "wrap_up")
    play.until(20_000)
    assert play.state(B) == "ready"


def test_the_reason_of_a_break_is_shown():
    play = Play(rules(P_A), A)
    play.at(0, OperatorPaused(A, "training"))
    assert play.state(A) == "paused(training)"


def test_a_changed_level_counts_from_the_reload_for_exactly_that_topic():
    play = Play(rules(operator(A, {RU: 5}, {PENSION: 5, CHILD: 5})), A)
    play.at(1, RulesReplaced(rules(operator(A, {RU: 5}, {PENSION: 1, CHILD: 5}))))
    assert play.at(2, queued()) == []
    assert one(play.at(3, queued(BOLAT, 3, topic=CHILD))).operator == A


def test_a_new_roster_is_exactly_the_new_roster_and_conversations_go_on():
    play = Play(rules(P_A, P_B), A, B)
    play.at(0, queued())
    play.at(1, Connected(AIGUL, A))
    play.at(2, RulesReplaced(rules(P_C)))
    assert {seat.profile.id for seat in play.router.seats} == {A, C}
    assert play.state(A) == "talking"
    play.at(3, OperatorHungUp(AIGUL, A))
    assert {seat.profile.id for seat in play.router.seats} == {C}
    for event in on_duty(C):
        play.at(4, event)
    assert one(play.at(5, queued(BOLAT, 5))).operator == C


def test_nothing_is_left_over_after_ten_thousand_calls_of_every_fate():
    """No ghost: no operator without a caller, nothing kept of anybody who is gone."""
    play = Play(rules(P_A, P_B, ladder=(Widen(Millis(2000), None, 1), *SOON)), A, B)
    router, now = play.router, 0
    for n in range(10_000):
        contact = ContactId(f"c{n}")
        now += 700
        play.at(now, queued(contact, now))
        found = router.contact(contact)
        who = found.operator if found else None
        match n % 5:
            case 0 if who is not None:
                serve(play, contact, who, now)
                now += 1000
                play.at(now, OperatorWrappedUp(who))
            case 1 if who is not None:
                play.at(now, OfferFailed(contact, who, OfferFailure.BUSY))
                play.at(now, OperatorReady(who))
            case 2 if found is not None:
                play.at(now, CallerHungUp(contact))
            case 3 if who is not None:
                play.at(now, OperatorAnswered(contact, who))
                play.at(now, CallerHungUp(contact))
        play.decisions.clear()
    play.until(now + 100_000)
    for contact in list(router.contacts):
        play.at(now + 100_000, CallerHungUp(contact.id))
    for each in (A, B):
        play.at(now + 100_000, OperatorReady(each))
    play.until(now + 400_000)
    floor = router._floor
    assert (list(router.contacts), router.line(), floor.timers) == ([], [], [])
    assert (floor.leaving, floor.callbacks, floor.stirred, floor.lines.crowd) == ({}, {}, {}, {})
    assert (play.state(A), play.state(B)) == ("ready", "ready")
    assert all(seat.contact is None for seat in router.seats)
    assert [len(group.waiting) for group in floor.lines.groups.values()] == [0]


def test_logging_in_twice_changes_nothing_and_a_stranger_is_refused():
    play = Play(rules(P_A), A)
    play.at(5000, OperatorReady(A))
    assert play.router.seat(A).since == 0, "no new place in the order"
    play.at(5000, OperatorReady("stranger"))
    assert play.router.ignored == 1


def test_whoever_goes_away_and_comes_back_goes_to_the_end():
    play = Play(rules(P_A, P_B), A, B)
    play.at(1000, OperatorPaused(A, "break"))
    play.at(2000, OperatorReady(A))
    assert one(play.at(3000, queued())).operator == B


def test_a_caller_declined_by_one_goes_to_the_other_and_back_once_that_one_is_there_again():
    play = Play(rules(P_A, P_B), A, B)
    play.at(0, queued())
    play.at(1000, OfferFailed(AIGUL, A, OfferFailure.BUSY))
    play.at(1500, OperatorReady(A))
    assert play.at(2000, OfferFailed(AIGUL, B, OfferFailure.BUSY)) == [
        SetAside(B, "phone_busy"),
        Offer(AIGUL, A, RING),
    ]


def test_whoever_hangs_up_first_both_ends_are_free():
    for event in (CallerHungUp(AIGUL), OperatorHungUp(AIGUL, A)):
        play = Play(rules(P_A, wrap_up=Millis(0)), A)
        play.at(0, queued())
        play.at(1000, Connected(AIGUL, A))
        play.at(2000, event)
        assert list(play.router.contacts) == []
        assert play.state(A) == "ready"


def test_a_caller_at_the_head_whom_the_free_operator_may_not_take_holds_up_nobody():
    play = Play(rules(P_A, operator(B, {KK: 5}, {PENSION: 5})))
    for n in range(50):
        play.at(n, queued(ContactId(f"kk{n}"), n, language=KK, priority_ms=9000))
    play.at(100, queued(AIGUL, 100))
    play.at(200, PhoneChanged(A, Phone.FREE))
    assert play.at(200, OperatorReady(A)) == [Offer(AIGUL, A, RING)]


def test_a_caller_put_at_the_head_stops_nothing():
    play = Play(rules(P_A, P_B, ladder=()), A)
    play.at(0, queued(AIGUL, 0))
    play.at(1, Connected(AIGUL, A))
    play.at(2, queued(BOLAT, 2, priority_ms=50_000))
    play.at(3, queued(CHEN, 3))
    for event in on_duty(B):
        commands = play.at(4, event)
    assert one(commands).contact == BOLAT
    play.at(5, OperatorHungUp(AIGUL, A))
    assert one(play.at(6, OperatorWrappedUp(A))).contact == CHEN


def test_whoever_comes_on_duty_on_a_break_is_not_rung_for_those_who_wait():
    play = Play(rules(P_A, ladder=()))
    for n in range(5):
        play.at(n, queued(ContactId(f"c{n}"), n))
    play.at(10, OperatorPaused(A, "meeting"))
    assert play.at(11, PhoneChanged(A, Phone.FREE)) == []
    assert play.at(12, OperatorReady(A)) == [Offer(ContactId("c0"), A, RING)]


def test_wrap_up_is_kept_over_a_reload_and_with_many_skills():
    topics = {PENSION: 5, CHILD: 4, EDS: 3, ANY: 2}
    many = operator(A, {RU: 5, KK: 5}, topics)
    play = Play(rules(many), A)
    play.at(0, queued())
    serve(play, AIGUL, A, 0, 0)
    play.at(1000, RulesReplaced(rules(many)))
    for n, (topic, queue) in enumerate(((CHILD, "social"), (EDS, EGOV), (ANY, GENERAL))):
        assert play.at(2000, queued(ContactId(f"c{n}"), 2000, topic=topic, queue=queue)) == []
    [(at, offer)] = play.until(WRAP_UP)
    assert (at, offer.contact) == (WRAP_UP, "c0")


def test_hanging_up_in_the_whisper_costs_the_caller_neither_place_nor_clock():
    play = Play(rules(P_A, P_B), A, B)
    play.at(0, queued(AIGUL, 0))
    play.at(2000, OperatorAnswered(AIGUL, A))
    commands = play.at(3000, OfferFailed(AIGUL, A, OfferFailure.HUNG_UP_AT_ONCE))
    assert commands[-1] == Offer(AIGUL, B, RING)
    assert play.router.contact(AIGUL).waited_ms(Millis(3000)) == 3000


def test_the_limit_of_the_wait_does_not_tear_a_caller_from_an_operator_who_answers():
    play = Play(rules(P_A, ladder=SOON), A)
    play.at(0, OffersHeld(True))
    play.at(0, queued())
    play.at(2900, OffersHeld(False))
    assert play.until(4000) == []
    play.at(4000, OperatorAnswered(AIGUL, A))
    assert play.until(5000) == []
    play.at(5000, Connected(AIGUL, A))
    assert play.state(A) == "talking"


def test_a_caller_who_hangs_up_while_the_offer_is_under_way_leaves_no_ghost_and_no_blame():
    play = Play(rules(P_A), A)
    play.at(0, queued())
    play.at(1, CallerHungUp(AIGUL))
    assert play.at(2, OfferFailed(AIGUL, A, OfferFailure.NO_ANSWER)) == []
    assert play.state(A) == "ready"


def test_after_a_restart_callers_keep_place_and_clock_and_conversations_are_busy():
    play = Play(rules(P_A, P_B, ladder=(), routing=Routing(order="first_come")), A, B)
    play.at(1_000_000, OffersHeld(True))
    for n in (3, 1, 2):
        play.at(1_000_000, queued(ContactId(f"c{n}"), 900_000 + n))
    play.at(1_000_000, ContactFound(queued("talk", 800_000), A, True, Millis(850_000)))
    assert play.router.line() == ["c1", "c2", "c3"]
    assert play.router.contact("c1").waited_ms(Millis(1_000_000)) == 99_999
    assert play.state(A) == "talking"
    assert play.at(1_000_001, OffersHeld(False)) == [Offer("c1", B, RING)]


def test_a_break_is_kept_over_a_reload():
    play = Play(rules(P_A), A)
    play.at(0, OperatorPaused(A, "lunch"))
    play.at(1, RulesReplaced(rules(P_A, P_B)))
    assert play.state(A) == "paused(lunch)"


def test_the_last_operator_logging_out_while_it_rings_gives_the_caller_back_at_once():
    play = Play(rules(P_A, ladder=SOON), A)
    play.at(0, queued())
    assert play.at(1000, OperatorLoggedOut(A)) == [CancelOffer(AIGUL, A)]
    assert play.until(3000) == [(3000, LeaveQueue(AIGUL, "voicemail"))]


def test_skills_that_overlap_need_one_line_and_not_one_for_each_pair():
    """Hundreds of topics: the next caller of an operator is found among their own few."""
    topics = {f"t{n}": "social" for n in range(600)}
    told = rules(operator(A, {RU: 5}, {"t7": 5, "t500": 5}))
    told = type(told)(told.target_ms, {**told.topics, **topics}, told.queues, told.operators)
    play = Play(told)
    for n in range(600):
        play.at(n, queued(ContactId(f"c{n}"), n, topic=f"t{n}"))
    play.at(700, PhoneChanged(A, Phone.FREE))
    assert play.at(700, OperatorReady(A)) == [Offer("c7", A, RING)]
    assert play.at(800, Ticked()) == []
