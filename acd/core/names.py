"""The identifiers and units that every other module speaks in."""

from typing import Final, Literal, NewType

Millis = NewType("Millis", int)
"""Integer milliseconds on one monotonic clock (a moment) or between two moments (a duration)."""

ContactId = NewType("ContactId", str)
"""One stay in the router, from queued to closed. The live service uses the caller's Uniqueid."""

OperatorId = NewType("OperatorId", str)
QueueId = NewType("QueueId", str)
Topic = NewType("Topic", str)
Language = NewType("Language", str)

NO_TIME: Final = Millis(0)
"""Before everything, and no time at all."""

BEST_LEVEL: Final = 5
"""Skill levels run from 1 (can) to 5 (best); 0 means: does not have the skill."""

Outcome = Literal[
    "answered",
    "abandoned",
    "callback",
    "overflowed",
    "left_menu",
    "finished_in_menu",
    "fallback",
]
"""How a call ended. The first four are for calls that entered a queue, and add up to offered."""
