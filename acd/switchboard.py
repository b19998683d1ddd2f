"""Carries the router's commands out on Asterisk, and turns what Asterisk reports into events.

Only this module and `acd.ami` know Asterisk's words. A caller waits in the dialplan's hold; an
offer is a Redirect of the caller into a line that dials the operator's phone; what becomes of it
comes back as events. Nothing here decides anything about routing.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from acd.ami import AmiError, Message
from acd.asterisk_words import callback_failure, moment, offer_failure, phone_state
from acd.core.commands import Tell
from acd.core.events import (
    CallbackAnswered,
    CallbackFailed,
    CallerHungUp,
    CallerLeft,
    Connected,
    Event,
    OfferFailed,
    OfferFailure,
    OperatorAnswered,
    OperatorHungUp,
    OperatorLost,
    PhoneChanged,
)
from acd.core.names import ContactId, OperatorId
from acd.lines import Line, Place, Wish
from acd.listeners import Fallback, Link, Listener
from acd.moves import Moves
from acd.survey import VARIABLES, Seen, survey

log = logging.getLogger(__name__)

SETTLE_S = 3.0
"""How long a Redirect may take to show its effect before the channel itself is asked."""
GONE_KEPT = 2000
"""Ended calls remembered, so that late news of them is not taken for a new call."""


class Switchboard:
    """All callers' channels of one Asterisk."""

    def __init__(
        self,
        post: Callable[[Event], None],
        listener: Listener,
        fallback: Fallback,
        *,
        believe: Callable[[Seen], None],
        sound: Callable[[ContactId, str], str | None],
        told: Callable[[Tell], str | None],
        whisper: Callable[[ContactId], str | None],
        settle_s: float = SETTLE_S,
        record: Callable[[ContactId], str] = lambda contact: "",
        recorded: Callable[[Line, Message], None] = lambda line, message: None,
    ) -> None:
        """Wire it up.

        Args:
            post: hands an event to the router; must not block.
            listener: hears of calls.
            fallback: hears of callers in Asterisk's own queue.
            believe: takes what Asterisk says of a channel that was lost sight of.
            sound: (contact, phrase) -> the file Asterisk plays to that caller, None without one.
            told: the files that say a place or a wait, joined by `&`.
            whisper: contact -> the file the operator hears before that caller.
            settle_s: how long a Redirect may take to show its effect.
            record: contact -> how it is recorded, in the dialplan's word.
            recorded: hears what the dialplan and the operator's keys do to a recording.
        """
        self._post = post
        self._listener = listener
        self._fallback = fallback
        self._believe, self._recorded = believe, recorded
        self._moves = Moves(
            self.look_at,
            self._spawn,
            sound=sound,
            told=told,
            whisper=whisper,
            settle_s=settle_s,
            record=record,
        )
        self._link: Link | None = None
        self._lines: dict[str, Line] = {}
        self._legs: dict[str, str] = {}
        self._called_back: dict[ContactId, str] = {}
        self._gone: dict[str, None] = {}
        self._operators: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.stray_events = 0

    def attach(self, link: Link | None) -> None:
        """Use this link from now on; None while there is none.

        Without a link commands are thrown away, those that wait included: when it is up again
        Asterisk is asked first what has become of everybody (`acd.recovery`).
        """
        self._link = self._moves.link = link
        for line in self.lines:
            if link is None:
                line.wishes.clear()
            else:
                self._moves.next(line)

    @property
    def link(self) -> Link | None:
        """The link commands go out on, None while there is none."""
        return self._link

    def set_operators(self, operators: set[str]) -> None:
        """Whose phones' states matter."""
        self._operators = operators

    def line(self, call: str) -> Line | None:
        """A live call's line."""
        return self._lines.get(call)

    def line_of(self, contact: ContactId) -> Line | None:
        """The line of a contact: its call's, or that of a citizen who was called back."""
        return self._lines.get(self._called_back.get(contact, contact))

    def is_gone(self, call: str) -> bool:
        """Whether a call has ended lately: whoever still speaks of it is late."""
        line = self._lines.get(call)
        return call in self._gone or (line is not None and line.place is Place.GONE)

    @property
    def lines(self) -> list[Line]:
        """Every live call."""
        return list(self._lines.values())

    # Commands

    def carry_out(self, command: Wish) -> None:
        """Do it now, or as soon as the caller's channel sits still."""
        line = self.line_of(command.contact)
        if line is None or line.place in (Place.GONE, Place.FALLBACK) or self._link is None:
            log.info("too late for %s", command)
            return
        self._moves.want(line, command)

    def first_offer(self, call: str) -> str | None:
        """The offer a caller leaves the menu with (`Moves.first_offer`)."""
        line = self._lines.get(call)
        return None if line is None else self._moves.first_offer(line)

    async def look_at(self, line: Line) -> None:
        """Ask where a channel really is, and believe it."""
        if self._link is None:
            return
        try:
            found = await self._link.listing("Status", Channel=line.call, Variables=VARIABLES)
        except AmiError as error:
            if "No such channel" not in str(error):
                log.warning("%s: Asterisk does not say where it is: %s", line.call, error)
                return
            found = []
        if line.call not in self._lines:
            return  # the end came while we asked
        if not found:
            self._caller_gone(line.call)
        for seen in survey(found):
            self._believe(seen)

    def take(self, seen: Seen) -> Line:
        """Put a line where its channel was seen; what that means to the router is not said here."""
        self._gone.pop(seen.call, None)  # it lives: whatever made us think otherwise was wrong
        if seen.contact != seen.call:
            self._called(seen.call, seen.channel, seen.contact)
        self.arrived(seen.call, seen.channel, seen.number, seen.arrived_at)
        line = self._lines[seen.call]
        if line.place is Place.GONE:
            return line
        leg = line.leg if line.operator == seen.operator else None
        leg_channel = line.leg_channel if leg is not None else None
        self._drop_leg(line)
        line.place = seen.place
        line.operator = OperatorId(seen.operator) if seen.operator else None
        line.offer = max(line.offer, seen.offer)
        line.interruptible = seen.place is not Place.SAYING
        line.leg, line.leg_channel = seen.leg or leg, seen.leg_channel or leg_channel
        if line.leg is not None:
            self._legs[line.leg] = line.call
        if not line.is_still or line.place is Place.FALLBACK:
            line.wishes.clear()
        self._moves.next(line)
        return line

    # Events

    def on_event(self, message: Message) -> None:
        """One AMI event; events that do not concern a known caller or phone are dropped."""
        handler = self._handlers().get(message.get("Event", ""))
        if handler is not None:
            handler(message)

    def _handlers(self) -> Mapping[str, Callable[[Message], None]]:
        return {
            "UserEvent": self._on_user_event,
            "MusicOnHoldStart": self._on_music,
            "DialBegin": self._on_dial_begin,
            "DialState": self._on_dial_state,
            "BridgeEnter": self._on_bridge_enter,
            "HangupRequest": self._on_hangup_request,
            "Hangup": self._on_hangup,
            "AgentConnect": self._on_agent_connect,
            "AgentComplete": self._on_agent_complete,
            "DeviceStateChange": self._on_device_state,
            "ContactStatus": self._on_contact_status,
        }

    def arrived(self, call: str, channel: str, number: str, at: int | None = None) -> None:
        """A citizen's call; FastAGI and AMI may each be first to know."""
        if call and call not in self._lines and call not in self._gone:
            self._lines[call] = Line(call, channel)
            self._listener.call_arrived(call, number, at)

    def _on_user_event(self, message: Message) -> None:
        """What the dialplan says of itself, by the name it gives it."""
        name = message.get("UserEvent", "")
        if name in ("ACDCall", "ACDCalled", "ACDNotCalled"):
            self._on_new_channel(name, message)
            return
        line = self._lines.get(message.get("Call", ""))
        if line is not None and name == "ACDMessage":  # it may end with the caller's hanging up
            self._fallback.message_left(line.call, message.get("File", ""))
            return
        if line is None or line.place is Place.GONE:
            self.stray_events += name != "ACDEnd"  # the usual end of a call
            return
        handler = self._line_handlers().get(name)
        if handler is not None:
            handler(line, message)

    def _on_new_channel(self, name: str, message: Message) -> None:
        """A citizen calls, or one whom we have called has picked up, or has not."""
        call, channel = message.get("Call", ""), message.get("Channel", "")
        contact = ContactId(message.get("Contact", ""))
        if name == "ACDCall":
            self.arrived(call, channel, message.get("Number", ""))
        elif name == "ACDCalled":
            self._called(call, channel, contact)
        else:
            why = callback_failure(message.get("Status", ""))
            self._post(CallbackFailed(contact, why))

    def _line_handlers(self) -> Mapping[str, Callable[[Line, Message], None]]:
        return {
            "ACDHold": lambda line, _: self._on_hold(line),
            "ACDKey": lambda line, message: self._listener.call_event(
                line.contact, "key", key=message.get("Key")
            ),
            "ACDBook": lambda line, _: self._on_book(line),
            "ACDLeave": lambda line, _: self.waits_no_more(line.call),
            "ACDConfirmed": lambda line, _: self._on_confirmed(line),
            "ACDAnswer": self._on_answer,
            "ACDDial": self._on_dial_result,
            "ACDRecord": self._recorded,
            "ACDFallback": lambda line, message: self._on_fallback(line, message.get("At", "")),
            "ACDEnd": lambda line, message: self._on_end(line, message.get("State", "")),
        }

    def _on_confirmed(self, line: Line) -> None:
        line.place = Place.HOLD
        self._post(CallbackAnswered(line.contact))

    def _on_answer(self, line: Line, message: Message) -> None:
        if self._is_current(line, message) and line.operator is not None:
            self._post(OperatorAnswered(line.contact, line.operator))

    def _is_current(self, line: Line, message: Message) -> bool:
        """Whether a report is about the offer in hand and not about one given up meanwhile."""
        return message.get("Offer") == str(line.offer)

    def _on_hold(self, line: Line) -> None:
        """The caller has entered hold; with something to say that comes first."""
        if line.place is Place.FALLBACK:
            return
        if line.place is Place.TALKING and line.operator is not None:
            # Pulled out by a cancel that crossed the answer: the caller waits on.
            failure = OfferFailed(line.contact, line.operator, OfferFailure.NO_RESULT)
            self._post(failure)
        self._drop_leg(line)
        line.operator = None
        line.place = Place.SAYING if line.place is Place.MOVING else Place.HOLD
        self._moves.next(line)

    def _called(self, call: str, channel: str, contact: ContactId) -> None:
        """A citizen whom we have called has picked up."""
        if call and call not in self._lines and call not in self._gone:
            self._lines[call] = Line(call, channel, contact=contact)
            self._called_back[contact] = call

    def asking(self, call: str, *, begins: bool) -> None:
        """The caller is asked for a number outside the music, and keeps the place meanwhile.

        Only between beginning and end may they be led away: not on the way there or back.
        """
        line = self._lines.get(call)
        if line is None:
            return
        line.is_asked = begins
        if line.place in (Place.HOLD, Place.PARKED, Place.SAYING):
            line.place = Place.SAYING if begins else Place.HOLD
            line.interruptible = True
            self._moves.next(line)

    def _on_book(self, line: Line) -> None:
        """On the way to the questions, which may have begun before this was heard."""
        if not line.is_asked and line.place in (Place.PARKED, Place.SAYING):
            line.place = Place.HOLD

    def waits_no_more(self, call: str) -> None:
        """Out of the queue, and still on the line: what follows is said by menus or prompts."""
        line = self._lines.get(call)
        if line is not None and line.place not in (Place.FALLBACK, Place.GONE):
            line.place = Place.MENU

    def _on_fallback(self, line: Line, at: str) -> None:
        """Asterisk's plain queue has the caller now: they are not touched any more."""
        if line.place in (Place.FALLBACK, Place.GONE):
            return
        line.place = Place.FALLBACK
        line.wishes.clear()
        line.operator = None
        self._drop_leg(line)
        self._post(CallerLeft(line.contact))
        self._fallback.entered(line.call, int(at) if at.isdigit() else None)

    def _on_agent_connect(self, message: Message) -> None:
        """Asterisk's own queue has found an operator."""
        line = self._lines.get(message.get("Uniqueid", ""))
        if line is None or line.place is not Place.FALLBACK:
            return
        line.operator = OperatorId(message.get("Interface", "").removeprefix("PJSIP/"))
        line.leg, line.leg_channel = message.get("DestUniqueid"), message.get("DestChannel")
        self._fallback.answered(line.call, line.operator, moment(message))

    def _on_agent_complete(self, message: Message) -> None:
        line = self._lines.get(message.get("Uniqueid", ""))
        if line is None or line.place is not Place.FALLBACK or line.operator is None:
            return
        operator, line.operator = line.operator, None
        self._drop_leg(line)
        self._fallback.operator_left(line.call, operator)

    def _on_music(self, message: Message) -> None:
        line = self._lines.get(message.get("Uniqueid", ""))
        if line is not None and line.place in (Place.HOLD, Place.SAYING):
            line.place = Place.PARKED
            line.interruptible = True
            self._moves.next(line)

    def _on_dial_begin(self, message: Message) -> None:
        line = self._lines.get(message.get("Uniqueid", ""))
        if line is None:
            return
        line.leg, line.leg_channel = message.get("DestUniqueid"), message.get("DestChannel")
        if line.leg:
            self._legs[line.leg] = line.call
        if line.place is Place.MOVING:
            line.place = Place.RINGING
            self._moves.next(line)

    def _on_dial_state(self, message: Message) -> None:
        line = self._lines.get(message.get("Uniqueid", ""))
        if line is not None and not line.has_rung:
            line.has_rung = True
            self._listener.call_event(line.contact, "ringing", operator=line.operator)

    def _on_bridge_enter(self, message: Message) -> None:
        if message.get("BridgeNumChannels") != "2":
            return
        unique = message.get("Uniqueid", "")
        line = self._lines.get(unique) or self._lines.get(self._legs.get(unique, ""))
        if line is None or line.operator is None or line.place is Place.GONE:
            return
        if line.place in (Place.RINGING, Place.MOVING):
            line.place = Place.TALKING
            self._post(Connected(line.contact, line.operator, moment(message)))
            self._moves.next(line)

    def _on_dial_result(self, line: Line, message: Message) -> None:
        operator = line.operator
        if not self._is_current(line, message) or operator is None:
            return
        contact = line.contact
        self._drop_leg(line)
        line.operator = None
        if message.get("Next") == "after":
            line.place = Place.AFTER
            line.wishes.clear()
            self._post(OperatorHungUp(contact, operator))
            return
        line.place = Place.HOLD
        self._post(OfferFailed(contact, operator, offer_failure(message, has_rung=line.has_rung)))

    def _on_hangup_request(self, message: Message) -> None:
        """The caller hangs up. In a conversation ACDEnd tells, at once, whether it had begun."""
        line = self._lines.get(message.get("Uniqueid", ""))
        if line is not None and line.place is not Place.TALKING:
            self._caller_gone(line.call)

    def _on_end(self, line: Line, state: str) -> None:
        """The dialplan's last word: who left in the whisper was not connected, bridge or no."""
        if line.place is Place.TALKING and state == "ring" and line.operator is not None:
            self._post(OfferFailed(line.contact, line.operator, OfferFailure.UNSEEN))
        self._caller_gone(line.call)

    def _on_hangup(self, message: Message) -> None:
        unique = message.get("Uniqueid", "")
        self._legs.pop(unique, None)
        if unique in self._lines:
            self._caller_gone(unique)
            del self._lines[unique]
            self._gone[unique] = None
            if len(self._gone) > GONE_KEPT:
                del self._gone[next(iter(self._gone))]
            self._listener.call_gone(unique)

    def _caller_gone(self, call: str) -> None:
        line = self._lines[call]
        if line.place is Place.GONE:
            return
        in_greeting = line.is_callback and line.place is Place.MENU
        line.place = Place.GONE
        line.wishes.clear()
        self._drop_leg(line)
        self._called_back.pop(line.contact, None)
        if in_greeting:  # a machine, or somebody who does not want to talk any more
            self._post(CallbackFailed(line.contact, "refused"))
        else:
            self._post(CallerHungUp(line.contact))

    def forget(self, call: str) -> None:
        """Asterisk no longer has this channel, and its Hangup was missed."""
        self._on_hangup({"Uniqueid": call})

    def cut_off(self, line: Line) -> None:
        """Asterisk was restarted: it took this call with it."""
        self._listener.call_event(line.call, "cut_off")
        self.forget(line.call)

    def _drop_leg(self, line: Line) -> None:
        if line.leg is not None:
            self._legs.pop(line.leg, None)
        line.leg = line.leg_channel = None

    # Phones

    def _on_device_state(self, message: Message) -> None:
        operator = message.get("Device", "").removeprefix("PJSIP/")
        if operator in self._operators:
            self._post(PhoneChanged(OperatorId(operator), phone_state(message.get("State", ""))))

    def _on_contact_status(self, message: Message) -> None:
        """A phone that answers no more: is the conversation on it dead, or only its SIP side?"""
        operator = message.get("EndpointName", "")
        if message.get("ContactStatus") not in ("Unreachable", "Removed"):
            return
        for line in self._lines.values():
            if line.operator == operator and line.place in (Place.TALKING, Place.RINGING):
                self._spawn(self._check_media(line, OperatorId(operator)))

    async def _check_media(self, line: Line, operator: OperatorId) -> None:
        """The phone is lost when it no longer sends sound either."""
        leg = line.leg_channel
        if leg is None or await self.media_flows(leg):
            return
        if line.operator == operator and line.leg_channel == leg:
            self._post(OperatorLost(line.contact, operator))

    async def media_flows(self, channel: str, over_s: float = 0.5) -> bool:
        """Whether sound arrives on a channel; unknown counts as yes, so that nothing is cut."""
        before = await self.packets(channel)
        await asyncio.sleep(over_s)
        after = await self.packets(channel)
        return before is None or after is None or after > before

    async def packets(self, channel: str) -> int | None:
        """How many packets of sound a channel has received; None when Asterisk does not say."""
        if self._link is None:
            return None
        answer = await self._link.post("Getvar", Channel=channel, Variable="CHANNEL(rtcp,rxcount)")
        value = (answer or {}).get("Value", "")
        return int(value) if value.isdigit() else None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="switchboard")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
