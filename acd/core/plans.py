"""A ladder taken apart: the steps with a time in their order, and those with a condition."""

from collections.abc import Iterable

from acd.core.names import Millis
from acd.core.queues import Condition, Step

UPWARD = (">", ">=")


class Plan:
    """One queue's ladder. A step may have both a time and a condition; either is enough."""

    def __init__(self, ladder: Iterable[Step]) -> None:
        self.steps = tuple(ladder)
        self.timed: tuple[tuple[Millis, int], ...] = tuple(
            sorted(
                (step.at_ms, index)
                for index, step in enumerate(self.steps)
                if step.at_ms is not None
            )
        )
        self.conditional: tuple[int, ...] = tuple(
            index for index, step in enumerate(self.steps) if step.when
        )
        self.of_group = [
            [((i, at), one) for at, one in enumerate(step.when) if one.figure != "waited"]
            for i, step in enumerate(self.steps)
        ]
        """For each step the conditions that are looked at by group, with a key for each."""
        self.of_contact = [
            [one for one in step.when if one.figure == "waited"] for step in self.steps
        ]


def holds(condition: Condition, figure: float, *, already: bool) -> bool:
    """Whether a condition holds, given whether it did before: it ends only past its release."""
    if already:
        upward = condition.op in UPWARD
        return figure >= condition.release if upward else figure <= condition.release
    match condition.op:
        case ">":
            return figure > condition.value
        case ">=":
            return figure >= condition.value
        case "<":
            return figure < condition.value
        case "<=":
            return figure <= condition.value
