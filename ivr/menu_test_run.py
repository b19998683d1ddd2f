"""Runs the tests of a menu: plays each call, and says what was heard instead."""

from dataclasses import dataclass, replace

from ivr.core.menu import Dialplan
from ivr.facts import Scene
from ivr.menu_test_files import End, MenuTest, Step
from ivr.player import Heard, MenuStuck, Outcome, Player

HEARD_MAX = 3  # sentences told when something else was expected


@dataclass(frozen=True, slots=True)
class Run:
    """One test in one language. `failure` is None when it passed, else in words with its place."""

    test: MenuTest
    language: str | None
    player: Player
    failure: str | None = None
    line: int = 0
    column: int = 0


class _Failed(Exception):
    """Something else happened than was expected; `step` is where the test says so."""

    def __init__(self, message: str, step: Step | End) -> None:
        super().__init__(message)
        self.step = step


def run_test(test: MenuTest, dialplan: Dialplan) -> list[Run]:
    """A test, once for each of its languages."""
    return [_run(test, dialplan, language) for language in test.languages]


def _run(test: MenuTest, dialplan: Dialplan, language: str | None) -> Run:
    scene = test.scene if language is None else _in_language(test.scene, language)
    player = Player(
        dialplan,
        facts=scene.facts(dialplan),
        language=scene.caller.language,
        answers=test.answers,
    )
    place = test.node
    try:
        player.start()
        attempt = _Attempt(player)
        for step in test.steps:
            place = step.node
            attempt.do(step)
        if test.end is not None:
            place = test.end.node
            player.play_out()
            _check_end(player, test.end)
    except _Failed as failed:
        place = failed.step.node
        return Run(test, language, player, str(failed), place.line, place.column)
    except MenuStuck as stuck:
        return Run(test, language, player, str(stuck), place.line, place.column)
    return Run(test, language, player)


def _in_language(scene: Scene, language: str) -> Scene:
    return replace(scene, caller=replace(scene.caller, language=language))


class _Attempt:
    """A player and how far the test has come: what was heard before its last deed is past."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._since_ms = 0
        self._heard_from = 0
        self._notes_from = 0

    def do(self, step: Step) -> None:
        """Carry out a step. Raises `_Failed`."""
        player = self._player
        match step.action:
            case "hear":
                self._hear(step)
            case "expect":
                self._expect(step)
            case "world":
                player.answers = step.answers or player.answers
            case _:
                self._act(step)
                self._since_ms = player.now_ms

    def _act(self, step: Step) -> None:
        """Something the caller or the router does; the time of `within` begins after it."""
        player = self._player
        match step.action:
            case "press":
                self._press(step)
            case "silence":
                player.hear_out()
                self._mark()
                for _ in range(step.number):
                    player.silence()
            case "wait":
                player.wait(step.number)
            case "answer":
                player.hear_out()
                self._mark()
                came = player.after_operator if step.text == "operator" else player.overflow
                if not came():
                    raise _Failed(f"nobody waits for an operator: {self._where()}", step)
            case "hang_up":
                player.hang_up()

    def _mark(self) -> None:
        """What comes from here on is what the next `hear` and `expect` look at."""
        self._heard_from = len(self._player.heard)
        self._notes_from = len(self._player.notes)

    def _press(self, step: Step) -> None:
        player = self._player
        if step.number >= 0:
            player.wait(step.number)
        else:
            player.hear_out()
        if player.is_over:
            raise _Failed(f"key {step.text} came too late: {self._where()}", step)
        self._mark()
        player.dial(step.text, at_once=True)

    def _hear(self, step: Step) -> None:
        """Let the prompt go on until something is heard; the next `hear` looks behind it."""
        player = self._player
        index = self._heard_from
        while True:
            while index < len(player.heard):
                if _is_it(player, player.heard[index], step.text):
                    self._check_within(step, player.heard[index].at_ms)
                    self._heard_from = index + 1
                    return
                index += 1
            if player.is_over or player.is_listening:
                raise _Failed(f"'{step.text}' was not heard, {self._what_instead()}", step)
            player.go_on()

    def _expect(self, step: Step) -> None:
        """The caller comes to a node before the menu waits for another key, or the call ends so."""
        player = self._player
        while True:
            names = [note.node for note in player.notes[self._notes_from :]]
            outcome = player.outcome.type if player.outcome is not None else None
            if step.text in (*names, player.session.node_name, outcome):
                self._check_within(step, player.now_ms)
                return
            if player.is_over or player.is_listening:
                way = " → ".join(dict.fromkeys([*names, player.session.node_name]))
                message = f"expected '{step.text}', the caller went {way}, {self._what_instead()}"
                raise _Failed(message, step)
            player.finish_step()

    def _check_within(self, step: Step, at_ms: int) -> None:
        took_ms = at_ms - self._since_ms
        if step.within_ms is not None and took_ms > step.within_ms:
            limit, took = step.within_ms / 1000, took_ms / 1000
            raise _Failed(f"'{step.text}' came after {took:.1f} s, not within {limit:.1f} s", step)

    def _what_instead(self) -> str:
        heard = [each.clip.text for each in self._player.heard[self._heard_from :]]
        if not heard:
            return f"and nothing was heard: {self._where()}"
        shown = "; ".join(f"“{text}”" for text in heard[:HEARD_MAX])
        more = f" and {len(heard) - HEARD_MAX} more" if len(heard) > HEARD_MAX else ""
        return f"instead {shown}{more}: {self._where()}"

    def _where(self) -> str:
        player = self._player
        at = f"{player.now_ms / 1000:.1f} s"
        if player.outcome is not None:
            return f"the call was over at {at} ({in_words(player.outcome)})"
        return f"the caller is at '{player.session.node_name}' at {at}"


def _is_it(player: Player, heard: Heard, wanted: str) -> bool:
    """Whether a sentence belongs to the node, or has the words, that a test wants to hear."""
    if wanted in player.dialplan.nodes:
        return heard.node == wanted
    return wanted.casefold() in heard.clip.text.casefold()


def _check_end(player: Player, end: End) -> None:
    outcome = player.outcome
    assert outcome is not None
    found = in_words(outcome)
    wanted: list[tuple[str, str | int | None, str | int | None]] = [
        ("outcome", end.outcome, outcome.type),
        ("node", end.at_node, outcome.node),
        ("topic", end.topic, outcome.topic),
        ("language", end.language, outcome.language),
        ("keys", end.keys, player.key_count),
    ]
    wrong = [
        f"{name} is {actual if actual is not None else 'none'}, not {expected}"
        for name, expected, actual in wanted
        if expected is not None and expected != actual
    ]
    if end.max_ms is not None and player.now_ms > end.max_ms:
        took, limit = player.now_ms / 1000, end.max_ms / 1000
        wrong.append(f"it took {took:.1f} s, more than {limit:.1f} s")
    if wrong:
        last = [each.clip.text for each in player.heard[-1:]]
        heard = f"; last heard “{last[0]}”" if last else ""
        raise _Failed(f"the call ended as {found}: {'; '.join(wrong)}{heard}", end)


def in_words(outcome: Outcome) -> str:
    """An outcome in a few words."""
    topic = f", topic {outcome.topic}" if outcome.type == "queue" else ""
    return f"{outcome.type} at '{outcome.node}'{topic}, {outcome.language}"
