"""The first real call: menu, whisper, conversation, goodbye, record; proved by what is heard."""

import json

from tests.asterisk.centre import Centre, events, talk
from tests.sip.listen import OTHER

CALLER, OPERATOR = 500, 600


async def test_a_caller_pressing_ru_and_a_topic_hears_the_operator_of_that_skill(centre: Centre):
    async with centre.operator("pens1", OPERATOR) as phone, centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22")
        taken = await phone.next_call()
        await talk(taken, call)
        monitor = json.loads(centre.acd("monitor", "--once", "--json").stdout)
        me = next(row for row in monitor["operators"] if row["operator"] == "pens1")
        assert (me["state"], me["queue"], me["language"]) == ("talking", "social", "ru")
        await taken.hang_up()
        ended = await call.wait_for("bye-received", timeout_ms=15_000)
        story = await centre.ended(id_)

    heard = call.hearing([OPERATOR])
    assert heard.last(OPERATOR) < ended.at_ms - 1000, "no goodbye was played"
    assert (story["outcome"], story["operator"], story["topic"]) == ("answered", "pens1", "pension")
    assert events(story)[:1] == ["arrived"]
    wanted = ["queued", "offered", "ringing", "operator_answered", "connected", "operator_hung_up"]
    assert [e for e in events(story) if e in wanted] == wanted
    assert events(story)[-1] == "ended"
    assert story["decisions"][0]["taken"] == "pens1"
    await centre.nothing_left()


async def test_the_whisper_is_under_two_seconds_and_the_caller_hears_music_meanwhile(
    centre: Centre,
):
    async with centre.operator("pens1", OPERATOR) as phone, centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22")
        taken = await phone.next_call()
        answered = await taken.wait_for("acked")
        await talk(taken, call)
        await call.hang_up()
        story = await centre.ended(id_)

    at_operator = taken.hearing([CALLER])
    at_caller = call.hearing([OPERATOR])
    whisper_ms = at_operator.first(CALLER, at_least_ms=300) - answered.at_ms
    assert 300 < whisper_ms < 2200
    spoken = [each for sound, each in at_operator.story() if sound == OTHER]
    assert sum(each.ms for each in spoken) > 300, "no whisper was heard"
    assert (
        at_caller.first(OPERATOR, at_least_ms=300) - at_operator.first(CALLER, at_least_ms=300)
        < 200
    )
    assert (
        at_caller.longest_silence(answered.at_ms, at_caller.first(OPERATOR, at_least_ms=300)) < 400
    )
    assert story["outcome"] == "answered"
    await centre.nothing_left()


async def test_the_caller_who_hangs_up_first_frees_the_operator_after_wrap_up(centre: Centre):
    async with centre.operator("pens1", OPERATOR) as phone, centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22")
        taken = await phone.next_call()
        await talk(taken, call)
        await call.hang_up()
        await taken.ended()
        await centre.until("operators", "operator", "pens1", state="wrap_up")
        await centre.until("operators", "operator", "pens1", state="ready")
        story = await centre.ended(id_)
    assert story["outcome"] == "answered"
    assert "caller_hung_up" in events(story)
    await centre.nothing_left()
