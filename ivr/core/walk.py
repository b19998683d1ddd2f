"""One caller's place in a menu, and the moves every kind of node is made of.

A node ends by saying where to go (`go`, `jump`) or what to wait for (`play`, `listen`, `wait`,
`leave`); `session.py` then enters the next node, one after another, never one inside the other.
"""

from collections import deque
from collections.abc import Mapping
from enum import Enum

from ivr.core import menu, speech
from ivr.core.expressions import Lookup, Value, evaluate
from ivr.core.rendering import prompt_sounds
from ivr.core.steps import (
    Command,
    Enqueue,
    HangUp,
    Listen,
    Note,
    Play,
    Result,
    Via,
    Warned,
)
from ivr.core.variables import PRIVATE, Frame, Variables

TYPE_AHEAD_MAX = 30
AFTER_KEY_MS = 500  # time to bring the handset back to the ear
INTERNAL_ERROR = "internal_error"
MISSING = "missing"
PATIENCE = 10
"""Whoever is asked for ever has so many times the steps, and, since the last key, the time."""

# Nodes that speak or ask: whoever comes back to them too often is brought to a person.
_REVISITED = (
    *(menu.Say, menu.Menu, menu.LanguageMenu, menu.Collect, menu.Confirm, menu.Survey),
    *(menu.Http, menu.Callback, menu.Voicemail, menu.Transfer),
)
# Nodes that may not begin when the time is up. What a caller has chosen at last is not refused.
_TIMED = (menu.Say, menu.Menu, menu.LanguageMenu, menu.Collect, menu.Confirm, menu.Survey)


class Phase(Enum):
    """What the session waits for."""

    IDLE = "idle"
    PLAYING = "playing"
    LISTENING = "listening"
    WAITING = "waiting"  # for an answer from outside: `Fetched`, `Recorded`, `CallbackAnswered`
    AWAY = "away"  # in the hands of the router, or of another house
    ENDED = "ended"


class Walk:
    """The state of a session. Its attributes are plain values, shared by the modules of nodes."""

    def __init__(
        self,
        plan: menu.Dialplan,
        facts: Lookup,
        *,
        language: str | None,
        call: Mapping[str, Value],
    ) -> None:
        self.plan = plan
        self.known = Variables(plan, facts, language=language, call=call, warn=self.warn)
        self.profile: menu.Profile | None = None
        self.node: menu.Node = plan.nodes[plan.entry]
        self.target: str | None = None  # the node to enter next
        self.phase = Phase.IDLE
        self.stage = ""  # which part of a node that has several
        self.playing: Play | None = None
        self.promised: str | None = None  # a person is promised, who is behind this node
        self.keys: deque[str] = deque()
        self.entry = ""  # digits of a key, or of an entry, still being dialled
        self.entry_via: Via = "after"
        self.number = ""  # the number to call back
        self.topic = ""  # that of the last queue
        self.heard: tuple[str, ...] = ()
        self.told: tuple[str, ...] = ()  # the promise: heard on the way to the next node
        self.attempt, self.silences, self.errors = 1, 0, 0
        self.back: list[tuple[str, tuple[Frame, ...]]] = []
        self.visits: dict[str, int] = {}
        self.visit = 1
        self.steps = 0
        self.steps_alone = 0  # nodes and plays since a key was last waited for
        self.started_ms = self.entered_ms = self.now = 0
        self.key_ms = 0  # when the caller last pressed a key
        self.prompt_end_ms: int | None = None
        self.first_key_ms: int | None = None
        self.is_after_key = False
        self.is_escaping = False  # on the way to whoever stands for a person
        self.has_escaped = False
        self.is_rescued = False  # after an error inside nothing is worked out that is not needed
        self.out: list[Command] = []

    # Where to

    def begin(self, target: str) -> None:
        """The menu takes the caller over: all counters begin anew."""
        self.started_ms = self.key_ms = self.now
        self.steps, self.steps_alone = 0, 0
        self.visits, self.back, self.has_escaped = {}, [], False
        self.promised, self.is_rescued = None, False
        self.keys.clear()
        self.go(target)

    def go(self, name: str) -> None:
        """The node that follows."""
        self.target = name

    def jump(self, jump: menu.Jump) -> None:
        """What a way sets, then the node it leads to."""
        self.known.assign(jump.set)
        self.go(jump.goto)

    def arrive(self, name: str) -> bool:
        """Stand at a node; False when a limit sends the caller to a person instead."""
        node = self.plan.nodes[name]
        self.known.leave_flows_for(name)
        self.node, self.stage = node, ""
        is_person, self.is_escaping = self.is_escaping, False
        self.entry, self.heard, self.told = "", self.told, ()
        self.attempt, self.silences, self.errors = 1, 0, 0
        self.entered_ms, self.prompt_end_ms, self.first_key_ms = self.now, None, None
        place = f"{name} {self.known.frames}" if self.known.frames else name
        self.visit = self.visits[place] = self.visits.get(place, 0) + 1
        names = [before for before, _ in self.back]
        if isinstance(node, menu.Menu | menu.LanguageMenu) and name in names:
            del self.back[names.index(name) :]
        if not self.is_rescued:
            self.profile = self.known.profile()
        if is_person or isinstance(node, menu.Queue | menu.HangUp):
            return True
        return not self.is_limit_reached()

    def is_limit_reached(self) -> bool:
        """Count a step; True when it was one too many and a person has been sent for.

        Whoever is asked for ever comes back as often as they like. Nodes that follow each other
        without asking have one limit for everybody, since they would go round for ever.
        """
        self.steps += 1
        self.steps_alone += 1
        limits = self.plan.limits
        if self.steps_alone > limits.max_steps:
            return self.escape("max_steps")
        if self.is_endless:
            return self._is_patience_over()
        if self.steps > limits.max_steps:
            return self.escape("max_steps")
        if isinstance(self.node, _REVISITED) and self.visit > limits.max_revisits + 1:
            return self.escape("max_revisits")
        is_late = self.now - self.started_ms >= limits.max_ivr_ms
        return isinstance(self.node, _TIMED) and is_late and self.escape("max_ivr_time")

    def _is_patience_over(self) -> bool:
        """A line on which nobody has done anything for very long, or a key that is stuck."""
        limits = self.plan.limits
        if self.steps > PATIENCE * limits.max_steps:
            return self.escape("max_steps")
        is_silent = self.now - self.key_ms >= PATIENCE * limits.max_ivr_ms
        is_asking = isinstance(self.node, (*_TIMED, menu.Callback))
        return is_asking and is_silent and self.escape("max_ivr_time")

    @property
    def is_endless(self) -> bool:
        """Whether this caller is asked for as long as it takes."""
        return self.profile is not None and self.profile.attempts is None

    def escape(self, reason: str) -> bool:
        """A person takes over; always True."""
        person = self.any_queue() if reason == INTERNAL_ERROR else self._person()
        self.note(None, "fail", reason=reason, to=person.name if person else None)
        self.has_escaped = True
        self.is_rescued = reason == INTERNAL_ERROR
        if isinstance(person, menu.Queue):
            self.promise(person.name)
        elif person is not None:
            self.is_escaping = True
            self.go(person.name)
        else:
            self.end()
        return True

    def promise(self, person: str) -> None:
        """Tell the caller that a person comes, then go there; a key shortens the sentence."""
        self.keys.clear()
        self.promised = person
        self.play(speech.to_operator(self.plan, self.known.language), interruptible=True)

    def keep_promise(self, person: str) -> None:
        """The sentence has been heard."""
        self.promised, self.told = None, self.heard
        self.go(person)

    def is_person(self, name: str) -> bool:
        """Whether a queue follows whatever happens: at once, or behind nodes that say nothing."""
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue  # a circle of such nodes ends at a person as well
            seen.add(name)
            match self.plan.nodes[name]:
                case menu.Queue():
                    pass
                case menu.SetNode() as node:
                    waiting.append(node.next)
                case menu.Branch() as node:
                    waiting += [node.otherwise.goto, *(case.to.goto for case in node.cases)]
                case _:
                    return False
        return True

    def _person(self) -> menu.Queue | menu.Voicemail | menu.Transfer | None:
        """Who stands behind the operator key now, past prompts and branches; else any queue."""
        name: str | None = self.plan.globals.operator
        for _ in self.plan.nodes:
            node = self.plan.nodes[name] if name is not None else None
            match node:
                case menu.Queue():
                    return node
                case menu.Voicemail() | menu.Transfer() if not self.has_escaped:
                    return node
                case menu.Say() | menu.SetNode():
                    self.known.assign(node.set)
                    name = node.next
                case menu.Branch():
                    self.known.assign(node.set)
                    _, way = self.way_of(node)
                    self.known.assign(way.set)
                    name = way.goto
                case _:
                    break
        return self.any_queue()

    def any_queue(self) -> menu.Queue | None:
        """The operator's queue when that is one, else the first; nothing is worked out for it."""
        operator = self.plan.nodes[self.plan.globals.operator]
        found = [each for each in self.plan.nodes.values() if isinstance(each, menu.Queue)]
        if isinstance(operator, menu.Queue):
            return operator
        return found[0] if found else None

    def way_of(self, node: menu.Branch) -> tuple[int | None, menu.Jump]:
        """The first case that is true, with its number from 0; else the other way."""
        for number, case in enumerate(node.cases):
            if self.known.value(case.when):
                return number, case.to
        return None, node.otherwise

    # What to wait for

    def play(
        self, sounds: tuple[menu.Sound, ...], *, interruptible: bool, is_slow: bool = False
    ) -> bool:
        """Play; False, with nothing done, when there is nothing to hear."""
        clips = [sound for sound in sounds if isinstance(sound, menu.Clip)]
        if not clips:
            return False
        self.heard = tuple(PRIVATE if clip.is_private else clip.text for clip in clips)
        if self.is_after_key:
            sounds = (menu.Pause(AFTER_KEY_MS), *sounds)
        self.is_after_key = False
        self.prompt_end_ms = None
        is_slow = is_slow or (self.profile is not None and self.profile.is_slow)
        self.playing = Play(sounds, interruptible, is_slow)
        self.phase = Phase.PLAYING
        self.out.append(self.playing)
        return True

    def say(self, prompt: menu.Prompt | None, *, interruptible: bool) -> bool:
        """Play a prompt as it is said now; False when there is nothing to hear."""
        sounds = prompt_sounds(self.plan, prompt or (), self.known)
        return self.play(sounds, interruptible=interruptible)

    def listen(self, timeout_ms: int) -> None:
        """Wait for one key, no longer than the menu may last."""
        self.phase = Phase.LISTENING
        self.steps_alone = 0
        left_ms = self.plan.limits.max_ivr_ms - (self.now - self.started_ms)
        if not self.is_endless and not isinstance(self.node, menu.Callback):
            timeout_ms = min(timeout_ms, left_ms)
        self.out.append(Listen(max(1, timeout_ms)))

    def wait(self, command: Command) -> None:
        """Ask something outside; its answer is an event."""
        self.phase = Phase.WAITING
        self.out.append(command)

    def leave(self, command: Command) -> None:
        """Give the caller into other hands."""
        self.phase = Phase.AWAY
        self.keys.clear()
        self.promised = None
        self.out.append(command)

    def end(self) -> None:
        """End the call."""
        self.phase = Phase.ENDED
        self.out.append(HangUp())

    def enqueue(self, node: menu.Queue) -> None:
        """Hand the caller, who stands at this node, to the router."""
        if node.set:
            self.known.assign(node.set)
            self.profile = self.known.profile()
        self.topic = self.topic_of(node)
        self.note(None, None)
        priority_s = node.priority_s + (self.profile.priority_s if self.profile else 0)
        language = self.known.language
        self.leave(Enqueue(node.name, self.topic, language, priority_s, node.keep_place))

    def topic_of(self, node: menu.Queue) -> str:
        """The topic of a queue node; when it has none, that of the operator, so that somebody
        answers.
        """
        value = self.known.value(node.topic)
        if isinstance(value, str) and value:
            return value
        self.warn(f"the topic {node.topic.text} has no value; the operator's is taken")
        if node.topics:
            return node.topics[0]
        for name in (self.plan.globals.operator, *self.plan.nodes):
            other = self.plan.nodes[name]
            if isinstance(other, menu.Queue):
                value = evaluate(other.topic, lambda name: None)
                if isinstance(value, str) and value:
                    return value
        return ""

    # Keys

    def came(self, key: str, via: Via) -> None:
        """A key of the caller reached the present node."""
        if self.first_key_ms is None:
            is_after = via == "after" and self.prompt_end_ms is not None
            self.first_key_ms = self.now - (self.prompt_end_ms or 0) if is_after else -1

    def keep(self, key: str) -> None:
        """Keep a key that came early, as long as there is room."""
        if len(self.keys) < TYPE_AHEAD_MAX:
            self.keys.append(key)

    def drop_keys(self) -> bool:
        """Throw away the keys that came early; True when a person was asked for among them."""
        has_zero = speech.OPERATOR_KEY in self.keys
        self.keys.clear()
        return has_zero

    def to_person(self, via: Via) -> None:
        """The operator key."""
        operator = self.plan.globals.operator
        self.note(speech.OPERATOR_KEY, "global", via, to=operator)
        self.go(operator)

    def go_back(self, via: Via) -> None:
        """`*`, when there is a menu to go back to."""
        name, frames = self.back.pop()
        self.note("*", "global", via, to=name)
        self.known.frames = frames
        self.go(name)

    # The timeline

    def warn(self, message: str) -> None:
        """Something an admin should know."""
        self.out.append(Warned(self.node.name, message))

    def note(
        self,
        key: str | None,
        result: Result | None,
        via: Via | None = None,
        *,
        reason: str | None = None,
        to: str | None = None,
        case: int | None = None,
    ) -> None:
        """One line of the timeline."""
        self.out.append(
            Note(
                at_ms=self.now,
                node=self.node.name,
                visit=self.visit,
                attempt=self.attempt,
                language=self.known.language,
                heard=self.heard,
                key=key,
                result=result,
                via=via,
                reason=reason,
                to=to,
                entered_ms=self.entered_ms,
                first_key_ms=self.first_key_ms,
                case=case,
            )
        )
        self.first_key_ms = None
