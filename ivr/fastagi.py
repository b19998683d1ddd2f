"""A FastAGI server: Asterisk connects for each call, and a handler talks to the caller.

Whatever comes in by the socket is harmless: half an opening, garbage, a flood. The one rule for
handlers is that of Asterisk: a command sent while another runs would cut it short without a
reply, so a session refuses that.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from ivr.agi_protocol import KEYS, Reply, ReplyReader, command_line
from ivr.agi_protocol import AgiError as AgiError
from ivr.agi_protocol import BadValue as BadValue
from ivr.agi_protocol import CallGone as CallGone
from ivr.agi_protocol import read_environment as read_environment

logger = logging.getLogger(__name__)

ENVIRONMENT_BYTES_MAX = 65_536
ENVIRONMENT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 10.0
PROMPT_MS_MAX = 120_000
REPLY_LINES_MAX = 500
SESSIONS_MAX = 500
SAMPLES_PER_MS = 8


class AgiSession:
    """One call in the hands of a handler. Commands raise `CallGone` once the caller has left."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        environment: Mapping[str, str],
    ) -> None:
        self.env = environment
        self._reader = reader
        self._writer = writer
        self._replies = ReplyReader()
        self._is_busy = False
        self._is_closed = False

    @property
    def uniqueid(self) -> str:
        """The id of the call."""
        return self.env.get("agi_uniqueid", "")

    @property
    def channel(self) -> str:
        """The name of the channel."""
        return self.env.get("agi_channel", "")

    @property
    def caller_number(self) -> str:
        """The number shown; anybody can forge it."""
        return self.env.get("agi_callerid", "")

    @property
    def language(self) -> str:
        """The language of the channel."""
        return self.env.get("agi_language", "")

    @property
    def script(self) -> str:
        """The path of the request without its query: the route."""
        return self.env.get("agi_network_script", "").partition("?")[0].strip("/")

    @property
    def args(self) -> list[str]:
        """The arguments of the dialplan's AGI() line, in order."""
        found: list[str] = []
        while (name := f"agi_arg_{len(found) + 1}") in self.env:
            found.append(self.env[name])
        return found

    @property
    def is_hung_up(self) -> bool:
        """Whether Asterisk has said that the caller hung up."""
        return self._replies.is_hung_up

    async def command(self, *words: str | int, deadline_s: float = COMMAND_TIMEOUT_S) -> Reply:
        """Send one command and wait for its reply.

        Raises `CallGone` when the caller or the connection is gone, `AgiError` when Asterisk
        refuses or does not answer in time, `BadValue` for a value with a line break.
        """
        line = command_line(*words)
        if self._is_busy:
            raise AgiError(f"{words[0]} while another command runs would cut that one short")
        if self._is_closed or self.is_hung_up:
            raise CallGone
        self._is_busy = True
        try:
            async with asyncio.timeout(deadline_s):
                reply = await self._exchange(line)
        except TimeoutError:
            self.close()
            raise AgiError(f"no reply to {words[0]} within {deadline_s:g} s") from None
        except BaseException:
            self.close()  # a reply may still come: it must not be taken for the next one
            raise
        finally:
            self._is_busy = False
        if self.is_hung_up or reply.code == 511:
            raise CallGone
        if reply.code != 200:
            raise AgiError(f"{words[0]} was refused: {reply.code} {reply.data or ''}".rstrip())
        return reply

    async def stream_file(
        self,
        path: str,
        escape_digits: str = KEYS,
        offset_ms: int = 0,
        *,
        length_ms_max: int = PROMPT_MS_MAX,
    ) -> tuple[str | None, int]:
        """Play a file until its end or a key: the key, and where it stopped in milliseconds.

        `path` is absolute and has no extension. Asterisk answers a missing file and a hang-up
        alike; here the first is an `AgiError`, the second `CallGone`.
        """
        reply = await self.command(
            *("STREAM", "FILE", path, escape_digits or "", offset_ms * SAMPLES_PER_MS),
            deadline_s=length_ms_max / 1000 + COMMAND_TIMEOUT_S,
        )
        if reply.result == -1:
            await self._refuse(f"{path} cannot be played; is the file there?")
        return _key(reply), reply.end_ms

    async def wait_for_digit(self, timeout_ms: int) -> str | None:
        """Wait in silence for one key, None when the time has passed."""
        reply = await self.command(
            *("WAIT", "FOR", "DIGIT", timeout_ms),
            deadline_s=timeout_ms / 1000 + COMMAND_TIMEOUT_S,
        )
        if reply.result == -1:
            await self._refuse("waiting for a key failed")
        return _key(reply)

    async def record_file(self, path: str, *, max_ms: int, silence_s: int, ends: str = "#") -> None:
        """Take down what the caller says until a key of `ends`, silence or the limit.

        `path` is without ending, as Asterisk reads it; a `.wav` of 8 kHz is written, which keeps
        one second of the silence. Raises `CallGone` when the caller hangs up: what was said until
        then is in the file.
        """
        reply = await self.command(
            *("RECORD", "FILE", path, "wav", ends, max_ms, f"s={silence_s}"),
            deadline_s=max_ms / 1000 + COMMAND_TIMEOUT_S,
        )
        if reply.result == -1:
            await self._refuse(f"{path} cannot be written; is the folder there?")

    async def get_variable(self, name: str) -> str | None:
        """The value of a channel variable or function, None when it is not set."""
        reply = await self.command("GET", "VARIABLE", name)
        return reply.data if reply.result == 1 else None

    async def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable, or write a function such as TIMEOUT(absolute)."""
        await self.command("SET", "VARIABLE", name, value)

    async def set_variables(self, values: Mapping[str, str]) -> None:
        """Set several channel variables in one round trip; `BadValue` for a comma or a quote."""
        for name, value in values.items():
            if set(value) & set(',"'):
                raise BadValue(f"{name} cannot be set to {value!r} together with others")
        await self.exec_("MSet", ",".join(f"{name}={value}" for name, value in values.items()))

    async def exec_(self, application: str, options: str = "", *, deadline_s: float = 60.0) -> int:
        """Run a dialplan application: its result."""
        reply = await self.command("EXEC", application, options, deadline_s=deadline_s)
        if reply.result == -2:
            raise AgiError(f"Asterisk has no application {application}")
        return reply.result if reply.result is not None else 0

    def close(self) -> None:
        """Give the call back to the dialplan. Safe to call twice."""
        self._is_closed = True
        self._writer.close()

    async def _refuse(self, message: str) -> None:
        """Tell a hang-up (raises `CallGone` here) from a command that failed."""
        await self.command("CHANNEL", "STATUS")
        raise AgiError(message)

    async def _exchange(self, line: bytes) -> Reply:
        try:
            self._writer.write(line)
            await self._writer.drain()
            for _ in range(REPLY_LINES_MAX):
                raw = await self._reader.readline()
                if not raw.endswith(b"\n"):
                    raise CallGone
                reply = self._replies.take(raw)
                if reply is not None:
                    return reply
        except (OSError, ValueError) as error:  # ValueError: a line over the reader's limit
            raise CallGone from error
        raise CallGone


Handler = Callable[[AgiSession], Awaitable[None]]


class AgiServer:
    """Accepts calls and hands each to the handler of its route."""

    def __init__(
        self,
        routes: Mapping[str, Handler],
        *,
        sessions_max: int = SESSIONS_MAX,
        environment_timeout_s: float = ENVIRONMENT_TIMEOUT_S,
    ) -> None:
        self._routes = dict(routes)
        self._sessions_max = sessions_max
        self._environment_timeout_s = environment_timeout_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.refused_count = 0

    @property
    def session_count(self) -> int:
        """How many connections are open."""
        return len(self._tasks)

    @property
    def port(self) -> int:
        """The port listened on; 0 while not started."""
        if self._server is None or not self._server.sockets:
            return 0
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one. Raises `OSError` when the port is in use."""
        self._server = await asyncio.start_server(
            self._serve, host, port, limit=ENVIRONMENT_BYTES_MAX, backlog=256
        )

    async def close(self, grace_s: float = 0.0) -> None:
        """Accept nothing more, give running sessions some time, then end them."""
        if self._server is None:
            return
        self._server.close()
        if self._tasks and grace_s > 0:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its first byte to its last; nothing it does may escape."""
        task = asyncio.current_task()
        if task is None or len(self._tasks) >= self._sessions_max:
            self.refused_count += 1
            logger.warning("FastAGI call refused: %d sessions are open", len(self._tasks))
            writer.close()
            return
        self._tasks.add(task)
        try:
            await self._handle(reader, writer)
        except asyncio.CancelledError:
            logger.info("FastAGI session ended by the service")
        except Exception:
            logger.exception("FastAGI handler failed; the call goes on in the dialplan")
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._environment_timeout_s):
                block = await reader.readuntil(b"\n\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError):
            self.refused_count += 1
            return
        session = AgiSession(reader, writer, read_environment(block))
        handler = self._routes.get(session.script)
        if handler is None:
            self.refused_count += 1
            logger.warning("FastAGI call for an unknown route %r", session.script[:80])
            return
        try:
            await handler(session)
        except CallGone:
            pass
        finally:
            session.close()


def _key(reply: Reply) -> str | None:
    return chr(reply.result) if reply.result is not None and 0 < reply.result < 128 else None
