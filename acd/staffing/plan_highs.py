"""A linear or integer programme, solved by HiGHS on one thread, without a word on the screen."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import highspy
import numpy

ENDLESS = float(highspy.kHighsInf)


class Solved(NamedTuple):
    """`bound`: no solution is better. `is_best`: proven, not stopped by a limit.

    `worth`: what a little more of each column would add to the cost, while nothing else has to
    change; of no meaning with whole columns.
    """

    values: Sequence[float]
    worth: Sequence[float]
    cost: float
    bound: float
    is_best: bool


class Programme:
    """Columns with costs, rows between bounds; the least cost is sought."""

    def __init__(self) -> None:
        self._highs = highspy.Highs()  # type: ignore[no-untyped-call]
        # First of all: whatever is said before goes to standard output.
        self._set("output_flag", False)
        self._set("threads", 1)
        self._set("random_seed", 1)
        self._whole: list[int] = []
        self._count = 0

    def _set(self, name: str, value: bool | int | float) -> None:
        self._highs.setOptionValue(name, value)

    def column(
        self, cost: float, low: float = 0.0, high: float = ENDLESS, *, is_whole: bool = False
    ) -> int:
        """A new column; its number."""
        self._highs.addVar(low, high)
        self._highs.changeColCost(self._count, cost)
        if is_whole:
            self._highs.changeColIntegrality(self._count, highspy.HighsVarType.kInteger)
            self._whole.append(self._count)
        self._count += 1
        return self._count - 1

    def row(self, terms: Mapping[int, float], low: float = -ENDLESS, high: float = ENDLESS) -> None:
        """A new row: the sum of the terms lies between the bounds."""
        columns = numpy.array(list(terms), dtype=numpy.int32)
        values = numpy.array(list(terms.values()), dtype=numpy.float64)
        self._highs.addRow(low, high, len(terms), columns, values)

    def bounds(self, column: int, low: float, high: float) -> None:
        """Other bounds for a column."""
        self._highs.changeColBounds(column, low, high)

    def solve(
        self,
        *,
        seconds: float = ENDLESS,
        nodes: int | None = None,
        start: Mapping[int, float] | None = None,
    ) -> Solved | None:
        """The best found within the limits; None: there is none, or none was found.

        `start`: values of whole columns that are known to fit.
        """
        # The solver's clock goes on from one solve to the next.
        self._set("time_limit", self._highs.getRunTime() + seconds)
        if nodes is not None:
            self._set("mip_max_nodes", nodes)
        if start:
            columns = numpy.array(list(start), dtype=numpy.int32)
            values = numpy.array(list(start.values()), dtype=numpy.float64)
            self._highs.setSolution(len(start), columns, values)
        self._highs.run()
        info = self._highs.getInfo()
        if info.primal_solution_status != highspy.kSolutionStatusFeasible:
            return None
        cost = float(info.objective_function_value)
        return Solved(
            self._highs.getSolution().col_value,
            self._highs.getSolution().col_dual,
            cost,
            float(info.mip_dual_bound) if self._whole else cost,
            self._highs.getModelStatus() == highspy.HighsModelStatus.kOptimal,
        )
