"""The centre's present, and the few moves that keep it in order. Others say when to make them."""

import heapq
from typing import Final

from acd.core.commands import Command, Decided, DialCallback, Offer, OfferCallbackTo
from acd.core.contacts import Contact, Group, Stage
from acd.core.events import ContactQueued
from acd.core.lines import Lines, Rank
from acd.core.names import NO_TIME, ContactId, Language, Millis, QueueId, Topic
from acd.core.plans import Plan
from acd.core.prediction import Prediction
from acd.core.queues import CallbackRules, Need, Route, Rules
from acd.core.seats import Seat, Work
from acd.core.skills import Pool
from acd.core.staff import Staff

OFFER_GRACE_MS: Final = 8_000
"""How long past its ring limit an offer may be without a result before it is given up: a message
that must be heard out (3 s), the whisper (2 s) and a slow Asterisk together."""

CONFIRM_GRACE_MS: Final = 22_000
"""The same for a citizen who is called: the greeting (9 s), the time to press a key, and again."""

NOBODY: Final = -1

NAMED_MAX: Final = 5
"""So many candidates of a decision are named; the rest are counted."""


class Floor:
    """Who waits, who works, what falls due. Changed only from within `Router.handle`."""

    def __init__(self, rules: Rules) -> None:
        self.now = Millis(0)
        self.contacts: dict[ContactId, Contact] = {}
        self.staff = Staff(rules)
        self.timers: list[tuple[Millis, int, Contact | Seat | Group]] = []
        self.out: list[Command] = []
        self.fresh: list[Contact] = []
        self.leaving: dict[ContactId, Contact] = {}
        self.stirred: dict[Group, None] = {}
        self.callbacks: dict[str, ContactId] = {}
        self.order = 0
        self.hour: int | None = None
        self.is_linked = True
        self.is_held = False
        self.are_callbacks_held = False
        self.ignored = 0
        self._take(rules)

    def _take(self, rules: Rules) -> None:
        self.rules = rules
        watched = {
            id_
            for id_, queue in rules.queues.items()
            if any(one.figure == "longest_wait" for step in queue.ladder for one in step.when)
        }
        self.lines = Lines(rules.routing, rules.target_ms, watched)
        self.plans = {id_: Plan(queue.ladder) for id_, queue in rules.queues.items()}
        wrap_ups = [queue.wrap_up_ms for queue in rules.queues.values()]
        self.prediction = Prediction(rules.routing, max(wrap_ups, default=0))

    # Rules

    def replace_rules(self, rules: Rules) -> list[Seat]:
        """All at once; everybody steps out of the line and has to join again."""
        standing = [contact for contact in self.contacts.values() if contact.stands]
        for contact in standing:
            contact.stands = False
        self._take(rules)
        return self.staff.replace(rules)

    def group(self, queue: QueueId, language: Language, topic: Topic) -> Group:
        """The group of a queue, language and topic."""
        key = (queue, language, topic)
        found = self.lines.groups.get(key)
        if found is None:
            need = Need(language, (Route(topic, self.rules.queues[queue].least),))
            found = Group(
                queue, language, topic, self.staff.skills.pool(need), len(self.lines.groups)
            )
            self.lines.groups[key] = found
        return found

    def head_start(self, queue: QueueId, topic: Topic) -> Millis:
        """What queue and topic give every contact."""
        own = self.rules.routing.topic_priority.get(topic, 0)
        return Millis(self.rules.queues[queue].priority_ms + own)

    def first_pool(self, contact: Contact) -> Pool:
        """Who may take a contact before the ladder has done anything."""
        if not contact.prefers:
            return contact.group.pool
        need = contact.group.pool.need
        return self.staff.skills.pool(Need(need.language, need.routes, False, contact.prefers))

    def callback_rules(self, contact: Contact) -> CallbackRules:
        """How this contact is called back."""
        return self.rules.queues[contact.queue].callback or CallbackRules()

    # Contacts

    def admit(self, event: ContactQueued) -> Contact:
        """A new contact, in no line yet."""
        known = event.queue in self.rules.queues
        queue = event.queue if known else self.rules.queue_of(event.topic)
        self.order += 1
        group = self.group(queue, event.language, event.topic)
        contact = Contact(event, queue, self.order, group, self.now)
        contact.priority_ms = Millis(event.priority_ms + self.head_start(queue, event.topic))
        if event.prefers:
            contact.pool = self.first_pool(contact)
        self.contacts[contact.id] = contact
        return contact

    def join(self, contact: Contact) -> None:
        """Into the line, at the place the clock gives."""
        self.lines.join(contact)
        self.fresh.append(contact)

    def stir(self, group: Group) -> None:
        """Somebody came: the conditions of the group are looked at before this event is over."""
        if self.plans[group.queue].conditional:
            self.stirred[group] = None

    def move(self, contact: Contact, pool: Pool, priority_ms: Millis) -> None:
        """Others may take the contact now, or it has another head start."""
        stood = contact.stands
        self.lines.leave(contact)
        contact.pool, contact.priority_ms = pool, priority_ms
        if stood:
            self.join(contact)

    def close(self, contact: Contact) -> None:
        """Out of the router; the operator, if any, is the caller's business."""
        del self.contacts[contact.id]
        self.lines.leave(contact)
        self.leaving.pop(contact.id, None)
        if contact.callback is not None:
            self.callbacks.pop(contact.callback.key, None)

    def set_stage(self, contact: Contact, stage: Stage) -> None:
        """Another stage, from now on."""
        contact.stage, contact.stage_since = stage, self.now

    def put_back(self, contact: Contact) -> None:
        """Into the line at the place its clock gives; whoever was rung for it is not touched."""
        contact.operator, contact.deadline = None, None
        self.lines.leave(contact)
        if self._rests(contact):
            self.set_stage(contact, Stage.RESTING)
            return
        self.set_stage(contact, Stage.WAITING)
        self.join(contact)
        self.stir(contact.group)
        self.arm(self.now, contact)
        if contact.callback_owed:
            contact.callback_owed = False
            self.out.append(OfferCallbackTo(contact.id))

    def _rests(self, contact: Contact) -> bool:
        callback = contact.callback
        if callback is None or callback.is_on_line:
            return False
        return self.are_callbacks_held or callback.not_before > self.now

    # Operators

    def seat_of(self, contact: Contact) -> Seat | None:
        """The operator a contact is with."""
        return self.staff.get(contact.operator)

    def release(self, contact: Contact) -> None:
        """Free whoever is held for this contact, without blame."""
        seat = self.seat_of(contact)
        if seat is not None and seat.contact == contact.id:
            self.staff.put_to_work(seat, Work.NONE)

    def wrap_up(self, seat: Seat, contact: Contact) -> None:
        """The conversation is over: after-call work, if there is any."""
        if seat.work is Work.TALKING:
            seat.handled = (contact.topic, seat.began)
        length = seat.profile.wrap_up_ms
        if length is None:
            length = self.rules.queues[contact.queue].wrap_up_ms
        if not length:
            self.staff.put_to_work(seat, Work.NONE)
            return
        self.staff.put_to_work(seat, Work.WRAP_UP, None, Millis(self.now + length))
        if seat.work_until is not None:
            self.arm(seat.work_until, seat)

    # Offers

    def offer(self, contact: Contact, best: list[Seat]) -> None:
        """Ring the first of these; for a callback call the citizen first, the operator is kept."""
        seat = best[0]
        self.decide(contact, "order_of_choice", best)
        self.lines.leave(contact)
        contact.operator = seat.profile.id
        self.staff.put_to_work(seat, Work.RINGING, contact.id)
        callback = contact.callback
        if callback is not None and not callback.is_on_line:
            ring_ms = self.callback_rules(contact).ring_ms
            self.set_stage(contact, Stage.DIALLING)
            self.renew_deadline(contact)
            self.out.append(DialCallback(contact.id, seat.profile.id, ring_ms))
            return
        self.ring(contact, seat)

    def ring(self, contact: Contact, seat: Seat) -> None:
        """Ring the operator who is held for this contact."""
        contact.tried.append(seat.profile.id)
        self.set_stage(contact, Stage.RINGING)
        ring_ms = self.renew_deadline(contact)
        self.out.append(Offer(contact.id, seat.profile.id, ring_ms))

    def renew_deadline(self, contact: Contact) -> Millis:
        """Give the offer its full time from now on; returns the ring limit."""
        grace_ms = OFFER_GRACE_MS
        if contact.stage is Stage.DIALLING:
            ring_ms, grace_ms = self.callback_rules(contact).ring_ms, CONFIRM_GRACE_MS
        else:
            seat = self.seat_of(contact)
            own = seat.profile.ring_ms if seat is not None else None
            ring_ms = own or self.rules.queues[contact.queue].ring_ms
        contact.deadline = Millis(self.now + ring_ms + grace_ms)
        self.arm(contact.deadline, contact)
        return ring_ms

    def match(self) -> None:
        """Bring together whoever became free with whoever waits, in the order of the line.

        Nobody else needs a look: before this event no caller waited whom a ready operator could
        take. So either a freed operator takes the caller who is next for them, or a caller who
        is new in a line takes the best ready operator; of several the first in line goes first.
        """
        staff, freed, fresh = self.staff, self.staff.freed, self.fresh
        if not freed and not fresh:
            return
        if self.is_held or not self.is_linked:
            freed.clear()
            fresh.clear()
            return
        if len(fresh) == 1 and not freed:
            alone = fresh.pop()
            if alone.stands and alone.pool.may & staff.ready:
                self._offer_to_best(alone)
            return
        heap: list[tuple[Rank, int]] = []
        for seat in freed:
            self._look(seat, heap)
        freed.clear()
        for contact in fresh:
            if contact.stands and contact.pool.may & staff.ready:
                heapq.heappush(heap, (self.lines.rank(contact, self.now), NOBODY))
        fresh.clear()
        self._bring_together(heap)

    def _bring_together(self, heap: list[tuple[Rank, int]]) -> None:
        while heap:
            rank, index = heapq.heappop(heap)
            waiting = self.contacts.get(rank[3])
            if waiting is not None and waiting.stands:
                self._offer_to_best(waiting)
            if index != NOBODY:
                self._look(self.staff.at(index), heap)

    def _offer_to_best(self, contact: Contact) -> None:
        best = self.staff.best(contact.pool, NAMED_MAX)
        if best:
            self.offer(contact, best)

    def _look(self, seat: Seat, heap: list[tuple[Rank, int]]) -> None:
        """Note who is next for a free operator; looked at again should that one be taken."""
        if seat.bit & self.staff.ready and self.lines.count:
            levels = self.staff.skills.levels[seat.index]
            rank = self.lines.next_for(seat.profile, levels, self.now)
            if rank is not None:
                heapq.heappush(heap, (rank, seat.index))

    # The record

    def estimate(self, contact: Contact) -> Millis | None:
        """How long a waiting contact will still wait."""
        if contact.operator is not None:
            return NO_TIME
        if not self.is_linked or self.is_held:
            return None
        return self.prediction.wait_ms(self.staff, self.lines, contact, self.now)

    def decide(self, contact: Contact, rule: str, best: list[Seat] | None) -> None:
        """Put a decision on record, with who could have taken the contact and who could not.

        `best` are the first who could, when the first of them now does; None: nobody does.
        """
        staff, pool = self.staff, contact.pool
        taken = best[0].profile.id if best else None
        refused: dict[str, int] = {}
        here = staff.logged_in
        for why, who in pool.refused:
            count = (who & here).bit_count()
            if count:
                refused[why] = count
        count = (pool.may & staff.ready).bit_count()
        if best is None and count:
            best = staff.best(pool, NAMED_MAX)
        names = tuple([seat.profile.id for seat in best]) if best else ()
        for word, who in staff.states.items():
            if word != "ready" and (busy := (who & pool.may).bit_count()):
                refused[word] = busy
        wait = self.estimate(contact) if taken is None else NO_TIME
        self.out.append(
            Decided(
                contact.id,
                self.now,
                rule,
                taken,
                names,
                refused,
                contact.waited_ms(self.now),
                contact.step,
                count,
                wait,
                pool.need,
            )
        )

    def arm(self, at: Millis, what: Contact | Seat | Group) -> None:
        """Look at this again then."""
        self.order += 1
        heapq.heappush(self.timers, (at, self.order, what))
