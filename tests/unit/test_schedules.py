"""When a schedule holds, and whether an entry can be right."""

import dataclasses
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core.checks import is_iin, passes
from ivr.core.schedules import Interval, Override, Schedule, date_of, holds


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


WORK = Schedule("work", daily=(Interval(540, 780), Interval(840, 1080)), weekdays=(0, 1, 2, 3, 4))


@pytest.mark.parametrize(
    ("when", "is_on"),
    [
        ("2026-03-09T08:59", False),
        ("2026-03-09T09:00", True),
        ("2026-03-09T12:59:59.999", True),
        ("2026-03-09T13:00", False),
        ("2026-03-09T17:59", True),
        ("2026-03-13T09:00", True),
        ("2026-03-14T09:00", False),
    ],
)
def test_hours_on_working_days(when, is_on):
    assert holds(WORK, at(when)) is is_on


@pytest.mark.parametrize(
    ("when", "is_on"),
    [
        ("2026-03-14T21:59", False),
        ("2026-03-14T22:00", True),
        ("2026-03-15T03:00", True),
        ("2026-03-15T08:00", False),
        ("2026-03-15T22:00", False),
        ("2026-03-14T03:00", False),
    ],
)
def test_hours_past_midnight_belong_to_the_day_they_began_on(when, is_on):
    assert holds(Schedule("sat", (Interval(1320, 480),), weekdays=(5,)), at(when)) is is_on


def test_a_whole_day_is_from_midnight_to_midnight():
    always = Schedule("always", (Interval(0, 1440),))
    same = Schedule("same", (Interval(480, 480),))
    for hour in range(24):
        moment = at(f"2026-03-14T{hour:02d}:30")
        assert holds(always, moment)
        assert holds(same, moment)


def test_weekdays_and_dates_add_up():
    days = Schedule("days", weekdays=(5, 6), dates=("2026-03-09",))
    assert [holds(days, at(f"2026-03-{day:02d}T12:00")) for day in range(8, 16)] == [
        *(True, True, False, False, False, False, True, True),
    ]


def test_a_night_at_new_year_belongs_to_the_last_day_of_the_year():
    night = Schedule("night", (Interval(1320, 480),), dates=("2027-12-31",))
    assert holds(night, at("2028-01-01T07:59"))
    assert not holds(night, at("2027-12-31T07:59"))


def test_a_schedule_of_holidays_holds_on_them_and_on_no_other_day():
    holiday = Schedule("holiday", holidays=frozenset({"2026-12-16"}))
    assert holds(holiday, at("2026-12-16T00:00"))
    assert holds(holiday, at("2026-12-16T23:59"))
    assert not holds(holiday, at("2026-12-17T00:00"))


def test_a_holiday_can_close_what_is_open():
    closed = dataclasses.replace(WORK, holidays=frozenset({"2026-03-09"}), on_holidays=False)
    assert not holds(closed, at("2026-03-09T10:00"))
    assert holds(closed, at("2026-03-10T10:00"))


@pytest.mark.parametrize("is_on", [True, False])
def test_an_override_lasts_until_its_time_or_until_it_is_taken_back(is_on):
    feast = dataclasses.replace(WORK, holidays=frozenset({"2026-03-09"}), on_holidays=not is_on)
    for_ever = dataclasses.replace(feast, override=Override(is_on))
    assert holds(for_ever, at("2026-03-09T10:00")) is is_on
    assert holds(for_ever, at("2036-03-09T03:00")) is is_on
    ending = dataclasses.replace(feast, override=Override(is_on, "2026-03-09T11:00:00"))
    assert holds(ending, at("2026-03-09T10:59:59")) is is_on
    assert holds(ending, at("2026-03-09T11:00")) is not is_on


@given(st.dates())
def test_a_day_has_the_name_the_calendar_gives_it(day):
    assert date_of(day.toordinal()) == day.isoformat()


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001
    st.integers(0, 1439),
    st.integers(1, 1440),
)
def test_a_schedule_every_day_is_on_as_long_as_its_hours_last(moment, start, length):
    end = (start + length) % 1440 if start + length > 1440 else start + length
    schedule = Schedule("s", (Interval(start, end),))
    midnight = datetime.combine(moment.date(), datetime.min.time())
    minutes = sum(holds(schedule, midnight + timedelta(minutes=each)) for each in range(1440))
    assert minutes == length


def test_the_calendar_of_tests_is_the_real_one():
    assert date(2026, 3, 9).weekday() == 0


@pytest.mark.parametrize(
    ("digits", "is_right"),
    [
        ("940507300021", True),
        ("940507300022", False),
        ("000000000101", True),  # the first weights give 10, the second decide
        ("000000000100", False),
        *((f"90000200000{check}", False) for check in range(10)),  # both give 10: nobody has it
        ("94050730002", False),
        ("9405073000211", False),
        ("94050730002a", False),
        ("٩٤٠٥٠٧٣٠٠٠٢١", False),
        ("", False),
    ],
)
def test_the_last_digit_of_an_iin_checks_the_others(digits, is_right):
    assert is_iin(digits) is is_right
    assert passes("iin", digits) is is_right


@given(st.integers(0, 10**11 - 1).map(lambda n: f"{n:011d}"), st.integers(0, 10), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(first, place, by):
    found = [first + str(check) for check in range(10) if is_iin(first + str(check))]
    assert len(found) <= 1
    for right in found:
        wrong = f"{(int(right[place]) + by) % 10}"
        changed = right[:place] + wrong + right[place + 1 :]
        if is_iin(changed):  # weights of 11 count for nothing: the last place before the check
            assert place == 10 or right[-1] == changed[-1]


def test_an_entry_may_have_a_pattern():
    assert passes(None, "anything")
    assert passes("[0-9]{3}", "101")
    assert not passes("[0-9]{3}", "1011")
