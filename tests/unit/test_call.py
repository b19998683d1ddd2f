"""A caller in the menu over FastAGI: what Asterisk is told, and what becomes of the call."""

import asyncio
import re

import pytest

from ivr.call import MenuCall, Outcome
from ivr.core.session import MenuSession
from ivr.core.steps import (
    AfterOperator,
    BookCallback,
    Enqueue,
    Fetch,
    Overflowed,
    Rated,
    Record,
    Started,
    Transfer,
    Warned,
)
from ivr.fastagi import CallGone
from tests.unit import plans
from tests.unit.agi_peer import Asterisk, served, until
from tests.unit.menus import MAIN, dialplan

PLAN = dialplan()


def prompt(command):
    """The sentence a STREAM FILE command plays; the test names files by their text."""
    return command.split('"')[1] if '"/' in command else command.split()[2]


class Elsewhere:
    """The world outside the conversation: keeps what it is told, answers what it was given."""

    def __init__(self, enqueue=None, fetch=None, record=0, books=False, transfers=()):
        self.notes = []
        self.queued = []
        self.remembered = []
        self.news = []
        self.asked = []
        self._enqueue = enqueue
        self._fetch = fetch
        self._record = record
        self._books = books
        self._transfers = transfers

    def clip_path(self, clip, *, is_slow):
        return f"/{clip.language}{'-slow' if is_slow else ''}/{clip.text}"

    def note(self, line):
        self.notes.append(line)

    def remember(self, language):
        self.remembered.append(language)

    def told(self, news):
        self.news.append(news)

    async def enqueue(self, command):
        if self._enqueue is not None:
            return await self._enqueue(command)
        self.queued.append(command)
        return {"ACD_LANG": command.language, "IVR_DONE": "queue"}

    async def fetch(self, command):
        self.asked.append(command)
        return await self._fetch(command)

    async def record(self, command):
        self.asked.append(command)
        if isinstance(self._record, BaseException):
            raise self._record
        return self._record

    async def book_callback(self, command):
        self.asked.append(command)
        return self._books

    async def transfer(self, command):
        self.asked.append(command)
        return command.number in self._transfers


class Line:
    """A telephone line whose caller presses keys at given sentences, with its own clock."""

    def __init__(self, keys=None, plan=PLAN, first=None, language=None, facts=None, **world):
        self.keys = {text: list(pressed) for text, pressed in (keys or {}).items()}
        self.plan = plan
        self.first = first or Started()
        self.language = language
        self.facts = facts or {}
        self.now = 1000
        self.outcome = None
        self.replies = []
        self.world = Elsewhere(**world)
        self.notes, self.queued = self.world.notes, self.world.queued

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
            session = MenuSession(self.plan, facts=self.facts.get, language=self.language)
            call = MenuCall(agi, session, self.world, now_ms=lambda: self.now)
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


# What goes beyond playing and listening


def menu_with(*nodes, **more):
    """A dialplan whose first node is the first of these; an operator and a goodbye stand by."""
    return plans.plan(*nodes, plans.queue("operator"), plans.bye(), entry=nodes[0].name, **more)


ASK = plans.http("ask", "bye", "operator", url="config.sms", body=[("to", "caller.number")])
FACTS = {"config.sms": "http://127.0.0.1/sms", "caller.number": "7701"}


async def test_another_house_is_asked_and_its_answer_decides():
    async def answer(_command):
        return {"sent": True}

    line = await Line(plan=menu_with(ASK), facts=FACTS, fetch=answer).call()
    assert line.outcome is Outcome.BYE
    wanted = Fetch("ask", "POST", "http://127.0.0.1/sms", {"to": "7701"}, 2000)
    assert line.world.asked == [wanted]


async def test_a_house_that_never_answers_keeps_the_caller_no_longer_than_its_time():
    stopped = asyncio.Event()

    async def hangs(_command):
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    line = await Line(plan=menu_with(ASK), facts=FACTS, fetch=hangs).call()
    assert line.queued[0].node == "operator"
    waited = [c for c in line.commands if c.startswith("WAIT FOR DIGIT")]
    assert sum(int(c.split()[3]) for c in waited) == 2500
    async with asyncio.timeout(5):
        await stopped.wait()


async def test_a_key_pressed_while_another_house_is_asked_counts_afterwards():
    pressed = asyncio.Event()
    choose = plans.a_menu("choose", {"1": "bye", "2": "operator"})
    ask = plans.http("ask", "choose", "operator", url="config.sms")
    line = Line({"silence": "1"}, plan=menu_with(ask, choose), facts=FACTS)
    answer = line.answer

    def answering(command):
        reply = answer(command)
        if command.startswith("WAIT FOR DIGIT"):
            pressed.set()
        return reply

    async def after_the_key(_command):
        await pressed.wait()
        return {}

    line.answer, line.world._fetch = answering, after_the_key
    await line.call()
    assert line.outcome is Outcome.BYE
    assert [(n.node, n.key, n.via) for n in line.notes if n.key] == [("choose", "1", "early")]


async def test_a_caller_who_hangs_up_meanwhile_leaves_no_question_behind():
    stopped = asyncio.Event()

    async def hangs(_command):
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    line = Line(plan=menu_with(ASK), facts=FACTS, fetch=hangs)
    line.answer = lambda c: None if c.startswith("WAIT") else b"200 result=1\n"
    await line.call()
    assert line.outcome is Outcome.GONE
    async with asyncio.timeout(5):
        await stopped.wait()


async def test_a_fault_in_asking_leaves_the_caller_to_the_fallback(caplog):
    async def broken(_command):
        raise RuntimeError("asking is ill")

    line = await Line(plan=menu_with(ASK), facts=FACTS, fetch=broken).call()
    assert (line.outcome, line.done) == (Outcome.FAILED, [])
    assert "asking is ill" in caplog.text


@pytest.mark.parametrize(("length_ms", "reason"), [(4000, "recorded"), (0, "silent")])
async def test_a_message_is_taken_and_the_menu_goes_on(length_ms, reason):
    line = await Line(plan=menu_with(plans.voicemail()), record=length_ms).call()
    assert line.outcome is Outcome.BYE
    assert line.world.asked == [Record("message", 90_000)]
    assert [n.reason for n in line.notes if n.node == "message"] == [reason]
    assert "SET VARIABLE TIMEOUT(absolute) 100" in line.commands


async def test_hanging_up_while_a_message_is_taken_is_an_ordinary_end():
    line = await Line(plan=menu_with(plans.voicemail()), record=CallGone()).call()
    assert (line.outcome, line.done) == (Outcome.GONE, [])
    assert [(n.node, n.result) for n in line.notes] == [("message", "hangup")]


@pytest.mark.parametrize(("books", "end"), [(True, "bye"), (False, "operator")])
async def test_a_call_back_is_booked_or_refused(books, end):
    back = plans.callback("back", "bye", "operator", confirm_number=False)
    line = await Line(plan=menu_with(back), facts=FACTS, books=books).call()
    assert line.world.asked == [BookCallback("back", "7701", "kk", "", 14_400_000)]
    assert line.done == (["bye"] if end == "bye" else ["queue"])


async def test_a_number_on_the_list_leads_out_and_any_other_goes_on_in_the_menu():
    node = plans.transfer("emergency")
    known = await Line(plan=menu_with(node), transfers=("112",)).call()
    assert (known.outcome, known.done) == (Outcome.TRANSFERRED, ["transfer"])
    unknown = await Line(plan=menu_with(node)).call()
    assert (unknown.outcome, unknown.done) == (Outcome.QUEUED, ["queue"])
    assert unknown.world.asked == [Transfer("emergency", "112")]
    assert [n.reason for n in unknown.notes if n.node == "emergency"][-1] == "noanswer"


async def test_the_language_chosen_is_remembered_and_the_answer_to_a_survey_is_told():
    survey = plans.survey()
    plan = menu_with(plans.languages(goto="survey", remember=True), survey)
    line = await Line({"Ru label: нажмите два": "2", "ru rate us": "2"}, plan=plan).call()
    assert line.world.remembered == ["ru"]
    assert line.world.news == [Rated("csat", 2, "quality_review")]
    assert line.outcome is Outcome.BYE


async def test_what_an_admin_should_know_does_not_stop_the_call():
    line = await Line(plan=menu_with(ASK)).call()
    assert line.outcome is Outcome.QUEUED
    assert line.world.asked == []
    assert any(isinstance(each, Warned) and each.node == "ask" for each in line.world.news)


async def test_a_caller_who_needs_time_hears_slow_sound_and_is_ended_by_no_timer():
    choose = plans.a_menu("choose", {"1": "bye"})
    slowly = plans.branch("start", plans.to("choose", profile="'accessible'"))
    plan = menu_with(slowly, choose, profiles={"accessible": plans.ACCESSIBLE})
    line = Line(plan=plan)
    answer, silences = line.answer, []

    def patient(command):
        if command.startswith("WAIT FOR DIGIT 18000") or command.startswith("WAIT FOR DIGIT 36000"):
            silences.append(command)
            if len(silences) == 30:
                return None
        return answer(command)

    line.answer = patient
    await line.call()
    assert line.outcome is Outcome.GONE
    assert len(silences) == 30
    streams = [prompt(c) for c in line.commands if c.startswith("STREAM")]
    assert streams and all("-slow/" in path for path in streams)
    before = dict(zip(line.commands[1:], line.commands, strict=False))
    assert before[silences[-1]] == "SET VARIABLE TIMEOUT(absolute) 46"


async def test_a_caller_for_whom_there_is_nobody_hears_what_the_menu_has_for_that():
    node = plans.queue("wait", on_overflow="bye")
    line = await Line(plan=menu_with(node), first=Overflowed("wait")).call()
    assert (line.outcome, line.done) == (Outcome.BYE, ["bye"])
    assert line.played == ["kk goodbye"]
