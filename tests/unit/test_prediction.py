"""The estimate is the formula where that is known, a number everywhere, and better than a mean."""

import heapq
from math import isfinite, log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.core.commands import Decided, Offer
from acd.core.contacts import Outlook
from acd.core.events import (
    CallerHungUp,
    Connected,
    LinkChanged,
    OperatorHungUp,
    OperatorLoggedOut,
    OperatorPaused,
    OperatorReady,
    RulesReplaced,
    ShiftEnds,
    Ticked,
)
from acd.core.handling import HandleTimes
from acd.core.names import ContactId, Millis, OperatorId
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
    run = count / HANDLE_MS
    found = PLAIN._sum(Outlook(count, run, 0, run, run / 10, 1 / HANDLE_MS), run, ahead)
    assert found == pytest.approx(formula(count, ahead), rel=0.01)


@given(
    st.integers(1, 10_000),
    st.floats(0, 1),
    st.floats(0, 60_000),
    st.floats(0, 5000),
    st.floats(0, 1),
)
def test_it_is_a_number_and_longer_for_whoever_stands_further_back(
    count, per_op, ahead, more, stay
):
    run = count / HANDLE_MS
    outlook = Outlook(count, count * per_op / 1000, 0, run, run / 10, 1 / HANDLE_MS)
    found = PLAIN._sum(outlook, run * stay, ahead)
    assert isfinite(found)
    assert found >= 0
    assert PLAIN._sum(outlook, run * stay, ahead + more + 1) >= found * 0.98


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


class OneMean(HandleTimes):
    """Learns nothing: what the estimate was like with the mean of the rules alone."""

    def learn(self, topic, paces, took_ms):
        pass


def a_day(crew, topics, seed, *, hours=9, pace=lambda who: 1.0, second=False, usual_ms=None):
    """Calls of these topics, (load, mean) each; every other caller gives up some time.

    Returns (topic, the wait that was, what was foreseen) of those who waited and were served, what
    was foreseen also by a second router that hears the same and learns nothing. The rules know
    the mean of all calls, or what is said.
    """
    random = Random(seed)
    calls = {topic: load / mean_ms for topic, (load, mean_ms) in topics.items()}
    usual_ms = usual_ms or Millis(
        round(sum(load for load, _ in topics.values()) / sum(calls.values()))
    )
    told = rules(*crew, ladder=(), wrap_up=Millis(0), routing=Routing(handle_ms=usual_ms))
    plays = [Play(told, *(profile.id for profile in crew)) for _ in range(1 + second)]
    for play in plays[1:]:
        play.router._staff.handle_times = OneMean(usual_ms)
    lead = plays[0].router
    foreseen, waited, topic_of, due, born = {}, {}, {}, [], 0
    for topic in topics:
        clock = 0.0
        while clock < hours * 3_600_000:
            clock += random.expovariate(len(crew) * calls[topic])
            born += 1
            contact = ContactId(f"c{born}")
            topic_of[contact] = topic
            event = queued(contact, int(clock), topic=topic)
            heapq.heappush(due, (int(clock), born, event))
    while due:
        now, n, event = heapq.heappop(due)
        contact = lead.contact(event.contact)
        if isinstance(event, CallerHungUp) and (contact is None or contact.operator is not None):
            continue  # served before the patience was over
        answers = [play.router.handle(event, Millis(now)) for play in plays]
        for command in answers[0]:
            match command:
                case Offer(contact=contact, operator=who):
                    waited[contact] = lead.contact(contact).waited_ms(Millis(now))
                    heapq.heappush(due, (now, -n, Connected(contact, who)))
                    mean_ms = topics[topic_of[contact]][1] * pace(who)
                    length = random.lognormvariate(log(mean_ms) - 0.5426, 1.0417)
                    over = OperatorHungUp(contact, who)
                    heapq.heappush(due, (now + 1 + int(length), n + 100_000, over))
                case Decided(contact=contact, rule="nobody_ready"):
                    foreseen[contact] = [
                        each.estimated_wait_ms
                        for answer in answers
                        for each in answer
                        if isinstance(each, Decided) and each.contact == contact
                    ]
                    gives_up = now + int(random.expovariate(1 / PATIENCE_MS))
                    if n % 2:
                        heapq.heappush(due, (gives_up, n + 200_000, CallerHungUp(contact)))
    return [(topic_of[c], waited[c], foreseen[c]) for c in foreseen if c in waited]


def rmse(day, which, topic=None):
    """In seconds; of the topic, or of all."""
    errors = [seen[which] - wait for about, wait, seen in day if topic in (None, about)]
    return (sum(error**2 for error in errors) / len(errors)) ** 0.5 / 1000


def crew_of(*skills):
    return [
        operator(OperatorId(f"op{n:02}"), {RU: 5}, dict.fromkeys(each, 5))
        for n, each in enumerate(skills)
    ]


def test_the_figures_on_record_are_far_better_than_the_mean_wait():
    """A day of one skill at 97 % load."""
    day = a_day(crew_of(*[(PENSION,)] * 30), {PENSION: (0.97, HANDLE_MS)}, seed=11)
    assert len(day) > 1000
    mean = sum(wait for _, wait, _ in day) / len(day)
    by_mean = (sum((wait - mean) ** 2 for _, wait, _ in day) / len(day)) ** 0.5 / 1000
    bias = sum(seen[0] - wait for _, wait, seen in day) / len(day)
    assert rmse(day, 0) < by_mean / 3**0.5, f"RMSE {rmse(day, 0):.1f} s, mean {by_mean:.1f} s"
    assert abs(bias) < 0.2 * mean, f"bias {bias / 1000:.1f} s at a mean of {mean / 1000:.1f} s"


SHORT_AND_LONG = {PENSION: (0.485, 60_000), CHILD: (0.485, 300_000)}


@pytest.mark.parametrize("seed", [1, 2])
def test_topics_of_different_length_are_foreseen_far_better_than_by_one_mean(seed):
    day = a_day(
        crew_of(*[(PENSION,)] * 15, *[(CHILD,)] * 15), SHORT_AND_LONG, seed, hours=5, second=True
    )
    assert len(day) > 1000
    for topic in (None, PENSION, CHILD):
        assert rmse(day, 0, topic) < 0.85 * rmse(day, 1, topic), topic
    assert rmse(day, 0) < 0.75 * rmse(day, 1)


def test_where_everybody_does_both_the_right_mean_was_as_good_and_still_is():
    day = a_day(crew_of(*[(PENSION, CHILD)] * 30), SHORT_AND_LONG, 1, hours=5, second=True)
    assert len(day) > 1000
    assert rmse(day, 0) < 1.05 * rmse(day, 1)


def test_rules_that_are_wrong_about_the_mean_do_little_harm():
    crew = crew_of(*[(PENSION,)] * 15)
    day = a_day(crew, {PENSION: (0.97, 60_000)}, 1, hours=5, second=True, usual_ms=HANDLE_MS)
    assert len(day) > 1000
    assert rmse(day, 0) < rmse(day, 1) / 2


def test_it_knows_who_is_slow_and_who_is_quick():
    """Half of them take a third of the time the others do; together they are more than 12."""
    crew = crew_of(*[(PENSION,)] * 12)
    days = [
        a_day(crew, {PENSION: (1.3, HANDLE_MS)}, seed, second=True, pace=slow_and_quick)
        for seed in (1, 2, 3)
    ]
    day = [each for one in days for each in one]
    assert len(day) > 1000
    assert rmse(day, 0) < 0.9 * rmse(day, 1)


def slow_and_quick(who):
    return (0.5, 1.5)[int(who[2:]) % 2]


def test_the_days_are_foreseen_alike_every_time():
    days = [a_day(crew_of(*[(PENSION, CHILD)] * 6), SHORT_AND_LONG, 3, hours=1) for _ in range(2)]
    assert days[0] == days[1]
    assert days[0]


IN_AN_HOUR = Millis(3_600_000)


def two_talking(*ends, waiting=6):
    """Two in conversation since the beginning, so many wait; a minute after that."""
    play = Play(rules(*crew_of((PENSION,), (PENSION,)), ladder=()), "op00", "op01")
    for n, end in enumerate(ends):
        play.at(0, ShiftEnds(OperatorId(f"op0{n}"), end))
    for n in range(2):
        play.at(0, queued(f"x{n}", 0))
    for n in range(2):
        play.at(0, Connected(f"x{n}", f"op0{n}"))
    for n in range(waiting):
        play.at(1000 + n, queued(ContactId(f"c{n}"), 1000 + n))
    play.at(60_000, Ticked())
    return play


def last_of(play):
    return max(estimate(play, contact.id) or 0 for contact in play.router.contacts)


@pytest.mark.parametrize(
    ("end", "counts"),
    [
        (None, True),
        (IN_AN_HOUR, True),
        (Millis(60_000 + 240_000), False),  # the wait is longer
        (Millis(60_000 + 30_000), False),
        (Millis(50_000), False),  # works on past it
    ],
)
def test_whose_shift_is_over_by_then_takes_no_further_caller(end, counts):
    usual, found = last_of(two_talking()), last_of(two_talking(end))
    if counts:
        assert found == usual
    else:
        assert found > 1.2 * usual


@pytest.mark.parametrize(("after", "counts"), [(59_000, False), (61_500, True)])
def test_the_last_minute_of_a_shift_counts_however_short_the_wait(after, counts):
    crew = crew_of(*[(PENSION,)] * 20)
    ends = [ShiftEnds(each.id, Millis(60_000 + after)) for each in crew[10:]]
    waits = []
    for events in ((), ends):
        play = Play(rules(*crew, ladder=()), *(each.id for each in crew))
        for n, each in enumerate(crew):
            play.at(0, queued(f"x{n}", 0))
            play.at(0, Connected(f"x{n}", each.id))
        for event in events:
            play.at(1, event)
        for n in range(4):
            play.at(1000 + n, queued(ContactId(f"c{n}"), 1000 + n))
        play.at(60_000, Ticked())
        waits.append(last_of(play))
    assert 0 < waits[0] < 60_000
    assert (waits[1] == waits[0]) == counts
    assert waits[1] >= waits[0]


def test_when_all_of_them_go_it_is_long_but_not_never():
    usual, found = last_of(two_talking()), last_of(two_talking(Millis(90_000), Millis(90_000)))
    assert 1.5 * usual < found < 20 * usual


def test_a_ready_operator_is_at_hand_whatever_the_shift():
    play = two_talking(Millis(50_000), waiting=0)
    play.at(60_000, OperatorHungUp("x0", "op00"))
    play.until(100_000)
    assert play.at(100_001, queued(AIGUL, 100_001))[0].operator == "op00"


def test_who_logs_in_after_the_end_counts_like_anybody():
    waits = []
    for end in (None, Millis(61_000)):
        play = two_talking(end)
        play.at(70_000, OperatorLoggedOut("op00"))
        play.at(71_000, OperatorHungUp("x0", "op00"))
        assert play.state("op00") == "offline"
        play.at(72_000, OperatorReady("op00"))
        play.at(90_000, Ticked())
        waits.append(last_of(play))
    assert waits[0] == waits[1]
    assert play.router.seat("op00").shift_ends is None


def test_the_end_of_the_shift_outlives_a_reload():
    play = two_talking(Millis(90_000))
    long = last_of(play)
    play.at(60_001, RulesReplaced(play.router.rules))
    assert last_of(play) == pytest.approx(long, rel=0.01)


def test_the_shift_of_a_stranger_is_nobodys():
    play = two_talking()
    ignored = play.router.ignored
    assert play.at(60_000, ShiftEnds(OperatorId("nobody"), Millis(1))) == []
    assert play.router.ignored == ignored + 1
