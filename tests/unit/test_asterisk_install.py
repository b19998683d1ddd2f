"""Finding an Asterisk, telling a damaged one, and reading what apt says; no network."""

import json
import os
import platform
from pathlib import Path

import pytest

from acd.asterisk_fetch import (
    AsteriskUnavailableError,
    debian_mirrors,
    explain,
    parse_index_targets,
    parse_version,
    signed_by,
)
from acd.asterisk_install import (
    MANIFEST,
    cache_folder,
    ensure_asterisk,
    find_asterisk,
    main,
    read_cached,
    write_manifest,
)

pytestmark = pytest.mark.unit

TRIPLET = "aarch64-linux-gnu"
LOADER = f"usr/lib/{TRIPLET}/ld-linux-aarch64.so.1"


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with an empty folder only, no system folders, and a cache of its own."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr("acd.asterisk_install._SYSTEM_FOLDERS", ())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return programs


def put_asterisk(folder: Path, version: str = "22.10.1") -> Path:
    """Lay out what an unpacked Asterisk looks like and record it as complete."""
    for name in (LOADER, "usr/sbin/asterisk", f"usr/lib/{TRIPLET}/asterisk/modules/chan_pjsip.so"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("program")
    write_manifest(folder, f"Asterisk {version}", {"asterisk": version})
    return folder


def put_program(folder: Path, text: str) -> None:
    program = folder / "asterisk"
    program.write_text(text)
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Asterisk 22.10.1+dfsg+~cs6.17.60671434-1\n", (22, 10, 1)),
        ("Asterisk 20.6.0~dfsg+~cs6.13.40431414-2build5", (20, 6, 0)),
        ("Asterisk certified/20.7-cert1", (20, 7, 0)),
        ("Asterisk certified-20.7-cert9", (20, 7, 0)),
        ("Asterisk GIT-22-1a2b3c", (22, 0, 0)),
        ("1:16.28.0~dfsg-0+deb11u4", (16, 28, 0)),
        ("Asterisk SVN-unknown", None),
        ("error while loading shared libraries", None),
        ("", None),
    ],
)
def test_a_version_is_read_from_asterisk_and_from_a_package(text, version):
    assert parse_version(text) == version


def test_only_mirrors_of_debian_itself_are_taken():
    targets = parse_index_targets(
        "Debian|Debian|Packages|http://mirror.example/debian/|/etc/apt/a.sources:1\n"
        "Debian|Debian|Translations|http://mirror.example/translations/|/etc/apt/a.sources:1\n"
        "Debian|Debian|Packages|http://mirror.example/debian/|/etc/apt/a.sources:1\n"
        "Debian|Debian-Security|Packages|http://mirror.example/security/|/etc/apt/a.sources:2\n"
        ". nodistro|. nodistro|Packages|https://other.example/|/etc/apt/other.list:1\n"
        "Debian|Debian|Packages|cdrom:[Debian 12]/|/etc/apt/sources.list:1\n"
        "||Packages|http://never-updated.example/|/etc/apt/new.list:1\n"
        "a line of another shape\n"
    )
    assert len(targets) == 7
    assert [mirror.repository for mirror in debian_mirrors(targets)] == [
        "http://mirror.example/debian/"
    ]


@pytest.mark.parametrize(
    ("source", "keyring"),
    [
        ("Types: deb\nURIs: http://m.example/\nSigned-By: /usr/share/k.gpg\n", "/usr/share/k.gpg"),
        (
            "deb [arch=amd64 signed-by=/usr/share/k.gpg] http://m.example/ sid main",
            "/usr/share/k.gpg",
        ),
        ("deb [signed-by=/a.gpg,/b.gpg trusted=yes] http://m.example/ sid main", "/a.gpg"),
        ("deb http://m.example/ sid main", None),
        ("Types: deb\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n", None),
    ],
)
def test_the_keyring_is_found_in_both_formats_of_apt_sources(source, keyring):
    assert signed_by(source) == keyring


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("W: Failed to fetch x  Temporary failure resolving 'mirror.example'", "no network"),
        ("E: Could not connect to 127.0.0.1:9 (127.0.0.1). Connection refused", "no network"),
        ("E: The repository 'x sid Release' does not have a Release file.", "no longer has"),
        ("E: Failed to fetch x.deb  404  Not Found [IP: 192.0.2.1 80]", "no longer has"),
        ("W: GPG error: x sid InRelease: NO_PUBKEY 0E98404D386FA1D9", "debian-archive-keyring"),
        ("dpkg-deb: error: cannot write: No space left on device", "disk is full"),
        ("E: You don't have enough free space in /c/archives/.", "disk is full"),
        ("Reading...\nE: Unable to locate package asterisk\n", "Unable to locate package asterisk"),
    ],
)
def test_a_failure_of_apt_becomes_one_line_with_a_remedy(said, remedy):
    line = explain(said)
    assert remedy in line
    assert "\n" not in line


def test_a_whole_cached_asterisk_is_started_with_its_own_loader(tmp_path):
    folder = put_asterisk(tmp_path / "whole")
    found = read_cached(folder)
    assert found is not None
    assert found.version == (22, 10, 1)
    assert found.argv == (
        str(folder / LOADER),
        "--library-path",
        str(folder / "usr/lib" / TRIPLET),
        str(folder / "usr/sbin/asterisk"),
    )
    assert found.modules == folder / "usr/lib" / TRIPLET / "asterisk/modules"


@pytest.mark.parametrize("name", [LOADER, "usr/sbin/asterisk", MANIFEST])
def test_a_cached_asterisk_with_a_file_missing_is_damaged(tmp_path, name):
    folder = put_asterisk(tmp_path / "damaged")
    (folder / name).unlink()
    assert read_cached(folder) is None


@pytest.mark.parametrize("name", ["usr/sbin/asterisk", MANIFEST])
def test_a_cached_asterisk_with_a_file_cut_short_is_damaged(tmp_path, name):
    path = put_asterisk(tmp_path / "damaged") / name
    os.truncate(path, path.stat().st_size // 2)
    assert read_cached(tmp_path / "damaged") is None


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '"text"', '{"layout": 1, "files": []}'])
def test_a_manifest_of_another_shape_counts_as_damage(tmp_path, manifest):
    folder = put_asterisk(tmp_path / "damaged")
    (folder / MANIFEST).write_text(manifest)
    assert read_cached(folder) is None


def test_a_cache_of_another_layout_is_left_unused(tmp_path):
    folder = put_asterisk(tmp_path / "older")
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "layout": 0}))
    assert read_cached(folder) is None


@pytest.mark.usefixtures("bare_machine")
def test_the_newest_whole_asterisk_in_the_cache_is_used_without_a_network():
    machine = platform.machine()
    for version in ("9.0.0", "20.20.0", "22.10.1"):
        put_asterisk(cache_folder() / f"asterisk-{version}-{machine}", version)
    damaged = put_asterisk(cache_folder() / f"asterisk-23.0.0-{machine}", "23.0.0")
    (damaged / LOADER).unlink()
    put_asterisk(cache_folder() / "asterisk-24.0.0-another", "24.0.0")
    assert ensure_asterisk().version == (22, 10, 1)


def test_an_asterisk_on_the_path_is_taken_as_it_is(bare_machine):
    put_program(bare_machine, "#!/bin/sh\necho Asterisk 21.3.0\n")
    modules = bare_machine.parent / "lib/asterisk/modules"
    documentation = bare_machine.parent / "share/asterisk/documentation"
    for folder in (modules, documentation):
        folder.mkdir(parents=True)
    (modules / "chan_pjsip.so").touch()
    found = find_asterisk()
    assert found is not None
    assert (found.version, found.argv) == ((21, 3, 0), (str(bare_machine / "asterisk"),))
    assert (found.modules, found.documentation, found.root) == (modules, documentation, None)


@pytest.mark.parametrize(
    "program",
    [
        "#!/bin/sh\necho Asterisk 18.26.4\n",
        "#!/bin/sh\necho broken >&2\nexit 127\n",
        "#!/missing\n",
    ],
)
def test_an_old_or_broken_asterisk_on_the_path_is_passed_over(bare_machine, program):
    put_program(bare_machine, program)
    assert find_asterisk() is None


def test_without_apt_the_user_is_told_in_one_line_what_to_install(bare_machine, capsys):
    assert bare_machine.exists()
    assert main() == 1
    error = capsys.readouterr().err
    assert "apt-get" in error
    assert "install Asterisk 20 or newer" in error
    assert error.count("\n") == 1
    assert not list(cache_folder().glob("building-*"))


@pytest.mark.usefixtures("bare_machine")
def test_a_cache_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(AsteriskUnavailableError, match=r"cannot write .*XDG_CACHE_HOME"):
        ensure_asterisk()


def test_too_little_room_is_said_before_anything_is_fetched(bare_machine, monkeypatch):
    assert bare_machine.exists()
    monkeypatch.setattr("acd.asterisk_install._NEEDED_BYTES", 10**18)
    with pytest.raises(AsteriskUnavailableError, match=r"MB free.*needed"):
        ensure_asterisk(lambda _: None)


def test_a_relative_cache_setting_is_ignored_as_the_standard_says(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/operator")
    assert cache_folder() == Path("/home/operator/.cache/1414")
