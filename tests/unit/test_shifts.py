"""Who is on duty when: holidays, changes for a day, the board, and all of it in the service."""

import json
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from acd.__main__ import main
from acd.cli.operators import standing
from acd.core.events import Ticked
from acd.core.names import Millis, OperatorId
from acd.core.seats import OperatorState
from acd.rota import Rota, end_of, turn_of, turns
from acd.settings import Shift
from acd.settings_crew import duties
from acd.shift_board import Live, Moment, board, gaps
from acd.shift_changes import FILE, ShiftChanges, ShiftError, Wanted
from acd.sim.duty import Calendar
from tests.unit.live import built, running_service
from tests.unit.settings_sample import EXAMPLE, load, write

ZONE = ZoneInfo("Asia/Almaty")
WEEK, WORKDAYS = tuple(range(7)), (0, 1, 2, 3, 4)
MONDAY = date(2026, 11, 23)
OPERATORS = """\
schema: 1
operators:
  op001: {shift: A, languages: {kk: 5, ru: 4}, topics: {pension: 4, general: 3}}
  op002: {shift: B, languages: {ru: 5, en: 3}, topics: {general: 5}}
  op003: {shift: A, languages: {ru: 5}, topics: {general: 5, pension: 5}}
"""


def wall(day, clock):
    return datetime.combine(date(2026, 11, day), time.fromisoformat(clock))


def ms(day, clock):
    return Millis(round(wall(day, clock).replace(tzinfo=ZONE).timestamp() * 1000))


@pytest.fixture
def settings(tmp_path):
    return load(write(tmp_path, {**EXAMPLE, "operators.yaml": OPERATORS}))[0]


class Office:
    """The changes of a day in the office; the clock is set by hand."""

    def __init__(self, settings, folder, day=23, clock="07:00"):
        self.settings, self.folder, self.now = settings, folder, ms(day, clock)
        self.open()

    def open(self):
        self.changes = ShiftChanges(self.folder, lambda: self.now, ZONE)

    def do(self, kind, operator, days, second=None, reason=None):
        return self.changes.change(self.settings, Wanted(kind, operator, days, second, reason))

    def works(self, operator, day):
        found = self.changes.rota(self.settings).turns(OperatorId(operator), date(2026, 11, day))
        return [(each.turn.shift, each.how) for each in found]


@pytest.fixture
def office(settings, tmp_path):
    return Office(settings, tmp_path)


# Holidays


@pytest.mark.parametrize(
    ("rule", "days"), [("works", [23, 24, 25]), ("off", [23, 25]), ("only", [24])]
)
def test_a_shift_works_its_days_and_the_holidays_among_them_as_it_says(rule, days):
    shift = Shift("A", (0, 1, 2), 480, 1020, (), rule)
    holidays = {date(2026, 11, 24), date(2026, 11, 26)}
    found = [
        each.day.day for each, _ in zip(turns(shift, MONDAY, holidays), range(3), strict=False)
    ]
    assert found[: len(days)] == days


def test_a_shift_for_holidays_has_no_turn_after_the_last_known_one():
    shift = Shift("H", WEEK, 480, 1020, (), "only")
    assert list(turns(shift, MONDAY, set())) == []
    assert [each.day for each in turns(shift, MONDAY, {date(2026, 12, 16)})] == [date(2026, 12, 16)]


def test_the_rule_is_read_and_a_wrong_word_has_its_place(tmp_path):
    shifts = EXAMPLE["shifts.yaml"].replace('"08:00-17:00",', '"08:00-17:00", holidays: off,')
    files = {
        **EXAMPLE,
        "shifts.yaml": shifts,
        "holidays.yaml": "schema: 1\nholidays: [2026-12-16]\n",
    }
    found, problems = load(write(tmp_path, files))
    assert found.shifts["A"].holidays == "off"
    assert found.shifts["B"].holidays == "works"
    assert found.holidays == {date(2026, 12, 16)}
    assert not problems.has_errors
    files["shifts.yaml"] = shifts.replace("holidays: off", "holidays: maybe")
    _, problems = load(write(tmp_path, files))
    assert "'maybe'" in problems.render() and "shifts.yaml:3" in problems.render()


def test_the_simulated_crew_stays_at_home_on_a_holiday_as_the_live_one_does(settings):
    shifts = {"A": Shift("A", WORKDAYS, 480, 1020, (), "off"), "B": Shift("B", (), 0, 1)}
    object.__setattr__(settings, "shifts", shifts)
    object.__setattr__(settings, "holidays", frozenset({MONDAY}))
    calendar = Calendar(settings, datetime(2026, 11, 23, tzinfo=ZONE))
    assert not calendar.is_anybody_there(0, 24 * 3_600_000)
    assert calendar.is_anybody_there(24 * 3_600_000, 48 * 3_600_000)
    rota = Rota(shifts, settings.rules.operators, settings.holidays)
    assert set(rota.ends(datetime(2026, 11, 23, 12, tzinfo=ZONE)).values()) == {None}
    ends = rota.ends(datetime(2026, 11, 24, 12, tzinfo=ZONE))
    assert ends[OperatorId("op001")] == ms(24, "17:00")


def test_a_simulated_shift_for_holidays_only_ends_with_the_last_of_them(settings):
    shifts = {"A": Shift("A", WEEK, 480, 1020, (), "only"), "B": Shift("B", (), 0, 1)}
    object.__setattr__(settings, "shifts", shifts)
    object.__setattr__(settings, "holidays", frozenset({date(2026, 11, 24)}))
    calendar = Calendar(settings, datetime(2026, 11, 23, tzinfo=ZONE))
    assert calendar.is_anybody_there(24 * 3_600_000, 48 * 3_600_000)
    assert not calendar.is_anybody_there(48 * 3_600_000, 480 * 3_600_000)


def test_the_checks_look_at_the_days_around_a_holiday_too():
    day = Shift("day", WORKDAYS, 480, 1020, (), "off")
    night = Shift("night", WEEK, 960, 1200)
    feast = Shift("feast", (0,), 480, 1020, (), "only")
    found = duties([day, night, feast])
    assert {frozenset({"feast"}), frozenset({"feast", "night"}), frozenset({"day"})} <= found
    assert frozenset({"day", "feast"}) not in found, "they never work on the same day"
    assert frozenset({"night"}) in duties([night])
    assert duties([feast]) == {frozenset({"feast"})}


# Turns


def test_turns_that_touch_or_overlap_are_one_stay():
    day, late = Shift("A", WEEK, 480, 1020), Shift("C", WEEK, 960, 1200)
    spans = sorted(turn_of(each, MONDAY)[2:] for each in (day, late))
    assert end_of(spans, wall(23, "12:00")) == wall(23, "20:00")
    assert end_of(spans, wall(23, "07:59")) is None
    assert end_of(spans, wall(23, "20:00")) is None


@pytest.mark.parametrize(
    ("day", "clock", "is_on"),
    [
        (23, "07:44", False),
        (23, "07:45", True),
        (23, "16:59", True),
        (23, "17:00", False),
        (28, "12:00", False),
    ],
)
def test_who_comes_a_little_early_is_not_outside_of_the_shift(office, day, clock, is_on):
    rota = office.changes.rota(office.settings)
    assert rota.is_on(OperatorId("op001"), wall(day, clock), timedelta(minutes=15)) == is_on


def test_before_a_night_shift_at_midnight_the_next_day_counts(settings):
    shifts = {"A": Shift("A", (1,), 5, 480), "B": Shift("B", (), 0, 1)}
    rota = Rota(shifts, settings.rules.operators)
    early = timedelta(minutes=15)
    assert rota.is_on(OperatorId("op001"), wall(23, "23:50"), early)
    assert not rota.is_on(OperatorId("op001"), wall(23, "23:49"), early)


# Changes


def test_an_absence_takes_the_turns_of_its_days_and_no_others(office):
    office.do("absent", "op001", "2026-11-24..2026-11-25", reason="sick")
    assert [office.works("op001", day) for day in (23, 24, 25, 26)] == [
        [("A", "roster")], [], [], [("A", "roster")],
    ]  # fmt: skip
    assert office.works("op003", 24) == [("A", "roster")]


def test_a_swap_exchanges_the_day_and_an_extra_turn_comes_on_top(office):
    office.do("swap", "op001", "2026-11-24", "op002")
    assert office.works("op001", 24) == [("B", "swap")]
    assert office.works("op002", 24) == [("A", "swap")]
    office.do("add", "op003", "2026-11-28", "B")
    assert office.works("op003", 28) == [("B", "add")]
    office.changes.undo(office.settings, 1)
    assert office.works("op002", 24) == [("B", "roster")]


def test_changes_survive_a_restart_and_are_forgotten_after_sixty_days(office):
    office.do("absent", "op001", "2026-11-23", reason="sick")
    office.do("swap", "op001", "2026-11-24", "op002")
    office.changes.undo(office.settings, 2)
    before = office.changes.rows()
    office.open()
    assert office.changes.rows() == before
    assert [row["number"] for row in before] == [1]
    office.now += 61 * 86_400_000
    assert office.do("absent", "op001", "2027-01-25").number == 3, "a number is used once"
    rows = json.loads((office.folder / FILE).read_text())
    assert [row["number"] for row in rows] == [2, 3]
    office.now += 86_400_000
    office.do("absent", "op001", "2027-01-26")
    assert [row["number"] for row in json.loads((office.folder / FILE).read_text())] == [3, 4]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("absent", "op009", "2026-11-24"), "there is no operator 'op009'; did you mean"),
        (("absent", "op001", "tomorrow"), "'tomorrow' is no date; write 2026-11-30"),
        (("absent", "op001", "2026-02-30"), "is no date"),
        (("absent", "op001", "2026-11-25..2026-11-24"), "write the earlier date first"),
        (("absent", "op001", "2026-11-20"), "2026-11-20 is over"),
        (("absent", "op001", "2026-11-20..2026-11-25"), "begin with 2026-11-23"),
        (("absent", "op001", "2026-11-24..2028-11-24"), "more than a year"),
        (("absent", "op001", "2026-11-28"), "op001 does not work on 2026-11-28"),
        (("absent", "op001", "2026-11-24", None, "a\nb"), "one line"),
        (("swap", "op001", "2026-11-24", "op001"), "cannot swap with themselves"),
        (("swap", "op001", "2026-11-28", "op003"), "do not work on 2026-11-28"),
        (("swap", "op001", "2026-11-24..2026-11-25", "op002"), "for one day"),
        (("add", "op001", "2026-11-24", "X"), "there is no shift 'X'; known: A, B"),
        (("add", "op001", "2026-11-24", "A"), "at the same time"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy_and_changes_nothing(office, words, said):
    with pytest.raises(ShiftError, match=".*".join(said.split("*"))):
        office.do(*words)
    assert office.changes.active == []
    assert not (office.folder / FILE).exists()


def test_what_contradicts_another_change_names_it(office):
    office.do("absent", "op001", "2026-11-24..2026-11-26")
    for words in (
        ("absent", "op001", "2026-11-26..2026-11-27"),
        ("swap", "op003", "2026-11-25", "op001"),
        ("add", "op001", "2026-11-24", "B"),
    ):
        with pytest.raises(ShiftError, match="`acd shift undo 1`"):
            office.do(*words)
    with pytest.raises(ShiftError, match="no change 7"):
        office.changes.undo(office.settings, 7)


def test_a_change_that_a_later_one_stands_on_is_not_taken_back(office):
    office.do("swap", "op001", "2026-11-24", "op002")  # op001 has the night
    office.do("add", "op001", "2026-11-24", "A")  # and the day as well
    with pytest.raises(ShiftError, match="undo the later change first"):
        office.changes.undo(office.settings, 1)


def test_a_night_can_be_changed_until_it_is_over(office):
    office.now = ms(24, "07:59")
    assert office.do("absent", "op002", "2026-11-23").number == 1
    office.now = ms(24, "08:00")
    with pytest.raises(ShiftError, match="is over"):
        office.do("absent", "op002", "2026-11-23")


def test_a_damaged_file_is_no_reason_not_to_start(settings, tmp_path):
    rows = [{"number": 1}, {"number": 2, "kind": "absent", "operator": "op001", "made_at": 1}]
    rows += [{**rows[1], "first": "x", "last": "y"}, "text"]
    for text in ("{", json.dumps(rows), json.dumps(rows[:3])):
        (tmp_path / FILE).write_text(text)
        assert Office(settings, tmp_path).changes.active == []


def test_an_unwritable_folder_refuses_and_changes_nothing(office, tmp_path):
    office.folder = tmp_path / "file"
    office.folder.write_text("")
    office.open()
    with pytest.raises(ShiftError, match="nothing was changed"):
        office.do("absent", "op001", "2026-11-24")
    assert office.works("op001", 24) == [("A", "roster")]


# The board


def look(office, clock, *, day=24, live=None, days=1, least=1):
    now = wall(day, clock).replace(tzinfo=ZONE)
    rota = office.changes.rota(office.settings)
    return board(Moment(office.settings, rota, now, live), days, least)


def test_the_board_counts_heads_and_names_who_is_missing(office):
    office.do("absent", "op001", "2026-11-24", reason="sick")
    here = Live(OperatorState.READY, None, Millis(0), None)
    found = look(office, "12:30", live={OperatorId("op003"): here})
    (row,) = found["on"]
    assert (row["shift"], row["roster"], row["heads"], row["on_break"]) == ("A", 2, 1, 1)
    assert row["absent"] == [{"operator": "op001", "reason": "sick"}]
    assert (row["logged_in"], row["missing"]) == (1, [])
    assert row["ends"] == "2026-11-24T17:00+05:00"
    assert [row["shift"] for row in found["next"]] == ["B"]
    assert look(office, "12:30")["on"][0]["logged_in"] is None


def test_a_shift_whose_people_are_all_absent_is_shown_all_the_same(office):
    office.do("absent", "op002", "2026-11-24")
    (row,) = look(office, "22:00")["on"]
    assert (row["shift"], row["roster"], row["heads"]) == ("B", 1, 0)


def test_swapped_people_are_shown_at_both_shifts(office):
    office.do("swap", "op001", "2026-11-24", "op002")
    found = look(office, "09:00")
    assert found["on"][0]["swapped_in"] == ["op002"]
    assert found["on"][0]["swapped_out"] == ["op001"]
    assert found["next"][0]["swapped_in"] == ["op001"]


def test_gaps_are_the_hours_without_anybody_breaks_counted(office):
    found = look(office, "08:00")["gaps"]
    english = [row for row in found if row["language"] == "en"]
    assert [(row["from"][11:16], row["until"][11:16]) for row in english] == [
        ("08:00", "20:00")
    ] * 2
    kazakh = [row for row in found if (row["language"], row["topic"]) == ("kk", "pension")]
    assert [(row["from"][11:16], row["until"][11:16]) for row in kazakh] == [
        ("12:00", "13:00"),  # op001 has the first wave
        ("17:00", "08:00"),
    ]


def test_fewer_than_asked_for_are_a_gap_with_the_fewest_that_are_there(office):
    rows = [
        (row["from"][11:16], row["until"][11:16], row["operators"])
        for row in look(office, "08:00", least=2)["gaps"]
        if (row["language"], row["topic"]) == ("ru", "general")
    ]
    assert rows == [("12:00", "14:00", 1), ("17:00", "08:00", 0)]


def test_nobody_at_all_is_a_gap_for_everything(office, settings):
    object.__setattr__(settings.rules, "operators", {})
    now = wall(24, "08:00").replace(tzinfo=ZONE)
    rows = gaps(Moment(settings, office.changes.rota(settings), now, None), 2, 1)
    assert len(rows) == 6
    assert {row["until"] for row in rows} == {"2026-11-26T08:00+05:00"}


@pytest.mark.parametrize(
    ("clock", "live", "expected"),
    [
        ("08:04", (OperatorState.OFFLINE, None, "07:00", None), None),
        ("08:05", (OperatorState.OFFLINE, None, "07:00", None), ("late", 300)),
        ("09:00", (OperatorState.OFFLINE, None, "08:30", "08:30"), ("left_early", 1800)),
        ("09:00", (OperatorState.OFFLINE, None, "07:30", "07:30"), ("late", 3600)),
        ("13:10", (OperatorState.PAUSED, "lunch", "12:05", None), ("break_over", 300)),
        ("13:05", (OperatorState.PAUSED, "lunch", "12:05", None), None),
        ("13:10", (OperatorState.PAUSED, "training", "08:05", None), None),
        ("09:00", (OperatorState.TALKING, None, "08:30", None), None),
    ],
)
def test_who_is_late_or_gone_or_at_lunch_for_too_long(office, clock, live, expected):
    state, reason, since, seen = live
    stand = Live(state, reason, ms(24, since), seen and ms(24, seen))
    found = look(office, clock, live={OperatorId("op001"): stand})["adherence"]
    assert [(row["what"], row["for_s"]) for row in found] == ([expected] if expected else [])


# The command, without a service


@pytest.fixture
def acd(tmp_path, capsys):
    config = write(tmp_path, {**EXAMPLE, "operators.yaml": OPERATORS})

    def run(*words, fails=0):
        status = main([*words[:1], "--config", str(config), *words[1:]])
        out, err = capsys.readouterr()
        assert status == fails, err
        return err if fails else out

    return run


def test_without_a_service_the_board_is_that_of_the_roster(acd):
    told = acd("shift", "--at", "2030-11-25T12:30")
    assert "A      Mon 25 Nov 08:00-17:00       2" in told
    assert "Mon 25 Nov 12:30 - Mon 25 Nov 20:00  en  " in told
    data = json.loads(acd("shift", "--at", "2030-11-25T12:30", "--json", "--least", "3"))
    assert data["on"][0]["shift"] == "A"
    assert data["least"] == 3
    assert "who is logged in is not known" in acd("shift")


def test_without_a_service_changes_go_into_its_file(acd, tmp_path):
    told = acd("shift", "absent", "op001", "2030-11-25", "--reason", "sick")
    assert "1  op001 is absent 2030-11-25 (sick)" in told
    assert "A absent: op001 (sick)" in acd("shift", "--at", "2030-11-25T12:30")
    assert json.loads(acd("shift", "changes", "--json"))[0]["operator"] == "op001"
    assert (tmp_path / "var" / FILE).stat().st_mode & 0o077 == 0
    acd("shift", "add", "op003", "B", "2030-11-25")
    acd("shift", "undo", "1")
    assert acd("shift", "changes") == "   2  op003 works shift B as well 2030-11-25\n"
    acd("shift", "undo", "2")
    assert acd("shift", "changes") == "the roster is unchanged\n"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--at", "noon"), 2, "--at: 'noon' is no moment"),
        (("swap", "op001", "op001", "2030-11-25"), 1, "cannot swap with themselves"),
        (("undo", "4"), 1, "there is no change 4 (in force: none)"),
    ],
)
def test_wrong_words_are_answered_in_words(acd, words, status, said):
    assert said in acd("shift", *words, fails=status)


# The service


async def test_a_change_counts_at_once_in_the_running_service_and_after_a_restart(tmp_path):
    now = datetime.now(ZONE).replace(second=0, microsecond=0)
    today, end = now - timedelta(hours=1), now + timedelta(hours=2)
    other_day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(today.weekday() + 3) % 7]
    hours = f'{{days: [{other_day}], hours: "{today:%H:%M}-{end:%H:%M}"}}'
    async with running_service(tmp_path) as running:
        shifts = f"schema: 1\nshifts: {{A: {hours}, B: {hours}}}\n"
        (running.config / "shifts.yaml").write_text(shifts)
        await running.fine("reload")
        assert (await running.fine("shift"))["on"] == []
        wanted = {"action": "add", "operator": "op001", "second": "A", "days": f"{today:%Y-%m-%d}"}
        (row,) = await running.fine("shift", **wanted)
        assert row["words"].startswith("op001 works shift A as well")
        await running.service.loop.settle(Ticked())
        seat = running.service.router.seat(OperatorId("op001"))
        assert seat.shift_ends == end.timestamp() * 1000
        (on,) = (await running.fine("shift"))["on"]
        assert (on["added"], on["logged_in"], on["missing"]) == (["op001"], 0, ["op001"])
        await running.fine("operator", action="ready", operator="op001")
        (on,) = (await running.fine("shift"))["on"]
        assert (on["logged_in"], on["missing"]) == (1, [])
        await running.fine("operator", action="ready", operator="op002")
        rows = {row["operator"]: row["off_shift"] for row in await running.fine("operators")}
        assert rows == {"op001": False, "op002": True, "op003": False}
        answer = await running.fine("operator", action="pause", operator="op002", reason="lunch")
        assert standing("op002", answer) == "op002 is paused (lunch), outside of their shift"
        for wrong, said in (
            ({"action": "dance"}, "'action' must be one of"),
            ({"action": "undo", "number": "1"}, "'number' must be"),
            ({"action": "add", "operator": "op001"}, "is no date"),
            ({"days": 0}, "'days' must be a number from 1 to 14"),
            ({"least": True}, "'least' must be"),
        ):
            assert said in (await running.ask("shift", **wrong))["error"]
    again = built(running.config, running.dialplans)
    assert [each.operator for each in again.shifts.changes.active] == ["op001"]
    again.store.close()
