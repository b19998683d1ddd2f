"""Whatever happens to the service or to Asterisk, nobody who can be kept loses the call.

The service is killed, stopped, cut off or made deaf while people wait, talk and choose in the menu;
what they hear and what is on record afterwards is compared with what should have been.
"""

import asyncio
import contextlib
import itertools
import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.asterisk.centre import FILES, OPERATORS, Centre, Row, events, talk
from tests.asterisk.chaos.site import FAULTS, Fault, Site, Watcher
from tests.sip import AnswerAfter, Call, Phone, Ring, now_ms

MINE, OTHERS = 600, 700
GAP_MS = 200
"""The longest hole in a conversation that nobody takes for an interruption."""
IN_FALLBACK_S = 5.0
PENSIONS = "{shift: A, languages: {ru: 5}, topics: {pension: 5}}"
CREW = [f"crew{number:02}" for number in range(30)]
BUSY_FILES = {
    **FILES,
    "operators.yaml": OPERATORS
    + "  slow1: {shift: A, ring: 30s, languages: {ru: 5}, topics: {pension: 5}}\n"
    + "".join(f"  {id_}: {PENSIONS}\n" for id_ in CREW),
}
NUMBERS = itertools.count(77_010_100_001)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Shared: each test takes operators of its own and leaves nothing behind."""
    running = Site(tmp_path_factory.mktemp("s"), BUSY_FILES)
    running.start()
    yield running
    assert running.stop() == 0


@contextlib.asynccontextmanager
async def citizens(centre: Centre, *tones: int):
    """A phone for each tone, each with a number nobody had before: it finds the call's record."""
    async with contextlib.AsyncExitStack() as stack:
        phones = [centre.caller(str(next(NUMBERS)), hz) for hz in tones]
        yield [await stack.enter_async_context(phone) for phone in phones]


def uninterrupted(call: Call, hz: int, from_ms: int, to_ms: int) -> None:
    """The tone goes on from the one moment to the other."""
    heard = call.hearing([hz])
    gap = heard.longest_gap(hz, from_ms, to_ms)
    assert gap <= GAP_MS, f"a hole of {gap} ms in {hz} Hz: {heard.story()}"


def seconds_between(story: Row, first: str, last: str) -> float:
    """From the first event of one name to the first of another."""
    at = {}
    for entry in story["timeline"]:
        at.setdefault(entry["event"], datetime.fromisoformat(entry["at"]))
    assert {first, last} <= at.keys(), events(story)
    return (at[last] - at[first]).total_seconds()


async def on_record(site: Site, phone: Phone) -> Row:
    """The record of this caller's call, which is over; compared with Asterisk's own notes."""
    ending = await site.ending(phone.user)
    story = await site.recorded(ending.call)
    assert events(story).count("arrived") == 1, events(story)
    if ending.connected_at is not None and story["outcome"] == "answered":
        since = ending.queued_at or ending.fallback_at
        assert abs(story["wait_s"] - (ending.connected_at - since) / 1000) < 0.3, story
        over = ending.talk_ended_at or ending.ended_at
        talked = (over - ending.connected_at) / 1000
        assert talked - 0.3 < story["handle_s"] < talked + 1.6, "talk and a wrap-up of 1 s"
    return story


async def queued(site: Site, phone: Phone) -> tuple[Call, str]:
    """A caller who waits in hold for an operator of pensions who speaks Russian."""
    call, id_ = await site.call_in(phone, "22")
    await site.until("callers", "call", id_, stage="waiting")
    return call, id_


# The service is away while people are there


@pytest.mark.parametrize("fault", FAULTS)
async def test_while_the_service_is_away_nobody_loses_the_call(site: Site, fault: Fault):
    async with (
        site.operator("pens1", MINE) as mine,
        site.operator("eng1", OTHERS) as other,
        citizens(site, 500, 800, 900) as (one, two, three),
        site.watch() as asterisk,
    ):
        talking, talking_id = await site.call_in(one, "22")
        theirs = await mine.next_call()
        await talk(theirs, talking)
        waiting, waiting_id = await queued(site, two)
        began = now_ms()
        async with site.away(fault, asterisk):
            await asterisk.until(two.user, "acd-fallback", timeout_s=IN_FALLBACK_S)
            rescued = await other.next_call(timeout_ms=8000)
            await talk(rescued, waiting, operator=OTHERS, caller=800)
            helped = now_ms()
            new = await site.dialled(three)
            await asterisk.until(three.user, "acd-fallback", timeout_s=3)
        await site.until("operators", "operator", "eng1", state="talking", call=waiting_id)
        await site.until("operators", "operator", "pens1", state="talking", call=talking_id)
        await asyncio.gather(
            rescued.hears(800, at_least_ms=1000), talking.hears(MINE, at_least_ms=1000)
        )
        ended = now_ms()
        for call, hz in ((talking, MINE), (theirs, 500)):
            uninterrupted(call, hz, began, ended)
        for call, hz in ((waiting, OTHERS), (rescued, 800)):
            uninterrupted(call, hz, helped, ended)
        await asterisk.until(three.user, "acd-fallback", timeout_s=0.5)
        await asyncio.gather(new.hang_up(), waiting.hang_up(), talking.hang_up())
        for id_ in ("pens1", "eng1"):
            await site.until("operators", "operator", id_, state="wrap_up")
        for id_ in ("pens1", "eng1"):
            await site.until("operators", "operator", id_, state="ready")
        stories = [await on_record(site, phone) for phone in (one, two, three)]
    assert [story["outcome"] for story in stories] == ["answered", "answered", "abandoned"]
    assert [story["operator"] for story in stories] == ["pens1", "eng1", None]
    assert [story["fallback"] for story in stories] == [False, True, True]
    assert len(mine.calls) == 1, "the operator who talked was rung again"
    await site.nothing_left()


async def test_who_waits_when_the_service_dies_is_taken_up_again_or_served_by_asterisk(site: Site):
    """Nobody holds it back here: it is started again at once."""
    async with citizens(site, 500) as (one,), site.watch() as asterisk:
        call, id_ = await queued(site, one)
        since = int(time.time())
        os.kill(site.child("serve"), signal.SIGKILL)
        async with asyncio.timeout(IN_FALLBACK_S):
            while not await is_safe(site, asterisk, id_):
                await asyncio.sleep(0.05)
        await site.back(asterisk, since)
        async with site.operator("pens1", MINE) as mine:
            await talk(await mine.next_call(timeout_ms=8000), call)
            await call.hang_up()
            await site.until("operators", "operator", "pens1", state="ready")
            story = await on_record(site, one)
    assert (story["outcome"], story["operator"]) == ("answered", "pens1")
    await site.nothing_left()


async def is_safe(site: Site, asterisk: Watcher, call: str) -> bool:
    """Whether a caller is in Asterisk's own queue or known to a service that is there."""
    listed = {each.id: each.context for each in await asterisk.callers()}
    if listed[call] == "acd-fallback":
        return True
    return await site.is_up() and call in {row["call"] for row in await site.ask("callers")}


async def test_who_is_in_the_menu_when_the_service_dies_is_passed_on_at_once(site: Site):
    async with (
        site.operator("eng1", OTHERS) as other,
        citizens(site, 500) as (one,),
        site.watch() as asterisk,
    ):
        call = await site.dialled(one)
        await call.hears("other")
        async with site.away("killed", asterisk):
            await asterisk.until(one.user, "acd-fallback", timeout_s=1.5)
            taken = await other.next_call(timeout_ms=15_000)
            await talk(taken, call, operator=OTHERS)
        await site.until("operators", "operator", "eng1", state="talking")
        await call.hang_up()
        story = await on_record(site, one)
        await site.until("operators", "operator", "eng1", state="ready")
    assert (story["outcome"], story["operator"], story["fallback"]) == ("answered", "eng1", True)
    await site.nothing_left()


async def test_a_hiccup_of_a_second_and_a_half_changes_nothing(site: Site):
    async with (
        site.operator("pens1", MINE) as mine,
        citizens(site, 500, 800) as (one, two),
        site.watch() as asterisk,
    ):
        talking, _ = await site.call_in(one, "22")
        theirs = await mine.next_call()
        await talk(theirs, talking)
        waiting, waiting_id = await queued(site, two)
        before, began = await site.ask("status"), now_ms()
        adopted = len(site.adoptions())
        for _ in range(2):
            site.begin("stopped")
            await asyncio.sleep(1.5)
            site.end("stopped")
            async with asyncio.timeout(5):
                beat = await asterisk.heartbeat()
                while await asterisk.heartbeat() <= beat:
                    await asyncio.sleep(0.05)
        channel = await asterisk.caller(two.user)
        uninterrupted(talking, MINE, began, now_ms())
        after = await site.ask("status")
        row = await site.row("callers", "call", waiting_id)
        await waiting.hang_up()
        await talking.hang_up()
        stories = [await on_record(site, phone) for phone in (one, two)]
    assert channel is not None
    assert channel.context == "acd-hold"
    assert (row["stage"], row["position"]) == ("waiting", 1)
    assert [after[key] for key in ("repairs", "gaps")] == [
        before[key] for key in ("repairs", "gaps")
    ]
    assert len(site.adoptions()) == adopted
    assert [(story["outcome"], story["fallback"]) for story in stories] == [
        ("answered", False),
        ("abandoned", False),
    ]
    await site.nothing_left()


# It comes back


async def test_back_in_time_it_knows_who_waits_who_is_rung_and_who_talks(site: Site):
    async with (
        site.operator("pens1", MINE) as mine,
        citizens(site, 500, 800, 900) as (one, two, three),
        site.beating(),
        site.watch() as asterisk,
    ):
        talking, talking_id = await site.call_in(one, "22")
        theirs = await mine.next_call()
        await talk(theirs, talking)
        second, second_id = await queued(site, two)
        third, third_id = await queued(site, three)
        async with site.operator("slow1", OTHERS, policy=Ring()) as slow:
            ringing = await slow.next_call()
            await ringing.wait_for("ringing")
            before = {row["call"]: row for row in await site.ask("callers")}
            since = int(time.time())
            os.kill(site.child("serve"), signal.SIGKILL)
            await site.back(asterisk, since)
            after = {row["call"]: row for row in await site.ask("callers")}
            row = await site.row("operators", "operator", "slow1")
            assert (row["state"], row["call"]) == ("ringing", second_id)
            talker = await site.row("operators", "operator", "pens1")
            assert (talker["state"], talker["call"]) == ("talking", talking_id)
            ringing.answer()
            await talk(ringing, second, operator=OTHERS, caller=800)
            await site.until("operators", "operator", "slow1", state="talking")
            await second.hang_up()
            await site.until("operators", "operator", "slow1", state="wrap_up")
            await site.ask("operator", action="pause", operator="slow1", reason="break")
            assert len(slow.calls) == 1, "rung twice"
        await talking.hang_up()
        await site.until("operators", "operator", "pens1", state="wrap_up")
        last = await mine.next_call(timeout_ms=8000)
        await talk(last, third, caller=900)
        await third.hang_up()
        stories = [await on_record(site, phone) for phone in (one, two, three)]
        await site.until("operators", "operator", "pens1", state="ready")
    assert [call for call in before] == [call for call in after] == [second_id, third_id]
    for call, row in after.items():
        assert row["stage"] == before[call]["stage"]
        assert row["wait_s"] > before[call]["wait_s"]
    assert [(s["outcome"], s["fallback"]) for s in stories] == [("answered", False)] * 3
    assert [s["operator"] for s in stories] == ["pens1", "slow1", "pens1"]
    assert [events(s).count("connected") for s in stories] == [1, 1, 1], stories[0]["timeline"]
    await site.nothing_left()


async def test_twenty_seconds_away_and_what_nobody_saw_is_on_record(site: Site):
    """A caller in the menu of a hung service is passed on after 20 s; meanwhile a conversation
    ends, a new caller is served and gone, another gives up.
    """
    async with (
        site.operator("pens1", MINE) as mine,
        site.operator("eng1", OTHERS) as other,
        citizens(site, 500, 800, 900, 1000) as (one, two, three, four),
        site.watch() as asterisk,
    ):
        talking, _ = await site.call_in(one, "22")
        await talk(await mine.next_call(), talking)
        in_menu = await site.dialled(four)
        await in_menu.hears("other")
        async with site.away("stopped", asterisk):
            hung_at = now_ms()
            await asterisk.stale()
            await talking.hang_up()
            served = await site.dialled(two)
            phone, taken = await next_of(mine, other)
            await talk(taken, served, operator=phone.tone_hz or 0, caller=800)
            await served.hang_up()
            gives_up = await site.dialled(three)
            await asterisk.until(three.user, "acd-fallback", timeout_s=3)
            await gives_up.hang_up()
            endings = [await site.ending(each.user) for each in (one, two, three)]
            await asterisk.until(four.user, "acd-fallback", timeout_s=21)
            assert now_ms() - hung_at < 21_000
            rescuer, rescued = await next_of(mine, other)
            await rescued.hears(1000, timeout_ms=8000)
        await in_menu.hears(rescuer.tone_hz or 0)
        await in_menu.hang_up()
        stories = [await on_record(site, each) for each in (one, two, three, four)]
        for operator in ("pens1", "eng1"):
            await site.until("operators", "operator", operator, state="ready")
    assert [s["outcome"] for s in stories] == ["answered", "answered", "abandoned", "answered"]
    assert [s["operator"] for s in stories] == ["pens1", phone.user, None, rescuer.user]
    assert [s["fallback"] for s in stories] == [False, True, True, True]
    for story, ending in zip(stories, endings, strict=False):
        ended_ms = datetime.fromisoformat(story["ended_at"]).timestamp() * 1000
        assert abs(ended_ms - ending.ended_at) < 100, "the end is when it was, not when we came"
    await site.nothing_left()


async def next_of(*phones: Phone) -> tuple[Phone, Call]:
    """The call that comes to one of these phones, and the phone."""
    waits = {
        asyncio.get_running_loop().create_task(phone.next_call(timeout_ms=10_000)): phone
        for phone in phones
    }
    done, left = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    first = done.pop()
    return waits[first], first.result()


async def test_a_hundred_calls_are_taken_up_within_three_seconds(site: Site):
    """60 wait, 30 talk, 10 are in the menu. Twice: the service killed, the link cut."""
    async with contextlib.AsyncExitStack() as stack, site.watch() as asterisk:
        enter = stack.enter_async_context
        for id_ in CREW:
            await enter(silent_operator(site, id_))
        phones = [
            await enter(Phone(str(next(NUMBERS)), server=site.sip, ip="127.0.0.2"))
            for _ in range(100)
        ]
        for first in range(0, 90, 15):
            group = phones[first : first + 15]
            await asyncio.gather(*(site.dialled(phone, "22") for phone in group))
        await counted(site, talking=30, waiting=60)
        line = await line_of(site, asterisk)
        pairs = talkers(await site.ask("operators"))
        async with site.beating():
            for phone in phones[90:]:
                await site.dialled(phone)
            seen, since = len(site.adoptions()), int(time.time())
            os.kill(site.child("serve"), signal.SIGKILL)
            await site.back(asterisk, since)
        calls, ms = site.adoptions()[seen]
        assert (calls, ms < 3000) == (100, True)
        for phone in phones[90:]:
            found = await asterisk.caller(phone.user)
            assert found is not None and found.context == "acd-fallback"
        await still_as_they_were(site, asterisk, line, pairs)
        seen, since = len(site.adoptions()), int(time.time())
        site.network.cut()
        site.network.mend()
        await site.back(asterisk, since)
        async with asyncio.timeout(10):
            while len(site.adoptions()) == seen:
                await asyncio.sleep(0.05)
        calls, ms = site.adoptions()[seen]
        assert (calls, ms < 3000) == (0, True)
        await still_as_they_were(site, asterisk, line, pairs)
        for first in range(80, -1, -20):  # who talks last: a freed operator would take who waits
            group = phones[first : first + 20]
            await asyncio.gather(*(call.hang_up() for phone in group for call in phone.live_calls))
        outcomes = await outcomes_of(site, {phone.user for phone in phones})
        for id_ in CREW:
            await site.until("operators", "operator", id_, state="ready")
    assert outcomes == {"answered": 30, "abandoned": 70}
    await site.nothing_left()


@contextlib.asynccontextmanager
async def silent_operator(site: Site, id_: str):
    """Ready, answers at once, and sends no sound, so that a hundred calls are light."""
    policy = AnswerAfter()
    async with Phone(id_, server=site.sip, password=site.password(id_), policy=policy) as phone:
        await phone.register()
        await site.until("operators", "operator", id_, phone="free")
        await site.ask("operator", action="ready", operator=id_)
        try:
            yield phone
        finally:
            await site.ask("operator", action="logout", operator=id_)


async def counted(site: Site, *, talking: int, waiting: int) -> None:
    """Wait until so many talk and so many wait without being rung for."""
    found = (0, 0)
    try:
        async with asyncio.timeout(30):
            while found != (talking, waiting):
                stages = [row["stage"] for row in await site.ask("callers")]
                found = (len(talkers(await site.ask("operators"))), stages.count("waiting"))
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"{found[0]} talk and {found[1]} wait") from None


def talkers(rows: list[Row]) -> dict[str, str]:
    """Which operator talks in which call."""
    return {row["operator"]: row["call"] for row in rows if row["state"] == "talking"}


async def line_of(site: Site, asterisk: Watcher) -> list[str]:
    """When those who wait were queued, in their order; two may share a millisecond."""
    moments = {channel.id: channel.queued_at for channel in await asterisk.callers()}
    rows = [row for row in await site.ask("callers") if row["stage"] == "waiting"]
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    return [moments[row["call"]] for row in rows]


async def still_as_they_were(
    site: Site, asterisk: Watcher, line: list[str], pairs: dict[str, str]
) -> None:
    """The line in its order, and everybody who talked still talks."""
    assert await line_of(site, asterisk) == line
    assert talkers(await site.ask("operators")) == pairs


async def outcomes_of(site: Site, numbers: set[str]) -> dict[str, int]:
    """How many of these callers' calls, each once on record, ended in what way."""
    async with asyncio.timeout(20):
        while not numbers <= site.endings().keys():
            await asyncio.sleep(0.1)
        ids = {site.endings()[number].call for number in numbers}
        while True:
            rows = [row for row in await site.ask("calls", limit=10_000) if row["call"] in ids]
            if len(rows) == len(numbers) and all(row["ended_at"] for row in rows):
                break
            await asyncio.sleep(0.1)
    found = [row["outcome"] for row in rows]
    return {outcome: found.count(outcome) for outcome in sorted(set(found))}


# Asterisk itself dies


async def test_when_asterisk_dies_each_call_has_its_outcome_and_the_next_ones_work(tmp_path):
    centre = Centre(tmp_path / "k", FILES)
    await asyncio.to_thread(centre.start)
    try:
        await asterisk_dies(centre)
    finally:
        assert await asyncio.to_thread(centre.stop) == 0


async def asterisk_dies(centre: Centre) -> None:
    async with (
        centre.operator("pens1", MINE) as mine,
        citizens(centre, 500, 800, 900) as (one, two, three),
    ):
        talking, talking_id = await centre.call_in(one, "22")
        await talk(await mine.next_call(), talking)
        _, waiting_id = await centre.call_in(two, "22")
        await centre.until("callers", "call", waiting_id, stage="waiting")
        _, menu_id = await centre.call_in(three, "")
        before = centre.child("asterisk")
        os.kill(before, signal.SIGKILL)
        for phone in (mine, one, two, three):
            for call in phone.live_calls:
                call.vanish()
        await is_another(centre, before)
        stories = [await centre.ended(id_) for id_ in (talking_id, waiting_id, menu_id)]
        await mine.register()
        await centre.until("operators", "operator", "pens1", timeout_s=20, state="ready")
        again, again_id = await centre.call_in(one, "22")
        await talk(await mine.next_call(timeout_ms=8000), again)
        await again.hang_up()
        stories.append(await centre.ended(again_id))
        rows = await centre.ask("calls", limit=1000)
    assert [s["outcome"] for s in stories] == ["answered", "abandoned", "left_menu", "answered"]
    assert stories[0]["operator"] == "pens1"
    assert 1 < stories[0]["handle_s"] < 6
    assert sorted(row["call"] for row in rows) == sorted(story["call"] for story in stories)
    await centre.nothing_left()


async def is_another(centre: Centre, old: int) -> None:
    """Until another Asterisk runs and the service holds the link to it."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(AssertionError, OSError):
                if centre.child("asterisk") != old and (await centre.ask("status"))["ami_up"]:
                    return
            await asyncio.sleep(0.1)
