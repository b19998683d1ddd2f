"""A drawing of a menu in the language of Mermaid, which many wikis and code hosts show."""

from ivr.picture import Box, Line, Picture

_SHAPES = {
    "menu": ("(", ")"),
    "language": ("(", ")"),
    "collect": ("[/", "/]"),
    "confirm": ("(", ")"),
    "survey": ("(", ")"),
    "say": (">", "]"),
    "branch": ("{{", "}}"),
    "set": ("[", "]"),
    "lookup": ("[(", ")]"),
    "http": ("[(", ")]"),
    "queue": ("([", "])"),
    "callback": ("([", "])"),
    "voicemail": ("([", "])"),
    "transfer": ("[\\", "/]"),
    "call": ("[[", "]]"),
    "return": ("[[", "]]"),
    "hangup": ("((", "))"),
}
_COLOURS = {
    "asks": ("#dbeafe", "#1d4ed8", ("menu", "language", "collect", "confirm", "survey")),
    "says": ("#f3f4f6", "#4b5563", ("say",)),
    "decides": ("#fef3c7", "#b45309", ("branch", "set", "lookup", "http")),
    "person": ("#d1fae5", "#047857", ("queue", "callback", "voicemail")),
    "away": ("#ffedd5", "#c2410c", ("transfer",)),
    "flow": ("#ede9fe", "#6d28d9", ("call", "return")),
    "ends": ("#fee2e2", "#b91c1c", ("hangup",)),
}


def as_mermaid(picture: Picture) -> str:
    """A flowchart; references are small boxes with the name of the node they stand for."""
    ids = {box.name: f"n{index}" for index, box in enumerate(picture.boxes)}
    lines = [f"%% {_one_line(picture.title)}", f"%% {_one_line(picture.subtitle)}", "flowchart LR"]
    flows = dict.fromkeys(box.flow for box in picture.boxes)
    for flow in flows:
        inside = [f"  {_box(box, ids)}" for box in picture.boxes if box.flow == flow]
        if flow is None:
            lines += inside
        else:
            given = ", ".join(picture.flows.get(flow, ()))
            lines.append(f'  subgraph f_{ids_of(flow)}["flow {_text(f"{flow}({given})")}"]')
            lines += [f"  {line}" for line in inside]
            lines.append("  end")
    for number, line in enumerate(picture.lines):
        lines += [f"  {text}" for text in _line(line, ids, number)]
    for name, (fill, edge, kinds) in _COLOURS.items():
        lines.append(f"  classDef {name} fill:{fill},stroke:{edge},color:#111827")
        members = [ids[box.name] for box in picture.boxes if box.kind in kinds]
        if members:
            lines.append(f"  class {','.join(members)} {name}")
    lines += _heat(picture)
    return "\n".join(lines) + "\n"


def ids_of(name: str) -> str:
    """A name as Mermaid takes it for an id."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def _box(box: Box, ids: dict[str, str]) -> str:
    opening, closing = _SHAPES[box.kind]
    name = box.name.partition(".")[2] or box.name
    parts = [f"<b>{_text(name)}</b> {box.kind}"]
    parts += [_text(box.text)] if box.text else []
    parts += [_text(f"{row.key} {row.text}".strip()) for row in box.rows]
    parts += [_text(note) for note in box.notes]
    parts += [f"{box.calls} calls"] if box.calls is not None else []
    return f'{ids[box.name]}{opening}"{"<br/>".join(parts)}"{closing}'


def _line(line: Line, ids: dict[str, str], number: int) -> list[str]:
    arrow = "-.->" if line.is_light else "-->"
    label = f'|"{_text(line.label)}"|' if line.label else ""
    if not line.is_reference:
        return [f"{ids[line.source]} {arrow}{label} {ids[line.target]}"]
    reference = f'r{number}["→ {_text(line.target)}"]'
    return [f"{ids[line.source]} {arrow}{label} {reference}"]


def _heat(picture: Picture) -> list[str]:
    most = max((line.calls or 0 for line in picture.lines), default=0)
    if not most:
        return []
    return [
        f"  linkStyle {number} stroke-width:{1 + 8 * (line.calls or 0) / most:.1f}px"
        for number, line in enumerate(picture.lines)
    ]


def _text(text: str) -> str:
    return (
        _one_line(text)
        .replace("&", "#amp;")
        .replace('"', "#quot;")
        .replace("<", "#lt;")
        .replace(">", "#gt;")
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())
