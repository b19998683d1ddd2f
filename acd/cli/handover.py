"""`acd fallback` and `acd drain`: callers go to Asterisk's own queue, on purpose."""

import re
import time

from acd.cli.common import (
    Arguments,
    CommandError,
    Commands,
    UsageError,
    ask_service,
    common_options,
    expect_row,
    print_json,
)
from acd.client import ServiceError

LOOK_S = 1.0
_LIMIT = re.compile(r"(\d{1,4})(s|m)")


def add_commands(commands: Commands) -> None:
    """Hook these commands into the command line."""
    options = common_options(is_top=False)
    fallback = commands.add_parser(
        "fallback",
        help="send callers to Asterisk's own queue (a drill), or take them again",
        description="With `on` waiting callers and new ones go to Asterisk's own queue, within "
        "5 s, and are rung for there by the operators logged in; conversations go on. With `off` "
        "new callers are ours again. Without either: how it stands.",
        parents=[options],
        allow_abbrev=False,
    )
    fallback.add_argument("state", nargs="?", choices=("on", "off"))
    fallback.add_argument("--json", action="store_true", help="how it stands, as JSON")
    fallback.set_defaults(run=_fallback)
    drain = commands.add_parser(
        "drain",
        help="no new offers, finish the calls, then stop the service",
        description="Callers go to Asterisk's own queue, conversations are finished, then the "
        "service stops. Asterisk goes on. With --restart `acd run` starts it again at once, in "
        "the version installed by then.",
        parents=[options],
        allow_abbrev=False,
    )
    drain.add_argument("--restart", action="store_true", help="start it again afterwards")
    drain.add_argument(
        "--limit", default="15m", metavar="TIME", help="stop at the latest then: 90s, 15m (default)"
    )
    drain.add_argument("--json", action="store_true", help="what was going on, as JSON, at once")
    drain.set_defaults(run=_drain)


def _fallback(arguments: Arguments) -> int:
    request = {"do": "fallback"}
    on = None if arguments.state is None else arguments.state == "on"
    data = expect_row(ask_service(arguments, {**request, "on": on}), "words")
    if arguments.json:
        print_json(data)
    elif data["on"]:
        print("the fallback is on: callers go to Asterisk's own queue; `acd fallback off` ends it")
    else:
        print("the fallback is off: callers are ours")
    return 0


def _drain(arguments: Arguments) -> int:
    request = {"do": "drain", "limit_s": _seconds(arguments.limit), "restart": arguments.restart}
    left = expect_row(ask_service(arguments, request), "words")
    if arguments.json:
        print_json(left)
        return 0
    said = ""
    while True:
        sentence = (
            f"draining: {left['talking']} in conversation, {left['ringing']} being rung for, "
            f"{left['waiting']} on the way to Asterisk's own queue, {left['in_menu']} in the menu"
        )
        if sentence != said:
            print(sentence, flush=True)
        said = sentence
        time.sleep(LOOK_S)
        try:
            left = expect_row(ask_service(arguments, request), "words")
        except (CommandError, ServiceError):
            print("the service has stopped; the last calls are on record")
            return 0


def _seconds(limit: str) -> int:
    match = _LIMIT.fullmatch(limit)
    seconds = int(match[1]) * (60 if match[2] == "m" else 1) if match else 0
    if not 1 <= seconds <= 3600:
        raise UsageError(f"--limit {limit!r}: write a time from 1s to 60m, as in 90s or 15m")
    return seconds
