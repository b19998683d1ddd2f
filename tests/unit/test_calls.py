"""The record of calls and the figures made from it, driven by the real router."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd import views
from acd.alerts import Alerts
from acd.calls import CallBook
from acd.core.commands import Decided, LeaveQueue
from acd.core.contacts import Stage
from acd.core.events import (
    CallbackAccepted,
    CallbackAnswered,
    CallerHungUp,
    CallerLeft,
    Connected,
    ContactFound,
    ContactQueued,
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
    Ticked,
)
from acd.core.names import ContactId, Millis
from acd.core.router import Router
from acd.figures import Figures, QueueSums
from acd.roster import Roster
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
    RU,
    SOCIAL,
    WRAP_UP,
    A,
    B,
    C,
    on_duty,
    operator,
    queued,
    rules,
)

ZONE = ZoneInfo("Asia/Almaty")
MIDNIGHT = 1_795_374_000_000
"""2026-11-23 00:00 in Almaty."""
STAFF = (
    operator(A, {RU: 5}, {PENSION: 5}),
    operator(B, {RU: 4}, {PENSION: 4, ANY: 3}),
    operator(C, {KK: 5}, {EDS: 5}, wrap_up_ms=Millis(0)),
)
SUMS = ("answered", "abandoned", "callbacks", "overflowed")


class Archive:
    """Keeps the last state of every call, and what operators did."""

    def __init__(self):
        self.calls = {}
        self.entries = []
        self.decisions = []
        self.intervals = []
        self.standings = []

    def call(self, call):
        self.calls[call.id] = call

    def entry(self, call, entry):
        self.entries.append((call, entry))

    def decision(self, seq, decision):
        self.decisions.append((seq, decision))

    def interval(self, interval):
        self.intervals.append(interval)

    def standing(self, standing):
        self.standings.append(standing)


class Centre:
    """Router, book, roster and figures, wired as the service wires them; `at` is its loop."""

    def __init__(self, *ready, with_rules=None, start=MIDNIGHT + 36_000_000):
        self.start = self.now = start
        self.router = Router(with_rules or rules(*STAFF))
        self.figures = Figures(30_000, Millis(MIDNIGHT))
        self.archive = Archive()
        self.changed = []
        self.book = CallBook(self.router, self.archive, self.figures, lambda: self.now, "n1")
        self.roster = Roster(self.archive, self.figures, self.book.wrapped_up, self.changed.append)
        self.roster.look(self.router.seats, self.now)
        for event in on_duty(*ready):
            self.send(event)

    def send(self, event):
        before = self.router.contact(getattr(event, "contact", ""))
        commands = self.router.handle(event, Millis(self.now))
        self.book.observe(event, commands, before)
        self.roster.look(self.router.touched, Millis(self.now))

    def at(self, after_ms, *events):
        """Let time pass until so long after the start, then hand in the events."""
        until = self.start + after_ms
        while (wake := self.router.wake_at()) is not None and wake <= until:
            self.now = max(self.now, wake)
            self.send(Ticked())
        self.now = until
        for event in events:
            self.send(event)

    def queue(self, contact=AIGUL, after_ms=0, number="77010001122", **more):
        self.at(after_ms)
        self.book.call_arrived(contact, number)
        self.send(queued(contact, self.now, **more))

    def connect(self, after_ms, contact=AIGUL, operator=A):
        self.at(after_ms, OperatorAnswered(contact, operator), Connected(contact, operator))

    @property
    def present(self):
        return views.Present(self.router, self.book, self.figures, ZONE, Millis(self.now))

    def row(self, queue=SOCIAL):
        return next(row for row in views.queue_rows(self.present) if row["queue"] == queue)

    def person(self, operator=A):
        return next(r for r in views.operator_rows(self.present) if r["operator"] == operator)

    def call(self, contact=AIGUL):
        return self.archive.calls[contact]

    def events(self, contact=AIGUL):
        return [entry.event for call, entry in self.archive.entries if call == contact]


def figures(row, *names):
    return tuple(row[name] for name in names)


# Service level, abandons, null


def test_nothing_offered_is_null_and_not_zero():
    row = Centre().row()
    assert figures(row, "service_level", "asa_s", "longest_wait_s") == (None, None, None)
    assert figures(row, "offered", "answered", "waiting") == (0, 0, 0)
    assert views.monitor(Centre().present, [])["service_level"] is None


@pytest.mark.parametrize(("wait_ms", "in_target"), [(0, 1), (30_000, 1), (30_001, 0)])
def test_the_service_level_counts_answers_within_the_target_of_all_offered(wait_ms, in_target):
    centre = Centre()
    centre.queue()
    centre.queue(BOLAT, 0)
    centre.at(max(0, wait_ms - 1), *on_duty(A))
    centre.connect(wait_ms)
    row = centre.row()
    assert figures(row, "offered", "answered", "waiting") == (2, 1, 1)
    assert row["answered_in_target"] == in_target
    assert row["service_level"] == in_target / 2
    assert row["asa_s"] == wait_ms / 1000
    assert views.monitor(centre.present, [])["service_level"] == in_target / 2


def test_ringing_and_the_whisper_are_part_of_the_wait():
    centre = Centre(A)
    centre.queue()
    centre.at(4000, OperatorAnswered(AIGUL, A))
    assert figures(centre.row(), "answered", "waiting", "longest_wait_s") == (0, 1, 4.0)
    centre.at(6000, Connected(AIGUL, A))
    assert centre.call().wait_ms == 6000
    assert figures(centre.row(), "answered", "waiting", "longest_wait_s") == (1, 0, None)


def test_the_mean_answer_time_is_of_answered_calls_only():
    centre = Centre(A, B)
    centre.queue()
    centre.connect(2000)
    centre.queue(BOLAT, 2000)
    centre.connect(8000, BOLAT, B)
    centre.queue(CHEN, 8000)
    centre.at(20_000, CallerHungUp(CHEN))
    row = centre.row()
    assert figures(row, "asa_s", "offered", "answered", "abandoned") == (4.0, 3, 2, 1)
    assert row["service_level"] == round(2 / 3, 4)


@pytest.mark.parametrize(("wait_ms", "short"), [(0, 1), (4999, 1), (5000, 0), (31_000, 0)])
def test_a_caller_who_gives_up_under_five_seconds_is_a_short_abandon_and_still_one(wait_ms, short):
    centre = Centre()
    centre.queue()
    centre.at(wait_ms, CallerHungUp(AIGUL))
    row = centre.row()
    assert figures(row, "offered", "abandoned", "abandoned_short") == (1, 1, short)
    assert row["service_level"] == 0.0
    assert (centre.call().outcome, centre.call().wait_ms) == ("abandoned", wait_ms)


def test_whom_the_fallback_took_waits_on_and_is_answered_there():
    centre = Centre(A)
    centre.send(OperatorPaused(A, "lunch"))
    centre.queue()
    centre.at(9000, CallerLeft(AIGUL))
    centre.book.fallback_entered(AIGUL, centre.now)
    assert figures(centre.row(), "offered", "waiting", "longest_wait_s") == (1, 1, 9.0)
    (caller,) = views.caller_rows(centre.present)
    assert figures(caller, "stage", "wait_s") == ("fallback", 9.0)
    found = ContactFound(queued(at=centre.start), A, is_talking=True, since=Millis(centre.now))
    centre.at(9500, found)
    assert figures(centre.row(), "offered", "waiting", "answered") == (1, 0, 1)
    assert figures(centre.person(), "state", "queue") == ("talking", "social")
    centre.at(29_000, OperatorHungUp(AIGUL, A))
    centre.book.call_gone(AIGUL)
    call = centre.call()
    assert (call.outcome, call.wait_ms, call.fallback) == ("answered", 9000, True)
    assert call.handle_ms == 20_000 and figures(centre.person(), "state") == ("wrap_up",)


def test_who_gives_up_in_the_fallback_has_abandoned():
    centre = Centre()
    centre.queue()
    centre.at(2000, CallerLeft(AIGUL))
    centre.book.fallback_entered(AIGUL, centre.now)
    centre.at(12_000)
    centre.book.call_gone(AIGUL)
    assert figures(centre.row(), "offered", "abandoned", "waiting") == (1, 1, 0)
    assert (centre.call().outcome, centre.call().wait_ms) == ("abandoned", 12_000)


def test_an_operator_who_hangs_up_at_once_in_the_fallback_has_not_answered():
    centre = Centre(A)
    centre.send(OperatorPaused(A, "lunch"))
    centre.queue()
    centre.at(2000, CallerLeft(AIGUL))
    found = ContactFound(queued(at=centre.start), A, is_talking=True, since=Millis(centre.now))
    centre.at(3000, found)
    centre.at(3500, CallerLeft(AIGUL))
    centre.book.fallback_again(AIGUL)
    assert figures(centre.row(), "waiting", "answered") == (1, 0)
    assert centre.call().wait_ms is None and centre.call().handle_ms is None


def test_a_caller_counts_in_the_queue_first_entered_whoever_answers():
    centre = Centre(B)
    centre.send(OperatorPaused(B, "lunch"))
    centre.queue(topic=CHILD)
    centre.at(31_000, OperatorReady(B))
    assert centre.router.contact(AIGUL).operator == B, "through the overflow to general"
    centre.connect(32_000, operator=B)
    assert figures(centre.row(SOCIAL), "offered", "answered") == (1, 1)
    assert figures(centre.row(GENERAL), "offered", "answered") == (0, 0)


# What is an answer


def test_an_operator_who_hangs_up_at_once_has_not_answered_and_the_wait_goes_on():
    centre = Centre(A)
    centre.queue()
    centre.connect(2000)
    assert centre.row()["answered"] == 1
    centre.at(4000, OfferFailed(AIGUL, A, OfferFailure.HUNG_UP_AT_ONCE))
    row = centre.row()
    assert figures(row, "answered", "waiting", "longest_wait_s") == (0, 1, 4.0)
    centre.at(9000, CallerHungUp(AIGUL))
    assert figures(centre.row(), "answered", "abandoned", "offered") == (0, 1, 1)
    assert (centre.call().outcome, centre.call().wait_ms, centre.call().operator) == (
        "abandoned",
        9000,
        None,
    )
    me = centre.person()
    assert figures(me, "calls_today", "state", "reason") == (0, "paused", "hung_up_at_once")


def test_a_caller_whose_operator_was_lost_counts_once_with_the_first_wait():
    centre = Centre(A)
    centre.queue()
    centre.connect(5000)
    centre.at(65_000, OperatorLost(AIGUL, A))
    row = centre.row()
    assert figures(row, "offered", "answered", "waiting") == (1, 0, 1)
    centre.at(66_000, *on_duty(B))
    centre.connect(70_000, operator=B)
    assert figures(centre.row(), "offered", "answered", "waiting", "asa_s") == (1, 1, 0, 5.0)
    centre.at(90_000, OperatorHungUp(AIGUL, B))
    assert figures(centre.row(), "offered", "answered", "waiting", "asa_s") == (1, 1, 0, 5.0)
    assert figures(centre.person(A), "calls_today") == (1,)
    assert figures(centre.person(B), "calls_today") == (1,)


@pytest.mark.parametrize("end", [CallerHungUp(AIGUL), CallerLeft(AIGUL)])
def test_a_returned_caller_who_gives_up_was_answered_before(end):
    centre = Centre(A)
    centre.queue()
    centre.connect(5000)
    centre.at(65_000, OperatorLost(AIGUL, A))
    centre.at(80_000, end)
    centre.book.call_gone(AIGUL)
    assert figures(centre.row(), "offered", "answered", "abandoned") == (1, 1, 0)
    assert (centre.call().outcome, centre.call().wait_ms) == ("answered", 5000)
    assert centre.call().handle_ms == 60_000, "the second wait is nobody's handling"


def test_two_conversations_of_one_call_add_up():
    centre = Centre(A)
    centre.queue()
    centre.connect(5000)
    centre.at(65_000, OperatorLost(AIGUL, A))
    centre.at(66_000, *on_duty(B))
    centre.connect(67_000, operator=B)
    centre.at(87_000, OperatorHungUp(AIGUL, B))
    assert (centre.call().handle_ms, centre.call().wait_ms) == (80_000, 5000)


def test_a_second_operator_who_hangs_up_at_once_does_not_undo_the_first_answer():
    centre = Centre(A)
    centre.queue()
    centre.connect(5000)
    centre.at(65_000, OperatorLost(AIGUL, A))
    centre.at(66_000, *on_duty(B))
    centre.connect(67_000, operator=B)
    centre.at(68_000, OfferFailed(AIGUL, B, OfferFailure.HUNG_UP_AT_ONCE))
    centre.at(70_000, CallerHungUp(AIGUL))
    assert (centre.call().outcome, centre.call().wait_ms) == ("answered", 5000)
    assert figures(centre.row(), "answered", "abandoned") == (1, 0)


def test_a_late_hang_up_of_an_operator_given_up_closes_nothing():
    centre = Centre(A)
    centre.queue()
    centre.connect(5000)
    centre.at(10_000, OperatorLost(AIGUL, A), OperatorHungUp(AIGUL, A))
    assert figures(centre.row(), "offered", "answered", "waiting") == (1, 0, 1)
    centre.at(12_000, CallerHungUp(AIGUL))
    assert figures(centre.row(), "offered", "answered", "abandoned", "waiting") == (1, 1, 0, 0)


def test_a_bridge_with_somebody_unknown_is_no_answer():
    centre = Centre()
    centre.queue()
    centre.at(3000, Connected(AIGUL, "stranger"))
    assert figures(centre.row(), "answered", "waiting") == (0, 1)
    assert centre.call().wait_ms is None


def test_an_outcome_is_final_and_a_second_stay_is_not_offered_again():
    centre = Centre(A, B)
    centre.queue()
    centre.connect(5000)
    centre.at(60_000, OperatorHungUp(AIGUL, A))
    centre.send(queued(AIGUL, centre.now))
    centre.at(62_000, CallerHungUp(AIGUL))
    centre.book.call_gone(AIGUL)
    assert figures(centre.row(), "offered", "answered", "abandoned") == (1, 1, 0)
    assert (centre.call().outcome, centre.call().wait_ms) == ("answered", 5000)


# Whom the ladder sends away


def left(centre, after_ms, contact=AIGUL):
    """The router has closed the contact, and says where the caller goes."""
    centre.at(after_ms)
    commands = [LeaveQueue(contact, "voicemail")]
    before = centre.router.contact(contact)
    centre.router.handle(CallerLeft(contact), Millis(centre.now))
    centre.book.observe(Ticked(), commands, before)


def test_who_is_led_out_of_the_queue_counts_as_overflowed_with_the_wait_until_then():
    centre = Centre()
    centre.queue()
    left(centre, 30_000)
    row = centre.row()
    assert figures(row, "offered", "overflowed", "waiting") == (1, 1, 0)
    centre.at(90_000, CallerHungUp(AIGUL))
    centre.book.call_gone(AIGUL)
    assert (centre.call().outcome, centre.call().wait_ms) == ("overflowed", 30_000)
    assert figures(centre.row(), "offered", "overflowed", "abandoned") == (1, 1, 0)
    assert "left_queue" in centre.events()


def test_who_comes_back_into_the_queue_waits_on_with_the_first_clock():
    centre = Centre()
    centre.queue()
    left(centre, 30_000)
    centre.at(50_000, queued(AIGUL, centre.start + 50_000, topic=EDS, queue=EGOV))
    assert figures(centre.row(), "offered", "overflowed", "waiting") == (1, 0, 1)
    assert figures(centre.row(EGOV), "offered", "overflowed", "waiting") == (0, 0, 0)
    for event in on_duty(C):
        centre.at(60_000, event)
    centre.at(60_000, CallerHungUp(AIGUL))
    assert (centre.call().outcome, centre.call().wait_ms) == ("abandoned", 60_000)
    assert figures(centre.row(), "offered", "overflowed", "abandoned", "waiting") == (1, 0, 1, 0)


def test_a_message_after_the_queue_changes_no_outcome():
    centre = Centre()
    centre.queue()
    left(centre, 30_000)
    centre.at(40_000)
    centre.book.message_left(AIGUL, "c.wav")
    assert figures(centre.row(), "offered", "overflowed") == (1, 1)
    assert centre.call().wait_ms == 30_000


# What was expected


def decide(centre, estimated_wait_ms, contact=AIGUL):
    decided = Decided(
        contact, Millis(centre.now), "widen", None, (), {}, Millis(0), 1,
        estimated_wait_ms=estimated_wait_ms,
    )  # fmt: skip
    centre.book.observe(Ticked(), [decided], None)


@pytest.mark.parametrize(("ms", "shown", "never"), [(14_000, 14.0, False), (-1, None, True)])
def test_the_wait_expected_first_is_kept_beside_what_it_came_to(ms, shown, never):
    centre = Centre(A)
    centre.at(0)
    centre.book.call_arrived(AIGUL, "77010001122")
    decide(centre, ms)
    decide(centre, 99_000)
    row = views.call_row(centre.call(), ZONE)
    assert (row["estimated_wait_s"], row["estimated_never"]) == (shown, never)


# Calls that never were in a queue


def test_calls_outside_the_queues_have_outcomes_of_their_own():
    centre = Centre()
    for call in ("left", "finished"):
        centre.book.call_arrived(call, "77010001122")
    centre.book.menu_over("finished")
    for call in ("left", "finished"):
        centre.book.call_gone(call)
    outcomes = {id_: call.outcome for id_, call in centre.archive.calls.items()}
    assert outcomes == {
        "left": "left_menu",
        "finished": "finished_in_menu",
    }
    assert all(row["offered"] == 0 for row in views.queue_rows(centre.present))


def test_who_went_from_the_menu_to_the_fallback_is_offered_among_general_questions():
    centre = Centre()
    centre.book.call_arrived("straight", "77010001122")
    began = centre.now
    centre.at(5000)
    centre.book.fallback_entered("straight", began)
    centre.book.fallback_entered("straight", began)
    centre.book.message_left("straight", "straight.wav")
    centre.book.call_gone("straight")
    call = centre.archive.calls["straight"]
    assert (call.queue, call.queued_at, call.outcome) == ("general", began, "overflowed")
    row = next(row for row in views.queue_rows(centre.present) if row["queue"] == "general")
    assert figures(row, "offered", "overflowed") == (1, 1)


def test_a_call_found_in_conversation_has_the_wait_it_had():
    centre = Centre(A)
    centre.book.call_arrived(AIGUL, "77010001122", centre.start - 20_000)
    before = ContactQueued(AIGUL, SOCIAL, PENSION, RU, Millis(centre.start - 15_000))
    since = Millis(centre.start - 5000)
    centre.send(ContactFound(before, A, is_talking=True, since=since))
    assert (centre.call().arrived_at, centre.call().wait_ms) == (centre.start - 20_000, 10_000)
    centre.at(1000, OperatorHungUp(AIGUL, A))
    assert centre.call().handle_ms == 6000
    (talk,) = [each for each in centre.archive.intervals if each.state == "talking"]
    assert talk.ended_at - talk.began_at == 6000


def test_the_menus_goodbye_after_a_conversation_changes_no_outcome():
    centre = Centre(A)
    centre.queue()
    centre.connect(1000)
    centre.at(60_000, OperatorHungUp(AIGUL, A))
    centre.book.menu_over(AIGUL)
    centre.book.call_gone(AIGUL)
    assert centre.call().outcome == "answered"


def test_a_channel_that_vanished_while_waiting_is_an_abandon():
    centre = Centre()
    centre.queue()
    centre.at(7000)
    centre.book.call_gone(AIGUL)
    assert centre.call().outcome == "abandoned"
    assert centre.row()["abandoned"] == 1


def test_news_of_an_ended_call_reopens_nothing():
    centre = Centre(A)
    centre.queue()
    centre.at(1000, CallerHungUp(AIGUL))
    centre.book.call_gone(AIGUL)
    before = centre.events()
    centre.book.call_event(AIGUL, "ringing", operator=A)
    centre.book.menu_over(AIGUL)
    centre.book.call_gone(AIGUL)
    centre.at(2000, OfferFailed(AIGUL, A, OfferFailure.NO_ANSWER), CallerHungUp(AIGUL))
    assert centre.events() == before == ["arrived", "queued", "offered", "caller_hung_up", "ended"]
    assert centre.row()["abandoned"] == 1


def test_the_timeline_is_numbered_without_gaps_and_tells_what_happened():
    centre = Centre(A)
    centre.queue()
    centre.connect(2000)
    centre.at(60_000, OperatorHungUp(AIGUL, A))
    centre.book.call_gone(AIGUL)
    assert centre.events() == [
        "arrived",
        "queued",
        "offered",
        "operator_answered",
        "connected",
        "operator_hung_up",
        "ended",
    ]
    assert [entry.seq for _, entry in centre.archive.entries] == list(range(7))
    story = views.call_story(centre.call(), ZONE, lambda decision: decision.rule)
    assert story["arrived_at"] == "2026-11-23T10:00:00.000+05:00"
    assert story["timeline"][4]["wait_ms"] == 2000
    assert [d["taken"] for d in story["decisions"]] == [A]
    assert story["decisions"][0]["why"] == "order_of_choice"
    assert (story["wait_s"], story["handle_s"], story["outcome"]) == (2.0, 58.0, "answered")
    assert centre.call().skill_level == 5


# Midnight


def test_a_new_day_begins_with_the_calls_queued_in_it_and_still_open():
    centre = Centre(A, B, start=MIDNIGHT + 86_400_000 - 10_000)
    centre.queue()
    centre.connect(1000)
    centre.queue(BOLAT, 5000)
    centre.queue(CHEN, 11_000, topic=EDS, queue=EGOV, language=KK)
    tomorrow = MIDNIGHT + 86_400_000
    still_open = [(call.queue, call.queued_at) for call in centre.book.live]
    centre.figures.roll(Millis(tomorrow), still_open)
    assert figures(centre.row(SOCIAL), "offered", "answered", "service_level") == (0, 0, None)
    assert figures(centre.row(EGOV), "offered", "waiting") == (1, 1)
    assert centre.person(A)["calls_today"] == 0
    centre.at(20_000, OperatorHungUp(AIGUL, A), CallerHungUp(BOLAT), CallerHungUp(CHEN))
    assert figures(centre.row(SOCIAL), "offered", "answered", "abandoned") == (0, 0, 0)
    assert figures(centre.row(EGOV), "offered", "abandoned") == (1, 1)
    assert centre.call(AIGUL).outcome == "answered"


# Operators


def test_an_operators_day_adds_up():
    centre = Centre(A)
    centre.queue()
    centre.connect(2000)
    centre.at(62_000, OperatorHungUp(AIGUL, A))
    assert figures(centre.person(), "state", "calls_today", "handle_s_today") == ("wrap_up", 1, 60)
    centre.at(65_000, OperatorWrappedUp(A))
    me = centre.person()
    assert figures(me, "state", "state_s", "handle_s_today") == ("ready", 0.0, 63.0)
    assert centre.call().handle_ms == 63_000
    spans = [(i.state, i.ended_at - i.began_at, i.call) for i in centre.archive.intervals]
    assert spans[1:] == [
        ("ringing", 2000, AIGUL),
        ("talking", 60_000, AIGUL),
        ("wrap_up", 3000, None),
    ]


def test_a_wrap_up_that_runs_out_by_itself_is_counted_to_its_end():
    centre = Centre(A)
    centre.queue()
    centre.connect(0)
    centre.at(10_000, CallerHungUp(AIGUL))
    centre.book.call_gone(AIGUL)
    centre.at(100_000)
    assert centre.person()["handle_s_today"] == (10_000 + WRAP_UP) / 1000
    assert centre.call().handle_ms == 10_000 + WRAP_UP


def test_a_missed_offer_is_one_rona_and_is_kept_as_one():
    centre = Centre(A)
    centre.queue()
    centre.at(8000, OfferFailed(AIGUL, A, OfferFailure.NO_ANSWER))
    assert figures(centre.person(), "state", "reason", "rona_today") == ("paused", "rona", 1)
    ring = [i for i in centre.archive.intervals if i.state == "ringing"]
    assert [(i.reason, i.ended_at - i.began_at) for i in ring] == [("rona", 8000)]
    assert centre.archive.standings[-1].pause == "rona"
    centre.at(9000, OperatorReady(A))
    assert centre.person()["rona_today"] == 1


@pytest.mark.parametrize("why", [w for w in OfferFailure if w is not OfferFailure.NO_ANSWER])
def test_other_failures_are_no_rona(why):
    centre = Centre(A)
    centre.queue()
    centre.at(3000, OfferFailed(AIGUL, A, why))
    state = "ringing" if why is OfferFailure.UNSEEN else "paused"  # nobody's fault: rung again
    assert figures(centre.person(), "state", "rona_today", "calls_today") == (state, 0, 0)


def test_a_pause_restored_after_a_restart_is_not_another_rona():
    centre = Centre(A)
    centre.send(OperatorPaused(A, "rona"))
    assert figures(centre.person(), "reason", "rona_today") == ("rona", 0)


def test_only_changes_of_an_operator_are_reported():
    centre = Centre(A)
    before = len(centre.changed)
    centre.send(OperatorReady(A))
    centre.send(PhoneChanged(A, Phone.FREE))
    assert len(centre.changed) == before
    centre.send(OperatorLoggedOut(A))
    assert [seat.profile.id for seat in centre.changed[before:]] == [A]
    assert centre.person()["state"] == "offline"


def test_operators_are_counted_in_the_queues_of_their_topics_at_the_queues_level():
    centre = Centre(A, B)
    centre.send(OperatorPaused(B, "lunch"))
    rows = {q: figures(centre.row(q), "ready", "paused") for q in (SOCIAL, GENERAL, EGOV)}
    assert rows == {SOCIAL: (1, 1), GENERAL: (0, 1), EGOV: (0, 0)}


# Callers and alerts


def test_callers_stand_in_the_order_of_service_with_their_place_in_each_queue():
    centre = Centre()
    centre.queue(AIGUL, 0)
    centre.queue(CHEN, 1000, topic=EDS, queue=EGOV, language=KK)
    centre.queue(BOLAT, 4000, priority_ms=10_000)
    centre.at(12_000)
    rows = views.caller_rows(centre.present)
    assert [figures(r, "call", "queue", "position", "wait_s", "deadline_in_s") for r in rows] == [
        (BOLAT, SOCIAL, 1, 8.0, 22.0),
        (AIGUL, SOCIAL, 2, 12.0, 18.0),
        (CHEN, EGOV, 1, 11.0, 19.0),
    ]
    assert [figures(r, "priority", "step", "stage") for r in rows] == [
        (10, 0, "waiting"),
        (0, 1, "waiting"),
        (0, 0, "waiting"),
    ]
    centre.at(31_000)
    assert views.caller_rows(centre.present)[1]["deadline_in_s"] == -1.0


def test_a_caller_being_rung_for_is_listed_and_one_in_conversation_is_not():
    centre = Centre(A)
    centre.queue()
    (row,) = views.caller_rows(centre.present)
    assert figures(row, "stage", "operator") == ("ringing", A)
    assert figures(centre.row(), "waiting", "ringing") == (1, 1)
    centre.connect(1000)
    assert views.caller_rows(centre.present) == []
    assert figures(centre.person(), "call", "queue", "language") == (AIGUL, SOCIAL, RU)


def test_a_returned_caller_is_first():
    centre = Centre(A)
    centre.queue(AIGUL)
    centre.connect(1000)
    centre.queue(BOLAT, 2000, priority_ms=60_000)
    centre.at(30_000, OperatorLost(AIGUL, A))
    assert [row["call"] for row in views.caller_rows(centre.present)] == [AIGUL, BOLAT]


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+77010001122", "+77010****22"),
        ("77010001122", "77010****22"),
        ("1414", "****"),
        ("", ""),
        ("12345", "****45"),
        ("1234567", "1****67"),
    ],
)
def test_numbers_are_shown_without_what_singles_out_a_person(number, shown):
    assert views.masked(number) == shown


def test_no_view_shows_a_whole_number():
    centre = Centre(A)
    centre.queue(number="77010001122")
    assert "0001122" not in str(views.monitor(centre.present, []))
    assert "77010****22" in str(views.caller_rows(centre.present))


def test_alerts_begin_with_their_cause_keep_their_time_and_end_with_it():
    centre, alerts = Centre(), Alerts(ZONE)

    def shown(database=None):
        rows = alerts.rows(centre.present, database)
        return [(row["what"], row["since"][11:19]) for row in rows]

    assert shown() == []
    centre.queue()
    nobody = "callers wait and no operator is logged in"
    late = "social: callers wait longer than the target"
    assert shown() == [(nobody, "10:00:00")]
    centre.at(30_000)
    assert shown() == [(nobody, "10:00:00")]
    centre.at(30_001, OperatorReady(C))
    assert shown() == [(late, "10:00:30")]
    centre.at(40_000)
    alerts.asterisk("no answer", Millis(centre.now))
    alerts.prompts_missing(["kk/goodbye"], Millis(centre.now))
    centre.at(41_000)
    alerts.asterisk("still no answer", Millis(centre.now))
    assert shown("disk full") == [
        ("asterisk: no answer", "10:00:40"),
        ("database: disk full", "10:00:41"),
        (late, "10:00:30"),
        ("1 prompts missing: kk/goodbye", "10:00:40"),
    ]
    alerts.asterisk(None, Millis(centre.now))
    alerts.prompts_missing([], Millis(centre.now))
    centre.send(CallerHungUp(AIGUL))
    assert shown() == []


# Whatever happens


def recount(centre, queue):
    """The figures of a queue, from the calls on record alone."""
    sums, waiting = QueueSums(), 0
    for call in centre.archive.calls.values():
        if call.queue != queue or call.queued_at < centre.figures.begins:
            continue
        sums.offered += 1
        contact = centre.router.contact(ContactId(call.id))
        if call.outcome is not None:
            sums.add(call.outcome, call.wait_ms, 30_000)
        elif contact is not None and contact.stage is Stage.TALKING:
            sums.add("answered", call.wait_ms, 30_000)
        else:
            waiting += 1
    return sums, waiting


WHICH = st.integers(0, 4)
STAFFED = st.sampled_from((A, B, C))
HAPPENINGS = st.one_of(
    st.tuples(st.just("queue"), st.sampled_from(((PENSION, SOCIAL), (EDS, EGOV)))),
    st.tuples(st.just("answer"), WHICH),
    st.tuples(st.just("fail"), WHICH, st.sampled_from(list(OfferFailure))),
    st.tuples(st.just("over"), WHICH, st.sampled_from((OperatorHungUp, OperatorLost))),
    st.tuples(st.just("stray"), WHICH, STAFFED, st.sampled_from((OperatorHungUp, Connected))),
    st.tuples(st.just("end"), WHICH, st.sampled_from((CallerHungUp, CallerLeft))),
    st.tuples(st.just("gone"), WHICH),
    st.tuples(st.just("ready"), STAFFED),
    st.tuples(st.just("logout"), STAFFED),
    st.tuples(st.just("phone"), STAFFED, st.sampled_from(list(Phone))),
    st.tuples(st.just("wait"), st.sampled_from((1, 4999, 5000, 12_000, 30_001))),
    st.tuples(st.just("midnight")),
    st.tuples(st.just("accept"), WHICH),
    st.tuples(st.just("pick up"), WHICH),
    st.tuples(st.just("leave"), WHICH),
    st.tuples(st.just("again"), WHICH),
)


def happen(centre, what, *more):  # noqa: C901 - one row per happening
    contact = None
    if contacts := list(centre.router.contacts):
        contact = contacts[more[0] % len(contacts)] if more and isinstance(more[0], int) else None
    match what:
        case "queue":
            topic, queue = more[0]
            new = ContactId(f"c{len(centre.archive.calls)}")
            language = KK if topic is EDS else RU
            centre.book.call_arrived(new, "77010001122")
            centre.send(ContactQueued(new, queue, topic, language, Millis(centre.now)))
        case "answer" if contact and contact.operator:
            operator = contact.operator
            centre.send(OperatorAnswered(contact.id, operator))
            centre.send(Connected(contact.id, operator))
        case "fail" if contact and contact.operator:
            centre.send(OfferFailed(contact.id, contact.operator, more[1]))
        case "over" if contact and contact.operator:
            centre.send(more[1](contact.id, contact.operator))
        case "stray" if contact:
            centre.send(more[2](contact.id, more[1]))
        case "end" if contact:
            centre.send(more[1](contact.id))
        case "gone" if centre.book.live:
            call = centre.book.live[more[0] % len(centre.book.live)].id
            centre.send(CallerHungUp(call))
            centre.book.call_gone(call)
        case "ready":
            for event in on_duty(more[0]):
                centre.send(event)
        case "logout":
            centre.send(OperatorLoggedOut(more[0]))
        case "phone":
            centre.send(PhoneChanged(more[0], more[1]))
        case "wait":
            centre.at(centre.now - centre.start + more[0])
        case "accept" if contact:
            centre.send(CallbackAccepted(contact.id, f"number of {contact.id}"))
        case "pick up" if contact:
            centre.send(CallbackAnswered(contact.id))
        case "leave" if contact and contact.stage is Stage.WAITING and contact.callback is None:
            left(centre, centre.now - centre.start, contact.id)
        case "again" if centre.book.live:
            call = centre.book.live[more[0] % len(centre.book.live)]
            if call.outcome == "overflowed":
                centre.send(ContactQueued(ContactId(call.id), SOCIAL, PENSION, RU, centre.now))
        case "midnight":
            still = [(c.queue, c.queued_at) for c in centre.book.live if c.outcome is None]
            centre.at(centre.now - centre.start + 1)
            centre.figures.roll(Millis(centre.now), still)


@given(st.lists(HAPPENINGS, min_size=30, max_size=80))
def test_whatever_happens_offered_is_the_sum_of_what_became_of_the_callers(history):
    centre = Centre(A, B, C)
    for happening in history:
        happen(centre, *happening)
        total = 0
        for row in views.queue_rows(centre.present):
            sums, waiting = recount(centre, row["queue"])
            assert {key: row[key] for key in views.sums_row(sums)} == views.sums_row(sums)
            assert row["offered"] == sum(row[name] for name in SUMS) + waiting
            if centre.figures.begins == MIDNIGHT:
                assert row["waiting"] == waiting
            assert row["answered_in_target"] <= row["answered"]
            assert row["abandoned_short"] <= row["abandoned"]
            total += row["offered"]
        assert views.queue_sums(centre.present, None).offered == total
    entries = {}
    for call, entry in centre.archive.entries:
        assert entry.seq == entries.get(call, -1) + 1
        entries[call] = entry.seq
