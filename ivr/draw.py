"""`ivr draw`: a picture of a whole menu, for a wall, a wiki or a review."""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

from acd.yaml_source import Problems
from ivr.core.menu import Dialplan
from ivr.dialplan import load_dialplan
from ivr.picture import Calls, picture_of
from ivr.picture_dot import as_dot
from ivr.picture_mermaid import as_mermaid

SUFFIXES = (".svg", ".png", ".pdf", ".dot", ".mmd")
DOT_S_MAX = 120


class CannotDraw(Exception):
    """No picture was made; the message says why and what to do."""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Hook `ivr draw` into the command line."""
    parser = commands.add_parser(
        "draw",
        help="draw a menu",
        description="Draws a menu. The end of the name of -o says how: .svg, .png and .pdf need "
        "Graphviz, .dot is its language, .mmd is Mermaid and needs nothing.",
    )
    parser.add_argument("file", metavar="FILE", help="a dialplan")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("--lang", metavar="LANGUAGE", help="the language of the texts")
    parser.add_argument(
        "--all", action="store_true", help="every way as a line, failures and the key 0 too"
    )
    parser.add_argument(
        "--heat", type=Path, metavar="FILE", help="widths by calls, from 'ivr funnel --json'"
    )
    parser.add_argument("--config", type=Path, default=Path("config"), metavar="DIR")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    problems = Problems()
    dialplan = load_dialplan(arguments.file, problems, config=arguments.config)
    if dialplan is None:
        print(problems.render(), file=sys.stderr)
        return 1
    try:
        draw(
            dialplan,
            arguments.output,
            language=arguments.lang,
            shows_all=arguments.all,
            calls=read_heat(arguments.heat, dialplan) if arguments.heat is not None else None,
        )
    except CannotDraw as error:
        print(f"ivr draw: {error}", file=sys.stderr)
        return 1
    return 0


def draw(
    dialplan: Dialplan,
    output: Path,
    *,
    language: str | None = None,
    shows_all: bool = False,
    calls: Calls | None = None,
) -> None:
    """Draw into a file, of the kind its name ends in. Raises `CannotDraw`."""
    if output.suffix not in SUFFIXES:
        raise CannotDraw(f"{output}: the name has to end in one of {', '.join(SUFFIXES)}")
    language = language or dialplan.default_language
    if language not in dialplan.languages:
        known = ", ".join(dialplan.languages)
        raise CannotDraw(f"'{language}' is not a language of this menu; write one of {known}")
    picture = picture_of(dialplan, language, shows_all=shows_all, calls=calls)
    match output.suffix:
        case ".mmd":
            _write(output, as_mermaid(picture).encode())
        case ".dot":
            _write(output, as_dot(picture).encode())
        case suffix:
            _write(output, _rendered(as_dot(picture), suffix.removeprefix(".")))


def read_heat(file: Path, dialplan: Dialplan) -> dict[str, int]:
    """How many calls entered each node, from what `ivr funnel --json` printed.

    Raises `CannotDraw`.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        rows = document["nodes"] if isinstance(document, dict) else document
        counted: dict[str, int] = {}
        for row in rows:  # one for each language or version, when so asked
            if row.get("menu", dialplan.id) == dialplan.id:
                name = str(row["node"])
                counted[name] = counted.get(name, 0) + int(row["entered"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        remedy = "write it with 'ivr funnel --json'"
        raise CannotDraw(f"{file} is no list of nodes with 'entered' ({error}); {remedy}") from None
    if not set(counted) & set(dialplan.nodes):
        raise CannotDraw(f"{file} counts no node of this menu; take the funnel of {dialplan.id}")
    return counted


def _rendered(dot: str, kind: str) -> bytes:
    program = shutil.which("dot")
    if program is None:
        raise CannotDraw(
            "Graphviz is not installed ('dot' is not on the PATH); run 'apt-get install graphviz', "
            "or draw into a .mmd or .dot file"
        )
    try:
        done = subprocess.run(
            [program, f"-T{kind}"], input=dot.encode(), capture_output=True, timeout=DOT_S_MAX
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotDraw(f"'dot' did not draw ({error}); draw into a .dot file") from None
    if done.returncode != 0 or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing was said"]
        raise CannotDraw(f"'dot' did not draw: {said[0]}; draw into a .dot file to look into it")
    return done.stdout


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise CannotDraw(f"{file} cannot be written ({error.strerror}); check its folder") from None
