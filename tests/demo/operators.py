"""An operator: registers, logs in, answers, talks, wraps up, pauses, comes back.

The operator looks at the screen every second as a person would, and puts right what is not as it
should be: a phone that is not registered, a set-aside after an unanswered ring, a log-in that a
restart has lost. While the service is away they do nothing and answer whoever rings.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.demo.script import Turn, turns
from tests.demo.voices import CITIZENS_HZ, OPERATORS_HZ, TICK_S, Ear, converse, frames, leave, until
from tests.demo.watch import Watch
from tests.sip import Call, Phone, Ring
from tests.sip.udp import Address

REGISTERED_S = 60
RETRY_S = 3.0
"""Between two attempts at the same thing."""
BACK_S = 5.0
"""How long it takes to notice that one was set aside."""
RINGS_S = 60.0
DIAL_S = 20.0
LONELY_MS = 12_000
"""In a conversation in which nobody is heard an operator hangs up."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What every operator has in common."""

    server: Address
    features: Mapping[str, str]
    reasons: Sequence[str]
    """The digits of the pause reasons."""
    watch: Watch
    seed: int


class Operator:
    """One operator at work; `work` runs until cancelled, `go_home` then closes the phone."""

    def __init__(self, id_: str, password: str, place: int, desk: Desk) -> None:
        self.id = id_
        self._desk = desk
        self._turns = turns(desk.seed, id_)
        self._phone = Phone(
            id_,
            server=desk.server,
            password=password,
            tone_hz=OPERATORS_HZ[place % len(OPERATORS_HZ)],
            policy=Ring(),
        )
        self._is_in = False
        self._acted_at = 0.0
        self._unwell_since: float | None = None
        self.talked_ms = 0

    async def work(self) -> None:
        """Come in, and work until cancelled; called again after a trouble it goes on."""
        if not self._is_in:
            await self._phone.open()
            self._is_in = True
            await self._register()
            await self._dial(self._desk.features["ready"])
        while True:
            if (ringing := self._ringing()) is not None:
                await self._serve(ringing, next(self._turns))
            else:
                await self._look()
                await asyncio.sleep(TICK_S)

    async def go_home(self) -> None:
        """Put the phone down and unregister; never raises for what the phone met before."""
        await asyncio.gather(*(leave(call) for call in self._phone.live_calls))
        try:
            await self._phone.close()
        except (OSError, AssertionError):
            return

    def _ringing(self) -> Call | None:
        calls = self._phone.live_calls
        return next((call for call in calls if call.state == "ringing"), None)

    async def _serve(self, call: Call, turn: Turn) -> None:
        if not turn.answers:
            await until(lambda: call.state == "ended", RINGS_S)
        elif not await until(lambda: call.state == "ended", turn.ring_ms / 1000):
            call.answer()
            ear = Ear(call, frames(CITIZENS_HZ))
            try:
                await converse(call, ear, talk_ms=turn.talk_ms, patience_ms=LONELY_MS)
            finally:  # the end of the demo may come first
                self.talked_ms += ear.talked_ms
        await leave(call)
        self._tidy()
        if self._ringing() is None and turn.answers:
            await self._after(turn)

    async def _after(self, turn: Turn) -> None:
        """Write down what was said, and have a break now and then."""
        if turn.wrap_ms is not None and not await self._is_wanted(turn.wrap_ms):
            row = self._desk.watch.operator(self.id)
            if row is not None and row["state"] == "wrap_up":
                await self._dial(self._desk.features["wrap_up"])
        if turn.pause_ms is not None and self._desk.reasons and self._ringing() is None:
            reason = self._desk.reasons[turn.reason % len(self._desk.reasons)]
            await self._dial(self._desk.features["pause"] + reason)
            if not await self._is_wanted(turn.pause_ms):
                await self._dial(self._desk.features["ready"])

    async def _is_wanted(self, ms: int) -> bool:
        """Sit for so long; whether the phone rang meanwhile."""
        return await until(lambda: self._ringing() is not None, ms / 1000)

    async def _look(self) -> None:
        """Put right what the screen shows, once it has shown it for a while."""
        now = asyncio.get_running_loop().time()
        row = self._desk.watch.operator(self.id)
        if row is None or self._desk.watch.looked_at < self._acted_at:
            return
        reason = str(row["reason"])
        lost_phone = row["phone"] == "unreachable"
        set_aside = row["state"] == "paused" and not reason.startswith("phone_")
        if not (lost_phone or set_aside or row["state"] == "offline"):
            self._unwell_since = None
            return
        self._unwell_since = self._unwell_since or now
        if now - self._unwell_since < (BACK_S if set_aside else RETRY_S):
            return
        self._unwell_since = None
        if lost_phone:
            await self._register()
        else:
            await self._dial(self._desk.features["ready"])

    async def _register(self) -> None:
        response = await self._phone.register(REGISTERED_S)
        while response is None or response.code != 200:
            await asyncio.sleep(RETRY_S)
            response = await self._phone.register(REGISTERED_S)
        self._acted_at = asyncio.get_running_loop().time()

    async def _dial(self, code: str) -> None:
        """Dial a feature code and listen to what is said."""
        call = self._phone.dial(code)
        await until(lambda: call.state == "ended", DIAL_S)
        await leave(call)
        self._tidy()
        self._acted_at = asyncio.get_running_loop().time()

    def _tidy(self) -> None:
        """Forget what is over: a phone keeps all it heard, and a demo may run for days."""
        live = self._phone.live_calls
        self._phone.calls[:] = live
        if not live:
            self._phone.log.events.clear()
