"""Dialplan files: read, checked by every rule, and handed over only when nothing forbids it."""

from collections.abc import Collection, Iterable
from pathlib import Path

from acd.yaml_source import Problems, parse_yaml, read_yaml
from ivr.core.menu import Dialplan
from ivr.lint import HasClip, lint
from ivr.reader import read_draft
from ivr.waivers import apply_waivers


def load_dialplan(
    path: str | Path,
    problems: Problems,
    topics: Collection[str] | None = None,
    has_clip: HasClip | None = None,
) -> Dialplan | None:
    """One checked dialplan, or None after recording what is wrong with it.

    `topics` are the topics and queues that exist; None leaves them unchecked. `has_clip` tells
    what is wrong with the audio of a sentence; None leaves audio unchecked.
    """
    return _load(str(path), None, problems, topics, has_clip)


def parse_dialplan(
    text: str, file: str, problems: Problems, topics: Collection[str] | None = None
) -> Dialplan | None:
    """The same from a text that messages call `file`."""
    return _load(file, text, problems, topics, None)


def load_dialplans(
    paths: Iterable[str | Path],
    problems: Problems,
    topics: Collection[str] | None = None,
    has_clip: HasClip | None = None,
) -> dict[str, Dialplan]:
    """Every good dialplan by id; two of the same id are an error.

    A folder stands for its `*.yaml` files, not for those of folders in it.
    """
    found: dict[str, Dialplan] = {}
    files: dict[str, str] = {}
    for file in dialplan_files(paths, problems):
        dialplan = load_dialplan(file, problems, topics, has_clip)
        if dialplan is None:
            continue
        if dialplan.id in found:
            message = f"the id '{dialplan.id}' is already used in {files[dialplan.id]}; change one"
            problems.error(file, 1, 1, "E03", message)
            continue
        found[dialplan.id] = dialplan
        files[dialplan.id] = file
    return found


def dialplan_files(paths: Iterable[str | Path], problems: Problems) -> list[str]:
    """The files meant by these paths, each once, in order."""
    files: dict[str, None] = {}
    for path in paths:
        folder = Path(path)
        if not folder.is_dir():
            files[str(path)] = None
            continue
        inside = sorted(str(file) for file in folder.glob("*.yaml") if file.is_file())
        if not inside:
            message = "no *.yaml file is in this folder; name the folder of the dialplans"
            problems.error(str(path), 0, 0, "E01", message)
        files.update(dict.fromkeys(inside))
    return list(files)


def _load(
    file: str,
    text: str | None,
    problems: Problems,
    topics: Collection[str] | None,
    has_clip: HasClip | None,
) -> Dialplan | None:
    found = Problems()
    root = read_yaml(file, found) if text is None else parse_yaml(text, file, found)
    draft = read_draft(root, found, topics) if root is not None else None
    if draft is not None:
        holes = frozenset(found.sorted())
        lint(draft, found, has_clip)
        node_lines = [p.line for at, p in draft.places.items() if len(at) == 2 and at[0] == "nodes"]
        apply_waivers(file, found, node_lines, holes)
    problems.merge(found)
    return None if draft is None or found.has_errors else draft.dialplan
