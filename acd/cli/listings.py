"""`acd queues`, `operators`, `callers`, `calls`: one-shot listings as text, JSON or CSV."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from acd.cli.common import (
    Arguments,
    Commands,
    UsageError,
    common_options,
    expect_rows,
    print_json,
    service_place,
    wants_colour,
)
from acd.client import ask
from acd.screens import (
    Column,
    Row,
    counts_in_words,
    day_and_time,
    duration,
    percent,
    plain,
    queue_level,
    queues_total,
    table,
    wait_level,
)

Rows = list[dict[str, Any]]

STATES = ("ready", "ringing", "talking", "wrap_up", "paused", "offline")
CALLS_SHOWN = 50
CALLS_MAX = 100_000

QUEUE_COLUMNS = (
    Column("queue", "QUEUE", plain, to_right=False),
    Column("waiting", "WAIT", plain),
    Column("longest_wait_s", "LONG", duration),
    Column("offered", "OFFER", plain),
    Column("answered", "ANSW", plain),
    Column("answered_in_target", "IN-TIME", plain),
    Column("abandoned", "ABAN", plain),
    Column("abandoned_short", "SHORT", plain),
    Column("callbacks", "BACK", plain),
    Column("overflowed", "OVER", plain),
    Column("service_level", "LEVEL", percent),
    Column("asa_s", "ASA", duration),
    Column("ready", "READY", plain),
    Column("ringing", "RING", plain),
    Column("talking", "TALK", plain),
    Column("wrap_up", "WRAP", plain),
    Column("paused", "PAUS", plain),
)
OPERATOR_COLUMNS = (
    Column("operator", "OPERATOR", plain, to_right=False),
    Column("name", "NAME", plain, to_right=False),
    Column("shift", "SHIFT", plain, to_right=False),
    Column("state", "STATE", plain, to_right=False),
    Column("state_s", "FOR", duration),
    Column("reason", "REASON", plain, to_right=False),
    Column("queue", "QUEUE", plain, to_right=False),
    Column("language", "LANG", plain, to_right=False),
    Column("skills", "SKILLS", plain, to_right=False),
    Column("languages", "LANGUAGES", plain, to_right=False),
    Column("calls_today", "CALLS", plain),
    Column("handle_s_today", "HANDLED", duration),
    Column("rona_today", "RONA", plain),
)
OFF_SHIFT = Column("off_shift", "OFF-SHIFT", plain, to_right=False)
"""Shown when there is somebody to whom it applies."""
CALLER_COLUMNS = (
    Column("call", "CALL", plain, to_right=False),
    Column("number", "NUMBER", plain, to_right=False),
    Column("queue", "QUEUE", plain, to_right=False),
    Column("topic", "TOPIC", plain, to_right=False),
    Column("language", "LANG", plain, to_right=False),
    Column("priority", "PRIO", plain),
    Column("wait_s", "WAIT", duration),
    Column("deadline_in_s", "LEFT", duration),
    Column("step", "STEP", plain),
    Column("position", "POS", plain),
    Column("estimated_wait_s", "EXPECT", duration),
)
CALL_COLUMNS = (
    Column("call", "CALL", plain, to_right=False),
    Column("arrived_at", "ARRIVED", day_and_time, to_right=False),
    Column("number", "NUMBER", plain, to_right=False),
    Column("language", "LANG", plain, to_right=False),
    Column("topic", "TOPIC", plain, to_right=False),
    Column("queue", "QUEUE", plain, to_right=False),
    Column("outcome", "OUTCOME", plain, to_right=False),
    Column("wait_s", "WAIT", duration),
    Column("operator", "OPERATOR", plain, to_right=False),
    Column("handle_s", "HANDLED", duration),
)


class Listing(NamedTuple):
    """One command: what it is called, its columns, and those shown when none are asked for."""

    name: str
    help: str
    columns: Sequence[Column]
    left_out: frozenset[str]
    empty: str


LISTINGS = (
    Listing(
        "queues",
        "who waits where, and today's figures of each queue",
        QUEUE_COLUMNS,
        frozenset({"abandoned_short", "callbacks", "answered_in_target", "paused"}),
        "no queues",
    ),
    Listing(
        "operators",
        "what every operator is doing",
        OPERATOR_COLUMNS,
        frozenset({"skills", "languages"}),
        "no operators",
    ),
    Listing(
        "callers",
        "who is waiting now, the next to be served first",
        CALLER_COLUMNS,
        frozenset(),
        "nobody is waiting",
    ),
    Listing("calls", "the latest calls", CALL_COLUMNS, frozenset(), "no calls are on record"),
)


def add_commands(commands: Commands) -> None:
    """Hook the listings into the command line."""
    for listing in LISTINGS:
        parser = commands.add_parser(
            listing.name,
            help=listing.help,
            description=f"Lists {listing.help}.",
            parents=[common_options(is_top=False)],
            allow_abbrev=False,
        )
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--json", action="store_true", help="one JSON array")
        how.add_argument("--csv", action="store_true", help="comma-separated, with a heading")
        parser.add_argument(
            "--filter",
            nargs="+",
            action="extend",
            default=[],
            type=_condition,
            metavar="KEY=VALUE",
            help="only rows that match all of these; KEY!=VALUE for the others",
        )
        parser.add_argument("--sort", metavar="KEY", help="sort by KEY; -KEY for largest first")
        parser.add_argument("--columns", metavar="A,B", help="these columns, in this order")
        if listing.name == "calls":
            parser.add_argument(
                "--limit",
                type=_limit,
                default=CALLS_SHOWN,
                metavar="N",
                help=f"how many, the latest first (default: {CALLS_SHOWN})",
            )
        parser.set_defaults(run=_run, listing=listing)


def _condition(text: str) -> str:
    key, equals, _ = text.partition("=")
    if equals and key.strip("!"):
        return text
    raise argparse.ArgumentTypeError(f"'{text}': write it as KEY=VALUE, as in state=paused")


def _limit(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= CALLS_MAX:
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to {CALLS_MAX}")


def _run(arguments: Arguments) -> int:
    listing: Listing = arguments.listing
    place = service_place(arguments)
    request: dict[str, object] = {"do": listing.name}
    if listing.name == "calls":
        request["limit"] = arguments.limit
    rows: Rows = expect_rows(ask(place.socket, request), listing.name)
    known = list(
        dict.fromkeys([*(c.key for c in listing.columns), *(k for row in rows for k in row)])
    )
    rows = filtered(rows, arguments.filter, known)
    rows = ordered(rows, arguments.sort, known)
    asked = chosen(arguments.columns, known)
    if arguments.json:
        print_json(rows if asked is None else [{k: row.get(k) for k in asked} for row in rows])
    elif arguments.csv:
        _print_csv(rows, asked or known)
    else:
        _print_table(listing, rows, asked, place.target_s)
    return 0


def filtered(rows: Rows, filters: Sequence[str], known: Sequence[str]) -> Rows:
    """The rows that match every `key=value` or `key!=value`; letters' case does not count."""
    for text in filters:
        key, _, value = text.partition("=")
        is_wanted = not key.endswith("!")
        key = key.removesuffix("!")
        _check_key("--filter", key, known)
        rows = [row for row in rows if _matches(row.get(key), value) is is_wanted]
    return rows


def ordered(rows: Rows, key: str | None, known: Sequence[str]) -> Rows:
    """The rows by a key; whatever has no value comes last, in either direction."""
    if key is None:
        return rows
    name = key.removeprefix("-")
    _check_key("--sort", name, known)
    with_value = [row for row in rows if row.get(name) is not None]
    without = [row for row in rows if row.get(name) is None]
    return sorted(with_value, key=lambda row: _order(row[name]), reverse=key != name) + without


def chosen(columns: str | None, known: Sequence[str]) -> list[str] | None:
    """The keys of `--columns a,b`; None when the user leaves it to us."""
    if columns is None:
        return None
    keys = [key.strip() for key in columns.split(",") if key.strip()]
    if not keys:
        raise UsageError(f"--columns: name at least one of {', '.join(known)}")
    for key in keys:
        _check_key("--columns", key, known)
    return list(dict.fromkeys(keys))


def _check_key(option: str, key: str, known: Sequence[str]) -> None:
    if key not in known:
        from acd.problems import near_miss

        hint = near_miss(key, known) or f"; there are {', '.join(known)}"
        raise UsageError(f"{option}: there is no column '{key}'{hint}")


def _matches(value: object, wanted: str) -> bool:
    if isinstance(value, dict | list):
        return any(_matches(item, wanted) for item in value) or (not value and not wanted)
    text = "" if value is None else plain(value) if isinstance(value, float | bool) else str(value)
    return text.casefold() == wanted.casefold()


def _order(value: object) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return (0, float(value), "")
    return (1, 0.0, plain(value).casefold())


def _print_csv(rows: Rows, keys: Sequence[str]) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(keys)
    for row in rows:
        writer.writerow([_csv_value(row.get(key)) for key in keys])


def _csv_value(value: object) -> object:
    if isinstance(value, dict | list):
        return "" if not value else plain(value)
    return value


def _print_table(
    listing: Listing, rows: Rows, asked: Sequence[str] | None, target_s: float
) -> None:
    if not rows:
        print(listing.empty)
        return
    columns = _columns(listing, rows, asked)
    for line in table(
        columns,
        rows,
        levels=_levels(listing.name, rows, target_s),
        total=queues_total(rows) if listing.name == "queues" and len(rows) > 1 else None,
        colour=wants_colour(),
    ):
        print(line)
    if listing.name == "operators":
        print(f"{_count(len(rows), 'operator')}: {counts_in_words(rows, 'state', STATES)}")
    elif listing.name == "callers":
        print(f"{_count(len(rows), 'caller')} waiting")


def _columns(listing: Listing, rows: Rows, asked: Sequence[str] | None) -> list[Column]:
    known = {column.key: column for column in listing.columns}
    if asked is not None:
        return [known.get(key) or _unknown_column(key) for key in asked]
    left_out = set(listing.left_out)
    if all(row.get("name") in (None, row.get("operator")) for row in rows):
        left_out.add("name")
    off_shift = [OFF_SHIFT] if any(row.get(OFF_SHIFT.key) for row in rows) else []
    return [column for column in listing.columns if column.key not in left_out] + off_shift


def _unknown_column(key: str) -> Column:
    """A column of a newer service: its key tells the unit."""
    return Column(key, key.upper(), duration if key.endswith("_s") else plain)


def _levels(name: str, rows: Sequence[Row], target_s: float) -> list[int]:
    if name == "queues":
        return [queue_level(row, target_s) for row in rows]
    if name == "callers":
        return [wait_level(row.get("wait_s"), target_s) for row in rows]
    return []


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
