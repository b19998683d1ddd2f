"""`ivr`: everything about the voice menu from the command line."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from acd.yaml_source import Node, Problems, read_yaml
from ivr.dialplan import load_dialplans
from ivr.lint import HasClip
from ivr.prompts import PromptLibrary, search_folders
from ivr.prompts import add_commands as add_prompt_commands

DEFAULT_CONFIG = Path("config")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 fine, 1 something is wrong in the input, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="ivr", description="The voice menu of 1414.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_check(commands)
    add_prompt_commands(commands)
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        return 130


def _add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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
        help="where skills.yaml names the topics (default: ./config when it exists)",
    )
    check.add_argument("--prompts", action="store_true", help="check that all audio is there too")
    check.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> int:
    problems = Problems()
    missing = [path for path in arguments.paths if not Path(path).exists()]
    for path in missing:
        problems.error(path, 0, 0, "E01", "there is no such file or folder; check the path")
    topics = _known_topics(arguments.config, problems)
    present = [path for path in arguments.paths if path not in missing]
    config = arguments.config or DEFAULT_CONFIG
    has_clip = _audio_check(present, config) if arguments.prompts else None
    dialplans = load_dialplans(present, problems, topics, has_clip)
    if arguments.json:
        print(json.dumps(problems.as_json(), ensure_ascii=False, indent=2))
    elif len(problems):
        print(problems.render(), file=sys.stderr)
    if not arguments.json:
        _print_summary(problems, len(dialplans))
    return 1 if problems.has_errors else 0


def _print_summary(problems: Problems, dialplan_count: int) -> None:
    errors = problems.error_count
    warnings = len(problems) - errors
    counted = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
    print(f"{_count(dialplan_count, 'dialplan')} good; {counted}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _audio_check(paths: Sequence[str], config: Path) -> HasClip:
    """The prompt library's opinion of each clip, for dialplans in these places."""
    places = [Path(path) if Path(path).is_dir() else Path(path).parent for path in paths]
    folders = [folder for place in places for folder in search_folders(place, config)]
    return PromptLibrary(folders).problem


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


if __name__ == "__main__":
    sys.exit(main())
