"""Runs one command of the menu's command line, as a person would."""

import argparse
from pathlib import Path

DAY = Path(__file__).with_name("day.yaml").read_text(encoding="utf-8")


def run(module, *argv):
    """The exit code of a command that a module adds; usage mistakes exit like argparse."""
    parser = argparse.ArgumentParser(prog="ivr")
    module.add_commands(parser.add_subparsers(dest="command", required=True))
    arguments = parser.parse_args([str(each) for each in argv])
    return arguments.run(arguments)
