"""Recorded conversations on the real Asterisk: what is in the file is heard, not believed."""

import asyncio
import cmath
import json
import os
import pwd
import signal
import wave
from array import array
from pathlib import Path

import pytest

from acd.ami import Ami, AmiError
from tests.asterisk.centre import FILES, Centre, Row, ServiceError, events, talk
from tests.asterisk.prompts import said, times_heard

OPERATOR, CALLER, SECOND, BEEP = 600, 500, 700, 1000
WINDOW = 800
"""Samples of one look into a recording: 100 ms."""
HEARD = 500
"""The least amplitude of a tone that counts as there."""
KEY = "17" * 32


def queues() -> str:
    """The usual queues; social tells callers that it records, egov does not."""
    text = FILES["queues.yaml"]
    for queue, record in (("social", "{keep: 90d}"), ("egov", "{notice: false, keep: 30d}")):
        text = text.replace(f"  {queue}:\n", f"  {queue}:\n    record: {record}\n", 1)
    return text


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory):
    """A centre that records, with a key."""
    running = Centre(tmp_path_factory.mktemp("r"), {**FILES, "queues.yaml": queues()})
    running.var.mkdir()
    key = running.var / "recording.key"
    key.touch(mode=0o600)
    key.write_text(KEY + "\n")
    running.start()
    yield running
    assert running.stop() == 0


def amplitudes(path: Path, hz: int) -> list[float]:
    """The amplitude of a tone in each 100 ms of a recording."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        samples = array("h", file.readframes(file.getnframes()))
    turn = [cmath.exp(-2j * cmath.pi * hz * n / 8000) for n in range(WINDOW)]
    return [
        2 / WINDOW * abs(sum(s * t for s, t in zip(samples[at : at + WINDOW], turn, strict=True)))
        for at in range(0, len(samples) - WINDOW + 1, WINDOW)
    ]


async def story_with(centre: Centre, call: str, event: str, timeout_s: float = 25) -> Row:
    """The story once this event is in it."""
    async with asyncio.timeout(timeout_s):
        while event not in events(story := await centre.story(call)):
            await asyncio.sleep(0.1)
    return story


async def exported(centre: Centre, call: str, to: Path) -> Path:
    done = await asyncio.to_thread(centre.acd, "recording", "export", call, "--out", str(to))
    assert done.returncode == 0, done.stderr
    return to


def line_of(story: Row, event: str) -> Row:
    return next(entry for entry in story["timeline"] if entry["event"] == event)


async def test_a_conversation_is_recorded_and_nothing_else_of_the_call(
    centre: Centre, tmp_path: Path
):
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22")
        await centre.until("callers", "call", id_)  # a wait with music, and with the caller's tone
        async with centre.operator("pens1", OPERATOR) as phone:
            taken = await phone.next_call()
            await talk(taken, call, 3000)
            await call.hang_up()
            story = await story_with(centre, id_, "recorded")
    assert len(times_heard(call, said("recording_notice", "ru"))) == 1
    names = events(story)
    assert names.index("recording_notice") < names.index("queued") < names.index("recording")
    done = line_of(story, "recorded")
    assert done["encrypted"] is True
    assert story["recording"].endswith(f"/{id_}.wav")
    kept = centre.var / "recordings" / story["recording"]
    assert not kept.exists()
    assert b"RIFF" not in kept.with_name(f"{id_}.wav.enc").read_bytes()
    path = await exported(centre, id_, tmp_path / "one.wav")
    operator, citizen_ = amplitudes(path, OPERATOR), amplitudes(path, CALLER)
    both = [a > HEARD and b > HEARD for a, b in zip(operator, citizen_, strict=True)]
    talked_ms = (await centre.story(id_))["handle_s"] * 1000
    assert sum(both) * 100 >= 2500, (operator, citizen_)
    assert done["length_ms"] < talked_ms + 1500, "more than the conversation is in it"
    assert both.index(True) < 5, "it begins with the conversation"
    told = line_of(await centre.story(id_), "recording_exported")
    assert told["by"] == pwd.getpwuid(os.getuid()).pw_name
    shown = await asyncio.to_thread(centre.acd, "call", "show", id_)
    assert story["recording"] in shown.stdout
    listed = await asyncio.to_thread(centre.acd, "recording", "list", "--json")
    assert id_ in [row["call"] for row in json.loads(listed.stdout)]


async def test_who_presses_pause_leaves_a_hole_and_bookmarks_say_where(
    centre: Centre, tmp_path: Path
):
    async with (
        centre.operator("eds1", OPERATOR) as phone,
        centre.caller() as citizen,
    ):
        call, id_ = await centre.call_in(citizen, "21")
        taken = await phone.next_call()
        await talk(taken, call, 1500)
        await taken.press("*6")
        await story_with(centre, id_, "bookmark", 5)
        await taken.hears(BEEP, tones=[BEEP, CALLER])
        await taken.hears(CALLER, tones=[BEEP, CALLER])
        await taken.press("*5")
        await story_with(centre, id_, "recording_paused", 5)
        await talk(taken, call, 4000)
        done = await asyncio.to_thread(centre.acd, "recording", "resume", id_)
        assert done.returncode == 0, done.stderr
        with pytest.raises(ServiceError, match="going on already"):
            await centre.ask("recording", action="resume", call=id_)
        await centre.ask(
            "recording", action="bookmark", call=id_, note="the card number was before"
        )
        await talk(taken, call, 6000)
        await call.hang_up()
        story = await story_with(centre, id_, "recorded")
    assert "recording_notice" not in events(story)
    assert times_heard(call, said("recording_notice", "ru")) == []
    path = await exported(centre, id_, tmp_path / "two.wav")
    paused = line_of(story, "recording_paused")["offset_ms"] // 100
    resumed = line_of(story, "recording_resumed")["offset_ms"] // 100
    for hz in (OPERATOR, CALLER):
        heard = amplitudes(path, hz)
        assert max(heard[paused + 5 : resumed - 5]) < HEARD / 10, (paused, resumed, heard)
        assert sum(each > HEARD for each in heard[:paused]) >= 8
        assert sum(each > HEARD for each in heard[resumed + 5 :]) >= 5
    marks = [each for each in story["timeline"] if each["event"] == "bookmark"]
    assert [mark["note"] for mark in marks] == [None, "the card number was before"]
    assert marks[0]["offset_ms"] // 100 <= paused <= resumed <= marks[1]["offset_ms"] // 100
    with pytest.raises(ServiceError, match="being recorded now"):
        await centre.ask("recording", action="pause", call=id_)


async def test_a_folder_that_cannot_be_written_harms_no_call_and_is_told(centre: Centre):
    folder = centre.var / "recordings"
    aside = folder.rename(centre.var / "aside")
    folder.write_text("a file in the way")
    try:
        async with centre.operator("pens1", OPERATOR) as phone, centre.caller() as citizen:
            call, id_ = await centre.call_in(citizen, "22")
            taken = await phone.next_call()
            await talk(taken, call, 3000)
            await story_with(centre, id_, "recording_failed", 6)
            alerts = (await centre.ask("monitor"))["alerts"]
            assert [a for a in alerts if a["what"].startswith("recording fails")], alerts
            await talk(taken, call, 4000)
            await call.hang_up()
            story = await centre.ended(id_)
        assert (story["outcome"], story["operator"]) == ("answered", "pens1")
        checked = await asyncio.to_thread(centre.acd, "doctor", "--json")
        row = next(r for r in json.loads(checked.stdout)["checks"] if r["name"] == "recordings")
        assert row["ok"] is False and row["remedy"]
    finally:
        folder.unlink()
        aside.rename(folder)
    async with centre.operator("pens1", OPERATOR) as phone, centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22")
        taken = await phone.next_call()
        await talk(taken, call, 4000)
        await call.hang_up()
        await story_with(centre, id_, "recorded")
    alerts = (await centre.ask("monitor"))["alerts"]
    assert not [a for a in alerts if a["what"].startswith("recording fails")], alerts


async def test_a_service_that_falls_in_a_recorded_conversation_finds_the_file_at_the_end(
    centre: Centre, tmp_path: Path
):
    async with centre.operator("pens1", OPERATOR) as phone, centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22")
        taken = await phone.next_call()
        await talk(taken, call, 2000)
        os.kill(centre.child("serve"), signal.SIGKILL)
        async with asyncio.timeout(20):
            while True:
                try:
                    if "resumed" in events(await centre.story(id_)):
                        break
                except (OSError, ServiceError, json.JSONDecodeError):
                    pass
                await asyncio.sleep(0.1)
        await talk(taken, call, 8000)
        await call.hang_up()
        story = await story_with(centre, id_, "recorded")
        await centre.until("operators", "operator", "pens1", phone="free")
    assert line_of(story, "recorded")["length_ms"] > 7000
    heard = amplitudes(await exported(centre, id_, tmp_path / "four.wav"), CALLER)
    assert sum(each > HEARD for each in heard) > 70
    await centre.nothing_left()


async def test_two_conversations_of_one_call_are_one_recording(centre: Centre, tmp_path: Path):
    async with (
        centre.operator("pens1", OPERATOR) as phone,
        centre.operator("pens2", SECOND, ready=False) as other,
        centre.caller() as citizen,
    ):
        call, id_ = await centre.call_in(citizen, "22")
        taken = await phone.next_call()
        await talk(taken, call, 2000)
        phone.vanish()
        await centre.until("callers", "call", id_, timeout_s=25, stage="waiting")
        await centre.ask("operator", action="ready", operator="pens2")
        again = await other.next_call(timeout_ms=10_000)
        await talk(again, call, 2000, operator=SECOND)
        await call.hang_up()
        story = await story_with(centre, id_, "recorded")
    began = [entry for entry in story["timeline"] if entry["event"] == "recording"]
    assert [entry["file"] for entry in began] == [story["recording"]] * 2
    path = await exported(centre, id_, tmp_path / "five.wav")
    first, second = amplitudes(path, OPERATOR), amplitudes(path, SECOND)
    assert sum(each > HEARD for each in first) >= 15
    assert sum(each > HEARD for each in second) >= 15
    ends = max(n for n, each in enumerate(first) if each > HEARD)
    begins = min(n for n, each in enumerate(second) if each > HEARD)
    assert ends < begins
    assert abs(begins * 100 - began[1]["from_ms"]) < 1500, "offsets count from the wrong moment"


async def test_who_was_not_told_in_the_menu_is_told_before_the_operator_is_rung(centre: Centre):
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22")
        await centre.until("callers", "call", id_)
        listed = await asyncio.to_thread(centre.asterisk, "core show channels concise")
        channel = next(line.split("!")[0] for line in listed.splitlines() if "acd-hold" in line)
        # As for a citizen who was called back, and never was in the menu of this call.
        await asyncio.to_thread(
            centre.asterisk, f"dialplan set chanvar {channel} ACD_NOTICED untold"
        )
        async with centre.operator("pens1", OPERATOR) as phone:
            taken = await phone.next_call(timeout_ms=10_000)
            await talk(taken, call, 3000)
            await call.hang_up()
            await story_with(centre, id_, "recorded")
    assert len(times_heard(call, said("recording_notice", "ru"))) == 2


async def test_no_login_over_ami_can_start_a_recording_which_could_run_a_program(centre: Centre):
    secrets = json.loads((centre.var / "secrets.json").read_text())
    host, _, port = (await centre.ask("status"))["ami"].rpartition(":")
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22")
        await centre.until("callers", "call", id_)
        evil = {"File": "x.wav", "Command": f"touch {centre.var}/run"}
        ami = await Ami.connect(host, int(port), "acd", secrets["ami"], lambda _: None)
        with pytest.raises(AmiError, match="Permission denied"):
            await ami.action("MixMonitor", Channel=id_, **evil)
        await ami.close()
        ami = await Ami.connect(
            host, int(port), "acd-callback", secrets["ami_callback"], lambda _: None
        )
        with pytest.raises(AmiError, match="Permission denied"):
            await ami.action("MixMonitor", Channel=id_, **evil)
        with pytest.raises(AmiError, match="Originate"):
            await ami.action(
                "Originate",
                Channel="Local/near@acd-callback",
                Application="MixMonitor",
                Data=f"x.wav,,touch {centre.var}/run",
            )
        await ami.close()
        await call.hang_up()
    assert not (centre.var / "run").exists()
