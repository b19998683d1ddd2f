"""Reads a trace: a CSV of calls, one a line, in the order they came.

The file is read twice, first to find everything that is wrong in it, then call by call, so that a
year of calls takes no room.
"""

import csv
import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from acd.core.names import Language, Topic
from acd.problems import Problems, near_miss
from acd.sim.calls import LAST_WAIT_MS, Call, Span

if TYPE_CHECKING:
    from _csv import Reader as CsvRows

COLUMNS = ("arrival_s", "language", "topic", "handle_s", "patience_s")
RULE = "T01"
TIME_MAX_S = 4_000_000_000
MISTAKES_MAX = 20
"""So many lines at fault are shown; a file of another kind has them all wrong."""


class Trace:
    """A trace in a file. `languages` and `topics` are what calls may name."""

    def __init__(self, path: Path, languages: Collection[str], topics: Collection[str]) -> None:
        self._path = path
        self._languages = languages
        self._topics = topics

    def check(self, problems: Problems) -> Span | None:
        """Look at every line; None when something is wrong, which the problems then say."""
        try:
            return self._check(problems)
        except OSError as error:
            why = f"the trace cannot be read ({error.strerror}); check the path and its rights"
        except UnicodeDecodeError:
            why = "the file is not UTF-8; save it as UTF-8"
        except csv.Error as error:
            why = f"the file is no CSV ({error}); write one call a line, separated by commas"
        problems.error(str(self._path), 0, 0, RULE, why)
        return None

    def __iter__(self) -> Iterator[Call]:
        """The calls of a trace that `check` found fine."""
        with self._path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            header = next(reader)
            at = (header.index(name) for name in COLUMNS)
            arrival, language, topic, handle, patience = at
            number = 0
            for row in reader:
                if not row:
                    continue
                number += 1
                left = row[patience].strip()
                yield Call(
                    str(number),
                    _millis(row[arrival]),
                    Language(row[language].strip()),
                    Topic(row[topic].strip()),
                    _millis(row[handle]),
                    _millis(left) if left else None,
                )

    def _check(self, problems: Problems) -> Span | None:
        file = str(self._path)
        with self._path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            header = next(reader, None)
            if not header:
                message = f"the file is empty; it begins with the line {','.join(COLUMNS)}"
                problems.error(file, 0, 0, RULE, message)
                return None
            missing = [name for name in COLUMNS if name not in header]
            if missing or any(header.count(name) > 1 for name in COLUMNS):
                what = f"missing: {', '.join(missing)}" if missing else "a column stands twice"
                message = f"{what}; the first line names the columns: {','.join(COLUMNS)}"
                problems.error(file, 1, 1, RULE, message)
                return None
            return self._rows(reader, header, problems)

    def _rows(self, reader: "CsvRows", header: list[str], problems: Problems) -> Span | None:
        file = str(self._path)
        at = {name: header.index(name) for name in COLUMNS}
        count, first, last, until, never = 0, 0, 0, 0, False
        for row in reader:
            if not row:
                continue
            if len(problems) >= MISTAKES_MAX:
                return None
            count += 1
            wrong = self._mistake(row, at, len(header))
            if wrong is None:
                arrival = _millis(row[at["arrival_s"]])
                if count > 1 and arrival < last:
                    wrong = (
                        0,
                        (f"{row[at['arrival_s']]} comes before the line above; sort by arrival_s"),
                    )
            if wrong is not None:
                column = 1 + sum(len(cell) + 1 for cell in row[: wrong[0]])
                problems.error(file, reader.line_num, column, RULE, wrong[1])
                continue
            first, last = (arrival if count == 1 else first), arrival
            left = row[at["patience_s"]].strip()
            never = never or not left
            until = max(until, arrival + (_millis(left) if left else 0))
        if not count:
            message = "there is no call in the file; write one a line below the columns' names"
            problems.error(file, 1, 1, RULE, message)
        if problems.has_errors:
            return None
        return Span(count, first, last, last + LAST_WAIT_MS if never else until)

    def _mistake(self, row: list[str], at: dict[str, int], width: int) -> tuple[int, str] | None:
        """The index of the first cell at fault, and what is wrong with it."""
        if len(row) != width:
            return 0, f"{len(row)} values stand here; the first line names {width} columns"
        for name in ("arrival_s", "handle_s", "patience_s"):
            text = row[at[name]].strip()
            message = None if name == "patience_s" and not text else _no_time(text)
            if message is not None:
                empty = " (empty: never hangs up)" if name == "patience_s" else ""
                return at[name], f"{name}: {message}{empty}"
        for name, known in (("language", self._languages), ("topic", self._topics)):
            text = row[at[name]].strip()
            if text not in known:
                near = near_miss(text, known) or f"; known: {', '.join(known)}"
                return at[name], f"unknown {name} '{text[:40]}'{near}"
        return None


def _no_time(text: str) -> str | None:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        return f"'{text[:40]}' is not a number of seconds; write it as in 12.5"
    if value < 0:
        return f"{text} is negative; times count from the start of the trace"
    if value > TIME_MAX_S:
        return f"{text} is too long; write seconds from the start of the trace"
    return None


def _millis(text: str) -> int:
    return round(float(text) * 1000)
