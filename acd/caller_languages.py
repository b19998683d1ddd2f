"""The languages that callers chose, by number, at hand for every call without asking anybody."""

from collections.abc import Callable

from acd.clock import Clock
from acd.core.names import Millis

KEPT_MAX = 300_000
"""Numbers; some 50 MB. Of more than that, the oldest are asked anew."""


class CallerLanguages:
    """Known from the start on as soon as `restored` was told; `keep` puts a choice on record."""

    def __init__(
        self, keep: Callable[[str, str, Millis], None], clock: Clock, kept_max: int = KEPT_MAX
    ) -> None:
        self._keep = keep
        self._kept_max = kept_max
        self._clock = clock
        self._by_number: dict[str, str] = {}

    def restored(self, choices: dict[str, str]) -> None:
        """What is on record; a choice made meanwhile is newer."""
        self._by_number = choices | self._by_number

    def of(self, number: str) -> str | None:
        """The language of a number; None for an unknown or a withheld one."""
        return self._by_number.get(number) if number else None

    def chosen(self, number: str, language: str) -> None:
        """A caller has chosen. Withheld numbers are nobody's."""
        if not number:
            return
        is_news = self._by_number.pop(number, None) != language
        self._by_number[number] = language
        if len(self._by_number) > self._kept_max:
            del self._by_number[next(iter(self._by_number))]
        if is_news:
            self._keep(number, language, self._clock())
