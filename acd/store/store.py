"""The records of every call: written in the background, read on demand."""

import logging
import threading
from pathlib import Path
from typing import Self

from acd.core.commands import Decided
from acd.core.names import ContactId, Millis, OperatorId
from acd.store.batches import BatchWriter
from acd.store.database import StoreError, find
from acd.store.journal import Journal, unwritable
from acd.store.limits import Limits
from acd.store.records import Records
from acd.store.rows import (
    CallbackRow,
    CallerLanguageRow,
    CallRow,
    Data,
    DecisionRow,
    EventRow,
    IntervalRow,
    MenuEventRow,
    OperatorNowRow,
)
from acd.store.writer import Health, SayAlert, Writer

log = logging.getLogger(__name__)


class Store:
    """What the service holds. Writing only queues a row: it never waits, never raises."""

    def __init__(self, writer: Writer, records: Records) -> None:
        self._writer = writer
        self.records = records

    @classmethod
    def open(
        cls,
        url: str,
        say_alert: SayAlert,
        limits: Limits | None = None,
        journal: Path | None = None,
    ) -> Self:
        """Open the database, making or migrating its tables; StoreError when that fails.

        With a folder for the `journal`, every row is on disk there before the database has it,
        and a database that is away is no error: the store works, says the alert and keeps trying.
        Errors are then only those that waiting does not mend, and a folder that another store
        has. Rows left in the journal by an earlier run are written first; a database that answers
        has them when this returns, unless they are more than `start_ms` of work.

        `say_alert` is called in a thread of the store: hand it over to the event loop. It gets one
        sentence when records can no longer be written and None when they are written again.
        """
        limits = limits or Limits()
        place = find(url)
        sink = BatchWriter(place, limits.busy_ms)
        if journal is None:
            try:
                sink.prepare_patiently(limits.open_ms, threading.Event())
            except Exception:
                sink.close()
                raise
            return cls(Writer(sink, say_alert, limits), Records(place))
        kept, trouble = None, None
        try:
            kept = Journal.open(journal, limits)
        except OSError as error:
            remedy = "put it right and restart the service"
            trouble = unwritable(journal, error, remedy)
            log.error("%s", trouble)
        writer = Writer(sink, say_alert, limits, kept, trouble, is_open=False)
        try:
            writer.wait_until_open((limits.start_ms + limits.busy_ms) / 1000 + 0.5)
        except StoreError:
            writer.close(0)
            raise
        return cls(writer, Records(place))

    def call(self, row: CallRow) -> None:
        """Record a call as it stands now, in place of what was recorded of it before."""
        self._writer.put(row)

    def event(self, call: ContactId, seq: int, at: Millis, event: str, data: Data) -> None:
        """Record a line of a call's timeline."""
        self._writer.put(EventRow(call, seq, at, event, dict(data)))

    def decision(self, seq: int, decided: Decided, inputs: Data | None = None) -> None:
        """Record why the router did what it did, from which inputs; the contact is the call."""
        self._writer.put(
            DecisionRow(
                call=decided.contact,
                seq=seq,
                at=decided.at,
                rule=decided.rule,
                taken=decided.taken,
                candidates=decided.candidates,
                refused=decided.refused,
                waited_ms=decided.waited_ms,
                step=decided.step,
                estimated_wait_ms=decided.estimated_wait_ms,
                candidate_count=decided.candidate_count,
                inputs=inputs,
            )
        )

    def interval(self, row: IntervalRow) -> None:
        """Record what an operator did, when it has ended."""
        self._writer.put(row)

    def operator_now(
        self, operator: OperatorId, pause: str | None, since: Millis, *, logged_in: bool
    ) -> None:
        """Record what an operator chose, in place of the choice before."""
        self._writer.put(OperatorNowRow(operator, logged_in, pause, since))

    def menu_event(self, row: MenuEventRow) -> None:
        """Record a step of a caller through a menu."""
        self._writer.put(row)

    def caller_language(self, number: str, language: str, at: Millis) -> None:
        """Record the language a caller chose, in place of an earlier choice."""
        self._writer.put(CallerLanguageRow(number, language, at))

    def callback(self, row: CallbackRow) -> None:
        """Record a callback as it stands now."""
        self._writer.put(row)

    def health(self) -> Health:
        """How the writing goes."""
        return self._writer.health()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was put so far is in the database; False when it takes longer."""
        return self._writer.flush(timeout_s)

    def close(self, timeout_s: float = 5.0) -> int:
        """Write what is queued, then let go; returns how many rows could not be saved.

        Rows that stay in the journal are saved: the next start writes them.
        """
        unsaved = self._writer.close(timeout_s)
        self.records.close()
        return unsaved
