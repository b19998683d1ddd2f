"""Rules about what is written: E12 (right language everywhere), W19 (no key in a text)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields

from ivr import wording
from ivr.core import menu
from ivr.core.menu import LanguageMenu, Menu, Node, Phrases, Prompt, Said, Texts
from ivr.lint_report import Report
from ivr.scope import Place

_BRACES = re.compile(r"\{[^{}]*\}")
_PROMPTS = ("intro", "prompt", "filler")


def check_texts(report: Report) -> None:
    """Every text of nodes, tables and phrases."""
    plan = report.plan
    for node in plan.nodes.values():
        for at, texts in texts_of(node, report.at(node.name)):
            _check(report, at, texts)
    for table in plan.tables.values():
        for key, row in table.rows.items():
            for column, cell in row.items():
                if isinstance(cell, Mapping):
                    _check(report, ("tables", table.name, key, column), cell)
    label: Place = ("globals", "label")
    has_keys = any(isinstance(node, menu.InputNode) for node in plan.nodes.values())
    if has_keys and label in report.draft.places:
        _check(report, label, plan.globals.label)
    _check_phrases(report, plan.phrases)


def texts_of(node: Node, at: Place) -> Iterator[tuple[Place, Texts]]:
    """The texts of a node, each with its place; those of tables stand in their tables."""
    if isinstance(node, LanguageMenu):
        if node.intro is not None:
            yield (*at, "intro"), node.intro
        for index, choice in enumerate(node.options):
            yield (*at, "options", index, "label"), {choice.language: choice.label}
    else:
        for name in _PROMPTS:
            yield from _said(getattr(node, name, None), (*at, name))
    if isinstance(node, Menu):
        for index, option in enumerate(node.options):
            yield (*at, "options", index, "label"), option.label
    if isinstance(node, menu.InputNode | menu.Callback):
        for name in ("noinput", "nomatch"):
            for index, prompt in enumerate(getattr(node.input.reprompts, name)):
                yield from _said(prompt, (*at, name, index))


def _said(prompt: Prompt | None, at: Place) -> Iterator[tuple[Place, Texts]]:
    for part in prompt or ():
        if isinstance(part, Said):
            yield at, part.texts


def _check(report: Report, at: Place, texts: Mapping[str, str]) -> None:
    for language, text in texts.items():
        foreign = wording.wrong_language(language, text)
        if foreign is not None:
            report.error((*at, language), "E12", foreign)
        named = wording.names_a_key(language, text)
        if named is not None:
            message = f"'{named}' in the text in {language} speaks of a key"
            report.warn((*at, language), "W19", f"{message}; leave that to the 'option' phrase")
        stiff = wording.officialese(language, text)
        if stiff is not None:
            message = f"'{stiff}' in the text in {language} is how letters are written"
            report.warn((*at, language), "W19", f"{message}; say it as people speak")
    for one, other in wording.same_text(texts):
        message = f"the text is the same in {one} and {other}; translate it"
        report.error(at, "E12", message)


def _check_phrases(report: Report, phrases: Mapping[str, Phrases]) -> None:
    """W19: what a key does is said before the key; E12: each phrase is in its language."""
    for language, each in phrases.items():
        at: Place = ("phrases", language)
        if wording.key_before_function(each.option):
            message = "the key is said before what it does; put {label} first"
            report.warn((*at, "option"), "W19", message)
        for field in fields(each):
            text = _BRACES.sub(" 0 ", getattr(each, field.name))
            foreign = wording.wrong_language(language, text)
            if foreign is not None:
                report.error((*at, field.name), "E12", foreign)
    for field in fields(Phrases):
        texts = {language: getattr(each, field.name) for language, each in phrases.items()}
        for one, other in wording.same_text(texts):
            message = f"'{field.name}' is the same in {one} and {other}; translate it"
            report.error(("phrases", other, field.name), "E12", message)
