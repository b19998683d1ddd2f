"""`make demo`, or `python -m tests.demo --rate 20 --operators 24 --seconds 0 --seed 1414`."""

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent.parent

try:
    from acd.load import Loaded, load
    from acd.problems import Problems
    from acd.run import RunError, check_ports, hold_folder
    from tests.demo.crew import choose
    from tests.demo.routes import Timetable
    from tests.demo.show import Options, Show, first_lines
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] in ("acd", "ivr", "tests"):
        raise
    print(f"demo: {error.name} is not installed here; run `make setup`", file=sys.stderr)
    sys.exit(1)

RATE_MAX = 120.0
SECONDS_MAX = 7 * 86_400.0


class DemoError(Exception):
    """The demo cannot begin; one line with the remedy."""


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong without the usage: it is `make` that was used."""

    def error(self, message: str) -> NoReturn:
        """Exit 2 with one line."""
        self.exit(2, f"demo: {message}\n")


def main(argv: list[str] | None = None) -> int:
    """0 when everything was stopped in order and the calls placed are the calls on record."""
    arguments = parser().parse_args(argv)
    problems = Problems()
    loaded = load(arguments.config, arguments.dialplans, problems, arguments.port_offset)
    if problems.sorted():
        print(problems.render(), file=sys.stderr)
    if loaded is None:
        print("demo: nothing was started; mend the errors above", file=sys.stderr)
        return 1
    try:
        return play(arguments, loaded)
    except (DemoError, RunError) as error:
        print(f"demo: {str(error).replace('make run', 'make demo')}", file=sys.stderr)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"demo: {where}{error.strerror or error}", file=sys.stderr)
    return 1


def play(arguments: argparse.Namespace, loaded: Loaded) -> int:
    """Check what can be checked before anything is started, then begin."""
    settings = loaded.settings
    roster = len(settings.operators)
    if arguments.operators > roster:
        raise DemoError(f"the roster has {roster} operators; take OPERATORS={roster} or fewer")
    os.umask(0o077)  # records and logs hold numbers, as in `acd run`
    hold_folder(settings.service.folder).close()
    check_ports(settings)
    trunk = own_address(settings.service.trunk)
    routes = Timetable(loaded.menu, lambda: datetime.now(UTC))
    if not routes():
        raise DemoError(
            f"no keys of the menu '{loaded.menu.id}' lead to an operator, an answer or a recorder; "
            "`ivr try` plays it"
        )
    crew = choose(settings.rules, settings.service.languages, routes(), arguments.operators)
    options = Options(
        per_minute=arguments.rate,
        seconds=arguments.seconds,
        seed=arguments.seed,
        run=[
            *("--config", str(arguments.config), "--dialplans", str(arguments.dialplans)),
            *("--port-offset", str(arguments.port_offset)),
        ],
    )
    print(first_lines(options, crew, settings.service.folder), flush=True)

    async def show() -> int:
        return await Show(options, loaded, routes, crew, trunk).play()

    return asyncio.run(show())


def own_address(trunk: tuple[str, ...]) -> str:
    """The first trunk address that is this machine's: citizens call from there."""
    for address in trunk:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, 0))
            except OSError:
                continue
            return address
    raise DemoError(
        "no address of 'trunk' in service.yaml is this machine's own, so that nobody can call "
        "from here; add one, as in 127.0.0.2"
    )


def parser() -> argparse.ArgumentParser:
    """The command line; `make demo` gives what was given to make."""
    found = OneLineParser(
        prog="demo",
        description="Starts the system as `make run` does, with operators and citizens in it.",
        allow_abbrev=False,
    )
    add = found.add_argument
    add("--rate", type=_between(0.1, RATE_MAX), default=20.0, help="calls per minute (20)")
    add("--operators", type=_whole(1, 10_000), default=24, help="how many log in (24)")
    add("--seconds", type=_between(0, SECONDS_MAX), default=0.0, help="0: until Ctrl-C (0)")
    add("--seed", type=_whole(0, 2**63), default=1414, help="the same people again (1414)")
    add("--port-offset", type=_whole(0, 60_000), default=0, help="as in `acd run` (0)")
    add("--config", type=Path, default=ROOT / "config", metavar="DIR", help="as in `acd run`")
    add("--dialplans", type=Path, default=ROOT / "dialplans", metavar="DIR", help="likewise")
    return found


def _between(low: float, high: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        try:
            if low <= float(text) <= high:
                return float(text)
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from {low:g} to {high:g}")

    return number


def _whole(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if text.isascii() and text.isdigit() and low <= int(text) <= high:
            return int(text)
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from {low} to {high}")

    return number


if __name__ == "__main__":
    sys.exit(main())
