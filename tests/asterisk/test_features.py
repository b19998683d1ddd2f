"""What operators do: on their phone, by command, over a restart; each with what they hear."""

import asyncio
import contextlib
import json
import os
import signal

import pytest

from acd.core.names import OperatorId
from acd.store import Records
from tests.asterisk.centre import Centre, Row, ServiceError, talk
from tests.asterisk.prompts import hears_prompt, said
from tests.sip import Call, CallFailed, Phone


async def dial_code(phone: Phone, code: str) -> Call:
    """A feature call, answered."""
    call = phone.dial(code)
    await call.answered()
    return call


async def stands(centre: Centre, operator: str, state: str, reason: str | None = None) -> Row:
    """Wait until `acd operators` says so."""
    return await centre.until("operators", "operator", operator, state=state, reason=reason)


@pytest.mark.parametrize(
    ("operator", "language"), [("pens2", "ru"), ("eng1", "en"), ("gen1", "kk")]
)
async def test_ready_and_log_out_are_confirmed_in_the_operators_language(
    centre: Centre, operator: str, language: str
):
    async with centre.operator(operator, 600, ready=False) as phone:
        call = await dial_code(phone, "*1")
        await hears_prompt(call, said("op_ready", language))
        await call.ended()
        await stands(centre, operator, "ready")
        call = await dial_code(phone, "*0")
        await hears_prompt(call, said("op_logged_out", language))
        await call.ended()
        await stands(centre, operator, "offline")
    await centre.nothing_left()


async def test_a_pause_takes_its_reason_from_the_code_or_asks_for_it(centre: Centre):
    async with centre.operator("pens1", 600) as phone:
        call = await dial_code(phone, "*21")
        await hears_prompt(call, said("op_paused_break", "ru"))
        await call.ended()
        await stands(centre, "pens1", "paused", "break")

        call = await dial_code(phone, "*2")
        await hears_prompt(call, said("op_paused_choose", "ru"))
        await call.press("2")
        await hears_prompt(call, said("op_paused_lunch", "ru"))
        await call.ended()
        await stands(centre, "pens1", "paused", "lunch")

        call = await dial_code(phone, "*1")
        await hears_prompt(call, said("op_ready", "ru"))
        await call.ended()
        await stands(centre, "pens1", "ready")
    await centre.nothing_left()


async def test_a_digit_without_a_reason_is_refused_and_changes_nothing(centre: Centre):
    async with centre.operator("pens1", 600) as phone:
        call = await dial_code(phone, "*29")
        await hears_prompt(call, said("op_refused", "ru"))
        await call.ended()
        await stands(centre, "pens1", "ready")
    await centre.nothing_left()


async def test_an_operator_phone_calls_nothing_but_feature_codes(centre: Centre):
    async with centre.operator("pens1", 600, ready=False) as phone:
        for number in ("1414", "begin", "*4", "112"):
            call = phone.dial(number)
            with pytest.raises(CallFailed) as refusal:
                await call.answered()
            assert refusal.value.code in (404, 484), number
    await centre.nothing_left()


async def test_wrap_up_ends_by_the_phone(annex: Centre):
    async with annex.operator("pens2", 600) as phone, annex.caller() as citizen:
        call, id_ = await annex.call_in(citizen, "22")
        taken = await phone.next_call()
        await talk(taken, call)
        await call.hang_up()
        await taken.ended()
        await stands(annex, "pens2", "wrap_up")
        code = await dial_code(phone, "*3")
        await hears_prompt(code, said("op_wrap_up_done", "ru"))
        await code.ended()
        await stands(annex, "pens2", "ready")
        await annex.ended(id_)
    await annex.nothing_left()


async def test_an_operator_who_is_dialling_a_code_is_not_rung(centre: Centre):
    async with centre.operator("pens1", 600) as phone, centre.caller() as citizen:
        code = await dial_code(phone, "*2")
        await hears_prompt(code, said("op_paused_choose", "ru"))
        await stands(centre, "pens1", "paused", "phone_in_use")
        call, id_ = await centre.call_in(citizen, "22")
        await centre.until("callers", "call", id_, stage="waiting")
        assert (await centre.story(id_))["decisions"][-1]["refused"]["phone_in_use"] == 1
        assert not phone.log.find("invited")
        await code.hang_up()
        taken = await phone.next_call()
        assert (await centre.story(id_))["decisions"][-1]["taken"] == "pens1"
        await talk(taken, call)
        await call.hang_up()
        await centre.ended(id_)
    await centre.nothing_left()


async def test_a_wrong_password_registers_nobody(centre: Centre):
    async with Phone("eds1", server=centre.sip, password="wrong") as phone:
        response = await phone.register()
        assert response is not None
        assert response.code in (401, 403)
    async with Phone("nobody", server=centre.sip, password="wrong") as phone:
        stranger = await phone.register()
        assert stranger is not None
        assert stranger.code == response.code, "which ids exist is nobody's business"
    row = await centre.row("operators", "operator", "eds1")
    assert (row["phone"], row["state"]) == ("unreachable", "offline")
    assert centre.asterisk("pjsip show contacts").count("sip:eds1@") == 0


async def test_the_commands_do_what_the_phone_does(centre: Centre):
    async with centre.operator("pens1", 600, ready=False):

        async def command(*words: str) -> str:
            done = await asyncio.to_thread(centre.acd, "operator", *words)
            assert (done.returncode, done.stderr) == (0, "")
            return done.stdout

        assert await command("ready", "pens1") == "pens1 is ready\n"
        await stands(centre, "pens1", "ready")
        assert await command("pause", "pens1", "--reason", "lunch") == "pens1 is paused (lunch)\n"
        await stands(centre, "pens1", "paused", "lunch")
        standing = json.loads(await command("wrap-up", "pens1", "--json"))
        assert (standing["state"], standing["reason"]) == ("paused", "lunch")
        assert await command("logout", "pens1") == "pens1 is logged out\n"
        await stands(centre, "pens1", "offline")


async def test_ready_without_a_phone_says_what_is_missing(centre: Centre):
    try:
        done = await asyncio.to_thread(centre.acd, "operator", "ready", "eds1")
        assert (done.returncode, "not registered" in done.stdout) == (0, True)
    finally:
        await centre.ask("operator", action="logout", operator="eds1")


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("ready", "nobody"), 1, "there is no operator 'nobody'"),
        (("ready", ""), 1, "there is no operator ''"),
        (("pause", "pens1", "--reason", "tea"), 1, "'tea' is not a reason for a pause; known: "),
        (("fly", "pens1"), 2, "invalid choice: 'fly'"),
        (("ready",), 2, "ID"),
    ],
)
def test_a_wrong_command_is_refused_in_a_line(
    centre: Centre, words: tuple[str, ...], status: int, told: str
):
    done = centre.acd("operator", *words)
    assert done.returncode == status
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert status == 2 or done.stderr.count("\n") == 1


async def test_the_socket_refuses_an_action_it_does_not_know(centre: Centre):
    with pytest.raises(ServiceError, match="'fly' is not something an operator does"):
        await centre.ask("operator", action="fly", operator="pens1")


async def test_log_in_and_pause_outlive_the_service(annex: Centre):
    async with annex.operator("pens1", 600) as lunch, annex.operator("pens2", 700) as ready:
        await annex.ask("operator", action="pause", operator="pens1", reason="lunch")
        before = (await annex.ask("status"))["started_at"]
        await on_disk(annex, "pens1", pause="lunch")
        os.kill(annex.child("serve"), signal.SIGKILL)
        await restarted(annex, before)
        await stands(annex, "pens1", "paused", "lunch")
        await stands(annex, "pens2", "ready")
        async with annex.caller() as citizen:
            call, id_ = await annex.call_in(citizen, "22")
            taken = await ready.next_call()
            await talk(taken, call, operator=700)
            await call.hang_up()
            await annex.ended(id_)
        assert not lunch.log.find("invited")
    await annex.nothing_left()


async def on_disk(centre: Centre, operator: str, *, pause: str) -> None:
    """Wait until an operator's pause is in the database: a moment after it is in force."""
    with contextlib.closing(Records.open(f"sqlite:///{centre.var / '1414.sqlite'}")) as records:
        async with asyncio.timeout(5):
            while True:
                now = records.operators_now().get(OperatorId(operator))
                if now is not None and now.pause == pause:
                    return
                await asyncio.sleep(0.02)


async def restarted(centre: Centre, before: str, timeout_s: float = 20) -> None:
    """Wait until a service younger than that answers and has its link to Asterisk."""
    async with asyncio.timeout(timeout_s):
        while True:
            try:
                status = await centre.ask("status")
                if status["started_at"] > before and status["ami_up"]:
                    return
            except OSError:
                pass
            await asyncio.sleep(0.05)
