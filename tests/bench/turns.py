"""From the manager events of an Asterisk to how long callers wait for the menu. Pure."""

from collections.abc import Iterable, Sequence

from tests.bench.events import Message, at_ms

SOUNDS = ("STREAM FILE", "WAIT FOR DIGIT")
HOLE_MS, PAUSE_MS = 60, 400
"""Sound that comes later than this is a hole; from here on it is a pause the menu has meant."""


def agi_turns_ms(events: Iterable[Message]) -> list[float]:
    """From the end of each FastAGI command of a channel to the beginning of its next one."""
    ended: dict[str, float] = {}
    turns: list[float] = []
    for event in events:
        unique = event.get("Uniqueid", "")
        if event["Event"] == "AGIExecEnd":
            ended[unique] = at_ms(event)
        elif event["Event"] == "AGIExecStart" and unique in ended:
            turns.append(at_ms(event) - ended.pop(unique))
    return turns


def reactions_ms(events: Iterable[Message]) -> list[float]:
    """From a caller's key to the next sentence or silence; of several keys the first counts."""
    pressed: dict[str, float] = {}
    reactions: list[float] = []
    for event in events:
        unique = event.get("Uniqueid", "")
        if event["Event"] == "DTMFEnd" and event.get("Direction") == "Received":
            pressed.setdefault(unique, at_ms(event))
        is_sound = event.get("Command", "").startswith(SOUNDS)
        if event["Event"] == "AGIExecStart" and is_sound and unique in pressed:
            reactions.append(at_ms(event) - pressed.pop(unique))
    return reactions


def left_for_fallback(events: Iterable[Message]) -> int:
    """How many callers Asterisk took out of the menu because the service was late."""
    return sum(event.get("UserEvent") == "ACDFallback" for event in events)


def holes(gaps_ms: Sequence[int]) -> float:
    """How often in a minute of sound packets came so late that a telephone has nothing to play."""
    minutes = sum(gap for gap in gaps_ms if gap < PAUSE_MS) / 60_000
    return sum(HOLE_MS <= gap < PAUSE_MS for gap in gaps_ms) / minutes if minutes else 0.0
