"""The doctor: each thing that can be missing is found, with a remedy, whatever else is missing."""

import json
import os
import re
import socket
import sqlite3
import threading
from pathlib import Path

import pytest

from acd import doctor
from acd.__main__ import main
from acd.doctor import examine, version_in, without_password
from acd.secrets import load_secrets
from tests.unit.service_peer import ServicePeer, fine, lay_out_config

SHIPPED = Path(__file__).resolve().parents[2]
STATUS = {
    "sip": "", "ami": "", "agi": "", "database": "", "database_error": None, "asterisk": "22.10.1",
    "ami_up": True, "started_at": "2026-11-23T08:00:00+05:00", "prompts_missing": [],
}  # fmt: skip


class TcpPeer:
    """Answers each line that ends an action with the next of its texts, then waits for the end."""

    def __init__(self, greeting=b"", answers=()):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._greeting, self._answers = greeting, answers
        self.heard = b""
        self.refuses: bytes | None = None
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._talk(connection)

    def _talk(self, connection):
        try:
            connection.sendall(self._greeting)
            answers = list(self._answers)
            buffer = b""
            while data := connection.recv(65_536):
                buffer += data
                while b"\r\n\r\n" in buffer:
                    action, _, buffer = buffer.partition(b"\r\n\r\n")
                    self.heard += action
                    number = action.partition(b"ActionID: ")[2].split(b"\r\n")[0]
                    text = answers.pop(0) if answers else b"Response: Success\r\n"
                    if self.refuses is not None and self.refuses in action:
                        text = b"Response: Error\r\nMessage: Authentication failed\r\n"
                    connection.sendall(text + b"ActionID: " + number + b"\r\n\r\n")
        except OSError:
            return


BANNER = b"Asterisk Call Manager/11.0.0\r\n"
LOGGED_IN = b"Response: Success\r\n"
CORE_SETTINGS = b"Response: Success\r\nAsteriskVersion: 22.10.1~dfsg+~cs6.17\r\n"


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The shipped settings on ports of their own; nothing runs."""
    monkeypatch.chdir(tmp_path)
    for name in ("ACD_CONFIG", "ACD_PORT_OFFSET"):
        monkeypatch.delenv(name, raising=False)
    lay_out_config(tmp_path, ami=free_port(), agi=free_port(), sip=free_port(socket.SOCK_DGRAM))
    return tmp_path


def look(home):
    report = examine(home / "config", home / "no-menus", 0)
    return report, {check.name: check for check in report.checks}


def test_nothing_running_is_said_and_everything_else_still_looked_at(home):
    report, checks = look(home)
    assert not report.is_fine
    assert not checks["service"].ok
    assert checks["service"].detail == "the service is not running (no answer at var/acd.sock)"
    assert checks["service"].remedy == "start it with `make run`"
    for name in ("settings", "time zone", "host name", "database", "disk", "secrets", "sip port"):
        assert name in checks
    for check in report.checks:
        assert check.ok == (check.remedy is None), check
        assert "\n" not in check.detail + (check.remedy or "")
    assert not (home / "var").exists(), "looking changes nothing"


def test_json_has_exactly_the_promised_keys(home, capsys):
    assert main(["doctor", "--json", "--dialplans", "none"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["ok", "checks", "sip", "ami", "agi", "database", "asterisk"]
    assert document["ok"] is False
    assert all(list(c) == ["name", "ok", "detail", "remedy"] for c in document["checks"])
    assert document["sip"].startswith("127.0.0.1:")
    assert document["database"] == f"sqlite:///{home}/var/1414.sqlite"


def test_text_marks_each_check_and_gives_the_remedy(home, capsys):
    assert main(["doctor", "--dialplans", "none"]) == 1
    captured = capsys.readouterr()
    assert "ok       settings       config: 3 operators\n" in captured.out
    assert "PROBLEM  service " in captured.out
    assert "-> start it with `make run`" in captured.out
    assert captured.err.startswith("4 problems: service, ami, agi, menus, prompts")


def test_broken_settings_are_counted_and_do_not_hide_the_machine(home):
    (home / "config" / "shifts.yaml").write_text("schema: 1\n")
    report, checks = look(home)
    assert not checks["settings"].ok
    assert "acd check config" in checks["settings"].remedy
    assert {"asterisk", "time zone", "host name"} <= set(checks)
    assert report.sip is None
    assert report.as_json()["ok"] is False


def test_a_missing_config_folder_is_a_finding(tmp_path):
    _, checks = look(tmp_path)
    assert "no such folder" in checks["settings"].detail


@pytest.fixture
def running(home):
    """A service, an AMI that accepts the login, an AGI port and a taken SIP port."""
    (home / "var").mkdir()
    load_secrets(home / "var", ["op001"])
    ami = TcpPeer(BANNER, [LOGGED_IN, CORE_SETTINGS])
    agi = TcpPeer()
    sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sip.bind(("127.0.0.1", 0))
    lay_out_config(home, ami=ami.port, agi=agi.port, sip=sip.getsockname()[1])
    service = ServicePeer(home / "var" / "acd.sock")
    service.answers["status"] = [fine(STATUS)]
    yield service, ami, sip
    sip.close()
    service.close()
    ami.close()
    agi.close()


def test_a_system_that_runs_is_fine_in_all_its_parts(home, running):
    report, checks = look(home)
    for name in ("service", "ami", "agi", "sip port", "secrets"):
        assert checks[name].ok, checks[name]
    assert report.asterisk == "22.10.1"
    secret = load_secrets(home / "var", ()).ami.encode()
    assert b"Username: acd" in running[1].heard
    assert secret in running[1].heard


def _moved(match):
    return f'{match[1]}: "127.0.0.1:{ {"sip": 1, "ami": 2, "agi": 3}[match[1]] }"'


def test_the_addresses_of_the_running_service_count(home, running):
    """The settings may have been changed since it started."""
    told = {
        "sip": f"127.0.0.1:{running[2].getsockname()[1]}",
        "ami": f"127.0.0.1:{running[1].port}",
        "agi": f"127.0.0.1:{running[1].port}",
    }
    running[0].answers["status"] = [fine({**STATUS, **told})]
    settings = home / "config" / "service.yaml"
    text = settings.read_text()
    settings.write_text(re.sub(r"(sip|ami|agi): \"127.0.0.1:\d+\"", _moved, text))
    assert settings.read_text() != text
    report = examine(home / "config", home / "no-menus", 0)
    assert (report.sip, report.ami, report.agi) == tuple(told.values())
    checks = {check.name: check for check in report.checks}
    assert checks["ami"].ok
    assert checks["sip port"].ok


def test_a_lost_link_to_asterisk_is_a_problem_of_the_service(home, running):
    running[0].answers["status"] = [fine({**STATUS, "ami_up": False})]
    assert not look(home)[1]["service"].ok


def test_records_that_cannot_be_written_are_found(home, running):
    running[0].answers["status"] = [fine({**STATUS, "database_error": "disk full"})]
    assert "disk full" in look(home)[1]["records"].detail


def test_a_sip_port_that_nobody_listens_at_though_asterisk_runs_is_found(home, running):
    running[2].close()
    check = look(home)[1]["sip port"]
    assert not check.ok
    assert "does not listen" in check.detail


@pytest.mark.parametrize("answer", [fine(None), fine([1]), b"x\n", {"ok": False, "error": "no; x"}])
def test_a_service_that_answers_nonsense_is_a_finding(home, running, answer):
    running[0].answers["status"] = [answer]
    check = look(home)[1]["service"]
    assert not check.ok
    assert check.remedy


def test_a_refused_login_names_the_other_asterisk(home):
    (home / "var").mkdir()
    load_secrets(home / "var", ["op001"])
    ami = TcpPeer(BANNER, [b"Response: Error\r\nMessage: Authentication failed\r\n"])
    lay_out_config(home, ami=ami.port, agi=free_port(), sip=free_port(socket.SOCK_DGRAM))
    check = look(home)[1]["ami"]
    assert "refused the login" in check.detail
    assert "another Asterisk" in check.remedy
    ami.close()


def test_a_refused_login_for_callbacks_is_found(home, running):
    assert look(home)[1]["callbacks"].ok
    running[1].refuses = b"acd-callback"
    checks = look(home)[1]
    assert checks["ami"].ok
    assert "citizens cannot be called back" in checks["callbacks"].detail
    assert "start it again" in checks["callbacks"].remedy


def test_ports_of_strangers_are_found_while_nothing_of_ours_runs(home):
    stranger = TcpPeer(b"220 mail\r\n")
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    (home / "var").mkdir()
    load_secrets(home / "var", ["op001"])
    other = TcpPeer()
    lay_out_config(home, ami=stranger.port, agi=other.port, sip=udp.getsockname()[1])
    _, checks = look(home)
    assert "is not Asterisk's manager interface" in checks["ami"].detail
    assert "another program listens" in checks["agi"].detail
    assert "cannot be had" in checks["sip port"].detail
    udp.close()
    stranger.close()
    other.close()


def test_secrets_that_others_can_read_are_found_with_the_command_to_mend_them(home):
    (home / "var").mkdir()
    load_secrets(home / "var", ["op001"])
    (home / "var" / "secrets.json").chmod(0o644)
    check = look(home)[1]["secrets"]
    assert not check.ok
    assert check.remedy.startswith("run: chmod 600")


def test_recordings_are_looked_at_where_a_queue_records(home, monkeypatch):
    assert "recordings" not in look(home)[1]
    queues = home / "config" / "queues.yaml"
    text = queues.read_text()
    assert "\n  general:\n" in text
    record = "\n  general:\n    record: {keep: 90d}\n"
    queues.write_text(text.replace("\n  general:\n", record))
    monkeypatch.delenv("ACD_RECORDING_KEY", raising=False)
    check = look(home)[1]["recordings"]
    assert check.ok and "there is no key" in check.detail
    assert not (home / "var" / "recordings").exists()
    key = home / "var" / "recording.key"
    key.parent.mkdir(exist_ok=True)
    key.write_text("ab" * 32)
    key.chmod(0o644)
    check = look(home)[1]["recordings"]
    assert not check.ok and check.remedy.startswith("run: chmod 600")
    key.chmod(0o600)
    check = look(home)[1]["recordings"]
    assert check.ok and check.detail.endswith(", encrypted")
    (home / "var" / "recordings").write_text("a file in the way")
    check = look(home)[1]["recordings"]
    assert not check.ok and "calls go on unrecorded" in check.remedy


def test_too_little_room_for_recordings_is_told_in_hours(home, monkeypatch):
    queues = home / "config" / "queues.yaml"
    record = "\n  general:\n    record: {keep: 90d}\n"
    queues.write_text(queues.read_text().replace("\n  general:\n", record))
    usage = type("Usage", (), {"free": 3 * 57_600_000})
    monkeypatch.setattr("acd.doctor.shutil.disk_usage", lambda _: usage)
    check = look(home)[1]["recordings"]
    assert not check.ok and "room for 3 hours" in check.detail and "'keep:'" in check.remedy


def test_a_folder_that_everybody_can_write_is_found(home):
    (home / "var").mkdir()
    load_secrets(home / "var", ["op001"])
    (home / "var").chmod(0o777)
    assert "chmod o-w" in look(home)[1]["secrets"].remedy


def test_a_database_that_is_no_database_is_found(home):
    (home / "var").mkdir()
    (home / "var" / "1414.sqlite").write_text("this is not a database, is it? " * 100)
    check = look(home)[1]["database"]
    assert not check.ok
    assert check.remedy


def test_a_database_that_is_locked_for_long_is_found(home):
    (home / "var").mkdir()
    connection = sqlite3.connect(home / "var" / "1414.sqlite", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    assert "locked" in look(home)[1]["database"].detail
    connection.close()


def test_too_little_room_is_found(home, monkeypatch):
    monkeypatch.setattr(doctor, "FREE_BYTES_MIN", 10**18)
    check = look(home)[1]["disk"]
    assert not check.ok
    assert "free at least" in check.remedy


def test_the_shipped_menus_and_their_audio_are_complete(home):
    report = examine(home / "config", SHIPPED / "dialplans", 0)
    check = next(check for check in report.checks if check.name == "menus, prompts")
    assert check.ok, check


def test_menus_with_errors_are_counted(home, tmp_path):
    menus = tmp_path / "menus"
    menus.mkdir()
    (menus / "menu.yaml").write_text("nonsense\n")
    report = examine(home / "config", menus, 0)
    check = next(check for check in report.checks if check.name == "menus, prompts")
    assert not check.ok
    assert "ivr check" in check.remedy


def test_without_an_asterisk_the_remedy_is_setup(home, monkeypatch):
    monkeypatch.setenv("PATH", str(home))
    monkeypatch.setattr("acd.asterisk_install._SYSTEM_FOLDERS", ())
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    report, checks = look(home)
    assert not checks["asterisk"].ok
    assert "make setup" in checks["asterisk"].remedy
    assert report.asterisk is None


def test_a_host_name_that_does_not_resolve_is_found_within_the_limit():
    check = doctor._host_name("no-such-host.invalid")
    assert not check.ok
    assert "/etc/hosts" in check.remedy


def test_old_time_zone_data_is_found(home, monkeypatch):
    monkeypatch.setattr(doctor, "ALMATY", ("Asia/Almaty", doctor.timedelta(hours=6)))
    check = doctor._time_zone(None)
    assert not check.ok
    assert "tzdata" in check.remedy


def test_versions_and_passwords_in_texts():
    assert version_in("Asterisk 22.10.1~dfsg+~cs6.17.60671434-1") == "22.10.1"
    assert version_in(None) is None
    assert without_password("postgresql+psycopg://u:secret@h/d") == "postgresql+psycopg://u:***@h/d"
    assert without_password("sqlite:///var/1414.sqlite") == "sqlite:///var/1414.sqlite"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_found(home):
    home.chmod(0o555)
    assert not look(home)[1]["database"].ok
    home.chmod(0o755)
