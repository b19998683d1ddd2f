"""One caller's way through a menu: events in, commands out, no clock and no telephone.

    MenuSession(dialplan, language=None).handle(event, now_ms) -> list[Command]

Every list holds notes and then at most one command that takes time: `Play`, `Listen`, `Enqueue`
or `HangUp`. An empty list means: go on with what you are doing. What is asked is answered with

    Play(interruptible)  -> PlaybackFinished, or KeyPressed (the prompt has stopped)
    Play(not)            -> KeyPressed any number of times (the prompt goes on), PlaybackFinished
    Listen(timeout_ms)   -> KeyPressed or TimedOut
    Enqueue              -> AfterOperator when the operator has hung up first; often nothing
    HangUp               -> nothing

and `HungUp` may come at any moment. Any other event is ignored: telephony is often late.

Rules. Silence and wrong keys count together and end at a person. `0` reaches a person from
everywhere, `*` goes back one menu, `#` repeats a menu and skips a prompt. Keys pressed early are
kept, at most 30, and thrown away after an error and at a queue; a `0` among them is obeyed even
then. A key fires at once unless a longer key could still follow. The limits on steps, revisits
and time end at a person. Times are integer milliseconds on one monotonic clock.
"""

from collections import deque
from enum import Enum
from typing import assert_never

from ivr.core import menu, speech
from ivr.core.steps import AfterOperator as AfterOperator
from ivr.core.steps import Command as Command
from ivr.core.steps import Enqueue as Enqueue
from ivr.core.steps import Event as Event
from ivr.core.steps import HangUp as HangUp
from ivr.core.steps import HungUp as HungUp
from ivr.core.steps import KeyPressed as KeyPressed
from ivr.core.steps import Listen as Listen
from ivr.core.steps import Note as Note
from ivr.core.steps import Play as Play
from ivr.core.steps import PlaybackFinished as PlaybackFinished
from ivr.core.steps import Result as Result
from ivr.core.steps import Started as Started
from ivr.core.steps import TimedOut as TimedOut
from ivr.core.steps import Via as Via

KEYS = frozenset("0123456789*#")
TYPE_AHEAD_MAX = 30
AFTER_KEY_MS = 500  # time to bring the handset back to the ear


class _Phase(Enum):
    IDLE = "idle"
    PLAYING = "playing"
    LISTENING = "listening"
    QUEUED = "queued"
    ENDED = "ended"


class MenuSession:
    """The state of one call in a menu. `handle` never raises, whatever comes in any order."""

    def __init__(self, dialplan: menu.Dialplan, *, language: str | None = None) -> None:
        self.language = language if language in dialplan.languages else dialplan.default_language
        self._plan = dialplan
        self._node: menu.Node = dialplan.nodes[dialplan.entry]
        self._phase = _Phase.IDLE
        self._playing: Play | None = None
        self._after_play: menu.Queue | None = None  # a person is promised: nothing else may happen
        self._keys: deque[str] = deque(maxlen=TYPE_AHEAD_MAX)
        self._entry = ""  # digits of a key still being dialled
        self._entry_via: Via = "after"
        self._heard: tuple[str, ...] = ()
        self._attempt = 1
        self._silences = 0
        self._back: list[str] = []
        self._visits: dict[str, int] = {}
        self._steps = 0
        self._started_ms = 0
        self._now = 0
        self._out: list[Command] = []
        self._is_after_key = False

    @property
    def node_name(self) -> str:
        """Where the caller is."""
        return self._node.name

    @property
    def is_over(self) -> bool:
        """Whether the menu has nothing more to say: queued, or the call has ended."""
        return self._phase in (_Phase.QUEUED, _Phase.ENDED)

    def handle(self, event: Event, now_ms: int) -> list[Command]:
        """Apply one event; a clock that runs backwards stands still."""
        self._now = max(self._now, now_ms)
        self._out = []
        match event:
            case Started() if self._phase is _Phase.IDLE:
                self._begin(self._plan.entry)
            case AfterOperator(node) if self._phase in (_Phase.IDLE, _Phase.QUEUED):
                self._after_operator(node)
            case KeyPressed(key) if key in KEYS:
                self._key_pressed(key)
            case PlaybackFinished() if self._phase is _Phase.PLAYING:
                self._played()
            case TimedOut() if self._phase is _Phase.LISTENING:
                self._timed_out()
            case HungUp():
                self._hung_up()
            case _:
                pass  # late or out of place: normal in telephony
        return self._out

    def failed(self, now_ms: int) -> Note:
        """The last line of a session that its driver could not carry on."""
        self._now = max(self._now, now_ms)
        self._phase = _Phase.ENDED
        self._out = []
        self._note(None, "fail", reason="internal_error")
        note = self._out[0]
        assert isinstance(note, Note)
        return note

    def _begin(self, target: str) -> None:
        self._started_ms, self._steps, self._visits, self._back = self._now, 0, {}, []
        self._keys.clear()
        self._go(target)

    def _after_operator(self, name: str) -> None:
        node = self._plan.nodes.get(name)
        if isinstance(node, menu.Queue) and node.next is not None:
            self._begin(node.next)
        else:
            self._end()

    def _hung_up(self) -> None:
        if self._phase in (_Phase.PLAYING, _Phase.LISTENING):
            self._note(None, "hangup")
        self._phase = _Phase.ENDED

    def _key_pressed(self, key: str) -> None:
        if self._phase is _Phase.LISTENING:
            self._is_after_key = True
            self._take(key, "after")
        elif self._phase is _Phase.PLAYING and self._playing is not None:
            if self._playing.interruptible:
                self._is_after_key = True
                self._interrupt(key)
            elif len(self._keys) < TYPE_AHEAD_MAX:
                self._keys.append(key)

    def _interrupt(self, key: str) -> None:
        """A key stopped the prompt that was playing."""
        if self._after_play is not None:
            self._enqueue(self._after_play)
        else:
            self._take(key, "bargein")

    def _played(self) -> None:
        if self._after_play is not None:
            self._enqueue(self._after_play)
            return
        node = self._node
        match node:
            case menu.Say():
                self._note(None, None)
                self._go(node.next)
            case menu.HangUp():
                self._note(None, None)
                self._end()
            case menu.Menu() | menu.LanguageMenu():
                if self._keys:
                    self._take(self._keys.popleft(), "early")
                else:
                    self._listen(self._first_digit_ms(node.timing))
            case menu.Queue():
                self._enqueue(node)

    def _timed_out(self) -> None:
        node = self._node
        if not isinstance(node, menu.Menu | menu.LanguageMenu):
            return
        if self._entry:
            self._finish_entry(node)
        else:
            self._silences += 1
            self._failed(node, None, "noinput")

    def _take(self, key: str, via: Via) -> None:
        """One key reaches the node the caller is at."""
        node = self._node
        match node:
            case menu.Say():
                self._take_in_say(node, key, via)
            case menu.HangUp():
                if key == speech.OPERATOR_KEY:
                    self._global_key(key, via)
                else:
                    self._note(key, None, via)
                    self._end()
            case menu.Menu() | menu.LanguageMenu():
                self._take_in_menu(node, key, via)
            case menu.Queue():
                pass

    def _take_in_say(self, node: menu.Say, key: str, via: Via) -> None:
        if key == speech.OPERATOR_KEY or (key == "*" and self._back):
            self._global_key(key, via)
            return
        if key in "#*":
            self._note(key, "global", via)
        else:
            self._note(None, None)
            self._keys.appendleft(key)
        self._go(node.next)

    def _take_in_menu(self, node: menu.Menu | menu.LanguageMenu, key: str, via: Via) -> None:
        keys = [option.key for option in node.options]
        if not self._entry:
            self._entry_via = via
        entry = self._entry + key
        is_prefix = any(known.startswith(entry) for known in keys)
        if node.globals_on and not (is_prefix and self._entry) and key in "0*#":
            self._global_in_menu(node, key, via)
            return
        self._entry = entry
        if any(known.startswith(entry) and known != entry for known in keys):
            if self._keys:
                self._take(self._keys.popleft(), "early")
            else:
                self._listen(node.timing.inter_digit_ms)
        else:
            self._finish_entry(node)

    def _global_in_menu(self, node: menu.Menu | menu.LanguageMenu, key: str, via: Via) -> None:
        """`0`, `*` or `#`; within a longer key `*` clears what was dialled and `#` ends it."""
        entry, self._entry = self._entry, ""
        if key == speech.OPERATOR_KEY or not entry:
            self._global_key(key, via)
        elif key == "#":
            self._entry = entry
            self._finish_entry(node)
        elif self._keys:
            self._take(self._keys.popleft(), "early")
        else:
            self._listen(self._first_digit_ms(node.timing))

    def _finish_entry(self, node: menu.Menu | menu.LanguageMenu) -> None:
        entry, self._entry = self._entry, ""
        for option in node.options:
            if option.key == entry:
                self._chosen(node, option)
                return
        self._failed(node, entry, "nomatch")

    def _chosen(
        self, node: menu.Menu | menu.LanguageMenu, option: menu.Option | menu.LanguageOption
    ) -> None:
        if isinstance(option, menu.LanguageOption):
            self.language = option.language
            self._note(option.key, "match", self._entry_via)
            self._go(node.next if isinstance(node, menu.LanguageMenu) else self._plan.entry)
        else:
            self._note(option.key, "match", self._entry_via)
            self._back.append(node.name)
            self._go(option.goto)

    def _global_key(self, key: str, via: Via) -> None:
        self._note(key, "global", via)
        if key == speech.OPERATOR_KEY:
            self._go(self._plan.globals.operator)
        elif key == "#":
            self._repeat()
        elif self._back:
            self._go(self._back.pop())
        elif isinstance(self._node, menu.Menu) and self._node.back_to is not None:
            self._go(self._node.back_to)
        else:
            self._repeat()

    def _failed(self, node: menu.Menu | menu.LanguageMenu, key: str | None, result: Result) -> None:
        """Silence or a wrong key: say so and ask again, or give up and bring a person."""
        wants_operator = node.globals_on and speech.OPERATOR_KEY in self._keys
        self._keys.clear()
        self._note(key, result, self._entry_via if key else None)
        if wants_operator:
            self._global_key(speech.OPERATOR_KEY, "early")
        elif self._attempt >= node.timing.attempts:
            if isinstance(node, menu.LanguageMenu):
                self.language = node.fail_language
            self._note(None, "fail")
            self._give_up(node)
        else:
            self._attempt += 1
            self._play_menu(node, "noinput" if result == "noinput" else "nomatch")

    def _give_up(self, node: menu.Menu | menu.LanguageMenu) -> None:
        target = self._plan.nodes[node.on_fail]
        if isinstance(target, menu.Queue):
            self._promise(target)
        else:
            self._go(target.name)

    def _go(self, name: str) -> None:
        """Enter a node, unless the caller has wandered long enough."""
        node = self._plan.nodes[name]
        self._entry, self._attempt, self._silences = "", 1, 0
        self._heard = ()
        if isinstance(node, menu.Queue):
            self._enqueue(node)
            return
        visit = self._visits.get(name, 0) + 1
        if visit > self._plan.limits.max_revisits + 1:
            self._escape("max_revisits")
            return
        self._visits[name] = visit
        self._node = node
        match node:
            case menu.Say():
                self._enter_say(node)
            case menu.HangUp():
                self._enter_hang_up(node)
            case menu.Menu() | menu.LanguageMenu():
                if name in self._back:
                    del self._back[self._back.index(name) :]
                self._enter_menu(node)
            case _:
                assert_never(node)

    def _enter_say(self, node: menu.Say) -> None:
        if self._is_limit_reached():
            return
        if node.bargein and self._keys:
            self._take(self._keys.popleft(), "early")
        else:
            self._play(speech.prompt(node.prompt, self.language), interruptible=node.bargein)

    def _enter_hang_up(self, node: menu.HangUp) -> None:
        if speech.OPERATOR_KEY in self._keys:
            self._keys.clear()
            self._global_key(speech.OPERATOR_KEY, "early")
        elif node.prompt is None:
            self._note(None, None)
            self._end()
        else:
            self._keys.clear()
            self._play(speech.prompt(node.prompt, self.language), interruptible=True)

    def _enter_menu(self, node: menu.Menu | menu.LanguageMenu) -> None:
        if node.timing.bargein and self._keys:
            if not self._is_limit_reached():
                self._take(self._keys.popleft(), "early")
        else:
            self._play_menu(node, "intro")

    def _repeat(self) -> None:
        """Play the node again; not an attempt, but a step."""
        self._heard, self._entry = (), ""
        node = self._node
        if not isinstance(node, menu.Menu | menu.LanguageMenu):
            self._go(node.name)
        elif self._keys and node.timing.bargein:
            if not self._is_limit_reached():
                self._take(self._keys.popleft(), "early")
        else:
            self._play_menu(node, "intro")

    def _play_menu(self, node: menu.Menu | menu.LanguageMenu, opening: speech.Opening) -> None:
        if self._is_limit_reached():
            return
        sounds = speech.opening_of_menu(self._plan, node, self.language, opening)
        self._play(sounds, interruptible=node.timing.bargein)

    def _is_limit_reached(self) -> bool:
        """Count a step; True when it was one too many and a person has been sent for."""
        self._steps += 1
        limits = self._plan.limits
        if self._steps > limits.max_steps:
            self._escape("max_steps")
        elif self._now - self._started_ms >= limits.max_ivr_ms:
            self._escape("max_ivr_time")
        else:
            return False
        return True

    def _escape(self, limit: str) -> None:
        self._note(None, "fail", reason=limit)
        person = person_of(self._plan)
        if person is None:
            self._end()
        else:
            self._promise(person)

    def _promise(self, person: menu.Queue) -> None:
        """Tell the caller that a person comes, then queue; a key shortens the sentence."""
        self._keys.clear()
        self._after_play = person
        self._play(speech.to_operator(self._plan, self.language), interruptible=True)

    def _play(self, sounds: tuple[menu.Sound, ...], *, interruptible: bool) -> None:
        self._heard = tuple(sound.text for sound in sounds if isinstance(sound, menu.Clip))
        if self._is_after_key:
            sounds = (menu.Pause(AFTER_KEY_MS), *sounds)
        self._is_after_key = False
        self._playing = Play(sounds, interruptible)
        self._phase = _Phase.PLAYING
        self._out.append(self._playing)

    def _listen(self, timeout_ms: int) -> None:
        left_ms = self._plan.limits.max_ivr_ms - (self._now - self._started_ms)
        self._phase = _Phase.LISTENING
        self._out.append(Listen(max(1, min(timeout_ms, left_ms))))

    def _first_digit_ms(self, timing: menu.Timing) -> int:
        return timing.first_digit_ms * (2 if self._silences else 1)

    def _enqueue(self, node: menu.Queue) -> None:
        self._node = node
        self._after_play = None
        self._keys.clear()
        self._phase = _Phase.QUEUED
        self._heard = ()
        self._note(None, None)
        self._out.append(Enqueue(node.name, node.topic, self.language, node.priority_s))

    def _end(self) -> None:
        self._phase = _Phase.ENDED
        self._out.append(HangUp())

    def _note(
        self,
        key: str | None,
        result: Result | None,
        via: Via | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        name = self._node.name
        visit = self._visits.get(name, 1)
        self._out.append(
            Note(
                *(self._now, name, visit, self._attempt, self.language),
                *(self._heard, key, result, via, reason),
            )
        )


def person_of(dialplan: menu.Dialplan) -> menu.Queue | None:
    """The queue behind the operator key, past prompts; any queue when that leads nowhere."""
    node = dialplan.nodes[dialplan.globals.operator]
    for _ in dialplan.nodes:
        if isinstance(node, menu.Queue):
            return node
        if not isinstance(node, menu.Say):
            break
        node = dialplan.nodes[node.next]
    queues = (node for node in dialplan.nodes.values() if isinstance(node, menu.Queue))
    return next(queues, None)
