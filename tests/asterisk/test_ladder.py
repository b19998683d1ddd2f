"""The ladder as shipped, on real telephones: each rung at its second, and nobody past the line."""

import asyncio

import pytest

from tests.asterisk.centre import FILES, ROOT, Centre, Row, talk
from tests.asterisk.prompts import hears_prompt, said
from tests.sip import Phone, Reject

SHIPPED = (ROOT / "config" / "queues.yaml").read_text(encoding="utf-8")
OPERATORS = """\
schema: 1
operators:
  pens1: {shift: A, languages: {ru: 5}, topics: {pension: 5}}
  lead1: {shift: A, languages: {ru: 5}, topics: {pension: 4}, reserve: true}
  gen1: {shift: A, languages: {ru: 5}, topics: {general: 5}}
  weak1: {shift: A, languages: {kk: 5, ru: 1}, topics: {land: 3}}
"""
TALKING, LEAD, GENERAL, WEAK = 600, 700, 800, 900
LATE_S = 0.7
"""A rung may be this late on a machine with other work to do; the router itself is exact."""


def centre_with(folder, queues: str) -> Centre:
    files = {**FILES, "queues.yaml": queues, "operators.yaml": OPERATORS}
    return Centre(folder, files)


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory):
    """Conversations are believed to be short, so that no wait looks long before its time."""
    assert "handle_time: 180s" in SHIPPED
    queues = SHIPPED.replace("handle_time: 180s", "handle_time: 5s")
    running = centre_with(tmp_path_factory.mktemp("p"), queues)
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory):
    """The shipped file to the letter."""
    running = centre_with(tmp_path_factory.mktemp("s"), SHIPPED)
    running.start()
    yield running
    assert running.stop() == 0


def rungs(story: Row) -> dict[str, float]:
    """When each step of the ladder fired, in seconds of wait."""
    ladder = ("widen", "reserve", "overflow", "offer_callback", "message", "raise", "leave")
    return {
        decision["rule"]: decision["waited_s"]
        for decision in story["decisions"]
        if decision["rule"].startswith(ladder)
    }


def rung_at(phone: Phone, story: Row) -> float:
    """How long the caller had waited when this operator was rung."""
    [decision] = [each for each in story["decisions"] if each["taken"] == phone.user]
    return float(decision["waited_s"])


async def test_every_rung_fires_at_its_second_and_rings_whom_it_is_for(patient: Centre):
    async with (
        patient.operator("pens1", TALKING) as busy,
        patient.caller("77010007001", 500) as first,
        patient.caller("77010007002", 550) as second,
    ):
        talker, talker_id = await patient.call_in(first, "22")
        taken = await busy.next_call()
        await talk(taken, talker, operator=TALKING)
        async with (
            patient.operator("lead1", LEAD, policy=Reject()) as lead,
            patient.operator("gen1", GENERAL, policy=Reject()) as general,
            patient.operator("weak1", WEAK, policy=Reject()) as weak,
        ):
            waiter, id_ = await patient.call_in(second, "22")
            async with asyncio.timeout(40):
                while "message" not in rungs(await patient.story(id_)):
                    await asyncio.sleep(0.5)
            await hears_prompt(waiter, said("still_waiting", "ru"))
            shown = await asyncio.to_thread(patient.acd, "call", "show", id_)
            await waiter.hang_up()
            story = await patient.ended(id_)
            await talker.hang_up()
            await patient.ended(talker_id)
    fired = rungs(story)
    expected = {
        "reserve": 10,
        "overflow to general": 15,
        "offer_callback": 20,
        "widen": 25,
        "message": 30,
    }
    assert list(fired) == list(expected)
    for rule, at in expected.items():
        assert at <= fired[rule] < at + LATE_S, (rule, fired)
    for phone, at in ((lead, 10), (general, 15), (weak, 25)):
        assert at <= rung_at(phone, story) < at + LATE_S, (phone.user, story["decisions"])
    assert shown.returncode == 0
    for rule in expected:
        assert rule in shown.stdout
    await patient.nothing_left()


async def test_with_nobody_the_ladder_does_not_wait_for_its_times(shipped: Centre):
    async with shipped.caller("77010007003") as citizen:
        call, id_ = await shipped.call_in(citizen, "22")
        await shipped.until("calls", "call", id_, timeout_s=40, outcome="overflowed")
        story = await shipped.story(id_)
        await call.hang_up()
        await shipped.ended(id_)
    fired = rungs(story)
    for rule in ("reserve", "overflow to general", "offer_callback"):
        assert fired[rule] < 1, (rule, fired)
    assert 30 <= max(fired.values()) < 30 + LATE_S
    assert story["outcome"] == "overflowed"
    await shipped.nothing_left()
