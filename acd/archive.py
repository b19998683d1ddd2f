"""Between the live calls and the store: what is recorded, and what is read back."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from acd import views
from acd.call_record import Call, Entry
from acd.core.commands import Decided
from acd.core.names import ContactId, Language, Millis, OperatorId, Topic
from acd.core.queues import Rules
from acd.figures import Figures, OperatorSums, QueueSums
from acd.roster import Interval, Standing
from acd.store import CallRow, CallStory, IntervalRow, Records, Store
from acd.why import StateAt, inputs_of, need_of, why_not


class StoreArchive:
    """Records calls and operators' days. Nothing here waits: the store writes in the background."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def call(self, call: Call) -> None:
        """The call's record as it stands now."""
        self._store.call(row_of(call))

    def entry(self, call: str, entry: Entry) -> None:
        """A new line of a timeline."""
        self._store.event(ContactId(call), entry.seq, entry.at, entry.event, entry.data)

    def decision(self, seq: int, decision: Decided) -> None:
        """A new decision."""
        self._store.decision(seq, decision, inputs_of(decision.inputs))

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


def interrupted_call(story: CallStory) -> Call:
    """A call on record with its timeline and decisions, to go on with."""
    call = recorded_call(story.row)
    call.timeline = [Entry(row.seq, row.at, row.event, row.data) for row in story.events]
    call.next_line = call.timeline[-1].seq + 1 if call.timeline else 0
    call.next_decision = story.decisions[-1].seq + 1 if story.decisions else 0
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
            candidate_count=row.candidate_count,
            estimated_wait_ms=row.estimated_wait_ms,
            inputs=need_of(row.inputs),
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
        fallback=row.fallback,
        estimated_wait_ms=row.estimated_wait_ms,
        recording=row.recording,
    )


def story_of(
    story: CallStory, zone: ZoneInfo, why: Callable[[Decided], str] | None = None
) -> views.Row:
    """Everything on record of one call, in the shape of a live one."""
    return views.call_story(interrupted_call(story), zone, why)


def why_of(
    records: Records, rules: Rules, operator: OperatorId, now: StateAt = lambda *_: None
) -> Callable[[Decided], str]:
    """Why one operator was not taken, decision by decision. Waits for the database.

    `now` knows the stay that is not over yet, of which nothing is on record.
    """

    def state_at(who: OperatorId, at: Millis) -> tuple[str, str | None] | None:
        return now(who, at) or records.operator_at(who, at)

    return lambda decision: why_not(decision, operator, rules, state_at)


def row_of(call: Call) -> CallRow:
    """A call as it is put on record."""
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
        fallback=call.fallback,
        estimated_wait_ms=_millis(call.estimated_wait_ms),
        recording=call.recording,
    )


def _millis(value: int | None) -> Millis | None:
    return None if value is None else Millis(value)
