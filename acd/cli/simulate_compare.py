"""`acd simulate --compare`: the same calls with two settings, and what that changes."""

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from acd.cli.call_text import story
from acd.cli.common import Arguments, CommandError, UsageError, offset_of, print_json
from acd.cli.compare_text import Shown, lines
from acd.cli.simulate import Plan, expect_somebody, plan_of, start_of
from acd.cli.simulate_page import write_both
from acd.clock import monotonic_s
from acd.core.names import Topic
from acd.problems import Problems
from acd.settings import Settings
from acd.settings_files import load_settings
from acd.sim.calls import Call
from acd.sim.compare import LEVEL, LEVEL_OF_MANY, compare, sorted_side
from acd.sim.difference import differences, is_same_to_callers
from acd.sim.duty import Calendar
from acd.sim.runs import A, B, Broken, Pair, Played, play_all, tell
from ivr.progress import Progress

RUNS = 5


def run_comparison(arguments: Arguments) -> int:
    """The whole command."""
    _expect_fitting(arguments)
    settings = _load_both(arguments)
    _expect_alike(arguments, *settings)
    start = start_of(arguments.start, ZoneInfo(settings[A].service.timezone))
    plans = [
        _plan(arguments, folder, each, start)
        for folder, each in zip(arguments.compare, settings, strict=True)
    ]
    pair = Pair(settings, start, _calls(arguments, settings[A], start), plans[A].behaviour)
    if arguments.explain:
        return _explain(arguments, pair, plans[A].span.calls)
    first = arguments.seed
    seeds = [first] if arguments.trace else list(range(first, first + (arguments.runs or RUNS)))
    began = monotonic_s()
    runs = _play(pair, seeds, plans[A].span.calls)
    rules = settings[A].rules
    found = compare(
        runs, lambda topic: str(rules.queue_of(Topic(topic))), is_one=bool(arguments.trace)
    )
    shown = Shown(
        folders=(str(arguments.compare[A]), str(arguments.compare[B])),
        changes=differences(*settings),
        is_same=is_same_to_callers(*settings),
        seeds=seeds,
        calls=plans[A].span.calls,
        is_trace=bool(arguments.trace),
        target_s=rules.target_ms / 1000,
        found=found,
        elapsed_s=monotonic_s() - began,
    )
    _note_left_waiting(runs)
    if arguments.html:
        write_both(arguments, settings[A], start, runs, shown)
    if arguments.json:
        print_json(_json(shown, runs))
    else:
        print("\n".join(lines(shown)))
    return 0


def _expect_fitting(arguments: Arguments) -> None:
    if arguments.config is not None:
        raise UsageError("--compare names both settings folders; leave out --config")
    if arguments.days:
        raise UsageError("--compare plays one kind of day; leave out --days, and see --runs, --day")
    if arguments.trace and arguments.runs:
        raise UsageError("--trace is one stretch of calls; leave out --runs")
    if arguments.calls_out:
        raise UsageError(
            "--calls-out is for one run; with --compare it would be many. Run it with each "
            "folder: acd simulate --config DIR --seed S --calls-out FILE"
        )
    if arguments.explain and (arguments.runs or arguments.html):
        raise UsageError("--explain tells one call of one day; leave out --runs and --html")


def _load_both(arguments: Arguments) -> tuple[Settings, Settings]:
    """Both settings, or CommandError with everything that is wrong in either."""
    problems = Problems()
    found = [
        load_settings(folder, problems, port_offset=offset_of(arguments))
        for folder in dict.fromkeys(arguments.compare)
    ]
    if problems.has_errors or found[0] is None or found[-1] is None:
        raise CommandError(problems.render())
    return found[0], found[-1]


def _expect_alike(arguments: Arguments, a: Settings, b: Settings) -> None:
    """What has to be the same, so that the calls can be and the figures mean the same."""
    folder_a, folder_b = arguments.compare
    for what, key, old, new in (
        ("time zone", "timezone", a.service.timezone, b.service.timezone),
        ("target", "target", f"{a.rules.target_ms / 1000:g}s", f"{b.rules.target_ms / 1000:g}s"),
    ):
        if old != new:
            raise CommandError(
                f"{folder_b / 'service.yaml'}: the {what} is {new}, but {old} in {folder_a}; "
                f"set '{key}:' the same in both, or the figures cannot be compared"
            )
    if arguments.trace or arguments.scenario not in (None, "shipped"):
        return  # These name their topics, which are looked up in both folders.
    for what, file, of_a, of_b in (
        ("topics", "skills.yaml", set(a.rules.topics), set(b.rules.topics)),
        ("languages", "service.yaml", set(a.service.languages), set(b.service.languages)),
    ):
        for folder, only in ((folder_a, of_a - of_b), (folder_b, of_b - of_a)):
            if only:
                raise CommandError(
                    f"{folder / file}: only here are the {what} {', '.join(sorted(only))}, so that "
                    "the calls made up would not be the same; give both folders the same "
                    f"{what}, or name the calls' own with --trace or --scenario FILE"
                )


def _plan(arguments: Arguments, folder: Path, settings: Settings, start: datetime) -> Plan:
    """The calls of the first seed; what is wrong in them names the settings it is wrong for."""
    try:
        plan = plan_of(arguments, settings, start)
    except CommandError as error:
        raise CommandError(f"with the settings of {folder}:\n{error}") from error
    expect_somebody(Calendar(settings, start), plan.span, folder)
    return plan


def _calls(
    arguments: Arguments, settings: Settings, start: datetime
) -> Callable[[int], Iterable[Call]]:
    """The calls of a seed, made (or read) anew each time they are wanted."""

    def of(seed: int) -> Iterable[Call]:
        return plan_of(
            argparse.Namespace(**{**vars(arguments), "seed": seed}), settings, start
        ).calls

    return of


def _play(pair: Pair, seeds: list[int], calls: int) -> list[Played]:
    total, done = 2 * len(seeds), list[Played]()
    bar = Progress(sys.stderr, lambda: int(monotonic_s() * 1000)) if sys.stderr.isatty() else None
    try:
        for played in play_all(pair, seeds, total * calls):
            done.append(played)
            if bar is not None:
                bar(len(done), total, "days played")
    except Broken as error:
        raise CommandError(
            "a process that played the calls was ended from outside; is there enough memory?"
        ) from error
    finally:
        if bar is not None:
            bar.close()
    return done


def _note_left_waiting(runs: list[Played]) -> None:
    left = sum(run.left_waiting for run in runs)
    if left:
        print(
            f"{left} still waited a week after the last call and count as abandoned; nobody of "
            "the crew could take them",
            file=sys.stderr,
        )


def _json(shown: Shown, runs: list[Played]) -> dict[str, object]:
    found = asdict(shown.found)
    only_a, only_b = found.pop("swapped")
    sides = {
        name: {
            "config": folder,
            "days": [
                {"seed": run.seed, **{k: v for k, v in run.figures.items() if k != "elapsed_s"}}
                for run in sorted_side(runs, side)
            ],
        }
        for side, (name, folder) in enumerate(zip(("a", "b"), shown.folders, strict=True))
    }
    return {
        "changes": shown.changes,
        "same_settings": shown.is_same,
        "calls": shown.calls,
        "seeds": shown.seeds,
        "target_s": shown.target_s,
        "level": LEVEL,
        "level_of_queues_and_topics": LEVEL_OF_MANY,
        **found,
        "in_time_only_with_a": only_a,
        "in_time_only_with_b": only_b,
        **sides,
        "elapsed_s": round(shown.elapsed_s, 3),
    }


def _explain(arguments: Arguments, pair: Pair, calls: int) -> int:
    told = [tell(pair, side, arguments.seed, arguments.explain) for side in (A, B)]
    if not all(told):
        raise CommandError(
            f"there is no call '{arguments.explain}' in this run; the calls are 1 to {calls}"
        )
    if arguments.json:
        print_json({"a": told[A], "b": told[B]})
        return 0
    for name, folder, one in zip("AB", arguments.compare, told, strict=True):
        print(f"with {name}, {folder}:")
        print("\n".join(f"  {line}".rstrip() for line in story(one or {})))
        print(end="" if name == "B" else "\n")
    return 0
