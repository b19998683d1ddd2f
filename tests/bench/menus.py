"""The menus' part of the measurement: `make bench BENCH=menus`, explained in docs/bench.md.

From the inside out: the engine alone, the service with callers who have no telephone, callers
with telephones on a real Asterisk, and last the command that checks a menu before anybody hears
it. Nothing is judged but where the knee is, by a rule that stands above the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import engine, machine
from tests.bench.commands import check_costs
from tests.bench.events import events_of, messages
from tests.bench.figures import MACHINE, aligned, percentile
from tests.bench.lines import call_id
from tests.bench.menu_site import MenuSite
from tests.bench.observer import Observer
from tests.bench.stages import ROOT, Driver, Stage
from tests.bench.turns import agi_turns_ms, holes, left_for_fallback, reactions_ms

SLOW_MS = 100.0
"""Citizens hear a menu that takes longer than this to go on as one that hesitates."""
PERCENTS = {"p50": 50, "p99": 99, "max": 100}
KNEE = f"too much: a call fails, or key to sentence has a p99 above {SLOW_MS:.0f} ms"

Column = dict[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure. `lines` and `citizens` are how many callers there are in each stage."""

    walks: int
    rounds: int
    lines: tuple[int, ...]
    lines_s: float
    citizens: tuple[int, ...]
    citizens_s: float
    node_count: int = 5000
    row_count: int = 2000


PLANS = {
    "full": Plan(300, 5, (100, 500), 30, (50, 100, 150, 200, 250, 300, 350, 400, 450, 500), 12),
    "quick": Plan(100, 3, (100, 500), 8, (40, 120), 6),
}


def run(plan: Plan, folder: Path) -> None:
    """All four, each printed when it is there."""
    _show(f"The machine: {machine.load_average()}")
    _show("The engine alone, walked at random through the shipped menu", *_engine(plan))
    _show("Callers by FastAGI without a telephone, the service as it runs", *_lines(plan, folder))
    _show(f"Callers by SIP with sound and keys ({KNEE})", *_citizens(plan, folder))
    _show(f"ivr check, {plan.node_count} nodes and {plan.row_count} rows", *_checking(plan, folder))


def _show(*lines: str) -> None:
    print("", *lines, sep="\n", flush=True)


def _engine(plan: Plan) -> list[str]:
    found = engine.measure(ROOT / "dialplans", ROOT / "config", plan.walks, plan.rounds)
    rows = [
        ("", "engine", "bare dictionary", "ratio"),
        (
            "steps per second of CPU",
            f"{found.engine_per_s:.0f}",
            f"{found.bare_per_s:.0f}",
            f"{found.engine_per_s / found.bare_per_s:.4f}",
        ),
        (
            "microseconds per step",
            f"{1e6 / found.engine_per_s:.1f}",
            f"{1e6 / found.bare_per_s:.2f}",
        ),
        ("bytes per open call", f"{found.memory_bytes}", "-"),
        ("steps in a walk, on average", f"{found.step_count / plan.walks:.1f}", "the same"),
    ]
    return [aligned([(*row, "")[:4] for row in rows])]


def _lines(plan: Plan, folder: Path) -> list[str]:
    columns: list[Column] = []
    with MenuSite(folder / "l", stand_ins=True) as site:
        empty_kib = machine.memory_kib(site.pids["service"])
        words = (site.agi[0], str(site.agi[1]), *site.unskippable)
        with Driver("tests.bench.lines", *words, pids=site.pids) as driver:
            before = 0
            for count in plan.lines:
                site.stand_in(map(call_id, range(before + 1, count + 1)))
                driver.grow(count)
                columns.append(_line_column(driver.measure(plan.lines_s), empty_kib))
                before = count
    return [_side_by_side(columns)]


def _line_column(stage: Stage, empty_kib: int) -> Column:
    turns, reactions = stage.figures["turns"], stage.figures["reactions"]
    memory_kib = stage.memory_kib["service"]
    _tell(stage, reactions)
    return {
        "callers": str(stage.figures["open"]),
        "keys/s": f"{len(reactions) / stage.seconds:.0f}",
        "commands/s": f"{len(turns) / stage.seconds:.0f}",
        **_spread("turn-around", turns),
        **_spread("key to sentence", reactions),
        "callers the menu gave back": str(stage.figures["left"]),
        "memory of service, MiB": f"{memory_kib / 1024:.0f}",
        "more than with none, KiB per caller": f"{(memory_kib - empty_kib) / stage.count:.0f}",
        **_cores(stage),
    }


def _citizens(plan: Plan, folder: Path) -> list[str]:
    columns: list[Column] = []
    carried, end = 0, "every step was carried"
    with MenuSite(folder / "c") as site:
        host, port = site.centre.sip
        with Driver("tests.bench.citizens", host, str(port), pids=site.pids) as driver:
            for count in plan.citizens:
                driver.grow(count)
                with Observer(*site.ami) as observer:
                    stage = driver.measure(plan.citizens_s)
                events = events_of(messages(observer.raw))
                reactions = reactions_ms(events)
                failed = sum(stage.figures["failed"].values()) + left_for_fallback(events)
                columns.append(_citizen_column(stage, agi_turns_ms(events), reactions, failed))
                why = too_much(failed, reactions)
                if why is not None:
                    end = f"{count} were too many: {'; '.join([why, *stage.figures['failed']])}"
                    break
                carried = count
    return [_side_by_side(columns), f"carried: {carried} callers at once; {end}"]


def _citizen_column(
    stage: Stage, turns: Sequence[float], reactions: Sequence[float], failed: int
) -> Column:
    _tell(stage, reactions)
    return {
        "callers": str(stage.count),
        "calls/s": f"{stage.figures['done'] / stage.seconds:.1f}",
        **_spread("turn-around", turns),
        **_spread("key to sentence", reactions),
        "calls failed": str(failed),
        "holes in a minute of sound": f"{holes(stage.figures['sound']):.1f}",
        "the callers' own lateness, ms": f"{stage.figures['late_ms']:.1f}",
        **_cores(stage),
    }


def _tell(stage: Stage, reactions: Sequence[float]) -> None:
    """A line while it runs."""
    figures = _spread("", reactions).values()
    said = ", ".join(f"{name} {value}" for name, value in zip(PERCENTS, figures, strict=True))
    print(f"{stage.count:4} callers, key to sentence: {said} ms", flush=True)


def too_much(failed: int, reactions: Sequence[float]) -> str | None:
    """Why so many callers were too many, None when they were not."""
    if failed:
        return f"{failed} calls failed"
    slowest = percentile(reactions, 99)
    if slowest is None:
        return "nobody pressed a key"
    return f"p99 is {slowest:.0f} ms" if slowest > SLOW_MS else None


def _checking(plan: Plan, folder: Path) -> list[str]:
    costs = check_costs(folder / "k", plan.node_count, plan.row_count, plan.rounds)
    least = next(cost for name, cost in costs if "CSafe" in name)
    rows = [("", "wall, s", "CPU, s", "CPU / CSafeLoader")]
    rows += [
        (
            name,
            f"{cost.wall_s:.2f}",
            f"{cost.cpu_s:.2f}",
            f"{cost.cpu_s / least.cpu_s:.2f}",
        )
        for name, cost in costs
    ]
    return [aligned(rows)]


def _spread(what: str, values: Sequence[float]) -> Column:
    found = {name: percentile(values, percent) for name, percent in PERCENTS.items()}
    return {
        f"{what}, {name}, ms": "-" if value is None else f"{value:.1f}"
        for name, value in found.items()
    }


def _cores(stage: Stage) -> Column:
    """What each took of the processors; whatever else ran on the machine is in the last."""
    return {
        **{
            f"cores: {name}": f"{stage.cores[name]:.2f}"
            for name in ("asterisk", "service", "callers")
        },
        "cores: all programs": f"{stage.cores[MACHINE]:.2f} of {machine.core_count()}",
    }


def _side_by_side(columns: Sequence[Column]) -> str:
    return aligned([(name, *(column[name] for column in columns)) for name in columns[0]])
