"""`acd run`: what it starts it stops, what is wrong it says in a line, and copies do not meet."""

import asyncio
import contextlib
import json
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.asterisk.centre import FILES, ROOT, Centre, running, talk
from tests.sip import Phone

LISTED = Path("/proc")


def wait_until_gone(folder: Path, timeout_s: float) -> None:
    """Wait until no process of this folder is left."""
    until = time.monotonic() + timeout_s
    while left := running(folder):
        assert time.monotonic() < until, f"still there after {timeout_s} s: {left}"
        time.sleep(0.05)


def ports_of(centre: Centre) -> list[tuple[int, socket.SocketKind]]:
    """The ports of SIP, AMI and AGI."""
    doctor = json.loads(centre.acd("doctor", "--json").stdout)
    kinds = {"sip": socket.SOCK_DGRAM, "ami": socket.SOCK_STREAM, "agi": socket.SOCK_STREAM}
    return [(int(doctor[name].rpartition(":")[2]), kind) for name, kind in kinds.items()]


def is_free(port: int, kind: socket.SocketKind) -> bool:
    """Whether nobody listens there."""
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:
            return probe.connect_ex(("127.0.0.1", port)) != 0
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def assert_nothing_left(centre: Centre, ports: list[tuple[int, socket.SocketKind]]) -> None:
    """No process, no socket file, no port."""
    assert running(centre.folder) == []
    assert [path for path in centre.var.rglob("*") if path.is_socket()] == []
    assert [port for port, kind in ports if not is_free(port, kind)] == []


async def test_a_stop_in_a_call_ends_the_call_and_leaves_nothing(tmp_path: Path):
    centre = Centre(tmp_path / "s", FILES)
    await asyncio.to_thread(centre.start)
    ports = ports_of(centre)
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22")
        await centre.until("callers", "call", id_, queue="social")
        assert await asyncio.to_thread(centre.stop, signal.SIGTERM) == 0
        await call.ended()
    assert_nothing_left(centre, ports)
    assert "Traceback" not in centre.log
    assert "stopping" in centre.log


async def test_a_stop_while_starting_leaves_nothing(tmp_path: Path):
    centre = Centre(tmp_path / "s", FILES)
    process = await asyncio.to_thread(centre.launch)
    async with asyncio.timeout(30):
        while not any("asterisk" in name_of(pid) for pid in running(tmp_path)):
            await asyncio.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(process.wait, 30) == 0
    assert_nothing_left(centre, [])
    assert "Traceback" not in centre.log
    assert "is up" not in centre.log


def name_of(pid: int) -> str:
    """The first word of a process's command line."""
    with contextlib.suppress(OSError):
        return (LISTED / str(pid) / "cmdline").read_bytes().split(b"\0")[0].decode()
    return ""


def test_a_closed_terminal_stops_everything_in_order(tmp_path: Path):
    """The terminal is a pseudo-terminal whose other end closes, as when its window does."""
    centre = Centre(tmp_path / "t", FILES)
    terminal, inner = pty.openpty()
    process = centre.launch(inner)
    os.close(inner)
    wait_for_text(terminal, b"Ctrl-C stops everything")
    os.close(terminal)
    process.send_signal(signal.SIGHUP)
    assert process.wait(20) == 0
    assert_nothing_left(centre, [])


def wait_for_text(stream: int, text: bytes, timeout_s: float = 60) -> None:
    """Read until this has been said."""
    said, until = b"", time.monotonic() + timeout_s
    while text not in said:
        ready, _, _ = select.select([stream], [], [], max(0.0, until - time.monotonic()))
        assert ready, said
        said += os.read(stream, 65_536)


async def test_the_commands_of_the_summary_reach_this_centre(centre: Centre):
    line = next(line for line in centre.log.splitlines() if line.startswith("  watch "))
    command = line.removeprefix("  watch ").split()
    assert command[0] == ".venv/bin/acd"
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "acd", *command[1:], "--json"],
        capture_output=True,
        cwd=ROOT,
        check=True,
    )
    operators = [row["operator"] for row in json.loads(done.stdout)["operators"]]
    assert operators == ["pens1", "pens2", "begin", "eds1", "eng1", "gen1"]


def test_a_killed_run_takes_both_children_with_it(tmp_path: Path):
    centre = Centre(tmp_path / "k", FILES)
    centre.start()
    ports = ports_of(centre)
    assert len(centre.children()) == 2
    centre.kill()
    wait_until_gone(tmp_path, 10)
    assert [port for port, kind in ports if not is_free(port, kind)] == []
    centre.start()
    assert centre.stop(signal.SIGINT) == 0
    assert_nothing_left(centre, ports)


async def test_two_centres_run_side_by_side_each_with_its_call(centre: Centre, annex: Centre):
    async with contextlib.AsyncExitStack() as phones:
        enter = phones.enter_async_context
        here, there = (
            await enter(centre.operator("pens1", 600)),
            await enter(annex.operator("pens2", 700)),
        )
        one, two = await enter(centre.caller(tone_hz=500)), await enter(annex.caller(tone_hz=900))
        first, first_id = await centre.call_in(one, "22")
        second, second_id = await annex.call_in(two, "22")
        taken, other = await here.next_call(), await there.next_call()
        await asyncio.gather(
            talk(taken, first, operator=600, caller=500),
            talk(other, second, operator=700, caller=900),
        )
        await first.hang_up()
        await second.hang_up()
        assert (await centre.ended(first_id))["operator"] == "pens1"
        assert (await annex.ended(second_id))["operator"] == "pens2"
    await centre.nothing_left()
    await annex.nothing_left()


async def test_a_second_start_on_taken_ports_names_them_and_harms_nobody(
    centre: Centre, tmp_path: Path
):
    config = tmp_path / "x" / "config"
    shutil.copytree(centre.config, config)
    done = await asyncio.to_thread(
        centre.acd, "--config", str(config), "run", "--dialplans", str(centre.dialplans)
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert f"sip 127.0.0.1:{centre.sip[1]}" in done.stderr
    assert "ami 127.0.0.1:" in done.stderr
    assert "agi 127.0.0.1:" in done.stderr
    assert "PORT_OFFSET=100" in done.stderr
    assert running(tmp_path) == []
    await still_works(centre)


async def test_a_second_start_in_the_same_folder_is_refused_in_a_line(centre: Centre):
    done = await asyncio.to_thread(centre.acd, "run", "--dialplans", str(centre.dialplans))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"another copy runs in {centre.var}; stop it" in done.stderr
    await still_works(centre)


async def still_works(centre: Centre) -> None:
    """A call is answered and recorded."""
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22")
        await centre.until("callers", "call", id_, queue="social")
        await call.hang_up()
        await centre.ended(id_)
    await centre.nothing_left()


# What a running centre shows


async def test_doctor_of_a_running_centre_is_content(centre: Centre):
    done = await asyncio.to_thread(centre.acd, "doctor", "--json")
    report = json.loads(done.stdout)
    assert set(report) >= {"ok", "checks", "sip", "ami", "agi", "database", "asterisk"}
    assert all(set(check) >= {"name", "ok", "detail", "remedy"} for check in report["checks"])
    troubled = {check["name"] for check in report["checks"] if not check["ok"]}
    assert troubled <= {"host name", "disk"}, "all but what the machine itself lacks"
    assert report["ok"] is (not troubled)
    assert done.returncode == (1 if troubled else 0)
    assert report["sip"] == f"127.0.0.1:{centre.sip[1]}"
    assert report["database"].startswith("sqlite:///")
    async with Phone("anybody", ip="127.0.0.2", server=centre.sip) as phone:
        host, port = report["sip"].split(":")
        call = phone.dial(f"sip:1414@{host}:{port}")
        await call.answered()
        await call.hang_up()
    await centre.nothing_left()


def test_doctor_without_a_centre_says_so_and_what_to_do(stopped: Centre):
    done = stopped.acd("doctor", "--json")
    report = json.loads(done.stdout)
    checks = {check["name"]: check for check in report["checks"]}
    assert (done.returncode, report["ok"]) == (1, False)
    for name in ("service", "ami", "agi"):
        assert (checks[name]["ok"], "make run" in checks[name]["remedy"]) == (False, True)
    assert checks["settings"]["ok"] is True


def test_what_holds_secrets_or_callers_is_for_its_owner_alone(centre: Centre):
    generated = {path.name for path in (ROOT / "config" / "asterisk").glob("*.conf")}
    private = [centre.var / "asterisk" / "etc" / name for name in generated]
    private += [
        centre.var / name for name in ("secrets.json", "acd.sock", "1414.sqlite", "service.log")
    ]
    assert len(private) > 10
    assert [path for path in private if path.stat().st_mode & 0o077] == []
    for folder in ("etc", "log", "run", "spool"):
        assert (centre.var / "asterisk" / folder).stat().st_mode & 0o077 == 0


async def test_no_secret_is_in_a_log_a_command_line_or_an_answer(centre: Centre):
    async with centre.operator("pens1", 600):
        secrets = json.loads((centre.var / "secrets.json").read_text())
        status = json.dumps([await centre.ask(each) for each in ("status", "operators", "monitor")])
        status += (await asyncio.to_thread(centre.acd, "doctor")).stdout
        status += (await asyncio.to_thread(centre.acd, "phone", "list")).stdout
    wanted = [secrets["ami"], *secrets["phones"].values()]
    told = status + centre.log
    told += "".join(
        path.read_text(errors="replace")
        for path in centre.var.joinpath("asterisk", "log").rglob("*")
        if path.is_file()
    )
    for pid in centre.children():
        told += (LISTED / str(pid) / "cmdline").read_text(errors="replace")
        told += (LISTED / str(pid) / "environ").read_text(errors="replace")
    assert len(wanted) == 7
    assert [secret for secret in wanted if secret in told] == []
