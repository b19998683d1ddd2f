"""What callers hear: grammar, order and names of clips."""

import pytest

from ivr.core import speech
from ivr.core.menu import Clip, Pause
from tests.unit.menus import dialplan


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
