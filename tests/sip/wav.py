"""WAV files: 16-bit, mono, 8 kHz."""

from __future__ import annotations

import sys
import wave
from array import array
from pathlib import Path

from .alaw import RATE_HZ


def write_wav(path: Path, samples: array[int]) -> None:
    """Write 16-bit samples at 8 kHz."""
    data = array("h", samples)
    if sys.byteorder == "big":
        data.byteswap()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(data.tobytes())
