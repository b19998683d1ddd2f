"""The hour and the quiet hours as the router is told of them; head starts of repeat callers."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from acd.core.events import CallbacksHeld, HourChanged
from acd.core.names import Millis
from acd.hours import Hours
from acd.repeat_callers import WITHIN_MS, RepeatCallers
from acd.settings import Callbacks

ZONE = ZoneInfo("Asia/Almaty")


class Day:
    """A day in Almaty; `at` moves the clock and looks."""

    def __init__(self, quiet=(21 * 60, 8 * 60)):
        self.quiet = quiet
        self.told = []
        self.now = 0
        self.hours = Hours(
            lambda: Millis(self.now), ZONE, lambda: Callbacks(quiet=self.quiet), self.told.append
        )

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
