"""The monitor as text: a screen of 80 columns, news line by line, and trouble said aloud."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest

from acd.__main__ import main
from acd.cli.common import Place
from acd.cli.monitor import follow
from acd.cli.monitor_text import changes, screen
from acd.screens import width
from tests.unit.service_peer import (
    ServicePeer,
    caller_row,
    fine,
    operator_row,
    queue_row,
    snapshot,
    write_config,
)

CHECKOUT = Path(__file__).resolve().parents[2]
ALERT = {
    "since": "2026-11-23T10:41:58.000+05:00",
    "severity": "critical",
    "what": "social: callers wait longer than the target",
    "do": "bring in operators for this queue",
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    write_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACD_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def peer(home):
    peer = ServicePeer(home / "acd.sock")
    yield peer
    peer.close()


# One look


def test_once_is_one_screen_that_fits_80_columns(peer, capsys):
    peer.answers["monitor"] = [fine(snapshot(alerts=[ALERT]))]
    assert main(["monitor", "--once"]) == 0
    out = capsys.readouterr().out
    assert max(width(line) for line in out.splitlines()) <= 80
    assert "10:42:07  LIVE" in out
    assert "WAITING 2  LONGEST 31s !!  READY 1  LEVEL 90.0%" in out
    assert "operators: 1 ready, 1 talking, 1 paused" in out
    assert "paused for: 1 rona" in out
    assert "10:41:58 CRITICAL social: callers wait longer than the target" in out
    assert peer.requests == [{"do": "monitor"}]


def test_once_as_json_is_the_document_as_it_came(peer, capsys):
    peer.answers["monitor"] = [fine(snapshot())]
    assert main(["monitor", "--once", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == snapshot()


def test_once_without_a_service_is_exit_1(home, capsys):
    assert main(["monitor", "--once"]) == 1
    assert "not running" in capsys.readouterr().err


def test_long_names_many_callers_and_long_alerts_stay_in_80_columns():
    data = snapshot(
        queues=[queue_row("queue-of-a-very-long-name-indeed", waiting=12_345, offered=123_456,
                          answered=99_999, longest_wait_s=86_399.0, asa_s=3599.0)],
        callers=[caller_row(f"n1-{i}", 9999, topic="t" * 60) for i in range(25)],
        operators=[operator_row(f"op{i}", "paused", reason=f"reason{i}") for i in range(40)],
        alerts=[{**ALERT, "what": "много слов " * 30}] * 9,
    )  # fmt: skip
    lines = screen(data, 30)
    assert max(width(line) for line in lines) <= 80
    assert "   and 15 more" in lines
    assert "   and 3 more" in lines


def test_a_quiet_centre_says_that_nobody_waits():
    lines = screen(snapshot(queues=[], operators=[], callers=[]), 30)
    assert "nobody is waiting" in lines
    assert "operators: none" in lines


@pytest.mark.parametrize("data", [{}, {"queues": None, "callers": [3], "operators": "x"}])
def test_a_snapshot_with_gaps_still_makes_a_screen(data):
    assert screen(data, 30)[0].startswith("1414")


# What changed


def test_the_first_look_is_a_summary():
    assert changes(None, snapshot(), 30) == [
        "10:42:07 waiting 2, !! longest 31s; 1 ready, 0 ringing, 1 talking, 0 wrap up, 1 paused; "
        "service level 90.0%"
    ]


def test_a_wait_that_only_grows_is_no_news():
    later = snapshot(at="2026-11-23T10:42:08.120+05:00")
    later["queues"][1]["longest_wait_s"] = 32.2
    assert changes(snapshot(), later, 30) == []


def test_a_wait_that_passes_a_threshold_is_news():
    before, now = snapshot(), snapshot()
    before["queues"][1]["longest_wait_s"] = 26.0
    now["queues"][1]["longest_wait_s"] = 27.0
    (line,) = changes(before, now, 30)
    assert "! longest 27s" in line


def test_an_alert_is_told_when_it_begins_and_when_it_is_over():
    quiet, loud = snapshot(), snapshot(alerts=[ALERT])
    assert changes(quiet, loud, 30) == [
        "10:41:58 CRITICAL social: callers wait longer than the target; bring in operators for "
        "this queue"
    ]
    assert changes(loud, loud, 30) == []
    assert changes(loud, quiet, 30) == [
        "10:42:07 over: social: callers wait longer than the target"
    ]


# As it goes on


def test_silence_is_stale_and_the_end_is_not_reachable(home, monkeypatch):
    monkeypatch.setattr("acd.cli.monitor.STALE_AFTER_S", 0.1)
    monkeypatch.setattr("acd.cli.monitor.RETRY_S", 0.05)
    peer = ServicePeer(home / "acd.sock", holds=True)
    peer.answers["monitor"] = [fine(snapshot())]
    news = follow(Place(home / "acd.sock", 30.0), 1.0)
    assert next(news).snapshot == snapshot()
    assert next(news).trouble.startswith("STALE, no news for")
    peer.close()
    troubles = (each.trouble or "" for each in news)
    assert "NOT REACHABLE, the service" in next(t for t in troubles if not t.startswith("STALE"))
    (home / "acd.sock").unlink()
    again = ServicePeer(home / "acd.sock")
    again.answers["monitor"] = [fine(snapshot(service_level=0.5))]
    back = next(each for each in news if each.snapshot is not None)
    assert back.snapshot["service_level"] == 0.5
    news.close()
    again.close()


def test_an_interval_thins_the_news(peer):
    peer.answers["monitor"] = [fine(snapshot(service_level=i / 10)) for i in range(5)]
    news = follow(Place(peer.path, 30.0), 60.0)
    assert next(news).snapshot["service_level"] == 0.0
    assert next(news).trouble.startswith("NOT REACHABLE")
    news.close()


def start(home, *words, **kwargs):
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    return subprocess.Popen(
        [sys.executable, "-m", "acd", "monitor", *words], cwd=home, env=environment, **kwargs
    )


def test_into_a_pipe_it_appends_lines_until_interrupted(peer, home):
    peer.answers["monitor"] = [fine(snapshot())]
    process = start(home, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline().startswith(b"10:42:07 waiting 2, !! longest 31s;")
    assert process.stdout.readline().startswith(b"NOT REACHABLE, the service closed")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert err == b""
    assert b"\x1b" not in out


def test_as_json_it_is_a_document_a_line(peer, home):
    peer.answers["monitor"] = [fine(snapshot())]
    process = start(home, "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert json.loads(process.stdout.readline()) == snapshot()
    assert process.stderr.readline().startswith(b"NOT REACHABLE")
    process.terminate()
    process.communicate(timeout=10)


def test_on_a_terminal_it_draws_over_and_keeps_the_last_data_when_the_service_goes(peer, home):
    peer.answers["monitor"] = [fine(snapshot())]
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = start(home, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = read_until(mine, b"NOT REACHABLE")
    text += read_until(mine, b"WAITING 2")
    assert b"\x1b[2J" in text
    assert b"\x1b[H1414  10:42:07  LIVE" in text
    assert b"\x1b[7;31m" in text, "a broken promise stands out"
    process.send_signal(signal.SIGINT)
    threading.Thread(target=drain, args=(mine,), daemon=True).start()
    assert process.wait(10) == 130


def read_until(fd, wanted):
    text = b""
    while wanted not in text:
        text += os.read(fd, 65_536)
    return text


def drain(fd):
    try:
        while os.read(fd, 65_536):
            pass
    except OSError:
        os.close(fd)
