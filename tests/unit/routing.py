"""A small centre for the router's tests: three operators, three queues, a short language."""

from acd.core.commands import Command, Decided
from acd.core.events import (
    ContactQueued,
    Event,
    OperatorReady,
    Phone,
    PhoneChanged,
    Ticked,
)
from acd.core.names import ContactId, Language, Millis, OperatorId, QueueId, Topic
from acd.core.queues import (
    Condition,
    LeastLevel,
    Message,
    OperatorProfile,
    OverflowTo,
    QueueRules,
    Routing,
    Rules,
    Step,
    Widen,
)
from acd.core.router import Router

KK, RU, EN = Language("kk"), Language("ru"), Language("en")
GENERAL, SOCIAL, EGOV = QueueId("general"), QueueId("social"), QueueId("egov")
PENSION, CHILD, EDS, ANY = Topic("pension"), Topic("child"), Topic("eds"), Topic("general")
RING, WRAP_UP = Millis(8000), Millis(10_000)

A, B, C = OperatorId("opA"), OperatorId("opB"), OperatorId("opC")
AIGUL, BOLAT, CHEN = ContactId("aigul"), ContactId("bolat"), ContactId("chen")


def operator(id_, languages, topics, **more):
    return OperatorProfile(id=id_, name=id_, shift="A", languages=languages, topics=topics, **more)


def rules(
    *operators,
    ladder: tuple[Step, ...] | None = None,
    wrap_up=WRAP_UP,
    routing: Routing | None = None,
    **social_more,
):
    """Three queues; `ladder` and what else is said are for `social`."""
    if ladder is None:
        ladder = (Widen(Millis(10_000), None, 1), OverflowTo(Millis(30_000), GENERAL))
    social = QueueRules(SOCIAL, LeastLevel(2, 2), RING, wrap_up, ladder, **social_more)
    general = QueueRules(
        GENERAL,
        LeastLevel(2, 1),
        RING,
        wrap_up,
        (Widen(Millis(30_000), 1, 0), Message(Millis(30_000), "still_waiting")),
    )
    egov = QueueRules(EGOV, LeastLevel(2, 2), RING, wrap_up, (Widen(Millis(30_000), 1, 0),))
    return Rules(
        target_ms=Millis(30_000),
        topics={ANY: GENERAL, PENSION: SOCIAL, CHILD: SOCIAL, EDS: EGOV},
        queues={GENERAL: general, SOCIAL: social, EGOV: egov},
        operators={profile.id: profile for profile in operators},
        routing=routing or Routing(),
    )


def queued(
    contact=AIGUL, at=0, *, topic=PENSION, language=RU, queue=SOCIAL, priority_ms=0, prefers=()
):
    return ContactQueued(contact, queue, topic, language, Millis(at), Millis(priority_ms), prefers)


def when(figure, op, value, release=None):
    """A condition, with the release that settings would give it."""
    if release is None:
        release = value * 4 // 5 if op in (">", ">=") else value * 5 // 4
    return (Condition(figure, op, value, release),)


def on_duty(*operators):
    """The events that make operators ready: a phone that works, and a log-in."""
    return [
        event for id_ in operators for event in (PhoneChanged(id_, Phone.FREE), OperatorReady(id_))
    ]


class Play:
    """A router driven by rows of (moment, event, expected commands); decisions are set apart."""

    def __init__(self, with_rules, *ready):
        self.router = Router(with_rules)
        self.decisions: list[Decided] = []
        for event in on_duty(*ready):
            self.at(0, event)

    def at(self, moment: int, event: Event) -> list[Command]:
        commands = self.router.handle(event, Millis(moment))
        self.decisions += [c for c in commands if isinstance(c, Decided)]
        return [c for c in commands if not isinstance(c, Decided)]

    def until(self, moment: int) -> list[tuple[int, Command]]:
        """Let time pass as the live loop does; what was commanded, and when."""
        found = []
        while (wake := self.router.wake_at()) is not None and wake <= moment:
            found += [(wake, command) for command in self.at(wake, Ticked())]
            later = self.router.wake_at()
            assert later is None or later > wake, "the live loop would spin"
        return found + [(moment, command) for command in self.at(moment, Ticked())]

    def state(self, id_):
        seat = self.router.seat(id_)
        state, reason = seat.state()
        return f"{state.value}({reason})" if reason else state.value
