"""The figures of a plan, as `acd staff --plan --json` gives them."""

from collections.abc import Sequence
from typing import Any

from acd.cli.staff_plan_input import Week
from acd.settings import Shift
from acd.staffing.erlang import Load, evaluate
from acd.staffing.plan import (
    HOUR_M,
    Row,
    added,
    at_row,
    length_m,
    paid_hours,
    present,
    waves,
)
from acd.staffing.plan_crew import Crew
from acd.staffing.plan_crew import languages_of as spoken_by
from acd.staffing.plan_files import WEEKDAYS, clock
from acd.staffing.plan_solver import Staffed


def shift_rows(shifts: Sequence[Shift], staffed: Staffed, crew: Crew) -> list[dict[str, Any]]:
    """A row for each shift."""
    return [
        {
            "shift": shift.id,
            "days": [WEEKDAYS[day] for day in shift.days],
            "hours": f"{clock(shift.begins)}-{clock(shift.ends)}",
            "length_h": length_m(shift) / HOUR_M,
            "breaks": [
                {
                    "at": clock(each.at),
                    "length_m": each.length_ms // 60_000,
                    "waves": len(waves(each, staffed.count(index))),
                }
                for each in shift.breaks
            ],
            "operators": staffed.count(index),
            "hires": sum(e.id in crew.hires for e in crew.operators if e.shift == shift.id),
            "reserve": sum(e.reserve for e in crew.operators if e.shift == shift.id),
            "paid_hours_each": paid_hours(shift),
        }
        for index, shift in enumerate(shifts)
    ]


def intervals_of(
    week: Week, shifts: Sequence[Shift], staffed: Staffed, within_s: float
) -> list[dict[str, Any]]:
    """Need and plan by interval, and the service level by the formula; the absent taken off."""
    slots = added(present(shift, staffed.count(index)) for index, shift in enumerate(shifts))
    found = []
    for row in week.rows:
        planned = at_row(row, slots)
        found.append(
            {
                "start": row.start.isoformat(timespec="minutes"),
                "calls": round(row.calls, 3),
                "needed": row.needed,
                "planned": planned,
                "short": max(0, row.needed - planned),
                "service_level": _level(row, planned, within_s),
            }
        )
    return found


def _level(row: Row, planned: int, within_s: float) -> float | None:
    if not row.calls:
        return None
    # As many as are there of those planned, when as many are needed as planned: exactly enough.
    there = planned * row.at_phones // row.needed
    if not there:
        return 0.0
    load = Load(row.calls * HOUR_M / row.length_m, row.handle_s, row.patience_s)
    return round(evaluate(load, there, within_s).service_level, 6)


def languages_of(
    week: Week, shifts: Sequence[Shift], crew: Crew, least: int
) -> list[dict[str, Any]]:
    """For each language how many intervals have too few who speak it, with breaks as dealt."""
    slots = {
        name: added(_speaking(s, crew, name, least) for s in shifts)
        for name in week.scenario.languages
    }
    found = []
    for language, there in slots.items():
        short = {
            row.start.isoformat(timespec="minutes"): row.languages[language] - at_row(row, there)
            for row in week.rows
        }
        short = {start: count for start, count in short.items() if count > 0}
        found.append(
            {
                "language": language,
                "most_needed": max(row.languages[language] for row in week.rows),
                "short_intervals": len(short),
                "worst": max(short, key=lambda each: short[each], default=None),
                "worst_short": max(short.values(), default=0),
            }
        )
    return found


def _speaking(shift: Shift, crew: Crew, language: str, least: int) -> list[int]:
    """Who of a shift speaks a language and is at the phones: each wave is its own small crew."""
    members = [e for e in crew.operators if e.shift == shift.id and not e.reserve]
    speaks = [language in spoken_by(each, least) for each in members]
    bare = Shift(shift.id, shift.days, shift.begins, shift.ends)
    total = present(bare, sum(speaks))
    for each in shift.breaks:
        count = len(waves(each, len(members)))
        for wave in range(count):
            gone = sum(speaks[wave::count])
            at = (each.at + wave * (each.length_ms // 60_000)) % (24 * HOUR_M)
            until = (at + each.length_ms // 60_000) % (24 * HOUR_M)
            days = shift.days
            if (at - shift.begins) % (24 * HOUR_M) + shift.begins >= 24 * HOUR_M:
                days = tuple(sorted((day + 1) % 7 for day in shift.days))
            absent = present(Shift("", days, at, until), gone)
            total = [have - less for have, less in zip(total, absent, strict=True)]
    return total
