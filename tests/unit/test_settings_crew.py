"""The ladders held against roster and shifts: who is served by the target, who is held back."""
# ruff: noqa: E501 - an operator stands in one line

import pytest

from acd.core.queues import (
    LeastLevel,
    Leave,
    Message,
    OfferCallback,
    OverflowTo,
    QueueRules,
    Reserve,
    Widen,
)
from acd.problems import Problems
from acd.settings import Shift
from acd.settings_crew import duties, held_back_ms, hold_back_points
from acd.settings_files import SHIPPED
from tests.unit.settings_sample import EXAMPLE, found, load, write

SHIFTS = """\
schema: 1
shifts:
  A: {days: [mon], hours: "08:00-16:00"}
  B: {days: [mon], hours: "08:00-16:00"}
  C: {days: [mon], hours: "16:00-22:00"}
"""
OPERATOR = "  op{:03}: {{shift: {}, {}languages: {{kk: {}, ru: 5, en: 5}}, topics: {{{}}}}}\n"


def crew(*operators):
    """operators.yaml from (shift, level of Kazakh, topics) and, if so, `reserve`."""
    rows = [
        OPERATOR.format(n, shift, "reserve: true, " * bool(more), kazakh, topics)
        for n, (shift, kazakh, topics, *more) in enumerate(operators, 1)
    ]
    return "schema: 1\noperators:\n" + "".join(rows)


def told(tmp_path, operators, social, general=None, service=""):
    """(file, line, column, message) of each warning. Nothing is ever refused here."""
    queues = f"schema: 1\nqueues:\n  general: {general or '{ladder: [{at: 1s, do: widen, topic: 0}]}'}\n  social: {social}\n"
    files = EXAMPLE | {
        "shifts.yaml": SHIFTS,
        "operators.yaml": crew(*operators),
        "queues.yaml": queues,
        "service.yaml": EXAMPLE["service.yaml"] + service,
    }
    config = write(tmp_path, files)
    settings, problems = load(config)
    assert settings is not None, problems.render()
    return found(problems, config, "warning")


ALL = "pension: 5, general: 5"
AT_ONCE = "{least_level: {language: 2, topic: 1}, ladder: [{at: 30s, do: overflow, to: menu}]}"


def test_nothing_is_said_when_every_shift_serves_every_queue(tmp_path):
    assert told(tmp_path, [("A", 5, ALL), ("C", 5, ALL)], AT_ONCE) == []


def test_a_queue_that_nobody_of_a_shift_serves_is_named_with_the_languages(tmp_path):
    (one,) = told(tmp_path, [("A", 5, ALL), ("C", 5, "general: 5")], AT_ONCE)
    assert one[:3] == ("queues.yaml", 4, 3)
    start = "nobody on duty in shift C can take calls of 'social' in kk, ru, en within 30 s;"
    assert one[3].startswith(start)


def test_only_the_language_that_is_not_served_is_named(tmp_path):
    (one,) = told(tmp_path, [("A", 5, ALL), ("C", 1, ALL)], AT_ONCE)
    assert "in shift C can take calls of 'social' in kk within" in one[3]


def test_the_queue_that_is_not_served_is_named_and_no_other(tmp_path):
    crew = [("A", 5, ALL), ("C", 5, "pension: 5")]
    (one,) = told(tmp_path, crew, AT_ONCE, AT_ONCE)
    assert one[:3] == ("queues.yaml", 3, 3)
    assert "take calls of 'general' in kk" in one[3]


def test_a_colleague_of_a_shift_at_the_same_time_serves_for_it(tmp_path):
    assert told(tmp_path, [("A", 5, ALL), ("B", 5, "general: 1"), ("C", 5, ALL)], AT_ONCE) == []


@pytest.mark.parametrize(
    "steps",
    [
        "{at: 30s, do: widen, topic: 0}",
        "{at: 30s, do: overflow, to: general}",
        '{at: 25s, do: message}, {at: 9m, when: "ready < 1", do: overflow, to: general}',
    ],
)
def test_a_ladder_that_widens_by_the_target_serves_them(tmp_path, steps):
    social = f"{{ladder: [{steps}, {{at: 30s, do: widen, language: 1, topic: 0}}]}}"
    crew = [("A", 5, ALL), ("C", 5, "general: 5")]
    assert not [each for each in told(tmp_path, crew, social) if "nobody on duty" in each[3]]


@pytest.mark.parametrize(
    "steps",
    [
        "{at: 30s, do: overflow, to: menu}, {at: 5s, do: message}",
        "{at: 29s, do: reserve}, {at: 31s, do: widen, topic: 0}",
        "{at: 20s, do: overflow, to: voicemail}",
        "{at: 20s, do: widen, language: 1}, {at: 5s, do: reserve}",
    ],
)
def test_a_ladder_that_widens_too_late_or_not_enough_does_not(tmp_path, steps):
    social = f"{{least_level: {{language: 2, topic: 1}}, ladder: [{steps}]}}"
    crew = [("A", 5, ALL), ("C", 5, "general: 5"), ("A", 5, ALL, "reserve")]
    said = [each for each in told(tmp_path, crew, social) if "nobody on duty" in each[3]]
    assert [each[:3] for each in said] == [("queues.yaml", 4, 3)]


def test_the_reserve_serves_only_where_the_ladder_brings_it_in(tmp_path):
    crew = [("A", 5, ALL), ("C", 5, "general: 5"), ("C", 5, ALL, "reserve")]
    reserve = AT_ONCE.replace("[{at: 30s", "[{at: 10s, do: reserve}, {at: 30s")
    assert told(tmp_path, crew, reserve) == []
    said = told(tmp_path, crew, AT_ONCE)
    assert [each[0] for each in said] == ["operators.yaml", "queues.yaml"]


def test_a_language_nobody_of_a_shift_speaks_is_told_once_at_the_shift(tmp_path):
    operators = crew(("A", 5, ALL), ("C", 5, ALL)).replace(
        "kk: 5, ru: 5, en: 5}, topics: {pension", "ru: 5}, topics: {pension", 1
    )
    files = EXAMPLE | {"shifts.yaml": SHIFTS, "operators.yaml": operators}
    files["queues.yaml"] = f"schema: 1\nqueues:\n  general: {AT_ONCE}\n  social: {AT_ONCE}\n"
    config = write(tmp_path, files)
    said = found(load(config)[1], config, "warning")
    assert [each[:3] for each in said] == [("shifts.yaml", 3, 3), ("shifts.yaml", 4, 3)]
    assert "while shift A works nobody on duty speaks kk, en;" in said[0][3]


def test_a_reserve_step_without_anybody_in_reserve_is_told_at_the_step(tmp_path):
    reserve = AT_ONCE.replace("[{at: 30s", "[{at: 10s, do: reserve}, {at: 30s")
    (one,) = told(tmp_path, [("A", 5, ALL), ("C", 5, ALL)], reserve)
    assert one[:2] == ("queues.yaml", 4)
    assert "no operator with 'reserve: true' may take calls of 'social'" in one[3]
    stranger = [("A", 5, ALL), ("C", 5, ALL), ("A", 5, "general: 5", "reserve")]
    assert [each[0] for each in told(tmp_path, stranger, reserve)] == [
        "operators.yaml",
        "queues.yaml",
    ]


def test_a_reserve_operator_whom_no_ladder_brings_in_is_told_at_the_operator(tmp_path):
    crew = [("A", 5, ALL), ("C", 5, ALL), ("A", 5, ALL, "reserve")]
    (one,) = told(tmp_path, crew, AT_ONCE)
    assert one[:3] == ("operators.yaml", 5, 3)
    assert "no ladder brings this operator in" in one[3]


CALLBACK = "{{callback: {{max_age: {}}}, ladder: [{{at: 20s, do: offer_callback}}]}}"


@pytest.mark.parametrize(
    ("service", "max_age", "words"),
    [
        ("", "8h", ["service.yaml allows no number to be dialled"]),
        ('callbacks: {numbers: ["+77XXXXXXXXX"]}\n', "8h", []),
        (
            'callbacks: {numbers: ["+77XXXXXXXXX"], quiet: "21:00-08:00"}\n',
            "11h",
            ["write 'max_age: 14h'"],
        ),
        ('callbacks: {numbers: ["+77XXXXXXXXX"], quiet: "21:00-08:00"}\n', "12h", []),
    ],
)
def test_a_callback_that_can_never_be_dialled_is_told_at_the_offer(
    tmp_path, service, max_age, words
):
    social = CALLBACK.format(max_age)
    said = told(tmp_path, [("A", 5, ALL), ("C", 5, ALL)], social, service=service)
    assert [each[:2] for each in said] == [("queues.yaml", 4)] * len(words)
    assert all(word in each[3] for word, each in zip(words, said, strict=True))


# Hold-back


HELD = "{{least_level: {{language: 2, topic: 4}}, ladder: [{{at: {}, do: widen, topic: 1}}, {{at: 30s, do: overflow, to: menu}}]}}"
TWO_THIRDS = [
    ("A", 5, ALL),
    ("A", 5, "pension: 2, general: 5"),
    ("A", 5, "pension: 3, general: 5"),
    ("C", 5, ALL),
]


def held(tmp_path, operators, social):
    return [each for each in told(tmp_path, operators, social) if "held back" in each[3]]


@pytest.mark.parametrize(
    ("at", "cost"), [("5s", "1.1"), ("10s", "1.7"), ("20s", "3.3"), ("29s", "4.9")]
)
def test_a_hold_back_is_told_with_its_cost(tmp_path, at, cost):
    (one,) = held(tmp_path, TWO_THIRDS, HELD.format(at))
    assert one[:3] == ("queues.yaml", 4, 3)
    assert (
        f"2 of 4 operators who know topics of 'social' are held back (2 for {at[:-1]} s)" in one[3]
    )
    # half of them are held back, where the simulation held back two thirds
    assert f"costs about {cost} points of answered-in-30-s" in one[3]


def test_the_cost_of_the_simulated_share_is_the_simulated_cost(tmp_path):
    crew = [("A", 5, ALL), ("C", 5, "pension: 2, general: 5"), ("A", 5, "pension: 3, general: 5")]
    (one,) = held(tmp_path, crew, HELD.format("10s"))
    assert "(2 for 10 s): costs about 2.3 points" in one[3]


@pytest.mark.parametrize(
    ("operators", "social"),
    [
        (TWO_THIRDS, AT_ONCE),
        (TWO_THIRDS, HELD.format("1s")),  # a third of a point: nobody could tell
        (TWO_THIRDS, HELD.format("10s").replace("at: 10s", 'when: \\"predicted_wait > 30s\\"').replace('\\"', '"')),
        ([*TWO_THIRDS[:1], ("A", 5, "pension: 1, general: 1", "reserve"), ("C", 5, ALL)], HELD.format("10s")),
        ([("A", 5, ALL), ("A", 5, "general: 5"), ("C", 5, ALL)], HELD.format("10s")),
        (TWO_THIRDS, "{least_level: {topic: 4}, ladder: [{at: 5s, do: overflow, to: menu}]}"),
    ],
)  # fmt: skip
def test_who_takes_calls_at_once_or_cannot_take_them_is_not_held_back(tmp_path, operators, social):
    assert held(tmp_path, operators, social) == []


def rules(*ladder):
    return QueueRules("social", LeastLevel(3, 3), 8000, 0, ladder)


def test_the_moment_an_operator_is_let_in():
    ladder = (Widen(10_000, 2, None), OverflowTo(12_000, "x"), Widen(20_000, None, 1))
    queue = rules(*ladder, Reserve(None))
    assert [
        held_back_ms(queue, *levels) for levels in ((3, 3), (2, 3), (2, 1), (5, 2), (1, 5))
    ] == [
        0,
        10_000,
        20_000,
        20_000,
        None,
    ]
    assert held_back_ms(rules(Leave(5000, "menu"), Widen(9000, 1, 0)), 1, 1) is None


def test_the_cost_follows_the_simulation_and_does_not_grow_beyond_it():
    costs = [hold_back_points(seconds * 1000) for seconds in (0, 5, 10, 15, 20, 30, 600)]
    assert costs == pytest.approx([0, 1.4, 2.3, 3.35, 4.4, 6.8, 6.8])


def test_shifts_at_work_together_over_midnight_and_over_the_week():
    shifts = [
        Shift("day", (0, 6), 8 * 60, 20 * 60),
        Shift("night", (6,), 20 * 60, 8 * 60),  # Sunday into Monday
        Shift("early", (0,), 7 * 60, 9 * 60),
    ]
    assert duties(shifts) == {
        frozenset({"day"}),
        frozenset({"night"}),
        frozenset({"night", "early"}),
        frozenset({"day", "early"}),
    }
    assert duties([]) == set()


def test_a_roster_with_mistakes_is_not_judged(tmp_path):
    files = EXAMPLE | {
        "operators.yaml": EXAMPLE["operators.yaml"].replace("{pension: 4,", "{pension: 9,")
    }
    config = write(tmp_path, files)
    _, problems = load(config)
    assert isinstance(problems, Problems)
    assert {each[0] for each in found(problems, config, "warning")} <= {"queues.yaml"}
    assert "on duty" not in problems.render()


def test_the_shipped_ladders_hold_back_nobody_who_knows_the_topic():
    settings, _ = load(SHIPPED)
    for queue in settings.rules.queues.values():
        assert [held_back_ms(queue, 2, topic) for topic in range(1, 6)] == [0] * 5
        steps = {type(step) for step in queue.ladder}
        assert {Reserve, OfferCallback, Leave, Message} <= steps
        assert steps & {OverflowTo, Widen}
