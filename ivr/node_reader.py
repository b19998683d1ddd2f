"""From the YAML of one node of a dialplan to the node."""

from collections.abc import Callable, Mapping

from acd.yaml_source import Node
from ivr.core import menu
from ivr.core.expressions import Expression
from ivr.fields import NODES
from ivr.input_reader import (
    read_collect,
    read_confirm,
    read_language_menu,
    read_menu,
    read_survey,
)
from ivr.prompt_reader import read_prompt, read_row_text
from ivr.scope import Flow, Place, Scope, described_fields
from ivr.section import Section
from ivr.service_reader import (
    read_callback,
    read_http,
    read_lookup,
    read_queue,
    read_transfer,
    read_voicemail,
)

CASES_MAX = 100
ARGUMENTS_MAX = 16


def read_node(
    scope: Scope, name: str, key: Node, value: Node, flow: Flow | None
) -> menu.Node | None:
    """The node of that full name, or None after recording why it is none."""
    if value.entries is None:
        value.error(f"{value.in_words()} stands here; write {{type: menu, ...}}")
        return None
    kind = next((entry for word, entry in value.entries if word.text == "type"), None)
    if kind is None:
        key.error(f"'{key.text}' has no type; add 'type: ' with one of {', '.join(KINDS)}")
        return None
    word = kind.choice(tuple(KINDS))
    if word is None:
        return None
    fields = described_fields(value, NODES[word], key)
    if fields is None:
        return None
    at: Place = ("nodes", name)
    scope.remember(fields, NODES[word], at)
    return KINDS[word](Section(scope, fields, at, flow, key), name)


def _read_say(section: Section, name: str) -> menu.Say:
    written = [word for word in ("prompt", "prompt_from") if word in section]
    if len(written) != 1:
        what = "both 'prompt' and 'prompt_from'" if written else "nothing to say"
        remedy = "remove one" if written else "add 'prompt: ...'"
        section.key.error(f"'{section.key.text}' has {what}; {remedy}")
    prompt = read_prompt(section, "prompt") or read_row_text(section, "prompt_from")
    return menu.Say(
        name=name,
        prompt=prompt or (),
        bargein=section.read("bargein", Node.boolean, section.scope.timing.bargein),
        next=section.target("next") or "",
        set=section.assignments(),
    )


def _read_branch(section: Section, name: str) -> menu.Branch:
    node = section.get("when")
    cases: list[menu.Case] = []
    if node is not None and (not node.items or len(node.items) > CASES_MAX):
        example = '[{if: "schedule.night", goto: night}]'
        node.error(f"{node.in_words()} of ways stands here; write 1 to {CASES_MAX}, as {example}")
    elif node is not None:
        found = (section.case(item, index) for index, item in enumerate(node.items or ()))
        cases = [case for case in found if case is not None]
    otherwise = section.jump("else") or menu.Jump("")
    return menu.Branch(name, tuple(cases), otherwise, section.assignments())


def _read_set(section: Section, name: str) -> menu.SetNode:
    return menu.SetNode(name, section.assignments(), section.target("next") or "")


def _read_call(section: Section, name: str) -> menu.Call:
    node = section.get("flow")
    word = node.string() if node is not None else None
    flows = section.scope.flows
    flow = flows.get(word or "")
    if node is not None and word is not None and flow is None:
        remedy = section.scope.near(word, flows) or "; add it under 'flows:'"
        node.error(f"there is no flow '{word}'{remedy}", "E04")
    arguments = _arguments(section, flow)
    return menu.Call(
        name=name,
        flow=flow.name if flow else "",
        entry=flow.entry if flow else "",
        arguments=arguments,
        next=section.target("next"),
        set=section.assignments(),
    )


def _arguments(section: Section, flow: Flow | None) -> tuple[tuple[str, Expression], ...]:
    node = section.get("with")
    if node is None:
        return ()
    if node.entries is None or len(node.entries) > ARGUMENTS_MAX:
        node.error(f"{node.in_words()} stands here; write up to {ARGUMENTS_MAX}, as in {{id: eds}}")
        return ()
    arguments = []
    for key, value in node.entries:
        name = key.name()
        at: Place = (*section.at, "with", name or "")
        section.scope.places[at] = value
        expression = section.value_of(value, at)
        if name is None or expression is None:
            continue
        arguments.append((name, expression))
        if flow is not None:
            use = section.scope.uses[-1]
            section.scope.arguments.setdefault((flow.name, name), []).append(use)
    return tuple(arguments)


def _read_return(section: Section, name: str) -> menu.Return:
    if section.flow is None:
        section.key.error("'return' ends a flow, and this is none; write a jump or a hangup")
    return menu.Return(name, section.target("next"), section.assignments())


def _read_hang_up(section: Section, name: str) -> menu.HangUp:
    return menu.HangUp(name, read_prompt(section, "prompt"), section.assignments())


KINDS: Mapping[str, Callable[[Section, str], menu.Node]] = {
    "say": _read_say,
    "menu": read_menu,
    "language": read_language_menu,
    "collect": read_collect,
    "confirm": read_confirm,
    "branch": _read_branch,
    "set": _read_set,
    "lookup": read_lookup,
    "http": read_http,
    "queue": read_queue,
    "callback": read_callback,
    "voicemail": read_voicemail,
    "survey": read_survey,
    "transfer": read_transfer,
    "call": _read_call,
    "return": _read_return,
    "hangup": _read_hang_up,
}
