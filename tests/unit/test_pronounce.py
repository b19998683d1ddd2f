"""How what is written is said: figures, abbreviations and Latin words as words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core.pronounce import number_in_words, spoken
from ivr.core.written import cardinal, ordinal


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("kk", "1414-ке қоңырау", "он төрт он төртке қоңырау"),
        ("ru", "Центр 1414.", "Центр четырнадцать четырнадцать."),
        ("en", "This is 1414!", "This is fourteen fourteen."),
        ("ru", "Регистрация — бесплатно", "Регистрация, бесплатно"),
        ("ru", "Пенсии : нажмите два", "Пенсии, нажмите два"),
        ("ru", "Портал «eGov» , звонок…", "Портал игов, звонок."),
        ("en", "Wrap-up is done", "Wrap-up is done"),
        ("ru", " , ", ""),
    ],
)
def test_a_sentence_is_spelt_out_with_every_sign_attached_to_a_word(language, text, said):
    assert spoken(language, text) == said


@pytest.mark.parametrize(
    ("language", "digits", "said"),
    [
        ("ru", "0", "ноль"),
        ("ru", "112", "сто двенадцать"),
        ("kk", "21", "жиырма бір"),
        ("kk", "200", "екі жүз"),
        ("en", "109", "one hundred nine"),
        ("en", "007", "zero zero seven"),
        ("en", "1005", "one zero zero five"),
        ("ru", "1411", "четырнадцать одиннадцать"),
        ("ru", "1020", "десять двадцать"),
        ("de", "14", "14"),
    ],
)
def test_numbers_are_said_as_on_the_phone(language, digits, said):
    assert number_in_words(language, digits) == said


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("ru", "ЦОН, ИИН, ЭЦП", "ЦОН, и и эн, э цэ пэ"),
        ("ru", "НДС и ОСМС", "эн дэ эс и о эс эм эс"),
        ("kk", "ХҚКО, ЖСН, ЭЦҚ", "ха қа ка о, же эс эн, э це қа"),
        ("kk", "eGov Mobile қосымшасы", "игов мобайл қосымшасы"),
        ("kk", "EGov порталы", "игов порталы"),
        ("ru", "e-Otinish и SMS", "е отиниш и эсэмэс"),
        ("kk", "e-Otinish порталында", "е өтініш порталында"),
        ("en", "e-Otinish and eGov", "e otinish and e gov"),
        ("ru", "QR, ID, WhatsApp, Telegram", "кьюар, айди, вотсап, телеграм"),
        ("ru", "сайт egov.kz.", "сайт игов точка кей зет."),
        ("ru", "канал TV", "канал ти ви"),
        ("ru", "МЧС, а не Служба", "эм че эс, а не Служба"),
        ("ru", "в ЦОНе", "в ЦОНе"),
    ],
)
def test_abbreviations_and_latin_words_are_said_as_people_say_them(language, text, said):
    assert spoken(language, text) == said


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("ru", "31.12.2026", "тридцать первого декабря две тысячи двадцать шестого года"),
        ("ru", "до 31.12.2000 года", "до тридцать первого декабря двухтысячного года"),
        ("kk", "31.12.2026", "екі мың жиырма алтыншы жылғы отыз бірінші желтоқсан"),
        ("en", "31.12.2026", "the thirty first of December twenty twenty six"),
        ("ru", "с 1 января", "с первого января"),
        ("ru", "3 марта 2027 года", "третьего марта две тысячи двадцать седьмого года"),
        ("ru", "в 2026 году, 2025 год", "в две тысячи двадцать шестом году, "
         "две тысячи двадцать пятый год"),
        ("kk", "1 қаңтар", "бірінші қаңтар"),
        ("kk", "2030 жылы", "екі мың отызыншы жылы"),
        ("en", "on 1 January", "on the first of January"),
        ("en", "the 3rd floor", "the third floor"),
        ("ru", "1-й этаж, 2-я линия, 3-го числа, 40-й", "первый этаж, вторая линия, третьего "
         "числа, сороковой"),
        ("ru", "с 22:00 до 8:05", "с двадцать два ноль ноль до восемь ноль пять"),
        ("kk", "22:30", "жиырма екі отыз"),
        ("en", "22:00 to 8:05, 12:00, 0:15", "ten PM to eight oh five AM, noon, twelve fifteen AM"),
        ("ru", "1%, 2 %, 5%, 21%", "один процент, два процента, пять процентов, двадцать один "
         "процент"),
        ("kk", "20%", "жиырма пайыз"),
        ("en", "20%", "twenty percent"),
        ("ru", "5000 и 12 500 ₸", "пять тысяч и двенадцать тысяч пятьсот тенге"),
        ("ru", "21 000", "двадцать одна тысяча"),
        ("en", "12,000 tenge", "twelve thousand tenge"),
        ("kk", "1 000 теңге", "мың теңге"),
        ("ru", "№ 5", "номер пять"),
        ("ru", "8 800 080 77 77", "восемь, восемьсот, ноль восемь ноль, семьдесят семь, семьдесят "
         "семь"),
        ("ru", "32.13.2026", "тридцать два. тринадцать. двадцать двадцать шесть"),
        ("ru", "101", "сто один"),
    ],
)  # fmt: skip
def test_dates_times_sums_and_percents_are_said_in_words(language, text, said):
    assert spoken(language, text) == said


@pytest.mark.parametrize(
    ("language", "number", "said"),
    [
        ("ru", 1000, "тысяча"),
        ("ru", 2001, "две тысячи один"),
        ("ru", 999_999, "девятьсот девяносто девять тысяч девятьсот девяносто девять"),
        ("kk", 1500, "мың бес жүз"),
        ("en", 1000, "one thousand"),
        ("en", 1_000_000, "one zero zero zero zero zero zero"),
    ],
)
def test_a_number_is_counted_with_its_thousands(language, number, said):
    assert cardinal(language, number) == said


@pytest.mark.parametrize("number", range(1, 100))
@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_every_ordinal_below_a_hundred_has_its_ending(language, number):
    endings = {"kk": ("ші", "шы"), "ru": ("ого", "его"), "en": ("st", "nd", "rd", "th")}
    assert ordinal(language, number).endswith(endings[language])


@given(st.sampled_from(["kk", "ru"]), st.text(max_size=60))
def test_whatever_is_written_no_figure_and_no_lone_sign_reaches_an_engine(language, text):
    said = spoken(language, text)
    assert not re.search(r"[0-9]", said)
    assert not re.search(r"(^|\s)[.,?!:;]", said)
