"""What an administrator is told about a YAML file, and where."""

import datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from acd import yaml_source
from acd.problems import PROBLEMS_MAX
from acd.yaml_source import Node, Problems, parse_yaml, read_yaml
from acd.yaml_syntax import hidden_keys


def read(text):
    problems = Problems()
    return parse_yaml(text, "f.yaml", problems), problems


def places(problems):
    return [(p.line, p.column, p.rule) for p in problems.sorted()]


def value(text):
    """The node under the key `v`, and the problems it will record into."""
    root, problems = read(f"v: {text}\n")
    assert root is not None, problems.render()
    assert root.entries is not None
    return root.entries[0][1], problems


def test_a_file_that_is_not_there_is_named(tmp_path):
    problems = Problems()
    assert read_yaml(tmp_path / "none.yaml", problems) is None
    assert problems.render().startswith(f"{tmp_path / 'none.yaml'}: there is no such file")


def test_a_folder_and_a_binary_file_are_told_apart(tmp_path):
    problems = Problems()
    assert read_yaml(tmp_path, problems) is None
    (tmp_path / "b.yaml").write_bytes(b"a: \xff\xfe\n")
    assert read_yaml(tmp_path / "b.yaml", problems) is None
    (tmp_path / "u.yaml").write_bytes("a: 1".encode("utf-16"))
    assert read_yaml(tmp_path / "u.yaml", problems) is None
    text = problems.render()
    assert "this is a folder" in text
    assert "b.yaml:1:4: this letter is not UTF-8" in text
    assert "UTF-16" in text


def test_a_byte_order_mark_and_windows_line_ends_are_harmless(tmp_path):
    (tmp_path / "w.yaml").write_bytes("\ufeffa: 1\r\nb: ә\r\n".encode())
    problems = Problems()
    root = read_yaml(tmp_path / "w.yaml", problems)
    assert not problems.sorted()
    assert root is not None
    assert [(k.text, v.text) for k, v in root.entries] == [("a", "1"), ("b", "ә")]


def test_a_file_over_one_mebibyte_is_refused(tmp_path):
    (tmp_path / "big.yaml").write_text("a: 1\n" * 300_000)
    problems = Problems()
    assert read_yaml(tmp_path / "big.yaml", problems) is None
    assert "1 MiB" in problems.render()


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 'x\nb: 2\n", (1, 4, "E01"), "never closed"),
        ("a: b: c\n", (1, 5, "E01"), "a ':' stands where"),
        ("\ta: 1\n", (1, 1, "E01"), "tab"),
        ("a: {b: 1\nc: 2\n", (2, 2, "E01"), "',' or '}'"),
        ("a:\n  - b\n c: 2\n", (3, 2, "E01"), "indentation"),
        ("a: @banner\n", (1, 4, "E01"), "begins with '@' must be quoted"),
        ("a: \x07\n", (1, 4, "E01"), "control character 0x07"),
        ("a: &x 1\n", (1, 4, "E01"), "anchor"),
        ("a: !!int 3\n", (1, 4, "E01"), "tag"),
        ("a: *x\n", (1, 4, "E01"), "alias"),
        ("<<: 3\n", (1, 1, "E01"), "merge"),
        ("a: 1\n---\nb: 2\n", (2, 1, "E01"), "second document"),
        ("? [a]\n: 3\n", (1, 3, "E01"), "plain word"),
        ("", (0, 0, "E01"), "empty"),
        ("# only words\n", (0, 0, "E01"), "empty"),
        ("*: back\n", (1, 1, "E02"), '"*"'),
        ("g:\n  '0': x\n  *: back\n", (3, 3, "E02"), '"*"'),
        ("g:\n  #: repeat\n  a: 1\n", (2, 3, "E02"), '"#"'),
        ("- {key: #, x: 1}\n", (1, 9, "E02"), 'write "#" in quotes'),
        ("- " * 60 + "a", (1, 67, "E01"), "too deeply"),
        ("a: 1\nb: 2\na: 3\n", (3, 1, "E01"), "'a' is already set on line 1"),
    ],
)
def test_trouble_is_told_in_plain_words_with_its_place(text, place, words):
    _, problems = read(text)
    assert place in places(problems)
    assert words in problems.render()
    assert "while" not in problems.render()


def test_a_bomb_of_aliases_is_refused_before_it_grows():
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"b{n}: &b{n} [{', '.join(['*a'] * 9)}]" for n in range(50)]
    _, problems = read("\n".join(lines))
    assert problems.has_errors
    assert len(problems) <= PROBLEMS_MAX


def test_an_error_beyond_the_limit_of_what_is_shown_still_counts():
    problems = Problems()
    for number in range(PROBLEMS_MAX):
        problems.warning("f.yaml", number + 1, 1, "W15", "many")
    problems.error("f.yaml", 9999, 1, "E03", "one")
    assert len(problems) == PROBLEMS_MAX
    assert problems.error_count == 1
    other = Problems()
    other.merge(problems)
    assert other.has_errors


def test_a_hash_within_a_long_text_is_not_a_lost_key():
    _, problems = read("a: |\n  #: text\nb: 1\n")
    assert not problems.sorted()
    assert not list(hidden_keys("# an ordinary comment: text\na: b #: c", []))


def test_a_problem_is_shown_with_its_line_and_a_caret():
    node, problems = value("30")
    assert node.duration_ms() is None
    assert problems.render() == (
        "f.yaml:1:4: '30' is not a duration: write a unit, as in '30s' [E03]\n"
        "    1 | v: 30\n"
        "           ^"
    )
    assert problems.as_json() == [
        {
            "file": "f.yaml",
            "line": 1,
            "column": 4,
            "rule": "E03",
            "severity": "error",
            "message": "'30' is not a duration: write a unit, as in '30s'",
        }
    ]


@pytest.mark.parametrize(
    ("text", "convert", "expected"),
    [
        ("8s", Node.duration_ms, 8000),
        ('"600ms"', Node.duration_ms, 600),
        ("10m", Node.duration_ms, 600_000),
        ("1h", Node.duration_ms, 3_600_000),
        ("25%", Node.percent, 0.25),
        ("100%", Node.percent, 1.0),
        ('"08:30"', Node.time_of_day, 510),
        ('"20:00-08:00"', Node.hours, (1200, 480)),
        ("2026-12-16", Node.date, datetime.date(2026, 12, 16)),
        ("true", Node.boolean, True),
        ("false", Node.boolean, False),
        ("op_1-a", Node.name, "op_1-a"),
        ('"0123"', Node.string, "0123"),
        ("plain text", Node.string, "plain text"),
        ("-5", lambda n: n.integer(-9, 9), -5),
        ("off", lambda n: n.choice(("on", "off")), "off"),
        ("[a, b]", lambda n: n.list_of(Node.name), ["a", "b"]),
        ("{a: 1}", lambda n: n.mapping_of(Node.name, lambda m: m.integer(1, 5)), {"a": 1}),
        ("{kk: а, ru: б}", lambda n: n.texts(("kk", "ru")), {"kk": "а", "ru": "б"}),
    ],
)
def test_good_values_are_converted(text, convert, expected):
    node, problems = value(text)
    assert convert(node) == expected
    assert not problems.sorted()


@pytest.mark.parametrize(
    ("text", "convert", "rule", "words"),
    [
        ("30", Node.duration_ms, "E03", "write a unit, as in '30s'"),
        ("8 s", Node.duration_ms, "E03", "not a duration"),
        ("9h", lambda n: n.duration_ms(1000, 5000), "E03", "out of range; write 1s to 5s"),
        ("25", Node.percent, "E03", "write '25%'"),
        ("101%", Node.percent, "E03", "0% to 100%"),
        ("22:00", Node.time_of_day, "E02", 'write "22:00"'),
        ('"24:00"', Node.time_of_day, "E03", "not a time of day"),
        ('"8:00-9:00"', Node.hours, "E03", "not a time of day"),
        ('"08:00-08:00"', Node.hours, "E03", "same time"),
        ("2026-02-30", Node.date, "E03", "not a date"),
        ("yes", Node.boolean, "E02", "write true"),
        ("maybe", Node.boolean, "E03", "true or false"),
        ("no", Node.name, "E02", 'write "no"'),
        ("0123", Node.string, "E02", 'write "0123"'),
        ("+77172906984", Node.string, "E02", 'write "+77172906984"'),
        ("1414", Node.string, "E02", 'write "1414"'),
        ("2026-01-01", Node.string, "E02", "a timestamp"),
        ("~", Node.string, "E02", "nothing"),
        ("", Node.string, "E03", "nothing stands here"),
        ('" "', Node.sentence, "E03", "empty"),
        ("a b", Node.name, "E03", "not a name"),
        ("0123", lambda n: n.integer(0, 999), "E02", "write 123"),
        ("1.5", lambda n: n.integer(0, 9), "E03", "not a whole number"),
        ("12", lambda n: n.integer(0, 9), "E03", "out of range"),
        ("meny", lambda n: n.choice(("menu", "say")), "E03", "did you mean 'menu'?"),
        ("zzz", lambda n: n.choice(("menu", "say")), "E03", "write one of menu, say"),
        ("a", lambda n: n.list_of(Node.name), "E03", "write a list"),
        ("a", lambda n: n.mapping_of(Node.name, Node.name), "E03", "keys and values"),
        ("a", lambda n: n.fields(("x",)), "E03", "write the keys x"),
        ("[a]", Node.string, "E03", "a list stands here"),
        ("а", lambda n: n.texts(("kk", "ru")), "E03", "every language"),
        ("{kk: а}", lambda n: n.texts(("kk", "ru")), "E12", "missing in ru"),
    ],
)
def test_bad_values_are_refused_with_the_remedy(text, convert, rule, words):
    node, problems = value(text)
    assert convert(node) is None or words == "missing in ru"
    (problem,) = problems.sorted()
    assert problem.rule == rule
    assert words in problem.message


def test_unknown_and_missing_keys_are_all_told_at_once():
    root, problems = read("ring: 8s\nwrap_upp: 10s\n")
    fields = root.fields(required=("ring", "ladder"), optional=("wrap_up",))
    assert fields.read("ring", Node.duration_ms) == 8000
    assert fields.read("wrap_up", Node.duration_ms, 5000) == 5000
    assert [(p.line, p.column) for p in problems.sorted()] == [(1, 1), (2, 1)]
    assert "did you mean 'wrap_up'?" in problems.render()
    assert "the key 'ladder' is missing" in problems.render()


def test_good_entries_survive_bad_neighbours():
    node, problems = value("[1, x, 3]")
    assert node.list_of(lambda n: n.integer(1, 5)) == [1, 3]
    assert len(problems) == 1


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_no_text_whatever_raises(text):
    root, problems = read(text)
    assert root is not None or problems.has_errors
    problems.render()


@given(st.text(alphabet="ab:{}[]#*&!|>-'\"\n\t ,0?%@", max_size=60))
def test_nothing_that_looks_like_yaml_raises(text):
    root, problems = read(text)
    assert root is not None or problems.has_errors
    if root is not None:
        for convert in (Node.string, Node.boolean, Node.duration_ms, Node.hours, Node.percent):
            convert(root)
        root.fields(("a",))
    for problem in problems.sorted():
        assert "\n" not in problem.message


# The fast parser and the plain one.

FORMS = """\
a: 1  # why
b: |
  long
  text
c: >-
  folded

  text
d:
- one
-
- {a: , b: "x", 'c': [1, , 2]}
e: "two
  lines"
f:
g: ә
"""


def both(text, monkeypatch):
    """What the two parsers make of a text: nodes with their places, and problems."""
    found = []
    for loader in (yaml_source._FAST_LOADER, None):
        monkeypatch.setattr(yaml_source, "_FAST_LOADER", loader)
        root, problems = read(text)
        found.append((flat(root), places(problems), problems.render()))
    monkeypatch.undo()
    return found


def flat(node):
    if node is None:
        return None
    items = None if node.items is None else [flat(item) for item in node.items]
    entries = None if node.entries is None else [(flat(k), flat(v)) for k, v in node.entries]
    return node.line, node.column, node.text, node.quoted, items, entries


def test_the_fast_parser_is_there_and_is_used(monkeypatch):
    assert yaml_source._FAST_LOADER is not None
    used = []
    plain = yaml.SafeLoader
    monkeypatch.setattr(yaml, "SafeLoader", lambda text: used.append(text) or plain(text))
    read("a: 1\n")
    assert used == []
    read("a: b: c\n")
    assert used == ["a: b: c\n"]


@given(st.data())
def test_both_parsers_say_the_same(data):
    text = FORMS
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 4)))
        junk = data.draw(st.text("ab01:{}[]\"'#*- \n&!,|>?%@`\t\r\\ә\u2028", max_size=4))
        text = text[:start] + junk + text[end:]
    with pytest.MonkeyPatch.context() as monkeypatch:
        fast, slow = both(text, monkeypatch)
    assert fast == slow


@pytest.mark.parametrize("text", ["a: {b: x?y}\n", "a: {b: c\t, d: e}\n", "a: {b: , c: d}\n"])
def test_what_the_two_parsers_read_differently_is_read_alike(text, monkeypatch):
    fast, slow = both(text, monkeypatch)
    assert fast == slow


@pytest.mark.parametrize(
    ("text", "offset", "at"),
    [
        ('"abc"', 2, (1, 7)),
        ("abc", 2, (1, 6)),
        ('"a\\tb"', 2, (1, 4)),  # an escape: the letter stands elsewhere
        ('"abc\n  def"', 1, (1, 6)),
        ('"abc\n  def"', 5, (1, 4)),
    ],
)
def test_an_error_at_a_letter_stands_at_that_letter_if_it_can(text, offset, at):
    node, problems = value(text)
    node.error_at(offset, "wrong")
    assert [place[:2] for place in places(problems)] == [at]
