"""A menu session on a telephone line: carries the session's commands out over FastAGI.

The dialplan reads IVR_DONE when this ends: `queue` the caller waits for an operator, `offer`
they go to the one in ACD_OFFER, `bye` the call is over, empty: something failed here, and
Asterisk's own fallback takes the caller.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import Enum

from ivr.core import menu
from ivr.core.session import (
    Command,
    Enqueue,
    Event,
    HangUp,
    HungUp,
    KeyPressed,
    Listen,
    MenuSession,
    Note,
    Play,
    PlaybackFinished,
    TimedOut,
)
from ivr.fastagi import AgiSession, CallGone

logger = logging.getLogger(__name__)

STEP_LIMIT_S_MIN = 20  # a caller in the hands of a hung service leaves after this time
STEP_MARGIN_S = 10
SLOWEST_CHARACTERS_PER_S = 6
LISTEN_SLACK_MS = 50  # a key ignored this close to the end does not start another wait


class Outcome(Enum):
    """How the menu ended."""

    QUEUED = "queued"
    BYE = "bye"
    GONE = "gone"
    FAILED = "failed"


class MenuCall:
    """One call in the menu. Nothing here reads a clock: `now_ms` is handed in.

    `clip_path` gives the absolute path of a sentence's audio, without extension. `enqueue`
    answers with the channel variables, IVR_DONE among them, with which the caller is let go.
    `note` gets every line of the timeline.
    """

    def __init__(
        self,
        agi: AgiSession,
        session: MenuSession,
        *,
        clip_path: Callable[[menu.Clip], str],
        enqueue: Callable[[Enqueue], Awaitable[Mapping[str, str]]],
        note: Callable[[Note], None],
        now_ms: Callable[[], int],
        step_limit_s_min: int = STEP_LIMIT_S_MIN,
    ) -> None:
        self._agi = agi
        self._session = session
        self._clip_path = clip_path
        self._enqueue = enqueue
        self._note = note
        self._now_ms = now_ms
        self._step_limit_s_min = step_limit_s_min

    async def run(self, first: Event) -> Outcome:
        """From `Started` or `AfterOperator` to the end of the menu; raises only on cancelling."""
        try:
            return await self._run(first)
        except CallGone:
            self._told(self._session.handle(HungUp(), self._now_ms()))
            return Outcome.GONE
        except Exception:
            logger.exception("menu of call %s failed at %s", self._agi.uniqueid, self._where())
            self._told([self._session.failed(self._now_ms())])
            return Outcome.FAILED

    async def _run(self, first: Event) -> Outcome:
        step = self._told(self._session.handle(first, self._now_ms()))
        while True:
            match step:
                case Play():
                    step = await self._play(step)
                case Listen():
                    step = await self._listen(step)
                case Enqueue():
                    await self._agi.set_variables(await self._enqueue(step))
                    return Outcome.QUEUED
                case HangUp():
                    await self._agi.set_variable("IVR_DONE", "bye")
                    return Outcome.BYE
                case _:
                    raise AssertionError(f"the session gave nothing to do at {self._where()}")

    async def _play(self, play: Play) -> Command | None:
        """Play to the end, or until the session answers a key with something else to do."""
        for sound in play.sounds:
            if isinstance(sound, menu.Pause):
                step = await self._wait(sound.ms)
            else:
                step = await self._play_clip(sound)
            if step is not None:
                return step
        return self._tell(PlaybackFinished())

    async def _play_clip(self, clip: menu.Clip) -> Command | None:
        path = self._clip_path(clip)
        length_ms_max = len(clip.text) * 1000 // SLOWEST_CHARACTERS_PER_S + 1000
        await self._renew_limit(length_ms_max)
        offset_ms = 0
        while True:
            key, offset_ms = await self._agi.stream_file(path, offset_ms=offset_ms)
            if key is None:
                return None
            step = self._tell(KeyPressed(key))
            if step is not None:
                return step

    async def _listen(self, listen: Listen) -> Command | None:
        await self._renew_limit(listen.timeout_ms)
        step = await self._wait(listen.timeout_ms)
        return step if step is not None else self._tell(TimedOut())

    async def _wait(self, wait_ms: int) -> Command | None:
        """Silence in which keys count; None when the time has passed with nothing to do."""
        until_ms = self._now_ms() + wait_ms
        left_ms = wait_ms
        while left_ms > 0:
            key = await self._agi.wait_for_digit(left_ms)
            if key is None:
                return None
            step = self._tell(KeyPressed(key))
            if step is not None:
                return step
            left_ms = until_ms - self._now_ms() - LISTEN_SLACK_MS
        return None

    async def _renew_limit(self, step_ms: int) -> None:
        """Let Asterisk take the caller back should this service hang during the next step."""
        limit_s = max(self._step_limit_s_min, -(-step_ms // 1000) + STEP_MARGIN_S)
        await self._agi.set_variable("TIMEOUT(absolute)", str(limit_s))

    def _tell(self, event: Event) -> Command | None:
        return self._told(self._session.handle(event, self._now_ms()))

    def _told(self, commands: Iterable[Command]) -> Command | None:
        """Pass the notes on; the one thing left to do, if any."""
        step: Command | None = None
        for command in commands:
            if isinstance(command, Note):
                self._note(command)
            else:
                step = command
        return step

    def _where(self) -> str:
        return f"{self._session.node_name} ({self._session.language})"
