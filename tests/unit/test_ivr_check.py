"""`ivr check` from the command line."""

import json
import time
from pathlib import Path

import pytest

from ivr.__main__ import main
from tests.unit.big_menus import big_menu
from tests.unit.menus import MAIN

SKILLS = (
    'schema: 1\ntopics:\n  pension: {queue: social, name: {kk: "а"}}\n'
    "  general: {queue: general}\n  child: {queue: social}\n"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "skills.yaml").write_text(SKILLS, encoding="utf-8")
    (tmp_path / "dialplans").mkdir()
    (tmp_path / "dialplans" / "main.yaml").write_text(MAIN, encoding="utf-8")
    return tmp_path


def test_a_good_dialplan_exits_0(folder, capsys):
    assert main(["check", "dialplans"]) == 0
    assert capsys.readouterr().out == "1 dialplan good; 0 errors, 0 warnings\n"
    assert main(["check", "dialplans/main.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_an_error_exits_1_with_exactly_the_promised_keys(folder, capsys):
    (folder / "dialplans" / "main.yaml").write_text(MAIN.replace("topic: pension", "topic: pensin"))
    assert main(["check", "dialplans", "--json"]) == 1
    (problem,) = json.loads(capsys.readouterr().out)
    assert problem == {
        "file": "dialplans/main.yaml",
        "line": 42,
        "column": 35,
        "rule": "E04",
        "severity": "error",
        "message": "there is no topic or queue 'pensin'; did you mean 'pension'? "
        "(node 'q_pension')",
    }
    assert main(["check", "dialplans"]) == 1
    out, err = capsys.readouterr()
    assert err.startswith("dialplans/main.yaml:42:35: there is no topic")
    assert out == "0 dialplans good; 1 error, 0 warnings\n"


def test_a_queue_is_as_good_as_a_topic_and_a_warning_does_not_fail(folder, capsys):
    text = MAIN.replace("topic: pension", "topic: social") + "  lost: {type: hangup}\n"
    (folder / "dialplans" / "main.yaml").write_text(text, encoding="utf-8")
    assert main(["check", "dialplans", "--config", "config"]) == 0
    assert "warning: no caller ever gets to 'lost'" in capsys.readouterr().err


def test_a_path_that_does_not_exist_is_one_clear_line(folder, capsys):
    assert main(["check", "nosuch.yaml"]) == 1
    assert capsys.readouterr().err == (
        "nosuch.yaml: there is no such file or folder; check the path [E01]\n"
    )
    assert main(["check", "dialplans", "--config", "nowhere"]) == 1
    assert "nowhere/skills.yaml: there is no such file" in capsys.readouterr().err


def test_audio_is_checked_when_asked_for(folder, capsys):
    assert main(["check", "dialplans", "--prompts"]) == 1
    assert "E14" in capsys.readouterr().err


def test_warnings_fail_only_when_asked_for(folder, capsys):
    text = MAIN + "  lost: {type: hangup}\n"
    (folder / "dialplans" / "main.yaml").write_text(text, encoding="utf-8")
    assert main(["check", "dialplans"]) == 0
    assert main(["check", "dialplans", "--strict"]) == 1
    assert main(["check", "dialplans", "--strict", "--json"]) == 1
    out = capsys.readouterr().out
    assert [each["severity"] for each in json.loads(out[out.rindex("[\n") :])] == ["warning"]


def test_the_day_can_be_given(folder, capsys):
    text = MAIN + 'schedules:\n  s: {dates: ["2026-12-16"]}\n'
    (folder / "dialplans" / "main.yaml").write_text(text, encoding="utf-8")
    assert main(["check", "dialplans", "--today", "2026-12-16"]) == 0
    assert main(["check", "dialplans", "--today", "2026-12-17"]) == 1
    assert "2026-12-16, is past" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        main(["check", "dialplans", "--today", "tomorrow"])
    assert left.value.code == 2


def test_usage_and_coverage_come_from_the_other_commands(folder, capsys):
    usage = [{"menu": "main", "node": "social", "chose": {"1": 2000, "2": 1}}]
    (folder / "usage.json").write_text(json.dumps(usage))
    edge = {"node": "social", "kind": "key", "label": "2", "target": "q_child"}
    coverage = {"coverage": [{"dialplan": "main", "missing": [edge]}]}
    (folder / "coverage.json").write_text(json.dumps(coverage))
    told = ["--usage", "usage.json", "--coverage", "coverage.json"]
    assert main(["check", "dialplans", "--json", *told]) == 0
    found = [each["message"] for each in json.loads(capsys.readouterr().out)]
    assert found[0].startswith("1 of 2001 callers have chosen 2")
    assert found[1].startswith("no test goes from 'social' by key 2 to 'q_child'")


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[1]", '{"coverage": 3}', None, "null", "[" * 100_000, "\udcff"),
        '[{"menu": "m", "node": "n", "chose": {"1": 1e999}}]',
    ],
)
def test_a_file_of_usage_that_is_none_is_one_clear_line(folder, capsys, text):
    if text is not None:
        (folder / "x.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    for option in ("--usage", "--coverage"):
        assert main(["check", "dialplans", option, "x.json"]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("x.json: ")


def test_results_of_other_tests_are_no_promise(folder, capsys):
    (folder / "c.json").write_text('{"coverage": [{"dialplan": "other", "missing": []}]}')
    assert main(["check", "dialplans", "--coverage", "c.json"]) == 0
    assert capsys.readouterr().err == (
        "c.json: warning: nothing is told here of 'main'; run 'ivr test --json' for it too [W00]\n"
    )


def test_settings_that_cannot_be_used_are_told(folder, capsys):
    (folder / "config" / "operators.yaml").write_text("x: 1\n")
    assert main(["check", "dialplans"]) == 0
    assert "run 'acd check config'" in capsys.readouterr().err


def test_a_manifest_that_cannot_be_read_is_one_clear_line(folder, capsys):
    (folder / "dialplans" / "prompts").mkdir()
    (folder / "dialplans" / "prompts" / "prompts.json").write_text("{")
    assert main(["check", "dialplans", "--prompts"]) == 1
    assert "prompts.json" in capsys.readouterr().err


def test_sentences_that_nobody_can_play_yet_are_counted(folder, capsys):
    assert main(["check", "dialplans"]) == 0
    assert "audio" not in capsys.readouterr().out  # nothing is played from here
    (folder / "dialplans" / "prompts").mkdir()
    (folder / "dialplans" / "prompts" / "prompts.json").write_text('{"schema": 2, "clips": {}}')
    assert main(["check", "dialplans"]) == 0
    assert "have no audio yet; 'ivr prompts build' makes it" in capsys.readouterr().out


def test_production_wants_recordings(folder, capsys):
    assert main(["check", "dialplans", "--production"]) == 1
    assert "E14" in capsys.readouterr().err
    root = Path(__file__).resolve().parents[2]
    config = ["--config", str(root / "config")]
    assert main(["check", str(root / "dialplans"), "--production", "--json", *config]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {each["severity"] for each in found if each["rule"] == "W13"} == {"error"}


def test_a_row_of_a_table_can_be_waived_in_its_file(folder, capsys):
    row = '  a: {name: {kk: "Құжат", ru: "Құжат", en: "papers"}}'
    head = 'schema: 1\nrows:\n  b: {name: {kk: "Жер", ru: "Земля", en: "land"}}\n'
    table = folder / "dialplans" / "tables" / "t.yaml"
    table.parent.mkdir()
    text = MAIN + "tables: {t: tables/t.yaml}\n"
    (folder / "dialplans" / "main.yaml").write_text(text, encoding="utf-8")
    table.write_text(f"{head}{row}\n", encoding="utf-8")
    assert main(["check", "dialplans"]) == 1
    assert "t.yaml:4:13: the text is the same in kk and ru" in capsys.readouterr().err
    table.write_text(f"{head}{row}  # ivr: allow E12 - a name\n", encoding="utf-8")
    assert main(["check", "dialplans"]) == 0


def test_five_thousand_nodes_and_two_thousand_rows_take_no_time(tmp_path, monkeypatch, capsys):
    """At most two seconds of the processor, reading included; the best of three attempts."""
    monkeypatch.chdir(tmp_path)  # no settings at hand
    big_menu(tmp_path, 5000, 2000)
    spent = []
    for _ in range(3):
        before = time.process_time()
        assert main(["check", str(tmp_path / "big.yaml"), "--json"]) == 0
        spent.append(time.process_time() - before)
        problems = json.loads(capsys.readouterr().out)
        assert {each["rule"] for each in problems} == {"W16"}
    assert min(spent) < 2, spent


@pytest.mark.parametrize("arguments", [[], ["check"], ["dance"], ["check", "a", "--nonsense"]])
def test_wrong_usage_exits_2(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
