"""A drawing of a menu in the language of Graphviz."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from ivr.picture import Box, Line, Picture

WIDTH = 34  # letters in a line of a box
PEN_MAX = 9.0

_GREY = "#6b7280"
_INK = "#111827"


@dataclass(frozen=True, slots=True)
class _Look:
    """How a type looks: its mark and word, colours, and the shape of a box without rows."""

    mark: str
    fill: str
    edge: str
    shape: str
    style: str = "filled"


_LOOKS = {
    "menu": _Look("≡", "#dbeafe", "#1d4ed8", "box", "filled,rounded"),
    "language": _Look("≡", "#dbeafe", "#1d4ed8", "box", "filled,rounded"),
    "collect": _Look("✎", "#e0e7ff", "#4338ca", "parallelogram"),
    "confirm": _Look("?", "#e0e7ff", "#4338ca", "box", "filled,rounded"),
    "survey": _Look("★", "#fae8ff", "#a21caf", "box", "filled,rounded"),
    "say": _Look("♪", "#f3f4f6", "#4b5563", "note"),
    "branch": _Look("◆", "#fef3c7", "#b45309", "diamond"),
    "set": _Look("=", "#fefce8", "#a16207", "box"),
    "lookup": _Look("=", "#fefce8", "#a16207", "cylinder"),
    "http": _Look("↔", "#fefce8", "#a16207", "component"),
    "queue": _Look("☎", "#d1fae5", "#047857", "cds"),
    "callback": _Look("↺", "#ccfbf1", "#0f766e", "cds"),
    "voicemail": _Look("●", "#ccfbf1", "#0f766e", "tab"),
    "transfer": _Look("➔", "#ffedd5", "#c2410c", "rarrow"),
    "call": _Look("▸", "#ede9fe", "#6d28d9", "box", "filled,diagonals"),
    "return": _Look("◂", "#ede9fe", "#6d28d9", "box", "filled,diagonals"),
    "hangup": _Look("■", "#fee2e2", "#b91c1c", "octagon"),
}


def as_dot(picture: Picture) -> str:
    """The text for `dot`; references link to the box they name."""
    most = max((box.calls or 0 for box in picture.boxes), default=0)
    lines = [
        "digraph menu {",
        '  rankdir=LR; nodesep=0.16; ranksep=0.55; bgcolor=white; pad=0.3; tooltip=" ";',
        '  fontname="Helvetica,Arial,sans-serif"; labelloc=t; labeljust=l;',
        f"  label=<{_title(picture)}>;",
        '  node [fontname="Helvetica,Arial,sans-serif", fontsize=11, margin="0.10,0.05"];',
        '  edge [fontname="Helvetica,Arial,sans-serif", fontsize=10, arrowsize=0.7];',
    ]
    groups: dict[str | None, list[Box]] = {}
    for box in picture.boxes:
        groups.setdefault(box.flow, []).append(box)
    group_of = {box.name: box.flow for box in picture.boxes}
    for flow, boxes in groups.items():
        own = [line for line in picture.lines if group_of[line.source] == flow]
        inside = [f"  {_box(box, most)}" for box in boxes]
        inside += [f"  {_reference(line, flow, group_of)}" for line in own if line.is_reference]
        inside += [
            f"  {_line(line, most)}"
            for line in own
            if line.is_reference or group_of[line.target] == flow
        ]
        lines += inside if flow is None else _cluster(flow, picture, inside)
    # A line drawn within a cluster would pull its target in.
    lines += [
        f"  {_line(line, most)}"
        for line in picture.lines
        if not line.is_reference and group_of[line.source] != group_of[line.target]
    ]
    lines.append("}")
    return "\n".join(lines) + "\n"


def _title(picture: Picture) -> str:
    below = "<BR ALIGN='LEFT'/>".join(escape(line) for line in textwrap.wrap(picture.subtitle, 110))
    return (
        f"<FONT POINT-SIZE='22'><B>{escape(picture.title)}</B></FONT><BR ALIGN='LEFT'/>"
        f"<FONT POINT-SIZE='12' COLOR='{_GREY}'>{below}</FONT><BR ALIGN='LEFT'/>"
    )


def _cluster(flow: str, picture: Picture, inside: list[str]) -> list[str]:
    given = ", ".join(picture.flows.get(flow, ()))
    return [
        f"  subgraph {_quoted(f'cluster_{flow}')} {{",
        f'    label={_quoted(f"flow {flow}({given})")}; fontsize=14; fontcolor="#6d28d9";',
        '    style="rounded,dashed"; color="#8b5cf6"; bgcolor="#faf5ff";',
        *(f"  {line}" for line in inside),
        "  }",
    ]


def _box(box: Box, most: int) -> str:
    look = _LOOKS[box.kind]
    pen = 3.0 if box.is_entry else 1.2
    if box.calls is not None:
        pen = _pen(box.calls, most)
    shared = f"id={_quoted(_id(box.name))}, tooltip={_quoted(box.name)}"
    if not box.is_reachable:
        shared += ', color="#9ca3af", fontcolor="#9ca3af"'
    if box.rows:
        return f"  {_quoted(box.name)} [shape=plain, {shared}, label=<{_table(box, look, pen)}>];"
    style = look.style if box.is_reachable else f"{look.style},dashed"
    room = ', margin="0.30,0.16"' if look.shape == "cds" else ""
    return (
        f"  {_quoted(box.name)} [shape={look.shape}{room}, style={_quoted(style)}, "
        f'fillcolor="{look.fill}", color="{look.edge}", penwidth={pen:.1f}, {shared}, '
        f"label=<{_label(box, look)}>];"
    )


def _head(box: Box, look: _Look) -> str:
    name = box.name.partition(".")[2] or box.name
    count = f"  <FONT COLOR='{_GREY}'>{box.calls} calls</FONT>" if box.calls is not None else ""
    kind = f"<FONT POINT-SIZE='9' COLOR='{look.edge}'>{look.mark} {box.kind}</FONT>"
    return f"{kind}  <B>{escape(name)}</B>{count}"


def _label(box: Box, look: _Look) -> str:
    lines = [_head(box, look)]
    lines += [escape(line) for line in textwrap.wrap(box.text, WIDTH)]
    lines += [f"<FONT POINT-SIZE='9' COLOR='{_GREY}'>{escape(note)}</FONT>" for note in box.notes]
    return "<BR ALIGN='LEFT'/>".join(lines) + "<BR ALIGN='LEFT'/>"


def _table(box: Box, look: _Look, pen: float) -> str:
    style = "ROUNDED" if "rounded" in look.style else "SOLID"
    cells = [f"<TR><TD ALIGN='LEFT' COLSPAN='2'>{_head(box, look)}</TD></TR>"]
    if box.text:
        said = "<BR ALIGN='LEFT'/>".join(escape(line) for line in textwrap.wrap(box.text, WIDTH))
        cells.append(
            f"<TR><TD ALIGN='LEFT' BALIGN='LEFT' COLSPAN='2'>"
            f"<FONT COLOR='#374151'><I>{said}</I></FONT></TD></TR>"
        )
    for index, row in enumerate(box.rows):
        lines = textwrap.wrap(row.text, WIDTH) or [""]
        text = "<BR ALIGN='LEFT'/>".join(escape(line) for line in lines)
        key = f"<B>{escape(row.key)}</B>" if row.key else ""
        cells.append(
            f"<TR><TD ALIGN='RIGHT' VALIGN='TOP'>{key}</TD>"
            f"<TD ALIGN='LEFT' BALIGN='LEFT' PORT='r{index}'>{text}</TD></TR>"
        )
    return (
        f"<TABLE BORDER='{max(1, round(pen))}' CELLBORDER='0' CELLSPACING='0' CELLPADDING='3' "
        f"STYLE='{style}' BGCOLOR='{look.fill}' COLOR='{look.edge}'>{''.join(cells)}</TABLE>"
    )


def _reference(line: Line, flow: str | None, group_of: Mapping[str, str | None]) -> str:
    """A small box with the name of the node where the way goes on, which it links to."""
    is_inside = flow is not None and group_of[line.target] == flow
    shown = line.target.partition(".")[2] if is_inside else line.target
    return (
        f'  {_reference_id(line)} [shape=box, style=rounded, margin="0.05,0.02", height=0.2, '
        f'fontsize=10, color="#d1d5db", fontcolor="{_GREY}", '
        f"URL={_quoted('#' + _id(line.target))}, label={_quoted(f'→ {shown}')}];"
    )


def _reference_id(line: Line) -> str:
    return _quoted(f"{line.source} → {line.target} {line.row} {line.label}")


def _line(line: Line, most: int) -> str:
    target = _reference_id(line) if line.is_reference else f"{_quoted(line.target)}:w"
    source = _quoted(line.source) + (f":r{line.row}:e" if line.row is not None else "")
    colour = "#9ca3af" if line.is_light or line.is_reference else _INK
    looks = [f'color="{colour}"', f'fontcolor="{colour}"']
    if line.label:
        looks.append(f"label={_quoted(f' {line.label} ')}")
    if line.is_light:
        looks.append("style=dashed")
    if line.calls is not None:
        looks.append(f"penwidth={_pen(line.calls, most):.1f}")
        looks.append(f'tooltip="{line.calls} calls"')
    return f"  {source} -> {target} [{', '.join(looks)}];"


def _pen(calls: int, most: int) -> float:
    return 0.6 + (PEN_MAX - 0.6) * calls / most if most else 1.0


def _id(name: str) -> str:
    return "node-" + name.replace(".", "-")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
