"""Encryption of recordings at rest: AES-256-GCM, in chunks, so that no file has to fit in memory.

    magic(8) | salt(32) | chunk(64 KiB) + tag(16) | ... | last chunk + tag

Each file has a key of its own, HKDF-SHA256 of the installation's key and the salt, so that the
number of a chunk is a nonce that never comes twice under one key. A chunk's nonce also says
whether it is the last: chunks changed, moved, left out or cut off at the end are refused. The same
construction as age's; plain AES-GCM because the audited library for it is maintained widely.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SEALED = ".enc"
KEY_FILE = "recording.key"
KEY_VARIABLE = "ACD_RECORDING_KEY"
KEY_BYTES = 32
REMEDY = f"write 64 hexadecimal digits, as `openssl rand -hex {KEY_BYTES}` gives them"

MAGIC = b"1414REC1"
SALT_BYTES, TAG_BYTES, CHUNK_BYTES = 32, 16, 65_536


class SealError(Exception):
    """A key or a sealed file cannot be used; the message says why and what to do."""


def load_key(folder: Path, environment: Mapping[str, str]) -> bytes | None:
    """The installation's key: from the environment, else from the file; None when there is none."""
    told = environment.get(KEY_VARIABLE)
    if told is not None:
        return _key(told, KEY_VARIABLE)
    path = folder / KEY_FILE
    try:
        if path.stat().st_mode & 0o077:
            raise SealError(f"{path} can be read by others; run: chmod 600 {path}")
        text = path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SealError(f"{path} cannot be read ({error.strerror}); make it yours") from error
    return _key(text, str(path))


def _key(text: str, where: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise SealError(f"{where} holds no key; {REMEDY}")
    return key


def seal(plain: Path, key: bytes) -> Path:
    """Encrypt a finished file beside itself and remove it. Raises OSError; then it is still there.

    The plain one goes only once the sealed one is on the disk whole.
    """
    sealed = plain.with_name(plain.name + SEALED)
    unfinished = plain.with_name(f".{sealed.name}.part")
    salt = os.urandom(SALT_BYTES)
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with plain.open("rb") as source, os.fdopen(handle, "wb") as target:
            target.write(MAGIC + salt)
            for chunk in _sealed_chunks(source, key, salt):
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        unfinished.replace(sealed)
    finally:
        unfinished.unlink(missing_ok=True)
    plain.unlink()
    return sealed


def unseal(sealed: Path, target: BinaryIO, key: bytes | None) -> None:
    """Write what a sealed file holds. Raises SealError, also when any of it was changed."""
    from cryptography.exceptions import InvalidTag

    if key is None:
        raise SealError(f"{sealed} is encrypted; set {KEY_VARIABLE} to the key it was made with")
    with sealed.open("rb") as source:
        if source.read(len(MAGIC)) != MAGIC:
            raise SealError(f"{sealed} is not a recording of this system; restore it from a copy")
        cipher = _cipher(key, source.read(SALT_BYTES))
        for number, (chunk, is_last) in enumerate(_pieces(source, CHUNK_BYTES + TAG_BYTES)):
            try:
                target.write(cipher.decrypt(_nonce(number, is_last=is_last), chunk, MAGIC))
            except InvalidTag:
                why = "it was made with another key, or it is damaged"
                remedy = "try the earlier key, or restore it from a copy"
                raise SealError(f"{sealed} cannot be decrypted: {why}; {remedy}") from None


def plain_size(sealed_size: int) -> int:
    """How many bytes a sealed file of this size holds."""
    body = sealed_size - len(MAGIC) - SALT_BYTES
    chunks = max(1, -(-body // (CHUNK_BYTES + TAG_BYTES)))
    return max(0, body - chunks * TAG_BYTES)


def _sealed_chunks(source: BinaryIO, key: bytes, salt: bytes) -> Iterator[bytes]:
    cipher = _cipher(key, salt)
    for number, (chunk, is_last) in enumerate(_pieces(source, CHUNK_BYTES)):
        yield cipher.encrypt(_nonce(number, is_last=is_last), chunk, MAGIC)


def _pieces(source: BinaryIO, size: int) -> Iterator[tuple[bytes, bool]]:
    """The file piece by piece, each with whether it is the last; an empty file has one."""
    piece = source.read(size)
    while True:
        following = source.read(size)
        yield piece, not following
        if not following:
            return
        piece = following


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if is_last else b"\0")


def _cipher(key: bytes, salt: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=MAGIC)
    return AESGCM(derived.derive(key))
