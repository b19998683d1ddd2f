"""`acd monitor`: the present of the centre, once or as it goes on."""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from acd.cli.common import (
    Arguments,
    Commands,
    Place,
    common_options,
    expect_row,
    print_json,
    service_place,
    wants_colour,
)
from acd.cli.monitor_text import changes, nothing_yet, screen
from acd.client import ServiceError, ask, stream

STALE_AFTER_S = 3.0
RETRY_S = 1.0
LINES_MIN = 12
CELLS_MIN = 40
CELLS = 80


class News(NamedTuple):
    """A new snapshot, or why there is none."""

    snapshot: dict[str, Any] | None
    trouble: str | None


def add_commands(commands: Commands) -> None:
    """Hook the monitor into the command line."""
    parser = commands.add_parser(
        "monitor",
        help="watch queues, operators, callers and alerts",
        description="Watches queues, operators, callers and alerts until Ctrl-C.",
        parents=[common_options(is_top=False)],
        allow_abbrev=False,
    )
    parser.add_argument("--once", action="store_true", help="one look, then the end")
    parser.add_argument(
        "--json", action="store_true", help="one document, or without --once one line a look"
    )
    parser.add_argument(
        "--plain", action="store_true", help="append a line for each change (for screen readers)"
    )
    parser.add_argument(
        "--interval", type=_interval, default=1.0, metavar="S", help="seconds between looks (1)"
    )
    parser.set_defaults(run=_run)


def _interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds from 1 to 3600")
    return seconds


def _run(arguments: Arguments) -> int:
    place = service_place(arguments)
    if arguments.once:
        return _once(place, is_json=arguments.json)
    if arguments.json:
        return _json_lines(place, arguments.interval)
    if arguments.plain or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return _plain_lines(place, arguments.interval)
    return _redraw(place, arguments.interval)


def _once(place: Place, *, is_json: bool) -> int:
    snapshot = expect_row(ask(place.socket, {"do": "monitor"}), "figures")
    if is_json:
        print_json(snapshot)
    else:
        print("\n".join(screen(snapshot, place.target_s, cells=_cells(), colour=wants_colour())))
    return 0


def follow(place: Place, interval_s: float) -> Iterator[News]:
    """News for ever: snapshots at most so often, and a word when they fail to come."""
    from acd.clock import monotonic_s

    due = 0.0
    while True:
        silent_s = 0.0
        try:
            request = {"do": "monitor", "stream": True}
            for data in stream(place.socket, request, STALE_AFTER_S):
                if data is None:
                    silent_s += STALE_AFTER_S
                    yield News(None, f"STALE, no news for {silent_s:.0f} s")
                    continue
                snapshot = expect_row(data, "figures")
                if silent_s or monotonic_s() >= due:
                    due = monotonic_s() + interval_s - 0.5
                    silent_s = 0.0
                    yield News(snapshot, None)
        except ServiceError as error:
            yield News(None, f"NOT REACHABLE, {error}")
        time.sleep(RETRY_S)


def _json_lines(place: Place, interval_s: float) -> int:
    trouble = None
    for news in follow(place, interval_s):
        if news.snapshot is not None:
            print_json(news.snapshot, is_line=True)
        elif news.trouble != trouble:
            print(news.trouble, file=sys.stderr, flush=True)
        trouble = news.trouble
    return 0


def _plain_lines(place: Place, interval_s: float) -> int:
    before: dict[str, Any] | None = None
    is_troubled = False
    for news in follow(place, interval_s):
        if news.snapshot is None:
            if not is_troubled:
                print(news.trouble, flush=True)
            is_troubled = True
            continue
        lines = changes(None if is_troubled else before, news.snapshot, place.target_s)
        for line in lines:
            print(line, flush=True)
        before, is_troubled = news.snapshot, False
    return 0


def _redraw(place: Place, interval_s: float) -> int:
    latest: dict[str, Any] | None = None
    sys.stdout.write("\x1b[2J")
    for news in follow(place, interval_s):
        latest = news.snapshot or latest
        cells, height = _cells(), _height()
        if latest is None:
            lines = nothing_yet(news.trouble or "", cells)
        else:
            lines = screen(
                latest,
                place.target_s,
                news=news.trouble or "LIVE",
                cells=cells,
                colour=wants_colour() and not news.trouble,
            )
        drawn = "".join(f"{line}\x1b[K\n" for line in lines[: height - 1])
        sys.stdout.write(f"\x1b[H{drawn}\x1b[J")
        sys.stdout.flush()
    return 0


def _cells() -> int:
    """As wide as the terminal; 80 when the output is a file or a pipe."""
    try:
        return max(CELLS_MIN, os.get_terminal_size(sys.stdout.fileno()).columns or CELLS)
    except (OSError, ValueError):
        return CELLS


def _height() -> int:
    try:
        return max(LINES_MIN, os.get_terminal_size(sys.stdout.fileno()).lines)
    except (OSError, ValueError):
        return 24
