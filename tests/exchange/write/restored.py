"""What reading a network that was written in another format may change, in exact numbers."""

from __future__ import annotations

from math import prod
from typing import Any

import convcalc
from convcalc import Analysis
from convcalc.analysis.metrics import measure
from convcalc.counts import Counts
from convcalc.graph import Network

FIGURES = ("params", "buffers", "macs", "peak_memory", "peak_in_place")
PEAKS = frozenset(("peak_memory", "peak_in_place"))


def figures(network: Network) -> dict[str, Any]:
    """The figures of a network, with what it gives and whether all of it is known."""
    analysis = Analysis(network)
    report = convcalc.analyze(network)
    found: dict[str, Any] = {name: measure(analysis, name, "float32") for name in FIGURES}
    found["counts"] = report.totals.counts
    found["complete"] = all(node.kind != "opaque" for node in network.nodes)
    found["outputs"] = [network.nodes[index].shape for index in network.outputs.values()]
    return found


def explained(network: Network) -> dict[str, Any]:
    """The figures of a network that is restored from a format without attention in windows.

    There, a bias of positions is an array with a number for each pair, for each window too where
    a shift has it masked, and it is computed before the network runs; so is everything that
    depends on no input.
    """
    found = figures(network)
    before: set[int] = set()
    for index, node in enumerate(network.nodes):
        shapes = network.input_shapes(node)
        if node.is_input:
            continue
        live = [i for place, i in enumerate(node.inputs) if place not in node.layer.shape_only]
        counts = node.layer.counts(shapes, node.shape)
        macs = node.layer.macs(shapes, node.shape, counts)
        if node.layer.constant or all([i in before for i in live]):
            before.add(index)
            found["macs"] -= macs
            found["counts"] = _less(found["counts"], counts)
        if node.kind == "attention_bias":
            found["macs"] -= macs
            added = Counts(adds=prod(node.shape))
            found["counts"] = _less(found["counts"], counts).plus(added)
            layer: Any = node.layer
            window = layer.window or node.shape[1:]
            windows = prod(node.shape[1:]) // prod(window) if any(layer.shift) else 1
            found["buffers"] += layer.heads * windows * prod(window) ** 2
    return found


def _less(counts: Counts, other: Counts) -> Counts:
    return Counts(*[mine - theirs for mine, theirs in zip(counts, other, strict=True)])
