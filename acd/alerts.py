"""What ops should act on now, since when, and what to do about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from acd.clock import iso
from acd.core.contacts import Stage
from acd.core.names import Millis
from acd.core.seats import OperatorState
from acd.views import Present, Row

HAPPENED_MS = 60_000
"""How long what is over by itself stays in sight."""

RECORDING_REMEDY = "calls go on; run `acd doctor`: folder, free space and key of the recordings"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that lasts, which somebody has switched on, and how it ends."""

    severity: str
    what: str
    todo: str
    since: Millis


class Alerts:
    """Keeps when each alert began; an alert ends when its cause does."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._asterisk: tuple[str, Millis] | None = None
        self._prompts: tuple[str, Millis] | None = None
        self._reload: tuple[str, Millis] | None = None
        self._recording: tuple[str, Millis] | None = None
        self._since: dict[str, Millis] = {}
        self._happened: dict[str, Millis] = {}

    def asterisk(self, trouble: str | None, now: Millis) -> None:
        """The link to Asterisk is down for this reason, or up again."""
        if trouble is None:
            self._asterisk = None
        elif self._asterisk is None:
            self._asterisk = (trouble, now)

    def prompts_missing(self, missing: Sequence[str], now: Millis) -> None:
        """Sounds that callers or operators will not hear."""
        self._prompts = (f"{len(missing)} prompts missing: {missing[0]}", now) if missing else None

    def reload_refused(self, why: str | None, now: Millis) -> None:
        """The files as they are now were refused for this reason, or are in use (None)."""
        self._reload = None if why is None else (why, now)

    def recording(self, trouble: str | None, now: Millis) -> None:
        """Conversations are not recorded as they should be, for this reason; None: they are."""
        if trouble is None:
            self._recording = None
        elif self._recording is None or self._recording[0] != trouble:
            self._recording = (trouble, now)

    def happened(self, what: str, now: Millis) -> None:
        """Something that is over by itself, but should be known: shown for a minute."""
        self._happened[what] = now

    def rows(
        self,
        present: Present,
        database: str | None,
        drill: str | None = None,
        messages: int = 0,
        notices: Iterable[Notice] = (),
    ) -> list[Row]:
        """Every alert of this instant, the worst first.

        `drill` says that callers are being left to the fallback queue on purpose; `messages` is
        how many that callers left nobody has listened to; `notices` come last.
        """
        found: dict[str, tuple[str, str]] = {}
        if database is not None:
            found[f"database: {database}"] = ("critical", "calls go on; mend the database")
        found |= self._waiting(present)
        if drill is not None:
            found[drill] = ("warning", "`acd fallback off` takes callers again")
        if messages:
            found["callers have left messages"] = ("warning", "`acd messages`: listen, call back")
        in_fallback = sum(call.is_waiting_in_fallback for call in present.book.live)
        if in_fallback:
            found["callers wait in Asterisk's own queue"] = (
                "warning",
                "they are rung for there; have enough operators logged in",
            )
        since = {what: self._since.get(what, present.now) for what in found}
        self._since = since
        rows = [self._row(since[what], found[what][0], what, found[what][1]) for what in found]
        self._happened = {
            what: at for what, at in self._happened.items() if present.now - at < HAPPENED_MS
        }
        rows += [
            self._row(at, "warning", what, "see the service's log")
            for what, at in self._happened.items()
        ]
        if self._asterisk is not None:
            what, at = self._asterisk
            rows.insert(0, self._row(at, "critical", f"asterisk: {what}", "run `acd doctor`"))
        if self._prompts is not None:
            what, at = self._prompts
            rows.append(self._row(at, "warning", what, "run `ivr prompts build`"))
        if self._recording is not None:
            what, at = self._recording
            row = self._row(at, "critical", f"recording fails: {what}", RECORDING_REMEDY)
            rows.insert(0, row)
        if self._reload is not None:
            what, at = self._reload
            rows.append(self._row(at, "warning", what, "mend the files, then `acd reload`"))
        rows += [self._row(each.since, each.severity, each.what, each.todo) for each in notices]
        return rows

    def _waiting(self, present: Present) -> dict[str, tuple[str, str]]:
        """Queues with callers past the target, or with callers and nobody logged in."""
        found: dict[str, tuple[str, str]] = {}
        waiting = [
            contact
            for contact in present.router.contacts
            if contact.stage is not Stage.TALKING and contact.is_live
        ]
        on_duty = any(seat.state()[0] is not OperatorState.OFFLINE for seat in present.router.seats)
        if waiting and not on_duty:
            found["callers wait and no operator is logged in"] = ("critical", "call operators in")
        for queue in dict.fromkeys(contact.queue for contact in waiting):
            late = [
                contact
                for contact in waiting
                if contact.queue == queue
                and contact.waited_ms(present.now) > present.router.rules.target_ms
            ]
            if late:
                found[f"{queue}: callers wait longer than the target"] = (
                    "warning",
                    "bring in operators for this queue",
                )
        return found

    def _row(self, since: Millis, severity: str, what: str, todo: str) -> Row:
        return {"since": iso(since, self._zone), "severity": severity, "what": what, "do": todo}
