"""Text for terminals: tables that line up in any script, and figures as people read them.

Pure: data in, lines out. A mark (`!!`, `!`, `*`) says what needs a look; colour only repeats it.
"""

import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

Row = Mapping[str, Any]
Format = Callable[[object], str]

NOTHING = "-"
MARKS = {3: "!!", 2: "!", 1: "*", 0: ""}
_COLOURS = {3: "\x1b[7;31m", 2: "\x1b[31m", 1: "\x1b[33m"}
_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_WAIT_LEVELS = ((1.0, 3), (0.9, 2), (2 / 3, 1))
"""Parts of the target from which a wait is a breach, critical, worth a look."""


class Column(NamedTuple):
    """One column: the key in the data, the heading, how a value is written."""

    key: str
    heading: str
    write: Format
    to_right: bool = True


def duration(seconds: object) -> str:
    """Whole seconds as 31s, 2m05s or 1h02m; `-` for nothing to count."""
    if not isinstance(seconds, int | float):
        return NOTHING
    whole = int(seconds)
    if whole < 0:
        return f"-{duration(-whole)}"
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


def percent(share: object) -> str:
    """A share of 0 to 1 as 92.5%; rounded down, so that 100.0% means all."""
    if not isinstance(share, int | float):
        return NOTHING
    return f"{int(share * 1000 + 1e-9) / 10:.1f}%"


def plain(value: object) -> str:
    """Any value in one cell; control characters cannot reach the terminal."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return clean(" ".join(f"{key}:{level}" for key, level in value.items())) or NOTHING
    if isinstance(value, list | tuple):
        return clean(" ".join(str(item) for item in value)) or NOTHING
    return clean(str(value))


def time_of_day(moment: object) -> str:
    """HH:MM:SS of an ISO moment."""
    text = str(moment or "")
    return text[11:19] if len(text) >= 19 and text[10] == "T" else plain(moment)


def day_and_time(moment: object) -> str:
    """Month, day and time of an ISO moment: 11-23 10:42:07."""
    text = str(moment or "")
    return f"{text[5:10]} {text[11:19]}" if len(text) >= 19 and text[10] == "T" else plain(moment)


def clean(text: str) -> str:
    """The text with everything that could move the cursor or turn the direction as `?`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("?" if _is_unsafe(letter) else letter for letter in text)


def width(text: str) -> int:
    """How many terminal cells a text takes: combining marks none, East Asian letters two."""
    if text.isascii():
        return len(text)
    return sum(_cells(letter) for letter in text)


def fit(text: str, cells: int) -> str:
    """The text cut to so many cells; a cut shows as `~`."""
    if width(text) <= cells:
        return text
    taken, used = [], 0
    for letter in text:
        used += _cells(letter)
        if used > cells - 1:
            break
        taken.append(letter)
    return "".join(taken) + "~"


def wrapped(text: str, cells: int, *, indent: str) -> list[str]:
    """The text in lines of so many cells at most; all but the first are indented."""
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line.strip() else line + word
        if width(longer) > cells and line.strip():
            lines.append(line)
            line = indent + word
        else:
            line = longer
    return [fit(each, cells) for each in [*lines, line]]


def pad(text: str, cells: int, *, to_right: bool = False) -> str:
    """The text filled with blanks to so many cells."""
    blanks = " " * max(0, cells - width(text))
    return blanks + text if to_right else text + blanks


def table(
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    levels: Sequence[int] = (),
    total: Row | None = None,
    colour: bool = False,
) -> list[str]:
    """Heading, rows and total, two blanks between columns and none at the end of a line.

    `levels` gives each row's mark, 0 to 3; without it there is no column for marks. In the total
    a key that is missing stays blank: it cannot be added up.
    """
    cells = [[column.write(row.get(column.key)) for column in columns] for row in rows]
    bottom = [[c.write(total[c.key]) if c.key in total else "" for c in columns]] if total else []
    headings = [column.heading for column in columns]
    widths = [
        max(width(line[i]) for line in [headings, *cells, *bottom]) for i in range(len(columns))
    ]
    marks = [""] + [MARKS[level] for level in levels] + [""] if levels else []
    lines = []
    for index, line in enumerate([headings, *cells, *bottom]):
        mark = f"{marks[index]:3}" if marks else ""
        text = mark + "  ".join(
            pad(cell, widths[i], to_right=columns[i].to_right) for i, cell in enumerate(line)
        )
        level = levels[index - 1] if levels and 0 < index <= len(levels) else 0
        lines.append(paint(text.rstrip(), level) if colour else text.rstrip())
    return lines


def paint(text: str, level: int) -> str:
    """The text in the colour of a level; level 0 has none."""
    return f"{_COLOURS[level]}{text}\x1b[0m" if level in _COLOURS else text


def wait_level(wait_s: object, target_s: float) -> int:
    """How near a wait is to the promise: 0 fine, 1 two thirds, 2 nine tenths, 3 broken."""
    if not isinstance(wait_s, int | float):
        return 0
    share = wait_s / target_s
    return next((level for part, level in _WAIT_LEVELS if share >= part), 0)


def queue_level(queue: Row, target_s: float) -> int:
    """The mark of a queue: its longest wait, and callers with nobody ready for them."""
    level = wait_level(queue.get("longest_wait_s"), target_s)
    if queue.get("waiting") and not queue.get("ready"):
        level = max(level, 2)
    return level


def queues_total(queues: Sequence[Row]) -> dict[str, Any]:
    """The centre as one row. Operators serve several queues, so they are not added up."""
    sums: dict[str, Any] = {"queue": "all"}
    counted = (
        "waiting offered answered answered_in_target abandoned abandoned_short callbacks overflowed"
    )
    for key in counted.split():
        sums[key] = sum(queue.get(key) or 0 for queue in queues)
    waits = [queue["longest_wait_s"] for queue in queues if queue.get("longest_wait_s") is not None]
    sums["longest_wait_s"] = max(waits, default=None)
    sums["service_level"] = weighted_mean(queues, "service_level", "offered")
    sums["asa_s"] = weighted_mean(queues, "asa_s", "answered")
    return sums


def weighted_mean(rows: Sequence[Row], key: str, weight: str) -> float | None:
    """The mean of a figure over rows that count differently; None when nothing counts."""
    counted = [(row[key], row.get(weight) or 0) for row in rows if row.get(key) is not None]
    weights = sum(count for _, count in counted)
    return sum(value * count for value, count in counted) / weights if weights else None


def counts_in_words(rows: Collection[Row], key: str, order: Sequence[str] = ()) -> str:
    """`3 ready, 1 talking`: how many rows have each value, in the order given, then by name."""
    counts: dict[str, int] = {}
    for row in rows:
        value = plain(row.get(key))
        counts[value] = counts.get(value, 0) + 1
    known = [value for value in order if value in counts]
    rest = sorted(set(counts) - set(known))
    return ", ".join(f"{counts[value]} {value.replace('_', ' ')}" for value in [*known, *rest])


def _is_unsafe(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or letter in _DIRECTIONS


def _cells(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in ("W", "F") else 1
