"""Writes a call that was played as a test, so that it is played the same way for ever."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from acd.yaml_source import Problems, read_yaml
from ivr.core.expressions import Value
from ivr.facts import ORDINARY_DAY, SOME_NUMBER, Scene
from ivr.menu_test_files import SUFFIX, dialplan_of, names_in
from ivr.player import Answers, Deed, Outcome, Player
from ivr.trial import Trial


class BadTestFile(Exception):
    """A file that no test can be added to; the message says why and what to do."""


def add_test(file: Path, dialplan_file: Path, player: Player, trial: Trial) -> None:
    """Append what a player went through to a test file, which is begun when it is not there.

    Raises `BadTestFile`.
    """
    assert player.outcome is not None
    taken = names_in([file]) if file.exists() else set()
    name = free_name(f"a call that ends as {player.outcome.type}", taken)
    add_texts(file, dialplan_file, [test_text(name, player, trial)])


def free_name(wanted: str, taken: set[str]) -> str:
    """A name that no test has yet."""
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted} ({number})", number + 1
    return name


def add_texts(file: Path, dialplan_file: Path, tests: Sequence[str]) -> None:
    """Append tests as `test_text` gives them. Raises `BadTestFile`."""
    if not file.name.endswith(SUFFIX):
        raise BadTestFile(f"{file}: the name of a test file ends in {SUFFIX}; choose another one")
    try:
        if file.exists():
            indent = _indent_of(file)
            before = file.read_text(encoding="utf-8")
            before += "" if before.endswith("\n") else "\n"
        else:
            indent = 2
            before = _head(file, dialplan_file)
        text = before + "".join(_indented(test, indent) for test in tests)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadTestFile(
            f"{file} cannot be written ({error.strerror}); check its place"
        ) from error


def test_text(name: str, player: Player, trial: Trial) -> str:
    """One test as YAML, beginning with `- name:`, its lines not indented."""
    assert player.outcome is not None
    lines = [f"- name: {_yaml(name)}"]
    lines += [f"  {line}" for line in _world(trial.scene, trial.answers)]
    steps = steps_of(player)
    if steps:
        lines += ["  steps:", *(f"    - {step}" for step in steps)]
    lines.append(f"  end: {_end(player.outcome, player.key_count)}")
    return "\n".join(lines) + "\n"


def steps_of(player: Player) -> list[str]:
    """What has to be done to make the call go the same way, as flow mappings."""
    deeds = list(player.deeds)
    if _is_silent_end(player):
        while deeds and deeds[-1].kind == "silence":
            deeds.pop()  # silence goes on by itself when the steps are done
    steps: list[str] = []
    last_ms = 0
    for index, deed in enumerate(deeds):
        before = deeds[index - 1] if index else None
        match deed.kind:
            case "press" if before is not None and _is_same_number(before, deed):
                steps[-1] = steps[-1].replace('"}', f'{deed.key}"}}')
            case "press" if deed.was_listening:
                steps.append(f'{{press: "{deed.key}"}}')
            case "press":
                steps.append(f'{{press: "{deed.key}", after: {deed.at_ms - last_ms}ms}}')
            case "silence" if before is not None and before.kind == "silence":
                count = int(steps[-1].rpartition(" ")[2].rstrip("}")) + 1
                steps[-1] = f"{{silence: {count}}}"
            case "silence":
                steps.append("{silence: 1}")
            case "hang_up":
                steps += [f"{{wait: {deed.at_ms - last_ms}ms}}", "{hang_up: true}"]
            case _:
                steps.append(f"{{answer: {deed.kind}}}")
        last_ms = deed.at_ms
    return steps


def _is_silent_end(player: Player) -> bool:
    return not player.deeds or player.deeds[-1].kind == "silence"


def _is_same_number(before: Deed, deed: Deed) -> bool:
    """Whether two keys belong to one entry: both in silence, with nothing said between."""
    return (
        before.kind == "press"
        and before.was_listening
        and deed.was_listening
        and before.note_count == deed.note_count
    )


def _world(scene: Scene, answers: Answers) -> list[str]:
    lines = []
    if scene.at != ORDINARY_DAY:
        lines.append(f'at: "{scene.at:%Y-%m-%d %H:%M}"')
    caller = _caller(scene)
    if caller:
        lines.append(f"caller: {_yaml(caller)}")
    lines += [f"{scope}: {_yaml(values)}" for scope, values in _known(scene).items()]
    if scene.broadcasts:
        lines.append(f"broadcast: {_yaml([dict(texts) for texts in scene.broadcasts])}")
    standard = Answers()
    if answers.http != standard.http:
        lines.append(f"http: {_yaml(answers.http)}")
    if answers.transfer != standard.transfer:
        lines.append(f"transfer: {answers.transfer}")
    if not answers.takes_callbacks:
        lines.append("callback: refused")
    if answers.message_ms != standard.message_ms:
        lines.append(f"message: {answers.message_ms}ms")
    return lines


def _caller(scene: Scene) -> dict[str, Value]:
    caller: dict[str, Value] = {}
    if not scene.caller.number:
        caller["withheld"] = True
    elif scene.caller.number != SOME_NUMBER:
        caller["number"] = scene.caller.number
    if scene.caller.language is not None:
        caller["language"] = scene.caller.language
    if scene.caller.profile is not None:
        caller["profile"] = scene.caller.profile
    return caller


def _known(scene: Scene) -> dict[str, dict[str, Value]]:
    """The facts by the word a test groups them under."""
    groups: dict[str, dict[str, Value]] = {}
    for name, value in scene.known.items():
        scope, _, rest = name.partition(".")
        if scope == "queue":
            queue, _, figure = rest.rpartition(".")
            inner = groups.setdefault("queue", {}).setdefault(queue, {})
            assert isinstance(inner, dict)
            inner[figure] = value
        else:
            groups.setdefault(scope, {})[rest] = value
    return groups


def _end(outcome: Outcome, key_count: int) -> str:
    values: dict[str, Value] = {"outcome": outcome.type, "node": outcome.node}
    if outcome.type == "queue":
        values["topic"] = outcome.topic
    values |= {"language": outcome.language, "keys": key_count}
    return _yaml(values)


def _head(file: Path, dialplan_file: Path) -> str:
    """The first lines of a new test file; it names its dialplan where its own name does not."""
    found = dialplan_of_name(file)
    if found is not None and found.resolve() == dialplan_file.resolve():
        return "schema: 1\ntests:\n"
    there = os.path.relpath(dialplan_file.resolve(), file.parent.resolve())
    return f"schema: 1\ndialplan: {_yaml(there)}\ntests:\n"


def dialplan_of_name(file: Path) -> Path | None:
    """The dialplan that a file not yet written would be about, by its name."""
    return dialplan_of(file) if file.parent.is_dir() else None


def _indent_of(file: Path) -> int:
    """How far the dashes of the tests of a file stand in."""
    problems = Problems()
    root = read_yaml(file, problems)
    entries = (root.entries if root is not None else None) or []
    if problems.has_errors or not entries or entries[-1][0].text != "tests":
        raise BadTestFile(f"{file} does not end with its 'tests:'; name a new file")
    items = entries[-1][1].items
    if not items:
        return 2
    if items[-1].column < 3 or items[-1].line == entries[-1][0].line:
        raise BadTestFile(f"{file}: its tests do not stand one below the other; name a new file")
    return items[-1].column - 3


def _indented(text: str, indent: int) -> str:
    return "".join(f"{' ' * indent}{line}\n" for line in text.splitlines())


def _yaml(value: Value) -> str:
    """YAML in one line: keys bare where they are plain words, texts in quotation marks."""
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(str(key))}: {_yaml(each)}" for key, each in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(_yaml(each) for each in value)}]"
    if isinstance(value, str) and value.isascii() and value.replace("_", "").isalpha():
        is_word = value.casefold() not in (
            "true",
            "false",
            "none",
            "null",
            "yes",
            "no",
            "on",
            "off",
        )
        return value if is_word else json.dumps(value)
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if name.replace("_", "").replace(".", "").isalnum() else json.dumps(name)
