"""A menu session on a telephone line: carries the session's commands out over FastAGI.

The dialplan reads IVR_DONE when this ends: `queue` the caller waits for an operator, `offer`
they go to the one in ACD_OFFER, `transfer`
the caller is led out of the centre, `bye` the call is over, empty: something failed here, and
Asterisk's own fallback takes the caller.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Protocol, assert_never

from ivr.core import menu
from ivr.core.expressions import Value
from ivr.core.session import MenuSession
from ivr.core.steps import (
    BookCallback,
    CallbackAnswered,
    Command,
    Enqueue,
    Event,
    Fetch,
    Fetched,
    HangUp,
    HungUp,
    KeyPressed,
    Listen,
    Note,
    Play,
    PlaybackFinished,
    Rated,
    Record,
    Recorded,
    Remember,
    TimedOut,
    Transfer,
    TransferFailed,
    Warned,
)
from ivr.fastagi import AgiSession, CallGone

logger = logging.getLogger(__name__)

STEP_LIMIT_S_MIN = 20  # a caller in the hands of a hung service leaves after this time
STEP_MARGIN_S = 10
SLOWEST_CHARACTERS_PER_S = 5
LISTEN_SLACK_MS = 50  # a key ignored this close to the end does not start another wait
FETCH_LOOK_MS = 100  # how often a caller who waits for another house is listened to
FETCH_GRACE_MS = 500


class Outcome(Enum):
    """How the menu ended."""

    QUEUED = "queued"
    TRANSFERRED = "transferred"
    BYE = "bye"
    GONE = "gone"
    FAILED = "failed"


class World(Protocol):
    """What a menu does outside the conversation, for one call.

    The first four must return at once; an error in any of them sends the caller to the fallback.
    """

    def clip_path(self, clip: menu.Clip, *, is_slow: bool) -> str:
        """The absolute path of a sentence's audio, without ending."""

    def note(self, line: Note) -> None:
        """A line of the timeline."""

    def remember(self, language: str) -> None:
        """Keep the language for the caller's number."""

    def told(self, news: Rated | Warned) -> None:
        """An answer to a survey, or something an admin should know."""

    async def enqueue(self, command: Enqueue) -> Mapping[str, str]:
        """The variables, IVR_DONE among them, with which the caller is let go."""

    async def fetch(self, command: Fetch) -> Value:
        """The answer of another house, None when there was none; may be cancelled."""

    async def record(self, command: Record) -> int:
        """Beep and take a message; how long it is in milliseconds. `CallGone` as anywhere."""

    async def book_callback(self, command: BookCallback) -> bool:
        """Whether the number will be called."""

    async def transfer(self, command: Transfer) -> bool:
        """Prepare the channel for being led out; False when that number may not be dialled."""


class MenuCall:
    """One call in the menu. Nothing here reads a clock: `now_ms` is handed in."""

    def __init__(
        self,
        agi: AgiSession,
        session: MenuSession,
        world: World,
        *,
        now_ms: Callable[[], int],
        step_limit_s_min: int = STEP_LIMIT_S_MIN,
    ) -> None:
        self._agi = agi
        self._session = session
        self._world = world
        self._now_ms = now_ms
        self._step_limit_s_min = step_limit_s_min

    async def run(self, first: Event) -> Outcome:
        """From the event that begins the menu to its end; raises only on cancelling."""
        try:
            return await self._run(first)
        except CallGone:
            self._told(self._session.handle(HungUp(), self._now_ms()))
            return Outcome.GONE
        except Exception:
            logger.exception("menu of call %s failed at %s", self._agi.uniqueid, self._where())
            self._world.note(self._session.failed(self._now_ms()))
            return Outcome.FAILED

    async def _run(self, first: Event) -> Outcome:
        step = self._tell(first)
        while True:
            match step:
                case Enqueue():
                    await self._agi.set_variables(await self._world.enqueue(step))
                    return Outcome.QUEUED
                case Transfer():
                    if await self._world.transfer(step):
                        return await self._done("transfer", Outcome.TRANSFERRED)
                    step = self._tell(TransferFailed(step.node, "noanswer"))
                case HangUp():
                    return await self._done("bye", Outcome.BYE)
                case None:
                    raise AssertionError(f"the session gave nothing to do at {self._where()}")
                case _:
                    step = await self._carry_out(step)

    async def _done(self, word: str, outcome: Outcome) -> Outcome:
        await self._agi.set_variable("IVR_DONE", word)
        return outcome

    async def _carry_out(self, step: Command) -> Command | None:
        """Do what takes time, and tell the session how it went."""
        match step:
            case Play():
                return await self._play(step)
            case Listen():
                await self._renew_limit(step.timeout_ms)
                found = await self._wait(step.timeout_ms)
                return found if found is not None else self._tell(TimedOut())
            case Fetch():
                return self._tell(Fetched(await self._fetch(step)))
            case Record():
                await self._renew_limit(step.max_ms)
                return self._tell(Recorded(await self._world.record(step)))
            case BookCallback():
                return self._tell(CallbackAnswered(await self._world.book_callback(step)))
            case _:
                raise AssertionError(f"{step} at {self._where()} takes no time")

    async def _play(self, play: Play) -> Command | None:
        """Play to the end, or until the session answers a key with something else to do."""
        for sound in play.sounds:
            if isinstance(sound, menu.Pause):
                step = await self._wait(sound.ms)
            else:
                step = await self._play_clip(sound, is_slow=play.is_slow)
            if step is not None:
                return step
        return self._tell(PlaybackFinished())

    async def _play_clip(self, clip: menu.Clip, *, is_slow: bool) -> Command | None:
        path = self._world.clip_path(clip, is_slow=is_slow)
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

    async def _fetch(self, fetch: Fetch) -> Value:
        """The answer, while keys are kept and a hang-up is noticed; None when it is late."""
        await self._renew_limit(fetch.timeout_ms)
        until_ms = self._now_ms() + fetch.timeout_ms + FETCH_GRACE_MS
        asking = asyncio.get_running_loop().create_task(
            self._world.fetch(fetch), name=f"fetch for {self._agi.uniqueid}"
        )
        try:
            while not asking.done() and self._now_ms() < until_ms:
                key = await self._agi.wait_for_digit(FETCH_LOOK_MS)
                if key is not None:
                    self._tell(KeyPressed(key))
            return asking.result() if asking.done() else None
        finally:
            asking.cancel()

    async def _renew_limit(self, step_ms: int) -> None:
        """Let Asterisk take the caller back should this service hang during the next step."""
        limit_s = max(self._step_limit_s_min, -(-step_ms // 1000) + STEP_MARGIN_S)
        await self._agi.set_variable("TIMEOUT(absolute)", str(limit_s))

    def _tell(self, event: Event) -> Command | None:
        return self._told(self._session.handle(event, self._now_ms()))

    def _told(self, commands: Iterable[Command]) -> Command | None:
        """Do what takes no time; the one thing left to do, if any."""
        step: Command | None = None
        for command in commands:
            match command:
                case Note():
                    self._world.note(command)
                case Remember(language):
                    self._world.remember(language)
                case Rated() | Warned():
                    self._world.told(command)
                case (
                    Play()
                    | Listen()
                    | Enqueue()
                    | HangUp()
                    | Fetch()
                    | Record()
                    | BookCallback()
                    | Transfer()
                ):
                    step = command
                case _:
                    assert_never(command)
        return step

    def _where(self) -> str:
        return f"{self._session.node_name} ({self._session.language})"
