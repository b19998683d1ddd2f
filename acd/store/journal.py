"""The rows that the database does not have yet, on disk.

A folder of segments: files of JSON lines, one line a row, appended by one unbuffered write in the
thread of whoever puts the row. There is no fsync for each row: what was written survives the end
of the process by whatever means (`kill -9`), not the loss of power.

Every row has a position. Positions grow, and a new run of the program begins far above all
earlier ones (`RUN`), so none is ever used twice. The database notes, in the transaction that
writes the rows, the position it has come to: after a crash the rest is written from exactly
there, in order, and no old row can end up over a newer one. A segment is removed when the
database has all of it.

One thread appends, another reads and removes; `append`, `error` and `finished` are called under
the lock of the writer.
"""

import errno
import fcntl
import logging
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

from acd.clock import monotonic_s
from acd.store.database import StoreError, Unusable
from acd.store.limits import Limits
from acd.store.lines import DamagedLine, line, parse
from acd.store.rows import Row

log = logging.getLogger(__name__)

RUN: Final = 1 << 40
"""Positions a run of the program has to itself; at 1000 rows a second it lasts 34 years."""

NAME: Final = re.compile(r"(\d{19})-([0-9a-f]{8})\.rows")
DAMAGED: Final = "damaged"


@dataclass(frozen=True, slots=True)
class Segment:
    """One file. `first` is the position of its first row."""

    first: int
    path: Path


@dataclass(frozen=True, slots=True)
class Found:
    """Rows read back. Everything up to the position `reached` has been seen.

    `lines` counts rows and damaged lines, `skipped` those that were not asked for.
    """

    rows: list[Row]
    reached: int
    lines: int
    skipped: int


class Journal:
    """One folder, held by one program at a time."""

    def __init__(self, folder: Path, lock: int, segments: list[Segment], limits: Limits) -> None:
        self.folder = folder
        self.error: str | None = None
        self.damaged_count = 0
        self.old_lines = sum(_count_lines(segment.path) for segment in segments)
        newest = segments[-1] if segments else None
        self.id = _id_of(newest.path) if newest else secrets.token_hex(4)
        self.begins = ((newest.first // RUN if newest else 0) + 1) * RUN
        self.last = self.begins - 1
        self._lock = lock
        self._limits = limits
        self._segments = segments
        self._file: int | None = None
        self._bytes = 0
        self._retry_at = 0.0
        self._reader = _Reader(lambda: self._segments, self._damaged)
        self._new_segment()

    @classmethod
    def open(cls, folder: Path, limits: Limits) -> Self:
        """Take the folder; Unusable when another program has it, OSError when it cannot be used."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = [(NAME.fullmatch(name), name) for name in os.listdir(folder)]
            segments = [
                Segment(int(is_ours[1]), folder / name) for is_ours, name in found if is_ours
            ]
            return cls(folder, lock, sorted(segments, key=lambda each: each.first), limits)
        except BlockingIOError:
            os.close(lock)
            raise Unusable(
                f"another copy of the service keeps its records in {folder}; stop that copy, or "
                "give this one another `folder` in service.yaml"
            ) from None
        except OSError:
            os.close(lock)
            raise

    def append(self, inside: bytes) -> int | None:
        """Write a row; its position, or None while the disk does not take it. Never raises."""
        if self._file is None and not self._new_segment():
            return None
        assert self._file is not None
        whole = line(self.last + 1, inside)
        try:
            if os.write(self._file, whole) < len(whole):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._failed(error)
            return None
        self.error = None
        self.last += 1
        self._bytes += len(whole)
        if self._bytes >= self._limits.segment_bytes:
            self._let_go()
        return self.last

    def read(self, after: int, through: int, limit: int) -> Found:
        """The rows after a position, in order; StoreError when the disk does not give them."""
        try:
            return self._reader.read(after, through, limit)
        except OSError as error:
            raise StoreError(
                f"the journal {self.folder} cannot be read: {error.strerror}; look at its disk"
            ) from error

    def finished(self, position: int) -> list[Segment]:
        """Segments the database has all rows of, to be removed; they are forgotten here."""
        if self._file is not None and os.fstat(self._file).st_nlink == 0:
            self._failed(OSError(errno.ENOENT, "it was removed"))
            self._retry_at = 0.0
        old = 0
        while old + 1 < len(self._segments) and self._segments[old + 1].first <= position + 1:
            old += 1
        done, self._segments = self._segments[:old], self._segments[old:]
        return done

    def close(self, *, all_written: bool) -> None:
        """Let go of the folder. The last segment stays, if empty: its name holds the position."""
        self._let_go()
        if all_written and self._segments:
            try:
                os.truncate(self._segments[-1].path, 0)
            except OSError as error:
                log.warning("a segment of the journal stays: %s", error)
        self._reader.close()
        os.close(self._lock)

    def sentence(self) -> str | None:
        """What people should know of the journal now; None when all is well."""
        if self.error is not None:
            return self.error
        if self.damaged_count:
            return (
                f"{self.damaged_count} damaged lines of the journal {self.folder} were left out; "
                f"they are kept in {self.folder / DAMAGED}, look at the disk"
            )
        return None

    def _new_segment(self) -> bool:
        if monotonic_s() < self._retry_at:
            return False
        segment = Segment(self.last + 1, self.folder / f"{self.last + 1:019d}-{self.id}.rows")
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(segment.path, flags, 0o600)
        except OSError as error:
            self._failed(error)
            return False
        self._bytes = 0
        if not self._segments or self._segments[-1] != segment:
            self._segments = [*self._segments, segment]
        return True

    def _failed(self, error: OSError) -> None:
        """What was half written is cut off; after a pause a new segment is tried."""
        if self._file is not None:
            try:
                os.ftruncate(self._file, self._bytes)
            except OSError:
                log.warning("the end of a segment of %s is torn", self.folder)
        self._let_go()
        self._retry_at = monotonic_s() + self._limits.journal_retry_ms / 1000
        remedy = (
            "free some space on its disk"
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            else "let the user who runs the service write there"
        )
        self.error = unwritable(self.folder, error, remedy)

    def _let_go(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _damaged(self, raw: bytes, why: str) -> None:
        """A line is left out, but kept for people to look at."""
        self.damaged_count += 1
        log.error("a damaged line in the journal %s (%s): %.80r", self.folder, why, raw)
        try:
            with open(self.folder / DAMAGED, "ab", opener=_private) as kept:
                kept.write(raw.rstrip(b"\n") + b"\n")
        except OSError as error:
            log.error("the damaged line could not be kept: %s", error)


def unwritable(folder: Path, error: OSError, remedy: str) -> str:
    """The one sentence for a journal that takes no rows."""
    return (
        f"a crash of the service would lose records: the journal {folder} cannot be written: "
        f"{error.strerror or error}; {remedy}"
    )


def remove(segments: list[Segment]) -> None:
    """Delete files the database has all rows of; one that stays does no harm."""
    for segment in segments:
        try:
            segment.path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("a segment of the journal stays: %s", error)


class _Reader:
    """Reads the segments from the oldest on, where it stopped the last time."""

    def __init__(
        self, segments: Callable[[], list[Segment]], damaged: Callable[[bytes, str], None]
    ) -> None:
        self._segments = segments
        self._damaged = damaged
        self._file: BinaryIO | None = None
        self._first = -1
        self._reached = -1

    def read(self, after: int, through: int, limit: int) -> Found:
        rows: list[Row] = []
        lines = skipped = 0
        self._reached = max(self._reached, after)
        while len(rows) < limit and self._reached < through:
            raw = self._next_line(through)
            if raw is None:
                self._reached = through
                break
            lines += 1
            try:
                position, row = parse(raw)
            except DamagedLine as why:
                self._damaged(raw, str(why))
                continue
            if position <= self._reached:  # in the database or in memory already
                skipped += 1
                lines -= 1
                continue
            self._reached = position
            rows.append(row)
        return Found(rows, self._reached, lines, skipped)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _next_line(self, through: int) -> bytes | None:
        """None when there is no more; the half line of a row that is being appended waits."""
        while True:
            if self._file is None and not self._open_next(through):
                return None
            assert self._file is not None
            raw = self._file.readline()
            if raw.endswith(b"\n"):
                return raw
            if self._first == self._segments()[-1].first:
                self._file.seek(-len(raw), os.SEEK_CUR)
                return None
            self.close()
            if raw:
                return raw

    def _open_next(self, through: int) -> bool:
        for segment in self._segments():
            if self._first < segment.first <= through:
                self._first = segment.first
                try:
                    self._file = open(segment.path, "rb")  # noqa: SIM115
                except FileNotFoundError:
                    self._damaged(b"", f"{segment.path.name} was removed by somebody")
                    continue
                return True
        return False


def _id_of(path: Path) -> str:
    return path.stem.partition("-")[2]


def _count_lines(path: Path) -> int:
    count, last = 0, b"\n"
    with path.open("rb") as file:
        while some := file.read(1 << 20):
            count += some.count(b"\n")
            last = some[-1:]
    return count + (last != b"\n")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
