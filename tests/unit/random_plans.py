"""Random dialplans of every kind of node, for property tests; any target may follow any node."""

from hypothesis import strategies as st

from ivr.core import menu
from ivr.core.expressions import parse
from tests.unit import plans

OUTER = tuple(f"n{number}" for number in range(6))
INNER = ("f.a", "f.b", "f.c")
ENDS = ("operator", "bye", "message", "q")
CONDITIONS = (
    *("true", "false", "call.x", "call.x == '1'", "call.missing > 3", "schedule.night"),
    *("language in ['kk', 'ru']", "with.id == 1", "not call.service", "len(call.code) > 2"),
    *("queue.general.waiting < 5", "caller.number != None and call.x or language == 'en'"),
)
VALUES = (
    *("'1'", "call.x", "language", "'ru'", "call.service.skill", "with.id", "null", "'patient'"),
    *("call.code", "call.service", "call.service.code", "call.http.code", "'accessible'"),
)
NAMES = ("x", "code", "topic", "service", "profile", "service__skill", "deep__inside", "http__code")


def sets():
    """Up to two assignments; sometimes the language, sometimes to something silly."""
    one = st.one_of(
        st.builds(lambda n, v: plans.sets(**{n: v}), st.sampled_from(NAMES), values()),
        st.builds(lambda v: plans.sets(language=v), values()),
    )
    return st.lists(one, max_size=2).map(lambda each: tuple(a for group in each for a in group))


def values():
    return st.sampled_from(VALUES)


def prompts(*, may_be_silent=True):
    part = st.one_of(
        st.sampled_from(["one", "two", "three"]).map(lambda w: menu.Said(plans.texts(w))),
        st.sampled_from(
            [
                menu.RowText("services", parse("call.code"), "name"),
                menu.RowText("services", parse("'101'"), "name"),
                menu.Spoken(parse("call.code"), "digits"),
                menu.Spoken(parse("call.x"), "number"),
                menu.Spoken(parse("with.id"), "digits"),
                menu.Spoken(parse("call.service.code"), "digits"),
                menu.Spoken(parse("call.http.code"), "digits"),
                menu.Spoken(parse("call.service.name"), "text"),
                menu.Broadcasts(),
            ]
        ),
    )
    return st.lists(part, min_size=0 if may_be_silent else 1, max_size=3).map(tuple)


def inputs(ways):
    timing = st.builds(
        menu.Timing,
        attempts=st.integers(1, 3),
        first_digit_ms=st.sampled_from([3000, 6000]),
        inter_digit_ms=st.just(3000),
        option_gap_ms=st.sampled_from([0, 600]),
        bargein=st.booleans(),
        type_ahead=st.booleans(),
        slow_after_noinput=st.booleans(),
    )
    reprompts = st.builds(
        menu.Reprompts,
        noinput=st.lists(prompts(), max_size=2).map(tuple),
        nomatch=st.lists(prompts(), max_size=2).map(tuple),
    )
    back_to = st.none() | ways.map(lambda way: way.goto)
    return st.builds(menu.Input, timing, ways, reprompts, st.booleans(), back_to)


def asking_nodes(name, ways):
    keys = st.lists(
        st.sampled_from(["1", "2", "3", "12", "30", "5"]), min_size=1, max_size=4, unique=True
    )
    options = keys.flatmap(
        lambda found: st.tuples(
            *(
                st.builds(menu.Option, st.just(k), st.just(plans.texts(f"go {k}")), ways)
                for k in found
            )
        )
    )
    targets = ways.map(lambda way: way.goto)
    languages = tuple(
        menu.LanguageOption(str(n), each, f"{each} label")
        for n, each in enumerate(plans.LANGUAGES, 1)
    )
    finds = st.none() | st.sampled_from([plans.find(), plans.find(into="call.x")])
    checks = st.sampled_from([None, "iin", "1.*"])
    empty = st.sampled_from([None, "#", "*", "9", "0"])
    maybe = st.none() | ways
    return st.one_of(
        st.builds(
            menu.Menu, name, st.none() | prompts(), options, st.booleans(), inputs(ways), sets()
        ),
        st.builds(
            menu.LanguageMenu,
            *(name, st.sampled_from([None, {"kk": "сәлем"}]), st.just(languages)),
            *(inputs(ways), targets, st.booleans(), sets()),
        ),
        st.builds(
            menu.Collect,
            *(name, prompts(), st.integers(1, 3), st.integers(3, 5)),
            *(st.sampled_from(["call.code", "call.x"]), inputs(ways), checks, st.booleans()),
            *(empty, maybe, finds, maybe, maybe, maybe, sets()),
        ),
        st.builds(menu.Confirm, name, prompts(), ways, ways, inputs(ways), sets()),
        st.builds(
            menu.Survey,
            *(name, st.just("csat"), prompts(may_be_silent=False), st.just(("1", "2", "3"))),
            *(inputs(ways), targets, st.just(1), st.just("low"), sets()),
        ),
        st.builds(
            menu.Callback,
            *(name, st.sampled_from([parse("caller.number"), parse("call.code")])),
            *(st.booleans(), st.just(3_600_000), targets, targets, inputs(ways), sets()),
        ),
    )


def passing_nodes(name, ways):
    targets = ways.map(lambda way: way.goto)
    conditions = st.sampled_from(CONDITIONS).map(parse)
    cases = st.lists(st.builds(menu.Case, conditions, ways), max_size=2).map(tuple)
    topics = st.sampled_from(["'pension'", "call.topic", "call.x or 'general'"]).map(parse)
    url = st.sampled_from(["'http://127.0.0.1/'", "config.url", "call.x"]).map(parse)
    body = st.sampled_from([(("code", parse("call.code")),), (("id", parse("with.id")),), ()])
    return st.one_of(
        st.builds(menu.Say, name, prompts(), st.booleans(), targets, sets()),
        st.builds(menu.Branch, name, cases, ways, sets()),
        st.builds(menu.SetNode, name, sets(), targets),
        st.builds(menu.Lookup, name, st.just(plans.find()), ways, ways, sets()),
        st.builds(
            menu.Http,
            *(name, st.sampled_from(["GET", "POST"]), url, body, st.just(2000)),
            *(st.none() | prompts(), ways, ways, sets()),
        ),
        st.builds(
            menu.Queue,
            *(name, topics, st.just(0), st.none() | targets, st.none() | targets),
            set=sets(),
        ),
        st.builds(menu.Voicemail, name, prompts(), st.just(90_000), targets, sets()),
        st.builds(
            menu.Transfer, name, st.just("112"), prompts(), st.none() | targets, targets, targets
        ),
        st.builds(menu.HangUp, name, st.none() | prompts(), sets()),
    )


def calls(name):
    return st.builds(
        menu.Call,
        *(name, st.just("f"), st.sampled_from(INNER)),
        values().map(lambda value: (("id", parse(value)),)),
        *(st.none() | st.sampled_from(OUTER), sets()),
    )


def _nodes():
    """A strategy for each name, made once: making them anew takes longer than all the calls."""
    made = []
    for names, known in ((OUTER, OUTER + ENDS), (INNER, INNER + OUTER + ENDS)):
        ways = st.builds(menu.Jump, st.sampled_from(known), sets())
        for name in names:
            word = st.just(name)
            kinds = [asking_nodes(word, ways), passing_nodes(word, ways), calls(word)]
            if names is INNER:
                returns = st.builds(menu.Return, word, st.none() | st.sampled_from(OUTER), sets())
                kinds.append(returns)
            made.append(st.one_of(kinds))
    return st.tuples(*made)


NODES = _nodes()
LIMITS = st.builds(
    menu.Limits,
    max_steps=st.integers(5, 40),
    max_revisits=st.integers(1, 3),
    max_ivr_ms=st.sampled_from([30_000, 180_000]),
    max_depth=st.integers(1, 4),
)


@st.composite
def dialplans(draw):
    """Six nodes of the file, three of a flow; the operator stands behind up to two other nodes."""
    nodes = [*draw(NODES)]
    nodes += [plans.queue("q", "'q'", "bye"), plans.say("p1", "p2")]
    nodes.append(plans.branch("p2", "operator", ("schedule.night", "q")))
    limits = draw(LIMITS)
    person = draw(st.sampled_from(["operator", "operator", "p1", "p2"]))
    return plans.plan(*nodes, entry="n0", operator=person, limits=limits)


FACTS = st.fixed_dictionaries(
    {},
    optional={
        "caller.number": st.sampled_from(["+77011234567", "", None]),
        "caller.profile": st.sampled_from(["patient", "nobody", "accessible"]),
        "schedule.night": st.booleans(),
        "config.url": st.just("http://127.0.0.1/"),
        "config.broadcast.texts": st.sampled_from(
            [[], [{"kk": "жаңалық", "ru": "новость", "en": "news"}], "silly", [3]]
        ),
        "queue.general.waiting": st.integers(0, 9),
    },
)
