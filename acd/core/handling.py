"""How long conversations take, with their wrap-up: by topic, and by operator, from those that were.

A topic has a running mean of what was seen, and an operator one of how much longer or shorter than
others of the same topic theirs took. Both are drawn towards what the rules say, as if that had
been seen `WEIGHT` times: the first odd call moves little, and after some tens the rules hardly
matter. What is long past fades. All of it costs the same however much was seen.
"""

from dataclasses import dataclass
from math import log
from typing import Final

from acd.core.names import Millis, Topic
from acd.core.queues import Rules

WEIGHT: Final = 20
FADES: Final = 500
"""Of more conversations than this the newest always weigh as one in so many."""

LONGEST: Final = 20
"""So many times the usual at most: a phone left off its hook says nothing about the topic."""

TIME_STEP: Final = 1.25
PACE_STEP: Final = 1.2
"""Times, and paces, within such a ratio are taken together."""

TIME_CLASSES: Final = 16
PACE_CLASSES: Final = 4


@dataclass(slots=True)
class Running:
    """A mean that goes along."""

    count: int = 0
    mean: float = 0.0

    def add(self, value: float) -> None:
        """One more."""
        self.count = min(self.count + 1, FADES)
        self.mean += (value - self.mean) / self.count

    def drawn_to(self, usual: float) -> float:
        """The mean as if the usual had been seen `WEIGHT` times before."""
        return (WEIGHT * usual + self.count * self.mean) / (WEIGHT + self.count)


class HandleTimes:
    """What is known of topics. An operator's own `Running`, of ratios, is kept by their seat.

    `means` has the topics of which something is known, `usual_ms` stands for the others.
    """

    def __init__(self, usual_ms: int) -> None:
        self._seen: dict[Topic, Running] = {}
        self.means: dict[Topic, float] = {}
        self.usual_ms = float(max(1, usual_ms))

    def replace(self, rules: Rules) -> None:
        """New rules: what was learned of the topics there still are stays."""
        self.usual_ms = float(max(1, rules.routing.handle_ms))
        known = {*rules.topics, *rules.queues}
        self._seen = {topic: seen for topic, seen in self._seen.items() if topic in known}
        self.means = {topic: seen.drawn_to(self.usual_ms) for topic, seen in self._seen.items()}

    def of(self, topic: Topic) -> float:
        """What to expect of a conversation about this."""
        return self.means.get(topic, self.usual_ms)

    def learn(self, topic: Topic, paces: Running, took_ms: Millis) -> None:
        """A conversation and its wrap-up are over.

        The pace is against what was seen of the topic, this time included, and not against what
        the rules say: rules that are wrong about a topic say nothing about the operator.
        """
        seen = self._seen.get(topic)
        if seen is None:
            seen = self._seen[topic] = Running()
        counted = min(max(1.0, took_ms), LONGEST * self.usual_ms)
        seen.add(counted)
        paces.add(counted / seen.mean)
        self.means[topic] = seen.drawn_to(self.usual_ms)

    def time_class(self, expected_ms: float) -> int:
        """Which times are taken together with this one; `class_ms` is the middle of a class."""
        found = round(log(expected_ms / self.usual_ms) / _LOG_TIME_STEP)
        return max(-TIME_CLASSES, min(TIME_CLASSES, found))

    def class_ms(self, time_class: int) -> float:
        """The time that stands for a class."""
        return self.usual_ms * float(TIME_STEP**time_class)


def pace_class(pace: float) -> int:
    """Which paces are taken together; 0 is that of everybody."""
    return max(-PACE_CLASSES, min(PACE_CLASSES, round(log(pace) / _LOG_PACE_STEP)))


def extra_speed(pace: int) -> float:
    """How many operators more, or fewer, than one an operator of this class is worth."""
    return float(PACE_STEP**-pace) - 1


_LOG_TIME_STEP: Final = log(TIME_STEP)
_LOG_PACE_STEP: Final = log(PACE_STEP)
