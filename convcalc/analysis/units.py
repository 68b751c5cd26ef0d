"""Units: the layers of a network as they are written, each with what is fused to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from convcalc.analysis.costs.cost import Cost, LayerReport
from convcalc.graph import Network, Node
from convcalc.layers.base import Layer
from convcalc.problems import Call, Span
from convcalc.shapes import Shape, with_batch


class Unit:
    """A layer with its norm and activation, or an input of the network.

    index    its position among the units of its network
    path     its group path
    nodes    its nodes: the layer itself, or its parts, first
    members  the reports of its operations; none for an input
    sources  the units that it reads, by index
    output   the shape of its result, batch first
    cost     of all its operations
    shares   the unit whose parameters it uses, by index, if they are not its own
    """

    __slots__ = (
        "cost",
        "index",
        "members",
        "nodes",
        "output",
        "path",
        "shares",
        "sources",
    )

    def __init__(self, index: int, path: str) -> None:
        self.index = index
        self.path = path
        self.nodes: tuple[Node, ...] = ()
        self.members: tuple[LayerReport, ...] = ()
        self.sources: list[int] = []
        self.output: Shape = ()
        self.cost = Cost()
        self.shares: int | None = None

    @property
    def node(self) -> Node:
        """The layer itself, or its first part, without what is fused to it."""
        return self.nodes[0]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layer as it is written, and what is fused to it."""
        return written_layers(self.nodes)

    @property
    def kind(self) -> str:
        """The kind of the layer itself."""
        return self.layers[0].kind

    @property
    def summary(self) -> str:
        """The layer and what is fused to it: `conv 3x3 + batchnorm + relu`."""
        return summary(self.layers)

    @property
    def group(self) -> str:
        """The path of the group that it stands in; empty at the top."""
        return self.path.rpartition(".")[0]

    @property
    def span(self) -> Span | None:
        """Where it is written; None for a network made in Python."""
        return self.nodes[0].span

    @property
    def calls(self) -> tuple[Call, ...]:
        """The block calls around it, outermost first."""
        return self.nodes[0].calls

    def __repr__(self) -> str:
        return f"<{self.path}: {self.layers} -> {self.output}>"


def summary(layers: Sequence[Layer]) -> str:
    """A layer and what is fused to it, as a lock has them: `conv 3x3 + batchnorm + relu`."""
    return " + ".join([layers[0].summary(), *[layer.kind for layer in layers[1:]]])


def description(nodes: Sequence[Node], inputs: Sequence[Shape]) -> str:
    """The same of some nodes with what tables show besides: `conv 3x3 p1 + batchnorm + relu`.

    inputs  what the first of them reads, for one sample
    """
    # A part on its own is shown as that.
    layers = written_layers(nodes) if len(nodes) > 1 else (nodes[0].layer,)
    return " + ".join([layers[0].described(inputs), *[layer.kind for layer in layers[1:]]])


def written_layers(nodes: Iterable[Node]) -> tuple[Layer, ...]:
    """The layers of some nodes as they are written: the parts of one are that one."""
    # By the object: two layers with equal arguments are equal.
    layers = {id(layer): layer for layer in [node.written or node.layer for node in nodes]}
    return tuple(layers.values())


def units_of(network: Network, layers: Sequence[LayerReport], batch: int) -> list[Unit]:
    """The units of a network in execution order, inputs included.

    layers  the reports of its operations, in execution order, for `batch` samples

    >>> import convcalc
    >>> network = convcalc.loads("{input: [6], layers: [{dense: 4, activation: relu}]}")
    >>> report = convcalc.analyze(network)
    >>> [(unit.path, len(unit.members), unit.output) for unit in report.units]
    [('input', 0, (1, 6)), ('dense0', 2, (1, 4))]
    """
    units: list[Unit] = []
    by_path: dict[str, Unit] = {}
    unit_of_node: list[int] = []
    reports = iter(layers)
    for node in network.nodes:
        unit = by_path.get(node.unit)
        if unit is None:
            unit = by_path[node.unit] = Unit(len(units), node.unit)
            units.append(unit)
        unit_of_node.append(unit.index)
        unit.nodes = (*unit.nodes, node)
        for source in node.inputs:
            if unit_of_node[source] != unit.index:
                unit.sources.append(unit_of_node[source])
        if node.is_input:
            unit.output = with_batch(node.shape, batch)
            continue
        report = next(reports)
        unit.output = report.output
        unit.cost = unit.cost.plus(report.cost) if unit.members else report.cost
        unit.members = (*unit.members, report)
        if node.shares is not None:
            unit.shares = unit_of_node[node.shares]
    return units
