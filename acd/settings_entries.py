"""What the files of `config/` have in common: a schema and one group of named entries."""

from collections.abc import Collection

from acd.yaml_source import Fields, Node


def entries(root: Node, what: str, also: Collection[str] = ()) -> list[tuple[Node, Node]]:
    """The named entries under the one key of a file (`queues:`, `operators:`, ...), after schema.

    An empty group is an error: a centre without queues or operators serves nobody. `also` names
    what else may stand in the file.
    """
    fields = root.fields(required=["schema", what], optional=also)
    if fields is None:
        return []
    check_schema(fields)
    group = fields.get(what)
    if group is None:
        return []
    if not group.entries:
        group.error(f"{group.in_words()} stands here; write at least one of the {what}")
        return []
    return [(key, value) for key, value in group.entries if key.name() is not None]


def entry(root: Node, name: str) -> Node | None:
    """What stands under a key beside the entries; None when it was not written."""
    found = (value for key, value in root.entries or () if key.text == name)
    return next(found, None)


def check_schema(fields: Fields) -> None:
    """Only schema 1 exists; a file written for another is not guessed at."""
    node = fields.get("schema")
    if node is not None and node.text != "1":
        node.error(f"schema {node.in_words()} is not known to this version; write 'schema: 1'")
