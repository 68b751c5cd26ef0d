"""A drawing: everything with its place on the page, ready to be written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from convcalc.gc_pause import gc_paused
from convcalc.render.drawing.picture import Cell, Frame, Picture
from convcalc.render.drawing.placing import Placer
from convcalc.render.drawing.ports import Label, Link, Placed, Point, Side
from convcalc.render.drawing.ushape import ushape
from convcalc.render.drawing.wide import wide

MARGIN, HEAD = 20.0, 46.0


class Box(NamedTuple):
    """The rectangle of a node or a group."""

    x: float
    y: float
    width: float
    height: float


class Edge(NamedTuple):
    """A line from a node to one that reads its value."""

    value: int
    source: Cell
    target: Cell
    points: list[Point]


class Drawing:
    """A picture on a page.

    cells, frames  nodes and open groups with their rectangles, outer groups first
    edges          the lines between nodes;  labels  the shapes beside them
    width, height  of the page
    """

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.cells: list[tuple[Cell, Box]] = []
        self.frames: list[tuple[Frame, Box]] = []
        self.edges: list[Edge] = []
        self.labels: list[Label] = []
        self.width = self.height = 0.0


@gc_paused()
def draw(picture: Picture, *, broken: bool = False) -> Drawing:
    """Lays a picture out on a page: in one column, or broken into several."""
    placer = Placer(picture)
    top = wide(picture, placer) if broken else ushape(picture, placer)
    if top is None:
        top = placer.place(picture.top, None)
    drawing = Drawing(picture)
    _move(top, MARGIN + top.left, HEAD + MARGIN)
    _collect(drawing, top)
    drawing.width = top.left + top.right + 2 * MARGIN
    drawing.height = top.height + HEAD + 2 * MARGIN
    return drawing


def _move(placed: Placed, x: float, y: float) -> None:
    """Moves an item to a place on the page, with all in it."""
    placed.x, placed.y = x, y
    for part in placed.parts:
        _move(part, x + part.x, y + part.y)


def _collect(drawing: Drawing, placed: Placed) -> None:
    """Adds what an item consists of."""
    item = placed.item
    box = Box(placed.x - placed.left, placed.y, placed.left + placed.right, placed.height)
    if isinstance(item, Cell):
        extra = 5 if item.times > 1 else 0
        drawing.cells.append((item, box._replace(width=box.width - extra)))
    elif isinstance(item, Frame):
        extra = 4 if item.times > 1 else 0
        drawing.frames.append((item, Box(box.x, box.y, box.width - extra, box.height - extra)))
    for label in placed.labels:
        drawing.labels.append(label._replace(x=label.x + placed.x, y=label.y + placed.y))
    for link in placed.links:
        if link.source is not None and link.target is not None:
            source, before = _begin(link.source, link.value, link.leaves)
            own = _points(placed, link)
            for target, after in _ends(link.target, link.value, link.enters):
                points = _straightened([*before, *own, *after])
                drawing.edges.append(Edge(link.value, source, target, points))
    for part in placed.parts:
        _collect(drawing, part)


def _points(placed: Placed, link: Link) -> list[Point]:
    return [(x + placed.x, y + placed.y) for x, y in link.points]


def _begin(placed: Placed, value: int, side: Side) -> tuple[Cell, list[Point]]:
    """The node within an item that gives a value, and the way from it to the item's port."""
    if isinstance(placed.item, Cell):
        return placed.item, []
    for link in placed.links:
        inner = link.source
        if inner and link.target is None and (link.value, link.enters) == (value, side):
            cell, points = _begin(inner, value, link.leaves)
            return cell, [*points, *_points(placed, link)]
    if side == "bottom":  # a column's last item ends where the column does
        return _begin(placed.parts[-1], value, side)
    raise LookupError(value)


def _ends(placed: Placed, value: int, side: Side) -> Iterator[tuple[Cell, list[Point]]]:
    """The nodes within an item that read a value from a port, and the ways to them."""
    if isinstance(placed.item, Cell):
        yield placed.item, []
        return
    for link in placed.links:
        inner = link.target
        if inner and link.source is None and (link.value, link.leaves) == (value, side):
            for cell, points in _ends(inner, value, link.enters):
                yield cell, [*_points(placed, link), *points]


def _straightened(points: list[Point]) -> list[Point]:
    """The same way without points that are no corners."""
    found: list[Point] = []
    for x, y in points:
        if found and abs(found[-1][0] - x) < 0.01 and abs(found[-1][1] - y) < 0.01:
            continue
        if len(found) > 1:
            (ax, ay), (bx, by) = found[-2:]
            upright = abs(ax - bx) < 0.01 and abs(bx - x) < 0.01
            level = abs(ay - by) < 0.01 and abs(by - y) < 0.01
            if upright or level:
                found[-1] = (x, y)
                continue
        found.append((x, y))
    return found
