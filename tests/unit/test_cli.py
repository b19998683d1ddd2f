"""The commands of `acd` against the other end of the socket: what is printed, how they end."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from acd.__main__ import MODULES, main, parser
from acd.cli.common import quick_look
from acd.client import ServiceError, ask, stream
from tests.unit.service_peer import (
    SERVICE_YAML,
    ServicePeer,
    caller_row,
    fine,
    operator_row,
    queue_row,
    write_config,
)

SHIPPED = Path(__file__).resolve().parents[2] / "config"
QUEUES = [
    queue_row("general", ready=2, offered=4, answered=4, service_level=1.0, asa_s=3.5),
    queue_row("social", waiting=2, longest_wait_s=31.0, offered=6, service_level=0.5),
]
OPERATORS = [
    operator_row("op001", "ready"),
    operator_row("op002", "paused", reason="rona", rona_today=1),
    operator_row("op003", "talking", queue="social", language="ru", calls_today=7),
]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with a config of its own, in which no service runs."""
    write_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("ACD_CONFIG", "ACD_PORT_OFFSET", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def peer(home):
    peer = ServicePeer(home / "acd.sock")
    yield peer
    peer.close()


@pytest.fixture
def run(capsys):
    def run(*words):
        status = main(list(words))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return status, captured.out, captured.err

    return run


# Listings


def test_json_is_the_data_as_it_came(peer, run):
    peer.answers["queues"] = [fine(QUEUES)]
    status, out, err = run("queues", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == QUEUES
    assert peer.requests == [{"do": "queues"}]


def test_queues_are_a_table_with_a_total_and_marks(peer, run):
    peer.answers["queues"] = [fine(QUEUES)]
    status, out, _ = run("queues")
    heading, general, social, total = out.splitlines()
    assert status == 0
    assert heading.split()[:5] == ["QUEUE", "WAIT", "LONG", "OFFER", "ANSW"]
    assert general.startswith("   general")
    assert social.startswith("!! social")
    assert "31s" in social
    assert "50.0%" in social
    assert total.split()[:4] == ["all", "2", "31s", "10"]
    assert "\x1b" not in out


def test_operators_are_summed_up_by_state(peer, run):
    peer.answers["operators"] = [fine(OPERATORS)]
    _, out, _ = run("operators")
    assert out.splitlines()[-1] == "3 operators: 1 ready, 1 talking, 1 paused"
    assert "NAME" not in out, "a name that only repeats the id takes no room"


def test_real_names_are_shown(peer, run):
    peer.answers["operators"] = [fine([operator_row("op001", name="Айгүл Сейітқызы")])]
    _, out, _ = run("operators")
    assert "NAME" in out
    assert "Айгүл Сейітқызы" in out


@pytest.mark.parametrize(
    ("command", "text"),
    [("callers", "nobody is waiting\n"), ("calls", "no calls are on record\n")],
)
def test_an_empty_listing_says_so(peer, run, command, text):
    peer.answers[command] = [fine([])]
    assert run(command) == (0, text, "")


def test_an_empty_listing_is_an_empty_array_in_json(peer, run):
    peer.answers["callers"] = [fine([])]
    assert run("callers", "--json")[1] == "[]\n"


def test_rows_are_filtered_by_every_condition(peer, run):
    peer.answers["operators"] = [fine(OPERATORS)]
    _, out, _ = run("operators", "--json", "--filter", "state!=ready", "shift=a", "--filter",
                    "reason=RONA")  # fmt: skip
    assert [row["operator"] for row in json.loads(out)] == ["op002"]


def test_an_empty_value_filters_what_is_not_there_and_a_skill_those_who_have_it(peer, run):
    peer.answers["operators"] = [fine(OPERATORS)]
    _, out, _ = run("operators", "--json", "--filter", "reason=", "skills=pension")
    assert [row["operator"] for row in json.loads(out)] == ["op001", "op003"]


@pytest.mark.parametrize("words", [("--sort", "-wait_s"), ("--sort=-wait_s",)])
def test_largest_first_is_a_minus_and_rows_without_a_value_come_last(peer, run, words):
    rows = [caller_row("a", 1), {**caller_row("b", 0), "wait_s": None}, caller_row("c", 10)]
    peer.answers["callers"] = [fine(rows)]
    _, out, _ = run("callers", "--json", *words)
    assert [row["call"] for row in json.loads(out)] == ["c", "a", "b"]


def test_chosen_columns_are_the_only_ones(peer, run):
    peer.answers["queues"] = [fine(QUEUES)]
    _, out, _ = run("queues", "--columns", "queue,ready")
    assert out.splitlines()[0].split() == ["QUEUE", "READY"]


def test_who_works_outside_of_the_shift_has_a_column_of_it(peer, run):
    peer.answers["operators"] = [fine([*OPERATORS, operator_row("op009", off_shift=True)])]
    _, out, _ = run("operators")
    assert out.splitlines()[0].endswith("OFF-SHIFT")
    peer.answers["operators"] = [fine(OPERATORS)]
    _, out, _ = run("operators")
    assert "OFF-SHIFT" not in out


def test_csv_has_every_key_and_raw_values(peer, run):
    peer.answers["operators"] = [fine(OPERATORS)]
    _, out, _ = run("operators", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0])[:4] == ["operator", "name", "shift", "state"]
    assert set(OPERATORS[0]) == set(rows[0])
    assert rows[0]["languages"] == "kk:5 ru:4"
    assert rows[0]["state_s"] == "12.5"
    assert rows[0]["reason"] == ""


def test_the_limit_of_calls_is_asked_of_the_service(peer, run):
    peer.answers["calls"] = [fine([])]
    run("calls", "--limit", "7")
    assert peer.requests == [{"do": "calls", "limit": 7}]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["queues", "--sort", "wating"], "did you mean 'waiting'?"),
        (["queues", "--columns", "x"], "there are queue, waiting"),
        (["queues", "--columns", ","], "name at least one of"),
        (["queues", "--filter", "stat=1"], "there is no column 'stat'"),
    ],
)
def test_a_column_that_does_not_exist_is_wrong_usage(peer, run, words, told):
    peer.answers["queues"] = [fine(QUEUES)]
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert told in err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["queues", "--filter", "state"],
        ["queues", "--filter", "=x"],
        ["queues", "--json", "--csv"],
        ["calls", "--limit", "0"],
        ["operator", "ready"],
        ["operator", "dance", "op001"],
        ["call", "show"],
        ["phone"],
        ["monitor", "--interval", "0"],
        ["--port-offset", "-1", "queues"],
    ],
)
def test_wrong_usage_is_exit_2(home, run, words):
    assert run(*words)[0] == 2


def test_help_is_exit_0(home, run):
    status, out, _ = run("--help")
    assert status == 0
    assert "monitor" in out


def test_every_command_is_found_by_its_module_alone(home):
    for module, commands in MODULES.items():
        for command in commands:
            words = parser(command).format_help()
            assert f"    {command} " in words, f"{module} lacks {command}"
    whole = parser().format_help()
    assert all(f"    {each} " in whole for its in MODULES.values() for each in its)


# Where the service is


def test_without_a_service_a_command_says_how_to_start_it(home, run):
    status, out, err = run("queues")
    assert (status, out) == (1, "")
    assert err == ("the service is not running (no answer at acd.sock); start it with `make run`\n")


def test_a_socket_left_behind_is_no_service(home, run):
    ServicePeer(home / "acd.sock").close()
    assert "not running" in run("queues")[2]


def test_a_missing_config_folder_is_named(home, run):
    status, _, err = run("--config", "elsewhere", "queues")
    assert status == 1
    assert err.startswith("elsewhere/service.yaml: No such file")


@pytest.mark.parametrize(
    "words", [("--config", "config", "queues"), ("queues", "--config", "config")]
)
def test_the_config_folder_may_be_named_before_and_after_the_command(peer, run, words, monkeypatch):
    monkeypatch.setenv("ACD_CONFIG", "elsewhere")
    peer.answers["queues"] = [fine([])]
    assert run(*words)[0] == 0


def test_the_config_folder_may_come_from_the_environment(peer, run, monkeypatch, tmp_path):
    peer.answers["queues"] = [fine([])]
    monkeypatch.setenv("ACD_CONFIG", str(tmp_path / "config"))
    monkeypatch.chdir("/")
    assert run("queues")[0] == 0


def test_a_service_yaml_in_another_style_is_read_as_well(home, run):
    text = SERVICE_YAML.replace(
        'listen: {sip: "127.0.0.1:5060", ami: "127.0.0.1:5038", agi: "127.0.0.1:4573", '
        'socket: "acd.sock"}',
        "listen:\n  socket: other.sock # here",
    )
    (home / "config" / "service.yaml").write_text(text)
    assert "no answer at other.sock" in run("queues")[2]


@pytest.mark.parametrize("text", ["", "a: [", "listen: {}", "- 1"])
def test_a_service_yaml_without_a_socket_points_to_acd_check(home, run, text):
    (home / "config" / "service.yaml").write_text(text)
    status, _, err = run("queues")
    assert status == 1
    assert "run: acd check config" in err


def test_the_quick_look_agrees_with_the_shipped_file_and_gives_up_on_doubt():
    assert quick_look((SHIPPED / "service.yaml").read_text()) == ("var/acd.sock", 30.0)
    assert quick_look(SERVICE_YAML + "listen: {}\n") is None
    assert quick_look(SERVICE_YAML.replace("target: 30s", "target: 30000ms")) is None


def test_a_port_offset_of_nonsense_in_the_environment_is_wrong_usage(home, run, monkeypatch):
    monkeypatch.setenv("ACD_PORT_OFFSET", "many")
    status, _, err = run("check")
    assert status == 2
    assert "ACD_PORT_OFFSET" in err


# What comes back


def test_a_refusal_is_told_in_the_words_of_the_service(peer, run):
    peer.answers["operator"] = [{"ok": False, "error": "there is no operator 'x'; list them"}]
    assert run("operator", "ready", "x") == (1, "", "there is no operator 'x'; list them\n")


@pytest.mark.parametrize(
    "answer",
    [b"nonsense\n", b"[]\n", b"3\n", b'{"ok": true}\n', b'{"ok": false}\n', b"\xff\xfe\n", b"\n",
     b'{"data": []}\n', b"[" * 100_000 + b"\n"],
)  # fmt: skip
def test_an_answer_that_is_not_ours_is_one_line(peer, run, answer):
    peer.answers["queues"] = [answer]
    status, out, err = run("queues")
    assert (status, out) == (1, "")
    assert "is not this service" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("data", [{}, None, "x", [1], 7])
def test_data_of_another_shape_is_one_line(peer, run, data):
    peer.answers["queues"] = [fine(data)]
    status, _, err = run("queues")
    assert status == 1
    assert err == "the service's queues are not understood; is it another version?\n"


@pytest.mark.parametrize(
    ("answer", "told"),
    [((), "without an answer"), ([b'{"ok": true, "da'], "in the middle of its answer")],
)
def test_an_answer_broken_off_is_one_line(peer, run, answer, told):
    peer.answers["queues"] = answer
    status, _, err = run("queues")
    assert status == 1
    assert told in err


@pytest.mark.parametrize("answer", [(), [b'{"ok": true, "da']])
def test_a_service_that_hangs_is_left_after_the_time_limit(home, answer):
    peer = ServicePeer(home / "acd.sock", holds=True)
    peer.answers["queues"] = answer
    with pytest.raises(ServiceError, match=r"did not answer within 0\.2 s"):
        ask(home / "acd.sock", {"do": "queues"}, timeout_s=0.2)
    peer.close()


def test_a_long_answer_in_pieces_is_put_together(peer):
    peer.answers["calls"] = [b'{"ok": true, ', b'"data": "' + b"x" * 3_000_000, b'"}\n']
    assert len(ask(peer.path, {"do": "calls"})) == 3_000_000


def test_letters_split_between_pieces_survive(peer):
    whole = json.dumps(fine("Айгүл"), ensure_ascii=False).encode() + b"\n"
    peer.answers["calls"] = [whole[i : i + 1] for i in range(len(whole))]
    assert ask(peer.path, {"do": "calls"}) == "Айгүл"


def test_a_stream_gives_each_answer_and_a_word_for_silence(home):
    peer = ServicePeer(home / "acd.sock", holds=True)
    peer.answers["monitor"] = [fine(1), fine(2), b'{"ok": tr']
    answers = stream(home / "acd.sock", {"do": "monitor", "stream": True}, silence_s=0.1)
    assert [next(answers) for _ in range(4)] == [1, 2, None, None]
    answers.close()
    peer.close()


def test_a_path_too_long_for_a_socket_is_explained(tmp_path):
    with pytest.raises(ServiceError, match="check 'socket' in service"):
        ask(tmp_path / ("x" * 200), {"do": "queues"})


# Acting


def test_an_action_is_sent_and_the_standing_told(peer, run):
    data = {"operator": "op001", "state": "paused", "reason": "lunch", "later": None}
    peer.answers["operator"] = [fine(data)]
    assert run("operator", "pause", "op001", "--reason", "lunch")[1] == "op001 is paused (lunch)\n"
    assert peer.requests == [
        {"do": "operator", "action": "pause", "operator": "op001", "reason": "lunch"}
    ]
    assert json.loads(run("operator", "pause", "op001", "--json")[1]) == data


@pytest.mark.parametrize(
    ("state", "reason", "later", "told"),
    [
        ("ready", None, None, "op001 is ready"),
        ("offline", None, None, "op001 is logged out"),
        ("talking", None, "logout", "op001 is talking; logged out after this conversation"),
        ("talking", None, "lunch", "op001 is talking; paused (lunch) after this conversation"),
        ("wrap_up", None, None, "op001 is in wrap-up"),
        ("paused", "phone_unreachable", None,
         "op001 is logged in, but the phone is not registered; switch it on"),
    ],
)  # fmt: skip
def test_how_an_operator_stands_is_one_sentence(peer, run, state, reason, later, told):
    peer.answers["operator"] = [fine({"state": state, "reason": reason, "later": later})]
    assert run("operator", "ready", "op001")[1] == told + "\n"


def test_a_reload_tells_the_menu_the_warnings_and_the_need_to_restart(peer, run):
    peer.answers["reload"] = [
        fine({"menu": "1414-main", "version": "7", "warnings": "w", "restart_needed": True})
    ]
    status, out, err = run("reload")
    assert (status, err) == (0, "w\n")
    assert out.startswith("reloaded, menu 1414-main version 7\n")
    assert "restart the service" in out


def test_a_refused_reload_shows_the_located_list(peer, run):
    peer.answers["reload"] = [{"ok": False, "error": "nothing was changed:\nqueues.yaml:1:1: x"}]
    assert run("reload") == (1, "", "nothing was changed:\nqueues.yaml:1:1: x\n")


# Settings


def test_check_counts_what_is_fine(home, run):
    status, out, err = run("check", str(SHIPPED))
    assert (status, err) == (0, "")
    assert out == f"{SHIPPED} is fine: 128 operators, 7 queues, 22 topics, 8 shifts\n"


def test_check_shows_every_mistake_with_its_place(home, run):
    status, out, err = run("check")
    assert status == 1
    assert "config/skills.yaml" in err
    assert "config/operators.yaml" in err
    assert out == f"config cannot be used: {err.count(' [E')} errors\n"
    status, out, _ = run("check", "--json")
    assert status == 1
    assert {"file", "line", "column", "rule", "severity", "message"} == set(json.loads(out)[0])


def test_check_of_a_missing_folder_is_one_line(home, run):
    status, _, err = run("check", "nowhere")
    assert status == 1
    assert err == "nowhere: there is no such folder; name the config folder [E01]\n"


# Endings


def test_a_fault_of_ours_is_one_line_and_the_details_are_kept(home, run, monkeypatch, tmp_path):
    def fail(*_):
        raise LookupError("two\nlines")

    monkeypatch.setattr("acd.cli.listings.ask", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    status, _, err = run("queues")
    assert status == 1
    assert err.startswith("acd: an unexpected error (LookupError: two lines); please report it")
    details = Path(err.split()[-1])
    assert "Traceback" in details.read_text()
    assert details.stat().st_mode & 0o077 == 0


def test_an_interrupt_is_quiet_and_130(home, run, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("acd.cli.listings.ask", interrupt)
    assert run("queues") == (130, "", "")


def acd(*words, cwd, **kwargs):
    return subprocess.run(
        [sys.executable, "-m", "acd", *words],
        cwd=cwd, capture_output=True, check=False, timeout=20, **kwargs,
    )  # fmt: skip


def checkout_env(**more):
    return {**os.environ, "PYTHONPATH": str(SHIPPED.parent), **more}


def test_a_reader_who_has_enough_is_no_trouble(peer, home):
    peer.answers["calls"] = [fine([{"call": "x" * 1000}] * 2000)]
    process = subprocess.Popen(
        [sys.executable, "-m", "acd", "calls", "--json"],
        cwd=home, env=checkout_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(20) == 1


def test_a_terminal_without_cyrillic_gets_escapes_that_json_reads(peer, home):
    peer.answers["operators"] = [fine([operator_row("op001", name="Айгүл")])]
    done = acd("operators", "--json", cwd=home, env=checkout_env(PYTHONIOENCODING="ascii"))
    assert done.returncode == 0
    assert json.loads(done.stdout)[0]["name"] == "Айгүл"


def test_a_one_shot_command_imports_nothing_heavy(home):
    code = (
        "import sys; from acd.__main__ import main; main(['queues']);"
        "print([m for m in ('asyncio','aiohttp','sqlalchemy','yaml','ivr') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=home, env=checkout_env(), capture_output=True,
        check=True, timeout=20,
    )  # fmt: skip
    assert done.stdout == b"[]\n"
