"""What is wrong in a trace or a scenario is shown with its place, and nothing is half-written."""

import pytest

from acd.__main__ import main
from tests.unit.settings_sample import EXAMPLE, write

HEAD = "arrival_s,language,topic,handle_s,patience_s\n"
GOOD = "32400,ru,general,60,\n"
SCENARIO = """\
schema: 1
days: {weekday: {calls: 10, hours: [1, 1]}}
languages: {kk: 50%, ru: 50%}
topics: {general: 100%}
handle: {mean: 60s}
patience: [{share: 100%, mean: 300s}]
"""


@pytest.fixture
def refuse(tmp_path, capsys, monkeypatch):
    """Run with files in the folder; gives what is said, once it is sure that nothing is left."""
    write(tmp_path, EXAMPLE)
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "calls.csv"
    out.write_text("as it was")

    def refuse(*words, status=1, **files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", ".")
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        before = {path.name for path in tmp_path.iterdir()}
        assert main(["simulate", *words, "--calls-out", str(out)]) == status
        assert out.read_text() == "as it was"
        assert {path.name for path in tmp_path.iterdir()} == before
        captured = capsys.readouterr()
        assert captured.out == ""
        return captured.err

    return refuse


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", "t.csv:", "empty"),
        (HEAD, "t.csv:1:1:", "no call"),
        ("arrival_s,language,topic,handle_s\n" + GOOD, "t.csv:1:1:", "missing: patience_s"),
        (HEAD + GOOD + "32399.9,ru,general,60,\n", "t.csv:3:1:", "sort by arrival_s"),
        (HEAD + "-1,ru,general,60,\n", "t.csv:2:1:", "negative"),
        (HEAD + "1,ru,general,-60,\n", "t.csv:2:14:", "handle_s: -60 is negative"),
        (HEAD + "1,ru,general,60,-3\n", "t.csv:2:17:", "patience_s: -3 is negative"),
        (HEAD + "nan,ru,general,60,\n", "t.csv:2:1:", "'nan' is not a number"),
        (HEAD + "1,ru,general,inf,\n", "t.csv:2:14:", "'inf' is not a number"),
        (HEAD + "1,ru,general,,\n", "t.csv:2:14:", "'' is not a number"),
        (HEAD + "1,ru,generl,60,\n", "t.csv:2:6:", "did you mean 'general'?"),
        (HEAD + "1,fr,general,60,\n", "t.csv:2:3:", "unknown language 'fr'"),
        (HEAD + "1,ru,general\n", "t.csv:2:1:", "3 values stand here"),
        (b"\xff\xfe\x00a", "t.csv:", "not UTF-8"),
    ],
)
def test_a_bad_trace_is_refused_with_the_place(refuse, text, place, said):
    told = refuse("--trace", "t.csv", t__csv=text)
    assert told.startswith(place)
    assert said in told


def test_all_that_is_wrong_in_a_trace_is_said_at_once(refuse):
    told = refuse("--trace", "t.csv", t__csv=HEAD + "x,ru,general,1,\n" + GOOD + "5,ru,no,1,\n")
    assert "t.csv:2:1:" in told
    assert "t.csv:4:6:" in told


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("ru: 50%}", "ru: 80%}", "s.yaml:3:12:", "add up to 130%"),
        ("general: 100%", "general: 99%", "s.yaml:4:9:", "add up to 99%"),
        ("general: 100%", "generl: 100%", "s.yaml:4:10:", "general"),
        ("share: 100%", "share: 30%", "s.yaml:6:11:", "add up to 30%"),
        ("mean: 60s", "mean: 60", "s.yaml:5:16:", "write a unit"),
        ("[1, 1]", "[0, 0]", "s.yaml:2:36:", "no hour has any calls"),
        ("calls: 10", "calls: -10", "s.yaml:2:25:", "-10"),
        ("handle:", "handel:", "s.yaml:5:1:", "handle"),
        (SCENARIO, "", "s.yaml:", "empty"),
    ],
)
def test_a_bad_scenario_is_refused_with_the_place(refuse, old, new, place, said):
    assert SCENARIO.count(old) == 1
    told = refuse("--scenario", "s.yaml", s__yaml=SCENARIO.replace(old, new))
    assert place in told
    assert said in told


def test_what_the_scenario_does_not_have_is_said(refuse):
    told = refuse("--scenario", "s.yaml", "--day", "night", s__yaml=SCENARIO)
    assert told == "s.yaml: there is no 'night' under 'days:'; add it\n"
    assert "there is no such file" in refuse("--scenario", "none.yaml")
    assert "cannot be read (No such file" in refuse("--trace", "none.csv")


def test_a_crew_of_nobody_is_refused(refuse):
    eighteen = HEAD + "64800,ru,general,60,30\n"  # between the two shifts
    told = refuse("--trace", "t.csv", "--start", "2026-11-23", t__csv=eighteen)
    assert told.startswith("config/shifts.yaml: nobody is on duty from Mon 2026-11-23 18:00")


def test_an_unknown_call_is_not_explained_and_nothing_is_written(refuse):
    told = refuse("--trace", "t.csv", "--explain", "2", t__csv=HEAD + GOOD)
    assert told == "there is no call '2' in this run; the calls are 1 to 1\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--trace", "t.csv", "--calls", "5"), "leave out --calls"),
        (("--start", "Monday"), "not a time"),
        (("--start", "2026-11-23T08:00"), "begins at midnight"),
        (("--calls", "0"), "whole number"),
    ],
)
def test_wrong_usage_is_refused(refuse, words, said):
    assert said in refuse(*words, status=2)


def test_the_file_cannot_be_written(tmp_path, capsys):
    assert main(["simulate", "--calls", "5", "--calls-out", str(tmp_path / "no" / "x.csv")]) == 1
    assert "No such file or directory" in capsys.readouterr().err
