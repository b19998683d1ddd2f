"""Menus played in virtual time: what is heard when, keys, and the answers of the world."""

import dataclasses

import pytest

from ivr.core.menu import Clip
from ivr.facts import Caller, Scene
from ivr.player import Answers, Player, estimated_ms, outcome_as_json, step_as_json
from tests.unit.menus import dialplan
from tests.unit.tools import DAY

PLAN = dialplan(DAY)
SECOND = 1000
RUSSIAN = Scene(caller=Caller("87010001414", "ru"))
ORDINARY = Answers()


def call(scene=RUSSIAN, answers=ORDINARY, **more):
    player = Player(
        PLAN,
        facts=scene.facts(PLAN),
        language=scene.caller.language,
        answers=answers,
        clip_ms=lambda clip: SECOND,
        **more,
    )
    player.start()
    return player


def at_night(answers=ORDINARY, number="87010001414"):
    scene = Scene(caller=Caller(number, "ru"), known={"schedule.night": True})
    return call(scene, answers)


def texts(player):
    return [heard.clip.text for heard in player.heard]


def test_a_token_is_dialled_when_the_prompt_has_been_heard():
    player = call()
    player.dial("1")
    assert texts(player)[0] == "Пенсия: нажмите один"
    assert len(player.heard) == 5
    assert player.outcome.type == "queue"
    outcome = player.outcome
    assert (outcome.topic, outcome.priority_s, outcome.language) == ("pension", 5, "ru")
    assert player.now_ms == 5 * SECOND + 4 * 600, "five sentences and the gaps between them"


def test_a_key_pressed_at_once_cuts_the_prompt_short():
    player = call()
    player.wait(1_700)
    player.dial("1", at_once=True)
    assert texts(player) == ["Пенсия: нажмите один", "Код услуги: нажмите два"]
    assert (player.now_ms, player.is_over) == (1_700, True)


def test_several_digits_are_a_fifth_of_a_second_apart():
    player = call()
    player.dial("99")
    assert [deed.at_ms for deed in player.deeds] == [7_400, 7_600]


def test_one_silence_is_one_time_out():
    player = call()
    player.silence()
    assert [note.result for note in player.notes if note.node == "main"] == ["noinput"]
    assert player.notes[-1].at_ms == 5 * SECOND + 4 * 600 + 6 * SECOND


def test_silence_to_the_end_brings_a_person():
    player = call()
    player.play_out()
    assert (player.outcome.type, player.outcome.node) == ("queue", "operator")
    assert player.key_count == 0


def test_waiting_passes_what_ends_meanwhile():
    player = call()
    player.wait(30_000)
    assert player.notes[-1].result == "noinput"
    assert player.now_ms == 30_000


def test_a_message_is_left_until_hash():
    player = at_night()
    player.dial("1")
    player.finish_step()
    began_ms = player.now_ms
    player.wait(1_000)
    player.press("#")
    player.play_out()
    assert player.outcome.type == "voicemail"
    assert player.now_ms == began_ms + 1_000 + SECOND, "the message and the goodbye"


def test_nothing_said_after_the_beep_is_no_message():
    player = at_night(Answers(message_ms=0))
    player.dial("1")
    player.play_out()
    assert player.outcome.type == "goodbye"


def test_a_call_back_is_booked_or_refused():
    booked, refused = at_night(), at_night(Answers(takes_callbacks=False))
    for player in (booked, refused):
        player.dial("2")
        player.dial("1")
        player.play_out()
    assert booked.outcome.type == "callback"
    assert refused.outcome.type == "voicemail"


def test_the_number_of_a_caller_is_masked_in_the_transcript():
    player = at_night()
    player.dial("2")
    player.dial("1")
    steps = [step_as_json(*each) for each in zip(player.notes, player.sentences, strict=True)]
    spoken = next(step["heard"] for step in steps if step["node"] == "back" and step["key"])
    assert "***" in spoken
    assert "ноль" not in spoken.split("Если")[0]


@pytest.mark.parametrize(
    ("end", "outcome", "node"),
    [
        ("taken", "transfer", "rescue"),
        ("busy", "queue", "operator"),
        ("noanswer", "queue", "operator"),
    ],
)
def test_a_transfer(end, outcome, node):
    player = call(answers=Answers(transfer=end))
    player.dial("3")
    player.play_out()
    assert (player.outcome.type, player.outcome.node) == (outcome, node)
    assert player.outcome.number == ("112" if end == "taken" else None)


def test_another_house_answers_or_does_not():
    scene = Scene(caller=Caller("1", "ru"), known={"config.sms.url": "http://127.0.0.1"})
    for answers, outcome in ((Answers(http={"ok": True}), "goodbye"), (Answers(), "queue")):
        player = call(scene, answers)
        player.dial("2")
        player.play_out()
        assert player.outcome.type == outcome


def test_the_call_goes_on_after_the_operator_and_after_an_overflow():
    asked, overflown = call(), call()
    for player in (asked, overflown):
        player.dial("0")
    assert asked.after_operator()
    asked.dial("5")
    asked.play_out()
    assert (asked.outcome.type, asked.outcome.topic) == ("goodbye", "general")
    assert asked.returns == [("operator", "next")]
    assert overflown.overflow()
    overflown.play_out()
    assert overflown.outcome.type == "voicemail"


def test_nobody_comes_back_from_where_nobody_went():
    player = call()
    assert not player.after_operator()
    assert not player.overflow()


def test_a_caller_who_hangs_up():
    player = call()
    player.wait(2_000)
    player.hang_up()
    assert player.outcome.type == "hangup"
    assert player.notes[-1].result == "hangup"
    player.press("1")
    player.play_out()
    assert player.now_ms == 2_000, "nothing happens any more"


def test_a_caller_who_is_asked_for_ever_and_says_nothing_reaches_a_person_at_last():
    text = DAY.replace(
        "nodes:\n",
        "profiles:\n"
        "  slow: {attempts: unlimited, timeout_factor: 3, slow: true, priority: 60}\n"
        "nodes:\n",
    )
    plan = dialplan(text)
    scene = Scene(caller=Caller("1", "ru", "slow"))
    player = Player(plan, facts=scene.facts(plan), language="ru")
    player.start()
    player.play_out()
    assert (player.outcome.type, player.outcome.priority_s) == ("queue", 60)
    assert player.now_ms > 10 * plan.limits.max_ivr_ms
    assert player.notes[-1].heard == (player.heard[-1].clip.text,)


def test_slow_sentences_take_longer():
    player = call()
    player.silence()
    began_ms = player.now_ms
    player.hear_out()
    sentences = [heard for heard in player.heard if heard.at_ms >= began_ms]
    assert sentences[1].at_ms - sentences[0].at_ms == SECOND * 100 // 85 + 600


def test_a_step_and_an_outcome_as_plain_data():
    player = call()
    player.dial("1")
    step = step_as_json(player.notes[2], player.sentences[2])
    assert (step["node"], step["key"], step["result"], step["at_s"]) == ("main", "1", "match", 7.4)
    assert step["heard"].startswith("Пенсия: нажмите один Код услуги: нажмите два")
    shown = outcome_as_json(player.outcome)
    assert {key: shown[key] for key in ("type", "skill", "topic", "language", "priority")} == {
        "type": "queue",
        "skill": "pension",
        "topic": "pension",
        "language": "ru",
        "priority": 5,
    }


def test_the_same_deeds_give_the_same_call():
    one, other = call(), call()
    for player in (one, other):
        player.dial("9")
        player.silence()
        player.play_out()
    assert one.notes == other.notes
    assert one.heard == other.heard


def test_longer_sentences_are_estimated_longer():
    short, long = Clip("ru", "Пенсия"), Clip("ru", "Пенсия и ещё несколько слов")
    assert 0 < estimated_ms(short) < estimated_ms(long)


def test_a_language_nobody_offers_is_not_spoken():
    player = call(dataclasses.replace(Scene(), caller=Caller("1", "de")))
    player.hear_out()
    assert player.session.node_name == "language"
