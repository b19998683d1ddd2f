"""Callers in the menu, before and after the router: from the first word to the last.

A call keeps the menu it began with, whatever is reloaded meanwhile. Its record is closed when the
channel is gone, the router has heard of that, and the menu has had its last word.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Literal

from acd.calls import CallBook
from acd.clock import Clock
from acd.core.commands import Tell
from acd.core.events import ContactQueued
from acd.core.names import ContactId, Language, Millis, Topic
from acd.load import Loaded
from acd.loop import Loop
from acd.menu_world import MenuOfCall, MenuWorld
from acd.surroundings import Surroundings
from ivr.call import MenuCall, Outcome
from ivr.core.announcements import announcement
from ivr.core.nodes import Queue
from ivr.core.session import MenuSession
from ivr.core.steps import AfterOperator, Enqueue, Event, Overflowed, Started, TransferFailed
from ivr.core.whispers import whisper
from ivr.fastagi import AgiError, AgiSession

log = logging.getLogger(__name__)

LAST_WORD_S = 2.0
"""How long a call's record waits for the last line of its menu."""


class Menus:
    """Answers FastAGI's routes of the menu; the switchboard's listener.

    `loaded` gives the version new calls get, `around` is the world they ask. `arrived` tells the
    switchboard of a call that FastAGI knows first, `is_gone` whether a call has ended lately,
    `first_offer` gives the offer a caller leaves the menu with.
    """

    def __init__(
        self,
        loaded: Callable[[], Loaded],
        book: CallBook,
        loop: Loop,
        clock: Clock,
        around: Surroundings,
        *,
        arrived: Callable[[str, str, str], None],
        is_gone: Callable[[str], bool],
        first_offer: Callable[[str], str | None],
    ) -> None:
        self._loaded = loaded
        self._book = book
        self._loop = loop
        self._clock = clock
        self._around = around
        self._arrived = arrived
        self._is_gone = is_gone
        self._first_offer = first_offer
        self._menus: dict[str, MenuOfCall] = {}
        self._endings: set[asyncio.Task[None]] = set()

    # FastAGI

    async def begin(self, agi: AgiSession) -> None:
        """A call has been answered."""
        number = agi.args[0] if agi.args else ""
        self._arrived(agi.uniqueid, agi.channel, number)
        menu = self._menu_of(agi)
        menu.number = number
        plan = menu.loaded.menu
        self._book.menu_started(agi.uniqueid, plan.id, plan.version)
        menu.session = self._new_session(menu)
        await self._talk(agi, menu, Started())

    async def after(self, agi: AgiSession) -> None:
        """The operator has hung up; what the menu says after its queue node comes now."""
        menu, node = await self._again(agi)
        if node is not None:
            await self._talk(agi, menu, AfterOperator(node))

    async def overflowed(self, agi: AgiSession) -> None:
        """The ladder has led the caller out of the queue, as the argument says.

        `menu`: it begins again, in the caller's language. Otherwise what it says when nobody can
        come; where it says nothing, the call is given back and Asterisk takes a message.
        """
        target = agi.args[0] if agi.args else ""
        menu, node = await self._again(agi)
        if target == "menu":
            menu.session = self._new_session(menu, menu.language)
            await self._talk(agi, menu, Started())
        elif node is not None:
            await self._overflow(agi, menu, node)

    async def _overflow(self, agi: AgiSession, menu: MenuOfCall, node: str) -> None:
        found = menu.loaded.menu.nodes.get(node)
        if isinstance(found, Queue) and found.on_overflow is not None:
            await self._talk(agi, menu, Overflowed(node))

    async def transferred(self, agi: AgiSession) -> None:
        """The caller is back from another house; the argument says how Dial ended."""
        status = agi.args[0] if agi.args else ""
        menu, node = await self._again(agi)
        menu.is_led_out = False
        self._book.call_event(agi.uniqueid, "back", status=status)
        if node is None:  # an earlier run of the service led the caller out of another menu
            menu.session = self._new_session(menu)
            await self._talk(agi, menu, Started())
        elif status == "ANSWER":
            await self._talk(agi, menu, AfterOperator(node))
        elif isinstance(menu.loaded.menu.nodes[node], Queue):  # the ladder led the caller there
            await self._overflow(agi, menu, node)
        else:
            reason: Literal["busy", "noanswer"] = "busy" if status == "BUSY" else "noanswer"
            await self._talk(agi, menu, TransferFailed(node, reason))

    def _menu_of(self, agi: AgiSession) -> MenuOfCall:
        return self._menus.setdefault(agi.uniqueid, MenuOfCall(self._loaded()))

    async def _again(self, agi: AgiSession) -> tuple[MenuOfCall, str | None]:
        """The menu of a call that comes back to it, and the node it left through, if any."""
        menu = self._menu_of(agi)
        known = self._book.get(agi.uniqueid)
        if menu.session is None:  # an earlier run of the service let this call go
            menu.number = known.number if known is not None else ""
            menu.node = await agi.get_variable("ACD_NODE")
            language = known.language if known is not None else None
            menu.session = self._new_session(menu, language or await agi.get_variable("ACD_LANG"))
        node = menu.node if menu.node in menu.loaded.menu.nodes else None
        return menu, node

    def _new_session(self, menu: MenuOfCall, language: str | None = None) -> MenuSession:
        facts = self._around.facts(menu.loaded, menu.number)
        return MenuSession(menu.loaded.menu, facts=facts, language=language)

    async def _talk(self, agi: AgiSession, menu: MenuOfCall, first: Event) -> None:
        assert menu.session is not None

        async def enqueue(command: Enqueue) -> Mapping[str, str]:
            told = await self._tell_of_recording(agi, menu, command)
            return {**told, **await self._enqueue(agi.uniqueid, menu.number, command)}

        world = MenuWorld(agi, menu, self._book, self._around, enqueue)
        menu.is_quiet.clear()
        try:
            outcome = await MenuCall(agi, menu.session, world, now_ms=self._clock).run(first)
            if outcome is Outcome.BYE:
                self._book.menu_over(agi.uniqueid)
        finally:
            menu.is_quiet.set()

    async def _tell_of_recording(
        self, agi: AgiSession, menu: MenuOfCall, command: Enqueue
    ) -> Mapping[str, str]:
        """Before the caller takes a place: here it costs no operator a moment.

        Who could not be told here is told by the dialplan, or not recorded.
        """
        loaded = self._loaded()
        queue = loaded.settings.rules.queue_of(Topic(command.topic))
        recording = loaded.settings.recording.get(queue)
        if recording is None or not recording.notice or menu.is_told_of_recording:
            return {}
        path = loaded.phrase(command.language, "recording_notice")
        if path is None:
            return {}
        try:
            await agi.stream_file(path, "")
        except AgiError as error:
            log.error("the notice of recording was not played: %s", error)
            return {}
        menu.is_told_of_recording = True
        self._book.call_event(agi.uniqueid, "recording_notice")
        return {"ACD_NOTICED": "1"}

    async def _enqueue(self, call: str, number: str, command: Enqueue) -> Mapping[str, str]:
        """The wait clock starts; what a successor would need goes into the channel's variables.

        With somebody free the caller goes straight to them.
        """
        now, topic = self._clock(), Topic(command.topic)
        priority_ms = Millis(command.priority_s * 1000 + self._around.head_start(number))
        variables = {
            "ACD_LANG": command.language,
            "ACD_Q": f"{topic}|{priority_ms // 1000}",
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
                priority_ms=priority_ms,
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

    async def _close_when_quiet(self, call: str, menu: MenuOfCall) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_S):
                await menu.is_quiet.wait()
        self._close(call)

    def _close(self, call: str) -> None:
        menu = self._menus.pop(call, None)
        if menu is not None and menu.is_led_out:
            self._book.menu_over(call)  # with another house to the end: the menu did its work
        self._book.call_gone(call)

    # What is heard, as files for Asterisk; None where there is no audio

    def sound(self, contact: ContactId, phrase: str) -> str | None:
        """One of the system's phrases, in the caller's language."""
        return self._loaded().phrase(self._language_of(contact), phrase)

    def told(self, tell: Tell) -> str | None:
        """A place in the line and a range of the wait; nothing unless all of it can be said."""
        loaded = self._loaded()
        clips = announcement(self._language_of(tell.contact), tell.position, tell.wait_ms)
        paths = [loaded.prompts.path(clip) for clip in clips]
        whole = [path for path in paths if path is not None]
        return "&".join(whole) if whole and len(whole) == len(paths) else None

    def _language_of(self, contact: ContactId) -> str:
        known = self._book.of(contact)
        language = known.language if known is not None else None
        return language or self._loaded().settings.service.languages[0]

    def whisper(self, language: str, topic: str) -> str | None:
        """What an operator hears before a caller: language and topic."""
        loaded = self._loaded()
        word = loaded.settings.language_words.get(language)
        name = loaded.settings.topic_names.get(topic, {}).get(language)
        if word is None or name is None:
            return None
        return loaded.prompts.path(whisper(language, word, name))
