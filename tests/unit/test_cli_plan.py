"""`acd staff --plan`: what is printed and written, and what is said of bad input."""

import json
import shutil
from pathlib import Path

import pytest

from acd.__main__ import main
from acd.problems import Problems
from acd.settings_files import load_settings
from acd.staffing import plan_solver

CONFIG = Path(__file__).resolve().parents[2] / "config"
KEYS = [
    "shifts", "operators", "reserve", "paid_hours", "needed_hours", "short_hours",
    "service_level", "cost", "bound", "gap", "hires", "surplus", "training", "languages",
    "intervals",
]  # fmt: skip


def day(calls=40, date="2026-11-30", hours=24):
    rows = "".join(f"{date}T{h:02}:00,{calls if h >= 8 else calls // 8}\n" for h in range(hours))
    return "start,calls\n" + rows


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A short search; what it finds is held against all others in test_plan.py."""
    monkeypatch.setattr(plan_solver, "PROGRAMMES_MAX", 40)
    monkeypatch.setattr(plan_solver, "POOL_MAX", 6)
    monkeypatch.setattr(plan_solver, "NODES_MAX", 2)


@pytest.fixture
def plan(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def plan(*words, forecast=None, config=CONFIG):
        Path("week.csv").write_text(day() if forecast is None else forecast)
        few = () if "--lengths" in words else ("--lengths", "9")
        status = main(
            ["--config", str(config), "staff", "--plan", "--forecast", "week.csv", *few, *words]
        )
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return status, captured.out, captured.err

    return plan


def test_json_has_the_promised_keys_and_the_figures_fit_together(plan):
    status, out, err = plan("--seeds", "1", "--json", "--before", "--train", "2")
    found = json.loads(out)
    assert (status, err) == (0, "")
    assert list(found) == [*KEYS, "check"]
    assert sum(each["operators"] for each in found["shifts"]) == found["operators"]
    assert found["short_hours"] == 0
    assert found["service_level"] >= 0.95
    assert found["bound"] <= found["cost"]
    assert all(each["planned"] >= each["needed"] for each in found["intervals"])
    assert found["hires"] == []
    assert len(found["surplus"]) + found["operators"] + found["reserve"] == 128
    assert len(found["training"]) == 2
    check = found["check"]
    assert [each["day"] for each in check["days"]] == ["2026-11-30"]
    assert check["week"]["formula"] == pytest.approx(found["service_level"], abs=1e-6)
    assert 0.5 < check["week"]["simulated"] <= 1
    assert check["week"]["simulated_margin"] is None
    assert {"trained", "before"} <= set(check["week"])
    assert len(check["worst_hours"]) == 5


def test_the_same_input_gives_the_same_plan(plan):
    words = ("--seeds", "1", "--json")
    assert plan(*words) == plan(*words)


def test_the_folder_loads_is_the_plan_and_plays(plan, tmp_path, capsys):
    status, out, _ = plan("--seeds", "0", "--json", "--out", "next")
    found = json.loads(out)
    assert (status, found["out"]) == (0, "next")
    problems = Problems()
    settings = load_settings(tmp_path / "next", problems)
    assert settings is not None, problems.render()
    assert list(settings.shifts) == [each["shift"] for each in found["shifts"]]
    assert len(settings.rules.operators) == found["operators"] + found["reserve"]
    assert {p.name for p in CONFIG.iterdir()} == {p.name for p in (tmp_path / "next").iterdir()}
    assert main(["--config", "next", "simulate", "--calls", "100", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["offered"] == 100


def test_people_who_are_missing_are_hired_like_those_who_are_there(plan, tmp_path):
    config = tmp_path / "few"
    shutil.copytree(CONFIG, config)
    people = (config / "operators.yaml").read_text().splitlines()
    kept = [line for line in people if not line.startswith("  op") or line < "  op006"]
    (config / "operators.yaml").write_text("\n".join(kept))
    status, out, _ = plan("--seeds", "0", "--out", "next", "--json", config=config)
    found = json.loads(out)
    assert status == 0
    assert found["operators"] == 5 + len(found["hires"]) > 5
    settings = load_settings(tmp_path / "next", Problems())
    assert settings is not None
    for each in found["hires"]:
        assert settings.rules.operators[each["operator"]].shift == each["shift"]
    limited = json.loads(plan("--seeds", "0", "--operators", "7", "--json", config=config)[1])
    assert limited["operators"] <= 7
    assert limited["short_hours"] > 0
    assert limited["service_level"] < found["service_level"]


def test_a_person_reads_shifts_coverage_gaps_and_the_check(plan):
    status, out, _ = plan("--seeds", "2", "--operators", "12", "--surge", "osms=2@mon")
    assert status == 0
    assert out.splitlines()[0].split()[:4] == ["SHIFT", "HOURS", "DAYS", "BREAK"]
    for part in ("operator-hours are missing", "second skills", "SIMULATED", "same calls", "+-"):
        assert part in out


def test_absence_needs_more_people_and_a_surge_more_calls(plan):
    def needed(*words):
        found = json.loads(plan("--seeds", "0", "--json", *words)[1])
        return found["needed_hours"], sum(each["calls"] for each in found["intervals"])

    plain = needed("--surge", "osms=2@tue")
    more = needed("--surge", "osms=2@mon", "--shrinkage", "30%")
    assert more[0] > 1.3 * plain[0]
    assert more[1] == pytest.approx(plain[1] * 1.057, rel=1e-3)
    assert plain[1] == 40 * 16 + 5 * 8


BAD = [
    ((), "", "week.csv: the file is empty"),
    ((), day(hours=12), "week.csv: 12 hours; a plan needs a day at least"),
    ((), day(calls=0), "week.csv: no calls in any interval"),
    (
        (),
        day() + day(date="2026-12-07").partition("\n")[2],
        "week.csv:26:1: more than a week after",
    ),
    ((), day().replace(":00,", ":10,"), "week.csv:2:1: begins at no full 60 minutes"),
    (("--interval-m", "20"), day(), "week.csv: intervals of 20 minutes; --plan takes 15, 30 or 60"),
    ((), day(calls=9_000_000), "week.csv:2:1: not even 10000 operators"),
    (("--surge", "osm=2"), None, "--surge osm=2: no calls are about 'osm'; did you mean 'osms'?"),
    (("--surge", "osms=x"), None, "--surge osms=x: 'x' is no factor from 0 to 100"),
    (("--surge", "osms=2@monday"), None, "--surge osms=2@monday: 'monday' is no day; write mon"),
    (("--scenario", "none.yaml"), None, "none.yaml"),
    (("--operators", "3"), None, "--operators 3: 6 of them are in reserve"),
    (("--week-hours", "1-2"), None, "no shift of 9 hours gives a week of 1 to 2 paid hours"),
    (("--out", "."), None, ". is there already; name a folder that is not"),
    (("--out", "no/where"), None, "no: there is no such folder"),
]


@pytest.mark.parametrize(("words", "content", "message"), BAD)
def test_bad_input_is_told_with_place_and_remedy_and_nothing_is_written(
    plan, tmp_path, words, content, message
):
    out = () if "--out" in words else ("--out", "next")
    status, said, err = plan("--seeds", "0", *words, *out, forecast=content)
    assert (status, said) == (1, "")
    assert message in err
    assert [path.name for path in tmp_path.iterdir()] == ["week.csv"]


def test_a_crew_of_nobody_is_told(plan, tmp_path):
    config = tmp_path / "none"
    shutil.copytree(CONFIG, config)
    (config / "operators.yaml").write_text("schema: 1\noperators: {}\n")
    status, _, err = plan("--seeds", "0", config=config)
    assert status == 1
    assert "operators.yaml" in err


def test_unknown_shares_are_told_with_their_place(plan, tmp_path):
    shipped = Path(plan_solver.__file__).parents[1] / "sim" / "weekday.yaml"
    text = shipped.read_text().replace("osms: 5.7%", "health: 5.7%")
    (tmp_path / "own.yaml").write_text(text)
    status, _, err = plan("--seeds", "0", "--scenario", "own.yaml")
    assert status == 1
    assert "own.yaml:" in err
    assert "health" in err


@pytest.mark.parametrize(
    "words",
    [
        ("staff", "--plan"),
        ("staff", "--plan", "--forecast", "week.csv", "--csv"),
        ("staff", "--plan", "--forecast", "week.csv", "--shifts", "0"),
        ("staff", "--plan", "--forecast", "week.csv", "--lengths", "9,x"),
        ("staff", "--plan", "--forecast", "week.csv", "--week-hours", "44-33"),
        ("staff", "--forecast", "week.csv", "--out", "next"),
        ("staff", "--calls-per-hour", "10", "--handle-s", "10", "--seeds", "0"),
    ],
)
def test_usage(words, capsys):
    try:
        status = main(list(words))
    except SystemExit as leaving:
        status = leaving.code
    assert status == 2
    assert "Traceback" not in capsys.readouterr().err
