"""Who gave up waiting lately, so that the next call of that number has a head start."""

from acd.clock import Clock
from acd.core.names import NO_TIME, Millis

WITHIN_MS = 3_600_000
KEPT_MAX = 100_000


class RepeatCallers:
    """All in memory; `restored` was read from the records at the start."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._gave_up: dict[str, Millis] = {}

    def restored(self, found: dict[str, Millis]) -> None:
        """What is on record; whoever gave up meanwhile did so later."""
        self._gave_up = found | self._gave_up

    def gave_up(self, number: str) -> None:
        """A caller has hung up while waiting. Withheld numbers are nobody's."""
        if not number:
            return
        self._gave_up.pop(number, None)
        self._gave_up[number] = self._clock()
        if len(self._gave_up) > KEPT_MAX:
            del self._gave_up[next(iter(self._gave_up))]

    def head_start(self, number: str, ms: Millis) -> Millis:
        """So much, once, for a number that gave up within the hour; otherwise nothing."""
        at = self._gave_up.pop(number, None) if number else None
        return ms if at is not None and self._clock() - at <= WITHIN_MS else NO_TIME
