"""SIP messages as bytes on the wire and as values (RFC 3261, UDP only).

Text is decoded as UTF-8 with `surrogateescape`, so any byte of a hostile caller name
survives a round trip unchanged.
"""

from dataclasses import dataclass, field

_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
    "s": "subject",
    "k": "supported",
}
_COMMA_LISTS = {"via", "route", "record-route"}

REASONS = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    405: "Method Not Allowed",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    603: "Decline",
}


class SipSyntaxError(ValueError):
    """The datagram is not a SIP message."""


class Headers:
    """Header fields in wire order; names compare without case and in long form."""

    __slots__ = ("fields",)

    def __init__(self, *fields: tuple[str, str]) -> None:
        self.fields: list[tuple[str, str]] = list(fields)

    def get(self, name: str) -> str:
        """The first value of `name`, or an empty string."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        """Every value of `name`; Via and route headers are split at their commas."""
        wanted = _long_name(name)
        values = [value for key, value in self.fields if _long_name(key) == wanted]
        if wanted in _COMMA_LISTS:
            return [part for value in values for part in split_outside_quotes(value, ",")]
        return values

    def add(self, name: str, value: str) -> None:
        """Append one field."""
        self.fields.append((name, value))


@dataclass(slots=True)
class Request:
    """A SIP request."""

    method: str
    uri: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    @property
    def branch(self) -> str:
        """The branch of the top Via: the name of the transaction."""
        return parameter(self.headers.get("Via"), "branch")

    @property
    def cseq(self) -> int:
        """The number in CSeq; 0 when it is missing or not a number."""
        return _cseq(self.headers)[0]

    @property
    def call_id(self) -> str:
        """The Call-ID, empty when missing."""
        return self.headers.get("Call-ID")


@dataclass(slots=True)
class Response:
    """A SIP response."""

    code: int
    reason: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    @property
    def branch(self) -> str:
        """The branch of the top Via: the name of the transaction."""
        return parameter(self.headers.get("Via"), "branch")

    @property
    def method(self) -> str:
        """The method in CSeq: what this is the response to."""
        return _cseq(self.headers)[1]

    @property
    def call_id(self) -> str:
        """The Call-ID, empty when missing."""
        return self.headers.get("Call-ID")


Message = Request | Response


def parse(data: bytes) -> Message:
    """Read one datagram; raises `SipSyntaxError` for anything that is not SIP."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    headers = Headers()
    for line in lines[1:]:
        if line[:1] in (" ", "\t") and headers.fields:
            name, value = headers.fields[-1]
            headers.fields[-1] = (name, f"{value} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise SipSyntaxError(f"header without a colon: {line!r}")
        headers.add(name.strip(), value.strip())
    first = lines[0].split(" ", 2)
    if len(first) == 3 and first[0] == "SIP/2.0" and first[1].isdecimal():
        return Response(int(first[1]), first[2], headers, body)
    if len(first) == 3 and first[2] == "SIP/2.0":
        return Request(first[0], first[1], headers, body)
    raise SipSyntaxError(f"not a SIP start line: {lines[0]!r}")


def encode(message: Message) -> bytes:
    """The datagram of a message; Content-Length is written here, never by the caller."""
    if isinstance(message, Request):
        start = f"{message.method} {message.uri} SIP/2.0"
    else:
        start = f"SIP/2.0 {message.code} {message.reason}"
    lines = [start, *(f"{name}: {value}" for name, value in message.headers.fields)]
    lines.append(f"Content-Length: {len(message.body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + message.body


def reply(request: Request, code: int, *, to_tag: str = "") -> Response:
    """A response with the headers RFC 3261 copies from the request."""
    headers = Headers()
    for name in ("Via", "Record-Route"):
        for value in request.headers.all(name):
            headers.add(name, value)
    headers.add("From", request.headers.get("From"))
    to = request.headers.get("To")
    headers.add("To", f"{to};tag={to_tag}" if to_tag and not parameter(to, "tag") else to)
    headers.add("Call-ID", request.call_id)
    headers.add("CSeq", request.headers.get("CSeq"))
    return Response(code, REASONS.get(code, "Unknown"), headers)


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Split at `separator` where it is outside "quoted strings" and <angle brackets>."""
    parts, start, quoted, angle, skip = [], 0, False, False, False
    for index, char in enumerate(text):
        if skip:
            skip = False
        elif quoted:
            skip = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char in "<>":
            angle = char == "<"
        elif char == separator and not angle:
            parts.append(text[start:index].strip())
            start = index + 1
    parts.append(text[start:].strip())
    return [part for part in parts if part]


def parameter(value: str, name: str) -> str:
    """A `;name=value` parameter of a header value (not of the URI inside it), or empty."""
    for part in split_outside_quotes(value, ";")[1:]:
        key, _, text = part.partition("=")
        if key.strip().lower() == name:
            return text.strip()
    return ""


def uri_of(value: str) -> str:
    """The URI of a From, To, Contact or Route value."""
    first = (split_outside_quotes(value, ";") or [""])[0]
    if first.endswith(">"):
        return first[first.rindex("<") + 1 : -1] if "<" in first else ""
    return first


def display_name_of(value: str) -> str:
    """The display name of a From or To value, unquoted; empty when there is none."""
    first = (split_outside_quotes(value, ";") or [""])[0]
    if "<" not in first:
        return ""
    name = first[: first.rindex("<")].strip()
    if len(name) >= 2 and name[0] == name[-1] == '"':
        return name[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return name


def user_of(value: str) -> str:
    """The user part of the URI in a From, To or Contact value."""
    user, at, _ = uri_of(value).partition("@")
    return user.partition(":")[2] if at else ""


def address_of(uri: str) -> tuple[str, int]:
    """Host and port of a `sip:` URI; 5060 without a port. Hosts are IP addresses here."""
    host = uri.partition(":")[2].rpartition("@")[2].partition(";")[0].partition("?")[0]
    name, _, port = host.partition(":")
    return name, int(port) if port.isdecimal() else 5060


def _long_name(name: str) -> str:
    lower = name.lower()
    return _COMPACT.get(lower, lower)


def _cseq(headers: Headers) -> tuple[int, str]:
    number, _, method = headers.get("CSeq").partition(" ")
    return (int(number) if number.isdecimal() else 0), method.strip()
