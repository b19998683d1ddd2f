"""`acd staff`: how many operators a load of calls needs. Works without the service."""

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acd.cli import staff_plan
from acd.cli.common import (
    Arguments,
    CommandError,
    Commands,
    UsageError,
    common_options,
    print_json,
)
from acd.screens import Column, duration, percent, plain, table

if TYPE_CHECKING:
    from acd.staffing.erlang import Load, Outcome
    from acd.staffing.forecast import Forecast
    from acd.staffing.need import Goal

Row = dict[str, Any]

LEVELS = ("offered", "answered", "without_short", "virtual")
TARGET = 0.95
WITHIN_S = 30.0
CALLS_MAX = 1e7
DAY_S = 86_400.0
TIME_MIN_S = 0.001
PATIENCE_MAX_S = 1e9
PROBLEMS_MAX = 20
"""A file written with the wrong separator has the same mistake in every row."""
DECIMALS = 10
"""More would show how a double rounds, not what the formula says."""
NO_CALLS: Row = {
    "operators": 0,
    "service_level": None,
    "wait_probability": None,
    "asa_s": None,
    "mean_wait_s": None,
    "abandon_rate": None,
    "occupancy": None,
}
COLUMNS = (
    Column("start", "START", plain, to_right=False),
    Column("calls", "CALLS", plain),
    Column("operators", "OPERATORS", plain),
    Column("scheduled", "ROSTER", plain),
    Column("service_level", "LEVEL", percent),
    Column("asa_s", "ASA", duration),
    Column("abandon_rate", "ABAN", percent),
    Column("occupancy", "BUSY", percent),
)


def add_commands(commands: Commands) -> None:
    """Hook this command into the command line."""
    parser = commands.add_parser(
        "staff",
        help="how many operators a load of calls needs (Erlang C and A)",
        description="The least number of operators for a target, or what a given number achieves; "
        "for one load, or for every interval of a forecast. Without --target, --asa-s, --abandon "
        "and --occupancy the target is 0.95; of several all are kept. With --plan: shifts, heads "
        "and second skills for a week.",
        parents=[common_options(is_top=False)],
        allow_abbrev=False,
    )
    load = parser.add_argument_group("the load")
    load.add_argument("--calls-per-hour", type=_calls, metavar="N")
    load.add_argument("--handle-s", type=_time, metavar="S", help="wrap-up included")
    load.add_argument(
        "--patience-s",
        type=_patience,
        metavar="S",
        help="the mean wait after which callers hang up (default: nobody does)",
    )
    load.add_argument(
        "--forecast", type=Path, metavar="FILE", help="CSV: start,calls[,handle_s][,patience_s]"
    )
    load.add_argument("--interval-m", type=_time, metavar="M", help="minutes of a row")
    aim = parser.add_argument_group("the target")
    aim.add_argument("--within-s", type=_within, default=WITHIN_S, metavar="S")
    aim.add_argument("--target", type=_part, metavar="SHARE", help="service level, 0.95 or 95%%")
    aim.add_argument("--level", choices=LEVELS, default="offered", help="of which callers")
    aim.add_argument("--asa-s", type=_time, metavar="S", help="mean wait at most")
    aim.add_argument("--abandon", type=_part, metavar="SHARE", help="hang up at most")
    aim.add_argument("--occupancy", type=_part, metavar="SHARE", help="busy at most")
    aim.add_argument("--operators", type=_count, metavar="N", help="evaluate so many instead")
    aim.add_argument(
        "--shrinkage", type=_lost, metavar="SHARE", help="paid time not at the phone; adds a roster"
    )
    staff_plan.add_options(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--csv", action="store_true", help="as CSV")
    parser.set_defaults(run=_staff)


def _staff(arguments: Arguments) -> int:
    goals = goals_of(arguments)
    if arguments.plan:
        return staff_plan.run(arguments, goals, read)
    staff_plan.expect_none(arguments)
    if arguments.patience_s is None:
        arguments.patience_s = math.inf
    if arguments.forecast is not None:
        return _by_interval(arguments, goals)
    if arguments.calls_per_hour is None or arguments.handle_s is None:
        raise UsageError("give --calls-per-hour and --handle-s, or --forecast FILE")
    if arguments.interval_m is not None:
        raise UsageError("--interval-m goes with --forecast")
    load, outcome = _answer(
        arguments, goals, arguments.calls_per_hour, arguments.handle_s, arguments.patience_s
    )
    row = _row(arguments, outcome)
    if arguments.json:
        print_json(row)
    elif arguments.csv:
        _print_csv([row])
    elif load is None or outcome is None:
        print("no calls, so no operators are needed")
    else:
        print("\n".join(_sentences(arguments, load, outcome, row)))
    return 0


def goals_of(arguments: Arguments) -> "list[Goal]":
    """Every promise the options make."""
    from acd.staffing.need import Goal

    goals = []
    if arguments.asa_s is not None:
        goals.append(Goal("asa_s", arguments.asa_s))
    if arguments.abandon is not None:
        goals.append(Goal("abandon_rate", arguments.abandon))
    if arguments.occupancy is not None:
        goals.append(Goal("occupancy", arguments.occupancy))
    if arguments.target is not None or not goals:
        goals.append(Goal(arguments.level, arguments.target or TARGET))
    return goals


def _answer(
    arguments: Arguments,
    goals: "Sequence[Goal]",
    calls_per_hour: float,
    handle_s: float,
    patience_s: float,
) -> "tuple[Load | None, Outcome | None]":
    """The load and what becomes of it; None where no calls come."""
    from acd.staffing.erlang import Load, evaluate
    from acd.staffing.need import OPERATORS_MAX, Unreachable, least_operators

    if calls_per_hour == 0:
        return None, None
    load = Load(calls_per_hour, handle_s, patience_s)
    try:
        if arguments.operators is not None:
            return load, evaluate(load, arguments.operators, arguments.within_s)
        return load, least_operators(load, goals, arguments.within_s)
    except Unreachable:
        raise CommandError(
            f"not even {OPERATORS_MAX} operators meet this target with {calls_per_hour:g} calls "
            f"per hour of {handle_s:g} s ({load.erlangs:,.0f} Erlang); check the load"
        ) from None


def _row(arguments: Arguments, outcome: "Outcome | None") -> Row:
    """The keys of --json; only what an option asks for comes on top."""
    from acd.staffing.need import scheduled

    row = dict(NO_CALLS)
    if outcome is not None:
        for key in row:
            value = getattr(outcome, key)
            row[key] = round(value, DECIMALS) if isinstance(value, float) else value
    elif arguments.operators is not None:
        row["operators"] = arguments.operators
    if arguments.level != "offered":
        key = f"service_level_{arguments.level}"
        row[key] = None if outcome is None else round(getattr(outcome, key), DECIMALS)
    if arguments.shrinkage is not None:
        row["scheduled"] = scheduled(row["operators"], arguments.shrinkage)
    return row


def _sentences(arguments: Arguments, load: "Load", outcome: "Outcome", row: Row) -> list[str]:
    within = f"{arguments.within_s:g} s"
    roster = f", {row['scheduled']} on the roster" if "scheduled" in row else ""
    lines = [f"{outcome.operators} operators at the phones{roster} for {load.erlangs:.1f} Erlang"]
    if outcome.mean_wait_s is None:
        lines.append(
            "  too few: the queue grows without end, for nobody is said to hang up (--patience-s)"
        )
        return lines
    pairs = (
        (f"answered within {within}", "of all who called", percent(outcome.service_level)),
        ("", "of those answered", percent(outcome.service_level_answered)),
        ("", f"without hang-ups within {within}", percent(outcome.service_level_without_short)),
        ("", "if nobody hung up early (virtual)", percent(outcome.service_level_virtual)),
        ("", "best any order of service can do", percent(outcome.best_possible)),
        ("have to wait", "", percent(outcome.wait_probability)),
        ("mean wait", "of those answered", _seconds(outcome.asa_s)),
        ("", "of all", _seconds(outcome.mean_wait_s)),
        ("hang up", "", percent(outcome.abandon_rate)),
        ("operators busy", "", percent(outcome.occupancy)),
    )
    return lines + [f"  {what:25}{whose:36}{value:>9}" for what, whose, value in pairs]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _by_interval(arguments: Arguments, goals: "Sequence[Goal]") -> int:
    if arguments.calls_per_hour is not None:
        raise UsageError("give --calls-per-hour or --forecast, not both")
    forecast = read(arguments)
    per_hour = 60 / forecast.minutes
    rows = []
    for interval in forecast.intervals:
        handle_s = interval.handle_s or arguments.handle_s
        if handle_s is None:
            raise CommandError(
                f"{arguments.forecast}:{interval.line}:1: no handle time; "
                "fill the column handle_s or give --handle-s"
            )
        patience_s = interval.patience_s or arguments.patience_s
        try:
            _, outcome = _answer(arguments, goals, interval.calls * per_hour, handle_s, patience_s)
        except CommandError as error:
            raise CommandError(f"{arguments.forecast}:{interval.line}:1: {error}") from error
        start = interval.start.isoformat(timespec="minutes")
        rows.append({"start": start, "calls": interval.calls, **_row(arguments, outcome)})
    if arguments.json:
        print_json(rows)
    elif arguments.csv:
        _print_csv(rows)
    else:
        columns = [column for column in COLUMNS if column.key in rows[0]]
        print("\n".join(table(columns, rows)))
        hours = sum(row["operators"] for row in rows) * forecast.minutes / 60
        peak = max(rows, key=lambda row: int(row["operators"]))
        print(
            f"{hours:,.1f} operator-hours at the phones, "
            f"at most {peak['operators']} operators ({peak['start']})"
        )
    return 0


def read(arguments: Arguments) -> "Forecast":
    """The forecast, or CommandError with every mistake in it."""
    from acd.problems import Problems
    from acd.staffing.forecast import read_forecast

    file: Path = arguments.forecast
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(
            f"{file}: byte {error.start + 1} is no UTF-8; save the file as CSV in UTF-8"
        ) from error
    problems = Problems(PROBLEMS_MAX)
    forecast = read_forecast(text, str(file), problems, arguments.interval_m)
    if forecast is None:
        more = problems.error_count - len(problems)
        tail = f"\n{file}: and {more} more mistakes" if more else ""
        raise CommandError(problems.render() + tail)
    return forecast


def _print_csv(rows: Sequence[Row]) -> None:
    import csv
    import sys

    writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _calls(text: str) -> float:
    return _number(text, lambda value: 0 <= value <= CALLS_MAX, f"a number from 0 to {CALLS_MAX:g}")


def _within(text: str) -> float:
    return _number(text, lambda value: 0 <= value <= DAY_S, f"a number from 0 to {DAY_S:g}")


def _time(text: str) -> float:
    return _number(text, _is_time, f"a number from {TIME_MIN_S:g} to {DAY_S:g}")


def _patience(text: str) -> float:
    return _number(
        text,
        lambda value: TIME_MIN_S <= value <= PATIENCE_MAX_S or value == math.inf,
        f"a number from {TIME_MIN_S:g} to {PATIENCE_MAX_S:g}, or inf: nobody hangs up",
    )


def _is_time(value: float) -> bool:
    return TIME_MIN_S <= value <= DAY_S


def _part(text: str) -> float:
    return _number(_share(text), lambda value: 0 < value < 1, "a share as 0.95 or 95%", text)


def _lost(text: str) -> float:
    return _number(_share(text), lambda value: 0 <= value < 1, "a share as 0.3 or 30%", text)


def _share(text: str) -> str:
    return f"{text[:-1]}e-2" if text.endswith("%") else text


def _number(text: str, is_right: Callable[[float], bool], what: str, shown: str = "") -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if is_right(value):
        return value
    raise argparse.ArgumentTypeError(f"'{shown or text}' is not {what}")


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 100_000:
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to 100000")
