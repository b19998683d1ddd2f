"""Charts are well-formed SVG that says the same in shapes, in pointed-at titles and in a table."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from acd.charts import PLOT_HEIGHT, TOP, WIDTH, Chart, Mark, Series, lines, stacked, table, ticks_of


def parsed(html):
    return ET.fromstring(html)


def chart(*series, labels=("08:00", "08:15", "08:30"), **options):
    return Chart("Waits & <more>", "How long", labels, series, **options)


def texts(root, tag):
    return ["".join(each.itertext()) for each in root.iter(tag)]


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (0, [0, 1]),
        (10, [0, 2, 4, 6, 8, 10]),
        (96, [0, 20, 40, 60, 80, 100]),
        (101, [0, 50, 100, 150]),
        (0.7, [0, 0.2, 0.4, 0.6, 0.8]),
        (604_800, [0, 200_000, 400_000, 600_000, 800_000]),
    ],
)
def test_ticks_are_round_and_reach_the_highest(highest, ticks):
    assert ticks_of(highest) == pytest.approx(ticks)


def test_a_line_breaks_where_a_value_is_missing_and_names_are_escaped():
    root = parsed(lines(chart(Series("<A> & B", [1, None, 3], 0), unit=" s")))
    path = root.find(".//path[@class='line s0']").get("d")
    assert path.count("M") == 2
    assert "<A> & B" in texts(root, "li")
    assert root.find(".//title").text == "Waits & <more>"
    pointed = texts(root.find("svg"), "title")[1:]
    assert pointed == ["08:00\n<A> & B: 1 s", "08:15", "08:30\n<A> & B: 3 s"]
    assert texts(root, "td") == ["1", "-", "3"]
    assert texts(root, "th") == ["time", "<A> & B, s", "08:00", "08:15", "08:30"]


def test_columns_stand_on_one_another_and_fill_the_scale():
    root = parsed(
        stacked(chart(Series("low", [5, 0, 0], 0), Series("high", [5, 0, 1], 1), decimals=0))
    )
    low, high = (root.find(f".//path[@class='bar f{n}']").get("d") for n in (0, 1))
    middle, bottom = TOP + PLOT_HEIGHT / 2, float(TOP + PLOT_HEIGHT)
    assert [float(y) for y in re.findall(r"V([\d.]+)", low)] == [middle, bottom]
    assert [float(y) for y in re.findall(r"V([\d.]+)", high)][:2] == [TOP, middle]


def test_a_mark_has_its_words_and_stays_inside():
    found = parsed(lines(chart(Series("a", [1, 2, 3], 0)), Mark(30, "target 30 s")))
    assert "target 30 s" in texts(found, "text")
    y = float(re.match(r"M\d+ ([\d.]+)H", found.find(".//path[@class='mark']").get("d"))[1])
    assert TOP <= y <= TOP + PLOT_HEIGHT


@pytest.mark.parametrize("many", [0, 1, 5, 96, 120])
@pytest.mark.parametrize("draw", [lines, stacked])
def test_any_number_of_labels_has_room(draw, many):
    labels = [f"{n // 4:02}:{n % 4 * 15:02}" for n in range(many)]
    root = parsed(draw(chart(Series("a", [1.0] * many, 2), labels=labels)))
    at = [float(t.get("x")) for t in root.iter("text") if ":" in t.text]
    assert all(later - before > 40 for before, later in pairwise(at))
    assert all(x < WIDTH for x in at)
    assert bool(at) == bool(many)


def test_a_table_escapes_its_cells():
    root = parsed(table("<b>", ["x", "y"], [["a&b", "<1>"]]))
    assert texts(root, "caption") == ["<b>"]
    assert texts(root, "td") == ["<1>"]
