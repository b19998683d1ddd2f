"""The queue between the service and the database: takes rows at once, writes them when it can.

Rows are written in the order they came, up to `batch_rows` in a transaction, and leave the queue
when the transaction has ended well. While the database fails they stay, the writer tries again
with growing pauses, and the alert stands. With a journal they are on disk before `put` returns,
and a crash loses none (`acd/store/journal.py`). Nothing is lost but what the alert and the log
name: rows that neither the journal nor memory could take, and rows that no database would take.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from acd.store.backlog import Backlog, Batch
from acd.store.database import StoreError, Unusable
from acd.store.journal import Journal, remove
from acd.store.limits import Limits
from acd.store.rows import Row

log = logging.getLogger(__name__)

SayAlert = Callable[[str | None], None]
"""Takes the sentence of a new alert, or None when it is over.

Called in a thread of the writer, one call at a time, in order; it must return at once.
"""

Trouble = Literal["failing", "losing", "hanging"]


@dataclass(frozen=True, slots=True)
class Health:
    """How the writing goes. All but `queued_rows` count since the start.

    `refused_rows` no database would take (a fault of ours, in the log); `lost_rows` found the
    queue full or closed. `last_error` is None while the database works. Of the queued,
    `journal_rows` are on disk, and a crash of the service does not lose them; `journal_error` is
    None while the journal works, or there is none.
    """

    queued_rows: int
    written_rows: int
    refused_rows: int
    lost_rows: int
    last_error: str | None
    journal_rows: int
    journal_error: str | None


class Sink(Protocol):
    """What the writer writes to. The first three raise StoreError when the database fails."""

    def prepare_patiently(self, patience_ms: int, give_up: threading.Event) -> None:
        """Open, the first time or again after a failure."""

    def position(self, journal: str) -> int:
        """How far the rows of a journal are in the database."""

    def write(self, batch: Batch) -> list[tuple[Row, Exception]]:
        """Write all or nothing; returns the rows refused for their own sake."""

    def close(self) -> None:
        """Let go."""


class Writer:
    """One thread that writes rows in order, and one that tells when the first hangs.

    Without a journal the sink has been prepared; with one the thread does that, however long it
    takes. `journal_trouble` is why there is none although one was wanted.
    """

    def __init__(
        self,
        sink: Sink,
        say_alert: SayAlert,
        limits: Limits,
        journal: Journal | None = None,
        journal_trouble: str | None = None,
        *,
        is_open: bool = True,
    ) -> None:
        self._sink = sink
        self._say_alert = say_alert
        self._limits = limits
        self._journal = journal
        self._journal_trouble = journal_trouble
        self._backlog = Backlog(journal, limits)
        lock = threading.Lock()
        self._arrived = threading.Condition(lock)
        self._settled = threading.Condition(lock)
        self._gave_up = threading.Event()
        self._telling = threading.Lock()
        self._is_open = is_open
        self._has_opened = is_open
        self._unusable: Unusable | None = None
        self._settled_count = 0
        self._written_count = 0
        self._refused_count = 0
        self._lost_count = 0
        self._lost_told = 0
        self._hurried = False
        self._closing = False
        self._last_error: str | None = None
        self._trouble: Trouble | None = None
        self._alert: tuple[Trouble | None, bool] = (None, False)
        self._attempt_steps = 0  # odd while an attempt is under way
        # A daemon: a database that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="records writer", daemon=True)
        self._thread.start()
        threading.Thread(target=self._watch, name="records watch", daemon=True).start()

    def put(self, row: Row) -> None:
        """Queue a row; takes microseconds, never raises, never waits for the database."""
        with self._arrived:
            if not self._closing:
                self._put(row)
                return
            self._lost_count += 1
        log.error("a record came after the store was closed: %r", row)

    def wait_until_open(self, timeout_s: float) -> None:
        """Wait for the database and for the rows of earlier runs to be in it, or for a failure.

        Unusable when nothing but a change of settings helps; else the writer goes on trying.
        """
        with self._settled:
            known = self._settled.wait_for(
                lambda: self._last_error or (self._has_opened and not self._backlog.has_old_rows),
                timeout_s,
            )
            unusable, is_hanging = self._unusable, not known and not self._has_opened
        if unusable is not None:
            raise unusable
        if is_hanging:
            self._tell("hanging")

    def flush(self, timeout_s: float) -> bool:
        """Wait until every row put so far is in the database; False when it takes longer."""
        with self._settled:
            target = self._settled_count + self._backlog.count
            self._hurried = True
            self._arrived.notify()
            return self._settled.wait_for(lambda: self._settled_count >= target, timeout_s)

    def close(self, timeout_s: float) -> int:
        """Write what is queued and end the thread; returns how many rows could not be saved.

        What the journal has is safe: with a database that fails there is nothing to wait for.
        """
        with self._settled:
            self._closing = True
            self._hurried = True
            self._arrived.notify()
            self._settled.wait_for(
                lambda: (
                    self._backlog.count == 0
                    or (self._last_error is not None and not self._backlog.memory_count)
                ),
                timeout_s,
            )
            self._gave_up.set()
            self._arrived.notify()
        self._thread.join(timeout=self._limits.busy_ms / 1000 + 1)
        with self._arrived:
            unsaved, on_disk = self._backlog.memory_count, self._backlog.journal_count()
            if self._journal is not None:
                self._journal.close(all_written=self._backlog.count == 0)
        if on_disk:
            log.warning("%d records wait in the journal for the next start", on_disk)
        if unsaved:
            log.error("%d records were not saved: %s", unsaved, self._last_error)
        return unsaved

    def health(self) -> Health:
        """The present figures."""
        with self._arrived:
            return Health(
                queued_rows=self._backlog.count,
                written_rows=self._written_count,
                refused_rows=self._refused_count,
                lost_rows=self._lost_count,
                last_error=self._last_error,
                journal_rows=self._backlog.journal_count(),
                journal_error=self._journal_sentence(),
            )

    def _put(self, row: Row) -> None:
        was = self._backlog.count
        match self._backlog.put(row):
            case "lost":
                self._lost_count += 1
            case "refused":
                self._refused_count += 1
            case "kept":
                if was in (0, self._limits.batch_rows - 1):
                    self._arrived.notify()

    def _run(self) -> None:
        failures = 0
        while self._wait_for_work():
            self._attempt_steps += 1
            try:
                batch, refused = self._attempt()
            except Exception as error:  # whatever it is, the rows are kept and tried again
                self._attempt_steps += 1
                failures += 1
                self._is_open = False
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
                if step == seen and step % 2 and self._trouble is None:
                    self._trouble = "hanging"
                self._say()
                seen = step

    def _wait_for_work(self) -> bool:
        """Until there is something to do; False when all is over."""
        with self._arrived:
            self._arrived.wait_for(
                lambda: self._backlog.count or self._closing or not self._is_open
            )
            if self._is_open:
                self._arrived.wait_for(
                    lambda: (
                        self._backlog.count >= self._limits.batch_rows
                        or self._hurried
                        or self._closing
                    ),
                    self._limits.gather_ms / 1000,
                )
            is_over = self._closing and not self._backlog.count
            return not (is_over or self._gave_up.is_set())

    def _attempt(self) -> tuple[Batch, Sequence[tuple[Row, Exception]]]:
        """Write the oldest rows, which stay queued until they are settled."""
        if not self._is_open:
            self._open()
        size = self._limits.batch_rows
        with self._arrived:
            batch = self._backlog.next(size)
        batch = self._backlog.read(batch, size)
        return batch, self._sink.write(batch) if batch.rows else []

    def _open(self) -> None:
        patience_ms = 0 if self._has_opened else self._limits.start_ms
        self._sink.prepare_patiently(patience_ms, self._gave_up)
        if not self._has_opened and self._journal is not None:
            position = self._sink.position(self._journal.id)
            with self._arrived:
                self._backlog.skip(position)
        self._is_open = self._has_opened = True

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
            self._unusable = error if isinstance(error, Unusable) else None
            lost = self._lost_count - self._lost_told
        if is_news:
            log.warning("%s", error)
        self._tell("losing" if lost else "failing")
        with self._settled:
            self._settled.notify_all()

    def _succeeded(self, batch: Batch, refused: Sequence[tuple[Row, Exception]]) -> None:
        for row, why in refused:
            log.error("a record was refused and left out: %r", row, exc_info=why)
        with self._arrived:
            self._last_error = None
            lost = self._lost_count - self._lost_told
            self._lost_told = self._lost_count
            more_wait = self._backlog.count > len(batch.rows)
        if lost:
            log.error("%d records were lost: more came than could be kept", lost)
        self._tell("losing" if lost and more_wait else None)
        with self._settled:
            left, emptied = self._backlog.settle(batch)
            self._settled_count += left
            self._written_count += len(batch.rows) - len(refused)
            self._refused_count += len(refused)
            self._hurried = self._hurried and bool(self._backlog.count)
            self._settled.notify_all()
        remove(emptied)

    def _tell(self, trouble: Trouble | None) -> None:
        with self._telling:
            self._trouble = trouble
            self._say()

    def _say(self) -> None:
        """Say each new state once. The watch and the writer take turns by `_telling`."""
        with self._arrived:
            about_journal = self._journal_sentence()
        alert = (self._trouble, about_journal is not None)
        if alert == self._alert:
            return
        self._alert = alert
        said = [each for each in (self._sentence(), about_journal) if each]
        sentence = "; ".join(said) or None
        try:
            self._say_alert(sentence)
        except Exception:
            log.exception("the alert could not be passed on: %s", sentence)

    def _journal_sentence(self) -> str | None:
        return self._journal.sentence() if self._journal else self._journal_trouble

    def _sentence(self) -> str | None:
        is_safe = self._journal is not None and self._journal.error is None
        where = f"on disk in {self._journal.folder}" if self._journal and is_safe else "in memory"
        waiting = f"the records wait {where} until it works again"
        match self._trouble:
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
