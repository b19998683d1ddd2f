"""Who may take a contact, in what order, and why the others may not.

The order of choice among ready operators who meet the least levels: the contact's own route
before an overflow route; whose own topic it is (their highest level, first listed on a tie); the
fewest skills, so that people who can do everything stay free for the callers only they can help;
the longest ready. A last tie goes by operator id, so that the same day gives the same calls.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from acd.core.contacts import Contact, Route
from acd.core.names import OperatorId, QueueId, Topic
from acd.core.queues import OperatorProfile, Rules
from acd.core.seats import OperatorState, Seat

Rank = tuple[int, int, int, int, OperatorId]


@dataclass(frozen=True, slots=True)
class Choice:
    """All operators sorted into those who could take a contact now and those who could not."""

    candidates: tuple[OperatorId, ...]
    refused: Mapping[str, tuple[OperatorId, ...]]


def lacks(rules: Rules, profile: OperatorProfile, contact: Contact) -> str | None:
    """The skill that keeps an operator from a contact: `language`, `topic`, or None."""
    return None if _route(rules, profile, contact) is not None else _missing(profile, contact)


def best(rules: Rules, seats: Iterable[Seat], contact: Contact) -> Seat | None:
    """The ready operator to ring for this contact, or None when nobody fits."""
    chosen: tuple[Rank, Seat] | None = None
    for seat in seats:
        route = _route(rules, seat.profile, contact) if seat.is_ready else None
        if route is None:
            continue
        rank = _rank(rules, seat, contact, route)
        if chosen is None or rank < chosen[0]:
            chosen = (rank, seat)
    return None if chosen is None else chosen[1]


def fits_anybody(rules: Rules, seats: Iterable[Seat], contact: Contact) -> bool:
    """Whether `best` would find somebody; stops at the first."""
    return any(seat.is_ready and _route(rules, seat.profile, contact) is not None for seat in seats)


def explain(rules: Rules, seats: Iterable[Seat], contact: Contact) -> Choice:
    """Every logged-in operator, as a candidate in order of choice or under a reason."""
    ranked: list[Rank] = []
    refused: dict[str, list[OperatorId]] = {}
    for seat in seats:
        if seat.state()[0] is OperatorState.OFFLINE:
            continue
        route = _route(rules, seat.profile, contact)
        if route is None:
            why = _missing(seat.profile, contact)
        elif seat.is_ready:
            ranked.append(_rank(rules, seat, contact, route))
            continue
        else:
            why = seat.unavailable_because()
        refused.setdefault(why, []).append(seat.profile.id)
    return Choice(
        tuple(rank[-1] for rank in sorted(ranked)),
        {why: tuple(operators) for why, operators in refused.items()},
    )


def _route(rules: Rules, profile: OperatorProfile, contact: Contact) -> int | None:
    """The first of the contact's routes this operator is good enough for."""
    level = profile.languages.get(contact.language, 0)
    for index, route in enumerate(contact.routes):
        if level >= max(1, route.least.language) and _meets(rules, profile, route):
            return index
    return None


def _meets(rules: Rules, profile: OperatorProfile, route: Route) -> bool:
    return rules.topic_level(profile, route.topic) >= route.least.topic


def _missing(profile: OperatorProfile, contact: Contact) -> str:
    least = min(route.least.language for route in contact.routes)
    return "topic" if profile.languages.get(contact.language, 0) >= max(1, least) else "language"


def _rank(rules: Rules, seat: Seat, contact: Contact, route: int) -> Rank:
    """The place in the order of choice of a ready operator who meets this route."""
    profile = seat.profile
    own = _is_own(rules, profile.own_topic, contact.routes[route].topic)
    return (route, 0 if own else 1, profile.skill_count, seat.since, profile.id)


def _is_own(rules: Rules, own: Topic | None, wanted: Topic) -> bool:
    if own is None:
        return False
    if own == wanted:
        return True
    return wanted not in rules.topics and rules.topics.get(own) == QueueId(wanted)
