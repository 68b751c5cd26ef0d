"""What some units of a layer depend on, followed back to the input position by position.

Nothing is assumed about windows here but what the kinds declare (`Layer.reads`): padding is not
there, gaps between the taps of a dilated window stay gaps, channels of a concatenation keep the
fields of their branch.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from convcalc.graph import Network
from convcalc.layers.base import Layer
from convcalc.layers.reading import Reading, Readings

#: Positions of one axis: a range where nothing is missing in it.
Places = range | frozenset[int]
#: Positions on each axis, channels first; all combinations of them are meant.
Box = tuple[Places, ...]

#: Positions of an axis that are followed one by one; beyond them gaps are taken for read.
_MOST_PLACES = 1_000_000
#: Boxes of one layer that are kept apart; beyond them they are taken together.
_MOST_BOXES = 200


class Found(NamedTuple):
    """What units depend on.

    inputs   by the index of the input's node
    cut      whether a window on the way hung over an edge, so that some of its taps saw padding
    """

    inputs: dict[int, tuple[tuple[int, int], ...]]
    cut: bool


def reach(network: Network, index: int, box: Sequence[Places], readings: ReadingsOf) -> Found:
    """What the units of node `index` at these positions depend on."""
    nodes = network.nodes
    wanted: dict[int, dict[Box, Places]] = {index: {tuple(box[1:]): box[0]}}
    inputs: dict[int, tuple[tuple[int, int], ...]] = {}
    cut = False
    for current in range(index, -1, -1):
        boxes = wanted.pop(current, None)
        if boxes is None:
            continue
        node = nodes[current]
        if not node.inputs:
            inputs[current] = _hull(boxes)
            continue
        for number, source in enumerate(node.inputs):
            shape = nodes[source].shape
            declared = readings.of(current, number)
            found = wanted.setdefault(source, {})
            for spatial, channels in boxes.items():
                read, over = _read((channels, *spatial), declared, shape)
                cut = cut or over
                if read is not None:
                    _add(found, read)
            if not found:
                del wanted[source]
    return Found(inputs, cut)


class ReadingsOf:
    """The readings that a network's layers declare, each asked for once."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._known: dict[tuple[int, int], Readings] = {}

    def of(self, index: int, number: int) -> Readings:
        """How node `index` reads its input `number`."""
        found = self._known.get((index, number))
        if found is None:
            node = self._network.nodes[index]
            layer: Layer = node.layer
            found = layer.reads(self._network.input_shapes(node), number)
            self._known[index, number] = found
        return found


def _read(box: Box, readings: Readings, shape: Sequence[int]) -> tuple[Box | None, bool]:
    """What a box of units reads of an input, None if nothing; and whether windows hang over."""
    axes: list[Places] = []
    cut = False
    for axis, (reading, n) in enumerate(zip(readings, shape, strict=True)):
        if reading.along is None:
            axes.append(range(n))
            continue
        places, over = places_read(reading, box[reading.along], n)
        # Channels that a concatenation takes from another branch are no edge.
        cut = cut or (over and axis > 0)
        if not places:
            return None, cut
        axes.append(places)
    return tuple(axes), cut


def places_read(reading: Reading, units: Places, n: int) -> tuple[Places, bool]:
    """The positions of an axis of size n that units read, and whether taps fall off the axis."""
    if reading.same and isinstance(units, range) and units.stop <= n:
        return units, False
    if isinstance(units, range) and reading.period == 1:
        first, last = reading.at(units[0]), reading.at(units[-1])
        dense = first.step == 1 and (len(first) >= reading.advance or len(units) == 1)
        dense = dense or (reading.advance == 1 and len(units) >= first.step)
        if dense or len(units) * len(first) > _MOST_PLACES:
            span = range(first[0], last[-1] + 1)
            if span[0] >= 0 and span[-1] < n:
                return span, False
            if reading.outside is None:
                return within(span, n), True
    if len(units) * max(len(reading.at(0)), 1) > _MOST_PLACES and isinstance(units, range):
        # Too many to follow one by one: all between the first and the last one.
        ends = {*units[: reading.period], *units[-reading.period :]}
        taps = [tap for unit in ends for tap in (*reading.at(unit)[:1], *reading.at(unit)[-1:])]
        span = range(min(taps), max(taps) + 1) if taps else range(0)
        return within(span, n), bool(taps) and (span[0] < 0 or span[-1] >= n)
    found: set[int] = set()
    cut = False
    taken = range(0)
    for unit in units:
        before, taken = taken, reading.at(unit)
        if taken == before:
            continue  # units of a group read the same
        inside = within(taken, n)
        found.update(inside)
        if len(inside) < len(taken):
            cut = True
            if reading.outside is not None:
                found.update([reading.outside(i) for i in taken if not 0 <= i < n])
    return _tidy(found), cut


def within(taps: range, n: int) -> range:
    """The taps that lie on an axis of size n.

    >>> within(range(-1, 8, 3), 6)
    range(2, 6, 3)
    """
    start = taps.start
    if start < 0:
        start += -(start // taps.step) * taps.step
    return range(start, min(taps.stop, n), taps.step)


def _tidy(places: Collection[int]) -> Places:
    # A set, or a range that holds them all.
    if places and max(places) - min(places) + 1 == len(places):
        return range(min(places), max(places) + 1)
    return frozenset(places)


def _add(boxes: dict[Box, Places], box: Box) -> None:
    """One more box of a node: channels of equal positions are taken together."""
    spatial, channels = box[1:], box[0]
    known = boxes.get(spatial)
    boxes[spatial] = channels if known is None else _together(known, channels)
    if len(boxes) > _MOST_BOXES:
        merged = [_tidy(set().union(*axis)) for axis in zip(*boxes, strict=True)]
        everything = _tidy(set().union(*boxes.values()))
        boxes.clear()
        boxes[tuple(merged)] = everything


def _together(first: Places, second: Places) -> Places:
    if first == second:
        return first
    if isinstance(first, range) and isinstance(second, range):
        if first.start <= second.stop and second.start <= first.stop:
            return range(min(first.start, second.start), max(first.stop, second.stop))
    return _tidy({*first, *second})


def _hull(boxes: dict[Box, Places]) -> tuple[tuple[int, int], ...]:
    """The first and the last position on each axis, over all boxes."""
    return tuple(
        [
            (min([_first(axis) for axis in axes]), max([_last(axis) for axis in axes]))
            for axes in zip(*boxes, strict=True)
        ]
    )


def _first(places: Places) -> int:
    return places[0] if isinstance(places, range) else min(places)


def _last(places: Places) -> int:
    return places[-1] if isinstance(places, range) else max(places)
