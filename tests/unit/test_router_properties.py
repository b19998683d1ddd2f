"""Whatever happens in whatever order, nobody is rung twice, forgotten, or left without a step.

The machine plays Asterisk: it carries out what the router commands, late or early, and lets
callers, operators and phones do what they like, at the boundaries of every limit.
"""

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from acd.core.callbacks import callback_id
from acd.core.commands import (
    CallbackGivenUp,
    CancelOffer,
    Decided,
    DialCallback,
    LeaveQueue,
    Offer,
    OfferCallbackTo,
    PlayMessage,
    ReturnCaller,
    Tell,
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
    CallerLeft,
    Connected,
    ContactFound,
    HourChanged,
    LinkChanged,
    OfferFailed,
    OfferFailure,
    OffersHeld,
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
    ShiftEnds,
    Ticked,
)
from acd.core.names import ContactId, Millis
from acd.core.queues import (
    Announce,
    CallbackRules,
    Leave,
    Message,
    OfferCallback,
    OverflowTo,
    Raise,
    Reserve,
    Routing,
    Widen,
)
from acd.core.router import OFFER_GRACE_MS, Router
from acd.core.seats import Work
from acd.core.skills import missing
from tests.unit.routing import (
    ANY,
    CHILD,
    EDS,
    EGOV,
    EN,
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
    operator,
    queued,
    rules,
    when,
)

ROSTER = (
    operator(A, {RU: 5}, {PENSION: 5}),
    operator(B, {RU: 4, KK: 5}, {CHILD: 5, PENSION: 2, ANY: 3}, reserve=True),
    operator(C, {KK: 3, EN: 1}, {EDS: 5, ANY: 1}, wrap_up_ms=Millis(0)),
)
LADDERS = (
    None,
    (
        Widen(Millis(10_000), None, 1),
        Reserve(None, when("predicted_wait", ">", 30_000, 20_000)),
        OfferCallback(Millis(20_000)),
        Raise(None, Millis(15_000), when("waiting", ">=", 3, 2)),
        Leave(Millis(30_000), "voicemail"),
    ),
    (
        Message(None, "still_waiting", when("ready", "<", 1, 0)),
        OfferCallback(None, when("waited", ">=", 2000, 0)),
        OverflowTo(Millis(25_000), GENERAL, when("longest_wait", ">", 9000)),
        Leave(None, "menu", when("hour", ">=", 20, 20)),
        Widen(Millis(30_000), 1, 0),
    ),
)
MORE = {
    "announce": Announce(Millis(2000), Millis(5000), position=True, wait=True),
    "callback": CallbackRules(2, Millis(10_000), Millis(9000), Millis(120_000)),
    "priority_ms": Millis(2000),
}
PLANS = [
    rules(*roster, ladder=ladder, routing=routing, **MORE)
    for roster, ladder, routing in (
        (ROSTER, LADDERS[0], Routing()),
        (ROSTER, LADDERS[1], Routing(order="first_come")),
        (ROSTER[:2], LADDERS[1], Routing(idle="least_loaded")),
        (ROSTER, LADDERS[2], Routing(cap_ms=Millis(40_000))),
        (ROSTER[1:], LADDERS[2], Routing()),
    )
]
PLANS += [
    replace(PLANS[1], last_offer_ms=Millis(30_000), auto_logout=True),
    replace(PLANS[0], last_offer_ms=Millis(0)),
]
OPERATORS = st.sampled_from((A, B, C))
STEPS = st.sampled_from(
    (0, 1, 999, 2000, RING - 1, RING, 10_000, WRAP_UP, 29_999, 30_000, RING + OFFER_GRACE_MS)
)
TOPICS = st.sampled_from(((PENSION, SOCIAL), (EDS, EGOV), (ANY, GENERAL), (EGOV, EGOV)))


class Centre(RuleBasedStateMachine):
    @initialize(plan=st.sampled_from(range(len(PLANS))))
    def open(self, plan):
        self.router = Router(PLANS[plan])
        self.now = 0
        self.born = 0
        self.alive: set[ContactId] = set()
        self.ringing: dict[ContactId, str] = {}
        self.rung_by: dict[str, ContactId] = {}
        self.dialled: set[ContactId] = set()
        self.offered: set[ContactId] = set()
        self.closed: dict[ContactId, str] = {}
        self.is_linked = True

    def send(self, event):
        for command in self.router.handle(event, Millis(self.now)):
            match command:
                case Offer(contact=contact, operator=op):
                    if contact in self.dialled:
                        assert self.ringing[contact] == op, "another than the one who was kept"
                        self.dialled.discard(contact)
                        continue
                    self.take(contact, op)
                case DialCallback(contact=contact, operator=op):
                    assert not self.router.are_callbacks_held
                    self.take(contact, op)
                    self.dialled.add(contact)
                case CancelOffer(contact=contact) | ReturnCaller(contact=contact):
                    self.silence(contact)
                case LeaveQueue(contact=contact):
                    assert contact not in self.ringing, "torn away from a ringing phone"
                    self.close(contact, "overflowed")
                case CallbackGivenUp(contact=contact):
                    self.close(contact, "given_up")
                case PlayMessage() | Tell() | OfferCallbackTo():
                    assert command.contact not in self.ringing
                    assert self.closed.get(command.contact) in (None, "overflowed")
                case Decided(taken=taken, candidates=candidates):
                    self.check(command, taken, candidates)

    def check(self, decided, taken, candidates):
        assert taken is None or taken in candidates
        assert len(candidates) == min(5, decided.candidate_count)
        wait = decided.estimated_wait_ms
        assert wait is None or wait >= -1
        known = decided.candidate_count + sum(decided.refused.values())
        assert known <= len(list(self.router.seats)) + 1, "somebody is counted twice"

    def take(self, contact, op):
        assert op not in self.rung_by, f"{op} rung for two callers"
        assert contact not in self.ringing, f"{contact} rung for by two operators"
        last = self.router.seat(op).last_offer_at
        assert last is None or self.now < last, f"{op} is rung past the edge of the shift"
        self.ringing[contact], self.rung_by[op] = op, contact

    def silence(self, contact):
        self.dialled.discard(contact)
        self.rung_by.pop(self.ringing.pop(contact, ""), None)

    def close(self, contact, how):
        assert contact not in self.closed, f"{contact} closed twice"
        self.closed[contact] = how
        self.alive.discard(contact)
        self.silence(contact)

    def pick(self, data, stages, *, callbacks=None):
        """One of the contacts that are at one of these stages, None when there is none."""
        some = sorted(
            c.id
            for c in self.router.contacts
            if c.stage in stages and (callbacks is None or (c.callback is not None) == callbacks)
        )
        return data.draw(st.sampled_from(some)) if some else None

    @rule(
        step=STEPS,
        topic=TOPICS,
        language=st.sampled_from((RU, KK, EN)),
        head_start=st.sampled_from((0, 5000)),
    )
    def a_caller_queues(self, step, topic, language, head_start):
        self.now += step
        self.born += 1
        contact = ContactId(f"c{self.born}")
        self.alive.add(contact)
        self.offered.add(contact)
        self.send(
            queued(
                contact,
                self.now,
                topic=topic[0],
                queue=topic[1],
                language=language,
                priority_ms=head_start,
                prefers=(ANY,) if head_start else (),
            )
        )

    @rule(data=st.data(), left=st.booleans())
    def a_caller_goes(self, data, left):
        contact = self.pick(data, set(Stage))
        if contact is None:
            return
        if self.router.contact(contact).is_live:
            was_talking = self.router.contact(contact).stage is Stage.TALKING
            self.close(contact, "answered" if was_talking else "abandoned")
        self.send(CallerLeft(contact) if left else CallerHungUp(contact))

    @rule(data=st.data(), step=STEPS)
    def an_operator_answers(self, data, step):
        rung = sorted(set(self.ringing) - self.dialled)
        if rung:
            self.now += min(step, RING)
            contact = data.draw(st.sampled_from(rung))
            op = self.ringing[contact]
            self.send(OperatorAnswered(contact, op))
            if self.ringing.get(contact) == op:
                self.send(Connected(contact, op))

    @rule(data=st.data(), why=st.sampled_from(list(OfferFailure)))
    def an_offer_fails(self, data, why):
        rung = sorted(set(self.ringing) - self.dialled)
        if rung:
            contact = data.draw(st.sampled_from(rung))
            op = self.ringing[contact]
            self.silence(contact)
            self.send(OfferFailed(contact, op, why))

    @rule(data=st.data(), lost=st.booleans())
    def a_conversation_ends(self, data, lost):
        contact = self.pick(data, {Stage.TALKING})
        if contact is not None:
            op = self.router.contact(contact).operator
            self.silence(contact)
            if not lost:
                self.close(contact, "answered")
            self.send((OperatorLost if lost else OperatorHungUp)(contact, op))

    @rule(data=st.data(), key=st.sampled_from(("7701", "7702", "7703")))
    def a_caller_takes_a_callback(self, data, key):
        contact = self.pick(data, {Stage.WAITING, Stage.RINGING}, callbacks=False)
        if contact is None:
            return
        before = self.router.contact(contact)
        clock, head_start = before.queued_at, before.priority_ms
        is_new = self.router.callback(key) is None and callback_id(contact) not in self.closed
        self.close(contact, "callback")
        if is_new:
            self.alive.add(callback_id(contact))
        self.send(CallbackAccepted(contact, key))
        found = self.router.contact(callback_id(contact))
        if is_new and found is not None:  # None: too old by now, and given up at once
            assert (found.queued_at, found.order) == (clock, before.order)
            assert found.priority_ms >= head_start

    @rule(key=st.sampled_from(("7701", "7702", "7704")), tries=st.integers(0, 1), later=STEPS)
    def a_callback_is_restored(self, key, tries, later):
        self.born += 1
        contact = callback_id(ContactId(f"old{self.born}"))
        if self.router.callback(key) is None:
            self.alive.add(contact)
        before = queued(contact, max(0, self.now - 5000))
        self.send(CallbackRestored(before, key, tries, Millis(self.now + later)))

    @rule(data=st.data(), why=st.sampled_from((None, "no_answer", "busy", "failed", "refused")))
    def a_citizen_is_reached_or_not(self, data, why):
        contact = self.pick(data, {Stage.DIALLING}, callbacks=True)
        if contact is None:
            return
        if why is None:
            self.send(CallbackAnswered(contact))
            return
        self.silence(contact)
        self.send(CallbackFailed(contact, why))

    @rule(data=st.data())
    def a_callback_is_cancelled(self, data):
        contact = self.pick(data, set(Stage), callbacks=True)
        if contact is not None:
            if not self.router.contact(contact).is_live:
                self.close(contact, "cancelled")
            self.send(CallbackCancelled(contact))

    @rule(held=st.booleans())
    def quiet_hours_begin_or_end(self, held):
        self.send(CallbacksHeld(held))

    @rule(hour=st.sampled_from((0, 19, 20, 23)))
    def the_hour_changes(self, hour):
        self.send(HourChanged(hour))

    @rule(who=OPERATORS, later=st.sampled_from((None, -1, 0, 30_000, 60_000, 600_000)))
    def it_is_told_when_a_shift_ends(self, who, later):
        self.send(ShiftEnds(who, None if later is None else Millis(self.now + later)))

    @rule(
        who=OPERATORS,
        what=st.sampled_from((OperatorReady, OperatorWrappedUp, OperatorLoggedOut, "pause")),
    )
    def an_operator_says(self, who, what):
        self.send(OperatorPaused(who, "lunch") if what == "pause" else what(who))

    @rule(who=OPERATORS, phone=st.sampled_from(list(Phone)))
    def a_phone_changes(self, who, phone):
        self.send(PhoneChanged(who, phone))

    @rule(step=STEPS)
    def time_passes(self, step):
        until = self.now + step
        while (wake := self.router.wake_at()) is not None and wake <= until:
            self.now = max(self.now, wake)
            self.send(Ticked())
            later = self.router.wake_at()
            assert later is None or later > wake, "the live loop would spin"
        self.now = until
        self.send(Ticked())

    @rule(is_up=st.booleans())
    def the_link_breaks_or_comes_back(self, is_up):
        self.is_linked = is_up
        self.send(LinkChanged(is_up))

    @rule(held=st.booleans())
    def offers_are_held_or_made_again(self, held):
        self.send(OffersHeld(held))

    @rule(data=st.data(), who=OPERATORS, is_talking=st.booleans(), step=STEPS)
    def a_caller_is_found_with_an_operator(self, data, who, is_talking, step):
        self.born += 1
        contact = data.draw(st.sampled_from([*sorted(self.alive), ContactId(f"c{self.born}")]))
        if contact not in self.alive:
            self.alive.add(contact)
            self.offered.add(contact)
        for each in [contact, *(c for c, op in self.ringing.items() if op == who)]:
            self.silence(each)
        before = queued(contact, max(0, self.now - step))
        self.send(ContactFound(before, who, is_talking, Millis(max(0, self.now - step))))

    @rule(plan=st.sampled_from(range(len(PLANS))))
    def the_rules_are_reloaded(self, plan):
        self.send(RulesReplaced(PLANS[plan]))

    @invariant()
    def every_caller_is_in_exactly_one_place(self):
        contacts = {contact.id: contact for contact in self.router.contacts}
        assert set(contacts) == self.alive
        waiting = {c.id for c in contacts.values() if c.stage is Stage.WAITING}
        assert set(self.router.line()) == waiting
        assert len(self.router.line()) == len(waiting)
        for contact in contacts.values():
            nobody = contact.stage in (Stage.WAITING, Stage.RESTING)
            assert (contact.operator is None) == nobody
            assert (contact.stage is Stage.DIALLING) == (contact.id in self.dialled)

    @invariant()
    def every_call_has_one_outcome_or_none_yet(self):
        outcomes = [self.closed.get(contact, "waiting or talking") for contact in self.offered]
        open_ = [c for c in self.offered if c in self.alive]
        assert outcomes.count("waiting or talking") == len(open_)
        assert {"given_up", "cancelled"}.isdisjoint(outcomes), "a callback counts as no call"

    @invariant()
    def a_number_has_one_callback_and_nobody_is_called_in_quiet_hours_or_too_often(self):
        for contact in self.router.contacts:
            if contact.callback is None:
                continue
            assert self.router.callback(contact.callback.key) == contact.id
            rules_ = self.router.rules.queues[contact.queue].callback
            if rules_ is not None and not contact.callback.is_on_line:
                assert contact.callback.tries <= 2
                assert self.router.wake_at() is not None, "it would never be given up"
            if self.router.are_callbacks_held:
                assert contact.stage is not Stage.WAITING or contact.callback.is_on_line

    @invariant()
    def an_operator_has_one_caller_and_that_caller_has_that_operator(self):
        for seat in self.router.seats:
            if seat.work in (Work.RINGING, Work.TALKING):
                assert self.router.contact(seat.contact).operator == seat.profile.id
            else:
                assert seat.contact is None

    @invariant()
    def no_caller_waits_while_a_fitting_operator_is_ready(self):
        if self.router.is_held or not self.is_linked:
            return
        ready = [seat for seat in self.router.seats if seat.is_ready]
        for contact in self.router.contacts:
            if contact.stage is Stage.WAITING:
                for seat in ready:
                    assert missing(self.router.rules, seat.profile, contact.pool.need)

    @invariant()
    def everybody_who_waited_thirty_seconds_was_acted_for(self):
        for contact in self.router.contacts:
            waited = contact.waited_ms(Millis(self.now))
            if self.router.is_held or not self.is_linked:
                continue  # leaving is put off until somebody can be led away
            if contact.stage is Stage.WAITING and waited >= self.router.rules.target_ms:
                assert contact.step > 0 or self.router.wake_at() <= self.now

    @invariant()
    def the_estimate_is_a_number_and_the_sets_behind_it_are_those_of_the_seats(self):
        for contact in self.router.contacts:
            wait = self.router.estimated_wait_ms(contact.id)
            assert wait is None or wait >= -1
        staff = self.router._staff
        talks, ends, paces = {}, {}, {}
        for seat in self.router.seats:
            if seat.bit:
                if seat.work is Work.TALKING:
                    talks[seat.talk_class] = talks.get(seat.talk_class, 0) | seat.bit
                last = seat.shift_ends if seat.last_offer_at is None else seat.last_offer_at
                if last is not None:
                    ends[last] = ends.get(last, 0) | seat.bit
                if seat.pace_class:
                    paces[seat.pace_class] = paces.get(seat.pace_class, 0) | seat.bit
            assert (seat.handled is not None) == (seat.work is Work.WRAP_UP and seat.logged_in)
        assert talks == {each: sum(slots.values()) for each, slots in staff.talks.items()}
        assert (ends, paces) == (staff.ends, staff.paces)

    @invariant()
    def nobody_stays_who_has_gone_home(self):
        if not self.router.rules.auto_logout:
            return
        for seat in self.router.seats:
            if seat.logged_in and seat.shift_ends is not None and seat.shift_ends <= self.now:
                assert seat.work is not Work.NONE, "idle, and not logged out"

    @invariant()
    def something_is_due_for_everything_that_can_end_by_itself(self):
        wake = self.router.wake_at()
        for contact in self.router.contacts:
            if contact.deadline is not None and self.is_linked:
                assert wake is not None and wake <= contact.deadline
        for seat in self.router.seats:
            if seat.work is Work.WRAP_UP:
                assert wake is not None and wake <= seat.work_until


Centre.TestCase.settings = settings(
    max_examples=250,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestCentre = Centre.TestCase
