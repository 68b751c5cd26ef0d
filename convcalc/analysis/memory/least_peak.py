"""The least memory that any order of a network's operations needs.

The problem: operations run one at a time, each once, after those whose results it reads. What is
alive at each step follows from `convcalc.analysis.memory.liveness`; the peak is the most that is
alive at any step. Which order has the least peak, and how much is it?

For graphs in general the problem is NP-hard (Sethi, Complete register allocation problems, SIAM J.
Comput. 4, 1975). It is solved here in two steps, neither of which loses the least peak:

1. A barrier is an operation that every other one must run before or after, so it runs at the same
   point of every order. The segments between barriers are ordered on their own (most are empty: a
   chain has one order). The peak is the highest of the segments' peaks, so a segment whose written
   order needs no more than some other part of the network is left as it is.
2. Other segments are searched (`convcalc.analysis.memory.search`).

A search that takes too much is given up. Then the peak is the least that was found, and the
bound is a peak that no order goes below.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from convcalc.analysis.memory.liveness import TensorGraph, live_sets
from convcalc.analysis.memory.search import Segment, least_peak_order
from convcalc.gc_pause import gc_paused

#: What all searches of a network together may take, in moves: about a second.
_BUDGET = 1_000_000


class LeastPeak(NamedTuple):
    """The least peak that was found, in elements of one sample.

    peak   the most alive at once in `order`
    bound  no order has a lower peak
    order  the operations in the order that reaches it, as indices of `TensorGraph.operations`
    """

    peak: int
    bound: int
    order: list[int]

    @property
    def exact(self) -> bool:
        """Whether it is proven that no order has a lower peak."""
        return self.peak == self.bound


@gc_paused()
def least_peak(graph: TensorGraph, budget: int = _BUDGET) -> LeastPeak:
    """The least peak over all orders, in place where the graph says so.

    budget  the effort after which searches are given up, in moves

    >>> import convcalc
    >>> from convcalc.analysis.memory.liveness import tensor_graph
    >>> found = least_peak(tensor_graph(convcalc.load("resnet50"), in_place=True))
    >>> found.peak * 4, found.exact
    (7225344, True)
    """
    operations, tensors = graph.operations, graph.tensors
    order = list(range(len(operations)))
    live: list[int] = []
    levels = [sum([tensors[number].size for number in graph.inputs])]
    for found in live_sets(graph, listed=False):
        made = tensors[operations[found.operation].writes].size
        live.append(found.live)
        levels.append(levels[-1] + made - sum([tensors[t].size for t in found.frees]))
    writers = [-1] * len(tensors)
    for number, operation in enumerate(operations):
        writers[operation.writes] = number
    barriers = _barriers(graph, writers)
    bound = max([live[number] for number in barriers], default=0 if operations else levels[0])
    segments = []
    for before, after in zip([-1, *barriers], [*barriers, len(order)], strict=True):
        if after - before > 1:
            segments.append((max(live[before + 1 : after]), before + 1, after))
    peak = bound
    for written, low, high in sorted(segments, reverse=True):
        if written <= bound:
            break
        segment = Segment(graph, writers, low, high)
        searched = least_peak_order(segment, levels[low], levels[high], bound, written, budget)
        if searched.order is not None:
            order[low:high] = [low + number for number in searched.order]
        budget -= searched.effort
        bound = searched.bound
        peak = max(peak, searched.peak)
    return LeastPeak(max(peak, bound), bound, order)


def _barriers(graph: TensorGraph, writers: list[int]) -> list[int]:
    """The operations that every other one must run before or after.

    They are those that are alone in being ready to run, both from the start and, backwards, from
    the end.
    """
    before = [
        {writers[read] for read in operation.reads if writers[read] >= 0}
        for operation in graph.operations
    ]
    after: list[list[int]] = [[] for _ in before]
    for number, sources in enumerate(before):
        for source in sources:
            after[source].append(number)
    every = range(len(before))
    return sorted(_alone(every, before, after) & _alone(every[::-1], after, before))


def _alone(
    order: range, before: Sequence[Collection[int]], after: Sequence[Collection[int]]
) -> set[int]:
    """The operations that are alone in being ready when they run, in this order."""
    waits_for = [len(others) for others in before]
    ready = waits_for.count(0)
    found = set()
    for number in order:
        if ready == 1:
            found.add(number)
        ready -= 1
        for other in after[number]:
            waits_for[other] -= 1
            ready += not waits_for[other]
    return found
