"""What is on record after the calls, after a restart, and when the service is away."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from acd.ami import Ami
from acd.clock import wall_seconds
from tests.asterisk.centre import Centre, events, talk

SCENARIO = Path(__file__).parent / "sipp" / "caller.xml"
FIGURES = ("offered", "answered", "answered_in_target", "abandoned", "asa_s", "service_level")


async def test_figures_and_records_survive_a_service_that_was_killed(annex: Centre):
    async with annex.caller() as citizen:
        other, lost = await annex.call_in(citizen, "22")
        await annex.until("callers", "call", lost)
        await other.hang_up()
        await annex.ended(lost)
        async with annex.operator("pens1", 600) as phone:
            call, id_ = await annex.call_in(citizen, "22")
            await talk(await phone.next_call(), call)
            await call.hang_up()
            await annex.until("operators", "operator", "pens1", state="ready")
        story = await annex.ended(id_)
    before = {row["queue"]: row for row in await annex.ask("queues")}
    service = annex.child("serve")
    os.kill(service, signal.SIGKILL)
    await is_back(annex, service)
    after = {row["queue"]: row for row in await annex.ask("queues")}
    for queue, row in before.items():
        assert {key: after[queue][key] for key in FIGURES} == {key: row[key] for key in FIGURES}
    assert after["social"]["answered"] >= 1
    assert after["social"]["abandoned"] >= 1
    assert await annex.story(id_) == story
    rows = {row["call"]: row["outcome"] for row in await annex.ask("calls", limit=1000)}
    assert (rows[id_], rows[lost]) == ("answered", "abandoned")


async def is_back(centre: Centre, old: int) -> None:
    """Until another service process answers and holds the link to Asterisk."""
    async with asyncio.timeout(20):
        while True:
            try:
                if centre.child("serve") != old and (await centre.ask("status"))["ami_up"]:
                    return
            except (OSError, AssertionError, json.JSONDecodeError):
                pass
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def heartbeat_kept_fresh(centre: Centre):
    """As if the service were back within the two seconds that Asterisk waits for it."""
    secret = json.loads((centre.var / "secrets.json").read_text())["ami"]
    host, port = (await centre.ask("status"))["ami"].split(":")
    ami = await Ami.connect(host, int(port), "acd", secret, lambda _: None)

    async def beat() -> None:
        while True:
            await ami.action("Setvar", Variable="ACD_HB", Value=str(wall_seconds()))
            await asyncio.sleep(0.3)

    beating = asyncio.get_running_loop().create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        await ami.close()


async def test_who_waits_while_the_service_is_restarted_keeps_place_and_clock(annex: Centre):
    async with annex.caller() as citizen, heartbeat_kept_fresh(annex):
        call, id_ = await annex.call_in(citizen, "22")
        await annex.until("callers", "call", id_)
        service = annex.child("serve")
        os.kill(service, signal.SIGKILL)
        await is_back(annex, service)
        row = await annex.until("callers", "call", id_, stage="waiting")
        async with annex.operator("pens1", 600) as phone:
            await talk(await phone.next_call(), call)
            await call.hang_up()
            story = await annex.ended(id_)
    queued = next(e["at"] for e in story["timeline"] if e["event"] == "queued")
    connected = next(e["at"] for e in story["timeline"] if e["event"] == "connected")
    waited = datetime.fromisoformat(connected) - datetime.fromisoformat(queued)
    assert row["wait_s"] > 1
    assert abs(story["wait_s"] - waited.total_seconds()) < 0.2
    assert "resumed" in events(story)
    assert story["outcome"] == "answered"
    assert [r["call"] for r in await annex.ask("calls", limit=1000)].count(id_) == 1
    await annex.nothing_left()


async def test_who_waits_when_the_service_dies_still_reaches_an_operator(annex: Centre):
    """The heartbeat stops: Asterisk's own queue has the caller, or the service that came back."""
    async with annex.operator("pens1", 600) as phone, annex.caller() as citizen:
        await annex.ask("operator", action="pause", operator="pens1")
        call, id_ = await annex.call_in(citizen, "22")
        await annex.until("callers", "call", id_)
        service = annex.child("serve")
        os.kill(service, signal.SIGKILL)
        await is_back(annex, service)
        await annex.ask("operator", action="ready", operator="pens1")
        taken = await phone.next_call(timeout_ms=15_000)
        await talk(taken, call)
        await call.hang_up()
        await taken.ended()
        record = await annex.ended(id_)
        assert (record["outcome"], record["operator"]) == ("answered", "pens1")
    await annex.nothing_left()


async def test_no_task_is_left_in_the_service_after_its_calls(centre: Centre):
    await centre.nothing_left()
    before = (await centre.ask("status"))["tasks"]
    async with centre.operator("pens1", 600) as phone, centre.caller() as citizen:
        for hangs_up in ("caller", "operator", "caller"):
            call, id_ = await centre.call_in(citizen, "22")
            taken = await phone.next_call(timeout_ms=8000)
            await talk(taken, call)
            await (call if hangs_up == "caller" else taken).hang_up()
            await centre.ended(id_)
    await centre.nothing_left()
    async with asyncio.timeout(10):
        while (await centre.ask("status"))["tasks"] > before:
            await asyncio.sleep(0.1)
    status = await centre.ask("status")
    assert (status["failures"], status["database_error"]) == (0, None)


async def test_the_service_explains_a_choice_operator_by_operator(centre: Centre):
    async with (
        centre.operator("pens1", 600) as phone,
        centre.operator("pens2", 700),
        centre.operator("begin", 800),
        centre.caller() as citizen,
    ):
        call, id_ = await centre.call_in(citizen, "22")
        await talk(await phone.next_call(), call)
        await call.hang_up()
        await centre.ended(id_)
        why = {
            operator: (await centre.ask("call", call=id_, why=operator))["decisions"][0]["why"]
            for operator in ("pens1", "pens2", "begin", "eng1")
        }
    assert why == {
        "pens1": "taken",
        "pens2": "lower in the order of choice",
        "begin": "topic_level",
        "eng1": "logged_out",
    }
    await centre.nothing_left()


def started(command: list[str], folder: Path) -> "subprocess.Popen[bytes]":
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=nowhere, stderr=nowhere, cwd=folder)


@pytest.mark.skipif(shutil.which("sipp") is None, reason="sipp is not installed (sip-tester)")
@pytest.mark.skipif(os.geteuid() != 0, reason="sipp sends recorded keys by a raw socket: root only")
async def test_a_sipp_caller_is_connected_and_sees_the_call_end_in_order(centre: Centre):
    """Another make of telephone than ours, with keys recorded on real equipment."""
    host, port = centre.sip
    command = ["sipp", f"{host}:{port}", "-sf", str(SCENARIO), "-i", "127.0.0.2"]
    command += ["-mi", "127.0.0.2", "-m", "1", "-nostdin"]
    async with centre.operator("gen1", 600) as phone:
        sipp = started(command, centre.folder)
        try:
            taken = await phone.next_call(timeout_ms=15_000)
            row = await centre.until("operators", "operator", "gen1", state="talking")
            story = await centre.story(row["call"])
            assert (story["language"], story["topic"]) == ("ru", "general")
            async with asyncio.timeout(5):
                while (await centre.row("operators", "operator", "gen1"))["state_s"] < 1.2:
                    await asyncio.sleep(0.05)
            await taken.hang_up()
            assert await asyncio.to_thread(sipp.wait, 20) == 0
        finally:
            if sipp.poll() is None:
                sipp.kill()
            sipp.wait()
        story = await centre.ended(row["call"])
    assert story["outcome"] == "answered"
    assert "operator_hung_up" in events(story)
    await centre.nothing_left()
