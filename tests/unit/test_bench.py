"""The pure parts of the measurement: percentiles, sums, and which event belongs to which call."""

import pytest

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
