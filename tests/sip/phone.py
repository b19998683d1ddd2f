"""A telephone for tests: one SIP port, any number of calls, one tone of its own.

    async with Phone("op1", server=asterisk, password=secret, tone_hz=600) as operator:
        await operator.register()
        operator.policy = AnswerAfter(ring_ms=300)
        call = await operator.next_call()
        await call.hears(500)          # the caller's tone has reached the operator

Leaving the `async with` hangs up, unregisters and closes; a background failure is raised
there. `vanish()` instead leaves the other side with a phone that died without a word.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from secrets import token_hex
from types import TracebackType
from typing import Self

from .call import Call, Line
from .digest import Credentials
from .events import Event, EventLog, EventName
from .message import (
    Headers,
    Request,
    Response,
    address_of,
    parameter,
    reply,
    uri_of,
)
from .transport import Dialog, SipSocket, SipTimeout
from .udp import Address

_ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, NOTIFY, UPDATE"
_REFRESH_SHARE = 0.5
_FAREWELL_S = 2.0


@dataclass(frozen=True, slots=True)
class AnswerAfter:
    """Ring, then answer; 0 answers at once, without a 180."""

    ring_ms: int = 0


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse with this status: 486 busy, 480 not there, 603 declined."""

    code: int = 486
    ring_ms: int = 0


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring for ever; the test may still answer, reject or wait for the CANCEL."""


@dataclass(frozen=True, slots=True)
class Silent:
    """Never answer an INVITE, not even with 100; OPTIONS still works (see `is_deaf`)."""


@dataclass(frozen=True, slots=True)
class Manual:
    """Say 100 and leave the rest to the test: `call.ring()`, `.answer()`, `.reject()`."""


Policy = AnswerAfter | Reject | Ring | Silent | Manual


class Phone:
    """A SIP user agent. Open it with `async with` or `await phone.open()`."""

    def __init__(
        self,
        user: str,
        *,
        server: Address | None = None,
        password: str = "",
        ip: str = "127.0.0.1",
        tone_hz: int | None = None,
        policy: Policy | None = None,
        has_call_waiting: bool = False,
    ) -> None:
        """`server` is where requests go; without it `dial` goes straight to the URI's host."""
        self.user = user
        self.ip = ip
        self.server = server
        self.tone_hz = tone_hz
        self.policy: Policy = policy or Ring()
        self.has_call_waiting = has_call_waiting
        """False: a second call gets 486, as on a phone with one line."""
        self.is_deaf = False
        """True: answer nothing at all any more, like a frozen computer."""
        self.log = EventLog(user)
        self.calls: list[Call] = []
        self._credentials = Credentials(user if password else "", password)
        self._taken = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []
        self._sip: SipSocket | None = None
        self._registration = f"{token_hex(8)}@{ip}"
        self._register_cseq = 0
        self._refresh: asyncio.TimerHandle | None = None
        self._expires_s = 0

    async def __aenter__(self) -> Self:
        """Open."""
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        await self.close()

    async def open(self, port: int = 0) -> None:
        """Bind the SIP port; 0 takes a free one."""
        self._sip = SipSocket(
            self.ip,
            port,
            on_request=self._request,
            on_repeated_ok=self._repeated_ok,
            on_garbage=lambda text: void(self.log.add("garbage", detail=text)),
        )

    async def close(self) -> None:
        """Hang up, unregister, close; raises what went wrong in the background.

        A server that does not answer is left without a farewell after 2 s.
        """
        if self._sip is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL_S):
                    for call in self.live_calls:
                        await call.hang_up()
                    if self._expires_s:
                        await self.register(expires_s=0)
            self._shut()
        if self._failures:
            raise self._failures[0]

    def vanish(self) -> None:
        """Close every port without a word, as a killed softphone does."""
        for call in self.live_calls:
            call.vanish()
        self._shut()
        self.log.add("vanished")

    @property
    def address(self) -> Address:
        """Our SIP address."""
        return self.sip.address

    @property
    def uri(self) -> str:
        """Where this phone can be called directly."""
        ip, port = self.sip.address
        return f"sip:{self.user}@{ip}:{port}"

    @property
    def sip(self) -> SipSocket:
        """The open SIP port."""
        assert self._sip is not None, f"phone {self.user} is not open"
        return self._sip

    @property
    def live_calls(self) -> list[Call]:
        """Calls that have not ended."""
        return [call for call in self.calls if call.state != "ended"]

    async def wait_for(self, *names: EventName, timeout_ms: int = 5_000, since: int = 0) -> Event:
        """The first event of these names in any call; see `EventLog.wait_for`."""
        return await self.log.wait_for(*names, timeout_ms=timeout_ms, since=since)

    async def next_call(self, timeout_ms: int = 5_000) -> Call:
        """The next incoming call that this method has not returned yet."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_ms / 1_000
        while True:
            invited = self.log.find("invited")
            if len(invited) > self._taken:
                event = invited[self._taken]
                self._taken += 1
                return next(call for call in self.calls if call.call_id == event.call_id)
            left_ms = int((deadline - loop.time()) * 1_000)
            await self.log.wait_for("invited", timeout_ms=left_ms, since=len(self.log.events))

    def dial(
        self,
        number: str,
        *,
        from_user: str | None = None,
        display_name: str | bytes | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> Call:
        """Call a number at the server, or a full `sip:` URI; returns at once.

        A name of type `str` is quoted as RFC 3261 asks; `bytes` go out untouched in front of
        the <URI>, for names no honest phone would send.
        """
        uri = number if ":" in number else f"sip:{number}@{_host(self._destination(number))}"
        peer = self._destination(uri)
        local = f"<sip:{from_user or self.user}@{self.ip}>;tag={token_hex(4)}"
        if isinstance(display_name, bytes):
            local = f"{display_name.decode('utf-8', 'surrogateescape')} {local}"
        elif display_name is not None:
            quoted = display_name.replace("\\", "\\\\").replace('"', '\\"')
            local = f'"{quoted}" {local}'
        dialog = Dialog(
            call_id=f"{token_hex(8)}@{self.ip}",
            local=local,
            remote=f"<{uri}>",
            target=uri,
            contact=self._contact,
            cseq=0,
        )
        call = Call(self._line(), dialog, Request("INVITE", uri, Headers(("From", local))), peer)
        self.calls.append(call)
        self._spawn(call.place(uri, local, headers), f"call {number}")
        return call

    async def register(self, expires_s: int = 60) -> Response | None:
        """Register and keep registered; 0 unregisters. None when the server is silent.

        The final response is returned whatever it is; the log has `registered`,
        `unregistered` or `register-failed`.
        """
        if self._refresh is not None:
            self._refresh.cancel()
            self._refresh = None
        try:
            response = await self._send_register(expires_s)
        except SipTimeout as problem:
            self._expires_s = 0
            self.log.add("register-failed", detail=str(problem))
            return None
        if response.code != 200:
            self._expires_s = 0
            self.log.add("register-failed", detail=f"{response.code} {response.reason}")
            return response
        self._expires_s = expires_s
        self.log.add("registered" if expires_s else "unregistered")
        if expires_s:
            loop = asyncio.get_running_loop()
            self._refresh = loop.call_later(expires_s * _REFRESH_SHARE, self._refresh_now)
        return response

    def forget_registration(self) -> None:
        """Stop refreshing without unregistering: the server's entry runs out by itself."""
        self._expires_s = 0
        if self._refresh is not None:
            self._refresh.cancel()

    @property
    def _contact(self) -> str:
        return f"<{self.uri}>"

    def _destination(self, uri: str) -> Address:
        if self.server is not None:
            return self.server
        assert ":" in uri, f"{self.user} has no server: dial a full sip: URI, not {uri!r}"
        return address_of(uri)

    def _line(self) -> Line:
        return Line(self.sip, self.log, self._credentials, self._contact, self.tone_hz, self._spawn)

    def _spawn(self, work: Coroutine[object, object, None], name: str) -> None:
        task = asyncio.ensure_future(work)
        task.set_name(f"{self.user}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            self._failures.append(problem)

    def _shut(self) -> None:
        self.forget_registration()
        for task in list(self._tasks):
            task.cancel()
        self.sip.close()
        self._sip = None

    def _refresh_now(self) -> None:
        async def refresh() -> None:
            await self.register(self._expires_s)

        self._spawn(refresh(), "refresh registration")

    async def _send_register(self, expires_s: int) -> Response:
        server = self._destination("")
        authorization: tuple[str, str] | None = None
        while True:
            request = self._register_request(f"sip:{_host(server)}", expires_s)
            request.headers.fields += [authorization] if authorization else []
            response = await self.sip.request(request, server)
            repeated = authorization is not None
            authorization = self._credentials.answer(response, method="REGISTER", uri=request.uri)
            if authorization is None or repeated:
                return response

    def _register_request(self, uri: str, expires_s: int) -> Request:
        self._register_cseq += 1
        own = f"<sip:{self.user}@{uri.removeprefix('sip:')}>"
        headers = Headers(
            ("Via", self.sip.new_via()),
            ("Max-Forwards", "70"),
            ("From", f"{own};tag={token_hex(4)}"),
            ("To", own),
            ("Call-ID", self._registration),
            ("CSeq", f"{self._register_cseq} REGISTER"),
            ("Contact", self._contact),
            ("Expires", str(expires_s)),
        )
        return Request("REGISTER", uri, headers)

    def _call_of(self, call_id: str) -> Call | None:
        return next((call for call in self.calls if call.call_id == call_id), None)

    def _repeated_ok(self, response: Response) -> None:
        call = self._call_of(response.call_id)
        if call is not None:
            call.acknowledge_again()

    def _request(self, request: Request, sender: Address, at_ms: int) -> None:
        if self.is_deaf:
            return
        call = self._call_of(request.call_id)
        if call is not None:
            call.take(request, sender)
        elif request.method == "OPTIONS":
            response = reply(request, 200, to_tag=token_hex(4))
            response.headers.add("Allow", _ALLOW)
            response.headers.add("Accept", "application/sdp")
            self.sip.respond(request, sender, response)
            self.log.add("qualified")
        elif request.method == "INVITE" and not parameter(request.headers.get("To"), "tag"):
            self._invited(request, sender, at_ms)
        elif request.method == "NOTIFY":
            self.sip.respond(request, sender, reply(request, 200, to_tag=token_hex(4)))
        elif request.method != "ACK":
            code = 481 if request.method in ("BYE", "CANCEL", "INVITE") else 405
            self.sip.respond(request, sender, reply(request, code, to_tag=token_hex(4)))

    def _invited(self, invite: Request, sender: Address, at_ms: int) -> None:
        is_busy = bool(self.live_calls) and not self.has_call_waiting
        call = Call.incoming(self._line(), invite, sender)
        self.calls.append(call)
        caller = uri_of(invite.headers.get("From"))
        self.log.add("invited", call.call_id, caller, at_ms)
        policy = Reject(486) if is_busy else self.policy
        match policy:
            case Ring():
                call.ring()
            case AnswerAfter(0):
                call.answer()
            case Reject(code, 0):
                call.reject(code)
            case AnswerAfter(ring_ms) | Reject(_, ring_ms):
                call.ring()
                self._spawn(self._decide_after(call, ring_ms, policy), "ring")
            case Manual():
                self.sip.respond(invite, sender, reply(invite, 100))
            case Silent():
                call.vanish()

    async def _decide_after(self, call: Call, ring_ms: int, policy: AnswerAfter | Reject) -> None:
        await asyncio.sleep(ring_ms / 1_000)
        if call.state != "ringing":
            return
        if isinstance(policy, AnswerAfter):
            call.answer()
        else:
            call.reject(policy.code)


def void(_: object) -> None:
    """Drop a result, where a callback must return nothing."""


def _host(address: Address) -> str:
    return f"{address[0]}:{address[1]}"
