"""SIP transactions over UDP (RFC 3261 section 17): what is sent again, and until when.

Client side: INVITE is repeated after T1, 2 T1, 4 T1, ... until any response; other requests
likewise up to every T2 until a final one; both give up after 64 T1. Server side: a repeated
request gets the same response again, or silence if it was never answered.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex

from .message import (
    Headers,
    Request,
    Response,
    SipSyntaxError,
    address_of,
    encode,
    parse,
    uri_of,
)
from .udp import Address, UdpSocket, bind

T1_S = 0.5
T2_S = 4.0
GIVE_UP_S = 64 * T1_S

_BRANCH_COOKIE = "z9hG4bK"
_ANSWERS_KEPT = 5_000


class SipTimeout(Exception):
    """No final response within 32 s."""


@dataclass(slots=True, eq=False)
class _Client:
    request: Request
    to: Address
    final: asyncio.Future[Response]
    on_provisional: Callable[[Response], None]
    interval_s: float = T1_S
    proceeding: bool = False
    timers: list[asyncio.TimerHandle] = field(default_factory=list)
    ack: bytes = b""

    def cancel_timers(self) -> None:
        for timer in self.timers:
            timer.cancel()
        self.timers.clear()


class SipSocket:
    """One UDP port that speaks SIP; requests arrive once, whatever the network repeats."""

    def __init__(
        self,
        ip: str,
        port: int,
        *,
        on_request: Callable[[Request, Address, int], None],
        on_repeated_ok: Callable[[Response], None],
        on_garbage: Callable[[str], None],
    ) -> None:
        self._udp = UdpSocket(bind(ip, port), self._received)
        self._on_request = on_request
        self._on_repeated_ok = on_repeated_ok
        self._on_garbage = on_garbage
        self._clients: dict[tuple[str, str], _Client] = {}
        self._answers: dict[tuple[str, str, Address], bytes] = {}

    @property
    def address(self) -> Address:
        """Our IP address and port."""
        return self._udp.address

    def new_via(self) -> str:
        """A Via value with a fresh branch."""
        ip, port = self.address
        return f"SIP/2.0/UDP {ip}:{port};rport;branch={_BRANCH_COOKIE}{token_hex(8)}"

    def request(
        self,
        request: Request,
        to: Address,
        on_provisional: Callable[[Response], None] | None = None,
    ) -> asyncio.Future[Response]:
        """Start a client transaction; the future ends in a final response or `SipTimeout`.

        The request must carry its Via. An ACK to a refusal is sent here; an ACK to a 2xx is
        the caller's duty, since it belongs to the dialog.
        """
        loop = asyncio.get_running_loop()
        client = _Client(request, to, loop.create_future(), on_provisional or (lambda _: None))
        self._clients[request.branch, request.method] = client
        data = encode(request)
        self._udp.send(data, to)
        client.timers = [
            loop.call_later(T1_S, self._repeat, client, data),
            loop.call_later(GIVE_UP_S, self._give_up, client),
        ]
        return client.final

    def send(self, message: Request | Response, to: Address) -> None:
        """Send once, without a transaction: an ACK to a 2xx."""
        self._udp.send(encode(message), to)

    def send_raw(self, data: bytes, to: Address) -> None:
        """Send any bytes, for tests of what a hostile network sends."""
        self._udp.send(data, to)

    def respond(self, request: Request, sender: Address, response: Response) -> None:
        """Answer a request; the same datagram is sent again when the request is repeated."""
        data = encode(response)
        self._answers[request.branch, request.method, sender] = data
        self._udp.send(data, sender)

    def close(self) -> None:
        """Close the port at once; open transactions never end."""
        for client in self._clients.values():
            client.cancel_timers()
            client.final.cancel()
        self._clients.clear()
        self._udp.close()

    def _repeat(self, client: _Client, data: bytes) -> None:
        if client.final.done() or (client.proceeding and client.request.method == "INVITE"):
            return
        self._udp.send(data, client.to)
        client.interval_s *= 2
        if client.request.method != "INVITE":
            client.interval_s = min(T2_S, T2_S if client.proceeding else client.interval_s)
        loop = asyncio.get_running_loop()
        client.timers[0] = loop.call_later(client.interval_s, self._repeat, client, data)

    def _give_up(self, client: _Client) -> None:
        if client.proceeding and client.request.method == "INVITE":
            return  # it rings: how long is up to the people
        self._forget(client)
        if not client.final.done():
            text = f"{client.request.method} {client.request.uri}: no answer in {GIVE_UP_S} s"
            client.final.set_exception(SipTimeout(text))

    def _forget(self, client: _Client) -> None:
        client.cancel_timers()
        self._clients.pop((client.request.branch, client.request.method), None)

    def _received(self, data: bytes, sender: Address, at_ms: int) -> None:
        if not data.strip():
            return  # keep-alive
        try:
            message = parse(data)
        except SipSyntaxError as problem:
            self._on_garbage(str(problem))
            return
        if isinstance(message, Response):
            self._response(message)
            return
        key = (message.branch, message.method, sender)
        if message.method == "ACK":
            self._on_request(message, sender, at_ms)
        elif key not in self._answers:
            self._answers[key] = b""
            if len(self._answers) > _ANSWERS_KEPT:
                del self._answers[next(iter(self._answers))]
            self._on_request(message, sender, at_ms)
        elif self._answers[key]:
            self._udp.send(self._answers[key], sender)

    def _response(self, response: Response) -> None:
        client = self._clients.get((response.branch, response.method))
        if client is None:
            return
        if response.code < 200:
            client.proceeding = True
            if not client.final.done():
                client.on_provisional(response)
            return
        is_invite = client.request.method == "INVITE"
        if is_invite and response.code >= 300:
            client.ack = client.ack or encode(_ack_of_refusal(client.request, response))
            self._udp.send(client.ack, client.to)
        if client.final.done():
            if is_invite and response.code < 300:
                self._on_repeated_ok(response)
            return
        client.cancel_timers()
        client.final.set_result(response)
        if is_invite:
            loop = asyncio.get_running_loop()
            client.timers = [loop.call_later(GIVE_UP_S, self._forget, client)]
        else:
            self._forget(client)


def _ack_of_refusal(invite: Request, response: Response) -> Request:
    headers = Headers(("Via", invite.headers.get("Via")), ("Max-Forwards", "70"))
    for route in invite.headers.all("Route"):
        headers.add("Route", route)
    headers.add("From", invite.headers.get("From"))
    headers.add("To", response.headers.get("To"))
    headers.add("Call-ID", invite.call_id)
    headers.add("CSeq", f"{invite.cseq} ACK")
    return Request("ACK", invite.uri, headers)


@dataclass(slots=True)
class Dialog:
    """The two ends of a call as SIP names them; builds the requests inside it."""

    call_id: str
    local: str
    """Our From or To value, with its tag."""
    remote: str
    """The other side's, with its tag once it has one."""
    target: str
    """The other side's Contact URI."""
    contact: str
    cseq: int
    routes: list[str] = field(default_factory=list)

    @property
    def next_hop(self) -> Address:
        """Where requests inside the dialog go."""
        return address_of(uri_of(self.routes[0]) if self.routes else self.target)

    def request(self, method: str, via: str, *, cseq: int = 0, body: bytes = b"") -> Request:
        """A request inside the dialog; without `cseq` the next number is taken."""
        if not cseq:
            self.cseq += 1
        headers = Headers(("Via", via), ("Max-Forwards", "70"))
        for route in self.routes:
            headers.add("Route", route)
        headers.add("From", self.local)
        headers.add("To", self.remote)
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", f"{cseq or self.cseq} {method}")
        headers.add("Contact", self.contact)
        if body:
            headers.add("Content-Type", "application/sdp")
        return Request(method, self.target, headers, body)
