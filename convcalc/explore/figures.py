"""Metrics of a segment of a network, for numbers that may be unknown.

A metric of a network is the sum of its segments', or the largest of them. The others, such as the
least peak, are searched for in a whole network.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.depth import depth_from_inputs
from convcalc.analysis.costs.dropped import lost
from convcalc.analysis.memory.liveness import TensorGraph, live_sets
from convcalc.analysis.metrics import measure
from convcalc.graph import Network
from convcalc.language.building.segments import Unreadable
from convcalc.metrics import SUMS
from convcalc.polynomials import Polynomial, Unsupported
from convcalc.quantities import DTYPES

#: Metrics that are the sum of the segments'.
SUMMED = (*SUMS, "layers", "operations", "depth")
#: Above 0 just where a stride drops positions that an upsampling would miss; no metric.
LOST = "lost positions"
#: Metrics that are the largest of the segments'.
LARGEST = ("largest_activation", "peak_memory", "peak_in_place")


def summed(analysis: Analysis, names: Collection[str], dtype: str, *, alone: bool) -> list[Any]:
    """The segment's part of some of `SUMMED`.

    alone  whether the segment is the whole network

    Raises Unreadable where that is no part of the sum.
    """
    misses = analysis.report.totals.misses
    if any(name != LOST and misses(name) for name in names):
        raise Unsupported("an operation without a rule")
    found = []
    for name in names:
        if name == LOST:
            found.append(_lost(analysis.network))
        elif name == "depth" and not alone:
            depth = depth_from_inputs(analysis.network)
            if depth is None:
                raise Unreadable
            found.append(depth)
        else:
            found.append(measure(analysis, name, dtype))
    return found


def _lost(network: Network) -> Any:
    """What windows of all layers drop, taken together."""
    return sum(
        [
            lost(window)
            for node in network.operations
            if not node.layer.scatters
            for window in node.layer.windows(network.input_shapes(node))
        ]
    )


def largest(
    analysis: Analysis, names: Iterable[str], dtype: str, *, alone: bool
) -> list[list[Any]]:
    """The candidates for some of `LARGEST`: the largest of them is the metric.

    alone  whether the segment is the whole network

    Raises Unreadable where the segment alone does not know what is alive.
    """
    found = []
    for name in names:
        graph = analysis.memory(in_place=name == "peak_in_place", dtype=dtype)
        if not alone:
            _check_ends(analysis.network, graph)
        if name == "largest_activation":
            sizes = [tensor.size for tensor in graph.tensors]
        else:
            # A segment without a step holds what enters it; whoever reads that holds more.
            at_start = sum([graph.tensors[number].size for number in graph.inputs])
            sizes = [step.live for step in live_sets(graph, listed=False)] or [at_start]
        size = DTYPES[dtype]
        found.append([part * size for part in _pruned(sizes)])
    return found


def _check_ends(network: Network, graph: TensorGraph) -> None:
    """Refuses a segment before or after which not just the one value is alive."""
    results = [graph.tensor_of[index] for index in network.outputs.values()]
    for number in graph.inputs:
        if not graph.tensors[number].readers and number not in results:
            raise Unreadable
    for result in results:
        if result is None or network.nodes[graph.tensors[result].node].layer.element_bytes:
            raise Unreadable


def _pruned(sizes: Iterable[Any]) -> list[Any]:
    """Without those that another is sure to reach."""
    kept: list[Any] = []
    known = max([size for size in sizes if not isinstance(size, Polynomial)], default=0)
    unknowns = {size: None for size in sizes if isinstance(size, Polynomial)}
    # Those with the highest bounds cover most others.
    for size in sorted(unknowns, key=lambda size: -size.high):
        if size.high > known and not any([other.covers(size) for other in kept]):
            kept.append(size)
    if not any([size.low >= known for size in kept]):
        kept.append(known)
    return kept
