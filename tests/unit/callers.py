"""Somebody who calls a menu in a test: knows what was last asked and everything that was noted."""

from ivr.core import menu
from ivr.core.session import (
    KeyPressed,
    Listen,
    MenuSession,
    Play,
    PlaybackFinished,
    Started,
    TimedOut,
)
from ivr.core.steps import UNTIMED, Note, Rated, Remember, Warned

STARTED = Started()


class Caller:
    """`first` None: the session has not begun."""

    def __init__(self, plan, language=None, first=STARTED, **known):
        variables = known.pop("variables", None)
        facts = known.pop("facts", {})
        lookup = facts if callable(facts) else facts.get
        self.session = MenuSession(plan, facts=lookup, language=language, variables=variables)
        self.now = 0
        self.said = []  # every command that takes no time
        self.step = None
        if first is not None:
            self.ask(first)

    def ask(self, event, after_ms=0):
        self.now += after_ms
        commands = self.session.handle(event, self.now)
        self.said += [c for c in commands if isinstance(c, UNTIMED)]
        steps = [c for c in commands if not isinstance(c, UNTIMED)]
        assert len(steps) <= 1
        assert not steps or commands[-1] is steps[0]
        if steps or self.session.is_broken:
            self.step = steps[0] if steps else None
        return self

    def press(self, *keys):
        for key in keys:
            self.ask(KeyPressed(key), 200)
        return self

    def hear_out(self):
        """Listen to prompts until something else is wanted."""
        while isinstance(self.step, Play):
            self.ask(PlaybackFinished(), 1000)
        return self

    def stay_silent(self):
        self.hear_out()
        return self.ask(TimedOut(), self.step.timeout_ms)

    def silent_to_the_end(self, times=20):
        """Say nothing until the menu lets go."""
        for _ in range(times):
            self.hear_out()
            if not isinstance(self.step, Listen):
                break
            self.stay_silent()
        return self

    @property
    def heard(self):
        assert isinstance(self.step, Play), self.step
        return [sound.text for sound in self.step.sounds if isinstance(sound, menu.Clip)]

    @property
    def heard_now(self):
        """What is being said, nothing when the menu listens or is over."""
        return self.heard if isinstance(self.step, Play) else []

    @property
    def at(self):
        return self.session.node_name

    @property
    def notes(self):
        return [each for each in self.said if isinstance(each, Note)]

    @property
    def results(self):
        return [(n.node, n.key, n.result) for n in self.notes if n.result]

    @property
    def way(self):
        """The nodes that were left, in order."""
        return [n.node for n in self.notes]

    @property
    def warnings(self):
        return [each.message for each in self.said if isinstance(each, Warned)]

    @property
    def ratings(self):
        return [each for each in self.said if isinstance(each, Rated)]

    @property
    def remembered(self):
        return [each.language for each in self.said if isinstance(each, Remember)]
