"""The simulator beside others: how many calls a second each plays, of the same calls.

The centre is plain, so that all can play it: operators with a few topics each, whoever waits
longest first, whoever is idle longest first, callers who hang up. Ciw and SimPy are used as their
guides show; the bare heap is what one writes by hand for just this. Only ours has the router in
it, with the record of every decision. The share answered in time stands beside the speed: all play
the same centre (ours takes, of the idle, those whose own topic it is first).
"""

import heapq
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import ClassVar

import ciw
import simpy

from acd.core.events import OperatorReady
from acd.core.names import Language, Millis, OperatorId, QueueId, Topic
from acd.core.queues import LeastLevel, OperatorProfile, QueueRules, Routing, Rules
from acd.sim.calls import Call
from acd.sim.compiler import why_not
from acd.sim.duty import COMES, Duty
from acd.sim.results import Results
from acd.sim.world import World
from tests.bench.commands import CommandError, cost_of
from tests.bench.play import COMPILED
from tests.bench.stages import ROOT

OURS, SEED = "1414, the whole router", 1414
TARGET_S = 30.0
HANDLE_S, PATIENCE_S = 180.0, 300.0
LANGUAGE, QUEUE = Language("ru"), QueueId("all")
OPERATORS, TOPICS, TOPICS_EACH, BUSY = 128, 16, 3, 0.95
CALLS = {"full": 100_000, "quick": 10_000}
ROUNDS = {"full": 3, "quick": 1}


@dataclass(frozen=True, slots=True)
class Centre:
    """Who knows what, by number: `skills[operator]` are topics."""

    skills: tuple[frozenset[int], ...]


@dataclass(frozen=True, slots=True)
class Caller:
    """One call; times in seconds."""

    at: float
    topic: int
    handle: float
    patience: float


Player = Callable[[], int]
"""Plays the calls and returns how many were answered in time."""


def made_up(count: int, seed: int) -> tuple[Centre, list[Caller]]:
    """The same centre and the same calls for everybody."""
    random = Random(seed)
    skills = tuple(frozenset(random.sample(range(TOPICS), TOPICS_EACH)) for _ in range(OPERATORS))
    every = HANDLE_S / (OPERATORS * BUSY)
    calls, at = [], 0.0
    for _ in range(count):
        at += random.expovariate(1 / every)
        handle, patience = random.expovariate(1 / HANDLE_S), random.expovariate(1 / PATIENCE_S)
        calls.append(Caller(at, random.randrange(TOPICS), handle, patience))
    return Centre(skills), calls


def ours(centre: Centre, callers: list[Caller]) -> Player:
    """`acd simulate`'s world: the router of the live service."""
    calls = list(_calls(callers))

    def play() -> int:
        results = Results(Millis(round(TARGET_S * 1000)))
        World(rules_of(centre), [_all_come(centre)], results).run(calls)
        return results.sums.answered_in_target

    return play


def rules_of(centre: Centre) -> Rules:
    """One queue with all topics and no ladder."""
    queue = QueueRules(QUEUE, LeastLevel(1, 1), Millis(8000), Millis(0), ladder=())
    topics = {Topic(f"t{n}"): QUEUE for n in range(TOPICS)}
    operators = {
        OperatorId(f"op{n:03}"): OperatorProfile(
            OperatorId(f"op{n:03}"), "", "A", {LANGUAGE: 5}, {Topic(f"t{t}"): 5 for t in skills}
        )
        for n, skills in enumerate(centre.skills)
    }
    target = Millis(round(TARGET_S * 1000))
    return Rules(target, topics, {QUEUE: queue}, operators, Routing(order="first_come"))


def _all_come(centre: Centre) -> Duty:
    ready = (OperatorReady(OperatorId(f"op{n:03}")) for n in range(len(centre.skills)))
    return Duty(0, COMES, 0, tuple(ready))


def _calls(callers: Iterable[Caller]) -> Iterator[Call]:
    for n, call in enumerate(callers, 1):
        at, handle, patience = (round(s * 1000) for s in (call.at, call.handle, call.patience))
        yield Call(str(n), at, LANGUAGE, Topic(f"t{call.topic}"), handle, patience)


class BareHeap:
    """Nothing but this centre: a heap of ends, a line for each topic, the idle in order."""

    def __init__(self, centre: Centre) -> None:
        self._skills = centre.skills
        self._lines: list[deque[Caller]] = [deque() for _ in range(TOPICS)]
        self._idle: list[dict[int, None]] = [{} for _ in range(TOPICS)]
        for operator in range(len(centre.skills)):
            self._rest(operator)

    def play(self, callers: list[Caller]) -> int:
        """How many are answered in time."""
        ends: list[tuple[float, int]] = []
        in_time = 0
        for call in callers:
            while ends and ends[0][0] <= call.at:
                in_time += self._free(*heapq.heappop(ends), ends)
            idle = self._idle[call.topic]
            if idle:
                operator = next(iter(idle))
                for topic in self._skills[operator]:
                    del self._idle[topic][operator]
                heapq.heappush(ends, (call.at + call.handle, operator))
                in_time += 1
            else:
                self._lines[call.topic].append(call)
        while ends:
            in_time += self._free(*heapq.heappop(ends), ends)
        return in_time

    def _free(self, now: float, operator: int, ends: list[tuple[float, int]]) -> int:
        """The oldest caller the operator knows, or rest; how many were answered in time."""
        oldest: deque[Caller] | None = None
        for topic in self._skills[operator]:
            line = self._lines[topic]
            while line and line[0].at + line[0].patience < now:
                line.popleft()
            if line and (oldest is None or line[0].at < oldest[0].at):
                oldest = line
        if oldest is None:
            self._rest(operator)
            return 0
        call = oldest.popleft()
        heapq.heappush(ends, (now + call.handle, operator))
        return now - call.at <= TARGET_S

    def _rest(self, operator: int) -> None:
        for topic in self._skills[operator]:
            self._idle[topic][operator] = None


def with_bare_heap(centre: Centre, callers: list[Caller]) -> Player:
    """What one writes by hand for just this centre."""
    return lambda: BareHeap(centre).play(callers)


def with_simpy(centre: Centre, callers: list[Caller]) -> Player:
    """See `in_simpy`."""
    return lambda: in_simpy(centre, callers)


def in_simpy(centre: Centre, callers: list[Caller]) -> int:
    """SimPy: a process for each caller, a FilterStore of operators."""
    world = simpy.Environment()
    idle = simpy.FilterStore(world)
    idle.items.extend(range(len(centre.skills)))
    in_time = 0

    def caller(call: Caller) -> Iterator[simpy.Event]:
        nonlocal in_time
        asked = idle.get(lambda operator: call.topic in centre.skills[operator])
        yield asked | world.timeout(call.patience)
        if not asked.triggered:
            asked.cancel()
            return
        in_time += world.now - call.at <= TARGET_S
        yield world.timeout(call.handle)
        yield idle.put(asked.value)

    def arrivals() -> Iterator[simpy.Event]:
        for call in callers:
            yield world.timeout(call.at - world.now)
            world.process(caller(call))

    world.process(arrivals())
    world.run()
    return in_time


class Skilled(ciw.Node):
    """Servers take only the classes they know."""

    skills: ClassVar[tuple[frozenset[int], ...]] = ()
    freed = None

    def find_free_server(self, individual: ciw.Individual) -> ciw.Server | None:
        """An idle one who knows what it is about."""
        topic = int(individual.customer_class)
        for server in self.servers:
            if not server.busy and topic in self.skills[server.id_number - 1]:
                return server
        return None

    def begin_service_if_possible_release(self, following: object, freed: object) -> None:
        """Remember who became free while Ciw asks who is next."""
        self.freed = freed
        super().begin_service_if_possible_release(following, freed)
        self.freed = None

    def choose_next_customer(self) -> ciw.Individual | None:
        """The oldest whom the free server knows; when somebody comes, that one."""
        if self.freed is None:
            return self.all_individuals[-1]
        known = self.skills[self.freed.id_number - 1]
        for individual in self.all_individuals:
            if not individual.server and int(individual.customer_class) in known:
                return individual
        return None


def with_ciw(centre: Centre, callers: list[Caller]) -> Player:
    """Ciw: one node, a class for each topic, and servers who take only what they know."""
    gaps: list[list[float]] = [[] for _ in range(TOPICS)]
    last = [0.0] * TOPICS
    handles: list[list[float]] = [[] for _ in range(TOPICS)]
    patience: list[list[float]] = [[] for _ in range(TOPICS)]
    for call in callers:
        gaps[call.topic].append(call.at - last[call.topic])
        last[call.topic] = call.at
        handles[call.topic].append(call.handle)
        patience[call.topic].append(call.patience)

    classes = [str(n) for n in range(TOPICS)]
    never = float("inf")
    network = ciw.create_network(
        arrival_distributions={c: [ciw.dists.Sequential([*gaps[int(c)], never])] for c in classes},
        service_distributions={c: [ciw.dists.Sequential(handles[int(c)])] for c in classes},
        reneging_time_distributions={c: [ciw.dists.Sequential(patience[int(c)])] for c in classes},
        routing={c: [[0.0]] for c in classes},
        number_of_servers=[len(centre.skills)],
    )

    def play() -> int:
        node = type("Node", (Skilled,), {"skills": centre.skills})
        simulation = ciw.Simulation(network, node_class=node)
        simulation.simulate_until_max_time(callers[-1].at + 86_400)
        return sum(
            record.record_type == "service" and record.waiting_time <= TARGET_S
            for record in simulation.get_all_records()
        )

    return play


PLAYERS: dict[str, Callable[[Centre, list[Caller]], Player]] = {
    OURS: ours,
    "Ciw": with_ciw,
    "SimPy": with_simpy,
    "bare heap": with_bare_heap,
}


def run(extent: str) -> None:
    """Print the table. Each plays in turn, in processor time of one core; the best round counts."""
    ways = [(OURS, "plain"), *((name, "plain") for name in PLAYERS if name != OURS)]
    trouble = why_not()
    if trouble is None:
        cost_of((sys.executable, "-m", "acd.sim.compiler"))
        ways.insert(1, (OURS, COMPILED))
    best: dict[tuple[str, str], float] = {}
    levels: dict[tuple[str, str], float] = {}
    for _ in range(ROUNDS[extent]):
        for way in ways:
            took_s, in_time = _played(*way, extent)
            best[way] = min(best.get(way, float("inf")), took_s)
            levels[way] = in_time / CALLS[extent]
    crew = f"{OPERATORS} operators who know {TOPICS_EACH} of {TOPICS} topics"
    print(f"\nThe simulator beside others: {CALLS[extent]:,} calls, {crew}")
    print(f"{'':34} {'calls/s':>9} {'of the bare heap':>18} {'answered in time':>18}")
    for name, kind in ways:
        speed, share = (
            CALLS[extent] / best[name, kind],
            best["bare heap", "plain"] / best[name, kind],
        )
        title = f"{name}, {kind}" if name == OURS else name
        level = levels[name, kind]
        print(f"{title:34} {speed:9,.0f} {share * 100:16.1f} % {level * 100:16.2f} %")
    if trouble is not None:
        print(f"not compiled: {trouble}")


def _played(name: str, kind: str, extent: str) -> tuple[float, int]:
    """One player, once, in a process of its own: seconds, and how many were answered in time."""
    command = (sys.executable, "-m", "tests.bench.play", name, extent, kind)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise CommandError(f"{name}, {kind} failed:\n{done.stderr.rstrip()}")
    took_s, in_time = done.stdout.split()
    return float(took_s), int(in_time)
