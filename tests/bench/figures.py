"""The figures of a load, and the table that puts two systems side by side. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

OURS, THEIRS, TUNED = "1414", "app_queue", "app_queue, tuned"
MACHINE = "machine"


@dataclass(slots=True)
class Sample:
    """What a system did under a load; several rounds of the same load add up.

    `waits_ms` are from a caller's arrival to the bridge, `gaps_ms` from an operator's hang-up to
    the next ring of that phone while callers waited. `cpu_s` is by process, to the end of the last
    call; `rush` is the share of a core of each while calls arrived, "machine" of all programs.
    """

    placed: int = 0
    waits_ms: list[float] = field(default_factory=list)
    gaps_ms: list[float] = field(default_factory=list)
    events: int = 0
    cpu_s: dict[str, float] = field(default_factory=dict)
    rush: dict[str, float] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Calls placed that never reached an operator."""
        return self.placed - len(self.waits_ms)

    def add(self, other: "Sample") -> None:
        """Take in another round."""
        self.placed += other.placed
        self.waits_ms += other.waits_ms
        self.gaps_ms += other.gaps_ms
        self.events += other.events
        for name, seconds in other.cpu_s.items():
            self.cpu_s[name] = self.cpu_s.get(name, 0.0) + seconds


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that so many percent do not exceed; None of nothing."""
    if not values:
        return None
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]


Row = tuple[str, float | None, float | None]
Figure = Callable[[Sample], float | None]


def wait_rows(load: str, ours: Sample, theirs: Sample) -> list[Row]:
    """A load with operators enough: how fast, at what cost."""
    figures: list[tuple[str, Figure]] = [
        ("arrival to bridge, p50, ms", lambda s: percentile(s.waits_ms, 50)),
        ("arrival to bridge, p95, ms", lambda s: percentile(s.waits_ms, 95)),
        ("arrival to bridge, p99, ms", lambda s: percentile(s.waits_ms, 99)),
        ("failures", lambda s: s.failed),
        ("CPU of asterisk, s", lambda s: s.cpu_s.get("asterisk")),
        ("CPU of service, s", lambda s: s.cpu_s.get("service")),
        ("CPU of both, s", _cpu),
        ("AMI events per call", _per_call),
    ]
    return [(f"{load}: {label}", figure(ours), figure(theirs)) for label, figure in figures]


def tuned_rows(load: str, ours: Sample, tuned: Sample) -> list[Row]:
    """The same against an app_queue that answers as 1414 does: the second column is that one."""
    return [
        (
            f"{load}: against Answer(0,i), p{p}, ms",
            *(percentile(s.waits_ms, p) for s in (ours, tuned)),
        )
        for p in (50, 95, 99)
    ]


def gap_rows(load: str, ours: Sample, theirs: Sample) -> list[Row]:
    """A load with more callers than operators: how long a free operator sits idle."""
    figures: list[tuple[str, Figure]] = [
        ("operator free to next ring, p50, ms", lambda s: percentile(s.gaps_ms, 50)),
        ("operator free to next ring, p90, ms", lambda s: percentile(s.gaps_ms, 90)),
        ("operator free to next ring, max, ms", lambda s: max(s.gaps_ms, default=None)),
        ("failures", lambda s: s.failed),
    ]
    return [(f"{load}: {label}", figure(ours), figure(theirs)) for label, figure in figures]


def _cpu(sample: Sample) -> float:
    return sum(sample.cpu_s.get(name, 0.0) for name in ("asterisk", "service"))


def _per_call(sample: Sample) -> float | None:
    return sample.events / sample.placed if sample.placed else None


def table(rows: Sequence[Row]) -> str:
    """The rows with their ratios; columns aligned."""
    lines = [("", OURS, THEIRS, "ratio")]
    for label, ours, theirs in rows:
        ratio = f"{ours / theirs:.2f}" if ours is not None and theirs else "-"
        lines.append((label, _number(ours), _number(theirs), ratio))
    return aligned(lines)


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Columns of text: the first to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"


def verdict(sample: Sample, slow_ms: float) -> str | None:
    """Why this load was too much, None when it was not."""
    if sample.failed:
        return f"{sample.failed} of {sample.placed} calls failed"
    p95 = percentile(sample.waits_ms, 95)
    if p95 is not None and p95 > slow_ms:
        return f"p95 is {p95:.0f} ms"
    return None


def busy(sample: Sample, machine_cores: int) -> str:
    """Who was at work while calls arrived, the greediest first; others' programs show as well."""
    shares = sorted(sample.rush.items(), key=lambda item: -item[1])
    said = ", ".join(f"{name} {share:.2f}" for name, share in shares if name != MACHINE)
    return f"{sample.rush.get(MACHINE, 0.0):.2f} of {machine_cores} cores busy: {said}"
