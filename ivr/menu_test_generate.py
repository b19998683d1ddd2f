"""Finds calls that walk the edges no test walks: a breadth-first search with keys and worlds.

A world is what branches and answers depend on; it is made up so that each case of each branch
holds in one of them. In every world each key that means something is tried at each node, the
shortest calls first, so that the call found for an edge is as short as it can be.
"""

import itertools
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ivr.core import menu
from ivr.core.checks import IIN, passes
from ivr.core.expressions import (
    Compare,
    Constant,
    Expression,
    Items,
    Logic,
    Name,
    Not,
    Tree,
    Value,
    names_of,
)
from ivr.core.menu import Dialplan
from ivr.core.schedules import holds
from ivr.coverage import Coverage, Way
from ivr.facts import ORDINARY_DAY, SOME_NUMBER, Caller, Scene
from ivr.menu_test_write import free_name, test_text
from ivr.player import Answers, MenuStuck, Player
from ivr.trial import Trial

DEEDS_MAX = 14  # no way through a menu that a caller could bear is longer
CALLS_MAX = 20_000  # for all worlds together

_SILENCE = "-"
_OPERATOR = "operator"
_OVERFLOW = "overflow"
_SOME_IIN = "900101300018"
SOME_URL = "http://127.0.0.1"

Facts = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Generated:
    """A test as text, and the edge it is for."""

    way: Way
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class _Variation:
    """How a world differs from the ordinary day."""

    facts: Facts = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)


def generate(dialplan: Dialplan, coverage: Coverage, taken: set[str]) -> list[Generated]:
    """A test for each edge of `coverage.missing` that some call walks, in the order of the file.

    `taken` are names of tests there are; the edges found are added to the coverage.
    """
    wanted = set(coverage.missing)
    found: dict[Way, Generated] = {}
    names = set(taken)
    budget = CALLS_MAX
    for trial in worlds(dialplan):
        search = _Search(dialplan, trial, budget)
        for player in search.calls():
            for way in sorted(coverage.add(player) & wanted):
                name = free_name(way.in_words(), names)
                names.add(name)
                whole = search.whole_call()
                found[way] = Generated(way, name, test_text(name, whole, trial))
            if not coverage.missing:
                break
        budget = search.calls_left
        if not coverage.missing or budget <= 0:
            break
    return [found[way] for way in sorted(found, key=coverage.ways.index)]


def worlds(dialplan: Dialplan) -> Iterator[Trial]:
    """An ordinary day, then a world for each thing that a branch or a node depends on, then two
    of them at a time.
    """
    plain: Facts = {
        f"schedule.{name}": False
        for name, schedule in dialplan.schedules.items()
        if holds(schedule, ORDINARY_DAY)
    }
    variations = list(_variations(dialplan))
    seen: list[Trial] = []
    for several in (
        (),
        *((one,) for one in variations),
        *itertools.combinations(variations, 2),
    ):
        facts, answers = dict(plain), Answers()
        for each in several:
            facts |= each.facts
            answers = replace(answers, **each.answers)
        trial = Trial(_scene(dialplan, facts), answers)
        if trial not in seen:
            seen.append(trial)
            yield trial


def _variations(dialplan: Dialplan) -> Iterator[_Variation]:
    for node in dialplan.nodes.values():
        match node:
            case menu.Branch():
                yield from (_Variation(facts) for facts in _facts_for(node))
            case menu.Http():
                names = [name for name in names_of(node.url) if _is_fact(name)]
                yield _Variation(dict.fromkeys(names, SOME_URL), {"http": {}})
            case menu.Callback():
                yield _Variation({"caller.withheld": True})
                yield _Variation(answers={"takes_callbacks": False})
            case menu.Transfer():
                yield _Variation(answers={"transfer": "busy"})
                yield _Variation(answers={"transfer": "noanswer"})


def _facts_for(branch: menu.Branch) -> Iterator[Facts]:
    """For each case facts in which it holds and none before it; last those in which none does."""
    for index, case in enumerate(branch.cases):
        facts = _make(case.when.tree, True)
        if facts is None:
            continue
        for before in branch.cases[:index]:
            facts = {**(_make(before.when.tree, False) or {}), **facts}
        if facts:
            yield facts
    others: Facts = {}
    for case in branch.cases:
        others |= _make(case.when.tree, False) or {}
    if others:
        yield others


def _make(tree: Tree, wanted: bool) -> Facts | None:
    """Facts that make a condition true, or false; None when that is not in their power."""
    match tree:
        case Name(name):
            return {name: wanted} if _is_fact(name) else None
        case Not(operand):
            return _make(operand, not wanted)
        case Constant(value):
            return {} if bool(value) == wanted else None
        case Logic(operator, operands):
            parts = [_make(each, wanted) for each in operands]
            if (operator == "and") == wanted:  # every part has to agree
                together: Facts = {}
                for part in parts:
                    if part is None:
                        return None
                    together |= part
                return together
            return next((part for part in parts if part is not None), None)
        case Compare(Name(name), (operator,), (right,)) if _is_fact(name):
            value = _right_of(right)
            return None if value is _UNKNOWN else {name: _beside(operator, value, wanted)}
    return None


_UNKNOWN: Value = "\0"


def _right_of(tree: Tree) -> Value:
    match tree:
        case Constant(value):
            return value
        case Items(items) if items and isinstance(items[0], Constant):
            return [item.value for item in items if isinstance(item, Constant)]
    return _UNKNOWN


def _beside(operator: str, value: Value, wanted: bool) -> Value:
    """A value that compares so with a written one."""
    holds = wanted if operator in ("==", ">=", "<=", "in", ">", "<") else not wanted
    if operator in ("in", "not in"):
        first = value[0] if isinstance(value, list) and value else value
        return first if holds else None
    if isinstance(value, int) and not isinstance(value, bool):
        nearest = {">": value + 1, "<": value - 1}.get(operator, value)
        opposite = {">": value, "<": value, ">=": value - 1, "<=": value + 1}
        return nearest if holds else opposite.get(operator, value + 1)
    return value if holds else None


def _is_fact(name: str) -> bool:
    return name.partition(".")[0] in ("caller", "config", "schedule", "queue")


def _scene(dialplan: Dialplan, facts: Facts) -> Scene:
    """Facts as a test writes them: what the caller is stands under `caller`."""
    known = dict(facts)
    language, profile = known.pop("caller.language", None), known.pop("caller.profile", None)
    number, is_withheld = (
        known.pop("caller.number", SOME_NUMBER),
        known.pop("caller.withheld", None),
    )
    is_on = known.pop("config.broadcast.active", False)
    is_named = isinstance(number, str) and not is_withheld
    return Scene(
        caller=Caller(
            str(number) if is_named else "",
            language if isinstance(language, str) and language in dialplan.languages else None,
            profile if isinstance(profile, str) and profile in dialplan.profiles else None,
        ),
        broadcasts=(dict.fromkeys(dialplan.languages, "1414"),) if is_on else (),
        known={name: value for name, value in known.items() if value is not None},
    )


class _Search:
    """Every call in one world, each state of the menu once."""

    def __init__(self, dialplan: Dialplan, trial: Trial, budget: int) -> None:
        self.deeds: tuple[str, ...] = ()
        self.calls_left = budget
        self._plan = dialplan
        self._trial = trial
        self._names = _names_branches_ask(dialplan)

    def calls(self) -> Iterator[Player]:
        """One player after another, the shortest calls first; `deeds` made the present one."""
        seen: set[object] = set()
        waiting: deque[tuple[str, ...]] = deque([()])
        while waiting and self.calls_left > 0:
            deeds = waiting.popleft()
            self.calls_left -= 1
            try:
                player = self.play(deeds)
            except MenuStuck:
                continue
            state = self._state(player)
            self.deeds = deeds
            yield player
            if state not in seen and len(deeds) < DEEDS_MAX:
                seen.add(state)
                waiting.extend((*deeds, deed) for deed in self._next_deeds(player))

    def play(self, deeds: tuple[str, ...]) -> Player:
        """A call with these deeds, up to where the menu waits for the next one."""
        player = Player(
            self._plan,
            facts=self._trial.scene.facts(self._plan),
            language=self._trial.scene.caller.language,
            answers=self._trial.answers,
        )
        player.start()
        player.hear_out()
        for deed in deeds:
            if deed == _SILENCE:
                player.silence()
            elif deed == _OPERATOR:
                player.after_operator()
            elif deed == _OVERFLOW:
                player.overflow()
            else:
                player.dial(deed)
            player.hear_out()
        return player

    def whole_call(self) -> Player:
        """The call of `deeds`, then silence to the end; who is asked for ever asks for a person."""
        player = self.play(self.deeds)
        player.play_out()
        if player.outcome is not None and player.outcome.type == "hangup":
            player = self.play(self.deeds)
            player.dial("0")
            player.play_out()
        return player

    def _state(self, player: Player) -> object:
        last = player.notes[-1] if player.notes else None
        name = player.session.node_name
        attempt = (last.attempt, last.result) if last is not None and last.node == name else ()
        calls = tuple(
            n.node for n in player.notes if isinstance(self._plan.nodes[n.node], menu.Call)
        )
        variables = player.session.variables
        asked = tuple(repr(_dig(variables, each)) for each in self._names)
        is_inside = "." in name
        kind = player.outcome.type if player.outcome is not None else None
        return (name, attempt, calls[-1:] if is_inside else (), asked, kind)

    def _next_deeds(self, player: Player) -> list[str]:
        node = self._plan.nodes[player.session.node_name]
        if player.outcome is not None:
            if isinstance(node, menu.Queue) and player.outcome.type == "queue":
                return [_OPERATOR, _OVERFLOW] if node.on_overflow is not None else [_OPERATOR]
            if isinstance(node, menu.Transfer) and player.outcome.type == "transfer":
                return [_OPERATOR]
            return []
        signs = ["*", "0"] if _has_globals(node) else []
        match node:
            case menu.Menu() | menu.LanguageMenu():
                return [*(option.key for option in node.options), _SILENCE, *signs]
            case menu.Confirm() | menu.Callback():
                return ["1", "2", _SILENCE, *signs]
            case menu.Survey():
                return [node.scale[0], _SILENCE] if node.scale else [_SILENCE]
            case menu.Collect():
                return [*_entries(self._plan, node), _SILENCE, *signs]
        return [_SILENCE]


def _entries(dialplan: Dialplan, node: menu.Collect) -> list[str]:
    """What to enter: something the table has, something it has not, nothing at all."""
    candidates = ["1" * count for count in range(node.digits_min, node.digits_max + 1)]
    candidates += ["9" * node.digits_max, "1234567890123456789012345"[: node.digits_max]]
    if node.check == IIN:
        candidates = [_SOME_IIN]
    found: list[str] = []
    if node.find is not None and node.find.table in dialplan.tables:
        rows = dialplan.tables[node.find.table].rows
        fitting = [key for key in rows if _fits(node, key)]
        found += fitting[:1]
        found += [each for each in candidates if _fits(node, each) and each not in rows][:1]
    else:
        found += [each for each in candidates if _fits(node, each)][:1]
    whole = [f"{each}#" if len(each) < node.digits_max else each for each in found]
    return [*whole, *([node.empty_key] if node.empty_key else [])]


def _fits(node: menu.Collect, entry: str) -> bool:
    is_length = node.digits_min <= len(entry) <= node.digits_max
    return is_length and entry.isdecimal() and entry[0] != "0" and passes(node.check, entry)


def _has_globals(node: menu.Node) -> bool:
    asks = menu.Menu | menu.LanguageMenu | menu.Collect | menu.Confirm | menu.Callback
    return isinstance(node, asks) and node.input.globals_on


def _names_branches_ask(dialplan: Dialplan) -> list[str]:
    """Variables of the call that some branch depends on: they are part of where a call is."""
    conditions: list[Expression] = [
        case.when
        for node in dialplan.nodes.values()
        if isinstance(node, menu.Branch)
        for case in node.cases
    ]
    names = (name for condition in conditions for name in names_of(condition))
    return sorted({name for name in names if name.startswith("call.")})


def _dig(variables: Mapping[str, Value], name: str) -> Value:
    value: Value = variables
    for part in name.split(".")[1:]:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
