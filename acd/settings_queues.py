"""Reads `queues.yaml`: least levels, ring and wrap-up times, the ladder."""

from collections.abc import Collection, Mapping

from acd.core.names import BEST_LEVEL, Millis, QueueId
from acd.core.queues import LeastLevel, Message, OverflowTo, QueueRules, Step, Widen
from acd.settings_entries import entries
from acd.yaml_source import Fields, Node

RING_MS, WRAP_UP_MS = 8000, 10_000
STEPS = ("widen", "overflow", "message", "reserve", "offer_callback")
NOT_CARRIED_OUT = ("reserve", "offer_callback")


def read_queues(
    target_ms: Millis, phrases: Mapping[str, object], root: Node
) -> dict[QueueId, QueueRules]:
    """The queues in file order. A ladder that has done nothing by the target gets a last step.

    The promise is that the system has acted by then: a queue without a step at or before
    `target_ms` accepts anybody who speaks the language at that moment, and the admin is told.
    """
    found = entries(root, "queues")
    names = [key.text or "" for key, _ in found]
    queues: dict[QueueId, QueueRules] = {}
    for key, value in found:
        fields = value.fields(optional=["least_level", "ring", "wrap_up", "ladder"])
        if fields is None:
            continue
        id_ = QueueId(key.text or "")
        ladder = _ladder(fields, names, id_, phrases)
        if not any(step.at_ms <= target_ms for step in ladder):
            seconds = target_ms // 1000
            key.warning(
                f"no step of the ladder acts within {seconds} s; anybody who speaks the language "
                f"is accepted then: add '{{at: {seconds}s, do: widen, language: 1, topic: 0}}'",
                "W25",
            )
            ladder.append(Widen(target_ms, 1, 0))
        queues[id_] = QueueRules(
            id=id_,
            least=_least(fields),
            ring_ms=Millis(fields.read("ring", _ring, RING_MS)),
            wrap_up_ms=Millis(fields.read("wrap_up", _wrap_up, WRAP_UP_MS)),
            ladder=tuple(sorted(ladder, key=lambda step: step.at_ms)),
        )
    return queues


def _ring(node: Node) -> int | None:
    return node.duration_ms(1000, 60_000)


def _wrap_up(node: Node) -> int | None:
    return node.duration_ms(0, 3_600_000)


def _least(fields: Fields) -> LeastLevel:
    node = fields.get("least_level")
    least = node.fields(optional=["language", "topic"]) if node else None
    if least is None:
        return LeastLevel(1, 1)
    return LeastLevel(
        least.read("language", lambda node: node.integer(1, BEST_LEVEL), 1),
        least.read("topic", lambda node: node.integer(0, BEST_LEVEL), 1),
    )


def _ladder(
    fields: Fields, queues: Collection[str], own: QueueId, phrases: Collection[str]
) -> list[Step]:
    node = fields.get("ladder")
    if node is None:
        return []

    def step(item: Node) -> Step | None:
        return _step(item, queues, own, phrases)

    return node.list_of(step) or []


def _step(
    node: Node, queues: Collection[str], own: QueueId, phrases: Collection[str]
) -> Step | None:
    fields = node.fields(
        required=["do"], optional=["at", "when", "to", "language", "topic", "phrase"]
    )
    if fields is None:
        return None
    do = fields.read("do", lambda word: word.choice(STEPS))
    if "when" in fields and "at" not in fields:
        fields.key("when").warning(
            "this version acts on 'at:' only; the step is left out: write 'at: 20s'", "W25"
        )
        return None
    if "when" in fields:
        fields.key("when").warning("this version acts on 'at:' only; remove 'when:'", "W25")
    if "at" not in fields:
        node.error("the step does not say when; add the wait, as in 'at: 20s'")
        return None
    at = fields.read("at", lambda value: value.duration_ms(0, 3_600_000))
    if at is None or do is None:
        return None
    return _make(fields, do, Millis(at), queues, own, phrases)


def _make(
    fields: Fields,
    do: str,
    at_ms: Millis,
    queues: Collection[str],
    own: QueueId,
    phrases: Collection[str],
) -> Step | None:
    if do in NOT_CARRIED_OUT:
        fields.key("do").warning(f"'{do}' is not carried out by this version; left out", "W25")
        return None
    if do == "widen":
        language = fields.read("language", lambda node: node.integer(1, BEST_LEVEL))
        topic = fields.read("topic", lambda node: node.integer(0, BEST_LEVEL))
        if language is None and topic is None:
            fields.key("do").error("say what to widen to, as in 'topic: 1' or 'language: 1'")
            return None
        return Widen(at_ms, language, topic)
    if do == "message":
        phrase = fields.read("phrase", lambda node: node.choice(list(phrases), "E04"))
        return Message(at_ms, phrase or "still_waiting")
    to = fields.get("to")
    if to is None:
        fields.key("do").error("an overflow needs a target; add 'to: general'")
        return None
    if to.text in ("voicemail", "external"):
        to.warning(f"overflow to {to.text} is not carried out by this version; left out", "W25")
        return None
    if to.text == own:
        to.error(f"'{own}' cannot overflow into itself; name another queue", "E04")
        return None
    target = to.choice([queue for queue in queues if queue != own], "E04")
    return None if target is None else OverflowTo(at_ms, QueueId(target))
