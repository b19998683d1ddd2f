"""Rules about nodes of every kind: each broken by a few lines, and found at its place."""

import pytest

from tests.unit.menus import MAIN, found, messages, place, rules

TEXT = '{kk: "Әңгіме", ru: "Разговор", en: "a talk"}'
TAIL = """\
flows:
  topic:
    params: [id]
    entry: answer
    nodes:
      answer:
        type: menu
        set: {call.topic: "with.id"}
        options:
          - {key: "1", label: {kk: "Ән", ru: "Песня", en: "a song"}, goto: back}
      back: {type: return}
"""
CALL = "  x: {type: call, flow: topic, with: {id: pension}, next: ask}\n"
ASK = "  ask: {type: queue, topic: \"call.topic or 'general'\"}\n"
MESSAGE = "  message: {type: voicemail, prompt: " + TEXT + ", next: bye}\n"


def with_nodes(nodes, tail="", entry="x"):
    """The example with nodes behind the second key of its main menu, and what comes after them."""
    return MAIN.replace("goto: answer}", f"goto: {entry}}}") + nodes + tail


def branch(condition, goto="operator", otherwise="main", also=""):
    return f"""\
  x:
    type: branch
{also}    when:
      - {{if: "{condition}", goto: {goto}}}
    else: {otherwise}
"""


def collect(more, digits="{length: 3}", name="x"):
    return f"""\
  {name}:
    type: collect
    prompt: {TEXT}
    digits: {digits}
    store: call.code
{more}"""


def http(url="https://sms.example/send", timeout="1s", more=""):
    return f"""\
  x:
    type: http
    post: "{url}"
    timeout: "{timeout}"
    on_ok: main
    on_error: operator
{more}"""


CALLBACK = (
    """\
  x: {type: callback, number: caller.number, next: message, on_withheld: bye, on_fail: operator}
"""
    + MESSAGE
)
WAYS = [
    (
        branch("caller.withheld", otherwise="y")
        + "  y: {type: set, next: x, set: {call.topic: general}}\n"
        + ASK,
        "E07",
        "else: ^y",
        "repeats for ever",
    ),
    (branch("caller.withheld", otherwise="bye"), "E10", "else: ^bye", "hung up on at 'bye'"),
    (
        collect(
            "    lookup: {table: t, into: call.row}\n    on_found: main\n    on_missing: bye\n"
        ),
        "E10",
        "on_missing: ^bye",
        "whose entry is not found",
    ),
    (
        http(more="").replace("on_error: operator", "on_error: bye"),
        "E10",
        "on_error: ^bye",
        "when the other house is silent",
    ),
    (
        "  x: {type: queue, topic: general, on_overflow: bye}\n",
        "E10",
        "on_overflow: ^bye",
        "for whom nobody comes",
    ),
    (CALLBACK, "E10", "on_withheld: ^bye", "whoever hides the number"),
    (
        '  x: {type: transfer, number: "112", prompt: '
        + TEXT
        + ", on_busy: operator, on_noanswer: bye}\n",
        "E10",
        "on_noanswer: ^bye",
        "who is not answered",
    ),
    (
        "  x: {type: confirm, prompt: " + TEXT + ", on_yes: main, on_no: main, globals: off}\n",
        "E11",
        "globals: ^off",
        "no key leads to a person",
    ),
    (collect("    next: operator\n    attempts: 7\n"), "W20", "attempts: ^7", "2 or 3"),
    (
        collect("    next: operator\n", "{min: 3, max: 12}"),
        "E23",
        "^x:\n    type: collect",
        "number of a person",
    ),
    (
        collect("    next: operator\n    validate: iin\n", "{length: 12}"),
        "E23",
        "^x:\n    type: collect",
        "sensitive",
    ),
    (http(timeout="5s", more="    filler: " + TEXT + "\n"), "E23", 'timeout: ^"5s"', "at most 3s"),
    (http(timeout="2s"), "E23", "^x:\n    type: http", "up to 2 s are silent"),
    (http("http://sms.example/send"), "E23", 'post: ^"http:', "write https://"),
    (http("https://a:b@sms.example/send"), "E23", 'post: ^"https:', "a password stands"),
    (http("https://sms.example/send?api_key=1"), "E23", 'post: ^"https:', "a secret stands"),
    (http("https://sms.example:99999/send"), "E23", 'post: ^"https:', "is no address"),
    (http("https:///send"), "E23", 'post: ^"https:', "names no house"),
    (
        http(more="    json: {note: \"'Bearer abcdefgh'\"}\n"),
        *("E23", "note: ^\"'Bearer", "the secret 'note' is written out"),
    ),
    (http(timeout="1s").replace('    timeout: "1s"\n', ""), "E23", "^x:", "add 'timeout: \"2s\"'"),
    (http().replace("    on_error: operator\n", ""), "E23", "^x:", "no 'on_error'"),
    (
        http(more='    json: {token: "abc", to: caller.number}\n'),
        "E23",
        'token: ^"abc"',
        "'token' is written out",
    ),
]


@pytest.mark.parametrize(("nodes", "rule", "marker", "words"), WAYS)
def test_nodes_of_every_kind_are_looked_at(nodes, rule, marker, words):
    text = with_nodes(nodes, 'tables:\n  t: {rows: {"101": {skill: general}}}\n')
    assert (*place(text, marker), rule) in found(text), "\n".join(messages(text))
    assert any(words in message for message in messages(text) if message.startswith(rule))


@pytest.mark.parametrize(
    "nodes",
    [
        branch("schedule.night", otherwise="bye"),  # a house that is closed may say so
        http(more=""),
        http("http://127.0.0.1:8080/send"),
        http("http://[::1]/send"),
        http(more="    json: {author: egov, passport: \"'none'\", lang: language}\n"),
        http("config.sms.url", "3s", "    filler: " + TEXT + "\n    json: {key: config.sms.key}\n"),
        collect("    next: operator\n    validate: iin\n    sensitive: true\n", "{length: 12}"),
        "  x: {type: queue, topic: general, on_overflow: message}\n" + MESSAGE,
    ],
)
def test_what_is_right_is_not_reported(nodes):
    text = with_nodes(nodes, 'schedules:\n  night: {daily: ["22:00-08:00"]}\n')
    wrong = [m for m in messages(text) if not m.startswith(("W05", "E21 'call.code' is set"))]
    assert wrong == []


@pytest.mark.parametrize("url", ["ftp://x/y", "HTTPS://x/y", "sms", "x://"])
def test_what_is_no_address_is_told_once(url):
    told = [m for m in messages(with_nodes(http(url))) if not m.startswith("W05")]
    assert len(told) == 1
    assert "is no address; write" in told[0]


@pytest.mark.parametrize("timeout", ["0s", "3", "1m", "soon"])
def test_a_timeout_that_is_wrong_is_told_once(timeout):
    told = [m for m in messages(with_nodes(http(timeout=timeout))) if not m.startswith("W05")]
    assert len(told) == 1


def test_a_flow_that_nothing_runs_is_told_once():
    text = with_nodes(CALL + ASK, TAIL).replace("goto: x}", "goto: answer}")
    assert sorted(rules(text)) == ["W05", "W05", "W05"]  # the flow, and the nodes of its call


def test_a_survey_is_asked_once_and_needs_no_person():
    text = with_nodes(
        "  x: {type: queue, topic: general, next: rate}\n"
        f"  rate: {{type: survey, key: csat, prompt: {TEXT}, attempts: 1, next: bye}}\n"
    )
    assert set(rules(text)) == {"W05"}  # only the answer that the example had before


def test_silence_may_not_go_round_through_a_flow():
    tail = TAIL.replace("          - {key", "          - {key", 1).replace(
        "        options:", "        on_fail: main\n        options:", 1
    )
    text = with_nodes(CALL + ASK, tail).replace("    back_to: language\n", "    on_fail: x\n")
    assert (*place(text, "on_fail: ^x"), "E10") in found(text), "\n".join(messages(text))
    assert (*place(text, "on_fail: ^main"), "E10") in found(text)


def test_a_flow_is_clean_when_it_is_used_as_it_declares():
    assert set(rules(with_nodes(CALL + ASK, TAIL))) == {"W05"}


@pytest.mark.parametrize(
    ("old", "new", "rule", "marker", "words"),
    [
        ("id: pension", "idd: pension", "E24", "idd: ^pension", "did you mean 'id'?"),
        ("id: pension", "idd: pension", "E24", "with: ^{idd", "wants 'id'; add it"),
        ("[id]", "[id, other]", "E24", "params: ^[id, other]", "reads 'with.other'"),
        (", next: ask}", "}", "E06", "^x: {type: call", "when the flow 'topic' returns"),
        ("goto: back}", "goto: operator}", "E24", "^back: {type: return}", "no way leads"),
        (
            "back: {type: return}",
            "back: {type: call, flow: topic, with: {id: child}, next: main}",
            "E24",
            "back: {type: call, flow: ^topic",
            "calls itself (topic -> topic)",
        ),
        (
            "  x: {type: call, flow",
            "  y: {type: call, flow",
            "W05",
            "  ^topic:\n    params",
            "no 'call' that is ever reached",
        ),
    ],
)
def test_flows_are_held_to_what_they_declare(old, new, rule, marker, words):
    text = with_nodes(CALL + ASK, TAIL)
    assert old in text
    text = text.replace(old, new)
    if "y: {type: call" in text:
        text = text.replace("goto: x}", "goto: answer}")
    assert (*place(text, marker), rule) in found(text), "\n".join(messages(text))
    assert any(words in message for message in messages(text))


def test_flows_within_flows_have_a_limit():
    flows = "flows:\n" + "".join(
        f"  f{n}:\n    entry: a\n    nodes:\n"
        f"      a: {{type: call, flow: f{n + 1}, next: b}}\n      b: {{type: return}}\n"
        for n in range(1, 6)
    )
    flows += "  f6:\n    entry: a\n    nodes:\n      a: {type: return}\n"
    text = with_nodes("  x: {type: call, flow: f1, next: operator}\n", flows)
    assert (*place(text, "^f5:\n"), "E24") in found(text)
    assert (*place(text, "^f6:\n"), "E24") in found(text)
    assert rules(text).count("E24") == 2


def test_a_way_of_a_branch_that_is_never_taken_is_no_way():
    text = with_nodes(branch("1 > 2", "y", "operator") + "  y: {type: hangup}\n")
    assert (*place(text, "^y: {type: hangup}"), "W05") in found(text)


def test_keys_of_two_digits_count_as_two_on_the_way():
    text = MAIN.replace('key: "2", label: {kk: "Балаға"', 'key: "12", label: {kk: "Балаға"')
    text = text.replace(
        "  social:\n    type: menu\n", "  social:\n    type: menu\n    allow_prefix: true\n"
    )
    assert (*place(text, 'key: ^"12"'), "W16") in found(text)
    assert any("4 keys are needed" in message for message in messages(text))
