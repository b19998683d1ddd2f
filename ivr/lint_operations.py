"""The menu joined with the rest of the house: operators, topics, usage, tests (W25), and the names
of settings (E21).
"""

from collections.abc import Iterator, Mapping

from acd.problems import near_miss
from acd.settings import Settings
from ivr import graph
from ivr.core import menu
from ivr.core.expressions import Value, names_of
from ivr.core.menu import Menu
from ivr.lint_report import Report, listed
from ivr.lint_ways import Ways

SHARE_MIN = 0.005
_ANSWERED = ("broadcast.active", "broadcast.texts")  # by `acd broadcast`
_REMEDY = "change operators.yaml"
CALLS_MIN = 1000  # of a menu: with fewer, half a percent is chance


def check_operations(report: Report, ways: Ways) -> None:
    """Queues against operators and shifts, topics against queues, options against usage."""
    settings = report.world.settings
    if settings is not None:
        _check_operators(report, ways, settings)
        _check_overflow(report, ways)
        _check_routes(report, ways, settings)
        _check_settings(report, settings)
    _check_chosen(report, ways)
    _check_walked(report, ways)


def _check_operators(report: Report, ways: Ways, settings: Settings) -> None:
    """Somebody of every shift speaks each language, and knows each topic in it."""
    speakers, holders = _abilities(settings)
    silent: dict[str, list[str]] = {}
    for language in report.plan.languages:
        held = speakers.get(language, set())
        silent[language] = [shift for shift in settings.shifts if shift not in held]
        if silent[language]:
            message = f"nobody in shift {', '.join(silent[language])} speaks {language}"
            report.warn(("languages",), "W25", f"{message}; {_REMEDY}")
    gaps: dict[tuple[str, str], list[str]] = {}
    for topic, name in _first_queues(ways, settings).items():
        words = []
        for language in report.plan.languages:
            held = {*holders.get((topic, language), ()), *silent[language]}
            shifts = [shift for shift in settings.shifts if shift not in held]
            if shifts:
                words.append(f"{language} in shift {', '.join(shifts)}")
        if words:
            gaps.setdefault((name, "; ".join(words)), []).append(f"'{topic}'")
    for (name, words_of_gap), topics in gaps.items():
        message = f"nobody who knows {listed(topics, 20)} speaks {words_of_gap}"
        report.warn((*report.at(name), "topic"), "W25", f"{message}; {_REMEDY}")


def _abilities(settings: Settings) -> tuple[dict[str, set[str]], dict[tuple[str, str], set[str]]]:
    """The shifts that speak each language, and those that know each topic in each language."""
    speakers: dict[str, set[str]] = {}
    holders: dict[tuple[str, str], set[str]] = {}
    for operator in settings.rules.operators.values():
        for language in operator.languages:
            speakers.setdefault(str(language), set()).add(operator.shift)
            for topic in operator.topics:
                holders.setdefault((str(topic), str(language)), set()).add(operator.shift)
    return speakers, holders


def _first_queues(ways: Ways, settings: Settings) -> dict[str, str]:
    """Each topic that callers can be queued for, and the first node that does it."""
    found: dict[str, str] = {}
    for name, node in ways.nodes.items():
        if isinstance(node, menu.Queue) and name in ways.reached:
            for topic in node.topics:
                if topic in settings.topic_names:  # not a queue, whose topics are many
                    found.setdefault(topic, name)
    return found


def _check_overflow(report: Report, ways: Ways) -> None:
    for name, node in ways.nodes.items():
        if isinstance(node, menu.Queue) and node.on_overflow is None and name in ways.reached:
            message = "nothing says what follows when nobody can come"
            report.warn(report.at(name), "W25", f"{message}; add 'on_overflow: ' with a node")


def _check_routes(report: Report, ways: Ways, settings: Settings) -> None:
    """Topics of skills.yaml to which no way of this menu leads."""
    routed: set[str] = set()
    for name, node in ways.nodes.items():
        if isinstance(node, menu.Queue) and name in ways.reached:
            if not node.topics:
                return  # it may come to any
            routed |= set(node.topics)
    whole = routed - set(settings.topic_names)  # queues, any topic of which will do
    missing = [
        topic
        for topic, queue in settings.rules.topics.items()
        if topic not in routed and queue not in whole
    ]
    if missing:
        message = f"no queue of this menu takes {listed([str(topic) for topic in missing])}"
        remedy = "lead a way there, or drop the topic from config/skills.yaml"
        report.warn(("entry",), "W25", f"{message}; {remedy}")


def _check_settings(report: Report, settings: Settings) -> None:
    """E21: names `config.*` that `service.yaml` does not answer; they would be nothing for ever."""
    known = [*_ANSWERED, *_dotted("", settings.service.config)]
    for use in report.draft.uses:
        for name in names_of(use.expression):
            scope, _, word = name.partition(".")
            if scope == "config" and word not in known:
                remedy = near_miss(word, known) or "; add it under 'config:' of service.yaml"
                report.error(use.at, "E21", f"there is no '{name}' in the settings{remedy}")


def _dotted(prefix: str, values: Mapping[str, Value]) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _dotted(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}"


def _check_chosen(report: Report, ways: Ways) -> None:
    """Options that next to nobody has chosen within 28 days."""
    for name, node in ways.nodes.items():
        counts = report.chosen(name)
        if not isinstance(node, Menu) or counts is None:
            continue
        total = sum(counts.get(option.key, 0) for option in node.options)
        for index, option in enumerate(node.options):
            chosen = counts.get(option.key, 0)
            if total >= CALLS_MIN and chosen < total * SHARE_MIN:
                message = f"{chosen} of {total} callers have chosen {option.key} in 28 days"
                at = (*report.at(name), "options", index, "key")
                report.warn(at, "W25", f"{message}; drop the option, or move it down")


def _check_walked(report: Report, ways: Ways) -> None:
    """Edges that no test walks."""
    missed = (report.world.missed or {}).get(report.plan.id, frozenset())
    for name, node in ways.nodes.items() if missed else ():
        for edge in graph.edges(node):
            if (name, edge.kind, edge.label) in missed:
                label = f" {edge.label}" if edge.kind == "key" else ""
                message = f"no test goes from '{name}' by {edge.kind}{label} to '{edge.target}'"
                remedy = "run 'ivr test --generate', or write one"
                report.warn(report.edge_at(node, edge), "W25", f"{message}; {remedy}")
