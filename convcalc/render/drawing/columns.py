"""Places items below each other, long lines in lanes at their left."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from convcalc.render.drawing.picture import Cell, Column
from convcalc.render.drawing.ports import (
    BESIDE,
    FIRST_LANE,
    FORK,
    GAP,
    LABEL_GAP,
    LANE,
    TEXT_SIZE,
    Label,
    Link,
    Placed,
    Places,
    Point,
    Port,
    Side,
    bottom,
    cell_width,
    is_pill,
    takes,
)
from convcalc.render.drawing.text import width


class _Way(NamedTuple):
    """A value in the lanes of a column: where it comes from, and where it goes."""

    value: int
    source: Placed | None
    leaves: Side
    start: Point | None
    targets: list[Placed]
    out: bool


class ColumnPlacer:
    """Places items below each other, long lines in lanes at their left."""

    def __init__(self, placer: Places, column: Column, top: int | None) -> None:
        self.placer = placer
        self.column = column
        self.top = top
        self.placed = Placed(column)
        self._stack()
        self._lanes()

    def _spines(self) -> None:
        """Which value each item takes from above, and which items stand beside the spine.

        Pills that come between a value and its reader stand beside the line between these.
        """
        items = self.column.items
        self.spines: list[int | None] = []
        self.beside: set[int] = set()
        #: The item above each one on the spine; -1 for the top of the column.
        self.above: list[int] = []
        entering, last = self.top, -1
        for place, item in enumerate(items):
            if place in self.column.aside:
                self.beside.add(place)
                self.spines.append(None)
                self.above.append(last)
                continue
            before = place - 1
            if place and is_pill(items[before]):
                start = before
                while start > 0 and is_pill(items[start - 1]):
                    start -= 1
                value = bottom(items[start - 1]) if start else self.top
                if value is not None and takes(item, value):
                    self.beside.update(range(start, place))
                    entering, last = value, start - 1
            self.spines.append(entering if takes(item, entering) else None)
            self.above.append(last)
            entering, last = bottom(item), place

    def _stack(self) -> None:
        """Puts the items below each other."""
        placer, items, placed = self.placer, self.column.items, self.placed
        boxes = [one for one in items if isinstance(one, Cell) and one.form in {"box", "pill"}]
        wide = max([cell_width(cell) for cell in boxes], default=0)
        self._spines()
        needs = [
            set(placer.outer_reads(item)) - {spine}
            for item, spine in zip(items, self.spines, strict=True)
        ]
        read_later = {value for need in needs for value in need}
        outer = set(placer.outer_gives(self.column))
        y = 0.0
        if self.top is not None and self.top in read_later:
            y = FORK  # for the line that leaves the spine above the first item
        for place, item in enumerate(items):
            part = placer.place(item, self.spines[place], 0 if place in self.beside else wide)
            part.y = y
            placed.parts.append(part)
            if place in self.beside:
                part.x = -part.right - BESIDE
            placed.left = max(placed.left, part.left - part.x)
            placed.right = max(placed.right, part.x + part.right)
            y += part.height
            if place == len(items) - 1:
                break
            value = bottom(item)
            onward = value in self.spines[place + 1 :]
            text = ""
            if onward or value in read_later or value in outer:
                text = placer.label_below(item)
            if text:
                placed.labels.append(Label(7, y + 15, text))
                placed.right = max(placed.right, 7 + width(text, TEXT_SIZE))
            y += LABEL_GAP if text else GAP
        placed.height = y

    def _lanes(self) -> None:
        """Lays the lines that do not go to the next item."""
        placed, items = self.placed, self.column.items
        placer = self.placer
        last = len(items) - 1
        ways: dict[int, _Way] = {}
        if self.top is not None:
            ways[self.top] = _Way(self.top, None, "top", (0, 4), [], False)
        own = set(placer.outer_gives(self.column)) - {bottom(self.column)}
        for place, part in enumerate(placed.parts):
            item = items[place]
            spine = self.spines[place]
            if spine is not None:
                self._spine(place, spine)
            for port in part.ports:
                if port.entering:
                    ways.setdefault(port.value, _Way(port.value, None, "left", None, [], False))
                    ways[port.value].targets.append(part)
                else:
                    start = part.port(port.value, False)
                    out = port.value in own
                    ways[port.value] = _Way(port.value, part, "left", start, [], out)
            if place < last or place in self.column.aside:
                value = bottom(item)
                ways[value] = self._onward(place, value, value in own)
        drawn = [way for way in ways.values() if way.targets or way.out]
        self._draw(drawn)
        ending = [place for place in range(len(items)) if place not in self.column.aside][-1]
        if ending < last:
            # What was removed at the end stands beside the line that leads on.
            part = placed.parts[ending]
            end = [(0.0, part.y + part.height), (0.0, placed.height)]
            value = bottom(items[ending])
            placed.links.append(Link(value, part, "bottom", None, "bottom", end))

    def _spine(self, place: int, value: int) -> None:
        placed = self.placed
        part = placed.parts[place]
        if self.above[place] < 0:
            placed.links.append(Link(value, None, "top", part, "top", [(0, 0), (0, part.y)]))
            return
        before = placed.parts[self.above[place]]
        points = [(0.0, before.y + before.height), (0.0, part.y)]
        placed.links.append(Link(value, before, "bottom", part, "top", points))

    def _onward(self, place: int, value: int, out: bool) -> _Way:
        """The lane of an item's last value: from its side, or from the line below it."""
        part, item = self.placed.parts[place], self.column.items[place]
        onward = value in self.spines[place + 1 : place + 2] or place in self.beside
        if isinstance(item, Cell) and not part.ports and onward:
            start = (part.x - part.left, part.y + part.height / 2)
            return _Way(value, part, "left", start, [], out)
        return _Way(value, part, "bottom", (0, part.y + part.height + 9), [], out)

    def _draw(self, ways: Sequence[_Way]) -> None:
        placed = self.placed
        spans: list[tuple[float, float, _Way]] = []
        for way in ways:
            ys = [target.port(way.value, True)[1] for target in way.targets]
            if way.start is not None:
                ys.append(way.start[1])
            if len(ys) > 1:
                spans.append((min(ys), max(ys), way))
        lanes = self._lane_places(spans)
        edge = placed.left
        for x in lanes.values():
            edge = max(edge, -x)
        placed.left = edge
        for way in ways:
            self._draw_way(way, lanes.get(way.value))
        placed.ports.sort(key=lambda port: port.y)

    def _draw_way(self, way: _Way, lane: float | None) -> None:
        placed = self.placed
        value, start = way.value, way.start
        begin: list[Point] = []
        if start is not None:
            begin = [start]
            if way.leaves == "top":
                begin = [(0, 0), start]
            elif way.leaves == "bottom" and way.source is not None:
                begin = [(0, way.source.y + way.source.height), start]
        elif way.targets:
            y = way.targets[0].port(value, True)[1]
            placed.ports.append(Port(value, y, True))
            begin = [(-placed.left, y)]
        for target in way.targets:
            end = target.port(value, True)
            points = [*begin, end]
            if lane is not None:
                points = [*begin, (lane, begin[-1][1]), (lane, end[1]), end]
            placed.links.append(Link(value, way.source, way.leaves, target, "left", points))
        if way.out and start is not None:
            placed.ports.append(Port(value, start[1], False))
            points = [*begin, (-placed.left, start[1])]
            placed.links.append(Link(value, way.source, way.leaves, None, "left", points))

    def _lane_places(self, spans: list[tuple[float, float, _Way]]) -> dict[int, float]:
        """The x of each lane: short ones near the items, none over another one."""
        placed = self.placed
        tops = [part.y for part in placed.parts]
        places: dict[int, float] = {}
        taken: list[tuple[float, list[tuple[float, float]]]] = []
        for low, high, way in sorted(spans, key=lambda span: (span[1] - span[0], span[0])):
            first = max(bisect_left(tops, low) - 1, 0)
            beyond = bisect_left(tops, high + 1)
            beside = placed.parts[first:beyond] if beyond - first <= 64 else placed.parts
            near = max([part.left - part.x for part in beside]) + FIRST_LANE
            # The lanes of other lines that run beside this one, from the nearest on.
            blocked = sorted([x for x, used in taken if _overlaps(used, low, high)])
            x = near
            for other in blocked:
                if abs(other - x) < LANE:
                    x = other + LANE
            for other, used in taken:
                if other == x:
                    used.append((low, high))
                    break
            else:
                taken.append((x, [(low, high)]))
            places[way.value] = -x
        return places


def _overlaps(used: Sequence[tuple[float, float]], low: float, high: float) -> bool:
    return any([start < high + 10 and low < stop + 10 for start, stop in used])
