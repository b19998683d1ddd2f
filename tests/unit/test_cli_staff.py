"""`acd staff`: one load, a forecast by interval, and what is said of bad input."""

import csv
import io
import json
import subprocess
import sys

import pytest

from acd.__main__ import main

KEYS = [
    "operators", "service_level", "wait_probability", "asa_s", "mean_wait_s", "abandon_rate",
    "occupancy",
]  # fmt: skip
LOAD = ("--calls-per-hour", "1300", "--handle-s", "180")
PATIENT = (*LOAD, "--patience-s", "300")
DAY = "start,calls\n2026-11-30T08:00,300\n2026-11-30T08:15,0\n2026-11-30T09:00,20\n"


@pytest.fixture
def run(capsys):
    def run(*words):
        status = main(["staff", *words])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return status, captured.out, captured.err

    return run


@pytest.fixture
def forecast(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def forecast(content):
        file = tmp_path / "week.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return "--forecast", "week.csv"

    return forecast


def test_json_has_exactly_the_promised_keys(run):
    status, out, err = run(*PATIENT, "--within-s", "30", "--target", "0.95", "--json")
    found = json.loads(out)
    assert (status, err) == (0, "")
    assert list(found) == KEYS
    assert found["operators"] == 71
    assert found["service_level"] >= 0.95


def test_operators_are_evaluated(run):
    _, out, _ = run(*PATIENT, "--operators", "66", "--json")
    found = json.loads(out)
    assert found == {
        "operators": 66,
        "service_level": pytest.approx(0.8393, abs=5e-5),
        "wait_probability": pytest.approx(0.522, abs=5e-4),
        "asa_s": pytest.approx(10.6, abs=0.05),
        "mean_wait_s": pytest.approx(10.88, abs=5e-3),
        "abandon_rate": pytest.approx(0.0363, abs=5e-5),
        "occupancy": pytest.approx(0.949, abs=5e-4),
    }


def test_the_target_is_95_percent_within_30_s_unless_told(run):
    assert run(*PATIENT, "--json") == run(*PATIENT, "--within-s", "30", "--target", "95%", "--json")


def test_without_patience_it_is_erlang_c(run):
    _, out, _ = run(*LOAD, "--target", "0.8", "--json")
    assert json.loads(out)["operators"] == 70
    assert run(*LOAD, "--patience-s", "inf", "--target", "0.8", "--json")[1] == out


def test_a_queue_without_end_has_no_wait_to_tell(run):
    status, out, _ = run(*LOAD, "--operators", "60", "--json")
    found = json.loads(out)
    assert status == 0
    assert (found["asa_s"], found["mean_wait_s"], found["service_level"]) == (None, None, 0.0)
    assert "grows without end" in run(*LOAD, "--operators", "60")[1]


def test_a_person_reads_all_four_service_levels_and_the_limit(run):
    _, out, _ = run(*PATIENT, "--operators", "66", "--shrinkage", "30%")
    assert out.splitlines()[0] == ("66 operators at the phones, 95 on the roster for 65.0 Erlang")
    for level in ("83.9%", "87.0%", "86.5%", "85.5%", "95.6%"):
        assert level in out


def test_shrinkage_adds_the_roster(run):
    _, out, _ = run(*PATIENT, "--shrinkage", "0.3", "--json")
    assert json.loads(out)["scheduled"] == 102


@pytest.mark.parametrize(
    ("level", "operators"), [("offered", 71), ("answered", 70), ("virtual", 71)]
)
def test_the_target_may_count_other_callers(run, level, operators):
    _, out, _ = run(*PATIENT, "--level", level, "--json")
    found = json.loads(out)
    assert found["operators"] == operators
    assert (f"service_level_{level}" in found) == (level != "offered")


@pytest.mark.parametrize(
    ("goal", "key", "limit"),
    [
        ("--asa-s", "asa_s", 5.0),
        ("--abandon", "abandon_rate", 0.02),
        ("--occupancy", "occupancy", 0.85),
    ],
)
def test_other_targets_are_kept_with_the_fewest(run, goal, key, limit):
    found = json.loads(run(*PATIENT, goal, str(limit), "--json")[1])
    fewer = json.loads(run(*PATIENT, "--operators", str(found["operators"] - 1), "--json")[1])
    assert found[key] <= limit < fewer[key]


def test_no_calls_need_nobody(run):
    _, out, _ = run("--calls-per-hour", "0", "--handle-s", "180", "--json")
    found = json.loads(out)
    assert found.pop("operators") == 0
    assert set(found.values()) == {None}


# By interval


def test_each_interval_of_a_forecast_gets_its_operators(run, forecast):
    status, out, err = run(*forecast(DAY), "--handle-s", "180", "--patience-s", "300", "--json")
    rows = json.loads(out)
    assert (status, err) == (0, "")
    assert [list(row) for row in rows] == [["start", "calls", *KEYS]] * 3
    assert [row["start"] for row in rows] == [
        "2026-11-30T08:00", "2026-11-30T08:15", "2026-11-30T09:00",
    ]  # fmt: skip
    alone = run("--calls-per-hour", "1200", "--handle-s", "180", "--patience-s", "300", "--json")
    assert {key: rows[0][key] for key in KEYS} == json.loads(alone[1])
    assert (rows[1]["operators"], rows[1]["service_level"]) == (0, None)


def test_csv_has_the_same_figures(run, forecast):
    words = (*forecast(DAY), "--handle-s", "180", "--shrinkage", "0.3")
    as_csv = list(csv.DictReader(io.StringIO(run(*words, "--csv")[1])))
    as_json = json.loads(run(*words, "--json")[1])
    assert list(as_csv[0]) == ["start", "calls", *KEYS, "scheduled"]
    for row, other in zip(as_csv, as_json, strict=True):
        assert row == {key: "" if value is None else str(value) for key, value in other.items()}


def test_the_table_ends_with_hours_and_the_peak(run, forecast):
    _, out, _ = run(*forecast(DAY), "--handle-s", "180")
    heading, *rows, total = out.splitlines()
    assert heading.split() == ["START", "CALLS", "OPERATORS", "LEVEL", "ASA", "ABAN", "BUSY"]
    assert len(rows) == 3
    assert total == ("19.2 operator-hours at the phones, at most 69 operators (2026-11-30T08:00)")


def test_a_row_may_have_its_own_handle_time_and_patience(run, forecast):
    rows = (
        "start,calls,handle_s,patience_s,weather\n"
        "2026-11-30T08:00,325,180,300,snow\n"
        "2026-11-30T08:15,325,,,sun\n"
        "2026-11-30T08:30,325,180,inf,\n"
    )
    _, out, _ = run(*forecast(rows), "--handle-s", "120", "--patience-s", "300", "--json")
    assert [row["operators"] for row in json.loads(out)] == [71, 48, 74]


def test_one_row_needs_its_length(run, forecast):
    words = forecast("start,calls\n2026-11-30T08:00,650\n")
    status, _, err = run(*words, "--handle-s", "180")
    assert (status, "--interval-m" in err) == (1, True)
    status, out, _ = run(*words, "--handle-s", "180", "--interval-m", "30", "--json")
    assert json.loads(out)[0]["operators"] == 74


BAD = [
    ("", "week.csv: the file is empty; begin with the heading start,calls"),
    ("\n", "week.csv: the file is empty"),
    ("start,calls\n", "week.csv: no rows under the heading"),
    (
        "start,call\n2026-11-30,1\n",
        "week.csv:1:1: there is no column 'calls'; did you mean 'call'?",
    ),
    ("calls\n1\n", "week.csv:1:1: there is no column 'start'; begin with the heading start,calls"),
    ("start,calls,calls\n", "week.csv:1:1: two columns are called 'calls'; keep one"),
    (DAY.replace("300", "-3"), "week.csv:2:18: '-3' cannot be calls; write a number from 0 to"),
    (DAY.replace("300", "nan"), "week.csv:2:18: 'nan' cannot be calls"),
    (DAY.replace("300", "inf"), "week.csv:2:18: 'inf' cannot be calls"),
    (DAY.replace("300", "many"), "week.csv:2:18: 'many' cannot be calls"),
    (DAY.replace("300", ""), "week.csv:2:18: nothing stands for calls; write a number"),
    (DAY.replace("300", "3,0"), "week.csv:2:1: the heading has 2 columns, this row 3; write one"),
    (DAY.replace("08:15", "25:15"), "week.csv:3:1: '2026-11-30T25:15' is no time; write it as"),
    (DAY.replace("08:15", "07:15"), "week.csv:3:1: this starts no later than the row before; sort"),
    (DAY.replace("08:15", "08:00"), "week.csv:3:1: this starts no later than the row before"),
    (DAY.replace("08:15", "08:15Z"), "week.csv: some starts have an offset from UTC and some"),
    (DAY.replace("09:00", "08:37"), "week.csv:4:1: 22 minutes after the row before, which does"),
    ('start,calls\n"2026-11-30T08:00,1\n', "week.csv:2:1: this is no CSV"),
    ("start,calls,handle_s\n2026-11-30,1,0\n", "week.csv:2:14: '0' cannot be handle_s"),
    ("start,calls,patience_s\n2026-11-30,1,-1\n", "week.csv:2:14: '-1' cannot be patience_s"),
    (b"start,calls\n\xff\xfe,1\n", "week.csv: byte 13 is no UTF-8; save the file"),
]


@pytest.mark.parametrize(("content", "message"), BAD)
def test_a_mistake_in_the_forecast_is_told_with_its_place(run, forecast, content, message):
    status, out, err = run(*forecast(content), "--handle-s", "180", "--json")
    assert (status, out) == (1, "")
    assert err.startswith(message)


def test_all_mistakes_are_told_at_once(run, forecast):
    content = DAY.replace("300", "-3").replace("08:15", "x")
    _, _, err = run(*forecast(content), "--handle-s", "180")
    assert [line.split(": ")[0] for line in err.splitlines() if line.startswith("week")] == [
        "week.csv:2:18",
        "week.csv:3:1",
    ]


def test_the_same_mistake_in_every_row_does_not_fill_the_screen(run, forecast):
    _, _, err = run(*forecast("start,calls\n" + "2026-11-30T08:00;3\n" * 672))
    assert len(err.splitlines()) == 3 * 20 + 1
    assert err.splitlines()[-1] == "week.csv: and 652 more mistakes"


def test_a_forecast_without_handle_times_says_which_row_lacks_one(run, forecast):
    status, _, err = run(*forecast(DAY))
    assert (status, err) == (
        1,
        "week.csv:2:1: no handle time; fill the column handle_s or give --handle-s\n",
    )


def test_a_file_that_is_not_there(run, forecast):
    status, _, err = run("--forecast", "none.csv", "--handle-s", "180")
    assert (status, err) == (1, "acd: none.csv: No such file or directory\n")


def test_a_load_beyond_all_operators_is_told_with_its_row(run, forecast):
    status, out, err = run(*forecast(DAY.replace("300", "9000000")), "--handle-s", "180", "--json")
    assert (status, out) == (1, "")
    assert err.startswith("week.csv:2:1: not even 10000 operators meet this target")


# Usage


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--calls-per-hour", "100"),
        ("--calls-per-hour", "-1", "--handle-s", "180"),
        ("--calls-per-hour", "nan", "--handle-s", "180"),
        ("--calls-per-hour", "1e300", "--handle-s", "180"),
        ("--calls-per-hour", "100", "--handle-s", "0"),
        (*LOAD, "--patience-s", "0"),
        (*LOAD, "--patience-s", "nan"),
        (*LOAD, "--target", "1"),
        (*LOAD, "--target", "95"),
        (*LOAD, "--target", "nan%"),
        (*LOAD, "--within-s", "-1"),
        (*LOAD, "--operators", "0"),
        (*LOAD, "--operators", "1.5"),
        (*LOAD, "--shrinkage", "100%"),
        (*LOAD, "--level", "best"),
        (*LOAD, "--json", "--csv"),
        (*LOAD, "--forecast", "week.csv"),
        (*LOAD, "--interval-m", "15"),
    ],
)
def test_wrong_usage_is_exit_2(run, words):
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert err


@pytest.mark.parametrize("extreme", [("1e7", "0.001"), ("1e7", "1000"), ("1e-6", "0.001")])
@pytest.mark.parametrize("patience", ["0.001", "300", "1e9", "inf"])
@pytest.mark.parametrize("operators", ["1", "5000", "100000"])
def test_extremes_of_what_is_allowed_have_an_answer(run, extreme, patience, operators):
    calls, handle_s = extreme
    words = ("--calls-per-hour", calls, "--handle-s", handle_s, "--patience-s", patience)
    status, out, err = run(*words, "--operators", operators, "--within-s", "86400", "--json")
    found = json.loads(out)
    assert (status, err) == (0, "")
    assert all(
        0 <= found[key] <= 1 for key in KEYS if key not in ("operators", "asa_s", "mean_wait_s")
    )


def test_the_formulas_are_loaded_only_when_staff_runs():
    seen = (
        "import sys, acd.__main__ as m; m.parser(); "
        "print([name for name in sys.modules if 'staffing' in name])"
    )
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
