"""The only place that reads a clock.

The service's time is integer milliseconds since the epoch, as it was at start, carried on by the
monotonic clock: a step of the wall clock neither ends nor prolongs anybody's wait.
"""

import time
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from acd.core.names import Millis

Clock = Callable[[], Millis]


def service_clock() -> Clock:
    """A clock for one process; moments of different processes differ by the wall clock's steps."""
    offset_ns = time.time_ns() - time.monotonic_ns()
    return lambda: Millis((time.monotonic_ns() + offset_ns) // 1_000_000)


def wall_seconds() -> int:
    """Whole epoch seconds of the wall clock, as Asterisk's own ${EPOCH}."""
    return int(time.time())


def wall_time_s() -> float:
    """Epoch seconds of the wall clock, as Asterisk stamps its events."""
    return time.time()


def monotonic_s() -> float:
    """For time-outs outside the event loop, in seconds."""
    return time.monotonic()


def iso(moment: Millis, zone: ZoneInfo) -> str:
    """ISO 8601 with offset and milliseconds, as every output shows a moment."""
    return datetime.fromtimestamp(moment / 1000, zone).isoformat(timespec="milliseconds")


def midnight_before(moment: Millis, zone: ZoneInfo) -> Millis:
    """The local midnight at or before a moment: the day's figures begin there."""
    local = datetime.fromtimestamp(moment / 1000, zone)
    start = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return Millis(int(start.timestamp() * 1000))


def midnight_after(moment: Millis, zone: ZoneInfo) -> Millis:
    """The next local midnight."""
    return midnight_before(Millis(midnight_before(moment, zone) + 26 * 3_600_000), zone)
