"""Tables, options taken from them, schedules: what is read from files beside the dialplan."""

from pathlib import Path

import pytest

from ivr.core import menu
from ivr.core.expressions import literal
from ivr.core.schedules import Interval, Schedule
from tests.unit.node_samples import good, mistakes, place, read

MENU = """\
schema: 1
id: m
languages: [kk, ru]
entry: main
tables: {t: FILE}
nodes:
  operator: {type: queue, topic: "call.topic or 'general'"}
  main: {type: menu, options_from: {table: t, key: digit, label: name, goto: operator}}
"""
ROWS = """\
schema: 1
rows:
  birth: {life: family, digit: "1", topic: child, to: operator, name: {kk: "Бала", ru: "Дети"}}
  marry: {life: family, digit: "2", topic: general, to: main, name: {kk: "Неке", ru: "Брак"}}
  work: {life: work, digit: "1", topic: pension, to: main, name: {kk: "Жұмыс", ru: "Работа"}}
"""
CSV = """\
code,name_kk,name_ru,name_en,group,skill
101,Туу,Рождение,Birth,birth,child
102,"Неке, ажырасу",Брак,Marriage,marry,
"""


def load(folder, rows, name="t.yaml", text=MENU):
    """The draft and the problems of a dialplan with one table beside it."""
    if isinstance(rows, bytes):
        (folder / name).write_bytes(rows)
    else:
        (folder / name).write_text(rows, encoding="utf-8")
    return read(text.replace("FILE", name), file=str(folder / "m.yaml"))


def told(folder, rows, name="t.yaml", text=MENU):
    """File name, line, column, rule and words of all mistakes."""
    _, problems = load(folder, rows, name, text)
    return [(Path(p.file).name, p.line, p.column, p.rule, p.message) for p in problems.sorted()]


def table(folder, rows, name="t.yaml", entry="FILE"):
    text = (
        MENU.replace("FILE", entry)
        .replace("menu, options_from: {", "say, prompt: [{")
        .replace(
            "key: digit, label: name, goto: operator}", "key: x, column: name}], next: operator"
        )
    )
    draft, problems = load(folder, rows, name, text)
    assert draft is not None
    found = draft.dialplan.tables.get("t")
    assert found is not None, problems.render()
    return found


def test_rows_by_key_are_read(tmp_path):
    found = table(tmp_path, ROWS)
    assert (found.key, list(found.rows)) == ("key", ["birth", "marry", "work"])
    assert found.rows["birth"] == {
        "life": "family", "digit": "1", "topic": "child", "to": "operator",
        "name": {"kk": "Бала", "ru": "Дети"},
    }  # fmt: skip


def test_a_list_of_rows_is_named_by_its_first_column_or_the_one_that_is_told(tmp_path):
    rows = '- {digit: "7", code: "x", n: 3, yes: true, no: null}\n'
    found = table(tmp_path, rows)
    assert (found.key, found.rows) == (
        "digit", {"7": {"digit": "7", "code": "x", "n": 3, "yes": True, "no": None}}
    )  # fmt: skip
    assert table(tmp_path, rows, entry="{file: FILE, key: code}").rows.keys() == {"x"}


def test_a_row_of_languages_only_is_one_text(tmp_path):
    rows = "eds: {kk: А, ru: Б, en: C}\ntax: {kk: В, ru: Г, en: D}\n"
    assert table(tmp_path, rows).rows["eds"] == {"text": {"kk": "А", "ru": "Б"}}


def test_a_csv_folds_the_languages_into_one_column(tmp_path):
    found = table(tmp_path, CSV, "t.csv")
    assert found.key == "code"
    assert found.rows["101"] == {
        "code": "101", "group": "birth", "skill": "child",
        "name": {"kk": "Туу", "ru": "Рождение"},
    }  # fmt: skip
    assert found.rows["102"]["name"]["kk"] == "Неке, ажырасу"
    assert found.rows["102"]["skill"] is None
    semicolons = CSV.replace('"Неке, ажырасу"', "Неке").replace(",", ";")
    assert table(tmp_path, "\ufeff" + semicolons, "t.csv").rows["102"]["name"]["kk"] == "Неке"


def test_cells_keep_their_places(tmp_path):
    draft, _ = load(tmp_path, CSV, "t.csv")
    node = draft.place("tables", "t", "102", "skill")
    assert (Path(node.file).name, node.line) == ("t.csv", 3)
    node = draft.place("tables", "t", "101", "name")
    assert (node.line, node.column) == (2, 5)
    draft, _ = load(tmp_path, ROWS)
    node = draft.place("tables", "t", "marry", "topic")
    assert (node.line, node.column) == place(ROWS, "topic: ^general")


@pytest.mark.parametrize(
    ("old", "new", "at", "rule", "words"),
    [
        ("marry:", "birth:", (4, 3), "E01", "already set on line 3"),
        ("marry:", "0123:", (4, 3), "E02", 'write "0123"'),
        ("general", "yes", (4, 44), "E02", 'write "yes"'),
        ("general", "22:00", (4, 44), "E02", 'write "22:00"'),
        ("general", "[a]", (4, 44), "E03", "a list stands here"),
        (', ru: "Брак"', "", (4, 69), "E12", "missing in ru"),
        (', ru: "Брак"', ', de: "x"', (4, 82), "E03", "unknown language 'de'"),
        ('{kk: "Неке", ru: "Брак"}', "Неке", (4, 69), "E03", "in every language above"),
        ('life: family, digit: "2"', 'a-b: 3, digit: "2"', (4, 11), "E03", "not a column"),
        ("schema: 1", "schema: 2", (1, 9), "E03", "schema: 1"),
    ],
)
def test_mistakes_in_a_table_are_told_in_its_own_file(tmp_path, old, new, at, rule, words):
    assert old in ROWS
    found = told(tmp_path, ROWS.replace(old, new, 1))
    assert any(
        (file, line, column, each) == ("t.yaml", *at, rule) and words in message
        for file, line, column, each, message in found
    ), found


@pytest.mark.parametrize(
    ("old", "new", "at", "rule", "words"),
    [
        ("102,", "101,", (3, 1), "E03", "already on line 2"),
        ("102,", ",", (3, 1), "E03", "1 to 64 letters"),
        (",Брак,", ",,", (3, 21), "E12", "empty in ru"),
        ("marry,\n", "marry\n", (3, 1), "E03", "5 cells"),
        ("name_ru", "title", (1, 6), "E12", "name_ru"),
        ("group", "code", (1, 30), "E03", "twice"),
        ("group", "a b", (1, 30), "E03", "not a column"),
        ('"Неке, ажырасу"', '"Неке', (3, 5), "E01", "never closed"),
    ],
)
def test_mistakes_in_a_csv_are_told_in_its_own_file(tmp_path, old, new, at, rule, words):
    assert old in CSV
    found = told(tmp_path, CSV.replace(old, new, 1), "t.csv")
    assert any(
        (file, line, column, each) == ("t.csv", *at, rule) and words in message
        for file, line, column, each, message in found
    ), found


def test_a_table_that_cannot_be_used_is_told_once(tmp_path):
    assert [f[3] for f in told(tmp_path, "rows: []\n")] == ["E03"]
    assert [f[3] for f in told(tmp_path, b"\xff\xfeaa", "t.csv")] == ["E01"]
    assert [f[3] for f in told(tmp_path, "code,name_kk,name_ru\n", "t.csv")] == ["E03"]
    missing = told(tmp_path, "", "other.yaml", MENU.replace("FILE", "none.yaml"))
    assert missing == [
        ("m.yaml", 5, 13, "E04",
         "there is no file 'none.yaml'; write its path from the folder of this one")
    ]  # fmt: skip


def test_a_table_with_both_or_none_of_file_and_rows_is_refused(tmp_path):
    for entry in ("{key: code}", "{file: FILE, rows: [{a: b}]}"):
        found = told(tmp_path, ROWS, text=MENU.replace("FILE", entry, 1))
        assert any("either 'file: ...' or 'rows: ...'" in each[4] for each in found)


def test_the_version_changes_with_every_file(tmp_path):
    versions = set()
    for rows in (ROWS, ROWS.replace("Брак", "Свадьба")):
        draft, _ = load(tmp_path, rows)
        assert [Path(file).name for file in draft.files] == ["m.yaml", "t.yaml"]
        versions.add(draft.dialplan.version)
    assert len(versions) == 2


def test_rows_become_options_with_their_own_values(tmp_path):
    text = MENU.replace(
        "goto: operator}",
        "goto: row.to, where: \"row.life == 'family'\","
        " set: {call.topic: row.topic, call.a: \"'x'\"}}, on_fail: operator",
    )
    draft, problems = load(tmp_path, ROWS, text=text)
    assert not len(problems), problems.render()
    first, second = draft.dialplan.nodes["main"].options
    assert first.label == {"kk": "Бала", "ru": "Дети"}
    assert first.to == menu.Jump(
        "operator",
        (menu.Assignment("call.topic", literal("child")), menu.Assignment("call.a", literal("x"))),
    )
    assert (second.key, second.to.goto) == ("2", "main")
    assert draft.dialplan.nodes["operator"].topics == ("child", "general")
    node = draft.place("nodes", "main", "options", 1, "label")
    assert (Path(node.file).name, node.line) == ("t.yaml", 4)


@pytest.mark.parametrize(
    ("old", "new", "marker", "rule", "words"),
    [
        ("key: digit", "key: digits", "key: ^digits", "E04", "'digit'"),
        ("label: name", "label: life", None, "E12", "no text in every language"),
        ("goto: operator", "goto: row.too", "goto: ^row.too", "E21", "did you mean 'to'?"),
        ("goto: operator", "goto: row.topic", None, "E04", "no node 'child'"),
        ("key: digit", "key: life", None, "E03", "not a key of a telephone"),
        ("goto: operator", "goto: operator, where: \"row.life == 'x'\"", "where: ^\"", "E03",
         "no row of 't' is left"),
        ("goto: operator", "goto: operator, where: row.lif", "where: ^row.lif", "E21", "'life'"),
        ("goto: operator}", "goto: operator}, max_options: 2", "^options_from", "W15", "3 options"),
        ("{table: t,", "{table: u,", "table: ^u", "E04", "no table 'u'"),
        ("options_from:", "options: [], options_from:", "^main: {", "E03", "both"),
    ],
)  # fmt: skip
def test_options_that_a_table_cannot_give_are_refused(tmp_path, old, new, marker, rule, words):
    text = MENU.replace(old, new, 1)
    found = told(tmp_path, ROWS, text=text)
    at = place(text, marker) if marker else None
    assert any(
        each == rule and words in message and at in (None, (line, column))
        for _, line, column, each, message in found
    ), found


def test_a_topic_that_no_one_knows_is_told_in_the_table(tmp_path):
    text = MENU.replace("goto: operator}", "goto: operator, set: {call.topic: row.topic}}")
    found = told(tmp_path, ROWS.replace("pension", "penson"), text=text)
    assert found[-1][:4] == ("t.yaml", 5, 41, "E04")
    assert "did you mean 'pension'?" in found[-1][4]


# Schedules.

PLAN = """\
schema: 1
id: m
languages: [kk]
entry: operator
schedules:
  s: VALUE
nodes:
  operator: {type: queue, topic: general}
"""


def schedule(value, folder=None):
    text = PLAN.replace("VALUE", value)
    if folder is None:
        return good(text).dialplan.schedules["s"]
    draft, problems = read(text, file=str(folder / "dialplans" / "m.yaml"))
    assert not len(problems), problems.render()
    return draft.dialplan.schedules["s"]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ('{daily: ["22:00-08:00"]}', Schedule("s", daily=(Interval(1320, 480),))),
        ('{daily: "09:00-18:00"}', Schedule("s", daily=(Interval(540, 1080),))),
        ("{days: [sun, mon]}", Schedule("s", weekdays=(0, 6))),
        ("{dates: [2026-12-16]}", Schedule("s", dates=("2026-12-16",))),
    ],
)
def test_schedules_are_read(value, wanted):
    assert schedule(value) == wanted


def test_holidays_are_found_beside_above_and_in_the_settings(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "dialplans").mkdir()
    (tmp_path / "config" / "holidays.yaml").write_text(
        "schema: 1\nholidays: [2026-12-16, 2027-01-01]\n", encoding="utf-8"
    )
    wanted = Schedule("s", holidays=frozenset({"2026-12-16", "2027-01-01"}))
    for file in ("holidays.yaml", "config/holidays.yaml", "../config/holidays.yaml"):
        assert schedule(f'{{file: "{file}"}}', tmp_path) == wanted
    off = schedule('{daily: "09:00-18:00", file: holidays.yaml, on_holidays: false}', tmp_path)
    assert (off.on_holidays, len(off.holidays)) == (False, 2)


@pytest.mark.parametrize(
    ("value", "at", "rule", "words"),
    [
        ("{daily: [22:00]}", 15, "E02", 'write "22:00"'),
        ('{daily: ["22:00"]}', 15, "E03", "span of hours"),
        ('{daily: ["25:00-08:00"]}', 15, "E03", "not a time of day"),
        ('{daily: ["08:00-08:00"]}', 15, "E03", "same time"),
        ("{daily: []}", 14, "E22", "empty"),
        ("{days: [moon]}", 14, "E03", "'mon'"),
        ("{dates: [2026-13-01]}", 15, "E03", "not a date"),
        ("{file: none.yaml}", 13, "E04", "there is no file"),
        ("{}", 6, "E22", "never holds"),
        ("{on_holidays: true, days: [mon]}", 7, "E03", "'file: ...'"),
        ("{daly: 3}", 7, "E03", "did you mean 'daily'?"),
    ],
)
def test_schedules_that_cannot_hold_are_refused(value, at, rule, words):
    found = mistakes(PLAN.replace("VALUE", value))
    assert any(each[:3] == (6, at, rule) and words in each[3] for each in found), found


def test_an_unknown_zone_is_refused():
    found = mistakes(PLAN.replace("VALUE", "{days: [mon]}").replace(
        "entry:", "timezone: Asia/Almata\nentry:"
    ))  # fmt: skip
    assert [each[:3] for each in found] == [(4, 11, "E22")]
