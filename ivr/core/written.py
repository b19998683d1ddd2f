"""What is written in figures, put into words: dates, times, sums, percents, phone numbers.

Speech engines read figures their own way, and mostly wrongly: `22:00` as two numbers, `5%` as a
five, `31.12.2026` as a sentence end. Russian words come out in the case that fits most sentences,
the genitive for dates and the nominative for the rest.
"""

import re
from collections.abc import Callable

from ivr.core.numbers import DIGITS, below_1000, feminine
from ivr.core.speech import plural_form

_MONTHS = {
    "kk": (
        *("қаңтар", "ақпан", "наурыз", "сәуір", "мамыр", "маусым"),
        *("шілде", "тамыз", "қыркүйек", "қазан", "қараша", "желтоқсан"),
    ),
    "ru": (
        *("января", "февраля", "марта", "апреля", "мая", "июня"),
        *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}

# The last word of an ordinal by the last word of its number; Russian without its ending.
_ORDINALS = {
    "kk": {
        **{"бір": "бірінші", "екі": "екінші", "үш": "үшінші", "төрт": "төртінші", "бес": "бесінші"},
        **{"алты": "алтыншы", "жеті": "жетінші", "сегіз": "сегізінші", "тоғыз": "тоғызыншы"},
        **{"он": "оныншы", "жиырма": "жиырмасыншы", "отыз": "отызыншы", "қырық": "қырқыншы"},
        **{"елу": "елуінші", "алпыс": "алпысыншы", "жетпіс": "жетпісінші", "сексен": "сексенінші"},
        **{"тоқсан": "тоқсаныншы", "жүз": "жүзінші", "мың": "мыңыншы"},
    },
    "ru": {
        **{"один": "перв", "два": "втор", "четыре": "четвёрт", "пять": "пят", "шесть": "шест"},
        **{"семь": "седьм", "восемь": "восьм", "девять": "девят", "десять": "десят"},
        **{"двадцать": "двадцат", "тридцать": "тридцат", "сорок": "сороков"},
        **{"пятьдесят": "пятидесят", "шестьдесят": "шестидесят", "семьдесят": "семидесят"},
        **{"восемьдесят": "восьмидесят", "девяносто": "девяност", "сто": "сот"},
    },
    "en": {
        **{"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth"},
        **{"nine": "ninth", "twelve": "twelfth", "twenty": "twentieth", "thirty": "thirtieth"},
        **{"forty": "fortieth", "fifty": "fiftieth", "sixty": "sixtieth", "seventy": "seventieth"},
        **{"eighty": "eightieth", "ninety": "ninetieth"},
    },
}
_STRESSED_END = ("втор", "шест", "седьм", "восьм", "сороков")  # второй, not вторый
_THIRD = {"й": "третий", "го": "третьего", "м": "третьем", "я": "третья", "е": "третье"}
_ENDINGS = {"й": "ый", "го": "ого", "м": "ом", "я": "ая", "е": "ое"}
_ENDING_OF = {"ый": "й", "ой": "й", "ий": "й", "ого": "го", "его": "го", "ом": "м", "ем": "м"} | {
    **{"ая": "я", "ья": "я", "ое": "е", "ье": "е"},
    **{ending: ending for ending in _ENDINGS},
}

_THOUSAND = {"kk": ["мың"], "ru": ["тысяча", "тысячи", "тысяч"], "en": ["thousand"]}
_UNITS = {
    "%": {"kk": ["пайыз"], "ru": ["процент", "процента", "процентов"], "en": ["percent"]},
    "₸": {"kk": ["теңге"], "ru": ["тенге"], "en": ["tenge"]},
}
_NUMBER_SIGN = {"kk": "нөмір", "ru": "номер", "en": "number"}
_DOT = {"kk": "нүкте", "ru": "точка", "en": "dot"}
_COMMA = {"kk": "үтір", "ru": "запятая", "en": "point"}

_DATE = re.compile(r"\b(\d{1,2})\.(\d{1,2})\.((?:19|20)\d\d)\b(?: ?(?:года\b|г\.|жылғы\b|ж\.))?")
_TIME = re.compile(r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])")
_PHONE = re.compile(r"(?<![\w+])\+?\d(?:[ ()-]{1,2}\d{2,4}){3,5}(?!\d)")
_SUM = re.compile(r"(?<![\d.,])\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)(\s?[%₸])?")
_ENGLISH_SUM = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d)(\s?[%₸])?")
_ADDRESS_DOT = re.compile(r"(?<=[A-Za-z])\.(?=[A-Za-z]{2})")
_ROUND = re.compile(r"(?<![\d.,-])[1-9]\d{0,2}000?(?![\d-])")
_DECIMAL = re.compile(r"(?<![\d.,])(\d{1,3})[.,](\d{1,2})(?![\d.,])")
_UNIT = re.compile(r"(\d+)\s?([%₸])")
_YEAR = {
    "kk": re.compile(r"\b((?:19|20)\d\d)(?= жыл)"),
    "ru": re.compile(r"\b((?:19|20)\d\d)(?= год(а|у|ом|ы)?\b)"),
}
_DAY = {
    "kk": re.compile(rf"\b(\d{{1,2}}) (?=(?:{'|'.join(_MONTHS['kk'])}))"),
    "ru": re.compile(rf"\b(\d{{1,2}}) (?=(?:{'|'.join(_MONTHS['ru'])})\b)"),
    "en": re.compile(
        rf"\b(?:the )?(\d{{1,2}})(?:st|nd|rd|th)? (?=(?:{'|'.join(_MONTHS['en'])})\b)"
    ),
}
_RUSSIAN_ORDINAL = re.compile(rf"\b(\d{{1,3}})-({'|'.join(_ENDING_OF)})\b")
_ENGLISH_ORDINAL = re.compile(r"\b(\d{1,3})(?:st|nd|rd|th)\b")


def expanded(language: str, text: str) -> str:
    """The text with what needs more than one number's words spelt out; plain numbers stay."""
    if language not in DIGITS:
        return text
    text = _DATE.sub(lambda found: _date(language, found), text)
    text = _TIME.sub(lambda found: _time(language, int(found[1]), int(found[2])), text)
    text = _PHONE.sub(lambda found: ", ".join(re.findall(r"\d+", found[0])), text)
    text = _SUM.sub(lambda found: _sum(language, found), text)
    if language == "en":
        text = _ENGLISH_SUM.sub(lambda found: _sum(language, found), text)
    text = _UNIT.sub(lambda found: _with_unit(language, int(found[1]), found[2]), text)
    text = _years_and_days(language, text)
    text = _ROUND.sub(lambda found: _round(language, found[0]), text)
    text = _DECIMAL.sub(rf"\1 {_COMMA[language]} \2", text)
    text = _ADDRESS_DOT.sub(f" {_DOT[language]} ", text)
    return text.replace("№", f" {_NUMBER_SIGN[language]} ")


def cardinal(language: str, number: int) -> str:
    """A number of 0..999,999 as it is counted; above that, digit by digit."""
    thousands, rest = divmod(number, 1000)
    if thousands == 0:
        return below_1000(language, number)
    if thousands > 999:
        return " ".join(DIGITS[language][int(digit)] for digit in str(number))
    words = [plural_form(language, thousands, _THOUSAND[language])]
    if thousands > 1 or language == "en":
        words.insert(0, feminine(language, thousands))
    if rest:
        words.append(below_1000(language, rest))
    return " ".join(words)


def ordinal(language: str, number: int, ending: str = "го") -> str:
    """A number of 1..999 or a year as an ordinal; `ending` is the Russian one: й, го, м, я, е."""
    if language == "ru" and number % 1000 == 0:
        return _russian_end({2: "двухтысячн"}.get(number // 1000, "тысячн"), ending)
    *before, last = cardinal(language, number).split(" ")
    if language == "ru":
        return " ".join([*before, _russian_ordinal(last, ending)])
    return " ".join([*before, _ORDINALS[language].get(last, f"{last}th")])


def _russian_ordinal(last: str, ending: str) -> str:
    if last == "три":
        return _THIRD[ending]
    stem = _ORDINALS["ru"].get(last)
    if stem is None and last.endswith("надцать"):
        stem = last.removesuffix("ь")
    return _russian_end(stem, ending) if stem else last


def _russian_end(stem: str, ending: str) -> str:
    if ending == "й" and stem in _STRESSED_END:
        return f"{stem}ой"
    return stem + _ENDINGS[ending]


def _date(language: str, found: re.Match[str]) -> str:
    day, month, year = int(found[1]), int(found[2]), int(found[3])
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return found[0]
    name = _MONTHS[language][month - 1]
    if language == "kk":
        return f"{ordinal('kk', year)} жылғы {ordinal('kk', day)} {name}"
    if language == "ru":
        return f"{ordinal('ru', day)} {name} {ordinal('ru', year)} года"
    return f"the {ordinal('en', day)} of {name} {year}"


def _time(language: str, hour: int, minute: int) -> str:
    """In English by twelve hours, elsewhere as on a timetable: `двадцать два ноль ноль`."""
    if language == "en":
        noon = {0: "midnight", 12: "noon", 24: "midnight"}.get(hour) if minute == 0 else None
        if noon is not None:
            return noon
        minutes = [] if minute == 0 else [f"oh {minute}" if minute < 10 else f"{minute}"]
        half = "PM" if 12 <= hour < 24 else "AM"
        return " ".join([f"{(hour + 11) % 12 + 1}", *minutes, half])
    digits = DIGITS[language]
    minutes = [digits[0], digits[minute]] if minute < 10 else [below_1000(language, minute)]
    return " ".join([below_1000(language, hour), *minutes])


def _sum(language: str, found: re.Match[str]) -> str:
    """A number written in groups of three; one with a unit is left to the unit, as figures."""
    digits = re.sub(r"\D", "", found[0])
    return digits + found[1] if found[1] else cardinal(language, int(digits))


def _with_unit(language: str, number: int, sign: str) -> str:
    unit = plural_form(language, number, _UNITS[sign][language])
    return f"{cardinal(language, number)} {unit}"


def _years_and_days(language: str, text: str) -> str:
    year, day = _YEAR.get(language), _DAY[language]
    if year is not None:
        endings: dict[str | None, str] = {None: "й", "а": "го", "у": "м", "ом": "м", "ы": "е"}
        ending: Callable[[re.Match[str]], str] = lambda found: (  # noqa: E731
            endings[found[2]] if language == "ru" else "й"
        )
        text = year.sub(lambda found: ordinal(language, int(found[1]), ending(found)), text)
    if language == "ru":
        text = _RUSSIAN_ORDINAL.sub(
            lambda found: ordinal("ru", int(found[1]), _ENDING_OF[found[2]]), text
        )
    text = day.sub(lambda found: _day(language, int(found[1])), text)
    if language == "en":
        text = _ENGLISH_ORDINAL.sub(lambda found: ordinal("en", int(found[1])), text)
    return text


def _day(language: str, day: int) -> str:
    if not 1 <= day <= 31:
        return f"{day} "
    return f"the {ordinal('en', day)} of " if language == "en" else f"{ordinal(language, day)} "


def _round(language: str, digits: str) -> str:
    """`5000` is a sum; a service's code of three digits is no sum and stays."""
    return cardinal(language, int(digits)) if len(digits) > 3 else digits
