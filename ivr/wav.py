"""Sound: files of 8 kHz, mono, A-law (what callers hear) or 16-bit WAV; levels, trimming.

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

from ivr.alaw import Samples, decode, encode

RATE = 8000
CLIP_SUFFIX = ".al"  # of the names Asterisk knows for A-law, the one sox knows too
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
_OTHER_KINDS = {
    b"RIFF": "a WAV file",
    b"OggS": "an Ogg file",
    b"fLaC": "a FLAC file",
    b"ID3": "an MP3 file",
}


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


def read_clip(path: Path) -> Samples:
    """The samples of an A-law file. Raises `BadWav` for what is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadWav(f"it cannot be read ({error.strerror})") from error
    return clip_samples(data)


def clip_samples(data: bytes) -> Samples:
    """The samples of an A-law file's bytes. Raises `BadWav` when they are another kind of file."""
    if not data:
        raise BadWav("the file is empty")
    kind = next((kind for head, kind in _OTHER_KINDS.items() if data.startswith(head)), None)
    if kind is not None:
        raise BadWav(f"it is {kind} instead of A-law without a header")
    return decode(data)


def clip_bytes(samples: Samples) -> bytes:
    """What an A-law file of these samples holds."""
    return encode(samples)


def write_clip(path: Path, data: bytes) -> None:
    """Put a file in place at once: a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(data)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


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
    """Speech as every prompt has it: short quiet edges, RMS -20 dBFS, peaks tamed."""
    first, last = _loud_span(samples)
    if first == last:
        raise BadWav("it holds only silence")
    gain = _from_db(RMS_TARGET_DB) / _rms(samples[first:last])
    first, last = _loud_span(samples, gain)
    first, last = first - _KEEP_BEFORE_MS * RATE // 1000, last + _KEEP_AFTER_MS * RATE // 1000
    body = [
        *([0] * -min(0, first)),
        *samples[max(0, first) : last],
        *([0] * max(0, last - len(samples))),
    ]
    louder = [0.0]
    for _ in range(4):  # limiting takes a little loudness away again
        louder = _limited(body, gain)
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


def _limited(samples: list[int], gain: float) -> list[float]:
    """Above the knee the curve bends, and it never passes the limit."""
    room = _LIMIT - _KNEE
    louder = [sample * gain for sample in samples]
    for at, sample in enumerate(louder):
        if not -_KNEE <= sample <= _KNEE:
            bent = _KNEE + room * math.tanh((abs(sample) - _KNEE) / room)
            louder[at] = math.copysign(bent, sample)
    return louder


def _rms(samples: Samples | list[float]) -> float:
    return math.sqrt(sum(map(mul, samples, samples)) / len(samples)) if samples else 0.0


def _db(size: float) -> float:
    return 20 * math.log10(size / _FULL_SCALE) if size > 0.3 else -100.0


def _from_db(level_db: float) -> float:
    return float(_FULL_SCALE * 10 ** (level_db / 20))
