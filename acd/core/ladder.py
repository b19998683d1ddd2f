"""What the ladder of a queue does to a contact as it waits, and what the caller hears meanwhile.

A step fires once for a contact: when its time has come, or when its condition holds. Conditions
are looked at by group (queue, language, topic), when somebody joins it and twice a second, never
by contact; once one holds it does so until its figure is past the release. When it begins to hold
while thousands wait, they are dealt with in the order of the line, some each millisecond.
"""

from dataclasses import replace
from heapq import heappop, heappush
from typing import Final, assert_never

from acd.core.commands import LeaveQueue, OfferCallbackTo, PlayMessage, Tell
from acd.core.contacts import Contact, Group, Place, Stage
from acd.core.floor import Floor
from acd.core.names import NO_TIME, ContactId, Language, Millis, QueueId, Topic
from acd.core.plans import Plan, holds
from acd.core.prediction import NEVER
from acd.core.queues import (
    Condition,
    LeastLevel,
    Leave,
    Message,
    Need,
    OfferCallback,
    OverflowTo,
    Raise,
    Reserve,
    Route,
    Step,
    Widen,
    step_name,
)

CHECK_MS: Final = 500
GROUPS_AT_ONCE: Final = 5
BATCH: Final = 32
"""So many contacts of a group are dealt with at one moment."""

FIRST_PLACE_MAX: Final = 10
"""A first place further back than this is no news that helps."""

SPOKEN_S: Final = (0, 60, 120, 180, 300, 600)
"""Waits are told as the range between two of these; longer ones are not told."""

FOREVER: Final = float("inf")


def start(floor: Floor, contact: Contact) -> None:
    """A contact stands in the line for the first time, or begins its ladder anew."""
    arm(floor, contact)
    watch(floor, contact)
    announce = floor.rules.queues[contact.queue].announce
    if announce is not None and contact.callback is None:
        first, every = contact.queued_at + announce.first_ms, max(1000, announce.every_ms)
        missed = -(-max(0, floor.now - first) // every)
        contact.tell_at = Millis(first + missed * every)
        floor.arm(contact.tell_at, contact)


def watch(floor: Floor, contact: Contact) -> None:
    """The steps with a condition that have not fired for a contact wait for their moment."""
    for index in floor.plans[contact.queue].conditional:
        if not contact.fired >> index & 1:
            entry = (contact.queued_at, contact.order, contact.id)
            heappush(contact.group.todo.setdefault(index, []), entry)
    floor.stir(contact.group)


def restart(floor: Floor, contact: Contact, since: Millis) -> None:
    """Begin the ladder again; steps already due are taken at the next chance."""
    contact.step = contact.fired = contact.rung = 0
    contact.leaving = None
    floor.leaving.pop(contact.id, None)
    contact.rules_since, contact.tell_at = since, None
    if since == NO_TIME:
        contact.heard, contact.told_position, contact.told_wait_ms = (), None, None
        contact.callback_offered = contact.callback_owed = False
    floor.lines.leave(contact)
    contact.group = floor.group(contact.queue, contact.language, contact.topic)
    contact.pool = floor.first_pool(contact)
    start_ms = floor.head_start(contact.queue, contact.topic)
    if contact.callback is not None:
        start_ms = Millis(start_ms + floor.callback_rules(contact).priority_ms)
    contact.priority_ms = Millis(contact.own_priority_ms + start_ms)


def next_at(floor: Floor, contact: Contact) -> Millis | None:
    """When the next step with a time falls due; None when there is none left."""
    timed = floor.plans[contact.queue].timed
    while contact.rung < len(timed):
        at_ms, index = timed[contact.rung]
        if not contact.fired >> index & 1:
            return Millis(contact.queued_at + at_ms)
        contact.rung += 1
    return None


def arm(floor: Floor, contact: Contact) -> None:
    """See to it that the next step with a time is looked at then."""
    at = next_at(floor, contact)
    if at is not None:
        floor.arm(Millis(max(at, floor.now)), contact)


def climb(floor: Floor, contact: Contact) -> None:
    """Take the steps whose time has come."""
    plan = floor.plans[contact.queue]
    before = contact.rung
    while (at := next_at(floor, contact)) is not None and at <= floor.now:
        index = plan.timed[contact.rung][1]
        contact.rung += 1
        fire(floor, contact, index)
    # Also past a step that a condition has fired before its time: the next one still has its own.
    if contact.rung != before:
        arm(floor, contact)


def fire(floor: Floor, contact: Contact, index: int) -> None:
    """Take one step, unless it is for the ears of somebody who is not on the line."""
    step = floor.plans[contact.queue].steps[index]
    if contact.fired >> index & 1 or contact.stage is Stage.TALKING:
        return
    if isinstance(step, Leave):
        if contact.is_live and contact.leaving is None:
            contact.leaving = index
            floor.leaving[contact.id] = contact
        return
    contact.fired |= 1 << index
    if not contact.is_live and isinstance(step, Message | OfferCallback):
        return
    contact.step += 1
    _take(floor, contact, step)
    floor.decide(contact, step_name(step), None)


def _take(floor: Floor, contact: Contact, step: Step) -> None:
    match step:
        case Message(phrase=phrase, at_ms=at_ms):
            if contact.stage is Stage.WAITING and _is_news(contact, phrase, at_ms):
                floor.out.append(PlayMessage(contact.id, phrase))
                contact.heard += (phrase,)
        case OfferCallback():
            _offer_callback(floor, contact)
        case Raise(by_ms=by_ms):
            floor.move(contact, contact.pool, Millis(contact.priority_ms + by_ms))
        case Widen() | Reserve() | OverflowTo():
            need = _more(floor, contact.pool.need, step)
            if need != contact.pool.need:
                floor.move(contact, floor.staff.skills.pool(need), contact.priority_ms)
        case Leave():
            raise AssertionError(f"{contact.id} leaves in `leave` alone")
        case _:
            assert_never(step)


def _more(floor: Floor, need: Need, step: Widen | Reserve | OverflowTo) -> Need:
    """What is asked of operators once the step has been taken."""
    match step:
        case Widen(language=language, topic=topic):
            own = need.routes[0]
            least = LeastLevel(_lower(own.least.language, language), _lower(own.least.topic, topic))
            return replace(need, routes=(Route(own.topic, least), *need.routes[1:]))
        case Reserve():
            return replace(need, reserve=True)
        case OverflowTo(queue=queue):
            route = Route(Topic(queue), floor.rules.queues[queue].least)
            return need if route in need.routes else replace(need, routes=(*need.routes, route))


def _is_news(contact: Contact, phrase: str, at_ms: Millis | None) -> bool:
    """After a reload the ladder begins again, but what was heard already is not said twice."""
    if contact.rules_since == NO_TIME:
        return True
    if at_ms is None:
        return phrase not in contact.heard
    return contact.queued_at + at_ms > contact.rules_since


def _offer_callback(floor: Floor, contact: Contact) -> None:
    if contact.callback_offered or contact.callback is not None:
        return
    contact.callback_offered = True
    if contact.stage is Stage.WAITING:
        floor.out.append(OfferCallbackTo(contact.id))
    else:
        contact.callback_owed = True  # somebody is being rung for them: only if that fails


def leave(floor: Floor) -> None:
    """Those whose ladder says so leave, unless an operator is being rung for them."""
    if not floor.leaving or floor.is_held or not floor.is_linked:
        return
    for contact in list(floor.leaving.values()):
        if contact.stage is not Stage.WAITING or contact.leaving is None:
            continue
        index = contact.leaving
        step = floor.plans[contact.queue].steps[index]
        assert isinstance(step, Leave), f"{contact.id} leaves by {step}"
        contact.fired |= 1 << index
        contact.step += 1
        floor.decide(contact, step_name(step), None)
        floor.close(contact)
        floor.out.append(LeaveQueue(contact.id, step.target))


# Conditions


def check_stirred(floor: Floor) -> None:
    """Look at the groups that somebody has just joined, or whose moment has come.

    Of very many some now, the others in the next milliseconds: no event may take long.
    """
    groups = [group for group in floor.stirred if group.waiting]
    floor.stirred.clear()
    for group in groups[:GROUPS_AT_ONCE]:
        _check(floor, group)
    for number, group in enumerate(groups[GROUPS_AT_ONCE:]):
        group.check_at = Millis(floor.now + 1 + number // GROUPS_AT_ONCE)
        floor.arm(group.check_at, group)


def due(floor: Floor, group: Group) -> None:
    """A group's moment has come; others that were noted for it are of no account."""
    if group.check_at is not None and group.check_at <= floor.now:
        group.check_at = None
        if group.waiting and floor.lines.groups.get(_key(group)) is group:
            floor.stirred[group] = None


def _key(group: Group) -> tuple[QueueId, Language, Topic]:
    return (group.queue, group.language, group.topic)


def _check(floor: Floor, group: Group) -> None:
    """Fire what is to fire for a group; come back while anything may still change for it.

    What held long ago, when nobody of the group waited, does not hold on.
    """
    plan = floor.plans[group.queue]
    again = Millis(floor.now + CHECK_MS - group.number * 7 % 100)  # not all at the same moment
    if floor.now > group.checked_at + 4 * CHECK_MS:
        group.latched.clear()
    group.checked_at = floor.now
    if floor.is_linked:
        known: dict[str, float | None] = {}
        for index in plan.conditional:
            todo = group.todo.get(index, [])
            if len(todo) > 2 * len(group.waiting) + BATCH:
                _prune(floor, todo)
            wish = _advance(floor, group, plan, index, todo, known)
            if wish is not None and wish < again:
                again = wish
    if not any(group.todo.values()):
        if not group.latched:
            return
        again = Millis(floor.now + 2 * CHECK_MS)  # only to see when it no longer holds
    if group.check_at is None or again < group.check_at:
        group.check_at = again
        floor.arm(again, group)


def _prune(floor: Floor, todo: list[tuple[Millis, int, ContactId]]) -> None:
    """Forget those who are gone, once they are most of the list."""
    todo[:] = sorted({entry for entry in todo if entry[2] in floor.contacts})


def _advance(
    floor: Floor,
    group: Group,
    plan: Plan,
    index: int,
    todo: list[tuple[Millis, int, ContactId]],
    known: dict[str, float | None],
) -> Millis | None:
    """Fire one step for those of a group it is to fire for; returns when to look again.

    `known` has the figures found since the last step was fired: several steps look at the same.
    """
    all_hold = True
    for latch, condition in plan.of_group[index]:
        if not _is_latched(floor, group, latch, condition, known):
            all_hold = False
    if not all_hold:
        return None
    waited = plan.of_contact[index]
    for _ in range(BATCH):
        if not todo:
            return None
        queued_at, _, id_ = todo[0]
        contact = floor.contacts.get(id_)
        if contact is None or contact.group is not group or contact.fired >> index & 1:
            heappop(todo)
            continue
        so_far = floor.now - queued_at
        later = [c for c in waited if not holds(c, so_far, already=False)]
        if any(c.op in ("<", "<=") for c in later):
            heappop(todo)  # it has waited too long for this step ever to fire
            continue
        if later:
            return Millis(queued_at + max(c.value + (c.op == ">") for c in later))
        heappop(todo)
        known.clear()
        fire(floor, contact, index)
    return Millis(floor.now + 1)


def _is_latched(
    floor: Floor,
    group: Group,
    latch: tuple[int, int],
    condition: Condition,
    known: dict[str, float | None],
) -> bool:
    name = condition.figure
    if name not in known:
        known[name] = _figure(floor, group, condition)
    figure = known[name]
    already = latch in group.latched
    now = figure is not None and holds(condition, figure, already=already)
    if now != already:
        group.latched ^= {latch}
    return now


def _figure(floor: Floor, group: Group, condition: Condition) -> float | None:
    match condition.figure:
        case "waiting":
            return floor.lines.waiting.get(group.queue, 0)
        case "ready":
            return (group.pool.may & floor.staff.ready).bit_count()
        case "longest_wait":
            return floor.lines.longest_ms(group.queue, floor.now)
        case "hour":
            return floor.hour
        case "predicted_wait":
            return _longest_predicted(floor, group)
        case "waited":
            raise AssertionError("asked of each contact, never of a group")
        case _:
            assert_never(condition.figure)


def _longest_predicted(floor: Floor, group: Group) -> float | None:
    """The whole wait that is foreseen: of the first, who has waited, and of the last."""
    if floor.is_held:
        return None
    place, id_ = group.waiting[0]
    first = _predicted(floor, group, place, id_)
    if first == FOREVER or len(group.waiting) == 1:
        return first
    place, id_ = group.waiting[-1]
    return max(first, _predicted(floor, group, place, id_))


def _predicted(floor: Floor, group: Group, place: Place, id_: ContactId) -> float:
    contact = floor.contacts[id_]
    still = floor.prediction.of(floor.staff, floor.lines, group, contact.pool, place, floor.now)
    if still is None or still == NEVER:
        return FOREVER
    return float(floor.now - contact.queued_at + still)


# What the caller hears


def tell(floor: Floor, contact: Contact) -> None:
    """Say the place or the wait, when it has become better; nothing else helps anybody."""
    announce = floor.rules.queues[contact.queue].announce
    if contact.tell_at is None or contact.tell_at > floor.now:
        return
    if announce is None or contact.stage is Stage.TALKING or not contact.is_live:
        contact.tell_at = None
        return
    contact.tell_at = Millis(floor.now + max(1000, announce.every_ms))
    floor.arm(contact.tell_at, contact)
    if contact.stage is not Stage.WAITING or not floor.is_linked or floor.is_held:
        return
    if contact.pool.may & floor.staff.ready:
        return  # somebody is about to be rung for them
    wait = floor.estimate(contact)
    if wait == NEVER:
        return  # to be the first of those whom nobody will come for is no comfort
    position = _place_worth_telling(floor, contact) if announce.position else None
    wait_ms = _wait_worth_telling(contact, wait) if announce.wait else None
    if position is None and wait_ms is None:
        return
    floor.decide(contact, "announce", None)
    floor.out.append(Tell(contact.id, position, wait_ms))


def _place_worth_telling(floor: Floor, contact: Contact) -> int | None:
    last = contact.told_position
    worth = FIRST_PLACE_MAX + 1 if last is None else last
    place = floor.lines.ahead(contact, worth) + 1
    if place >= worth:
        return None
    contact.told_position = place
    return place


def _wait_worth_telling(contact: Contact, wait: Millis | None) -> tuple[Millis, Millis] | None:
    if wait is None:
        return None
    most = next((s * 1000 for s in SPOKEN_S[1:] if wait < s * 1000), None)
    if most is None or (contact.told_wait_ms is not None and most >= contact.told_wait_ms):
        return None
    contact.told_wait_ms = Millis(most)
    return Millis(SPOKEN_S[SPOKEN_S.index(most // 1000) - 1] * 1000), Millis(most)


def _lower(level: int, to: int | None) -> int:
    return level if to is None else min(level, to)
