"""`ivr check` on a menu far larger than ours, beside reading the same files and nothing more."""

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.stages import ROOT
from tests.unit.big_menus import big_menu

PYTHON = (sys.executable, "-c")
READ = """\
import csv, sys, yaml
with open(sys.argv[1], encoding="utf-8") as file:
    yaml.load(file, yaml.{loader})
with open(sys.argv[2], encoding="utf-8", newline="") as file:
    list(csv.DictReader(file))
"""


class CommandError(RuntimeError):
    """A command failed that has to succeed for its time to mean anything."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took from its start to its end, Python's own start included."""

    wall_s: float
    cpu_s: float


def check_costs(
    folder: Path, node_count: int, row_count: int, rounds: int
) -> list[tuple[str, Cost]]:
    """Each command by its name, in turns; the middle of its rounds."""
    folder.mkdir()
    big_menu(folder, node_count, row_count)
    files = (str(folder / "big.yaml"), str(folder / "services.csv"))
    commands = {
        "python, nothing done": (*PYTHON, "pass"),
        "yaml.CSafeLoader + csv": (*PYTHON, READ.format(loader="CSafeLoader"), *files),
        "yaml.SafeLoader + csv": (*PYTHON, READ.format(loader="SafeLoader"), *files),
        "ivr check": (sys.executable, "-m", "ivr", "check", files[0], "--json"),
    }
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            costs[name].append(cost_of(command))
    return [(name, _middle(found)) for name, found in costs.items()]


def cost_of(command: tuple[str, ...]) -> Cost:
    """Run it to its end, which has to be a good one."""
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise CommandError(f"{' '.join(command[1:4])} ended with {process.returncode}")
    return Cost(wall_s, used.ru_utime + used.ru_stime)


def _middle(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.wall_s for cost in costs),
        statistics.median(cost.cpu_s for cost in costs),
    )
