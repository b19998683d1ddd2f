"""The measurement itself: percentiles, which event belongs to which call, made-up callers."""

import random
import sys
from itertools import islice, pairwise

import pytest

from ivr.core import steps
from ivr.wav import CLIP_SUFFIX, RATE
from tests.asterisk.centre import ROOT
from tests.bench import citizens, engine, lines
from tests.bench.commands import CommandError, cost_of
from tests.bench.events import events_of, gaps_ms, messages, unfinished, waits_ms
from tests.bench.figures import (
    Sample,
    busy,
    gap_rows,
    percentile,
    table,
    tuned_rows,
    verdict,
    wait_rows,
)
from tests.bench.menus import too_much
from tests.bench.stages import CrowdError, Driver
from tests.bench.turns import agi_turns_ms, holes, left_for_fallback, reactions_ms
from tests.sip.alaw import tone
from tests.sip.rtp import Media
from tests.unit.agi_peer import served, until


def event(name, at, **fields):
    return {"Event": name, "Timestamp": f"{at:.6f}", **fields}


def born(call, at, channel="PJSIP/trunk-00000001"):
    return event("Newchannel", at, Uniqueid=call, Channel=channel)


def enters(unique, bridge, at):
    return event("BridgeEnter", at, Uniqueid=unique, BridgeUniqueid=bridge)


def rings(call, phone, at):
    return event("DialBegin", at, Uniqueid=call, DestChannel=f"PJSIP/{phone}-0000000a")


def ends(phone, at):
    return event("Hangup", at, Uniqueid="leg", Channel=f"PJSIP/{phone}-0000000a")


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2), (75, 3), (76, 4), (100, 4)])
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(percent, value):
    assert percentile([4, 1, 3, 2], percent) == value


def test_there_is_no_percentile_of_nothing():
    assert percentile([], 50) is None


def test_a_caller_is_connected_when_both_sides_are_in_the_bridge_whoever_enters_first():
    events = [
        born("a", 1.0),
        born("b", 1.1),
        enters("leg-a", "x", 1.2),
        enters("b", "y", 1.25),
        enters("a", "x", 1.3),
        enters("leg-b", "y", 1.5),
    ]
    assert waits_ms(events) == pytest.approx([300, 400])


def test_a_caller_alone_in_a_bridge_is_not_connected():
    assert waits_ms([born("a", 1.0), enters("a", "x", 1.3)]) == []


def test_a_caller_connected_twice_counts_with_the_first_time():
    events = [born("a", 1.0)]
    for bridge, at in (("x", 1.5), ("y", 3.0)):
        events += [enters("a", bridge, at), enters(f"leg-{bridge}", bridge, at)]
    assert waits_ms(events) == pytest.approx([500])


def test_two_operators_in_a_bridge_are_no_callers():
    legs = [born("one", 1.0, "PJSIP/op001-1"), born("two", 1.0, "PJSIP/op002-1")]
    assert waits_ms([*legs, enters("one", "x", 1.1), enters("two", "x", 1.2)]) == []


def test_a_free_operator_is_idle_until_the_same_phone_rings_again():
    events = [
        born("a", 1.0),
        born("b", 1.0),
        ends("op001", 2.0),
        ends("op002", 2.1),
        rings("a", "op002", 2.2),
        rings("b", "op001", 2.5),
    ]
    assert gaps_ms(events) == pytest.approx([100, 500])


def test_an_operator_is_not_idle_while_nobody_waits():
    assert gaps_ms([ends("op001", 2.0), born("a", 3.0), rings("a", "op001", 3.1)]) == []


def test_a_phone_that_rings_twice_was_free_once():
    events = [
        born("a", 1.0),
        ends("op001", 2.0),
        rings("a", "op001", 2.2),
        rings("a", "op001", 9.0),
    ]
    assert gaps_ms(events) == pytest.approx([200])


def test_answers_and_an_unfinished_message_are_not_events():
    raw = (
        b"Response: Success\r\nMessage: ok: fine\r\n\r\n"
        b"Event: Status\r\nActionID: 7\r\n\r\n"
        b"Event: Newchannel\r\nChannel: PJSIP/op001-1\r\n\r\n"
        b"Event: Newchannel\r\nChannel: PJSIP/op002-1\r\n\r\n"
        b"Event: Hangup\r\nChannel: PJSIP/op001-1\r\n\r\n"
        b"Event: Hang"
    )
    assert messages(raw)[0]["Message"] == "ok: fine"
    assert [each["Event"] for each in events_of(messages(raw))] == [
        "Newchannel",
        "Newchannel",
        "Hangup",
    ]
    assert unfinished(raw) == 1


def test_rounds_add_up():
    total = Sample()
    for wait in (10.0, 30.0):
        total.add(Sample(2, [wait], [wait / 2], 60, cpu_s={"asterisk": 0.5, "sipp": 1.5}))
    assert (total.placed, total.failed, total.events) == (4, 2, 120)
    assert (total.waits_ms, total.gaps_ms) == ([10.0, 30.0], [5.0, 15.0])
    assert total.cpu_s == {"asterisk": 1.0, "sipp": 3.0}


def test_the_greediest_process_is_named_first():
    sample = Sample(rush={"service": 0.25, "asterisk": 0.5, "machine": 1.5})
    assert busy(sample, 2) == "1.50 of 2 cores busy: asterisk 0.50, service 0.25"


def test_a_load_was_too_much_when_calls_failed_or_most_were_slow():
    assert verdict(Sample(2, [1.0]), 500) == "1 of 2 calls failed"
    assert verdict(Sample(2, [1.0, 501.0]), 500) == "p95 is 501 ms"
    assert verdict(Sample(2, [1.0, 500.0]), 500) is None


def test_the_table_is_aligned_and_shows_no_ratio_to_nothing():
    ours = Sample(1, [6.0], [5.0], 30, cpu_s={"asterisk": 1.0, "service": 0.5})
    theirs = Sample(1, [12.0], [], 60, cpu_s={"asterisk": 2.0})
    lines = table([*wait_rows("20/s", ours, theirs), *gap_rows("full", ours, theirs)]).splitlines()
    assert lines[0].split() == ["1414", "app_queue", "ratio"]
    found = {line[: lines[0].index("1414") - 2].strip(): line.split()[-3:] for line in lines[1:]}
    assert found["20/s: arrival to bridge, p50, ms"] == ["6", "12", "0.50"]
    assert found["20/s: CPU of service, s"] == ["0.5", "-", "-"]
    assert found["20/s: CPU of both, s"] == ["1.5", "2", "0.75"]
    assert found["full: operator free to next ring, max, ms"] == ["5", "-", "-"]
    assert len({len(line) for line in lines}) == 1


def test_a_tuned_peer_has_lines_of_its_own():
    ours, tuned = Sample(1, [6.0]), Sample(1, [4.0])
    assert tuned_rows("20/s", ours, tuned)[0] == ("20/s: against Answer(0,i), p50, ms", 6.0, 4.0)


# Menus


def agi(name, call, at, command="STREAM FILE a"):
    return event(f"AGIExec{name}", at, Uniqueid=call, Command=command)


def key(call, at, direction="Received"):
    return event("DTMFEnd", at, Uniqueid=call, Direction=direction)


def test_a_turn_is_from_the_end_of_a_command_to_the_next_of_the_same_call():
    events = [
        agi("Start", "a", 1.0),
        agi("End", "a", 1.5),
        agi("End", "b", 1.6),
        agi("Start", "a", 1.75, "SET VARIABLE x y"),
        agi("Start", "b", 2.6),
        agi("Start", "a", 9.0),
    ]
    assert agi_turns_ms(events) == pytest.approx([250, 1000])


def test_the_menu_has_reacted_to_a_key_when_it_makes_a_sound_or_listens_again():
    events = [
        key("a", 1.0),
        key("a", 1.1),
        key("b", 1.2),
        key("c", 1.2, "Sent"),
        agi("Start", "a", 1.25, "SET VARIABLE x y"),
        agi("End", "a", 1.3),
        agi("Start", "c", 1.3),
        agi("Start", "a", 1.5),
        agi("Start", "b", 1.6, "WAIT FOR DIGIT 500"),
        agi("Start", "b", 9.0),
    ]
    assert reactions_ms(events) == pytest.approx([500, 400])


def test_whoever_left_for_the_fallback_is_counted():
    told = [event("UserEvent", 1.0, UserEvent=name) for name in ("ACDCall", "ACDFallback")]
    assert left_for_fallback(told) == 1


def test_holes_are_counted_by_the_minute_and_meant_pauses_are_none():
    assert holes([20] * 2994 + [60, 60, 500, 620]) == pytest.approx(2)
    assert holes([500]) == 0


def test_callers_are_too_many_when_calls_fail_or_the_slowest_hear_the_menu_hesitate():
    assert too_much(0, [1.0] * 99 + [5000.0]) is None
    assert too_much(0, [1.0] * 98 + [101.0] * 2) == "p99 is 101 ms"
    assert too_much(2, [1.0]) == "2 calls failed"
    assert too_much(0, []) == "nobody pressed a key"


def test_the_dictionary_knows_every_move_of_the_walks():
    plan = engine.load(ROOT / "dialplans", ROOT / "config")
    walks, bare = engine.walks_through(plan, 20, random.Random(5))
    keys = {each.key for walk in walks for each in walk if isinstance(each, steps.KeyPressed)}
    assert {"1", "#", "*", "0"} <= keys
    assert len(bare) > 10
    for walk in walks:
        assert walk[0] == steps.Started()
        assert walk[-1] == steps.HungUp()
        assert 2 < len(walk) <= engine.EVENTS_MAX + 1


def test_the_engine_is_measured():
    found = engine.measure(ROOT / "dialplans", ROOT / "config", 20, 1)
    assert found.step_count > 100
    assert found.bare_per_s > found.engine_per_s > 0
    assert 1_000 < found.memory_bytes < 100_000


def test_a_citizen_presses_a_way_that_ends_the_call():
    pressed = {citizens.keys(random.Random(seed)) for seed in range(1000)}
    assert all(each[0] in "123" and each[3:] == "#4" for each in pressed)
    assert len(pressed) == 3 * 4 * 3


def test_a_line_goes_round_in_the_menu_for_ever():
    way = list(islice(lines.keys(random.Random(1)), 400))
    assert way.count("#") == way[way.index("#") + 1 :].count("#") + 1 > 50
    assert all(after == "3" for key, after in pairwise(way) if key == "#")
    assert "0" not in way


async def test_lines_press_keys_in_sentences_and_their_turns_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "THINKS_S", (0.001, 0.01))
    (tmp_path / f"long{CLIP_SUFFIX}").write_bytes(bytes(60 * RATE))
    (tmp_path / f"deaf{CLIP_SUFFIX}").write_bytes(bytes(RATE // 100))
    pressed = []

    async def menu(agi):
        await agi.set_variable("TIMEOUT(absolute)", "20")
        assert await agi.get_variable("ACD_NODE") is None
        while True:
            heard = await agi.stream_file(str(tmp_path / "deaf"))
            assert heard == (None, 0)
            pressed.append((await agi.stream_file(str(tmp_path / "long")))[0])

    async with served(menu) as server:
        crowd = lines.Lines("127.0.0.1", server.port, frozenset({"deaf"}))
        await crowd.grow(3)
        await until(lambda: len(pressed) > 12)
        figures = crowd.figures()
        await crowd.end()
        await until(lambda: server.session_count == 0)
    assert figures["open"] == 3 and figures["left"] == 0
    assert set(pressed) <= set("12349#")
    assert len(figures["turns"]) > len(figures["reactions"]) >= 10
    assert min(figures["turns"]) > 0


async def test_a_line_that_was_given_back_is_replaced(tmp_path):
    calls = []

    async def menu(agi):
        calls.append(agi.uniqueid)
        if len(calls) > 2:
            await agi.wait_for_digit(60_000)

    async with served(menu) as server:
        crowd = lines.Lines("127.0.0.1", server.port, frozenset())
        await crowd.grow(1)
        await until(lambda: len(calls) == 3)
        assert crowd.figures()["left"] == 2
        await crowd.end()
    assert calls == [lines.call_id(number) for number in (1, 2, 3)]


def test_a_crowd_that_finds_nobody_says_so_and_the_measurement_ends(capfd):
    crowd = Driver("tests.bench.lines", "127.0.0.1", "1", pids={})
    with crowd as driver, pytest.raises(CrowdError, match=r"tests\.bench\.lines ended"):
        driver.grow(1)
    assert "nobody answers at 127.0.0.1:1" in capfd.readouterr().err


def test_the_cost_of_a_command_is_that_of_the_process_alone():
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    cost = cost_of((sys.executable, "-c", burn))
    assert 0.3 <= cost.cpu_s <= cost.wall_s * 1.1
    with pytest.raises(CommandError, match="ended with 3"):
        cost_of((sys.executable, "-c", "raise SystemExit(3)"))


async def test_a_phone_that_need_not_listen_records_nothing_more():
    speaker, listener = Media("127.0.0.1"), Media("127.0.0.1")
    speaker.say(tone(500))
    listener.start(("127.0.0.1", speaker.port), None)
    speaker.start(("127.0.0.1", listener.port), None)
    await until(lambda: len(listener.recording) > 2)
    listener.deafen()
    heard, sent = len(listener.recording), speaker.sent_packets
    await until(lambda: speaker.sent_packets > sent + 5)
    assert len(listener.recording) == heard
    speaker.close()
    listener.close()
