"""The least number of operators that keeps every promise made, and how many to roster for it.

Every measure gets better with each operator more, so the least number is searched, not scanned.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from acd.staffing.erlang import Load, Outcome, evaluate

Measure = Literal[
    "offered", "answered", "without_short", "virtual", "asa_s", "abandon_rate", "occupancy"
]
"""The first four are service levels, to be reached; the others are not to be exceeded."""

OPERATORS_MAX = 10_000


class Unreachable(Exception):
    """Not even OPERATORS_MAX operators keep the promise."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One promise: this measure at least (a service level) or at most (all others) so much."""

    measure: Measure
    limit: float

    def is_met(self, outcome: Outcome) -> bool:
        """Whether this outcome keeps the promise; a queue that grows without end never does."""
        if outcome.mean_wait_s is None:
            return False
        match self.measure:
            case "offered":
                return outcome.service_level >= self.limit
            case "answered":
                return outcome.service_level_answered >= self.limit
            case "without_short":
                return outcome.service_level_without_short >= self.limit
            case "virtual":
                return outcome.service_level_virtual >= self.limit
            case "asa_s":
                return outcome.asa_s is not None and outcome.asa_s <= self.limit
            case "abandon_rate":
                return outcome.abandon_rate <= self.limit
            case "occupancy":
                return outcome.occupancy <= self.limit


def least_operators(load: Load, goals: Sequence[Goal], within_s: float) -> Outcome:
    """What the least number of operators that meets all goals makes of the load.

    Raises Unreachable.
    """

    def suffices(operators: int) -> bool:
        return all(goal.is_met(evaluate(load, operators, within_s)) for goal in goals)

    # The answer is mostly near this; from there in steps that double, then halving.
    erlangs = load.erlangs
    guess = min(OPERATORS_MAX, math.ceil(min(erlangs + math.sqrt(erlangs), OPERATORS_MAX)))
    step = 1
    if suffices(guess):
        enough, too_few = guess, guess - 1
        while too_few > 0 and suffices(too_few):
            enough, step = too_few, 2 * step
            too_few = max(0, enough - step)
    else:
        too_few, enough = guess, min(guess + 1, OPERATORS_MAX)
        while not suffices(enough):
            if enough == OPERATORS_MAX:
                raise Unreachable
            too_few, step = enough, 2 * step
            enough = min(enough + step, OPERATORS_MAX)
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        if suffices(middle):
            enough = middle
        else:
            too_few = middle
    return evaluate(load, enough, within_s)


def scheduled(operators: int, shrinkage: float) -> int:
    """How many to roster for so many at the phones, when this share of paid time is lost.

    Breaks, training, illness: with 0.3, 70 at the phones take 100 on the roster.
    """
    if not 0 <= shrinkage < 1:
        raise ValueError(f"shrinkage is {shrinkage}; it must be 0 or above and below 1")
    # 70 / (1 - 0.3) is a hair above 100 in binary; a hair is no operator.
    return math.ceil(operators / (1 - shrinkage) * (1 - 1e-12))
