"""Numbers in words, in the languages a menu can speak."""

DIGITS = {
    "kk": ("нөл", "бір", "екі", "үш", "төрт", "бес", "алты", "жеті", "сегіз", "тоғыз"),
    "ru": ("ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять"),
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
}
DIGITS_ACCUSATIVE = {
    **DIGITS,
    "kk": (
        *("нөлді", "бірді", "екіні", "үшті", "төртті"),
        *("бесті", "алтыны", "жетіні", "сегізді", "тоғызды"),
    ),
}
NUMBER_MAX = 60
"""The greatest number that has a clip of its own: what minutes and places in a queue need."""

_FEMININE = {"ru": {"один": "одна", "два": "две"}}
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


def below_1000(language: str, number: int) -> str:
    """A number of 0..999 in words, counted without a noun."""
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


def feminine(language: str, number: int) -> str:
    """A number of 0..999 beside a feminine noun, as minutes are in Russian: `двадцать одна`."""
    *before, last = below_1000(language, number).split(" ")
    return " ".join([*before, _FEMININE.get(language, {}).get(last, last)])
