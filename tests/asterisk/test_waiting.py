"""What a waiting caller hears: music that goes on, their place when it is news, and keys count."""

import asyncio
import contextlib
import wave
from array import array

import pytest

from ivr.alaw import decode
from ivr.core.announcements import announcement
from tests.asterisk.centre import FILES, ROOT, Centre, events, talk
from tests.asterisk.prompts import hears_prompt, last_heard, times_heard

LADDER = "ladder: [{at: 30s, do: widen, language: 1, topic: 0}]"
TELLS = f"announce: {{first: 4s, every: 20s, position: true, wait: false}}\n    {LADDER}"
PIECE = 480
SECOND = 8000


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory):
    """A centre that tells those in the queue of general questions their place after 4 s."""
    assert LADDER in FILES["queues.yaml"]
    queues = FILES["queues.yaml"].replace(LADDER, TELLS, 1)
    running = Centre(tmp_path_factory.mktemp("w"), {**FILES, "queues.yaml": queues})
    running.start()
    yield running
    assert running.stop() == 0


def music() -> array:
    """The music on hold."""
    with wave.open(str(ROOT / "dialplans" / "music" / "hold.wav")) as file:
        return array("h", file.readframes(file.getnframes()))


def place_of(piece: array, tune: array, near: range) -> int | None:
    """Where in the tune these samples are; coded for the line each is off by a few percent."""
    probes = range(0, PIECE, PIECE // 6)
    for at in near:
        if all(abs(tune[at + probe] - piece[probe]) < 300 for probe in probes):
            apart = sum(abs(x - y) for x, y in zip(piece, tune[at : at + PIECE], strict=True))
            if apart < 0.05 * sum(map(abs, piece)):
                return at
    return None


async def test_the_music_goes_on_where_it_stopped_every_two_seconds(centre: Centre):
    async with centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "22")
        await centre.until("callers", "call", id_, stage="waiting")
        await asyncio.sleep(9)
        await call.press("5")  # a key that means nothing here changes nothing
        await asyncio.sleep(4)
        await call.hang_up()
        await centre.ended(id_)
    heard, tune = decode(call.hearing([]).alaw), music()
    late = len(heard) - SECOND
    begin = place_of(heard[late : late + PIECE], tune, range(len(tune) - PIECE))
    assert begin is not None, "the music is recognised"
    for back in range(SECOND, 12 * SECOND, SECOND // 2):  # through five pieces of two seconds
        piece, at = heard[late - back : late - back + PIECE], begin - back
        found = place_of(piece, tune, range(max(0, at - 2000), at + 2000))
        assert found is not None, f"{back / SECOND} s before the end something else was heard"
        assert abs(found - at) < 0.15 * SECOND, "it stopped, or went back"
    await centre.nothing_left()


@contextlib.asynccontextmanager
async def one_in_a_conversation(centre: Centre):
    """An operator who could take general questions, and talks; nobody else is there yet."""
    async with centre.caller("77010003344") as other, centre.operator("begin", 600) as operator:
        call, id_ = await centre.call_in(other, "25")
        taken = await operator.next_call()
        await talk(taken, call)
        yield
        await call.hang_up()
        await taken.ended()
        await centre.ended(id_)


async def test_the_place_is_told_when_it_is_news_and_an_offer_cuts_it_short(centre: Centre):
    place, number = announcement("ru", 1, None)
    async with one_in_a_conversation(centre), centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "25")
        await hears_prompt(call, place)
        async with centre.operator("gen1", 600) as operator:
            taken = await operator.next_call()
            await talk(taken, call)
            ended = last_heard(call, place)
            await call.hang_up()
            await taken.ended()
        story = await centre.ended(id_)
    [told] = [entry for entry in story["timeline"] if entry["event"] == "told"]
    assert told["position"] == 1
    assert events(story).index("told") < events(story).index("connected")
    assert ended - times_heard(call, place)[0] < 3000 and len(times_heard(call, number)) <= 1
    await centre.nothing_left()


async def test_the_place_is_said_to_the_end_and_the_caller_keeps_it(centre: Centre):
    place, number = announcement("ru", 1, None)
    async with one_in_a_conversation(centre), centre.caller() as citizen:
        call, id_ = await centre.call_in(citizen, "25")
        await hears_prompt(call, place)
        await hears_prompt(call, number)
        await asyncio.sleep(2.5)
        row = await centre.row("callers", "call", id_)
        await call.hang_up()
        await centre.ended(id_)
    assert (row["position"], row["stage"]) == (1, "waiting")
    await centre.nothing_left()
