"""`ivr funnel`: from the records, where callers go in the menus, and where they are lost."""

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from acd.core.names import Millis
from acd.store import FirstKeys, Records, Steps, StoreError, Visits

GROUPS = ("language", "version")
_SINCE = re.compile(r"([1-9]\d{0,3})(m|h|d)")
_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}

Row = dict[str, Any]
Group = tuple[str, ...]
"""The node, and what else is told apart."""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Hook the command into the command line."""
    from acd.cli.common import common_options

    funnel = commands.add_parser(
        "funnel",
        help="what callers did at each node: entered, chose, gave up, asked for a person",
        description="Counts what callers did at each node of the menus, from the records; the "
        "service need not run.",
        parents=[common_options(is_top=True)],
    )
    funnel.add_argument("--node", metavar="NODE", help="this node only")
    funnel.add_argument("--since", default="7d", metavar="TIME", help="30m, 24h or 7d (default)")
    funnel.add_argument("--by", default="", metavar="WHAT", help="language, version or both")
    funnel.add_argument("--json", action="store_true", help="as JSON")
    funnel.set_defaults(run=_funnel)


def funnel_rows(
    visits: Iterable[Visits],
    steps: Iterable[Steps],
    keys: Iterable[FirstKeys],
    by: Sequence[str] = (),
) -> list[Row]:
    """One row per node, the most visited first.

    `chose` and `to` count by key and by the node that followed. `asked_person` pressed 0 (also
    those whose 0 was kept from an earlier node). `repeats` are presses of `#`. `misroutes` are
    calls that an operator moved to another topic, None as long as there is none.
    """
    entered: Counter[Group] = Counter()
    menus: dict[Group, str] = {}
    for visit in visits:
        group = _group(visit, by)
        entered[group] += visit.count
        menus[group] = visit.menu
    done: dict[Group, list[Steps]] = defaultdict(list)
    for step in steps:
        done[_group(step, by)].append(step)
        menus.setdefault(_group(step, by), step.menu)
    tenths: dict[Group, Counter[int]] = defaultdict(Counter)
    for key in keys:
        tenths[_group(key, by)][key.tenths] += key.count
    ordered = sorted(menus, key=lambda group: (-entered[group], group))
    return [
        {
            "node": group[0],
            "menu": menus[group],
            **dict(zip(by, group[1:], strict=True)),
            "entered": entered[group],
            **_counts(done[group], entered[group]),
            "median_first_key_s": _median_s(tenths[group]),
        }
        for group in ordered
    ]


def _group(row: Visits | Steps | FirstKeys, by: Sequence[str]) -> Group:
    return (row.node, *(str(getattr(row, name)) for name in by))


def _counts(steps: Sequence[Steps], entered: int) -> Row:
    chose: Counter[str] = Counter()
    to: Counter[str] = Counter()
    results: Counter[str] = Counter()
    asked = repeats = backs = misroutes = 0
    for step in steps:
        results[step.result or ""] += step.count
        if step.goes_to is not None:
            to[step.goes_to] += step.count
        if step.result == "match":
            chose[step.key or ""] += step.count
        elif step.result == "global":
            asked += step.count if step.key == "0" else 0
            repeats += step.count if step.key == "#" else 0
            backs += step.count if step.key == "*" else 0
        misroutes += step.misrouted or 0
    return {
        "chose": dict(sorted(chose.items())),
        "chose_total": sum(chose.values()),
        "gave_up": results["hangup"],
        "asked_person": asked,
        "noinput": results["noinput"],
        "nomatch": results["nomatch"],
        "failed": results["fail"],
        "went_back": backs,
        "repeats": repeats,
        "repeat_rate": round(repeats / entered, 4) if entered else None,
        "gave_up_rate": round(results["hangup"] / entered, 4) if entered else None,
        "to": dict(sorted(to.items())),
        "misroutes": misroutes or None,
    }


def _median_s(tenths: Counter[int]) -> float | None:
    """The lower median, to a tenth of a second."""
    half, seen = (tenths.total() + 1) // 2, 0
    for tenth, count in sorted(tenths.items()):
        seen += count
        if seen >= half:
            return tenth / 10
    return None


def _funnel(arguments: argparse.Namespace) -> int:
    from acd.cli.common import CommandError, load_or_fail
    from acd.clock import service_clock

    by = [word for word in arguments.by.split(",") if word]
    unknown = [word for word in by if word not in GROUPS]
    match = _SINCE.fullmatch(arguments.since)
    if unknown or match is None or len(set(by)) < len(by):
        what = f"--by {arguments.by}: write language, version, or language,version"
        if match is None:
            what = f"--since {arguments.since}: write a number of minutes, hours or days, as in 7d"
        print(f"ivr funnel: {what}", file=sys.stderr)
        return 2
    since = Millis(service_clock()() - int(match[1]) * _UNITS_MS[match[2]])
    try:
        records = Records.open(load_or_fail(arguments).service.database)
        try:
            rows = funnel_rows(
                records.menu_visits(since, arguments.node),
                records.menu_steps(since, arguments.node),
                records.menu_first_keys(since, arguments.node),
                by,
            )
        finally:
            records.close()
    except (CommandError, StoreError) as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        print("\n".join(_as_text(rows, by)))
    return 0


def _as_text(rows: Sequence[Row], by: Sequence[str]) -> list[str]:
    from acd.screens import Column, percent, plain, table

    if not rows:
        return ["nobody was in a menu in that time"]
    columns = (
        Column("node", "NODE", plain, to_right=False),
        *(Column(name, name.upper(), plain, to_right=False) for name in by),
        Column("entered", "ENTERED", plain),
        Column("chose_total", "CHOSE", plain),
        Column("gave_up", "GAVE UP", plain),
        Column("gave_up_rate", "", percent),
        Column("asked_person", "PERSON", plain),
        Column("noinput", "SILENT", plain),
        Column("nomatch", "WRONG", plain),
        Column("repeat_rate", "REPEATS", percent),
        Column("median_first_key_s", "FIRST KEY s", plain),
        Column("misroutes", "MISROUTED", plain),
        Column("keys", "KEYS", plain, to_right=False),
    )
    shown = [
        {**row, "keys": " ".join(f"{key}:{count}" for key, count in row["chose"].items())}
        for row in rows
    ]
    return table(columns, shown)
