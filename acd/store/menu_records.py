"""What is on record of callers in the menus, counted by the database.

Every count is for one node in one language and version. The language is the one the call ended
with, so that a choice in the language menu counts where the caller went.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from acd.core.names import Millis
from acd.store.tables import calls, menu_events

TENTH_MS = 100
_step = menu_events.c


@dataclass(frozen=True, slots=True)
class Visits:
    """How often a node was entered."""

    menu: str
    node: str
    language: str
    version: str
    count: int


@dataclass(frozen=True, slots=True)
class Steps:
    """How often the same was done at a node. `misrouted` of them led to the wrong topic; None
    while no operator has moved any of these calls.
    """

    menu: str
    node: str
    language: str
    version: str
    key: str | None
    result: str | None
    reason: str | None
    goes_to: str | None
    count: int
    misrouted: int | None


@dataclass(frozen=True, slots=True)
class FirstKeys:
    """How often the first key came in the same tenth of a second; `tenths` may be negative."""

    node: str
    language: str
    version: str
    tenths: int
    count: int


def visits(connection: Connection, since: Millis, node: str | None) -> list[Visits]:
    """A stay at a node counts once, however often it was played or tried there."""
    stay = _since(
        select(
            _step.menu,
            _step.node,
            _language(),
            _step.version,
        ).distinct(),
        since,
        node,
    ).add_columns(_step.call, _step.visit, _step.entered_at)
    each = stay.subquery().c
    names = (each.menu, each.node, each.language, each.version)
    query = select(*names, func.count().label("count")).group_by(*names)
    return [Visits(**row._mapping) for row in connection.execute(query)]


def steps(connection: Connection, since: Millis, node: str | None) -> list[Steps]:
    """Equal steps counted together."""
    kind = (_step.key, _step.result, _step.reason, _step.goes_to)
    names = (_step.menu, _step.node, _language(), _step.version, *kind)
    moved = func.count(_step.moved_to)
    query = _since(select(*names, func.count().label("count"), moved.label("moved")), since, node)
    query = query.group_by(_step.menu, _step.node, _language_value(), _step.version, *kind)
    return [
        Steps(
            *(row.menu, row.node, row.language, row.version),
            *(row.key, row.result, row.reason, row.goes_to),
            count=row._mapping["count"],
            misrouted=row.moved or None,
        )
        for row in connection.execute(query)
    ]


def first_keys(connection: Connection, since: Millis, node: str | None) -> list[FirstKeys]:
    """Only steps to which a key belongs."""
    names = (_step.node, _language(), _step.version)
    bucket = (_step.first_key_ms - _step.first_key_ms % TENTH_MS).label("bucket")
    query = _since(select(*names, bucket, func.count().label("count")), since, node)
    query = query.where(_step.first_key_ms.is_not(None)).group_by(
        _step.node, _language_value(), _step.version, bucket
    )
    return [
        FirstKeys(
            row.node, row.language, row.version, int(row.bucket) // TENTH_MS, row._mapping["count"]
        )
        for row in connection.execute(query)
    ]


def _language_value() -> ColumnElement[str]:
    return func.coalesce(calls.c.language, _step.language)


def _language() -> ColumnElement[str]:
    return _language_value().label("language")


def _since(query: Select[Any], since: Millis, node: str | None) -> Select[Any]:
    """Steps since a moment, of one node when it is named, with what is known of their calls."""
    joined = query.select_from(menu_events.outerjoin(calls, calls.c.id == _step.call))
    joined = joined.where(_step.at >= since)
    return joined if node is None else joined.where(_step.node == node)
