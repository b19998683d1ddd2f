"""`config/`: what loads, and what an administrator is told about a mistake, and where."""
# ruff: noqa: E501 - the example is the design's, and each mistake stands in one line

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.core.queues import (
    CallbackRules,
    Condition,
    LeastLevel,
    Leave,
    Message,
    OfferCallback,
    OverflowTo,
    Reserve,
    Widen,
)
from acd.places import offset_path
from acd.settings import Recording
from acd.settings_checks import acts_by
from acd.settings_files import routable_names
from tests.unit.settings_sample import EXAMPLE, changed, found, load, write

SHIPPED = Path(__file__).resolve().parents[2] / "config"

# What loads


def test_a_queue_that_records_says_for_how_long(tmp_path):
    record = "wrap_up: 10s\n    record: {keep: 90d, notice: false}\n"
    files, _ = changed("queues.yaml", "wrap_up: 10s\n", record)
    settings, problems = load(write(tmp_path, files))
    assert problems.error_count == 0, problems.render()
    assert settings.recording == {"social": Recording(keep_days=90, notice=False)}


def test_the_shipped_files_load_without_a_word():
    settings, problems = load(SHIPPED)
    assert problems.render() == ""
    assert len(settings.operators) == 128
    assert len(settings.shifts) == 8
    assert settings.service.number == "1414"
    for queue in settings.rules.queues.values():
        assert any(acts_by(step, settings.service.target_ms) for step in queue.ladder)


def test_the_minimal_example_of_the_design_loads_with_warnings_only(tmp_path):
    config = write(tmp_path, EXAMPLE)
    settings, problems = load(config)
    assert not problems.has_errors, problems.render()
    general_line = EXAMPLE["queues.yaml"].splitlines()[2]
    offer = general_line.index("{at: 20s") + 1
    assert [(f, line, column) for f, line, column, _ in found(problems, config, "warning")] == [
        ("queues.yaml", 3, offer),  # no `callback:`
        ("queues.yaml", 3, offer),  # no numbers to call back
        ("queues.yaml", 10, 9),  # nobody in reserve
        ("queues.yaml", 11, 9),
        ("queues.yaml", 11, 9),
        ("shifts.yaml", 3, 3),  # nobody speaks English
        ("shifts.yaml", 4, 3),  # nobody speaks Kazakh
    ]
    social, general = settings.rules.queues["social"], settings.rules.queues["general"]
    long_wait = Condition("predicted_wait", ">", 30_000, 24_000)
    assert social.ladder == (
        Widen(10_000, None, 1),
        OfferCallback(20_000),
        OverflowTo(30_000, "general"),
        Reserve(None, (long_wait,)),
    )
    assert (social.least, social.ring_ms, social.wrap_up_ms) == (LeastLevel(2, 2), 8000, 10_000)
    assert (social.callback, social.announce, social.priority_ms) == (CallbackRules(), None, 0)
    assert general.ladder == (OfferCallback(20_000), Leave(30_000, "voicemail"))
    op002 = settings.rules.operators["op002"]
    assert (op002.languages, op002.topics) == ({"ru": 5, "en": 3}, {"general": 5})
    assert (op002.wrap_up_ms, op002.ring_ms, op002.shift, op002.name) == (
        20_000,
        None,
        "B",
        "op002",
    )
    assert settings.shifts["B"].days == tuple(range(7))
    assert (settings.shifts["B"].begins, settings.shifts["B"].ends) == (20 * 60, 8 * 60)
    assert settings.rules.topics == {"general": "general", "pension": "social"}
    assert settings.topic_names["pension"]["ru"] == "Пенсия"
    assert settings.phrases["still_waiting"]["en"] and settings.language_words["kk"] == "Қазақша"
    service = settings.service
    assert service.database == f"sqlite:///{tmp_path}/var/1414.sqlite"
    assert (service.listen.socket, service.folder) == (tmp_path / "var/acd.sock", tmp_path / "var")
    assert (service.least_talk_ms, service.trunk) == (3000, ("127.0.0.2",))
    assert service.features["ready"] == "*1" and service.pause_reasons["2"] == "lunch"


def test_zero_is_a_length_of_wrap_up_and_not_the_default(tmp_path):
    files, _ = changed("operators.yaml", "wrap_up: 20s", "wrap_up: 0s")
    files["queues.yaml"] = files["queues.yaml"].replace("wrap_up: 10s", "wrap_up: 0s")
    settings, _ = load(write(tmp_path, files))
    assert settings.rules.operators["op002"].wrap_up_ms == 0
    assert settings.rules.queues["general"].wrap_up_ms == 0


def test_the_ladder_is_sorted_by_time_and_a_step_at_the_target_is_in_time(tmp_path):
    files, _ = changed(
        "queues.yaml",
        "      - {at: 10s, do: widen, topic: 1}\n",
        "      - {at: 31s, do: message}\n      - {at: 30s, do: widen, language: 1}\n",
    )
    settings, _ = load(write(tmp_path, files))
    assert settings.rules.queues["social"].ladder[1:4] == (
        Widen(30_000, 1, None),
        OverflowTo(30_000, "general"),
        Message(31_000, "still_waiting"),
    )


# Mistakes: file, what stands there, what is written instead (^ marks the place), the words

MISTAKES = {
    "unknown key": ("operators.yaml", "wrap_up: 20s", "^wrapup: 20s", "unknown key 'wrapup'; did you mean 'wrap_up'?"),
    "missing key": ("service.yaml", 'schema: 1\nnumber: "1414"\n', "^schema: 1\n", "the key 'number' is missing"),
    "key set twice": ("service.yaml", "target: 30s", "target: 30s\n^target: 20s", "'target' is already set on line 5"),
    "schema": ("service.yaml", "schema: 1", "schema: ^2", "write 'schema: 1'"),
    "schema of queues": ("queues.yaml", "schema: 1", "schema: ^2", "schema '2' is not known to this version"),
    "schema of operators": ("operators.yaml", "schema: 1", "schema: ^2", "schema '2' is not known to this version"),
    "schema of skills": ("skills.yaml", "schema: 1", "schema: ^2", "schema '2' is not known to this version"),
    "schema of shifts": ("shifts.yaml", "schema: 1", "schema: ^2", "schema '2' is not known to this version"),
    "number unquoted": ("service.yaml", '"1414"', "^1414", 'write "1414"'),
    "number not a number": ("service.yaml", '"1414"', '^"14 14"', "is not a telephone number; write digits"),
    "number empty": ("service.yaml", '"1414"', '^""', "is not a telephone number; write digits"),
    "recording without days": ("queues.yaml", "wrap_up: 10s\n", "wrap_up: 10s\n    record: ^{notice: true}\n", "the key 'keep' is missing"),
    "recording kept for ever": ("queues.yaml", "wrap_up: 10s\n", "wrap_up: 10s\n    record: {keep: ^9999d}\n", "is not a number of days from 1d to 3650d; write '90d'"),
    "recording kept for hours": ("queues.yaml", "wrap_up: 10s\n", "wrap_up: 10s\n    record: {keep: ^48h}\n", "is not a number of days"),
    "recording misspelt": ("queues.yaml", "wrap_up: 10s\n", "wrap_up: 10s\n    record: {keep: 90d, ^notise: true}\n", "did you mean 'notice'?"),
    "time zone": ("service.yaml", "Asia/Almaty", "^Asia/Almatty", "is not a time zone of this machine"),
    "language": ("service.yaml", "[kk, ru, en]", "[kk, ^rus, en]", "'rus' is not known here; did you mean 'ru'?"),
    "no languages": ("service.yaml", "[kk, ru, en]", "^kk", "write a list"),
    "target without unit": ("service.yaml", "target: 30s", "target: ^30", "write a unit, as in '30s'"),
    "target zero": ("service.yaml", "target: 30s", "target: ^0s", "out of range; write 1s to 60m"),
    "database": ("service.yaml", '"sqlite:///var/1414.sqlite"', '^"mysql://x/y"', "is not a database"),
    "database nearly": ("service.yaml", '"sqlite:///var/1414.sqlite"', '^"postgresqll://x/y"', "is not a database"),
    "database without a file": ("service.yaml", '"sqlite:///var/1414.sqlite"', '^"sqlite:///"', "is not a database"),
    "address": ("service.yaml", '"127.0.0.1:5060"', '^"127.0.0:5060"', "is not an address and a port"),
    "address by name": ("service.yaml", '"127.0.0.1:5060"', '^"localhost:5060"', "is not an address and a port"),
    "port": ("service.yaml", '"127.0.0.1:5060"', '^"127.0.0.1:65536"', "is not an address and a port"),
    "port zero": ("service.yaml", '"127.0.0.1:5060"', '^"127.0.0.1:0"', "is not an address and a port"),
    "no port": ("service.yaml", '"127.0.0.1:5060"', '^"127.0.0.1"', "is not an address and a port"),
    "ami for everybody": ("service.yaml", 'ami: "127.0.0.1:5038"', 'ami: ^"0.0.0.0:5038"', "ami has no protection of its own; listen on 127.0.0.1"),
    "agi for everybody": ("service.yaml", 'agi: "127.0.0.1:4573"', 'agi: ^"10.0.0.1:4573"', "agi has no protection of its own"),
    "one port twice": ("service.yaml", "agi: \"127.0.0.1:4573\"", "^agi: \"127.0.0.1:5038\"", "port 5038 is taken by ami"),
    "listener missing": ("service.yaml", ', socket: "var/acd.sock"', "", "the key 'socket' is missing"),
    "media ports": ("service.yaml", '"var/acd.sock"}', '"var/acd.sock", rtp: ^"10000-70000"}', "is not a range of ports"),
    "media ports odd": ("service.yaml", '"var/acd.sock"}', '"var/acd.sock", rtp: ^"²-³"}', "is not a range of ports"),
    "trunk": ("service.yaml", "target: 30s", "target: 30s\ntrunk: [^127.0.0.2.1]", "is not an address or a network"),
    "feature code": ("service.yaml", "target: 30s", "target: 30s\nfeatures: {ready: ^\"11\"}", "is not a feature code"),
    "feature code twice": ("service.yaml", "target: 30s", "target: 30s\nfeatures: {^ready: \"*2\"}", "'*2' is the code of 'pause' as well"),
    "feature codes in each other": ("service.yaml", "target: 30s", "target: 30s\nfeatures: {^abuse: \"*25\"}", "'*25' of 'abuse' is the pause with its reason too"),
    "pause over another code": ("service.yaml", "target: 30s", "target: 30s\nfeatures: {^pause: \"*4\", ready: \"*1\", ^abuse: \"*41\"}".replace("^pause", "pause"), "'*41' of 'abuse' is the pause"),
    "unknown feature": ("service.yaml", "target: 30s", "target: 30s\nfeatures: {^redy: \"*1\"}", "did you mean 'ready'?"),
    "reason digit unquoted": ("service.yaml", "target: 30s", "target: 30s\npause_reasons: {^1: break}", 'write "1"'),
    "reason digit": ("service.yaml", "target: 30s", "target: 30s\npause_reasons: {^\"0\": break}", "is not one digit from 1 to 9"),
    "tab": ("service.yaml", "target: 30s", "^\ttarget: 30s", "begins with a tab"),
    "topic's queue": ("skills.yaml", "{queue: social,", "{queue: ^socal,", "'socal' is not known here; did you mean 'social'?"),
    "topic's name": ("skills.yaml", '{kk: "Зейнетақы", ru: "Пенсия", en: "pension"}', '^{kk: "Зейнетақы", ru: "Пенсия"}', "the text is missing in en"),
    "no topics": ("skills.yaml", EXAMPLE["skills.yaml"].partition("\n")[2], "", "the key 'topics' is missing"),
    "no shifts": ("shifts.yaml", EXAMPLE["shifts.yaml"].partition("shifts:")[2], " ^{}\n", "write at least one of the shifts"),
    "topics by another name": ("shifts.yaml", EXAMPLE["shifts.yaml"].partition("shifts:")[2], " ^[]\n", "a list stands here; write at least one of the shifts"),
    "operator twice": ("operators.yaml", "op002:", "^op001:", "'op001' is already set on line 3"),
    "operator's id": ("operators.yaml", "op002:", "^оп002:", "is not a name"),
    "operator's id unquoted": ("operators.yaml", "op002:", "^0777:", "an octal number"),
    "unknown topic": ("operators.yaml", "{pension: 4,", "{^pensoin: 4,", "'pensoin' is not known here; did you mean 'pension'?"),
    "unknown shift": ("operators.yaml", "shift: B", "shift: ^b", "'b' is not known here; did you mean 'B'?"),
    "unknown language": ("operators.yaml", "{kk: 5, ru: 4}", "{kk: 5, ^de: 4}", "'de' is not known here; write one of kk, ru, en"),
    "level six": ("operators.yaml", "{kk: 5,", "{kk: ^6,", "6 is out of range; write a whole number from 1 to 5"),
    "level zero": ("operators.yaml", "{general: 5}", "{general: ^0}", "0 is out of range"),
    "level half": ("operators.yaml", "{general: 5}", "{general: ^2.5}", "'2.5' is not a whole number"),
    "no languages of an operator": ("operators.yaml", "{ru: 5, en: 3}", "^{}", "an operator needs at least one language"),
    "wrap-up without unit": ("operators.yaml", "wrap_up: 20s", "wrap_up: ^20", "write a unit, as in '20s'"),
    "ring": ("operators.yaml", "wrap_up: 20s", "ring: ^2m", "out of range; write 1s to 60s"),
    "no operators": ("operators.yaml", EXAMPLE["operators.yaml"].partition("  op001")[2], "", "write at least one of the operators"),
    "queue's level": ("queues.yaml", "{language: 2, topic: 1}", "{language: ^0, topic: 1}", "0 is out of range; write a whole number from 1 to 5"),
    "queue's ring": ("queues.yaml", "    ring: 8s\n", "    ring: ^8\n", "write a unit, as in '8s'"),
    "overflow to itself": ("queues.yaml", "to: general}", "to: ^social}", "'social' cannot overflow into itself"),
    "overflow to nobody": ("queues.yaml", "do: overflow, to: general}", "^do: overflow}", "an overflow needs a target"),
    "overflow to a stranger": ("queues.yaml", "to: general}", "to: ^generl}", "did you mean 'general'?"),
    "widen to what": ("queues.yaml", "do: widen, topic: 1}", "^do: widen}", "say what to widen to"),
    "step without time": ("queues.yaml", "{at: 10s, do: widen, topic: 1}", "^{do: widen, topic: 1}", "the step does not say when"),
    "step's time": ("queues.yaml", "at: 10s", "at: ^10", "write a unit, as in '10s'"),
    "unknown step": ("queues.yaml", "do: widen", "do: ^wyden", "did you mean 'widen'?"),
    "unknown phrase": ("queues.yaml", "do: widen, topic: 1", "do: message, phrase: ^still_wating", "did you mean 'still_waiting'?"),
    "step without do": ("queues.yaml", "{at: 10s, do: widen, topic: 1}", "^{at: 10s, topic: 1}", "the key 'do' is missing"),
    "shift's day": ("shifts.yaml", "[mon, tue, wed, thu, fri, sat, sun]", "[^monday]", "did you mean 'mon'?"),
    "shift's hours": ("shifts.yaml", '"20:00-08:00"', '^"20:00"', "is not a span of hours"),
    "shift's hour": ("shifts.yaml", '"20:00-08:00"', '^"20:00-8:00"', "'8:00' is not a time of day"),
    "break unquoted": ("shifts.yaml", 'at: "12:00"', "at: ^12:00", 'write "12:00"'),
    "break's length": ("shifts.yaml", "for: 60m", "for: ^60", "write a unit"),
    "break's share": ("shifts.yaml", "at_once: 25%", "at_once: ^25", "write '25%'"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_shown_at_its_place_with_the_remedy(tmp_path, name):
    file, old, new, words = MISTAKES[name]
    files, place = changed(file, old, new)
    config = write(tmp_path, files)
    settings, problems = load(config)
    assert settings is None
    if "^" not in new:  # the place is the group that lacks something
        place = found(problems, config)[0][1:3]
        assert place[0] > 0
    told = found(problems, config)
    assert [(f, line, column) for f, line, column, _ in told] == [(file, *place)], told
    assert words in told[0][3]
    assert f"{config / file}:{place[0]}:{place[1]}: " in problems.render()


def test_mistakes_of_all_files_are_shown_at_once_in_order(tmp_path):
    files = dict(EXAMPLE)
    files["service.yaml"] = files["service.yaml"].replace("target: 30s", "target: 30")
    files["shifts.yaml"] = files["shifts.yaml"].replace("[mon, tue, wed, thu, fri]", "[mo]", 1)
    files["queues.yaml"] = files["queues.yaml"].replace("at: 10s", "at: ten")
    files["operators.yaml"] = files["operators.yaml"].replace("pension: 4, general: 3", "x: 9")
    del files["skills.yaml"]
    config = write(tmp_path, files)
    _, problems = load(config)
    assert [(f, line) for f, line, _, _ in found(problems, config)] == [
        ("operators.yaml", 3),
        ("queues.yaml", 9),
        ("service.yaml", 5),
        ("shifts.yaml", 3),
        ("skills.yaml", 0),
    ]


@pytest.mark.parametrize("name", EXAMPLE)
def test_a_missing_file_is_named_and_blamed_alone(tmp_path, name):
    config = write(tmp_path, {n: text for n, text in EXAMPLE.items() if n != name})
    settings, problems = load(config)
    assert settings is None
    assert [(f, line, m) for f, line, _, m in found(problems, config)] == [
        (name, 0, "there is no such file; check the path")
    ]


def test_a_missing_folder_is_said_so(tmp_path):
    settings, problems = load(tmp_path / "konfig")
    assert settings is None
    assert problems.render() == (
        f"{tmp_path / 'konfig'}: there is no such folder; name the config folder [E01]"
    )


def test_the_queue_of_last_resort_must_be_there(tmp_path):
    files = {name: text.replace("general:", "other:") for name, text in EXAMPLE.items()}
    for name in ("skills.yaml", "queues.yaml"):
        files[name] = files[name].replace("queue: general", "queue: other")
        files[name] = files[name].replace("to: general", "to: other")
    config = write(tmp_path, files)
    _, problems = load(config)
    assert [(f, m[:31]) for f, _, _, m in found(problems, config)] == [
        ("queues.yaml", "the queue 'general' is missing;")
    ]


def test_holidays_are_read_when_they_are_there(tmp_path):
    files = EXAMPLE | {"holidays.yaml": "schema: 1\nholidays: [2026-12-16, 2026-02-30]\n"}
    config = write(tmp_path, files)
    _, problems = load(config)
    told = found(problems, config)
    assert [(f, line, column) for f, line, column, _ in told] == [("holidays.yaml", 2, 24)]


def test_own_phrases_stand_over_the_shipped_ones_and_are_checked_once(tmp_path):
    own = 'schema: 1\nlanguages: {ru: {whisper: "По-русски"}}\nphrases:\n'
    own += '  still_waiting: {kk: "Күтіңіз", ru: "Ждите", en: "Wait"}\n'
    settings, problems = load(write(tmp_path, EXAMPLE | {"phrases.yaml": own}))
    assert not problems.has_errors, problems.render()
    assert settings.phrases["still_waiting"]["ru"] == "Ждите"
    assert settings.phrases["goodbye"]["ru"]
    assert settings.language_words == {"kk": "Қазақша", "ru": "По-русски", "en": "English"}


def test_a_mistake_in_the_shipped_phrases_is_shown_once_under_the_name_given(tmp_path, monkeypatch):
    shutil.copytree(SHIPPED, tmp_path / "config")
    phrases = tmp_path / "config" / "phrases.yaml"
    phrases.write_text(phrases.read_text().replace("schema: 1", "schema: 3"))
    monkeypatch.setattr("acd.settings_files.SHIPPED", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    _, problems = load(Path("config"))
    assert [p.file for p in problems.sorted()] == ["config/phrases.yaml"]


def test_the_names_a_dialplan_may_use(tmp_path):
    config = write(tmp_path, EXAMPLE)
    settings, _ = load(config)
    assert settings.routable() == routable_names(config) == {"general", "pension", "social"}
    assert routable_names(tmp_path) is None


# A second copy of the same files


def test_an_offset_moves_every_port_and_every_path(tmp_path):
    config = write(tmp_path, EXAMPLE)
    one, other = (load(config, port_offset=offset)[0].service for offset in (0, 100))
    for name in ("sip", "ami", "agi"):
        assert getattr(other.listen, name).port == getattr(one.listen, name).port + 100
    assert (one.listen.rtp, other.listen.rtp) == ((10_000, 14_999), (10_100, 15_099))
    assert other.listen.socket == tmp_path / "var-100" / "acd.sock"
    assert other.folder == tmp_path / "var-100"
    assert other.database == f"sqlite:///{tmp_path}/var-100/1414.sqlite"


def test_an_offset_beyond_the_last_port_is_said_at_the_address(tmp_path):
    rtp = '"var/acd.sock", rtp: "64000-65500"}'
    files, _ = changed("service.yaml", '"var/acd.sock"}', rtp)
    config = write(tmp_path, files)
    assert load(config)[0] is not None
    settings, problems = load(config, port_offset=100)
    assert settings is None and "rtp" in files["service.yaml"]
    assert [(f, line) for f, line, _, _ in found(problems, config)] == [("service.yaml", 7)]


@pytest.mark.parametrize(
    ("path", "moved"),
    [
        ("var", "var-7"),
        ("var/acd.sock", "var-7/acd.sock"),
        ("a/b/c", "a-7/b/c"),
        ("/run/acd.sock", "/run/acd.sock-7"),
        ("", ""),
    ],
)
def test_where_a_second_copy_keeps_its_things(path, moved):
    assert offset_path(path, 7) == moved
    assert offset_path(path, 0) == path


# Damage

SCRAPS = st.sampled_from(
    ["", "{", "}", "[", "]", ":", "-", "#", '"', "'", "\t", "\n", "*", "&a", "!x", "|", "²", "٣", "\0",
     "\ud7ff", "0", "-1", "9" * 30, "null", "~", "yes", "{}", "[]", "? ", "---", "%", "\u2028"]
)  # fmt: skip


LETTERS = st.characters(exclude_categories=["Cs"])


def damaged(data, text):
    """The text with a value replaced, or with a few bytes of it."""
    if data.draw(st.booleans()):
        word = data.draw(st.sampled_from(list(re.finditer(r"[\w:./%-]+", text))))
        value = data.draw(SCRAPS | st.sampled_from(["²-³", "[1, 2]", "{a: b}", '"99:99"']))
        return text[: word.start()] + value + text[word.end() :]
    for _ in range(data.draw(st.integers(1, 3))):
        at, cut = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 12))
        text = text[:at] + data.draw(SCRAPS | st.text(LETTERS, max_size=3)) + text[at + cut :]
    return text


@given(data=st.data())
def test_no_damage_to_a_file_makes_the_reader_raise(tmp_path_factory, data):
    file = data.draw(st.sampled_from(sorted(EXAMPLE)))
    text = damaged(data, EXAMPLE[file])
    config = write(tmp_path_factory.getbasetemp(), EXAMPLE | {file: text})
    settings, problems = load(config)
    assert (settings is None) == problems.has_errors
    assert all(problem.message for problem in problems.sorted())
