"""What a menu may ask of the world around a call: the caller, settings, schedules, the queues.

The engine asks by dotted name and gets None for what nobody knows. Names: `caller.number`,
`caller.withheld`, `caller.language`, `caller.profile`, `config.*`, `schedule.NAME`,
`queue.NAME.waiting|ready|longest_wait_s|predicted_wait_s`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from ivr.core.expressions import Value
from ivr.core.menu import Dialplan, Texts
from ivr.core.schedules import holds

Facts = Callable[[str], Value]

SCOPES = ("caller", "config", "schedule", "queue")
QUEUE_FIGURES = ("waiting", "ready", "longest_wait_s", "predicted_wait_s")
ORDINARY_DAY = datetime(2026, 3, 10, 12, 0)  # noqa: DTZ001 - local time of whichever dialplan
SOME_NUMBER = "87010001414"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. An empty `number` is a withheld one; None is not known."""

    number: str = ""
    language: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """A moment made up for a trial: everything that the menu can find out about the world.

    `at` is the local time in the dialplan's zone. `known` are dotted names that win over all the
    rest, such as `config.sms.url` or `schedule.night`. `broadcasts` are on when there are any.
    """

    at: datetime = ORDINARY_DAY
    caller: Caller = Caller(number=SOME_NUMBER)
    broadcasts: tuple[Texts, ...] = ()
    known: Mapping[str, Value] = field(default_factory=dict)

    def facts(self, dialplan: Dialplan) -> Facts:
        """The answers to what a dialplan asks in this scene."""
        moment = self.at.replace(tzinfo=ZoneInfo(dialplan.timezone))
        told = facts_of(
            dialplan,
            now=lambda: moment,
            caller=self.caller,
            broadcasts=lambda: self.broadcasts,
        )
        return lambda name: self.known[name] if name in self.known else told(name)


def facts_of(
    dialplan: Dialplan,
    *,
    now: Callable[[], datetime],
    caller: Caller = Caller(),
    config: Mapping[str, Value] | None = None,
    broadcasts: Callable[[], Sequence[Texts]] = tuple,
    queues: Callable[[str], Mapping[str, Value] | None] = lambda name: None,
) -> Facts:
    """The answers for one call. What can change meanwhile is asked anew each time.

    `now` gives a moment with its zone. `config` may be nested or have dotted keys. `broadcasts`
    are the texts switched on. `queues` gives the figures of a queue, None for an unknown one.
    """
    zone = ZoneInfo(dialplan.timezone)
    settings = config or {}

    def answer(name: str) -> Value:
        scope, _, rest = name.partition(".")
        match scope:
            case "caller":
                return _about_caller(caller, rest)
            case "config" if rest == "broadcast.active":
                return bool(broadcasts())
            case "config" if rest == "broadcast.texts":
                return [dict(texts) for texts in broadcasts()]
            case "config":
                return _below(settings, rest)
            case "schedule" if rest in dialplan.schedules:
                return holds(dialplan.schedules[rest], now().astimezone(zone))
            case "queue":
                queue, _, figure = rest.rpartition(".")
                return (queues(queue) or {}).get(figure)
        return None

    return answer


def _about_caller(caller: Caller, name: str) -> Value:
    match name:
        case "number":
            return caller.number or None
        case "withheld":
            return not caller.number
        case "language":
            return caller.language
        case "profile":
            return caller.profile
    return None


def _below(values: Mapping[str, Value], name: str) -> Value:
    """The value of a dotted name, written as one key or as groups of keys."""
    if name in values:
        return values[name]
    first, _, rest = name.partition(".")
    inner = values.get(first)
    return _below(inner, rest) if rest and isinstance(inner, Mapping) else None


def value_of(text: str) -> Value:
    """What a text on the command line stands for: true, false, none, a whole number, or itself."""
    words: Mapping[str, Value] = {"true": True, "false": False, "none": None, "null": None}
    if text in words:
        return words[text]
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    is_number = digits.isascii() and digits.isdecimal() and len(digits) <= 15
    if is_number and (digits == "0" or not digits.startswith("0")):
        return int(sign + digits)
    return text
