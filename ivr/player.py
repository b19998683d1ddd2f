"""Plays a menu without a telephone, on a clock of its own that runs as fast as the computer.

    player = Player(dialplan, facts=scene.facts(dialplan), language="ru")
    player.start()
    player.dial("1")          # hears the prompt out, then presses
    player.silence()          # hears the prompt out, then lets the time pass
    player.play_out()         # silence until the call ends
    player.outcome            # Outcome(type="queue", topic="pension", ...)

`ivr try`, the tests beside a dialplan and the random tests all play with this, so what they hear
is what a caller hears. Whatever the menu asks of the world (another house's answer, a recording, a
call back, a transfer) is answered by `answers`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from ivr.core import steps
from ivr.core.expressions import Value
from ivr.core.menu import Clip, Dialplan, Pause
from ivr.core.session import MenuSession
from ivr.facts import Facts
from ivr.prompt_library import PromptLibrary

PRIVATE = "***"
KEY_GAP_MS = 200  # between the keys of one number
OUTCOMES = ("queue", "callback", "voicemail", "transfer", "goodbye", "hangup")

_CHARACTERS_PER_S = {"kk": 14, "ru": 15, "en": 15}
_EDGE_MS = 150  # the silence around a sentence
_SLOW = (100, 85)  # a slow clip takes 100/85 of its time
_ANSWER_MS = 300
_RING_MS = 25_000
_STEPS_MAX = 20_000  # far beyond what the limits of any dialplan allow

OutcomeType = Literal["queue", "callback", "voicemail", "transfer", "goodbye", "hangup"]
Asked = steps.Fetch | steps.Record | steps.BookCallback | steps.Transfer
Answer = steps.Fetched | steps.Recorded | steps.CallbackAnswered | steps.TransferFailed
Timed = steps.Play | steps.Listen | Asked


class MenuStuck(RuntimeError):
    """The engine neither ended the call nor said what comes next; the message names the node."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the world says when the menu asks it.

    `http` None is no answer in time. `message_ms` is how long a caller speaks after the beep.
    """

    http: Value = None
    message_ms: int = 5_000
    takes_callbacks: bool = True
    transfer: Literal["taken", "busy", "noanswer"] = "taken"

    def __call__(self, asked: Asked) -> Answer | None:
        """The answer; None when the other house took the caller."""
        match asked:
            case steps.Fetch():
                return steps.Fetched(self.http)
            case steps.Record():
                return steps.Recorded(min(self.message_ms, asked.max_ms))
            case steps.BookCallback():
                return steps.CallbackAnswered(self.takes_callbacks)
            case steps.Transfer():
                if self.transfer == "taken":
                    return None
                return steps.TransferFailed(asked.node, self.transfer)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call left the menu.

    `topic` and `priority_s` are those of the last queue or call back, None without one. `node` is
    where it happened; `number` the one that was rung, or will be.
    """

    type: OutcomeType
    node: str
    language: str
    topic: str | None = None
    priority_s: int | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """A sentence that began to sound."""

    at_ms: int
    node: str
    clip: Clip


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that the caller or the router did: what a run has to repeat to go the same way.

    `kind` is `press`, `silence` (a time-out passed), `operator`, `overflow` or `hang_up`.
    `note_count` is how many lines the transcript had by then.
    """

    kind: Literal["press", "silence", "operator", "overflow", "hang_up"]
    at_ms: int
    note_count: int
    key: str = ""
    was_listening: bool = False


class Player:
    """One call. Everything that happened is in its public lists; `outcome` None: still going on."""

    def __init__(
        self,
        dialplan: Dialplan,
        *,
        facts: Facts = lambda name: None,
        language: str | None = None,
        answers: Callable[[Asked], Answer | None] = Answers(),
        clip_ms: Callable[[Clip], int] | None = None,
    ) -> None:
        self.dialplan = dialplan
        self.session = MenuSession(dialplan, facts=facts, language=language)
        self.answers = answers
        self.now_ms = 0
        self.key_count = 0
        self.outcome: Outcome | None = None
        self.notes: list[steps.Note] = []
        self.sentences: list[list[Heard]] = []  # for each note what was heard since the one before
        self.heard: list[Heard] = []
        self.deeds: list[Deed] = []
        self.returns: list[tuple[str, str]] = []  # node, and `next` or `on_overflow` of it
        self.untimed: list[steps.Warned | steps.Rated | steps.Remember] = []
        self.step: Timed | None = None
        self.ends_ms = 0
        self._clip_ms = clip_ms or estimated_ms
        self._began_ms = 0
        self._due: list[Heard] = []  # sentences of the prompt that have not begun
        self._reply: Answer | None = None
        self._kept: OutcomeType | None = None  # a message left or a call back booked
        self._topic: str | None = None
        self._priority_s: int | None = None
        self._step_count = 0
        self._told = 0

    @property
    def is_over(self) -> bool:
        """Whether the menu is done with the caller, for good or until `after_operator`."""
        return self.outcome is not None

    @property
    def is_listening(self) -> bool:
        """Whether the menu waits in silence for a key."""
        return isinstance(self.step, steps.Listen)

    @property
    def next_ms(self) -> int:
        """When something happens by itself: a sentence begins, or what goes on ends."""
        return self._due[0].at_ms if self._due else self.ends_ms

    def start(self) -> None:
        """The call is answered."""
        self._tell(steps.Started())

    def finish_step(self) -> None:
        """Let what goes on come to its end: the prompt, the silence, the answer of the world."""
        if self.is_over or self.step is None:
            return
        self._pass_to(max(self.now_ms, self.ends_ms))
        match self.step:
            case steps.Play():
                self._tell(steps.PlaybackFinished())
            case steps.Listen():
                self._did("silence")
                self._tell(steps.TimedOut())
            case _ if self._reply is not None:
                self._tell(self._reply)
            case _:
                self._end("transfer", number=getattr(self.step, "number", None))

    def go_on(self) -> None:
        """Until the next sentence begins, or what goes on ends."""
        if self._due:
            self._pass_to(self._due[0].at_ms)
        else:
            self.finish_step()

    def wait(self, ms: int) -> None:
        """Let time pass with no key; what ends meanwhile, ends."""
        until_ms = self.now_ms + ms
        while not self.is_over and self.step is not None and self.ends_ms <= until_ms:
            self.finish_step()
        self._pass_to(until_ms)

    def hear_out(self) -> None:
        """Until the menu waits for a key or the call is over."""
        while not self.is_over and not self.is_listening:
            self.finish_step()

    def silence(self) -> None:
        """One time-out: hear the prompt out, then press nothing."""
        self.hear_out()
        self.finish_step()

    def play_out(self) -> None:
        """Silence until the call is over, which the limits of the dialplan see to."""
        while not self.is_over:
            self.finish_step()

    def dial(self, keys: str, *, at_once: bool = False) -> None:
        """Press keys, a fifth of a second apart; the prompt is heard out first unless `at_once`."""
        if not at_once:
            self.hear_out()
        for index, key in enumerate(keys):
            if index:
                self.wait(KEY_GAP_MS)
            self.press(key)

    def press(self, key: str) -> None:
        """Press one key at this moment; nothing happens when the call is over."""
        if self.is_over:
            return
        self.key_count += 1
        self._did("press", key)
        if isinstance(self.step, steps.Record):
            if key == "#":
                self._tell(steps.Recorded(self.now_ms - self._began_ms))
        else:
            self._tell(steps.KeyPressed(key))

    def hang_up(self) -> None:
        """The caller goes."""
        if not self.is_over:
            self._did("hang_up")
            self._tell(steps.HungUp())
            self._end(self._kept or "hangup")

    def after_operator(self) -> bool:
        """The operator, or the other house, hung up first; False when nobody has the caller."""
        return self._come_back("operator")

    def overflow(self) -> bool:
        """The router has nobody for the caller; False when nobody is being waited for."""
        return self._come_back("overflow")

    def node_names(self) -> list[str]:
        """Every node so far, the present one last; one that is played again stands there again."""
        return [*(note.node for note in self.notes), self.session.node_name]

    def _come_back(self, why: Literal["operator", "overflow"]) -> bool:
        had = ("queue",) if why == "overflow" else ("queue", "transfer")
        if self.outcome is None or self.outcome.type not in had:
            return False
        node, self.outcome = self.outcome.node, None
        self._did(why)
        is_operator = why == "operator"
        self.returns.append((node, "next" if is_operator else "on_overflow"))
        self._tell(steps.AfterOperator(node) if is_operator else steps.Overflowed(node))
        return True

    def _did(
        self,
        kind: Literal["press", "silence", "operator", "overflow", "hang_up"],
        key: str = "",
    ) -> None:
        self.deeds.append(Deed(kind, self.now_ms, len(self.notes), key, self.is_listening))

    def _pass_to(self, until_ms: int) -> None:
        self.now_ms = max(self.now_ms, until_ms)
        while self._due and self._due[0].at_ms <= self.now_ms:
            self.heard.append(self._due.pop(0))

    def _tell(self, event: steps.Event) -> None:
        self._step_count += 1
        if self._step_count > _STEPS_MAX:
            raise MenuStuck(f"the menu goes round for ever at '{self.session.node_name}'")
        if isinstance(event, steps.Recorded) and event.length_ms > 0:
            self._kept = "voicemail"
        elif isinstance(event, steps.CallbackAnswered) and event.is_booked:
            self._kept = "callback"
        is_carried_on = isinstance(event, steps.KeyPressed | steps.HungUp)
        for command in self.session.handle(event, self.now_ms):
            self._take(command)
            is_carried_on = is_carried_on or not isinstance(command, steps.UNTIMED)
        if not is_carried_on:
            told = [each.message for each in self.untimed if isinstance(each, steps.Warned)][-1:]
            why = f" ({told[0]})" if told else ""
            raise MenuStuck(f"the menu says nothing more at '{self.session.node_name}'{why}")

    def _take(self, command: steps.Command) -> None:
        match command:
            case steps.Note():
                self.notes.append(command)
                self.sentences.append(self.heard[self._told :])
                self._told = len(self.heard)
            case steps.Warned() | steps.Rated() | steps.Remember():
                self.untimed.append(command)
            case steps.Enqueue():
                self._topic, self._priority_s = command.topic, command.priority_s
                self._kept = None
                self._end("queue", node=command.node, language=command.language)
            case steps.HangUp():
                self._end(self._kept or "goodbye")
            case _:
                self._begin(command)

    def _begin(self, step: Timed) -> None:
        self.step, self._began_ms, self._due, self._reply = step, self.now_ms, [], None
        match step:
            case steps.Play():
                self.ends_ms = self._schedule(step)
            case steps.Listen():
                self.ends_ms = self.now_ms + step.timeout_ms
            case _:
                if isinstance(step, steps.BookCallback):
                    self._topic = step.topic or self._topic
                self._reply = self.answers(step)
                self.ends_ms = self.now_ms + _takes_ms(step, self._reply)

    def _schedule(self, play: steps.Play) -> int:
        """When each sentence begins; gives when the last one ends."""
        at_ms, node = self.now_ms, self.session.node_name
        for sound in play.sounds:
            if isinstance(sound, Pause):
                at_ms += sound.ms
                continue
            self._due.append(Heard(at_ms, node, sound))
            ms = self._clip_ms(sound)
            at_ms += ms * _SLOW[0] // _SLOW[1] if play.is_slow else ms
        return at_ms

    def _end(
        self,
        kind: OutcomeType,
        *,
        node: str | None = None,
        language: str | None = None,
        number: str | None = None,
    ) -> None:
        self.step, self._due = None, []
        self.outcome = Outcome(
            kind,
            node or self.session.node_name,
            language or self.session.language,
            self._topic,
            self._priority_s,
            number,
        )


def estimated_ms(clip: Clip) -> int:
    """How long a sentence takes when a person speaks it."""
    rate = _CHARACTERS_PER_S.get(clip.language, 14)
    return len(clip.text) * 1000 // rate + _EDGE_MS


def measured_ms(library: PromptLibrary) -> Callable[[Clip], int]:
    """How long a sentence takes as recorded; one that has no file is estimated."""

    def length(clip: Clip) -> int:
        return library.ms(clip) or estimated_ms(clip)

    return length


def _takes_ms(asked: Asked, reply: Answer | None) -> int:
    match asked, reply:
        case steps.Fetch(), steps.Fetched(None):
            return asked.timeout_ms
        case steps.Fetch(), _:
            return min(_ANSWER_MS, asked.timeout_ms)
        case steps.Record(), steps.Recorded(length_ms):
            return length_ms
        case steps.Transfer(), steps.TransferFailed(_, "noanswer"):
            return _RING_MS
        case steps.Transfer(), steps.TransferFailed():
            return _ANSWER_MS
    return 0


def text_heard(heard: Heard) -> str:
    """A sentence for a transcript; what a caller entered in confidence is masked."""
    return PRIVATE if heard.clip.is_private else heard.clip.text


def step_as_json(note: steps.Note, sentences: list[Heard]) -> dict[str, Value]:
    """One line of a transcript. `heard` is one text, empty when early keys spared the prompt."""
    return {
        "node": note.node,
        "heard": " ".join(text_heard(each) for each in sentences),
        "key": note.key,
        "result": note.result,
        "at_s": round(note.at_ms / 1000, 3),
        "language": note.language,
        "visit": note.visit,
        "attempt": note.attempt,
        "via": note.via,
        "reason": note.reason,
        "to": note.to,
    }


def outcome_as_json(outcome: Outcome) -> Mapping[str, Value]:
    """The end of a call as plain data; a topic is a skill."""
    return {
        "type": outcome.type,
        "skill": outcome.topic,
        "topic": outcome.topic,
        "language": outcome.language,
        "priority": outcome.priority_s,
        "node": outcome.node,
        "number": outcome.number,
    }
