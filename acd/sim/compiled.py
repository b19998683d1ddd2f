"""The simulator compiled, where a build of exactly these sources is there; otherwise as it is.

`make fast` makes one (`acd.sim.compiler`). A build lies in a folder named after a hash of the
sources and of this Python, so that one of other sources is never found. Either all modules of
`MODULES` come from it or none does. It is for the simulator alone: the live service runs the plain
sources, which need no compiler and whose errors can be read line by line.

Nothing of the router may be imported before `use`, and nothing is imported here.
"""

import hashlib
import importlib
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parent.parent.parent
MODULES: Final = (
    *(
        f"acd.core.{name}"
        for name in (
            "callbacks", "commands", "contacts", "events", "floor", "handling", "ladder", "lines",
            "plans", "prediction", "queues", "router", "seats", "shift_ends", "skills", "staff",
        )
    ),
    *(f"acd.sim.{name}" for name in ("calls", "results", "world")),
)  # fmt: skip
"""`acd.core.names` is not among them: everybody has it, and there is nothing to run in it."""

SOURCES: Final = ("acd/core/*.py", "acd/sim/*.py", "acd/figures.py")
"""What the modules are made of, and all of ours that they import."""

PLAIN: Final = "ACD_PLAIN"
"""Set in the environment, it keeps the plain sources."""

GROUP: Final = "contact_centre_1414"
"""The name of the one library with all the code."""


def build_folder(checkout: Path = CHECKOUT) -> Path:
    """Where the build of the sources as they are now is, or would be."""
    text = hashlib.sha256(f"{sys.version} {EXTENSION_SUFFIXES[0]}".encode())
    paths = [path for source in SOURCES for path in checkout.glob(source)]
    for path in sorted(paths):
        content = path.read_bytes()
        text.update(f"\n{path.relative_to(checkout)} {len(content)}\n".encode())
        text.update(content)
    return checkout / "var" / "compiled" / text.hexdigest()[:20]


def files_of(folder: Path) -> list[Path]:
    """What a whole build has: the code, and a file for each module that leads to it."""
    names = [name.replace(".", "/") for name in MODULES]
    return [folder / f"{name}{EXTENSION_SUFFIXES[0]}" for name in (f"{GROUP}__mypyc", *names)]


def use(checkout: Path = CHECKOUT) -> bool:
    """Take the modules from the build from here on; whether it is there and can be used."""
    if os.environ.get(PLAIN) or any(name in sys.modules for name in MODULES):
        return False
    folder = build_folder(checkout)
    if not all(path.exists() for path in files_of(folder)) or not _is_ours(folder):
        return False
    sys.path.append(str(folder))
    try:
        importlib.import_module(f"{GROUP}__mypyc")
    except ImportError:  # made on a machine unlike this one
        sys.path.remove(str(folder))
        return False
    for package in ("acd.core", "acd.sim"):
        importlib.import_module(package).__path__.insert(0, str(folder / package.replace(".", "/")))
    return True


def _is_ours(folder: Path) -> bool:
    """No code is run that others than root, this user and the owner of the sources could change.

    The service writes to `var` as well, perhaps as another user.
    """
    owners = {0, os.geteuid(), CHECKOUT.stat().st_uid}
    return all(
        path.stat().st_uid in owners and not path.stat().st_mode & 0o022
        for path in (folder, folder / "acd/core", folder / "acd/sim", *files_of(folder))
    )
