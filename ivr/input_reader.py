"""From YAML to the nodes that take keys: menu, language, collect, confirm, survey."""

import re
from dataclasses import replace

from acd.yaml_source import Node
from ivr.core import menu
from ivr.core.checks import IIN, IIN_DIGITS
from ivr.core.expressions import literal, parse
from ivr.fields import DIGITS, FIND, LOW, LOW_PATTERN
from ivr.fields import Field as DescribedField
from ivr.option_reader import one_key, read_language_options, read_options
from ivr.patterns import read_pattern
from ivr.prompt_reader import read_prompt, read_prompts, table_of
from ivr.section import Section

LOOKUP_OF_ENTRY = {**FIND, "key": DescribedField(FIND["key"].shape, FIND["key"].about)}


def read_menu(section: Section, name: str) -> menu.Menu:
    """A menu."""
    if section.read("allow_prefix", Node.boolean) is True:
        section.scope.may_prefix.add(name)
    return menu.Menu(
        name=name,
        intro=read_prompt(section, "intro"),
        options=read_options(section),
        announce_count=section.read("announce_count", Node.boolean) is True,
        input=read_input(section),
        set=section.assignments(),
    )


def read_language_menu(section: Section, name: str) -> menu.LanguageMenu:
    """A language menu: who does not choose gets the default language, or what `on_fail` sets."""
    remember = section.read("remember", lambda n: n.choice(("caller.language", "true", "false")))
    taken = read_input(section)
    on_fail = taken.on_fail
    if not any(each.target == "language" for each in on_fail.set):
        chosen = menu.Assignment("language", literal(section.scope.default_language))
        taken = replace(taken, on_fail=replace(on_fail, set=(chosen, *on_fail.set)))
    return menu.LanguageMenu(
        name=name,
        intro=section.read("intro", lambda n: _some_texts(section, n)),
        options=read_language_options(section),
        input=taken,
        next=section.target("next") or "",
        remember=remember in ("caller.language", "true"),
        set=section.assignments(),
    )


def read_collect(section: Section, name: str) -> menu.Collect:
    """A node that takes digits."""
    least, most = _digits(section)
    check = _check(section, least, most)
    find = _find_of_entry(section)
    on_found, on_missing = section.jump("on_found"), section.jump("on_missing")
    following = section.jump("next")
    if "lookup" in section:
        on_found = on_found or following
        if on_found is None and not {"on_found", "next"} & _written(section):
            _no_way(section, "on_found", "an entry that the table has", "E06")
        if on_missing is None and "on_missing" not in section:
            _no_way(section, "on_missing", "an entry that the table does not have", "E10")
    else:
        for word in ("on_found", "on_missing"):
            if word in section:
                section.fields.key(word).error(f"'{word}' needs 'lookup: ...'; add it")
        if following is None and "next" not in section:
            _no_way(section, "next", "a good entry", "E06")
    empty_key = section.read("empty_key", one_key)
    if ("empty_key" in section) != ("on_empty" in section):
        written = "empty_key" if "empty_key" in section else "on_empty"
        other = "on_empty" if written == "empty_key" else "empty_key"
        section.fields.key(written).error(f"'{written}' needs '{other}: ...'; add it")
    return menu.Collect(
        name=name,
        prompt=read_prompt(section, "prompt") or (),
        digits_min=least,
        digits_max=most,
        store=section.variable("store") or "call.unknown",
        input=read_input(section),
        check=check,
        is_sensitive=section.read("sensitive", Node.boolean) is True,
        empty_key=empty_key,
        on_empty=section.jump("on_empty"),
        find=find,
        on_found=on_found if find else None,
        on_missing=on_missing if find else None,
        next=following,
        set=section.assignments(),
    )


def read_confirm(section: Section, name: str) -> menu.Confirm:
    """A question of yes and no."""
    nowhere = menu.Jump("")
    return menu.Confirm(
        name=name,
        prompt=read_prompt(section, "prompt") or (),
        on_yes=section.jump("on_yes") or nowhere,
        on_no=section.jump("on_no") or nowhere,
        input=_input_of_fresh_keys(section),
        set=section.assignments(),
    )


def read_survey(section: Section, name: str) -> menu.Survey:
    """A question after the call; who does not answer goes on."""
    following = section.target("next") or ""
    scale = section.read("scale", lambda n: n.list_of(one_key), ["1", "2", "3", "4", "5"])
    node = section.get("scale")
    if node is not None and node.items is not None:
        if not 2 <= len(scale) <= 10 or sorted(set(scale)) != list(scale):
            node.error('write 2 to 10 digits, each once, the lowest first, as in ["1", "2", "3"]')
        elif not all(key.isdecimal() for key in scale):
            node.error('* and # are no answers; write digits, as in ["1", "2", "3"]')
    low, tag = _low(section)
    base = replace(section.scope.timing, attempts=1)
    return menu.Survey(
        name=name,
        key=section.read("key", Node.name, ""),
        prompt=read_prompt(section, "prompt") or (),
        scale=tuple(scale),
        input=_input_of_fresh_keys(section, base, menu.Jump(following), globals_on=False),
        next=following,
        low=low,
        low_tag=tag,
        set=section.assignments(),
    )


def read_input(
    section: Section,
    base: menu.Timing | None = None,
    on_fail: menu.Jump | None = None,
    *,
    globals_on: bool = True,
) -> menu.Input:
    """What every node that takes keys has; what is not written comes from `defaults:`."""
    switch = section.read("globals", lambda n: n.choice(("on", "off")))
    return menu.Input(
        timing=section.scope.read_timing(section.fields, base),
        on_fail=_on_fail(section, on_fail),
        reprompts=menu.Reprompts(
            read_prompts(section, "noinput"), read_prompts(section, "nomatch")
        ),
        globals_on=globals_on if switch is None else switch == "on",
        back_to=section.target("back_to"),
    )


def find_of(section: Section) -> menu.Find | None:
    """Which row of which table goes where."""
    name, table = table_of(section)
    key, into = section.value("key"), section.variable("into")
    if name is None or key is None or into is None or table is None:
        return None
    return menu.Find(name, key, into)


def _input_of_fresh_keys(
    section: Section,
    base: menu.Timing | None = None,
    on_fail: menu.Jump | None = None,
    *,
    globals_on: bool = True,
) -> menu.Input:
    """The input of a node that never takes keys pressed before its prompt."""
    if section.read("type_ahead", Node.boolean) is True:
        value = section.get("type_ahead") or section.key
        value.error("keys pressed early never count here; remove the line")
    base = replace(base or section.scope.timing, type_ahead=False)
    return read_input(section, base, on_fail, globals_on=globals_on)


def _on_fail(section: Section, other: menu.Jump | None) -> menu.Jump:
    written = section.jump("on_fail")
    if written is not None:
        return written
    default = other or section.scope.on_fail
    if other is None and "on_fail" not in section and default.goto not in section.scope.names:
        section.fields.node.error(
            "nothing says where silence leads; add 'on_fail: ' with a queue node", "E10"
        )
    return default


def _digits(section: Section) -> tuple[int, int]:
    """The least and the greatest number of digits."""
    inner = section.inner("digits", DIGITS)
    if inner is None:
        return 1, 1
    numbers = {
        name: inner.read(name, lambda n: n.integer(1, 32)) for name in ("length", "min", "max")
    }
    length, least, most = numbers["length"], numbers["min"], numbers["max"]
    if "length" in inner and ("min" in inner or "max" in inner):
        inner.key.error("write either length, or min and max")
    elif "length" not in inner and "max" not in inner:
        inner.key.error("how many digits? write {length: 3}, or {min: 1, max: 4}")
    elif least is not None and most is not None and least > most:
        inner.key.error(f"min {least} is more than max {most}; exchange them")
    if length is not None:
        return length, length
    return least or 1, most or least or 1


def _check(section: Section, least: int, most: int) -> str | None:
    node = section.get("validate")
    if node is None:
        return None
    if node.text == IIN:
        if (least, most) != (IIN_DIGITS, IIN_DIGITS):
            node.error(f"an iin has {IIN_DIGITS} digits; write 'digits: {{length: {IIN_DIGITS}}}'")
        return IIN
    return read_pattern(node)


def _find_of_entry(section: Section) -> menu.Find | None:
    """The lookup of a collect; its key is the entry when nothing else is written."""
    inner = section.inner("lookup", LOOKUP_OF_ENTRY)
    if inner is None:
        return None
    if "key" in inner:
        return find_of(inner)
    name, table = table_of(inner)
    into, store = inner.variable("into"), section.variable("store")
    if name is None or into is None or store is None or table is None:
        return None
    return menu.Find(name, parse(store), into)


def _low(section: Section) -> tuple[int | None, str]:
    inner = section.inner("low", LOW)
    if inner is None:
        return None, ""
    node = inner.get("if")
    tag = inner.read("tag", Node.name, "")
    if node is None:
        return None, tag
    if node.text is None or not re.fullmatch(LOW_PATTERN, node.text):
        node.error(f'{node.in_words()} is not a low answer; write it as in "<= 2"', "E21")
        return None, tag
    return int(node.text[-1]) - (0 if "=" in node.text else 1), tag


def _no_way(section: Section, name: str, what: str, rule: str) -> None:
    message = f"nothing says where {what} leads; add '{name}: ' with a node"
    section.key.error(message, rule)


def _written(section: Section) -> set[str]:
    return {key.text or "" for key, _ in section.fields.node.entries or ()}


def _some_texts(section: Section, node: Node) -> dict[str, str] | None:
    """Texts of a language menu: those languages that are written."""
    languages = section.scope.languages
    if not node.entries:
        return node.texts(languages)
    return node.mapping_of(lambda key: key.choice(languages), Node.sentence)
