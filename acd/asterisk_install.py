"""Find an Asterisk to run, or keep a private one in the user's cache folder.

An Asterisk >= 20 on the PATH is taken as it is. Otherwise one folder under
`$XDG_CACHE_HOME/1414` (`~/.cache/1414`) is shared by every checkout of the user. It is built
beside its final place and renamed, so it is either whole or absent, and it works offline.
"""

import contextlib
import fcntl
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from acd.asterisk_fetch import (
    OLDEST,
    AsteriskUnavailableError,
    Say,
    Version,
    fetch,
    parse_version,
)

MANIFEST = "manifest.json"
LAYOUT = 1
"""Raised when what a cached folder holds changes, so that older ones are left unused."""

_NEEDED_BYTES = 700_000_000
"""79 MB of packages and 268 MB unpacked (22.10.1, amd64), with room for a newer release."""

_CHECKED = ("usr/sbin", "usr/lib", "lib", "usr/share/asterisk")
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


@dataclass(frozen=True, slots=True)
class AsteriskBinary:
    """An Asterisk that can be started on this machine."""

    version: Version
    version_text: str
    """As `asterisk -V` prints it."""
    argv: tuple[str, ...]
    """What stands before Asterisk's own options; the private one brings its loader."""
    modules: Path
    """For `astmoddir` in asterisk.conf."""
    documentation: Path
    """Asterisk refuses to start unless `<astdatadir>/documentation` is (a link to) this."""
    root: Path | None
    """Where the private one is unpacked; None for the machine's own."""


def find_asterisk() -> AsteriskBinary | None:
    """Find an Asterisk without touching the network: the machine's own first, then the cache."""
    return _find_on_path() or _find_cached(cache_folder())


def ensure_asterisk(say: Say = print) -> AsteriskBinary:
    """Find an Asterisk, or fetch one first. Raises AsteriskUnavailableError with the remedy."""
    found = find_asterisk()
    if found is not None:
        return found
    cache = cache_folder()
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(cache / "asterisk.lock", say):
            return _find_cached(cache) or _build(cache, say)
    except OSError as error:
        where = error.filename or cache
        raise AsteriskUnavailableError(
            f"cannot write {where}: {error.strerror}; make it writable for this user, free about "
            "700 MB there, or set XDG_CACHE_HOME to another folder"
        ) from error


def cache_folder() -> Path:
    """The user's cache folder of this project, shared by all checkouts; it may not exist yet."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(configured):
        return Path(configured) / "1414"
    try:
        return Path.home() / ".cache" / "1414"
    except RuntimeError as error:
        raise AsteriskUnavailableError(
            "this user has no home folder; set HOME or XDG_CACHE_HOME"
        ) from error


def read_cached(folder: Path) -> AsteriskBinary | None:
    """Read a cached Asterisk; None when it is half there: a file missing or of another size."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        sizes, version_text = manifest["files"], manifest["version"]
        if not sizes or manifest["layout"] != LAYOUT:
            return None
        if any((folder / name).stat().st_size != size for name, size in sizes.items()):
            return None
        return _private_binary(folder, version_text)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def write_manifest(folder: Path, version_text: str, packages: dict[str, str]) -> None:
    """Record what a complete folder holds, so that a damaged one can be told from it."""
    files = [
        path
        for part in _CHECKED
        for path in sorted((folder / part).rglob("*"))
        if path.is_file() and not path.is_symlink()
    ]
    manifest = {
        "layout": LAYOUT,
        "version": version_text,
        "packages": packages,
        "files": {str(path.relative_to(folder)): path.stat().st_size for path in files},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def main() -> int:
    """Make sure that there is an Asterisk and say which; 1 with one line when there is none."""
    try:
        asterisk = ensure_asterisk(lambda text: print(f"asterisk: {text}", flush=True))
    except AsteriskUnavailableError as error:
        print(f"asterisk: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("asterisk: stopped; run it again to go on", file=sys.stderr)
        return 130
    print(f"asterisk: {asterisk.version_text} in {asterisk.root or asterisk.argv[0]}")
    return 0


def _find_on_path() -> AsteriskBinary | None:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS])
    binary = shutil.which("asterisk", path=path)
    if binary is None:
        return None
    version_text = _ask_version((binary,))
    version = parse_version(version_text)
    if version is None or version < OLDEST:
        return None
    prefix = Path(binary).resolve().parent.parent
    modules = _first_with(_module_folders(prefix), "chan_pjsip.so")
    data = _first_with(
        [prefix / "share/asterisk", Path("/usr/share/asterisk"), Path("/var/lib/asterisk")],
        "documentation",
    )
    if modules is None or data is None:
        return None
    return AsteriskBinary(
        version, version_text, (binary,), modules, data / "documentation", root=None
    )


def _module_folders(prefix: Path) -> list[Path]:
    """Where an Asterisk under `prefix` may keep its modules, the configured folder first."""
    folders = [
        *sorted(prefix.glob("lib/*/asterisk/modules")),
        prefix / "lib/asterisk/modules",
        prefix / "lib64/asterisk/modules",
    ]
    with contextlib.suppress(OSError):
        configured = Path("/etc/asterisk/asterisk.conf").read_text(errors="replace")
        if match := re.search(r"(?m)^\s*astmoddir\s*=>?\s*(/[^\s;]+)", configured):
            folders.insert(0, Path(match[1]))
    return folders


def _first_with(folders: list[Path], name: str) -> Path | None:
    return next((folder for folder in folders if (folder / name).exists()), None)


def _find_cached(cache: Path) -> AsteriskBinary | None:
    """The newest whole Asterisk for this kind of processor; damaged ones are passed over."""
    try:
        folders = list(cache.glob(f"asterisk-*-{platform.machine()}"))
    except OSError:  # not readable for this user: the same as empty, writing will tell
        return None
    found = [one for one in map(read_cached, folders) if one is not None]
    return max(found, key=lambda one: one.version, default=None)


def _build(cache: Path, say: Say) -> AsteriskBinary:
    """Fetch and unpack an Asterisk; the caller holds the lock."""
    for leftover in cache.glob("building-*"):
        shutil.rmtree(leftover)
    free = shutil.disk_usage(cache).free
    if free < _NEEDED_BYTES:
        raise AsteriskUnavailableError(
            f"{cache} has {free // 1_000_000} MB free, about {_NEEDED_BYTES // 1_000_000} MB are "
            "needed; free some or set XDG_CACHE_HOME to another folder"
        )
    say(f"no Asterisk >= 20 here: fetching one into {cache} (once, about half a minute)")
    root = cache / f"building-{os.getpid()}"
    root.mkdir()
    try:
        packages = fetch(cache / "downloads", root, say)
        _keep_what_runs(root)
        version_text = _try_out(root)
        write_manifest(root, version_text, packages)
        final = cache / _folder_name(packages.get("asterisk", version_text))
        if final.exists():
            say("the copy that was here is damaged: replacing it")
            shutil.rmtree(final)
        root.rename(final)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    shutil.rmtree(cache / "downloads", ignore_errors=True)
    return _private_binary(final, version_text)


def _folder_name(package_version: str) -> str:
    version = re.sub(r"[^A-Za-z0-9.]+", "-", package_version.partition(":")[2] or package_version)
    return f"asterisk-{version}-{platform.machine()}"


def _keep_what_runs(root: Path) -> None:
    """Drop the other packages' programs (some setuid), manuals and settings; keep licences."""
    kept = {"usr/lib", "usr/lib64", "usr/sbin", "usr/share", "lib", "lib64"}
    kept |= {"usr/share/asterisk", "usr/share/doc"}
    for folder in (root, root / "usr", root / "usr/share"):
        for path in folder.iterdir():
            if path.name != "usr" and str(path.relative_to(root)) not in kept:
                shutil.rmtree(path)
    for program in (root / "usr/sbin").iterdir():
        if program.name != "asterisk":
            program.unlink()


def _try_out(root: Path) -> str:
    """Run the fetched Asterisk once; returns the version it tells."""
    version_text = _ask_version(_private_binary(root, "").argv)
    version = parse_version(version_text)
    if version is None or version < OLDEST:
        raise AsteriskUnavailableError(
            f"the fetched Asterisk does not run from {root} ({version_text or 'no answer'}); if "
            "that folder is mounted noexec, set XDG_CACHE_HOME to another one"
        )
    return version_text


def _private_binary(root: Path, version_text: str) -> AsteriskBinary:
    """Work out how to start what was unpacked; LookupError when its parts are not there."""
    loaders = sorted([*root.glob("usr/lib/*/ld-linux*.so.*"), *root.glob("lib/*/ld-linux*.so.*")])
    modules = sorted(root.glob("usr/lib/*/asterisk/modules"))
    if not loaders or not modules:
        raise LookupError(f"{root} holds no Asterisk")
    loader, triplet = loaders[0], loaders[0].parent.name
    libraries = [root / "usr/lib" / triplet, root / "lib" / triplet]
    library_path = os.pathsep.join(str(folder) for folder in libraries if folder.is_dir())
    return AsteriskBinary(
        version=parse_version(version_text) or (0, 0, 0),
        version_text=version_text,
        argv=(str(loader), "--library-path", library_path, str(root / "usr/sbin/asterisk")),
        modules=modules[0],
        documentation=root / "usr/share/asterisk/documentation",
        root=root,
    )


def _ask_version(argv: tuple[str, ...]) -> str:
    """What `asterisk -V` prints, or its complaint; empty when it cannot be run."""
    try:
        done = subprocess.run(
            [*argv, "-V"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout or done.stderr).strip()


@contextlib.contextmanager
def _locked(path: Path, say: Say) -> Iterator[None]:
    """Hold the lock of the cache; released by the kernel should this process be killed."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another checkout is fetching Asterisk: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
