"""Which keys lead where, found by playing the menu itself, so that the demo never goes stale.

The search presses every key that means something wherever the menu waits for one, the shortest
calls first, and goes on from each place of the menu once per language. Of the calls that end alike
the shortest is a route. Whatever leads to other people's telephones is none: a transfer to another
house, a promise to call a made-up number back.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from ivr.core import menu
from ivr.core.checks import passes
from ivr.core.menu import Dialplan
from ivr.core.schedules import holds
from ivr.core.speech import NO_KEY, YES_KEY
from ivr.facts import Scene
from ivr.graph import flow_of, hears_globals
from ivr.player import MenuStuck, Player

Routes = Callable[[], Sequence["Route"]]
"""The routes there are just now."""

ENTRIES_MAX = 8
"""Answers a caller gives, one key or one number each; deeper menus exist only in error."""
CALLS_MAX = 10_000
ENDINGS = ("queue", "goodbye", "voicemail")

AN_ORDINARY_DAY = Scene()

PRESSES_MS = (700, 3_000)
"""Pause before a key: most people know what they want and do not wait for the end."""
DIALS_MS = (300, 900)
"""Between the digits of a number, for which a menu waits less than before it."""


@dataclass(frozen=True, slots=True)
class Route:
    """The keys a caller presses, and where that ends; no topic: the menu says it all itself.

    `pauses` has the least and the most milliseconds before each key; longer where something has to
    be heard first. `is_message`: it ends at a recorder, and the caller speaks to it.
    """

    keys: str
    language: str
    topic: str | None
    is_message: bool = False
    pauses: tuple[tuple[int, int], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class _Try:
    """A call with these entries, heard until it ends or waits for a key."""

    entries: tuple[str, ...]
    pauses: tuple[tuple[int, int], ...]
    player: Player


def routes_of(plan: Dialplan, scene: Scene = AN_ORDINARY_DAY) -> list[Route]:
    """The shortest way to every ending that a caller can press themselves to, the shortest first.

    Endings differ by language, by topic, by how they end, and by whether a number was entered.
    """
    found: dict[object, Route] = {}
    seen: set[object] = set()
    waiting: deque[tuple[str, ...]] = deque([()])
    for _ in range(CALLS_MAX):
        if not waiting:
            break
        tried = _try(plan, scene, waiting.popleft())
        if tried is None:
            continue
        if tried.player.outcome is not None:
            if tried.player.outcome.type in ENDINGS:
                found.setdefault(_ending(plan, tried), _route(tried))
        elif (place := _place(plan, tried.player)) not in seen:
            seen.add(place)
            if len(tried.entries) < ENTRIES_MAX:
                node = plan.nodes[tried.player.session.node_name]
                waiting.extend((*tried.entries, entry) for entry in _entries(plan, node))
    return list(found.values())


class Timetable:
    """The routes of the moment: at night and on holidays a menu may ask other things first."""

    def __init__(self, plan: Dialplan, now: Callable[[], datetime]) -> None:
        self._plan = plan
        self._now = now
        self._zone = ZoneInfo(plan.timezone)
        self._found: dict[frozenset[str], list[Route]] = {}

    def __call__(self) -> Sequence[Route]:
        """Searched once for all moments in which the same schedules hold."""
        at = self._now().astimezone(self._zone)
        schedules = self._plan.schedules.items()
        on = frozenset(name for name, schedule in schedules if holds(schedule, at))
        if on not in self._found:
            self._found[on] = routes_of(self._plan, Scene(at=at.replace(tzinfo=None)))
        return self._found[on]


def _try(plan: Dialplan, scene: Scene, entries: tuple[str, ...]) -> _Try | None:
    """None where the menu itself would get stuck, which is for `ivr check` to tell."""
    player = Player(plan, facts=scene.facts(plan))
    pauses: list[tuple[int, int]] = []
    try:
        player.start()
        player.hear_out()
        for entry in entries:
            asked = plan.nodes[player.session.node_name]
            spoke_ms = player.now_ms - (player.deeds[-1].at_ms if player.deeds else 0)
            player.dial(entry)
            player.hear_out()
            is_goodbye = player.outcome is not None and player.outcome.type == "goodbye"
            must_hear = is_goodbye or isinstance(asked, menu.Confirm)
            first = (spoke_ms // 2, spoke_ms) if must_hear else PRESSES_MS
            pauses += [first, *[DIALS_MS] * (len(entry) - 1)]
    except MenuStuck:
        return None
    return _Try(entries, tuple(pauses), player)


def _place(plan: Dialplan, player: Player) -> object:
    """Where the call waits; inside a flow also for whom the flow runs."""
    name = player.session.node_name
    calls = [note.node for note in player.notes if isinstance(plan.nodes[note.node], menu.Call)]
    return name, player.session.language, calls[-1] if calls and flow_of(name) else None


def _ending(plan: Dialplan, tried: _Try) -> object:
    outcome = tried.player.outcome
    assert outcome is not None
    entered = any(isinstance(plan.nodes[name], menu.Collect) for name in tried.player.node_names())
    topic = outcome.topic or str(tried.player.session.variables.get("topic"))
    return outcome.language, outcome.type, topic, entered


def _route(tried: _Try) -> Route:
    outcome = tried.player.outcome
    assert outcome is not None
    is_message = outcome.type == "voicemail"
    topic = outcome.topic if outcome.type == "queue" else None
    return Route("".join(tried.entries), outcome.language, topic, is_message, tried.pauses)


def _entries(plan: Dialplan, node: menu.Node) -> list[str]:
    """What a caller may answer here, in the order of the file, a person last."""
    person = ["0"] if hears_globals(node) else []
    match node:
        case menu.Menu() | menu.LanguageMenu():
            return [*(option.key for option in node.options), *person]
        case menu.Confirm():
            return [YES_KEY, NO_KEY, *person]
        case menu.Collect():
            return [*_numbers(plan, node), *([node.empty_key] if node.empty_key else []), *person]
    return []


def _numbers(plan: Dialplan, node: menu.Collect) -> list[str]:
    """A number that the menu will take: the first of its table, or any; none when it is hard."""
    table = plan.tables.get(node.find.table) if node.find is not None else None
    candidates = table.rows if table is not None else ["1" * node.digits_min]
    fitting = (
        number
        for number in candidates
        if node.digits_min <= len(number) <= node.digits_max
        and number.isdecimal()
        and not number.startswith("0")
        and passes(node.check, number)
    )
    number = next(fitting, None)
    if number is None:
        return []
    return [number if len(number) == node.digits_max else f"{number}#"]
