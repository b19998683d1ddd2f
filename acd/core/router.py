"""Decide which operator takes which caller.

Rule 1: every decision about a waiting caller is made in this package; `handle` is its only door.
Rule 2: nothing here reads a clock, opens a socket or draws a random number. Times are integer
        milliseconds on one monotonic clock and are handed in.
Rule 3: one caller per operator and one operator per caller, always.
Rule 4: a caller nobody can serve now never holds up one somebody can.
Rule 5: the wait clock starts at queueing and nothing restarts it before a conversation.

A contact is WAITING (in the line), RINGING (an operator's phone rings for it), in WHISPER (the
operator picked up and hears what is coming) or TALKING. A failed offer puts it back where it was
in the line and sets the operator aside; it is offered to the next at once. A caller whose
operator's phone died in the conversation goes to the head of the line with a new wait clock,
because the first wait had ended.

What Asterisk reports is a fact even when it surprises: `Connected` is believed whatever went
before, an event about a contact already closed is counted in `ignored` and dropped. While the
link to Asterisk is down nothing is decided: whatever was, could not be carried out.
"""

import heapq
from collections.abc import Iterator
from typing import assert_never

from acd.core import ladder
from acd.core.commands import CancelOffer, Command, Decided, Offer, ReturnCaller, SetAside
from acd.core.contacts import Contact, Line, Route, Stage
from acd.core.events import (
    CallerHungUp,
    CallerLeft,
    Connected,
    ContactFound,
    ContactQueued,
    Event,
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
from acd.core.matching import best, explain, fits_anybody
from acd.core.names import NO_TIME, ContactId, Millis, OperatorId
from acd.core.queues import Rules, step_name
from acd.core.seats import Seat, Work
from acd.core.staff import Staff

OFFER_GRACE_MS = 8_000
"""How long past its ring limit an offer may be without a result before it is given up: a message
that must be heard out (3 s), the whisper (2 s) and a slow Asterisk together."""


class Router:
    """The whole centre's present: who waits, who works, what falls due next."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._now = Millis(0)
        self._contacts: dict[ContactId, Contact] = {}
        self._line = Line()
        self._staff = Staff(rules.operators)
        self._timers: list[tuple[Millis, int, ContactId | OperatorId]] = []
        self._order = 0
        self._out: list[Command] = []
        self._is_linked = True
        self._is_held = False
        self.ignored = 0

    @property
    def is_held(self) -> bool:
        """Whether no new offers are made because somebody wants it so."""
        return self._is_held

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self._rules

    @property
    def contacts(self) -> Iterator[Contact]:
        """Everybody between queueing and the end of the conversation, oldest arrival first."""
        return iter(self._contacts.values())

    @property
    def seats(self) -> Iterator[Seat]:
        """Every operator of the roster, in its order."""
        return iter(self._staff)

    @property
    def touched(self) -> list[Seat]:
        """The seats that the last event may have changed."""
        return list(self._staff.touched.values())

    def contact(self, contact: ContactId) -> Contact | None:
        """One contact, or None once it is closed."""
        return self._contacts.get(contact)

    def seat(self, operator: OperatorId) -> Seat | None:
        """One operator, or None for a stranger."""
        return self._staff.get(operator)

    def line(self) -> list[ContactId]:
        """The waiting callers nobody is being rung for, in the order they will be served."""
        return list(self._line)

    def next_step_at(self, contact: Contact) -> Millis | None:
        """When the contact's next ladder step falls due; None when the ladder is at its end."""
        return ladder.next_at(self._rules, contact)

    def wake_at(self) -> Millis | None:
        """When to send `Ticked` if nothing happens first; None while nothing is due."""
        return self._timers[0][0] if self._timers else None

    def handle(self, event: Event, now: Millis) -> list[Command]:
        """Apply one event and say what is to be done, in order. Never raises for an event.

        `now` may not run backwards; the drivers see to it.
        """
        assert now >= self._now, f"time ran backwards: {self._now} -> {now}"
        self._now = now
        self._out = []
        self._staff.begin(now)
        self._apply(event)
        self._fire_timers()
        self._match()
        return self._out

    def _apply(self, event: Event) -> None:  # noqa: C901 - one row per event, nothing nested
        match event:
            case ContactQueued():
                self._queue(event)
            case ContactFound():
                self._found(event)
            case CallerHungUp(contact=id_) | CallerLeft(contact=id_):
                self._caller_gone(id_)
            case OperatorAnswered(contact=id_, operator=operator):
                self._answered(id_, operator)
            case Connected(contact=id_, operator=operator):
                self._connected(id_, operator)
            case OfferFailed(contact=id_, operator=operator, why=why):
                self._offer_failed(id_, operator, why)
            case OperatorHungUp(contact=id_, operator=operator):
                self._conversation_over(id_, operator)
            case OperatorLost(contact=id_, operator=operator):
                self._operator_lost(id_, operator)
            case OperatorReady() | OperatorPaused() | OperatorWrappedUp() | OperatorLoggedOut():
                self._operator_says(event)
            case PhoneChanged(operator=operator, phone=phone):
                self._phone_changed(operator, phone)
            case LinkChanged(is_up=is_up):
                self._link_changed(is_up)
            case OffersHeld(held=held):
                self._is_held = held
            case RulesReplaced(rules=rules):
                self._replace_rules(rules)
            case Ticked():
                pass
            case _:
                assert_never(event)

    # What a caller does

    def _queue(self, event: ContactQueued) -> None:
        if event.contact in self._contacts:
            self.ignored += 1
            return
        contact = self._admit(event)
        if not fits_anybody(self._rules, self._staff.ready.values(), contact):
            self._decide(contact, "nobody_ready", None)

    def _admit(self, event: ContactQueued) -> Contact:
        """A new contact, standing in the line."""
        known = event.queue in self._rules.queues
        queue = event.queue if known else self._rules.queue_of(event.topic)
        self._order += 1
        contact = Contact(
            id=event.contact,
            queue=queue,
            topic=event.topic,
            language=event.language,
            queued_at=Millis(min(event.queued_at, self._now)),
            priority_ms=event.priority_ms,
            order=self._order,
            routes=[Route(event.topic, self._rules.queues[queue].least)],
            stage_since=self._now,
        )
        self._contacts[contact.id] = contact
        self._line.join(contact)
        self._arm_ladder(contact)
        return contact

    def _found(self, event: ContactFound) -> None:
        """Believe what Asterisk shows; whoever was thought to be with this operator waits on."""
        contact = self._contacts.get(event.contact) or self._admit(event.queued)
        seat = self._staff.get(event.operator)
        if contact.operator != event.operator:
            self._release(contact)
        other = self._contacts.get(seat.contact) if seat and seat.contact else None
        if other is not None and other is not contact:
            self._put_back(other)
        self._line.leave(contact)
        contact.operator, contact.deadline = event.operator, None
        self._set_stage(contact, Stage.TALKING if event.is_talking else Stage.RINGING)
        if not event.is_talking:
            contact.tried.append(event.operator)
            self._renew_deadline(contact)
        if seat is not None:
            work = Work.TALKING if event.is_talking else Work.RINGING
            self._staff.put_to_work(seat, work, contact.id)
            seat.since = Millis(min(event.since, self._now))

    def _caller_gone(self, id_: ContactId) -> None:
        contact = self._contacts.pop(id_, None)
        if contact is None:
            return
        self._line.leave(contact)
        seat = self._seat_of(contact)
        if seat is None:
            return
        if contact.stage is Stage.TALKING:
            self._wrap_up(seat, contact)
        else:
            self._staff.put_to_work(seat, Work.NONE)

    # What becomes of an offer

    def _answered(self, id_: ContactId, operator: OperatorId) -> None:
        contact = self._contacts.get(id_)
        if contact is None or contact.stage is not Stage.RINGING or contact.operator != operator:
            self.ignored += 1
            return
        self._set_stage(contact, Stage.WHISPER)
        contact.deadline = Millis(self._now + OFFER_GRACE_MS)
        self._arm(contact.deadline, contact.id)

    def _connected(self, id_: ContactId, operator: OperatorId) -> None:
        contact, seat = self._contacts.get(id_), self._staff.get(operator)
        if contact is None or seat is None:
            self.ignored += 1
            return
        if contact.operator != operator:
            self._release(contact)
        if seat.contact is not None and seat.contact != id_:
            self._put_back(self._contacts[seat.contact])
        self._line.leave(contact)
        contact.operator, contact.deadline = operator, None
        self._set_stage(contact, Stage.TALKING)
        self._staff.put_to_work(seat, Work.TALKING, id_)

    def _offer_failed(self, id_: ContactId, operator: OperatorId, why: OfferFailure) -> None:
        contact = self._contacts.get(id_)
        if contact is None or contact.operator != operator:
            self.ignored += 1
            return
        self._fail(contact, why)

    def _fail(self, contact: Contact, why: OfferFailure) -> None:
        """Back to the caller's place in the line; the operator is set aside, never the caller."""
        seat = self._seat_of(contact)
        self._put_back(contact)
        if seat is None:
            return
        if why is OfferFailure.NOT_FREE:
            seat.phone = Phone.IN_USE
        elif why is not OfferFailure.UNSEEN and seat.logged_in and seat.pause is None:
            seat.pause = seat.pause_next or why.value
            seat.pause_next = None
            self._out.append(SetAside(seat.profile.id, seat.pause))
        self._staff.put_to_work(seat, Work.NONE)

    def _conversation_over(self, id_: ContactId, operator: OperatorId) -> None:
        contact = self._contacts.get(id_)
        if contact is None or contact.operator != operator:
            self.ignored += 1
            return
        del self._contacts[id_]
        seat = self._seat_of(contact)
        if seat is not None:
            self._wrap_up(seat, contact)

    def _operator_lost(self, id_: ContactId, operator: OperatorId) -> None:
        contact, seat = self._contacts.get(id_), self._staff.get(operator)
        if contact is None or contact.operator != operator or seat is None:
            self.ignored += 1
            return
        seat.phone = Phone.UNREACHABLE
        if contact.stage is not Stage.TALKING:
            self._out.append(CancelOffer(id_, operator))
            self._fail(contact, OfferFailure.UNREACHABLE)
            return
        self._staff.put_to_work(seat, Work.NONE)
        contact.returned, contact.queued_at = True, self._now
        ladder.restart(self._rules, contact, NO_TIME)
        self._put_back(contact)
        self._out.append(ReturnCaller(id_, operator))

    # What an operator does

    def _operator_says(
        self, event: OperatorReady | OperatorPaused | OperatorWrappedUp | OperatorLoggedOut
    ) -> None:
        seat = self._staff.get(event.operator)
        if seat is None:
            self.ignored += 1
            return
        match event:
            case OperatorReady():
                seat.say_ready()
            case OperatorPaused(reason=reason):
                seat.say_pause(reason)
            case OperatorWrappedUp():
                if seat.work is Work.WRAP_UP:
                    seat.start(Work.NONE, None, None)
            case OperatorLoggedOut():
                seat.say_logout()
        if seat.work is Work.RINGING and not (seat.logged_in and seat.pause is None):
            self._withdraw(seat)
        self._staff.settle(seat)

    def _withdraw(self, seat: Seat) -> None:
        """The operator steps away while the phone rings: the caller goes to the next."""
        contact = self._contacts[seat.contact] if seat.contact is not None else None
        if contact is None or contact.stage is not Stage.RINGING:
            return
        self._out.append(CancelOffer(contact.id, seat.profile.id))
        self._put_back(contact)
        seat.start(Work.NONE, None, None)

    def _phone_changed(self, operator: OperatorId, phone: Phone) -> None:
        seat = self._staff.get(operator)
        if seat is None:
            self.ignored += 1
            return
        self._staff.report_phone(seat, phone, OfferFailure.UNREACHABLE.value)

    def _link_changed(self, is_up: bool) -> None:
        if is_up and not self._is_linked:
            for contact in self._contacts.values():
                if contact.deadline is not None:
                    self._renew_deadline(contact)
        self._is_linked = is_up

    # What time does

    def _fire_timers(self) -> None:
        while self._timers and self._timers[0][0] <= self._now:
            _, _, id_ = heapq.heappop(self._timers)
            contact = self._contacts.get(ContactId(id_))
            if contact is not None:
                self._due(contact)
            seat = self._staff.get(OperatorId(id_))
            if seat is not None and seat.work_until is not None and seat.work_until <= self._now:
                self._staff.put_to_work(seat, Work.NONE)

    def _due(self, contact: Contact) -> None:
        if contact.deadline is not None and contact.deadline <= self._now and self._is_linked:
            operator = contact.operator
            assert operator is not None, f"{contact.id} rings nobody"
            self._out.append(CancelOffer(contact.id, operator))
            self._fail(contact, OfferFailure.NO_RESULT)
        if contact.stage is Stage.TALKING:
            return
        fired = False
        while (at := self.next_step_at(contact)) is not None and at <= self._now:
            step = self._rules.queues[contact.queue].ladder[contact.step]
            contact.step += 1
            message = ladder.take(self._rules, contact, step)
            if message is not None:
                self._out.append(message)
            self._decide(contact, step_name(step), None)
            fired = True
        if fired:
            self._arm_ladder(contact)

    # Matching

    def _match(self) -> None:
        """Give every ready operator a caller, in the order of the line; skip whom nobody fits."""
        if not self._staff.ready or not len(self._line) or self._is_held or not self._is_linked:
            return
        for id_ in list(self._line):
            contact = self._contacts[id_]
            seat = best(self._rules, self._staff.ready.values(), contact)
            if seat is None:
                continue
            self._offer(contact, seat)
            if not self._staff.ready:
                return

    def _offer(self, contact: Contact, seat: Seat) -> None:
        self._decide(contact, "order_of_choice", seat.profile.id)
        self._line.leave(contact)
        contact.operator = seat.profile.id
        contact.tried.append(seat.profile.id)
        self._set_stage(contact, Stage.RINGING)
        ring_ms = self._renew_deadline(contact)
        self._staff.put_to_work(seat, Work.RINGING, contact.id)
        self._out.append(Offer(contact.id, seat.profile.id, ring_ms))

    def _renew_deadline(self, contact: Contact) -> Millis:
        """Give the offer its full time from now on; returns the ring limit."""
        seat = self._seat_of(contact)
        ring_ms = seat.profile.ring_ms if seat is not None else None
        ring_ms = ring_ms or self._rules.queues[contact.queue].ring_ms
        contact.deadline = Millis(self._now + ring_ms + OFFER_GRACE_MS)
        self._arm(contact.deadline, contact.id)
        return ring_ms

    def _decide(self, contact: Contact, rule: str, taken: OperatorId | None) -> None:
        choice = explain(self._rules, self._staff, contact)
        self._out.append(
            Decided(
                contact=contact.id,
                at=self._now,
                rule=rule,
                taken=taken,
                candidates=choice.candidates,
                refused=choice.refused,
                waited_ms=contact.waited_ms(self._now),
                step=contact.step,
            )
        )

    # Book-keeping

    def _set_stage(self, contact: Contact, stage: Stage) -> None:
        contact.stage, contact.stage_since = stage, self._now

    def _put_back(self, contact: Contact) -> None:
        """Into the line at the place its clock gives; whoever was rung for it is not touched."""
        contact.operator, contact.deadline = None, None
        self._set_stage(contact, Stage.WAITING)
        self._line.leave(contact)
        self._line.join(contact)
        self._arm_ladder(contact)

    def _release(self, contact: Contact) -> None:
        """Free whoever is held for this contact, without blame."""
        seat = self._seat_of(contact)
        if seat is not None:
            self._staff.put_to_work(seat, Work.NONE)

    def _seat_of(self, contact: Contact) -> Seat | None:
        return self._staff.get(contact.operator)

    def _wrap_up(self, seat: Seat, contact: Contact) -> None:
        length = seat.profile.wrap_up_ms
        if length is None:
            length = self._rules.queues[contact.queue].wrap_up_ms
        until = Millis(self._now + length)
        self._staff.put_to_work(
            seat, Work.WRAP_UP if length else Work.NONE, None, until if length else None
        )
        if seat.work_until is not None:
            self._arm(seat.work_until, seat.profile.id)

    def _arm_ladder(self, contact: Contact) -> None:
        at = self.next_step_at(contact)
        if at is not None:
            self._arm(Millis(max(at, self._now)), contact.id)

    def _arm(self, at: Millis, id_: ContactId | OperatorId) -> None:
        self._order += 1
        heapq.heappush(self._timers, (at, self._order, id_))

    def _replace_rules(self, rules: Rules) -> None:
        """All at once; an operator who left the roster stays until the conversation is over."""
        self._rules = rules
        for seat in self._staff.replace(rules.operators):
            self._retire(seat)
        for contact in self._contacts.values():
            self._renew(contact)

    def _retire(self, seat: Seat) -> None:
        seat.say_logout()
        if seat.work is Work.RINGING:
            self._withdraw(seat)
        self._staff.settle(seat)

    def _renew(self, contact: Contact) -> None:
        """Least levels and ladder from the new rules; the steps already due fire again."""
        if contact.queue not in self._rules.queues:
            contact.queue = self._rules.queue_of(contact.topic)
        ladder.restart(self._rules, contact, self._now)
        self._arm_ladder(contact)
