"""Digest authentication (RFC 2617, RFC 7616): the answer to a 401 or a 407."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex

from .message import Response, split_outside_quotes

_HASHES: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}


@dataclass(frozen=True, slots=True)
class Challenge:
    """One WWW-Authenticate or Proxy-Authenticate header."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: str = ""
    opaque: str = ""


def parse_challenge(value: str) -> Challenge:
    """Read the header's value; raises `ValueError` when it is not a Digest challenge."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        raise ValueError(f"not a Digest challenge: {value!r}")
    fields: dict[str, str] = {}
    for part in split_outside_quotes(rest, ","):
        key, _, text = part.partition("=")
        fields[key.strip().lower()] = text.strip().strip('"')
    offered = [option.strip() for option in fields.get("qop", "").split(",")]
    return Challenge(
        realm=fields.get("realm", ""),
        nonce=fields.get("nonce", ""),
        algorithm=fields.get("algorithm", "MD5").upper(),
        qop="auth" if "auth" in offered else "",
        opaque=fields.get("opaque", ""),
    )


def strongest(values: list[str]) -> Challenge:
    """The best challenge we can answer: SHA-256 before MD5; `ValueError` if none."""
    challenges = [parse_challenge(value) for value in values]
    for algorithm in _HASHES:
        for challenge in challenges:
            if challenge.algorithm == algorithm:
                return challenge
    raise ValueError(f"no challenge with SHA-256 or MD5 in {values!r}")


def authorization(
    challenge: Challenge,
    *,
    method: str,
    uri: str,
    username: str,
    password: str,
    cnonce: str,
    count: int = 1,
) -> str:
    """The value of Authorization; `count` is how often this nonce was used, from 1."""
    digest = _HASHES[challenge.algorithm]

    def hashed(*parts: str) -> str:
        return digest(":".join(parts).encode())

    secret = hashed(username, challenge.realm, password)
    request = hashed(method, uri)
    fields = {
        "username": f'"{username}"',
        "realm": f'"{challenge.realm}"',
        "nonce": f'"{challenge.nonce}"',
        "uri": f'"{uri}"',
        "algorithm": challenge.algorithm,
    }
    if challenge.qop:
        used = f"{count:08x}"
        answer = hashed(secret, challenge.nonce, used, cnonce, challenge.qop, request)
        fields |= {"qop": challenge.qop, "nc": used, "cnonce": f'"{cnonce}"'}
    else:
        answer = hashed(secret, challenge.nonce, request)
    fields["response"] = f'"{answer}"'
    if challenge.opaque:
        fields["opaque"] = f'"{challenge.opaque}"'
    return "Digest " + ", ".join(f"{key}={value}" for key, value in fields.items())


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and a password; an empty name means that we have none."""

    username: str = ""
    password: str = ""

    def answer(self, response: Response, *, method: str, uri: str) -> tuple[str, str] | None:
        """The header that answers a 401 or 407; None when we cannot."""
        kinds = {
            401: ("WWW-Authenticate", "Authorization"),
            407: ("Proxy-Authenticate", "Proxy-Authorization"),
        }
        if response.code not in kinds or not self.username:
            return None
        asked, answered = kinds[response.code]
        value = authorization(
            strongest(response.headers.all(asked)),
            method=method,
            uri=uri,
            username=self.username,
            password=self.password,
            cnonce=token_hex(8),
        )
        return answered, value
