"""Recording of conversations: which, what the keys of the operator do, what becomes of the files.

Asterisk writes the file beside the call, so that neither this service nor a full disk can hurt a
conversation. What is known of it stands in the call's timeline, from which a service that was
started anew goes on. Nothing here waits: files are looked at in threads, now and then.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from acd.alerts import Alerts
from acd.call_record import Call, Entry
from acd.calls import CallBook
from acd.clock import Clock, midnight_after, wall_time_s
from acd.core.names import ContactId, QueueId
from acd.core.router import Router
from acd.lines import Line
from acd.listeners import Link, Message
from acd.loop import Loop
from acd.messages import recorded_ms
from acd.recording_files import SHAPE, every_recording, find_recording, remove_older
from acd.recording_seal import SEALED, seal
from acd.settings import Recording
from acd.store import Records, StoreError

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""How soon after its beginning a recording has to be there."""
SWEEP_S = 5.0
SETTLED_S = 2.0
"""A file unchanged for so long is finished: Asterisk writes one of a live call all the time."""
LEFT_S = 60.0
"""A plain file unchanged for so long was left by a service that is gone."""
SHORT_MS = 5000
"""What a recording may lack of the conversation: Asterisk keeps up to two seconds in memory."""


class CannotRecord(Exception):
    """A request about a recording cannot be met; the sentence says why and what to do."""


class Recorder:
    """Knows the recordings of the live calls, and sees to each file once its call is over.

    `rules` are the queues that record, `records` is None while they cannot be read, `key` as
    `load_key` gives it. `line_of` finds the channels of a contact.
    """

    def __init__(
        self,
        folder: Path,
        zone: ZoneInfo,
        clock: Clock,
        loop: Loop,
        router: Router,
        book: CallBook,
        alerts: Alerts,
        *,
        rules: Callable[[], Mapping[QueueId, Recording]],
        records: Records,
        key: bytes | None,
        key_trouble: str | None,
        line_of: Callable[[ContactId], Line | None],
        link: Callable[[], Link | None],
    ) -> None:
        self.folder = folder
        self.key = key
        self._key_trouble = key_trouble
        self._zone = zone
        self._clock = clock
        self._loop = loop
        self._router = router
        self._book = book
        self._alerts = alerts
        self._rules = rules
        self._records = records
        self._line_of = line_of
        self._link = link
        self._open: dict[str, Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # What the switchboard asks and tells

    def wanted(self, id_: ContactId) -> str:
        """How an offered caller's conversation is recorded, in the dialplan's word; empty: not."""
        contact = self._router.contact(id_)
        rule = self._rules().get(contact.queue) if contact is not None else None
        if rule is None:
            return ""
        return "tell" if rule.notice else "on"

    def heard(self, line: Line, message: Message) -> None:
        """The dialplan begins a recording, or the operator has pressed one of the two keys."""
        match message.get("Do"):
            case "start" if SHAPE.fullmatch(message.get("File", "")):
                self._began(line, message["File"])
            case "pause":
                call = self._book.of(line.contact)
                if call is not None:
                    self._try(lambda: self.pause(call.id, not _is_paused(call), "key"))
            case "bookmark":
                self._try(lambda: self.bookmark(line.contact, None, "key"))
            case _:
                log.warning("a recording was reported that makes no sense: %s", dict(message))

    def _try(self, act: Callable[[], object]) -> None:
        with suppress(CannotRecord):  # a key pressed too late
            act()

    def _began(self, line: Line, file: str) -> None:
        from_ms = recorded_ms(self.folder / file)

        def note() -> None:
            call = self._book.recording_began(line.contact, file, from_ms)
            if call is not None:
                self._open[file] = call
                self._spawn(self._look(file, call))

        self._loop.after(note)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="recording")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def ended(self, call: Call) -> None:
        """A call is over, maybe one that an earlier run of the service began, or ended unseen."""
        if call.recording is not None:
            self._open.setdefault(call.recording, call)

    async def _look(self, file: str, call: Call) -> None:
        """Say soon that nothing is being written, not only when the conversation is over."""
        await asyncio.sleep(LOOK_S)
        path = self.folder / file
        is_there = await asyncio.to_thread(path.is_file)
        is_over = call.talk_since is None or call.ended_at is not None
        if not is_there and not is_over:
            self._failed(call, f"{path} is not there")
        elif is_there and self._key_trouble is None:
            self._alerts.recording(None, self._clock())

    def _failed(self, call: Call, why: str) -> None:
        log.error("%s: the conversation is not recorded: %s", call.id, why)
        self._alerts.recording(why, self._clock())
        if not any(entry.event == "recording_failed" for entry in call.timeline):
            self._book.note(call, "recording_failed", reason=why)

    # What people ask for

    def pause(self, call: str, is_paused: bool, by: str) -> dict[str, object]:
        """Stop or resume writing; what is not written is silence. Raises CannotRecord."""
        known, line, offset_ms = self._being_recorded(call)
        if _is_paused(known) is is_paused:
            word = "paused" if is_paused else "going on"
            raise CannotRecord(f"the recording of {call} is {word} already")
        link = self._link()
        if link is None or line.leg_channel is None:
            raise CannotRecord("Asterisk cannot be told just now; try again in a second")
        state = "1" if is_paused else "0"
        link.post("MixMonitorMute", Channel=line.leg_channel, Direction="both", State=state)
        event = "recording_paused" if is_paused else "recording_resumed"
        self._book.note(known, event, offset_ms=offset_ms, by=by)
        return {"call": known.id, "paused": is_paused, "offset_ms": offset_ms}

    def bookmark(self, call: str, text: str | None, by: str) -> dict[str, object]:
        """Mark this moment of the recording. Raises CannotRecord."""
        known, _, offset_ms = self._being_recorded(call)
        self._book.note(known, "bookmark", offset_ms=offset_ms, by=by, note=text)
        return {"call": known.id, "offset_ms": offset_ms, "note": text}

    def _being_recorded(self, call: str) -> tuple[Call, Line, int]:
        known = self._book.of(call)
        line = self._line_of(ContactId(call))
        began = _began(known) if known is not None else None
        if known is None or line is None or began is None or known.talk_since is None:
            raise CannotRecord(f"no conversation of '{call}' is being recorded now")
        from_ms = began.data.get("from_ms")
        before = from_ms if isinstance(from_ms, int) else 0
        return known, line, before + max(0, self._clock() - began.at)

    def is_live(self, file: str) -> bool:
        """Whether a recording may still be written to."""
        return file in self._open or any(
            call.recording == file and call.ended_at is None for call in self._book.live
        )

    # The files

    async def run(self) -> None:
        """Until cancelled: finish, encrypt and delete files. No trouble with one ends this."""
        if self._key_trouble is not None:
            log.error("recordings stay unencrypted: %s", self._key_trouble)
            self._alerts.recording(f"not encrypted: {self._key_trouble}", self._clock())
        next_midnight = self._clock()
        next_search = self._clock()
        while True:
            now = self._clock()
            try:
                if self._rules():  # somebody may have removed it; Asterisk does not make it anew
                    await asyncio.to_thread(_make_folder, self.folder)
                if now >= next_midnight:
                    next_midnight = midnight_after(now, self._zone)
                    await asyncio.to_thread(self.delete_old)
                if self.key is not None and now >= next_search:
                    next_search = type(now)(now + round(LEFT_S * 1000))
                    await self._seal_left()
                await self.finish_ended()
            except Exception as error:
                log.exception("the recordings could not be seen to")
                why = f"the files could not be seen to ({error}); the log of the service says more"
                self._alerts.recording(why, now)
            await asyncio.sleep(SWEEP_S)

    async def finish_ended(self) -> None:
        """See to the recordings of calls that have ended."""
        live = {call.id for call in self._book.live}
        for file, call in list(self._open.items()):
            path = self.folder / file
            if call.id in live and call.recording == file and call.ended_at is None:
                continue
            if await asyncio.to_thread(_age_s, path) < SETTLED_S:
                continue
            del self._open[file]
            await self._finish(call, path)

    async def _finish(self, call: Call, path: Path) -> None:
        length_ms = await asyncio.to_thread(recorded_ms, path)
        was_connected = call.connected_at is not None
        if not length_ms and path.with_name(path.name + SEALED).exists():
            return  # an earlier run has seen to it
        if not length_ms:
            with suppress(OSError):  # it may be the folder that is the trouble
                await asyncio.to_thread(path.unlink, missing_ok=True)
            if was_connected:
                self._failed(call, f"{path} is empty or was not written")
            return
        lacking_ms = _expected_ms(call) - length_ms
        if lacking_ms > SHORT_MS:
            self._failed(call, f"{path} lacks {lacking_ms / 1000:.0f} s of the conversation")
        is_sealed = await self._seal(path)
        self._book.note(call, "recorded", length_ms=length_ms, encrypted=is_sealed)

    async def _seal(self, path: Path) -> bool:
        if self.key is None:
            return False
        try:
            await asyncio.to_thread(seal, path, self.key)
        except OSError as error:
            log.error("%s stays unencrypted: %s", path, error)
            why = f"{path} cannot be encrypted: {error.strerror or error}"
            self._alerts.recording(why, self._clock())
            return False
        return True

    async def _seal_left(self) -> None:
        """Encrypt what a service that fell, or a full disk, has left plain."""
        found = await asyncio.to_thread(lambda: list(every_recording(self.folder)))
        for each in found:
            name = f"{each.file.parent.name}/{each.file.name}"
            if each.is_sealed or self.is_live(name):
                continue
            if await asyncio.to_thread(_age_s, each.file) >= LEFT_S and await self._seal(each.file):
                log.info("%s was left plain and is encrypted now", each.file)

    def delete_old(self) -> int:
        """Delete what was kept long enough; how many. Waits for the disk and the records."""
        rules = self._rules()
        if not rules:
            return 0
        today = datetime.fromtimestamp(self._clock() / 1000, self._zone).date()
        least = min(rule.keep_days for rule in rules.values())
        count = 0
        for each in every_recording(self.folder):
            if (today - each.day).days > least:
                try:
                    count += remove_older(each, today, self._keep_days(rules, each.call))
                except OSError as error:
                    log.error("%s cannot be deleted: %s", each.file, error)
        log.info("recordings: %d deleted that were kept long enough", count)
        return count

    def _keep_days(self, rules: Mapping[QueueId, Recording], call: str) -> int:
        """Of the call's queue; the longest of all where that is not known."""
        longest = max(rule.keep_days for rule in rules.values())
        if all(rule.keep_days == longest for rule in rules.values()):
            return longest
        try:
            story = self._records.call(ContactId(call))
        except StoreError:
            return longest
        rule = rules.get(story.row.queue) if story is not None and story.row.queue else None
        return rule.keep_days if rule is not None else longest

    def file_of(self, call: str, name: str | None) -> Path:
        """The finished recording of a call, given the name on record. Raises CannotRecord."""
        if name is not None and self.is_live(name):
            raise CannotRecord(f"{call} is still being recorded; export it once it has ended")
        path = find_recording(self.folder, name) if name is not None else None
        if path is None and SHAPE.fullmatch(f"2000-01-01/{call}.wav"):
            names = [f"{day.name}/{call}.wav" for day in self.folder.glob("*") if day.is_dir()]
            path = next(filter(None, (find_recording(self.folder, each) for each in names)), None)
        if path is None:
            raise CannotRecord(f"there is no recording of '{call}'; `acd recording list` has them")
        return path


def _make_folder(folder: Path) -> None:
    with suppress(OSError):  # the next recording says so
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def _began(call: Call) -> Entry | None:
    return next((entry for entry in reversed(call.timeline) if entry.event == "recording"), None)


def _is_paused(call: Call) -> bool:
    """Each conversation begins unpaused."""
    states = ("recording", "recording_paused", "recording_resumed")
    last = next((e.event for e in reversed(call.timeline) if e.event in states), None)
    return last == "recording_paused"


def _expected_ms(call: Call) -> int:
    """How long the whole recording should be, pauses included: they are written as silence."""
    began = _began(call)
    ended_at = call.talk_ended_at or call.ended_at
    if began is None or ended_at is None:
        return 0
    from_ms = began.data.get("from_ms")
    return (from_ms if isinstance(from_ms, int) else 0) + max(0, ended_at - began.at)


def _age_s(path: Path) -> float:
    """How long ago the file was written to; for ever when it is not there."""
    try:
        return wall_time_s() - path.stat().st_mtime
    except OSError:
        return float("inf")
