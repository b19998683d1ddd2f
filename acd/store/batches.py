"""Writes a batch of rows: all in one transaction, each in its table, in order."""

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, assert_never

from alembic.util import CommandError
from sqlalchemy import Connection, Table, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, ProgrammingError, SQLAlchemyError, StatementError

from acd.clock import monotonic_s
from acd.store.backlog import Batch
from acd.store.database import Locked, Place, StoreError, bring_up_to_date, writing_engine
from acd.store.rows import (
    CallbackRow,
    CallerLanguageRow,
    CallRow,
    DecisionRow,
    EventRow,
    IntervalRow,
    MenuEventRow,
    OperatorNowRow,
    Row,
)
from acd.store.tables import (
    call_events,
    callbacks,
    caller_languages,
    calls,
    decisions,
    journals,
    menu_events,
    operator_intervals,
    operator_now,
)

Refused = tuple[Row, Exception]
"""A row no database would ever take, and why."""

LOOK_AGAIN_S = 0.05


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

    def prepare_patiently(self, patience_ms: int, give_up: threading.Event) -> None:
        """As `prepare`, but wait for another program's lock.

        Of several that start on a new file one makes the tables; SQLite tells some of the others
        at once that it is locked, whatever they said they would wait.
        """
        until = monotonic_s() + patience_ms / 1000
        while True:
            try:
                return self.prepare()
            except Locked:
                if monotonic_s() >= until or give_up.wait(LOOK_AGAIN_S):
                    raise

    def position(self, journal: str) -> int:
        """How far the rows of a journal are in this database; -1 when it has none of them."""
        query = select(journals.c.position).where(journals.c.id == journal)
        try:
            with self._engine.begin() as connection:
                found = connection.scalar(query)
        except (OSError, sqlite3.Error, SQLAlchemyError) as error:
            raise self._place.explain(error) from error
        return -1 if found is None else int(found)

    def write(self, batch: Batch) -> list[Refused]:
        """All rows or none (StoreError), but for those refused for their own sake."""
        try:
            if self._identity != self._identity_now():
                raise self._place.trouble("the file was removed or replaced", "a new one is made")
            try:
                with self._engine.begin() as connection:
                    _write_together(connection, batch.rows, batch.is_replay)
                    _note_position(connection, batch)
                return []
            except Exception as error:
                if not _is_fault_of_row(error):
                    raise
            with self._engine.begin() as connection:
                refused = _write_one_by_one(connection, batch)
                _note_position(connection, batch)
            return refused
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


def _write_together(connection: Connection, rows: Sequence[Row], is_replay: bool) -> None:
    """Grouped by table; of several rows for the same key only the last is written."""
    by_table: dict[type[Row], dict[object, dict[str, Any]]] = {}
    for row in rows:
        by_table.setdefault(type(row), {})[_key(row)] = _values(row)
    for kind, found in by_table.items():
        statement = _upsert(TABLES[kind], connection.dialect.name, is_replay)
        connection.execute(statement, list(found.values()))


def _write_one_by_one(connection: Connection, batch: Batch) -> list[Refused]:
    refused: list[Refused] = []
    for row in batch.rows:
        try:
            with connection.begin_nested():
                _write_together(connection, [row], batch.is_replay)
        except Exception as error:
            if not _is_fault_of_row(error):
                raise
            refused.append((row, error))
    return refused


def _note_position(connection: Connection, batch: Batch) -> None:
    if batch.journal is not None:
        statement = _upsert(journals, connection.dialect.name, False)
        connection.execute(statement, {"id": batch.journal, "position": batch.reached})


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
    MenuEventRow: menu_events,
    CallerLanguageRow: caller_languages,
    CallbackRow: callbacks,
}
_KEYS: dict[type[Row], Callable[[Any], object]] = {
    kind: attrgetter(*(column.name for column in table.primary_key))
    for kind, table in TABLES.items()
}


def _key(row: Row) -> object:
    return _KEYS[type(row)](row)


@cache
def _upsert(table: Table, dialect: str, is_replay: bool) -> sqlite.Insert | postgresql.Insert:
    """The row as it is now in place of what was there.

    A row left in the journal by an earlier run yields to a newer one: the database may have got
    that by another way, from a run with another folder.
    """
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    new = statement.excluded
    is_newer = None
    if is_replay and table is calls:
        is_newer = or_(calls.c.ended_at.is_(None), new.ended_at.is_not(None))
    elif is_replay and table is operator_now:
        is_newer = operator_now.c.since <= new.since
    elif is_replay and table is caller_languages:
        is_newer = caller_languages.c.at <= new.at
    elif is_replay and table is callbacks:
        is_newer = or_(callbacks.c.closed.is_(None), new.closed.is_not(None))
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={column.name: new[column.name] for column in table.columns if not column.primary_key},
        where=is_newer,
    )


def _values(row: Row) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in row.__slots__}
    match row:
        case EventRow():
            values["data"] = _json(row.data)
        case DecisionRow():
            values["candidates"] = _json(row.candidates)
            values["refused"] = _json(row.refused)
            values["inputs"] = None if row.inputs is None else _json(row.inputs)
        case CallRow() | IntervalRow() | OperatorNowRow() | MenuEventRow():
            pass
        case CallerLanguageRow() | CallbackRow():
            pass
        case _:
            assert_never(row)
    return values


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
