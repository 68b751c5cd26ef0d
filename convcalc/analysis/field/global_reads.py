"""Layers that let every unit see the whole input, and readings that leave them out.

A normalisation over a map and an attention over all of its positions read everything, and a gate
that is computed from a pooled map (squeeze and excitation) brings everything to every position.
From such a layer on every field is the whole input, and nothing is learned from it about the
windows, which is what most people ask for.
"""

from __future__ import annotations

from typing import NamedTuple

from convcalc.analysis.field.dependencies import NetworkReadings
from convcalc.graph import Network, Node
from convcalc.layers.reading import Readings, same


class GlobalLayer(NamedTuple):
    """A layer whose units see everything because of what it reads.

    through  the layer that reads all positions, if it is an earlier one, which this one joins
    """

    node: Node
    through: Node | None = None


class LocalReadings(NetworkReadings):
    """The readings of a network without those that make fields global.

    A layer with as many positions as its input which reads all of them reads its own instead. A
    join leaves out what holds no more than a summary of a whole map, if it has other inputs.

    layers  those that are read otherwise, in execution order
    """

    def __init__(self, network: Network, declared: dict[int, list[Readings]] | None = None) -> None:
        super().__init__(network, declared)
        self.layers: list[GlobalLayer] = []
        #: By node, the layer whose reading of all positions is all that it holds.
        self._summaries: list[int | None] = []
        self._ignored: set[tuple[int, int]] = set()
        self._own: set[int] = set()
        #: Nodes that depend on no input: constants, and what is computed from them alone.
        self._constant: set[int] = set()
        for index, node in enumerate(network.nodes):
            self._summaries.append(None if node.is_input else self._add(index, node))

    def _add(self, index: int, node: Node) -> int | None:
        nodes = self._network.nodes
        if self.unknown(index):
            return None
        if self._constant.issuperset(node.reads):
            self._constant.add(index)
            return None
        depends = [number for number, s in enumerate(node.reads) if s not in self._constant]
        found = [self._summary(index, number) for number in depends]
        if None not in found:
            alone = len(node.reads) == 1 and found[0] == index
            if alone and nodes[node.reads[0]].shape[1:] == node.shape[1:]:
                self._own.add(index)
                self.layers.append(GlobalLayer(node))
                return None
            return found[0]
        pairs = zip(depends, found, strict=True)
        everything = [number for number, source in pairs if source is not None]
        if everything:
            self._ignored.update([(index, number) for number in everything])
            first = next(source for source in found if source is not None)
            through = None if first == index else nodes[first]
            self.layers.append(GlobalLayer(node, through))
        return None

    def _summary(self, index: int, number: int) -> int | None:
        """The layer that reads all positions of what enters a node, itself or before; else None."""
        source = self._network.nodes[index].inputs[number]
        sizes = self._network.nodes[source].shape[1:]
        readings = super().of(index, number)[1:]
        if any([n > 1 and r.everything for r, n in zip(readings, sizes, strict=True)]):
            return index
        return self._summaries[source]

    def of(self, index: int, number: int) -> Readings:
        readings = super().of(index, number)
        if index not in self._own:
            return readings
        return tuple(
            [same(axis) if axis and r.everything else r for axis, r in enumerate(readings)]
        )

    def ignores(self, index: int, number: int) -> bool:
        return (index, number) in self._ignored
