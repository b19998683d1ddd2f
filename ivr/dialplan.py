"""Dialplan files: read, checked by every rule, and handed over only when nothing forbids it."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from acd.yaml_source import Problems, collector_paused, parse_yaml, read_yaml
from ivr.core.menu import Dialplan
from ivr.lint import HasClip, World, lint
from ivr.lint_extents import extents_of, name_nodes
from ivr.reader import read_draft
from ivr.waivers import apply_waivers

MIB_MAX = 16  # of one file; 10,000 nodes in three languages are about five
FINDINGS_MAX = 50_000  # of one file, before its waivers are applied
TESTS_SUFFIX = ".tests.yaml"


def load_dialplan(
    path: str | Path,
    problems: Problems,
    topics: Collection[str] | None = None,
    has_clip: HasClip | None = None,
    config: Path | None = None,
    world: World | None = None,
) -> Dialplan | None:
    """One checked dialplan, or None after recording what is wrong with it.

    `topics` are the topics and queues that exist; None leaves them unchecked. `has_clip` tells
    what is wrong with the audio of a sentence; None leaves audio unchecked. `config` is the folder
    of settings, where a file of holidays is looked for. `world` is what else the rules may ask.
    """
    asked = replace(world or World(), has_clip=has_clip)
    return _load(str(path), None, problems, topics, asked, config)


def parse_dialplan(
    text: str, file: str, problems: Problems, topics: Collection[str] | None = None
) -> Dialplan | None:
    """The same from a text that messages call `file`."""
    return _load(file, text, problems, topics, World())


def load_dialplans(
    paths: Iterable[str | Path],
    problems: Problems,
    topics: Collection[str] | None = None,
    has_clip: HasClip | None = None,
    config: Path | None = None,
    world: World | None = None,
) -> dict[str, Dialplan]:
    """Every good dialplan by id; two of the same id are an error.

    A folder stands for its `*.yaml` files, not for those of folders in it, nor for the tests
    (`*.tests.yaml`) beside them, nor for hidden files, which editors leave behind.
    """
    found: dict[str, Dialplan] = {}
    files: dict[str, str] = {}
    for file in dialplan_files(paths, problems):
        dialplan = load_dialplan(file, problems, topics, has_clip, config, world)
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
        inside = list(_dialplans_in(folder, problems))
        if not inside:
            message = "no *.yaml file is in this folder; name the folder of the dialplans"
            problems.error(str(path), 0, 0, "E01", message)
        files.update(dict.fromkeys(inside))
    return list(files)


def _dialplans_in(folder: Path, problems: Problems) -> Iterator[str]:
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        message = f"the folder cannot be read ({error.strerror}); check its rights"
        problems.error(str(folder), 0, 0, "E01", message)
        return
    for file in inside:
        if file.name.startswith(".") or file.name.endswith(TESTS_SUFFIX):
            continue
        if file.suffix == ".yaml" and not file.is_file():
            what = "is a folder; give it another name" if file.is_dir() else "leads to no file"
            problems.error(str(file), 0, 0, "E01", f"what has the name of a dialplan {what}")
        elif file.suffix == ".yaml":
            yield str(file)
        elif file.suffix.casefold() in (".yml", ".yaml"):
            message = f"this file is not read; call it {file.stem}.yaml if it is a dialplan"
            problems.warning(str(file), 0, 0, "W00", message)


def _load(
    file: str,
    text: str | None,
    problems: Problems,
    topics: Collection[str] | None,
    world: World,
    config: Path | None = None,
) -> Dialplan | None:
    found = Problems(FINDINGS_MAX)
    root = read_yaml(file, found, MIB_MAX) if text is None else parse_yaml(text, file, found)
    draft = read_draft(root, found, topics, config) if root is not None else None
    if root is not None and draft is not None:
        holes = frozenset(found.sorted())
        with collector_paused():
            lint(draft, found, world)
        for each in draft.files:
            extents = extents_of(draft, root, each)
            apply_waivers(each, found, extents, holes, is_complete=draft.is_sound)
            name_nodes(extents, each, found)
    problems.merge(found)
    return None if draft is None or found.has_errors else draft.dialplan
