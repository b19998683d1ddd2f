"""The edge of a shift: the last offer before its end, and the way home when the work is done.

A conversation that goes on past the end is finished, and so is its wrap-up. Who says after the
end that they are ready stays on: from then on they are like anybody outside of a shift.
"""

from acd.core.events import ShiftEnds
from acd.core.floor import Floor
from acd.core.seats import Seat, Work


def told(floor: Floor, event: ShiftEnds) -> None:
    """When somebody's shift ends is known, or another than before."""
    seat = floor.staff.get(event.operator)
    if seat is None:
        floor.ignored += 1
        return
    floor.staff.shift_ends(seat, event.at)
    _watch(floor, seat)


def renew(floor: Floor) -> None:
    """New rules may leave more time or less."""
    for seat in list(floor.staff):
        if seat.shift_ends is not None and seat.bit:
            _watch(floor, seat)


def said_ready(floor: Floor, seat: Seat) -> None:
    """Before the word is taken in: after the end of the shift it means to stay."""
    if seat.last_offer_at is not None and _is_over(floor, seat):
        floor.staff.shift_ends(seat, None)


def due(floor: Floor, seat: Seat) -> None:
    """A wrap-up is over, or the shift, or it soon will be."""
    if seat.work_until is not None and seat.work_until <= floor.now:
        floor.staff.put_to_work(seat, Work.NONE)
    if seat.last_offer_at is None:
        return
    if floor.rules.auto_logout and seat.logged_in and _is_over(floor, seat):
        seat.say_home()
    floor.staff.settle(seat)


def _watch(floor: Floor, seat: Seat) -> None:
    for at in (seat.last_offer_at, seat.shift_ends):
        if seat.last_offer_at is not None and at is not None and at > floor.now:
            floor.arm(at, seat)
    due(floor, seat)
    floor.staff.settle(seat)


def _is_over(floor: Floor, seat: Seat) -> bool:
    return seat.shift_ends is not None and seat.shift_ends <= floor.now
