"""`acd callback`: who is to be called back, and whom nobody needs to call any more."""

from typing import Any

from acd.cli.common import (
    Arguments,
    Commands,
    UsageError,
    ask_service,
    common_options,
    expect_rows,
    print_json,
    wants_colour,
)
from acd.screens import Column, day_and_time, duration, plain, table

COLUMNS = (
    Column("callback", "CALLBACK", plain, to_right=False),
    Column("number", "NUMBER", plain, to_right=False),
    Column("queue", "QUEUE", plain, to_right=False),
    Column("topic", "TOPIC", plain, to_right=False),
    Column("language", "LANG", plain, to_right=False),
    Column("wait_s", "WAIT", duration),
    Column("tries", "TRIES", plain),
    Column("last", "LAST", plain, to_right=False),
    Column("state", "STATE", plain, to_right=False),
    Column("operator", "OPERATOR", plain, to_right=False),
    Column("not_before", "NOT-BEFORE", day_and_time, to_right=False),
)


def add_commands(commands: Commands) -> None:
    """Hook `callback` into the command line."""
    parser = commands.add_parser(
        "callback",
        help="who is to be called back: list, cancel",
        description="`list` shows the open callbacks, the next to be called first. `cancel ID` "
        "takes one off the list, by its own id or that of the call it came from; a citizen who "
        "has picked up is talked to all the same.",
        parents=[common_options(is_top=False)],
        allow_abbrev=False,
    )
    parser.add_argument("action", choices=("list", "cancel"), nargs="?", default="list")
    parser.add_argument("id", nargs="?", metavar="ID")
    parser.add_argument("--json", action="store_true", help="one JSON array")
    parser.set_defaults(run=_run)


def _run(arguments: Arguments) -> int:
    if (arguments.action == "cancel") is (arguments.id is None):
        raise UsageError("write `acd callback cancel ID`, or `acd callback list` without an id")
    request = {"do": "callback", "action": arguments.action, "id": arguments.id}
    rows: list[dict[str, Any]] = expect_rows(ask_service(arguments, request), "callbacks")
    if arguments.json:
        print_json(rows)
    elif not rows:
        print("nobody is to be called back")
    else:
        print("\n".join(table(COLUMNS, rows, levels=[], total=None, colour=wants_colour())))
    return 0
