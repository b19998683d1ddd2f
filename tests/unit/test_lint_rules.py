"""Each of the 25 rules: a menu that breaks this rule and no other, and the nearest right one."""

from dataclasses import dataclass
from datetime import date

import pytest

from acd.yaml_source import Problems
from ivr.core.speech import clip_id
from ivr.dialplan import load_dialplan
from ivr.lint import World
from tests.unit.menus import MAIN, TOPICS, place
from tests.unit.test_lint import with_options
from tests.unit.test_lint_nodes import ASK, CALL, TAIL, TEXT, branch, http
from tests.unit.test_lint_world import OVERFLOW, settings_with

TODAY = World(today=date(2026, 11, 25))
SAYS = f"  x: {{type: say, prompt: {TEXT}, next: "
SPEAKERS = (["kk", "ru", "en"], TOPICS)


@dataclass(frozen=True)
class Case:
    """A text that breaks a rule, at which line, and one that does not."""

    rule: str
    broken: str
    right: str
    marker: str
    words: str
    world: World = TODAY
    right_world: World | None = None


def changed(old, new, text=MAIN):
    assert old in text
    return text.replace(old, new, 1)


def with_x(nodes, tail="", entry="x"):
    """The example with nodes behind the answer of its main menu."""
    start = MAIN.index("  answer:")
    return MAIN[:start] + changed("next: main", f"next: {entry}", MAIN[start:]) + nodes + tail


def schedule(text):
    return f"{MAIN}schedules:\n  s: {text}\n"


def draft(clips):
    return {clip_id(clip): "draft" for clip in clips}


def recorded(clips):
    return {clip_id(clip): "recorded" for clip in clips}


def no_goodbye(clip):
    return "the audio is missing; record it" if clip.text == "Goodbye!" else None


DEEP = """\
  deeper:
    type: menu
    options:
      - {key: "1", label: {kk: "Әже", ru: "Бабушка", en: "granny"}, goto: q_pension}
"""
KEY_2 = 'key: "2", label: {kk: "Құж'
COUNT = "    announce_count: true\n"
LOST_ANSWER = changed("  answer:\n", "  answer:  # ivr: allow W05 - kept for later\n")
BEFORE = "  q_pension:"

CASES = [
    Case("E01", changed(COUNT, COUNT + COUNT), MAIN, COUNT + "    ^", "already set on line"),
    Case(
        "E02",
        *(schedule("{daily: 22:00}"), schedule('{daily: "22:00-08:00"}')),
        *("daily: ^22", "a number of minutes"),
    ),
    Case("E03", changed("announce_count", "anounce_count"), MAIN, "^anounce", "'announce_count'?"),
    Case("E04", changed("goto: social", "goto: socal"), MAIN, "goto: ^socal", "mean 'social'?"),
    Case(
        "W05",
        MAIN + "  lost: {type: hangup}\n",
        changed("next: bye", "next: lost") + "  lost: {type: queue, topic: general, next: bye}\n",
        *("^lost:", "no caller ever gets to"),
    ),
    Case(
        "E06",
        changed("    next: notice\n", "    back_to: language\n"),
        *(MAIN, "^language:\n", "leads nowhere; add 'next: '"),
    ),
    Case(
        "E07",
        with_x(f"{SAYS}y}}\n  y: {{type: set, set: {{language: kk}}, next: x}}\n"),
        with_x(f"{SAYS}y}}\n  y: {{type: set, set: {{language: kk}}, next: main}}\n"),
        *("next: ^y", "repeats for ever"),
    ),
    Case(
        "E08",
        changed(KEY_2, KEY_2.replace("2", "1")),
        *(MAIN, 'key: ^"1", label: {kk: "Құж', "already used on line"),
    ),
    Case("E09", changed(KEY_2, KEY_2.replace("2", "0")), MAIN, 'key: ^"0"', "0 operator"),
    Case(
        "E10",
        changed(COUNT, COUNT + "    on_fail: bye\n"),
        changed(COUNT, COUNT + "    on_fail: operator\n"),
        *("on_fail: ^bye", "is hung up on at 'bye'"),
    ),
    Case(
        "E11",
        changed(COUNT, "    globals: off\n"),
        changed(COUNT, "    globals: off\n", LOST_ANSWER).replace("to: answer}", "to: operator}"),
        *("globals: ^off", "no key leads to a person"),
    ),
    Case(
        "E12",
        changed('ru: "Пенсия"', 'ru: "Пeнсия"'),
        *(MAIN, 'label: ^{kk: "Зей', "mixes Latin and Cyrillic letters"),
    ),
    Case(
        "W13",
        *(MAIN, MAIN, "languages: ^[", "not recorded by a person"),
        *(World(standings=draft), World(standings=recorded)),
    ),
    Case(
        "E14",
        *(MAIN, MAIN, "^bye: {", "cannot be played: the audio is missing"),
        *(World(has_clip=no_goodbye), World(has_clip=lambda clip: None)),
    ),
    Case("W15", with_options(6), with_options(5), "language\n    ^options:", "6 options"),
    Case(
        "W16",
        changed("goto: q_pension}", "goto: deeper}").replace(BEFORE, DEEP + BEFORE),
        changed("goto: answer}", "goto: deeper}", LOST_ANSWER).replace(BEFORE, DEEP + BEFORE),
        *("^deeper:\n", "menu number 4"),
    ),
    Case(
        "W17",
        changed('en: "pension"', f'en: "{"pensions " * 5}x"'),
        changed('en: "pension"', f'en: "{"pensions " * 4}x"'),
        *('label: ^{kk: "Зей', "46 letters in en"),
    ),
    Case("W18", changed(KEY_2, KEY_2.replace("2", "3")), MAIN, "language\n    ^options:", "1, 3"),
    Case(
        "W19",
        changed('en: "benefits"', 'en: "press two for benefits"'),
        changed('en: "benefits"', 'en: "impressive benefits"'),
        *('label: ^{kk: "Жәр', "'press'"),
    ),
    Case(
        "W20",
        changed(COUNT, '    first_digit_timeout: "11s"\n'),
        changed(COUNT, '    first_digit_timeout: "10s"\n'),
        *('first_digit_timeout: ^"11s"', "3s to 10s"),
    ),
    Case(
        "E21",
        with_x(branch("caller.number == 112")),
        with_x(branch("caller.number == '112'")),
        *('if: ^"caller.number', "never equal"),
    ),
    Case(
        "E22",
        schedule('{daily: ["22:00-08:00", "07:59-09:00"]}'),
        schedule('{daily: ["22:00-08:00", "08:00-09:00"]}'),
        *('daily: ^["22', "overlap; join them"),
    ),
    Case(
        "E23",
        with_x(http(timeout="3001ms", more=f"    filler: {TEXT}\n")),
        with_x(http(timeout="3000ms", more=f"    filler: {TEXT}\n")),
        *('timeout: ^"3001ms"', "at most 3s"),
    ),
    Case(
        "E24",
        with_x(CALL.replace("id: pension", "idd: pension") + ASK, TAIL),
        with_x(CALL + ASK, TAIL),
        *("idd: ^pension", "has no parameter 'idd'; did you mean 'id'?"),
    ),
    Case(
        "W25",
        OVERFLOW,
        OVERFLOW,
        *("languages: ^[", "nobody in shift G speaks en"),
        World(settings=settings_with(a=("A", *SPEAKERS), g=("G", ["kk", "ru"], TOPICS))),
        World(settings=settings_with(a=("A", *SPEAKERS), g=("G", *SPEAKERS))),
    ),
]  # fmt: skip


def check(tmp_path, text, world):
    """Line, column, rule and message of everything that is found."""
    file = tmp_path / "main.yaml"
    file.write_text(text, encoding="utf-8")
    problems = Problems()
    load_dialplan(file, problems, TOPICS, world.has_clip, tmp_path, world)
    return [(each.line, each.column, each.rule, each.message) for each in problems.sorted()]


def test_there_is_a_case_for_each_of_the_25_rules():
    assert [case.rule[1:] for case in CASES] == [f"{number:02d}" for number in range(1, 26)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_menu_that_breaks_a_rule_breaks_this_one_only(tmp_path, case):
    found = check(tmp_path, case.broken, case.world)
    assert {rule for _, _, rule, _ in found} == {case.rule}, found
    assert any(
        each[:2] == place(case.broken, case.marker) and case.words in each[3] for each in found
    ), found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_the_nearest_right_menu_is_not_complained_of(tmp_path, case):
    assert check(tmp_path, case.right, case.right_world or case.world) == []
