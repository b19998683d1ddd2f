"""The files of a second centre: a menu that is over in seconds, an operator with a long wrap-up.

Its sentences are the shipped ones, so that their audio exists.
"""

from tests.asterisk.centre import FILES, OPERATORS

ANNEX_FILES = {
    **FILES,
    "operators.yaml": OPERATORS.replace("pens2: {shift: A,", "pens2: {shift: A, wrap_up: 60s,"),
}

SHORT_MENU = """\
schema: 1
id: "short"
languages: [kk, ru, en]
default_language: ru
timezone: Asia/Almaty
entry: language
defaults: {attempts: 3, first_digit_timeout: "500ms", option_gap: "100ms", on_fail: operator}
globals:
  "0": {goto: operator, label: {kk: "Оператор", ru: "Оператор", en: "an operator"}}
  "*": back
  "#": repeat
phrases:
  kk:
    option: "{label} үшін {digit_acc} басыңыз"
    noinput: "Сіз ештеңе баспадыңыз."
    nomatch: "Мұндай тармақ жоқ."
    to_operator: "Қазір сізді операторға қосамыз."
  ru:
    option: "{label}: нажмите {digit}"
    noinput: "Вы ничего не нажали."
    nomatch: "Такого пункта нет."
    to_operator: "Сейчас соединим вас с оператором."
  en:
    option: "For {label}, press {digit}"
    noinput: "You did not press a key."
    nomatch: "That is not one of the choices."
    to_operator: "We will connect you to an operator."
nodes:
  language:
    type: language
    attempts: 2
    options: [{key: "2", language: ru, label: "Русский язык"}]
    next: main
    on_fail: {set: {language: kk}, goto: main}
  main:
    type: menu
    globals: "off"
    options:
      - key: "2"
        label: {kk: "Жәрдемақы және зейнетақы", ru: "Пособия и пенсии", en: "benefits and pensions"}
        goto: operator
  operator: {type: queue, skill: social}
"""
