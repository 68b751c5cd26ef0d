"""The report: what every layer of a network costs, as exact integers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from convcalc import given
from convcalc.analysis.costs.cost import Cost, LayerReport, total
from convcalc.analysis.units import Unit, units_of
from convcalc.gc_pause import gc_paused
from convcalc.graph import Network, check_network
from convcalc.layers.base import parameter_count
from convcalc.problems import listed, printable
from convcalc.shapes import Shape, with_batch

SCHEMA = "convcalc.report/1"


class Unknown(NamedTuple):
    """An operation of which the cost is unknown: its path, and what it is called elsewhere."""

    name: str
    op: str


def unknown_operations(network: Network) -> list[Unknown]:
    """The operations of a network of which the cost is unknown."""
    nodes = [node for node in network.nodes if node.layer.unknown]
    return [Unknown(node.path, str(node.layer.argument("op"))) for node in nodes]


def unknown_text(unknown: Sequence[Unknown]) -> str:
    """How many operations are unknown, and which.

    >>> unknown_text([Unknown("boxes", "NonMaxSuppression")])
    '1 operation unknown: boxes (NonMaxSuppression)'
    """
    names = listed([f"{printable(one.name, 200)} ({one.op})" for one in unknown])
    return f"{len(unknown):,} operation{'s' * (len(unknown) != 1)} unknown: {names}"


def unknown_data(unknown: Iterable[Unknown]) -> dict[str, Any]:
    """Whether totals are complete, and the operations that they leave out, as plain data."""
    found = [one._asdict() for one in unknown]
    return {"complete": not found, "unknown": found}


class Report:
    """All operations of a network in execution order, and their totals.

    batch       samples at once; every count holds for all of them
    valid_taps  whether taps that fall on padding were left out
    layers      a `LayerReport` for each operation
    units       the layers with what is fused to them, inputs included
    totals      the sum over the layers, of what is known of them
    """

    def __init__(
        self, network: Network, batch: int, valid_taps: bool, layers: list[LayerReport]
    ) -> None:
        self.network = network
        self.batch = batch
        self.valid_taps = valid_taps
        self.layers = layers
        self.totals = total(layers)

    def __repr__(self) -> str:
        totals = self.totals
        least = "" if self.complete else "at least "
        figures = f"{least}{totals.params:,} params, {totals.macs:,} MACs"
        return f"<Report of {self.network.name}: batch {self.batch}, {figures}>"

    @property
    def complete(self) -> bool:
        """Whether the totals are whole: there is no layer of which the cost is unknown."""
        return not self.totals.unknown

    @property
    def unknown(self) -> list[Unknown]:
        """The operations of which the cost is unknown, which the totals leave out."""
        return [] if self.complete else unknown_operations(self.network)

    @cached_property
    def units(self) -> list[Unit]:
        """The written layers, each with its norm and activation, and the inputs; computed once."""
        return units_of(self.network, self.layers, self.batch)

    @property
    def inputs(self) -> dict[str, Shape]:
        """The inputs' shapes by name, with the batch axis."""
        return {name: with_batch(s, self.batch) for name, s in self.network.inputs.items()}

    @property
    def outputs(self) -> dict[str, Shape]:
        """The results' shapes by name, with the batch axis."""
        nodes = self.network.nodes
        return {
            name: with_batch(nodes[index].shape, self.batch)
            for name, index in self.network.outputs.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, with the keys of `convcalc shapes --format json`.

        >>> import convcalc
        >>> convcalc.analyze(convcalc.load("lenet")).to_dict()["totals"]["macs"]
        416520
        """
        from convcalc.facts import problems_data  # few networks have notes, and JSON alone needs it

        network = self.network
        return {
            "schema": SCHEMA,
            "name": network.name,
            "source": network.source,
            "inputs": {name: list(shape) for name, shape in self.inputs.items()},
            "outputs": {name: list(shape) for name, shape in self.outputs.items()},
            "notes": problems_data(network.notes),
            **self.figures(),
        }

    def figures(self) -> dict[str, Any]:
        """The layers and the totals alone, as plain data."""
        nodes = self.network.nodes
        return {
            "layers": [
                layer.to_dict([nodes[index].path for index in layer.node.reads])
                for layer in self.layers
            ],
            "totals": self.totals.to_dict(),
            **unknown_data(self.unknown),
        }


@gc_paused()
def analyze(network: Network, *, batch: int = 1, valid_taps: bool = False) -> Report:
    """Counts what every layer costs.

    Counts hold for `batch` samples; `valid_taps` leaves out the taps that fall on padding. Raises
    ConvcalcError where `batch` is not a whole number from 1 on, or `network` is no network.

    >>> import convcalc
    >>> convcalc.analyze(convcalc.load("lenet")).totals.macs
    416520
    """
    check_network(network)
    batch = given.whole("batch", batch)
    given.flag("valid_taps", valid_taps)
    # Copies of a layer share one Layer object; their costs are computed once for each input shape.
    known: dict[tuple[int, tuple[Shape, ...]], tuple[tuple[Shape, ...], Shape, Cost]] = {}
    layers: list[LayerReport] = []
    nodes = network.nodes
    for node in nodes:
        if node.is_input:
            continue
        layer = node.layer
        shapes = tuple([nodes[index].shape for index in node.inputs])
        found = known.get((id(layer), shapes))
        if found is None:
            params = parameter_count(layer.parameters(shapes))
            if layer.unknown:
                cost = Cost(params, unknown=1, unlisted=layer.unlisted)
            else:
                counts = layer.batch_counts(shapes, node.shape, batch=batch, valid_taps=valid_taps)
                macs = layer.macs(shapes, node.shape, counts)
                cost = Cost(params, parameter_count(layer.buffers(shapes)), counts, macs)
            batched = tuple([with_batch(shape, batch) for shape in shapes])
            found = known[id(layer), shapes] = (batched, with_batch(node.shape, batch), cost)
        inputs, output, cost = found
        if node.shares is not None:
            cost = cost._replace(params=0, buffers=0, unlisted=0)
        layers.append(LayerReport(node, inputs, output, cost))
    return Report(network, batch, valid_taps, layers)
