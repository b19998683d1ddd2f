"""Plays the same calls with two settings, day after day, on as many processors as may be used."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from typing import Final
from zoneinfo import ZoneInfo

from acd.clock import iso
from acd.core.names import Millis
from acd.settings import Settings
from acd.sim.calls import Call
from acd.sim.duty import Calendar
from acd.sim.explain import Story
from acd.sim.results import Results
from acd.sim.scenario import Behaviour
from acd.sim.tally import Tally
from acd.sim.world import World

A, B = 0, 1
ALONE_BELOW: Final = 4000
"""So few calls are played sooner than other processes are started."""

Figures = dict[str, int | float | None]


class Broken(Exception):
    """A process that played calls is gone; the system will have ended it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two settings, and the calls of each seed. All else is the same on both sides."""

    settings: tuple[Settings, Settings]
    start: datetime
    calls: Callable[[int], Iterable[Call]]
    behaviour: Behaviour


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one run."""

    side: int
    seed: int
    figures: Figures
    tally: Tally
    left_waiting: int


def play(pair: Pair, side: int, seed: int) -> Played:
    """One run from end to end."""
    settings = pair.settings[side]
    results = Results(settings.rules.target_ms)
    tally = Tally(settings.rules.target_ms, results)
    duties = Calendar(settings, pair.start).events()
    world = World(
        settings.rules, duties, tally, pair.behaviour, seed, spent=tally.spent
    )  # fmt: skip
    totals = world.run(pair.calls(seed))
    figures: Figures = dict(results.report(totals, 0.0))
    return Played(side, seed, figures, tally.detach(), totals.left_waiting)


def tell(pair: Pair, side: int, seed: int, call: str) -> dict[str, object] | None:
    """The story of one call of a run; None when there was no such call."""
    settings = pair.settings[side]
    start_ms, zone = round(pair.start.timestamp() * 1000), ZoneInfo(settings.service.timezone)
    results = Results(settings.rules.target_ms)
    story = Story(call, results, lambda at: iso(Millis(start_ms + at), zone))
    duties = Calendar(settings, pair.start).events()
    World(settings.rules, duties, story, pair.behaviour, seed).run(pair.calls(seed))
    return story.told()


def play_all(pair: Pair, seeds: list[int], calls: int) -> Iterator[Played]:
    """Both sides with every seed, each as soon as it is done; `calls` is about how many in all."""
    jobs = [(side, seed) for seed in seeds for side in (A, B)]
    workers = min(len(jobs), len(os.sched_getaffinity(0)))
    if workers < 2 or calls < ALONE_BELOW:
        for side, seed in jobs:
            yield play(pair, side, seed)
        return
    # Forked, the processes have the settings already; they could not be sent.
    pool = ProcessPoolExecutor(workers, get_context("fork"), _keep, (pair,))
    try:
        for done in as_completed([pool.submit(_play_kept, *job) for job in jobs]):
            yield done.result()
    except BrokenProcessPool as error:
        raise Broken from error
    finally:
        pool.shutdown(cancel_futures=True)


_kept: list[Pair] = []


def _keep(pair: Pair) -> None:
    """In the new process. Ctrl-C is for the one that was started by hand."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _kept.append(pair)


def _play_kept(side: int, seed: int) -> Played:
    return play(_kept[0], side, seed)
