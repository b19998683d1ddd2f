"""Judges the breaks of a shift: outside of its hours, or two at the same time."""

import math
from collections.abc import Sequence
from itertools import combinations

from acd.settings import Break, Shift
from acd.yaml_source import Node

_DAY = 1440  # minutes


def check_breaks(shift: Shift, placed: Sequence[tuple[Break, Node]]) -> None:
    """Records (W25) every break that nobody, or not everybody, can take as it is written."""
    length = (shift.ends - shift.begins) % _DAY or _DAY
    for each, node in placed:
        begins, minutes, waves = _begins(shift, each), each.length_ms / 60_000, _waves(each)
        if begins >= length:
            node.warning("the break is outside of the shift's hours; nobody takes it", "W25")
        elif begins + minutes > length:
            node.warning("the break ends after the shift; begin it earlier", "W25")
        elif begins + waves * minutes > length:
            node.warning(
                f"in {waves} waves, one after another, the last of them ends after the shift; "
                "begin earlier, or raise 'at_once:'",
                "W25",
            )
    for (one, _), (other, node) in combinations(placed, 2):
        if _overlap(shift, one, other):
            node.warning("somebody has two breaks at the same time; move one of them", "W25")


def _begins(shift: Shift, each: Break) -> int:
    return (each.at - shift.begins) % _DAY


def _waves(each: Break) -> int:
    return math.ceil(1 / each.at_once) if each.at_once > 0 else 1


def _overlap(shift: Shift, one: Break, other: Break) -> bool:
    """For anybody: who is in which wave of both goes by the place in the roster."""
    first, second = _waves(one), _waves(other)
    for place in range(math.lcm(first, second)):
        a = _begins(shift, one) + place % first * one.length_ms / 60_000
        b = _begins(shift, other) + place % second * other.length_ms / 60_000
        if a < b + other.length_ms / 60_000 and b < a + one.length_ms / 60_000:
            return True
    return False
