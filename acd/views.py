"""What ops see, as plain data: one row per queue, operator, caller, call; no I/O, no formatting.

The monitor, the listings and the JSON are all made from these rows. Shares are 0..1, units stand
in the names, and None means that there is nothing to count.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from acd.call_record import Call
from acd.calls import CallBook
from acd.clock import iso
from acd.core.commands import Decided
from acd.core.contacts import Contact, Stage
from acd.core.names import ContactId, Millis, OperatorId, QueueId
from acd.core.queues import OperatorProfile, Rules
from acd.core.router import Router
from acd.core.seats import LEAVING, OperatorState, Seat
from acd.figures import Figures, OperatorSums, QueueSums
from acd.store import CallbackRow

Row = dict[str, Any]
ESTIMATE = "estimated_wait_s"


@dataclass(frozen=True, slots=True)
class Present:
    """Everything a view needs, at one instant."""

    router: Router
    book: CallBook
    figures: Figures
    zone: ZoneInfo
    now: Millis
    off_shift: frozenset[OperatorId] = frozenset()


def seconds(ms: int | None) -> float | None:
    """Milliseconds as seconds with three decimals."""
    return None if ms is None else round(ms / 1000, 3)


def masked(number: str) -> str:
    """A caller's number as ops may see it: without the digits that single out a person."""
    if len(number) <= 4:
        return "*" * len(number)
    return f"{number[: max(0, len(number) - 6)]}****{number[-2:]}"


def queue_rows(present: Present) -> list[Row]:
    """One row per queue in the order of the settings, figures since local midnight."""
    rules = present.router.rules
    return [_queue_row(present, rules, queue) for queue in rules.queues]


def queue_row(present: Present, queue: QueueId) -> Row | None:
    """The row of one queue, None for an unknown one; what menus know as `queue.NAME.*`."""
    rules = present.router.rules
    if queue not in rules.queues:
        return None
    last = max(
        (c for c in present.router.contacts if c.stands and c.queue == queue),
        key=lambda contact: contact.place,
        default=None,
    )
    still = None if last is None else present.router.estimated_wait_ms(last.id)
    return {**_queue_row(present, rules, queue), "predicted_wait_s": estimate(still)[ESTIMATE]}


def _queue_row(present: Present, rules: Rules, queue: QueueId) -> Row:
    sums = queue_sums(present, queue)
    waiting = [
        contact
        for contact in present.router.contacts
        if _waits(contact) and _counts_in(present, contact) == queue
    ]
    waits = [contact.waited_ms(present.now) for contact in waiting]
    waits += [_waited_ms(present, call) for call in _in_fallback(present) if call.queue == queue]
    states = [
        seat.state()[0]
        for seat in present.router.seats
        if _serves(rules, seat.profile, queue) and seat.counted != LEAVING
    ]
    count = {state: sum(found is state for found in states) for state in OperatorState}
    return {
        "queue": queue,
        "waiting": len(waits),
        "longest_wait_s": seconds(max(waits, default=None)),
        **sums_row(sums),
        "ready": count[OperatorState.READY],
        "ringing": count[OperatorState.RINGING],
        "talking": count[OperatorState.TALKING],
        "wrap_up": count[OperatorState.WRAP_UP],
        "paused": count[OperatorState.PAUSED],
    }


def _waits(contact: Contact) -> bool:
    """Whether somebody is on the line and hears music; a callback counted when it was taken."""
    return contact.stage is not Stage.TALKING and contact.callback is None


def _counts_in(present: Present, contact: Contact) -> QueueId:
    """The queue first entered, also when a caller who had left comes back into another."""
    call = present.book.get(contact.id)
    return call.queue if call is not None and call.queue is not None else contact.queue


def _in_fallback(present: Present) -> list[Call]:
    """Callers who wait in Asterisk's own queue: offered to a queue of ours, and still waiting."""
    return [call for call in present.book.live if call.is_waiting_in_fallback]


def _waited_ms(present: Present, call: Call) -> Millis:
    return Millis(present.now - (call.queued_at or present.now))


def queue_sums(present: Present, queue: QueueId | None) -> QueueSums:
    """The day's sums of a queue (None: of all), conversations in progress counted as answered.

    A caller whose operator was lost counts as waiting until the next conversation.
    """
    total = QueueSums()
    for id_, sums in present.figures.queues.items():
        if queue in (None, id_):
            total.merge(sums)
    for call in present.book.live:
        contact = present.router.contact(ContactId(call.id))
        if contact is None or call.wait_ms is None or queue not in (None, call.queue):
            continue
        if contact.stage is not Stage.TALKING or call.outcome is not None:
            continue
        if call.queued_at is not None and call.queued_at >= present.figures.begins:
            total.add("answered", call.wait_ms, present.figures.target_ms)
    return total


def sums_row(sums: QueueSums) -> Row:
    """The measured part of a queue's row."""
    return {
        "offered": sums.offered,
        "answered": sums.answered,
        "answered_in_target": sums.answered_in_target,
        "abandoned": sums.abandoned,
        "abandoned_short": sums.abandoned_short,
        "callbacks": sums.callbacks,
        "overflowed": sums.overflowed,
        "service_level": _share(sums.answered_in_target, sums.offered),
        "asa_s": seconds(sums.answered_wait_ms // sums.answered) if sums.answered else None,
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _serves(rules: Rules, profile: OperatorProfile, queue: QueueId) -> bool:
    """Whether an operator belongs to a queue: some topic of it at the queue's least level."""
    least = max(1, rules.queues[queue].least.topic)
    return any(
        level >= least and rules.topics.get(topic) == queue
        for topic, level in profile.topics.items()
    )


def operator_rows(present: Present) -> list[Row]:
    """One row per operator of the roster."""
    return [_operator_row(present, seat) for seat in present.router.seats]


def _operator_row(present: Present, seat: Seat) -> Row:
    state, reason = seat.state()
    contact = present.router.contact(seat.contact) if seat.contact is not None else None
    sums = present.figures.operators.get(seat.profile.id, OperatorSums())
    return {
        "operator": seat.profile.id,
        "name": seat.profile.name,
        "shift": seat.profile.shift,
        "off_shift": seat.logged_in and seat.profile.id in present.off_shift,
        "state": state.value,
        "state_s": seconds(present.now - seat.since) if seat.since else None,
        "reason": LEAVING if seat.counted == LEAVING else reason,
        "queue": contact.queue if contact else None,
        "language": contact.language if contact else None,
        "call": contact.id if contact else None,
        "languages": dict(seat.profile.languages),
        "skills": dict(seat.profile.topics),
        "phone": seat.phone.value,
        "calls_today": sums.calls,
        "handle_s_today": seconds(sums.handle_ms),
        "rona_today": sums.rona,
    }


def caller_rows(present: Present) -> list[Row]:
    """Everybody who waits for an operator, being rung for included, next to be served first."""
    waiting = [c for c in present.router.contacts if _waits(c)]
    waiting.sort(key=lambda contact: contact.place)
    positions: dict[QueueId, int] = {}
    rows = []
    for contact in waiting:
        positions[contact.queue] = positions.get(contact.queue, 0) + 1
        rows.append(_caller_row(present, contact, positions[contact.queue]))
    return rows + [_fallback_row(present, call) for call in _in_fallback(present)]


def _fallback_row(present: Present, call: Call) -> Row:
    """A caller in Asterisk's own queue, which tells no position; no step of ours applies."""
    waited = _waited_ms(present, call)
    return {
        "call": call.id,
        "number": masked(call.number),
        "queue": call.queue,
        "topic": call.topic,
        "language": call.language,
        "priority": call.priority_ms // 1000,
        "wait_s": seconds(waited),
        "deadline_in_s": seconds(present.router.rules.target_ms - waited),
        "step": call.step,
        "position": None,
        **estimate(None),
        "stage": "fallback",
        "operator": None,
    }


def _caller_row(present: Present, contact: Contact, position: int) -> Row:
    call = present.book.get(contact.id)
    waited = contact.waited_ms(present.now)
    return {
        "call": contact.id,
        "number": masked(call.number) if call else None,
        "queue": contact.queue,
        "topic": contact.topic,
        "language": contact.language,
        "priority": contact.priority_ms // 1000,
        "wait_s": seconds(waited),
        "deadline_in_s": seconds(present.router.rules.target_ms - waited),
        "step": contact.step,
        "position": position,
        **estimate(present.router.estimated_wait_ms(contact.id)),
        "stage": contact.stage.value,
        "operator": contact.operator,
    }


def callback_row(
    row: CallbackRow, doing: tuple[str, OperatorId | None], zone: ZoneInfo, now: Millis
) -> Row:
    """A callback as a listing shows it; `doing` is its state, and for which operator."""
    state, operator = doing
    return {
        "callback": row.contact,
        "call": row.call,
        "number": masked(row.number),
        "queue": row.queue,
        "topic": row.topic,
        "language": row.language,
        "accepted_at": iso(row.accepted_at, zone),
        "wait_s": seconds(now - row.queued_at),
        "tries": row.tries,
        "last": row.last,
        "not_before": iso(row.not_before, zone) if row.not_before > now else None,
        "state": state,
        "operator": operator,
    }


def call_row(call: Call, zone: ZoneInfo) -> Row:
    """A call as a listing shows it."""
    return {
        "call": call.id,
        "arrived_at": iso(call.arrived_at, zone),
        "number": masked(call.number),
        "language": call.language,
        "topic": call.topic,
        "queue": call.queue,
        "outcome": call.outcome,
        "wait_s": seconds(call.wait_ms),
        "operator": call.operator,
        "handle_s": seconds(call.handle_ms),
        "step": call.step,
        "fallback": call.fallback,
        "ended_at": iso(call.ended_at, zone) if call.ended_at is not None else None,
        **estimate(call.estimated_wait_ms),
    }


def estimate(ms: int | None) -> Row:
    """An estimated wait; `estimated_never`: nobody could come, which no number can say."""
    is_never = ms is not None and ms < 0
    return {ESTIMATE: None if is_never else seconds(ms), "estimated_never": is_never}


def call_story(call: Call, zone: ZoneInfo, why: Callable[[Decided], str] | None = None) -> Row:
    """Everything about one call; `why` adds to each decision why an operator was not taken."""
    return {
        **call_row(call, zone),
        "recording": call.recording,
        "timeline": [
            {"at": iso(entry.at, zone), "event": entry.event, **entry.data}
            for entry in call.timeline
        ],
        "decisions": [
            {
                "at": iso(decision.at, zone),
                "rule": decision.rule,
                "taken": decision.taken,
                "candidates": list(decision.candidates),
                "candidate_count": max(decision.candidate_count, len(decision.candidates)),
                "refused": dict(decision.refused),
                **estimate(decision.estimated_wait_ms),
                "waited_s": seconds(decision.waited_ms),
                "step": decision.step,
                **({"why": why(decision)} if why else {}),
            }
            for decision in call.decisions
        ],
    }


def monitor(present: Present, alerts: Iterable[Row]) -> Row:
    """The whole screen at one instant."""
    sums = queue_sums(present, None)
    return {
        "at": iso(present.now, present.zone),
        "service_level": _share(sums.answered_in_target, sums.offered),
        "queues": queue_rows(present),
        "operators": operator_rows(present),
        "callers": caller_rows(present),
        "calls": [call_row(call, present.zone) for call in present.book.live],
        "alerts": list(alerts),
    }
