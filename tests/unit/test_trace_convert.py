"""`acd trace`: the estimate of patience, the bank's calls, the records, and the way back."""

import csv
import gzip
import json
from dataclasses import replace
from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

import pytest

from acd.__main__ import main
from acd.core.names import ContactId, Language, Millis, QueueId, Topic
from acd.sim.patience import Patience
from acd.sim.recorded import Recorded, Told, trace_lines
from tests.unit.records import ANSWERED, CALL, WAIT_S, Alerts, opened
from tests.unit.service_peer import lay_out_config

HEADER = "date,menu_entry,menu_s,queue_start,wait_s,outcome,service_s,type,priority,operator\n"
BANK = HEADER + (
    "19990131,9:00:00,5,9:00:05,3,AGENT,90,PS,2,o001\n"
    "19990201,8:00:00,10,,0,AGENT,100,PS,0,o001\n"
    "19990201,8:00:02,5,8:00:07,30,HANG,0,PS,2,\n"
    "19990201,8:00:20,6,8:00:26,12,AGENT,200,NW,2,o002\n"
    "19990201,8:01:00,6,,0,HANG,0,PS,0,\n"
    "19990201,8:02:00,6,8:02:06,9,PHANTOM,0,PS,0,\n"
    "19990201,23:59:58,4,0:00:02,7,AGENT,60,PS,0,o002\n"
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    lay_out_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACD_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def run(capsys, home):
    def run(*words):
        status = main([str(word) for word in words])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return status, captured.out, captured.err

    return run


def rows(file):
    with file.open() as stream:
        return list(csv.DictReader(stream))


def test_the_estimate_is_that_of_a_textbook():
    """Six callers: gone at 10, answered at 20, gone at 20 and 40, answered at 40 and 50.

    At 10: 5 of 6 stay. At 20: 1 of the 5 still there goes. At 40: 1 of 3.
    """
    waits = [(10, True), (20, False), (20, True), (40, True), (40, False), (50, False)]
    found = Patience(waits)
    assert found.times == [10, 20, 40]
    assert found.staying == [pytest.approx(each) for each in (5 / 6, 4 / 6, 4 / 9)]
    assert found.share_beyond(9) == 1
    assert found.share_beyond(20) == pytest.approx(4 / 6)


def test_patience_is_drawn_beyond_the_wait_by_the_shares_of_the_estimate():
    found = Patience([(10, True), (20, False), (20, True), (40, True), (40, False), (50, False)])
    rng = Random(5)
    drawn = [found.draw(rng, 10) for _ in range(20_000)]
    # Of those beyond 10 (5/6) a fifth goes at 20, 4/15 at 40, the others after all that is known.
    assert drawn.count(20) / 20_000 == pytest.approx(1 / 5, abs=0.015)
    assert drawn.count(40) / 20_000 == pytest.approx(4 / 15, abs=0.015)
    beyond = [each for each in drawn if each not in (20, 40)]
    assert min(beyond) >= 40
    assert sum(beyond) / len(beyond) - 40 == pytest.approx(180 / 3, rel=0.05)
    assert all(found.draw(rng, 300) >= 300 for _ in range(100))
    assert Patience([(5, False)]).draw(rng, 5) is None


def test_who_hung_up_gets_a_conversation_of_the_same_topic_and_hour():
    talks = [Recorded(n * 1000, "kk", "a", 0, 1000, False) for n in range(40)]
    others = [Recorded(3_600_000 + n, "kk", "a", 0, 2000, False) for n in range(40)]
    few = [Recorded(3_600_100, "kk", "b", 0, 9000, False)]
    gone = [Recorded(39_500, "kk", "a", 5000, None, True)]
    calls = sorted([*talks, *others, *few, *gone])
    lines = list(trace_lines(lambda: calls, 1, Told()))
    assert "39.500,kk,a,1.000,5.000\n" in lines


def test_the_bank_is_converted_and_the_simulator_plays_it(run, home):
    with gzip.open(home / "bank.csv.gz", "wt") as stream:
        stream.write(BANK)
    words = ("trace", "--bank", "bank.csv.gz", "--date", "1999-02-01", "--language", "ru")
    status, out, err = run(*words, "--map", "PS=general,*=pension", "--out", "t.csv")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "4 calls: 3 were answered, 1 hung up, 0 took a callback or were led elsewhere",
        "left out: 1 hung up in the menu",
        "left out: 1 phantom",
        "play them: acd simulate --trace t.csv --start 1999-02-01",
    ]
    found = rows(home / "t.csv")
    arrivals = [8 * 3600 + 7, 8 * 3600 + 10, 8 * 3600 + 26, 86_402]
    assert [float(row["arrival_s"]) for row in found] == arrivals
    assert [row["topic"] for row in found] == ["general", "general", "pension", "general"]
    assert {row["language"] for row in found} == {"ru"}
    assert found[0]["patience_s"] == "30.000"
    assert [row["handle_s"] for row in found[1:]] == ["100.000", "200.000", "60.000"]
    assert float(found[0]["handle_s"]) in (100, 200, 60)
    assert all(float(row["patience_s"]) > 12 for row in found[2:])
    status, out, err = run("simulate", "--trace", "t.csv", "--start", "2026-02-02", "--json")
    assert (status, json.loads(out)["offered"]) == (0, 4), err


def test_the_same_seed_gives_the_same_file_and_types_are_passed_through(run, home):
    (home / "bank.csv").write_text(BANK)
    words = ("trace", "--bank", "bank.csv", "--date", "1999-01-31..1999-02-01")
    _, out, _ = run(*words, "--out", "a.csv")
    assert "the settings have no topic ps, nw; name others with --map" in out
    run(*words, "--out", "b.csv")
    assert (home / "a.csv").read_bytes() == (home / "b.csv").read_bytes()
    assert [row["topic"] for row in rows(home / "a.csv")] == ["ps", "ps", "ps", "nw", "ps"]
    made = set()
    for seed in range(2, 12):
        _, out, _ = run(*words, "--out", "c.csv", "--seed", seed, "--json")
        made.add((home / "c.csv").read_bytes())
    assert json.loads(out)["unknown_topics"] == ["ps", "nw"]
    assert len(made) > 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("19990231,8:00:00,1,,0,AGENT,5,PS,0,o", "2:1: date: '19990231' is not a date"),
        ("19990201,8:61:00,1,,0,AGENT,5,PS,0,o", "2:10: menu_entry: '8:61:00' is not a time of"),
        ("19990201,8:00:00,x,,0,AGENT,5,PS,0,o", "2:18: menu_s: 'x' is not a number of seconds"),
        ("19990201,8:00:00,1,8:00:01,-3,AGENT,5,PS,0,o", "2:28: wait_s: '-3' is not a number"),
        ("19990201,8:00:00,1,,0,BUSY,5,PS,0,o", "2:23: outcome: 'BUSY' is not known; write AGENT"),
        ("19990201,8:00:00,1,,0,AGENT,5,,0,o", "2:31: type: nothing stands here"),
        ("19990201,8:00:00", "2:1: 2 values stand here; the first line names 10 columns"),
    ],
)
def test_mistakes_are_told_with_their_place(run, home, line, said):
    (home / "bank.csv").write_text(HEADER + line + "\n")
    status, _, err = run("trace", "--bank", "bank.csv", "--date", "1999-02-01", "--out", "t.csv")
    assert status == 1
    assert f"bank.csv:{said}" in err
    assert not (home / "t.csv").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "missing: date, menu_entry"),
        (b"\x1f\x8bnonsense", "damaged"),
        (b"\x1f\x8b" + bytes(20), "damaged"),
        (HEADER.encode() + b"\xff\n", "not UTF-8"),
    ],
)
def test_another_file_is_refused(run, home, content, said):
    (home / "bank.csv").write_bytes(content)
    status, _, err = run("trace", "--bank", "bank.csv", "--date", "1999-02-01", "--out", "t.csv")
    assert (status, said in err) == (1, True), err


@pytest.mark.parametrize(
    "words",
    [
        (), ("--from", "2026-11-23", "--bank", "x"), ("--bank", "x"), ("--from", "23.11.2026"),
        ("--from", "2026-11-23", "--to", "2026-11-22"), ("--from", "2026-11-23", "--map", "A=b"),
        ("--from", "2026-11-23", "--language", "kz"), ("--bank", "x", "--date", "2026-11-23..1"),
    ],
)  # fmt: skip
def test_usage(run, words):
    assert run("trace", *words, "--out", "t.csv")[0] == 2


def test_the_records_become_a_trace(run, home, url):
    """Also with PostgreSQL. The 23rd of November 2026, 00:00 in Almaty, is second 0."""
    config = home / "config" / "service.yaml"
    lines = config.read_text().splitlines()
    config.write_text(
        "\n".join(f'database: "{url}"' if line.startswith("database:") else line for line in lines)
    )
    begin = round(datetime(2026, 11, 23, tzinfo=ZoneInfo("Asia/Almaty")).timestamp()) * 1000

    def at(number, second, **changes):
        moment = Millis(begin + second * 1000)
        return replace(ANSWERED, id=ContactId(f"n1-{number}"), queued_at=moment, **changes)

    with opened(url, Alerts()) as store:
        store.call(at(1, 36_000, wait_ms=Millis(11_000)))
        gone = {"operator": None, "handle_ms": None, "wait_ms": Millis(25_500)}
        store.call(at(2, 35_900, outcome="abandoned", **gone))
        store.call(at(3, 36_100, outcome="callback", topic=None, language=None, **gone))
        store.call(at(4, 36_200, outcome=None, **gone))
        store.call(at(5, -1))
        store.call(at(6, 2 * 86_400))
        assert store.flush(WAIT_S)
    day = "2026-11-23"
    status, out, err = run("trace", "--from", day, "--to", "2026-11-24", "--out", "t.csv", "--json")
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert (told["calls"], told["answered"], told["gave_up"]) == (3, 1, 1)
    assert told["left_out"] == {"not over yet": 1}
    found = rows(home / "t.csv")
    assert [row["arrival_s"] for row in found] == ["35900.000", "36000.000", "36100.000"]
    assert [row["handle_s"] for row in found] == ["70.000"] * 3
    assert found[0]["patience_s"] == "25.500"
    assert float(found[1]["patience_s"]) == 25.5
    assert float(found[2]["patience_s"]) >= 25.5
    assert (found[2]["topic"], found[2]["language"]) == ("social", "kk")
    status, out, err = run("simulate", "--trace", "t.csv", "--start", day, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["offered"] == 3


def test_a_day_without_calls_leaves_no_file(run, home, file):
    with opened(file, Alerts()) as store:
        store.call(replace(CALL, language=Language("ru"), topic=Topic("a"), queue=QueueId("q")))
        assert store.flush(WAIT_S)
    config = home / "config" / "service.yaml"
    text = config.read_text()
    shipped = next(line for line in text.splitlines() if line.startswith("database:"))
    config.write_text(text.replace(shipped, f'database: "sqlite:///{file}"'))
    status, _, err = run("trace", "--from", "2020-01-01", "--out", "t.csv")
    assert (status, "nobody entered a queue on these days" in err) == (1, True)
    assert [each.name for each in home.glob("*t.csv*")] == []
