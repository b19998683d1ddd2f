"""Callbacks around the router: numbers, tickets, what is on record, restarts; a real loop."""

import asyncio
from contextlib import asynccontextmanager, suppress
from zoneinfo import ZoneInfo

import pytest

from acd.api import RequestError
from acd.call_record import Call
from acd.callbacks import Callbacks, key_of
from acd.calls import CallBook
from acd.core.callbacks import callback_id
from acd.core.events import (
    CallbackAnswered,
    CallbackFailed,
    CallbacksHeld,
    CallerHungUp,
    Connected,
    ContactQueued,
    OperatorAnswered,
    OperatorHungUp,
    OperatorLoggedOut,
)
from acd.core.names import ContactId, Millis
from acd.core.queues import CallbackRules
from acd.core.router import Router
from acd.dialler import AmiError
from acd.figures import Figures
from acd.loop import Loop
from acd.settings import Callbacks as Allowed
from tests.unit.agi_peer import until
from tests.unit.routing import (
    AIGUL,
    BOLAT,
    PENSION,
    RU,
    SOCIAL,
    A,
    on_duty,
    operator,
    queued,
    rules,
)
from tests.unit.test_calls import Archive

NUMBER = "+77010001122"
NOW = 1_795_374_000_000
BACK = callback_id(AIGUL)
PENSIONER = operator(A, {RU: 5}, {PENSION: 5})
RULES = rules(PENSIONER, callback=CallbackRules(2, Millis(60_000), Millis(20_000)))


class Dialler:
    """The other end of the second login."""

    def __init__(self):
        self.dialled = []
        self.refuses = False

    async def dial(self, ticket, ring_ms):
        if self.refuses:
            raise AmiError("Originate: no answer")
        self.dialled.append((ticket, ring_ms))


class World:
    """Loop, router, book and callbacks, wired as the service wires them."""

    def __init__(self):
        self.now = NOW
        self.rows = []
        self.sent = []
        self.answers = {"Response": "Success"}
        self.answering = None
        self.dialler = Dialler()
        self.allowed = Allowed(numbers=("+77XXXXXXXXX", "77XXXXXXXXX"))
        self.router = Router(RULES)
        self.archive = Archive()
        self.figures = Figures(30_000, Millis(NOW - 1))
        self.book = CallBook(
            self.router, self.archive, self.figures, lambda: Millis(self.now), "n1"
        )
        self.loop = Loop(self.router, self.carry_out, lambda: Millis(self.now))
        self.callbacks = Callbacks(
            self.router,
            self.book,
            self.loop,
            lambda: Millis(self.now),
            self.dialler,
            zone=ZoneInfo("Asia/Almaty"),
            allowed=lambda: self.allowed,
            keep=self.rows.append,
            link=lambda: self,
        )

    def carry_out(self, event, now, commands, before):
        self.book.observe(event, commands, before)
        self.callbacks.observe(event, commands)

    def post(self, name, **headers):
        """The usual login: `answers` once the test lets it."""
        self.sent.append((name, headers))
        done = asyncio.get_running_loop().create_future()
        if self.answers is not None:
            done.set_result(self.answers)
        self.answering = done
        return done

    async def tell(self, *events):
        for event in events:
            await self.loop.settle(event)

    async def waits(self, contact=AIGUL, number="77010001122"):
        self.book.call_arrived(contact, number)
        await self.tell(queued(contact, self.now))

    async def taken(self):
        await self.waits()
        self.now += 20_000
        assert await self.callbacks.accept(AIGUL, NUMBER)
        self.book.call_gone(AIGUL)

    def events(self):
        return [entry.event for call, entry in self.archive.entries if call == AIGUL]

    def state(self):
        [row] = self.callbacks.rows
        return self.callbacks.state(row)


@asynccontextmanager
async def running():
    world = World()
    task = asyncio.get_running_loop().create_task(world.loop.run())
    try:
        yield world
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("number", "dialled"),
    [
        ("+77010001122", "+77010001122"),
        ("77010001122", "77010001122"),
        ("7010001122", None),
        ("+7701000112", None),
        ("", None),
        ("+77010001122;112", None),
    ],
)
async def test_only_numbers_of_the_patterns_are_dialled(number, dialled):
    assert World().callbacks.dialable(number) == dialled


def test_a_number_without_its_plus_is_dialled_with_it_where_only_that_is_allowed():
    world = World()
    world.allowed = Allowed(numbers=("+77XXXXXXXXX",))
    assert world.callbacks.dialable("77010001122") == NUMBER


def test_a_number_has_one_key_however_it_is_written():
    assert {key_of(n) for n in (NUMBER, "77010001122", "87010001122")} == {"7010001122"}


async def test_who_takes_a_callback_counts_as_one_and_is_on_record_with_place_and_clock():
    async with running() as world:
        await world.taken()
        [row] = world.callbacks.rows
        assert (row.contact, row.call, row.number, row.key) == (BACK, AIGUL, NUMBER, key_of(NUMBER))
        assert (row.queue, row.topic, row.queued_at) == (SOCIAL, PENSION, NOW)
        assert world.rows[-1] == row and row.closed is None
        assert world.archive.calls[AIGUL].outcome == "callback"
        sums = world.figures.queues[SOCIAL]
        assert (sums.offered, sums.callbacks) == (1, 1)
        assert world.state() == ("waiting", None)


async def test_a_free_operator_has_the_number_dialled_behind_a_ticket():
    async with running() as world:
        await world.taken()
        await world.tell(*on_duty(A))
        await until(lambda: world.dialler.dialled)
        [(ticket, ring_ms)] = world.dialler.dialled
        [(name, headers)] = world.sent
        assert (name, headers["Variable"]) == ("Setvar", f"ACD_CB_{ticket}")
        assert headers["Value"] == f"{BACK}|{NUMBER}|ru|pension|0|{NOW}|20"
        assert ring_ms == 20_000 and len(ticket) == 12 and ticket.isdigit()
        assert world.state() == ("dialling", A)


async def test_the_story_of_a_callback_goes_on_in_the_call_it_came_from():
    async with running() as world:
        await world.taken()
        await world.tell(*on_duty(A))
        world.now += 5_000
        await world.tell(CallbackAnswered(BACK))
        await world.tell(OperatorAnswered(BACK, A), Connected(BACK, A))
        assert world.rows[-1].closed == "answered"
        world.now += 60_000
        await world.tell(OperatorHungUp(BACK, A))
        assert world.callbacks.rows == []
        assert world.events()[-5:] == [
            "callback_answered",
            "offered",
            "operator_answered",
            "connected",
            "operator_hung_up",
        ]
        call = world.archive.calls[AIGUL]
        assert (call.outcome, call.operator, call.handle_ms) == ("callback", A, 60_000)
        sums = world.figures.queues[SOCIAL]
        assert (sums.offered, sums.callbacks, sums.answered) == (1, 1, 0)
        assert world.book.of(BACK) is None


async def test_a_citizen_who_is_not_reached_is_called_again_after_the_pause_and_then_given_up():
    async with running() as world:
        await world.taken()
        await world.tell(*on_duty(A), CallbackFailed(BACK, "busy"))
        assert world.state() == ("pausing", None)
        assert (world.rows[-1].tries, world.rows[-1].last) == (1, "busy")
        assert world.rows[-1].not_before == world.now + 60_000
        world.now += 60_000
        await world.tell(CallbacksHeld(held=False))
        await until(lambda: len(world.dialler.dialled) == 2)
        await world.tell(CallbackFailed(BACK, "no_answer"))
        assert world.callbacks.rows == []
        last = world.rows[-1]
        assert (last.closed, last.tries, last.last) == ("given_up", 2, "no_answer")
        assert "callback_given_up" in world.events()
        tickets = {ticket for ticket, _ in world.dialler.dialled}
        assert len(tickets) == 2, "a ticket is good for one call"


async def test_nobody_is_dialled_before_the_number_is_behind_the_ticket():
    async with running() as world:
        world.answers = None
        await world.taken()
        await world.tell(*on_duty(A))
        assert world.sent and world.dialler.dialled == []
        world.answering.set_result({"Response": "Success"})
        await until(lambda: world.dialler.dialled)


async def test_a_number_that_asterisk_does_not_take_is_a_failed_try():
    async with running() as world:
        world.answers = None
        await world.taken()
        await world.tell(*on_duty(A))
        world.answering.set_result(None)
        await until(lambda: world.rows[-1].last == "failed")
        assert world.dialler.dialled == []


async def test_who_was_called_off_meanwhile_is_not_dialled():
    async with running() as world:
        world.answers = None
        await world.taken()
        await world.tell(*on_duty(A))
        held = world.answering
        world.answers = {"Response": "Success"}
        await world.tell(OperatorLoggedOut(A))
        held.set_result({"Response": "Success"})
        await until(lambda: held.done())
        await asyncio.sleep(0)
        await world.tell(CallbacksHeld(held=False))
        assert world.dialler.dialled == []


async def test_a_login_that_does_not_dial_is_a_failed_try():
    async with running() as world:
        world.dialler.refuses = True
        await world.taken()
        await world.tell(*on_duty(A))
        await until(lambda: world.rows[-1].last == "failed")
        assert world.rows[-1].tries == 1


async def test_a_number_that_is_no_longer_allowed_is_not_dialled():
    async with running() as world:
        await world.taken()
        world.allowed = Allowed()
        await world.tell(*on_duty(A))
        await until(lambda: world.rows[-1].last == "failed")
        assert world.dialler.dialled == [] and world.sent == []


async def test_an_operator_who_leaves_while_it_rings_ends_the_ringing():
    async with running() as world:
        await world.taken()
        await world.tell(*on_duty(A))
        await until(lambda: world.dialler.dialled)
        [(ticket, _)] = world.dialler.dialled
        await world.tell(OperatorLoggedOut(A))
        assert world.sent[1:] == [
            ("Setvar", {"Variable": f"ACD_CB_{ticket}", "Value": ""}),
            ("Hangup", {"Channel": f"acd-cb-{ticket}"}),
        ]
        assert world.state() == ("waiting", None)


async def test_who_has_picked_up_is_not_cut_off_when_the_operator_leaves():
    async with running() as world:
        await world.taken()
        await world.tell(*on_duty(A), CallbackAnswered(BACK))
        await world.tell(OperatorLoggedOut(A))
        assert [name for name, _ in world.sent] == ["Setvar"]


async def test_in_quiet_hours_nobody_is_dialled():
    async with running() as world:
        await world.tell(CallbacksHeld(held=True))
        await world.taken()
        await world.tell(*on_duty(A))
        assert world.dialler.dialled == [] and world.state() == ("quiet_hours", None)


async def test_a_second_callback_of_a_number_keeps_the_first():
    async with running() as world:
        await world.taken()
        await world.waits(BOLAT)
        assert await world.callbacks.accept(BOLAT, "77010001122")
        assert [row.contact for row in world.callbacks.rows] == [BACK]
        assert world.archive.calls[BOLAT].outcome == "callback"
        assert [row.contact for row in world.rows] == [BACK]


async def test_who_has_been_answered_meanwhile_has_no_callback():
    async with running() as world:
        await world.tell(*on_duty(A))
        await world.waits()
        await world.tell(OperatorAnswered(AIGUL, A), Connected(AIGUL, A))
        assert not await world.callbacks.accept(AIGUL, NUMBER)
        assert world.callbacks.rows == [] and world.rows == []


async def test_who_has_hung_up_meanwhile_has_no_callback():
    async with running() as world:
        await world.waits()
        await world.tell(CallerHungUp(AIGUL))
        assert not await world.callbacks.accept(AIGUL, NUMBER)
        assert world.rows == []


def from_menu(at):
    return ContactQueued(AIGUL, SOCIAL, PENSION, RU, Millis(at))


async def test_a_caller_in_the_menu_books_without_having_waited():
    async with running() as world:
        world.book.call_arrived(AIGUL, "77010001122")
        assert await world.callbacks.book(from_menu(world.now), NUMBER)
        assert world.rows[-1].contact == BACK
        assert await world.callbacks.book(from_menu(world.now), "87010001122") is False
        assert await world.callbacks.book(from_menu(world.now), NUMBER), "promised already"
        assert len(world.callbacks.rows) == 1


async def test_what_is_on_record_is_taken_up_again_with_its_tries():
    async with running() as world:
        await world.taken()
        await world.tell(*on_duty(A), CallbackFailed(BACK, "busy"))
        [row] = world.callbacks.rows
    async with running() as later:
        later.now = world.now
        story = Call(AIGUL, "77010001122", Millis(NOW), "n1", outcome="callback")
        later.callbacks.restore([row], lambda _: story)
        await later.tell(*on_duty(A))
        assert later.state() == ("pausing", None)
        later.now += 60_000
        await later.tell(CallbacksHeld(held=False))
        await until(lambda: later.dialler.dialled)
        await later.tell(CallbackFailed(BACK, "busy"))
        assert later.rows[-1].closed == "given_up"
        assert later.rows[-1].tries == 2


async def test_what_was_closed_is_not_taken_up_again():
    async with running() as world:
        await world.taken()
        await world.callbacks.cancel(BACK)
        [row] = [row for row in world.rows if row.closed]
    async with running() as later:
        later.callbacks.restore([row], lambda _: Call(AIGUL, "", Millis(NOW), "n1"))
        await later.tell(*on_duty(A))
        assert later.callbacks.rows == [] and later.dialler.dialled == []


@pytest.mark.parametrize("id_", [AIGUL, BACK])
async def test_a_callback_is_cancelled_by_its_id_or_that_of_the_call(id_):
    async with running() as world:
        await world.taken()
        assert await world.callbacks.answer({"action": "cancel", "id": id_}) == []
        assert world.rows[-1].closed == "cancelled"
        with pytest.raises(RequestError, match="can be cancelled"):
            await world.callbacks.answer({"action": "cancel", "id": id_})


async def test_the_listing_masks_the_number():
    async with running() as world:
        await world.taken()
        [row] = await world.callbacks.answer({"action": "list"})
        assert (row["number"], row["wait_s"], row["state"]) == ("+77010****22", 20.0, "waiting")
        assert "0001122" not in str(row)
        with pytest.raises(RequestError, match="list or cancel"):
            await world.callbacks.answer({"action": "dial"})


async def test_a_citizen_who_hangs_up_in_hold_is_not_called_again():
    async with running() as world:
        await world.taken()
        await world.tell(*on_duty(A), CallbackAnswered(BACK), CallerHungUp(BACK))
        assert world.callbacks.rows == [] and world.rows[-1].closed == "hung_up"
        assert world.book.of(ContactId(BACK)) is None
