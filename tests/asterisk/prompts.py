"""Recognises the menu's own sentences in what a phone has heard.

A prompt is kept as it goes over the line, so that a stretch of it is found in the received sound
byte for byte; other speech cannot be mistaken for it.
"""

import asyncio
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from acd.problems import Problems
from acd.settings_files import load_settings
from ivr.core import speech
from ivr.core.menu import Clip, Dialplan
from ivr.core.speech import Opening
from ivr.dialplan import load_dialplans
from ivr.prompt_library import SHIPPED, PromptLibrary
from ivr.wav import CLIP_SUFFIX
from tests.asterisk.centre import MENU, ROOT
from tests.sip import Call, Hearing
from tests.sip.alaw import SILENCE_BYTE
from tests.unit.sounds import noise

PIECE = 480
"""Bytes of one fingerprint: 60 ms."""
BYTES_PER_MS = 8
NEAR_MS = 400
"""Pieces whose beginnings differ by less belong to one playing, late packets in between."""


@lru_cache
def menu(place: Path = MENU) -> Dialplan:
    """The menu of a folder or a file."""
    return next(iter(load_dialplans([place], Problems(), config=ROOT / "config").values()))


def opening(node: str, language: str, how: Opening = "intro", plan: Dialplan | None = None) -> Clip:
    """The sentence a node of the menu begins with."""
    plan = plan or menu()
    sounds = speech.opening_of_menu(plan, plan.nodes[node], language, how)
    return next(sound for sound in sounds if isinstance(sound, Clip))


@lru_cache
def said(phrase: str, language: str) -> Clip:
    """One of the system's own phrases, of phrases.yaml."""
    settings = load_settings(ROOT / "config", Problems())
    assert settings is not None
    return Clip(language, settings.phrases[phrase][language])


def times_heard(call: Call, clip: Clip, *, is_slow: bool = False) -> list[int]:
    """When each playing of the sentence began, in the phone's milliseconds."""
    return _times(call.hearing([]), clip, is_slow)


def last_heard(call: Call, clip: Clip) -> int:
    """The end of the last piece of the sentence that was heard."""
    hearing, ends = call.hearing([]), []
    for _, piece in _pieces(clip):
        at = hearing.alaw.rfind(piece)
        if at >= 0:
            ends.append(hearing.start_ms + (at + PIECE) // BYTES_PER_MS)
    return max(ends)


async def hears_prompt(call: Call, clip: Clip, *, times: int = 1, timeout_s: float = 15) -> int:
    """Wait until the sentence has been played so often in this call; when it began last."""
    try:
        async with asyncio.timeout(timeout_s):
            while len(found := times_heard(call, clip)) < times:
                await asyncio.sleep(0.05)
    except TimeoutError:
        heard = ", ".join(f"{sound} {run.ms} ms" for sound, run in call.hearing([]).story()[-20:])
        raise AssertionError(f"{clip} was not heard {times} times; heard: {heard}") from None
    return found[-1]


def _times(hearing: Hearing, clip: Clip, is_slow: bool = False) -> list[int]:
    """A playing counts when two pieces of its first second were heard where they belong."""
    starts = sorted(
        hearing.start_ms + (at - offset) // BYTES_PER_MS
        for offset, piece in _pieces(clip, is_slow)
        if offset < 1000 * BYTES_PER_MS
        for at in _places(hearing.alaw, piece)
    )
    pairs = [early for early, late in pairwise(starts) if late - early <= NEAR_MS]
    return [start for before, start in pairwise([-NEAR_MS * 2, *pairs]) if start - before > NEAR_MS]


def _places(heard: bytes, piece: bytes) -> Iterator[int]:
    at = heard.find(piece)
    while at >= 0:
        yield at
        at = heard.find(piece, at + 1)


@lru_cache
def _pieces(clip: Clip, is_slow: bool = False) -> tuple[tuple[int, bytes], ...]:
    """Stretches of the sentence with their places; silent ones say nothing and are left out."""
    path = PromptLibrary([SHIPPED]).path(clip, is_slow=is_slow)
    data = Path(path + CLIP_SUFFIX).read_bytes() if path is not None else noise(clip)
    pieces = [(start, data[start : start + PIECE]) for start in range(0, len(data) - PIECE, PIECE)]
    quiet = {SILENCE_BYTE, SILENCE_BYTE ^ 0x80, SILENCE_BYTE ^ 1}
    return tuple((start, piece) for start, piece in pieces if len(set(piece) - quiet) > 20)
