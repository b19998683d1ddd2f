"""What nobody could have done better: three figures to hold beside the service level of a run.

All of them are played on the very calls of the run, as they enter the queue, with the hours the
operators were on duty and not on a break. Everything is counted as it comes, so that a year takes
no more room than a day. Ringing, whispering and calls that are not picked up cost nothing here.
"""

from bisect import bisect_right, insort
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from math import inf
from typing import NamedTuple

from acd.core.events import Event, OperatorLoggedOut, OperatorPaused, OperatorReady
from acd.core.names import Language, QueueId, Topic
from acd.core.queues import LeastLevel, Need, OverflowTo, QueueRules, Route, Rules, Widen
from acd.core.skills import Skills
from acd.sim.calls import Call

MASKS_MAX = 64
"""With more kinds of crews than this a limit of its own for each of them is left out."""

UNKNOWN = Topic("")
"""Stands for every topic that the settings do not have: nobody knows it."""

ENTRY, EXIT = 1, 0


class Pool:
    """One pool in which everybody can do everything, the oldest caller first.

    With `late_ms` whoever has waited that long is never served: time is spent only on callers
    who can still be answered in time (the shortest time to extinction first).
    """

    def __init__(self, target_ms: int, late_ms: float = inf) -> None:
        self._target_ms = target_ms
        self._late_ms = late_ms
        self._here: set[int] = set()
        self._idle: OrderedDict[int, None] = OrderedDict()
        self._busy: list[tuple[int, int]] = []
        self._working: set[int] = set()
        self._waiting: deque[tuple[int, float, int]] = deque()
        self.in_target = 0

    def advance(self, at: float) -> None:
        """Everything that ends until then, or in that very moment."""
        while self._busy and self._busy[0][0] <= at:
            ended, operator = heappop(self._busy)
            self._working.discard(operator)
            if operator in self._here:
                self._free(operator, ended)

    def come(self, operator: int, at: int) -> None:
        """On duty from now on."""
        self.advance(at)
        if operator not in self._here:
            self._here.add(operator)
            if operator not in self._working:
                self._free(operator, at)

    def go(self, operator: int, at: int) -> None:
        """Off duty; a conversation is finished first."""
        self.advance(at)
        self._here.discard(operator)
        self._idle.pop(operator, None)

    def call(self, at: int, handle_ms: int, patience_ms: int | None) -> None:
        """Somebody enters the queue."""
        self.advance(at)
        if self._idle:
            operator, _ = self._idle.popitem(last=False)
            self._serve(operator, at, at, handle_ms)
        else:
            left = inf if patience_ms is None else patience_ms
            self._waiting.append((at, at + min(left, self._late_ms), handle_ms))

    def _free(self, operator: int, at: int) -> None:
        while self._waiting:
            since, until, handle_ms = self._waiting.popleft()
            if until >= at:
                self._serve(operator, since, at, handle_ms)
                return
        self._idle[operator] = None

    def _serve(self, operator: int, since: int, at: int, handle_ms: int) -> None:
        self.in_target += at - since <= self._target_ms
        self._working.add(operator)
        heappush(self._busy, (at + handle_ms, operator))


class _Crew:
    """The fewest of these calls that have to be dropped, given how many operators there are.

    `Clairvoyant` says why this is the fewest.
    """

    __slots__ = ("dropped", "ends", "seats")

    def __init__(self) -> None:
        self.seats = 0
        self.dropped = 0
        self.ends: list[int] = []

    def enter(self, at: int, end: int) -> None:
        """A call that is surely in progress from `at` to `end`."""
        ends = self.ends
        if ends and ends[0] <= at:
            del ends[: bisect_right(ends, at)]
        insort(ends, end)
        if len(ends) > self.seats:
            ends.pop()
            self.dropped += 1

    def leave(self, at: int) -> None:
        """An operator goes, and takes along the conversation that will last longest."""
        ends = self.ends
        if ends and ends[0] <= at:
            del ends[: bisect_right(ends, at)]
        if ends:
            ends.pop()
        self.seats -= 1


class Kind(NamedTuple):
    """A topic in a language, and the operators (bits) its callers reach at the ladder's widest."""

    queue: QueueId
    topic: Topic
    language: Language
    may: int


class Kinds:
    """All kinds of callers there can be under some rules."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._skills = Skills(rules)
        self.index = self._skills.index
        languages = dict.fromkeys(
            language for one in rules.operators.values() for language in one.languages
        )
        topics = [*rules.topics, *(Topic(queue) for queue in rules.queues), UNKNOWN]
        self._kinds = {
            (topic, language): self._kind(topic, language)
            for topic in dict.fromkeys(topics)
            for language in languages
        }
        self.all = tuple(self._kinds.values())

    def of(self, topic: Topic, language: Language) -> Kind:
        """The kind of a call; nobody speaks a language that no operator has."""
        found = self._kinds.get((topic, language)) or self._kinds.get((UNKNOWN, language))
        return found or Kind(self._rules.queue_of(topic), topic, language, 0)

    def _kind(self, topic: Topic, language: Language) -> Kind:
        id_ = self._rules.queue_of(topic)
        queue = self._rules.queues.get(id_)
        if queue is None:
            return Kind(id_, topic, language, 0)
        routes = (Route(topic, _widest(queue)), *self._overflows(queue))
        need = Need(language, routes, reserve=True)
        return Kind(id_, topic, language, self._skills.pool(need).may)

    def _overflows(self, queue: QueueRules) -> Iterable[Route]:
        for step in queue.ladder:
            if isinstance(step, OverflowTo):
                yield Route(Topic(step.queue), self._rules.queues[step.queue].least)


def _widest(queue: QueueRules) -> LeastLevel:
    """The least levels of the caller's own topic after every step of the ladder."""
    language, topic = queue.least.language, queue.least.topic
    for step in queue.ladder:
        if isinstance(step, Widen):
            language = language if step.language is None else min(language, step.language)
            topic = topic if step.topic is None else min(topic, step.topic)
    return LeastLevel(language, topic)


class Clairvoyant:
    """A limit for every way of routing, even one that knows the future: always valid.

    Answered in time means begun in [a, a + T], a the moment of queueing and T the target or the
    patience, whichever is shorter. So such a call with handle time s surely keeps an operator
    busy in [a + T, a + s), and at no moment more calls than operators can be in progress. Who
    goes off duty in a conversation finishes it: of d who go at e, at most d calls go on, and
    those were rung for before e, so that they are in progress by e + T. The limit counts the d
    until e + T, and then lets them go with the d calls that will last longest.

    The fewest drops under these rules are found by dropping, whenever there are more calls than
    operators, the one that ends last. Proof: compare two sets of calls in progress by their ends
    in order; if each end in S is no later than its counterpart in S' and S is no larger, then S
    stays so after a call ends, after one enters both, and after each loses one: S its latest,
    S' any. The same holds for those who are let go. So S never has to drop before S' does.

    Nobody who can be reached by a caller of that kind on duty in [a, a + T]: the call is lost. The
    same count is made for parts of the calls with the crews they can reach: by language, by
    queue, by crew. The parts of a division drop at least the sum of their drops; the division
    that drops most counts.
    """

    def __init__(self, rules: Rules) -> None:
        self._target_ms = rules.target_ms
        self._kinds = Kinds(rules)
        self._here = 0
        self._due: list[tuple[int, int, int, int, tuple[_Crew, ...]]] = []
        self._hopeless: dict[int, int] = {}
        self._divisions: list[list[_Crew]] = []
        self._crews: dict[Kind, tuple[_Crew, ...]] = {}
        self._reach: list[tuple[int, _Crew]] = []
        self._divide()
        self._seen = 0
        self.offered = 0
        self.lost = 0

    def _divide(self) -> None:
        kinds = self._kinds.all
        keys: list[Callable[[Kind], object]] = [
            lambda kind: None, lambda kind: kind.language, lambda kind: kind.queue,
        ]  # fmt: skip
        if len({kind.may for kind in kinds}) <= MASKS_MAX:
            keys.append(lambda kind: kind.may)
        found: dict[Kind, list[_Crew]] = {kind: [] for kind in kinds}
        known: set[frozenset[frozenset[Kind]]] = set()
        for key in keys:
            parts: dict[object, list[Kind]] = {}
            for kind in kinds:
                parts.setdefault(key(kind), []).append(kind)
            reaches = [_union(part) for part in parts.values()]
            division = frozenset(frozenset(part) for part in parts.values())
            # Parts that all reach the same people say less than all calls together do.
            if division in known or (len(parts) > 1 and len(set(reaches)) == 1):
                continue
            known.add(division)
            crews = [_Crew() for _ in parts]
            self._divisions.append(crews)
            self._reach += zip(reaches, crews, strict=True)
            for part, crew in zip(parts.values(), crews, strict=True):
                for kind in part:
                    found[kind].append(crew)
        self._crews = {kind: tuple(crews) for kind, crews in found.items()}

    def advance(self, at: float) -> None:
        """Everything that is due before then."""
        due = self._due
        while due and due[0][0] < at:
            when, what, number, end, crews = heappop(due)
            if what == EXIT:
                for crew in crews:
                    crew.leave(when)
            elif self._hopeless.pop(number, None) is not None:
                self.lost += 1
            else:
                for crew in crews:
                    crew.enter(when, end)

    def come(self, operator: int, at: int) -> None:
        """On duty from now on."""
        self.advance(at)
        bit = 1 << operator
        if self._here & bit:
            return
        self._here |= bit
        for reach, crew in self._reach:
            if reach & bit:
                crew.seats += 1
        if self._hopeless:
            self._hopeless = {n: may for n, may in self._hopeless.items() if not may & bit}

    def go(self, operator: int, at: int) -> None:
        """Off duty; whoever is rung for or talks goes on."""
        self.advance(at)
        bit = 1 << operator
        if self._here & bit:
            self._here &= ~bit
            crews = tuple(crew for reach, crew in self._reach if reach & bit)
            self._seen += 1
            heappush(self._due, (at + self._target_ms, EXIT, self._seen, 0, crews))

    def call(self, at: int, call: Call) -> None:
        """Somebody enters the queue."""
        self.advance(at)
        kind = self._kinds.of(call.topic, call.language)
        self.offered += 1
        self._seen += 1
        patience_ms = call.patience_ms
        latest: int = self._target_ms
        if patience_ms is not None and patience_ms < latest:
            latest = patience_ms
        if not kind.may & self._here:
            self._hopeless[self._seen] = kind.may
        elif call.handle_ms <= latest:
            return
        crews = self._crews.get(kind, ()) if call.handle_ms > latest else ()
        due = (at + latest, ENTRY, self._seen, at + call.handle_ms, crews)
        heappush(self._due, due)

    @property
    def answerable(self) -> int:
        """At most so many of the calls could be answered in time."""
        dropped = max(sum(crew.dropped for crew in crews) for crews in self._divisions)
        return self.offered - self.lost - dropped


def _union(kinds: Iterable[Kind]) -> int:
    found = 0
    for kind in kinds:
        found |= kind.may
    return found


class Shares(NamedTuple):
    """Of all calls offered, the share answered in time; None without calls."""

    pooled_first_come: float | None
    best_without_lengths: float | None
    clairvoyant: float | None


class Watch:
    """Told of every call and everybody's hours; what it is told is in the order of time."""

    def __init__(self, rules: Rules) -> None:
        self.kinds = Kinds(rules)
        self.target_ms = rules.target_ms
        self._first_come = Pool(rules.target_ms)
        self._in_time_only = Pool(rules.target_ms, rules.target_ms)
        self._clairvoyant = Clairvoyant(rules)

    @property
    def answerable(self) -> int:
        """At most so many calls could be answered in time."""
        return self._clairvoyant.answerable

    @property
    def offered(self) -> int:
        """How many calls there were."""
        return self._clairvoyant.offered

    def queued(self, call: Call, at: int) -> None:
        """A caller has left the menu."""
        self._first_come.call(at, call.handle_ms, call.patience_ms)
        self._in_time_only.call(at, call.handle_ms, call.patience_ms)
        self._clairvoyant.call(at, call)

    def on_duty(self, events: Iterable[Event], at: int) -> None:
        """Operators come, go, or take their break."""
        for event in events:
            if isinstance(event, OperatorReady):
                operator = self.kinds.index[event.operator]
                for each in (self._first_come, self._in_time_only, self._clairvoyant):
                    each.come(operator, at)
            elif isinstance(event, OperatorLoggedOut | OperatorPaused):
                operator = self.kinds.index[event.operator]
                for each in (self._first_come, self._in_time_only, self._clairvoyant):
                    each.go(operator, at)

    def finish(self) -> None:
        """There is nothing more to come."""
        for each in (self._first_come, self._in_time_only, self._clairvoyant):
            each.advance(inf)

    def shares(self, answerable: int | None = None) -> Shares:
        """The three limits; `answerable` is a tighter count for the last of them."""
        offered, most = self.offered, self.answerable
        if not offered:
            return Shares(None, None, None)
        if answerable is not None:
            most = min(most, answerable)
        counts = (self._first_come.in_target, self._in_time_only.in_target, most)
        return Shares(*(round(count / offered, 6) for count in counts))
