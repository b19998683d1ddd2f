"""The words of FastAGI: one command line out, one reply back. No socket here.

Asterisk sends its variables, an empty line, and then one reply for each command. A line `HANGUP`
may come at any moment, twice, and is never a reply. A usage error takes several lines.
"""

import re
from dataclasses import dataclass

LINE_MAX = 2000  # bytes; Asterisk before 22.6 cuts at 2048
KEYS = "0123456789*#"

_REPLY = re.compile(r"(?P<code>\d{3})(?P<more>[ -]|$)(?P<rest>.*)", re.DOTALL)
_RESULT = re.compile(r"result=(?P<result>-?\d*)(?P<tail>.*)", re.DOTALL)
_END_POSITION = re.compile(r"endpos=(\d+)")


class AgiError(Exception):
    """Asterisk refused a command, or the reply makes no sense. The call itself may be fine."""


class CallGone(Exception):
    """The caller hung up, or Asterisk closed the connection: nothing more can be done."""


class BadValue(ValueError):
    """A value that must not be sent: it would be read as another command."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply. `data` is what stood in parentheses; `end_ms` is where a prompt stopped."""

    code: int
    result: int | None
    data: str | None
    end_ms: int


def command_line(*words: str | int) -> bytes:
    """One command. Texts are quoted, so that spaces, quotes and backslashes arrive as they are."""
    line = " ".join(str(word) if isinstance(word, int) else quoted(word) for word in words)
    raw = line.encode() + b"\n"
    if len(raw) > LINE_MAX:
        raise BadValue(f"the command is {len(raw)} bytes long, at most {LINE_MAX} arrive")
    return raw


def quoted(word: str) -> str:
    """A word as Asterisk's argument parser takes it back; plain words stay plain."""
    if any(letter in word for letter in "\r\n\0"):
        raise BadValue(f"a line break or NUL in {word!r} would end the command")
    if re.fullmatch(r"[A-Za-z0-9_./=:()-]+", word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def read_environment(block: bytes) -> dict[str, str]:
    """The `agi_*` variables at the start of a call; letters that are not UTF-8 become U+FFFD.

    The first of two equal names counts: a caller's name with a line break in it comes after
    what Asterisk itself says of the call.
    """
    environment: dict[str, str] = {}
    for line in block.decode("utf-8", errors="replace").split("\n"):
        name, colon, value = line.rstrip("\r").partition(": ")
        if colon or name.endswith(":"):
            environment.setdefault(name.rstrip(":"), value)
    return environment


class ReplyReader:
    """Puts replies together from lines; knows nothing of time or sockets."""

    def __init__(self) -> None:
        self.is_hung_up = False
        self._usage: list[str] | None = None

    def take(self, line: bytes) -> Reply | None:
        """The reply that this line completes, None while there is none."""
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        if text == "HANGUP":
            self.is_hung_up = True
            return None
        match = _REPLY.match(text)
        if self._usage is not None:
            if match is None or match["code"] != "520" or match["more"] == "-":
                self._usage.append(text)
                return None
            usage, self._usage = " ".join(self._usage), None
            return Reply(520, None, usage, 0)
        if match is None or match["code"] == "100":
            return None
        if match["more"] == "-":
            self._usage = [match["rest"]]
            return None
        return _reply(int(match["code"]), match["rest"])


def _reply(code: int, rest: str) -> Reply:
    match = _RESULT.match(rest)
    if match is None:
        return Reply(code, None, rest.strip() or None, 0)
    tail = match["tail"].strip()
    opening, closing = tail.find("("), tail.rfind(")")
    data = tail[opening + 1 : closing] if 0 <= opening < closing else None
    end = _END_POSITION.search(tail[closing + 1 :])
    result = int(match["result"]) if match["result"].lstrip("-") else None
    return Reply(code, result, data, int(end[1]) // 8 if end else 0)
