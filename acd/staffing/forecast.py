"""Reads a forecast of calls by interval, and says of every mistake in it where it is."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from acd.problems import Problems, near_miss

REQUIRED = ("start", "calls")
OPTIONAL = ("handle_s", "patience_s")
RULE = "forecast"
CALLS_MAX = 1e7
TIME_MIN_S = 0.001
HANDLE_MAX_S = 86_400.0
PATIENCE_MAX_S = 1e9
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Interval:
    """One row of the forecast. None: the row leaves it to the command."""

    line: int
    start: datetime
    calls: float
    handle_s: float | None
    patience_s: float | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """Intervals of equal length in order of time; there may be gaps between them."""

    intervals: Sequence[Interval]
    minutes: float


def read_forecast(
    text: str, file: str, problems: Problems, minutes: float | None = None
) -> Forecast | None:
    """The forecast in a CSV text, or None with the reasons in `problems`.

    Columns `start` (ISO 8601) and `calls` (in the interval), where wanted also `handle_s` and
    `patience_s`; others are ignored. Without `minutes` the intervals are as long as the smallest
    step from one start to the next.
    """
    problems.add_source(file, text)
    reader = csv.reader(io.StringIO(text), strict=True)
    intervals: list[Interval] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        if not _has_columns(header, file, problems):
            return None
        for fields in reader:
            if fields:
                row = _Row(header, fields, file, reader.line_num, problems)
                intervals += row.interval()
    except csv.Error as error:
        problems.error(file, reader.line_num, 1, RULE, f"this is no CSV ({error})")
    if problems.has_errors:
        return None
    if not intervals:
        problems.error(file, 0, 0, RULE, "no rows under the heading; write one for each interval")
        return None
    length = _length(intervals, file, problems, minutes)
    return None if length is None else Forecast(intervals, length)


def _has_columns(header: list[str], file: str, problems: Problems) -> bool:
    if not any(header):
        message = "the file is empty; begin with the heading start,calls"
        problems.error(file, 0, 0, RULE, message)
        return False
    for name in REQUIRED:
        if name not in header:
            hint = near_miss(name, header) or f"; begin with the heading {','.join(REQUIRED)}"
            problems.error(file, 1, 1, RULE, f"there is no column '{name}'{hint}")
    for name in (*REQUIRED, *OPTIONAL):
        if header.count(name) > 1:
            problems.error(file, 1, 1, RULE, f"two columns are called '{name}'; keep one")
    return not problems.has_errors


class _Row:
    """One line of the file, while it is read."""

    def __init__(
        self, header: list[str], fields: list[str], file: str, line: int, problems: Problems
    ) -> None:
        self._header = header
        self._fields = fields
        self._file = file
        self._line = line
        self._problems = problems
        self._is_right = True

    def interval(self) -> list[Interval]:
        """The row, or nothing when there is a mistake in it."""
        if len(self._fields) != len(self._header):
            count = f"the heading has {len(self._header)} columns, this row {len(self._fields)}"
            self._wrong(None, f"{count}; write one field for each, with commas between")
            return []
        start = self._start()
        calls = self._number("calls", 0.0, CALLS_MAX)
        handle_s = self._number("handle_s", TIME_MIN_S, HANDLE_MAX_S)
        patience_s = self._number("patience_s", TIME_MIN_S, PATIENCE_MAX_S, may_be_endless=True)
        if not self._is_right or start is None or calls is None:
            return []
        return [Interval(self._line, start, calls, handle_s, patience_s)]

    def _start(self) -> datetime | None:
        text = self._text("start")
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            self._wrong("start", f"'{text}' is no time; write it as 2026-11-30T08:00")
            return None

    def _number(
        self, name: str, least: float, most: float, *, may_be_endless: bool = False
    ) -> float | None:
        text = self._text(name)
        if not text and name in OPTIONAL:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if least <= value <= most or (may_be_endless and value == math.inf):
            return value
        endless = ", or inf: nobody hangs up" if may_be_endless else ""
        said = f"'{text}' cannot be" if text else "nothing stands for"
        self._wrong(name, f"{said} {name}; write a number from {least:g} to {most:g}{endless}")
        return None

    def _text(self, name: str) -> str:
        return self._fields[self._header.index(name)].strip() if name in self._header else ""

    def _wrong(self, name: str | None, message: str) -> None:
        self._is_right = False
        before = self._fields[: self._header.index(name)] if name else []
        column = 1 + sum(len(field) + 1 for field in before)
        self._problems.error(self._file, self._line, column, RULE, message)


def _length(
    intervals: Sequence[Interval], file: str, problems: Problems, minutes: float | None
) -> float | None:
    """How many minutes an interval takes; None when the starts do not fit together."""
    if len({each.start.tzinfo is None for each in intervals}) > 1:
        message = "some starts have an offset from UTC and some have none; write all alike"
        problems.error(file, 0, 0, RULE, message)
        return None
    steps = [
        (later, (later.start - earlier.start) / MINUTE) for earlier, later in pairwise(intervals)
    ]
    for later, step in steps:
        if step <= 0:
            message = "this starts no later than the row before; sort the rows by start"
            problems.error(file, later.line, 1, RULE, message)
    if problems.has_errors:
        return None
    if minutes is None and not steps:
        message = "one row does not tell how long it lasts; say so with --interval-m"
        problems.error(file, 0, 0, RULE, message)
        return None
    length = minutes if minutes is not None else min(step for _, step in steps)
    for later, step in steps:
        if step % length:
            message = (
                f"{step:g} minutes after the row before, which does not fit intervals of "
                f"{length:g} minutes; write every start, or give --interval-m"
            )
            problems.error(file, later.line, 1, RULE, message)
    return None if problems.has_errors else length
