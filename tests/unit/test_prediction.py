"""The estimate is the formula where that is known, a number everywhere, and better than a mean."""

import heapq
from math import isfinite
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.core.commands import Decided, Offer
from acd.core.events import (
    CallerHungUp,
    Connected,
    LinkChanged,
    OperatorHungUp,
    OperatorPaused,
    Ticked,
)
from acd.core.names import ContactId, Millis
from acd.core.prediction import AGES, NEVER, SLOT_MS, Prediction, _finishing
from acd.core.queues import Routing
from tests.unit.routing import (
    AIGUL,
    BOLAT,
    CHEN,
    CHILD,
    PENSION,
    RU,
    A,
    B,
    Play,
    operator,
    queued,
    rules,
)

HANDLE_MS, PATIENCE_MS = 180_000, 300_000
PLAIN = Prediction(Routing(), 10_000)


def formula(count, ahead):
    mu, theta = 1 / HANDLE_MS, 1 / PATIENCE_MS
    return sum(1 / (count * mu + i * theta) for i in range(ahead + 1))


@pytest.mark.parametrize("count", [1, 5, 66, 500])
@pytest.mark.parametrize("ahead", [0, 1, 7, 8, 9, 40, 1000, 50_000])
def test_at_the_long_run_rate_it_is_the_sum_over_those_before(count, ahead):
    found = PLAIN._sum(count, count / HANDLE_MS, ahead)
    assert found == pytest.approx(formula(count, ahead), rel=0.01)


@given(st.integers(1, 10_000), st.floats(0, 1), st.floats(0, 60_000), st.floats(0, 5000))
def test_it_is_a_number_and_longer_for_whoever_stands_further_back(count, per_op, ahead, more):
    rate = count * per_op / 1000
    found = PLAIN._sum(count, rate, ahead)
    assert isfinite(found)
    assert found >= 0
    assert PLAIN._sum(count, rate, ahead + more + 1) >= found * 0.98


def test_how_fast_a_conversation_ends_follows_from_how_long_it_has_lasted():
    random = Random(5)
    lengths = [random.lognormvariate(11.558, 1.0417) for _ in range(200_000)]
    assert sum(lengths) / len(lengths) == pytest.approx(HANDLE_MS, rel=0.02)
    for age in (8_000, 40_000, 120_000, 400_000):
        still = [length for length in lengths if length > age]
        ended = sum(length <= age + 8000 for length in still)
        assert _finishing(age + 4000, HANDLE_MS) == pytest.approx(
            ended / len(still) / 8000, rel=0.12
        )
    assert all(isfinite(_finishing(age * SLOT_MS + 1, 1)) for age in range(AGES))


PENSIONS, CHILDREN = operator(A, {RU: 5}, {PENSION: 5}), operator(B, {RU: 5}, {CHILD: 5})


def estimate(play, contact):
    return play.router.estimated_wait_ms(contact)


def test_nobody_logged_in_who_could_is_never_and_a_break_is_unknown():
    play = Play(rules(PENSIONS, CHILDREN, ladder=()), B)
    play.at(0, queued())
    assert estimate(play, AIGUL) == NEVER == -1
    play = Play(rules(PENSIONS, CHILDREN, ladder=()), A, B)
    play.at(0, OperatorPaused(A, "lunch"))
    play.at(1, queued())
    assert estimate(play, AIGUL) is None


def test_nothing_is_foreseen_while_asterisk_does_not_hear_us():
    play = Play(rules(PENSIONS, ladder=()), A)
    play.at(0, LinkChanged(False))
    play.at(1, queued())
    assert estimate(play, AIGUL) is None


def test_whoever_stands_behind_waits_longer_and_callers_of_others_do_not_count():
    play = Play(rules(PENSIONS, CHILDREN, ladder=()), A, B)
    play.at(0, queued("x", 0))
    play.at(0, Connected("x", A))
    play.at(0, queued("y", 0, topic=CHILD))
    play.at(0, Connected("y", B))
    play.at(1000, queued(AIGUL, 1000))
    first = estimate(play, AIGUL)
    play.at(1001, queued(BOLAT, 1001, topic=CHILD))
    assert estimate(play, AIGUL) == first
    play.at(1002, queued(CHEN, 1002))
    assert estimate(play, CHEN) > first
    assert estimate(play, AIGUL) == first


def test_callers_of_another_topic_count_by_the_operators_they_share():
    both = operator(A, {RU: 5}, {PENSION: 5, CHILD: 5})
    play = Play(rules(both, CHILDREN, ladder=()), A, B)
    for contact, who in (("x", A), ("y", B)):
        play.at(0, queued(contact, 0, topic=CHILD))
        play.at(0, Connected(contact, who))
    play.at(1000, queued(AIGUL, 1000))
    alone = estimate(play, AIGUL)
    for n in range(4):
        play.at(2000 + n, queued(ContactId(f"c{n}"), 500, topic=CHILD))
    play.at(4000, Ticked())
    assert estimate(play, AIGUL) > 1.3 * alone, "two of the four will be the shared one's"


def test_the_figures_on_record_are_far_better_than_the_mean_wait():
    """A day of one skill at 97 % load; every other caller would hang up some time. Seed 11."""
    random = Random(11)
    crew = [operator(f"op{n:02}", {RU: 5}, {PENSION: 5}) for n in range(30)]
    told = rules(*crew, ladder=(), wrap_up=Millis(0))
    play = Play(told, *(profile.id for profile in crew))
    foreseen, waited = {}, {}
    due = []
    clock, born = 0.0, 0
    while clock < 9 * 3_600_000:
        clock += random.expovariate(30 * 0.97 / HANDLE_MS)
        born += 1
        heapq.heappush(due, (int(clock), born, queued(ContactId(f"c{born}"), int(clock))))
    while due:
        now, n, event = heapq.heappop(due)
        contact = play.router.contact(event.contact)
        if isinstance(event, CallerHungUp) and (contact is None or contact.operator is not None):
            continue  # served before the patience was over
        for command in play.router.handle(event, Millis(now)):
            match command:
                case Offer(contact=contact, operator=who):
                    waited[contact] = play.router.contact(contact).waited_ms(Millis(now))
                    heapq.heappush(due, (now, -n, Connected(contact, who)))
                    length = random.lognormvariate(11.558, 1.0417)
                    over = OperatorHungUp(contact, who)
                    heapq.heappush(due, (now + 1 + int(length), n + 100_000, over))
                case Decided(contact=contact, rule="nobody_ready", estimated_wait_ms=wait):
                    foreseen[contact] = wait
                    gives_up = now + int(random.expovariate(1 / PATIENCE_MS))
                    if n % 2:
                        heapq.heappush(due, (gives_up, n + 200_000, CallerHungUp(contact)))
    pairs = [(foreseen[c], waited[c]) for c in foreseen if c in waited]
    mean = sum(wait for _, wait in pairs) / len(pairs)
    by_mean = sum((wait - mean) ** 2 for _, wait in pairs) / len(pairs)
    by_us = sum((wait - wish) ** 2 for wish, wait in pairs) / len(pairs)
    bias = sum(wish - wait for wish, wait in pairs) / len(pairs)
    assert len(pairs) > 1000
    assert by_us < by_mean / 3, f"RMSE {by_us**0.5 / 1000:.1f} s, mean {by_mean**0.5 / 1000:.1f} s"
    assert abs(bias) < 0.2 * mean, f"bias {bias / 1000:.1f} s at a mean of {mean / 1000:.1f} s"
