"""What the ladder of a queue does to a contact, step by step as it waits."""

from typing import assert_never

from acd.core.commands import PlayMessage
from acd.core.contacts import Contact, Route, Stage
from acd.core.names import Millis, Topic
from acd.core.queues import LeastLevel, Message, OverflowTo, Rules, Step, Widen


def next_at(rules: Rules, contact: Contact) -> Millis | None:
    """When the contact's next step falls due; None when the ladder is at its end."""
    ladder = rules.queues[contact.queue].ladder
    if contact.step >= len(ladder):
        return None
    return Millis(contact.queued_at + ladder[contact.step].at_ms)


def take(rules: Rules, contact: Contact, step: Step) -> PlayMessage | None:
    """Apply one step; a caller being rung for hears no message, and none twice after a reload."""
    match step:
        case Widen(language=language, topic=topic):
            own = contact.routes[0]
            least = LeastLevel(_lower(own.least.language, language), _lower(own.least.topic, topic))
            contact.routes[0] = Route(own.topic, least)
        case OverflowTo(queue=queue):
            contact.routes.append(Route(Topic(queue), rules.queues[queue].least))
        case Message(phrase=phrase, at_ms=at_ms):
            due = contact.queued_at + at_ms
            if contact.stage is Stage.WAITING and due > contact.rules_since:
                return PlayMessage(contact.id, phrase)
        case _:
            assert_never(step)
    return None


def restart(rules: Rules, contact: Contact, now: Millis) -> None:
    """Begin the ladder again under these rules; steps already due are taken at the next chance."""
    contact.step, contact.rules_since = 0, now
    contact.routes = [Route(contact.topic, rules.queues[contact.queue].least)]


def _lower(level: int, to: int | None) -> int:
    return level if to is None else min(level, to)
