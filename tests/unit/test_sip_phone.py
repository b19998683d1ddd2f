"""The test phone against itself: if it lied, every test with a real Asterisk would."""

import asyncio
import random
import struct
import time
import wave
from array import array
from itertools import pairwise
from pathlib import Path

import pytest

from tests.sip import (
    AnswerAfter,
    CallFailed,
    Hearing,
    Manual,
    Pacer,
    Phone,
    PhoneTimeout,
    Reject,
    Ring,
    Silent,
)
from tests.sip.alaw import FRAME_SAMPLES, SILENCE, decode, decode_byte, encode, encode_sample, tone
from tests.sip.digest import Challenge, authorization, parse_challenge, strongest
from tests.sip.listen import OTHER
from tests.sip.listen import SILENCE as QUIET
from tests.sip.message import (
    Headers,
    Request,
    Response,
    SipSyntaxError,
    address_of,
    display_name_of,
    parameter,
    parse,
    reply,
    uri_of,
    user_of,
)
from tests.sip.message import encode as encode_message
from tests.sip.rtp import Packet
from tests.sip.sdp import PCMA
from tests.sip.sdp import parse as parse_sdp
from tests.sip.udp import UdpSocket, bind


def caller(**settings: object) -> Phone:
    return Phone("87010000001", ip="127.0.0.2", tone_hz=500, **settings)  # type: ignore[arg-type]


def operator(**settings: object) -> Phone:
    return Phone("op1", tone_hz=600, **settings)  # type: ignore[arg-type]


# Messages


def test_a_message_survives_the_wire_with_a_name_that_is_not_utf_8() -> None:
    name = b'"\xd0\x90\xff\xfe, \\"x\\"; tag=1 <sip:evil@h>"'
    raw = b"INVITE sip:1414@h SIP/2.0\r\nf: " + name + b" <sip:7701@h>;tag=a\r\n\r\nbody"
    message = parse(raw)
    assert isinstance(message, Request)
    assert parameter(message.headers.get("From"), "tag") == "a"
    assert user_of(message.headers.get("From")) == "7701"
    wanted = 'А\udcff\udcfe, "x"; tag=1 <sip:evil@h>'
    assert display_name_of(message.headers.get("From")) == wanted
    assert name in encode_message(message)


def test_folded_and_comma_separated_headers_are_read() -> None:
    raw = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=1,\r\n SIP/2.0/UDP b;branch=2\r\n\r\n"
    message = parse(raw)
    assert isinstance(message, Response)
    assert [parameter(via, "branch") for via in message.headers.all("v")] == ["1", "2"]


@pytest.mark.parametrize("raw", [b"hello", b"\x00\xff", b"INVITE x SIP/2.0\r\nnocolon\r\n\r\n"])
def test_what_is_not_sip_is_refused(raw: bytes) -> None:
    with pytest.raises(SipSyntaxError):
        parse(raw)


def test_a_reply_gets_one_tag_and_keeps_the_vias() -> None:
    headers = Headers(("Via", "x;branch=1"), ("Via", "y"), ("To", "<sip:a@b>"), ("CSeq", "1 BYE"))
    answer = reply(Request("BYE", "sip:a@b", headers), 200, to_tag="t")
    assert answer.headers.all("Via") == ["x;branch=1", "y"]
    assert answer.headers.get("To") == "<sip:a@b>;tag=t"
    assert answer.method == "BYE"


def test_addresses_are_read_from_uris() -> None:
    assert address_of("sip:op1@127.0.0.1:5071;ob") == ("127.0.0.1", 5071)
    assert address_of("sip:127.0.0.1") == ("127.0.0.1", 5060)
    assert uri_of('"a <b>" <sip:x@y;lr>;q=1') == "sip:x@y;lr"


def test_a_session_description_is_read() -> None:
    text = "v=0\r\nc=IN IP4 127.0.0.9\r\nm=audio 4000 RTP/AVP 0 8 96\r\n"
    text += "a=rtpmap:96 telephone-event/8000\r\na=sendonly\r\n"
    session = parse_sdp(text.encode())
    assert session is not None
    assert (session.address, session.port, session.events) == ("127.0.0.9", 4000, 96)
    assert session.has_pcma
    assert session.direction == "sendonly"
    assert parse_sdp(b"v=0\r\n") is None


# Digest: the vectors printed in the RFCs


def test_digest_of_rfc_2617() -> None:
    value = authorization(
        Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", qop="auth"),
        method="GET",
        uri="/dir/index.html",
        username="Mufasa",
        password="Circle Of Life",
        cnonce="0a4f113b",
    )
    assert 'response="6629fae49393a05397450978507c4ef1"' in value


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_digest_of_rfc_7616(algorithm: str, response: str) -> None:
    nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    value = authorization(
        Challenge("http-auth@example.org", nonce, algorithm, "auth"),
        method="GET",
        uri="/dir/index.html",
        username="Mufasa",
        password="Circle of Life",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert f'response="{response}"' in value


def test_digest_without_qop_as_in_rfc_2069() -> None:
    value = authorization(
        Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093"),
        method="GET",
        uri="/dir/index.html",
        username="Mufasa",
        password="Circle Of Life",
        cnonce="",
    )
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in value


def test_the_stronger_challenge_is_answered() -> None:
    md5 = 'Digest realm="a, b", nonce="n", algorithm=MD5, qop="auth-int,auth"'
    sha = 'Digest realm="a", nonce="n", algorithm=SHA-256'
    assert strongest([md5, sha]).algorithm == "SHA-256"
    assert parse_challenge(md5) == Challenge("a, b", "n", "MD5", "auth")
    with pytest.raises(ValueError, match="no challenge"):
        strongest(['Digest realm="a", nonce="n", algorithm=SHA-512-256'])


# Sound


def test_alaw_keeps_every_byte_and_known_values() -> None:
    assert [encode_sample(decode_byte(byte)) for byte in range(256)] == list(range(256))
    assert encode_sample(0) == 0xD5
    assert encode_sample(32_767) == 0xAA
    assert encode_sample(-32_768) == 0x2A


def packets(*parts: tuple[bytes, ...], start_ms: int = 1_000, gap_ms: int = 0) -> list[Packet]:
    """Frames as packets 20 ms apart, with nothing for `gap_ms` between the parts."""
    made: list[Packet] = []
    at = start_ms
    for part in parts:
        for frame in part:
            made.append(Packet(at, PCMA, False, len(made), 160 * len(made), 7, frame))
            at += 20
        at += gap_ms
    return made


def test_tones_are_told_apart_with_their_times() -> None:
    heard = Hearing(packets(tone(500)[:25], SILENCE * 10, tone(600)[:25]), [400, 500, 600, 700])
    assert [(run.start_ms, run.end_ms) for run in heard.intervals(500)] == [(1_000, 1_500)]
    assert heard.first(600) == 1_700
    assert heard.first(400) is None
    assert [run.ms for run in heard.silences()] == [200]
    assert heard.longest_gap(600, 1_000, 2_200) == 700
    assert heard.longest_gap(600, 1_700, 2_500) == 300, "after the end nothing is heard"
    assert heard.longest_silence(1_000, 2_200) == 200
    assert (heard.at(1_250), heard.at(1_600), heard.at(1_900)) == (500, QUIET, 600)
    assert heard.at(9_999) == QUIET
    assert heard.level_dbfs(1_250) == pytest.approx(-15, abs=0.3)


def test_missing_packets_are_silence_and_a_burst_does_not_hide_them() -> None:
    stalled = packets(tone(500)[:10], tone(500)[10:40])
    late = [
        Packet(max(p.at_ms, 1_400), *struct_rest(p)) if p.at_ms >= 1_200 else p for p in stalled
    ]
    heard = Hearing(late, [500])
    assert heard.longest_gap(500, 1_000, 1_700) == pytest.approx(200, abs=20)
    assert heard.longest_packet_gap(1_000, 1_700) == 1_400 - 1_180
    assert heard.end_ms == pytest.approx(1_800, abs=80)
    lost = Hearing(packets(tone(500)[:10], tone(500)[:10], gap_ms=300), [500])
    assert [run.ms for run in lost.silences()] == [300]


def struct_rest(packet: Packet) -> tuple[int, bool, int, int, int, bytes]:
    """The fields of a packet after its time."""
    return (
        packet.payload_type,
        packet.marker,
        packet.sequence,
        packet.timestamp,
        packet.ssrc,
        packet.payload,
    )


def test_ordinary_jitter_makes_no_hole() -> None:
    rng = random.Random(1)
    jittery = [
        Packet(p.at_ms + rng.randint(0, 15), *struct_rest(p)) for p in packets(tone(500) * 4)
    ]
    heard = Hearing(jittery, [500])
    assert heard.longest_gap(500, heard.start_ms, heard.end_ms) == 0


def test_speech_like_noise_is_not_taken_for_a_tone() -> None:
    rng = random.Random(2)
    noise = encode(array("h", (rng.randint(-8_000, 8_000) for _ in range(FRAME_SAMPLES * 50))))
    frames = tuple(
        noise[start : start + FRAME_SAMPLES] for start in range(0, len(noise), FRAME_SAMPLES)
    )
    heard = Hearing(packets(frames), range(300, 1_000, 100))
    assert {heard.at(at) for at in range(1_000, 2_000, 20)} == {OTHER}


def test_two_mixed_tones_are_both_heard() -> None:
    mixed = array(
        "h",
        (
            a + b
            for frame_a, frame_b in zip(tone(500), tone(700), strict=True)
            for a, b in zip(decode(frame_a), decode(frame_b), strict=True)
        ),
    )
    data = encode(mixed)
    frames = tuple(
        data[start : start + FRAME_SAMPLES] for start in range(0, len(data), FRAME_SAMPLES)
    )
    heard = Hearing(packets(frames), [500, 600, 700], share_min=0.3)
    assert set(heard.windows[10].tones) == {500, 700}


def test_a_minute_of_different_sound_is_analysed_in_under_a_second() -> None:
    rng = random.Random(3)
    frames = tuple(rng.randbytes(FRAME_SAMPLES) for _ in range(3_000))
    began = time.process_time()
    Hearing(packets(frames), [500, 600, 700, 800])
    assert time.process_time() - began < 1.0


def test_a_recording_is_saved_with_its_gaps(tmp_path: Path) -> None:
    heard = Hearing(packets(tone(500)[:5], tone(500)[:5], gap_ms=100), [500])
    heard.save(tmp_path / "heard.wav")
    with wave.open(str(tmp_path / "heard.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8_000, 1, 2)
        assert file.getnframes() == 300 * 8


# Calls between two phones


async def test_both_sides_hear_the_other_ones_tone_and_see_the_same_end() -> None:
    async with operator(policy=AnswerAfter(ring_ms=60)) as op, caller() as citizen:
        call = citizen.dial(op.uri, display_name='Айгүл "А"', headers=[("X-Test", "1")])
        taken = await op.next_call()
        assert taken.caller_name == 'Айгүл "А"'
        assert taken.caller_number == "87010000001"
        assert taken.invite.headers.get("x-test") == "1"
        answered = await call.answered()
        await taken.wait_for("acked")
        rung = await call.wait_for("ringing")
        assert 40 <= answered.at_ms - rung.at_ms < 300
        heard_at = await call.hears(600)
        assert -20 <= heard_at - answered.at_ms < 200
        await taken.hears(500)
        await call.hang_up()
        await taken.ended()
        assert [event.name for event in op.log.events] == [
            "invited",
            "ringing",
            "answered",
            "acked",
            "bye-received",
            "ended",
        ]


async def test_keys_arrive_in_order_with_their_length_and_the_sound_returns() -> None:
    async with operator(policy=AnswerAfter()) as op, caller() as citizen:
        call = citizen.dial(op.uri)
        taken = await op.next_call()
        await call.answered()
        await call.press("1*#0", on_ms=80, off_ms=60)
        await call.press("5")
        await taken.hears(500)
        keys = taken.keys()
    assert "".join(key.key for key in keys) == "1*#05"
    assert [key.ms for key in keys] == [80] * 4 + [100]
    steps = [after.at_ms - before.at_ms for before, after in pairwise(keys[:4])]
    assert all(120 <= step <= 160 for step in steps), steps


async def test_key_packets_follow_rfc_4733() -> None:
    async with operator(policy=AnswerAfter()) as op, caller() as citizen:
        call = citizen.dial(op.uri)
        taken = await op.next_call()
        await call.answered()
        await taken.hears(500)
        await call.press("7", on_ms=80)
        await taken.hears(500)
        events = [p for p in taken.media.recording.packets() if p.payload_type == 101]
    assert len({packet.timestamp for packet in events}) == 1
    assert [packet.marker for packet in events] == [True] + [False] * 5
    fields = [struct.unpack("!BBH", packet.payload) for packet in events]
    assert [event for event, _, _ in fields] == [7] * 6
    assert [bool(flags & 0x80) for _, flags, _ in fields] == [False] * 3 + [True] * 3
    assert [duration for _, _, duration in fields] == [160, 320, 480, 640, 640, 640]


async def test_a_caller_who_hangs_up_while_it_rings_cancels() -> None:
    async with operator(policy=Ring()) as op, caller() as citizen:
        call = citizen.dial(op.uri)
        taken = await op.next_call()
        await call.wait_for("ringing")
        await call.hang_up()
        await taken.wait_for("cancelled")
        assert (await taken.ended()).at_ms
        assert call.code == taken.code == 487


@pytest.mark.parametrize("code", [480, 486, 603])
async def test_a_refusal_reaches_the_caller(code: int) -> None:
    async with operator(policy=Reject(code)) as op, caller() as citizen:
        with pytest.raises(CallFailed) as failure:
            await citizen.dial(op.uri).answered()
        assert failure.value.code == code
        assert (await op.next_call()).state == "ended"


async def test_a_phone_in_a_call_is_busy_unless_it_has_call_waiting() -> None:
    async with operator(policy=AnswerAfter()) as op, caller() as one, caller() as two:
        await one.dial(op.uri).answered()
        with pytest.raises(CallFailed) as failure:
            await two.dial(op.uri).answered()
        assert failure.value.code == 486
        op.has_call_waiting = True
        await two.dial(op.uri).answered()
        assert len(op.live_calls) == 2


async def test_a_silent_phone_sends_nothing_and_the_invite_is_repeated() -> None:
    async with caller() as citizen:
        seen: list[bytes] = []
        repeated = asyncio.Event()

        def keep(data: bytes, sender: tuple[str, int], at_ms: int) -> None:
            seen.append(data)
            if len(seen) == 2:
                repeated.set()

        wall = UdpSocket(bind("127.0.0.1"), keep)
        call = citizen.dial(f"sip:x@127.0.0.1:{wall.address[1]}")
        async with asyncio.timeout(3):
            await repeated.wait()
        assert seen[0] == seen[1]
        wall.close()
        async with operator(policy=Silent()) as op:
            quiet = citizen.dial(op.uri)
            await op.next_call()
            with pytest.raises(PhoneTimeout):
                await quiet.wait_for("trying", "ringing", "failed", timeout_ms=100)
            quiet.vanish()
        call.vanish()


async def test_a_vanished_phone_says_nothing_more() -> None:
    async with operator(policy=AnswerAfter()) as op, caller() as citizen:
        call = citizen.dial(op.uri)
        await call.answered()
        await call.hears(600)
        op.vanish()
        gone_ms = op.log.find("vanished")[0].at_ms
        with pytest.raises(PhoneTimeout):
            await call.wait_for("bye-received", timeout_ms=150)
        heard = call.hearing([600])
        assert (heard.last(600) or 0) <= gone_ms + 60
        call.vanish()


async def test_stopping_the_sound_is_heard_as_silence() -> None:
    async with operator(policy=AnswerAfter()) as op, caller() as citizen:
        call = citizen.dial(op.uri)
        taken = await op.next_call()
        await call.hears(600, at_least_ms=100)
        taken.say(None)
        with pytest.raises(PhoneTimeout, match="600 not heard"):
            await call.hears(600, at_least_ms=100, timeout_ms=200)
        taken.say(800)
        await call.hears(800)
        assert call.hearing([600, 800]).longest_silence(*span(call.hearing([600, 800]))) >= 150


def span(heard: Hearing) -> tuple[int, int]:
    """From the first to the last packet."""
    return heard.start_ms, heard.end_ms


async def test_a_manual_phone_does_what_the_test_says() -> None:
    async with operator(policy=Manual()) as op, caller() as citizen:
        call = citizen.dial(op.uri)
        taken = await op.next_call()
        await call.wait_for("trying")
        taken.ring()
        await call.wait_for("ringing")
        taken.answer()
        await call.answered()
        await taken.wait_for("acked")
        await taken.hang_up()
        await call.wait_for("bye-received")


async def test_hanging_up_at_the_moment_of_the_answer_leaves_no_call() -> None:
    async with operator(policy=Ring()) as op, caller() as citizen:
        call = citizen.dial(op.uri)
        taken = await op.next_call()
        await call.wait_for("ringing")
        taken.answer()
        await call.hang_up()
        await taken.ended()
        assert not op.live_calls
        assert not citizen.live_calls


async def test_an_event_that_never_comes_fails_with_the_log() -> None:
    async with operator(policy=Ring()) as op, caller() as citizen:
        call = citizen.dial(op.uri)
        with pytest.raises(PhoneTimeout, match="ringing"):
            await call.wait_for("answered", timeout_ms=150)
        await call.hang_up()
        with pytest.raises(PhoneTimeout, match="the call ended without it"):
            await call.wait_for("acked", timeout_ms=60_000)


class Registrar:
    """The smallest server that asks for digest credentials, for the phone's client side."""

    def __init__(self, *challenges: str, lose: int = 0) -> None:
        self.seen: list[Request] = []
        self._challenges = challenges
        self._lose = lose
        self._socket = UdpSocket(bind("127.0.0.1"), self._received)
        self.address = self._socket.address

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def _received(self, data: bytes, sender: tuple[str, int], at_ms: int) -> None:
        if self._lose:
            self._lose -= 1
            return
        request = parse(data)
        assert isinstance(request, Request)
        self.seen.append(request)
        authorized = request.headers.get("Authorization")
        answer = reply(request, 200 if authorized else 401, to_tag="t")
        for challenge in () if authorized else self._challenges:
            answer.headers.add("WWW-Authenticate", challenge)
        self._socket.send(encode_message(answer), sender)


async def test_a_phone_registers_with_the_strongest_digest_and_unregisters_at_the_end() -> None:
    registrar = Registrar(
        'Digest realm="asterisk", nonce="n1", algorithm=MD5, qop="auth"',
        'Digest realm="asterisk", nonce="n2", algorithm=SHA-256, qop="auth"',
    )
    async with operator(server=registrar.address, password="secret") as op:
        response = await op.register(expires_s=60)
        assert response is not None
        assert response.code == 200
    first, second, *last = registrar.seen
    assert not first.headers.get("Authorization")
    assert "algorithm=SHA-256" in second.headers.get("Authorization")
    assert second.cseq == first.cseq + 1
    assert second.branch != first.branch
    assert second.call_id == first.call_id
    assert {request.headers.get("Expires") for request in last} == {"0"}
    assert [event.name for event in op.log.events] == ["registered", "unregistered"]
    registrar.close()


async def test_a_lost_register_is_sent_again_after_half_a_second() -> None:
    registrar = Registrar('Digest realm="asterisk", nonce="n1"', lose=1)
    async with operator(server=registrar.address, password="secret") as op:
        began = asyncio.get_running_loop().time()
        await op.register()
        assert 0.45 < asyncio.get_running_loop().time() - began < 1.5
        op.forget_registration()
    registrar.close()


async def test_a_wrong_password_is_a_refusal_and_no_endless_loop() -> None:
    registrar = Registrar()
    async with operator(server=registrar.address) as op:
        response = await op.register()
        assert response is not None
        assert response.code == 401
        assert op.log.find("register-failed")
    registrar.close()


async def test_the_beat_does_not_drift_with_forty_calls() -> None:
    async with operator(policy=AnswerAfter(), has_call_waiting=True) as op, caller() as citizen:
        calls = [citizen.dial(op.uri) for _ in range(20)]
        for call in calls:
            await call.answered()
        report = Pacer.of_running_loop().report
        beats, began = report.beats, asyncio.get_running_loop().time()
        await asyncio.gather(*(call.hears(600, at_least_ms=300) for call in calls))
        due = (asyncio.get_running_loop().time() - began) / 0.02
        assert report.beats - beats == pytest.approx(due, abs=2)
        assert report.skipped == 0
        arrivals = calls[0].hearing([600]).arrivals_ms
        assert arrivals[-1] - arrivals[0] == pytest.approx(20 * (len(arrivals) - 1), abs=40)
