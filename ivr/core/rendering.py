"""Prompts as they are said in one call: rows of tables, values, what operations announce now."""

from collections.abc import Mapping
from typing import Protocol

from ivr.core import menu
from ivr.core.expressions import Expression, Value
from ivr.core.menu import Clip, Dialplan, Sound
from ivr.core.speech import NUMBER_MAX, digit_sounds, number_clip, text_in
from ivr.core.variables import row_of

DIGITS_MAX = 30  # no number that anybody wants to hear is longer
BROADCAST_TEXTS = "config.broadcast.texts"


class Known(Protocol):
    """What a prompt asks of the call it is said in."""

    language: str

    def value(self, expression: Expression) -> Value:
        """What an expression is."""

    def fact(self, name: str) -> Value:
        """Something of the world outside the call."""

    def is_private(self, expression: Expression) -> bool:
        """Whether the value must not stand in a log."""

    def warn(self, message: str) -> None:
        """Something is not there to be said."""


def prompt_sounds(dialplan: Dialplan, prompt: menu.Prompt, known: Known) -> tuple[Sound, ...]:
    """A prompt as it is said in this call; what is not there is silent, with a warning."""
    sounds: list[Sound] = []
    for part in prompt:
        match part:
            case menu.Said(texts):
                if known.language in texts:  # the words around a value differ by language
                    sounds.append(Clip(known.language, texts[known.language]))
            case menu.RowText():
                sounds += _row_sounds(dialplan, part, known)
            case menu.Spoken():
                sounds += _spoken_sounds(dialplan, part, known)
            case menu.Broadcasts():
                sounds += _broadcast_sounds(known)
    return tuple(sounds)


def _row_sounds(dialplan: Dialplan, part: menu.RowText, known: Known) -> tuple[Sound, ...]:
    row = row_of(dialplan, part.table, known.value(part.key))
    text = text_in(None if row is None else row.get(part.column), known.language)
    if text is None:
        known.warn(f"table {part.table}: no row for {part.key.text} with a text '{part.column}'")
        return ()
    return (Clip(known.language, text),)


def _spoken_sounds(dialplan: Dialplan, part: menu.Spoken, known: Known) -> tuple[Sound, ...]:
    value, language = known.value(part.value), known.language
    is_private = known.is_private(part.value)
    match part.how:
        case "text":
            text = text_in(value, language)
            if text is None or not is_text_of_table(dialplan, language, text):
                known.warn(f"{part.value.text} is no text of a table; it was left out")
                return ()
            return (Clip(language, text, is_private),)
        case "number":
            number = _whole(value)
            if number is not None and 0 <= number <= NUMBER_MAX:
                return (Clip(language, number_clip(language, number).text, is_private),)
            known.warn(f"{part.value.text} is no number of 0..{NUMBER_MAX}; its digits were said")
            return digit_sounds(language, str(number or "")[:DIGITS_MAX], is_private=is_private)
        case "digits":
            digits = str(value) if isinstance(value, str | int) and value is not True else ""
            sounds = digit_sounds(language, digits[:DIGITS_MAX], is_private=is_private)
            if not sounds:
                known.warn(f"{part.value.text} has no digits to say")
            return sounds


def _broadcast_sounds(known: Known) -> tuple[Sound, ...]:
    found = known.fact(BROADCAST_TEXTS)
    if not isinstance(found, list | tuple):
        return ()
    sounds: list[Sound] = []
    for texts in found:
        text = text_in(texts, known.language) if isinstance(texts, Mapping) else None
        if text is None:
            known.warn(f"a broadcast has no text in {known.language}; it was left out")
        else:
            sounds.append(Clip(known.language, text))
    return tuple(sounds)


def is_text_of_table(dialplan: Dialplan, language: str, text: str) -> bool:
    """Whether a table holds this text: nothing else that comes in a variable has audio."""
    return any(
        text_in(cell, language) == text
        for table in dialplan.tables.values()
        for row in table.rows.values()
        for cell in row.values()
    )


def _whole(value: Value) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdecimal() and len(value) <= 18 else None
    if isinstance(value, float):
        return int(value) if abs(value) < 1e15 else None
    return value if isinstance(value, int) else None
