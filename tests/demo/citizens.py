"""A citizen: dials 1414, presses keys, waits, talks, says how it was, or loses patience before."""

import time
from dataclasses import dataclass

from tests.demo.ledger import Ledger, Placed
from tests.demo.script import Citizen
from tests.demo.voices import CITIZENS_HZ, OPERATORS_HZ, Ear, converse, frames, leave, until
from tests.sip import Call, Phone
from tests.sip.udp import Address

ANSWER_S = 10.0
ALONE_MS = 4_000
"""Nobody heard for so long after a talk: the operator has hung up, and the menu asks how it was."""
THANKS_S = 15.0
"""How long the menu may take to say good-bye."""


@dataclass(frozen=True, slots=True)
class Line:
    """Where citizens call from, and what they dial."""

    server: Address
    ip: str
    number: str


async def call_in(plan: Citizen, line: Line, ledger: Ledger) -> None:
    """The whole call; cancelled, the citizen hangs up."""
    voice = CITIZENS_HZ[plan.serial % len(CITIZENS_HZ)]
    phone = Phone(plan.number, server=line.server, ip=line.ip, tone_hz=voice)
    await phone.open()
    entry = ledger.place(plan.number, time.time())
    call = phone.dial(line.number)
    try:
        await until(lambda: call.state in ("answered", "ended"), ANSWER_S)
        if call.state == "answered":
            entry.reached = True
            await _talk(plan, call)
    finally:
        await _put_down(phone, call, entry)


async def _talk(plan: Citizen, call: Call) -> None:
    ear = Ear(call, frames(OPERATORS_HZ))
    for key, pause_ms in zip(plan.route.keys, plan.key_ms, strict=False):
        if await _ends_within(call, pause_ms):
            return
        await call.press(key)
    if plan.leaves_ms is not None:
        await _ends_within(call, plan.leaves_ms)
        return
    patience_ms = plan.patience_ms
    await converse(call, ear, talk_ms=plan.talk_ms, patience_ms=patience_ms, alone_ms=ALONE_MS)
    is_left = call.state == "answered" and 0 < ear.talked_ms < plan.talk_ms
    if is_left and plan.score is not None:
        await call.press(plan.score)
        await until(lambda: call.state == "ended", THANKS_S)


async def _ends_within(call: Call, ms: int) -> bool:
    return await until(lambda: call.state == "ended", ms / 1000)


async def _put_down(phone: Phone, call: Call, entry: Placed) -> None:
    try:
        await leave(call)
    finally:
        entry.reached = entry.reached or call.code == 200
        entry.over = True
        phone.vanish()
