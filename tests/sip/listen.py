"""What was heard, and when: a recording cut into windows, each searched for known tones.

A window holds a tone when the tone carries at least `share_min` of the window's power. The
power at one frequency is a single DFT bin, what Goertzel's recurrence computes; here as two
dot products, because `sum(map(mul, ...))` is several times faster in CPython. Equal windows
are computed once: a steady tone repeats the same A-law bytes.

Sound is placed by arrival, as behind a phone's jitter buffer: packets near their turn follow
each other without a seam, one later than `_LATE_MS` leaves a hole of silence, and one more
than `_EARLY_MS` ahead of its turn (a burst after a stall) is thrown away.
"""

from __future__ import annotations

import asyncio
import math
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from operator import mul
from pathlib import Path

from .alaw import FULL_SCALE, PCM_OF, RATE_HZ, SILENCE_BYTE, decode
from .events import PhoneTimeout
from .rtp import Packet, Recording
from .sdp import PCMA
from .udp import now_ms
from .wav import write_wav

SILENCE = "silence"
OTHER = "other"
Sound = int | str
"""A tone in Hz, or `SILENCE`, or `OTHER` for sound that is none of the known tones."""

SILENCE_DBFS = -50.0
"""Below it a window is silent; A-law's own idle noise is at -72 dBFS."""

_SAMPLES_PER_MS = RATE_HZ // 1_000
_LATE_MS = 40
_EARLY_MS = 60
_LIVE_WINDOW_MS = 300
_FLOOR_DBFS = -100.0


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time, end excluded."""

    start_ms: int
    end_ms: int

    @property
    def ms(self) -> int:
        """Its length."""
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Window:
    """One window: its RMS level and the known tones in it, strongest first."""

    start_ms: int
    level_dbfs: float
    tones: tuple[int, ...]


class Hearing:
    """What one phone heard in one call. Edges are exact to half a window."""

    def __init__(
        self,
        packets: Iterable[Packet],
        tones: Sequence[int],
        *,
        window_ms: int = 20,
        share_min: float = 0.5,
    ) -> None:
        audio = [packet for packet in packets if packet.payload_type == PCMA]
        self.arrivals_ms = [packet.at_ms for packet in audio]
        self.start_ms = audio[0].at_ms if audio else 0
        self.alaw = _timeline(audio)
        self.window_ms = window_ms
        self.windows = _windows(self.alaw, self.start_ms, tuple(tones), window_ms, share_min)

    @property
    def end_ms(self) -> int:
        """The end of the last packet's sound."""
        return self.start_ms + len(self.alaw) // _SAMPLES_PER_MS

    def intervals(self, hz: int) -> list[Interval]:
        """Where this tone is heard."""
        return self._runs([hz in window.tones for window in self.windows])

    def silences(self, at_least_ms: int = 0) -> list[Interval]:
        """Where nothing is heard: silent packets and missing ones alike."""
        runs = self._runs([window.level_dbfs < SILENCE_DBFS for window in self.windows])
        return [run for run in runs if run.ms >= at_least_ms]

    def first(self, hz: int, *, at_least_ms: int = 60, after_ms: int = 0) -> int | None:
        """When this tone is first heard for `at_least_ms` on end, at `after_ms` or later."""
        for run in self.intervals(hz):
            start = max(run.start_ms, after_ms)
            if run.end_ms - start >= at_least_ms:
                return start
        return None

    def last(self, hz: int) -> int | None:
        """The end of the last interval of this tone."""
        runs = self.intervals(hz)
        return runs[-1].end_ms if runs else None

    def longest_gap(self, hz: int, from_ms: int, to_ms: int) -> int:
        """The longest stretch without this tone between two times, the edges included."""
        return _longest_gap(self.intervals(hz), from_ms, to_ms)

    def longest_silence(self, from_ms: int, to_ms: int) -> int:
        """The longest stretch between two times in which nothing at all is heard."""
        sounding = [window.level_dbfs >= SILENCE_DBFS for window in self.windows]
        return _longest_gap(self._runs(sounding), from_ms, to_ms)

    def longest_packet_gap(self, from_ms: int, to_ms: int) -> int:
        """The longest time between two packets, whatever they held; 20 is no gap."""
        inside = [at for at in self.arrivals_ms if from_ms <= at <= to_ms]
        edges = [from_ms, *inside, to_ms]
        return max(after - before for before, after in pairwise(edges))

    def at(self, at_ms: int) -> Sound:
        """What is heard at this time: the strongest known tone, `OTHER` or `SILENCE`."""
        window = self._window(at_ms)
        if window is None or window.level_dbfs < SILENCE_DBFS:
            return SILENCE
        return window.tones[0] if window.tones else OTHER

    def level_dbfs(self, at_ms: int) -> float:
        """RMS level of the window at this time; -100 where there is none."""
        window = self._window(at_ms)
        return _FLOOR_DBFS if window is None else window.level_dbfs

    def story(self) -> list[tuple[Sound, Interval]]:
        """The whole call as successive sounds: the thing to print when a test fails."""
        told: list[tuple[Sound, Interval]] = []
        for window in self.windows:
            sound, end = self.at(window.start_ms), window.start_ms + self.window_ms
            if told and told[-1][0] == sound:
                told[-1] = (sound, Interval(told[-1][1].start_ms, end))
            else:
                told.append((sound, Interval(window.start_ms, end)))
        return told

    def save(self, path: Path) -> None:
        """Write what was heard as a WAV file, gaps included."""
        write_wav(path, decode(self.alaw))

    def _window(self, at_ms: int) -> Window | None:
        index = (at_ms - self.start_ms) // self.window_ms
        return self.windows[index] if 0 <= index < len(self.windows) else None

    def _runs(self, flags: list[bool]) -> list[Interval]:
        runs: list[Interval] = []
        for window, flag in zip(self.windows, flags, strict=True):
            end = window.start_ms + self.window_ms
            if flag and runs and runs[-1].end_ms == window.start_ms:
                runs[-1] = Interval(runs[-1].start_ms, end)
            elif flag:
                runs.append(Interval(window.start_ms, end))
        return runs


async def wait_until_heard(
    recording: Recording,
    sound: Sound,
    *,
    tones: Sequence[int],
    at_least_ms: int,
    timeout_ms: int,
    share_min: float,
) -> int:
    """Wait for a sound in what arrives from now on; see `Call.hears`."""
    known = [*tones, sound] if isinstance(sound, int) else list(tones)
    begin_ms = now_ms()
    try:
        async with asyncio.timeout(timeout_ms / 1_000):
            while True:
                await recording.more()
                recent_ms = max(begin_ms, now_ms() - _LIVE_WINDOW_MS - at_least_ms)
                heard_now = Hearing(recording.packets(recent_ms), known, share_min=share_min)
                for heard, interval in heard_now.story():
                    if heard == sound and interval.ms >= at_least_ms:
                        return interval.start_ms
    except TimeoutError:
        everything = Hearing(recording.packets(), known, share_min=share_min).story()
        story = [(heard, run.start_ms - begin_ms, run.ms) for heard, run in everything[-30:]]
        text = f"{sound} not heard in {timeout_ms} ms; heard (sound, start, length): {story}"
        raise PhoneTimeout(text) from None


def _longest_gap(heard: list[Interval], from_ms: int, to_ms: int) -> int:
    """The longest part of [from_ms, to_ms) outside the intervals, which are in order."""
    longest, covered = 0, from_ms
    first = max(0, bisect_right(heard, from_ms, key=lambda run: run.start_ms) - 1)
    for run in heard[first:]:
        if run.start_ms >= to_ms:
            break
        longest = max(longest, run.start_ms - covered)
        covered = max(covered, run.end_ms)
    return max(longest, to_ms - covered)


def _timeline(audio: list[Packet]) -> bytes:
    """The A-law bytes as a listener hears them, silence where nothing came in time."""
    line = bytearray()
    if not audio:
        return b""
    start_ms = audio[0].at_ms
    seen: set[tuple[int, int]] = set()
    for packet in audio:
        if (packet.ssrc, packet.sequence) in seen:
            continue
        if len(seen) > 1_000:
            seen.clear()
        seen.add((packet.ssrc, packet.sequence))
        hole = (packet.at_ms - start_ms) * _SAMPLES_PER_MS - len(line)
        if hole < -_EARLY_MS * _SAMPLES_PER_MS:
            continue
        if hole > _LATE_MS * _SAMPLES_PER_MS:
            line += bytes([SILENCE_BYTE]) * hole
        line += packet.payload
    return bytes(line)


def _windows(
    alaw: bytes, start_ms: int, tones: tuple[int, ...], window_ms: int, share_min: float
) -> list[Window]:
    size = window_ms * _SAMPLES_PER_MS
    known: dict[bytes, tuple[float, tuple[int, ...]]] = {}
    windows: list[Window] = []
    for index in range(len(alaw) // size):
        data = alaw[index * size : (index + 1) * size]
        found = known.get(data)
        if found is None:
            found = known[data] = analyse(data, tones, share_min)
        windows.append(Window(start_ms + index * window_ms, *found))
    return windows


def analyse(alaw: bytes, tones: tuple[int, ...], share_min: float) -> tuple[float, tuple[int, ...]]:
    """RMS level in dBFS of some A-law, and the tones with at least this share of its power."""
    samples = list(map(PCM_OF.__getitem__, alaw))
    size = len(samples)
    energy = sum(map(mul, samples, samples))
    level = 10 * math.log10(energy / size / FULL_SCALE**2) if energy else _FLOOR_DBFS
    if level < SILENCE_DBFS:
        return level, ()
    shares: list[tuple[float, int]] = []
    for hz in tones:
        cosine, sine = _reference(hz, size)
        real, imaginary = sum(map(mul, samples, cosine)), sum(map(mul, samples, sine))
        share = 2 * (real * real + imaginary * imaginary) / (size * energy)
        if share >= share_min:
            shares.append((share, hz))
    return level, tuple(hz for _, hz in sorted(shares, reverse=True))


@lru_cache(maxsize=256)
def _reference(hz: int, size: int) -> tuple[array[float], array[float]]:
    turn = 2 * math.pi * hz / RATE_HZ
    return (
        array("d", (math.cos(turn * n) for n in range(size))),
        array("d", (math.sin(turn * n) for n in range(size))),
    )
