"""`acd call show`: the story of a call in plain words, from the service or from the records."""

import json

import pytest

from acd.__main__ import main
from acd.archive import StoreArchive
from acd.call_record import Call, Entry
from acd.cli.call_text import story
from acd.core.commands import Decided
from acd.core.names import ContactId, Millis, OperatorId
from acd.roster import Interval
from acd.store import Store
from tests.unit.service_peer import ServicePeer, fine, lay_out_config, write_config

CALL = {
    "call": "n1-1700000000.7",
    "arrived_at": "2026-11-23T10:41:00.000+05:00",
    "number": "+770****67",
    "language": "ru",
    "topic": "pension",
    "queue": "social",
    "outcome": "answered",
    "wait_s": 12.34,
    "operator": "op004",
    "handle_s": 95.0,
    "timeline": [
        {"at": "2026-11-23T10:41:00.000+05:00", "event": "arrived"},
        {"at": "2026-11-23T10:41:03.500+05:00", "event": "menu", "node": "topics", "key": "2",
         "result": "match", "attempt": 1},
        {"at": "2026-11-23T10:41:08.000+05:00", "event": "queued", "queue": "social",
         "topic": "pension"},
        {"at": "2026-11-23T10:41:09.000+05:00", "event": "offer_failed", "operator": "op002",
         "reason": "rona"},
        {"at": "2026-11-23T10:42:20.340+05:00", "event": "connected", "operator": "op004",
         "wait_ms": 12_340},
        {"at": "2026-11-23T10:43:55.340+05:00", "event": "beamed_up", "by": "scotty", "how": None},
    ],
    "decisions": [
        {"at": "2026-11-23T10:41:08.000+05:00", "rule": "nobody_ready", "taken": None,
         "candidates": [], "refused": {"language": 12, "talking": 31, "phone_in_use": 2},
         "estimated_wait_s": None, "step": 0, "why": "talking"},
        {"at": "2026-11-23T10:41:18.000+05:00", "rule": "widen", "taken": None,
         "candidates": [], "refused": {}, "estimated_wait_s": 9, "step": 1, "why": "language"},
        {"at": "2026-11-23T10:41:18.100+05:00", "rule": "order_of_choice", "taken": "op004",
         "candidates": ["op004", "op009", "op011"], "refused": {"topic": 3},
         "estimated_wait_s": None, "step": 1, "why": "logged_out"},
    ],
}  # fmt: skip


@pytest.fixture
def home(tmp_path, monkeypatch):
    write_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACD_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def peer(home):
    peer = ServicePeer(home / "acd.sock")
    yield peer
    peer.close()


def test_the_story_tells_times_since_the_arrival_and_every_event():
    lines = story(CALL)
    assert lines[0] == "call n1-1700000000.7, from +770****67, arrived 2026-11-23 10:41:00"
    assert lines[1] == "  language ru, topic pension, queue social"
    assert lines[2] == (
        "  answered by op004, after a wait of 12.3s, handled for 1m35s (conversation and wrap-up)"
    )
    text = "\n".join(lines)
    assert "    +0.0s  the call arrived\n" in text
    assert "    +3.5s  menu topics (key 2, result match, attempt 1)\n" in text
    assert "    +8.0s  left the menu for the queue social (topic pension)\n" in text
    assert "    +9.0s  op002 did not take it: rang out unanswered\n" in text
    assert " +1m20.3s  connected with op004 (wait 12.3s)" in text
    assert "beamed up (by scotty)" in text, "an event of a newer version is told as it is"


def test_each_decision_is_told_with_who_and_why_not_the_others():
    text = "\n".join(story(CALL))
    assert "nobody could take it yet, so the caller waits" in text
    assert "not possible: 12 does not speak the language, 31 talking, 2 the phone is in use" in text
    assert "the ladder accepts lower levels from here: nobody could take it then" in text
    assert "expected wait: 9s" in text
    assert "op004 was rung: first in the order of choice, of 3 who could take it" in text
    assert "next in order: op009, op011" in text


def test_why_names_the_reason_at_each_decision():
    lines = [line.strip() for line in story(CALL, "op017") if "op017" in line]
    assert lines == [
        "op017: talking",
        "op017: does not speak the language",
        "op017: logged out",
    ]


def test_a_call_that_goes_on_says_so():
    assert "  still going on" in story({"call": "x", "outcome": None, "timeline": []})


@pytest.mark.parametrize(
    "call",
    [
        {},
        {"timeline": [{}], "decisions": [{}]},
        {"timeline": [{"at": "x", "event": "offered"}], "decisions": [{"refused": 3}]},
        {"timeline": None, "decisions": "x", "arrived_at": 5},
    ],
)
def test_a_story_with_gaps_is_told_as_far_as_it_goes(call):
    assert story(call, "op001")


def test_the_service_is_asked_and_json_is_its_answer(peer, capsys):
    peer.answers["call"] = [fine(CALL)]
    assert main(["call", "show", CALL["call"], "--why", "op017", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == CALL
    assert peer.requests == [{"do": "call", "call": CALL["call"], "why": "op017"}]


def test_an_unknown_call_is_told_in_the_words_of_the_service(peer, capsys):
    peer.answers["call"] = [{"ok": False, "error": "there is no call 'x'; `acd calls` lists them"}]
    assert main(["call", "show", "x"]) == 1
    assert capsys.readouterr().err == "there is no call 'x'; `acd calls` lists them\n"


# Without the service


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """A full configuration of its own; the service is not running."""
    lay_out_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACD_CONFIG", raising=False)
    return tmp_path


def record(home):
    (home / "var").mkdir()
    store = Store.open(f"sqlite:///{home}/var/1414.sqlite", lambda _: None)
    archive = StoreArchive(store)
    call = Call(id="n1-1.1", number="+77010001122", arrived_at=Millis(1_700_000_000_000), node="n1")
    call.outcome = "abandoned"
    archive.call(call)
    archive.entry(call.id, Entry(1, Millis(1_700_000_000_000), "arrived", {}))
    decided = Decided(
        contact=ContactId(call.id),
        at=Millis(1_700_000_005_000),
        rule="nobody_ready",
        taken=None,
        candidates=(),
        refused={"talking": 1},
        waited_ms=Millis(0),
        step=0,
        estimated_wait_ms=Millis(42_000),
    )
    archive.decision(1, decided)
    at = Millis(1_700_000_000_000)
    archive.interval(
        Interval(OperatorId("op001"), at, Millis(at + 60_000), "talking", None, "n1-0.9")
    )
    assert store.flush(10)
    store.close()


def test_without_the_service_the_records_tell_the_story(stopped, capsys):
    record(stopped)
    assert main(["call", "show", "n1-1.1", "--why", "op001"]) == 0
    out = capsys.readouterr().out
    assert "abandoned: the caller hung up" in out
    assert "op001: talking" in out
    assert "expected wait: 42s" in out
    assert "77010001122" not in out
    assert main(["call", "show", "n1-1.1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["decisions"][0]["refused"] == {"talking": 1}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["n1-9.9"], "there is no call 'n1-9.9' on record"),
        (["n1-1.1", "--why", "op999"], "there is no operator 'op999' in operators.yaml"),
    ],
)
def test_what_is_not_on_record_is_one_line(stopped, capsys, words, told):
    record(stopped)
    assert main(["call", "show", *words]) == 1
    assert capsys.readouterr().err == f"{told}\n"


def test_without_records_the_reason_is_the_service_that_is_not_there(stopped, capsys):
    assert main(["call", "show", "n1-1.1"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("the service is not running")
    assert err.count("\n") == 1
