"""From the YAML of one dialplan to its `Dialplan`, with the place of all that was written."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from acd.yaml_source import Fields, Node, Problems
from ivr.core import menu, speech
from ivr.node_reader import NodeReader
from ivr.phrases import DEFAULT_OPERATOR_LABEL, read_phrases
from ivr.scope import LATER_KEYS, TIMING_KEYS, Place, Scope, duration, known_fields

DEFAULT_LIMITS = menu.Limits(max_steps=60, max_revisits=3, max_ivr_ms=180_000)
NODES_MAX = 1000


@dataclass(frozen=True, slots=True)
class Draft:
    """A dialplan as read, and where each part stands.

    While `is_sound` is false, texts may be empty and targets may name nothing. A place is a path
    such as ("nodes", "main", "options", 0, "goto").
    """

    file: str
    dialplan: menu.Dialplan
    places: Mapping[Place, Node]
    may_prefix: frozenset[str]
    is_sound: bool

    def place(self, *path: str | int) -> Node:
        """The nearest thing that was written at or above a path."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places[path]


def read_draft(root: Node, problems: Problems, topics: Collection[str] | None) -> Draft | None:
    """What a file says, complete or not; None when it is not a dialplan at all."""
    errors_before = problems.error_count
    fields = known_fields(
        root,
        required=("schema", "id", "languages", "entry", "nodes"),
        optional=(
            *("name", "default_language", "timezone", "defaults", "limits"),
            *("globals", "phrases"),
        ),
        later=LATER_KEYS,
    )
    if fields is None:
        return None
    return _DraftReader(root, fields, problems, topics).read(errors_before)


class _DraftReader:
    """Reads one file; every method records what is wrong and goes on with a stand-in."""

    def __init__(
        self, root: Node, fields: Fields, problems: Problems, topics: Collection[str] | None
    ) -> None:
        self._fields = fields
        self._problems = problems
        self._file = root.file
        self._languages = self._read_languages()
        default = fields.read(
            "default_language", lambda n: n.choice(self._languages), self._languages[0]
        )
        self._scope = Scope(self._languages, default, topics, {(): root})

    def read(self, errors_before: int) -> Draft | None:
        """The draft; the order is that of the file's dependencies, not of its lines."""
        fields = self._fields
        schema = fields.get("schema")
        if schema is not None and schema.text != "1":
            schema.error(f"schema {schema.in_words()} is not known; write 'schema: 1'")
        nodes = fields.get("nodes")
        if nodes is None:
            return None
        if not nodes.entries:
            nodes.error("there is no node; write at least a queue and the entry")
            return None
        if len(nodes.entries) > NODES_MAX:
            nodes.error(f"{len(nodes.entries)} nodes are too many; write at most {NODES_MAX}")
            return None
        self._scope.names = [key.text or "" for key, _ in nodes.entries]
        self._read_defaults()
        dialplan = menu.Dialplan(
            id=fields.read("id", Node.name, "unnamed"),
            name=fields.read("name", Node.sentence, ""),
            version=self._version(),
            languages=self._languages,
            default_language=self._scope.default_language,
            entry=self._scope.target(fields, "entry", ()) or self._scope.names[0],
            nodes=self._read_nodes(nodes.entries),
            phrases=self._read_phrases(),
            globals=self._read_globals(),
            limits=self._read_limits(),
        )
        fields.read("timezone", Node.sentence)
        is_sound = self._problems.error_count == errors_before
        scope = self._scope
        return Draft(self._file, dialplan, scope.places, frozenset(scope.may_prefix), is_sound)

    def _version(self) -> str:
        text = "\n".join(self._problems.source_lines(self._file))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

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
        if node is not None:
            self._scope.places["phrases",] = node
            for key, value in node.entries or ():
                self._scope.places["phrases", key.text or ""] = value
        return read_phrases(node, self._languages)

    def _read_defaults(self) -> None:
        node = self._fields.get("defaults")
        if node is None:
            return
        self._scope.places["defaults",] = self._fields.key("defaults")
        fields = node.fields(optional=(*TIMING_KEYS, "type_ahead", "slow_after_noinput", "on_fail"))
        if fields is None:
            return
        self._scope.timing = self._scope.read_timing(fields, ("defaults",))
        self._scope.on_fail = self._scope.target(fields, "on_fail", ("defaults",)) or "operator"
        for name in ("type_ahead", "slow_after_noinput"):
            if fields.read(name, Node.boolean, True) is False:
                value = fields.get(name) or fields.node
                value.error(f"this version always behaves as '{name}: true'; remove the line")

    def _read_limits(self) -> menu.Limits:
        node, base = self._fields.get("limits"), DEFAULT_LIMITS
        names = ("max_steps", "max_revisits", "max_ivr_time", "max_depth")
        fields = node.fields(optional=names) if node else None
        if fields is None:
            return base
        fields.read("max_depth", lambda n: n.integer(1, 16))
        return menu.Limits(
            max_steps=fields.read("max_steps", lambda n: n.integer(5, 100), base.max_steps),
            max_revisits=fields.read("max_revisits", lambda n: n.integer(1, 20), base.max_revisits),
            max_ivr_ms=fields.read("max_ivr_time", duration(30_000, 1_800_000), base.max_ivr_ms),
        )

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
        fields = node.fields(required=("0",), optional=("*", "#"))
        if fields is None:
            return menu.Globals("operator", label)
        fields.read("*", lambda n: n.choice(("back",)))
        fields.read("#", lambda n: n.choice(("repeat",)))
        zero = fields.get("0")
        inner = zero.fields(required=("goto",), optional=("label",)) if zero else None
        if inner is None:
            return menu.Globals("operator", label)
        self._scope.remember(inner, "label", ("globals",))
        target = self._scope.target(inner, "goto", ("globals",)) or "operator"
        return menu.Globals(target, inner.read("label", self._scope.texts, label))

    def _read_nodes(self, entries: list[tuple[Node, Node]]) -> dict[str, menu.Node]:
        reader = NodeReader(self._scope)
        nodes: dict[str, menu.Node] = {}
        for key, value in entries:
            name = key.name()
            if name is None:
                continue
            self._scope.places["nodes", name] = key
            node = reader.read(name, key, value)
            if node is not None:
                nodes[name] = node
        return nodes
