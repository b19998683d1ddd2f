"""`ivr schema`: the JSON Schema of a dialplan, for editors that complete and check while one types.

It says which fields there are and what may stand in them. Whether a target exists, a text is
translated or a way ends is more than a schema can say; `ivr check` does.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from ivr.fields import DEFINITIONS, DIALPLAN, NAME_PATTERN, NODES, Shape, group, mapping

SCHEMA_FILE = Path(__file__).parent / "dialplan.schema.json"


def dialplan_schema() -> dict[str, Any]:
    """The schema as plain data, of draft 2020-12."""
    definitions: dict[str, Shape] = {
        **DEFINITIONS,
        "nodes": {**mapping({"$ref": "#/$defs/node"}, NAME_PATTERN), "minProperties": 1},
        "node": _node(),
        **{f"node_{kind}": group(fields) for kind, fields in NODES.items()},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A voice menu of 1414",
        **group(DIALPLAN),
        "$defs": definitions,
    }


def schema_text() -> str:
    """The text of the schema's file."""
    return json.dumps(dialplan_schema(), ensure_ascii=False, indent=2) + "\n"


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`ivr schema`."""
    schema = commands.add_parser(
        "schema",
        help="print the JSON Schema of dialplans, for editors",
        description="Prints the JSON Schema of dialplans. Editors that know YAML complete and "
        f"check with it when a file begins with '# yaml-language-server: $schema=FILE'; a copy "
        f"is {SCHEMA_FILE.parent.name}/{SCHEMA_FILE.name}.",
    )
    schema.set_defaults(run=_print)


def _print(_arguments: argparse.Namespace) -> int:
    print(schema_text(), end="")
    return 0


def _node() -> Shape:
    """A node is what its type says; an editor then complains about that type only."""
    return {
        "type": "object",
        "properties": {"type": {"enum": list(NODES), "description": "The kind of node."}},
        "required": ["type"],
        "allOf": [
            {
                "if": {"properties": {"type": {"const": kind}}, "required": ["type"]},
                "then": {"$ref": f"#/$defs/node_{kind}"},
            }
            for kind in NODES
        ],
    }
