"""Dialplans built from the model itself, for the tests of the engine; no file is read."""

from ivr.core import menu
from ivr.core.expressions import literal, parse

LANGUAGES = ("kk", "ru", "en")
TIMING = menu.Timing(
    attempts=3, first_digit_ms=6000, inter_digit_ms=3000, option_gap_ms=600, bargein=True
)
LIMITS = menu.Limits(max_steps=60, max_revisits=3, max_ivr_ms=180_000)

PHRASES = {
    "kk": menu.Phrases(
        option="{label} үшін {digit_acc} басыңыз",
        count="{n} бөлім бар.",
        noinput="Сіз ештеңе баспадыңыз.",
        nomatch="Мұндай тармақ жоқ.",
        to_operator="Операторға қосамын.",
        confirm="Дұрыс болса {1_acc}, әйтпесе {2_acc} басыңыз.",
    ),
    "ru": menu.Phrases(
        option="{label}: нажмите {digit}",
        count="{n} {раздел|раздела|разделов}.",
        noinput="Вы ничего не нажали.",
        nomatch="Такого пункта нет.",
        to_operator="Соединяю с оператором.",
        confirm="Если верно, нажмите {1}, если нет, нажмите {2}.",
    ),
    "en": menu.Phrases(
        option="For {label}, press {digit}",
        count="There {is|are} {n} {choice|choices}.",
        noinput="I did not hear a key.",
        nomatch="That is not one of the choices.",
        to_operator="I will connect you to an operator.",
        confirm="If that is right, press {1}; if not, press {2}.",
    ),
}
OPERATOR = {"kk": "Оператор", "ru": "Оператор", "en": "an operator"}


def texts(words):
    """A sentence in the three languages, told apart by its first word."""
    return {language: f"{language} {words}" for language in LANGUAGES}


def said(words):
    """A prompt of one sentence."""
    return (menu.Said(texts(words)),)


def to(goto, **values):
    """A way to a node that sets `call.` variables (or `language`) to expressions."""
    return menu.Jump(goto, sets(**values))


def sets(**values):
    """Assignments to `call.` variables, or to the language; a double underscore is a dot."""
    return tuple(
        menu.Assignment(
            name if name == "language" else f"call.{name.replace('__', '.')}", parse(value)
        )
        for name, value in values.items()
    )


def asks(on_fail="operator", *, timing=None, **fields):
    """What a node that takes keys has; words that are fields of `Timing` go there."""
    names = menu.Timing.__dataclass_fields__
    own = {name: fields.pop(name) for name in list(fields) if name in names}
    base = timing or TIMING
    values = {name: getattr(base, name) for name in names} | own
    way = on_fail if isinstance(on_fail, menu.Jump) else menu.Jump(on_fail)
    return menu.Input(menu.Timing(**values), way, **fields)


def a_menu(name, ways, *, intro=None, count=False, set=(), **fields):
    """A menu; `ways` is {key: node or way}."""
    options = tuple(
        menu.Option(key, texts(f"label {key} of {name}"), w if isinstance(w, menu.Jump) else to(w))
        for key, w in ways.items()
    )
    return menu.Menu(name, said(intro) if intro else None, options, count, asks(**fields), set)


def languages(name="language", goto="main", **fields):
    """A menu of the three languages."""
    remember = fields.pop("remember", False)
    options = tuple(
        menu.LanguageOption(str(number), language, f"{language} label")
        for number, language in enumerate(LANGUAGES, 1)
    )
    intro = {"kk": "Сәлеметсіз бе!"}
    return menu.LanguageMenu(name, intro, options, asks(**fields), goto, remember)


def say(name, goto, *, words=None, bargein=True, **fields):
    """A prompt."""
    return menu.Say(name, fields.pop("prompt", said(words or name)), bargein, goto, **fields)


def collect(name, *, digits=(3, 3), store="call.code", **fields):
    """Digits; `next` etc. are ways, the rest is `Input`."""
    names = menu.Collect.__dataclass_fields__
    own = {key: fields.pop(key) for key in list(fields) if key in names}
    own = {k: to(v) if k in WAYS and isinstance(v, str) else v for k, v in own.items()}
    prompt = own.pop("prompt", said(f"enter {name}"))
    return menu.Collect(name, prompt, *digits, store, asks(**fields), **own)


WAYS = ("on_empty", "on_found", "on_missing", "next")


def confirm(name, yes, no, *, prompt=None, **fields):
    """A question."""
    ways = [way if isinstance(way, menu.Jump) else to(way) for way in (yes, no)]
    return menu.Confirm(name, prompt or said(f"is it {name}"), *ways, asks(**fields))


def branch(name, otherwise, *cases, **fields):
    """Cases are (expression, node or way)."""
    return menu.Branch(
        name,
        tuple(
            menu.Case(parse(when), way if isinstance(way, menu.Jump) else to(way))
            for when, way in cases
        ),
        otherwise if isinstance(otherwise, menu.Jump) else to(otherwise),
        **fields,
    )


def queue(name, topic="'general'", goto=None, *, priority_s=0, **fields):
    """A queue; `topic` is an expression."""
    return menu.Queue(name, parse(topic), priority_s, goto, **fields)


def survey(name="survey", goto="bye", **fields):
    """Five keys, low at 2."""
    scale = ("1", "2", "3", "4", "5")
    given = asks("operator", attempts=1, globals_on=False, **fields)
    return menu.Survey(name, "csat", said("rate us"), scale, given, goto, 2, "quality_review")


def callback(name, goto="bye", withheld="message", *, number="caller.number", **fields):
    """A call back."""
    confirm_number = fields.pop("confirm_number", True)
    return menu.Callback(
        name, parse(number), confirm_number, 14_400_000, goto, withheld, asks(**fields)
    )


def http(name, ok, error, *, url=None, filler=None, body=(), **fields):
    """A question to another house."""
    where = parse(url) if url else literal("http://127.0.0.1/x")
    fields_of_body = tuple((key, parse(value)) for key, value in body)
    return menu.Http(name, "POST", where, fields_of_body, 2000, filler, to(ok), to(error), **fields)


def find(table="services", key="call.code", into="call.service"):
    """A look into a table."""
    return menu.Find(table, parse(key), into)


def transfer(name, number="112", goto=None, *, busy="operator", noanswer="operator"):
    """Out of the centre."""
    return menu.Transfer(name, number, said(f"to {number}"), goto, busy, noanswer)


def voicemail(name="message", goto="bye"):
    """A message."""
    return menu.Voicemail(name, said("after the tone"), 90_000, goto)


def call(name, flow, entry, goto=None, **arguments):
    """A sub-flow."""
    given = tuple((key, parse(value)) for key, value in arguments.items())
    return menu.Call(name, flow, f"{flow}.{entry}", given, goto)


def bye(name="bye"):
    """The goodbye."""
    return menu.HangUp(name, said("goodbye"))


def table(name, rows, key="code"):
    """A table; rows are {key: {column: cell}}."""
    return menu.Table(name, key, rows)


SERVICES = table(
    "services",
    {
        "101": {"name": texts("passport"), "skill": "documents"},
        "102": {"name": texts("pension"), "skill": "social"},
    },
)
ACCESSIBLE = menu.Profile("accessible", None, 3, is_slow=True, priority_s=60)
PATIENT = menu.Profile("patient", 5, 2, is_slow=False, priority_s=10)


def plan(*nodes, entry=None, operator="operator", **fields):
    """A dialplan of these nodes, with an operator and a goodbye when they are not among them."""
    known = {node.name: node for node in nodes}
    for node in (queue("operator"), bye(), voicemail()):
        known.setdefault(node.name, node)
    limits = fields.pop("limits", LIMITS)
    fields.setdefault("tables", {"services": SERVICES})
    fields.setdefault("profiles", {"accessible": ACCESSIBLE, "patient": PATIENT})
    return menu.Dialplan(
        id="main",
        name="Main",
        version="1",
        languages=LANGUAGES,
        default_language="kk",
        timezone="Asia/Almaty",
        entry=entry or nodes[0].name,
        nodes=known,
        phrases=PHRASES,
        globals=menu.Globals(operator, OPERATOR),
        limits=limits,
        **fields,
    )
