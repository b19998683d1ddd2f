"""`# ivr: allow W15 - reason`: what it covers, and waivers that are wrong or not needed."""

import pytest

from tests.unit.menus import MAIN, found, messages, place, rules
from tests.unit.test_lint import with_options

NIGHT = 'schedules:\n  night: {daily: ["22:00-08:00", "07:00-09:00"]}\n'


def waived(text, waiver, node="main"):
    """The text with a waiver behind the name of a node."""
    assert f"  {node}:\n" in text
    return text.replace(f"  {node}:\n", f"  {node}:  # ivr: {waiver}\n", 1)


@pytest.mark.parametrize(
    "waiver",
    ["allow W15 - asked for", "allow w15: asked for", "allow W15, W16 - asked for"],
)
def test_a_rule_that_is_broken_on_purpose_is_silent(waiver):
    assert "W15" not in rules(waived(with_options(6), waiver))


@pytest.mark.parametrize(
    ("waiver", "words"),
    [
        ("allow W15", "not complete; write '# ivr: allow W15 - the reason'"),
        ("allow E15 - asked for", "there is no rule E15; did you mean 'W15'?"),
        ("allow W99 - asked for", "there is no rule W99; write the code the message ends with"),
        ("allow E04 - asked for", "E04 cannot be allowed; put the cause right"),
        ("allow fewer options - asked for", "not complete"),
    ],
)
def test_a_waiver_that_does_not_work_says_so_and_hides_nothing(waiver, words):
    text = waived(with_options(6), waiver)
    assert sorted(rules(text)) == ["W00", "W15"]
    assert any(words in message for message in messages(text)), messages(text)
    assert (*place(text, "^# ivr: allow"), "W00") in found(text)


def test_a_waiver_that_nothing_needs_is_told():
    text = waived(MAIN, "allow W15 - there were six once")
    assert messages(text) == [
        "W00 nothing here breaks W15 any more; remove the waiver (node 'main')",
    ]
    both = waived(with_options(6), "allow W15 W16 - asked for")
    assert messages(both) == [
        "W00 nothing here breaks W16 any more; remove the waiver (node 'main')",
    ]


@pytest.mark.parametrize("rule", ["W13", "W17", "W18", "E22", "W25"])
def test_what_another_day_or_another_roster_may_need_is_left_alone(rule):
    assert messages(waived(MAIN, f"allow {rule} - as agreed")) == []


def test_while_something_else_is_wrong_no_waiver_is_called_too_many():
    text = waived(MAIN.replace("goto: q_pension}", "goto: nowhere}"), "allow W15 - asked for")
    assert rules(text) == ["E04"]


def test_the_waiver_of_the_last_node_does_not_reach_what_follows_the_nodes():
    waiver = "  # ivr: allow E22 - the last node\n"
    assert "E22" in rules(f"{MAIN}{waiver}{NIGHT}")
    text = MAIN + NIGHT.replace("  night", "  # ivr: allow E22 - two shifts say so\n  night")
    assert rules(text) == []


def test_a_waiver_in_one_flow_does_not_reach_the_next():
    def flow(name):
        return (
            f"  {name}:\n    entry: a\n    nodes:\n      a: {{type: return, next: operator}}\n"
            f"      lost_{name}: {{type: hangup}}\n"
        )

    calls = "  c: {type: call, flow: one, next: d}\n  d: {type: call, flow: two, next: main}\n"
    text = MAIN.replace("goto: social}", "goto: c}") + calls + "flows:\n"
    text += flow("one") + "      # ivr: allow W05 - kept for the winter\n" + flow("two")
    told = [message for message in messages(text) if "lost_" in message]
    assert told == ["W05 no caller ever gets to 'two.lost_two'; lead a key there, or remove it"]
