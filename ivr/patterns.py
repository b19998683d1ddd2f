"""Regular expressions of `validate:`, compiled when they are read and never able to run away."""

import re

from acd.yaml_source import Node

LETTERS_MAX = 100
OPEN_PARTS_MAX = 4  # each multiplies the work by the length of an entry

_TOKEN = re.compile(
    r"(?P<refused>\\[1-9]|\(\?(?!:))"
    r"|(?P<letter>\\.|\[\^?\]?(?:\\.|[^\]\\])*\])"
    r"|(?P<begin>\((?:\?:)?)|(?P<end>\))|(?P<either>\|)"
    r"|(?P<repeat>(?:[*+?]|\{\d*,?\d*\})[?+]?)|(?P<other>.)",
    re.DOTALL,
)
_REFUSED = {
    "(?": "a group that begins with '(?' is not taken; write it plainly",
    **{f"\\{n}": "a pattern that refers back may run away; write it out" for n in range(1, 10)},
}


class _Refused(Exception):
    """Why a pattern is not taken, and the letter at which this shows."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message, self.offset = message, offset


def read_pattern(node: Node) -> str | None:
    """A regular expression for digits, or None after recording what is wrong with it."""
    text = node.sentence()
    if text is None:
        return None
    if len(text) > LETTERS_MAX:
        node.error(f"the pattern has {len(text)} letters; keep to {LETTERS_MAX}")
        return None
    try:
        re.compile(text)
        _check_bounded(text)
    except re.error as error:
        message = f"the pattern cannot be read ({error.msg}); write 'iin', or one such as [1-9].*"
        node.error_at(error.pos or 0, message)
        return None
    except _Refused as refused:
        node.error_at(refused.offset, refused.message)
        return None
    return text


def _check_bounded(text: str) -> None:
    """Refuse what could try for ever: a repeated group, many open repetitions, looking back."""
    groups: list[bool] = []  # whether each open group is more than a fixed text
    closed: bool | None = None  # of the group that ended right before
    open_count = 0
    for token in _TOKEN.finditer(text):
        at, before, closed = token.start(), closed, None
        match token.lastgroup:
            case "refused":
                raise _Refused(_REFUSED[token[0][:2]], at)
            case "begin":
                groups.append(False)
            case "end":
                closed = groups.pop()
            case "either" if groups:
                groups[-1] = True
            case "repeat":
                is_fixed = re.fullmatch(r"\{\d+\}", token[0]) is not None
                if before is not None and token[0] != "?" and (before or not is_fixed):
                    message = "a repeated group may run away; repeat single digits instead"
                    raise _Refused(message, at)
                open_count += not is_fixed
                groups[-1:] = [each or not is_fixed for each in groups[-1:]]
        if closed:
            groups[-1:] = [True for _ in groups[-1:]]
        if open_count > OPEN_PARTS_MAX:
            raise _Refused(f"more than {OPEN_PARTS_MAX} open repetitions; use fewer", at)
