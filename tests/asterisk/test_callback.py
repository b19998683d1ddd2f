"""Callers who take a callback, and are called: by a real Asterisk, to a real phone."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

import pytest

from ivr.core.announcements import digit_clips
from tests.asterisk.centre import FILES, SERVICE, Centre, events, free_ports, talk
from tests.asterisk.prompts import hears_prompt, said
from tests.sip import AnswerAfter, Call, Phone, Reject, Ring

NUMBER = "77010001122"
LADDER = "ladder: [{at: 30s, do: widen, language: 1, topic: 0}]"
OFFERS = (
    "callback: {tries: 2, pause: 10s, ring: 5s, max_age: 1h}\n"
    "    ladder: [{at: 1s, do: offer_callback}, {at: 30s, do: widen, language: 1, topic: 0}]"
)


@pytest.fixture(scope="module")
def home() -> int:
    """The port of the citizen's phone."""
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory, home: int):
    """A centre that offers a callback after a second, and may call mobile numbers."""
    assert LADDER in FILES["queues.yaml"]
    service = SERVICE + (
        f'callbacks: {{{{via: "127.0.0.2:{home}", numbers: ["77XXXXXXXXX", "+77XXXXXXXXX"]}}}}\n'
    )
    files = {
        **FILES,
        "service.yaml": service,
        "queues.yaml": FILES["queues.yaml"].replace(LADDER, OFFERS, 1),
    }
    running = Centre(tmp_path_factory.mktemp("b"), files)
    running.start()
    yield running
    assert running.stop() == 0


@contextlib.asynccontextmanager
async def citizen_at(centre: Centre, home: int, policy=None) -> AsyncIterator[Phone]:
    """The citizen's phone, where the trunk finds it; it answers by itself unless told otherwise."""
    phone = Phone(NUMBER, server=centre.sip, ip="127.0.0.2", tone_hz=500, policy=policy or Ring())
    await phone.open(home)
    try:
        yield phone
    finally:
        await phone.close()


async def takes_it(centre: Centre, phone: Phone) -> tuple[Call, str]:
    """Calls, hears the offer, confirms the number, and the call ends by itself."""
    call, id_ = await centre.call_in(phone, "25")
    await hears_prompt(call, said("callback_offer", "ru"))
    await call.press("1")
    await hears_prompt(call, said("callback_number", "ru"))
    for clip in digit_clips("ru", "701"):
        await hears_prompt(call, clip)
    await call.press("1")
    await hears_prompt(call, said("callback_booked", "ru"))
    await call.ended(timeout_ms=15_000)
    return call, id_


async def listed(centre: Centre) -> list[dict]:
    return await centre.ask("callback", action="list")


async def until_listed(centre: Centre, **wanted) -> dict | None:
    """Wait until the one callback is like this; without anything wanted until there is none."""
    rows: list[dict] = []
    try:
        async with asyncio.timeout(30):
            while True:
                rows = await listed(centre)
                if not wanted and not rows:
                    return None
                if wanted and rows and all(rows[0][key] == value for key, value in wanted.items()):
                    return rows[0]
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"never {wanted or 'empty'}; last seen {rows}") from None


async def another_run(centre: Centre) -> None:
    """The service is killed; until the next one has taken up what went on."""
    before = await centre.ask("status")
    os.kill(centre.child("serve"), signal.SIGKILL)
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(OSError, ValueError):
                after = await centre.ask("status")
                if after["started_at"] != before["started_at"] and after["ami_up"]:
                    return
            await asyncio.sleep(0.1)


async def test_who_took_a_callback_is_called_when_an_operator_is_free(centre: Centre, home: int):
    async with citizen_at(centre, home) as phone:
        _, id_ = await takes_it(centre, phone)
        story = await centre.ended(id_)
        assert story["outcome"] == "callback"
        row = await until_listed(centre, state="waiting")
        assert row is not None
        assert row["number"] == "77010****22" and row["call"] == id_
        phone.policy = AnswerAfter(ring_ms=300)
        async with centre.operator("gen1", 600) as operator:
            called = await phone.next_call()
            assert (await until_listed(centre, state="dialling"))["operator"] == "gen1"
            await hears_prompt(called, said("callback_greeting", "ru"))
            assert not operator.log.find("invited"), "the operator is rung when a person is there"
            await called.press("1")
            taken = await operator.next_call()
            await talk(taken, called)
            await called.hang_up()
            await taken.ended()
        await until_listed(centre)
    story = await centre.story(id_)
    for event in ("callback_offered", "callback_accepted", "callback_dialled", "callback_answered"):
        assert event in events(story), event
    assert events(story).index("connected") > events(story).index("callback_answered")
    assert (story["outcome"], story["operator"]) == ("callback", "gen1")
    assert story["handle_s"] > 0.5
    general = await centre.row("queues", "queue", "general")
    assert (general["offered"], general["callbacks"], general["waiting"]) == (1, 1, 0)
    await centre.nothing_left()


async def test_a_machine_presses_nothing_and_an_unanswered_call_is_tried_again_then_given_up(
    centre: Centre, home: int
):
    async with citizen_at(centre, home) as phone:
        _, id_ = await takes_it(centre, phone)
        phone.policy = AnswerAfter(ring_ms=100)
        async with centre.operator("gen1", 600) as operator:
            machine = await phone.next_call()
            await machine.ended(timeout_ms=20_000)
            row = await until_listed(centre, tries=1, last="refused")
            assert row is not None and row["state"] in ("pausing", "waiting", "dialling")
            phone.policy = Reject(486)
            await until_listed(centre)
            assert not operator.log.find("invited")
    story = await centre.story(id_)
    failed = [e["reason"] for e in story["timeline"] if e["event"] == "callback_failed"]
    assert failed == ["refused", "busy"]
    assert "callback_given_up" in events(story)
    await centre.nothing_left()


async def test_an_operator_who_comes_while_the_number_is_read_back_gets_the_caller(
    centre: Centre, home: int
):
    async with citizen_at(centre, home) as phone:
        call, id_ = await centre.call_in(phone, "25")
        await hears_prompt(call, said("callback_offer", "ru"))
        await call.press("1")
        await hears_prompt(call, said("callback_number", "ru"))
        async with centre.operator("gen1", 600) as operator:
            taken = await operator.next_call()
            await talk(taken, call)
            await call.hang_up()
            await taken.ended()
    story = await centre.ended(id_)
    assert story["outcome"] == "answered"
    assert await listed(centre) == []
    await centre.nothing_left()


async def test_a_callback_survives_the_service_and_can_be_cancelled(centre: Centre, home: int):
    async with citizen_at(centre, home) as phone:
        _, id_ = await takes_it(centre, phone)
        await until_listed(centre, state="waiting")
        await another_run(centre)
        row = await until_listed(centre, state="waiting")
        assert row is not None and row["call"] == id_
        done = await asyncio.to_thread(centre.acd, "callback", "cancel", id_)
        assert (done.returncode, done.stdout) == (0, "nobody is to be called back\n")
        again = await asyncio.to_thread(centre.acd, "callback", "cancel", id_)
        assert again.returncode == 1 and "can be cancelled" in again.stderr
    assert "callback_cancelled" in events(await centre.story(id_))
    await centre.nothing_left()


async def test_an_operator_who_does_not_answer_costs_the_citizen_neither_call_nor_place(
    centre: Centre, home: int
):
    async with citizen_at(centre, home) as phone:
        _, id_ = await takes_it(centre, phone)
        phone.policy = AnswerAfter(ring_ms=100)
        async with centre.operator("gen1", 600, policy=Reject(486)):
            called = await phone.next_call()
            await hears_prompt(called, said("callback_greeting", "ru"))
            await called.press("1")
            await centre.until("operators", "operator", "gen1", state="paused", reason="phone_busy")
            async with centre.operator("begin", 700) as second:
                taken = await second.next_call()
                await talk(taken, called, operator=700)
                await called.hang_up()
        await until_listed(centre)
        assert not phone.log.find("invited")[1:], "called once"
    story = await centre.story(id_)
    assert story["operator"] == "begin"
    await centre.nothing_left()


async def test_a_conversation_of_a_callback_outlives_the_service_and_nobody_is_called_again(
    centre: Centre, home: int
):
    async with citizen_at(centre, home) as phone:
        _, id_ = await takes_it(centre, phone)
        phone.policy = AnswerAfter(ring_ms=100)
        async with centre.operator("gen1", 600) as operator:
            called = await phone.next_call()
            await hears_prompt(called, said("callback_greeting", "ru"))
            await called.press("1")
            taken = await operator.next_call()
            await talk(taken, called)
            await another_run(centre)
            await centre.until("operators", "operator", "gen1", state="talking")
            assert await listed(centre) == []
            await called.hang_up()
            await taken.ended()
            await centre.until("operators", "operator", "gen1", state="ready")
    story = await centre.story(id_)
    assert events(story).count("callback_dialled") == 1
    await centre.nothing_left()


async def test_the_dialling_login_can_do_nothing_else_and_a_guessed_ticket_calls_nobody(
    centre: Centre, home: int
):
    import json

    from acd.ami import Ami, AmiError
    from acd.dialler import USER

    secret = json.loads((centre.var / "secrets.json").read_text())["ami_callback"]
    port = int((await centre.ask("status"))["ami"].rpartition(":")[2])
    async with citizen_at(centre, home) as phone:
        ami = await Ami.connect("127.0.0.1", port, USER, secret, lambda _: None)
        try:
            for action, headers in (
                ("Setvar", {"Variable": "ACD_HB", "Value": "0"}),
                ("Command", {"Command": "core show channels"}),
                ("Redirect", {"Channel": "x", "Context": "acd-hold", "Exten": "s"}),
            ):
                with pytest.raises(AmiError, match="ermission"):
                    await ami.action(action, **headers)
            await ami.action(
                "Originate", Channel="Local/123456789012@acd-callback/n",
                Context="acd-callback", Exten="near", Priority="1", Async="true",
            )  # fmt: skip
            await asyncio.sleep(1)
        finally:
            await ami.close()
        assert not phone.log.find("invited")
    await centre.nothing_left()
