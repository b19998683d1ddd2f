"""Expressions: what is allowed, what they are worth, and what an admin is told."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.core.expressions import (
    DEPTH_MAX,
    TEXT_MAX,
    BadExpression,
    Comparison,
    Constant,
    comparisons_of,
    constant_of,
    evaluate,
    expected_names_of,
    in_words,
    literal,
    names_of,
    parse,
    truth_of,
)

NAMES = {
    "language": "ru",
    "call.age": 18,
    "call.code": "112",
    "call.list": ["kk", "ru"],
    "call.row": {"name": {"kk": "а"}},
    "call.yes": True,
    "call.rate": 4.5,
    "with.id": "eds",
}


def value(text, names=NAMES):
    return evaluate(parse(text), names.get)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'a'", "a"),
        ("12", 12),
        ("-5", -5),
        ("True", True),
        ("true", True),
        ("false", False),
        ("None", None),
        ("null", None),
        ("[1, 'a', (2,)]", [1, "a", [2]]),
        ("language", "ru"),
        ("with.id", "eds"),
        ("call.nothing", None),
        ("language in ['kk', 'ru']", True),
        ("language not in ('kk', 'ru')", False),
        ("'k' in language", False),
        ("'name' in call.row", True),
        ("1 in call.nothing", False),
        ("1 not in call.nothing", True),
        ("1 < call.age <= 18", True),
        ("1 < call.age < 18", False),
        ("call.rate > 4", True),
        ("call.code == 112", False),
        ("call.code == '112'", True),
        ("call.code != '112'", False),
        ("call.yes == 1", False),
        ("call.yes == true", True),
        ("call.yes > 0", False),
        ("1 == 1", True),
        ("call.list == ['kk', 'ru']", True),
        ("call.list == ['kk']", False),
        ("call.row == call.row", True),
        ("call.nothing == null", True),
        ("call.code > 5", False),
        ("call.nothing < 5", False),
        ("not call.nothing", True),
        ("call.nothing or 'general'", "general"),
        ("call.code or 'general'", "112"),
        ("call.yes and language", "ru"),
        ("call.nothing and language", None),
        ("min(3, 1, 2)", 1),
        ("max(call.list)", "ru"),
        ("min(call.nothing, 3)", None),
        ("min(1, 'a')", None),
        ("max([])", None),
        ("len(call.code)", 3),
        ("len(call.list)", 2),
        ("len(call.row)", 1),
        ("len(call.nothing)", None),
        ("len(5)", None),
        ("len(call.nothing) > 0", False),
        ("  language   ==\n 'ru' ", True),
    ],
)
def test_what_an_expression_is_worth(text, expected):
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "offset", "words"),
    [
        ("", 0, "nothing to work out"),
        ("   ", 0, "nothing to work out"),
        ("call.age = 3", 9, "write '=='"),
        ("a && b", 2, "written 'and'"),
        ("a || b", 2, "written 'or'"),
        ("!a", 0, "written 'not'"),
        ("a <> b", 2, "written '!='"),
        ("a == 'b", 0, "not closed"),
        ("(a", 0, "bracket"),
        ("a ==", 3, "cannot be read"),
        ("a is None", 5, "write =="),
        ("f(a)", 0, "only min, max, len"),
        ("a.b(c)", 0, "only min, max, len"),
        ("len()", 0, "wants one value"),
        ("len(a, b)", 0, "wants one value"),
        ("min()", 0, "wants values"),
        ("min(a, key=b)", 0, "only min, max, len"),
        ("a + 1", 0, "not part of the language"),
        ("b == a[0]", 5, "not part of the language"),
        ("a if b else c", 0, "not part of the language"),
        ("lambda: 1", 0, "not part of the language"),
        ("[x for x in y]", 0, "not part of the language"),
        ("{1: 2}", 0, "not part of the language"),
        ("f'{a}'", 0, "not part of the language"),
        ("-a", 0, "not part of the language"),
        ("(a := 1)", 1, "not part of the language"),
        ("1.5 < a", 0, "no value of a menu"),
        ("b'x'", 0, "no value of a menu"),
        ("...", 0, "no value of a menu"),
        ("'ә' == бала", 7, "Latin letters"),
        ("'a\\n'", 2, "backslash"),
        ("(1).a", 0, "dot belongs"),
        ("__import__('os').system('x')", 0, "only min, max, len"),
    ],
)
def test_what_an_admin_is_told_and_where(text, offset, words):
    with pytest.raises(BadExpression) as error:
        parse(text)
    assert words in error.value.message
    assert error.value.offset == offset


def test_length_and_depth_have_an_end():
    assert value("(" * 50 + "1" + ")" * 50) == 1
    assert value("not " * (DEPTH_MAX - 2) + "1") is True
    for text in (
        "not " * DEPTH_MAX + "1",
        "[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1),
        "(" * 240 + "1" + ")" * 240,
        "1 or " * TEXT_MAX + "1",
        "a." * 240 + "a()",
    ):
        with pytest.raises(BadExpression):
            parse(text)
    assert value("a" + ".b" * 240) is None


def test_a_name_may_hold_a_word_that_python_keeps_for_itself():
    assert names_of(parse("with.id == call.from and queue.in.waiting < 3")) == (
        "with.id",
        "call.from",
        "queue.in.waiting",
    )
    assert value("'with.id' == with.id or with.id == 'eds'") is True


def test_the_names_an_expression_asks_for():
    assert names_of(parse("a.b == 1 or min(c, a.b) in [d] and not e")) == ("a.b", "c", "d", "e")
    assert names_of(parse("true and null == 'x.y'")) == ()


def test_names_that_may_be_without_a_value():
    assert expected_names_of(parse("call.a")) == {"call.a"}
    assert expected_names_of(parse("call.a or call.b")) == {"call.b"}
    assert (
        expected_names_of(parse("call.a == null or not call.b or call.c and call.d or 1")) == set()
    )
    assert expected_names_of(parse("call.a > 3 and len(call.b) == 1")) == {"call.a", "call.b"}


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("true", True),
        ("1 > 2", False),
        ("a or true", True),
        ("a and false", False),
        ("not (a or 1)", False),
        ("a == a", True),
        ("a != a", False),
        ("a < a", False),
        ("'a' in ['a']", True),
        ("a", None),
        ("a or false", None),
        ("a == b", None),
        ("a >= a", None),
        ("not a", None),
    ],
)
def test_what_is_always_true_or_false_is_known_beforehand(text, truth):
    assert truth_of(parse(text)) is truth


def test_the_one_value_of_an_expression_without_names():
    assert constant_of(parse("'pension'")) == Constant("pension")
    assert constant_of(parse("null")) == Constant(None)
    assert constant_of(parse("call.a or 'pension'")) is None
    assert constant_of(parse("a or true")) is None


def test_comparisons_of_a_name_with_a_literal():
    assert comparisons_of(parse("3 < a <= 5 and b in ['x'] and c == d and not e != null")) == (
        Comparison("a", ">", 3),
        Comparison("a", "<=", 5),
        Comparison("b", "in", ["x"]),
        Comparison("e", "!=", None),
    )
    assert comparisons_of(parse("'k' in language or a == (b or true)")) == ()


def test_a_literal_is_its_value():
    for each in ("a'b", 5, None, True, ["x", 1]):
        assert evaluate(literal(each), NAMES.get) == each
        assert names_of(literal(each)) == ()
    assert literal("eds").text == "'eds'"


def test_values_in_words():
    assert in_words("text") == "text"
    assert in_words(5) == "5"
    assert in_words("x" * 60) == "x" * 37 + "..."


def test_values_nested_without_end_are_not_compared_to_the_end():
    deep = []
    for _ in range(900):
        deep = [deep]
    assert evaluate(parse("a == b"), {"a": deep, "b": [deep]}.get) is False


WORDS = """
a call.x with.id 'x' 12 -1 ( ) [ ] , == != < <= > >= in not and or min( max( len( true null is
. = ! ' " + { } : if else lambda * ** 1.5 \u04d9 \\ # for
"""
TOKENS = st.sampled_from([*WORDS.split(), "\n"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(st.lists(TOKENS, max_size=12).map(" ".join) | st.text(max_size=30), JSON, JSON)
def test_a_text_is_refused_with_a_place_or_is_worth_something_whatever_the_names_are(text, x, a):
    try:
        expression = parse(text)
    except BadExpression as error:
        found = error.offset
    else:
        found = -1
    assert -1 <= found <= len(text)
    if found >= 0:
        return
    found = evaluate(expression, {"call.x": x, "a": a, "with.id": x}.get)
    truth = truth_of(expression)
    assert truth is None or bool(found) == truth
    assert isinstance(found, str | int | float | list | dict | None)


PARTS = st.sampled_from(["a", "call.x", "'x'", "2", "null", "[1, 'x']", "true"])
OPERATORS = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"])


@settings(max_examples=400, deadline=None)
@given(PARTS, OPERATORS, PARTS, OPERATORS, PARTS, JSON, JSON)
def test_values_of_any_kind_can_be_compared(one, first, two, second, three, x, a):
    lookup = {"call.x": x, "a": a}.get
    for text in (
        f"{one} {first} {two} {second} {three}",
        f"not ({one} {first} {two})",
        f"min({one}, {two}) {second} len({three})",
    ):
        expression = parse(text)
        truth = truth_of(expression)
        assert truth is None or bool(evaluate(expression, lookup)) == truth
