"""The messages that callers leave when nobody is logged in: one sound file each, to be heard.

Asterisk records them by itself, also while no service runs, as `<call>.wav` (the dialplan's
`acd-fallback`). Who has heard one marks it done, which moves it to `done/`.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from acd.call_log import Ending

SOUND_HZ = 8000
HEADER_BYTES = 44
BYTES_PER_MS = SOUND_HZ * 2 // 1000
LEAST_MS = 1300
"""What is shorter holds no words: Asterisk leaves 1 s of the silence that ends a recording."""
DONE = "done"


class MessageError(Exception):
    """A message cannot be marked; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message; what is known of its call stands in `ending`, None when that is lost."""

    call: str
    file: Path
    left_at_ms: int
    length_ms: int
    ending: Ending | None


def messages_folder(folder: Path) -> Path:
    """Where the messages are, in the folder of what the running system keeps."""
    return folder / "messages"


def count(folder: Path) -> int:
    """How many messages nobody has marked as heard; cheap, to be asked every second."""
    return len(_files(messages_folder(folder)))


def read_messages(folder: Path, endings: dict[str, Ending]) -> list[Message]:
    """The messages nobody has marked as heard, oldest first."""
    found = [
        _message(file, ms, modified_ms, endings.get(file.stem))
        for file, ms, modified_ms in _files(messages_folder(folder))
    ]
    return sorted(found, key=lambda message: (message.left_at_ms, message.call))


def mark_done(folder: Path, call: str) -> Path:
    """Move a message to those that were heard; gives the new place. Raises MessageError."""
    messages = messages_folder(folder)
    wanted = call.removesuffix(".wav")
    file = next((file for file, _, _ in _files(messages) if file.stem == wanted), None)
    done = messages / DONE / f"{wanted}.wav"
    if file is None:
        if "/" not in wanted and done.is_file():
            raise MessageError(f"the message of {wanted} is marked as heard already: {done}")
        raise MessageError(f"no message of {wanted} waits; `acd messages` lists them")
    done.parent.mkdir(exist_ok=True, mode=0o700)
    return file.replace(done)


def _message(file: Path, ms: int, modified_ms: int, ending: Ending | None) -> Message:
    return Message(file.stem, file, ending.ended_at if ending else modified_ms, ms, ending)


def _files(folder: Path) -> list[tuple[Path, int, int]]:
    """(file, length, last change) of each recording that is long enough to say something."""
    found = []
    for file in folder.glob("*.wav"):
        with contextlib.suppress(FileNotFoundError):  # marked as heard this instant
            status = file.stat()
            ms = (status.st_size - HEADER_BYTES) // BYTES_PER_MS
            if ms >= LEAST_MS:
                found.append((file, ms, status.st_mtime_ns // 1_000_000))
    return found
