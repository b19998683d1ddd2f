"""Callers without a telephone: plays Asterisk's part at the service's FastAGI port.

Every line stays in the menu. Its caller presses a key 1 to 5 s after the last one: language, group,
question, `#` out of the answer, another question, and so on; one key in ten before a choice is a
wrong one. A sentence in which no key falls is played to its end, as long as its file is. Run by
tests/bench/menus.py: HOST PORT FILES, where FILES are those of sentences nobody can skip.
"""

import asyncio
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from ivr.wav import CLIP_SUFFIX, RATE
from tests.bench.stages import CrowdError, serve

THINKS_S = (1.0, 5.0)
WRONG = 0.1
PER_SECOND = 100
"""How fast new callers come."""
PATIENCE_S = 30.0


def keys(dice: random.Random) -> Iterator[str]:
    """What one caller presses, for ever."""
    yield dice.choice("123")
    while True:
        for choice in ("1234", "123"):
            if dice.random() < WRONG:
                yield "9"
            yield dice.choice(choice)
        yield from "#3"


def call_id(number: int) -> str:
    """The id of the first, second, ... call; Asterisk has channels of these ids."""
    return f"bench-1.{number}"


class Lines:
    """All lines, and what was counted of them."""

    def __init__(self, host: str, port: int, unskippable: frozenset[str]) -> None:
        self.host, self.port, self.unskippable = host, port, unskippable
        self.open: set[Line] = set()
        self.begin()
        self._count = 0
        self._is_ending = False
        self._lengths: dict[str, float] = {}
        self._coming: set[asyncio.Task[None]] = set()

    async def grow(self, count: int) -> None:
        """Connect the missing ones, and wait until the service has spoken to each."""
        try:
            async with asyncio.timeout(count / PER_SECOND + PATIENCE_S):
                while len(self.open) < count:
                    await self._connect()
                    await asyncio.sleep(1 / PER_SECOND)
                while not all(line.is_spoken_to for line in self.open):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise CrowdError("the service does not speak to every caller") from None
        except OSError as error:
            raise CrowdError(f"nobody answers at {self.host}:{self.port} ({error})") from None

    def begin(self) -> None:
        """Times in milliseconds; `left` are lines the service gave back, each replaced."""
        self.turns: list[float] = []
        self.reactions: list[float] = []
        self.left = 0

    def figures(self) -> dict[str, Any]:
        """Since `begin`."""
        return {
            "open": len(self.open),
            "left": self.left,
            "turns": self.turns,
            "reactions": self.reactions,
        }

    async def end(self) -> None:
        """Hang up everywhere."""
        self._is_ending = True
        for task in list(self._coming):
            task.cancel()
        for line in list(self.open):
            line.hang_up()
        while self.open:
            await asyncio.sleep(0.01)

    def gone(self, line: "Line") -> None:
        """A line has ended; somebody else calls."""
        self.open.discard(line)
        if not self._is_ending:
            self.left += 1
            coming = asyncio.get_running_loop().create_task(self._connect(), name="next caller")
            self._coming.add(coming)
            coming.add_done_callback(self._coming.discard)

    def length_s(self, path: str) -> float:
        """How long a sentence is."""
        if path not in self._lengths:
            self._lengths[path] = Path(path + CLIP_SUFFIX).stat().st_size / RATE
        return self._lengths[path]

    async def _connect(self) -> None:
        self._count += 1
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: Line(self, self._count), self.host, self.port)


class Line(asyncio.Protocol):
    """One call."""

    def __init__(self, lines: Lines, number: int) -> None:
        self.is_spoken_to = False
        self._lines, self._number = lines, number
        self._keys = keys(random.Random(number))
        self._dice = random.Random(-number)
        self._buffer = b""
        self._timer: asyncio.TimerHandle | None = None
        self._replied_at = self._pressed_at = 0.0
        self._next_key_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asterisk's dialplan comes to its AGI() line."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own does not inherit it
        self._lines.open.add(self)
        self._think(time.monotonic())
        transport.write(
            "agi_network: yes\nagi_network_script: ivr\n"
            f"agi_channel: PJSIP/bench-{self._number:08x}\nagi_language: ru\n"
            f"agi_uniqueid: {call_id(self._number)}\n"
            f"agi_arg_1: 7701{self._number:07}\n\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """The service gave the call back, or we hung up."""
        if self._timer is not None:
            self._timer.cancel()
        self._lines.gone(self)

    def data_received(self, data: bytes) -> None:
        """Commands; the moment is taken before anything else is done."""
        now = time.monotonic()
        *commands, self._buffer = (self._buffer + data).split(b"\n")
        for command in commands:
            self._obey(command.decode(), now)

    def hang_up(self) -> None:
        """As Asterisk tells it."""
        self._transport.write(b"HANGUP\n")
        self._transport.close()

    def _obey(self, command: str, now: float) -> None:
        self.is_spoken_to = True
        if self._replied_at:
            self._lines.turns.append((now - self._replied_at) * 1000)
        word, _, rest = command.partition(" ")
        if word not in ("STREAM", "WAIT"):  # what takes Asterisk no time
            self._reply("200 result=0" if word == "GET" else "200 result=1")
            return
        if self._pressed_at:
            self._lines.reactions.append((now - self._pressed_at) * 1000)
            self._pressed_at = 0.0
        if word == "WAIT":
            self._take(int(rest.split()[-1]) / 1000, now, is_deaf=False)
        else:
            path = rest.split()[1].strip('"')
            is_deaf = Path(path).name in self._lines.unskippable
            self._take(self._lines.length_s(path), now, is_deaf=is_deaf)

    def _take(self, seconds: float, now: float, *, is_deaf: bool) -> None:
        """Let a sentence or a silence last, or press a key in it."""
        loop = asyncio.get_running_loop()
        left = max(0.0, self._next_key_at - now)
        if left <= seconds and not is_deaf:
            self._timer = loop.call_later(left, self._press)
        else:
            self._timer = loop.call_later(seconds, self._reply, "200 result=0 endpos=0")

    def _press(self) -> None:
        now = time.monotonic()
        self._think(now)
        self._reply(f"200 result={ord(next(self._keys))} endpos=800")
        self._pressed_at = self._replied_at

    def _think(self, now: float) -> None:
        self._next_key_at = now + self._dice.uniform(*THINKS_S)

    def _reply(self, line: str) -> None:
        self._transport.write(line.encode() + b"\n")
        self._replied_at = time.monotonic()


if __name__ == "__main__":
    serve(lambda: Lines(sys.argv[1], int(sys.argv[2]), frozenset(sys.argv[3:])))
