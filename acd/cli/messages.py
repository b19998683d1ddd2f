"""`acd messages`: what callers have said when nobody was logged in. Works without the service."""

from typing import TYPE_CHECKING, Any

from acd.cli.common import (
    Arguments,
    CommandError,
    Commands,
    UsageError,
    common_options,
    load_or_fail,
    print_json,
)
from acd.screens import Column, day_and_time, duration, plain, table

if TYPE_CHECKING:
    from acd.messages import Message
    from acd.settings import Settings

Row = dict[str, Any]

COLUMNS = (
    Column("call", "CALL", plain, to_right=False),
    Column("at", "LEFT AT", day_and_time, to_right=False),
    Column("number", "NUMBER", plain, to_right=False),
    Column("language", "LANG", plain, to_right=False),
    Column("node", "NODE", plain, to_right=False),
    Column("length_s", "LENGTH", duration),
    Column("file", "FILE", plain, to_right=False),
)


def add_commands(commands: Commands) -> None:
    """Hook the command into the command line."""
    parser = commands.add_parser(
        "messages",
        help="messages left when nobody was logged in",
        description="Lists the messages nobody has heard yet, or marks some as heard.",
        parents=[common_options(is_top=False)],
        allow_abbrev=False,
    )
    parser.add_argument(
        "verb", nargs="?", choices=("list", "done"), default="list", help="default: list"
    )
    parser.add_argument(
        "calls", nargs="*", metavar="CALL", help="done: whose message was heard, or its own id"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=_messages)


def _messages(arguments: Arguments) -> int:
    if (arguments.verb == "done") is not bool(arguments.calls):
        raise UsageError("write `acd messages`, or `acd messages done CALL`")
    settings = load_or_fail(arguments)
    if arguments.verb == "done":
        return _done(settings, arguments.calls, is_json=arguments.json)
    rows = _rows(settings)
    if arguments.json:
        print_json(rows)
    elif rows:
        print("\n".join(table(COLUMNS, rows)))
        print("Heard one? acd messages done CALL")
    else:
        print("no messages")
    return 0


def _done(settings: "Settings", calls: list[str], *, is_json: bool) -> int:
    from acd.messages import MessageError, mark_done

    rows: list[Row] = []
    try:
        for call in calls:
            rows.append({"call": call, "file": str(mark_done(settings.service.folder, call))})
    except MessageError as error:
        raise CommandError(str(error)) from error
    finally:
        if is_json:
            print_json(rows)
        for row in rows if not is_json else ():
            print(f"{row['call']} is marked as heard: {row['file']}")
    return 0


def _rows(settings: "Settings") -> list[Row]:
    from acd.call_log import FILE, read_endings
    from acd.messages import read_messages
    from acd.provision import AsteriskFolders

    folder = settings.service.folder
    log = AsteriskFolders(folder / "asterisk").log
    lines = [ending for name in (f"{FILE}.1", FILE) for ending in read_endings(log / name)]
    messages = read_messages(folder, {ending.call: ending for ending in lines})
    return [_row(settings, message) for message in messages]


def _row(settings: "Settings", message: "Message") -> Row:
    from zoneinfo import ZoneInfo

    from acd.clock import iso
    from acd.core.names import Millis
    from acd.views import masked

    ending = message.ending
    return {
        "message": message.id,
        "call": message.call,
        "node": message.node,
        "number": masked(ending.number) if ending is not None else None,
        "at": iso(Millis(message.left_at_ms), ZoneInfo(settings.service.timezone)),
        "language": (ending.language or None) if ending is not None else None,
        "length_s": round(message.length_ms / 1000, 1),
        "file": str(message.file),
    }
