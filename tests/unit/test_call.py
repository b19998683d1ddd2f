"""A caller in the menu over FastAGI: what Asterisk is told, and what becomes of the call."""

import asyncio
import re

import pytest

from ivr.call import MenuCall, Outcome
from ivr.core.session import AfterOperator, Enqueue, MenuSession, Started
from tests.unit.agi_peer import Asterisk, served, until
from tests.unit.menus import MAIN, dialplan

PLAN = dialplan()


def prompt(command):
    """The sentence a STREAM FILE command plays; the test names files by their text."""
    return command.split('"')[1] if '"/' in command else command.split()[2]


class Line:
    """A telephone line whose caller presses keys at given sentences, with its own clock."""

    def __init__(self, keys=None, plan=PLAN, first=None, language=None, enqueue=None):
        self.keys = {text: list(pressed) for text, pressed in (keys or {}).items()}
        self.plan = plan
        self.first = first or Started()
        self.language = language
        self.now = 1000
        self.notes = []
        self.queued = []
        self.outcome = None
        self.replies = []
        self._enqueue = enqueue or self._queue

    async def _queue(self, command):
        self.queued.append(command)
        return {"ACD_LANG": command.language, "IVR_DONE": "queue"}

    def answer(self, command):
        if command.startswith("STREAM FILE"):
            text = prompt(command).rpartition("/")[2]
            self.now += 1000
            key = self.keys.get(text, [None])
            pressed = key.pop(0) if key else None
            if pressed == "hangup":
                return b"HANGUP\n200 result=-1 endpos=0\n"
            if pressed == "drop":
                return None
            if pressed == "missing":
                return b"200 result=-1 endpos=0\n"
            code = ord(pressed) if pressed else 0
            return f"200 result={code} endpos=4000\n".encode()
        if command.startswith("WAIT FOR DIGIT"):
            self.now += int(command.split()[3])
            pressed = self.keys.get("silence", [])
            return f"200 result={ord(pressed.pop(0)) if pressed else 0}\n".encode()
        if command.startswith("CHANNEL STATUS"):
            return b"200 result=6\n"
        return b"200 result=1\n"

    async def call(self):
        async def handler(agi):
            call = MenuCall(
                agi,
                MenuSession(self.plan, language=self.language),
                clip_path=lambda clip: f"/{clip.language}/{clip.text}",
                enqueue=self._enqueue,
                note=self.notes.append,
                now_ms=lambda: self.now,
            )
            self.outcome = await call.run(self.first)

        async with served(handler) as server:
            peer = await Asterisk(server.port, self.answer).call()
            await until(lambda: self.outcome is not None)
        self.commands = peer.commands
        return self

    @property
    def done(self):
        """What the dialplan reads in IVR_DONE, however it was set."""
        return re.findall(r"IVR_DONE[ =](\w+)", "\n".join(self.commands))

    @property
    def played(self):
        return [prompt(c).rpartition("/")[2] for c in self.commands if c.startswith("STREAM")]


async def test_two_keys_lead_to_the_queue_of_the_topic():
    line = await Line(
        {"Русский язык: нажмите два": "2", "Пособия: нажмите один": "1"}
        | {"Социальный раздел.": "1"}
    ).call()
    assert line.outcome is Outcome.QUEUED
    assert line.queued == [Enqueue("q_pension", "pension", "ru", 5)]
    assert line.done == ["queue"]
    assert [(n.node, n.key, n.result) for n in line.notes if n.result] == [
        ("language", "2", "match"),
        ("main", "1", "match"),
        ("social", "1", "match"),
    ]
    assert line.commands[-1] == 'EXEC MSet "ACD_LANG=ru,IVR_DONE=queue"'
    assert "English" not in " ".join(line.played)


async def test_a_prompt_that_must_be_heard_goes_on_after_a_key_and_the_key_counts():
    line = await Line({"Сәлеметсіз бе!": "2", "Разговор записывается.": ["1", "2"]}).call()
    streams = [c for c in line.commands if "записывается" in c]
    assert [c.split()[-1] for c in streams] == ["0", "4000", "4000"]
    assert line.queued == [Enqueue("q_child", "child", "ru", 0)]


async def test_silence_ends_at_a_person():
    line = await Line().call()
    assert line.queued == [Enqueue("operator", "general", "kk", 0)]
    assert line.done == ["queue"]
    assert "Сізді операторға қосамын." in line.played
    assert [n.result for n in line.notes if n.result] == (
        ["noinput", "noinput", "fail"] + ["noinput"] * 3 + ["fail"]
    )


async def test_a_key_in_the_silence_between_two_options_counts():
    line = await Line({"silence": ["0"]}).call()
    assert line.queued == [Enqueue("operator", "general", "kk", 0)]
    assert line.played == ["Сәлеметсіз бе!"]


async def test_every_step_renews_the_time_after_which_asterisk_takes_over():
    line = await Line().call()
    blocking = [
        (before, command)
        for before, command in zip(line.commands, line.commands[1:], strict=False)
        if command.startswith("STREAM") or command == "WAIT FOR DIGIT 6000"
    ]
    assert blocking
    for before, _ in blocking:
        assert before.startswith("SET VARIABLE TIMEOUT(absolute) ")
        assert int(before.split()[-1]) >= 20
    assert "SET VARIABLE TIMEOUT(absolute) 22" in line.commands  # 12 s of silence and the margin


@pytest.mark.parametrize("end", ["hangup", "drop"])
async def test_a_caller_who_leaves_is_reported_and_nothing_is_queued(end):
    line = await Line({"Русский язык: нажмите два": [end]}).call()
    assert line.outcome is Outcome.GONE
    assert [(n.node, n.result) for n in line.notes] == [("language", "hangup")]
    assert line.queued == []
    assert line.done == []


async def test_a_missing_file_leaves_the_caller_to_asterisks_own_fallback(caplog):
    line = await Line({"Русский язык: нажмите два": ["missing"]}).call()
    assert line.outcome is Outcome.FAILED
    assert line.done == []
    assert [(n.node, n.reason) for n in line.notes] == [("language", "internal_error")]
    assert "cannot be played" in caplog.text


async def test_a_failing_queue_leaves_the_caller_to_the_fallback(caplog):
    async def broken(_command):
        raise RuntimeError("router is ill")

    line = await Line({"Сәлеметсіз бе!": "0"}, enqueue=broken).call()
    assert line.outcome is Outcome.FAILED
    assert line.done == []
    assert "router is ill" in caplog.text


async def test_the_queue_is_told_before_the_caller_is_let_go():
    order = []

    async def slow(command):
        await asyncio.sleep(0)
        order.append(command.topic)
        return {"IVR_DONE": "queue"}

    line = await Line({"Сәлеметсіз бе!": "0"}, enqueue=slow).call()
    assert order == ["general"]
    assert line.done == ["queue"]


async def test_after_the_operator_the_goodbye_is_played_and_the_call_ends():
    line = await Line(first=AfterOperator("q_pension"), language="en").call()
    assert line.outcome is Outcome.BYE
    assert line.played == ["Goodbye!"]
    assert line.done == ["bye"]


async def test_keys_no_menu_knows_do_not_shorten_the_silence():
    line = await Line({"silence": ["A"]}, plan=dialplan(MAIN)).call()
    assert line.outcome is Outcome.QUEUED
