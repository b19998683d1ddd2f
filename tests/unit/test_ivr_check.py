"""`ivr check` from the command line."""

import json

import pytest

from ivr.__main__ import main
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
        "message": "there is no topic or queue 'pensin'; did you mean 'pension'?",
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


@pytest.mark.parametrize("arguments", [[], ["check"], ["dance"], ["check", "a", "--nonsense"]])
def test_wrong_usage_exits_2(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
