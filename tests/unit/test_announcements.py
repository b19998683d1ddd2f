"""Places in the queue and waiting times, as they are said in three languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core.announcements import (
    BELOW_A_MINUTE,
    BEYOND,
    PLACE_MAX,
    WAIT_STEPS_MIN,
    Told,
    all_announcements,
    announcement,
    place_clips,
    wait_clip,
    wait_step,
)
from ivr.core.menu import Clip


@pytest.mark.parametrize(
    ("wait_ms", "step"),
    [
        (0, 0), (59_999, 0), (60_000, 1), (60_001, 2), (120_000, 2), (150_000, 3), (180_001, 5),
        (300_000, 5), (300_001, 10), (600_000, 10), (600_001, BEYOND), (10**9, BEYOND),
    ],
)  # fmt: skip
def test_a_wait_is_rounded_up_to_a_time_that_is_said(wait_ms, step):
    assert wait_step(wait_ms) == step


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "ru",
            [
                "Примерное время ожидания: меньше минуты.",
                "Примерное время ожидания: одна минута.",
                "Примерное время ожидания: две минуты.",
                "Примерное время ожидания: три минуты.",
                "Примерное время ожидания: пять минут.",
                "Примерное время ожидания: десять минут.",
                "Время ожидания: больше десяти минут.",
            ],
        ),
        (
            "kk",
            [
                "Күту уақыты бір минуттан аз.",
                "Күту уақыты шамамен бір минут.",
                "Күту уақыты шамамен екі минут.",
                "Күту уақыты шамамен үш минут.",
                "Күту уақыты шамамен бес минут.",
                "Күту уақыты шамамен он минут.",
                "Күту уақыты он минуттан көп.",
            ],
        ),
        (
            "en",
            [
                "The wait is less than a minute.",
                "The wait is about one minute.",
                "The wait is about two minutes.",
                "The wait is about three minutes.",
                "The wait is about five minutes.",
                "The wait is about ten minutes.",
                "The wait is more than ten minutes.",
            ],
        ),
    ],
)
def test_a_wait_follows_the_grammar_of_each_language(language, said):
    steps = (BELOW_A_MINUTE, *WAIT_STEPS_MIN, BEYOND)
    assert [wait_clip(language, step).text for step in steps] == said


def test_a_place_is_a_number_after_words_that_decline_nothing():
    assert place_clips("ru", 21) == (
        Clip("ru", "Ваш номер в очереди:"),
        Clip("ru", "двадцать один"),
    )
    assert place_clips("kk", 3)[1].text == "үш"
    assert [clip.text for clip in place_clips("en", 1)] == ["Your number in the queue is", "one"]


def test_a_caller_hears_the_place_and_the_time_once_and_then_only_improvements():
    told = Told()
    story = []
    for place, wait_ms in [(3, 170_000), (3, 170_000), (2, 200_000), (4, 50_000), (1, None)]:
        clips, told = announcement("en", place, wait_ms, told)
        story.append([clip.text for clip in clips])
    assert story == [
        ["Your number in the queue is", "three", "The wait is about three minutes."],
        [],
        ["Your number in the queue is", "two"],
        ["The wait is less than a minute."],
        ["Your number in the queue is", "one"],
    ]
    assert told == Told(1, 0)


@given(st.lists(st.tuples(st.integers(0, 200), st.none() | st.integers(0, 10**7)), max_size=30))
def test_nobody_is_ever_told_of_a_worse_place_and_every_clip_can_be_built(calls):
    known = set(all_announcements(["ru"]))
    told = Told()
    for place, wait_ms in calls:
        clips, now = announcement("ru", place, wait_ms, told)
        assert set(clips) <= known
        assert told.place is None or (now.place is not None and now.place <= told.place)
        assert told.step is None or (now.step is not None and now.step <= told.step)
        assert bool(clips) == (now != told)
        assert now.place is None or 1 <= now.place <= PLACE_MAX
        told = now


def test_every_number_up_to_sixty_has_its_clip():
    texts = {clip.text for clip in all_announcements(["kk", "ru", "en"])}
    assert {"алпыс", "шестьдесят", "sixty", "елу тоғыз", "двадцать два", "eleven"} <= texts
