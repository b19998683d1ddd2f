"""What a comparison of two settings says to a person."""

from collections.abc import Iterator
from typing import NamedTuple

from acd.sim.compare import Comparison, Row

SHARES = {
    "service_level": "answered in time",
    "abandon_rate": "abandoned",
    "overflow_rate": "overflowed",
    "callback_rate": "callbacks",
    "occupancy": "occupancy",
}
WAITS = {"wait_max_s": "longest wait", "asa_s": "mean wait", "wait_p95_s": "5 % wait over"}
CLEAR = ("better", "worse")
NAMED_MAX = 6


class Shown(NamedTuple):
    """A comparison, and of what."""

    folders: tuple[str, str]
    changes: list[str]
    is_same: bool
    seeds: list[int]
    calls: int
    is_trace: bool
    target_s: float
    found: Comparison
    elapsed_s: float


def lines(shown: Shown) -> list[str]:
    """The whole answer."""
    found = shown.found
    told = [f"A: {shown.folders[0]}", f"B: {shown.folders[1]}"]
    told += [f"  differs in {change}" for change in shown.changes]
    if shown.is_same:
        told.append("  nothing in B can make a call go otherwise than with A")
    told += [
        "",
        what_was_played(shown),
        "",
        _line("", "A", "B", "change with B, 95 % sure", "B is"),
    ]
    told += [_line(*cells) for cells in measures(found)]
    told += ["", *_parts(shown)]
    return [*told, *sentences(shown), "", f"simulated in {shown.elapsed_s:.1f} s"]


def what_was_played(shown: Shown) -> str:
    """Which calls, and how often."""
    if not shown.is_trace:
        return (
            f"{len(shown.seeds)} days of {shown.calls:,} calls (seeds {shown.seeds[0]} to "
            f"{shown.seeds[-1]}), each played with A and with B; the figures are of an average day"
        )
    found = shown.found
    assert found.block_s is not None
    return (
        f"{shown.calls:,} calls of the trace, played with A and with B; how sure a difference is "
        f"comes from its {found.blocks} blocks of {found.block_s // 60} minutes, and holds for "
        "calls like these"
    )


def _line(name: str, a: str, b: str, difference: str, word: str) -> str:
    return f"{name:17} {a:>9} {b:>9}   {difference:37} {word}".rstrip()


def measures(found: Comparison) -> Iterator[tuple[str, str, str, str, str]]:
    """The centre's figures: name, A, B, the change, and the word for it."""
    for name, row in found.measures.items():
        factor, unit = (1, " s") if name in WAITS else (100, " %")
        word = WAITS.get(name) or SHARES[name]
        yield word, *_values(row, factor, unit), str(row["verdict"])


def _values(row: Row, factor: int, unit: str) -> tuple[str, str, str]:
    a, b, difference, low, high = (
        _number(row[key], factor) for key in ("a", "b", "difference", "low", "high")
    )
    if a is None or b is None or difference is None:
        return "-", "-", "-"
    if row["verdict"] == "same":
        return f"{a:.1f}{unit}", f"{b:.1f}{unit}", "none"
    points = " points" if factor == 100 else unit
    between = "" if low is None or high is None else f" ({_signed(low)} to {_signed(high)})"
    return f"{a:.1f}{unit}", f"{b:.1f}{unit}", f"{_signed(difference)}{points}{between}"


def _signed(value: float) -> str:
    return f"{round(value, 1) + 0.0:+.1f}"


def _number(value: object, factor: int) -> float | None:
    return value * factor if isinstance(value, int | float) else None


def _parts(shown: Shown) -> Iterator[str]:
    """The queues and topics for whom it is clear that something changes."""
    found = shown.found
    rows = [
        (f"{kind} {name}", row)
        for kind, parts in (("queue", found.queues), ("topic", found.topics))
        for name, row in parts.items()
        if row["verdict"] in CLEAR
    ]
    if not rows:
        if not shown.is_same:
            yield "no queue and no topic has a clear change (99 % sure) in its share in time"
            yield ""
        return
    yield _line("in time, by part", "A", "B", "change with B, 99 % sure", "B is")
    rows.sort(key=lambda each: _number(each[1]["difference"], 1) or 0.0)
    for name, row in rows:
        before, after = (_number(row[key], 1) or 0.0 for key in ("wait_max_s_a", "wait_max_s_b"))
        word = f"{row['verdict']}; longest wait {after:.0f} s, with A {before:.0f} s"
        yield _line(name, *_values(row, 100, " %"), word)
    yield ""


def sentences(shown: Shown) -> list[str]:
    """In plain words: who wins by B, who loses, and how sure that is."""
    found = shown.found
    if shown.is_same:
        return ["Every call goes the same way with B as with A."]
    told = [_in_time(shown, found.measures["service_level"]), _longest(shown)]
    only_a, only_b = (round(count / found.days) for count in found.swapped)
    told.append(
        f"Seen call by call{'' if shown.is_trace else ', on an average day'}: {only_b:,} are in "
        f"time with B only, {only_a:,} with A only."
    )
    for verdict, what in (("worse", "less often"), ("better", "more often")):
        rows = [(row, name) for name, row in found.topics.items() if row["verdict"] == verdict]
        rows.sort(key=lambda each: -abs(_number(each[0]["difference"], 1) or 0.0))
        if rows:
            names = _listed([name for _, name in rows])
            told.append(f"Callers of these topics are answered in time {what}: {names}.")
    return told


def _in_time(shown: Shown, row: Row) -> str:
    calls = shown.calls
    whole = f"of {calls:,} calls" + ("" if shown.is_trace else " a day")
    more, low, high = (_number(row[key], calls) for key in ("difference", "low", "high"))
    within = f"within {shown.target_s:g} s"
    if more is None:
        return "With A or with B no call came, so that nothing can be said."
    if low is None or high is None:
        return (
            f"With B, {whole} {_count(more)} are answered {within}; these calls are too few to "
            "say how sure that is."
        )
    if row["verdict"] == "same":
        return f"With B just as many calls are answered {within} as with A."
    if row["verdict"] not in CLEAR:
        return (
            f"Whether B answers more calls {within} these calls cannot show: {whole} it is "
            f"something between {_count(low)} and {_count(high)}."
        )
    least, most = sorted((abs(low), abs(high)))
    return (
        f"With B, {whole} about {_count(more)} ({least:,.0f} to {most:,.0f}) are answered {within}."
    )


def _count(number: float) -> str:
    return f"{abs(number):,.0f} {'more' if number > 0 else 'fewer'}"


def _longest(shown: Shown) -> str:
    row = shown.found.measures["wait_max_s"]
    a, b = _number(row["a"], 1), _number(row["b"], 1)
    if a is None or b is None:
        return "Nobody waited."
    day = "" if shown.is_trace else " of a day"
    if row["verdict"] in CLEAR:
        grows = "shorter" if row["verdict"] == "better" else "longer"
        return f"The longest wait{day} becomes {grows}: {b:.0f} s instead of {a:.0f} s."
    sure = "" if a == b else ", which may be chance"
    return f"The longest wait{day} is {b:.0f} s with B and {a:.0f} s with A{sure}."


def _listed(names: list[str]) -> str:
    """The first of them, who have most to win or to lose."""
    if len(names) > NAMED_MAX:
        names = [*names[: NAMED_MAX - 1], f"{len(names) - NAMED_MAX + 1} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
