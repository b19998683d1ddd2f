"""Messages that callers left: which there are, what is known of each, and marking them heard."""

import json
import os
import wave

import pytest

from acd.__main__ import main
from acd.messages import LEAST_MS, MessageError, count, mark_done, messages_folder
from tests.unit.service_peer import lay_out_config

LINE = (
    "[Nov 23 10:00:00] CALL[1][C-00000001] Ext. s: ACDEND call={call} number=77010001122 lang=kk "
    "q= t0=1795400000000 qt0= fb0=1795400000100 state=message op= ta= te= msg={call}.wav "
    "at=1795400042500\n"
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    lay_out_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("ACD_CONFIG", "ACD_PORT_OFFSET"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def run(home, capsys):
    def run(*words):
        status = main(["messages", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def leave(home, call, ms=3000, *, at_s=1_795_400_050):
    folder = messages_folder(home / "var")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{call}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16 * ms))
    os.utime(path, (at_s, at_s))
    return path


def write_down(home, *calls, name="calls"):
    log = home / "var" / "asterisk" / "log"
    log.mkdir(parents=True, exist_ok=True)
    (log / name).write_text("".join(LINE.format(call=call) for call in calls))


def test_without_messages_there_is_nothing_and_nothing_is_made(home, run):
    assert count(home / "var") == 0
    assert run() == (0, "no messages\n", "")
    assert run("--json") == (0, "[]\n", "")
    assert not messages_folder(home / "var").exists()


def test_a_message_is_listed_with_what_asterisk_wrote_down_of_its_call(home, run):
    path = leave(home, "n1-1.7", 2500)
    write_down(home, "n1-1.6", "n1-1.7")
    assert json.loads(run("--json")[1]) == [
        {
            "message": "n1-1.7",
            "call": "n1-1.7",
            "node": None,
            "number": "77010****22",
            "at": "2026-11-23T07:14:02.500+05:00",
            "language": "kk",
            "length_s": 2.5,
            "file": str(path),
        }
    ]
    status, text, _ = run("list")
    assert (status, text.count("n1-1.7")) == (0, 2)
    assert "77010001122" not in text


def test_the_log_set_aside_at_a_start_is_read_as_well(home, run):
    leave(home, "n1-1.1")
    leave(home, "n1-1.2")
    write_down(home, "n1-1.1", name="calls.1")
    write_down(home, "n1-1.2")
    assert [row["language"] for row in json.loads(run("--json")[1])] == ["kk", "kk"]


def test_a_message_whose_call_nobody_wrote_down_is_listed_all_the_same(home, run):
    leave(home, "n1-1.9", at_s=1_795_400_000)
    row = json.loads(run("--json")[1])[0]
    assert (row["call"], row["number"], row["language"]) == ("n1-1.9", None, None)
    assert row["at"] == "2026-11-23T07:13:20.000+05:00"


def test_messages_come_oldest_first_and_silence_is_none(home, run):
    leave(home, "n1-3.1", at_s=1_795_400_003)
    leave(home, "n1-1.1", at_s=1_795_400_001)
    leave(home, "n1-2.1", at_s=1_795_400_002)
    leave(home, "n1-0.1", LEAST_MS - 10)
    assert count(home / "var") == 3
    assert [row["call"] for row in json.loads(run("--json")[1])] == ["n1-1.1", "n1-2.1", "n1-3.1"]


def test_one_that_was_heard_is_kept_apart_and_no_longer_listed(home, run):
    path = leave(home, "n1-1.1")
    leave(home, "n1-2.1")
    status, out, err = run("done", "n1-1.1")
    kept = path.parent / "done" / path.name
    assert (status, out, err) == (0, f"n1-1.1 is marked as heard: {kept}\n", "")
    assert kept.exists() and not path.exists()
    assert count(home / "var") == 1


def test_marking_a_second_time_and_marking_nothing_are_told_in_a_line(home, run):
    leave(home, "n1-1.1")
    assert run("done", "n1-1.1.wav", "--json")[0] == 0
    status, _, err = run("done", "n1-1.1")
    assert (status, "marked as heard already" in err, err.count("\n")) == (1, True, 1)
    assert run("done", "n1-5.5") == (
        1, "", "no message of n1-5.5 waits; `acd messages` lists them\n",
    )  # fmt: skip


def test_of_several_those_before_an_unknown_one_are_marked_and_told(home, run):
    leave(home, "n1-1.1")
    status, out, err = run("done", "n1-1.1", "n1-9.9")
    assert (status, "n1-1.1 is marked" in out, "n1-9.9 waits" in err) == (1, True, True)


@pytest.mark.parametrize("words", [("done",), ("list", "n1-1.1"), ("fly",)])
def test_a_wrong_use_is_refused(home, run, words):
    assert run(*words)[0] == 2


@pytest.mark.parametrize("call", ["../secrets", "/etc/passwd", "", "done/n1-1.1", "."])
def test_only_messages_can_be_marked(home, call):
    leave(home, "n1-1.1")
    (home / "var" / "secrets.wav").write_bytes(bytes(100_000))
    with pytest.raises(MessageError, match="lists them"):
        mark_done(home / "var", call)
    assert (home / "var" / "secrets.wav").exists()
