"""A crowd of callers in a process of its own that grows by stages; both ends of what it is told.

The measuring process writes `grow COUNT`; the crowd brings itself to that many callers and says
`grown`. To `measure SECONDS` it answers with its figures, one line of JSON. At the end of its input
it goes. Growing and not starting anew: what one stage leaves behind is in the next one too,
as on a working day.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import uvloop

from tests.bench import machine
from tests.bench.figures import MACHINE

ROOT = Path(__file__).resolve().parent.parent.parent
END_S = 30.0
GROW_S = 120.0
"""How long a crowd may take to do what it was told, besides measuring."""


class CrowdError(RuntimeError):
    """The crowd did not do what it was told; it has said why on stderr."""


# In the process of the crowd


class Crowd(Protocol):
    """Callers who come, stay and are counted."""

    async def grow(self, count: int) -> None:
        """Return when there are so many callers in the menu."""

    def begin(self) -> None:
        """Forget what was counted so far."""

    def figures(self) -> dict[str, Any]:
        """What was counted since `begin`."""

    async def end(self) -> None:
        """Everybody hangs up."""


def serve(make: Callable[[], Crowd]) -> None:
    """Do what stdin says until it ends. Each caller needs sockets: as many as are allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        uvloop.run(_serve(make))
    except CrowdError as error:
        sys.exit(f"bench: {error}")
    except BrokenPipeError:  # whoever measures was stopped: nobody wants the figures any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _serve(make: Callable[[], Crowd]) -> None:
    crowd = make()
    loop = asyncio.get_running_loop()
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            word, number = line.split()
            if word == "grow":
                await crowd.grow(int(number))
                print("grown", flush=True)
            else:
                crowd.begin()
                await asyncio.sleep(float(number))
                print(json.dumps(crowd.figures()), flush=True)
    finally:
        await crowd.end()


# In the measuring process


@dataclass(slots=True)
class Stage:
    """One stage: what the crowd counted, and the cores and the memory each process took.

    `cores` is by process, "machine" all programs of this machine; `memory_kib` at the end.
    """

    count: int
    seconds: float
    figures: dict[str, Any]
    cores: dict[str, float] = field(default_factory=dict)
    memory_kib: dict[str, int] = field(default_factory=dict)


class Driver:
    """Starts a crowd and takes it through its stages; `pids` are those whose time is looked at."""

    def __init__(self, module: str, *words: str, pids: dict[str, int]) -> None:
        self._command = [sys.executable, "-m", module, *words]
        self._pids = pids
        self._process: subprocess.Popen[str] | None = None
        self._count = 0

    def __enter__(self) -> "Driver":
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,  # Ctrl-C is ours: the crowd ends with its input
        )
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        try:
            process.stdin.close()
            process.wait(END_S)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
        process.wait()

    def grow(self, count: int) -> None:
        """Until there are so many callers."""
        self._tell(f"grow {count}")
        self._hear(GROW_S, "grown")
        self._count = count

    def measure(self, seconds: float) -> Stage:
        """With the callers there are now."""
        assert self._process is not None
        pids = {**self._pids, "callers": self._process.pid}
        self._tell(f"measure {seconds}")
        began, busy, before = time.monotonic(), machine.busy_s(), _cpu(pids)
        figures = json.loads(self._hear(seconds + GROW_S))
        elapsed = time.monotonic() - began
        cores = {name: (used - before[name]) / elapsed for name, used in _cpu(pids).items()}
        cores[MACHINE] = (machine.busy_s() - busy) / elapsed
        memory = {name: machine.memory_kib(pid) for name, pid in pids.items()}
        return Stage(self._count, elapsed, figures, cores, memory)

    def _tell(self, words: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{words}\n")
        self._process.stdin.flush()

    def _hear(self, limit_s: float, wanted: str = "") -> str:
        """The next line; a crowd that hangs is ended, which ends the line as well."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        guard = threading.Timer(limit_s, process.kill)
        guard.start()
        try:
            line = process.stdout.readline().strip()
        finally:
            guard.cancel()
        if not line or (wanted and line != wanted):
            raise CrowdError(f"{' '.join(self._command[1:3])} ended; what it said stands above")
        return line


def _cpu(pids: dict[str, int]) -> dict[str, float]:
    return {name: machine.cpu_s(pid) for name, pid in pids.items()}
