"""`when:` and `until:`: what they mean, where a mistake stands, that nothing else gets through."""
# ruff: noqa: E501 - each meaning and each mistake stands in one line

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.core.queues import Condition
from acd.problems import Problems
from acd.settings_conditions import FIGURES, WAITS, bounds, read_conditions
from acd.yaml_source import parse_yaml


def read(when, until=None):
    problems = Problems()
    text = f"when: '{when}'\n" + (f"until: '{until}'\n" if until is not None else "")
    root = parse_yaml(text, "queues.yaml", problems)
    fields = root.fields(optional=["when", "until"])
    return read_conditions(fields.get("when"), fields.get("until")), problems


MEANINGS = {
    "a wait, released at four fifths": ("predicted_wait > 30s", None, [("predicted_wait", ">", 30_000, 24_000)]),
    "a short wait, released at five quarters": ("longest_wait <= 8s", None, [("longest_wait", "<=", 8000, 10_000)]),
    "minutes": ("waited >= 2m", None, [("waited", ">=", 120_000, 96_000)]),
    "a count, released one off": ("waiting >= 10", None, [("waiting", ">=", 10, 9)]),
    "more than a count": ("waiting > 9", None, [("waiting", ">=", 10, 9)]),
    "nobody ready, until there are two": ("ready < 1", None, [("ready", "<=", 0, 1)]),
    "a count of one ends with the last": ("waiting >= 1", None, [("waiting", ">=", 1, 1)]),
    "an hour has no give": ("hour >= 22", None, [("hour", ">=", 22, 22)]),
    "before an hour": ("hour < 8", None, [("hour", "<=", 7, 7)]),
    "all of several": ("waiting >= 10 and ready < 2", None, [("waiting", ">=", 10, 9), ("ready", "<=", 1, 2)]),
    "without spaces": ("waiting>=10 and  ready<2", None, [("waiting", ">=", 10, 9), ("ready", "<=", 1, 2)]),
    "an end of one's own": ("predicted_wait > 30s", "predicted_wait < 20s", [("predicted_wait", ">", 30_000, 20_000)]),
    "an end at a value": ("predicted_wait > 30s", "predicted_wait <= 20s", [("predicted_wait", ">", 30_000, 20_001)]),
    "an end of a count": ("waiting >= 10", "waiting < 4", [("waiting", ">=", 10, 4)]),
    "an end of a small figure": ("ready < 2", "ready >= 5", [("ready", "<=", 1, 4)]),
    "an end without give": ("waiting > 9", "waiting <= 9", [("waiting", ">=", 10, 10)]),
    "an end of one of two": ("waiting >= 10 and ready < 2", "ready > 4", [("waiting", ">=", 10, 9), ("ready", "<=", 1, 4)]),
    "between two values": ("hour >= 9 and hour < 18", None, [("hour", ">=", 9, 9), ("hour", "<=", 17, 17)]),
}  # fmt: skip


@pytest.mark.parametrize("name", MEANINGS)
def test_a_condition_means(name):
    when, until, wanted = MEANINGS[name]
    conditions, problems = read(when, until)
    assert problems.render() == ""
    assert conditions == tuple(Condition(*each) for each in wanted)


MISTAKES = {
    "nothing": ("", None, 1, 8, "write figure, sign and value"),
    "no sign": ("predicted_wait", None, 1, 8, "write figure, sign and value"),
    "unknown figure": ("predicted_wiat > 30s", None, 1, 8, "did you mean 'predicted_wait'?"),
    "a figure nobody knows": ("temperature > 30", None, 1, 8, "known here: predicted_wait, waited"),
    "wait without unit": ("predicted_wait > 30", None, 1, 25, "write a unit, as in '30s'"),
    "wait in words": ("predicted_wait > long", None, 1, 25, "write it as in '30s', '2m'"),
    "count with unit": ("waiting > 10s", None, 1, 18, "write 10"),
    "count as a fraction": ("waiting > 1.5", None, 1, 18, "is not a whole number"),
    "foreign digits": ("waiting > ٣", None, 1, 18, "is not a whole number"),
    "an hour too late": ("hour >= 24", None, 1, 16, "'hour' is at most 23 here"),
    "a wait too long": ("waited > 2h", None, 1, 17, "'waited' is at most 1h here"),
    "equals": ("waiting == 3", None, 1, 16, "'==' is not a sign here; write '>='"),
    "a turned sign": ("waiting => 3", None, 1, 16, "'=>' is not a sign here; write '>='"),
    "or": ("waiting > 3 or ready < 1", None, 1, 8, "for 'or' write a second step"),
    "nothing after and": ("waiting > 3 and ", None, 1, 22, "nothing stands where a comparison belongs"),
    "a second mistake": ("waiting > 3 and redy < 1", None, 1, 24, "did you mean 'ready'?"),
    "a program": ("__import__(1) > 3", None, 1, 8, "stands where a comparison belongs"),
    "a chain": ("3 < waiting < 5", None, 1, 8, "stands where a comparison belongs"),
    "never": ("waiting < 0", None, 1, 8, "the step can never fire: no value of 'waiting' is like that"),
    "never together": ("hour >= 22 and hour < 8", None, 1, 23, "the step can never fire: no value of 'hour'"),
    "never past the last hour": ("hour > 23", None, 1, 8, "can never fire"),
    "until another figure": ("waiting > 3", "ready > 1", 2, 9, "'when:' does not ask for 'ready'"),
    "until the same way": ("waiting > 3", "waiting > 5", 2, 9, "write 'waiting <'"),
    "until while it begins": ("waiting > 3", "waiting < 9", 2, 19, "would end while it begins"),
    "until never": ("waiting > 3", "waiting < 0", 2, 19, "the condition would never end"),
    "until a wait below nothing": ("waited > 3s", "waited < 0s", 2, 18, "the condition would never end"),
    "until no hour": ("hour < 8", "hour > 23", 2, 16, "the condition would never end"),
    "until wrong": ("waiting > 3", "waitng < 2", 2, 9, "did you mean 'waiting'?"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_condition_is_shown_at_its_letter(name):
    when, until, line, column, words = MISTAKES[name]
    conditions, problems = read(when, until)
    (told,) = problems.sorted()
    assert conditions is None
    assert (told.line, told.column) == (line, column), problems.render()
    assert words in told.message


def test_until_needs_a_when():
    problems = Problems()
    fields = parse_yaml("until: waiting < 3\n", "queues.yaml", problems).fields(optional=["until"])
    assert read_conditions(None, fields.get("until")) is None
    assert "add 'when:'" in problems.sorted()[0].message
    assert read_conditions(None, None) == ()


@given(
    figure=st.sampled_from(FIGURES),
    op=st.sampled_from(["<", "<=", ">", ">="]),
    value=st.integers(0, 23),
    seen=st.integers(0, 30),
)
def test_a_condition_holds_where_its_text_says(figure, op, value, seen):
    unit, factor = ("s", 1000) if figure in WAITS else ("", 1)
    conditions, problems = read(f"{figure} {op} {value}{unit}")
    truth = {"<": seen < value, "<=": seen <= value, ">": seen > value, ">=": seen >= value}[op]
    if conditions is None:
        assert "can never fire" in problems.render()
        assert not truth or (figure == "hour" and seen > 23)
        return
    (each,) = conditions
    lo, hi = bounds(conditions)[figure]
    assert truth == (lo <= seen * factor and (hi is None or seen * factor <= hi)) or seen > 23
    upward = each.op in (">", ">=")
    assert each.release <= each.value if upward else each.release >= each.value
    assert each.release >= 0


@given(text=st.text(max_size=40) | st.from_regex(r"(waiting|hour) ?[<>=]{1,3} ?[0-9a-z]{0,12}"))
def test_no_text_makes_the_reader_of_conditions_raise(text):
    problems = Problems()
    root = parse_yaml("when: x\n", "queues.yaml", problems)
    node = root.fields(optional=["when"]).get("when")
    node.text = text
    conditions = read_conditions(node, None)
    assert (conditions is None) == problems.has_errors
