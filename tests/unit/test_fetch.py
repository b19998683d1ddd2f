"""Questions to other houses: what is sent, what is taken for an answer, and for how long."""

import asyncio
import json
import socket
import threading
from contextlib import contextmanager

import pytest

from acd.fetch import ANSWER_BYTES_MAX, FAILURES_MAX, REST_MS, Fetcher, FetchError
from ivr.core.steps import Fetch

FINE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class House:
    """Answers each connection with the same bytes, or hangs; keeps what was asked."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []
        self.over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/sms"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        assert not self._thread.is_alive()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.asked.append(_request(connection))
                if self.answer is None:
                    self.over.wait(10)
                else:
                    connection.sendall(self.answer)


def _request(connection):
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += connection.recv(4096)
    head, _, body = raw.partition(b"\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    while lengths and len(body) < int(lengths[0].split(b":")[1]):
        body += connection.recv(4096)
    return head.split(b"\r\n")[0].decode(), body


@contextmanager
def house(answer):
    running = House(answer)
    try:
        yield running
    finally:
        running.close()


def answered(body, head=FINE):
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.fixture
def clock():
    return [0]


@pytest.fixture
def fetcher(clock):
    made = Fetcher(lambda: clock[0])
    yield made
    made.close()


def question(url, method="POST", timeout_ms=2000, **body):
    return Fetch("ask", method, url, body, timeout_ms)


async def test_fields_go_out_as_json_and_the_answer_comes_back(fetcher):
    with house(answered(b'{"sent": true, "name": "\xd0\x90"}')) as there:
        found = await fetcher.fetch(question(there.url, to="7701", count=2))
    assert found == {"sent": True, "name": "А"}
    assert there.asked[0][0] == "POST /sms HTTP/1.1"
    assert json.loads(there.asked[0][1]) == {"to": "7701", "count": 2}


async def test_a_get_puts_the_fields_into_the_address(fetcher):
    with house(answered(b"[1]")) as there:
        assert await fetcher.fetch(question(there.url, "GET", q="a b&c", on=True)) == [1]
    assert there.asked == [("GET /sms?q=a+b%26c&on=true HTTP/1.1", b"")]


async def test_an_answer_without_a_body_is_an_answer(fetcher):
    with house(b"HTTP/1.1 204 No Content\r\n\r\n") as there:
        assert await fetcher.fetch(question(there.url)) == {}


BAD = {
    "not 2xx": b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n",
    "a redirect": b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    "not JSON": answered(b"<html>"),
    "another kind": answered(b"{}", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"),
    "not a number": answered(b'{"a": NaN}'),
    "too long": answered(b'"' + b"x" * ANSWER_BYTES_MAX + b'"'),
    "too deep": answered(b"[" * 30_000 + b"]" * 30_000),
    "no HTTP": b"220 mail.example ESMTP\r\n",
    "cut off": FINE + b'Content-Length: 100\r\n\r\n{"a"',
    "nothing": b"",
}


@pytest.mark.parametrize("kind", BAD)
async def test_whatever_else_comes_is_no_answer(fetcher, kind):
    with house(BAD[kind]) as there:
        with pytest.raises(FetchError):
            await fetcher.fetch(question(there.url))
        assert len(there.asked) == 1


async def test_a_house_that_hangs_costs_its_time_and_no_more(fetcher):
    with house(None) as there:
        began = asyncio.get_running_loop().time()
        with pytest.raises(FetchError, match=r"no answer within 200 ms|timed out"):
            await fetcher.fetch(question(there.url, timeout_ms=200))
        assert asyncio.get_running_loop().time() - began < 1.5


async def test_who_fails_again_and_again_is_left_alone_and_tried_again_later(fetcher, clock):
    with house(BAD["not 2xx"]) as there:
        for _ in range(FAILURES_MAX):
            with pytest.raises(FetchError, match="500"):
                await fetcher.fetch(question(there.url))
        with pytest.raises(FetchError, match="left alone"):
            await fetcher.fetch(question(there.url))
        assert len(there.asked) == FAILURES_MAX
        clock[0] = REST_MS
        there.answer = answered(b"{}")
        assert await fetcher.fetch(question(there.url)) == {}
        there.answer = BAD["not 2xx"]
        with pytest.raises(FetchError, match="500"):  # one failure after an answer is only one
            await fetcher.fetch(question(there.url))
        with pytest.raises(FetchError, match="500"):
            await fetcher.fetch(question(there.url))


@pytest.mark.parametrize(
    "url",
    ["", "ftp://a/b", "http://", "http://a:b/", "file:///etc/passwd", "http://a b/", "http://é/"],
)
async def test_what_is_no_address_is_not_asked(fetcher, url):
    with pytest.raises(FetchError, match="address"):
        await fetcher.fetch(question(url))


async def test_nobody_there_is_said_in_a_sentence(fetcher):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(FetchError, match="ConnectionRefusedError"):
        await fetcher.fetch(question(f"http://127.0.0.1:{port}/"))
