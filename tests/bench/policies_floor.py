"""A floor for other ways of routing: the rules of `acd/sim/world.py`, with another head on it.

The same calls, crew, shifts and breaks; whoever picks up does so at once. At the same millisecond
what operators do comes before what callers do, and hanging up comes last. Who goes off duty in a
conversation finishes it.
"""

from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

from acd.core.events import OperatorLoggedOut, OperatorPaused, OperatorReady
from acd.core.names import Language, OperatorId, Topic
from acd.core.queues import LeastLevel, Need, Route, Rules
from acd.core.skills import Skills
from acd.sim.calls import LAST_WAIT_MS, Call, Closed
from acd.sim.duty import Duty
from acd.sim.results import Results

BY_OPERATORS, BY_CALLERS, AT_LAST = 0, 1, 2
FIRST_CHOICE = 4
"""From this level in the topic on an operator is one of the first choice."""

Kind = tuple[Topic, Language]


@dataclass(slots=True, eq=False)
class Caller:
    """Somebody in the queue; `is_over`: answered or gone."""

    call: Call
    number: int
    is_over: bool = False


class Floor(ABC):
    """One run. Operators are numbers, sets of them the bits of an integer, as in the router."""

    def __init__(self, rules: Rules, duties: Iterable[Duty], results: Results) -> None:
        self.rules = rules
        self.skills = Skills(rules)
        self.now = 0
        self.here = 0
        self.ready = 0
        self.idle: OrderedDict[int, None] = OrderedDict()
        self._duties = iter(duties)
        self._results = results
        self._calls: Iterator[Call] = iter(())
        self._heap: list[tuple[int, int, int, Callable[..., None], object]] = []
        self._order = 0
        self._open = 0
        self._came = 0
        self._last = 0
        self._waiting: dict[Caller, None] = {}
        self._busy: set[int] = set()

    def run(self, calls: Iterable[Call]) -> None:
        """Until the last of the calls is over."""
        self._calls = iter(calls)
        self._next_duty()
        self._next_call()
        while self._heap and self._open:
            self.now, _, _, what, about = heappop(self._heap)
            what(about)

    # What another head does

    @abstractmethod
    def arrived(self, caller: Caller) -> None:
        """Somebody enters the queue."""

    @abstractmethod
    def freed(self, operator: int) -> None:
        """An operator is ready, for the first time or again."""

    def left(self, caller: Caller) -> None:  # noqa: B027 - a head need not care
        """Somebody has hung up or been answered."""

    # What it does it with

    def at(self, when: int, rank: int, what: Callable[..., None], about: object) -> None:
        """Do this then."""
        self._order += 1
        heappush(self._heap, (when, rank, self._order, what, about))

    def seize(self, operator: int) -> None:
        """Rung for, or in conversation: not ready for others."""
        self._busy.add(operator)
        self.ready &= ~(1 << operator)
        self.idle.pop(operator, None)

    def release(self, operator: int) -> None:
        """Through with it; ready when on duty."""
        self._busy.discard(operator)
        if self.here >> operator & 1:
            self._is_ready(operator)

    def serve(self, caller: Caller, operator: int) -> None:
        """In conversation from now on."""
        self.seize(operator)
        self._close(caller, self.skills.ids[operator])
        self.at(self.now + caller.call.handle_ms, BY_OPERATORS, self._handled, operator)

    def may(self, kind: Kind, least: int | None = None) -> int:
        """Who may take such a call at the queue's least levels, or this one in its topic."""
        topic, language = kind
        queue = self.rules.queues[self.rules.queue_of(topic)]
        level = queue.least.topic if least is None else least
        route = Route(topic, LeastLevel(queue.least.language, level))
        return self.skills.pool(Need(language, (route,), reserve=True)).may

    # The run

    def _handled(self, operator: int) -> None:
        self.handled(operator)
        self.release(operator)

    def handled(self, operator: int) -> None:  # noqa: B027 - a head need not care
        """A conversation is over, wrap-up included."""

    def _is_ready(self, operator: int) -> None:
        self.ready |= 1 << operator
        self.idle[operator] = None
        self.freed(operator)

    def _next_duty(self) -> None:
        duty = next(self._duties, None)
        if duty is not None:
            self.at(duty.at, BY_OPERATORS, self._on_duty, duty)

    def _on_duty(self, duty: Duty) -> None:
        for event in duty.events:
            if isinstance(event, OperatorReady):
                self._come(self.skills.index[event.operator])
            elif isinstance(event, OperatorLoggedOut | OperatorPaused):
                operator = self.skills.index[event.operator]
                self.here &= ~(1 << operator)
                self.ready &= ~(1 << operator)
                self.idle.pop(operator, None)
        self._next_duty()

    def _come(self, operator: int) -> None:
        if not self.here >> operator & 1:
            self.here |= 1 << operator
            if operator not in self._busy:
                self._is_ready(operator)

    def _next_call(self) -> None:
        call = next(self._calls, None)
        if call is None:
            self.at(self._last + LAST_WAIT_MS, AT_LAST, self._give_up_all, None)
            return
        self._open += 1
        self._last = call.arrival_ms
        self.at(call.arrival_ms, BY_CALLERS, self._arrive, call)

    def _arrive(self, call: Call) -> None:
        self._came += 1
        caller = Caller(call, self._came)
        self._waiting[caller] = None
        if call.patience_ms is not None:
            self.at(self.now + call.patience_ms, AT_LAST, self._hang_up, caller)
        self.arrived(caller)
        self._next_call()

    def _hang_up(self, caller: Caller) -> None:
        if not caller.is_over:
            self._close(caller, None)

    def _give_up_all(self, _: None) -> None:
        for caller in list(self._waiting):
            self._hang_up(caller)

    def _close(self, caller: Caller, operator: OperatorId | None) -> None:
        caller.is_over = True
        self._open -= 1
        del self._waiting[caller]
        outcome = "abandoned" if operator is None else "answered"
        wait_ms = self.now - caller.call.arrival_ms
        self._results.closed(Closed(caller.number, caller.call, outcome, wait_ms, 0, operator))
        self.left(caller)


class Lines(Floor):
    """Oldest caller first over the skills of the operator, longest idle operator first."""

    def __init__(self, rules: Rules, duties: Iterable[Duty], results: Results) -> None:
        super().__init__(rules, duties, results)
        self._lines: dict[Kind, deque[Caller]] = {}
        self._reach: dict[Kind, tuple[int, int]] = {}

    hold_ms = 0
    """So long only those of the first choice take a caller."""

    def choices(self, kind: Kind) -> tuple[int, int]:
        """Who takes such a call at once, and who after the hold."""
        may = self.may(kind)
        return may, may

    def arrived(self, caller: Caller) -> None:
        kind = (caller.call.topic, caller.call.language)
        if kind not in self._reach:
            self._reach[kind] = self.choices(kind)
            self._lines[kind] = deque()
        first, later = self._reach[kind]
        if self._seat(caller, first):
            return
        self._lines[kind].append(caller)
        if later != first:
            self.at(self.now + self.hold_ms, BY_CALLERS, self._held, (caller, later))

    def freed(self, operator: int) -> None:
        bit, best = 1 << operator, None
        for kind, line in self._lines.items():
            first, later = self._reach[kind]
            if not (first | later) & bit:
                continue
            while line and line[0].is_over:
                line.popleft()
            if not line or (best is not None and line[0].number > best.number):
                continue
            waited = self.now - line[0].call.arrival_ms
            if first & bit or waited >= self.hold_ms:
                best = line[0]
        if best is not None:
            self.serve(best, operator)

    def _held(self, about: tuple[Caller, int]) -> None:
        caller, later = about
        if not caller.is_over:
            self._seat(caller, later)

    def _seat(self, caller: Caller, who: int) -> bool:
        if not who & self.ready:
            return False
        operator = next(each for each in self.idle if who >> each & 1)
        self.serve(caller, operator)
        return True


class HoldBack(Lines):
    """Others than the first choice only after 30 s."""

    hold_ms = 30_000

    def choices(self, kind: Kind) -> tuple[int, int]:
        may = self.may(kind)
        return self.may(kind, FIRST_CHOICE) or may, may


class WithHelp(Lines):
    """After 25 s anybody helps who speaks the language at all, as in the shipped ladder."""

    hold_ms = 25_000

    def choices(self, kind: Kind) -> tuple[int, int]:
        may = self.may(kind)
        return may, may | self.skills.speaks(kind[1], 1)


class Departments(Lines):
    """A queue for each department; an operator works in that of their own topic alone."""

    def choices(self, kind: Kind) -> tuple[int, int]:
        queue, found = self.rules.queue_of(kind[0]), 0
        speaks = self.skills.speaks(kind[1], self.rules.queues[queue].least.language)
        for id_, profile in self.rules.operators.items():
            own = profile.own_topic
            if own is not None and self.rules.queue_of(own) == queue:
                found |= 1 << self.skills.index[id_]
        return found & speaks, found & speaks
