"""`acd simulate`: a day that has not been yet, with the router that will route it."""

import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from acd.cli.common import (
    Arguments,
    CommandError,
    Commands,
    UsageError,
    common_options,
    config_folder,
    load_or_fail,
    print_json,
    whole_number,
)
from acd.cli.simulate_bounds import Bounds, bounds_help, bounds_rows

if TYPE_CHECKING:
    from acd.problems import Problems
    from acd.settings import Settings
    from acd.sim.calls import Call, Span
    from acd.sim.duty import Calendar
    from acd.sim.scenario import Behaviour, Day, Scenario

CALLS_MAX = 10_000_000
DAYS_MAX = 1000
DAYS = ("weekday", "weekend", "night")
SATURDAY = 5
SEED_MAX = 2**63
PROGRESS_EVERY = 200
RUNS_MAX = 1000

Figures = dict[str, int | float | None]


class Plan(NamedTuple):
    """What is to be run."""

    calls: "Iterable[Call]"
    span: "Span"
    behaviour: "Behaviour"


def add_commands(commands: Commands) -> None:
    """Hook `simulate` into the command line."""
    parser = commands.add_parser(
        "simulate",
        help="a day of calls under a simulated clock, with the real router and these settings",
        description="Plays made-up calls, or those of a trace, with the operators, shifts and "
        "ladders of --config. Nothing is rung and no service is needed.",
        parents=[common_options(is_top=False)],
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--calls",
        type=whole_number(1, CALLS_MAX),
        metavar="N",
        help="how many a day (default: its own)",
    )
    add("--day", choices=DAYS, help="the day to make up (default: weekday)")
    add(
        "--days",
        type=whole_number(1, DAYS_MAX),
        metavar="N",
        help="so many days from --start on, by the calendar unless --day names one",
    )
    add("--trace", type=Path, metavar="FILE", help="play the calls of this CSV instead")
    add("--seed", type=whole_number(0, SEED_MAX), default=1, metavar="S", help="of the dice (1)")
    add("--scenario", metavar="FILE", help="calls and behaviour as written there; or: shipped")
    add("--start", metavar="TIME", help="what second 0 is (default: next Monday 00:00)")
    add("--calls-out", type=Path, metavar="FILE", help="write a CSV with a line for each call")
    add("--explain", metavar="CALL", help="tell one call: what happened, and why")
    add("--json", action="store_true", help="one JSON object")
    add("--html", type=Path, metavar="FILE", help="write a page with charts")
    folders = ("DIR-A", "DIR-B")
    add("--compare", nargs=2, type=Path, metavar=folders, help="the same calls with two settings")
    add(
        "--runs",
        type=whole_number(2, RUNS_MAX),
        metavar="N",
        help="days --compare makes up (5)",
    )
    add("--bounds", choices=("quick", "tight"), default="quick", help=bounds_help())
    parser.set_defaults(run=_run)


def _run(arguments: Arguments) -> int:
    from acd.clock import iso, monotonic_s
    from acd.core.names import Millis
    from acd.sim.duty import Calendar
    from acd.sim.explain import Story
    from acd.sim.results import Results, Unfinished
    from acd.sim.tally import Tally
    from acd.sim.world import World

    if arguments.trace is not None and (arguments.calls or arguments.day or arguments.days):
        raise UsageError("--trace has its own calls; leave out --calls, --day and --days")
    if arguments.compare:
        from acd.cli.simulate_compare import run_comparison

        return run_comparison(arguments)
    if arguments.runs:
        raise UsageError("--runs: several days are for --compare DIR-A DIR-B")
    settings = load_or_fail(arguments)
    zone = ZoneInfo(settings.service.timezone)
    start = start_of(arguments.start, zone)
    bounds = Bounds(arguments.bounds, settings.rules)
    plan = plan_of(arguments, settings, start)
    calendar = Calendar(settings, start)
    expect_somebody(calendar, plan.span, config_folder(arguments))
    start_ms = round(start.timestamp() * 1000)
    progress, done = _progress(plan.span.calls)
    out = Unfinished(arguments.calls_out) if arguments.calls_out else nullcontext(None)
    began = monotonic_s()
    try:
        with out as stream:
            results = Results(settings.rules.target_ms, stream.write if stream else None)
            story = Story(
                arguments.explain or "", results, lambda at: iso(Millis(start_ms + at), zone)
            )
            tally = Tally(settings.rules.target_ms, story if arguments.explain else results)
            world = World(
                settings.rules,
                calendar.events(),
                tally if arguments.html else story if arguments.explain else results,
                plan.behaviour,
                arguments.seed,
                progress,
                tally.spent if arguments.html else None,
                bounds.watch,
            )
            totals = world.run(plan.calls)
            told = story.told()
            if arguments.explain and told is None:
                raise CommandError(
                    f"there is no call '{arguments.explain}' in this run; the calls are "
                    f"1 to {plan.span.calls}"
                )
    finally:
        done()
    if totals.left_waiting:
        print(
            f"{totals.left_waiting} still waited a week after the last call and count as "
            "abandoned; nobody of the crew could take them",
            file=sys.stderr,
        )
    figures = results.report(totals, monotonic_s() - began)
    shares = {} if told else bounds.shares()
    if arguments.html:
        from acd.cli.simulate_page import write_page

        rows = _rows(figures, shares or bounds.shares())
        write_page(arguments, settings, start, plan.span.calls, tally, rows)
    _show(arguments, figures, told, shares)
    return 0


def _show(
    arguments: Arguments,
    figures: Figures,
    told: dict[str, object] | None,
    shares: dict[str, float | str | None],
) -> None:
    if arguments.json:
        print_json(dict(told or figures | {"bounds": shares}))
    elif told is not None:
        from acd.cli.call_text import story

        print("\n".join(story(told)))
    else:
        print("\n".join(_lines(figures, shares)))


def start_of(text: str | None, zone: ZoneInfo) -> datetime:
    """The moment of second 0, in the centre's zone."""
    if text is None:
        from acd.clock import wall_seconds

        today = datetime.fromtimestamp(wall_seconds(), zone).date()
        return datetime.combine(today + timedelta(days=7 - today.weekday()), time(), zone)
    try:
        found = datetime.fromisoformat(text)
        local = found.replace(tzinfo=zone) if found.tzinfo is None else found.astimezone(zone)
        if not 1971 <= local.year <= 9000:
            raise ValueError(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--start: '{text}' is not a time; write it as in 2026-11-23 or 2026-11-23T08:00"
        ) from error
    return local


def plan_of(arguments: Arguments, settings: "Settings", start: datetime) -> Plan:
    """The calls, or CommandError with everything that is wrong in trace and scenario."""
    from acd.problems import Problems
    from acd.sim.calls import Span, span_of
    from acd.sim.generate import made_up_days
    from acd.sim.scenario import DAY_MS, Behaviour
    from acd.sim.trace import Trace

    problems = Problems()
    scenario = None
    if arguments.trace is None or arguments.scenario:
        scenario = _scenario(arguments, settings, problems)
    behaviour = scenario.behaviour if scenario and arguments.scenario else Behaviour()
    if arguments.trace is not None:
        topics = [*settings.rules.topics, *settings.rules.queues]
        trace = Trace(arguments.trace, settings.service.languages, topics)
        span = trace.check(problems)
        if span is None or problems.has_errors:
            raise CommandError(problems.render())
        return Plan(trace, span, behaviour)
    if scenario is None:
        raise CommandError(problems.render())
    if start.time() != time():
        raise UsageError("--start: a made-up day begins at midnight; leave out the time of day")
    days = _days(arguments, scenario, start)
    if len(days) > 1:
        count = sum(arguments.calls or day.calls for day in days)
        span = Span(count, 0, len(days) * DAY_MS, len(days) * DAY_MS)
        return Plan(made_up_days(scenario, days, arguments.calls, arguments.seed), span, behaviour)
    calls = list(made_up_days(scenario, days, arguments.calls, arguments.seed))
    return Plan(calls, span_of(calls), behaviour)


def _days(arguments: Arguments, scenario: "Scenario", start: datetime) -> "list[Day]":
    """The days to make up, or CommandError when the scenario does not have them."""
    found = []
    for passed in range(arguments.days or 1):
        name = arguments.day or "weekday"
        if arguments.days and not arguments.day and (start.weekday() + passed) % 7 >= SATURDAY:
            name = "weekend"
        day = scenario.days.get(name)
        if day is None:
            raise CommandError(f"{arguments.scenario}: there is no '{name}' under 'days:'; add it")
        found.append(day)
    return found


def _scenario(
    arguments: Arguments, settings: "Settings", problems: "Problems"
) -> "Scenario | None":
    from acd.sim.scenario import SHIPPED, load_scenario

    is_named = arguments.scenario not in (None, "shipped")
    path = Path(arguments.scenario) if is_named else SHIPPED
    return load_scenario(path, problems, settings.service.languages, list(settings.rules.topics))


def expect_somebody(calendar: "Calendar", span: "Span", folder: Path) -> None:
    """CommandError when nobody is on duty while these calls wait."""
    if calendar.is_anybody_there(span.first_ms, span.until_ms):
        return
    first, until = (calendar.moment(at) for at in (span.first_ms, span.until_ms))
    raise CommandError(
        f"{folder / 'shifts.yaml'}: nobody is on duty from {first:%a %Y-%m-%d %H:%M} to "
        f"{until:%a %Y-%m-%d %H:%M}, when these calls wait; add a shift with operators then, or "
        "move the calls with --start"
    )


def _progress(total: int) -> tuple[Callable[[int, int], None], Callable[[], None]]:
    """A bar on a terminal, and what takes it away again."""
    if not sys.stderr.isatty():
        return lambda came, at: None, lambda: None
    from acd.clock import monotonic_s
    from ivr.progress import Progress

    bar = Progress(sys.stderr, lambda: int(monotonic_s() * 1000))

    def draw(came: int, at: int) -> None:
        if came % PROGRESS_EVERY == 0:
            hours, minutes = divmod(at // 60_000, 60)
            bar(min(came, total), total, f"calls, {hours}:{minutes:02} of the clock")

    return draw, bar.close


def _lines(figures: Figures, shares: dict[str, float | str | None]) -> list[str]:
    return [f"{name:14} {text}" for name, text in _rows(figures, shares)]


def _rows(figures: Figures, shares: dict[str, float | str | None]) -> list[tuple[str, str]]:
    def share(name: str) -> str:
        value = figures[name]
        return "-" if value is None else f"{value * 100:.1f} %"

    def seconds(name: str) -> str:
        value = figures[name]
        return "-" if value is None else f"{value:.1f} s"

    return [
        ("offered", str(figures["offered"])),
        ("answered", f"{figures['answered']}, {figures['answered_in_target']} in time"),
        ("abandoned", f"{figures['abandoned']}, {figures['abandoned_short']} of them under 5 s"),
        ("callbacks", str(figures["callbacks"])),
        ("overflowed", str(figures["overflowed"])),
        ("service level", f"{share('service_level')} of those offered were answered in time"),
        *bounds_rows(shares),
        ("abandon rate", share("abandon_rate")),
        ("mean wait", f"{seconds('asa_s')} of those answered"),
        (
            "longest waits",
            f"{seconds('wait_max_s')}; 5 % over {seconds('wait_p95_s')}; the longest 10 % "
            f"{seconds('wait_worst_10pct_mean_s')} on average",
        ),
        ("occupancy", share("occupancy")),
        ("simulated in", f"{seconds('elapsed_s')}, {figures['events']} events"),
    ]
