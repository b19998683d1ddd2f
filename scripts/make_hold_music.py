"""Writes the music that callers wait with: our own piece, so nobody has rights in it.

    python scripts/make_hold_music.py dialplans/music/hold.wav

Sixteen slow bars in F that end where they begin: every note that rings past the end rings on at
the start, so the loop has no seam. A telephone carries 300 to 3400 Hz and A-law adds noise to
quiet sounds, so everything is mid-range, warm and of even loudness. The fundamentals stay low and
no partial dominates: the tests of this project tell parties apart by pure tones at 500 to
1500 Hz, and music must not be taken for one.
"""

import math
import sys
import wave
from array import array
from pathlib import Path

RATE = 8000
BEAT_S = 0.75
BEATS_IN_BAR = 4
RMS_DBFS = -23.0
FULL_SCALE = 32767

# One bar each: bass, the chord of the strings, and the six notes of the picked pattern (MIDI).
BARS = (
    (53, (57, 60, 64), (53, 60, 64, 69, 64, 60)),  # F maj7
    (52, (55, 60, 64), (52, 60, 64, 67, 64, 60)),  # C / E
    (50, (57, 60, 65), (50, 57, 62, 65, 69, 65)),  # D m7
    (57, (55, 60, 64), (57, 60, 64, 67, 64, 60)),  # A m7
    (58, (57, 62, 65), (58, 62, 65, 69, 65, 62)),  # B flat maj7
    (57, (53, 60, 65), (57, 60, 65, 69, 65, 60)),  # F / A
    (55, (58, 62, 65), (55, 62, 65, 70, 65, 62)),  # G m7
    (48, (55, 58, 65), (48, 60, 65, 67, 65, 60)),  # C 7 sus
    (53, (57, 60, 65), (53, 60, 65, 69, 72, 69)),  # F
    (57, (55, 60, 64), (57, 60, 64, 69, 67, 64)),  # A m7
    (58, (57, 62, 65), (58, 65, 69, 70, 69, 65)),  # B flat maj7
    (48, (55, 60, 64), (48, 60, 64, 67, 72, 67)),  # C
    (50, (57, 60, 65), (50, 62, 65, 69, 65, 62)),  # D m7
    (58, (57, 62, 65), (58, 62, 65, 70, 69, 65)),  # B flat maj7
    (55, (58, 62, 67), (55, 62, 67, 70, 67, 62)),  # G m
    (48, (55, 58, 64), (48, 58, 64, 67, 64, 60)),  # C 7
)
PICKED_AT = (0.0, 1.0, 1.5, 2.0, 2.5, 3.0)  # beats; the first note of a bar may ring

LENGTH = round(len(BARS) * BEATS_IN_BAR * BEAT_S * RATE)

PICKED = ((1, 1.0), (2, 0.42), (3, 0.2), (4, 0.1), (5, 0.05))  # (partial, strength)
BASS = ((1, 1.0), (2, 0.6), (3, 0.22))
STRINGS = ((1, 1.0), (2, 0.3), (3, 0.16), (4, 0.06))


def main(target: Path) -> None:
    """Compose, mix and write."""
    mix = array("d", bytes(8 * LENGTH))
    bar_s = BEATS_IN_BAR * BEAT_S
    for number, (bass, chord, pattern) in enumerate(BARS):
        at_s = number * bar_s
        add_picked(mix, at_s, bass, BASS, loudness=0.75, ring_s=1.4)
        for note in chord:
            add_strings(mix, at_s, note, bar_s, loudness=0.34)
        for index, (beat, note) in enumerate(zip(PICKED_AT, pattern, strict=True)):
            loudness = 0.62 if index == 0 else 0.5
            add_picked(mix, at_s + beat * BEAT_S, note, PICKED, loudness=loudness, ring_s=0.75)
    write(target, levelled(with_room(mix)))


def hertz(note: int) -> float:
    """The pitch of a MIDI note; 69 is the A of 440 Hz."""
    return float(440.0 * 2 ** ((note - 69) / 12))


def add_picked(
    mix: "array[float]",
    at_s: float,
    note: int,
    partials: tuple[tuple[int, float], ...],
    *,
    loudness: float,
    ring_s: float,
) -> None:
    """A soft pluck: 8 ms to speak, then a decay in which high partials go first."""
    start, size = round(at_s * RATE), round(4 * ring_s * RATE)
    for partial, strength in partials:
        step = 2 * math.pi * hertz(note) * partial * (1 + 0.0004 * partial**2) / RATE
        decay = math.exp(-(0.6 + 0.4 * partial) / (ring_s * RATE))
        level = loudness * strength
        for index in range(size):
            rise = min(1.0, index / 64)
            fall = min(1.0, (size - index) / 400)
            mix[(start + index) % LENGTH] += level * rise * fall * math.sin(step * index)
            level *= decay


def add_strings(
    mix: "array[float]", at_s: float, note: int, length_s: float, *, loudness: float
) -> None:
    """Two players a little apart in pitch, swelling in and fading into the next chord."""
    fade = round(0.9 * RATE)
    start, size = round(at_s * RATE) - fade // 2, round(length_s * RATE) + fade
    for detune, phase in ((0.9985, 0.0), (1.0017, 1.9)):
        for partial, strength in STRINGS:
            step = 2 * math.pi * hertz(note) * partial * detune / RATE
            level = 0.5 * loudness * strength
            for index in range(size):
                edge = min(1.0, index / fade, (size - index) / fade)
                swell = math.sin(0.5 * math.pi * edge)
                mix[(start + index) % LENGTH] += level * swell * math.sin(phase + step * index)


def with_room(mix: "array[float]") -> "array[float]":
    """A few soft echoes, going round the end of the loop like everything else."""
    room = array("d", mix)
    for delay_s, level in ((0.083, 0.22), (0.197, 0.16), (0.311, 0.11), (0.449, 0.07)):
        delay = round(delay_s * RATE)
        for index in range(LENGTH):
            room[index] += level * mix[index - delay]
    return room


def levelled(mix: "array[float]") -> "array[int]":
    """To -23 dBFS RMS, a little below speech, with a soft ceiling."""
    rms = math.sqrt(sum(sample * sample for sample in mix) / LENGTH)
    gain = 10 ** (RMS_DBFS / 20) / rms
    return array("h", [round(FULL_SCALE * 0.5 * math.tanh(2 * gain * sample)) for sample in mix])


def write(target: Path, samples: "array[int]") -> None:
    """8 kHz, mono, 16-bit: what Asterisk plays without converting."""
    if sys.byteorder == "big":
        samples.byteswap()
    target.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(target), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make_hold_music.py TARGET.wav")
    main(Path(sys.argv[1]))
