"""A whole centre for a test: real Asterisk and the real service, on free ports, in a folder.

Started through the same `acd run` that `make run` uses, stopped by its pid. Nothing is shared
with another centre but the read-only audio and the cached Asterisk, so suites run side by side.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from acd.problems import Problems
from ivr.core.speech import all_clips
from ivr.dialplan import load_dialplans
from ivr.prompt_library import SHIPPED, PromptLibrary
from tests.sip import AnswerAfter, Call, Phone
from tests.unit.sounds import speak

ROOT = Path(__file__).resolve().parent.parent.parent
MENU = Path(__file__).resolve().parent / "menu.yaml"
START_S = 60
STOP_S = 20

Row = dict[str, Any]


class ServiceError(AssertionError):
    """The service refused a request."""


def free_ports(count: int) -> list[int]:
    """Ports free for both TCP and UDP just now, on loopback."""
    held: list[socket.socket] = []
    ports: list[int] = []
    while len(ports) < count:
        tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        held += [tcp, udp]
        tcp.bind(("127.0.0.1", 0))
        port = tcp.getsockname()[1]
        with contextlib.suppress(OSError):
            udp.bind(("127.0.0.1", port))
            ports.append(port)
    for each in held:
        each.close()
    return ports


def give_voice(dialplans: Path) -> None:
    """Audio, of a kind, for every sentence of a folder of menus that has none of its own."""
    shipped = PromptLibrary([SHIPPED])
    for plan in load_dialplans([dialplans], Problems(), config=ROOT / "config").values():
        lacking = [clip for clip in all_clips(plan) if shipped.file(clip) is None]
        speak(dialplans / "prompts", lacking)


def running(folder: Path) -> list[int]:
    """The processes whose command line names this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and str(folder).encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


class Centre:
    """One running system: `ask` speaks to its socket, `operator` and `caller` make phones."""

    def __init__(self, folder: Path, files: dict[str, str], dialplans: Path | None = None) -> None:
        self.folder = folder
        self.config = folder / "config"
        self.dialplans = dialplans or folder / "dialplans"
        self.config.mkdir(parents=True)
        sip, ami, agi = free_ports(3)
        self.sip = ("127.0.0.1", sip)
        first = 20_000 + sip % 400 * 100
        service = files.get("service.yaml", SERVICE)
        service = service.format(sip=sip, ami=ami, agi=agi, first=first, last=first + 99)
        for name, text in {**files, "service.yaml": service}.items():
            (self.config / name).write_text(text, encoding="utf-8")
        if dialplans is None:
            self.dialplans.mkdir()
            shutil.copy(MENU, self.dialplans / "1414-main.yaml")
        give_voice(self.dialplans)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def var(self) -> Path:
        """Where the running system keeps its things."""
        return self.folder / "var"

    @property
    def log(self) -> str:
        """What `acd run` and the service have said."""
        said = [self.folder / "run.log", self.var / "service.log"]
        return "\n".join(path.read_text(errors="replace") for path in said if path.exists())

    def launch(self, output: int | None = None) -> "subprocess.Popen[bytes]":
        """Start `acd run` and do not wait for it; it speaks to `output` or into run.log."""
        command = [sys.executable, "-m", "acd", "--config", str(self.config), "run"]
        command += ["--dialplans", str(self.dialplans)]
        with (self.folder / "run.log").open("wb") as stream:
            self._process = subprocess.Popen(
                command,
                stdout=stream if output is None else output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                start_new_session=True,
            )
        return self._process

    def start(self) -> None:
        """Until it says that it is up."""
        process = self.launch()
        until = time.monotonic() + START_S
        while "Ctrl-C stops everything" not in self.log:
            if process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise AssertionError(f"the centre did not start:\n{self.log}")
            time.sleep(0.05)

    def kill(self) -> None:
        """As the kernel does it when memory is short: `acd run` has no say in it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """As Ctrl-C does it; kills what is left only if that takes too long."""
        process = self._process
        if process is None:
            return 0
        self._process = None
        if process.poll() is None:
            process.send_signal(how)
        try:
            return process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def children(self) -> list[int]:
        """The pids of Asterisk and the service."""
        assert self._process is not None
        listed = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(pid) for pid in listed.read_text().split()]

    def child(self, word: str) -> int:
        """The pid of the child whose command line has this word."""
        for pid in self.children():
            if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        raise AssertionError(f"no child runs {word}")

    def acd(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a person would."""
        return self._run("acd", "--config", str(self.config), *words)

    def ivr(self, command: str, *words: str) -> subprocess.CompletedProcess[str]:
        """The same for `ivr versions`, `rollback` and whatever else asks for the settings."""
        where = ["--config", str(self.config), "--dialplans", str(self.dialplans)]
        return self._run("ivr", command, *where, *words)

    def _run(self, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", program, *words],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=60,
            check=False,
            env={**os.environ, "NO_COLOR": "1"},
        )

    def asterisk(self, command: str) -> str:
        """Ask this centre's Asterisk over its control socket."""
        from acd.asterisk_install import find_asterisk

        binary = find_asterisk()
        assert binary is not None
        config = self.var / "asterisk" / "etc" / "asterisk.conf"
        done = subprocess.run(
            [*binary.argv, "-C", str(config), "-rx", command],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return done.stdout

    async def ask(self, do: str, **more: object) -> Any:
        """One request over the socket; ServiceError with the service's sentence when refused."""
        path = str(self.var / "acd.sock")
        reader, writer = await asyncio.open_unix_connection(path, limit=1 << 24)
        try:
            writer.write(json.dumps({"do": do, **more}).encode() + b"\n")
            answer = json.loads(await reader.readline())
        finally:
            writer.close()
        if not answer["ok"]:
            raise ServiceError(answer["error"])
        return answer["data"]

    async def row(self, listing: str, key: str, value: str) -> Row:
        """The row of a listing whose key has this value."""
        rows = await self.ask(listing)
        return next(row for row in rows if row[key] == value)

    async def until(
        self, listing: str, key: str, value: str, timeout_s: float = 10, **wanted: object
    ) -> Row:
        """Wait until that row exists and has these values; gives it."""
        row: Row | None = None
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    rows = await self.ask(listing)
                    row = next((each for each in rows if each[key] == value), None)
                    if row is not None and all(row[k] == v for k, v in wanted.items()):
                        return row
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{value} never had {wanted}; last seen {row}") from None

    def password(self, operator: str) -> str:
        """The SIP password of an operator's phone."""
        secrets = json.loads((self.var / "secrets.json").read_text())
        return str(secrets["phones"][operator])

    @contextlib.asynccontextmanager
    async def operator(self, id_: str, tone_hz: int, *, ready: bool = True, policy: Any = None):
        """An operator's phone, registered, its operator ready; both taken back at the end."""
        phone = Phone(
            id_,
            server=self.sip,
            password=self.password(id_),
            tone_hz=tone_hz,
            policy=policy or AnswerAfter(ring_ms=100),
        )
        async with phone:
            await phone.register()
            await self.until("operators", "operator", id_, phone="free")
            if ready:
                await self.ask("operator", action="ready", operator=id_)
            try:
                yield phone
            finally:
                await self.ask("operator", action="logout", operator=id_)

    @contextlib.asynccontextmanager
    async def caller(self, number: str = "77010001122", tone_hz: int = 500):
        """A citizen's phone at the trunk's address."""
        async with Phone(number, server=self.sip, ip="127.0.0.2", tone_hz=tone_hz) as phone:
            yield phone

    async def call_in(self, phone: Phone, keys: str = "21", **more: Any) -> tuple[Call, str]:
        """Dial 1414 and press the keys; the call and its id."""
        before = {row["call"] for row in await self.ask("calls", limit=1000)}
        call = phone.dial("1414", **more)
        await call.answered()
        id_ = await self._new_call(before)
        if keys:
            await call.press(keys)
        return call, id_

    async def _new_call(self, before: set[str]) -> str:
        async with asyncio.timeout(5):
            while True:
                new = [
                    row["call"]
                    for row in await self.ask("calls", limit=1000)
                    if row["call"] not in before
                ]
                if new:
                    return str(new[0])
                await asyncio.sleep(0.01)

    async def story(self, call: str) -> Row:
        """Everything on record of a call."""
        story: Row = await self.ask("call", call=call)
        return story

    async def ended(self, call: str, timeout_s: float = 15) -> Row:
        """The record of a call once it is complete."""
        async with asyncio.timeout(timeout_s):
            while True:
                story = await self.story(call)
                if story["ended_at"] is not None:
                    return story
                await asyncio.sleep(0.02)

    async def nothing_left(self, timeout_s: float = 10) -> None:
        """Wait until no channel, bridge, AGI connection or contact is left; fails when one is."""
        left: dict[str, object] = {}
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    left = await self._leftovers()
                    if not any(left.values()):
                        return
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"something remains: {left}") from None

    async def _leftovers(self) -> dict[str, object]:
        status = await self.ask("status")
        channels = await asyncio.to_thread(self.asterisk, "core show channels count")
        bridges = await asyncio.to_thread(self.asterisk, "bridge show all")
        return {
            "callers": await self.ask("callers"),
            "contacts": status["contacts"],
            "lines": status["lines"],
            "agi": status["agi_sessions"],
            "channels": "" if channels.startswith("0 active channels") else channels,
            "bridges": bridges.strip().splitlines()[1:],
        }


async def talk(taken: Call, call: Call, ms: int = 1300, *, operator: int = 600, caller: int = 500):
    """Until both sides have heard each other for so long: longer than `least_talk` as it stands."""
    await asyncio.gather(taken.hears(caller), call.hears(operator))
    async with asyncio.timeout(ms / 1000 + 10):
        while True:
            heard = taken.hearing([caller]).intervals(caller)
            if heard and heard[-1].end_ms - heard[0].start_ms >= ms:
                return
            await asyncio.sleep(0.05)


def events(story: Row) -> list[str]:
    """The names of a story's timeline."""
    return [entry["event"] for entry in story["timeline"]]


SERVICE = """\
schema: 1
number: "1414"
timezone: Asia/Almaty
languages: [kk, ru, en]
target: 30s
database: "sqlite:///var/1414.sqlite"
listen:
  sip: "127.0.0.1:{sip}"
  ami: "127.0.0.1:{ami}"
  agi: "127.0.0.1:{agi}"
  socket: "var/acd.sock"
  rtp: "{first}-{last}"
trunk: [127.0.0.2]
least_talk: 1s
"""

SKILLS = (ROOT / "config" / "skills.yaml").read_text(encoding="utf-8")
"""The shipped topics: their names are what the built whispers say."""

QUEUES = """\
schema: 1
queues:
  general:
    least_level: {language: 2, topic: 1}
    ring: 3s
    wrap_up: 1s
    ladder: [{at: 30s, do: widen, language: 1, topic: 0}]
"""
for _queue in ("egov", "social", "documents", "health", "property", "business"):
    QUEUES += f"""\
  {_queue}:
    least_level: {{language: 2, topic: 2}}
    ring: 3s
    wrap_up: 1s
    ladder: [{{at: 4s, do: widen, topic: 1}}, {{at: 30s, do: overflow, to: general}}]
"""

SHIFTS = """\
schema: 1
shifts:
  A: {days: [mon, tue, wed, thu, fri, sat, sun], hours: "00:00-23:59"}
"""

OPERATORS = """\
schema: 1
operators:
  pens1: {shift: A, languages: {ru: 5, kk: 4}, topics: {pension: 5}}
  pens2: {shift: A, languages: {ru: 5}, topics: {pension: 4, child: 5}}
  begin: {shift: A, languages: {ru: 5}, topics: {pension: 1, general: 2}}
  eds1: {shift: A, languages: {ru: 5, kk: 3}, topics: {eds: 5}}
  eng1: {shift: A, languages: {en: 5}, topics: {general: 5, pension: 3}}
  gen1: {shift: A, languages: {kk: 5, ru: 4}, topics: {general: 5}}
"""

FILES = {
    "skills.yaml": SKILLS,
    "queues.yaml": QUEUES,
    "shifts.yaml": SHIFTS,
    "operators.yaml": OPERATORS,
}
