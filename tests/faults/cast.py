"""The people of one fault: who talks, who waits, what each of them heard, who lost the call."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.asterisk.centre import talk
from tests.asterisk.chaos.site import Site
from tests.sip import Call, Phone, now_ms

TALKER, WAITER, PROBE = 500, 800, 900
MINE, OTHERS, SPARE = 600, 700, 1000
HEARD_MS = 200
"""A hole in a conversation below this is no interruption to anybody."""
NUMBERS: Iterator[int] = count(77_010_300_001)


@dataclass(slots=True)
class Cast:
    """A talks to `pens1`; B waits for what only `pens2` could give; Asterisk's queue has `eng1`."""

    site: Site
    talker: Call
    talker_id: str
    theirs: Call
    waiter: Call
    waiter_id: str
    mine: Phone
    other: Phone
    spare: Phone
    began_ms: int = 0
    left: set[Call] = field(default_factory=set)

    def begin(self) -> None:
        """From now on it counts what is heard."""
        self.began_ms = now_ms()

    async def hang_up(self, call: Call) -> None:
        """This one ends because we want it."""
        self.left.add(call)
        await call.hang_up()

    def lost(self) -> int:
        """How many citizens' calls ended without the citizen."""
        return sum(call.state == "ended" for call in {self.talker, self.waiter} - self.left)

    def talk_gap_ms(self) -> int:
        """The longest hole either side of the conversation heard."""
        until = now_ms()
        return max(
            call.hearing([hz]).longest_gap(hz, self.began_ms, until)
            for call, hz in ((self.talker, MINE), (self.theirs, TALKER))
        )

    def wait_gap_ms(self) -> int:
        """The longest silence of who waits: music or a voice is never far."""
        return self.waiter.hearing([]).longest_silence(self.began_ms, now_ms())

    async def waiter_is_served(self) -> str:
        """Whoever is rung for B, by Asterisk or by the service, both hear each other."""
        phones = {OTHERS: self.other, SPARE: self.spare}
        async with asyncio.timeout(30):
            while not (rung := [hz for hz, phone in phones.items() if phone.live_calls]):
                await asyncio.sleep(0.05)
        hz = rung[0]
        await talk(phones[hz].live_calls[-1], self.waiter, operator=hz, caller=WAITER)
        return phones[hz].user

    async def still_talk(self) -> None:
        """The conversation goes on in both directions."""
        await asyncio.gather(self.talker.hears(MINE), self.theirs.hears(TALKER))


@contextlib.asynccontextmanager
async def cast(site: Site) -> AsyncIterator[Cast]:
    """The scene before the fault; everybody leaves at the end."""
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        mine = await enter(site.operator("pens1", MINE))
        other = await enter(site.operator("eng1", OTHERS))
        spare = await enter(site.operator("pens2", SPARE, ready=False))
        one, two = [await enter(site.caller(str(next(NUMBERS)), hz)) for hz in (TALKER, WAITER)]
        talker, talker_id = await site.call_in(one, "22")
        theirs = await mine.next_call()
        await talk(theirs, talker, operator=MINE, caller=TALKER)
        waiter, waiter_id = await site.call_in(two, "22")
        await site.until("callers", "call", waiter_id, stage="waiting")
        yield Cast(site, talker, talker_id, theirs, waiter, waiter_id, mine, other, spare)


async def is_normal(site: Site) -> bool:
    """The service answers, holds the link, and its records are written."""
    with contextlib.suppress(OSError, ValueError):
        status = await site.ask("status")
        return bool(status["ami_up"]) and status["database_error"] is None
    return False


async def until_normal(site: Site, timeout_s: float = 60) -> None:
    """Wait for it, three looks in a row."""
    good = 0
    async with asyncio.timeout(timeout_s):
        while good < 3:
            good = good + 1 if await is_normal(site) else 0
            await asyncio.sleep(0.05)


async def probe(site: Site) -> dict[str, Any]:
    """A new citizen presses keys, is connected by the service, and is on record."""
    async with site.caller(str(next(NUMBERS)), PROBE) as citizen:
        call, id_ = await site.call_in(citizen, "22")
        row = await site.until("calls", "call", id_, timeout_s=20, queue="social")
        async with asyncio.timeout(20):
            while (row := await site.row("calls", "call", id_))["operator"] is None:
                await asyncio.sleep(0.05)
        await call.hears({"pens1": MINE, "pens2": SPARE}[row["operator"]], timeout_ms=8000)
        await call.hang_up()
        return await site.recorded(id_)
