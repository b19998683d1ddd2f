"""`make fast`: compiles the simulator, router and all, with mypyc. See `acd.sim.compiled`."""

import os
import shutil
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from acd.sim.compiled import CHECKOUT, GROUP, MODULES, build_folder, files_of

MADE_BY: Final = "made-by"


def main() -> int:
    """Build unless it is there; 1 with a sentence when it cannot be built."""
    trouble = why_not()
    if trouble is not None:
        print(f"fast: {trouble}", file=sys.stderr)
        return 1
    from mypy.version import __version__ as version

    folder = build_folder()
    if all(path.exists() for path in files_of(folder)):
        if (folder / MADE_BY).read_text(encoding="utf-8") == version:
            print("fast: the simulator is compiled already")
            return 0
        shutil.rmtree(folder)
    print("fast: compiling the simulator; this takes about a minute", flush=True)
    build(folder, version)
    if build_folder() != folder:
        shutil.rmtree(folder)
        print("fast: the sources changed meanwhile; run it again", file=sys.stderr)
        return 1
    return 0


def why_not() -> str | None:
    """What is missing, with the remedy; the plain simulator needs none of it."""
    for name in ("mypyc", "setuptools"):
        if find_spec(name) is None:
            return f"{name} is not installed; run scripts/setup dev"
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        remedy = "install it (as root: apt-get install gcc libc6-dev)"
        return f"there is no C compiler ({compiler}); {remedy}"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return (
            "Python's own headers are not here; install them (as root: apt-get install python3-dev)"
        )
    return None


def build(folder: Path, version: str) -> None:
    """Compile into a folder beside, and give it its name when it is whole."""
    from mypyc.build import mypycify
    from setuptools import Distribution  # type: ignore[import-untyped]

    folder.parent.mkdir(parents=True, exist_ok=True)
    os.umask(0o022)
    with TemporaryDirectory(prefix="making-", dir=folder.parent) as made:
        sources = [f"{name.replace('.', '/')}.py" for name in MODULES]
        options = ["--config-file=", "--ignore-missing-imports", f"--cache-dir={made}/cache"]
        here = Path.cwd()
        os.chdir(CHECKOUT)
        try:
            extensions = mypycify(
                [*options, *sources],
                opt_level="3",
                debug_level="0",
                target_dir=f"{made}/c",
                group_name=GROUP,
            )
            command = Distribution({"name": GROUP, "ext_modules": extensions}).get_command_obj(
                "build_ext"
            )
            command.build_lib, command.build_temp = f"{made}/lib", f"{made}/objects"
            command.ensure_finalized()
            command.run()
        finally:
            os.chdir(here)
        whole = Path(f"{made}/lib")
        (whole / MADE_BY).write_text(version, encoding="utf-8")
        if not folder.exists():
            whole.rename(folder)
    for other in folder.parent.iterdir():
        if other != folder and not other.name.startswith("making-"):
            shutil.rmtree(other)


if __name__ == "__main__":
    sys.exit(main())
