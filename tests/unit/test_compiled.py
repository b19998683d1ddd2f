"""The compiled simulator: the same calls to the byte, and never a build of other sources."""

import os
import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES

import pytest

from acd.core.router import Router
from acd.sim import compiled, compiler
from acd.sim.compiled import CHECKOUT, MODULES, SOURCES, build_folder, files_of
from tests.test_architecture import imports

TRY = """\
import sys
from pathlib import Path
from acd.sim import compiled
print(compiled.use(Path(sys.argv[1])))
import acd.core.router, acd.sim.world
print(acd.core.router.__file__, acd.sim.world.__file__)
"""


def python(*arguments, **environment):
    known = {name: value for name, value in os.environ.items() if name != compiled.PLAIN}
    return subprocess.run(
        (sys.executable, *arguments),
        cwd=CHECKOUT,
        env=known | environment,
        capture_output=True,
        text=True,
    )


def used_in(checkout, **environment):
    """Whether a fresh process takes the build of a checkout; router and world go together."""
    told = python("-c", TRY, str(checkout), **environment)
    assert told.returncode == 0, told.stderr
    answer, *places = told.stdout.split()
    are_compiled = {place.endswith(EXTENSION_SUFFIXES[0]) for place in places}
    assert are_compiled == {answer == "True"}
    return answer == "True"


@pytest.fixture(scope="module")
def built():
    """The build of the sources as they are: made once, a minute, and kept in var."""
    trouble = compiler.why_not()
    if trouble is not None:
        pytest.skip(f"the simulator cannot be compiled here: {trouble}")
    done = python("-m", "acd.sim.compiler")
    assert done.returncode == 0, done.stderr
    return build_folder()


@pytest.fixture
def copied(built, tmp_path):
    """A checkout of its own with the same sources and the same build."""
    copy_sources(tmp_path)
    shutil.copytree(built, build_folder(tmp_path))
    return tmp_path


def copy_sources(to):
    for source in SOURCES:
        for path in CHECKOUT.glob(source):
            there = to / path.relative_to(CHECKOUT)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, there)


def simulated(tmp_path, name, *arguments, **environment):
    out = tmp_path / f"{name}.csv"
    done = python(
        "-m", "acd", "simulate", "--config", "config", "--start", "2026-11-23", "--calls-out",
        str(out), *arguments, **environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out.read_bytes(), done.stdout


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "arguments",
    [
        ("--calls", "3000", "--seed", "7"),
        ("--calls", "4000", "--scenario", "shipped"),
        ("--day", "night", "--explain", "100", "--scenario", "shipped"),
    ],
)
def test_compiled_and_plain_give_the_same_calls_to_the_byte(built, tmp_path, arguments):
    fast, told = simulated(tmp_path, "fast", *arguments)
    plain, told_plain = simulated(tmp_path, "plain", *arguments, ACD_PLAIN="1")
    assert fast == plain
    assert fast.count(b"\n") > 300
    if "--explain" in arguments:
        assert told == told_plain


@pytest.mark.timeout(300)
def test_a_build_is_used_for_the_sources_it_was_made_of_and_for_no_others(copied):
    assert used_in(copied)
    router = copied / "acd/core/router.py"
    was = router.read_text(encoding="utf-8")
    router.write_text(was + "\n", encoding="utf-8")
    assert not used_in(copied)
    router.write_text(was, encoding="utf-8")
    assert used_in(copied)


@pytest.mark.timeout(300)
def test_a_build_is_used_whole_or_not_at_all(copied):
    files_of(build_folder(copied))[-1].unlink()
    assert not used_in(copied)


@pytest.mark.timeout(300)
def test_a_build_made_on_another_machine_is_not_used(copied):
    files_of(build_folder(copied))[0].write_bytes(b"for another processor")
    assert not used_in(copied)


@pytest.mark.timeout(300)
def test_a_build_that_anybody_may_write_to_is_not_used(copied):
    (build_folder(copied) / "acd/core").chmod(0o777)
    assert not used_in(copied)


@pytest.mark.timeout(300)
def test_whoever_wants_the_plain_sources_gets_them(copied):
    assert not used_in(copied, ACD_PLAIN="1")


def test_once_the_router_is_imported_it_stays_as_it_is():
    assert Router.__module__ in MODULES
    assert not compiled.use()


def test_every_change_of_a_source_gives_another_build(tmp_path):
    copy_sources(tmp_path)
    names = {build_folder(tmp_path).name}
    assert names == {build_folder().name}
    (tmp_path / "acd/figures.py").write_text("", encoding="utf-8")
    names.add(build_folder(tmp_path).name)
    (tmp_path / "acd/core/new.py").write_text("", encoding="utf-8")
    names.add(build_folder(tmp_path).name)
    assert len(names) == 3


def test_all_of_the_core_is_compiled_and_all_that_it_is_made_of_is_looked_at():
    core = {f"acd.core.{path.stem}" for path in (CHECKOUT / "acd/core").glob("*.py")}
    assert core - set(MODULES) == {"acd.core.__init__", "acd.core.names"}
    wanted = {
        name
        for module in MODULES
        for _, name in imports(CHECKOUT / f"{module.replace('.', '/')}.py")
        if name.startswith("acd.")
    }
    looked_at = ("acd.core", "acd.sim", "acd.figures")
    assert {name for name in wanted if name.startswith(looked_at)} == wanted
    assert {source.split("*")[0].strip("/").replace("/", ".") for source in SOURCES} == {
        "acd.core", "acd.sim", "acd.figures.py",
    }  # fmt: skip


def test_without_a_compiler_a_sentence_says_what_to_install():
    done = python("-m", "acd.sim.compiler", CC="no-such-compiler")
    assert done.returncode == 1
    assert done.stderr.startswith("fast: there is no C compiler (no-such-compiler); install it")
    assert done.stderr.count("\n") == 1
