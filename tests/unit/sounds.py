"""Audio for the sentences of a test: noise as long and as loud as speech would be."""

import random
from array import array
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from ivr.core.menu import Clip, Dialplan
from ivr.core.pronounce import spoken
from ivr.core.speech import all_clips, clip_id
from ivr.wav import RATE, clip_bytes, write_clip

LOUDNESS = 5600  # of even noise: RMS -20 dBFS
CHARACTERS_PER_S = 14


def noise(clip: Clip) -> bytes:
    """The same for the same sentence, and like that of no other; A-law, as it is kept."""
    count = RATE * max(4, len(spoken(clip.language, clip.text))) // CHARACTERS_PER_S
    return random.Random(f"{clip.language} {clip.text}").randbytes(count).translate(_codes())


def speak(folder: Path, clips: Iterable[Clip]) -> None:
    """Put audio of these clips into a folder of prompts."""
    for clip in clips:
        write_clip(folder / clip.language / f"{clip_id(clip)}.al", noise(clip))


def speak_plan(folder: Path, plan: Dialplan) -> None:
    """All that a menu says."""
    speak(folder, all_clips(plan))


@cache
def _codes() -> bytes:
    """256 loudnesses, evenly spread."""
    levels = array("h", (LOUDNESS * (2 * number - 255) // 255 for number in range(256)))
    return clip_bytes(levels)
