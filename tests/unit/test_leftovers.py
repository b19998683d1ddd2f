"""Calls that ended while nobody here listened: on record once, as they were."""

from acd.call_log import parse_endings
from acd.call_record import Call
from acd.core.names import ContactId, Language, Millis, OperatorId, QueueId, Topic
from acd.figures import Figures, OperatorSums
from acd.leftovers import Leftovers, unrecorded
from acd.store import CallRow, Store

WAITING, TALKING, IN_MENU = ContactId("n1-1.0"), ContactId("n1-2.0"), ContactId("n1-3.0")
SOCIAL, GENERAL = QueueId("social"), QueueId("general")
PENS1 = OperatorId("pens1")


def line(call, state, at, *, number="7701", **more):
    """A line as Asterisk writes it; what never happened stands there empty."""
    names = ("lang", "q", "t0", "qt0", "fb0", "state", "op", "ta", "te", "msg", "at")
    values = {"t0": 1000, **more, "state": state, "at": at}
    fields = " ".join(f"{name}={values.get(name, '')}" for name in names)
    return (
        "[Nov 24 00:24:23] CALL[27404][C-00000001] Ext. s: "
        f"ACDEND call={call} number={number} {fields}"
    )


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


class World:
    """A store in a folder, the leftovers over it, and Asterisk's file of endings."""

    def __init__(self, folder, *lines):
        self.store = Store.open(f"sqlite:///{folder}/1414.sqlite", lambda _: None)
        self.figures = Figures(Millis(30_000), Millis(0))
        self.leftovers = Leftovers(
            self.store,
            self.figures,
            lambda topic: SOCIAL if topic == "pension" else GENERAL,
            "n1",
            3000,
        )
        self.file = folder / "calls"
        self.file.write_text("".join(f"{each}\n" for each in lines))

    def put(self, *rows):
        for each in rows:
            self.store.call(each)
            self.store.event(each.id, 0, Millis(1000), "arrived", {})

    def close(self, live=()):
        """As the service does it after it has seen who is there."""
        assert self.store.flush(5)
        self.leftovers.remember(self.store.records.open_stories())
        endings, missing = unrecorded(self.store, self.file, Millis(0))
        closed = self.leftovers.close(endings, live)
        for ending in missing:
            self.leftovers.record(ending)
        assert self.store.flush(5)
        return closed, len(missing)

    def record(self, call):
        return self.store.records.call(ContactId(call)).row

    def events(self, call):
        return [event.event for event in self.store.records.call(ContactId(call)).events]


def test_without_a_word_from_asterisk_calls_end_at_the_last_moment_seen(tmp_path):
    world = World(tmp_path)
    world.put(
        queued(WAITING), queued(TALKING, connected_at=Millis(5000), wait_ms=Millis(3000)),
        row(IN_MENU),
    )  # fmt: skip
    world.store.event(WAITING, 1, Millis(9000), "service_stopped", {})
    assert world.close() == (3, 0)
    waiting, talking = world.record(WAITING), world.record(TALKING)
    assert (waiting.outcome, waiting.wait_ms, waiting.ended_at) == ("abandoned", 7000, 9000)
    assert (talking.outcome, talking.wait_ms) == ("answered", 3000)
    assert world.record(IN_MENU).outcome == "left_menu"
    sums = world.figures.queues[SOCIAL]
    assert (sums.offered, sums.answered, sums.abandoned) == (2, 1, 1)
    assert world.close() == (0, 0), "each ends once"
    world.store.close()


def test_a_conversation_that_ended_unseen_has_its_real_length(tmp_path):
    world = World(tmp_path, line(TALKING, "talk", 65_000, q="pension|0", op=PENS1, ta=5000))
    world.put(queued(TALKING, connected_at=Millis(5000), wait_ms=Millis(3000), operator=PENS1))
    assert world.close() == (1, 0)
    record = world.record(TALKING)
    assert (record.outcome, record.handle_ms, record.ended_at) == ("answered", 60_000, 65_000)
    assert world.figures.operators[PENS1] == OperatorSums(calls=1, handle_ms=60_000)
    assert world.store.records.operator_tallies(Millis(0))[PENS1].calls == 1
    world.store.close()


def test_a_call_that_goes_on_is_left_alone_and_taken_up_with_its_timeline(tmp_path):
    world = World(tmp_path)
    world.put(queued(WAITING))
    assert world.close(live={WAITING}) == (0, 0)
    call = world.leftovers.take(WAITING)
    assert [entry.event for entry in call.timeline] == ["arrived"]
    assert (call.queued_at, call.outcome, call.next_line) == (2000, None, 1)
    assert world.leftovers.take(WAITING) is None
    world.store.close()


def test_calls_that_lived_and_ended_without_the_service_are_on_record(tmp_path):
    world = World(
        tmp_path,
        line("f1", "fallback-talk", 30_000, fb0=2000, op=PENS1, ta=8000, lang="ru", q="pension|5",
             qt0=1500),
        line("f2", "fallback", 12_000, fb0=2000),
        line("f3", "message", 20_000, fb0=2000, msg="f3.wav"),
        line("m1", "menu", 4000),
        line("h1", "hold", 9000, q="pension|0", qt0=3000),
        "[Nov 24 00:24:15] Asterisk 22.10.1 built by somebody",
        "ACDEND call=torn number=77",
    )  # fmt: skip
    assert world.close() == (0, 5)
    served = world.record("f1")
    assert (served.outcome, served.wait_ms, served.handle_ms) == ("answered", 6500, 22_000)
    assert (served.queue, served.language, served.operator) == (SOCIAL, "ru", PENS1)
    assert served.fallback
    outcomes = {each: world.record(each).outcome for each in ("f2", "f3", "m1", "h1")}
    expected = {"f2": "abandoned", "f3": "overflowed", "m1": "left_menu", "h1": "abandoned"}
    assert outcomes == expected
    assert (world.record("f2").queue, world.record("f2").wait_ms) == (GENERAL, 10_000)
    assert world.events("f3") == ["arrived", "queued", "fallback", "message_left", "ended_unseen"]
    assert world.close() == (0, 0), "each is put on record once"
    total = world.figures.queues[GENERAL]
    assert (total.offered, total.abandoned, total.overflowed) == (2, 1, 1)
    world.store.close()


def test_a_call_we_knew_that_ended_in_a_gap_ends_as_asterisk_says(tmp_path):
    world = World(tmp_path)
    known = Call("k", "7701", Millis(1000), "n1", queue=SOCIAL, queued_at=Millis(2000))
    world.figures.offered(SOCIAL, Millis(2000))
    (ending,) = parse_endings(
        [line("k", "fallback-talk", 30_000, qt0=2000, fb0=4000, op=PENS1, ta=9000, q="pension|0")]
    )
    world.leftovers.finish_live(known, ending)
    assert world.store.flush(5)
    record = world.record("k")
    assert (record.outcome, record.wait_ms, record.handle_ms) == ("answered", 7000, 21_000)
    assert record.fallback and record.ended_at == 30_000
    sums = world.figures.queues[SOCIAL]
    assert (sums.offered, sums.answered, world.figures.operators[PENS1].calls) == (1, 1, 1)
    world.store.close()


def test_a_line_says_everything_and_nothing_can_be_forged_into_it():
    (ending,) = parse_endings([line("x", "after", 9, op=PENS1, ta=3, te=8, lang="kk", q="eds|7")])
    assert (ending.topic, ending.priority_s, ending.language) == ("eds", 7, "kk")
    assert (ending.connected_at, ending.talk_ended_at, ending.ended_at) == (3, 8, 9)
    assert (ending.queued_at, ending.fallback_at, ending.message) == (None, None, None)
    assert parse_endings(["ACDEND call= at=5", "ACDEND call=x at=soon", "ACDEND", ""]) == []
