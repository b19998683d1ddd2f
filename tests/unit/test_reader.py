"""What the reader makes of a menu: names, ways, values, prompts, and where mistakes stand."""

import pytest

from ivr.core import menu
from ivr.core.expressions import literal, parse
from tests.unit.node_samples import NODES, good, mistakes, place, texts, whole, written

HEAD = """\
schema: 1
id: m
languages: [kk, ru]
entry: main
tables:
  topics:
    rows:
      eds: {kk: "Қолтаңба", ru: "Подпись"}
      tax: {kk: "Салық", ru: "Налог"}
  services:
    rows:
      - {code: "101", skill: pension, name: {kk: "Қызмет", ru: "Услуга"}}
      - {code: "102", skill: child, name: {kk: "Бала", ru: "Ребёнок"}}
schedules: {night: {daily: ["22:00-08:00"]}}
flows:
  topic:
    params: [id]
    entry: answer
    nodes:
      answer: {type: say, prompt_from: {table: topics, key: "with.id"}, next: main}
      main: {type: return}
nodes:
  operator: {type: queue, topic: general}
"""


def node(text, extra="", name="main"):
    """The node that is written after `main:`, in a file without mistakes."""
    return good(f"{HEAD}  main: {text}\n{extra}").dialplan.nodes[name]


def wrong(marker, text, extra=""):
    """Rule and words of the mistakes at the `^` of a node's text, that of the whole line else."""
    whole_text = f"{HEAD}  main: {text.replace('^', '')}\n{extra}"
    line, column = place(whole_text[len(HEAD) :], marker)
    at = (line + HEAD.count("\n"), column)
    found = [(each[2], each[3]) for each in mistakes(whole_text) if each[:2] == at]
    assert found, mistakes(whole_text)
    return found


def sample(name):
    return good(written(whole())).dialplan.nodes[name]


JUMP = menu.Jump("operator", (menu.Assignment("call.topic", literal("general")),))
SET = (
    menu.Assignment("call.topic", literal("general")),
    menu.Assignment("language", literal("kk")),
)
INPUT = menu.Input(
    timing=menu.Timing(2, 5000, 2000, 700, bargein=False, type_ahead=False,
                       slow_after_noinput=False),
    on_fail=JUMP,
    reprompts=menu.Reprompts(
        noinput=((menu.Said(texts("a")),), (menu.Said(texts("b")),)),
        nomatch=((menu.Said(texts("c")),),),
    ),
    globals_on=False,
    back_to="menu",
)  # fmt: skip


@pytest.mark.parametrize(
    "wanted",
    [
        menu.Say("say", (menu.Said(texts("s")),), bargein=True, next="menu", set=SET),
        menu.Say(
            "say_from", (menu.RowText("groups", literal("birth"), "name"),),
            bargein=True, next="menu",
        ),
        menu.Menu(
            "menu",
            intro=(menu.Said(texts("m")),),
            options=(
                menu.Option("1", texts("l"), menu.Jump("say", SET)),
                menu.Option("2", texts("k"), menu.Jump("operator")),
            ),
            announce_count=True,
            input=INPUT,
            set=SET,
        ),
        menu.Collect(
            "collect",
            prompt=(menu.Said(texts("c")),),
            digits_min=3,
            digits_max=4,
            store="call.code",
            input=INPUT,
            check="[1-9][0-9]*",
            is_sensitive=True,
            empty_key="#",
            on_empty=menu.Jump("menu"),
            find=menu.Find("groups", parse("call.code"), "call.group"),
            on_found=menu.Jump(
                "menu", (menu.Assignment("call.topic", parse("call.group.topic")),)
            ),
            on_missing=menu.Jump("menu"),
            next=menu.Jump("menu"),
            set=SET,
        ),
        menu.Confirm(
            "confirm", (menu.Said(texts("y")),), menu.Jump("operator"), menu.Jump("menu"),
            INPUT, SET,
        ),
        menu.Branch(
            "branch", (menu.Case(parse("schedule.night"), menu.Jump("menu", SET)),),
            menu.Jump("menu"), SET,
        ),
        menu.SetNode("set", SET, "menu"),
        menu.Lookup(
            "lookup", menu.Find("groups", parse("call.code"), "call.group"), menu.Jump("menu"),
            menu.Jump("operator"), SET,
        ),
        menu.Http(
            "http", "POST", parse("config.sms.url"),
            (("to", parse("caller.number")), ("lang", parse("language"))), 2000,
            (menu.Said(texts("w")),), menu.Jump("menu"), menu.Jump("operator"), SET,
        ),
        menu.Http(
            "http_get", "GET", literal("https://a.kz/x"), (), 2000, None, menu.Jump("menu"),
            menu.Jump("operator"),
        ),
        menu.Queue("skilled", literal("pension"), 0, None, topics=("pension",)),
        menu.Callback(
            "callback", parse("caller.number"), confirm_number=False, max_age_ms=7_200_000,
            next="end", on_withheld="voicemail", input=INPUT, set=SET,
        ),
        menu.Voicemail("voicemail", (menu.Said(texts("v")),), 60_000, "end", SET),
        menu.Survey(
            "survey", "csat", (menu.Said(texts("r")),), ("1", "2", "3"), INPUT, "end", 2, "review",
            SET,
        ),
        menu.Transfer(
            "transfer", "112", (menu.Said(texts("t")),), "end", "menu", "operator", SET
        ),
        menu.Call(
            "call", "topic", "topic.answer", (("id", literal("birth")), ("n", literal(3))), "end",
            SET,
        ),
        menu.Say(
            "topic.answer", (menu.RowText("groups", parse("with.id"), "name"),), bargein=True,
            next="topic.done",
        ),
        menu.Return("topic.done", "end", SET),
        menu.HangUp("end", (menu.Said(texts("g")),), SET),
    ],
    ids=lambda wanted: wanted.name,
)  # fmt: skip
def test_every_node_is_read_as_it_is_written(wanted):
    assert sample(wanted.name) == wanted


def test_a_queue_keeps_all_that_is_written():
    queue = sample("operator")
    assert queue.topic == parse("call.topic or 'general'")
    assert (queue.priority_s, queue.next, queue.on_overflow) == (5, "survey", "callback")
    assert (queue.announce_every_ms, queue.offer_callback_after_ms) == (30_000, 20_000)
    assert queue.keep_place and queue.announce_position and queue.announce_eta
    assert queue.topics == ("general", "child")


def test_a_language_menu_is_read():
    found = sample("language")
    assert found.options == (menu.LanguageOption("1", "kk", "Қазақ тілі"),)
    assert (found.remember, found.next, found.intro) == (True, "menu", {"kk": "Сәлем"})


def test_the_default_language_is_set_where_nobody_chose():
    found = node('{type: language, options: [{key: "1", language: ru, label: Ру}], next: operator}')
    assert found.input.on_fail.set == (menu.Assignment("language", literal("kk")),)


def test_what_is_not_written_has_a_usual_value():
    callback = node("{type: callback, number: caller.number, next: operator, "
                    "on_withheld: operator}")  # fmt: skip
    assert (callback.confirm_number, callback.max_age_ms) == (True, 14_400_000)
    assert not callback.input.timing.type_ahead
    survey = node("{type: survey, key: a, prompt: {kk: А, ru: Б}, next: operator}")
    assert survey.scale == ("1", "2", "3", "4", "5")
    assert survey.input.timing.attempts == 1
    assert (survey.input.globals_on, survey.input.on_fail) == (False, menu.Jump("operator"))
    message = node("{type: voicemail, prompt: {kk: А, ru: Б}, next: operator}")
    assert message.max_ms == 90_000
    transfer = node('{type: transfer, number: "112", prompt: {kk: А, ru: Б}, '
                    "on_noanswer: operator}")  # fmt: skip
    assert transfer.on_busy == "operator"


def test_profiles_and_limits_are_read():
    plan = good(written(whole())).dialplan
    assert plan.profiles["accessible"] == menu.Profile("accessible", None, 3, True, 60)
    assert plan.limits == menu.Limits(60, 3, 180_000, 4)
    assert plan.timezone == "Asia/Almaty"
    assert plan.phrases["en"].confirm == "{1} yes, {2} no"
    assert plan.phrases["en"].enter_number == "Your number"
    assert plan.phrases["kk"].confirm


# Names and ways.


def test_a_flow_is_searched_first_and_then_the_file():
    plan = good(HEAD + "  main: {type: call, flow: topic, with: {id: eds}, next: operator}\n")
    nodes = plan.dialplan.nodes
    assert nodes["topic.answer"].next == "topic.main"
    assert nodes["main"].entry == "topic.answer"
    assert plan.flows["topic"].params == ("id",)
    line = HEAD.split("\n").index("      main: {type: return}") + 1
    assert plan.place("nodes", "topic.main").line == line


@pytest.mark.parametrize(
    ("marker", "text", "rule", "words"),
    [
        ("next: ^answr", "{type: call, flow: topic, next: answr}", "E04", "no node 'answr'"),
        ("next: ^answer", "{type: call, flow: topic, next: answer}", "E04", "flow 'topic'"),
        ("flow: ^topik", "{type: call, flow: topik}", "E04", "did you mean 'topic'?"),
        ("flow: ^x", "{type: call, flow: x}", "E04", "add it under 'flows:'"),
        ("^main: {type: return", "{type: return, next: operator}", "E03", "this is none"),
        ("next: ^{goto", "{type: say, prompt: {kk: А, ru: Б}, next: {goto: operator}}", "E03",
         "nothing can be set"),
        ("goto: ^opertor", "{type: branch, when: [{if: call.x, goto: opertor}], else: operator}",
         "E04", "'operator'"),
        ("^{if: call.x}", "{type: branch, when: [{if: call.x}], else: operator}", "E06", "'goto'"),
        ("else: ^opertor", "{type: branch, when: [{if: call.x, goto: main}], else: opertor}",
         "E04", "'operator'"),
        ("when: ^[]", "{type: branch, when: [], else: operator}", "E03", "1 to 100"),
        ("else: ^no", "{type: branch, when: [{if: call.x, goto: main}], else: no}", "E02",
         'write "no"'),
        ("timeout: ^7", "{type: http, get: config.u, timeout: 7, on_ok: main, on_error: main}",
         "E03", "'7s'"),
        ("^main: {type: http", "{type: http, get: config.u, on_ok: main, on_error: main}", "E23",
         "timeout"),
        ("^main: {type: http", "{type: http, get: config.u, timeout: 2s, on_ok: main}", "E23",
         "on_error"),
        ("get: ^main", "{type: http, get: main, timeout: 2s, on_ok: main, on_error: main}", "E03",
         "no address"),
        ("^main: {type: http", "{type: http, timeout: 2s, on_ok: main, on_error: main}", "E03",
         "no address"),
        ("^main: {type: http, get: config.u, p",
         "{type: http, get: config.u, post: config.u, timeout: 2s, on_ok: main, on_error: main}",
         "E03", "keep one"),
        ("number: ^112", "{type: transfer, number: 112, prompt: {kk: А, ru: Б}, on_noanswer: main}",
         "E02", 'write "112"'),
        ("number: ^+7701", "{type: transfer, number: +7701, prompt: {kk: А, ru: Б}, "
         "on_noanswer: main}", "E02", "without the plus"),
        ('number: ^"x"', '{type: transfer, number: "x", prompt: {kk: А, ru: Б}, on_noanswer: main}',
         "E03", "telephone number"),
        ("^main: {type: say", "{type: say, next: operator}", "E03", "nothing to say"),
        ("^main: {type: say", "{type: say, prompt: {kk: А, ru: Б}}", "E06", "leads nowhere"),
        ("^main: {type: branch", "{type: branch, when: [{if: call.x, goto: main}]}", "E10",
         "'else'"),
        ("^main: {type: callback", "{type: callback, number: caller.number, next: operator}",
         "E10", "on_withheld"),
        ("type_ahead: ^true", "{type: confirm, prompt: {kk: А, ru: Б}, on_yes: main, on_no: main, "
         "type_ahead: true}", "E03", "never count here"),
        ('if: ^"> 3"', '{type: survey, key: a, prompt: {kk: А, ru: Б}, next: operator, '
         'low: {if: "> 3", tag: t}}', "E21", '"<= 2"'),
        ('scale: ^["2"', '{type: survey, key: a, prompt: {kk: А, ru: Б}, next: operator, '
         'scale: ["2", "1"]}', "E03", "lowest first"),
        ("scale: [^1", "{type: survey, key: a, prompt: {kk: А, ru: Б}, next: operator, "
         "scale: [1, 2]}", "E02", 'write "1"'),
    ],
)  # fmt: skip
def test_ways_that_are_wrong_are_told(marker, text, rule, words):
    found = wrong(marker, text)
    assert any(each == rule and words in message for each, message in found), found


# Collect.


COLLECT = "{{type: collect, prompt: {{kk: А, ru: Б}}, store: call.code, {}}}"


@pytest.mark.parametrize(
    ("marker", "fields", "rule", "words"),
    [
        ("^main: {type: col", "digits: {length: 3}", "E06", "'next: '"),
        ("digits: ^{}", "digits: {}, next: operator", "E03", "how many digits"),
        ("digits: ^{len", "digits: {length: 3, max: 4}, next: operator", "E03", "either length"),
        ("digits: ^{min", "digits: {min: 4, max: 3}, next: operator", "E03", "exchange them"),
        ("length: ^33", "digits: {length: 33}, next: operator", "E03", "1 to 32"),
        ("^empty_key: ", 'digits: {length: 3}, next: main, empty_key: "#"', "E03", "'on_empty"),
        ("^on_empty: ", "digits: {length: 3}, next: main, on_empty: main", "E03", "'empty_key"),
        ('empty_key: ^"12"', 'digits: {length: 3}, next: main, on_empty: main, empty_key: "12"',
         "E03", "more than one key"),
        ("validate: ^iin", "digits: {length: 3}, next: main, validate: iin", "E03", "12"),
        ('validate: "(1|2)^*', 'digits: {length: 3}, next: main, validate: "(1|2)*"', "E03",
         "run away"),
        ("^on_found: ", "digits: {length: 3}, next: main, on_found: main", "E03", "'lookup"),
        ("^main: {type: col", "digits: {length: 3}, next: main, "
         "lookup: {table: services, into: call.s}", "E10", "on_missing"),
        ("table: ^servces", "digits: {length: 3}, next: main, on_missing: main, "
         "lookup: {table: servces, into: call.s}", "E04", "'services'"),
        ("into: ^code", "digits: {length: 3}, next: main, on_missing: main, "
         "lookup: {table: services, into: code}", "E21", "such as call.code"),
    ],
)  # fmt: skip
def test_a_collect_that_cannot_work_is_refused(marker, fields, rule, words):
    found = wrong(marker, COLLECT.format(fields))
    assert any(each == rule and words in message for each, message in found), found


def test_an_entry_is_looked_up_by_itself():
    found = node(COLLECT.format("digits: {length: 3}, next: operator, on_missing: main, "
                                "lookup: {table: services, into: call.s}"))  # fmt: skip
    assert found.find == menu.Find("services", parse("call.code"), "call.s")
    assert (found.on_found, found.on_missing) == (menu.Jump("operator"), menu.Jump("main"))


@pytest.mark.parametrize("pattern", ["[1-9][0-9]*", "(1|2)?3", "([0-9]{2}){3}", "[)*]+", r"\(?1"])
def test_a_pattern_that_ends_is_taken(pattern):
    fields = f"digits: {{length: 3}}, next: operator, validate: '{pattern}'"
    assert node(COLLECT.format(fields)).check == pattern


@pytest.mark.parametrize(
    ("pattern", "offset"),
    [
        ("[1-9", 0),
        ("(1|2)*", 5),
        ("1(2+)+", 5),
        ("((1+)2){2}", 7),
        ("(1)\\1", 3),
        ("(?=1)1", 0),
        ("1*2*3*4*5*", 9),
        ("(12", 0),
    ],
)
def test_a_pattern_that_may_run_away_is_refused_at_its_letter(pattern, offset):
    fields = f"digits: {{length: 3}}, next: operator, validate: '{pattern}'"
    text = f"{HEAD}  main: {COLLECT.format(fields)}\n"
    line, column = place(text, f"validate: ^'{pattern}")
    assert [found[:3] for found in mistakes(text)] == [(line, column + 1 + offset, "E03")]


# Values and expressions.


@pytest.mark.parametrize(
    ("written_value", "value"),
    [
        ("general", literal("general")),
        ('"112"', literal("112")),
        ("3", literal(3)),
        ("-3", literal(-3)),
        ("true", literal(True)),
        ("language", parse("language")),
        ("caller.number", parse("caller.number")),
        ("\"call.a or 'b'\"", parse("call.a or 'b'")),
        ("\"'two words'\"", parse("'two words'")),
        ("id-docs", literal("id-docs")),
    ],
)
def test_a_word_stands_for_itself_and_anything_longer_is_worked_out(written_value, value):
    found = node(f"{{type: set, set: {{call.x: {written_value}}}, next: operator}}")
    assert found.set == (menu.Assignment("call.x", value),)


@pytest.mark.parametrize(
    ("marker", "assignment", "rule", "words"),
    [
        ("call.x: ^0123", "call.x: 0123", "E02", 'write "0123"'),
        ("call.x: ^22:00", "call.x: 22:00", "E02", 'write "22:00"'),
        ("call.x: ^no", "call.x: no", "E02", 'write "no"'),
        ("call.x: ^on", "call.x: on", "E02", 'write "on"'),
        ("call.x: ^1.5", "call.x: 1.5", "E02", "a number"),
        ("call.x: ^~", "call.x: ~", "E02", "nothing"),
        ('call.x: "two ^words', 'call.x: "two words"', "E21", "cannot be read"),
        ('call.x: "call.a ^= 3', 'call.x: "call.a = 3"', "E21", "write '=='"),
        ('call.x: "call.a or ^caler.n', 'call.x: "call.a or caler.number"', "E21",
         "did you mean 'caller.number'?"),
        ("call.x: ^caller.numbr", "call.x: caller.numbr", "E21", "'number'"),
        ("call.x: ^schedule.nihgt", "call.x: schedule.nihgt", "E21", "'night'"),
        ("call.x: ^queue.genral.waiting", "call.x: queue.genral.waiting", "E21", "'general'"),
        ("call.x: ^queue.general.wait", "call.x: queue.general.wait", "E21", "'waiting'"),
        ("call.x: ^with.id", "call.x: with.id", "E21", "only in a flow"),
        ("call.x: ^row.id", "call.x: row.id", "E21", "only in 'options_from'"),
        ('call.x: "^nights', 'call.x: "nights and 1"', "E21", "a text needs quotes"),
        ('call.x: "^call', 'call.x: "call and 1"', "E21", "only the beginning"),
        ("call.x: ^language.kk", "call.x: language.kk", "E21", "stands alone"),
        ('call.x: "^call.a.b()', 'call.x: "call.a.b()"', "E21", "only min, max, len"),
        ("^caller.x: 1", "caller.x: 1", "E21", "cannot be set"),
        ("^langage: kk", "langage: kk", "E21", "did you mean 'language'?"),
        ("language: ^en", "language: en", "E03", "not a language of this dialplan"),
    ],
)  # fmt: skip
def test_what_cannot_be_worked_out_is_told_at_its_letter(marker, assignment, rule, words):
    found = wrong(marker, f"{{type: set, set: {{{assignment}}}, next: operator}}")
    assert any(each == rule and words in message for each, message in found), found


def test_a_column_that_a_row_does_not_have_is_told():
    text = (
        "{type: lookup, table: services, key: '101', into: call.service, on_missing: main,"
        " on_found: {goto: operator, set: {call.topic: call.service.skil}}}"
    )
    found = wrong("call.topic: ^call.service.skil", text)
    assert found == [("E21", "'call.service' has no column 'skil'; did you mean 'skill'?")]


def test_an_expression_over_several_lines_is_told_at_its_beginning():
    text = '{type: set, set: {call.x: "call.a\n      or caler.b"}, next: operator}'
    assert wrong('call.x: ^"call.a', text)[0][0] == "E21"


# Prompts.


def said(kk, ru):
    return menu.Said({"kk": kk, "ru": ru})


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ('{kk: "А", ru: "Б"}', (said("А", "Б"),)),
        ('"@broadcast"', (menu.Broadcasts(),)),
        ('{kk: "@broadcast", ru: "@broadcast"}', (menu.Broadcasts(),)),
        ('["@broadcast", {kk: "А", ru: "Б"}]', (menu.Broadcasts(), said("А", "Б"))),
        (
            '{kk: "Код: {call.code}.", ru: "Это {call.code}"}',
            (said("Код:", "Это"), menu.Spoken(parse("call.code"), "digits")),
        ),
        (
            '{kk: "{call.s.name} керек пе?", ru: "Вам нужно: {call.s.name}"}',
            (
                menu.Said({"ru": "Вам нужно:"}),
                menu.Spoken(parse("call.s.name"), "text"),
                menu.Said({"kk": "керек пе?"}),
            ),
        ),
        (
            '{kk: "{queue.general.waiting}", ru: "{queue.general.waiting}"}',
            (menu.Spoken(parse("queue.general.waiting"), "number"),),
        ),
        (
            '{kk: "{call.n:number}", ru: "{call.n:number}"}',
            (menu.Spoken(parse("call.n"), "number"),),
        ),
        (
            "[{table: topics, key: eds}]",
            (menu.RowText("topics", literal("eds"), "text"),),
        ),
    ],
)
def test_a_prompt_is_read_in_parts(prompt, parts):
    extra = "  code: " + COLLECT.format("digits: {length: 3}, next: main") + "\n"
    assert node(f"{{type: say, prompt: {prompt}, next: operator}}", extra).prompt == parts


@pytest.mark.parametrize(
    ("marker", "prompt", "rule", "words"),
    [
        ('ru: ^"Б {caler.n}', '{kk: "А {caller.number}", ru: "Б {caler.n}"}', "E03",
         "in the same order"),
        ('ru: ^"Б"}', '{kk: "А {caller.number}", ru: "Б"}', "E03", "in the same order"),
        ('kk: "А {^caler.n}', '{kk: "А {caler.n}", ru: "Б {caler.n}"}', "E21", "'caller.n'"),
        ('kk: "А {^name}', '{kk: "А {name}", ru: "Б {name}"}', "E03", "cannot be filled in"),
        ('kk: "А {^call.a:date}', '{kk: "А {call.a:date}", ru: "Б {call.a:date}"}', "E03",
         "cannot be filled in"),
        ('kk: "А ^{call.a"', '{kk: "А {call.a", ru: "Б"}', "E03", "no partner"),
        ('kk: "А call.a^}', '{kk: "А call.a}", ru: "Б"}', "E03", "no partner"),
        ('prompt: ^"@banner"', '"@banner"', "E04", '"@broadcast"'),
        ('ru: ^"@banner.ru"', '{kk: "@broadcast", ru: "@banner.ru"}', "E04", "not known"),
        ('ru: ^"Б"}', '{kk: "@broadcast", ru: "Б"}', "E04", "a list with it"),
        ("prompt: ^Сәлем", "Сәлем", "E03", "in every language"),
        ("prompt: ^{kk", '{kk: "А"}', "E12", "missing in ru"),
        ("prompt: ^[]", "[]", "E03", "write 1 to 20"),
        ("table: ^topic", "[{table: topic, key: eds}]", "E04", "'topics'"),
        ("key: ^edz", "[{table: topics, key: edz}]", "E04", "no row 'edz'; did you mean 'eds'?"),
        ("column: ^txt", "[{table: topics, key: eds, column: txt}]", "E04", "'text'"),
    ],
)  # fmt: skip
def test_prompts_that_cannot_be_said_are_refused(marker, prompt, rule, words):
    found = wrong(marker, f"{{type: say, prompt: {prompt}, next: operator}}")
    assert any(each == rule and words in message for each, message in found), found


def test_a_row_that_a_call_names_must_be_there():
    found = wrong("with: {id: ^edz", "{type: call, flow: topic, with: {id: edz}, next: operator}")
    assert found == [("E04", "the table 'topics' has no row 'edz'; did you mean 'eds'?")]


# Topics.


def test_a_topic_is_followed_through_variables_flows_and_tables():
    extra = (
        "  other: {type: set, set: {call.topic: call.service.skill}, next: operator}\n"
        "  look: {type: lookup, table: services, key: '101', into: call.service,"
        " on_found: other, on_missing: other}\n"
    )
    queue = node("{type: queue, topic: \"call.topic or 'general'\"}", extra)
    assert queue.topics == ("pension", "child", "general")


def test_a_wrong_topic_is_told_where_it_is_written():
    extra = "  other: {type: set, set: {call.topic: pensoin}, next: operator}\n"
    text = f"{HEAD}  main: {{type: queue, topic: call.topic}}\n{extra}"
    line, column = place(text, "call.topic: ^pensoin")
    assert mistakes(text) == [
        (line, column, "E04", "there is no topic or queue 'pensoin'; did you mean 'pension'?")
    ]


def test_a_topic_that_comes_from_outside_can_be_anything():
    extra = "  other: {type: set, set: {call.topic: caller.number}, next: operator}\n"
    assert node("{type: queue, topic: call.topic}", extra).topics == ()


def test_a_variable_set_from_itself_ends():
    extra = "  other: {type: set, set: {call.topic: \"call.topic or 'child'\"}, next: operator}\n"
    assert node("{type: queue, topic: call.topic}", extra).topics == ("child",)


def test_nobody_is_asked_for_names_that_are_not_known_yet():
    assert NODES["operator"]["topic"] == "call.topic or 'general'"
    assert mistakes(written(whole()), None) == []
