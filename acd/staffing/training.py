"""Which second skills to add. Pure.

A few second skills give most of what full cross-training would, if they are dealt well: by the
square root of each topic's load, for a small topic needs more people for its calls than a large
one to meet the same target.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from acd.core.names import OperatorId, QueueId, Topic
from acd.core.queues import OperatorProfile

LEVEL = 2
"""What somebody new to a topic is rated."""


class Lesson(NamedTuple):
    """A topic for an operator to learn; `now` is their own topic."""

    operator: OperatorId
    now: Topic | None
    add: Topic


def lessons(
    operators: Sequence[OperatorProfile],
    loads: Mapping[str, float],
    queues: Mapping[Topic, QueueId],
    count: int,
) -> list[Lesson]:
    """At most one for each operator: those who know least first, a topic of another queue.

    Each goes to the topic that has the fewest helpers for the square root of its load; a helper
    is somebody who knows it beside an own topic.
    """
    helpers = Counter(
        topic for each in operators for topic in each.topics if topic != each.own_topic
    )
    found: list[Lesson] = []
    pupils = sorted(
        (each for each in operators if not each.reserve and each.topics),
        key=lambda each: (len(each.topics), each.id),
    )
    for pupil in pupils:
        if len(found) >= count:
            break
        known = {queues.get(topic) for topic in pupil.topics}
        choice = [
            topic for topic, load in loads.items() if load > 0 and Topic(topic) not in pupil.topics
        ]
        choice = [each for each in choice if queues.get(Topic(each)) not in known] or choice
        if choice:
            topic = Topic(
                min(choice, key=lambda each: (helpers[Topic(each)] / math.sqrt(loads[each]), each))
            )
            helpers[topic] += 1
            found.append(Lesson(pupil.id, pupil.own_topic, topic))
    return found


def taught(
    operators: Sequence[OperatorProfile], learned: Sequence[Lesson]
) -> list[OperatorProfile]:
    """The same people after their lessons."""
    added = {each.operator: each.add for each in learned}
    return [
        replace(each, topics={**each.topics, added[each.id]: LEVEL}) if each.id in added else each
        for each in operators
    ]
