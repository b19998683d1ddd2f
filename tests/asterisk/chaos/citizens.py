"""Citizens by sipp, another make of telephone than ours: one process per call, ended by its id."""

import asyncio
import contextlib
import socket
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

SCENARIO = Path(__file__).parent / "citizen.xml"
IP = "127.0.0.2"

Told = Literal["hung up", "was hung up on", "failed"]


class Citizens:
    """Places calls in the background; `told` is what each number saw of its call's end."""

    def __init__(self, folder: Path, to: tuple[str, int]) -> None:
        self._folder = folder
        self._to = to
        self._calls: dict[str, asyncio.Task[None]] = {}
        self._sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.told: dict[str, Told] = {}

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._sink.bind((IP, 0))  # sound nobody listens to: the kernel throws it away
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._calls.values():
            task.cancel()
        await asyncio.gather(*self._calls.values(), return_exceptions=True)
        self._sink.close()

    def dial(self, number: str, patience_ms: int) -> None:
        """Call 1414; hang up after so long unless the other side does so before."""
        work = self._call(number, patience_ms)
        self._calls[number] = asyncio.get_running_loop().create_task(work, name=f"call {number}")

    async def all_over(self, timeout_s: float) -> None:
        """Wait until every call has ended."""
        async with asyncio.timeout(timeout_s):
            await asyncio.gather(*self._calls.values())

    async def _call(self, number: str, patience_ms: int) -> None:
        scenario, log = (self._folder / f"{number}.{end}" for end in ("xml", "log"))
        text = SCENARIO.read_text(encoding="utf-8")
        for word, value in (
            ("NUMBER", number),
            ("PATIENCE_MS", str(patience_ms)),
            ("SOUND_PORT", str(self._sink.getsockname()[1])),
        ):
            text = text.replace(word, value)
        scenario.write_text(text, encoding="utf-8")
        sipp = await asyncio.create_subprocess_exec(
            "sipp", f"{self._to[0]}:{self._to[1]}", "-sf", str(scenario), "-i", IP, "-mi", IP,
            "-m", "1", "-nostdin", "-trace_logs", "-log_file", str(log),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL, cwd=self._folder,
        )  # fmt: skip
        try:
            await sipp.wait()
        finally:
            if sipp.returncode is None:
                sipp.kill()
                await sipp.wait()
        self.told[number] = _told(log)


def _told(log: Path) -> Told:
    """The exit code tells less: two hang-ups that cross count as a failure for sipp."""
    said = ""
    with contextlib.suppress(FileNotFoundError):
        said = log.read_text(encoding="utf-8").strip()
    return "hung up" if said == "hung up" else "was hung up on" if said else "failed"
