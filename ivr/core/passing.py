"""Nodes that take no choice: they say, decide, remember, ask another house, let the caller go."""

from collections.abc import Mapping
from typing import Literal

from ivr.core import menu, speech
from ivr.core.expressions import Value
from ivr.core.steps import Fetch, Record, Transfer, Via
from ivr.core.walk import MISSING, Walk

Silent = menu.Branch | menu.SetNode | menu.Lookup | menu.Call | menu.Return
Speaking = menu.Say | menu.Http | menu.Voicemail | menu.Transfer | menu.HangUp
SILENT = (menu.Branch, menu.SetNode, menu.Lookup, menu.Call, menu.Return)
SPEAKING = (menu.Say, menu.Http, menu.Voicemail, menu.Transfer, menu.HangUp)


def pass_on(walk: Walk, node: Silent) -> None:
    """A node that takes no time; what it sets is set already."""
    match node:
        case menu.Branch():
            case_number, way = walk.way_of(node)
            walk.note(None, None, to=way.goto, case=case_number)
            walk.jump(way)
        case menu.SetNode():
            _leave(walk, menu.Jump(node.next))
        case menu.Lookup():
            if walk.known.find(node.find):
                _leave(walk, node.on_found)
            else:
                _leave(walk, node.on_missing, reason=MISSING)
        case menu.Call():
            _call(walk, node)
        case menu.Return():
            _return(walk, node)


def enter(walk: Walk, node: Speaking) -> None:
    """Begin a node that may say something; what it sets is set already."""
    match node:
        case menu.Say():
            if node.bargein and walk.keys:
                take(walk, node, walk.keys.popleft(), "early")
            elif not walk.say(node.prompt, interruptible=node.bargein):
                played(walk, node)
        case menu.HangUp() | menu.Voicemail() | menu.Transfer():
            if walk.drop_keys():
                walk.to_person("early")
            elif not walk.say(node.prompt, interruptible=True):
                played(walk, node)
        case menu.Http():
            if not walk.say(node.filler, interruptible=True):
                _fetch(walk, node)


def played(walk: Walk, node: Speaking) -> None:
    """The prompt is over."""
    match node:
        case menu.Say():
            _leave(walk, menu.Jump(node.next))
        case menu.HangUp():
            walk.note(None, None)
            walk.end()
        case menu.Http():
            _fetch(walk, node)
        case menu.Voicemail():
            walk.wait(Record(node.name, node.max_ms))
        case menu.Transfer():
            walk.note(None, None)
            walk.leave(Transfer(node.name, node.number))


def take(walk: Walk, node: Speaking, key: str, via: Via) -> None:
    """A key during the prompt, or before it: `0` and `*` as everywhere, another one ends it."""
    walk.came(key, via)
    if key == speech.OPERATOR_KEY:
        walk.to_person(via)
    elif key == "*" and walk.back:
        walk.go_back(via)
    elif key == "*" and not isinstance(node, menu.HangUp):
        walk.note(key, "global", via)
        _repeat(walk, node)
    elif isinstance(node, menu.Say):
        if key == "#":
            walk.note(key, "global", via, to=node.next)
        else:
            walk.keys.appendleft(key)
            walk.note(None, None, to=node.next)
        walk.go(node.next)
    elif isinstance(node, menu.HangUp):
        walk.note(key, None, via)
        walk.end()
    else:
        if isinstance(node, menu.Http) and key != "#":
            walk.keep(key)
        played(walk, node)


def _repeat(walk: Walk, node: Speaking) -> None:
    """`*` with no menu to go back to: say it again, which is a step."""
    walk.heard = ()
    if not walk.is_limit_reached():
        enter(walk, node)


def fetched(walk: Walk, node: menu.Http, body: Value) -> None:
    """The answer of another house, or None."""
    is_private = any(walk.known.is_private(value) for _, value in node.body)
    walk.known.store("call.http", body, is_private=is_private)  # it may repeat what it was told
    way = node.on_error if body is None else node.on_ok
    walk.note(None, None, reason="error" if body is None else None, to=way.goto)
    walk.jump(way)


def recorded(walk: Walk, node: menu.Voicemail, length_ms: int) -> None:
    """The message is taken down; 0 is a caller who said nothing."""
    walk.note(None, None, reason="recorded" if length_ms > 0 else "silent", to=node.next)
    walk.go(node.next)


def refused(walk: Walk, node: menu.Transfer, reason: Literal["busy", "noanswer"]) -> None:
    """The other house did not take the caller."""
    target = node.on_busy if reason == "busy" else node.on_noanswer
    walk.note(None, None, reason=reason, to=target)
    walk.go(target)


def _leave(walk: Walk, way: menu.Jump, *, reason: str | None = None) -> None:
    walk.note(None, None, reason=reason, to=way.goto)
    walk.jump(way)


def _fetch(walk: Walk, node: menu.Http) -> None:
    url = walk.known.value(node.url)
    if not isinstance(url, str) or not url:
        walk.warn(f"{node.url.text} is no address; nothing was asked")
        fetched(walk, node, None)
        return
    body: Mapping[str, Value] = {name: walk.known.value(value) for name, value in node.body}
    walk.wait(Fetch(node.name, node.method, url, body, node.timeout_ms))


def _call(walk: Walk, node: menu.Call) -> None:
    if len(walk.known.frames) >= walk.plan.limits.max_depth:
        walk.escape("max_depth")
        return
    walk.note(None, None, to=node.entry)
    walk.known.enter_flow(node)
    walk.go(node.entry)


def _return(walk: Walk, node: menu.Return) -> None:
    frames = walk.known.frames
    target = frames[-1].next if frames else None
    walk.known.frames = frames[:-1]
    target = target or node.next
    if target is None:
        walk.escape("no_next")
        return
    walk.note(None, None, to=target)
    walk.go(target)
