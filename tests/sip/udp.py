"""UDP sockets that know when the kernel received each datagram.

The kernel's time stays true while this process is busy: a loop that was late by 80 ms must
not be mistaken for a hole of 80 ms in a caller's sound.
"""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable

Address = tuple[str, int]

_SO_TIMESTAMPNS = 35  # Linux; absent from the socket module
_ANCILLARY_BYTES = 64
_RECEIVE_BUFFER_BYTES = 1 << 20
_DATAGRAM_BYTES = 65_535
_PAIR_TRIES = 200


def now_ms() -> int:
    """Milliseconds of the monotonic clock, the same one as `loop.time()`."""
    return time.monotonic_ns() // 1_000_000


class UdpSocket:
    """A non-blocking UDP socket read by the running loop."""

    def __init__(
        self, sock: socket.socket, on_datagram: Callable[[bytes, Address, int], None]
    ) -> None:
        self._sock = sock
        self._on_datagram = on_datagram
        self._loop = asyncio.get_running_loop()
        self.address: Address = sock.getsockname()
        self.is_open = True
        self._loop.add_reader(sock.fileno(), self._readable)

    def send(self, data: bytes, to: Address) -> None:
        """Send now; a full buffer, like a lossy network, drops the datagram."""
        if self.is_open:
            with contextlib.suppress(BlockingIOError):
                self._sock.sendto(data, to)

    def deafen(self) -> None:
        """Read nothing more; the kernel throws away what its smallest buffer does not hold."""
        if self.is_open:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)

    def close(self) -> None:
        """Close at once; what still arrives is refused by the kernel."""
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()

    def _readable(self) -> None:
        try:
            data, ancillary, _, sender = self._sock.recvmsg(_DATAGRAM_BYTES, _ANCILLARY_BYTES)
        except OSError:
            return
        at_ns = time.monotonic_ns()
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) == 16:
                seconds, nanoseconds = struct.unpack("qq", value)
                at_ns -= max(0, time.time_ns() - (seconds * 1_000_000_000 + nanoseconds))
        self._on_datagram(data, sender, at_ns // 1_000_000)


def bind(ip: str, port: int = 0) -> socket.socket:
    """A UDP socket on `ip`; port 0 takes any free one. Raises `OSError` when taken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        sock.bind((ip, port))
    except OSError:
        sock.close()
        raise
    return sock


def bind_rtp_pair(ip: str) -> tuple[socket.socket, socket.socket]:
    """An even port for RTP and the odd one above it for RTCP, as RFC 3550 has them.

    RTCP is never read: holding the port keeps the kernel from answering "unreachable".
    """
    for _ in range(_PAIR_TRIES):
        rtp = bind(ip)
        port = rtp.getsockname()[1]
        if port % 2 == 0:
            try:
                return rtp, bind(ip, port + 1)
            except OSError:
                pass
        rtp.close()
    raise OSError(f"no free pair of UDP ports on {ip} after {_PAIR_TRIES} tries")
