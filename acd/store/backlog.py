"""The rows that wait for the database, in order: in memory, and in the journal when there is one.

The order is: `_ready`, which are in memory and in the journal; then rows that are in the journal
alone (left by an earlier run, or more than memory should hold); then `_bare`, which the journal
has not taken yet because its disk fails. Without a journal all are `_ready`.

Everything but `read` is called under the lock of the writer.
"""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from acd.store.journal import Journal, Segment
from acd.store.limits import Limits
from acd.store.lines import payload
from acd.store.rows import Row

log = logging.getLogger(__name__)

CATCH_UP = 20
"""So many rows at most go to the journal at one put, after its disk has failed."""

Kept = Literal["kept", "lost", "refused"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows for one transaction.

    `reached` is the position of `journal` that the database has come to with them; `is_replay`
    says that an earlier run put them. One still to be read from the journal has `rows` empty, and
    `through` is the last position that may be read.
    """

    rows: Sequence[Row]
    journal: str | None = None
    reached: int = -1
    is_replay: bool = False
    through: int | None = None
    lines: int = 0


class Backlog:
    """Takes rows at one end, gives batches at the other."""

    def __init__(self, journal: Journal | None, limits: Limits) -> None:
        self._journal = journal
        self._rows_max = limits.rows_max
        self._ready_max = max(limits.spill_rows, limits.batch_rows)
        self._ready: deque[tuple[int, Row]] = deque()
        self._bare: deque[tuple[Row, bytes]] = deque()
        self._disk_lines = journal.old_lines if journal else 0
        self._taken_off = -1  # the last position that is or was in memory
        if journal and not self._disk_lines:
            self._taken_off = journal.last
        self._in_hand: Batch | None = None  # read from the journal, not written yet

    @property
    def count(self) -> int:
        """Rows that wait; damaged ones count until their turn comes."""
        return len(self._ready) + self._disk_lines + len(self._bare)

    @property
    def memory_count(self) -> int:
        """Rows that would be lost with the process."""
        return len(self._bare) if self._journal else len(self._ready)

    @property
    def has_old_rows(self) -> bool:
        """Whether rows of an earlier run still wait."""
        return self._journal is not None and self._taken_off < self._journal.begins - 1

    def put(self, row: Row) -> Kept:
        """Add a row."""
        if self._journal is not None and self._bare:
            self._catch_up(self._journal)
        if self.memory_count >= self._rows_max:
            return "lost"
        if self._journal is None:
            self._ready.append((-1, row))
            return "kept"
        try:
            inside = payload(row)
        except Exception as error:  # no database would take it either
            log.error("a record was refused and left out: %r", row, exc_info=error)
            return "refused"
        self._bare.append((row, inside))
        self._catch_up(self._journal)
        return "kept"

    def next(self, size: int) -> Batch:
        """The oldest rows, which stay here until `settle`."""
        if self._ready:
            some = list(islice(self._ready, size))
            return Batch(
                [row for _, row in some],
                journal=self._journal.id if self._journal else None,
                reached=some[-1][0],
            )
        if self._journal is not None and self._is_on_disk(self._journal):
            last = self._journal.begins - 1 if self.has_old_rows else self._journal.last
            return self._in_hand or Batch((), through=last, is_replay=self.has_old_rows)
        return Batch([row for row, _ in islice(self._bare, size)])

    def read(self, batch: Batch, size: int) -> Batch:
        """The batch with its rows, if they are on disk; waits for the disk, without the lock."""
        if batch.through is None:
            return batch
        assert self._journal is not None
        found = self._journal.read(self._taken_off, batch.through, size)
        self._in_hand = replace(
            batch,
            rows=found.rows,
            journal=self._journal.id,
            reached=found.reached,
            through=None,
            # Skipped lines of an earlier run were counted at the beginning.
            lines=found.lines + (found.skipped if batch.is_replay else 0),
        )
        return self._in_hand

    def settle(self, batch: Batch) -> tuple[int, list[Segment]]:
        """The batch is in the database; how many rows left, and the files no longer needed."""
        before = self.count
        if batch is self._in_hand:
            self._in_hand = None
            self._taken_off = batch.reached
            self._disk_lines -= batch.lines
            assert self._journal is not None
            if not self._is_on_disk(self._journal):
                self._disk_lines = 0
        else:
            for _ in batch.rows:
                if self._ready:
                    self._ready.popleft()
                else:
                    self._bare.popleft()
        left = before - self.count
        if self._journal is None or batch.reached < 0:
            return left, []
        return left, self._journal.finished(batch.reached)

    def skip(self, position: int) -> None:
        """The database has the rows of earlier runs up to here already.

        No run reaches its last position: their lines are still passed over by reading.
        """
        if self._journal is not None:
            self._taken_off = max(self._taken_off, min(position, self._journal.begins - 2))

    def journal_count(self) -> int:
        """Rows in the journal that the database does not have."""
        return self._disk_lines + (len(self._ready) if self._journal else 0)

    def _is_on_disk(self, journal: Journal) -> bool:
        return self._taken_off < journal.last

    def _catch_up(self, journal: Journal) -> None:
        for _ in range(CATCH_UP):
            if not self._bare:
                return
            row, inside = self._bare[0]
            on_disk = self._is_on_disk(journal)
            position = journal.append(inside)
            if position is None:
                return
            self._bare.popleft()
            if on_disk or len(self._ready) >= self._ready_max:
                self._disk_lines += 1
            else:
                self._ready.append((position, row))
                self._taken_off = position
