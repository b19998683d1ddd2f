"""The monitor as text: one screen of it, and what changed since the last look. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from acd.cli.listings import CALLER_COLUMNS, QUEUE_COLUMNS, STATES
from acd.screens import (
    MARKS,
    Row,
    clean,
    counts_in_words,
    duration,
    fit,
    paint,
    percent,
    plain,
    queue_level,
    queues_total,
    table,
    time_of_day,
    wait_level,
    wrapped,
)

Snapshot = Mapping[str, Any]

CALLERS_SHOWN = 10
ALERTS_SHOWN = 6
NAME_CELLS = 14

_QUEUE_KEYS = (
    *("queue", "waiting", "longest_wait_s", "ready", "ringing", "talking", "wrap_up"),
    *("service_level", "abandoned", "asa_s", "answered"),
)
_CALLER_KEYS = (
    *("number", "queue", "topic", "language"),
    *("wait_s", "deadline_in_s", "step", "position"),
)


def screen(
    snapshot: Snapshot,
    target_s: float,
    *,
    news: str = "LIVE",
    cells: int = 80,
    colour: bool = False,
) -> list[str]:
    """One screen: figures of the centre, queues, operators, callers, alerts."""
    queues, callers = _rows(snapshot, "queues"), _rows(snapshot, "callers")
    lines = [
        fit(f"1414  {time_of_day(snapshot.get('at'))}  {clean(news)}", cells),
        _headline(snapshot, target_s, cells, colour=colour),
        "",
        *_queues(queues, target_s, cells, colour=colour),
        "",
        *_operators(_rows(snapshot, "operators"), cells),
        "",
        *_callers(callers, target_s, cells, colour=colour),
    ]
    alerts = _rows(snapshot, "alerts")
    if alerts:
        lines += ["", "alerts:"]
        for alert in alerts[:ALERTS_SHOWN]:
            lines += wrapped(alert_in_words(alert), cells, indent="  ")
        lines += _more(alerts, ALERTS_SHOWN)
    return lines


def nothing_yet(news: str, cells: int = 80) -> list[str]:
    """The screen before the service has answered for the first time."""
    return wrapped(f"1414  {clean(news)}", cells, indent="  ")


def changes(before: Snapshot | None, now: Snapshot, target_s: float) -> list[str]:
    """What a listener wants to hear of since the last look: one line each, none when all is same.

    A wait that only grows is not news; one that passes a threshold is.
    """
    lines = []
    at = time_of_day(now.get("at"))
    if before is None or _gist(before, target_s) != _gist(now, target_s):
        lines.append(f"{at} {_summary(now, target_s)}")
    old = {_alert_key(alert) for alert in _rows(before or {}, "alerts")}
    new = {_alert_key(alert) for alert in _rows(now, "alerts")}
    lines += [
        alert_in_words(alert) for alert in _rows(now, "alerts") if _alert_key(alert) not in old
    ]
    lines += [
        f"{at} over: {plain(alert.get('what'))}"
        for alert in _rows(before or {}, "alerts")
        if _alert_key(alert) not in new
    ]
    return lines


def alert_in_words(alert: Row) -> str:
    """`10:41:58 CRITICAL what it is; what to do`."""
    severity = plain(alert.get("severity")).upper()
    remedy = f"; {clean(str(alert['do']))}" if alert.get("do") else ""
    return f"{time_of_day(alert.get('since'))} {severity} {plain(alert.get('what'))}{remedy}"


def _headline(snapshot: Snapshot, target_s: float, cells: int, *, colour: bool) -> str:
    queues = _rows(snapshot, "queues")
    total = queues_total(queues)
    level = wait_level(total["longest_wait_s"], target_s)
    longest = f"LONGEST {duration(total['longest_wait_s'])} {MARKS[level]}".rstrip()
    parts = [
        f"WAITING {total['waiting']}",
        longest,
        f"READY {_in_state(snapshot, 'ready')}",
        f"LEVEL {percent(snapshot.get('service_level'))}",
        f"ANSWERED {total['answered']}/{total['offered']}",
        f"ABANDONED {total['abandoned']}",
    ]
    line = fit("  ".join(parts), cells)
    return line.replace(longest, paint(longest, level)) if colour else line


def _queues(rows: Sequence[Row], target_s: float, cells: int, *, colour: bool) -> list[str]:
    known = {column.key: column for column in QUEUE_COLUMNS}
    known["queue"] = known["queue"]._replace(write=_name)
    columns = [known[key] for key in _QUEUE_KEYS]
    levels = [queue_level(row, target_s) for row in rows]
    lines = table(columns, rows, levels=levels)
    shades = [0, *levels]
    return [
        paint(fit(line, cells), shade) if colour else fit(line, cells)
        for line, shade in zip(lines, shades, strict=False)
    ]


def _operators(rows: Sequence[Row], cells: int) -> list[str]:
    words = counts_in_words(rows, "state", STATES) or "none"
    lines = wrapped(f"operators: {words}", cells, indent="  ")
    paused = [row for row in rows if row.get("state") == "paused"]
    if paused:
        lines += wrapped(f"  paused for: {counts_in_words(paused, 'reason')}", cells, indent="    ")
    return lines


def _callers(rows: Sequence[Row], target_s: float, cells: int, *, colour: bool) -> list[str]:
    if not rows:
        return ["nobody is waiting"]
    known = {column.key: column for column in CALLER_COLUMNS}
    known |= {key: known[key]._replace(write=_name) for key in ("queue", "topic")}
    shown = rows[:CALLERS_SHOWN]
    levels = [wait_level(row.get("wait_s"), target_s) for row in shown]
    lines = table([known[key] for key in _CALLER_KEYS], shown, levels=levels)
    shades = [0, *levels]
    painted = [
        paint(fit(line, cells), shade) if colour else fit(line, cells)
        for line, shade in zip(lines, shades, strict=True)
    ]
    return [*painted, *_more(rows, CALLERS_SHOWN)]


def _name(value: object) -> str:
    return fit(plain(value), NAME_CELLS)


def _more(rows: Sequence[Row], shown: int) -> list[str]:
    return [f"   and {len(rows) - shown} more"] if len(rows) > shown else []


def _summary(snapshot: Snapshot, target_s: float) -> str:
    total = queues_total(_rows(snapshot, "queues"))
    mark = MARKS[wait_level(total["longest_wait_s"], target_s)]
    longest = f"{mark} longest {duration(total['longest_wait_s'])}".strip()
    states = ", ".join(
        f"{_in_state(snapshot, state)} {state.replace('_', ' ')}" for state in STATES[:5]
    )
    waiting = f"waiting {total['waiting']}" + (f", {longest}" if total["waiting"] else "")
    return f"{waiting}; {states}; service level {percent(snapshot.get('service_level'))}"


def _gist(snapshot: Snapshot, target_s: float) -> list[object]:
    queues = _rows(snapshot, "queues")
    level = max((wait_level(queue.get("longest_wait_s"), target_s) for queue in queues), default=0)
    waiting = [queue.get("waiting") for queue in queues]
    return [level, waiting, *(_in_state(snapshot, state) for state in STATES[:5])]


def _in_state(snapshot: Snapshot, state: str) -> int:
    return sum(row.get("state") == state for row in _rows(snapshot, "operators"))


def _alert_key(alert: Row) -> tuple[str, str]:
    return str(alert.get("since")), str(alert.get("what"))


def _rows(snapshot: Snapshot, key: str) -> list[dict[str, Any]]:
    rows = snapshot.get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
