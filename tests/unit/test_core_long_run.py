"""Days in which events are lost, late, doubled and out of order, and phones vanish.

The world below knows the truth; what reaches the router of it is another matter. Once a minute
Asterisk is asked, as the service does, and the router is told of what it has missed. A failure
names the seed: the same seed gives the same day.
"""

import heapq
from collections import Counter
from random import Random

import pytest

from acd.core.callbacks import callback_id
from acd.core.commands import (
    CallbackGivenUp,
    DialCallback,
    LeaveQueue,
    Offer,
    OfferCallbackTo,
)
from acd.core.contacts import Stage
from acd.core.events import (
    CallbackAccepted,
    CallbackAnswered,
    CallbackFailed,
    CallerHungUp,
    Connected,
    ContactQueued,
    OfferFailed,
    OfferFailure,
    OperatorAnswered,
    OperatorHungUp,
    OperatorPaused,
    OperatorReady,
    Phone,
    PhoneChanged,
    Ticked,
)
from acd.core.names import ContactId, Millis, OperatorId
from acd.core.queues import CallbackRules, Leave, OfferCallback, Reserve, Widen
from acd.core.router import Router
from acd.core.skills import missing
from tests.unit.routing import (
    ANY,
    CHILD,
    EDS,
    EGOV,
    GENERAL,
    KK,
    PENSION,
    RU,
    SOCIAL,
    operator,
    queued,
    rules,
    when,
)

CALLERS = 1500
LADDER = (
    Widen(Millis(10_000), None, 1),
    Reserve(None, when("predicted_wait", ">", 30_000, 20_000)),
    OfferCallback(Millis(20_000)),
    Widen(Millis(30_000), 1, 0),
    Leave(Millis(60_000), "voicemail"),
)
CALLBACK = CallbackRules(2, Millis(60_000), Millis(20_000), Millis(1_800_000))
KINDS = ((PENSION, SOCIAL), (CHILD, SOCIAL), (EDS, EGOV), (ANY, GENERAL))


class World:
    """Callers, phones and a bad line to the router."""

    def __init__(self, seed):
        self.random = random = Random(seed)
        self.seed = seed
        self.crew = [
            operator(
                OperatorId(f"op{n:02}"),
                {RU: random.randint(2, 5)} | ({KK: random.randint(1, 5)} if n % 3 else {}),
                {
                    topic: random.randint(1, 5)
                    for topic in random.sample((PENSION, CHILD, EDS, ANY), 3)
                },
                reserve=n % 6 == 5,
            )
            for n in range(12)
        ]
        self.router = Router(rules(*self.crew, ladder=LADDER, callback=CALLBACK))
        self.due = []
        self.count = 0
        self.now = 0
        self.offered, self.closed = set(), {}
        self.rung: dict[str, ContactId] = {}
        self.over = set()  # the truth: conversations that have ended

    def at(self, ms, event, *, reliable=False):
        """Hand in later; unless reliable perhaps never, twice, or after what comes next."""
        copies = 1 if reliable else self.random.choices((0, 1, 2), (4, 92, 4))[0]
        for _ in range(copies):
            late = 0 if reliable else self.random.choices((0, 400, 3000), (90, 8, 2))[0]
            self.count += 1
            heapq.heappush(self.due, (self.now + int(ms) + late, self.count, event))

    def run(self):
        for who in self.crew:
            self.at(0, PhoneChanged(who.id, Phone.FREE), reliable=True)
            self.at(0, OperatorReady(who.id), reliable=True)
        clock = 0.0
        for n in range(CALLERS):
            clock += self.random.expovariate(1 / 6000)
            topic, queue = self.random.choice(KINDS)
            language = self.random.choice((RU, RU, KK))
            event = queued(
                ContactId(f"c{n}"), int(clock), topic=topic, queue=queue, language=language
            )
            self.at(clock, event, reliable=True)
        for minute in range(1, int(clock) // 60_000 + 60):
            self.count += 1
            heapq.heappush(self.due, (minute * 60_000, self.count, None))
        while self.due:
            wake = self.router.wake_at()
            if wake is not None and wake < self.due[0][0]:
                self.now = max(self.now, wake)
                self.send(Ticked())
                continue
            at, _, event = heapq.heappop(self.due)
            self.now = max(self.now, at)
            if event is None:
                self.reconcile()
            else:
                self.send(event)

    def send(self, event):
        contact = getattr(event, "contact", None)
        before = self.router.contact(contact) if contact else None
        if isinstance(event, Over):
            self.over.add((contact, event.operator))
            return
        if isinstance(event, Impatience):
            if before is None or before.stage is Stage.TALKING:
                return
            event = CallerHungUp(contact)
        if isinstance(event, ContactQueued):
            self.offered.add(contact)
            self.at(self.random.expovariate(1 / 90_000), Impatience(contact), reliable=True)
        outcome = None if before is None else self.outcome(event, before)
        if outcome is not None:
            self.close(contact, outcome)
        for command in self.router.handle(event, Millis(self.now)):
            self.obey(command)
        self.check()

    def outcome(self, event, before):
        """How this event ends a call, None when it does not."""
        match event:
            case CallerHungUp() if before.is_live:
                return "answered" if before.stage is Stage.TALKING else "abandoned"
            case OperatorHungUp(operator=who) if before.operator == who:
                return None if before.stage is Stage.DIALLING else "answered"
            case CallbackAccepted() if before.callback is None:
                is_in_time = before.stage in (Stage.WAITING, Stage.RINGING)
                return "callback" if is_in_time else None
        return None

    def close(self, contact, how):
        assert contact not in self.closed, f"seed {self.seed}: {contact} closed twice"
        self.closed[contact] = how

    def obey(self, command):
        random = self.random
        match command:
            case Offer(contact=contact, operator=who):
                self.ring(contact, who)
            case DialCallback(contact=contact):
                if random.random() < 0.6:
                    self.at(random.uniform(1000, 15_000), CallbackAnswered(contact))
                else:
                    self.at(20_000, CallbackFailed(contact, "no_answer"))
            case OfferCallbackTo(contact=contact):
                if random.random() < 0.3:
                    key = f"77{random.randrange(200)}"
                    self.at(random.uniform(2000, 9000), CallbackAccepted(contact, key))
            case LeaveQueue(contact=contact):
                self.close(contact, "overflowed")
            case CallbackGivenUp(contact=contact):
                self.close(contact, "given up")

    def ring(self, contact, who):
        """The phone rings: mostly it is answered, sometimes not, sometimes it vanishes."""
        random = self.random
        answer = random.random()
        if answer < 0.06:
            self.at(8000, OfferFailed(contact, who, OfferFailure.NO_ANSWER))
            self.at(60_000, OperatorReady(who), reliable=True)
        elif answer < 0.08:
            self.at(500, PhoneChanged(who, Phone.UNREACHABLE))
            self.at(600, OfferFailed(contact, who, OfferFailure.UNREACHABLE))
            self.at(30_000, PhoneChanged(who, Phone.UNREACHABLE), reliable=True)
            self.at(30_001, PhoneChanged(who, Phone.FREE), reliable=True)
            self.at(30_002, OperatorReady(who), reliable=True)
        else:
            ms = random.uniform(500, 6000)
            self.at(ms, OperatorAnswered(contact, who))
            self.at(ms + 1500, Connected(contact, who))
            ms += 1500 + random.lognormvariate(10.6, 1.0)
            end = CallerHungUp(contact) if random.random() < 0.5 else OperatorHungUp(contact, who)
            self.at(ms, end)
            self.at(ms, Over(contact, who), reliable=True)

    def reconcile(self):
        """Ask Asterisk: conversations that are over and of which nobody told the router."""
        for contact in list(self.router.contacts):
            if contact.stage is Stage.TALKING and (contact.id, contact.operator) in self.over:
                self.send(OperatorHungUp(contact.id, contact.operator))
        for seat in list(self.router.seats):
            if seat.pause in ("no_result", "rona", "phone_unreachable"):
                self.send(PhoneChanged(seat.profile.id, Phone.FREE))
                self.send(OperatorReady(seat.profile.id))
        if self.random.random() < 0.3:
            who = self.random.choice(self.crew).id
            self.send(OperatorPaused(who, "tea"))
            self.at(40_000, OperatorReady(who), reliable=True)

    def check(self):
        router, seed = self.router, self.seed
        held: Counter[str] = Counter()
        ready = [seat for seat in router.seats if seat.is_ready]
        for contact in router.contacts:
            if contact.operator is not None:
                held[contact.operator] += 1
                assert router.seat(contact.operator).contact == contact.id, f"seed {seed}"
            if contact.stage is not Stage.WAITING:
                continue
            for seat in ready:
                lacking = missing(router.rules, seat.profile, contact.pool.need)
                assert lacking, f"seed {seed} at {self.now}: {contact.id} waits for nothing"
            if contact.is_live and contact.waited_ms(Millis(self.now)) >= 30_000:
                assert contact.step, f"seed {seed} at {self.now}: nothing done for {contact.id}"
        assert not held or max(held.values()) == 1, f"seed {seed}: somebody has two callers"


class Impatience:
    def __init__(self, contact):
        self.contact = contact


class Over:
    def __init__(self, contact, operator):
        self.contact, self.operator = contact, operator


@pytest.mark.parametrize("seed", [1414, 30, 7])
def test_whatever_is_lost_late_or_doubled_everybody_is_served_once_or_accounted_for(seed):
    world = World(seed)
    world.run()
    outcomes = Counter(world.closed.get(contact, "open") for contact in world.offered)
    told = f"seed {seed}: {dict(outcomes)}"
    assert len(world.offered) == CALLERS
    assert sum(outcomes.values()) == CALLERS
    assert outcomes["open"] == 0, told
    assert [c.id for c in world.router.contacts] == [], told
    assert outcomes["answered"] > CALLERS * 0.4, told
    assert min(outcomes[how] for how in ("abandoned", "callback", "overflowed")) > 0, told
    assert not any(seat.contact for seat in world.router.seats), told


def test_the_same_seed_gives_the_same_day():
    first, second = World(5), World(5)
    first.run()
    second.run()
    assert first.closed == second.closed
    assert first.router.ignored == second.router.ignored > 0
    assert callback_id(ContactId("c1")) == "c1~cb"
