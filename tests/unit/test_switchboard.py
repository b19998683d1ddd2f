"""Callers' channels: what is sent to Asterisk when, and what its events come to mean."""

import asyncio
from dataclasses import replace

import pytest

from acd.ami import AmiError
from acd.core.commands import (
    CancelOffer,
    LeaveQueue,
    Offer,
    OfferCallbackTo,
    PlayMessage,
    ReturnCaller,
    Tell,
)
from acd.core.events import (
    CallbackAnswered,
    CallbackFailed,
    CallerHungUp,
    CallerLeft,
    Connected,
    OfferFailed,
    OfferFailure,
    OperatorAnswered,
    OperatorHungUp,
    OperatorLost,
    Phone,
    PhoneChanged,
)
from acd.core.names import ContactId, Millis, OperatorId
from acd.lines import Place
from acd.survey import Seen
from acd.switchboard import GONE_KEPT, Switchboard
from tests.unit.agi_peer import until

CALL = ContactId("n1-1795389216.0")
CHANNEL = "PJSIP/trunk-00000000"
LEG, LEG_CHANNEL = "n1-1795389217.1", "PJSIP/pens1-00000001"
A, B = OperatorId("pens1"), OperatorId("pens2")
NEVER_S = 3600.0


class Link:
    """Records what is sent. `refuses` are actions answered with an error; `status` is listed."""

    def __init__(self):
        self.sent = []
        self.refuses = set()
        self.status = []
        self.packets = []
        self.asked = 0

    def post(self, name, **headers):
        self.sent.append((name, headers))
        answer = None if name in self.refuses else {"Response": "Success"}
        if name == "Getvar" and answer:
            answer = {**answer, "Value": self.packets.pop(0) if self.packets else ""}
        done = asyncio.get_running_loop().create_future()
        done.set_result(answer)
        return done

    async def listing(self, name, timeout_s=10.0, **headers):
        self.asked += 1
        if isinstance(self.status, Exception):
            raise self.status
        return self.status

    @property
    def moves(self):
        """(where to, what was set for it) of each Redirect."""
        moves, value = [], None
        for name, headers in self.sent:
            if name == "Setvar":
                assert headers["Channel"] == CALL
                value = headers["Value"]
            elif name == "Redirect":
                assert (headers["Exten"], headers["Priority"]) == ("s", "1")
                moves.append((headers["Context"], value))
        return moves


class Desk:
    """A switchboard with one caller, and Asterisk's events about them in short words."""

    def __init__(self, *, settle_s=NEVER_S, sounds=("returned", "still_waiting", "callback_offer")):
        self.events = []
        self.told = []
        self.seen = []
        self.link = Link()
        self.board = Switchboard(
            self.events.append,
            self,
            self,
            believe=self.seen.append,
            sound=lambda call, phrase: f"/p/{phrase}" if phrase in sounds else None,
            told=lambda tell: "/t/place" if tell.position else None,
            whisper=lambda call: "/w/ru-pension",
            settle_s=settle_s,
        )
        self.board.attach(self.link)
        self.board.set_operators({A, B})

    def call_arrived(self, call, number, at):
        self.told.append(("arrived", call, number))

    def call_event(self, call, event, **data):
        self.told.append((event, call, data.get("operator")))

    def call_gone(self, call):
        self.told.append(("gone", call))

    def entered(self, call, at, queued=None):
        self.told.append(("fallback", call, at))

    def answered(self, call, operator, at):
        self.told.append(("fallback answered", call, operator))

    def operator_left(self, call, operator):
        self.told.append(("fallback operator left", call, operator))

    def message_left(self, call, file):
        self.told.append(("message", call, file))

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def line(self):
        return self.board.line(CALL)

    @property
    def place(self):
        return self.line.place

    def want(self, *commands):
        for command in commands:
            self.board.carry_out(command)

    def event(self, name, channel=CHANNEL, unique=CALL, **more):
        self.board.on_event({"Event": name, "Channel": channel, "Uniqueid": unique, **more})

    def user(self, name, **more):
        self.event("UserEvent", UserEvent=name, Call=CALL, **more)

    def arrive(self):
        self.user("ACDCall", Number="77010001122")

    def hold(self):
        self.user("ACDHold", Context="acd-hold")

    def music(self, context="acd-hold"):
        self.event("MusicOnHoldStart", Class="acd", Context=context)

    def park(self):
        self.arrive()
        self.hold()
        self.music()

    def dial(self, operator=A):
        self.event("DialBegin", DestUniqueid=LEG, DestChannel=LEG_CHANNEL, DialString=operator)
        self.music("acd-deliver")  # Dial plays the same class to the caller

    def rings(self):
        self.event("DialState", DestUniqueid=LEG, DialStatus="RINGING")

    def answers(self, offer=1):
        self.event(
            "UserEvent", LEG_CHANNEL, LEG, UserEvent="ACDAnswer", Call=CALL, Op=A, Offer=str(offer)
        )

    def bridge(self):
        self.event("BridgeEnter", LEG_CHANNEL, LEG, BridgeNumChannels="1")
        self.event("BridgeEnter", BridgeNumChannels="2")

    def dialled(self, status, cause="0", *, offer=1, then="hold"):
        self.user("ACDDial", Offer=str(offer), Op=A, Status=status, Cause=cause, Next=then)

    def end(self, state="hold"):
        """What Asterisk says when the caller hangs up, whatever the place."""
        self.event("HangupRequest")
        self.event("SoftHangupRequest", Cause="16")
        self.user("ACDEnd", State=state)
        self.event("Hangup", Cause="16")

    def ring(self):
        self.park()
        self.want(offer(A))
        self.dial()
        self.rings()

    def talk(self):
        self.ring()
        self.answers()
        self.bridge()


def offer(operator, ring_ms=8000):
    return Offer(CALL, operator, Millis(ring_ms))


def cancel(operator):
    return CancelOffer(CALL, operator)


def delivery(operator, number, ring="8"):
    return ("acd-deliver", f"{operator}|{ring}|/w/ru-pension|{number}")


# From the menu into a conversation


async def test_with_somebody_free_the_caller_leaves_the_menu_with_the_offer():
    desk = Desk()
    desk.arrive()
    desk.want(offer(A))
    assert desk.board.first_offer(CALL) == delivery(A, 1)[1]
    assert (desk.place, desk.line.operator, desk.link.sent) == (Place.MOVING, A, [])
    assert desk.board.first_offer(CALL) is None
    desk.dial()
    desk.answers()
    desk.bridge()
    assert desk.of(Connected) == [Connected(CALL, A)]


async def test_an_offer_taken_back_on_the_way_from_the_menu_is_taken_back_at_the_phone():
    desk = Desk()
    desk.arrive()
    desk.want(offer(A))
    desk.board.first_offer(CALL)
    desk.want(cancel(A), offer(B))
    assert desk.link.moves == []
    desk.dial()
    assert desk.link.moves == [("acd-hold", "")]
    desk.hold()
    desk.music()
    assert desk.link.moves[1:] == [delivery(B, 2)]


async def test_who_has_to_wait_leaves_the_menu_without_an_offer():
    desk = Desk()
    assert desk.board.first_offer("unknown") is None
    desk.arrive()
    assert desk.board.first_offer(CALL) is None
    desk.park()
    desk.want(offer(A))
    assert desk.board.first_offer(CALL) is None
    assert desk.link.moves == [delivery(A, 1)]


async def test_without_a_link_nobody_leaves_the_menu_with_an_offer():
    desk = Desk()
    desk.arrive()
    desk.want(offer(A))
    desk.board.attach(None)
    assert desk.board.first_offer(CALL) is None


async def test_a_first_offer_that_never_rings_is_looked_into():
    desk = Desk(settle_s=0.01)
    desk.arrive()
    desk.want(offer(A))
    desk.board.first_offer(CALL)
    await until(lambda: desk.link.asked == 1)


async def test_who_hangs_up_in_the_whisper_was_not_connected_though_the_bridge_was_there():
    desk = Desk()
    desk.talk()
    desk.end(state="ring")
    assert desk.of(OfferFailed) == [OfferFailed(CALL, A, OfferFailure.UNSEEN)]
    assert desk.events[-1] == CallerHungUp(CALL)


async def test_who_hangs_up_in_a_conversation_was_connected():
    desk = Desk()
    desk.talk()
    desk.end(state="talk")
    assert desk.of(OfferFailed) == []
    assert desk.of(CallerHungUp) == [CallerHungUp(CALL)]


async def test_a_citizens_channel_is_a_call_and_an_operators_is_not():
    desk = Desk()
    desk.arrive()
    desk.arrive()
    desk.event("Newchannel", LEG_CHANNEL, LEG, Context="from-op")
    desk.board.arrived(CALL, CHANNEL, "77010001122")
    assert desk.told == [("arrived", CALL, "77010001122")]
    assert len(desk.board.lines) == 1
    assert desk.place is Place.MENU


async def test_a_call_from_its_arrival_to_the_operators_hang_up():
    desk = Desk()
    desk.talk()
    assert desk.link.moves == [delivery(A, 1)]
    assert desk.place is Place.TALKING
    assert desk.events == [OperatorAnswered(CALL, A), Connected(CALL, A)]
    assert ("ringing", CALL, A) in desk.told
    desk.dialled("ANSWER", "16", then="after")
    assert desk.events[2:] == [OperatorHungUp(CALL, A)]
    assert desk.place is Place.AFTER
    desk.end()
    assert desk.events[3:] == [CallerHungUp(CALL)]
    assert desk.board.lines == [] and desk.told.count(("gone", CALL)) == 1


async def test_an_offer_waits_until_the_caller_sits_in_music():
    desk = Desk()
    desk.arrive()
    desk.want(offer(A, 7600))
    assert desk.link.sent == []
    desk.hold()
    assert desk.link.sent == []
    desk.music()
    assert desk.link.moves == [delivery(A, 1, ring="7.6")]
    assert [name for name, _ in desk.link.sent] == ["Setvar", "Redirect"]


async def test_only_one_redirect_is_on_its_way():
    desk = Desk()
    desk.park()
    desk.want(offer(A), cancel(A), offer(B))
    desk.music()
    assert desk.link.moves == [delivery(A, 1)]
    desk.dial()
    assert desk.link.moves[1:] == [("acd-hold", "")]
    desk.music()
    assert len(desk.link.moves) == 2, "music heard in motion is not the hold's"
    desk.hold()
    assert len(desk.link.moves) == 2
    desk.music()
    assert desk.link.moves[2:] == [delivery(B, 2)]


async def test_the_bridge_is_reported_once_whichever_leg_enters_last():
    for last in (CALL, LEG):
        desk = Desk()
        desk.ring()
        desk.event("BridgeEnter", unique=LEG if last == CALL else CALL, BridgeNumChannels="1")
        desk.event("BridgeEnter", unique=last, BridgeNumChannels="2")
        desk.event("BridgeEnter", unique=last, BridgeNumChannels="2")
        assert desk.events == [Connected(CALL, A)]


async def test_a_bridge_is_believed_although_the_start_of_the_dialling_was_missed():
    desk = Desk()
    desk.park()
    desk.want(offer(A))
    desk.event("BridgeEnter", BridgeNumChannels="2")
    desk.event("BridgeEnter", BridgeNumChannels="2")
    assert desk.events == [Connected(CALL, A)]
    assert desk.place is Place.TALKING


# Cancelling


async def test_an_offer_cancelled_before_it_was_sent_is_never_sent():
    desk = Desk()
    desk.arrive()
    desk.want(offer(A), cancel(A))
    desk.hold()
    desk.music()
    assert desk.link.sent == []
    desk.want(cancel(A))
    assert desk.link.sent == [] and desk.place is Place.PARKED


async def test_an_offer_cancelled_while_it_rings_brings_the_caller_back_and_the_next_is_rung():
    desk = Desk()
    desk.ring()
    desk.want(cancel(A), offer(B))
    assert desk.link.moves == [delivery(A, 1), ("acd-hold", "")]
    desk.event("DialEnd", DestUniqueid=LEG, DialStatus="CANCEL")
    desk.hold()
    assert desk.place is Place.SAYING and len(desk.link.moves) == 2
    desk.music()
    assert desk.link.moves[2:] == [delivery(B, 2)]
    assert desk.events == []


async def test_an_offer_cancelled_on_its_way_to_a_phone_in_use_does_not_hold_up_the_next():
    desk = Desk()
    desk.park()
    desk.want(offer(A), cancel(A), offer(B))
    desk.dialled("NOTFREE")
    desk.hold()
    desk.music()
    assert desk.link.moves == [delivery(A, 1), delivery(B, 2)]


async def test_reports_of_an_offer_given_up_are_ignored():
    desk = Desk()
    desk.ring()
    desk.want(cancel(A), offer(B))
    desk.hold()
    desk.music()
    desk.dial(B)
    assert desk.line.offer == 2
    desk.dialled("NOANSWER", offer=1)
    desk.answers(offer=1)
    assert desk.events == []
    assert desk.place is Place.RINGING and desk.line.operator == B
    desk.dialled("BUSY", offer=2)
    assert desk.events == [OfferFailed(CALL, B, OfferFailure.BUSY)]


async def test_a_cancel_that_crosses_the_bridge_leaves_no_conversation_behind():
    desk = Desk()
    desk.ring()
    desk.answers()
    desk.want(cancel(A))
    desk.bridge()
    desk.hold()
    desk.music()
    assert desk.events == [OperatorAnswered(CALL, A)]
    assert desk.place is Place.PARKED and desk.line.operator is None


async def test_a_caller_in_hold_while_believed_in_conversation_failed_to_be_connected():
    desk = Desk()
    desk.talk()
    desk.hold()
    assert desk.of(OfferFailed) == [OfferFailed(CALL, A, OfferFailure.NO_RESULT)]
    desk.music()
    desk.want(offer(B))
    assert desk.link.moves[-1] == delivery(B, 2)


# How an offer fails


@pytest.mark.parametrize(
    ("status", "cause", "has_rung", "why"),
    [
        ("NOANSWER", "0", True, OfferFailure.NO_ANSWER),
        ("NOANSWER", "0", False, OfferFailure.UNREACHABLE),
        ("BUSY", "17", True, OfferFailure.BUSY),
        ("BUSY", "17", False, OfferFailure.BUSY),
        ("CHANUNAVAIL", "21", True, OfferFailure.BUSY),
        ("CHANUNAVAIL", "21", False, OfferFailure.BUSY),
        ("CHANUNAVAIL", "20", False, OfferFailure.UNREACHABLE),
        ("CHANUNAVAIL", "0", True, OfferFailure.UNREACHABLE),
        ("CONGESTION", "34", False, OfferFailure.UNREACHABLE),
        ("ANSWER", "16", True, OfferFailure.HUNG_UP_AT_ONCE),
        ("NOTFREE", "0", False, OfferFailure.NOT_FREE),
        ("", "", False, OfferFailure.UNREACHABLE),
    ],
)
async def test_why_an_offer_failed(status, cause, has_rung, why):
    desk = Desk()
    desk.park()
    desk.want(offer(A))
    desk.dial()
    if has_rung:
        desk.rings()
    desk.dialled(status, cause)
    assert desk.events == [OfferFailed(CALL, A, why)]
    assert desk.place is Place.HOLD
    desk.hold()
    desk.music()
    assert desk.events == [OfferFailed(CALL, A, why)], "reported once"
    desk.want(offer(B))
    assert desk.link.moves == [delivery(A, 1), delivery(B, 2)]


async def test_the_ringing_of_one_phone_is_not_held_against_the_next():
    desk = Desk()
    desk.ring()
    desk.dialled("NOANSWER")
    desk.hold()
    desk.music()
    desk.want(offer(B))
    desk.dial(B)
    desk.dialled("NOANSWER", offer=2)
    assert desk.of(OfferFailed)[1].why is OfferFailure.UNREACHABLE


# The caller goes


async def in_menu(desk):
    desk.arrive()


async def in_hold(desk):
    desk.arrive()
    desk.hold()


async def parked(desk):
    desk.park()


async def moving(desk):
    desk.park()
    desk.want(offer(A))


async def ringing(desk):
    desk.ring()


async def in_whisper(desk):
    desk.ring()
    desk.answers()


async def talking(desk):
    desk.talk()


async def after(desk):
    desk.talk()
    desk.dialled("ANSWER", then="after")


async def hearing_a_message(desk):
    desk.park()
    desk.want(PlayMessage(CALL, "still_waiting"))
    desk.hold()


PLACES = (in_menu, in_hold, parked, moving, ringing, in_whisper, talking, after, hearing_a_message)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
async def test_a_caller_who_hangs_up_is_gone_once_wherever_they_were(place):
    desk = Desk()
    await place(desk)
    desk.event("HangupRequest")
    desk.want(offer(B), PlayMessage(CALL, "still_waiting"))
    sent = len(desk.link.sent)
    desk.hold()
    desk.music()
    desk.dial()
    desk.dialled("CANCEL", offer=desk.line.offer)
    desk.bridge()
    desk.user("ACDEnd", State="hold")
    desk.event("Hangup", Cause="16")
    desk.event("Hangup", LEG_CHANNEL, LEG, Cause="16")
    desk.event("Hangup", Cause="16")
    assert desk.of(CallerHungUp) == [CallerHungUp(CALL)]
    assert desk.events[-1] == CallerHungUp(CALL), "nothing is said of a caller after that"
    assert desk.told.count(("gone", CALL)) == 1
    assert len(desk.link.sent) == sent
    assert desk.board.lines == [] and desk.board._legs == {}


async def test_late_news_of_a_call_that_has_ended_is_no_new_call():
    desk = Desk()
    desk.park()
    desk.end()
    before = list(desk.events)
    desk.park()
    desk.want(offer(A))
    desk.dial()
    desk.bridge()
    desk.dialled("ANSWER", then="after")
    desk.board.arrived(CALL, CHANNEL, "1")
    assert (desk.events, desk.board.lines, desk.link.sent) == (before, [], [])
    assert desk.board.is_gone(CALL) and desk.board.stray_events > 0
    assert desk.told == [("arrived", CALL, "77010001122"), ("gone", CALL)]


async def test_the_memory_of_ended_calls_is_bounded():
    desk = Desk()
    for number in range(GONE_KEPT + 10):
        desk.board.arrived(f"c{number}", CHANNEL, "1")
        desk.board.forget(f"c{number}")
    assert len(desk.board._gone) == GONE_KEPT
    assert not desk.board.is_gone("c0") and desk.board.is_gone(f"c{GONE_KEPT + 9}")


async def test_the_operators_leg_may_hang_up_before_or_after_its_result():
    desk = Desk()
    desk.talk()
    desk.event("HangupRequest", LEG_CHANNEL, LEG, Cause="16")
    desk.event("Hangup", LEG_CHANNEL, LEG, Cause="16")
    assert desk.place is Place.TALKING
    desk.dialled("ANSWER", then="after")
    assert desk.events[2:] == [OperatorHungUp(CALL, A)]


async def test_what_the_fallback_took_is_left_alone():
    desk = Desk()
    desk.arrive()
    desk.want(offer(A))
    desk.user("ACDFallback", At="1795389217000")
    assert desk.events == [CallerLeft(CALL)]
    assert ("fallback", CALL, 1795389217000) in desk.told
    desk.music("acd-fallback")
    desk.want(offer(B))
    assert desk.link.sent == [] and desk.place is Place.FALLBACK
    desk.end()
    assert desk.told.count(("gone", CALL)) == 1


async def test_what_the_fallback_queue_does_with_a_caller_is_told():
    desk = Desk()
    desk.arrive()
    desk.user("ACDFallback")
    desk.event("AgentConnect", Interface=f"PJSIP/{A}", DestUniqueid=LEG, DestChannel=LEG_CHANNEL)
    desk.event("AgentComplete", Interface=f"PJSIP/{A}", Reason="agent")
    desk.event("AgentComplete", Interface=f"PJSIP/{A}", Reason="caller")
    desk.user("ACDMessage", File="x.wav")
    assert desk.told[1:] == [
        ("fallback", CALL, None),
        ("fallback answered", CALL, A),
        ("fallback operator left", CALL, A),
        ("message", CALL, "x.wav"),
    ]


async def test_a_queue_that_is_not_the_fallback_is_not_listened_to():
    desk = Desk()
    desk.talk()
    before = list(desk.told)
    desk.event("AgentConnect", Interface=f"PJSIP/{B}", DestUniqueid=LEG, DestChannel=LEG_CHANNEL)
    desk.event("AgentComplete", Interface=f"PJSIP/{B}")
    assert desk.told == before and desk.line.operator == A


# Returning and messages


async def test_a_returned_caller_hears_why_to_the_end_before_the_next_operator_is_rung():
    desk = Desk()
    desk.talk()
    desk.want(ReturnCaller(CALL, A), offer(B))
    assert desk.link.moves[1:] == [("acd-hold", "/p/returned")]
    desk.hold()
    assert desk.place is Place.SAYING and len(desk.link.moves) == 2
    desk.music()
    assert desk.link.moves[2:] == [delivery(B, 2)]


async def test_a_returned_caller_without_that_recording_is_returned_all_the_same():
    desk = Desk(sounds=())
    desk.talk()
    desk.want(ReturnCaller(CALL, A))
    assert desk.link.moves[1:] == [("acd-hold", "")]


async def test_a_message_is_played_to_a_caller_in_music_and_an_offer_may_cut_it_short():
    desk = Desk()
    desk.park()
    desk.want(PlayMessage(CALL, "still_waiting"))
    assert desk.link.moves == [("acd-hold", "/p/still_waiting")]
    desk.hold()
    assert desk.place is Place.SAYING
    desk.want(offer(A))
    assert desk.link.moves[1:] == [delivery(A, 1)]


async def test_an_offer_that_meets_a_message_on_its_way_follows_it():
    desk = Desk()
    desk.park()
    desk.want(PlayMessage(CALL, "still_waiting"), offer(A))
    assert len(desk.link.moves) == 1
    desk.hold()
    assert desk.link.moves[1:] == [delivery(A, 1)]


@pytest.mark.parametrize("place", [p for p in PLACES if p is not parked], ids=lambda p: p.__name__)
async def test_a_message_is_not_kept_for_later(place):
    desk = Desk()
    await place(desk)
    before = len(desk.link.sent)
    desk.want(PlayMessage(CALL, "still_waiting"))
    assert len(desk.link.sent) == before and not desk.line.wishes


async def test_a_message_without_a_recording_moves_nobody():
    desk = Desk(sounds=())
    desk.park()
    desk.want(PlayMessage(CALL, "still_waiting"), offer(A))
    assert desk.link.moves == [delivery(A, 1)]


# Out of the queue


@pytest.mark.parametrize("target", ["voicemail", "menu", "112"])
async def test_who_is_to_leave_the_queue_is_led_out_and_stands_in_the_menu_then(target):
    desk = Desk()
    desk.park()
    desk.want(LeaveQueue(CALL, target))
    assert (desk.link.moves, desk.place) == ([("acd-leave", target)], Place.MOVING)
    desk.user("ACDLeave")
    assert desk.place is Place.MENU and desk.line.is_in_menu
    desk.end("left")
    assert desk.of(CallerHungUp) == [CallerHungUp(CALL)]


async def test_who_still_hears_a_message_is_led_out_of_it():
    desk = Desk()
    desk.park()
    desk.want(PlayMessage(CALL, "still_waiting"))
    desk.hold()
    desk.want(LeaveQueue(CALL, "voicemail"))
    assert desk.link.moves[1:] == [("acd-leave", "voicemail")]


async def test_nobody_is_led_out_before_they_have_come_into_hold():
    desk = Desk()
    desk.arrive()
    desk.want(LeaveQueue(CALL, "voicemail"))
    desk.hold()
    assert desk.link.moves == []
    desk.music()
    assert desk.link.moves == [("acd-leave", "voicemail")]


async def test_nobody_is_led_out_of_a_conversation():
    desk = Desk()
    desk.ring()
    desk.answers()
    desk.bridge()
    before = len(desk.link.sent)
    desk.want(LeaveQueue(CALL, "voicemail"))
    assert len(desk.link.sent) == before and desk.place is Place.TALKING


# Places and waits, callbacks


async def test_a_place_is_told_in_hold_and_an_offer_cuts_it_short():
    desk = Desk()
    desk.park()
    desk.want(Tell(CALL, 3, None))
    assert desk.link.moves == [("acd-hold", "/t/place")]
    desk.hold()
    desk.want(offer(A))
    assert desk.link.moves[1:] == [delivery(A, 1)]


async def test_what_cannot_be_said_whole_moves_nobody():
    desk = Desk()
    desk.park()
    desk.want(Tell(CALL, None, (Millis(0), Millis(60_000))))
    assert desk.link.moves == []


@pytest.mark.parametrize("place", [p for p in PLACES if p is not parked], ids=lambda p: p.__name__)
async def test_a_place_is_not_told_later(place):
    desk = Desk()
    await place(desk)
    before = len(desk.link.sent)
    desk.want(Tell(CALL, 3, None))
    assert len(desk.link.sent) == before and not desk.line.wishes


async def test_a_callback_is_offered_once_the_caller_sits_in_music_and_key_1_counts_from_then():
    desk = Desk()
    desk.arrive()
    desk.want(OfferCallbackTo(CALL))
    assert desk.link.sent == []
    desk.hold()
    desk.music()
    book, say, _ = desk.link.sent
    assert (book[1]["Variable"], book[1]["Value"]) == ("ACD_BOOK", "1")
    assert (say[1]["Variable"], say[1]["Value"]) == ("ACD_SAY", "/p/callback_offer")
    assert desk.link.moves[-1] == ("acd-hold", "/p/callback_offer")


async def test_no_offer_of_an_operator_waits_behind_that_of_a_callback():
    desk = Desk()
    desk.park()
    desk.want(PlayMessage(CALL, "still_waiting"))
    desk.hold()
    desk.want(OfferCallbackTo(CALL), offer(A))
    assert desk.link.moves[1:] == [delivery(A, 1)]
    desk.dial()
    desk.dialled("NOANSWER")
    desk.hold()
    desk.music()
    assert desk.link.moves[-1] == ("acd-hold", "/p/callback_offer")


async def test_keys_in_the_music_stand_in_the_timeline():
    desk = Desk()
    desk.park()
    desk.user("ACDKey", Key="5")
    assert desk.told[-1][:2] == ("key", CALL)


@pytest.mark.parametrize("heard_first", ["event", "questions"])
async def test_whoever_is_asked_for_a_number_can_be_led_to_an_operator_at_once(heard_first):
    desk = Desk()
    desk.park()
    if heard_first == "event":
        desk.user("ACDBook")
        desk.want(offer(A))
        assert desk.link.moves == [], "on the way to the questions nobody is moved"
        desk.board.asking(CALL, begins=True)
    else:
        desk.board.asking(CALL, begins=True)
        desk.user("ACDBook")
        desk.want(offer(A))
    assert desk.link.moves == [delivery(A, 1)]


async def test_on_the_way_back_from_the_questions_an_offer_waits_for_the_music():
    desk = Desk()
    desk.park()
    desk.board.asking(CALL, begins=True)
    desk.board.asking(CALL, begins=False)
    desk.want(offer(A))
    assert desk.link.moves == []
    desk.hold()
    desk.music()
    assert desk.link.moves == [delivery(A, 1)]


async def test_who_has_taken_a_callback_waits_no_more():
    desk = Desk()
    desk.park()
    desk.board.asking(CALL, begins=True)
    desk.board.waits_no_more(CALL)
    desk.board.asking(CALL, begins=False)
    assert desk.place is Place.MENU


BACK = ContactId("aigul~cb")
CITIZEN, CITIZEN_CHANNEL = "n1-1795389300.5", "PJSIP/trunk-00000009"


def called(desk):
    """A citizen has picked up and hears the greeting."""
    desk.event(
        "UserEvent", CITIZEN_CHANNEL, CITIZEN, UserEvent="ACDCalled", Call=CITIZEN, Contact=BACK
    )


def confirmed(desk):
    desk.event("UserEvent", CITIZEN_CHANNEL, CITIZEN, UserEvent="ACDConfirmed", Call=CITIZEN)


async def test_a_citizen_who_was_called_and_confirms_is_the_contact_of_the_callback():
    desk = Desk()
    called(desk)
    assert desk.told == [], "no new call begins"
    confirmed(desk)
    assert desk.events == [CallbackAnswered(BACK)]
    desk.want(Offer(BACK, A, Millis(8000)))
    assert desk.link.sent == []
    desk.event("UserEvent", CITIZEN_CHANNEL, CITIZEN, UserEvent="ACDHold", Call=CITIZEN)
    desk.event("MusicOnHoldStart", CITIZEN_CHANNEL, CITIZEN, Context="acd-hold")
    assert [headers["Channel"] for _, headers in desk.link.sent] == [CITIZEN, CITIZEN]
    assert desk.board.line_of(BACK).operator == A
    desk.event("HangupRequest", CITIZEN_CHANNEL, CITIZEN)
    assert desk.events[-1] == CallerHungUp(BACK)
    assert desk.board.line_of(BACK) is None


@pytest.mark.parametrize("hangs_up", ["HangupRequest", "Hangup"])
async def test_a_machine_or_whoever_hangs_up_in_the_greeting_was_not_reached(hangs_up):
    desk = Desk()
    called(desk)
    desk.event(hangs_up, CITIZEN_CHANNEL, CITIZEN)
    assert desk.events == [CallbackFailed(BACK, "refused")]


@pytest.mark.parametrize(
    ("status", "why"),
    [("BUSY", "busy"), ("NOANSWER", "no_answer"), ("CONGESTION", "failed"), ("FAILED", "failed")],
)
async def test_a_citizen_who_does_not_pick_up_was_not_reached(status, why):
    desk = Desk()
    desk.event("UserEvent", "Local/1", "x", UserEvent="ACDNotCalled", Contact=BACK, Status=status)
    assert desk.events == [CallbackFailed(BACK, why)]


async def test_a_citizen_found_in_hold_after_a_restart_is_the_contact_of_the_callback():
    desk = Desk()
    desk.board.take(replace(seen(Place.PARKED), call=CITIZEN, callback=BACK))
    assert desk.board.line_of(BACK).call == CITIZEN and desk.told == []


# Asterisk away, and commands without effect


async def test_commands_without_a_link_are_thrown_away_and_never_sent_late():
    desk = Desk()
    desk.park()
    desk.board.attach(None)
    desk.want(offer(A))
    again = Link()
    desk.board.attach(again)
    desk.music()
    assert (again.sent, desk.link.sent) == ([], [])


async def test_commands_that_wait_for_the_channel_are_thrown_away_with_the_link():
    desk = Desk()
    desk.arrive()
    desk.hold()
    desk.want(offer(A))
    desk.board.attach(None)
    desk.board.attach(desk.link)
    desk.music()
    assert desk.link.sent == [] and desk.place is Place.PARKED


async def test_a_caller_seen_elsewhere_is_put_there_with_the_operator_and_the_offer():
    desk = Desk()
    desk.board.take(seen(Place.RINGING, operator=A, offer=3, leg=LEG, leg_channel=LEG_CHANNEL))
    assert desk.told == [("arrived", CALL, "7701")]
    desk.answers(offer=3)
    desk.bridge()
    assert desk.events == [OperatorAnswered(CALL, A), Connected(CALL, A)]
    desk.board.take(seen(Place.PARKED))
    assert (desk.place, desk.line.operator, desk.line.leg) == (Place.PARKED, None, None)
    desk.want(offer(B))
    assert desk.link.moves == [delivery(B, 4)]


async def test_what_waits_for_a_caller_who_is_seen_in_the_fallback_is_thrown_away():
    desk = Desk()
    desk.arrive()
    desk.hold()
    desk.want(offer(A))
    desk.board.take(seen(Place.FALLBACK))
    desk.music("acd-fallback")
    desk.want(offer(B))
    assert desk.link.sent == []


def seen(place, **more):
    return Seen(CALL, CHANNEL, "7701", place, "pension", "ru", 0, **more)


@pytest.mark.parametrize("refused", [False, True])
async def test_a_redirect_without_effect_makes_the_switchboard_ask(refused):
    desk = Desk(settle_s=0.01)
    desk.link.refuses = {"Redirect"} if refused else set()
    variables = f"ACD_CALL={CALL}\nACD_Q=pension|0\nACD_LANG=ru\nACD_NUMBER=7701"
    desk.link.status = [
        {
            "Uniqueid": CALL,
            "Channel": CHANNEL,
            "Context": "acd-hold",
            "Application": "MusicOnHold",
            "Variable": variables,
        }
    ]
    desk.park()
    desk.want(offer(A))
    await until(lambda: desk.seen)
    assert desk.seen == [seen(Place.PARKED)]


async def test_a_redirect_seen_to_work_is_not_asked_after():
    desk = Desk(settle_s=0.01)
    desk.ring()
    await until(lambda: not desk.board._tasks)
    assert desk.link.asked == 0 and desk.place is Place.RINGING


@pytest.mark.parametrize("answer", [[], AmiError("No such channel")], ids=["none", "error"])
async def test_a_channel_that_asterisk_does_not_have_is_a_caller_gone(answer):
    desk = Desk(settle_s=0.01)
    desk.link.status = answer
    desk.park()
    desk.want(offer(A))
    await until(lambda: desk.events)
    assert desk.events == [CallerHungUp(CALL)]


async def test_an_asterisk_that_cannot_say_changes_nothing():
    desk = Desk(settle_s=0.01)
    desk.link.status = AmiError("the AMI link is down")
    desk.park()
    desk.want(offer(A))
    await until(lambda: desk.link.asked and not desk.board._tasks)
    assert desk.events == [] and desk.place is Place.MOVING


# Phones


@pytest.mark.parametrize(
    ("state", "phone"),
    [
        ("NOT_INUSE", Phone.FREE),
        ("UNAVAILABLE", Phone.UNREACHABLE),
        ("INVALID", Phone.UNREACHABLE),
        ("BUSY", Phone.IN_USE),
        ("INUSE", Phone.IN_USE),
        ("RINGING", Phone.IN_USE),
        ("RINGINUSE", Phone.IN_USE),
        ("ONHOLD", Phone.IN_USE),
        ("UNKNOWN", Phone.IN_USE),
    ],
)
async def test_device_states_in_our_words(state, phone):
    desk = Desk()
    desk.event("DeviceStateChange", Device=f"PJSIP/{A}", State=state)
    assert desk.events == [PhoneChanged(A, phone)]


async def test_devices_that_are_no_operators_phone_are_ignored():
    desk = Desk()
    for device in ("PJSIP/trunk", f"Queue:fallback_pause_PJSIP/{A}", "Queue:fallback_avail"):
        desk.event("DeviceStateChange", Device=device, State="NOT_INUSE")
    desk.event("PeerStatus", Peer=f"PJSIP/{A}")
    assert desk.events == []


@pytest.mark.parametrize(
    ("status", "packets", "lost"),
    [
        ("Unreachable", ["100", "100"], True),
        ("Removed", ["100", "100"], True),
        ("Unreachable", ["100", "125"], False),
        ("Unreachable", [], False),
        ("Reachable", ["100", "100"], False),
    ],
)
async def test_a_phone_is_lost_in_a_conversation_only_when_its_sound_stops_too(
    status, packets, lost
):
    desk = Desk()
    desk.talk()
    desk.link.packets = packets
    desk.event("ContactStatus", EndpointName=B, ContactStatus=status)
    before = len(desk.board._tasks)
    desk.event("ContactStatus", EndpointName=A, ContactStatus=status)
    checks = [task for task in desk.board._tasks if "_check_media" in str(task.get_coro())]
    assert len(desk.board._tasks) - before == len(checks)
    await asyncio.gather(*checks)
    assert desk.of(OperatorLost) == ([OperatorLost(CALL, A)] if lost else [])


def test_a_caller_who_has_hung_up_is_gone_before_asterisk_destroys_the_channel():
    """Whoever queues them in that moment would put a ghost before the operators."""
    desk = Desk()
    desk.arrive()
    assert not desk.board.is_gone(CALL)
    desk.event("HangupRequest")
    assert desk.board.is_gone(CALL)
