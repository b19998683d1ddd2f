"""What an operator hears before the caller: the language, then the topic."""

from collections.abc import Mapping

from ivr.core.menu import Clip

WHISPER_MS_MAX = 1900
"""A whisper is waiting time of the caller: with the picking up it stays under two seconds."""


def whisper(language: str, language_word: str, topic_name: str) -> Clip:
    """`Русский. Пенсия.`: both in the caller's language, so that the answer will be too."""
    return Clip(language, f"{_sentence(language_word)} {_sentence(topic_name)}")


def all_whispers(
    language_words: Mapping[str, str], topic_names: Mapping[str, Mapping[str, str]]
) -> dict[tuple[str, str], Clip]:
    """Every whisper there can be, by (language, topic), in the order of the settings.

    `language_words` is {language: word}, `topic_names` {topic: {language: name}}; a name that is
    not given in some language has no whisper in it.
    """
    return {
        (language, topic): whisper(language, word, names[language])
        for topic, names in topic_names.items()
        for language, word in language_words.items()
        if language in names
    }


def _sentence(words: str) -> str:
    trimmed = words.strip().rstrip(".")
    if trimmed[1:2].isupper():  # eGov stays eGov
        return f"{trimmed}."
    return f"{trimmed[:1].upper()}{trimmed[1:]}."
