"""One caller's way through a menu: events in, commands out, no clock and no telephone.

    MenuSession(dialplan, facts=..., language=None).handle(event, now_ms) -> list[Command]

Every list holds commands that take no time (`steps.UNTIMED`) and then at most one that does. An
empty list means: go on with what you are doing. What is asked is answered with

    Play(interruptible)  -> PlaybackFinished, or KeyPressed (the prompt has stopped)
    Play(not)            -> KeyPressed any number of times (the prompt goes on), PlaybackFinished
    Listen(timeout_ms)   -> KeyPressed or TimedOut
    Fetch                -> Fetched; keys pressed meanwhile are kept
    Record               -> Recorded
    BookCallback         -> CallbackAnswered
    Transfer             -> TransferFailed, or AfterOperator when the other side hung up first
    Enqueue              -> AfterOperator when the operator has hung up first, or Overflowed
    HangUp               -> nothing

and `HungUp` may come at any moment. Any other event is ignored: telephony is often late.

Rules. Silence and wrong keys count together and end at a person. `0` reaches a person from
everywhere, `*` goes back one menu, `#` repeats a menu and skips a prompt. Keys pressed early are
kept, at most 30, and thrown away after an error, at a question that must be heard (`confirm`,
`survey`, the number of a `callback`) and at a queue; a `0` among them is obeyed even then. A key
fires at once unless a longer key could still follow. The limits on steps, revisits, time and depth
end at a person. Whoever has a profile that asks for ever may take ten times the steps and any time,
as long as a key comes within ten times the limit on time. Something that goes wrong inside brings
a person too; when even that fails nothing is asked for, `is_broken` is true, and Asterisk's own
fallback takes the caller. Times are integer milliseconds on one monotonic clock.

`walk.py` holds the state and the moves, `asking.py` the nodes that take keys, `passing.py` the
others, `variables.py` the names.
"""

from collections.abc import Mapping
from typing import Literal

from ivr.core import asking, menu, passing
from ivr.core.expressions import Lookup, Value
from ivr.core.steps import UNTIMED, AfterOperator, CallbackAnswered, Fetched, KeyPressed
from ivr.core.steps import Command as Command
from ivr.core.steps import Enqueue as Enqueue
from ivr.core.steps import Event as Event
from ivr.core.steps import HangUp as HangUp
from ivr.core.steps import HungUp as HungUp
from ivr.core.steps import Listen as Listen
from ivr.core.steps import Note as Note
from ivr.core.steps import Overflowed as Overflowed
from ivr.core.steps import Play as Play
from ivr.core.steps import PlaybackFinished as PlaybackFinished
from ivr.core.steps import Recorded as Recorded
from ivr.core.steps import Result as Result
from ivr.core.steps import Started as Started
from ivr.core.steps import TimedOut as TimedOut
from ivr.core.steps import TransferFailed as TransferFailed
from ivr.core.steps import Via as Via
from ivr.core.walk import INTERNAL_ERROR, Phase, Walk

KEYS = frozenset("0123456789*#")


def _nothing_known(_name: str) -> Value:
    return None


class MenuSession:
    """The state of one call in a menu. `handle` never raises, whatever comes in any order.

    `facts` gives what the call itself does not know: `caller.*`, `config.*`, `schedule.*`,
    `queue.*`; None for what nobody knows. `variables` are those of an earlier session of the call.
    """

    def __init__(
        self,
        dialplan: menu.Dialplan,
        *,
        facts: Lookup = _nothing_known,
        language: str | None = None,
        variables: Mapping[str, Value] | None = None,
    ) -> None:
        self._walk = Walk(dialplan, facts, language=language, call=variables or {})
        self._is_rescued = False
        self._is_broken = False

    @property
    def node_name(self) -> str:
        """Where the caller is."""
        return self._walk.node.name

    @property
    def language(self) -> str:
        """The language the caller is spoken to in."""
        return self._walk.known.language

    @property
    def variables(self) -> dict[str, Value]:
        """What the dialplan has set below `call.`; plain values, as JSON has them."""
        return dict(self._walk.known.call)

    @property
    def is_over(self) -> bool:
        """Whether the menu has nothing more to say: in other hands, or the call has ended."""
        return self._walk.phase in (Phase.AWAY, Phase.ENDED)

    @property
    def is_broken(self) -> bool:
        """Whether something went wrong for which not even a person could be sent."""
        return self._is_broken

    def handle(self, event: Event, now_ms: int) -> list[Command]:
        """Apply one event; a clock that runs backwards stands still."""
        walk = self._walk
        walk.now = max(walk.now, now_ms)
        walk.out = []
        try:
            self._apply(event)
            self._settle()
        except Exception as error:
            self._rescue(error)
        return walk.out

    def failed(self, now_ms: int) -> Note:
        """The last line of a session that its driver could not carry on."""
        walk = self._walk
        walk.now = max(walk.now, now_ms)
        walk.phase = Phase.ENDED
        walk.out = []
        walk.note(None, "fail", reason=INTERNAL_ERROR)
        note = walk.out[0]
        assert isinstance(note, Note)
        return note

    def _apply(self, event: Event) -> None:
        walk = self._walk
        phase, node = walk.phase, walk.node
        match event:
            case HungUp():
                self._hung_up()
            case KeyPressed(key) if key in KEYS:
                self._key_pressed(key)
            case PlaybackFinished() if phase is Phase.PLAYING:
                self._played()
            case TimedOut() if phase is Phase.LISTENING and isinstance(node, asking.ASKING):
                asking.timed_out(walk, node)
            case Started() if phase is Phase.IDLE:
                walk.begin(walk.plan.entry)
            case AfterOperator(name) if phase in (Phase.IDLE, Phase.AWAY):
                self._after_operator(name)
            case Overflowed(name) if phase in (Phase.IDLE, Phase.AWAY):
                self._overflowed(name)
            case TransferFailed(name, reason) if phase in (Phase.IDLE, Phase.AWAY):
                self._transfer_failed(name, reason)
            case Fetched() | Recorded() | CallbackAnswered() if phase is Phase.WAITING:
                self._answered(event)
            case _:
                pass  # late or out of place: normal in telephony

    def _settle(self) -> None:
        """Enter nodes one after another until one of them waits."""
        walk = self._walk
        while walk.target is not None:
            name, walk.target = walk.target, None
            if walk.arrive(name):
                self._enter(walk.node)

    def _enter(self, node: menu.Node) -> None:
        walk = self._walk
        if isinstance(node, menu.Queue):
            walk.enqueue(node)
            return
        if node.set:
            walk.known.assign(node.set)
            walk.profile = walk.known.profile()
        if isinstance(node, asking.ASKING):
            asking.enter(walk, node)
        elif isinstance(node, passing.SILENT):
            passing.pass_on(walk, node)
        else:
            passing.enter(walk, node)

    def _key_pressed(self, key: str) -> None:
        walk = self._walk
        walk.key_ms = walk.now
        is_playing = walk.phase is Phase.PLAYING and walk.playing is not None
        if walk.phase is Phase.LISTENING:
            self._take(key, "after")
        elif is_playing and walk.playing is not None and walk.playing.interruptible:
            if walk.promised is not None:
                walk.keep_promise(walk.promised)
            else:
                self._take(key, "bargein")
        elif is_playing or (walk.phase is Phase.WAITING and isinstance(walk.node, menu.Http)):
            walk.keep(key)

    def _take(self, key: str, via: Via) -> None:
        """One key reaches the node the caller is at."""
        walk = self._walk
        walk.is_after_key, walk.steps_alone = True, 0
        node = walk.node
        if isinstance(node, asking.ASKING):
            asking.take(walk, node, key, via)
        elif isinstance(node, passing.SPEAKING):
            passing.take(walk, node, key, via)

    def _played(self) -> None:
        walk = self._walk
        node = walk.node
        if walk.promised is not None:
            walk.keep_promise(walk.promised)
        elif isinstance(node, asking.ASKING):
            asking.played(walk, node)
        elif isinstance(node, passing.SPEAKING):
            passing.played(walk, node)

    def _answered(self, event: Fetched | Recorded | CallbackAnswered) -> None:
        walk = self._walk
        match event, walk.node:
            case Fetched(body), menu.Http() as node:
                passing.fetched(walk, node, body)
            case Recorded(length_ms), menu.Voicemail() as node:
                passing.recorded(walk, node, length_ms)
            case CallbackAnswered(is_booked), menu.Callback() as node:
                asking.answered(walk, node, is_booked=is_booked)
            case _:
                pass  # an answer to an earlier question

    def _after_operator(self, name: str) -> None:
        node = self._walk.plan.nodes.get(name)
        if isinstance(node, menu.Queue | menu.Transfer) and node.next is not None:
            self._walk.begin(node.next)
        else:
            self._walk.end()

    def _overflowed(self, name: str) -> None:
        walk = self._walk
        node = walk.plan.nodes.get(name)
        if isinstance(node, menu.Queue) and node.on_overflow is not None:
            walk.node = node
            walk.topic = walk.topic or walk.topic_of(node)
            walk.begin(node.on_overflow)
        else:
            walk.end()

    def _transfer_failed(self, name: str, reason: Literal["busy", "noanswer"]) -> None:
        walk = self._walk
        node = walk.plan.nodes.get(name)
        if walk.phase is Phase.AWAY:
            if isinstance(node, menu.Transfer) and walk.node is node:
                passing.refused(walk, node, reason)
        elif isinstance(node, menu.Transfer):
            walk.begin(name)
            walk.node, walk.entered_ms = node, walk.now
            passing.refused(walk, node, reason)
        else:
            walk.begin(walk.plan.globals.operator)  # they wanted somebody and got nobody

    def _hung_up(self) -> None:
        walk = self._walk
        if walk.phase in (Phase.PLAYING, Phase.LISTENING, Phase.WAITING):
            walk.note(None, "hangup")
        walk.phase = Phase.ENDED
        walk.keys.clear()
        walk.target = walk.promised = None

    def _rescue(self, error: Exception) -> None:
        """Something went wrong inside: a person, by the shortest way there is. Once; a way that
        fails as well is not tried again and again.
        """
        walk = self._walk
        walk.out = [command for command in walk.out if isinstance(command, UNTIMED)]
        walk.target, walk.promised = None, None
        walk.warn(f"internal error, {type(error).__name__}: {error}")
        if not self._is_rescued and walk.any_queue() is not None:
            self._is_rescued = True
            try:
                walk.escape(INTERNAL_ERROR)
                return
            except Exception as second:
                walk.warn(f"no person could be sent, {type(second).__name__}: {second}")
        walk.out = [command for command in walk.out if isinstance(command, UNTIMED)]
        walk.phase, walk.target = Phase.ENDED, None
        self._is_broken = True
