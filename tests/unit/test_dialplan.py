"""From YAML to a menu: what is read, and what is refused where."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acd.yaml_source import Problems
from ivr.core import menu
from ivr.core.expressions import literal
from ivr.dialplan import load_dialplan, load_dialplans, parse_dialplan
from tests.unit.menus import MAIN, TOPICS, dialplan, found, messages, place
from tests.unit.node_samples import whole, written

ROOT = Path(__file__).resolve().parent.parent.parent
EVERYTHING = written(whole())
SHIPPED = (ROOT / "dialplans" / "1414-main.yaml").read_text(encoding="utf-8")
SMALL = """\
schema: 1
id: small
languages: [ru]
entry: operator
nodes:
  operator: {type: queue, topic: general}
"""


def test_a_dialplan_of_the_first_version_means_what_it_meant():
    plan = dialplan()
    assert plan.languages == ("kk", "ru", "en")
    assert plan.default_language == "kk"
    assert plan.entry == "language"
    assert plan.timezone == "Asia/Almaty"
    language = plan.nodes["language"]
    assert isinstance(language, menu.LanguageMenu)
    kk = menu.Assignment("language", literal("kk"))
    assert language.input.on_fail == menu.Jump("notice", (kk,))
    assert (language.next, language.intro) == ("notice", {"kk": "Сәлеметсіз бе!"})
    assert language.input.timing.attempts == 2
    texts = {"kk": "Әңгіме жазылады.", "ru": "Разговор записывается.", "en": "Calls are recorded."}
    assert plan.nodes["notice"] == menu.Say(
        "notice", (menu.Said(texts),), bargein=False, next="main"
    )
    main = plan.nodes["main"]
    assert isinstance(main, menu.Menu)
    assert (main.input.back_to, main.announce_count) == ("language", True)
    assert main.input.on_fail == menu.Jump("operator")
    assert [(o.key, o.to) for o in main.options] == [
        ("1", menu.Jump("social")),
        ("2", menu.Jump("answer")),
    ]
    assert plan.nodes["q_pension"] == menu.Queue(
        "q_pension", literal("pension"), 5, "bye", topics=("pension",)
    )
    assert plan.nodes["q_child"] == menu.Queue(
        "q_child", literal("child"), 0, None, topics=("child",)
    )
    assert isinstance(plan.nodes["bye"], menu.HangUp)


def test_what_is_not_written_has_the_usual_value():
    plan = dialplan(SMALL)
    assert plan.limits == menu.Limits(60, 3, 180_000)
    assert plan.globals.operator == "operator"
    assert plan.phrases["ru"].option == "{label}: нажмите {digit}"
    assert plan.default_language == "ru"
    main = dialplan().nodes["main"]
    assert isinstance(main, menu.Menu)
    assert main.input.timing == menu.Timing(3, 6000, 3000, 600, bargein=True)


def test_defaults_reach_every_node_and_a_node_may_differ():
    text = MAIN.replace(
        "nodes:\n", 'defaults: {attempts: 2, first_digit_timeout: "8s", on_fail: q_child}\nnodes:\n'
    ).replace("    announce_count: true\n", '    first_digit_timeout: "5s"\n')
    nodes = dialplan(text).nodes
    social, main = nodes["social"], nodes["main"]
    assert isinstance(social, menu.Menu)
    assert isinstance(main, menu.Menu)
    assert social.input.timing.first_digit_ms == 8000
    assert social.input.on_fail == menu.Jump("q_child")
    assert main.input.timing.first_digit_ms == 5000
    assert main.input.timing.attempts == 2


def test_the_version_changes_with_the_file():
    assert dialplan().version == dialplan().version
    assert dialplan().version != dialplan(MAIN + "# a word more\n").version


@pytest.mark.parametrize(
    ("old", "new", "rule", "marker", "words"),
    [
        ("schema: 1\n", "schema: 2\n", "E03", "schema: ^2", "schema: 1"),
        ("id: main\n", "", "E03", "^schema: 1", "'id' is missing"),
        ("[kk, ru, en]", "[kk, ru, de]", "E03", "ru, ^de", "'de' is not known"),
        ("entry: language", "entry: langage", "E04", "entry: ^lang", "did you mean 'language'?"),
        ("    next: notice", "    next: notise", "E04", "next: ^notise", "did you mean 'notice'?"),
        ("goto: social}", "goto: socail}", "E04", "goto: ^socail", "did you mean 'social'?"),
        ("type: hangup", "type: hang_up", "E03", "type: ^hang_up", "did you mean 'hangup'?"),
        ("topic: general", "on_overflow: x", "E04", "on_overflow: ^x", "no node 'x'"),
        ("{type: hangup", "{type: voicemail", "E06", "^bye: {", "leads nowhere"),
        ("topic: pension", "topic: pensoin", "E04", "topic: ^pensoin", "did you mean 'pension'?"),
        ("skill: child,", "skill: child, topic: child,", "E03", "^q_child: {", "both"),
        ("queue, topic: general", "queue", "E03", "^operator: {", "no topic"),
        ("priority: 5", "priority: high", "E03", "priority: ^high", "whole number"),
        ("next: bye", "nxt: bye", "E03", "^nxt: bye", "did you mean 'next'?"),
        ("also: language", "also: languages", "E03", "also: ^languages", "mean 'language'?"),
        ('key: "1", label: {', "key: 1, label: {", "E02", "key: ^1", '"1"'),
        ('key: "1", label: {', 'key: "A", label: {', "E03", 'key: ^"A"', "'A'"),
        ('key: "1", label: {', "key: , label: {", "E02", "key:^ , label", 'as in "1"'),
        ("attempts: 2", "attempts: two", "E03", "attempts: ^two", "whole number"),
        ("    next: notice\n", "", "E06", "^language:\n    type", "leads nowhere"),
        ('"*": back', "*: back", "E02", "^*: back", '"*"'),
        ('"#": repeat', "#: repeat", "E02", "^#: repeat", '"#"'),
        ('"0": {goto', "0: {goto", "E02", "^0: {goto", '"0"'),
        ("goto: operator,", "goto: operater,", "E04", "goto: ^operater", "'operator'"),
        (', en: "an operator"', "", "E12", "label: ^{kk", "missing in en"),
        ("    bargein: false\n", "    bargein: no\n", "E02", "bargein: ^no", "write false"),
        ("    back_to: language\n", "    remember: x\n", "E03", "^remember: x", "unknown key"),
        ("  bye: {type", "  language: {type", "E01", "^language: {type", "already set on line"),
    ],
)
def test_mistakes_are_found_where_they_are(old, new, rule, marker, words):
    assert old in MAIN
    text = MAIN.replace(old, new, 1)
    assert (*place(text, marker), rule) in found(text), "\n".join(messages(text))
    assert any(words in message for message in messages(text))


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ('option: "{label}"', "{label} once, and once {digit}"),
        ('option: "{label} {digit} {name}"', "{name} means nothing"),
        ('count: "some"', "needs {n}"),
        ('noinput: "{n}"', "{n} means nothing"),
    ],
)
def test_phrases_that_cannot_be_spoken_are_refused(phrase, words):
    text = SMALL.replace("nodes:", f"phrases:\n  ru: {{{phrase}}}\nnodes:")
    assert any(words in message for message in messages(text))


def test_a_file_that_is_no_dialplan_says_what_is_missing():
    assert any("write the keys schema" in m for m in messages("- a\n"))
    assert any("'nodes' is missing" in m for m in messages("schema: 1\n"))
    assert any("there is no node" in m for m in messages(SMALL[: SMALL.index("  operator")]))


def test_a_topic_is_not_checked_while_topics_are_unknown():
    text = SMALL.replace("general", "anything")
    assert not found(text, None)
    assert found(text, TOPICS) == [(6, 34, "E04")]


def test_without_a_way_to_a_person_nothing_is_loaded():
    text = SMALL.replace("operator", "bye").replace("type: queue, topic: general", "type: hangup")
    assert any(m.startswith("E11") for m in messages(text))


def test_a_folder_stands_for_its_files_and_ids_are_unique(tmp_path):
    (tmp_path / "a.yaml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(MAIN, encoding="utf-8")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "c.yaml").write_text("bad: [", encoding="utf-8")
    problems = Problems()
    assert list(load_dialplans([tmp_path], problems, TOPICS)) == ["small", "main"]
    assert not problems.sorted()
    (tmp_path / "c.yaml").write_text(SMALL, encoding="utf-8")
    load_dialplans([tmp_path], problems, TOPICS)
    assert "the id 'small' is already used in" in problems.render()


def test_the_tests_beside_a_dialplan_are_none(tmp_path):
    (tmp_path / "a.yaml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "a.tests.yaml").write_text("tests: []\n", encoding="utf-8")
    assert list(load_dialplans([tmp_path], Problems(), TOPICS)) == ["small"]


def test_a_missing_file_and_an_empty_folder_are_told(tmp_path):
    problems = Problems()
    assert load_dialplans([tmp_path, tmp_path / "x.yaml"], problems, None) == {}
    assert "no *.yaml file is in this folder" in problems.render()
    assert "there is no such file" in problems.render()


def test_paths_are_shown_as_they_were_given(tmp_path, monkeypatch):
    (tmp_path / "m.yaml").write_text(SMALL.replace("queue", "quene"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    problems = Problems()
    assert load_dialplan(Path("m.yaml"), problems, TOPICS) is None
    assert problems.render().startswith("m.yaml:6:20: 'quene' is not known here")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_to_a_file_raises(data):
    text = data.draw(st.sampled_from([MAIN, EVERYTHING, SHIPPED]))
    lines = text.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 3))):
        number = data.draw(st.integers(0, len(lines) - 1))
        line = lines[number]
        start = data.draw(st.integers(0, len(line)))
        end = data.draw(st.integers(start, min(len(line), start + 30)))
        junk = data.draw(st.text("ab01:{}[]\"'#*- \n&!,.", max_size=6))
        lines[number] = line[:start] + junk + line[end:]
    problems = Problems()
    plan = parse_dialplan("".join(lines), "dialplans/f.yaml", problems, TOPICS)
    assert (plan is None) == problems.has_errors, problems.render()
