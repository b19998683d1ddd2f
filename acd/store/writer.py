"""The queue between the service and the database: takes rows at once, writes them when it can.

Rows are written in the order they came, up to `batch_rows` in a transaction, and leave the queue
when the transaction has ended well. While the database fails they stay, the writer tries again
with growing pauses, and the alert stands. Nothing is lost but what the alert and the log name:
rows beyond `rows_max`, and rows that no database would take.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, Protocol

from acd.store.database import StoreError
from acd.store.rows import Row

log = logging.getLogger(__name__)

SayAlert = Callable[[str | None], None]
"""Takes the sentence of a new alert, or None when it is over.

Called in a thread of the writer, one call at a time, in order; it must return at once.
"""

Alert = Literal["failing", "losing", "hanging"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept and how long is waited.

    `gather_ms` collects rows for one transaction. A retry comes after `retry_min_ms`, doubled
    each time up to `retry_max_ms`. `busy_ms` is how long SQLite waits for another's lock. An
    attempt that takes `hang_ms` raises the alert, at the latest after twice that time.
    """

    rows_max: int = 200_000
    batch_rows: int = 500
    gather_ms: int = 50
    retry_min_ms: int = 200
    retry_max_ms: int = 5000
    busy_ms: int = 1000
    hang_ms: int = 10_000


@dataclass(frozen=True, slots=True)
class Health:
    """How the writing goes. All but `queued_rows` count since the start.

    `refused_rows` no database would take (a fault of ours, in the log); `lost_rows` found the
    queue full or closed. `last_error` is None while the database works.
    """

    queued_rows: int
    written_rows: int
    refused_rows: int
    lost_rows: int
    last_error: str | None


class Sink(Protocol):
    """What the writer writes to. Both raise StoreError when the database fails."""

    def prepare(self) -> None:
        """Open again after a failure."""

    def write(self, batch: Sequence[Row]) -> list[tuple[Row, Exception]]:
        """Write all or nothing; returns the rows refused for their own sake."""

    def close(self) -> None:
        """Let go."""


class Writer:
    """One thread that writes rows in order, and one that tells when the first hangs."""

    def __init__(self, sink: Sink, say_alert: SayAlert, limits: Limits) -> None:
        self._sink = sink
        self._say_alert = say_alert
        self._limits = limits
        lock = threading.Lock()
        self._arrived = threading.Condition(lock)
        self._settled = threading.Condition(lock)
        self._gave_up = threading.Event()
        self._telling = threading.Lock()
        self._rows: deque[Row] = deque()
        self._settled_count = 0
        self._refused_count = 0
        self._lost_count = 0
        self._lost_told = 0
        self._hurried = False
        self._closing = False
        self._last_error: str | None = None
        self._alert: Alert | None = None
        self._attempt_steps = 0  # odd while an attempt is under way
        # A daemon: a database that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="records writer", daemon=True)
        self._thread.start()
        threading.Thread(target=self._watch, name="records watch", daemon=True).start()

    def put(self, row: Row) -> None:
        """Queue a row; takes microseconds, never raises, never waits for the database."""
        with self._arrived:
            if self._closing:
                self._lost_count += 1
            elif len(self._rows) >= self._limits.rows_max:
                self._lost_count += 1
                return
            else:
                self._rows.append(row)
                if len(self._rows) in (1, self._limits.batch_rows):
                    self._arrived.notify()
                return
        log.error("a record came after the store was closed: %r", row)

    def flush(self, timeout_s: float) -> bool:
        """Wait until every row put so far is on disk; False when it takes longer."""
        with self._settled:
            target = self._settled_count + len(self._rows)
            self._hurried = True
            self._arrived.notify()
            return self._settled.wait_for(lambda: self._settled_count >= target, timeout_s)

    def close(self, timeout_s: float) -> int:
        """Write what is queued and end the thread; returns how many rows could not be saved."""
        with self._arrived:
            self._closing = True
            self._arrived.notify()
        self.flush(timeout_s)
        with self._arrived:
            self._gave_up.set()
            self._arrived.notify()
        self._thread.join(timeout=self._limits.busy_ms / 1000 + 1)
        unsaved = len(self._rows)
        if unsaved:
            log.error("%d records were not saved: %s", unsaved, self._last_error)
        return unsaved

    def health(self) -> Health:
        """The present figures."""
        with self._arrived:
            return Health(
                queued_rows=len(self._rows),
                written_rows=self._settled_count - self._refused_count,
                refused_rows=self._refused_count,
                lost_rows=self._lost_count,
                last_error=self._last_error,
            )

    def _run(self) -> None:
        failures = 0
        while batch := self._next_batch():
            self._attempt_steps += 1
            try:
                if failures:
                    self._sink.prepare()
                refused = self._sink.write(batch)
            except Exception as error:  # whatever it is, the rows are kept and tried again
                self._attempt_steps += 1
                failures += 1
                self._failed(error)
                self._pause(failures)
            else:
                self._attempt_steps += 1
                failures = 0
                self._succeeded(batch, refused)
        self._sink.close()

    def _watch(self) -> None:
        """A database that hangs gives no error to tell: look whether the attempts go on."""
        seen = 0
        while not self._gave_up.wait(self._limits.hang_ms / 1000):
            with self._telling:
                step = self._attempt_steps
                if step == seen and step % 2 and self._alert is None:
                    self._say("hanging")
                seen = step

    def _next_batch(self) -> list[Row]:
        """The oldest rows, which stay queued until written; empty when all is over."""
        size = self._limits.batch_rows
        with self._arrived:
            self._arrived.wait_for(lambda: self._rows or self._closing)
            self._arrived.wait_for(
                lambda: len(self._rows) >= size or self._hurried or self._closing,
                self._limits.gather_ms / 1000,
            )
            return [] if self._gave_up.is_set() else list(islice(self._rows, size))

    def _pause(self, failures: int) -> None:
        """Wait before the next attempt, unless the writer is to give up."""
        longest_ms = self._limits.retry_max_ms
        pause_ms = min(longest_ms, self._limits.retry_min_ms * 2 ** min(failures - 1, 16))
        self._gave_up.wait(pause_ms / 1000)

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, StoreError):
            log.error("the writer of the records failed", exc_info=error)
        with self._arrived:
            is_news = self._last_error != str(error)
            self._last_error = str(error)
            lost = self._lost_count - self._lost_told
        if is_news:
            log.warning("%s", error)
        self._tell("losing" if lost else "failing")

    def _succeeded(self, batch: Sequence[Row], refused: Sequence[tuple[Row, Exception]]) -> None:
        for row, why in refused:
            log.error("a record was refused and left out: %r", row, exc_info=why)
        with self._arrived:
            self._last_error = None
            lost = self._lost_count - self._lost_told
            self._lost_told = self._lost_count
        if lost:
            log.error("%d records were lost: more came than could be kept", lost)
        self._tell("losing" if lost and len(self._rows) > len(batch) else None)
        with self._settled:
            for _ in batch:
                self._rows.popleft()
            self._settled_count += len(batch)
            self._refused_count += len(refused)
            self._hurried = self._hurried and bool(self._rows)
            self._settled.notify_all()

    def _tell(self, alert: Alert | None) -> None:
        with self._telling:
            self._say(alert)

    def _say(self, alert: Alert | None) -> None:
        """Say each new state once. The watch and the writer take turns by `_telling`."""
        if alert == self._alert:
            return
        self._alert = alert
        sentence = self._sentence(alert)
        try:
            self._say_alert(sentence)
        except Exception:
            log.exception("the alert could not be passed on: %s", sentence)

    def _sentence(self, alert: Alert | None) -> str | None:
        waiting = "the records wait in memory until it works again"
        match alert:
            case None:
                return None
            case "failing":
                return f"calls are not being recorded: {self._last_error}; {waiting}"
            case "hanging":
                return (
                    "calls are not being recorded: the database does not answer; "
                    f"look at its disk and its server; {waiting}"
                )
            case "losing":
                why = self._last_error or "the database is too slow"
                return f"records of calls are lost, {self._limits.rows_max} wait already: {why}"
