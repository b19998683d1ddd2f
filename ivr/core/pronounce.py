"""How a sentence is said: numbers, abbreviations and Latin words spelt out for a speech engine.

An admin writes "1414-ке", "ЦОН" or "eGov"; an engine wants words of its language and no stray
punctuation. What comes out is also what the plausible length of a recording is judged by.
"""

import re
import unicodedata

from ivr.core.numbers import DIGITS, below_1000
from ivr.core.written import expanded

# Words as they are heard, where an engine would spell or mangle them; the keys in small letters.
_CYRILLIC_WORDS = {
    **{"egov": "игов", "mobile": "мобайл", "sms": "эсэмэс", "смс": "эсэмэс", "online": "онлайн"},
    **{"id": "айди", "pin": "пин", "qr": "кьюар", "email": "имейл", "e-mail": "имейл"},
    **{"telegram": "телеграм", "whatsapp": "вотсап", "covid": "ковид", "asan": "асан"},
    **{"kz": "кей зет", "www": "три дубль вэ", "wi-fi": "вай фай", "covid-19": "ковид"},
}
_WORDS = {
    "kk": _CYRILLIC_WORDS
    | {"e-otinish": "е өтініш", "е-otinish": "е өтініш", "otinish": "өтініш", "www": "дабл ю"},
    "ru": _CYRILLIC_WORDS | {"e-otinish": "е отиниш", "е-otinish": "е отиниш", "otinish": "отиниш"},
    "en": {"egov": "e gov", "e-otinish": "e otinish", "iin": "I I N", "otp": "O T P"},
}

# Abbreviations said letter by letter although they could be read as a word.
_SPELT = {
    "kk": frozenset(("жсн", "бсн", "эцқ", "эцп", "хқко", "хқо", "аәк", "мәмс", "әмә", "тж")),
    "ru": frozenset(("иин", "бин", "эцп", "осмс", "асп", "рк", "нао", "тоо", "ип", "гбдфл")),
}
_LETTERS = {
    "kk": {
        **{"а": "а", "ә": "ә", "б": "бе", "в": "ве", "г": "ге", "ғ": "ға", "д": "де", "е": "е"},
        **{"ж": "же", "з": "зе", "и": "и", "й": "й", "к": "ка", "қ": "қа", "л": "эл", "м": "эм"},
        **{"н": "эн", "ң": "эң", "о": "о", "ө": "ө", "п": "пе", "р": "эр", "с": "эс", "т": "те"},
        **{"у": "у", "ұ": "ұ", "ү": "ү", "ф": "эф", "х": "ха", "һ": "һа", "ц": "це", "ч": "че"},
        **{"ш": "ша", "щ": "ща", "ы": "ы", "і": "і", "э": "э", "ю": "ю", "я": "я"},
    },
    "ru": {
        **{"а": "а", "б": "бэ", "в": "вэ", "г": "гэ", "д": "дэ", "е": "е", "ё": "ё", "ж": "жэ"},
        **{"з": "зэ", "и": "и", "й": "и", "к": "ка", "л": "эль", "м": "эм", "н": "эн", "о": "о"},
        **{"п": "пэ", "р": "эр", "с": "эс", "т": "тэ", "у": "у", "ф": "эф", "х": "ха", "ц": "цэ"},
        **{"ч": "че", "ш": "ша", "щ": "ща", "ы": "ы", "э": "э", "ю": "ю", "я": "я"},
    },
}
_LATIN = {
    **{"a": "эй", "b": "би", "c": "си", "d": "ди", "e": "и", "f": "эф", "g": "джи", "h": "эйч"},
    **{"i": "ай", "j": "джей", "k": "кей", "l": "эл", "m": "эм", "n": "эн", "o": "о", "p": "пи"},
    **{"q": "кью", "r": "ар", "s": "эс", "t": "ти", "u": "ю", "v": "ви", "w": "дабл ю"},
    **{"x": "икс", "y": "уай", "z": "зет"},
}
_ABBREVIATION_LENGTH_MAX = 6
_VOWELS = frozenset("аәеёиіоөуұүыэюя")

_NUMBER = re.compile(r"(\d+)(?:-([^\W\d_]+))?")
_KNOWN = re.compile(r"[^\W\d_]+(?:-[^\W_]+)?")
_WORD = re.compile(r"[^\W\d_]+")
_SIGN = re.compile(r"\s*([.,?!:;…]|\s[-–—]+\s|[–—])[\s.,?!:;…–—]*")
_NOISE = re.compile(r"[«»\"“”()\[\]{}<>*#@_/\\|=+~^`№]")
_STOPS = {".": ".", "!": ".", "…": ".", "?": "?"}


def spoken(language: str, text: str) -> str:
    """The sentence in words of its language; the only signs left are `,`, `.` and `?`.

    Each sign is attached to the word before it: the Russian voice of Festival writes an empty
    file, without an error, for one that stands alone.
    """
    words = unicodedata.normalize("NFC", text)
    words = expanded(language, words)
    known = _WORDS.get(language, {})
    words = _KNOWN.sub(lambda match: known.get(match[0].casefold(), match[0]), words)
    words = _NUMBER.sub(lambda match: _with_suffix(language, match), words)
    words = _WORD.sub(lambda match: known.get(match[0].casefold(), match[0]), words)
    words = _WORD.sub(lambda match: _spelt(language, match[0]), words)
    words = _NOISE.sub(" ", words)
    words = _SIGN.sub(lambda match: _STOPS.get(match[1], ",") + " ", words)
    return re.sub(r"\s+", " ", words).lstrip(" ,.?").rstrip(" ,")


def number_in_words(language: str, digits: str) -> str:
    """A number as it is said on the phone; 1414 is a pair of pairs, in every language.

    Up to 999 it is a number, four digits are two pairs, anything longer is read digit by digit.
    A language without tables keeps its digits.
    """
    if language not in DIGITS:
        return digits
    if len(digits) == 4 and digits[0] != "0" and digits[2] != "0":
        return f"{below_1000(language, int(digits[:2]))} {below_1000(language, int(digits[2:]))}"
    if len(digits) <= 3 and not (len(digits) > 1 and digits[0] == "0"):
        return below_1000(language, int(digits))
    return " ".join(DIGITS[language][int(digit)] for digit in digits)


def _with_suffix(language: str, match: re.Match[str]) -> str:
    """Kazakh writes endings after a hyphen (1414-ке); they belong to the last word."""
    return number_in_words(language, match[1]) + (match[2] or "")


def _spelt(language: str, word: str) -> str:
    """A word as it is, or letter by letter when it is an abbreviation nobody could read."""
    letters = _LETTERS.get(language)
    if letters is None:
        return word
    small = word.casefold()
    if small.isascii():
        is_short = len(word) <= _ABBREVIATION_LENGTH_MAX and (word.isupper() or len(word) == 1)
        return " ".join(_LATIN[letter] for letter in small) if is_short else word
    is_capital = len(word) > 1 and word.isupper() and len(word) <= _ABBREVIATION_LENGTH_MAX
    if not is_capital or not (small in _SPELT[language] or not _VOWELS & set(small)):
        return word
    return " ".join(letters.get(letter, letter) for letter in small)
