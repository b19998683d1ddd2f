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
because the first wait had ended. A callback is DIALLING while the citizen's phone rings and
RESTING between two tries.

Who takes whom: `floor.match`. What waiting does to a contact: `ladder`. Calling back: `callbacks`.
How long it will take: `prediction`. Nothing here looks at all contacts or all operators for one
event: the skills are sets in the bits of integers (`skills`), the line is many short lines
(`lines`), conditions are looked at by kind of contact (`ladder`), time is one heap.

What Asterisk reports is a fact even when it surprises: `Connected` is believed whatever went
before, an event about a contact already closed is counted in `ignored` and dropped. While the
link to Asterisk is down nothing is decided: whatever was, could not be carried out.
"""

import heapq
from collections.abc import Callable, Collection, Iterator
from typing import Any

from acd.core import callbacks, ladder, shift_ends
from acd.core.commands import CancelOffer, Command, Decided, ReturnCaller, SetAside
from acd.core.contacts import Contact, Group, Stage
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
    ContactQueued,
    Event,
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
from acd.core.floor import OFFER_GRACE_MS, Floor
from acd.core.names import NO_TIME, ContactId, Millis, OperatorId
from acd.core.queues import Rules
from acd.core.seats import Seat, Work
from acd.core.skills import missing

__all__ = ["OFFER_GRACE_MS", "Router"]


class Router:
    """The whole centre's present: who waits, who works, what falls due next."""

    def __init__(self, rules: Rules) -> None:
        self._floor = Floor(rules)
        self._staff = self._floor.staff
        self._contacts = self._floor.contacts
        self._do: dict[type, Callable[[Any], None]] = {
            ContactQueued: self._queue,
            ContactFound: self._found,
            CallerHungUp: self._caller_gone,
            CallerLeft: self._caller_gone,
            OperatorAnswered: self._answered,
            Connected: self._connected,
            OfferFailed: self._offer_failed,
            OperatorHungUp: self._conversation_over,
            OperatorLost: self._operator_lost,
            OperatorReady: self._operator_says,
            OperatorPaused: self._operator_says,
            OperatorWrappedUp: self._operator_says,
            OperatorLoggedOut: self._operator_says,
            PhoneChanged: self._phone_changed,
            LinkChanged: self._link_changed,
            OffersHeld: self._hold_offers,
            CallbackAccepted: lambda event: callbacks.accepted(self._floor, event),
            CallbackRestored: lambda event: callbacks.restored(self._floor, event),
            CallbackAnswered: lambda event: callbacks.answered(self._floor, event.contact),
            CallbackFailed: lambda event: callbacks.failed(self._floor, event),
            CallbackCancelled: lambda event: callbacks.cancelled(self._floor, event.contact),
            CallbacksHeld: lambda event: callbacks.hold(self._floor, event.held),
            HourChanged: self._new_hour,
            ShiftEnds: lambda event: shift_ends.told(self._floor, event),
            RulesReplaced: self._replace_rules,
            Ticked: lambda event: None,
        }

    @property
    def ignored(self) -> int:
        """How many events were about nobody any more."""
        return self._floor.ignored

    @property
    def is_held(self) -> bool:
        """Whether no new offers are made because somebody wants it so."""
        return self._floor.is_held

    @property
    def are_callbacks_held(self) -> bool:
        """Whether it is quiet hours: nobody is called back."""
        return self._floor.are_callbacks_held

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self._floor.rules

    @property
    def contacts(self) -> Iterator[Contact]:
        """Everybody between queueing and the end of the conversation, oldest arrival first."""
        return iter(self._contacts.values())

    @property
    def seats(self) -> Iterator[Seat]:
        """Every operator of the roster, in its order."""
        return iter(self._staff)

    @property
    def touched(self) -> Collection[Seat]:
        """The seats that the last event may have changed; to be looked at before the next."""
        return self._staff.touched.values()

    def contact(self, contact: ContactId) -> Contact | None:
        """One contact, or None once it is closed."""
        return self._contacts.get(contact)

    def callback(self, key: str) -> ContactId | None:
        """The open callback of a number, if there is one."""
        return self._floor.callbacks.get(key)

    def seat(self, operator: OperatorId) -> Seat | None:
        """One operator, or None for a stranger."""
        return self._staff.get(operator)

    def line(self) -> list[ContactId]:
        """The waiting callers nobody is being rung for, in the order they will be served."""
        floor = self._floor
        ranks = [floor.lines.rank(self._contacts[id_], floor.now) for id_ in floor.lines.ids()]
        return [rank[3] for rank in sorted(ranks)]

    @property
    def waiting(self) -> int:
        """How many wait and nobody is being rung for them."""
        return self._floor.lines.count

    def position(self, contact: ContactId) -> int | None:
        """The place of a waiting caller in the line of the queue, from 1; None if not in it."""
        found = self._contacts.get(contact)
        return self._floor.lines.ahead(found) + 1 if found is not None and found.stands else None

    def estimated_wait_ms(self, contact: ContactId) -> Millis | None:
        """How long a waiting contact will still wait: None unknown, -1 never as things are."""
        found = self._contacts.get(contact)
        if found is None or not found.stands:
            return None
        return self._floor.estimate(found)

    def why(self, contact: ContactId, operator: OperatorId) -> str | None:
        """Why an operator does not take a contact now, in a word; None when they could.

        A skill that is missing, `reserve`, or else what the operator is doing; `logged_out`.
        """
        found, seat = self._contacts.get(contact), self._staff.get(operator)
        if found is None or seat is None or seat.counted is None:
            return "logged_out"
        lacking = missing(self.rules, seat.profile, found.pool.need)
        return lacking or (None if seat.counted == "ready" else seat.counted)

    def why_then(self, decided: Decided, operator: OperatorId) -> str | None:
        """The same at the moment of a decision, as far as the operator's last states reach back.

        Recomputed from what was asked for and what the operator was doing; skills are those of
        the rules in force now. None: could have taken it.
        """
        seat = self._staff.get(operator)
        if operator == decided.taken or operator in decided.candidates:
            return None
        word = seat.said(decided.at) if seat is not None else None
        if seat is None or word is None:
            return "logged_out"
        if decided.inputs is not None:
            lacking = missing(self.rules, seat.profile, decided.inputs)
            if lacking is not None:
                return lacking
        return None if word == "ready" else word

    def next_step_at(self, contact: Contact) -> Millis | None:
        """When the contact's next ladder step with a time falls due; None when there is none."""
        return ladder.next_at(self._floor, contact)

    def wake_at(self) -> Millis | None:
        """When to send `Ticked` if nothing happens first; None while nothing is due."""
        timers = self._floor.timers
        return timers[0][0] if timers else None

    def handle(self, event: Event, now: Millis) -> list[Command]:
        """Apply one event and say what is to be done, in order. Never raises for an event.

        `now` may not run backwards; the drivers see to it.
        """
        floor = self._floor
        assert now >= floor.now, f"time ran backwards: {floor.now} -> {now}"
        floor.now = now
        floor.out = []
        self._staff.begin(now)
        self._do[type(event)](event)
        if floor.timers and floor.timers[0][0] <= now:
            self._fire_timers()
        floor.match()
        if floor.stirred:
            ladder.check_stirred(floor)
            floor.match()
        if floor.leaving:
            ladder.leave(floor)
        return floor.out

    # What a caller does

    def _queue(self, event: ContactQueued) -> None:
        if event.contact in self._contacts:
            self._floor.ignored += 1
            return
        contact = self._floor.admit(event)
        self._floor.join(contact)
        if not contact.pool.may & self._staff.ready:
            self._floor.decide(contact, "nobody_ready", None)
        ladder.start(self._floor, contact)

    def _found(self, event: ContactFound) -> None:
        """Believe what Asterisk shows; whoever was thought to be with this operator waits on."""
        contact = self._contacts.get(event.contact)
        if contact is None:
            contact = self._floor.admit(event.queued)
            ladder.start(self._floor, contact)
        seat = self._staff.get(event.operator)
        if contact.operator != event.operator:
            self._floor.release(contact)
        other = self._contacts.get(seat.contact) if seat and seat.contact else None
        if other is not None and other is not contact:
            self._put_back(other)
        self._floor.lines.leave(contact)
        contact.operator, contact.deadline = event.operator, None
        self._floor.set_stage(contact, Stage.TALKING if event.is_talking else Stage.RINGING)
        self._is_on_line(contact)
        if not event.is_talking:
            contact.tried.append(event.operator)
            self._floor.renew_deadline(contact)
        if seat is not None:
            since = Millis(min(event.since, self._floor.now))
            if event.is_talking:
                self._staff.talk(seat, contact.id, contact.topic, since)
            else:
                self._staff.put_to_work(seat, Work.RINGING, contact.id)
                seat.since = since

    def _caller_gone(self, event: CallerHungUp | CallerLeft) -> None:
        contact = self._contacts.get(event.contact)
        if contact is None:
            return
        if not contact.is_live:
            self._floor.ignored += 1  # nobody is on the line who could hang up
            return
        self._floor.close(contact)
        seat = self._floor.seat_of(contact)
        if seat is None:
            return
        if contact.stage is Stage.TALKING:
            self._floor.wrap_up(seat, contact)
        else:
            self._staff.put_to_work(seat, Work.NONE)

    # What becomes of an offer

    def _answered(self, event: OperatorAnswered) -> None:
        contact, operator = self._contacts.get(event.contact), event.operator
        if contact is None or contact.stage is not Stage.RINGING or contact.operator != operator:
            self._floor.ignored += 1
            return
        self._floor.set_stage(contact, Stage.WHISPER)
        contact.deadline = Millis(self._floor.now + OFFER_GRACE_MS)
        self._floor.arm(contact.deadline, contact)

    def _connected(self, event: Connected) -> None:
        contact, seat = self._contacts.get(event.contact), self._staff.get(event.operator)
        if contact is None or seat is None:
            self._floor.ignored += 1
            return
        if contact.operator != event.operator:
            self._floor.release(contact)
        if seat.contact is not None and seat.contact != contact.id:
            self._put_back(self._contacts[seat.contact])
        self._floor.lines.leave(contact)
        contact.operator, contact.deadline = event.operator, None
        self._floor.set_stage(contact, Stage.TALKING)
        self._is_on_line(contact)
        self._staff.talk(seat, contact.id, contact.topic)

    def _is_on_line(self, contact: Contact) -> None:
        if contact.callback is not None:
            contact.callback.is_on_line = True

    def _put_back(self, contact: Contact) -> None:
        """Back to waiting; what the ladder passed over during a conversation is made up for."""
        was_talking = contact.stage is Stage.TALKING
        self._floor.put_back(contact)
        if was_talking:
            ladder.watch(self._floor, contact)

    def _offer_failed(self, event: OfferFailed) -> None:
        contact = self._contacts.get(event.contact)
        if contact is None or contact.operator != event.operator or contact.stage is Stage.DIALLING:
            self._floor.ignored += 1
            return
        self._fail(contact, event.why)

    def _fail(self, contact: Contact, why: OfferFailure) -> None:
        """Back to the caller's place in the line; the operator is set aside, never the caller."""
        seat = self._floor.seat_of(contact)
        self._put_back(contact)
        if seat is None:
            return
        if why is OfferFailure.NOT_FREE:
            seat.phone = Phone.IN_USE
        elif why is not OfferFailure.UNSEEN and seat.logged_in and seat.pause is None:
            seat.pause = seat.pause_next or why.value
            seat.pause_next = None
            self._floor.out.append(SetAside(seat.profile.id, seat.pause))
        self._staff.put_to_work(seat, Work.NONE)

    def _conversation_over(self, event: OperatorHungUp) -> None:
        contact = self._contacts.get(event.contact)
        if contact is None or contact.operator != event.operator or contact.stage is Stage.DIALLING:
            self._floor.ignored += 1
            return
        self._floor.close(contact)
        seat = self._floor.seat_of(contact)
        if seat is not None:
            self._floor.wrap_up(seat, contact)

    def _operator_lost(self, event: OperatorLost) -> None:
        contact, seat = self._contacts.get(event.contact), self._staff.get(event.operator)
        if contact is None or contact.operator != event.operator or seat is None:
            self._floor.ignored += 1
            return
        seat.phone = Phone.UNREACHABLE
        if contact.stage is not Stage.TALKING:
            self._floor.out.append(CancelOffer(contact.id, event.operator))
            self._fail(contact, OfferFailure.UNREACHABLE)
            return
        self._staff.put_to_work(seat, Work.NONE)
        contact.returned, contact.queued_at = True, self._floor.now
        ladder.restart(self._floor, contact, NO_TIME)
        self._floor.put_back(contact)
        ladder.start(self._floor, contact)
        self._floor.out.append(ReturnCaller(contact.id, event.operator))

    # What an operator does

    def _operator_says(
        self, event: OperatorReady | OperatorPaused | OperatorWrappedUp | OperatorLoggedOut
    ) -> None:
        seat = self._staff.get(event.operator)
        if seat is None:
            self._floor.ignored += 1
            return
        match event:
            case OperatorReady():
                shift_ends.said_ready(self._floor, seat)
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
        """The operator steps away while the phone rings: the caller goes to the next.

        A citizen who is being called back is not called any further.
        """
        contact = self._contacts[seat.contact] if seat.contact is not None else None
        if contact is None or contact.stage not in (Stage.RINGING, Stage.DIALLING):
            return
        self._floor.out.append(CancelOffer(contact.id, seat.profile.id))
        self._floor.put_back(contact)
        seat.start(Work.NONE, None, None)

    def _phone_changed(self, event: PhoneChanged) -> None:
        seat = self._staff.get(event.operator)
        if seat is None:
            self._floor.ignored += 1
            return
        self._staff.report_phone(seat, event.phone, OfferFailure.UNREACHABLE.value)

    # What is laid down for everybody

    def _link_changed(self, event: LinkChanged) -> None:
        was_linked, self._floor.is_linked = self._floor.is_linked, event.is_up
        if event.is_up and not was_linked:
            for contact in self._contacts.values():
                if contact.deadline is not None:
                    self._floor.renew_deadline(contact)
            self._staff.free_all()

    def _hold_offers(self, event: OffersHeld) -> None:
        if self._floor.is_held and not event.held:
            self._staff.free_all()
        self._floor.is_held = event.held

    def _new_hour(self, event: HourChanged) -> None:
        self._floor.hour = event.hour
        for group in self._floor.lines.crowd:
            self._floor.stir(group)

    def _replace_rules(self, event: RulesReplaced) -> None:
        """All at once; an operator who left the roster stays until the conversation is over."""
        retired = self._floor.replace_rules(event.rules)
        shift_ends.renew(self._floor)
        for contact in self._contacts.values():
            self._renew(contact)
        for seat in retired:
            self._retire(seat)
        self._staff.free_all()

    def _retire(self, seat: Seat) -> None:
        seat.say_logout()
        if seat.work is Work.RINGING:
            self._withdraw(seat)
        self._staff.settle(seat)

    def _renew(self, contact: Contact) -> None:
        """Least levels and ladder from the new rules; the steps already due fire again."""
        if contact.queue not in self._floor.rules.queues:
            contact.queue = self._floor.rules.queue_of(contact.topic)
        ladder.restart(self._floor, contact, self._floor.now)
        if contact.stage is Stage.WAITING:
            self._floor.join(contact)
        ladder.start(self._floor, contact)

    # What time does

    def _fire_timers(self) -> None:
        floor = self._floor
        while floor.timers and floor.timers[0][0] <= floor.now:
            what = heapq.heappop(floor.timers)[2]
            if isinstance(what, Contact):
                if self._contacts.get(what.id) is what:
                    self._due(what)
            elif isinstance(what, Group):
                ladder.due(floor, what)
            else:
                shift_ends.due(floor, what)

    def _due(self, contact: Contact) -> None:
        floor = self._floor
        if contact.callback is not None and not contact.callback.is_on_line:
            callbacks.due(floor, contact)
            if self._contacts.get(contact.id) is not contact:
                return
        elif contact.deadline is not None and contact.deadline <= floor.now and floor.is_linked:
            operator = contact.operator
            assert operator is not None, f"{contact.id} rings nobody"
            floor.out.append(CancelOffer(contact.id, operator))
            self._fail(contact, OfferFailure.NO_RESULT)
        if contact.stage is Stage.TALKING:
            return
        ladder.climb(floor, contact)
        ladder.tell(floor, contact)
