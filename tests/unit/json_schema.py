"""As much of JSON Schema as our own schema uses; a keyword it does not know is an error."""

import re

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
}
SILENT = {"$schema", "$defs", "title", "description"}


def faults(value, schema, root=None, path="$"):
    """What a schema objects to in a value, as paths with words."""
    root = root or schema
    found = []
    for word, rule in schema.items():
        if word not in SILENT:
            found += CHECKS[word](value, rule, schema, root, path)
    return found


def _is_type(value, name):
    if name == "integer" and isinstance(value, bool):
        return False
    return isinstance(value, TYPES[name])


def _type(value, rule, schema, root, path):
    names = [rule] if isinstance(rule, str) else rule
    return [] if any(_is_type(value, name) for name in names) else [f"{path} is not {names}"]


def _ref(value, rule, schema, root, path):
    target = root
    for part in rule.removeprefix("#/").split("/"):
        target = target[part]
    return faults(value, target, root, path)


def _enum(value, rule, schema, root, path):
    good = any(value == each and type(value) is type(each) for each in rule)
    return [] if good else [f"{path} is none of {rule}"]


def _any_of(value, rule, schema, root, path):
    good = any(not faults(value, each, root, path) for each in rule)
    return [] if good else [f"{path} is nothing of what it may be"]


def _all_of(value, rule, schema, root, path):
    found = []
    for each in rule:
        if "if" not in each:
            found += faults(value, each, root, path)
        elif not faults(value, each["if"], root, path):
            found += faults(value, each["then"], root, path)
    return found


def _properties(value, rule, schema, root, path):
    if not isinstance(value, dict):
        return []
    inside = [name for name in rule if name in value]
    return [f for name in inside for f in faults(value[name], rule[name], root, f"{path}.{name}")]


def _pattern_properties(value, rule, schema, root, path):
    found = []
    for name in value if isinstance(value, dict) else ():
        for pattern, each in rule.items():
            if re.search(pattern, name):
                found += faults(value[name], each, root, f"{path}.{name}")
    return found


def _additional(value, rule, schema, root, path):
    assert rule is False
    known = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    return [
        f"{path}.{name} is not known"
        for name in (value if isinstance(value, dict) else ())
        if name not in known and not any(re.search(pattern, name) for pattern in patterns)
    ]


def _required(value, rule, schema, root, path):
    if not isinstance(value, dict):
        return []
    return [f"{path}.{name} is missing" for name in rule if name not in value]


def _items(value, rule, schema, root, path):
    items = enumerate(value if isinstance(value, list) else ())
    return [f for i, item in items for f in faults(item, rule, root, f"{path}[{i}]")]


def _bound(kind, is_good):
    def check(value, rule, schema, root, path):
        if not _is_type(value, kind) or is_good(value, rule):
            return []
        return [f"{path} is out of bounds"]

    return check


CHECKS = {
    "$ref": _ref,
    "type": _type,
    "const": lambda value, rule, *rest: _enum(value, [rule], *rest),
    "enum": _enum,
    "anyOf": _any_of,
    "allOf": _all_of,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "required": _required,
    "items": _items,
    "minItems": _bound("array", lambda value, rule: len(value) >= rule),
    "maxItems": _bound("array", lambda value, rule: len(value) <= rule),
    "minProperties": _bound("object", lambda value, rule: len(value) >= rule),
    "minimum": _bound("integer", lambda value, rule: value >= rule),
    "maximum": _bound("integer", lambda value, rule: value <= rule),
    "pattern": _bound("string", lambda value, rule: re.search(rule, value) is not None),
}
