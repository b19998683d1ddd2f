"""Callers whom Asterisk's own queue has: not ours to move, but ours to put on record.

While they wait there they are no contacts of the router; once an operator talks to them they are
again, so that the operator is seen talking, has a wrap-up, and the call counts as answered.
"""

from acd.calls import CallBook
from acd.clock import Clock
from acd.core.events import CallerLeft, ContactFound, ContactQueued, OperatorHungUp
from acd.core.names import ContactId, Language, Millis, OperatorId, Topic
from acd.loop import Loop


class FallbackCalls:
    """Hears of callers in Asterisk's own queue; everything waits its turn behind the router."""

    def __init__(self, book: CallBook, loop: Loop, clock: Clock, least_talk_ms: int) -> None:
        """`least_talk_ms`: an operator who hangs up sooner has not answered."""
        self._book = book
        self._loop = loop
        self._clock = clock
        self._least_talk_ms = least_talk_ms

    def entered(self, call: str, at: int | None, queued: ContactQueued | None = None) -> None:
        """The caller waits there now, or has since that moment; `queued` is how it began."""
        self._loop.after(lambda: self._book.fallback_entered(call, at, queued))

    def answered(self, call: str, operator: str, at: int | None) -> None:
        """An operator talks to the caller, from now or since that moment."""
        now = self._clock()
        since = now if at is None else Millis(min(at, now))
        self._loop.after(lambda: self._answered(call, OperatorId(operator), since))

    def _answered(self, call: str, operator: OperatorId, since: Millis) -> None:
        known = self._book.get(call)
        if known is None or known.queue is None or known.queued_at is None:
            return
        queued = ContactQueued(
            contact=ContactId(call),
            queue=known.queue,
            topic=Topic(known.topic or known.queue),
            language=Language(known.language or ""),
            queued_at=known.queued_at,
            priority_ms=Millis(known.own_priority_ms),
        )
        self._loop.at_once(ContactFound(queued, operator, is_talking=True, since=since))

    def operator_left(self, call: str, operator: str) -> None:
        """That conversation is over, and the caller is still there."""
        self._loop.after(lambda: self._operator_left(call, OperatorId(operator)))

    def _operator_left(self, call: str, operator: OperatorId) -> None:
        known, contact = self._book.get(call), ContactId(call)
        talked_since = known.talk_since if known is not None else None
        if talked_since is None or self._clock() - talked_since >= self._least_talk_ms:
            self._loop.at_once(OperatorHungUp(contact, operator))
            return
        self._loop.at_once(CallerLeft(contact))
        self._book.fallback_again(call)

    def message_left(self, call: str, file: str) -> None:
        """The caller has left a message: nobody was logged in."""
        self._loop.after(lambda: self._book.message_left(call, file))
