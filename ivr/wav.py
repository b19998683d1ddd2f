"""Sound files of the one kind that Asterisk plays without converting: 8 kHz, mono, 16-bit WAV.

Levels are in dBFS, measured over the whole file. The targets are those of 102 recordings of a
human Russian prompt set: mean RMS -20, peaks to -2.
"""

import math
import os
import sys
import wave
from array import array
from dataclasses import dataclass
from operator import mul
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Samples = array[int]
else:  # Python 3.11 cannot subscript it
    Samples = array

RATE = 8000
RMS_TARGET_DB = -20.0
RMS_DB_RANGE = (-24.0, -16.0)
PEAK_DB_MAX = -1.0
EDGE_SILENCE_MS_MAX = 400

_FULL_SCALE = 32768.0
_FRAME = 80  # samples, 10 ms
_SILENCE_DB = -48.0
_PAUSE_DB, _PAUSE_FRAMES_MAX = -42.0, 12
_KEEP_BEFORE_MS, _KEEP_AFTER_MS = 80, 110
_LIMIT = _FULL_SCALE * 10 ** (-2.3 / 20)
_KNEE = _FULL_SCALE * 10 ** (-7.0 / 20)
_FADE = 40  # samples, 5 ms: no click at an edge


class BadWav(Exception):
    """Not a sound file that can be played; the message says what it is and what it must be."""


@dataclass(frozen=True, slots=True)
class Levels:
    """What a file measures. Digital silence has an RMS and a peak of -100 dBFS."""

    ms: int
    rms_db: float
    peak_db: float
    edge_silence_ms: int


def read_wav(path: Path) -> Samples:
    """The samples of a file. Raises `BadWav` for anything that is not 8 kHz mono 16-bit WAV."""
    try:
        if path.stat().st_size == 0:
            raise BadWav("the file is empty")
        with wave.open(str(path), "rb") as source:
            rate, channels, bits = (
                source.getframerate(),
                source.getnchannels(),
                source.getsampwidth() * 8,
            )
            if (rate, channels, bits) != (RATE, 1, 16):
                tracks = "mono" if channels == 1 else f"{channels} channels"
                raise BadWav(
                    f"it is {rate} Hz, {tracks}, {bits}-bit instead of 8000 Hz, mono, 16-bit"
                )
            samples = array("h")
            data = source.readframes(source.getnframes())
    except (wave.Error, EOFError) as error:
        raise BadWav(f"it is not a PCM WAV file ({error or 'it ends too early'})") from error
    except OSError as error:
        raise BadWav(f"it cannot be read ({error.strerror})") from error
    samples.frombytes(data[: len(data) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    if not samples:
        raise BadWav("it holds no sound")
    return samples


def write_wav(path: Path, samples: Samples) -> None:
    """Put the samples in place at once: a reader sees the old file or the new one."""
    little = array("h", samples)
    if sys.byteorder == "big":
        little.byteswap()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with wave.open(str(unfinished), "wb") as target:
            target.setnchannels(1)
            target.setsampwidth(2)
            target.setframerate(RATE)
            target.writeframes(little.tobytes())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def measure(samples: Samples) -> Levels:
    """Length and levels. An edge is silent until a 10 ms frame is above -48 dBFS."""
    first, last = _loud_span(samples)
    tail = len(samples) - last
    return Levels(
        ms=len(samples) * 1000 // RATE,
        rms_db=round(_db(_rms(samples)), 1),
        peak_db=round(_db(max(max(samples, default=0), -min(samples, default=0))), 1),
        edge_silence_ms=max(first, tail) * 1000 // RATE,
    )


def shaped(samples: Samples) -> Samples:
    """Speech as every prompt has it: no dead air at the edges, RMS -20 dBFS, peaks tamed."""
    first, last = _loud_span(samples)
    if first == last:
        raise BadWav("it holds only silence")
    gain = _from_db(RMS_TARGET_DB) / _rms(samples[first:last])
    first, last = _loud_span(samples, gain)
    first = max(0, first - _KEEP_BEFORE_MS * RATE // 1000)
    last = min(len(samples), last + _KEEP_AFTER_MS * RATE // 1000)
    body = [float(sample) for sample in samples[first:last]]
    louder = [0.0]
    for _ in range(4):  # limiting takes a little loudness away again
        louder = [_limited(sample * gain) for sample in body]
        gain *= _from_db(RMS_TARGET_DB) / _rms(louder)
    for index in range(min(_FADE, len(louder))):
        louder[index] *= index / _FADE
        louder[-1 - index] *= index / _FADE
    return array("h", [round(sample) for sample in louder])


def tightened(samples: Samples) -> Samples:
    """The same speech with no pause inside longer than 120 ms: for what must be short."""
    frames = [samples[at : at + _FRAME] for at in range(0, len(samples), _FRAME)]
    threshold = _from_db(_PAUSE_DB)
    kept = Samples("h")
    silent_count = 0
    for frame in frames:
        silent_count = 0 if _rms(frame) > threshold else silent_count + 1
        if silent_count <= _PAUSE_FRAMES_MAX:
            kept.extend(frame)
    return kept


def _loud_span(samples: Samples, gain: float = 1.0) -> tuple[int, int]:
    """From the first to past the last sample that is not silence; equal when all is silence."""
    threshold = _from_db(_SILENCE_DB) / gain
    loud = [
        at for at in range(0, len(samples), _FRAME) if _rms(samples[at : at + _FRAME]) > threshold
    ]
    return (loud[0], min(len(samples), loud[-1] + _FRAME)) if loud else (0, 0)


def _limited(sample: float) -> float:
    """Above the knee the curve bends, and it never passes the limit."""
    size, room = abs(sample), _LIMIT - _KNEE
    if size <= _KNEE:
        return sample
    return math.copysign(_KNEE + room * math.tanh((size - _KNEE) / room), sample)


def _rms(samples: Samples | list[float]) -> float:
    return math.sqrt(sum(map(mul, samples, samples)) / len(samples)) if samples else 0.0


def _db(size: float) -> float:
    return 20 * math.log10(size / _FULL_SCALE) if size > 0.3 else -100.0


def _from_db(level_db: float) -> float:
    return float(_FULL_SCALE * 10 ** (level_db / 20))
