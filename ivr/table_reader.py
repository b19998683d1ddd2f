"""Tables of a dialplan: rows by their key, from YAML or CSV, with the place of every cell.

    schema: 1                        schema: 1
    rows:                            rows:
      eds: {kk: ..., ru: ..., en: ...}     - {digit: "1", name: {kk: ..., ru: ..., en: ...}}

A row of languages only is one text column, `text`. In CSV, the columns `name_kk`, `name_ru` and
`name_en` are one text column, `name`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from acd.yaml_source import Node, Problems, parse_yaml, read_text
from acd.yaml_syntax import without_unseen
from ivr.core import speech
from ivr.core.menu import Cell, Table
from ivr.csv_source import Cell as CsvCell
from ivr.csv_source import Row as CsvRow
from ivr.csv_source import parse_csv, read_csv_text
from ivr.scope import Place

ROWS_MAX = 10_000
COLUMNS_MAX = 50
MIB_MAX = 16
KEY_LETTERS_MAX = 64

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_LANGUAGE_COLUMN = re.compile(rf"(.+)_({'|'.join(speech.LANGUAGES)})")
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class TableSource:
    """Which table to read: its name, its languages, and the column of its keys, if it is named."""

    name: str
    languages: tuple[str, ...]
    key: str | None
    places: dict[Place, Node]


def read_table_file(path: Path, source: TableSource, problems: Problems) -> Table | None:
    """A table of a file, or None after recording what makes it unusable."""
    if path.suffix.casefold() == ".csv":
        text = read_csv_text(path, problems)
        rows = parse_csv(text, str(path), problems) if text is not None else None
        return None if rows is None else _CsvReader(source, str(path), problems).read(rows)
    text = read_text(path, problems, MIB_MAX)
    root = parse_yaml(text, str(path), problems) if text is not None else None
    return None if root is None else read_rows(root, source)


def read_rows(root: Node, source: TableSource) -> Table | None:
    """A table of YAML: `rows:` in a group, a group of rows by key, or a list of rows."""
    key, rows = source.key, root
    if root.entries is not None and any(word.text == "rows" for word, _ in root.entries):
        fields = root.fields(required=("rows",), optional=("schema", "key", "file", "columns"))
        schema = fields.get("schema") if fields else None
        if schema is not None and schema.text != "1":
            schema.error(f"schema {schema.in_words()} is not known; write 'schema: 1'")
        key = key or (fields.read("key", Node.name) if fields else None)
        found = fields.get("rows") if fields else None
        if found is None:
            return None
        rows = found
    return _YamlReader(source, key).read(rows)


class _YamlReader:
    def __init__(self, source: TableSource, key: str | None) -> None:
        self._source = source
        self._key = key
        self._rows: dict[str, Mapping[str, Cell]] = {}
        self._lines: dict[str, int] = {}

    def read(self, rows: Node) -> Table | None:
        """The table, or None after recording why there is none."""
        count = len(rows.entries or rows.items or ())
        if count == 0 or count > ROWS_MAX:
            rows.error(f"{rows.in_words()} with {count} rows stands here; write 1 to {ROWS_MAX}")
            return None
        before = rows.problems.error_count
        if rows.entries is not None:
            self._key = self._key or "key"
            for word, row in rows.entries:
                if word.text == "schema" and row.text == "1":
                    continue
                key = word.string()
                if key is not None:
                    self._add(key, word, row)
        else:
            for row in rows.items or ():
                self._add_item(row)
        _check_same_columns(self._source, self._rows)
        if rows.problems.error_count > before or self._key is None:
            return None
        return Table(self._source.name, self._key, self._rows)

    def _add_item(self, row: Node) -> None:
        if not row.entries:
            row.error(f'{row.in_words()} stands here; write a row, as in {{code: "101", ...}}')
            return
        self._key = self._key or row.entries[0][0].text or "key"
        cell = next((value for word, value in row.entries if word.text == self._key), None)
        if cell is None:
            row.error(f"the row has no '{self._key}', which names it; add it")
            return
        key = cell.string()
        if key is not None:
            self._add(key, cell, row)

    def _add(self, key: str, place: Node, row: Node) -> None:
        if key in self._lines:
            place.error(f"the row '{key}' is already on line {self._lines[key]}; remove one")
            return
        if not key.strip() or len(key) > KEY_LETTERS_MAX:
            place.error(f"the key of a row has 1 to {KEY_LETTERS_MAX} letters; write another")
            return
        self._lines[key] = place.line
        at: Place = ("tables", self._source.name, key)
        self._source.places[at] = place
        if not row.entries:
            row.error(f"{row.in_words()} stands here; write cells, as in {{skill: general}}")
            return
        if all(word.text in speech.LANGUAGES for word, _ in row.entries):
            self._source.places[*at, "text"] = row
            self._rows[key] = {"text": self._texts(row)}
            return
        cells: dict[str, Cell] = {}
        for word, value in row.entries:
            column = word.text or ""
            if not _COLUMN.fullmatch(column):
                word.error(f"'{column}' is not a column; use Latin letters, digits and '_'")
                continue
            self._source.places[*at, column] = value
            cells[column] = key if column == self._key else self._cell(value)
        self._rows[key] = cells

    def _cell(self, node: Node) -> Cell:
        if node.entries is not None:
            return self._texts(node)
        if node.items is not None:
            node.error("a list stands here; write one value, or a text in every language")
            return None
        text = node.text or ""
        if node.quoted:
            return text
        if node.is_empty() or text in ("null", "~"):
            return None
        if text in ("true", "false"):
            return text == "true"
        return int(text) if _INTEGER.fullmatch(text) else node.string()

    def _texts(self, node: Node) -> dict[str, str]:
        """The languages of the dialplan; a table may have more."""
        found: dict[str, str] = {}
        for word, value in node.entries or ():
            if word.text not in speech.LANGUAGES:
                known = ", ".join(speech.LANGUAGES)
                word.error(f"unknown language '{word.text}'; known: {known}")
            elif word.text in self._source.languages:
                found[word.text] = value.sentence() or ""
        for language in self._source.languages:
            if language not in found:
                node.error(f"the text is missing in {language}; add '{language}: \"...\"'", "E12")
        return found


class _CsvReader:
    def __init__(self, source: TableSource, file: str, problems: Problems) -> None:
        self._source = source
        self._file = file
        self._problems = problems

    def read(self, rows: list[CsvRow]) -> Table | None:
        """The table, or None after recording what makes it unusable."""
        header, body = rows[0], rows[1:]
        before = self._problems.error_count
        if not body or len(body) > ROWS_MAX:
            message = f"{len(body)} rows stand here; write 1 to {ROWS_MAX}"
            self._problems.error(self._file, header.line, 1, "E03", message)
            return None
        columns, texts = self._columns(header)
        key = self._source.key or columns[0]
        if key not in columns:
            message = f"there is no column '{key}', which names the rows; add it"
            self._problems.error(self._file, header.line, 1, "E03", message)
            return None
        found: dict[str, Mapping[str, Cell]] = {}
        lines: dict[str, int] = {}
        for row in body:
            self._add(row, columns, texts, key, found, lines)
        if self._problems.error_count > before:
            return None
        return Table(self._source.name, key, found)

    def _columns(self, header: CsvRow) -> tuple[list[str], dict[str, dict[str, int]]]:
        """The columns as written, and those that are one text in several languages."""
        columns = [cell.text for cell in header.cells]
        texts: dict[str, dict[str, int]] = {}
        for index, cell in enumerate(header.cells):
            if not _COLUMN.fullmatch(cell.text):
                message = f"'{cell.text}' is not a column; use Latin letters, digits and '_'"
                self._error(cell, message)
            if cell.text in columns[:index]:
                self._error(cell, f"the column '{cell.text}' is here twice; remove one")
            parts = _LANGUAGE_COLUMN.fullmatch(cell.text)
            if parts is not None:
                texts.setdefault(parts[1], {})[parts[2]] = index
        for name, by_language in texts.items():
            for language in self._source.languages:
                if language not in by_language:
                    message = f"'{name}' has no column '{name}_{language}'; add it"
                    self._error(header.cells[min(by_language.values())], message, "E12")
        return columns, texts

    def _add(
        self,
        row: CsvRow,
        columns: list[str],
        texts: dict[str, dict[str, int]],
        key_column: str,
        found: dict[str, Mapping[str, Cell]],
        lines: dict[str, int],
    ) -> None:
        if len(row.cells) != len(columns):
            message = f"{len(row.cells)} cells stand in this row, the first line has {len(columns)}"
            self._error(row.cells[0], f"{message}; put quotes around a text with a comma")
            return
        for cell in row.cells:
            if len(without_unseen(cell.text)) < len(cell.text):
                self._error(cell, "an invisible character is in this text; type it anew", "E01")
        key_cell = row.cells[columns.index(key_column)]
        key = key_cell.text
        if not key or len(key) > KEY_LETTERS_MAX:
            message = f"the key of a row has 1 to {KEY_LETTERS_MAX} letters; write another"
            self._error(key_cell, message)
            return
        if key in lines:
            self._error(key_cell, f"the row '{key}' is already on line {lines[key]}; remove one")
            return
        lines[key] = row.line
        at: Place = ("tables", self._source.name, key)
        self._keep(at, key_cell)
        folded = {f"{name}_{each}" for name, group in texts.items() for each in group}
        cells: dict[str, Cell] = {}
        for column, cell in zip(columns, row.cells, strict=True):
            if column not in folded:
                cells[column] = cell.text or None
                self._keep((*at, column), cell)
        for name, group in texts.items():
            cells[name] = self._texts(name, group, row, at)
        found[key] = cells

    def _texts(self, name: str, group: dict[str, int], row: CsvRow, at: Place) -> dict[str, str]:
        texts: dict[str, str] = {}
        for language in self._source.languages:
            if language not in group:
                continue
            cell = row.cells[group[language]]
            if not cell.text:
                self._error(cell, f"'{name}' is empty in {language}; write it", "E12")
            texts[language] = cell.text
            self._keep((*at, name, language), cell)
        self._keep((*at, name), row.cells[min(group.values())])
        return texts

    def _keep(self, at: Place, cell: CsvCell) -> None:
        node = Node(self._problems, self._file, cell.line, cell.column)
        node.text, node.quoted = cell.text, True
        self._source.places[at] = node

    def _error(self, cell: CsvCell, message: str, rule: str = "E03") -> None:
        self._problems.error(self._file, cell.line, cell.column, rule, message)


def _check_same_columns(source: TableSource, rows: Mapping[str, Mapping[str, Cell]]) -> None:
    """A column that is text in one row is text in every row that has it."""
    kinds: dict[str, bool] = {}
    for key, row in rows.items():
        for column, cell in row.items():
            is_text = isinstance(cell, Mapping)
            if cell is not None and kinds.setdefault(column, is_text) != is_text:
                what = "in every language" if kinds[column] else "as one value"
                place = source.places["tables", source.name, key, column]
                place.error(f"'{column}' is written {what} above; write it so here too")
