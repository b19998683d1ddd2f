"""The hour and the quiet hours as the router is told of them; head starts of repeat callers."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from acd.core.events import CallbacksHeld, HourChanged, ShiftEnds
from acd.core.names import Millis
from acd.hours import Hours, shift_end
from acd.repeat_callers import WITHIN_MS, RepeatCallers
from acd.settings import Callbacks, Shift
from tests.unit.routing import PENSION, RU, A, B, operator

ZONE = ZoneInfo("Asia/Almaty")


class Day:
    """A day in Almaty; `at` moves the clock and looks."""

    def __init__(self, quiet=(21 * 60, 8 * 60)):
        self.shifts, self.operators = {}, {}
        self.quiet = quiet
        self.told = []
        self.now = 0
        self.hours = Hours(
            lambda: Millis(self.now),
            ZONE,
            callbacks=lambda: Callbacks(quiet=self.quiet),
            shifts=lambda: self.shifts,
            operators=lambda: self.operators,
            post=self.told.append,
        )

    def ends(self, clock):
        """What is told of shifts at that time."""
        return [event for event in self.at(clock) if isinstance(event, ShiftEnds)]

    def at(self, clock):
        hour, minute = map(int, clock.split(":"))
        moment = datetime(2026, 11, 23, hour, minute, tzinfo=ZONE)
        self.now = int(moment.timestamp() * 1000)
        self.told.clear()
        self.hours.look()
        return list(self.told)


def test_the_first_look_tells_both_and_then_only_what_changes():
    day = Day()
    assert day.at("07:58") == [HourChanged(7), CallbacksHeld(held=True)]
    assert day.at("07:59") == []
    assert day.at("08:00") == [HourChanged(8), CallbacksHeld(held=False)]
    assert day.at("20:59") == [HourChanged(20)]
    assert day.at("21:00") == [HourChanged(21), CallbacksHeld(held=True)]


def test_a_reload_of_the_quiet_hours_counts_at_the_next_look():
    day = Day(quiet=None)
    assert CallbacksHeld(held=False) in day.at("23:00")
    day.quiet = (22 * 60, 6 * 60)
    assert day.at("23:00") == [CallbacksHeld(held=True)]


def moment(day, clock, zone=ZONE):
    """Epoch ms of a time on the wall, on a day of November 2026; the 23rd is a Monday."""
    hour, minute = map(int, clock.split(":"))
    return int(datetime(2026, 11, day, hour, minute, tzinfo=zone).timestamp() * 1000)


WEEKDAYS, ALL = (0, 1, 2, 3, 4), (0, 1, 2, 3, 4, 5, 6)
DAY, NIGHT = (8 * 60, 17 * 60), (20 * 60, 8 * 60)


@pytest.mark.parametrize(
    ("days", "hours", "day", "clock", "end"),
    [
        (WEEKDAYS, DAY, 23, "07:59", None),
        (WEEKDAYS, DAY, 23, "08:00", (23, "17:00")),
        (WEEKDAYS, DAY, 23, "16:59", (23, "17:00")),
        (WEEKDAYS, DAY, 23, "17:00", None),
        (WEEKDAYS, DAY, 22, "12:00", None),  # a Sunday
        (WEEKDAYS, NIGHT, 23, "19:59", None),
        (WEEKDAYS, NIGHT, 23, "20:00", (24, "08:00")),
        (WEEKDAYS, NIGHT, 24, "07:59", (24, "08:00")),
        (WEEKDAYS, NIGHT, 23, "07:00", None),  # Sunday's night has no shift
        (WEEKDAYS, NIGHT, 28, "07:00", (28, "08:00")),  # Friday's
        (WEEKDAYS, NIGHT, 28, "08:00", None),
        (ALL, (16 * 60, 0), 23, "23:59", (24, "00:00")),
        ((0, 1), (0, 1440), 23, "12:00", (25, "00:00")),  # one day joins the next
        (ALL, (0, 1440), 23, "12:00", None),  # and never ends
        ((), DAY, 23, "12:00", None),
    ],
)
def test_when_the_shift_ends_that_is_on_duty(days, hours, day, clock, end):
    now = datetime.fromtimestamp(moment(day, clock) / 1000, ZONE)
    found = shift_end(Shift("A", days, *hours), now)
    assert found == (moment(*end) if end else None)


def test_a_night_in_which_the_clocks_change_ends_by_the_clock_on_the_wall():
    zone = ZoneInfo("Europe/Berlin")
    for month, day, length in ((3, 28, 11), (10, 24, 13)):
        begins = datetime(2026, month, day, 20, 0, tzinfo=zone)
        found = shift_end(Shift("N", ALL, *NIGHT), begins)
        assert found == (begins.timestamp() + length * 3600) * 1000


def test_whoever_is_on_duty_is_told_at_the_start_at_changes_and_at_a_reload():
    day = Day()
    day.shifts = {"A": Shift("A", WEEKDAYS, *DAY), "N": Shift("N", WEEKDAYS, *NIGHT)}
    profile = operator(A, {RU: 5}, {PENSION: 5})
    day.operators = {A: profile, B: replace(profile, id=B, shift="N")}
    assert day.ends("07:00") == []
    assert day.ends("08:00") == [ShiftEnds(A, moment(23, "17:00"))]
    assert day.ends("08:01") == []
    day.shifts["A"] = Shift("A", WEEKDAYS, 8 * 60, 18 * 60)
    assert day.ends("12:00") == [ShiftEnds(A, moment(23, "18:00"))]
    assert day.ends("18:00") == [], "whoever works on past the end is known to"
    assert day.ends("20:00") == [ShiftEnds(B, moment(24, "08:00"))]
    day.shifts["N"] = Shift("N", (5,), *NIGHT)
    assert day.ends("20:01") == [ShiftEnds(B, None)]
    gone = day.operators.pop(A)
    assert day.ends("20:02") == []
    day.shifts["A"] = Shift("A", WEEKDAYS, *DAY)
    day.operators[A] = gone
    assert day.ends("16:00") == [ShiftEnds(A, moment(23, "17:00"))]
    del day.operators[A]
    assert day.ends("16:01") == []
    day.operators[A] = gone
    assert day.ends("16:02") == [ShiftEnds(A, moment(23, "17:00"))], "a seat of its own again"


def repeat(now=0):
    world = type("World", (), {"now": now})()
    return world, RepeatCallers(lambda: Millis(world.now))


def test_who_gave_up_within_the_hour_has_a_head_start_once():
    world, callers = repeat()
    callers.gave_up("77010001122")
    world.now = WITHIN_MS
    assert callers.head_start("77015550000", Millis(30_000)) == 0
    assert callers.head_start("77010001122", Millis(30_000)) == 30_000
    assert callers.head_start("77010001122", Millis(30_000)) == 0


@pytest.mark.parametrize("late_ms", [1, 10_000_000])
def test_after_an_hour_it_is_forgotten(late_ms):
    world, callers = repeat()
    callers.gave_up("77010001122")
    world.now = WITHIN_MS + late_ms
    assert callers.head_start("77010001122", Millis(30_000)) == 0


def test_a_withheld_number_is_nobodys():
    _, callers = repeat()
    callers.gave_up("")
    assert callers.head_start("", Millis(30_000)) == 0


def test_what_is_on_record_counts_too_unless_it_is_older_than_what_was_seen():
    _, callers = repeat(now=5_000_000)
    callers.gave_up("1")
    callers.restored({"1": Millis(1), "2": Millis(4_999_999)})
    assert callers.head_start("1", Millis(7)) == 7
    assert callers.head_start("2", Millis(7)) == 7
