"""An operator hangs up within milliseconds of answering: the caller lives on and is connected.

The whisper is left out here (the topic has no recorded name), so that the bridge follows the
answer at once and both are hit.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.asterisk.centre import SERVICE, Centre, Row
from tests.sip import AnswerAfter, Call, Manual, Phone, now_ms

RACES = 160
"""Two thirds of them hang up, one third declines in the last moment."""
RING_MS = 30
SPREAD_MS = tuple(range(-10, 21, 2))
"""From the answer: before it the operator declines, after it hangs up; the bridge is within."""
CALLER, STEADY = 500, 600
CALLERS = 20
HASTY = [f"hasty{n}" for n in range(10)]
CALM = [f"calm{n:02}" for n in range(CALLERS)]
PERSON = "{shift: A, languages: {ru: 5}, topics: {race: 5}}"

FILES = {
    "service.yaml": SERVICE.replace("[kk, ru, en]", "[ru]").replace(
        "{first}-{last}", "16000-19999"
    ),
    "skills.yaml": 'schema: 1\ntopics:\n  race: {queue: general, name: {ru: "Гонка"}}\n',
    "queues.yaml": "schema: 1\nqueues:\n  general: {ring: 20s, wrap_up: 0s}\n",
    "shifts.yaml": 'schema: 1\nshifts:\n  A: {days: [mon, tue, wed, thu, fri, sat, sun], hours: "00:00-23:59"}\n',  # noqa: E501
    "operators.yaml": "schema: 1\noperators:\n"
    + "".join(f"  {id_}: {PERSON}\n" for id_ in HASTY + CALM),
}
MENU = """\
schema: 1
id: "race"
languages: [ru]
default_language: ru
timezone: Asia/Almaty
entry: operator
phrases: {ru: {to_operator: "Сейчас соединим вас с оператором."}}
nodes:
  operator: {type: queue, topic: race}
"""


@pytest.fixture(scope="module")
def track(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """A centre of twenty calm operators and ten who cannot make up their minds."""
    folder = tmp_path_factory.mktemp("r")
    dialplans: Path = folder / "dialplans"
    dialplans.mkdir()
    (dialplans / "race.yaml").write_text(MENU, encoding="utf-8")
    running = Centre(folder, FILES, dialplans)
    running.start()
    yield running
    assert running.stop() == 0


class Races:
    """Counts them, and deals out the moments."""

    def __init__(self) -> None:
        self.begun = 0
        self.hung_up = 0

    def next_moment(self) -> int | None:
        """Milliseconds from the answer; None when there have been enough."""
        if self.begun == RACES:
            return None
        self.begun += 1
        return SPREAD_MS[self.begun % len(SPREAD_MS)]


async def race(centre: Centre, phone: Phone, races: Races) -> None:
    """Take call after call and leave each at another moment around the answer."""
    while (moment := races.next_moment()) is not None:
        await centre.ask("operator", action="ready", operator=phone.user)
        call = await phone.next_call(timeout_ms=20_000)
        call.ring()
        await asyncio.sleep((RING_MS + min(0, moment)) / 1000)
        assert call.state == "ringing", f"{phone.user} was rung for nothing"
        if moment < 0:
            call.reject(603)
        else:
            call.answer()
            if moment:
                await asyncio.sleep(moment / 1000)
            await call.hang_up()
            races.hung_up += 1
        await centre.until("operators", "operator", phone.user, call=None)
    await centre.ask("operator", action="pause", operator=phone.user, reason="break")


async def test_an_operator_who_hangs_up_at_the_answer_never_costs_a_caller_the_call(track: Centre):
    races = Races()
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        hasty = [await enter(track.operator(id_, 700, ready=False)) for id_ in HASTY]
        calm = [await enter(track.operator(id_, STEADY, ready=False)) for id_ in CALM]
        for phone in hasty:
            phone.policy = Manual()
        citizens = [await enter(track.caller(f"770103{n:05}", CALLER)) for n in range(CALLERS)]
        calls = [phone.dial("1414") for phone in citizens]
        await asyncio.gather(*(call.answered() for call in calls))
        began = now_ms()
        async with asyncio.timeout(40):
            await asyncio.gather(*(race(track, phone, races) for phone in hasty))
        assert [call.state for call in calls] == ["answered"] * CALLERS, "a caller was cut off"
        taken = await asyncio.gather(*(connected(track, phone) for phone in calm))
        await asyncio.gather(
            *(call.hears(STEADY, at_least_ms=1000, timeout_ms=10_000) for call in calls),
            *(call.hears(CALLER, at_least_ms=1000, timeout_ms=10_000) for call in taken),
        )
        took_s = (now_ms() - began) / 1000
        await asyncio.gather(*(call.hang_up() for call in calls))
        stories = await records(track)
        for id_ in HASTY + CALM:
            state = "paused" if id_ in HASTY else "ready"
            await track.until("operators", "operator", id_, state=state)
    print(f"{races.hung_up} hung up and {RACES - races.hung_up} declined in {took_s:.1f} s")
    failed = [e for story in stories for e in story["timeline"] if e["event"] == "offer_failed"]
    assert [story["outcome"] for story in stories] == ["answered"] * CALLERS
    assert {story["operator"] for story in stories} == set(CALM)
    assert len(failed) == RACES
    assert {e["reason"] for e in failed} <= {"hung_up_at_once", "phone_busy"}
    await track.nothing_left()


async def connected(centre: Centre, phone: Phone) -> Call:
    """This operator sits down and gets a caller."""
    phone.policy = AnswerAfter()
    await centre.ask("operator", action="ready", operator=phone.user)
    call = await phone.next_call(timeout_ms=15_000)
    await call.wait_for("acked")
    return call


async def records(centre: Centre) -> list[Row]:
    """The complete record of every caller's call."""
    async with asyncio.timeout(15):
        while True:
            rows = await centre.ask("calls", limit=1000)
            if len(rows) == CALLERS and all(row["ended_at"] for row in rows):
                return [await centre.story(row["call"]) for row in rows]
            await asyncio.sleep(0.1)
