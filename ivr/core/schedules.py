"""When something holds: daily hours, weekdays, dates and holidays, in one time zone.

Rules. An override beats a holiday, a holiday beats the ordinary days. Daily hours are half-open:
22:00-08:00 holds at 22:00 and no longer at 08:00. Hours that cross midnight belong to the day
they begin on: those of a Saturday go on into Sunday morning. Dates are texts, `2026-12-16`.
"""

from dataclasses import dataclass
from typing import Protocol

MINUTES_OF_DAY = 24 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class LocalTime(Protocol):
    """What is read of a moment in the zone of a dialplan; a `datetime` has it all."""

    @property
    def hour(self) -> int:
        """0..23."""

    @property
    def minute(self) -> int:
        """0..59."""

    def weekday(self) -> int:
        """0 is Monday."""

    def toordinal(self) -> int:
        """The number of the day."""

    def isoformat(self, sep: str = ..., timespec: str = ...) -> str:
        """`2026-12-16T22:00...`."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Minutes after midnight, 0..1440: `start` counts, `end` does not; `end` <= `start` is past
    midnight.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Override:
    """Operations have switched a schedule on or off by hand.

    `until` is a local time such as `2026-12-16T08:00`, from which on it no longer counts; None
    lasts until somebody takes it back.
    """

    is_on: bool
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A named time; see `holds`.

    `daily` empty is the whole day. `weekdays` (0 is Monday) and `dates` name the days, both
    together; both empty is every day. A schedule with none of the three holds on holidays only.
    `on_holidays` is what it is on a day of `holidays`.
    """

    name: str
    daily: tuple[Interval, ...] = ()
    weekdays: tuple[int, ...] = ()
    dates: tuple[str, ...] = ()
    holidays: frozenset[str] = frozenset()
    on_holidays: bool = True
    override: Override | None = None


def holds(schedule: Schedule, local: LocalTime) -> bool:
    """Whether a schedule holds at a local time."""
    stamp = local.isoformat(sep="T", timespec="minutes")[:16]
    override = schedule.override
    if override is not None and (override.until is None or stamp < override.until[:16]):
        return override.is_on
    if stamp[:10] in schedule.holidays:
        return schedule.on_holidays
    if not (schedule.daily or schedule.weekdays or schedule.dates):
        return False
    today, yesterday = local.toordinal(), local.toordinal() - 1
    if not schedule.daily:
        return _is_day(schedule, today, local.weekday())
    is_today = _is_day(schedule, today, local.weekday())
    is_night_after = _is_day(schedule, yesterday, (local.weekday() - 1) % 7)
    minute = local.hour * 60 + local.minute
    return any(_is_within(hours, minute, is_today, is_night_after) for hours in schedule.daily)


def _is_within(hours: Interval, minute: int, is_today: bool, is_night_after: bool) -> bool:
    if hours.start < hours.end:
        return is_today and hours.start <= minute < hours.end
    return (is_today and minute >= hours.start) or (is_night_after and minute < hours.end)


def _is_day(schedule: Schedule, ordinal: int, weekday: int) -> bool:
    if not schedule.weekdays and not schedule.dates:
        return True
    return weekday in schedule.weekdays or date_of(ordinal) in schedule.dates


def date_of(ordinal: int) -> str:
    """The day of that number (1 is 1 January of year 1) in the calendar, as `2026-12-16`."""
    day = ordinal - 1
    year = day * 400 // 146_097 + 1  # right, or one too early
    while _days_before(year + 1) <= day:
        year += 1
    left, month = day - _days_before(year), 1
    while left >= _days_in(year, month):
        left -= _days_in(year, month)
        month += 1
    return f"{year:04d}-{month:02d}-{left + 1:02d}"


def _days_before(year: int) -> int:
    past = year - 1
    return past * 365 + past // 4 - past // 100 + past // 400


def _days_in(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31
