"""`ivr test`: runs the tests that stand beside menus, and tells which edges none of them walks."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from acd.yaml_source import Problems
from ivr.core.expressions import Value
from ivr.core.menu import Dialplan
from ivr.coverage import Coverage, Way
from ivr.dialplan import dialplan_files, load_dialplan
from ivr.menu_test_files import SUFFIX, dialplan_of, names_in, read_tests, test_files_of
from ivr.menu_test_generate import generate
from ivr.menu_test_run import Run, run_test
from ivr.menu_test_write import BadTestFile, add_texts
from ivr.player import outcome_as_json

FAILED = "T01"
MISSING_SHOWN = 12


@dataclass(slots=True)
class _Suite:
    """One dialplan with its test files, what its tests did, and the edges they walked."""

    file: Path
    dialplan: Dialplan
    test_files: list[Path]
    coverage: Coverage
    runs: list[tuple[Path, Run]] = field(default_factory=list)


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Hook `ivr test` into the command line."""
    parser = commands.add_parser(
        "test",
        help="run the tests that stand beside menus",
        description="Plays the calls of NAME.tests.yaml, of the folder tests/ beside it and of "
        "'tests:' in a dialplan, and counts the edges they walk.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="dialplans, test files, folders")
    parser.add_argument(
        "--generate",
        action="store_true",
        help="write a test for each edge that none walks, into NAME.generated.tests.yaml",
    )
    parser.add_argument(
        "--least-coverage",
        metavar="PERCENT",
        type=int,
        default=0,
        help="fail when fewer of the edges of a dialplan are walked",
    )
    parser.add_argument("--missing", action="store_true", help="name every edge no test walks")
    parser.add_argument("--config", type=Path, default=Path("config"), metavar="DIR")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    problems = Problems()
    suites = _suites(arguments.paths, problems, arguments.config)
    for suite in suites:
        _play(suite, problems)
    failed = sum(run.failure is not None for suite in suites for _, run in suite.runs)
    written = _generated(suites, problems) if arguments.generate else []
    thin = [
        suite
        for suite in suites
        if len(suite.coverage.walked) * 100 < arguments.least_coverage * len(suite.coverage.ways)
    ]
    if arguments.json:
        print(json.dumps(_as_json(suites, problems, written), ensure_ascii=False, indent=2))
    else:
        if len(problems):
            print(problems.render(), file=sys.stderr)
        _print(suites, failed, arguments)
        for file, count in written:
            print(f"{file}: {count} tests written")
    for suite in thin:
        walked, count = len(suite.coverage.walked), len(suite.coverage.ways)
        print(
            f"{suite.file}: {walked} of {count} edges walked, "
            f"less than {arguments.least_coverage} %; write tests, or use --generate",
            file=sys.stderr,
        )
    return 1 if failed or problems.has_errors or thin else 0


def _suites(paths: Sequence[str], problems: Problems, config: Path) -> list[_Suite]:
    """The dialplans meant by these paths; of a test file only its own tests are run."""
    found: dict[Path, list[Path] | None] = {}  # None: every test file there is
    for text in paths:
        path = Path(text)
        if not path.exists():
            problems.error(text, 0, 0, "E01", "there is no such file or folder; check the path")
        elif path.name.endswith(SUFFIX):
            dialplan_file = dialplan_of(path)
            if dialplan_file is None:
                message = f"no dialplan is named {path.name.removesuffix(SUFFIX)}.yaml beside it; "
                problems.error(text, 1, 1, "E04", message + "add 'dialplan: FILE'")
                continue
            files = found.setdefault(dialplan_file, [])
            if files is not None:
                files.append(path)
        else:
            for each in dialplan_files([path], problems):
                if not each.endswith(SUFFIX):
                    found[Path(each)] = None
    suites = []
    for file, own in found.items():
        found_problems = Problems()
        dialplan = load_dialplan(file, found_problems, config=config)
        if dialplan is None:
            problems.merge(found_problems)
        else:
            tests = test_files_of(file) if own is None else own
            suites.append(_Suite(file, dialplan, tests, Coverage(dialplan)))
    return suites


def _play(suite: _Suite, problems: Problems) -> None:
    names: set[str] = set()
    for file in [*suite.test_files, suite.file]:
        for test in read_tests(file, suite.dialplan, problems, suite.file.parent):
            if test.name in names:
                test.node.warning(f"another test is called '{test.name}' too; rename one", "T02")
            names.add(test.name)
            for run in run_test(test, suite.dialplan):
                suite.coverage.add(run.player)
                suite.runs.append((file, run))
                if run.failure is not None:
                    language = f" ({run.language})" if run.language else ""
                    message = f"'{test.name}'{language}: {run.failure}"
                    problems.error(str(file), run.line, run.column, FAILED, message)


def _generated(suites: Sequence[_Suite], problems: Problems) -> list[tuple[Path, int]]:
    """Write what is missing; gives the files and how many tests each got."""
    written = []
    for suite in suites:
        taken = names_in([*suite.test_files, suite.file])
        tests = generate(suite.dialplan, suite.coverage, taken)
        if not tests:
            continue
        file = suite.file.with_name(f"{suite.file.stem}.generated{SUFFIX}")
        try:
            add_texts(file, suite.file, [test.text for test in tests])
        except BadTestFile as error:
            problems.error(str(file), 0, 0, "E01", str(error).removeprefix(f"{file}: "))
            continue
        written.append((file, len(tests)))
    return written


def _print(suites: Sequence[_Suite], failed: int, arguments: argparse.Namespace) -> None:
    for suite in suites:
        coverage = suite.coverage
        share = len(coverage.walked) * 100 // max(1, len(coverage.ways))
        bad = sum(run.failure is not None for _, run in suite.runs)
        print(
            f"{suite.file}: {len(suite.runs) - bad} passed, {bad} failed; "
            f"{len(coverage.walked)} of {len(coverage.ways)} edges walked ({share} %)"
        )
        missing = coverage.missing
        shown = missing if arguments.missing else missing[:MISSING_SHOWN]
        for way in shown:
            print(f"  not walked: {way.in_words()}")
        if len(shown) < len(missing):
            print(f"  and {len(missing) - len(shown)} more; --missing names them all")
    if not any(suite.runs for suite in suites) and not arguments.generate:
        print(f"no test was found; write NAME{SUFFIX} beside the dialplan, or use --generate")
    elif failed:
        print(f"{failed} failed", file=sys.stderr)


def _as_json(
    suites: Sequence[_Suite], problems: Problems, written: Sequence[tuple[Path, int]]
) -> dict[str, object]:
    runs = [(file, run) for suite in suites for file, run in suite.runs]
    return {
        "passed": sum(run.failure is None for _, run in runs),
        "failed": sum(run.failure is not None for _, run in runs),
        "tests": [_run_as_json(file, run) for file, run in runs],
        "coverage": [
            {
                "file": str(suite.file),
                "dialplan": suite.dialplan.id,
                "edges": len(suite.coverage.ways),
                "walked": len(suite.coverage.walked),
                "missing": [_way_as_json(way) for way in suite.coverage.missing],
            }
            for suite in suites
        ],
        "problems": problems.as_json(),
        "written": [{"file": str(file), "tests": count} for file, count in written],
    }


def _run_as_json(file: Path, run: Run) -> dict[str, Value]:
    outcome = run.player.outcome
    return {
        "name": run.test.name,
        "file": str(file),
        "line": run.line or run.test.node.line,
        "language": run.language,
        "ok": run.failure is None,
        "message": run.failure,
        "seconds": round(run.player.now_ms / 1000, 3),
        "keys": run.player.key_count,
        "outcome": None if outcome is None else outcome_as_json(outcome),
    }


def _way_as_json(way: Way) -> dict[str, Value]:
    return {"node": way.node, "kind": way.kind, "label": way.label, "target": way.target}
