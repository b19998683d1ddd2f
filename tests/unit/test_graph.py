"""Ways through a menu: edges of every kind of node, flows, circles, depths."""

from dataclasses import replace

from ivr import graph
from ivr.core import menu
from ivr.core.expressions import parse
from tests.unit.menus import dialplan
from tests.unit.node_samples import NODES as SAMPLES
from tests.unit.node_samples import good, whole, written

FLOWS = """\
schema: 1
id: flows
languages: [ru]
entry: start
globals:
  "0": {goto: operator}
nodes:
  start: {type: call, flow: outer, with: {id: "1"}, next: other}
  other: {type: call, flow: outer, with: {id: "2"}, next: end}
  end: {type: hangup}
  operator: {type: queue, topic: general}
flows:
  outer:
    params: [id]
    entry: ask
    nodes:
      ask:
        type: branch
        when:
          - {if: "with.id == '1'", goto: inner}
        else: back
      inner: {type: call, flow: silent, next: back}
      back: {type: return}
  silent:
    entry: done
    nodes:
      done: {type: return}
"""


def pairs(edges):
    return [(edge.kind, edge.label, edge.target) for edge in edges]


def test_edges_come_in_the_order_of_the_file_with_the_word_that_leads_there():
    nodes = dialplan().nodes
    assert pairs(graph.edges(nodes["main"])) == [
        ("key", "1", "social"),
        ("key", "2", "answer"),
        ("on_fail", "", "operator"),
        ("back_to", "", "language"),
    ]
    assert pairs(graph.edges(nodes["language"]))[-1] == ("on_fail", "", "notice")
    assert pairs(graph.edges(nodes["q_pension"])) == [("next", "", "bye")]
    assert graph.edges(nodes["bye"]) == []


def test_an_edge_knows_what_is_set_on_it():
    (fail,) = (e for e in graph.edges(dialplan().nodes["language"]) if e.kind == "on_fail")
    assert [(each.target, each.value.text) for each in fail.set] == [("language", "'kk'")]


def test_every_way_of_every_kind_of_node_is_an_edge():
    plan = good(written(whole())).dialplan
    for name, node in plan.nodes.items():
        expected = {
            word
            for word in SAMPLES.get(name, {})
            if word in ("next", "else", "back_to") or word.startswith("on_")
        }
        if type(node).__name__ in ("Survey", "LanguageMenu"):
            expected -= {"on_fail", "next", "back_to"}  # a survey goes on, a language is chosen
        kinds = {edge.kind for edge in graph.edges(node)}
        assert expected <= kinds, name
        assert all(edge.target in plan.nodes for edge in graph.edges(node)), name


def test_the_key_0_works_where_keys_are_heard():
    plan = dialplan()
    zero = graph.global_edges(plan)
    assert set(zero) == {"language", "main", "social", "answer"}  # the notice cannot be stopped
    assert {edge.target for edge in zero.values()} == {"operator"}


def test_ways_through_the_menu():
    plan = dialplan()
    ways = graph.steps(plan)
    assert graph.reachable(plan, ways) == set(plan.nodes)
    assert graph.menu_depths(plan, ways)["social"] == 3
    assert graph.reaching(["bye"], ways) == {"language", "notice", "main", "social", "answer"} | {
        "q_pension",
        "bye",
    }
    assert graph.flow_of("topic.answer") == "topic"
    assert graph.flow_of("answer") is None


def test_a_call_goes_into_its_flow_and_a_return_behind_each_call():
    plan = dialplan(FLOWS)
    steps = graph.steps(plan)
    assert pairs(steps["start"]) == [("call", "outer", "outer.ask")]
    assert pairs(steps["outer.back"]) == [("return", "start", "other"), ("return", "other", "end")]
    assert pairs(steps["silent.done"]) == [("return", "outer.inner", "outer.back")]
    written = graph.written_edges(plan)
    assert pairs(written["start"]) == [("call", "outer", "outer.ask"), ("next", "", "other")]
    assert written["outer.back"] == ()


def test_what_follows_a_flow_that_never_returns_is_no_way():
    text = FLOWS.replace("done: {type: return}", "done: {type: hangup}")
    written = graph.written_edges(dialplan(text))
    assert pairs(written["outer.inner"]) == [("call", "silent", "silent.done")]
    assert pairs(written["start"])[-1] == ("next", "", "other")  # by the else of the branch


def test_a_case_that_is_never_true_and_what_stands_after_one_that_always_is_are_no_ways():
    cases = tuple(menu.Case(parse(text), menu.Jump(text)) for text in ("false", "call.x", "1 < 2"))
    node = menu.Branch("b", cases, menu.Jump("else"))
    plan = dialplan()
    plan = replace(plan, nodes={**plan.nodes, "b": node})
    assert [edge.target for edge in graph.steps(plan)["b"]] == ["call.x", "1 < 2"]


def test_circles_are_found_without_recursion():
    count = 20_000
    ring = {str(n): (graph.Edge("next", "", str((n + 1) % count)),) for n in range(count)}
    (found,) = graph.circles(ring, lambda _: True)
    assert len(found) == count
    assert graph.circles(ring, lambda name: name != "7") == []
    assert graph.circles({"a": (graph.Edge("next", "", "a"),)}, lambda _: True) == [["a"]]


def test_distances_and_the_longest_way():
    ways = {
        "a": (graph.Edge("key", "1", "b"), graph.Edge("key", "2", "c")),
        "b": (graph.Edge("next", "", "c"),),
        "c": (graph.Edge("next", "", "a"),),
    }
    assert graph.distances("a", ways, lambda _: 1) == {"a": 1, "b": 2, "c": 2}
    assert graph.longest("a", ways, lambda name: None if name == "c" else 1)["c"] == 2
