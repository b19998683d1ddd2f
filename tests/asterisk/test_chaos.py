"""About a minute of calls while service and link are killed, stopped, cut and made deaf at random.

Afterwards every call is on record as it was, nobody was cut off and nothing is left over. The seed
is printed first; CHAOS_SEED=… makes the same faults and callers come again.
"""

import asyncio
import contextlib
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.asterisk.annex import SHORT_MENU
from tests.asterisk.centre import FILES
from tests.asterisk.chaos.citizens import Citizens
from tests.asterisk.chaos.reckoning import disagreements, figures_disagree
from tests.asterisk.chaos.site import FAULTS, Site
from tests.sip import AnswerAfter, Call, Phone

PLACING_S = 40
PER_S = 1.5
FIRST_NUMBER = 77_010_200_001
STAFF = ("pens1", "pens2", "gen1", "eds1", "begin", "eng1")
STAFF_FILES = {
    **FILES,
    "operators.yaml": "schema: 1\noperators:\n"
    + "".join(
        f"  {id_}: {{shift: A, languages: {{ru: 5}}, topics: {{pension: 5}}}}\n" for id_ in STAFF
    ),
}
MENU = f"""\
{SHORT_MENU.partition("nodes:")[0]}nodes:
  language:
    type: language
    attempts: 1
    options: [{{key: "2", language: ru, label: "Русский язык"}}]
    next: operator
    on_fail: {{set: {{language: ru}}, goto: operator}}
  operator: {{type: queue, topic: pension}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A centre of its own whose menu queues who presses nothing after three seconds."""
    dialplans = tmp_path / "dialplans"
    dialplans.mkdir()
    (dialplans / "chaos.yaml").write_text(MENU, encoding="utf-8")
    running = Site(tmp_path / "s", STAFF_FILES, dialplans)
    running.start()
    yield running
    assert running.stop() == 0


@pytest.mark.skipif(shutil.which("sipp") is None, reason="sipp is not installed (sip-tester)")
@pytest.mark.timeout(180)
async def test_whatever_happens_to_the_service_no_call_is_lost_or_misrecorded(site: Site):
    seed = int(os.environ.get("CHAOS_SEED", "1414"))
    print(f"CHAOS_SEED={seed}")
    chance = random.Random(seed)
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        staff = [await stack.enter_async_context(worker(site, id_)) for id_ in STAFF]
        tempers = [random.Random(chance.random()) for _ in staff]
        at_work = [
            loop.create_task(work(phone, temper), name=phone.user)
            for phone, temper in zip(staff, tempers, strict=True)
        ]
        async with Citizens(site.folder / "sipp", site.sip) as citizens:
            trouble = loop.create_task(make_trouble(site, random.Random(chance.random())))
            await place_calls(citizens, random.Random(chance.random()))
            faults = await trouble
            await citizens.all_over(timeout_s=40)
        for task in at_work:
            task.cancel()
        await asyncio.gather(*at_work, return_exceptions=True)
        await site.nothing_left(timeout_s=20)
        for phone in staff:
            await site.until("operators", "operator", phone.user, timeout_s=15, state="ready")
        rows = await complete_records(site, len(citizens.told))
        queues = await site.ask("queues")
        status = await site.ask("status")
    said_goodbye = sum(len(phone.log.find("bye-sent")) for phone in staff)
    told = Counter(citizens.told.values())
    print(f"{faults}\n{told}\n{Counter(row['outcome'] for row in rows)}")
    print(f"{sum(row['fallback'] for row in rows)} by the fallback; repairs {status['repairs']}")
    assert "unexpected error" not in site.log, "the service fell by itself"
    wrong = disagreements(citizens.told, site.endings(), rows) + figures_disagree(queues, rows)
    assert wrong == [], f"CHAOS_SEED={seed}\n" + "\n".join(wrong)
    assert told["was hung up on"] <= said_goodbye, "somebody was cut off in conversation"
    assert status["failures"] == 0
    assert told["hung up"] > 10 and len(faults) >= 4


@contextlib.asynccontextmanager
async def worker(site: Site, id_: str):
    """An operator's phone without sound, whose operator is ready."""
    policy = AnswerAfter(ring_ms=100)
    async with Phone(id_, server=site.sip, password=site.password(id_), policy=policy) as phone:
        await phone.register()
        await site.until("operators", "operator", id_, phone="free")
        await site.ask("operator", action="ready", operator=id_)
        yield phone


async def work(phone: Phone, chance: random.Random) -> None:
    """Every other conversation is ended by the operator, after whisper and a few seconds."""
    while True:
        call = await phone.next_call(timeout_ms=600_000)
        if chance.random() < 0.5:
            await leave(call, chance.uniform(4, 7))


async def leave(call: Call, after_s: float) -> None:
    """Hang up after so long, unless the other side does so before."""
    loop = asyncio.get_running_loop()
    until = loop.time() + after_s
    while call.state != "ended" and loop.time() < until:
        await asyncio.sleep(0.05)
    if call.state == "answered":
        await call.hang_up()


async def place_calls(citizens: Citizens, chance: random.Random) -> None:
    """One after another at random distances; every fourth leaves in the menu."""
    began, number = time.monotonic(), FIRST_NUMBER
    while time.monotonic() - began < PLACING_S:
        patience_s = chance.uniform(0.5, 2.5) if chance.random() < 0.25 else chance.uniform(4, 14)
        citizens.dial(str(number), round(patience_s * 1000))
        number += 1
        await asyncio.sleep(chance.expovariate(PER_S))


async def make_trouble(site: Site, chance: random.Random) -> list[str]:
    """One fault after another, from a blink to six seconds; what was done."""
    done: list[str] = []
    until = time.monotonic() + PLACING_S
    async with site.watch() as asterisk:
        while time.monotonic() < until:
            await asyncio.sleep(chance.uniform(1, 4))
            fault, for_s = chance.choice(FAULTS), chance.choice((0.3, 1.5, 3, 6))
            done.append(f"{fault} {for_s} s")
            since = int(time.time())
            site.begin(fault)
            try:
                await asyncio.sleep(for_s)
            finally:
                site.end(fault)
            if chance.random() < 0.5:  # else the next one comes before it has recovered
                await site.back(asterisk, since)
        await site.back(asterisk, int(time.time()))
    return done


async def complete_records(site: Site, count: int) -> list[dict[str, object]]:
    """Every call's row, once all are closed; what there is when that takes too long."""
    rows: list[dict[str, object]] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(45):
            while len(rows) < count or any(row["ended_at"] is None for row in rows):
                await asyncio.sleep(0.3)
                rows = await site.ask("calls", limit=10_000)
    return rows
