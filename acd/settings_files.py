"""Reads the files of `config/` into `Settings`; everything that is wrong is reported at once.

The format of each file is described in `docs/configuration.md`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from acd.core.names import BEST_LEVEL, NO_TIME, Language, Millis, OperatorId, QueueId, Topic
from acd.core.queues import OperatorProfile, QueueRules, Rules
from acd.settings import Break, Settings, Shift
from acd.settings_breaks import check_breaks
from acd.settings_crew import Crew, check_crew
from acd.settings_entries import check_schema, entries
from acd.settings_queues import QueuesFile, read_queues
from acd.settings_service import read_service
from acd.yaml_source import Fields, Node, Problems, read_yaml

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOLIDAYS = ("works", "off", "only")
SHIPPED = Path(__file__).resolve().parent.parent / "config"
LANGUAGES = (Language("kk"), Language("ru"), Language("en"))

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OperatorEntry:
    """Somebody of the roster, and where."""

    profile: OperatorProfile
    place: Node


@dataclass(frozen=True, slots=True)
class TopicEntry:
    """A topic, and where its queue is named."""

    queue: QueueId
    names: Mapping[str, str]
    priority_ms: Millis
    place: Node


def load_settings(folder: Path, problems: Problems, *, port_offset: int = 0) -> Settings | None:
    """All settings, or None when any file has an error (then `problems` says where).

    Paths in the files are relative to the folder that holds `config/`. `port_offset` is added to
    every port, so that copies run side by side from the same files.
    """
    if not folder.is_dir():
        problems.error(str(folder), 0, 0, "E01", "there is no such folder; name the config folder")
        return None
    read = partial(_read, folder, problems)
    service = read("service.yaml", partial(read_service, folder.resolve().parent, port_offset))
    languages = service.languages if service else LANGUAGES
    target_ms = service.target_ms if service else Millis(30_000)
    transfers = service.transfers if service else None
    topics = read("skills.yaml", partial(_topics, languages)) or {}
    phrases, words = _phrases(folder, problems, languages)
    file = read("queues.yaml", partial(read_queues, target_ms, phrases, transfers)) or QueuesFile()
    shifts = read("shifts.yaml", _shifts) or {}
    operators = read("operators.yaml", partial(_operators, languages, topics, shifts)) or {}
    has_holidays = (folder / "holidays.yaml").is_file()
    holidays = (read("holidays.yaml", _holidays) if has_holidays else None) or frozenset()
    _check_topics(topics, file.queues, folder / "queues.yaml", problems)
    if problems.has_errors or service is None:
        return None
    head_starts = {id_: each.priority_ms for id_, each in topics.items() if each.priority_ms}
    rules = Rules(
        target_ms=target_ms,
        topics={id_: each.queue for id_, each in topics.items()},
        queues=file.queues,
        operators={id_: each.profile for id_, each in operators.items()},
        routing=replace(file.routing, topic_priority=head_starts),
        last_offer_ms=service.edges.last_offer_ms,
        auto_logout=service.edges.auto_logout,
    )
    check_crew(
        Crew(
            rules=rules,
            languages=languages,
            callbacks=service.callbacks,
            shifts={id_: shift for id_, (shift, _) in shifts.items()},
            queues=file,
            shift_places={id_: place for id_, (_, place) in shifts.items()},
            operator_places={id_: each.place for id_, each in operators.items()},
        )
    )
    return Settings(
        folder=folder.resolve(),
        service=service,
        rules=rules,
        topic_names={str(id_): each.names for id_, each in topics.items()},
        shifts={id_: shift for id_, (shift, _) in shifts.items()},
        phrases=phrases,
        language_words=words,
        holidays=holidays,
        recording=file.recording,
    )


def routable_names(folder: Path) -> frozenset[str] | None:
    """The topics and queues of a config folder, for checking dialplans.

    None when skills.yaml is absent or has mistakes of its own, which are for `acd check` to say.
    """
    problems = Problems()
    topics = _read(folder, problems, "skills.yaml", partial(_topics, ())) or {}
    if problems.has_errors:
        return None
    return frozenset([*topics, *(each.queue for each in topics.values())])


def _read(
    folder: Path, problems: Problems, name: str, convert: Callable[[Node], T | None]
) -> T | None:
    root = read_yaml(folder / name, problems)
    return None if root is None else convert(root)


def _topics(languages: Sequence[Language], root: Node) -> dict[Topic, TopicEntry]:
    topics: dict[Topic, TopicEntry] = {}
    for key, value in entries(root, "topics"):
        fields = value.fields(required=["queue", "name"], optional=["priority"])
        if fields is None:
            continue
        queue, name = fields.get("queue"), fields.get("name")
        queue_id = queue.name() if queue else None
        names = name.texts(languages) if name and languages else {}
        if queue_id is not None and queue is not None:
            priority_ms = _millis(fields, "priority", 0, 600_000) or NO_TIME
            entry = TopicEntry(QueueId(queue_id), names or {}, priority_ms, queue)
            topics[Topic(key.text or "")] = entry
    return topics


def _check_topics(
    topics: Mapping[Topic, TopicEntry],
    queues: Mapping[QueueId, QueueRules],
    queues_file: Path,
    problems: Problems,
) -> None:
    """Every topic leads to a queue that exists, and the queue of last resort is there."""
    if not queues or not topics:
        return
    for each in topics.values():
        each.place.choice([str(queue) for queue in queues], "E04")
    if "general" not in queues:
        message = "the queue 'general' is missing; callers with an unknown topic go there: add it"
        problems.error(str(queues_file), 0, 0, "E04", message)


def _phrases(
    folder: Path, problems: Problems, languages: Sequence[Language]
) -> tuple[dict[str, Mapping[str, str]], dict[str, str]]:
    """The system's sentences: ours, with those of the config folder on top when it has the file."""
    phrases: dict[str, Mapping[str, str]] = {}
    words: dict[str, str] = {}
    own = folder / "phrases.yaml"
    shipped = SHIPPED / "phrases.yaml"
    is_shipped = own.resolve() == shipped
    for path in [own] if is_shipped else [shipped, own] if own.is_file() else [shipped]:
        root = read_yaml(path, problems)
        fields = root.fields(required=["schema", "languages", "phrases"]) if root else None
        if fields is None:
            continue
        check_schema(fields)
        group = fields.get("phrases")
        for key, value in (group.entries or []) if group else []:
            texts = _texts(value, languages)
            if texts is not None and key.name() is not None:
                phrases[key.text or ""] = texts
        group = fields.get("languages")
        for key, value in (group.entries or []) if group else []:
            language = value.fields(required=["whisper"])
            word = language.read("whisper", Node.sentence) if language else None
            if word is not None:
                words[key.text or ""] = word
    return phrases, words


def _texts(node: Node, languages: Sequence[Language]) -> dict[str, str] | None:
    """Texts in the languages in use; a file may hold more languages than the service speaks."""
    wanted = [*languages, *(lang for lang in LANGUAGES if lang not in languages)]
    unused = [lang for lang in wanted if lang not in languages]
    if unused and node.entries is not None:
        node.entries = [(k, v) for k, v in node.entries if k.text not in unused]
    return node.texts(languages)


def _shifts(root: Node) -> dict[str, tuple[Shift, Node]]:
    shifts: dict[str, tuple[Shift, Node]] = {}
    for key, value in entries(root, "shifts"):
        fields = value.fields(required=["days", "hours"], optional=["breaks", "holidays"])
        if fields is None:
            continue
        days = fields.read("days", lambda node: node.list_of(_weekday))
        hours = fields.read("hours", Node.hours)
        placed = _breaks(fields)
        breaks = tuple(each for each, _ in placed)
        # Kept with a mistake in it too: whoever works in it is not to be blamed for that.
        begins, ends = hours or (0, 0)
        id_ = key.text or ""
        rule = fields.read("holidays", lambda node: node.choice(HOLIDAYS), "works")
        week = tuple(sorted(set(days or ())))
        shift = Shift(id_, week, begins, ends, breaks, _rule(rule))
        if hours is not None:
            check_breaks(shift, placed)
        shifts[id_] = (shift, key)
    return shifts


def _rule(word: str) -> Literal["works", "off", "only"]:
    return "off" if word == "off" else "only" if word == "only" else "works"


def _weekday(node: Node) -> int | None:
    word = node.choice(WEEKDAYS)
    return None if word is None else WEEKDAYS.index(word)


def _breaks(fields: Fields) -> list[tuple[Break, Node]]:
    """The simulator sends operators on their breaks; live they say themselves when they pause."""
    breaks: list[tuple[Break, Node]] = []
    for node in (fields.get("breaks") or fields.node).items or []:
        entry = node.fields(required=["at", "for"], optional=["at_once"])
        if entry is not None:
            at = entry.read("at", Node.time_of_day)
            length_ms = entry.read("for", Node.duration_ms)
            at_once = entry.read("at_once", Node.percent, 1.0)
            if at is not None and length_ms:
                breaks.append((Break(at, length_ms, at_once), node))
    return breaks


def _holidays(root: Node) -> frozenset[date]:
    fields = root.fields(required=["schema", "holidays"])
    if fields is None:
        return frozenset()
    check_schema(fields)
    return frozenset(fields.read("holidays", lambda node: node.list_of(Node.date)) or ())


def _operators(
    languages: Sequence[Language],
    topics: Collection[Topic],
    shifts: Collection[str],
    root: Node,
) -> dict[OperatorId, OperatorEntry]:
    operators: dict[OperatorId, OperatorEntry] = {}
    for key, value in entries(root, "operators"):
        fields = value.fields(
            required=["shift", "languages", "topics"],
            optional=["name", "wrap_up", "ring", "reserve"],
        )
        if fields is None:
            continue
        id_ = OperatorId(key.text or "")
        shift = fields.get("shift")
        if shift is not None and shifts:
            shift.choice(list(shifts), "E04")
        profile = OperatorProfile(
            id=id_,
            name=fields.read("name", Node.sentence) or id_,
            shift=(shift.text or "") if shift else "",
            languages={Language(k): v for k, v in _levels(fields, "languages", languages).items()},
            topics={Topic(k): v for k, v in _levels(fields, "topics", topics).items()},
            wrap_up_ms=_millis(fields, "wrap_up", 0, 3_600_000),
            ring_ms=_millis(fields, "ring", 1000, 60_000),
            reserve=fields.read("reserve", Node.boolean, False),
        )
        operators[id_] = OperatorEntry(profile, key)
    return operators


def _levels(fields: Fields, name: str, known: Collection[str]) -> dict[str, int]:
    def skill(node: Node) -> str | None:
        return node.choice(list(known), "E04") if known else node.text

    node = fields.get(name)
    if node is None:
        return {}
    levels = node.mapping_of(skill, lambda level: level.integer(1, BEST_LEVEL)) or {}
    if name == "languages" and node.entries is not None and not node.entries:
        node.error("an operator needs at least one language; write it as in {ru: 5}")
    return levels


def _millis(fields: Fields, name: str, lo_ms: int, hi_ms: int) -> Millis | None:
    value = fields.read(name, lambda node: node.duration_ms(lo_ms, hi_ms))
    return None if value is None else Millis(value)
