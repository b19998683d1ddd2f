"""Compares the calls placed with the calls on record; pure, fed with rows of the socket."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from acd.views import masked

Row = Mapping[str, Any]

EARLY_S = 2.0
"""A record's arrival may lie before the dialling by this much: clocks of two processes."""
TOLD = {
    "answered": "answered",
    "abandoned": "gave up waiting",
    "left_menu": "hung up in the menu",
    "finished_in_menu": "heard all they wanted in the menu",
    "overflowed": "left a message or lost their queue",
    "fallback": "met the fallback and gave up",
}


@dataclass(slots=True)
class Placed:
    """One call as the citizen knows it, and the record that was found for it."""

    number: str
    at_s: float
    reached: bool = False
    """Asterisk has answered."""
    over: bool = False
    call: str | None = None
    row: Row = field(default_factory=dict)

    @property
    def on_record(self) -> bool:
        """Whether the record is complete."""
        return bool(self.row.get("ended_at")) and self.row.get("outcome") is not None

    @property
    def was_answered(self) -> bool:
        """Whether an operator was connected, by the record; also while they still talk."""
        outcome = self.row.get("outcome")
        return outcome == "answered" or (outcome is None and self.row.get("wait_s") is not None)


class Ledger:
    """All calls of one demo. Times are epoch seconds."""

    def __init__(self) -> None:
        self.placed: list[Placed] = []
        self._latest: dict[str, Placed] = {}  # by the number as it is shown
        self._open: dict[int, Placed] = {}
        self._by_call: dict[str, Placed] = {}
        self._strangers: set[str] = set()
        self._twice: set[str] = set()

    def place(self, number: str, at_s: float) -> Placed:
        """A citizen dials."""
        entry = Placed(number, at_s)
        self.placed.append(entry)
        self._latest[masked(number)] = self._open[id(entry)] = entry
        return entry

    @property
    def unfinished(self) -> list[Placed]:
        """Calls whose record is not complete, or not found; those that never got through aside."""
        return [entry for entry in self._open.values() if entry.reached or entry.call]

    @property
    def strangers(self) -> int:
        """Calls of others in this time: visitors' own phones."""
        return len(self._strangers)

    def take(self, rows: Iterable[Row]) -> None:
        """Match rows of the listing of calls, in any order, again and again the same ones too."""
        for row in rows:
            id_ = str(row["call"])
            known = self._by_call.get(id_)
            if known is None:
                known = self._match(id_, row)
            if known is not None:
                known.row = row
                if known.on_record:
                    self._open.pop(id(known), None)

    def _match(self, id_: str, row: Row) -> Placed | None:
        arrived_s = datetime.fromisoformat(row["arrived_at"]).timestamp()
        if not self.placed or arrived_s < self.placed[0].at_s - EARLY_S:
            return None
        entry = self._latest.get(row["number"])
        if entry is None or arrived_s < entry.at_s - EARLY_S:
            self._strangers.add(id_)
            return None
        if entry.call is not None:
            self._twice.add(id_)
            return None
        entry.call = id_
        self._by_call[id_] = entry
        return entry

    def figures(self) -> dict[str, int]:
        """`placed`, `answered`, `gave_up` until now, by the records."""
        given_up = ("abandoned", "left_menu")
        return {
            "placed": len(self.placed),
            "answered": sum(entry.was_answered for entry in self.placed),
            "gave_up": sum(entry.row.get("outcome") in given_up for entry in self.placed),
        }

    def balance(self) -> tuple[list[str], bool]:
        """The last words: lines for a person, and whether every call is on record exactly once."""
        unreached = [e for e in self.placed if not e.reached and e.call is None]
        recorded = [e for e in self.placed if e.on_record]
        missing = [e for e in self.placed if e not in unreached and not e.on_record]
        sum_ = f"calls placed {len(self.placed)} = on record {len(recorded)}"
        if unreached:
            sum_ += f" + never reached Asterisk {len(unreached)}"
        if missing:
            sum_ += f" + NOT ON RECORD {len(missing)}"
        outcomes = Counter(str(entry.row["outcome"]) for entry in recorded)
        lines = [sum_]
        lines += [f"  {outcomes[name]:4} {TOLD.get(name, name)}" for name in sorted(outcomes)]
        fallback = sum(bool(entry.row.get("fallback")) for entry in recorded)
        if fallback:
            lines.append(
                f"  {fallback:4} of all of them through Asterisk's own queue, service away"
            )
        languages = Counter(
            str(e.row["language"] or "not chosen") for e in recorded if e.was_answered
        )
        if languages:
            said = ", ".join(f"{name} {languages[name]}" for name in sorted(languages))
            lines.append(f"  answered by language: {said}")
        if self._strangers:
            lines.append(f"  {len(self._strangers):4} more calls by other phones")
        lines += [f"  not on record: {entry.number} ({entry.call or 'no id'})" for entry in missing]
        lines += [f"  recorded twice: {id_}" for id_ in sorted(self._twice)]
        return lines, not missing and not self._twice
