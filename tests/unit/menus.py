"""Small dialplans for the tests of the menu."""

from acd.yaml_source import Problems
from ivr.core.menu import Dialplan
from ivr.dialplan import parse_dialplan
from tests.unit.node_samples import place as place

MAIN = """\
schema: 1
id: main
languages: [kk, ru, en]
entry: language
globals:
  "0": {goto: operator, label: {kk: "Оператор", ru: "Оператор", en: "an operator"}}
  "*": back
  "#": repeat
nodes:
  language:
    type: language
    intro: {kk: "Сәлеметсіз бе!"}
    attempts: 2
    options:
      - {key: "1", language: kk, label: "Қазақ тілі"}
      - {key: "2", language: ru, label: "Русский язык"}
      - {key: "3", language: en, label: "English"}
    on_fail: {set: {language: kk}, goto: notice}
    next: notice
  notice:
    type: say
    bargein: false
    prompt: {kk: "Әңгіме жазылады.", ru: "Разговор записывается.", en: "Calls are recorded."}
    next: main
  main:
    type: menu
    announce_count: true
    back_to: language
    options:
      - {key: "1", label: {kk: "Жәрдемақы", ru: "Пособия", en: "benefits"}, goto: social}
      - {key: "2", label: {kk: "Құжаттар", ru: "Документы", en: "documents"}, goto: answer}
  social:
    type: menu
    intro: {kk: "Әлеуметтік бөлім.", ru: "Социальный раздел.", en: "Social matters."}
    options:
      - {key: "1", label: {kk: "Зейнетақы", ru: "Пенсия", en: "pension"}, goto: q_pension}
      - {key: "2", label: {kk: "Балаға", ru: "На ребёнка", en: "child benefits"}, goto: q_child}
  answer:
    type: say
    prompt: {kk: "Құжаттар орталықта беріледі.", ru: "Документы выдают в ЦОН.", en: "Come here."}
    next: main
  q_pension: {type: queue, topic: pension, priority: 5, next: bye}
  q_child: {type: queue, skill: child, also: language}
  operator: {type: queue, topic: general}
  bye: {type: hangup, prompt: {kk: "Сау болыңыз!", ru: "До свидания!", en: "Goodbye!"}}
"""

TOPICS = ("general", "pension", "child")


def dialplan(text: str = MAIN) -> Dialplan:
    """The dialplan of a text that has no error."""
    problems = Problems()
    plan = parse_dialplan(text, "main.yaml", problems, TOPICS)
    assert plan is not None, problems.render()
    return plan


def found(text: str, topics: tuple[str, ...] | None = TOPICS) -> list[tuple[int, int, str]]:
    """Line, column and rule of every problem of a text."""
    problems = Problems()
    parse_dialplan(text, "main.yaml", problems, topics)
    return [(p.line, p.column, p.rule) for p in problems.sorted()]


def messages(text: str, topics: tuple[str, ...] | None = TOPICS) -> list[str]:
    """Rule and message of every problem of a text."""
    problems = Problems()
    parse_dialplan(text, "main.yaml", problems, topics)
    return [f"{p.rule} {p.message}" for p in problems.sorted()]


def rules(text: str) -> list[str]:
    """The rule of every problem of a text."""
    return [rule for _, _, rule in found(text)]
