"""The clairvoyant limit once more, tighter: a linear programme of who could begin when.

Time is cut into slots. `x` says whether a call begins in a slot of [a, a + T]; of one that begins
in [l, h] it is sure that it is in progress from h to l + s. For a set of operators, the calls that
can reach nobody else keep at each moment at most so many of them busy as there are (Hall's
condition). Operators who go are dealt with by counting again from there: of the calls queued
since u, at most so many are in progress at t as operators were on duty at some time in [u, t].

The calls are cut into windows and what each could answer is added up, as if every window began
with everybody idle: still a limit. What the solver says is not believed: the limit is worked out
from its dual prices, and any prices at all give a valid one.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import accumulate
from math import floor
from typing import Any, NamedTuple

from acd.core.events import Event, OperatorLoggedOut, OperatorPaused, OperatorReady
from acd.core.queues import Rules
from acd.sim.bounds import MASKS_MAX, Watch
from acd.sim.calls import Call

SLOT_MS = 2_000
WINDOW_MS = 2 * 3_600_000
WINDOW_CALLS = 2_500
APART_MS = 600_000
"""Who goes within so long of each other is dealt with together; so long they are counted after."""

MISSING = (
    "`--bounds tight` needs a solver that is not here; install it into the virtual environment: "
    ".venv/bin/pip install highspy"
)
Progress = Callable[[int, int], None]


def is_there() -> bool:
    """Whether the solver can be imported."""
    return find_spec("highspy") is not None and find_spec("numpy") is not None


class _Arrival(NamedTuple):
    """Queued at `at`; begun in time: by `latest`. `may` are the operators it can reach."""

    at: int
    latest: int
    handle_ms: int
    may: int


class Recorder(Watch):
    """Keeps what it is told as well: some 50 bytes for each call."""

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules)
        self._at, self._latest, self._handle = array("q"), array("q"), array("q")
        self._kind = array("l")
        self._reach: dict[int, int] = {}
        self._since: dict[int, int] = {}
        self.stays: list[tuple[int, int, int]] = []
        """(from, until, operator), each a time on duty, until the operator goes."""

    def queued(self, call: Call, at: int) -> None:
        """A caller has left the menu."""
        super().queued(call, at)
        may = self.kinds.of(call.topic, call.language).may
        target = self.target_ms if call.patience_ms is None else call.patience_ms
        self._at.append(at)
        self._latest.append(at + min(self.target_ms, target))
        self._handle.append(call.handle_ms)
        self._kind.append(self._reach.setdefault(may, len(self._reach)))

    def on_duty(self, events: Iterable[Event], at: int) -> None:
        """Operators come, go, or take their break."""
        told = list(events)
        super().on_duty(told, at)
        for event in told:
            if isinstance(event, OperatorReady):
                self._since.setdefault(self.kinds.index[event.operator], at)
            elif isinstance(event, OperatorLoggedOut | OperatorPaused):
                operator = self.kinds.index[event.operator]
                since = self._since.pop(operator, None)
                if since is not None:
                    self.stays.append((since, at, operator))

    def finish(self) -> None:
        """There is nothing more to come; who is there stays."""
        super().finish()
        end = (self._latest[-1] if self._latest else 0) + WINDOW_MS
        self.stays += [(since, max(since, end), who) for who, since in self._since.items()]
        self._since.clear()

    def windows(self) -> Iterator[list[_Arrival]]:
        """The calls in pieces, each as much as the solver likes."""
        reach = list(self._reach)
        found: list[_Arrival] = []
        for at, latest, handle, kind in zip(
            self._at, self._latest, self._handle, self._kind, strict=True
        ):
            if found and (at >= found[0].at + WINDOW_MS or len(found) >= WINDOW_CALLS):
                yield found
                found = []
            found.append(_Arrival(at, latest, handle, reach[kind]))
        if found:
            yield found

    def crews(self) -> list[int]:
        """The sets of operators that are looked at: all, by language, by queue, by kind."""
        kinds = self.kinds.all
        found = dict.fromkeys([_union(kind.may for kind in kinds)])
        for name in ("language", "queue"):
            for part in dict.fromkeys(getattr(kind, name) for kind in kinds):
                found[_union(kind.may for kind in kinds if getattr(kind, name) == part)] = None
        single = dict.fromkeys(kind.may for kind in kinds)
        if len(single) <= MASKS_MAX:
            found.update(single)
        return [crew for crew in found if crew]


def answerable(recorder: Recorder, progress: Progress = lambda done, total: None) -> int:
    """At most so many of the calls could be answered in time."""
    crews, total, done, sum_ = recorder.crews(), recorder.offered, 0, 0
    for window in recorder.windows():
        progress(done, total)
        sum_ += _most(window, crews, recorder.stays)
        done += len(window)
    return min(sum_, recorder.answerable)


def _union(masks: Iterable[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


class _Capacity:
    """How many of a crew were on duty at some time in [since, t], t later and later."""

    def __init__(self, crew: int, stays: list[tuple[int, int, int]], since: int) -> None:
        first: dict[int, int] = {}
        for begins, ends, operator in stays:
            if crew >> operator & 1 and ends > since:
                at = max(begins, since)
                first[operator] = min(at, first.get(operator, at))
        self._came = sorted(first.values())

    def at(self, when: int) -> int:
        """Up to and with this moment."""
        return bisect_left(self._came, when + 1)


class _Matrix:
    """The programme, column by column: what each gives, its most, and its entries."""

    def __init__(self) -> None:
        self.gain: list[float] = []
        self.most: list[float] = []
        self.columns: list[list[tuple[int, float]]] = []
        self.rows = 0

    def column(self, gain: float, most: float) -> list[tuple[int, float]]:
        """Another variable, from 0 to `most`; its entries are still to be added."""
        self.gain.append(gain)
        self.most.append(most)
        self.columns.append([])
        return self.columns[-1]


def _most(window: list[_Arrival], crews: list[int], stays: list[tuple[int, int, int]]) -> int:
    """At most so many of the calls of one window could be answered in time."""
    begins, ends = window[0].at, window[-1].latest
    near = [stay for stay in stays if stay[1] > begins and stay[0] <= max(ends, window[-1].at)]
    matrix, free = _Matrix(), 0
    starts: list[list[tuple[list[tuple[int, float]], int, int]]] = []
    kept: list[_Arrival] = []
    for call in window:
        if not any(
            call.may >> who & 1 and since <= call.latest and until > call.at
            for since, until, who in near
        ):
            continue
        slots = list(_slots(call))
        if any(leave <= enter for enter, leave in slots):
            free += 1  # might begin so that no moment looked at falls into it
            continue
        row, matrix.rows = matrix.rows, matrix.rows + 1
        columns = []
        for enter, leave in slots:
            column = matrix.column(1.0, 1.0)
            column.append((row, 1.0))
            columns.append((column, enter, leave))
        starts.append(columns)
        kept.append(call)
    singles = len(kept)
    for crew in crews:
        _hall(matrix, crew, kept, starts, near)
    return min(len(window), free + _solve(matrix, singles)) if kept else free


def _slots(call: _Arrival) -> Iterator[tuple[int, int]]:
    """For each slot the call may begin in: the first moment it surely is in progress, and the
    first it may not be any more; in slots.
    """
    for slot in range(call.at // SLOT_MS, call.latest // SLOT_MS + 1):
        lowest = max(call.at, slot * SLOT_MS)
        highest = min(call.latest, (slot + 1) * SLOT_MS)
        yield -(-highest // SLOT_MS), -(-(lowest + call.handle_ms) // SLOT_MS)


def _hall(
    matrix: _Matrix,
    crew: int,
    calls: list[_Arrival],
    starts: list[list[tuple[list[tuple[int, float]], int, int]]],
    stays: list[tuple[int, int, int]],
) -> None:
    """The calls that reach nobody but this crew, counted from the beginning and each departure."""
    numbers = [n for n, call in enumerate(calls) if not call.may & ~crew]
    if not numbers:
        return
    begins, last = calls[0].at, max(calls[n].latest for n in numbers)
    went = sorted(until for _, until, who in stays if crew >> who & 1 and begins < until < last)
    since = [begins]
    for at in went:
        if at - since[-1] >= APART_MS or len(since) == 1:
            since.append(at)
        else:
            since[-1] = at
    for index, at in enumerate(since):
        until = last if index + 1 == len(since) else min(last, since[index + 1] + APART_MS)
        mine = [n for n in numbers if at <= calls[n].at <= until]
        if mine:
            ends = -(-until // SLOT_MS) + 1
            _count(matrix, [starts[n] for n in mine], _Capacity(crew, stays, at), ends)


def _count(
    matrix: _Matrix,
    calls: list[list[tuple[list[tuple[int, float]], int, int]]],
    capacity: _Capacity,
    ends: int,
) -> None:
    """So many are in progress at each moment as were before, more who begin, less who end."""
    first = min(enter for call in calls for _, enter, _ in call)
    moments = ends - first + 1
    if moments <= 0:
        return
    row, matrix.rows = matrix.rows, matrix.rows + moments
    for call in calls:
        for column, enter, leave in call:
            if enter <= ends:
                column.append((row + enter - first, -1.0))
            if leave <= ends:
                column.append((row + leave - first, 1.0))
    for moment in range(moments):
        column = matrix.column(0.0, capacity.at((first + moment) * SLOT_MS))
        column.append((row + moment, 1.0))
        if moment + 1 < moments:
            column.append((row + moment + 1, -1.0))


def _solve(matrix: _Matrix, singles: int) -> int:
    """The most of the sum, from above. The first `singles` rows are at most 1, the others 0."""
    highspy: Any = import_module("highspy")
    np: Any = import_module("numpy")
    lengths = [len(column) for column in matrix.columns]
    start = np.array([0, *accumulate(lengths)], dtype=np.int32)
    index = np.array([row for column in matrix.columns for row, _ in column], dtype=np.int32)
    value = np.array([value for column in matrix.columns for _, value in column])
    gain, most = np.array(matrix.gain), np.array(matrix.most)
    lower, upper = np.zeros(matrix.rows), np.zeros(matrix.rows)
    lower[:singles], upper[:singles] = -highspy.kHighsInf, 1.0
    programme = highspy.HighsLp()
    programme.num_col_, programme.num_row_ = len(gain), matrix.rows
    programme.sense_ = highspy.ObjSense.kMaximize
    programme.col_cost_, programme.col_lower_ = gain, np.zeros(len(gain))
    programme.col_upper_ = most
    programme.row_lower_, programme.row_upper_ = lower, upper
    programme.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    programme.a_matrix_.start_, programme.a_matrix_.index_ = start, index
    programme.a_matrix_.value_ = value
    # The class without its Python cover, which greets on stdout.
    solver = highspy._Highs()
    for name, setting in (("output_flag", False), ("solver", "ipm"), ("run_crossover", "off")):
        solver.setOptionValue(name, setting)
    solver.passModel(programme)
    solver.run()
    prices = np.array(solver.getSolution().row_dual)
    if len(prices) != matrix.rows or not np.all(np.isfinite(prices)):
        return singles
    columns = np.repeat(np.arange(len(gain)), lengths)

    def limit(price: Any) -> float:
        price = price.copy()
        price[:singles] = np.maximum(price[:singles], 0.0)
        left = gain - np.bincount(columns, weights=value * price[index], minlength=len(gain))
        return float(price[:singles].sum() + (np.maximum(left, 0.0) * most).sum())

    # Whichever sign the solver gives its prices: the wrong one is only a worse limit.
    return min(singles, floor(min(limit(prices), limit(-prices)) + 1e-6))
