"""`ivr diff`: what a new version of a menu changes for callers, in words.

Not lines but meaning: a node that was renamed, an option that moved to another key, a sentence
that changed in one language, a way that leads elsewhere, a time-out, rows of tables.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Literal

from acd.yaml_nodes import in_units
from acd.yaml_source import Problems
from ivr import graph
from ivr.core import menu, nodes
from ivr.core.expressions import Expression, Value
from ivr.core.menu import Clip, Dialplan, Node
from ivr.core.speech import LANGUAGES, all_clips, clip_id
from ivr.dialplan import load_dialplan
from ivr.picture import kind_of

CLIPS_SHOWN = 10
ALIKE_MIN = 4  # nodes that change alike are told in one line

Kind = Literal[
    "node_added",
    "node_removed",
    "node_renamed",
    "node_moved",
    "type_changed",
    "text_changed",
    "target_changed",
    "key_changed",
    "timing_changed",
    "condition_changed",
    "setting_changed",
    "option_added",
    "option_removed",
    "row_added",
    "row_removed",
    "row_changed",
]
_WORDS: Mapping[str, Kind] = {
    **dict.fromkeys(("goto", "next", "back_to", "entry", "flow", "number"), "target_changed"),
    **dict.fromkeys(("on_busy", "on_noanswer", "on_withheld", "on_overflow"), "target_changed"),
    **dict.fromkeys(("attempts", "max_steps", "max_revisits", "max_depth"), "timing_changed"),
    **dict.fromkeys(("bargein", "type_ahead", "slow_after_noinput"), "timing_changed"),
    "when": "condition_changed",
}
Flat = dict[tuple[str, ...], object]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `node` is empty for what belongs to the file; `where` is the part of it.

    `before` and `after` are texts or plain values, None for what is not there.
    """

    kind: Kind
    node: str
    where: str
    before: Value = None
    after: Value = None
    language: str | None = None

    def in_words(self) -> str:
        """One line for a person."""
        place = " ".join(part for part in (self.node, self.where) if part)
        match self.kind:
            case "node_added":
                return f"+ {self.node}: a new {self.after}"
            case "node_removed":
                return f"- {self.node}: the {self.before} is gone"
            case "node_renamed":
                return f"~ {self.before} is called {self.after} now"
            case "node_moved":
                return f"~ {self.node} is reached from {self.after}, not from {self.before}"
            case "key_changed":
                return f"~ {self.node}: {self.where} moved from key {self.before} to {self.after}"
            case "option_added" | "row_added":
                return f"+ {place}: {_shown(self.after)}"
            case "option_removed" | "row_removed":
                return f"- {place}: {_shown(self.before)}"
        language = f" ({self.language})" if self.language else ""
        return f"~ {place}{language}: {_shown(self.before)} → {_shown(self.after)}"


@dataclass(frozen=True, slots=True)
class Difference:
    """Two versions side by side. `to_record` are sentences that only the new one says."""

    changes: tuple[Change, ...]
    to_record: tuple[Clip, ...]
    not_said_any_more: tuple[Clip, ...]


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Hook `ivr diff` into the command line."""
    parser = commands.add_parser(
        "diff",
        help="tell what a new version of a menu changes",
        description="Compares two dialplans by what callers meet, and names the recordings that "
        "become stale.",
    )
    parser.add_argument("before", metavar="A", help="the old dialplan")
    parser.add_argument("after", metavar="B", help="the new dialplan")
    parser.add_argument("--config", type=Path, default=Path("config"), metavar="DIR")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    problems = Problems()
    before = load_dialplan(arguments.before, problems, config=arguments.config)
    after = load_dialplan(arguments.after, problems, config=arguments.config)
    if before is None or after is None:
        print(problems.render(), file=sys.stderr)
        return 1
    difference = compare(before, after)
    if arguments.json:
        print(json.dumps(_as_json(difference), ensure_ascii=False, indent=2))
    else:
        _print(difference)
    return 0


def compare(before: Dialplan, after: Dialplan) -> Difference:
    """What is different, in the order of the new file; what is gone comes last."""
    renamed = _renamed(before, after)
    changes = [Change("node_renamed", new, "", old, new) for old, new in renamed.items()]
    changes += _settings(before, after, renamed)
    for name, node in after.nodes.items():
        if name in before.nodes:
            changes += _node_changes(before.nodes[name], node, renamed)
        elif name not in renamed.values():
            changes.append(Change("node_added", name, "", None, kind_of(node)))
    changes += [
        Change("node_removed", name, "", kind_of(node))
        for name, node in before.nodes.items()
        if name not in after.nodes and name not in renamed
    ]
    changes += _moves(before, after, renamed)
    changes += _table_changes(before, after)
    old = {clip_id(clip): clip for clip in all_clips(before)}
    new = {clip_id(clip): clip for clip in all_clips(after)}
    return Difference(
        tuple(changes),
        tuple(clip for name, clip in new.items() if name not in old),
        tuple(clip for name, clip in old.items() if name not in new),
    )


def _renamed(before: Dialplan, after: Dialplan) -> dict[str, str]:
    """Old names to new ones, for nodes that are the same but for their name, told without doubt."""
    found: dict[str, str] = {}
    while True:
        gone = [n for n in before.nodes if n not in after.nodes and n not in found]
        taken = set(found.values())
        come = [n for n in after.nodes if n not in before.nodes and n not in taken]
        new = {name: _flat(after.nodes[name]) for name in come}
        old = {name: _with_names(_flat(before.nodes[name]), found) for name in gone}
        more: dict[str, str] = {}
        for name, facts in old.items():
            same = [each for each in come if new[each] == facts]
            twins = [each for each in gone if old[each] == facts]
            if len(same) == 1 and len(twins) == 1:
                more[name] = same[0]
        if not more:
            return found
        found |= more


def _with_names(flat: Flat, renamed: Mapping[str, str]) -> Flat:
    """Targets under their new names, so that a new name alone changes nothing else."""
    return {
        path: renamed.get(value, value)
        if isinstance(value, str) and _kind_of(path) == "target_changed"
        else value
        for path, value in flat.items()
    }


def _node_changes(old: Node, new: Node, renamed: Mapping[str, str]) -> Iterator[Change]:
    if type(old) is not type(new):
        yield Change("type_changed", new.name, "type", kind_of(old), kind_of(new))
        return
    before, after = _with_names(_flat(old), renamed), _flat(new)
    if isinstance(new, menu.Menu | menu.LanguageMenu):
        yield from _option_changes(new.name, before, after)
    yield from _differences(new.name, before, after)


def _option_changes(name: str, before: Flat, after: Flat) -> Iterator[Change]:
    """Options that came, went, or have another key; they are taken out of both."""
    old, new = _options(before), _options(after)
    for key, option in old.items():
        if new.get(key) == option:
            continue
        moved = [k for k, each in new.items() if each == option and old.get(k) != each]
        if len(moved) == 1:
            yield Change("key_changed", name, f"'{_label_of(option)}'", key, moved[0])
            _take_out(before, key)
            _take_out(after, moved[0])
    old, new = _options(before), _options(after)
    for key in [key for key in old if key not in new]:
        yield Change("option_removed", name, f"key {key}", _label_of(old[key]), None)
        _take_out(before, key)
    for key in [key for key in new if key not in old]:
        yield Change("option_added", name, f"key {key}", None, _label_of(new[key]))
        _take_out(after, key)


def _options(flat: Flat) -> dict[str, Flat]:
    found: dict[str, Flat] = {}
    for path, value in flat.items():
        if path[0] == "options":
            found.setdefault(path[1], {})[path[2:]] = value
    return found


def _take_out(flat: Flat, key: str) -> None:
    for path in [path for path in flat if path[:2] == ("options", key)]:
        del flat[path]


def _label_of(option: Flat) -> str:
    labels = [str(value) for path, value in option.items() if path[0] == "label"]
    return labels[0] if labels else ""


def _settings(before: Dialplan, after: Dialplan, renamed: Mapping[str, str]) -> Iterator[Change]:
    """What belongs to the file as a whole."""
    parts = ("id", "name", "languages", "default_language", "timezone", "entry")
    groups = ("globals", "limits", "phrases", "schedules", "profiles")
    for part in (*parts, *groups):
        old, new = getattr(before, part), getattr(after, part)
        facts = _with_names(_flattened(old, (part,)), renamed)
        yield from _differences("", facts, _flattened(new, (part,)))


def _moves(before: Dialplan, after: Dialplan, renamed: Mapping[str, str]) -> Iterator[Change]:
    """Nodes that no longer follow any of the nodes they followed."""
    old, new = _parents(before), _parents(after)
    for name in after.nodes:
        was = {renamed.get(each, each) for each in _before_of(name, old, renamed)}
        now = new.get(name, set())
        if was and now and not was & now and was & set(after.nodes):
            yield Change("node_moved", name, "", ", ".join(sorted(was)), ", ".join(sorted(now)))


def _before_of(name: str, old: Mapping[str, set[str]], renamed: Mapping[str, str]) -> set[str]:
    own = next((each for each, new in renamed.items() if new == name), name)
    return old.get(own, set())


def _parents(dialplan: Dialplan) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, node in dialplan.nodes.items():
        for edge in graph.edges(node):
            if edge.kind not in ("on_fail", "back_to"):
                found.setdefault(edge.target, set()).add(name)
    return found


def _table_changes(before: Dialplan, after: Dialplan) -> Iterator[Change]:
    for table in dict.fromkeys([*before.tables, *after.tables]):
        old = before.tables[table].rows if table in before.tables else {}
        new = after.tables[table].rows if table in after.tables else {}
        where = f"table {table}, row"
        for key, row in new.items():
            if key not in old:
                yield Change("row_added", "", f"{where} {key}", None, _row_in_words(row))
            elif row != old[key]:
                for change in _differences("", _flattened(old[key], ()), _flattened(row, ())):
                    place = f"{where} {key}: {change.where}"
                    yield replace(change, kind="row_changed", where=place)
        for key, row in old.items():
            if key not in new:
                yield Change("row_removed", "", f"{where} {key}", _row_in_words(row), None)


def _row_in_words(row: Mapping[str, menu.Cell]) -> str:
    for cell in row.values():
        if isinstance(cell, Mapping):
            return next(iter(cell.values()), "")
    return ", ".join(str(cell) for cell in row.values())


def _differences(node: str, before: Flat, after: Flat) -> Iterator[Change]:
    for path in dict.fromkeys([*after, *before]):
        old, new = before.get(path), after.get(path)
        if old == new and (path in before) == (path in after):
            continue
        kind = _kind_of(path)
        language = path[-1] if kind == "text_changed" else None
        yield Change(kind, node, _where(path), _plain(path, old), _plain(path, new), language)


def _kind_of(path: tuple[str, ...]) -> Kind:
    last = path[-1]
    if last in LANGUAGES and path[0] not in ("phrases", "languages"):
        return "text_changed"
    if path[0] == "phrases":
        return "text_changed" if len(path) > 2 else "setting_changed"
    if last.endswith("_ms") or path[0] == "limits" or last == "timeout_factor":
        return "timing_changed"
    return _WORDS.get(last, "setting_changed")


def _where(path: tuple[str, ...]) -> str:
    """A place within a node as an author would call it."""
    words: list[str] = []
    for index, part in enumerate(path):
        above = path[index - 1] if index else ""
        if above == "options":
            words[-1:] = [f"key {part}"]
        elif above == "cases":
            words[-1:] = [f"case {int(part) + 1}"]
        elif part.isdecimal():
            words += [str(int(part) + 1)] if part != "0" else []
        elif not _is_silent(part, is_last=index == len(path) - 1, is_first=not words):
            words.append(part.removesuffix("_ms"))
    return " ".join(words)


def _is_silent(part: str, *, is_last: bool, is_first: bool) -> bool:
    """Whether a part of a place says nothing to an author."""
    if part in LANGUAGES:
        return is_last and not is_first
    return part in ("input", "timing") or (
        part in ("texts", "label", "to", "goto") and not is_first
    )


def _plain(path: tuple[str, ...], value: object) -> Value:
    if value is None or isinstance(value, bool | int | str):
        is_time = path[-1].endswith("_ms") and isinstance(value, int)
        return in_units(value) if is_time and isinstance(value, int) else value
    return str(value)


def _flat(node: Node) -> Flat:
    """All that an author has written of a node, as one value for each place.

    The `topics` of a queue are worked out from the rest of the file; its changes are shown there.
    """
    found = _flattened(node, ())
    found.pop(("name",), None)
    if isinstance(node, nodes.Queue):
        found.pop(("topics",), None)
    return found


def _flattened(value: object, path: tuple[str, ...]) -> Flat:
    """Values by place; options stand under their key, everything else in order."""
    match value:
        case Expression(text, _):
            return {path: text}
        case menu.Assignment(target, expression):
            return {(*path, target): expression.text}
        case tuple() | list() if value and all(hasattr(each, "key") for each in value):
            return _joined(_flattened(each, (*path, each.key)) for each in value)
        case tuple() | list() if all(isinstance(each, str | int) for each in value):
            return {path: ", ".join(str(each) for each in value)} if value else {}
        case tuple() | list():
            parts = enumerate(value)
            return _joined(_flattened(each, (*path, str(index))) for index, each in parts)
        case Mapping():
            return _joined(_flattened(each, (*path, str(key))) for key, each in value.items())
        case frozenset():
            return {path: ", ".join(sorted(str(each) for each in value))}
    if is_dataclass(value) and not isinstance(value, type):
        parts_of = ((field.name, getattr(value, field.name)) for field in fields(value))
        is_option = isinstance(value, menu.Option | menu.LanguageOption)
        return _joined(
            _flattened(each, (*path, name))
            for name, each in parts_of
            if not (is_option and name == "key")
        )
    return {path: value}


def _joined(parts: Iterable[Flat]) -> Flat:
    found: Flat = {}
    for part in parts:
        found |= part
    return found


def _shown(value: Value) -> str:
    if value is None:
        return "nothing"
    text = str(value)
    return f"“{text}”" if " " in text else text


def _print(difference: Difference) -> None:
    for line in _lines(difference.changes):
        print(line)
    if not difference.changes:
        print("Nothing changes for callers.")
    for title, clips in (
        ("to record or build", difference.to_record),
        ("no longer said, their recordings are stale", difference.not_said_any_more),
    ):
        if not clips:
            continue
        counts: dict[str, int] = {}
        for clip in clips:
            counts[clip.language] = counts.get(clip.language, 0) + 1
        by_language = ", ".join(f"{count} {language}" for language, count in counts.items())
        print(f"Sentences {title}: {len(clips)} ({by_language})")
        for clip in clips[:CLIPS_SHOWN]:
            print(f"  {clip.language}  {clip.text}")
        if len(clips) > CLIPS_SHOWN:
            print(f"  and {len(clips) - CLIPS_SHOWN} more; --json names them all")


def _lines(changes: Iterable[Change]) -> Iterator[str]:
    """One line for each change; what changes alike in many nodes (a default) is told once."""
    alike: dict[Change, list[str]] = {}
    for change in changes:
        alike.setdefault(replace(change, node=""), []).append(change.node)
    for change, places in alike.items():
        if len(places) < ALIKE_MIN or change.kind == "node_moved":
            yield from (replace(change, node=node).in_words() for node in places)
        else:
            yield f"{change.in_words()} in {len(places)} nodes ({', '.join(places)})"


def _as_json(difference: Difference) -> dict[str, object]:
    return {
        "changes": [
            {
                "kind": change.kind,
                "node": change.node or None,
                "where": change.where or None,
                "language": change.language,
                "before": change.before,
                "after": change.after,
                "message": change.in_words(),
            }
            for change in difference.changes
        ],
        "to_record": [_clip_as_json(clip) for clip in difference.to_record],
        "stale": [_clip_as_json(clip) for clip in difference.not_said_any_more],
    }


def _clip_as_json(clip: Clip) -> dict[str, str]:
    return {"id": clip_id(clip), "language": clip.language, "text": clip.text}
