"""`ivr try`: the menu in the terminal, with keys given beforehand and with a person."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from ivr import menu_tests, try_menu
from tests.unit.tools import DAY, run

ROOT = Path(__file__).resolve().parents[2]
BROADCASTS = """\
schema: 1
broadcasts:
  flood: {kk: "Су тасқыны.", ru: "Паводок на западе.", en: "There is a flood."}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "day.yaml"
    path.write_text(DAY, encoding="utf-8")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "broadcasts.yaml").write_text(BROADCASTS, encoding="utf-8")
    return path


@pytest.fixture
def played(file, capsys):
    """The JSON document of a call."""

    def play(keys, *options):
        assert run(try_menu, "try", file, "--keys", keys, "--json", *options) == 0
        return json.loads(capsys.readouterr().out)

    return play


def nodes(document):
    return [step["node"] for step in document["steps"]]


def test_keys_lead_to_a_queue(played):
    document = played("2 1")
    assert nodes(document) == ["start", "language", "news", "main", "q_pension"]
    chosen = document["steps"][1]
    assert (chosen["key"], chosen["result"]) == ("2", "match")
    assert chosen["heard"].startswith("Сәлеметсіз бе! Қазақ тілі")
    assert chosen["at_s"] > 0
    outcome = document["outcome"]
    assert (outcome["type"], outcome["skill"], outcome["topic"]) == ("queue", "pension", "pension")
    assert (outcome["language"], outcome["priority"]) == ("ru", 5)


def test_keys_used_up_mean_silence_until_the_end(played):
    document = played("")
    assert document["outcome"]["type"] == "queue"
    assert [step["result"] for step in document["steps"]].count("noinput") == 5


def test_who_is_asked_for_ever_and_says_nothing_reaches_a_person_in_the_end(file, played):
    slow = "profiles: {slow: {attempts: unlimited, timeout_factor: 3, slow: true, priority: 60}}\n"
    file.write_text(DAY.replace("nodes:\n", f"{slow}nodes:\n"), encoding="utf-8")
    document = played("", "--lang", "ru", "--profile", "slow")
    assert document["outcome"]["type"] == "queue"
    assert document["seconds"] > 1800


def test_a_hyphen_is_one_time_out_of_silence(played):
    results = [step["result"] for step in played("- 2 - 1")["steps"] if step["result"]]
    assert results == ["noinput", "match", "noinput", "match"]


def test_a_token_of_several_digits_is_one_entry(played):
    steps = played("29")["steps"]
    assert [step["key"] for step in steps if step["key"]][:2] == ["2", "9"]


def test_a_known_language_skips_the_question(played):
    assert nodes(played("1", "--lang", "en"))[:3] == ["start", "news", "main"]


def test_the_hour_decides(played):
    assert "night" in nodes(played("1", "--lang", "ru", "--at", "2026-11-23T23:10"))
    assert "night" not in nodes(played("1", "--lang", "ru", "--at", "2026-11-23T21:10"))


def test_facts_are_set_by_hand(played):
    assert "night" in nodes(played("1", "--lang", "ru", "--set", "schedule.night=true"))


def test_a_broadcast_is_heard(played):
    document = played("1", "--lang", "ru", "--broadcast", "flood")
    told = next(step for step in document["steps"] if step["node"] == "told")
    assert told["heard"] == "Паводок на западе."


def test_a_withheld_number_cannot_be_called_back(played):
    document = played("2", "--lang", "ru", "--set", "schedule.night=true", "--caller", "withheld")
    assert document["outcome"]["type"] == "voicemail"


def test_the_answers_of_the_world(played):
    url = ("--lang", "ru", "--set", "config.sms.url=http://127.0.0.1:1")
    assert played("2", *url)["outcome"]["node"] == "operator"
    assert played("2", *url, "--http", '{"ok": true}')["outcome"]["type"] == "goodbye"
    assert played("3", "--lang", "ru")["outcome"]["type"] == "transfer"
    assert played("3", "--lang", "ru", "--transfer", "busy")["outcome"]["type"] == "queue"
    night = ("--lang", "ru", "--set", "schedule.night=true")
    assert played("2 1", *night)["outcome"]["type"] == "callback"
    assert played("2 1", *night, "--no-callback")["outcome"]["type"] == "voicemail"


def test_what_follows_the_operator(played):
    assert nodes(played("1 5", "--lang", "ru"))[-1] == "q_pension"
    document = played("1 5", "--lang", "ru", "--after-operator")
    assert nodes(document)[-2:] == ["survey", "end"]
    assert (document["outcome"]["type"], document["outcome"]["topic"]) == ("goodbye", "pension")
    assert played("1", "--lang", "ru", "--overflow")["outcome"]["type"] == "voicemail"


def test_a_key_during_the_prompt(played):
    heard = played("!1", "--lang", "ru")["steps"][2]["heard"]
    assert heard == "", "nothing had begun to sound"


def test_the_same_keys_give_the_same_document(played):
    assert played("2 9 - 1") == played("2 9 - 1")


def test_the_transcript_for_a_person(file, capsys):
    assert run(try_menu, "try", file, "--keys", "1", "--lang", "ru") == 0
    out = capsys.readouterr().out
    assert "day, Tuesday 2026-03-10 12:00, a call from 87010001414" in out
    assert "“Пенсия: нажмите один”" in out
    assert "→ key 1, match" in out
    assert out.rstrip().endswith("queue, topic pension, language ru, priority 5 s")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--keys", "1 x"], "'x' is no key"),
        (["--keys", "", "--at", "25:00"], "--at '25:00' is not a time"),
        (["--keys", "", "--lang", "de"], "'de' is not a language of this menu; write one of kk"),
        (["--keys", "", "--caller", "me"], "'me' is not a number"),
        (["--keys", "", "--profile", "slow"], "no profile 'slow'"),
        (["--keys", "", "--set", "config"], "sets nothing"),
        (["--keys", "", "--set", "schedule.nigth=true"], "did you mean 'night'?"),
        (["--keys", "", "--queue", "general=4"], "QUEUE.FIGURE=NUMBER"),
        (["--keys", "", "--broadcast", "flod"], "did you mean 'flood'?"),
        (["--keys", "", "--http", "{"], "--http is not JSON"),
        (["--json"], "--json needs --keys"),
        (["--keys", "", "--repro", "a.yaml"], "ends in .tests.yaml"),
    ],
)
def test_options_that_cannot_be_used(file, capsys, options, message):
    assert run(try_menu, "try", file, *options) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_a_menu_with_mistakes_is_not_played(tmp_path, capsys):
    file = tmp_path / "day.yaml"
    file.write_text(DAY.replace("goto: rescue}", "goto: rescu}"), encoding="utf-8")
    assert run(try_menu, "try", file, "--keys", "1") == 1
    assert "did you mean 'rescue'?" in capsys.readouterr().err


def test_a_call_is_written_as_a_test_that_passes(file, tmp_path, capsys):
    repro = tmp_path / "day.mine.tests.yaml"
    calls = (
        *(("2 1", ()), ("- 9 3", ("--transfer", "busy")), ("29", ("--lang", "kk"))),
        *(("2 1", ("--lang", "ru", "--at", "2026-11-23T23:10")), ("1 2", ("--after-operator",))),
        *(("1", ("--broadcast", "flood", "--caller", "withheld")), ("!2 !1", ())),
        *(("2", ("--lang", "en", "--set", "config.sms.url=http://x", "--http", '{"a": [1]}')),),
    )
    for keys, options in calls:
        assert run(try_menu, "try", file, "--keys", keys, "--repro", repro, *options) == 0
    capsys.readouterr()
    assert run(menu_tests, "test", file) == 0, capsys.readouterr().err
    assert f"{len(calls)} passed, 0 failed" in capsys.readouterr().out


def test_keys_come_from_a_pipe(file):
    done = piped(file, "2\n9\n?\n\n1\n")
    assert "Оставить" not in done.stdout
    assert done.stdout.count("Пенсия: нажмите один") == 3, "first, after the 9, after the Enter"
    assert "? node main, language ru" in done.stdout
    assert "queue, topic pension" in done.stdout


def test_a_pipe_that_ends_is_a_silent_caller(file):
    assert "queue, topic general" in piped(file, "").stdout


def test_a_person_on_a_pipe_goes_on_after_the_operator(file):
    done = piped(file, "2\n1\n\n4\n")
    assert "Оцените работу." in done.stdout
    assert done.stdout.rstrip().endswith("goodbye, topic pension")


def command(file, *options):
    code = "from tests.unit.tools import run; from ivr import try_menu; import sys;"
    code += "sys.exit(run(try_menu, *sys.argv[1:]))"
    return [sys.executable, "-c", code, "try", str(file), *options]


def piped(file, keys, *options):
    done = subprocess.run(
        command(file, *options), input=keys, capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done


class Terminal:
    """A person's terminal with `ivr try` in it."""

    def __init__(self, file, *options):
        self.fd, self.tty = pty.openpty()
        self.before = termios.tcgetattr(self.tty)
        self.shown = ""
        self.process = subprocess.Popen(
            command(file, *options), stdin=self.tty, stdout=self.tty, stderr=self.tty, cwd=ROOT
        )

    def until(self, text):
        """Read what is shown until it has a text."""
        while text not in self.shown:
            assert select.select([self.fd], [], [], 30)[0], self.shown
            self.shown += os.read(self.fd, 4096).decode(errors="replace")
        return self

    def press(self, keys):
        os.write(self.fd, keys.encode())
        return self

    def is_as_before(self):
        return termios.tcgetattr(self.tty) == self.before

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.fd)
        os.close(self.tty)


@pytest.fixture
def terminal(file):
    opened = []

    def start(*options):
        opened.append(Terminal(file, *options))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def test_a_person_talks_to_the_menu(terminal):
    person = terminal("--lang", "ru", "--fast")
    person.until("Оператор: нажмите ноль").press("?").until("? node main, language ru")
    assert not person.is_as_before(), "keys are read one by one"
    person.press("\n").until("noinput").press("1").until("queue, topic pension").press("\n")
    person.until("Оцените работу.").press("5").until("goodbye")
    assert person.process.wait(30) == 0
    assert person.is_as_before()


def test_sentences_come_in_their_own_time_and_a_key_cuts_them_short(terminal):
    person = terminal("--lang", "ru").until("Пенсия: нажмите один")
    assert "Оператор: нажмите ноль" not in person.shown
    person.press("1").until("queue, topic pension").press("q")
    assert person.process.wait(30) == 0
    assert "Оператор: нажмите ноль" not in person.shown


def test_q_hangs_up(terminal):
    person = terminal("--lang", "ru", "--fast").until("нажмите ноль").press("q").until("hangup")
    assert person.process.wait(30) == 0
    assert person.is_as_before()


def test_the_terminal_is_itself_again_after_ctrl_c(terminal):
    person = terminal("--lang", "ru", "--fast").until("нажмите ноль")
    assert not person.is_as_before()
    person.process.send_signal(signal.SIGINT)
    assert person.process.wait(30) != 0
    assert person.is_as_before()
