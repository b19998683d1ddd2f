"""Whatever happens in whatever order, nobody is rung twice, forgotten, or left without a step.

The machine plays Asterisk: it carries out what the router commands, late or early, and lets
callers, operators and phones do what they like, at the boundaries of every limit.
"""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from acd.core.commands import CancelOffer, Decided, Offer, ReturnCaller
from acd.core.contacts import Stage
from acd.core.events import (
    CallerHungUp,
    CallerLeft,
    Connected,
    ContactFound,
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
    Ticked,
)
from acd.core.matching import best
from acd.core.names import ContactId, Millis
from acd.core.router import OFFER_GRACE_MS, Router
from acd.core.seats import Work
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
)

ROSTER = (
    operator(A, {RU: 5}, {PENSION: 5}),
    operator(B, {RU: 4, KK: 5}, {CHILD: 5, PENSION: 2, ANY: 3}),
    operator(C, {KK: 3, EN: 1}, {EDS: 5, ANY: 1}, wrap_up_ms=Millis(0)),
)
OPERATORS = st.sampled_from((A, B, C))
STEPS = st.sampled_from(
    (0, 1, 999, 2000, RING - 1, RING, 10_000, WRAP_UP, 29_999, 30_000, RING + OFFER_GRACE_MS)
)
TOPICS = st.sampled_from(((PENSION, SOCIAL), (EDS, EGOV), (ANY, GENERAL), (EGOV, EGOV)))


class Centre(RuleBasedStateMachine):
    @initialize()
    def open(self):
        self.router = Router(rules(*ROSTER))
        self.now = 0
        self.born = 0
        self.alive: set[ContactId] = set()
        self.ringing: dict[ContactId, str] = {}
        self.rung_by: dict[str, ContactId] = {}
        self.is_linked = True

    def send(self, event):
        for command in self.router.handle(event, Millis(self.now)):
            match command:
                case Offer(contact=contact, operator=op):
                    assert op not in self.rung_by, f"{op} rung for two callers"
                    assert contact not in self.ringing, f"{contact} rung for by two operators"
                    self.ringing[contact], self.rung_by[op] = op, contact
                case CancelOffer(contact=contact) | ReturnCaller(contact=contact):
                    self.silence(contact)
                case Decided(taken=taken, candidates=candidates):
                    assert taken is None or taken == candidates[0]

    def silence(self, contact):
        self.rung_by.pop(self.ringing.pop(contact, ""), None)

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
        self.send(
            queued(
                contact,
                self.now,
                topic=topic[0],
                queue=topic[1],
                language=language,
                priority_ms=head_start,
            )
        )

    @rule(data=st.data(), left=st.booleans())
    def a_caller_goes(self, data, left):
        if self.alive:
            contact = data.draw(st.sampled_from(sorted(self.alive)))
            self.alive.discard(contact)
            self.silence(contact)
            self.send(CallerLeft(contact) if left else CallerHungUp(contact))

    @rule(data=st.data(), step=STEPS)
    def an_operator_answers(self, data, step):
        if self.ringing:
            self.now += min(step, RING)
            contact = data.draw(st.sampled_from(sorted(self.ringing)))
            op = self.ringing[contact]
            self.send(OperatorAnswered(contact, op))
            if self.ringing.get(contact) == op:
                self.send(Connected(contact, op))

    @rule(data=st.data(), why=st.sampled_from(list(OfferFailure)))
    def an_offer_fails(self, data, why):
        if self.ringing:
            contact = data.draw(st.sampled_from(sorted(self.ringing)))
            op = self.ringing[contact]
            self.silence(contact)
            self.send(OfferFailed(contact, op, why))

    @rule(data=st.data(), lost=st.booleans())
    def a_conversation_ends(self, data, lost):
        talking = [c for c in self.router.contacts if c.stage is Stage.TALKING]
        if talking:
            contact = data.draw(st.sampled_from(talking))
            op = contact.operator
            self.silence(contact.id)
            if lost:
                self.send(OperatorLost(contact.id, op))
            else:
                self.alive.discard(contact.id)
                self.send(OperatorHungUp(contact.id, op))

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
        self.alive.add(contact)
        for each in [contact, *(c for c, op in self.ringing.items() if op == who)]:
            self.silence(each)
        before = queued(contact, max(0, self.now - step))
        self.send(ContactFound(before, who, is_talking, Millis(max(0, self.now - step))))

    @rule(roster=st.sampled_from((ROSTER, ROSTER[:2], ROSTER[1:])))
    def the_rules_are_reloaded(self, roster):
        self.send(RulesReplaced(rules(*roster)))

    @invariant()
    def every_caller_is_in_exactly_one_place(self):
        contacts = {contact.id: contact for contact in self.router.contacts}
        assert set(contacts) == self.alive
        waiting = {c.id for c in contacts.values() if c.stage is Stage.WAITING}
        assert set(self.router.line()) == waiting
        assert len(self.router.line()) == len(waiting)
        for contact in contacts.values():
            assert (contact.operator is None) == (contact.stage is Stage.WAITING)

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
                assert best(self.router.rules, ready, contact) is None

    @invariant()
    def everybody_who_waited_thirty_seconds_was_acted_for(self):
        for contact in self.router.contacts:
            waited = contact.waited_ms(Millis(self.now))
            if contact.stage is Stage.WAITING and waited >= self.router.rules.target_ms:
                assert contact.step > 0 or self.router.wake_at() <= self.now

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
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestCentre = Centre.TestCase
