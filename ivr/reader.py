"""From the YAML of one dialplan to its `Dialplan`, with the place of all that was written."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo

from acd.yaml_source import Fields, Node, Problems, collector_paused
from ivr.core import menu, speech
from ivr.fields import DEFAULTS, DIALPLAN, FLOW, GLOBALS, LIMITS, PROFILE, TABLE, ZERO
from ivr.node_reader import read_node
from ivr.origins import check_rows, topics_of
from ivr.phrases import DEFAULT_OPERATOR_LABEL, read_phrases
from ivr.schedule_reader import read_schedules
from ivr.scope import Flow, Place, Scope, Use, described_fields, duration, entry_of
from ivr.section import Section
from ivr.table_reader import TableSource, read_rows, read_table_file

DEFAULT_LIMITS = menu.Limits(max_steps=60, max_revisits=3, max_ivr_ms=180_000)
DEFAULT_TIMEZONE = "Asia/Almaty"
NODES_MAX = 10_000
FLOWS_MAX = 500
TABLES_MAX = 100


@dataclass(frozen=True, slots=True)
class Draft:
    """A dialplan as read, and where each part stands.

    While `is_sound` is false, texts may be empty and targets may name nothing. A place is a path
    such as ("nodes", "main", "options", 0, "goto"), ("nodes", "topic.answer", "next") in the flow
    `topic`, ("flows", "topic", "params"), ("tables", "services", "101", "name") or
    ("schedules", "night", "daily"); those of tables are in the files of the tables. `uses` are all
    expressions. `expect_offset` is what the zone must be ahead of UTC, as `+05:00`.
    """

    file: str
    dialplan: menu.Dialplan
    places: Mapping[Place, Node]
    may_prefix: frozenset[str]
    is_sound: bool
    flows: Mapping[str, Flow]
    uses: tuple[Use, ...]
    files: tuple[str, ...]
    expect_offset: str | None

    def place(self, *path: str | int) -> Node:
        """The nearest thing that was written at or above a path."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places[path]


def read_draft(
    root: Node, problems: Problems, topics: Collection[str] | None, config: Path | None = None
) -> Draft | None:
    """What a file says, complete or not; None when it is not a dialplan at all.

    `config` is the folder in which a file of holidays is looked for too.
    """
    errors_before = problems.error_count
    fields = described_fields(root, DIALPLAN)
    if fields is None:
        return None
    known = None if topics is None else dict.fromkeys(topics)
    with collector_paused():
        return _DraftReader(root, fields, problems, known, config).read(errors_before)


class _DraftReader:
    """Reads one file; every method records what is wrong and goes on with a stand-in."""

    def __init__(
        self,
        root: Node,
        fields: Fields,
        problems: Problems,
        topics: Collection[str] | None,
        config: Path | None,
    ) -> None:
        self._fields = fields
        self._problems = problems
        self._languages = self._read_languages()
        default = fields.read(
            "default_language", lambda n: n.choice(self._languages), self._languages[0]
        )
        self._scope = Scope(
            root.file, problems, self._languages, default, topics, config, {(): root}
        )

    def read(self, errors_before: int) -> Draft | None:
        """The draft; the order is that of the file's dependencies, not of its lines."""
        fields, scope = self._fields, self._scope
        scope.remember(fields, DIALPLAN, ())
        schema = fields.get("schema")
        if schema is not None and schema.text != "1":
            schema.error(f"schema {schema.in_words()} is not known; write 'schema: 1'")
        nodes = fields.get("nodes")
        if nodes is None or not self._are_nodes(nodes):
            return None
        scope.names = {key.text or "": None for key, _ in nodes.entries or ()}
        self._read_flow_names()
        schedules = read_schedules(fields.get("schedules"), scope.places, self._find_file)
        scope.schedules = schedules
        tables = self._read_tables()
        for _, value, _ in self._all_nodes():
            _note_variables(scope, value)
        self._read_defaults()
        limits, phrases, profiles = self._read_limits(), self._read_phrases(), self._read_profiles()
        dialplan = menu.Dialplan(
            id=fields.read("id", Node.name, "unnamed"),
            name=fields.read("name", Node.sentence, ""),
            version="",
            languages=self._languages,
            default_language=scope.default_language,
            timezone=fields.read("timezone", _zone, DEFAULT_TIMEZONE),
            entry=self._entry(),
            nodes=self._read_nodes(),
            phrases=phrases,
            globals=self._read_globals(),
            limits=limits,
            tables=tables,
            schedules=schedules,
            profiles=profiles,
        )
        return self._finished(dialplan, errors_before)

    def _finished(self, dialplan: menu.Dialplan, errors_before: int) -> Draft:
        """What only the whole file tells: the topics of queues, the hash of all its files."""
        scope = self._scope
        check_rows(scope)
        nodes = dict(dialplan.nodes)
        for name, topics in topics_of(scope, nodes).items():
            queue = nodes[name]
            if isinstance(queue, menu.Queue):
                nodes[name] = replace(queue, topics=topics)
        version = self._version()
        return Draft(
            file=scope.file,
            dialplan=replace(dialplan, nodes=nodes, version=version),
            places=scope.places,
            may_prefix=frozenset(scope.may_prefix),
            is_sound=self._problems.error_count == errors_before,
            flows=scope.flows,
            uses=tuple(scope.uses),
            files=(scope.file, *scope.files),
            expect_offset=self._fields.read("expect_offset", Node.string),
        )

    def _are_nodes(self, nodes: Node) -> bool:
        if not nodes.entries:
            nodes.error("there is no node; write at least a queue and the entry")
            return False
        flows = entry_of(self._fields.node, "flows")
        count = len(nodes.entries)
        for _, flow in (flows.entries if flows is not None else None) or ():
            inside = entry_of(flow, "nodes")
            count += len((inside.entries if inside is not None else None) or ())
        if count > NODES_MAX:
            nodes.error(f"{count} nodes are too many; write at most {NODES_MAX}")
            return False
        return True

    def _entry(self) -> str:
        node = self._fields.get("entry")
        found = self._scope.target_of(node, None) if node is not None else None
        return found or next(iter(self._scope.names))

    def _version(self) -> str:
        digest = hashlib.sha256()
        for file in (self._scope.file, *self._scope.files):
            digest.update("\n".join(self._problems.source_lines(file)).encode())
            digest.update(b"\0" if self._scope.files else b"")
        return digest.hexdigest()[:12]

    def _read_languages(self) -> tuple[str, ...]:
        node = self._fields.get("languages")
        found = node.list_of(lambda item: item.choice(speech.LANGUAGES)) if node else None
        languages = tuple(dict.fromkeys(found or ()))
        if node is not None and found is not None and len(languages) < len(found):
            node.error("a language stands here twice; name each once")
        if node is not None and node.items == []:
            node.error(f"no language is named; write [{', '.join(speech.LANGUAGES)}]")
        return languages or speech.LANGUAGES

    def _read_phrases(self) -> dict[str, menu.Phrases]:
        node = self._fields.get("phrases")
        for key, value in (node.entries if node is not None else None) or ():
            self._scope.places["phrases", key.text or ""] = value
        return read_phrases(node, self._languages)

    def _read_defaults(self) -> None:
        section = self._section("defaults")
        if section is None:
            return
        self._scope.places["defaults",] = self._fields.key("defaults")
        self._scope.timing = self._scope.read_timing(section.fields)
        self._scope.on_fail = section.jump("on_fail") or menu.Jump("operator")

    def _read_limits(self) -> menu.Limits:
        node, base = self._fields.get("limits"), DEFAULT_LIMITS
        fields = described_fields(node, LIMITS) if node else None
        if fields is None:
            return base
        self._scope.remember(fields, LIMITS, ("limits",))
        return menu.Limits(
            max_steps=fields.read("max_steps", lambda n: n.integer(5, 100), base.max_steps),
            max_revisits=fields.read("max_revisits", lambda n: n.integer(1, 20), base.max_revisits),
            max_ivr_ms=fields.read("max_ivr_time", duration(30_000, 1_800_000), base.max_ivr_ms),
            max_depth=fields.read("max_depth", lambda n: n.integer(1, 16), base.max_depth),
        )

    def _read_profiles(self) -> dict[str, menu.Profile]:
        profiles: dict[str, menu.Profile] = {}
        for key, value in self._entries("profiles"):
            name, fields = key.name(), described_fields(value, PROFILE)
            if name is None or fields is None:
                continue
            self._scope.places["profiles", name] = key
            attempts = fields.get("attempts")
            is_unlimited = attempts is not None and attempts.text == "unlimited"
            profiles[name] = menu.Profile(
                name=name,
                attempts=None if is_unlimited else fields.read("attempts", _attempts, 3),
                timeout_factor=fields.read("timeout_factor", lambda n: n.integer(1, 10), 1),
                is_slow=fields.read("slow", Node.boolean, False),
                priority_s=fields.read("priority", lambda n: n.integer(0, 3600), 0),
            )
        return profiles

    def _read_globals(self) -> menu.Globals:
        label = {each: DEFAULT_OPERATOR_LABEL[each] for each in self._languages}
        node = self._fields.get("globals")
        if node is None:
            if "operator" not in self._scope.names:
                self._fields.node.error(
                    "nothing says where the key 0 leads; add a queue node 'operator', or "
                    "'globals: {\"0\": {goto: ...}}'",
                    "E11",
                )
            return menu.Globals("operator", label)
        self._scope.places["globals",] = self._fields.key("globals")
        for key, _ in node.entries or ():
            if key.text in ("0", "*", "#") and not key.quoted:
                key.error(f'the key {key.text} must be quoted; write "{key.text}"', "E02")
        fields = described_fields(node, GLOBALS)
        if fields is None:
            return menu.Globals("operator", label)
        fields.read("*", lambda n: n.choice(("back",)))
        fields.read("#", lambda n: n.choice(("repeat",)))
        zero = fields.get("0")
        inner = described_fields(zero, ZERO) if zero else None
        if inner is None:
            return menu.Globals("operator", label)
        self._scope.remember(inner, ZERO, ("globals",))
        goto = inner.get("goto")
        target = self._scope.target_of(goto, None) if goto is not None else None
        texts = inner.read("label", self._scope.texts, label)
        return menu.Globals(target or "operator", texts)

    def _read_tables(self) -> dict[str, menu.Table]:
        scope = self._scope
        entries = self._entries("tables")
        if len(entries) > TABLES_MAX:
            self._fields.key("tables").error(f"{len(entries)} tables; keep to {TABLES_MAX}")
        for key, value in entries[:TABLES_MAX]:
            name = key.name()
            if name is not None:
                scope.places["tables", name] = key
                scope.tables[name] = self._read_table(name, value)
        return {name: table for name, table in scope.tables.items() if table is not None}

    def _read_table(self, name: str, value: Node) -> menu.Table | None:
        scope = self._scope
        if value.entries is None:
            path = self._find_file(value)
            source = TableSource(name, self._languages, None, scope.places)
            return None if path is None else read_table_file(path, source, self._problems)
        fields = described_fields(value, TABLE)
        if fields is None:
            return None
        if ("file" in fields) == ("rows" in fields):
            value.error(f"'{name}' needs either 'file: ...' or 'rows: ...'; write one of them")
            return None
        source = TableSource(name, self._languages, fields.read("key", Node.name), scope.places)
        file = fields.get("file")
        if file is None:
            return read_rows(value, source)
        path = self._find_file(file)
        return None if path is None else read_table_file(path, source, self._problems)

    def _find_file(self, node: Node) -> Path | None:
        """A file that is named here: beside this one, above it, or in the folder of settings."""
        text = node.sentence()
        if text is None:
            return None
        home = Path(self._scope.file).parent
        folders = [home, home.parent if home != Path() else Path(".."), home / ".." / "config"]
        if self._scope.config is not None:
            folders.insert(1, self._scope.config)
        for folder in folders:
            path = folder / text
            try:
                is_there = path.is_file()
            except (OSError, ValueError):
                is_there = False
            if is_there:
                if str(path) not in self._scope.files:
                    self._scope.files.append(str(path))
                return path
        remedy = _near_file(home / text, text) or "; write its path from the folder of this one"
        node.error(f"there is no file '{text}'{remedy}", "E04")
        return None

    def _read_flow_names(self) -> None:
        entries = self._entries("flows")
        if len(entries) > FLOWS_MAX:
            self._fields.key("flows").error(f"{len(entries)} flows; keep to {FLOWS_MAX}")
        for key, value in entries[:FLOWS_MAX]:
            name, fields = key.name(), described_fields(value, FLOW)
            if name is None or fields is None:
                continue
            self._scope.places["flows", name] = key
            self._scope.remember(fields, FLOW, ("flows", name))
            nodes = fields.get("nodes")
            names = frozenset(
                word.text or "" for word, _ in (nodes.entries if nodes else None) or ()
            )
            if nodes is not None and not names:
                nodes.error(f"the flow '{name}' has no node; write at least a return")
            params = fields.read("params", lambda n: n.list_of(Node.name)) or []
            flow = Flow(name, tuple(params), names)
            entry = fields.get("entry")
            target = self._scope.target_of(entry, flow) if entry is not None else None
            if entry is not None and target is not None and not target.startswith(f"{name}."):
                entry.error(f"'{target}' is not a node of this flow; name one that is", "E04")
            self._scope.flows[name] = replace(flow, entry=target or "")

    def _read_nodes(self) -> dict[str, menu.Node]:
        nodes: dict[str, menu.Node] = {}
        for key, value, flow in self._all_nodes():
            short = key.name()
            if short is None:
                continue
            name = short if flow is None else f"{flow.name}.{short}"
            self._scope.places["nodes", name] = key
            node = read_node(self._scope, name, key, value, flow)
            if node is not None:
                nodes[name] = node
        return nodes

    def _all_nodes(self) -> Iterator[tuple[Node, Node, Flow | None]]:
        """Key, value and flow of every node that is written."""
        nodes = self._fields.get("nodes")
        for key, value in (nodes.entries if nodes is not None else None) or ():
            yield key, value, None
        for name, flow in self._scope.flows.items():
            inside = self._scope.places.get(("flows", name, "nodes"))
            for key, value in (inside.entries if inside is not None else None) or ():
                yield key, value, flow

    def _entries(self, name: str) -> list[tuple[Node, Node]]:
        node = self._fields.get(name)
        if node is not None and node.entries is None:
            node.error(f"{node.in_words()} stands here; write a group, each thing with its name")
        return (node.entries if node is not None else None) or []

    def _section(self, name: str) -> Section | None:
        node = self._fields.get(name)
        fields = described_fields(node, DEFAULTS) if node is not None else None
        if node is None or fields is None:
            return None
        self._scope.remember(fields, DEFAULTS, (name,))
        return Section(self._scope, fields, (name,), None, node)


def _note_variables(scope: Scope, value: Node) -> None:
    """Which variables hold what a caller types, and which a row of which table."""
    store = entry_of(value, "store")
    if store is not None and store.text:
        scope.stores.add(store.text)
    for group in (value, entry_of(value, "lookup")):
        into, table = entry_of(group, "into"), entry_of(group, "table")
        if into is not None and table is not None and into.text and table.text:
            scope.finds.setdefault(into.text, []).append(table.text)


def _near_file(path: Path, written: str) -> str:
    """The file that was probably meant, of the folder in which this one is looked for."""
    try:
        inside = [each.name for each in path.parent.iterdir()]
    except (OSError, ValueError):
        return ""
    folder = written[: -len(path.name)] if path.name and written.endswith(path.name) else ""
    close = get_close_matches(written, [f"{folder}{name}" for name in inside[:1000]], 1, 0.8)
    return f"; did you mean '{close[0]}'?" if close else ""


def _attempts(node: Node) -> int | None:
    if node.text is not None and not node.text.lstrip("-").isdecimal():
        node.error(f"{node.in_words()} is no number of plays; write 1 to 10, or unlimited")
        return None
    return node.integer(1, 10)


def _zone(node: Node) -> str | None:
    text = node.sentence()
    if text is None:
        return None
    try:
        ZoneInfo(text)
    except (KeyError, OSError, ValueError):  # unknown, or a name no file can have
        node.error(f"there is no time zone '{text}'; write one as Asia/Almaty", "E22")
        return None
    return text
