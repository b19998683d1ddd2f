"""`acd trace`: calls that were made, as a file that `acd simulate --trace` plays."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from acd.cli.common import (
    Arguments,
    CommandError,
    Commands,
    UsageError,
    common_options,
    load_or_fail,
    print_json,
)

if TYPE_CHECKING:
    from acd.settings import Settings
    from acd.sim.recorded import Recorded, Told

SEED_MAX = 2**63
SHOWN = 5


def add_commands(commands: Commands) -> None:
    """Hook this command into the command line."""
    parser = commands.add_parser(
        "trace",
        help="calls on record as a trace for acd simulate, to play them under other settings",
        description="Writes arrival, language, topic, handle time and patience of each call that "
        "entered a queue. How long those who were answered would have waited, and how long the "
        "conversation with those who hung up would have been, is drawn.",
        parents=[common_options(is_top=False)],
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--from", dest="first", type=_date, metavar="DATE", help="the first day, from the records")
    add("--to", dest="last", type=_date, metavar="DATE", help="the last day (default: the first)")
    add("--bank", type=Path, metavar="FILE", help="convert the public bank data of 1999 instead")
    add("--date", type=_dates, metavar="DATE[..DATE]", help="with --bank: which days of it")
    add(
        "--map",
        type=_pairs,
        action="append",
        default=[],
        metavar="TYPE=TOPIC,...",
        help="with --bank: topics for its types, as PS=general; *=general for all others",
    )
    add("--language", metavar="L", help="of calls without one (default: the first of the settings)")
    add("--out", type=Path, required=True, metavar="FILE", help="where to write the trace")
    add("--seed", type=_seed, default=1, metavar="S", help="of the dice (1)")
    add("--json", action="store_true", help="what was counted, as one JSON object")
    parser.set_defaults(run=_run)


def _run(arguments: Arguments) -> int:
    from acd.problems import near_miss
    from acd.sim.recorded import NothingKnown, Told, trace_lines
    from acd.sim.results import Unfinished
    from acd.store import StoreError

    if (arguments.bank is None) == (arguments.first is None):
        raise UsageError("give --from DATE, or --bank FILE with --date DATE")
    settings = load_or_fail(arguments)
    languages = settings.service.languages
    if arguments.language is not None and arguments.language not in languages:
        hint = near_miss(arguments.language, languages) or f"; there are {', '.join(languages)}"
        raise UsageError(f"--language: '{arguments.language}' is not in the settings{hint}")
    told = Told()
    try:
        first, read, close = _source(arguments, settings, told)
        try:
            with Unfinished(arguments.out) as stream:
                stream.writelines(trace_lines(read, arguments.seed, told))
                if not told.calls:
                    raise CommandError(f"there is no call to write; {_why(told)}")
        finally:
            close()
    except StoreError as error:
        raise CommandError(str(error)) from error
    except NothingKnown:
        raise CommandError(
            "nobody was answered on these days, so that no handle time is known; take more days"
        ) from None
    _tell(arguments, settings, told, first)
    return 0


def _why(told: "Told") -> str:
    left = ", ".join(f"{count} {why}" for why, count in told.left_out.items())
    return f"left out: {left}" if left else "nobody entered a queue on these days"


Source = tuple[date, Callable[[], "Iterable[Recorded]"], Callable[[], None]]


def _source(arguments: Arguments, settings: "Settings", told: "Told") -> Source:
    language = arguments.language or settings.service.languages[0]
    if arguments.bank is not None:
        return _bank(arguments, language, told)
    for name, given in (("--date", arguments.date), ("--map", arguments.map)):
        if given:
            raise UsageError(f"{name} goes with --bank")
    last: date = arguments.last or arguments.first
    if last < arguments.first:
        raise UsageError(f"--to {last} comes before --from {arguments.first}")
    from acd.core.names import Millis
    from acd.sim.recorded import from_rows
    from acd.store import Records

    zone = ZoneInfo(settings.service.timezone)
    begin, end = (
        Millis(round(datetime.combine(day, time(), zone).timestamp() * 1000))
        for day in (arguments.first, last + timedelta(days=1))
    )
    records = Records.open(settings.service.database)

    def read() -> "Iterable[Recorded]":
        told.left_out.clear()
        return from_rows(records.queued_calls(begin, end), begin, language, told)

    return arguments.first, read, records.close


def _bank(arguments: Arguments, language: str, told: "Told") -> Source:
    from acd.problems import Problems
    from acd.sim.bank import Choice, read_bank

    if arguments.last is not None:
        raise UsageError("--to goes with --from; write --date 1999-02-01..1999-02-07")
    if arguments.date is None:
        raise UsageError("--bank: say which days, as in --date 1999-02-01..1999-02-07")
    first, last = arguments.date
    topics: Mapping[str, str] = {kind: topic for pairs in arguments.map for kind, topic in pairs}
    problems = Problems()
    calls = read_bank(arguments.bank, Choice(first, last, language, topics), told, problems)
    if problems.has_errors:
        raise CommandError(problems.render())
    return first, lambda: calls, lambda: None


def _tell(arguments: Arguments, settings: "Settings", told: "Told", first: date) -> None:
    command = f"acd simulate --trace {arguments.out} --start {first}"
    unknown = [
        topic
        for topic in told.topics
        if topic not in settings.rules.topics and topic not in settings.rules.queues
    ]
    if arguments.json:
        print_json(
            {
                "calls": told.calls,
                "answered": told.answered,
                "gave_up": told.gave_up,
                "left_out": told.left_out,
                "topics": told.topics,
                "unknown_topics": unknown,
                "start": first.isoformat(),
            }
        )
        return
    others = told.calls - told.answered - told.gave_up
    print(
        f"{told.calls} calls: {told.answered} were answered, {told.gave_up} hung up, {others} took "
        "a callback or were led elsewhere"
    )
    for why, count in told.left_out.items():
        print(f"left out: {count} {why}")
    if unknown:
        named = ", ".join(unknown[:SHOWN])
        remedy = "name others with --map" if arguments.bank else "correct them in the file"
        print(f"the settings have no topic {named}; {remedy} before it is played")
    print(f"play them: {command}")


def _date(text: str) -> date:
    from acd.cli.forecast import read_date

    return read_date(text)


def _dates(text: str) -> tuple[date, date]:
    first, _, last = text.partition("..")
    begin = _date(first)
    end = _date(last) if last else begin
    if end < begin:
        raise argparse.ArgumentTypeError(f"'{text}' ends before it begins")
    return begin, end


def _pairs(text: str) -> list[tuple[str, str]]:
    found = []
    for pair in text.split(","):
        kind, equals, topic = (part.strip() for part in pair.partition("="))
        if not kind or not equals or not topic:
            raise argparse.ArgumentTypeError(f"'{pair}': write TYPE=TOPIC, as in PS=general")
        found.append((kind, topic))
    return found


def _seed(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= SEED_MAX:
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 0 on")
