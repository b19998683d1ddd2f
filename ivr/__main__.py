"""`ivr`: everything about the voice menu from the command line."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

MODULES = {
    "check": "ivr.check",
    "try": "ivr.try_menu",
    "test": "ivr.menu_tests",
    "draw": "ivr.draw",
    "diff": "ivr.diff",
    "prompts": "ivr.prompts",
    "services": "ivr.catalogue",
    "schema": "ivr.schema",
    "funnel": "ivr.funnel",
    "versions": "ivr.versions",
    "rollback": "ivr.versions",
}
"""Which module has a command; only the one that is asked for is loaded."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 fine, 1 something is wrong in the input, 2 wrong usage."""
    words = sys.argv[1:] if argv is None else list(argv)
    parser = argparse.ArgumentParser(prog="ivr", description="The voice menu of 1414.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    wanted = MODULES.get(words[0]) if words else None
    for module in [wanted] if wanted else dict.fromkeys(MODULES.values()):
        import_module(module).add_commands(commands)
    arguments = parser.parse_args(words)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal without Kazakh letters is no error
            stream.reconfigure(errors="backslashreplace")
    try:
        return int(arguments.run(arguments))
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
