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

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, groupby
from math import prod
from operator import itemgetter
from typing import Any, NamedTuple

from convcalc import given
from convcalc.analysis.field.dependencies import (
    MOST_POSITIONS,
    Dependencies,
    Hulls,
    InputHulls,
    NetworkReadings,
    Positions,
    dependencies,
)
from convcalc.analysis.field.ranges import (
    Bounded,
    Constant,
    FieldRange,
    Listing,
    Periodic,
    PerUnit,
    bounded,
    composed,
    identity,
    joined,
    largest,
    uneven,
    union,
)
from convcalc.arithmetic import Ratio
from convcalc.gc_pause import gc_paused
from convcalc.graph import Network, Node
from convcalc.layers.reading import Reading
from convcalc.problems import ConvcalcError, Problem, Rule
from convcalc.shapes import Shape, cross_text

#: The field of a unit: for each input that it depends on, by the index of the input's node, a range
#: on each of the input's spatial axes.
InputRanges = tuple[tuple[int, tuple[FieldRange, ...]], ...]

#: Of how many inputs all layers together may have fields: in the worst case each layer of each.
MOST_RANGES = 200_000
#: How many runs of channels a network's layers may have and read, together; beyond it the channels
#: of a layer are no longer kept apart.
_MOST_RUNS = 1_000_000


class AxisField(NamedTuple):
    """The field of a layer's units on one axis of an input, in positions of the input.

    size     of a unit away from all edges, nothing cut off; where units differ, the largest
    stride   from one unit to the next; None where the fields do not move with the units' places
    offset   the first position of the first unit's field, negative where it lies on padding
    centre   of the first unit's field
    whole    every unit has the same positions; then they are cut to the input
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


class Misalignment(NamedTuple):
    """A join whose branches are misaligned: same input, other strides or centres.

    Branches of a sequence that are all causal are aligned by where their fields end. Branches with
    windows of attention are not compared: the units of a window have one field together.

    node      the join
    input     the input's name
    axis      the spatial axis of the input, from 0, of `rank`
    branches  of each branch with moving fields the unit that it comes from, the stride, and the
              centre of the first unit's field
    """

    node: Node
    input: str
    axis: int
    rank: int
    branches: tuple[tuple[str, Ratio, Ratio], ...]


class LayerField(NamedTuple):
    """The field of a layer's units on every input that they depend on, by its name.

    unknown  whether it is not known, because an operation before it, or its own, is unknown
    """

    axes: dict[str, tuple[AxisField, ...]]
    unknown: bool = False

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
        if self.unknown:
            return "?"
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

    misaligned  joins whose branches are misaligned
    """

    def __init__(
        self, network: Network, layers: dict[str, LayerField], misaligned: list[Misalignment]
    ) -> None:
        self.network = network
        self.misaligned = misaligned
        self._layers = layers
        self._ranks = {name: len(shape) - 1 for name, shape in network.inputs.items()}
        self._askew = {(found.node.path, found.input, found.axis) for found in misaligned}

    def __getitem__(self, path: str) -> LayerField:
        """The field of the operation with this path; ConvcalcError where there is none."""
        return self._layers[given.word("unknown-layer", "layer", path, self._layers)]

    def aligned(self, path: str, input: str) -> list[bool]:
        """For each axis of an input, whether a layer's branches are aligned."""
        given.word("unknown-layer", "layer", path, self._layers)
        given.word("unknown-input", "input", input, self._ranks)
        return [(path, input, axis) not in self._askew for axis in range(self._ranks[input])]

    def __repr__(self) -> str:
        return f"<Fields of {self.network.name}: {len(self._layers)} layers>"

    def to_dict(self) -> dict[str, Any]:
        """By path, the field of each operation on each input as plain data; None where unknown.

        It is what `convcalc field --format json` has under "field".
        """
        return {
            path: None
            if field.unknown
            else {
                name: {**axes_data(axes), "aligned": self.aligned(path, name)}
                for name, axes in field.axes.items()
            }
            for path, field in self._layers.items()
        }


def axes_data(axes: Sequence[AxisField]) -> dict[str, list[Any]]:
    """A field on each axis of an input as plain data."""
    return {
        "size": [axis.size for axis in axes],
        "stride": [axis.stride and axis.stride.data for axis in axes],
        "offset": [axis.offset for axis in axes],
        "centre": [axis.centre and axis.centre.data for axis in axes],
        "whole": [axis.whole for axis in axes],
        "uneven": [axis.uneven for axis in axes],
        "at_most": [axis.at_most for axis in axes],
    }


class ChannelFields:
    """The fields of a layer's channels, by number, in runs of neighbours that have the same.

    distinct  all fields of these channels
    """

    __slots__ = ("_channels", "_fields", "_stops", "distinct")

    def __init__(self, runs: Iterable[tuple[int, int]]) -> None:
        """Each run is the channel after its last one, and its field."""
        self._stops: list[int] = []
        self._fields: list[int] = []
        for stop, field in runs:
            if self._fields and self._fields[-1] == field:
                self._stops[-1] = stop
            else:
                self._stops.append(stop)
                self._fields.append(field)
        self.distinct = frozenset(self._fields)
        self._channels: dict[int, list[range]] = {}

    def __len__(self) -> int:
        """The number of runs."""
        return len(self._stops)

    def __getitem__(self, channel: int) -> int:
        """The field of a channel."""
        return self._fields[bisect_right(self._stops, channel)]

    def runs(self) -> Iterator[tuple[range, int]]:
        """The channels and the field of each run."""
        for start, stop, field in zip([0, *self._stops], self._stops, self._fields, strict=False):
            yield range(start, stop), field

    def replaced(self, fields: Mapping[int, int]) -> ChannelFields:
        """The same channels with other fields, by the number of their present one."""
        pairs = zip(self._stops, self._fields, strict=True)
        return ChannelFields([(stop, fields[field]) for stop, field in pairs])

    def having(self, field: int) -> Positions:
        """The channels that have a field; all if none has."""
        if len(self.distinct) == 1 or field not in self.distinct:
            return range(self._stops[-1])
        if not self._channels:
            for channels, one in self.runs():
                self._channels.setdefault(one, []).append(channels)
        found = self._channels[field]
        if len(found) == 1 or sum(map(len, found)) > MOST_POSITIONS:
            return range(found[0].start, found[-1].stop)
        return frozenset().union(*found)


@gc_paused()
def fields(network: Network, readings: NetworkReadings | None = None) -> Fields:
    """The receptive field of every layer's units.

    readings  how its layers read their inputs, where that is not as their kinds declare it

    >>> import convcalc
    >>> fields(convcalc.load("vgg16"))["stage4.pool0"].size_text()
    '212x212'
    """
    return Propagation(network, readings).run()


class _Line(NamedTuple):
    """How the centres of fields move on an axis of an input.

    key     the input, its axis, and the axis of the layer along which they move
    causal  whether each field of a single axis ends at its unit's place
    """

    key: tuple[int, int, int]
    stride: Ratio
    centre: Ratio
    causal: bool


class Propagation:
    """Computes fields from the inputs to the outputs, layer by layer.

    Fields are numbered, so that a thousand channels of a concatenation are a list of small numbers.

    fields    the ranges of each numbered field
    channels  the fields of each node's channels
    """

    def __init__(self, network: Network, readings: NetworkReadings | None = None) -> None:
        self.network = network
        self.nodes = network.nodes
        self.readings = readings or NetworkReadings(network)
        self.fields: list[InputRanges] = []
        self.numbers: dict[InputRanges, int] = {}
        self.channels: list[ChannelFields] = []
        self.misaligned: list[Misalignment] = []
        self.unions: dict[tuple[frozenset[int], Shape], int] = {}
        self.runs_left = _MOST_RUNS
        self.listing = Listing()
        self.ranges = 0
        self.lines: dict[int, list[_Line]] = {}
        self.hulls = Hulls(network, self.readings)
        self.extents: dict[tuple[int, int], InputHulls] = {}

    def run(self) -> Fields:
        layers: dict[str, LayerField] = {}
        summaries: dict[int, LayerField] = {}
        unknown = LayerField({}, unknown=True)
        for index, node in enumerate(self.nodes):
            if node.is_input:
                own = tuple([identity(axis) for axis in range(1, len(node.shape))])
                self.channels.append(self.one(self.numbered(((index, own),)), index))
                continue
            if self.readings.unknown(index):
                self.channels.append(self.nothing(index))
                layers[node.path] = unknown
                continue
            fields = self.read_by(index, node)
            self.channels.append(fields)
            field = self.merged(fields.distinct, index)
            self.ranges += len(self.fields[field])
            if self.ranges > MOST_RANGES:
                raise _too_many(node)
            if field not in summaries:
                summaries[field] = self.summary(self.fields[field])
            layers[node.path] = summaries[field]
        return Fields(self.network, layers, self.misaligned)

    def numbered(self, field: InputRanges) -> int:
        """The number of a field."""
        number = self.numbers.setdefault(field, len(self.fields))
        if number == len(self.fields):
            self.fields.append(field)
        return number

    # One layer.

    def read_by(self, index: int, node: Node) -> ChannelFields:
        """The fields of a layer's channels."""
        if not node.reads:
            return self.one(self.numbered(()), index)
        axis = self.readings.joined(index)
        if axis and len(node.reads) > 1:
            return self.in_turn(index, node, axis)
        read: list[ChannelFields] = []
        for number, source in enumerate(node.reads):
            if self.readings.ignores(index, number):
                read.append(self.nothing(source))
                continue
            readings = self.readings.of(index, number)
            if self.nodes[source].shape == node.shape and all([r.same for r in readings]):
                read.append(self.channels[source])
                continue
            if len(self.channels[source]) > 1 and not self.spend(len(self.channels[source])):
                self.channels[source] = self.indistinct(self.channels[source].distinct, source)
            fields = self.channels[source]
            if readings[0].along is None and not readings[0].irregular:
                # Units read all channels: from here on they have one field.
                fields = self.one(self.merged(fields.distinct, source), source)
            read.append(
                fields.replaced({f: self.through(f, index, number) for f in fields.distinct})
            )
        if len(read) > 1:
            self.compare(node, [self.merged(fields.distinct, index) for fields in read])
        return self.per_channel(index, node, read)

    def in_turn(self, index: int, node: Node, axis: int) -> ChannelFields:
        """The fields of a layer's channels, whose units are those of its inputs, in turn.

        axis  the spatial axis along which the inputs lie one after the other
        """
        units = node.shape[axis]
        read = [
            self.nothing(source) if self.readings.ignores(index, n) else self.channels[source]
            for n, source in enumerate(node.reads)
        ]
        own = [self.merged(r.distinct, s) for r, s in zip(read, node.reads, strict=True)]
        self.compare(node, own, axis)
        stops = sorted({channels.stop for fields in read for channels, _ in fields.runs()})
        if len(stops) > 1 and not self.spend(len(stops) * (len(read) + units)):
            read = [self.indistinct(r.distinct, s) for r, s in zip(read, node.reads, strict=True)]
            stops = [node.shape[0]]
        ends = list(accumulate([self.nodes[source].shape[axis] for source in node.reads]))
        places = [range(start, end) for start, end in zip([0, *ends], ends, strict=False)]
        known: dict[tuple[int, ...], int] = {}
        runs = []
        for stop in stops:
            here = tuple([fields[stop - 1] for fields in read])
            if here not in known:
                known[here] = self.joined_field(here, places, index, axis)
            runs.append((stop, known[here]))
        return ChannelFields(runs)

    def joined_field(
        self, fields: Sequence[int], places: Sequence[range], index: int, axis: int
    ) -> int:
        """The field of a layer's units on an axis, which at these places are those of one input."""
        parts: dict[int, list[tuple[tuple[FieldRange, ...], range]]] = {}
        for field, place in zip(fields, places, strict=True):
            for origin, ranges in self.fields[field]:
                parts.setdefault(origin, []).append((ranges, place))
        units = self.nodes[index].shape[axis]
        found = []
        for origin, those in sorted(parts.items()):
            sizes = self.nodes[origin].shape[1:]
            axes = []
            for number, n in enumerate(sizes):
                each = [(ranges[number], place) for ranges, place in those]
                most = partial(self.positions, index, origin, number)
                axes.append(joined(each, axis, units, n, most, self.listing))
            found.append((origin, tuple(axes)))
        return self.numbered(tuple(found))

    def through(self, field: int, index: int, number: int) -> int:
        """The field of a layer's units through those channels of an input that have `field`."""
        node = self.nodes[index]
        source = node.reads[number]
        readings = self.readings.of(index, number)
        all_read = all([reading.along is None and not reading.irregular for reading in readings])
        found: list[tuple[int, tuple[FieldRange, ...]]] = []
        for origin, ranges in self.fields[field]:
            sizes = self.nodes[origin].shape[1:]
            after: list[FieldRange] = []
            for axis, (one, size) in enumerate(zip(ranges, sizes, strict=True)):
                if isinstance(one, Constant):
                    after.append(one)
                elif isinstance(one, Bounded):
                    ends = self.extent(field, source)[origin][axis] if all_read else None
                    # Otherwise any number of units may be read: all of them is the bound.
                    most = Bounded(one.high - one.low + 1, one.low, one.high)
                    after.append(self.constant(*ends) if ends else most)
                else:
                    reading = readings[one.along]
                    if reading.along is not None:
                        n, units = self.nodes[source].shape[one.along], node.shape[reading.along]
                        after.append(composed(one, reading, n, units, size, self.listing))
                        continue
                    low, high = self.extent(field, source)[origin][axis]
                    irregular = Bounded(largest(one), low, high)
                    after.append(irregular if reading.irregular else self.constant(low, high))
            if all([largest(one) for one in after]):
                found.append((origin, tuple(after)))
        return self.numbered(tuple(found))

    def constant(self, low: int, high: int) -> FieldRange:
        """The range of units that depend on all that a layer does."""
        return Constant(low, high) if self.hulls.exact else Bounded(high - low + 1, low, high)

    def extent(self, field: int, source: int) -> InputHulls:
        """The hull, on each input, of the channels with this field."""
        known = self.extents.get((field, source))
        if known is not None:
            return known
        having = self.channels[source].having(field)
        sizes = self.nodes[source].shape[1:]
        found = self.hulls.of_units(source, (having, *map(range, sizes)))
        # An input of which only padding is read has no hull: its first position stands in.
        known = self.extents[field, source] = {
            origin: found.get(origin) or tuple([(0, 0) for _ in ranges])
            for origin, ranges in self.fields[field]
        }
        return known

    def per_channel(self, index: int, node: Node, read: Sequence[ChannelFields]) -> ChannelFields:
        """The fields of a layer's channels, from those of each input as the layer reads it."""
        readings = [self.readings.of(index, number)[0] for number in range(len(read))]
        every = frozenset().union(*[fields.distinct for fields in read])
        if len(every) == 1 or all([r.along is None and not r.irregular for r in readings]):
            return self.one(self.merged(every, index), index)
        if any([r.irregular or r.along not in (0, None) for r in readings]):
            # Channels become positions: their single fields are given up here.
            return self.indistinct(every, index)
        if all([reading.same for reading in readings]):
            if all([len(fields) == 1 for fields in read]):
                return self.one(self.merged(every, index), index)
            if len(read) == 1 and self.nodes[node.reads[0]].shape[0] == node.shape[0]:
                return read[0]
        # At each change, the channel from which on a field is seen once more or once less.
        changes: list[tuple[int, int, int]] = []
        for fields, reading in zip(read, readings, strict=True):
            if not self.spend(len(fields) if reading.ascending else node.shape[0]):
                return self.indistinct(every, index)
            for channels, field in _seen(fields, reading, node.shape[0]):
                changes += [(channels.start, 1, field), (channels.stop, -1, field)]
        changes.sort()
        seen: Counter[int] = Counter()
        runs: list[tuple[int, int]] = []
        for stop, many in groupby([*changes, (node.shape[0], 0, 0)], itemgetter(0)):
            if stop:
                if not self.spend(len(seen)):
                    return self.indistinct(every, index)
                runs.append((stop, self.merged(frozenset(seen), index)))
            for _, change, field in many:
                seen[field] += change
                if not seen[field]:
                    del seen[field]
        return ChannelFields(runs)

    def spend(self, runs: int) -> bool:
        """Whether so many more runs of channels may be kept apart."""
        self.runs_left -= runs
        return self.runs_left >= 0

    def nothing(self, index: int) -> ChannelFields:
        """The fields of a layer's channels, where nothing is seen through them."""
        return self.one(self.numbered(()), index)

    def one(self, field: int, index: int) -> ChannelFields:
        """One field for all channels of a layer."""
        return ChannelFields([(self.nodes[index].shape[0], field)])

    def indistinct(self, fields: frozenset[int], index: int) -> ChannelFields:
        """One field for all channels of a layer, which have these fields; an upper bound."""
        return self.one(self.bounded(self.merged(fields, index), self.nodes[index].shape), index)

    def merged(self, fields: frozenset[int], index: int) -> int:
        """The union of fields, for units of a layer."""
        if len(fields) == 1:
            (one,) = fields
            return one
        units = self.nodes[index].shape
        key = (fields, units)
        known = self.unions.get(key)
        if known is not None:
            return known
        together: dict[int, tuple[FieldRange, ...]] = {}
        for field in sorted(fields):
            for origin, ranges in self.fields[field]:
                mine = together.get(origin, ranges)
                together[origin] = tuple(
                    [
                        union(
                            mine[axis],
                            one,
                            units,
                            self.nodes[origin].shape[axis + 1],
                            partial(self.positions, index, origin, axis),
                            self.listing,
                        )
                        for axis, one in enumerate(ranges)
                    ]
                )
        found = self.unions[key] = self.numbered(tuple(sorted(together.items())))
        return found

    def positions(self, index: int, origin: int, axis: int) -> tuple[int, int]:
        """The first and the last position of an input that any unit of a layer depends on."""
        hulls = self.hulls.of(index)
        return hulls[origin][axis] if origin in hulls else (0, 0)

    def bounded(self, field: int, units: Shape) -> int:
        """A field with the size and the hull of this one, and no intervals of single units."""
        found = []
        for origin, ranges in self.fields[field]:
            axes = zip(ranges, self.nodes[origin].shape[1:], strict=True)
            found.append((origin, tuple([bounded(one, units, n) for one, n in axes])))
        return self.numbered(tuple(found))

    # Results.

    def compare(self, node: Node, fields: Sequence[int], apart: int = 0) -> None:
        """Adds the axes on which the branches of a join are misaligned.

        apart  the axis along which the branches lie one after the other, if any
        """
        # Branches that go along different axes of the layer, as rows and columns, need not agree.
        branches: dict[tuple[int, int, int], list[tuple[str, Ratio, Ratio]]] = {}
        uncausal: set[tuple[int, int, int]] = set()
        for source, field in zip(node.reads, fields, strict=True):
            for line in self.lines_of(field):
                if line.key[2] == apart:
                    continue
                found = (self.nodes[source].unit, line.stride, line.centre)
                branches.setdefault(line.key, []).append(found)
                if not line.causal:
                    uncausal.add(line.key)
        for key, lines in branches.items():
            origin, axis, _ = key
            strides = {stride for _, stride, _ in lines}
            centres = {centre for _, _, centre in lines}
            if len(strides) > 1 or (len(centres) > 1 and key in uncausal):
                seen = self.nodes[origin]
                rank = len(seen.shape) - 1
                self.misaligned.append(Misalignment(node, seen.path, axis, rank, tuple(lines)))

    def lines_of(self, field: int) -> list[_Line]:
        """The lines along which a field moves from one unit to the next, windows left out."""
        known = self.lines.get(field)
        if known is None:
            known = self.lines[field] = []
            for origin, ranges in self.fields[field]:
                for axis, one in enumerate(ranges):
                    if isinstance(one, Periodic) and not one.shared:
                        stride, centre = one.stride, one.centre
                        if stride is not None and centre is not None:
                            causal = len(ranges) == 1 and one.causal
                            known.append(_Line((origin, axis, one.along), stride, centre, causal))
        return known

    def summary(self, field: InputRanges) -> LayerField:
        """A field as it is reported."""
        return LayerField(
            {
                self.nodes[origin].path: tuple([_axis_field(one) for one in ranges])
                for origin, ranges in field
            }
        )


def _too_many(node: Node) -> ConvcalcError:
    message = "the layers up to this one have too many fields: one on each input that they read"
    rule = Rule(f"at most {MOST_RANGES:,} in all")
    problem = Problem("too-many-fields", message, node.span, (rule,), node.calls)
    return ConvcalcError([problem.about(layer=node.unit)])


def _axis_field(one: FieldRange) -> AxisField:
    size = largest(one)
    if isinstance(one, Constant):
        centre = Ratio.of(one.low + one.high, 2)
        return AxisField(size, None, one.low, centre, whole=True)
    if isinstance(one, Bounded):
        return AxisField(size, None, None, None, uneven=uneven(one), at_most=not one.exact)
    first = next((interval for interval in one.intervals if interval is not None), None)
    if first is None or one.along == 0:
        # Units of a flattened map: their order says nothing about where their fields lie.
        return AxisField(size, None, None, None, uneven=uneven(one))
    if isinstance(one, PerUnit):
        return AxisField(size, None, first[0], Ratio.of(sum(first), 2), uneven=True)
    return AxisField(size, one.stride, first[0], one.centre, uneven=uneven(one))


def _seen(fields: ChannelFields, reading: Reading, units: int) -> Iterator[tuple[range, int]]:
    """Runs of units on the channel axis, each with a field that they read there."""
    if reading.along is None:
        for field in fields.distinct:
            yield range(units), field
        return
    if reading.ascending:
        for channels, field in fields.runs():
            yield reading.readers(channels, units), field
        return
    for unit in range(units):
        for channel in reading.at(unit):
            yield range(unit, unit + 1), fields[channel]


def unit_field(
    network: Network,
    index: int,
    place: Sequence[int],
    readings: NetworkReadings | None = None,
) -> Dependencies:
    """What one unit of node `index`, in any of its channels, depends on; `place` is y, x.

    readings  as in `fields`
    """
    channels = network.nodes[index].shape[0]
    box = [range(channels), *[range(y, y + 1) for y in place]]
    return dependencies(network, index, box, readings or NetworkReadings(network))
