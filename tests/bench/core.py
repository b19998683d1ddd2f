"""The router alone, with the record of every decision on: how many events a second, at what size.

A crew of random skills talks all the time while so many callers wait: whoever is served or gives
up makes room for the next. Only `handle` is timed, in processor time of one core: what else the
machine does is not counted. Nothing is written but to stdout.
"""

import gc
import heapq
import tracemalloc
from dataclasses import dataclass
from random import Random
from time import thread_time_ns

from acd.core.commands import Decided, Offer
from acd.core.events import (
    CallerHungUp,
    Connected,
    ContactQueued,
    Event,
    OperatorAnswered,
    OperatorHungUp,
    OperatorReady,
    Phone,
    PhoneChanged,
    Ticked,
)
from acd.core.names import ContactId, Language, Millis, OperatorId, QueueId, Topic
from acd.core.queues import (
    Announce,
    Condition,
    LeastLevel,
    OfferCallback,
    OperatorProfile,
    OverflowTo,
    QueueRules,
    Reserve,
    Routing,
    Rules,
    Widen,
)
from acd.core.router import Router

LANGUAGES = (Language("kk"), Language("ru"), Language("en"))
TOPICS_PER_QUEUE = 34
HANDLE_MS, WRAP_UP_MS, ANSWER_MS = 180_000, 10_000, 3_000
PATIENCE_MS = 300_000


AboutContact = OperatorAnswered | Connected | OperatorHungUp | CallerHungUp


@dataclass(frozen=True, slots=True)
class Size:
    """How big a centre, and how many events of it are timed."""

    operators: int
    skills: int
    waiting: int
    events: int


SIZES = {
    "full": (
        Size(128, 16, 50, 200_000),
        Size(1_000, 100, 1_000, 200_000),
        Size(10_000, 680, 50_000, 200_000),
    ),
    "quick": (Size(128, 16, 50, 20_000), Size(1_000, 100, 1_000, 20_000)),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured at one size. A call is all its events together, from queued to closed."""

    size: Size
    per_second: float
    p50_us: float
    p99_us: float
    max_us: float
    us_per_call: float
    decisions: int
    bytes_per_contact: float


def rules_of(size: Size, random: Random) -> Rules:
    """Queues of up to 34 topics with the whole ladder, operators of 2 to 8 topics."""
    queues = [QueueId(f"q{n}") for n in range(1 + (size.skills - 1) // TOPICS_PER_QUEUE)]
    topics = {Topic(f"t{n}"): queues[n % len(queues)] for n in range(size.skills)}
    long = Condition("predicted_wait", ">", 30_000, 20_000)
    ladder = (
        Widen(Millis(10_000), None, 1),
        Reserve(None, (long,)),
        OfferCallback(Millis(20_000)),
        OverflowTo(Millis(25_000), queues[0]),
        Widen(Millis(30_000), 1, 0),
    )
    announce = Announce(Millis(20_000), Millis(45_000), position=True, wait=True)
    least, ring, wrap_up = LeastLevel(2, 2), Millis(8_000), Millis(WRAP_UP_MS)
    operators = {}
    for n in range(size.operators):
        spoken = random.sample(LANGUAGES, random.choice((1, 2, 2, 3)))
        known = random.sample(list(topics), min(size.skills, random.randint(2, 8)))
        id_ = OperatorId(f"op{n:05}")
        operators[id_] = OperatorProfile(
            id=id_,
            name=id_,
            shift="A",
            languages={language: random.randint(1, 5) for language in spoken},
            topics={topic: random.randint(1, 5) for topic in known},
            reserve=n % 20 == 19,
        )
    return Rules(
        target_ms=Millis(30_000),
        topics=topics,
        queues={
            q: QueueRules(q, least, ring, wrap_up, ladder, Millis(0), announce) for q in queues
        },
        operators=operators,
        routing=Routing(),
    )


class Centre:
    """Plays callers, phones and Asterisk to one router."""

    def __init__(self, size: Size, seed: int) -> None:
        self.random = Random(seed)
        self.size = size
        self.rules = rules_of(size, self.random)
        self.router = Router(self.rules)
        self.topics = list(self.rules.topics)
        self.due: list[tuple[int, int, AboutContact]] = []
        self.times_ns: list[int] = []
        self.now = 2 * PATIENCE_MS
        self.born = 0
        self.decisions = 0
        self.count = 0

    def open(self) -> None:
        """Everybody on duty and in conversation, and the line as long as it is to be."""
        for id_ in self.rules.operators:
            self.send(PhoneChanged(id_, Phone.FREE))
            self.send(OperatorReady(id_))
        while self.router.waiting < self.size.waiting:
            self.call(int(self.random.uniform(0, PATIENCE_MS)))
        for _ in range(self.size.operators * 8):
            self.step()

    def call(self, waited_ms: int = 0) -> None:
        """Another caller, of the kinds in the proportions that some topics are asked for more."""
        rank = int(len(self.topics) ** self.random.random())
        self.born += 1
        topic = self.topics[rank - 1]
        language = self.random.choices(LANGUAGES, (60, 35, 5))[0]
        id_ = ContactId(f"c{self.born}")
        queue = self.rules.topics[topic]
        self.send(ContactQueued(id_, queue, topic, language, Millis(self.now - waited_ms)))

    def after(self, ms: float, event: AboutContact) -> None:
        self.count += 1
        heapq.heappush(self.due, (self.now + int(ms) + 1, self.count, event))

    def step(self) -> None:
        """The next thing that happens; whoever left the line is replaced."""
        wake = self.router.wake_at()
        if self.due and (wake is None or self.due[0][0] < wake):
            at, _, event = heapq.heappop(self.due)
            self.now = max(self.now, at)
            contact = self.router.contact(event.contact)
            if isinstance(event, CallerHungUp) and (contact is None or contact.operator):
                return  # served meanwhile
            self.send(event)
        else:
            self.now = max(self.now, wake or 0)
            self.send(Ticked())
        while self.router.waiting < self.size.waiting:
            self.call()

    def send(self, event: Event) -> None:
        begun = thread_time_ns()
        commands = self.router.handle(event, Millis(self.now))
        self.times_ns.append(thread_time_ns() - begun)
        for command in commands:
            match command:
                case Offer(contact=contact, operator=operator):
                    answered = self.random.uniform(500, 2 * ANSWER_MS)
                    talk = self.random.lognormvariate(11.56, 1.04)  # mean 180 s, CV 1.4
                    self.after(answered, OperatorAnswered(contact, operator))
                    self.after(answered + 1, Connected(contact, operator))
                    self.after(answered + 2 + talk, OperatorHungUp(contact, operator))
                case Decided():
                    self.decisions += 1
        if isinstance(event, ContactQueued):
            self.after(self.random.expovariate(1 / PATIENCE_MS), CallerHungUp(event.contact))


def memory_of(size: Size) -> float:
    """Bytes that one more waiting contact takes, all its places in lines and timers included."""
    centre = Centre(size, 1)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(min(size.waiting, 20_000)):
        centre.call()
    centre.times_ns.clear()
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return used / min(size.waiting, 20_000)


def measure(size: Size, seed: int = 1) -> Result:
    """One size, once."""
    centre = Centre(size, seed)
    centre.open()
    centre.times_ns.clear()
    centre.decisions, before = 0, centre.born
    gc.collect()
    gc.freeze()
    while len(centre.times_ns) < size.events:
        centre.step()
    gc.unfreeze()
    times = sorted(centre.times_ns)
    return Result(
        size=size,
        per_second=len(times) / (sum(times) / 1e9),
        p50_us=times[len(times) // 2] / 1000,
        p99_us=times[len(times) * 99 // 100] / 1000,
        max_us=times[-1] / 1000,
        us_per_call=sum(times) / 1000 / (centre.born - before),
        decisions=centre.decisions,
        bytes_per_contact=memory_of(size),
    )


def run(plan: str) -> None:
    """Measure every size of a plan and print the table."""
    head = ("events/s", "p50 us", "p99 us", "max us", "us/call", "decisions", "bytes/waiting")
    print(f"{'operators x skills x waiting':28}", *(f"{word:>13}" for word in head))
    for size in SIZES[plan]:
        found = measure(size)
        name = f"{size.operators:,} x {size.skills} x {size.waiting:,}"
        figures = (found.per_second, found.p50_us, found.p99_us, found.max_us, found.us_per_call)
        print(
            f"{name:28}",
            *(f"{figure:13,.0f}" for figure in figures),
            f"{found.decisions:13,}",
            f"{found.bytes_per_contact:13,.0f}",
            flush=True,
        )
