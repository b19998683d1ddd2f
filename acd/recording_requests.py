"""What `acd recording` asks of the service; every reading of a recording is put on record."""

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

from acd.api import PEER, Request, RequestError, text_of
from acd.archive import interrupted_call
from acd.call_record import Call
from acd.calls import CallBook
from acd.core.names import ContactId
from acd.recording_files import every_recording
from acd.recording_seal import SealError, unseal
from acd.recordings import CannotRecord, Recorder
from acd.store import Store, StoreError

log = logging.getLogger(__name__)

FLUSH_S = 1.0
LIST_MAX = 1000
NOTE_MAX = 200


class RecordingRequests:
    """Answers the request `recording`, whose `action` is one of five."""

    def __init__(self, recorder: Recorder, book: CallBook, store: Store) -> None:
        self._recorder = recorder
        self._book = book
        self._store = store
        self._one_by_one = asyncio.Lock()

    async def answer(self, request: Request) -> Any:
        """One request. Raises RequestError."""
        action, call = text_of(request, "action"), text_of(request, "call") or ""
        try:
            match action:
                case "list":
                    return await asyncio.to_thread(self._listed)
                case "pause" | "resume":
                    return self._recorder.pause(call, action == "pause", PEER.get())
                case "bookmark":
                    note = text_of(request, "note")
                    if note is not None and (len(note) > NOTE_MAX or not note.isprintable()):
                        raise RequestError(f"a note is one line of at most {NOTE_MAX} characters")
                    return self._recorder.bookmark(call, note, PEER.get())
                case "export":
                    async with self._one_by_one:  # each takes the next line of a timeline
                        return await self._export(call, text_of(request, "out") or "")
        except (CannotRecord, SealError) as error:
            raise RequestError(str(error)) from error
        known = "list, pause, resume, bookmark, export"
        raise RequestError(f"'{action}' is not something done with a recording; known: {known}")

    def _listed(self) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        for each in every_recording(self._recorder.folder):
            if len(rows) == LIST_MAX:
                break
            rows.append(
                {
                    "call": each.call,
                    "day": each.day.isoformat(),
                    "length_s": each.length_ms / 1000,
                    "encrypted": each.is_sealed,
                    "file": str(each.file),
                }
            )
        return rows

    async def _export(self, call: str, out: str) -> dict[str, object]:
        """Put on record who reads it before anything is read."""
        target = Path(out)
        if not target.is_absolute():
            raise RequestError("'out' must be an absolute path of a file that is not there yet")
        try:
            known = await self._known(call)
        except StoreError as error:
            why = f"who reads it cannot be put on record: {error}"
            raise RequestError(why) from error
        path = self._recorder.file_of(call, known.recording if known is not None else None)
        by = PEER.get()
        log.info("the recording of %s is read out by %s to %s", call, by, out)
        if known is not None:
            self._book.note(known, "recording_exported", by=by, to=out)
        try:
            size = await asyncio.to_thread(self._write_out, path, target)
        except FileExistsError as error:
            raise RequestError(f"{target} is there already; name another file") from error
        except OSError as error:
            where = error.filename or target
            raise RequestError(f"{where}: {error.strerror or error}") from error
        return {"call": call, "out": str(target), "bytes": size, "by": by}

    async def _known(self, call: str) -> Call | None:
        """The call, live or read back, ready for one more line."""
        live = self._book.get(call)
        if live is not None:
            return live
        await asyncio.to_thread(self._store.flush, FLUSH_S)
        story = await asyncio.to_thread(self._store.records.call, ContactId(call))
        return None if story is None else interrupted_call(story)

    def _write_out(self, path: Path, target: Path) -> int:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as stream:
                if path.suffix == ".wav":
                    stream.write(path.read_bytes())
                else:
                    unseal(path, stream, self._recorder.key)
                return stream.tell()
        except BaseException:
            target.unlink(missing_ok=True)
            raise
