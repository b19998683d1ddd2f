"""`acd run`: Asterisk and the service together in the foreground, as `make run` starts them.

Both run as children in sessions of their own, so that Ctrl-C reaches this process alone and they
are stopped in order: the service first, which tells Asterisk to keep the callers, then Asterisk.
Should this process be killed, the kernel ends the children. A child that dies or hangs is started
again: the other one carries the calls meanwhile.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from acd.asterisk_fetch import AsteriskUnavailableError
from acd.asterisk_install import AsteriskBinary, ensure_asterisk
from acd.clock import monotonic_s
from acd.load import Loaded, load
from acd.places import LEFT_ON_PURPOSE
from acd.problems import Problems
from acd.provision import (
    AsteriskFolders,
    ProvisionError,
    lay_out_sounds,
    provision,
    set_calls_aside,
)
from acd.secrets import SecretsError, load_secrets
from acd.settings import Address, Settings
from acd.settings_files import SHIPPED
from acd.store import masked_url

START_S = 30.0
STOP_S = 10.0
AGAIN_S = 0.5
"""An Asterisk that is just starting forgets that it was told to end."""
CONTROL = "asterisk.ctl"
RESTART_S = (0.0, 1.0, 2.0, 5.0)
"""A service that fell after a good while is back before waiting callers leave; others wait."""
GOOD_WHILE_S = 10.0
ASTERISK_FALLS_MAX = 3
"""In ASTERISK_FALLS_S: then something is wrong that starting it again does not mend."""
ASTERISK_FALLS_S = 120.0
HUNG_S = 30.0
"""A service that has not answered for so long is ended and started again."""
ASK_EVERY_S = 5.0
FREE_BYTES_MIN = 200_000_000
PR_SET_PDEATHSIG = 1

Child = subprocess.Popen[bytes]


class RunError(Exception):
    """The system cannot be started; one line with the remedy."""


@dataclass(slots=True)
class Stopper:
    """Remembers that somebody asked to stop."""

    asked: bool = False

    def __call__(self, number: int, _: object) -> None:
        """Any signal means to stop."""
        self.asked = True


def run(config: Path, dialplans: Path, port_offset: int) -> int:
    """Start everything and stay until Ctrl-C; 0 after a clean stop, 1 when it could not start."""
    problems = Problems()
    loaded = load(config, dialplans, problems, port_offset)
    if problems.sorted():
        print(problems.render(), file=sys.stderr)
    if loaded is None:
        print("acd: nothing was started; mend the errors above", file=sys.stderr)
        return 1
    os.umask(0o077)  # records and logs hold the numbers of callers
    stop = Stopper()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        return _run(loaded, config, dialplans, port_offset, stop)
    except (RunError, AsteriskUnavailableError, ProvisionError, SecretsError) as error:
        print(f"acd: {error}", file=sys.stderr)
    except OSError as error:
        print(f"acd: {_in_words(error)}", file=sys.stderr)
    return 1


def _run(loaded: Loaded, config: Path, dialplans: Path, port_offset: int, stop: Stopper) -> int:
    settings = loaded.settings
    with hold_folder(settings.service.folder):
        return _run_here(loaded, config, dialplans, port_offset, stop)


def _run_here(
    loaded: Loaded, config: Path, dialplans: Path, port_offset: int, stop: Stopper
) -> int:
    settings = loaded.settings
    check_ports(settings)
    check_space(settings.service.folder)
    asterisk = ensure_asterisk()
    secrets = load_secrets(settings.service.folder, settings.operators)
    folders = provision(settings, secrets, asterisk, loaded.music)
    lay_out_sounds(folders, settings.service.languages, loaded.phrase)
    set_calls_aside(folders)
    serve = [
        sys.executable, "-m", "acd", "serve", "--config", str(config),
        "--dialplans", str(dialplans), "--port-offset", str(port_offset),
    ]  # fmt: skip
    log = settings.service.folder / "service.log"
    pair = Pair(
        stop,
        lambda: start_asterisk(asterisk, folders),
        lambda child: wait_for_asterisk(asterisk, folders, child, stop),
        lambda: _start_service(serve, log),
        settings.service.listen.socket,
    )
    try:
        pair.start_asterisk()
        pair.start_service()
        if pair.service is not None:
            _wait_for_service(settings, pair.service, log, stop)
        if not stop.asked:
            say(summary(loaded, asterisk, config, port_offset))
        pair.watch()
        return 0
    finally:
        if stop.asked:
            say("\nstopping")
        _end(pair.service)
        _end(pair.asterisk, again_s=AGAIN_S)
        (folders.run / CONTROL).unlink(missing_ok=True)  # one that was ended early leaves it


def check_ports(settings: Settings) -> None:
    """Raise RunError naming every port that somebody else has."""
    listen = settings.service.listen
    kinds = [
        ("sip", listen.sip, socket.SOCK_DGRAM),
        ("ami", listen.ami, socket.SOCK_STREAM),
        ("agi", listen.agi, socket.SOCK_STREAM),
    ]
    taken = [f"{name} {address}" for name, address, kind in kinds if not _is_free(address, kind)]
    if taken:
        raise RunError(
            f"in use by another program: {', '.join(taken)}; stop it, set other ports in "
            "service.yaml, or run a second copy with `make run PORT_OFFSET=100`"
        )


def _is_free(address: Address, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise RunError(
                    f"{address.host} is not an address of this machine; "
                    "mend 'listen' in service.yaml"
                ) from error
            return False
    return True


def hold_folder(folder: Path) -> BinaryIO:
    """Keep other copies out of this folder until the returned file is closed."""
    folder.mkdir(parents=True, exist_ok=True)
    held = (folder / "run.lock").open("wb")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise RunError(
            f"another copy runs in {folder}; stop it, or run a second one with "
            "`make run PORT_OFFSET=100`"
        ) from error
    return held


def check_space(folder: Path) -> None:
    """Raise RunError when the disk is nearly full: records and logs would be lost."""
    folder.mkdir(parents=True, exist_ok=True)
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < FREE_BYTES_MIN:
        raise RunError(
            f"only {free // 1_000_000} MB free for {folder}; free at least "
            f"{FREE_BYTES_MIN // 1_000_000} MB, or set 'folder' in service.yaml"
        )


def start_asterisk(asterisk: AsteriskBinary, folders: AsteriskFolders) -> Child:
    """Start Asterisk with the generated configuration, in the foreground of its own session."""
    output = (folders.log / "console").open("ab")
    return _spawn([*asterisk.argv, "-C", str(folders.config), "-f"], output)


def wait_for_asterisk(
    asterisk: AsteriskBinary, folders: AsteriskFolders, child: Child, stop: Stopper
) -> None:
    """Until it is fully booted. Raises RunError with its own last words when it dies."""
    ask = [*asterisk.argv, "-C", str(folders.config), "-rx", "core waitfullybooted"]
    until = monotonic_s() + START_S
    while not stop.asked:
        if child.poll() is not None or monotonic_s() > until:
            raise RunError(f"Asterisk did not start: {_last_words(folders)}")
        if (folders.run / CONTROL).exists():
            done = subprocess.run(ask, capture_output=True, check=False, timeout=START_S)
            if b"fully booted" in done.stdout:
                return
        time.sleep(0.1)


def _last_words(folders: AsteriskFolders) -> str:
    for path in (folders.log / "messages", folders.log / "console"):
        with contextlib.suppress(OSError):
            lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            bad = [line for line in lines if "ERROR" in line]
            if lines:
                return f"{(bad or lines)[-1][-200:]} (more in {path})"
    return f"it said nothing; see {folders.log}"


def _start_service(command: list[str], log: Path) -> Child:
    return _spawn(command, log.open("ab"))


def _wait_for_service(settings: Settings, child: Child, log: Path, stop: Stopper) -> None:
    until = monotonic_s() + START_S
    path = settings.service.listen.socket
    while not stop.asked:
        if child.poll() is not None:
            tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            said = next((line for line in reversed(tail) if line.startswith("acd:")), "")
            raise RunError(said.removeprefix("acd: ") or f"the service did not start; see {log}")
        if _takes_calls(path):
            return
        if monotonic_s() > until:
            raise RunError(f"the service does not answer at {path}; see {log}")
        time.sleep(0.05)


def _takes_calls(path: Path) -> bool:
    """Whether the service answers and has told Asterisk that it is there."""
    return bool((_status(path) or {}).get("ami_up"))


def _answers(path: Path) -> bool:
    return _status(path) is not None


def _status(path: Path) -> dict[str, object] | None:
    """What the service says of itself; None when it says nothing within two seconds."""
    with contextlib.suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2.0)
        probe.connect(str(path))
        probe.sendall(b'{"do": "status"}\n')
        answer = json.loads(probe.makefile("rb").readline())
        data: dict[str, object] = answer.get("data", {})
        return data
    return None


class Pair:
    """The two children, each another one after a restart."""

    def __init__(
        self,
        stop: Stopper,
        spawn_asterisk: Callable[[], Child],
        wait_for_asterisk: Callable[[Child], None],
        spawn_service: Callable[[], Child],
        socket_path: Path,
    ) -> None:
        """`spawn_...` start a child, `wait_for_asterisk` returns when it takes calls."""
        self._stop = stop
        self._spawn_asterisk = spawn_asterisk
        self._wait_for_asterisk = wait_for_asterisk
        self._spawn_service = spawn_service
        self._socket_path = socket_path
        self._falls: list[float] = []
        self._short_lives = 0
        self._born = self._answered = self._asked = 0.0
        self.asterisk: Child | None = None
        self.service: Child | None = None

    def start_asterisk(self) -> None:
        """Start it and wait until it takes calls."""
        self.asterisk = self._spawn_asterisk()
        self._wait_for_asterisk(self.asterisk)

    def start_service(self) -> None:
        """Start it, unless somebody wants to stop by now."""
        if not self._stop.asked:
            self.service = self._spawn_service()
            self._born = self._answered = self._asked = monotonic_s()

    def watch(self) -> None:
        """Until asked to stop; RunError when Asterisk falls again and again."""
        while not self._stop.asked:
            time.sleep(0.05)
            if self.asterisk is not None and self.asterisk.poll() is not None:
                self._asterisk_fell(self.asterisk.returncode)
            elif self.service is not None and self.service.poll() is not None:
                self._service_ended(self.service.returncode)
            elif self.service is not None:
                self._see_whether_it_hangs(self.service)

    def _asterisk_fell(self, status: int) -> None:
        now = monotonic_s()
        self._falls = [at for at in self._falls if now - at < ASTERISK_FALLS_S] + [now]
        if len(self._falls) > ASTERISK_FALLS_MAX:
            raise RunError(f"Asterisk ended by itself again and again (exit {status})")
        say(f"Asterisk ended by itself (exit {status}) and its calls with it; starting it again")
        self.start_asterisk()

    def _service_ended(self, status: int) -> None:
        if status == LEFT_ON_PURPOSE:
            self.service = None
            say(
                "the service was drained and has stopped; Asterisk goes on with its own queue\n"
                "start the service again with `acd serve`, or stop everything with Ctrl-C"
            )
            return
        lived_long = monotonic_s() - self._born > GOOD_WHILE_S
        self._short_lives = 0 if lived_long else min(self._short_lives + 1, len(RESTART_S) - 1)
        say(f"the service ended (exit {status}); starting it again")
        until = monotonic_s() + RESTART_S[self._short_lives]
        while monotonic_s() < until and not self._stop.asked:
            time.sleep(0.05)
        self.start_service()

    def _see_whether_it_hangs(self, service: Child) -> None:
        now = monotonic_s()
        if now - self._asked < ASK_EVERY_S:
            return
        self._asked = now
        if _answers(self._socket_path):
            self._answered = monotonic_s()
        elif now - self._answered > HUNG_S:
            say(f"the service has not answered for {now - self._answered:.0f} s; ending it")
            service.kill()
            service.wait()


def _spawn(command: list[str], output: BinaryIO) -> Child:
    library = ctypes.CDLL(None)

    def die_with_parent() -> None:
        library.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )


def _end(child: Child | None, again_s: float = STOP_S) -> None:
    """Ask it to end, once more every `again_s`, and end it when it does not listen."""
    until = monotonic_s() + STOP_S
    while child is not None and child.poll() is None:
        if monotonic_s() > until:
            child.kill()
            child.wait()
            return
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(again_s)


def say(text: str) -> None:
    """Tell whoever started this; a terminal that was closed must not keep us from stopping."""
    try:
        print(text, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def summary(loaded: Loaded, asterisk: AsteriskBinary, config: Path, port_offset: int) -> str:
    """What a person needs to know once everything is up."""
    service = loaded.settings.service
    acd = ".venv/bin/acd"
    if config.resolve() != SHIPPED:
        acd += f" --config {shlex.quote(str(config))}"
    if port_offset:
        acd += f" --port-offset {port_offset}"
    someone = loaded.settings.operators[0]
    lines = [
        f"1414 is up: {asterisk.version_text.partition('+')[0]}, menu {loaded.menu.id}, "
        f"{len(loaded.settings.operators)} operators, {len(loaded.settings.queues)} queues",
        f"  call      sip:{service.number}@{service.listen.sip} from {', '.join(service.trunk)}",
        f"  a phone   {acd} phone show {someone}     (then dial *1 on it: ready)",
        f"  watch     {acd} monitor --once",
        f"  check     {acd} doctor",
        f"  records   {masked_url(service.database)}",
        f"  logs      {service.folder / 'service.log'}",
        "Ctrl-C stops everything.",
    ]
    if loaded.missing:
        lines.insert(1, f"  warning   {len(loaded.missing)} prompts missing: {loaded.missing[0]}")
    return "\n".join(lines)


def _in_words(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"{where}the disk is full; free some space and start again"
    return f"{where}{error.strerror or error}"
