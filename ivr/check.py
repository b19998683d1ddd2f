"""`ivr check`: everything that is wrong in dialplans, with its place and what to write."""

import argparse
import gc
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from acd.clock import wall_seconds
from acd.settings_files import load_settings
from acd.yaml_source import Node, Problems, read_yaml
from ivr.core.menu import Clip, Dialplan
from ivr.core.speech import all_clips
from ivr.dialplan import load_dialplans
from ivr.lint import World
from ivr.lint_report import Missed, Standing, Usage
from ivr.prompt_library import BadManifest, PromptLibrary, search_folders
from ivr.prompt_manifest import MANIFEST
from ivr.prompt_status import status
from ivr.prompt_texts import Wanted

DEFAULT_CONFIG = Path("config")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Hook `ivr check` into the command line."""
    check = commands.add_parser(
        "check",
        help="find everything that is wrong in dialplans",
        description="Checks dialplans and shows every problem with its place and what to write.",
    )
    check.add_argument("paths", nargs="+", metavar="PATH", help="a dialplan, or a folder of them")
    check.add_argument("--json", action="store_true", help="print the problems as one JSON array")
    check.add_argument(
        "--config",
        metavar="DIR",
        type=Path,
        help="the folder of settings: topics, operators, shifts (default: ./config if it exists)",
    )
    check.add_argument("--prompts", action="store_true", help="check that all audio is there too")
    check.add_argument(
        "--production", action="store_true", help="--prompts, and nothing but recordings will do"
    )
    check.add_argument("--strict", action="store_true", help="fail for warnings as well")
    check.add_argument(
        "--today", metavar="DATE", type=_date, help="the day dates are judged by (default: today)"
    )
    check.add_argument(
        "--usage",
        metavar="FILE",
        type=Path,
        help="what 'ivr funnel --json' has told of 28 days: the order of options is judged by it",
    )
    check.add_argument(
        "--coverage",
        metavar="FILE",
        type=Path,
        help="what 'ivr test --json' has told: edges that no test walks are shown",
    )
    check.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> int:
    problems = Problems()
    missing = [path for path in arguments.paths if not _is_there(path)]
    for path in missing:
        problems.error(path, 0, 0, "E01", "there is no such file or folder; check the path")
    config: Path = arguments.config or DEFAULT_CONFIG
    topics = _known_topics(arguments.config, problems)
    present = [path for path in arguments.paths if path not in missing]
    world = _world(arguments, present, config, problems)
    with _no_collecting():
        dialplans = load_dialplans(present, problems, topics, world.has_clip, config, world)
    for name in dialplans:
        if world.missed is not None and name not in world.missed:
            message = f"nothing is told here of '{name}'; run 'ivr test --json' for it too"
            problems.warning(str(arguments.coverage), 0, 0, "W00", message)
    if arguments.json:
        print(json.dumps(problems.as_json(), ensure_ascii=False, indent=2))
    elif len(problems):
        print(problems.render(), file=sys.stderr)
    if not arguments.json:
        _print_summary(problems, len(dialplans))
        if world.has_clip is None:
            _print_silent(present, config, dialplans.values())
    return 1 if problems.has_errors or (arguments.strict and len(problems)) else 0


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long, a circle of links, a name no file can have
        return False


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Nothing that is read becomes garbage: to look for some takes as long as all the checks."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _world(
    arguments: argparse.Namespace, paths: Sequence[str], config: Path, problems: Problems
) -> World:
    """What the rules may ask of audio, the day, settings, usage and tests."""
    today = arguments.today or datetime.fromtimestamp(wall_seconds(), UTC).date()
    settings = load_settings(config, Problems()) if config.is_dir() else None
    if settings is None and (config / "operators.yaml").is_file():
        message = "these settings have errors, so that no queue is held against operators"
        problems.warning(str(config), 0, 0, "W00", f"{message}; run 'acd check {config}'")
    usage = missed = None
    if arguments.usage is not None:
        usage = _read_json(arguments.usage, problems, usage_of, "ivr funnel --since 28d --json")
    if arguments.coverage is not None:
        missed = _read_json(arguments.coverage, problems, missed_of, "ivr test --json")
    world = World(
        today=today,
        settings=settings,
        usage=usage,
        missed=missed,
        is_production=arguments.production,
    )
    if not arguments.prompts and not arguments.production:
        return world
    try:
        library = PromptLibrary(_prompt_folders(paths, config))
    except BadManifest as error:
        problems.error(str(error), 0, 0, "E14", "no audio can be checked before that is put right")
        return world
    return replace(
        world,
        has_clip=library.problem,
        standings=lambda clips: _standings(clips, library),
        clip_ms=lambda clip: _recorded_ms(clip, library),
    )


def _prompt_folders(paths: Sequence[str], config: Path) -> list[Path]:
    return [folder for place in _places(paths) for folder in search_folders(place, config)]


def _places(paths: Sequence[str]) -> list[Path]:
    return [Path(path) if Path(path).is_dir() else Path(path).parent for path in paths]


def _standings(clips: Iterable[Clip], library: PromptLibrary) -> Mapping[str, Standing]:
    lines = status([Wanted(clip, "") for clip in clips], library) if library.folders else []
    return {line.id: line.state for line in lines if line.used_by == "" and line.state != "faulty"}


def _recorded_ms(clip: Clip, library: PromptLibrary) -> int | None:
    """How long a person takes; an engine's speed says nothing about that."""
    entry = library.entry(clip)
    return library.ms(clip) if entry is None or entry.status == "recorded" else None


def usage_of(document: Any) -> Usage:
    """How often each key was chosen in each node of each menu, from the JSON of `ivr funnel`."""
    found: dict[str, dict[str, Counter[str]]] = {}
    for row in document:
        counts = found.setdefault(str(row["menu"]), {}).setdefault(str(row["node"]), Counter())
        counts.update({str(key): int(count) for key, count in row["chose"].items()})
    return found


def missed_of(document: Any) -> Mapping[str, frozenset[Missed]]:
    """The edges no test walks, by the id of their dialplan, from the JSON of `ivr test`."""
    return {
        str(each["dialplan"]): frozenset(
            (str(edge["node"]), str(edge["kind"]), str(edge["label"])) for edge in each["missing"]
        )
        for each in document["coverage"]
    }


def _read_json(path: Path, problems: Problems, convert: Callable[[Any], Any], command: str) -> Any:
    """What a JSON file holds, or None after recording why it cannot be used."""
    try:
        return convert(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        message = f"the file cannot be read ({error.strerror}); check the path"
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        message = f"this is not what '{command}' writes; run that again"
    problems.error(str(path), 0, 0, "E01", message)
    return None


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no date; write 2026-12-16") from error


def _print_summary(problems: Problems, dialplan_count: int) -> None:
    errors = problems.error_count
    warnings = sum(each.severity == "warning" for each in problems.sorted())
    counted = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
    shown = f" ({len(problems)} shown)" if errors + warnings > len(problems) else ""
    print(f"{_count(dialplan_count, 'dialplan')} good; {counted}{shown}")


def _print_silent(paths: Sequence[str], config: Path, dialplans: Iterable[Dialplan]) -> None:
    """What start and reload would refuse, for who has written a sentence and not built it yet."""
    if not any((place / "prompts" / MANIFEST).exists() for place in _places(paths)):
        return  # not a folder that menus are played from
    try:
        library = PromptLibrary(_prompt_folders(paths, config))
    except BadManifest as error:
        print(f"no audio can be used: {error}")
        return
    clips = {clip for plan in dialplans for clip in all_clips(plan)}
    silent = sum(library.file(clip) is None for clip in clips)
    if silent:
        has = "has" if silent == 1 else "have"
        print(f"{_count(silent, 'sentence')} {has} no audio yet; 'ivr prompts build' makes it")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _known_topics(config: Path | None, problems: Problems) -> list[str] | None:
    """Topics of skills.yaml and the queues they belong to; None when there is no such file."""
    folder = config or DEFAULT_CONFIG
    file = folder / "skills.yaml"
    if not file.exists():
        if config is not None:
            message = "there is no such file; name the folder of skills.yaml"
            problems.error(str(file), 0, 0, "E01", message)
        return None
    root = read_yaml(file, problems)
    topics = _entry(root, "topics")
    if topics is None or topics.entries is None:
        return None
    names: dict[str, None] = {}
    for key, value in topics.entries:
        names[key.text or ""] = None
        queue = _entry(value, "queue")
        if queue is not None and queue.text:
            names[queue.text] = None
    return list(names)


def _entry(node: Node | None, name: str) -> Node | None:
    entries = node.entries if node is not None else None
    return next((value for key, value in entries or () if key.text == name), None)
