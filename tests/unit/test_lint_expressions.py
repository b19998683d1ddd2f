"""Rule E21: expressions that cannot mean what is meant, and variables without a value."""

import pytest

from tests.unit.menus import found, messages, place
from tests.unit.test_lint_nodes import TEXT, branch, collect, http, with_nodes

ENDS = """\
schedules:
  night: {daily: ["22:00-08:00"]}
profiles:
  accessible: {attempts: unlimited, slow: true}
tables:
  t: {rows: {"101": {skill: general, name: {kk: "Ат", ru: "Имя", en: "a name"}}}}
"""


def e21(text):
    """The messages of this rule, those about unused variables left out."""
    return [m for m in messages(text) if m.startswith("E21") and "nothing reads" not in m]


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("caller.number == 112", "'caller.number' is a text, and 112 is a number: never equal"),
        ("caller.withheld == 'yes'", "is true or false, and 'yes' is a text"),
        ("queue.general.waiting > '5'", "is a number, and '5' is a text"),
        ("schedule.night == 1", "is true or false, and 1 is a number"),
        ("schedule.night > true", "has no order"),
        ("caller.number in [112, 109]", "the list holds none"),
        ("language == 'kz'", "'kz' is no language of this dialplan; did you mean 'kk'?"),
        ("caller.language in ['ru', 'de']", "'de' is no language"),
        ("caller.profile == 'accesible'", "did you mean 'accessible'?"),
        ("call.code == 112", "'call.code' is a text, and 112 is a number"),
        ("1 < 2", "always true, so that no later way"),
        ("1 > 2", "never true"),
        ("caller.withheld and false", "never true"),
    ],
)
def test_a_condition_that_cannot_be_meant(condition, words):
    nodes = collect("    next: x\n", name="enter") + branch(condition)
    text = with_nodes(nodes, ENDS, entry="enter")
    assert (*place(text, f'if: ^"{condition}"'), "E21") in found(text), "\n".join(messages(text))
    assert any(words in message for message in e21(text)), e21(text)


@pytest.mark.parametrize(
    "condition",
    [
        "caller.number == '112'",
        "caller.number in ['112', '109']",
        "caller.withheld",
        "queue.general.predicted_wait_s > 30 and not schedule.night",
        "caller.language in ['kk', 'ru', 'en']",
        "call.code == '112' or caller.profile == 'accessible'",
        "len(call.code) == 3",
        "caller.number != null",
    ],
)
def test_a_condition_that_can_be_meant(condition):
    nodes = collect("    next: x\n", name="enter") + branch(condition)
    assert e21(with_nodes(nodes, ENDS, entry="enter")) == []


def test_the_same_condition_twice_is_never_true_the_second_time():
    again = branch("caller.withheld").replace(
        "    else", '      - {if: "caller.withheld", goto: main}\n    else'
    )
    text = with_nodes(again)
    assert (*place(text, 'if: ^"caller.withheld", goto: main'), "E21") in found(text)
    assert any("asks the same" in message for message in e21(text))


SAYS = """\
  y:
    type: branch
    when:
      - {if: "call.code == '112'", goto: operator}
    else: main
"""
UNSET = "'call.code' has no value when the caller comes from"


def test_a_variable_that_is_set_on_one_way_only_has_no_value_on_the_other():
    both = branch("caller.withheld", goto="enter", otherwise="y")
    text = with_nodes(both + collect("    next: y\n", name="enter") + SAYS)
    assert (*place(text, "if: ^\"call.code == '112'\""), "E21") in found(text)
    assert e21(text) == [
        f"E21 {UNSET} 'x'; set it on that way, or write \"call.code or ...\" (node 'y')",
    ]


def test_a_way_that_sets_it_puts_that_right():
    sets = branch("caller.withheld", goto="enter", otherwise="y").replace(
        "else: y", "else: {goto: y, set: {call.code: \"'000'\"}}"
    )
    assert e21(with_nodes(sets + collect("    next: y\n", name="enter") + SAYS)) == []


def test_an_entry_that_failed_has_no_value():
    text = with_nodes(collect("    next: operator\n    on_fail: y\n") + SAYS)
    assert any(UNSET in message for message in e21(text))


def test_what_was_looked_up_has_a_value_only_when_it_was_found():
    def looking(on_missing):
        lookup = "    lookup: {table: t, into: call.row}\n    on_found: y\n"
        asks = branch("call.row.skill == 'general'").replace("  x:", "  y:")
        return with_nodes(collect(f"{lookup}    on_missing: {on_missing}\n") + asks, ENDS)

    assert e21(looking("main")) == []
    assert any("'call.row' has no value" in message for message in e21(looking("y")))


def test_an_answer_of_another_house_has_a_value_only_when_it_came():
    asks = branch("call.http.state == 'open'").replace("  x:", "  y:")
    good = http().replace("on_ok: main", "on_ok: y")
    assert e21(with_nodes(good + asks)) == []
    bad = good.replace("on_error: operator", "on_error: y")
    assert any("'call.http' has no value" in message for message in e21(with_nodes(bad + asks)))


@pytest.mark.parametrize(
    "guard", ["call.code", "call.code != null", "call.code == '1'", "caller.withheld and call.code"]
)
def test_a_condition_that_needs_a_value_guards_what_follows(guard):
    """`call.code` alone only asks whether there is a value."""
    asks = branch(guard, goto="y", otherwise="main")
    enter = collect("    next: main\n", name="enter")
    text = with_nodes(asks + SAYS + enter).replace("goto: q_child}", "goto: enter}")
    guarded = [message for message in e21(text) if "from 'x'" in message]
    assert guarded == []


def test_nothing_is_left_of_a_variable_that_was_set_to_none():
    wipes = '  y: {type: set, set: {call.code: "null"}, next: z}\n' + SAYS.replace("  y:", "  z:")
    text = with_nodes(collect("    next: y\n") + wipes)
    assert any(UNSET in message for message in e21(text))


def test_what_was_known_before_a_flow_is_known_behind_it():
    flow = (
        "flows:\n  f:\n    entry: a\n    nodes:\n"
        f"      a: {{type: say, prompt: {TEXT}, next: b}}\n      b: {{type: return}}\n"
    )
    nodes = (
        collect("    next: run\n")
        + "  run: {type: call, flow: f, next: y}\n  also: {type: call, flow: f, next: main}\n"
        + SAYS
    )
    text = with_nodes(nodes, flow).replace("goto: q_child}", "goto: also}")
    assert e21(text) == []


def test_the_key_0_can_come_from_anywhere():
    text = with_nodes(collect("    next: main\n")).replace(
        "operator: {type: queue, topic: general}", 'operator: {type: queue, topic: "call.code"}'
    )
    assert any("presses 0, or a limit" in message for message in e21(text))
    text = text.replace('"call.code"', "\"call.code or 'general'\"")
    assert e21(text) == []


def test_a_variable_that_nothing_sets_is_a_slip_of_the_pen():
    text = with_nodes(collect("    next: y\n") + SAYS.replace("call.code", "call.cod"))
    assert (*place(text, "if: ^\"call.cod == '112'\""), "E21") in found(text)
    assert any("did you mean 'call.code'?" in message for message in e21(text))


def test_a_variable_that_nothing_reads_is_a_warning_at_the_place_where_it_is_set():
    text = with_nodes(collect("    next: operator\n"))
    assert (*place(text, "store: ^call.code"), "E21") in found(text)
    assert any("'call.code' is set, and nothing reads it" in message for message in messages(text))
