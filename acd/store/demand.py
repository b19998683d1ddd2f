"""What was asked of the operators: calls that entered a queue, by the quarter hour they did.

Every outcome counts, also the calls that Asterisk's own queue had while the service was away. A
call that is made anew by who gave up is a call; a callback's own dialling is not.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, case, func, literal, select

from acd.core.names import Millis
from acd.store.tables import calls

QUARTER_MS = 900_000


@dataclass(frozen=True, slots=True)
class Demand:
    """The calls of one quarter hour, counted from the epoch; of one topic, or of all (None).

    `handle_ms` is of the `answered`, `wait_ms` of all together.
    """

    quarter: int
    topic: str | None
    calls: int
    answered: int
    handle_ms: int
    gave_up: int
    wait_ms: int


def demand(connection: Connection, since: Millis, until: Millis, *, by_topic: bool) -> list[Demand]:
    """In order of time; quarters without calls are left out."""
    quarter = (calls.c.queued_at // QUARTER_MS).label("quarter")
    # A call that named no topic is one of its queue.
    topic: ColumnElement[str | None] = (
        func.coalesce(calls.c.topic, calls.c.queue) if by_topic else literal(None)
    )
    is_answered = and_(calls.c.outcome == "answered", calls.c.handle_ms.is_not(None))
    query = (
        select(
            quarter,
            topic.label("about"),
            func.count().label("calls"),
            func.sum(case((is_answered, 1), else_=0)).label("answered"),
            func.sum(case((is_answered, calls.c.handle_ms), else_=0)).label("handle_ms"),
            func.sum(case((calls.c.outcome == "abandoned", 1), else_=0)).label("gave_up"),
            func.coalesce(func.sum(calls.c.wait_ms), 0).label("wait_ms"),
        )
        .where(calls.c.queued_at >= since, calls.c.queued_at < until)
        .group_by(*(("quarter", "about") if by_topic else ("quarter",)))
        .order_by("quarter")
    )
    return [
        Demand(
            quarter=int(row.quarter),
            topic=row.about,
            calls=int(row._mapping["calls"]),
            answered=int(row.answered),
            handle_ms=int(row.handle_ms),
            gave_up=int(row.gave_up),
            wait_ms=int(row.wait_ms),
        )
        for row in connection.execute(query)
    ]
