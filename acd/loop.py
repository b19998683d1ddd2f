"""The decision loop: one event in, the router's commands out, one timer; always in order."""

import asyncio
import logging
from collections.abc import Callable

from acd.clock import Clock
from acd.core.commands import Command
from acd.core.contacts import Contact
from acd.core.events import Event, Ticked
from acd.core.names import ContactId, Millis
from acd.core.router import Router

log = logging.getLogger(__name__)

CarryOut = Callable[[Event, Millis, list[Command], Contact | None], None]


class Loop:
    """Feeds the router. `post` may be called from any callback of the event loop.

    `carry_out` gets the event, its time, the commands, and the contact the event was about as the
    router knew it before; it must not block. If the router or `carry_out` fails on an event, that
    is logged with the event and the loop goes on: one poisoned event must not stop the centre.
    `look_first` is called before each event is dealt with: it finds out that the process stood
    still, and may hand in what has to come before with `at_once`.
    """

    def __init__(
        self,
        router: Router,
        carry_out: CarryOut,
        clock: Clock,
        look_first: Callable[[], object] = lambda: None,
    ) -> None:
        self.look_first = look_first
        self._router = router
        self._carry_out = carry_out
        self._clock = clock
        self._inbox: asyncio.Queue[Event | Callable[[], None]] = asyncio.Queue()
        self._now = Millis(0)
        self.failures = 0
        self.turns = 0

    def post(self, event: Event) -> None:
        """Hand in an event; it is dealt with after those already there."""
        self._inbox.put_nowait(event)

    def at_once(self, event: Event) -> None:
        """Deal with an event now, before those already handed in."""
        self._turn(event, None)

    async def settle(self, event: Event) -> None:
        """Hand in an event and wait until it has been dealt with."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.post(event)
        self.after(lambda: None if done.done() else done.set_result(None))
        await done

    def after(self, work: Callable[[], None]) -> None:
        """Do something once every event handed in so far has been dealt with."""
        self._inbox.put_nowait(work)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            wake = self._router.wake_at()
            item: Event | Callable[[], None]
            try:
                delay = None if wake is None else max(0, wake - self._clock()) / 1000
                async with asyncio.timeout(delay):
                    item = await self._inbox.get()
            except TimeoutError:
                item = Ticked()
            self.look_first()
            if isinstance(item, Event):
                self._turn(item, wake)
            else:
                self._do(item)

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            self.failures += 1
            log.exception("this could not be done: %s", work)

    def _turn(self, event: Event, wake: Millis | None) -> None:
        """No await from here to the last command: order is kept."""
        now = Millis(max(self._clock(), self._now))
        if isinstance(event, Ticked) and wake is not None:
            now = Millis(max(now, wake))
        self._now = now
        self.turns += 1
        about = self._router.contact(ContactId(getattr(event, "contact", "")))
        try:
            self._carry_out(event, now, self._router.handle(event, now), about)
        except Exception:
            self.failures += 1
            log.exception("this event could not be dealt with: %s", event)
