"""The service's socket, spoken to by clients of every kind."""

import asyncio
import json
import os
import socket
import stat
from contextlib import asynccontextmanager

import pytest

from acd.api import REQUEST_MAX, Api, RequestError, text_of
from tests.unit.agi_peer import until


async def echo(request):
    return {"got": request.get("text")}


async def fail(request):
    raise RuntimeError("a bug of ours")


async def confuse(request):
    raise ValueError("a bug of ours")


async def refuse(request):
    raise RequestError("there is no operator 'op999'")


class Monitor:
    def __init__(self, size=10):
        self.size = size
        self.asked = 0

    async def __call__(self, request):
        self.asked += 1
        return {"number": self.asked, "rows": "x" * self.size}


@asynccontextmanager
async def served(folder, monitor=None, **options):
    handlers = {"echo": echo, "fail": fail, "confuse": confuse, "refuse": refuse}
    api = Api(handlers | {"monitor": monitor or Monitor()}, **options)
    path = folder / "run" / "acd.sock"
    await api.start(path)
    try:
        yield api, path
    finally:
        await api.close()


class Client:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def read(self):
        try:
            async with asyncio.timeout(5):
                line = await self.reader.readline()
        except ConnectionResetError:
            return None  # closed with words of ours unread
        return json.loads(line) if line else None

    async def ask(self, request):
        data = request if isinstance(request, bytes) else json.dumps(request).encode()
        self.writer.write(data + b"\n")
        return await self.read()


@asynccontextmanager
async def client(path):
    reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 24)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


async def test_requests_of_one_connection_are_answered_in_order(tmp_path):
    async with served(tmp_path) as (_, path), client(path) as one:
        one.writer.write(b"".join(b'{"do": "echo", "text": "%d"}\n' % n for n in range(100)))
        answers = [await one.read() for _ in range(100)]
    assert answers == [{"ok": True, "data": {"got": str(n)}} for n in range(100)]


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (b"{bad", "the request is not JSON"),
        (b"", "the request is not JSON"),
        (b"\xff\xfe", "the request is not JSON"),
        (b"[" * 5000, "the request is not JSON"),
        (b'["queues"]', "a request is an object"),
        (b"null", "a request is an object"),
        ({"do": "dance"}, "'dance' is not a request; known: echo, fail"),
        ({}, "'None' is not a request"),
        ({"do": ["echo"]}, "is not a request"),
        (b'{"do": "\\ud800"}', "'?' is not a request"),
        ({"do": "refuse"}, "there is no operator 'op999'"),
        ({"do": "fail"}, "the service failed at this; see its log"),
        ({"do": "confuse"}, "the service failed at this; see its log"),
    ],
)
async def test_a_request_that_cannot_be_served_is_told_why_and_the_connection_stays(
    tmp_path, request_, error
):
    async with served(tmp_path) as (_, path), client(path) as one:
        answer = await one.ask(request_)
        assert answer["ok"] is False and error in answer["error"]
        assert await one.ask({"do": "echo", "text": "Әлия"}) == {
            "ok": True,
            "data": {"got": "Әлия"},
        }


async def test_a_huge_line_is_refused_and_ends_that_connection_alone(tmp_path):
    async with served(tmp_path) as (_, path), client(path) as one, client(path) as other:
        one.writer.write(b'{"do": "echo", "text": "' + b"x" * REQUEST_MAX * 4)
        answer = await one.read()
        assert answer == {"ok": False, "error": f"a request is at most {REQUEST_MAX} bytes long"}
        assert await one.read() is None
        long = "x" * (REQUEST_MAX - 100)
        assert (await other.ask({"do": "echo", "text": long}))["data"]["got"] == long


async def test_half_a_line_keeps_nobody_waiting(tmp_path):
    async with served(tmp_path) as (api, path), client(path) as slow, client(path) as other:
        slow.writer.write(b'{"do": "ec')
        assert (await other.ask({"do": "echo", "text": "a"}))["ok"]
        slow.writer.write(b'ho", "text": "b"}\n')
        assert (await slow.read())["data"] == {"got": "b"}
        slow.writer.write(b'{"do": "ec')
        slow.writer.close()
        await until(lambda: len(api._clients) == 1)


async def test_many_clients_at_once_each_get_their_own_answer(tmp_path):
    async with served(tmp_path) as (_, path):

        async def one(number):
            async with client(path) as each:
                return await each.ask({"do": "echo", "text": str(number)})

        answers = await asyncio.gather(*(one(n) for n in range(100)))
    assert [answer["data"]["got"] for answer in answers] == [str(n) for n in range(100)]


async def test_a_stream_goes_on_until_the_client_goes(tmp_path):
    monitor = Monitor()
    async with served(tmp_path, monitor, stream_every_s=0.01) as (api, path):
        async with client(path) as one:
            first = await one.ask({"do": "monitor", "stream": True})
            numbers = [first["data"]["number"]] + [
                (await one.read())["data"]["number"] for _ in range(3)
            ]
            assert numbers == [1, 2, 3, 4]
        await until(lambda: not api._clients)
        asked = monitor.asked
        await asyncio.sleep(0.05)
        assert monitor.asked == asked


async def test_without_stream_the_monitor_answers_once(tmp_path):
    monitor = Monitor()
    async with served(tmp_path, monitor, stream_every_s=0) as (_, path), client(path) as one:
        await one.ask({"do": "monitor"})
        assert (await one.ask({"do": "echo"}))["data"] == {"got": None}
    assert monitor.asked == 1


async def test_a_client_that_stops_reading_is_dropped_and_others_are_served(tmp_path):
    big = Monitor(size=500_000)
    options = {"stream_every_s": 0, "answer_timeout_s": 0.1}
    async with served(tmp_path, big, **options) as (api, path):
        deaf = socket.socket(socket.AF_UNIX)
        deaf.connect(str(path))
        deaf.sendall(b'{"do": "monitor", "stream": true}\n')
        async with client(path) as one:
            await until(lambda: big.asked and len(api._clients) == 2)
            for number in range(20):
                assert (await one.ask({"do": "echo", "text": str(number)}))["ok"]
            await until(lambda: len(api._clients) == 1)
            asked = big.asked
            assert (await one.ask({"do": "echo"}))["ok"]
            assert big.asked == asked
        deaf.close()


async def test_the_socket_belongs_to_its_owner_alone_and_goes_with_the_service(tmp_path):
    before = os.umask(0)
    try:
        async with served(tmp_path) as (_, path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert os.umask(0) == 0, "the umask is given back"
        assert not path.exists()
    finally:
        os.umask(before)


async def test_a_socket_left_by_a_dead_process_is_replaced(tmp_path):
    (tmp_path / "run").mkdir()
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "run" / "acd.sock"))
    dead.listen()
    dead.close()
    async with served(tmp_path) as (_, path), client(path) as one:
        assert (await one.ask({"do": "echo"}))["ok"]


async def test_the_socket_of_a_live_service_is_left_alone(tmp_path):
    async with served(tmp_path) as (_, path):
        with pytest.raises(OSError, match="another service answers"):
            async with served(tmp_path):
                pass
        async with client(path) as one:
            assert (await one.ask({"do": "echo"}))["ok"]


async def test_a_file_that_is_no_socket_is_never_removed(tmp_path):
    (tmp_path / "run").mkdir()
    precious = tmp_path / "run" / "acd.sock"
    precious.write_text("records")
    with pytest.raises(OSError, match="no socket"):
        async with served(tmp_path):
            pass
    assert precious.read_text() == "records"


async def test_closing_drops_the_clients_that_are_still_there(tmp_path):
    async with served(tmp_path, stream_every_s=60) as (api, path), client(path) as one:
        await one.ask({"do": "monitor", "stream": True})
        await api.close()
        assert await one.read() is None
        assert not api._clients and not path.exists()


def test_a_value_of_the_wrong_kind_is_refused_by_name():
    assert text_of({"a": "x"}, "a") == "x"
    assert text_of({}, "a", default="d") == "d"
    for value in (1, ["x"], {"x": 1}, True):
        with pytest.raises(RequestError, match="'a' must be a text"):
            text_of({"a": value}, "a")
