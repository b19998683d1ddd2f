"""Asterisk's generated configuration, and the secrets in it."""

import json
import re
import stat
import wave
from dataclasses import replace
from pathlib import Path

import pytest

from acd.asterisk_install import AsteriskBinary
from acd.problems import Problems
from acd.provision import (
    CALLS_BYTES_MAX,
    PHRASES,
    SOCKET_PATH_MAX,
    ProvisionError,
    lay_out_sounds,
    provision,
    set_calls_aside,
)
from acd.secrets import FILE, Secrets, SecretsError, load_secrets, rotate_phone, write_private
from acd.settings import Callbacks
from acd.settings_files import load_settings
from tests.unit.service_peer import lay_out_config

OPERATORS = ("op001", "op002", "op003")
SECRETS = Secrets(
    "ami-secret",
    {operator: f"password-of-{operator}" for operator in OPERATORS},
    ami_callback="callback-secret",
)


def settings_in(folder, **ports):
    problems = Problems()
    settings = load_settings(lay_out_config(folder, **ports), problems)
    assert settings is not None, problems.render()
    return settings


def binary(folder):
    folder.mkdir(exist_ok=True)
    return AsteriskBinary((22, 0, 0), "22.0.0", ("asterisk",), folder, folder, None)


def provisioned(folder, settings=None):
    settings = settings or settings_in(folder)
    return provision(settings, SECRETS, binary(folder / "asterisk-22"), folder / "music")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_no_word_is_left_and_every_setting_is_where_asterisk_reads_it(tmp_path):
    settings = settings_in(tmp_path, sip=6060, ami=6038, agi=5573)
    etc = provisioned(tmp_path, settings).etc
    texts = {path.name: path.read_text() for path in etc.iterdir()}
    for name, text in texts.items():
        assert not re.search(r"@[A-Z_]+@", "\n".join(_code(text))), name
    assert "bind=127.0.0.1:6060" in texts["pjsip.conf"]
    assert "match=127.0.0.2" in texts["pjsip.conf"]
    assert "bindaddr=127.0.0.1\nport=6038" in texts["manager.conf"]
    assert "secret=ami-secret" in texts["manager.conf"]
    assert "exten => 1414,1," in texts["extensions.conf"]
    assert texts["extensions.conf"].count("agi://127.0.0.1:5573/") >= 3
    assert "rtpstart=10000\nrtpend=14999" in texts["rtp.conf"]
    assert f"astetcdir => {etc}" in texts["asterisk.conf"]
    assert (etc / "features.conf").exists()


def _code(text):
    """Without the comments, which may explain the words."""
    return (line.partition(";")[0] for line in text.splitlines())


def test_every_operator_has_a_phone_with_their_own_password(tmp_path):
    pjsip = (provisioned(tmp_path).etc / "pjsip.conf").read_text()
    for operator in OPERATORS:
        assert f"[{operator}](operator-auth)\nusername={operator}\npassword=password-of-" in pjsip
        assert pjsip.count(f"password=password-of-{operator}\n") == 1
        assert f"[{operator}](operator)\nauth={operator}\naors={operator}\n" in pjsip
        assert f"[{operator}](operator-aor)\n" in pjsip


def test_what_holds_secrets_is_readable_by_its_owner_only(tmp_path):
    folders = provisioned(tmp_path)
    for name in ("manager.conf", "pjsip.conf", "extensions.conf"):
        assert mode(folders.etc / name) == 0o600
    for folder in (folders.etc, folders.run, folders.log):
        assert mode(folder) == 0o700


def test_every_feature_code_is_dialled_alone_and_a_pause_also_with_its_reason(tmp_path):
    text = (provisioned(tmp_path).etc / "extensions.conf").read_text()
    section = text.partition("[from-op]")[2]
    dialled = re.findall(r"exten => (\S+),1,Set\(AGIEXITONHANGUP=yes\)", section)
    assert dialled == ["*1", "*2", "_*2[1-9]", "*3", "*0", "*9"]
    asked = re.findall(r"AGI\(agi://127.0.0.1:4573/feature,(.+)\)", section)
    assert asked == ["ready", "pause", "pause,${EXTEN:2}", "wrap_up", "logout", "abuse"]


def test_the_keys_of_a_recorded_conversation_are_those_of_the_settings(tmp_path):
    settings = settings_in(tmp_path)
    folders = provisioned(tmp_path, settings)
    text = (folders.etc / "features.conf").read_text()
    assert 'acd-pause => *5,self,Gosub,"acd-record-key,pause,1"' in text
    assert 'acd-bookmark => *6,self,Gosub,"acd-record-key,bookmark,1"' in text
    service = replace(settings.service, features={"record_pause": "*88"})
    text = (
        provisioned(tmp_path, replace(settings, service=service)).etc / "features.conf"
    ).read_text()
    assert "acd-pause => *88,self," in text
    monitor = folders.base / "spool" / "monitor"
    assert monitor.resolve() == (settings.service.folder / "recordings").resolve()
    assert mode(monitor.resolve()) == 0o700


def test_a_folder_of_recordings_that_cannot_be_made_keeps_nothing_from_starting(tmp_path):
    settings = settings_in(tmp_path)
    settings.service.folder.mkdir()
    (settings.service.folder / "recordings").write_text("a file in the way")
    assert (provisioned(tmp_path, settings).etc / "extensions.conf").exists()


def test_feature_codes_of_other_lengths_hand_on_the_right_digit(tmp_path):
    settings = settings_in(tmp_path)
    service = replace(settings.service, features={"pause": "*77"})
    etc = provisioned(tmp_path, replace(settings, service=service)).etc
    assert "exten => _*77[1-9],1," in (etc / "extensions.conf").read_text()
    assert "/feature,pause,${EXTEN:3})" in (etc / "extensions.conf").read_text()


def test_an_unknown_word_in_a_template_is_named_with_its_line(tmp_path):
    settings = settings_in(tmp_path)
    own = tmp_path / "config" / "asterisk"
    own.mkdir()
    (own / "rtp.conf").write_text("[general]\nrtpstart=@RTP_FRIST@\n")
    with pytest.raises(ProvisionError, match=r"rtp\.conf:2: unknown word @RTP_FRIST@; known: "):
        provisioned(tmp_path, settings)


def test_the_config_folders_own_template_replaces_the_shipped_one(tmp_path):
    settings = settings_in(tmp_path)
    own = tmp_path / "config" / "asterisk"
    own.mkdir()
    (own / "rtp.conf").write_text("[general]\nrtpstart=@RTP_FIRST@\nours=yes\n")
    etc = provisioned(tmp_path, settings).etc
    assert (etc / "rtp.conf").read_text() == "[general]\nrtpstart=10000\nours=yes\n"
    assert (etc / "pjsip.conf").exists()


def test_a_second_start_writes_the_same_and_keeps_what_an_admin_added(tmp_path):
    first = provisioned(tmp_path)
    texts = {path.name: path.read_text() for path in first.etc.iterdir()}
    (first.etc / "cli.conf").write_text("; ours\n")
    second = provisioned(tmp_path)
    texts["cli.conf"] = "; ours\n"
    assert {path.name: path.read_text() for path in second.etc.iterdir()} == texts


def test_a_folder_too_deep_for_a_control_socket_is_refused_in_time(tmp_path):
    settings = settings_in(tmp_path)
    deep = Path("/", "x" * SOCKET_PATH_MAX)
    service = replace(settings.service, folder=deep)
    with pytest.raises(ProvisionError, match="too long for a control socket; set 'folder'"):
        provisioned(tmp_path, replace(settings, service=service))
    assert not deep.exists()


def test_a_phone_speaks_the_language_its_operator_knows_best(tmp_path):
    pjsip = (provisioned(tmp_path).etc / "pjsip.conf").read_text()
    for operator, language in (("op001", "kk"), ("op002", "ru"), ("op003", "kk")):
        assert (
            f"[{operator}](operator)\nauth={operator}\naors={operator}\nlanguage={language}\n"
            in (pjsip)
        )


def test_before_every_agi_the_heartbeat_is_looked_at_and_a_limit_set(tmp_path):
    lines = (provisioned(tmp_path).etc / "extensions.conf").read_text().splitlines()
    asked = [number for number, line in enumerate(lines) if ",AGI(agi://" in line]
    assert len(asked) == 5 + 6, "menu, after, book, overflow, back from outside; six feature codes"
    for number in asked:
        look, limit = lines[number - 2 : number]
        assert ",GotoIf($[${EPOCH}-0${ACD_HB}>2]?" in look
        assert ",Set(TIMEOUT(absolute)=" in limit


# What Asterisk says by itself, and what it writes down


def test_asterisk_has_its_own_copy_of_every_phrase_it_says_by_itself(tmp_path):
    folders = provisioned(tmp_path)
    library = tmp_path / "library"
    library.mkdir()

    def find(language, phrase):
        (library / f"{language}-{phrase}.al").write_text(f"{phrase} in {language}")
        return str(library / f"{language}-{phrase}")

    lay_out_sounds(folders, ("kk", "ru"), find)
    said = {path.stem: path.read_text() for path in (folders.sounds / "ru" / "acd").iterdir()}
    assert said == {phrase: f"{phrase} in ru" for phrase in PHRASES}
    lay_out_sounds(folders, ("kk", "ru"), lambda language, phrase: None)
    assert (folders.sounds / "kk" / "acd" / "goodbye.al").read_text() == "goodbye in kk"
    with wave.open(str(folders.sounds / "acd" / "beep.wav")) as beep:
        assert (beep.getframerate(), beep.getnframes()) == (8000, 3200)


def test_every_sound_the_dialplan_names_is_laid_out(tmp_path):
    etc = provisioned(tmp_path).etc
    text = "".join((etc / name).read_text() for name in ("extensions.conf", "queues.conf"))
    assert set(re.findall(r"\bacd/(\w+)", text)) == {*PHRASES, "beep"}
    assert set(PHRASES) <= set(settings_in(tmp_path).phrases)


def test_messages_are_recorded_where_the_commands_look_for_them(tmp_path):
    folders = provisioned(tmp_path)
    messages = tmp_path / "var" / "messages"
    assert (folders.sounds / "messages").resolve() == messages.resolve()
    assert mode(messages) == 0o700


def test_a_log_of_calls_that_has_grown_large_is_set_aside(tmp_path):
    folders = provisioned(tmp_path)
    set_calls_aside(folders)
    calls, old = folders.log / "calls", folders.log / "calls.1"
    for size, is_aside in ((CALLS_BYTES_MAX, False), (CALLS_BYTES_MAX + 1, True)):
        with calls.open("wb") as stream:
            stream.truncate(size)
        set_calls_aside(folders)
        assert (calls.exists(), old.exists()) == (not is_aside, is_aside)


CALLBACKS = Callbacks(numbers=("+77XXXXXXXXX", "8701XXXXXXX"), via="127.0.0.9:5070")


def lines_of(text, context):
    """The lines of one context of the dialplan."""
    return text.partition(f"\n[{context}]")[2].partition("\n[")[0].splitlines()


def with_callbacks(folder, callbacks):
    settings = settings_in(folder)
    service = replace(settings.service, callbacks=callbacks)
    return (provisioned(folder, replace(settings, service=service)).etc).glob("*.conf")


def conf(folder, name, callbacks=CALLBACKS):
    return next(path for path in with_callbacks(folder, callbacks) if path.name == name).read_text()


def test_only_the_patterns_of_the_settings_can_be_called_back(tmp_path):
    found = lines_of(conf(tmp_path, "extensions.conf"), "acd-callback-numbers")
    patterns = [line.split(",")[0] for line in found if line.startswith("exten => _")]
    assert patterns == ["exten => _0+77XXXXXXXXX", "exten => _08701XXXXXXX"]
    assert all("@127.0.0.9:5070," in line for line in found if line.startswith("exten => _"))


@pytest.mark.parametrize(
    ("via", "host", "problem"),
    [
        ('via: "127.0.0.9:5070", ', "127.0.0.9:5070", None),
        ("", "127.0.0.2", None),
        ('via: "nowhere", ', None, "is not an address and a port"),
    ],
)
def test_citizens_are_called_through_the_trunk_that_is_named_or_the_first(
    tmp_path, via, host, problem
):
    config = lay_out_config(tmp_path)
    file = config / "service.yaml"
    file.write_text(file.read_text().replace("callbacks: {", f"callbacks: {{{via}"))
    problems = Problems()
    settings = load_settings(config, problems)
    if problem is not None:
        assert problem in problems.render()
        return
    text = (provisioned(tmp_path, settings).etc / "extensions.conf").read_text()
    dials = [line for line in lines_of(text, "acd-callback-numbers") if "Dial(" in line]
    assert dials and all(f"@{host}," in line for line in dials)


def test_without_patterns_nobody_can_be_called_back(tmp_path):
    found = lines_of(conf(tmp_path, "extensions.conf", Callbacks()), "acd-callback-numbers")
    assert not [line for line in found if "Dial(" in line]


def test_no_other_line_dials_out_than_those_of_the_settings(tmp_path):
    text = conf(tmp_path, "extensions.conf")
    dials = [line for line in text.splitlines() if "Dial(PJSIP/trunk" in line]
    assert dials == [
        line for line in lines_of(text, "acd-callback-numbers") if "Dial(PJSIP/trunk" in line
    ]


def test_the_login_that_may_dial_has_a_secret_of_its_own_and_no_other_right(tmp_path):
    text = conf(tmp_path, "manager.conf")
    usual = lines_of(text, "acd")
    dialling = lines_of(text, "acd-callback")
    assert "secret=ami-secret" in usual and "secret=callback-secret" in dialling
    assert [line for line in usual if line.startswith("write=")] == ["write=call,reporting,agent"]
    assert [line for line in dialling if line.startswith(("read=", "write="))] == [
        "read=",
        "write=originate",
    ]


# Secrets


def test_secrets_are_made_once_and_kept(tmp_path):
    first = load_secrets(tmp_path, OPERATORS)
    assert mode(tmp_path / FILE) == 0o600
    assert load_secrets(tmp_path, OPERATORS) == first
    assert set(first.phones) == set(OPERATORS)
    made = [first.ami, first.ami_callback, *first.phones.values()]
    assert len(set(made)) == 5 and all(len(secret) == 32 for secret in made)


def test_a_file_of_an_earlier_version_gets_the_second_login_and_keeps_the_rest(tmp_path):
    path = tmp_path / FILE
    write_private(path, json.dumps({"ami": "x" * 32, "phones": {"op001": "y" * 32}}))
    found = load_secrets(tmp_path, OPERATORS[:1])
    assert (found.ami, found.phones) == ("x" * 32, {"op001": "y" * 32})
    assert len(found.ami_callback) == 32
    assert load_secrets(tmp_path, OPERATORS[:1]) == found


def test_a_new_operator_gets_a_password_and_nobody_elses_changes(tmp_path):
    first = load_secrets(tmp_path, OPERATORS[:2])
    second = load_secrets(tmp_path, OPERATORS[1:])
    assert second.ami == first.ami
    assert {op: second.phones[op] for op in OPERATORS[:2]} == first.phones
    assert second.phones["op003"]


def test_rotating_changes_one_phone_and_nothing_else(tmp_path):
    first = load_secrets(tmp_path, OPERATORS)
    second = rotate_phone(tmp_path, "op002")
    assert second.phones["op002"] != first.phones["op002"]
    assert replace(second, phones=second.phones | {"op002": first.phones["op002"]}) == first
    assert load_secrets(tmp_path, OPERATORS) == second
    assert mode(tmp_path / FILE) == 0o600


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"ami": "x"}',
        b'{"phones": {}}',
        b'{"ami": "x", "phones": []}',
        b'{"ami": null, "phones": {}}',
        b'{"ami": "x", "phones": {"op001": 7}}',
        b'{"ami": "x\\nsecret=y", "phones": {}}',
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_file_is_named_and_left_as_it_is(tmp_path, content):
    path = tmp_path / FILE
    path.write_bytes(content)
    path.chmod(0o600)
    for use in (lambda: load_secrets(tmp_path, OPERATORS), lambda: rotate_phone(tmp_path, "op001")):
        with pytest.raises(SecretsError, match=re.escape(f"{path} is damaged")):
            use()
    assert path.read_bytes() == content


def test_a_file_that_others_can_read_is_refused_with_the_remedy(tmp_path):
    load_secrets(tmp_path, OPERATORS)
    path = tmp_path / FILE
    for bad in (0o640, 0o604, 0o660):
        path.chmod(bad)
        with pytest.raises(SecretsError, match=re.escape(f"run: chmod 600 {path}")):
            load_secrets(tmp_path, OPERATORS)
    path.chmod(0o400)
    assert load_secrets(tmp_path, OPERATORS).ami


def test_a_folder_in_place_of_the_file_is_said_so(tmp_path):
    (tmp_path / FILE).mkdir()
    with pytest.raises(SecretsError, match="cannot be read"):
        load_secrets(tmp_path, OPERATORS)


def test_a_private_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "new" / "file"
    write_private(path, "one")
    path.chmod(0o644)
    write_private(path, json.dumps("екі"))
    assert path.read_text() == '"\\u0435\\u043a\\u0456"'
    assert mode(path) == 0o600
    assert list(path.parent.iterdir()) == [path]
