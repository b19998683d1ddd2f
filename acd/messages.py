"""The messages that callers leave, mostly when nobody is there: one sound file each, to be heard.

Asterisk records them by itself, also while no service runs, as `<call>.wav` (the dialplan's
`acd-fallback`), or when a menu asks them to, as `<call>@<node>.wav`. Who has heard one marks it
done, which moves it to `done/`.
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
SEPARATOR = "@"
"""Between the call and the menu's node in the name of a file; a further one before a number."""


class MessageError(Exception):
    """A message cannot be marked; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message; what is known of its call stands in `ending`, None when that is lost.

    `id` is the file's name without ending, `node` the menu's node that took the message.
    """

    id: str
    call: str
    node: str | None
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
        _message(file, ms, modified_ms, endings.get(_call_of(file.stem)))
        for file, ms, modified_ms in _files(messages_folder(folder))
    ]
    return sorted(found, key=lambda message: (message.left_at_ms, message.call))


def mark_done(folder: Path, call: str) -> Path:
    """Move a message to those that were heard; gives the new place. Raises MessageError.

    `call` is the call's id, or the message's own when the call has left several.
    """
    messages = messages_folder(folder)
    wanted = call.removesuffix(".wav")
    files = [file for file, _, _ in _files(messages)]
    file = next((file for file in files if file.stem == wanted), None)
    of_call = [file for file in files if _call_of(file.stem) == wanted]
    if len(of_call) > 1 and file is None:
        names = ", ".join(sorted(each.stem for each in of_call))
        raise MessageError(f"{wanted} has left {len(of_call)} messages; name one of {names}")
    if file is None and of_call:
        file, wanted = of_call[0], of_call[0].stem
    done = messages / DONE / f"{wanted}.wav"
    if file is None:
        if "/" not in wanted and done.is_file():
            raise MessageError(f"the message of {wanted} is marked as heard already: {done}")
        raise MessageError(f"no message of {wanted} waits; `acd messages` lists them")
    done.parent.mkdir(exist_ok=True, mode=0o700)
    return file.replace(done)


def _message(file: Path, ms: int, modified_ms: int, ending: Ending | None) -> Message:
    node = file.stem.split(SEPARATOR)[1] if SEPARATOR in file.stem else None
    left_at = ending.ended_at if ending else modified_ms
    return Message(file.stem, _call_of(file.stem), node, file, left_at, ms, ending)


def recorded_ms(file: Path) -> int:
    """How long a recording is; 0 when there is none."""
    try:
        return max(0, (file.stat().st_size - HEADER_BYTES) // BYTES_PER_MS)
    except OSError:
        return 0


def _call_of(stem: str) -> str:
    return stem.partition(SEPARATOR)[0]


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
