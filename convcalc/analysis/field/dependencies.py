"""The input positions that some units of a layer depend on, computed from the layer backwards.

The only source is what kinds declare (`Layer.reads`). Padding is left out, gaps between the taps of
a dilated window stay gaps, and channels of a concatenation keep the fields of their branch.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from convcalc.graph import Network
from convcalc.layers.base import Layer
from convcalc.layers.reading import Reading, Readings

#: Positions on one axis: a range if they are contiguous.
Positions = range | frozenset[int]
#: Positions on each axis, channels first: all their combinations.
Box = tuple[Positions, ...]

#: The most positions of an axis that are computed one by one; beyond it gaps count as read.
MOST_POSITIONS = 1_000_000
#: The most boxes of some of a layer's units that are followed to find hulls; beyond it all units of
#: a layer count as read.
_MOST_READS = 500_000
#: The most boxes of one layer that are kept apart; beyond it they are merged.
_MOST_BOXES = 200


#: The first and the last position on each axis, by the index of the input's node.
InputHulls = dict[int, tuple[tuple[int, int], ...]]


class Dependencies(NamedTuple):
    """The positions that units depend on.

    inputs   the first and the last position on each axis of each input
    cut      whether a window in between overlaps an edge, so that some of its taps read padding
    """

    inputs: InputHulls
    cut: bool


class NetworkReadings:
    """The readings that a network's layers declare, each computed once.

    declared  by node, those that were computed, here or before
    """

    def __init__(self, network: Network, declared: dict[int, list[Readings]] | None = None) -> None:
        self._network = network
        self.declared = {} if declared is None else declared
        self._reached: dict[int, tuple[list[int], list[int]] | None] = {}
        #: Nodes of which it is not known what they depend on.
        self._unknown: set[int] = set()
        if any([node.layer.unknown for node in network.nodes]):
            for index, node in enumerate(network.nodes):
                reads = node.layer.unknown and node.reads
                if reads or not self._unknown.isdisjoint(node.reads):
                    self._unknown.add(index)

    def unknown(self, index: int) -> bool:
        """Whether it is not known what a node depends on: what it reads, or one before it."""
        return index in self._unknown

    def joined(self, index: int) -> int:
        """The spatial axis along which the inputs of a node lie one after the other; 0 if none."""
        readings = self.of(index, 0)
        return next((axis for axis, reading in enumerate(readings) if axis and reading.part), 0)

    def of(self, index: int, number: int) -> Readings:
        """How node `index` reads its input `number`."""
        found = self.declared.get(index)
        if found is None:
            node = self._network.nodes[index]
            layer: Layer = node.layer
            found = self.declared[index] = layer.all_reads(self._network.input_shapes(node))
        return found[number]

    def ignores(self, index: int, number: int) -> bool:
        """Whether what node `index` reads of its input `number` is left out."""
        return False

    def split(self, index: int, channels: Positions) -> Iterable[tuple[int, Positions]]:
        """The inputs that some channels of a node read, and those of the channels that do.

        Of a concatenation it takes no longer for its other branches.
        """
        reached = self._reach(index)
        if reached is None:
            return [(number, channels) for number in range(len(self._network.nodes[index].reads))]
        starts, stops = reached
        if isinstance(channels, range):
            first, stop = channels.start, channels.stop
            return [
                (number, range(max(first, starts[number]), min(stop, stops[number])))
                for number in range(bisect_right(stops, first), bisect_left(starts, stop))
            ]
        parts: dict[int, list[int]] = {}
        for channel in channels:
            for number in range(bisect_right(stops, channel), bisect_right(starts, channel)):
                parts.setdefault(number, []).append(channel)
        return [(number, _compact(part)) for number, part in parts.items()]

    def _reach(self, index: int) -> tuple[list[int], list[int]] | None:
        """By input, the first channel of a node that reads it, and the one after the last.

        None where the inputs are not read in their order by channels in a row.
        """
        if index not in self._reached:
            nodes = self._network.nodes
            node = nodes[index]
            ranges = []
            for number, source in enumerate(node.reads if len(node.reads) > 1 else ()):
                reading = self.of(index, number)[0]
                if reading.along == 0 and reading.ascending:
                    ranges.append(reading.readers(range(nodes[source].shape[0]), node.shape[0]))
            starts, stops = [one.start for one in ranges], [one.stop for one in ranges]
            in_order = all(ranges) and starts == sorted(starts) and stops == sorted(stops)
            found = (starts, stops) if in_order and len(ranges) == len(node.reads) else None
            self._reached[index] = found
        return self._reached[index]


class Hulls:
    """What all units of a node depend on, for every node of a network.

    exact  whether no read was left out, so that no hull is larger than it must be
    """

    def __init__(self, network: Network, readings: NetworkReadings) -> None:
        self.exact = True
        self._network = network
        self._readings = readings
        self._found: list[InputHulls] = []
        self._reads = 0

    def of(self, index: int) -> InputHulls:
        """The hull of a node."""
        nodes = self._network.nodes
        for number in range(len(self._found), index + 1):
            box = tuple([range(n) for n in nodes[number].shape])
            self._found.append(self.of_units(number, box))
        return self._found[index]

    def of_units(self, index: int, box: Box) -> InputHulls:
        """The hull of some units of a node."""
        if index:
            self.of(index - 1)
        return dependencies(self._network, index, box, self._readings, self).inputs

    def known(self, index: int, boxes: Mapping[Box, Positions]) -> InputHulls | None:
        """The hull of a node if some of the boxes have all its units, or if no more may be read."""
        if index >= len(self._found):
            return None
        _, *sizes = shape = self._network.nodes[index].shape
        if boxes.get(tuple(map(range, sizes))) == range(shape[0]):
            return self._found[index]
        self._reads += len(boxes)
        if self._reads > _MOST_READS:
            self.exact = False
            return self._found[index]
        return None


def dependencies(
    network: Network,
    index: int,
    box: Sequence[Positions],
    readings: NetworkReadings,
    hulls: Hulls | None = None,
) -> Dependencies:
    """The positions that the units of node `index` at these positions depend on.

    hulls  those of the nodes before it, from which the search need not go on; then `cut` is not
           known
    """
    nodes = network.nodes
    wanted: dict[int, dict[Box, Positions]] = {index: {tuple(box[1:]): box[0]}}
    latest = [-index]
    inputs: InputHulls = {}
    cut = False
    while latest:
        current = -heappop(latest)
        boxes = wanted.pop(current)
        node = nodes[current]
        known = hulls and hulls.known(current, boxes)
        if known is not None or node.is_input:
            for origin, hull in (known or {current: _hull(boxes)}).items():
                inputs[origin] = _joined(inputs.get(origin, hull), hull)
            continue
        for spatial, channels in boxes.items():
            for number, some in readings.split(current, channels):
                if readings.ignores(current, number):
                    continue
                source = node.reads[number]
                read, over = _read(
                    (some, *spatial), readings.of(current, number), nodes[source].shape
                )
                cut = cut or over
                if read is None:
                    continue
                if source not in wanted:
                    wanted[source] = {}
                    heappush(latest, -source)
                _add(wanted[source], read)
    return Dependencies(inputs, cut)


def _read(box: Box, readings: Readings, shape: Sequence[int]) -> tuple[Box | None, bool]:
    """The box that units read of an input, None if empty; and whether windows overlap an edge."""
    axes: list[Positions] = []
    cut = False
    for axis, (reading, n) in enumerate(zip(readings, shape, strict=True)):
        if reading.along is None:
            axes.append(range(n))
            continue
        positions, over = positions_read(reading, box[reading.along], n)
        # Nothing is cut off where a unit reads another branch, or other channels.
        cut = cut or (over and axis > 0 and not reading.part)
        if not positions:
            return None, cut
        axes.append(positions)
    return tuple(axes), cut


def positions_read(reading: Reading, units: Positions, n: int) -> tuple[Positions, bool]:
    """The positions of an axis of size n that units read, and whether taps fall off the axis."""
    if reading.same and isinstance(units, range) and units.stop <= n:
        return units, False
    if isinstance(units, range) and reading.period == 1:
        first, last = reading.at(units[0]), reading.at(units[-1])
        dense = first.step == 1 and (len(first) >= reading.advance or len(units) == 1)
        dense = dense or (reading.advance == 1 and len(units) >= first.step)
        if dense or len(units) * len(first) > MOST_POSITIONS:
            span = range(first[0], last[-1] + 1)
            if span[0] >= 0 and span[-1] < n:
                return span, False
            if reading.outside is None:
                return within(span, n), True
    if len(units) * max(len(reading.at(0)), 1) > MOST_POSITIONS:
        # Too many to compute one by one: take all between the first and the last.
        span = reading.span(range(_first(units), _last(units) + 1))
        return within(span, n), bool(span) and (span[0] < 0 or span[-1] >= n)
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
    return _compact(found), cut


def within(taps: range, n: int) -> range:
    """The taps that lie on an axis of size n.

    >>> within(range(-1, 8, 3), 6)
    range(2, 6, 3)
    """
    start = taps.start
    if start < 0:
        start += -(start // taps.step) * taps.step
    return range(start, min(taps.stop, n), taps.step)


def _compact(positions: Collection[int]) -> Positions:
    """A range if the positions are contiguous, a set otherwise."""
    if positions and max(positions) - min(positions) + 1 == len(positions):
        return range(min(positions), max(positions) + 1)
    return frozenset(positions)


def _add(boxes: dict[Box, Positions], box: Box) -> None:
    """Adds a box; channels at equal positions are merged."""
    spatial, channels = box[1:], box[0]
    known = boxes.get(spatial)
    boxes[spatial] = channels if known is None else _union(known, channels)
    if len(boxes) > _MOST_BOXES:
        merged = [_compact(set().union(*axis)) for axis in zip(*boxes, strict=True)]
        everything = _compact(set().union(*boxes.values()))
        boxes.clear()
        boxes[tuple(merged)] = everything


def _union(first: Positions, second: Positions) -> Positions:
    if first == second:
        return first
    if isinstance(first, range) and isinstance(second, range):
        if first.start <= second.stop and second.start <= first.stop:
            return range(min(first.start, second.start), max(first.stop, second.stop))
    return _compact({*first, *second})


def _joined(
    first: tuple[tuple[int, int], ...], second: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    """The first and the last position on each axis, over both."""
    if first == second:
        return first
    axes = zip(first, second, strict=True)
    return tuple([(min(one[0], other[0]), max(one[1], other[1])) for one, other in axes])


def _hull(boxes: dict[Box, Positions]) -> tuple[tuple[int, int], ...]:
    """The first and the last position on each axis, over all boxes."""
    return tuple(
        [
            (min([_first(axis) for axis in axes]), max([_last(axis) for axis in axes]))
            for axes in zip(*boxes, strict=True)
        ]
    )


def _first(positions: Positions) -> int:
    return positions[0] if isinstance(positions, range) else min(positions)


def _last(positions: Positions) -> int:
    return positions[-1] if isinstance(positions, range) else max(positions)
