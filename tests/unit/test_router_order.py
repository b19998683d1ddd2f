"""Which caller a freed operator takes, and which operator a caller is given."""

import pytest

from acd.core.commands import Offer
from acd.core.events import (
    Connected,
    LinkChanged,
    OffersHeld,
    OperatorAnswered,
    OperatorHungUp,
    OperatorPaused,
    OperatorReady,
    OperatorWrappedUp,
    Phone,
    PhoneChanged,
)
from acd.core.names import ContactId, Millis
from acd.core.queues import Routing
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
SECOND = operator(B, {RU: 5}, {PENSION: 5})
FIRST_COME = Routing(order="first_come")


def taken_at(moment, *arrivals, routing=None):
    """Whom an operator who comes on duty at this moment is rung for."""
    play = Play(rules(PENSIONS, ladder=(), routing=routing))
    for contact, at, *more in sorted(arrivals, key=lambda arrival: arrival[1]):
        play.at(at, queued(contact, at, priority_ms=more[0] if more else 0))
    play.until(moment)
    play.at(moment, PhoneChanged(A, Phone.FREE))
    [offer] = play.at(moment, OperatorReady(A))
    return offer.contact


@pytest.mark.parametrize(
    ("moment", "routing", "first"),
    [
        (29_999, None, AIGUL),  # everybody is inside the target: the oldest
        (30_000, None, BOLAT),  # the oldest is overdue: whoever can still be in time
        (45_000, None, CHEN),
        (51_000, None, AIGUL),  # all are overdue: the oldest again
        (59_999, None, AIGUL),
        (40_000, FIRST_COME, AIGUL),
        (40_000, Routing(cap_ms=Millis(40_000)), AIGUL),  # past the cap before all
    ],
)
def test_the_oldest_still_inside_the_target_comes_first_then_the_overdue(moment, routing, first):
    arrivals = ((AIGUL, 0), (BOLAT, 10_000), (CHEN, 20_000))
    assert taken_at(moment, *arrivals, routing=routing) == first


def test_whoever_is_past_the_cap_goes_before_all_who_can_still_be_in_time():
    arrivals = ((AIGUL, 0), (BOLAT, 55_000))
    assert taken_at(59_999, *arrivals) == BOLAT
    assert taken_at(60_000, *arrivals) == AIGUL


def test_a_head_start_is_as_if_the_caller_had_come_so_much_earlier_and_no_more():
    routing = FIRST_COME
    assert taken_at(9000, (AIGUL, 0), (BOLAT, 5000, 5001), routing=routing) == BOLAT
    assert taken_at(9000, (AIGUL, 0), (BOLAT, 5000, 4999), routing=routing) == AIGUL


def test_equal_standing_is_first_come_first_served():
    assert taken_at(9000, (AIGUL, 0), (BOLAT, 5000, 5000), routing=FIRST_COME) == AIGUL
    assert taken_at(9000, (AIGUL, 0), (BOLAT, 5000, 5000)) == AIGUL


def test_a_head_start_counts_towards_the_cap_so_that_an_emergency_goes_first_of_all():
    assert taken_at(40_000, (AIGUL, 0), (BOLAT, 39_000, 60_000)) == BOLAT


def test_queue_and_topic_give_head_starts_of_their_own_on_top_of_the_callers():
    routing = Routing(order="first_come", topic_priority={CHILD: Millis(3000)})
    play = Play(rules(PENSIONS, routing=routing, priority_ms=Millis(10_000)))
    play.at(0, queued(AIGUL, 0, topic=CHILD, priority_ms=500))
    play.at(0, queued(BOLAT, 0))
    play.at(0, queued(CHEN, 0, topic=ANY, queue=GENERAL))
    starts = [play.router.contact(each).priority_ms for each in (AIGUL, BOLAT, CHEN)]
    assert starts == [13_500, 10_000, 0]
    assert play.router.line() == [AIGUL, BOLAT, CHEN]


def test_several_freed_at_once_take_the_first_of_the_line_each():
    play = Play(rules(PENSIONS, SECOND, ladder=()), A, B)
    play.at(0, OffersHeld(True))
    for moment, contact in enumerate((AIGUL, BOLAT, CHEN)):
        play.at(moment, queued(contact, moment))
    assert play.at(10, OffersHeld(False)) == [Offer(AIGUL, A, RING), Offer(BOLAT, B, RING)]


def test_with_several_free_each_caller_gets_the_one_who_suits_and_nobody_is_left_over():
    """The broad one is the only one for the second caller, and is kept for that."""
    broad = operator(A, {RU: 5, KK: 5}, {CHILD: 5, PENSION: 4})
    play = Play(rules(broad, SECOND, ladder=()), A, B)
    play.at(0, LinkChanged(False))
    play.at(1, queued(AIGUL, 1))
    play.at(2, queued(BOLAT, 2, language=KK))
    assert play.at(3, LinkChanged(True)) == [Offer(AIGUL, B, RING), Offer(BOLAT, A, RING)]


def test_an_operator_who_knows_what_the_caller_prefers_comes_first():
    knows = operator(B, {RU: 5, KK: 5}, {CHILD: 5, PENSION: 4, EDS: 1})
    play = Play(rules(PENSIONS, knows, ladder=()), A, B)
    assert play.at(0, queued(AIGUL, 0)) == [Offer(AIGUL, A, RING)]
    play = Play(rules(PENSIONS, knows, ladder=()), A, B)
    assert play.at(0, queued(AIGUL, 0, prefers=(EDS,))) == [Offer(AIGUL, B, RING)]
    play = Play(rules(PENSIONS, knows, ladder=()), A)
    assert play.at(0, queued(AIGUL, 0, prefers=(EDS,))) == [Offer(AIGUL, A, RING)], "not required"


def work(play, contact, who, begin, end):
    play.at(begin, queued(contact, begin))
    play.at(begin, OperatorAnswered(contact, who))
    play.at(begin, Connected(contact, who))
    play.at(end, OperatorHungUp(contact, who))
    play.at(end, OperatorWrappedUp(who))


@pytest.mark.parametrize(("idle", "next_one"), [("longest_ready", A), ("least_loaded", B)])
def test_of_equals_the_longest_ready_or_the_least_loaded_as_the_setting_says(idle, next_one):
    play = Play(rules(PENSIONS, SECOND, ladder=(), routing=Routing(idle=idle)), A)
    work(play, AIGUL, A, 0, 60_000)
    for event in on_duty(B):
        play.at(61_000, event)
    assert play.at(70_000, queued(BOLAT, 70_000)) == [Offer(BOLAT, next_one, RING)]


def test_the_load_is_counted_from_logging_in():
    told = rules(PENSIONS, SECOND, ladder=(), routing=Routing(idle="least_loaded"))
    play = Play(told, A)
    work(play, AIGUL, A, 0, 60_000)
    assert play.router.seat(A).busy_ms == 60_000
    play.at(61_000, OperatorPaused(A, "lunch"))
    play.at(62_000, OperatorReady(A))
    assert play.router.seat(A).busy_ms == 60_000, "a break is no new shift"


def test_many_equal_operators_are_rung_in_the_order_they_became_ready():
    crew = [operator(f"op{n:03}", {RU: 5}, {PENSION: 5}) for n in range(100)]
    play = Play(rules(*crew, ladder=()))
    order = [f"op{n * 37 % 100:03}" for n in range(100)]
    for moment, id_ in enumerate(order):
        for event in on_duty(id_):
            play.at(moment, event)
    rung = []
    for n in range(100):
        [offer] = play.at(1000 + n, queued(ContactId(f"c{n}"), 1000 + n))
        rung.append(offer.operator)
    assert rung == order


def test_the_last_callers_language_does_not_hide_anybody_of_another_queue():
    both = operator(C, {RU: 3, KK: 4}, {EDS: 3})
    play = Play(rules(both, ladder=()))
    play.at(0, queued(AIGUL, 0, topic=EGOV, queue=EGOV, language=KK))
    play.at(1, queued(BOLAT, 1, topic=EDS, queue=EGOV))
    play.at(2, queued(CHEN, 2, queue=SOCIAL))
    play.at(3, PhoneChanged(C, Phone.FREE))
    assert play.at(3, OperatorReady(C)) == [Offer(AIGUL, C, RING)]
