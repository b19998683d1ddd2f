"""FastAGI over real sockets: what Asterisk says, whole or in pieces, and what strangers send."""

import asyncio
import contextlib
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.agi_protocol import BadValue, ReplyReader, command_line, quoted, read_environment
from ivr.fastagi import AgiError, AgiServer, CallGone
from tests.unit.agi_peer import ENVIRONMENT, Asterisk, served, until

OK = b"200 result=0\n"


async def one_call(handler, answer, **options):
    """Run one call; what the handler raised or returned, and the commands it sent."""
    results = []

    async def remembering(agi):
        try:
            results.append(await handler(agi))
        except (AgiError, CallGone, BadValue) as error:
            results.append(error)

    async with served(remembering, **options) as server:
        peer = await Asterisk(server.port, answer).call()
        await until(lambda: results)
    return results[0], peer.commands


async def test_the_environment_is_read_whatever_letters_a_name_holds():
    seen = {}

    async def handler(agi):
        seen.update(
            unique=agi.uniqueid,
            channel=agi.channel,
            args=agi.args,
            script=agi.script,
            number=agi.caller_number,
            language=agi.language,
            name=agi.env["agi_calleridname"],
        )

    await one_call(handler, lambda _: OK)
    assert seen == {
        "unique": "kz1-1795376382.7",
        "channel": "PJSIP/trunk-00000001",
        "args": ["one", "two words"],
        "script": "ivr",
        "number": "77011234567",
        "language": "kk",
        "name": "Айг\ufffd",
    }


async def test_a_prompt_tells_the_key_and_where_it_stopped():
    async def handler(agi):
        return await agi.stream_file("/p/kk/abc", offset_ms=250)

    result, commands = await one_call(handler, lambda _: b"200 result=50 endpos=10720\n")
    assert result == ("2", 1340)
    assert commands == ['STREAM FILE /p/kk/abc "0123456789*#" 2000']


async def test_a_prompt_heard_to_its_end_gives_no_key():
    async def handler(agi):
        return await agi.stream_file("/p/a b", "")

    result, commands = await one_call(handler, lambda _: b"200 result=0 endpos=800\n")
    assert result == (None, 100)
    assert commands == ['STREAM FILE "/p/a b" "" 0']


async def test_a_missing_file_and_a_hang_up_are_told_apart():
    async def handler(agi):
        return await agi.stream_file("/p/none")

    def missing(command):
        return b"200 result=-1 endpos=0\n" if "STREAM" in command else b"200 result=6\n"

    def gone(command):
        return b"200 result=-1 endpos=0\nHANGUP\n" if "STREAM" in command else b"511 Dead\n"

    result, _ = await one_call(handler, missing)
    assert isinstance(result, AgiError)
    assert "/p/none cannot be played" in str(result)
    assert isinstance((await one_call(handler, gone))[0], CallGone)


async def test_a_message_is_taken_down_until_hash_silence_or_the_limit():
    async def handler(agi):
        await agi.record_file("messages/n1-1.1@vm", max_ms=90_000, silence_s=4)
        return "taken"

    reply = b"200 result=0 (timeout) endpos=24000\n"
    result, commands = await one_call(handler, lambda _: reply)
    assert result == "taken"
    assert commands == ['RECORD FILE "messages/n1-1.1@vm" wav "#" 90000 s=4']


async def test_a_recording_that_cannot_be_written_and_a_hang_up_are_told_apart():
    async def handler(agi):
        await agi.record_file("messages/x", max_ms=1000, silence_s=4)

    def unwritable(command):
        return b"200 result=-1 (writefile)\n" if "RECORD" in command else b"200 result=6\n"

    def gone(command):
        return (
            b"200 result=-1 (hangup) endpos=8000\nHANGUP\n" if "RECORD" in command else b"511 D\n"
        )

    result, _ = await one_call(handler, unwritable)
    assert isinstance(result, AgiError)
    assert "messages/x cannot be written" in str(result)
    assert isinstance((await one_call(handler, gone))[0], CallGone)


async def test_waiting_for_a_key():
    async def handler(agi):
        return [await agi.wait_for_digit(600), await agi.wait_for_digit(50)]

    replies = iter([b"200 result=35\n", OK])
    result, commands = await one_call(handler, lambda _: next(replies))
    assert result == ["#", None]
    assert commands == ["WAIT FOR DIGIT 600", "WAIT FOR DIGIT 50"]


async def test_variables_keep_brackets_and_know_unset():
    async def handler(agi):
        await agi.set_variable("TIMEOUT(absolute)", "20")
        await agi.set_variable("N", 'say "hi" \\ there')
        return [await agi.get_variable("A"), await agi.get_variable("B")]

    replies = iter([b"200 result=1\n"] * 2 + [b"200 result=1 (a (b) c)\n", OK])
    result, commands = await one_call(handler, lambda _: next(replies))
    assert result == ["a (b) c", None]
    assert commands[0] == "SET VARIABLE TIMEOUT(absolute) 20"
    assert commands[1] == 'SET VARIABLE N "say \\"hi\\" \\\\ there"'


async def test_several_variables_are_set_in_one_round_trip():
    async def handler(agi):
        await agi.set_variables({"ACD_Q": "pension|5", "IVR_DONE": "queue"})

    _, commands = await one_call(handler, lambda _: OK)
    assert commands == ['EXEC MSet "ACD_Q=pension|5,IVR_DONE=queue"']


@pytest.mark.parametrize("value", ["a,b", 'a"b', "a\nb"])
async def test_a_value_that_would_set_another_variable_is_never_sent(value):
    async def handler(agi):
        await agi.set_variables({"X": value})

    result, commands = await one_call(handler, lambda _: OK)
    assert isinstance(result, BadValue)
    assert commands == []


async def test_a_missing_application_is_an_error():
    async def handler(agi):
        return await agi.exec_("NoSuch", "a,b")

    result, commands = await one_call(handler, lambda _: b"200 result=-2\n")
    assert isinstance(result, AgiError)
    assert commands == ['EXEC NoSuch "a,b"']


@pytest.mark.parametrize("value", ["a\nHANGUP", "a\rb", "a\0b"])
async def test_a_value_that_would_be_a_second_command_is_never_sent(value):
    async def handler(agi):
        await agi.set_variable("X", value)

    result, commands = await one_call(handler, lambda _: OK)
    assert isinstance(result, BadValue)
    assert commands == []


async def test_a_line_too_long_for_asterisk_is_never_sent():
    async def handler(agi):
        await agi.set_variable("X", "ә" * 1000)

    assert isinstance((await one_call(handler, lambda _: OK))[0], BadValue)


async def test_a_usage_error_of_several_lines_does_not_shift_the_next_reply():
    usage = (
        b"520-Invalid command syntax.  Proper usage follows:\n Usage: STREAM FILE\n"
        b"200 result=9 this line belongs to the usage\n\n520 End of proper usage.\n"
    )
    replies = iter([usage, b"200 result=1 (after)\n"])

    async def handler(agi):
        with pytest.raises(AgiError, match="Proper usage"):
            await agi.command("STREAM", "FILE")
        return await agi.get_variable("A")

    result, _ = await one_call(handler, lambda _: next(replies))
    assert result == "after"


async def test_an_unknown_command_and_a_dead_channel():
    async def handler(agi):
        await agi.command("NONSENSE")

    result, _ = await one_call(handler, lambda _: b"510 Invalid or unknown command\n")
    assert isinstance(result, AgiError)
    dead = b"511 Command Not Permitted on a dead channel or intercept routine\n"
    assert isinstance((await one_call(handler, lambda _: dead))[0], CallGone)


@pytest.mark.parametrize("reply", [b"HANGUP\n200 result=0\n", b"200 result=-1\nHANGUP\nHANGUP\n"])
async def test_a_hang_up_line_is_never_the_reply_of_a_command(reply):
    async def handler(agi):
        await agi.wait_for_digit(10)
        await agi.wait_for_digit(10)

    result, _ = await one_call(handler, lambda _: reply)
    assert isinstance(result, CallGone)


async def test_progress_lines_and_empty_lines_are_skipped():
    async def handler(agi):
        return await agi.wait_for_digit(10)

    result, _ = await one_call(handler, lambda _: b"100 result=0 Trying...\n\n200 result=49\n")
    assert result == "1"


async def test_a_dropped_line_is_a_call_that_is_gone():
    async def handler(agi):
        await agi.wait_for_digit(10)

    assert isinstance((await one_call(handler, lambda _: None))[0], CallGone)


async def test_an_endless_reply_is_a_call_that_is_gone():
    async def handler(agi):
        await agi.wait_for_digit(10)

    assert isinstance((await one_call(handler, lambda _: b"x" * 70_000))[0], CallGone)
    assert isinstance((await one_call(handler, lambda _: b"junk\n" * 600))[0], CallGone)


async def test_silence_of_asterisk_ends_at_the_deadline_and_closes():
    async def handler(agi):
        with pytest.raises(AgiError, match=r"no reply to NOOP within 0\.05 s"):
            await agi.command("NOOP", deadline_s=0.05)
        await agi.command("NOOP")

    assert isinstance((await one_call(handler, lambda _: b""))[0], CallGone)


async def test_two_commands_at_once_are_refused_and_the_first_goes_on():
    release = asyncio.Event()

    async def handler(agi):
        first = asyncio.ensure_future(agi.wait_for_digit(5000))
        await until(lambda: agi._is_busy)
        with pytest.raises(AgiError, match="cut that one short"):
            await agi.get_variable("A")
        release.set()
        return await first

    results = []

    async def remembering(agi):
        results.append(await handler(agi))

    async with served(remembering) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(ENVIRONMENT)
        assert await reader.readline() == b"WAIT FOR DIGIT 5000\n"
        await release.wait()
        writer.write(b"200 result=51\n")
        await until(lambda: results)
        writer.close()
    assert results == ["3"]


async def test_bytes_may_be_split_anywhere():
    replies = "200 result=1 (Айгүл)\n".encode() + b"HANGUP\n"
    whole = ENVIRONMENT + replies
    results = []

    async def handler(agi):
        results.append((agi.args, await agi.get_variable("NAME")))

    async def call(port, cut):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(whole[:cut])
        await writer.drain()
        await asyncio.sleep(0.001)
        writer.write(whole[cut:])
        await reader.read()
        writer.close()

    async with served(handler) as server:
        cuts = range(1, len(whole))
        for start in range(0, len(cuts), 50):
            await asyncio.gather(*(call(server.port, cut) for cut in cuts[start : start + 50]))
        await until(lambda: server.session_count == 0)
    assert results == [(["one", "two words"], "Айгүл")] * len(cuts)


@pytest.mark.parametrize(
    "opening",
    [
        *(b"", b"agi_network: yes\n", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 100_000, b"\n\n"),
        *(b"agi_network_script: other\n\n", b"a: " + b"b" * 70_000 + b"\n\n"),
    ],
)
async def test_strangers_are_sent_away_without_a_trace(opening, caplog):
    async def handler(_agi):
        raise AssertionError("no stranger gets here")

    async with served(handler, environment_timeout_s=0.1) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        with contextlib.suppress(ConnectionError):
            writer.write(opening)
            assert await reader.read() == b""
        writer.close()
        await until(lambda: server.session_count == 0)
        assert server.refused_count == 1
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]


async def test_half_an_opening_does_not_hold_up_other_calls():
    async def handler(agi):
        await agi.set_variable("IVR_DONE", "bye")

    async with served(handler) as server:
        _, half = await asyncio.open_connection("127.0.0.1", server.port)
        half.write(b"agi_network: yes\n")
        _, cut = await asyncio.open_connection("127.0.0.1", server.port)
        cut.write(b"agi_network: yes\n")
        cut.close()
        peer = await Asterisk(server.port, lambda _: OK).call()
        assert peer.commands == ["SET VARIABLE IVR_DONE bye"]
        half.close()


async def test_calls_over_the_cap_are_closed_at_once():
    waiting = asyncio.Event()

    async def handler(agi):
        await waiting.wait()
        await agi.command("NOOP")

    async with served(handler, sessions_max=2) as server:
        peers = [
            asyncio.ensure_future(Asterisk(server.port, lambda _: OK).call()) for _ in range(2)
        ]
        await until(lambda: server.session_count == 2)
        third = await Asterisk(server.port, lambda _: OK).call()
        assert third.commands == []
        assert server.refused_count == 1
        waiting.set()
        assert [(await peer).commands for peer in peers] == [["NOOP"], ["NOOP"]]


async def test_a_handler_that_fails_closes_its_own_call_only(caplog):
    async def handler(agi):
        if agi.args:
            raise RuntimeError("broken")
        await agi.command("NOOP")

    async with served(handler) as server:
        first = await Asterisk(server.port, lambda _: OK).call()
        other = ENVIRONMENT.replace(b"agi_arg_1", b"agi_x").replace(b"agi_arg_2", b"agi_y")
        second = await Asterisk(server.port, lambda _: OK, other).call()
    assert first.commands == []
    assert second.commands == ["NOOP"]
    assert "broken" in caplog.text


async def test_close_ends_running_calls_and_leaves_nothing():
    async def handler(agi):
        await agi.wait_for_digit(60_000)

    server = AgiServer({"ivr": handler})
    await server.start("127.0.0.1", 0)
    port = server.port
    peers = [asyncio.ensure_future(Asterisk(port, lambda _: b"").call()) for _ in range(5)]
    await until(lambda: server.session_count == 5)
    async with asyncio.timeout(2):
        await server.close(grace_s=0.05)
        for peer in peers:
            await peer
    assert server.session_count == 0
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection("127.0.0.1", port)
    await server.close()


async def test_close_lets_a_call_finish_within_the_grace():
    async def handler(agi):
        await agi.command("NOOP")
        await agi.set_variable("IVR_DONE", "queue")

    server = AgiServer({"ivr": handler})
    await server.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(ENVIRONMENT)
    await reader.readline()
    closing = asyncio.ensure_future(server.close(grace_s=5))
    writer.write(OK)
    assert await reader.readline() == b"SET VARIABLE IVR_DONE queue\n"
    writer.write(OK)
    await closing
    writer.close()


@pytest.mark.parametrize(
    ("word", "line"),
    [("abc", "abc"), ("", '""'), ("a b", '"a b"'), ('"', '"\\""'), ("\\", '"\\\\"'), ("ә", '"ә"')],
)
def test_words_are_quoted_only_when_they_must_be(word, line):
    assert quoted(word) == line


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_no_text_ever_becomes_two_commands(words):
    with contextlib.suppress(BadValue):
        assert command_line(*words).count(b"\n") == 1


@given(st.binary(max_size=300))
def test_no_bytes_raise_while_reading(raw):
    read_environment(raw)
    replies = ReplyReader()
    for line in raw.split(b"\n"):
        replies.take(line + b"\n")
