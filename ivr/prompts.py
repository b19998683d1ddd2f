"""`ivr prompts`: makes the audio of all sentences, says how they stand, writes the script."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from acd.broadcast_texts import read_broadcasts, wanted_for
from acd.clock import monotonic_s
from acd.load import queue_clips
from acd.settings_files import load_settings, routable_names
from acd.yaml_source import Problems
from ivr.core.speech import LANGUAGES
from ivr.dialplan import load_dialplans
from ivr.progress import Progress
from ivr.prompt_build import Built, build, prune
from ivr.prompt_library import BadManifest, PromptLibrary, search_folders
from ivr.prompt_recordings import FOLDER, find_recordings
from ivr.prompt_script import write_script
from ivr.prompt_status import STATES, StatusLine, status
from ivr.prompt_texts import Wanted, wanted_clips
from ivr.voices import find_voices

__all__ = ["PromptLibrary", "add_commands", "search_folders"]


class BadInput(Exception):
    """The menus or settings have errors; the message is the located list."""


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Hook `ivr prompts` into the command line; each verb sets `run(args) -> exit code`."""
    prompts = subparsers.add_parser(
        "prompts", help="build prompt audio, say what is missing, write the recording script"
    )
    verbs = prompts.add_subparsers(dest="verb", required=True, metavar="build|status|script")
    folders = argparse.ArgumentParser(add_help=False)
    folders.add_argument("--dialplans", type=Path, default=Path("dialplans"), metavar="DIR")
    folders.add_argument("--config", type=Path, default=Path("config"), metavar="DIR")
    maker = verbs.add_parser(
        "build",
        parents=[folders],
        help="bring recordings into form, and make a draft of every sentence that has no audio",
        description=f"Recordings lie in DIALPLANS/{FOLDER}/LANGUAGE/, named by id or by number of "
        "the script; any sound file will do. Drafts are made by this machine's speech engines.",
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
    writer = verbs.add_parser(
        "script",
        parents=[folders],
        help="write the recording script: a table for you, a text for each voice actor",
    )
    writer.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help=f"where to (default: {FOLDER}/ beside the menus, where recordings are looked for)",
    )
    writer.set_defaults(run=_script)


def wanted_from(dialplans: Path, config: Path) -> tuple[Wanted, ...]:
    """Every clip that the menus and settings of two folders need. Raises `BadInput`."""
    problems = Problems()
    settings = load_settings(config, problems)
    plans = load_dialplans([dialplans], problems, routable_names(config), config=config)
    languages = settings.service.languages if settings is not None else LANGUAGES
    broadcasts = read_broadcasts(dialplans, languages, problems)
    if problems.has_errors or settings is None:
        raise BadInput(problems.render())
    wanted = wanted_clips(
        plans.values(),
        settings.phrases,
        settings.language_words,
        {str(topic): names for topic, names in settings.topic_names.items()},
        queue_clips(settings),
    )
    known = {each.clip for each in wanted}
    return (*wanted, *(each for each in wanted_for(broadcasts) if each.clip not in known))


def _build(args: argparse.Namespace) -> int:
    """Exit 1 when any clip could not be made; the others are in place."""
    progress = Progress(sys.stdout, lambda: int(monotonic_s() * 1000))
    try:
        wanted = wanted_from(args.dialplans, args.config)
        library = PromptLibrary(search_folders(args.dialplans, args.config))
        try:
            done = build(
                wanted,
                library,
                find_voices(LANGUAGES, os.environ),
                recordings=find_recordings(args.dialplans / FOLDER, LANGUAGES),
                redo_drafts=args.redo_drafts,
                tell=progress,
            )
        finally:
            progress.close()
        pruned = prune(wanted, library.folders[0]) if args.prune else []
    except (BadInput, BadManifest) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        where, why = error.filename or "the folder of prompts", error.strerror or error
        print(f"ivr prompts: {where} cannot be written ({why})", file=sys.stderr)
        return 1
    for line in (*done.failed, *_strays(library.folders[0])):
        print(f"ivr prompts: {line}", file=sys.stderr)
    print(_summary(done, len(wanted), len(pruned) if args.prune else None))
    return 1 if done.failed else 0


def _summary(done: Built, wanted: int, pruned: int | None) -> str:
    removed = "" if pruned is None else f", {pruned} removed"
    problems = "1 problem" if len(done.failed) == 1 else f"{len(done.failed)} problems"
    return f"{len(done.made)} made, {wanted} wanted{removed}, {problems}"


def _strays(folder: Path) -> list[str]:
    """Sound in the folder of finished prompts that nobody looks at, and where it belongs."""
    return [
        f"{path}: only {FOLDER}/ is looked through for recordings; "
        f"move it to {folder.parent / FOLDER / path.parent.name / path.name}"
        for path in sorted(folder.glob("*/*.wav"))
    ]


def _status(args: argparse.Namespace) -> int:
    """Exit 1 when a caller could meet silence: audio is missing or cannot be played."""
    lines = _lines(args)
    if lines is None:
        return 1
    print(_as_json(lines) if args.json else _as_text(lines))
    return 1 if any(line.state in ("missing", "faulty") for line in lines) else 0


def _script(args: argparse.Namespace) -> int:
    lines = _lines(args)
    if lines is None:
        return 1
    folder: Path = args.output or args.dialplans / FOLDER
    try:
        written = write_script(lines, folder)
    except OSError as error:
        print(
            f"ivr prompts: {error.filename} cannot be written ({error.strerror})", file=sys.stderr
        )
        return 1
    for path in written:
        print(path)
    to_record = sum(bool(line.used_by) and line.state != "recorded" for line in lines)
    print(f"{to_record} sentences to record; put the files into {folder}/LANGUAGE/")
    return 0


def _lines(args: argparse.Namespace) -> list[StatusLine] | None:
    """How everything stands; None when that cannot be told, which has then been said."""
    try:
        wanted = wanted_from(args.dialplans, args.config)
        return status(wanted, PromptLibrary(search_folders(args.dialplans, args.config)))
    except (BadInput, BadManifest) as error:
        print(error, file=sys.stderr)
        return None


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
            notes = "; ".join(note for note in (line.used_by, line.detail) if note)
            table.append(f"{line.state:8} {line.language}/{line.id}  {line.text}  ({notes})")
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
