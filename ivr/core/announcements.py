"""What a waiting caller is told: the place in the queue and about how long it will take.

Only good news is told: a place or a time that got worse keeps what was said before. The words
around a number are chosen so that nothing has to be declined: the number stands in the nominative.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ivr.core.menu import Clip
from ivr.core.numbers import NUMBER_MAX, below_1000, feminine
from ivr.core.speech import plural_form

PLACE_MAX = NUMBER_MAX
"""A caller further back hears only the time."""

WAIT_STEPS_MIN = (1, 2, 3, 5, 10)
"""The times that are said, in minutes; a time between two of them is rounded up."""

BELOW_A_MINUTE = 0
BEYOND = WAIT_STEPS_MIN[-1] + 1

_MINUTE_MS = 60_000
_PLACE = {
    "kk": "Кезектегі нөміріңіз:",
    "ru": "Ваш номер в очереди:",
    "en": "Your number in the queue is",
}
_WAIT = {
    "kk": "Күту уақыты шамамен {} {}.",
    "ru": "Примерное время ожидания: {} {}.",
    "en": "The wait is about {} {}.",
}
_MINUTES = {"kk": ["минут"], "ru": ["минута", "минуты", "минут"], "en": ["minute", "minutes"]}
_SHORT = {
    "kk": "Күту уақыты бір минуттан аз.",
    "ru": "Примерное время ожидания: меньше минуты.",
    "en": "The wait is less than a minute.",
}
_LONG = {
    "kk": "Күту уақыты он минуттан көп.",
    "ru": "Время ожидания: больше десяти минут.",
    "en": "The wait is more than ten minutes.",
}


@dataclass(frozen=True, slots=True)
class Told:
    """The best a caller has been told so far; None: nothing yet. `step` is a `wait_step`."""

    place: int | None = None
    step: int | None = None


def announcement(
    language: str, place: int, wait_ms: int | None, told: Told
) -> tuple[tuple[Clip, ...], Told]:
    """What to say now, and what has been told with it; often nothing.

    `place` counts from 1. `wait_ms` is the time still to wait, None when nobody can tell.
    """
    clips: list[Clip] = []
    if 1 <= place <= PLACE_MAX and (told.place is None or place < told.place):
        clips.extend(place_clips(language, place))
        told = Told(place, told.step)
    step = None if wait_ms is None else wait_step(wait_ms)
    if step is not None and (told.step is None or step < told.step):
        clips.append(wait_clip(language, step))
        told = Told(told.place, step)
    return tuple(clips), told


def place_clips(language: str, place: int) -> tuple[Clip, Clip]:
    """`Ваш номер в очереди: три`, for places 1..60."""
    return Clip(language, _PLACE[language]), Clip(language, below_1000(language, place))


def wait_step(wait_ms: int) -> int:
    """The minutes that are said for a wait: 0 below one minute, 11 beyond ten."""
    if wait_ms < _MINUTE_MS:
        return BELOW_A_MINUTE
    return next((step for step in WAIT_STEPS_MIN if wait_ms <= step * _MINUTE_MS), BEYOND)


def wait_clip(language: str, step: int) -> Clip:
    """The sentence for a `wait_step`."""
    if step == BELOW_A_MINUTE:
        return Clip(language, _SHORT[language])
    if step == BEYOND:
        return Clip(language, _LONG[language])
    minutes = plural_form(language, step, _MINUTES[language])
    return Clip(language, _WAIT[language].format(feminine(language, step), minutes))


def all_announcements(languages: Iterable[str]) -> Iterator[Clip]:
    """Every clip an announcement can need; some come twice."""
    for language in languages:
        for place in range(1, PLACE_MAX + 1):
            yield from place_clips(language, place)
        for step in (BELOW_A_MINUTE, *WAIT_STEPS_MIN, BEYOND):
            yield wait_clip(language, step)
