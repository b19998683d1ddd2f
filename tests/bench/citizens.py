"""Citizens with real telephones in the shipped menu: SIP, sound both ways, keys by RFC 4733.

Each calls, presses language, group, question, `#` out of the answer and `4`, the end of the call;
the menu says goodbye and hangs up, and the citizen calls again, from another number: whoever is
known is not asked for the language. Keys that come before their
question are kept in order by the menu, so this way is the same for everybody, however fast. Run by
tests/bench/menus.py: HOST PORT of Asterisk's SIP.
"""

import asyncio
import random
import sys
from collections import Counter
from itertools import pairwise
from typing import Any

from tests.bench.stages import CrowdError, serve
from tests.sip import Call, CallFailed, Phone, PhoneTimeout
from tests.sip.pacer import Pacer, PacerReport
from tests.sip.transport import SipTimeout

IP = "127.0.0.2"
TONE_HZ = 500
THINKS_S = (0.6, 2.4)
PER_SECOND = 25
"""How fast new citizens come."""
SPREAD_S = 12.0
"""About as long as a call: so that they do not all press at once, and end at once."""
LISTENS = 10
"""One in so many hears what Asterisk sends; the others let the kernel throw it away."""
ANSWER_MS, GOODBYE_MS, CALL_S, PATIENCE_S = 10_000, 20_000, 60.0, 30.0


class CallWentWrong(Exception):
    """How, in a word or two, and whose call it was."""


def keys(dice: random.Random) -> str:
    """One call: who ends it with `4` has been understood throughout."""
    return dice.choice("123") + dice.choice("1234") + dice.choice("123") + "#4"


class Citizens:
    """All of them, and what was counted of their calls."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._tasks: list[asyncio.Task[None]] = []
        self._served: set[int] = set()
        self._calls = 0
        self.begin()

    async def grow(self, count: int) -> None:
        """One more after the other, until each has made a call."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(count / PER_SECOND + SPREAD_S + CALL_S + PATIENCE_S):
                while len(self._tasks) < count:
                    number = len(self._tasks)
                    self._tasks.append(loop.create_task(self._live(number), name=f"{number}"))
                    await asyncio.sleep(1 / PER_SECOND)
                while len(self._served) < count:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise CrowdError(f"{count - len(self._served)} calls never came to an end") from None

    def begin(self) -> None:
        """`sound` are the milliseconds between a packet of sound and the next."""
        self._done, self._failed, self._sound = 0, Counter[str](), list[int]()
        Pacer.of_running_loop().report = PacerReport()

    def figures(self) -> dict[str, Any]:
        """Since `begin`; calls count when they end. `late_ms` is how late this process was."""
        report = Pacer.of_running_loop().report
        return {
            "done": self._done,
            "failed": dict(self._failed),
            "sound": self._sound,
            "late_ms": report.mean_late_ms,
        }

    async def end(self) -> None:
        """Everybody hangs up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _live(self, number: int) -> None:
        dice = random.Random(number)
        await asyncio.sleep(dice.uniform(0, SPREAD_S))
        while True:
            try:
                async with asyncio.timeout(CALL_S):
                    await self._call(number, dice)
                self._done += 1
            except (CallWentWrong, CallFailed, PhoneTimeout, SipTimeout, TimeoutError) as error:
                is_ours = isinstance(error, CallWentWrong)
                self._failed[str(error) if is_ours else type(error).__name__] += 1
                await asyncio.sleep(1)
            self._served.add(number)

    async def _call(self, number: int, dice: random.Random) -> None:
        self._calls += 1
        from_number = f"7701{self._calls:07}"
        async with Phone(from_number, server=self._server, ip=IP, tone_hz=TONE_HZ) as phone:
            call = phone.dial("1414")
            try:
                await call.answered(ANSWER_MS)
            except PhoneTimeout:
                raise CallWentWrong(f"{from_number} was not answered") from None
            is_listening = number % LISTENS == 0
            if not is_listening:
                call.media.deafen()
            for key in keys(dice):
                await asyncio.sleep(dice.uniform(*THINKS_S))
                if call.state == "ended":
                    raise CallWentWrong(f"{from_number} was cut off")
                await call.press(key)
            try:
                await call.ended(GOODBYE_MS)
            except PhoneTimeout:
                raise CallWentWrong(f"{from_number} heard no goodbye") from None
            if is_listening:
                self._sound += gaps_ms(call)


def gaps_ms(call: Call) -> list[int]:
    """Between each packet of sound and the next: 20 ms when nobody is late."""
    moments = [packet.at_ms for packet in call.media.recording.packets()]
    return [late - early for early, late in pairwise(moments)]


if __name__ == "__main__":
    serve(lambda: Citizens(sys.argv[1], int(sys.argv[2])))
