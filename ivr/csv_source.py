"""CSV with a place for every cell, as spreadsheets write it: `,` or `;`, quotes, UTF-8.

    text = read_csv_text(path, problems)
    rows = parse_csv(text, str(path), problems) if text is not None else None

Nothing here raises for what somebody wrote; a file that cannot be used is recorded with the remedy.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from acd.problems import Problems

BYTES_MAX = 16 * 1_048_576
DELIMITERS = (",", ";", "\t")

_SEPARATOR_LINE = re.compile(r"sep=.\n", re.IGNORECASE)  # a hint that only spreadsheets read
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_CYRILLIC = re.compile(r"[А-Яа-яЁё]{3,}")
_SAVE_AS = "save it as UTF-8 (in Excel: 'CSV UTF-8')"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell without its quotes and outer blanks; line and column count from 1."""

    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Row:
    """One record. It ends on a later line than it begins when a cell has a line break."""

    cells: tuple[Cell, ...]
    line: int


def read_csv_text(path: Path, problems: Problems) -> str | None:
    """The text of a file, line ends made equal, or None after recording why it cannot be used."""
    raw, trouble = _read(path)
    if trouble is not None:
        problems.error(str(path), 0, 0, "E01", trouble)
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _not_utf8(path, problems, raw, error.start)
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    problems.add_source(str(path), text)
    return text


def parse_csv(text: str, file: str, problems: Problems) -> list[Row] | None:
    """The rows, the header first, lines without any cell left out; None when it is no table.

    The sign between cells is the one that the header has most of.
    """
    hint = _SEPARATOR_LINE.match(text)
    start = hint.end() if hint else 0
    header = text[start:].lstrip("\n").partition("\n")[0]
    delimiter = max(DELIMITERS, key=header.count)
    if header.count(delimiter) == 0:
        message = "the first line has one column; write the names of all columns, with ',' between"
        problems.error(file, 1, 1, "E01", message)
        return None
    try:
        rows = list(_rows(text, start, delimiter))
    except _Broken as broken:
        problems.error(file, broken.line, broken.column, "E01", broken.message)
        return None
    if not rows:
        problems.error(file, 1, 1, "E01", "no column has a name; write them in the first line")
    return rows or None


class _Broken(Exception):
    """A quote that nobody can make sense of."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line, self.column, self.message = line, column, message


def _rows(text: str, at: int, delimiter: str) -> Iterator[Row]:
    plain = re.compile(f"[^{re.escape(delimiter)}\n]*")
    line, line_start = text.count("\n", 0, at) + 1, at
    cells: list[Cell] = []
    while at < len(text):
        first_line, column = line, at - line_start + 1
        quoted = _QUOTED.match(text, at)
        if quoted is not None:
            value, at = quoted[1].replace('""', '"'), quoted.end()
            line += quoted[0].count("\n")
            line_start = max(line_start, text.rfind("\n", 0, at) + 1)
            rest = plain.match(text, at)
            if rest is not None and rest[0].strip():
                message = "letters stand after the closing quote; write two quotes for one inside"
                raise _Broken(line, at - line_start + 1, message)
            at = rest.end() if rest is not None else at
        elif text[at] == '"':
            raise _Broken(line, column, "this quote is never closed; write its second one")
        else:
            found = plain.match(text, at)
            value = found[0] if found is not None else ""
            at += len(value)
            column += len(value) - len(value.lstrip())
        cells.append(Cell(value.strip(), first_line, column))
        ends_row = at >= len(text) or text[at] == "\n"
        if not ends_row and at + 1 == len(text):  # the file ends with an empty cell
            cells.append(Cell("", line, at - line_start + 2))
        at += 1
        if ends_row:
            if any(cell.text for cell in cells):
                yield Row(tuple(cells), cells[0].line)
            cells = []
            line, line_start = line + 1, at
    if any(cell.text for cell in cells):
        yield Row(tuple(cells), cells[0].line)


def _read(path: Path) -> tuple[bytes, str | None]:
    """The bytes of a file, and why they are no text if they are none."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(BYTES_MAX + 1)
    except FileNotFoundError:
        return b"", "there is no such file; check the path"
    except IsADirectoryError:
        return b"", "this is a folder; name a file in it"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return b"", f"the file cannot be read ({reason}); check its rights"
    if len(raw) > BYTES_MAX:
        return b"", "the file is larger than 16 MiB; split it"
    if raw.startswith(b"PK"):
        return b"", "this is a workbook, not a list; save it as 'CSV UTF-8'"
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return b"", f"the file is saved as UTF-16; {_SAVE_AS}"
    return raw, f"this is not a text file; {_SAVE_AS}" if b"\0" in raw else None


def _not_utf8(path: Path, problems: Problems, raw: bytes, start: int) -> None:
    """The remedy depends on what it is: Windows-1251 has no Kazakh letters at all."""
    before = raw[:start]
    line = before.count(b"\n") + 1
    column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
    whole_line = raw.split(b"\n")[line - 1]
    guess = whole_line.decode("cp1251", "replace").strip()
    if _CYRILLIC.search(guess):
        problems.add_source(str(path), raw.decode("cp1251", "replace").replace("\r", ""))
        what = "this looks like Windows-1251, which has no Kazakh letters"
    else:
        problems.add_source(str(path), raw.decode("utf-8", "replace").replace("\r", ""))
        what = "this letter is not UTF-8"
    problems.error(str(path), line, column, "E01", f"{what}; {_SAVE_AS}")
