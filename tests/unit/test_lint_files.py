"""`ivr check` and files of every wrong kind: a message with its place, soon, never a traceback."""

import json
import os
import time

import pytest

from ivr.__main__ import main
from tests.unit.menus import MAIN

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{one}: &{one} [{', '.join(['*' + before] * 9)}]\n"
    for before, one in zip("abcdefgh", "bcdefghi", strict=True)
)


def changed(old, new):
    assert old in MAIN
    return MAIN.replace(old, new, 1)


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Runs `ivr check` for a content; gives the exit code and what was printed as messages."""
    monkeypatch.chdir(tmp_path)

    def run(content, *arguments, name="m.yaml"):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
        code = main(["check", name, *arguments])
        return code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("text", "start"),
    [
        # what YAML would silently change
        (
            MAIN + "schedules:\n  s: {daily: 22:00}\n",
            "m.yaml:47:14: 22:00 is a number of minutes to YAML when unquoted; write \"22:00\"",
        ),
        (changed('key: "1", language', "key: 01, language"), 'm.yaml:15:15: the key 01 must be'),
        (changed('key: "1", language', "key: 1, language"), 'm.yaml:15:15: the key 1 must be quot'),
        (changed('key: "1", language', "key: “1”, language"), 'm.yaml:15:15: the key “1” must be'),
        (changed("attempts: 2", "attempts: 08"), "m.yaml:13:15: 08 begins with a zero"),
        (changed("attempts: 2", "attempts: 1_000"), "m.yaml:13:15: '1_000' is not a whole number"),
        (changed("attempts: 2", "attempts: 0x2"), "m.yaml:13:15: '0x2' is not a whole number"),
        (changed("bargein: false", "bargein: no"), "m.yaml:22:14: 'no' is not true or false; wri"),
        (changed("bargein: false", "bargein: False"), "m.yaml:22:14: 'False' is not true or false"),
        (changed("entry: language", "entry: no"), "m.yaml:4:8: no is true or false to YAML"),
        (changed("id: main", "id: 1414"), "m.yaml:2:5: 1414 is a number to YAML"),
        (changed("id: main", "id: 2026-01-01"), "m.yaml:2:5: 2026-01-01 is a timestamp to YAML"),
        (changed("id: main", "id: ~"), "m.yaml:2:5: ~ is nothing to YAML"),
        (changed('en: "Come here."', "en: off"), "m.yaml:40:85: off is true or false to YAML"),
        (changed('  "#": repeat', "  #: repeat"), "m.yaml:8:3: '#:' begins a comment and the key"),
        (changed('  "*": back', "  *: back"), "m.yaml:7:3: the key * means something else"),
        (changed('  "0": {', "  0: {"), "m.yaml:6:3: the key 0 must be quoted"),
        # keys and marks
        (MAIN + "  main: {type: hangup}\n", "m.yaml:46:3: 'main' is already set on line 25"),
        (changed("  bye: {", "  bye: &b {"), "m.yaml:45:8: '&b' is a YAML anchor"),
        (changed("next: bye", "next: *bye"), "m.yaml:42:63: '*bye' is a YAML alias"),
        (changed("    announce_c", "    <<: {type: say}\n    announce_c"), "m.yaml:27:5: '<<'"),
        (changed("id: main", 'id: !!int "3"'), "m.yaml:2:5: '!!int' is a YAML tag"),
        (MAIN + "---\na: b\n", "m.yaml:46:1: a second document begins here"),
        (LAUGHS, "m.yaml:1:1: the key 'entry' is missing"),
        # letters
        (changed("    announce", "\tannounce"), "m.yaml:27:1: the line begins with a tab"),
        (changed("announce_count: t", "announce_count:\tt"), "m.yaml:27:20: a tab cannot stand"),
        (changed('"Come here."', '"Come\\0here."'), "m.yaml:40:85: the invisible character U+00"),
        (changed('"Come here."', '"\\ud800"'), "m.yaml:40:85: the invisible character U+D8"),
        (changed('"Come here."', '"Come\u202ehere."'), "m.yaml:40:85: the invisible character"),
        (changed("entry: lang", "entry: \u200blang"), "m.yaml:4:8: the invisible character U+20"),
        (changed('"Come here."', '"Come\u2028here."'), "m.yaml:40:90: an invisible line end"),
        (
            changed("goto: social", "goto: sосial"),
            "m.yaml:30:83: there is no node 'sосial'; did you mean 'social'? 'о' (U+043E), ",
        ),
        (MAIN.replace("main", "ma\0in", 1), "m.yaml:2:7: the control character 0x00 is here"),
        (MAIN.encode("utf-16"), "m.yaml: the file is saved as UTF-16; save it as UTF-8"),
        (MAIN.encode().replace("Пен".encode(), "Пен".encode("cp1251")), "m.yaml:36:50: this"),
        # shapes
        ("", "m.yaml: the file is empty"),
        ("# a comment\n", "m.yaml: the file is empty"),
        ("- a\n- b\n", "m.yaml:1:1: a list stands here; write the keys schema, id"),
        ("hello\n", "m.yaml:1:1: 'hello' stands here; write the keys"),
    ],
)  # fmt: skip
def test_what_is_written_wrong_is_refused_with_its_place(check, text, start):
    code, told = check(text)
    assert code == 1
    assert told.startswith(start), told


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + MAIN.encode(),
        MAIN.replace("\n", "\r\n").encode(),
        MAIN.replace("\n", "\r").encode(),
        ("%YAML 1.2\n---\n" + MAIN + "...\n").encode(),
        MAIN.encode() + b"# " + b"x" * 10_000_000,
    ],
    ids=["BOM", "CRLF", "CR", "document marks", "10 MB"],
)
def test_what_another_editor_writes_is_read(check, data):
    assert check(data) == (0, "")


def test_a_place_is_right_whatever_ends_the_lines(check):
    wrong = changed("next: bye", "next: by").replace("\n", "\r")
    assert check(wrong)[1].startswith("m.yaml:42:63: there is no node 'by'")


@pytest.mark.parametrize(
    "text",
    ["a: " + "{a: " * 100_000, "a: " + "[" * 100_000, "- " * 500_000, "? " * 500_000],
    ids=["braces", "brackets", "lists", "keys"],
)
def test_nesting_without_end_is_refused_at_once(check, text):
    before = time.process_time()
    code, told = check(text)
    assert code == 1
    assert "nested too deeply" in told
    assert time.process_time() - before < 2


def test_a_file_of_another_kind_does_not_print_for_ever(check, capsys):
    before = time.process_time()
    code, told = check("".join(f"key{number}: 1\n" for number in range(50_000)))
    assert code == 1
    assert "50000 unknown keys stand here" in told
    assert len(told.splitlines()) < 300
    assert time.process_time() - before < 5


def test_more_errors_than_are_shown_are_still_counted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    nodes = "".join(f"  n{n}: {{type: queue, topic: general, next: x{n}}}\n" for n in range(700))
    (tmp_path / "m.yaml").write_text(MAIN + nodes, encoding="utf-8")
    assert main(["check", "m.yaml"]) == 1
    assert capsys.readouterr().out == "0 dialplans good; 700 errors, 0 warnings (500 shown)\n"


def test_no_letter_of_a_file_commands_the_terminal(check):
    told = check(changed("id: main", "id: ma\x1b[31min"))[1]
    assert told.startswith("m.yaml:2:7: the control character 0x1b is here")
    assert "\x1b" not in told


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "main.yaml").write_text(MAIN, encoding="utf-8")
    return tmp_path / "d"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda d: os.symlink("loop.yaml", d / "loop.yaml"), "d/loop.yaml: what has the name"),
        (lambda d: os.symlink("gone", d / "x.yaml"), "leads to no file [E01]"),
        (lambda d: (d / "x.yaml").mkdir(), "is a folder; give it another name [E01]"),
    ],
)
def test_what_only_looks_like_a_dialplan_is_not_passed_over(folder, capsys, make, words):
    make(folder)
    assert main(["check", "d"]) == 1
    assert words in capsys.readouterr().err


def test_a_dialplan_whose_ending_is_not_read_is_told(folder, capsys):
    (folder / "night.yml").write_text(MAIN, encoding="utf-8")
    assert main(["check", "d"]) == 0
    told = "this file is not read; call it night.yaml if it is a dialplan"
    assert capsys.readouterr().err == f"d/night.yml: warning: {told} [W00]\n"


def test_what_editors_leave_behind_is_passed_over(folder, capsys):
    os.symlink("somebody@somewhere.1", folder / ".#main.yaml")
    (folder / "._main.yaml").write_bytes(b"\0\0")
    (folder / "main.yaml~").write_bytes(b"\0")
    assert main(["check", "d"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("path", ["a" * 5000, "a\0b", "d/loop.yaml", "d/x.yaml"])
def test_a_path_that_leads_nowhere_is_one_clear_line(folder, capsys, path):
    os.symlink("loop.yaml", folder / "loop.yaml")
    (folder / "x.yaml").mkdir()
    assert main(["check", path]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("path", ["tables", "loop.yaml", '"a\\u0000b"', "main.yml", '""'])
def test_a_table_that_is_no_file_is_told_where_it_is_named(folder, capsys, path):
    os.symlink("loop.yaml", folder / "loop.yaml")
    (folder / "tables").mkdir()
    text = MAIN + "tables:\n  t: " + path + "\n"
    (folder / "main.yaml").write_text(text, encoding="utf-8")
    assert main(["check", "d/main.yaml", "--json"]) == 1
    assert {(p["line"], p["column"]) for p in json.loads(capsys.readouterr().out)} == {(47, 6)}


def test_a_file_that_was_probably_meant_is_named(folder, capsys):
    (folder / "topics.yaml").write_text("schema: 1\nrows: {a: {n: 1}}\n", encoding="utf-8")
    text = MAIN + "tables: {t: topic.yaml}\n"
    (folder / "main.yaml").write_text(text, encoding="utf-8")
    assert main(["check", "d/main.yaml"]) == 1
    assert "there is no file 'topic.yaml'; did you mean 'topics.yaml'?" in capsys.readouterr().err


def test_everything_that_is_wrong_is_told_at_once(check):
    text = changed("next: bye", "next: by").replace("attempts: 2", "attempts: 08")
    text = text.replace("goto: social}", "goto: social, colour: red}")
    text = text.replace(', en: "Goodbye!"', "")
    code, told = check(text)
    lines = [line.split(": ")[0] for line in told.splitlines() if line.startswith("m.yaml")]
    assert code == 1
    assert lines == ["m.yaml:13:15", "m.yaml:30:91", "m.yaml:42:63", "m.yaml:45:31"]


def test_every_message_names_its_node(check):
    text = changed("attempts: 2", "attempts: 08").replace("goto: social}", "goto: social, to: x}")
    text = text.replace("    bargein: false\n", "    bargein: maybe\n")
    told = check(text)[1]
    assert [line.rpartition("(node ")[2] for line in told.splitlines() if "(node" in line] == [
        "'language') [E02]",
        "'notice') [E03]",
        "'main') [E03]",
    ]
    outside = check(MAIN + "colour: red\n")[1]
    assert "(node" not in outside


@pytest.mark.parametrize(
    ("cell", "start"),
    [
        ("Регистрация\u200b", "d/t.csv:3:12: an invisible character is in this text"),
        ("\x1b[31mРегистрация", "d/t.csv:3:12: an invisible character is in this text"),
        ("Рeгистрация", "d/t.csv:3:12: 'Рeгистрация' mixes Latin and Cyrillic letters"),
        ("Registry", "d/t.csv:3:12: 'Registry' is Latin in a text in ru"),
    ],
)
def test_a_cell_of_a_spreadsheet_is_judged_at_its_place(folder, capsys, cell, start):
    head = "code,name_kk,name_ru,name_en\n101,Туу,Рождение,birth\n"
    (folder / "t.csv").write_text(f"{head}102,Тіркеу,{cell},registration\n", encoding="utf-8")
    text = MAIN + "tables: {t: t.csv}\n"
    (folder / "main.yaml").write_text(text, encoding="utf-8")
    assert main(["check", "d/main.yaml"]) == 1
    assert capsys.readouterr().err.startswith(start)


def test_a_flow_with_too_many_ways_back_is_refused_before_it_takes_minutes(check):
    calls = "".join(f"  s{n}: {{type: call, flow: f, next: s{n + 1}}}\n" for n in range(400))
    text = changed("goto: answer}", "goto: s0}") + calls + "  s400: {type: hangup}\nflows:\n"
    text += "  f:\n    entry: r0\n    nodes:\n" + "".join(
        f"      r{n}: {{type: branch, when: [{{if: caller.withheld, goto: t{n}}}], "
        f"else: r{n + 1}}}\n      t{n}: {{type: return}}\n"
        for n in range(300)
    )
    code, told = check(text + "      r300: {type: return}\n")
    assert code == 1
    assert "400 calls and 301 'return' nodes are too many ways back" in told


def test_a_waiver_works_however_many_findings_there_are(check):
    sets = "".join(
        f'  s{n}: {{type: set, set: {{call.v{n}: "1"}}, next: s{n + 1}}}  # ivr: allow E21 - x\n'
        for n in range(700)
    )
    text = changed("goto: answer}", "goto: s0}") + sets + "  s700: {type: hangup}\n"
    code, told = check(text)
    assert code == 0
    assert [line for line in told.splitlines() if "warning" in line and "W05" not in line] == []
