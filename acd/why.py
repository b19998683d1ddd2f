"""Why an operator was not taken at a decision, worked out again from what is on record of it.

A decision keeps what the contact asked for and counts by reason. The rest is known elsewhere: the
operator's skills from the roster in force, and what they were doing from their day on record.
"""

from collections.abc import Callable, Mapping
from typing import Any

from acd.core.commands import Decided
from acd.core.names import Language, Millis, OperatorId, Topic
from acd.core.queues import LeastLevel, Need, Route, Rules
from acd.core.skills import missing

StateAt = Callable[[OperatorId, Millis], tuple[str, str | None] | None]
"""State and reason of an operator at a moment; None when nothing is on record: not logged in."""

LOWER = "lower in the order of choice"


def inputs_of(need: Need | None) -> dict[str, object] | None:
    """What a contact asked for, as plain data for the record."""
    if need is None:
        return None
    return {
        "language": need.language,
        "routes": [[r.topic, r.least.language, r.least.topic] for r in need.routes],
        "reserve": need.reserve,
        "prefers": list(need.prefers),
    }


def need_of(inputs: Mapping[str, Any] | None) -> Need | None:
    """The same back from the record."""
    if not inputs:
        return None
    return Need(
        language=Language(str(inputs["language"])),
        routes=tuple(
            Route(Topic(topic), LeastLevel(int(language), int(level)))
            for topic, language, level in inputs["routes"]
        ),
        reserve=bool(inputs["reserve"]),
        prefers=tuple(Topic(each) for each in inputs["prefers"]),
    )


def why_not(decision: Decided, operator: OperatorId, rules: Rules, state_at: StateAt) -> str:
    """The reason, in the words of a decision's counts; `taken` for who was."""
    if operator == decision.taken:
        return "taken"
    if operator in decision.candidates:
        return LOWER
    profile = rules.operators.get(operator)
    if profile is None:
        return "not_on_roster"
    found = state_at(operator, decision.at)
    if found is None:
        return "logged_out"
    lacking = missing(rules, profile, decision.inputs) if decision.inputs is not None else None
    if lacking is not None:
        return lacking
    state, reason = found
    if reason in ("phone_in_use", "phone_unreachable"):
        return reason
    return LOWER if state == "ready" else state
