"""The decision loop: order, the one timer, and events that poison it."""

import asyncio
from contextlib import asynccontextmanager, suppress

from acd.core.commands import Offer
from acd.core.events import ContactQueued, OperatorReady, Ticked
from acd.core.names import Millis
from acd.core.router import Router
from acd.core.seats import Work
from acd.loop import Loop
from tests.unit.agi_peer import until
from tests.unit.routing import AIGUL, BOLAT, PENSION, RU, A, on_duty, operator, queued, rules

PENSIONER = operator(A, {RU: 5}, {PENSION: 5})


class Running:
    """A loop over a real router, a clock that the test moves, and what was carried out."""

    def __init__(self, now=1_000_000):
        self.now = now
        self.seen = []
        self.poison = None
        self.router = Router(rules(PENSIONER))
        self.loop = Loop(self.router, self.carry_out, lambda: Millis(self.now))

    def carry_out(self, event, now, commands, before):
        if self.poison is not None and isinstance(event, self.poison):
            raise RuntimeError("poison")
        self.seen.append((event, now, commands, before))

    @property
    def events(self):
        return [event for event, *_ in self.seen]


@asynccontextmanager
async def running(**options):
    world = Running(**options)
    task = asyncio.get_running_loop().create_task(world.loop.run())
    try:
        yield world
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_events_are_dealt_with_in_the_order_they_came_with_what_is_said_after_them():
    async with running() as world:
        said = []
        world.loop.after(lambda: said.append((1, len(world.seen))))
        for event in on_duty(A):
            world.loop.post(event)
        world.loop.after(lambda: said.append((2, len(world.seen))))
        world.loop.post(queued(at=world.now))
        await world.loop.settle(queued(BOLAT, world.now))
    assert world.events == [*on_duty(A), queued(at=world.now), queued(BOLAT, world.now)]
    assert said == [(1, 0), (2, 2)]
    assert [c for c in world.seen[2][2] if isinstance(c, Offer)] == [Offer(AIGUL, A, Millis(8000))]
    assert world.loop.turns == 4


async def test_settle_returns_after_its_event_and_not_before():
    async with running() as world:
        waiting = asyncio.ensure_future(world.loop.settle(OperatorReady(A)))
        await asyncio.sleep(0)
        assert not waiting.done() and world.seen == []
        await waiting
        assert world.events == [OperatorReady(A)]
        assert world.router.seat(A).logged_in


async def test_time_is_told_when_the_router_asked_for_it_and_not_before():
    async with running() as world:
        await world.loop.settle(queued(at=world.now))
        wake = world.router.wake_at()
        assert wake == world.now + 10_000
        await asyncio.sleep(0.02)
        assert world.events == [queued(at=1_000_000)], "nothing is due"
        world.now = wake - 15
        world.loop.after(lambda: None)  # the loop looks at its clock again
        await until(lambda: len(world.seen) == 2)
        event, now, _, _ = world.seen[1]
        assert event == Ticked()
        assert now == wake, "a timer that fires early is told the time it was set for"
        assert world.router.contact(AIGUL).step == 1


async def test_the_contact_is_shown_as_the_router_knew_it_and_none_for_a_new_one():
    async with running() as world:
        await world.loop.settle(queued(at=world.now))
        await world.loop.settle(queued(at=world.now))
        assert world.seen[0][3] is None
        assert world.seen[1][3] is world.router.contact(AIGUL)


async def test_time_never_runs_backwards_for_the_router():
    async with running() as world:
        await world.loop.settle(queued(at=world.now))
        world.now -= 5000
        await world.loop.settle(OperatorReady(A))
    assert [now for _, now, _, _ in world.seen] == [1_000_000, 1_000_000]
    assert world.loop.failures == 0


async def test_a_poisoned_event_is_logged_and_the_next_is_dealt_with(caplog):
    async with running() as world:
        world.poison = ContactQueued
        await world.loop.settle(queued(at=world.now))
        await world.loop.settle(OperatorReady(A))
        assert world.events == [OperatorReady(A)]
        assert world.loop.failures == 1
        assert world.router.seat(A).work is Work.NONE
    assert "ContactQueued" in caplog.text and "RuntimeError: poison" in caplog.text


async def test_a_poisoned_tick_does_not_make_the_loop_spin(caplog):
    async with running() as world:
        await world.loop.settle(queued(at=world.now))
        world.poison = Ticked
        world.now += 10_000
        world.loop.after(lambda: None)
        await until(lambda: world.loop.failures)
        await asyncio.sleep(0.02)
        assert world.loop.failures == 1
        assert world.router.wake_at() == 1_000_000 + 30_000


async def test_work_that_raises_is_logged_and_the_loop_goes_on(caplog):
    async with running() as world:
        world.loop.after(lambda: 1 / 0)
        await world.loop.settle(OperatorReady(A))
    assert "ZeroDivisionError" in caplog.text and world.loop.failures == 1
