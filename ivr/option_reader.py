"""The options of menus: written one by one, or taken from the rows of a table when it is read."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from acd.yaml_source import Node, near_miss
from ivr.core import menu
from ivr.core.expressions import Expression, Value, evaluate, literal, names_of
from ivr.fields import LANGUAGE_OPTION, OPTION, OPTIONS_FROM
from ivr.prompt_reader import table_of
from ivr.scope import Place, Use, columns_of
from ivr.section import Section

T = TypeVar("T")

OPTIONS_MAX = 40


def read_options(section: Section) -> tuple[menu.Option, ...]:
    """The options of a menu, from `options` or `options_from`."""
    written = [name for name in ("options", "options_from") if name in section]
    if len(written) != 1:
        what = "both 'options' and 'options_from'" if written else "no options"
        remedy = "remove one" if written else "add 'options: ' with a list"
        section.key.error(f"the menu has {what}; {remedy}")
        return ()
    if "max_options" in section and "options" in section:
        section.fields.key("max_options").error("only options_from needs it; remove it")
    if written[0] == "options":
        return _listed(section, _option)
    inner = section.inner("options_from", OPTIONS_FROM)
    options = _RowOptions(section, inner).read() if inner is not None else ()
    _check_count(section, len(options))
    return options


def read_language_options(section: Section) -> tuple[menu.LanguageOption, ...]:
    """The options of a language menu."""
    return _listed(section, _language_option)


def key_of(node: Node) -> str | None:
    """A key of the telephone, or several, in quotes."""
    text = node.text
    if text is None or node.is_empty():
        node.error(f'{node.in_words()} stands here; write a key in quotes, as in "1"', "E02")
        return None
    if not node.quoted:
        plain = text.strip("\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019") or "1"
        node.error(f'the key {text} must be quoted; write "{plain}"', "E02")
        return None
    if not 1 <= len(text) <= 4 or not set(text) <= set("0123456789*#"):
        node.error(f"'{text}' is not a key of a telephone; write 1 to 4 of 0-9, * and #")
        return None
    return text


def one_key(node: Node) -> str | None:
    """A single key of the telephone, in quotes."""
    key = key_of(node)
    if key is not None and len(key) > 1:
        node.error(f"'{key}' is more than one key; write a single one")
        return None
    return key


def _listed(section: Section, read: Callable[[Section], T | None]) -> tuple[T, ...]:
    node = section.get("options")
    if node is None:
        return ()
    if not node.items or len(node.items) > OPTIONS_MAX:
        node.error(f"{node.in_words()} of options stands here; write 1 to {OPTIONS_MAX} options")
        return ()
    section.scope.places[*section.at, "options"] = section.fields.key("options")
    described = OPTION if read is _option else LANGUAGE_OPTION
    options = []
    for index, item in enumerate(node.items):
        place: Place = (*section.at, "options", index)
        section.scope.places[place] = item
        inner = section.within(item, described, place)
        options.append(None if inner is None else read(inner))
    return tuple(option for option in options if option is not None)


def _option(inner: Section) -> menu.Option | None:
    way = inner.way()
    empty = dict.fromkeys(inner.scope.languages, "")
    return menu.Option(
        key=inner.read("key", key_of, ""),
        label=inner.read("label", inner.scope.texts, empty),
        to=way or menu.Jump(""),
    )


def _language_option(inner: Section) -> menu.LanguageOption | None:
    languages = inner.scope.languages
    return menu.LanguageOption(
        key=inner.read("key", key_of, ""),
        language=inner.read("language", lambda n: n.choice(languages), languages[0]),
        label=inner.read("label", Node.sentence, ""),
    )


def _check_count(section: Section, count: int) -> None:
    most = section.read("max_options", lambda n: n.integer(1, OPTIONS_MAX))
    node = section.fields.key("options_from")
    if count > (most or OPTIONS_MAX):
        remedy = "narrow 'where', or raise it" if most else "narrow 'where'"
        message = f"the table gives {count} options, and at most {most or OPTIONS_MAX} are allowed"
        node.error(f"{message}; {remedy}", "W15" if most else "E03")


class _RowOptions:
    """`options_from`: one option for each row that `where` lets through."""

    def __init__(self, section: Section, inner: Section) -> None:
        self._section = section
        self._inner = inner

    def read(self) -> tuple[menu.Option, ...]:
        """The options in the order of the rows."""
        inner = self._inner
        name, table = table_of(inner)
        if name is None or table is None:
            return ()
        columns = tuple(columns_of(table))
        inner.columns = columns
        self._places: Place = ("tables", name)
        key = self._column("key", columns)
        label = self._column("label", columns)
        where = inner.condition("where")
        assignments = inner.assignments()
        self._templates = {each.target: inner.scope.sets[each.target].pop() for each in assignments}
        if key is None or label is None or ("where" in inner and where is None):
            return ()
        rows = [row for row in table.rows.items() if where is None or _holds(where, row[1])]
        self._section.scope.places[*self._section.at, "options"] = self._section.fields.key(
            "options_from"
        )
        if not rows:
            node = inner.get("where") or inner.key
            node.error(f"no row of '{name}' is left; change 'where'")
        options = [
            self._option(index, row_key, row, key, label, assignments)
            for index, (row_key, row) in enumerate(rows[: OPTIONS_MAX + 1])
        ]
        return tuple(option for option in options if option is not None)

    def _column(self, field: str, columns: tuple[str, ...]) -> str | None:
        node = self._inner.get(field)
        return None if node is None else node.choice(columns, "E04")

    def _option(
        self,
        index: int,
        row_key: str,
        row: Mapping[str, menu.Cell],
        key: str,
        label: str,
        assignments: tuple[menu.Assignment, ...],
    ) -> menu.Option | None:
        scope = self._section.scope
        at: Place = (*self._section.at, "options", index)
        at_row: Place = (*self._places, row_key)
        scope.places[at] = scope.places.get(at_row, self._inner.key)
        for field, column in (("key", key), ("label", label)):
            scope.places[*at, field] = scope.places.get((*at_row, column), scope.places[at])
        pressed, texts = row.get(key), row.get(label)
        if not isinstance(pressed, str) or not pressed or not set(pressed) <= set("0123456789*#"):
            message = f"{pressed!r} is not a key of a telephone; write a digit in quotes"
            scope.places[*at, "key"].error(message)
            return None
        if not isinstance(texts, Mapping):
            message = f"the column '{label}' is no text in every language; write one in each"
            scope.places[*at, "label"].error(message, "E12")
            return None
        target = self._target(row, at)
        if target is None:
            return None
        done = tuple(menu.Assignment(each.target, _fixed(each.value, row)) for each in assignments)
        for each in done:
            self._note_set(each, at_row)
        return menu.Option(pressed, texts, menu.Jump(target, done))

    def _note_set(self, each: menu.Assignment, at_row: Place) -> None:
        """What a row sets comes from its cell."""
        template = self._templates[each.target]
        names = names_of(template.expression)
        is_cell = bool(names) and names[0].startswith("row.")
        at = (*at_row, names[0].removeprefix("row.")) if is_cell else template.at
        use = Use(each.value, at, template.flow)
        self._section.scope.sets[each.target].append(use)

    def _target(self, row: Mapping[str, menu.Cell], at: Place) -> str | None:
        node = self._inner.get("goto")
        if node is None:
            return None
        text = node.text or ""
        if not text.startswith("row."):
            return self._inner.target("goto")
        column = text.removeprefix("row.")
        known = self._inner.columns or ()
        if column not in known:
            remedy = near_miss(column, known) or f"; its columns are {', '.join(known)}"
            node.error(f"the table has no column '{column}'{remedy}", "E21")
            return None
        name = row.get(column)
        found = self._inner.scope.resolve(str(name), self._inner.flow)
        if found is None:
            place = self._inner.scope.places[at]
            remedy = self._inner.scope.near(str(name), self._inner.scope.names)
            place.error(f"there is no node '{name}'{remedy or '; write one of this file'}", "E04")
        return found


def _holds(where: Expression, row: Mapping[str, menu.Cell]) -> bool:
    return bool(evaluate(where, lambda name: _cell(row, name)))


def _fixed(value: Expression, row: Mapping[str, menu.Cell]) -> Expression:
    """What a row makes of a value; one that asks for other names too stays as it is."""
    names = names_of(value)
    if not names or not all(name.startswith("row.") for name in names):
        return value
    return literal(evaluate(value, lambda name: _cell(row, name)))


def _cell(row: Mapping[str, menu.Cell], name: str) -> Value:
    return row.get(name.removeprefix("row."))
