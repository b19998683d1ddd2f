"""The spoken glue of a dialplan: what the file says, and what is said when it says nothing."""

import re
from collections.abc import Sequence
from dataclasses import replace

from acd.yaml_source import Node
from ivr.core.menu import Phrases
from ivr.fields import PHRASES

DEFAULT_OPERATOR_LABEL = {"kk": "Оператор", "ru": "Оператор", "en": "an operator"}
DEFAULT_PHRASES = {
    "kk": Phrases(
        option="{label} үшін {digit_acc} басыңыз",
        count="{n} бөлім бар.",
        noinput="Сіз ештеңе баспадыңыз.",
        nomatch="Мұндай тармақ жоқ.",
        to_operator="Сізді операторға қосамын.",
        confirm="Дұрыс болса {1_acc}, басқасы болса {2_acc} басыңыз.",
    ),
    "ru": Phrases(
        option="{label}: нажмите {digit}",
        count="{n} {раздел|раздела|разделов}.",
        noinput="Вы ничего не нажали.",
        nomatch="Такого пункта нет.",
        to_operator="Соединяю с оператором.",
        confirm="Если верно, нажмите {1}. Если нет, нажмите {2}.",
    ),
    "en": Phrases(
        option="For {label}, press {digit}",
        count="There {is|are} {n} {choice|choices}.",
        noinput="I did not hear a key.",
        nomatch="That is not one of the choices.",
        to_operator="I will connect you to an operator.",
        confirm="If that is right, press {1}. If not, press {2}.",
    ),
}

_BRACES = re.compile(r"\{([^{}]*)\}")


def read_phrases(node: Node | None, languages: Sequence[str]) -> dict[str, Phrases]:
    """The phrases of each language; what is not written keeps its default."""
    phrases = {language: DEFAULT_PHRASES[language] for language in languages}
    fields = node.fields(optional=languages) if node else None
    for language in languages:
        inner_node = fields.get(language) if fields else None
        if inner_node is None:
            continue
        inner = inner_node.fields(optional=PHRASES)
        if inner is None:
            continue
        base = phrases[language]
        phrases[language] = replace(
            base,
            option=inner.read("option", _option, base.option),
            count=inner.read("count", _count, base.count),
            noinput=inner.read("noinput", _plain, base.noinput),
            nomatch=inner.read("nomatch", _plain, base.nomatch),
            to_operator=inner.read("to_operator", _plain, base.to_operator),
            confirm=inner.read("confirm", _confirm, base.confirm),
            back=inner.read("back", _plain, base.back),
            repeat=inner.read("repeat", _plain, base.repeat),
            callback=inner.read("callback", _plain, base.callback),
            enter_number=inner.read("enter_number", _plain, base.enter_number),
        )
    return phrases


def _option(node: Node) -> str | None:
    text = node.sentence()
    if text is None:
        return None
    names = _BRACES.findall(text)
    if names.count("label") != 1 or names.count("digit") + names.count("digit_acc") != 1:
        node.error("an option needs {label} once, and once {digit} or {digit_acc}")
        return None
    return text if _only(node, names, ("label", "digit", "digit_acc")) else None


def _count(node: Node) -> str | None:
    text = node.sentence()
    if text is None:
        return None
    names = [name for name in _BRACES.findall(text) if "|" not in name]
    if not {"n", "n_f"} & set(names):
        node.error("the count needs {n} (or {n_f}, the feminine number) where the number is said")
        return None
    return text if _only(node, names, ("n", "n_f")) else None


def _confirm(node: Node) -> str | None:
    text = node.sentence()
    if text is None:
        return None
    names = _BRACES.findall(text)
    if not all(names.count(key) + names.count(f"{key}_acc") == 1 for key in ("1", "2")):
        node.error("the question needs both keys once, {1} and {2}, or {1_acc} and {2_acc}")
        return None
    return text if _only(node, names, ("1", "2", "1_acc", "2_acc")) else None


def _plain(node: Node) -> str | None:
    text = node.sentence()
    return text if text is not None and _only(node, _BRACES.findall(text), ()) else None


def _only(node: Node, names: list[str], known: Sequence[str]) -> bool:
    for name in names:
        if name not in known:
            allowed = ", ".join(f"{{{word}}}" for word in known) or "no braces"
            node.error(f"{{{name}}} means nothing in this phrase; it knows {allowed}")
            return False
    return True
