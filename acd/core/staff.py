"""Everybody on the roster: what they are doing, who could be rung this instant.

For each state there is the set of operators in it (see `acd.core.skills`), kept true by `settle`
after every change, and for each band of equal skills the ready ones in the order of choice.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping

from acd.core.events import Phone
from acd.core.names import NO_TIME, ContactId, Millis, OperatorId
from acd.core.queues import OperatorProfile, Rules
from acd.core.seats import OperatorState, Seat, Work
from acd.core.skills import Pool, Skills

SLOT_MS = 16_000
"""Conversations that began within one slot count as equally old in predictions."""

AT_WORK = ("ready", "ringing", "talking", "wrap_up")
"""Ready, or sure to be ready again: `Staff.working` has them."""

COARSE = (1, 4, 16, 64)
"""Older conversations share slots of so many."""

SLOTS_MAX = 14

SHIFT = 24
INDEX = (1 << SHIFT) - 1
FEW = 32

_WORDS = {state: state.value for state in OperatorState}
_PHONES = ("phone_in_use", "phone_unreachable")


class Staff:
    """The seats.

    `touched` holds those that may have changed since `begin`, `freed` those that became ready.
    """

    def __init__(self, rules: Rules) -> None:
        self._now = NO_TIME
        self._seats: dict[OperatorId, Seat] = {
            id_: Seat(profile) for id_, profile in rules.operators.items()
        }
        self.touched: dict[OperatorId, Seat] = {}
        self.freed: list[Seat] = []
        self._sort(rules)

    def __iter__(self) -> Iterator[Seat]:
        return iter(self._seats.values())

    def _sort(self, rules: Rules) -> None:
        """Begin the sets anew for these rules."""
        self.skills = Skills(rules)
        self._profiles: Mapping[OperatorId, OperatorProfile] = rules.operators
        self._by_load = rules.routing.idle == "least_loaded"
        self._by_index: list[Seat] = [self._seats[id_] for id_ in self.skills.ids]
        self._order: list[list[int]] = [[] for _ in self.skills.bands]
        self.states: dict[str, int] = {}
        self.talks: dict[int, int] = {}
        self.logged_in = self.ready = self.working = 0
        for seat in self._seats.values():
            index = self.skills.index.get(seat.profile.id, -1)
            seat.index, seat.bit = index, 0 if index < 0 else 1 << index
            counted, seat.counted = seat.counted, None
            self._count(seat, counted)
            if seat.talk_slot is not None:
                self._talks(seat, seat.talk_slot)

    def get(self, operator: OperatorId | None) -> Seat | None:
        """One seat; None for a stranger."""
        return None if operator is None else self._seats.get(operator)

    def at(self, index: int) -> Seat:
        """The seat of a bit."""
        return self._by_index[index]

    def begin(self, now: Millis) -> None:
        """A new event, at this time."""
        self._now = now
        self.touched = {}

    def put_to_work(
        self,
        seat: Seat,
        work: Work,
        contact: ContactId | None = None,
        until: Millis | None = None,
    ) -> None:
        """Give a seat work, or take it away; who is connected while logging out stays for it."""
        seat.start(work, contact, until)
        if work is Work.TALKING and not seat.logged_in:
            seat.logged_in, seat.logout_next = True, True
        self.settle(seat)

    def report_phone(self, seat: Seat, phone: Phone, unreachable: str) -> None:
        """Asterisk reports a phone. `unreachable` is the pause that ends when the phone is back."""
        came_back = phone is Phone.FREE and seat.phone is Phone.UNREACHABLE
        if came_back and seat.pause == unreachable:
            seat.pause = None
        seat.phone = phone
        self.settle(seat)

    def settle(self, seat: Seat) -> None:
        """Note the moment of a change of state, and whether the seat is ready now."""
        id_ = seat.profile.id
        self.touched[id_] = seat
        shown = seat.state()
        if seat.shown != shown:
            self._add_up(seat)
            seat.shown, seat.since = shown, self._now
            state, reason = shown
            word = reason if reason in _PHONES else _WORDS[state]
            self._count(seat, None if state is OperatorState.OFFLINE else word)
            seat.past.append((self._now, seat.counted))
            talking = state is OperatorState.TALKING
            self._talks(seat, self._now // SLOT_MS if talking else None)
        if seat.bit == 0 and seat.work is Work.NONE and id_ not in self._profiles:
            self._seats.pop(id_, None)

    def talking_since(self, seat: Seat, since: Millis) -> None:
        """The state began before the news of it came."""
        seat.since = since
        if seat.talk_slot is not None:
            self._talks(seat, since // SLOT_MS)

    def _add_up(self, seat: Seat) -> None:
        if seat.shown[0] in (OperatorState.TALKING, OperatorState.WRAP_UP):
            seat.busy_ms += self._now - seat.since
        elif seat.shown[0] is OperatorState.OFFLINE:
            seat.busy_ms = 0

    def _count(self, seat: Seat, word: str | None) -> None:
        """Move the seat from one set to another."""
        before, bit = seat.counted, seat.bit
        if before == word:
            return
        if bit and before is not None:
            self.states[before] &= ~bit
        seat.counted = word
        if bit and word is not None:
            self.states[word] = self.states.get(word, 0) | bit
        if not bit:
            return
        if (before is None) != (word is None):
            self.logged_in ^= bit
        if (before in AT_WORK) != (word in AT_WORK):
            self.working ^= bit
        if before == "ready" or word == "ready":
            self.ready ^= bit
            order = self._order[self.skills.band[seat.index]]
            if word == "ready":
                value = seat.busy_ms if self._by_load else seat.since
                seat.order_key = value << SHIFT | seat.index
                insort(order, seat.order_key)
                self.freed.append(seat)
            else:
                del order[bisect_left(order, seat.order_key)]

    def _talks(self, seat: Seat, slot: int | None) -> None:
        """Note since when this operator talks; not at all: None."""
        before, bit, talks = seat.talk_slot, seat.bit, self.talks
        seat.talk_slot = slot
        if not bit:
            return
        if before is not None:
            for coarse in COARSE:
                key = before - before % coarse
                if key in talks and talks[key] & bit:
                    talks[key] ^= bit
                    if not talks[key]:
                        del talks[key]
        if slot is not None:
            talks[slot] = talks.get(slot, 0) | bit
            if len(talks) > SLOTS_MAX:
                self._join_old_talks()

    def _join_old_talks(self) -> None:
        """The older conversations are, the less it matters when exactly they began."""
        this = self._now // SLOT_MS
        for slot, who in list(self.talks.items()):
            key = next(
                slot - slot % coarse for coarse in reversed(COARSE) if this - slot >= coarse - 1
            )
            if key != slot:
                del self.talks[slot]
                self.talks[key] = self.talks.get(key, 0) | who

    def free_all(self) -> None:
        """Everybody who is ready counts as just become so: look for callers for all of them."""
        self.freed = [seat for seat in self._by_index if seat.bit & self.ready]

    def in_order(self, pool: Pool) -> Iterator[Seat]:
        """The ready operators who meet a need, in the order of choice.

        By route; then those not kept in reserve; then who knows what is preferred; then whose own
        topic it is; then the fewest skills; then the longest ready (or the least loaded), and on
        a last tie by id, so that the same day gives the same calls.
        """
        ready, skills = self.ready & pool.may, self.skills
        for may, own in pool.routes:
            some = ready & may
            if not some:
                continue
            ready &= ~some
            tiers = [some]
            for wanted in (~skills.reserve, *pool.prefers, own):
                if wanted != -1:
                    tiers = [
                        part for tier in tiers for part in (tier & wanted, tier & ~wanted) if part
                    ]
            for tier in tiers:
                yield from self._in_bands(tier)

    def _in_bands(self, some: int) -> Iterator[Seat]:
        bands, band_of = self.skills.bands, self.skills.band
        while some:
            lowest = some & -some
            where = band_of[lowest.bit_length() - 1]
            part = some & bands[where]
            some ^= part
            if part == lowest:
                yield self._by_index[lowest.bit_length() - 1]
            elif part.bit_count() <= FEW:
                seats = [self._by_index[index] for index in _members(part)]
                seats.sort(key=lambda seat: seat.order_key)
                yield from seats
            else:
                for key in self._order[where]:
                    seat = self._by_index[key & INDEX]
                    if seat.bit & part:
                        yield seat

    def replace(self, rules: Rules) -> list[Seat]:
        """A new roster; returns the seats of those who left it, to be sent home by the router."""
        for id_, profile in rules.operators.items():
            if id_ in self._seats:
                self._seats[id_].profile = profile
            else:
                self._seats[id_] = Seat(profile)
        self._sort(rules)
        return [seat for id_, seat in self._seats.items() if id_ not in rules.operators]


def _members(some: int) -> Iterator[int]:
    while some:
        lowest = some & -some
        yield lowest.bit_length() - 1
        some ^= lowest
