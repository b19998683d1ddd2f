"""`ivr diff`: what a new version changes for callers."""

import json

import pytest

from ivr import diff
from ivr.diff import compare
from tests.unit.menus import dialplan
from tests.unit.tools import DAY, run

PLAN = dialplan(DAY)


def changed(*replacements, text=DAY):
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    return compare(PLAN, dialplan(text))


def line_with(part):
    return next(line for line in DAY.splitlines() if part in line)


def words(*replacements):
    return [change.in_words() for change in changed(*replacements).changes]


def test_the_same_menu_changes_nothing():
    difference = compare(PLAN, dialplan("# another comment\n" + DAY))
    assert difference.changes == ()
    assert difference.to_record == difference.not_said_any_more == ()


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            'ru: "Ответ готов."',
            'ru: "Ответ здесь."',
            "~ answer prompt (ru): “Ответ готов.” → “Ответ здесь.”",
        ),
        ('ru: "Пенсия"', 'ru: "Пенсии"', "~ main key 1 (ru): Пенсия → Пенсии"),
        ("goto: rescue}", "goto: answer}", "~ main key 3: rescue → answer"),
        ("attempts: 2", "attempts: 3", "~ language attempts: 2 → 3"),
        ("else: main", "else: answer", "~ news otherwise: main → answer"),
        ("priority: 5", "priority: 9", "~ q_pension priority_s: 5 → 9"),
        ('number: "112"', 'number: "101"', "~ rescue number: 112 → 101"),
        (
            '"schedule.night"',
            '"not schedule.night"',
            "~ news case 2 when: schedule.night → “not schedule.night”",
        ),
        ('"22:00-08:00"', '"21:00-08:00"', "~ schedules night daily start: 1320 → 1260"),
        ("topic: pension", "topic: child", "~ q_pension topic: 'pension' → 'child'"),
    ],
)
def test_a_change_in_words(old, new, line):
    assert line in words((old, new))


def test_a_new_default_is_told_for_the_nodes_it_changes(tmp_path, capsys):
    one, other = tmp_path / "a.yaml", tmp_path / "b.yaml"
    one.write_text(DAY, encoding="utf-8")
    text = DAY.replace("schedules:", 'defaults: {first_digit_timeout: "8s"}\nschedules:')
    other.write_text(text, encoding="utf-8")
    assert run(diff, "diff", one, other) == 0
    assert "~ first_digit: 6s → 8s in 5 nodes (language, " in capsys.readouterr().out


def test_a_node_that_came_and_one_that_went():
    lines = words(
        ("goto: rescue}", "goto: taxi}"),
        (
            DAY[DAY.index("  rescue:") : DAY.index("  back: {")],
            "  taxi: {type: queue, topic: child}\n",
        ),
    )
    assert "+ taxi: a new queue" in lines
    assert "- rescue: the transfer is gone" in lines
    assert "~ main key 3: rescue → taxi" in lines


def test_a_node_that_became_another_kind():
    old = DAY[DAY.index("  answer: {") : DAY.index("  rescue:")]
    assert "~ answer type: say → queue" in words((old, "  answer: {type: queue, topic: child}\n"))


def test_a_new_name_is_a_new_name_and_nothing_else():
    difference = changed(
        ("q_pension", "q_old_age"),
        *((f"{a}answer", f"{a}reply") for a in ("goto: ", "on_ok: ", "\n  ")),
    )
    assert sorted(change.in_words() for change in difference.changes) == [
        "~ answer is called reply now",
        "~ q_pension is called q_old_age now",
    ]
    assert difference.to_record == ()


def test_names_that_hang_together():
    difference = changed(
        *((f"{a}survey{b}", f"{a}rate{b}") for a, b in ((": ", ","), ("\n  ", ":"))),
        ("goto: rescue", "goto: help"),
        ("  rescue:", "  help:"),
    )
    assert {change.kind for change in difference.changes} == {"node_renamed"}


def test_options_that_change_places():
    old, other = line_with("goto: rescue"), line_with("goto: answer}")
    swapped = f"{other}\n{old}".replace('key: "4"', 'key: "x"').replace('key: "3"', 'key: "4"')
    lines = words((f"{old}\n{other}", swapped.replace('key: "x"', 'key: "3"')))
    assert "~ main: 'Құтқару қызметі' moved from key 3 to 4" in lines
    assert "~ main: 'Жауап' moved from key 4 to 3" in lines
    assert len(lines) == 2


def test_options_that_came_and_went():
    line = line_with("goto: answer}")
    gone = compare(PLAN, dialplan(DAY.replace(line + "\n", "")))
    come = compare(dialplan(DAY.replace(line + "\n", "")), PLAN)
    assert "- main key 4: Жауап" in [change.in_words() for change in gone.changes]
    assert "+ main key 4: Жауап" in [change.in_words() for change in come.changes]


def test_a_node_that_moved():
    lines = words(
        ("goto: rescue}", "goto: back}"), ('call back"}, goto: back}', 'call back"}, goto: rescue}')
    )
    assert "~ back is reached from main, not from night" in lines
    assert "~ rescue is reached from night, not from main" in lines


def test_sentences_to_record_and_those_that_become_stale():
    difference = changed(
        ('ru: "Ответ готов."', 'ru: "Ответ здесь."'), ('en: "pension"', 'en: "a pension"')
    )
    assert [clip.text for clip in difference.to_record] == [
        "For a pension, press one",
        "Ответ здесь.",
    ]
    assert [clip.text for clip in difference.not_said_any_more] == [
        "For pension, press one",
        "Ответ готов.",
    ]


def test_rows_of_tables(tmp_path):
    table = 'schema: 1\nrows:\n  a: {{kk: "Бір.", ru: "{}", en: "One."}}\n'
    row = '  b: {kk: "Екі.", ru: "Два.", en: "Two."}\n'
    plans = []
    for name, content in (("one", table.format("Один.") + row), ("two", table.format("Раз."))):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "answers.yaml").write_text(content, encoding="utf-8")
        text = DAY.replace("schedules:", "tables: {answers: answers.yaml}\nschedules:").replace(
            'prompt: {kk: "Жауап дайын.", ru: "Ответ готов.", en: "Here is the answer."}',
            "prompt_from: {table: answers, key: \"'a'\"}",
        )
        file = folder / "day.yaml"
        file.write_text(text, encoding="utf-8")
        plans.append(file)
    assert run(diff, "diff", *plans) == 0


def test_rows_in_words(tmp_path, capsys):
    test_rows_of_tables(tmp_path)
    out = capsys.readouterr().out
    assert "~ table answers, row a: text (ru): Один. → Раз." in out
    assert "- table answers, row b: Екі." in out


def test_the_document(tmp_path, capsys):
    one, other = tmp_path / "a.yaml", tmp_path / "b.yaml"
    one.write_text(DAY, encoding="utf-8")
    other.write_text(DAY.replace('ru: "Пенсия"', 'ru: "Пенсии"'), encoding="utf-8")
    assert run(diff, "diff", one, other, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["changes"] == [
        {
            "kind": "text_changed",
            "node": "main",
            "where": "key 1",
            "language": "ru",
            "before": "Пенсия",
            "after": "Пенсии",
            "message": "~ main key 1 (ru): Пенсия → Пенсии",
        }
    ]
    assert [clip["text"] for clip in document["to_record"]] == ["Пенсии: нажмите один"]
    assert [clip["text"] for clip in document["stale"]] == ["Пенсия: нажмите один"]


def test_a_file_with_mistakes_is_not_compared(tmp_path, capsys):
    one, other = tmp_path / "a.yaml", tmp_path / "b.yaml"
    one.write_text(DAY, encoding="utf-8")
    other.write_text(DAY.replace("goto: rescue}", "goto: rescu}"), encoding="utf-8")
    assert run(diff, "diff", one, other) == 1
    captured = capsys.readouterr()
    assert "b.yaml:" in captured.err
    assert captured.out == ""
