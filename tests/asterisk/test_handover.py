"""`acd fallback` and `acd drain`: callers go to Asterisk's own queue and nobody is dropped."""

import asyncio
from pathlib import Path

import pytest

from tests.asterisk.centre import FILES, Centre, ServiceError, events, talk
from tests.sip import AnswerAfter, Phone


async def test_a_drill_sends_who_waits_to_the_fallback_and_leaves_conversations_alone(
    tmp_path: Path,
):
    centre = Centre(tmp_path / "d", FILES)
    await asyncio.to_thread(centre.start)
    try:
        async with (
            centre.operator("pens1", 600) as phone,
            centre.operator("pens2", 700) as other,
            centre.caller() as citizen,
            centre.caller("77010002233", 550) as second,
            centre.caller("77010003344", 450) as third,
        ):
            await centre.ask("operator", action="pause", operator="pens2")
            call, id_ = await centre.call_in(citizen, "22")
            taken = await phone.next_call(timeout_ms=8000)
            await talk(taken, call)
            waiting, waiting_id = await centre.call_in(second, "22")
            await centre.until("callers", "call", waiting_id, stage="waiting")
            said = await asyncio.to_thread(centre.acd, "fallback", "on")
            assert (said.returncode, said.stderr) == (0, "")
            assert "the fallback is on" in said.stdout
            await centre.until("callers", "call", waiting_id, timeout_s=6, stage="fallback")
            alerts = [row["what"] for row in (await centre.ask("monitor"))["alerts"]]
            assert any("the fallback is on" in what for what in alerts)
            await centre.ask("operator", action="ready", operator="pens2")
            by_fallback = await other.next_call(timeout_ms=15_000)
            await talk(by_fallback, waiting, operator=700, caller=550)
            await taken.hears(500)
            await by_fallback.hang_up()
            await waiting.ended()
            record = await centre.ended(waiting_id)
            assert (record["outcome"], record["operator"]) == ("answered", "pens2")
            assert record["fallback"] is True and record["wait_s"] > 1
            said = await asyncio.to_thread(centre.acd, "fallback", "off")
            assert said.stdout == "the fallback is off: callers are ours\n"
            await taken.hang_up()
            await call.ended()
            record = await centre.ended(id_)
            assert (record["outcome"], record["fallback"]) == ("answered", False)
            ours, ours_id = await centre.call_in(third, "22")
            taken = await phone.next_call(timeout_ms=15_000)
            await talk(taken, ours, caller=450)
            await ours.hang_up()
            assert "fallback" not in events(await centre.ended(ours_id))
        await centre.nothing_left()
    finally:
        await asyncio.to_thread(centre.stop)


async def test_a_drained_service_finishes_its_calls_stops_and_comes_back_when_asked(
    tmp_path: Path,
):
    centre = Centre(tmp_path / "d", FILES)
    await asyncio.to_thread(centre.start)
    try:
        async with centre.operator("pens1", 600) as phone, centre.caller() as citizen:
            service = centre.child("serve")
            call, id_ = await centre.call_in(citizen, "22")
            taken = await phone.next_call(timeout_ms=8000)
            await talk(taken, call)
            left = await centre.ask("drain", limit_s=60, restart=True)
            assert left["talking"] == 1
            await taken.hears(500)
            assert centre.child("serve") == service, "the conversation is not over"
            await call.hang_up()
            await taken.ended()
            async with asyncio.timeout(20):
                while not await is_another(centre, service):
                    await asyncio.sleep(0.1)
            record = await centre.ended(id_)
            assert (record["outcome"], record["operator"]) == ("answered", "pens1")
            assert record["handle_s"] >= 1.3
            await centre.until("operators", "operator", "pens1", state="ready")
    finally:
        await asyncio.to_thread(centre.stop)


async def is_another(centre: Centre, service: int) -> bool:
    """Whether another service answers."""
    try:
        return centre.child("serve") != service and (await centre.ask("status"))["ami_up"]
    except (OSError, AssertionError, ValueError):
        return False


async def test_a_drained_service_stays_away_and_asterisk_goes_on(tmp_path: Path):
    centre = Centre(tmp_path / "d", FILES)
    await asyncio.to_thread(centre.start)
    try:
        password, answers = centre.password("pens1"), AnswerAfter(ring_ms=100)
        async with (
            Phone(
                "pens1", server=centre.sip, password=password, tone_hz=600, policy=answers
            ) as phone,
            centre.caller() as citizen,
        ):
            await phone.register()
            await centre.until("operators", "operator", "pens1", phone="free")
            await centre.ask("operator", action="ready", operator="pens1")
            said = await asyncio.to_thread(centre.acd, "drain", "--limit", "30s")
            assert said.returncode == 0 and "the service has stopped" in said.stdout
            async with asyncio.timeout(10):
                while "was drained and has stopped" not in centre.log:
                    await asyncio.sleep(0.1)
            call = citizen.dial("1414")
            await call.answered()
            taken = await phone.next_call(timeout_ms=15_000)
            await talk(taken, call)
            await call.hang_up()
            await taken.ended()
    finally:
        await asyncio.to_thread(centre.stop)


def test_a_limit_that_is_none_is_said_so(centre: Centre):
    said = centre.acd("drain", "--limit", "soon")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == "acd: --limit 'soon': write a time from 1s to 60m, as in 90s or 15m\n"


async def test_a_request_that_is_not_understood_changes_nothing(centre: Centre):
    for request in ({"do": "fallback", "on": "yes"}, {"do": "drain", "limit_s": 0}):
        with pytest.raises(ServiceError):
            await centre.ask(**request)
    assert (await centre.ask("fallback")) == {"on": False}
