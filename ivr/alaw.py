"""G.711 A-law, the coding of the telephone network here: one byte a sample, 8000 a second.

A prompt kept in it is half as large as 16-bit sound, reaches a caller byte for byte with no
transcoding, and loses nothing that the line would not have taken away.
"""

from array import array
from bisect import bisect_left
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Samples = array[int]
else:  # Python 3.11 cannot subscript it
    Samples = array

_TOGGLE = 0x55  # every other bit is sent inverted


def encode(samples: Samples) -> bytes:
    """One byte for each 16-bit sample."""
    table = _encoding()
    return bytes([table[sample] for sample in samples])


def decode(data: bytes) -> Samples:
    """The 16-bit samples, in the byte order of this machine."""
    table = _decoding()
    return array("h", [table[byte] for byte in data])


@lru_cache(maxsize=1)
def _decoding() -> tuple[int, ...]:
    return tuple(_sample(byte ^ _TOGGLE) for byte in range(256))


def _sample(code: int) -> int:
    """The middle of the interval that a code stands for."""
    exponent, mantissa = (code >> 4) & 7, code & 0x0F
    size = (mantissa << 4) + 8
    if exponent:
        size = (size + 0x100) << (exponent - 1)
    return size if code & 0x80 else -size


@lru_cache(maxsize=1)
def _encoding() -> bytes:
    """A byte for each sample; negative ones are found from the end, as Python's indices go."""
    positive = sorted((_sample(code), code) for code in range(0x80, 0x100))
    levels = [level for level, _ in positive]
    table = bytearray(0x10000)
    for size in range(0x8000 + 1):
        at = min(bisect_left(levels, size), len(levels) - 1)
        if at and size - levels[at - 1] < levels[at] - size:
            at -= 1
        code = positive[at][1]
        if size < 0x8000:
            table[size] = code ^ _TOGGLE
        if size:
            table[-size] = (code & 0x7F) ^ _TOGGLE
    return bytes(table)
