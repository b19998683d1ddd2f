"""From YAML to the nodes that hand the caller or a question on: queues, other houses, recorders."""

import re
from dataclasses import replace
from typing import Literal

from acd.yaml_source import Node
from ivr.core import menu
from ivr.core.expressions import Constant, Expression, literal
from ivr.fields import ANNOUNCE, NUMBER_PATTERN
from ivr.input_reader import find_of, read_input
from ivr.prompt_reader import read_prompt
from ivr.scope import Use, duration
from ivr.section import Section

DEFAULT_CALLBACK_AGE_MS = 4 * 3_600_000
DEFAULT_MESSAGE_MS = 90_000
UNTOLD_TIMEOUT_MS = 1000  # stands in for one that is missing or wrong, which is told by itself
_SCHEMES = ("https://", "http://")
_NOTHING = literal(None)


def read_queue(section: Section, name: str) -> menu.Queue:
    """A queue; the topics it can come to are filled in when the whole file is read."""
    section.read("also", lambda n: n.choice(("language",)))
    written = [word for word in ("topic", "skill") if word in section]
    if len(written) != 1:
        remedy = "remove one" if written else "add 'topic: ...'"
        what = "has both 'topic' and 'skill'" if written else "has no topic"
        section.key.error(f"'{name}' {what}; {remedy}")
    topic = section.value(written[0]) if written else None
    if topic is not None and len(written) == 1:
        flow = section.flow.name if section.flow is not None else None
        section.scope.topic_uses.append((name, Use(topic, (*section.at, written[0]), flow)))
    announce = section.inner("announce", ANNOUNCE)
    every_ms = None
    if announce is not None:
        every_ms = announce.read("every", duration(5000, 600_000), 25_000)
    return menu.Queue(
        name=name,
        topic=topic or _NOTHING,
        priority_s=section.read("priority", lambda n: n.integer(0, 3600), 0),
        next=section.target("next"),
        on_overflow=section.target("on_overflow"),
        keep_place=section.read("keep_place", Node.boolean) is True,
        announce_every_ms=every_ms,
        offer_callback_after_ms=section.read("offer_callback_after", duration(1000, 3_600_000)),
        set=section.assignments(),
        announce_position=_is_on(announce, "position"),
        announce_eta=_is_on(announce, "eta"),
    )


def read_callback(section: Section, name: str) -> menu.Callback:
    """The promise to call back; the number is the caller's own when none is written."""
    number = section.value("number")
    if "number" not in section:
        section.key.error("'number' is missing; add 'number: caller.number'")
    base = replace(section.scope.timing, type_ahead=False)
    return menu.Callback(
        name=name,
        number=number or _NOTHING,
        confirm_number=section.read("confirm_number", Node.boolean, True),
        max_age_ms=section.read("max_age", duration(60_000, 604_800_000), DEFAULT_CALLBACK_AGE_MS),
        next=section.target("next") or "",
        on_withheld=section.target("on_withheld") or "",
        input=read_input(section, base),
        set=section.assignments(),
    )


def read_voicemail(section: Section, name: str) -> menu.Voicemail:
    """A message that is taken down."""
    return menu.Voicemail(
        name=name,
        prompt=read_prompt(section, "prompt") or (),
        max_ms=section.read("max", duration(5000, 600_000), DEFAULT_MESSAGE_MS),
        next=section.target("next") or "",
        set=section.assignments(),
    )


def read_transfer(section: Section, name: str) -> menu.Transfer:
    """The way out of the centre."""
    on_noanswer = section.target("on_noanswer") or ""
    return menu.Transfer(
        name=name,
        number=section.read("number", _number, ""),
        prompt=read_prompt(section, "prompt") or (),
        next=section.target("next"),
        on_busy=section.target("on_busy") or on_noanswer,
        on_noanswer=on_noanswer,
        set=section.assignments(),
    )


def read_lookup(section: Section, name: str) -> menu.Lookup:
    """A look into a table."""
    nowhere = menu.Jump("")
    return menu.Lookup(
        name=name,
        find=find_of(section) or menu.Find("", _NOTHING, "call.unknown"),
        on_found=section.jump("on_found") or nowhere,
        on_missing=section.jump("on_missing") or nowhere,
        set=section.assignments(),
    )


def read_http(section: Section, name: str) -> menu.Http:
    """A question to another house."""
    written = [word for word in ("get", "post", "url") if word in section]
    if len(written) != 1:
        what = f"has {' and '.join(written)}; keep one" if written else "has no address"
        remedy = "" if written else "; add 'post: \"config.NAME.url\"' or 'get: ...'"
        section.key.error(f"'{name}' {what}{remedy}")
    url = _address(section, written[0]) if written else None
    body = _body(section)
    method: Literal["GET", "POST"] = "GET"
    if "post" in written or ("url" in written and body):
        method = "POST"
    if "json" in section and "get" in written:
        section.fields.key("json").error("a question by 'get' sends nothing; write 'post: ...'")
    nowhere = menu.Jump("")
    return menu.Http(
        name=name,
        method=method,
        url=url or _NOTHING,
        body=body,
        timeout_ms=section.read("timeout", duration(100, 30_000), UNTOLD_TIMEOUT_MS),
        filler=read_prompt(section, "filler"),
        on_ok=section.jump("on_ok") or nowhere,
        on_error=section.jump("on_error") or nowhere,
        set=section.assignments(),
    )


def _is_on(section: Section | None, name: str) -> bool:
    return section is not None and section.read(name, Node.boolean) is True


def _number(node: Node) -> str | None:
    text = node.string()
    if text is None:
        return None
    if not re.fullmatch(NUMBER_PATTERN, text):
        node.error(f"'{text}' is not a telephone number; write 2 to 15 digits, as in \"112\"")
        return None
    return text


def _address(section: Section, word: str) -> Expression | None:
    """An address that is written out, or the expression that gives it.

    A word that is no address would be asked for as it is.
    """
    node = section.get(word)
    text = (node.text if node is not None else None) or ""
    is_other = re.match(r"[A-Za-z][\w+.-]*://", text) is not None and not text.startswith(_SCHEMES)
    url = None if is_other else section.value(word)
    given = url.tree.value if url is not None and isinstance(url.tree, Constant) else _SCHEMES[0]
    is_none = not isinstance(given, str) or not given.startswith(_SCHEMES)
    if node is not None and (is_other or is_none):
        remedy = 'write "config.NAME.url", or one that begins with https://'
        node.error(f"{node.in_words()} is no address; {remedy}")
    return url


def _body(section: Section) -> tuple[tuple[str, Expression], ...]:
    node = section.get("json")
    if node is None:
        return ()
    if node.entries is None:
        node.error(f"{node.in_words()} stands here; write {{to: caller.number}}")
        return ()
    fields = []
    for key, value in node.entries:
        name = key.name()
        at = (*section.at, "json", name or "")
        section.scope.places[at] = value
        expression = section.value_of(value, at)
        if name is not None and expression is not None:
            fields.append((name, expression))
    return tuple(fields)
