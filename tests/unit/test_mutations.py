"""Damaged dialplans: refused with a place, or played to an end. Never a traceback, never a hang."""

import json
import random

import pytest

from acd.yaml_source import Problems
from ivr.__main__ import main
from ivr.dialplan import dialplan_files, load_dialplan
from ivr.facts import Caller, Scene
from ivr.player import Answers, Player
from tests.unit.mutants import damage, folder_of

COUNT = 200
KEYS = "0123456789*#"
ENDS = {"queue", "callback", "voicemail", "transfer", "goodbye"}


def call(dialplan, chance):
    """One call with random keys at random moments; gives the player when the call is over."""
    scene = Scene(
        caller=Caller(
            number=chance.choice(("87010001414", "")),
            language=chance.choice((None, "kk", "ru", "en")),
            profile=chance.choice((None, None, "accessible")),
        ),
        broadcasts=chance.choice(((), ({"kk": "Ә", "ru": "А", "en": "A"},))),
        known={"schedule.night": chance.random() < 0.3, "schedule.holiday": chance.random() < 0.2},
    )
    answers = Answers(
        http=chance.choice((None, {"ok": True}, "text", 5)),
        message_ms=chance.choice((0, 5000)),
        takes_callbacks=chance.random() < 0.5,
        transfer=chance.choice(("taken", "busy", "noanswer")),
    )
    player = Player(dialplan, facts=scene.facts(dialplan), answers=answers)
    player.start()
    for _ in range(60):
        if player.is_over:
            break
        if chance.random() < 0.25:
            player.silence()
        else:
            player.dial(chance.choice(KEYS), at_once=chance.random() < 0.3)
    player.play_out()
    return player


@pytest.fixture
def folder(tmp_path):
    return folder_of(tmp_path)


def test_what_is_shipped_is_accepted(folder):
    assert main(["check", str(folder), "--config", str(folder.parent / "config")]) == 0


@pytest.mark.parametrize("seed", range(COUNT))
def test_a_damaged_dialplan_is_refused_with_a_place_or_ends_every_call(folder, capsys, seed):
    damage(folder, seed)
    config = folder.parent / "config"
    code = main(["check", str(folder), "--config", str(config), "--json"])
    problems = json.loads(capsys.readouterr().out)
    errors = [each for each in problems if each["severity"] == "error"]
    assert code == (1 if errors else 0)
    for each in problems:
        is_empty_file = each["message"].startswith("the file is empty")
        assert (each["line"] >= 1 and each["column"] >= 1) or is_empty_file, each
        assert each["file"].startswith(str(folder.parent)) and each["message"], each
    if errors:
        return
    chance = random.Random(seed)
    for file in dialplan_files([folder], Problems()):
        dialplan = load_dialplan(file, Problems(), config=config)
        for _ in range(12):
            player = call(dialplan, chance)
            assert player.outcome.type in ENDS, (player.outcome, player.node_names()[-10:])
        keys = " ".join(chance.choice((*KEYS, "-")) for _ in range(12))
        assert main(["try", file, "--keys", keys, "--json"]) == 0
        outcome = json.loads(capsys.readouterr().out)["outcome"]
        assert outcome["type"] in ENDS
