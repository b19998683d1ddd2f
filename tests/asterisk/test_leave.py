"""Callers whom the ladder leads out of the queue: to a message, to the menu, to another house."""

import asyncio
from pathlib import Path

import pytest

from ivr.core.menu import Clip
from tests.asterisk.centre import FILES, MENU, SERVICE, Centre, events, free_ports
from tests.asterisk.prompts import hears_prompt, said
from tests.sip import AnswerAfter, Phone, Reject

LADDER = "ladder: [{at: 4s, do: widen, topic: 1}, {at: 30s, do: overflow, to: general}]"
SORRY = """
  sorry:
    type: voicemail
    prompt: {kk: "Айтыңыз.", ru: "Скажите, о каких документах речь.", en: "Say it."}
    max: "30s"
    next: goodbye
"""
LEAVES = {"egov": "menu", "social": "voicemail", "documents": "voicemail", "health": '"112"'}


def queues() -> str:
    """The usual queues, four of which send their callers away after two seconds."""
    text = FILES["queues.yaml"]
    for queue, target in LEAVES.items():
        head, mark, rest = text.partition(f"  {queue}:\n")
        leave = f"ladder: [{{at: 2s, do: overflow, to: {target}}}]"
        text = head + mark + rest.replace(LADDER, leave, 1)
    return text


@pytest.fixture(scope="module")
def elsewhere_port() -> int:
    """Where the other house answers."""
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory, elsewhere_port: int):
    """A centre whose ladders lead out; the menu has something to say to that for documents."""
    folder = tmp_path_factory.mktemp("v")
    dialplans: Path = folder / "dialplans"
    dialplans.mkdir()
    plan = MENU.read_text(encoding="utf-8").replace(
        "topic: id_docs, next: goodbye", "topic: id_docs, next: goodbye, on_overflow: sorry"
    )
    plan += SORRY
    (dialplans / "1414-main.yaml").write_text(plan, encoding="utf-8")
    service = SERVICE + f'transfers: {{{{"112": "sip:112@127.0.0.1:{elsewhere_port}"}}}}\n'
    files = {**FILES, "service.yaml": service, "queues.yaml": queues()}
    running = Centre(folder, files, dialplans)
    running.start()
    yield running
    assert running.stop() == 0


async def row(centre: Centre, queue: str):
    return await centre.row("queues", "queue", queue)


async def test_who_waited_too_long_leaves_a_message_and_counts_as_overflowed(centre: Centre):
    before = await row(centre, "social")
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22")
        await hears_prompt(call, said("all_busy_message", "ru"))
        waiting = await row(centre, "social")
        await asyncio.sleep(10)  # to the end of the sentence and the tone, and some words
        await call.hang_up()
        story = await centre.ended(id_)
    assert (waiting["waiting"], waiting["overflowed"]) == (0, before["overflowed"] + 1)
    assert story["outcome"] == "overflowed"
    assert 2 <= story["wait_s"] < 3
    assert [e["target"] for e in story["timeline"] if e["event"] == "left_queue"] == ["voicemail"]
    assert "message_left" in events(story) and "fallback" not in events(story)
    assert (centre.var / "messages" / f"{id_}.wav").stat().st_size > 30_000
    await centre.nothing_left()


async def test_what_the_menu_says_when_nobody_can_come_is_said(centre: Centre):
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "23")
        await hears_prompt(call, Clip("ru", "Скажите, о каких документах речь."))
        await asyncio.sleep(4)
        await call.hang_up()
        story = await centre.ended(id_)
    assert story["outcome"] == "overflowed" and "message_recorded" in events(story)
    await centre.nothing_left()


async def test_who_is_led_to_the_menu_can_wait_again_and_is_answered_with_the_whole_wait(
    centre: Centre,
):
    async with centre.operator("gen1", 600) as phone, centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "21")
        await centre.until("calls", "call", id_, outcome="overflowed")
        await hears_prompt(call, Clip("ru", "Русский язык: нажмите два"))
        await call.press("25")
        taken = await phone.next_call()
        await asyncio.gather(taken.hears(500), call.hears(600))
        await asyncio.sleep(1.3)
        await call.hang_up()
        story = await centre.ended(id_)
    assert (story["outcome"], story["operator"], story["queue"]) == ("answered", "gen1", "egov")
    assert story["wait_s"] > 2 and "queued_again" in events(story)
    egov = await row(centre, "egov")
    assert (egov["offered"], egov["answered"], egov["overflowed"]) == (1, 1, 0)
    await centre.nothing_left()


@pytest.mark.parametrize("answers", [True, False])
async def test_who_is_led_to_a_number_outside_is_connected_or_leaves_a_message(
    centre: Centre, elsewhere_port: int, answers: bool
):
    house = Phone("112", tone_hz=700, policy=AnswerAfter(ring_ms=200) if answers else Reject(486))
    await house.open(elsewhere_port)
    try:
        async with centre.caller() as citizen:
            call, id_ = await centre.call_in(citizen, "24")
            if answers:
                there = await house.next_call()
                await asyncio.gather(there.hears(500), call.hears(700))
                await there.hang_up()
                await hears_prompt(call, said("goodbye", "ru"))
            else:
                await hears_prompt(call, said("all_busy_message", "ru"))
                await call.hang_up()
            story = await centre.ended(id_)
    finally:
        await house.close()
    assert story["outcome"] == "overflowed"
    await centre.nothing_left()


async def test_figures_add_up_after_all_that(centre: Centre):
    for each in await centre.ask("queues"):
        ended = ("answered", "abandoned", "callbacks", "overflowed", "waiting")
        assert each["offered"] == sum(each[name] for name in ended), each
