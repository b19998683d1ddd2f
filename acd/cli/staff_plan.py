"""`acd staff --plan`: shifts, heads and second skills for a week, and what callers get of them."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acd.cli.common import (
    Arguments,
    CommandError,
    UsageError,
    config_folder,
    load_or_fail,
    print_json,
    whole_number,
)

if TYPE_CHECKING:
    from acd.cli.staff_plan_input import Week
    from acd.core.queues import OperatorProfile
    from acd.settings import Settings, Shift
    from acd.staffing.forecast import Forecast
    from acd.staffing.need import Goal
    from acd.staffing.plan_crew import Crew
    from acd.staffing.plan_shifts import Choice
    from acd.staffing.plan_solver import Chosen, Staffed
    from acd.staffing.training import Lesson

SHIFTS, SECONDS, SEEDS = 8, 60, 3
LENGTHS_H = (9, 11, 12)
WEEK_H = (33.0, 44.0)
TRAINED = 0.1
OPTIONS = (
    "shifts", "lengths", "start_step", "week_hours", "plan_seconds", "train", "seeds", "scenario",
    "surge", "out", "before",
)  # fmt: skip


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of --plan. None of them has a default here: without --plan they are refused."""
    group = parser.add_argument_group("a plan for the week (--plan)")
    add = group.add_argument
    number = whole_number
    add(
        "--plan", action="store_true", help="fit shifts to --forecast; --operators: at most so many"
    )
    add("--shifts", type=number(1, 26), metavar="N", help=f"at most so many shifts ({SHIFTS})")
    add("--lengths", type=_lengths, metavar="H,H", help="hours from coming to leaving (9,11,12)")
    add("--start-step", type=int, choices=(30, 60), help="minutes between possible starts (60)")
    add("--week-hours", type=_span, metavar="H-H", help="paid, of one person (33-44)")
    add(
        "--plan-seconds",
        type=number(1, 3600),
        metavar="S",
        help=f"limit of the search ({SECONDS})",
    )
    add(
        "--train",
        type=number(0, 10_000),
        metavar="N",
        help="second skills (10 %% of the crew)",
    )
    add(
        "--seeds",
        type=number(0, 100),
        metavar="N",
        help=f"simulated weeks ({SEEDS}); 0: none",
    )
    add("--scenario", metavar="FILE", help="topics, languages, behaviour; or: shipped")
    add("--surge", action="append", metavar="TOPIC=FACTOR[@DAYS]", help="as osms=2@mon, child=1.5")
    add("--before", action="store_true", default=None, help="also simulate the present shifts")
    add("--out", type=Path, metavar="DIR", help="write the plan as a new settings folder")


def expect_none(arguments: Arguments) -> None:
    """UsageError when an option of the plan stands there without it."""
    for name in OPTIONS:
        if getattr(arguments, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} goes with --plan")


def run(
    arguments: Arguments, goals: "Sequence[Goal]", read: "Callable[[Arguments], Forecast]"
) -> int:
    """The whole of `acd staff --plan`."""
    from acd.cli.staff_plan_input import week_of
    from acd.cli.staff_plan_text import text_of

    if arguments.forecast is None:
        raise UsageError("--plan needs the calls of a week: --forecast FILE")
    if arguments.csv or arguments.calls_per_hour is not None:
        raise UsageError("--plan goes without --csv and --calls-per-hour")
    _expect_no_folder(arguments.out)
    settings = load_or_fail(arguments)
    operators = list(settings.rules.operators.values())
    least = min(queue.least.language for queue in settings.rules.queues.values())
    from acd.staffing.plan_crew import crew_of, groups_of

    groups = groups_of(operators, least)
    if not groups:
        raise CommandError(
            f"{config_folder(arguments) / 'operators.yaml'}: nobody is there to plan with; write "
            "at least one operator who is not in reserve, so that new people can be like them"
        )
    week = week_of(arguments, settings, goals, read(arguments))
    shifts, chosen, staffed = _fit(arguments, week, operators, groups)
    crew = crew_of(shifts, staffed, operators, least)
    learned = _lessons(arguments, settings, week, crew)
    report = _report(arguments, week, shifts, chosen, staffed, crew, learned, least)
    if arguments.seeds != 0:
        from acd.cli.staff_plan_check import check

        report["check"] = check(arguments, settings, week, shifts, crew, learned, report)
    if arguments.out is not None:
        _write(arguments, settings, shifts, crew)
        report["out"] = str(arguments.out)
    if arguments.json:
        print_json(report)
    else:
        print("\n".join(text_of(report)))
    return 0


def choice_of(arguments: Arguments) -> "Choice":
    """Which shifts are allowed."""
    from acd.staffing.plan_shifts import Choice

    return Choice(
        lengths_h=arguments.lengths or LENGTHS_H,
        step_m=arguments.start_step or 60,
        week_h=arguments.week_hours or WEEK_H,
    )


def _fit(
    arguments: Arguments,
    week: "Week",
    operators: "Sequence[OperatorProfile]",
    groups: "dict[frozenset[str], int]",
) -> "tuple[list[Shift], Chosen, Staffed]":
    from acd.clock import monotonic_s
    from acd.staffing.plan import need_of
    from acd.staffing.plan_shifts import candidates, lettered, neighbours
    from acd.staffing.plan_solver import People, choose_shifts, staff_shifts

    choice = choice_of(arguments)
    shifts = candidates(choice)
    if not shifts:
        low, high = choice.week_h
        raise CommandError(
            f"no shift of {', '.join(map(str, choice.lengths_h))} hours gives a week of {low:g} to "
            f"{high:g} paid hours; change --lengths or --week-hours"
        )
    most = None
    if arguments.operators is not None:
        leads = sum(each.reserve for each in operators)
        most = arguments.operators - leads
        if most < 1:
            raise CommandError(
                f"--operators {arguments.operators}: {leads} of them are in reserve, so nobody "
                "is left to plan; give more, or take 'reserve: true' from some in operators.yaml"
            )
    need = need_of(week.rows)
    until = monotonic_s() + (arguments.plan_seconds or SECONDS)

    def left() -> float:
        return max(0.0, until - monotonic_s())

    near = neighbours(shifts, choice.step_m)
    chosen = choose_shifts(shifts, near, need, arguments.shifts or SHIFTS, most, left)
    fitted = [shifts[index] for index in chosen.shifts]
    staffed = staff_shifts(fitted, need, People(groups, most), max(5.0, left()))
    worked = [index for index in range(len(fitted)) if staffed.count(index)]
    fitted = [fitted[index] for index in worked] or fitted[:1]
    named = lettered(fitted)
    staffed = staff_shifts(named, need, People(groups, most), max(5.0, left()))
    return named, chosen, staffed


def _lessons(
    arguments: Arguments, settings: "Settings", week: "Week", crew: "Crew"
) -> "list[Lesson]":
    from acd.staffing.training import lessons

    present = [each for each in crew.operators if each.id not in crew.hires]
    count = arguments.train
    if count is None:
        count = round(TRAINED * len(present))
    return lessons(present, week.loads, settings.rules.topics, count)


def _report(
    arguments: Arguments,
    week: "Week",
    shifts: "Sequence[Shift]",
    chosen: "Chosen",
    staffed: "Staffed",
    crew: "Crew",
    learned: "Sequence[Lesson]",
    least: int,
) -> dict[str, Any]:
    """The keys of --json."""
    from acd.cli.staff_plan_report import intervals_of, languages_of, shift_rows
    from acd.staffing.plan import paid_hours

    intervals = intervals_of(week, shifts, staffed, arguments.within_s)
    paid = sum(paid_hours(shift) * staffed.count(i) for i, shift in enumerate(shifts))
    short = sum(
        each["short"] * row.length_m / 60 for each, row in zip(intervals, week.rows, strict=True)
    )
    calls = sum(row.calls for row in week.rows)
    served = sum(row["calls"] * (row["service_level"] or 0.0) for row in intervals)
    return {
        "shifts": shift_rows(shifts, staffed, crew),
        "operators": sum(staffed.count(i) for i in range(len(shifts))),
        "reserve": sum(each.reserve for each in crew.operators),
        "paid_hours": paid,
        "needed_hours": sum(row.needed * row.length_m for row in week.rows) / 60,
        "short_hours": short,
        "service_level": served / calls if calls else None,
        "cost": round(staffed.cost, 3),
        "bound": round(chosen.bound, 3),
        "gap": round(max(0.0, 1 - chosen.bound / staffed.cost), 4) if staffed.cost > 0 else 0.0,
        "hires": [
            {"operator": each.id, "shift": each.shift, "languages": sorted(each.languages)}
            for each in crew.operators
            if each.id in crew.hires
        ],
        "surplus": list(crew.surplus),
        "training": [{"operator": e.operator, "now": e.now, "add": e.add} for e in learned],
        "languages": languages_of(week, shifts, crew, least),
        "intervals": intervals,
    }


def _expect_no_folder(out: Path | None) -> None:
    if out is None:
        return
    if out.exists() or out.is_symlink():
        raise CommandError(f"{out} is there already; name a folder that is not: --out DIR")
    if not out.resolve().parent.is_dir():
        raise CommandError(f"{out.parent}: there is no such folder; make it first")


def _write(
    arguments: Arguments, settings: "Settings", shifts: "Sequence[Shift]", crew: "Crew"
) -> None:
    from acd.staffing.plan_files import write_folder

    surplus = [settings.rules.operators[id_] for id_ in crew.surplus]
    try:
        write_folder(config_folder(arguments), arguments.out, shifts, crew, surplus)
    except FileExistsError as error:
        raise CommandError(f"{error}; name a folder that is not: --out DIR") from error


def _lengths(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if all(part.isascii() and part.isdigit() and 4 <= int(part[:3]) <= 16 for part in parts):
        return tuple(sorted({int(part) for part in parts}))
    raise argparse.ArgumentTypeError(f"'{text}' is not whole hours from 4 to 16, as in 9,12")


def _span(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    try:
        span = float(low), float(high)
    except ValueError:
        span = (1.0, 0.0)
    if 0 < span[0] <= span[1] <= 168:
        return span
    raise argparse.ArgumentTypeError(f"'{text}' is not hours from and to, as in 33-44")
