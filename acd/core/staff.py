"""Everybody on the roster: what they are doing, who could be rung this instant.

For each state there is the set of operators in it (see `acd.core.skills`), kept true by `settle`
after every change, and for each band of equal skills the ready ones in the order of choice.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from typing import Final

from acd.core.events import Phone
from acd.core.handling import HandleTimes, pace_class
from acd.core.names import NO_TIME, ContactId, Millis, OperatorId, Topic
from acd.core.queues import OperatorProfile, Rules
from acd.core.seats import LEAVING, OperatorState, Seat, Work
from acd.core.skills import Pool, Skills

SLOT_MS: Final = 16_000
"""Conversations that began within one slot count as equally old in predictions."""

AT_WORK: Final = frozenset(("ready", "ringing", "talking", "wrap_up"))
"""Ready, or sure to be ready again: `Staff.working` has them."""

COARSE: Final = (1, 4, 16, 64)
"""Older conversations share slots of so many."""

SLOTS_MAX: Final = 14

SHIFT: Final = 24
INDEX: Final = (1 << SHIFT) - 1
FEW: Final = 32

_WORDS: Final = {state: state.value for state in OperatorState}
_PHONES: Final = ("phone_in_use", "phone_unreachable")


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
        self.handle_times = HandleTimes(rules.routing.handle_ms)
        self.talks_changes = 0
        self._sort(rules)

    def __iter__(self) -> Iterator[Seat]:
        return iter(self._seats.values())

    def _sort(self, rules: Rules) -> None:
        """Begin the sets anew for these rules."""
        self.skills = Skills(rules)
        self._profiles: Mapping[OperatorId, OperatorProfile] = rules.operators
        self._by_load = rules.routing.idle == "least_loaded"
        self._last_offer_ms = rules.last_offer_ms
        self._by_index: list[Seat] = [self._seats[id_] for id_ in self.skills.ids]
        self._order: list[list[int]] = [[] for _ in self.skills.bands]
        self.states: dict[str, int] = {}
        self.talks: dict[int, dict[int, int]] = {}
        self.paces: dict[int, int] = {}
        self.ends: dict[int, int] = {}
        self.logged_in = self.ready = self.working = 0
        for seat in self._seats.values():
            index = self.skills.index.get(seat.profile.id, -1)
            seat.index, seat.bit = index, 0 if index < 0 else 1 << index
            counted, seat.counted = seat.counted, None
            self._count(seat, counted)
            _move(self.paces, None, seat.pace_class or None, seat.bit)
            seat.last_offer_at = self._last_offer(seat.shift_ends)
            _move(self.ends, None, self._end_key(seat), seat.bit)
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
        is_same = seat.shown == shown
        if is_same and shown[0] is OperatorState.READY:
            self._close(seat)
        if not is_same:
            was_away = seat.shown[0] is OperatorState.OFFLINE
            end = seat.shift_ends
            if end is not None and end <= self._now and (was_away or not seat.logged_in):
                # Who comes after it, or comes again, does not work on: it is another stay.
                self.shift_ends(seat, None)
            self._add_up(seat)
            seat.shown, seat.since = shown, self._now
            state, reason = shown
            word = reason if reason in _PHONES else _WORDS[state]
            if word == "ready" and self._is_closed(seat):
                word = LEAVING
            self._count(seat, None if state is OperatorState.OFFLINE else word)
            seat.past.append((self._now, seat.counted))
            if state is OperatorState.TALKING:
                self._talks(seat, seat.began // SLOT_MS)
            elif seat.talk_slot is not None:
                self._talks(seat, None)
            if seat.handled is not None and state is not OperatorState.WRAP_UP:
                topic, began = seat.handled
                self._learn(seat, topic, began)
        if seat.bit == 0 and seat.work is Work.NONE and id_ not in self._profiles:
            self._seats.pop(id_, None)

    def talk(
        self, seat: Seat, contact: ContactId, topic: Topic, since: Millis | None = None
    ) -> None:
        """A conversation; `since` when it began before the news of it came."""
        was_talking = seat.work is Work.TALKING
        if since is not None or not was_talking or seat.contact != contact:
            seat.topic, seat.began = topic, self._now if since is None else since
        self.put_to_work(seat, Work.TALKING, contact)
        if was_talking:
            self._talks(seat, seat.began // SLOT_MS)
        if since is not None:
            seat.since = since

    def _learn(self, seat: Seat, topic: Topic, began: Millis) -> None:
        """A conversation and what was to do after it are over."""
        seat.handled = None
        self.handle_times.learn(topic, seat.paces, Millis(self._now - began))
        found = pace_class(seat.paces.drawn_to(1))
        if found != seat.pace_class:
            _move(self.paces, seat.pace_class or None, found or None, seat.bit)
            seat.pace_class = found

    def shift_ends(self, seat: Seat, at: Millis | None) -> None:
        """When this operator's shift ends; None: unknown, or they work outside of it."""
        before = self._end_key(seat)
        seat.shift_ends, seat.last_offer_at = at, self._last_offer(at)
        _move(self.ends, before, self._end_key(seat), seat.bit)
        if at is None:
            seat.goes_home = False

    def _last_offer(self, end: Millis | None) -> Millis | None:
        last = self._last_offer_ms
        return None if end is None or last is None else Millis(end - last)

    def _end_key(self, seat: Seat) -> Millis | None:
        """When this operator takes no further caller: predictions go by it."""
        return seat.shift_ends if seat.last_offer_at is None else seat.last_offer_at

    def _is_closed(self, seat: Seat) -> bool:
        return seat.last_offer_at is not None and seat.last_offer_at <= self._now

    def _close(self, seat: Seat) -> None:
        """Ready, but not to be rung so close to the end of the shift; or to be rung again."""
        word = LEAVING if self._is_closed(seat) else "ready"
        if seat.counted != word:
            self._count(seat, word)
            seat.past.append((self._now, word))

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
            self.states[before] = self.states[before] ^ bit
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
        """Note since when this operator talks, and how long it may take; not at all: None."""
        before, bit = seat.talk_slot, seat.bit
        seat.talk_slot = slot
        if not bit or (before is None and slot is None):
            return
        self.talks_changes += 1
        talks = self.talks.get(seat.talk_class)
        if before is not None and talks is not None:
            for coarse in COARSE:
                key = before - before % coarse
                if key in talks and talks[key] & bit:
                    talks[key] ^= bit
                    if not talks[key]:
                        del talks[key]
                    break
            if not talks:
                del self.talks[seat.talk_class]
        if slot is not None:
            times, expected = self.handle_times, self.handle_times.usual_ms
            if seat.topic is not None:
                expected = times.of(seat.topic) * seat.paces.drawn_to(1)
            seat.talk_class = times.time_class(expected)
            talks = self.talks.setdefault(seat.talk_class, {})
            talks[slot] = talks.get(slot, 0) | bit
            if len(talks) > SLOTS_MAX:
                self._join_old(talks)

    def _join_old(self, talks: dict[int, int]) -> None:
        """The older conversations are, the less it matters when exactly they began."""
        this = self._now // SLOT_MS
        for slot, who in list(talks.items()):
            key = next(
                slot - slot % coarse for coarse in reversed(COARSE) if this - slot >= coarse - 1
            )
            if key != slot:
                del talks[slot]
                talks[key] = talks.get(key, 0) | who

    def free_all(self) -> None:
        """Everybody who is ready counts as just become so: look for callers for all of them."""
        self.freed = [seat for seat in self._by_index if seat.bit & self.ready]

    def best(self, pool: Pool, most: int) -> list[Seat]:
        """The first ready operators who meet a need, in the order of choice: up to so many.

        By route; then those not kept in reserve; then who knows what is preferred; then whose own
        topic it is; then the fewest skills; then the longest ready (or the least loaded), and on
        a last tie by id, so that the same day gives the same calls.
        """
        found: list[Seat] = []
        ready = self.ready & pool.may
        if ready & (ready - 1) == 0:
            return [self._by_index[ready.bit_length() - 1]] if ready else found
        for tier in self._tiers(pool):
            self._add_by_band(found, tier, most)
            if len(found) >= most:
                break
        return found

    def _tiers(self, pool: Pool) -> list[int]:
        """The ready operators who meet a need, in sets from the best to the last."""
        found: list[int] = []
        ready = self.ready & pool.may
        for may, own in pool.routes:
            some = ready & may
            if not some:
                continue
            ready ^= some
            tiers = [some]
            for wanted in (self.skills.unreserved, *pool.prefers, own):
                if wanted != -1:
                    tiers = [
                        part for tier in tiers for part in (tier & wanted, tier & ~wanted) if part
                    ]
            found += tiers
        return found

    def _add_by_band(self, found: list[Seat], some: int, most: int) -> None:
        bands, band_of = self.skills.bands, self.skills.band
        while some and len(found) < most:
            lowest = some & -some
            where = band_of[lowest.bit_length() - 1]
            part = some & bands[where]
            some ^= part
            if part == lowest:
                found.append(self._by_index[lowest.bit_length() - 1])
            elif part.bit_count() <= FEW:
                keys = self._order_keys(part)
                found += [self._by_index[key & INDEX] for key in keys[: most - len(found)]]
            else:
                for key in self._order[where]:
                    seat = self._by_index[key & INDEX]
                    if seat.bit & part:
                        found.append(seat)
                        if len(found) == most:
                            break

    def _order_keys(self, some: int) -> list[int]:
        """Those of one band, in order."""
        keys: list[int] = []
        while some:
            lowest = some & -some
            keys.append(self._by_index[lowest.bit_length() - 1].order_key)
            some ^= lowest
        keys.sort()
        return keys

    def replace(self, rules: Rules) -> list[Seat]:
        """A new roster; returns the seats of those who left it, to be sent home by the router."""
        for id_, profile in rules.operators.items():
            if id_ in self._seats:
                self._seats[id_].profile = profile
            else:
                self._seats[id_] = Seat(profile)
        self.handle_times.replace(rules)
        self._sort(rules)
        return [seat for id_, seat in self._seats.items() if id_ not in rules.operators]


def _move(sets: dict[int, int], before: int | None, now: int | None, bit: int) -> None:
    """Out of one set, into another; there are no empty ones."""
    if before is not None and before in sets:
        sets[before] &= ~bit
        if not sets[before]:
            del sets[before]
    if now is not None and bit:
        sets[now] = sets.get(now, 0) | bit
