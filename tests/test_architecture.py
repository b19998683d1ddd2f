"""Who may import whom, and how long things may grow. Read from the source, not from the running."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(path for package in ("acd", "ivr") for path in (ROOT / package).rglob("*.py"))
IMPURE = {
    "asyncio", "time", "datetime", "random", "os", "socket", "logging", "threading", "secrets",
    "subprocess", "pathlib", "sqlalchemy", "aiohttp", "yaml",
}  # fmt: skip
ADAPTERS = {
    "acd.ami", "acd.api", "acd.asterisk_link", "acd.switchboard", "acd.store", "acd.loop",
    "ivr.fastagi", "ivr.call",
}  # fmt: skip
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> list[tuple[int, str]]:
    """(line, module) of every import, also those inside functions."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.lineno, node.module)]
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


@pytest.mark.parametrize("core", ["acd.core", "ivr.core"])
def test_the_cores_read_no_clock_and_do_no_io(core):
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {core} may not import {name}"
        for path in SOURCES
        if module_of(path).startswith(core)
        for line, name in imports(path)
        if name.partition(".")[0] in IMPURE
        or (name.partition(".")[0] in ("acd", "ivr") and not name.startswith(("acd.core", core)))
    ]
    assert wrong == []


def test_the_service_is_imported_only_where_it_is_started():
    users = {
        module_of(path)
        for path in SOURCES
        for _, name in imports(path)
        if name in ("acd.serve", "acd.service") or name.startswith("acd.service.")
    }
    assert users == {"acd.cli.machine", "acd.serve"}


def test_adapters_know_the_cores_and_not_each_other():
    allowed = {
        "acd.asterisk_link": {"acd.ami", "acd.switchboard", "acd.loop"},  # it joins these three
        "acd.switchboard": {"acd.ami"},  # the type of a message
        "ivr.call": {"ivr.fastagi"},
    }
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {module_of(path)} may not import {name}"
        for path in SOURCES
        if module_of(path) in ADAPTERS
        for line, name in imports(path)
        if name in ADAPTERS - allowed.get(module_of(path), set()) - {module_of(path)}
    ]
    assert wrong == []


def test_only_the_composition_root_menus_and_phone_codes_join_acd_to_the_menus_shell():
    users = {
        module_of(path)
        for path in SOURCES
        for _, name in imports(path)
        if module_of(path).startswith("acd") and name in ("ivr.fastagi", "ivr.call")
    }
    assert users == {
        "acd.service",
        "acd.menus",
        "acd.menu_world",
        "acd.features",
        "acd.callback_talk",
    }


def test_functions_and_files_stay_small_enough_to_read():
    wrong = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > FILE_LINES_MAX:
            wrong.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} {lines}")
    assert wrong == []


def test_what_the_documentation_names_exists():
    wrong = []
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for name in re.findall(
            r"`((?:acd|ivr|config|dialplans|tests|docs|scripts)/[\w./-]+)`", page.read_text()
        ):
            if not (ROOT / name).exists():
                wrong.append(f"{page.name}: {name}")
    assert wrong == []
