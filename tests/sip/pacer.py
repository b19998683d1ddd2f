"""The 20 ms beat of every sender in one asyncio loop.

Beats fall on start + n x 20 ms of the loop's clock, so lateness never adds up: after a
stall the missed beats are made up at once, as a network that held the packets would do.
`worst_late_ms` tells a test whether its own process was the one that stuttered.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar
from weakref import WeakKeyDictionary

from .alaw import FRAME_MS

_FRAME_S = FRAME_MS / 1_000
_CATCH_UP_BEATS = 250


@dataclass(slots=True)
class PacerReport:
    """How punctual the beat was. All in milliseconds after the due instant."""

    beats: int = 0
    skipped: int = 0
    """Beats never sent: the loop had stood still for more than 5 s."""
    worst_late_ms: float = 0.0
    total_late_ms: float = 0.0

    @property
    def mean_late_ms(self) -> float:
        """Average lateness of a beat."""
        return self.total_late_ms / self.beats if self.beats else 0.0


class Pacer:
    """Calls every registered sender once each 20 ms; sleeps while there is none."""

    _of_loop: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, "Pacer"]] = WeakKeyDictionary()

    def __init__(self) -> None:
        self._senders: dict[Callable[[], None], None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next_at = 0.0
        self.report = PacerReport()

    @classmethod
    def of_running_loop(cls) -> "Pacer":
        """The one pacer of this loop."""
        loop = asyncio.get_running_loop()
        if loop not in cls._of_loop:
            cls._of_loop[loop] = cls()
        return cls._of_loop[loop]

    def add(self, sender: Callable[[], None]) -> None:
        """Call `sender` on every beat from the next one on."""
        self._senders[sender] = None
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._next_at = loop.time()
            self._timer = loop.call_at(self._next_at, self._beat)

    def remove(self, sender: Callable[[], None]) -> None:
        """Stop calling `sender`; an unknown one is ignored."""
        self._senders.pop(sender, None)
        if not self._senders and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        late_s = loop.time() - self._next_at
        behind = int(late_s / _FRAME_S)
        if behind > _CATCH_UP_BEATS:
            self.report.skipped += behind - _CATCH_UP_BEATS
            self._next_at += (behind - _CATCH_UP_BEATS) * _FRAME_S
            behind = _CATCH_UP_BEATS
        for beat in range(behind + 1):
            late_ms = max(0.0, (late_s - beat * _FRAME_S) * 1_000)
            self.report.beats += 1
            self.report.total_late_ms += late_ms
            self.report.worst_late_ms = max(self.report.worst_late_ms, late_ms)
            for sender in list(self._senders):
                sender()
        self._next_at += (behind + 1) * _FRAME_S
        if self._senders:
            self._timer = loop.call_at(self._next_at, self._beat)
