"""Moves callers' channels: what the router wants done, sent when the channel sits still.

An offer is a Redirect of the caller into the line that dials the operator's phone, everything else
one into hold or out of it. One Redirect at a time, and none to a channel on its way.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, assert_never

from acd.core.commands import (
    CancelOffer,
    LeaveQueue,
    Offer,
    OfferCallbackTo,
    PlayMessage,
    ReturnCaller,
    Tell,
)
from acd.core.names import ContactId, OperatorId
from acd.lines import Line, Place, Wish
from acd.listeners import Link, Message

log = logging.getLogger(__name__)


class Moves:
    """Carries out wishes for the lines of one switchboard. Without a `link` nothing is sent."""

    def __init__(
        self,
        look_at: Callable[[Line], Awaitable[None]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        *,
        sound: Callable[[ContactId, str], str | None],
        told: Callable[[Tell], str | None],
        whisper: Callable[[ContactId], str | None],
        settle_s: float,
        record: Callable[[ContactId], str] = lambda contact: "",
    ) -> None:
        """Wire it up.

        Args:
            look_at: asks Asterisk where a channel really is.
            spawn: runs something beside.
            sound: (contact, phrase) -> the file Asterisk plays to that caller, None without one.
            told: the files, joined by `&`, that say a place or a wait.
            whisper: contact -> the file the operator hears before that caller.
            settle_s: how long a Redirect may take to show its effect before the channel is asked.
            record: contact -> `on` or `tell` when the conversation is to be recorded, else empty.
        """
        self.link: Link | None = None
        self._look_at = look_at
        self._spawn = spawn
        self._sound = sound
        self._told = told
        self._whisper = whisper
        self._settle_s = settle_s
        self._record = record

    def want(self, line: Line, wish: Wish) -> None:
        """Do it now, or as soon as the caller's channel sits still."""
        if isinstance(wish, CancelOffer) and _unsent(line, wish):
            return
        is_idle = line.place is Place.PARKED and not line.wishes
        if isinstance(wish, PlayMessage | Tell) and not is_idle:
            return  # it would come too late to be true
        if isinstance(wish, OfferCallbackTo):
            line.owes_offer = True
        else:
            line.wishes.append(wish)
        self.next(line)

    def next(self, line: Line) -> None:
        """Carry out wishes until one has set the channel in motion; some need no Redirect."""
        while line.wishes and line.is_still and self.link is not None:
            self._grant(line, line.wishes.popleft())
        if line.owes_offer and line.place is Place.PARKED and self.link is not None:
            line.owes_offer = False
            self._set(line, "ACD_BOOK", "1")  # from now on key 1 leads to acd-book
            self._say(line, self._sound(line.contact, "callback_offer"))

    def first_offer(self, line: Line) -> str | None:
        """The offer a caller leaves the menu with, for ACD_OFFER; None when they are to wait.

        Whoever asks must lead the caller to acd-deliver: straight from the menu, with no hold in
        between, no Redirect and no question to Asterisk. A fifth of the way from the menu's last
        word to the operator's voice.
        """
        if not line.is_in_menu or not line.wishes:
            return None
        wish = line.wishes.popleft()  # without a link there are none
        if not isinstance(wish, Offer):
            line.wishes.appendleft(wish)
            return None
        self._move(line, None)
        return self._offer(line, wish.operator, wish.ring_ms)

    def _grant(self, line: Line, wish: Wish) -> None:
        match wish:
            case Offer(operator=operator, ring_ms=ring_ms):
                self._deliver(line, operator, ring_ms)
            case CancelOffer() | ReturnCaller():
                if line.place in (Place.RINGING, Place.TALKING):
                    is_return = isinstance(wish, ReturnCaller)
                    sound = self._sound(line.contact, "returned") if is_return else None
                    self._to_hold(line, sound, interruptible=False)
            case PlayMessage(phrase=phrase):
                self._say(line, self._sound(line.contact, phrase))
            case Tell():
                self._say(line, self._told(wish))
            case OfferCallbackTo():
                raise AssertionError("kept apart, so that no offer waits behind it")
            case LeaveQueue(target=target):
                self._lead_out(line, target)
            case _:
                assert_never(wish)

    def _deliver(self, line: Line, operator: OperatorId, ring_ms: int) -> None:
        if line.place not in (Place.PARKED, Place.SAYING):
            log.warning("%s is %s: %s is not rung for it", line.call, line.place.value, operator)
            return
        self._set(line, "ACD_OFFER", self._offer(line, operator, ring_ms))
        self._redirect(line, "acd-deliver")

    def _offer(self, line: Line, operator: OperatorId, ring_ms: int) -> str:
        """The next offer of a call, in the words of the dialplan."""
        line.offer += 1
        line.operator, line.has_rung = operator, False
        whisper = self._whisper(line.contact) or ""
        record = self._record(line.contact)
        offer = f"{operator}|{ring_ms / 1000:g}|{whisper}|{line.offer}"
        return f"{offer}|{record}" if record else offer

    def _say(self, line: Line, sound: str | None) -> None:
        """To a waiting caller; an offer cuts it short. Without audio nobody is moved."""
        if sound is not None:
            self._to_hold(line, sound, interruptible=True)

    def _to_hold(self, line: Line, sound: str | None, *, interruptible: bool) -> None:
        self._set(line, "ACD_SAY", sound or "")
        line.interruptible = interruptible
        line.operator = None
        self._redirect(line, "acd-hold")

    def _lead_out(self, line: Line, target: str) -> None:
        """Out of the queue for good; the dialplan knows the ways."""
        if line.place not in (Place.PARKED, Place.SAYING):
            log.warning("%s is %s: not led to %s", line.call, line.place.value, target)
            return
        self._set(line, "ACD_LEAVE", target)
        self._redirect(line, "acd-leave")

    def _set(self, line: Line, name: str, value: str) -> None:
        assert self.link is not None
        self.link.post("Setvar", Channel=line.call, Variable=name, Value=value)

    def _redirect(self, line: Line, context: str) -> None:
        assert self.link is not None
        answer = self.link.post(
            "Redirect", Channel=line.call, Context=context, Exten="s", Priority="1"
        )
        self._move(line, answer)

    def _move(self, line: Line, answer: "asyncio.Task[Message | None] | None") -> None:
        """The channel is on its way; `answer` is Asterisk's to the Redirect, if there was one."""
        line.place = Place.MOVING
        line.moved += 1
        self._spawn(self._see_it_happen(line, line.moved, answer))

    async def _see_it_happen(
        self, line: Line, moved: int, answer: "asyncio.Task[Message | None] | None"
    ) -> None:
        """A move counts when an event shows its effect; without one the channel is asked."""
        refused = answer is not None and await answer is None
        await asyncio.sleep(min(0.2, self._settle_s) if refused else self._settle_s)
        if line.moved == moved and line.place is Place.MOVING:
            log.warning("%s: its move had no effect to be seen; asking Asterisk", line.call)
            await self._look_at(line)


def _unsent(line: Line, command: CancelOffer) -> bool:
    """Drop an offer that was never sent; True when there was one."""
    for wish in line.wishes:
        if isinstance(wish, Offer) and wish.operator == command.operator:
            line.wishes.remove(wish)
            return True
    return line.place in (Place.HOLD, Place.PARKED, Place.SAYING)
