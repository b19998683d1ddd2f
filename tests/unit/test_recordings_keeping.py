"""What becomes of recordings: finished, encrypted, missed, deleted, read out, and who is told."""

import asyncio
import os
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from acd.__main__ import main
from acd.alerts import Alerts
from acd.api import PEER, RequestError
from acd.archive import StoreArchive
from acd.calls import CallBook
from acd.core.names import ContactId, Millis
from acd.core.router import Router
from acd.figures import Figures
from acd.lines import Line
from acd.loop import Loop
from acd.recording_requests import RecordingRequests
from acd.recording_seal import seal
from acd.recordings import CannotRecord, Recorder
from acd.settings import Recording
from ivr.wav import write_wav
from tests.unit.records import CALL, alerts, file, opened  # noqa: F401 - fixtures
from tests.unit.routing import AIGUL, EGOV, PENSION, RU, SOCIAL, A, operator, queued, rules

ZONE = ZoneInfo("Asia/Almaty")
NOW = 1_795_590_000_000
"""2026-11-25 12:00 in Almaty."""
KEY = bytes(range(32))
FILE = "2026-11-25/aigul-1.wav"


class House:
    """A recorder with a real store, router and book; Asterisk is the folder."""

    def __init__(self, store, folder, recording, key=None):
        self.now = NOW
        self.sent = []
        self.store = store
        clock = lambda: Millis(self.now)  # noqa: E731
        self.router = Router(rules(operator(A, {RU: 5}, {PENSION: 5})))
        figures = Figures(30_000, Millis(NOW - 43_200_000))
        self.book = CallBook(
            self.router, StoreArchive(store), figures, clock, "n1",
            ended=lambda call: self.recorder.ended(call),
        )  # fmt: skip
        self.alerts = Alerts(ZONE)
        self.loop = Loop(self.router, lambda *_: None, clock)
        self.line = Line(AIGUL, "PJSIP/trunk-1", leg_channel="PJSIP/op-2")
        self.folder = folder
        self.recorder = Recorder(
            folder, ZONE, clock, self.loop, self.router, self.book, self.alerts,
            rules=lambda: recording, records=store.records, key=key, key_trouble=None,
            line_of=lambda contact: self.line if contact == AIGUL else None,
            link=lambda: self,
        )  # fmt: skip
        self.requests = RecordingRequests(self.recorder, self.book, store)

    def post(self, name, **headers):
        self.sent.append((name, headers))

    def write(self, name=FILE, seconds=10, age_s=3600):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_wav(path, [0] * 8000 * seconds)
        then = path.stat().st_mtime - age_s
        os.utime(path, (then, then))
        return path

    def talk(self):
        """A call that is connected and recorded from this instant on."""
        self.book.call_arrived(AIGUL, "77010001122")
        self.router.handle(queued(AIGUL), Millis(self.now))
        call = self.book.get(AIGUL)
        call.connected_at = call.talk_since = Millis(self.now)
        self.book.recording_began(AIGUL, FILE, 0)
        self.recorder._open[FILE] = call
        return call

    def end(self, call):
        call.talk_ended_at, call.talk_since = Millis(self.now), None
        self.book.call_gone(AIGUL)

    def troubles(self):
        present = type("P", (), {})()
        present.now, present.router, present.book = self.now, self.router, self.book
        rows = self.alerts.rows(present, None)
        return [row["what"] for row in rows if row["what"].startswith("recording")]

    async def ask(self, **request):
        return await self.requests.answer({"do": "recording", **request})


def events(call):
    return [entry.event for entry in call.timeline]


@pytest.fixture
def house(file, alerts, tmp_path):  # noqa: F811
    with opened(file, alerts) as store:
        yield lambda recording=None, key=None: House(
            store, tmp_path / "recordings", recording or {SOCIAL: Recording(90)}, key
        )


async def test_a_queue_says_how_its_callers_are_recorded(house):
    its = house({SOCIAL: Recording(90)})
    assert its.recorder.wanted(AIGUL) == "", "nobody is there"
    its.talk()
    assert its.recorder.wanted(AIGUL) == "tell"
    quiet = house({SOCIAL: Recording(90, notice=False)})
    quiet.talk()
    assert quiet.recorder.wanted(AIGUL) == "on"
    other = house({EGOV: Recording(90)})
    other.talk()
    assert other.recorder.wanted(AIGUL) == ""


async def test_pause_and_bookmark_count_from_the_beginning_of_the_file(house):
    its = house()
    call = its.talk()
    its.now += 5000
    assert its.recorder.pause(AIGUL, True, "key") == {
        "call": AIGUL, "paused": True, "offset_ms": 5000,
    }  # fmt: skip
    with pytest.raises(CannotRecord, match="paused already"):
        its.recorder.pause(AIGUL, True, "key")
    its.now += 2000
    its.recorder.heard(its.line, {"Do": "pause"})  # the key turns it round
    its.recorder.heard(its.line, {"Do": "bookmark"})
    assert its.sent == [
        ("MixMonitorMute", {"Channel": "PJSIP/op-2", "Direction": "both", "State": state})
        for state in ("1", "0")
    ]
    told = [(entry.event, entry.data.get("offset_ms")) for entry in call.timeline[-3:]]
    assert told == [("recording_paused", 5000), ("recording_resumed", 7000), ("bookmark", 7000)]
    its.end(call)
    for late in (lambda: its.recorder.pause(AIGUL, True, "me"),
                 lambda: its.recorder.bookmark(AIGUL, None, "me")):  # fmt: skip
        with pytest.raises(CannotRecord, match="no conversation of"):
            late()


async def test_a_file_is_finished_after_its_call_and_not_while_it_is_written(house):
    its = house(key=KEY)
    call = its.talk()
    path = its.write(seconds=10)
    its.now += 10_000
    await its.recorder.finish_ended()
    assert path.exists(), "the call goes on"
    its.end(call)
    its.write(seconds=10, age_s=0)
    await its.recorder.finish_ended()
    assert path.exists(), "Asterisk has written a moment ago"
    its.write(seconds=10)
    await its.recorder.finish_ended()
    assert [each.name for each in path.parent.iterdir()] == ["aigul-1.wav.enc"]
    assert call.timeline[-1].event == "recorded"
    assert call.timeline[-1].data == {"length_ms": 10_000, "encrypted": True}
    assert its.troubles() == []


@pytest.mark.parametrize(("seconds", "why"), [(0, "empty or was not written"), (3, "lacks 7 s")])
async def test_what_is_missing_of_a_conversation_is_told(house, seconds, why):
    its = house()
    call = its.talk()
    if seconds:
        its.write(seconds=seconds)
    its.now += 10_000
    its.end(call)
    await its.recorder.finish_ended()
    assert "recording_failed" in events(call)
    assert [trouble for trouble in its.troubles() if why in trouble]


async def test_a_call_that_an_earlier_run_began_is_finished_by_this_one(house):
    its = house()
    call = its.talk()
    its.recorder._open.clear()  # as after a restart
    its.write(seconds=10)
    its.now += 10_000
    assert its.recorder.is_live(FILE)
    its.end(call)
    await its.recorder.finish_ended()
    assert call.timeline[-1].event == "recorded"
    assert not its.recorder.is_live(FILE)


async def test_what_an_earlier_run_has_encrypted_is_not_missed(house):
    its = house(key=KEY)
    call = its.talk()
    seal(its.write(seconds=10), KEY)
    its.end(call)
    await its.recorder.finish_ended()
    assert "recording_failed" not in events(call)
    assert its.troubles() == []


async def test_a_plain_file_left_by_an_earlier_run_is_encrypted(house):
    its = house(key=KEY)
    its.talk()
    live, left, fresh = (
        its.write(), its.write("2026-11-24/n1-7.8.wav"), its.write("2026-11-25/n1-8.8.wav", age_s=0)
    )  # fmt: skip
    await its.recorder._seal_left()
    assert live.exists() and fresh.exists() and not left.exists()
    assert left.with_name("n1-7.8.wav.enc").exists()


async def test_recordings_are_kept_as_long_as_their_queue_says(house):
    its = house({SOCIAL: Recording(30), EGOV: Recording(5)})
    for id_, queue in (("n1-1.1", SOCIAL), ("n1-2.2", EGOV)):
        its.store.call(replace(CALL, id=ContactId(id_), queue=queue))
    assert its.store.flush(5)
    for days, name in ((10, "n1-1.1"), (10, "n1-2.2"), (10, "n1-3.3"), (31, "n1-4.4")):
        day = (its_today() - timedelta(days=days)).isoformat()
        its.write(f"{day}/{name}.wav")
    assert await asyncio.to_thread(its.recorder.delete_old) == 2
    left = sorted(path.stem for path in its.folder.glob("*/*.wav"))
    assert left == ["n1-1.1", "n1-3.3"], "whose queue nobody knows is kept for the longest time"


def its_today():
    from datetime import datetime

    return datetime.fromtimestamp(NOW / 1000, ZONE).date()


async def test_who_reads_a_recording_is_on_record_first(house, tmp_path):
    its = house(key=KEY)
    call = its.talk()
    path = its.write(seconds=2)
    content = path.read_bytes()
    with pytest.raises(RequestError, match="still being recorded"):
        await its.ask(action="export", call=AIGUL, out=str(tmp_path / "a.wav"))
    its.now += 2000
    its.end(call)
    await its.recorder.finish_ended()
    PEER.set("aliya")
    out = tmp_path / "a.wav"
    done = await its.ask(action="export", call=AIGUL, out=str(out))
    assert (done["bytes"], done["by"]) == (len(content), "aliya")
    assert out.read_bytes() == content
    assert out.stat().st_mode & 0o777 == 0o600
    with pytest.raises(RequestError, match="is there already; name another"):
        await its.ask(action="export", call=AIGUL, out=str(out))
    assert its.store.flush(5)
    story = its.store.records.call(ContactId(AIGUL))
    told = [(e.seq, e.data["by"]) for e in story.events if e.event == "recording_exported"]
    assert [by for _, by in told] == ["aliya", "aliya"], "also who did not get it"
    assert len({seq for seq, _ in told}) == 2
    assert [row["call"] for row in await its.ask(action="list")] == ["aigul-1"]


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"action": "export", "call": "../x", "out": "/tmp/never"}, "there is no recording of"),
        ({"action": "export", "call": "n1-9.9", "out": "here.wav"}, "absolute path"),
        ({"action": "pause", "call": "n1-9.9"}, "no conversation of 'n1-9.9'"),
        ({"action": "bookmark", "call": AIGUL, "note": "a\nb"}, "a note is one line"),
        ({"action": "erase", "call": AIGUL}, "known: list, pause, resume, bookmark, export"),
    ],
)
async def test_a_request_that_cannot_be_met_says_why(house, request_, why):
    with pytest.raises(RequestError, match=why):
        await house().ask(**request_)


@pytest.mark.parametrize(
    "words",
    [
        ["pause"],
        ["list", "n1-1.1"],
        ["export", "n1-1.1"],
        ["pause", "n1-1.1", "--out", "x.wav"],
        ["pause", "n1-1.1", "a note"],
        ["erase", "n1-1.1"],
    ],
)
def test_a_command_that_makes_no_sense_is_wrong_usage(words, capsys):
    assert main(["recording", *words]) == 2
    assert capsys.readouterr().err.startswith(("acd: ", "usage: "))


async def test_a_folder_that_somebody_removed_is_made_anew(house):
    its = house()
    task = asyncio.get_running_loop().create_task(its.recorder.run(), name="recordings")
    try:
        async with asyncio.timeout(10):
            while not its.folder.is_dir():
                await asyncio.sleep(0.01)
    finally:
        task.cancel()


async def test_a_fault_of_our_own_while_seeing_to_the_files_is_an_alert_not_only_a_log(house):
    its = house({SOCIAL: None})  # the reader of settings never gives this
    task = asyncio.get_running_loop().create_task(its.recorder.run(), name="recordings")
    try:
        async with asyncio.timeout(10):
            while not any("could not be seen to" in what for what in its.troubles()):
                await asyncio.sleep(0.01)
        assert not task.done(), "the next sweep may do better"
    finally:
        task.cancel()
