"""Ways of routing on the very same calls, crews and shifts: ours, peers', and the limits.

    make bench BENCH=policies
    BANK_TRACE=bank.csv make bench BENCH=policies    # with a real trace, see docs/bench.md

Nothing is written but to stdout, and nothing is judged.
"""

import argparse
import os
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from random import Random
from statistics import fmean, stdev
from zoneinfo import ZoneInfo

from acd.core.events import OperatorLoggedOut, OperatorPaused, OperatorReady
from acd.core.names import Millis
from acd.core.queues import Rules
from acd.problems import Problems
from acd.settings import Settings
from acd.settings_files import load_settings
from acd.sim.bounds import Pool, Watch
from acd.sim.calls import Call
from acd.sim.duty import Calendar, Duty
from acd.sim.generate import made_up_days
from acd.sim.results import Results
from acd.sim.scenario import SHIPPED, load_scenario
from acd.sim.trace import Trace
from acd.sim.world import Totals, World
from tests.bench.commands import CommandError
from tests.bench.figures import aligned
from tests.bench.policies_app_queue import AppQueue, RoundRobin
from tests.bench.policies_floor import Departments, Floor, HoldBack, Lines, WithHelp

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WEEKDAY = datetime(2026, 11, 23, tzinfo=ZoneInfo("Asia/Almaty"))
T_95 = {3: 4.303, 5: 2.776}
SEEDS = {"full": (1, 2, 3, 4, 5), "quick": (1, 2, 3)}
CARRIED = 0.95
LOADS = (("light", 0.8), ("matched", 1.0), ("overloaded", 1.1))
NO_CAP_MS = Millis(3_600_000)


@dataclass(slots=True)
class Score:
    """What one way of routing made of some runs; a limit has a service level only."""

    service: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)
    longest_s: list[float] = field(default_factory=list)
    p95_s: list[float] = field(default_factory=list)
    mean_s: list[float] = field(default_factory=list)

    def add(self, results: Results) -> None:
        """Another run. Whoever was not answered at all has given up or was led away."""
        figures = results.report(Totals(), 0.0)
        offered, answered = figures["offered"], figures["answered"]
        assert offered
        self.service.append(figures["service_level"] or 0.0)
        self.lost.append(1 - (answered or 0) / offered)
        self.longest_s.append(figures["wait_max_s"] or 0.0)
        self.p95_s.append(figures["wait_p95_s"] or 0.0)
        self.mean_s.append(figures["asa_s"] or 0.0)


@dataclass(frozen=True, slots=True)
class Centre:
    """Settings, and what second 0 is."""

    settings: Settings
    start: datetime

    def duties(self) -> Iterator[Duty]:
        """Shifts and breaks, without end."""
        return Calendar(self.settings, self.start).events()


def play(name: str, centre: Centre, calls: Sequence[Call], watch: Watch | None = None) -> Results:
    """One way of routing, once through the calls."""
    rules = centre.settings.rules
    results = Results(rules.target_ms)
    if name in OURS:
        World(OURS[name](rules), centre.duties(), results, bounds=watch).run(calls)
    else:
        PEERS[name](rules, centre.duties(), results).run(calls)
    return results


def _without_cap(rules: Rules) -> Rules:
    return replace(rules, routing=replace(rules.routing, cap_ms=NO_CAP_MS))


def _oldest_first(rules: Rules) -> Rules:
    return replace(rules, routing=replace(rules.routing, order="first_come"))


def _same(rules: Rules) -> Rules:
    return rules


OURS: dict[str, Callable[[Rules], Rules]] = {
    "1414 as shipped": _same,
    "1414, cap of an hour": _without_cap,
    "1414, oldest first": _oldest_first,
}
PEERS: dict[str, type[Floor]] = {
    "first come, longest idle": Lines,
    "first come, all help at 25 s": WithHelp,
    "hold-back of 30 s": HoldBack,
    "app_queue, leastrecent": AppQueue,
    "app_queue, rrmemory": RoundRobin,
    "a queue per department": Departments,
}
LIMITS = {
    "one pool, first come": "pooled_first_come",
    "limit, lengths unknown": "best_without_lengths",
    "limit, clairvoyant": "clairvoyant",
}


def measure(centre: Centre, runs: Sequence[Sequence[Call]]) -> dict[str, Score]:
    """Everybody on the same calls."""
    scores = {name: Score() for name in (*OURS, *PEERS, *LIMITS)}
    for calls in runs:
        watch = Watch(centre.settings.rules)
        for name in (*OURS, *PEERS):
            is_first = name == next(iter(OURS))
            scores[name].add(play(name, centre, calls, watch if is_first else None))
        shares = watch.shares()._asdict()
        for name, key in LIMITS.items():
            scores[name].service.append(shares[key] or 0.0)
    return scores


def pooled_share(centre: Centre, calls: Sequence[Call]) -> float:
    """What one pool of these people, first come first served, answers in time."""
    rules = centre.settings.rules
    pool, number = Pool(rules.target_ms), {id_: n for n, id_ in enumerate(rules.operators)}
    duties = takewhile(lambda duty: duty.at <= calls[-1].arrival_ms, centre.duties())
    moments: list[tuple[int, int, Duty | Call]] = [(duty.at, 0, duty) for duty in duties]
    moments += [(call.arrival_ms, 1, call) for call in calls]
    for at, _, what in sorted(moments, key=lambda one: one[:2]):
        if isinstance(what, Call):
            pool.call(at, what.handle_ms, what.patience_ms)
            continue
        for event in what.events:
            if isinstance(event, OperatorReady):
                pool.come(number[event.operator], at)
            elif isinstance(event, OperatorLoggedOut | OperatorPaused):
                pool.go(number[event.operator], at)
    pool.advance(float("inf"))
    return pool.in_target / len(calls)


def carried(share: Callable[[int], float], low: int, high: int) -> int:
    """The largest number, to one in a hundred, at which the share is still 95 %."""
    if share(high) >= CARRIED:
        return high
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        low, high = (middle, high) if share(middle) >= CARRIED else (low, middle)
    return low


def table(scores: dict[str, Score]) -> str:
    """A row for each; the mean of the runs, and its 95 % interval where there is one."""
    rows = [("", "in 30 s, %", "", "not answered, %", "longest, s", "p95, s", "mean, s")]
    for name, score in scores.items():
        more = [""] * 4
        if score.lost:
            more[0] = f"{fmean(score.lost) * 100:.1f}"
            waits = (score.longest_s, score.p95_s, score.mean_s)
            more[1:] = [f"{fmean(waits[0]):.0f}", *(f"{fmean(each):.1f}" for each in waits[1:])]
        service = f"{fmean(score.service) * 100:.1f}"
        rows.append((name, service, interval(score.service), more[0], more[1], more[2], more[3]))
    return aligned(rows)


def interval(values: Sequence[float]) -> str:
    """+- so much, of the mean, in points."""
    t = T_95.get(len(values))
    return f"+-{t * stdev(values) / len(values) ** 0.5 * 100:.1f}" if t else ""


def _load(folder: Path) -> Settings:
    problems = Problems()
    settings = load_settings(folder, problems)
    if settings is None or problems.has_errors:
        raise CommandError(problems.render())
    return settings


def weekdays(extent: str) -> None:
    """Made-up weekdays with the settings as shipped."""
    centre = Centre(_load(ROOT / "config"), WEEKDAY)
    settings, problems = centre.settings, Problems()
    topics = list(settings.rules.topics)
    scenario = load_scenario(SHIPPED, problems, settings.service.languages, topics)
    if scenario is None:
        raise CommandError(problems.render())
    day = scenario.days["weekday"]

    def calls(count: int, seed: int) -> list[Call]:
        return list(made_up_days(scenario, [day], count, seed))

    seeds = SEEDS[extent]
    most = carried(
        lambda count: fmean(pooled_share(centre, calls(count, seed)) for seed in seeds[:3]),
        1_000, 40_000,
    )  # fmt: skip
    print(
        f"Made-up weekdays, {len(settings.rules.operators)} operators as shipped. Matched is the "
        f"number of calls of which one pool of the same people would answer 95 % in time: {most:,}."
    )
    for word, factor in LOADS:
        count = round(most * factor)
        print(f"\n{word}: {count:,} calls a day, {len(seeds)} days")
        print(table(measure(centre, [calls(count, seed) for seed in seeds])), flush=True)


def bank(path: Path | None, start: datetime, extent: str) -> None:
    """A real trace: thinned until the crew carries it, and with all its calls."""
    if path is None or not path.exists():
        where = "BANK_TRACE names none" if path is None else f"{path} is not there"
        print(f"\nNo real trace: {where}; docs/bench.md says how to make it. Left out.")
        return
    centre = Centre(_load(HERE / "files" / "bank"), start)
    settings, problems = centre.settings, Problems()
    topics = list(settings.rules.topics)
    trace = Trace(path, settings.service.languages, topics)
    if trace.check(problems) is None or problems.has_errors:
        raise CommandError(problems.render())
    everything = list(trace)
    calls = [call for call, is_open in _while_open(centre, everything) if is_open]

    def thinned(percent: int, seed: int) -> list[Call]:
        rng = Random(seed)
        return [call for call in calls if rng.random() * 100 < percent]

    seeds = SEEDS[extent][:3]
    most = carried(
        lambda percent: fmean(pooled_share(centre, thinned(percent, n)) for n in seeds), 5, 100
    )
    closed, crew = len(everything) - len(calls), len(settings.rules.operators)
    print(
        f"\nThe bank, {len(calls):,} calls from {start:%Y-%m-%d} on ({closed} that came while it "
        f"was closed are left out), {crew} operators. Matched: {most} % of the calls, drawn at "
        "random."
    )
    for word, factor in LOADS:
        percent = min(100, round(most * factor))
        draws = seeds if percent < 100 else seeds[:1]  # all of them are the same each time
        print(f"\n{word}: {percent} % of the calls, {len(draws)} x drawn")
        print(table(measure(centre, [thinned(percent, n) for n in draws])), flush=True)


def _while_open(centre: Centre, calls: Sequence[Call]) -> Iterator[tuple[Call, bool]]:
    """Each call, and whether anybody is on duty when it comes."""
    here: set[str] = set()
    at, count = [-1], [0]
    for duty in takewhile(lambda duty: duty.at <= calls[-1].arrival_ms, centre.duties()):
        for event in duty.events:
            if isinstance(event, OperatorReady):
                here.add(event.operator)
            elif isinstance(event, OperatorLoggedOut | OperatorPaused):
                here.discard(event.operator)
        at.append(duty.at)
        count.append(len(here))
    for call in calls:
        yield call, count[bisect_right(at, call.arrival_ms) - 1] > 0


def run(extent: str, trace: Path | None = None, start: str = "1999-01-03") -> None:
    """Weekdays, then the bank."""
    weekdays(extent)
    named = os.environ.get("BANK_TRACE")
    zone = ZoneInfo("Asia/Almaty")
    begins = datetime.fromisoformat(os.environ.get("BANK_START", start)).replace(tzinfo=zone)
    bank(trace or (Path(named) if named else None), begins, extent)


def main() -> int:
    """`python -m tests.bench.policies`, with more to choose from than `make bench` has."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--extent", choices=tuple(SEEDS), default="full")
    parser.add_argument("--trace", type=Path, help="the bank's calls (default: BANK_TRACE)")
    parser.add_argument("--start", default="1999-01-03", help="what second 0 of the trace is")
    arguments = parser.parse_args()
    try:
        run(arguments.extent, arguments.trace, arguments.start)
    except CommandError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
