"""One good node of every kind with every field it can have, and the file they stand in."""

import json

from acd.yaml_source import Problems, parse_yaml
from ivr.reader import Draft, read_draft

TOPICS = ("general", "pension", "child")


def texts(word):
    return {"kk": f"{word} ә", "ru": f"{word} ы", "en": f"{word} en"}


INPUT = {
    "attempts": 2,
    "first_digit_timeout": "5s",
    "inter_digit_timeout": "2s",
    "option_gap": "700ms",
    "bargein": False,
    "type_ahead": False,
    "slow_after_noinput": False,
    "on_fail": {"goto": "operator", "set": {"call.topic": "general"}},
    "noinput": [texts("a"), texts("b")],
    "nomatch": texts("c"),
    "globals": "off",
    "back_to": "menu",
}
SET = {"call.topic": "general", "language": "kk"}

NODES = {
    "say": {"type": "say", "set": SET, "prompt": texts("s"), "bargein": True, "next": "menu"},
    "say_from": {
        "type": "say",
        "prompt_from": {"table": "groups", "key": "birth", "column": "name"},
        "next": "menu",
    },
    "menu": {
        "type": "menu",
        "set": SET,
        "intro": texts("m"),
        "options": [
            {"key": "1", "label": texts("l"), "goto": "say", "set": SET},
            {"key": "2", "label": texts("k"), "goto": "operator"},
        ],
        "announce_count": True,
        "allow_prefix": True,
        **INPUT,
    },
    "menu_from": {
        "type": "menu",
        "options_from": {
            "table": "groups",
            "key": "digit",
            "label": "name",
            "goto": "operator",
            "set": {"call.topic": "row.topic"},
            "where": "row.life == 'family'",
        },
        "max_options": 5,
        "on_fail": "operator",
    },
    "language": {
        "type": "language",
        "set": SET,
        "intro": {"kk": "Сәлем"},
        "options": [{"key": "1", "language": "kk", "label": "Қазақ тілі"}],
        "remember": "caller.language",
        "next": "menu",
        **INPUT,
    },
    "collect": {
        "type": "collect",
        "set": SET,
        "prompt": texts("c"),
        "digits": {"min": 3, "max": 4},
        "store": "call.code",
        "empty_key": "#",
        "on_empty": "menu",
        "validate": "[1-9][0-9]*",
        "sensitive": True,
        "lookup": {"table": "groups", "key": "call.code", "into": "call.group"},
        "on_found": {"goto": "menu", "set": {"call.topic": "call.group.topic"}},
        "on_missing": "menu",
        "next": "menu",
        **INPUT,
    },
    "confirm": {
        "type": "confirm",
        "set": SET,
        "prompt": texts("y"),
        "on_yes": "operator",
        "on_no": "menu",
        **INPUT,
    },
    "branch": {
        "type": "branch",
        "set": SET,
        "when": [{"if": "schedule.night", "goto": "menu", "set": SET}],
        "else": "menu",
    },
    "set": {"type": "set", "set": SET, "next": "menu"},
    "lookup": {
        "type": "lookup",
        "set": SET,
        "table": "groups",
        "key": "call.code",
        "into": "call.group",
        "on_found": "menu",
        "on_missing": "operator",
    },
    "http": {
        "type": "http",
        "set": SET,
        "post": "config.sms.url",
        "json": {"to": "caller.number", "lang": "language"},
        "timeout": "2s",
        "filler": texts("w"),
        "on_ok": "menu",
        "on_error": "operator",
    },
    "http_get": {
        "type": "http",
        "get": "https://a.kz/x",
        "timeout": "2s",
        "on_ok": "menu",
        "on_error": "operator",
    },
    "http_url": {
        "type": "http",
        "url": "config.sms.url",
        "timeout": "2s",
        "on_ok": "menu",
        "on_error": "operator",
    },
    "operator": {
        "type": "queue",
        "set": SET,
        "topic": "call.topic or 'general'",
        "also": "language",
        "priority": 5,
        "announce": {"position": True, "eta": True, "every": "30s"},
        "offer_callback_after": "20s",
        "keep_place": True,
        "next": "survey",
        "on_overflow": "callback",
    },
    "skilled": {"type": "queue", "skill": "pension"},
    "callback": {
        "type": "callback",
        "set": SET,
        "number": "caller.number",
        "confirm_number": False,
        "max_age": "2h",
        "next": "end",
        "on_withheld": "voicemail",
        **INPUT,
    },
    "voicemail": {
        "type": "voicemail",
        "set": SET,
        "prompt": texts("v"),
        "max": "60s",
        "next": "end",
    },
    "survey": {
        "type": "survey",
        "set": SET,
        "key": "csat",
        "prompt": texts("r"),
        "scale": ["1", "2", "3"],
        "low": {"if": "<= 2", "tag": "review"},
        "next": "end",
        **INPUT,
    },
    "transfer": {
        "type": "transfer",
        "set": SET,
        "number": "112",
        "prompt": texts("t"),
        "next": "end",
        "on_busy": "menu",
        "on_noanswer": "operator",
    },
    "call": {
        "type": "call",
        "set": SET,
        "flow": "topic",
        "with": {"id": "birth", "n": 3},
        "next": "end",
    },
    "end": {"type": "hangup", "set": SET, "prompt": texts("g")},
}
FLOW_NODES = {
    "answer": {"type": "say", "prompt_from": {"table": "groups", "key": "with.id"}, "next": "done"},
    "done": {"type": "return", "set": SET, "next": "end"},
}
HEAD = {
    "schema": 1,
    "id": "full",
    "name": "Everything",
    "languages": ["kk", "ru", "en"],
    "default_language": "kk",
    "timezone": "Asia/Almaty",
    "expect_offset": "+05:00",
    "entry": "language",
    "defaults": {
        "attempts": 3,
        "first_digit_timeout": "6s",
        "inter_digit_timeout": "3s",
        "option_gap": "600ms",
        "bargein": True,
        "type_ahead": True,
        "slow_after_noinput": True,
        "on_fail": "operator",
    },
    "limits": {"max_steps": 60, "max_revisits": 3, "max_ivr_time": "180s", "max_depth": 4},
    "globals": {"0": {"goto": "operator", "label": texts("o")}, "*": "back", "#": "repeat"},
    "schedules": {
        "night": {"daily": ["22:00-08:00"], "days": ["mon"], "dates": ["2026-12-16"]},
    },
    "profiles": {
        "accessible": {"attempts": "unlimited", "timeout_factor": 3, "slow": True, "priority": 60}
    },
    "tables": {
        "groups": {
            "rows": {
                "birth": {"life": "family", "digit": "1", "topic": "child", "name": texts("n")},
                "work": {"life": "work", "digit": "2", "topic": "general", "name": texts("w")},
            }
        }
    },
    "phrases": {
        "en": {
            "option": "For {label}, press {digit}",
            "count": "There are {n}",
            "confirm": "{1} yes, {2} no",
            "noinput": "Nothing.",
            "nomatch": "Wrong.",
            "to_operator": "A person comes.",
            "back": "back",
            "repeat": "again",
            "callback": "We call",
            "enter_number": "Your number",
        }
    },
    "tests": [{"name": "x"}],
}


def whole(nodes=NODES, flow_nodes=FLOW_NODES, **head):
    """The whole file as plain data."""
    flows = {"topic": {"params": ["id", "n"], "entry": "answer", "nodes": dict(flow_nodes)}}
    return {**HEAD, **head, "nodes": dict(nodes), "flows": flows}


def written(data):
    """The file as text: one line for each key at the top and for each node."""
    lines = []
    for key, value in data.items():
        if key != "nodes":
            lines.append(f"{key}: {as_text(value)}")
            continue
        lines.append("nodes:")
        lines += [f"  {name}: {as_text(node)}" for name, node in value.items()]
    return "\n".join(lines) + "\n"


def as_text(value):
    return json.dumps(value, ensure_ascii=False)


def place_of(data, name, field):
    """Line and column of the value of a node's field in `written(data)`."""
    text = written(data)
    line = next(n for n, each in enumerate(text.split("\n"), 1) if each.startswith(f"  {name}: "))
    node = data["nodes"][name]
    before = {key: node[key] for key in list(node)[: list(node).index(field)]}
    head = as_text(before)[:-1] + (", " if before else "")
    return line, len(f"  {name}: ") + len(head) + len(f'"{field}": ') + 1


def read(text, topics=TOPICS, file="main.yaml") -> tuple[Draft | None, Problems]:
    """What the reader makes of a text; no rule about ways is asked."""
    problems = Problems()
    root = parse_yaml(text, file, problems)
    return (read_draft(root, problems, topics) if root is not None else None), problems


def good(text, topics=TOPICS) -> Draft:
    """The draft of a text without any mistake."""
    draft, problems = read(text, topics)
    assert draft is not None and draft.is_sound and not len(problems), problems.render()
    return draft


def mistakes(text, topics=TOPICS):
    """Line, column, rule and words of everything the reader finds wrong."""
    _, problems = read(text, topics)
    return [(p.line, p.column, p.rule, p.message) for p in problems.sorted()]


def place(text: str, marker: str) -> tuple[int, int]:
    """Line and column of the `^` in a marker, which is otherwise a part of the text."""
    part = marker.replace("^", "")
    assert text.count(part) >= 1, part
    before = text[: text.index(part) + marker.index("^")]
    return before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
