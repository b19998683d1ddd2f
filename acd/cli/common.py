"""What every command needs: where the service is, how it is asked, how a person is answered."""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from acd.client import TIMEOUT_S, Data, ask
from acd.places import offset_path
from acd.screens import paint

if TYPE_CHECKING:
    from acd.settings import Settings
    from acd.yaml_nodes import Node

Arguments = argparse.Namespace
Commands = Any  # argparse keeps the type of its group of commands to itself

CHECKOUT = Path(__file__).resolve().parent.parent.parent
PORT_OFFSET_MAX = 60_000
DIGITS_MAX = 20
TARGET_S = 30.0
_LISTEN = re.compile(r'^listen: *\{[^#{}\n]*[ ,{]socket: *"([^"\\\n]+)"[^#{}\n]*\}', re.MULTILINE)
_TARGET = re.compile(r"^target: *(\d{1,4})s *(?:#.*)?$", re.MULTILINE)


class CommandError(Exception):
    """Something is wrong in the input or the world; the message is for a person. Exit 1."""


class UsageError(Exception):
    """The command was called in a way it does not know. Exit 2."""


class Place(NamedTuple):
    """What a command has to know of a running service."""

    socket: Path
    target_s: float


def common_options(*, is_top: bool) -> argparse.ArgumentParser:
    """The options that may stand before a command and after it; the later one counts."""
    options = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    options.add_argument(
        "--config",
        type=Path,
        metavar="DIR",
        default=None if is_top else argparse.SUPPRESS,
        help="the folder of service.yaml (default: $ACD_CONFIG, ./config, the checkout's)",
    )
    options.add_argument(
        "--port-offset",
        type=port_offset,
        metavar="N",
        default=None if is_top else argparse.SUPPRESS,
        help="added to every port, so that copies run side by side (default: $ACD_PORT_OFFSET, 0)",
    )
    return options


def port_offset(text: str) -> int:
    """A port offset from the command line or the environment."""
    if text.isascii() and text.isdigit() and int(text) <= PORT_OFFSET_MAX:
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is not a number from 0 to {PORT_OFFSET_MAX}")


def config_folder(arguments: Arguments) -> Path:
    """The config folder in force."""
    if arguments.config is not None:
        return Path(arguments.config)
    configured = os.environ.get("ACD_CONFIG")
    if configured:
        return Path(configured)
    here = Path("config")
    return here if here.is_dir() else CHECKOUT / "config"


def offset_of(arguments: Arguments) -> int:
    """The port offset in force."""
    if arguments.port_offset is not None:
        return int(arguments.port_offset)
    try:
        return port_offset(os.environ.get("ACD_PORT_OFFSET") or "0")
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"ACD_PORT_OFFSET: {error}") from error


def dialplans_folder(arguments: Arguments) -> Path:
    """Where the menus are: beside the config folder unless told otherwise."""
    if arguments.dialplans is not None:
        return Path(arguments.dialplans)
    beside = config_folder(arguments).resolve().parent / "dialplans"
    return beside if beside.is_dir() else CHECKOUT / "dialplans"


def service_place(arguments: Arguments) -> Place:
    """Read where the service listens. The rest of the settings may be broken meanwhile."""
    folder = config_folder(arguments)
    file = folder / "service.yaml"
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        why = error.strerror or error
        raise CommandError(f"{file}: {why}; name the config folder: --config DIR") from error
    path, target_s = quick_look(text) or _parsed(text)
    if path is None:
        raise CommandError(
            f"{file} does not say where the service listens; run: acd check {folder}"
        )
    socket = offset_path(path, offset_of(arguments))
    return Place(folder.resolve().parent / socket, target_s)


def quick_look(text: str) -> tuple[str, float] | None:
    """The socket and the target of a service.yaml written as the shipped one; None for any other.

    Loading PyYAML would double the cost of a command (60 of 100 ms of processor time).
    """
    listens, targets = _LISTEN.findall(text), _TARGET.findall(text)
    if len(listens) != 1 or len(targets) != 1 or text.count("\nlisten:") != 1:
        return None
    return listens[0], float(targets[0])


def _parsed(text: str) -> tuple[str | None, float]:
    from acd.yaml_source import Problems, parse_yaml

    root = parse_yaml(text, "service.yaml", Problems())
    socket = _entry(_entry(root, "listen"), "socket")
    target = _entry(root, "target")
    target_ms = target.duration_ms(1000, 3_600_000) if target is not None else None
    path = socket.sentence() if socket is not None else None
    return path, target_ms / 1000 if target_ms else TARGET_S


def ask_service(
    arguments: Arguments, request: Mapping[str, object], timeout_s: float = TIMEOUT_S
) -> Data:
    """The service's answer to one request. Raises ServiceError."""
    return ask(service_place(arguments).socket, request, timeout_s)


def load_or_fail(arguments: Arguments) -> "Settings":
    """The whole settings, or CommandError with every problem in them."""
    from acd.problems import Problems
    from acd.settings_files import load_settings

    problems = Problems()
    settings = load_settings(config_folder(arguments), problems, port_offset=offset_of(arguments))
    if settings is None:
        raise CommandError(problems.render())
    return settings


def print_json(data: Data, *, is_line: bool = False) -> None:
    """One JSON document, readable, or in one line."""
    print(json.dumps(data, ensure_ascii=False, indent=None if is_line else 2), flush=is_line)


def wants_colour() -> bool:
    """Whether colour is welcome: on a terminal that can, unless NO_COLOR is set."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def paint_if_wanted(text: str, level: int) -> str:
    """The text in the colour of its level where colour is welcome."""
    return paint(text, level) if wants_colour() else text


def expect_row(data: Data, what: str) -> dict[str, Any]:
    """The service's data as one object, or CommandError."""
    if isinstance(data, dict):
        return data
    raise CommandError(f"the service's {what} are not understood; is it another version?")


def expect_rows(data: Data, what: str) -> list[dict[str, Any]]:
    """The service's data as a list of objects, or CommandError."""
    if isinstance(data, list):
        return [expect_row(row, what) for row in data]
    raise CommandError(f"the service's {what} are not understood; is it another version?")


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """For argparse: a whole number in this range."""

    def read(text: str) -> int:
        is_short = len(text) <= DIGITS_MAX  # int() refuses thousands of digits in its own words
        if text.isascii() and text.isdigit() and is_short and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from {least} to {most}")

    return read


def _entry(node: "Node | None", name: str) -> "Node | None":
    entries = node.entries if node is not None else None
    return next((value for key, value in entries or () if key.text == name), None)
