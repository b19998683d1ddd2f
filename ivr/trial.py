"""The options that say in which world a menu is tried: the hour, the caller, settings, queues."""

import argparse
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from acd.broadcast_texts import FILE as BROADCASTS
from acd.broadcast_texts import read_broadcasts
from acd.clock import wall_seconds
from acd.problems import near_miss
from acd.yaml_source import Problems
from ivr.core.expressions import Value
from ivr.core.menu import Dialplan, Texts
from ivr.facts import ORDINARY_DAY, QUEUE_FIGURES, SCOPES, SOME_NUMBER, Caller, Scene, value_of
from ivr.player import Answers

WITHHELD = "withheld"


class BadOption(Exception):
    """An option that cannot be used; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A world to try a menu in: what it can find out, and what it is answered."""

    scene: Scene
    answers: Answers


def add_trial_options(parser: argparse.ArgumentParser) -> None:
    """The options of `ivr try` that `trial_of` reads."""
    parser.add_argument("--lang", metavar="LANGUAGE", help="the caller's language is known")
    parser.add_argument(
        "--at", metavar="TIME", help=f"local time, {ORDINARY_DAY:%Y-%m-%dT%H:%M} if not given; now"
    )
    parser.add_argument("--caller", metavar="NUMBER", help=f"who calls; '{WITHHELD}' hides it")
    parser.add_argument("--profile", metavar="NAME", help="the profile on record for the caller")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a fact such as config.sms.url=http://127.0.0.1:8080 or schedule.night=true",
    )
    parser.add_argument(
        "--queue",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="the state of a queue, such as general.predicted_wait_s=45",
    )
    parser.add_argument(
        "--broadcast",
        action="append",
        default=[],
        metavar="ID",
        help=f"switch on a text of {BROADCASTS} beside the dialplan",
    )
    parser.add_argument("--config", type=Path, default=Path("config"), metavar="DIR")
    parser.add_argument(
        "--http", metavar="JSON", help="what other houses answer; not given: no answer in time"
    )
    parser.add_argument("--no-callback", action="store_true", help="no call backs are taken now")
    parser.add_argument(
        "--transfer",
        choices=("taken", "busy", "noanswer"),
        default="taken",
        help="what becomes of a transfer",
    )


def trial_of(arguments: argparse.Namespace, dialplan: Dialplan) -> Trial:
    """The world the options describe. Raises `BadOption`."""
    scene = Scene(
        at=_moment(arguments.at, dialplan),
        caller=_caller(arguments, dialplan),
        broadcasts=broadcast_texts(Path(arguments.file).parent, arguments.broadcast, dialplan),
        known=dict(
            [
                *(_fact(text, dialplan) for text in arguments.set),
                *(_queue_fact(text) for text in arguments.queue),
            ]
        ),
    )
    answers = Answers(
        http=_json(arguments.http),
        takes_callbacks=not arguments.no_callback,
        transfer=arguments.transfer,
    )
    return Trial(scene, answers)


def broadcast_texts(folder: Path, ids: list[str], dialplan: Dialplan) -> tuple[Texts, ...]:
    """The texts of broadcasts that are prepared beside the dialplans. Raises `BadOption`."""
    if not ids:
        return ()
    problems = Problems()
    known = read_broadcasts(folder, dialplan.languages, problems)
    if problems.has_errors:
        raise BadOption(problems.render())
    for name in ids:
        if name not in known:
            remedy = near_miss(name, known) or f"; known: {', '.join(known) or 'none'}"
            raise BadOption(f"there is no broadcast '{name}' in {folder / BROADCASTS}{remedy}")
    return tuple(known[name] for name in ids)


def _moment(text: str | None, dialplan: Dialplan) -> datetime:
    if text is None:
        return ORDINARY_DAY
    if text == "now":
        local = datetime.fromtimestamp(wall_seconds(), ZoneInfo(dialplan.timezone))
        return local.replace(tzinfo=None)
    moment = local_time(text)
    if moment is None:
        raise BadOption(f"--at '{text}' is not a time; write it as in 2026-11-23T23:10, or now")
    return moment


def local_time(text: str) -> datetime | None:
    """A local time, `2026-11-23T23:10` or with a space; None when the text is none."""
    for form in ("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"):
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - local, the zone is the dialplan's
        except ValueError:
            continue
    return None


def _caller(arguments: argparse.Namespace, dialplan: Dialplan) -> Caller:
    language = arguments.lang
    if language is not None and language not in dialplan.languages:
        known = ", ".join(dialplan.languages)
        raise BadOption(f"--lang '{language}' is not a language of this menu; write one of {known}")
    number = SOME_NUMBER if arguments.caller is None else arguments.caller
    if number != WITHHELD and not number.removeprefix("+").isdecimal():
        raise BadOption(f"--caller '{number}' is not a number; write digits, or '{WITHHELD}'")
    if arguments.profile is not None and arguments.profile not in dialplan.profiles:
        remedy = near_miss(arguments.profile, dialplan.profiles) or ""
        raise BadOption(f"this menu has no profile '{arguments.profile}'{remedy}")
    return Caller("" if number == WITHHELD else number, language, arguments.profile)


def _fact(text: str, dialplan: Dialplan) -> tuple[str, Value]:
    name, sign, value = text.partition("=")
    scope, _, rest = name.partition(".")
    if not sign or not rest or scope not in SCOPES:
        raise BadOption(f"--set '{text}' sets nothing; write it as in config.sms.url=http://...")
    if scope == "schedule" and rest not in dialplan.schedules:
        remedy = near_miss(rest, dialplan.schedules) or ""
        raise BadOption(f"--set '{text}': this menu has no schedule '{rest}'{remedy}")
    return name, value_of(value)


def _queue_fact(text: str) -> tuple[str, Value]:
    name, sign, value = text.partition("=")
    queue, _, figure = name.rpartition(".")
    if not sign or not queue or figure not in QUEUE_FIGURES:
        figures = ", ".join(QUEUE_FIGURES)
        raise BadOption(
            f"--queue '{text}' says nothing of a queue; write QUEUE.FIGURE=NUMBER, "
            f"the figure being one of {figures}"
        )
    return f"queue.{name}", value_of(value)


def _json(text: str | None) -> Value:
    if text is None:
        return None
    try:
        value: Value = json.loads(text)
    except ValueError as error:
        raise BadOption(
            f"--http is not JSON ({error}); write it as in '{{\"ok\": true}}'"
        ) from None
    return value
