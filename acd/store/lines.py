"""A row as a line of the journal, and back."""

import json
import zlib
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final

from acd.store.rows import (
    CallbackRow,
    CallerLanguageRow,
    CallRow,
    DecisionRow,
    EventRow,
    IntervalRow,
    MenuEventRow,
    OperatorNowRow,
    Row,
)

KINDS: Final[dict[str, type[Row]]] = {
    "call": CallRow,
    "event": EventRow,
    "decision": DecisionRow,
    "interval": IntervalRow,
    "operator": OperatorNowRow,
    "menu": MenuEventRow,
    "caller": CallerLanguageRow,
    "callback": CallbackRow,
}
_NAMES: Final = {kind: name for name, kind in KINDS.items()}
_FIELDS: Final = {kind: tuple(field.name for field in fields(kind)) for kind in KINDS.values()}
_encode: Final[Callable[[object], str]] = json.JSONEncoder(separators=(",", ":")).encode


def counted(refused: dict[str, Any]) -> dict[str, int]:
    """How many were refused, by reason; an earlier version kept their names."""
    return {why: len(who) if isinstance(who, list) else int(who) for why, who in refused.items()}


class DamagedLine(Exception):
    """A line that no row can be made of."""


def payload(row: Row) -> bytes:
    """The row as the inside of its line; whatever JSON cannot say is an error of its kind.

    All letters are ASCII, so that no text a caller's phone or a fault of ours has put there can
    be impossible to write, or look like the end of the line.
    """
    kind = type(row)
    values = {name: getattr(row, name) for name in _FIELDS[kind]}
    return f'"{_NAMES[kind]}":{_encode(values)}'.encode("ascii")


def line(position: int, inside: bytes) -> bytes:
    """What is written: one line, with a checksum and its position in the journal."""
    text = b'{"n":%d,%b}' % (position, inside)
    return b"%08x %b\n" % (zlib.crc32(text), text)


def parse(raw: bytes) -> tuple[int, Row]:
    """Position and row of a line; a field that a newer version has added is left out."""
    checksum, _, text = raw.removesuffix(b"\n").partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        raise DamagedLine("not as it was written")
    try:
        found = json.loads(text)
        position = found.pop("n")
        [(name, values)] = found.items()
        kind = KINDS[name]
        known: dict[str, Any] = {key: values[key] for key in _FIELDS[kind] if key in values}
        if kind is DecisionRow:
            known["candidates"] = tuple(known["candidates"])
            known["refused"] = counted(known["refused"])
        return int(position), kind(**known)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedLine(str(error)) from error
