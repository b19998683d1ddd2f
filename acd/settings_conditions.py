"""Reads `when:` and `until:` of a ladder step: a closed little language, parsed, never evaluated.

    condition = comparison {"and" comparison}
    comparison = figure ("<" | "<=" | ">" | ">=") value

There is no "or": that is a second step. A wait has a unit (`30s`), a count and an hour have none.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from acd.core.queues import Condition, Figure
from acd.problems import near_miss
from acd.yaml_nodes import Node

Op = Literal["<", "<=", ">", ">="]

FIGURES: Final[tuple[Figure, ...]] = get_args(Figure)
WAITS: Final = ("predicted_wait", "waited", "longest_wait")
WAIT_MAX_MS, COUNT_MAX, HOUR_MAX = 3_600_000, 10_000, 23

_UNITS_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
_JOINED = re.compile(r"\band\b")
_COMPARISON = re.compile(r"\s*(?P<figure>\w+)\s*(?P<op>[<>=!]+)\s*(?P<value>\S+)\s*")
_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h)")
_EXAMPLE = "as in 'predicted_wait > 30s and ready < 2'"
_OTHER_SIGNS: Final = {"=>": ">=", "=<": "<=", "==": ">=", "=": ">=", "<>": "<", "!=": "<"}


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One comparison, and where its figure and its value stand in the text."""

    figure: Figure
    op: Op
    value: int
    at: int
    value_at: int


def read_conditions(when: Node | None, until: Node | None) -> tuple[Condition, ...] | None:
    """Everything that has to hold, () without `when:`; None after recording a mistake.

    `until:` says where a condition that held ends; a figure it leaves out ends at the default,
    somewhat past the value, so that a step does not flicker.
    """
    if when is None:
        if until is not None:
            until.error("'until:' ends what 'when:' begins; add 'when:', or remove it")
            return None
        return ()
    begins = _comparisons(when)
    ends = _comparisons(until) if until is not None else []
    if begins is None or ends is None or not _is_possible(when, begins):
        return None
    releases: dict[tuple[Figure, bool], int] = {}
    for end in ends:
        release = _release(until or when, end, begins)
        if release is None:
            return None
        releases[end.figure, not _is_upward(end.op)] = release
    return tuple(
        _condition(each, releases.get((each.figure, _is_upward(each.op)))) for each in begins
    )


def _condition(begun: _Comparison, release: int | None) -> Condition:
    """Counts and hours are whole: `> 9` is kept as `>= 10`, which leaves no doubt where it ends."""
    op, value = begun.op, begun.value
    if begun.figure not in WAITS:
        op, value = ">=" if _is_upward(op) else "<=", _edge(op, value)
    return Condition(
        begun.figure, op, value, default_release(begun) if release is None else release
    )


def default_release(begun: "_Comparison | Condition") -> int:
    """Four fifths of a wait that was exceeded, five quarters of one undercut, a count one off.

    An hour is over when it is over.
    """
    edge, is_upward = _edge(begun.op, begun.value), _is_upward(begun.op)
    if begun.figure in WAITS:
        return begun.value * 4 // 5 if is_upward else begun.value * 5 // 4
    if begun.figure == "hour":
        return edge
    return max(min(1, edge), edge - 1) if is_upward else edge + 1


def bounds(conditions: Iterable["_Comparison | Condition"]) -> dict[Figure, tuple[int, int | None]]:
    """Least and greatest value of each figure at which all of them hold (None: any)."""
    found: dict[Figure, tuple[int, int | None]] = {}
    for each in conditions:
        lo, hi = found.get(each.figure, (0, HOUR_MAX if each.figure == "hour" else None))
        edge = _edge(each.op, each.value)
        if _is_upward(each.op):
            lo = max(lo, edge)
        else:
            hi = edge if hi is None else min(hi, edge)
        found[each.figure] = (lo, hi)
    return found


def _is_upward(op: Op) -> bool:
    return op in (">", ">=")


def _edge(op: Op, value: int) -> int:
    """The value next to the border at which the comparison still holds."""
    return {">": value + 1, "<": value - 1}.get(op, value)


def _is_possible(when: Node, comparisons: Iterable[_Comparison]) -> bool:
    """Records the comparison after which nothing is left that could hold."""
    so_far: list[_Comparison] = []
    for each in comparisons:
        so_far.append(each)
        lo, hi = bounds(so_far)[each.figure]
        if hi is not None and lo > hi:
            what = f"no value of '{each.figure}' is like that"
            when.error_at(each.at, f"the step can never fire: {what}; change the condition")
            return False
    return True


def _release(until: Node, end: _Comparison, begins: Iterable[_Comparison]) -> int | None:
    """The release that ends a condition at exactly these values."""
    same = [each for each in begins if each.figure == end.figure]
    opposite = [each for each in same if _is_upward(each.op) != _is_upward(end.op)]
    if not opposite:
        if not same:
            message = f"'when:' does not ask for '{end.figure}'; name the same figure in both"
        else:
            sign = "<" if _is_upward(end.op) else ">"
            message = (
                f"'until:' has to look the other way than 'when:'; write '{end.figure} {sign}'"
            )
        until.error_at(end.at, message)
        return None
    begun, edge = opposite[0], _edge(end.op, end.value)
    first = _edge(begun.op, begun.value)
    if (edge >= first) if _is_upward(begun.op) else (edge <= first):
        message = f"the condition would end while it begins ('{begun.figure} {begun.op}')"
        until.error_at(end.value_at, f"{message}; write a value on the other side of it")
        return None
    if edge < 0 or (end.figure == "hour" and edge > HOUR_MAX):
        message = f"'{end.figure}' never gets there, so that the condition would never end"
        until.error_at(end.value_at, f"{message}; write another value")
        return None
    return edge + 1 if _is_upward(begun.op) else edge - 1


def _comparisons(node: Node) -> list[_Comparison] | None:
    text = node.plain_text(f"a condition, {_EXAMPLE}")
    if text is None:
        return None
    found: list[_Comparison] = []
    begin = 0
    for joint in [*_JOINED.finditer(text), None]:
        end = len(text) if joint is None else joint.start()
        one = _comparison(node, text[begin:end], begin)
        if one is None:
            return None
        found.append(one)
        begin = len(text) if joint is None else joint.end()
    return found


def _comparison(node: Node, text: str, begin: int) -> _Comparison | None:
    match = _COMPARISON.fullmatch(text)
    at = begin + len(text) - len(text.lstrip())
    if match is None:
        words = text.split()
        if any(word.casefold() in ("or", "not", "||", "&&") for word in words):
            remedy = "join with 'and' only; for 'or' write a second step"
        else:
            remedy = f"write figure, sign and value, {_EXAMPLE}"
        node.error_at(at if words else max(0, begin - 1), _odd(text, remedy))
        return None
    figure = next((known for known in FIGURES if known == match["figure"]), None)
    if figure is None:
        remedy = near_miss(match["figure"], FIGURES) or f"; known here: {', '.join(FIGURES)}"
        node.error_at(at, f"unknown figure '{match['figure']}'{remedy}", "E04")
        return None
    op = next((known for known in get_args(Op) if known == match["op"]), None)
    if op is None:
        meant = _OTHER_SIGNS.get(match["op"])
        remedy = f"write '{meant}'" if meant else "write one of <, <=, >, >="
        node.error_at(begin + match.start("op"), f"'{match['op']}' is not a sign here; {remedy}")
        return None
    value_at = begin + match.start("value")
    value = _value(node, figure, match["value"], value_at)
    return None if value is None else _Comparison(figure, op, value, at, value_at)


def _odd(text: str, remedy: str) -> str:
    shown = f"'{' '.join(text.split())[:60]}'" if text.strip() else "nothing"
    return f"{shown} stands where a comparison belongs; {remedy}"


def _value(node: Node, figure: Figure, text: str, at: int) -> int | None:
    duration = _DURATION.fullmatch(text) if text.isascii() else None
    is_whole = text.isascii() and text.isdigit() and len(text) <= 9
    if figure in WAITS:
        if duration is None:
            remedy = f"write a unit, as in '{text}s'" if is_whole else "write it as in '30s', '2m'"
            node.error_at(at, f"'{text[:60]}' is not a wait; {remedy}")
            return None
        value, greatest, shown = int(duration[1]) * _UNITS_MS[duration[2]], WAIT_MAX_MS, "1h"
    else:
        if not is_whole:
            remedy = f"write {duration[1]}" if duration else "write it without a unit"
            node.error_at(at, f"'{text[:60]}' is not a whole number; {remedy}")
            return None
        greatest = HOUR_MAX if figure == "hour" else COUNT_MAX
        value, shown = int(text), str(greatest)
    if value > greatest:
        node.error_at(at, f"{text} is out of range; '{figure}' is at most {shown} here")
        return None
    return value
