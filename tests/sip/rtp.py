"""RTP of one call: a sender on the 20 ms beat, a recording of all that arrives (RFC 3550).

Keys follow RFC 4733: while a key is down its packets take the place of the sound, all with
the timestamp of the key's start and a growing duration; the end is sent three times.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from secrets import randbits

from .alaw import FRAME_MS, FRAME_SAMPLES
from .pacer import Pacer
from .sdp import PCMA
from .udp import Address, UdpSocket, bind_rtp_pair

KEYS = "0123456789*#ABCD"

_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")
_VERSION = 0x80
_MARKER = 0x80
_END_BIT = 0x80
_KEY_VOLUME = 10  # -10 dBm0
_END_PACKETS = 3
_ON_MS_MAX = 8_000  # the duration field has 16 bits


@dataclass(frozen=True, slots=True)
class Packet:
    """One received RTP packet; `at_ms` is when the kernel got it."""

    at_ms: int
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Key:
    """A key the other side pressed: when its first packet came and how long it was held."""

    key: str
    at_ms: int
    ms: int


@dataclass(slots=True)
class _Press:
    event: int
    on_beats: int
    off_beats: int
    done: asyncio.Future[None]
    beat: int = 0


class Recording:
    """Everything received on one RTP socket, in order of arrival."""

    def __init__(self) -> None:
        self._datagrams: list[tuple[int, bytes]] = []
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._datagrams)

    def add(self, data: bytes, at_ms: int) -> None:
        """Keep a datagram; what is not RTP is dropped."""
        if len(data) > _HEADER.size and data[0] & 0xC0 == _VERSION:
            self._datagrams.append((at_ms, data))
            self._arrived.set()

    async def more(self) -> None:
        """Return when the next packet has arrived."""
        self._arrived.clear()
        await self._arrived.wait()

    def packets(self, since_ms: int = 0) -> list[Packet]:
        """The packets that arrived at `since_ms` or later."""
        first = len(self._datagrams)
        while first and self._datagrams[first - 1][0] >= since_ms:
            first -= 1
        return [parse(data, at_ms) for at_ms, data in self._datagrams[first:]]

    def keys(self, events: int) -> list[Key]:
        """The keys received as RFC 4733 events of payload type `events`."""
        found: dict[tuple[int, int], Key] = {}
        for packet in self.packets():
            if packet.payload_type == events and len(packet.payload) >= _EVENT.size:
                code, _, duration = _EVENT.unpack_from(packet.payload)
                start = found.get((packet.ssrc, packet.timestamp))
                if code < len(KEYS):
                    found[packet.ssrc, packet.timestamp] = Key(
                        KEYS[code], start.at_ms if start else packet.at_ms, duration // 8
                    )
        return list(found.values())


def parse(data: bytes, at_ms: int) -> Packet:
    """Read an RTP packet; CSRCs, an extension and padding are skipped."""
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    start, end = _HEADER.size + 4 * (first & 0x0F), len(data)
    if first & 0x10:
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & 0x20:
        end -= data[-1]
    return Packet(
        at_ms, second & 0x7F, bool(second & _MARKER), sequence, timestamp, ssrc, data[start:end]
    )


class Media:
    """The sound of one call: one RTP port, what we say and what we hear."""

    def __init__(self, ip: str) -> None:
        rtp, self._rtcp = bind_rtp_pair(ip)
        self.recording = Recording()
        self._socket = UdpSocket(rtp, self._received)
        self.port = self._socket.address[1]
        self.remote: Address | None = None
        self.events: int | None = None
        """Payload type for keys, None when the other side takes none."""
        self.sent_packets = 0
        self.strangers = 0
        """Datagrams from elsewhere than the announced address, not recorded."""
        self._source: Sequence[bytes] | None = None
        self._position = 0
        self._starts_talking = True
        self._sequence = randbits(15)
        self._timestamp = randbits(31)
        self._ssrc = randbits(32)
        self._presses: deque[_Press] = deque()

    def start(self, remote: Address, events: int | None) -> None:
        """Send to `remote` from the next beat on; calling again changes the address."""
        self.remote, self.events = remote, events
        if self._socket.is_open:
            Pacer.of_running_loop().add(self._beat)

    def say(self, source: Sequence[bytes] | None) -> None:
        """Repeat these frames of 20 ms of A-law; None stops sending packets."""
        if source is None or self._source is None:
            self._starts_talking = True
        self._source, self._position = source, 0

    async def press(self, keys: str, *, on_ms: int = 100, off_ms: int = 100) -> None:
        """Send keys and return after the last one's pause; times round up to 20 ms beats."""
        if self.events is None:
            raise ValueError("the other side does not take RFC 4733 keys")
        if not 0 < on_ms <= _ON_MS_MAX:
            raise ValueError(f"a key is held for 1 to {_ON_MS_MAX} ms, not {on_ms}")
        loop = asyncio.get_running_loop()
        on_beats, off_beats = -(-on_ms // FRAME_MS), -(-off_ms // FRAME_MS)
        queued = [
            _Press(KEYS.index(key), on_beats, off_beats, loop.create_future())
            for key in keys.upper()
        ]
        self._presses.extend(queued)
        for press in queued:
            await press.done

    def deafen(self) -> None:
        """Record nothing more: of hundreds of phones in one process few need to listen."""
        self._socket.deafen()

    def stop(self) -> None:
        """Stop sending for good; the port stays open and goes on recording."""
        Pacer.of_running_loop().remove(self._beat)
        while self._presses:
            _finish(self._presses.popleft())

    def close(self) -> None:
        """Stop and give the port back; the recording stays readable."""
        self.stop()
        self._socket.close()
        self._rtcp.close()

    def _beat(self) -> None:
        if self._presses and self._press_beat(self._presses[0]):
            self._starts_talking = True
        elif self._source is not None:
            frame = self._source[self._position]
            self._position = (self._position + 1) % len(self._source)
            self._send(PCMA, frame, self._timestamp, marker=self._starts_talking)
            self._starts_talking = False
        self._timestamp = (self._timestamp + FRAME_SAMPLES) & 0xFFFFFFFF

    def _press_beat(self, press: _Press) -> bool:
        """One beat of a key; false in the pause after it, when sound may flow again."""
        beat = press.beat
        press.beat += 1
        if beat >= press.on_beats + press.off_beats - 1:
            _finish(self._presses.popleft())
        if beat >= press.on_beats:
            return False
        is_last = beat == press.on_beats - 1
        for _ in range(_END_PACKETS if is_last else 1):
            payload = _EVENT.pack(
                press.event,
                (_END_BIT if is_last else 0) | _KEY_VOLUME,
                (beat + 1) * FRAME_SAMPLES,
            )
            assert self.events is not None, "keys are queued only when they can be sent"
            start = (self._timestamp - beat * FRAME_SAMPLES) & 0xFFFFFFFF
            self._send(self.events, payload, start, marker=beat == 0)
        return True

    def _send(self, payload_type: int, payload: bytes, timestamp: int, *, marker: bool) -> None:
        if self.remote is None:
            return
        second = payload_type | (_MARKER if marker else 0)
        header = _HEADER.pack(_VERSION, second, self._sequence, timestamp, self._ssrc)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self.sent_packets += 1
        self._socket.send(header + payload, self.remote)

    def _received(self, data: bytes, sender: Address, at_ms: int) -> None:
        if self.remote in (None, sender):
            self.recording.add(data, at_ms)
        else:
            self.strangers += 1


def _finish(press: _Press) -> None:
    if not press.done.done():
        press.done.set_result(None)
