"""What a waiting caller is told: the place in the queue and about how long it will take.

When it is worth telling is the router's to know. A time is said as a range of whole minutes, never
as a promise. The words around a place are chosen so that nothing has to be declined: the number
stands in the nominative.
"""

from collections.abc import Iterable, Iterator

from ivr.core.menu import Clip
from ivr.core.numbers import DIGITS, NUMBER_MAX, below_1000, feminine
from ivr.core.speech import plural_form

PLACE_MAX = NUMBER_MAX
"""A caller further back hears only the time."""

STEPS_MIN = (1, 2, 3, 5, 10)
"""The times that are said, in minutes; the ends of a range are rounded outwards to them."""

_MINUTE_MS = 60_000
_PLACE = {
    "kk": "Кезектегі нөміріңіз:",
    "ru": "Ваш номер в очереди:",
    "en": "Your number in the queue is",
}
_ABOUT = {
    "kk": "Күту уақыты {} {}тай.",
    "ru": "Примерное время ожидания: {} {}.",
    "en": "The wait is about {} {}.",
}
_LESS = {
    "kk": "Күту уақыты {} аз.",
    "ru": "Примерное время ожидания: меньше {}.",
    "en": "The wait is less than {}.",
}
_MORE = {
    "kk": "Күту уақыты {} көп.",
    "ru": "Время ожидания: больше {}.",
    "en": "The wait is more than {}.",
}
_BETWEEN = {
    "kk": "Күту уақыты {} минуттан {} минутқа дейін.",
    "ru": "Примерное время ожидания: от {} до {} минут.",
    "en": "The wait is {} to {} minutes.",
}
_MINUTES = {"kk": ["минут"], "ru": ["минута", "минуты", "минут"], "en": ["minute", "minutes"]}
_GENITIVE_RU = {1: "одной", 2: "двух", 3: "трёх", 5: "пяти", 10: "десяти"}
_A_MINUTE = {"kk": "бір минуттан", "ru": "минуты", "en": "a minute"}


def announcement(
    language: str, place: int | None, wait_ms: tuple[int, int] | None
) -> tuple[Clip, ...]:
    """What is said of a place, counted from 1, and of a time; nothing where no words are."""
    clips: list[Clip] = []
    if place is not None and 1 <= place <= PLACE_MAX:
        clips.extend(place_clips(language, place))
    wait = None if wait_ms is None else wait_clip(language, *wait_range(*wait_ms))
    return tuple(clips) if wait is None else (*clips, wait)


def place_clips(language: str, place: int) -> tuple[Clip, Clip]:
    """`Ваш номер в очереди: три`, for places 1..60."""
    return Clip(language, _PLACE[language]), Clip(language, below_1000(language, place))


def wait_range(low_ms: int, high_ms: int) -> tuple[int | None, int | None]:
    """The minutes that are said for a range; None where it has no end that is said."""
    low = max((step for step in STEPS_MIN if step * _MINUTE_MS <= low_ms), default=None)
    high = min((step for step in STEPS_MIN if step * _MINUTE_MS >= high_ms), default=None)
    return low, high


def wait_clip(language: str, low: int | None, high: int | None) -> Clip | None:
    """The sentence for a `wait_range`; None when it would say nothing."""
    if low is None and high is None:
        return None
    if low is None:
        text = _LESS[language].format(_minutes_than(language, high or 0))
    elif high is None:
        text = _MORE[language].format(_minutes_than(language, low))
    elif low == high:
        minutes = plural_form(language, low, _MINUTES[language])
        text = _ABOUT[language].format(feminine(language, low), minutes)
    else:
        text = _BETWEEN[language].format(_number(language, low), _number(language, high))
    return Clip(language, text)


def digit_clips(language: str, number: str) -> tuple[Clip, ...]:
    """A telephone number, digit by digit; other signs are passed over."""
    return tuple(Clip(language, DIGITS[language][int(each)]) for each in number if each.isdigit())


def all_announcements(languages: Iterable[str]) -> Iterator[Clip]:
    """Every clip an announcement can need; some come twice."""
    for language in languages:
        for place in range(1, PLACE_MAX + 1):
            yield from place_clips(language, place)
        for low in (None, *STEPS_MIN):
            for high in (*STEPS_MIN, None):
                clip = wait_clip(language, low, high)
                if clip is not None and (low is None or high is None or low <= high):
                    yield clip


def all_digits(languages: Iterable[str]) -> Iterator[Clip]:
    """Every clip that reading a telephone number can need."""
    for language in languages:
        yield from digit_clips(language, "0123456789")


def _minutes_than(language: str, minutes: int) -> str:
    """The minutes after `less than` and `more than`."""
    if minutes == 1:
        return _A_MINUTE[language]
    number = _number(language, minutes)
    return f"{number} {'минуттан' if language == 'kk' else _MINUTES[language][-1]}"


def _number(language: str, minutes: int) -> str:
    return _GENITIVE_RU[minutes] if language == "ru" else below_1000(language, minutes)
