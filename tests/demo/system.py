"""`acd run` as a child of the demo: what it says is passed on, and it goes when the demo goes."""

import asyncio
import contextlib
import ctypes
import signal
import sys
from collections.abc import Callable

from acd.run import PR_SET_PDEATHSIG

UP = "Ctrl-C stops everything"
STOP_S = 40.0


class System:
    """Asterisk and the service. It stands in a session of its own: Ctrl-C is the demo's."""

    def __init__(self, process: asyncio.subprocess.Process, say: Callable[[str], None]) -> None:
        self._process = process
        self._say = say
        self._is_up = asyncio.Event()
        self._relays = [
            asyncio.create_task(self._relay(process.stdout, say)),
            asyncio.create_task(self._relay(process.stderr, complain)),
        ]

    @classmethod
    async def start(cls, options: list[str], say: Callable[[str], None]) -> "System":
        """Start it; `options` are those of `acd run`."""
        library = ctypes.CDLL(None)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "acd", "run", *options),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            preexec_fn=lambda: library.prctl(PR_SET_PDEATHSIG, signal.SIGTERM),
        )
        return cls(process, say)

    async def up(self) -> bool:
        """Wait until it takes calls; False when it has ended instead, having said why."""
        up = asyncio.create_task(self._is_up.wait())
        done = asyncio.create_task(self.ended())
        try:
            await asyncio.wait([up, done], return_when=asyncio.FIRST_COMPLETED)
        finally:
            up.cancel()
            done.cancel()
        return self._is_up.is_set() and self._process.returncode is None

    async def ended(self) -> int:
        """Wait for its end; its exit status."""
        return await self._process.wait()

    async def stop(self) -> int:
        """As Ctrl-C does it; its exit status."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(STOP_S):
                status = await self._process.wait()
        except TimeoutError:
            self._process.kill()
            status = await self._process.wait()
        await asyncio.gather(*self._relays)
        return status

    async def _relay(self, stream: asyncio.StreamReader | None, say: Callable[[str], None]) -> None:
        assert stream is not None
        while line := await stream.readline():
            text = line.decode(errors="replace").rstrip("\n")
            say(text.replace("make run", "make demo"))
            if text.startswith(UP):
                self._is_up.set()


def complain(text: str) -> None:
    """Pass on what is wrong."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)
