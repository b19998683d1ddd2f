"""`acd shift`: who is on duty now and next, where nobody will be, and changes for a day."""

import argparse
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from acd.cli.common import (
    Arguments,
    CommandError,
    Commands,
    UsageError,
    ask_service,
    common_options,
    expect_row,
    expect_rows,
    load_or_fail,
    print_json,
    wants_colour,
)
from acd.client import NotRunningError
from acd.screens import Column, duration, plain, table

DAYS_MAX = 14
LEAST_MAX = 1000
TOPICS_NAMED = 4
SHOWN_MAX = 40
LATE_WORDS = {
    "late": "is not logged in",
    "left_early": "has left",
    "break_over": "is past the end of the break",
}

Row = dict[str, Any]

COLUMNS = (
    Column("shift", "SHIFT", plain, to_right=False),
    Column("hours", "HOURS", plain, to_right=False),
    Column("roster", "ROSTER", plain),
    Column("absent", "ABSENT", plain),
    Column("swapped", "SWAPPED-IN", plain),
    Column("added", "ADDED", plain),
    Column("heads", "HEADS", plain),
    Column("on_break", "BREAK", plain),
    Column("logged_in", "LOGGED-IN", plain),
)


def add_commands(commands: Commands) -> None:
    """Hook the command into the command line."""
    options = common_options(is_top=False)
    parser = commands.add_parser(
        "shift",
        help="who is on duty now and next, gaps ahead; absences, swaps, extra turns",
        description="Without ACTION: the shifts that are on, the next, and when nobody on duty "
        "can take a topic in a language. A change holds for its days and leaves operators.yaml "
        "as it is.",
        parents=[options],
        allow_abbrev=False,
    )
    _show_options(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    absent = _action(actions, "absent", "does not come: ID DATE, or ID DATE..DATE")
    absent.add_argument("operator", metavar="ID")
    absent.add_argument("dates", metavar="DATES", help="2026-11-30, or 2026-11-30..2026-12-02")
    absent.add_argument("--reason", metavar="R", help="shown beside the name, as in sick")
    swap = _action(actions, "swap", "two operators work each other's shift: ID ID DATE")
    swap.add_argument("operator", metavar="ID")
    swap.add_argument("second", metavar="ID2")
    swap.add_argument("dates", metavar="DATE")
    add = _action(actions, "add", "works a shift that day as well: ID SHIFT DATE")
    add.add_argument("operator", metavar="ID")
    add.add_argument("second", metavar="SHIFT")
    add.add_argument("dates", metavar="DATE")
    undo = _action(actions, "undo", "takes a change back: its number")
    undo.add_argument("number", metavar="N", type=_number(1, 10**9))
    _action(actions, "changes", "the changes in force")


def _show_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--days",
        type=_number(1, DAYS_MAX),
        default=1,
        metavar="N",
        help="look for gaps so many days ahead (default: 1)",
    )
    parser.add_argument(
        "--least",
        type=_number(1, LEAST_MAX),
        default=1,
        metavar="N",
        help="fewer than N operators are a gap (default: 1)",
    )
    parser.add_argument(
        "--at", metavar="WHEN", help="as it will be then: 2026-11-30, or 2026-11-30T14:00"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=_run, action=None)


def _action(actions: Commands, name: str, help_: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=help_, parents=[common_options(is_top=False)], allow_abbrev=False
    )
    parser.add_argument("--json", action="store_true", help="the changes in force, as JSON")
    return parser


def _number(least: int, most: int) -> Any:
    def read(text: str) -> int:
        if text.isascii() and text.isdigit() and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from {least} to {most}")

    return read


def _run(arguments: Arguments) -> int:
    return _show(arguments) if arguments.action is None else _change(arguments)


# Changes


def _change(arguments: Arguments) -> int:
    action = arguments.action
    request: Row = {"do": "shift", "action": action}
    if action == "undo":
        request["number"] = arguments.number
    elif action != "changes":
        request |= {"operator": arguments.operator, "days": arguments.dates}
        request |= {"second": getattr(arguments, "second", None)}
        request |= {"reason": getattr(arguments, "reason", None)}
    try:
        rows = expect_rows(ask_service(arguments, request), "changes")
    except NotRunningError:
        rows = _without_service(arguments, request)
    if arguments.json:
        print_json(rows)
        return 0
    for row in rows:
        print(f"{row['number']:4}  {row['words']}")
    if not rows:
        print("the roster is unchanged")
    return 0


def _without_service(arguments: Arguments, request: Row) -> list[Row]:
    """The same in the file that the service reads when it starts."""
    from acd.clock import service_clock
    from acd.shift_changes import ShiftChanges, ShiftError
    from acd.shift_desk import wanted_of

    settings = load_or_fail(arguments)
    zone = ZoneInfo(settings.service.timezone)
    changes = ShiftChanges(settings.service.folder, service_clock(), zone)
    try:
        if request["action"] == "undo":
            changes.undo(settings, request["number"])
        elif request["action"] != "changes":
            changes.change(settings, wanted_of(request))
    except ShiftError as error:
        raise CommandError(str(error)) from error
    return changes.rows()


# The board


def _show(arguments: Arguments) -> int:
    is_live = False
    data: Row | None = None
    if arguments.at is None:
        request = {"do": "shift", "days": arguments.days, "least": arguments.least}
        try:
            data = expect_row(ask_service(arguments, request), "shifts")
            is_live = True
        except NotRunningError:
            data = None
    if data is None:
        data = _board(arguments)
    if arguments.json:
        print_json(data)
        return 0
    for line in shown(data):
        print(line)
    if not is_live and arguments.at is None:
        print("the service is not running: who is logged in is not known")
    return 0


def _board(arguments: Arguments) -> Row:
    from acd.clock import service_clock
    from acd.shift_board import Moment, board
    from acd.shift_changes import ShiftChanges

    settings = load_or_fail(arguments)
    zone = ZoneInfo(settings.service.timezone)
    clock = service_clock()
    now = datetime.fromtimestamp(clock() / 1000, zone)
    if arguments.at is not None:
        now = _moment(arguments.at, zone)
    changes = ShiftChanges(settings.service.folder, clock, zone)
    moment = Moment(settings, changes.rota(settings), now, None)
    return board(moment, arguments.days, arguments.least)


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--at: '{text}' is no moment; write 2026-11-30, or 2026-11-30T14:00"
        ) from None
    if found.year not in range(1970, 2200):
        raise UsageError(f"--at: {text} is too far away; write a date of this century")
    return found.replace(tzinfo=zone) if found.tzinfo is None else found.astimezone(zone)


def shown(data: Row) -> list[str]:
    """The board for a person."""
    holiday = ", a public holiday" if data["holiday"] else ""
    lines = [f"{_day_time(data['at'])}{holiday}"]
    for title, rows in (("on now", data["on"]), ("next", data["next"])):
        lines += ["", f"{title}: {'' if rows else 'no shift'}".rstrip()]
        if rows:
            lines += table(COLUMNS, [_flat(row) for row in rows], colour=wants_colour())
            lines += [line for row in rows for line in _names(row)]
    lines += _adherence(data["adherence"])
    return [*lines, "", *_gap_lines(data)]


def _flat(row: Row) -> Row:
    begins, ends = row["begins"], row["ends"]
    return {
        **row,
        "hours": f"{_day_time(begins)}-{ends[11:16]}",
        "absent": len(row["absent"]),
        "swapped": len(row["swapped_in"]),
        "added": len(row["added"]),
    }


def _names(row: Row) -> list[str]:
    absent = [
        each["operator"] + (f" ({each['reason']})" if each["reason"] else "")
        for each in row["absent"]
    ]
    listed = {
        "absent": absent,
        "swapped in": row["swapped_in"],
        "swapped out": row["swapped_out"],
        "added": row["added"],
        "not logged in": row["missing"] or [],
    }
    return [f"  {row['shift']} {what}: {_some(who)}" for what, who in listed.items() if who]


def _adherence(rows: list[Row]) -> list[str]:
    found = [
        f"  {row['operator']} ({row['shift']}) {LATE_WORDS.get(row['what'], row['what'])}: "
        f"{duration(row['for_s'])}"
        for row in rows[:SHOWN_MAX]
    ]
    more = [f"  and {len(rows) - SHOWN_MAX} more"] if len(rows) > SHOWN_MAX else []
    return ["", "not as planned:", *found, *more] if rows else []


def _gap_lines(data: Row) -> list[str]:
    """One line for all the topics of a language that are uncovered at the same time."""
    least = data["least"]
    fewer = "nobody" if least == 1 else f"fewer than {least}"
    hours = f"the next {data['days'] * 24} h"
    rows = data["gaps"]
    if not rows:
        return [f"no gaps in {hours}: {least} or more on duty for each topic and language"]
    groups: dict[tuple[str, str, str, int], list[str]] = {}
    for row in rows:
        key = (row["from"], row["until"], row["language"], row["operators"])
        groups.setdefault(key, []).append(row["topic"])
    lines = [f"gaps in {hours}, {fewer} on duty for:"]
    for (begins, until, language, heads), topics in sorted(groups.items())[:SHOWN_MAX]:
        count = f"  ({heads} on duty)" if least > 1 else ""
        when = f"{_day_time(begins)} - {_day_time(until)}"
        lines.append(f"  {when}  {language}  {_some(topics)}{count}")
    if len(groups) > SHOWN_MAX:
        lines.append(f"  and {len(groups) - SHOWN_MAX} more; --json has all")
    return lines


def _some(names: list[str]) -> str:
    more = f" and {len(names) - TOPICS_NAMED} more" if len(names) > TOPICS_NAMED else ""
    return ", ".join(names[:TOPICS_NAMED]) + more


def _day_time(moment: str) -> str:
    found = datetime.fromisoformat(moment)
    return f"{found:%a %d %b %H:%M}"
