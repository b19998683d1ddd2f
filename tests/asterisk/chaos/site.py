"""A centre whose service can be killed, stopped, cut off and brought back while calls go on."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from acd.ami import Ami
from acd.call_log import Ending, read_endings
from tests.asterisk.centre import SERVICE, Centre
from tests.asterisk.chaos.relay import Relay
from tests.sip import Phone

Fault = Literal["killed", "stopped", "cut", "deaf"]
FAULTS: tuple[Fault, ...] = ("killed", "stopped", "cut", "deaf")
BACK_S = 20
STALE_S = 2
"""As the dialplan has it."""
ADOPTED = re.compile(r"asterisk: (\d+) calls adopted in (\d+) ms")


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as Asterisk itself shows it."""

    id: str
    context: str
    application: str
    number: str
    state: str
    """ACD_STATE: where the dialplan has it."""
    operator: str
    queued_at: str


class Watcher:
    """Our own AMI session, past the relay: what Asterisk says while the service says nothing."""

    def __init__(self, ami: Ami) -> None:
        self._ami = ami

    async def callers(self) -> list[Channel]:
        """Every citizen's channel."""
        wanted = "ACD_CALL,ACD_NUMBER,ACD_STATE,ACD_OP,ACD_QT0"
        rows = await self._ami.listing("Status", Variables=wanted)
        found = []
        for row in rows:
            pairs = (line.partition("=") for line in row.get("Variable", "").split("\n"))
            values = {name: "" if value == "(null)" else value for name, _, value in pairs}
            if values.get("ACD_CALL"):
                found.append(
                    Channel(
                        row["Uniqueid"],
                        row.get("Context", ""),
                        row.get("Application", ""),
                        values.get("ACD_NUMBER", ""),
                        values.get("ACD_STATE", ""),
                        values.get("ACD_OP", ""),
                        values.get("ACD_QT0", ""),
                    )
                )
        return found

    async def caller(self, number: str) -> Channel | None:
        """The channel of the citizen with this number."""
        return next((each for each in await self.callers() if each.number == number), None)

    async def until(self, number: str, *contexts: str, timeout_s: float) -> tuple[Channel, float]:
        """Wait until that citizen is in one of these contexts; the channel, and seconds waited."""
        began = time.monotonic()
        found: Channel | None = None
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    found = await self.caller(number)
                    if found is not None and found.context in contexts:
                        return found, time.monotonic() - began
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(
                f"{number} was not in {contexts} within {timeout_s} s, but {found}"
            ) from None

    async def heartbeat(self) -> int:
        """The second in which the service last said that it is there; 0 for never."""
        answer = await self._ami.action("Getvar", Variable="ACD_HB")
        value = answer.get("Value", "")
        return int(value) if value.isdigit() else 0

    async def stale(self) -> None:
        """Wait until Asterisk takes the service for gone."""
        async with asyncio.timeout(5):
            # Asterisk's clock for whole seconds is some milliseconds behind ours.
            while int(time.time() - 0.05) - await self.heartbeat() <= STALE_S:
                await asyncio.sleep(0.05)

    async def beat(self) -> None:
        """Say in the service's place that it is there."""
        await self._ami.action("Setvar", Variable="ACD_HB", Value=str(int(time.time())))


class Site(Centre):
    """A centre with a relay between service and Asterisk."""

    def __init__(self, folder: Path, files: dict[str, str], dialplans: Path | None = None) -> None:
        """Room for two hundred calls' sound: ports taken by others are passed over."""
        service = SERVICE.replace("{first}-{last}", "12000-15999")
        super().__init__(folder, {"service.yaml": service, **files}, dialplans)
        self.relay: Relay | None = None

    def start(self) -> None:
        """As a centre does; then the service is started once more, with the relay in its way."""
        super().start()
        settings = self.config / "service.yaml"
        text = settings.read_text(encoding="utf-8")
        ami = re.search(r'ami: "127\.0\.0\.1:(\d+)"', text)
        assert ami is not None
        self.ami = ("127.0.0.1", int(ami[1]))
        self.relay = Relay(self.ami)
        changed = text.replace(ami[0], f'ami: "127.0.0.1:{self.relay.port}"')
        settings.write_text(changed, encoding="utf-8")
        old = self.child("serve")
        os.kill(old, signal.SIGKILL)
        until = time.monotonic() + BACK_S
        while not (self._has_another_service(old) and self._takes_calls()):
            assert time.monotonic() < until, f"the service did not come back:\n{self.log}"
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """As a centre does, and the relay with it."""
        try:
            return super().stop(how)
        finally:
            if self.relay is not None:
                self.relay.close()

    @property
    def network(self) -> Relay:
        """What stands between service and Asterisk."""
        assert self.relay is not None, "not started"
        return self.relay

    def _has_another_service(self, old: int) -> bool:
        with contextlib.suppress(AssertionError, OSError):
            return self.child("serve") != old
        return False

    def _takes_calls(self) -> bool:
        with contextlib.suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(2)
            probe.connect(str(self.var / "acd.sock"))
            probe.sendall(b'{"do": "status"}\n')
            return bool(json.loads(probe.makefile("rb").readline())["data"]["ami_up"])
        return False

    # Faults

    def begin(self, fault: Fault) -> None:
        """Let it happen. A killed service is not started again before `end`."""
        assert self._process is not None
        match fault:
            case "killed":
                os.kill(self._process.pid, signal.SIGSTOP)
                os.kill(self.child("serve"), signal.SIGKILL)
            case "stopped":
                os.kill(self.child("serve"), signal.SIGSTOP)
            case "cut":
                self.network.cut()
            case "deaf":
                self.network.deafen()

    def end(self, fault: Fault) -> None:
        """Take it back."""
        assert self._process is not None
        match fault:
            case "killed":
                os.kill(self._process.pid, signal.SIGCONT)
            case "stopped":
                os.kill(self.child("serve"), signal.SIGCONT)
            case "cut" | "deaf":
                self.network.mend()

    @contextlib.asynccontextmanager
    async def away(self, fault: Fault, asterisk: Watcher) -> AsyncIterator[None]:
        """The service is away while this lasts, and back when it is left."""
        self.begin(fault)
        try:
            yield
        finally:
            ended_at = int(time.time())
            self.end(fault)
        await self.back(asterisk, ended_at)

    async def back(self, asterisk: Watcher, since: int) -> None:
        """Until the service has shown Asterisk a sign of life since then, and holds the link."""
        try:
            async with asyncio.timeout(BACK_S):
                while not (await asterisk.heartbeat() >= since and await self.is_up()):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"the service did not come back:\n{self.log[-3000:]}") from None

    async def is_up(self) -> bool:
        """Whether the service answers and holds the link."""
        with contextlib.suppress(OSError, json.JSONDecodeError):
            return bool((await self.ask("status"))["ami_up"])
        return False

    @contextlib.asynccontextmanager
    async def watch(self) -> AsyncIterator[Watcher]:
        """A session with Asterisk of our own."""
        secret = json.loads((self.var / "secrets.json").read_text())["ami"]
        ami = await Ami.connect(*self.ami, "acd", secret, lambda _: None)
        try:
            yield Watcher(ami)
        finally:
            await ami.close()

    @contextlib.asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """The heartbeat is kept fresh: as if the service were never away for longer than it may."""
        async with self.watch() as asterisk:

            async def beat() -> None:
                while True:
                    await asterisk.beat()
                    await asyncio.sleep(0.3)

            task = asyncio.get_running_loop().create_task(beat(), name="heartbeat")
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    # What was and is

    def adoptions(self) -> list[tuple[int, int]]:
        """(calls, ms) of each time the service took up what was there."""
        return [(int(calls), int(ms)) for calls, ms in ADOPTED.findall(self.log)]

    def endings(self) -> dict[str, Ending]:
        """What Asterisk itself wrote down of each call that is over, by the caller's number."""
        listed = read_endings(self.var / "asterisk" / "log" / "calls")
        return {ending.number: ending for ending in listed}

    async def ending(self, number: str, timeout_s: float = 5) -> Ending:
        """The same of one caller, once it is written."""
        async with asyncio.timeout(timeout_s):
            while number not in (found := self.endings()):
                await asyncio.sleep(0.05)
        return found[number]

    async def recorded(self, call: str, timeout_s: float = 15) -> dict[str, Any]:
        """The complete record of a call, and the only one."""
        story: dict[str, Any] = {}
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    rows = await self.ask("calls", limit=10_000)
                    mine = [row for row in rows if row["call"] == call]
                    if mine and mine[0]["ended_at"] is not None:
                        assert len(mine) == 1
                        story = await self.story(call)
                        if story["ended_at"] is not None:
                            return story
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{call} has no complete record: {story or mine}") from None

    async def dialled(self, phone: Phone, keys: str = "") -> Any:
        """A call without asking the service anything, which may be away."""
        call = phone.dial("1414")
        await call.answered()
        if keys:
            await call.press(keys)
        return call
