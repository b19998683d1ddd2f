"""Tables line up in any script, figures read as people say them; no terminal is needed."""

import pytest

from acd.screens import (
    Column,
    clean,
    counts_in_words,
    day_and_time,
    duration,
    fit,
    pad,
    paint,
    percent,
    plain,
    queue_level,
    queues_total,
    table,
    time_of_day,
    wait_level,
    weighted_mean,
    width,
    wrapped,
)
from tests.unit.service_peer import queue_row

pytestmark = pytest.mark.unit

NAME = Column("name", "NAME", plain, to_right=False)
WAIT = Column("wait_s", "WAIT", duration)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "0s"),
        (31, "31s"),
        (59.999, "59s"),
        (60, "1m00s"),
        (125, "2m05s"),
        (3599.9, "59m59s"),
        (3600, "1h00m"),
        (90_061, "25h01m"),
        (-4.2, "-4s"),
        ("x", "-"),
    ],
)
def test_a_wait_reads_as_people_say_it(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "-"), (0, "0.0%"), (0.925, "92.5%"), (0.9999, "99.9%"), (1, "100.0%"), (0.57, "57.0%")],
)
def test_a_share_is_a_percentage_and_only_all_is_a_hundred(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("pension", 7),
        ("Зейнетақы", 9),
        ("й", 1),  # и and a combining breve
        ("電話", 4),
        ("a​b", 2),
        ("", 0),
    ],
)
def test_width_counts_cells_of_the_terminal(text, cells):
    assert width(text) == cells


def test_columns_line_up_under_cyrillic_combining_and_wide_letters():
    rows = [
        {"name": "Айгүл", "wait_s": 5},
        {"name": "Ий", "wait_s": 65},
        {"name": "電話", "wait_s": None},
    ]
    lines = table([NAME, WAIT], rows)
    assert lines == ["NAME    WAIT", "Айгүл     5s", "Ий     1m05s", "電話       -"]
    assert {width(line) for line in lines} == {12}


def test_a_row_that_needs_a_look_is_marked_without_colour():
    lines = table([NAME, WAIT], [{"name": "a", "wait_s": 31}, {"name": "b"}], levels=[3, 0])
    assert lines == ["   NAME  WAIT", "!! a      31s", "   b        -"]


def test_colour_repeats_the_mark_and_takes_no_room():
    plain_lines = table([NAME], [{"name": "a"}], levels=[2])
    coloured = table([NAME], [{"name": "a"}], levels=[2], colour=True)
    assert coloured[1] == paint(plain_lines[1], 2) != plain_lines[1]


def test_a_total_leaves_blank_what_cannot_be_added_up():
    lines = table([NAME, WAIT], [{"name": "a", "wait_s": 1}], total={"name": "all"})
    assert lines[-1] == "all"


def test_a_table_without_rows_is_its_heading():
    assert table([NAME, WAIT], []) == ["NAME  WAIT"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ("", "-"),
        (True, "yes"),
        (2.50, "2.5"),
        ({"kk": 5, "ru": 4}, "kk:5 ru:4"),
        ({}, "-"),
        (["a", "b"], "a b"),
        ("a\x1b[2Jb\n", "a?[2Jb?"),
        ("a‮b", "a?b"),
    ],
)
def test_any_value_fits_into_a_cell_and_cannot_move_the_cursor(value, text):
    assert plain(value) == text
    assert clean(plain(value)) == text


def test_a_cut_text_shows_that_it_is_cut_and_never_exceeds_its_room():
    assert fit("general", 7) == "general"
    assert fit("general", 5) == "gene~"
    assert fit("電話電話", 4) == "電~"
    assert width(pad("電", 5)) == 5


def test_wrapped_text_keeps_every_word_and_its_room():
    text = "10:41:58 CRITICAL callers wait longer than the target; bring in operators"
    lines = wrapped(text, 30, indent="  ")
    assert all(width(line) <= 30 for line in lines)
    assert " ".join(" ".join(lines).split()) == text
    assert wrapped("x" * 50, 20, indent="  ") == ["x" * 19 + "~"]


@pytest.mark.parametrize(
    ("wait_s", "level"), [(None, 0), (19.9, 0), (20, 1), (26.9, 1), (27, 2), (29.99, 2), (30, 3)]
)
def test_a_wait_is_marked_as_it_nears_the_promise(wait_s, level):
    assert wait_level(wait_s, 30) == level


def test_callers_with_nobody_ready_are_marked_however_short_they_wait():
    assert queue_level(queue_row("a", waiting=1, longest_wait_s=1), 30) == 2
    assert queue_level(queue_row("a", waiting=1, longest_wait_s=1, ready=1), 30) == 0
    assert queue_level(queue_row("a"), 30) == 0


def test_the_total_of_queues_weighs_shares_by_calls_and_adds_no_operators():
    total = queues_total(
        [
            queue_row(
                "a", waiting=1, longest_wait_s=3.0, offered=30, answered=30, service_level=1.0,
                asa_s=4.0, ready=5,
            ),
            queue_row(
                "b", waiting=2, longest_wait_s=9.0, offered=10, answered=10, service_level=0.6,
                asa_s=8.0, ready=5,
            ),
            queue_row("c"),
        ]
    )  # fmt: skip
    assert total["waiting"] == 3
    assert total["longest_wait_s"] == 9.0
    assert total["service_level"] == pytest.approx(0.9)
    assert total["asa_s"] == pytest.approx(5.0)
    assert "ready" not in total


def test_nothing_to_count_has_no_mean():
    assert weighted_mean([queue_row("a")], "service_level", "offered") is None
    assert queues_total([queue_row("a")])["longest_wait_s"] is None


def test_states_are_counted_in_the_order_of_a_shift():
    rows = [{"s": "paused"}, {"s": "ready"}, {"s": "wrap_up"}, {"s": "ready"}, {"s": "odd"}]
    assert counts_in_words(rows, "s", ("ready", "wrap_up", "paused")) == (
        "2 ready, 1 wrap up, 1 paused, 1 odd"
    )


def test_moments_are_shown_by_their_local_time():
    assert time_of_day("2026-11-23T10:42:07.120+05:00") == "10:42:07"
    assert day_and_time("2026-11-23T10:42:07.120+05:00") == "11-23 10:42:07"
    assert time_of_day(None) == "-"
    assert day_and_time("soon") == "soon"
