"""Reads `queues.yaml`: the order of callers, least levels, times, announcements, the ladder."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from acd.core.names import BEST_LEVEL, Millis, QueueId
from acd.core.queues import (
    Announce,
    CallbackRules,
    LeastLevel,
    Message,
    OfferCallback,
    QueueRules,
    Routing,
    Step,
    Widen,
)
from acd.settings import Recording
from acd.settings_checks import acts_by, check_ladder
from acd.settings_entries import entries, entry
from acd.settings_ladder import PLACES, Known, Placed, read_ladder
from acd.yaml_source import Fields, Node

RING_MS, WRAP_UP_MS = 8000, 10_000
CALLBACK: Final = CallbackRules()
ANNOUNCE_EVERY_MS: Final = 30_000
"""More often than this, announcements drive callers away: they hang up right after one."""

KEEP_DAYS_MAX: Final = 3650
_DAYS: Final = re.compile(r"(\d{1,5})d")
_ORDERS: Final = ("target_first", "first_come")
_IDLE: Final = ("longest_ready", "least_loaded")


@dataclass(frozen=True, slots=True)
class QueuesFile:
    """What `queues.yaml` says, and where the parts stand that others have to agree with."""

    routing: Routing = field(default_factory=Routing)
    queues: Mapping[QueueId, QueueRules] = field(default_factory=dict)
    ladders: Mapping[QueueId, list[Placed]] = field(default_factory=dict)
    places: Mapping[QueueId, Node] = field(default_factory=dict)
    recording: Mapping[QueueId, Recording] = field(default_factory=dict)


def read_queues(
    target_ms: Millis,
    phrases: Collection[str],
    transfers: Mapping[str, str] | None,
    root: Node,
) -> QueuesFile:
    """The queues in file order. A ladder that has done nothing by the target gets a last step.

    The promise is that the system has acted by then: a queue without a step at or before
    `target_ms` accepts anybody who speaks the language at that moment, and the admin is told.
    `transfers` None: not known, because service.yaml has mistakes of its own.
    """
    found = entries(root, "queues", ["routing"])
    known = Known([key.text or "" for key, _ in found], phrases, transfers)
    queues: dict[QueueId, QueueRules] = {}
    ladders: dict[QueueId, list[Placed]] = {}
    places: dict[QueueId, Node] = {}
    recording: dict[QueueId, Recording] = {}
    for key, value in found:
        id_ = QueueId(key.text or "")
        if id_ in PLACES:
            key.error(f"'{id_}' is where an overflow may lead; give the queue another name")
        read = _queue(key, value, id_, known, target_ms)
        if read is not None:
            queues[id_], ladders[id_] = read
            places[id_] = key
        recorded = _recording(value)
        if recorded is not None:
            recording[id_] = recorded
    routing = _routing(entry(root, "routing"), target_ms)
    return QueuesFile(routing, queues, ladders, places, recording)


def _queue(
    key: Node, value: Node, id_: QueueId, known: Known, target_ms: Millis
) -> tuple[QueueRules, list[Placed]] | None:
    optional = (
        *("least_level", "priority", "ring", "wrap_up", "announce", "callback", "ladder"),
        "record",
    )
    fields = value.fields(optional=optional)
    if fields is None:
        return None
    least = _least(fields)
    placed = read_ladder(fields, id_, known)
    callback = _callback(fields)
    offers = [each for each in placed if isinstance(each.step, OfferCallback)]
    if offers and "callback" not in fields:
        offers[0].node.warning(
            "the queue has no 'callback:'; three tries 5 minutes apart are made: add "
            "'callback: {tries: 3, pause: 5m, ring: 25s, max_age: 8h}'",
            "W25",
        )
        callback = CALLBACK
    check_ladder(placed, least)
    steps = [each.step for each in placed]
    if not any(acts_by(step, target_ms) for step in steps):
        steps.append(_last_step(key, least, target_ms))
    rules = QueueRules(
        id=id_,
        least=least,
        ring_ms=_duration(fields, "ring", 1000, 60_000, RING_MS),
        wrap_up_ms=_duration(fields, "wrap_up", 0, 3_600_000, WRAP_UP_MS),
        ladder=tuple(sorted(steps, key=_place)),
        priority_ms=_duration(fields, "priority", 0, 600_000, 0),
        announce=_announce(fields),
        callback=callback,
    )
    return rules, placed


def _place(step: Step) -> tuple[bool, int]:
    """Steps by their time; those that wait for a condition alone after them, as written."""
    return step.at_ms is None, step.at_ms or 0


def _last_step(key: Node, least: LeastLevel, target_ms: Millis) -> Step:
    """What keeps the promise where the ladder does not."""
    seconds = f"{target_ms // 1000}s" if target_ms % 1000 == 0 else f"{target_ms}ms"
    step: Step = Widen(target_ms, 1, 0)
    words, remedy = (
        "anybody who speaks the language is accepted then",
        "widen, language: 1, topic: 0",
    )
    if (least.language, least.topic) == (1, 0):
        step = Message(target_ms, "still_waiting")
        words, remedy = "the caller is told to wait on then", "message"
    key.warning(
        f"no step of the ladder acts within {target_ms / 1000:g} s; {words}: "
        f"add '{{at: {seconds}, do: {remedy}}}'",
        "W25",
    )
    return step


def _least(fields: Fields) -> LeastLevel:
    node = fields.get("least_level")
    least = node.fields(optional=["language", "topic"]) if node else None
    if least is None:
        return LeastLevel(1, 1)
    return LeastLevel(
        least.read("language", lambda level: level.integer(1, BEST_LEVEL), 1),
        least.read("topic", lambda level: level.integer(0, BEST_LEVEL), 1),
    )


def _announce(fields: Fields) -> Announce | None:
    node = fields.get("announce")
    given = (
        node.fields(required=["first", "every"], optional=["position", "wait"]) if node else None
    )
    if node is None or given is None:
        return None
    every_ms = _duration(given, "every", 10_000, 600_000, ANNOUNCE_EVERY_MS)
    if every_ms < ANNOUNCE_EVERY_MS:
        (given.get("every") or node).warning(
            "callers hang up right after announcements; write 30s or more", "W25"
        )
    position = given.read("position", Node.boolean, True)
    wait = given.read("wait", Node.boolean, True)
    if not position and not wait:
        node.error("neither place nor wait is announced; allow one of them, or remove 'announce:'")
    return Announce(_duration(given, "first", 0, 600_000, 0), every_ms, position, wait)


def _callback(fields: Fields) -> CallbackRules | None:
    node = fields.get("callback")
    given = (
        node.fields(optional=["tries", "pause", "ring", "max_age", "priority"]) if node else None
    )
    if given is None:
        return None
    rules = CallbackRules(
        tries=given.read("tries", lambda tries: tries.integer(1, 10), CALLBACK.tries),
        pause_ms=_duration(given, "pause", 10_000, 86_400_000, CALLBACK.pause_ms),
        ring_ms=_duration(given, "ring", 5000, 60_000, CALLBACK.ring_ms),
        max_age_ms=_duration(given, "max_age", 300_000, 172_800_000, CALLBACK.max_age_ms),
        priority_ms=_duration(given, "priority", 0, 3_600_000, CALLBACK.priority_ms),
    )
    tries = 1 + (rules.max_age_ms - 1) // rules.pause_ms
    if tries < rules.tries:
        where = given.get("max_age") or given.get("pause") or given.node
        where.warning(
            f"the callback is given up before its {rules.tries} tries are made: within 'max_age:' "
            f"there is room for {tries}; shorten 'pause:', or lengthen 'max_age:'",
            "W25",
        )
    return rules


def _recording(queue: Node) -> Recording | None:
    """Read beside the router's rules, which it does not concern."""
    node = next((value for key, value in queue.entries or () if key.text == "record"), None)
    fields = node.fields(required=["keep"], optional=["notice"]) if node else None
    keep_days = fields.read("keep", _days) if fields else None
    if fields is None or keep_days is None:
        return None
    return Recording(keep_days, fields.read("notice", Node.boolean, True))


def _days(node: Node) -> int | None:
    text = node.plain_text("a number of days, as in '90d'")
    match = None if text is None else _DAYS.fullmatch(text)
    if text is not None and (match is None or not 1 <= int(match[1]) <= KEEP_DAYS_MAX):
        node.error(f"'{text}' is not a number of days from 1d to {KEEP_DAYS_MAX}d; write '90d'")
        return None
    return int(match[1]) if match else None


def _routing(node: Node | None, target_ms: Millis) -> Routing:
    names = ("order", "cap", "idle", "handle_time", "patience", "repeat_caller")
    given = node.fields(optional=names) if node else None
    if given is None:
        return Routing()
    default = Routing()
    cap_ms = _duration(given, "cap", 1000, 3_600_000, default.cap_ms)
    routing = Routing(
        order="first_come" if given.read("order", _order) == "first_come" else "target_first",
        cap_ms=cap_ms,
        idle="least_loaded" if given.read("idle", _idle) == "least_loaded" else "longest_ready",
        handle_ms=_duration(given, "handle_time", 5000, 3_600_000, default.handle_ms),
        patience_ms=_duration(given, "patience", 10_000, 7_200_000, default.patience_ms),
        repeat_priority_ms=_duration(
            given, "repeat_caller", 0, 600_000, default.repeat_priority_ms
        ),
    )
    if routing.order == "target_first" and cap_ms < target_ms:
        (given.get("cap") or given.node).warning(
            f"whoever has waited longer than 'cap:' goes first of all, so that a cap below the "
            f"target of {target_ms / 1000:g} s leaves no order inside it; write "
            f"'cap: {max(60, 2 * target_ms // 1000)}s', or 'order: first_come'",
            "W25",
        )
    return routing


def _order(node: Node) -> str | None:
    return node.choice(_ORDERS)


def _idle(node: Node) -> str | None:
    return node.choice(_IDLE)


def _duration(fields: Fields, name: str, lo_ms: int, hi_ms: int, default_ms: int) -> Millis:
    return Millis(fields.read(name, lambda node: node.duration_ms(lo_ms, hi_ms), default_ms))
