"""Places in the queue and waiting times, as they are said in three languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core.announcements import (
    PLACE_MAX,
    STEPS_MIN,
    all_announcements,
    all_digits,
    announcement,
    digit_clips,
    place_clips,
    wait_clip,
    wait_range,
)
from ivr.core.menu import Clip

MINUTE = 60_000


@pytest.mark.parametrize(
    ("low_ms", "high_ms", "said"),
    [
        (0, 0, (None, 1)), (0, MINUTE, (None, 1)), (59_999, MINUTE + 1, (None, 2)),
        (MINUTE, MINUTE, (1, 1)), (MINUTE, 2 * MINUTE, (1, 2)), (150_000, 200_000, (2, 5)),
        (599_999, 600_000, (5, 10)), (600_000, 600_001, (10, None)), (90_000, 10**9, (1, None)),
        (0, 10**9, (None, None)),
    ],
)  # fmt: skip
def test_the_ends_of_a_range_are_rounded_outwards_to_times_that_are_said(low_ms, high_ms, said):
    assert wait_range(low_ms, high_ms) == said


@given(st.integers(0, 2_000_000), st.integers(0, 2_000_000))
def test_what_is_said_never_promises_more_than_the_range(one_ms, other_ms):
    low_ms, high_ms = sorted((one_ms, other_ms))
    low, high = wait_range(low_ms, high_ms)
    assert low is None or low * MINUTE <= low_ms
    assert high is None or high * MINUTE >= high_ms


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "ru",
            [
                "Примерное время ожидания: меньше минуты.",
                "Примерное время ожидания: меньше двух минут.",
                "Примерное время ожидания: одна минута.",
                "Примерное время ожидания: две минуты.",
                "Примерное время ожидания: пять минут.",
                "Примерное время ожидания: от одной до трёх минут.",
                "Время ожидания: больше минуты.",
                "Время ожидания: больше десяти минут.",
            ],
        ),
        (
            "kk",
            [
                "Күту уақыты бір минуттан аз.",
                "Күту уақыты екі минуттан аз.",
                "Күту уақыты бір минуттай.",
                "Күту уақыты екі минуттай.",
                "Күту уақыты бес минуттай.",
                "Күту уақыты бір минуттан үш минутқа дейін.",
                "Күту уақыты бір минуттан көп.",
                "Күту уақыты он минуттан көп.",
            ],
        ),
        (
            "en",
            [
                "The wait is less than a minute.",
                "The wait is less than two minutes.",
                "The wait is about one minute.",
                "The wait is about two minutes.",
                "The wait is about five minutes.",
                "The wait is one to three minutes.",
                "The wait is more than a minute.",
                "The wait is more than ten minutes.",
            ],
        ),
    ],
)
def test_every_kind_of_range_has_its_sentence(language, said):
    ranges = [(None, 1), (None, 2), (1, 1), (2, 2), (5, 5), (1, 3), (1, None), (10, None)]
    assert [wait_clip(language, *each).text for each in ranges] == said


def test_nothing_is_said_of_a_range_without_ends():
    assert wait_clip("ru", None, None) is None
    assert announcement("ru", None, (0, 10**9)) == ()


@pytest.mark.parametrize(
    ("language", "place", "said"),
    [
        ("kk", 3, ["Кезектегі нөміріңіз:", "үш"]),
        ("ru", 21, ["Ваш номер в очереди:", "двадцать один"]),
        ("en", 60, ["Your number in the queue is", "sixty"]),
    ],
)
def test_a_place_is_said_in_the_nominative(language, place, said):
    assert [clip.text for clip in place_clips(language, place)] == said


def test_place_and_time_are_said_together_or_alone():
    place, number = place_clips("ru", 2)
    time = Clip("ru", "Примерное время ожидания: одна минута.")
    assert announcement("ru", 2, (MINUTE, MINUTE)) == (place, number, time)
    assert announcement("ru", None, (MINUTE, MINUTE)) == (time,)
    assert announcement("ru", 2, None) == (place, number)
    assert announcement("ru", PLACE_MAX + 1, None) == announcement("ru", 0, None) == ()


def test_a_number_is_read_digit_by_digit():
    assert [clip.text for clip in digit_clips("ru", "+7 701")] == ["семь", "семь", "ноль", "один"]


@given(
    st.sampled_from(("kk", "ru", "en")),
    st.none() | st.integers(-1, 100),
    st.none() | st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)).map(sorted).map(tuple),
)
def test_whatever_is_said_is_among_the_clips_that_are_built(language, place, wait_ms):
    assert set(announcement(language, place, wait_ms)) <= set(all_announcements([language]))


def test_all_clips_are_of_the_languages_asked_for_and_none_is_empty():
    clips = [*all_announcements(["kk", "en"]), *all_digits(["kk", "en"])]
    assert {clip.language for clip in clips} == {"kk", "en"}
    assert all(clip.text.strip() and "{" not in clip.text for clip in clips)
    sentences = len(STEPS_MIN) * (len(STEPS_MIN) + 1) // 2 + 2 * len(STEPS_MIN)
    assert len(set(all_announcements(["en"]))) == 1 + PLACE_MAX + sentences
