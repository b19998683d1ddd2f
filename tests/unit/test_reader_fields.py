"""Every field of every node: read when it is good, refused where it stands when it is not."""

import pytest
import yaml

from ivr.fields import NODES as DESCRIBED
from ivr.schema import SCHEMA_FILE, dialplan_schema, schema_text
from tests.unit.json_schema import faults
from tests.unit.node_samples import FLOW_NODES, NODES, good, mistakes, place_of, whole, written

FIELDS = [(name, field) for name, node in NODES.items() for field in node if field != "type"]
OPEN_GROUPS = ("json", "with")  # any name is good in them


def without(name, field):
    node = {key: value for key, value in NODES[name].items() if key != field}
    return whole({**NODES, name: node})


def test_the_samples_have_every_kind_and_every_field():
    kinds = {}
    for node in (*NODES.values(), *FLOW_NODES.values()):
        kinds.setdefault(node["type"], set()).update(node)
    assert {kind: set(fields) for kind, fields in DESCRIBED.items()} == kinds


def test_every_sample_is_good_to_the_reader_and_to_the_schema():
    text = written(whole())
    draft = good(text)
    assert len(draft.dialplan.nodes) == len(NODES) + len(FLOW_NODES)
    assert faults(yaml.safe_load(text), dialplan_schema()) == []


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_every_field_has_its_place(name, field):
    node = good(written(whole())).place("nodes", name, field)
    line, column = place_of(whole(), name, field)
    if field in ("options", "options_from"):  # the key is pointed at
        column -= len(f'"{field}": ') if field == "options" else 0
    assert (node.line, node.column) == (line, column)


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_a_wrong_value_is_refused_where_it_stands(name, field):
    wrong = ["zz"] if field in OPEN_GROUPS else {"zz": 1}
    data = whole({**NODES, name: {**NODES[name], field: wrong}})
    line, column = place_of(data, name, field)
    at = [(found[0], found[1]) for found in mistakes(written(data))]
    assert (line, column) in at or (line, column + 1) in at
    assert faults(data, dialplan_schema()) != []


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_a_mistyped_field_is_told_with_the_right_one(name, field):
    node = {(f"{key}x" if key == field else key): value for key, value in NODES[name].items()}
    data = whole({**NODES, name: node})
    line, column = place_of(data, name, f"{field}x")
    message = next(found for found in mistakes(written(data)) if "unknown key" in found[3])
    assert message[:3] == (line, column - len(f'"{field}x": '), "E03")
    assert f"did you mean '{field}'?" in message[3]
    assert faults(data, dialplan_schema()) != []


@pytest.mark.parametrize(
    ("name", "field"),
    [(n, f) for n, f in FIELDS if DESCRIBED[NODES[n]["type"]][f].is_required],
)
def test_a_missing_field_is_told_by_name(name, field):
    rule = DESCRIBED[NODES[name]["type"]][field].rule
    data = without(name, field)
    line = place_of(data, name, next(iter(data["nodes"][name])))[0]
    found = [each for each in mistakes(written(data)) if each[0] == line and each[2] == rule]
    assert any("next" in m if field == "next" else f"'{field}'" in m for *_, m in found)
    assert faults(data, dialplan_schema()) != []


def test_the_schema_that_is_checked_in_is_current():
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "run: ivr schema > FILE"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"entry": 3}, "$.entry"),
        ({"languages": ["de"]}, "$.languages[0]"),
        ({"limits": {"max_steps": 4}}, "$.limits.max_steps"),
        ({"globals": {"*": "back"}}, "$.globals.0 is missing"),
        ({"nodes": {}}, "$.nodes"),
        ({"nodes": {"a": {"type": "meny"}}}, "$.nodes.a.type"),
        ({"schedules": {"night": {"days": ["moon"]}}}, "$.schedules.night.days[0]"),
        ({"colour": 1}, "$.colour is not known"),
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(change, words):
    data = {**whole(), **change}
    assert any(words in fault for fault in faults(data, dialplan_schema()))
    assert mistakes(written(data)) != []
