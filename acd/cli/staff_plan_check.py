"""The check of a plan: simulated weeks beside the formula."""

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from acd.cli.common import Arguments
from acd.cli.staff_plan import SEEDS
from acd.cli.staff_plan_input import Week
from acd.sim.from_forecast import calls_of
from acd.sim.scenario import Behaviour
from acd.staffing.plan_check import (
    Count,
    Estimate,
    by_day,
    estimate,
    gain,
    play,
    with_plan,
    without_absent,
)
from acd.staffing.plan_crew import Crew
from acd.staffing.training import Lesson, taught

if TYPE_CHECKING:
    from acd.settings import Settings, Shift

WORST = 5


def check(
    arguments: Arguments,
    settings: "Settings",
    week: Week,
    shifts: "Sequence[Shift]",
    crew: Crew,
    learned: Sequence[Lesson],
    report: dict[str, Any],
) -> dict[str, Any]:
    """Every seed's calls with the plan, with the lessons, and where wanted as it is now."""
    seeds = arguments.seeds or SEEDS
    behaviour = week.scenario.behaviour if arguments.scenario else Behaviour()
    variants = {"plan": with_plan(settings, shifts, crew.operators)}
    if learned:
        variants["trained"] = with_plan(settings, shifts, taught(crew.operators, learned))
    if arguments.before:
        variants["before"] = settings
    starts_ms = [each.begins_ms for each in week.expected]
    within_ms = round(arguments.within_s * 1000)
    counts: dict[str, list[Count]] = {name: [] for name in variants}
    for seed in range(1, seeds + 1):
        calls = calls_of(week.expected, week.scenario, seed)
        for name, variant in variants.items():
            _tell(f"simulating week {seed} of {seeds}: {name}")
            there = without_absent(variant, arguments.shrinkage or 0.0, seed)
            counts[name].append(
                play(there, calls, week.start, starts_ms, within_ms, behaviour, seed)
            )
    _tell("")
    starts = [row.start for row in week.rows]
    return _figures(counts, starts, report["intervals"], seeds)


def _figures(
    counts: dict[str, list[Count]],
    starts: Sequence[datetime],
    intervals: Sequence[dict[str, Any]],
    seeds: int,
) -> dict[str, Any]:
    everything = range(len(starts))
    found: dict[str, Any] = {"seeds": seeds}
    found["week"] = _line(counts, intervals, everything)
    found["days"] = [
        {"day": day, **_line(counts, intervals, rows)} for day, rows in by_day(starts).items()
    ]
    hours: dict[datetime, list[int]] = {}
    for index, start in enumerate(starts):
        hours.setdefault(start.replace(minute=0), []).append(index)
    lines = [
        {"hour": hour.isoformat(timespec="minutes"), **_line(counts, intervals, rows)}
        for hour, rows in hours.items()
    ]
    heard = [line for line in lines if line["simulated"] is not None]
    # Missed calls, not shares: one call missed of three at night is no bad hour.
    found["worst_hours"] = sorted(
        heard, key=lambda line: (-(1 - line["simulated"]) * line["calls"], line["hour"])
    )[:WORST]
    if "trained" in counts:
        found["training_gain"] = _shown(gain(counts["trained"], counts["plan"]), "value")
    return found


def _line(
    counts: dict[str, list[Count]], intervals: Sequence[dict[str, Any]], rows: Sequence[int]
) -> dict[str, Any]:
    calls = sum(intervals[row]["calls"] for row in rows)
    served = sum(intervals[row]["calls"] * (intervals[row]["service_level"] or 0.0) for row in rows)
    line: dict[str, Any] = {
        "calls": round(calls, 1),
        "formula": round(served / calls, 6) if calls else None,
        **_shown(estimate(counts["plan"], rows), "simulated"),
    }
    for name in ("trained", "before"):
        if name in counts:
            line |= _shown(estimate(counts[name], rows), name)
    return line


def _shown(one: Estimate, name: str) -> dict[str, float | None]:
    return {
        name: None if one.value is None else round(one.value, 6),
        f"{name}_margin": None if one.margin is None else round(one.margin, 6),
    }


def _tell(text: str) -> None:
    """What takes so long, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r{text:60}\r", end="", file=sys.stderr, flush=True)
