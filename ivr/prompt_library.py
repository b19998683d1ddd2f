"""Finds the audio of a sentence, and says what is wrong with it.

A clip lives in `<folder>/<language>/<clip id>.wav`; the first folder that has it wins. Each folder
keeps a `prompts.json` that says which file speaks which sentence. The program writes drafts; a
file that somebody put in a draft's place is a recording, and no build touches it.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ivr.core.menu import Clip
from ivr.core.pronounce import spoken
from ivr.core.speech import clip_id, normalised
from ivr.wav import (
    EDGE_SILENCE_MS_MAX,
    PEAK_DB_MAX,
    RMS_DB_RANGE,
    BadWav,
    Levels,
    measure,
    read_wav,
)

MANIFEST = "prompts.json"
SHIPPED = Path(__file__).resolve().parent.parent / "dialplans" / "prompts"

CHARACTERS_PER_S = (6, 25)
SHORT_WORD_GRACE_MS = 700  # one word said slowly, with its edges

Status = Literal["draft", "recorded"]


class BadManifest(Exception):
    """A `prompts.json` that cannot be read; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a manifest says about one file. `audio` is a hash of the samples it was written with."""

    language: str
    text: str
    seconds: float
    engine: str
    status: Status
    audio: str


class PromptLibrary:
    """The audio of all sentences, in a few folders of which the first wins."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders: tuple[Path, ...] = tuple(
            dict.fromkeys(folder.resolve() for folder in folders)
        )

    def path(self, clip: Clip) -> str | None:
        """The absolute path without `.wav`, as Asterisk wants it; None when there is no file."""
        found = self.file(clip)
        return None if found is None else str(found.with_suffix(""))

    def file(self, clip: Clip) -> Path | None:
        """The file of a clip in the first folder that has one."""
        name = f"{clip.language}/{clip_id(clip)}.wav"
        return next((folder / name for folder in self.folders if (folder / name).is_file()), None)

    def problem(self, clip: Clip) -> str | None:
        """Why a clip must not be played, with the remedy; None when it is sound.

        The words of `ivr check` (rule E14) and of the check at start, after "cannot be played: ".
        """
        found = self.file(clip)
        if found is None:
            return "it has no audio; run 'ivr prompts build', or record it"
        try:
            fault = _fault(clip, measure(read_wav(found)))
        except BadWav as error:
            fault = str(error)
        return None if fault is None else f"{fault}; replace {found}"


def search_folders(dialplans: Path, config: Path) -> tuple[Path, ...]:
    """Where prompts are looked for: next to the menus, next to the settings, then the shipped."""
    return (dialplans / "prompts", config / "prompts", SHIPPED)


def read_manifest(folder: Path) -> dict[str, Entry]:
    """The entries of a folder by `<language>/<clip id>`; empty when it has no manifest."""
    path = folder / MANIFEST
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): Entry(**fields) for name, fields in document["clips"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        remedy = "put it back from version control, or remove it and run 'ivr prompts build'"
        raise BadManifest(f"{path} cannot be used ({error}); {remedy}") from error


def write_manifest(folder: Path, entries: Mapping[str, Entry]) -> None:
    """One line a file, sorted by language and text, so that a change reads well in a diff."""
    ordered = sorted(entries.items(), key=lambda item: (item[1].language, item[1].text, item[0]))
    lines = [f"  {_json(name)}: {_json(_fields(entry))}" for name, entry in ordered]
    text = '{\n "schema": 1,\n "clips": {\n' + ",\n".join(lines) + "\n }\n}\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / MANIFEST
    unfinished = path.with_name(f".{MANIFEST}.{os.getpid()}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def with_recordings(folder: Path, entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """The entries as the files really are: one whose sound was replaced is a recording."""
    return {name: _as_found(folder / f"{name}.wav", entry) for name, entry in entries.items()}


def entry_for(clip: Clip, file: Path, engine: str, status: Status) -> Entry:
    """The manifest's words about a file that is in place."""
    samples = read_wav(file)
    return Entry(
        language=clip.language,
        text=normalised(clip.text),
        seconds=round(measure(samples).ms / 1000, 2),
        engine=engine,
        status=status,
        audio=_audio_hash(file),
    )


def clip_name(clip: Clip) -> str:
    """`<language>/<clip id>`: the name of a clip in manifests and, with `.wav`, on disk."""
    return f"{clip.language}/{clip_id(clip)}"


def _as_found(file: Path, entry: Entry) -> Entry:
    if entry.status == "recorded" or not file.is_file() or _audio_hash(file) == entry.audio:
        return entry
    return replace(entry, status="recorded", engine="person", audio=_audio_hash(file))


def _audio_hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def _fault(clip: Clip, levels: Levels) -> str | None:
    """What the ear would object to, in numbers."""
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


def _fields(entry: Entry) -> dict[str, str | float]:
    return {
        "language": entry.language,
        "text": entry.text,
        "seconds": entry.seconds,
        "status": entry.status,
        "engine": entry.engine,
        "audio": entry.audio,
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
