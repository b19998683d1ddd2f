"""Each fault: how it is let in, how it is taken back, what is to be seen of it afterwards."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from acd.run import GOOD_WHILE_S
from tests.asterisk.chaos.site import Fault, Site
from tests.faults.cast import HEARD_MS, MINE, SPARE, TALKER, Cast, cast, probe, until_normal
from tests.sip import now_ms


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table."""

    noticed: str
    lost: int
    normal_s: float


Injection = Callable[[Site], "contextlib.AbstractAsyncContextManager[None]"]


def signalled(number: signal.Signals) -> Injection:
    """The service ends by this signal; `acd run` starts another one."""

    @contextlib.asynccontextmanager
    async def inject(site: Site) -> AsyncIterator[None]:
        old = site.child("serve")
        os.kill(old, number)
        await gone(old)
        yield

    return inject


@contextlib.asynccontextmanager
async def upgraded(site: Site) -> AsyncIterator[None]:
    """`acd drain --restart` with little patience: the conversation outlives the service."""
    old = site.child("serve")
    await site.ask("drain", limit_s=2, restart=True)
    await gone(old)
    yield


async def is_settled(service: int) -> None:
    """Until it has run for a while: one that falls again and again is not started at once."""
    async with asyncio.timeout(2 * GOOD_WHILE_S):
        while age_s(service) <= GOOD_WHILE_S:
            await asyncio.sleep(0.1)


def age_s(pid: int) -> float:
    """How long ago a process was started."""
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    up_s = float(Path("/proc/uptime").read_text().split()[0])
    return up_s - ticks / os.sysconf("SC_CLK_TCK")


async def gone(old: int) -> None:
    """Until that process is gone: what is asked before would be answered by the old one."""
    async with asyncio.timeout(20):
        while is_alive(old):
            await asyncio.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def lasting(fault: Fault, for_s: float) -> Injection:
    """One of the site's own faults, for so long."""

    @contextlib.asynccontextmanager
    async def inject(site: Site) -> AsyncIterator[None]:
        site.begin(fault)
        try:
            await asyncio.sleep(for_s)
        finally:
            site.end(fault)
        yield

    return inject


def lasting_server(stop: Callable[[], None], start: Callable[[], None]) -> Injection:
    """The database's server is down for 10 s."""

    @contextlib.asynccontextmanager
    async def inject(site: Site) -> AsyncIterator[None]:
        await asyncio.to_thread(stop)
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.to_thread(start)
        yield

    return inject


def database(site: Site) -> Path:
    """The site's SQLite file."""
    return site.var / "1414.sqlite"


@contextlib.asynccontextmanager
async def locked(site: Site) -> AsyncIterator[None]:
    """Another program holds the database for 20 s."""
    with contextlib.closing(sqlite3.connect(database(site), timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(20)
        other.rollback()
    yield


@contextlib.asynccontextmanager
async def deleted(site: Site) -> AsyncIterator[None]:
    """The database's files are gone."""
    for end in ("", "-wal", "-shm"):
        database(site).with_name(database(site).name + end).unlink(missing_ok=True)
    yield


async def service_or_database(site: Site, inject: Injection) -> Result:
    """The faults that no citizen should notice."""
    async with cast(site) as people, site.watch() as asterisk:
        await is_settled(site.child("serve"))
        people.begin()
        since = int(time.time())
        hit = time.monotonic()
        async with inject(site):
            lasted_s = time.monotonic() - hit
            begin = time.monotonic() if lasted_s > 5 else hit
            await site.back(asterisk, since)
            await until_normal(site)
            normal_s = time.monotonic() - begin
        await site.ask("operator", action="ready", operator="pens2")
        server = await people.waiter_is_served()
        await people.still_talk()
        noticed = words(people, server)
        lost = people.lost()
        await people.hang_up(people.waiter)
        await people.hang_up(people.talker)
        stories = [await site.recorded(id_) for id_ in (people.talker_id, people.waiter_id)]
        assert [story["outcome"] for story in stories] == ["answered", "answered"], stories
        assert not (await probe(site))["fallback"]
    await site.nothing_left()
    return Result(noticed, lost, normal_s)


def words(people: Cast, server: str) -> str:
    """What those who talked and those who waited could have noticed."""
    gap, silence = people.talk_gap_ms(), people.wait_gap_ms()
    talk = f"nothing ({gap} ms)" if gap <= HEARD_MS else f"a gap of {gap} ms"
    how = "Asterisk's queue" if server == "eng1" else "the service"
    return f"in conversation: {talk}; waiting: longest silence {silence} ms, served by {how}"


async def asterisk_killed(site: Site) -> Result:
    """Its calls are over; what counts is when the next one is answered."""
    async with cast(site) as people:
        people.begin()
        hit = time.monotonic()
        os.kill(site.child("asterisk"), signal.SIGKILL)
        for call in (people.talker, people.theirs, people.waiter):
            call.vanish()
        async with asyncio.timeout(30):
            while (await people.mine.register()) is None:
                await asyncio.sleep(0.05)
        await until_normal(site)
        await site.until("operators", "operator", "pens1", timeout_s=30, state="ready")
        normal_s = time.monotonic() - hit
        for phone in (people.other, people.spare):
            await phone.register()
        stories = [await site.recorded(id_) for id_ in (people.talker_id, people.waiter_id)]
        assert [story["outcome"] for story in stories] == ["answered", "abandoned"], stories
        assert not (await probe(site))["fallback"]
        lost = people.lost()
    await site.nothing_left()
    return Result("the line goes dead; calling again works", lost, normal_s)


async def phone_dies(site: Site) -> Result:
    """The operator's phone is gone without a word in the middle of a conversation."""
    async with cast(site) as people:
        await people.hang_up(people.waiter)
        people.begin()
        await site.ask("operator", action="ready", operator="pens2")
        hit = time.monotonic()
        died = now_ms()
        people.mine.vanish()
        taken = await people.spare.next_call(timeout_ms=40_000)
        await asyncio.gather(
            taken.hears(TALKER, timeout_ms=10_000), people.talker.hears(SPARE, timeout_ms=10_000)
        )
        normal_s = time.monotonic() - hit
        heard = people.talker.hearing([MINE, SPARE])
        silence_s = heard.longest_silence(died, now_ms()) / 1000
        lost = people.lost()
        await people.hang_up(people.talker)
        story = await site.recorded(people.talker_id)
        assert (story["outcome"], story["operator"]) == ("answered", "pens2"), story
    await site.nothing_left()
    noticed = f"in conversation: {silence_s:.1f} s of silence, a sentence, the next operator"
    return Result(noticed, lost, normal_s)


@dataclass(frozen=True, slots=True)
class Row:
    """A fault of the table; `lost_allowed` calls go down with what fell."""

    title: str
    run: Callable[[Site], Awaitable[Result]]
    lost_allowed: int = 0


def plain(inject: Injection) -> Callable[[Site], Awaitable[Result]]:
    """A fault of the service, the link or the database."""
    return lambda site: service_or_database(site, inject)


FAULTS: dict[str, Row] = {
    "kill": Row("kill -9 of the service", plain(signalled(signal.SIGKILL))),
    "term": Row("service restarted (SIGTERM)", plain(signalled(signal.SIGTERM))),
    "upgrade": Row("upgrade (`acd drain --restart`)", plain(upgraded)),
    "hang": Row("service hangs for 10 s", plain(lasting("stopped", 10))),
    "cut": Row("link to Asterisk cut for 10 s", plain(lasting("cut", 10))),
    "locked": Row("database locked for 20 s", plain(locked)),
    "phone": Row("operator's phone dies in a call", phone_dies),
    "asterisk": Row("kill -9 of Asterisk", asterisk_killed, lost_allowed=2),
    "deleted": Row("database files deleted", plain(deleted)),
}
POSTGRES = "postgres"
