"""Between the live calls and the store: what is recorded, and what is read back."""

from collections.abc import Collection
from zoneinfo import ZoneInfo

from acd import views
from acd.calls import Call, Entry
from acd.core.commands import Decided
from acd.core.names import ContactId, Language, Millis, OperatorId, Outcome, Topic
from acd.figures import Figures, OperatorSums, QueueSums
from acd.roster import Interval, Standing
from acd.store import CallRow, CallStory, IntervalRow, Records, Store


class StoreArchive:
    """Records calls and operators' days. Nothing here waits: the store writes in the background."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def call(self, call: Call) -> None:
        """The call's record as it stands now."""
        self._store.call(_row(call))

    def entry(self, call: str, entry: Entry) -> None:
        """A new line of a timeline."""
        self._store.event(ContactId(call), entry.seq, entry.at, entry.event, entry.data)

    def decision(self, seq: int, decision: Decided) -> None:
        """A new decision."""
        self._store.decision(seq, decision)

    def interval(self, interval: Interval) -> None:
        """One stay of an operator in a state."""
        self._store.interval(
            IntervalRow(
                operator=interval.operator,
                began_at=interval.began_at,
                ended_at=interval.ended_at,
                state=interval.state,
                reason=interval.reason,
                call=ContactId(interval.call) if interval.call else None,
            )
        )

    def standing(self, standing: Standing) -> None:
        """What an operator chose last."""
        self._store.operator_now(
            standing.operator, standing.pause, standing.since, logged_in=standing.logged_in
        )


def close_open_calls(store: Store, figures: Figures, live: Collection[str]) -> int:
    """Give the calls that an earlier run left open, and nobody adopted, an end; returns how many.

    What became of them nobody here saw: a caller in conversation was answered, one who waited was
    left to Asterisk's fallback queue. The end is the last moment seen, and the timeline says that
    the service was away.
    """
    found = [each for each in store.records.open_calls() if each.row.id not in live]
    for open_call in found:
        story = store.records.call(open_call.row.id)
        call = recorded_call(open_call.row)
        seen = [event.at for event in story.events] if story is not None else []
        now = Millis(max(seen, default=call.arrived_at))
        if call.outcome is None:
            waited: Outcome = "answered" if call.connected_at is not None else "overflowed"
            call.outcome = "fallback" if call.queued_at is None else waited
            if call.wait_ms is None and call.queued_at is not None:
                call.wait_ms = now - call.queued_at
            if call.queue is not None and call.queued_at is not None:
                figures.offered(call.queue, call.queued_at)
                figures.closed(call.queue, call.queued_at, call.outcome, call.wait_ms or 0)
        call.ended_at = now
        store.event(ContactId(call.id), open_call.next_event, now, "service_restarted", {})
        store.call(_row(call))
    return len(found)


def interrupted_call(story: CallStory) -> Call:
    """A call on record with its timeline and decisions, to go on with."""
    call = recorded_call(story.row)
    call.timeline = [Entry(row.seq, row.at, row.event, row.data) for row in story.events]
    call.decisions = [
        Decided(
            contact=row.call,
            at=row.at,
            rule=row.rule,
            taken=row.taken,
            candidates=row.candidates,
            refused=row.refused,
            waited_ms=row.waited_ms,
            step=row.step,
        )
        for row in story.decisions
    ]
    return call


def restored_figures(records: Records, target_ms: Millis, begins: Millis) -> Figures:
    """The day's sums as far as they are on record."""
    figures = Figures(target_ms, begins)
    for queue, tally in records.queue_tallies(begins, target_ms).items():
        figures.queues[queue] = QueueSums(
            offered=tally.offered,
            answered=tally.answered,
            answered_in_target=tally.answered_in_target,
            abandoned=tally.abandoned,
            abandoned_short=tally.abandoned_short,
            callbacks=tally.callbacks,
            overflowed=tally.overflowed,
            answered_wait_ms=tally.answered_wait_ms,
        )
    for operator, sums in records.operator_tallies(begins).items():
        figures.operators[operator] = OperatorSums(sums.calls, sums.handle_ms, sums.ronas)
    return figures


def recorded_call(row: CallRow) -> Call:
    """A call read back, without its timeline."""
    return Call(
        id=row.id,
        number=row.number or "",
        arrived_at=row.arrived_at,
        node=row.node,
        menu=row.menu,
        menu_version=row.menu_version,
        language=row.language,
        topic=row.topic,
        queue=row.queue,
        priority_ms=row.priority_ms,
        queued_at=row.queued_at,
        connected_at=row.connected_at,
        talk_ended_at=row.talk_ended_at,
        ended_at=row.ended_at,
        outcome=row.outcome,
        wait_ms=row.wait_ms,
        operator=row.operator,
        skill_level=row.skill_level,
        step=row.step,
        handle_ms=row.handle_ms,
    )


def story_of(story: CallStory, zone: ZoneInfo, why: str | None) -> views.Row:
    """Everything on record of one call, in the shape of a live one."""
    call = interrupted_call(story)
    return views.call_story(call, zone, OperatorId(why) if why else None)


def _row(call: Call) -> CallRow:
    return CallRow(
        id=ContactId(call.id),
        node=call.node,
        arrived_at=call.arrived_at,
        number=call.number,
        language=Language(call.language) if call.language else None,
        topic=Topic(call.topic) if call.topic else None,
        queue=call.queue,
        queued_at=call.queued_at,
        connected_at=call.connected_at,
        talk_ended_at=call.talk_ended_at,
        ended_at=call.ended_at,
        outcome=call.outcome,
        wait_ms=_millis(call.wait_ms),
        operator=call.operator,
        skill_level=call.skill_level,
        step=call.step,
        handle_ms=_millis(call.handle_ms),
        priority_ms=Millis(call.priority_ms),
        menu=call.menu,
        menu_version=call.menu_version,
    )


def _millis(value: int | None) -> Millis | None:
    return None if value is None else Millis(value)
