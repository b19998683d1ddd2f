"""Asks services of other houses for a menu: JSON out, JSON in, and never for long.

Redirects are not followed, an answer is at most 64 kB, and whoever fails several times in a row
is not asked for half a minute, so that callers do not wait for a house that is down.
"""

import asyncio
import http.client
import json
import logging
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from acd.clock import monotonic_s
from ivr.core.expressions import Value
from ivr.core.steps import Fetch

log = logging.getLogger(__name__)

ANSWER_BYTES_MAX = 65_536
FAILURES_MAX = 5
"""So many in a row, and a house is left alone."""
REST_MS = 30_000
AT_ONCE_MAX = 32
CHUNK_BYTES = 4096


class FetchError(Exception):
    """There is no answer that can be used; one sentence says why."""


@dataclass(slots=True)
class _House:
    failures: int = 0
    rests_until: int = 0


class Fetcher:
    """Asks in threads; `clock` gives milliseconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._houses: dict[str, _House] = {}
        self._pool = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="fetch")
        self._under_way = 0

    async def fetch(self, command: Fetch) -> Value:
        """The answer. Raises FetchError, at the latest when the command's time has passed."""
        target = _target(command.url)
        house = self._houses.setdefault(f"{target.scheme}://{target.netloc}", _House())
        if house.rests_until > self._clock():
            raise FetchError(f"{target.netloc} failed {house.failures} times and is left alone")
        if self._under_way >= AT_ONCE_MAX:
            raise FetchError(f"{AT_ONCE_MAX} questions are under way already")
        try:
            body = await self._ask(command, target)
        except FetchError:
            self._failed(house, target.netloc)
            raise
        house.failures = 0
        return body

    def close(self) -> None:
        """Wait for nothing: what is under way ends by its own time limit."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, command: Fetch, target: SplitResult) -> Value:
        until_s = monotonic_s() + command.timeout_ms / 1000
        self._under_way += 1
        work = self._pool.submit(_ask, command, target, until_s)
        work.add_done_callback(lambda _: self._done())
        try:
            async with asyncio.timeout(command.timeout_ms / 1000):
                return await asyncio.wrap_future(work)
        except TimeoutError:
            raise FetchError(f"no answer within {command.timeout_ms} ms") from None

    def _done(self) -> None:
        self._under_way -= 1

    def _failed(self, house: _House, name: str) -> None:
        house.failures += 1
        if house.failures >= FAILURES_MAX:
            house.rests_until = self._clock() + REST_MS
            log.warning("%s failed %d times in a row", name, house.failures)


def _target(url: str) -> SplitResult:
    try:
        target = urlsplit(url)
        _ = target.port
    except ValueError:
        raise FetchError(f"{url[:80]!r} is not an address") from None
    if target.scheme not in ("http", "https") or not target.hostname or not url.isascii():
        raise FetchError(f"{url[:80]!r} is not an address; it begins with http:// or https://")
    if any(letter <= " " for letter in url):
        raise FetchError("the address has a blank in it")
    return target


def _ask(command: Fetch, target: SplitResult, until_s: float) -> Value:
    """One question and its answer, in a thread."""
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    body: bytes | None = None
    headers = {"Accept": "application/json", "User-Agent": "1414"}
    if command.method == "GET":
        query = urlencode({name: _in_query(value) for name, value in command.body.items()})
        path += ("&" if target.query else "?") + query if query else ""
    else:
        body = json.dumps(command.body, ensure_ascii=False).encode()
        headers["Content-Type"] = "application/json"
    kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    left_s = max(0.05, until_s - monotonic_s())
    connection = kind(target.hostname or "", target.port, timeout=left_s)
    try:
        connection.request(command.method, path, body, headers)
        return _answer(connection.getresponse(), until_s)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchError(f"{type(error).__name__}: {error}") from None
    finally:
        connection.close()


def _in_query(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _answer(response: http.client.HTTPResponse, until_s: float) -> Value:
    if not 200 <= response.status < 300:
        raise FetchError(f"the answer is {response.status} {response.reason}"[:100])
    raw = b""
    while some := response.read1(CHUNK_BYTES):
        raw += some
        if len(raw) > ANSWER_BYTES_MAX:
            raise FetchError(f"the answer is longer than {ANSWER_BYTES_MAX} bytes")
        if monotonic_s() > until_s:
            raise FetchError("the answer takes too long")
    return _decoded(raw, response.headers.get_content_type())


def _decoded(raw: bytes, kind: str) -> Value:
    if not raw.strip():
        return {}
    if kind != "application/json" and not kind.endswith("+json"):
        raise FetchError(f"the answer is {kind[:40]}, not JSON")
    try:
        found: Value = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise FetchError("the answer is not JSON") from None
    return {} if found is None else _plain(found)


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _plain(value: Value) -> Value:
    """Numbers too large for a float came as infinity: no value of a menu."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return value
