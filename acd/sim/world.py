"""The router under a heap of future events instead of a clock.

What happens at the same millisecond happens in this order: what the router itself has due, what
operators do, arrivals, hang-ups. So a caller whose patience ends just as somebody becomes free is
answered. Whatever is drawn for a call comes from a generator of its own: another rule or another
crew does not give a caller other dice.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random
from typing import Any, Final, Protocol

from acd.core.callbacks import callback_id
from acd.core.commands import (
    CallbackGivenUp,
    CancelOffer,
    Command,
    Decided,
    DialCallback,
    LeaveQueue,
    Offer,
    OfferCallbackTo,
    SetAside,
)
from acd.core.contacts import Stage
from acd.core.events import (
    CallbackAccepted,
    CallbackAnswered,
    CallbackCancelled,
    CallbackFailed,
    CallerHungUp,
    Connected,
    ContactQueued,
    Event,
    OfferFailed,
    OfferFailure,
    OperatorAnswered,
    OperatorHungUp,
    OperatorReady,
    OperatorWrappedUp,
    Phone,
    PhoneChanged,
    Ticked,
)
from acd.core.names import ContactId, Millis, OperatorId
from acd.core.queues import Rules
from acd.core.router import Router
from acd.core.seats import OperatorState
from acd.sim.bounds import Watch
from acd.sim.calls import LAST_WAIT_MS, Call, Closed, Ending, Live, Stay
from acd.sim.duty import Duty
from acd.sim.generate import exponential_ms, lognormal_ms
from acd.sim.scenario import Behaviour

BY_OPERATORS: Final = 0
BY_CALLERS: Final = 1
AT_LAST: Final = 2
REDIALS_MAX: Final = 3
LISTEN_MS: Final = 5000
"""How long a caller listens to the offer of a callback before pressing the key."""

_TICK: Final = Ticked()


class Watcher(Protocol):
    """Who is told what happens; `acd.sim.results` counts, `acd.sim.explain` follows one call.

    One that has `follows_calls = False` is spared what happens to each call in between.
    """

    def closed(self, closed: Closed) -> None:
        """A call has its outcome."""

    def happened(self, call: str, at: int, event: str, data: dict[str, object]) -> None:
        """Something for a call's timeline."""

    def decided(self, call: str, decided: Decided) -> None:
        """Why the router did what it did."""


@dataclass(slots=True)
class Totals:
    """What was counted beside the calls; `state_ms` adds up all operators' time by state."""

    events: int = 0
    came: int = 0
    callbacks_served: int = 0
    left_waiting: int = 0
    ended_at: int = 0
    state_ms: dict[OperatorState, int] | None = None


class World:
    """One run. `progress` is told how many calls have come; `spent`, when given, every stretch of
    an operator's time from the first call on: in which state, from when, until when. `bounds` is
    told who enters and who works.
    """

    def __init__(
        self,
        rules: Rules,
        duties: Iterable[Duty],
        watcher: Watcher,
        behaviour: Behaviour | None = None,
        seed: int = 0,
        progress: Callable[[int, int], None] = lambda came, at: None,
        spent: Callable[[OperatorState, int, int], None] | None = None,
        bounds: Watch | None = None,
    ) -> None:
        self._rules = rules
        self._bounds = bounds
        self._router = Router(rules)
        self._duties = iter(duties)
        self._watcher = watcher
        self._is_followed = bool(getattr(watcher, "follows_calls", True))
        self._behaviour = behaviour or Behaviour()
        self._is_plain = self._behaviour == Behaviour()
        self._seed = seed
        self._progress = progress
        self._spent = spent
        self._heap: list[tuple[int, int, int, Callable[[Any], None], Any]] = []
        self._order = 0
        self._now = Millis(0)
        self._live: dict[ContactId, Live] = {}
        self._open = 0
        self._arrivals: Iterator[Call] = iter(())
        self._last_arrival = 0
        self._seen: dict[OperatorId, Stay] = {}
        self._state_ms = dict.fromkeys(OperatorState, 0)
        self.totals = Totals()
        self._carry: dict[type, Callable[[Any], None]] = {
            Offer: self._offer,
            CancelOffer: self._cancel,
            Decided: self._decided,
            LeaveQueue: self._leave,
            SetAside: self._set_aside,
            OfferCallbackTo: self._offer_callback,
            DialCallback: self._dial,
            CallbackGivenUp: self._given_up,
        }
        self._pending: deque[Command] = deque()
        self._is_telling = False

    def run(self, calls: Iterable[Call]) -> Totals:
        """Until the last of the calls is over, wrap-up included."""
        for operator in self._rules.operators:
            self._tell(PhoneChanged(operator, Phone.FREE))
        self._arrivals = iter(calls)
        self._next_duty()
        self._next_arrival()
        heap, router = self._heap, self._router
        while heap and self._open:
            at = heap[0][0]
            due = router.wake_at()
            if due is not None and due <= at:
                self._now = Millis(max(due, self._now))
                self._tell(_TICK)
                continue
            _, _, _, what, about = heappop(heap)
            self._now = Millis(at)
            what(about)
        return self._finish()

    def _finish(self) -> Totals:
        self._add_up()
        if self._bounds is not None:
            self._bounds.finish()
        self.totals.ended_at, self.totals.state_ms = self._now, self._state_ms
        return self.totals

    def _add_up(self) -> None:
        """Everybody's time up to now; what was before the first call counts for nothing."""
        for stay in self._seen.values():
            self._end(stay, stay.state)

    def _end(self, stay: Stay, following: OperatorState) -> None:
        self._state_ms[stay.state] += self._now - stay.since
        if self._spent is not None and self.totals.came:
            self._spent(stay.state, stay.since, self._now)
        stay.state, stay.since = following, self._now

    # Time

    def _at(self, at: int, rank: int, what: Callable[[Any], None], about: object) -> None:
        self._order += 1
        heappush(self._heap, (at, rank, self._order, what, about))

    def _next_duty(self) -> None:
        duty = next(self._duties, None)
        if duty is not None:
            self._at(duty.at, BY_OPERATORS, self._on_duty, duty)

    def _on_duty(self, duty: Duty) -> None:
        if self._bounds is not None:
            self._bounds.on_duty(duty.events, self._now)
        for event in duty.events:
            self._tell(event)
        self._next_duty()

    def _next_arrival(self) -> None:
        """Also keeps the run open until the last call has come."""
        call = next(self._arrivals, None)
        if call is not None:
            self._open += 1
            self._last_arrival = call.arrival_ms
            self._at(call.arrival_ms, BY_CALLERS, self._arrive, call)
        else:
            self._at(self._last_arrival + LAST_WAIT_MS, AT_LAST, self._give_up_all, None)

    def _give_up_all(self, _: None) -> None:
        """A week after the last call: whoever still waits will not be served."""
        for live in list(self._live.values()):
            if live.is_closed:
                continue
            if live.is_callback:
                self._tell(CallbackCancelled(live.contact))
                self._close(live, "callback")
                self._over(live)
            else:
                self.totals.left_waiting += 1
                self._hang_up(live)

    # The router

    def _tell(self, event: Event) -> None:
        """One event; what the commands lead to at once is told before this returns, in order."""
        commands = self._handle(event)
        if commands:
            self._pending.extend(commands)
        if self._is_telling or not commands:
            return
        self._is_telling = True
        # What was asked for first is carried out first, also when it leads to more.
        while self._pending:
            command = self._pending.popleft()
            carry = self._carry.get(type(command))
            if carry is not None:
                carry(command)
        self._is_telling = False

    def _handle(self, event: Event) -> list[Command]:
        self.totals.events += 1
        commands = self._router.handle(event, self._now)
        for seat in self._router.touched:
            state, operator = seat.shown[0], seat.profile.id
            stay = self._seen.get(operator)
            if stay is None:
                self._seen[operator] = Stay(state, self._now)
            elif stay.state is not state:
                self._end(stay, state)
        return commands

    # Callers

    def _arrive(self, call: Call) -> None:
        if not self.totals.came:
            self._add_up()
            self._state_ms = dict.fromkeys(OperatorState, 0)
        self._admit(call)
        self._next_arrival()

    def _admit(self, call: Call) -> None:
        self.totals.came += 1
        rng = None if self._is_plain else Random(f"{self._seed}:{call.id}")
        live = Live(call, self.totals.came, ContactId(call.id), self._now, rng)
        self._progress(self.totals.came, self._now)
        menu = self._behaviour.menu
        if menu is not None and rng is not None:
            self._at(self._now + lognormal_ms(rng, menu), BY_CALLERS, self._queue, live)
        else:
            self._queue(live)

    def _queue(self, live: Live) -> None:
        call = live.call
        live.queued_at = self._now
        self._live[live.contact] = live
        if self._bounds is not None:
            self._bounds.queued(call, self._now)
        queue = self._rules.queue_of(call.topic)
        if self._is_followed:
            data: dict[str, object] = {"queue": queue, "topic": call.topic}
            self._watcher.happened(call.id, self._now, "queued", data)
        self._tell(ContactQueued(live.contact, queue, call.topic, call.language, self._now))
        if call.patience_ms is not None and not live.is_closed:
            self._at(self._now + call.patience_ms, AT_LAST, self._hang_up, live)

    def _hang_up(self, live: Live) -> None:
        if live.is_closed:
            return
        self._watcher.happened(live.call.id, self._now, "caller_hung_up", {"stage": "waiting"})
        self._close(live, "abandoned")
        self._tell(CallerHungUp(live.contact))
        self._over(live)
        redial = self._behaviour.redial
        if redial is None or live.rng is None:
            return
        if live.rng.random() < redial.share:
            first, _, times = live.call.id.partition("r")
            number = int(times or 0) + 1
            if number <= REDIALS_MAX:
                at = self._now + exponential_ms(live.rng, redial.after_ms)
                again = live.call._replace(id=f"{first}r{number}", arrival_ms=at)
                self._open += 1
                self._at(at, BY_CALLERS, self._admit, again)

    def _close(self, live: Live, outcome: Ending, operator: OperatorId | None = None) -> None:
        live.is_closed = True
        if live.is_callback:
            return
        level = None
        if operator is not None:
            profile = self._rules.operators[operator]
            level = self._rules.topic_level(profile, live.call.topic)
        wait_ms = self._now - live.queued_at
        self._watcher.closed(
            Closed(live.number, live.call, outcome, wait_ms, live.step, operator, level)
        )

    def _over(self, live: Live) -> None:
        live.offers += 1
        self._live.pop(live.contact, None)
        self._open -= 1

    # What the router wants

    def _decided(self, command: Decided) -> None:
        live = self._live.get(command.contact)
        if live is not None:
            if command.step > live.step:
                live.step = command.step
            if self._is_followed:
                self._watcher.decided(live.call.id, command)

    def _offer(self, command: Offer) -> None:
        live = self._live[command.contact]
        live.offers += 1
        if self._is_followed:
            data: dict[str, object] = {"operator": command.operator}
            self._watcher.happened(live.call.id, self._now, "offered", data)
        ringing, offer = self._behaviour.ringing, (live, command.operator, live.offers)
        if ringing is None or live.rng is None:
            self._pick_up(offer)
            return
        answers_after = lognormal_ms(live.rng, ringing.answer)
        if live.rng.random() < ringing.no_answer or answers_after >= command.ring_ms:
            self._at(self._now + command.ring_ms, BY_OPERATORS, self._ring_out, offer)
        else:
            self._at(self._now + answers_after, BY_OPERATORS, self._pick_up, offer)

    def _ring_out(self, offer: tuple[Live, OperatorId, int]) -> None:
        live, operator, number = offer
        if live.offers == number:
            data: dict[str, object] = {"operator": operator, "reason": "rona"}
            self._watcher.happened(live.call.id, self._now, "offer_failed", data)
            self._tell(OfferFailed(live.contact, operator, OfferFailure.NO_ANSWER))

    def _pick_up(self, offer: tuple[Live, OperatorId, int]) -> None:
        live, operator, number = offer
        if live.offers != number:
            return
        if self._behaviour.whisper_ms:
            self._tell(OperatorAnswered(live.contact, operator))
            after = self._now + self._behaviour.whisper_ms
            self._at(after, BY_OPERATORS, self._connect, offer)
        else:
            self._connect(offer)

    def _connect(self, offer: tuple[Live, OperatorId, int]) -> None:
        live, operator, number = offer
        if live.offers != number:
            return
        self._tell(Connected(live.contact, operator))
        if self._is_followed:
            data: dict[str, object] = {"operator": operator}
            self._watcher.happened(live.call.id, self._now, "connected", data)
        self.totals.callbacks_served += live.is_callback
        self._close(live, "answered", operator)
        contact = self._router.contact(live.contact)
        assert contact is not None, f"{live.contact} is in no conversation"
        wrap_up_ms = self._rules.operators[operator].wrap_up_ms
        if wrap_up_ms is None:
            wrap_up_ms = self._rules.queues[contact.queue].wrap_up_ms
        handle_ms = live.call.handle_ms
        served = (live, operator)
        if wrap_up_ms:
            talked = self._now + max(0, handle_ms - wrap_up_ms)
            self._at(talked, BY_OPERATORS, self._hang_up_after_talk, served)
            self._at(self._now + handle_ms, BY_OPERATORS, self._handled, served)
        else:
            self._at(self._now + handle_ms, BY_OPERATORS, self._all_over, served)

    def _hang_up_after_talk(self, served: tuple[Live, OperatorId]) -> None:
        live, operator = served
        self._tell(OperatorHungUp(live.contact, operator))

    def _all_over(self, served: tuple[Live, OperatorId]) -> None:
        """With no wrap-up, handled as soon as talked."""
        self._hang_up_after_talk(served)
        self._handled(served)

    def _handled(self, served: tuple[Live, OperatorId]) -> None:
        """Who needs less than the usual wrap-up is ready now; for the others it ends by itself."""
        live, operator = served
        self._tell(OperatorWrappedUp(operator))
        if self._is_followed:
            data: dict[str, object] = {"outcome": "answered"}
            self._watcher.happened(live.call.id, self._now, "ended", data)
        self._over(live)

    def _cancel(self, command: CancelOffer) -> None:
        live = self._live.get(command.contact)
        if live is not None:
            live.offers += 1

    def _leave(self, command: LeaveQueue) -> None:
        live = self._live[command.contact]
        data: dict[str, object] = {"target": command.target}
        self._watcher.happened(live.call.id, self._now, "left_queue", data)
        self._close(live, "overflowed")
        self._over(live)

    def _set_aside(self, command: SetAside) -> None:
        ringing = self._behaviour.ringing
        if ringing is not None:
            back_at = self._now + ringing.back_after_ms
            self._at(back_at, BY_OPERATORS, self._come_back, command.operator)

    def _come_back(self, operator: OperatorId) -> None:
        """Unless the shift, or a break, has come in between."""
        seat = self._router.seat(operator)
        if seat is not None and seat.logged_in and seat.pause == OfferFailure.NO_ANSWER.value:
            self._tell(OperatorReady(operator))

    # Callbacks

    def _offer_callback(self, command: OfferCallbackTo) -> None:
        live, taking = self._live.get(command.contact), self._behaviour.callback
        if live is None or taking is None or live.rng is None:
            return
        self._watcher.happened(live.call.id, self._now, "callback_offered", {})
        if live.rng.random() < taking.accept:
            self._at(self._now + LISTEN_MS, BY_CALLERS, self._accept, live)

    def _accept(self, live: Live) -> None:
        contact = self._router.contact(live.contact)
        if live.is_closed or contact is None or contact.stage is Stage.WHISPER:
            return
        self._watcher.happened(live.call.id, self._now, "callback_accepted", {})
        self._close(live, "callback")
        id_ = callback_id(live.contact)
        later = Live(live.call, live.number, id_, live.queued_at, live.rng)
        later.step, later.is_callback = live.step, True
        self._live[later.contact] = later
        self._open += 1
        self._tell(CallbackAccepted(live.contact, live.call.id))
        self._over(live)

    def _dial(self, command: DialCallback) -> None:
        live, taking = self._live[command.contact], self._behaviour.callback
        assert taking is not None, "nobody takes callbacks in this run"
        assert live.rng is not None, "a plain run has no dice"
        live.offers += 1
        is_reached = live.rng.random() < taking.reached
        after = LISTEN_MS if is_reached else command.ring_ms
        self._at(self._now + after, BY_CALLERS, self._dialled, (live, live.offers, is_reached))

    def _dialled(self, call: tuple[Live, int, bool]) -> None:
        live, number, is_reached = call
        if live.offers != number:
            return
        if is_reached:
            self._tell(CallbackAnswered(live.contact))
        else:
            self._tell(CallbackFailed(live.contact, "no_answer"))

    def _given_up(self, command: CallbackGivenUp) -> None:
        live = self._live.get(command.contact)
        if live is not None:
            self._close(live, "callback")
            self._over(live)
