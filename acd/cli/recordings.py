"""`acd recording`: recorded conversations, those of now and those on the disk."""

from pathlib import Path

from acd.cli.common import (
    Arguments,
    Commands,
    UsageError,
    ask_service,
    common_options,
    expect_row,
    expect_rows,
    print_json,
    wants_colour,
)
from acd.screens import Column, duration, plain, table

EXPORT_S = 120.0
COLUMNS = (
    Column("day", "DAY", plain, to_right=False),
    Column("call", "CALL", plain, to_right=False),
    Column("length_s", "LENGTH", duration),
    Column("encrypted", "ENCRYPTED", plain, to_right=False),
)


def add_commands(commands: Commands) -> None:
    """Hook `recording` into the command line."""
    parser = commands.add_parser(
        "recording",
        help="recorded conversations: list, pause, resume, bookmark, export",
        description="`list` shows the recordings on the disk, newest day first. `pause CALL` and "
        "`resume CALL` leave out what must not be recorded; `bookmark CALL [NOTE]` marks this "
        "moment. `export CALL --out FILE` writes a finished one as WAV, decrypted; the call's "
        "timeline says who did it.",
        parents=[common_options(is_top=False)],
        allow_abbrev=False,
    )
    actions = ("list", "pause", "resume", "bookmark", "export")
    parser.add_argument("action", choices=actions, nargs="?", default="list")
    parser.add_argument("call", nargs="?", metavar="CALL")
    parser.add_argument("note", nargs="?", metavar="NOTE")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where `export` writes")
    parser.add_argument("--json", action="store_true", help="JSON")
    parser.set_defaults(run=_run)


def _run(arguments: Arguments) -> int:
    _check(arguments)
    out = str(arguments.out.absolute()) if arguments.out is not None else None
    request = {
        "do": "recording",
        "action": arguments.action,
        "call": arguments.call,
        "note": arguments.note,
        "out": out,
    }
    data = ask_service(arguments, request, EXPORT_S)
    if arguments.json:
        print_json(data)
    elif arguments.action == "list":
        rows = expect_rows(data, "recordings")
        lines = table(COLUMNS, rows, levels=[], total=None, colour=wants_colour())
        print("\n".join(lines) if rows else "no conversation is recorded here")
    else:
        print(_said(arguments.action, expect_row(data, "recordings")))
    return 0


def _check(arguments: Arguments) -> None:
    action = arguments.action
    if (action == "list") is (arguments.call is not None):
        raise UsageError("name the call, as in `acd recording pause CALL`; `list` takes none")
    if (action == "export") is (arguments.out is None):
        raise UsageError("write `acd recording export CALL --out FILE`; --out is for that alone")
    if arguments.note is not None and action != "bookmark":
        raise UsageError("only a bookmark takes a note")


def _said(action: str, row: dict[str, object]) -> str:
    if action == "export":
        return f"{plain(row.get('out'))}: {plain(row.get('bytes'))} bytes"
    offset = row.get("offset_ms")
    at = f"{offset / 1000:.1f} s" if isinstance(offset, int) else "?"
    words = {"pause": "paused", "resume": "goes on", "bookmark": "bookmark"}
    return f"{plain(row.get('call'))}: {words[action]} at {at}"
