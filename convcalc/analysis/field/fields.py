"""Receptive fields: which positions of the input a unit of each layer depends on.

For a chain of windows this is the closed form of Araujo, Norris and Sim (Computing Receptive Fields
of Convolutional Neural Networks, Distill 2019, doi:10.23915/distill.00021): with kernel extents k,
strides s and padding p before the input, in order, and S_i the product of the strides before
window i,

    size   = 1 + sum of (k_i - 1)*S_i
    stride = product of all s
    first  = -(sum of p_i*S_i)          the first position of the first unit's field

Nothing here lists kinds: each declares how its units read their input (`Layer.reads`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import NamedTuple

from convcalc.analysis.field.reach import Found, Places, ReadingsOf, reach, within
from convcalc.analysis.field.traces import (
    Listed,
    Mixed,
    Ratio,
    Regular,
    Trace,
    Whole,
    beginning,
    blurred,
    carried,
    largest,
    uneven,
    union,
)
from convcalc.graph import Network, Node
from convcalc.shapes import Shape, cross_text

#: What a unit sees of each input that it depends on: a trace for each of the input's spatial axes,
#: by the index of the input's node.
Sight = tuple[tuple[int, tuple[Trace, ...]], ...]
#: What the channels of a layer see, all the same or each its own: sights by their numbers.
State = int | list[int]


class AxisField(NamedTuple):
    """The field of a layer's units on one axis of an input, in positions of the input.

    size     of a unit away from all edges, nothing cut off; where units differ, the largest
    stride   from one unit to the next; None where the fields do not move with the units' places
    offset   the first position of the first unit's field, negative where it lies on padding
    centre   of the first unit's field
    whole    every unit sees the same positions; then they are cut to the input
    uneven   units differ in size, and `size` is the largest
    at_most  `size` is an upper bound
    """

    size: int
    stride: Ratio | None
    offset: int | None
    centre: Ratio | None
    whole: bool = False
    uneven: bool = False
    at_most: bool = False


class Crooked(NamedTuple):
    """A join whose branches do not lie on each other.

    node      the join
    input     the input's name
    axis      the spatial axis of the input, from 0, of `rank`
    branches  what each branch that moves with the units comes from, its stride, and the centre of
              its first unit
    """

    node: Node
    input: str
    axis: int
    rank: int
    branches: tuple[tuple[str, Ratio, Ratio], ...]


class LayerField(NamedTuple):
    """The field of a layer's units on every input that they depend on, by its name."""

    axes: dict[str, tuple[AxisField, ...]]

    @property
    def area(self) -> int:
        """Positions of the largest field; 0 where no input is seen."""
        return max([prod([axis.size for axis in axes]) for axes in self.axes.values()], default=0)

    def size_text(self) -> str:
        """`427x427`; of several inputs the sizes one after the other."""
        return self._texts(lambda axes: cross_text([axis.size for axis in axes]))

    def stride_text(self) -> str:
        """`32x32`, and `-` on an axis along which fields do not move."""
        return self._texts(_strides)

    def offset_text(self) -> str:
        """`(-197, -197)`, or `-197` of one axis: where the first unit's field begins."""
        return self._texts(lambda axes: _places([axis.offset for axis in axes]))

    def centre_text(self) -> str:
        """`(16, 16)`: the centre of the first unit's field."""
        return self._texts(lambda axes: _places([axis.centre for axis in axes]))

    def _texts(self, text: Callable[[tuple[AxisField, ...]], str]) -> str:
        return " ".join([text(axes) if axes else "-" for axes in self.axes.values()]) or "-"


def _strides(axes: tuple[AxisField, ...]) -> str:
    moving = [axis.stride for axis in axes if axis.stride is not None]
    return "x".join([_text(axis.stride) for axis in axes]) if moving else "-"


def _places(values: Sequence[object]) -> str:
    if all([value is None for value in values]):
        return "-"
    texts = [_text(value) for value in values]
    return f"({', '.join(texts)})" if len(texts) > 1 else texts[0]


def _text(value: object) -> str:
    return "-" if value is None else str(value)


#: What a layer table can show of a field, by the name of the column.
COLUMNS: dict[str, Callable[[LayerField], str]] = {
    "field": LayerField.size_text,
    "stride": LayerField.stride_text,
    "offset": LayerField.offset_text,
    "centre": LayerField.centre_text,
}


class Fields:
    """The fields of all layers of a network.

    crooked  joins whose branches do not lie on each other
    """

    def __init__(
        self, network: Network, layers: dict[str, LayerField], crooked: list[Crooked]
    ) -> None:
        self.network = network
        self.crooked = crooked
        self._layers = layers
        self._ranks = {name: len(shape) - 1 for name, shape in network.inputs.items()}
        self._askew = {(found.node.path, found.input, found.axis) for found in crooked}

    def __getitem__(self, path: str) -> LayerField:
        """The field of the operation with this path."""
        return self._layers[path]

    def aligned(self, path: str, input: str) -> list[bool]:
        """For each axis of an input, whether a layer's branches lie on each other."""
        return [(path, input, axis) not in self._askew for axis in range(self._ranks[input])]


def fields(network: Network) -> Fields:
    """The receptive field of every layer's units.

    >>> import convcalc
    >>> fields(convcalc.load("vgg16"))["stage4.pool0"].size_text()
    '212x212'
    """
    return _Walk(network).run()


class _Walk:
    """From the inputs to the outputs, layer by layer.

    Sights are numbered, so that a thousand channels of a concatenation are a list of small numbers.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.nodes = network.nodes
        self.readings = ReadingsOf(network)
        self.sights: list[Sight] = []
        self.numbers: dict[Sight, int] = {}
        self.states: list[State] = []
        self.crooked: list[Crooked] = []
        self.unions: dict[tuple[frozenset[int], Shape], int] = {}
        self.hulls: dict[int, dict[int, tuple[tuple[int, int], ...]]] = {}
        self.ends_of: dict[tuple[int, int], dict[int, tuple[tuple[int, int], ...]]] = {}

    def run(self) -> Fields:
        layers: dict[str, LayerField] = {}
        summaries: dict[int, LayerField] = {}
        for index, node in enumerate(self.nodes):
            if not node.inputs:
                own = tuple([beginning(axis) for axis in range(1, len(node.shape))])
                self.states.append(self.numbered(((index, own),)))
                continue
            state = self.state(index, node)
            self.states.append(state)
            sight = self.merged(_distinct(state), index)
            if sight not in summaries:
                summaries[sight] = self.summary(self.sights[sight])
            layers[node.path] = summaries[sight]
        return Fields(self.network, layers, self.crooked)

    def numbered(self, sight: Sight) -> int:
        """The number of a sight."""
        number = self.numbers.setdefault(sight, len(self.sights))
        if number == len(self.sights):
            self.sights.append(sight)
        return number

    # One layer.

    def state(self, index: int, node: Node) -> State:
        """What the channels of a layer see."""
        moved: list[State] = []
        for number, source in enumerate(node.inputs):
            state = self.states[source]
            readings = self.readings.of(index, number)
            if self.nodes[source].shape == node.shape and all([r.same for r in readings]):
                moved.append(state)
                continue
            if readings[0].along is None and not readings[0].tangled:
                # Units read all channels: what is seen through them is one sight from here on.
                state = self.merged(_distinct(state), source)
            after = {sight: self.moved(sight, index, number) for sight in _distinct(state)}
            moved.append([after[one] for one in state] if isinstance(state, list) else after[state])
        if len(moved) > 1:
            self.compare(node, [self.merged(_distinct(state), index) for state in moved])
        return self.dealt(index, node, moved)

    def moved(self, sight: int, index: int, number: int) -> int:
        """What a layer's units see through those channels of an input that see `sight`."""
        node = self.nodes[index]
        source = node.inputs[number]
        readings = self.readings.of(index, number)
        all_read = all([reading.along is None and not reading.tangled for reading in readings])
        found: list[tuple[int, tuple[Trace, ...]]] = []
        for origin, traces in self.sights[sight]:
            sizes = self.nodes[origin].shape[1:]
            after: list[Trace] = []
            for axis, (trace, size) in enumerate(zip(traces, sizes, strict=True)):
                if isinstance(trace, Whole):
                    after.append(trace)
                elif isinstance(trace, Mixed):
                    ends = self.ends(sight, source)[origin][axis] if all_read else None
                    # Else several units may be read, or one of them; all of them is the most.
                    most = Mixed(trace.high - trace.low + 1, trace.low, trace.high)
                    after.append(Whole(*ends) if ends else most)
                else:
                    reading = readings[trace.along]
                    if reading.along is not None:
                        n, units = self.nodes[source].shape[trace.along], node.shape[reading.along]
                        after.append(carried(trace, reading, n, units, size))
                        continue
                    low, high = self.ends(sight, source)[origin][axis]
                    tangled = Mixed(largest(trace), low, high)
                    after.append(tangled if reading.tangled else Whole(low, high))
            found.append((origin, tuple(after)))
        return self.numbered(tuple(found))

    def ends(self, sight: int, source: int) -> dict[int, tuple[tuple[int, int], ...]]:
        """The first and the last position of each input that the channels with this sight see."""
        known = self.ends_of.get((sight, source))
        if known is not None:
            return known
        channels, *sizes = self.nodes[source].shape
        state = self.states[source]
        seeing: Places = range(channels)
        if isinstance(state, list) and sight in state:
            seeing = frozenset([channel for channel, one in enumerate(state) if one == sight])
        found = reach(self.network, source, [seeing, *map(range, sizes)], self.readings).inputs
        # Of an input of which only padding is seen, the first position stands for nothing.
        known = self.ends_of[sight, source] = {
            origin: found.get(origin) or tuple([(0, 0) for _ in traces])
            for origin, traces in self.sights[sight]
        }
        return known

    def dealt(self, index: int, node: Node, moved: Sequence[State]) -> State:
        """The channels of all inputs, as the layer's channels read them."""
        readings = [self.readings.of(index, number)[0] for number in range(len(moved))]
        every = set().union(*[_distinct(state) for state in moved])
        if len(every) == 1 or all([r.along is None and not r.tangled for r in readings]):
            return self.merged(every, index)
        if any([reading.along != 0 for reading in readings]):
            # Channels become positions: which of them sees what is not followed any further.
            return self.blurred(self.merged(every, index), node.shape)
        if all([reading.same for reading in readings]):
            if not any([isinstance(state, list) for state in moved]):
                return self.merged(every, index)
            if len(moved) == 1 and self.nodes[node.inputs[0]].shape[0] == node.shape[0]:
                return moved[0]
        channels: list[int] = []
        for channel in range(node.shape[0]):
            seen: set[int] = set()
            for source, state, reading in zip(node.inputs, moved, readings, strict=True):
                taken = within(reading.at(channel), self.nodes[source].shape[0])
                if isinstance(state, list):
                    seen.update(state[taken.start : taken.stop : taken.step])
                elif taken:
                    seen.add(state)
            channels.append(self.merged(seen, index))
        return channels if len(set(channels)) > 1 else channels[0]

    def merged(self, sights: set[int], index: int) -> int:
        """What is seen by units of a layer that see all of these."""
        if len(sights) == 1:
            (one,) = sights
            return one
        units = self.nodes[index].shape
        key = (frozenset(sights), units)
        known = self.unions.get(key)
        if known is not None:
            return known
        together: dict[int, tuple[Trace, ...]] = {}
        for sight in sorted(sights):
            for origin, traces in self.sights[sight]:
                mine = together.get(origin, traces)
                together[origin] = tuple(
                    [
                        union(
                            mine[axis],
                            trace,
                            units,
                            self.nodes[origin].shape[axis + 1],
                            partial(self.most, index, origin, axis),
                        )
                        for axis, trace in enumerate(traces)
                    ]
                )
        found = self.unions[key] = self.numbered(tuple(sorted(together.items())))
        return found

    def most(self, index: int, origin: int, axis: int) -> tuple[int, int]:
        """The first and the last position of an input that any unit of a layer sees."""
        if index not in self.hulls:
            box = [range(n) for n in self.nodes[index].shape]
            self.hulls[index] = reach(self.network, index, box, self.readings).inputs
        return self.hulls[index][origin][axis] if origin in self.hulls[index] else (0, 0)

    def blurred(self, sight: int, units: Shape) -> int:
        """A sight of which only the size and the hull are kept."""
        found = []
        for origin, traces in self.sights[sight]:
            axes = zip(traces, self.nodes[origin].shape[1:], strict=True)
            found.append((origin, tuple([blurred(trace, units, n) for trace, n in axes])))
        return self.numbered(tuple(found))

    # What is told of it.

    def compare(self, node: Node, sights: Sequence[int]) -> None:
        """Notes the axes on which branches do not lie on each other."""
        branches: dict[tuple[int, int], list[tuple[str, Ratio, Ratio]]] = {}
        for source, sight in zip(node.inputs, sights, strict=True):
            for origin, traces in self.sights[sight]:
                for axis, trace in enumerate(traces):
                    if not isinstance(trace, Regular):
                        continue
                    stride, centre = trace.stride, trace.centre
                    if stride is not None and centre is not None:
                        found = (self.nodes[source].unit, stride, centre)
                        branches.setdefault((origin, axis), []).append(found)
        for (origin, axis), lines in branches.items():
            if len({(stride, centre) for _, stride, centre in lines}) > 1:
                seen = self.nodes[origin]
                rank = len(seen.shape) - 1
                self.crooked.append(Crooked(node, seen.path, axis, rank, tuple(lines)))

    def summary(self, sight: Sight) -> LayerField:
        """A sight in the user's terms."""
        return LayerField(
            {
                self.nodes[origin].path: tuple([_axis_field(trace) for trace in traces])
                for origin, traces in sight
            }
        )


def _axis_field(trace: Trace) -> AxisField:
    size = largest(trace)
    if isinstance(trace, Whole):
        centre = Ratio.of(trace.low + trace.high, 2)
        return AxisField(size, None, trace.low, centre, whole=True)
    if isinstance(trace, Mixed):
        return AxisField(size, None, None, None, uneven=uneven(trace), at_most=not trace.exact)
    first = next((span for span in trace.spans if span is not None), None)
    if first is None or trace.along == 0:
        # Units of a flattened map lie side by side: no place of theirs says what they see.
        return AxisField(size, None, None, None, uneven=uneven(trace))
    if isinstance(trace, Listed):
        return AxisField(size, None, first[0], Ratio.of(sum(first), 2), uneven=True)
    return AxisField(size, trace.stride, first[0], trace.centre, uneven=uneven(trace))


def _distinct(state: State) -> set[int]:
    return set(state) if isinstance(state, list) else {state}


def unit_field(network: Network, index: int, place: Sequence[int]) -> Found:
    """What one unit of node `index`, in any of its channels, depends on; `place` is y, x."""
    channels = network.nodes[index].shape[0]
    box = [range(channels), *[range(y, y + 1) for y in place]]
    return reach(network, index, box, ReadingsOf(network))
