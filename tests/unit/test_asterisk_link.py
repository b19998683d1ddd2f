"""The reconciliation: what a lost event left behind is repaired, and nothing else is touched."""

from acd.asterisk_link import WELL_ROUNDS, AsteriskLink
from acd.core.events import CallerHungUp, OfferFailed, OfferFailure, Phone, PhoneChanged
from acd.core.names import Millis
from acd.settings import Address
from tests.unit.routing import AIGUL, PENSION, RU, A, Play, operator, queued, rules

CHANNEL = {"Event": "Status", "Uniqueid": AIGUL, "Channel": "PJSIP/trunk-1", "CallerIDNum": "0"}
FREE = {"Device": "PJSIP/opA", "State": "NOT_INUSE"}


class Asterisk:
    """Answers as Asterisk does: its channels, its phones, the variables of a channel."""

    def __init__(self, channels=(), phones=(), variables=None):
        self.channels, self.phones, self.variables = channels, phones, variables or {}

    async def listing(self, name, timeout_s=10.0, **headers):
        return list(self.channels if name == "Status" else self.phones)

    async def action(self, name, timeout_s=None, **headers):
        return {"Value": self.variables.get(headers["Variable"], "")}


class Board:
    lines = ()


class Rounds:
    """A link over a real router; events it posts are dealt with at once."""

    def __init__(self, *ready):
        self.play = Play(rules(operator(A, {RU: 5}, {PENSION: 5})), *ready)
        self.posted, self.adopted, self.now = [], [], 0
        self.link = AsteriskLink(
            Address("127.0.0.1", 1),
            "",
            Board(),
            self,
            self.play.router,
            lambda _: None,
            self.adopted.append,
        )

    def post(self, event):
        self.posted.append(event)
        self.at(event)

    def at(self, event):
        self.now += 1
        return self.play.at(self.now, event)

    async def round(self, asterisk, times=1):
        for _ in range(times):
            await self.link._reconcile(asterisk)


async def test_a_contact_without_a_channel_is_closed_in_the_second_round():
    rounds = Rounds()
    rounds.at(queued())
    await rounds.round(Asterisk())
    assert rounds.posted == []
    await rounds.round(Asterisk())
    assert rounds.posted == [CallerHungUp(AIGUL)]
    assert list(rounds.play.router.contacts) == []


async def test_a_contact_with_a_channel_is_left_alone():
    rounds = Rounds()
    rounds.at(queued())
    await rounds.round(Asterisk([{**CHANNEL, "Context": "acd-hold"}]), times=3)
    assert (rounds.posted, rounds.adopted) == ([], [])


async def test_who_waits_in_hold_unknown_is_adopted_in_the_second_round_with_the_clock():
    rounds = Rounds()
    variables = {"ACD_Q": "pension|5", "ACD_LANG": "kk", "ACD_QT0": "1795393051000"}
    asterisk = Asterisk([{**CHANNEL, "Context": "acd-hold"}], variables=variables)
    await rounds.round(asterisk)
    assert rounds.adopted == []
    await rounds.round(asterisk)
    (caller,) = rounds.adopted
    assert (caller.call, caller.topic, caller.language) == (AIGUL, "pension", "kk")
    assert (caller.priority_s, caller.queued_at) == (5, 1795393051000)


async def test_callers_in_the_menu_or_the_fallback_are_not_adopted():
    rounds = Rounds()
    for context in ("from-trunk", "acd-fallback", "acd-deliver"):
        await rounds.round(Asterisk([{**CHANNEL, "Context": context}]), times=3)
    assert rounds.adopted == []


async def test_a_phone_that_failed_a_call_and_keeps_answering_is_trusted_again_after_a_while():
    rounds = Rounds(A)
    rounds.at(queued())
    rounds.at(OfferFailed(AIGUL, A, OfferFailure.UNREACHABLE))
    asterisk = Asterisk([{**CHANNEL, "Context": "acd-hold"}], [FREE])
    await rounds.round(asterisk, times=WELL_ROUNDS - 1)
    assert rounds.play.state(A) == "paused(phone_unreachable)"
    await rounds.round(asterisk)
    assert rounds.play.state(A) == "ringing"


async def test_a_missed_event_of_a_phone_is_made_up_for():
    rounds = Rounds(A)
    rounds.at(PhoneChanged(A, Phone.UNREACHABLE))
    await rounds.round(Asterisk(phones=[FREE]))
    assert rounds.posted == [PhoneChanged(A, Phone.FREE)]
    assert rounds.play.router.contact(AIGUL) is None
    assert rounds.play.router.seat(A).since > Millis(0)
