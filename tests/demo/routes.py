"""Which keys lead where, read from the menu itself, so that the demo never goes stale."""

from dataclasses import dataclass

from ivr.core.menu import Dialplan, HangUp, LanguageMenu, Menu, Queue, Say

KEYS_MAX = 8
"""Deeper menus exist only in error."""


@dataclass(frozen=True, slots=True)
class Route:
    """The keys a caller presses, and where that ends; no topic: the menu says it all itself."""

    keys: str
    language: str
    topic: str | None


def routes_of(plan: Dialplan) -> list[Route]:
    """Every way to press oneself through the menu in file order, each once, none in circles."""
    found: dict[Route, None] = {}
    _walk(plan, plan.entry, Route("", plan.default_language, None), (), found)
    return list(found)


def _walk(
    plan: Dialplan, name: str, so_far: Route, been: tuple[str, ...], found: dict[Route, None]
) -> None:
    if name in been or len(so_far.keys) > KEYS_MAX:
        return
    node, been = plan.nodes[name], (*been, name)
    language, keys = so_far.language, so_far.keys
    match node:
        case LanguageMenu():
            for choice in node.options:
                _walk(plan, node.next, Route(keys + choice.key, choice.language, None), been, found)
        case Menu():
            for option in node.options:
                _walk(plan, option.goto, Route(keys + option.key, language, None), been, found)
        case Say():
            _walk(plan, node.next, so_far, been, found)
        case Queue():
            found[Route(keys, language, node.topic)] = None
        case HangUp():
            found[so_far] = None
