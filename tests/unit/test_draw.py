"""`ivr draw`: pictures of a menu that say the truth and can be read."""

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree

import pytest

from ivr import draw
from ivr.picture import picture_of
from ivr.picture_dot import as_dot
from ivr.picture_mermaid import as_mermaid
from tests.unit.menus import MAIN, dialplan
from tests.unit.tools import DAY, run

PLAN = dialplan(DAY)
needs_dot = pytest.mark.usefixtures("graphviz")


@pytest.fixture
def graphviz():
    if not shutil.which("dot"):
        pytest.skip("the program dot is not installed (apt-get install graphviz)")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "day.yaml"
    path.write_text(DAY, encoding="utf-8")
    return path


def lines(picture):
    return {(line.source, line.target, line.label) for line in picture.lines}


def test_every_node_is_drawn_with_its_type_and_its_first_text():
    boxes = {box.name: box for box in picture_of(PLAN, "ru").boxes}
    assert set(boxes) == set(PLAN.nodes)
    assert (boxes["answer"].kind, boxes["answer"].text) == ("say", "Ответ готов.")
    assert boxes["night"].text == "Сейчас ночь."
    assert next((row.key, row.text) for row in boxes["main"].rows) == ("1", "Пенсия")
    assert boxes["start"].is_entry
    assert boxes["q_pension"].text == "topic pension"


def test_long_texts_are_cut():
    text = DAY.replace("Ответ готов.", "Ответ " + "очень " * 30)
    [box] = [box for box in picture_of(dialplan(text), "ru").boxes if box.name == "answer"]
    assert len(box.text) <= 70
    assert box.text.endswith("…")


def test_ways_have_their_keys():
    found = lines(picture_of(PLAN, "ru"))
    assert ("main", "q_pension", "1") in found
    assert ("language", "news", "1, 2, 3") in found
    assert ("ask", "answer", "ok") in found


def test_what_is_the_same_everywhere_is_left_out_unless_asked_for():
    found = lines(picture_of(PLAN, "ru"))
    assert not any(source == "main" and target == "operator" for source, target, _ in found)
    everything = lines(picture_of(PLAN, "ru", shows_all=True))
    assert ("main", "operator", "0, fail") in everything
    assert ("q_pension", "message", "overflow") in everything
    notes = {box.name: box.notes for box in picture_of(PLAN, "ru").boxes}
    assert notes["q_pension"] == ("then survey", "nobody free: message")


def test_only_the_first_way_to_a_node_is_a_long_line():
    picture = picture_of(PLAN, "ru")
    for name in PLAN.nodes:
        arriving = [line for line in picture.lines if line.target == name]
        plain = [line for line in arriving if not line.is_reference]
        assert len(plain) <= max(1, len(arriving))
    assert any(line.is_reference for line in picture.lines)
    assert not any(line.is_reference for line in picture_of(PLAN, "ru", shows_all=True).lines)


def test_a_node_nobody_reaches_is_drawn_as_such():
    text = MAIN.replace("goto: answer}", "goto: social}")
    [box] = [box for box in picture_of(dialplan(text), "ru").boxes if box.name == "answer"]
    assert not box.is_reachable


@needs_dot
@pytest.mark.parametrize("option", [[], ["--all"]])
def test_the_svg_holds_every_node_and_its_texts(file, tmp_path, option):
    output = tmp_path / "menu.svg"
    assert run(draw, "draw", file, "-o", output, "--lang", "ru", *option) == 0
    root = ElementTree.fromstring(output.read_text(encoding="utf-8"))
    shown = " ".join(root.itertext())
    for text in ("Служба спасения", "Оцените работу.", "q_pension", "topic general"):
        assert text in shown
    ids = {element.get("id") for element in root.iter()}
    assert {f"node-{name}" for name in PLAN.nodes} <= ids


@needs_dot
def test_references_lead_to_the_node_they_name(file, tmp_path):
    output = tmp_path / "menu.svg"
    assert run(draw, "draw", file, "-o", output) == 0
    elements = list(ElementTree.fromstring(output.read_text(encoding="utf-8")).iter())
    targets = {each.get("{http://www.w3.org/1999/xlink}href") for each in elements} - {None}
    assert "#node-operator" in targets
    assert {target.removeprefix("#") for target in targets} <= {each.get("id") for each in elements}


@needs_dot
def test_a_picture_for_those_who_cannot_show_svg(file, tmp_path):
    output = tmp_path / "menu.png"
    assert run(draw, "draw", file, "-o", output) == 0
    assert output.read_bytes().startswith(b"\x89PNG")


def test_letters_that_mean_something_to_graphviz_are_harmless():
    text = DAY.replace('ru: "Ответ готов."', "ru: '<б>&\"Ответ\\ \"'")
    dot = as_dot(picture_of(dialplan(text), "ru"))
    assert "&lt;б&gt;&amp;&quot;Ответ\\ &quot;" in dot


def test_mermaid_has_every_node_every_way_and_its_own_escapes(file, tmp_path):
    output = tmp_path / "menu.mmd"
    assert run(draw, "draw", file, "-o", output, "--lang", "ru") == 0
    text = output.read_text(encoding="utf-8")
    picture = picture_of(PLAN, "ru")
    assert text.splitlines()[2] == "flowchart LR"
    assert len(re.findall(r"--> ?|-->\||-\.->", text)) == len(picture.lines)
    assert "<b>q_pension</b> queue<br/>topic pension" in text
    plan = dialplan(DAY.replace("Ответ готов.", "Ответ «готов» [1] (2)"))
    assert "Ответ «готов» [1] (2)" in as_mermaid(picture_of(plan, "ru"))


def test_flows_are_groups():
    text = DAY.replace("goto: answer}", "goto: tell}") + (
        "  tell: {type: call, flow: topic, with: {id: a}, next: operator}\n"
        "flows:\n"
        "  topic:\n"
        "    params: [id]\n"
        "    entry: told\n"
        "    nodes:\n"
        '      told: {type: say, set: {call.topic: "with.id"}, prompt: {kk: "Әңгіме.", '
        'ru: "Рассказ.", en: "A story."}, next: back}\n'
        "      back: {type: return}\n"
    )
    plan = dialplan(text)
    picture = picture_of(plan, "ru")
    assert picture.flows == {"topic": ("id",)}
    assert 'subgraph "cluster_topic"' in as_dot(picture)
    assert 'subgraph f_topic["flow topic(id)"]' in as_mermaid(picture)
    everything = picture_of(plan, "ru", shows_all=True)
    assert ("tell", "topic.told", "call") in lines(everything)


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"nodes": rows}])
def test_widths_follow_the_calls(file, tmp_path, wrap):
    heat = tmp_path / "funnel.json"
    rows = [
        {"node": "main", "menu": "day", "entered": 70, "language": "kk"},
        {"node": "main", "menu": "day", "entered": 20, "language": "ru"},
        {"node": "main", "menu": "another", "entered": 1000},
        {"node": "q_pension", "entered": 60},
    ]
    heat.write_text(json.dumps(wrap(rows)))
    output = tmp_path / "menu.dot"
    assert run(draw, "draw", file, "-o", output, "--heat", heat) == 0
    text = output.read_text(encoding="utf-8")
    [line] = [line for line in text.splitlines() if '"main":r0:e -> "q_pension"' in line]
    assert 'tooltip="60 calls"' in line
    assert "90 calls" in text
    width = float(re.search(r"penwidth=([\d.]+)", line)[1])
    [cold] = [line for line in text.splitlines() if '"main":r3:e -> "answer"' in line]
    assert width > float(re.search(r"penwidth=([\d.]+)", cold)[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "menu.txt"], "has to end in one of .svg, .png, .pdf, .dot, .mmd"),
        (["-o", "menu.dot", "--lang", "de"], "write one of kk, ru, en"),
        (["-o", "nowhere/menu.dot"], "cannot be written"),
        (["-o", "menu.dot", "--heat", "none.json"], "write it with 'ivr funnel --json'"),
        (["-o", "menu.dot", "--heat", "other.json"], "counts no node of this menu"),
    ],
)
def test_what_cannot_be_drawn_says_why(file, tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.json").write_text('[{"node": "x", "entered": 1}]')
    assert run(draw, "draw", file, *options) == 1
    assert message in capsys.readouterr().err


def test_without_graphviz_the_remedy_is_named(file, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(draw, "draw", file, "-o", tmp_path / "menu.svg") == 1
    said = capsys.readouterr().err
    assert "apt-get install graphviz" in said
    assert ".mmd" in said


def test_a_dot_that_fails_is_reported_in_one_line(file, tmp_path, monkeypatch, capsys):
    fake = tmp_path / "dot"
    fake.write_text("#!/bin/sh\ncat > /dev/null\necho 'out of memory' >&2\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert run(draw, "draw", file, "-o", tmp_path / "menu.svg") == 1
    assert "'dot' did not draw: out of memory" in capsys.readouterr().err
    assert not (tmp_path / "menu.svg").exists()
