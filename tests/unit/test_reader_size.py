"""A menu as large as it may be is read in a moment, and refused in a moment too."""

import time

from acd.yaml_source import Problems, read_yaml
from ivr.reader import NODES_MAX, read_draft
from tests.unit.node_samples import TOPICS, mistakes

HEAD = """\
schema: 1
id: big
languages: [kk, ru, en]
entry: m0
tables: {services: services.csv}
nodes:
  operator: {type: queue, topic: "call.topic or 'general'"}
"""
NODE = """\
  m%(n)d:
    type: menu
    intro: {kk: "Бөлім %(n)d", ru: "Раздел %(n)d", en: "Part %(n)d"}
    options:
      - {key: "1", label: {kk: "Зейнетақы", ru: "Пенсия", en: "pension"}, goto: m%(next)d}
      - key: "2"
        label: {kk: "Балаға", ru: "Дети", en: "children"}
        set: {call.topic: child}
        goto: operator
"""


def big(count, wrong=""):
    nodes = (NODE % {"n": n, "next": (n + 1) % count} for n in range(count))
    return HEAD + "".join(nodes).replace("goto: m", f"goto: m{wrong}")


def test_five_thousand_nodes_and_a_catalogue_are_read_within_two_seconds(tmp_path):
    rows = (f"{n},Қызмет {n},Услуга {n},Service {n},g,child\n" for n in range(1000, 3000))
    header = "code,name_kk,name_ru,name_en,group,skill\n"
    (tmp_path / "services.csv").write_text(header + "".join(rows), encoding="utf-8")
    (tmp_path / "big.yaml").write_text(big(4999), encoding="utf-8")
    problems = Problems()
    before = time.process_time()
    root = read_yaml(tmp_path / "big.yaml", problems, 16)
    draft = read_draft(root, problems, TOPICS)
    spent_s = time.process_time() - before
    assert draft is not None and draft.is_sound, problems.render()
    assert len(draft.dialplan.nodes) == 5000
    assert len(draft.dialplan.tables["services"].rows) == 2000
    assert draft.dialplan.nodes["operator"].topics == ("child", "general")
    assert spent_s < 2


def test_a_file_where_every_way_is_wrong_is_refused_soon():
    text = big(2000, wrong="x").replace("tables: {services: services.csv}\n", "")
    before = time.process_time()
    found = mistakes(text)
    assert len(found) == 500
    assert {rule for _, _, rule, _ in found} == {"E04"}
    assert time.process_time() - before < 10


def test_more_nodes_than_there_may_be_are_refused():
    lines = "".join(f"  n{n}: {{type: hangup}}\n" for n in range(NODES_MAX))
    text = HEAD.replace("tables: {services: services.csv}\n", "") + lines
    assert [each[3] for each in mistakes(text)] == [
        f"{NODES_MAX + 1} nodes are too many; write at most {NODES_MAX}"
    ]
