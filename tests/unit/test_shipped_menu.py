"""The menu that answers 1414, its answers and its catalogue belong together."""

from pathlib import Path

import pytest

from acd.settings_files import load_settings
from acd.yaml_source import Problems
from ivr.core import menu
from ivr.coverage import Coverage
from ivr.dialplan import load_dialplan
from ivr.facts import Caller, Scene
from ivr.menu_test_files import read_tests
from ivr.menu_test_run import run_test
from ivr.player import Player

ROOT = Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "dialplans" / "1414-main.yaml"
CONFIG = ROOT / "config"
QUESTIONS = {
    "m_egov": ["eds", "mobile", "sms1414"],
    "m_social": ["child", "asp", "pension"],
    "m_documents": ["id_docs", "address", "auto"],
    "m_other": ["osms", "tson", "otinish"],
}


@pytest.fixture(scope="module")
def topics() -> list[str]:
    settings = load_settings(CONFIG, Problems())
    assert settings is not None
    return [str(topic) for topic in settings.topic_names]


@pytest.fixture(scope="module")
def plan(topics) -> menu.Dialplan:
    problems = Problems()
    dialplan = load_dialplan(FILE, problems, topics, config=CONFIG)
    assert problems.render() == ""
    assert dialplan is not None
    return dialplan


def test_every_call_written_down_ends_as_it_should_and_they_walk_every_way(plan):
    problems = Problems()
    file = ROOT / "dialplans" / "tests" / "1414-main.tests.yaml"
    tests = read_tests(file, plan, problems, CONFIG)
    assert problems.render() == ""
    coverage, failures = Coverage(plan), []
    for run in (run for test in tests for run in run_test(test, plan)):
        coverage.add(run.player)
        if run.failure is not None:
            failures.append(f"{run.line}: {run.test.name} [{run.language}]: {run.failure}")
    assert failures == []
    assert [way.in_words() for way in coverage.missing] == []


def test_twelve_questions_in_four_groups_of_three(plan):
    for name, topics in QUESTIONS.items():
        node = plan.nodes[name]
        assert isinstance(node, menu.Menu)
        assert [option.to.goto for option in node.options][:3] == [f"t_{each}" for each in topics]
    assert list(plan.tables["topics"].rows) == [each for ids in QUESTIONS.values() for each in ids]


def test_every_option_of_the_main_menu_is_one_of_five(plan):
    node = plan.nodes["main"]
    assert isinstance(node, menu.Menu)
    assert [option.key for option in node.options] == ["1", "2", "3", "4", "5"]


def test_every_group_is_offered_and_leads_to_a_topic(plan, topics):
    offered = {}
    for node in plan.nodes.values():
        if isinstance(node, menu.Menu) and node.name.startswith("life_"):
            offered |= {option.label["en"]: option.to for option in node.options}
    rows = plan.tables["groups"].rows.values()
    assert [row["name"]["en"] for row in rows] == list(offered)
    assert {str(row["topic"]) for row in rows} <= set(topics)


def test_every_service_has_a_group_that_is_offered_and_a_topic(plan, topics):
    groups = plan.tables["groups"].rows
    for code, row in plan.tables["services"].rows.items():
        assert row["group"] in groups, code
        assert row["skill"] in topics, code


def test_no_node_of_the_shipped_menu_books_callbacks_or_asks_other_systems(plan):
    kinds = {type(node) for node in plan.nodes.values()}
    assert not kinds & {menu.Callback, menu.Http}


@pytest.mark.parametrize("keys", ["51", "5-", "52112"])
def test_callers_who_hear_or_speak_with_difficulty_have_a_head_start(plan, keys):
    player = Player(plan, facts=Scene(caller=Caller("87010001414", "ru")).facts(plan))
    player.start()
    for key in keys:
        if key == "-":
            player.play_out()
        else:
            player.dial(key)
    player.play_out()
    assert player.outcome is not None
    assert (player.outcome.type, player.outcome.priority_s) == ("queue", 60)
