"""The service's unix socket: newline-delimited JSON, one request a line, one answer a line.

    {"do": "queues"}   ->   {"ok": true, "data": [...]}   or   {"ok": false, "error": "..."}

Whoever may open the file may act: it is made with mode 0600. A client that stops reading is
dropped, not waited for. `docs/socket.md` lists the requests.
"""

import asyncio
import contextlib
import json
import logging
import os
import pwd
import socket
import stat
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

REQUEST_MAX = 65_536
ANSWER_TIMEOUT_S = 5.0
STREAM_EVERY_S = 1.0

PEER: ContextVar[str] = ContextVar("PEER", default="unknown")
"""The unix user whose request is being served, as the kernel tells."""

Request = Mapping[str, Any]
Handler = Callable[[Request], Awaitable[Any]]


class RequestError(Exception):
    """The request cannot be served; the message goes to whoever asked."""


def text_of(request: Request, key: str, *, default: str | None = None) -> str | None:
    """A text of a request, or RequestError when it is something else."""
    value = request.get(key, default)
    if value is not None and not isinstance(value, str):
        raise RequestError(f"'{key}' must be a text, not {json.dumps(value)[:40]}")
    return value


class Api:
    """Serves the handlers by name; `monitor` may be streamed."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        *,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        stream_every_s: float = STREAM_EVERY_S,
    ) -> None:
        self._handlers = handlers
        self._answer_timeout_s = answer_timeout_s
        self._stream_every_s = stream_every_s
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._path: Path | None = None

    async def start(self, path: Path) -> None:
        """Listen. A socket left by a dead process is replaced; a live one raises OSError."""
        await self._make_room(path)
        old = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(
                self._serve, str(path), limit=REQUEST_MAX
            )
        finally:
            os.umask(old)
        self._path = path

    async def _make_room(self, path: Path) -> None:
        try:
            _, writer = await asyncio.open_unix_connection(str(path))
        except OSError:
            _clear(path)
            return
        writer.close()
        raise OSError(f"another service answers at {path}")

    async def close(self) -> None:
        """Stop listening, drop the clients, remove the socket."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._clients):
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        if self._path is not None:
            _clear(self._path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        PEER.set(_user(writer))
        try:
            await self._talk(reader, writer)
        except (OSError, TimeoutError, ValueError, asyncio.CancelledError):
            log.debug("a client left")
        finally:
            self._clients.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await self._read(reader, writer):
            request, answer = await self._answer(line)
            await self._send(writer, answer)
            while answer["ok"] and request.get("do") == "monitor" and request.get("stream"):
                await asyncio.sleep(self._stream_every_s)
                _, answer = await self._answer(line)
                await self._send(writer, answer)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """The next line; a line beyond the limit is refused and ends the connection."""
        try:
            return await reader.readline()
        except ValueError:
            error = f"a request is at most {REQUEST_MAX} bytes long"
            await self._send(writer, {"ok": False, "error": error})
            return b""

    async def _send(self, writer: asyncio.StreamWriter, answer: Mapping[str, Any]) -> None:
        writer.write(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        async with asyncio.timeout(self._answer_timeout_s):
            await writer.drain()

    async def _answer(self, line: bytes) -> tuple[Request, dict[str, Any]]:
        request: Request = {}
        try:
            decoded = _decoded(line)
            if not isinstance(decoded, dict):
                raise RequestError('a request is an object, as in {"do": "queues"}')
            request = decoded
            handler = self._handlers.get(str(request.get("do")))
            if handler is None:
                known = ", ".join(self._handlers)
                raise RequestError(f"'{request.get('do')}' is not a request; known: {known}")
            return request, {"ok": True, "data": await handler(request)}
        except RequestError as error:
            return request, {"ok": False, "error": str(error)}
        except Exception:
            log.exception("request %s failed", request)
            return request, {"ok": False, "error": "the service failed at this; see its log"}


def _user(writer: asyncio.StreamWriter) -> str:
    connection = writer.get_extra_info("socket")
    try:
        told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except (AttributeError, OSError):  # gone already
        return "unknown"
    uid = struct.unpack("3i", told)[1]
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _decoded(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the request is not JSON ({error})") from error


def _clear(path: Path) -> None:
    """Make the folder and remove the socket of a dead process; another file is not ours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise OSError(f"{path} is a file and no socket")
    path.unlink(missing_ok=True)
