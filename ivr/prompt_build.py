"""Makes the audio that is missing: from recordings first, from speech engines where there is none.

Every file has a key, a hash of what it was made of: the words given to the engine, or the bytes of
the recording. What has its key already is left alone, so that the second time nothing is done.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from ivr.alaw import Samples
from ivr.core.menu import Clip
from ivr.prompt_library import PromptLibrary
from ivr.prompt_manifest import (
    SLOW,
    Entry,
    Status,
    clip_name,
    entry_for,
    file_of,
    found_entries,
    write_manifest,
)
from ivr.prompt_recordings import Recording, Recordings, as_heard
from ivr.prompt_texts import Wanted
from ivr.voices import CannotSpeak, Voice, draft, remedy_for, say, slower, words_of
from ivr.wav import CLIP_SUFFIX, BadWav, clip_bytes, read_clip, write_clip

RECIPE = "1"
"""Changed when sound is made in another way, so that all of it is made anew."""

BATCH_COUNT = 12  # sentences an engine is started for

Tell = Callable[[int, int, str], None]
"""(how many are done, of how many, a line about the latest)"""


@dataclass(slots=True)
class Built:
    """What a build did. `failed` holds one sentence for each clip that could not be made."""

    made: list[Path] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Made:
    """Sound that is ready to be put in place, with what the manifest says of it."""

    name: str
    entry: Entry
    normal: bytes | None
    slow: bytes | None


_Outcome = _Made | str  # or why it could not be made


def build(
    wanted: Sequence[Wanted],
    library: PromptLibrary,
    voices: Mapping[str, Voice],
    *,
    recordings: Recordings | None = None,
    redo_drafts: bool = False,
    tell: Tell = lambda done, total, line: None,
) -> Built:
    """Bring the library's first folder up to date.

    A recording is never replaced by a draft. A draft is made anew when the words an engine would
    be given for it have changed, and with `redo_drafts` in any case.
    """
    recordings = recordings or Recordings()
    folder, done = library.folders[0], Built(failed=list(recordings.unusable))
    entries = found_entries(folder)
    work = _Work(folder, entries, done, tell)
    spoken = [
        (each, recording)
        for each in wanted
        if (recording := recordings.by_name.get(clip_name(each.clip))) is not None
        and _is_due(each, folder, entries, _recording_key(recording, each))
    ]
    drafts = _due_drafts(wanted, library, entries, redo_drafts, {id(each) for each, _ in spoken})
    slow_only = [each for each in wanted if _lacks_slow(each, folder, entries)]
    busy = {id(each) for each in [*(each for each, _ in spoken), *drafts]}
    slow_only = [each for each in slow_only if id(each) not in busy]
    work.total = len(spoken) + len(drafts) + len(slow_only)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        try:
            work.carry_out(pool, [partial(_from_recording, *each) for each in spoken])
            drafts += [each for each, _ in spoken if library.file(each.clip) is None]
            work.carry_out(pool, list(_draft_tasks(drafts, voices, done)))
            work.carry_out(pool, [partial(_slow_of, each, folder, entries) for each in slow_only])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        finally:
            work.flush()
    return done


def prune(wanted: Sequence[Wanted], folder: Path) -> list[Path]:
    """Remove the drafts of a folder that nobody needs any more. Recordings stay.

    Slow variants of what is not played slowly go too.
    """
    needed = {clip_name(each.clip): each for each in wanted}
    entries = found_entries(folder)
    gone: list[Path] = []
    for name, entry in list(entries.items()):
        if name not in needed and entry.status == "draft":
            gone += [file_of(folder, name), file_of(folder, name + SLOW)]
            del entries[name]
        elif entry.slow and not (name in needed and needed[name].is_slow_too):
            gone.append(file_of(folder, name + SLOW))
            entries[name] = replace(entry, slow=False)
    for path in folder.glob(f"*/*{SLOW}{CLIP_SUFFIX}"):  # left over from a file that was replaced
        name = f"{path.parent.name}/{path.name.removesuffix(SLOW + CLIP_SUFFIX)}"
        if name not in entries or not entries[name].slow:
            gone.append(path)
    gone = [path for path in dict.fromkeys(gone) if path.is_file()]
    if gone:
        write_manifest(folder, entries)
    for path in gone:
        path.unlink()
    return gone


class _Work:
    """Runs tasks side by side, tells about each clip, and puts what is ready in place."""

    def __init__(self, folder: Path, entries: dict[str, Entry], done: Built, tell: Tell) -> None:
        self.total = 0
        self._folder = folder
        self._entries = entries
        self._done = done
        self._tell = tell
        self._count = 0
        self._ready: list[_Made] = []

    def carry_out(
        self, pool: ThreadPoolExecutor, tasks: Sequence[Callable[[], list[_Outcome]]]
    ) -> None:
        futures: list[Future[list[_Outcome]]] = [pool.submit(task) for task in tasks]
        for future in as_completed(futures):
            for outcome in future.result():
                self._finish(outcome)
            self.flush()

    def flush(self) -> None:
        """The manifest first: a file it does not know would pass for a recording by a person."""
        if not self._ready:
            return
        for made in self._ready:
            self._entries[made.name] = made.entry
        write_manifest(self._folder, self._entries)
        for made in self._ready:
            if made.normal is not None:
                path = file_of(self._folder, made.name)
                write_clip(path, made.normal)
                self._done.made.append(path)
            slow_path = file_of(self._folder, made.name + SLOW)
            if made.slow is not None:
                write_clip(slow_path, made.slow)
            elif not made.entry.slow:
                slow_path.unlink(missing_ok=True)  # of the sound that was here before
        self._ready.clear()

    def _finish(self, outcome: _Outcome) -> None:
        self._count += 1
        if isinstance(outcome, str):
            self._done.failed.append(outcome)
            self._tell(self._count, self.total, f"failed: {outcome}")
            return
        self._ready.append(outcome)
        entry = outcome.entry
        line = f"{entry.seconds:5.1f} s  {entry.language}  {entry.text}"
        self._tell(self._count, self.total, line)


def _due_drafts(
    wanted: Sequence[Wanted],
    library: PromptLibrary,
    entries: Mapping[str, Entry],
    redo_drafts: bool,
    recorded: set[int],
) -> list[Wanted]:
    folder, due = library.folders[0], []
    for each in wanted:
        found = library.file(each.clip)
        if id(each) in recorded:
            continue
        if found is None:
            due.append(each)
        elif found.parent.parent == folder:
            entry = entries.get(clip_name(each.clip))
            is_draft = entry is not None and entry.status == "draft"
            if entry is not None and is_draft and (redo_drafts or entry.key != _draft_key(each)):
                due.append(each)
    return due


def _is_due(each: Wanted, folder: Path, entries: Mapping[str, Entry], key: str) -> bool:
    entry = entries.get(clip_name(each.clip))
    return entry is None or entry.key != key or not file_of(folder, clip_name(each.clip)).is_file()


def _lacks_slow(each: Wanted, folder: Path, entries: Mapping[str, Entry]) -> bool:
    name = clip_name(each.clip)
    entry = entries.get(name)
    if not each.is_slow_too or entry is None or not file_of(folder, name).is_file():
        return False
    return not (entry.slow and file_of(folder, name + SLOW).is_file())


def _draft_tasks(
    drafts: Sequence[Wanted], voices: Mapping[str, Voice], done: Built
) -> Iterator[Callable[[], list[_Outcome]]]:
    """Batches of one language each, the languages in turn, so that every engine is kept busy."""
    by_language: dict[str, list[Wanted]] = {}
    for each in drafts:
        by_language.setdefault(each.clip.language, []).append(each)
    for language in sorted(set(by_language) - set(voices)):
        count = len(by_language.pop(language))
        sentences = "1 sentence" if count == 1 else f"{count} sentences"
        reason = f"no speech engine speaks {language}, {sentences} not made"
        done.failed.append(f"{reason}; {remedy_for(language)}")
    for start in range(0, max(map(len, by_language.values()), default=0), BATCH_COUNT):
        for language, these in by_language.items():
            batch = these[start : start + BATCH_COUNT]
            if batch:
                yield partial(_from_engine, voices[language], batch)


def _from_engine(voice: Voice, batch: Sequence[Wanted]) -> list[_Outcome]:
    words: list[str | None] = []
    outcomes: dict[int, _Outcome] = {}
    for index, each in enumerate(batch):
        try:
            words.append(words_of(each.clip.language, each.clip.text))
        except CannotSpeak as error:
            words.append(None)
            outcomes[index] = _why_not(each, error)
    sayable = [index for index, each in enumerate(words) if each is not None]
    with TemporaryDirectory(prefix="ivr-prompts-") as folder:
        try:
            raw = say(voice, [word for word in words if word is not None], Path(folder))
        except CannotSpeak as error:
            raw = []
            outcomes |= {index: _why_not(batch[index], error) for index in sayable}
        for index, path in zip(sayable, raw, strict=False):
            each = batch[index]
            try:
                samples = draft(voice, path, each.ms_max)
                outcomes[index] = _made(each, samples, voice.engine, "draft", _draft_key(each))
            except (CannotSpeak, BadWav) as error:
                outcomes[index] = _why_not(each, error)
    return [outcomes[index] for index in range(len(batch))]


def _from_recording(each: Wanted, recording: Recording) -> list[_Outcome]:
    try:
        samples = as_heard(recording, each)
        key = _recording_key(recording, each)
        return [_made(each, samples, "person", "recorded", key)]
    except CannotSpeak as error:
        return [str(error)]


def _slow_of(each: Wanted, folder: Path, entries: Mapping[str, Entry]) -> list[_Outcome]:
    """Only the slower variant, of sound that is in place."""
    name = clip_name(each.clip)
    try:
        slow = clip_bytes(slower(read_clip(file_of(folder, name))))
    except (CannotSpeak, BadWav) as error:
        return [_why_not(each, error)]
    return [_Made(name, replace(entries[name], slow=True), None, slow)]


def _made(each: Wanted, samples: Samples, engine: str, status: Status, key: str) -> _Made:
    data = clip_bytes(samples)
    slow = clip_bytes(slower(samples)) if each.is_slow_too else None
    entry = entry_for(each.clip, data, engine=engine, status=status, key=key, slow=slow is not None)
    return _Made(clip_name(each.clip), entry, data, slow)


def _why_not(each: Wanted, error: Exception) -> str:
    return f"'{each.clip.text}' ({each.clip.language}, {each.used_by}): {error}"


def _draft_key(each: Wanted) -> str:
    """Without the engine: a machine that has a worse one must not remake what a better one made."""
    try:
        words = words_of(each.clip.language, each.clip.text)
    except CannotSpeak:
        words = ""
    return _key("draft", each.clip, words, each.ms_max)


def _recording_key(recording: Recording, each: Wanted) -> str:
    return _key("recording", each.clip, recording.source, each.ms_max)


def _key(kind: str, clip: Clip, source: str, ms_max: int | None) -> str:
    parts = (RECIPE, kind, clip.language, source, str(ms_max or ""))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
