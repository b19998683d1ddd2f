"""Calls that ended while nobody here listened, put on record afterwards: each once, as it was.

Two sources: the records an earlier run left open, and the lines that Asterisk's dialplan writes
at the end of every call (`acd.call_log`).
"""

import logging
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from acd.archive import interrupted_call, row_of
from acd.call_log import Ending, read_endings
from acd.call_record import ANY_TOPIC, Call, Entry
from acd.core.names import ContactId, Millis, OperatorId, Outcome, QueueId, Topic
from acd.figures import Figures
from acd.store import CallStory, IntervalRow, Store

log = logging.getLogger(__name__)

TALKED = ("talk", "after", "fallback-talk")


class Leftovers:
    """Stories of open calls, as found on record at the start, until somebody takes them up."""

    def __init__(
        self,
        store: Store,
        figures: Figures,
        queue_of: Callable[[Topic], QueueId],
        node: str,
        least_talk_ms: int,
        ended: Callable[[Call], None] = lambda call: None,
    ) -> None:
        self._store = store
        self._figures = figures
        self._queue_of = queue_of
        self._node = node
        self._least_talk_ms = least_talk_ms
        self._ended = ended
        self._open: dict[str, CallStory] = {}

    def remember(self, stories: Collection[CallStory]) -> None:
        """These are open on record, and it is not known yet whether they go on."""
        self._open |= {story.row.id: story for story in stories}

    def take(self, call: str) -> Call | None:
        """A call of an earlier run that goes on."""
        story = self._open.pop(call, None)
        return None if story is None else interrupted_call(story)

    def close(self, endings: Mapping[str, Ending], live: Collection[str]) -> int:
        """Give every call that is not live, and not closed on record, its end; returns how many.

        What Asterisk wrote down counts; where it wrote nothing (it died with the call) the end is
        the last moment seen: a caller in conversation was answered, one who waited was cut off.
        """
        gone = [story for id_, story in self._open.items() if id_ not in live]
        self._open = {id_: story for id_, story in self._open.items() if id_ in live}
        for story in gone:
            self._finish(interrupted_call(story), endings.get(story.row.id))
        return len(gone)

    def record(self, ending: Ending) -> None:
        """A call of which nothing is on record."""
        call = Call(
            id=ending.call, number=ending.number, arrived_at=ending.arrived_at, node=self._node
        )
        self._note(call, ending.arrived_at, "arrived")
        self._finish(call, ending)

    def finish_live(self, call: Call, ending: Ending) -> None:
        """A call that this run knew, and whose end it did not see."""
        is_counted = call.queued_at is not None
        is_talking = call.talk_since is not None
        self._finish(call, ending, is_counted=is_counted, is_talking=is_talking)

    def _finish(
        self,
        call: Call,
        ending: Ending | None,
        *,
        is_counted: bool = False,
        is_talking: bool = False,
    ) -> None:
        """`is_counted`: offered already; `is_talking`: the operator's time is followed already."""
        was_open = call.outcome is None
        if ending is not None:
            self._fill_in(call, ending, is_talking=is_talking)
        moments = [entry.at for entry in call.timeline]
        call.ended_at = ending.ended_at if ending else max(moments, default=call.arrived_at)
        if was_open:
            call.outcome = self._outcome(call, ending)
            if call.wait_ms is None and call.queued_at is not None:
                call.wait_ms = max(0, (call.connected_at or call.ended_at) - call.queued_at)
            self._count(call, is_counted=is_counted)
        self._note(call, call.ended_at, "ended_unseen", outcome=call.outcome)
        self._store.call(row_of(call))
        self._ended(call)

    def _fill_in(self, call: Call, ending: Ending, *, is_talking: bool) -> None:
        """What happened while nobody listened."""
        call.language = call.language or ending.language or None
        call.fallback = call.fallback or ending.fallback_at is not None
        queued_at = ending.queued_at or ending.fallback_at
        if call.queued_at is None and queued_at is not None:
            call.topic = call.topic or ending.topic or ANY_TOPIC
            call.queue, call.queued_at = self._queue_of(Topic(call.topic)), queued_at
            self._note(call, queued_at, "queued", queue=call.queue, topic=call.topic)
        if ending.fallback_at is not None and "fallback" not in {e.event for e in call.timeline}:
            self._note(call, ending.fallback_at, "fallback")
        if ending.message is not None:
            self._note(call, ending.ended_at, "message_left", file=ending.message)
        if self._was_answered(ending) and call.talk_ended_at is None:
            self._connect(call, ending, is_talking=is_talking)

    def _was_answered(self, ending: Ending) -> bool:
        if ending.connected_at is None or ending.operator is None:
            return False
        talked_ms = (ending.talk_ended_at or ending.ended_at) - ending.connected_at
        return ending.state in TALKED or (
            ending.talk_ended_at is not None and talked_ms >= self._least_talk_ms
        )

    def _connect(self, call: Call, ending: Ending, *, is_talking: bool) -> None:
        assert ending.connected_at is not None
        over = ending.talk_ended_at or ending.ended_at
        operator = OperatorId(ending.operator or "")
        if call.connected_at is None:
            call.connected_at = ending.connected_at
            self._note(call, ending.connected_at, "connected", operator=operator)
        call.operator, call.talk_ended_at, call.talk_since = operator, over, None
        call.handle_ms = (call.handle_ms or 0) + max(0, over - ending.connected_at)
        if is_talking:
            return
        self._store.interval(
            IntervalRow(operator, ending.connected_at, over, "talking", None, ContactId(call.id))
        )
        if ending.connected_at >= self._figures.begins:
            sums = self._figures.operator(operator)
            sums.calls += 1
            sums.handle_ms += max(0, over - ending.connected_at)

    def _outcome(self, call: Call, ending: Ending | None) -> Outcome:
        if call.connected_at is not None:
            return "answered"
        if ending is not None and (ending.message is not None or ending.state == "left"):
            return "overflowed"
        if ending is not None and ending.state == "callback":
            return "callback"
        return "left_menu" if call.queued_at is None else "abandoned"

    def _count(self, call: Call, *, is_counted: bool) -> None:
        if call.queue is not None and call.queued_at is not None and call.outcome is not None:
            if not is_counted:
                self._figures.offered(call.queue, call.queued_at)
            self._figures.closed(call.queue, call.queued_at, call.outcome, call.wait_ms or 0)

    def _note(self, call: Call, at: Millis, event: str, **data: object) -> None:
        entry = Entry(call.next_line, at, event, data)
        call.next_line += 1
        call.timeline.append(entry)
        self._store.event(ContactId(call.id), entry.seq, at, event, data)


def unrecorded(store: Store, path: Path, since: Millis) -> tuple[dict[str, Ending], list[Ending]]:
    """Asterisk's endings since a moment, by call, and those of calls not on record at all.

    Reads the file and the database: call it in a thread. StoreError when the database fails.
    """
    set_aside = path.with_name(f"{path.name}.1")  # at a start of Asterisk, when it had grown large
    lines = read_endings(set_aside) + read_endings(path)
    endings = [ending for ending in lines if ending.ended_at >= since]
    known = store.records.known_calls([ContactId(ending.call) for ending in endings])
    return {each.call: each for each in endings}, [e for e in endings if e.call not in known]
