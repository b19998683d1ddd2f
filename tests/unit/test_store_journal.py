"""No record is lost: what is put survives a dead database, a dead disk and a dead service."""

import gc
import logging
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text

from acd.core.names import ContactId, Millis, OperatorId
from acd.store import EventRow, IntervalRow, OperatorNowRow, Records, Store, StoreError
from acd.store.database import find, writing_engine
from tests import postgres
from tests.unit.records import (
    ANSWERED,
    CALL,
    MORNING,
    QUICK,
    WAIT_S,
    closing_engine,
    locked,
    opened,
    put_events,
    seqs,
)

FEW = replace(QUICK, batch_rows=5, spill_rows=20)
SMALL = replace(QUICK, segment_bytes=2_000, journal_retry_ms=0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@contextmanager
def away(url: str, server: postgres.Server | None) -> Iterator[None]:
    """The database cannot be written: the file is locked, or the server is dead."""
    path = find(url).path
    if path is not None:
        with locked(path):
            yield
        return
    assert server is not None
    server.stop()
    try:
        yield
    finally:
        server.start()


@pytest.fixture
def outage(request: pytest.FixtureRequest, url: str) -> Callable[[], AbstractContextManager[None]]:
    is_file = find(url).path is not None
    server = None if is_file else request.getfixturevalue("server")
    return lambda: away(url, server)


def rows_of(folder: Path) -> list[bytes]:
    return [
        line for path in sorted(folder.glob("*.rows")) for line in path.read_bytes().splitlines()
    ]


SERVICE = """
import sys
from dataclasses import replace
from pathlib import Path
from acd.store import Limits, Store
from tests.unit.records import CALL, PROMPT

store = Store.open(sys.argv[1], lambda _: None, PROMPT, Path(sys.argv[2]))
first = int(sys.argv[3])
for number in range(first, first + 1_000_000):
    store.event(CALL.id, number, number, "step", {"text": "x" * 50})
    store.call(replace(CALL, step=number))
    store.operator_now("op001", str(number), number, logged_in=True)
    print(number, flush=True)
"""


def killed_after(
    count: int,
    url: str,
    folder: Path,
    first: int = 0,
    until: Callable[[], bool] = lambda: True,
) -> int:
    """Run a service until so many rows were acknowledged, or more; the last that was."""
    child = subprocess.Popen(
        [sys.executable, "-c", SERVICE, url, str(folder), str(first)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        last = -1
        while last < first + count or not until():
            last = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        whole = [line for line in child.stdout.readlines() if line.endswith("\n")]
    return int(whole[-1]) if whole else last


@pytest.mark.parametrize("state", ["working", "away"])
def test_every_row_acknowledged_before_a_kill_is_there_once_and_in_order(
    state, url, outage, folder, alerts
):
    with opened(url, alerts):
        pass
    last = -1
    for _ in range(2):  # the second run begins with the rows of the first, and is killed too
        with outage() if state == "away" else nullcontext():
            last = killed_after(1_000, url, folder, first=last + 1)
    with opened(url, alerts, journal=folder) as store:
        assert store.flush(60) and store.health().journal_rows == 0
        found = store.records.operators_now()[OperatorId("op001")]
        story = store.records.call(CALL.id)
        assert story is not None
        numbers = seqs(store.records)
        assert numbers == list(range(len(numbers)))
        assert len(numbers) - 1 in (last, last + 1)
        assert story.row.step in (last, last + 1)
        assert found.since in (last, last + 1)
    assert rows_of(folder) == []


def test_while_the_rest_is_written_after_a_kill_nothing_old_comes_over_what_was_newer(
    url, folder, alerts
):
    steps = []
    with opened(url, alerts):
        pass
    with closing(Records.open(url)) as records:

        def look() -> int:
            story = records.call(CALL.id)
            steps.append(story.row.step if story else 0)
            return steps[-1]

        last = killed_after(500, url, folder, until=lambda: look() > 0)
        look()
        with opened(url, alerts, replace(FEW, start_ms=0), folder) as store:
            while not store.flush(0):
                look()
            assert look() in (last, last + 1)
    assert steps == sorted(steps)


def test_a_replay_that_was_cut_short_goes_on_where_it_stopped(url, outage, folder, alerts):
    slow = replace(FEW, batch_rows=1, start_ms=0)
    store = Store.open(url, alerts.say, slow, folder)
    with outage():
        put_events(store, 0, 3_000)
        assert store.close(0) == 0
    store = Store.open(url, alerts.say, slow, folder)
    while not store.health().written_rows:
        pass
    store.close(0)
    before = store.health().written_rows
    with opened(url, alerts, QUICK, folder) as store:
        assert store.flush(WAIT_S)
        assert seqs(store.records) == list(range(3_000))
        assert before + store.health().written_rows == 3_000
    assert 0 < before < 3_000


def test_rows_of_an_earlier_run_yield_to_newer_ones_that_came_by_another_way(
    url, outage, folder, tmp_path, alerts
):
    who, operator = CALL.id, OperatorId("op001")
    with opened(url, alerts):
        pass
    store = Store.open(url, alerts.say, QUICK, folder)
    with outage():
        store.call(CALL)
        store.operator_now(operator, "lunch", Millis(5), logged_in=True)
        store.event(who, 0, Millis(5), "arrived", {})
        assert store.close(0) == 0
    with opened(url, alerts, QUICK, tmp_path / "another") as store:
        store.call(ANSWERED)
        store.operator_now(operator, None, Millis(9), logged_in=False)
    with opened(url, alerts, QUICK, folder) as store:
        story = store.records.call(who)
        assert story is not None
        assert (story.row, len(story.events)) == (ANSWERED, 1)
        assert store.records.operators_now() == {
            operator: OperatorNowRow(operator, logged_in=False, pause=None, since=Millis(9))
        }


def test_all_kinds_of_rows_come_back_from_the_journal_as_they_were_put(url, outage, folder, alerts):
    interval = IntervalRow(OperatorId("op001"), Millis(1), Millis(2), "talking", None, CALL.id)
    particulars = {"тема": "Зейнетақы", "odd": "\ud83d\udcde \n\u2028", "list": [1, None, 2.5]}
    with opened(url, alerts):
        pass
    store = Store.open(url, alerts.say, QUICK, folder)
    with outage():
        store.call(replace(ANSWERED, fallback=True))
        store.event(CALL.id, 0, Millis(MORNING), "arrived", particulars)
        store.interval(interval)
        store.close(0)
    with opened(url, alerts, QUICK, folder) as store:
        story = store.records.call(CALL.id)
        assert story is not None
        assert story.row == replace(ANSWERED, fallback=True)
        assert story.events[0].data["тема"] == "Зейнетақы"
        assert store.records.operator_tallies(Millis(0))[OperatorId("op001")].calls == 1


def events_in_memory() -> int:
    gc.collect()
    return sum(isinstance(each, EventRow) for each in gc.get_objects())


def test_more_rows_than_memory_should_hold_wait_on_disk_alone(url, outage, folder, alerts):
    others = events_in_memory()  # of tests before this one in the same process
    with opened(url, alerts, FEW, folder) as store:
        put_events(store, 0, 10)
        assert store.flush(WAIT_S)
        with outage():
            put_events(store, 10, 1_500)
            said = alerts.next()
            in_memory = events_in_memory() - others
            health = store.health()
        put_events(store, 1_500, 1_600)
        assert store.flush(WAIT_S)
        assert alerts.next() is None
        assert seqs(store.records) == list(range(1_600))
        after = store.health()
    assert in_memory < 200  # 20, a batch, and what a log of an error still holds
    assert (health.queued_rows, health.journal_rows, health.lost_rows) == (1_490, 1_490, 0)
    assert (after.journal_rows, after.written_rows) == (0, 1_600)
    assert said is not None
    assert f"the records wait on disk in {folder} until it works again" in said


@contextmanager
def full(_file: Path) -> Iterator[None]:
    pages = [4]

    def limit_pages(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages[0]}")

    event.listen(Engine, "connect", limit_pages)
    try:
        yield
    finally:
        pages[0] = 1_000_000
        event.remove(Engine, "connect", limit_pages)


@contextmanager
def a_folder_that_is_gone(file: Path) -> Iterator[None]:
    moved = file.parent.rename(file.parent.with_name("moved"))
    file.parent.write_text("in the way")
    yield
    file.parent.unlink()
    moved.rename(file.parent)


@pytest.mark.parametrize("trouble", [locked, full, a_folder_that_is_gone])
def test_rows_put_while_the_file_fails_outlive_a_stop_and_a_start_in_the_middle(
    trouble, file, folder, alerts
):
    url = f"sqlite:///{file}"
    store = Store.open(url, alerts.say, FEW, folder)
    put_events(store, 0, 10)
    assert store.flush(WAIT_S)
    with trouble(file):
        put_events(store, 10, 500)
        assert "calls are not being recorded" in (alerts.next() or "")
        assert store.close(timeout_s=0.05) == 0
        again = Store.open(url, alerts.say, FEW, folder)
        assert "calls are not being recorded" in (alerts.next() or "")
        put_events(again, 500, 600)
        waiting = again.health().journal_rows
    assert again.flush(WAIT_S)
    assert alerts.next() is None
    assert seqs(again.records) == list(range(600))
    assert again.close() == 0
    assert waiting > 100
    assert rows_of(folder) == []


def test_rows_put_after_the_file_was_deleted_are_all_in_the_new_one(file, folder, alerts):
    with opened(file, alerts, FEW, folder) as store:
        put_events(store, 0, 10)
        assert store.flush(WAIT_S)
        for path in file.parent.glob("1414.sqlite*"):
            path.unlink()
        put_events(store, 10, 200)
        assert "removed or replaced" in (alerts.next() or "")
        assert alerts.next() is None
        assert store.flush(WAIT_S)
        assert seqs(store.records) == list(range(10, 200))


def test_the_service_starts_with_the_database_away_and_records_when_it_is_back(
    url, outage, folder, alerts
):
    with opened(url, alerts):
        pass
    with outage():
        store = Store.open(url, alerts.say, FEW, folder)
        said = alerts.next()
        put_events(store, 0, 100)
        assert not store.flush(0.05)
        health = store.health()
    assert store.flush(WAIT_S)
    assert alerts.next() is None
    assert seqs(store.records) == list(range(100))
    assert store.close() == 0
    assert (health.journal_rows, health.last_error is None) == (100, False)
    assert said is not None
    assert "calls are not being recorded" in said


@pytest.mark.parametrize("prepare", ["folder in the way", "nothing there", "no server"])
def test_a_database_that_was_never_there_does_not_keep_the_service_from_starting(
    prepare, file, folder, alerts
):
    url = f"sqlite:///{file}"
    if prepare == "folder in the way":
        file.mkdir(parents=True)
    elif prepare == "nothing there":
        file.parent.symlink_to("/proc/1414")
    else:
        pytest.importorskip("psycopg", reason="psycopg is not installed")
        url = "postgresql+psycopg://acd:hidden@127.0.0.1:1/1414"
    store = Store.open(url, alerts.say, FEW, folder)
    said = alerts.next()
    put_events(store, 0, 10)
    assert store.close(timeout_s=0.05) == 0
    assert len(rows_of(folder)) == 10
    assert said is not None
    assert said.startswith("calls are not being recorded: cannot use the database")
    assert "hidden" not in said


def not_a_database(file: Path) -> str:
    file.parent.mkdir()
    file.write_text("calls of today: many, and this is long enough to be no header at all\n" * 9)
    return f"sqlite:///{file}"


def from_a_newer_version(file: Path) -> str:
    Store.open(f"sqlite:///{file}", print).close()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v9999'")
    return f"sqlite:///{file}"


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        (not_a_database, "it is not a database; move it away"),
        (from_a_newer_version, "newer version of this program made it"),
        (lambda _: "1414.sqlite", "is not an URL"),
        (lambda _: "mysql://h/d", "this kind of database is not known"),
    ],
)
def test_what_waiting_does_not_mend_is_an_error_also_with_a_journal(
    prepare, expected, file, folder, alerts
):
    with pytest.raises(StoreError, match=expected):
        Store.open(prepare(file), alerts.say, QUICK, folder)
    with opened(file.with_name("another.sqlite"), alerts, QUICK, folder) as store:
        put_events(store, 0, 3)


def test_a_second_store_on_the_same_journal_is_refused_in_one_sentence(
    file, folder, tmp_path, alerts
):
    with opened(file, alerts, QUICK, folder) as store:
        put_events(store, 0, 3)
        with pytest.raises(StoreError, match="another copy of the service keeps its") as caught:
            Store.open(f"sqlite:///{tmp_path / 'other.sqlite'}", alerts.say, QUICK, folder)
        put_events(store, 3, 6)
        assert store.flush(WAIT_S)
        assert seqs(store.records) == list(range(6))
    assert "\n" not in str(caught.value)
    with opened(file, alerts, QUICK, folder) as store:
        assert store.health().queued_rows == 0


def left_behind(url: str, folder: Path, alerts: Callable[[str | None], None], count: int) -> None:
    """A run that could not reach its database and left rows in the journal."""
    store = Store.open(url, alerts, SMALL, folder)
    path = find(url).path
    assert path is not None
    with locked(path):
        put_events(store, 0, count)
        assert store.close(timeout_s=0) == 0
    assert len(rows_of(folder)) == count


def tear_the_last_line(lines: list[bytes]) -> bytes:
    return b"".join(lines)[:-9]


def spoil_a_line(lines: list[bytes]) -> bytes:
    lines[3] = lines[3].replace(b'"step"', b'"stap"')
    return b"".join(lines)


def overwrite_with_zeros(lines: list[bytes]) -> bytes:
    lines[3] = bytes(len(lines[3])) + b"\n"
    return b"".join(lines)


@pytest.mark.parametrize("damage", [tear_the_last_line, spoil_a_line, overwrite_with_zeros])
def test_a_damaged_line_is_told_kept_and_passed_over(damage, file, folder, alerts, caplog):
    caplog.set_level(logging.CRITICAL, logger="acd.store.journal")
    left_behind(f"sqlite:///{file}", folder, print, 60)
    victim = sorted(folder.glob("*.rows"))[1]
    lines = victim.read_bytes().splitlines(keepends=True)
    first = (
        60 - len(rows_of(folder)) + len(sorted(folder.glob("*.rows"))[0].read_bytes().splitlines())
    )
    lost = first + (len(lines) - 1 if damage is tear_the_last_line else 3)
    victim.write_bytes(damage(lines))
    with opened(file, alerts, SMALL, folder) as store:
        put_events(store, 60, 70)
        assert store.flush(WAIT_S)
        assert seqs(store.records) == [seq for seq in range(70) if seq != lost]
        said = alerts.next()
        health = store.health()
    assert said is not None
    assert f"1 damaged lines of the journal {folder} were left out; they are kept in" in said
    assert health.journal_error == said
    assert len((folder / "damaged").read_bytes()) > 20
    with opened(file, alerts, SMALL, folder) as store:
        assert store.health().journal_error is None


def test_a_segment_somebody_removed_is_told_and_the_others_are_read(file, folder, alerts, caplog):
    caplog.set_level(logging.CRITICAL, logger="acd.store.journal")
    left_behind(f"sqlite:///{file}", folder, print, 60)
    first, second, *_ = sorted(folder.glob("*.rows"))
    kept = len(first.read_bytes().splitlines())
    gone = len(second.read_bytes().splitlines())
    second.unlink()
    with opened(file, alerts, SMALL, folder) as store:
        assert store.flush(WAIT_S)
        assert seqs(store.records) == [*range(kept), *range(kept + gone, 60)]


def test_a_full_disk_under_the_journal_is_told_and_the_rows_follow_when_there_is_room(
    file, folder, alerts
):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    big = replace(QUICK, journal_retry_ms=0)
    store = Store.open(f"sqlite:///{file}", alerts.say, big, folder)
    with locked(file):
        put_events(store, 0, 10)
        assert "wait on disk" in (alerts.next() or "")
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, hard))  # only the journal writes now
        try:
            for number in range(10, 500):
                put_events(store, number, number + 1)
                if store.health().journal_error:
                    break
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        said = store.health().journal_error
        at_worst = store.health()
        put_events(store, number + 1, 500)
        health = store.health()
        assert store.close(timeout_s=0) == 0
    assert said is not None
    assert "a crash of the service would lose records: the journal" in said
    assert "free some space on its disk" in said
    assert at_worst.queued_rows - at_worst.journal_rows == 1
    assert (health.journal_rows, health.journal_error) == (500, None)
    with opened(file, alerts, QUICK, folder) as store:
        assert seqs(store.records) == list(range(500))
        assert store.health().journal_error is None  # nothing half written was left


def test_a_journal_that_cannot_be_written_is_told_and_rows_go_to_the_database_all_the_same(
    url, folder, alerts
):
    each_row_a_file = replace(QUICK, segment_bytes=1, journal_retry_ms=0)
    with opened(url, alerts, each_row_a_file, folder) as store:
        put_events(store, 0, 10)
        assert store.flush(WAIT_S)
        moved = folder.rename(folder.with_name("moved"))
        folder.write_text("in the way")
        put_events(store, 10, 20)
        assert store.flush(WAIT_S)
        said = alerts.next()
        folder.unlink()
        moved.rename(folder)
        put_events(store, 20, 30)
        assert store.flush(WAIT_S)
        assert alerts.next() is None
        assert seqs(store.records) == list(range(30))
    assert said is not None
    assert f"the journal {folder} cannot be written: File exists; let the user who runs" in said


def test_a_journal_folder_that_cannot_be_made_does_not_keep_the_service_from_starting(
    file, folder, alerts
):
    folder.write_text("in the way")
    with opened(file, alerts, QUICK, folder) as store:
        said = alerts.next()
        put_events(store, 0, 10)
        assert store.flush(WAIT_S)
        assert seqs(store.records) == list(range(10))
        assert store.health().journal_error == said
        assert alerts.is_silent()
    assert said is not None
    assert "cannot be written: File exists; put it right and restart the service" in said


def test_with_database_and_journal_both_dead_rows_wait_in_memory_up_to_the_bound(
    file, folder, alerts, caplog
):
    caplog.set_level(logging.CRITICAL, logger="acd.store.writer")
    folder.write_text("in the way")
    with opened(file, alerts, replace(FEW, rows_max=20), folder) as store:
        assert "the journal" in (alerts.next() or "")
        with locked(file):
            put_events(store, 0, 20)
            first = alerts.next()
            put_events(store, 20, 25)
            second = alerts.next()
        assert store.flush(WAIT_S)
        assert seqs(store.records) == list(range(20))
        assert store.health().lost_rows == 5
    assert first is not None
    assert second is not None
    assert "the records wait in memory until it works again; a crash of the service" in first
    assert "records of calls are lost, 20 wait already" in second


def test_a_row_no_journal_can_say_is_logged_and_does_not_stop_the_others(
    url, folder, alerts, caplog
):
    caplog.set_level(logging.CRITICAL, logger="acd.store")
    endless: dict[str, object] = {}
    endless["again"] = endless
    with opened(url, alerts, QUICK, folder) as store:
        put_events(store, 0, 3)
        store.event(CALL.id, 3, Millis(0), "no JSON", {"socket": object()})
        store.event(CALL.id, 4, Millis(0), "no end", endless)
        store.event(CALL.id, 5, Millis(2**70), "no moment", {})
        store.event(ContactId("\ud800"), 6, Millis(0), "no text", {})
        put_events(store, 7, 9)
        assert store.flush(WAIT_S)
        assert seqs(store.records) == [0, 1, 2, 7, 8]
        health = store.health()
    assert (health.written_rows, health.refused_rows, health.journal_rows) == (5, 4, 0)
    assert rows_of(folder) == []


def test_segments_go_when_their_rows_are_in_and_the_database_notes_how_far_it_is(
    url, folder, alerts
):
    with opened(url, alerts, SMALL, folder) as store:
        put_events(store, 0, 1_000)
        assert store.flush(WAIT_S)
        put_events(store, 1_000, 1_001)  # what is removed follows the flush
        assert store.flush(WAIT_S)
    assert len(rows_of(folder)) == 0
    assert len(list(folder.glob("*.rows"))) == 1
    with (
        closing_engine(writing_engine(find(url), 1000)) as engine,
        engine.begin() as connection,
    ):
        assert connection.scalar(text("SELECT count(*) FROM journals")) == 1
    with opened(url, alerts, SMALL, folder) as store:  # positions go on after an empty journal
        put_events(store, 1_001, 1_002)
    with opened(url, alerts, SMALL, folder) as store:
        assert seqs(store.records) == list(range(1_002))
