"""One call of a phone, in either direction: its SIP dialog, its sound, its end."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Literal

from . import sdp
from .alaw import tone
from .digest import Credentials
from .events import Event, EventLog, EventName, PhoneTimeout
from .listen import Hearing, Sound, wait_until_heard
from .message import (
    Headers,
    Request,
    Response,
    display_name_of,
    parameter,
    reply,
    uri_of,
    user_of,
)
from .rtp import Key, Media
from .transport import GIVE_UP_S, T1_S, T2_S, Dialog, SipSocket, SipTimeout
from .udp import Address


class CallFailed(AssertionError):
    """The call was refused or got no answer; `code` is the SIP status, 408 for silence."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(slots=True, eq=False)
class Line:
    """What a call needs of its phone."""

    sip: SipSocket
    log: EventLog
    credentials: Credentials
    contact: str
    tone_hz: int | None
    """What the phone says from the answer on; None sends no packets."""
    spawn: Callable[[Coroutine[object, object, None], str], None]


class Call:
    """A call as a test sees it. Made by `Phone.dial` or taken from `Phone.next_call`."""

    def __init__(self, line: Line, dialog: Dialog, invite: Request, peer: Address) -> None:
        self.invite = invite
        """The INVITE that made the call: `call.invite.headers.get("Alert-Info")`."""
        self.state: Literal["calling", "ringing", "answered", "ended"] = "calling"
        self.code = 0
        """The last SIP status of the INVITE, sent or received."""
        self.media = Media(line.sip.address[0])
        self._line = line
        self._dialog = dialog
        self._peer = peer
        self._tag = parameter(dialog.local, "tag")
        self._acked = asyncio.Event()
        self._answered_cseq = 0
        self._ack: Request | None = None
        self._is_cancelling = False
        self._is_leaving = False
        self._heard_back = False
        self._is_silent = False
        self._sdp_version = 0

    @classmethod
    def incoming(cls, line: Line, invite: Request, sender: Address) -> "Call":
        """A call for the INVITE that has just arrived; nothing is sent yet."""
        dialog = Dialog(
            call_id=invite.call_id,
            local=f"{invite.headers.get('To')};tag={token_hex(4)}",
            remote=invite.headers.get("From"),
            target=uri_of(invite.headers.get("Contact")),
            contact=line.contact,
            cseq=0,
            routes=invite.headers.all("Record-Route"),
        )
        return cls(line, dialog, invite, sender)

    @property
    def call_id(self) -> str:
        """The SIP Call-ID."""
        return self._dialog.call_id

    @property
    def caller_number(self) -> str:
        """The user part of the INVITE's From."""
        return user_of(self.invite.headers.get("From"))

    @property
    def caller_name(self) -> str:
        """The display name of the INVITE's From."""
        return display_name_of(self.invite.headers.get("From"))

    # What a test does

    def ring(self) -> None:
        """Send 180 for an incoming call."""
        self.state = "ringing"
        self._answer_invite(180)
        self._log("ringing")

    def answer(self) -> None:
        """Send 200 and start talking; it is repeated until the ACK comes."""
        assert self.state in ("calling", "ringing"), f"answering a call that is {self.state}"
        offer = sdp.parse(self.invite.body)
        if offer is None or not offer.has_pcma:
            self.reject(488)
            return
        self.state = "answered"
        self._connect(offer)
        self.say(self._line.tone_hz)
        self._accept(self.invite, self._peer, offer)
        self._log("answered")

    def reject(self, code: int = 486) -> None:
        """Refuse an incoming call that is not answered yet."""
        assert self.state in ("calling", "ringing"), f"refusing a call that is {self.state}"
        self._answer_invite(code)
        self._log("rejected", str(code))
        self._end()

    async def hang_up(self) -> None:
        """End the call in the way its state asks for and return when it has ended.

        Answered: BYE. We are calling: CANCEL, once the other side has said anything.
        It rings here: 603.
        """
        if self.state == "answered" and not self._is_leaving:
            self._is_leaving = True
            self._log("bye-sent")
            await self._request_in_dialog("BYE")
            self._end()
        elif self.state == "answered":
            await self.wait_for("ended", timeout_ms=2 * int(GIVE_UP_S * 1_000))
        elif self._is_ours and self.state != "ended":
            if not self._is_cancelling:
                self._is_cancelling = True
                self._log("cancelled")
                self._line.spawn(self._cancel(), "cancel")
            await self.wait_for("ended", timeout_ms=2 * int(GIVE_UP_S * 1_000))
        elif self.state != "ended":
            self.reject(603)

    async def press(self, keys: str, *, on_ms: int = 100, off_ms: int = 100) -> None:
        """Press keys (RFC 4733) and return after the last pause; sound stops meanwhile."""
        await self.media.press(keys, on_ms=on_ms, off_ms=off_ms)

    def say(self, hz: int | None) -> None:
        """Send this tone from now on; None sends no packets at all, like a dead microphone."""
        self.media.say(None if hz is None else tone(hz))

    # What a test sees

    async def wait_for(self, *names: EventName, timeout_ms: int = 5_000, since: int = 0) -> Event:
        """The first event of this call with one of these names; see `EventLog.wait_for`."""
        return await self._line.log.wait_for(
            *names, timeout_ms=timeout_ms, call_id=self.call_id, since=since
        )

    async def answered(self, timeout_ms: int = 5_000) -> Event:
        """Wait for the answer; raises `CallFailed` as soon as the call is refused."""
        event = await self.wait_for("answered", "failed", timeout_ms=timeout_ms)
        if event.name == "failed":
            raise CallFailed(self.code, f"{self._line.log.owner}: call failed: {event.detail}")
        return event

    async def ended(self, timeout_ms: int = 5_000) -> Event:
        """Wait for the end, whoever caused it."""
        return await self.wait_for("ended", timeout_ms=timeout_ms)

    async def hears(
        self,
        sound: Sound,
        *,
        tones: Sequence[int] = (),
        at_least_ms: int = 60,
        timeout_ms: int = 5_000,
        share_min: float = 0.5,
    ) -> int:
        """Wait until this tone (or `OTHER` than `tones`) is heard; returns since when.

        Only sound that arrives from now on counts. Raises `PhoneTimeout` with what was heard.
        """
        try:
            return await wait_until_heard(
                self.media.recording,
                sound,
                tones=tones,
                at_least_ms=at_least_ms,
                timeout_ms=timeout_ms,
                share_min=share_min,
            )
        except PhoneTimeout as problem:
            raise PhoneTimeout(f"{self._line.log.owner}: {problem}") from None

    def hearing(
        self, tones: Sequence[int], *, window_ms: int = 20, share_min: float = 0.5
    ) -> Hearing:
        """All that was heard in this call so far."""
        packets = self.media.recording.packets()
        return Hearing(packets, tones, window_ms=window_ms, share_min=share_min)

    def keys(self) -> list[Key]:
        """The keys the other side pressed."""
        return self.media.recording.keys(self.media.events or sdp.EVENTS)

    # What the phone hands in

    async def place(self, uri: str, from_value: str, extra: Sequence[tuple[str, str]]) -> None:
        """Send the INVITE, with credentials when asked, and follow it to its final response."""
        authorization: tuple[str, str] | None = None
        self._log("dialled", uri)
        try:
            while True:
                body = sdp.describe(self._line.sip.address[0], self.media.port, version=1)
                self.invite = self._dialog.request("INVITE", self._line.sip.new_via(), body=body)
                self.invite.headers.fields += [*extra, *([authorization] if authorization else [])]
                self._heard_back = False
                final = await self._line.sip.request(self.invite, self._peer, self._provisional)
                repeated = authorization is not None
                authorization = self._line.credentials.answer(final, method="INVITE", uri=uri)
                if authorization is None or repeated or self._is_cancelling:
                    break
        except SipTimeout as problem:
            self.code = 408
            self._log("failed", str(problem))
            self._end()
            return
        self._final(final)

    def take(self, request: Request, sender: Address) -> None:
        """Handle a request inside the call."""
        if self._is_silent:
            return
        match request.method:
            case "ACK":
                if request.cseq == self._answered_cseq and not self._acked.is_set():
                    self._acked.set()
                    self._log("acked")
            case "CANCEL":
                self._line.sip.respond(request, sender, reply(request, 200, to_tag=self._tag))
                if self.state in ("calling", "ringing"):
                    self._answer_invite(487)
                    self._log("cancelled", request.headers.get("Reason"))
                    self._end()
            case "BYE":
                self._line.sip.respond(request, sender, reply(request, 200, to_tag=self._tag))
                if self.state != "ended":
                    self._log("bye-received", request.headers.get("Reason"))
                    self._end()
            case "INVITE":
                self._renegotiate(request, sender)
            case _:
                self._line.sip.respond(request, sender, reply(request, 200, to_tag=self._tag))

    def acknowledge_again(self) -> None:
        """The other side repeated its 200: our ACK was lost."""
        if self._ack is not None:
            self._line.sip.send(self._ack, self._dialog.next_hop)

    def vanish(self) -> None:
        """Stop being there: no BYE, no packet, the ports closed, nothing answered."""
        self.state = "ended"
        self._is_silent = True
        self.media.close()

    # How it works

    @property
    def _is_ours(self) -> bool:
        return self._dialog.local == self.invite.headers.get("From")

    def _log(self, name: EventName, detail: str = "") -> None:
        self._line.log.add(name, self.call_id, detail)

    def _end(self) -> None:
        if self.state != "ended":
            self.state = "ended"
            self.media.close()
            self._acked.set()
            self._log("ended")

    def _connect(self, session: sdp.Session) -> None:
        self.media.start((session.address, session.port), session.events)

    def _answer_invite(self, code: int) -> None:
        self.code = code
        response = reply(self.invite, code, to_tag=self._tag)
        response.headers.add("Contact", self._line.contact)
        self._line.sip.respond(self.invite, self._peer, response)

    def _accept(self, invite: Request, sender: Address, offer: sdp.Session) -> None:
        self.code = 200
        self._sdp_version += 1
        response = reply(invite, 200, to_tag=self._tag)
        response.headers.add("Contact", self._line.contact)
        response.headers.add("Content-Type", "application/sdp")
        response.body = sdp.describe(
            self._line.sip.address[0],
            self.media.port,
            version=self._sdp_version,
            answer_to=offer,
        )
        self._answered_cseq = invite.cseq
        self._acked.clear()
        self._line.sip.respond(invite, sender, response)
        self._line.spawn(self._repeat_until_acked(invite, sender, response), "repeat 200")

    async def _repeat_until_acked(
        self, invite: Request, sender: Address, response: Response
    ) -> None:
        loop = asyncio.get_running_loop()
        give_up_at, interval_s = loop.time() + GIVE_UP_S, T1_S
        while loop.time() < give_up_at:
            try:
                async with asyncio.timeout(interval_s):
                    await self._acked.wait()
                    return
            except TimeoutError:
                self._line.sip.respond(invite, sender, response)
                interval_s = min(T2_S, 2 * interval_s)
        self._log("ack-missing")
        await self.hang_up()

    def _renegotiate(self, invite: Request, sender: Address) -> None:
        offer = sdp.parse(invite.body)
        if offer is None or not offer.has_pcma or self.state != "answered":
            refusal = reply(invite, 488, to_tag=self._tag)
            self._line.sip.respond(invite, sender, refusal)
            return
        self._connect(offer)
        self._log("re-invited", offer.direction)
        self._accept(invite, sender, offer)

    def _provisional(self, response: Response) -> None:
        self.code = response.code
        self._heard_back = True
        if response.code == 100:
            self._log("trying")
            return
        if self.state == "calling":
            self.state = "ringing"
            self._log("ringing", str(response.code))
        session = sdp.parse(response.body)
        if session is not None:
            self.media.remote = (session.address, session.port)
            self._log("early-media")

    def _final(self, response: Response) -> None:
        self.code = response.code
        session = sdp.parse(response.body)
        if response.code >= 300:
            self._log("failed", f"{response.code} {response.reason}")
            self._end()
            return
        self._dialog.remote = response.headers.get("To")
        self._dialog.target = uri_of(response.headers.get("Contact")) or self._dialog.target
        self._dialog.routes = response.headers.all("Record-Route")[::-1]
        via, cseq = self._line.sip.new_via(), self.invite.cseq
        self._ack = self._dialog.request("ACK", via, cseq=cseq)
        self._line.sip.send(self._ack, self._dialog.next_hop)
        self.state = "answered"
        self._log("answered")
        if session is not None:
            self._connect(session)
            self.say(self._line.tone_hz)
        if self._is_cancelling or session is None:
            self._line.spawn(self.hang_up(), "hang up")

    async def _cancel(self) -> None:
        """Send CANCEL when allowed: after a provisional response and before a final one."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + GIVE_UP_S
        if not self._heard_back:
            awaited: tuple[EventName, ...] = ("trying", "ringing", "early-media", "ended")
            since = len(self._line.log.events)
            await self.wait_for(*awaited, timeout_ms=2 * int(GIVE_UP_S * 1_000), since=since)
        if self.state not in ("calling", "ringing"):
            return
        headers = Headers(("Via", self.invite.headers.get("Via")), ("Max-Forwards", "70"))
        for name in ("From", "To", "Call-ID"):
            headers.add(name, self.invite.headers.get(name))
        headers.add("CSeq", f"{self.invite.cseq} CANCEL")
        cancel = Request("CANCEL", self.invite.uri, headers)
        try:
            await self._line.sip.request(cancel, self._peer)
            async with asyncio.timeout_at(give_up_at):
                await self.wait_for("ended", "answered", timeout_ms=int(GIVE_UP_S * 1_000))
        except (SipTimeout, TimeoutError, PhoneTimeout):
            self._log("failed", "no answer to CANCEL")
            self._end()

    async def _request_in_dialog(self, method: str) -> Response | None:
        """Send a request, with credentials when asked; None when nothing came back."""
        authorization: tuple[str, str] | None = None
        try:
            while True:
                request = self._dialog.request(method, self._line.sip.new_via())
                request.headers.fields += [authorization] if authorization else []
                response = await self._line.sip.request(request, self._dialog.next_hop)
                repeated = authorization is not None
                authorization = self._line.credentials.answer(
                    response, method=method, uri=request.uri
                )
                if authorization is None or repeated:
                    return response
        except SipTimeout:
            return None
