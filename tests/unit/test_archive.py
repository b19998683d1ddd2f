"""What becomes of calls that were up when the service went."""

from acd.archive import close_open_calls, interrupted_call
from acd.core.names import ContactId, Language, Millis, QueueId, Topic
from acd.figures import Figures
from acd.store import CallRow, Store

WAITING, TALKING, IN_MENU = ContactId("n1-1.0"), ContactId("n1-2.0"), ContactId("n1-3.0")
SOCIAL = QueueId("social")


def row(call, **more):
    return CallRow(id=call, node="n1", arrived_at=Millis(1000), **more)


def queued(call, **more):
    return row(
        call,
        queue=SOCIAL,
        topic=Topic("pension"),
        language=Language("ru"),
        queued_at=Millis(2000),
        **more,
    )


def test_open_calls_end_at_the_last_moment_seen_and_are_counted(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/1414.sqlite", lambda _: None)
    store.call(queued(WAITING))
    store.event(WAITING, 0, Millis(9000), "service_stopped", {})
    store.call(queued(TALKING, connected_at=Millis(5000), wait_ms=Millis(3000)))
    store.event(TALKING, 0, Millis(5000), "connected", {})
    store.call(row(IN_MENU))
    assert store.flush(5)
    figures = Figures(Millis(30_000), Millis(0))
    assert close_open_calls(store, figures, ()) == 3
    assert store.flush(5)
    waiting, talking = store.records.call(WAITING).row, store.records.call(TALKING).row
    assert (waiting.outcome, waiting.wait_ms, waiting.ended_at) == ("overflowed", 7000, 9000)
    assert (talking.outcome, talking.wait_ms) == ("answered", 3000)
    assert store.records.call(IN_MENU).row.outcome == "fallback"
    sums = figures.queues[SOCIAL]
    assert (sums.offered, sums.answered, sums.overflowed) == (2, 1, 1)
    assert close_open_calls(store, figures, ()) == 0
    store.close()


def test_a_call_that_goes_on_is_left_alone_and_keeps_its_timeline(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/1414.sqlite", lambda _: None)
    store.call(queued(WAITING))
    store.event(WAITING, 0, Millis(1000), "arrived", {})
    assert store.flush(5)
    assert close_open_calls(store, Figures(Millis(30_000), Millis(0)), {WAITING}) == 0
    call = interrupted_call(store.records.call(WAITING))
    assert [entry.event for entry in call.timeline] == ["arrived"]
    assert (call.queued_at, call.outcome) == (2000, None)
    store.close()
