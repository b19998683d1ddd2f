"""The simulator: known values of queueing theory, the shifts, the same calls for the same seed."""

import csv
import io
import json
import math
from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acd.__main__ import main
from acd.core.events import OperatorLoggedOut, OperatorPaused, OperatorReady
from acd.settings import Break, Callbacks, Shift
from acd.sim.duty import Calendar
from acd.sim.results import Waits
from tests.unit.settings_sample import EXAMPLE, changed, load, write

JSON_KEYS = [
    "offered", "answered", "answered_in_target", "abandoned", "abandoned_short", "callbacks",
    "overflowed", "service_level", "asa_s", "wait_p95_s", "wait_max_s", "wait_worst_10pct_mean_s",
    "abandon_rate", "occupancy", "elapsed_s", "events", "bounds",
]  # fmt: skip
CSV_COLUMNS = "call,arrival_s,language,topic,outcome,wait_s,operator,skill_level,step,handle_s"
# By hand


@pytest.fixture
def run(tmp_path, capsys):
    """`acd simulate` with the design's example and a trace."""

    def run(trace, *words, files=EXAMPLE):
        config = write(tmp_path, files)
        path, out = tmp_path / "trace.csv", tmp_path / "calls.csv"
        path.write_text("arrival_s,language,topic,handle_s,patience_s\n" + trace)
        status = main(
            ["simulate", "--config", str(config), "--trace", str(path), "--json",
             "--calls-out", str(out), *words]
        )  # fmt: skip
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return json.loads(captured.out), out.read_text().splitlines()

    return run


def test_a_day_worked_out_by_hand(run):
    nine = 9 * 3600  # op001 alone is on duty: kk, ru; pension 4, general 3; wrap-up 10 s
    figures, lines = run(
        f"{nine},ru,pension,60,\n"  # until 09:01:00
        f"{nine + 1},kk,general,5.5,\n"  # offered voicemail at 30 s and led there
        f"{nine + 2},ru,pension,20,4.999\n"  # hangs up
        f"{nine + 40.25},kk,pension,4,60\n"  # served at 09:01:00, ready 4 s later
        f"{nine + 64},kk,general,10,0\n"  # in the very moment op001 is ready again
    )
    assert lines == [
        CSV_COLUMNS,
        "1,32400.000,ru,pension,answered,0.000,op001,4,0,60.000",
        "2,32401.000,kk,general,overflowed,30.000,,,2,",
        "3,32402.000,ru,pension,abandoned,4.999,,,1,",
        "4,32440.250,kk,pension,answered,19.750,op001,4,2,4.000",
        "5,32464.000,kk,general,answered,0.000,op001,3,0,10.000",
    ]
    assert list(figures) == JSON_KEYS
    expected = {
        "offered": 5, "answered": 3, "answered_in_target": 3, "abandoned": 1,
        "abandoned_short": 1, "callbacks": 0, "overflowed": 1, "service_level": 0.6,
        "asa_s": 6.583, "wait_p95_s": 30.0, "wait_max_s": 30.0, "wait_worst_10pct_mean_s": 30.0,
        "abandon_rate": 0.2, "occupancy": 1.0,
    }  # fmt: skip
    assert {key: figures[key] for key in expected} == expected


def test_who_is_never_served_is_given_up_after_a_week(run):
    files, _ = changed("queues.yaml", "      - {at: 30s, do: overflow, to: general}\n", "")
    figures, lines = run("32400,en,pension,60,\n", files=files)
    assert lines[1] == "1,32400.000,en,pension,abandoned,604800.000,,,3,"
    assert figures["asa_s"] is None


def test_a_call_waits_for_the_shift_that_can_take_it(run):
    files, _ = changed("queues.yaml", ", {at: 30s, do: overflow, to: voicemail}]", "]")
    _, lines = run("25200,kk,general,60,\n", files=files)  # at 07:00 only op002, without kk
    assert lines[1] == "1,25200.000,kk,general,answered,3600.000,op001,3,1,60.000"


def test_explain_tells_one_call(run):
    told, _ = run("32400,ru,pension,60,\n32401,kk,pension,60,\n", "--explain", "2")
    assert told["outcome"] == "answered"
    assert told["operator"] == "op001"
    assert [entry["event"] for entry in told["timeline"]] == [
        "queued", "step", "step", "step", "step", "offered", "connected", "ended",
    ]  # fmt: skip
    assert told["decisions"][0]["rule"] == "nobody_ready"
    assert told["decisions"][0]["refused"] == {"talking": 1}


# Made-up days


@pytest.mark.parametrize("extra", [[], ["--scenario", "shipped"]])
def test_the_same_seed_gives_the_same_calls_to_the_byte(tmp_path, capsys, extra):
    out = tmp_path / "calls.csv"

    def play(seed):
        words = ["simulate", "--calls", "1500", "--seed", seed, "--json", *extra]
        assert main([*words, "--calls-out", str(out)]) == 0
        return json.loads(capsys.readouterr().out), out.read_bytes()

    figures, first = play("5")
    again, second = play("5")
    other, third = play("6")
    assert first == second
    assert first != third
    assert figures | {"elapsed_s": 0} == again | {"elapsed_s": 0}
    outcomes = [row["outcome"] for row in csv.DictReader(io.StringIO(first.decode()))]
    for each in (figures, other):
        ends = ("answered", "abandoned", "callbacks", "overflowed")
        assert each["offered"] == sum(each[end] for end in ends)
    assert figures["offered"] == len(outcomes) >= 1500
    assert figures["abandoned"] == outcomes.count("abandoned")
    if not extra:
        assert figures["offered"] == 1500
        assert figures["callbacks"] == 0


def test_callbacks_redials_and_ringing_do_what_the_scenario_says(tmp_path, capsys):
    scenario = tmp_path / "storm.yaml"
    scenario.write_text(
        "schema: 1\n"
        "days: {weekday: {calls: 300, begins: 9, hours: [1]}}\n"
        "languages: {ru: 100%}\ntopics: {general: 100%}\nhandle: {mean: 120s}\n"
        "patience: [{share: 100%, mean: 5m}]\n"
        "ring: {mean: 3s, no_answer: 5%, back_after: 60s}\nwhisper: 2s\n"
        "redial: {share: 100%, after: 1m}\ncallback: {accept: 100%, reached: 50%}\n"
    )
    out, config = tmp_path / "calls.csv", write(tmp_path, _callbacks_allowed())
    words = ["--config", str(config), "--scenario", str(scenario), "--calls-out", str(out)]
    assert main(["simulate", "--json", *words]) == 0
    figures = json.loads(capsys.readouterr().out)
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert figures["callbacks"] > 100  # one operator, everybody is offered one at 20 s
    assert all(float(r["wait_s"]) >= 5 for r in rows if r["outcome"] == "answered")
    gave_up = sum(row["outcome"] == "abandoned" and not row["call"].endswith("r3") for row in rows)
    assert gave_up == sum("r" in row["call"] for row in rows) > 0


def _callbacks_allowed():
    files, _ = changed(
        "service.yaml", "target: 30s\n", 'target: 30s\ncallbacks: {numbers: ["87X"]}\n'
    )
    return files


def test_days_follow_the_calendar(tmp_path, capsys):
    scenario, out = tmp_path / "week.yaml", tmp_path / "calls.csv"
    scenario.write_text(
        "schema: 1\n"
        "days: {weekday: {calls: 40, begins: 9, hours: [1]}, weekend: {calls: 7, hours: [1]}}\n"
        "languages: {ru: 100%}\ntopics: {general: 100%}\nhandle: {mean: 10s}\n"
        "patience: [{share: 100%, mean: 5m}]\n"
    )
    words = ["--scenario", str(scenario), "--days", "4", "--start", "2026-11-27"]  # a Friday
    assert main(["simulate", "--json", *words, "--calls-out", str(out)]) == 0
    assert json.loads(capsys.readouterr().out)["offered"] == 40 + 7 + 7 + 40
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    days = Counter(float(row["arrival_s"]) // 86_400 for row in rows)
    assert days == {0: 40, 1: 7, 2: 7, 3: 40}
    assert [row["call"] for row in rows] == [str(n) for n in range(1, 95)]
    friday, monday = (
        [float(row["arrival_s"]) % 86_400 for row in rows[part]]
        for part in (slice(0, 40), slice(54, 94))
    )
    assert friday != monday  # other dice each day
    assert main(["simulate", "--json", *words, "--day", "weekday", "--calls", "3"]) == 0
    assert json.loads(capsys.readouterr().out)["offered"] == 12


# The distribution of waits


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 1_300_000), min_size=1), st.sampled_from([0.05, 0.1, 0.5, 1.0]))
def test_waits_are_counted_as_if_they_were_sorted(waits, share):
    counted = Waits()
    for wait in waits:
        counted.add(wait)
    waits.sort()
    longest = waits[-max(1, round(len(waits) * share)) :]
    assert counted.longest() == waits[-1]
    assert counted.sum_of_longest(share) == (sum(longest), len(longest))
    if share < 1:
        assert counted.exceeded_by(share) == waits[math.ceil(len(waits) * (1 - share)) - 1]


# Shifts


def calendar(tmp_path, shift, start):
    settings, _ = load(write(tmp_path, EXAMPLE))
    object.__setattr__(settings, "shifts", {"A": shift, "B": Shift("B", (), 0, 1)})
    object.__setattr__(settings.service, "callbacks", Callbacks())
    return Calendar(settings, datetime(*start, tzinfo=ZoneInfo("Asia/Almaty")))


def told(duties, until_h):
    found = []
    for duty in duties:
        if duty.at > until_h * 3_600_000:
            return found
        found += [
            (duty.at / 3_600_000, type(event).__name__)
            for event in duty.events
            if isinstance(event, OperatorReady | OperatorPaused | OperatorLoggedOut)
        ]
    return found


def test_a_shift_overnight_has_begun_and_its_break_is_not_forgotten(tmp_path):
    shift = Shift("A", (6,), 20 * 60, 8 * 60, (Break(2 * 60, 3_600_000),))  # Sunday night
    assert told(calendar(tmp_path, shift, (2026, 11, 23)).events(), 24) == [
        (0, "OperatorReady"), (2, "OperatorPaused"), (3, "OperatorReady"),
        (8, "OperatorLoggedOut"),
    ]  # fmt: skip


def test_nobody_goes_home_where_one_day_of_a_shift_ends_and_the_next_begins(tmp_path):
    shift = Shift("A", tuple(range(7)), 8 * 60, 8 * 60)
    assert told(calendar(tmp_path, shift, (2026, 11, 23)).events(), 72) == [(0, "OperatorReady")]
