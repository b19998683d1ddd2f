"""The menu engine alone: steps per second of CPU, and memory per open call.

A walk is drawn once, at random, by driving the engine through it; what is timed afterwards is
only that walk again. The same keys then go through the least that could be called a menu: a
dictionary of (node, key) -> (node, what to say). It speaks no language, counts no attempts, keeps
no early keys and writes no timeline; the ratio is the price of all that.
"""

import gc
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from acd.problems import Problems
from acd.settings_files import load_settings
from ivr.core import steps
from ivr.core.menu import Dialplan
from ivr.core.session import MenuSession
from ivr.dialplan import load_dialplans
from ivr.facts import Scene

EVENTS_MAX = 60
"""A caller who has not left by then hangs up."""
KEYS = "111222333444555#*90"
PRESSED, SPOKEN_OUT, STEP_MS = 0.7, 0.15, 1500

Walk = list[steps.Event]
Bare = dict[str, dict[str, tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Engine:
    """What was measured. A step is one event with all that follows from it."""

    step_count: int
    engine_per_s: float
    bare_per_s: float
    memory_bytes: int


def measure(folder: Path, config: Path, call_count: int, rounds: int) -> Engine:
    """The dialplan of a folder; engine and dictionary take turns, the middle round counts."""
    plan = load(folder, config)
    walks, bare = walks_through(plan, call_count, random.Random(1414))
    count = sum(len(walk) for walk in walks)
    spent: dict[str, list[float]] = {"engine": [], "bare": []}
    for _ in range(rounds):
        spent["engine"].append(_seconds(lambda: _walk_again(plan, walks)))
        spent["bare"].append(_seconds(lambda: _look_up(plan.entry, bare, walks)))
    engine_s, bare_s = statistics.median(spent["engine"]), statistics.median(spent["bare"])
    return Engine(count, count / engine_s, count / bare_s, _memory_bytes(plan, walks))


def load(folder: Path, config: Path) -> Dialplan:
    """The one dialplan of a folder."""
    problems = Problems()
    settings = load_settings(config, problems)
    assert settings is not None, problems.render()
    plans = load_dialplans([folder], problems, frozenset(settings.topic_names), config=config)
    assert len(plans) == 1, problems.render()
    return next(iter(plans.values()))


def walks_through(plan: Dialplan, count: int, dice: random.Random) -> tuple[list[Walk], Bare]:
    """Random calls, and the dictionary that knows every move they made."""
    bare: Bare = {}
    return [_random_walk(plan, bare, dice) for _ in range(count)], bare


def _random_walk(plan: Dialplan, bare: Bare, dice: random.Random) -> Walk:
    session, walk = _new_session(plan), Walk()
    event: steps.Event | None = steps.Started()
    while event is not None:
        node = session.node_name if walk else plan.entry
        asked = session.handle(event, len(walk) * STEP_MS)
        walk.append(event)
        bare.setdefault(node, {})[_word(event)] = (session.node_name, str(asked[-1:]))
        event = _next_event(asked[-1] if asked else None, dice) if len(walk) < EVENTS_MAX else None
    walk.append(steps.HungUp())
    return walk


def _next_event(asked: steps.Command | None, dice: random.Random) -> steps.Event | None:
    """What comes of the last thing the menu asked for; None when the call is over."""
    match asked:
        case None:
            return steps.PlaybackFinished()  # a key that was kept: the prompt goes on
        case steps.Play():
            is_pressed = dice.random() < PRESSED
            return _key(dice) if is_pressed else steps.PlaybackFinished()
        case steps.Listen():
            return steps.TimedOut() if dice.random() < SPOKEN_OUT else _key(dice)
        case steps.Enqueue(node):
            return steps.AfterOperator(node) if dice.random() < 0.5 else steps.Overflowed(node)
        case steps.Record():
            return steps.Recorded(5_000)
        case steps.Transfer():
            return steps.TransferFailed("busy")
        case steps.Fetch():
            return steps.Fetched(None)
        case steps.BookCallback():
            return steps.CallbackAnswered(is_booked=True)
    return None


def _key(dice: random.Random) -> steps.Event:
    return steps.KeyPressed(dice.choice(KEYS))


def _word(event: steps.Event) -> str:
    return event.key if isinstance(event, steps.KeyPressed) else type(event).__name__


def _new_session(plan: Dialplan) -> MenuSession:
    return MenuSession(plan, facts=Scene().facts(plan))


def _walk_again(plan: Dialplan, walks: list[Walk]) -> None:
    for walk in walks:
        session = _new_session(plan)
        for number, event in enumerate(walk):
            session.handle(event, number * STEP_MS)


def _look_up(entry: str, bare: Bare, walks: list[Walk]) -> None:
    for walk in walks:
        node, said = entry, []
        for event in walk:
            node, prompt = bare[node].get(_word(event), (node, ""))
            said.append(prompt)


def _seconds(work: Callable[[], None]) -> float:
    gc.collect()
    before = time.process_time()
    work()
    return time.process_time() - before


def _memory_bytes(plan: Dialplan, walks: list[Walk]) -> int:
    """Of a call half-way through its walk, what it shares with others left out."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        held = []
        for walk in walks:
            session = _new_session(plan)
            for number, event in enumerate(walk[: len(walk) // 2]):
                session.handle(event, number * STEP_MS)
            held.append(session)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) // len(held)
