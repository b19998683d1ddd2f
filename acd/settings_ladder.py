"""Reads the `ladder:` of a queue, one step at a time; the whole is judged in `settings_checks`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from acd.core.names import BEST_LEVEL, Millis, QueueId
from acd.core.queues import (
    Condition,
    Leave,
    Message,
    OfferCallback,
    OverflowTo,
    Raise,
    Reserve,
    Step,
    Widen,
)
from acd.problems import near_miss
from acd.settings_conditions import read_conditions
from acd.yaml_source import Fields, Node

WIDEN_MAX: Final = 6
PLACES: Final = ("voicemail", "menu")
"""Where an overflow may lead a caller, apart from queues and the numbers of `transfers:`."""

_BELONGS: Final = {
    "widen": ("language", "topic"),
    "overflow": ("to",),
    "message": ("phrase",),
    "raise": ("by",),
    "reserve": (),
    "offer_callback": (),
}
_WHEN: Final = ("at", "when", "until")


@dataclass(frozen=True, slots=True)
class Known:
    """The names a step may use. `transfers` None: unknown, any number may be right."""

    queues: Collection[str]
    phrases: Collection[str]
    transfers: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Placed:
    """A step, and where it stands."""

    step: Step
    node: Node


def read_ladder(fields: Fields, own: QueueId, known: Known) -> list[Placed]:
    """The good steps in file order. At most six of them widen."""
    node = fields.get("ladder")
    found = node.list_of(lambda item: _step(item, own, known)) if node else None
    widening = [placed for placed in found or [] if isinstance(placed.step, Widen)]
    for placed in widening[WIDEN_MAX:]:
        placed.node.error(f"a ladder widens at most {WIDEN_MAX} times; join some of these steps")
    return found or []


def _step(node: Node, own: QueueId, known: Known) -> Placed | None:
    extra = [name for names in _BELONGS.values() for name in names]
    fields = node.fields(required=["do"], optional=[*_WHEN, *extra])
    if fields is None:
        return None
    do = fields.read("do", lambda word: word.choice(list(_BELONGS)))
    for name in extra if do is not None else ():
        if do is not None and name in fields and name not in _BELONGS[do]:
            fields.key(name).warning(f"'{name}' says nothing in a step '{do}'; remove it", "W25")
    if "at" not in fields and "when" not in fields:
        node.error("the step does not say when; add the wait, as in 'at: 20s', or 'when:'")
        return None
    at = fields.read("at", lambda value: value.duration_ms(0, 3_600_000))
    when = read_conditions(fields.get("when"), fields.get("until"))
    if do is None or when is None or ("at" in fields and at is None):
        return None
    at_ms = None if at is None else Millis(at)
    step = _overflow(fields, at_ms, when, own, known) if do == "overflow" else None
    if do != "overflow":
        step = _make(fields, do, at_ms, when, known)
    return None if step is None else Placed(step, node)


def _make(
    fields: Fields, do: str, at_ms: Millis | None, when: tuple[Condition, ...], known: Known
) -> Step | None:
    if do == "widen":
        language = fields.read("language", lambda node: node.integer(1, BEST_LEVEL))
        topic = fields.read("topic", lambda node: node.integer(0, BEST_LEVEL))
        if language is None and topic is None:
            fields.key("do").error("say what to widen to, as in 'topic: 1' or 'language: 1'")
            return None
        return Widen(at_ms, language, topic, when)
    if do == "message":
        phrase = fields.read("phrase", lambda node: node.choice(list(known.phrases), "E04"))
        return Message(at_ms, phrase or "still_waiting", when)
    if do == "raise":
        by = fields.read("by", lambda node: node.duration_ms(1000, 600_000))
        if by is None:
            if "by" not in fields:
                fields.key("do").error("say by how much the caller moves up, as in 'by: 15s'")
            return None
        return Raise(at_ms, Millis(by), when)
    return Reserve(at_ms, when) if do == "reserve" else OfferCallback(at_ms, when)


def _overflow(
    fields: Fields, at_ms: Millis | None, when: tuple[Condition, ...], own: QueueId, known: Known
) -> Step | None:
    """To the operators of another queue, or out of the line: there is no way back from that."""
    to = fields.get("to")
    if to is None:
        fields.key("do").error("an overflow needs a target; add 'to: general'")
        return None
    target = to.string()
    if target is None:
        return None
    is_number = target.removeprefix("+").isdigit()
    transfers = known.transfers or {}
    if target in PLACES or target in transfers or (is_number and known.transfers is None):
        return Leave(at_ms, target, when)
    if target == own:
        to.error(f"'{own}' cannot overflow into itself; name another queue", "E04")
        return None
    if target in known.queues:
        return OverflowTo(at_ms, QueueId(target), when)
    if is_number or target == "external":
        numbers = ", ".join(f'"{number}"' for number in transfers) or "none yet"
        hint = near_miss(target, transfers) or f"; add it there (now {numbers})"
        to.error(f"'{target}' is not among 'transfers:' of service.yaml{hint}", "E04")
        return None
    names = [*(queue for queue in known.queues if queue != own), *PLACES]
    hint = near_miss(target, names) or f"; write one of {', '.join(names)}"
    to.error(f"'{target[:60]}' is no queue and no place to lead a caller to{hint}", "E04")
    return None
