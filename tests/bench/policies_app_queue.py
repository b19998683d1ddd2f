"""Asterisk's `app_queue` as a way of routing, after its source (Asterisk 22) and its defaults.

One queue for each topic in each language, its members those who know both at the least levels,
penalty 5 less the level in the topic. A caller asks on entering whether it is their turn, and
then once a second (`RECHECK`): whether fewer callers are before them than members are free,
callers who are being rung for not counted (`autofill=yes`). When it is, the member with
the lowest penalty, then the best of the strategy, is rung for 15 s (`timeout`); after a failed
ring the caller waits for 5 s (`retry`). Queues know nothing of each other, but for the end
of a member's last call (`shared_lastcall=yes`) and that a phone is busy (`ringinuse=no`).

Simplified: no announcements, weights or penalty rules; conversation and wrap-up keep a member
busy together; the order of members in a queue is that of their names.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from acd.core.names import BEST_LEVEL
from acd.core.queues import Rules
from acd.sim.duty import Duty
from acd.sim.results import Results
from tests.bench.policies_floor import BY_CALLERS, BY_OPERATORS, Caller, Floor, Kind

RECHECK_MS, RETRY_MS, TIMEOUT_MS = 1_000, 5_000, 15_000
NEVER = 0
LONG_AGO = 1_000_000


@dataclass(slots=True)
class Queue:
    """One of them. `members` are (operator, penalty); `rrpos` is where the next round begins."""

    members: list[tuple[int, int]]
    line: dict[Caller, None] = field(default_factory=dict)
    everybody: int = 0
    rrpos: int = 0


class AppQueue(Floor):
    """`strategy=leastrecent`. `picks_up` says whether an operator answers a call, by its id."""

    def __init__(
        self,
        rules: Rules,
        duties: Iterable[Duty],
        results: Results,
        picks_up: Callable[[str, int], bool] = lambda call, operator: True,
    ) -> None:
        super().__init__(rules, duties, results)
        self._picks_up = picks_up
        self._queues: dict[Kind, Queue] = {}
        self._last_call: dict[int, int] = {}
        self._pending: set[Caller] = set()

    def arrived(self, caller: Caller) -> None:
        self._queue(caller).line[caller] = None
        self._turn(caller)

    def freed(self, operator: int) -> None:
        """Nobody is told: callers find out when they ask next."""

    def left(self, caller: Caller) -> None:
        self._queue(caller).line.pop(caller, None)
        self._pending.discard(caller)

    def handled(self, operator: int) -> None:
        self._last_call[operator] = self.now // 1000

    def order(self, queue: Queue) -> list[tuple[int, int, int]]:
        """(penalty, metric, position) of all members, the best first."""
        now = self.now // 1000
        found = []
        for position, (operator, penalty) in enumerate(queue.members):
            last = self._last_call.get(operator)
            metric = NEVER if last is None else LONG_AGO - (now - last)
            found.append((penalty, metric, position))
        return sorted(found)

    def answered(self, queue: Queue, rest: Iterator[tuple[int, int, int]]) -> None:
        """A member has picked up; `rest` are those who would have been next."""

    def _queue(self, caller: Caller) -> Queue:
        kind = (caller.call.topic, caller.call.language)
        queue = self._queues.get(kind)
        if queue is None:
            who = self.may(kind)
            profiles = self.rules.operators
            members = [
                (index, BEST_LEVEL - self.rules.topic_level(profiles[id_], kind[0]))
                for id_, index in sorted(self.skills.index.items())
                if who >> index & 1
            ]
            queue = self._queues[kind] = Queue(members, everybody=who)
        return queue

    def _turn(self, caller: Caller) -> None:
        if caller.is_over:
            return
        queue = self._queue(caller)
        free = (queue.everybody & self.ready).bit_count()
        before = 0
        for other in queue.line:
            if other is caller or before >= free:
                break
            before += other not in self._pending
        if before < free:
            self._try(caller, queue)
        else:
            self.at(self.now + RECHECK_MS, BY_CALLERS, self._turn, caller)

    def _try(self, caller: Caller, queue: Queue) -> None:
        order = iter(self.order(queue))
        for _, _, position in order:
            operator = queue.members[position][0]
            if self.ready >> operator & 1:
                break
        else:
            raise AssertionError("somebody was free")
        if self._picks_up(caller.call.id, operator):
            self.answered(queue, order)
            self.serve(caller, operator)
            return
        self._pending.add(caller)
        self.seize(operator)
        until = self.now + TIMEOUT_MS
        self.at(until, BY_OPERATORS, self._no_answer, (caller, operator))

    def _no_answer(self, about: tuple[Caller, int]) -> None:
        caller, operator = about
        self._pending.discard(caller)
        self.release(operator)
        self.at(self.now + RETRY_MS, BY_CALLERS, self._turn, caller)


class RoundRobin(AppQueue):
    """`strategy=rrmemory`: within a penalty, from the one after who was rung last."""

    def order(self, queue: Queue) -> list[tuple[int, int, int]]:
        return sorted(
            (penalty, position + (1000 if position < queue.rrpos else 0), position)
            for position, (_, penalty) in enumerate(queue.members)
        )

    def answered(self, queue: Queue, rest: Iterator[tuple[int, int, int]]) -> None:
        following = next(rest, None)
        if following is not None:
            queue.rrpos = following[2]
        elif queue.rrpos < len(queue.members) - 1:  # somebody stood behind: begin again
            queue.rrpos = 0
        else:
            queue.rrpos += 1
