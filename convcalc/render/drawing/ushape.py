"""Draws an encoder and its decoder as a U: down at the left, up at the right, skips across."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from convcalc.render.drawing.picture import Cell, Heads, Item, Picture
from convcalc.render.drawing.placing import Placer
from convcalc.render.drawing.ports import (
    GAP,
    LABEL_GAP,
    TEXT_SIZE,
    Label,
    Link,
    Placed,
    Point,
    Port,
    Side,
    bottom,
    cell_width,
    takes,
)
from convcalc.render.drawing.text import width

#: Between the two sides; from an item to the line that leaves below it; below the lowest one.
_BETWEEN, _FORK, _TURN = 60.0, 9.0, 24.0


class _Skip(NamedTuple):
    """A value that goes across: from an item at the left to one at the right."""

    value: int
    source: int
    target: int


def ushape(picture: Picture, placer: Placer) -> Placed | None:
    """Places a picture as a U; None where it is none."""
    items = picture.top.items
    parting = any([isinstance(item, Heads) for item in items])
    skips = None if picture.top.aside or parting else _skips(picture, placer)
    if skips is None:
        return None
    turn = _turn(picture, items, skips[-1])
    if turn is None:
        return None
    return _U(placer, items, skips, turn).placed


def _skips(picture: Picture, placer: Placer) -> list[_Skip] | None:
    """The skips, the outermost first, if all that does not go to the next item nests."""
    items = picture.top.items
    place_of = {value: n for n, item in enumerate(items) for value in placer.outer_gives(item)}
    skips: list[_Skip] = []
    for place, item in enumerate(items):
        before = bottom(items[place - 1]) if place else None
        if place and not takes(item, before):
            return None
        crossing = [value for value in placer.outer_reads(item) if value != before]
        if len(crossing) > 1:
            return None
        for value in crossing:
            source = place_of[value]
            if bottom(items[source]) != value:
                return None
            skips.append(_Skip(value, source, place))
    # The first to be read was the last to be made.
    nested = [(one.source, other.source) for one, other in pairwise(skips)]
    if len(skips) < 2 or any([first <= second for first, second in nested]):
        return None
    if any([skip.source >= skips[0].target for skip in skips]):
        return None
    return skips[::-1]


def _turn(picture: Picture, items: Sequence[Item], inner: _Skip) -> int | None:
    """The first item of the way up: the first within the innermost skip that enlarges the map."""
    for place in range(inner.source + 1, inner.target + 1):
        entering = picture.shape(bottom(items[place - 1]))[1:]
        leaving = picture.shape(bottom(items[place]))[1:]
        if len(entering) == len(leaving) > 0 and any(
            [after > before for before, after in zip(entering, leaving, strict=True)]
        ):
            return place
    return None


class _U:
    def __init__(
        self, placer: Placer, items: Sequence[Item], skips: Sequence[_Skip], turn: int
    ) -> None:
        self.placer = placer
        self.items = items
        self.skips = skips
        self.turn = turn
        self.placed = Placed(None)
        self.parts: list[Placed] = []
        self.texts = [placer.label_below(item) for item in items]
        for side in (range(turn), range(turn, len(items))):
            boxes = [one for one in items[side.start : side.stop] if isinstance(one, Cell)]
            wide = max([cell_width(one) for one in boxes if _is_box(one)], default=0)
            for place in side:
                top = bottom(items[place - 1]) if place else None
                placer.upward = place >= turn
                self.parts.append(placer.place(items[place], top, wide))
        placer.upward = False
        for part in self.parts[turn:]:
            _mirror(part)
        self._heights()
        self._lines()

    def _gap(self, place: int) -> float:
        """The room between an item and the next one."""
        forks = place < self.turn and any([skip.source == place for skip in self.skips])
        more = 12.0 if forks and not _is_box(self.items[place]) else 0.0
        return (LABEL_GAP if self.texts[place] else GAP) + more

    def _heights(self) -> None:
        """Stacks both sides from the turn up, each skip at one height."""
        parts, turn = self.parts, self.turn
        left, right = 0.0, _TURN
        below, above = turn - 1, turn  # the next items to be placed
        targets = [*reversed(self.skips), None]
        for skip in targets:
            last = skip.source if skip is not None else 0
            first = skip.target if skip is not None else len(parts) - 1
            while below > last:
                left = self._put(below, left)
                below -= 1
            while above < first:
                right = self._put(above, right)
                above += 1
            if skip is None:
                continue
            # How far the line is above the end of what is placed already.
            away = parts[skip.source].height - self._leaves(skip.source)[1]
            entering = parts[skip.target].port(skip.value, True)[1] - parts[skip.target].y
            up = parts[skip.target].height - entering
            level = max(left + away, right + up)
            left = self._put(below, level - away)
            right = self._put(above, level - up)
            below, above = below - 1, above + 1
        while below >= 0:
            left = self._put(below, left)
            below -= 1
        while above < len(parts):
            right = self._put(above, right)
            above += 1
        height = max([part.y for part in parts])
        for part in parts:
            part.y = height - part.y
        self.placed.height = height + _TURN

    def _put(self, place: int, low: float) -> float:
        """Puts an item so far above the turn; where the next one may begin."""
        part = self.parts[place]
        part.y = low + part.height  # of its top, from the turn up
        above = place - 1 if place < self.turn else place
        gap = self._gap(above) if above >= 0 else GAP
        return low + part.height + gap

    def _leaves(self, place: int) -> Point:
        """Where a skip leaves an item of the left side, from the item's spine and top."""
        part = self.parts[place]
        if _is_box(self.items[place]):
            return part.right, part.height / 2
        return 0.0, part.height + _FORK

    def _lines(self) -> None:
        placed, parts, turn = self.placed, self.parts, self.turn
        placed.parts = parts
        placed.left = max([part.left for part in parts[:turn]])
        near = max([part.right for part in parts[:turn]])
        for place in range(turn):
            near = max(near, 7 + width(self.texts[place], TEXT_SIZE))
        skips = [width(self.placer.picture.shape_text(s.value), TEXT_SIZE) for s in self.skips]
        axis = near + _BETWEEN + max(skips) + max([part.left for part in parts[turn:]])
        placed.right = axis
        for place, part in enumerate(parts):
            if place >= turn:
                part.x = axis
                text = 7 + width(self.texts[place], TEXT_SIZE)
                placed.right = max(placed.right, axis + part.right, axis + text)
        for place in range(1, len(parts)):
            self._line(place)
        for skip in self.skips:
            self._across(skip)

    def _line(self, place: int) -> None:
        """The line to an item from the one before it, with the shape beside it."""
        placed, before, part = self.placed, self.parts[place - 1], self.parts[place]
        value, text = bottom(self.items[place - 1]), self.texts[place - 1]
        if place < self.turn:
            start = before.y + before.height
            points = [(0.0, start), (0.0, part.y)]
            forks = self._gap(place - 1) > LABEL_GAP + 1
            at = start + (26 if forks else 15)
        elif place == self.turn:
            start, end = before.y + before.height, part.y + part.height
            points = [(0.0, start), (0.0, start + _TURN), (part.x, start + _TURN), (part.x, end)]
            at = start + 15
        else:
            start = before.y
            points = [(part.x, start), (part.x, part.y + part.height)]
            at = start - 8
        placed.links.append(Link(value, before, "bottom", part, "top", points))
        if text:
            placed.labels.append(Label(points[0][0] + 7, at, text))

    def _across(self, skip: _Skip) -> None:
        placed, source, target = self.placed, self.parts[skip.source], self.parts[skip.target]
        x, y = self._leaves(skip.source)
        end = target.port(skip.value, True)
        start = (x, source.y + y)
        points = [start, end]
        if not _is_box(self.items[skip.source]):
            points = [(0.0, source.y + source.height), start, end]
        side: Side = "left" if _is_box(self.items[skip.source]) else "bottom"
        placed.links.append(Link(skip.value, source, side, target, "left", points))
        text = self.placer.picture.shape_text(skip.value)
        across = width(text, TEXT_SIZE)
        left = max([part.right for part in self.parts[: self.turn]])
        right = target.x - target.left
        placed.labels.append(Label((left + right - across) / 2, end[1] - 4, text))


def _is_box(item: Item) -> bool:
    return isinstance(item, Cell) and item.form in {"box", "pill"}


def _mirror(placed: Placed) -> None:
    """Turns an item upside down: what comes from above comes from below."""
    height = placed.height
    placed.ports = [Port(p.value, height - p.y, p.entering) for p in reversed(placed.ports)]
    placed.links = [
        link._replace(points=[(x, height - y) for x, y in link.points]) for link in placed.links
    ]
    # A text of 10.5 reaches 8.5 above its baseline and 2 below it.
    placed.labels = [label._replace(y=height - label.y + 6.5) for label in placed.labels]
    for part in placed.parts:
        part.y = height - part.y - part.height
        _mirror(part)
