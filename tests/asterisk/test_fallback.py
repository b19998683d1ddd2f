"""What Asterisk does by itself while the service is away: nobody who calls is left alone.

The service is stopped (SIGSTOP), which is the harder case: it still takes connections. Who hears
whom is read from the sound; what is on record afterwards from Asterisk's own log of calls.
"""

import asyncio
import cmath
import contextlib
import json
import math
import os
import re
import signal
import wave
from array import array
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.asterisk.absence import away, cli, falls, in_queue, logged, until
from tests.asterisk.centre import FILES, Centre, talk
from tests.asterisk.prompts import hears_prompt, said, times_heard
from tests.sip import AnswerAfter, Call, Phone, Reject, Ring
from tests.sip.alaw import SILENCE
from tests.sip.listen import SILENCE as QUIET

CALLER, FIRST, SECOND, BEEP = 500, 600, 700, 1000


@pytest.fixture(scope="module")
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """A centre of its own: its service is away most of the time."""
    running = Centre(tmp_path_factory.mktemp("f"), FILES)
    running.start()
    yield running
    assert running.stop() == 0


async def test_a_waiting_caller_is_moved_without_a_word_and_served(lonely: Centre):
    """The only operator does not speak the caller's language: the service would not offer them."""
    async with lonely.operator("eng1", FIRST) as phone, lonely.caller("77010000001") as citizen:
        call, id_ = await lonely.call_in(citizen, "22")
        await lonely.until("callers", "call", id_, queue="social")
        await in_queue(lonely, "eng1")
        async with away(lonely):
            taken = await phone.next_call(timeout_ms=9000)
            await talk(taken, call, ms=1500)
            await taken.hang_up()
            await call.ended()
            ending = await logged(lonely, "77010000001")
    assert (ending.call, ending.state, ending.operator) == (id_, "fallback-talk", "eng1")
    assert (ending.language, ending.topic, ending.message) == ("ru", "pension", None)
    assert ending.queued_at and ending.fallback_at and ending.connected_at and ending.talk_ended_at
    assert ending.fallback_at - ending.queued_at >= 2000
    assert 1000 <= ending.talk_ended_at - ending.connected_at <= 8000
    assert times_heard(call, said("fallback_wait", "ru")) == []
    await lonely.nothing_left()


async def test_a_killed_service_costs_a_waiting_caller_nothing(lonely: Centre):
    """`acd run` starts it again: the caller reaches an operator whether they fell or not."""
    async with (
        lonely.operator("eng1", FIRST) as one,
        lonely.operator("pens1", SECOND, ready=False) as two,
        lonely.caller("77010000002") as citizen,
    ):
        call, id_ = await lonely.call_in(citizen, "22")
        await lonely.until("callers", "call", id_, queue="social")
        before = (await lonely.ask("status"))["started_at"]
        os.kill(lonely.child("serve"), signal.SIGKILL)
        await comes_again(lonely, before)
        await lonely.ask("operator", action="ready", operator="pens1")
        taken = await first_rung((one, two))
        who = one if taken in one.calls else two
        await talk(taken, call, ms=1500, operator=who.tone_hz)
        await call.hang_up()
        ending = await logged(lonely, "77010000002")
    assert (ending.operator, ending.talk_ended_at) == (who.user, None)
    assert ending.state in ("talk", "fallback-talk")
    await lonely.nothing_left()


async def comes_again(centre: Centre, before: str) -> None:
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(OSError, ValueError):
                status = await centre.ask("status")
                if status["started_at"] > before and status["ami_up"]:
                    return
            await asyncio.sleep(0.05)


async def test_a_caller_new_in_the_absence_is_told_once_and_served(lonely: Centre):
    async with lonely.operator("pens1", FIRST) as phone, lonely.caller("77010000003") as citizen:
        await in_queue(lonely, "pens1")
        async with away(lonely):
            call = citizen.dial("1414")
            taken = await phone.next_call(timeout_ms=9000)
            await talk(taken, call, ms=1500)
            await call.hang_up()
            ending = await logged(lonely, "77010000003")
            await taken.ended()
    assert len(times_heard(call, said("fallback_wait", "kk"))) == 1
    assert (ending.state, ending.operator) == ("fallback-talk", "pens1")
    assert (ending.queued_at, ending.talk_ended_at, ending.language) == (None, None, "")
    assert ending.fallback_at and ending.fallback_at - ending.arrived_at < 1000
    await lonely.nothing_left()


async def test_an_operator_who_pauses_is_not_rung_and_the_caller_waits(lonely: Centre):
    async with lonely.operator("pens1", FIRST) as phone, lonely.caller("77010000004") as citizen:
        await lonely.ask("operator", action="pause", operator="pens1", reason="lunch")
        await until(
            lambda: cli(lonely, "queue show fallback"),
            lambda shown: "PJSIP/pens1" in shown and "paused" in shown,
            "the pause in the fallback",
        )
        async with away(lonely):
            call = citizen.dial("1414")
            await call.answered()
            await hears_prompt(call, said("fallback_wait", "kk"))
            await asyncio.sleep(5)  # as long as an empty queue may go unnoticed
            assert phone.log.find("invited") == []
            assert times_heard(call, said("nobody_logged_in", "kk")) == []
            await cli(lonely, "queue unpause member PJSIP/pens1 queue fallback")
            taken = await phone.next_call()
            await talk(taken, call)
            await call.hang_up()
            assert (await logged(lonely, "77010000004")).operator == "pens1"
            await taken.ended()
    await lonely.nothing_left()


async def test_who_hangs_up_at_once_has_not_answered_and_the_next_is_rung(lonely: Centre):
    async with pair(lonely) as phones, lonely.caller("77010000005") as citizen, away(lonely):
        call = citizen.dial("1414")
        taken = await first_rung(phones)
        await taken.hears(CALLER)
        await taken.hang_up()
        other = phones[1] if taken in phones[0].calls else phones[0]
        again = await other.next_call(timeout_ms=9000)
        await talk(again, call, operator=other.tone_hz)
        await call.hang_up()
        ending = await logged(lonely, "77010000005")
        await again.ended()
    assert (ending.state, ending.operator) == ("fallback-talk", other.user)
    assert ending.talk_ended_at is None
    await lonely.nothing_left()


async def test_an_operator_gone_within_milliseconds_of_the_answer_loses_nobody(lonely: Centre):
    """The BYE meets Asterisk before, while and after it connects the two."""
    async with pair(lonely) as phones, lonely.caller("77010000011") as citizen, away(lonely):
        call = citizen.dial("1414")
        for after_ms in (0, 1, 2, 4, 8, 16):
            taken = await first_rung(phones)
            await taken.wait_for("acked")
            await asyncio.sleep(after_ms / 1000)
            await taken.hang_up()
        taken = await first_rung(phones)
        who = phones[0] if taken in phones[0].calls else phones[1]
        await talk(taken, call, operator=who.tone_hz)
        await call.hang_up()
        ending = await logged(lonely, "77010000011")
        await taken.ended()
    assert (ending.state, ending.operator) == ("fallback-talk", who.user)
    assert ending.connected_at and ending.ended_at - ending.connected_at < 10_000
    await lonely.nothing_left()


@contextlib.asynccontextmanager
async def pair(centre: Centre) -> AsyncIterator[tuple[Phone, Phone]]:
    """Two operators who are logged in, also in Asterisk's own queue."""
    async with (
        centre.operator("pens1", FIRST) as one,
        centre.operator("pens2", SECOND) as two,
    ):
        await in_queue(centre, "pens1")
        await in_queue(centre, "pens2")
        yield one, two


async def first_rung(phones: tuple[Phone, Phone]) -> Call:
    """The first call to either phone."""
    waiting = [asyncio.ensure_future(phone.next_call(timeout_ms=9000)) for phone in phones]
    done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()
    return done.pop().result()


async def first_taken(phone: Phone) -> Call:
    """The first call it answers; it may have declined one before it was told to answer."""
    while True:
        call = await phone.next_call(timeout_ms=20_000)
        event = await call.wait_for("answered", "rejected", "ended", timeout_ms=20_000)
        if event.name == "answered":
            return call


@pytest.mark.parametrize(
    "policy",
    [Reject(486, ring_ms=300), Reject(603, ring_ms=300), Ring()],
    ids=["486", "603", "rings"],
)
async def test_who_does_not_take_the_call_passes_it_on(lonely: Centre, policy: Reject | Ring):
    """Whoever is rung first does not take it; a phone that only rings has 12 s."""
    number = f"7701000001{['Reject', 'Ring'].index(type(policy).__name__)}"
    number += str(getattr(policy, "code", 0))
    async with pair(lonely) as phones, lonely.caller(number) as citizen:
        for phone in phones:
            phone.policy = policy
        async with away(lonely):
            call = citizen.dial("1414")
            taken = await first_rung(phones)
            other = phones[1] if taken in phones[0].calls else phones[0]
            other.policy = AnswerAfter(ring_ms=100)
            await talk(await first_taken(other), call, operator=other.tone_hz)
            await call.hang_up()
            ending = await logged(lonely, number)
    assert ending.operator == other.user
    await lonely.nothing_left()


# Nobody is logged in


async def test_with_nobody_logged_in_a_message_is_taken(lonely: Centre):
    async with lonely.caller("77010000006", CALLER) as citizen, away(lonely):
        call = citizen.dial("1414")
        await call.answered()
        await hears_prompt(call, said("nobody_logged_in", "kk"))
        await hears_beep(call)
        await asyncio.sleep(2.5)  # what the caller says
        await call.press("#")
        await hears_prompt(call, said("message_taken", "kk"))
        await call.ended(timeout_ms=9000)
        ending = await logged(lonely, "77010000006")
        done = await asyncio.to_thread(lonely.acd, "messages", "--json")
    assert times_heard(call, said("fallback_wait", "kk")) == []
    assert (ending.state, ending.message) == ("message", f"{ending.call}.wav")
    assert (done.returncode, done.stderr) == (0, "")
    row = next(each for each in json.loads(done.stdout) if each["call"] == ending.call)
    assert row["number"] == "77010****06"
    assert 1.5 <= row["length_s"] <= 3.5
    assert share_of(CALLER, Path(row["file"])) > 0.8
    assert os.stat(row["file"]).st_mode & 0o077 == 0
    marked = await asyncio.to_thread(lonely.acd, "messages", "done", ending.call)
    assert marked.returncode == 0
    done = await asyncio.to_thread(lonely.acd, "messages", "--json")
    assert ending.call not in done.stdout
    await lonely.nothing_left()


async def hears_beep(call: Call) -> None:
    """Until the tone that begins a recording is over."""
    await call.hears(BEEP, timeout_ms=12_000)
    await call.hears(QUIET, at_least_ms=100)


def share_of(hz: int, path: Path) -> float:
    """How much of a recording holds this tone."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        samples = array("h", file.readframes(file.getnframes()))
    windows = [samples[n : n + 160] for n in range(0, len(samples) - 159, 160)]
    return sum(_holds(hz, window) for window in windows) / len(windows)


def _holds(hz: int, window: "array[int]") -> bool:
    """Whether half of these samples' power is at one frequency."""
    power = sum(sample * sample for sample in window)
    turn = 2j * math.pi * hz / 8000
    bin_ = sum(sample * cmath.exp(turn * n) for n, sample in enumerate(window))
    return power > 0 and 2 * abs(bin_) ** 2 / len(window) > 0.5 * power


async def test_when_the_last_operator_logs_out_who_waits_may_leave_a_message(lonely: Centre):
    """And what was said is kept when the caller then simply hangs up."""
    async with (
        lonely.operator("pens1", FIRST, policy=Reject(480)),
        lonely.caller("77010000007") as citizen,
    ):
        await in_queue(lonely, "pens1")
        async with away(lonely):
            call = citizen.dial("1414")
            await call.answered()
            await hears_prompt(call, said("fallback_wait", "kk"))
            before = int(asyncio.get_running_loop().time() * 1000)
            await cli(lonely, "queue remove member PJSIP/pens1 from fallback")
            noticed = await hears_prompt(call, said("nobody_logged_in", "kk"))
            await hears_beep(call)
            await asyncio.sleep(2)  # what the caller says
            await call.hang_up()
            ending = await logged(lonely, "77010000007")
    assert noticed - before < 5000
    assert (ending.state, ending.message) == ("message", f"{ending.call}.wav")
    file = lonely.var / "messages" / f"{ending.call}.wav"
    assert share_of(CALLER, file) > 0.8
    await lonely.nothing_left()


async def test_who_says_nothing_is_asked_three_times_and_seen_off(lonely: Centre):
    async with lonely.caller("77010000008") as citizen, away(lonely):
        call = citizen.dial("1414")
        await call.answered()
        call.media.say(SILENCE)
        for round_ in (1, 2, 3):
            await hears_prompt(call, said("nobody_logged_in", "kk"), times=round_)
            await hears_beep(call)
            if round_ > 1:
                await call.press("#")
        await hears_prompt(call, said("goodbye", "kk"))
        await call.ended(timeout_ms=9000)
        ending = await logged(lonely, "77010000008")
        listed = await asyncio.to_thread(lonely.acd, "messages", "--json")
    assert (ending.state, ending.message) == ("message", None)
    assert ending.call not in listed.stdout
    await lonely.nothing_left()


async def test_who_comes_while_the_caller_is_silent_gets_the_call(lonely: Centre):
    async with (
        lonely.operator("pens1", FIRST, ready=False) as phone,
        lonely.caller("77010000009") as citizen,
        away(lonely),
    ):
        call = citizen.dial("1414")
        await call.answered()
        await hears_beep(call)
        await cli(lonely, "queue add member PJSIP/pens1 to fallback")
        await call.press("#")
        taken = await phone.next_call()
        await talk(taken, call)
        await call.hang_up()
        ending = await logged(lonely, "77010000009")
        await cli(lonely, "queue remove member PJSIP/pens1 from fallback")
    assert (ending.state, ending.operator, ending.message) == ("fallback-talk", "pens1", None)
    await lonely.nothing_left()


# The rest of the dialplan's side


async def test_a_long_wait_is_not_silent_and_keeps_its_place(lonely: Centre):
    """Every 60 s as shipped; here every 4 s, in each caller's own language."""
    queues = lonely.var / "asterisk" / "etc" / "queues.conf"
    shipped = queues.read_text()
    assert "periodic-announce-frequency=60\n" in shipped
    queues.write_text(shipped.replace("frequency=60", "frequency=4"))
    await cli(lonely, "queue reload parameters")
    async with contextlib.AsyncExitStack() as phones:
        phone = await phones.enter_async_context(lonely.operator("eds1", FIRST))
        await lonely.ask("operator", action="pause", operator="eds1", reason="lunch")
        calls = {}
        for language, keys in (("kk", "12"), ("ru", "22"), ("en", "32")):
            citizen = await phones.enter_async_context(lonely.caller(f"7702000000{keys[0]}"))
            call, id_ = await lonely.call_in(citizen, keys)
            await lonely.until("callers", "call", id_)
            calls[language] = call
        async with away(lonely):
            await falls(lonely, 3)
            before = await queued(lonely)
            for language, call in calls.items():
                await hears_prompt(call, said("fallback_wait", language), times=2)
            assert len(before) == 3
            assert await queued(lonely) == before
            assert phone.log.find("invited") == []
            for call in calls.values():
                await call.hang_up()
    queues.write_text(shipped)
    await cli(lonely, "queue reload parameters")
    await lonely.nothing_left()


async def queued(centre: Centre) -> list[str]:
    """Who waits in Asterisk's own queue, first come first."""
    shown = await cli(centre, "queue show fallback")
    return re.findall(r"^ +\d+\. (PJSIP/trunk-\w+)", shown, re.MULTILINE)


async def test_a_redirect_that_crosses_the_fall_changes_nothing(lonely: Centre):
    async with (
        lonely.operator("pens1", FIRST, policy=Reject(480)) as phone,
        lonely.caller("77010000020") as citizen,
    ):
        await in_queue(lonely, "pens1")
        async with away(lonely):
            call = citizen.dial("1414")
            await call.answered()
            (channel,) = await falls(lonely)
            await hears_prompt(call, said("fallback_wait", "kk"))
            for context in ("acd-deliver", "acd-hold"):
                await cli(lonely, f"channel redirect {channel} {context},s,1")
                assert await falls(lonely) == [channel]
            phone.policy = AnswerAfter(ring_ms=100)
            rung = phone.log.find("invited")
            taken = await until(
                lambda: answered_call(phone), lambda found: found is not None, "an answer", 20
            )
            assert taken is not None and rung is not None
            await talk(taken, call)
            await call.hang_up()
            await logged(lonely, "77010000020")
    await lonely.nothing_left()


async def answered_call(phone: Phone) -> Call | None:
    return next((call for call in phone.calls if call.state == "answered"), None)


@pytest.mark.parametrize(
    ("operator", "language"), [("pens2", "ru"), ("eng1", "en"), ("gen1", "kk")]
)
async def test_a_feature_code_is_answered_in_the_operators_language(
    lonely: Centre, operator: str, language: str
):
    async with lonely.operator(operator, FIRST, ready=False) as phone:
        async with away(lonely):
            call = phone.dial("*1")
            await call.answered()
            began = await hears_prompt(call, said("op_not_now", language))
            await call.ended(timeout_ms=9000)
        answered = phone.log.find("answered")[0].at_ms
        assert began - answered < 1000
    await lonely.nothing_left()


async def test_every_call_leaves_one_line_with_what_it_was(lonely: Centre):
    async with lonely.operator("pens1", FIRST) as phone:
        async with lonely.caller("77010000031") as citizen:  # answered, ended by the operator
            call, id_ = await lonely.call_in(citizen, "22")
            taken = await phone.next_call()
            await talk(taken, call, ms=1500)
            await taken.hang_up()
            await call.ended()
            ending = await logged(lonely, "77010000031")
        assert (ending.call, ending.state, ending.operator) == (id_, "after", "pens1")
        assert ending.connected_at and ending.talk_ended_at and not ending.fallback_at
        story = await lonely.ended(id_)
        assert abs(ending.talk_ended_at - ending.connected_at - story["handle_s"] * 1000) < 1500
        assert (ending.language, ending.topic, ending.priority_s) == ("ru", "pension", 0)
        await lonely.until("operators", "operator", "pens1", state="ready")

        async with lonely.caller("77010000032") as citizen:  # gives up in the whisper
            call, id_ = await lonely.call_in(citizen, "22")
            taken = await phone.next_call()
            await taken.wait_for("acked")
            await call.hang_up()
            ending = await logged(lonely, "77010000032")
        assert (ending.state, ending.operator, ending.connected_at) == ("ring", "pens1", None)
    async with lonely.caller("77010000033") as citizen:  # gives up waiting
        call, id_ = await lonely.call_in(citizen, "22")
        await lonely.until("callers", "call", id_)
        await call.hang_up()
        ending = await logged(lonely, "77010000033")
    assert (ending.state, ending.operator, ending.connected_at) == ("hold", None, None)
    async with lonely.caller("77010000034") as citizen:  # gives up in the menu
        call, _ = await lonely.call_in(citizen, "")
        await call.hang_up()
        ending = await logged(lonely, "77010000034")
    assert (ending.state, ending.queued_at) == ("menu", None)
    await lonely.nothing_left()


async def test_nothing_a_caller_or_a_stranger_sends_can_stand_in_the_log_of_calls(lonely: Centre):
    forged = b"ACDEND call=forged state=talk op=pens1 ta=1 at=2"
    calls = lonely.var / "asterisk" / "log" / "calls"
    before = calls.read_bytes().count(b"\n")
    async with lonely.caller("77010000040") as citizen:
        for name in (b'"%s"' % forged, b'"x\x0b[Nov 1 00:00:00] CALL[1]: %s\x0b"' % forged):
            call = citizen.dial("1414", display_name=name)
            await call.answered()
            await call.hang_up()
    async with Phone("ACDEND-call=forged", server=lonely.sip, password="x") as stranger:
        refused = await stranger.register()
        assert refused is not None and refused.code >= 400
    await lonely.nothing_left()
    lines = calls.read_text().splitlines()[before:]
    assert len(lines) == 2
    shape = r"\[[^]]+\] CALL\[\d+\]\[C-[0-9a-f]+\] Ext\. s: ACDEND call=n1-[\d.]+ "
    shape += r"number=\+?\d{0,20} lang=\w* q=\S* t0=\d{13} qt0=\d* fb0=\d* state=[\w-]+ op=\w* "
    shape += r"ta=\d* te=\d* msg=\S* at=\d{13}"
    assert [line for line in lines if not re.fullmatch(shape, line)] == []
    assert b"forged" not in calls.read_bytes()
