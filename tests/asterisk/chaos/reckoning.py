"""Compares what callers saw, what Asterisk wrote down and what the service has on record. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from acd.call_log import Ending

Row = Mapping[str, Any]

WAIT_S = 0.5
"""How far two clocks' ideas of a wait may be apart."""
OUTCOMES = {
    "menu": "left_menu",
    "hold": "abandoned",
    "ring": "abandoned",
    "fallback": "abandoned",
    "talk": "answered",
    "after": "answered",
    "fallback-talk": "answered",
}


def expected(ending: Ending) -> str:
    """The outcome of a call that ended like this."""
    if ending.state == "message":
        return "overflowed" if ending.message else "abandoned"
    return OUTCOMES[ending.state]


def disagreements(
    told: Mapping[str, str], endings: Mapping[str, Ending], rows: Sequence[Row]
) -> list[str]:
    """What does not agree, a sentence each; `told` and `endings` are by the caller's number."""
    wrong = [f"{number}: sipp failed" for number, saw in told.items() if saw == "failed"]
    wrong += [f"{number}: Asterisk never saw the call" for number in told.keys() - endings.keys()]
    found = {row["call"]: row for row in rows}
    wrong += [f"{call}: {count} records" for call, count in _twice(rows)]
    for number in told.keys() & endings.keys():
        ending = endings[number]
        row = found.get(ending.call)
        if row is None:
            wrong.append(f"{ending.call}: not on record; {ending}")
        else:
            wrong += [
                f"{ending.call}: {what}; {ending}" for what in _about(told[number], ending, row)
            ]
    unknown = found.keys() - {ending.call for ending in endings.values()}
    return wrong + [f"{call}: on record, but nobody placed it" for call in unknown]


def _twice(rows: Sequence[Row]) -> list[tuple[str, int]]:
    return [each for each in Counter(row["call"] for row in rows).items() if each[1] > 1]


def _about(told: str, ending: Ending, row: Row) -> list[str]:
    outcome = expected(ending)
    wrong = []
    if row["ended_at"] is None:
        wrong.append("the record is open")
    if row["outcome"] != outcome:
        wrong.append(f"recorded as {row['outcome']}, was {outcome}")
    if told == "was hung up on" and outcome != "answered":
        wrong.append(f"cut off by us, {outcome}")
    if row["fallback"] != (ending.fallback_at is not None):
        wrong.append(f"recorded with fallback {row['fallback']}")
    if outcome == row["outcome"] == "answered":
        wrong += _about_conversation(ending, row)
    return wrong


def _about_conversation(ending: Ending, row: Row) -> list[str]:
    wrong = []
    queued_at = ending.queued_at or ending.fallback_at
    assert queued_at is not None and ending.connected_at is not None, ending
    waited_s = (ending.connected_at - queued_at) / 1000
    if abs((row["wait_s"] or 0) - waited_s) > WAIT_S:
        wrong.append(f"waited {waited_s} s, recorded {row['wait_s']}")
    if row["operator"] != ending.operator:
        wrong.append(f"served by {ending.operator}, recorded {row['operator']}")
    return wrong


def figures_disagree(queues: Sequence[Row], rows: Sequence[Row]) -> list[str]:
    """offered = answered + abandoned + callbacks + overflowed, and each as the records count it."""
    wrong = []
    for sums in queues:
        parts = ("answered", "abandoned", "callbacks", "overflowed")
        if sums["offered"] != sum(sums[part] for part in parts):
            wrong.append(f"{sums['queue']}: the parts do not add up: {sums}")
        mine = Counter(row["outcome"] for row in rows if row["queue"] == sums["queue"])
        for part in ("answered", "abandoned", "overflowed"):
            if mine[part] != sums[part]:
                wrong.append(f"{sums['queue']}: {sums[part]} {part}, {mine[part]} on record")
    return wrong
