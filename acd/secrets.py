"""The passwords of this installation: made at random, kept in one file of mode 0600.

They are never in the repository. The file holds the secrets of the two AMI logins and the SIP
password of every operator's phone; a new operator gets one at the next start.
"""

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FILE = "secrets.json"


class SecretsError(Exception):
    """The file cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """`phones` maps operator ids to SIP passwords, `ami_callback` is of the login that may dial."""

    ami: str
    phones: dict[str, str]
    ami_callback: str = ""


def load_secrets(folder: Path, operators: Iterable[str]) -> Secrets:
    """Read the file, add what is missing for these operators, and write it back if it grew."""
    path = folder / FILE
    old = _read(path)
    phones = {operator: old.phones.get(operator) or _new() for operator in operators}
    new = Secrets(
        old.ami or _new(), {**old.phones, **phones}, ami_callback=old.ami_callback or _new()
    )
    if new != old:
        _write(path, new)
    return new


def rotate_phone(folder: Path, operator: str) -> Secrets:
    """Give one phone a new password."""
    old = _read(folder / FILE)
    new = Secrets(
        old.ami or _new(), {**old.phones, operator: _new()}, ami_callback=old.ami_callback or _new()
    )
    _write(folder / FILE, new)
    return new


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    temporary.replace(path)


def _new() -> str:
    return secrets.token_hex(16)


def _read(path: Path) -> Secrets:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return Secrets("", {})
    except OSError as error:
        raise SecretsError(f"{path} cannot be read ({error.strerror}); make it yours") from error
    if path.stat().st_mode & 0o077:
        raise SecretsError(f"{path} can be read by others; run: chmod 600 {path}")
    try:
        raw = json.loads(text)
        phones = {str(k): _text(v) for k, v in raw["phones"].items()}
        return Secrets(_text(raw["ami"]), phones, _text(raw.get("ami_callback", "")))
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise SecretsError(
            f"{path} is damaged ({error}); restore it, or remove it and set up the phones anew"
        ) from error


def _text(value: object) -> str:
    """A secret as it stands in the file; it goes into configuration files, one line each."""
    if not isinstance(value, str) or not value.isprintable():
        raise TypeError("a secret is not a text")
    return value


def _write(path: Path, new: Secrets) -> None:
    kept = {"ami": new.ami, "ami_callback": new.ami_callback, "phones": new.phones}
    write_private(path, json.dumps(kept, indent=1) + "\n")
