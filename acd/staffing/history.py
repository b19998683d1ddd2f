"""Calls of the past by local quarter hours: from the records, a table of intervals, or a trace."""

from array import array
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from acd.core.names import Millis
from acd.problems import Problems
from acd.settings_entries import check_schema
from acd.sim.calls import Call
from acd.staffing.forecast import Forecast
from acd.staffing.seasonal import HOLIDAY, QUARTERS, Day, without_outages
from acd.store import Records
from acd.store.demand import QUARTER_MS
from acd.yaml_nodes import Node
from acd.yaml_source import read_yaml

QUARTER_S = 900
MINUTES = 15
WEEK_MS = 7 * 86_400_000
RECENT_DAYS = 91
"""Handle time and patience are those of so many days: they change sooner than habits do."""
ANSWERED_LEAST = 50
GAVE_UP_LEAST = 30
"""With fewer a mean says little, and that of a wider pool is taken."""
WAITED_S = 300.0
"""A row with a patience weighs as if each of its calls had waited so long."""

Pool = tuple[int | None, int | None]


@dataclass(slots=True)
class Sums:
    """What a handle time and a patience are made of."""

    answered: float = 0.0
    handle_s: float = 0.0
    gave_up: float = 0.0
    wait_s: float = 0.0


@dataclass(slots=True)
class Series:
    """The calls of the centre, or of a topic, by local day and quarter; times by kind and hour."""

    calls: dict[date, "array[float]"] = field(default_factory=dict)
    sums: dict[Pool, Sums] = field(default_factory=dict)

    def handle_s(self, kind: int, hour: int) -> float | None:
        """The mean of this hour on such a day; of this hour on any, or of all, where few."""
        for pool in self._pools(kind, hour):
            if pool.answered >= ANSWERED_LEAST:
                return pool.handle_s / pool.answered
        last = self._whole()
        return last.handle_s / last.answered if last.answered else None

    def patience_s(self, kind: int, hour: int) -> float | None:
        """All waiting by the number who gave up; pools as above. None: nobody ever gave up."""
        for pool in self._pools(kind, hour):
            if pool.gave_up >= GAVE_UP_LEAST:
                return pool.wait_s / pool.gave_up
        last = self._whole()
        return last.wait_s / last.gave_up if last.gave_up and last.wait_s else None

    def _pools(self, kind: int, hour: int) -> Iterator[Sums]:
        for pool in ((kind, hour), (None, hour), (kind, None)):
            if pool in self.sums:
                yield self.sums[pool]

    def _whole(self) -> Sums:
        return self.sums.get((None, None), Sums())


class History:
    """What was counted, in the centre's zone. Quarters are added in any order.

    On the day the clocks go back an hour is there twice, and its quarters are the mean of both; on
    the day they go forward the one that is left out was not counted.
    """

    def __init__(self, zone: ZoneInfo, holidays: Collection[date], recent: date) -> None:
        self._zone = zone
        self._holidays = holidays
        self._recent = recent
        self._local: tuple[int, date, int] = (-1, date.min, 0)
        self._minutes: dict[date, array[float]] = {}
        self.total = Series()
        self.topics: dict[str, Series] = {}

    def counted(self, quarter: int, minutes: float = MINUTES) -> None:
        """So much of a quarter hour since the epoch is known."""
        day, at = self._place(quarter)
        self._minutes.setdefault(day, _zeros())[at] += minutes

    def add(self, quarter: int, calls: float, sums: Sums, topic: str | None = None) -> None:
        """Calls of a quarter hour since the epoch; of a topic they count there and in the whole."""
        day, at = self._place(quarter)
        kind = HOLIDAY if day in self._holidays else day.weekday()
        series = [self.total]
        if topic is not None:
            series.append(self.topics.setdefault(topic, Series()))
        for each in series:
            each.calls.setdefault(day, _zeros())[at] += calls
            if day >= self._recent:
                _pour(each.sums, kind, at // 4, sums)

    def days(self) -> list[Day]:
        """All days from the first to the last of which something is known; outages are unknown."""
        known = [day for day, minutes in self._minutes.items() if max(minutes) >= MINUTES]
        if not known:
            return []
        first, last = min(known), max(known)
        span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        days = without_outages([self._day(day, self.total) for day in span])
        while days and not any(calls is not None for calls in days[-1].calls):
            days.pop()
        return days

    def days_of(self, topic: str, days: Iterable[Day]) -> list[Day]:
        """The same days, with the calls of a topic only."""
        series = self.topics[topic]
        found = []
        for day in days:
            own = self._day(day.date, series)
            calls = tuple(
                None if whole is None else part
                for whole, part in zip(day.calls, own.calls, strict=True)
            )
            found.append(Day(day.date, day.is_holiday, calls))
        return found

    def _day(self, day: date, series: Series) -> Day:
        minutes = self._minutes.get(day)
        calls = series.calls.get(day)
        counts: tuple[float | None, ...] = (None,) * QUARTERS
        if minutes is not None:
            counts = tuple(
                (calls[at] if calls else 0.0) * MINUTES / minutes[at]
                if minutes[at] >= MINUTES
                else None
                for at in range(QUARTERS)
            )
        return Day(day, day in self._holidays, counts)

    def _place(self, quarter: int) -> tuple[date, int]:
        if quarter != self._local[0]:
            local = datetime.fromtimestamp(quarter * QUARTER_S, self._zone)
            self._local = quarter, local.date(), local.hour * 4 + local.minute // MINUTES
        return self._local[1:]


def from_records(
    records: Records, history: History, since: Millis, until: Millis, *, by_topic: bool
) -> None:
    """Fill the history from the records, between two moments.

    The first quarter hour with a call is left out: nobody knows when in it the records began.
    """
    span = records.queued_span()
    if span is None or span[0] >= until:
        return
    first = max(-(-since // QUARTER_MS), span[0] // QUARTER_MS + 1)
    last = until // QUARTER_MS
    for quarter in range(first, last):
        history.counted(quarter)
    begin, end = Millis(first * QUARTER_MS), Millis(last * QUARTER_MS)
    for found in records.demand(begin, end, by_topic=by_topic):
        sums = Sums(found.answered, found.handle_ms / 1000, found.gave_up, found.wait_ms / 1000)
        history.add(found.quarter, found.calls, sums, found.topic)


def from_intervals(
    table: Forecast, history: History, zone: ZoneInfo, file: str, problems: Problems
) -> None:
    """Fill the history from a table of intervals; starts without an offset are local times."""
    length = table.minutes
    if not (length % MINUTES == 0 or MINUTES % length == 0) or length > 60:
        message = (
            f"its intervals are {length:g} minutes long; write quarters of an hour, or 5, 30 or 60"
        )
        problems.error(file, 0, 0, "history", message)
        return
    for row in table.intervals:
        begin = row.start if row.start.tzinfo else row.start.replace(tzinfo=zone)
        minute = begin.astimezone(UTC).timestamp() / 60
        if minute % min(length, MINUTES):
            message = f"{row.start:%H:%M} is not where an interval of {length:g} minutes begins"
            problems.error(file, row.line, 1, "history", f"{message}; write 08:00, 08:15")
            return
        pieces = max(1, round(length / MINUTES))
        calls = row.calls / pieces
        sums = Sums()
        if row.handle_s is not None:
            sums.answered, sums.handle_s = calls, calls * row.handle_s
        if row.patience_s is not None:
            waited = calls * WAITED_S
            sums.gave_up, sums.wait_s = waited / row.patience_s, waited
        for piece in range(pieces):
            quarter = int(minute // MINUTES) + piece
            history.counted(quarter, min(length, MINUTES))
            history.add(quarter, calls, sums)


def from_calls(calls: Iterable[Call], history: History, start: datetime) -> None:
    """Fill the history from a trace whose second 0 is `start`; nothing is missing up to its end."""
    begin = round(start.timestamp() * 1000)
    known: int | None = None
    for call in calls:
        quarter = (begin + call.arrival_ms) // QUARTER_MS
        sums = Sums(1, call.handle_ms / 1000)
        if call.patience_ms is not None:
            sums.gave_up, sums.wait_s = 1, call.patience_ms / 1000
        if known is None:
            known = round(begin / QUARTER_MS)
        while known <= quarter:
            history.counted(known)
            known += 1
        history.add(quarter, 1, sums, call.topic)


def read_holidays(folder: Path, problems: Problems) -> frozenset[date]:
    """The dates in holidays.yaml; none when there is no such file."""
    file = folder / "holidays.yaml"
    root = read_yaml(file, problems) if file.is_file() else None
    fields = root.fields(required=["schema", "holidays"]) if root is not None else None
    if fields is None:
        return frozenset()
    check_schema(fields)
    return frozenset(fields.read("holidays", lambda node: node.list_of(Node.date)) or ())


def _zeros() -> "array[float]":
    return array("d", bytes(8 * QUARTERS))


def _pour(pools: dict[Pool, Sums], kind: int, hour: int, sums: Sums) -> None:
    for pool in ((kind, hour), (None, hour), (kind, None), (None, None)):
        into = pools.setdefault(pool, Sums())
        into.answered += sums.answered
        into.handle_s += sums.handle_s
        into.gave_up += sums.gave_up
        into.wait_s += sums.wait_s
