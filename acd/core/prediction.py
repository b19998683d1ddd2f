"""How long a contact will still wait, from who is about to be free for it and who is before it.

With `n` operators at work who know the type, each free again at rate `mu`, callers who give up at
rate `theta` and `k` callers before it, the wait is the sum over i = 0..k of 1 / (n mu + i theta):
this beats averages and the wait of whoever was served last by far. Three things are put in place
of the plain formula. The first operators to be free are those who talk now: their rate comes from
how long they have talked, against a lognormal handle time of their topic and their own. Operators
of several skills serve other types as well: of the callers of each other type those count that
share operators with this one, by that share. And `mu` is that of the topics of those before, as
they were seen to take (`handling`), `n` counts each operator by their pace, and leaves out those
whose shift is over by then: the caller they talk with now is their last.
"""

from bisect import bisect_left
from itertools import islice
from math import erfc, exp, inf, log, pi, sqrt
from typing import Final

from acd.core.contacts import Contact, Group, Outlook, Place
from acd.core.handling import HandleTimes, extra_speed
from acd.core.lines import Lines
from acd.core.names import Millis
from acd.core.queues import Routing
from acd.core.skills import Pool
from acd.core.staff import SLOT_MS, Staff

NEVER: Final = Millis(-1)
"""As things are nobody who is logged in could take it."""

GROUPS_MAX: Final = 16
"""So many other types are looked at; of more, every so many-th stands for its neighbours."""

SOON_MS: Final = 60_000
"""Whose shift ends before this, or before the wait would be over, takes no further caller."""

CV: Final = 1.4
KEPT_MS: Final = 1000
EXACT: Final = 8
"""So many terms of the sum are added up, the rest is the integral over them."""

AGES: Final = 256
RATE_STEP: Final = 1.25
"""Conversations that end about as fast are taken together, whatever their age and their topic."""

NOTHING: Final = Outlook(1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


class Prediction:
    """Estimates under one set of rules. What a group's depends on is kept for a second."""

    def __init__(self, routing: Routing, wrap_up_ms: int) -> None:
        self._theta = 1 / max(1, routing.patience_ms)
        self._wrapping = 2 / max(1000, wrap_up_ms)
        self._rates: dict[int, tuple[list[float], list[int]]] = {}
        self._alike: dict[int, int] = {}
        self._ending: list[tuple[int, float]] = []
        self._ending_of: tuple[int, int] | None = None

    def wait_ms(self, staff: Staff, lines: Lines, contact: Contact, now: Millis) -> Millis | None:
        """How long a waiting contact will still wait; None unknown, NEVER as things are."""
        pool, place = contact.pool, contact.place
        return self.of(staff, lines, contact.group, pool, place, now)

    def of(
        self, staff: Staff, lines: Lines, group: Group, pool: Pool, place: Place, now: Millis
    ) -> Millis | None:
        """The same for anybody of this group at this place with these operators."""
        here = pool.may & staff.logged_in
        if not here:
            return NEVER
        if here & staff.ready:
            return Millis(0)
        working = staff.working & here
        if not working:
            return None  # all of them have a break, and nobody knows how long
        kept_at, outlook = group.outlooks.get(pool, (None, NOTHING))
        if kept_at is None or not kept_at <= now < kept_at + KEPT_MS:
            outlook = self._outlook(staff, lines, group, working, now)
            group.outlooks[pool] = (now, outlook)
        ahead = bisect_left(group.waiting, (place, "")) + outlook.share
        wait = self._sum(outlook, outlook.run, ahead)
        if wait > SOON_MS and staff.ends and _leaving(staff, working, now + SOON_MS, now + wait):
            staying = working & ~_leaving(staff, working, -inf, now + wait)
            wait = self._sum(outlook, _speed(staff, staying) * outlook.each, ahead)
        return Millis(round(wait))

    def _outlook(
        self, staff: Staff, lines: Lines, group: Group, working: int, now: Millis
    ) -> Outlook:
        """What the estimates of this group go by, with these operators at work."""
        rate = (working & staff.states.get("wrap_up", 0)).bit_count() * self._wrapping
        for talking, ending in self._ends(staff, now // SLOT_MS):
            talkers = (working & talking).bit_count()
            if talkers:
                rate += talkers * ending
        everybody, crowd = staff.working, lines.crowd
        means, usual_ms = staff.handle_times.means, staff.handle_times.usual_ms
        stride = 1 + len(crowd) // (GROUPS_MAX + 1)
        others = others_ms = 0.0
        for other in crowd if stride == 1 else islice(crowd, 0, None, stride):
            if other is not group:
                may = other.pool.may
                shared = (may & working).bit_count()
                if shared:
                    share = len(other.waiting) * shared / (may & everybody).bit_count()
                    others += share
                    others_ms += share * means.get(other.topic, usual_ms)
        own = len(group.waiting) + 1
        own_ms = own * means.get(group.topic, usual_ms)
        each = (own + others * stride) / (own_ms + others_ms * stride)
        run = all_ = _speed(staff, working) * each
        if staff.ends and (leaving := _leaving(staff, working, -inf, now + SOON_MS)):
            run = _speed(staff, working & ~leaving) * each
        return Outlook(working.bit_count(), rate, others * stride, run, all_ / 10, each)

    def _ends(self, staff: Staff, slot: int) -> list[tuple[int, float]]:
        """Who talks, and how fast such conversations end: few sets, whatever the topics are."""
        state = (staff.talks_changes, slot)
        if self._ending_of == state:
            return self._ending
        for time_class in staff.talks:
            if time_class not in self._rates:
                self._rates[time_class] = self._rates_of(staff.handle_times, time_class)
        who = [0] * len(self._alike)
        total = [0.0] * len(self._alike)
        seen: list[int] = []
        for time_class, talks in staff.talks.items():
            rates, alike = self._rates[time_class]
            for began, some in talks.items():
                age = min(AGES - 1, max(0, slot - began))
                number = alike[age]
                if not who[number]:
                    seen.append(number)
                who[number] |= some
                total[number] += rates[age] * some.bit_count()
        self._ending_of = state
        self._ending = [(who[number], total[number] / who[number].bit_count()) for number in seen]
        return self._ending

    def _rates_of(self, times: HandleTimes, time_class: int) -> tuple[list[float], list[int]]:
        """For each age in slots: how fast it ends, and the number of those that end about so."""
        mean_ms = times.class_ms(time_class)
        rates = [_finishing((age + 0.5) * SLOT_MS, mean_ms) for age in range(AGES)]
        kinds = [round(log(max(rate, 1e-12)) / log(RATE_STEP)) for rate in rates]
        return rates, [self._alike.setdefault(kind, len(self._alike)) for kind in kinds]

    def _sum(self, outlook: Outlook, run: float, ahead: float) -> float:
        """The formula; from `rate` to the long run as one after the other has become free.

        `run` is that of the outlook, or less: without those whose shift is about to end.
        """
        crew, rate, theta = outlook.crew, outlook.rate, self._theta
        least, excess = outlook.least, rate - run
        whole = int(ahead)
        total = 0.0
        now = run
        for i in range(min(whole, EXACT) + 1):
            now = run + excess * (1 - i / crew) if i < crew else run
            if now < least:
                now = least
            total += 1 / (now + i * theta)
        if whole <= EXACT:
            total += (ahead - whole) / (now + (whole + 1) * theta)
        else:
            middle = (EXACT + ahead) / 2
            now = max(least, run + excess * (1 - middle / crew) if middle < crew else run)
            begun = now + (EXACT + 0.5) * theta
            total += log((now + (ahead + 0.5) * theta) / begun) / theta
        return total


def _leaving(staff: Staff, some: int, after: float, until: float) -> int:
    """Which of these have a shift that ends in this time."""
    leaving = 0
    for at, who in staff.ends.items():
        if after < at <= until:
            leaving |= who
    return leaving & some


def _speed(staff: Staff, some: int) -> float:
    """How many operators of the usual pace these are worth."""
    speed = float(some.bit_count())
    for pace, who in staff.paces.items():
        speed += (who & some).bit_count() * extra_speed(pace)
    return speed


def _finishing(age_ms: float, mean_ms: float) -> float:
    """How fast a conversation of this age ends, per ms: the hazard of the lognormal."""
    variance = log(1 + CV * CV)
    sigma = sqrt(variance)
    z = (log(age_ms) - log(max(1.0, mean_ms)) + variance / 2) / sigma
    left = erfc(z / sqrt(2)) / 2
    return exp(-z * z / 2) / (sqrt(2 * pi) * sigma * age_ms * left) if left > 1e-12 else 1 / age_ms
