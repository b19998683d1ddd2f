"""What a caller hears: sentences put together from a dialplan, in one language at a time.

An option is one sentence and one clip, so that the words around the key follow the grammar of
the language and the spoken key can never differ from the one that works.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from typing import Literal

from ivr.core.menu import (
    Clip,
    Dialplan,
    HangUp,
    LanguageMenu,
    LanguageOption,
    Menu,
    Node,
    Option,
    Pause,
    Queue,
    Say,
    Sound,
    Texts,
)

Opening = Literal["intro", "noinput", "nomatch"]

OPENINGS: tuple[Opening, ...] = ("intro", "noinput", "nomatch")
OPERATOR_KEY = "0"

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
_SIGNS = {
    "kk": {"*": "жұлдызша", "#": "тор"},
    "ru": {"*": "звёздочку", "#": "решётку"},
    "en": {"*": "star", "#": "hash"},
}
_SIGNS_ACCUSATIVE = {**_SIGNS, "kk": {"*": "жұлдызшаны", "#": "торды"}}
_FEMININE = {"ru": {1: "одна", 2: "две"}}
_PLURAL_GROUP = re.compile(r"\{([^{}|]+(?:\|[^{}|]+)+)\}")

LANGUAGES = tuple(DIGITS)  # those a menu can speak


def opening_of_menu(
    dialplan: Dialplan, node: Menu | LanguageMenu, language: str, opening: Opening
) -> tuple[Sound, ...]:
    """One play of a menu: how it opens, then every option, the operator last.

    The first play opens with the intro and the count, a later one with what went wrong.
    """
    phrases = dialplan.phrases[language]
    clips: list[Clip] = []
    if opening == "noinput":
        clips.append(Clip(language, phrases.noinput))
    elif opening == "nomatch":
        clips.append(Clip(language, phrases.nomatch))
    else:
        clips.extend(_intro(dialplan, node, language))
        if isinstance(node, Menu) and node.announce_count:
            clips.append(count_clip(dialplan, language, len(node.options)))
    clips.extend(option_clip(dialplan, option, language) for option in node.options)
    if node.globals_on:
        clips.append(operator_clip(dialplan, language))
    return _with_gaps(clips, node.timing.option_gap_ms)


def option_clip(dialplan: Dialplan, option: Option | LanguageOption, language: str) -> Clip:
    """One option as a sentence; an option of a language menu speaks its own language."""
    if isinstance(option, LanguageOption):
        return _option(dialplan, option.language, option.label, option.key)
    return _option(dialplan, language, option.label[language], option.key)


def operator_clip(dialplan: Dialplan, language: str) -> Clip:
    """The option that ends every menu: the operator."""
    return _option(dialplan, language, dialplan.globals.label[language], OPERATOR_KEY)


def count_clip(dialplan: Dialplan, language: str, count: int) -> Clip:
    """How many options follow, the operator not counted."""
    template = dialplan.phrases[language].count
    text = _PLURAL_GROUP.sub(lambda m: plural_form(language, count, m[1].split("|")), template)
    feminine = _FEMININE.get(language, {}).get(count, number_word(language, count))
    text = text.replace("{n}", number_word(language, count)).replace("{n_f}", feminine)
    return Clip(language, _capital(text))


def prompt(texts: Texts, language: str) -> tuple[Sound, ...]:
    """A prompt as it is written."""
    return (Clip(language, texts[language]),)


def to_operator(dialplan: Dialplan, language: str) -> tuple[Sound, ...]:
    """What a caller hears who is brought to a person without having asked."""
    return (Clip(language, dialplan.phrases[language].to_operator),)


def key_words(language: str, key: str) -> str:
    """A key as it is named: `{digit}` of a phrase."""
    return _named(key, DIGITS[language], _SIGNS[language])


def key_words_accusative(language: str, key: str) -> str:
    """A key as the object of "press": `{digit_acc}` of a phrase."""
    return _named(key, DIGITS_ACCUSATIVE[language], _SIGNS_ACCUSATIVE[language])


def number_word(language: str, number: int) -> str:
    """A small number as a word; above nine the figures."""
    return DIGITS[language][number] if 0 <= number <= 9 else str(number)


def plural_form(language: str, number: int, forms: list[str]) -> str:
    """The form a number takes: one|other, or one|few|many in Russian (CLDR)."""
    if language == "ru" and len(forms) >= 3:
        if number % 10 == 1 and number % 100 != 11:
            return forms[0]
        is_few = 2 <= number % 10 <= 4 and not 12 <= number % 100 <= 14
        return forms[1] if is_few else forms[2]
    return forms[0] if number == 1 else forms[-1]


def clip_id(clip: Clip) -> str:
    """The name of a clip's audio: the same words in the same language, the same name."""
    text = f"{clip.language}\n{normalised(clip.text)}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def normalised(text: str) -> str:
    """Text without differences nobody can hear: composed letters, single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def clips_of(dialplan: Dialplan, node: Node) -> Iterator[Clip]:
    """Every clip that may be played at a node, in every language; repeats are possible."""
    for language in dialplan.languages:
        for sound in _sounds_of(dialplan, node, language):
            if isinstance(sound, Clip):
                yield sound


def all_clips(dialplan: Dialplan) -> tuple[Clip, ...]:
    """Every clip a caller of this dialplan may ever hear, each once, in the order of the file."""
    found: dict[str, Clip] = {}
    for node in dialplan.nodes.values():
        for clip in clips_of(dialplan, node):
            found.setdefault(clip_id(clip), clip)
    for language in dialplan.languages:
        for sound in to_operator(dialplan, language):
            if isinstance(sound, Clip):
                found.setdefault(clip_id(sound), sound)
    return tuple(found.values())


def _sounds_of(dialplan: Dialplan, node: Node, language: str) -> Iterator[Sound]:
    match node:
        case Menu() | LanguageMenu():
            for opening in OPENINGS:
                yield from opening_of_menu(dialplan, node, language, opening)
        case Say():
            yield from prompt(node.prompt, language)
        case HangUp():
            if node.prompt is not None:
                yield from prompt(node.prompt, language)
        case Queue():
            pass


def _intro(dialplan: Dialplan, node: Menu | LanguageMenu, language: str) -> Iterator[Clip]:
    """The intro; a language menu greets in each language it has an intro for."""
    if node.intro is None:
        return
    if isinstance(node, LanguageMenu):
        for each in dialplan.languages:
            if each in node.intro:
                yield Clip(each, node.intro[each])
    else:
        yield Clip(language, node.intro[language])


def _option(dialplan: Dialplan, language: str, label: str, key: str) -> Clip:
    text = dialplan.phrases[language].option
    text = text.replace("{digit_acc}", key_words_accusative(language, key))
    text = text.replace("{digit}", key_words(language, key))
    return Clip(language, _capital(text.replace("{label}", label)))


def _named(key: str, digits: tuple[str, ...], signs: dict[str, str]) -> str:
    return " ".join(digits[int(k)] if k.isdecimal() else signs[k] for k in key)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _with_gaps(clips: list[Clip], gap_ms: int) -> tuple[Sound, ...]:
    sounds: list[Sound] = []
    for clip in clips:
        if sounds and gap_ms > 0:
            sounds.append(Pause(gap_ms))
        sounds.append(clip)
    return tuple(sounds)
