"""What Asterisk wrote down itself of each call that ended: one line by the dialplan's `acd-end`.

The service that was away for a call's whole life, or for its end, puts it on record from this.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from acd.core.names import Millis

FILE = "calls"
"""In Asterisk's log folder."""
READ_BYTES_MAX = 8_000_000
"""Some 30,000 calls: more than a day of them."""

_LINE = re.compile(r"ACDEND (?P<fields>(?:\w+=\S*(?: |$))+)")


@dataclass(frozen=True, slots=True)
class Ending:
    """A call at its end. Moments are epoch milliseconds, None for what never happened.

    `state` is where it ended: menu, hold, ring, talk, after, fallback, fallback-talk, message.
    """

    call: str
    number: str
    language: str
    topic: str | None
    priority_s: int
    state: str
    operator: str | None
    message: str | None
    arrived_at: Millis
    queued_at: Millis | None
    fallback_at: Millis | None
    connected_at: Millis | None
    talk_ended_at: Millis | None
    ended_at: Millis


LATEST_BYTES = 1_000_000
"""Some 4,000 calls: enough for who ended in the last minutes, and read in a few milliseconds."""


def read_endings(path: Path, last_bytes: int = READ_BYTES_MAX) -> list[Ending]:
    """The endings in the file's last part, oldest first; a file that is not there has none."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - last_bytes))
            text = stream.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return parse_endings(text.splitlines())


def parse_endings(lines: Iterable[str]) -> list[Ending]:
    """Lines of anything else, and lines cut short, are passed over."""
    found = []
    for line in lines:
        match = _LINE.search(line)
        ending = _ending(match["fields"]) if match is not None else None
        if ending is not None:
            found.append(ending)
    return found


def _ending(fields: str) -> Ending | None:
    values = dict(pair.split("=", 1) for pair in fields.split())

    def moment(name: str) -> Millis | None:
        value = values.get(name, "")
        return Millis(int(value)) if value.isdigit() else None

    ended_at = moment("at")
    if not values.get("call") or ended_at is None:
        return None
    topic, _, priority = values.get("q", "").partition("|")
    return Ending(
        call=values["call"],
        number=values.get("number", ""),
        language=values.get("lang", ""),
        topic=topic or None,
        priority_s=int(priority) if priority.isdigit() else 0,
        state=values.get("state", ""),
        operator=values.get("op") or None,
        message=values.get("msg") or None,
        arrived_at=moment("t0") or ended_at,
        queued_at=moment("qt0"),
        fallback_at=moment("fb0"),
        connected_at=moment("ta"),
        talk_ended_at=moment("te"),
        ended_at=ended_at,
    )
