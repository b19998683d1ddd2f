"""Finds the audio of a sentence, and says what is wrong with it.

A clip lives in `<folder>/<language>/<clip id>.al` (8 kHz A-law, no header), its slower variant
beside it in `<clip id>-slow.al`; the first folder that has the clip wins.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from ivr.core.menu import Clip
from ivr.core.pronounce import spoken
from ivr.prompt_manifest import (
    SLOW,
    BadManifest,
    Entry,
    Manifest,
    audio_hash,
    clip_name,
    read_manifest,
)
from ivr.wav import (
    CLIP_SUFFIX,
    EDGE_SILENCE_MS_MAX,
    PEAK_DB_MAX,
    RATE,
    RMS_DB_RANGE,
    BadWav,
    Levels,
    clip_samples,
    measure,
)

__all__ = ["SHIPPED", "BadManifest", "PromptLibrary", "level_fault", "search_folders"]

SHIPPED = Path(__file__).resolve().parent.parent / "dialplans" / "prompts"

CHARACTERS_PER_S = (6, 25)
SHORT_WORD_GRACE_MS = 700  # one word said slowly, with its edges


class PromptLibrary:
    """The audio of all sentences, in a few folders of which the first wins.

    Raises `BadManifest` when a folder's `prompts.json` cannot be read. What was there at that
    time is known by heart; files that come later are found too, and measured when asked about.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders: tuple[Path, ...] = tuple(
            dict.fromkeys(folder.resolve() for folder in folders)
        )
        self._manifests: tuple[tuple[str, Manifest], ...] = tuple(
            (str(folder), read_manifest(folder)) for folder in self.folders
        )

    def path(self, clip: Clip, *, is_slow: bool = False) -> str | None:
        """The absolute path without ending, as Asterisk wants it; None when there is no file.

        `is_slow` asks for the slower variant; a clip that has none is played as it is.
        """
        found = self._find(clip)
        if found is None:
            return None
        stem = found[0].removesuffix(CLIP_SUFFIX)
        if is_slow and os.path.isfile(f"{stem}{SLOW}{CLIP_SUFFIX}"):
            return stem + SLOW
        return stem

    def file(self, clip: Clip) -> Path | None:
        """The file of a clip in the first folder that has one."""
        found = self._find(clip)
        return None if found is None else Path(found[0])

    def ms(self, clip: Clip) -> int | None:
        """How long a clip sounds; None when there is no file."""
        found = self._find(clip)
        return None if found is None else found[1].st_size * 1000 // RATE

    def entry(self, clip: Clip) -> Entry | None:
        """What was written about the file that would be played; None for one put there since."""
        found = self._find(clip)
        if found is None:
            return None
        path, status, manifest = found
        name = clip_name(clip)
        entry = manifest.trusted(name, status.st_size, status.st_mtime_ns)
        if entry is None and (entry := manifest.entries.get(name)) is not None:
            return entry if _hash_of(path) == entry.audio else None
        return entry

    def problem(self, clip: Clip) -> str | None:
        """Why a clip must not be played, with the remedy; None when it is sound.

        The words of `ivr check` (rule E14) and of the check at start, after "cannot be played: ".
        """
        found = self._find(clip)
        if found is None:
            return "it has no audio; run 'ivr prompts build', or record it"
        try:
            entry = self.entry(clip)
            levels = entry.levels if entry is not None else _measured(found[0])
            fault = level_fault(clip, levels)
        except BadWav as error:
            fault = str(error)
        return None if fault is None else f"{fault}; replace {found[0]}"

    def _find(self, clip: Clip) -> tuple[str, os.stat_result, Manifest] | None:
        name = clip_name(clip)
        for folder, manifest in self._manifests:
            path = f"{folder}/{name}{CLIP_SUFFIX}"
            try:
                return path, os.stat(path), manifest
            except OSError:
                continue
        return None


def search_folders(dialplans: Path, config: Path) -> tuple[Path, ...]:
    """Where prompts are looked for: next to the menus, next to the settings, then the shipped."""
    return (dialplans / "prompts", config / "prompts", SHIPPED)


def level_fault(clip: Clip, levels: Levels) -> str | None:
    """What the ear would object to, in numbers; None when it would not."""
    slowest, fastest = CHARACTERS_PER_S
    length = len(spoken(clip.language, clip.text))
    ms_range = (length * 1000 // fastest, length * 1000 // slowest + SHORT_WORD_GRACE_MS)
    if not ms_range[0] <= levels.ms <= ms_range[1]:
        lo, hi = (f"{ms / 1000:.1f}" for ms in ms_range)
        return f"it lasts {levels.ms / 1000:.1f} s, and its text takes {lo} to {hi} s"
    if not RMS_DB_RANGE[0] <= levels.rms_db <= RMS_DB_RANGE[1]:
        loudness = "quiet" if levels.rms_db < RMS_DB_RANGE[0] else "loud"
        return f"it is too {loudness} (RMS {levels.rms_db} dBFS, must be -24 to -16)"
    if levels.peak_db > PEAK_DB_MAX:
        return f"its peaks clip ({levels.peak_db} dBFS, at most {PEAK_DB_MAX})"
    if levels.edge_silence_ms > EDGE_SILENCE_MS_MAX:
        return f"it has {levels.edge_silence_ms} ms of silence at an edge (at most 400)"
    return None


def _hash_of(path: str) -> str | None:
    try:
        return audio_hash(Path(path).read_bytes())
    except OSError:
        return None


def _measured(path: str) -> Levels:
    try:
        return measure(clip_samples(Path(path).read_bytes()))
    except OSError as error:
        raise BadWav(f"it cannot be read ({error.strerror})") from error
