"""`make demo` as a visitor starts it: people call and answer, and every call is on record."""

import os
import re
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

from acd.problems import Problems
from acd.views import masked
from ivr.dialplan import load_dialplans
from tests.asterisk.centre import ROOT, SERVICE, Centre, running
from tests.demo.routes import Timetable
from tests.demo.script import Citizen, citizens

CONFIG = ("skills.yaml", "queues.yaml", "shifts.yaml", "operators.yaml")
CALLBACKS = 'callbacks: {{quiet: "21:00-08:00", numbers: ["+77XXXXXXXXX"]}}\n'
"""The shipped ladders offer callbacks, and `acd check` warns where nobody may be dialled."""
SEED, RATE, SECONDS, OPERATORS = 1, 60, 25, 16


class Demo:
    """A demo with the shipped roster and menu, on free ports, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        files = {name: (ROOT / "config" / name).read_text(encoding="utf-8") for name in CONFIG}
        self.centre = Centre(folder / "d", {**files, "service.yaml": SERVICE + CALLBACKS})
        self.said = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self, *flags: str) -> None:
        command = [sys.executable, "-m", "tests.demo", "--config", str(self.centre.config), *flags]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )

    def says(self, pattern: str, timeout_s: float = 60) -> re.Match[str]:
        """Read on until it has said this."""
        assert self.process is not None
        assert self.process.stdout is not None
        stream = self.process.stdout.fileno()
        until = time.monotonic() + timeout_s
        while (found := re.search(pattern, self.said, re.MULTILINE)) is None:
            ready, _, _ = select.select([stream], [], [], max(0.0, until - time.monotonic()))
            piece = os.read(stream, 65_536).decode() if ready else ""
            assert piece, f"{pattern!r} was not said:\n{self.said}"
            self.said += piece
        return found

    def end(self, timeout_s: float = 60) -> int:
        """Wait for the end; its exit status."""
        assert self.process is not None
        try:
            rest, _ = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.said += rest
        return self.process.returncode

    def kill(self) -> None:
        """For a test that failed half-way: Asterisk and service end with it."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def child(self, word: str) -> int:
        """The process of this demo whose command line has this word."""
        for pid in running(self.centre.folder):
            if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return pid
        raise AssertionError(f"nobody runs {word}")

    def records(self) -> list[tuple[str, str, str | None, str | None]]:
        """Number, language, topic and outcome of every finished call, from the database itself."""
        with sqlite3.connect(f"file:{self.centre.var}/1414.sqlite?mode=ro", uri=True) as database:
            query = "select number, language, topic, outcome from calls where ended_at is not null"
            found = database.execute(query).fetchall()
        database.close()
        return found

    def assert_nothing_left(self) -> None:
        assert running(self.centre.folder) == []
        assert [path for path in self.centre.var.rglob("*") if path.is_socket()] == []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(self.centre.sip)


def test_a_short_demo_answers_in_every_language_and_every_call_is_on_record(tmp_path: Path):
    demo = Demo(tmp_path)
    demo.start(
        *("--rate", str(RATE), "--operators", str(OPERATORS)),
        *("--seconds", str(SECONDS), "--seed", str(SEED)),
    )
    try:
        assert demo.end(120) == 0, demo.said
    finally:
        demo.kill()
    first = demo.said.splitlines()[0]
    assert first.startswith(f"demo: {OPERATORS} operators, {RATE} calls a minute, {SECONDS} s")
    assert "5 to 20 s" in first
    assert f"{OPERATORS} of {OPERATORS} operators are ready" in demo.said
    assert re.search(
        r"^ *0:10  placed \d+  in menu \d+  waiting \d+  talking \d+  answered \d+  gave up \d+$",
        demo.said,
        re.MULTILINE,
    )
    balance = re.search(r"^calls placed (\d+) = on record (\d+)$", demo.said, re.MULTILINE)
    assert balance is not None, demo.said
    people = _people()
    assert int(balance[1]) == int(balance[2]) == len(people)
    records = demo.records()
    assert len(records) == len(people)
    answered = {language for _, language, _, outcome in records if outcome == "answered"}
    assert answered >= {"kk", "ru", "en"}, demo.said
    routes = {masked(one.number): one.route for one in people}
    for number, language, topic, _ in records:
        wanted = routes[masked(number)]
        assert topic is None or (language, topic) == (wanted.language, wanted.topic), wanted.keys
    heard = re.search(r"operators heard citizens for (\d+) s", demo.said)
    assert heard is not None
    assert int(heard[1]) >= 3
    assert "trouble" not in demo.said
    assert "Traceback" not in demo.said
    demo.assert_nothing_left()


def _people() -> list[Citizen]:
    """Those who call in that time; their numbers as far as they are shown."""
    plan = load_dialplans([ROOT / "dialplans"], Problems(), config=ROOT / "config")["1414-main"]
    people = citizens(SEED, RATE, Timetable(plan, lambda: datetime.now(UTC)))
    return list(takewhile(lambda one: one.at_ms < SECONDS * 1000, people))


def test_the_service_killed_in_a_demo_is_met_again_and_ctrl_c_balances_the_calls(tmp_path: Path):
    demo = Demo(tmp_path)
    demo.start("--rate", "60", "--operators", "8", "--seed", "2")
    try:
        demo.says(r"0:10  placed \d+")
        os.kill(demo.child("serve"), signal.SIGKILL)
        demo.says(r"the service ended \(exit -9\); starting it again")
        demo.says(r"0:[23]0  placed \d+  in menu \d+")
        assert demo.process is not None
        demo.process.send_signal(signal.SIGINT)
        assert demo.end() == 0, demo.said
    finally:
        demo.kill()
    balance = re.search(r"^calls placed (\d+) = on record (\d+)$", demo.said, re.MULTILINE)
    assert balance is not None, demo.said
    assert int(balance[1]) == int(balance[2]) == len(demo.records())
    assert "Traceback" not in demo.said
    demo.assert_nothing_left()


def test_a_port_that_is_taken_is_one_line_with_the_remedy_and_nothing_is_started(tmp_path: Path):
    demo = Demo(tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(demo.centre.sip)
        demo.start("--seconds", "5")
        assert demo.end() == 1
    assert demo.said.count("\n") == 1
    assert demo.said.startswith(
        f"demo: in use by another program: sip 127.0.0.1:{demo.centre.sip[1]}"
    )
    assert "`make demo PORT_OFFSET=100`" in demo.said
    demo.assert_nothing_left()


def test_a_demo_that_is_killed_takes_asterisk_and_the_service_with_it(tmp_path: Path):
    demo = Demo(tmp_path)
    demo.start("--operators", "2")
    try:
        demo.says("operators are ready")
    finally:
        demo.kill()
    until = time.monotonic() + 20
    while running(demo.centre.folder):
        assert time.monotonic() < until, "something runs on"
        time.sleep(0.05)
    demo.assert_nothing_left()
