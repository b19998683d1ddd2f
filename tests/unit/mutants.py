"""Damaged copies of real dialplans: what a tired hand or a bad disk does to a file."""

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STRANGE = (
    *("[]", "{}", "''", "null", "true", "no", "0123", "22:00", "-1", "99999999999", "1.5"),
    *('"#"', "*", "&a b", "!x y", "[a, [b]]", "{a: {b: c}}", '"x" y', "{", "'", '"[0-9]+("'),
    *("call.topic or", "ә" * 300, '"{call.topic}"', '"{"', '"@broadcast"', "'\\x00'", "operator"),
)
TYPES = (
    *("say", "menu", "language", "collect", "confirm", "branch", "set", "lookup", "http"),
    *("queue", "callback", "voicemail", "survey", "transfer", "call", "return", "hangup"),
)
_WAY = re.compile(r"\b(goto|next|else|entry|flow|topic|table|on_[a-z]+): ([A-Za-z][\w.]*)")
_VALUE = re.compile(r": ([^\s{\[#,}][^,}#]*)")
_PAIR = re.compile(r"[A-Za-z_]+: (\"[^\"]*\"|[\w.]+)(, )?")
_KEY = re.compile(r'key: "(\d)"')
_NODE = re.compile(r"^  (?:    )?([a-z]\w*):", re.MULTILINE)


def folder_of(home: Path) -> Path:
    """A copy of what is shipped; gives the folder of the dialplans in it."""
    target = home / "dialplans"
    target.mkdir(parents=True)
    for file in (ROOT / "dialplans").glob("*.yaml"):
        shutil.copy(file, target)
    shutil.copytree(ROOT / "dialplans" / "tables", target / "tables")
    shutil.copytree(ROOT / "config", home / "config")
    return target


def damage(folder: Path, seed: int) -> Path:
    """Damage one of the files in a way that the seed decides; gives the file."""
    chance = random.Random(seed)
    files = sorted(
        [
            *(f for f in folder.glob("*.yaml") if not f.name.endswith(".tests.yaml")),
            *folder.glob("tables/*.yaml"),
            *folder.glob("tables/*.csv"),
        ]
    )
    dialplans = [file for file in files if file.parent == folder]
    file = chance.choice(dialplans if chance.random() < 0.75 else files)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        ways = (*LINES, *CELLS * 4) if file.suffix == ".csv" else LINES
        how = chance.choice((*ways, *ways, flip_bytes))
        if how is flip_bytes:
            file.write_bytes(flip_bytes(file.read_bytes(), chance))
        else:
            text = file.read_bytes().decode("utf-8", "surrogateescape")
            text = how(text, chance)
            file.write_bytes(text.encode("utf-8", "surrogateescape"))
    return file


def flip_bytes(data: bytes, chance: random.Random) -> bytes:
    """Up to four bytes become others."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed))
        changed[at] ^= 1 << chance.randrange(8)
    return bytes(changed)


def drop_line(text: str, chance: random.Random) -> str:
    """One line is gone."""
    lines = text.split("\n")
    del lines[chance.randrange(len(lines))]
    return "\n".join(lines)


def double_line(text: str, chance: random.Random) -> str:
    """One line stands there twice."""
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    lines.insert(at, lines[at])
    return "\n".join(lines)


def move_line(text: str, chance: random.Random) -> str:
    """One line stands somewhere else."""
    lines = text.split("\n")
    line = lines.pop(chance.randrange(len(lines)))
    lines.insert(chance.randrange(len(lines)), line)
    return "\n".join(lines)


def indent_line(text: str, chance: random.Random) -> str:
    """One line is further in, or further out."""
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    lines[at] = chance.choice(("  ", " ", "\t")) + lines[at] if at % 2 else lines[at].lstrip()
    return "\n".join(lines)


def drop_pair(text: str, chance: random.Random) -> str:
    """One key with its value is gone."""
    return _changed(text, chance, _PAIR, lambda found: "")


def retarget(text: str, chance: random.Random) -> str:
    """A way leads to another node, which exists."""
    names = _NODE.findall(text) or ["main"]
    return _changed(text, chance, _WAY, lambda found: f"{found[1]}: {chance.choice(names)}")


def misspell(text: str, chance: random.Random) -> str:
    """A way leads to a node that does not exist."""
    return _changed(text, chance, _WAY, lambda found: f"{found[1]}: {found[2][:-1]}")


def change_type(text: str, chance: random.Random) -> str:
    """A node is of another kind."""
    kinds = re.compile(r"\btype: (\w+)")
    return _changed(text, chance, kinds, lambda found: f"type: {chance.choice(TYPES)}")


def change_value(text: str, chance: random.Random) -> str:
    """Something strange stands where a value was."""
    return _changed(text, chance, _VALUE, lambda found: f": {chance.choice(STRANGE)}")


def change_key(text: str, chance: random.Random) -> str:
    """An option has another key."""
    return _changed(text, chance, _KEY, lambda found: f'key: "{chance.choice("012345*#")}"')


def cut_off(text: str, chance: random.Random) -> str:
    """The file ends too early."""
    return text[: chance.randrange(len(text))]


LINES: tuple[Callable[[str, random.Random], str], ...] = (
    *(drop_line, double_line, move_line, indent_line, drop_pair, retarget, retarget, misspell),
    *(change_type, change_value, change_value, change_key, cut_off),
)


def swap_cells(text: str, chance: random.Random) -> str:
    """Two cells of one row have changed places."""

    def change(cells: list[str]) -> None:
        one, other = chance.randrange(len(cells)), chance.randrange(len(cells))
        cells[one], cells[other] = cells[other], cells[one]

    return _row_changed(text, chance, change)


def drop_cell(text: str, chance: random.Random) -> str:
    """One cell of a row is gone, and all behind it have moved."""
    return _row_changed(text, chance, lambda cells: cells.pop(chance.randrange(len(cells))))


def change_cell(text: str, chance: random.Random) -> str:
    """Something strange stands in a cell."""

    def change(cells: list[str]) -> None:
        cells[chance.randrange(len(cells))] = chance.choice((*STRANGE, "", " ", ";", '"', "=1+1"))

    return _row_changed(text, chance, change)


CELLS = (swap_cells, drop_cell, change_cell)


def _row_changed(text: str, chance: random.Random, change: Callable[[list[str]], object]) -> str:
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    cells = lines[at].split(",")
    change(cells)
    lines[at] = ",".join(cells)
    return "\n".join(lines)


def _changed(
    text: str,
    chance: random.Random,
    pattern: re.Pattern[str],
    change: Callable[[re.Match[str]], str],
) -> str:
    found = list(pattern.finditer(text))
    if not found:
        return text
    one = chance.choice(found)
    return text[: one.start()] + change(one) + text[one.end() :]
