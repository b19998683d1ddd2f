"""The limits beside the figures of `acd simulate`, quick ones or tight."""

import sys
from typing import TYPE_CHECKING

from acd.cli.common import CommandError

if TYPE_CHECKING:
    from acd.core.queues import Rules
    from acd.sim.bounds_tight import Recorder

NO_CALLS = "no caller entered the queue"

ROWS = (
    (
        "pooled_first_come",
        "by people who all know everything, the oldest caller first: a fair goal",
    ),
    ("best_without_lengths", "at most, if nobody knows how long a call will take"),
    ("clairvoyant", "at most, whatever is done, even knowing every call beforehand"),
)


def bounds_help() -> str:
    """What `--bounds` is for."""
    return "of the three limits the last one: quick, or tight with a solver (default: quick)"


class Bounds:
    """Watches a run. CommandError when there is no solver for the tight kind."""

    def __init__(self, how: str, rules: "Rules") -> None:
        from acd.sim import bounds_tight
        from acd.sim.bounds import Watch

        self.watch: Watch
        if how != "tight":
            self.watch = Watch(rules)
        elif bounds_tight.is_there():
            self.watch = bounds_tight.Recorder(rules)
        else:
            raise CommandError(bounds_tight.MISSING)

    def shares(self) -> dict[str, float | str | None]:
        """For `--json`: each a share of all offered, or null with the reason beside it."""
        from acd.sim import bounds_tight

        most = None
        if isinstance(self.watch, bounds_tight.Recorder):
            most = _solved(self.watch)
        shares = self.watch.shares(most)
        found: dict[str, float | str | None] = dict(shares._asdict())
        if shares.clairvoyant is None:
            found["reason"] = NO_CALLS
        return found


def bounds_rows(shares: dict[str, float | str | None]) -> list[tuple[str, str]]:
    """The limits as lines under the service level."""
    found: list[tuple[str, str]] = []
    for name, words in ROWS:
        value = shares[name]
        said = f"{value * 100:.1f} %" if isinstance(value, float) else "-"
        found.append(("" if found else "possible", f"{said} {words}"))
    return found


def _solved(recorder: "Recorder") -> int:
    from acd.clock import monotonic_s
    from acd.sim import bounds_tight
    from ivr.progress import Progress

    if not sys.stderr.isatty():
        return bounds_tight.answerable(recorder)
    bar = Progress(sys.stderr, lambda: int(monotonic_s() * 1000))
    try:
        return bounds_tight.answerable(
            recorder, lambda done, total: bar(done, total, "calls, looking for the limit")
        )
    finally:
        bar.close()
