"""What the tests of the records share: a call, and a database of either kind."""

import queue
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from acd.core.names import ContactId, Language, Millis, OperatorId, QueueId, Topic
from acd.store import CallRow, Limits, Records, Store
from tests import postgres

QUICK = Limits(gather_ms=2, retry_min_ms=5, retry_max_ms=20, busy_ms=20, open_ms=100, start_ms=100)
PROMPT = replace(QUICK, batch_rows=50, retry_max_ms=200)
WAIT_S = 20.0
MORNING = 1_795_376_382_000

CALL = CallRow(
    id=ContactId("n1-1795376382.0"),
    node="n1",
    arrived_at=Millis(MORNING),
    number="77011234567",
    language=Language("ru"),
    topic=Topic("pension"),
    queue=QueueId("social"),
    queued_at=Millis(MORNING + 9_000),
    menu="main",
    menu_version="7f3a",
)
ANSWERED = replace(
    CALL,
    connected_at=Millis(MORNING + 20_000),
    talk_ended_at=Millis(MORNING + 80_000),
    ended_at=Millis(MORNING + 81_000),
    outcome="answered",
    wait_ms=Millis(11_000),
    operator=OperatorId("op001"),
    skill_level=4,
    handle_ms=Millis(70_000),
)


class Alerts:
    """What the store said to the people in charge."""

    def __init__(self) -> None:
        self._said: queue.Queue[str | None] = queue.Queue()

    def say(self, sentence: str | None) -> None:
        self._said.put(sentence)

    def next(self) -> str | None:
        return self._said.get(timeout=WAIT_S)

    def is_silent(self) -> bool:
        return self._said.empty()


@pytest.fixture
def alerts() -> Alerts:
    return Alerts()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "var" / "1414.sqlite"


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    reason = postgres.missing()
    if reason:
        pytest.skip(reason)
    with postgres.server() as running:
        yield running


_databases = count()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('file')}"
    running: postgres.Server = request.getfixturevalue("server")
    name = f"records{next(_databases)}"
    engine = create_engine(running.url, isolation_level="AUTOCOMMIT")
    with closing_engine(engine), engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    return running.url.replace("/postgres?", f"/{name}?")


@contextmanager
def closing_engine(engine: Engine) -> Iterator[Engine]:
    yield engine
    engine.dispose()


@contextmanager
def opened(
    url: str | Path, alerts: Alerts, limits: Limits = QUICK, journal: Path | None = None
) -> Iterator[Store]:
    name = f"sqlite:///{url}" if isinstance(url, Path) else url
    store = Store.open(name, alerts.say, limits, journal)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def put_events(store: Store, first: int, last: int) -> None:
    for seq in range(first, last):
        store.event(CALL.id, seq, Millis(MORNING + seq), "step", {"seq": seq})


def seqs(records: Records) -> list[int]:
    story = records.call(CALL.id)
    return [line.seq for line in story.events] if story else []
