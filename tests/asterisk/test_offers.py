"""What becomes of an offer: no answer, busy, dead phones, callers and operators who hang up."""

import asyncio

from tests.asterisk.centre import Centre, events, talk
from tests.sip import AnswerAfter, Reject, Ring, Silent

CALLER, FIRST, SECOND = 500, 600, 700


def failures(story):
    """(operator, reason) of every offer that failed."""
    return [
        (entry["operator"], entry["reason"])
        for entry in story["timeline"]
        if entry["event"] == "offer_failed"
    ]


async def connected_to_the_second(centre, call, phone):
    """The second operator is rung, answers, and both hear each other."""
    taken = await phone.next_call(timeout_ms=10_000)
    await talk(taken, call, operator=SECOND)
    return taken


async def test_an_operator_who_does_not_answer_is_set_aside_and_the_next_is_rung_at_once(
    centre: Centre,
):
    async with (
        centre.operator("pens1", FIRST, policy=Ring()) as deaf,
        centre.operator("pens2", SECOND) as phone,
        centre.caller() as citizen,
    ):
        call, id_ = await centre.call_in(citizen, "22")
        rung = await deaf.next_call()
        cancelled = await rung.wait_for("cancelled", timeout_ms=6000)
        taken = await phone.next_call()
        invited = phone.log.find("invited", call_id=taken.call_id)[0]
        await talk(taken, call, operator=SECOND)
        aside = await centre.row("operators", "operator", "pens1")
        await call.hang_up()
        story = await centre.ended(id_)
    assert abs(invited.at_ms - cancelled.at_ms) < 500
    assert (aside["state"], aside["reason"], aside["rona_today"] > 0) == ("paused", "rona", True)
    assert failures(story) == [("pens1", "rona")]
    assert (story["outcome"], story["operator"]) == ("answered", "pens2")
    assert 3 < story["wait_s"] < 8, "ringing counts as waiting"
    assert [d["taken"] for d in story["decisions"] if d["taken"]] == ["pens1", "pens2"]
    await centre.nothing_left()


async def test_an_operator_who_declines_is_set_aside_and_the_next_is_rung(centre: Centre):
    for code in (486, 603):
        async with (
            centre.operator("pens1", FIRST, policy=Reject(code, ring_ms=100)),
            centre.operator("pens2", SECOND) as phone,
            centre.caller() as citizen,
        ):
            call, id_ = await centre.call_in(citizen, "22")
            await connected_to_the_second(centre, call, phone)
            await call.hang_up()
            story = await centre.ended(id_)
        assert failures(story) == [("pens1", "phone_busy")]
        await centre.nothing_left()


async def test_a_phone_that_says_nothing_at_all_is_unreachable_not_a_missed_call(centre: Centre):
    async with (
        centre.operator("pens1", FIRST, policy=Silent()),
        centre.operator("pens2", SECOND) as phone,
        centre.caller() as citizen,
    ):
        call, id_ = await centre.call_in(citizen, "22")
        await connected_to_the_second(centre, call, phone)
        await call.hang_up()
        story = await centre.ended(id_)
    assert failures(story) == [("pens1", "phone_unreachable")]
    await centre.nothing_left()


async def test_an_operator_without_a_registered_phone_is_not_ready_and_not_rung(centre: Centre):
    await centre.ask("operator", action="ready", operator="pens1")
    async with centre.operator("pens2", SECOND) as phone, centre.caller() as citizen:
        row = await centre.row("operators", "operator", "pens1")
        assert (row["state"], row["reason"]) == ("paused", "phone_unreachable")
        call, id_ = await centre.call_in(citizen, "22")
        await connected_to_the_second(centre, call, phone)
        await call.hang_up()
        story = await centre.ended(id_)
        await centre.ask("operator", action="logout", operator="pens1")
    assert story["decisions"][0]["refused"] == {"phone_unreachable": 1}
    await centre.nothing_left()


async def test_a_phone_in_a_call_of_its_own_is_not_rung(centre: Centre):
    async with (
        centre.operator("pens1", FIRST) as phone,
        centre.operator("pens2", SECOND) as other,
        centre.caller() as citizen,
    ):
        own = phone.dial("*2")
        await own.answered()
        await centre.until("operators", "operator", "pens1", reason="phone_in_use")
        call, id_ = await centre.call_in(citizen, "22")
        await connected_to_the_second(centre, call, other)
        await own.hang_up()
        await centre.until("operators", "operator", "pens1", state="ready")
        await call.hang_up()
        story = await centre.ended(id_)
    assert story["decisions"][0]["refused"] == {"phone_in_use": 1}
    await centre.nothing_left()


async def test_an_operator_who_hangs_up_in_the_whisper_has_not_answered(centre: Centre):
    async with (
        centre.operator("pens1", FIRST) as phone,
        centre.operator("pens2", SECOND) as other,
        centre.caller() as citizen,
    ):
        call, id_ = await centre.call_in(citizen, "22")
        taken = await phone.next_call()
        await taken.wait_for("acked")
        await taken.hang_up()
        await connected_to_the_second(centre, call, other)
        await call.hang_up()
        story = await centre.ended(id_)
    assert failures(story) == [("pens1", "hung_up_at_once")]
    assert (story["outcome"], story["operator"]) == ("answered", "pens2")
    await centre.nothing_left()


async def test_a_conversation_ended_at_once_by_the_operator_is_no_answer(centre: Centre):
    async with (
        centre.operator("pens1", FIRST) as phone,
        centre.operator("pens2", SECOND) as other,
        centre.caller() as citizen,
    ):
        call, id_ = await centre.call_in(citizen, "22")
        taken = await phone.next_call()
        await taken.hears(CALLER)
        await taken.hang_up()
        await connected_to_the_second(centre, call, other)
        await call.hang_up()
        story = await centre.ended(id_)
    assert failures(story) == [("pens1", "hung_up_at_once")]
    first_try = next(e for e in story["timeline"] if e["event"] == "connected")
    assert story["wait_s"] > first_try["wait_ms"] / 1000, "the clock went on"
    await centre.nothing_left()


async def test_the_citizen_whose_operators_phone_dies_is_told_and_connected_to_another(
    centre: Centre,
):
    async with (
        centre.operator("pens1", FIRST) as phone,
        centre.operator("pens2", SECOND, ready=False) as other,
        centre.caller() as citizen,
    ):
        call, id_ = await centre.call_in(citizen, "22")
        taken = await phone.next_call()
        await talk(taken, call)
        phone.vanish()
        await centre.until("callers", "call", id_, timeout_s=25, stage="waiting")
        await centre.ask("operator", action="ready", operator="pens2")
        await connected_to_the_second(centre, call, other)
        await call.hang_up()
        story = await centre.ended(id_)
        row = await centre.row("operators", "operator", "pens1")
    assert (row["state"], row["reason"]) == ("paused", "phone_unreachable")
    assert "operator_lost" in events(story)
    assert "returned_to_queue" in events(story)
    heard = call.hearing([FIRST, SECOND])
    assert heard.first(SECOND, at_least_ms=300) - heard.last(FIRST) > 2000, "nobody said why"
    await centre.nothing_left()


async def test_a_caller_who_gives_up_while_waiting_is_on_record_and_gone(centre: Centre):
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22")
        await centre.until("callers", "call", id_)
        await call.hang_up()
        story = await centre.ended(id_)
    assert story["outcome"] == "abandoned"
    assert story["decisions"][0]["rule"] == "nobody_ready"
    await centre.nothing_left()


async def test_a_caller_who_gives_up_while_it_rings_frees_the_operator_for_the_next(
    centre: Centre,
):
    async with (
        centre.operator("pens1", FIRST, policy=Ring()) as phone,
        centre.caller() as citizen,
    ):
        call, id_ = await centre.call_in(citizen, "22")
        rung = await phone.next_call()
        await call.hang_up()
        await rung.wait_for("cancelled")
        await centre.until("operators", "operator", "pens1", state="ready")
        story = await centre.ended(id_)
        phone.policy = AnswerAfter()
        again, _ = await centre.call_in(citizen, "22")
        await talk(await phone.next_call(), again)
        await again.hang_up()
    assert (story["outcome"], failures(story)) == ("abandoned", [])
    await centre.nothing_left()


async def test_a_caller_who_gives_up_in_the_whisper_is_abandoned_and_the_operator_free(
    centre: Centre,
):
    async with centre.operator("pens1", FIRST) as phone, centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22")
        taken = await phone.next_call()
        await taken.wait_for("acked")
        await call.hang_up()
        await taken.ended(timeout_ms=6000)
        await centre.until("operators", "operator", "pens1", state="ready")
        story = await centre.ended(id_)
    assert story["outcome"] == "abandoned"
    await centre.nothing_left()


async def test_a_hang_up_at_the_very_moment_of_answer_leaves_nobody_stuck(centre: Centre):
    """The caller's BYE is aimed around the operator's answer, from 40 ms before to 40 ms after."""
    async with centre.operator("pens1", FIRST) as phone, centre.caller() as citizen:
        for after_ms in (0, 60, 80, 90, 95, 100, 105, 110, 120, 140):
            phone.policy = AnswerAfter(ring_ms=100)
            call, id_ = await centre.call_in(citizen, "22")
            taken = await phone.next_call()
            invited = phone.log.find("invited", call_id=taken.call_id)[0]
            loop = asyncio.get_running_loop()
            asked = asyncio.Event()
            loop.call_at((invited.at_ms + after_ms) / 1000, asked.set)
            await asked.wait()
            await call.hang_up()
            await taken.ended(timeout_ms=6000)
            story = await centre.ended(id_)
            assert story["outcome"] == "abandoned", story
            await centre.until("operators", "operator", "pens1", state="ready")
    await centre.nothing_left()


async def test_one_operator_serves_waiting_callers_one_at_a_time_in_their_order(centre: Centre):
    async with (
        centre.caller("77010000001", CALLER) as one,
        centre.caller("77010000002", 800) as two,
        centre.caller("77010000003", 900) as three,
    ):
        calls = []
        for citizen in (one, two, three):
            call, id_ = await centre.call_in(citizen, "22")
            await centre.until("callers", "call", id_)
            calls.append((call, id_))
        rows = await centre.ask("callers")
        assert [row["call"] for row in rows] == [id_ for _, id_ in calls]
        assert [row["position"] for row in rows] == [1, 2, 3]
        async with centre.operator("pens1", FIRST) as phone:
            for (call, id_), tone in zip(calls, (CALLER, 800, 900), strict=True):
                taken = await phone.next_call(timeout_ms=8000)
                await talk(taken, call, caller=tone)
                await call.hang_up()
                await taken.ended()
                assert (await centre.ended(id_))["outcome"] == "answered"
    await centre.nothing_left()


async def test_two_callers_at_once_get_two_operators_and_never_the_same(centre: Centre):
    async with (
        centre.operator("pens1", FIRST) as first,
        centre.operator("pens2", SECOND) as second,
        centre.caller("77010000001", CALLER) as one,
        centre.caller("77010000002", 800) as two,
    ):
        a, b = one.dial("1414"), two.dial("1414")
        await asyncio.gather(a.answered(), b.answered())
        await asyncio.gather(a.press("22"), b.press("22"))
        x, y = await asyncio.gather(first.next_call(), second.next_call())
        await asyncio.gather(x.wait_for("acked"), y.wait_for("acked"))
        tone = {call: hz for call, hz in ((a, CALLER), (b, 800))}
        mine = a if await hears_which(x, CALLER, 800) == CALLER else b
        other = b if mine is a else a
        await asyncio.gather(mine.hears(FIRST), other.hears(SECOND), y.hears(tone[other]))
        assert len(first.calls) == len(second.calls) == 1
        await asyncio.gather(a.hang_up(), b.hang_up())
    await centre.nothing_left()


async def hears_which(call, *tones):
    """The first of these tones that is heard steadily."""
    async with asyncio.timeout(8):
        while True:
            heard = call.hearing(tones)
            for tone in tones:
                if heard.first(tone, at_least_ms=300) is not None:
                    return tone
            await asyncio.sleep(0.05)


async def test_the_ladder_widens_to_a_beginner_at_its_time(centre: Centre):
    async with centre.operator("begin", SECOND) as phone, centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22")
        taken = await phone.next_call(timeout_ms=8000)
        await talk(taken, call, operator=SECOND)
        await call.hang_up()
        story = await centre.ended(id_)
    offered = next(d for d in story["decisions"] if d["taken"])
    assert (story["operator"], story["step"]) == ("begin", 1)
    assert 4.0 <= offered["waited_s"] < 4.5
    assert story["decisions"][0]["refused"] == {"topic_level": 1}
    await centre.nothing_left()


async def test_an_operator_who_pauses_while_ringing_passes_the_caller_on(centre: Centre):
    async with (
        centre.operator("pens1", FIRST, policy=Ring()) as first,
        centre.operator("pens2", SECOND) as second,
        centre.caller() as citizen,
    ):
        call, id_ = await centre.call_in(citizen, "22")
        rung = await first.next_call()
        await rung.wait_for("ringing")
        await centre.ask("operator", action="pause", operator="pens1", reason="lunch")
        await rung.wait_for("cancelled")
        await connected_to_the_second(centre, call, second)
        await call.hang_up()
        story = await centre.ended(id_)
        row = await centre.row("operators", "operator", "pens1")
    assert (row["state"], row["reason"]) == ("paused", "lunch")
    assert failures(story) == []
    await centre.nothing_left()
