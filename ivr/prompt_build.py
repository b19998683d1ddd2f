"""Makes the drafts that are missing, and tells what there is."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ivr.core.speech import clip_id
from ivr.prompt_library import (
    Entry,
    PromptLibrary,
    clip_name,
    entry_for,
    read_manifest,
    with_recordings,
    write_manifest,
)
from ivr.prompt_texts import Wanted
from ivr.voices import CannotSpeak, Voice, draft, remedy_for
from ivr.wav import BadWav, write_wav

State = Literal["draft", "recorded", "missing", "stale", "faulty"]

STATES: tuple[State, ...] = ("draft", "recorded", "missing", "stale", "faulty")


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One sentence or file and how it stands; `detail` says what is wrong with a faulty one."""

    state: State
    language: str
    id: str
    text: str
    used_by: str
    seconds: float | None
    engine: str | None
    detail: str | None = None


@dataclass(slots=True)
class Built:
    """What a build did. `failed` holds one sentence for each clip that could not be made."""

    made: list[Path] = field(default_factory=list)
    pruned: list[Path] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def build(
    wanted: Sequence[Wanted],
    library: PromptLibrary,
    voices: Mapping[str, Voice],
    *,
    redo_drafts: bool,
    tell: Callable[[str], None],
) -> Built:
    """Write a draft for every clip that no folder has, into the library's first folder.

    A recording is never overwritten. With `redo_drafts` the drafts of the first folder are made
    anew, for instance after a better engine was installed.
    """
    folder, done = library.folders[0], Built()
    entries = with_recordings(folder, read_manifest(folder))
    todo = [each for each in wanted if _is_due(each, library, folder, entries, redo_drafts)]
    silent = sorted({each.clip.language for each in todo if each.clip.language not in voices})
    for language in silent:
        done.failed.append(f"no speech engine speaks {language}; {remedy_for(language)}")
    todo = [each for each in todo if each.clip.language in voices]

    def make(each: Wanted) -> Entry | str:
        voice, file = voices[each.clip.language], folder / f"{clip_name(each.clip)}.wav"
        try:
            write_wav(file, draft(voice, each.clip.language, each.clip.text, each.ms_max))
            return entry_for(each.clip, file, voice.engine, "draft")
        except (CannotSpeak, BadWav) as error:
            return f"'{each.clip.text}' ({each.clip.language}, {each.used_by}): {error}"
        except OSError as error:
            return f"{file} cannot be written ({error.strerror}); free the disk or its rights"

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for each, outcome in zip(todo, pool.map(make, todo), strict=True):
            if isinstance(outcome, str):
                done.failed.append(outcome)
                continue
            entries[clip_name(each.clip)] = outcome
            done.made.append(folder / f"{clip_name(each.clip)}.wav")
            tell(f"{outcome.seconds:5.1f} s  {each.clip.language}  {each.clip.text}")
    if entries or done.made:
        write_manifest(folder, entries)
    return done


def prune(wanted: Sequence[Wanted], folder: Path) -> list[Path]:
    """Remove the drafts of a folder that no sentence needs any more. Recordings stay."""
    needed = {clip_name(each.clip) for each in wanted}
    entries = with_recordings(folder, read_manifest(folder))
    gone = [
        name for name, entry in entries.items() if name not in needed and entry.status == "draft"
    ]
    for name in gone:
        (folder / f"{name}.wav").unlink(missing_ok=True)
        del entries[name]
    if gone:
        write_manifest(folder, entries)
    return [folder / f"{name}.wav" for name in gone]


def status(wanted: Sequence[Wanted], library: PromptLibrary) -> list[StatusLine]:
    """How every wanted sentence stands, then the files of the first folder nobody needs."""
    manifests = {
        folder: with_recordings(folder, read_manifest(folder)) for folder in library.folders
    }
    lines = [_status_of(each, library, manifests) for each in wanted]
    needed = {clip_name(each.clip) for each in wanted}
    first = library.folders[0]
    lines.extend(
        StatusLine(
            "stale",
            entry.language,
            name.partition("/")[2],
            entry.text,
            "",
            entry.seconds,
            entry.engine,
        )
        for name, entry in manifests[first].items()
        if name not in needed
    )
    return lines


def _is_due(
    each: Wanted,
    library: PromptLibrary,
    folder: Path,
    entries: Mapping[str, Entry],
    redo_drafts: bool,
) -> bool:
    if library.file(each.clip) is None:
        return True
    entry = entries.get(clip_name(each.clip))
    return redo_drafts and entry is not None and entry.status == "draft"


def _status_of(
    each: Wanted, library: PromptLibrary, manifests: Mapping[Path, Mapping[str, Entry]]
) -> StatusLine:
    clip, id_ = each.clip, clip_id(each.clip)
    file = library.file(clip)
    if file is None:
        return StatusLine("missing", clip.language, id_, clip.text, each.used_by, None, None)
    entry = manifests[file.parent.parent].get(clip_name(clip))
    problem = library.problem(clip)
    if problem is not None:
        state: State = "faulty"
    else:
        state = entry.status if entry is not None else "recorded"
    seconds, engine = (entry.seconds, entry.engine) if entry is not None else (None, None)
    return StatusLine(state, clip.language, id_, clip.text, each.used_by, seconds, engine, problem)
