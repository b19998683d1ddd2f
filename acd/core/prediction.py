"""How long a contact will still wait, from who is about to be free for it and who is before it.

With `n` operators at work who know the type, each free again at rate `mu`, callers who give up at
rate `theta` and `k` callers before it, the wait is the sum over i = 0..k of 1 / (n mu + i theta):
this beats averages and the wait of whoever was served last by far. Two things are put in place of
the plain formula. The first operators to be free are those who talk now: their rate comes from how
long they have talked, against a lognormal handle time. And operators of several skills serve other
types as well: of the callers of each other type those count that share operators with this one, by
that share.
"""

from bisect import bisect_left
from itertools import islice
from math import erfc, exp, log, pi, sqrt
from typing import Final

from acd.core.contacts import Contact, Group, Place
from acd.core.lines import Lines
from acd.core.names import Millis
from acd.core.queues import Routing
from acd.core.skills import Pool
from acd.core.staff import SLOT_MS, Staff

NEVER: Final = Millis(-1)
"""As things are nobody who is logged in could take it."""

GROUPS_MAX = 16
"""So many other types are looked at; of more, every so many-th stands for its neighbours."""

CV = 1.4
KEPT_MS = 1000
EXACT = 8
"""So many terms of the sum are added up, the rest is the integral over them."""

AGES = 64
NOTHING: Final = (1.0, 0.0, 0.0)


class Prediction:
    """Estimates under one set of rules. What a group's depends on is kept for a second."""

    def __init__(self, routing: Routing, wrap_up_ms: int) -> None:
        self._mu = 1 / max(1, routing.handle_ms)
        self._theta = 1 / max(1, routing.patience_ms)
        self._wrapping = 2 / max(1000, wrap_up_ms)
        self._rates = [_finishing((age + 0.5) * SLOT_MS, routing.handle_ms) for age in range(AGES)]

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
        count, rate, share = outlook
        ahead = bisect_left(group.waiting, (place, "")) + share
        return Millis(round(self._sum(count, rate, ahead)))

    def _outlook(
        self, staff: Staff, lines: Lines, group: Group, working: int, now: Millis
    ) -> tuple[float, float, float]:
        """(operators at work, how fast they become free now, callers of other types before)."""
        rate = (working & staff.states.get("wrap_up", 0)).bit_count() * self._wrapping
        slot = now // SLOT_MS
        for began, talking in staff.talks.items():
            talkers = (working & talking).bit_count()
            if talkers:
                rate += talkers * self._rates[min(AGES - 1, max(0, slot - began))]
        everybody, crowd = staff.working, lines.crowd
        stride = 1 + len(crowd) // (GROUPS_MAX + 1)
        others = 0.0
        for other in islice(crowd, 0, None, stride):
            if other is not group:
                may = other.pool.may
                shared = (may & working).bit_count()
                if shared:
                    others += len(other.waiting) * shared / (may & everybody).bit_count()
        return float(working.bit_count()), rate, others * stride

    def _sum(self, count: float, rate: float, ahead: float) -> float:
        """The formula; from `rate` to the long run as one after the other has become free."""
        run, theta = count * self._mu, self._theta
        least, excess = run / 10, rate - run
        whole = int(ahead)
        total = 0.0
        now = run
        for i in range(min(whole, EXACT) + 1):
            now = max(least, run + excess * (1 - i / count) if i < count else run)
            total += 1 / (now + i * theta)
        if whole <= EXACT:
            total += (ahead - whole) / (now + (whole + 1) * theta)
        else:
            middle = (EXACT + ahead) / 2
            now = max(least, run + excess * (1 - middle / count) if middle < count else run)
            begun = now + (EXACT + 0.5) * theta
            total += log((now + (ahead + 0.5) * theta) / begun) / theta
        return total


def _finishing(age_ms: float, mean_ms: int) -> float:
    """How fast a conversation of this age ends, per ms: the hazard of the lognormal."""
    variance = log(1 + CV * CV)
    sigma = sqrt(variance)
    z = (log(age_ms) - log(max(1, mean_ms)) + variance / 2) / sigma
    left = erfc(z / sqrt(2)) / 2
    return exp(-z * z / 2) / (sqrt(2 * pi) * sigma * age_ms * left) if left > 1e-12 else 1 / age_ms
