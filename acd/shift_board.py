"""What `acd shift` shows: who is on duty now and next, who is missing, and where nobody will be."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from acd.core.names import Language, Millis, OperatorId, Topic
from acd.core.seats import OperatorState
from acd.rota import DAYS_MAX, ONE_DAY, Assigned, Rota, Turn, at_ms, breaks
from acd.settings import Settings
from acd.settings_crew import who_can_serve

Row = dict[str, Any]

LATE = timedelta(minutes=5)
"""Who is not logged in so long after the beginning is late."""

BREAK_REASONS = ("break", "lunch")
"""Pauses of these reasons are held against the length of the shift's break."""


class Live(NamedTuple):
    """How an operator stands; `seen` is when they were last known to be logged in."""

    state: OperatorState
    reason: str | None
    since: Millis
    seen: Millis | None


class Moment(NamedTuple):
    """What the board is made of. `live` is None when nobody knows who is logged in."""

    settings: Settings
    rota: Rota
    now: datetime
    live: Mapping[OperatorId, Live] | None

    @property
    def wall(self) -> datetime:
        """The time on the wall."""
        return self.now.replace(tzinfo=None)

    def iso(self, wall: datetime) -> str:
        """A time on the wall as every output shows it."""
        zone = self.now.tzinfo
        assert zone is not None, "a moment has a zone"
        return wall.replace(tzinfo=zone).isoformat(timespec="minutes")


def board(moment: Moment, days: int, least: int) -> Row:
    """The whole of it, as plain data."""
    wall = moment.wall
    day = wall.date()
    known = _groups(moment.rota, wall)
    on = [turn for turn in known if turn.begins <= wall < turn.ends]
    ahead = [turn for turn in known if turn.begins > wall]
    first = min((turn.begins for turn in ahead), default=None)
    on_rows = [_shift_row(moment, turn, known[turn], is_on=True) for turn in on]
    return {
        "at": moment.now.isoformat(timespec="minutes"),
        "holiday": day in moment.rota.holidays,
        "on": on_rows,
        "next": [
            _shift_row(moment, turn, known[turn], is_on=False)
            for turn in ahead
            if turn.begins == first
        ],
        "adherence": _adherence(moment, on),
        "days": days,
        "least": least,
        "gaps": gaps(moment, days, least),
    }


def _groups(rota: Rota, wall: datetime) -> dict[Turn, list[Assigned]]:
    """Every turn of a shift from yesterday on, with whoever works it, in order of time."""
    first = wall.date() - ONE_DAY
    found: dict[Turn, list[Assigned]] = {}
    for each in rota.everybody(first, first + DAYS_MAX * ONE_DAY):
        found.setdefault(each.turn, []).append(each)
    for index in range(2):  # who is absent is shown too, where nobody else comes
        day = first + index * ONE_DAY
        for operator in rota.operators:
            turn = rota.roster_turn(operator, day)
            if turn is not None:
                found.setdefault(turn, [])
    return dict(sorted(found.items(), key=lambda each: (each[0].begins, each[0].shift)))


def _shift_row(moment: Moment, turn: Turn, crew: list[Assigned], *, is_on: bool) -> Row:
    rota, day = moment.rota, turn.day
    roster = [each for each in rota.operators if rota.roster_turn(each, day) == turn]
    absent = [
        {"operator": operator, "reason": why.reason}
        for operator in rota.operators
        if (why := rota.absence(operator, day)) is not None
        and any(each.turn == turn for each in rota.planned(operator, day))
    ]
    gone = {row["operator"] for row in absent} | {each.operator for each in crew}
    heads = [each.operator for each in crew]
    away = {
        operator
        for each in breaks(rota.shifts[turn.shift], turn, heads)
        if each.begins <= moment.wall < each.ends
        for operator in each.operators
    }
    row: Row = {
        "shift": turn.shift,
        "begins": moment.iso(turn.begins),
        "ends": moment.iso(turn.ends),
        "roster": len(roster),
        "heads": len(heads),
        "absent": absent,
        "swapped_in": [each.operator for each in crew if each.how == "swap"],
        "swapped_out": [each for each in roster if each not in gone],
        "added": [each.operator for each in crew if each.how == "add"],
        "on_break": len(away) if is_on else None,
        "logged_in": None,
        "missing": None,
    }
    if moment.live is not None and is_on:
        here = [each for each in heads if _is_here(moment.live, each)]
        row["logged_in"] = len(here)
        row["missing"] = [each for each in heads if each not in here]
    return row


def _is_here(live: Mapping[OperatorId, Live], operator: OperatorId) -> bool:
    found = live.get(operator)
    return found is not None and found.state is not OperatorState.OFFLINE


def _adherence(moment: Moment, on: Iterable[Turn]) -> list[Row]:
    """Who is late, has left early, or has a break that is over."""
    if moment.live is None:
        return []
    rows: list[Row] = []
    turns = set(on)
    first = moment.wall.date() - ONE_DAY
    for each in moment.rota.everybody(first, moment.wall.date()):
        found = moment.live.get(each.operator)
        if each.turn not in turns or found is None:
            continue
        what = _deviation(moment, each, found)
        if what is not None:
            name, since = what
            for_s = max(0, round(moment.now.timestamp() - since / 1000))
            row = {"operator": each.operator, "shift": each.turn.shift, "what": name}
            rows.append({**row, "for_s": for_s})
    return rows


def _deviation(moment: Moment, each: Assigned, live: Live) -> tuple[str, Millis] | None:
    begins = at_ms(each.turn.begins, moment.now)
    if live.state is OperatorState.OFFLINE:
        if live.seen is not None and live.seen > begins:
            return "left_early", live.seen
        return ("late", begins) if moment.wall - each.turn.begins >= LATE else None
    limits = [one.length_ms for one in moment.rota.shifts[each.turn.shift].breaks]
    if live.state is OperatorState.PAUSED and live.reason in BREAK_REASONS and limits:
        over = Millis(live.since + max(limits))
        return ("break_over", over) if over < moment.now.timestamp() * 1000 else None
    return None


def gaps(moment: Moment, days: int, least: int) -> list[Row]:
    """The times ahead in which fewer than `least` on duty can take a topic in a language.

    Who can is what the ladder accepts by the target, as in the checks; breaks count by waves.
    """
    wall = moment.wall
    until = wall + timedelta(days=days)
    bits = {operator: 1 << index for index, operator in enumerate(moment.rota.operators)}
    there = _present(moment, until, bits)
    able = _able(moment.settings, bits)
    found: list[Row] = []
    last: dict[tuple[Language, Topic], Row] = {}
    for begins, ends, mask in there:
        for (language, topic), who in able.items():
            heads = (mask & who).bit_count()
            if heads >= least:
                continue
            row = last.get((language, topic))
            if row is not None and row["until"] == moment.iso(begins):
                row["until"], row["operators"] = moment.iso(ends), min(row["operators"], heads)
                continue
            row = {
                "topic": topic,
                "language": language,
                "queue": moment.settings.rules.topics[topic],
                "from": moment.iso(begins),
                "until": moment.iso(ends),
                "operators": heads,
            }
            last[language, topic] = row
            found.append(row)
    return found


def _present(
    moment: Moment, until: datetime, bits: Mapping[OperatorId, int]
) -> list[tuple[datetime, datetime, int]]:
    """From now until then: who is on duty and not on their break, between any two changes of it."""
    crews: dict[Turn, list[OperatorId]] = {}
    for each in moment.rota.everybody(moment.wall.date() - ONE_DAY, until.date()):
        crews.setdefault(each.turn, []).append(each.operator)
    spans: list[tuple[datetime, datetime, int, list[tuple[datetime, datetime, int]]]] = []
    for turn, crew in crews.items():
        away = [
            (each.begins, each.ends, sum(bits[one] for one in each.operators))
            for each in breaks(moment.rota.shifts[turn.shift], turn, crew)
        ]
        spans.append((turn.begins, turn.ends, sum(bits[one] for one in set(crew)), away))
    edges = {moment.wall, until}
    for begins, ends, _, away in spans:
        edges |= {begins, ends, *(edge for each in away for edge in each[:2])}
    found = []
    for one, following in pairwise(sorted(edge for edge in edges if moment.wall <= edge <= until)):
        mask = 0
        for begins, ends, crew_mask, away in spans:
            if begins <= one < ends:
                for away_from, back, who in away:
                    if away_from <= one < back:
                        crew_mask &= ~who
                mask |= crew_mask
        found.append((one, following, mask))
    return found


def _able(settings: Settings, bits: Mapping[OperatorId, int]) -> dict[tuple[Language, Topic], int]:
    rules = settings.rules
    return {
        (language, topic): sum(
            bits[each.id] for each in who_can_serve(rules, rules.queues[queue], language, topic)
        )
        for topic, queue in rules.topics.items()
        for language in settings.service.languages
    }
