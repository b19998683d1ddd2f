"""News switched on by hand, schedules overruled: what is kept, when it ends, what is refused."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from acd.broadcast_texts import FILE, read_broadcasts
from acd.broadcasts import (
    ON_MAX,
    Broadcasts,
    Overrides,
    SwitchError,
    chosen_texts,
    make_audio,
    next_time,
)
from acd.core.names import Millis
from acd.problems import Problems
from ivr.core.schedules import Override

ZONE = ZoneInfo("Asia/Almaty")
LANGUAGES = ("kk", "ru", "en")
STORM = {"kk": "Дауыл.", "ru": "Шторм.", "en": "A storm."}
HOUR = 3_600_000


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


class Clock:
    def __init__(self, text="2026-11-23T10:00"):
        self.now = at(text)

    def __call__(self):
        return Millis(self.now)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def news(tmp_path, clock):
    return Broadcasts(tmp_path, clock, ZONE)


def test_what_is_on_is_heard_until_it_is_switched_off(news):
    assert news.texts() == []
    news.switch_on("storm", STORM, None)
    news.switch_on("roads", {**STORM, "ru": "Дороги."}, None)
    assert [each["ru"] for each in news.texts()] == ["Шторм.", "Дороги."]
    assert news.switch_off("storm") == ["storm"]
    assert [each["ru"] for each in news.texts()] == ["Дороги."]
    assert news.switch_off(None) == ["roads"]
    assert news.texts() == []


def test_one_with_an_end_goes_off_by_itself(news, clock):
    news.switch_on("storm", STORM, "12:30")
    clock.now = at("2026-11-23T12:29") + 59_999
    assert news.texts() == [STORM]
    clock.now += 1
    assert news.texts() == [] and news.notices() == []


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("10:01", "2026-11-23T10:01"),
        ("10:00", "2026-11-24T10:00"),
        ("08:00", "2026-11-24T08:00"),
        ("8:00", "2026-11-24T08:00"),
    ],
)
def test_an_end_is_the_next_time_the_clock_shows_it(clock, text, then):
    assert next_time(text, clock(), ZONE) == at(then)


@pytest.mark.parametrize("text", ["", "24:00", "10:60", "1000", "now", "10:00:00", "-1:00"])
def test_what_is_no_time_of_day_is_refused(news, text):
    with pytest.raises(SwitchError, match="time of day"):
        news.switch_on("storm", STORM, text)
    assert news.texts() == []


def test_a_restart_forgets_nothing_and_revives_nothing(tmp_path, clock, news):
    news.switch_on("storm", STORM, None)
    news.switch_on("roads", STORM, "11:00")
    again = Broadcasts(tmp_path, clock, ZONE)
    assert [each.id for each in again.active] == ["storm", "roads"]
    clock.now += 2 * HOUR
    assert [each.id for each in Broadcasts(tmp_path, clock, ZONE).active] == ["storm"]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": 1}', '[{"id": 5}]', "[" * 100_000])
def test_a_damaged_file_means_nothing_is_on(tmp_path, clock, text):
    (tmp_path / "broadcasts.json").write_text(text)
    found = Broadcasts(tmp_path, clock, ZONE)
    assert found.texts() == []
    found.switch_on("storm", STORM, None)
    assert json.loads((tmp_path / "broadcasts.json").read_text())[0]["id"] == "storm"


def test_what_cannot_be_kept_is_not_on(tmp_path, clock):
    (tmp_path / "a file").write_text("")
    found = Broadcasts(tmp_path / "a file", clock, ZONE)
    with pytest.raises(SwitchError, match="nothing was switched"):
        found.switch_on("storm", STORM, None)
    assert found.texts() == []


def test_more_than_anybody_listens_to_is_refused(news):
    for number in range(ON_MAX):
        news.switch_on(f"n{number}", STORM, None)
    with pytest.raises(SwitchError, match="on already"):
        news.switch_on("one_more", STORM, None)
    news.switch_on("n0", STORM, "12:00")
    assert len(news.active) == ON_MAX


def test_ops_see_what_is_on_and_how_it_ends(news):
    news.switch_on("storm", STORM, "18:30")
    notice = news.notices()[0]
    assert notice.what == "broadcast storm is on until 18:30: Шторм."
    assert "acd broadcast off storm" in notice.todo
    rows = news.rows({"storm": STORM, "other": STORM})
    assert [(row["id"], row["on"], row["prepared"]) for row in rows] == [
        ("storm", True, True),
        ("other", False, True),
    ]
    assert rows[0]["until"] == "2026-11-23T18:30:00.000+05:00"


def test_switching_off_what_is_not_on_is_said(news):
    news.switch_on("storm", STORM, None)
    with pytest.raises(SwitchError, match=r"'strom' is not on \(on: storm\)"):
        news.switch_off("strom")


def test_a_prepared_one_is_found_and_a_near_miss_named():
    assert chosen_texts("storm", {}, {"storm": STORM}, LANGUAGES) == STORM
    with pytest.raises(SwitchError, match="did you mean 'storm'"):
        chosen_texts("strom", {}, {"storm": STORM}, LANGUAGES)


@pytest.mark.parametrize(
    ("id_", "said", "why"),
    [
        (None, {}, "name a prepared"),
        (None, {"kk": "а", "ru": "б"}, "--en"),
        (None, {**STORM, "ru": "  "}, "--ru"),
        (None, {**STORM, "de": "x"}, "'de' is not spoken"),
        (None, {**STORM, "ru": "a\nb"}, "one line"),
        (None, {**STORM, "ru": "x" * 401}, "one line of 400"),
        ("storm", STORM, "is a prepared"),
        ("../x", STORM, "is no id"),
    ],
)
def test_texts_that_cannot_be_said_are_refused(id_, said, why):
    with pytest.raises(SwitchError, match=why):
        chosen_texts(id_, said, {"storm": STORM}, LANGUAGES)


def prepared(tmp_path, text):
    path = tmp_path / FILE
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    problems = Problems()
    return read_broadcasts(tmp_path, LANGUAGES, problems), problems


ROW = '{kk: "Дауыл.", ru: "Шторм.", en: "A storm."}'


@pytest.mark.parametrize(
    "text",
    [f"storm: {ROW}\n", f"schema: 1\nbroadcasts:\n  storm: {ROW}\n", f"schema: 1\nstorm: {ROW}\n"],
)
def test_prepared_ones_are_read(tmp_path, text):
    found, problems = prepared(tmp_path, text)
    assert (found, len(problems)) == ({"storm": STORM}, 0)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('storm: {kk: "а", ru: "б"}\n', 1, 8),
        (f"{ROW[:-1]}, de: x}}\n".replace("{", "storm: {"), 1, 53),
        ("schema: 1\nbroadcasts: []\n", 2, 13),
        ('a: {kk: "а", ru: "' + "б" * 401 + '", en: "c"}\n', 1, 4),
        ("- a\n", 1, 1),
    ],
)
def test_a_mistake_in_the_file_has_its_place(tmp_path, text, line, column):
    _, problems = prepared(tmp_path, text)
    assert problems.has_errors
    first = problems.sorted()[0]
    assert (first.line, first.column) == (line, column), problems.render()


def test_without_a_file_nothing_is_prepared(tmp_path):
    problems = Problems()
    assert read_broadcasts(tmp_path, LANGUAGES, problems) == {}
    assert len(problems) == 0


def test_audio_that_cannot_be_made_keeps_a_broadcast_off(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))  # no speech engine is installed there
    with pytest.raises(SwitchError, match="audio cannot be made"):
        make_audio("storm", STORM, (), tmp_path / "own")


def test_a_schedule_is_overruled_until_its_end_and_over_a_restart(tmp_path, clock):
    rules = Overrides(tmp_path, clock, ZONE)
    assert rules.of("night") is None
    rules.switch("night", True, "12:00")
    rules.switch("lunch", False, None)
    assert (rules.of("night"), rules.of("lunch")) == (Override(True), Override(False))
    assert rules.notices()[0].what == "schedule night is switched on by hand until 12:00"
    clock.now += 2 * HOUR
    again = Overrides(tmp_path, clock, ZONE)
    assert (again.of("night"), again.of("lunch")) == (None, Override(False))
    again.switch("lunch", None, None)
    assert Overrides(tmp_path, clock, ZONE).of("lunch") is None
