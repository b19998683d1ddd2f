"""What is wrong in the files an administrator writes, said so that it can be put right.

A problem has a place, a rule and a sentence: what is wrong; what to write. All problems of all
files are collected and shown together, sorted by place.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal

Severity = Literal["error", "warning"]

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")  # would command the terminal

PROBLEMS_MAX = 500  # a file of the wrong kind must not print for ever


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to put right. Line and column count from 1; 0 means the file as a whole.

    `file` is the path as the user gave it.
    """

    file: str
    line: int
    column: int
    rule: str
    severity: Severity
    message: str

    def as_json(self) -> dict[str, str | int]:
        """The keys that `ivr check --json` and `acd check --json` promise."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "rule": self.rule,
            "severity": self.severity,
            "message": self.message,
        }


class Problems:
    """Collects problems, and keeps the text of each file read to show the lines at fault.

    `most` are kept, of all further ones only errors are counted.
    """

    def __init__(self, most: int = PROBLEMS_MAX) -> None:
        self._most = most
        self._found: dict[Problem, None] = {}
        self._lines: dict[str, list[str]] = {}
        self._errors_not_shown = 0

    def __len__(self) -> int:
        return len(self._found)

    @property
    def has_errors(self) -> bool:
        """Whether anything forbids to use what was read; warnings do not."""
        return self.error_count > 0

    @property
    def error_count(self) -> int:
        """How many problems are errors."""
        shown = sum(problem.severity == "error" for problem in self._found)
        return shown + self._errors_not_shown

    def add(self, problem: Problem) -> None:
        """Keep a problem once, however often it is found.

        Beyond the limit an error takes the place of a warning, and further errors only count.
        """
        if problem in self._found or len(self._found) < self._most:
            self._found[problem] = None
        elif problem.severity == "error" and not self._replace_warning(problem):
            self._errors_not_shown += 1

    def _replace_warning(self, problem: Problem) -> bool:
        """An error takes the place of the last warning; False when only errors are left."""
        for other in reversed(self._found):
            if other.severity == "warning":
                del self._found[other]
                self._found[problem] = None
                return True
        return False

    def merge(self, other: "Problems") -> None:
        """Take over everything another collection found, and the texts it knows."""
        for file, lines in other._lines.items():
            self._lines[file] = lines
        for problem in other.sorted():
            self.add(problem)
        self._errors_not_shown += other._errors_not_shown

    def error(self, file: str, line: int, column: int, rule: str, message: str) -> None:
        """Record something that forbids to use the file."""
        self.add(Problem(file, line, column, rule, "error", message))

    def warning(self, file: str, line: int, column: int, rule: str, message: str) -> None:
        """Record something that is allowed and probably not meant."""
        self.add(Problem(file, line, column, rule, "warning", message))

    def add_source(self, file: str, text: str) -> None:
        """Remember the text of a file, to show the line a problem is on."""
        self._lines[file] = text.split("\n")

    def source_lines(self, file: str) -> list[str]:
        """The lines of a file read before; empty for an unknown one."""
        return self._lines.get(file, [])

    def drop(self, unwanted: Iterable[Problem]) -> None:
        """Take problems out again (those the file itself waives)."""
        for problem in unwanted:
            self._found.pop(problem, None)

    def reword(self, problem: Problem, message: str) -> None:
        """Say the same thing in other words."""
        del self._found[problem]
        self._found[replace(problem, message=message)] = None

    def sorted(self) -> list[Problem]:
        """Every problem by file and place."""
        return sorted(self._found)

    def as_json(self) -> list[dict[str, str | int]]:
        """Every problem by place, as plain data."""
        return [problem.as_json() for problem in self.sorted()]

    def render(self) -> str:
        """Every problem by place, each with its source line and a caret; empty when none."""
        return "\n".join(self._render_one(problem) for problem in self.sorted())

    def _render_one(self, problem: Problem) -> str:
        severity = "warning: " if problem.severity == "warning" else ""
        tail = f"{severity}{problem.message} [{problem.rule}]"
        if problem.line < 1:
            return f"{problem.file}: {tail}"
        head = f"{problem.file}:{problem.line}:{problem.column}: {tail}"
        lines = self._lines.get(problem.file, [])
        if problem.line > len(lines):
            return head
        source = _CONTROL.sub("\ufffd", lines[problem.line - 1].rstrip("\r"))
        before = source[: problem.column - 1]
        blank = "".join("\t" if letter == "\t" else " " for letter in before)
        return f"{head}\n{problem.line:5} | {source}\n        {blank}^"


def near_miss(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` when a known word is close to this one, otherwise empty."""
    candidates = list(known)
    close = get_close_matches(word, candidates, n=1, cutoff=0.6)
    if not close:
        folded = {candidate.casefold(): candidate for candidate in reversed(candidates)}
        exact = folded.get(word.casefold())
        close = [exact] if exact is not None else []
    if not close:
        return ""
    foreign = "" if close[0] in word else _look_alikes(word, close[0])
    return f"; did you mean '{close[0]}'?{foreign}"


def _look_alikes(word: str, meant: str) -> str:
    """Letters of another alphabet in a word that should be Latin: on the screen they look right."""
    strange = dict.fromkeys(letter for letter in word if not letter.isascii())
    if not strange or not meant.isascii():
        return ""
    named = ", ".join(f"'{letter}' (U+{ord(letter):04X})" for letter in strange)
    return f" {named} {'are no Latin letters' if len(strange) > 1 else 'is no Latin letter'}"
