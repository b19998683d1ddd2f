"""Follows every operator's state: for the record, for the day's sums, for the fallback queue.

The router changes a seat; this compares what is seen before and after each event. An interval is
one stay in one state; intervals add up to the day.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from acd.core.events import OfferFailure
from acd.core.names import Millis, OperatorId
from acd.core.seats import OperatorState, Seat
from acd.figures import Figures

Shown = tuple[OperatorState, str | None]


@dataclass(frozen=True, slots=True)
class Interval:
    """A finished stay of an operator in a state. `call` is the contact it was about, if any.

    `reason` is that of a pause, or why a ring or a conversation came to nothing.
    """

    operator: OperatorId
    began_at: Millis
    ended_at: Millis
    state: str
    reason: str | None
    call: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What outlives a restart: whether the operator is logged in, and paused for what."""

    operator: OperatorId
    logged_in: bool
    pause: str | None
    since: Millis


class RosterArchive(Protocol):
    """Where an operator's day is kept; must not block and must not raise."""

    def interval(self, interval: Interval) -> None:
        """One stay is over."""

    def standing(self, standing: Standing) -> None:
        """Log-in or pause has changed."""


@dataclass(slots=True)
class _Seen:
    shown: Shown
    since: Millis
    call: str | None
    standing: tuple[bool, str | None]


class Roster:
    """Every operator as last seen. `wrapped_up` is told how long a wrap-up took."""

    def __init__(
        self,
        archive: RosterArchive,
        figures: Figures,
        wrapped_up: Callable[[OperatorId, int], None],
        changed: Callable[[Seat], None],
    ) -> None:
        self._archive = archive
        self._figures = figures
        self._wrapped_up = wrapped_up
        self._changed = changed
        self._seen: dict[OperatorId, _Seen] = {}

    def look(self, seats: Iterable[Seat], now: Millis) -> None:
        """Compare with what was seen last, and report what is different."""
        for seat in seats:
            self._look_at(seat, now)

    def _look_at(self, seat: Seat, now: Millis) -> None:
        shown, standing = seat.state(), (seat.logged_in, seat.pause)
        seen = self._seen.get(seat.profile.id)
        if seen is None:
            self._seen[seat.profile.id] = _Seen(shown, now, seat.contact, standing)
            return
        if standing != seen.standing:
            seen.standing = standing
            self._archive.standing(Standing(seat.profile.id, *standing, now))
        if shown != seen.shown or seat.contact != seen.call:
            self._finish(seat.profile.id, seen, shown, now)
            # A conversation that was found under way began before now.
            since = seat.since if shown != seen.shown and seat.since else now
            seen.shown, seen.since, seen.call = shown, since, seat.contact
            self._changed(seat)

    def _finish(self, operator: OperatorId, seen: _Seen, then: Shown, now: Millis) -> None:
        state, reason = seen.shown[0], _reason(seen.shown, then)
        length = now - seen.since
        if state is OperatorState.OFFLINE:
            return
        self._archive.interval(Interval(operator, seen.since, now, state.value, reason, seen.call))
        if state is OperatorState.RINGING:
            self._figures.operator(operator).rona += reason == OfferFailure.NO_ANSWER.value
        elif state is OperatorState.TALKING:
            self._figures.operator(operator).calls += reason is None
            self._figures.operator(operator).handle_ms += length
        elif state is OperatorState.WRAP_UP:
            self._figures.operator(operator).handle_ms += length
            self._wrapped_up(operator, length)


def _reason(shown: Shown, then: Shown) -> str | None:
    state, reason = shown
    if state is OperatorState.RINGING and then[1] in {why.value for why in OfferFailure}:
        return then[1]
    if state is OperatorState.TALKING and then[1] == OfferFailure.HUNG_UP_AT_ONCE.value:
        return then[1]
    return reason
