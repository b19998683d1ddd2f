"""Where a caller can get to in a dialplan: plain functions over its nodes and edges."""

from collections.abc import Iterator

from ivr.core.menu import Dialplan, HangUp, LanguageMenu, Menu, Node, Queue, Say


def edges(node: Node) -> Iterator[str]:
    """The nodes that follow this one, the global keys left out."""
    match node:
        case Say():
            yield node.next
        case Menu():
            yield from (option.goto for option in node.options)
            yield node.on_fail
            if node.back_to is not None:
                yield node.back_to
        case LanguageMenu():
            yield node.next
            yield node.on_fail
        case Queue():
            if node.next is not None:
                yield node.next
        case HangUp():
            pass


def reachable(dialplan: Dialplan) -> set[str]:
    """Every node some caller can hear; the operator key works everywhere."""
    found: set[str] = set()
    waiting = [dialplan.entry, dialplan.globals.operator]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(edges(dialplan.nodes[name]))
    return found


def ending(dialplan: Dialplan) -> set[str]:
    """Every node from which the call can come to an end: a queue or a hang-up."""
    before: dict[str, list[str]] = {}
    for node in dialplan.nodes.values():
        for target in edges(node):
            before.setdefault(target, []).append(node.name)
    found: set[str] = set()
    waiting = [n.name for n in dialplan.nodes.values() if isinstance(n, Queue | HangUp)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(before.get(name, ()))
    return found


def silent_end(dialplan: Dialplan, name: str) -> Queue | HangUp | None:
    """Where a caller ends who never presses a key; None when that goes round for ever."""
    for _ in range(len(dialplan.nodes) + 1):
        node = dialplan.nodes[name]
        if isinstance(node, Queue | HangUp):
            return node
        name = node.next if isinstance(node, Say) else node.on_fail
    return None


def past_prompts(dialplan: Dialplan, name: str) -> tuple[Node | None, int]:
    """The first node that is not a prompt, and how many prompts come before; None in a circle."""
    for prompt_count in range(len(dialplan.nodes) + 1):
        node = dialplan.nodes[name]
        if not isinstance(node, Say):
            return node, prompt_count
        name = node.next
    return None, len(dialplan.nodes)


def depths(dialplan: Dialplan) -> dict[str, int]:
    """How many menus, this one included, are heard on the shortest way to each menu."""
    found: dict[str, int] = {}
    level = {dialplan.entry: None}
    depth = 0
    seen: set[str] = set()
    while level:
        following: dict[str, None] = {}
        waiting = list(level)
        depth += 1
        while waiting:
            name = waiting.pop(0)
            if name in seen:
                continue
            seen.add(name)
            node = dialplan.nodes[name]
            if isinstance(node, Menu | LanguageMenu):
                found[name] = depth
                following.update(dict.fromkeys(edges(node)))
            else:
                waiting.extend(edges(node))
        level = following
    return found
