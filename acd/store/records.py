"""Reads what is on record. Each call opens its own transaction; any thread may ask.

The functions wait for the database: from asyncio use `asyncio.to_thread`. They see what has been
written, which is a moment behind what was put into the store.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from acd.core.names import ContactId, Millis, OperatorId, QueueId
from acd.store.database import Place, find, reading_engine, require_up_to_date
from acd.store.demand import Demand, demand
from acd.store.lines import counted
from acd.store.menu_records import FirstKeys, Steps, Visits, first_keys, steps, visits
from acd.store.rows import CallbackRow, CallRow, DecisionRow, EventRow, OperatorNowRow
from acd.store.tables import (
    call_events,
    callbacks,
    caller_languages,
    calls,
    decisions,
    operator_intervals,
    operator_now,
)

SHORT_ABANDON_MS = Millis(5000)
"""Who hangs up sooner (wait < 5 s) is counted as a short abandon as well."""

BUSY_MS = Millis(2000)
IDS_AT_ONCE = 500
WEEK_MS = 7 * 86_400_000
HOUR_MS = 3_600_000
_ARRIVAL = (calls.c.arrived_at, calls.c.id)
Line = TypeVar("Line", EventRow, DecisionRow)


@dataclass(frozen=True, slots=True)
class CallStory:
    """Everything about one call, events and decisions in their order."""

    row: CallRow
    events: tuple[EventRow, ...]
    decisions: tuple[DecisionRow, ...]


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call without an end on record, and the numbers its next rows are to take."""

    row: CallRow
    next_event: int
    next_decision: int


@dataclass(frozen=True, slots=True)
class QueueTally:
    """Sums over the closed contacts of a queue; those still waiting or talking are not in it.

    `answered_wait_ms` is the sum over the answered, `wait_ms` over all offered.
    """

    queue: QueueId
    offered: int
    answered: int
    answered_in_target: int
    abandoned: int
    abandoned_short: int
    callbacks: int
    overflowed: int
    answered_wait_ms: Millis
    wait_ms: Millis


@dataclass(frozen=True, slots=True)
class OperatorTally:
    """What an operator did: conversations begun, time in them and in wrap-up, offers missed."""

    operator: OperatorId
    calls: int
    handle_ms: Millis
    ronas: int


class Records:
    """The records, for reading. Also without a running service (`Records.open`)."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._engine = reading_engine(place, BUSY_MS)

    @classmethod
    def open(cls, url: str) -> Self:
        """Open read-only; StoreError when there is nothing to read or it does not fit."""
        place = find(url)
        if place.path is not None and not place.path.exists():
            raise place.trouble("there are no records yet", "start the service once")
        records = cls(place)
        with records._reading() as connection:
            require_up_to_date(place, connection)
        return records

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    def recent_calls(self, since: Millis, limit: int) -> list[CallRow]:
        """The last calls that arrived at or after `since`, newest first."""
        query = (
            select(calls)
            .where(calls.c.arrived_at >= since)
            .order_by(calls.c.arrived_at.desc(), calls.c.id.desc())
            .limit(limit)
        )
        with self._reading() as connection:
            return [_call_row(row) for row in connection.execute(query)]

    def call(self, call: ContactId) -> CallStory | None:
        """One call; None when nothing is known of it.

        A call whose own row never came (a fault that was logged) still shows its timeline.
        """
        with self._reading() as connection:
            row = connection.execute(select(calls).where(calls.c.id == call)).first()
            events = _events(connection, [call])
            decided = _decisions(connection, [call])
        if row is None and not events and not decided:
            return None
        began = [*(line.at for line in events[:1]), *(line.at for line in decided[:1])]
        known = _call_row(row) if row else CallRow(call, node="", arrived_at=min(began))
        return CallStory(known, events, decided)

    def open_calls(self) -> list[OpenCall]:
        """Calls without an end, oldest first: what was going on when the service stopped."""
        next_event = _next_seq(call_events.c.call, call_events.c.seq)
        next_decision = _next_seq(decisions.c.call, decisions.c.seq)
        query = (
            select(calls, next_event.label("next_event"), next_decision.label("next_decision"))
            .where(calls.c.ended_at.is_(None))
            .order_by(*_ARRIVAL)
        )
        with self._reading() as connection:
            return [
                OpenCall(_call_row(row), row.next_event, row.next_decision)
                for row in connection.execute(query)
            ]

    def open_stories(self) -> list[CallStory]:
        """Calls without an end, oldest first, with all that is known of them."""
        ids = select(calls.c.id).where(calls.c.ended_at.is_(None))
        rows = select(calls).where(calls.c.ended_at.is_(None))
        with self._reading() as connection:
            found = [_call_row(row) for row in connection.execute(rows.order_by(*_ARRIVAL))]
            events = _by_call(_events(connection, ids))
            decided = _by_call(_decisions(connection, ids))
        return [
            CallStory(row, tuple(events.get(row.id, ())), tuple(decided.get(row.id, ())))
            for row in found
        ]

    def open_call_ids(self, before: Millis) -> list[ContactId]:
        """Calls without an end that arrived before a moment, oldest first."""
        query = (
            select(calls.c.id)
            .where(calls.c.ended_at.is_(None), calls.c.arrived_at < before)
            .order_by(*_ARRIVAL)
        )
        with self._reading() as connection:
            return list(connection.scalars(query))

    def known_calls(self, ids: Sequence[ContactId]) -> set[ContactId]:
        """Those of the calls that are on record, ended or not."""
        found: set[ContactId] = set()
        with self._reading() as connection:
            for at in range(0, len(ids), IDS_AT_ONCE):
                some = select(calls.c.id).where(calls.c.id.in_(ids[at : at + IDS_AT_ONCE]))
                found |= {row.id for row in connection.execute(some)}
        return found

    def queue_tallies(self, since: Millis, target_ms: Millis) -> dict[QueueId, QueueTally]:
        """Per queue, the closed contacts that were queued at or after `since`.

        A wait of exactly `target_ms` is within the target.
        """
        outcome, wait_ms = calls.c.outcome, calls.c.wait_ms
        answered, abandoned = outcome == "answered", outcome == "abandoned"
        query = (
            select(
                calls.c.queue,
                func.count().label("offered"),
                _count(answered).label("answered"),
                _count(and_(answered, wait_ms <= target_ms)).label("answered_in_target"),
                _count(abandoned).label("abandoned"),
                _count(and_(abandoned, wait_ms < SHORT_ABANDON_MS)).label("abandoned_short"),
                _count(outcome == "callback").label("callbacks"),
                _count(outcome == "overflowed").label("overflowed"),
                func.sum(case((answered, wait_ms), else_=0)).label("answered_wait_ms"),
                func.sum(wait_ms).label("wait_ms"),
            )
            .where(calls.c.queued_at >= since, calls.c.queue.is_not(None))
            .where(outcome.in_(("answered", "abandoned", "callback", "overflowed")))
            .group_by(calls.c.queue)
        )
        with self._reading() as connection:
            rows = [_whole_numbers(row) for row in connection.execute(query)]
        return {row["queue"]: QueueTally(**row) for row in rows}

    def operator_tallies(self, since: Millis) -> dict[OperatorId, OperatorTally]:
        """Per operator, from the intervals that have ended.

        Conversations and missed offers count when they began at or after `since`; of handle time
        the part after `since` counts. A conversation with a reason came to nothing and is no call.
        """
        interval = operator_intervals.c
        is_handling = interval.state.in_(("talking", "wrap_up"))
        is_call = and_(interval.state == "talking", interval.reason.is_(None))
        is_rona = and_(interval.state == "ringing", interval.reason == "rona")
        after = case((interval.began_at < since, since), else_=interval.began_at)
        query = (
            select(
                interval.operator,
                _count(and_(is_call, interval.began_at >= since)).label("calls"),
                func.sum(case((is_handling, interval.ended_at - after), else_=0)).label(
                    "handle_ms"
                ),
                _count(and_(is_rona, interval.began_at >= since)).label("ronas"),
            )
            .where(interval.ended_at >= since)
            .group_by(interval.operator)
        )
        with self._reading() as connection:
            rows = [_whole_numbers(row) for row in connection.execute(query)]
        return {row["operator"]: OperatorTally(**row) for row in rows}

    def operators_now(self) -> dict[OperatorId, OperatorNowRow]:
        """Who was logged in or paused, as last put on record."""
        query = select(operator_now).order_by(operator_now.c.operator)
        with self._reading() as connection:
            rows = [OperatorNowRow(**row._mapping) for row in connection.execute(query)]
        return {row.operator: row for row in rows}

    def caller_languages(self, limit: int) -> dict[str, str]:
        """The languages callers chose, by number: the latest `limit` choices."""
        row = caller_languages.c
        query = select(row.number, row.language).order_by(row.at.desc()).limit(limit)
        with self._reading() as connection:
            return {each.number: each.language for each in connection.execute(query)}

    def operator_at(self, operator: OperatorId, at: Millis) -> tuple[str, str | None] | None:
        """State and reason of an operator at a moment; None when no finished stay covers it."""
        stay = operator_intervals.c
        query = (
            select(stay.state, stay.reason)
            .where(stay.operator == operator, stay.began_at <= at, stay.ended_at > at)
            .order_by(stay.began_at.desc())
            .limit(1)
        )
        with self._reading() as connection:
            found = connection.execute(query).first()
        return None if found is None else (found.state, found.reason)

    def open_callbacks(self) -> list[CallbackRow]:
        """Citizens who are still to be called back, the oldest first."""
        return self._callbacks(callbacks.c.closed.is_(None))

    def callbacks_since(self, since: Millis) -> list[CallbackRow]:
        """Callbacks that are open, or were closed at or after a moment, the oldest first."""
        row = callbacks.c
        return self._callbacks(or_(row.closed.is_(None), row.closed_at >= since))

    def _callbacks(self, which: ColumnElement[bool]) -> list[CallbackRow]:
        row = callbacks.c
        query = select(callbacks).where(which).order_by(row.queued_at, row.contact)
        with self._reading() as connection:
            return [CallbackRow(**each._mapping) for each in connection.execute(query)]

    def gave_up_since(self, since: Millis) -> dict[str, Millis]:
        """When each number last gave up waiting, at or after a moment."""
        ended = func.max(calls.c.ended_at).label("ended_at")
        query = (
            select(calls.c.number, ended)
            .where(calls.c.outcome == "abandoned", calls.c.ended_at >= since)
            .where(calls.c.number.is_not(None), calls.c.number != "")
            .group_by(calls.c.number)
        )
        with self._reading() as connection:
            return {row.number: Millis(int(row.ended_at)) for row in connection.execute(query)}

    def menu_visits(self, since: Millis, node: str | None = None) -> list[Visits]:
        """How often callers came to each node at or after a moment; see `Visits`."""
        with self._reading() as connection:
            return visits(connection, since, node)

    def menu_steps(self, since: Millis, node: str | None = None) -> list[Steps]:
        """What callers did at each node at or after a moment, equal steps counted together."""
        with self._reading() as connection:
            return steps(connection, since, node)

    def menu_first_keys(self, since: Millis, node: str | None = None) -> list[FirstKeys]:
        """How soon the first key came at each node, by tenths of a second."""
        with self._reading() as connection:
            return first_keys(connection, since, node)

    def queued_span(self) -> tuple[Millis, Millis] | None:
        """When the first and the last call entered a queue; None when none has."""
        at = calls.c.queued_at
        with self._reading() as connection:
            # Asked for one by one each is a look into the index.
            first = connection.scalar(select(func.min(at)))
            last = connection.scalar(select(func.max(at)))
        return None if first is None or last is None else (Millis(first), Millis(last))

    def demand(self, since: Millis, until: Millis, *, by_topic: bool = False) -> Iterator[Demand]:
        """Calls by quarter hour, counted by the database, a week at a time: a year of millions
        of calls neither fills the memory nor takes a query longer than the server allows.
        """
        for begin in range(since, until, WEEK_MS):
            end = Millis(min(until, begin + WEEK_MS))
            with self._reading() as connection:
                found = demand(connection, Millis(begin), end, by_topic=by_topic)
            yield from found

    def queued_calls(self, since: Millis, until: Millis) -> Iterator[CallRow]:
        """Calls in the order they entered a queue, read an hour at a time."""
        for begin in range(since, until, HOUR_MS):
            query = (
                select(calls)
                .where(calls.c.queued_at >= begin)
                .where(calls.c.queued_at < min(until, begin + HOUR_MS))
                .order_by(calls.c.queued_at, calls.c.id)
            )
            with self._reading() as connection:
                found = [_call_row(row) for row in connection.execute(query)]
            yield from found

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except (OSError, sqlite3.Error, SQLAlchemyError) as error:
            raise self._place.explain(error) from error


def _call_row(row: Row[Any]) -> CallRow:
    return CallRow(**{name: row._mapping[name] for name in calls.c.keys()})  # noqa: SIM118


def _events(connection: Connection, ids: Select[Any] | list[ContactId]) -> tuple[EventRow, ...]:
    line = call_events.c
    query = select(call_events).where(line.call.in_(ids)).order_by(line.call, line.seq)
    return tuple(
        EventRow(row.call, row.seq, row.at, row.event, json.loads(row.data))
        for row in connection.execute(query)
    )


def _decisions(
    connection: Connection, ids: Select[Any] | list[ContactId]
) -> tuple[DecisionRow, ...]:
    line = decisions.c
    query = select(decisions).where(line.call.in_(ids)).order_by(line.call, line.seq)
    return tuple(
        DecisionRow(
            call=row.call,
            seq=row.seq,
            at=row.at,
            rule=row.rule,
            taken=row.taken,
            candidates=tuple(json.loads(row.candidates)),
            refused=counted(json.loads(row.refused)),
            waited_ms=row.waited_ms,
            step=row.step,
            estimated_wait_ms=row.estimated_wait_ms,
            candidate_count=row.candidate_count or len(json.loads(row.candidates)),
            inputs=None if row.inputs is None else json.loads(row.inputs),
        )
        for row in connection.execute(query)
    )


def _by_call(lines: Iterable[Line]) -> dict[ContactId, list[Line]]:
    found: dict[ContactId, list[Line]] = {}
    for line in lines:
        found.setdefault(line.call, []).append(line)
    return found


def _next_seq(call: ColumnElement[str], seq: ColumnElement[int]) -> ColumnElement[int]:
    highest = select(func.max(seq)).where(call == calls.c.id).scalar_subquery()
    return func.coalesce(highest + 1, 0)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _whole_numbers(row: Row[Any]) -> dict[str, Any]:
    """The columns by name; PostgreSQL gives sums as decimals, SQLite None over nothing."""
    return {
        name: value if isinstance(value, str) else int(value or 0)
        for name, value in row._mapping.items()
    }
