"""Writes a batch of rows: all in one transaction, each in its table, in order."""

import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, assert_never

from alembic.util import CommandError
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, ProgrammingError, SQLAlchemyError, StatementError

from acd.store.database import Place, StoreError, bring_up_to_date, writing_engine
from acd.store.rows import CallRow, DecisionRow, EventRow, IntervalRow, OperatorNowRow, Row
from acd.store.tables import call_events, calls, decisions, operator_intervals, operator_now

Refused = tuple[Row, Exception]
"""A row no database would ever take, and why."""


class BatchWriter:
    """The connection the records go through; used by one thread at a time."""

    def __init__(self, place: Place, busy_ms: int) -> None:
        self._place = place
        self._engine = writing_engine(place, busy_ms)
        self._identity: tuple[int, int] | None = None

    def prepare(self) -> None:
        """Open (again) and bring the tables up to date; StoreError says what prevents it."""
        path = self._place.path
        self._engine.dispose()
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            with self._engine.begin() as connection:
                bring_up_to_date(self._place, connection)
            self._identity = self._identity_now()
        except (OSError, sqlite3.Error, SQLAlchemyError, CommandError) as error:
            raise self._place.explain(error) from error

    def write(self, batch: Sequence[Row]) -> list[Refused]:
        """All rows or none (StoreError), but for those refused for their own sake."""
        try:
            if self._identity != self._identity_now():
                raise self._place.trouble("the file was removed or replaced", "a new one is made")
            try:
                with self._engine.begin() as connection:
                    _write_together(connection, batch)
                return []
            except Exception as error:
                if not _is_fault_of_row(error):
                    raise
            with self._engine.begin() as connection:
                return _write_one_by_one(connection, batch)
        except (OSError, sqlite3.Error, SQLAlchemyError) as error:
            raise self._place.explain(error) from error

    def close(self) -> None:
        """Let go of the connection."""
        self._engine.dispose()

    def _identity_now(self) -> tuple[int, int] | None:
        """Tells a file from another put in its place; writing to a removed file goes nowhere."""
        if self._place.path is None:
            return None
        try:
            found = os.stat(self._place.path)
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino


def _write_together(connection: Connection, batch: Sequence[Row]) -> None:
    """Grouped by table; of several rows for the same key only the last is written."""
    by_table: dict[type[Row], dict[object, dict[str, Any]]] = {}
    for row in batch:
        by_table.setdefault(type(row), {})[_key(row)] = _values(row)
    for kind, rows in by_table.items():
        statement = _upsert(TABLES[kind], connection.dialect.name)
        connection.execute(statement, list(rows.values()))


def _write_one_by_one(connection: Connection, batch: Sequence[Row]) -> list[Refused]:
    refused: list[Refused] = []
    for row in batch:
        try:
            with connection.begin_nested():
                _write_together(connection, [row])
        except Exception as error:
            if not _is_fault_of_row(error):
                raise
            refused.append((row, error))
    return refused


def _is_fault_of_row(error: Exception) -> bool:
    """Whether the row itself is impossible, so that writing it again would fail for ever."""
    match error:
        case StoreError() | OSError() | MemoryError():
            return False
        case DBAPIError():
            code = getattr(error.orig, "sqlite_errorname", None)
            state = getattr(error.orig, "sqlstate", None)
            if code is not None:
                return bool(code.startswith(("SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_TOO")))
            if state is not None:
                return bool(state.startswith(("22", "23")))
            return isinstance(error, (ProgrammingError, DataError))  # refused by the driver
        case StatementError():
            return True
        case SQLAlchemyError():
            return False
    return True  # not even words for the driver could be made of it


TABLES: dict[type[Row], Table] = {
    CallRow: calls,
    EventRow: call_events,
    DecisionRow: decisions,
    IntervalRow: operator_intervals,
    OperatorNowRow: operator_now,
}
_KEYS: dict[type[Row], Callable[[Any], object]] = {
    kind: attrgetter(*(column.name for column in table.primary_key))
    for kind, table in TABLES.items()
}


def _key(row: Row) -> object:
    return _KEYS[type(row)](row)


@cache
def _upsert(table: Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={
            column.name: statement.excluded[column.name]
            for column in table.columns
            if not column.primary_key
        },
    )


def _values(row: Row) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in row.__slots__}
    match row:
        case EventRow():
            values["data"] = _json(row.data)
        case DecisionRow():
            values["candidates"] = _json(row.candidates)
            values["refused"] = _json(row.refused)
        case CallRow() | IntervalRow() | OperatorNowRow():
            pass
        case _:
            assert_never(row)
    return values


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
