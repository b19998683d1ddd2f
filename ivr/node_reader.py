"""From the YAML of one node of a dialplan to the node."""

from collections.abc import Callable
from typing import TypeVar

from acd.yaml_source import Fields, Node, near_miss
from ivr.core import menu
from ivr.scope import LATER_KEYS, TIMING_KEYS, Place, Scope, known_fields

T = TypeVar("T")

LATER_TYPES = frozenset(
    (
        *("branch", "call", "callback", "collect", "confirm", "http", "lookup"),
        *("return", "schedule", "set", "survey", "transfer", "voicemail"),
    )
)
LATER_QUEUE_KEYS = ("announce", "keep_place", "offer_callback_after", "on_overflow")
OPTIONS_MAX = 40


class NodeReader:
    """Reads nodes; every method records what is wrong and goes on with a stand-in."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def read(self, name: str, key: Node, value: Node) -> menu.Node | None:
        """One node, or None after recording why it is none."""
        kinds: dict[str, Callable[[str, Node], menu.Node | None]] = {
            "language": self._read_language_menu,
            "menu": self._read_menu,
            "say": self._read_say,
            "queue": self._read_queue,
            "hangup": self._read_hang_up,
        }
        if value.entries is None:
            value.error(f"{value.in_words()} stands here; write {{type: menu, ...}}")
            return None
        kind = next((entry for word, entry in value.entries if word.text == "type"), None)
        if kind is None:
            key.error(f"'{name}' has no type; add 'type: ' with one of {', '.join(kinds)}")
            return None
        if kind.text in LATER_TYPES:
            kind.error(
                f"'{kind.text}' nodes are not played by this version; it plays {', '.join(kinds)}"
            )
            return None
        word = kind.choice(tuple(kinds))
        return kinds[word](name, value) if word else None

    def _read_say(self, name: str, value: Node) -> menu.Node | None:
        fields = known_fields(value, required=("type", "prompt"), optional=("next", "bargein"))
        if fields is None:
            return None
        at = ("nodes", name)
        self._scope.remember(fields, "prompt", at)
        return menu.Say(
            name=name,
            prompt=fields.read("prompt", self._scope.texts, {}),
            bargein=fields.read("bargein", Node.boolean, self._scope.timing.bargein),
            next=self._next(fields, at),
        )

    def _read_menu(self, name: str, value: Node) -> menu.Node | None:
        fields = known_fields(
            value,
            required=("type", "options"),
            optional=(
                *("intro", "announce_count", "globals", "back_to", "on_fail", "allow_prefix"),
                *TIMING_KEYS,
            ),
            later=LATER_KEYS,
        )
        if fields is None:
            return None
        at = ("nodes", name)
        self._scope.remember(fields, "intro", at)
        if fields.read("allow_prefix", Node.boolean) is True:
            self._scope.may_prefix.add(name)
        return menu.Menu(
            name=name,
            intro=fields.read("intro", self._scope.texts),
            options=self._read_options(fields, at, self._read_option),
            announce_count=fields.read("announce_count", Node.boolean) is True,
            timing=self._scope.read_timing(fields, at),
            globals_on=self._are_globals_on(fields, at),
            back_to=self._scope.target(fields, "back_to", at),
            on_fail=self._on_fail_of(fields, at),
        )

    def _read_language_menu(self, name: str, value: Node) -> menu.Node | None:
        fields = known_fields(
            value,
            required=("type", "options"),
            optional=("intro", "next", "globals", "on_fail", *TIMING_KEYS),
            later=LATER_KEYS,
        )
        if fields is None:
            return None
        at = ("nodes", name)
        self._scope.remember(fields, "intro", at)
        fail_language, on_fail = self._language_on_fail(fields, at)
        return menu.LanguageMenu(
            name=name,
            intro=fields.read("intro", self._some_texts),
            options=self._read_options(fields, at, self._read_language_option),
            timing=self._scope.read_timing(fields, at),
            globals_on=self._are_globals_on(fields, at),
            next=self._next(fields, at),
            fail_language=fail_language or self._scope.default_language,
            on_fail=on_fail,
        )

    def _read_queue(self, name: str, value: Node) -> menu.Node | None:
        fields = known_fields(
            value,
            required=("type",),
            optional=("topic", "skill", "also", "priority", "next"),
            later=LATER_QUEUE_KEYS,
        )
        if fields is None:
            return None
        at = ("nodes", name)
        fields.read("also", lambda n: n.choice(("language",)))
        written = [word for word in ("topic", "skill") if word in fields]
        if len(written) != 1:
            remedy = "remove one" if written else "add 'topic: ...'"
            what = "has both 'topic' and 'skill'" if written else "has no topic"
            self._scope.places["nodes", name].error(f"'{name}' {what}; {remedy}")
        topic = fields.read(written[0], self._topic) if written else None
        return menu.Queue(
            name=name,
            topic=topic or "",
            priority_s=fields.read("priority", lambda n: n.integer(0, 3600), 0),
            next=self._scope.target(fields, "next", at),
        )

    def _read_hang_up(self, name: str, value: Node) -> menu.Node | None:
        fields = known_fields(value, required=("type",), optional=("prompt",))
        if fields is None:
            return None
        self._scope.remember(fields, "prompt", ("nodes", name))
        return menu.HangUp(name=name, prompt=fields.read("prompt", self._scope.texts))

    def _read_options(
        self, fields: Fields, at: Place, read: Callable[[Node, Place], T | None]
    ) -> tuple[T, ...]:
        node = fields.get("options")
        if node is None:
            return ()
        if not node.items or len(node.items) > OPTIONS_MAX:
            node.error(
                f"{node.in_words()} of options stands here; write 1 to {OPTIONS_MAX} options"
            )
            return ()
        self._scope.places[*at, "options"] = fields.key("options")
        options = []
        for index, item in enumerate(node.items):
            place: Place = (*at, "options", index)
            self._scope.places[place] = item
            options.append(read(item, place))
        return tuple(option for option in options if option is not None)

    def _read_option(self, item: Node, at: Place) -> menu.Option | None:
        fields = known_fields(item, required=("key", "label", "goto"))
        if fields is None:
            return None
        self._scope.remember(fields, "key", at)
        self._scope.remember(fields, "label", at)
        return menu.Option(
            key=fields.read("key", _key, ""),
            label=fields.read("label", self._scope.texts, dict.fromkeys(self._scope.languages, "")),
            goto=self._scope.target(fields, "goto", at) or "",
        )

    def _read_language_option(self, item: Node, at: Place) -> menu.LanguageOption | None:
        fields = known_fields(item, required=("key", "language", "label"))
        if fields is None:
            return None
        self._scope.remember(fields, "key", at)
        self._scope.remember(fields, "label", at)
        return menu.LanguageOption(
            key=fields.read("key", _key, ""),
            language=fields.read(
                "language", lambda n: n.choice(self._scope.languages), self._scope.languages[0]
            ),
            label=fields.read("label", Node.sentence, ""),
        )

    def _language_on_fail(self, fields: Fields, at: Place) -> tuple[str | None, str]:
        """`on_fail: NODE`, or `{set: {language: kk}, goto: NODE}`."""
        node = fields.get("on_fail")
        if node is None or node.entries is None:
            return None, self._on_fail_of(fields, at)
        inner = node.fields(required=("goto",), optional=("set",))
        if inner is None:
            return None, self._scope.on_fail
        assigned = inner.get("set")
        chosen = assigned.fields(required=("language",)) if assigned else None
        language = (
            chosen.read("language", lambda n: n.choice(self._scope.languages)) if chosen else None
        )
        self._scope.remember(fields, "on_fail", at)
        return language, self._scope.target(inner, "goto", (*at, "on_fail")) or self._scope.on_fail

    def _on_fail_of(self, fields: Fields, at: Place) -> str:
        written = self._scope.target(fields, "on_fail", at)
        if written is not None:
            return written
        if "on_fail" not in fields and self._scope.on_fail not in self._scope.names:
            fields.node.error(
                "nothing says where silence leads; add 'on_fail: ' with a queue node", "E10"
            )
        return self._scope.on_fail

    def _are_globals_on(self, fields: Fields, at: Place) -> bool:
        self._scope.remember(fields, "globals", at)
        return fields.read("globals", lambda n: n.choice(("on", "off")), "on") == "on"

    def _next(self, fields: Fields, at: Place) -> str:
        if "next" not in fields:
            self._scope.places[at].error("the node leads nowhere; add 'next: ' with a node", "E06")
            return ""
        return self._scope.target(fields, "next", at) or ""

    def _topic(self, node: Node) -> str | None:
        topic = node.name()
        if topic is not None and self._scope.topics is not None and topic not in self._scope.topics:
            remedy = (
                near_miss(topic, self._scope.topics)
                or f"; known: {', '.join(sorted(self._scope.topics))}"
            )
            node.error(f"there is no topic or queue '{topic}'{remedy}", "E04")
            return None
        return topic

    def _some_texts(self, node: Node) -> dict[str, str] | None:
        """Texts of a language menu: those languages that are written."""
        if node.entries is None:
            return node.texts(self._scope.languages)
        return node.mapping_of(lambda key: key.choice(self._scope.languages), Node.sentence)


def _key(node: Node) -> str | None:
    text = node.text
    if text is None or node.is_empty():
        node.error(f'{node.in_words()} stands here; write a key in quotes, as in "1"', "E02")
        return None
    if not node.quoted:
        node.error(f'the key {text} must be quoted; write "{text}"', "E02")
        return None
    if not 1 <= len(text) <= 4 or not set(text) <= set("0123456789*#"):
        node.error(f"'{text}' is not a key of a telephone; write 1 to 4 of 0-9, * and #")
        return None
    return text
