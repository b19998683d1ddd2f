"""sipp as callers and as operators' phones. One of each scenario; ended by their process ids."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

SCENARIOS = Path(__file__).parent / "files"
CALLER_IP, OPERATOR_IP = "127.0.0.2", "127.0.0.1"
OPEN_CALLS_MAX = 5000
ALAW_SILENCE, SPEECH_S = b"\xd5", 5

Process = subprocess.Popen[bytes]


class SippError(Exception):
    """sipp does not run here; one sentence with the remedy."""


def _sipp(folder: Path, *words: str) -> Process:
    command = ["sipp", "-nostdin", "-l", str(OPEN_CALLS_MAX), *words]
    with (folder / "sipp.log").open("ab") as log:
        return subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )


@contextlib.contextmanager
def media_sink(ip: str) -> Iterator[int]:
    """A port for sound nobody listens to: the kernel throws it away."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind((ip, 0))
        yield int(sink.getsockname()[1])


@contextlib.contextmanager
def operators(folder: Path, port: int, media: int, talk_ms: int) -> Iterator[Process]:
    """All operators' phones: they answer at once, and hang up after so long on average."""
    text = (SCENARIOS / "operator.xml").read_text(encoding="utf-8")
    text = text.replace("TALK_MIN", str(talk_ms // 2)).replace("TALK_MAX", str(talk_ms * 3 // 2))
    scenario = folder / "operator.xml"
    scenario.write_text(text, encoding="utf-8")
    process = _sipp(
        folder, "-sf", str(scenario), "-i", OPERATOR_IP, "-mi", OPERATOR_IP,
        "-p", str(port), "-key", "sink", str(media),
    )  # fmt: skip
    try:
        _wait_for_port(process, port)
        yield process
    finally:
        end(process)


def callers(
    folder: Path, to: tuple[str, int], number: str, *, count: int, per_second: int
) -> Process:
    """So many citizens at this rate; each sends sound until the operator hangs up."""
    speech, scenario = folder / "speech.alaw", folder / "caller.xml"
    speech.write_bytes(ALAW_SILENCE * 8000 * SPEECH_S)
    text = (SCENARIOS / "caller.xml").read_text(encoding="utf-8")
    scenario.write_text(text.replace("SPEECH", str(speech)), encoding="utf-8")
    return _sipp(
        folder, f"{to[0]}:{to[1]}", "-s", number, "-sf", str(scenario), "-i", CALLER_IP,
        "-mi", CALLER_IP, "-r", str(per_second), "-m", str(count),
    )  # fmt: skip


def end(process: Process) -> None:
    """Stop it if it still runs."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_port(process: Process, port: int) -> None:
    """Until sipp has bound the port, so that no first call goes into the void."""
    until = time.monotonic() + 10
    while time.monotonic() < until and process.poll() is None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((OPERATOR_IP, port))
            except OSError:
                return
        time.sleep(0.02)
    raise SippError("sipp did not start as the operators' phones; run `sipp -v` to see why")
