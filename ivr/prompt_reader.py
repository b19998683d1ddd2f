"""What is said: sentences with `{call.service.name}` in them, texts of tables, `@broadcast`."""

import re
from collections.abc import Mapping

from acd.yaml_source import Node
from ivr.core import menu
from ivr.core.expressions import parse
from ivr.fields import PROMPT_FROM
from ivr.scope import Place, Use, text_columns
from ivr.section import Section

LETTERS_MAX = 2000  # of one sentence
PARTS_MAX = 20
HOWS = ("text", "digits", "number")

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")

Pieces = tuple[list[str], list[str]]  # sentences and, between them, what is filled in


def read_prompt(section: Section, name: str) -> menu.Prompt | None:
    """The prompt under a name; None when it is absent or wrong."""
    node = section.get(name)
    return None if node is None else prompt_of(section, node, (*section.at, name))


def read_prompts(section: Section, name: str) -> tuple[menu.Prompt, ...]:
    """One prompt or several of them, for the first failure, the second..."""
    node = section.get(name)
    if node is None:
        return ()
    if node.items is None:
        prompt = prompt_of(section, node, (*section.at, name))
        return (prompt,) if prompt else ()
    if not node.items:
        node.error("the list is empty; write a prompt, or remove it")
    prompts = []
    for index, item in enumerate(node.items):
        at: Place = (*section.at, name, index)
        section.scope.places[at] = item
        prompt = prompt_of(section, item, at)
        if prompt:
            prompts.append(prompt)
    return tuple(prompts)


def read_row_text(section: Section, name: str) -> menu.Prompt | None:
    """`prompt_from`: a text of a table."""
    node = section.get(name)
    return None if node is None else _row_text(section, node, (*section.at, name))


def prompt_of(section: Section, node: Node, at: Place) -> menu.Prompt | None:
    """Texts in every language, `@broadcast`, a text of a table, or a list of these."""
    if node.items is not None:
        return _several(section, node, at)
    if node.text is not None and not node.is_empty():
        return _single(node)
    if any(key.text == "table" for key, _ in node.entries or ()):
        return _row_text(section, node, at)
    texts = node.texts(section.scope.languages)
    if texts is None:
        return None
    written = {key.text or "": value for key, value in node.entries or ()}
    if any(text.startswith("@") for text in texts.values()):
        return _broadcast_of(texts, written, node)
    if not any("{" in text or "}" in text for text in texts.values()):
        for language, text in texts.items():
            _check_length(text, written.get(language, node))
        return (menu.Said(texts),)
    return _filled(section, texts, written, at)


def _several(section: Section, node: Node, at: Place) -> menu.Prompt | None:
    parts: list[menu.Part] = []
    if not node.items or len(node.items) > PARTS_MAX:
        node.error(f"{node.in_words()} of prompts stands here; write 1 to {PARTS_MAX}")
    for index, item in enumerate(node.items or ()):
        place: Place = (*at, index)
        section.scope.places[place] = item
        if item.items is not None:
            item.error("a list stands in a list; write a prompt")
            continue
        parts.extend(prompt_of(section, item, place) or ())
    return tuple(parts)


def _single(node: Node) -> menu.Prompt | None:
    text = node.text or ""
    if text == "@broadcast":
        return (menu.Broadcasts(),)
    if text.startswith("@"):
        node.error(f"'{text}' is not known; write \"@broadcast\"", "E04")
        return None
    node.error(f'{node.in_words()} stands here; write it in every language, or "@broadcast"')
    return None


def _broadcast_of(
    texts: Mapping[str, str], written: Mapping[str, Node], node: Node
) -> menu.Prompt | None:
    for language, text in texts.items():
        if text not in ("@broadcast", f"@broadcast.{language}"):
            place = written.get(language, node)
            what = "@broadcast stands alone" if "@" not in text else f"'{text}' is not known"
            remedy = 'write prompt: "@broadcast", or a list with it'
            place.error(f"{what}; {remedy}", "E04")
            return None
    return (menu.Broadcasts(),)


def _row_text(section: Section, node: Node, at: Place) -> menu.Prompt | None:
    inner = section.within(node, PROMPT_FROM, at)
    if inner is None:
        return None
    key = inner.value("key")
    name, table = table_of(inner)
    if name is None or key is None or table is None:
        return None
    column = _text_column(inner, name, table)
    if column is None:
        return None
    use = Use(key, (*at, "key"), section.flow.name if section.flow else None)
    section.scope.row_uses.append((name, use))
    return (menu.RowText(name, key, column),)


def table_of(section: Section) -> tuple[str | None, menu.Table | None]:
    """The name under `table`, and the table; None for one that is wrong, there or here."""
    node = section.get("table")
    name = node.string() if node is not None else None
    if node is None or name is None:
        return None, None
    tables = section.scope.tables
    if name not in tables:
        remedy = section.scope.near(name, tables)
        node.error(f"there is no table '{name}'{remedy or '; add it to tables:'}", "E04")
        return None, None
    return name, tables[name]


def _text_column(inner: Section, name: str, table: menu.Table) -> str | None:
    columns = text_columns(table)
    node = inner.get("column")
    if node is not None:
        word = node.choice(columns, "E04") if columns else None
        if not columns:
            node.error(f"the table '{name}' has no texts; add a column of every language", "E04")
        return word
    if len(columns) == 1 or "text" in columns:
        return "text" if "text" in columns else columns[0]
    what = f"texts in {', '.join(columns)}; add 'column: ' with one" if columns else "no texts"
    remedy = "" if columns else "; add a column of every language"
    inner.key.error(f"the table '{name}' has {what}{remedy}", "E04")
    return None


def _filled(
    section: Section, texts: Mapping[str, str], written: Mapping[str, Node], at: Place
) -> menu.Prompt | None:
    """Sentences around what is filled in, which comes in the same order in every language."""
    pieces: dict[str, Pieces] = {}
    for language, text in texts.items():
        found = _pieces(written[language], text) if text else None
        if text and found is None:
            return None
        if found is not None:
            pieces[language] = found
    first = next(iter(pieces), None)
    if first is None:
        return None
    fillings = pieces[first][1]
    for language, (_, others) in pieces.items():
        if others != fillings:
            message = f"{_listed(others)} is filled in here, and {_listed(fillings)} in {first}"
            written[language].error(f"{message}; use the same in the same order")
            return None
    parts: list[menu.Part] = []
    for index in range(len(fillings) + 1):
        said = {each: sentences[index] for each, (sentences, _) in pieces.items()}
        if any(said.values()):
            parts.append(menu.Said({each: text for each, text in said.items() if text}))
        if index < len(fillings):
            parts.extend(_spoken(section, fillings[index], written[first], at))
    return tuple(parts)


def _pieces(node: Node, text: str) -> Pieces | None:
    _check_length(text, node)
    parts = _PLACEHOLDER.split(text)
    offset = 0
    for index, part in enumerate(parts):
        if index % 2 == 0:
            lonely = re.search(r"[{}]", part)
            if lonely is not None:
                message = f"'{lonely[0]}' has no partner; write it as in {{call.service.name}}"
                node.error_at(offset + lonely.start(), message)
                return None
            offset += len(part)
        else:
            offset += len(part) + 2
    sentences = [part.strip() if re.search(r"\w", part) else "" for part in parts[::2]]
    return sentences, parts[1::2]


def _spoken(section: Section, filling: str, node: Node, at: Place) -> tuple[menu.Spoken, ...]:
    """What is filled in; nothing when it is wrong."""
    offset = (node.text or "").find(f"{{{filling}}}") + 1
    name, colon, how = filling.partition(":")
    if not _NAME.fullmatch(name) or (colon and how not in HOWS):
        message = f"{{{filling}}} cannot be filled in; write a name as in {{call.service.name}}"
        node.error_at(offset, f"{message}, or {{call.code:digits}}")
        return ()
    message = section.unknown(name) or ""
    if message:
        node.error_at(offset, message, "E21")
        return ()
    expression = parse(name)
    section.scope.uses.append(Use(expression, at, section.flow.name if section.flow else None))
    if how == "digits" or (not how and (name in section.scope.stores or name == "caller.number")):
        return (menu.Spoken(expression, "digits"),)
    if how == "number" or (not how and name.startswith("queue.")):
        return (menu.Spoken(expression, "number"),)
    return (menu.Spoken(expression, "text"),)


def _check_length(text: str, node: Node) -> None:
    if len(text) > LETTERS_MAX:
        node.error(f"{len(text)} letters are too many to listen to; keep to {LETTERS_MAX}")


def _listed(fillings: list[str]) -> str:
    shown = [f"{{{each}}}" for each in fillings[:5]] + ["..."] * (len(fillings) > 5)
    return ", ".join(shown) or "nothing"
