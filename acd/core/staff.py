"""Everybody on the roster: what they are doing, who could be rung this instant."""

from collections.abc import Iterator, Mapping

from acd.core.events import Phone
from acd.core.names import NO_TIME, ContactId, Millis, OperatorId
from acd.core.queues import OperatorProfile
from acd.core.seats import OperatorState, Seat, Work


class Staff:
    """The seats, and the few of them that are ready, kept true by `settle` after every change.

    `touched` holds the seats that may have changed since `begin`.
    """

    def __init__(self, profiles: Mapping[OperatorId, OperatorProfile]) -> None:
        self._profiles = profiles
        self._seats = {id_: Seat(profile) for id_, profile in profiles.items()}
        self._shown: dict[OperatorId, tuple[OperatorState, str | None]] = {}
        self._now = NO_TIME
        self.ready: dict[OperatorId, Seat] = {}
        self.touched: dict[OperatorId, Seat] = {}

    def __iter__(self) -> Iterator[Seat]:
        return iter(self._seats.values())

    def get(self, operator: OperatorId | None) -> Seat | None:
        """One seat; None for a stranger."""
        return None if operator is None else self._seats.get(operator)

    def begin(self, now: Millis) -> None:
        """A new event, at this time."""
        self._now = now
        self.touched = {}

    def put_to_work(
        self,
        seat: Seat,
        work: Work,
        contact: ContactId | None = None,
        until: Millis | None = None,
    ) -> None:
        """Give a seat work, or take it away; who is connected while logging out stays for it."""
        seat.start(work, contact, until)
        if work is Work.TALKING and not seat.logged_in:
            seat.logged_in, seat.logout_next = True, True
        self.settle(seat)

    def report_phone(self, seat: Seat, phone: Phone, unreachable: str) -> None:
        """Asterisk reports a phone. `unreachable` is the pause that ends when the phone is back."""
        came_back = phone is Phone.FREE and seat.phone is Phone.UNREACHABLE
        if came_back and seat.pause == unreachable:
            seat.pause = None
        seat.phone = phone
        self.settle(seat)

    def settle(self, seat: Seat) -> None:
        """Note the moment of a change of state, and whether the seat is ready now."""
        id_ = seat.profile.id
        self.touched[id_] = seat
        state = seat.state()
        if self._shown.get(id_) != state:
            self._shown[id_] = state
            seat.since = self._now
        if seat.is_ready:
            self.ready[id_] = seat
        else:
            self.ready.pop(id_, None)
        if id_ not in self._profiles and seat.work is Work.NONE:
            self._seats.pop(id_, None)

    def replace(self, profiles: Mapping[OperatorId, OperatorProfile]) -> list[Seat]:
        """A new roster; returns the seats of those who left it, to be sent home by the router."""
        self._profiles = profiles
        for id_, profile in profiles.items():
            if id_ in self._seats:
                self._seats[id_].profile = profile
            else:
                self._seats[id_] = Seat(profile)
        return [seat for id_, seat in self._seats.items() if id_ not in profiles]
