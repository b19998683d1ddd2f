"""A plan for people to read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from acd.screens import Column, percent, plain, table

Report = Mapping[str, Any]

SHIFT_COLUMNS = (
    Column("shift", "SHIFT", plain, to_right=False),
    Column("hours", "HOURS", plain, to_right=False),
    Column("days", "DAYS", plain, to_right=False),
    Column("break", "BREAK", plain, to_right=False),
    Column("operators", "HEADS", plain),
    Column("hires", "TO HIRE", plain),
    Column("reserve", "RESERVE", plain),
    Column("paid_hours_each", "HOURS/WEEK", plain),
)
DAY_COLUMNS = (
    Column("day", "DAY", plain, to_right=False),
    Column("calls", "CALLS", lambda value: f"{value:,.0f}" if isinstance(value, float) else "-"),
    Column("formula", "FORMULA", percent),
    Column("simulated", "SIMULATED", plain),
    Column("trained", "TRAINED", plain),
    Column("before", "BEFORE", plain),
)
GAPS_MAX = 12


def text_of(report: Report) -> list[str]:
    """Everything, from the shifts to what the simulation says."""
    return [
        *_shifts(report),
        "",
        *_coverage(report["intervals"]),
        "",
        *_gaps(report),
        *_people(report),
        *_check(report),
        *([f"written to {report['out']}"] if "out" in report else []),
    ]


def _shifts(report: Report) -> Iterator[str]:
    rows = [
        {
            **row,
            "days": " ".join(row["days"]),
            "break": ", ".join(
                f"{b['at']}, {b['waves']} x {b['length_m']} min" for b in row["breaks"]
            ),
        }
        for row in report["shifts"]
    ]
    yield from table(SHIFT_COLUMNS, rows)
    yield (
        f"{report['operators']} operators and {report['reserve']} in reserve; "
        f"{report['paid_hours']:,.0f} paid hours for {report['needed_hours']:,.0f} needed at the "
        "phones"
    )
    yield f"formula: {percent(report['service_level'])} of all who call are answered in time"
    if not report["short_hours"]:
        yield (
            f"with as many shifts as one likes, and operators in parts, it would take at least "
            f"{report['bound']:,.0f} hours"
        )
    yield "(a break is not paid; crews of 12 hours who work 3 and 4 days swap weeks)"


def _coverage(intervals: Sequence[Report]) -> Iterator[str]:
    """The hours of the day down, the days across: needed/planned."""
    days = list(dict.fromkeys(each["start"][:10] for each in intervals))
    cells: dict[str, dict[str, Any]] = {}
    for each in _worst_of_hours(intervals):
        hour = f"{each['start'][11:13]}:00"
        row = cells.setdefault(hour, {"hour": hour})
        mark = "!" if each["short"] else " "
        row[each["start"][:10]] = f"{each['needed']}/{each['planned']}{mark}"
    columns = [Column("hour", "NEED/PLAN", plain, to_right=False)]
    columns += [Column(day, day[5:], plain) for day in days]
    yield from table(columns, [cells[hour] for hour in sorted(cells)])


def _worst_of_hours(intervals: Sequence[Report]) -> list[Report]:
    """Of each hour the interval where most are missing, or else where least are to spare."""
    worst: dict[str, Report] = {}
    for each in intervals:
        seen = worst.setdefault(each["start"][:13], each)
        if each["needed"] - each["planned"] > seen["needed"] - seen["planned"]:
            worst[each["start"][:13]] = each
    return list(worst.values())


def _gaps(report: Report) -> Iterator[str]:
    short = [each for each in _worst_of_hours(report["intervals"]) if each["short"]]
    if not short:
        yield "nobody is missing at any hour"
    else:
        yield f"{report['short_hours']:g} operator-hours are missing (marked !), the most at"
        worst = sorted(short, key=lambda each: (-each["short"], each["start"]))[:GAPS_MAX]
        yield "  " + ", ".join(f"{each['start'][5:]} {each['short']}" for each in worst)
    for each in report["languages"]:
        if each["short_intervals"]:
            yield (
                f"too few speak {each['language']} in {each['short_intervals']} intervals, "
                f"{each['worst_short']} at the most ({each['worst'][5:]})"
            )


def _people(report: Report) -> Iterator[str]:
    hires: dict[tuple[str, str], int] = {}
    for each in report["hires"]:
        key = each["shift"], "+".join(each["languages"])
        hires[key] = hires.get(key, 0) + 1
    if hires:
        each_of = (
            f"{count} who speak {spoken} for {id_}" for (id_, spoken), count in hires.items()
        )
        yield f"hire {len(report['hires'])}: " + ", ".join(each_of)
    if report["surplus"]:
        yield f"without a place ({len(report['surplus'])}): " + " ".join(report["surplus"])
    if report["training"]:
        yield "second skills, by the square root of each topic's load:"
        for each in report["training"]:
            yield f"  {each['operator']}: add {each['add']} (now {each['now']})"


def _check(report: Report) -> Iterator[str]:
    if "check" not in report:
        return
    check = report["check"]
    yield ""
    yield f"answered in time, formula and {check['seeds']} simulated weeks (mean +- 95 %):"
    lines = [{"day": "all", **check["week"]}, *check["days"]]
    lines += [
        {**each, "day": f"{each['hour'].replace('T', ' ')} *"} for each in check["worst_hours"]
    ]
    kept = [c for c in DAY_COLUMNS if c.key in lines[0]]
    yield from table(kept, [_with_margins(line) for line in lines])
    yield "* the hours with the most missed calls"
    if "training_gain" in check:
        gain = check["training_gain"]
        margin = gain["value_margin"]
        width = "" if margin is None else f" +- {margin * 100:.2f}"
        yield f"the second skills change it by {gain['value'] * 100:+.2f}{width} points, same calls"
    yield "Why they differ: in the formula everybody takes every call, first come, first served,"
    yield "and each interval stands alone. The simulation has skills and languages (fewer in time),"
    yield "hours that begin with a full queue or an empty one, and the ladder and the order of"
    yield "queues.yaml, which may put callers still inside the target first (more in time)."


def _with_margins(line: Report) -> dict[str, Any]:
    shown = dict(line)
    for name in ("simulated", "trained", "before"):
        value, margin = line.get(name), line.get(f"{name}_margin")
        if value is not None:
            width = "" if margin is None else f" +-{margin * 100:4.1f}"
            shown[name] = f"{percent(value)}{width}"
    return shown
