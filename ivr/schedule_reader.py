"""Schedules of a dialplan: daily hours, weekdays, dates, and the public holidays of a file."""

from collections.abc import Callable
from pathlib import Path

from acd.yaml_source import Node, Problems, read_yaml
from ivr.core.schedules import WEEKDAYS, Interval, Schedule
from ivr.fields import SCHEDULE
from ivr.scope import Place, described_fields

_EXAMPLE = "add 'daily: [\"22:00-08:00\"]', days, dates or a file"

FindFile = Callable[[Node], Path | None]


def read_schedules(
    node: Node | None, places: dict[Place, Node], find_file: FindFile
) -> dict[str, Schedule]:
    """Every schedule by name. `find_file` gives the file that is named in a node."""
    found: dict[str, Schedule] = {}
    if node is None:
        return found
    places["schedules",] = node
    if node.entries is None:
        node.error(f"{node.in_words()} stands here; write {{night: {{daily: [...]}}}}")
    for key, value in node.entries or ():
        name = key.name()
        if name is None:
            continue
        places["schedules", name] = key
        found[name] = _schedule(name, value, places, find_file)
    return found


def read_holidays(path: Path, problems: Problems) -> frozenset[str] | None:
    """The dates of a file of holidays, or None after recording why it cannot be used."""
    root = read_yaml(path, problems)
    before = problems.error_count
    fields = root.fields(required=("schema", "holidays")) if root is not None else None
    dates = fields.read("holidays", lambda n: n.list_of(Node.date)) if fields is not None else None
    written = fields.get("holidays") if fields is not None else None
    if dates == [] and written is not None:
        written.error("no holiday is listed; add dates, or remove what names this file", "E22")
    if dates is None or problems.error_count > before:
        return None
    return frozenset(date.isoformat() for date in dates)


def _schedule(name: str, value: Node, places: dict[Place, Node], find_file: FindFile) -> Schedule:
    fields = described_fields(value, SCHEDULE)
    if fields is None:
        return Schedule(name)
    for word in SCHEDULE:
        written = fields.get(word)
        if written is not None:
            places["schedules", name, word] = written
    if not any(word in fields for word in ("daily", "days", "dates", "file")):
        value.error(f"'{name}' never holds; {_EXAMPLE}", "E22")
    holidays: frozenset[str] = frozenset()
    file = fields.get("file")
    if file is not None:
        path = find_file(file)
        holidays = (read_holidays(path, file.problems) if path is not None else None) or holidays
    elif "on_holidays" in fields:
        fields.key("on_holidays").error("'on_holidays' needs 'file: ...'; add it")
    dates = fields.read("dates", lambda n: n.list_of(Node.date)) or []
    days = fields.read("days", lambda n: n.list_of(lambda d: d.choice(WEEKDAYS))) or []
    for word in ("daily", "days", "dates"):
        written = fields.get(word)
        if written is not None and written.items == []:
            written.error("the list is empty; write something, or remove it", "E22")
    return Schedule(
        name=name,
        daily=tuple(fields.read("daily", _daily, [])),
        weekdays=tuple(sorted({WEEKDAYS.index(day) for day in days})),
        dates=tuple(sorted({date.isoformat() for date in dates})),
        holidays=holidays,
        on_holidays=fields.read("on_holidays", Node.boolean, True),
    )


def _daily(node: Node) -> list[Interval] | None:
    """One span of hours or several."""
    if node.items is not None:
        return node.list_of(_interval)
    found = _interval(node)
    return None if found is None else [found]


def _interval(node: Node) -> Interval | None:
    hours = node.hours() if node.string() is not None else None
    return None if hours is None else Interval(*hours)
