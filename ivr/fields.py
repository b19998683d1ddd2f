"""Which fields a dialplan has: the one description that the reader and the JSON Schema share.

The reader takes from here which fields exist and which are needed; `ivr/schema.py` turns the same
into the schema that editors complete and check with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ivr.core import speech

Shape = Mapping[str, Any]  # a part of a JSON Schema

CALLER_FIELDS = ("number", "language", "withheld", "profile")
QUEUE_FIELDS = ("waiting", "ready", "longest_wait_s", "predicted_wait_s")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
KEY_PATTERN = "^[0-9*#]{1,4}$"
ONE_KEY_PATTERN = "^[0-9*#]$"
DURATION_PATTERN = "^[0-9]{1,9}(ms|s|m|h)$"
VARIABLE_PATTERN = r"^call(\.[A-Za-z_][A-Za-z0-9_]{0,63}){1,4}$"
HOURS_PATTERN = "^[0-2][0-9]:[0-5][0-9] *- *[0-2][0-9]:[0-5][0-9]$"
DATE_PATTERN = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
NUMBER_PATTERN = r"^\+?[0-9]{2,15}$"
LOW_PATTERN = "^<=? *[0-9]$"

TEXT: Shape = {"type": "string", "pattern": r"\S"}
NAME: Shape = {"type": "string", "pattern": NAME_PATTERN}
DURATION: Shape = {"type": "string", "pattern": DURATION_PATTERN}
VARIABLE: Shape = {"type": "string", "pattern": VARIABLE_PATTERN}
SWITCH: Shape = {"type": "boolean"}
# Some readers of YAML take a bare `on` for true.
ON_OFF: Shape = {"enum": ["on", "off", True, False]}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: what may stand there, what it means, and what is recorded when it is missing."""

    shape: Shape
    about: str
    is_required: bool = False
    rule: str = "E03"


Fields = Mapping[str, Field]


def ref(name: str) -> Shape:
    """A shape that is described once, in `DEFINITIONS`."""
    return {"$ref": f"#/$defs/{name}"}


def integer(lo: int, hi: int) -> Shape:
    """A whole number, both ends allowed."""
    return {"type": "integer", "minimum": lo, "maximum": hi}


def choice(*words: str) -> Shape:
    """One of these words."""
    return {"enum": list(words)}


def items(shape: Shape, least: int = 1, most: int | None = None) -> Shape:
    """A list."""
    limit = {} if most is None else {"maxItems": most}
    return {"type": "array", "items": shape, "minItems": least, **limit}


def mapping(shape: Shape, pattern: str = NAME_PATTERN) -> Shape:
    """Names of the author's choice, each with the same shape behind it."""
    return {
        "type": "object",
        "patternProperties": {pattern: shape},
        "additionalProperties": False,
    }


def needed(field: Field, rule: str = "E03") -> Field:
    """The same field where it must not be missing."""
    return replace(field, is_required=True, rule=rule)


def group(fields: Fields) -> Shape:
    """A group of fields, and no others."""
    return {
        "type": "object",
        "properties": {
            name: {**field.shape, "description": field.about} for name, field in fields.items()
        },
        "required": [name for name, field in fields.items() if field.is_required],
        "additionalProperties": False,
    }


_TARGET, _JUMP, _VALUE = ref("target"), ref("jump"), ref("value")
_PROMPT, _TEXTS, _SET = ref("prompt"), ref("texts"), ref("set")
_NEXT = Field(_TARGET, "The node that follows.")

TIMING: Fields = {
    "attempts": Field(
        integer(1, 10), "Plays in total; silence and wrong keys count together. Then on_fail."
    ),
    "first_digit_timeout": Field(
        DURATION, "Time for the first key, from the end of the prompt; doubled after a silence."
    ),
    "inter_digit_timeout": Field(DURATION, "Time for the next key while more could follow."),
    "option_gap": Field(DURATION, "Silence between two options."),
    "bargein": Field(SWITCH, "Whether a key stops the prompt."),
    "type_ahead": Field(SWITCH, "Whether keys pressed before the prompt count."),
    "slow_after_noinput": Field(SWITCH, "Whether the prompt is slower after a silence."),
}
INPUT: Fields = {
    **TIMING,
    "on_fail": Field(_JUMP, "Where silence and wrong keys lead in the end."),
    "noinput": Field(ref("prompts"), "Said after a silence; the n-th silence takes the n-th."),
    "nomatch": Field(ref("prompts"), "Said after a wrong key; the n-th takes the n-th."),
    "globals": Field(ON_OFF, "off: the keys 0, * and # mean nothing of their own here."),
    "back_to": Field(_TARGET, "Where * leads when no menu came before."),
}
OPTION: Fields = {
    "key": Field({"type": "string", "pattern": KEY_PATTERN}, "The key, in quotes.", True),
    "label": Field(_TEXTS, "What the option is called; the key is added when it is said.", True),
    "goto": Field(_TARGET, "The node it leads to.", True, "E06"),
    "set": Field(_SET, "Assigned when it is chosen."),
}
LANGUAGE_OPTION: Fields = {
    "key": OPTION["key"],
    "language": Field(choice(*speech.LANGUAGES), "The language it chooses.", True),
    "label": Field(TEXT, "Its name in that language.", True),
}
OPTIONS_FROM: Fields = {
    "table": Field(NAME, "The table whose rows are the options.", True),
    "key": Field(NAME, "The column of the key.", True),
    "label": Field(NAME, "The column of the label: texts in every language.", True),
    "goto": Field(
        {"type": "string"}, "The node, or a column of node names as in row.goto.", True, "E06"
    ),
    "set": Field(_SET, "Assigned when it is chosen; row.COLUMN is a cell of its row."),
    "where": Field(ref("condition"), "Only the rows for which this is true."),
}
DIGITS: Fields = {
    "length": Field(integer(1, 32), "Exactly so many digits."),
    "min": Field(integer(1, 32), "At least so many."),
    "max": Field(integer(1, 32), "At most so many."),
}
FIND: Fields = {
    "table": Field(NAME, "The table that is looked into.", True),
    "key": Field(_VALUE, "The key of the row that is wanted.", True),
    "into": Field(VARIABLE, "The call. variable that becomes the row.", True),
}
PROMPT_FROM: Fields = {
    "table": Field(NAME, "The table the text comes from.", True),
    "key": Field(_VALUE, "The key of its row.", True),
    "column": Field(NAME, "The column of texts; not needed when there is only one."),
}
CASE: Fields = {
    "if": Field(ref("condition"), "When this way is taken; the first that is true wins.", True),
    "goto": Field(_TARGET, "The node it leads to.", True, "E06"),
    "set": Field(_SET, "Assigned on this way."),
}
JUMP: Fields = {
    "goto": Field(_TARGET, "The node it leads to.", True, "E06"),
    "set": Field(_SET, "Assigned on this way."),
}
ANNOUNCE: Fields = {
    "position": Field(SWITCH, "Whether the place in the queue is said."),
    "eta": Field(SWITCH, "Whether the expected wait is said."),
    "every": Field(DURATION, "How often."),
}
LOW: Fields = {
    "if": Field({"type": "string", "pattern": LOW_PATTERN}, 'Low answers, as in "<= 2".', True),
    "tag": Field(NAME, "What a call with a low answer is marked with.", True),
}

_SAY: Fields = {
    "prompt": Field(_PROMPT, "What is said."),
    "prompt_from": Field(group(PROMPT_FROM), "What is said, from a table."),
    "bargein": TIMING["bargein"],
    "next": needed(_NEXT, "E06"),
}
_MENU: Fields = {
    "intro": Field(_PROMPT, "Said once, before the options."),
    "options": Field(items(group(OPTION), most=40), "The options, in the order they are said."),
    "options_from": Field(group(OPTIONS_FROM), "The options, from a table."),
    "max_options": Field(integer(1, 40), "How many options the table may give."),
    "announce_count": Field(SWITCH, "Whether the number of options is said first."),
    "allow_prefix": Field(SWITCH, "Whether one key may begin another, at the price of waiting."),
    **INPUT,
}
_LANGUAGE: Fields = {
    "intro": Field(ref("some_texts"), "A greeting, in the languages that are written."),
    "options": Field(items(group(LANGUAGE_OPTION), most=40), "The languages on offer.", True),
    "remember": Field(
        {"enum": ["caller.language", True, False]}, "Keep the choice for the caller's number."
    ),
    "next": needed(_NEXT, "E06"),
    **INPUT,
}
_COLLECT: Fields = {
    "prompt": Field(_PROMPT, "What is asked for.", True),
    "digits": Field(group(DIGITS), "How many: {length: 3} or {min: 1, max: 4}.", True),
    "store": Field(VARIABLE, "The call. variable that becomes the digits.", True),
    "empty_key": Field(
        {"type": "string", "pattern": ONE_KEY_PATTERN}, "A key that says: I have none."
    ),
    "on_empty": Field(_JUMP, "Where empty_key leads."),
    "validate": Field(TEXT, "iin, or a regular expression that the whole entry must match."),
    "sensitive": Field(SWITCH, "Whether logs show stars instead of the digits."),
    "lookup": Field(
        group({**FIND, "key": replace(FIND["key"], is_required=False)}),
        "Look the entry up in a table.",
    ),
    "on_found": Field(_JUMP, "Where an entry leads that the table has."),
    "on_missing": Field(_JUMP, "Where an entry leads that the table does not have."),
    "next": Field(_JUMP, "Where an entry leads that is not looked up."),
    **INPUT,
}
_CONFIRM: Fields = {
    "prompt": Field(_PROMPT, "What is to be confirmed.", True),
    "on_yes": Field(_JUMP, "Where 1, yes, leads.", True, "E06"),
    "on_no": Field(_JUMP, "Where 2, no, leads.", True, "E06"),
    **INPUT,
}
_HTTP: Fields = {
    "get": Field(_VALUE, "The address to read from."),
    "post": Field(_VALUE, "The address to send to."),
    "url": Field(_VALUE, "The address; sent to when there is json, otherwise read from."),
    "json": Field(mapping(_VALUE), "The fields that are sent."),
    "timeout": Field(DURATION, "How long the answer may take.", True, "E23"),
    "filler": Field(_PROMPT, "Said before asking."),
    "on_ok": Field(_JUMP, "Where an answer leads; it is in call.http.", True, "E06"),
    "on_error": Field(_JUMP, "Where no answer, or a bad one, leads.", True, "E23"),
}
_QUEUE: Fields = {
    "topic": Field(_VALUE, "A topic of skills.yaml, a queue, or an expression that gives one."),
    "skill": Field(_VALUE, "Another word for topic."),
    "also": Field(choice("language"), "The caller's language always counts; may be written."),
    "priority": Field(integer(0, 3600), "A head start in seconds."),
    "announce": Field(group(ANNOUNCE), "What is said while waiting."),
    "offer_callback_after": Field(DURATION, "When a call back is offered."),
    "keep_place": Field(SWITCH, "Whether a caller who comes back keeps the place."),
    "next": Field(_TARGET, "What follows when the operator has hung up first."),
    "on_overflow": Field(_TARGET, "What follows when nobody can come."),
}
_CALLBACK: Fields = {
    "number": Field(_VALUE, "The number that will be called, as a rule caller.number."),
    "confirm_number": Field(SWITCH, "Whether the number is read out first."),
    "max_age": Field(DURATION, "How long the promise holds."),
    "next": needed(_NEXT, "E06"),
    "on_withheld": Field(_TARGET, "What follows when there is no number.", True, "E10"),
    **INPUT,
}
_SURVEY: Fields = {
    "key": Field(NAME, "The name of the figure in the records.", True),
    "prompt": Field(_PROMPT, "The question.", True),
    "scale": Field(
        items({"type": "string", "pattern": "^[0-9]$"}, 2, 10), "The keys that are answers."
    ),
    "low": Field(group(LOW), "Which answers are low, and the tag of such calls."),
    "next": needed(_NEXT, "E06"),
    **INPUT,
}

_ONLY: Mapping[str, Fields] = {
    "say": _SAY,
    "menu": _MENU,
    "language": _LANGUAGE,
    "collect": _COLLECT,
    "confirm": _CONFIRM,
    "branch": {
        "when": Field(items(group(CASE), most=100), "The ways, in order.", True),
        "else": Field(_JUMP, "The way when no other is taken.", True, "E10"),
    },
    "set": {"next": needed(_NEXT, "E06")},
    "lookup": {
        **FIND,
        "on_found": Field(_JUMP, "Where it leads when the row exists.", True, "E06"),
        "on_missing": Field(_JUMP, "Where it leads when there is none.", True, "E10"),
    },
    "http": _HTTP,
    "queue": _QUEUE,
    "callback": _CALLBACK,
    "voicemail": {
        "prompt": Field(_PROMPT, "Said before the beep.", True),
        "max": Field(DURATION, "The longest message."),
        "next": needed(_NEXT, "E06"),
    },
    "survey": _SURVEY,
    "transfer": {
        "number": Field({"type": "string", "pattern": NUMBER_PATTERN}, "The number.", True),
        "prompt": Field(_PROMPT, "Says where to, and that it is another service.", True),
        "next": Field(_TARGET, "What follows when the other side has hung up."),
        "on_busy": Field(_TARGET, "What follows when it is busy; on_noanswer when not written."),
        "on_noanswer": Field(_TARGET, "What follows when nobody answers.", True, "E10"),
    },
    "call": {
        "flow": Field(NAME, "The flow that is run.", True),
        "with": Field(mapping(_VALUE), "Its parameters."),
        "next": Field(_TARGET, "What follows when it returns without saying where to."),
    },
    "return": {"next": Field(_TARGET, "What follows when the caller of the flow has no next.")},
    "hangup": {"prompt": Field(_PROMPT, "The last words.")},
}


def _node(kind: str, fields: Fields) -> Fields:
    value = Field(_SET, "Assigned when the node is entered.", kind == "set")
    return {"type": Field({"const": kind}, "The kind of node.", True), "set": value, **fields}


NODES: Mapping[str, Fields] = {kind: _node(kind, fields) for kind, fields in _ONLY.items()}

FLOW: Fields = {
    "params": Field(items(NAME, 0, 16), "The names that a call gives values, as with.NAME."),
    "entry": Field(_TARGET, "The node it begins with.", True),
    "nodes": Field(ref("nodes"), "Its nodes.", True),
}
SCHEDULE: Fields = {
    "daily": Field(ref("hours"), 'Hours, as in ["22:00-08:00"]; they may cross midnight.'),
    "days": Field(items(choice(*WEEKDAYS)), "Days of the week."),
    "dates": Field(items({"type": "string", "pattern": DATE_PATTERN}), "Single days."),
    "file": Field(TEXT, "A file of public holidays, as config/holidays.yaml."),
    "on_holidays": Field(SWITCH, "What it is on the days of the file; true when not written."),
}
TABLE: Fields = {
    "file": Field(TEXT, "The file, .yaml or .csv, from the folder of this one."),
    "key": Field(NAME, "The column that names the rows; the first one when not written."),
    "rows": Field({"type": ["array", "object"]}, "The rows themselves, instead of a file."),
}
PROFILE: Fields = {
    "attempts": Field(
        {"anyOf": [integer(1, 10), {"const": "unlimited"}]}, "Instead of a node's attempts."
    ),
    "timeout_factor": Field(integer(1, 10), "What times for keys are multiplied by."),
    "slow": Field(SWITCH, "Whether everything is played slower."),
    "priority": Field(integer(0, 3600), "A head start in every queue, in seconds."),
}
DEFAULTS: Fields = {**TIMING, "on_fail": INPUT["on_fail"]}
LIMITS: Fields = {
    "max_steps": Field(integer(5, 100), "Prompts heard in one call."),
    "max_revisits": Field(integer(1, 20), "How often one node is heard again."),
    "max_ivr_time": Field(DURATION, "Time in the menu."),
    "max_depth": Field(integer(1, 16), "Flows within flows."),
}
ZERO: Fields = {
    "goto": Field(_TARGET, "The queue of the operators.", True),
    "label": Field(_TEXTS, "What the option is called in every menu."),
}
GLOBALS: Fields = {
    "0": Field(group(ZERO), "The operator.", True),
    "*": Field(choice("back"), "To the menu before."),
    "#": Field(choice("repeat"), "Again; in a say node: to its end."),
}
PHRASES: Fields = {
    "option": Field(TEXT, "How an option is said: {label} and {digit} or {digit_acc}."),
    "count": Field(TEXT, "How many options there are: {n}, {n_f}, {one|few|many}."),
    "confirm": Field(TEXT, "How yes and no are asked for: {1} and {2}, or {1_acc} and {2_acc}."),
    "noinput": Field(TEXT, "Said after a silence."),
    "nomatch": Field(TEXT, "Said after a wrong key."),
    "to_operator": Field(TEXT, "Said before a caller is brought to a person."),
    "back": Field(TEXT, "What the key * is called in the slow replay."),
    "repeat": Field(TEXT, "What the key # is called in the slow replay."),
    "callback": Field(TEXT, "Said before the number that will be called."),
    "enter_number": Field(TEXT, "Asks for another number."),
}
DIALPLAN: Fields = {
    "schema": Field({"const": 1}, "The version of this format.", True),
    "id": Field(NAME, "The name of this dialplan.", True),
    "name": Field(TEXT, "What people call it."),
    "languages": Field(items(choice(*speech.LANGUAGES)), "In the order they are spoken.", True),
    "default_language": Field(choice(*speech.LANGUAGES), "Spoken until one is chosen."),
    "timezone": Field(TEXT, "The zone of schedules, as Asia/Almaty."),
    "expect_offset": Field(
        {"type": "string", "pattern": r"^[+-][0-2][0-9]:[0-5][0-9]$"},
        "What the zone must be ahead of UTC, to notice old zone data.",
    ),
    "entry": Field(_TARGET, "The first node.", True),
    "defaults": Field(group(DEFAULTS), "What every node starts from."),
    "limits": Field(group(LIMITS), "What ends at a person."),
    "globals": Field(group(GLOBALS), "The keys that work everywhere."),
    "schedules": Field(mapping(group(SCHEDULE)), "Times by name, for schedule.NAME."),
    "profiles": Field(mapping(group(PROFILE)), "How times change for callers who need it."),
    "tables": Field(mapping({"anyOf": [TEXT, group(TABLE)]}), "Texts and lists by name."),
    "phrases": Field(mapping(group(PHRASES), "^[a-z]{2}$"), "The spoken glue of each language."),
    "nodes": Field(ref("nodes"), "The nodes.", True),
    "flows": Field(mapping(group(FLOW)), "Parts that are run by call nodes."),
    "tests": Field({"type": "array"}, "Calls that `ivr test` plays."),
}

_LANGUAGE_PATTERN = f"^({'|'.join(speech.LANGUAGES)})$"
_SOME_TEXTS = {**mapping(TEXT, _LANGUAGE_PATTERN), "minProperties": 1}
_ONE_PROMPT = {
    "anyOf": [_TEXTS, {"const": "@broadcast"}, group(PROMPT_FROM)],
}
DEFINITIONS: Mapping[str, Shape] = {
    "target": {"type": "string", "pattern": NAME_PATTERN, "description": "The name of a node."},
    "jump": {"anyOf": [_TARGET, group(JUMP)]},
    "texts": {**_SOME_TEXTS, "description": "One sentence for every language."},
    "some_texts": _SOME_TEXTS,
    "prompt": {"anyOf": [*_ONE_PROMPT["anyOf"], items(_ONE_PROMPT)]},
    "prompts": {"anyOf": [*_ONE_PROMPT["anyOf"], items(_PROMPT)]},
    "value": {
        "type": ["string", "integer", "boolean"],
        "description": "A word, a number, or an expression in quotes.",
    },
    "condition": {
        "type": ["string", "boolean"],
        "description": "As in: caller.language == 'kk' and not schedule.night",
    },
    "set": {
        "type": "object",
        "patternProperties": {VARIABLE_PATTERN: _VALUE, "^language$": _VALUE},
        "additionalProperties": False,
    },
    "hours": {
        "anyOf": [
            {"type": "string", "pattern": HOURS_PATTERN},
            items({"type": "string", "pattern": HOURS_PATTERN}),
        ]
    },
}
