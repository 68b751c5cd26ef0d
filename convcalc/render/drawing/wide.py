"""Breaks a tall picture into columns, as a newspaper has them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from convcalc.render.drawing.picture import Column, Item, Picture
from convcalc.render.drawing.placing import Placer
from convcalc.render.drawing.ports import (
    LABEL_GAP,
    TEXT_SIZE,
    Label,
    Link,
    Placed,
    bottom,
    takes,
)
from convcalc.render.drawing.text import width

#: Width by height that is aimed at, columns at most, and how full the last one is at least.
_ASPECT = 1.6
_MOST_COLUMNS = 12
_LEAST_LAST = 0.3
#: Between columns; from a column's end to the line below it, and from the line above one to it.
_GUTTER, _BELOW, _ABOVE = 44.0, 24.0, 22.0


def wide(picture: Picture, placer: Placer) -> Placed:
    """Places a picture in columns, broken where only one value runs on."""
    tall = placer.place(picture.top, None)
    breaks = _breaks(picture, placer)
    best, chosen = _distance(tall.left + tall.right, tall.height), [0]
    for count in range(2, _MOST_COLUMNS + 1):
        starts = _starts(tall, breaks, count)
        if len(starts) < count:
            break
        across, heights = _sizes(tall, starts)
        if heights[-1] < _LEAST_LAST * max(heights):
            continue
        distance = _distance(across, max(heights) + _ABOVE + _BELOW)
        if distance < best:
            best, chosen = distance, starts
    if len(chosen) == 1:
        return tall
    return _side_by_side(placer, _columns(picture, placer, chosen))


def _sizes(tall: Placed, starts: Sequence[int]) -> tuple[float, list[float]]:
    """About how wide columns that begin with these items are together, and how high each is."""
    across = -_GUTTER
    heights = []
    for start, stop in zip(starts, [*starts[1:], len(tall.parts)], strict=True):
        parts = tall.parts[start:stop]
        across += max([part.left for part in parts]) + max([part.right for part in parts])
        across += _GUTTER
        heights.append(parts[-1].y + parts[-1].height - parts[0].y)
    return across, heights


def _distance(across: float, down: float) -> float:
    """How far a page of a size is from the shape aimed at."""
    aspect = across / down
    return max(aspect, _ASPECT) / min(aspect, _ASPECT)


def _breaks(picture: Picture, placer: Placer) -> list[int]:
    """The items before which a column may begin: one value runs to them, from the item before."""
    items = picture.top.items
    orders = [item.order if isinstance(item.order, int) else item.order[0] for item in items]
    orders.append(len(picture.cells))
    # Until which item values of an earlier one are read, the value on the spine left aside.
    reach = 0
    found = []
    for place, item in enumerate(items[:-1]):
        following = items[place + 1]
        if reach <= place and takes(following, bottom(item)):
            others = [value for value in placer.outer_gives(item) if value != bottom(item)]
            if not any([picture.last[value] >= orders[place + 1] for value in others]):
                found.append(place + 1)
        for value in placer.outer_gives(item):
            last = picture.last[value]
            if value == bottom(item) and last < orders[place + 2]:
                continue
            while reach + 1 < len(items) and orders[reach + 1] <= last:
                reach += 1
    return found


def _starts(tall: Placed, breaks: Sequence[int], count: int) -> list[int]:
    """The first items of so many columns, the tallest of which is as short as can be."""
    tops = [part.y for part in tall.parts]

    def filled(limit: float) -> list[int] | None:
        starts = [0]
        candidate = 0
        for place in [*breaks, len(tall.parts)]:
            end = tall.height if place == len(tall.parts) else tops[place] - LABEL_GAP
            if end - tops[starts[-1]] > limit:
                if candidate == starts[-1]:
                    return None
                starts.append(candidate)
                if end - tops[candidate] > limit:
                    return None
            candidate = place
        return starts

    low, high = 0.0, tall.height
    while high - low > 1:
        middle = (low + high) / 2
        starts = filled(middle)
        if starts is not None and len(starts) <= count:
            high = middle
        else:
            low = middle
    return filled(high) or [0]


def _columns(picture: Picture, placer: Placer, starts: Sequence[int]) -> list[Placed]:
    items = picture.top.items
    columns = []
    for start, stop in zip(starts, [*starts[1:], len(items)], strict=True):
        column = Column(items[start:stop])
        first, last = column.items[0].order, column.items[-1].order
        column.order = (
            first if isinstance(first, int) else first[0],
            last + 1 if isinstance(last, int) else last[1],
        )
        columns.append(placer.place(column, bottom(items[start - 1]) if start else None))
    return columns


def _side_by_side(placer: Placer, columns: Sequence[Placed]) -> Placed:
    page = Placed(None)
    page.parts = list(columns)
    x = 0.0
    for column in columns:
        text = _end_text(placer, column) if column is not columns[-1] else ""
        if text:
            column.right = max(column.right, 7 + width(text, TEXT_SIZE))
        column.x = x + column.left
        column.y = _ABOVE
        x += column.left + column.right + _GUTTER
        page.height = max(page.height, column.y + column.height + _BELOW)
        if text:
            page.labels.append(Label(column.x + 7, column.y + column.height + 15, text))
    page.right = x - _GUTTER
    for before, after in itertools.pairwise(columns):
        end = before.y + before.height
        under = end + _BELOW
        gutter = after.x - after.left - _GUTTER / 2
        points = [
            (before.x, end), (before.x, under), (gutter, under),
            (gutter, 0.0), (after.x, 0.0), (after.x, after.y),
        ]  # fmt: skip
        value = bottom(_last(before))
        page.links.append(Link(value, before, "bottom", after, "top", points))
    return page


def _last(placed: Placed) -> Item:
    """The last item of a column."""
    column = placed.item
    if not isinstance(column, Column):
        raise TypeError(column)
    return column.items[-1]


def _end_text(placer: Placer, placed: Placed) -> str:
    return placer.label_below(_last(placed))
