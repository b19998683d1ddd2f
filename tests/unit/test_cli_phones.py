"""`acd phone`: accounts without the service, and a new password that Asterisk is told of."""

import json

import pytest

from acd.__main__ import main
from tests.unit.service_peer import lay_out_config


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A full configuration of its own, an Asterisk that only writes down how it was called."""
    lay_out_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("ACD_CONFIG", "ACD_PORT_OFFSET"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def asterisk(home, monkeypatch):
    """A program named asterisk on the PATH; `said` and `status` decide its answer to -rx."""
    prefix = home / "prefix"
    for folder in ("sbin", "lib/asterisk/modules", "share/asterisk/documentation"):
        (prefix / folder).mkdir(parents=True)
    (prefix / "lib/asterisk/modules/chan_pjsip.so").write_text("")
    program = prefix / "sbin" / "asterisk"
    program.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = -V ]; then echo "Asterisk 22.10.1"; exit 0; fi\n'
        f'printf "%s\\n" "$@" > {home}/called\n'
        f"cat {home}/said; exit $(cat {home}/status)\n"
    )
    program.chmod(0o755)
    (home / "said").write_text("Module 'res_pjsip.so' reloaded successfully.\n")
    (home / "status").write_text("0")
    monkeypatch.setenv("PATH", f"{prefix}/sbin:/usr/bin:/bin")
    generated = home / "var" / "asterisk"
    for folder in ("etc", "run"):
        (generated / folder).mkdir(parents=True)
    (generated / "etc" / "asterisk.conf").write_text("old")
    (generated / "run" / "asterisk.ctl").write_text("")
    return generated


@pytest.fixture
def run(capsys):
    def run(*words):
        status = main(["phone", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_show_has_exactly_what_a_phone_needs(home, run):
    status, out, _ = run("show", "op001", "--json")
    account = json.loads(out)
    assert status == 0
    assert list(account) == ["operator", "user", "password", "server", "transport"]
    assert account["server"] == "127.0.0.1:5060"
    assert len(account["password"]) == 32
    assert json.loads(run("show", "op001", "--json")[1]) == account, "it stays the same"


def test_show_as_text_is_a_line_for_each(home, run):
    lines = run("show", "op002")[1].splitlines()
    assert [line.split()[0] for line in lines] == [
        "operator", "user", "password", "server", "transport",
    ]  # fmt: skip


def test_the_port_offset_is_in_the_server(home, run):
    assert json.loads(run("show", "op001", "--json", "--port-offset", "100")[1])["server"] == (
        "127.0.0.1:5160"
    )


def test_the_list_keeps_passwords_for_json(home, run):
    accounts = json.loads(run("list", "--json")[1])
    status, text, _ = run("list")
    assert status == 0
    assert len(accounts) == 3
    assert len(text.splitlines()) == 4
    assert accounts[0]["password"] not in text


@pytest.mark.parametrize("verb", ["show", "rotate"])
def test_an_unknown_operator_is_named_with_a_hint(home, run, verb):
    status, out, err = run(verb, "opp001")
    assert (status, out) == (1, "")
    assert "there is no operator 'opp001' in operators.yaml; did you mean 'op001'?" in err


def test_broken_settings_are_shown_with_their_place(home, run):
    (home / "config" / "shifts.yaml").write_text("schema: 1\nshift: {}\n")
    status, _, err = run("show", "op001")
    assert status == 1
    assert "config/shifts.yaml:2:1: " in err


@pytest.mark.parametrize("verb", ["show", "rotate"])
def test_secrets_that_others_can_read_are_refused(home, run, verb):
    run("show", "op001")
    (home / "var" / "secrets.json").chmod(0o644)
    status, _, err = run(verb, "op001")
    assert status == 1
    assert "run: chmod 600" in err


def test_a_new_password_before_the_first_start_is_only_kept(home, run):
    before = json.loads(run("show", "op001", "--json")[1])
    other = json.loads(run("show", "op002", "--json")[1])
    status, out, _ = run("rotate", "op001")
    after = json.loads(run("show", "op001", "--json")[1])
    assert status == 0
    assert "Enter the new password in the phone" in out
    assert before["password"] != after["password"]
    assert after["password"] in out
    assert json.loads(run("show", "op002", "--json")[1]) == other


def test_a_new_password_reaches_asterisk_and_it_is_asked_to_reload(home, run, asterisk):
    status, out, err = run("rotate", "op001", "--json")
    assert (status, err) == (0, "")
    assert f"password={json.loads(out)['password']}\n" in (asterisk / "etc/pjsip.conf").read_text()
    assert (home / "called").read_text().splitlines() == [
        "-C", str(asterisk / "etc/asterisk.conf"), "-rx", "module reload res_pjsip.so",
    ]  # fmt: skip


def test_an_asterisk_that_does_not_run_is_no_trouble(home, run, asterisk):
    (asterisk / "run" / "asterisk.ctl").unlink()
    assert run("rotate", "op001")[0] == 0
    assert not (home / "called").exists()


def test_a_socket_that_a_dead_asterisk_left_is_no_trouble(home, run, asterisk):
    (home / "said").write_text("Unable to connect to remote asterisk\n")
    (home / "status").write_text("1")
    assert run("rotate", "op001")[0] == 0


def test_a_reload_that_fails_is_told_and_the_new_password_shown(home, run, asterisk):
    (home / "said").write_text("no such command\n")
    (home / "status").write_text("1")
    status, out, err = run("rotate", "op001")
    assert status == 1
    assert "password" in out
    assert err == (
        "the password is new, but Asterisk did not take it (no such command); restart it\n"
    )


def test_a_template_with_a_slip_is_told_and_the_password_is_new_all_the_same(home, run, asterisk):
    (home / "config" / "asterisk").mkdir()
    (home / "config" / "asterisk" / "rtp.conf").write_text("rtpstart=@RTP_BEGIN@\n")
    status, _, err = run("rotate", "op001")
    assert status == 1
    assert "the password is new, but Asterisk's configuration could not be written" in err
    assert "rtp.conf:1: unknown word @RTP_BEGIN@" in err
