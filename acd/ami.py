"""The Asterisk Manager Interface: one TCP session, actions with time-outs, events in order.

Our own client instead of panoramisk: 1.4 replays unanswered actions after a reconnect (a stale
Redirect would fire minutes later), runs callbacks as unordered tasks, drops letters split across
segments, has no time-outs and closes the link when a callback raises. Here nothing is ever sent
twice, every action has a time limit, and every event reaches one callback in the order of the
wire.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

Message = Mapping[str, str]

LINE_MAX = 900
"""Asterisk refuses lines over 1024 bytes; this leaves room for the header's name."""
MESSAGE_MAX = 1_048_576
ACTION_TIMEOUT_S = 5.0
PING_EVERY_S = 2.0


class AmiError(Exception):
    """An action was refused, timed out, or the link is down."""


@dataclass(slots=True)
class _Pending:
    """An action waiting for its response, or for the end of its list."""

    done: asyncio.Future[list[Message]]
    is_list: bool
    collected: list[Message] = field(default_factory=list)


def encode(headers: Mapping[str, str]) -> bytes:
    """One action on the wire. A value that could smuggle in a second one raises AmiError."""
    lines = []
    for name, value in headers.items():
        if any(c in value for c in "\r\n\0") or len(value.encode("utf-8", "replace")) > LINE_MAX:
            raise AmiError(f"the value of {name} cannot be sent: {value[:40]!r}")
        lines.append(f"{name}: {value}\r\n")
    return ("".join(lines) + "\r\n").encode("utf-8", "replace")


def parse(block: bytes) -> dict[str, str]:
    """One message without its blank line. Bytes that are not UTF-8 are marked, never fatal.

    Of a header that comes more than once the last counts, but for `Variable`, whose values are
    joined by line feeds.
    """
    message: dict[str, str] = {}
    for line in block.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if colon and name == "Variable" and name in message:
            value = f"{message[name]}\n{value}"
        if colon:
            message[name] = value
    return message


async def _open(
    host: str, port: int, timeout_s: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to something that greets as Asterisk does; AmiError says why there is none."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port, limit=MESSAGE_MAX)
            banner = await reader.readline()
    except (OSError, ValueError) as error:
        if writer is not None:
            writer.close()
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise AmiError(f"no answer from AMI at {host}:{port} ({why or 'timed out'})") from error
    if not banner.startswith(b"Asterisk Call Manager"):
        writer.close()
        raise AmiError(f"what listens at {host}:{port} is not Asterisk's manager interface")
    return reader, writer


class Ami:
    """A logged-in session. Made by `connect`; ends for good when the link breaks.

    `on_event` is called for every event, must not block and should not raise; if it does, that
    event alone is lost and logged. `closed` resolves when the session is over.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_event: Callable[[Message], None],
        ping_every_s: float = PING_EVERY_S,
        timeout_s: float = ACTION_TIMEOUT_S,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._on_event = on_event
        self._ping_every_s = ping_every_s
        self._timeout_s = timeout_s
        self._pending: dict[str, _Pending] = {}
        self._number = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._posts: set[asyncio.Task[Message | None]] = set()
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        user: str,
        secret: str,
        on_event: Callable[[Message], None],
        *,
        ping_every_s: float = PING_EVERY_S,
        timeout_s: float = ACTION_TIMEOUT_S,
    ) -> "Ami":
        """Open and log in. Raises AmiError with the reason."""
        reader, writer = await _open(host, port, timeout_s)
        ami = cls(reader, writer, on_event, ping_every_s, timeout_s)
        ami._start()
        try:
            await ami.action("Login", Username=user, Secret=secret)
        except AmiError as error:
            await ami.close()
            raise AmiError(f"AMI at {host}:{port} refused the login ({error})") from error
        return ami

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._read(), name="ami reader"),
            loop.create_task(self._watch(), name="ami ping"),
        ]

    async def action(self, name: str, timeout_s: float | None = None, **headers: str) -> Message:
        """Send an action and wait for its response; the last header set wins on `Variable`."""
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        return (await self._send(name, headers, limit_s, is_list=False))[0]

    async def listing(self, name: str, timeout_s: float = 10.0, **headers: str) -> list[Message]:
        """Send an action that answers with a list of events; gives those between its ends."""
        return (await self._send(name, headers, timeout_s, is_list=True))[1:]

    def post(self, name: str, **headers: str) -> "asyncio.Task[Message | None]":
        """Send now, in order, without waiting; a refusal is logged and gives None.

        The bytes are on the way when this returns, so two posts arrive in the order of the calls.
        """
        refusal: AmiError | None = None
        id_ = ""
        try:
            id_ = self._begin(name, headers, is_list=False)
        except AmiError as error:
            refusal = error

        async def answer() -> Message | None:
            try:
                if refusal is not None:
                    raise refusal
                return (await self._finish(name, id_, self._timeout_s))[0]
            except AmiError as error:
                log.info("AMI %s %s: %s", name, headers.get("Channel", ""), error)
                return None

        task = asyncio.get_running_loop().create_task(answer(), name=f"ami {name}")
        self._posts.add(task)
        task.add_done_callback(self._posts.discard)
        return task

    def abort(self, why: str) -> None:
        """End the session this instant: nothing more is sent, nothing more is heard."""
        self._over(why)
        self._writer.transport.abort()

    async def close(self) -> None:
        """End the session without a word; whatever waits for an answer fails."""
        self._over("closed by us")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()

    async def _send(
        self, name: str, headers: Mapping[str, str], timeout_s: float, *, is_list: bool
    ) -> list[Message]:
        return await self._finish(name, self._begin(name, headers, is_list=is_list), timeout_s)

    def _begin(self, name: str, headers: Mapping[str, str], *, is_list: bool) -> str:
        if self.closed.done():
            raise AmiError(f"the AMI link is down ({self.closed.result()})")
        self._number += 1
        id_ = str(self._number)
        data = encode({"Action": name, "ActionID": id_, **headers})
        future: asyncio.Future[list[Message]] = asyncio.get_running_loop().create_future()
        self._pending[id_] = _Pending(future, is_list)
        self._writer.write(data)
        return id_

    async def _finish(self, name: str, id_: str, timeout_s: float) -> list[Message]:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._pending[id_].done
        except TimeoutError as error:
            raise AmiError(f"{name} was not answered within {timeout_s:g} s") from error
        finally:
            self._pending.pop(id_, None)

    async def _read(self) -> None:
        try:
            while True:
                block = await self._reader.readuntil(b"\r\n\r\n")
                self._take(parse(block))
        except asyncio.IncompleteReadError:
            self._over("Asterisk closed it")
        except (OSError, asyncio.LimitOverrunError) as error:
            self._over(str(error))

    def _take(self, message: Message) -> None:
        if self.closed.done():
            return
        pending = self._pending.get(message.get("ActionID", ""))
        if pending is not None and not pending.done.done():
            self._answer(pending, message)
        elif "Event" in message:
            try:
                self._on_event(message)
            except Exception:
                log.exception("an event was lost: %s", message)

    def _answer(self, pending: _Pending, message: Message) -> None:
        if message.get("Response") == "Error":
            pending.done.set_exception(AmiError(message.get("Message", "refused")))
            return
        ends = message.get("EventList", "").casefold() in ("complete", "cancelled")
        if not pending.is_list:
            pending.done.set_result([message])
        elif ends:
            pending.done.set_result(pending.collected)
        else:
            pending.collected.append(message)

    async def _watch(self) -> None:
        """A link that does not answer a ping is dead, whatever TCP says."""
        while True:
            await asyncio.sleep(self._ping_every_s)
            try:
                await self.action("Ping")
            except AmiError as error:
                self.abort(str(error))
                return

    def _over(self, reason: str) -> None:
        if not self.closed.done():
            self.closed.set_result(reason)
        for pending in self._pending.values():
            if not pending.done.done():
                pending.done.set_exception(AmiError(f"the AMI link is down ({reason})"))
