"""Who works in which shift of a plan, and whom it lacks. Pure, but for dice with a fixed seed."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random

from acd.core.names import OperatorId
from acd.core.queues import OperatorProfile
from acd.settings import Shift
from acd.staffing.plan_solver import Staffed


@dataclass(frozen=True, slots=True)
class Crew:
    """Everybody of a plan in order of shift, new people included; `surplus` has no place in it."""

    operators: tuple[OperatorProfile, ...]
    hires: tuple[OperatorId, ...]
    surplus: tuple[OperatorId, ...]


def languages_of(operator: OperatorProfile, least: int) -> frozenset[str]:
    """What an operator speaks well enough to be rung for it."""
    return frozenset(name for name, level in operator.languages.items() if level >= least)


def groups_of(operators: Iterable[OperatorProfile], least: int) -> dict[frozenset[str], int]:
    """How many speak which languages; the reserve is not counted, for it is rung only in need."""
    found = Counter(languages_of(each, least) for each in operators if not each.reserve)
    found.pop(frozenset(), None)
    return dict(found)


def crew_of(
    shifts: Sequence[Shift], staffed: Staffed, operators: Sequence[OperatorProfile], least: int
) -> Crew:
    """Everybody keeps their skills; each topic is spread over the shifts by their size."""
    dealt: list[OperatorProfile] = []
    hires: list[OperatorId] = []
    surplus: list[OperatorId] = []
    own: dict[str, Counter[str]] = {shift.id: Counter() for shift in shifts}
    rng = Random(1)
    for group in sorted(staffed.heads[0], key=sorted):
        room = {s.id: each[group] for s, each in zip(shifts, staffed.heads, strict=True)}
        size = {shift.id: max(1, staffed.count(i)) for i, shift in enumerate(shifts)}
        present = [o for o in operators if not o.reserve and languages_of(o, least) == group]
        for operator in _topic_by_topic(present):
            topic = str(operator.own_topic)
            open_ = [id_ for id_, left in room.items() if left]
            if not open_:
                surplus.append(operator.id)
                continue
            shift = min(
                open_,
                key=lambda id_: (own[id_][topic] / size[id_], -room[id_] / size[id_], id_),
            )
            room[shift] -= 1
            own[shift][topic] += 1
            dealt.append(replace(operator, shift=shift))
        for shift, lacking in room.items():
            for _ in range(lacking):
                new = OperatorId(f"new{len(hires) + 1:03}")
                like = rng.choice(present)
                dealt.append(replace(like, id=new, name=new, shift=shift, wrap_up_ms=None))
                hires.append(new)
    dealt += _leads(shifts, staffed, operators)
    order = {shift.id: index for index, shift in enumerate(shifts)}
    # By languages, so that the waves of a break take some of each; the reserve last, so that
    # it changes nobody else's wave.
    dealt.sort(
        key=lambda each: (
            order[each.shift],
            each.reserve,
            each.id in hires,
            sorted(languages_of(each, least)),
            each.id,
        )
    )
    return Crew(tuple(dealt), tuple(hires), tuple(surplus))


def _topic_by_topic(operators: Iterable[OperatorProfile]) -> list[OperatorProfile]:
    """The first of every topic, then the second of each, so that none is left over whole."""
    seen: Counter[str] = Counter()
    keyed = []
    for operator in operators:
        topic = str(operator.own_topic)
        keyed.append(((seen[topic], topic, operator.id), operator))
        seen[topic] += 1
    return [operator for _, operator in sorted(keyed, key=lambda pair: pair[0])]


def _leads(
    shifts: Sequence[Shift], staffed: Staffed, operators: Iterable[OperatorProfile]
) -> list[OperatorProfile]:
    """The reserve goes round the shifts, the largest first."""
    ordered = sorted(range(len(shifts)), key=lambda index: (-staffed.count(index), index))
    leads = [each for each in operators if each.reserve]
    return [
        replace(lead, shift=shifts[ordered[number % len(ordered)]].id)
        for number, lead in enumerate(leads)
    ]
