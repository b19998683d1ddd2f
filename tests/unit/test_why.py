"""Why an operator was not taken: from a decision on record, the roster, and their day."""

import json

import pytest

from acd.core.commands import Decided
from acd.core.names import Millis, OperatorId, Topic
from acd.core.queues import LeastLevel, Need, Route
from acd.why import LOWER, inputs_of, need_of, why_not
from tests.unit.routing import AIGUL, ANY, KK, PENSION, RU, A, B, C, operator, rules

NEED = Need(RU, (Route(PENSION, LeastLevel(2, 2)),))
RULES = rules(
    operator(A, {RU: 5}, {PENSION: 5}),
    operator(B, {RU: 5}, {PENSION: 1}),
    operator(C, {KK: 5}, {PENSION: 5}),
    operator(OperatorId("kept"), {RU: 5}, {PENSION: 5}, reserve=True),
    operator(OperatorId("weak"), {RU: 1}, {PENSION: 5}),
    operator(OperatorId("other"), {RU: 5}, {ANY: 5}),
)


def decided(taken=None, candidates=(), inputs=NEED):
    return Decided(AIGUL, Millis(5000), "widen", taken, candidates, {}, Millis(0), 0, inputs=inputs)


def nothing(operator_, at):
    return None


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (B, "topic_level"), (C, "language"), (OperatorId("kept"), "reserve"),
        (OperatorId("weak"), "language_level"), (OperatorId("other"), "topic"),
        (A, "talking"), (OperatorId("stranger"), "not_on_roster"),
    ],
)  # fmt: skip
def test_a_skill_that_is_missing_comes_before_what_they_did(who, why):
    assert why_not(decided(), who, RULES, lambda *_: ("talking", None)) == why


def test_who_was_logged_out_lacked_nothing_else():
    assert why_not(decided(), B, RULES, nothing) == "logged_out"


@pytest.mark.parametrize(
    ("doing", "why"),
    [
        (("talking", None), "talking"),
        (("paused", "lunch"), "paused"),
        (("paused", "phone_in_use"), "phone_in_use"),
        (("ready", None), LOWER),
        (None, "logged_out"),
    ],
)
def test_who_could_have_taken_it_was_busy_or_lower_in_the_order(doing, why):
    asked = []

    def state_at(who, at):
        asked.append((who, at))
        return doing

    assert why_not(decided(), A, RULES, state_at) == why
    assert asked == [(A, 5000)]


def test_the_taken_and_the_named_candidates_need_no_reason():
    decision = decided(taken=A, candidates=(A, B))
    assert [why_not(decision, who, RULES, nothing) for who in (A, B)] == ["taken", LOWER]


def test_without_the_inputs_the_day_alone_tells():
    assert why_not(decided(inputs=None), B, RULES, lambda *_: ("wrap_up", None)) == "wrap_up"


@pytest.mark.parametrize(
    "need", [NEED, Need(KK, (NEED.routes[0], Route(ANY, LeastLevel(1, 0))), True, (Topic("eds"),))]
)
def test_what_was_asked_for_comes_back_from_the_record_as_it_was(need):
    assert need_of(json.loads(json.dumps(inputs_of(need)))) == need


def test_nothing_asked_for_stays_nothing():
    assert inputs_of(None) is None
    assert need_of(None) is None
