"""What differs between two settings folders, in the words of the files."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from acd.settings import Service, Settings

FILES = (
    "service.yaml", "skills.yaml", "phrases.yaml", "queues.yaml", "shifts.yaml",
    "operators.yaml", "holidays.yaml",
)  # fmt: skip
NAMED_MAX = 6
WORDS = {"target_ms": "target", "least_talk_ms": "least_talk"}


def differences(a: Settings, b: Settings) -> list[str]:
    """A line for each file that is not the same; none at all when the folders are the same."""
    found = []
    for name in FILES:
        old, new = (_text(each.folder / name) for each in (a, b))
        if old == new:
            continue
        if old is None or new is None:
            found.append(f"{name}: only in {'B' if old is None else 'A'}")
            continue
        what = _WHAT[name](a, b) if name in _WHAT else ["its text"]
        found.append(f"{name}: {'; '.join(what) or 'the same settings, written otherwise'}")
    return found


def is_same_to_callers(a: Settings, b: Settings) -> bool:
    """Whether calls cannot go otherwise with B: rules and shifts are the same."""
    return (
        a.rules == b.rules
        and a.shifts == b.shifts
        and (a.holidays == b.holidays or _are_holidays_workdays(a))
        and a.service.callbacks == b.service.callbacks
        and a.service.timezone == b.service.timezone
    )


def _are_holidays_workdays(settings: Settings) -> bool:
    return all(shift.holidays == "works" for shift in settings.shifts.values())


def _text(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _of_mappings(what: str, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Iterable[str]:
    """Which entries are changed, only in A, only in B."""
    changed = [str(id_) for id_ in old if id_ in new and old[id_] != new[id_]]
    for word, ids in (
        ("", changed),
        (", only in A", [str(id_) for id_ in old if id_ not in new]),
        (", only in B", [str(id_) for id_ in new if id_ not in old]),
    ):
        if ids:
            more = f" and {len(ids) - NAMED_MAX} more" if len(ids) > NAMED_MAX else ""
            yield f"{what} {', '.join(ids[:NAMED_MAX])}{more}{word}"


def _service(a: Settings, b: Settings) -> list[str]:
    return [
        WORDS.get(each.name, each.name)
        for each in fields(Service)
        if _placeless(a, each.name) != _placeless(b, each.name)
    ]


def _placeless(settings: Settings, name: str) -> str:
    """A value of service.yaml without where its folder is, which is no difference of the text."""
    return repr(getattr(settings.service, name)).replace(str(settings.folder.parent), "")


def _skills(a: Settings, b: Settings) -> list[str]:
    old, new = (
        {
            id_: (queue, each.topic_names.get(str(id_)), each.rules.routing.topic_priority.get(id_))
            for id_, queue in each.rules.topics.items()
        }
        for each in (a, b)
    )
    return list(_of_mappings("topics", old, new))


def _queues(a: Settings, b: Settings) -> list[str]:
    old, new = a.rules.routing, b.rules.routing
    routing = [
        each
        for each in old.__dataclass_fields__
        if each != "topic_priority" and getattr(old, each) != getattr(new, each)
    ]
    found = list(_of_mappings("queues", a.rules.queues, b.rules.queues))
    return found + ([f"routing: {', '.join(routing)}"] if routing else [])


def _shifts(a: Settings, b: Settings) -> list[str]:
    return list(_of_mappings("shifts", a.shifts, b.shifts))


def _operators(a: Settings, b: Settings) -> list[str]:
    return list(_of_mappings("operators", a.rules.operators, b.rules.operators))


_WHAT = {
    "service.yaml": _service,
    "skills.yaml": _skills,
    "queues.yaml": _queues,
    "shifts.yaml": _shifts,
    "operators.yaml": _operators,
}
