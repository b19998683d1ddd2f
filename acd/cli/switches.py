"""`acd broadcast` and `acd override`: news for every caller, schedules overruled by hand."""

from typing import Any

from acd.cli.common import (
    Arguments,
    Commands,
    UsageError,
    ask_service,
    common_options,
    expect_rows,
    print_json,
)

LANGUAGES = ("kk", "ru", "en")
BUILD_S = 180.0
"""A long time to make the audio of a few sentences."""

Row = dict[str, Any]


def add_commands(commands: Commands) -> None:
    """Hook these commands into the command line."""
    options = common_options(is_top=False)
    broadcast = commands.add_parser(
        "broadcast",
        help="news that every caller hears: on, off, list",
        description="`on ID` switches a prepared broadcast on at once (they stand in "
        "dialplans/tables/broadcasts.yaml); `on --kk TEXT --ru TEXT --en TEXT` speaks these "
        "sentences, as soon as their audio is made. `off ID`, or `off` for all. What is on "
        "survives a restart.",
        parents=[options],
        allow_abbrev=False,
    )
    broadcast.add_argument("action", choices=("on", "off", "list"), nargs="?", default="list")
    broadcast.add_argument("id", nargs="?", metavar="ID")
    broadcast.add_argument("--until", metavar="HH:MM", help="on: it goes off by itself then")
    for language in LANGUAGES:
        broadcast.add_argument(
            f"--{language}", metavar="TEXT", help=f"on: what is said ({language})"
        )
    broadcast.add_argument("--json", action="store_true", help="how all stand, as JSON")
    broadcast.set_defaults(run=_broadcast)
    override = commands.add_parser(
        "override",
        help="overrule a schedule of the menu by hand, such as night",
        description="`night on --until 08:00` has callers meet the night menu until then, `night "
        "auto` gives the schedule back to its hours. Without NAME: how they stand.",
        parents=[options],
        allow_abbrev=False,
    )
    override.add_argument("schedule", nargs="?", metavar="NAME")
    override.add_argument("state", nargs="?", choices=("on", "off", "auto"))
    override.add_argument("--until", metavar="HH:MM", help="it ends by itself then")
    override.add_argument("--json", action="store_true", help="how all stand, as JSON")
    override.set_defaults(run=_override)


def _broadcast(arguments: Arguments) -> int:
    texts = {each: getattr(arguments, each) for each in LANGUAGES if getattr(arguments, each)}
    if arguments.action != "on" and (texts or arguments.until):
        raise UsageError("texts and --until go with `acd broadcast on`")
    if arguments.action == "list" and arguments.id:
        raise UsageError("write `acd broadcast list`, without an id")
    if arguments.action == "on" and not texts and not arguments.id:
        raise UsageError("write `acd broadcast on ID`, or give --kk, --ru and --en")
    request = {"do": "broadcast", "action": arguments.action, "id": arguments.id}
    data = ask_service(arguments, {**request, "texts": texts, "until": arguments.until}, BUILD_S)
    rows = expect_rows(data, "broadcasts")
    if arguments.json:
        print_json(rows)
        return 0
    for row in rows:
        print(_broadcast_line(row))
    if not rows:
        print("no broadcast is on, and none is prepared")
    return 0


def _broadcast_line(row: Row) -> str:
    until = f" until {row['until'][11:16]}" if row["until"] else ""
    state = f"on{until}" if row["on"] else "off"
    text = row["texts"].get("ru") or next(iter(row["texts"].values()), "")
    return f"{row['id']:20} {state:14} {text}"


def _override(arguments: Arguments) -> int:
    if arguments.schedule is not None and arguments.state is None:
        raise UsageError(f"say what {arguments.schedule} is to be: on, off or auto")
    if arguments.until is not None and arguments.state not in ("on", "off"):
        raise UsageError("--until goes with on or off")
    request = {"do": "override", "schedule": arguments.schedule, "state": arguments.state}
    rows = expect_rows(ask_service(arguments, {**request, "until": arguments.until}), "schedules")
    if arguments.json:
        print_json(rows)
        return 0
    for row in rows:
        until = f" until {row['until'][11:16]}" if row["until"] else ""
        by_hand = f"{row['override']} by hand{until}" if row["override"] else "by its hours"
        print(f"{row['schedule']:20} {by_hand}")
    if not rows:
        print("the menu has no schedules")
    return 0
