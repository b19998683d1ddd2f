"""Brings our picture of the calls in line with Asterisk's: after a restart, a broken link, a gap.

What Asterisk shows is a fact. This compares it with what the router believes and hands in the
events that lead from the one to the other, in an order in which nobody is rung who is busy:
first phones in use, conversations and rings, then what ended, then who waits, oldest first, and
last the phones that are free.
"""

from collections.abc import Callable, Iterable
from enum import IntEnum

from acd.core.contacts import Contact, Stage
from acd.core.events import (
    CallbackAnswered,
    CallerHungUp,
    CallerLeft,
    ContactFound,
    ContactQueued,
    Event,
    OfferFailed,
    OfferFailure,
    OperatorHungUp,
    Phone,
    PhoneChanged,
)
from acd.core.names import Language, Millis, OperatorId, Topic
from acd.core.router import Router
from acd.core.seats import Work
from acd.lines import Line, Place
from acd.listeners import Fallback
from acd.survey import Seen
from acd.switchboard import Switchboard

WAITING = (Place.HOLD, Place.PARKED, Place.SAYING)


class Rank(IntEnum):
    """The order in which events are handed in."""

    BUSY = 0
    TALKING = 1
    RINGING = 2
    OVER = 3
    BACK = 4
    WAITING = 5
    FREE = 6


Ranked = tuple[Rank, int, Event]
"""Rank, moment of queueing, event."""


class Recovery:
    """Takes what was seen in Asterisk and repairs the router's and the switchboard's picture."""

    def __init__(
        self,
        switchboard: Switchboard,
        router: Router,
        fallback: Fallback,
        post: Callable[[Event], None],
        clock: Callable[[], Millis],
        *,
        languages: Callable[[], tuple[str, ...]],
        is_over: Callable[[str], bool],
        finish: Callable[[set[str]], None],
    ) -> None:
        """Wire it up.

        Args:
            switchboard: whose lines are put where they were seen.
            router: what it believes.
            fallback: told of those in Asterisk's own queue.
            post: hands an event to the router.
            clock: the service's.
            languages: those of the centre, the assumed one first.
            is_over: whether a call's conversation is on record as finished.
            finish: puts on record how these calls ended, if Asterisk wrote it down.
        """
        self._switchboard = switchboard
        self._router = router
        self._fallback = fallback
        self._post = post
        self._clock = clock
        self._to_tell: list[Seen] = []
        self._languages = languages
        self._is_over = is_over
        self._finish = finish

    def believe(self, seen: Seen) -> None:
        """One channel that was lost sight of."""
        self._hand_in(self._about(seen))

    def believe_all(
        self, seen: list[Seen], phones: Iterable[tuple[OperatorId, Phone]], known: set[str]
    ) -> int:
        """Everything there is, when nothing was heard for a while; returns how many are new.

        `known` are the calls known before Asterisk was asked: one that came since is not missing.
        """
        since = {line.call for line in self._switchboard.lines} - known
        events = [each for one in seen for each in self._about(one)]
        events += self._phones(phones)
        live = {one.call for one in seen}
        here = {one.contact for one in seen} | known | since
        for contact in list(self._router.contacts):
            line = self._switchboard.line_of(contact.id)
            if contact.is_live and contact.id not in here and line is None:
                events.append((Rank.OVER, contact.queued_at, CallerHungUp(contact.id)))
        if known - live:
            self._finish(known - live)
        self._hand_in(events)
        for call in known - live:
            self._switchboard.forget(call)
        return len(live - known - since)

    def _hand_in(self, events: list[Ranked]) -> None:
        for _, _, event in sorted(events, key=lambda each: each[:2]):
            self._post(event)
        told, self._to_tell = self._to_tell, []
        for seen in told:
            queued = None if seen.queued_at is None else self._queued(seen)
            self._fallback.entered(seen.call, seen.fallback_at, queued)
            if seen.operator is not None:
                self._fallback.answered(seen.call, seen.operator, seen.connected_at)

    def _phones(self, phones: Iterable[tuple[OperatorId, Phone]]) -> Iterable[Ranked]:
        for operator, phone in phones:
            if self.is_news(operator, phone):
                rank = Rank.FREE if phone is Phone.FREE else Rank.BUSY
                yield rank, 0, PhoneChanged(operator, phone)

    def is_news(self, operator: OperatorId, phone: Phone) -> bool:
        """Whether the router believes something else of a phone; our own calls use it, too."""
        seat = self._router.seat(operator)
        if seat is None or seat.phone is phone:
            return False
        return not (phone is Phone.IN_USE and seat.work is not Work.NONE)

    def _about(self, seen: Seen) -> list[Ranked]:
        line = self._switchboard.take(seen)
        contact = self._router.contact(seen.contact)
        if line.place is Place.GONE:
            return []
        if line.place is Place.FALLBACK:
            return self._in_fallback(seen, line, contact)
        if line.operator is not None:
            return self._with_operator(seen, line, contact, line.operator)
        if line.place in WAITING:
            return self._in_hold(seen, contact)
        return []

    def _in_fallback(self, seen: Seen, line: Line, contact: Contact | None) -> list[Ranked]:
        """Asterisk's own queue keeps who is there; here it is only put on record."""
        if (
            contact is not None
            and contact.stage is Stage.TALKING
            and contact.operator == line.operator
        ):
            return []
        self._to_tell.append(seen)
        if contact is None:
            return []
        return [(Rank.OVER, contact.queued_at, CallerLeft(contact.id))]

    def _with_operator(
        self, seen: Seen, line: Line, contact: Contact | None, operator: OperatorId
    ) -> list[Ranked]:
        queued = self._queued(seen)
        is_ringing = line.place is Place.RINGING
        since = seen.connected_at or self._clock()
        found = ContactFound(queued, operator, is_talking=not is_ringing, since=since)
        stages = (Stage.RINGING, Stage.WHISPER) if is_ringing else (Stage.TALKING,)
        is_new = contact is None or contact.operator != operator or contact.stage not in stages
        if line.place is Place.AFTER and contact is None and self._is_over(seen.call):
            return []
        rank = Rank.RINGING if is_ringing else Rank.TALKING
        events: list[Ranked] = [(rank, queued.queued_at, found)] if is_new else []
        if line.place is Place.AFTER:
            events.append((Rank.OVER, queued.queued_at, OperatorHungUp(queued.contact, operator)))
        return events

    def _in_hold(self, seen: Seen, contact: Contact | None) -> list[Ranked]:
        if contact is None:
            queued = self._queued(seen)
            return [(Rank.WAITING, queued.queued_at, queued)]
        if not contact.is_live:  # a citizen who was called back, and said so, waits
            return [(Rank.WAITING, contact.queued_at, CallbackAnswered(contact.id))]
        if contact.operator is None:
            return []
        # From a conversation only an operator who hung up at once leads back to hold.
        talked = contact.stage is Stage.TALKING
        why = OfferFailure.HUNG_UP_AT_ONCE if talked else OfferFailure.UNSEEN
        return [(Rank.BACK, contact.queued_at, OfferFailed(contact.id, contact.operator, why))]

    def _queued(self, seen: Seen) -> ContactQueued:
        topic, languages = Topic(seen.topic), self._languages()
        return ContactQueued(
            contact=seen.contact,
            queue=self._router.rules.queue_of(topic),
            topic=topic,
            language=Language(seen.language if seen.language in languages else languages[0]),
            queued_at=seen.queued_at or seen.fallback_at or self._clock(),
            priority_ms=Millis(seen.priority_s * 1000),
        )
