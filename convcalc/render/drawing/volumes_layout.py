"""Gives the maps and vectors of a chain their places: side by side, as pictures in books have them.

Large maps are boxes in cabinet projection: the depth axis of the picture is the map's width, the
thickness is its channels. Few small maps face the reader, one behind the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log2, sqrt
from typing import NamedTuple

from convcalc.arithmetic import Window
from convcalc.render.drawing.ports import Point
from convcalc.render.drawing.text import width
from convcalc.render.drawing.volumes import Block, Solid, Volumes

#: How far a box goes to the right and up for each unit of its map's width.
_ACROSS, _UP = 0.34, 0.30
_VECTOR, _VECTOR_DEPTH = 9.0, 10.0
#: A vector of a picture whose maps face the reader: how wide it is, and how much it leans.
_LEANING, _LEAN = 12.0, 0.42
_MOST_COPIES, _OFFSET = 10, 4.5
_MARGIN, _TOUCH, _APART, _FACING_APART = 16.0, 2.0, 34.0, 40.0
_BETWEEN_LABELS = 16.0
SHAPE_SIZE, KIND_SIZE, _LINE = 13.0, 11.5, 15.0
#: How much wider than Helvetica the serif fonts are that may stand in for Times.
_SERIF = 1.14
_LEAST_WINDOW, _CLEAR = 8.0, 3.0
#: Where the cell lies that shows a window: parts of the rows and of the columns, the best first.
_CELLS = ((0.45, 0.62), (0.25, 0.7), (0.68, 0.55), (0.3, 0.3), (0.72, 0.25), (0.5, 0.5))


class Face(NamedTuple):
    """A side of a box, or a map: `part` says which one, for its shade."""

    part: str
    points: tuple[Point, ...]


class Body(NamedTuple):
    """A map or a vector in its place."""

    solid: Solid
    faces: tuple[Face, ...]


class Label(NamedTuple):
    """A text below a block, in the middle of `x`; `y` is its baseline."""

    x: float
    y: float
    text: str
    size: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The room that it takes: left, top, right, bottom."""
        half = label_width(self.text, self.size) / 2
        return self.x - half, self.y - 0.8 * self.size, self.x + half, self.y + 0.25 * self.size


class Layout(NamedTuple):
    """Everything of the picture in its place.

    windows  outlines of windows and of the cells that they make;  rays  from one to the other
    dots     where a window ends in a box;  joints  from maps to a vector, and between vectors
    """

    width: float
    height: float
    bodies: list[Body]
    windows: list[tuple[Point, ...]]
    rays: list[tuple[Point, Point]]
    dots: list[Point]
    joints: list[tuple[Point, Point]]
    labels: list[Label]


def label_width(text: str, size: float) -> float:
    """How wide a label is at most, in Times or a usual fallback of it."""
    return width(text, size) * _SERIF


def layout(made: Volumes) -> Layout:
    """The places of everything."""
    return _Placer(made).layout()


def _edge(size: int) -> float:
    return 19 * log2(size + 1)


def _facing_edge(size: int) -> float:
    return max(20 * sqrt(size), 6)


def _length(solid: Solid) -> float:
    """The height of a vector."""
    return max(15 * log2(solid.channels + 1), 6)


def _thickness(solid: Solid) -> float:
    return 2 + 2.9 * log2(solid.channels + 1)


class _Placer:
    def __init__(self, made: Volumes) -> None:
        self.made = made
        self.facing = made.facing
        height = max([self._size(solid)[1] for block in made.blocks for solid in block.solids])
        self.middle = _MARGIN + height / 2
        self.bottom = _MARGIN + height
        self.found = Layout(0, 0, [], [], [], [], [], [])

    def layout(self) -> Layout:
        """Places the blocks from left to right, each so far that its label fits."""
        apart = _FACING_APART if self.facing else _APART
        right, label_right = _MARGIN - apart, _MARGIN - _BETWEEN_LABELS
        lines = 1
        for block in self.made.blocks:
            sizes = [self._size(solid)[0] for solid in block.solids]
            steps = [self._step(solid) for solid in block.solids[:-1]]
            across = sum(steps) + sizes[-1]
            half = self._label_half(block)
            left = max(right + apart, label_right + _BETWEEN_LABELS + half - across / 2)
            self._labels(block, left + across / 2)
            x = left
            for solid, step in zip(block.solids, [*steps, 0], strict=True):
                self._body(solid, x)
                x += step
            right = left + across
            label_right = left + across / 2 + half
            lines = max(lines, len(block.lines))
        if self.facing:
            self._cells()
            self._joints()
        elif _mostly_single(self.made.blocks):
            self._pyramids()
        across = max(right, label_right) + _MARGIN
        down = self.bottom + 8 + SHAPE_SIZE + lines * _LINE + _MARGIN
        return self.found._replace(width=across, height=down)

    def _label_half(self, block: Block) -> float:
        kinds = [label_width(line, KIND_SIZE) for line in block.lines]
        return max([label_width(block.shape, SHAPE_SIZE), *kinds]) / 2

    def _labels(self, block: Block, x: float) -> None:
        y = self.bottom + 8 + SHAPE_SIZE
        self.found.labels.append(Label(x, y, block.shape, SHAPE_SIZE))
        for number, line in enumerate(block.lines, 1):
            self.found.labels.append(Label(x, y + number * _LINE + 1, line, KIND_SIZE))

    def _size(self, solid: Solid) -> tuple[float, float]:
        """How much room a body takes, from left to right and from top to bottom."""
        rows, columns = solid.sizes
        if self.facing:
            if solid.flat:
                return _LEANING + _LEAN * _length(solid), _length(solid)
            behind = (min(solid.channels, _MOST_COPIES) - 1) * _OFFSET
            return _facing_edge(columns) + behind, _facing_edge(rows) + behind
        thick, high, deep = self._box(solid)
        return thick + _ACROSS * deep, high + _UP * deep

    def _box(self, solid: Solid) -> tuple[float, float, float]:
        """The thickness, the height and the depth of a box."""
        if solid.flat:
            return _VECTOR, _length(solid), _VECTOR_DEPTH
        rows, columns = solid.sizes
        deep = _edge(columns) if len(solid.shape) > 2 else _VECTOR_DEPTH
        return _thickness(solid), _edge(rows), deep

    def _step(self, solid: Solid) -> float:
        """How far to the right of a box the next one of its block stands."""
        return _thickness(solid) + _TOUCH

    def _body(self, solid: Solid, x: float) -> None:
        if not self.facing:
            faces = self._box_faces(solid, x)
        elif solid.flat:
            faces = [self._leaning(solid, x)]
        else:
            faces = self._squares(solid, x)
        self.found.bodies.append(Body(solid, tuple(faces)))

    def _box_faces(self, solid: Solid, x: float) -> list[Face]:
        thick, high, deep = self._box(solid)
        dx, dy = _ACROSS * deep, _UP * deep
        top = self.middle - (high + dy) / 2 + dy
        end = x + thick
        faces = [
            Face("front", _rectangle(x, top, thick, high)),
            Face("top", ((x, top), (x + dx, top - dy), (end + dx, top - dy), (end, top))),
            Face(
                "side",
                ((end, top), (end + dx, top - dy), (end + dx, top - dy + high), (end, top + high)),
            ),
        ]
        if solid.active:
            band = min(3.0, thick / 3)
            faces.append(Face("band", _rectangle(end - band, top, band, high)))
        return faces

    def _squares(self, solid: Solid, x: float) -> list[Face]:
        copies = min(solid.channels, _MOST_COPIES)
        rows, columns = solid.sizes
        across, down = _facing_edge(columns), _facing_edge(rows)
        top = self.middle - self._size(solid)[1] / 2
        return [
            Face(
                "front" if place == copies - 1 else "behind",
                _rectangle(x + place * _OFFSET, top + place * _OFFSET, across, down),
            )
            for place in range(copies)
        ]

    def _leaning(self, solid: Solid, x: float) -> Face:
        long = _length(solid)
        top, lean = self.middle - long / 2, _LEAN * long
        return Face(
            "front",
            (
                (x, top),
                (x + _LEANING, top),
                (x + _LEANING + lean, top + long),
                (x + lean, top + long),
            ),
        )

    def _cells(self) -> None:
        """The window of each layer on the map before it, and the cell that it makes."""
        taken: tuple[Point, ...] = ()
        bodies = self.found.bodies
        for body, following in pairwise(bodies):
            if body.solid.flat or following.solid.flat:
                continue
            windows = _windows(body.solid, following.solid)
            if len(windows) != 2:
                taken = ()
                continue
            scatters = following.solid.unit.layers[0].scatters
            narrow, wide = (body, following) if scatters else (following, body)
            tried = []
            for parts in _CELLS:
                cell, window, inside = _cell_and_window(narrow, wide, windows, parts)
                on_this = cell if scatters else window
                tried.append((not inside, _meet(on_this, taken), cell, window))
            _, _, cell, window = min(tried, key=lambda one: one[:2])
            first, second = (cell, window) if scatters else (window, cell)
            self.found.windows.extend([first, second])
            self.found.rays.extend([(first[1], second[0]), (first[2], second[3])])
            taken = second

    def _joints(self) -> None:
        """Lines from the last map to a vector, and from one vector to the next."""
        bodies = self.found.bodies
        for body, following in pairwise(bodies):
            if following.solid.flat:
                corners, ends = body.faces[-1].points, following.faces[-1].points
                self.found.joints.extend([(corners[1], ends[0]), (corners[2], ends[3])])

    def _pyramids(self) -> None:
        """The window of a convolution on the box before it, which ends in the convolution's box."""
        place = 0
        bodies = self.found.bodies
        for block, following in pairwise(self.made.blocks):
            place += len(block.solids)
            before, body = bodies[place - 1], bodies[place]
            if len(block.solids) > 1 or following.solids[0].family != "conv":
                continue
            windows = _windows(before.solid, body.solid)
            if len(windows) != 2 or before.solid.flat or body.solid.unit.layers[0].scatters:
                continue
            a, b, _, d = before.faces[2].points
            rows, columns = [
                max(min(window.extent / max(window.n, 1), 1.0), _LEAST_WINDOW / long)
                for window, long in zip(windows, (d[1] - a[1], a[1] - b[1]), strict=True)
            ]
            low, left = 0.42 - min(rows, 0.7) / 2, 0.5 - min(columns, 0.9) / 2
            corners = []
            for v, h in ((0, 0), (0, 1), (1, 1), (1, 0)):
                across = left + h * min(columns, 0.9)
                down = low + v * min(rows, 0.7)
                corners.append(
                    (
                        a[0] + across * (b[0] - a[0]),
                        a[1] + across * (b[1] - a[1]) + down * (d[1] - a[1]),
                    )
                )
            front = body.faces[0].points
            end = (front[0][0], (front[0][1] + front[3][1]) / 2)
            self.found.windows.append(tuple(corners))
            self.found.rays.extend([(corner, end) for corner in corners])
            self.found.dots.append(end)


def _rectangle(x: float, y: float, across: float, down: float) -> tuple[Point, ...]:
    return ((x, y), (x + across, y), (x + across, y + down), (x, y + down))


def _windows(before: Solid, solid: Solid) -> tuple[Window, ...]:
    """The windows that slide over the last two axes of a map."""
    return solid.unit.layers[0].windows([before.shape])[-2:]


def _mostly_single(blocks: Sequence[Block]) -> bool:
    """Whether more convolutions stand alone than in blocks."""
    convolutions = [block for block in blocks if block.solids[0].family == "conv"]
    return 2 * len([block for block in convolutions if len(block.solids) == 1]) > len(convolutions)


def _cell_and_window(
    narrow: Body, wide: Body, windows: Sequence[Window], parts: tuple[float, float]
) -> tuple[tuple[Point, ...], tuple[Point, ...], bool]:
    """A cell of the narrow map, its window on the wide one, and whether that lies inside."""
    cell, window, inside = [], [], True
    for axis, (one, part) in enumerate(zip(windows, parts, strict=True)):
        count, size = narrow.solid.sizes[axis], wide.solid.sizes[axis]
        place = min(int(part * count), count - 1)
        start = place * one.stride - one.before
        inside = inside and start >= 0 and start + one.extent <= size
        cell.append((place, place + 1, count))
        window.append((max(start, 0), min(start + one.extent, size), size))
    return _on(narrow.faces[-1], cell), _on(wide.faces[-1], window), inside


def _on(face: Face, ranges: Sequence[tuple[int, int, int]]) -> tuple[Point, ...]:
    """A rectangle of positions on a map that faces the reader."""
    (left, top), _, (right, bottom), _ = face.points
    (first_row, last_row, rows), (first, last, columns) = ranges
    across, down = (right - left) / columns, (bottom - top) / rows
    return _rectangle(
        left + first * across,
        top + first_row * down,
        (last - first) * across,
        (last_row - first_row) * down,
    )


def _meet(one: Sequence[Point], other: Sequence[Point]) -> bool:
    """Whether two rectangles overlap, or are too near to each other to be told apart."""
    if not other:
        return False
    return (
        one[0][0] <= other[2][0] + _CLEAR
        and other[0][0] <= one[2][0] + _CLEAR
        and one[0][1] <= other[2][1] + _CLEAR
        and other[0][1] <= one[2][1] + _CLEAR
    )
