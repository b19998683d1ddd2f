"""What the people of the demo sound like, and a cheap way to know who is being heard.

A conversation carries A-law through unchanged, so that a packet of the other side's voice is one
of the frames it sent: a look into a set, where finding a tone in the sound would cost a sum.
"""

import asyncio
from collections.abc import Callable, Iterable

from tests.sip import Call, PhoneTimeout, now_ms
from tests.sip.alaw import SILENCE, tone
from tests.sip.rtp import Recording

CITIZENS_HZ = (220, 247, 262, 294)
OPERATORS_HZ = (392, 440, 494, 523, 587, 659)
LISTEN_MS = 120
KEPT = 100
"""Packets, of 20 ms each."""
TICK_S = 0.1
DEAD_LINE_S = 6.0
"""No packet for so long: the line is dead, and whoever is on it notices."""
FAREWELL_S = 3.0


def frames(tones: Iterable[int]) -> frozenset[bytes]:
    """Every frame of these voices."""
    return frozenset(frame for hz in tones for frame in tone(hz)) - set(SILENCE)


class Latest(Recording):
    """What came in the last second or two; a test keeps all it heard, a demo runs for days."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = 0

    def add(self, data: bytes, at_ms: int) -> None:
        """Keep a datagram, forget the older half when there are many."""
        self.arrived += 1
        super().add(data, at_ms)
        if len(self) > KEPT:
            del self._datagrams[: KEPT // 2]


class Ear:
    """One side of a call: whether the other kind of person is heard, whether anything is.

    `talked_ms` is for how long they were heard in a conversation so far.
    """

    def __init__(self, call: Call, voices: frozenset[bytes]) -> None:
        self._heard = call.media.recording = Latest()
        self._voices = voices
        self._count = 0
        self._last_ms = now_ms()
        self.talked_ms = 0

    def hears_somebody(self) -> bool:
        """Whether one of the voices was heard just now."""
        packets = self._heard.packets(now_ms() - LISTEN_MS)
        return any(packet.payload in self._voices for packet in packets)

    def is_dead(self) -> bool:
        """Whether no sound has come for a good while, not even music or silence."""
        count = self._heard.arrived
        if count != self._count:
            self._count, self._last_ms = count, now_ms()
        return now_ms() - self._last_ms > DEAD_LINE_S * 1000


async def until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Wait until something is so, at a human pace; whether it came true in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not condition():
        left_s = deadline - loop.time()
        if left_s <= 0:
            return False
        await asyncio.sleep(min(TICK_S, left_s))
    return True


async def converse(
    call: Call, ear: Ear, *, talk_ms: int, patience_ms: int, alone_ms: int | None = None
) -> None:
    """Stay on the line until enough is said, patience is at its end, or the call ends.

    Time counts as talk while the other person is heard, as waiting while not. Once there was talk,
    patience is `alone_ms`, when that is given. The ear keeps the sum of the talk.
    """
    loop = asyncio.get_running_loop()
    waited_s = 0.0
    before = loop.time()
    while call.state == "answered" and not ear.is_dead():
        await asyncio.sleep(2 * TICK_S)
        now = loop.time()
        if ear.hears_somebody():
            ear.talked_ms += round(1000 * (now - before))
            waited_s = 0.0
        else:
            waited_s += now - before
        before = now
        if ear.talked_ms and alone_ms is not None:
            patience_ms = alone_ms
        if ear.talked_ms >= talk_ms or waited_s * 1000 >= patience_ms:
            break


async def leave(call: Call) -> None:
    """Hang up, whatever the state of the call; a server that does not answer is left alone.

    What was heard is thrown away at once; it would wait for the collector.
    """
    try:
        async with asyncio.timeout(FAREWELL_S):
            await call.hang_up()
    except (TimeoutError, PhoneTimeout):
        call.vanish()
    finally:
        call.media.recording = Recording()
