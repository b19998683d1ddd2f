"""`ivr test`: tests as data, what was heard instead, the edges they walk, and writing new ones."""

import json

import pytest

from acd.yaml_source import Problems
from ivr import menu_tests
from ivr.core import menu
from ivr.core.session import MenuSession
from ivr.coverage import Coverage
from ivr.facts import Caller, Scene
from ivr.menu_test_files import read_tests
from ivr.menu_test_generate import generate
from ivr.menu_test_run import run_test
from ivr.player import Player
from tests.unit.menus import dialplan
from tests.unit.plans import branch, find, plan, queue, to
from tests.unit.tools import DAY, run

PLAN = dialplan(DAY)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "day.yaml"
    path.write_text(DAY, encoding="utf-8")
    return path


@pytest.fixture
def problems_of(tmp_path):
    """The problems of a test file, as line, column, rule and message."""

    def read(tests):
        path = tmp_path / "day.tests.yaml"
        path.write_text(f"schema: 1\ntests:\n{tests}", encoding="utf-8")
        problems = Problems()
        read_tests(path, PLAN, problems, tmp_path)
        return [f"{p.line}:{p.column} {p.rule} {p.message}" for p in problems.sorted()]

    return read


@pytest.fixture
def failures(tmp_path):
    """What the tests of a text say that failed, with line and column."""

    def read(tests):
        path = tmp_path / "day.tests.yaml"
        path.write_text(f"schema: 1\ntests:\n{tests}", encoding="utf-8")
        problems = Problems()
        found = read_tests(path, PLAN, problems, tmp_path)
        assert not problems.has_errors, problems.render()
        runs = [each for test in found for each in run_test(test, PLAN)]
        return [f"{r.line}:{r.column} {r.failure}" if r.failure else None for r in runs]

    return read


def test_every_step_there_is(failures):
    assert (
        failures(
            """\
  - name: "a new caller"
    steps:
      - {hear: language, within: "1s"}
      - {hear: "русский", within: "10s"}
      - {press: "2"}
      - {expect: main}
      - {hear: "Код услуги"}
      - {silence: 1}
      - {hear: "Вы ничего не нажали"}
      - {press: "1"}
      - {answer: operator}
      - {hear: survey, within: "1s"}
      - {press: "5", after: "500ms"}
    end: {outcome: goodbye, node: end, topic: pension, language: ru, keys: 3, max_time: "60s"}
  - name: "every language ends at a person"
    for_each: [kk, ru, en]
    steps: [{silence: 3}]
    end: {outcome: queue, skill: general}
  - name: "nobody can come at night"
    at: "2026-03-10 23:10"
    caller: {number: "87011234567", language: ru}
    message: 20s
    steps: [{hear: night}, {press: "0"}, {answer: overflow}, {expect: message}]
    end: {outcome: voicemail}
  - name: "the world answers"
    caller: {language: kk}
    config: {sms: {url: "http://127.0.0.1"}}
    transfer: busy
    steps: [{http: {ok: true}}, {press: "2"}, {expect: goodbye}]
  - name: "the other house is busy, then it takes the caller"
    caller: {language: kk}
    transfer: busy
    steps: [{press: "3"}, {expect: operator}]
    end: {outcome: queue}
  - name: "a withheld number"
    caller: {withheld: true, language: en}
    schedule: {night: true}
    steps: [{press: "2"}, {expect: message}]
  - name: "no call back now"
    caller: {language: en}
    schedule: {night: true}
    steps: [{press: "2"}, {callback: refused}, {press: "1"}]
    end: {outcome: voicemail}
  - name: "news"
    caller: {language: en}
    broadcast: [{kk: "Су.", ru: "Вода.", en: "Water."}]
    steps: [{hear: "water"}, {wait: "1s"}, {hang_up: true}]
    end: {outcome: hangup}
"""
        )
        == [None] * 10
    )


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            '{hear: "Такси"}',
            "'Такси' was not heard, instead “Пенсия: нажмите один”; “Код услуги: нажмите два”; "
            "“Служба спасения: нажмите три” and 2 more: the caller is at 'main' at 1",
        ),
        ('{hear: "Оператор", within: "2s"}', "'Оператор' came after"),
        ("{expect: night}", "expected 'night', the caller went start → news → main, instead"),
        ("{answer: operator}", "nobody waits for an operator: the caller is at 'main'"),
    ],
)
def test_a_failure_says_what_happened_instead_and_where(failures, step, message):
    [failure] = failures(f'  - name: "x"\n    caller: {{language: ru}}\n    steps: [{step}]\n')
    assert failure.startswith("5:13 ")
    assert message in failure


def test_a_key_after_the_end_is_a_failure(failures):
    steps = '[{press: "0"}, {press: "1"}]'
    [failure] = failures(f'  - name: "x"\n    caller: {{language: ru}}\n    steps: {steps}\n')
    assert "5:27 key 1 came too late: the call was over at" in failure
    assert "(queue at 'operator', topic general, ru)" in failure


def test_every_part_of_the_end_that_is_wrong_is_named(failures):
    end = '{outcome: goodbye, node: end, topic: pension, language: kk, keys: 2, max_time: "1s"}'
    [failure] = failures(
        f'  - name: "x"\n    caller: {{language: ru}}\n'
        f'    steps: [{{press: "0"}}]\n    end: {end}\n'
    )
    assert failure.startswith("6:10 the call ended as queue at 'operator', topic general, ru: ")
    for part in (
        *("outcome is queue, not goodbye", "node is operator, not end", "keys is 1, not 2"),
        *("topic is general, not pension", "language is ru, not kk", "more than 1.0 s"),
        "last heard “Оператор: нажмите ноль”",
    ):
        assert part in failure


def test_hear_looks_only_at_what_came_after_the_last_key(failures):
    steps = '[{hear: main}, {press: "9"}, {hear: "Сәлеметсіз"}]'
    [failure] = failures(f'  - name: "x"\n    caller: {{language: ru}}\n    steps: {steps}\n')
    assert "'Сәлеметсіз' was not heard, instead “Такого пункта нет.”" in failure


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        ('{name: "x"}', "3:5 E03 this test tests nothing; add 'steps:' or 'end:'"),
        ("{steps: []}", "3:5 E03 the key 'name' is missing; add 'name: ...'"),
        ('{name: "x", step: []}', "3:17 E03 unknown key 'step'; did you mean 'steps'?"),
        ('{name: "x", steps: 5}', "3:24 E03 '5' stands here; write a list"),
        ('{name: "x", steps: [{pres: "1"}]}', "3:26 E03 unknown key 'pres'; did you mean 'press'?"),
        ('{name: "x", steps: [{}]}', "3:25 E03 a step does one thing; write one of hear"),
        ('{name: "x", steps: [{press: "1", hear: main}]}', "3:25 E03 a step does one thing"),
        ('{name: "x", steps: [{press: 1}]}', "3:33 E02 1 is a number to YAML when unquoted"),
        ('{name: "x", steps: [{press: "a"}]}', "3:33 E03 'a' are no keys; write 0-9, * and #"),
        ('{name: "x", steps: [{expect: mian}]}', "3:34 E04 there is no node 'mian'; did you mean"),
        ('{name: "x", steps: [{silence: 0}]}', "3:35 E03 0 is out of range"),
        ('{name: "x", steps: [{answer: me}]}', "3:34 E03 'me' is not known here"),
        ('{name: "x", steps: [{press: "1", within: 1s}]}', "3:38 E03 'within' goes with hear and"),
        ('{name: "x", steps: [{hear: main, within: 1}]}', "3:46 E03 '1' is not a duration"),
        ('{name: "x", for_each: [de], steps: []}', "3:28 E03 'de' is not known here"),
        ('{name: "x", at: noon, steps: []}', "3:21 E03 'noon' is not a local time"),
        ('{name: "x", schedule: {nite: true}, steps: []}', "3:28 E04 this menu has no schedule"),
        ('{name: "x", queue: {general: {weight: 1}}, steps: []}', "3:35 E03 'weight' is no figure"),
        ('{name: "x", transfer: lost, steps: []}', "3:27 E03 'lost' is not known here"),
        ('{name: "x", broadcast: flood, steps: []}', "3:28 E04 there is no broadcast 'flood'"),
        ('{name: "x", caller: {profile: slow}, steps: []}', "3:35 E04 'slow' is not known here"),
        ('{name: "x", end: {outcome: lost}}', "3:32 E03 'lost' is not known here"),
        ('{name: "x", end: {node: mian}}', "3:29 E04 'mian' is not known here; did you mean"),
    ],
)
def test_a_mistake_in_a_test_has_its_place_and_its_remedy(problems_of, test, problem):
    found = problems_of(f"  - {test}\n")
    assert any(each.startswith(problem) for each in found), found


def test_a_test_with_a_mistake_is_not_run_and_the_others_are(file, tmp_path, capsys):
    (tmp_path / "day.tests.yaml").write_text(
        'schema: 1\ntests:\n  - {name: "a", steps: [{pres: "1"}]}\n'
        '  - {name: "b", steps: [{silence: 1}]}\n'
    )
    assert run(menu_tests, "test", tmp_path) == 1
    captured = capsys.readouterr()
    assert "1 passed, 0 failed" in captured.out
    assert "day.tests.yaml:3:26: unknown key 'pres'; did you mean 'press'?" in captured.err


def test_tests_are_found_beside_the_dialplan_below_it_and_in_it(file, tmp_path, capsys):
    test = '  - {{name: "{}", steps: [{{silence: 1}}]}}\n'
    file.write_text(DAY + "tests:\n" + test.format("within"), encoding="utf-8")
    (tmp_path / "day.tests.yaml").write_text("schema: 1\ntests:\n" + test.format("beside"))
    (tmp_path / "day.more.tests.yaml").write_text("schema: 1\ntests:\n" + test.format("more"))
    (tmp_path / "tests").mkdir()
    below = "schema: 1\ndialplan: ../day.yaml\ntests:\n" + test.format("below")
    (tmp_path / "tests" / "anything.tests.yaml").write_text(below)
    (tmp_path / "tests" / "night.tests.yaml").write_text("schema: 1\ntests: []\n")
    assert run(menu_tests, "test", file, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [test["name"] for test in document["tests"]] == ["more", "beside", "below", "within"]


def test_one_test_file_runs_alone(file, tmp_path, capsys):
    for name in ("one", "two"):
        (tmp_path / f"day.{name}.tests.yaml").write_text(
            f'schema: 1\ntests:\n  - {{name: "{name}", steps: [{{silence: 1}}]}}\n'
        )
    assert run(menu_tests, "test", tmp_path / "day.two.tests.yaml") == 0
    assert "day.yaml: 1 passed, 0 failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "message"),
    [("nowhere", "there is no such file or folder"), ("x.tests.yaml", "add 'dialplan: FILE'")],
)
def test_paths_that_lead_nowhere(tmp_path, capsys, name, message):
    if name.endswith(".yaml"):
        (tmp_path / name).write_text("schema: 1\ntests: []\n")
    assert run(menu_tests, "test", tmp_path / name) == 1
    assert message in capsys.readouterr().err


def test_a_broken_dialplan_is_not_tested(file, capsys):
    file.write_text(DAY.replace("goto: rescue}", "goto: rescu}"), encoding="utf-8")
    assert run(menu_tests, "test", file) == 1
    assert "did you mean 'rescue'?" in capsys.readouterr().err


def test_the_document_has_tests_coverage_and_problems(file, tmp_path, capsys):
    (tmp_path / "day.tests.yaml").write_text(
        'schema: 1\ntests:\n  - {name: "a", for_each: [ru], steps: [{press: "1"}]}\n'
        '  - {name: "b", end: {outcome: goodbye}}\n'
    )
    assert run(menu_tests, "test", file, "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["passed"], document["failed"]) == (1, 1)
    first, second = document["tests"]
    assert (first["name"], first["language"], first["ok"], first["keys"]) == ("a", "ru", True, 1)
    assert (second["ok"], second["line"]) == (False, 4)
    assert "outcome is queue, not goodbye" in second["message"]
    [coverage] = document["coverage"]
    assert coverage["edges"] > coverage["walked"] > 0
    assert len(coverage["missing"]) == coverage["edges"] - coverage["walked"]
    assert document["problems"][0]["rule"] == "T01"


def walked(keys, **scene):
    player = Player(PLAN, facts=Scene(caller=Caller("1", "ru"), **scene).facts(PLAN), language="ru")
    player.start()
    for key in keys:
        player.silence() if key == "-" else player.dial(key)
    player.play_out()
    coverage = Coverage(PLAN)
    coverage.add(player)
    return {(way.node, way.kind, way.label) for way in coverage.walked}


def test_a_call_walks_the_edges_it_went_and_no_others():
    case = "caller.language in ['kk', 'ru', 'en']"
    assert walked("1") == {("start", "case", case), ("news", "else", ""), ("main", "key", "1")}
    assert ("main", "on_fail", "") in walked("---")
    assert not any(kind == "on_fail" for _, kind, _ in walked("--1"))
    assert not any(node == "main" for node, _, _ in walked("0"))
    assert ("rescue", "on_busy", "") not in walked("3")


def test_of_two_ways_to_one_node_only_the_one_that_was_taken_is_walked():
    cases = (("call.n == 1", "q"), ("false", "q"), ("call.n == 2", "q"))
    looks = menu.Lookup("l", find(), to("b"), to("b"))
    example = plan(looks, branch("b", "q", *cases), queue("q"))

    def walked_with(**variables):
        coverage = Coverage(example)
        player = Player(example)
        player.session = MenuSession(example, variables=variables)
        player.start()
        coverage.add(player)
        return [way.in_words() for way in sorted(coverage.walked)]

    found, missing = "l, on_found, to b", "l, on_missing, to b"
    assert walked_with(n=1, code="101") == ["b, case 1 (call.n == 1), to q", found]
    assert walked_with(n=2, code="777") == ["b, case 3 (call.n == 2), to q", missing]
    assert walked_with(n=3, code="101") == ["b, else, to q", found]
    assert len(Coverage(example).ways) == 5, "a case that is never true is no way"


def test_generated_tests_walk_every_edge_and_pass(file, tmp_path, capsys):
    assert run(menu_tests, "test", file, "--generate") == 0
    written = tmp_path / "day.generated.tests.yaml"
    count = written.read_text(encoding="utf-8").count("- name:")
    capsys.readouterr()
    assert run(menu_tests, "test", file, "--least-coverage", "100") == 0
    out = capsys.readouterr().out
    assert f"{count} passed, 0 failed; {count} of {count} edges walked (100 %)" in out


def test_only_what_no_test_walks_is_generated_and_added_to_what_was(file, tmp_path, capsys):
    assert run(menu_tests, "test", file, "--generate") == 0
    written = tmp_path / "day.generated.tests.yaml"
    tests = written.read_text(encoding="utf-8").split("  - name: ")
    kept = "  - name: ".join(test for test in tests if "told" not in test)
    written.write_text(kept, encoding="utf-8")
    assert run(menu_tests, "test", file, "--generate") == 0
    whole = written.read_text(encoding="utf-8")
    assert whole.startswith(kept)
    assert [line for line in whole.removeprefix(kept).splitlines() if "name" in line] == [
        '  - name: "news, case 1 (config.broadcast.active), to told"',
        '  - name: "told, next, to main"',
    ]
    capsys.readouterr()
    assert run(menu_tests, "test", file, "--generate") == 0
    assert "tests written" not in capsys.readouterr().out


def test_too_few_edges_fail_when_asked(file, capsys):
    assert run(menu_tests, "test", file) == 0
    assert run(menu_tests, "test", file, "--least-coverage", "50") == 1
    assert "less than 50 %" in capsys.readouterr().err


def test_a_wait_that_is_predicted_is_made_up_for_its_case():
    text = DAY.replace(
        '      - {if: "schedule.night", goto: night}\n',
        '      - {if: "queue.general.predicted_wait_s > 45 and not schedule.night", goto: back}\n'
        '      - {if: "schedule.night", goto: night}\n',
    )
    plan = dialplan(text)
    coverage = Coverage(plan)
    made = {test.way.in_words(): test.text for test in generate(plan, coverage, set())}
    assert coverage.missing == []
    [case] = [text for name, text in made.items() if name.startswith("news, case 2")]
    assert "queue: {general: {predicted_wait_s: 46}}" in case


def test_a_code_that_is_known_and_one_that_is_not_are_tried(tmp_path):
    (tmp_path / "codes.csv").write_text("code,name_kk,name_ru,name_en\n217,а,б,c\n")
    text = DAY.replace(
        "schedules:\n", "tables:\n  codes: {file: codes.csv, key: code}\nschedules:\n"
    ).replace("goto: ask}", "goto: code}")
    text += """\
  code:
    type: collect
    prompt: {kk: "Кодты енгізіңіз.", ru: "Введите код.", en: "Enter the code."}
    digits: {length: 3}
    store: call.code
    lookup: {table: codes, key: "call.code", into: call.service}
    on_found: answer
    on_missing: operator
"""
    text = text.replace(text[text.index("  ask:") : text.index("  answer:")], "")
    file = tmp_path / "day.yaml"
    file.write_text(text, encoding="utf-8")
    assert run(menu_tests, "test", file, "--generate", "--least-coverage", "100") == 0
    written = (tmp_path / "day.generated.tests.yaml").read_text(encoding="utf-8")
    assert 'press: "217"' in written
