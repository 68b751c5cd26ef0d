"""Gives every node, group and line of a picture its place."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.render.drawing.columns import ColumnPlacer
from convcalc.render.drawing.fans import FanPlacer
from convcalc.render.drawing.picture import (
    Cell,
    Column,
    Fan,
    Frame,
    Heads,
    Item,
    Picture,
)
from convcalc.render.drawing.ports import (
    BAR_HEIGHT,
    BOTTOM,
    GROUP_SIZE,
    HEIGHT,
    PILL_HEIGHT,
    PORT,
    RADIUS,
    SIDE,
    TEXT_SIZE,
    TITLE_ROW,
    Link,
    Placed,
    Port,
    bottom,
    cell_width,
)
from convcalc.render.drawing.text import width


class Placer:
    """Places the items of a picture."""

    def __init__(self, made: Picture) -> None:
        self.picture = made
        #: Whether items will be turned upside down: groups then need room for a title below, too.
        self.upward = False
        self._reads: dict[Item | Column, list[int]] = {}
        self._gives: dict[Item | Column, list[int]] = {}

    # What values an item has in common with the rest.

    def _order(self, item: Item | Column) -> tuple[int, int]:
        return (item.order, item.order + 1) if isinstance(item, Cell) else item.order

    def _cells(self, item: Item | Column) -> Sequence[Cell]:
        start, stop = self._order(item)
        return self.picture.cells[start:stop]

    def outer_reads(self, item: Item | Column) -> list[int]:
        """The values that an item reads of others, the latest first."""
        if item in self._reads:
            return self._reads[item]
        start, stop = self._order(item)
        if isinstance(item, Cell):
            found = dict.fromkeys(item.reads)
        else:
            home = self.picture.home
            found = {
                value: None
                for cell in self._cells(item)
                for value in cell.reads
                if not start <= home[value].order < stop
            }
        self._reads[item] = sorted(found, reverse=True)
        return self._reads[item]

    def outer_gives(self, item: Item | Column) -> list[int]:
        """The values of an item that others read."""
        if item in self._gives:
            return self._gives[item]
        start, stop = self._order(item)
        first, last = self.picture.first, self.picture.last
        self._gives[item] = [
            value
            for cell in self._cells(item)
            for value in cell.gives
            if last[value] >= stop or first[value] < start
        ]
        return self._gives[item]

    def label_below(self, item: Item) -> str:
        """The shape below an item, where it differs from what enters it."""
        value = bottom(item)
        if isinstance(item, Cell) and item.form == "pill":
            return ""
        shape = self.picture.shape(value)
        entering = [self.picture.shape(one) for one in self.outer_reads(item)]
        if entering and all([one == shape for one in entering]):
            return ""
        return self.picture.shape_text(value)

    # Placing.

    def place(self, item: Item | Column, top: int | None, wide: float = 0) -> Placed:
        """Places an item that takes the value `top` from above; boxes get at least this width."""
        match item:
            case Cell():
                return self._cell(item, top, wide)
            case Frame():
                return self._frame(item, top)
            case Fan() | Heads():
                return FanPlacer(self, item, top).placed
            case Column():
                return ColumnPlacer(self, item, top).placed

    def _cell(self, cell: Cell, top: int | None, wide: float) -> Placed:
        placed = Placed(cell)
        across = max(cell_width(cell), wide)
        entering = [value for value in cell.reads if value != top]
        entering.sort(reverse=True)
        # The value that goes furthest leaves highest, so that it passes over the others.
        leaving = [value for value in cell.gives if value != bottom(cell)]
        leaving.sort(key=lambda value: -self.picture.last[value])
        count = len(entering) + len(leaving) + 1
        height = PILL_HEIGHT if cell.form == "pill" else HEIGHT
        if cell.form == "circle":
            across, height = 2 * RADIUS, 2 * RADIUS
        if cell.form == "bar":
            height = BAR_HEIGHT
        height = max(height, PORT * (count + 1))
        placed.left = placed.right = across / 2
        if cell.times > 1:
            placed.right += 5
        placed.height = height
        step = height / (count + 1)
        values = [(value, True) for value in entering] + [(value, False) for value in leaving]
        placed.ports = [
            Port(value, step * (place + 1), entering)
            for place, (value, entering) in enumerate(values)
        ]
        if len(values) == 1:
            value, entering_one = values[0]
            placed.ports = [Port(value, height / 2, entering_one)]
        return placed

    def _frame(self, frame: Frame, top: int | None) -> Placed:
        placed = Placed(frame)
        body = self.place(frame.body, top)
        body.y = TITLE_ROW
        placed.parts = [body]
        title = frame.title + (f" \u00d7{frame.times}" if frame.times > 1 else "")
        left = width(title, GROUP_SIZE, bold=True) + 12 + 8
        right = width(frame.share, TEXT_SIZE) + 12 + 8
        if top is None:
            # No line comes from above: the title may reach over the spine.
            left = min(left, body.left + SIDE)
            right = max(right, width(title, GROUP_SIZE, bold=True) + 40 + right - left)
        placed.left = max(body.left + SIDE, left)
        placed.right = max(body.right + SIDE, right)
        placed.height = TITLE_ROW + body.height + (TITLE_ROW if self.upward else BOTTOM)
        if frame.times > 1:
            placed.right += 4
            placed.height += 4
        placed.ports = [Port(one.value, one.y + TITLE_ROW, one.entering) for one in body.ports]
        if top is not None:
            placed.links.append(Link(top, None, "top", body, "top", [(0, 0), (0, TITLE_ROW)]))
        value = bottom(frame)
        ends = [(0.0, TITLE_ROW + body.height), (0.0, placed.height)]
        placed.links.append(Link(value, body, "bottom", None, "bottom", ends))
        for port in body.ports:
            inner, outer = body.port(port.value, port.entering), (-placed.left, port.y + TITLE_ROW)
            placed.links.append(
                Link(port.value, None, "left", body, "left", [outer, inner])
                if port.entering
                else Link(port.value, body, "left", None, "left", [inner, outer])
            )
        return placed
