"""What `config/` says, as the rest of the system sees it: frozen, checked, in core terms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from acd.core.names import Language, Millis, OperatorId, QueueId
from acd.core.queues import Rules
from ivr.core.expressions import Value

FEATURES = ("ready", "pause", "wrap_up", "logout", "abuse", "record_pause", "bookmark")
"""What an operator can tell the system from the phone; the codes are settings."""

IN_CALL = {"record_pause": ("acd-pause", "pause"), "bookmark": ("acd-bookmark", "bookmark")}
"""Those that are pressed in a conversation: their names in features.conf and in the dialplan."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host (an IP address) and a port to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the parts of the system listen. `rtp` is the first and last port of the media."""

    sip: Address
    ami: Address
    agi: Address
    socket: Path
    rtp: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Whom the system may dial by itself, and when not.

    `quiet` is first and last minute since midnight (the last excluded), maybe overnight; None:
    dialled at any hour. In `numbers` an `X` stands for any digit; without any nobody is dialled.
    `via` is the host and port of the trunk that takes these calls; None: the first of `trunk`.
    """

    quiet: tuple[int, int] | None = None
    numbers: tuple[str, ...] = ()
    via: str | None = None

    def allows(self, number: str) -> bool:
        """Whether a pattern covers the whole number, sign for sign."""
        return any(_covers(pattern, number) for pattern in self.numbers)

    def is_quiet(self, minute: int) -> bool:
        """Whether nobody may be dialled in this minute since midnight."""
        if self.quiet is None:
            return False
        begins, ends = self.quiet
        if begins < ends:
            return begins <= minute < ends
        return minute >= begins or minute < ends


def _covers(pattern: str, number: str) -> bool:
    return len(pattern) == len(number) and all(
        sign == wanted or (wanted == "X" and sign in "0123456789")
        for wanted, sign in zip(pattern, number, strict=True)
    )


HALF_MINUTE, QUARTER_HOUR = Millis(30_000), Millis(900_000)


@dataclass(frozen=True, slots=True)
class Edges:
    """Around the ends of a shift: no offers from `last_offer_ms` before the end on.

    With `auto_logout` who has nothing more to do then is logged out. Whoever logs in up to
    `login_early_ms` before the beginning is not outside of their shift.
    """

    last_offer_ms: Millis = HALF_MINUTE
    auto_logout: bool = True
    login_early_ms: Millis = QUARTER_HOUR


@dataclass(frozen=True, slots=True)
class Recording:
    """A queue's conversations are recorded and kept so long; `notice`: callers are told before."""

    keep_days: int
    notice: bool = True


@dataclass(frozen=True, slots=True)
class Service:
    """`service.yaml`: the machine room. Paths are absolute.

    `trunk` lists the addresses whose calls are citizens' calls, without authentication.
    `least_talk_ms`: a conversation the operator ends sooner is a failed offer.
    `pause_reasons` maps the digit dialled after the pause code to the reason. `transfers` are the
    numbers a menu or a ladder may lead callers to, each with the SIP address that is dialled.
    `config` is what menus know as `config.*`. `callbacks` bounds what the system dials by itself.
    """

    number: str
    timezone: str
    languages: tuple[Language, ...]
    target_ms: Millis
    database: str
    listen: Listen
    folder: Path
    trunk: tuple[str, ...]
    features: Mapping[str, str]
    pause_reasons: Mapping[str, str]
    least_talk_ms: Millis
    menu: str | None
    transfers: Mapping[str, str]
    config: Mapping[str, Value]
    callbacks: Callbacks = Callbacks()
    edges: Edges = Edges()


@dataclass(frozen=True, slots=True)
class Break:
    """From this minute since midnight on, so long for each; `at_once`: the share away together."""

    at: int
    length_ms: int
    at_once: float = 1.0


@dataclass(frozen=True, slots=True)
class Shift:
    """One of the shifts: weekdays 0 (Monday) to 6, and minutes since midnight, maybe overnight.

    `holidays`: of its days it works those that are public holidays too, not those, or only those.
    """

    id: str
    days: tuple[int, ...]
    begins: int
    ends: int
    breaks: tuple[Break, ...] = ()
    holidays: Literal["works", "off", "only"] = "works"


@dataclass(frozen=True, slots=True)
class Settings:
    """All of `config/`, read together or not at all. `recording` has the queues that record."""

    folder: Path
    service: Service
    rules: Rules
    topic_names: Mapping[str, Mapping[str, str]]
    shifts: Mapping[str, Shift]
    phrases: Mapping[str, Mapping[str, str]]
    language_words: Mapping[str, str]
    holidays: frozenset[date] = frozenset()
    recording: Mapping[QueueId, Recording] = field(default_factory=dict)

    @property
    def queues(self) -> tuple[QueueId, ...]:
        """The queues in file order."""
        return tuple(self.rules.queues)

    @property
    def operators(self) -> tuple[OperatorId, ...]:
        """The roster in file order."""
        return tuple(self.rules.operators)

    def routable(self) -> frozenset[str]:
        """The names a dialplan may send a caller to: topics and queues."""
        return frozenset([*self.rules.topics, *self.rules.queues])
