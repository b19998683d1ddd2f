"""Whether a text can be spoken as it is: right script, own language, no key named in it."""

import re
from collections.abc import Iterator, Mapping

SAME_EVERYWHERE = frozenset(("оператор", "паспорт", "телефон", "интернет", "банк", "полиция"))
LATIN_ALLOWED = frozenset(
    (
        *("egov", "mobile", "kz", "sms", "e", "otinish", "online", "id", "pin", "qr", "email"),
        *("telegram", "whatsapp", "asan", "covid"),
    )
)
KAZAKH_LETTERS = frozenset("әіңғүұқөһ")
KAZAKH_PLAIN_MAX = 60  # a longer Kazakh text without one Kazakh letter is hardly Kazakh

_LATIN_WORD = re.compile(r"[A-Za-z]+")
_CYRILLIC_WORD = re.compile(r"[Ѐ-ӿ]+")
_MIXED_WORD = re.compile(r"\w*(?:[A-Za-z][\u0400-\u04ff]|[\u0400-\u04ff][A-Za-z])\w*")
_LONE_DIGIT = re.compile(r"(?<![\d.,:])\d(?![\d.,:%])")
_NAMES_KEY = {
    "kk": re.compile(r"басыңыз|теріңіз|басқышын|пернесін", re.IGNORECASE),
    "ru": re.compile(
        r"\bнажмите|\bнажать|\bнаберите|\bклавиш|\bкнопк|\bцифр[уыаое]\b", re.IGNORECASE
    ),
    "en": re.compile(r"\bpress\b|\bdial\b|\bkey\b|\bkeypad\b|\bbutton\b", re.IGNORECASE),
}
_BANNED = {
    "kk": re.compile(r"тұсын теріңіз|басқа опциялар", re.IGNORECASE),
    "ru": re.compile(r"\bнаберите\b|другие опции", re.IGNORECASE),
    "en": re.compile(r"\bdial\b|more options", re.IGNORECASE),
}
_OFFICIALESE = {
    "kk": re.compile(r"\bжоғарыда аталған|\bосы арқылы хабарлаймыз|\bтиісті түрде", re.IGNORECASE),
    "ru": re.compile(
        r"\bданн(?:ый|ая|ое|ого|ой|ом) (?:раздел|услуг|пункт|вопрос)\w*|\bв целях\b|\bнадлежащ\w+"
        r"|\bвышеуказанн\w+|\bосуществля\w+|\bпосредством\b|\bявляется необходимым\b",
        re.IGNORECASE,
    ),
    "en": re.compile(
        r"\bhereby\b|\bpursuant to\b|\baforementioned\b|\bplease be advised\b|\butili[sz]e\b",
        re.IGNORECASE,
    ),
}


def wrong_language(language: str, text: str) -> str | None:
    """Why a text is not in this language, None when it may be."""
    mixed = _MIXED_WORD.search(text)
    if mixed is not None:
        return f"'{mixed[0]}' mixes Latin and Cyrillic letters that look alike; type it anew"
    if text and not any(letter.isalnum() for letter in text):
        return f"nothing in the text in {language} can be spoken; write words"
    if language == "en":
        word = _CYRILLIC_WORD.search(text)
        return f"'{word[0]}' is Cyrillic in an English text; translate it" if word else None
    for word in _LATIN_WORD.findall(text):
        if word.casefold() not in LATIN_ALLOWED:
            return f"'{word}' is Latin in a text in {language}; write it in Cyrillic letters"
    letters = text.casefold()
    if language == "kk" and len(letters) > KAZAKH_PLAIN_MAX and not KAZAKH_LETTERS & set(letters):
        return "no letter of this long text is Kazakh (ә і ң ғ ү ұ қ ө һ); translate it"
    return None


def same_text(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Pairs of languages with the same text, names that are the same everywhere left out."""
    first: dict[str, str] = {}
    for language, text in texts.items():
        plain = " ".join(text.casefold().split()).strip(" .!?")
        words = _LATIN_WORD.findall(plain)
        is_name = not _CYRILLIC_WORD.search(plain) and all(w in LATIN_ALLOWED for w in words)
        if not plain or plain in SAME_EVERYWHERE or is_name:
            continue
        if plain in first:
            yield first[plain], language
        first.setdefault(plain, language)


def names_a_key(language: str, text: str) -> str | None:
    """The words by which a text speaks of a key, None when it does not."""
    for pattern in (_NAMES_KEY[language], _BANNED[language], _LONE_DIGIT):
        match = pattern.search(text)
        if match:
            return match[0]
    return None


def officialese(language: str, text: str) -> str | None:
    """Words of letters and orders in a text that is spoken, None when there are none."""
    match = _OFFICIALESE[language].search(text)
    return match[0] if match else None


def key_before_function(option_phrase: str) -> bool:
    """Whether the key comes before what it does: forgotten by the time it is needed."""
    key_at = option_phrase.find("{digit")
    return 0 <= key_at < option_phrase.find("{label}")
