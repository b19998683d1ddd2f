"""Versions of the dialplans: what is kept, for how long, and the way back."""

import json
import shutil

import pytest

from ivr.__main__ import main
from ivr.versions import (
    KEPT_MAX,
    id_of,
    in_use,
    keep,
    kept,
    read_files,
    restore,
    versions_folder,
)
from tests.unit.menus import MAIN, dialplan
from tests.unit.service_peer import ServicePeer, fine, lay_out_config
from tests.unit.sounds import speak_plan


@pytest.fixture
def plans(tmp_path):
    folder = tmp_path / "dialplans"
    (folder / "tables").mkdir(parents=True)
    (folder / "prompts" / "ru").mkdir(parents=True)
    (folder / "main.yaml").write_text("one")
    (folder / "tables" / "services.csv").write_text("code\n1\n")
    (folder / "prompts" / "prompts.yaml").write_text("audio")
    (folder / "prompts" / "ru" / "a.al").write_bytes(b"x")
    (folder / ".main.yaml.swp").write_text("an editor's")
    return folder


@pytest.fixture
def store(tmp_path):
    return versions_folder(tmp_path / "var")


def test_a_version_is_the_files_without_audio_and_named_by_their_contents(plans):
    files = read_files(plans)
    assert sorted(files) == ["main.yaml", "tables/services.csv"]
    same = id_of(files)
    (plans / "prompts" / "ru" / "a.al").write_bytes(b"y")
    assert id_of(read_files(plans)) == same
    (plans / "main.yaml").write_text("two")
    assert id_of(read_files(plans)) != same
    (plans / "main.yaml").write_text("one")
    (plans / "main.yaml").rename(plans / "other.yaml")
    assert id_of(read_files(plans)) != same


def test_the_last_twenty_stay_and_the_one_in_use_is_known(plans, store):
    ids = []
    for number in range(KEPT_MAX + 3):
        (plans / "main.yaml").write_text(str(number))
        ids.append(keep(store, read_files(plans), {"main": f"v{number}"}, number))
    assert [each.id for each in kept(store)] == ids[:2:-1]
    assert in_use(store) == ids[-1]
    (plans / "main.yaml").write_text("5")
    assert keep(store, read_files(plans), {"main": "v5"}, 100) == ids[5]
    assert kept(store)[0].id == ids[5] == in_use(store)
    assert len(kept(store)) == KEPT_MAX


def test_going_back_and_forth_gives_the_same_files(plans, store):
    keep(store, read_files(plans), {}, 1)
    first = read_files(plans)
    (plans / "main.yaml").write_text("two")
    (plans / "tables" / "services.csv").unlink()
    (plans / "new.yaml").write_text("new")
    second = read_files(plans)
    assert restore(read_files(kept(store)[0].folder / "files"), plans) == [
        "main.yaml", "new.yaml", "tables/services.csv",
    ]  # fmt: skip
    assert read_files(plans) == first
    assert (plans / "prompts" / "ru" / "a.al").exists()
    restore(second, plans)
    assert read_files(plans) == second
    assert restore(second, plans) == []


def test_a_damaged_version_is_left_out(plans, store):
    id_ = keep(store, read_files(plans), {}, 1)
    (store / id_ / "version.json").write_text("{")
    assert kept(store) == []


# The commands


@pytest.fixture
def home(tmp_path, monkeypatch):
    lay_out_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("ACD_CONFIG", "ACD_PORT_OFFSET"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "dialplans").mkdir()
    return tmp_path


def use(home, text, at_ms):
    """As the service does it when it takes a menu into use."""
    (home / "dialplans" / "main.yaml").write_text(text)
    files = read_files(home / "dialplans")
    return keep(versions_folder(home / "var"), files, {"main": "v"}, at_ms)


GOOD = MAIN.replace("topic: pension", "topic: general").replace("skill: child", "skill: general")
BROKEN = MAIN.replace("goto: social", "goto: socail")


def test_versions_are_listed_with_what_is_in_use_and_in_the_folder(home, capsys):
    first = use(home, "one", 1_795_376_382_000)
    second = use(home, "two", 1_795_376_383_000)
    (home / "dialplans" / "main.yaml").write_text("one")
    assert main(["versions", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["version"], row["in_use"], row["present"]) for row in rows] == [
        (second, True, False),
        (first, False, True),
    ]
    assert rows[0]["menus"] == {"main": "v"}
    assert main(["versions"]) == 0
    assert f"{second}  2026-11-23T00:39  main v  in use" in capsys.readouterr().out


def test_a_version_with_errors_is_not_put_back_and_says_where_they_are(home, capsys):
    use(home, BROKEN, 1)
    use(home, "two", 2)
    assert main(["rollback"]) == 1
    err = capsys.readouterr().err
    assert "did you mean 'social'?" in err and "nothing was changed" in err
    assert (home / "dialplans" / "main.yaml").read_text() == "two"


@pytest.mark.parametrize("words", [["rollback"], ["rollback", "zzz"]])
def test_a_version_that_is_not_there_is_said(home, capsys, words):
    use(home, "one", 1)
    assert main(words) == 1
    assert "nothing was changed" in capsys.readouterr().err


def test_going_back_keeps_what_was_there_and_asks_for_a_reload(home, capsys):
    speak_plan(home / "dialplans" / "prompts", dialplan(GOOD))
    first = use(home, GOOD, 1)
    use(home, "two", 2)
    (home / "dialplans" / "main.yaml").write_text("never in use")
    peer = ServicePeer(home / "var" / "acd.sock")
    peer.answers["reload"] = [fine({"menu": "main", "version": "v1"})]
    try:
        assert main(["rollback", first[:4]]) == 0
    finally:
        peer.close()
    assert "the service uses it" in capsys.readouterr().out
    assert peer.requests == [{"do": "reload"}]
    assert (home / "dialplans" / "main.yaml").read_text() == GOOD
    texts = [
        (each.folder / "files" / "main.yaml").read_text()
        for each in kept(versions_folder(home / "var"))
    ]
    assert "never in use" in texts


def test_without_a_service_the_files_are_put_back_all_the_same(home, capsys):
    speak_plan(home / "dialplans" / "prompts", dialplan(GOOD))
    use(home, GOOD, 1)
    use(home, "two", 2)
    assert main(["rollback"]) == 0
    assert "when it starts" in capsys.readouterr().out
    shutil.rmtree(home / "dialplans")
    assert main(["versions"]) == 0
