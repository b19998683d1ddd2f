"""The other end of the service's socket for tests of commands: answers recorded lines."""

import json
import re
import socket
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Answer = bytes | dict[str, Any]
"""Bytes are sent as they are, an object as one line of JSON."""

SHIPPED = Path(__file__).resolve().parents[2] / "config"
SHIPPED_PORTS = {"sip": 5060, "ami": 5038, "agi": 4573}
OPERATORS_YAML = """\
schema: 1
operators:
  op001: {shift: A, languages: {kk: 5, ru: 4}, topics: {pension: 4, general: 3}}
  op002: {shift: B, languages: {ru: 5, en: 3}, topics: {general: 5}}
  op003: {shift: B, languages: {kk: 5}, topics: {general: 5}}
"""
SERVICE_YAML = """\
schema: 1
number: "1414"
timezone: Asia/Almaty
languages: [kk, ru, en]
target: 30s
database: "sqlite:///var/1414.sqlite"
listen: {sip: "127.0.0.1:5060", ami: "127.0.0.1:5038", agi: "127.0.0.1:4573", socket: "acd.sock"}
"""


def write_config(folder: Path, text: str = SERVICE_YAML) -> Path:
    """A config folder with service.yaml alone: all that most commands read."""
    config = folder / "config"
    config.mkdir()
    (config / "service.yaml").write_text(text)
    return config


def lay_out_config(folder: Path, **ports: int) -> Path:
    """Three operators, the shipped queues; `ports` replace the shipped ones."""
    config = folder / "config"
    config.mkdir(exist_ok=True)
    for name in ("service", "skills", "queues", "shifts", "holidays"):
        text = (SHIPPED / f"{name}.yaml").read_text()
        for listener, port in ports.items():
            shipped = rf"127\.0\.0\.1:{SHIPPED_PORTS[listener]}\b"  # 4573 is not in 45738
            text = re.sub(shipped, f"127.0.0.1:{port}", text)
        (config / f"{name}.yaml").write_text(text)
    (config / "operators.yaml").write_text(OPERATORS_YAML)
    return config


def fine(data: Any) -> dict[str, Any]:
    return {"ok": True, "data": data}


class ServicePeer:
    """Listens on a unix socket and keeps each request; one connection after the other.

    After the answers of `answers[do]` are sent the connection is closed, or held open while
    `holds` is set, as a hung service does.
    """

    def __init__(self, path: Path, *, holds: bool = False) -> None:
        self.path = path
        self.requests: list[dict[str, Any]] = []
        self.answers: dict[str, Iterable[Answer]] = {}
        self._holds = holds
        self._held: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for each in self._held:
            each.close()
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._talk(connection)
            if self._holds:
                self._held.append(connection)
            else:
                connection.close()

    def _talk(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            line = lines.readline()
        if not line:
            return
        request = json.loads(line)
        self.requests.append(request)
        for answer in self.answers.get(request["do"], ()):
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode() + b"\n"
            try:
                connection.sendall(data)
            except OSError:
                return


def queue_row(queue: str, **changes: Any) -> dict[str, Any]:
    row = {
        "queue": queue, "waiting": 0, "longest_wait_s": None, "offered": 0, "answered": 0,
        "answered_in_target": 0, "abandoned": 0, "abandoned_short": 0, "callbacks": 0,
        "overflowed": 0, "service_level": None, "asa_s": None, "ready": 0, "ringing": 0,
        "talking": 0, "wrap_up": 0, "paused": 0,
    }  # fmt: skip
    return {**row, **changes}


def operator_row(operator: str, state: str = "offline", **changes: Any) -> dict[str, Any]:
    row = {
        "operator": operator, "name": operator, "shift": "A", "state": state, "state_s": 12.5,
        "reason": None, "queue": None, "language": None, "call": None,
        "languages": {"kk": 5, "ru": 4}, "skills": {"pension": 4}, "phone": "free",
        "calls_today": 0, "handle_s_today": 0.0, "rona_today": 0,
    }  # fmt: skip
    return {**row, **changes}


def caller_row(call: str, wait_s: float, **changes: Any) -> dict[str, Any]:
    row = {
        "call": call, "number": "+770****67", "queue": "social", "topic": "pension",
        "language": "kk", "priority": 0, "wait_s": wait_s, "deadline_in_s": 30 - wait_s,
        "step": 0, "position": 1, "estimated_wait_s": None, "stage": "waiting", "operator": None,
    }  # fmt: skip
    return {**row, **changes}


def snapshot(**changes: Any) -> dict[str, Any]:
    data = {
        "at": "2026-11-23T10:42:07.120+05:00",
        "service_level": 0.9,
        "queues": [
            queue_row("general", ready=3, offered=10, answered=10, service_level=1.0, asa_s=4.0),
            queue_row("social", waiting=2, longest_wait_s=31.2, offered=10, service_level=0.8),
        ],
        "operators": [
            operator_row("op001", "ready"),
            operator_row("op002", "talking", queue="social"),
            operator_row("op003", "paused", reason="rona"),
        ],
        "callers": [caller_row("n1-1.1", 31.2), caller_row("n1-1.2", 5.0, position=2)],
        "calls": [],
        "alerts": [],
    }
    return {**data, **changes}
