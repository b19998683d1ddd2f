"""Keeps the AMI session up, the heartbeat going, and our picture of Asterisk true.

The heartbeat is a global variable of Asterisk that this refreshes every second: while it is
fresh, waiting callers stay with us; when it stops, Asterisk's own dialplan takes them to the
fallback queue. It is sent from the event loop that makes the decisions and over the link that
carries them, so that it says both are alive.

A session begins with a survey: events are kept back, Asterisk is asked where everybody is, the
picture is repaired (`acd.recovery`), and only then are events heard and commands carried out.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from math import inf

from acd.ami import Ami, AmiError, Message
from acd.asterisk_words import phone_state
from acd.clock import monotonic_s, wall_seconds, wall_time_s
from acd.core.events import CallerHungUp, LinkChanged, OfferFailure, OffersHeld, Phone, PhoneChanged
from acd.core.names import ContactId, OperatorId
from acd.core.router import Router
from acd.core.seats import Seat
from acd.fallback_mirror import QUEUE, FallbackMirror, standings
from acd.lines import Line, Place
from acd.loop import Loop
from acd.recovery import Recovery
from acd.settings import Address
from acd.survey import VARIABLES, Seen, survey
from acd.switchboard import Switchboard

log = logging.getLogger(__name__)

HEARTBEAT_S = 0.5
"""Asterisk compares whole seconds: so a hiccup of under two is never taken for our end."""
LATE_S = 2.0
"""News older than this say that the link was deaf for a while, and callers may have left."""
LATE_AGAIN_S = 30.0
RECONCILE_S = 5.0
WELL_ROUNDS = 5
"""Longer than the 18 s in which Asterisk finds out that a phone no longer answers."""
MEDIA_S = 1.0
RETRY_S = (0.2, 0.5, 1.0, 2.0)

WAITING = (Place.HOLD, Place.PARKED, Place.SAYING)


class AsteriskLink:
    """The service's side of one Asterisk; `changed` hears why the link is down, None when up."""

    def __init__(
        self,
        address: Address,
        secret: str,
        switchboard: Switchboard,
        loop: Loop,
        router: Router,
        recovery: Recovery,
        changed: Callable[[str | None], None],
    ) -> None:
        self._address = address
        self._secret = secret
        self._switchboard = switchboard
        self._loop = loop
        self._router = router
        self._recovery = recovery
        self._changed = changed
        self._mirror = FallbackMirror(router)
        self._ami: Ami | None = None
        self._kept_back: list[Message] | None = None
        self._is_up = False
        self._has_been_up = False
        self._born: str | None = None
        self._asked_anew = -LATE_AGAIN_S
        self._clocks_apart_s = inf
        self._missing: set[str] = set()
        self._elsewhere: dict[str, Place] = {}
        self._ghosts: set[ContactId] = set()
        self._well: dict[OperatorId, int] = {}
        self._heard: dict[str, tuple[int, int]] = {}
        self.version: str | None = None
        self.repairs: Counter[str] = Counter()
        self.is_left_to_fallback = False

    @property
    def is_up(self) -> bool:
        """Whether Asterisk takes our commands and, by the heartbeat, sends us its callers."""
        return self._is_up

    async def run(self) -> None:
        """Until cancelled: connect, work, and connect again when the link breaks."""
        failures = 0
        while True:
            before = monotonic_s()
            try:
                await self._session()
            except AmiError as error:
                self._changed(str(error))
            except Exception as error:  # a fault of ours must not end the service: ask anew
                log.exception("the session with Asterisk failed")
                self._changed(f"the service failed at this ({error}); asking anew")
            has_lasted = monotonic_s() - before > RETRY_S[-1]
            failures = 0 if has_lasted else min(failures + 1, len(RETRY_S) - 1)
            await asyncio.sleep(RETRY_S[failures])

    async def stop(self) -> None:
        """Say that the service is going: waiting callers need not find out by themselves."""
        if self._ami is not None:
            self._ami.post("Setvar", Variable="ACD_HB", Value="0")
            await asyncio.sleep(0)
            await self._ami.close()

    def distrust(self, why: str) -> None:
        """Give up this session at once and survey Asterisk anew: what we believe may be wrong."""
        if self._ami is not None:
            self._let_go()
            self._ami.abort(why)

    def leave_to_fallback(self, *, leave: bool) -> None:
        """Stop or resume taking callers: without the heartbeat they go to Asterisk's own queue."""
        self.is_left_to_fallback = leave
        self._loop.post(OffersHeld(leave))
        if self._ami is not None and self._is_up:
            self._ami.post("Setvar", Variable="ACD_HB", Value="0" if leave else str(wall_seconds()))

    def mirror(self, seat: Seat) -> None:
        """Push one operator's log-in and pause to the fallback queue."""
        self._mirror.tell(seat)

    # A session

    async def _session(self) -> None:
        self._kept_back, self._clocks_apart_s = [], inf
        ami = await Ami.connect(
            self._address.host, self._address.port, "acd", self._secret, self._on_event
        )
        work: list[asyncio.Task[None]] = []
        try:
            began = monotonic_s()
            self._ami = ami
            await self._identify(ami)
            if not self.is_left_to_fallback:
                await ami.action("Setvar", Variable="ACD_HB", Value=str(wall_seconds()))
            adopted = await self._survey(ami)
            self._take_up(ami)
            took_ms = round((monotonic_s() - began) * 1000)
            log.info("asterisk: %d calls adopted in %d ms", adopted, took_ms)
            loop = asyncio.get_running_loop()
            work = [
                loop.create_task(self._repeat(ami, HEARTBEAT_S, self._beat), name="heartbeat"),
                loop.create_task(self._repeat(ami, RECONCILE_S, self._reconcile), name="reconcile"),
                loop.create_task(self._repeat(ami, MEDIA_S, self._listen), name="media"),
            ]
            raise AmiError(await asyncio.shield(ami.closed))
        finally:
            self._let_go()
            self._ami = None
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            await ami.close()

    async def _identify(self, ami: Ami) -> None:
        """Which Asterisk this is; one that was started anew has none of the calls we know."""
        settings = await ami.action("CoreSettings")
        self.version = settings.get("AsteriskVersion")
        status = await ami.action("CoreStatus")
        born = f"{status.get('CoreStartupDate')} {status.get('CoreStartupTime')}"
        if self._born not in (None, born):
            log.warning("asterisk: it was restarted; the calls it had are over")
            for line in self._switchboard.lines:
                self._switchboard.cut_off(line)
        self._born = born

    async def _survey(self, ami: Ami) -> int:
        """Ask where everybody is and repair the picture; returns how many calls were unknown."""
        listed = await ami.listing("QueueStatus", Queue=QUEUE)
        phones = await ami.listing("DeviceStateList")
        known = {line.call for line in self._switchboard.lines}
        channels = await ami.listing("Status", Variables=VARIABLES)
        if not self._has_been_up:
            for event in standings(listed, self._router.seats):
                self._loop.post(event)
        adopted = self._recovery.believe_all(survey(channels), self._phones(phones), known)
        # Commands may go out once the router knows all that was found, and not before.
        self._loop.after(lambda: self._attach(ami))
        self._loop.post(LinkChanged(is_up=True))
        self._loop.after(lambda: self._mirror.attach(ami, listed) if ami is self._ami else None)
        return adopted

    def _take_up(self, ami: Ami) -> None:
        """Hear events again, those kept back first; no await since the survey's last answer."""
        self._missing, self._elsewhere, self._ghosts = set(), {}, set()
        kept, self._kept_back = self._kept_back or [], None
        for message in kept:
            self._switchboard.on_event(message)
        self._is_up = self._has_been_up = True
        self._changed(None)

    def _attach(self, ami: Ami) -> None:
        if ami is self._ami and self._is_up:
            self._switchboard.attach(ami)

    def _let_go(self) -> None:
        """Nothing is sent or decided from this instant on."""
        if self._is_up:
            self._is_up = False
            self._loop.at_once(LinkChanged(is_up=False))
        self._kept_back = []
        self._switchboard.attach(None)
        self._mirror.attach(None)

    def _on_event(self, message: Message) -> None:
        self._loop.look_first()
        if self._kept_back is not None:
            self._kept_back.append(message)
        elif not self._is_late(message):
            self._switchboard.on_event(message)

    def _is_late(self, message: Message) -> bool:
        """Whether this was news long ago: then Asterisk is asked anew, and tells the moments.

        Not again and again: an Asterisk so busy that everything is late needs no more questions.
        """
        try:
            late_s = wall_time_s() - float(message.get("Timestamp", ""))
        except ValueError:
            return False
        self._clocks_apart_s = min(late_s, self._clocks_apart_s)
        late_s -= self._clocks_apart_s
        now = monotonic_s()
        if late_s <= LATE_S or now - self._asked_anew < LATE_AGAIN_S:
            return False
        self._asked_anew = now
        log.error("asterisk: its news were %.1f s late; asking anew", late_s)
        self.repairs["late"] += 1
        self.distrust(f"its news were {late_s:.1f} s late")
        return True

    async def _repeat(
        self, ami: Ami, every_s: float, work: Callable[[Ami], Awaitable[None]]
    ) -> None:
        while True:
            try:
                await work(ami)
            except AmiError as error:
                log.warning("asterisk: %s", error)
            await asyncio.sleep(every_s)

    async def _beat(self, ami: Ami) -> None:
        self._loop.look_first()
        if not self.is_left_to_fallback:
            ami.post("Setvar", Variable="ACD_HB", Value=str(wall_seconds()))

    # Our picture of Asterisk against Asterisk

    async def _reconcile(self, ami: Ami) -> None:
        """Repair what a lost event left behind; what is seen wrong twice is wrong.

        A caller may be on the way from one place to the next at the moment of asking, so that a
        single look proves nothing.
        """
        channels = await ami.listing("Status", Variables=VARIABLES)
        phones = await ami.listing("DeviceStateList")
        if not self._is_up:
            return
        live = {message.get("Uniqueid", "") for message in channels}
        self._forget_missing(live)
        self._close_ghosts(live)
        self._find_elsewhere(survey(channels))
        for operator, phone in self._phones(phones):
            self._compare_phone(operator, phone)
        self._ask_phones(ami)

    def _ask_phones(self, ami: Ami) -> None:
        """An Asterisk started anew takes every phone for dead until it has asked, which it does
        seldom; whoever is logged in should not wait for that.
        """
        for seat in self._router.seats:
            if seat.logged_in and seat.phone is Phone.UNREACHABLE:
                ami.post("PJSIPQualify", Endpoint=seat.profile.id)

    def _forget_missing(self, live: set[str]) -> None:
        known = {line.call for line in self._switchboard.lines}
        for call in (known - live) & self._missing:
            self._repaired("missing", "%s is gone from Asterisk and its end was missed", call)
            self._switchboard.forget(call)
        self._missing = known - live

    def _close_ghosts(self, live: set[str]) -> None:
        """A contact whose channel is gone would be offered to one operator after another."""
        ghosts = {
            contact.id
            for contact in self._router.contacts
            if contact.is_live and self._channel_of(contact.id) not in live
        }
        for contact in self._ghosts & ghosts:
            self._repaired("ghost", "%s is gone from Asterisk but stood in the router", contact)
            self._loop.post(CallerHungUp(contact))
        self._ghosts = ghosts - self._ghosts

    def _channel_of(self, contact: ContactId) -> str:
        line = self._switchboard.line_of(contact)
        return line.call if line is not None else contact

    def _find_elsewhere(self, seen: list[Seen]) -> None:
        """Callers who are not where we think, or whom we do not know at all."""
        elsewhere = {
            one.call: one
            for one in seen
            if self._is_elsewhere(one, self._switchboard.line(one.call))
        }
        for call, one in elsewhere.items():
            if self._elsewhere.get(call) is one.place:
                self._repaired("elsewhere", f"%s is found in {one.place.value}", call)
                self._recovery.believe(one)
        self._elsewhere = {call: one.place for call, one in elsewhere.items()}

    def _is_elsewhere(self, seen: Seen, line: Line | None) -> bool:
        if line is None:
            return True  # also one we took for ended: twice seen alive is a fact
        if seen.place in WAITING:
            is_known = self._router.contact(seen.contact) is not None
            return line.place not in WAITING or not is_known
        if line.place is seen.place is Place.FALLBACK:
            return line.operator != seen.operator
        return line.place not in (seen.place, Place.GONE)

    def _phones(self, listed: list[Message]) -> list[tuple[OperatorId, Phone]]:
        devices = ((m.get("Device", ""), phone_state(m.get("State", ""))) for m in listed)
        return [
            (OperatorId(device.removeprefix("PJSIP/")), phone)
            for device, phone in devices
            if device.startswith("PJSIP/")
        ]

    def _compare_phone(self, operator: OperatorId, phone: Phone) -> None:
        seat = self._router.seat(operator)
        if seat is None:
            return
        if seat.pause == OfferFailure.UNREACHABLE.value and seat.phone is phone is Phone.FREE:
            self._trust_again(operator)
            return
        self._well.pop(operator, None)
        if self._recovery.is_news(operator, phone):
            self._loop.post(PhoneChanged(operator, phone))

    def _trust_again(self, operator: OperatorId) -> None:
        """A call to the phone failed, yet it has answered Asterisk's questions ever since."""
        self._well[operator] = self._well.get(operator, 0) + 1
        if self._well[operator] >= WELL_ROUNDS:
            del self._well[operator]
            self._loop.post(PhoneChanged(operator, Phone.UNREACHABLE))
            self._loop.post(PhoneChanged(operator, Phone.FREE))

    def _repaired(self, kind: str, what: str, about: str) -> None:
        log.warning(f"{what}; repaired", about)
        self.repairs[kind] += 1

    async def _listen(self, ami: Ami) -> None:
        """Find conversations whose operator has fallen silent at the packet level.

        A phone that sent sound and stops for two rounds is asked over SIP whether it still lives;
        only its silence to that as well ends the conversation for the caller.
        """
        for line in self._switchboard.lines:
            if line.place is not Place.TALKING or line.leg_channel is None or line.operator is None:
                continue
            packets = await self._switchboard.packets(line.leg_channel)
            if packets is None:
                continue
            before, silent = self._heard.get(line.leg_channel, (-1, 0))
            silent = silent + 1 if packets == before and packets > 0 else 0
            self._heard[line.leg_channel] = (packets, silent)
            if silent >= 2:
                ami.post("PJSIPQualify", Endpoint=line.operator)
        live = {line.leg_channel for line in self._switchboard.lines}
        self._heard = {leg: heard for leg, heard in self._heard.items() if leg in live}
