"""A SIP telephone for tests: registers, calls, answers, presses keys and listens.

Start at `phone.Phone`. Everything runs in one asyncio loop as an ordinary user, with the
standard library alone. All times are integer milliseconds of the monotonic clock that
`asyncio` itself uses, so times of different phones and of the test can be subtracted.
"""

from .call import Call, CallFailed
from .events import Event, EventLog, PhoneTimeout
from .listen import Hearing, Interval
from .pacer import Pacer
from .phone import AnswerAfter, Manual, Phone, Reject, Ring, Silent
from .udp import now_ms

__all__ = [
    "AnswerAfter",
    "Call",
    "CallFailed",
    "Event",
    "EventLog",
    "Hearing",
    "Interval",
    "Manual",
    "Pacer",
    "Phone",
    "PhoneTimeout",
    "Reject",
    "Ring",
    "Silent",
    "now_ms",
]
