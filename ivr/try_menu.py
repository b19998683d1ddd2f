"""`ivr try`: talks to a menu in the terminal, with keys given beforehand or by a person."""

import argparse
import json
import re
import sys
import textwrap
from pathlib import Path

from acd.yaml_source import Problems
from ivr.core.expressions import Value
from ivr.core.menu import Dialplan
from ivr.core.steps import Note, Warned
from ivr.dialplan import load_dialplan
from ivr.menu_test_write import BadTestFile, add_test
from ivr.player import (
    Heard,
    MenuStuck,
    Outcome,
    Player,
    estimated_ms,
    measured_ms,
    outcome_as_json,
    step_as_json,
    text_heard,
)
from ivr.prompt_library import PromptLibrary, search_folders
from ivr.trial import BadOption, Trial, add_trial_options, trial_of
from ivr.try_person import talk

SILENCE = "-"
WIDTH = 88

_TOKEN = re.compile(r"!?[0-9*#]+|-")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Hook `ivr try` into the command line."""
    parser = commands.add_parser(
        "try",
        help="talk to a menu in the terminal",
        description="Plays a menu as a caller hears it. Without --keys the keyboard is the "
        "telephone: 0-9, * and # are keys, Enter lets the time pass, ? tells where you are, "
        "q hangs up.",
    )
    parser.add_argument("file", metavar="FILE", help="a dialplan")
    parser.add_argument(
        "--keys",
        metavar="KEYS",
        help='keys to press, as in "1 12# -": a token is dialled when its prompt has been heard, '
        "- is one time-out of silence, !1 presses during the prompt",
    )
    add_trial_options(parser)
    parser.add_argument(
        "--after-operator",
        action="store_true",
        help="after a queue, go on with what follows when the operator has hung up",
    )
    parser.add_argument(
        "--overflow", action="store_true", help="no operator can come: go on with on_overflow"
    )
    parser.add_argument("--fast", action="store_true", help="do not wait while a prompt is spoken")
    parser.add_argument(
        "--measured", action="store_true", help="lengths of the built audio, not estimates"
    )
    parser.add_argument("--repro", metavar="FILE", type=Path, help="write the call as a test")
    parser.add_argument("--json", action="store_true", help="one JSON document, with --keys")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    problems = Problems()
    dialplan = load_dialplan(arguments.file, problems, config=arguments.config)
    if dialplan is None:
        print(problems.render(), file=sys.stderr)
        return 1
    try:
        tokens = _tokens(arguments.keys)
        trial = trial_of(arguments, dialplan)
        if arguments.json and tokens is None:
            raise BadOption('--json needs --keys; write --keys "" for a caller who presses nothing')
    except BadOption as error:
        print(f"ivr try: {error}", file=sys.stderr)
        return 1
    player = _player(arguments, dialplan, trial)
    try:
        if tokens is None:
            talk(player, sys.stdin, sys.stdout, is_fast=arguments.fast)
        else:
            _play(player, tokens, arguments)
        if arguments.repro is not None:
            add_test(arguments.repro, Path(arguments.file), player, trial)
    except (MenuStuck, BadTestFile) as error:
        print(f"ivr try: {error}", file=sys.stderr)
        return 1
    if tokens is not None:
        _show(player, trial, is_json=arguments.json)
    return 0


def _tokens(keys: str | None) -> list[str] | None:
    """The tokens of `--keys`; None when a person plays. Raises `BadOption`."""
    if keys is None:
        return None
    tokens = keys.split()
    for token in tokens:
        if not _TOKEN.fullmatch(token):
            raise BadOption(
                f"--keys: '{token}' is no key; write 0-9, * and #, - for silence, "
                f'with spaces between, as in "1 12# -"'
            )
    return tokens


def _player(arguments: argparse.Namespace, dialplan: Dialplan, trial: Trial) -> Player:
    folder = Path(arguments.file).parent
    library = PromptLibrary(search_folders(folder, arguments.config))
    return Player(
        dialplan,
        facts=trial.scene.facts(dialplan),
        language=trial.scene.caller.language,
        answers=trial.answers,
        clip_ms=measured_ms(library) if arguments.measured else estimated_ms,
    )


def _play(player: Player, tokens: list[str], arguments: argparse.Namespace) -> None:
    """Every token, then silence to the end."""
    player.start()
    may_go_on = arguments.after_operator or arguments.overflow
    waiting = list(tokens)
    while waiting or not player.is_over:
        if player.is_over:
            if not may_go_on or not _leave_queue(player, arguments):
                break
            may_go_on = False
            continue
        token = waiting.pop(0) if waiting else None
        if token is None:
            player.play_out()
        elif token == SILENCE:
            player.silence()
        else:
            player.dial(token.removeprefix("!"), at_once=token.startswith("!"))
    if may_go_on and _leave_queue(player, arguments):
        player.play_out()


def _leave_queue(player: Player, arguments: argparse.Namespace) -> bool:
    return player.overflow() if arguments.overflow else player.after_operator()


def _show(player: Player, trial: Trial, *, is_json: bool) -> None:
    assert player.outcome is not None
    warned = [each for each in player.untimed if isinstance(each, Warned)]
    if is_json:
        document: dict[str, Value] = {
            "steps": [
                step_as_json(note, sentences)
                for note, sentences in zip(player.notes, player.sentences, strict=True)
            ],
            "outcome": outcome_as_json(player.outcome),
            "at": trial.scene.at.isoformat(timespec="minutes"),
            "seconds": round(player.now_ms / 1000, 3),
            "warnings": [{"node": each.node, "message": each.message} for each in warned],
        }
        print(json.dumps(document, ensure_ascii=False, indent=2))
        return
    number = trial.scene.caller.number or "a withheld number"
    print(f"{player.dialplan.id}, {trial.scene.at:%A %Y-%m-%d %H:%M}, a call from {number}")
    for note, sentences in zip(player.notes, player.sentences, strict=True):
        for line in note_lines(note, sentences):
            print(line)
    for each in warned:
        print(f"warning: {each.node}: {each.message}", file=sys.stderr)
    print(outcome_in_words(player.outcome, player.now_ms))


def note_lines(note: Note, sentences: list[Heard]) -> list[str]:
    """One step of a transcript as it is printed."""
    head = f"{note.at_ms / 1000:7.1f} s  {note.node} ({note.language})"
    lines = [head if note.attempt == 1 else f"{head}, play {note.attempt}"]
    for sentence in sentences:
        lines += textwrap.wrap(
            text_heard(sentence), WIDTH, initial_indent=" " * 11 + "“", subsequent_indent=" " * 12
        )
        lines[-1] += "”"
    happened = [f"key {note.key}"] if note.key else []
    happened += [note.result] if note.result else []
    happened += [note.reason.replace("_", " ")] if note.reason else []
    if happened:
        lines.append(" " * 11 + "→ " + ", ".join(happened))
    return lines


def outcome_in_words(outcome: Outcome, now_ms: int) -> str:
    """How a call ended, in one line."""
    parts: list[str] = [outcome.type]
    if outcome.topic is not None:
        parts.append(f"topic {outcome.topic}")
    if outcome.number is not None:
        parts.append(f"number {outcome.number}")
    parts.append(f"language {outcome.language}")
    if outcome.priority_s is not None:
        parts.append(f"priority {outcome.priority_s} s")
    return f"{now_ms / 1000:7.1f} s  {', '.join(parts)}"
