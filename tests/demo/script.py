"""Who does what and when, all of it from one seed: pure, no clock, no socket.

Times are integer milliseconds. The same seed, rate and menu give the same citizens; the same seed
and operator the same turns. What happens to them is up to the system they call.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.demo.routes import Route, Routes

FATES = ("leaves", "impatient", "impatient", *("patient",) * 9)
"""Of so many callers each, dealt like cards: hang up in the menu, do not wait long, wait."""
PATIENCE_MS = {"leaves": (0, 0), "impatient": (4_000, 9_000), "patient": (45_000, 150_000)}
"""From the last key on; the sentence before the music, ring and whisper take some 5 s of it."""
DEAF = 0.06
"""Share of rings that an operator does not hear."""
PAUSES = 0.2
"""How often a call is followed by a pause."""
WRITES_ON = 0.3
"""How often an operator lets the wrap-up run out instead of ending it."""
TALK_MS = (5_000, 20_000)
SCORES = ("5", "5", "5", "5", "4", "4", "3", "2", "1", None)
"""What is pressed when the menu asks how it was; None: hangs up instead."""
SERIALS = 100_000
STRIDE = 37_619
"""Spreads the numbers over all there are; it shares no factor with SERIALS."""
MIDDLES = 10_000
"""How many numbers look alike with the middle masked."""


@dataclass(frozen=True, slots=True)
class Citizen:
    """One call, planned.

    `key_ms` is the pause before each key of the route that is pressed; fewer pauses than keys:
    the caller hangs up instead of the next one, after `leaves_ms`. Patience runs while nobody
    talks to them; after `talk_ms` of conversation they have said what they wanted to. `score` is
    for an operator who hangs up before that.
    """

    serial: int
    number: str
    at_ms: int
    route: Route
    key_ms: tuple[int, ...]
    leaves_ms: int | None
    patience_ms: int
    talk_ms: int
    score: str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """What an operator does with one call. `wrap_ms`, `pause_ms`: None for not at all."""

    answers: bool
    ring_ms: int
    talk_ms: int
    wrap_ms: int | None
    pause_ms: int | None
    reason: int
    """Which of the pause reasons, to be taken modulo their number."""


def citizens(seed: int, per_minute: float, routes: Routes, visit: int = 0) -> Iterator[Citizen]:
    """Callers without end; the first at once, then at random intervals of that mean.

    Another `visit` gives the same people other numbers: the system asks nobody for the language a
    second time, and these people press the key for it.
    """
    chance, arrivals = Random(f"{seed} citizens"), Random(f"{seed} arrivals")
    dealt, fates = deal(chance, routes), _fates(chance)
    at_ms = 0.0
    serial = 0
    while True:
        middle = (chance.randrange(MIDDLES) + visit) % MIDDLES
        number = number_of(serial % SERIALS, middle)
        yield _citizen(chance, serial % SERIALS, number, round(at_ms), next(dealt), next(fates))
        at_ms += arrivals.expovariate(per_minute / 60_000)
        serial += 1


def _fates(chance: Random) -> Iterator[str]:
    while True:
        yield from chance.sample(FATES, len(FATES))


def _citizen(
    chance: Random, serial: int, number: str, at_ms: int, route: Route, fate: str
) -> Citizen:
    key_ms = tuple(chance.randint(*pause) for pause in route.pauses)
    leaves_ms = None
    if fate == "leaves":
        key_ms = key_ms[: chance.randrange(len(key_ms) or 1)]
        leaves_ms = chance.randint(500, 6_000)
    talk_ms = chance.randint(*TALK_MS)
    patience_ms = chance.randint(*PATIENCE_MS[fate])
    return Citizen(
        serial=serial,
        number=number,
        at_ms=at_ms,
        route=route,
        key_ms=key_ms,
        leaves_ms=leaves_ms,
        patience_ms=talk_ms if route.is_message else patience_ms,
        talk_ms=talk_ms,
        score=chance.choice(SCORES),
    )


def number_of(serial: int, middle: int) -> str:
    """A number that stays one of a kind when its middle is masked, as everything shows it."""
    shown = serial * STRIDE % SERIALS
    return f"77{shown // 100:03}{middle:04}{shown % 100:02}"


def deal(chance: Random, routes: Routes) -> Iterator[Route]:
    """Routes like cards: the languages by turns, and in each every route before one comes again.

    So a short look already shows all languages, and all topics soon. When the routes change, all
    that was dealt from the old ones is thrown away.
    """
    while True:
        current = routes()
        for route in _deal(chance, current):
            if routes() != current:
                break
            yield route


def _deal(chance: Random, routes: Sequence[Route]) -> Iterator[Route]:
    packs: dict[str, list[Route]] = {}
    for route in routes:
        packs.setdefault(route.language, []).append(route)
    hands: dict[str, list[Route]] = {language: [] for language in packs}
    while packs:
        for language in chance.sample(list(packs), len(packs)):
            if not hands[language]:
                hands[language] = chance.sample(packs[language], len(packs[language]))
            yield hands[language].pop()


def turns(seed: int, operator: str) -> Iterator[Turn]:
    """What this operator does with their first call, their second, and so on without end."""
    chance = Random(f"{seed} {operator}")
    while True:
        writes_on, pauses = chance.random() < WRITES_ON, chance.random() < PAUSES
        yield Turn(
            answers=chance.random() >= DEAF,
            ring_ms=chance.randint(600, 3_000),
            talk_ms=chance.randint(*TALK_MS),
            wrap_ms=None if writes_on else chance.randint(1_500, 7_000),
            pause_ms=chance.randint(8_000, 25_000) if pauses else None,
            reason=chance.randrange(60),
        )
