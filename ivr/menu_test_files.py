"""Tests of menus as data: finds and reads them, with the place of every mistake.

They stand in `NAME.tests.yaml` beside `NAME.yaml`, in a folder `tests/` beside it, or under
`tests:` in the dialplan. `docs/menu-tests.md` has the format.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from acd.problems import near_miss
from acd.yaml_source import Fields, Node, Problems, read_yaml
from ivr.core.expressions import Value
from ivr.core.menu import Dialplan, Texts
from ivr.facts import ORDINARY_DAY, QUEUE_FIGURES, SOME_NUMBER, Caller, Scene, value_of
from ivr.player import OUTCOMES, Answers
from ivr.trial import WITHHELD, BadOption, broadcast_texts, local_time

SUFFIX = ".tests.yaml"
TRANSFERS: tuple[Literal["taken", "busy", "noanswer"], ...] = ("taken", "busy", "noanswer")
LONGEST_MS = 3_600_000
SILENCES_MAX = 1000

Action = Literal["hear", "press", "silence", "expect", "answer", "wait", "hang_up", "world"]
ACTIONS = (
    *("hear", "press", "silence", "expect", "answer", "wait", "hang_up"),
    *("http", "transfer", "callback", "message"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a test does or expects.

    `text` is what to hear or expect, the keys to press, or who answers (`operator`, `overflow`).
    `number` counts time-outs of silence, or is milliseconds to wait; for keys it is how long
    after the last step they are pressed, -1 when the prompt has been heard. `within_ms` bounds
    the time since the last step. `answers` is what the world says from here on.
    """

    action: Action
    node: Node
    text: str = ""
    number: int = -1
    within_ms: int | None = None
    answers: Answers | None = None


@dataclass(frozen=True, slots=True)
class End:
    """How the call has to end; None is anything. `node` is the place in the file."""

    node: Node
    outcome: str | None = None
    at_node: str | None = None
    topic: str | None = None
    language: str | None = None
    max_ms: int | None = None
    keys: int | None = None


@dataclass(frozen=True, slots=True)
class MenuTest:
    """One test of one dialplan, for each of its languages (None: as the scene says)."""

    name: str
    node: Node
    languages: tuple[str | None, ...]
    scene: Scene
    answers: Answers
    steps: tuple[Step, ...]
    end: End | None


def test_files_of(dialplan_file: Path) -> list[Path]:
    """The test files that belong to a dialplan by their name or their `dialplan:`."""
    folder = dialplan_file.parent
    found = [*sorted(folder.glob(f"*{SUFFIX}")), *sorted((folder / "tests").glob(f"*{SUFFIX}"))]
    return [file for file in found if _is_same(dialplan_of(file), dialplan_file)]


def dialplan_of(test_file: Path) -> Path | None:
    """The dialplan a test file is about; None when it names none and none has its name."""
    root = read_yaml(test_file, Problems())
    named = next(
        (v for k, v in (root.entries if root else None) or () if k.text == "dialplan"), None
    )
    if named is not None and named.text:
        return test_file.parent / named.text
    words = test_file.name.removesuffix(SUFFIX).split(".")
    folder = test_file.parent
    for count in range(len(words), 0, -1):
        name = ".".join(words[:count]) + ".yaml"
        for place in (folder, folder.parent) if folder.name == "tests" else (folder,):
            if (place / name).is_file():
                return place / name
    return None


def read_tests(file: Path, dialplan: Dialplan, problems: Problems, folder: Path) -> list[MenuTest]:
    """Every sound test of a test file, or of the `tests:` of a dialplan file.

    `folder` is that of the dialplan, where broadcasts are prepared.
    """
    root = read_yaml(file, problems)
    if root is None or root.entries is None:
        return []
    if file.name.endswith(SUFFIX):
        fields = root.fields(required=("schema", "tests"), optional=("dialplan",))
        schema = fields.get("schema") if fields is not None else None
        if schema is not None and schema.text != "1":
            schema.error(f"schema {schema.in_words()} is not known; write 'schema: 1'")
        tests = fields.get("tests") if fields is not None else None
    else:
        tests = next((value for key, value in root.entries if key.text == "tests"), None)
    if tests is None:
        return []
    reader = _Reader(dialplan, folder)
    return tests.list_of(reader.read) or []


def _is_same(one: Path | None, other: Path) -> bool:
    return one is not None and one.resolve() == other.resolve()


class _Reader:
    def __init__(self, dialplan: Dialplan, folder: Path) -> None:
        self._plan = dialplan
        self._folder = folder

    def read(self, node: Node) -> MenuTest | None:
        """One test, or None after recording what is wrong with it."""
        errors_before = node.problems.error_count
        fields = node.fields(
            required=("name",),
            optional=(
                *("at", "caller", "for_each", "config", "queue", "schedule", "broadcast"),
                *("http", "transfer", "callback", "message", "steps", "end"),
            ),
        )
        if fields is None:
            return None
        name = fields.read("name", Node.sentence, "")
        answers = Answers()
        for key in ("http", "transfer", "callback", "message"):
            value = fields.get(key)
            answers = answers if value is None else self._answers(key, value, answers)
        steps = self._steps(fields.get("steps"), answers)
        end = fields.get("end")
        test = MenuTest(
            name,
            node,
            self._languages(fields),
            self._scene(fields),
            answers,
            steps,
            self._end(end) if end is not None else None,
        )
        if "steps" not in fields and end is None:
            node.error("this test tests nothing; add 'steps:' or 'end:'")
        return test if node.problems.error_count == errors_before else None

    def _languages(self, fields: Fields) -> tuple[str | None, ...]:
        node = fields.get("for_each")
        if node is None:
            return (None,)
        found = node.list_of(lambda item: item.choice(self._plan.languages))
        return tuple(found or ()) or (None,)

    def _scene(self, fields: Fields) -> Scene:
        known: dict[str, Value] = {}
        for scope in ("config", "schedule", "queue"):
            node = fields.get(scope)
            if node is not None:
                self._known(node, scope, known)
        return Scene(
            at=fields.read("at", _moment, ORDINARY_DAY),
            caller=fields.read("caller", self._caller, Caller(SOME_NUMBER)),
            broadcasts=fields.read("broadcast", self._broadcasts, ()),
            known=known,
        )

    def _known(self, node: Node, scope: str, known: dict[str, Value]) -> None:
        """Facts as dotted names; groups of keys may stand for the dots."""
        if node.entries is None:
            node.error(f"{node.in_words()} stands here; write names and values, as in a: b")
            return
        for key, value in node.entries:
            name = f"{scope}.{key.text}"
            if scope == "schedule" and key.text not in self._plan.schedules:
                remedy = near_miss(key.text or "", self._plan.schedules)
                key.error(f"this menu has no schedule '{key.text}'{remedy}", "E04")
            elif value.entries is not None:
                self._known(value, name, known)
            elif scope.startswith("queue.") and key.text not in QUEUE_FIGURES:
                remedy = near_miss(key.text or "", QUEUE_FIGURES)
                figures = ", ".join(QUEUE_FIGURES)
                key.error(f"'{key.text}' is no figure of a queue{remedy or f'; known: {figures}'}")
            else:
                known[name] = as_value(value)

    def _caller(self, node: Node) -> Caller | None:
        fields = node.fields(optional=("number", "language", "profile", "withheld"))
        if fields is None:
            return None
        number = fields.read("number", Node.string, SOME_NUMBER)
        is_withheld = fields.read("withheld", Node.boolean, False) or number == WITHHELD
        return Caller(
            "" if is_withheld else number,
            fields.read("language", lambda n: n.choice(self._plan.languages)),
            fields.read("profile", lambda n: n.choice(tuple(self._plan.profiles), "E04")),
        )

    def _broadcasts(self, node: Node) -> tuple[Texts, ...] | None:
        """Ids of broadcasts, or texts written here; one or a list of them."""
        found: list[Texts] = []
        for item in node.items if node.items is not None else [node]:
            if item.entries is not None:
                texts = item.texts(self._plan.languages)
                found += [texts] if texts is not None else []
                continue
            name = item.string()
            try:
                found += broadcast_texts(self._folder, [name], self._plan) if name else ()
            except BadOption as error:
                item.error(str(error), "E04")
        return tuple(found)

    def _steps(self, node: Node | None, answers: Answers) -> tuple[Step, ...]:
        if node is None:
            return ()
        if node.items is None:
            node.error(f'{node.in_words()} stands here; write a list, as in [{{press: "1"}}]')
            return ()
        steps: list[Step] = []
        for item in node.items:
            step = self._step(item, answers)
            if step is not None:
                steps.append(step)
                answers = step.answers or answers
        return tuple(steps)

    def _step(self, node: Node, answers: Answers) -> Step | None:
        errors_before = node.problems.error_count
        fields = node.fields(optional=(*ACTIONS, "within", "after"))
        if fields is None or node.problems.error_count > errors_before:
            return None
        written = [action for action in ACTIONS if action in fields]
        if len(written) != 1:
            node.error(f"a step does one thing; write one of {', '.join(ACTIONS)}")
            return None
        name = written[0]
        value = fields.get(name) or node
        within_ms = fields.read("within", lambda n: n.duration_ms(0, LONGEST_MS))
        for key, allowed in (("within", ("hear", "expect")), ("after", ("press",))):
            if key in fields and name not in allowed:
                fields.key(key).error(f"'{key}' goes with {' and '.join(allowed)}; remove it")
        if name in ("hear", "expect"):
            text = value.sentence()
            if text is None or (name == "expect" and not self._is_known(value, text)):
                return None
            action: Action = "hear" if name == "hear" else "expect"
            return Step(action, node, text, within_ms=within_ms)
        if name == "press":
            after_ms = fields.read("after", lambda n: n.duration_ms(0, LONGEST_MS), -1)
            keys = _keys(value)
            return None if keys is None else Step("press", node, keys, after_ms)
        if name in ("http", "transfer", "callback", "message"):
            return Step("world", node, answers=self._answers(name, value, answers))
        return _plain_step(name, node, value)

    def _is_known(self, node: Node, text: str) -> bool:
        if text in self._plan.nodes or text in OUTCOMES:
            return True
        remedy = near_miss(text, self._plan.nodes) or "; write a node or an outcome"
        node.error(f"there is no node '{text}'{remedy}", "E04")
        return False

    def _answers(self, name: str, node: Node, answers: Answers) -> Answers:
        match name:
            case "http":
                is_error = node.text == "error" and node.entries is None
                return replace(answers, http=None if is_error else as_value(node))
            case "transfer":
                for end in TRANSFERS:
                    if node.text == end:
                        return replace(answers, transfer=end)
                node.choice(TRANSFERS)
            case "callback":
                word = node.choice(("booked", "refused"))
                return replace(answers, takes_callbacks=word == "booked")
            case _:
                ms = node.duration_ms(0, LONGEST_MS)
                return answers if ms is None else replace(answers, message_ms=ms)
        return answers

    def _end(self, node: Node) -> End | None:
        fields = node.fields(
            optional=("outcome", "node", "skill", "topic", "language", "max_time", "keys")
        )
        if fields is None:
            return None
        return End(
            node,
            outcome=fields.read("outcome", lambda n: n.choice(OUTCOMES)),
            at_node=fields.read("node", lambda n: n.choice(tuple(self._plan.nodes), "E04")),
            topic=fields.read("topic", Node.string) or fields.read("skill", Node.string),
            language=fields.read("language", lambda n: n.choice(self._plan.languages)),
            max_ms=fields.read("max_time", lambda n: n.duration_ms(0, LONGEST_MS)),
            keys=fields.read("keys", lambda n: n.integer(0, 1000)),
        )


def _plain_step(name: str, node: Node, value: Node) -> Step | None:
    match name:
        case "silence":
            count = value.integer(1, SILENCES_MAX)
            return None if count is None else Step("silence", node, number=count)
        case "wait":
            ms = value.duration_ms(0, LONGEST_MS)
            return None if ms is None else Step("wait", node, number=ms)
        case "answer":
            who = value.choice(("operator", "overflow"))
            return None if who is None else Step("answer", node, who)
        case _:
            return Step("hang_up", node) if value.boolean() else None


def as_value(node: Node) -> Value:
    """Plain data from YAML: quoted texts stay texts, others are read like command line values."""
    if node.items is not None:
        return [as_value(item) for item in node.items]
    if node.entries is not None:
        return {key.text or "": as_value(value) for key, value in node.entries}
    return (node.text or "") if node.quoted else value_of(node.text or "")


def names_in(files: Iterable[Path]) -> set[str]:
    """The names that tests of these files have already."""
    found: set[str] = set()
    for file in files:
        root = read_yaml(file, Problems())
        for key, value in (root.entries if root is not None else None) or ():
            for item in (value.items if key.text == "tests" else None) or ():
                entries: Mapping[str, Node] = {k.text or "": v for k, v in item.entries or ()}
                found |= {entries["name"].text or ""} if "name" in entries else set()
    return found


def _moment(node: Node) -> datetime | None:
    text = node.plain_text('a local time, as in "2026-03-10 23:10"')
    moment = local_time(text) if text is not None else None
    if text is not None and moment is None:
        node.error(f"'{text}' is not a local time; write it as in \"2026-03-10 23:10\"")
    return moment


def _keys(node: Node) -> str | None:
    text = node.string()
    if text is not None and (not text or any(key not in "0123456789*#" for key in text)):
        node.error(f"'{text}' are no keys; write 0-9, * and #")
        return None
    return text
