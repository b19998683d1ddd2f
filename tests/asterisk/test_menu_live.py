"""Menus that change while people call: reload, news, messages, and the way to another house."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.core.menu import Clip
from tests.asterisk.centre import FILES, SERVICE, Centre, Row, events, give_voice
from tests.asterisk.prompts import hears_prompt, times_heard
from tests.sip import AnswerAfter, Call, Phone, Reject
from tests.unit.sounds import speak

MENU = """\
schema: 1
id: live
languages: [ru, en]
timezone: Asia/Almaty
entry: news
defaults: {first_digit_timeout: "4s", on_fail: operator}
nodes:
  news:
    type: branch
    when: [{if: "config.broadcast.active", goto: told}]
    else: main
  told: {type: say, prompt: "@broadcast", next: main}
  main:
    type: menu
    intro: {ru: "Это первая редакция главного меню.", en: "This is the first main menu."}
    options:
      - {key: "1", label: {ru: "Оставить сообщение", en: "a message"}, goto: message}
      - {key: "2", label: {ru: "Служба спасения", en: "the rescue service"}, goto: rescue}
  message:
    type: voicemail
    prompt: {ru: "Говорите после сигнала.", en: "Speak after the tone."}
    max: "30s"
    next: bye
  rescue:
    type: transfer
    number: "112"
    prompt: {ru: "Соединяем со службой спасения.", en: "Connecting you to the rescue service."}
    next: bye
    on_busy: busy
    on_noanswer: operator
  busy: {type: say, prompt: {ru: "Там сейчас занято.", en: "They are busy."}, next: main}
  operator: {type: queue, topic: general, next: bye}
  bye: {type: hangup, prompt: {ru: "Спасибо, до свидания.", en: "Thank you, goodbye."}}
globals:
  "0": {goto: operator, label: {ru: "Оператор", en: "an operator"}}
  "*": back
  "#": repeat
"""
NEW_MENU = MENU.replace("первая редакция", "вторая редакция")
TYPO = NEW_MENU.replace("goto: message", "goto: mesage")
FIRST = Clip("ru", "Это первая редакция главного меню.")
SECOND = Clip("ru", "Это вторая редакция главного меню.")
STORM = Clip("ru", "Внимание, ожидается сильный шторм.")
BROADCASTS = """\
schema: 1
broadcasts:
  storm: {ru: "Внимание, ожидается сильный шторм.", en: "A heavy storm is on its way."}
"""


@pytest.fixture(scope="module")
def rescue_port() -> int:
    """Where the other house answers."""
    from tests.asterisk.centre import free_ports

    return free_ports(1)[0]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, rescue_port: int):
    """A centre whose menus the tests change."""
    folder = tmp_path_factory.mktemp("l")
    dialplans: Path = folder / "dialplans"
    (dialplans / "tables").mkdir(parents=True)
    (dialplans / "live.yaml").write_text(MENU, encoding="utf-8")
    (dialplans / "tables" / "broadcasts.yaml").write_text(BROADCASTS, encoding="utf-8")
    speak(dialplans / "prompts", [STORM, Clip("en", "A heavy storm is on its way.")])
    service = SERVICE.replace("[kk, ru, en]", "[ru, en]")
    service += f'transfers: {{{{"112": "sip:112@127.0.0.1:{rescue_port}"}}}}\n'
    files = {**FILES, "service.yaml": service}
    files["skills.yaml"] = "\n".join(
        line.replace(line[line.index("kk: ") : line.index("ru: ")], "") if "kk: " in line else line
        for line in files["skills.yaml"].splitlines()
    )
    files["operators.yaml"] = files["operators.yaml"].replace("kk: ", "en: ")
    files["operators.yaml"] = "\n".join(
        line for line in files["operators.yaml"].splitlines() if "eng1" not in line
    )
    running = Centre(folder, files, dialplans)
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture
async def rescue(rescue_port: int) -> AsyncIterator[Phone]:
    """The rescue service's telephone."""
    phone = Phone("112", tone_hz=700, policy=AnswerAfter(ring_ms=300))
    await phone.open(rescue_port)
    yield phone
    await phone.close()


def write(live: Centre, text: str) -> None:
    (live.dialplans / "live.yaml").write_text(text, encoding="utf-8")
    give_voice(live.dialplans)


async def acd(live: Centre, *words: str) -> tuple[int, str, str]:
    done = await asyncio.to_thread(live.acd, *words)
    return done.returncode, done.stdout, done.stderr


async def alerts(live: Centre) -> list[str]:
    return [row["what"] for row in (await live.ask("monitor"))["alerts"]]


async def test_a_reload_is_heard_by_the_next_caller_and_no_call_is_disturbed(live: Centre):
    async with live.caller("77010000001") as first, live.caller("77010000002") as second:
        old, old_id = await live.call_in(first, "")
        await hears_prompt(old, FIRST)
        write(live, TYPO)
        status, out, err = await acd(live, "reload")
        assert (status, out) == (1, "")
        assert "live.yaml:17:" in err and "did you mean 'message'?" in err
        assert any("live.yaml:17:" in what for what in await alerts(live))
        await old.press("#")
        await hears_prompt(old, FIRST, times=2)

        write(live, NEW_MENU)
        status, out, err = await acd(live, "reload")
        assert (status, err) == (0, ""), err
        assert "changed: menu live" in out
        assert not any("live.yaml" in what for what in await alerts(live))
        new, new_id = await live.call_in(second, "")
        await hears_prompt(new, SECOND)
        await old.press("#")
        await hears_prompt(old, FIRST, times=3)
        assert not times_heard(old, SECOND) and not times_heard(new, FIRST)
        await old.hang_up()
        await new.hang_up()
        for id_ in (old_id, new_id):
            assert (await live.ended(id_))["outcome"] == "left_menu"
    await live.nothing_left()


async def in_use(live: Centre) -> str:
    done = await asyncio.to_thread(live.ivr, "versions", "--json")
    assert done.returncode == 0, done.stderr
    [version] = [row["version"] for row in json.loads(done.stdout) if row["in_use"]]
    return str(version)


async def by_signal(live: Centre, before: str) -> str:
    """The version in use after a SIGHUP, which is another than before."""
    os.kill(live.child("serve"), signal.SIGHUP)
    async with asyncio.timeout(20):
        while (now := await in_use(live)) == before:
            await asyncio.sleep(0.1)
    return now


async def test_a_signal_takes_a_new_menu_and_a_rollback_the_former_one_into_use(live: Centre):
    write(live, MENU)
    await live.ask("reload")
    former = await in_use(live)
    write(live, NEW_MENU)
    new = await by_signal(live, former)
    async with live.caller("77010000003") as citizen:
        call, id_ = await live.call_in(citizen, "")
        await hears_prompt(call, SECOND)
        await call.hang_up()
        await live.ended(id_)

        done = await asyncio.to_thread(live.ivr, "rollback", former)
        assert done.returncode == 0, done.stderr
        assert f"is version {former} again" in done.stdout
        assert await in_use(live) == former != new
        call, id_ = await live.call_in(citizen, "")
        await hears_prompt(call, FIRST)
        await call.hang_up()
        await live.ended(id_)
    await live.nothing_left()


async def test_news_are_heard_as_soon_as_they_are_on_and_ops_see_them(live: Centre):
    write(live, MENU)
    await live.ask("reload")
    async with live.caller("77010000004") as before, live.caller("77010000005") as after:
        early, early_id = await live.call_in(before, "")
        await hears_prompt(early, FIRST)
        status, out, err = await acd(live, "broadcast", "on", "storm", "--until", "23:59")
        assert (status, err) == (0, "") and out.startswith("storm")
        call, id_ = await live.call_in(after, "")
        said = await hears_prompt(call, STORM)
        assert await hears_prompt(call, FIRST) > said
        assert not times_heard(early, STORM)
        assert any("broadcast storm is on until 23:59" in what for what in await alerts(live))
        await early.hang_up()
        await call.hang_up()
        await live.ended(id_)
        await live.ended(early_id)
    assert (await acd(live, "broadcast", "off", "storm"))[0] == 0
    assert not any("storm" in what for what in await alerts(live))
    await live.nothing_left()


async def messages(live: Centre, call: str) -> list[Row]:
    status, out, err = await acd(live, "messages", "--json")
    assert (status, err) == (0, "")
    return [row for row in json.loads(out) if row["call"] == call]


async def to_the_tone(call: Call) -> None:
    await hears_prompt(call, FIRST)
    await call.press("1")
    await hears_prompt(call, Clip("ru", "Говорите после сигнала."))
    await call.hears(1000)


async def test_a_message_is_kept_with_its_node_and_can_be_found(live: Centre):
    async with live.caller("77010000006") as citizen:
        call, id_ = await live.call_in(citizen, "")
        await to_the_tone(call)
        await asyncio.sleep(2.5)  # what the caller says: the phone's own tone
        await call.press("#")
        await hears_prompt(call, Clip("ru", "Спасибо, до свидания."))
        await call.wait_for("bye-received", timeout_ms=10_000)
        story = await live.ended(id_)
    assert "message_recorded" in events(story)
    assert story["outcome"] == "finished_in_menu"
    [row] = await messages(live, id_)
    assert (row["node"], row["language"], row["number"]) == ("message", "ru", "77010****06")
    assert 1.5 < row["length_s"] < 4.5
    assert row["file"].endswith(f"{id_}@message.wav")
    await live.nothing_left()


async def test_a_caller_who_hangs_up_while_speaking_has_left_a_message(live: Centre):
    async with live.caller("77010000007") as citizen:
        call, id_ = await live.call_in(citizen, "")
        await to_the_tone(call)
        await asyncio.sleep(2.5)
        await call.hang_up()
        story = await live.ended(id_)
    assert "message_recorded" in events(story)
    assert [row["node"] for row in await messages(live, id_)] == ["message"]
    await live.nothing_left()


async def to_the_rescue(live: Centre, citizen: Phone) -> tuple[Call, str]:
    call, id_ = await live.call_in(citizen, "")
    await hears_prompt(call, FIRST)
    await call.press("2")
    await hears_prompt(call, Clip("ru", "Соединяем со службой спасения."))
    return call, id_


async def test_a_caller_led_to_another_house_talks_there_and_comes_back(
    live: Centre, rescue: Phone
):
    async with live.caller("77010000008") as citizen:
        call, id_ = await to_the_rescue(live, citizen)
        taken = await rescue.next_call(timeout_ms=10_000)
        await asyncio.gather(taken.hears(500), call.hears(700))
        await taken.hang_up()
        await hears_prompt(call, Clip("ru", "Спасибо, до свидания."))
        await call.wait_for("bye-received", timeout_ms=10_000)
        story = await live.ended(id_)
    assert story["outcome"] == "finished_in_menu"
    assert [each for each in events(story) if each in ("led_out", "back")] == ["led_out", "back"]
    await live.nothing_left()


async def test_a_busy_house_brings_the_caller_back_to_the_menu(live: Centre, rescue: Phone):
    rescue.policy = Reject(486)
    async with live.caller("77010000009") as citizen:
        call, id_ = await to_the_rescue(live, citizen)
        await hears_prompt(call, Clip("ru", "Там сейчас занято."))
        await hears_prompt(call, FIRST, times=2)
        await call.hang_up()
        await live.ended(id_)
    await live.nothing_left()


async def test_a_house_that_is_not_there_brings_an_operator(live: Centre):
    async with live.caller("77010000010") as citizen:
        call, id_ = await to_the_rescue(live, citizen)
        await live.until("callers", "call", id_, timeout_s=40, queue="general")
        await call.hang_up()
        await live.ended(id_)
    await live.nothing_left()


async def test_what_callers_did_is_counted(live: Centre):
    done = await asyncio.to_thread(_funnel, live)
    rows = {row["node"]: row for row in json.loads(done)}
    assert rows["main"]["entered"] >= 3
    assert rows["main"]["gave_up"] >= 1 and rows["main"]["repeats"] >= 2
    assert rows["main"]["chose"].get("1", 0) >= 2


def _funnel(live: Centre) -> str:
    import subprocess
    import sys

    command = [sys.executable, "-m", "ivr", "funnel", "--config", str(live.config), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
