"""`# ivr: allow W15 - reason`: an author says that a rule is broken on purpose."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from acd.problems import Problem, Problems

NEVER_WAIVED = frozenset(("E01", "E02", "E03", "E04", "E14"))  # nothing could be played

_WAIVER = re.compile(r"#\s*ivr:\s*allow\b\s*(?P<rules>[A-Z]\d\d(?:[\s,]+[A-Z]\d\d)*)?(?P<rest>.*)$")
_KNOWN = frozenset(
    (
        *("W05", "E06", "E07", "E08", "E09", "E10", "E11", "E12", "W15", "W16"),
        *("W18", "W19", "W20"),
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
    file: str, problems: Problems, node_lines: list[int], holes: frozenset[Problem]
) -> None:
    """Drop what a file waives with a reason; report waivers that say too little.

    `holes` stay whatever is said: something that must be there is missing.

    A waiver within a node, or in the comment lines right above it, covers that node. Anywhere
    else it covers its own line and the next one. `node_lines` are the lines nodes begin on.
    """
    for waiver in _waivers(problems.source_lines(file), sorted(node_lines)):
        for rule in waiver.rules:
            if rule in NEVER_WAIVED or rule not in _KNOWN:
                message = f"{rule} cannot be allowed; put the cause right"
                problems.warning(file, waiver.line, waiver.column, "W00", message)
        if not waiver.rules or not waiver.reason:
            message = "this waiver is not complete; write '# ivr: allow W15 - the reason'"
            problems.warning(file, waiver.line, waiver.column, "W00", message)
            continue
        problems.drop(
            problem
            for problem in problems.sorted()
            if problem.file == file
            and problem.rule in waiver.rules
            and problem.rule not in NEVER_WAIVED
            and problem not in holes
            and waiver.first_line <= problem.line <= waiver.last_line
        )


def _waivers(lines: list[str], node_lines: list[int]) -> Iterator[Waiver]:
    for number, line in enumerate(lines, 1):
        match = _WAIVER.search(line) if "ivr:" in line else None
        if match is None:
            continue
        first, last = _scope(lines, node_lines, number)
        rules = tuple(re.findall(r"[A-Z]\d\d", match["rules"] or ""))
        reason = match["rest"].strip().lstrip("-\u2013\u2014:").strip()
        yield Waiver(number, match.start() + 1, rules, reason, first, last)


def _scope(lines: list[str], node_lines: list[int], number: int) -> tuple[int, int]:
    owner = number
    while owner < len(lines) and lines[owner - 1].lstrip().startswith("#"):
        owner += 1
    if owner not in node_lines:
        owner = max((line for line in node_lines if line <= number), default=0)
    if owner == 0:
        return number, number + 1
    following = [line for line in node_lines if line > owner]
    return owner, (following[0] - 1 if following else len(lines))
