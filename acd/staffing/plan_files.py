"""Writes a plan as a settings folder: shifts and roster new, the rest copied; whole or not."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from acd.core.names import Language, Topic
from acd.core.queues import OperatorProfile
from acd.settings import Shift
from acd.staffing.plan_crew import Crew

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def clock(minute: int) -> str:
    """A minute of the day as 08:30."""
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


def write_folder(
    source: Path,
    out: Path,
    shifts: Sequence[Shift],
    crew: Crew,
    surplus: Sequence[OperatorProfile],
) -> None:
    """The settings of `source` with these shifts and people, in a folder that is new.

    Raises FileExistsError, and other OSErrors.
    """
    if out.exists() or out.is_symlink():
        raise FileExistsError(f"{out} is there already")
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        shutil.copytree(source, beside)
        (beside / "shifts.yaml").write_text(shifts_text(shifts), encoding="utf-8")
        (beside / "operators.yaml").write_text(
            operators_text(shifts, crew, surplus), encoding="utf-8"
        )
        beside.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def shifts_text(shifts: Sequence[Shift]) -> str:
    """shifts.yaml."""
    lines = ["# Written by acd staff --plan.", "schema: 1", "shifts:"]
    for shift in shifts:
        breaks = ", ".join(
            f'{{at: "{clock(each.at)}", for: {each.length_ms // 60_000}m, '
            f"at_once: {each.at_once * 100:g}%}}"
            for each in shift.breaks
        )
        days = ", ".join(WEEKDAYS[day] for day in shift.days)
        hours = f"{clock(shift.begins)}-{clock(shift.ends)}"
        lines.append(f'  {shift.id}: {{days: [{days}], hours: "{hours}", breaks: [{breaks}]}}')
    return "\n".join(lines) + "\n"


def operators_text(shifts: Sequence[Shift], crew: Crew, surplus: Sequence[OperatorProfile]) -> str:
    """operators.yaml. Nobody is forgotten: whom the plan has no place for stands in a comment."""
    lines = ["# Written by acd staff --plan.", "schema: 1", "operators:"]
    for shift in shifts:
        here = [each for each in crew.operators if each.shift == shift.id]
        lines.append(f"  # Shift {shift.id}")
        is_new = False
        for each in here:
            if each.id in crew.hires and not is_new:
                is_new = True
                lines.append(
                    "  # To hire (new...); skills as somebody of the present crew has them"
                )
            lines.append(f"  {_entry(each)}")
    if surplus:
        lines.append("  # Without a place in this plan")
        lines += [f"  # {_entry(each)}" for each in surplus]
    return "\n".join(lines) + "\n"


def _entry(each: OperatorProfile) -> str:
    parts = [f"shift: {each.shift}"]
    if each.name != each.id:
        quoted = each.name.replace("\\", "\\\\").replace('"', '\\"')
        parts.append(f'name: "{quoted}"')
    if each.reserve:
        parts.append("reserve: true")
    parts.append(f"languages: {_levels(each.languages)}")
    parts.append(f"topics: {_levels(each.topics)}")
    for key, value in (("wrap_up", each.wrap_up_ms), ("ring", each.ring_ms)):
        if value is not None:
            parts.append(f"{key}: {value}ms" if value % 1000 else f"{key}: {value // 1000}s")
    return f"{each.id}: {{{', '.join(parts)}}}"


def _levels(levels: Mapping[Language, int] | Mapping[Topic, int]) -> str:
    return "{" + ", ".join(f"{name}: {level}" for name, level in levels.items()) + "}"
