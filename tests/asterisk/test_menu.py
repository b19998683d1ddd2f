"""The menu on a real line: what is pressed is obeyed, what is heard is in the right language."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from ivr.core.menu import Clip
from ivr.core.speech import option_clip
from tests.asterisk.centre import Centre, Row, events, talk
from tests.asterisk.prompts import hears_prompt, last_heard, menu, opening, times_heard
from tests.sip import Call, CallFailed, Phone

GREETING = opening("language", "kk")
KAZAKH = option_clip(menu(), menu().nodes["language"].options[0], "kk")


async def queued(centre: Centre, call: str, **wanted: object) -> Row:
    """The row of the caller once they wait for an operator, which nobody here is."""
    return await centre.until("callers", "call", call, **wanted)


def keys_of(story: Row) -> list[tuple[str, str | None, str | None]]:
    """(node, key, result) of each menu line."""
    menu_lines = [line for line in story["timeline"] if line["event"] == "menu"]
    return [(line["node"], line["key"], line["result"]) for line in menu_lines]


@pytest.mark.parametrize(("key", "language"), [("1", "kk"), ("2", "ru"), ("3", "en")])
async def test_the_language_key_changes_what_is_heard_and_what_is_recorded(
    centre: Centre, key: str, language: str
):
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, key)
        await hears_prompt(call, opening("main", language))
        await call.press("5")
        await queued(centre, id_, queue="general", language=language)
        others = [each for each in ("kk", "ru", "en") if each != language]
        assert not any(times_heard(call, opening("main", other)) for other in others)
        await call.hang_up()
        story = await centre.ended(id_)
    assert (story["language"], story["outcome"]) == (language, "abandoned")
    assert keys_of(story)[:2] == [("language", key, "match"), ("main", "5", "match")]
    await centre.nothing_left()


async def test_keys_dialled_as_fast_as_a_speed_dial_all_count(centre: Centre):
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "")
        await call.press("2*3*22", on_ms=80, off_ms=60)
        row = await queued(centre, id_, language="ru", queue="social")
        assert row["topic"] == "pension"
        await call.hang_up()
        story = await centre.ended(id_)
    assert [key for _, key, _ in keys_of(story) if key] == list("2*3*22")
    assert not times_heard(call, opening("main", "ru")), "a caller who knows the keys need not wait"
    await centre.nothing_left()


async def test_a_key_stops_the_prompt_and_the_next_begins_soon(centre: Centre):
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "")
        greeted = await hears_prompt(call, GREETING)
        await call.hears("other", at_least_ms=300)
        pressed = asyncio.get_running_loop().time() * 1000
        await call.press("2", on_ms=80, off_ms=60)
        began = await hears_prompt(call, opening("main", "ru"))
        await call.hang_up()
        await centre.ended(id_)
    assert greeted < pressed
    assert last_heard(call, GREETING) - pressed < 350
    assert 400 < began - pressed < 1300, "half a second to lift the handset, then at once"
    await centre.nothing_left()


async def test_a_wrong_key_is_named_wrong_and_the_menu_is_played_again(centre: Centre):
    wrong_kk = Clip("kk", menu().phrases["kk"].nomatch)
    wrong_ru = Clip("ru", menu().phrases["ru"].nomatch)
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "9")
        said = await hears_prompt(call, wrong_kk)
        assert await hears_prompt(call, KAZAKH) > said
        await call.press("2")
        await hears_prompt(call, opening("main", "ru"))
        await call.press("8")
        await hears_prompt(call, wrong_ru)
        await hears_prompt(call, opening("main", "ru"), times=2)
        await call.hang_up()
        story = await centre.ended(id_)
    assert [line for line in keys_of(story) if line[1]] == [
        ("language", "9", "nomatch"),
        ("language", "2", "match"),
        ("main", "8", "nomatch"),
    ]
    await centre.nothing_left()


async def test_star_goes_back_to_the_languages_and_hash_repeats(centre: Centre):
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "")
        await hears_prompt(call, GREETING)
        await call.press("3")
        await hears_prompt(call, opening("main", "en"))
        await call.press("#")
        await hears_prompt(call, opening("main", "en"), times=2)
        await call.press("*")
        await hears_prompt(call, GREETING, times=2)
        await call.press("2")
        await hears_prompt(call, opening("main", "ru"))
        await call.hang_up()
        story = await centre.ended(id_)
    assert story["language"] == "ru"
    assert [key for _, key, _ in keys_of(story) if key] == ["3", "#", "*", "2"]
    await centre.nothing_left()


@pytest.mark.parametrize(
    ("keys", "language"), [("0", "kk"), ("20", "ru"), ("390", "en"), ("2#*0", "ru")]
)
async def test_zero_brings_a_person_from_everywhere(centre: Centre, keys: str, language: str):
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, keys)
        row = await queued(centre, id_, queue="general", language=language)
        assert row["topic"] == "general"
        await call.hang_up()
        await centre.ended(id_)
    await centre.nothing_left()


async def test_zero_in_the_goodbye_brings_another_person(centre: Centre):
    goodbye = menu().nodes["goodbye"]
    async with centre.operator("pens1", 600) as phone, centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22")
        taken = await phone.next_call()
        await talk(taken, call)
        await taken.hang_up()
        await hears_prompt(call, Clip("ru", goodbye.prompt[0].texts["ru"]))
        await call.press("0")
        await queued(centre, id_, queue="general")
        await call.hang_up()
        await centre.ended(id_)
    await centre.nothing_left()


async def test_silence_in_every_menu_ends_at_a_person(annex: Centre):
    plan = menu(annex.dialplans)
    silence = Clip("ru", plan.phrases["ru"].noinput)
    promise = Clip("ru", plan.phrases["ru"].to_operator)

    async def silent_in_the_topics(call: Call, id_: str) -> None:
        await hears_prompt(call, promise, timeout_s=30)
        await queued(annex, id_, queue="social", topic="social", language="ru")
        assert len(times_heard(call, silence, is_slow=True)) == 2, "after silence it is slower"
        await call.hang_up()
        story = await annex.ended(id_)
        results = [result for node, _, result in keys_of(story) if node == "main"]
        assert results == ["noinput", "noinput", "noinput", "fail"]

    async def silent_in_the_languages(call: Call, id_: str) -> None:
        await hears_prompt(call, opening("main", "kk", plan=plan), timeout_s=30)
        assert len(times_heard(call, silence, is_slow=True)) == 1
        await call.hang_up()
        story = await annex.ended(id_)
        results = [result for node, _, result in keys_of(story) if node == "language"]
        assert (results, story["language"]) == (["noinput", "noinput", "fail"], "kk")

    async with annex.caller() as first, annex.caller("77010002233") as second:
        await asyncio.gather(
            silent_in_the_topics(*await annex.call_in(first, "2")),
            silent_in_the_languages(*await annex.call_in(second, "")),
        )
    await annex.nothing_left()


async def test_callers_who_leave_in_the_menu_leave_only_their_record_behind(centre: Centre):
    async with contextlib.AsyncExitStack() as phones:
        calls = []
        for number in range(8):
            citizen = await phones.enter_async_context(centre.caller(f"7701000000{number}"))
            calls.append(await centre.call_in(citizen, "2"))
        for call, _ in calls:
            await hears_prompt(call, opening("main", "ru"))
            await call.hang_up()
        stories = [await centre.ended(id_) for _, id_ in calls]
        await centre.nothing_left()
    for story in stories:
        assert (story["outcome"], story["language"], story["topic"]) == ("left_menu", "ru", None)
        assert events(story)[-1] == "ended"
    assert [keys_of(story)[-1] for story in stories] == [("main", None, "hangup")] * 8


HOSTILE = {
    "quotes": '"; DROP TABLE calls; -- \\',
    "commas": "A,Op: op9",
    "dialplan": "${SHELL(touch hacked)}|${HANGUPCAUSE}",
    "line breaks": b'"A\x0bAction: Logoff\x0b\x0bEvent: Hangup"',
    "bad utf-8": b'"\xff\xfe\xc3(\xed\xa0\x80"',
    "a long one": "Ж" * 450,
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_caller_name_is_only_a_name(centre: Centre, kind: str):
    before = await centre.ask("status")
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22", display_name=HOSTILE[kind])
        await queued(centre, id_, queue="social", language="ru")
        await call.hang_up()
        story = await centre.ended(id_)
    assert story["outcome"] == "abandoned"
    after = await centre.ask("status")
    assert (after["failures"], after["ami_up"]) == (before["failures"], True)
    await centre.nothing_left()


@pytest.mark.parametrize(
    "user", ["pens1", "anonymous", "7701%0D%0AAction:%20Logoff", "1414", "%22%2C%24%7BEPOCH%7D"]
)
async def test_whatever_number_is_shown_the_caller_is_a_citizen(centre: Centre, user: str):
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22", from_user=user)
        await queued(centre, id_, queue="social")
        row = await centre.row("operators", "operator", "pens1")
        assert row["state"] == "offline"
        await call.hang_up()
        await centre.ended(id_)
    await centre.nothing_left()


@pytest.mark.parametrize("number", ["1415", "141", "14141", "*1", "s", "pens1", "acd-hold"])
async def test_only_the_number_itself_is_answered(centre: Centre, number: str):
    async with centre.caller() as citizen:
        call = citizen.dial(number)
        with pytest.raises(CallFailed) as refusal:
            await call.answered()
    assert refusal.value.code in (404, 484)
    await centre.nothing_left()


@pytest.mark.parametrize("user", ["77010001122", "pens1"])
async def test_a_caller_from_elsewhere_than_the_trunk_is_not_let_in(centre: Centre, user: str):
    async with Phone(user, server=centre.sip, password="guess", tone_hz=500) as stranger:
        call = stranger.dial("1414")
        with pytest.raises(CallFailed) as refusal:
            await call.answered()
    assert refusal.value.code in (401, 403)
    await centre.nothing_left()


def test_no_caller_made_a_file(centre: Centre):
    assert not list(Path().glob("hacked")) and not list(centre.folder.rglob("hacked"))


@pytest.mark.parametrize("ending", ["%0d%0a", "%0a", "%0d"])
async def test_a_caller_cannot_forge_events_about_another(centre: Centre, ending: str):
    """SIP lets a From name any bytes; they must reach neither AMI events nor FastAGI."""
    async with centre.caller("77010000001") as victim, centre.caller("77010000002") as forger:
        waiting, id_ = await centre.call_in(victim, "22")
        await centre.until("callers", "call", id_)
        forged = ["1", "", "Event: UserEvent", "UserEvent: ACDFallback", f"Call: {id_}"]
        forged += ["", f"agi_uniqueid: {id_}", "agi_arg_1: 5", ""]
        user = ending.join(line.replace(" ", "%20").replace(":", "%3a") for line in forged)
        call, other = await centre.call_in(forger, "0", from_user=user)
        await centre.until("callers", "call", other, topic="general")
        row = await centre.row("callers", "call", id_)
        assert (row["topic"], row["language"], row["stage"]) == ("pension", "ru", "waiting")
        await call.hang_up()
        await waiting.hang_up()
        assert (await centre.ended(other))["outcome"] == "abandoned"
        story = await centre.ended(id_)
    assert "fallback" not in [entry["event"] for entry in story["timeline"]]
    assert [entry["key"] for entry in story["timeline"] if entry.get("key")] == ["2", "2"]
    await centre.nothing_left()


@pytest.mark.parametrize("name", ["", "Айгүл", "a:b@c; 12", '12 \\"34\\" <5>', "1" * 300])
async def test_the_number_on_record_is_the_callers_whatever_the_name_says(
    centre: Centre, name: str
):
    async with centre.caller("77010001122") as citizen:
        call, id_ = await centre.call_in(citizen, "", display_name=name)
        await call.hang_up()
        story = await centre.ended(id_)
    shown = "77010****22" if "<" not in name else story["number"]
    assert story["number"] == shown
    assert len(story["number"]) <= 24
    await centre.nothing_left()
