"""The AMI session against a scripted Asterisk on a real socket."""

import asyncio
import contextlib
import logging
from contextlib import asynccontextmanager

import pytest

from acd.ami import LINE_MAX, Ami, AmiError, encode, parse
from tests.unit.agi_peer import until

BANNER = b"Asterisk Call Manager/9.0.0\r\n"
PONG = {"Response": "Success", "Ping": "Pong"}
CITY = "Қазақстан"


def wire(**headers):
    """One message as Asterisk sends it."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n"


class Peer:
    """The other end: keeps every action, answers by `answers[action]`, else as told nothing.

    An answer is a list of messages; each gets the action's id. `None` leaves it unanswered.
    """

    def __init__(self, banner=BANNER):
        self.banner = banner
        self.answers = {"Login": [{"Response": "Success"}], "Ping": [PONG]}
        self.actions = []
        self.writers = []
        self.port = 0

    def sent(self, name):
        return [action for action in self.actions if action["Action"] == name]

    def say(self, data):
        self.writers[-1].write(data)

    def drop(self):
        self.writers[-1].transport.abort()

    async def serve(self, reader, writer):
        self.writers.append(writer)
        writer.write(self.banner)
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                action = parse(await reader.readuntil(b"\r\n\r\n"))
                self.actions.append(action)
                for message in self.answers.get(action["Action"]) or []:
                    writer.write(wire(**message, ActionID=action["ActionID"]))
        writer.close()


@asynccontextmanager
async def asterisk(**options):
    peer = Peer(**options)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for writer in peer.writers:
            writer.transport.abort()
        await server.wait_closed()


@asynccontextmanager
async def session(peer, on_event=None, **options):
    events = []
    ami = await Ami.connect(
        "127.0.0.1", peer.port, "acd", "secret", on_event or events.append, **options
    )
    ami.events = events
    try:
        yield ami
    finally:
        await ami.close()


async def test_the_login_goes_first_and_carries_the_secret():
    async with asterisk() as peer, session(peer):
        assert peer.actions[0] == {
            "Action": "Login", "ActionID": "1", "Username": "acd", "Secret": "secret"
        }  # fmt: skip


async def test_a_message_split_at_any_byte_arrives_whole():
    message = wire(Event="UserEvent", Where=f"{CITY} ☎", Call="n1-1.1")
    async with asterisk() as peer, session(peer) as ami:
        for at in range(1, len(message)):
            peer.say(message[:at])
            await asyncio.sleep(0)  # let the first part travel by itself
            await asyncio.sleep(0)
            peer.say(message[at:])
        await until(lambda: len(ami.events) == len(message) - 1)
    assert all(event["Where"] == f"{CITY} ☎" for event in ami.events)


async def test_a_byte_at_a_time_and_many_messages_at_once_are_the_same():
    messages = [wire(Event="E", Number=str(n), Name=CITY) for n in range(50)]
    async with asterisk() as peer, session(peer) as ami:
        for byte in b"".join(messages[:3]):
            peer.say(bytes([byte]))
            await asyncio.sleep(0)
        peer.say(b"".join(messages[3:]))
        await until(lambda: len(ami.events) == 50)
    assert [event["Number"] for event in ami.events] == [str(n) for n in range(50)]


async def test_bytes_that_are_not_utf8_cost_only_themselves():
    async with asterisk() as peer, session(peer) as ami:
        peer.say(b"Event: E\r\nCallerIDName: \xd0\x90\xff\xfe!\r\nUniqueid: 7\r\n\r\n")
        await until(lambda: ami.events)
    assert ami.events == [{"Event": "E", "CallerIDName": "А\ufffd\ufffd!", "Uniqueid": "7"}]


async def test_responses_find_their_action_among_events_and_out_of_order():
    async with asterisk() as peer, session(peer) as ami:
        first = asyncio.ensure_future(ami.action("CoreStatus"))
        second = asyncio.ensure_future(ami.action("Getvar", Variable="X"))
        await until(lambda: len(peer.actions) >= 3)
        ids = [action["ActionID"] for action in peer.actions[1:3]]
        peer.say(wire(Event="One"))
        peer.say(wire(Response="Success", Value="second", ActionID=ids[1]))
        peer.say(wire(Event="Two", Response="Success"))
        peer.say(wire(Response="Success", Value="first", ActionID=ids[0]))
        assert (await first)["Value"] == "first"
        assert (await second)["Value"] == "second"
        assert [event["Event"] for event in ami.events] == ["One", "Two"]


async def test_an_event_that_bears_a_finished_actions_id_is_an_event():
    async with asterisk() as peer, session(peer) as ami:
        peer.say(wire(Event="Late", ActionID="1"))
        await until(lambda: ami.events)


async def test_a_listing_gives_what_stands_between_its_ends():
    async with asterisk() as peer, session(peer) as ami:
        peer.answers["Status"] = [
            {"Response": "Success", "EventList": "start"},
            {"Event": "Status", "Uniqueid": "1"},
            {"Event": "Status", "Uniqueid": "2"},
            {"Event": "StatusComplete", "EventList": "Complete", "ListItems": "2"},
        ]
        assert [row["Uniqueid"] for row in await ami.listing("Status")] == ["1", "2"]
        peer.answers["Status"][1:3] = []
        assert await ami.listing("Status") == []
        assert ami.events == []


async def test_an_error_is_told_in_asterisks_words_for_actions_and_listings():
    async with asterisk() as peer, session(peer) as ami:
        peer.answers["Status"] = [{"Response": "Error", "Message": "No such channel"}]
        with pytest.raises(AmiError, match=r"^No such channel$"):
            await ami.listing("Status", Channel="gone")
        with pytest.raises(AmiError, match=r"^No such channel$"):
            await ami.action("Status", Channel="gone")


async def test_an_action_nobody_answers_ends_in_time_and_its_late_answer_is_dropped():
    async with asterisk() as peer, session(peer) as ami:
        with pytest.raises(AmiError, match=r"Redirect was not answered within 0\.05 s"):
            await ami.action("Redirect", timeout_s=0.05, Channel="x")
        id_ = peer.sent("Redirect")[0]["ActionID"]
        peer.say(wire(Response="Error", ActionID=id_) + wire(Event="Next"))
        await until(lambda: ami.events)
        assert not ami.closed.done()


async def test_a_listing_that_never_ends_is_given_up():
    async with asterisk() as peer, session(peer) as ami:
        peer.answers["Status"] = [{"Response": "Success", "EventList": "start"}]
        with pytest.raises(AmiError, match=r"within 0\.05 s"):
            await ami.listing("Status", timeout_s=0.05)


async def test_when_the_link_drops_everything_pending_fails_and_nothing_is_sent_again():
    async with asterisk() as peer:
        async with session(peer) as ami:
            pending = [asyncio.ensure_future(ami.action("Redirect", Channel="a"))]
            pending += [asyncio.ensure_future(ami.listing("Status")), ami.post("Setvar")]
            await until(lambda: len(peer.actions) >= 4)
            peer.drop()
            async with asyncio.timeout(2):  # far sooner than their own limits
                results = await asyncio.gather(*pending, return_exceptions=True)
            assert "link is down" in str(results[0]) and isinstance(results[0], AmiError)
            assert isinstance(results[1], AmiError)
            assert results[2] is None
            assert isinstance(await ami.closed, str)
            with pytest.raises(AmiError, match="link is down"):
                await ami.action("Redirect", Channel="b")
            assert await ami.post("Setvar", Variable="late") is None
        before = len(peer.actions)
        async with session(peer) as again:
            await again.action("Ping")
            assert {a["Action"] for a in peer.actions[before:]} == {"Login", "Ping"}


@pytest.mark.parametrize(
    "value",
    ["a\r\nAction: X", "a\nb", "a\rb", "a\0b", "x" * (LINE_MAX + 1), "Ж" * (LINE_MAX // 2 + 1)],
    ids=["crlf", "lf", "cr", "nul", "long", "long in bytes"],
)  # fmt: skip
async def test_a_value_that_could_end_its_line_is_refused_before_anything_is_sent(value):
    async with asterisk() as peer, session(peer) as ami:
        with pytest.raises(AmiError, match="the value of Value cannot be sent"):
            await ami.action("Setvar", Variable="X", Value=value)
        assert await ami.post("Setvar", Variable="X", Value=value) is None
        await ami.action("Ping")
        assert peer.sent("Setvar") == []


def test_a_value_of_the_longest_length_and_half_a_letter_can_be_sent():
    assert encode({"Value": "x" * LINE_MAX}).count(b"x") == LINE_MAX
    assert encode({"Value": "a\ud800b"}) == b"Value: a?b\r\n\r\n"


async def test_a_server_gone_deaf_is_noticed_although_the_link_stands():
    async with asterisk() as peer, session(peer, ping_every_s=0.02, timeout_s=0.1) as ami:
        await until(lambda: len(peer.sent("Ping")) >= 2)
        assert not ami.closed.done()
        peer.answers["Ping"] = None
        async with asyncio.timeout(5):
            assert "Ping was not answered" in await ami.closed
        with pytest.raises(AmiError, match="link is down"):
            await ami.action("CoreStatus")


async def test_a_callback_that_raises_loses_that_event_alone(caplog):
    seen = []

    def hear(event):
        if event["Event"] == "Poison":
            raise KeyError("poison")
        seen.append(event["Event"])

    async with asterisk() as peer, session(peer, hear) as ami:
        peer.say(wire(Event="One") + wire(Event="Poison") + wire(Event="Two"))
        await until(lambda: len(seen) == 2)
        assert (await ami.action("Ping"))["Ping"] == "Pong"
    assert seen == ["One", "Two"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_a_wrong_secret_is_said_so():
    async with asterisk() as peer:
        peer.answers["Login"] = [{"Response": "Error", "Message": "Authentication failed"}]
        with pytest.raises(AmiError, match=r"refused the login \(Authentication failed\)"):
            async with session(peer):
                pass
        assert [action["Action"] for action in peer.actions] == ["Login"]


@pytest.mark.parametrize("banner", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\r\n", b"220 smtp\n"])
async def test_a_server_that_is_not_asterisk_is_said_so(banner):
    async with asterisk(banner=banner) as peer:
        with pytest.raises(AmiError, match="not Asterisk's manager interface"):
            async with session(peer):
                pass
        assert peer.actions == []


async def test_a_port_with_nobody_or_a_mute_one_behind_it_is_said_so():
    async with asterisk(banner=b"") as peer:
        with pytest.raises(AmiError, match=r"no answer from AMI at 127.0.0.1:\d+ \(timed out\)"):
            async with session(peer, timeout_s=0.05):
                pass
    with pytest.raises(AmiError, match="no answer from AMI at"):
        async with session(peer):
            pass


async def test_a_message_without_end_closes_the_link_instead_of_filling_the_memory():
    async with asterisk() as peer, session(peer) as ami:
        peer.say(b"Event: " + b"x" * 3_000_000)
        async with asyncio.timeout(5):
            assert await ami.closed
        with pytest.raises(AmiError):
            await ami.action("Ping")


async def test_posts_arrive_in_the_order_of_the_calls():
    async with asterisk() as peer, session(peer) as ami:
        for number in range(20):
            ami.post("Setvar", Value=str(number))
            ami.post("Redirect", Channel=str(number))
        await until(lambda: len(peer.actions) >= 41)
    order = [a.get("Value") or a.get("Channel") for a in peer.actions[1:41]]
    assert order == [str(n) for n in range(20) for _ in range(2)]
    assert [a["Action"] for a in peer.actions[1:41]] == ["Setvar", "Redirect"] * 20
