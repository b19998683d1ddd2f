"""Writes the page of `acd simulate --html`: one run, or two settings side by side."""

from collections.abc import Sequence
from datetime import datetime

from acd.cli.common import Arguments, CommandError, config_folder
from acd.cli.compare_text import Shown, measures, sentences, what_was_played
from acd.core.names import Topic
from acd.settings import Settings
from acd.sim.compare import sorted_side
from acd.sim.page import Page, Side, render
from acd.sim.results import Unfinished
from acd.sim.runs import A, B, Played
from acd.sim.tally import Tally

Rows = Sequence[tuple[str, str]]


def write_page(
    arguments: Arguments,
    settings: Settings,
    start: datetime,
    calls: int,
    tally: Tally,
    figures: Rows,
) -> None:
    """The page of one run."""
    facts = [("settings", str(config_folder(arguments))), ("calls", f"{calls:,}")]
    title = "A simulated day" if arguments.trace is None else "Simulated calls"
    page = Page(
        title=f"{title}, from {start:%A %Y-%m-%d}",
        told=[],
        facts=[*facts, *_source(arguments), ("seed", str(arguments.seed))],
        figures=[("figure", "value"), *figures],
        sides=[Side("", tally)],
        days=1,
        start=start,
        target_ms=settings.rules.target_ms,
        queue_of=lambda topic: str(settings.rules.queue_of(Topic(topic))),
    )
    _write(arguments, page)


def write_both(
    arguments: Arguments,
    settings: Settings,
    start: datetime,
    runs: Sequence[Played],
    shown: Shown,
) -> None:
    """The page of a comparison; the days of each side are put together."""
    changes = [("B differs in", change) for change in shown.changes]
    page = Page(
        title=f"Two settings compared, from {start:%A %Y-%m-%d}",
        told=[*sentences(shown), f"{what_was_played(shown)}."],
        facts=[
            ("A", shown.folders[A]),
            ("B", shown.folders[B]),
            *(changes or [("", "the settings are the same")]),
            *_source(arguments),
            ("seeds", ", ".join(map(str, shown.seeds))),
        ],
        figures=[("figure", "A", "B", "change with B, 95 % sure", "B is"), *measures(shown.found)],
        sides=[Side("A", _whole(runs, A)), Side("B", _whole(runs, B))],
        days=len(shown.seeds),
        start=start,
        target_ms=settings.rules.target_ms,
        queue_of=lambda topic: str(settings.rules.queue_of(Topic(topic))),
    )
    _write(arguments, page)


def _source(arguments: Arguments) -> list[tuple[str, str]]:
    """Where the calls are from, and how people behave."""
    if arguments.trace is not None:
        found, plain = [("trace", str(arguments.trace))], "none"
    else:
        found, plain = [("day", arguments.day or "weekday")], "the shipped calls"
    behaviour = arguments.scenario or f"{plain}; nobody redials or is called back"
    return [*found, ("scenario", behaviour)]


def _whole(runs: Sequence[Played], side: int) -> Tally:
    first, *others = (run.tally for run in sorted_side(runs, side))
    for each in others:
        first.merge(each)
    return first


def _write(arguments: Arguments, page: Page) -> None:
    text = render(page)
    try:
        with Unfinished(arguments.html) as stream:
            stream.write(text)
    except OSError as error:
        raise CommandError(
            f"{arguments.html}: the page cannot be written ({error.strerror}); check the path "
            "and its rights"
        ) from error
