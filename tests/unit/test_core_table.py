"""Every stage of a contact meets every event: what becomes of it is written here, row by row."""

from typing import get_args

import pytest

from acd.core.callbacks import callback_id
from acd.core.contacts import Stage
from acd.core.events import (
    CallbackAccepted,
    CallbackAnswered,
    CallbackCancelled,
    CallbackFailed,
    CallbackRestored,
    CallbacksHeld,
    CallerHungUp,
    CallerLeft,
    Connected,
    ContactFound,
    ContactQueued,
    Event,
    HourChanged,
    LinkChanged,
    OfferFailed,
    OfferFailure,
    OffersHeld,
    OperatorAnswered,
    OperatorHungUp,
    OperatorLoggedOut,
    OperatorLost,
    OperatorPaused,
    OperatorReady,
    OperatorWrappedUp,
    Phone,
    PhoneChanged,
    RulesReplaced,
    ShiftEnds,
    Ticked,
)
from acd.core.names import Millis
from tests.unit.routing import AIGUL, BOLAT, PENSION, RU, A, Play, operator, queued, rules

RULES = rules(operator(A, {RU: 5}, {PENSION: 5}), ladder=())
STAGES = ("absent", "waiting", "ringing", "whisper", "talking", "dialling", "resting")
GONE = "absent"
SAME = "= = = = = = ="

ROWS = [
    # absent, waiting, ringing, whisper, talking, dialling, resting: = stays as it was
    (lambda c: queued(c, 0), "waiting = = = = = ="),
    (lambda c: ContactFound(queued(c, 0), A, True, Millis(0)), " ".join(["talking"] * 7)),
    (lambda c: ContactFound(queued(c, 0), A, False, Millis(0)), " ".join(["ringing"] * 7)),
    (CallerHungUp, "absent absent absent absent absent = ="),
    (CallerLeft, "absent absent absent absent absent = ="),
    (lambda c: OperatorAnswered(c, A), "= = whisper = = = ="),
    (lambda c: Connected(c, A), "= talking talking talking talking talking talking"),
    (lambda c: OfferFailed(c, A, OfferFailure.NO_ANSWER), "= = waiting waiting waiting = ="),
    (lambda c: OperatorHungUp(c, A), "= = absent absent absent = ="),
    (lambda c: OperatorLost(c, A), "= = waiting waiting waiting waiting ="),
    (lambda c: OperatorReady(A), "= ringing = = = = ="),
    (lambda c: OperatorPaused(A, "lunch"), "= = waiting = = waiting ="),
    (lambda c: OperatorWrappedUp(A), SAME),
    (lambda c: OperatorLoggedOut(A), "= = waiting = = waiting ="),
    (lambda c: PhoneChanged(A, Phone.UNREACHABLE), SAME),
    (lambda c: PhoneChanged(A, Phone.IN_USE), SAME),
    (lambda c: LinkChanged(False), SAME),
    (lambda c: OffersHeld(True), SAME),
    (lambda c: CallbackAccepted(c, "7701"), "= absent absent = = = ="),
    (lambda c: CallbackRestored(queued(c, 0), "7709", 0, Millis(0)), "waiting = = = = = ="),
    (CallbackAnswered, "= = = = = ringing waiting"),
    (lambda c: CallbackFailed(c, "busy"), "= = = = = resting ="),
    (CallbackCancelled, "= = = = = absent absent"),
    (lambda c: CallbacksHeld(True), SAME),
    (lambda c: HourChanged(12), SAME),
    (lambda c: ShiftEnds(A, Millis(1500)), SAME),
    (lambda c: RulesReplaced(RULES), SAME),
    (lambda c: Ticked(), SAME),
]


def at_stage(stage):
    """A centre with one contact at this stage, and its id; operator A is on a break otherwise."""
    play = Play(RULES, A)
    if stage in ("absent", "waiting", "resting"):
        play.at(0, OperatorPaused(A, "break"))
    if stage == "absent":
        return play, AIGUL
    play.at(0, queued(AIGUL, 0))
    if stage in ("dialling", "resting"):
        play.at(1, CallbackAccepted(AIGUL, "7701"))
        if stage == "resting":
            play.at(2, CallbacksHeld(True))
        return play, callback_id(AIGUL)
    if stage in ("whisper", "talking"):
        play.at(1, OperatorAnswered(AIGUL, A))
    if stage == "talking":
        play.at(2, Connected(AIGUL, A))
    return play, AIGUL


CASES = [
    pytest.param(make, stage, stage if then == "=" else then, id=f"{stage}-{row}")
    for row, (make, becomes) in enumerate(ROWS)
    for stage, then in zip(STAGES, becomes.split(), strict=True)
]


@pytest.mark.parametrize(("make", "stage", "becomes"), CASES)
def test_what_becomes_of_a_contact_at_this_stage_by_this_event(make, stage, becomes):
    play, contact = at_stage(stage)
    found = play.router.contact(contact)
    assert (found.stage.value if found else GONE) == stage
    play.at(1000, make(contact))
    found = play.router.contact(contact)
    assert (found.stage.value if found else GONE) == becomes
    others = {"waiting", "resting", "absent"}
    seat = play.router.seat(A)
    assert (seat.contact == contact) == (becomes not in others)
    play.at(2000, queued(BOLAT, 2000))  # and the centre works on
    assert play.router.contact(BOLAT) is not None


@pytest.mark.parametrize("stage", STAGES)
def test_the_same_event_a_second_time_changes_nothing_more(stage):
    for make, _ in ROWS:
        play, contact = at_stage(stage)
        play.at(1000, make(contact))
        before = [(c.id, c.stage, c.operator, c.place) for c in play.router.contacts]
        state = play.state(A)
        play.at(1000, make(contact))
        if type(make(contact)) in (OperatorLost, RulesReplaced):
            continue  # the first moved the clock on; a reload may say everything anew
        assert [(c.id, c.stage, c.operator, c.place) for c in play.router.contacts] == before or (
            type(make(contact)) is OfferFailed  # once more is another operator's failure
        )
        assert play.state(A) == state


def test_no_stage_and_no_event_is_left_out():
    assert {stage.value for stage in Stage} | {GONE} == set(STAGES)
    assert {type(make(AIGUL)) for make, _ in ROWS} == set(get_args(Event))
    assert ContactQueued in get_args(Event)
