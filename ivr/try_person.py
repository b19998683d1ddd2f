"""A person at the keyboard is the caller: the sentences appear as they would be spoken."""

import contextlib
import json
import os
import select
import termios
import tty
from collections.abc import Iterator
from typing import Protocol, TextIO

from acd.clock import monotonic_s
from ivr.core import steps
from ivr.player import Outcome, Player, text_heard

KEYS = frozenset("0123456789*#")
ENTER = frozenset("\r\n")
GONE = frozenset("q\x04")
HELP = "0-9 * # are the telephone, Enter lets the time pass, ? tells where you are, q hangs up"


class Source(Protocol):
    """Where keys come from."""

    is_person: bool

    def read(self, timeout_s: float | None) -> str | None:
        """One character; None when there was none in time, empty when there will be no more."""


class Keyboard:
    """A terminal or a pipe. A pipe has no time: whoever fills it does not hear the prompts."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.is_person = os.isatty(descriptor)
        self._last = ""

    def read(self, timeout_s: float | None) -> str | None:
        """One character; arrow keys and the like are dropped, as is the end of a line of keys."""
        while True:
            ready, _, _ = select.select([self._descriptor], [], [], timeout_s)
            if not ready:
                return None
            raw = os.read(self._descriptor, 1)
            if not raw:
                return ""
            letter, before = raw.decode("ascii", "replace"), self._last
            self._last = letter
            if letter == "\x1b":
                self._drop_sequence()
            elif self.is_person or letter not in ENTER or before not in {*KEYS, "?"}:
                return letter

    def _drop_sequence(self) -> None:
        while select.select([self._descriptor], [], [], 0)[0]:
            if not os.read(self._descriptor, 64):
                break


@contextlib.contextmanager
def each_key_at_once(descriptor: int) -> Iterator[None]:
    """A terminal that hands over each key as it is pressed, as it was before when this ends."""
    if not os.isatty(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def talk(player: Player, keys: TextIO, screen: TextIO, *, is_fast: bool) -> None:
    """Play until the call has ended or the person has had enough."""
    descriptor = keys.fileno()
    with each_key_at_once(descriptor):
        _Talk(player, Keyboard(descriptor), screen, is_fast=is_fast).run()


class _Talk:
    def __init__(self, player: Player, keys: Source, screen: TextIO, *, is_fast: bool) -> None:
        self._player = player
        self._keys = keys
        self._screen = screen
        self._is_fast = is_fast or not keys.is_person
        self._shown = 0
        self._noted = 0
        self._told = 0
        self._node = ""
        self._ended: Outcome | None = None
        self._then_s = monotonic_s()

    def run(self) -> None:
        player = self._player
        self._line(f"{player.dialplan.id}: {HELP}")
        player.start()
        is_going_on = True
        while is_going_on:
            self._show()
            if player.is_over:
                is_going_on = self._go_on_after_queue()
            elif self._is_fast and not player.is_listening:
                player.go_on()
            else:
                is_going_on = self._key(self._read())
        self._show()

    def _read(self) -> str | None:
        """The next key; None when the prompt or the silence went on to its next moment."""
        if self._is_fast:
            return self._keys.read(None)
        left_ms = max(0, self._player.next_ms - self._player.now_ms)
        key = self._keys.read(left_ms / 1000)
        now_s = monotonic_s()
        passed_ms = round((now_s - self._then_s) * 1000)
        self._then_s = now_s
        self._player.wait(min(passed_ms, left_ms) if key else left_ms)
        return key

    def _key(self, key: str | None) -> bool:
        """Do what a character stands for; False ends the call."""
        player = self._player
        if key is None:
            return True
        if key == "":
            player.play_out()
            return False
        if key in GONE:
            player.hang_up()
            return False
        if key in KEYS:
            self._line(f"{'':9}[{key}]")
            player.press(key)
        elif key in ENTER:
            player.finish_step()
        elif key == "?":
            self._tell_state()
        return True

    def _go_on_after_queue(self) -> bool:
        """Whether the call goes on after a queue; the person decides what the router would."""
        outcome = self._player.outcome
        if outcome is None or outcome.type != "queue":
            return False
        self._line("The caller waits. Enter: an operator came and has hung up. n: nobody can come.")
        key = self._keys.read(None)
        self._then_s = monotonic_s()
        if key and key in ENTER:
            return self._player.after_operator()
        return key == "n" and self._player.overflow()

    def _show(self) -> None:
        player = self._player
        for note in player.notes[self._noted :]:
            if note.result or note.reason:
                what = ", ".join(part for part in (note.result, note.reason) if part)
                self._line(f"{'':9}→ {what}")
        self._noted = len(player.notes)
        for heard in player.heard[self._shown :]:
            if heard.node != self._node:
                self._node = heard.node
                self._line(f"{'':9}· {heard.node} ({player.session.language})")
            self._line(f"{heard.at_ms / 1000:7.1f}  {text_heard(heard)}")
        self._shown = len(player.heard)
        for each in player.untimed[self._told :]:
            if isinstance(each, steps.Warned):
                self._line(f"{'':9}! {each.node}: {each.message}")
        self._told = len(player.untimed)
        if player.outcome is not self._ended and player.outcome is not None:
            topic = f", topic {player.outcome.topic}" if player.outcome.topic else ""
            self._line(f"{player.now_ms / 1000:7.1f}  {player.outcome.type}{topic}")
        self._ended = player.outcome

    def _tell_state(self) -> None:
        session = self._player.session
        known = json.dumps(dict(session.variables), ensure_ascii=False, default=str)
        self._line(f"{'':9}? node {session.node_name}, language {session.language}, {known}")

    def _line(self, text: str) -> None:
        self._screen.write(text + "\n")
        self._screen.flush()
