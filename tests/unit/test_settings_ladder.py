"""What `queues.yaml` lays down beside least levels: steps, announcements, callbacks, routing."""
# ruff: noqa: E501 - each mistake stands in one line

import pytest

from acd.core.queues import (
    Announce,
    CallbackRules,
    Condition,
    Leave,
    Message,
    OfferCallback,
    OverflowTo,
    Raise,
    Reserve,
    Routing,
    Widen,
)
from acd.settings_ladder import WIDEN_MAX
from tests.unit.settings_sample import EXAMPLE, changed, found, load, write

SERVICE = EXAMPLE["service.yaml"] + 'transfers: {"112": "sip:112@10.0.0.5"}\n'
CREW = """\
schema: 1
operators:
  op001: {shift: A, languages: {kk: 5, ru: 5, en: 5}, topics: {pension: 4, general: 3}}
  op002: {shift: B, languages: {kk: 5, ru: 5, en: 5}, topics: {pension: 4, general: 3}}
  op003: {shift: A, reserve: true, languages: {ru: 5}, topics: {pension: 5, general: 5}}
"""
NUMBERS = 'callbacks: {numbers: ["+77XXXXXXXXX"]}\n'
ACT = "- {at: 30s, do: widen, language: 1, topic: 0}"


def files_with(steps, more="", service=SERVICE + NUMBERS):
    """The example with this ladder of `social`; `^` marks a place, (line, column)."""
    before, _, _ = EXAMPLE["queues.yaml"].partition("    ladder:")
    general = "  general: {callback: {tries: 2}, ladder: [{at: 20s, do: offer_callback}, {at: 25s, do: reserve}]}\n"
    lines = before.splitlines(keepends=True)
    text = "".join(["schema: 1\nqueues:\n", general, *lines[3:]]) + more
    text += "    ladder:\n" + "".join(f"      {step}\n" for step in steps)
    marked = text.partition("^")[0]
    place = (marked.count("\n") + 1, len(marked.rpartition("\n")[2]) + 1)
    files = {"queues.yaml": text.replace("^", ""), "service.yaml": service, "operators.yaml": CREW}
    return EXAMPLE | files, place


def social(tmp_path, steps, more=""):
    """The rules of `social`, from files about which nothing is to be said."""
    files, _ = files_with(steps, more)
    settings, problems = load(write(tmp_path, files))
    assert problems.render() == ""
    return settings.rules.queues["social"]


def test_every_step_is_read(tmp_path):
    rules = social(
        tmp_path,
        [
            "- {at: 10s, do: widen, topic: 1}",
            '- {when: "predicted_wait > 30s", until: "predicted_wait < 20s", do: reserve}',
            '- {at: 15s, when: "waiting >= 10 and ready < 1", do: raise, by: 15s}',
            "- {at: 20s, do: offer_callback}",
            "- {at: 25s, do: overflow, to: general}",
            "- {at: 30s, do: message}",
            '- {when: "hour >= 22", do: overflow, to: menu}',
            '- {when: "predicted_wait > 50m", do: overflow, to: voicemail}',
            '- {at: 10m, do: overflow, to: "112"}',
        ],
        "    callback: {tries: 3}\n",
    )
    assert rules.ladder == (
        Widen(10_000, None, 1),
        Raise(15_000, 15_000, (Condition("waiting", ">=", 10, 9), Condition("ready", "<=", 0, 1))),
        OfferCallback(20_000),
        OverflowTo(25_000, "general"),
        Message(30_000, "still_waiting"),
        Leave(600_000, "112"),
        Reserve(None, (Condition("predicted_wait", ">", 30_000, 20_000),)),
        Leave(None, "menu", (Condition("hour", ">=", 22, 22),)),
        Leave(None, "voicemail", (Condition("predicted_wait", ">", 3_000_000, 2_400_000),)),
    )


def test_priority_announcements_and_callbacks_are_read(tmp_path):
    rules = social(
        tmp_path,
        [ACT],
        "    priority: 10s\n"
        "    announce: {first: 20s, every: 45s, position: false}\n"
        "    callback: {tries: 5, pause: 10m, ring: 30s, max_age: 6h, priority: 10s}\n",
    )
    assert rules.priority_ms == 10_000
    assert rules.announce == Announce(20_000, 45_000, False, True)
    assert rules.callback == CallbackRules(5, 600_000, 30_000, 21_600_000, 10_000)


def test_routing_and_head_starts_of_topics_are_read(tmp_path):
    files, _ = files_with([ACT])
    files["queues.yaml"] += (
        "routing: {order: first_come, cap: 90s, idle: least_loaded, handle_time: 200s, "
        "patience: 4m, repeat_caller: 30s}\n"
    )
    files["skills.yaml"] = files["skills.yaml"].replace(
        "{queue: social,", "{queue: social, priority: 60s,"
    )
    settings, problems = load(write(tmp_path, files))
    assert problems.render() == ""
    assert settings.rules.routing == Routing(
        "first_come", 90_000, "least_loaded", 200_000, 240_000, {"pension": 60_000}, 30_000
    )
    assert settings.rules.operators["op003"].reserve
    assert not settings.rules.operators["op001"].reserve


def test_without_routing_the_usual_one_is_used(tmp_path):
    settings, _ = load(write(tmp_path, EXAMPLE))
    assert settings.rules.routing == Routing()


ERRORS = {
    "transfer that is not listed": (["- {at: 30s, do: overflow, to: ^\"113\"}"], "'113' is not among 'transfers:' of service.yaml; did you mean '112'?"),
    "transfer without quotes": (["- {at: 30s, do: overflow, to: ^112}"], 'write "112"'),
    "a place outside without its number": (["- {at: 30s, do: overflow, to: ^external}"], "is not among 'transfers:'"),
    "voicemail misspelt": (["- {at: 30s, do: overflow, to: ^voicemial}"], "did you mean 'voicemail'?"),
    "queue misspelt": (["- {at: 30s, do: overflow, to: ^genral}"], "did you mean 'general'?"),
    "a raise by nothing": (["- {at: 30s, ^do: raise}"], "as in 'by: 15s'"),
    "a raise without unit": (["- {at: 30s, do: raise, by: ^15}"], "write a unit, as in '15s'"),
    "phrase": (["- {at: 30s, do: message, phrase: ^still_wating}"], "did you mean 'still_waiting'?"),
    "when": (['- {at: 30s, when: "^predicted > 30s", do: reserve}'], "unknown figure 'predicted'"),
    "until alone": (['- {at: 30s, until: ^"ready > 3", do: reserve}'], "add 'when:'"),
    "after leaving": (["- {at: 20s, do: overflow, to: voicemail}", "- ^{at: 20s, do: message}"], "the step can never fire: by then line 10 has led the caller to 'voicemail'"),
    "long after leaving": (["- ^{at: 2m, do: offer_callback}", "- {at: 20s, do: overflow, to: menu}"], "the step can never fire: by then line 11"),
    "a condition after leaving": (["- {at: 20s, do: overflow, to: voicemail}", '- ^{when: "waited > 25s and ready > 1", do: reserve}'], "the step can never fire"),
    "leaving twice": (["- {at: 20s, do: overflow, to: voicemail}", "- ^{at: 40s, do: overflow, to: menu}"], "the step can never fire"),
    "never": (['- {when: "^waiting < 0", do: reserve}'], "the step can never fire: no value of 'waiting'"),
    "the same twice": ([ACT, f"- ^{ACT[2:]}"], "the same step stands on line 10; remove one of them"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_a_step_that_cannot_be_is_refused_at_its_place(tmp_path, name):
    steps, words = ERRORS[name]
    files, place = files_with(steps, "    callback: {tries: 3}\n")
    config = write(tmp_path, files)
    settings, problems = load(config)
    assert settings is None
    (told,) = found(problems, config)
    assert told[:3] == ("queues.yaml", *place), problems.render()
    assert words in told[3]


def test_a_ladder_widens_six_times_and_not_seven(tmp_path):
    levels = [(language, topic) for topic in (5, 4, 3, 1) for language in (2, 1)]
    steps = [
        f"{{at: {n + 1}s, do: widen, language: {spoken}, topic: {known}}}"
        for n, (spoken, known) in enumerate(levels)
    ]
    files, _ = files_with([f"- {step}" for step in steps[:WIDEN_MAX]])
    assert load(write(tmp_path, files))[0] is not None
    files, place = files_with([*(f"- {step}" for step in steps[:WIDEN_MAX]), f"- ^{steps[6]}"])
    config = write(tmp_path, files)
    settings, problems = load(config)
    assert settings is None
    assert [(f, line, column) for f, line, column, _ in found(problems, config)] == [
        ("queues.yaml", *place)
    ]
    assert "at most 6 times" in problems.render()


QUEUE_ERRORS = {
    "head start": ("priority: ^10", "write a unit, as in '10s'"),
    "announcements too often": ("announce: {first: 5s, every: ^3s}", "out of range; write 10s to 10m"),
    "announcements without a rhythm": ("announce: ^{first: 5s}", "the key 'every' is missing"),
    "announcements of nothing": ("announce: ^{first: 5s, every: 60s, position: false, wait: false}", "neither place nor wait"),
    "announcements maybe": ("announce: {first: 5s, every: 60s, position: ^maybe}", "is not true or false"),
    "callbacks without end": ("callback: {tries: ^99}", "write a whole number from 1 to 10"),
    "callbacks at once": ("callback: {pause: ^1s}", "out of range; write 10s to 24h"),
    "callbacks by another name": ("callback: {^trys: 3}", "did you mean 'tries'?"),
}  # fmt: skip


@pytest.mark.parametrize("name", QUEUE_ERRORS)
def test_a_mistake_of_a_queue_is_shown_at_its_place(tmp_path, name):
    line, words = QUEUE_ERRORS[name]
    files, place = files_with([ACT], f"    {line}\n")
    config = write(tmp_path, files)
    settings, problems = load(config)
    assert settings is None
    (told,) = found(problems, config)
    assert told[:3] == ("queues.yaml", *place), problems.render()
    assert words in told[3]


OTHER_ERRORS = {
    "order": ("queues.yaml", "queues:", "routing: {order: ^target}\nqueues:", "did you mean 'target_first'?"),
    "idle": ("queues.yaml", "queues:", "routing: {idle: ^longest}\nqueues:", "did you mean 'longest_ready'?"),
    "cap": ("queues.yaml", "queues:", "routing: {cap: ^60}\nqueues:", "write a unit"),
    "routing by another name": ("queues.yaml", "queues:", "routing: {^patient: 3m}\nqueues:", "did you mean 'patience'?"),
    "a queue called like a place": ("queues.yaml", "queues:\n", "queues:\n  ^voicemail: {ladder: [{at: 1s, do: widen, topic: 0}]}\n", "give the queue another name"),
    "head start of a topic": ("skills.yaml", "{queue: social,", "{queue: social, priority: ^1h,", "write 0s to 10m"),
    "reserve": ("operators.yaml", "wrap_up: 20s", "reserve: ^yes", "write true"),
    "quiet hours": ("service.yaml", "target: 30s", "target: 30s\ncallbacks: {quiet: ^\"21-8\"}", "is not a time of day"),
    "numbers in letters": ("service.yaml", "target: 30s", "target: 30s\ncallbacks: {numbers: [^\"+77xxx\"]}", "is not a pattern of numbers"),
    "numbers as a program": ("service.yaml", "target: 30s", "target: 30s\ncallbacks: {numbers: [^\"_77.,Hangup()\"]}", "is not a pattern of numbers"),
    "numbers of everybody": ("service.yaml", "target: 30s", "target: 30s\ncallbacks: {numbers: [^\"+XXXXXXXXXXX\"]}", "lets nearly any number be dialled"),
    "a number without quotes": ("service.yaml", "target: 30s", "target: 30s\ncallbacks: {numbers: [^+7701]}", "a number without the plus"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_ERRORS)
def test_other_mistakes_of_routing_are_shown_at_their_place(tmp_path, name):
    file, old, new, words = OTHER_ERRORS[name]
    files, place = changed(file, old, new)
    config = write(tmp_path, files)
    settings, problems = load(config)
    assert settings is None
    assert found(problems, config)[0][:3] == (file, *place), problems.render()
    assert words in found(problems, config)[0][3]


WARNINGS = {
    "callback without rules": (["- ^{at: 20s, do: offer_callback}"], "", "the queue has no 'callback:'"),
    "widen for nobody": (["- ^{at: 20s, do: widen, topic: 2}", ACT], "", "the step accepts nobody new: language 2 and topic 2"),
    "widen back": (["- {at: 20s, do: widen, topic: 0}", "- ^{at: 25s, do: widen, topic: 1}"], "", "the step accepts nobody new: language 2 and topic 0"),
    "widen for nobody on a condition": (['- ^{when: "ready < 1", do: widen, topic: 3}', ACT], "", "the step accepts nobody new"),
    "reserve again": (["- {at: 20s, do: reserve}", "- ^{at: 25s, do: reserve}"], "", "line 9 has done this by then"),
    "overflow again": (["- {at: 20s, do: overflow, to: general}", "- ^{at: 25s, do: overflow, to: general}"], "", "line 9 has done this by then"),
    "always": (['- ^{when: "waiting >= 1", do: reserve}', ACT], "", "the condition always holds; write 'at: 0s'"),
    "any hour": (['- ^{when: "hour >= 0", do: reserve}', ACT], "", "the condition always holds"),
    "a condition too late": (['- ^{at: 20s, when: "waited > 20s", do: reserve}'], "", "'at: 20s' always comes before"),
    "a key of another step": (["- {at: 20s, do: reserve, ^to: general}"], "", "'to' says nothing in a step 'reserve'"),
    "announcements too often": ([ACT], "    announce: {first: 20s, every: ^20s}\n", "write 30s or more"),
    "callbacks that cannot all be made": ([ACT], "    callback: {tries: 9, pause: 1h, max_age: ^3h}\n", "there is room for 3"),
}  # fmt: skip


@pytest.mark.parametrize("name", WARNINGS)
def test_what_does_nothing_is_told_and_used_all_the_same(tmp_path, name):
    steps, more, words = WARNINGS[name]
    files, place = files_with(steps, more)
    config = write(tmp_path, files)
    settings, problems = load(config)
    assert settings is not None, problems.render()
    (told,) = found(problems, config, "warning")
    assert told[:3] == ("queues.yaml", *place), problems.render()
    assert words in told[3]


LATE = {
    "no ladder": [],
    "beyond the target": ["- {at: 31s, do: widen, topic: 1}"],
    "a condition only": ['- {when: "ready < 1", do: widen, topic: 0}'],
    "a message only": ["- {at: 10s, do: message}"],
    "a wait that may not count": ['- {when: "waited > 9s and ready < 1", do: widen, topic: 0}'],
}


@pytest.mark.parametrize("name", LATE)
def test_a_ladder_too_late_for_the_promise_gets_the_step_and_the_admin_is_told(tmp_path, name):
    files, place = changed("queues.yaml", "  social:\n", "  ^social:\n")
    text = files["queues.yaml"].partition("    ladder:")[0]
    files["queues.yaml"] = text + f"    ladder: [{', '.join(step[2:] for step in LATE[name])}]\n"
    config = write(tmp_path, files)
    settings, problems = load(config)
    told = {(f, line, column): m for f, line, column, m in found(problems, config, "warning")}
    assert "no step of the ladder acts within 30 s" in told[("queues.yaml", *place)]
    assert Widen(30_000, 1, 0) in settings.rules.queues["social"].ladder


def test_a_wait_as_a_condition_keeps_the_promise_too(tmp_path):
    rules = social(tmp_path, ['- {when: "waited >= 30s", do: widen, topic: 0}'])
    assert [step.at_ms for step in rules.ladder] == [None]


def test_where_nobody_is_left_to_accept_the_caller_is_told_at_least(tmp_path):
    files, _ = changed("queues.yaml", "{language: 2, topic: 2}", "{language: 1, topic: 0}")
    files["queues.yaml"] = files["queues.yaml"].partition("    ladder:")[0]
    settings, problems = load(write(tmp_path, files))
    assert settings.rules.queues["social"].ladder == (Message(30_000, "still_waiting"),)
    assert "add '{at: 30s, do: message}'" in problems.render()


def test_a_cap_below_the_target_is_told(tmp_path):
    files, place = changed("queues.yaml", "queues:", "routing: {cap: ^20s}\nqueues:")
    config = write(tmp_path, files)
    _, problems = load(config)
    told = {(f, line, column): m for f, line, column, m in found(problems, config, "warning")}
    assert "write 'cap: 60s', or 'order: first_come'" in told["queues.yaml", *place]


def test_transfers_are_not_judged_while_service_yaml_has_mistakes_of_its_own(tmp_path):
    files, _ = files_with(['- {at: 30s, do: overflow, to: "113"}'])
    files["service.yaml"] = files["service.yaml"].replace("target: 30s", "target: 30")
    config = write(tmp_path, files)
    _, problems = load(config)
    assert {f for f, _, _, _ in found(problems, config)} == {"service.yaml"}


@pytest.mark.parametrize(
    ("number", "is_allowed"),
    [
        ("+77011234567", True),
        ("+7701123456", False),
        ("+770112345678", False),
        ("77011234567", False),
        ("+7701123456a", False),
        ("+7701123456\u0663", False),
        ("", False),
    ],
)
def test_only_numbers_of_the_list_may_be_dialled(tmp_path, number, is_allowed):
    files, _ = files_with([ACT])
    callbacks = load(write(tmp_path, files))[0].service.callbacks
    assert callbacks.allows(number) == is_allowed
    assert not load(write(tmp_path, EXAMPLE))[0].service.callbacks.allows(number)


@pytest.mark.parametrize(
    ("quiet", "minutes"),
    [
        ("21:00-08:00", {0: True, 479: True, 480: False, 1259: False, 1260: True}),
        ("12:00-13:00", {719: False, 720: True, 779: True, 780: False}),
    ],
)
def test_quiet_hours_begin_and_end_at_their_minute(tmp_path, quiet, minutes):
    service = SERVICE + f'callbacks: {{quiet: "{quiet}"}}\n'
    callbacks = load(write(tmp_path, EXAMPLE | {"service.yaml": service}))[0].service.callbacks
    assert {minute: callbacks.is_quiet(minute) for minute in minutes} == minutes
    assert not load(write(tmp_path, EXAMPLE))[0].service.callbacks.is_quiet(0)
