"""What menus can find out about the world at this moment, and what they ask it to do."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from acd.broadcasts import Broadcasts, Overrides
from acd.caller_languages import CallerLanguages
from acd.clock import Clock
from acd.core.events import ContactQueued
from acd.core.names import Millis
from acd.fetch import Fetcher
from acd.load import Loaded
from acd.store import MenuEventRow
from ivr.core.expressions import Value
from ivr.core.schedules import holds
from ivr.facts import Caller, Facts, facts_of

QueueFigures = Callable[[str], Mapping[str, Value] | None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Shared by all calls. `messages` is the folder of recordings; `keep` puts a step on record;
    `queues` gives the figures of a queue, None for an unknown one. `call_back` promises a call to a
    number, False when it cannot; `head_start` is what a caller's number is owed in the line.
    """

    broadcasts: Broadcasts
    overrides: Overrides
    languages: CallerLanguages
    fetcher: Fetcher
    queues: QueueFigures
    keep: Callable[[MenuEventRow], None]
    messages: Path
    clock: Clock
    call_back: Callable[[ContactQueued, str], Awaitable[bool]]
    head_start: Callable[[str], Millis]

    def facts(self, loaded: Loaded, number: str) -> Facts:
        """The answers for one call, each as it is when it is asked for."""
        plan = loaded.menu
        zone = ZoneInfo(plan.timezone)

        def now() -> datetime:
            return datetime.fromtimestamp(self.clock() / 1000, zone)

        told = facts_of(
            plan,
            now=now,
            caller=Caller(number, self.languages.of(number)),
            config=loaded.settings.service.config,
            broadcasts=self.broadcasts.texts,
            queues=self.queues,
        )

        def answer(name: str) -> Value:
            schedule = plan.schedules.get(name.removeprefix("schedule."))
            if schedule is not None and name.startswith("schedule."):
                by_hand = self.overrides.of(schedule.name)
                if by_hand is not None:
                    return by_hand.is_on
                return holds(schedule, now())
            return told(name)

        return answer
