"""The records of calls, in real SQLite files and on a real PostgreSQL."""

import logging
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, event, insert, text

from acd.core.commands import Decided
from acd.core.names import ContactId, Language, Millis, OperatorId, QueueId, Topic
from acd.store import (
    CallbackRow,
    CallRow,
    DecisionRow,
    EventRow,
    IntervalRow,
    OperatorNowRow,
    OperatorTally,
    QueueTally,
    Records,
    Store,
    StoreError,
)
from acd.store.batches import BatchWriter
from acd.store.database import MIGRATIONS, bring_up_to_date, find, writing_engine
from acd.store.tables import decisions, metadata
from acd.store.writer import Writer
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


def test_a_call_is_read_back_with_its_timeline_and_the_reasons_of_the_choice(url, alerts):
    decided = Decided(
        contact=CALL.id,
        at=Millis(MORNING + 12_000),
        rule="longest_idle",
        taken=OperatorId("op001"),
        candidates=(OperatorId("op001"), OperatorId("op007")),
        refused={"talking": 31, "language": 12},
        waited_ms=Millis(3_000),
        step=1,
        candidate_count=7,
        estimated_wait_ms=Millis(14_000),
    )
    inputs = {"language": "ru", "routes": [["pension", 2, 1]], "reserve": False, "prefers": []}
    with opened(url, alerts) as store:
        store.call(CALL)
        store.event(CALL.id, 0, CALL.arrived_at, "arrived", {"menu": "main", "тема": "Зейнетақы"})
        store.event(CALL.id, 1, Millis(MORNING + 9_000), "queued", {})
        store.decision(0, decided, inputs)
        store.call(ANSWERED)
        assert store.flush(WAIT_S)

        story = store.records.call(CALL.id)

    assert story is not None
    assert story.row == ANSWERED
    assert story.events == (
        EventRow(CALL.id, 0, CALL.arrived_at, "arrived", {"menu": "main", "тема": "Зейнетақы"}),
        EventRow(CALL.id, 1, Millis(MORNING + 9_000), "queued", {}),
    )
    [decision] = story.decisions
    assert decision == DecisionRow(
        CALL.id,
        0,
        decided.at,
        "longest_idle",
        decided.taken,
        decided.candidates,
        decided.refused,
        decided.waited_ms,
        1,
        Millis(14_000),
        7,
        inputs,
    )
    assert alerts.is_silent()


def test_a_decision_of_an_earlier_version_is_read_with_its_names_counted(url, alerts):
    with opened(url, alerts) as store:
        assert store.flush(WAIT_S)
        engine = create_engine(url)
        with closing_engine(engine), engine.begin() as connection:
            connection.execute(
                insert(decisions).values(
                    call=CALL.id,
                    seq=0,
                    at=MORNING,
                    rule="widen",
                    candidates='["op001","op002"]',
                    refused='{"talking":["op003","op004"]}',
                    waited_ms=0,
                    step=1,
                )
            )
        story = store.records.call(CALL.id)
    assert story is not None
    [decision] = story.decisions
    assert (decision.refused, decision.candidate_count, decision.inputs) == (
        {"talking": 2},
        2,
        None,
    )


def test_what_an_operator_did_at_a_moment_is_known_from_the_stay_that_covers_it(url, alerts):
    operator = OperatorId("op001")
    with opened(url, alerts) as store:
        store.interval(IntervalRow(operator, Millis(1000), Millis(5000), "ready"))
        store.interval(IntervalRow(operator, Millis(5000), Millis(9000), "paused", "lunch"))
        assert store.flush(WAIT_S)
        found = [store.records.operator_at(operator, Millis(at)) for at in (999, 4999, 5000, 9000)]
    assert found == [None, ("ready", None), ("paused", "lunch"), None]


def test_callbacks_are_open_until_closed_and_the_last_row_counts(url, alerts):
    first = CallbackRow(
        ContactId("c1~cb"),
        CALL.id,
        "k1",
        "+77010001122",
        QueueId("social"),
        Topic("pension"),
        Language("ru"),
        Millis(MORNING),
        Millis(0),
        Millis(MORNING + 20_000),
    )
    second = replace(first, contact=ContactId("c2~cb"), queued_at=Millis(MORNING - 1))
    done = replace(first, tries=2, last="busy", closed="answered", closed_at=Millis(MORNING + 99))
    with opened(url, alerts) as store:
        for row in (first, second, done):
            store.callback(row)
        assert store.flush(WAIT_S)
        assert store.records.open_callbacks() == [second]
        assert store.records.callbacks_since(Millis(MORNING + 99)) == [second, done]
        assert store.records.callbacks_since(Millis(MORNING + 100)) == [second]


def test_who_gave_up_lately_is_known_by_number(url, alerts):
    given_up = replace(CALL, outcome="abandoned", ended_at=Millis(MORNING + 60_000))
    with opened(url, alerts) as store:
        store.call(given_up)
        store.call(replace(ANSWERED, id=ContactId("n1-2.0"), number="77015550000"))
        assert store.flush(WAIT_S)
        assert store.records.gave_up_since(Millis(MORNING + 60_000)) == {
            CALL.number: MORNING + 60_000
        }
        assert store.records.gave_up_since(Millis(MORNING + 60_001)) == {}


def test_a_row_is_written_soon_although_nobody_waits_for_it(url, alerts):
    deadline = monotonic() + WAIT_S
    with opened(url, alerts) as store:
        for number in (0, 1):
            put_events(store, number, number + 1)
            while len(seqs(store.records)) <= number:
                assert monotonic() < deadline
        assert alerts.is_silent()


def test_an_unknown_call_is_none_and_a_timeline_without_its_call_is_still_shown(url, alerts):
    with opened(url, alerts) as store:
        put_events(store, 0, 2)
        assert store.flush(WAIT_S)
        assert store.records.call(ContactId("nobody")) is None
        story = store.records.call(CALL.id)
    assert story is not None
    assert (story.row.arrived_at, len(story.events)) == (MORNING, 2)


def test_what_is_handed_over_may_change_afterwards_without_changing_the_record(url, alerts):
    particulars = {"key": "2"}
    with opened(url, alerts) as store:
        store.event(CALL.id, 0, CALL.arrived_at, "pressed", particulars)
        particulars["key"] = "9"
        assert store.flush(WAIT_S)
        story = store.records.call(CALL.id)
    assert story is not None
    assert story.events[0].data == {"key": "2"}


def test_records_survive_a_restart_and_a_second_start_changes_no_table(url, alerts):
    with opened(url, alerts) as store:
        store.call(CALL)
    with opened(url, alerts) as store:
        assert [row.id for row in store.records.recent_calls(Millis(0), 10)] == [CALL.id]
    with closing(Records.open(url)) as records:
        assert records.recent_calls(Millis(0), 10) == [CALL]


def test_the_migrations_make_exactly_the_tables_the_program_uses(url, alerts):
    with opened(url, alerts):
        pass
    place = find(url)
    with closing_engine(writing_engine(place, 1000)) as engine, engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_start_broken_off_while_making_the_tables_leaves_nothing_behind(url, alerts):
    place = find(url)
    if place.path:
        place.path.parent.mkdir()
    with closing_engine(writing_engine(place, 1000)) as engine:
        with engine.connect() as connection:
            bring_up_to_date(place, connection)
            connection.invalidate()
        with engine.begin() as connection:
            assert MigrationContext.configure(connection).get_current_revision() is None
    with opened(url, alerts) as store:
        store.call(CALL)


def test_several_may_start_at_the_same_moment_on_a_new_database(url, alerts):
    together = threading.Barrier(4)
    failures: list[Exception] = []

    def start() -> None:
        together.wait(WAIT_S)
        try:
            Store.open(url, alerts.say).close()
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(together.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert failures == []


def test_a_start_waits_for_another_program_that_has_just_locked_the_new_file(file, alerts):
    file.parent.mkdir()
    patient = replace(QUICK, busy_ms=1, open_ms=20_000)
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        release.start()
        Store.open(f"sqlite:///{file}", alerts.say, patient).close()
        release.join()


STARTER = """
import sys
from acd.store import Store
print("ready", flush=True)
sys.stdin.readline()
Store.open(sys.argv[1], print).close()
"""


def test_several_programs_may_start_at_the_same_moment_on_a_new_file(file):
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", STARTER, f"sqlite:///{file}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(4)
    ]
    for starter in starters:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "ready\n"
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.write("\n")
        starter.stdin.flush()
    said = [starter.communicate(timeout=60)[0] for starter in starters]
    assert (said, [starter.returncode for starter in starters]) == ([""] * 4, [0] * 4)


def test_a_database_made_by_the_version_before_is_brought_up_to_date(url, alerts):
    place = find(url)
    if place.path:
        place.path.parent.mkdir()
    with closing_engine(writing_engine(place, 1000)) as engine, engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS))
        command.upgrade(config, "v0001")
        connection.execute(
            text(
                "INSERT INTO calls (id, node, arrived_at, step, priority_ms)"
                " VALUES ('old', 'n1', 5, 0, 0)"
            )
        )
    served_alone = replace(CALL, fallback=True)
    with opened(url, alerts) as store:
        store.call(served_alone)
        assert store.flush(WAIT_S)
        found = store.records.recent_calls(Millis(0), 9)
    assert found == [served_alone, CallRow(ContactId("old"), "n1", Millis(5), fallback=False)]


def test_recent_calls_come_newest_first_and_only_so_many(url, alerts):
    with opened(url, alerts) as store:
        for number in range(5):
            store.call(replace(CALL, id=ContactId(f"c{number}"), arrived_at=Millis(number)))
        assert store.flush(WAIT_S)
        assert [row.id for row in store.records.recent_calls(Millis(1), 3)] == ["c4", "c3", "c2"]
        assert [row.id for row in store.records.recent_calls(Millis(3), 9)] == ["c4", "c3"]


def test_queue_figures_count_closed_contacts_by_outcome_and_split_at_the_limits(url, alerts):
    since, rows = Millis(MORNING + 9_000), []
    for outcome, wait_ms in [
        ("answered", 30_000),
        ("answered", 30_001),
        ("abandoned", 4_999),
        ("abandoned", 5_000),
        ("callback", 20_000),
        ("overflowed", 31_000),
        ("left_menu", None),
        (None, None),
    ]:
        rows.append(replace(CALL, outcome=outcome, wait_ms=wait_ms))
    rows.append(replace(ANSWERED, queued_at=Millis(since - 1)))
    rows.append(replace(ANSWERED, queue=QueueId("general"), wait_ms=None))
    with opened(url, alerts) as store:
        for number, row in enumerate(rows):
            store.call(replace(row, id=ContactId(f"c{number}")))
        assert store.flush(WAIT_S)
        tallies = store.records.queue_tallies(since, Millis(30_000))
        assert store.records.queue_tallies(Millis(since + 1), Millis(30_000)) == {}
    assert type(tallies[QueueId("social")].wait_ms) is int  # JSON knows no decimals
    assert tallies == {
        "social": QueueTally(
            QueueId("social"), 6, 2, 1, 2, 1, 1, 1, Millis(60_001), Millis(121_000)
        ),
        "general": QueueTally(QueueId("general"), 1, 1, 0, 0, 0, 0, 0, Millis(0), Millis(0)),
    }


def test_operator_figures_clip_handle_time_at_midnight_and_count_missed_offers(url, alerts):
    one, two = OperatorId("op001"), OperatorId("op002")
    with opened(url, alerts) as store:
        for operator, began, ended, state, reason in [
            (one, 900, 1_100, "talking", None),  # over midnight: yesterday's call, 100 ms today
            (one, 1_100, 1_150, "wrap_up", None),
            (one, 1_150, 2_000, "ready", None),
            (one, 2_000, 2_500, "talking", None),
            (two, 100, 900, "talking", None),
            (two, 1_000, 1_800, "ringing", "rona"),
            (two, 1_900, 2_000, "ringing", None),
        ]:
            store.interval(IntervalRow(operator, Millis(began), Millis(ended), state, reason))
        assert store.flush(WAIT_S)
        assert store.records.operator_tallies(Millis(1_000)) == {
            one: OperatorTally(one, 1, Millis(650), 0),
            two: OperatorTally(two, 0, Millis(0), 1),
        }


def test_after_a_restart_the_calls_left_open_and_the_choices_of_operators_are_known(url, alerts):
    with opened(url, alerts) as store:
        store.call(CALL)
        put_events(store, 0, 3)
        store.call(replace(ANSWERED, id=ContactId("over")))
        store.call(replace(CALL, id=ContactId("fresh"), arrived_at=Millis(MORNING + 1)))
        store.operator_now(OperatorId("op001"), None, Millis(5), logged_in=True)
        store.operator_now(OperatorId("op001"), "lunch", Millis(6), logged_in=True)
        store.operator_now(OperatorId("op002"), None, Millis(7), logged_in=False)
    with opened(url, alerts) as store:
        calls = store.records.open_calls()
        operators = store.records.operators_now()
    assert [(call.row.id, call.next_event, call.next_decision) for call in calls] == [
        (CALL.id, 3, 0),
        ("fresh", 0, 0),
    ]
    assert operators == {
        "op001": OperatorNowRow(
            OperatorId("op001"), logged_in=True, pause="lunch", since=Millis(6)
        ),
        "op002": OperatorNowRow(OperatorId("op002"), logged_in=False, pause=None, since=Millis(7)),
    }


def test_the_calls_left_open_come_with_all_that_is_known_of_them_oldest_first(url, alerts):
    early = replace(CALL, id=ContactId("early"), arrived_at=Millis(MORNING - 1))
    decided = Decided(early.id, Millis(MORNING), "nobody", None, (), {}, Millis(0), 0)
    with opened(url, alerts) as store:
        store.call(CALL)
        put_events(store, 0, 3)
        store.call(replace(ANSWERED, id=ContactId("over")))
        store.event(ContactId("over"), 0, CALL.arrived_at, "arrived", {})
        store.call(early)
        store.decision(0, decided)
        assert store.flush(WAIT_S)
        stories = store.records.open_stories()
        whole = [store.records.call(story.row.id) for story in stories]
        before = store.records.open_call_ids(Millis(MORNING))
        everyone = store.records.open_call_ids(Millis(MORNING + 1))
    assert [story.row.id for story in stories] == ["early", CALL.id]
    assert stories == whole
    assert [len(story.events) for story in stories] == [0, 3]
    assert [story.decisions[0].rule for story in stories if story.decisions] == ["nobody"]
    assert (before, everyone) == (["early"], ["early", CALL.id])


def test_reading_the_calls_left_open_never_looks_through_all_old_calls(file, alerts):
    asked: list[str] = []

    def note(_connection, _cursor, statement, *_rest: object) -> None:
        asked.append(statement)

    with opened(file, alerts) as store:
        event.listen(Engine, "before_cursor_execute", note)
        try:
            store.records.open_stories()
            store.records.open_call_ids(Millis(MORNING))
        finally:
            event.remove(Engine, "before_cursor_execute", note)
    selects = [each for each in asked if each.startswith("SELECT")]
    assert len(selects) == 3 + 1
    with closing(sqlite3.connect(file)) as connection:
        for each in selects:
            values = [0] * each.count("?")
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {each}", values)]
            assert any("calls_open" in line for line in plan)
            assert all("calls_open" in line for line in plan if line.startswith("SCAN"))


def test_a_row_no_database_would_take_is_logged_and_does_not_stop_the_others(url, alerts, caplog):
    caplog.set_level(logging.CRITICAL, logger="acd.store.writer")
    with opened(url, alerts) as store:
        put_events(store, 0, 3)
        store.event(CALL.id, 3, Millis(0), "no JSON", {"socket": object()})
        store.event(CALL.id, 4, Millis(2**70), "no moment", {})
        store.call(replace(CALL, node=None))  # type: ignore[arg-type]
        store.operator_now(OperatorId("\ud800"), None, Millis(0), logged_in=True)
        put_events(store, 5, 8)
        assert store.flush(WAIT_S)
        health = store.health()
        assert seqs(store.records) == [0, 1, 2, 5, 6, 7]
    assert (health.written_rows, health.refused_rows, health.queued_rows) == (6, 4, 0)
    assert alerts.is_silent()


class AnswerLost:
    """The database wrote the first batch, and the connection broke before it could say so."""

    def __init__(self, sink: BatchWriter) -> None:
        self._sink = sink
        self._is_broken = True
        self.prepare_patiently, self.close = sink.prepare_patiently, sink.close
        self.position = sink.position

    def write(self, batch):
        refused = self._sink.write(batch)
        if self._is_broken:
            self._is_broken = False
            raise StoreError("the connection broke")
        return refused


def test_a_batch_whose_fate_was_unknown_is_written_once(url, alerts):
    with opened(url, alerts):
        pass
    sink = BatchWriter(find(url), 1000)
    sink.prepare()
    writer = Writer(AnswerLost(sink), alerts.say, QUICK)
    interval = IntervalRow(OperatorId("op001"), Millis(1), Millis(2), "talking")
    for row in (CALL, EventRow(CALL.id, 0, CALL.arrived_at, "arrived", {}), interval, ANSWERED):
        writer.put(row)
    assert writer.flush(WAIT_S)
    assert writer.close(WAIT_S) == 0
    with closing(Records.open(url)) as records:
        assert records.recent_calls(Millis(0), 9) == [ANSWERED]
        assert seqs(records) == [0]
        assert records.operator_tallies(Millis(0))[OperatorId("op001")].calls == 1


def test_rows_put_while_the_file_is_locked_arrive_in_order_once_and_the_alert_ends(file, alerts):
    with opened(file, alerts, replace(QUICK, batch_rows=7)) as store:
        put_events(store, 0, 10)
        assert store.flush(WAIT_S)
        with locked(file):
            put_events(store, 10, 50)
            store.call(CALL)
            store.call(ANSWERED)
            said = alerts.next()
            assert not store.flush(0.05)
            health = store.health()
            assert seqs(store.records) == list(range(10))
        assert store.flush(WAIT_S)
        assert alerts.next() is None
        assert alerts.is_silent()
        story = store.records.call(CALL.id)
        assert story is not None
        assert story.row == ANSWERED
        assert seqs(store.records) == list(range(50))
        assert store.health().last_error is None
    assert said is not None
    assert said.startswith("calls are not being recorded: ")
    assert "another program has locked it; end that program" in said
    assert (health.queued_rows, health.written_rows) == (42, 10)
    assert health.last_error is not None
    assert health.last_error in said


def test_a_database_that_hangs_without_an_error_raises_the_alert_too(file, alerts):
    hanging = replace(QUICK, busy_ms=60_000, hang_ms=20)
    with opened(file, alerts, hanging) as store:
        with locked(file):
            put_events(store, 0, 3)
            said = alerts.next()
            assert store.health().last_error is None
        assert alerts.next() is None
        assert store.flush(WAIT_S)
        assert seqs(store.records) == [0, 1, 2]
    assert said is not None
    assert "the database does not answer; look at its disk" in said


def test_rows_put_while_the_database_server_is_down_arrive_after_its_return(server, alerts):
    with opened(server.url, alerts) as store:
        put_events(store, 0, 10)
        assert store.flush(WAIT_S)
        server.stop()
        try:
            put_events(store, 10, 30)
            said = alerts.next()
            with pytest.raises(StoreError, match="start the database server"):
                store.records.call(CALL.id)
        finally:
            server.start()
        assert store.flush(WAIT_S)
        assert alerts.next() is None
        assert seqs(store.records) == list(range(30))
    assert said is not None
    assert "start the database server" in said


def test_a_full_disk_raises_the_alert_and_nothing_is_lost_when_there_is_room_again(file, alerts):
    pages = 50

    def limit_pages(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(Engine, "connect", limit_pages)
    try:
        with opened(file, alerts) as store:
            put_events(store, 0, 10_000)
            said = alerts.next()
            pages = 100_000
            assert store.flush(WAIT_S)
            assert alerts.next() is None
            assert seqs(store.records) == list(range(10_000))
    finally:
        event.remove(Engine, "connect", limit_pages)
    assert said is not None
    assert "the disk is full; free some space on it" in said


def test_a_file_removed_under_the_service_is_noticed_and_made_anew(file, alerts):
    with opened(file, alerts) as store:
        put_events(store, 0, 10)
        assert store.flush(WAIT_S)
        file.unlink()
        put_events(store, 10, 20)
        said = alerts.next()
        assert alerts.next() is None
        assert store.flush(WAIT_S)
        assert seqs(store.records) == list(range(10, 20))
    assert said is not None
    assert "removed or replaced" in said


def test_rows_beyond_the_bound_are_counted_and_told(file, alerts, caplog):
    caplog.set_level(logging.CRITICAL, logger="acd.store.writer")
    limits = replace(QUICK, rows_max=20, batch_rows=5)
    with opened(file, alerts, limits) as store:
        with locked(file):
            put_events(store, 0, 20)
            first = alerts.next()
            put_events(store, 20, 25)
            second = alerts.next()
        assert alerts.next() is None
        assert store.flush(WAIT_S)
        assert seqs(store.records) == list(range(20))
        assert (store.health().lost_rows, store.health().written_rows) == (5, 20)
    assert first is not None
    assert second is not None
    assert "not being recorded" in first
    assert "records of calls are lost, 20 wait already" in second


def test_closing_while_the_database_is_away_ends_in_time_and_says_what_is_unsaved(
    file, alerts, caplog
):
    caplog.set_level(logging.CRITICAL, logger="acd.store.writer")
    store = Store.open(f"sqlite:///{file}", alerts.say, QUICK)
    with locked(file):
        put_events(store, 0, 3)
        assert store.close(timeout_s=0.05) == 3
    put_events(store, 3, 4)
    assert store.health().lost_rows == 1


def test_an_alert_that_fails_does_not_stop_the_writing(file, caplog):
    caplog.set_level(logging.CRITICAL, logger="acd.store.writer")
    tried = threading.Event()

    def fails(_sentence: str | None) -> None:
        tried.set()
        raise RuntimeError("nobody listens")

    store = Store.open(f"sqlite:///{file}", fails, QUICK)
    with locked(file):
        put_events(store, 0, 3)
        assert tried.wait(WAIT_S)
    assert store.flush(WAIT_S)
    assert store.close() == 0


def test_a_reader_sees_a_growing_timeline_without_gaps_while_it_is_written(url, alerts):
    seen: list[int] = []
    often = replace(QUICK, gather_ms=0, batch_rows=50)
    with opened(url, alerts, often) as store, closing(Records.open(url)) as records:
        producer = threading.Thread(target=put_events, args=(store, 0, 3_000))
        producer.start()
        while not seen or seen[-1] < 3_000:
            assert producer.is_alive() or store.flush(WAIT_S)
            found = seqs(records)
            assert found == list(range(len(found)))
            seen.append(len(found))
        producer.join()
    assert seen == sorted(seen)


SERVICE = """
import sys
from dataclasses import replace
from acd.store import CallRow, Store

store = Store.open(sys.argv[1], print)
for number in range(1_000_000):
    store.call(CallRow(id=f"c{number}", node="n1", arrived_at=number))
    store.event(f"c{number}", 0, number, "arrived", {"text": "x" * 200})
    if number % 100 == 99:
        assert store.flush(20)
        print(number + 1, flush=True)
"""


def test_a_service_killed_while_writing_leaves_all_it_had_flushed_readable(file):
    url = f"sqlite:///{file}"
    child = subprocess.Popen(
        [sys.executable, "-c", SERVICE, url], stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        promised = 0
        while promised < 1_000:
            promised = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        promised = max([promised, *(int(line) for line in child.stdout.readlines())])
    with closing(Records.open(url)) as records:
        rows = records.recent_calls(Millis(0), 1_000_000)
        assert len(rows) >= promised
        assert [row.id for row in rows] == [f"c{n}" for n in reversed(range(len(rows)))]
        last = records.call(ContactId(f"c{promised - 1}"))
        assert last is not None
        assert len(last.events) == 1
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def not_a_database(file: Path) -> str:
    file.parent.mkdir()
    file.write_text("calls of today: many, and this is long enough to be no header at all\n" * 9)
    return f"sqlite:///{file}"


def a_file_in_the_way(file: Path) -> str:
    file.parent.write_text("")
    return f"sqlite:///{file}"


def a_folder_in_its_place(file: Path) -> str:
    file.mkdir(parents=True)
    return f"sqlite:///{file}"


def from_a_newer_version(file: Path) -> str:
    Store.open(f"sqlite:///{file}", print).close()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v9999'")
    return f"sqlite:///{file}"


def no_room(_file: Path) -> str:
    return "sqlite:////proc/1414/1414.sqlite"


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        (not_a_database, "1414.sqlite: it is not a database; move it away, or correct `database`"),
        (a_file_in_the_way, "File exists; put it right or change `database` in service.yaml"),
        (a_folder_in_its_place, "1414.sqlite: it cannot be opened; give it and its folder to"),
        (from_a_newer_version, r"newer version of this program made it \(tables v9999\); run that"),
        (no_room, "/proc/1414/1414.sqlite: No such file or directory; put it right"),
        (lambda _: "sqlite://", "sqlite:// keeps nothing; name a file"),
        (lambda _: "1414.sqlite", "is not an URL; write sqlite:///var/1414.sqlite"),
        (lambda _: "mysql://u:hidden@h/d", r"mysql://u:\*\*\*@h/d: this kind of database is not"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line_with_the_remedy(
    prepare, expected, file, alerts
):
    url = prepare(file)
    with pytest.raises(StoreError, match=expected) as caught:
        Store.open(url, alerts.say)
    assert "\n" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_a_locked_database_at_the_start_is_one_line_with_the_remedy(file, alerts):
    Store.open(f"sqlite:///{file}", alerts.say).close()
    with locked(file), pytest.raises(StoreError, match="another program has locked it; end that"):
        Store.open(f"sqlite:///{file}", alerts.say, QUICK)


def test_postgresql_without_its_driver_says_what_to_install(alerts, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(
        StoreError, match=r"psycopg is missing; install it: .*pip install"
    ) as caught:
        Store.open("postgresql://acd:hidden@127.0.0.1/1414", alerts.say)
    assert "hidden" not in str(caught.value)


def test_a_postgresql_that_does_not_answer_is_one_line_without_the_password(alerts):
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with pytest.raises(StoreError, match=r"refused.*; start the database server") as caught:
        Store.open("postgresql+psycopg://acd:hidden@127.0.0.1:1/1414", alerts.say)
    assert "\n" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_records_are_not_read_from_where_there_are_none(file, alerts):
    with pytest.raises(StoreError, match="there are no records yet; start the service once"):
        Records.open(f"sqlite:///{file}")
    assert not file.exists()
    with opened(file, alerts):
        pass
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("DELETE FROM alembic_version")
    with pytest.raises(StoreError, match="of an older version; start the service once"):
        Records.open(f"sqlite:///{file}")
