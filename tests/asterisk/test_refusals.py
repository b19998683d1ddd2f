"""What `acd run` refuses to start with: every mistake at its place, one line and a remedy."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from acd.problems import Problems
from acd.settings_files import load_settings
from tests.asterisk.centre import ROOT, Centre, running


def refused(centre: Centre) -> str:
    """What `acd run` says when it refuses to start; nothing has been started."""
    done = centre.acd("run", "--dialplans", str(centre.dialplans))
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert running(centre.folder) == []
    assert not (centre.var / "service.log").exists()
    return done.stderr


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def line_of(path: Path, text: str) -> int:
    """Where a text stands in a file of the checkout, whose lines may move."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_every_mistake_in_every_file_is_shown_at_once_with_its_place(stopped: Centre):
    config, menu = stopped.config, stopped.dialplans / "1414-main.yaml"
    replace(config / "service.yaml", "least_talk: 1s", "least_talk: 1")
    replace(config / "queues.yaml", "ring: 3s", "rnig: 3s")
    replace(config / "shifts.yaml", '"00:00-23:59"', '"00:00-24:99"')
    replace(config / "operators.yaml", "pens2: {shift: A", "pens2: {shfit: A")
    replace(config / "operators.yaml", "{pension: 5}", "{pensoin: 5}")
    replace(menu, "goto: q_egov", "goto: q_egvo")
    replace(menu, '- key: "2"', "- key: 2")
    said = refused(stopped)
    for place in (
        "config/service.yaml:14:13: ",
        "config/queues.yaml:5:5: ",
        "config/shifts.yaml:3:57: ",
        "config/operators.yaml:4:11: ",
        "config/operators.yaml:3:57: ",
        f"dialplans/1414-main.yaml:{line_of(menu, 'goto: q_egvo')}:15: ",
        f"dialplans/1414-main.yaml:{line_of(menu, '- key: 2')}:14: ",
    ):
        assert place in said, said
    assert "did you mean 'q_egov'" in said
    assert said.endswith("nothing was started; mend the errors above\n")


def test_a_wrong_topic_in_a_menu_is_shown_beside_a_mistake_in_another_file(stopped: Centre):
    replace(stopped.config / "queues.yaml", "ring: 3s", "rnig: 3s")
    replace(stopped.dialplans / "1414-main.yaml", "topic: id_docs", "topic: id_dogs")
    said = refused(stopped)
    assert "config/queues.yaml:5:5: " in said
    assert "there is no topic or queue 'id_dogs'; did you mean 'id_docs'?" in said


@pytest.mark.parametrize("name", ["service.yaml", "operators.yaml", "queues.yaml", "skills.yaml"])
@pytest.mark.parametrize("text", ["", "- a\n- [b", "\t: {", "schema: 1\n", "\x00\x01", "null\n"])
def test_a_file_that_is_no_settings_file_is_located(stopped: Centre, name: str, text: str):
    (stopped.config / name).write_text(text)
    assert f"config/{name}" in check_only(stopped)


def check_only(centre: Centre) -> str:
    """What `acd check` says: the same reading as at start, without the cost of one."""
    problems = Problems()
    assert load_settings(centre.config, problems, port_offset=0) is None
    return problems.render()


def test_a_missing_file_is_named_with_the_remedy(stopped: Centre):
    (stopped.config / "operators.yaml").unlink()
    (stopped.config / "queues.yaml").write_bytes(b"schema: 1\nqueues: \xff\xfe\n")
    said = refused(stopped)
    assert "config/operators.yaml" in said
    assert "config/queues.yaml" in said


def test_a_sentence_without_audio_is_refused_with_the_remedy(stopped: Centre):
    menu = stopped.dialplans / "1414-main.yaml"
    replace(menu, "Такого пункта нет.", "Такого пункта совсем нет.")
    replace(menu, '"Другие вопросы"', '"Прочее"')
    said = refused(stopped)
    language, main = line_of(menu, "  language:"), line_of(menu, "  main:")
    at_language, at_main = f"1414-main.yaml:{language}:3: ", f"1414-main.yaml:{main}:3: "
    assert f'{at_language}"Такого пункта совсем нет." (ru) cannot be played: ' in said
    assert f'{at_main}"Прочее: нажмите пять" (ru) cannot be played: ' in said
    assert said.count("run 'ivr prompts build', or record it (node '") == 2


def test_an_unknown_word_in_a_template_is_located(stopped: Centre):
    own = stopped.config / "asterisk"
    own.mkdir()
    shutil.copy(ROOT / "config" / "asterisk" / "pjsip.conf", own)
    replace(own / "pjsip.conf", "@SIP@", "@SPI@")
    said = refused(stopped)
    assert said.count("\n") == 1
    assert "config/asterisk/pjsip.conf:16: unknown word @SPI@; known: " in said


def test_secrets_that_others_can_read_are_refused_with_the_command(stopped: Centre):
    stopped.var.mkdir()
    secrets = stopped.var / "secrets.json"
    secrets.write_text('{"ami": "x", "phones": {}}')
    secrets.chmod(0o644)
    said = refused(stopped)
    assert said == f"acd: {secrets} can be read by others; run: chmod 600 {secrets}\n"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"ami": 1}', '{"phones": [], "ami": ""}'])
def test_damaged_secrets_are_refused_with_the_remedy(stopped: Centre, text: str):
    stopped.var.mkdir()
    secrets = stopped.var / "secrets.json"
    secrets.write_text(text)
    secrets.chmod(0o600)
    said = refused(stopped)
    assert said.count("\n") == 1
    assert "is damaged" in said
    assert "restore it" in said


def test_a_folder_too_deep_for_a_socket_is_refused(stopped: Centre):
    replace(stopped.config / "service.yaml", "least_talk: 1s", f"folder: {'long/' * 30}var")
    said = refused(stopped)
    assert said.count("\n") == 1
    assert "too long for a control socket; set 'folder'" in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB; only root may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system")
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_refused_with_the_remedy(stopped: Centre, small_disk: Path):
    replace(stopped.config / "service.yaml", "least_talk: 1s", f"folder: {small_disk}/var")
    said = refused(stopped)
    assert said.count("\n") == 1
    assert "MB free for" in said
    assert "or set 'folder' in service.yaml" in said


def test_a_folder_that_cannot_be_made_is_refused(stopped: Centre):
    (stopped.folder / "var").write_text("a file, not a folder")
    said = refused(stopped)
    assert said.count("\n") == 1
    assert str(stopped.var) in said
