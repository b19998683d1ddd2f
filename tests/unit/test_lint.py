"""Rules about menus: each broken by a small change, found at its place, and allowed by a waiver."""

import pytest

from acd.yaml_source import Problems
from ivr import wording
from ivr.core import speech
from ivr.dialplan import load_dialplan, parse_dialplan
from tests.unit.menus import MAIN, TOPICS, dialplan, found, messages, place, rules

EXTRA = (
    '      - {{key: "{key}", label: {{kk: "Жер {word}", ru: "Земля {word}", en: "land {en}"}},'
    " goto: social}}\n"
)
WORDS = ["ә", "б", "в", "г", "д", "е", "ж", "з", "и", "к"]


def with_options(count):
    """The example with this many options in its main menu."""
    added = "".join(
        EXTRA.format(key=n + 3, word=WORDS[n], en="abcdefghijk"[n]) for n in range(count - 2)
    )
    return MAIN.replace("  social:\n", added + "  social:\n", 1)


def replaced(old, new):
    assert old in MAIN
    return MAIN.replace(old, new, 1)


def test_the_example_is_clean():
    assert messages(MAIN) == []


LONG_RUSSIAN = "Социальная помощь населению страны " * 2
IN_MAIN = "    announce_count: true\n"  # one line of the main menu, to be replaced by another
KEY_2 = 'key: "2", label: {kk: "Құж'


@pytest.mark.parametrize(
    ("text", "rule", "marker", "words"),
    [
        (MAIN + "  lost: {type: hangup}\n", "W05", "^lost:", "no caller ever gets to 'lost'"),
        (
            replaced('en: "Come here."}\n    next: main', 'en: "Come here."}\n    next: answer'),
            *("E07", "next: ^answer", "repeats for ever"),
        ),
        (replaced(KEY_2, KEY_2.replace("2", "1")), "E08", 'key: ^"1", label: {kk: "Құж', "on line"),
        (
            replaced(KEY_2, KEY_2.replace("2", "12")),
            *("E08", 'key: ^"1", label: {kk: "Жәр', "waits 3 s"),
        ),
        (replaced(KEY_2, KEY_2.replace("2", "0")), "E09", 'key: ^"0"', "0 operator"),
        (replaced(KEY_2, KEY_2.replace("2", "01")), "E09", 'key: ^"01"', "0 operator"),
        (
            with_options(4).replace(IN_MAIN, '    option_gap: "300ms"\n'),
            *("W20", 'option_gap: ^"300ms"', "400ms or more"),
        ),
        (replaced(IN_MAIN, "    on_fail: bye\n"), "E10", "on_fail: ^bye", "hung up on at 'bye'"),
        (replaced(IN_MAIN, "    on_fail: main\n"), "E10", "on_fail: ^main", "for ever"),
        (replaced("{goto: operator,", "{goto: bye,"), "E11", "goto: ^bye", "not a queue"),
        (replaced(IN_MAIN, "    globals: off\n"), "E11", "globals: ^off", "no key leads"),
        (
            replaced('ru: "Пенсия"', 'ru: "Зейнетақы"'),
            *("E12", 'label: ^{kk: "Зейнетақы"', "same in kk and ru"),
        ),
        (
            replaced('ru: "Пенсия"', 'ru: "Pension"'),
            *("E12", 'label: ^{kk: "Зейнетақы"', "'Pension' is Latin"),
        ),
        (
            replaced('kk: "Зейнетақы"', 'kk: "Зeйнетақы"'),
            *("E12", 'label: ^{kk: "Зeй', "mixes Latin and Cyrillic letters"),
        ),
        (
            replaced('en: "pension"', 'en: "..."'),
            *("E12", 'label: ^{kk: "Зей', "nothing in the text in en can be spoken"),
        ),
        (replaced(IN_MAIN, "    attempts: 1\n"), "W20", "attempts: ^1", "1 play before"),
        (
            replaced('en: "pension"', 'en: "пенсия"'),
            *("E12", 'label: ^{kk: "Зейнетақы"', "Cyrillic"),
        ),
        (
            replaced('kk: "Әлеуметтік бөлім."', f'kk: "{LONG_RUSSIAN}"'),
            *("E12", 'intro: ^{kk: "Соц', "no letter of this long text is Kazakh"),
        ),
        (with_options(6), "W15", "language\n    ^options:", "6 options"),
        (with_options(10), "W15", "language\n    ^options:", "10 options"),
        (
            replaced(KEY_2, KEY_2.replace("2", "3")),
            *("W18", "language\n    ^options:", "the keys are 1, 3; write 1, 2"),
        ),
        (
            replaced('ru: "Пособия"', 'ru: "Пособия, нажмите"'),
            *("W19", 'label: ^{kk: "Жәр', "нажмите"),
        ),
        (replaced('"benefits"', '"benefits 3"'), "W19", 'label: ^{kk: "Жәр', "'3'"),
        (
            replaced(IN_MAIN, '    first_digit_timeout: "2s"\n'),
            *("W20", 'first_digit_timeout: ^"2s"', "3s to 10s"),
        ),
        (
            replaced(IN_MAIN, '    inter_digit_timeout: "1s"\n'),
            *("W20", 'inter_digit_timeout: ^"1s"', "2s to 5s"),
        ),
        (replaced(IN_MAIN, "    attempts: 5\n"), "W20", "attempts: ^5", "2 or 3"),
        (
            replaced("nodes:\n", 'phrases:\n  ru: {option: "Нажмите {digit}: {label}"}\nnodes:\n'),
            *("W19", "ru: ^{option", "before what it does"),
        ),
    ],
)
def test_each_rule_is_found_at_its_place(text, rule, marker, words):
    assert (*place(text, marker), rule) in found(text), "\n".join(messages(text))
    assert any(words in message for message in messages(text))


def test_a_circle_of_prompts_is_an_error_at_each_of_them():
    text = MAIN.replace("goto: social}", "goto: loop_a}", 1) + (
        '  loop_a: {type: say, prompt: {kk: "Әә", ru: "Аа", en: "Aa"}, next: loop_b}\n'
        '  loop_b: {type: say, prompt: {kk: "Әб", ru: "Аб", en: "Ab"}, next: loop_a}\n'
    )
    assert rules(text).count("E07") == 2


def test_a_menu_without_any_way_to_an_end_is_an_error():
    text = MAIN.replace("goto: social}", "goto: trap}", 1) + (
        "  trap:\n"
        "    type: menu\n"
        "    on_fail: trap\n"
        "    options:\n"
        '      - {key: "1", label: {kk: "Әже", ru: "Бабушка", en: "granny"}, goto: trap}\n'
    )
    assert (*place(text, "^trap:\n"), "E06") in found(text)
    assert (*place(text, "on_fail: ^trap"), "E10") in found(text)


def test_more_than_nine_options_are_an_error():
    problems = Problems()
    assert parse_dialplan(with_options(10), "main.yaml", problems, TOPICS) is None
    assert [p.severity for p in problems.sorted() if p.rule == "W15"] == ["error"]


def test_a_menu_too_deep_is_told():
    text = MAIN.replace("goto: q_pension}", "goto: deeper}") + (
        "  deeper:\n"
        "    type: menu\n"
        "    options:\n"
        '      - {key: "1", label: {kk: "Әже", ru: "Бабушка", en: "granny"}, goto: q_pension}\n'
    )
    assert (*place(text, "^deeper:\n"), "W16") in found(text)
    assert rules(MAIN).count("W16") == 0


def test_a_long_row_of_prompts_keeps_the_operator_away():
    says = "".join(
        f'  s{n}: {{type: say, prompt: {{kk: "Әң{n}ә", ru: "Ру{n}у", en: "En{n}n"}}, '
        f"next: {'language' if n == 4 else f's{n + 1}'}}}\n"
        for n in range(1, 5)
    )
    text = MAIN.replace("entry: language", "entry: s1") + says
    assert (*place(text, "entry: ^s1"), "E11") in found(text)


def test_missing_audio_is_an_error_at_its_node(tmp_path):
    (tmp_path / "m.yaml").write_text(MAIN, encoding="utf-8")

    def has_clip(clip):
        return "the audio is missing; record it" if clip.text == "Goodbye!" else None

    problems = Problems()
    assert load_dialplan(tmp_path / "m.yaml", problems, TOPICS, has_clip) is None
    (problem,) = problems.sorted()
    assert (problem.line, problem.column) == place(MAIN, "^bye: {")
    assert problem.rule == "E14"
    wanted = "\"Goodbye!\" (en) cannot be played: the audio is missing; record it (node 'bye')"
    assert problem.message == wanted


def test_audio_is_asked_for_once_for_each_sentence(tmp_path):
    (tmp_path / "m.yaml").write_text(MAIN, encoding="utf-8")
    asked = []
    load_dialplan(tmp_path / "m.yaml", Problems(), TOPICS, asked.append)
    assert len(asked) == len(set(asked)) == len(speech.all_clips(dialplan()))


def test_a_waiver_with_a_reason_covers_its_node():
    text = with_options(6)
    inside = text.replace("    type: menu\n", "    type: menu  # ivr: allow W15 - asked for\n", 1)
    above = text.replace("  main:\n", "  # ivr: allow W15 - asked for\n  main:\n", 1)
    assert "W15" in rules(text)
    assert rules(inside) == []
    assert rules(above) == []


def test_a_waiver_on_another_node_changes_nothing():
    text = with_options(6).replace("  social:\n", "  social:  # ivr: allow W15 - no\n", 1)
    assert rules(text) == ["W15", "W00"]


@pytest.mark.parametrize("waiver", ["# ivr: allow W15", "# ivr: allow W15 -", "# ivr: allow"])
def test_a_waiver_without_a_reason_is_itself_reported(waiver):
    text = with_options(6).replace("  main:\n", f"  main:  {waiver}\n", 1)
    assert sorted(rules(text)) == ["W00", "W15"]


def test_a_broken_target_cannot_be_waived():
    text = MAIN.replace("goto: social}", "goto: nowhere}  # ivr: allow E04 - no", 1)
    assert sorted(rules(text))[:2] == ["E04", "W00"]


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [("    next: notice\n", "", "E06"), ('ru: "Пенсия", ', "", "E12")],
)
def test_what_is_missing_cannot_be_waived(old, new, rule):
    text = MAIN.replace(old, new, 1)
    for node in ("language", "social"):
        text = text.replace(f"  {node}:\n", f"  {node}:  # ivr: allow {rule} - no\n")
    assert rules(text) == [rule]


def test_problems_of_one_node_do_not_hide_those_of_another():
    text = with_options(6).replace("goto: q_pension}", "goto: nowhere}")
    assert rules(text) == ["W15", "E04"]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ru", "Цифровая подпись и eGov"),
        ("ru", "Номер 1414"),
        ("en", "over 25% of 3.5"),
        ("kk", "18:00"),
    ],
)
def test_ordinary_texts_speak_of_no_key(language, text):
    assert wording.names_a_key(language, text) is None
    assert wording.wrong_language(language, text) is None


def test_names_that_are_the_same_everywhere_are_allowed():
    assert not list(wording.same_text({"kk": "Оператор", "ru": "оператор"}))
    assert not list(wording.same_text({"ru": "eGov Mobile", "en": "eGov Mobile"}))
    assert list(wording.same_text({"ru": "Пенсия", "kk": "пенсия."})) == [("ru", "kk")]


def with_phrase(text):
    """The example with one more phrase of its own."""
    return replaced("nodes:\n", f"phrases:\n{text}\nnodes:\n")


def test_a_phrase_is_in_its_language_too():
    text = with_phrase('  ru: {noinput: "You pressed nothing."}')
    assert (*place(text, 'noinput: ^"You'), "E12") in found(text) or (
        *place(text, "ru: ^{noinput"),
        "E12",
    ) in found(text)
    same = with_phrase('  kk: {noinput: "Сіз баспадыңыз."}\n  ru: {noinput: "Сіз баспадыңыз."}')
    assert any("'noinput' is the same in kk and ru" in message for message in messages(same))


def test_words_of_letters_are_not_spoken():
    text = replaced('ru: "Социальный раздел."', 'ru: "Данный раздел в целях помощи."')
    assert any("'Данный раздел' in the text in ru" in message for message in messages(text))


def test_errors_are_shown_however_many_warnings_there_are():
    problems = Problems()
    for line in range(1, 600):
        problems.warning("a.yaml", line, 1, "W16", "deep")
    problems.error("a.yaml", 700, 1, "E04", "unknown")
    assert problems.sorted()[-1].rule == "E04"
    assert problems.error_count == 1
    for line in range(1, 600):
        problems.error("b.yaml", line, 1, "E04", "unknown")
    assert problems.error_count == 600
    assert {problem.severity for problem in problems.sorted()} == {"error"}
