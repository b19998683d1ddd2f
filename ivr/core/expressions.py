"""Expressions of a dialplan: a closed subset of Python's syntax, never evaluated by Python.

    tree = parse("caller.language in ['kk', 'ru'] and not schedule.night")
    evaluate(tree, lookup)

Literals, dotted names, comparisons, `in`, `and`, `or`, `not`, `min`, `max`, `len`; nothing else.

A name nobody knows is None. `==` and `in` compare values of one kind: `"112" == 112` is false,
and so is `true == 1`. An order (`<`, `>=`, ...) holds only between two numbers or two texts and is
false otherwise. `min`, `max` and `len` of what has none are None. `and` and `or` give one of their
operands, so that `call.topic or 'general'` is a default.
"""

import ast
import keyword
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Value = None | bool | int | float | str | Sequence["Value"] | Mapping[str, "Value"]
Lookup = Callable[[str], Value]

TEXT_MAX = 500  # characters
DEPTH_MAX = 20  # one inside the other
VALUE_DEPTH_MAX = 20  # values nested deeper are not compared


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that was written."""

    value: Value


@dataclass(frozen=True, slots=True)
class Name:
    """A dotted name, such as `call.topic`."""

    name: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list; `in` looks into it."""

    items: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    operand: "Tree"


@dataclass(frozen=True, slots=True)
class Logic:
    """`and`, `or`."""

    operator: Literal["and", "or"]
    operands: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison or a chain: `left operators[0] rights[0] operators[1] rights[1] ...`."""

    left: "Tree"
    operators: tuple[str, ...]
    rights: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Apply:
    """`min`, `max` or `len` of something."""

    function: str
    arguments: tuple["Tree", ...]


Tree = Constant | Name | Items | Not | Logic | Compare | Apply


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression; `text` is what was written."""

    text: str
    tree: Tree


@dataclass(frozen=True, slots=True)
class Comparison:
    """A name beside a literal: what a check of types looks at."""

    name: str
    operator: str
    value: Value


class BadExpression(ValueError):
    """What is wrong in plain words, and where: `offset` characters into the text, from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


FUNCTIONS = ("min", "max", "len")
_OPERATORS: Mapping[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}
_WORDS: Mapping[str, Value] = {"true": True, "false": False, "null": None, "none": None}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SINGLE_EQUALS = re.compile(r"(?<![=!<>])=(?!=)")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_RESERVED = "|".join(keyword.kwlist)
_RESERVED_IN_NAME = re.compile(
    rf"{_QUOTED.pattern}|(?<![\w.])({_RESERVED})(?=\.\w)|(?<=\w\.)({_RESERVED})(?!\w)"
)
_ALLOWED = "allowed are names, values, == != < <= > >= in, and or not, min max len"


def parse(text: str) -> Expression:
    """The expression of a text; BadExpression tells what an admin should write instead."""
    if len(text) > TEXT_MAX:
        raise BadExpression(f"{len(text)} characters are too many; keep to {TEXT_MAX}", 0)
    line = re.sub(r"\s", " ", text)
    start = len(line) - len(line.lstrip())
    line = line.strip()
    if not line:
        raise BadExpression("there is nothing to work out; write a name or a comparison", 0)
    if "\\" in line:
        at = start + line.index("\\")
        raise BadExpression("a backslash means nothing here; remove it", at)
    plain = _RESERVED_IN_NAME.sub(_as_name, line)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(plain, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise _unreadable(line, start, error) from None
    return Expression(text, _Parser(plain, start).tree(tree, 1))


def literal(value: Value) -> Expression:
    """An expression that is this value."""
    return Expression(repr(value), Constant(value))


def evaluate(expression: Expression, lookup: Lookup) -> Value:
    """Its value; `lookup` gets each dotted name. Raises nothing that `lookup` does not raise."""
    return _value(expression.tree, lookup)


def names_of(expression: Expression) -> tuple[str, ...]:
    """The dotted names it asks for, each once, as they come."""
    trees = _walk(expression.tree)
    return tuple(dict.fromkeys(tree.name for tree in trees if isinstance(tree, Name)))


def expected_names_of(expression: Expression) -> frozenset[str]:
    """Names whose value is needed; not those that are asked whether they have one.

    Those are what stands before an `or`, beside a `None`, or alone in an `and` or `not`.
    """
    asked: set[int] = set()
    for tree in _walk(expression.tree):
        match tree:
            case Logic("or", operands):
                asked.update(id(each) for each in operands[:-1])
            case Logic("and", operands):
                asked.update(id(each) for each in operands)
            case Not(operand):
                asked.add(id(operand))
            case Compare(left, _, rights) if Constant(None) in (left, *rights):
                asked.update(id(each) for each in (left, *rights))
    found = (tree for tree in _walk(expression.tree) if isinstance(tree, Name))
    return frozenset(tree.name for tree in found if id(tree) not in asked)


def truth_of(expression: Expression) -> bool | None:
    """True or False when it is so whatever the names stand for; None when it depends on them."""
    known = _known(expression.tree)
    return None if known is None else bool(known.value)


def constant_of(expression: Expression) -> Constant | None:
    """The one value it can have; None when that depends on a name."""
    return _constant(expression.tree)


def comparisons_of(expression: Expression) -> tuple[Comparison, ...]:
    """Each name that is compared with a literal; `3 < a` is told as `a > 3`."""
    found = []
    for tree in _walk(expression.tree):
        if not isinstance(tree, Compare):
            continue
        left = tree.left
        for operator, right in zip(tree.operators, tree.rights, strict=True):
            left_known, right_known = _constant(left), _constant(right)
            if isinstance(left, Name) and right_known is not None:
                found.append(Comparison(left.name, operator, right_known.value))
            elif isinstance(right, Name) and left_known is not None:
                turned = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(operator, operator)
                if turned not in ("in", "not in"):
                    found.append(Comparison(right.name, turned, left_known.value))
            left = right
    return tuple(found)


def in_words(value: Value) -> str:
    """A value as a short text for a person who reads a timeline."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


class _Parser:
    """From Python's syntax tree to ours; refuses what is not ours, with its place."""

    def __init__(self, line: str, start: int) -> None:
        self._bytes = line.encode()
        self._start = start

    def tree(self, node: ast.expr, depth: int) -> Tree:
        """Our tree of a part."""
        if depth > DEPTH_MAX:
            raise self._bad(node, f"more than {DEPTH_MAX} levels deep; split it with 'set'")
        match node:
            case ast.Constant():
                return Constant(self._constant(node))
            case ast.Name() | ast.Attribute():
                return self._name(node)
            case ast.List() | ast.Tuple():
                return Items(tuple(self.tree(each, depth + 1) for each in node.elts))
            case ast.BoolOp():
                operands = tuple(self.tree(each, depth + 1) for each in node.values)
                return Logic("and" if isinstance(node.op, ast.And) else "or", operands)
            case ast.UnaryOp(op=ast.Not()):
                return Not(self.tree(node.operand, depth + 1))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
                return Constant(-int(number))
            case ast.Compare():
                return self._compare(node, depth)
            case ast.Call():
                return self._call(node, depth)
            case _:
                raise self._bad(node, f"this is not part of the language of menus; {_ALLOWED}")

    def _constant(self, node: ast.Constant) -> Value:
        value = node.value
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, str):
            return value
        raise self._bad(node, f"{value!r} is no value of a menu; write a text or a whole number")

    def _name(self, node: ast.Name | ast.Attribute) -> Tree:
        parts: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if not isinstance(inner, ast.Name):
            raise self._bad(node, "a dot belongs between the words of a name, as in call.topic")
        parts.append(inner.id)
        name = ".".join(reversed(parts))
        if not all(_NAME.fullmatch(part) for part in parts):
            message = f"'{name}' is no name; use Latin letters, digits and underscores, or quotes"
            raise self._bad(node, message)
        if name in _WORDS:
            return Constant(_WORDS[name])
        return Name(name)

    def _compare(self, node: ast.Compare, depth: int) -> Tree:
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if type(operator) not in _OPERATORS:
                raise self._bad(right, "'is' is not part of the language of menus; write ==")
        return Compare(
            self.tree(node.left, depth + 1),
            tuple(_OPERATORS[type(operator)] for operator in node.ops),
            tuple(self.tree(each, depth + 1) for each in node.comparators),
        )

    def _call(self, node: ast.Call, depth: int) -> Tree:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTIONS or node.keywords:
            raise self._bad(node, f"only {', '.join(FUNCTIONS)} can be called")
        if not node.args or (name == "len" and len(node.args) > 1):
            count = "one value" if name == "len" else "values"
            raise self._bad(node, f"{name} wants {count}, as in {name}(call.code)")
        return Apply(name, tuple(self.tree(each, depth + 1) for each in node.args))

    def _bad(self, node: ast.expr, message: str) -> BadExpression:
        """Python counts bytes; an admin counts letters."""
        letters = len(self._bytes[: node.col_offset].decode(errors="ignore"))
        return BadExpression(message, self._start + letters)


def _as_name(match: re.Match[str]) -> str:
    """A word that Python keeps for itself (`with.id`, `call.from`), with a wide first letter.

    The wide letter makes it a name, and Python folds it into the ordinary one.
    """
    word = match[1] or match[2]
    return match[0] if word is None else chr(ord(word[0]) - 0x21 + 0xFF01) + word[1:]


def _unreadable(line: str, start: int, error: Exception) -> BadExpression:
    """Plain words for what Python's parser refuses."""
    bare = _QUOTED.sub(lambda match: "'" + " " * (len(match[0]) - 2) + "'", line)
    equals = _SINGLE_EQUALS.search(bare)
    if equals is not None:
        return BadExpression("a single '=' compares nothing; write '=='", start + equals.start())
    for sign, word in (("&&", "and"), ("||", "or"), ("!", "not"), ("<>", "!=")):
        at = bare.find(sign)
        if at >= 0 and bare[at : at + 2] != "!=":
            return BadExpression(f"'{sign}' is written '{word}' here", start + at)
    if bare.count("'") % 2 or bare.count('"') % 2:
        return BadExpression("a text is not closed; write its second quote", start)
    if bare.count("(") != bare.count(")") or bare.count("[") != bare.count("]"):
        return BadExpression("a bracket is not closed, or one is too many", start)
    offset = (getattr(error, "offset", None) or len(line)) - 1  # without one: it ends too soon
    at = start + min(max(offset, 0), len(line) - 1)
    return BadExpression(f"this cannot be read; {_ALLOWED}", at)


def _value(tree: Tree, lookup: Lookup) -> Value:
    match tree:
        case Constant(value):
            return value
        case Name(name):
            return lookup(name)
        case Items(items):
            return [_value(each, lookup) for each in items]
        case Not(operand):
            return not _value(operand, lookup)
        case Logic(operator, operands):
            return _combined(operator, operands, lookup)
        case Compare(left, operators, rights):
            return _holds(_value(left, lookup), operators, rights, lookup)
        case Apply(function, arguments):
            return _applied(function, [_value(each, lookup) for each in arguments])


def _combined(operator: str, operands: tuple[Tree, ...], lookup: Lookup) -> Value:
    """The first operand that decides, the last one when none does."""
    value: Value = None
    for operand in operands:
        value = _value(operand, lookup)
        if bool(value) == (operator == "or"):
            break
    return value


def _holds(
    left: Value, operators: tuple[str, ...], rights: tuple[Tree, ...], lookup: Lookup
) -> bool:
    for operator, tree in zip(operators, rights, strict=True):
        right = _value(tree, lookup)
        if not _compared(left, operator, right):
            return False
        left = right
    return True


def _compared(left: Value, operator: str, right: Value) -> bool:
    match operator:
        case "==":
            return _same(left, right, 0)
        case "!=":
            return not _same(left, right, 0)
        case "in":
            return _contains(right, left)
        case "not in":
            return not _contains(right, left)
    order = _order(left, right)
    if order is None:
        return False
    return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[operator]


def _order(left: Value, right: Value) -> int | None:
    """-1, 0, 1; None where there is no order, as between a text and a number."""
    if _is_number(left) and _is_number(right):
        assert isinstance(left, int | float)
        assert isinstance(right, int | float)
        if left != left or right != right:  # not a number: JSON of another house can hold it
            return None
        return (left > right) - (left < right)
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    return None


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(left: Value, right: Value, depth: int) -> bool:
    if depth > VALUE_DEPTH_MAX:
        return False
    if _is_number(left) and _is_number(right):
        return left == right
    if isinstance(left, str) or isinstance(right, str):
        return isinstance(left, str) and isinstance(right, str) and left == right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(
            _same(value, right[key], depth + 1) for key, value in left.items()
        )
    if isinstance(left, Sequence) and isinstance(right, Sequence):
        return len(left) == len(right) and all(
            _same(one, other, depth + 1) for one, other in zip(left, right, strict=True)
        )
    return type(left) is type(right) and left == right


def _contains(container: Value, value: Value) -> bool:
    if isinstance(container, str):
        return isinstance(value, str) and value in container
    if isinstance(container, Mapping):
        return isinstance(value, str) and value in container
    if isinstance(container, Sequence):
        return any(_same(each, value, 0) for each in container)
    return False


def _applied(function: str, values: list[Value]) -> Value:
    if function == "len":
        value = values[0]
        return len(value) if isinstance(value, str | Sequence | Mapping) else None
    if len(values) == 1 and isinstance(values[0], Sequence) and not isinstance(values[0], str):
        values = list(values[0])
    best = values[0] if values else None
    for value in values:
        order = _order(value, best)
        if order is None:
            return None
        if order < 0 if function == "min" else order > 0:
            best = value
    return best


def _walk(tree: Tree) -> Iterator[Tree]:
    yield tree
    match tree:
        case Items(parts) | Logic(_, parts) | Apply(_, parts):
            for part in parts:
                yield from _walk(part)
        case Not(operand):
            yield from _walk(operand)
        case Compare(left, _, rights):
            for part in (left, *rights):
                yield from _walk(part)


def _known(tree: Tree) -> Constant | None:
    """What a part is for certain: its value, or at least its truth where a name is in it."""
    match tree:
        case Name():
            return None
        case Logic(operator, operands):
            wins = operator == "or"
            parts = [_known(each) for each in operands]
            if any(part is not None and bool(part.value) == wins for part in parts):
                if None not in parts:
                    return Constant(_value(tree, _nothing))
                return Constant(wins)
            return None if None in parts else Constant(_value(tree, _nothing))
        case Not(operand):
            inner = _known(operand)
            return None if inner is None else Constant(not inner.value)
        case Compare(Name(left), (operator,), (Name(right),)) if left == right:
            return Constant(operator == "==") if operator in ("==", "!=", "<", ">") else None
        case _:
            return _constant(tree)


def _constant(tree: Tree) -> Constant | None:
    """The value of a part that no name is in."""
    if any(isinstance(part, Name) for part in _walk(tree)):
        return None
    return Constant(_value(tree, _nothing))


def _nothing(_name: str) -> Value:
    return None
