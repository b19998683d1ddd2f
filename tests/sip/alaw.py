"""A-law (ITU-T G.711): tables and tones. 8,000 samples a second, one byte each."""

from __future__ import annotations

import math
from array import array
from functools import lru_cache

RATE_HZ = 8_000
FRAME_MS = 20
FRAME_SAMPLES = RATE_HZ * FRAME_MS // 1_000
SILENCE_BYTE = 0xD5
TONE_LEVEL_DBFS = -15.0

FULL_SCALE = 32_768


def encode_sample(sample: int) -> int:
    """The A-law byte of a 16-bit sample."""
    sign = 0x80 if sample >= 0 else 0x00
    magnitude = min(sample if sample >= 0 else -sample - 1, FULL_SCALE - 1) >> 4
    if magnitude < 16:
        code = magnitude
    else:
        exponent = magnitude.bit_length() - 5
        code = (exponent + 1) << 4 | (magnitude >> exponent) & 0x0F
    return (sign | code) ^ 0x55


def decode_byte(byte: int) -> int:
    """The 16-bit sample in the middle of the byte's interval."""
    code = byte ^ 0x55
    exponent, mantissa = (code >> 4) & 0x07, code & 0x0F
    magnitude = (mantissa << 4) + 8
    if exponent:
        magnitude = (magnitude + 0x100) << (exponent - 1)
    return magnitude if code & 0x80 else -magnitude


PCM_OF: tuple[int, ...] = tuple(decode_byte(byte) for byte in range(256))
"""The sample of every A-law byte."""


def encode(samples: array[int]) -> bytes:
    """A-law of 16-bit samples."""
    return bytes(map(encode_sample, samples))


def decode(data: bytes) -> array[int]:
    """16-bit samples of A-law."""
    return array("h", map(PCM_OF.__getitem__, data))


@lru_cache(maxsize=64)
def tone(hz: int, level_dbfs: float = TONE_LEVEL_DBFS) -> tuple[bytes, ...]:
    """One second of a steady tone in frames of 20 ms, seamless when repeated.

    `hz` is a whole number, 0 < hz < 4000; the level is RMS, a full-scale sine is -3 dBFS.
    """
    amplitude = FULL_SCALE * math.sqrt(2) * 10 ** (level_dbfs / 20)
    turn = 2 * math.pi * hz / RATE_HZ
    wave = array("h", (round(amplitude * math.sin(turn * n)) for n in range(RATE_HZ)))
    return frames(encode(wave))


def frames(data: bytes) -> tuple[bytes, ...]:
    """A-law cut into frames of 20 ms, the last one padded with silence."""
    padded = data + bytes([SILENCE_BYTE]) * (-len(data) % FRAME_SAMPLES)
    return tuple(
        padded[start : start + FRAME_SAMPLES] for start in range(0, len(padded), FRAME_SAMPLES)
    )


SILENCE: tuple[bytes, ...] = (bytes([SILENCE_BYTE]) * FRAME_SAMPLES,)
"""A microphone that hears nothing: packets flow, no sound."""
