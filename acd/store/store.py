"""The records of every call: written in the background, read on demand."""

from typing import Self

from acd.core.commands import Decided
from acd.core.names import ContactId, Millis, OperatorId
from acd.store.batches import BatchWriter
from acd.store.database import find
from acd.store.records import Records
from acd.store.rows import CallRow, Data, DecisionRow, EventRow, IntervalRow, OperatorNowRow
from acd.store.writer import Health, Limits, SayAlert, Writer


class Store:
    """What the service holds. Writing only queues a row: it never waits, never raises."""

    def __init__(self, writer: Writer, records: Records) -> None:
        self._writer = writer
        self.records = records

    @classmethod
    def open(cls, url: str, say_alert: SayAlert, limits: Limits | None = None) -> Self:
        """Open the database, making or migrating its tables; StoreError when that fails.

        `say_alert` is called in a thread of the store: hand it over to the event loop. It gets one
        sentence when records can no longer be written and None when they are written again.
        """
        limits = limits or Limits()
        place = find(url)
        sink = BatchWriter(place, limits.busy_ms)
        try:
            sink.prepare()
        except Exception:
            sink.close()
            raise
        return cls(Writer(sink, say_alert, limits), Records(place))

    def call(self, row: CallRow) -> None:
        """Record a call as it stands now, in place of what was recorded of it before."""
        self._writer.put(row)

    def event(self, call: ContactId, seq: int, at: Millis, event: str, data: Data) -> None:
        """Record a line of a call's timeline."""
        self._writer.put(EventRow(call, seq, at, event, dict(data)))

    def decision(self, seq: int, decided: Decided, estimated_wait_ms: Millis | None = None) -> None:
        """Record why the router did what it did; the contact's id is the call's."""
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
                estimated_wait_ms=estimated_wait_ms,
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

    def health(self) -> Health:
        """How the writing goes."""
        return self._writer.health()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was put so far is on disk; False when it takes longer."""
        return self._writer.flush(timeout_s)

    def close(self, timeout_s: float = 5.0) -> int:
        """Write what is queued, then let go; returns how many rows could not be saved."""
        unsaved = self._writer.close(timeout_s)
        self.records.close()
        return unsaved
