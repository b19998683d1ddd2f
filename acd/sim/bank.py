"""Reads the calls of a bank's call centre, 1999, that are free for use.

Source: Ilan Guedj and Avishai Mandelbaum, Technion, 9 February 2000. docs/simulation.md has the
columns. Who hung up in the menu never asked for an operator and is left out.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO

from acd.problems import Problems
from acd.sim.recorded import Recorded, Told

COLUMNS = (
    "date", "menu_entry", "menu_s", "queue_start", "wait_s", "outcome", "service_s", "type",
)  # fmt: skip
OUTCOMES = ("AGENT", "HANG", "PHANTOM")
RULE = "bank"
DAY_S = 86_400
MISTAKES_MAX = 20
IN_MENU = "hung up in the menu"
_TIME = re.compile(r"(\d{1,2}):(\d\d):(\d\d)")
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which days, from first to last; in which language, and as which topics the types.

    `topics` may have `*` for all other types; without it they keep their name in small letters.
    """

    first: date
    last: date
    language: str
    topics: Mapping[str, str]


def read_bank(path: Path, choice: Choice, told: Told, problems: Problems) -> list[Recorded]:
    """The calls of these days by arrival in the queue, from midnight of the first."""
    found: list[Recorded] = []
    try:
        with _opened(path) as stream:
            reader = csv.reader(stream)
            header = next(reader, [])
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                message = f"missing: {', '.join(missing)}; the first line names the columns"
                problems.error(str(path), 1, 1, RULE, message)
                return []
            rows = _Rows(path, header, choice, told, problems)
            for fields in reader:
                if fields:
                    found += rows.calls(fields, reader.line_num)
                if len(problems) >= MISTAKES_MAX:
                    break
    except UnicodeDecodeError:
        problems.error(str(path), 0, 0, RULE, "the file is not UTF-8; give the bank's CSV")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        problems.error(str(path), 0, 0, RULE, f"the file is damaged ({error}); fetch it again")
    except csv.Error as error:
        problems.error(str(path), 0, 0, RULE, f"the file is no CSV ({error}); give the bank's")
    return sorted(found, key=lambda call: call.arrival_ms)


def _opened(path: Path) -> IO[str]:
    with path.open("rb") as stream:
        is_packed = stream.read(2) == _GZIP
    if is_packed:
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


class _Wrong(Exception):
    """A mistake in a field: which, what, and what to write."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class _Rows:
    """Turns lines into calls, and notes what is wrong in them."""

    def __init__(
        self, path: Path, header: list[str], choice: Choice, told: Told, problems: Problems
    ) -> None:
        self._file = str(path)
        self._header = header
        self._at = {name: header.index(name) for name in COLUMNS}
        self._choice = choice
        self._told = told
        self._problems = problems

    def calls(self, fields: list[str], line: int) -> Iterator[Recorded]:
        """The call of a line; none for one that does not count."""
        if len(fields) != len(self._header):
            message = (
                f"{len(fields)} values stand here; the first line names {len(self._header)} columns"
            )
            self._problems.error(self._file, line, 1, RULE, message)
            return
        row = {name: fields[at].strip() for name, at in self._at.items()}
        try:
            call = self._call(row)
        except _Wrong as wrong:
            before = fields[: self._at[wrong.name]]
            column = 1 + sum(len(cell) + 1 for cell in before)
            self._problems.error(self._file, line, column, RULE, f"{wrong.name}: {wrong}")
            return
        if call is not None:
            yield call

    def _call(self, row: dict[str, str]) -> Recorded | None:
        day = _day(row["date"])
        if not self._choice.first <= day <= self._choice.last:
            return None
        outcome = row["outcome"]
        if outcome not in OUTCOMES:
            raise _Wrong("outcome", f"'{outcome[:40]}' is not known; write {', '.join(OUTCOMES)}")
        if outcome == "PHANTOM":
            self._told.leave_out("phantom")
            return None
        entry_s = _clock(row, "menu_entry")
        if row["queue_start"]:
            at_s = _clock(row, "queue_start")
            at_s += DAY_S if at_s < entry_s else 0
            wait_s = _seconds(row, "wait_s")
        elif outcome == "AGENT":
            at_s, wait_s = entry_s + _seconds(row, "menu_s"), 0
        else:
            self._told.leave_out(IN_MENU)
            return None
        kind = row["type"]
        if not kind:
            raise _Wrong("type", "nothing stands here; write the type of the call, as PS")
        topics = self._choice.topics
        return Recorded(
            ((day - self._choice.first).days * DAY_S + at_s) * 1000,
            self._choice.language,
            topics.get(kind) or topics.get("*") or kind.lower(),
            wait_s * 1000,
            _seconds(row, "service_s") * 1000 if outcome == "AGENT" else None,
            outcome == "HANG",
        )


def _day(text: str) -> date:
    if re.fullmatch(r"\d{8}", text):
        try:
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
        except ValueError:
            pass
    raise _Wrong("date", f"'{text[:40]}' is not a date; write it as 19990201")


def _clock(row: dict[str, str], name: str) -> int:
    found = _TIME.fullmatch(row[name])
    if found is not None:
        hour, minute, second = map(int, found.groups())
        if hour < 24 and minute < 60 and second < 60:
            return hour * 3600 + minute * 60 + second
    raise _Wrong(name, f"'{row[name][:40]}' is not a time of day; write it as 8:03:14")


def _seconds(row: dict[str, str], name: str) -> int:
    text = row[name]
    if text.isascii() and text.isdigit() and int(text[:9]) <= DAY_S:
        return int(text)
    raise _Wrong(name, f"'{text[:40]}' is not a number of seconds from 0 to {DAY_S}")
