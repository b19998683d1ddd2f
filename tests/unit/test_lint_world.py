"""Rules that ask the world outside the file: audio, the day, the roster, usage, tests."""

from dataclasses import replace
from datetime import date

import pytest

from acd.core.names import Language, OperatorId, QueueId, Topic
from acd.settings_files import SHIPPED, load_settings
from acd.yaml_source import Problems
from ivr.core.speech import clip_id
from ivr.dialplan import load_dialplan
from ivr.lint import World
from tests.unit.menus import MAIN, TOPICS, dialplan, messages, place

TODAY = date(2026, 11, 25)
NIGHT = 'schedules:\n  night: {daily: ["22:00-08:00"]}\n'


def checked(tmp_path, text, world):
    """Line, column, severity, rule and message of everything, in this world."""
    file = tmp_path / "main.yaml"
    file.write_text(text, encoding="utf-8")
    problems = Problems()
    load_dialplan(file, problems, TOPICS, world.has_clip, tmp_path, world)
    return [(p.line, p.column, p.severity, p.rule, p.message) for p in problems.sorted()]


def told(tmp_path, text, world, rule):
    """The messages of one rule."""
    return [each[4] for each in checked(tmp_path, text, world) if each[3] == rule]


# E22


@pytest.mark.parametrize(
    ("schedule", "marker", "words"),
    [
        ('{daily: ["22:00-08:00", "07:00-09:00"]}', 'daily: ^["22', "22:00-08:00 and 07:00-09:00"),
        ('{daily: ["08:00-12:00", "11:59-13:00"]}', 'daily: ^["08', "overlap; join them"),
        ('{dates: ["2025-12-16", "2026-11-24"]}', 'dates: ^["2025', "2026-11-24, is past"),
        ("{file: old.yaml}", "file: ^old", "the last holiday of the file, 2025-12-16, is past"),
        ("{file: short.yaml}", "file: ^short", "end on 2026-12-24, within 30 days"),
    ],
)
def test_a_time_that_cannot_be_meant(tmp_path, schedule, marker, words):
    for name, last in (("old", "2025-12-16"), ("short", "2026-12-24")):
        holidays = f"schema: 1\nholidays:\n  - 2025-01-01\n  - {last}\n"
        (tmp_path / f"{name}.yaml").write_text(holidays, encoding="utf-8")
    text = f"{MAIN}schedules:\n  s: {schedule}\n"
    found = checked(tmp_path, text, World(today=TODAY))
    assert any(
        each[:2] == place(text, marker) and each[2:4] == ("error", "E22") and words in each[4]
        for each in found
    ), found


@pytest.mark.parametrize(
    "schedule",
    [
        '{daily: ["22:00-08:00", "08:00-09:00"]}',
        '{dates: ["2025-12-16", "2026-11-25"]}',
        '{dates: ["2025-12-16"], days: [mon]}',
        "{file: long.yaml}",
    ],
)
def test_a_time_that_can_be_meant(tmp_path, schedule):
    long = "schema: 1\nholidays:\n  - 2026-12-25\n"
    (tmp_path / "long.yaml").write_text(long, encoding="utf-8")
    text = f"{MAIN}schedules:\n  s: {schedule}\n"
    assert told(tmp_path, text, World(today=TODAY), "E22") == []


@pytest.mark.parametrize("offset", ["5", "+5", "+0500", "UTC+5", "+05:00:00", "05:00"])
def test_an_offset_that_is_none_is_told_on_any_day(tmp_path, offset):
    text = MAIN.replace("entry:", f'expect_offset: "{offset}"\nentry:')
    for world in (World(), World(today=TODAY)):
        (message,) = told(tmp_path, text, world, "E22")
        assert message == f"'{offset}' is no offset; write hours and minutes, as in \"+05:00\""


@pytest.mark.parametrize("zone", ["Asia/Almati", "UTC+5", "asia/almaty", "Asia", "../etc/passwd"])
def test_a_zone_that_is_none_is_told(tmp_path, zone):
    text = MAIN.replace("entry:", f"timezone: {zone}\nentry:")
    (message,) = told(tmp_path, text, World(), "E22")
    assert message == f"there is no time zone '{zone}'; write one as Asia/Almaty"


def test_a_file_of_no_holidays_is_told_where_it_is_empty(tmp_path):
    (tmp_path / "none.yaml").write_text("schema: 1\nholidays: []\n", encoding="utf-8")
    text = f"{MAIN}schedules:\n  s: {{file: none.yaml}}\n"
    assert told(tmp_path, text, World(), "E22") == [
        "no holiday is listed; add dates, or remove what names this file"
    ]


@pytest.mark.parametrize("today", [date(1, 1, 1), date(9999, 12, 31)])
def test_any_day_can_be_asked_about(tmp_path, today):
    (tmp_path / "h.yaml").write_text("schema: 1\nholidays: [2026-12-16]\n", encoding="utf-8")
    text = f'{MAIN}schedules:\n  s: {{file: h.yaml}}\n  d: {{dates: ["2026-12-16"]}}\n'
    assert len(told(tmp_path, text, World(today=today), "E22")) == (2 if today.year > 1 else 0)


def test_without_a_day_nothing_grows_old(tmp_path):
    text = f'{MAIN}schedules:\n  s: {{dates: ["2025-12-16"]}}\n'
    assert told(tmp_path, text, World(), "E22") == []


def test_old_zone_data_is_noticed(tmp_path):
    right = MAIN.replace("entry:", 'timezone: Asia/Almaty\nexpect_offset: "+05:00"\nentry:')
    assert told(tmp_path, right, World(today=TODAY), "E22") == []
    wrong = right.replace("+05:00", "+06:00")
    (message,) = told(tmp_path, wrong, World(today=TODAY), "E22")
    assert message.startswith("Asia/Almaty is +05:00 from UTC on this machine, not +06:00")
    assert told(tmp_path, right, World(today=date(2023, 6, 1)), "E22") != []  # before the change


# W13, W17


def test_drafts_are_told_once_for_each_language_and_forbidden_in_production(tmp_path):
    def standings(clips):
        return {clip_id(c): "recorded" if c.language == "ru" else "draft" for c in clips}

    world = World(standings=standings)
    found = [each for each in checked(tmp_path, MAIN, world) if each[3] == "W13"]
    assert [each[2] for each in found] == ["warning", "warning"]
    assert {each[:2] for each in found} == {place(MAIN, "languages: ^[kk")}
    assert [each[4].split(" are")[0] for each in found] == ["sentences in en", "sentences in kk"]
    found = checked(tmp_path, MAIN, replace(world, is_production=True))
    strict = [each for each in found if each[3] == "W13"]
    assert {each[2] for each in strict} == {"error"}
    assert place(MAIN, "^bye: {") in {each[:2] for each in strict}
    assert "sentences here are no recordings (1 draft in kk, 1 draft in en)" in strict[-1][4]


def test_a_recording_of_earlier_words_counts_as_none(tmp_path):
    world = World(standings=lambda clips: {clip_id(c): "stale" for c in clips}, is_production=True)
    assert any("stale in kk" in each for each in told(tmp_path, MAIN, world, "W13"))


@pytest.mark.parametrize(
    ("old", "new", "marker", "words"),
    [
        ("pension", "pension " + "and more " * 6, 'label: ^{kk: "Зейнетақы"', "letters in en"),
        (
            "Calls are recorded.",
            "Calls recorded. " * 11,
            'prompt: ^{kk: "Әңгіме',
            "nobody can skip",
        ),
        ("Come here.", "Come here, now. " * 20, 'prompt: ^{kk: "Құжаттар орт', "keep to 20 s"),
        ("Social matters.", "Social matters are many. " * 18, "^social:", "the menu takes"),
    ],
)
def test_nothing_is_longer_than_people_listen(tmp_path, old, new, marker, words):
    text = MAIN.replace(f'en: "{old}"', f'en: "{new}"', 1)
    found = [each for each in checked(tmp_path, text, World()) if each[3] == "W17"]
    assert any(each[:2] == place(text, marker) and words in each[4] for each in found), found
    assert {each[2] for each in found} == {"warning"}


def test_the_first_option_comes_soon_and_the_language_menu_does_not_count(tmp_path):
    assert told(tmp_path, MAIN, World(), "W17") == []
    slow = World(clip_ms=lambda clip: 8000 if clip.text.startswith(("Calls", "Сәлем")) else None)
    assert told(tmp_path, MAIN, slow, "W17") == []
    intro = '    intro: {kk: "Әрине.", ru: "Итак.", en: "Calls."}\n    announce_count: true\n'
    text = MAIN.replace("    announce_count: true\n", intro)
    found = [each for each in checked(tmp_path, text, slow) if each[3] == "W17"]
    assert found[0][:2] == place(text, "^main:\n")
    assert "the first option comes 16 s after the answer" in found[0][4]


def test_a_row_that_is_read_out_is_judged_in_its_table(tmp_path):
    long = "Документы выдают в центре. " * 20
    rows = f'tables:\n  t:\n    rows:\n      a: {{kk: "Қысқа", ru: "{long}", en: "short"}}\n'
    start = MAIN.index('    prompt: {kk: "Құжаттар орталықта')
    end = MAIN.index("\n", start)
    text = MAIN[:start] + "    prompt_from: {table: t, key: a}" + MAIN[end:] + rows
    found = [each for each in checked(tmp_path, text, World()) if each[3] == "W17"]
    assert [each[:2] for each in found] == [place(text, 'a: ^{kk: "Қысқа"')]


# W18, W25


def with_options(count):
    """The example with so many options in its second menu."""
    added = "".join(
        f'      - {{key: "{n}", label: {{kk: "Жер {word}", ru: "Земля {word}", en: "land {en}"}}'
        ", goto: q_child}\n"
        for n, word, en in zip(range(3, count + 1), "әбвг", "abcd", strict=False)
    )
    return MAIN.replace("  answer:\n", added + "  answer:\n", 1)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"1": 60, "2": 20, "3": 10, "4": 200}, ["69% of the callers choose 4 here"]),
        ({"1": 60, "2": 20, "3": 70, "4": 50}, []),  # two places are near enough
        ({"4": 99}, []),  # too few to say anything
    ],
)
def test_the_order_of_options_follows_what_callers_choose(tmp_path, counts, expected):
    world = World(usage={"main": {"social": counts}})
    found = told(tmp_path, with_options(4), world, "W18")
    assert [each.split(";")[0] for each in found] == expected


def test_an_option_that_nobody_chooses_is_told(tmp_path):
    world = World(usage={"main": {"social": {"1": 1500, "2": 3}}})
    (message,) = told(tmp_path, MAIN, world, "W25")
    assert message.startswith("3 of 1503 callers have chosen 2 in 28 days")
    assert told(tmp_path, MAIN, World(usage={"other": {"social": {"1": 1500}}}), "W25") == []


def test_an_edge_that_no_test_walks_is_told_where_it_is_written(tmp_path):
    missed = {"main": frozenset([("social", "key", "2"), ("main", "on_fail", "")])}
    found = [each for each in checked(tmp_path, MAIN, World(missed=missed)) if each[3] == "W25"]
    assert [each[4].split(";")[0] for each in found] == [
        "no test goes from 'main' by on_fail to 'operator'",
        "no test goes from 'social' by key 2 to 'q_child'",
    ]
    assert found[1][:2] == place(MAIN, "goto: ^q_child")


def settings_with(**operators):
    """The shipped settings with two shifts, three topics and these operators."""
    shipped = load_settings(SHIPPED, Problems())
    profile = next(iter(shipped.rules.operators.values()))
    people = {
        OperatorId(name): replace(
            profile,
            id=OperatorId(name),
            shift=shift,
            languages={Language(each): 5 for each in languages},
            topics={Topic(each): 5 for each in topics},
        )
        for name, (shift, languages, topics) in operators.items()
    }
    topics = {Topic(name): QueueId("general") for name in TOPICS}
    rules = replace(shipped.rules, operators=people, topics=topics)
    shifts = {name: shipped.shifts[name] for name in ("A", "G")}
    names = {name: {"kk": name} for name in TOPICS}
    return replace(shipped, rules=rules, topic_names=names, shifts=shifts)


OVERFLOW = MAIN.replace("topic: general}", "topic: general, on_overflow: bye_all}").replace(
    "topic: pension, ", "topic: pension, on_overflow: bye_all, "
).replace("also: language}", "also: language, on_overflow: bye_all}") + (
    '  bye_all: {type: voicemail, prompt: {kk: "Айтыңыз.", ru: "Говорите.", en: "Speak."},'
    " next: bye}\n"
)  # fmt: skip


def test_a_roster_that_serves_every_queue_is_clean(tmp_path):
    everything = (["kk", "ru", "en"], TOPICS)
    settings = settings_with(a=("A", *everything), g=("G", *everything))
    assert checked(tmp_path, OVERFLOW, World(settings=settings)) == []


def test_a_topic_that_a_shift_cannot_serve_in_a_language_is_told(tmp_path):
    settings = settings_with(
        a=("A", ["kk", "ru", "en"], TOPICS),
        g=("G", ["kk", "ru"], TOPICS),
        h=("G", ["en"], ["general", "child"]),
    )
    found = checked(tmp_path, OVERFLOW, World(settings=settings))
    assert [(each[:2], each[3]) for each in found] == [(place(OVERFLOW, "topic: ^pension"), "W25")]
    assert found[0][4].startswith("nobody who knows 'pension' speaks en in shift G")


def test_a_language_that_a_whole_shift_lacks_is_told_once(tmp_path):
    settings = settings_with(a=("A", ["kk", "ru", "en"], TOPICS), g=("G", ["kk", "ru"], TOPICS))
    found = checked(tmp_path, OVERFLOW, World(settings=settings))
    assert [each[:2] for each in found] == [place(OVERFLOW, "languages: ^[kk")]
    assert found[0][4].startswith("nobody in shift G speaks en")


def test_a_queue_without_overflow_and_a_topic_without_a_way_are_told(tmp_path):
    everything = (["kk", "ru", "en"], TOPICS)
    settings = settings_with(a=("A", *everything), g=("G", *everything))
    text = MAIN.replace("goto: q_child}", "goto: operator}")
    found = told(tmp_path, text, World(settings=settings), "W25")
    assert "no queue of this menu takes child; lead a way there" in " ".join(found)
    assert sum("when nobody can come" in each for each in found) == 2


def test_a_name_that_the_settings_do_not_answer_is_told(tmp_path):
    everything = (["kk", "ru", "en"], TOPICS)
    settings = settings_with(a=("A", *everything), g=("G", *everything))
    service = replace(settings.service, config={"sms": {"url": "https://sms.example"}, "hot": 1})
    world = World(settings=replace(settings, service=service))
    case = "  x: {type: branch, when: [{if: NAME, goto: q_child}], else: operator}\n"
    good = OVERFLOW.replace("goto: q_child}", "goto: x}") + case
    for name in ("config.broadcast.active", "config.hot == 1", "config.sms.url"):
        assert checked(tmp_path, good.replace("NAME", name), world) == []
    assert told(tmp_path, good.replace("NAME", "config.sms.ulr"), world, "E21") == [
        "there is no 'config.sms.ulr' in the settings; did you mean 'sms.url'? (node 'x')"
    ]
    assert "add it under 'config:' of service.yaml" in " ".join(
        told(tmp_path, good.replace("NAME", "config.qqq"), world, "E21")
    )
    assert checked(tmp_path, good.replace("NAME", "config.qqq"), World()) == []


def test_no_question_to_the_world_is_needed(tmp_path):
    assert checked(tmp_path, MAIN, World()) == []
    assert messages(MAIN) == []
    assert dialplan().id == "main"
