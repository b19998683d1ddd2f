"""YAML with a place for every value, and without guessing of types.

YAML turns 22:00 into 1320, 0123 into 83, `no` into false, loses a key written `#:` and lets the
last of two equal keys win. Here every value stays the text that was written; whoever reads it says
what it has to be, and one run shows everything that is wrong.

    root = read_yaml(path, problems)
    fields = root.fields(required=["schema", "queues"], optional=["target"]) if root else None
    if fields:
        target_ms = fields.read("target", Node.duration_ms, 30_000)
"""

import gc
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from acd.problems import Problem as Problem
from acd.problems import Problems as Problems
from acd.problems import near_miss as near_miss
from acd.yaml_nodes import Fields as Fields
from acd.yaml_nodes import Node as Node
from acd.yaml_syntax import hidden_keys, trouble_in_words, without_unseen

Event = Any  # the stubs say that marks may be missing; the parser always gives them

DEPTH_MAX = 32
_MIB = 1_048_576
# libyaml's parser is ten times as fast; it is there where PyYAML was built with it.
_FAST_LOADER: Any = getattr(yaml, "CSafeLoader", None)
_ODD_ENDS = re.compile(r"[\x85\u2028\u2029]")
_SLOW_SIGNS = re.compile(r"\t|[\[{,]\s*\?")


def read_yaml(path: str | Path, problems: Problems, mib_max: int = 1) -> Node | None:
    """The root of a file, or None after recording why it cannot be used.

    `mib_max`: a larger file is refused.
    """
    file = str(path)
    text = read_text(path, problems, mib_max)
    return None if text is None else parse_yaml(text, file, problems)


def parse_yaml(text: str, file: str, problems: Problems) -> Node | None:
    """The root of a text that messages call `file`, or None after recording the problem."""
    text = text.removeprefix("\ufeff")
    problems.add_source(file, text)
    text = _one_kind_of_lines(text, file, problems)
    builder = _Builder(problems, file)
    root: Node | None = None
    is_broken = False
    try:
        with collector_paused():
            root = builder.build(_events(text))
    except yaml.YAMLError as error:
        is_broken = True
        for line, column, rule, message in trouble_in_words(error, text):
            problems.error(file, line, column, rule, message)
    for line, column, message in hidden_keys(text, builder.long_texts):
        problems.error(file, line, column, "E02", message)
    if root is None and not is_broken:
        problems.error(file, 0, 0, "E01", "the file is empty; it needs at least 'schema: 1'")
    return root


@contextmanager
def collector_paused() -> Iterator[None]:
    """No search for garbage meanwhile: of a large file that is read, nothing is garbage.

    The search takes more time than the reading, since it looks at all that was read so far.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _one_kind_of_lines(text: str, file: str, problems: Problems) -> str:
    """The text without the line ends that only YAML knows: with them no place would be right."""
    if not _ODD_ENDS.search(text):
        return text
    for number, line in enumerate(text.split("\n"), 1):
        for found in _ODD_ENDS.finditer(line):
            message = f"an invisible line end (U+{ord(found[0]):04X}) stands here; remove it"
            problems.error(file, number, found.start() + 1, "E01", message)
    return _ODD_ENDS.sub(" ", text)


def _events(text: str) -> Iterable[Event]:
    """The parser's events; what the fast parser refuses the other one explains.

    The fast one takes some tabs and question marks that the other one does not: a file must not
    be good on one machine only.
    """
    if _FAST_LOADER is not None and _SLOW_SIGNS.search(text) is None:
        try:
            events = _fast_events(text)
        except (yaml.YAMLError, UnicodeError):
            events = None
        if events:
            return events
    return yaml.parse(text, Loader=yaml.SafeLoader)


def _fast_events(text: str) -> list[Event] | None:
    """All events, no further than the nesting the builder allows; None when one is doubtful."""
    events: list[Event] = []
    depth = 0
    for event in yaml.parse(text, Loader=_FAST_LOADER):
        events.append(event)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEPTH_MAX + 1:
                break  # the builder refuses it here: the rest would take time and room
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent) and not event.style and "?" in event.value:
            return None
    return events


class _TooDeep(yaml.MarkedYAMLError):
    """The file is nested beyond any sensible depth."""


class _Builder:
    """Builds nodes from the parser's events; refuses what an administrator never needs."""

    def __init__(self, problems: Problems, file: str) -> None:
        self._problems = problems
        self._file = file
        self.long_texts: list[tuple[int, int]] = []  # first and last line of each

    def build(self, events: Iterable[Event]) -> Node | None:
        """The root of the first document, None when there is nothing in it."""
        stream = iter(events)
        root: Node | None = None
        for event in stream:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                self._refuse(event, "a second document begins here; keep one in a file")
                break
            if isinstance(event, yaml.NodeEvent):
                root = self._node(event, stream, 0)
        return None if root is None or root.is_empty() else root

    def _node(self, event: Event, stream: Iterator[Event], depth: int) -> Node:
        mark, end = event.start_mark, event.end_mark
        if depth > DEPTH_MAX:
            raise _TooDeep(problem="nested too deeply", problem_mark=mark)
        node = Node(self._problems, self._file, mark.line + 1, mark.column + 1)
        if isinstance(event, yaml.AliasEvent):
            name = f"*{event.anchor}"
            self._refuse(event, f"'{name}' is a YAML alias; write the value out, or quote it")
            node.text, node.quoted = name, True
            return node
        self._refuse_marks(event)
        if isinstance(event, yaml.ScalarEvent):
            node.text, node.quoted = event.value, bool(event.style)
            seen = without_unseen(event.value)
            if len(seen) < len(event.value):
                sign = next(each for each in event.value if each not in seen)
                message = f"the invisible character U+{ord(sign):04X} is in this text; remove it"
                node.error(message, "E01")
                node.text = seen
            if node.is_empty():
                self._set_after_colon(node)
            if end.line > mark.line:
                self.long_texts.append((mark.line + 1, end.line + 1))
        elif isinstance(event, yaml.SequenceStartEvent):
            node.items = self._items(stream, depth)
        else:
            node.entries = self._entries(stream, depth)
        return node

    def _set_after_colon(self, node: Node) -> None:
        """Nothing stands right after its colon; the fast parser puts it before what follows."""
        lines = self._problems.source_lines(self._file)
        if node.line > len(lines):  # YAML knows more line ends than we do
            return
        line, before = node.line, lines[node.line - 1][: node.column - 1].rstrip()
        while not before and line > 1:
            line -= 1
            before = lines[line - 1].rstrip()
        if before.endswith(":"):
            node.line, node.column = line, len(before) + 1

    def _items(self, stream: Iterator[Event], depth: int) -> list[Node]:
        items: list[Node] = []
        for event in stream:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event, stream, depth + 1))
        return items

    def _entries(self, stream: Iterator[Event], depth: int) -> list[tuple[Node, Node]]:
        entries: list[tuple[Node, Node]] = []
        first_lines: dict[str, int] = {}
        for event in stream:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._node(event, stream, depth + 1)
            value = self._node(next(stream), stream, depth + 1)
            if key.text is None:
                key.error("a key must be a plain word; write it as in 'key: value'", "E01")
            elif key.text == "<<" and not key.quoted:
                key.error("'<<' (a YAML merge) is not used here; write the keys out", "E01")
            elif key.text in first_lines:
                line = first_lines[key.text]
                key.error(f"'{key.text}' is already set on line {line}; remove one", "E01")
            else:
                first_lines[key.text] = key.line
                entries.append((key, value))
        return entries

    def _refuse_marks(self, event: Event) -> None:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor is not None:
            self._refuse(event, f"'&{anchor}' is a YAML anchor; write the value out, or quote it")
        if tag is not None:
            word = tag.replace("tag:yaml.org,2002:", "!!")
            self._refuse(event, f"'{word}' is a YAML tag; remove it, or quote the text")

    def _refuse(self, event: Event, message: str) -> None:
        mark = event.start_mark
        self._problems.error(self._file, mark.line + 1, mark.column + 1, "E01", message)


def read_text(path: str | Path, problems: Problems, mib_max: int = 1) -> str | None:
    """The text of a file of at most `mib_max` MiB in UTF-8, or None with the reason."""
    file = str(path)
    message: str
    line = column = 0
    try:
        with Path(path).open("rb") as stream:
            raw = stream.read(mib_max * _MIB + 1)
    except FileNotFoundError:
        message = "there is no such file; check the path"
    except IsADirectoryError:
        message = "this is a folder; name a file in it"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"the file cannot be read ({reason}); check its rights"
    else:
        if len(raw) > mib_max * _MIB:
            message = f"the file is larger than {mib_max} MiB; split it"
        elif raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            message = "the file is saved as UTF-16; save it as UTF-8"
        else:
            try:
                return raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
            except UnicodeDecodeError as error:
                before = raw[: error.start]
                line = before.count(b"\n") + 1
                column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
                problems.add_source(file, raw.decode("utf-8", "replace"))
                message = "this letter is not UTF-8; save the file as UTF-8"
    problems.error(file, line, column, "E01", message)
    return None
