"""Rule E22: times that cannot be meant. What depends on the day is asked only when it is told."""

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ivr.core.schedules import MINUTES_OF_DAY, Interval, Schedule
from ivr.lint_report import Report

_OFFSET = re.compile(r"[+-]\d\d:\d\d")

HOLIDAYS_LEFT_MIN = timedelta(days=30)


def check_schedules(report: Report) -> None:
    """The zone, and every schedule of the dialplan."""
    today = report.world.today
    _check_zone(report, today)
    for schedule in report.plan.schedules.values():
        _check_hours(report, schedule)
        if today is not None:
            _check_days(report, schedule, today)


def _check_zone(report: Report, today: date | None) -> None:
    expected = report.draft.expect_offset
    if expected is None:
        return
    if not _OFFSET.fullmatch(expected):
        message = f"'{expected}' is no offset; write hours and minutes, as in \"+05:00\""
        report.error(("expect_offset",), "E22", message)
        return
    if today is None:
        return
    noon = datetime.combine(today, time(12), ZoneInfo(report.plan.timezone))
    found = f"{noon:%z}"
    offset = f"{found[:3]}:{found[3:5]}"
    if offset != expected:
        message = f"{report.plan.timezone} is {offset} from UTC on this machine, not {expected}"
        remedy = "bring the zone data (tzdata) up to date, or correct the offset"
        report.error(("expect_offset",), "E22", f"{message}; {remedy}")


def _check_hours(report: Report, schedule: Schedule) -> None:
    at = ("schedules", schedule.name, "daily")
    for hours in schedule.daily:
        if hours.start == hours.end:
            message = f"{_in_words(hours)} is no time at all; write two different times"
            report.error(at, "E22", message)
    for index, one in enumerate(schedule.daily):
        for other in schedule.daily[index + 1 :]:
            if _minutes(one) & _minutes(other):
                message = f"{_in_words(one)} and {_in_words(other)} overlap; join them"
                report.error(at, "E22", message)


def _check_days(report: Report, schedule: Schedule, today: date) -> None:
    at = ("schedules", schedule.name)
    stamp = today.isoformat()
    dates = schedule.dates
    if dates and not schedule.weekdays and max(dates) < stamp:
        message = f"the last of these dates, {max(dates)}, is past; write the next ones"
        report.error((*at, "dates"), "E22", message)
    if not schedule.holidays:
        return
    last = max(schedule.holidays)
    if last < stamp:
        message = f"the last holiday of the file, {last}, is past; add those to come"
        report.error((*at, "file"), "E22", message)
    elif date.fromisoformat(last) - today < HOLIDAYS_LEFT_MIN:
        message = f"the holidays of the file end on {last}, within 30 days; add those that follow"
        report.error((*at, "file"), "E22", message)


def _minutes(hours: Interval) -> int:
    """The minutes of a day as bits; those after midnight count as the beginning of the day."""
    length = (hours.end - hours.start) % MINUTES_OF_DAY or MINUTES_OF_DAY
    bits = ((1 << length) - 1) << hours.start
    return (bits | bits >> MINUTES_OF_DAY) & ((1 << MINUTES_OF_DAY) - 1)


def _in_words(hours: Interval) -> str:
    ends = (f"{m // 60:02d}:{m % 60:02d}" for m in (hours.start, hours.end))
    return "-".join(ends)
