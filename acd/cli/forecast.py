"""`acd forecast`: the calls of the next weeks by quarter hour. Works without the service."""

import argparse
import csv
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from acd.cli.common import (
    Arguments,
    CommandError,
    Commands,
    UsageError,
    common_options,
    load_or_fail,
    print_json,
    whole_number,
)
from acd.screens import Column, plain, table

if TYPE_CHECKING:
    from acd.staffing.outlook import Event, Outlook
    from acd.staffing.sources import Known, Wanted

Row = dict[str, Any]

WEEKS_MAX = 26
HISTORY_WEEKS = 60
"""More than a year, so that each holiday has been seen once."""
HISTORY_WEEKS_MAX = 520
FACTOR_MAX = 100.0
FEW_ORIGINS = 4
SHOWN = 5
DAY_COLUMNS = (
    Column("date", "DATE", plain, to_right=False),
    Column("day", "DAY", plain, to_right=False),
    Column("topic", "TOPIC", plain, to_right=False),
    Column("calls", "CALLS", plain),
    Column("low", "LOW", plain),
    Column("high", "HIGH", plain),
    Column("busiest", "BUSIEST", plain, to_right=False),
    Column("busiest_calls", "CALLS", plain),
)


class Result(NamedTuple):
    """The outlook of each topic, or of all as None; where it is from, and what to know of it."""

    outlooks: "dict[str | None, Outlook]"
    facts: Row
    notes: list[str]


def add_commands(commands: Commands) -> None:
    """Hook this command into the command line."""
    parser = commands.add_parser(
        "forecast",
        help="the calls of the next weeks by quarter hour, from the calls on record",
        description="Forecasts calls, handle time and patience by quarter hour, in the form that "
        "`acd staff --forecast` reads, and says how far forecasts made in the same way from "
        "earlier days were out.",
        parents=[common_options(is_top=False)],
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--from", dest="first", type=read_date, metavar="DATE", help="default: next Monday")
    add("--weeks", type=whole_number(1, WEEKS_MAX), default=1, metavar="N", help="default: 1")
    add(
        "--history",
        type=Path,
        metavar="FILE",
        help="learn from this CSV instead of the records: start,calls[,handle_s][,patience_s], or "
        "a trace",
    )
    add("--history-start", metavar="TIME", help="what second 0 of the trace in --history is")
    add(
        "--history-weeks",
        type=whole_number(2, HISTORY_WEEKS_MAX),
        default=HISTORY_WEEKS,
        metavar="N",
        help=f"learn from so many weeks at most (default: {HISTORY_WEEKS})",
    )
    add("--scenario", metavar="FILE", help="no history: a week of this scenario; or: shipped")
    add(
        "--event",
        type=_event,
        action="append",
        default=[],
        metavar="DATE[..DATE][,TOPIC],xFACTOR",
        help="what if so many times the calls come then, as in 2026-11-30,osms,x2; may be repeated",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--topic", metavar="TOPIC", help="the calls of this topic only")
    which.add_argument("--by-topic", action="store_true", help="each topic for itself")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object")
    form.add_argument("--csv", action="store_true", help="the quarter hours as CSV")
    add("--out", type=Path, metavar="FILE", help="also write the quarter hours as CSV to this file")
    parser.set_defaults(run=_run)


def _run(arguments: Arguments) -> int:
    if arguments.history is not None and arguments.scenario is not None:
        raise UsageError("give --history or --scenario, not both")
    for event in arguments.event:
        if arguments.topic is not None and event.topic not in (None, arguments.topic):
            raise UsageError(f"--event: '{event.topic}' is not --topic {arguments.topic}")
    result = _by_scenario(arguments) if arguments.scenario else _by_history(arguments)
    if arguments.out is not None:
        from acd.sim.results import Unfinished

        with Unfinished(arguments.out) as stream:
            _write_csv(result, stream)
    if arguments.json:
        print_json({**result.facts, "notes": result.notes, **_as_json(result)})
        return 0
    if arguments.csv:
        _write_csv(result, sys.stdout)
    else:
        print("\n".join(table(_columns(result), _day_rows(result))))
    for line in [*_sentences(result.facts), *result.notes]:
        print(line, file=sys.stderr if arguments.csv else sys.stdout)
    return 0


def _by_history(arguments: Arguments) -> Result:
    from acd.staffing.sources import NoForecast, learn

    wanted = _wanted(arguments)
    try:
        known = learn(wanted)
        outlooks, test = known.outlooks(wanted)
    except NoForecast as error:
        raise CommandError(str(error)) from error
    days = known.days
    unknown = [day.date for day in days if None in day.calls]
    facts: Row = {
        "from": known.when.first.isoformat(),
        "days_ahead": known.when.days,
        "history": {
            "source": known.source,
            "first": days[0].date.isoformat(),
            "last": days[-1].date.isoformat(),
            "days": known.days_counted,
            "calls": round(known.calls),
            "days_with_gaps": [day.isoformat() for day in unknown],
        },
        "backtest": {
            "forecasts": test.origins,
            "weeks": arguments.weeks,
            "error_day": _rounded(test.ours, 0),
            "error_quarter": _rounded(test.ours, 1),
            "same_week_before_day": _rounded(test.same_week_before, 0),
            "same_week_before_quarter": _rounded(test.same_week_before, 1),
            "four_weeks_mean_day": _rounded(test.four_weeks_mean, 0),
            "four_weeks_mean_quarter": _rounded(test.four_weeks_mean, 1),
            "within_80": _share_of(test.coverage.get(0.8)),
            "within_95": _share_of(test.coverage.get(0.95)),
        },
    }
    return Result(outlooks, facts, _notes(known, test.origins))


def _wanted(arguments: Arguments) -> "Wanted":
    from acd.clock import wall_seconds
    from acd.staffing.sources import Wanted

    settings = load_or_fail(arguments)
    holidays = _holidays(arguments)
    zone = ZoneInfo(settings.service.timezone)
    return Wanted(
        settings=settings,
        zone=zone,
        holidays=holidays,
        now=datetime.fromtimestamp(wall_seconds(), zone),
        first=arguments.first,
        weeks=arguments.weeks,
        history_weeks=arguments.history_weeks,
        file=arguments.history,
        file_start=_start(arguments.history_start, zone),
        topic=arguments.topic,
        by_topic=arguments.by_topic,
        events=arguments.event,
    )


def _holidays(arguments: Arguments) -> frozenset[date]:
    from acd.cli.common import config_folder
    from acd.problems import Problems
    from acd.staffing.history import read_holidays

    return read_holidays(config_folder(arguments), Problems())


def _by_scenario(arguments: Arguments) -> Result:
    from acd.clock import wall_seconds
    from acd.problems import Problems
    from acd.sim.scenario import SHIPPED, load_scenario
    from acd.staffing.outlook import When, from_scenario, with_events
    from acd.staffing.sources import next_monday

    settings = load_or_fail(arguments)
    zone = ZoneInfo(settings.service.timezone)
    problems = Problems()
    path = SHIPPED if arguments.scenario == "shipped" else Path(arguments.scenario)
    topics = list(settings.rules.topics)
    scenario = load_scenario(path, problems, settings.service.languages, topics)
    if scenario is None:
        raise CommandError(problems.render())
    for name in ("weekday", "weekend"):
        if name not in scenario.days:
            raise CommandError(f"{arguments.scenario}: there is no '{name}' under 'days:'; add it")
    named = [arguments.topic, *(event.topic for event in arguments.event)]
    for topic in (name for name in named if name is not None):
        if topic not in scenario.topics:
            from acd.problems import near_miss

            hint = near_miss(topic, list(scenario.topics)) or "; see `topics:` there"
            raise CommandError(f"{arguments.scenario}: the scenario has no topic '{topic}'{hint}")
    first = arguments.first or next_monday(datetime.fromtimestamp(wall_seconds(), zone).date())
    when = When(first, 7 * arguments.weeks, zone, _holidays(arguments))
    parts = {topic: from_scenario(scenario, when, topic) for topic in scenario.topics}
    whole = from_scenario(scenario, when)
    chosen: dict[str | None, Outlook] = {None: whole}
    if arguments.by_topic:
        chosen = {topic: part for topic, part in parts.items()}
    elif arguments.topic is not None:
        chosen = {arguments.topic: parts[arguments.topic]}
    outlooks = {t: with_events(each, arguments.event, parts, t) for t, each in chosen.items()}
    facts: Row = {
        "from": first.isoformat(),
        "days_ahead": when.days,
        "history": None,
        "backtest": None,
    }
    notes = [
        f"from the scenario {arguments.scenario}, not from calls on record; holidays are taken for "
        "days of a weekend",
        "the bands are assumed too: days that differ by 25 % from what is expected of them",
    ]
    return Result(outlooks, facts, notes)


def _notes(known: "Known", origins: int) -> list[str]:
    notes = [
        "whoever hangs up and calls again counts again; callbacks that were dialled do not count"
    ]
    if not origins:
        notes.insert(
            0,
            "too little history for a back-test: the bands are assumed (days that differ by 25 % "
            "from what is expected of them)",
        )
    elif origins < FEW_ORIGINS:
        notes.insert(0, "so few forecasts tell little: take the bands for a guess")
    ahead = known.holidays_ahead()
    if ahead and not known.has_holidays_behind():
        named = ", ".join(day.isoformat() for day in ahead[:SHOWN])
        notes.append(
            f"no holiday of the past is known (holidays.yaml keeps them), so {named} is forecast "
            "as a Sunday"
        )
    late = known.weeks_not_known()
    if late > 1:
        notes.append(
            f"the history ends {late} weeks before the forecast begins; bands are wider for it"
        )
    return notes


def _sentences(facts: Row) -> list[str]:
    history, test = facts["history"], facts["backtest"]
    if history is None:
        return []
    gaps = history["days_with_gaps"]
    named = f": {', '.join(gaps[:SHOWN])}{', ...' if len(gaps) > SHOWN else ''}" if gaps else ""
    lines = [
        f"learned from {history['calls']:,} calls on {history['days']} days, {history['first']} to "
        f"{history['last']} ({history['source']})",
        f"days with quarter hours that nobody counted: {len(gaps)}{named}",
    ]
    if test["forecasts"]:
        lines += [
            f"{test['forecasts']} forecasts from earlier days, {test['weeks']} weeks ahead, were "
            f"out by {_percent(test['error_day'])} a day, {_percent(test['error_quarter'])} a "
            "quarter hour",
            f"  the same time a week before: {_percent(test['same_week_before_day'])}, "
            f"{_percent(test['same_week_before_quarter'])}; the mean of four weeks: "
            f"{_percent(test['four_weeks_mean_day'])}, "
            f"{_percent(test['four_weeks_mean_quarter'])}",
        ]
    if test["within_80"] is not None:
        lines.append(
            f"  {_percent(test['within_80'])} of the quarter hours were within the 80 % band, "
            f"{_percent(test['within_95'])} within that of 95 %"
        )
    return lines


def _columns(result: Result) -> list[Column]:
    is_whole = None in result.outlooks
    return [column for column in DAY_COLUMNS if column.key != "topic" or not is_whole]


def _day_rows(result: Result) -> list[Row]:
    rows = []
    for topic, outlook in result.outlooks.items():
        for day in outlook.days:
            of_day = [each for each in outlook.quarters if each.start.date() == day.day]
            busiest = max(of_day, key=lambda each: each.calls)
            rows.append(
                {
                    "date": day.day.isoformat(),
                    "day": "holiday" if day.is_holiday else f"{day.day:%a}",
                    "topic": topic,
                    "calls": round(day.calls),
                    "low": round(day.band.low),
                    "high": round(day.band.high),
                    "busiest": f"{busiest.start:%H:%M}",
                    "busiest_calls": round(busiest.calls, 1),
                }
            )
    return sorted(rows, key=lambda row: str(row["date"]))


def _intervals(result: Result) -> list[Row]:
    rows: list[Row] = []
    for topic, outlook in result.outlooks.items():
        for each in outlook.quarters:
            row: Row = {"start": each.start.isoformat(timespec="minutes")}
            if topic is not None:
                row["topic"] = topic
            row |= {
                "calls": round(each.calls, 2),
                "handle_s": None if each.handle_s is None else round(each.handle_s, 1),
                "patience_s": None if each.patience_s is None else round(each.patience_s, 1),
                "low": round(each.band.low, 1),
                "high": round(each.band.high, 1),
                "low_95": round(each.band.low_95, 1),
                "high_95": round(each.band.high_95, 1),
            }
            rows.append(row)
    if len(result.outlooks) > 1:
        rows.sort(key=lambda row: datetime.fromisoformat(row["start"]))
    return rows


def _as_json(result: Result) -> Row:
    days = _day_rows(result)
    if None in result.outlooks:
        days = [{key: row[key] for key in row if key != "topic"} for row in days]
    return {"days": days, "intervals": _intervals(result)}


def _write_csv(result: Result, stream: IO[str]) -> None:
    rows = _intervals(result)
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _rounded(errors: Sequence[float] | None, which: int) -> float | None:
    return None if errors is None else _share_of(errors[which])


def _share_of(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.1f} %"


def _start(text: str | None, zone: ZoneInfo) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--history-start: '{text}' is not a time; write it as in 2026-11-23"
        ) from error
    return found.replace(tzinfo=zone) if found.tzinfo is None else found.astimezone(zone)


def read_date(text: str) -> date:
    """A date on the command line."""
    try:
        found = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007
    except ValueError:
        found = date.min
    if 1971 <= found.year <= 9000:
        return found
    raise argparse.ArgumentTypeError(f"'{text}' is not a date; write it as in 2026-11-30")


def _event(text: str) -> "Event":
    from acd.staffing.outlook import Event

    days, *middle, factor = text.split(",")
    first, _, last = days.partition("..")
    if len(middle) > 1 or not factor.startswith("x") or "," not in text:
        raise argparse.ArgumentTypeError(
            f"'{text}': write DATE,xFACTOR or DATE,TOPIC,xFACTOR, as in 2026-11-30,osms,x2"
        )
    try:
        times = float(factor[1:])
    except ValueError:
        times = -1.0
    if not 0 <= times <= FACTOR_MAX:
        raise argparse.ArgumentTypeError(
            f"'{factor}' is not a factor from x0 to x{FACTOR_MAX:g}, as in x1.5"
        )
    begin = read_date(first)
    end = read_date(last) if last else begin
    if end < begin:
        raise argparse.ArgumentTypeError(f"'{days}' ends before it begins")
    return Event(begin, end, middle[0].strip() if middle else None, times)
