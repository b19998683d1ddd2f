"""What a waiting caller who wants to be called back is asked: is this the number?

The caller keeps the place all the while; an offer of the router ends the questions at once.
"""

import logging
from collections.abc import Callable

from acd.callbacks import Callbacks
from acd.calls import CallBook
from acd.core.names import ContactId
from acd.load import Loaded
from acd.switchboard import Switchboard
from ivr.agi_protocol import KEYS
from ivr.core.announcements import digit_clips
from ivr.fastagi import AgiSession, CallGone

log = logging.getLogger(__name__)

STEP_LIMIT_S = 30
ANSWER_MS = 6_000
DIGIT_MS = 4_000
DIGITS_MAX = 15
TRIES = 3


class CallbackTalk:
    """Answers the `book` route of FastAGI."""

    def __init__(
        self,
        callbacks: Callbacks,
        book: CallBook,
        switchboard: Callable[[], Switchboard],
        loaded: Callable[[], Loaded],
    ) -> None:
        self._callbacks = callbacks
        self._book = book
        self._switchboard = switchboard
        self._loaded = loaded

    async def answer(self, agi: AgiSession) -> None:
        """From key 1 to the goodbye, or back into the music."""
        self._switchboard().asking(agi.uniqueid, begins=True)
        try:
            await self._talk(agi)
        except CallGone:
            log.info("%s left the questions about a callback", agi.uniqueid)
        finally:
            self._switchboard().asking(agi.uniqueid, begins=False)

    async def _talk(self, agi: AgiSession) -> None:
        call = self._book.get(agi.uniqueid)
        language = (
            call.language if call is not None else None
        ) or self._loaded().settings.service.languages[0]
        number = self._callbacks.dialable(call.number) if call is not None else None
        for _ in range(TRIES):
            if number is None:
                number = await self._ask_number(agi, language)
            if number is None:
                continue
            key = await self._confirm(agi, language, number)
            if key == "1":
                await self._accept(agi, language, number)
                return
            if key != "2":
                return
            number = None

    async def _accept(self, agi: AgiSession, language: str, number: str) -> None:
        if not await self._callbacks.accept(ContactId(agi.uniqueid), number):
            return
        self._switchboard().waits_no_more(agi.uniqueid)
        await agi.set_variables({"IVR_DONE": "bye", "ACD_STATE": "callback"})
        await self._say(agi, language, "callback_booked", keys="")

    async def _confirm(self, agi: AgiSession, language: str, number: str) -> str | None:
        """The number digit by digit; the key pressed then, or None."""
        key = await self._say(agi, language, "callback_number", keys="12")
        for clip in digit_clips(language, number):
            key = key or await self._play(agi, self._loaded().prompts.path(clip), "12")
        key = key or await self._say(agi, language, "callback_confirm", keys="12")
        return key or await agi.wait_for_digit(ANSWER_MS)

    async def _ask_number(self, agi: AgiSession, language: str) -> str | None:
        """Another number, ended by # or by silence; None when it must not be called."""
        key = await self._say(agi, language, "callback_enter", keys=KEYS)
        digits = ""
        while len(digits) < DIGITS_MAX:
            key = key or await agi.wait_for_digit(DIGIT_MS if digits else ANSWER_MS)
            if key is None or key == "#":
                break
            digits, key = digits + key.replace("*", ""), None
        number = self._callbacks.dialable(digits)
        if number is None:
            await self._say(agi, language, "callback_not_possible", keys="")
        return number

    async def _say(self, agi: AgiSession, language: str, phrase: str, *, keys: str) -> str | None:
        return await self._play(agi, self._loaded().phrase(language, phrase), keys)

    async def _play(self, agi: AgiSession, path: str | None, keys: str) -> str | None:
        """The key that cut it short, if one did; what has no audio is passed over."""
        await agi.set_variable("TIMEOUT(absolute)", str(STEP_LIMIT_S))
        if path is None:
            return None
        key, _ = await agi.stream_file(path, keys)
        return key
