"""A process that stood still notices it before it does anything else."""

import asyncio

from acd.core.events import LinkChanged, OperatorReady
from acd.core.names import Millis
from acd.core.router import Router
from acd.fallback_mirror import FallbackMirror
from acd.loop import Loop
from acd.pulse import STOOD_STILL_S, Pulse
from tests.unit.agi_peer import until
from tests.unit.routing import PENSION, RU, A, B, on_duty, operator, rules


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_a_gap_is_told_once_and_a_short_hiccup_never():
    clock, told = Clock(), []
    pulse = Pulse(told.append, clock)
    for step in (0.25, 1.5, STOOD_STILL_S, 0.25):
        clock.now += step
        pulse.check()
    assert (told, pulse.gaps) == ([], 0)
    clock.now += 7.5
    pulse.check()
    pulse.check()
    assert (told, pulse.gaps) == ([7.5], 1)


async def test_what_a_gap_means_comes_before_the_event_that_was_waiting():
    seen = []
    router = Router(rules(operator(A, {RU: 5}, {PENSION: 5})))
    clock = Clock()
    loop: Loop
    pulse = Pulse(lambda gap: loop.at_once(LinkChanged(is_up=False)), clock)
    loop = Loop(router, lambda event, *_: seen.append(event), lambda: Millis(0), pulse.check)
    clock.now += 10
    loop.post(OperatorReady(A))
    task = asyncio.get_running_loop().create_task(loop.run())
    await until(lambda: len(seen) == 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert seen == [LinkChanged(is_up=False), OperatorReady(A)]


# The fallback queue is told of log-ins and pauses, each once


class Sent:
    def __init__(self):
        self.sent = []

    def post(self, name, **headers):
        interface = headers["Interface"].removeprefix("PJSIP/")
        self.sent.append((name, interface, headers.get("Paused"), headers.get("Reason")))

    def since(self):
        sent, self.sent = self.sent, []
        return sent


def test_the_queue_is_told_what_it_does_not_know_and_nothing_twice():
    router = Router(rules(operator(A, {RU: 5}, {PENSION: 5}), operator(B, {RU: 5}, {PENSION: 5})))
    for event in on_duty(A):
        router.handle(event, Millis(0))
    ami, mirror = Sent(), FallbackMirror(router)
    left = [{"Event": "QueueMember", "Location": f"PJSIP/{B}", "Paused": "0"}]
    mirror.attach(ami, left)
    assert ami.since() == [
        ("QueueAdd", A, "false", None),
        ("QueueRemove", B, None, None),
    ]
    seat = router.seat(A)
    seat.pause = "lunch"
    mirror.tell(seat)
    mirror.tell(seat)
    assert ami.since() == [("QueuePause", A, "true", "lunch")]
    seat.pause = None
    mirror.tell(seat)
    seat.logged_in = False
    mirror.tell(seat)
    mirror.tell(seat)
    assert ami.since() == [("QueuePause", A, "false", ""), ("QueueRemove", A, None, None)]
    mirror.attach(None)
    seat.logged_in = True
    mirror.tell(seat)
    assert ami.since() == []
