"""`ivr schema`, and the dialplan that is shipped."""

import json
from pathlib import Path

import pytest
import yaml

from ivr.__main__ import main
from ivr.schema import SCHEMA_FILE, dialplan_schema
from tests.unit.json_schema import faults
from tests.unit.menus import MAIN, messages

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_schema_is_printed(capsys):
    assert main(["schema"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed) == dialplan_schema()
    assert printed == SCHEMA_FILE.read_text(encoding="utf-8")


def test_every_shipped_dialplan_is_good_to_the_schema():
    files = [f for f in (ROOT / "dialplans").glob("*.yaml") if ".tests." not in f.name]
    assert files
    for file in files:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert faults(data, dialplan_schema()) == [], file.name


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("announce_count: true", "anounce_count: true"),  # a misspelt field
        ("announce_count: true", "announce_count: yes please"),
        ("type: say", "type: sey"),
        ("    type: say\n", ""),
        ("attempts: 2", "attempts: two"),
        ("attempts: 2", "attempts: 0"),
        ('key: "1", language', "key: 1, language"),  # without quotes
        ('key: "1", language', 'key: "x", language'),
        ("languages: [kk, ru, en]", "languages: [kk, ru, de]"),
        ("languages: [kk, ru, en]", "languages: kk"),
        ("id: main", "id: 1414"),
        ("id: main", 'id: "main menu"'),
        ("schema: 1", "schema: 2"),
        ("entry: language\n", ""),
        ("globals:\n", "global:\n"),
        ("bargein: false", 'bargein: "no"'),
        ("priority: 5", "priority: high"),
        ("    next: main\n  main:", "    nxt: main\n  main:"),
        ("  bye: {type: hangup", "  good bye: {type: hangup"),
        ("nodes:\n", "limits: {max_step: 60}\nnodes:\n"),
        ("nodes:\n", 'expect_offset: "5"\nnodes:\n'),
        ("nodes:\n", "schedules: {night: {dayly: x}}\nnodes:\n"),
    ],
)
def test_a_slip_of_the_pen_is_shown_by_an_editor_and_by_the_check(old, new):
    assert faults(yaml.safe_load(MAIN), dialplan_schema()) == []
    assert old in MAIN
    text = MAIN.replace(old, new, 1)
    assert faults(yaml.safe_load(text), dialplan_schema()) != []
    assert any(message.startswith("E") for message in messages(text))
