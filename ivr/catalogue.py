"""`ivr services import`: the centre's own list of services, checked row by row, into the menu.

Nothing is written unless every row is good (or the bad ones are left out on request), and the
file that callers use is replaced as a whole: nobody ever reads half a list.
"""

import argparse
import csv
import io
import os
import re
import sys
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from acd.problems import Problems, near_miss
from acd.yaml_source import Node, read_yaml
from ivr import wording
from ivr.core.menu import Clip
from ivr.core.speech import clip_id
from ivr.csv_source import Cell, Row, parse_csv, read_csv_text
from ivr.prompt_library import PromptLibrary, search_folders

LANGUAGES = ("kk", "ru", "en")
COLUMNS = ("code", "name_kk", "name_ru", "name_en", "group", "skill")
ROWS_MAX = 10_000
NAME_MAX = 60  # characters: what a caller listens to before saying yes
SHOWN_MAX = 20  # lines of each kind in the summary

_CODE = re.compile(r"[1-9][0-9]{2,3}")
_KAZAKH_ONLY = re.compile("[әіңғүұқөһ]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Service:
    """One row of the list. `names` are by language."""

    code: str
    names: Mapping[str, str]
    group: str
    skill: str

    def as_row(self) -> tuple[str, ...]:
        """The cells, in the order of `COLUMNS`."""
        return (self.code, *(self.names[each] for each in LANGUAGES), self.group, self.skill)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A list as read: the good rows by code, and the lines of those that are not."""

    services: Mapping[str, Service]
    bad_lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What an import changes, by code."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    same_count: int


def read_catalogue(
    path: Path, problems: Problems, groups: Collection[str], skills: Collection[str]
) -> Catalogue | None:
    """Every row of a file, or None when the file as a whole cannot be used.

    All that is wrong is recorded with its line and column. Of two rows with one code the first is
    the good one.
    """
    text = read_csv_text(path, problems)
    rows = parse_csv(text, str(path), problems) if text is not None else None
    if rows is None:
        return None
    reader = _Reader(str(path), problems, groups, skills)
    where = reader.columns(rows[0])
    if where is None:
        return None
    if len(rows) == 1:
        problems.error(str(path), 1, 1, "E03", "there is no service; write one in each line")
        return None
    if len(rows) - 1 > ROWS_MAX:
        line = rows[ROWS_MAX + 1].line
        message = f"{len(rows) - 1} services are too many; write at most {ROWS_MAX}"
        problems.error(str(path), line, 1, "E03", message)
        return None
    return reader.read(rows[1:], len(rows[0].cells), where)


def compare(old: Mapping[str, Service], new: Mapping[str, Service]) -> Change:
    """The difference between two lists; the order of rows is none."""
    common = [code for code in new if code in old]
    changed = tuple(code for code in common if new[code] != old[code])
    return Change(
        added=tuple(code for code in new if code not in old),
        changed=changed,
        removed=tuple(code for code in old if code not in new),
        same_count=len(common) - len(changed),
    )


def clips_to_build(services: Iterable[Service], library: PromptLibrary) -> list[Clip]:
    """The names that have no audio yet, each sentence once."""
    clips = (Clip(each, service.names[each]) for service in services for each in LANGUAGES)
    unique = {clip_id(clip): clip for clip in clips}
    return [clip for clip in unique.values() if library.file(clip) is None]


def write_catalogue(path: Path, services: Iterable[Service]) -> None:
    """Replace the list as a whole. Raises OSError; the old list stays then."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(service.as_row() for service in services)
    target = path.resolve()
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text.getvalue())
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


class _Reader:
    """Checks one file; what is wrong is recorded where it stands."""

    def __init__(
        self, file: str, problems: Problems, groups: Collection[str], skills: Collection[str]
    ) -> None:
        self._file = file
        self._problems = problems
        self._known = {"group": groups, "skill": skills}
        self._code_lines: dict[str, int] = {}
        self._name_lines: dict[tuple[str, str], int] = {}
        self._near_miss = lru_cache(maxsize=1000)(self._look_around)
        self._is_good = True

    def columns(self, header: Row) -> dict[str, int] | None:
        """Where each column stands; None when one is missing or there twice."""
        where: dict[str, int] = {}
        strangers = []
        for index, cell in enumerate(header.cells):
            name = cell.text.casefold()
            if name in where:
                self._error(cell, "E03", f"the column '{name}' is here twice; remove one")
            elif name in COLUMNS:
                where[name] = index
            else:
                strangers.append(cell)
        missing = [name for name in COLUMNS if name not in where]
        for cell in strangers:
            close = near_miss(cell.text.casefold(), missing)
            message = f"the column '{cell.text}' is not used{close or '; remove it'}"
            self._problems.warning(self._file, cell.line, cell.column, "E03", message)
        if missing:
            names = ", ".join(f"'{name}'" for name in missing)
            message = f"no column {names}; the first line must name {','.join(COLUMNS)}"
            self._error(header.cells[0], "E03", message)
        return where if self._is_good else None

    def read(self, rows: Sequence[Row], width: int, where: Mapping[str, int]) -> Catalogue:
        """Every row; those with an error are told by their line."""
        services: dict[str, Service] = {}
        bad_lines = []
        for row in rows:
            self._is_good = True
            service = self._service(row, width, where)
            if service is not None and self._is_good:
                services[service.code] = service
            else:
                bad_lines.append(row.line)
        return Catalogue(services, tuple(bad_lines))

    def _service(self, row: Row, width: int, where: Mapping[str, int]) -> Service | None:
        trailing = row.cells[width:]
        if len(row.cells) < width or any(cell.text for cell in trailing):
            message = f"{len(row.cells)} cells stand in this row, the first line has {width}"
            self._error(row.cells[0], "E03", f"{message}; put quotes around a name with a comma")
            return None
        cells = {name: row.cells[index] for name, index in where.items()}
        names = {each: self._name(each, cells[f"name_{each}"]) for each in LANGUAGES}
        for one, other in wording.same_text(names):
            message = f"the name is the same in {one} and {other}; translate it"
            self._error(cells[f"name_{other}"], "E12", message)
        return Service(
            code=self._code(cells["code"]),
            names=names,
            group=self._member("group", cells["group"]),
            skill=self._member("skill", cells["skill"]),
        )

    def _code(self, cell: Cell) -> str:
        if not _CODE.fullmatch(cell.text):
            if not cell.text:
                what = "the code is empty"
            elif cell.text.startswith("0"):
                what = f"'{cell.text}' begins with 0, the key of the operator"
            else:
                what = f"'{cell.text[:20]}' is not a code"
            self._error(cell, "E03", f"{what}; write 3 or 4 digits, as in 101")
        elif cell.text in self._code_lines:
            line = self._code_lines[cell.text]
            self._error(cell, "E03", f"the code {cell.text} is already on line {line}; change one")
        self._code_lines.setdefault(cell.text, cell.line)
        return cell.text

    def _name(self, language: str, cell: Cell) -> str:
        text = " ".join(unicodedata.normalize("NFC", cell.text).split())
        if not text:
            self._error(cell, "E12", f"the name in {language} is empty; write what callers hear")
            return text
        if len(text) > NAME_MAX:
            message = f"the name has {len(text)} letters; write at most {NAME_MAX}, it is spoken"
            self._error(cell, "E12", message)
        kazakh = _KAZAKH_ONLY.search(text) if language == "ru" else None
        foreign = wording.wrong_language(language, text)
        if foreign is not None:
            self._error(cell, "E12", foreign)
        elif kazakh is not None:
            message = f"'{kazakh[0]}' is a Kazakh letter in a name in ru; were columns swapped?"
            self._error(cell, "E12", message)
        elif not any(letter.isalpha() for letter in text):
            self._error(cell, "E12", f"'{text[:20]}' is not a name; write it in words")
        before = self._name_lines.setdefault((language, text.casefold()), cell.line)
        if before != cell.line:
            message = f"the same name is on line {before}; callers cannot tell the two apart"
            self._problems.warning(self._file, cell.line, cell.column, "E12", message)
        return text

    def _member(self, column: str, cell: Cell) -> str:
        if cell.text not in self._known[column]:
            what = f"there is no {column} '{cell.text[:40]}'" if cell.text else f"no {column} here"
            self._error(cell, "E04", f"{what}{self._near_miss(column, cell.text)}")
        return cell.text

    def _look_around(self, column: str, text: str) -> str:
        remedies = {
            "group": "; write a row of groups.yaml",
            "skill": "; write a topic of skills.yaml",
        }
        return near_miss(text, self._known[column]) or remedies[column]

    def _error(self, cell: Cell, rule: str, message: str) -> None:
        self._is_good = False
        self._problems.error(self._file, cell.line, cell.column, rule, message)


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Hook `ivr services import` into the command line; sets `run(args) -> exit code`."""
    services = subparsers.add_parser("services", help="the list of services callers choose from")
    verbs = services.add_subparsers(dest="verb", required=True, metavar="import")
    importer = verbs.add_parser(
        "import",
        help="replace the list with the centre's own",
        description=f"Checks every row of a list with the columns {','.join(COLUMNS)}; "
        "writes it only when all are good.",
    )
    importer.add_argument("file", type=Path, metavar="FILE.csv")
    importer.add_argument("--dialplans", type=Path, default=Path("dialplans"), metavar="DIR")
    importer.add_argument("--config", type=Path, default=Path("config"), metavar="DIR")
    importer.add_argument("--dry-run", action="store_true", help="check and compare, write nothing")
    importer.add_argument("--skip-bad", action="store_true", help="leave rows with errors out")
    importer.set_defaults(run=_import)


def _import(args: argparse.Namespace) -> int:
    """Exit 1 when nothing was written because of the input."""
    problems = Problems()
    target = args.dialplans / "tables" / "services.csv"
    groups = _names_in(args.dialplans / "tables" / "groups.yaml", "rows", problems)
    skills = _names_in(args.config / "skills.yaml", "topics", problems)
    catalogue = None
    if groups is not None and skills is not None:
        catalogue = read_catalogue(args.file, problems, groups, skills)
    if len(problems):
        print(problems.render(), file=sys.stderr)
    if catalogue is None or not catalogue.services:
        print("nothing was written: no row can be used", file=sys.stderr)
        return 1
    if catalogue.bad_lines and not args.skip_bad:
        count = _count(len(catalogue.bad_lines), "row")
        print(f"nothing was written: {count} to put right, or '--skip-bad'", file=sys.stderr)
        return 1
    if catalogue.bad_lines:
        lines = ", ".join(map(str, catalogue.bad_lines))
        print(f"left out {_count(len(catalogue.bad_lines), 'row')}: line {lines}", file=sys.stderr)
    old = _present(target, groups or (), skills or ())
    try:
        if not args.dry_run:
            write_catalogue(target, catalogue.services.values())
    except OSError as error:
        print(f"{target} cannot be written ({error.strerror}); nothing changed", file=sys.stderr)
        return 1
    _tell(args, target, old, catalogue.services)
    return 0


def _present(path: Path, groups: Collection[str], skills: Collection[str]) -> dict[str, Service]:
    """The list as it is, whatever is wrong in it; empty when there is none."""
    found = read_catalogue(path, Problems(), groups, skills) if path.exists() else None
    return {} if found is None else dict(found.services)


def _tell(
    args: argparse.Namespace, target: Path, old: Mapping[str, Service], new: Mapping[str, Service]
) -> None:
    change = compare(old, new)
    for sign, codes, services in (
        ("+", change.added, new),
        ("~", change.changed, new),
        ("-", change.removed, old),
    ):
        for code in codes[:SHOWN_MAX]:
            print(f"{sign} {code} {services[code].names['ru']}")
        if len(codes) > SHOWN_MAX:
            print(f"{sign} and {len(codes) - SHOWN_MAX} more")
    verb = "would write" if args.dry_run else "wrote"
    counted = (
        f"{len(change.added)} added, {len(change.changed)} changed, "
        f"{len(change.removed)} removed, {change.same_count} as before"
    )
    print(f"{verb} {target}: {_count(len(new), 'service')}; {counted}")
    library = PromptLibrary(search_folders(args.dialplans, args.config))
    clips = clips_to_build(new.values(), library)
    counts = [f"{each} {sum(clip.language == each for clip in clips)}" for each in LANGUAGES]
    if clips:
        print(f"{_count(len(clips), 'name')} without audio ({', '.join(counts)}):")
        for clip in clips[:SHOWN_MAX]:
            print(f"  {clip.language} {clip.text}")
        if len(clips) > SHOWN_MAX:
            print(f"  and {len(clips) - SHOWN_MAX} more")
    steps = "'ivr prompts build', then 'acd reload'" if clips else "'acd reload'"
    print(f"next: {steps}" if not args.dry_run else f"after a real import: {steps}")


def _names_in(path: Path, key: str, problems: Problems) -> list[str] | None:
    """The keys of one mapping of a YAML file; None after recording why there are none."""
    root = read_yaml(path, problems)
    if root is None:
        return None
    value = _entry(root, key)
    if value is None or not value.entries:
        root.error(f"there is no '{key}:' with names; write one")
        return None
    return [name.text or "" for name, _ in value.entries]


def _entry(node: Node, name: str) -> Node | None:
    return next((value for key, value in node.entries or () if key.text == name), None)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
