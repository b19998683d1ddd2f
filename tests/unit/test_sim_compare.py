"""Two settings, the same calls: known quantiles, honest intervals, plain words, bad input."""

import json
from random import Random
from statistics import fmean

import pytest

from acd.__main__ import main
from acd.sim.paired import Estimate, of_blocks, of_days, t_quantile, together, verdict, width_of
from acd.sim.runs import ALONE_BELOW
from tests.unit.settings_sample import EXAMPLE, write

DAY = """\
schema: 1
days: {weekday: {calls: 30, begins: 9, hours: [1]}}
languages: {ru: 100%}
topics: {general: 40%, pension: 60%}
handle: {mean: 60s, sd: 40s}
patience: [{share: 100%, mean: 200s}]
redial: {share: 50%, after: 1m}
"""
HOLD = [("queues.yaml", "at: 10s, do: widen", "at: 29s, do: widen")]
ALL_HANDS = [
    ("operators.yaml", "op002: {shift: B", "op002: {shift: A"),
    ("operators.yaml", "{general: 5}", "{general: 5, pension: 1}"),
]
TAX = "tax: {queue: social, name: {kk: x, ru: x, en: x}}"
KEYS = {"a", "b", "difference", "low", "high", "verdict"}


# Statistics


@pytest.mark.parametrize(
    ("share", "freedom", "published"),
    [  # Student's t in any book of tables, three decimals
        (0.975, 1, 12.706), (0.975, 2, 4.303), (0.975, 4, 2.776), (0.975, 9, 2.262),
        (0.995, 1, 63.657), (0.995, 4, 4.604), (0.995, 19, 2.861), (0.95, 30, 1.697),
        (0.975, 120, 1.980), (0.975, 1_000_000, 1.960),
    ],
)  # fmt: skip
def test_quantiles_are_the_published_ones(share, freedom, published):
    assert t_quantile(share, freedom) == pytest.approx(published, abs=5e-4)


def test_the_series_and_the_expansion_for_many_meet():
    assert t_quantile(0.995, 2000) == pytest.approx(t_quantile(0.995, 2001), abs=2e-6)


def test_an_interval_of_days_worked_out_by_hand():
    found = of_days([1.0, 2.0, 3.0], 0.95)  # 2 +- 4.3027 * 1 / sqrt(3)
    assert found == pytest.approx((2, -0.4841, 4.4841), abs=1e-4)
    assert of_days([1.5], 0.95) == Estimate(1.5, None, None)


def test_19_of_20_intervals_of_days_hold_the_true_difference():
    rng = Random(3)
    held = 0
    for _ in range(2000):
        # What days have in common cancels out; the rest is skewed, as waits are.
        a = [rng.gauss(50, 20) for _ in range(8)]
        b = [day + rng.gammavariate(4, 0.75) for day in a]
        found = of_days([y - x for x, y in zip(a, b, strict=True)], 0.95)
        held += found.low <= 3 <= found.high
    assert 0.93 <= held / 2000 <= 0.97


def test_blocks_hold_the_true_difference_although_neighbours_hang_together():
    rng, held, too_narrow = Random(5), 0, 0
    for _ in range(400):
        state, a, b = 0.0, [], []
        for _ in range(384):
            state = 0.6 * state + rng.gauss(0, 1)
            size = rng.randint(20, 40)
            a.append((0.0, size))
            b.append((size * (0.5 + state), size))
        width = width_of(a, b)
        found = of_blocks(together(a, width), together(b, width), 0.95)
        naive = of_blocks(a, b, 0.95)
        held += found.low <= 0.5 <= found.high
        too_narrow += not naive.low <= 0.5 <= naive.high
    assert held / 400 >= 0.87
    assert too_narrow / 400 >= 0.2, "single quarter hours would have done as well"


def test_too_few_blocks_give_no_interval_and_nothing_no_figure():
    rows = [(1.0, 2.0)] * 9
    assert of_blocks(rows, rows, 0.95) == Estimate(0, None, None)
    assert of_blocks([(0, 0)], [(0, 0)], 0.95) is None


@pytest.mark.parametrize(
    ("estimate", "better", "word"),
    [
        ((1, 0.5, 1.5), 1, "better"),
        ((1, 0.5, 1.5), -1, "worse"),
        ((1, 0.5, 1.5), 0, "higher"),
        ((-1, -1.5, -0.5), 0, "lower"),
        ((1, -0.5, 2.5), 1, "no difference shown"),
        ((0, 0, 0), 1, "same"),
        ((0, -1, 1), 1, "no difference shown"),
        ((1, None, None), 1, "not known"),
    ],
)
def test_the_word_for_a_difference(estimate, better, word):
    assert verdict(Estimate(*estimate), better) == word


# The command


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Writes A and B, with these changes to the example, and goes there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "day.yaml").write_text(DAY)

    def folders(for_a=(), for_b=()):
        for name, edits in (("A", for_a), ("B", for_b)):
            files = dict(EXAMPLE)
            for file, old, new in edits:
                assert old in files[file]
                files[file] = files[file].replace(old, new)
            (tmp_path / name).mkdir()
            write(tmp_path / name, files).rename(tmp_path / name / "x")
            (tmp_path / name / "x").rename(tmp_path / f"{name.lower()}-settings")
        return "a-settings", "b-settings"

    return folders


def run(capsys, *words, status=0):
    assert main(["simulate", "--start", "2026-11-23", *words]) == status
    return capsys.readouterr()


def test_the_same_settings_differ_by_exactly_nothing(folders, capsys):
    a, b = folders()
    words = ["--compare", a, b, "--scenario", "day.yaml", "--runs", "3"]
    told = json.loads(run(capsys, *words, "--json").out)
    assert told["same_settings"] is True
    assert told["changes"] == []
    rows = [*told["measures"].values(), *told["queues"].values(), *told["topics"].values()]
    assert all(set(row) >= KEYS for row in rows)
    assert {(row["difference"], row["low"], row["high"]) for row in rows} == {(0, 0, 0)}
    assert told["a"]["days"] == told["b"]["days"]
    assert [day["seed"] for day in told["a"]["days"]] == told["seeds"] == [1, 2, 3]
    assert told["in_time_only_with_a"] == told["in_time_only_with_b"] == 0
    said = run(capsys, *words).out
    assert "nothing in B can make a call go otherwise" in said
    assert "Every call goes the same way" in said


def test_a_second_operator_shows_and_who_gains_is_named(folders, capsys):
    a, b = folders(for_b=ALL_HANDS)
    words = ["--compare", a, b, "--scenario", "day.yaml", "--runs", "6"]
    told = json.loads(run(capsys, *words, "--json").out)
    share, longest = told["measures"]["service_level"], told["measures"]["wait_max_s"]
    assert told["changes"] == ["operators.yaml: operators op002"]
    assert share["verdict"] == "better" and share["low"] > 0
    assert told["topics"]["general"]["verdict"] == "better"
    mean = {side: fmean(day["service_level"] for day in told[side]["days"]) for side in ("a", "b")}
    assert share["a"] == pytest.approx(mean["a"], abs=1e-6)
    assert share["difference"] == pytest.approx(mean["b"] - mean["a"], abs=1e-6)
    lines = run(capsys, *words).out.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("answered in time"))
    assert lines[at + 1].startswith("longest wait")
    assert f"{longest['b']:.1f} s" in lines[at + 1]
    assert any("more (" in line and "answered within 30 s" in line for line in lines)
    assert any("answered in time more often" in line and "general" in line for line in lines)


def test_holding_callers_back_shows_as_worse(folders, capsys):
    a, b = folders(for_a=ALL_HANDS, for_b=[*ALL_HANDS, *HOLD])
    words = ["--compare", a, b, "--scenario", "day.yaml", "--runs", "12", "--calls", "25"]
    told = json.loads(run(capsys, *words, "--json").out)
    assert told["changes"] == ["queues.yaml: queues social"]
    assert told["measures"]["asa_s"]["verdict"] == "worse"
    assert told["measures"]["asa_s"]["low"] > 0


def test_other_processes_find_the_same_as_one(folders, capsys, monkeypatch):
    a, b = folders(for_b=ALL_HANDS)
    words = ["--compare", a, b, "--scenario", "day.yaml", "--runs", "2", "--json"]
    alone = json.loads(run(capsys, *words).out)
    assert ALONE_BELOW > 2 * 2 * 30
    monkeypatch.setattr("acd.sim.runs.ALONE_BELOW", 0)
    shared = json.loads(run(capsys, *words).out)
    assert shared | {"elapsed_s": 0} == alone | {"elapsed_s": 0}


@pytest.fixture
def trace(tmp_path):
    rows = [f"{32400 + 90 * n},ru,{'pension' if n % 3 else 'general'},100,200" for n in range(200)]
    text = "arrival_s,language,topic,handle_s,patience_s\n" + "\n".join(rows) + "\n"
    (tmp_path / "trace.csv").write_text(text)
    return "trace.csv"


def test_a_trace_is_one_stretch_in_blocks(folders, trace, capsys):
    a, b = folders(for_b=ALL_HANDS)
    words = ["--compare", a, b, "--trace", trace]
    told = json.loads(run(capsys, *words, "--json").out)
    assert (told["days"], told["block_s"], told["blocks"]) == (1, 1800, 10)
    assert told["measures"]["service_level"]["low"] > 0
    longest = told["measures"]["wait_max_s"]
    assert longest["low"] is None and longest["verdict"] == "not known"
    assert "10 blocks of 30 minutes" in run(capsys, *words).out


def test_one_call_is_told_of_both(folders, trace, capsys):
    a, b = folders(for_b=ALL_HANDS)
    words = ["--compare", a, b, "--trace", trace, "--explain", "5"]
    told = json.loads(run(capsys, *words, "--json").out)
    assert told["a"]["call"] == told["b"]["call"] == "5"
    assert told["a"]["wait_s"] > told["b"]["wait_s"] == 0
    said = run(capsys, *words).out
    assert said.index("with A, a-settings:") < said.index("with B, b-settings:")
    gone = run(capsys, *words[:-1], "999", status=1)
    assert "there is no call '999'" in gone.err


# Bad input


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--config", "a-settings"], "leave out --config"),
        (["--calls-out", "out.csv"], "--calls-out is for one run"),
        (["--trace", "t.csv", "--runs", "3"], "leave out --runs"),
        (["--days", "3"], "leave out --days"),
        (["--explain", "1", "--runs", "3"], "leave out --runs and --html"),
        (["--runs", "1"], "'1' is not a whole number from 2"),
    ],
)
def test_options_that_do_not_go_together(folders, capsys, words, said):
    a, b = folders()
    try:
        status = main(["simulate", "--compare", a, b, *words])
    except SystemExit as stopped:
        status = stopped.code
    assert status == 2
    assert said in capsys.readouterr().err


def test_several_days_are_only_for_a_comparison(capsys):
    assert "--compare" in run(capsys, "--runs", "3", status=2).err


@pytest.mark.parametrize(
    ("for_b", "place", "said"),
    [
        (("service.yaml", "target: 30s", "target: 40s"), "service.yaml:", "target is 40s"),
        (("service.yaml", "Asia/Almaty", "Asia/Tokyo"), "service.yaml:", "time zone is"),
        (
            ("skills.yaml", "  pension:", f"  {TAX}\n  pension:"),
            "skills.yaml:",
            "only here are the topics tax",
        ),
        (("queues.yaml", "ring: 8s", "rings: 8s"), "queues.yaml:", "rings"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused_with_its_place(folders, capsys, for_b, place, said):
    a, b = folders(for_b=[for_b])
    told = run(capsys, "--compare", a, b, "--calls", "10", status=1)
    assert told.out == ""
    assert f"b-settings/{place}" in told.err
    assert said in told.err


def test_a_folder_that_is_not_there(folders, capsys):
    a, _ = folders()
    told = run(capsys, "--compare", a, "nowhere", status=1).err
    assert "nowhere: there is no such folder" in told


def test_a_trace_with_a_topic_that_only_one_has(folders, trace, capsys):
    a, b = folders(
        for_b=[
            ("skills.yaml", "pension:", "pensions:"),
            ("operators.yaml", "pension:", "pensions:"),
        ]
    )
    told = run(capsys, "--compare", a, b, "--trace", trace, status=1).err
    assert "with the settings of b-settings:" in told
    assert "trace.csv:3:" in told and "unknown topic 'pension'" in told


def test_other_words_for_the_same_settings_are_no_change(folders, capsys):
    a, b = folders(for_b=[("shifts.yaml", "schema: 1\n", "schema: 1 # as always\n")])
    told = json.loads(
        run(capsys, "--compare", a, b, "--scenario", "day.yaml", "--runs", "2", "--json").out
    )
    assert told["changes"] == ["shifts.yaml: the same settings, written otherwise"]
    assert told["same_settings"] is True
