"""Fetch Asterisk and everything it links against with apt's own tools, without root.

The packages come from the mirror named in the machine's own apt sources and apt checks their
signatures; nothing is installed on the machine. apt runs on a private state: an empty list of
installed packages makes it fetch the C library and the loader too, so the result does not
depend on the distribution underneath.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

Version = tuple[int, int, int]
Say = Callable[[str], None]

OLDEST: Version = (20, 0, 0)
"""The oldest Asterisk we run on: the first one with the redirect fixes we rely on."""

_FULL_KEYRINGS = ("debian-archive-keyring.pgp", "debian-archive-keyring.gpg")
_KEYRING_DIR = Path("/usr/share/keyrings")
_TARGET_FIELDS = ("ORIGIN", "LABEL", "CREATED_BY", "REPO_URI", "SOURCESENTRY")
_TARGET_FORMAT = "|".join(f"$({field})" for field in _TARGET_FIELDS)
_BY_HAND = "install Asterisk 20 or newer yourself, so that `asterisk -V` works, and run this again"

# What apt says in the C locale, and what the reader should do about it.
_REMEDIES = (
    (
        r"No space left on device|enough free space",
        "the disk is full; free about 700 MB in the cache folder and run this again",
    ),
    (
        r"Temporary failure resolving|Could not resolve|Could not connect|Unable to connect"
        r"|Connection (?:timed out|refused|failed)|Network is unreachable",
        "no network: the package mirror does not answer; connect this machine (or set apt's "
        "proxy) and run this again, it is needed only once",
    ),
    (
        r"NO_PUBKEY|is not signed|signatures couldn't be verified|signature verification failed"
        r"|Missing key",
        "the package mirror is signed with a key this machine does not know; upgrade the package "
        "debian-archive-keyring and run this again",
    ),
    (
        r"does not have a Release file|404 +Not Found|410 +Gone|403 +Forbidden",
        f"the package mirror no longer has what it lists; run `apt-get update`, or {_BY_HAND}",
    ),
)


class AsteriskUnavailableError(Exception):
    """No usable Asterisk; the text is one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class IndexTarget:
    """One package index of the machine's apt sources, as `apt-get indextargets` tells it."""

    origin: str
    label: str
    created_by: str
    repository: str
    entry: str
    """Where it is configured, as `FILE:STANZA`."""


def parse_version(text: str) -> Version | None:
    """Read a version from `asterisk -V` or from a Debian package version; None when there is none.

    A certified or development build counts as the branch it was made from.
    """
    word = text.strip().removeprefix("Asterisk ")
    match = re.match(
        r"(?:\d+:)?(?:(?:certified|certified-|GIT)[/-]?)?(\d+)(?:\.(\d+))?(?:\.(\d+))?", word
    )
    if match is None:
        return None
    major, minor, patch = (int(part or 0) for part in match.groups())
    return major, minor, patch


def parse_index_targets(output: str) -> tuple[IndexTarget, ...]:
    """Read the lines of `apt-get indextargets` printed with our format."""
    rows = (line.split("|") for line in output.splitlines())
    return tuple(IndexTarget(*row) for row in rows if len(row) == len(_TARGET_FIELDS))


def debian_mirrors(targets: Iterable[IndexTarget]) -> tuple[IndexTarget, ...]:
    """Keep one target per mirror of Debian itself: no security archive, third party or disc."""
    mirrors: dict[str, IndexTarget] = {}
    for target in targets:
        is_debian = (target.origin, target.label) == ("Debian", "Debian")
        if is_debian and target.created_by == "Packages" and target.repository[:5] != "cdrom":
            mirrors.setdefault(target.repository, target)
    return tuple(mirrors.values())


def signed_by(source_text: str) -> str | None:
    """Find the keyring file a list of apt sources names for Debian, in either of its formats."""
    match = re.search(r"(?im)^signed-by:\s*(/\S+)|\[[^]\n]*\bsigned-by=(/[^\s\],]+)", source_text)
    return None if match is None else match[1] or match[2]


def explain(apt_output: str) -> str:
    """Turn what apt printed when it failed into one line with a remedy."""
    for pattern, remedy in _REMEDIES:
        if re.search(pattern, apt_output):
            return remedy
    errors = [line for line in apt_output.splitlines() if line.startswith(("E:", "W:"))]
    detail = errors[-1] if errors else apt_output.strip()[-200:]
    return f"apt failed ({detail}); {_BY_HAND}"


class Apt:
    """apt-get and apt-cache on a private state under `folder`; the machine's own is only read."""

    def __init__(self, folder: Path) -> None:
        """Lay out the state; `archives` is kept by the caller, so that a download can go on."""
        self._folder = folder
        self._config = folder / "apt.conf"
        for part in ("lists/partial", "archives/partial"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "status").write_text("")
        self.use_machine_sources()

    @property
    def archives(self) -> Path:
        """Where the fetched packages are."""
        return self._folder / "archives"

    def use_machine_sources(self) -> None:
        """Fetch from exactly the sources, pins and keys the machine uses."""
        self._write_config([])

    def use_suite(self, suite: str, mirror: IndexTarget, architecture: str) -> None:
        """Fetch from one suite of this mirror only, ignoring the machine's pins.

        A mirror may be some weeks behind, so the date of its index is not checked.
        """
        keyring = _keyring(mirror.entry)
        options = f"arch={architecture} check-valid-until=no"
        if keyring is not None:
            options += f" signed-by={keyring}"
        source = self._folder / "sources.list"
        source.write_text(f"deb [{options}] {mirror.repository} {suite} main\n")
        self._write_config(
            [
                f'Dir::Etc::sourcelist "{source}";',
                'Dir::Etc::sourceparts "/dev/null";',
                'Dir::Etc::preferences "/dev/null";',
                'Dir::Etc::preferencesparts "/dev/null";',
                'APT::Update::Error-Mode "any";',
            ]
        )

    def update(self) -> str:
        """Fetch the package lists; returns what apt said, which may be a warning only."""
        done = _run("apt-get", "-c", str(self._config), "-q", "update")
        if done.returncode != 0:
            raise AsteriskUnavailableError(explain(done.stdout + done.stderr))
        return done.stderr

    def index_targets(self) -> tuple[IndexTarget, ...]:
        """The indexes in the private state."""
        return _index_targets("-c", str(self._config))

    def candidate(self) -> Version | None:
        """The version of the package asterisk these sources offer."""
        return _candidate("-c", str(self._config))

    def download(self, say: Say) -> None:
        """Fetch asterisk and all it needs into `archives`; goes on where a broken one stopped."""
        command = ["apt-get", "-c", str(self._config), "-q", "-y", "--no-install-recommends"]
        command += ["install", "--download-only", "asterisk"]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=_environment(),
        ) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if size := re.match(r"Need to get (.+) of archives", line):
                    say(f"fetching {size[1]} of packages")
        if process.returncode != 0:
            raise AsteriskUnavailableError(explain("".join(lines)))

    def _write_config(self, more: list[str]) -> None:
        folder = self._folder
        lines = [
            "#clear APT::Update;",  # hooks that want to be root
            f'Dir::State "{folder}";',
            f'Dir::State::lists "{folder}/lists";',
            f'Dir::State::status "{folder}/status";',
            f'Dir::Cache "{folder}";',
            f'Dir::Cache::archives "{folder}/archives";',
            'Dir::Cache::pkgcache "";',
            'Dir::Cache::srcpkgcache "";',
            'APT::Install-Recommends "0";',
            'APT::Default-Release "";',
            'APT::Sandbox::User "root";',  # the _apt user cannot enter a home folder
            'Acquire::Languages "none";',
            'Acquire::Retries "2";',
            'Acquire::http::Timeout "20";',
            'Acquire::https::Timeout "20";',
        ]
        self._config.write_text("\n".join(lines + more) + "\n")


def fetch(folder: Path, root: Path, say: Say) -> dict[str, str]:
    """Fetch Asterisk using `folder` as apt's state and unpack it into `root`.

    Returns the version of each package. Raises AsteriskUnavailableError.
    """
    _require_tools("apt-get", "apt-cache", "dpkg", "dpkg-deb")
    apt = Apt(folder)
    _choose_source(apt, say)
    apt.download(say)
    packages = sorted(apt.archives.glob("*.deb"))
    say(f"unpacking {len(packages)} packages")
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        versions = list(pool.map(lambda package: _unpack(package, root), packages))
    return dict(versions)


def _choose_source(apt: Apt, say: Say) -> None:
    """Point apt at the distribution's own Asterisk if it is new enough, else at Debian's suite."""
    targets, offered, warnings = _index_targets(), _candidate(), ""
    if not any(target.origin for target in targets) or _is_new_enough(offered):
        say("reading the package lists of this machine's apt sources")
        warnings = apt.update()
        targets, offered = apt.index_targets(), apt.candidate()
    if _is_new_enough(offered):
        say("this distribution has Asterisk >= 20: taking that")
        return
    mirrors = debian_mirrors(targets)
    if not mirrors:
        if not any(target.origin for target in targets):
            raise AsteriskUnavailableError(explain(warnings or "E: no apt source answered"))
        found = "no Asterisk" if offered is None else f"only Asterisk {_dotted(offered)}"
        raise AsteriskUnavailableError(f"this distribution has {found}; {_BY_HAND}")
    _use_unstable(apt, mirrors, say)


def _use_unstable(apt: Apt, mirrors: tuple[IndexTarget, ...], say: Say) -> None:
    """Try each Debian mirror of this machine in turn; the last failure is the one told."""
    architecture = _run("dpkg", "--print-architecture").stdout.strip()
    say("this distribution has no Asterisk >= 20: reading the lists of Debian sid on its mirror")
    failure = AsteriskUnavailableError(f"Debian sid has no Asterisk >= 20 today; {_BY_HAND}")
    for mirror in mirrors:
        apt.use_suite("sid", mirror, architecture)
        try:
            apt.update()
        except AsteriskUnavailableError as error:
            failure = error
            continue
        if _is_new_enough(apt.candidate()):
            return
    raise failure


def _unpack(package: Path, root: Path) -> tuple[str, str]:
    done = _run("dpkg-deb", "-x", str(package), str(root))
    if done.returncode != 0:
        raise AsteriskUnavailableError(explain(done.stderr))
    name, version, *_ = package.name.split("_")
    return name, version.replace("%3a", ":")


def _keyring(entry: str) -> Path | None:
    """The keyring to check Debian's suites with; None leaves it to the machine's trusted keys.

    The distribution's whole keyring comes first: a source may name the key of its release alone.
    """
    for name in _FULL_KEYRINGS:
        if (_KEYRING_DIR / name).exists():
            return _KEYRING_DIR / name
    try:
        named = signed_by(Path(entry.rpartition(":")[0]).read_text(encoding="utf-8"))
    except OSError:
        return None
    return None if named is None else Path(named)


def _index_targets(*options: str) -> tuple[IndexTarget, ...]:
    done = _run("apt-get", *options, "indextargets", "--format", _TARGET_FORMAT)
    return parse_index_targets(done.stdout)


def _candidate(*options: str) -> Version | None:
    policy = _run("apt-cache", *options, "policy", "asterisk").stdout
    match = re.search(r"^ *Candidate: (\d\S*)", policy, re.MULTILINE)
    return None if match is None else parse_version(match[1])


def _require_tools(*names: str) -> None:
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        raise AsteriskUnavailableError(
            f"{', '.join(missing)} not found (this is no Debian or Ubuntu); {_BY_HAND}"
        )


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=_environment(),
    )


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}


def _is_new_enough(version: Version | None) -> bool:
    return version is not None and version >= OLDEST


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
