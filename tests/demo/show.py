"""The demo from its first line to its last: who comes when, what is told, how it all ends."""

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path

from acd.client import ServiceError
from acd.load import Loaded
from acd.run import say
from tests.demo.citizens import Line, call_in
from tests.demo.crew import Crew
from tests.demo.ledger import Ledger
from tests.demo.operators import Desk, Operator
from tests.demo.routes import Routes
from tests.demo.script import Citizen, citizens
from tests.demo.system import System, complain
from tests.demo.voices import CITIZENS_HZ, OPERATORS_HZ, frames
from tests.demo.watch import Watch

TELL_S = 10.0
COME_IN_S = 0.1
"""Between two operators who come to work."""
ALL_READY_S = 15.0
AGAIN_S = 3.0
"""Until an operator whose phone had trouble works on."""
SETTLE_S = 20.0
"""How long the records of the last calls, or a service just killed, are waited for."""
LINES_MAX = 300
"""Calls at once; beyond it nobody new calls until somebody has hung up."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line; `seconds` 0: until Ctrl-C."""

    per_minute: float
    seconds: float
    seed: int
    run: list[str]
    """The options of `acd run`."""


class Show:
    """One demo. `play` is called once."""

    def __init__(
        self, options: Options, loaded: Loaded, routes: Routes, crew: Crew, trunk: str
    ) -> None:
        self._options = options
        self._loaded = loaded
        self._routes = routes
        self._crew = crew
        service = loaded.settings.service
        self._line = Line((service.listen.sip.host, service.listen.sip.port), trunk, service.number)
        self._ledger = Ledger()
        self._watch = Watch(service.listen.socket, self._ledger)
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._operators: list[Operator] = []
        self._people: set[asyncio.Task[None]] = set()
        self._troubles = 0
        self._began = 0.0

    async def play(self) -> int:
        """Everything; 0 when all was stopped in order and every call is on record once."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self._trouble(context.get("exception")))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked)
        system = await System.start(self._options.run, say)
        try:
            if not await self._until_stop(system.up()):
                return 0 if self._stop.is_set() else 1
            frames(CITIZENS_HZ), frames(OPERATORS_HZ)  # a tenth of a second, once
            return await self._play(system)
        finally:
            await system.stop()

    async def _play(self, system: System) -> int:
        ended = asyncio.create_task(self._see_the_end_of(system))
        watching = asyncio.create_task(self._watch.run())
        await self._until_stop(self._come_to_work())
        self._began = asyncio.get_running_loop().time()
        telling = asyncio.create_task(self._tell())
        await self._until_stop(self._let_them_call())
        telling.cancel()
        is_broken = ended.done()
        say("the demo ends: everybody hangs up, operators log out")
        await self._gently(self._go_home(), is_broken=is_broken)
        watching.cancel()
        ended.cancel()
        await asyncio.gather(telling, watching, ended, return_exceptions=True)
        lines, is_balanced = self._ledger.balance()
        talked_s = sum(operator.talked_ms for operator in self._operators) // 1000
        say("\n".join([*lines, f"  operators heard citizens for {talked_s} s in all"]))
        if self._troubles:
            complain(f"demo: phones met {self._troubles} troubles")
        return 0 if is_balanced and not is_broken else 1

    def _asked(self) -> None:
        """Ctrl-C; a second one means at once."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def _until_stop(self, work: Coroutine[object, object, object]) -> object:
        """Do this until it is done or somebody wants to stop; None when stopped."""
        return await self._do_until(work, self._stop)

    async def _gently(self, work: Coroutine[object, object, object], *, is_broken: bool) -> None:
        """Do this, unless a second Ctrl-C or the loss of the system makes it pointless."""
        if is_broken:
            self._hurry.set()
        await self._do_until(work, self._hurry)

    async def _do_until(
        self, work: Coroutine[object, object, object], event: asyncio.Event
    ) -> object:
        doing = asyncio.create_task(work)
        waiting = asyncio.create_task(event.wait())
        await asyncio.wait([doing, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if doing.done():
            return doing.result()
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
        return None

    async def _see_the_end_of(self, system: System) -> None:
        status = await system.ended()
        complain(f"demo: `acd run` has ended by itself (exit {status}); start the demo again")
        self._stop.set()

    def _begin(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._people.add(task)
        task.add_done_callback(self._has_left)

    def _has_left(self, task: asyncio.Task[None]) -> None:
        self._people.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            self._trouble(problem)

    def _trouble(self, problem: object) -> None:
        """A phone's own trouble is told once and counted: it must not end the demo."""
        if not self._troubles:
            complain(f"demo: a phone had trouble: {type(problem).__name__}: {problem}"[:300])
        self._troubles += 1

    async def _come_to_work(self) -> None:
        settings = self._loaded.settings
        passwords = json.loads((settings.service.folder / "secrets.json").read_text())["phones"]
        reasons = list(settings.service.pause_reasons)
        features = settings.service.features
        desk = Desk(self._line.server, features, reasons, self._watch, self._options.seed)
        for place, id_ in enumerate(self._crew.operators):
            operator = Operator(id_, passwords[id_], place, desk)
            self._operators.append(operator)
            self._begin(self._employ(operator, place * COME_IN_S))
        loop = asyncio.get_running_loop()
        until = loop.time() + ALL_READY_S + len(self._operators) * COME_IN_S
        while self._watch.states("ready") < len(self._operators) and loop.time() < until:
            await asyncio.sleep(COME_IN_S)
        say(f"{self._watch.states('ready')} of {len(self._operators)} operators are ready")

    async def _employ(self, operator: Operator, begin_s: float) -> None:
        await asyncio.sleep(begin_s)
        while True:
            try:
                await operator.work()
            except (OSError, AssertionError) as problem:
                self._trouble(problem)
                await asyncio.sleep(AGAIN_S)

    async def _let_them_call(self) -> None:
        loop, options = asyncio.get_running_loop(), self._options
        end = loop.time() + options.seconds if options.seconds else float("inf")
        visit = int(time.time())
        for plan in citizens(options.seed, options.per_minute, self._routes, visit):
            at = self._began + plan.at_ms / 1000
            await asyncio.sleep(max(0.0, min(at, end) - loop.time()))
            if at >= end:
                return
            if len(self._people) < LINES_MAX:
                self._begin(self._call(plan))

    async def _call(self, plan: Citizen) -> None:
        await call_in(plan, self._line, self._ledger)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(TELL_S)
            say(self._figures())

    def _figures(self) -> str:
        minutes, seconds = divmod(int(asyncio.get_running_loop().time() - self._began), 60)
        sums, present = self._ledger.figures(), self._watch.present()
        text = f"{minutes:3}:{seconds:02}  placed {sums['placed']}  "
        if present is None:
            up = len(self._people) - len(self._operators)
            return f"{text}the service does not answer; Asterisk carries on, {max(0, up)} callers"
        return (
            f"{text}in menu {present['menu']}  waiting {present['waiting']}  "
            f"talking {present['talking']}  answered {sums['answered']}  gave up {sums['gave_up']}"
        )

    async def _go_home(self) -> None:
        """Citizens hang up, operators log out, and the last records are waited for."""
        for person in self._people:
            person.cancel()
        await asyncio.gather(*self._people, return_exceptions=True)
        await self._settle()
        for operator in self._operators:
            with contextlib.suppress(ServiceError):
                await self._watch.ask("operator", action="logout", operator=operator.id)
        await asyncio.gather(*(operator.go_home() for operator in self._operators))

    async def _settle(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + SETTLE_S
        while loop.time() < until:
            answers = await self._watch.look(3 * len(self._ledger.placed) + 200)
            if answers and not self._ledger.unfinished:
                return
            for entry in self._ledger.unfinished if answers else ():
                if entry.call is not None:
                    await self._watch.look_up(entry.call)
            await asyncio.sleep(0.2)


def first_lines(options: Options, crew: Crew, folder: Path) -> str:
    """What a person has to know before anything happens."""
    length = f"{options.seconds:g} s" if options.seconds else "until Ctrl-C"
    lines = [
        f"demo: {len(crew.operators)} operators, {options.per_minute:g} calls a minute, {length}, "
        f"seed {options.seed}; conversations are short, 5 to 20 s, so that something happens",
        f"  people    phones of this machine; their calls are put on record in {folder} like any",
    ]
    if crew.unmet:
        language, queue, topic = crew.unmet[0]
        lines.append(
            f"  warning   {len(crew.unmet)} needs without an operator, as {topic or queue} in "
            f"{language}; take more OPERATORS"
        )
    return "\n".join(lines)
