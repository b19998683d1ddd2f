"""Runs the measurement and prints it: `make bench`, with `BENCH=quick`, or one part alone.

First calls, against app_queue, then the menus alone (`tests.bench.menus`), then the router alone
(`tests.bench.core`), then the simulator beside others (`tests.bench.simulators`). The two systems
of the first part run side by side and take turns, so that what else the machine does meets both.
Ways of routing (`tests.bench.policies`) are played when asked for.
Nothing is written but to stdout and a temporary folder, and nothing is judged: the table is.
"""

import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import core, menus, policies, simulators
from tests.bench.commands import CommandError
from tests.bench.figures import (
    OURS,
    THEIRS,
    TUNED,
    Row,
    Sample,
    busy,
    gap_rows,
    percentile,
    table,
    tuned_rows,
    verdict,
    wait_rows,
)
from tests.bench.loads import Load, put_on
from tests.bench.machine import core_count
from tests.bench.sites import NUMBER, TUNED_NUMBER, Ours, Site, Theirs
from tests.bench.stages import CrowdError

MENUS_ALONE, ROUTER_ALONE, SIMULATORS_ALONE = "menus", "core", "simulators"
ROUTING_ALONE = "policies"
ALONE = (MENUS_ALONE, ROUTER_ALONE, SIMULATORS_ALONE, ROUTING_ALONE)
OPERATORS = [f"op{number:03}" for number in range(1, 201)]
SLOW_MS = 500.0
"""A step with a p95 above this was too much."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure; each round is once through both systems."""

    rounds: int
    steady: tuple[Load, ...]
    crowded: Load
    steps: tuple[Load, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """One of the lines that are compared: a system, and the number that is dialled there."""

    name: str
    site: Site
    number: str = NUMBER


def _steps(rates: Sequence[int], seconds: int) -> tuple[Load, ...]:
    """Conversations short enough that 200 operators are never the limit."""
    return tuple(Load(rate * seconds, rate, len(OPERATORS), 500) for rate in rates)


PLANS = {
    "full": Plan(
        rounds=2,
        steady=(Load(300, 20, 200, 2000), Load(300, 50, 200, 2000)),
        crowded=Load(40, 20, 4, 2000),
        steps=_steps((60, 80, 100, 120, 150, 180, 210, 240, 270, 300), 5),
    ),
    "quick": Plan(
        rounds=1,
        steady=(Load(100, 20, 200, 1000), Load(150, 50, 200, 1000)),
        crowded=Load(20, 20, 4, 1500),
        steps=_steps((60, 90), 2),
    ),
}


def main() -> int:
    """The exit code: 0 when it was measured, 1 when it could not be, 2 for a wrong word."""
    name = sys.argv[1] if len(sys.argv) > 1 else "full"
    if name not in (*PLANS, *ALONE) or len(sys.argv) > 2:
        what = " ".join(sys.argv[1:])
        print(f"bench: {what!r} is not known; write BENCH=full, quick, {', '.join(ALONE)}")
        return 2
    trouble = _trouble() if name in PLANS else None
    if trouble is not None:
        print(f"bench: {trouble}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if name == ROUTING_ALONE:
            policies.run("full")
            return 0
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            if name in PLANS:
                _run(PLANS[name], Path(folder))
            extent = "quick" if name == "quick" else "full"
            if name in (*PLANS, MENUS_ALONE):
                menus.run(menus.PLANS[extent], Path(folder))
            if name in (*PLANS, ROUTER_ALONE):
                core.run(extent)
            if name in (*PLANS, SIMULATORS_ALONE):
                simulators.run(extent)
    except (CrowdError, CommandError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nbench: stopped")
        return 130
    return 0


def _trouble() -> str | None:
    """Why it cannot run here, in a sentence with the remedy."""
    if shutil.which("sipp") is None:
        return "sipp is not here; install it (as root: apt-get install sip-tester)"
    try:
        socket.getaddrinfo(socket.gethostname(), None)
    except OSError:
        name = socket.gethostname()
        return f"the host name {name} does not resolve: calls would wait; add it to /etc/hosts"
    return None


def _run(plan: Plan, folder: Path) -> None:
    ours, theirs = Ours(folder / "o", OPERATORS), Theirs(folder / "q", OPERATORS)
    sites = (ours, theirs)
    ways = tuple(Way(site.name, site) for site in sites)
    tuned = Way(TUNED, theirs, TUNED_NUMBER)
    try:
        for site in sites:
            site.start()
            site.log_in(OPERATORS)
        rows: list[Row] = []
        for load in plan.steady:
            samples = _in_turns(plan.rounds, (*ways, tuned), load, folder)
            title = f"{load.per_second} calls/s"
            rows += wait_rows(title, samples[OURS], samples[THEIRS])
            rows += tuned_rows(title, samples[OURS], samples[TUNED])
        for site in sites:
            site.log_in(OPERATORS[: plan.crowded.operators])
        samples = _in_turns(plan.rounds, ways, plan.crowded, folder)
        title = f"{plan.crowded.calls} callers, {plan.crowded.operators} operators"
        rows += gap_rows(title, samples[OURS], samples[THEIRS])
        for site in sites:
            site.log_in(OPERATORS)
        carried, ends = _step_up(plan.steps, ways, folder)
        rows.append(("highest rate carried, calls/s", carried[OURS], carried[THEIRS]))
        print("", table(rows), "", *ends, sep="\n", flush=True)
    finally:
        for site in sites:
            site.stop()


def _in_turns(rounds: int, ways: tuple[Way, ...], load: Load, folder: Path) -> dict[str, Sample]:
    """The same load on each, the one that began going second in the next round."""
    total = {way.name: Sample() for way in ways}
    for turn in range(rounds):
        for way in ways if turn % 2 == 0 else ways[::-1]:
            sample = put_on(way.site, load, folder, way.number)
            _tell(way, load, sample)
            total[way.name].add(sample)
    return total


def _step_up(
    steps: tuple[Load, ...], ways: tuple[Way, ...], folder: Path
) -> tuple[dict[str, float | None], list[str]]:
    """Faster and faster until each has had enough: the last rate that was not, and what gave."""
    carried: dict[str, float | None] = dict.fromkeys((way.name for way in ways), None)
    standing = list(ways)
    ends: list[str] = []
    for load in steps:
        for way in list(standing):
            sample = put_on(way.site, load, folder, way.number)
            _tell(way, load, sample)
            why = verdict(sample, SLOW_MS)
            if why is None:
                carried[way.name] = float(load.per_second)
                continue
            standing.remove(way)
            what = busy(sample, core_count())
            ends.append(f"{way.name} at {load.per_second} calls/s: {why}; {what}")
    ends += [f"{way.name} carried every step" for way in standing]
    return carried, ends


def _tell(way: Way, load: Load, sample: Sample) -> None:
    """A line while it runs."""
    values = sample.gaps_ms if load.operators < len(OPERATORS) else sample.waits_ms
    figures = ", ".join(
        f"p{p} {'-' if value is None else format(value, '.0f')}"
        for p in (50, 95)
        for value in (percentile(values, p),)
    )
    print(
        f"{way.name:16} {load.calls:4} calls at {load.per_second:3}/s,"
        f" {load.operators:3} operators: {figures} ms, {sample.failed} failed;"
        f" {busy(sample, core_count())}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
