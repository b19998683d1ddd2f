"""What one call's menu does outside the conversation (`ivr.call.World`)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from acd.calls import CallBook
from acd.core.events import ContactQueued
from acd.core.names import ContactId, Language, Millis, Topic
from acd.fetch import FetchError
from acd.load import Loaded
from acd.messages import LEAST_MS, SEPARATOR, recorded_ms
from acd.store import MenuEventRow
from acd.surroundings import Surroundings
from ivr.core.expressions import Value
from ivr.core.menu import Clip
from ivr.core.session import MenuSession
from ivr.core.steps import (
    BookCallback,
    Enqueue,
    Fetch,
    Note,
    Rated,
    Record,
    Transfer,
    Warned,
)
from ivr.fastagi import AgiSession

log = logging.getLogger(__name__)

SILENCE_S = 4
"""So much silence ends a message."""
KEPT_SILENCE_MS = 1000
"""Asterisk leaves this much of it in the file."""


@dataclass(slots=True)
class MenuOfCall:
    """What stays with a call from one stretch of its menu to the next.

    `node` is the node the caller left through. `seq` counts steps put on record, `files` the
    messages. `is_led_out` while the caller is with another house, `is_quiet` while no menu speaks.
    """

    loaded: Loaded
    number: str = ""
    node: str | None = None
    session: MenuSession | None = None
    seq: int = 0
    files: int = 0
    is_led_out: bool = False
    is_told_of_recording: bool = False
    is_quiet: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def language(self) -> str:
        """The language the caller is spoken to in."""
        session = self.session
        return session.language if session is not None else self.loaded.menu.default_language


class MenuWorld:
    """One stretch of one call's menu."""

    def __init__(
        self,
        agi: AgiSession,
        menu: MenuOfCall,
        book: CallBook,
        around: Surroundings,
        enqueue: Callable[[Enqueue], Awaitable[Mapping[str, str]]],
    ) -> None:
        self._agi = agi
        self._menu = menu
        self._book = book
        self._around = around
        self._enqueue = enqueue
        self._call = agi.uniqueid

    def clip_path(self, clip: Clip, *, is_slow: bool) -> str:
        """An empty path, which Asterisk refuses, when the file has gone since it was checked."""
        return self._menu.loaded.prompts.path(clip, is_slow=is_slow) or ""

    def note(self, line: Note) -> None:
        """For the call's timeline and for the counts of the menu."""
        self._book.language_chosen(self._call, line.language)
        attempt = line.attempt if line.result is not None else None
        self._book.call_event(
            self._call, "menu", node=line.node, key=line.key, result=line.result, attempt=attempt
        )
        plan = self._menu.loaded.menu
        self._around.keep(
            MenuEventRow(
                call=ContactId(self._call),
                at=Millis(line.at_ms),
                seq=self._menu.seq,
                menu=plan.id,
                version=plan.version,
                node=line.node,
                visit=line.visit,
                attempt=line.attempt,
                language=line.language,
                entered_at=Millis(line.entered_ms) if line.entered_ms is not None else None,
                first_key_ms=line.first_key_ms,
                key=line.key,
                via=line.via,
                result=line.result,
                reason=line.reason,
                goes_to=line.to,
            )
        )
        self._menu.seq += 1

    def remember(self, language: str) -> None:
        """For the number's next call."""
        self._around.languages.chosen(self._menu.number, language)

    def told(self, news: Rated | Warned) -> None:
        """Both stand in the timeline; a warning in the log as well."""
        if isinstance(news, Rated):
            tag = news.tag or None
            self._book.call_event(self._call, "rated", key=news.key, score=news.score, tag=tag)
            return
        log.warning("menu of call %s at %s: %s", self._call, news.node, news.message)
        self._book.call_event(self._call, "menu_warning", node=news.node, what=news.message)

    async def enqueue(self, command: Enqueue) -> Mapping[str, str]:
        """To the router."""
        self._menu.node = command.node
        return await self._enqueue(command)

    async def fetch(self, command: Fetch) -> Value:
        """None, and a line in the timeline, when there is no answer that can be used."""
        try:
            return await self._around.fetcher.fetch(command)
        except FetchError as error:
            self.told(Warned(command.node, str(error)))
            return None

    async def record(self, command: Record) -> int:
        """Beep and take a message for `acd messages`; one too short to say something is none."""
        self._menu.files += 1
        number = "" if self._menu.files == 1 else f"{SEPARATOR}{self._menu.files}"
        name = f"{self._call}{SEPARATOR}{command.node}{number}"
        await self._agi.set_variable("ACD_LANG", self._menu.language)
        await self._agi.stream_file("acd/beep", "")
        try:
            await self._agi.record_file(
                f"messages/{name}", max_ms=command.max_ms, silence_s=SILENCE_S
            )
        finally:  # a caller who hangs up while speaking has left a message too
            length_ms = self._message_left(command.node, f"{name}.wav")
        return length_ms

    async def book_callback(self, command: BookCallback) -> bool:
        """The caller is called back when it is their turn, from now on in the line."""
        topic = Topic(command.topic)
        queued = ContactQueued(
            contact=ContactId(self._call),
            queue=self._menu.loaded.settings.rules.queue_of(topic),
            topic=topic,
            language=Language(command.language),
            queued_at=self._around.clock(),
        )
        is_booked = await self._around.call_back(queued, command.number)
        event = "callback_accepted" if is_booked else "callback_refused"
        self._book.call_event(self._call, event, node=command.node)
        return is_booked

    async def transfer(self, command: Transfer) -> bool:
        """Only a number of service.yaml is dialled; the dialplan does that when the menu ends."""
        is_known = command.number in self._menu.loaded.settings.service.transfers
        if not is_known:
            self.told(Warned(command.node, f"{command.number} is not among the transfers"))
            return False
        self._menu.node, self._menu.is_led_out = command.node, True
        await self._agi.set_variable("ACD_NODE", command.node)
        await self._agi.set_variable("ACD_LANG", self._menu.language)
        await self._agi.set_variable("ACD_TO", command.number)
        self._book.call_event(self._call, "led_out", node=command.node, to=command.number)
        return True

    def _message_left(self, node: str, file: str) -> int:
        path = self._around.messages / file
        length_ms = recorded_ms(path)
        if length_ms < LEAST_MS:
            path.unlink(missing_ok=True)
            return 0
        self._book.call_event(
            self._call, "message_recorded", node=node, file=file, length_ms=length_ms
        )
        return max(1, length_ms - KEPT_SILENCE_MS)
