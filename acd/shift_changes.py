"""Absences, swaps and extra turns for a day: what ops change of the roster without its file.

Kept in a file, so that it survives a restart; what is over is forgotten after 60 days.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from acd.clock import Clock, iso
from acd.core.names import Millis, OperatorId
from acd.problems import near_miss
from acd.rota import ONE_DAY, Assigned, Change, Rota
from acd.settings import Settings
from acd.state_file import read_state, write_state

log = logging.getLogger(__name__)

FILE = "shifts.json"
KEPT = timedelta(days=60)
SPAN_MAX = timedelta(days=366)
REASON_MAX = 60
_DAYS = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.\.(\d{4}-\d{2}-\d{2}))?")

Kind = Literal["absent", "swap", "add"]
Row = dict[str, Any]


class ShiftError(Exception):
    """It was not changed; one sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change as it was asked for: the second word is an operator, or a shift, or nothing."""

    kind: Kind
    operator: str
    days: str
    second: str | None = None
    reason: str | None = None


class ShiftChanges:
    """Those in force; `folder` is where the running system keeps its things."""

    def __init__(self, folder: Path, clock: Clock, zone: ZoneInfo) -> None:
        self._path = folder / FILE
        self._clock = clock
        self._zone = zone
        rows = [_from_row(row) for row in read_state(self._path)]
        found = [each for each in rows if each is not None]
        self._all = sorted(found, key=lambda each: each[0].number)

    @property
    def active(self) -> list[Change]:
        """In order of their number; those taken back are not among them."""
        return [change for change, is_undone in self._all if not is_undone]

    def rota(self, settings: Settings, changes: Sequence[Change] | None = None) -> Rota:
        """The roster with these changes, or with those in force."""
        known = self.active if changes is None else changes
        return Rota(settings.shifts, settings.rules.operators, settings.holidays, known)

    def change(self, settings: Settings, wanted: Wanted) -> Change:
        """From now on the roster has it. Raises ShiftError."""
        new = self._read(settings, wanted)
        self._check_conflicts(settings, new)
        self._keep([*self._all, (new, False)])
        log.warning("shifts: change %d: %s", new.number, in_words(new))
        return new

    def undo(self, settings: Settings, number: int) -> Change:
        """Take one back. Raises ShiftError."""
        active = self.active
        found = next((each for each in active if each.number == number), None)
        if found is None:
            known = ", ".join(str(each.number) for each in active) or "none"
            raise ShiftError(f"there is no change {number} (in force: {known})")
        rest = [each for each in active if each.number != number]
        self._check_turns(self.rota(settings, rest), found, "undo the later change first")
        self._keep([(each, gone or each.number == number) for each, gone in self._all])
        log.warning("shifts: change %d is taken back: %s", number, in_words(found))
        return found

    def rows(self) -> list[Row]:
        """Those in force, as a listing shows them."""
        return [
            {
                "number": each.number,
                "kind": each.kind,
                "operator": each.operator,
                "first": each.first.isoformat(),
                "last": each.last.isoformat(),
                "other": each.other,
                "shift": each.shift,
                "reason": each.reason,
                "made_at": iso(each.made_at, self._zone),
                "words": in_words(each),
            }
            for each in self.active
        ]

    @property
    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock() / 1000, self._zone).replace(tzinfo=None)

    def _read(self, settings: Settings, wanted: Wanted) -> Change:
        """The words of the request as a change. Raises ShiftError."""
        operator = _operator(settings, wanted.operator)
        first, last = _days(wanted.days)
        if wanted.kind != "absent" and first != last:
            raise ShiftError("a swap or an extra turn is for one day; write one date")
        self._check_not_past(settings, operator, first, last)
        other = shift = None
        if wanted.kind == "swap":
            other = _operator(settings, wanted.second or "")
            if other == operator:
                raise ShiftError(f"{operator} cannot swap with themselves; name another operator")
        elif wanted.kind == "add":
            shift = wanted.second or ""
            if shift not in settings.shifts:
                remedy = near_miss(shift, settings.shifts) or f"; known: {_list(settings.shifts)}"
                raise ShiftError(f"there is no shift '{shift}'{remedy}")
        reason = wanted.reason
        if reason is not None and (len(reason) > REASON_MAX or not reason.isprintable()):
            raise ShiftError(f"a reason is one line of at most {REASON_MAX} letters")
        number = 1 + max((each.number for each, _ in self._all), default=0)
        now = self._clock()
        return Change(number, wanted.kind, operator, first, last, now, other, shift, reason)

    def _check_not_past(
        self, settings: Settings, operator: OperatorId, first: date, last: date
    ) -> None:
        """Yesterday counts for as long as the night that began then."""
        now = self._now
        began = self.rota(settings).planned(operator, first)
        is_still_on = any(each.turn.ends > now for each in began)
        if last < now.date() and not is_still_on:
            raise ShiftError(f"{last} is over; the roster is changed for today and later")
        if first < now.date() and not is_still_on:
            raise ShiftError(f"{first} is over; begin with {now.date()}")
        if last - first > SPAN_MAX:
            raise ShiftError("that is more than a year; change operators.yaml instead")

    def _check_conflicts(self, settings: Settings, new: Change) -> None:
        rota = self.rota(settings)
        people = [each for each in (new.operator, new.other) if each is not None]
        days = _each_day(new)
        for operator in people:
            for day in days:
                for old in rota.changes_of(operator, day):
                    if old.kind == "absent" or old.kind == new.kind == "swap":
                        raise ShiftError(
                            f"{operator} is in another change on {day}: {in_words(old)}; "
                            f"`acd shift undo {old.number}` takes it back"
                        )
        if new.kind != "add" and not any(
            rota.planned(each, day) for each in people for day in days
        ):
            raise ShiftError(
                f"{' and '.join(people)} {'do' if new.other else 'does'} not work on "
                f"{_span(new)}; look at `acd shift --at {new.first}`"
            )
        after = self.rota(settings, [*self.active, new])
        self._check_turns(after, new, "name another day or another shift")

    def _check_turns(self, rota: Rota, change: Change, remedy: str) -> None:
        """Nobody works two turns at a time."""
        for operator in (change.operator, change.other):
            if operator is None:
                continue
            days = [change.first - ONE_DAY, *_each_day(change), change.last + ONE_DAY]
            mine = sorted(
                (each for day in days for each in rota.turns(operator, day)),
                key=lambda each: each.turn.begins,
            )
            for one, following in pairwise(mine):
                if following.turn.begins < one.turn.ends and change.kind != "absent":
                    raise ShiftError(
                        f"{operator} would work {_turn(one)} and {_turn(following)} at the same "
                        f"time; {remedy}"
                    )

    def _keep(self, wanted: list[tuple[Change, bool]]) -> None:
        since = self._now.date() - KEPT
        kept = [each for each in wanted if each[0].last >= since]
        try:
            write_state(self._path, [_row(*each) for each in kept])
        except OSError as error:
            raise ShiftError(
                f"nothing was changed: {self._path} cannot be written ({error.strerror}); "
                "a restart would forget it"
            ) from error
        self._all = kept


def in_words(change: Change) -> str:
    """A change in one line."""
    match change.kind:
        case "absent":
            why = f" ({change.reason})" if change.reason else ""
            return f"{change.operator} is absent {_span(change)}{why}"
        case "swap":
            return f"{change.operator} and {change.other} swap {_span(change)}"
        case "add":
            return f"{change.operator} works shift {change.shift} as well {_span(change)}"


def _span(change: Change) -> str:
    if change.first == change.last:
        return f"{change.first}"
    return f"{change.first}..{change.last}"


def _turn(each: Assigned) -> str:
    begins, ends = each.turn.begins, each.turn.ends
    return f"shift {each.turn.shift} ({begins:%Y-%m-%d %H:%M}-{ends:%H:%M})"


def _each_day(change: Change) -> list[date]:
    count = (change.last - change.first).days + 1
    return [change.first + index * ONE_DAY for index in range(count)]


def _operator(settings: Settings, word: str) -> OperatorId:
    known = settings.rules.operators
    if word not in known:
        remedy = near_miss(word, known) or "; operators.yaml lists them"
        raise ShiftError(f"there is no operator '{word}'{remedy}")
    return OperatorId(word)


def _days(text: str) -> tuple[date, date]:
    match = _DAYS.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        first = date.fromisoformat(match[1])
        last = first if match[2] is None else date.fromisoformat(match[2])
    except ValueError:
        raise ShiftError(
            f"'{text}' is no date; write 2026-11-30, or 2026-11-30..2026-12-02"
        ) from None
    if last < first:
        raise ShiftError(f"{last} is before {first}; write the earlier date first")
    return first, last


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def _row(change: Change, is_undone: bool) -> Row:
    return {
        "number": change.number,
        "kind": change.kind,
        "operator": change.operator,
        "first": change.first.isoformat(),
        "last": change.last.isoformat(),
        "made_at": change.made_at,
        "other": change.other,
        "shift": change.shift,
        "reason": change.reason,
        "undone": is_undone,
    }


def _from_row(row: Row) -> tuple[Change, bool] | None:
    match row:
        case {
            "number": int(number),
            "kind": "absent" | "swap" | "add" as kind,
            "operator": str(operator),
            "first": str(first),
            "last": str(last),
            "made_at": int(made_at),
        }:
            other, shift, reason = row.get("other"), row.get("shift"), row.get("reason")
            try:
                days = date.fromisoformat(first), date.fromisoformat(last)
            except ValueError:
                days = None
            if days is not None and days[0] <= days[1]:
                change = Change(
                    number,
                    kind,
                    OperatorId(operator),
                    *days,
                    Millis(made_at),
                    OperatorId(other) if isinstance(other, str) else None,
                    shift if isinstance(shift, str) else None,
                    reason if isinstance(reason, str) else None,
                )
                return change, bool(row.get("undone"))
    log.error("a change of the shifts is not understood, and not in force: %r", row)
    return None
