"""`acd broadcast` and `acd override` against the other end of the socket."""

import json

import pytest

from acd.__main__ import main
from tests.unit.service_peer import ServicePeer, fine, write_config

ROW = {
    "id": "storm",
    "prepared": True,
    "texts": {"kk": "Дауыл.", "ru": "Шторм."},
    "on": True,
    "since": "2026-11-23T10:00:00.000+05:00",
    "until": "2026-11-23T18:30:00.000+05:00",
}
NIGHT = {"schedule": "night", "override": "on", "since": ROW["since"], "until": ROW["until"]}


@pytest.fixture
def peer(tmp_path, monkeypatch):
    write_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("ACD_CONFIG", "ACD_PORT_OFFSET"):
        monkeypatch.delenv(name, raising=False)
    peer = ServicePeer(tmp_path / "acd.sock")
    peer.answers["broadcast"] = [fine([ROW, {**ROW, "id": "b", "on": False, "until": None}])]
    peer.answers["override"] = [
        fine([NIGHT, {**NIGHT, "schedule": "x", "override": None, "until": None}])
    ]
    yield peer
    peer.close()


@pytest.fixture
def run(capsys):
    def run(*words):
        status = main(list(words))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_a_prepared_one_is_switched_on_by_its_id(peer, run):
    status, out, _ = run("broadcast", "on", "storm", "--until", "18:30")
    assert status == 0
    assert out.splitlines()[0] == "storm                on until 18:30 Шторм."
    assert out.splitlines()[1] == "b                    off            Шторм."
    assert peer.requests == [
        {"do": "broadcast", "action": "on", "id": "storm", "texts": {}, "until": "18:30"}
    ]


def test_words_of_the_moment_go_out_in_every_language_given(peer, run):
    assert run("broadcast", "on", "--kk", "а", "--ru", "б", "--en", "c")[0] == 0
    assert peer.requests[0]["texts"] == {"kk": "а", "ru": "б", "en": "c"}
    assert peer.requests[0]["id"] is None


def test_the_listing_is_one_document(peer, run):
    assert json.loads(run("broadcast", "list", "--json")[1])[0] == ROW


def test_a_refusal_is_told_and_is_an_error(peer, run):
    peer.answers["broadcast"] = [{"ok": False, "error": "no broadcast 'x' is prepared"}]
    assert run("broadcast", "on", "x") == (1, "", "no broadcast 'x' is prepared\n")


@pytest.mark.parametrize(
    "words",
    [
        ("broadcast", "on"),
        ("broadcast", "off", "--until", "10:00"),
        ("broadcast", "list", "storm"),
        ("broadcast", "off", "--ru", "x"),
        ("broadcast", "fly"),
        ("override", "night"),
        ("override", "night", "auto", "--until", "10:00"),
        ("override", "night", "maybe"),
    ],
)
def test_a_wrong_use_is_refused_without_asking(peer, run, words):
    assert run(*words)[0] == 2
    assert peer.requests == []


def test_a_schedule_is_overruled_and_told_how_it_stands(peer, run):
    status, out, _ = run("override", "night", "on", "--until", "18:30")
    assert (status, out.splitlines()[0]) == (0, "night                on by hand until 18:30")
    assert out.splitlines()[1] == "x                    by its hours"
    wanted = {"do": "override", "schedule": "night", "state": "on", "until": "18:30"}
    assert peer.requests == [wanted]
