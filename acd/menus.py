"""Callers in the menu, before and after the router: from the first word to the last.

A call keeps the menu it began with, whatever is reloaded meanwhile. Its record is closed when the
channel is gone, the router has heard of that, and the menu has had its last word.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from acd.calls import CallBook
from acd.clock import Clock
from acd.core.events import ContactQueued
from acd.core.names import ContactId, Language, Millis, Topic
from acd.load import Loaded
from acd.loop import Loop
from ivr.call import MenuCall, Outcome
from ivr.core.session import AfterOperator, Enqueue, MenuSession, Note, Started
from ivr.core.whispers import whisper
from ivr.fastagi import AgiSession

LAST_WORD_S = 2.0
"""How long a call's record waits for the last line of its menu."""


@dataclass(slots=True)
class _MenuOfCall:
    """`node` is the queue node the caller left through; `is_quiet` while no session speaks."""

    loaded: Loaded
    node: str | None = None
    is_quiet: asyncio.Event = field(default_factory=asyncio.Event)


class Menus:
    """Answers the `ivr` and `after` routes of FastAGI; the switchboard's listener.

    `loaded` gives the version new calls get. `arrived` tells the switchboard of a call that
    FastAGI knows first, `is_gone` whether a call has ended lately, `first_offer` gives the offer
    a caller leaves the menu with.
    """

    def __init__(
        self,
        loaded: Callable[[], Loaded],
        book: CallBook,
        loop: Loop,
        clock: Clock,
        *,
        arrived: Callable[[str, str, str], None],
        is_gone: Callable[[str], bool],
        first_offer: Callable[[str], str | None],
    ) -> None:
        self._loaded = loaded
        self._book = book
        self._loop = loop
        self._clock = clock
        self._arrived = arrived
        self._is_gone = is_gone
        self._first_offer = first_offer
        self._menus: dict[str, _MenuOfCall] = {}
        self._endings: set[asyncio.Task[None]] = set()

    # FastAGI

    async def begin(self, agi: AgiSession) -> None:
        """A call has been answered."""
        call = agi.uniqueid
        self._arrived(call, agi.channel, agi.args[0] if agi.args else "")
        menu = self._menus.setdefault(call, _MenuOfCall(self._loaded()))
        plan = menu.loaded.menu
        self._book.menu_started(call, plan.id, plan.version)
        await self._talk(agi, menu, MenuSession(plan), Started())

    async def after(self, agi: AgiSession) -> None:
        """The operator has hung up; what the menu says after its queue node comes now."""
        menu = self._menus.setdefault(agi.uniqueid, _MenuOfCall(self._loaded()))
        if menu.node is None:  # an earlier run of the service queued this call
            menu.node = await agi.get_variable("ACD_NODE")
        if menu.node is None or menu.node not in menu.loaded.menu.nodes:
            return
        known = self._book.get(agi.uniqueid)
        session = MenuSession(menu.loaded.menu, language=known.language if known else None)
        await self._talk(agi, menu, session, AfterOperator(menu.node))

    async def _talk(
        self,
        agi: AgiSession,
        menu: _MenuOfCall,
        session: MenuSession,
        first: Started | AfterOperator,
    ) -> None:
        call = agi.uniqueid

        async def enqueue(command: Enqueue) -> Mapping[str, str]:
            menu.node = command.node
            return await self._enqueue(call, command)

        def note(line: Note) -> None:
            self._book.language_chosen(call, line.language)
            attempt = line.attempt if line.result is not None else None
            self._book.call_event(
                call, "menu", node=line.node, key=line.key, result=line.result, attempt=attempt
            )

        menu.is_quiet.clear()
        try:
            outcome = await MenuCall(
                agi,
                session,
                clip_path=lambda clip: menu.loaded.prompts.path(clip) or "",
                enqueue=enqueue,
                note=note,
                now_ms=self._clock,
            ).run(first)
            if outcome is Outcome.BYE:
                self._book.menu_over(call)
        finally:
            menu.is_quiet.set()

    async def _enqueue(self, call: str, command: Enqueue) -> Mapping[str, str]:
        """The wait clock starts; what a successor would need goes into the channel's variables.

        With somebody free the caller goes straight to them.
        """
        now, topic = self._clock(), Topic(command.topic)
        variables = {
            "ACD_LANG": command.language,
            "ACD_Q": f"{topic}|{command.priority_s}",
            "ACD_NODE": command.node,
            "ACD_QT0": str(now),
            "IVR_DONE": "queue",
        }
        if self._is_gone(call):
            return variables
        self._book.language_chosen(call, command.language)
        await self._loop.settle(
            ContactQueued(
                contact=ContactId(call),
                queue=self._loaded().settings.rules.queue_of(topic),
                topic=topic,
                language=Language(command.language),
                queued_at=now,
                priority_ms=Millis(command.priority_s * 1000),
            )
        )
        offer = self._first_offer(call)
        return (
            variables if offer is None else {**variables, "ACD_OFFER": offer, "IVR_DONE": "offer"}
        )

    # The switchboard's listener. All but the arrival waits its turn behind the router's events.

    def call_arrived(self, call: str, number: str, at: int | None) -> None:
        """A citizen's channel was born, now or while nobody listened."""
        self._book.call_arrived(call, number, at)

    def call_event(self, call: str, event: str, **data: str | int | None) -> None:
        """Something for the call's timeline."""
        self._loop.after(lambda: self._book.call_event(call, event, **data))

    def call_gone(self, call: str) -> None:
        """The channel is destroyed."""
        self._loop.after(lambda: self._forget(call))

    def _forget(self, call: str) -> None:
        menu = self._menus.get(call)
        if menu is None or menu.is_quiet.is_set():
            self._close(call)
            return
        waiting = asyncio.get_running_loop().create_task(
            self._close_when_quiet(call, menu), name=f"end of {call}"
        )
        self._endings.add(waiting)
        waiting.add_done_callback(self._endings.discard)

    async def _close_when_quiet(self, call: str, menu: _MenuOfCall) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_S):
                await menu.is_quiet.wait()
        self._close(call)

    def _close(self, call: str) -> None:
        self._book.call_gone(call)
        self._menus.pop(call, None)

    # What is heard, as files for Asterisk; None where there is no audio

    def sound(self, call: str, phrase: str) -> str | None:
        """One of the system's phrases, in the caller's language."""
        loaded, known = self._loaded(), self._book.get(call)
        language = known.language if known and known.language else None
        return loaded.phrase(language or loaded.settings.service.languages[0], phrase)

    def whisper(self, language: str, topic: str) -> str | None:
        """What an operator hears before a caller: language and topic."""
        loaded = self._loaded()
        word = loaded.settings.language_words.get(language)
        name = loaded.settings.topic_names.get(topic, {}).get(language)
        if word is None or name is None:
            return None
        return loaded.prompts.path(whisper(language, word, name))
