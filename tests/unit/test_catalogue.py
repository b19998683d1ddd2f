"""`ivr services import`: the centre's own list of services, checked row by row."""

import os
import time
from pathlib import Path

import pytest

from acd.problems import Problems
from ivr.__main__ import main
from ivr.catalogue import COLUMNS, read_catalogue
from ivr.csv_source import parse_csv

ROOT = Path(__file__).resolve().parent.parent.parent
HEADER = ",".join(COLUMNS) + "\n"
BIRTH = "101,Баланың тууын тіркеу,Регистрация рождения,Registering a birth,birth,child\n"
LAND = "331,Жер учаскесі,Земельный участок,A plot of land,land,land\n"
GROUPS = "schema: 1\nrows:\n  birth: {life: family}\n  land: {life: home}\n"
SKILLS = "schema: 1\ntopics:\n  child: {queue: social}\n  land: {queue: property}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project folder with two groups, two topics and an empty catalogue."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "skills.yaml").write_text(SKILLS, encoding="utf-8")
    (tmp_path / "dialplans" / "tables").mkdir(parents=True)
    (tmp_path / "dialplans" / "tables" / "groups.yaml").write_text(GROUPS, encoding="utf-8")
    return tmp_path


def run(folder, text, *options):
    """Import a text (or bytes); the exit code."""
    raw = text if isinstance(text, bytes) else text.encode()
    (folder / "list.csv").write_bytes(raw)
    return main(["services", "import", "list.csv", *options])


def written(folder):
    """The lines of the catalogue, None when there is none."""
    file = folder / "dialplans" / "tables" / "services.csv"
    return file.read_text(encoding="utf-8").splitlines(keepends=True) if file.exists() else None


def refusal(folder, text, capsys):
    """What is said about a text that must be refused, without writing anything."""
    assert run(folder, text) == 1
    assert written(folder) is None
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_a_good_list_is_written_and_summed_up(folder, capsys):
    assert run(folder, HEADER + BIRTH + LAND) == 0
    assert written(folder) == [HEADER, BIRTH, LAND]
    out = capsys.readouterr().out
    assert "+ 101 Регистрация рождения\n+ 331 Земельный участок\n" in out
    assert "wrote dialplans/tables/services.csv: 2 services; 2 added, 0 changed, 0 removed" in out
    assert "next: 'ivr prompts build', then 'acd reload'" in out


def test_the_second_import_tells_the_difference(folder, capsys):
    run(folder, HEADER + BIRTH + LAND)
    capsys.readouterr()
    new = "102,Атын ауыстыру,Перемена имени,Changing a name,birth,child\n"
    assert run(folder, HEADER + BIRTH.replace("a birth", "births") + new) == 0
    out = capsys.readouterr().out
    assert "+ 102 Перемена имени\n~ 101 Регистрация рождения\n- 331 Земельный участок\n" in out
    assert "1 added, 1 changed, 1 removed, 0 as before" in out


def test_names_without_audio_are_listed_once_each(folder, capsys):
    assert run(folder, HEADER + BIRTH + LAND) == 0
    out = capsys.readouterr().out
    lines = out.split("without audio", 1)[1].splitlines()[1:-1]
    assert "  en A plot of land" in lines
    assert len(lines) == len(set(lines)) <= 6


def test_a_dry_run_writes_nothing(folder, capsys):
    assert run(folder, HEADER + BIRTH, "--dry-run") == 0
    assert written(folder) is None
    assert (
        "would write dialplans/tables/services.csv: 1 service; 1 added" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("change", "place", "message"),
    [
        (("101,", ","), "2:1", "the code is empty; write 3 or 4 digits, as in 101"),
        (("101,", "0101,"), "2:1", "'0101' begins with 0, the key of the operator"),
        (("101,", "10,"), "2:1", "'10' is not a code"),
        (("101,", "10101,"), "2:1", "'10101' is not a code"),
        (("101,", "1O1,"), "2:1", "'1O1' is not a code"),
        (("101,", "١٠١,"), "2:1", "'١٠١' is not a code"),
        (("Баланың тууын тіркеу", ""), "2:5", "the name in kk is empty"),
        (("Регистрация рождения", "Registration"), "2:26", "'Registration' is Latin"),
        (("Регистрация рождения", "Тууды тіркеу"), "2:26", "'і' is a Kazakh letter in a name"),
        (("Registering a birth", "Регистрация"), "2:47", "'Регистрация' is Cyrillic"),
        (("Registering a birth", "2026"), "2:47", "'2026' is not a name"),
        (("Registering a birth", "a" * 61), "2:47", "the name has 61 letters; write at most 60"),
        (("Баланың тууын тіркеу", "Регистрация рождения"), "2:26", "is the same in kk and ru"),
        (("birth,child", "brith,child"), "2:67", "no group 'brith'; did you mean 'birth'?"),
        (("birth,child", "birth,"), "2:73", "no skill here; write a topic of skills.yaml"),
        (("birth,child", "birth,chld"), "2:73", "no skill 'chld'; did you mean 'child'?"),
        ((",birth,child", ",birth"), "2:1", "5 cells stand in this row, the first line has 6"),
        (("Registering a", "Registering, a"), "2:1", "7 cells stand in this row"),
        (("Registering a", '"Registering a'), "2:47", "this quote is never closed"),
        (("Registering a birth", '"Registering" a birth'), "2:60", "after the closing quote"),
    ],
)
def test_a_bad_row_is_refused_with_its_place(folder, capsys, change, place, message):
    err = refusal(folder, HEADER + BIRTH.replace(*change), capsys)
    assert f"list.csv:{place}: " in err
    assert message in err


def test_everything_wrong_is_shown_at_once(folder, capsys):
    bad = LAND.replace(",land,land", ",lend,land")
    err = refusal(folder, HEADER + BIRTH + bad + BIRTH + LAND.replace("331", "33"), capsys)
    assert "list.csv:3:51: there is no group 'lend'; did you mean 'land'?" in err
    assert "list.csv:4:1: the code 101 is already on line 2; change one" in err
    assert "list.csv:5:1: '33' is not a code" in err
    assert err.endswith("nothing was written: 3 rows to put right, or '--skip-bad'\n")


def test_bad_rows_can_be_left_out(folder, capsys):
    text = HEADER + BIRTH + LAND.replace("331", "33") + BIRTH
    assert run(folder, text, "--skip-bad") == 0
    assert written(folder) == [HEADER, BIRTH]
    assert "left out 2 rows: line 3, 4\n" in capsys.readouterr().err


def test_a_list_without_one_good_row_is_never_written(folder, capsys):
    assert run(folder, HEADER + BIRTH.replace("101", "x"), "--skip-bad") == 1
    assert written(folder) is None
    assert "no row can be used" in capsys.readouterr().err


def test_a_refused_list_leaves_the_old_one(folder):
    run(folder, HEADER + BIRTH)
    assert run(folder, HEADER + LAND.replace("331", "33")) == 1
    assert written(folder) == [HEADER, BIRTH]


def test_the_same_name_twice_is_a_warning(folder, capsys):
    twice = BIRTH + BIRTH.replace("101", "102").replace("Registering a birth", "A birth")
    assert run(folder, HEADER + twice) == 0
    assert "list.csv:3:5: warning: the same name is on line 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ((HEADER + BIRTH).encode("utf-16"), "list.csv: the file is saved as UTF-16"),
        (b"PK\x03\x04\x14\x00", "list.csv: this is a workbook, not a list"),
        (HEADER.encode() + b"101,\0", "list.csv: this is not a text file"),
        (b"", "list.csv:1:1: the first line has one column"),
        (b",,,\n,,\n", "list.csv:1:1: no column has a name"),
        (HEADER.encode(), "list.csv:1:1: there is no service; write one in each line"),
        (BIRTH.encode(), "list.csv:1:1: no column 'code', 'name_kk', 'name_ru', 'name_en'"),
    ],
)
def test_a_file_of_another_kind_is_one_clear_line(folder, capsys, raw, message):
    assert message in refusal(folder, raw, capsys)


def test_windows_1251_is_recognised_and_placed(folder, capsys):
    text = HEADER + "101,Тууды тiркеу,Регистрация рождения,Registering a birth,birth,child\n"
    err = refusal(folder, text.encode("cp1251"), capsys)
    assert "list.csv:2:5: this looks like Windows-1251, which has no Kazakh letters" in err
    assert "save it as UTF-8 (in Excel: 'CSV UTF-8')" in err


def test_a_missing_file_and_a_missing_table_of_groups_are_named(folder, capsys):
    assert main(["services", "import", "nosuch.csv"]) == 1
    assert "nosuch.csv: there is no such file" in capsys.readouterr().err
    (folder / "dialplans" / "tables" / "groups.yaml").unlink()
    assert run(folder, HEADER + BIRTH) == 1
    assert "groups.yaml: there is no such file" in capsys.readouterr().err


def test_what_spreadsheets_write_is_read(folder):
    rows = (HEADER + BIRTH.replace("Registering a birth", '"Birth; ""first"" papers"')).replace(
        ",", ";"
    )
    text = "sep=;\n" + rows + ";;;;;\n"
    assert run(folder, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()) == 0
    assert written(folder)[1].split(",")[3] == '"Birth; ""first"" papers"'


def test_columns_may_stand_in_any_order_and_strangers_are_told(folder, capsys):
    text = "skill,note,Code,name_ru,name_kk,name_en,group\n"
    text += "child,x,101,Регистрация рождения,Баланың тууын тіркеу,Registering a birth,birth\n"
    assert run(folder, text) == 0
    assert written(folder) == [HEADER, BIRTH]
    assert "list.csv:1:7: warning: the column 'note' is not used" in capsys.readouterr().err


def test_a_misspelt_column_is_named_with_the_right_one(folder, capsys):
    err = refusal(folder, HEADER.replace("name_ru", "nam_ru") + BIRTH, capsys)
    assert "list.csv:1:1: no column 'name_ru'" in err
    assert "list.csv:1:14: warning: the column 'nam_ru' is not used; did you mean 'name_ru'?" in err


def test_a_cell_keeps_its_place_after_a_line_break_in_quotes():
    problems = Problems()
    rows = parse_csv('a,b\n"x\ny",  z\n\n1,\n', "t.csv", problems)
    assert rows is not None
    assert len(problems) == 0
    cells = [[(cell.text, cell.line, cell.column) for cell in row.cells] for row in rows]
    assert cells == [
        [("a", 1, 1), ("b", 1, 3)],
        [("x\ny", 2, 1), ("z", 3, 6)],
        [("1", 5, 1), ("", 5, 3)],
    ]


def test_a_file_that_ends_in_an_empty_cell_has_that_cell():
    rows = parse_csv("a,b\n1,", "t.csv", Problems())
    assert rows is not None
    assert [(cell.text, cell.column) for cell in rows[1].cells] == [("1", 1), ("", 3)]


def many(count):
    """A list of that many services."""
    letters = [chr(ord("а") + i) for i in range(32)]

    def word(n):
        return letters[n // 1024 % 32] + letters[n // 32 % 32] + letters[n % 32]

    return HEADER + "".join(
        f"{1000 + n},Қызмет {word(n)},Услуга {word(n)},Service {'x' * (n % 40)},land,land\n"
        for n in range(count)
    )


def test_2000_rows_are_read_in_a_moment(folder, capsys):
    started = time.perf_counter()
    assert run(folder, many(2000), "--dry-run") == 0
    assert time.perf_counter() - started < 2
    assert "2000 services; 2000 added" in capsys.readouterr().out


def test_more_than_10000_rows_are_refused(folder, capsys):
    err = refusal(folder, HEADER + LAND * 10_001, capsys)
    assert "list.csv:10002:1: 10001 services are too many; write at most 10000" in err


def test_a_list_that_cannot_be_written_changes_nothing(folder, capsys):
    run(folder, HEADER + BIRTH)
    tables = folder / "dialplans" / "tables"
    (tables / f".services.csv.{os.getpid()}").mkdir()  # where the new list would be prepared
    with pytest.raises(OSError, match="directory"):
        (tables / f".services.csv.{os.getpid()}").unlink()
    capsys.readouterr()
    assert run(folder, HEADER + LAND) == 1
    assert written(folder) == [HEADER, BIRTH]
    assert "services.csv cannot be written" in capsys.readouterr().err


def test_the_shipped_sample_is_large_and_good():
    problems = Problems()
    groups = "birth marriage clinics insurance support jobs school study pension housing land "
    groups += "address company taxes permits identity migration certificates vehicles digital"
    skills = (ROOT / "config" / "skills.yaml").read_text(encoding="utf-8")
    topics = [line.split(":")[0].strip() for line in skills.splitlines() if "{queue:" in line]
    file = ROOT / "dialplans" / "tables" / "services.csv"
    catalogue = read_catalogue(file, problems, groups.split(), topics)
    assert problems.render() == ""
    assert catalogue is not None
    assert len(catalogue.services) >= 200
    assert {service.group for service in catalogue.services.values()} == set(groups.split())
