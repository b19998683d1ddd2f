"""Keeps the AMI session up, the heartbeat going, and our picture of Asterisk true.

The heartbeat is a global variable of Asterisk that this refreshes every second: while it is
fresh, waiting callers stay with us; when it stops, Asterisk's own dialplan takes them to the
fallback queue. It is sent from the event loop that makes the decisions and over the link that
carries them, so that it says both are alive.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from acd.ami import Ami, AmiError, Message
from acd.clock import wall_seconds
from acd.core.events import CallerHungUp, OfferFailure, Phone, PhoneChanged
from acd.core.names import ContactId, OperatorId
from acd.core.router import Router
from acd.core.seats import Seat, Work
from acd.lines import Place
from acd.loop import Loop
from acd.settings import Address
from acd.switchboard import Switchboard, phone_state

log = logging.getLogger(__name__)

HEARTBEAT_S = 1.0
RECONCILE_S = 5.0
WELL_ROUNDS = 5
"""Longer than the 18 s in which Asterisk finds out that a phone no longer answers."""
MEDIA_S = 1.0
RETRY_S = (0.2, 0.5, 1.0, 2.0)
FALLBACK_QUEUE = "fallback"
HOLD = "acd-hold"


@dataclass(frozen=True, slots=True)
class HeldCaller:
    """A caller in our hold whom the router does not know, as their channel's variables tell."""

    call: str
    channel: str
    number: str
    topic: str
    language: str
    priority_s: int
    queued_at: int | None


class AsteriskLink:
    """The service's side of one Asterisk; `changed` hears why the link is down, None when up."""

    def __init__(
        self,
        address: Address,
        secret: str,
        switchboard: Switchboard,
        loop: Loop,
        router: Router,
        changed: Callable[[str | None], None],
        adopt: Callable[[HeldCaller], None],
    ) -> None:
        self._address = address
        self._secret = secret
        self._switchboard = switchboard
        self._loop = loop
        self._router = router
        self._changed = changed
        self._adopt = adopt
        self._ami: Ami | None = None
        self._is_up = False
        self._mirrored: dict[OperatorId, tuple[bool, bool]] = {}
        self._missing: set[str] = set()
        self._unknown: set[str] = set()
        self._ghosts: set[ContactId] = set()
        self._well: dict[OperatorId, int] = {}
        self._heard: dict[str, tuple[int, int]] = {}
        self.version: str | None = None
        self.repairs = 0

    @property
    def is_up(self) -> bool:
        """Whether Asterisk takes our commands and, by the heartbeat, sends us its callers."""
        return self._is_up

    async def run(self) -> None:
        """Until cancelled: connect, work, and connect again when the link breaks."""
        failures = 0
        while True:
            try:
                await self._session()
                failures = 0
            except AmiError as error:
                self._changed(str(error))
                failures += 1
            await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])

    async def stop(self) -> None:
        """Say that the service is going: waiting callers need not find out by themselves."""
        if self._ami is not None:
            self._ami.post("Setvar", Variable="ACD_HB", Value="0")
            await asyncio.sleep(0)
            await self._ami.close()

    async def _session(self) -> None:
        ami = await Ami.connect(
            self._address.host, self._address.port, "acd", self._secret, self._on_event
        )
        work: list[asyncio.Task[None]] = []
        try:
            settings = await ami.action("CoreSettings")
            self.version = settings.get("AsteriskVersion")
            self._ami = ami
            await self._reconcile(ami)
            await self._reconcile(ami)  # who is unknown twice is adopted: at once, after a break
            await self._read_fallback(ami)
            self._switchboard.attach(ami)
            self.mirror_all()
            await ami.action("Setvar", Variable="ACD_HB", Value=str(wall_seconds()))
            self._is_up = True
            self._changed(None)
            loop = asyncio.get_running_loop()
            work = [
                loop.create_task(self._repeat(ami, HEARTBEAT_S, self._beat), name="heartbeat"),
                loop.create_task(self._repeat(ami, RECONCILE_S, self._reconcile), name="reconcile"),
                loop.create_task(self._repeat(ami, MEDIA_S, self._listen), name="media"),
            ]
            raise AmiError(await asyncio.shield(ami.closed))
        finally:
            self._ami, self._is_up = None, False
            self._switchboard.attach(None)
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            await ami.close()

    def _on_event(self, message: Message) -> None:
        self._switchboard.on_event(message)

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
        ami.post("Setvar", Variable="ACD_HB", Value=str(wall_seconds()))

    # Our picture of Asterisk against Asterisk

    async def _reconcile(self, ami: Ami) -> None:
        """Repair what a lost event left behind: calls without a channel, phones misjudged."""
        known = {line.call for line in self._switchboard.lines}
        channels = await ami.listing("Status")
        live = {message.get("Uniqueid", "") for message in channels}
        for call in known - live:
            if call in self._missing:
                log.warning("%s is gone from Asterisk and its end was missed", call)
                self.repairs += 1
                self._switchboard.forget(call)
        self._missing = known - live
        self._close_ghosts(live)
        await self._find_unknown(ami, channels)
        for message in await ami.listing("DeviceStateList"):
            self._compare_phone(message)

    def _close_ghosts(self, live: set[str]) -> None:
        """A contact whose channel is gone would be offered to one operator after another."""
        ghosts = {contact.id for contact in self._router.contacts if contact.id not in live}
        for contact in self._ghosts & ghosts:
            log.warning("%s is gone from Asterisk but stood in the router; closed", contact)
            self.repairs += 1
            self._loop.post(CallerHungUp(contact))
        self._ghosts = ghosts - self._ghosts

    async def _find_unknown(self, ami: Ami, channels: list[Message]) -> None:
        """Adopt who waits in our hold unknown to the router: nobody else would ever serve them.

        A restart leaves them there, and so would a lost event. Seen twice, since a caller may
        enter hold a moment before the router hears of them.
        """
        held = {
            message.get("Uniqueid", ""): message
            for message in channels
            if message.get("Context") == HOLD
            and self._router.contact(ContactId(message.get("Uniqueid", ""))) is None
        }
        for call in self._unknown & held.keys():
            caller = await _held_caller(ami, held[call])
            if caller is not None:
                log.warning("%s waits in hold and was unknown; adopted", call)
                self.repairs += 1
                self._adopt(caller)
        self._unknown = set(held) - self._unknown

    def _compare_phone(self, message: Message) -> None:
        operator = OperatorId(message.get("Device", "").removeprefix("PJSIP/"))
        seat = self._router.seat(operator)
        if seat is None:
            return
        phone = phone_state(message.get("State", ""))
        if seat.pause == OfferFailure.UNREACHABLE.value and seat.phone is phone is Phone.FREE:
            self._trust_again(operator)
            return
        self._well.pop(operator, None)
        if seat.phone is not phone and not (phone is Phone.IN_USE and seat.work is not Work.NONE):
            self._loop.post(PhoneChanged(operator, phone))

    def _trust_again(self, operator: OperatorId) -> None:
        """A call to the phone failed, yet it has answered Asterisk's questions ever since."""
        self._well[operator] = self._well.get(operator, 0) + 1
        if self._well[operator] >= WELL_ROUNDS:
            del self._well[operator]
            self._loop.post(PhoneChanged(operator, Phone.UNREACHABLE))
            self._loop.post(PhoneChanged(operator, Phone.FREE))

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

    # The fallback queue

    async def _read_fallback(self, ami: Ami) -> None:
        """Who is in the fallback queue already, left there by an earlier session."""
        self._mirrored.clear()
        for message in await ami.listing("QueueStatus", Queue=FALLBACK_QUEUE):
            if message.get("Event") == "QueueMember":
                operator = OperatorId(message.get("Location", "").removeprefix("PJSIP/"))
                self._mirrored[operator] = (True, message.get("Paused") == "1")

    def mirror_all(self) -> None:
        """Push every operator's log-in and pause to the fallback queue."""
        for seat in self._router.seats:
            self.mirror(seat)

    def mirror(self, seat: Seat) -> None:
        """Push one operator's log-in and pause, when they differ from what was pushed last."""
        if self._ami is None:
            return
        operator, wanted = seat.profile.id, (seat.logged_in, seat.pause is not None)
        before = self._mirrored.get(operator, (False, False))
        if wanted == before:
            return
        self._mirrored[operator] = wanted
        interface = f"PJSIP/{operator}"
        if not wanted[0]:
            if before[0]:
                self._ami.post("QueueRemove", Queue=FALLBACK_QUEUE, Interface=interface)
            return
        paused = "true" if wanted[1] else "false"
        action = "QueuePause" if before[0] else "QueueAdd"
        self._ami.post(action, Queue=FALLBACK_QUEUE, Interface=interface, Paused=paused)


async def _held_caller(ami: Ami, channel: Message) -> HeldCaller | None:
    """What the channel's variables say; None when the channel has just gone."""
    call = channel.get("Uniqueid", "")
    try:
        values = [
            (await ami.action("Getvar", Channel=call, Variable=name)).get("Value", "")
            for name in ("ACD_Q", "ACD_LANG", "ACD_QT0")
        ]
    except AmiError:
        return None
    topic, _, priority = values[0].partition("|")
    return HeldCaller(
        call=call,
        channel=channel.get("Channel", ""),
        number=channel.get("CallerIDNum", ""),
        topic=topic or "general",
        language=values[1],
        priority_s=int(priority) if priority.isdigit() else 0,
        queued_at=int(values[2]) if values[2].isdigit() else None,
    )
