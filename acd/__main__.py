"""`acd`: the service and everything ops and admins do with it, from the command line."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from acd.cli.common import CommandError, UsageError, common_options
from acd.client import ServiceError

MODULES = {
    "machine": ("run", "serve", "check", "reload", "doctor"),
    "monitor": ("monitor",),
    "listings": ("queues", "operators", "callers", "calls"),
    "calls": ("call",),
    "operators": ("operator",),
    "callbacks": ("callback",),
    "phones": ("phone",),
    "messages": ("messages",),
    "recordings": ("recording",),
    "handover": ("fallback", "drain"),
    "switches": ("broadcast", "override"),
    "shifts": ("shift",),
    "simulate": ("simulate",),
    "staff": ("staff",),
    "forecast": ("forecast",),
    "trace": ("trace",),
}
"""Which module of `acd.cli` has which commands; a quarter of a command's time is saved by it."""

SIMULATING = ("simulate", "staff")
"""They use the compiled simulator where there is one."""

STOPPED = 130
"""The exit status shells expect of a program that was interrupted."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 fine, 1 something is wrong in the input or the world, 2 wrong usage."""
    for output in (sys.stdout, sys.stderr):
        if hasattr(output, "reconfigure"):
            # In a terminal without Cyrillic a letter becomes \u0436, which JSON reads as well.
            output.reconfigure(errors="backslashreplace")
    try:
        status = _run(sys.argv[1:] if argv is None else list(argv), is_alone=argv is None)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Whoever read has enough; Python would complain when it closes the output at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except KeyboardInterrupt:
        return STOPPED
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    except UsageError as error:
        print(f"acd: {error}", file=sys.stderr)
        return 2
    except (CommandError, ServiceError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"acd: {where}{error.strerror or error}", file=sys.stderr)
        return 1
    except Exception as error:
        print(_unexpected(error), file=sys.stderr)
        return 1


def parser(command: str = "") -> argparse.ArgumentParser:
    """The command line: of one command when it is known, otherwise the whole."""
    top = argparse.ArgumentParser(
        prog="acd",
        description="Call distribution of the 1414 contact centre.",
        parents=[common_options(is_top=True)],
        allow_abbrev=False,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    wanted = [name for name, its in MODULES.items() if command in its] or list(MODULES)
    for name in wanted:
        importlib.import_module(f"acd.cli.{name}").add_commands(commands)
    return top


def _run(argv: list[str], *, is_alone: bool) -> int:
    """`is_alone`: nobody else in this process goes by the modules that a command takes."""
    arguments = parser(argv[0] if argv else "").parse_args(_with_sort_value(argv))
    if is_alone and arguments.command in SIMULATING:
        from acd.sim import compiled

        compiled.use()
    status: int = arguments.run(arguments)
    return status


def _with_sort_value(argv: list[str]) -> list[str]:
    """`--sort -key` as `--sort=-key`: argparse takes the value for an option."""
    joined: list[str] = []
    for word in argv:
        if joined and joined[-1] == "--sort" and word.startswith("-") and word[1:2].isalpha():
            joined[-1] = f"--sort={word}"
        else:
            joined.append(word)
    return joined


def _unexpected(error: Exception) -> str:
    """One line about a fault of ours; the details go to a file."""
    import tempfile
    import traceback

    what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    try:
        handle, name = tempfile.mkstemp(prefix="acd-error-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write("".join(traceback.format_exception(error)))
    except OSError:
        return f"acd: an unexpected error ({what}); please report it"
    return f"acd: an unexpected error ({what}); please report it with {Path(name)}"


if __name__ == "__main__":
    sys.exit(main())
