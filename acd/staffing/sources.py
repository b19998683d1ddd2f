"""Puts a forecast together: reads the history that is wanted, tests the method, looks ahead."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from acd.core.names import Millis
from acd.problems import Problems, near_miss
from acd.settings import Settings
from acd.sim.trace import COLUMNS as TRACE_COLUMNS
from acd.sim.trace import Trace
from acd.staffing.backtest import LEARN_DAYS, Backtest, backtest
from acd.staffing.forecast import read_forecast
from acd.staffing.history import (
    RECENT_DAYS,
    History,
    from_calls,
    from_intervals,
    from_records,
)
from acd.staffing.outlook import (
    Event,
    Outlook,
    When,
    from_history,
    made_to_add_up,
    with_events,
)
from acd.staffing.seasonal import Day
from acd.store import Records, StoreError

MISTAKES_MAX = 20
WITHOUT = "without history: acd forecast --scenario shipped"


class NoForecast(Exception):
    """Why there is none; the message is for a person, and says what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. `first` None: next Monday, or the day after the file ends."""

    settings: Settings
    zone: ZoneInfo
    holidays: Collection[date]
    now: datetime
    first: date | None
    weeks: int
    history_weeks: int
    file: Path | None = None
    file_start: datetime | None = None
    topic: str | None = None
    by_topic: bool = False
    events: Sequence[Event] = field(default=())

    @property
    def needs_topics(self) -> bool:
        """Whether calls have to be told apart by topic."""
        named = any(event.topic is not None for event in self.events)
        return self.by_topic or self.topic is not None or named


@dataclass(slots=True)
class Known:
    """A history that is long enough, and the days to forecast from it."""

    source: str
    history: History
    days: list[Day]
    when: When

    @property
    def days_counted(self) -> int:
        """Of how many days anything is known."""
        return _counted(self.days)

    @property
    def calls(self) -> float:
        """All calls that were counted."""
        return sum(calls or 0.0 for day in self.days for calls in day.calls)

    def holidays_ahead(self) -> list[date]:
        """Those among the days to forecast."""
        days = (self.when.first + timedelta(days=n) for n in range(self.when.days))
        return [day for day in days if day in self.when.holidays]

    def has_holidays_behind(self) -> bool:
        """Whether one of the days learned from was a holiday."""
        return any(day.is_holiday for day in self.days)

    def weeks_not_known(self) -> int:
        """Whole weeks from the last day known to the first to forecast."""
        return (self.when.first - self.days[-1].date).days // 7

    def outlooks(self, wanted: Wanted) -> tuple[dict[str | None, Outlook], Backtest]:
        """By topic, or of all calls (None); and how the method did for them."""
        test = backtest(self.days, wanted.weeks)
        whole = from_history(self.days, (self.history.total,), test, self.when)
        topics = self._topics(wanted)
        tests = {}
        parts = {}
        for topic in topics:
            series = self.history.topics[topic]
            days = self.history.days_of(topic, self.days)
            tests[topic] = backtest(days, wanted.weeks, test.knobs)
            times = (series, self.history.total)
            parts[topic] = from_history(days, times, tests[topic], self.when)
        if wanted.topic is not None:
            found = with_events(parts[wanted.topic], wanted.events, parts, wanted.topic)
            return {wanted.topic: found}, tests[wanted.topic]
        if wanted.by_topic:
            moved = made_to_add_up(whole, parts)
            return {
                topic: with_events(part, wanted.events, moved, topic)
                for topic, part in moved.items()
            }, test
        return {None: with_events(whole, wanted.events, parts, None)}, test

    def _topics(self, wanted: Wanted) -> list[str]:
        known = self.history.topics
        if wanted.by_topic:
            return sorted(known)
        named = [wanted.topic, *(event.topic for event in wanted.events)]
        for topic in named:
            if topic is not None and topic not in known:
                hint = near_miss(topic, known) or _listed(known)
                raise NoForecast(f"{self.source}: there is no call about '{topic}'{hint}")
        return sorted({topic for topic in named if topic is not None})


def learn(wanted: Wanted) -> Known:
    """Read the history. Raises NoForecast when it cannot be read or is too short."""
    if wanted.file is None:
        source = "records"
        first: date | None = wanted.first or next_monday(wanted.now.date())
        assert first is not None
        history = _from_records(wanted, first)
    else:
        source = str(wanted.file)
        first = wanted.first
        history = _from_file(wanted, wanted.file)
    days = [day for day in history.days() if first is None or day.date < first]
    last = days[-1].date if days else None
    if last is not None:
        days = [day for day in days if (last - day.date).days < 7 * wanted.history_weeks]
    if last is None or _counted(days) < LEARN_DAYS:
        before = f" before {first}" if first is not None else ""
        raise NoForecast(
            f"{source}: calls were counted on {_counted(days)} days{before}; a forecast needs "
            f"{LEARN_DAYS}. Give more with --history FILE, or plan {WITHOUT}"
        )
    begins = first or last + timedelta(days=1)
    return Known(
        source, history, days, When(begins, 7 * wanted.weeks, wanted.zone, wanted.holidays)
    )


def next_monday(today: date) -> date:
    """The first Monday after a day."""
    return today + timedelta(days=7 - today.weekday())


def _from_records(wanted: Wanted, first: date) -> History:
    until = min(wanted.now, datetime.combine(first, time(), wanted.zone))
    begin = until.date() - timedelta(weeks=wanted.history_weeks)
    since = datetime.combine(begin, time(), wanted.zone)
    recent = until.date() - timedelta(days=RECENT_DAYS)
    history = History(wanted.zone, wanted.holidays, recent)
    try:
        records = Records.open(wanted.settings.service.database)
        try:
            from_records(records, history, _ms(since), _ms(until), by_topic=wanted.needs_topics)
        finally:
            records.close()
    except StoreError as error:
        raise NoForecast(f"{error}; or plan {WITHOUT}") from error
    return history


def _from_file(wanted: Wanted, file: Path) -> History:
    problems = Problems(MISTAKES_MAX)
    try:
        with file.open(encoding="utf-8-sig") as stream:
            heading = stream.readline()
            is_trace = TRACE_COLUMNS[0] in heading.strip().split(",")
            text = "" if is_trace else heading + stream.read()
    except UnicodeDecodeError as error:
        raise NoForecast(f"{file}: this is no UTF-8; save the file as CSV in UTF-8") from error
    history = (
        _from_trace(wanted, file, problems) if is_trace else _from_table(wanted, text, problems)
    )
    if history is None or problems.has_errors:
        more = problems.error_count - len(problems)
        tail = f"\n{file}: and {more} more mistakes" if more > 0 else ""
        raise NoForecast(problems.render() + tail)
    return history


def _from_table(wanted: Wanted, text: str, problems: Problems) -> History | None:
    if wanted.needs_topics:
        raise NoForecast(
            f"{wanted.file}: a table of intervals has no topics; give a trace, or leave --topic, "
            "--by-topic and the topic of --event out"
        )
    file = str(wanted.file)
    table = read_forecast(text, file, problems)
    if table is None:
        return None
    last = table.intervals[-1].start.date()
    history = History(wanted.zone, wanted.holidays, _recent(wanted, last))
    from_intervals(table, history, wanted.zone, file, problems)
    return history


def _from_trace(wanted: Wanted, file: Path, problems: Problems) -> History | None:
    if wanted.file_start is None:
        raise NoForecast(
            f"{file}: a trace counts seconds from a start; say which: --history-start 2026-11-23"
        )
    rules = wanted.settings.rules
    topics = [*rules.topics, *rules.queues]
    trace = Trace(file, wanted.settings.service.languages, topics)
    span = trace.check(problems)
    if span is None:
        return None
    last = (wanted.file_start + timedelta(milliseconds=span.last_ms)).date()
    history = History(wanted.zone, wanted.holidays, _recent(wanted, last))
    from_calls(trace, history, wanted.file_start)
    return history


def _recent(wanted: Wanted, last: date) -> date:
    return min(last, wanted.first or last) - timedelta(days=RECENT_DAYS)


def _counted(days: Sequence[Day]) -> int:
    return sum(any(calls is not None for calls in day.calls) for day in days)


def _listed(names: Collection[str]) -> str:
    return f"; there are {', '.join(sorted(names))}" if names else ""


def _ms(moment: datetime) -> Millis:
    return Millis(round(moment.timestamp() * 1000))
