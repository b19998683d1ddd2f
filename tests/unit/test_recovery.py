"""After a restart, a broken link or a gap: what Asterisk shows becomes what we believe.

A real router, switchboard, book and loop; Asterisk is a list of channels as Status gives them.
"""

import asyncio
from dataclasses import replace

import pytest

from acd.ami import parse
from acd.asterisk_link import WELL_ROUNDS, AsteriskLink
from acd.calls import CallBook
from acd.core.callbacks import callback_id
from acd.core.commands import CancelOffer, Offer, PlayMessage, ReturnCaller
from acd.core.events import (
    CallbackAnswered,
    CallbackRestored,
    Connected,
    LinkChanged,
    OfferFailed,
    OfferFailure,
    OperatorHungUp,
    Phone,
    PhoneChanged,
)
from acd.core.names import ContactId, Millis
from acd.core.router import Router
from acd.fallback import FallbackCalls
from acd.fallback_mirror import standings
from acd.figures import Figures
from acd.lines import Place
from acd.loop import Loop
from acd.recovery import Recovery
from acd.settings import Address
from acd.survey import Seen, survey
from acd.switchboard import Switchboard
from tests.unit.routing import (
    AIGUL,
    BOLAT,
    CHEN,
    PENSION,
    RU,
    A,
    B,
    C,
    on_duty,
    operator,
    queued,
    rules,
)
from tests.unit.test_calls import Archive

NOW = 1_795_393_000_000


def channel(call, context, *, application="MusicOnHold", bridge="", **variables):
    """A citizen's channel as Status lists it; the variables without their ACD_."""
    values = {"CALL": call, "NUMBER": "7701", "Q": "pension|0", "LANG": "ru", **variables}
    lines = "\n".join(f"ACD_{name}={value}" for name, value in values.items())
    return {
        "Uniqueid": call,
        "Channel": f"PJSIP/trunk-{call}",
        "Context": context,
        "Application": application,
        "BridgeID": bridge,
        "Variable": lines,
    }


def in_hold(call, queued_at=NOW - 9000):
    return channel(call, "acd-hold", STATE="hold", T0=NOW - 20_000, QT0=queued_at)


def ringing(call, who, number=1):
    return channel(
        call, "acd-deliver", application="Dial", STATE="ring", OP=who, QT0=NOW - 9000,
        T0=NOW - 20_000, OFFER=f"{who}|8|/w|{number}",
    )  # fmt: skip


def talking(call, who, since=NOW - 4000):
    return channel(
        call, "acd-deliver", application="Dial", bridge="b1", STATE="talk", OP=who,
        QT0=NOW - 9000, T0=NOW - 20_000, TA=since, OFFER=f"{who}|8|/w|1",
    )  # fmt: skip


def after(call, who):
    return channel(
        call, "acd-deliver", application="AGI", STATE="after", OP=who, QT0=NOW - 9000,
        T0=NOW - 20_000, TA=NOW - 4000, TE=NOW - 100,
    )  # fmt: skip


def in_fallback(call, who=None):
    talk = {"STATE": "fallback-talk", "OP": who, "TA": NOW - 3000} if who else {"STATE": "fallback"}
    bridge = "b2" if who else ""
    return channel(
        call, "acd-fallback", application="Queue", bridge=bridge, T0=NOW - 20_000,
        QT0=NOW - 9000, FB0=NOW - 6000, **talk,
    )  # fmt: skip


class Sent:
    """A link that only remembers."""

    def __init__(self):
        self.redirects = []

    def post(self, name, **headers):
        if name == "Redirect":
            self.redirects.append((headers["Channel"], headers["Context"]))
        done = asyncio.get_running_loop().create_future()
        done.set_result({"Response": "Success"})
        return done


class Service:
    """What the composition root joins for this, without Asterisk and without a database."""

    def __init__(self, *ready):
        self.now = NOW
        profiles = [operator(each, {RU: 5}, {PENSION: 5}) for each in (A, B, C)]
        self.router = Router(rules(*profiles))
        self.archive = Archive()
        figures = Figures(30_000, Millis(0))
        self.book = CallBook(self.router, self.archive, figures, self.clock, "n1")
        self.events, self.commands, self.finished = [], [], []
        self.loop = Loop(self.router, self.carry_out, self.clock)
        fallback = FallbackCalls(self.book, self.loop, self.clock, 3000)
        self.board = Switchboard(
            self.loop.post,
            self,
            fallback,
            believe=lambda seen: self.recovery.believe(seen),
            sound=lambda call, phrase: None,
            told=lambda tell: None,
            whisper=lambda call: "",
        )
        self.recovery = Recovery(
            self.board, self.router, fallback, self.loop.post, self.clock,
            languages=lambda: ("kk", "ru"),
            is_over=lambda call: False,
            finish=self.finished.append,
        )  # fmt: skip
        for event in on_duty(*ready):
            self.loop.at_once(event)
        self.events.clear()

    def clock(self):
        return Millis(self.now)

    def call_arrived(self, call, number, at):
        self.book.call_arrived(call, number, at)

    def call_event(self, call, event, **data):
        self.loop.after(lambda: self.book.call_event(call, event, **data))

    def call_gone(self, call):
        self.loop.after(lambda: self.book.call_gone(call))

    def carry_out(self, event, now, commands, before):
        self.events.append(event)
        self.book.observe(event, commands, before)
        for command in commands:
            if isinstance(command, Offer | CancelOffer | ReturnCaller | PlayMessage):
                self.commands.append(command)
                self.board.carry_out(command)

    async def settle(self):
        """Until every event handed in so far has been dealt with."""
        running = asyncio.get_running_loop().create_task(self.loop.run())
        for _ in range(2):  # what is handed in by the last is dealt with, too
            done = asyncio.Event()
            self.loop.after(done.set)
            await done.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def recover(self, *channels, phones=()):
        """As at the beginning of a session: nothing is decided before, commands go out after."""
        self.loop.at_once(LinkChanged(is_up=False))
        self.board.attach(None)
        self.events.clear(), self.commands.clear()
        known = {line.call for line in self.board.lines}
        adopted = self.recovery.believe_all(survey(channels), phones, known)
        link = Sent()
        self.loop.after(lambda: self.board.attach(link))
        self.loop.post(LinkChanged(is_up=True))
        await self.settle()
        self.link = link
        return adopted

    def who(self, call):
        contact = self.router.contact(call)
        return contact and (contact.stage.value, contact.operator)

    def state(self, id_):
        return self.router.seat(id_).state()[0].value


async def test_who_waits_is_adopted_with_place_and_clock_and_served_in_that_order():
    service = Service(A)
    later, first = in_hold(AIGUL, NOW - 3000), in_hold(BOLAT, NOW - 8000)
    assert await service.recover(later, first) == 2
    assert service.who(BOLAT) == ("ringing", A) and service.who(AIGUL) == ("waiting", None)
    assert service.router.contact(AIGUL).queued_at == NOW - 3000
    assert service.link.redirects == [(BOLAT, "acd-deliver")]
    call = service.book.get(AIGUL)
    assert (call.arrived_at, call.language, call.number) == (NOW - 20_000, "ru", "7701")


async def test_nobody_is_rung_twice_and_who_is_busy_gets_no_offer():
    service = Service(A, B, C)
    await service.recover(
        in_hold(CHEN), ringing(AIGUL, A), talking(BOLAT, B), phones=[(C, Phone.IN_USE)]
    )
    assert service.who(AIGUL) == ("ringing", A) and service.who(BOLAT) == ("talking", B)
    assert service.who(CHEN) == ("waiting", None)
    assert (service.commands, service.link.redirects) == ([], [])
    assert (service.state(A), service.state(B)) == ("ringing", "talking")


async def test_a_conversation_found_under_way_has_its_real_wait_and_ends_in_a_wrap_up():
    service = Service(A)
    await service.recover(talking(AIGUL, A))
    call = service.book.get(AIGUL)
    assert (call.wait_ms, call.connected_at) == (5000, NOW - 4000)
    service.now += 6000
    service.loop.at_once(OperatorHungUp(AIGUL, A))
    assert (call.outcome, call.handle_ms, service.state(A)) == ("answered", 10_000, "wrap_up")


async def test_a_conversation_that_ended_meanwhile_is_over_and_the_wrap_up_begins():
    service = Service(A)
    await service.recover(after(AIGUL, A))
    assert service.router.contact(AIGUL) is None
    assert (service.book.get(AIGUL).outcome, service.state(A)) == ("answered", "wrap_up")


@pytest.mark.parametrize(
    ("channels", "then"),
    [
        ((), None),
        ((in_hold(AIGUL),), ("ringing", A)),
        ((ringing(AIGUL, A),), ("ringing", A)),
        ((talking(AIGUL, A),), ("talking", A)),
        ((talking(AIGUL, B),), ("talking", B)),
        ((in_fallback(AIGUL),), None),
        ((in_fallback(AIGUL, A),), ("talking", A)),
    ],
    ids=["gone", "hold", "ringing", "talking", "another", "fallback", "fallback talk"],
)
@pytest.mark.parametrize("before", ["waiting", "ringing", "talking"])
async def test_whatever_was_believed_asterisk_is_right(before, channels, then):
    service = Service(A)
    service.board.take(Seen(AIGUL, "c", "", Place.PARKED, "pension", "ru", 0))
    if before == "waiting":
        service.loop.at_once(LinkChanged(is_up=False))
    service.loop.at_once(queued(at=NOW - 9000))
    if before == "talking":
        service.loop.at_once(Connected(AIGUL, A))
    await service.recover(*channels)
    if before == "talking" and then == ("ringing", A) and channels[0]["Context"] == "acd-hold":
        then = ("waiting", None)  # the operator hung up at once, and is set aside for that
    assert service.who(AIGUL) == then
    busy = {"ringing": "ringing", "talking": "talking"}.get(then[0] if then else "")
    if then and then[1] == A:
        assert service.state(A) == busy
    if not channels:
        assert service.board.lines == [] and service.book.get(AIGUL) is None
        outcome = "answered" if before == "talking" else "abandoned"
        assert service.archive.calls[AIGUL].outcome == outcome


async def test_who_is_in_the_fallback_stays_there_and_is_on_record():
    service = Service(A, B)
    await service.recover(in_fallback(AIGUL), in_fallback(BOLAT, B), phones=[(B, Phone.IN_USE)])
    assert service.link.redirects == [] and service.commands == []
    assert service.router.contact(AIGUL) is None
    assert service.book.get(AIGUL).is_waiting_in_fallback
    assert service.who(BOLAT) == ("talking", B) and service.book.get(BOLAT).wait_ms == 6000
    assert all(service.book.get(call).fallback for call in (AIGUL, BOLAT))
    service.board.on_event({"Event": "Hangup", "Uniqueid": BOLAT})
    await service.settle()
    record = service.archive.calls[BOLAT]
    assert (record.outcome, record.wait_ms) == ("answered", 6000)


async def test_an_offer_whose_end_nobody_saw_is_nobodys_fault():
    service = Service(A)
    service.board.take(Seen(AIGUL, "c", "", Place.PARKED, "pension", "ru", 0))
    service.loop.at_once(queued(at=NOW - 9000))
    assert service.who(AIGUL) == ("ringing", A)
    await service.recover(in_hold(AIGUL))
    assert OfferFailed(AIGUL, A, OfferFailure.UNSEEN) in service.events
    assert service.link.redirects == [(AIGUL, "acd-deliver")]


async def test_without_a_link_no_time_limit_is_held_against_anybody():
    service = Service(A)
    service.loop.at_once(queued(at=NOW))
    service.loop.at_once(LinkChanged(is_up=False))
    service.now += 60_000
    service.loop.at_once(PhoneChanged(B, Phone.FREE))
    assert service.who(AIGUL) == ("ringing", A)
    service.loop.at_once(LinkChanged(is_up=True))
    assert service.state(A) == "ringing"
    service.now += 17_000
    service.loop.at_once(PhoneChanged(B, Phone.FREE))
    assert service.state(A) == "paused"


def test_a_survey_pairs_the_legs_and_passes_over_what_is_no_citizens_call():
    leg = {"Uniqueid": "l1", "Channel": "PJSIP/opA-1", "Context": "from-op",
           "Variable": f"ACD_LEG={AIGUL}\nACD_CALL=(null)"}  # fmt: skip
    feature = {"Uniqueid": "f1", "Channel": "PJSIP/opB-1", "Context": "from-op", "Variable": ""}
    leaving = channel(CHEN, "acd-end")
    (seen,) = survey([leg, feature, leaving, talking(AIGUL, A)])
    assert (seen.leg, seen.leg_channel, seen.operator) == ("l1", "PJSIP/opA-1", A)
    assert seen.place is Place.TALKING and seen.offer == 1


def test_a_channels_variables_come_in_lines_of_their_own():
    block = b"Event: Status\r\nVariable: ACD_CALL=1.0\r\nVariable: ACD_Q=(null)\r\nContext: x\r\n"
    assert parse(block)["Variable"] == "ACD_CALL=1.0\nACD_Q=(null)"


# Who was logged in, by Asterisk's own queue


def member(who, *, paused="0", reason=""):
    return {"Event": "QueueMember", "Location": f"PJSIP/{who}", "Paused": paused,
            "PausedReason": reason}  # fmt: skip


def test_the_fallback_queue_tells_who_was_logged_in():
    service = Service(A, C)
    listed = [member(A, paused="1", reason="lunch"), member(B)]
    for event in standings(listed, service.router.seats):
        service.loop.at_once(event)
    seats = {seat.profile.id: (seat.logged_in, seat.pause) for seat in service.router.seats}
    assert seats == {A: (True, "lunch"), B: (True, None), C: (False, None)}


def test_an_empty_fallback_queue_is_a_new_one_and_tells_nothing():
    service = Service(A)
    assert standings([], service.router.seats) == []


# The rounds of comparison in between


class Asterisk:
    """Answers as Asterisk does: its channels and its phones."""

    def __init__(self, channels=(), phones=()):
        self.channels, self.phones, self.posted = channels, phones, []

    async def listing(self, name, timeout_s=10.0, **headers):
        return list(self.channels if name == "Status" else self.phones)

    def post(self, name, **headers):
        self.posted.append((name, headers))


class Rounds(Service):
    def __init__(self, *ready):
        super().__init__(*ready)
        self.board.attach(None)
        self.rounds = AsteriskLink(
            Address("127.0.0.1", 1), "", self.board, self.loop, self.router, self.recovery, print
        )
        self.rounds._is_up = True

    async def round(self, asterisk, times=1):
        for _ in range(times):
            await self.rounds._reconcile(asterisk)
            await self.settle()


async def test_a_caller_unknown_to_us_is_adopted_in_the_second_round():
    rounds = Rounds()
    asterisk = Asterisk([in_hold(AIGUL)])
    await rounds.round(asterisk)
    assert rounds.router.contact(AIGUL) is None
    await rounds.round(asterisk, times=3)
    assert rounds.who(AIGUL) == ("waiting", None)
    assert rounds.rounds.repairs == {"elsewhere": 1}


async def test_a_caller_who_is_gone_is_forgotten_in_the_second_round():
    rounds = Rounds()
    await rounds.recover(in_hold(AIGUL))
    await rounds.round(Asterisk())
    assert rounds.board.line(AIGUL) is not None
    await rounds.round(Asterisk())
    assert rounds.board.lines == [] and rounds.router.contact(AIGUL) is None
    assert rounds.rounds.repairs["missing"] == 1


async def test_a_contact_without_a_channel_is_closed_in_the_second_round():
    rounds = Rounds()
    rounds.loop.at_once(queued(at=NOW))
    await rounds.round(Asterisk())
    assert rounds.router.contact(AIGUL) is not None
    await rounds.round(Asterisk())
    assert rounds.router.contact(AIGUL) is None


async def test_a_redirect_of_which_nothing_is_heard_any_more_is_repaired():
    rounds = Rounds()
    await rounds.recover(in_hold(AIGUL))
    rounds.board.line(AIGUL).place = Place.MOVING
    await rounds.round(Asterisk([in_hold(AIGUL)]), times=2)
    assert rounds.board.line(AIGUL).place is Place.PARKED


async def test_callers_where_we_think_they_are_are_left_alone():
    rounds = Rounds(A, B)
    channels = [in_hold(CHEN), talking(AIGUL, A), in_fallback(BOLAT)]
    phones = [{"Device": f"PJSIP/{each}", "State": "INUSE"} for each in (A, B, C)]
    await rounds.recover(*channels, phones=[(each, Phone.IN_USE) for each in (A, B, C)])
    rounds.events.clear()
    await rounds.round(Asterisk(channels, phones), times=3)
    assert rounds.events == [] and not rounds.rounds.repairs


async def test_a_phone_that_failed_a_call_and_keeps_answering_is_trusted_again_after_a_while():
    rounds = Rounds(A)
    await rounds.recover(in_hold(AIGUL))
    rounds.loop.at_once(OfferFailed(AIGUL, A, OfferFailure.UNREACHABLE))
    asterisk = Asterisk([in_hold(AIGUL)], [{"Device": f"PJSIP/{A}", "State": "NOT_INUSE"}])
    await rounds.round(asterisk, times=WELL_ROUNDS - 1)
    assert rounds.state(A) == "paused"
    await rounds.round(asterisk)
    assert rounds.state(A) == "ringing"


async def test_a_missed_event_of_a_phone_is_made_up_for():
    rounds = Rounds(A)
    rounds.loop.at_once(PhoneChanged(A, Phone.UNREACHABLE))
    await rounds.round(Asterisk(phones=[{"Device": f"PJSIP/{A}", "State": "NOT_INUSE"}]))
    assert rounds.state(A) == "ready"


async def test_a_logged_in_operators_phone_that_seems_dead_is_asked_at_once():
    rounds = Rounds(A)
    rounds.loop.at_once(PhoneChanged(A, Phone.UNREACHABLE))
    asterisk = Asterisk(phones=[{"Device": f"PJSIP/{A}", "State": "UNAVAILABLE"}])
    await rounds.round(asterisk)
    assert asterisk.posted == [("PJSIPQualify", {"Endpoint": A})]


async def test_who_comes_between_the_question_and_the_answer_is_not_missing():
    service = Service(A)
    service.board.arrived(BOLAT, "c", "7702")
    known = {AIGUL}
    service.recovery.believe_all(survey([]), (), known)
    await service.settle()
    assert [line.call for line in service.board.lines] == [BOLAT]
    assert service.book.get(BOLAT) is not None


async def test_a_call_taken_for_ended_that_is_seen_alive_is_taken_up_again():
    service = Service(A)
    service.board.arrived(AIGUL, "c", "7701")
    service.board.forget(AIGUL)
    await service.settle()
    assert service.board.is_gone(AIGUL)
    await service.recover(in_hold(AIGUL))
    assert service.who(AIGUL) == ("ringing", A)
    assert not service.board.is_gone(AIGUL)


# Callbacks, and who leaves the queue

BACK = callback_id(AIGUL)


def booked(service):
    """A callback on record, taken up again."""
    service.loop.at_once(
        CallbackRestored(replace(queued(at=NOW - 9000), contact=BACK), "7010001122", 0, NOW - 9000)
    )


async def test_a_callback_nobody_is_on_the_line_for_is_not_taken_for_a_caller_who_is_gone():
    service = Service()
    booked(service)
    await service.recover()
    assert service.who(BACK) == ("waiting", None)


async def test_a_citizen_who_was_called_back_and_waits_is_rung_for_next():
    service = Service(A)
    service.loop.at_once(LinkChanged(is_up=False))
    booked(service)
    await service.recover(channel("c9", "acd-hold", STATE="hold", CBC=BACK, QT0=NOW - 9000))
    assert CallbackAnswered(BACK) in service.events
    assert service.who(BACK) == ("ringing", A)
    assert service.link.redirects == [("c9", "acd-deliver")]


async def test_a_conversation_of_a_callback_goes_on():
    service = Service(A)
    booked(service)
    line = channel(
        "c9", "acd-deliver", application="Dial", bridge="b1", STATE="talk", OP=A, CBC=BACK,
        QT0=NOW - 9000, TA=NOW - 4000,
    )  # fmt: skip
    await service.recover(line)
    assert service.who(BACK) == ("talking", A)
    assert service.router.contact(ContactId("c9")) is None


@pytest.mark.parametrize(
    "line",
    [
        channel(AIGUL, "acd-leave", application="Record", STATE="left", QT0=NOW - 9000),
        channel(AIGUL, "acd-book", application="AGI", STATE="callback", QT0=NOW - 9000),
        channel("c9", "acd-called", application="BackGround", STATE="called", CBC=BACK),
    ],
    ids=["leaves a message", "has a callback", "hears the greeting"],
)
async def test_who_waits_no_more_is_not_queued_again(line):
    service = Service()
    await service.recover(line)
    assert list(service.router.contacts) == []
    assert [each.place for each in service.board.lines] == [Place.MENU]


async def test_who_is_asked_for_a_number_still_waits():
    service = Service(A)
    await service.recover(
        channel(AIGUL, "acd-book", application="AGI", STATE="hold", T0=NOW - 20_000, QT0=NOW - 9000)
    )
    assert service.who(AIGUL) == ("ringing", A)
