"""Session descriptions: A-law at 8 kHz and RFC 4733 keys, one audio stream."""

from dataclasses import dataclass

PCMA = 8
EVENTS = 101

_ANSWER_DIRECTION = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


@dataclass(frozen=True, slots=True)
class Session:
    """What the other side announced."""

    address: str
    port: int
    has_pcma: bool
    events: int | None
    """RTP payload type of telephone-event; None when it was not offered."""
    direction: str
    """As the other side says it: `sendonly` means that we only listen."""


def describe(ip: str, port: int, *, version: int, answer_to: Session | None = None) -> bytes:
    """Our offer, or our answer when `answer_to` is given; `version` counts up per call."""
    events = EVENTS if answer_to is None else answer_to.events
    direction = "sendrecv" if answer_to is None else _ANSWER_DIRECTION[answer_to.direction]
    lines = [
        "v=0",
        f"o=- {port} {version} IN IP4 {ip}",
        "s=-",
        f"c=IN IP4 {ip}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {PCMA}" + ("" if events is None else f" {events}"),
        f"a=rtpmap:{PCMA} PCMA/8000",
    ]
    if events is not None:
        lines += [f"a=rtpmap:{events} telephone-event/8000", f"a=fmtp:{events} 0-16"]
    lines += ["a=ptime:20", f"a={direction}", ""]
    return "\r\n".join(lines).encode()


def parse(body: bytes) -> Session | None:
    """Read the first audio stream; None without one."""
    address, port, formats, events, direction = "", 0, [], None, "sendrecv"
    for line in body.decode("utf-8", "replace").splitlines():
        kind, _, value = line.partition("=")
        words = value.split()
        if kind == "c" and len(words) == 3:
            address = words[2]
        elif kind == "m" and words[:1] == ["audio"] and len(words) >= 4:
            port, formats = int(words[1]), words[3:]
        elif kind == "a" and value in _ANSWER_DIRECTION:
            direction = value
        elif kind == "a" and value.lower().endswith(" telephone-event/8000"):
            events = int(words[0].removeprefix("rtpmap:"))
    if not port or not address:
        return None
    return Session(address, port, str(PCMA) in formats, events, direction)
