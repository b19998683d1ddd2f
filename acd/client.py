"""Talks to the running service over its unix socket: one line of JSON out, one line back.

Used by commands, so it is synchronous, and it ends within its time limit whatever is at the other
end. `docs/` describes the requests and answers.
"""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from acd.clock import monotonic_s

TIMEOUT_S = 5.0
ANSWER_MAX = 32 * 1024 * 1024
"""Bytes of one answer; a day's calls of the whole centre are about 8 MB."""

Request = Mapping[str, object]
Data = Any
"""Whatever JSON can say; whoever asked checks its shape."""


class ServiceError(Exception):
    """The service refused, or its answer cannot be used; the message is for a person."""


class NotRunningError(ServiceError):
    """Nobody listens on the socket."""


def ask(path: Path, request: Request, timeout_s: float = TIMEOUT_S) -> Data:
    """The data of one answer. Raises ServiceError."""
    with Connection(path, timeout_s) as connection:
        connection.send(request)
        return connection.receive()


def stream(path: Path, request: Request, silence_s: float) -> Iterator[Data]:
    """The data of each answer line until the service closes; None for each silence of that long.

    Raises ServiceError; NotRunningError also when the service goes away in the middle.
    """
    with Connection(path, silence_s) as connection:
        connection.send(request)
        while True:
            try:
                yield connection.receive()
            except _SilenceError:
                yield None


class _SilenceError(ServiceError):
    """No complete answer within the time limit; the connection may still be good."""


class Connection:
    """One connection; every operation ends within `timeout_s` or raises ServiceError."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._buffer = b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def __enter__(self) -> "Connection":
        self._socket.settimeout(self._timeout_s)
        try:
            self._socket.connect(str(self._path))
        except OSError as error:
            self._socket.close()
            raise self._no_connection(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, request: Request) -> None:
        """Send one request."""
        line = json.dumps(request, ensure_ascii=False) + "\n"
        try:
            self._socket.settimeout(self._timeout_s)
            self._socket.sendall(line.encode())
        except TimeoutError as error:
            raise self._silence() from error
        except OSError as error:
            raise self._gone() from error

    def receive(self) -> Data:
        """The data of the next answer; what was read of an incomplete one is kept."""
        line = self._line()
        try:
            answer = json.loads(line)
            if answer["ok"] is True:
                return answer["data"]
            message = str(answer["error"])
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise ServiceError(
                f"what answers at {shown(self._path)} is not this service, or another version of "
                "it; restart the service"
            ) from error
        raise ServiceError(message)

    def _line(self) -> bytes:
        deadline = monotonic_s() + self._timeout_s
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > ANSWER_MAX:
                raise ServiceError(
                    f"the answer of the service is over {ANSWER_MAX // 1_048_576} MB; ask for less"
                )
            self._buffer += self._chunk(deadline)
        line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
        return line

    def _chunk(self, deadline: float) -> bytes:
        left_s = deadline - monotonic_s()
        if left_s <= 0:
            raise self._silence()
        try:
            self._socket.settimeout(left_s)
            data = self._socket.recv(1_048_576)
        except TimeoutError as error:
            raise self._silence() from error
        except OSError as error:
            raise self._gone() from error
        if not data:
            raise self._gone()
        return data

    def _no_connection(self, error: OSError) -> ServiceError:
        where = shown(self._path)
        if isinstance(error, PermissionError):
            return ServiceError(
                f"{where} belongs to another user; run this as the user that runs the service"
            )
        if isinstance(error, TimeoutError):
            return self._silence()
        if isinstance(error, FileNotFoundError | ConnectionRefusedError | NotADirectoryError):
            return NotRunningError(
                f"the service is not running (no answer at {where}); start it with `make run`"
            )
        reason = error.strerror or str(error)
        return ServiceError(f"{where} cannot be reached ({reason}); check 'socket' in service.yaml")

    def _silence(self) -> ServiceError:
        return _SilenceError(
            f"the service did not answer within {self._timeout_s:g} s; `acd doctor` says more"
        )

    def _gone(self) -> ServiceError:
        half = "in the middle of its answer" if self._buffer else "without an answer"
        return NotRunningError(
            f"the service closed the connection {half}; is it stopping? try again"
        )


def shown(path: Path) -> str:
    """A path as a person would write it here."""
    try:
        relative = os.path.relpath(path)
    except (OSError, ValueError):
        return str(path)
    return str(path) if relative.startswith("..") else relative
