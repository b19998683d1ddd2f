"""What every part of a dialplan reader needs: names that exist, languages, places, defaults."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import partial

from acd.yaml_source import Fields, Node, near_miss
from ivr.core import menu

Place = tuple[str | int, ...]

LATER_KEYS = ("flows", "options_from", "profiles", "remember", "schedules", "tables", "tests")
TIMING_KEYS = ("attempts", "first_digit_timeout", "inter_digit_timeout", "option_gap", "bargein")
DEFAULT_TIMING = menu.Timing(
    attempts=3, first_digit_ms=6000, inter_digit_ms=3000, option_gap_ms=600, bargein=True
)


@dataclass(slots=True)
class Scope:
    """What is known while one file is read; filled as the reading goes on.

    `names` are the nodes that are written, good or bad. `topics` is None when nobody knows them.
    """

    languages: tuple[str, ...]
    default_language: str
    topics: Collection[str] | None
    places: dict[Place, Node]
    names: list[str] = field(default_factory=list)
    may_prefix: set[str] = field(default_factory=set)
    timing: menu.Timing = DEFAULT_TIMING
    on_fail: str = "operator"

    def remember(self, fields: Fields, name: str, at: Place) -> None:
        """Keep the place of a value for later messages."""
        node = fields.get(name)
        if node is not None:
            self.places[*at, name] = node

    def target(self, fields: Fields, name: str, at: Place) -> str | None:
        """The node a key names; unknown ones are recorded."""
        self.remember(fields, name, at)
        node = fields.get(name)
        text = node.plain_text("the name of a node") if node else None
        if node is None or text is None or text in self.names:
            return text
        remedy = near_miss(text, self.names) or "; write the name of a node of this file"
        node.error(f"there is no node '{text}'{remedy}", "E04")
        return None

    def texts(self, node: Node) -> dict[str, str] | None:
        """A sentence in every language of the dialplan."""
        return node.texts(self.languages)

    def read_timing(self, fields: Fields, at: Place) -> menu.Timing:
        """The times of a node, or the defaults; what is not written is inherited."""
        base = self.timing
        for name in TIMING_KEYS:
            self.remember(fields, name, at)
        return replace(
            base,
            attempts=fields.read("attempts", lambda n: n.integer(1, 10), base.attempts),
            first_digit_ms=fields.read(
                "first_digit_timeout", duration(500, 60_000), base.first_digit_ms
            ),
            inter_digit_ms=fields.read(
                "inter_digit_timeout", duration(500, 30_000), base.inter_digit_ms
            ),
            option_gap_ms=fields.read("option_gap", duration(0, 5000), base.option_gap_ms),
            bargein=fields.read("bargein", Node.boolean, base.bargein),
        )


def known_fields(
    node: Node,
    required: Collection[str] = (),
    optional: Collection[str] = (),
    later: Collection[str] = (),
) -> Fields | None:
    """The fields of a mapping; those of a later version are named as such."""
    for key, _ in node.entries or ():
        if key.text in later and key.text not in optional:
            key.error(f"'{key.text}' is not played by this version; remove it")
    return node.fields(required, [*optional, *(word for word in later if word not in optional)])


def duration(lo_ms: int, hi_ms: int) -> Callable[[Node], int | None]:
    """A converter for a duration within bounds."""
    return partial(Node.duration_ms, lo_ms=lo_ms, hi_ms=hi_ms)
