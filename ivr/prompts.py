"""`ivr prompts`: makes the audio of all sentences, and says what is recorded, draft or missing."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from acd.settings_files import load_settings, routable_names
from acd.yaml_source import Problems
from ivr.dialplan import load_dialplans
from ivr.prompt_build import STATES, StatusLine, build, prune, status
from ivr.prompt_library import BadManifest, PromptLibrary, search_folders
from ivr.prompt_texts import Wanted, wanted_clips
from ivr.voices import find_voices

__all__ = ["PromptLibrary", "add_commands", "search_folders"]


class BadInput(Exception):
    """The menus or settings have errors; the message is the located list."""


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Hook `ivr prompts build|status` into the command line; each sets `run(args) -> exit code`."""
    prompts = subparsers.add_parser("prompts", help="build prompt audio, say what is missing")
    verbs = prompts.add_subparsers(dest="verb", required=True, metavar="build|status")
    folders = argparse.ArgumentParser(add_help=False)
    folders.add_argument("--dialplans", type=Path, default=Path("dialplans"), metavar="DIR")
    folders.add_argument("--config", type=Path, default=Path("config"), metavar="DIR")
    maker = verbs.add_parser(
        "build", parents=[folders], help="make a draft of every sentence that has no audio"
    )
    maker.add_argument("--prune", action="store_true", help="remove drafts nobody needs any more")
    maker.add_argument(
        "--redo-drafts", action="store_true", help="make existing drafts anew; recordings stay"
    )
    maker.set_defaults(run=_build)
    teller = verbs.add_parser(
        "status", parents=[folders], help="count drafts, recordings, missing and stale audio"
    )
    teller.add_argument("--json", action="store_true", help="one JSON document")
    teller.set_defaults(run=_status)


def wanted_from(dialplans: Path, config: Path) -> tuple[Wanted, ...]:
    """Every clip that the menus and settings of two folders need. Raises `BadInput`."""
    problems = Problems()
    settings = load_settings(config, problems)
    plans = load_dialplans([dialplans], problems, routable_names(config))
    if problems.has_errors or settings is None:
        raise BadInput(problems.render())
    return wanted_clips(
        plans.values(),
        settings.phrases,
        settings.language_words,
        {str(topic): names for topic, names in settings.topic_names.items()},
    )


def _build(args: argparse.Namespace) -> int:
    """Exit 1 when any clip could not be made; the others are in place."""
    try:
        wanted = wanted_from(args.dialplans, args.config)
        library = PromptLibrary(search_folders(args.dialplans, args.config))
        voices = find_voices(["kk", "ru", "en"], os.environ)
        done = build(wanted, library, voices, redo_drafts=args.redo_drafts, tell=print)
        pruned = prune(wanted, library.folders[0]) if args.prune else []
    except (BadInput, BadManifest) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"ivr prompts: {error.filename} cannot be written ({error.strerror})", file=sys.stderr
        )
        return 1
    for line in done.failed:
        print(f"ivr prompts: {line}", file=sys.stderr)
    removed = f", {len(pruned)} removed" if args.prune else ""
    print(f"{len(done.made)} made, {len(wanted)} wanted{removed}, {len(done.failed)} problems")
    return 1 if done.failed else 0


def _status(args: argparse.Namespace) -> int:
    """Exit 1 when a caller could meet silence: audio is missing or cannot be played."""
    try:
        wanted = wanted_from(args.dialplans, args.config)
        library = PromptLibrary(search_folders(args.dialplans, args.config))
        lines = status(wanted, library)
    except (BadInput, BadManifest) as error:
        print(error, file=sys.stderr)
        return 1
    print(_as_json(lines) if args.json else _as_text(lines))
    return 1 if any(line.state in ("missing", "faulty") for line in lines) else 0


def _as_json(lines: Sequence[StatusLine]) -> str:
    document = {
        "languages": _counts(lines),
        "clips": [
            {
                "state": line.state,
                "language": line.language,
                "id": line.id,
                "text": line.text,
                "used_by": line.used_by or None,
                "seconds": line.seconds,
                "engine": line.engine,
                "detail": line.detail,
            }
            for line in lines
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def _as_text(lines: Sequence[StatusLine]) -> str:
    counts = _counts(lines)
    table = [f"{'language':10}" + "".join(f"{state:>10}" for state in STATES)]
    table += [
        f"{language:10}" + "".join(f"{row[state]:10}" for state in STATES)
        for language, row in counts.items()
    ]
    for line in lines:
        if line.state == "faulty":
            table.append(f"faulty   {line.language}/{line.id}  {line.detail}")
        elif line.state in ("missing", "stale"):
            used_by = f"  ({line.used_by})" if line.used_by else ""
            table.append(f"{line.state:8} {line.language}/{line.id}  {line.text}{used_by}")
    return "\n".join(table)


def _counts(lines: Sequence[StatusLine]) -> dict[str, dict[str, int]]:
    languages = dict.fromkeys(line.language for line in lines)
    return {
        language: {
            state: sum(line.language == language and line.state == state for line in lines)
            for state in STATES
        }
        for language in languages
    }
