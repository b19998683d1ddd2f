"""Recordings on the disk: found, sealed, kept so long, and nothing else touched."""

import io
import os
from datetime import date
from pathlib import Path

import pytest

from acd import recording_seal
from acd.recording_files import (
    SHAPE,
    every_recording,
    find_recording,
    recordings_folder,
    remove_older,
    trouble_with,
)
from acd.recording_seal import CHUNK_BYTES, KEY_VARIABLE, SealError, load_key, seal, unseal
from ivr.wav import write_wav

KEY = bytes(range(32))
HEAD = len(recording_seal.MAGIC) + recording_seal.SALT_BYTES
PIECE = CHUNK_BYTES + recording_seal.TAG_BYTES


def opened(sealed: Path, key: bytes | None = KEY) -> bytes:
    target = io.BytesIO()
    unseal(sealed, target, key)
    return target.getvalue()


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 200_000])
def test_what_is_sealed_is_read_back_and_the_plain_file_is_gone(tmp_path, size):
    plain = tmp_path / "a.wav"
    content = os.urandom(size)
    plain.write_bytes(content)
    sealed = seal(plain, KEY)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav.enc"]
    assert sealed.stat().st_mode & 0o777 == 0o600
    assert opened(sealed) == content
    assert recording_seal.plain_size(sealed.stat().st_size) == size
    if size > 16:
        assert content[:16] not in sealed.read_bytes()


def test_the_same_recording_sealed_twice_is_not_the_same_file(tmp_path):
    found = []
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"the same" * 100)
        found.append(seal(tmp_path / name, KEY).read_bytes())
    assert found[0][HEAD:] != found[1][HEAD:]


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: data[:HEAD] + bytes([data[HEAD] ^ 1]) + data[HEAD + 1 :],
        lambda data: data[: HEAD + PIECE],  # cut off where a chunk ends
        lambda data: data[:-1],
        lambda data: data[:HEAD] + data[HEAD + PIECE :],  # the first chunk left out
        lambda data: (
            data[:HEAD]
            + data[HEAD + PIECE : HEAD + 2 * PIECE]
            + data[HEAD : HEAD + PIECE]
            + data[HEAD + 2 * PIECE :]
        ),
        lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:],  # the salt
        lambda data: data + b"x",
        lambda data: data[:HEAD],
    ],
    ids=["bit", "cut", "short", "without first", "swapped", "salt", "longer", "empty"],
)
def test_a_changed_file_is_refused_and_says_what_to_do(tmp_path, harm):
    plain = tmp_path / "a.wav"
    plain.write_bytes(os.urandom(3 * CHUNK_BYTES - 5))
    sealed = seal(plain, KEY)
    sealed.write_bytes(harm(sealed.read_bytes()))
    with pytest.raises(SealError, match=r"a\.wav\.enc cannot be decrypted.*restore it"):
        opened(sealed)


def test_another_key_no_key_and_another_file_are_refused(tmp_path):
    plain = tmp_path / "a.wav"
    plain.write_bytes(b"x" * 100)
    sealed = seal(plain, KEY)
    with pytest.raises(SealError, match="another key"):
        opened(sealed, bytes(32))
    with pytest.raises(SealError, match=KEY_VARIABLE):
        opened(sealed, None)
    sealed.write_bytes(b"RIFF and so on")
    with pytest.raises(SealError, match="not a recording of this system"):
        opened(sealed)


def test_a_file_that_cannot_be_sealed_stays(tmp_path):
    plain = tmp_path / "a.wav"
    plain.write_bytes(b"x" * 100)
    (tmp_path / "a.wav.enc").mkdir()
    with pytest.raises(IsADirectoryError):
        seal(plain, KEY)
    assert plain.read_bytes() == b"x" * 100
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "a.wav.enc"]


def test_the_key_is_taken_from_the_environment_or_a_private_file(tmp_path):
    assert load_key(tmp_path, {}) is None
    path = tmp_path / "recording.key"
    path.write_text(KEY.hex() + "\n")
    path.chmod(0o600)
    assert load_key(tmp_path, {}) == KEY
    assert load_key(tmp_path, {KEY_VARIABLE: bytes(32).hex()}) == bytes(32)
    path.chmod(0o640)
    with pytest.raises(SealError, match=r"read by others; run: chmod 600 .*recording\.key"):
        load_key(tmp_path, {})
    path.chmod(0o600)
    for wrong in ("", "abc", "zz" * 32, "00" * 31):
        path.write_text(wrong)
        with pytest.raises(SealError, match=r"recording\.key holds no key; .*openssl"):
            load_key(tmp_path, {})
    with pytest.raises(SealError, match=f"{KEY_VARIABLE} holds no key"):
        load_key(tmp_path, {KEY_VARIABLE: ""})


def fill(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_wav(path, [0] * 8000)


def test_recordings_are_listed_newest_day_first_and_other_files_left_alone(tmp_path):
    folder = recordings_folder(tmp_path)
    assert list(every_recording(folder)) == []
    fill(folder, "2026-11-24/n1-1.2.wav", "2026-11-25/n1-3.4.wav", "notes/n1-9.9.wav")
    seal(folder / "2026-11-25/n1-3.4.wav", KEY)
    (folder / "2026-11-25/readme.txt").write_text("x")
    found = [
        (str(each.day), each.call, each.length_ms, each.is_sealed)
        for each in every_recording(folder)
    ]
    assert found == [
        ("2026-11-25", "n1-3.4", 1000, True),
        ("2026-11-24", "n1-1.2", 1000, False),
    ]
    assert find_recording(folder, "2026-11-25/n1-3.4.wav").name == "n1-3.4.wav.enc"
    assert find_recording(folder, "2026-11-24/n1-1.2.wav").name == "n1-1.2.wav"
    assert find_recording(folder, "2026-11-24/n1-3.4.wav") is None


def test_a_recording_is_deleted_after_its_days_and_its_empty_folder_too(tmp_path):
    folder = recordings_folder(tmp_path)
    fill(folder, "2026-08-27/n1-1.2.wav", "2026-08-26/n1-3.4.wav")
    today = date(2026, 11, 25)
    removed = [each.call for each in every_recording(folder) if remove_older(each, today, 90)]
    assert removed == ["n1-3.4"], "the 27th of August is 90 days ago, and kept through today"
    assert [path.name for path in folder.iterdir()] == ["2026-08-27"]


def test_a_folder_that_cannot_be_written_is_found_out(tmp_path):
    folder = recordings_folder(tmp_path)
    assert trouble_with(folder) is None
    assert not folder.exists(), "looking changes nothing"
    folder.mkdir()
    assert trouble_with(folder) is None
    assert list(folder.iterdir()) == [], "the probe is gone again"
    folder.rmdir()
    folder.write_text("a file in the way")
    assert str(folder) in trouble_with(folder)


@pytest.mark.parametrize(
    "name",
    ["../secrets.wav", "2026-11-25/../../x.wav", "2026-11-25/a,b.wav", "/etc/x.wav", "x.wav", ""],
)
def test_a_name_that_leads_elsewhere_is_no_recording(name):
    assert SHAPE.fullmatch(name) is None


def test_the_name_asterisk_gives_is_one():
    assert SHAPE.fullmatch("2026-11-25/n1-1795617764.10.wav")
