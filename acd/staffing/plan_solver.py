"""Fits shifts and head counts to a week's need.

In two steps, for one programme with everything in it takes hours. First which shifts: a search
over linear programmes (heads need not be whole, a break takes a share of every wave), then an
integer programme over what lies around the best. Then how many heads, whole, with breaks as
they are really taken and everybody's languages. The bound is that of all shifts together,
as many as one likes: no plan is cheaper.

Both are limited by counts of steps before they are by time, so that the same input gives the
same plan on every machine that is fast enough.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from acd.settings import Shift
from acd.staffing.plan import BANDS, HOUR_M, SLOT_M, Need, away, paid_hours, present, slots_of
from acd.staffing.plan_highs import Programme

MISSING_H = 100.0
"""An operator missing for an hour costs as much as so many paid hours: service comes first."""
HIRE_H = 1.0
"""Between two plans equally good, the one that needs fewer new people."""
UNEVEN_H = 0.05
"""A set of languages one person off its share in a shift."""
POOL_MAX = 90
STARTS = 24
PROMISING, SHAKEN = 20, 12
"""How many of the promising shifts are tried, and how many may come in by chance."""
PROGRAMMES_MAX = 10_000
NODES_MAX = 60
SLOT_H = SLOT_M / HOUR_M


class Chosen(NamedTuple):
    """`shifts` by index; the cost with heads in parts, and what no choice is cheaper than."""

    shifts: tuple[int, ...]
    cost: float
    bound: float


class People(NamedTuple):
    """How many there are of each set of languages, and how many there may be (None: any)."""

    groups: Mapping[frozenset[str], int]
    most: int | None


@dataclass(frozen=True, slots=True)
class Staffed:
    """For each shift how many of each set of languages; `hires` of them are not there yet."""

    heads: tuple[Mapping[frozenset[str], int], ...]
    hires: Mapping[frozenset[str], int]
    cost: float
    bound: float
    is_best: bool

    def count(self, shift: int) -> int:
        """Everybody of a shift."""
        return sum(self.heads[shift].values())


def profile(shift: Shift) -> list[float]:
    """The part of a crew at the phones, slot by slot, if it could be divided at will."""
    heads = 1
    for each in shift.breaks:
        heads = max(heads, round(1 / each.at_once) if each.at_once > 0 else 1)
    return [count / heads for count in present(shift, heads)]


def choose_shifts(
    shifts: Sequence[Shift],
    near: Sequence[Collection[int]],
    need: Need,
    most_shifts: int,
    most_heads: int | None,
    seconds_left: Callable[[], float],
) -> Chosen:
    """The best set found of at most so many shifts. `near`: what to try in place of each."""
    search = _Search(shifts, need, most_heads, seconds_left)
    bound = search.cost(range(len(shifts)))
    best = search.run(near, most_shifts)
    pool = set(range(len(shifts)))
    if len(pool) > POOL_MAX:
        pool = set(best)
        for index in sorted(best, key=lambda each: (-search.heads_of(best, each), each)):
            pool.update(sorted(near[index])[: max(0, POOL_MAX - len(pool))])
    found, cost = _exactly(
        shifts, sorted(pool), need, most_shifts, most_heads, best, seconds_left()
    )
    if cost < search.cost(best) - 1e-6:
        best = found
    return Chosen(tuple(sorted(best)), search.cost(best), bound)


class _Search:
    """One linear programme over all shifts; a set of them is tried by closing the others."""

    def __init__(
        self,
        shifts: Sequence[Shift],
        need: Need,
        most_heads: int | None,
        seconds_left: Callable[[], float],
    ) -> None:
        self._seconds_left = seconds_left
        self._programme = Programme()
        self._count = len(shifts)
        self._most = float(most_heads or 4 * max(need.total) + 4)
        for shift in shifts:
            self._programme.column(paid_hours(shift), 0.0, self._most)
        self._open = set(range(len(shifts)))
        self._seen: dict[frozenset[int], float] = {}
        profiles = {i: profile(shift) for i, shift in enumerate(shifts)}
        for terms, needed, slots in _rows(profiles, need):
            terms |= _missing(self._programme, needed, slots)
            self._programme.row(terms, low=needed)
        if most_heads is not None:
            self._programme.row(dict.fromkeys(range(len(shifts)), 1.0), high=most_heads)
        self._values: Sequence[float] = ()
        self._worth: Sequence[float] = ()

    def cost(self, chosen: Collection[int]) -> float:
        """Of the best heads for these shifts."""
        key = frozenset(chosen)
        if key not in self._seen:
            self._solve(key)
        return self._seen[key]

    def heads_of(self, chosen: Collection[int], shift: int) -> float:
        """How many the best heads for these shifts put into one of them."""
        self._solve(frozenset(chosen))
        return self._values[shift]

    def _solve(self, key: frozenset[int]) -> None:
        for index in sorted(self._open - key):
            self._programme.bounds(index, 0.0, 0.0)
        for index in sorted(key - self._open):
            self._programme.bounds(index, 0.0, self._most)
        self._open = set(key)
        solved = self._programme.solve()
        # Leaving every slot short is always a solution.
        assert solved is not None, "the programme of a week has a solution"
        self._seen[key], self._values, self._worth = solved.cost, solved.values, solved.worth

    def run(self, near: Sequence[Collection[int]], most_shifts: int) -> frozenset[int]:
        """Take away from what the whole programme uses, then swap; again from shaken sets."""
        everything = frozenset(range(len(near)))
        self._solve(everything)
        used = {i: self._values[i] for i in everything if self._values[i] > 1e-6}
        current = frozenset(sorted(used, key=lambda i: (-used[i], i))[: 3 * most_shifts])
        while len(current) > most_shifts:
            less = [current - {index} for index in sorted(current)]
            current = min(less, key=self.cost)
        best = self._swapped(current, near)
        rng = Random(1)
        for _ in range(STARTS):
            if self._is_enough():
                break
            again = self._swapped(self._shaken(best, rng, most_shifts), near)
            best = min(best, again, key=self.cost)
        return best

    def _is_enough(self) -> bool:
        return len(self._seen) > PROGRAMMES_MAX or self._seconds_left() <= 0

    def _shaken(self, current: frozenset[int], rng: Random, most: int) -> frozenset[int]:
        """Two or three at random make room for others that promise something."""
        kept = rng.sample(sorted(current), max(0, len(current) - rng.choice((2, 3))))
        while len(kept) < most:
            promising = self._promising(frozenset(kept))[:SHAKEN]
            if not promising:
                break
            kept.append(rng.choice(promising))
        return frozenset(kept)

    def _promising(self, chosen: frozenset[int]) -> list[int]:
        """What would lower the cost if it were opened too, the steepest first."""
        self._solve(chosen)
        closed = [(self._worth[i], i) for i in range(self._count) if i not in chosen]
        return [index for worth, index in sorted(closed) if worth < -1e-6]

    def _swapped(self, current: frozenset[int], near: Sequence[Collection[int]]) -> frozenset[int]:
        """Swap one for another as long as that helps: for a promising one, then for a near one."""
        while not self._is_enough():
            tried = (
                [(current | {other}) - {one} for one in sorted(current)]
                for other in self._promising(current)[:PROMISING]
            )
            nearby = (
                [(current - {one}) | {other} for other in sorted(near[one])]
                for one in sorted(current)
            )
            better = self._first_better(current, tried) or self._first_better(current, nearby)
            if better is None:
                break
            current = better
        return current

    def _first_better(
        self, current: frozenset[int], tried: Iterable[list[frozenset[int]]]
    ) -> frozenset[int] | None:
        """The best of the first lot that has a better one."""
        for lot in tried:
            best = min(lot, key=self.cost, default=current)
            if self.cost(best) < self.cost(current) - 1e-6:
                return best
        return None


def _rows(
    profiles: Mapping[int, Sequence[float]], need: Need
) -> list[tuple[dict[int, float], int, int]]:
    """What is present, what is needed, in how many slots: those that are all alike are one."""
    found: dict[tuple[int, tuple[tuple[int, float], ...]], int] = {}
    for slot, needed in enumerate(need.total):
        if needed:
            terms = tuple((i, each[slot]) for i, each in profiles.items() if each[slot])
            found[needed, terms] = found.get((needed, terms), 0) + 1
    return [(dict(terms), needed, slots) for (needed, terms), slots in found.items()]


def _missing(programme: Programme, needed: float, slots: int = 1) -> dict[int, float]:
    """Columns for the operators that slots are short of, dearer band by band."""
    cost = MISSING_H * SLOT_H * slots
    return {programme.column(cost * price, 0.0, share * needed): 1.0 for share, price in BANDS}


def _exactly(
    shifts: Sequence[Shift],
    pool: Sequence[int],
    need: Need,
    most_shifts: int,
    most_heads: int | None,
    start: Collection[int],
    seconds: float,
) -> tuple[frozenset[int], float]:
    """The best set within a pool, by an integer programme that begins with a known one."""
    programme = Programme()
    profiles = {index: profile(shifts[index]) for index in pool}
    heads, taken = {}, {}
    for index, each in profiles.items():
        # Nobody needs more in one shift than what fills its neediest slot alone.
        top = max((n / part for n, part in zip(need.total, each, strict=True) if part), default=0)
        top = min(top, float(most_heads)) if most_heads is not None else top
        heads[index] = programme.column(paid_hours(shifts[index]), 0.0, top)
        taken[index] = programme.column(0.0, 0.0, 1.0, is_whole=True)
        programme.row({heads[index]: 1.0, taken[index]: -top}, high=0.0)
    for parts, needed, slots in _rows(profiles, need):
        terms = {heads[index]: part for index, part in parts.items()}
        programme.row(terms | _missing(programme, needed, slots), low=needed)
    programme.row(dict.fromkeys(taken.values(), 1.0), high=most_shifts)
    if most_heads is not None:
        programme.row(dict.fromkeys(heads.values(), 1.0), high=most_heads)
    known = {taken[index]: float(index in start) for index in pool}
    solved = programme.solve(seconds=seconds, nodes=NODES_MAX, start=known)
    if solved is None:
        return frozenset(start), float("inf")
    return frozenset(i for i in pool if solved.values[taken[i]] > 0.5), solved.cost


def staff_shifts(shifts: Sequence[Shift], need: Need, people: People, seconds: float) -> Staffed:
    """How many of whom in each of these shifts: whole heads, breaks wave by wave, languages."""
    programme = Programme()
    heads = _columns(programme, shifts, people)
    everybody = [list(each.values()) for each in heads]
    pairs = zip(shifts, everybody, strict=True)
    _require(programme, need.total, [_present(programme, shift, each) for shift, each in pairs])
    _require_languages(programme, shifts, heads, need)
    _hire(programme, heads, people)
    if people.most is not None:
        anybody = {column: 1.0 for each in everybody for column in each}
        programme.row(anybody, high=people.most)
    solved = programme.solve(seconds=seconds, nodes=400 * NODES_MAX)
    assert solved is not None, "heads for given shifts have a solution"
    counts = [round(sum(solved.values[column] for column in each)) for each in everybody]
    dealt = _deal(shifts, counts, need, people, seconds)
    missing = {
        group: max(0, sum(each[group] for each in dealt) - there)
        for group, there in people.groups.items()
    }
    return Staffed(dealt, missing, solved.cost, solved.bound, solved.is_best)


Heads = list[dict[frozenset[str], int]]
"""For each shift the column, or the count, of each set of languages."""


def _deal(
    shifts: Sequence[Shift], counts: Sequence[int], need: Need, people: People, seconds: float
) -> tuple[dict[frozenset[str], int], ...]:
    """Who is in which shift, given how many: languages where they are needed, else in proportion.

    So no shift is left without the people that the others have too many of.
    """
    programme = Programme()
    heads = _columns(programme, shifts, people)
    _hire(programme, heads, people)
    _require_languages(programme, shifts, heads, need)
    crew = max(1, sum(people.groups.values()))
    for each, count in zip(heads, counts, strict=True):
        programme.row(dict.fromkeys(each.values(), 1.0), low=count, high=count)
        for group, column in each.items():
            fair = people.groups[group] / crew * count
            off = programme.column(UNEVEN_H)
            programme.row({column: 1.0, off: -1.0}, high=fair)
            programme.row({column: 1.0, off: 1.0}, low=fair)
    solved = programme.solve(seconds=seconds, nodes=NODES_MAX)
    assert solved is not None, "people can be dealt to shifts somehow"
    return tuple({g: round(solved.values[column]) for g, column in each.items()} for each in heads)


def _columns(programme: Programme, shifts: Sequence[Shift], people: People) -> Heads:
    groups = sorted(people.groups, key=sorted)
    return [
        {g: programme.column(paid_hours(shift), is_whole=True) for g in groups} for shift in shifts
    ]


def _hire(programme: Programme, heads: Heads, people: People) -> None:
    """New people speak what most of the crew speak, and more only where that is needed."""
    usual = Counter(people.groups).most_common(1)[0][0]
    for group, there in people.groups.items():
        terms = {each[group]: 1.0 for each in heads}
        if group >= usual:
            terms[programme.column(HIRE_H * (1 + 0.1 * len(group - usual)))] = -1.0
        programme.row(terms, high=there)


def _require_languages(
    programme: Programme, shifts: Sequence[Shift], heads: Heads, need: Need
) -> None:
    for language, wanted in sorted(need.languages.items()):
        speakers = [
            _shared(shift, [column for g, column in each.items() if language in g])
            for shift, each in zip(shifts, heads, strict=True)
        ]
        _require(programme, wanted, speakers)


Terms = list[dict[int, float]]
"""For each slot of the week: what counts, and how much."""


def _present(programme: Programme, shift: Shift, heads: Sequence[int]) -> Terms:
    """Those of a shift at the phones: all of it, less the wave that is away."""
    on_duty = present(Shift("", shift.days, shift.begins, shift.ends), 1)
    found = [dict.fromkeys(heads, 1.0) if there else {} for there in on_duty]
    for each in shift.breaks:
        alone = Shift("", shift.days, shift.begins, shift.ends, (each,))
        count = round(1 / each.at_once) if each.at_once > 0 else 1
        for wave, (gone_at, back_at, _) in enumerate(away(alone, count)):
            # Wave w of n heads in c waves has (n - w) / c of them, rounded up.
            gone = programme.column(0.0, is_whole=True)
            terms = dict.fromkeys(heads, -1.0) | {gone: float(count)}
            programme.row(terms, low=-float(wave))
            for day in shift.days:
                minute = day * 24 * HOUR_M + shift.begins + gone_at
                for slot in slots_of(minute, back_at - gone_at):
                    found[slot][gone] = -1.0
    return found


def _shared(shift: Shift, heads: Sequence[int]) -> Terms:
    """The same with breaks that take their share of everybody alike."""
    return [dict.fromkeys(heads, part) if part else {} for part in profile(shift)]


def _require(programme: Programme, need: Sequence[int], parts: Sequence[Terms]) -> None:
    for slot, needed in enumerate(need):
        if needed:
            terms = _missing(programme, needed)
            for part in parts:
                terms |= part[slot]
            programme.row(terms, low=needed)
