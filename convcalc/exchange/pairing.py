"""Which nodes of two networks correspond: those that compute the same from the same.

A node is described by what it is (kind, sizes, parameters, counts, which positions it reads) and by
the descriptions of what enters it, and after that of what reads it. Names do not matter, nor the
order in which independent branches are written.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from convcalc.graph import Network, Node
from convcalc.layers.base import Layer
from convcalc.layers.reading import Reading

#: The most parts of concatenations that are named one by one.
_MOST_PARTS = 1_000_000
#: Kinds whose inputs may be given in any order.
_COMMUTATIVE = frozenset(("add", "mul"))
#: Kinds into whose weights a batch normalisation can be folded.
_TAKE_A_NORM = frozenset(("conv", "depthwise", "conv_transpose", "dense"))


class Pairing(NamedTuple):
    """The nodes of two networks that correspond.

    pairs   their indices, in the order of the first network
    first   the operations of the first network without a counterpart, in order
    second  those of the second one
    """

    pairs: tuple[tuple[int, int], ...]
    first: tuple[int, ...]
    second: tuple[int, ...]

    @property
    def whole(self) -> bool:
        """Whether every operation of both has a counterpart."""
        return not self.first and not self.second


class _Numbers:
    """A number for each description, the same one for equal descriptions."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def __call__(self, *description: Hashable) -> int:
        return self._numbers.setdefault(description, len(self._numbers))


def foldable(network: Network) -> dict[int, int]:
    """The batch normalisations that exporters fold into a layer's weights, and those layers.

    They learn factors and shifts, and nothing else reads the layer before them.
    """
    nodes = network.nodes
    shared = {node.shares for node in nodes if node.shares is not None}
    results = set(network.outputs.values())
    readers = [0] * len(nodes)
    for node in nodes:
        for source in node.inputs:
            readers[source] += 1
    found = {}
    for index, node in enumerate(nodes):
        if node.kind != "batchnorm" or not node.layer.argument("affine") or node.shares is not None:
            continue
        (source,) = node.inputs
        before = nodes[source]
        alone = readers[source] == 1 and source not in results and before.shares is None
        if before.kind in _TAKE_A_NORM and alone and not {source, index} & shared:
            found[index] = source
    return found


def pair(
    first: Network, second: Network, folded: Mapping[int, int] = MappingProxyType({})
) -> Pairing:
    """The nodes that correspond.

    folded  normalisations of the first network that the second one may have folded into the layer
            before: the two together correspond to one layer, which has a bias unless every shift
            is 0, as before training

    Views, and what is one when a network runs (dropout), need no counterpart: networks are written
    with them or without. Where several nodes are alike in all that surrounds them, they correspond
    in order. Takes time in proportion to nodes and edges.
    """
    numbers = _Numbers()
    some = bool(folded)
    described = [
        _described(first, numbers, folded, any_bias=some),
        _described(second, numbers, {}, any_bias=some),
    ]
    pairs: list[tuple[int, int]] = []
    left = [[i for i, one in enumerate(which) if one is not None] for which in described]
    # First by what surrounds a node on both sides, then by what it is computed from alone.
    for precise in (True, False):
        groups: dict[object, list[int]] = {}
        for index in reversed(left[1]):
            groups.setdefault(_key(described[1][index], precise), []).append(index)
        unpaired = []
        for index in left[0]:
            found = groups.get(_key(described[0][index], precise))
            if found:
                pairs.append((index, found.pop()))
            else:
                unpaired.append(index)
        left = [unpaired, sorted([index for group in groups.values() for index in group])]
    if folded:
        for mine, theirs in [
            each for each in pairs if _biases_differ(first, second, folded, *each)
        ]:
            pairs.remove((mine, theirs))
            left = [sorted([*left[0], mine]), sorted([*left[1], theirs])]
    for side, network in enumerate((first, second)):
        steps = _steps(network) if left[side] else ()
        left[side] = [index for index in left[side] if index not in steps]
    return Pairing(tuple(sorted(pairs)), tuple(left[0]), tuple(left[1]))


def _steps(network: Network) -> set[int]:
    """The concatenations that only other ones read, along the same axis: steps of these."""
    nodes = network.nodes
    found = {index for index, node in enumerate(nodes) if node.kind == "concat"}
    found -= {*network.outputs.values()}
    for node in nodes:
        for source in node.inputs:
            same = node.kind == "concat" and nodes[source].kind == "concat"
            if not (same and node.layer.argument("axis") == nodes[source].layer.argument("axis")):
                found.discard(source)
    read = {source for node in nodes for source in node.inputs}
    return found & read


def _biases_differ(
    first: Network, second: Network, folded: Mapping[int, int], mine: int, theirs: int
) -> bool:
    """Whether one of two layers has a bias, and no normalisation says why."""
    one, other = first.nodes[mine], second.nodes[theirs]
    if mine in folded or one.kind not in _TAKE_A_NORM:
        return False
    return bool(one.layer.argument("bias")) != bool(other.layer.argument("bias"))


def _key(description: tuple[int, int] | None, precise: bool) -> object:
    return description if precise or description is None else description[0]


def _described(
    network: Network, numbers: _Numbers, folded: Mapping[int, int], *, any_bias: bool
) -> list[tuple[int, int] | None]:
    """What each node is computed from, and what is computed from it; None for views.

    any_bias  whether layers with and without a bias are alike
    """
    within = frozenset(folded.values())
    nodes = network.nodes
    before: list[int] = []
    transparent: list[bool] = []
    #: Of what a concatenation consists, whether it was put together at once or in steps.
    parts: dict[int, tuple[object, tuple[int, ...]]] = {}
    room = _MOST_PARTS
    for index, node in enumerate(nodes):
        shapes = network.input_shapes(node)
        entering = [before[i] for i in _read(node)]
        is_view = index in within or (len(node.inputs) == 1 and node.layer.is_view(shapes))
        transparent.append(is_view)
        if is_view:
            before.append(entering[0])
            continue
        if node.kind in _COMMUTATIVE:
            entering.sort()
        shared = None if node.shares is None else before[node.shares]
        layered = folded.get(index, index)
        layer = nodes[layered].layer
        if any_bias and nodes[layered].kind in _TAKE_A_NORM:
            layer = layer.replace(bias=True)
        what = _signature(network, layered, layer)
        if node.kind == "concat":
            axis = node.layer.argument("axis")
            flat: list[int] = []
            for part in entering:
                along, inner = parts.get(part, (None, ()))
                flat += inner if along == axis and room > 0 else [part]
            room -= len(flat)
            what, entering = ("concat", axis, node.shape), flat
            parts[numbers("from", what, tuple(flat), shared)] = axis, tuple(flat)
        before.append(numbers("from", what, tuple(entering), shared))
    after = _readers(network, before, transparent, numbers)
    return [
        None if transparent[index] else (before[index], after[index]) for index in range(len(nodes))
    ]


def _readers(
    network: Network, before: Sequence[int], transparent: Sequence[bool], numbers: _Numbers
) -> list[int]:
    """A number for all that is computed from each node."""
    nodes = network.nodes
    results = set(network.outputs.values())
    reading: list[list[int]] = [[] for _ in nodes]
    after = [0] * len(nodes)
    for index in range(len(nodes) - 1, -1, -1):
        node = nodes[index]
        if transparent[index]:
            # Whoever reads it reads what it shows.
            reading[node.inputs[0]] += reading[index]
            if index in results:
                results.add(node.inputs[0])
            continue
        after[index] = numbers("to", index in results, tuple(sorted(reading[index])))
        for place, source in enumerate(_read(node)):
            at = 0 if node.kind in _COMMUTATIVE else place
            reading[source].append(numbers("use", at, before[index], after[index]))
    return after


def _read(node: Node) -> list[int]:
    """The inputs of which a node uses the numbers, and not the shape alone."""
    ignored = node.layer.shape_only
    return [source for place, source in enumerate(node.inputs) if place not in ignored]


def _signature(network: Network, index: int, layer: Layer) -> Hashable:
    """What a node with this layer is, whatever it is called and how its arguments are written."""
    node = network.nodes[index]
    shapes = network.input_shapes(node)
    # A dense layer reads all of a map or of the vector that it was flattened to.
    readings = tuple(
        [
            tuple([_reading(axis) for axis in one if not axis.everything])
            for one in layer.all_reads(shapes)
        ]
    )
    if node.kind in _COMMUTATIVE:
        readings = tuple(sorted(readings, key=repr))
    return (
        node.kind,
        node.shape,
        tuple(layer.parameters(shapes).items()),
        tuple(layer.buffers(shapes).items()),
        None if layer.unknown else layer.counts(shapes, node.shape),
        readings,
    )


def _reading(reading: Reading) -> Hashable:
    """How an axis is read; the unit at 0 and the number of units it repeats after say it all."""
    outside = None if reading.outside is None else reading.outside(-1)
    along = reading.along
    at = None if along is None else (reading.at(0), reading.period, reading.advance)
    return (along, at, outside, reading.part, reading.irregular)
