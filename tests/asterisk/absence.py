"""The service away for a while, and what Asterisk shows and writes down meanwhile."""

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from acd.call_log import Ending, read_endings
from tests.asterisk.centre import Centre

T = TypeVar("T")
CLOCK_BEHIND_S = 0.05


@contextlib.asynccontextmanager
async def away(centre: Centre) -> AsyncIterator[None]:
    """The service is away, and Asterisk has seen it, until the end of the block.

    `acd run` sleeps as well: it would end a service that hangs for half a minute.
    """
    service = centre.child("serve")
    stopped = [parent_of(service), service]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        await until(lambda: heartbeat_age_s(centre), lambda age: age > 2, "a stale heartbeat")
        yield
    finally:
        os.kill(service, signal.SIGCONT)
        try:
            await is_back(centre)
        finally:
            os.kill(stopped[0], signal.SIGCONT)


def parent_of(pid: int) -> int:
    """The process that started this one."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^PPid:\s+(\d+)", status, re.MULTILINE)[1])


async def is_back(centre: Centre) -> None:
    """The service answers again and Asterisk knows."""
    async with asyncio.timeout(20):
        while not (await centre.ask("status"))["ami_up"]:
            await asyncio.sleep(0.05)
    await until(lambda: heartbeat_age_s(centre), lambda age: age <= 1, "a fresh heartbeat")


async def heartbeat_age_s(centre: Centre) -> float:
    """How old the service's last sign of life is, in whole seconds, as the dialplan counts.

    Asterisk's clock for whole seconds is some milliseconds behind ours.
    """
    shown = await cli(centre, "dialplan show globals")
    found = re.search(r"ACD_HB=(\d+)", shown)
    return int(time.time() - CLOCK_BEHIND_S) - int(found[1]) if found else float("inf")


async def cli(centre: Centre, command: str) -> str:
    """Ask this centre's Asterisk."""
    return await asyncio.to_thread(centre.asterisk, command)


async def until(
    look: Callable[[], Awaitable[T]], fits: Callable[[T], bool], what: str, timeout_s: float = 10
) -> T:
    """Look again and again until it fits."""
    async with asyncio.timeout(timeout_s):
        while not fits(seen := await look()):
            await asyncio.sleep(0.05)
    return seen


async def channels(centre: Centre, context: str) -> list[str]:
    """The channels in a context of the dialplan."""
    lines = (await cli(centre, "core show channels concise")).splitlines()
    fields = [line.split("!") for line in lines]
    return [each[0] for each in fields if len(each) > 1 and each[1] == context]


async def falls(centre: Centre, count: int = 1, timeout_s: float = 6) -> list[str]:
    """Wait until so many callers are in the fallback; their channels."""
    return await until(
        lambda: channels(centre, "acd-fallback"),
        lambda found: len(found) == count,
        f"{count} callers in the fallback",
        timeout_s,
    )


async def in_queue(centre: Centre, operator: str) -> None:
    """Wait until the operator stands in Asterisk's own queue, and not paused."""

    def fits(shown: str) -> bool:
        line = next((each for each in shown.splitlines() if f"PJSIP/{operator}" in each), "")
        return "Not in use" in line and "paused" not in line

    await until(lambda: cli(centre, "queue show fallback"), fits, operator)


async def logged(centre: Centre, number: str) -> Ending:
    """Asterisk's own line about the only call from this number."""

    async def look() -> list[Ending]:
        found = read_endings(centre.var / "asterisk" / "log" / "calls")
        return [ending for ending in found if ending.number == number]

    found = await until(look, bool, f"the end of the call from {number}")
    assert len(found) == 1
    ending = found[0]
    moments = [ending.arrived_at, ending.queued_at, ending.fallback_at]
    moments += [ending.connected_at, ending.talk_ended_at, ending.ended_at]
    known = [moment for moment in moments if moment is not None]
    assert known == sorted(known), ending
    assert abs(ending.ended_at / 1000 - time.time()) < 10
    return ending
