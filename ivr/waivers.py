"""`# ivr: allow W15 - reason`: an author says that a rule is broken on purpose."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from acd.problems import Problem, Problems
from ivr.lint_extents import Extents

NEVER_WAIVED = frozenset(("E01", "E02", "E03", "E04", "E14"))  # nothing could be played

# What these find depends on the day, on audio, operators, usage and tests, not on the file alone.
_NOT_OF_THE_FILE = frozenset(("W13", "W17", "W18", "E22", "W25"))

_WAIVER = re.compile(
    r"#\s*ivr:\s*allow\b\s*(?P<rules>[A-Za-z]\d\d(?:[\s,]+[A-Za-z]\d\d)*)?(?P<rest>.*)$"
)
_KNOWN = frozenset(
    (
        *("W05", "E06", "E07", "E08", "E09", "E10", "E11", "E12", "W13", "W15", "W16"),
        *("W17", "W18", "W19", "W20", "E21", "E22", "E23", "E24", "W25"),
    )
)


@dataclass(frozen=True, slots=True)
class Waiver:
    """Rules allowed on some lines; `reason` may be empty, which is itself reported."""

    line: int
    column: int
    rules: tuple[str, ...]
    reason: str
    first_line: int
    last_line: int


def apply_waivers(
    file: str,
    problems: Problems,
    extents: Extents,
    holes: frozenset[Problem],
    *,
    is_complete: bool,
) -> None:
    """Drop what a file waives with a reason; report waivers that say too little, or for nothing.

    `holes` stay whatever is said: something that must be there is missing. `is_complete`: every
    rule was applied, so that a waiver that nothing needs is one too many.

    A waiver within a node, or in the comment lines right above it, covers that node. Anywhere
    else it covers its own line and the next one.
    """
    needed: set[tuple[int, str]] = set()
    waivers = list(_waivers(problems.source_lines(file), extents))
    waived: dict[Problem, None] = {}
    found = [each for each in problems.sorted() if each.file == file] if waivers else []
    for waiver in waivers:
        if not waiver.reason:
            continue
        first = bisect_left(found, waiver.first_line, key=_line_of)
        for problem in found[first : bisect_right(found, waiver.last_line, key=_line_of)]:
            is_waivable = problem.rule not in NEVER_WAIVED and problem not in holes
            if problem.rule in waiver.rules and is_waivable:
                waived[problem] = None
                needed.add((waiver.line, problem.rule))
    problems.drop(waived)
    for waiver in waivers:
        for message in _faults(waiver, needed, is_complete=is_complete):
            problems.warning(file, waiver.line, waiver.column, "W00", message)


def _line_of(problem: Problem) -> int:
    return problem.line


def _faults(waiver: Waiver, needed: set[tuple[int, str]], *, is_complete: bool) -> Iterator[str]:
    """What is wrong with a waiver."""
    for rule in waiver.rules:
        if rule in NEVER_WAIVED:
            yield f"{rule} cannot be allowed; put the cause right"
        elif rule not in _KNOWN:
            meant = next((each for each in sorted(_KNOWN) if each[1:] == rule[1:]), None)
            yield f"there is no rule {rule}; " + (
                f"did you mean '{meant}'?" if meant else "write the code the message ends with"
            )
        elif (
            is_complete
            and waiver.reason
            and rule not in _NOT_OF_THE_FILE
            and (waiver.line, rule) not in needed
        ):
            yield f"nothing here breaks {rule} any more; remove the waiver"
    if not waiver.rules or not waiver.reason:
        yield "this waiver is not complete; write '# ivr: allow W15 - the reason'"


def _waivers(lines: list[str], extents: Extents) -> Iterator[Waiver]:
    for number, line in enumerate(lines, 1):
        match = _WAIVER.search(line) if "ivr:" in line else None
        if match is None:
            continue
        first, last = _scope(lines, extents, number)
        rules = tuple(re.findall(r"[A-Z]\d\d", (match["rules"] or "").upper()))
        reason = match["rest"].strip().lstrip("-\u2013\u2014:").strip()
        yield Waiver(number, match.start() + 1, rules, reason, first, last)


def _scope(lines: list[str], extents: Extents, number: int) -> tuple[int, int]:
    below = number
    while below < len(lines) and lines[below - 1].lstrip().startswith("#"):
        below += 1
    inside = extents.owner_lines(below if extents.begins_on(below) else number)
    return inside or (number, number + 1)
