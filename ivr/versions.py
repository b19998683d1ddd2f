"""`ivr versions` and `ivr rollback`: the last dialplans that were in use, and the way back to one.

A version is all files of the dialplans' folder but its audio, named by a hash of their contents.
The service keeps each version that it takes into use; the last 20 stay.
"""

import argparse
import hashlib
import json
import logging
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

KEPT_MAX = 20
SOUNDS = ("prompts", "recordings", "music")
SUFFIXES = (".yaml", ".yml", ".csv", ".md")
FILE_BYTES_MAX = 16 * 1_048_576
ID_LETTERS = 12
ABOUT = "version.json"
IN_USE = "in-use"

Files = Mapping[str, bytes]
"""Contents by path below the folder of the dialplans."""


class VersionError(Exception):
    """It cannot be done; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Version:
    """One that is kept. `menus` are the dialplans' own versions by id, `used_at_ms` the last time
    it was taken into use.
    """

    id: str
    used_at_ms: int
    menus: Mapping[str, str]
    folder: Path


def versions_folder(folder: Path) -> Path:
    """Where the versions are, in the folder of what the running system keeps."""
    return folder / "versions"


def read_files(dialplans: Path) -> Files:
    """What a version consists of. Raises OSError."""
    found: dict[str, bytes] = {}
    for path in sorted(dialplans.rglob("*")):
        parts = path.relative_to(dialplans).parts
        if parts[0] in SOUNDS or any(part.startswith(".") for part in parts):
            continue
        if path.suffix in SUFFIXES and path.is_file() and path.stat().st_size <= FILE_BYTES_MAX:
            found["/".join(parts)] = path.read_bytes()
    return found


def id_of(files: Files) -> str:
    """The name of a version: the same for the same contents."""
    whole = hashlib.sha256()
    for name, data in sorted(files.items()):
        whole.update(f"{name}\0{len(data)}\0".encode())
        whole.update(data)
    return whole.hexdigest()[:ID_LETTERS]


def keep(folder: Path, files: Files, menus: Mapping[str, str], at_ms: int) -> str:
    """Keep these files as the version that is in use from now on. Raises OSError."""
    id_ = id_of(files)
    home = folder / id_
    if not home.exists():
        unfinished = folder / f".{id_}.{os.getpid()}"
        shutil.rmtree(unfinished, ignore_errors=True)
        for name, data in files.items():
            path = unfinished / "files" / name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_bytes(data)
        (unfinished / "files").mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(unfinished / ABOUT, json.dumps({"used_at_ms": at_ms, "menus": dict(menus)}))
        unfinished.rename(home)
    else:
        _write(home / ABOUT, json.dumps({"used_at_ms": at_ms, "menus": dict(menus)}))
    _write(folder / IN_USE, id_ + "\n")
    for old in kept(folder)[KEPT_MAX:]:
        shutil.rmtree(old.folder, ignore_errors=True)
    return id_


def kept(folder: Path) -> list[Version]:
    """Those that are there, the last used first; a damaged one is left out."""
    found = []
    for about in folder.glob(f"*/{ABOUT}"):
        if about.parent.name.startswith("."):
            continue
        try:
            row = json.loads(about.read_text(encoding="utf-8"))
            menus = {str(name): str(version) for name, version in row["menus"].items()}
            at_ms = int(row["used_at_ms"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            log.warning("%s is damaged", about)
            continue
        found.append(Version(about.parent.name, at_ms, menus, about.parent))
    return sorted(found, key=lambda each: (-each.used_at_ms, each.id))


def in_use(folder: Path) -> str | None:
    """The version that the service took into use last."""
    try:
        return (folder / IN_USE).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def restore(files: Files, dialplans: Path) -> list[str]:
    """Make the folder's files these, each replaced whole; returns what changed. Raises OSError."""
    present = read_files(dialplans)
    changed = []
    for name, data in files.items():
        if present.get(name) == data:
            continue
        path = dialplans / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            unfinished.write_bytes(data)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        changed.append(name)
    for name in present.keys() - files.keys():
        (dialplans / name).unlink()
        changed.append(name)
    return sorted(changed)


# The commands


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Hook `versions` and `rollback` into the command line."""
    from acd.cli.common import common_options

    options = common_options(is_top=True)
    options.add_argument(
        "--dialplans", type=Path, metavar="DIR", help="the menus (default: beside the config)"
    )
    listing = commands.add_parser(
        "versions",
        help="list the last dialplans that were in use",
        description="Lists the versions of the dialplans that are kept, the last used first.",
        parents=[options],
    )
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(run=_versions)
    back = commands.add_parser(
        "rollback",
        help="go back to dialplans that were in use before",
        description="Checks a version that is kept, puts its files in place of the present ones, "
        "and has the service take them into use. Without VERSION: the one used before this. "
        "The present files are kept as a version themselves.",
        parents=[options],
    )
    back.add_argument("version", nargs="?", metavar="VERSION", help="as in `ivr versions`")
    back.add_argument("--no-reload", action="store_true", help="only change the files")
    back.set_defaults(run=_rollback)


def _versions(arguments: argparse.Namespace) -> int:
    from acd.cli.common import dialplans_folder

    try:
        settings, folder = _settings(arguments)
        present = id_of(read_files(dialplans_folder(arguments)))
    except VersionError as error:
        print(error, file=sys.stderr)
        return 1
    used = in_use(folder)
    rows = [_row(each, used, present, settings.service.timezone) for each in kept(folder)]
    if arguments.json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return 0
    for row in rows:
        marks = [
            word for word, key in (("in use", "in_use"), ("in the folder", "present")) if row[key]
        ]
        menus = ", ".join(f"{name} {version}" for name, version in row["menus"].items())
        print(f"{row['version']}  {row['used_at'][:16]}  {menus}  {', '.join(marks)}".rstrip())
    if not rows:
        print("no version is kept yet; the service keeps each that it takes into use")
    elif not any(row["present"] for row in rows):
        print("the files in the folder are not in use yet; `acd reload` takes them into use")
    return 0


def _row(version: Version, used: str | None, present: str, zone: str) -> dict[str, Any]:
    from zoneinfo import ZoneInfo

    at = datetime.fromtimestamp(version.used_at_ms / 1000, ZoneInfo(zone))
    return {
        "version": version.id,
        "used_at": at.isoformat(timespec="milliseconds"),
        "menus": dict(version.menus),
        "in_use": version.id == used,
        "present": version.id == present,
    }


def _rollback(arguments: argparse.Namespace) -> int:
    from acd.cli.common import dialplans_folder

    dialplans = dialplans_folder(arguments)
    try:
        settings, folder = _settings(arguments)
        version = _chosen(folder, arguments.version)
        files = read_files(version.folder / "files")
        _check(version, settings, arguments)
        present = read_files(dialplans)
        if id_of(present) != id_of(files):
            _keep_present(folder, present)
        changed = restore(files, dialplans)
    except VersionError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"ivr rollback: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"{dialplans} is version {version.id} again; changed: {', '.join(changed) or 'nothing'}")
    return 0 if arguments.no_reload else _reload(arguments)


def _settings(arguments: argparse.Namespace) -> Any:
    from acd.cli.common import CommandError, load_or_fail

    try:
        settings = load_or_fail(arguments)
    except CommandError as error:
        raise VersionError(str(error)) from error
    return settings, versions_folder(settings.service.folder)


def _chosen(folder: Path, wanted: str | None) -> Version:
    found = kept(folder)
    if wanted is None:
        before = [each for each in found if each.id != in_use(folder)]
        if not before:
            raise VersionError("no other version is kept; nothing was changed")
        return before[0]
    matching = [each for each in found if each.id.startswith(wanted)]
    if len(matching) != 1:
        what = "is the beginning of several versions" if matching else "is no version that is kept"
        raise VersionError(f"'{wanted}' {what}; `ivr versions` lists them; nothing was changed")
    return matching[0]


def _check(version: Version, settings: Any, arguments: argparse.Namespace) -> None:
    """As a reload would: with the settings and the audio of today."""
    from acd.cli.common import config_folder, dialplans_folder
    from acd.problems import Problems
    from ivr.dialplan import load_dialplans
    from ivr.prompt_library import BadManifest, PromptLibrary, search_folders

    problems, config = Problems(), config_folder(arguments)
    try:
        library = PromptLibrary(search_folders(dialplans_folder(arguments), config))
    except BadManifest as error:
        raise VersionError(str(error)) from error
    files = version.folder / "files"
    load_dialplans([files], problems, settings.routable(), library.problem, config)
    if problems.has_errors:
        found = problems.render()
        raise VersionError(f"{found}\nversion {version.id} cannot be used; nothing was changed")


def _keep_present(folder: Path, present: Files) -> None:
    """What is replaced stays to be had, also when it never was in use."""
    from acd.clock import service_clock

    used = in_use(folder)
    if any(each.id == id_of(present) for each in kept(folder)):
        return
    keep(folder, present, {}, int(service_clock()()))
    if used is not None:
        _write(folder / IN_USE, used + "\n")


def _reload(arguments: argparse.Namespace) -> int:
    from acd.cli.common import CommandError, ask_service
    from acd.client import NotRunningError, ServiceError

    try:
        data = ask_service(arguments, {"do": "reload"}, timeout_s=120)
    except NotRunningError:
        print("the service is not running; it uses these files when it starts")
        return 0
    except (CommandError, ServiceError) as error:
        print(error, file=sys.stderr)
        return 1
    version = data.get("version") if isinstance(data, dict) else None
    print(f"the service uses it: version {version} of the menu")
    return 0


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
