"""`acd forecast`: from the records, from a file, from a scenario; what it says of bad input."""

import csv
import io
import json
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from acd.__main__ import main
from acd.core.names import ContactId, Millis, Topic
from tests.unit.records import ANSWERED, PROMPT, WAIT_S, Alerts, opened
from tests.unit.service_peer import lay_out_config

ZONE = ZoneInfo("Asia/Almaty")
FIELDS = ["start", "calls", "handle_s", "patience_s", "low", "high", "low_95", "high_95"]


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


def table(days, minutes=15, extra="", last=""):
    """Ten calls a quarter hour on weekdays, five on weekends, a little more or less."""
    rng, lines = Random(3), ["start,calls" + extra]
    start = datetime(2026, 8, 3)  # noqa: DTZ001
    for n in range(days * 1440 // minutes):
        at = start + timedelta(minutes=n * minutes)
        calls = (10 if at.weekday() < 5 else 5) * minutes / 15 + rng.randint(-1, 1)
        lines.append(f"{at:%Y-%m-%dT%H:%M},{calls:g}{last}")
    return "\n".join(lines) + "\n"


def test_a_table_becomes_a_week_that_staff_reads(run, home):
    (home / "past.csv").write_text(table(56, extra=",handle_s,patience_s", last=",180,400"))
    status, out, err = run("forecast", "--history", "past.csv", "--out", "week.csv")
    assert (status, err) == (0, "")
    rows = list(csv.DictReader((home / "week.csv").read_text().splitlines()))
    assert list(rows[0]) == FIELDS
    assert (rows[0]["start"], len(rows)) == ("2026-09-28T00:00+05:00", 672)
    assert float(rows[0]["calls"]) == pytest.approx(10, rel=0.08)
    assert float(rows[-1]["calls"]) == pytest.approx(5, rel=0.12)
    assert {row["handle_s"] for row in rows} == {"180.0"}
    assert {row["patience_s"] for row in rows} == {"400.0"}
    assert all(float(r["low"]) <= float(r["calls"]) <= float(r["high"]) for r in rows)
    assert "on 56 days, 2026-08-03 to 2026-09-27 (past.csv)" in out
    assert "the same time a week before: " in out
    assert "whoever hangs up and calls again counts again" in out
    status, out, err = run("staff", "--forecast", "week.csv", "--json")
    assert (status, len(json.loads(out)), err) == (0, 672, "")


@pytest.mark.parametrize("minutes", [5, 30, 60])
def test_intervals_of_other_lengths_are_divided_or_added_up(run, home, minutes):
    (home / "past.csv").write_text(table(21, minutes))
    _, out, _ = run("forecast", "--history", "past.csv", "--json")
    found = json.loads(out)
    assert found["days"][0]["calls"] == pytest.approx(960, rel=0.03)
    assert found["history"]["days_with_gaps"] == []
    assert "take the bands for a guess" in " ".join(found["notes"])


def test_the_json_tells_all_that_the_screen_does(run, home):
    (home / "past.csv").write_text(table(56))
    _, out, _ = run("forecast", "--history", "past.csv", "--weeks", "2", "--json")
    found = json.loads(out)
    assert list(found) == [
        "from", "days_ahead", "history", "backtest", "notes", "days", "intervals",
    ]  # fmt: skip
    assert (found["from"], found["days_ahead"], len(found["days"])) == ("2026-09-28", 14, 14)
    test = found["backtest"]
    assert test["forecasts"] == 6
    assert 0 < test["error_day"] < test["error_quarter"] < test["same_week_before_quarter"]
    assert 0.6 < test["within_80"] < test["within_95"] <= 1
    assert found["intervals"][0]["handle_s"] is None


def test_a_holiday_ahead_is_said_to_be_taken_for_a_sunday(run, home):
    (home / "config" / "holidays.yaml").write_text("schema: 1\nholidays: [2026-09-29]\n")
    (home / "past.csv").write_text(table(56))
    _, out, _ = run("forecast", "--history", "past.csv", "--json")
    found = json.loads(out)
    assert found["days"][1]["day"] == "holiday"
    assert found["days"][1]["calls"] == pytest.approx(480, rel=0.05)
    assert "2026-09-29 is forecast as a Sunday" in " ".join(found["notes"])


def test_a_scenario_is_a_week_for_a_centre_without_history(run):
    _, out, _ = run("forecast", "--scenario", "shipped", "--from", "2026-11-30", "--json")
    found = json.loads(out)
    assert [day["calls"] for day in found["days"]] == [15000] * 5 + [6000] * 2
    ten = next(row for row in found["intervals"] if row["start"] == "2026-11-30T10:00+05:00")
    assert ten["calls"] == pytest.approx(15000 * 1600 / 15010 / 4, rel=0.01)
    assert ten["handle_s"] == 160
    assert "assumed" in " ".join(found["notes"])


def test_the_health_insurance_campaign_doubles_its_calls_on_monday(run):
    words = ("forecast", "--scenario", "shipped", "--from", "2026-11-30", "--json")
    usual = json.loads(run(*words)[1])["days"]
    topic = json.loads(run(*words, "--topic", "osms")[1])["days"][0]["calls"]
    event = json.loads(run(*words, "--event", "2026-11-30,osms,x2")[1])["days"]
    assert event[0]["calls"] == pytest.approx(usual[0]["calls"] + topic, abs=1)
    assert event[1:] == usual[1:]
    parts = json.loads(run(*words, "--by-topic", "--event", "2026-11-30,osms,x2")[1])["days"]
    monday = {row["topic"]: row["calls"] for row in parts if row["date"] == "2026-11-30"}
    assert monday["osms"] == pytest.approx(2 * topic, abs=1)
    assert sum(monday.values()) == pytest.approx(event[0]["calls"], abs=15)


@pytest.fixture
def records(home, url):
    """Five weeks of calls, two topics; the service was down for a day in the fourth week."""
    config = home / "config" / "service.yaml"
    text = config.read_text()
    shipped = next(line for line in text.splitlines() if line.startswith("database:"))
    config.write_text(text.replace(shipped, f'database: "{url}"'))
    rng = Random(9)
    begin = datetime(2026, 10, 5, tzinfo=ZONE).timestamp()
    with opened(url, Alerts(), PROMPT) as store:
        for day in range(35):
            if day == 23:
                continue
            for number in range(60 if day % 7 < 5 else 30):
                at = Millis(round((begin + day * 86_400 + rng.uniform(8, 20) * 3600) * 1000))
                gone = {"outcome": "abandoned", "handle_ms": None, "wait_ms": Millis(20_000)}
                call = replace(
                    ANSWERED,
                    id=ContactId(f"n1-{day}.{number}"),
                    queued_at=at,
                    topic=Topic("pension" if number % 3 else "general"),
                    **(gone if number % 10 == 0 else {}),
                )
                store.call(call)
        assert store.flush(WAIT_S)


def test_the_records_are_learned_from_and_an_outage_is_not_a_day_without_calls(run, records):
    words = ("forecast", "--from", "2026-11-09", "--json")
    status, out, err = run(*words)
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert found["history"]["source"] == "records"
    assert found["history"]["calls"] == pytest.approx(35 * 60 - 10 * 30 - 60, abs=10)
    assert "2026-10-28" in found["history"]["days_with_gaps"]
    by_day = [day["calls"] for day in found["days"]]
    assert by_day[:5] == [pytest.approx(60, abs=4)] * 5
    assert by_day[5:] == [pytest.approx(30, abs=4)] * 2
    noon = next(row for row in found["intervals"] if row["start"] == "2026-11-11T12:00+05:00")
    assert (noon["handle_s"], noon["calls"]) == (70, pytest.approx(60 / 48, rel=0.5))
    assert noon["patience_s"] == pytest.approx((9 * 11 + 20) / 1, rel=0.1)
    status, out, err = run(*words, "--by-topic")
    assert (status, err) == (0, "")
    parts = json.loads(out)["days"]
    monday = {row["topic"]: row["calls"] for row in parts if row["date"] == "2026-11-09"}
    assert monday == {"general": pytest.approx(20, abs=3), "pension": pytest.approx(40, abs=3)}
    one = json.loads(run(*words, "--topic", "pension")[1])["days"][0]["calls"]
    assert one == pytest.approx(40, abs=4)
    status, _, err = run(*words, "--topic", "pensions")
    assert (status, "did you mean 'pension'?" in err) == (1, True)
    status, _, err = run("forecast", "--from", "2026-10-12")
    assert status == 1
    assert "counted on 7 days before 2026-10-12; a forecast needs 14" in err


def test_csv_goes_out_alone(run, home):
    (home / "past.csv").write_text(table(28))
    _, out, err = run("forecast", "--history", "past.csv", "--csv")
    assert len(list(csv.DictReader(io.StringIO(out)))) == 672
    assert "learned from" in err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        ("start,calls\nsoon,3\n", "past.csv:2:1: 'soon' is no time"),
        ("start,calls\n2026-08-03T08:00,3\n2026-08-03T08:07,3\n", "7 minutes long; write quarters"),
        ("start,calls\n2026-08-03T08:03,3\n2026-08-03T08:18,3\n", "past.csv:2:1: 08:03 is not"),
        ("arrival_s,language,topic,handle_s,patience_s\n", "--history-start"),
        (table(10), "counted on 10 days; a forecast needs 14"),
    ],
)
def test_bad_history_is_refused_in_plain_words(run, home, content, said):
    (home / "past.csv").write_text(content)
    status, _, err = run("forecast", "--history", "past.csv")
    assert (status, said in err) == (1, True), err


def test_no_records_yet(run):
    status, _, err = run("forecast")
    assert status == 1
    assert "acd forecast --scenario shipped" in err


@pytest.mark.parametrize(
    "words",
    [
        ("--weeks", "0"), ("--from", "soon"), ("--event", "2026-11-30"),
        ("--event", "2026-11-30,x-1"), ("--event", "2026-11-30,osms,2"),
        ("--event", "2026-11-30..2026-11-29,x2"), ("--topic", "a", "--by-topic"),
        ("--history", "a", "--scenario", "shipped"),
        ("--topic", "osms", "--event", "2026-11-30,tson,x2"),
    ],
)  # fmt: skip
def test_usage(run, words):
    assert run("forecast", *words)[0] == 2


def test_an_unknown_topic_of_a_scenario(run):
    status, _, err = run("forecast", "--scenario", "shipped", "--topic", "osm")
    assert (status, "did you mean 'osms'?" in err) == (1, True)
