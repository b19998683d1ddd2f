"""The page of a run: whole, well-formed, without anything from elsewhere, with the numbers."""

import json
import re
from html.parser import HTMLParser

import pytest

from acd.__main__ import main
from acd.core.seats import OperatorState
from acd.sim.tally import QUARTER_MS, Tally
from tests.unit.settings_sample import EXAMPLE, write

HEAD = "arrival_s,language,topic,handle_s,patience_s\n"
NINE = 9 * 3600
CALLS = (
    f"{NINE},ru,pension,60,\n"
    f"{NINE + 1},kk,general,5.5,\n"
    f"{NINE + 2},ru,pension,20,4.999\n"
    f"{NINE + 40.25},kk,pension,4,60\n"
    f"{NINE + 900},kk,general,10,0\n"
)
VOID = {"meta", "br", "img", "link"}


class Strict(HTMLParser):
    """Fails on a tag that is not closed in its turn."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.words, self.outside = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.outside += [v for k, v in attributes if k in ("src", "href") or k.startswith("on")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(path):
    page = Strict()
    text = path.read_text(encoding="utf-8")
    page.feed(text)
    page.close()
    assert page.open == []
    assert page.outside == []
    assert "script" not in page.tags and "link" not in page.tags
    assert not re.search(r"https?://|url\(|@import", text)
    return page


@pytest.fixture
def page(tmp_path, capsys, monkeypatch):
    """`acd simulate --html` with the design's example and a trace."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, EXAMPLE)
    (tmp_path / "<t>.csv").write_text(HEAD + CALLS)

    def page(*words, status=0):
        out = tmp_path / "page.html"
        words = ["--start", "2026-11-23", "--trace", "<t>.csv", "--html", str(out), *words]
        assert main(["simulate", *words]) == status
        return capsys.readouterr(), out

    return page


def test_the_page_of_a_run_says_what_was_played_and_its_figures(page):
    said, out = page("--config", "config", "--json")
    figures = json.loads(said.out)
    found = read(out)
    words = [word.strip() for word in found.words]
    assert found.tags.count("svg") == found.tags.count("figure") == found.tags.count("details") == 6
    for expected in (
        "<t>.csv", "config", "seed", "Simulated calls, from Monday 2026-11-23",
        f"{figures['service_level'] * 100:.1f} % of those offered were answered in time",
        "pension", "social", "general",
    ):  # fmt: skip
        assert expected in words
    assert any(word.startswith(f"{figures['wait_max_s']:.1f} s;") for word in words)
    titles = [word for word in words if word.startswith("09:00\nanswered in time:")]
    assert titles == ["09:00\nanswered in time: 50.0 %"]


def test_figures_do_not_change_when_a_page_is_asked_for(page, tmp_path, capsys):
    said, _ = page("--json")
    plain = ["simulate", "--start", "2026-11-23", "--trace", "<t>.csv", "--json"]
    assert main(plain) == 0
    assert json.loads(said.out) | {"elapsed_s": 0} == (
        json.loads(capsys.readouterr().out) | {"elapsed_s": 0}
    )


def test_two_settings_stand_side_by_side(page, tmp_path):
    files = {**EXAMPLE}
    files["queues.yaml"] = files["queues.yaml"].replace("at: 10s, do: widen", "at: 5s, do: widen")
    other = tmp_path / "other"
    other.mkdir()
    write(other, files)
    _, out = page("--compare", "config", "other/config")
    found = read(out)
    words = [word.strip() for word in found.words]
    assert found.tags.count("svg") == 9
    for expected in ("other/config", "queues.yaml: queues social", "change with B, 95 % sure"):
        assert expected in words
    assert "Operators by state, with A" in words and "Operators by state, with B" in words


def test_no_page_is_left_when_the_run_fails(page, tmp_path):
    (tmp_path / "<t>.csv").write_text(HEAD + "x,ru,general,1,\n")
    before = sorted(tmp_path.iterdir())
    _, out = page(status=1)
    assert not out.exists()
    assert sorted(tmp_path.iterdir()) == before


def test_a_page_that_cannot_be_written_is_an_error_with_its_place(page, tmp_path):
    said, _ = page("--html", str(tmp_path / "no" / "page.html"), status=1)
    assert "page.html: the page cannot be written (No such file" in said.err


def test_operators_time_is_shared_out_to_quarter_hours():
    tally = Tally(30_000)
    tally.spent(OperatorState.READY, QUARTER_MS - 1, 3 * QUARTER_MS + 5)
    tally.spent(OperatorState.OFFLINE, 0, QUARTER_MS)
    assert {n: slot.state_ms for n, slot in tally.slots.items()} == {
        0: {OperatorState.READY: 1},
        1: {OperatorState.READY: QUARTER_MS},
        2: {OperatorState.READY: QUARTER_MS},
        3: {OperatorState.READY: 5},
    }


def test_the_states_of_the_quarter_hours_add_up_to_those_of_the_run(page, monkeypatch, tmp_path):
    seen = []
    real = Tally.spent

    def watched(self, state, since, until):
        seen.append((state, since, until))
        real(self, state, since, until)

    monkeypatch.setattr(Tally, "spent", watched)
    said, _ = page("--json")
    time = {state: 0 for state in OperatorState}
    for state, since, until in seen:
        time[state] += until - since
    busy = time[OperatorState.TALKING] + time[OperatorState.WRAP_UP]
    share = busy / (busy + time[OperatorState.READY])
    assert json.loads(said.out)["occupancy"] == pytest.approx(share, abs=1e-6)
