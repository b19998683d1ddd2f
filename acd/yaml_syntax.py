"""The parser's complaints in an administrator's words, and the traps a parser cannot see."""

import re
from collections.abc import Iterator

import yaml

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)

Trouble = tuple[int, int, str, str]  # line, column, rule, message

_HIDDEN_KEY = re.compile(r"^(?P<before>[\s{,-]*)#:(\s|$)|(?P<flow>[{,]\s*)#:(\s|$)")
_HIDDEN_VALUE = re.compile(r"\bkey:\s+#")
_LEADING_TAB = re.compile(r"^ *\t")
_KEYPAD = re.compile(r"(?<![\w\"'])([*#])\s*:")

_WORDS = (
    (
        "mapping values are not allowed",
        "a ':' stands where YAML expects none; quote the text that holds it, or align the line "
        "with the one it belongs to",
    ),
    ("could not find expected ':'", "this line has no ':'; write it as in 'key: value'"),
    (
        "expected <block end>",
        "the indentation does not fit the lines above; begin the line under its neighbours",
    ),
    ("found unexpected end of stream", "a quote opened here is never closed; close it"),
    ("expected ',' or '}'", "a ',' or '}' is missing here; check the braces and quotes before it"),
    (
        "expected ',' or ']'",
        "a ',' or ']' is missing here; check the brackets and quotes before it",
    ),
    ("expected the node content", "a value is missing here; write it, or remove the ':' or '-'"),
    ("found unknown escape", "a '\\' in double quotes begins an escape; write '\\\\'"),
    ("sequence entries are not allowed", "a '-' cannot begin here; put it on a line of its own"),
    ("undefined tag", "a text that begins with '!' must be quoted"),
    ("expected a single document", "keep one document in a file"),
    ("nested too deeply", "the file is nested too deeply; make it flatter"),
)


def trouble_in_words(error: yaml.YAMLError, text: str) -> Iterator[Trouble]:
    """Where the parser stopped and what to write there; every leading tab, if there are any."""
    tabs = [n for n, line in enumerate(text.split("\n"), 1) if _LEADING_TAB.match(line)]
    if tabs:
        message = "the line begins with a tab, which YAML forbids; indent with spaces"
        yield from ((number, 1, "E01", message) for number in tabs[:20])
        return
    if isinstance(error, yaml.reader.ReaderError):
        yield _bad_letter(error, text)
    elif isinstance(error, yaml.MarkedYAMLError):
        yield _marked(error, text)
    else:
        yield 1, 1, "E01", f"YAML cannot be read: {error}; check quotes, colons and indentation"


def hidden_keys(text: str, long_texts: list[tuple[int, int]]) -> Iterator[tuple[int, int, str]]:
    """Keys written `#:`, which YAML takes for a comment; lines inside long texts are left out."""
    for number, line in enumerate(text.split("\n"), 1):
        if "#" not in line or any(first <= number <= last for first, last in long_texts):
            continue
        key, value = _HIDDEN_KEY.search(line), _HIDDEN_VALUE.search(line)
        if key is not None:
            column = line.index("#", key.start()) + 1
            message = "'#:' begins a comment and the key is lost; write \"#\": in quotes"
            yield number, column, message
        elif value is not None:
            yield number, value.end(), "'#' begins a comment and is lost; write \"#\" in quotes"


def without_unseen(text: str) -> str:
    """A text without what nobody sees and no caller hears: control signs, marks of direction.

    They come with copying from documents, or as escapes in double quotes.
    """
    return _UNSEEN.sub("", text)


def _bad_letter(error: "yaml.reader.ReaderError", text: str) -> Trouble:
    before = text[: error.position]
    line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
    return line, column, "E01", f"the control character {error.character:#04x} is here; remove it"


def _marked(error: yaml.MarkedYAMLError, text: str) -> Trouble:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return 1, 1, "E01", f"YAML cannot be read: {error.problem}; check quotes and indentation"
    problem = error.problem or ""
    if "end of stream" in problem and error.context_mark is not None:
        mark = error.context_mark
    lines = text.split("\n")
    source = lines[mark.line] if mark.line < len(lines) else ""
    line, column = mark.line + 1, mark.column + 1
    keypad = _KEYPAD.search(source)
    if keypad and ("alias" in (error.context or "") or "alphabetic" in problem):
        key = keypad[1]
        message = f'the key {key} means something else to YAML; write "{key}": in quotes'
        return line, keypad.start(1) + 1, "E02", message
    if "alias" in (error.context or "") or "anchor" in (error.context or ""):
        return line, column, "E02", "a text that begins with '*' or '&' must be quoted"
    if "cannot start any token" in problem:
        letter = source[mark.column : mark.column + 1]
        what = "a tab cannot stand here; use spaces" if letter == "\t" else None
        return line, column, "E01", what or f"a text that begins with '{letter}' must be quoted"
    for key_words, message in _WORDS:
        if key_words in problem:
            return line, column, "E01", message
    return line, column, "E01", f"YAML cannot be read: {problem}; check quotes, colons, indentation"
