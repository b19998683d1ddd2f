"""Recordings by people: files dropped into `recordings/<language>/` beside the menus.

A file is named by the id of its sentence, or by its number in `script.csv` of the same folder; any
kind of sound file that sox reads will do. What a caller hears is made of it: 8 kHz, levelled, the
silence at its edges cut. The file itself is never changed.
"""

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from ivr.alaw import Samples
from ivr.prompt_library import level_fault
from ivr.prompt_manifest import clip_name
from ivr.prompt_texts import Wanted
from ivr.voices import CannotSpeak, converted, levelled
from ivr.wav import RATE, measure, tightened

FOLDER = "recordings"
SCRIPT = "script.csv"
KINDS = (".wav", ".flac", ".aif", ".aiff", ".ogg", ".mp3", ".al")

_QUIET_DB = -50.0
_FLAT_RATIO, _FLAT_PART_MAX = 0.97, 0.02  # of clean speech 1 in 1000 samples is so near its peak

_ID = re.compile(r"[0-9a-f]{16}")
_NUMBER = re.compile(r"0*([1-9]\d*)")
_IGNORED = frozenset(("readme.txt", "readme.md", "thumbs.db", "desktop.ini"))


@dataclass(frozen=True, slots=True)
class Recording:
    """One file and the sentence (`<language>/<clip id>`) it speaks; `source` hashes its bytes."""

    path: Path
    name: str
    source: str


@dataclass(slots=True)
class Recordings:
    """What a folder holds: by sentence, and one line for each file that cannot be used."""

    by_name: dict[str, Recording] = field(default_factory=dict)
    unusable: list[str] = field(default_factory=list)


def find_recordings(folder: Path, languages: Iterable[str]) -> Recordings:
    """Everything in a folder of recordings; nothing when it does not exist."""
    found = Recordings()
    if not folder.is_dir():
        return found
    spoken = tuple(languages)
    numbers = script_numbers(folder / SCRIPT)
    paths = list(_sound_files(folder, spoken, found))
    with ThreadPoolExecutor() as pool:  # hashing lets other threads run
        sources = list(pool.map(_source, paths))
    for path, source in zip(paths, sources, strict=True):
        name = _name_of(path, numbers, found)
        if name is None:
            continue
        if isinstance(source, OSError):
            found.unusable.append(f"{path}: it cannot be read ({source.strerror})")
        elif (before := found.by_name.get(name)) is not None:
            found.unusable.append(
                f"{path}: {before.path.name} speaks the same sentence; keep one of the two"
            )
        else:
            found.by_name[name] = Recording(path, name, source)
    return found


def script_numbers(script: Path) -> dict[int, str]:
    """The sentence (`<language>/<clip id>`) of each number that a script has given out."""
    return {number: f"{language}/{id_}" for number, language, id_ in _script_rows(script)}


def as_heard(recording: Recording, wanted: Wanted) -> Samples:
    """What callers hear of a recording. Raises `CannotSpeak` with a reason a person can act on."""
    with TemporaryDirectory(prefix="ivr-recording-") as folder:
        telephone = Path(folder, "8k.wav")
        try:
            samples = converted(recording.path, telephone, ["highpass", "80"])
            _check_as_recorded(samples)
            samples = levelled(samples)
        except CannotSpeak as error:
            raise CannotSpeak(f"{recording.path}: {error}") from error
    if wanted.ms_max is not None and len(samples) * 1000 // RATE > wanted.ms_max:
        samples = tightened(samples)
    ms = len(samples) * 1000 // RATE
    if wanted.ms_max is not None and ms > wanted.ms_max:
        reason = f"it takes {ms} ms and may take {wanted.ms_max}; speak faster or shorten the text"
        raise CannotSpeak(f"{recording.path}: {reason}")
    fault = level_fault(wanted.clip, measure(samples))
    if fault is not None:
        text = wanted.clip.text
        raise CannotSpeak(f"{recording.path}: {fault}; does it speak this sentence: '{text}'?")
    return samples


def _check_as_recorded(samples: Samples) -> None:
    """What levelling could not put right: an overdriven microphone, or a voice far from it."""
    levels = measure(samples)
    if levels.rms_db < _QUIET_DB:
        reason = f"it is hardly audible (RMS {levels.rms_db} dBFS)"
        raise CannotSpeak(f"{reason}; record it nearer to the microphone")
    top = max(max(samples), -min(samples)) * _FLAT_RATIO
    flat = sum(1 for sample in samples if sample >= top or sample <= -top)
    if flat > len(samples) * _FLAT_PART_MAX:
        raise CannotSpeak("its peaks are cut off, it was recorded too loud; record it softer")


def unneeded(recordings: Mapping[str, Recording], wanted: Sequence[Wanted]) -> list[Recording]:
    """Recordings of sentences that nobody needs any more, for instance since they were changed."""
    names = {clip_name(each.clip) for each in wanted}
    return [each for name, each in recordings.items() if name not in names]


def _sound_files(folder: Path, languages: tuple[str, ...], found: Recordings) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name.startswith(".") or path.name.casefold() in _IGNORED:
            continue
        if path.parent == folder and path.name.startswith("script"):
            continue
        if path.parent.parent != folder or path.parent.name not in languages:
            places = ", ".join(f"{folder}/{language}/" for language in languages)
            found.unusable.append(f"{path}: it is not in a language's folder; put it into {places}")
        elif path.suffix.casefold() not in KINDS:
            kinds = ", ".join(KINDS)
            found.unusable.append(f"{path}: it is no sound file of a known kind ({kinds})")
        else:
            yield path


def _source(path: Path) -> str | OSError:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        return error


def _name_of(path: Path, numbers: Mapping[int, str], found: Recordings) -> str | None:
    """The sentence a file speaks, by its name; what is wrong with the name goes to `found`."""
    stem, language = path.stem.casefold(), path.parent.name
    if _ID.fullmatch(stem):
        return f"{language}/{stem}"
    match = _NUMBER.fullmatch(stem)
    if match is None:
        reason = "its name is neither a sentence's id nor a number of the script"
        found.unusable.append(f"{path}: {reason}; 'ivr prompts script' lists both")
        return None
    name = numbers.get(int(match[1]))
    if name is None:
        reason = f"{path.parent.parent / SCRIPT} has no number {match[1]}"
        found.unusable.append(f"{path}: {reason}; run 'ivr prompts script', or name it by id")
        return None
    if name.partition("/")[0] != language:
        other = name.partition("/")[0]
        found.unusable.append(f"{path}: number {match[1]} is a sentence in {other}; move it there")
        return None
    return name


def _script_rows(script: Path) -> Iterator[tuple[int, str, str]]:
    try:
        with script.open(encoding="utf-8-sig", newline="") as lines:
            header = lines.readline()
            lines.seek(0)
            delimiter = ";" if header.count(";") > header.count(",") else ","  # as Excel saves it
            for row in csv.DictReader(lines, delimiter=delimiter):
                number, language, id_ = row.get("number"), row.get("language"), row.get("id")
                if number and number.isdecimal() and language and id_:
                    yield int(number), language, id_
    except (OSError, UnicodeDecodeError, csv.Error):
        return
