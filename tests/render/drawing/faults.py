"""What can be wrong with a drawing, found from its geometry alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from convcalc.render.drawing.drawing import Box, Drawing, Edge
from convcalc.render.drawing.ports import TEXT_SIZE, Label, Point
from convcalc.render.drawing.text import width

Segment = tuple[Point, Point]


def faults(drawing: Drawing) -> list[str]:
    """Everything that a drawing may not have; crossings aside, which `crossings` counts."""
    return [
        *_wrong_edges(drawing),
        *_overlaps(drawing),
        *_lines_through(drawing),
        *_labels(drawing),
        *_merged(drawing),
        *_outside(drawing),
    ]


def _wrong_edges(drawing: Drawing) -> Iterator[str]:
    """Each value that a visible node reads is one line from the node that gives it."""
    picture = drawing.picture
    wanted = Counter(
        {
            (value, picture.home[value].order, cell.order)
            for cell in picture.cells
            for value in cell.reads
        }
    )
    drawn = Counter([(edge.value, edge.source.order, edge.target.order) for edge in drawing.edges])
    for ends in (wanted - drawn) + (drawn - wanted):
        yield f"edge {ends} is drawn {drawn[ends]} times instead of {wanted[ends]}"
    boxes = {id(cell): box for cell, box in drawing.cells}
    for edge in drawing.edges:
        if not _touches(boxes[id(edge.source)], edge.points[0]):
            yield f"the line from {edge.source.title} begins elsewhere"
        if not _touches(boxes[id(edge.target)], edge.points[-1]):
            yield f"the line to {edge.target.title} ends elsewhere"
        for (ax, ay), (bx, by) in _segments(edge):
            if abs(ax - bx) > 0.01 and abs(ay - by) > 0.01:
                yield f"the line to {edge.target.title} is askew"


def _touches(box: Box, point: Point) -> bool:
    """Whether a point lies on the edge of a box, or in the outlines of copies behind it."""
    x, y = point
    if not (box.x - 0.1 <= x <= box.x + box.width + 5.1):
        return False
    if not (box.y - 0.1 <= y <= box.y + box.height + 5.1):
        return False
    inside = (
        box.x + 0.1 < x < box.x + box.width - 0.1 and box.y + 0.1 < y < box.y + box.height - 0.1
    )
    return not inside


def _overlap(one: Box, other: Box, least: float = 0.1) -> bool:
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return across > least and down > least


def _within(inner: Box, outer: Box) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


def _near(boxes: list[tuple[int, Box]]) -> Iterator[tuple[int, Box, int, Box]]:
    """The pairs of boxes that overlap from top to bottom."""
    ordered = sorted(boxes, key=lambda pair: pair[1].y)
    open_boxes: list[tuple[int, Box]] = []
    for number, box in ordered:
        open_boxes = [pair for pair in open_boxes if pair[1].y + pair[1].height > box.y]
        for other, second in open_boxes:
            yield number, box, other, second
        open_boxes.append((number, box))


def _overlaps(drawing: Drawing) -> Iterator[str]:
    nodes = [box for _, box in drawing.cells]
    for _, one, _, other in _near(list(enumerate(nodes))):
        if _overlap(one, other):
            yield f"two nodes overlap: {one} and {other}"
    frames = [box for _, box in drawing.frames]
    everything = list(enumerate([*nodes, *frames]))
    for first, one, second, other in _near(everything):
        frame = max(first, second) >= len(nodes)
        if frame and _overlap(one, other) and not _within(one, other) and not _within(other, one):
            yield f"a group overlaps without nesting: {one} and {other}"


def _segments(edge: Edge) -> Iterator[Segment]:
    yield from zip(edge.points, edge.points[1:], strict=False)


def _hits(segment: Segment, box: Box) -> bool:
    (ax, ay), (bx, by) = segment
    line = Box(min(ax, bx), min(ay, by), abs(ax - bx), abs(ay - by))
    across = min(line.x + line.width, box.x + box.width) - max(line.x, box.x)
    down = min(line.y + line.height, box.y + box.height) - max(line.y, box.y)
    if line.width < 0.01:
        return box.x + 0.2 < ax < box.x + box.width - 0.2 and down > 0.2
    return box.y + 0.2 < ay < box.y + box.height - 0.2 and across > 0.2


def _lines_through(drawing: Drawing) -> Iterator[str]:
    boxes = sorted([box for _, box in drawing.cells], key=lambda box: box.y)
    for edge in drawing.edges:
        for segment in _segments(edge):
            low, high = sorted([segment[0][1], segment[1][1]])
            for box in boxes:
                if box.y > high:
                    break
                if box.y + box.height >= low and _hits(segment, box):
                    yield f"the line to {edge.target.title} runs through a node at {box}"


def label_box(label: Label) -> Box:
    """The room that a label takes."""
    across = width(label.text, TEXT_SIZE)
    return Box(label.x - across if label.end else label.x, label.y - 8.5, across, 10.5)


def _labels(drawing: Drawing) -> Iterator[str]:
    boxes = [label_box(label) for label in drawing.labels]
    nodes = [box for _, box in drawing.cells]
    for first, one, second, other in _near(list(enumerate([*boxes, *nodes]))):
        if min(first, second) < len(boxes) and _overlap(one, other):
            yield f"a label lies on another text or node: {one} and {other}"
    titles = [
        Box(box.x + 12, box.y + 8, width(frame.title, 11, bold=True), 11)
        for frame, box in drawing.frames
    ]
    lines = sorted(
        [segment for edge in drawing.edges for segment in _segments(edge)],
        key=lambda segment: min(segment[0][1], segment[1][1]),
    )
    for box in [*boxes, *titles]:
        for segment in lines:
            if min(segment[0][1], segment[1][1]) > box.y + box.height:
                break
            if _hits(segment, box):
                yield f"a line runs through the label at {box}"


def _merged(drawing: Drawing) -> Iterator[str]:
    """Lines of different values that lie on each other."""
    upright: dict[float, list[tuple[float, float, int]]] = {}
    level: dict[float, list[tuple[float, float, int]]] = {}
    for edge in drawing.edges:
        for (ax, ay), (bx, by) in _segments(edge):
            if abs(ax - bx) < 0.01:
                upright.setdefault(round(ax, 1), []).append((min(ay, by), max(ay, by), edge.value))
            else:
                level.setdefault(round(ay, 1), []).append((min(ax, bx), max(ax, bx), edge.value))
    for lines in (*upright.values(), *level.values()):
        lines.sort()
        for place, (_, end, value) in enumerate(lines):
            for begin, _, other in lines[place + 1 :]:
                if begin >= end - 0.5:
                    break
                if other != value:
                    yield f"lines of the values {value} and {other} lie on each other"


def _outside(drawing: Drawing) -> Iterator[str]:
    page = Box(0, 0, drawing.width, drawing.height)
    points = [point for edge in drawing.edges for point in edge.points]
    boxes = [box for _, box in (*drawing.cells, *drawing.frames)]
    boxes += [Box(x, y, 0, 0) for x, y in points]
    boxes += [label_box(label) for label in drawing.labels]
    for box in boxes:
        if not _within(box, page):
            yield f"{box} is not on the page"


def crossings(drawing: Drawing) -> int:
    """How often lines of different values cross each other."""
    upright: set[tuple[float, float, float, int]] = set()
    level: set[tuple[float, float, float, int]] = set()
    for edge in drawing.edges:
        for (ax, ay), (bx, by) in _segments(edge):
            if abs(ax - bx) < 0.01:
                upright.add((ax, min(ay, by), max(ay, by), edge.value))
            else:
                level.add((ay, min(ax, bx), max(ax, bx), edge.value))
    found: set[tuple[float, float, int, int]] = set()
    ordered = sorted(level)
    for x, low, high, value in upright:
        for y, left, right, other in ordered:
            if y >= high - 0.01:
                break
            if value != other and y > low + 0.01 and left + 0.01 < x < right - 0.01:
                found.add((round(x, 1), round(y, 1), value, other))
    return len(found)
