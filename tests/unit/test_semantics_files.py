"""The sentences of the menu's semantics that are kept when a file is read."""

import dataclasses
from datetime import UTC, datetime

import pytest

from ivr.core.session import PlaybackFinished, Started
from ivr.facts import facts_of
from tests.unit.callers import Caller
from tests.unit.menus import MAIN, dialplan, messages, rules


@pytest.mark.parametrize("kind", ["say", "voicemail", "callback", "survey", "call"])
def test_s03_a_node_of_another_kind_without_a_way_on_is_refused(kind):
    ways = {
        "say": "prompt: {kk: Сәлем., ru: Привет., en: Hello.}",
        "voicemail": "prompt: {kk: Айтыңыз., ru: Говорите., en: Speak.}",
        "callback": "number: caller.number, on_withheld: operator",
        "survey": "key: csat, prompt: {kk: Баға., ru: Оценка., en: Rate.}",
        "call": "flow: f",
    }
    flow = "flows: {f: {entry: end, nodes: {end: {type: return}}}}\n" if kind == "call" else ""
    broken = f"  answer: {{type: {kind}, {ways[kind]}"
    start, end = MAIN.index("  answer:\n"), MAIN.index("  q_pension:")
    whole = f"{MAIN[:start]}{broken}, next: main}}\n{MAIN[end:]}{flow}"
    assert not [rule for rule in rules(whole) if rule in ("E03", "E06")]
    assert {"E03", "E06"} & set(rules(whole.replace(", next: main}\n", "}\n")))


@pytest.mark.parametrize("named", ["Пособия, нажмите один", "Пособия, клавиша 1"])
def test_s05_a_text_that_names_a_key_is_refused(named):
    text = MAIN.replace('ru: "Пособия"', f'ru: "{named}"')
    assert "W19" in rules(text)
    assert "W19" not in rules(MAIN)


def test_s12_a_name_that_nobody_can_know_is_refused_when_the_file_is_read():
    text = MAIN.replace("topic: general}", 'topic: "caller.shoe_size or call.topic"}')
    assert any(m.startswith("E21 ") and "caller.shoe_size" in m for m in messages(text))


@pytest.mark.parametrize(
    "name", ["caller.number", "config.x", "schedule.night", "queue.general.ready", "with.id"]
)
def test_s13_only_what_is_below_call_can_be_set(name):
    def with_set(target):
        fields = f"set: {{{target}: child}}, skill: \"call.mine or 'child'\","
        return messages(MAIN.replace("skill: child,", fields))

    assert with_set("call.mine") == []
    assert any("cannot be set" in message and name in message for message in with_set(name))


def test_s14_a_name_is_looked_for_in_the_flow_first_then_in_the_file():
    flow = """\
flows:
  f:
    entry: start
    nodes:
      start: {type: say, prompt: {kk: Бір., ru: Раз., en: One.}, next: answer}
      answer: {type: say, prompt: {kk: Екі., ru: Два., en: Two.}, next: q_child}
"""
    text = MAIN.replace("goto: answer}", "goto: run}")
    example = dialplan(text + "  run: {type: call, flow: f}\n" + flow)
    assert example.nodes["f.start"].next == "f.answer"
    assert example.nodes["f.answer"].next == "q_child"
    caller = Caller(example, "ru", first=None).ask(Started()).press("2").hear_out().press("2")
    assert caller.heard == ["Раз."]
    assert caller.ask(PlaybackFinished()).heard == ["Два."]
    assert caller.ask(PlaybackFinished()).step.node == "q_child"


def test_s21_the_night_is_that_of_the_zone_of_the_dialplan():
    text = MAIN.replace("nodes:\n", 'schedules: {night: {daily: "22:00-08:00"}}\nnodes:\n', 1)
    example = dataclasses.replace(dialplan(text), timezone="Asia/Almaty")
    for hour, is_night in ((16, False), (17, True), (2, True), (3, False)):
        moment = datetime(2026, 3, 10, hour, 30, tzinfo=UTC)
        facts = facts_of(example, now=lambda at=moment: at)
        assert facts("schedule.night") is is_night, hour
