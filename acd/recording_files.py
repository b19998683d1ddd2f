"""The files of recorded conversations: one a call, in a folder a day, plain while it is written.

`YYYY-MM-DD/<call>.wav` is Asterisk's (the dialplan's `acd-record`); with a key it becomes
`<call>.wav.enc` once the call is over (`acd.recording_seal`).
"""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from acd.messages import BYTES_PER_MS, HEADER_BYTES, recorded_ms
from acd.recording_seal import SEALED, plain_size

SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}/[A-Za-z0-9-]+[0-9.]*\.wav")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recording. `call` is the id of the channel that was recorded."""

    call: str
    day: date
    file: Path
    length_ms: int
    is_sealed: bool


def recordings_folder(folder: Path) -> Path:
    """Where the recordings are, in the folder of what the running system keeps."""
    return folder / "recordings"


def every_recording(recordings: Path) -> Iterator[Recorded]:
    """All of them, the newest day first; what else lies in the folder is left alone."""
    with contextlib.suppress(OSError):
        for day_folder in sorted(recordings.iterdir(), reverse=True):
            day = _day(day_folder.name)
            if day is not None:
                yield from sorted(_of_day(day_folder, day), key=lambda each: each.call)


def find_recording(recordings: Path, name: str) -> Path | None:
    """The file of a recording by the name it was begun with, plain or sealed."""
    plain = recordings / name
    sealed = plain.with_name(plain.name + SEALED)
    return next((path for path in (sealed, plain) if path.is_file()), None)


def trouble_with(recordings: Path) -> str | None:
    """Why nothing could be recorded here, found by writing a file as Asterisk would.

    A folder that is not there yet is made by the service, if its parent can be written.
    """
    try:
        if not recordings.exists():
            parent = next(path for path in recordings.parents if path.exists())
            is_fine = parent.is_dir() and os.access(parent, os.W_OK)
            return None if is_fine else f"{parent} cannot be written"
        with tempfile.NamedTemporaryFile(dir=recordings, prefix=".probe-") as probe:
            probe.write(b"1414")
            probe.flush()
    except OSError as error:
        return f"{recordings}: {error.strerror or error}"
    return None


def remove_older(found: Recorded, today: date, keep_days: int) -> bool:
    """Delete a recording that was kept for so many whole days; whether it was."""
    if (today - found.day).days <= keep_days:
        return False
    try:
        found.file.unlink()
    except FileNotFoundError:
        return False
    with contextlib.suppress(OSError):  # not empty
        os.rmdir(found.file.parent)
    return True


def _of_day(folder: Path, day: date) -> Iterator[Recorded]:
    with contextlib.suppress(OSError):
        for file in folder.iterdir():
            is_sealed = file.name.endswith(f".wav{SEALED}")
            if not is_sealed and file.suffix != ".wav":
                continue
            call = file.name.removesuffix(SEALED).removesuffix(".wav")
            length = sealed_ms(file) if is_sealed else recorded_ms(file)
            yield Recorded(call, day, file, length, is_sealed)


def sealed_ms(file: Path) -> int:
    """How long the recording in a sealed file is; 0 when there is none."""
    try:
        return max(0, (plain_size(file.stat().st_size) - HEADER_BYTES) // BYTES_PER_MS)
    except OSError:
        return 0


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name) if len(name) == 10 else None
    except ValueError:
        return None
