"""Which nodes of two networks correspond: those that compute the same from the same.

A node is described by what it is (kind, sizes, parameters, counts, which positions it reads) and by
the descriptions of what enters it, and after that of what reads it. Names do not matter, nor the
order in which independent branches are written.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from convcalc.graph import Network, Node
from convcalc.layers.reading import Reading

#: The most parts of concatenations that are named one by one.
_MOST_PARTS = 1_000_000
#: Kinds whose inputs may be given in any order.
_COMMUTATIVE = frozenset(("add", "mul"))


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


def pair(first: Network, second: Network) -> Pairing:
    """The nodes that correspond.

    Views, and what is one when a network runs (dropout), need no counterpart: networks are written
    with them or without. Where several nodes are alike in all that surrounds them, they correspond
    in order. Takes time in proportion to nodes and edges.
    """
    numbers = _Numbers()
    described = [_described(network, numbers) for network in (first, second)]
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
    return Pairing(tuple(sorted(pairs)), tuple(left[0]), tuple(left[1]))


def _key(description: tuple[int, int] | None, precise: bool) -> object:
    return description if precise or description is None else description[0]


def _described(network: Network, numbers: _Numbers) -> list[tuple[int, int] | None]:
    """What each node is computed from, and what is computed from it; None for views."""
    nodes = network.nodes
    before: list[int] = []
    transparent: list[bool] = []
    #: Of what a concatenation consists, whether it was put together at once or in steps.
    parts: dict[int, tuple[object, tuple[int, ...]]] = {}
    room = _MOST_PARTS
    for index, node in enumerate(nodes):
        shapes = network.input_shapes(node)
        entering = [before[i] for i in _read(node)]
        is_view = len(node.inputs) == 1 and node.layer.is_view(shapes)
        transparent.append(is_view)
        if is_view:
            before.append(entering[0])
            continue
        if node.kind in _COMMUTATIVE:
            entering.sort()
        shared = None if node.shares is None else before[node.shares]
        what = _signature(network, index)
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


def _signature(network: Network, index: int) -> Hashable:
    """What a node is, whatever it is called and however its arguments are written."""
    node = network.nodes[index]
    layer, shapes = node.layer, network.input_shapes(node)
    # A dense layer reads all of a map or of the vector that it was flattened to.
    readings = tuple(
        [
            tuple([_reading(axis) for axis in one if not axis.everything])
            for one in layer.all_reads(shapes)
        ]
    )
    return (
        node.kind,
        node.shape,
        tuple(layer.parameters(shapes).items()),
        tuple(layer.buffers(shapes).items()),
        _counted(node, shapes),
        readings,
    )


def _counted(node: Node, shapes: Sequence[tuple[int, ...]]) -> Hashable:
    return None if node.layer.unknown else node.layer.counts(shapes, node.shape)


def _reading(reading: Reading) -> Hashable:
    """How an axis is read; the unit at 0 and the number of units it repeats after say it all."""
    outside = None if reading.outside is None else reading.outside(-1)
    along = reading.along
    at = None if along is None else (reading.at(0), reading.period, reading.advance)
    return (along, at, outside, reading.part, reading.irregular)
