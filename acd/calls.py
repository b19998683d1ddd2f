"""What is known of every call: its timeline, its outcome, why the router did what it did.

The `CallBook` keeps the live calls (`acd.call_record`), tells the archive of each change, and keeps
the day's figures (`acd.figures`) in step. It hears of everything twice over: from Asterisk (calls)
and from the router (contacts); nothing here decides anything.
"""

from collections.abc import Callable

from acd.call_record import ANY_TOPIC, FAR_LINE, Archive, Call, Data, Entry
from acd.core.callbacks import callback_id
from acd.core.commands import (
    CallbackGivenUp,
    Command,
    Decided,
    DialCallback,
    LeaveQueue,
    Offer,
    OfferCallbackTo,
    PlayMessage,
    ReturnCaller,
    Tell,
)
from acd.core.contacts import Contact
from acd.core.events import (
    CallbackAccepted,
    CallbackAnswered,
    CallbackCancelled,
    CallbackFailed,
    CallerHungUp,
    CallerLeft,
    Connected,
    ContactFound,
    ContactQueued,
    Event,
    OfferFailed,
    OfferFailure,
    OperatorAnswered,
    OperatorHungUp,
    OperatorLost,
)
from acd.core.names import ContactId, Millis, OperatorId, Outcome, Topic
from acd.core.queues import Rules
from acd.core.router import Router
from acd.figures import Figures


class CallBook:
    """The live calls. `clock` is the service's; `router` and its rules are only read.

    `earlier` gives what an earlier run of the service put on record of a call that goes on;
    `gave_up` hears the numbers of those who hung up while waiting, `ended` of each finished call.
    """

    def __init__(
        self,
        router: Router,
        archive: Archive,
        figures: Figures,
        clock: Callable[[], Millis],
        node: str,
        earlier: Callable[[str], Call | None] = lambda call: None,
        gave_up: Callable[[str], None] = lambda number: None,
        ended: Callable[[Call], None] = lambda call: None,
    ) -> None:
        self._router = router
        self._archive = archive
        self._figures = figures
        self._clock = clock
        self._node = node
        self._earlier = earlier
        self._gave_up = gave_up
        self._ended = ended
        self._calls: dict[str, Call] = {}
        self._called_back: dict[str, Call] = {}
        self._wrapping_up: dict[OperatorId, Call] = {}

    @property
    def live(self) -> list[Call]:
        """Calls whose channel is up, oldest first."""
        return list(self._calls.values())

    def get(self, call: str) -> Call | None:
        """A live call."""
        return self._calls.get(call)

    def of(self, contact: str) -> Call | None:
        """The call of a contact: a live one, or one that has ended and is to be called back."""
        return self._calls.get(contact) or self._called_back.get(contact)

    def calls_back(self, contact: ContactId, call: Call) -> None:
        """What becomes of this callback belongs to the call it came from."""
        self._called_back[contact] = call

    def called_back(self, contact: ContactId) -> None:
        """Nothing more comes of this callback."""
        self._called_back.pop(contact, None)

    # From Asterisk and the menu

    def call_arrived(self, call: str, number: str, at: int | None = None) -> None:
        """A citizen's channel was born, now or at a moment when nobody listened."""
        if call in self._calls:
            return
        begun = self._earlier(call)
        if begun is not None:
            self.resume(begun)
            return
        now = self._clock()
        arrived_at = Millis(now if at is None else min(at, now))
        new = Call(id=call, number=number, arrived_at=arrived_at, node=self._node)
        if at is not None:
            new.next_line = new.next_decision = FAR_LINE
        self._calls[call] = new
        self._archive.call(new)
        self._note_at(new, arrived_at, "arrived", {})

    def resume(self, call: Call) -> None:
        """A call that an earlier run of the service began, and that goes on."""
        call.ended_at = None
        self._calls[call.id] = call
        if call.outcome is None and call.queue is not None and call.queued_at is not None:
            self._figures.offered(call.queue, call.queued_at)
        self._note(call, "resumed")
        self._archive.call(call)

    def give_up(self, call: str) -> Call | None:
        """A call that ended unseen is finished elsewhere, from what Asterisk wrote down."""
        return self._calls.pop(call, None)

    def service_stops(self) -> None:
        """Leave a last line on every live call: what becomes of it will not be seen from here."""
        for call in self._calls.values():
            self._note(call, "service_stopped")

    def call_event(self, call: str, event: str, **data: str | int | None) -> None:
        """A line for the timeline; an ended call is not reopened."""
        known = self.of(call)
        if known is not None:
            self._note(known, event, **data)

    def recording_began(self, call: str, file: str, from_ms: int) -> Call | None:
        """The conversation is written to this file; so much of an earlier one is in it already."""
        known = self.of(call)
        if known is not None:
            known.recording = file
            self._note(known, "recording", file=file, from_ms=from_ms)
            self._archive.call(known)
        return known

    def note(self, call: Call, event: str, **data: str | int | None) -> None:
        """A line for the timeline of a call that may have ended, and may be one read back."""
        self._note(call, event, **data)

    def fallback_entered(
        self, call: str, at: int | None, queued: ContactQueued | None = None
    ) -> None:
        """Asterisk's own queue has the caller; who came straight from the menu is offered now.

        `queued` is how the wait began, when nobody here saw it. Of callers from the menu nobody
        knows what they want: they count in the queue of general questions.
        """
        known = self._calls.get(call)
        if known is None or any(entry.event == "fallback" for entry in known.timeline):
            return
        known.fallback = True
        began = Millis(self._clock() if at is None else min(at, self._clock()))
        if known.queued_at is None and known.outcome is None:
            self._offered(known, queued, began)
        self._note_at(known, began, "fallback", {})
        self._archive.call(known)

    def _offered(self, call: Call, queued: ContactQueued | None, began: Millis) -> None:
        call.topic = queued.topic if queued is not None else call.topic or ANY_TOPIC
        call.queue = self._router.rules.queue_of(Topic(call.topic))
        call.queued_at = Millis(min(queued.queued_at, began)) if queued is not None else began
        if queued is not None:
            call.language, call.priority_ms = queued.language, queued.priority_ms
            call.own_priority_ms = queued.priority_ms
        self._figures.offered(call.queue, call.queued_at)

    def fallback_again(self, call: str) -> None:
        """The operator hung up at once: that was no answer, and the wait goes on there."""
        known = self._calls.get(call)
        if known is not None and known.outcome is None:
            known.talk_since = known.talk_ended_at = known.handle_ms = None
            known.connected_at = known.wait_ms = known.operator = known.skill_level = None
            self._archive.call(known)

    def message_left(self, call: str, file: str) -> None:
        """Nobody was logged in, and the caller left a message."""
        known = self._calls.get(call)
        if known is not None:
            self._note(known, "message_left", file=file)
            self._contact_closed(known, "overflowed")

    def menu_started(self, call: str, menu: str, version: str) -> None:
        """Which dialplan speaks to the caller."""
        known = self._calls.get(call)
        if known is not None:
            known.menu, known.menu_version = menu, version
            self._archive.call(known)

    def language_chosen(self, call: str, language: str) -> None:
        """The caller's language, from the first moment it is known."""
        known = self._calls.get(call)
        if known is not None and known.language != language:
            known.language = language
            self._archive.call(known)

    def menu_over(self, call: str) -> None:
        """The menu said goodbye of itself, before or after a conversation."""
        known = self._calls.get(call)
        if known is not None and known.queued_at is None and known.outcome is None:
            known.outcome = "finished_in_menu"

    def call_gone(self, call: str) -> None:
        """The channel is destroyed: the record is complete."""
        known = self._calls.pop(call, None)
        if known is None:
            return
        known.ended_at = self._clock()
        if known.outcome is None and known.queued_at is not None:
            self._contact_closed(known, "abandoned")
        known.outcome = known.outcome or "left_menu"
        self._note(known, "ended", outcome=known.outcome)
        self._archive.call(known)
        self._ended(known)

    def wrapped_up(self, operator: OperatorId, wrap_up_ms: int) -> None:
        """The operator's last call has cost this much more."""
        call = self._wrapping_up.pop(operator, None)
        if call is not None and call.handle_ms is not None:
            call.handle_ms += wrap_up_ms
            self._archive.call(call)

    # From the router

    def observe(self, event: Event, commands: list[Command], before: Contact | None) -> None:
        """Record what an event and its commands mean to the call they are about.

        `before` is the router's contact the event is about, None for a new one. The router has
        dealt with the event by now: an open contact shows how it stands after it.
        """
        call = self.of(getattr(event, "contact", ""))
        if call is not None:
            self._observe_event(call, event, before)
        for command in commands:
            about = self.of(getattr(command, "contact", ""))
            if about is not None:
                self._observe_command(about, command)

    def _observe_event(  # noqa: C901 - one row per event, nothing nested
        self, call: Call, event: Event, before: Contact | None
    ) -> None:
        match event:
            case ContactQueued():
                self._queued(call, event)
            case ContactFound(operator=operator):
                self._queued(call, event.queued)
                if event.is_talking:
                    self._connected(call, operator, event.since)
            case OperatorAnswered(operator=operator):
                self._note(call, "operator_answered", operator=operator)
            case Connected(operator=operator, at=at):
                self._connected(call, operator, at)
            case OfferFailed(operator=operator, why=why) if before is not None:
                self._note(call, "offer_failed", operator=operator, reason=why.value)
                self._not_answered(call, operator, why)
            case OperatorLost(operator=operator) if before is not None:
                self._note(call, "operator_lost", operator=operator)
                self._talk_ended(call)
            case OperatorHungUp(operator=operator) if before is not None:
                self._note(call, "operator_hung_up", operator=operator)
                self._served(call)
            case CallerHungUp() if before is not None:
                self._note(call, "caller_hung_up", stage=before.stage.value)
                self._contact_closed(call, "abandoned")
            case CallerLeft() if before is not None:
                call.fallback = True
                self._talk_ended(call)
            case CallbackAccepted() if before is not None:
                self._accepted(call, event)
            case CallbackAnswered() if before is not None:
                self._note(call, "callback_answered")
            case CallbackFailed(why=why) if before is not None:
                self._note(call, "callback_failed", reason=why)
            case CallbackCancelled() if before is not None:
                self._note(call, "callback_cancelled")
            case _:
                pass

    def _observe_command(  # noqa: C901 - one row per command, nothing nested
        self, call: Call, command: Command
    ) -> None:
        match command:
            case Offer(operator=operator):
                self._note(call, "offered", operator=operator)
            case ReturnCaller():
                self._note(call, "returned_to_queue")
            case PlayMessage(phrase=phrase):
                self._note(call, "message", phrase=phrase)
            case Tell(position=position):
                self._note(call, "told", position=position, **_range(command))
            case OfferCallbackTo():
                self._note(call, "callback_offered")
            case DialCallback(operator=operator):
                self._note(call, "callback_dialled", operator=operator)
            case CallbackGivenUp(tries=tries):
                self._note(call, "callback_given_up", tries=tries)
            case LeaveQueue(target=target):
                self._note(call, "left_queue", target=target)
                self._contact_closed(call, "overflowed")
            case Decided(rule=rule):
                call.step = command.step
                self._expect(call, command)
                self._archive.decision(call.next_decision, command)
                call.next_decision += 1
                call.decisions.append(command)
                if command.is_step:
                    self._note(call, "step", step=rule)
            case _:
                pass

    def _expect(self, call: Call, decision: Decided) -> None:
        """The first decision of a stay says what was expected of it."""
        if call.estimated_wait_ms is None and not call.decisions and call.wait_ms is None:
            call.estimated_wait_ms = decision.estimated_wait_ms
            if call.estimated_wait_ms is not None:
                self._archive.call(call)

    def _queued(self, call: Call, event: ContactQueued) -> None:
        contact = self._router.contact(event.contact)
        if contact is None or call.queued_at is not None:
            self._queued_again(call, contact)
            return
        call.queue, call.topic = contact.queue, contact.topic
        call.language, call.priority_ms = contact.language, contact.priority_ms
        call.own_priority_ms = contact.own_priority_ms
        call.queued_at = contact.queued_at
        self._figures.offered(contact.queue, contact.queued_at)
        self._note(call, "queued", queue=contact.queue, topic=contact.topic)
        self._archive.call(call)

    def _accepted(self, call: Call, event: CallbackAccepted) -> None:
        """The live contact is closed, and its story goes on with the callback, if there is one."""
        if self._router.contact(event.contact) is not None:
            return
        self._note(call, "callback_accepted")
        self._contact_closed(call, "callback")
        new = callback_id(event.contact)
        if self._router.contact(new) is not None:
            self.calls_back(new, call)

    def _queued_again(self, call: Call, contact: Contact | None) -> None:
        """Whom the ladder sent away and who came back waits on: queue and clock are the first."""
        if contact is None or call.outcome != "overflowed" or call.connected_at is not None:
            return
        assert call.queue is not None, f"{call.id} was in no queue"
        assert call.queued_at is not None, f"{call.id} was never queued"
        self._figures.reopened(call.queue, call.queued_at, call.outcome, call.wait_ms or 0)
        call.outcome = call.wait_ms = None
        self._note(call, "queued_again", queue=contact.queue, topic=contact.topic)
        self._archive.call(call)

    def _connected(self, call: Call, operator: OperatorId, since: Millis | None = None) -> None:
        now = Millis(min(since, self._clock())) if since is not None else self._clock()
        contact = self._contact_of(call)
        if contact is None or contact.operator != operator:
            return
        goes_on = since is not None and call.connected_at is not None and call.operator == operator
        call.operator, call.talk_since = operator, now
        if goes_on and call.talk_ended_at is None:
            return
        if call.wait_ms is None and call.queued_at is not None:
            call.connected_at = now
            call.wait_ms = max(0, now - call.queued_at)
            call.skill_level = self._level(call, operator)
        self._note(call, "connected", operator=operator, wait_ms=contact.waited_ms(now))
        self._archive.call(call)

    def _contact_of(self, call: Call) -> Contact | None:
        id_ = ContactId(call.id)
        return self._router.contact(id_) or self._router.contact(callback_id(id_))

    def _level(self, call: Call, operator: OperatorId) -> int | None:
        rules: Rules = self._router.rules
        profile = rules.operators.get(operator)
        contact = self._contact_of(call)
        if profile is None or contact is None:
            return None
        return rules.topic_level(profile, contact.topic)

    def _talk_ended(self, call: Call) -> None:
        """Add the conversation to the handle time; what follows may be another wait."""
        if call.talk_since is not None:
            call.talk_ended_at = self._clock()
            call.handle_ms = (call.handle_ms or 0) + call.talk_ended_at - call.talk_since
            call.talk_since = None

    def _not_answered(self, call: Call, operator: OperatorId, why: OfferFailure) -> None:
        """The operator hung up at once: that was no answer, and the wait goes on."""
        at_once = why is OfferFailure.HUNG_UP_AT_ONCE and call.operator == operator
        if at_once:
            call.talk_since = None
        if not at_once or call.talk_ended_at is not None:
            return
        call.connected_at = call.wait_ms = call.operator = call.skill_level = None
        self._archive.call(call)

    def _served(self, call: Call) -> None:
        """A late word on a conversation given up closes nothing: the router has the contact."""
        if self._contact_of(call) is None:
            self._contact_closed(call, "answered")

    def _contact_closed(self, call: Call, outcome: Outcome) -> None:
        """Count the call, once, as answered if anybody talked to the caller before."""
        if call.outcome is not None:
            self._late_talk_ended(call)
            return
        now = self._clock()
        if call.connected_at is not None:
            outcome = "answered"
            self._talk_ended(call)
            if call.operator is not None:
                self._wrapping_up[call.operator] = call
        elif call.queued_at is not None:
            call.wait_ms = max(0, now - call.queued_at)
        call.outcome = outcome
        if outcome == "abandoned":
            self._gave_up(call.number)
        if call.queue is not None and call.queued_at is not None:
            self._figures.closed(call.queue, call.queued_at, outcome, call.wait_ms or 0)
        self._archive.call(call)

    def _late_talk_ended(self, call: Call) -> None:
        """A conversation after the outcome was settled: of a callback, or of who came back."""
        if call.talk_since is None:
            return
        self._talk_ended(call)
        if call.operator is not None:
            self._wrapping_up[call.operator] = call
        self._archive.call(call)

    def _note(self, call: Call, event: str, **data: str | int | None) -> None:
        self._note_at(call, self._clock(), event, data)

    def _note_at(self, call: Call, at: Millis, event: str, data: Data) -> None:
        entry = Entry(call.next_line, at, event, data)
        call.next_line += 1
        call.timeline.append(entry)
        self._archive.entry(call.id, entry)


def _range(tell: Tell) -> dict[str, int | None]:
    low, high = tell.wait_ms or (None, None)
    return {} if low is None else {"from_ms": low, "to_ms": high}
