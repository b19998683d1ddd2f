"""Which operators of the roster come to work: so that every language and queue has somebody."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from acd.core.names import Language, OperatorId, QueueId, Topic
from acd.core.queues import OperatorProfile, Rules
from tests.demo.routes import Route

Need = tuple[Language, QueueId, Topic | None]
"""A language and a queue that must have somebody; with a topic, somebody for that topic."""


@dataclass(frozen=True, slots=True)
class Crew:
    """The operators chosen, in the order of the roster, and what none of them can take."""

    operators: tuple[OperatorId, ...]
    unmet: tuple[Need, ...]


def choose(rules: Rules, languages: Iterable[str], routes: Iterable[Route], count: int) -> Crew:
    """`count` operators: again and again whoever covers most of what is still uncovered.

    On a tie the first of the roster. When all is covered it is covered anew, so that a larger
    crew has two and three of everything.
    """
    needs = needs_of(rules, languages, routes)
    able = {id_: covered(rules, profile, needs) for id_, profile in rules.operators.items()}
    chosen: list[OperatorId] = []
    open_: set[Need] = set(needs)
    met: set[Need] = set()
    while len(chosen) < min(count, len(able)):
        left = {id_: able[id_] for id_ in able if id_ not in chosen}
        best = _best(left, open_)
        if not left[best] & open_:
            open_ = set(needs)
            best = _best(left, open_)
        chosen.append(best)
        open_ -= able[best]
        met |= able[best]
    return Crew(
        tuple(id_ for id_ in able if id_ in chosen),
        tuple(need for need in needs if need not in met),
    )


def needs_of(rules: Rules, languages: Iterable[str], routes: Iterable[Route]) -> list[Need]:
    """Every language in every queue, and every topic the menu leads to in its language."""
    needs: dict[Need, None] = {}
    for language in languages:
        for queue in rules.queues:
            needs[Language(language), queue, None] = None
    for route in routes:
        if route.topic is None:
            continue
        topic = Topic(route.topic)
        if topic in rules.topics:
            needs[Language(route.language), rules.topics[topic], topic] = None
    return list(needs)


def covered(rules: Rules, profile: OperatorProfile, needs: Iterable[Need]) -> set[Need]:
    """The needs this operator meets by the queue's least levels, before any ladder widens them.

    None for one in reserve, who is not rung at first: they come to work last.
    """
    found: set[Need] = set()
    for need in needs if not profile.reserve else ():
        language, queue, topic = need
        least = rules.queues[queue].least
        topics = [topic] if topic else [each for each, its in rules.topics.items() if its == queue]
        if profile.languages.get(language, 0) >= least.language and any(
            profile.topics.get(each, 0) >= least.topic for each in topics
        ):
            found.add(need)
    return found


def _best(able: Mapping[OperatorId, set[Need]], open_: set[Need]) -> OperatorId:
    return max(able, key=lambda id_: len(able[id_] & open_))  # the first of the best
