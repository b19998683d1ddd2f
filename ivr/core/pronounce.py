"""How a sentence is said: numbers and Latin words spelt out for a speech engine.

An admin writes "1414-ке" or "eGov"; an engine wants words of its language and no stray
punctuation. What comes out is also what the plausible length of a recording is judged by.
"""

import re
import unicodedata

from ivr.core.speech import DIGITS

_TEENS = {
    "kk": ("он", *(f"он {one}" for one in DIGITS["kk"][1:])),
    "ru": (
        *("десять", "одиннадцать", "двенадцать", "тринадцать", "четырнадцать"),
        *("пятнадцать", "шестнадцать", "семнадцать", "восемнадцать", "девятнадцать"),
    ),
    "en": (
        *("ten", "eleven", "twelve", "thirteen", "fourteen"),
        *("fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
    ),
}
_TENS = {
    "kk": ("жиырма", "отыз", "қырық", "елу", "алпыс", "жетпіс", "сексен", "тоқсан"),
    "ru": (
        *("двадцать", "тридцать", "сорок", "пятьдесят"),
        *("шестьдесят", "семьдесят", "восемьдесят", "девяносто"),
    ),
    "en": ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"),
}
_HUNDREDS = {
    "kk": ("жүз", *(f"{one} жүз" for one in DIGITS["kk"][2:])),
    "ru": (
        *("сто", "двести", "триста", "четыреста", "пятьсот"),
        *("шестьсот", "семьсот", "восемьсот", "девятьсот"),
    ),
    "en": tuple(f"{one} hundred" for one in DIGITS["en"][1:]),
}

# Words as they are heard, where an engine would spell or mangle them.
_WORDS = {
    "kk": {"egov": "игов", "mobile": "мобайл", "sms": "эсэмэс", "смс": "эсэмэс"},
    "ru": {"egov": "игов", "mobile": "мобайл", "sms": "эсэмэс", "смс": "эсэмэс"},
    "en": {"egov": "e gov"},
}

_NUMBER = re.compile(r"(\d+)(?:-([^\W\d_]+))?")
_WORD = re.compile(r"[^\W\d_]+")
_SIGN = re.compile(r"\s*([.,?!:;…]|\s[-–—]+\s|[–—])[\s.,?!:;…–—]*")
_NOISE = re.compile(r"[«»\"“”()\[\]{}<>*#@_/\\|=+~^`]")
_STOPS = {".": ".", "!": ".", "…": ".", "?": "?"}


def spoken(language: str, text: str) -> str:
    """The sentence in words of its language; the only signs left are `,`, `.` and `?`.

    Each sign is attached to the word before it: the Russian voice of Festival writes an empty
    file, without an error, for one that stands alone.
    """
    words = unicodedata.normalize("NFC", text)
    words = _NUMBER.sub(lambda match: _with_suffix(language, match), words)
    known = _WORDS.get(language, {})
    words = _WORD.sub(lambda match: known.get(match[0].casefold(), match[0]), words)
    words = _NOISE.sub(" ", words)
    words = _SIGN.sub(lambda match: _STOPS.get(match[1], ",") + " ", words)
    return re.sub(r"\s+", " ", words).strip(" ,")


def number_in_words(language: str, digits: str) -> str:
    """A number as it is said on the phone; 1414 is a pair of pairs, in every language.

    Up to 999 it is a number, four digits are two pairs, anything longer is read digit by digit.
    A language without tables keeps its digits.
    """
    if language not in DIGITS:
        return digits
    if len(digits) == 4 and digits[0] != "0" and digits[2] != "0":
        return f"{_below_1000(language, int(digits[:2]))} {_below_1000(language, int(digits[2:]))}"
    if len(digits) <= 3 and not (len(digits) > 1 and digits[0] == "0"):
        return _below_1000(language, int(digits))
    return " ".join(DIGITS[language][int(digit)] for digit in digits)


def _below_1000(language: str, number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = [_HUNDREDS[language][hundreds - 1]] if hundreds else []
    if rest >= 20:
        words.append(_TENS[language][rest // 10 - 2])
        rest %= 10
        if rest:
            words.append(DIGITS[language][rest])
    elif rest >= 10:
        words.append(_TEENS[language][rest - 10])
    elif rest or not words:
        words.append(DIGITS[language][rest])
    return " ".join(words)


def _with_suffix(language: str, match: re.Match[str]) -> str:
    """Kazakh writes endings after a hyphen (1414-ке); they belong to the last word."""
    return number_in_words(language, match[1]) + (match[2] or "")
