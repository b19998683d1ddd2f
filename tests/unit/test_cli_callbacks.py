"""`acd callback` against the other end of the socket."""

import json

import pytest

from acd.__main__ import main
from tests.unit.service_peer import ServicePeer, fine, write_config

ROW = {
    "callback": "n1-1700000000.7~cb",
    "call": "n1-1700000000.7",
    "number": "+77010****22",
    "queue": "social",
    "topic": "pension",
    "language": "ru",
    "accepted_at": "2026-11-23T10:00:00.000+05:00",
    "wait_s": 125.4,
    "tries": 1,
    "last": "busy",
    "not_before": "2026-11-23T10:05:00.000+05:00",
    "state": "pausing",
    "operator": None,
}


@pytest.fixture
def peer(tmp_path, monkeypatch):
    write_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("ACD_CONFIG", "ACD_PORT_OFFSET"):
        monkeypatch.delenv(name, raising=False)
    peer = ServicePeer(tmp_path / "acd.sock")
    peer.answers["callback"] = [fine([ROW])]
    yield peer
    peer.close()


@pytest.fixture
def run(capsys):
    def run(*words):
        status = main(list(words))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_the_open_callbacks_are_listed(peer, run):
    status, out, _ = run("callback")
    assert status == 0
    head, line = out.splitlines()
    assert head.split()[:3] == ["CALLBACK", "NUMBER", "QUEUE"]
    assert "+77010****22" in line and "pausing" in line and "busy" in line
    assert peer.requests == [{"do": "callback", "action": "list", "id": None}]


def test_as_json_it_is_what_the_service_says(peer, run):
    assert json.loads(run("callback", "list", "--json")[1]) == [ROW]


def test_nobody_is_said_in_words(peer, run):
    peer.answers["callback"] = [fine([])]
    assert run("callback", "list")[:2] == (0, "nobody is to be called back\n")


def test_one_is_cancelled_by_its_id(peer, run):
    assert run("callback", "cancel", "n1-1700000000.7")[0] == 0
    assert peer.requests[0]["action"] == "cancel"
    assert peer.requests[0]["id"] == "n1-1700000000.7"


def test_what_cannot_be_cancelled_is_one_line(peer, run):
    peer.answers["callback"] = [{"ok": False, "error": "no callback 'x' can be cancelled"}]
    assert run("callback", "cancel", "x") == (1, "", "no callback 'x' can be cancelled\n")


@pytest.mark.parametrize("words", [["cancel"], ["list", "x"]])
def test_a_wrong_use_is_refused_without_asking(peer, run, words):
    status, _, err = run("callback", *words)
    assert status == 2 and "acd callback cancel ID" in err
    assert peer.requests == []
