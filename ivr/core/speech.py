"""What a caller hears: sentences put together from a dialplan, in one language at a time.

An option is one sentence and one clip, so that the words around the key follow the grammar of
the language and the spoken key can never differ from the one that works. Numbers are clips of our
own, each a whole number.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from ivr.core import menu
from ivr.core.expressions import Expression, Value, names_of
from ivr.core.menu import Clip, Dialplan, LanguageMenu, LanguageOption, Menu, Option, Pause, Sound
from ivr.core.numbers import DIGITS as DIGITS
from ivr.core.numbers import DIGITS_ACCUSATIVE as DIGITS_ACCUSATIVE
from ivr.core.numbers import NUMBER_MAX as NUMBER_MAX
from ivr.core.numbers import below_1000, feminine

Opening = Literal["intro", "noinput", "nomatch"]

OPENINGS: tuple[Opening, ...] = ("intro", "noinput", "nomatch")
OPERATOR_KEY = "0"
YES_KEY, NO_KEY = "1", "2"
DIGIT_GROUP = 3  # digits are said in groups, as a phone number is written down
DIGIT_GROUP_PAUSE_MS = 300

BACK = {"kk": "Алдыңғы бөлім", "ru": "Назад", "en": "the previous menu"}
REPEAT = {"kk": "Қайта тыңдау", "ru": "Повторить", "en": "this menu again"}
CALLBACK = {
    "kk": "Сізге мына нөмірге қоңырау шаламыз.",
    "ru": "Мы перезвоним на этот номер.",
    "en": "We will call you back on this number.",
}
ENTER_NUMBER = {
    "kk": "Телефон нөміріңізді теріп, соңында торды басыңыз.",
    "ru": "Введите номер телефона и решётку.",
    "en": "Enter your phone number, then hash.",
}

_SIGNS = {
    "kk": {"*": "жұлдызша", "#": "тор"},
    "ru": {"*": "звёздочку", "#": "решётку"},
    "en": {"*": "star", "#": "hash"},
}
_SIGNS_ACCUSATIVE = {**_SIGNS, "kk": {"*": "жұлдызшаны", "#": "торды"}}
_PLURAL_GROUP = re.compile(r"\{([^{}|]+(?:\|[^{}|]+)+)\}")

LANGUAGES = tuple(DIGITS)  # those a menu can speak


def opening_of_menu(
    dialplan: Dialplan,
    node: Menu | LanguageMenu,
    language: str,
    opening: Opening,
    *,
    lead: Iterable[Sound] | None = None,
    with_signs: bool = False,
) -> tuple[Sound, ...]:
    """One play of a menu: how it opens, then every option, the operator last.

    `lead` is the intro or the node's own reprompt as it is said in this call; without it only
    what is written is said. The count comes with the intro. `with_signs`: `*` and `#` are
    explained too, as in the slow replay.
    """
    if lead is None:
        lead = _written_lead(dialplan, node, language, opening)
    sounds = list(lead)
    clips: list[Clip] = []
    if opening == "intro" and isinstance(node, Menu) and node.announce_count:
        clips.append(count_clip(dialplan, language, len(node.options)))
    clips.extend(option_clip(dialplan, option, language) for option in node.options)
    if node.input.globals_on:
        clips.append(operator_clip(dialplan, language))
        if with_signs:
            clips.extend(sign_clips(dialplan, language))
    return _with_gaps([*sounds, *clips], node.input.timing.option_gap_ms)


def language_intro(dialplan: Dialplan, node: LanguageMenu) -> tuple[Sound, ...]:
    """A language menu greets in each language it has an intro for."""
    intro = node.intro or {}
    return tuple(Clip(each, intro[each]) for each in dialplan.languages if each in intro)


def reprompt_of(
    node: menu.InputNode | menu.Callback, opening: Opening, count: int
) -> menu.Prompt | None:
    """What a node itself says at the `count`-th silence or wrong key (from 1), if anything."""
    reprompts = node.input.reprompts
    own = {"noinput": reprompts.noinput, "nomatch": reprompts.nomatch}.get(opening, ())
    return own[min(count, len(own)) - 1] if own else None


def failure_sounds(dialplan: Dialplan, language: str, opening: Opening) -> tuple[Sound, ...]:
    """What the language says at a silence or a wrong key; nothing at the first play."""
    phrases = dialplan.phrases[language]
    text = {"noinput": phrases.noinput, "nomatch": phrases.nomatch}.get(opening)
    return () if text is None else (Clip(language, text),)


def option_clip(dialplan: Dialplan, option: Option | LanguageOption, language: str) -> Clip:
    """One option as a sentence; an option of a language menu speaks its own language."""
    if isinstance(option, LanguageOption):
        return _option(dialplan, option.language, option.label, option.key)
    return _option(dialplan, language, option.label[language], option.key)


def operator_clip(dialplan: Dialplan, language: str) -> Clip:
    """The option that ends every menu: the operator."""
    return _option(dialplan, language, dialplan.globals.label[language], OPERATOR_KEY)


def sign_clips(dialplan: Dialplan, language: str) -> tuple[Clip, Clip]:
    """What `*` and `#` do."""
    phrases = dialplan.phrases[language]
    back, repeat = phrases.back or BACK[language], phrases.repeat or REPEAT[language]
    return (
        _option(dialplan, language, back, "*"),
        _option(dialplan, language, repeat, "#"),
    )


def count_clip(dialplan: Dialplan, language: str, count: int) -> Clip:
    """How many options follow, the operator not counted."""
    template = dialplan.phrases[language].count
    text = _PLURAL_GROUP.sub(lambda m: plural_form(language, count, m[1].split("|")), template)
    text = text.replace("{n}", number_word(language, count))
    return Clip(language, _capital(text.replace("{n_f}", feminine(language, count))))


def confirm_clip(dialplan: Dialplan, language: str) -> Clip:
    """The question whether something is right, with both keys."""
    text = dialplan.phrases[language].confirm
    for key in (YES_KEY, NO_KEY):
        text = text.replace(f"{{{key}}}", key_words(language, key))
        text = text.replace(f"{{{key}_acc}}", key_words_accusative(language, key))
    return Clip(language, _capital(text))


def callback_clip(dialplan: Dialplan, language: str) -> Clip:
    """What comes before a number that will be called back."""
    return Clip(language, dialplan.phrases[language].callback or CALLBACK[language])


def enter_number_clip(dialplan: Dialplan, language: str) -> Clip:
    """How to enter another number."""
    return Clip(language, dialplan.phrases[language].enter_number or ENTER_NUMBER[language])


def number_clip(language: str, number: int) -> Clip:
    """A number of 0..60, as it stands before minutes."""
    return Clip(language, feminine(language, number))


def digit_sounds(language: str, digits: str, *, is_private: bool = False) -> tuple[Sound, ...]:
    """Digits one by one, with a pause after each three; signs that are no digits are left out."""
    sounds: list[Sound] = []
    for index, digit in enumerate(each for each in digits if each in "0123456789"):
        if index and index % DIGIT_GROUP == 0:
            sounds.append(Pause(DIGIT_GROUP_PAUSE_MS))
        sounds.append(Clip(language, DIGITS[language][int(digit)], is_private))
    return tuple(sounds)


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
    """A number up to 999 as words; above that the figures."""
    return below_1000(language, number) if 0 <= number <= 999 else str(number)


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


def text_in(cell: Value, language: str) -> str | None:
    """The text of a cell in a language; a plain text is said in any; None without words."""
    text = cell.get(language) if isinstance(cell, Mapping) else cell
    return text if isinstance(text, str) and text.strip() else None


def clips_of(dialplan: Dialplan, node: menu.Node) -> Iterator[Clip]:
    """Every clip that may be played at a node, in every language; repeats are possible."""
    for language in dialplan.languages:
        for sound in _sounds_of(dialplan, node, language):
            if isinstance(sound, Clip):
                yield sound


def all_clips(dialplan: Dialplan) -> tuple[Clip, ...]:
    """Every clip a caller of this dialplan may ever hear, each once, in the order of the file.

    Broadcasts are not among them: they are written while the menu runs.
    """
    seen: dict[Clip, None] = {}
    for node in dialplan.nodes.values():
        seen.update(dict.fromkeys(clips_of(dialplan, node)))
    for language in dialplan.languages:
        seen.update(dict.fromkeys(_clips(to_operator(dialplan, language))))
    found: dict[str, Clip] = {}
    for clip in seen:
        found.setdefault(clip_id(clip), clip)
    return tuple(found.values())


def _written_lead(
    dialplan: Dialplan, node: Menu | LanguageMenu, language: str, opening: Opening
) -> tuple[Sound, ...]:
    if opening != "intro":
        own = reprompt_of(node, opening, 1)
        if own is not None:
            return _written(own, language)
        return failure_sounds(dialplan, language, opening)
    if isinstance(node, LanguageMenu):
        return language_intro(dialplan, node)
    return _written(node.intro or (), language)


def _written(parts: menu.Prompt, language: str) -> tuple[Sound, ...]:
    said = (part for part in parts if isinstance(part, menu.Said))
    return tuple(Clip(language, part.texts[language]) for part in said if language in part.texts)


def _option(dialplan: Dialplan, language: str, label: str, key: str) -> Clip:
    text = dialplan.phrases[language].option
    text = text.replace("{digit_acc}", key_words_accusative(language, key))
    text = text.replace("{digit}", key_words(language, key))
    return Clip(language, _capital(text.replace("{label}", label)))


def _named(key: str, digits: tuple[str, ...], signs: dict[str, str]) -> str:
    return " ".join(digits[int(k)] if k.isdecimal() else signs[k] for k in key)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _with_gaps(sounds: list[Sound], gap_ms: int) -> tuple[Sound, ...]:
    spaced: list[Sound] = []
    for sound in sounds:
        if spaced and gap_ms > 0:
            spaced.append(Pause(gap_ms))
        spaced.append(sound)
    return tuple(spaced)


def _clips(sounds: Iterable[Sound]) -> Iterator[Clip]:
    return (sound for sound in sounds if isinstance(sound, Clip))


def _sounds_of(dialplan: Dialplan, node: menu.Node, language: str) -> Iterator[Sound]:
    match node:
        case Menu() | LanguageMenu():
            yield from _menu_sounds(dialplan, node, language)
        case menu.Collect():
            yield from _prompt_sounds(dialplan, node.prompt, language)
            yield from _failure_sounds(dialplan, node, language)
        case menu.Confirm():
            yield from _prompt_sounds(dialplan, node.prompt, language)
            yield confirm_clip(dialplan, language)
            yield from _failure_sounds(dialplan, node, language)
        case menu.Callback():
            yield from _callback_sounds(dialplan, node, language)
        case menu.Say() | menu.Survey() | menu.Voicemail() | menu.Transfer():
            yield from _prompt_sounds(dialplan, node.prompt, language)
        case menu.HangUp():
            yield from _prompt_sounds(dialplan, node.prompt or (), language)
        case menu.Http():
            yield from _prompt_sounds(dialplan, node.filler or (), language)
        case _:
            pass  # the other nodes say nothing of their own


def _menu_sounds(
    dialplan: Dialplan, node: menu.Menu | LanguageMenu, language: str
) -> Iterator[Sound]:
    if isinstance(node, LanguageMenu):
        yield from language_intro(dialplan, node)
    else:
        yield from _prompt_sounds(dialplan, node.intro or (), language)
    yield from opening_of_menu(dialplan, node, language, "intro", lead=(), with_signs=True)
    yield from _failure_sounds(dialplan, node, language)


def _failure_sounds(
    dialplan: Dialplan, node: menu.InputNode | menu.Callback, language: str
) -> Iterator[Sound]:
    reprompts = node.input.reprompts
    for own, opening in ((reprompts.noinput, "noinput"), (reprompts.nomatch, "nomatch")):
        for prompt in own:
            yield from _prompt_sounds(dialplan, prompt, language)
        if not own:
            kind: Opening = "noinput" if opening == "noinput" else "nomatch"
            yield from failure_sounds(dialplan, language, kind)


def _callback_sounds(dialplan: Dialplan, node: menu.Callback, language: str) -> Iterator[Sound]:
    if node.confirm_number:
        yield callback_clip(dialplan, language)
        yield from digit_sounds(language, "0123456789")
        yield confirm_clip(dialplan, language)
        yield enter_number_clip(dialplan, language)
        yield from _failure_sounds(dialplan, node, language)


def _prompt_sounds(dialplan: Dialplan, prompt: menu.Prompt, language: str) -> Iterator[Sound]:
    for part in prompt:
        match part:
            case menu.Said(texts):
                if language in texts:
                    yield Clip(language, texts[language])
            case menu.RowText(table, _, column):
                yield from _column_sounds(dialplan, table, column, language)
            case menu.Spoken(_, "digits"):
                yield from digit_sounds(language, "0123456789")
            case menu.Spoken(_, "number"):
                numbers = range(NUMBER_MAX + 1)
                yield from (number_clip(language, number) for number in numbers)
                yield from digit_sounds(language, "0123456789")
            case menu.Spoken(value):
                for table, column in _columns_of(dialplan, value):
                    yield from _column_sounds(dialplan, table, column, language)
            case menu.Broadcasts():
                pass


def _columns_of(dialplan: Dialplan, value: Expression) -> Iterator[tuple[str, str]]:
    """The columns a spoken text can come from: that of the lookup it names, else every one."""
    finds = list(_finds(dialplan))
    is_found = False
    for name in names_of(value):
        for find in finds:
            if name.startswith(f"{find.into}."):
                is_found = True
                yield find.table, name.removeprefix(f"{find.into}.")
    if not is_found:
        for table in dialplan.tables.values():
            for column in dict.fromkeys(c for row in table.rows.values() for c in row):
                yield table.name, column


def _finds(dialplan: Dialplan) -> Iterator[menu.Find]:
    for node in dialplan.nodes.values():
        if isinstance(node, menu.Lookup | menu.Collect) and node.find is not None:
            yield node.find


def _column_sounds(dialplan: Dialplan, table: str, column: str, language: str) -> Iterator[Sound]:
    known = dialplan.tables.get(table)
    for row in known.rows.values() if known is not None else ():
        text = text_in(row.get(column), language)
        if text is not None:
            yield Clip(language, text)
