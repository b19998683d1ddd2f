"""`acd run`, `serve`, `check`, `reload`, `doctor`: the service itself and what it stands on."""

import sys
from pathlib import Path
from typing import Any

from acd.cli.common import (
    Arguments,
    Commands,
    ask_service,
    common_options,
    config_folder,
    dialplans_folder,
    offset_of,
    paint_if_wanted,
    print_json,
)

RELOAD_S = 120.0
"""A long time to check thousands of sentences; calls do not wait for it."""


def add_commands(commands: Commands) -> None:
    """Hook these commands into the command line."""
    options = common_options(is_top=False)
    for name, help_, run in (
        ("run", "start Asterisk and the service here; Ctrl-C stops both", _run),
        ("serve", "start the service alone, for an Asterisk that runs already", _serve),
    ):
        starter = commands.add_parser(name, help=help_, parents=[options], allow_abbrev=False)
        starter.add_argument(
            "--dialplans", type=Path, metavar="DIR", help="the menus (default: beside the config)"
        )
        starter.set_defaults(run=run)
    check = commands.add_parser(
        "check",
        help="find everything that is wrong in the settings",
        parents=[options],
        allow_abbrev=False,
    )
    check.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="the config folder")
    check.add_argument("--json", action="store_true", help="the problems as one JSON array")
    check.set_defaults(run=_check)
    reload = commands.add_parser(
        "reload",
        help="have the service read settings and menus again, all or nothing",
        parents=[options],
        allow_abbrev=False,
    )
    reload.add_argument("--json", action="store_true", help="what was read, as JSON")
    reload.set_defaults(run=_reload)
    doctor = commands.add_parser(
        "doctor",
        help="check this machine and the running service, with a remedy for each trouble",
        parents=[options],
        allow_abbrev=False,
    )
    doctor.add_argument(
        "--dialplans", type=Path, metavar="DIR", help="the menus (default: beside the config)"
    )
    doctor.add_argument("--json", action="store_true", help="one JSON object")
    doctor.set_defaults(run=_doctor)


def _run(arguments: Arguments) -> int:
    from acd.run import run

    return run(config_folder(arguments), dialplans_folder(arguments), offset_of(arguments))


def _serve(arguments: Arguments) -> int:
    from acd.serve import serve

    return serve(config_folder(arguments), dialplans_folder(arguments), offset_of(arguments))


def _check(arguments: Arguments) -> int:
    from acd.problems import Problems
    from acd.settings_files import load_settings

    folder = arguments.folder or config_folder(arguments)
    problems = Problems()
    settings = load_settings(folder, problems, port_offset=offset_of(arguments))
    if arguments.json:
        print_json(problems.as_json())
    elif len(problems):
        print(problems.render(), file=sys.stderr)
    if settings is None:
        if not arguments.json:
            print(f"{folder} cannot be used: {_count(problems.error_count, 'error')}")
        return 1
    if not arguments.json:
        parts = (
            _count(len(settings.operators), "operator"),
            _count(len(settings.queues), "queue"),
            _count(len(settings.topic_names), "topic"),
            _count(len(settings.shifts), "shift"),
        )
        warnings = f"; {_count(len(problems), 'warning')}" if len(problems) else ""
        print(f"{folder} is fine: {', '.join(parts)}{warnings}")
    return 0


def _reload(arguments: Arguments) -> int:
    data: Any = ask_service(arguments, {"do": "reload"}, RELOAD_S)
    if arguments.json:
        print_json(data)
        return 0
    told = data if isinstance(data, dict) else {}
    if told.get("warnings"):
        print(told["warnings"], file=sys.stderr)
    menu = f", menu {told['menu']} version {told.get('version')}" if told.get("menu") else ""
    print(f"reloaded{menu}")
    if told.get("changed"):
        print(f"changed: {', '.join(told['changed'])}")
    if told.get("restart_needed"):
        what = "; ".join(told.get("restart_for") or ["service.yaml or the list of phones"])
        print(f"restart the service to use what has changed in {what}")
    return 0


def _doctor(arguments: Arguments) -> int:
    from acd.doctor import examine

    report = examine(config_folder(arguments), dialplans_folder(arguments), offset_of(arguments))
    if arguments.json:
        print_json(report.as_json())
        return 0 if report.is_fine else 1
    for check in report.checks:
        mark = "ok" if check.ok else "PROBLEM"
        print(paint_if_wanted(f"{mark:8} {check.name:14} {check.detail}", 0 if check.ok else 2))
        if check.remedy is not None:
            print(f"{'':8} {'':14} -> {check.remedy}")
    if not report.is_fine:
        troubled = [check.name for check in report.checks if not check.ok]
        print(f"{_count(len(troubled), 'problem')}: {', '.join(troubled)}", file=sys.stderr)
        return 1
    print(f"all is well; call {report.number}: sip:{report.number}@{report.sip}")
    return 0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
