"""Values of a YAML file with their places, and the converters that say what they have to be.

Each converter gives the value, or None after recording the problem. Nothing here raises for what
an administrator wrote.
"""

import datetime
import re
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Any, TypeVar, overload

from yaml import SafeLoader, ScalarNode

from acd.problems import Problems, near_miss

T = TypeVar("T")
K = TypeVar("K")

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_TIME_LIKE = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")
_LONG_DASHES = "\u2012\u2013\u2014\u2212"
_UNKNOWN_MAX = 50  # keys of one group that are named; more are a file of another kind
_SWITCH_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_RESOLVER: Any = SafeLoader("")  # only asked how YAML 1.1 would type a text


class Node:
    """One value of a file, with its place: text, a list or a mapping.

    `text` is set for text, `items` for a list, `entries` for a mapping; the others are None.
    """

    __slots__ = ("column", "entries", "file", "items", "line", "problems", "quoted", "text")

    def __init__(self, problems: Problems, file: str, line: int, column: int) -> None:
        self.problems = problems
        self.file = file
        self.line = line
        self.column = column
        self.text: str | None = None
        self.quoted = False
        self.items: list[Node] | None = None
        self.entries: list[tuple[Node, Node]] | None = None

    def error(self, message: str, rule: str = "E03") -> None:
        """Record an error at this place."""
        self.problems.error(self.file, self.line, self.column, rule, message)

    def warning(self, message: str, rule: str) -> None:
        """Record a warning at this place."""
        self.problems.warning(self.file, self.line, self.column, rule, message)

    def error_at(self, offset: int, message: str, rule: str = "E03") -> None:
        """Record an error at a letter of the text, counted from 0.

        Where the text does not stand in one line as it is (folded, with escapes), the error stands
        at its beginning.
        """
        column = self.column + self._shift(offset)
        self.problems.error(self.file, self.line, column, rule, message)

    def _shift(self, offset: int) -> int:
        lines = self.problems.source_lines(self.file)
        if self.text is None or not 0 < self.line <= len(lines):
            return 0
        begin = self.column - 1 + self.quoted
        is_as_written = lines[self.line - 1].startswith(self.text[: offset + 1], begin)
        return offset + self.quoted if is_as_written else 0

    def is_empty(self) -> bool:
        """Whether nothing was written after the colon."""
        return self.text == "" and not self.quoted

    def in_words(self) -> str:
        """What stands here, for a message."""
        if self.items is not None:
            return "a list"
        if self.entries is not None:
            return "a group of keys"
        return "nothing" if self.is_empty() else f"'{_short(self.text or '')}'"

    def plain_text(self, what: str) -> str | None:
        """The text as written, whatever it looks like; `what` names what was expected."""
        if self.text is None or self.is_empty():
            self.error(f"{self.in_words()} stands here; write {what}")
            return None
        return self.text

    def string(self) -> str | None:
        """Text that means the same to every YAML reader: digits, times, yes/no must be quoted."""
        text = self.plain_text("a text")
        if text is None or self.quoted:
            return text
        trap = trap_in_words(text)
        if trap is not None:
            self.error(f'{text} is {trap} to YAML when unquoted; write "{text}"', "E02")
            return None
        return text

    def sentence(self) -> str | None:
        """Text that must not be blank."""
        text = self.string()
        if text is not None and not text.strip():
            self.error("the text is empty; write at least one word")
            return None
        return text

    def name(self) -> str | None:
        """An id: Latin letters, digits, `_` and `-`, at most 64 of them."""
        text = self.string()
        if text is not None and not _NAME.fullmatch(text):
            self.error(f"'{_short(text)}' is not a name; use Latin letters, digits, '_' and '-'")
            return None
        return text

    def integer(self, lo: int, hi: int) -> int | None:
        """A whole number from lo to hi, both allowed."""
        text = self.plain_text(f"a whole number from {lo} to {hi}")
        if text is None:
            return None
        if re.fullmatch(r"[-+]?0\d+", text):
            plain = text.lstrip("+-0") or "0"
            self.error(
                f"{text} begins with a zero, which YAML reads as octal; write {plain}", "E02"
            )
            return None
        if not re.fullmatch(r"-?\d{1,15}", text):
            self.error(f"'{_short(text)}' is not a whole number; write one from {lo} to {hi}")
            return None
        if not lo <= int(text) <= hi:
            self.error(f"{text} is out of range; write a whole number from {lo} to {hi}")
            return None
        return int(text)

    def boolean(self) -> bool | None:
        """Either true or false, and nothing else."""
        text = self.plain_text("true or false")
        if text in ("true", "false"):
            return text == "true"
        if text is not None:
            word = text.casefold()
            meant = word if word in ("true", "false") else _SWITCH_WORDS.get(word)
            rule = "E02" if meant is not None and not self.quoted else "E03"
            remedy = meant or "one of the two"
            self.error(f"'{_short(text)}' is not true or false; write {remedy}", rule)
        return None

    def duration_ms(self, lo_ms: int = 0, hi_ms: int = 7 * 86_400_000) -> int | None:
        """Milliseconds from '8s', '600ms', '10m' or '1h', within the bounds."""
        text = self.plain_text("a duration, as in '30s'")
        if text is None:
            return None
        match = _DURATION.fullmatch(text)
        if match is None:
            if re.fullmatch(r"\d+", text):
                self.error(f"'{text}' is not a duration: write a unit, as in '{text}s'")
            else:
                self.error(
                    f"'{_short(text)}' is not a duration: write it as in '600ms', '30s', '10m'"
                )
            return None
        value = int(match[1]) * _UNITS_MS[match[2]]
        if not lo_ms <= value <= hi_ms:
            self.error(f"{text} is out of range; write {in_units(lo_ms)} to {in_units(hi_ms)}")
            return None
        return value

    def percent(self) -> float | None:
        """A share from 0 to 1, written as '25%'."""
        text = self.plain_text("a percentage, as in '25%'")
        if text is None:
            return None
        match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,3})?)%", text)
        if match is None or float(match[1]) > 100:
            remedy = f"'{text}%'" if re.fullmatch(r"\d{1,2}", text) else "it as in '25%'"
            self.error(f"'{_short(text)}' is not a percentage from 0% to 100%; write {remedy}")
            return None
        return float(match[1]) / 100

    def time_of_day(self) -> int | None:
        """Minutes since midnight from a quoted time, '00:00' to '23:59'."""
        text = self.plain_text('a quoted time, as in "08:00"')
        if text is None:
            return None
        if not self.quoted and _TIME_LIKE.fullmatch(text):
            self.error(
                f'{text} is {trap_in_words(text)} to YAML when unquoted; write "{text}"', "E02"
            )
            return None
        return self._minutes(text)

    def hours(self) -> tuple[int, int] | None:
        """Two times of day, '08:00-17:00', as minutes; the end may lie on the next day."""
        text = self.plain_text('hours, as in "08:00-17:00"')
        if text is None:
            return None
        start, dash, end = text.partition("-")
        if not dash and any(each in text for each in _LONG_DASHES):
            self.error(f"'{_short(text)}' has a long dash; write '-' between the times")
            return None
        if not dash:
            self.error(f"'{_short(text)}' is not a span of hours; write it as in \"08:00-17:00\"")
            return None
        first = self._minutes(start.strip())
        last = self._minutes(end.strip()) if first is not None else None
        if first is None or last is None:
            return None
        if first == last:
            self.error(f"'{text}' begins and ends at the same time; write two different times")
            return None
        return first, last

    def date(self) -> datetime.date | None:
        """A calendar day, '2026-12-16', quoted or not."""
        text = self.plain_text("a date, as in '2026-12-16'")
        if text is None:
            return None
        try:
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
                raise ValueError(text)
            return datetime.date.fromisoformat(text)
        except ValueError:
            self.error(f"'{_short(text)}' is not a date; write year-month-day, as in '2026-12-16'")
            return None

    def choice(self, allowed: Collection[str], rule: str = "E03") -> str | None:
        """One of the given words."""
        text = self.plain_text(f"one of {', '.join(allowed)}")
        if text is None or text in allowed:
            return text
        remedy = near_miss(text, allowed) or f"; write one of {', '.join(allowed)}"
        self.error(f"'{_short(text)}' is not known here{remedy}", rule)
        return None

    def list_of(self, convert: Callable[["Node"], T | None]) -> list[T] | None:
        """Every item that could be converted; a bad one is recorded and left out."""
        if self.items is None:
            self.error(f"{self.in_words()} stands here; write a list, as in [a, b]")
            return None
        values = (convert(item) for item in self.items)
        return [value for value in values if value is not None]

    def mapping_of(
        self, key: Callable[["Node"], K | None], value: Callable[["Node"], T | None]
    ) -> dict[K, T] | None:
        """Every entry that could be converted, in file order; bad ones are recorded, left out."""
        if self.entries is None:
            self.error(f"{self.in_words()} stands here; write keys and values, as in a: b")
            return None
        result: dict[K, T] = {}
        for key_node, value_node in self.entries:
            one, other = key(key_node), value(value_node)
            if one is not None and other is not None:
                result[one] = other
        return result

    def fields(
        self, required: Collection[str] = (), optional: Collection[str] = ()
    ) -> "Fields | None":
        """The entries by name; unknown keys and missing ones are recorded."""
        if self.entries is None:
            wanted = ", ".join([*required, *optional])
            self.error(f"{self.in_words()} stands here; write the keys {wanted}")
            return None
        known = [*required, *optional]
        by_name: dict[str, tuple[Node, Node]] = {}
        unknown_count = 0
        for key, value in self.entries:
            text = key.text or ""
            if text in known:
                by_name[text] = (key, value)
                continue
            unknown_count += 1
            if unknown_count <= _UNKNOWN_MAX:
                remedy = near_miss(text, known) or f"; known here: {', '.join(known)}"
                key.error(f"unknown key '{_short(text)}'{remedy}")
        if unknown_count > _UNKNOWN_MAX:
            self.error(f"{unknown_count} unknown keys stand here; known: {', '.join(known)}")
        for name in required:
            if name not in by_name:
                self.error(f"the key '{name}' is missing; add '{name}: ...'")
        return Fields(self, by_name)

    def texts(self, languages: Sequence[str]) -> dict[str, str] | None:
        """One sentence for each language; missing and unknown languages are recorded."""
        if self.entries is None:
            example = ", ".join(f'{language}: "..."' for language in languages)
            self.error(f"{self.in_words()} stands here; write every language, as in {{{example}}}")
            return None
        found: dict[str, str] = {}
        for key, value in self.entries:
            language = key.text or ""
            if language not in languages:
                remedy = near_miss(language, languages) or f"; known: {', '.join(languages)}"
                key.error(f"unknown language '{_short(language)}'{remedy}")
                continue
            found[language] = value.sentence() or ""
        for language in languages:
            if language not in found:
                self.error(f"the text is missing in {language}; add '{language}: \"...\"'", "E12")
                found[language] = ""
        return found

    def _minutes(self, text: str) -> int | None:
        match = _TIME.fullmatch(text)
        if match is None:
            meant = "00:00" if text == "24:00" else f"0{text}"
            remedy = f'"{meant}"' if _TIME.fullmatch(meant) else 'it as in "08:00"'
            self.error(f"'{_short(text)}' is not a time of day; write {remedy}")
            return None
        return int(match[1]) * 60 + int(match[2])


class Fields:
    """The entries of one mapping by name, as `Node.fields` found them."""

    __slots__ = ("_by_name", "node")

    def __init__(self, node: Node, by_name: dict[str, tuple[Node, Node]]) -> None:
        self.node = node
        self._by_name = by_name

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def get(self, name: str) -> Node | None:
        """The value under a name, None when it was not written."""
        pair = self._by_name.get(name)
        return pair[1] if pair else None

    def key(self, name: str) -> Node:
        """The key itself, to point at it; the whole mapping when it was not written."""
        pair = self._by_name.get(name)
        return pair[0] if pair else self.node

    @overload
    def read(self, name: str, convert: Callable[[Node], T | None]) -> T | None: ...
    @overload
    def read(self, name: str, convert: Callable[[Node], T | None], default: T) -> T: ...
    def read(
        self, name: str, convert: Callable[[Node], T | None], default: T | None = None
    ) -> T | None:
        """The converted value; the default when it is absent or was wrong (then recorded)."""
        node = self.get(name)
        value = convert(node) if node is not None else None
        return default if value is None else value


def in_units(ms: int) -> str:
    """A duration as an administrator writes it: 90000 is '90s', 0 is '0s'."""
    for unit, factor in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if ms % factor == 0 and (ms >= 2 * factor or unit == "s"):
            return f"{ms // factor}{unit}"
    return f"{ms}ms"


@lru_cache(maxsize=4096)  # names come again and again
def trap_in_words(text: str) -> str | None:
    """What other YAML readers make of this unquoted text, None when they keep the text."""
    if _TIME_LIKE.fullmatch(text):
        return "a number of minutes"
    if re.fullmatch(r"\+\d+", text):
        return "a number without the plus"
    if re.fullmatch(r"0\d+", text):
        return "an octal number"
    if text.casefold() in _SWITCH_WORDS or text.casefold() in ("true", "false"):
        return "true or false"
    kind: str = _RESOLVER.resolve(ScalarNode, text, (True, False)).rpartition(":")[2]
    return {"str": None, "int": "a number", "float": "a number", "null": "nothing"}.get(
        kind, f"a {kind}"
    )


def _short(text: str) -> str:
    """Text fit for one line of a message."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:57]}..."
