"""How far a long task is, for a person at a terminal; plain lines for a file or a pipe."""

import shutil
from collections.abc import Callable
from typing import TextIO

_BAR_COLUMNS = 24
_REDRAW_MS = 100


class Progress:
    """A bar that is drawn over itself on a terminal; elsewhere one line for each thing done.

    `now_ms` is a clock of integer milliseconds; the time left is reckoned from what was done.
    """

    def __init__(self, stream: TextIO, now_ms: Callable[[], int]) -> None:
        self._stream = stream
        self._now_ms = now_ms
        self._is_terminal = stream.isatty()
        self._began_ms = now_ms()
        self._drawn_ms: int | None = None

    def __call__(self, done: int, total: int, line: str) -> None:
        """`done` of `total` are finished; `line` tells of the latest."""
        if not self._is_terminal:
            self._stream.write(f"{line}\n")
            return
        now = self._now_ms()
        is_due = self._drawn_ms is None or now - self._drawn_ms >= _REDRAW_MS
        if is_due or done == total:
            self._drawn_ms = now
            left_ms = (now - self._began_ms) * (total - done) // max(1, done)
            columns = shutil.get_terminal_size().columns
            self._draw(bar(done, total, left_ms, line)[: columns - 1])

    def close(self) -> None:
        """Leave the terminal's line free for what comes next."""
        if self._drawn_ms is not None:
            self._draw("")

    def _draw(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text}")
        self._stream.flush()


def bar(done: int, total: int, left_ms: int, line: str) -> str:
    """`[######------]  512/1024   1:05 left  the latest`."""
    filled = _BAR_COLUMNS * done // max(1, total)
    drawn = "#" * filled + "-" * (_BAR_COLUMNS - filled)
    minutes, seconds = divmod((left_ms + 999) // 1000, 60)
    return f"[{drawn}] {done:{len(str(total))}}/{total}  {minutes}:{seconds:02} left  {line}"
