"""Puts one load on one system and says what it did."""

import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench import machine, phones
from tests.bench.events import events_of, gaps_ms, messages, unfinished, waits_ms
from tests.bench.figures import MACHINE, Sample
from tests.bench.observer import Observer
from tests.bench.sites import NUMBER, Site

GRACE_S = 25.0
"""How long calls may take after the last was to be placed and served."""


@dataclass(frozen=True, slots=True)
class Load:
    """`calls` at `per_second` for `operators` who talk for `talk_ms` on average."""

    calls: int
    per_second: int
    operators: int
    talk_ms: int

    @property
    def lasts_s(self) -> float:
        """How long it takes when nobody loses any time."""
        served = self.calls * self.talk_ms / 1000 / self.operators
        return max(self.calls / self.per_second, served) + self.talk_ms * 1.5 / 1000


def put_on(site: Site, load: Load, folder: Path, number: str = NUMBER) -> Sample:
    """Place the calls and wait until the last is over, or until it is clear that some never will.

    The operators are logged in already.
    """
    with (
        phones.media_sink(phones.OPERATOR_IP) as operators_sink,
        phones.operators(folder, site.phones, operators_sink, load.talk_ms) as answering,
        Observer(*site.ami) as observer,
    ):
        pids = {**site.pids, "sipp answering": answering.pid}
        before = _cpu(pids)
        calling = phones.callers(
            folder, site.centre.sip, number, count=load.calls, per_second=load.per_second
        )
        sample = Sample(placed=load.calls)
        try:
            sample.rush = _rush({**pids, "sipp calling": calling.pid}, load)
            _wait(calling, observer, load.lasts_s + GRACE_S)
        finally:
            phones.end(calling)
        sample.cpu_s = {name: used - before[name] for name, used in _cpu(pids).items()}
        if unfinished(observer.raw):
            site.hang_up_all()
            _until_quiet(observer, 10)
    events = events_of(messages(observer.raw))
    sample.waits_ms, sample.gaps_ms = waits_ms(events), gaps_ms(events)
    sample.events = sum(site.hears(event["Event"]) for event in events)
    return sample


def _cpu(pids: dict[str, int]) -> dict[str, float]:
    return {name: machine.cpu_s(pid) for name, pid in pids.items()}


def _rush(pids: dict[str, int], load: Load) -> dict[str, float]:
    """The share of a core each process takes while calls arrive."""
    began, busy, before = time.monotonic(), machine.busy_s(), _cpu(pids)
    time.sleep(load.calls / load.per_second)
    elapsed = time.monotonic() - began
    used = {name: seconds - before[name] for name, seconds in _cpu(pids).items()}
    used[MACHINE] = machine.busy_s() - busy
    return {name: seconds / elapsed for name, seconds in used.items()}


def _wait(calling: phones.Process, observer: Observer, limit_s: float) -> None:
    """Until every call is over in sipp and in Asterisk, or time is up."""
    until = time.monotonic() + limit_s
    while calling.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    _until_quiet(observer, until - time.monotonic())


def _until_quiet(observer: Observer, limit_s: float) -> None:
    """Until every channel that was born has ended."""
    until = time.monotonic() + limit_s
    while unfinished(observer.raw) and time.monotonic() < until:
        time.sleep(0.1)
