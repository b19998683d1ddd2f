"""What callers hear: grammar, order and names of clips."""

import dataclasses

import pytest

from ivr.core import menu, speech
from ivr.core.expressions import parse
from ivr.core.menu import Clip, Pause
from ivr.core.numbers import feminine
from ivr.core.pronounce import number_in_words
from tests.unit.menus import dialplan
from tests.unit.plans import (
    a_menu,
    callback,
    collect,
    confirm,
    find,
    http,
    languages,
    plan,
    queue,
    said,
    say,
    survey,
    table,
    transfer,
)
from tests.unit.plans import (
    texts as in_all,
)


def texts(sounds):
    return [sound.text for sound in sounds if isinstance(sound, Clip)]


def test_a_menu_says_its_count_its_options_and_the_operator_last():
    plan = dialplan()
    assert texts(speech.opening_of_menu(plan, plan.nodes["main"], "ru", "intro")) == [
        "Два раздела.",
        "Пособия: нажмите один",
        "Документы: нажмите два",
        "Оператор: нажмите ноль",
    ]


def test_kazakh_options_take_the_accusative():
    plan = dialplan()
    assert texts(speech.opening_of_menu(plan, plan.nodes["social"], "kk", "intro")) == [
        "Әлеуметтік бөлім.",
        "Зейнетақы үшін бірді басыңыз",
        "Балаға үшін екіні басыңыз",
        "Оператор үшін нөлді басыңыз",
    ]


def test_each_language_is_offered_in_itself():
    plan = dialplan()
    sounds = speech.opening_of_menu(plan, plan.nodes["language"], "kk", "intro")
    assert [(s.language, s.text) for s in sounds if isinstance(s, Clip)] == [
        ("kk", "Сәлеметсіз бе!"),
        ("kk", "Қазақ тілі үшін бірді басыңыз"),
        ("ru", "Русский язык: нажмите два"),
        ("en", "For English, press three"),
        ("kk", "Оператор үшін нөлді басыңыз"),
    ]


@pytest.mark.parametrize(
    ("opening", "first"),
    [("noinput", "I did not hear a key."), ("nomatch", "That is not one of the choices.")],
)
def test_a_second_play_says_what_went_wrong_and_skips_the_intro(opening, first):
    plan = dialplan()
    said = texts(speech.opening_of_menu(plan, plan.nodes["social"], "en", opening))
    assert said[0] == first
    assert "Social matters." not in said
    assert said[1] == "For pension, press one"


def test_options_are_set_apart_by_the_gap():
    plan = dialplan()
    sounds = speech.opening_of_menu(plan, plan.nodes["main"], "kk", "intro")
    assert sounds[1::2] == (Pause(600),) * 3


@pytest.mark.parametrize(
    ("number", "form"),
    [
        *((1, "раздел"), (2, "раздела"), (4, "раздела"), (5, "разделов"), (0, "разделов")),
        *((11, "разделов"), (12, "разделов"), (21, "раздел"), (22, "раздела"), (111, "разделов")),
    ],
)
def test_russian_numbers_take_their_form(number, form):
    assert speech.plural_form("ru", number, ["раздел", "раздела", "разделов"]) == form


def test_one_choice_and_two_choices_in_english_and_kazakh():
    plan = dialplan()
    assert speech.count_clip(plan, "en", 1).text == "There is one choice."
    assert speech.count_clip(plan, "en", 3).text == "There are three choices."
    assert speech.count_clip(plan, "kk", 4).text == "Төрт бөлім бар."


def test_all_ten_digits_have_a_kazakh_accusative():
    said = [speech.key_words_accusative("kk", str(n)) for n in range(10)]
    assert said == [
        "нөлді",
        "бірді",
        "екіні",
        "үшті",
        "төртті",
        "бесті",
        "алтыны",
        "жетіні",
        "сегізді",
        "тоғызды",
    ]
    assert speech.key_words("ru", "12") == "один два"
    assert speech.key_words_accusative("kk", "#") == "торды"


def test_a_clip_keeps_its_name_through_changes_nobody_hears():
    name = speech.clip_id(Clip("ru", "Здравствуйте,  мир"))
    assert len(name) == 16
    assert name == speech.clip_id(Clip("ru", " Здравствуйте, мир\n"))
    assert speech.clip_id(Clip("kk", "й")) == speech.clip_id(Clip("kk", "и\u0306"))
    assert name != speech.clip_id(Clip("kk", "Здравствуйте, мир"))
    assert name != speech.clip_id(Clip("ru", "Здравствуйте, Мир"))


def test_every_sentence_of_the_dialplan_is_listed_once():
    plan = dialplan()
    clips = speech.all_clips(plan)
    assert len({speech.clip_id(clip) for clip in clips}) == len(clips)
    said = {clip.text for clip in clips}
    for text in ("Calls are recorded.", "До свидания!", "Соединяю с оператором.", "Два раздела."):
        assert text in said
    for language in ("kk", "ru", "en"):
        phrases = plan.phrases[language]
        assert {phrases.noinput, phrases.nomatch, phrases.to_operator} <= said


def all_texts(*nodes, language="en", **fields):
    """What has to be there for these nodes, an operator, a goodbye and a message."""
    clips = speech.all_clips(plan(*nodes, **fields))
    assert len({(clip.language, clip.text) for clip in clips}) == len(clips)
    glue = {"I will connect you to an operator.", "en goodbye", "en after the tone"}
    return {clip.text for clip in clips if clip.language == language} - glue


FAILURES = {"I did not hear a key.", "That is not one of the choices."}
DIGITS = set(speech.DIGITS["en"])
CONFIRM = "If that is right, press one; if not, press two."


def test_the_clips_of_a_menu_are_those_of_every_opening_and_of_the_slow_replay():
    own = menu.Reprompts(noinput=(said("again"), said("once more")))
    found = all_texts(a_menu("m", {"1": "bye"}, intro="hello", reprompts=own, count=True))
    assert found == {
        *("en hello", "There is one choice.", "For en label 1 of m, press one"),
        *("en again", "en once more", "That is not one of the choices."),
        *("For an operator, press zero", "For the previous menu, press star"),
        "For this menu again, press hash",
    }


def test_a_menu_without_globals_explains_no_signs():
    found = all_texts(a_menu("m", {"1": "bye"}, globals_on=False))
    assert found == {"For en label 1 of m, press one", *FAILURES}


def test_the_clips_of_nodes_that_ask():
    assert all_texts(collect("c", next="bye")) == {"en enter c", *FAILURES}
    assert all_texts(confirm("c", "bye", "bye")) == {"en is it c", CONFIRM, *FAILURES}
    assert all_texts(survey()) == {"en rate us"}
    assert all_texts(languages(goto="bye"), language="ru") >= {
        "Ru label: нажмите два",
        "Вы ничего не нажали.",
    }


def test_the_clips_of_a_call_back_hold_the_digits_only_when_the_number_is_confirmed():
    assert all_texts(callback("c", confirm_number=False)) == set()
    assert all_texts(callback("c")) == {
        *("We will call you back on this number.", "Enter your phone number, then hash."),
        *(CONFIRM, *FAILURES, *DIGITS),
    }


def test_the_clips_of_nodes_that_pass():
    nodes = (
        http("h", "t", "t", filler=said("wait")),
        transfer("t", "109"),
        queue("q"),
        say("s", "bye", prompt=(menu.Broadcasts(), *said("hello"))),
    )
    assert all_texts(*nodes) == {"en wait", "en to 109", "en hello"}


ROWS = {
    "1": {"name": in_all("passport"), "note": in_all("a note"), "skill": "documents"},
    "2": {"name": in_all("pension"), "note": "", "skill": "social"},
}
TABLES = {"services": table("services", ROWS), "other": table("other", {"9": {"x": in_all("x")}})}


def texts_of(prompt, *others):
    return all_texts(say("s", "bye", prompt=prompt), *others, tables=TABLES)


def test_the_clips_of_a_table_are_those_of_the_column_that_is_said():
    assert texts_of((menu.RowText("services", parse("call.x"), "name"),)) == {
        "en passport",
        "en pension",
    }
    looked_up = collect("c", find=find(), next="bye")
    found = texts_of((menu.Spoken(parse("call.service.note"), "text"),), looked_up)
    assert found == {"en a note", "en enter c", *FAILURES}


def test_a_text_that_may_come_from_anywhere_needs_every_text_of_every_table():
    found = texts_of((menu.Spoken(parse("call.copy"), "text"),))
    assert found >= {"en passport", "en pension", "en a note", "en x"}


def test_numbers_are_there_only_where_they_are_said():
    numbers = texts_of((menu.Spoken(parse("call.n"), "number"),))
    assert {"zero", "one", "twenty one", "sixty"} <= numbers
    assert len(numbers) == 61
    assert texts_of((menu.Spoken(parse("call.n"), "digits"),)) == DIGITS
    assert texts_of(said("hello")) == {"en hello"}


@pytest.mark.parametrize(
    ("language", "number", "words"),
    [
        *(("ru", 0, "ноль"), ("ru", 1, "одна"), ("ru", 2, "две"), ("ru", 5, "пять")),
        *(("ru", 11, "одиннадцать"), ("ru", 12, "двенадцать"), ("ru", 21, "двадцать одна")),
        *(("ru", 42, "сорок две"), ("ru", 60, "шестьдесят")),
        *(("kk", 1, "бір"), ("kk", 15, "он бес"), ("kk", 21, "жиырма бір"), ("kk", 60, "алпыс")),
        *(("en", 1, "one"), ("en", 13, "thirteen"), ("en", 59, "fifty nine"), ("en", 60, "sixty")),
    ],
)
def test_numbers_stand_as_they_do_before_minutes(language, number, words):
    assert speech.number_clip(language, number) == Clip(language, words)
    assert feminine(language, number) == words
    if language != "ru":
        assert number_in_words(language, str(number)) == words


def test_all_numbers_sound_different():
    for language in speech.LANGUAGES:
        said_numbers = {speech.number_clip(language, n).text for n in range(61)}
        assert len(said_numbers) == 61


def test_digits_are_said_in_groups_and_signs_are_not():
    sounds = speech.digit_sounds("en", "+7 (701) 12")
    assert texts(sounds) == ["seven", "seven", "zero", "one", "one", "two"]
    assert [index for index, sound in enumerate(sounds) if isinstance(sound, Pause)] == [3]
    assert speech.digit_sounds("en", "٣ab") == ()


def test_a_private_clip_is_the_same_clip():
    assert Clip("en", "one", is_private=True) == Clip("en", "one")
    assert speech.clip_id(Clip("en", "one", is_private=True)) == speech.clip_id(Clip("en", "one"))


def test_phrases_of_a_file_beat_our_own_words():
    phrases = {
        "en": menu.Phrases(
            *("For {label}, press {digit}", "{n}", "noinput", "nomatch", "to operator"),
            *("{1} {2}", "the last menu", "hearing it again", "This number:", "Your number?"),
        )
    }
    example = plan(a_menu("m", {"1": "bye"}), callback("cb"))
    example = dataclasses.replace(example, phrases={**example.phrases, **phrases})
    found = {clip.text for clip in speech.all_clips(example) if clip.language == "en"}
    assert found >= {
        *("For the last menu, press star", "For hearing it again, press hash"),
        *("This number:", "Your number?", "One two"),
    }


def test_a_language_menu_greets_in_each_language_it_has_a_greeting_for():
    node = menu.LanguageMenu("l", {"en": "Hi", "kk": "Сәлем"}, (), languages().input, "bye")
    assert texts(speech.language_intro(plan(node), node)) == ["Сәлем", "Hi"]
    silent = menu.LanguageMenu("l", None, (), languages().input, "bye")
    assert speech.language_intro(plan(silent), silent) == ()
