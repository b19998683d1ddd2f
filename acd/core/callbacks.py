"""Calling citizens back: they keep place and clock, and stand in one line with those who wait.

A callback is a contact like any other, but nobody is on the line. When it is its turn an operator
is kept for it (DIALLING) and the citizen is called, so that never more are called than there are
operators for them. Once they pick up and confirm, the operator is rung, and from then on it is a
caller like the rest, on hold should that operator not answer. Who is not reached is called again
after a pause (RESTING), so many times, and not for ever. In quiet hours nobody is called.
"""

from acd.core import ladder
from acd.core.commands import CallbackGivenUp, CancelOffer
from acd.core.contacts import Callback, Contact, Stage
from acd.core.events import CallbackAccepted, CallbackFailed, CallbackRestored
from acd.core.floor import Floor
from acd.core.names import ContactId, Millis


def callback_id(contact: ContactId) -> ContactId:
    """The contact that stands in the line for a caller who took a callback."""
    return ContactId(f"{contact}~cb")


def accepted(floor: Floor, event: CallbackAccepted) -> None:
    """The live contact ends; the callback takes its place, unless the number has one already.

    Whoever is being rung for at that moment is free again: the caller has hung up, or is about
    to. A caller whom an operator has answered has no need of a callback.
    """
    contact = floor.contacts.get(event.contact)
    if (
        contact is None
        or contact.callback is not None
        or contact.stage not in (Stage.WAITING, Stage.RINGING)
    ):
        floor.ignored += 1
        return
    if contact.operator is not None:
        floor.out.append(CancelOffer(contact.id, contact.operator))
        floor.release(contact)
    floor.close(contact)
    new = callback_id(contact.id)
    if event.key in floor.callbacks or new in floor.contacts:
        return
    _stand(floor, contact.as_callback(new, event.key))


def restored(floor: Floor, event: CallbackRestored) -> None:
    """A callback that was on record; one whose number or id is in use already is not needed."""
    if event.key in floor.callbacks or event.contact in floor.contacts:
        floor.ignored += 1
        return
    contact = floor.admit(event.queued)
    contact.callback = Callback(event.key, event.tries, event.not_before)
    _stand(floor, contact)


def _stand(floor: Floor, contact: Contact) -> None:
    callback = contact.callback
    assert callback is not None, f"{contact.id} is no callback"
    credit = floor.callback_rules(contact).priority_ms
    contact.priority_ms = Millis(contact.priority_ms + credit)
    floor.contacts[contact.id] = contact
    floor.callbacks[callback.key] = contact.id
    floor.put_back(contact)
    ladder.start(floor, contact)
    if callback.not_before > floor.now:
        floor.arm(callback.not_before, contact)
    floor.arm(Millis(max(floor.now, _ends_at(floor, contact))), contact)


def _ends_at(floor: Floor, contact: Contact) -> Millis:
    return Millis(contact.queued_at + floor.callback_rules(contact).max_age_ms)


def answered(floor: Floor, id_: ContactId) -> None:
    """The citizen is on the line: ring the operator who was kept for this."""
    contact = floor.contacts.get(id_)
    if contact is None or contact.callback is None or contact.callback.is_on_line:
        floor.ignored += 1
        return
    contact.callback.is_on_line = True
    seat = floor.seat_of(contact)
    if contact.stage is Stage.DIALLING and seat is not None:
        floor.ring(contact, seat)
    else:
        floor.put_back(contact)  # the operator has just gone: the next one is for the citizen


def failed(floor: Floor, event: CallbackFailed) -> None:
    """Not reached: a pause and another try, or the end."""
    contact = floor.contacts.get(event.contact)
    if contact is None or contact.callback is None or contact.stage is not Stage.DIALLING:
        floor.ignored += 1
        return
    _not_reached(floor, contact, f"callback_{event.why}")


def _not_reached(floor: Floor, contact: Contact, rule: str) -> None:
    callback, rules = contact.callback, floor.callback_rules(contact)
    assert callback is not None, f"{contact.id} is no callback"
    callback.tries += 1
    floor.release(contact)
    contact.operator, contact.deadline = None, None
    if callback.tries >= rules.tries or floor.now >= _ends_at(floor, contact):
        _give_up(floor, contact)
        return
    floor.decide(contact, rule, None)
    callback.not_before = Millis(floor.now + rules.pause_ms)
    floor.put_back(contact)
    floor.arm(callback.not_before, contact)


def _give_up(floor: Floor, contact: Contact) -> None:
    assert contact.callback is not None, f"{contact.id} is no callback"
    floor.decide(contact, "callback_given_up", None)
    floor.close(contact)
    floor.out.append(CallbackGivenUp(contact.id, contact.callback.tries))


def cancelled(floor: Floor, id_: ContactId) -> None:
    """Nobody is called any more; a citizen who has picked up is talked to all the same."""
    contact = floor.contacts.get(id_)
    if contact is None or contact.callback is None or contact.callback.is_on_line:
        floor.ignored += 1
        return
    if contact.operator is not None:
        floor.out.append(CancelOffer(contact.id, contact.operator))
        floor.release(contact)
    floor.close(contact)


def hold(floor: Floor, held: bool) -> None:
    """Quiet hours begin or end; a phone that rings already goes on ringing."""
    floor.are_callbacks_held = held
    for id_ in list(floor.callbacks.values()):
        contact = floor.contacts[id_]
        if contact.stage in (Stage.WAITING, Stage.RESTING):
            floor.put_back(contact)


def due(floor: Floor, contact: Contact) -> None:
    """A pause is over, or the callback is too old, or nobody said what became of the call."""
    callback = contact.callback
    if callback is None or callback.is_on_line:
        return
    if contact.stage is Stage.DIALLING:
        if contact.deadline is not None and contact.deadline <= floor.now and floor.is_linked:
            assert contact.operator is not None, f"{contact.id} is dialled for nobody"
            floor.out.append(CancelOffer(contact.id, contact.operator))
            _not_reached(floor, contact, "callback_no_result")
    elif contact.stage in (Stage.WAITING, Stage.RESTING):
        if floor.now >= _ends_at(floor, contact):
            _give_up(floor, contact)
        elif contact.stage is Stage.RESTING and callback.not_before <= floor.now:
            floor.put_back(contact)
