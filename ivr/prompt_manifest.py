"""`prompts.json`: which file of a folder speaks which sentence, where it came from, how loud it is.

The program writes drafts, and recordings that it has brought into form. A file that somebody put
in the place of one of these by hand is a recording too; its sound differs from what is written
here. Levels stand here so that a thousand files need not be measured at every start.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from ivr.core.menu import Clip
from ivr.core.speech import clip_id, normalised
from ivr.wav import CLIP_SUFFIX, RATE, BadWav, Levels, clip_samples, measure

MANIFEST = "prompts.json"
SCHEMA = 2
SLOW = "-slow"  # what the name of the slower variant of a clip ends with

Status = Literal["draft", "recorded"]


class BadManifest(Exception):
    """A `prompts.json` that cannot be used; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is written about one file.

    `audio` is a hash of its bytes, `size` their number. `key` is a hash of what it was made of:
    the words given to the engine, or the recording. `slow`: its slower variant is there too.
    """

    language: str
    text: str
    seconds: float
    status: Status
    engine: str
    audio: str
    size: int
    rms_db: float
    peak_db: float
    edge_ms: int
    key: str
    slow: bool

    @property
    def levels(self) -> Levels:
        """As `measure` gives them."""
        return Levels(self.size * 1000 // RATE, self.rms_db, self.peak_db, self.edge_ms)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The entries of one folder by `<language>/<clip id>`, and when they were written (ns)."""

    entries: dict[str, Entry]
    written_ns: int = 0

    def trusted(self, name: str, size: int, changed_ns: int) -> Entry | None:
        """The entry of a file that has not changed since, going by size and time alone."""
        entry = self.entries.get(name)
        is_same = entry is not None and entry.size == size and changed_ns <= self.written_ns
        return entry if is_same else None


def clip_name(clip: Clip) -> str:
    """`<language>/<clip id>`: the name of a clip in manifests and, with the ending, on disk."""
    return f"{clip.language}/{clip_id(clip)}"


def file_of(folder: Path, name: str) -> Path:
    """Where the sound of a name is kept."""
    return folder / f"{name}{CLIP_SUFFIX}"


def audio_hash(data: bytes) -> str:
    """By which a changed file is told."""
    return hashlib.sha256(data).hexdigest()[:16]


def entry_for(
    clip: Clip, data: bytes, *, engine: str, status: Status, key: str, slow: bool
) -> Entry:
    """The words about a file with these bytes. Raises `BadWav` when they are no A-law."""
    levels = measure(clip_samples(data))
    return Entry(
        language=clip.language,
        text=normalised(clip.text),
        seconds=round(len(data) / RATE, 2),
        status=status,
        engine=engine,
        audio=audio_hash(data),
        size=len(data),
        rms_db=levels.rms_db,
        peak_db=levels.peak_db,
        edge_ms=levels.edge_silence_ms,
        key=key,
        slow=slow,
    )


def read_manifest(folder: Path) -> Manifest:
    """What a folder has; empty when it has no manifest. Raises `BadManifest`."""
    path = folder / MANIFEST
    remedy = "put it back from version control, or remove it and run 'ivr prompts build'"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            reason = f"it is of version {document['schema']}, this program writes {SCHEMA}"
            raise BadManifest(f"{path} cannot be used ({reason}); {remedy}")
        entries = {str(name): Entry(**fields) for name, fields in document["clips"].items()}
        return Manifest(entries, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return Manifest({})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadManifest(f"{path} cannot be used ({error}); {remedy}") from error


def write_manifest(folder: Path, entries: Mapping[str, Entry]) -> None:
    """One line a file, sorted by language and text, so that a change reads well in a diff."""
    ordered = sorted(entries.items(), key=lambda item: (item[1].language, item[1].text, item[0]))
    lines = [f"  {_json(name)}: {_json(asdict(entry))}" for name, entry in ordered]
    text = f'{{\n "schema": {SCHEMA},\n "clips": {{\n' + ",\n".join(lines) + "\n }\n}\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / MANIFEST
    unfinished = path.with_name(f".{MANIFEST}.{os.getpid()}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def found_entries(folder: Path) -> dict[str, Entry]:
    """The entries as the files really are: one whose sound was replaced is a recording."""
    manifest = read_manifest(folder)
    return {name: _as_found(folder, name, manifest) for name in manifest.entries}


def _as_found(folder: Path, name: str, manifest: Manifest) -> Entry:
    entry, path = manifest.entries[name], file_of(folder, name)
    try:
        status = os.stat(path)
        if manifest.trusted(name, status.st_size, status.st_mtime_ns) is not None:
            return entry
        data = path.read_bytes()
        if audio_hash(data) == entry.audio:
            return entry
        clip = Clip(entry.language, entry.text)
        return entry_for(clip, data, engine="person", status="recorded", key="", slow=False)
    except OSError:
        return entry  # gone: whoever looks for it will not find it
    except BadWav:
        size = status.st_size
        return replace(entry, engine="person", status="recorded", size=size, key="", slow=False)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
