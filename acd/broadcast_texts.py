"""Prepared broadcasts: sentences by id, in every language, ready to be switched on.

    # dialplans/tables/broadcasts.yaml
    schema: 1
    broadcasts:
      egov_down: {kk: "...", ru: "...", en: "..."}

The ids may also stand in the file without a group around them.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from acd.yaml_source import Node, Problems, read_yaml
from ivr.core.menu import Clip, Texts
from ivr.prompt_texts import Wanted

FILE = Path("tables") / "broadcasts.yaml"
"""Below the folder of the dialplans."""
TEXT_MAX = 400
"""Characters; some 30 seconds."""


def read_broadcasts(
    dialplans: Path, languages: Sequence[str], problems: Problems
) -> dict[str, Texts]:
    """The broadcasts of a folder of dialplans by id; none when it has no such file."""
    path = dialplans / FILE
    root = read_yaml(path, problems) if path.is_file() else None
    if root is None:
        return {}
    group = root
    if any(key.text == "broadcasts" for key, _ in root.entries or ()):
        fields = root.fields(required=("broadcasts",), optional=("schema",))
        group = (fields.get("broadcasts") if fields else None) or root
    if group.entries is None:
        group.error(f'{group.in_words()} stands here; write {{id: {{kk: "...", ru: "..."}}}}')
    found: dict[str, Texts] = {}
    for key, value in group.entries or ():
        if key.text == "schema" and group is root:
            continue
        texts = _texts(value, languages)
        if key.name() is not None and texts is not None:
            found[key.text or ""] = texts
    return found


def _texts(node: Node, languages: Sequence[str]) -> Texts | None:
    texts = node.texts(languages)
    for language, text in (texts or {}).items():
        if len(text) > TEXT_MAX:
            node.error(f"the text in {language} has {len(text)} letters; at most {TEXT_MAX}")
    return texts


def wanted_for(broadcasts: Mapping[str, Texts]) -> Iterable[Wanted]:
    """The clips of broadcasts, to be built as those of a menu."""
    for id_, texts in broadcasts.items():
        for language, text in texts.items():
            yield Wanted(Clip(language, text), f"broadcast {id_}", is_slow_too=True)
