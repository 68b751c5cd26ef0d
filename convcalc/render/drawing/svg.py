"""Writes a drawing as SVG, which needs no script, no font and no other file."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from convcalc.render.drawing.colours import style
from convcalc.render.drawing.drawing import HEAD, MARGIN, Box, Drawing, Edge
from convcalc.render.drawing.picture import Cell, Frame, heading, subtitle, tooltip
from convcalc.render.drawing.ports import RADIUS, TEXT_SIZE, Point
from convcalc.render.drawing.text import width

_CORNER = 6.0
_ARROW, _ARROW_WIDTH = 6.0, 5.5
_HEAD_SIZE = 16
#: The classes of outlines in a difference.
_MARKS = {"": "", "added": " A", "removed": " R", "changed": " V"}


def escape(text: str) -> str:
    """Escapes a text for XML.

    >>> escape('<0.1% & "more"')
    '&lt;0.1% &amp; &quot;more&quot;'
    """
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(character, entity)
    # Characters that XML 1.0 does not have, even escaped.
    return "".join(
        [c if c in "\n\t" or (c >= " " and c not in "\ufffe\uffff") else "?" for c in text]
    )


def number(value: float) -> str:
    """A coordinate with at most one decimal.

    >>> number(2.0), number(-0.04), number(3.25)
    ('2', '0', '3.2')
    """
    text = f"{value:.1f}"
    text = text.removesuffix(".0")
    return "0" if text == "-0" else text


def svg_text(drawing: Drawing, *, dark: bool = False, headed: bool = True) -> str:
    """The drawing as an SVG file; dark, or else as the reader's screen is.

    headed  whether the network's name and totals stand above it
    """
    made = drawing.picture
    name = heading(made)
    about = subtitle(made)
    title_end = MARGIN + width(name, _HEAD_SIZE, bold=True) + 8
    head = title_end + width(about, TEXT_SIZE) + MARGIN if headed else 0
    across = max(drawing.width, head)
    down = drawing.height
    skip = 0.0 if headed else HEAD
    size = (number(across), number(down - skip))
    shift = (across - drawing.width) / 2
    frame = f'viewBox="0 {number(skip)} {size[0]} {size[1]}" width="{size[0]}" height="{size[1]}"'
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame} role="img">',
        f"<title>{escape(name)}</title>",
        f"<desc>{escape(about)}</desc>",
        f"<style>{style(dark, marked=made.change is not None)}</style>",
        f'<rect class="p" width="{number(across)}" height="{number(down)}"/>',
        *([_text(MARGIN, 30, name, "h"), _text(title_end, 30, about)] if headed else []),
        f'<g transform="translate({number(shift)} 0)">' if shift >= 1 else "<g>",
    ]
    out += [_frame(group, box) for group, box in drawing.frames]
    out += _edges(drawing.edges)
    scale = _bar_scale(drawing.cells)
    for cell, box in drawing.cells:
        out += _cell(drawing, cell, box, scale)
    out += [
        _text(label.x, label.y, label.text, "e" if label.end else "") for label in drawing.labels
    ]
    return "\n".join([*out, "</g>", "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, classes: str = "") -> str:
    named = f' class="{classes}"' if classes else ""
    return f'<text x="{number(x)}" y="{number(y)}"{named}>{escape(text)}</text>'


def _rect(box: Box, radius: float, classes: str) -> str:
    return (
        f'<rect x="{number(box.x)}" y="{number(box.y)}" width="{number(box.width)}"'
        f' height="{number(box.height)}" rx="{number(radius)}" class="{classes}"/>'
    )


def _frame(frame: Frame, box: Box) -> str:
    title = frame.title + (f" \u00d7{frame.times}" if frame.times > 1 else "")
    parts = []
    if frame.times > 1:
        parts.append(_rect(box._replace(x=box.x + 4, y=box.y + 4), 10, f"g{_MARKS[frame.mark]}"))
    parts += [_rect(box, 10, f"g{_MARKS[frame.mark]}"), _text(box.x + 12, box.y + 17, title, "n")]
    if frame.share:
        parts.append(_text(box.x + box.width - 12, box.y + 17, frame.share, "f e"))
    return "".join(parts)


def _bar_scale(cells: Sequence[tuple[Cell, Box]]) -> float:
    """The length of a bar for each unit of cost: none is longer than its node, one is as long."""
    rooms = [
        (box.width - 20) / cell.value
        for cell, box in cells
        if cell.value and cell.share != "?" and cell.form == "box"
    ]
    return min(rooms, default=0.0)


def _cell(drawing: Drawing, cell: Cell, box: Box, scale: float) -> list[str]:
    x, y, across, down = box
    shape = {"circle": RADIUS, "pill": down / 2}.get(cell.form, 6)
    out = [f"<g><title>{escape(tooltip(drawing.picture, cell))}</title>"]
    if cell.times > 1:
        behind = f"r k0{_MARKS[cell.mark]}"
        out += [_rect(box._replace(x=x + more, y=y + more), 6, behind) for more in (5, 2.5)]
    unknown = " u" if cell.share == "?" and cell.form == "box" else ""
    outline = f"r k{cell.tint}{_MARKS[cell.mark]}{unknown}"
    plain = f"r k0{_MARKS[cell.mark]}"
    out.append(_rect(box, shape, plain if cell.form in {"circle", "pill", "bar"} else outline))
    match cell.form:
        case "circle":
            out.append(_sign(cell.sign, x + across / 2, y + down / 2))
        case "bar":
            out.append(_text(x + across / 2, y + down / 2 + 3.5, cell.title, "f m"))
        case "pill":
            out.append(_text(x + across / 2, y + 15, cell.title, "t m"))
            out.append(_text(x + across / 2, y + 27, cell.second, "f m"))
        case "box":
            out += _box_texts(cell, box)
            length = cell.value * scale
            if length >= 0.05 and cell.share != "?":
                bottom = number(y + down - 4)
                ends = f'x1="{number(x + 10)}" x2="{number(x + 10 + max(length - 1.5, 0.5))}"'
                out.append(f'<line {ends} y1="{bottom}" y2="{bottom}" class="c"/>')
    out.append("</g>")
    return ["".join(out)]


def _box_texts(cell: Cell, box: Box) -> list[str]:
    x, y, right = box.x, box.y, box.x + box.width - 10
    out = [_text(x + 10, y + 16, cell.title, "t")]
    if cell.times > 1:
        copies = f"\u00d7{cell.times}"
        out.append(_text(right, y + 16, copies, "b w e"))
        right -= width(copies, TEXT_SIZE, bold=True) + 6
    if cell.share:
        out.append(_text(right, y + 16, cell.share, "f e"))
    if cell.second:
        out.append(_text(x + 10, y + 30, cell.second, "f" if cell.tint > 2 else ""))
    return out


def _sign(sign: str, x: float, y: float) -> str:
    """The sign of a join, as strokes: fonts place it differently."""
    arm = 4.5
    signs: dict[str, list[tuple[float, float, float, float]]] = {
        "+": [(-arm, 0, arm, 0), (0, -arm, 0, arm)],
        "\u00d7": [(-3.4, -3.4, 3.4, 3.4), (-3.4, 3.4, 3.4, -3.4)],
        "\u2212": [(-arm, 0, arm, 0)],
        "\u00f7": [(-arm, 0, arm, 0), (-0.6, -4, 0.6, -4), (-0.6, 4, 0.6, 4)],
    }
    path = "".join(
        [
            f"M{number(x + a)} {number(y + b)}L{number(x + c)} {number(y + d)}"
            for a, b, c, d in signs[sign]
        ]
    )
    return f'<path d="{path}" class="s"/>'


def _edges(edges: Sequence[Edge]) -> list[str]:
    """The lines: what several of one value have in common is drawn once."""
    drawn: dict[int, list[list[Point]]] = {}
    out = []
    for edge in edges:
        before = drawn.setdefault(edge.value, [])
        points = edge.points
        if before:
            points = max([_remainder(edge.points, one) for one in before[-20:]], key=_saved)
        before.append(edge.points)
        out.append(_line(points, _MARKS["removed"] if edge.source.mark == "removed" else ""))
    return out


def _saved(points: Sequence[Point]) -> float:
    """How little of a line is left to draw, so that the largest is the least."""
    pairs = itertools.pairwise(points)
    return -sum([abs(a - c) + abs(b - d) for (a, b), (c, d) in pairs])


def _remainder(points: list[Point], other: list[Point]) -> list[Point]:
    """A line from where it parts with another one that begins at the same place."""
    if points[0] != other[0]:
        return points
    place = 0
    while place + 1 < min(len(points), len(other)) and points[place + 1] == other[place + 1]:
        place += 1
    if place + 1 >= min(len(points), len(other)):
        return points
    ahead = _step(points[place], points[place + 1])
    if ahead != _step(other[place], other[place + 1]):
        parting, rest = points[place], points[place + 1 :]
        before = points[place - 1] if place else None
    else:
        nearer = min(points[place + 1], other[place + 1], key=lambda p: _distance(points[place], p))
        parting, before = nearer, points[place]
        rest = points[place + 2 :] if nearer == points[place + 1] else points[place + 1 :]
    if before is None or not rest:
        return [parting, *rest]
    # Begin a little before the corner, where the other line begins to turn, or this one does.
    dx, dy = _step(before, parting)
    back = min(_CORNER, _distance(before, parting))
    start = (parting[0] - dx * back, parting[1] - dy * back)
    return [start, *rest] if (dx, dy) == _step(parting, rest[0]) else [start, parting, *rest]


def _step(one: Point, other: Point) -> Point:
    """The direction from one point to another."""
    dx, dy = other[0] - one[0], other[1] - one[1]
    return ((dx > 0) - (dx < 0), (dy > 0) - (dy < 0))


def _distance(one: Point, other: Point) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _line(points: Sequence[Point], mark: str) -> str:
    """A line with round corners and an arrow head, of removed layers if so marked."""
    *_, before, end = points
    dx, dy = _step(before, end)
    tip = (end[0] - dx * (_ARROW - 1), end[1] - dy * (_ARROW - 1))
    path = [f"M{number(points[0][0])} {number(points[0][1])}"]
    for previous, corner, following in zip(points, points[1:], points[2:], strict=False):
        radius = min(_CORNER, _distance(previous, corner) / 2, _distance(corner, following) / 2)
        if previous == points[0]:
            radius = min(_CORNER, _distance(previous, corner), _distance(corner, following) / 2)
        ax, ay = _step(corner, previous)
        bx, by = _step(corner, following)
        x, y = corner
        path.append(
            f"L{number(x + ax * radius)} {number(y + ay * radius)}"
            f"Q{number(x)} {number(y)} {number(x + bx * radius)} {number(y + by * radius)}"
        )
    path.append(f"L{number(tip[0])} {number(tip[1])}")
    x, y = end[0] - dx * _ARROW, end[1] - dy * _ARROW
    side = _ARROW_WIDTH / 2
    head = (
        f"M{number(end[0])} {number(end[1])}"
        f"L{number(x - dy * side)} {number(y + dx * side)}"
        f"L{number(x + dy * side)} {number(y - dx * side)}Z"
    )
    return f'<path d="{"".join(path)}" class="l{mark}"/><path d="{head}" class="a{mark}"/>'
