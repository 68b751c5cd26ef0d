"""What is in memory while a network runs: its tensors, and which of them are alive at each step.

A tensor is a piece of memory that holds one value. An operation reads some tensors and writes one
of its own. A view (flatten, reshape, a slice of the whole axis) has none: it is another way to look
at its input's tensor, and takes neither memory nor a step. Nor does a constant (parameter, buffer),
which lies among the weights.

The conventions:

- An operation's inputs and its result are alive while it runs.
- A tensor is freed after the last operation that reads it, or that reads a view of it.
- The network's inputs are alive from the start until they are freed, like any other tensor; one
  that nothing reads is alive all the time.
- A result of the network is alive from the operation that makes it to the end.
- A tensor that nothing reads, and that is no result of the network, is alive while it is made.
- The scores and probabilities of an attention are tensors like any other. With `float32` given an
  attention is fused (`convcalc.analysis.memory.fused`): the first of two operations makes float32
  numbers of query and key, the second its result of these and the value.

In place (`in_place=True`), an element-wise operation writes its result over an input of the same
size if no operation after it reads that input; nothing is then added to what is alive. The
network's inputs may be written over as well: the caller hands them over, as in a static allocation
for a device. A result of the network never is. With `concat_in_place=True`, the inputs that are
freed at a concatenation, and are no inputs of the network, have been made at their places in its
result, so that it adds only what must be copied. Along an axis behind the first one that is longer
than 1, the parts do not lie in one piece each, and are copied.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import islice
from math import prod
from typing import NamedTuple

from convcalc.analysis.memory.fused import by_part, fused_attentions
from convcalc.gc_pause import gc_paused
from convcalc.graph import Network


class Tensor:
    """One piece of memory; sizes are in elements, for one sample.

    number   its index in `TensorGraph.tensors`
    node     the index of the node that writes it first: an input or an operation
    size     how many elements it holds
    readers  the operations that read it, as indices of `TensorGraph.operations`, ascending
    result   whether it is a result of the network, alive to the end
    """

    __slots__ = ("node", "number", "readers", "result", "size")

    def __init__(self, number: int, node: int, size: int) -> None:
        self.number = number
        self.node = node
        self.size = size
        self.readers: list[int] = []
        self.result = False

    def __repr__(self) -> str:
        return f"<tensor {self.number} of node {self.node}: {self.size}>"


class Operation(NamedTuple):
    """One operation that takes memory; tensors are given by their numbers.

    node      the index of its node
    reads     the tensors that it reads, each once
    writes    the tensor that it writes
    reusable  those of `reads` in whose memory its result may lie, if nothing reads them later
    gathers   whether `reusable` are the parts of a concatenation, which are all reused, and not one
    starts    the first element of each of `reusable` in a concatenation, as (tensor, element) pairs
    """

    node: int
    reads: tuple[int, ...]
    writes: int
    reusable: tuple[int, ...]
    gathers: bool
    starts: tuple[tuple[int, int], ...] = ()


class TensorGraph(NamedTuple):
    """The tensors of a network and the operations on them.

    tensors     every tensor, in the order in which they are written
    inputs      the tensors that exist at the start
    operations  every operation that is no view and no constant, in the order of the file
    tensor_of   the tensor of each node, by the node's index; None if it lies among the weights
    """

    tensors: list[Tensor]
    inputs: list[int]
    operations: list[Operation]
    tensor_of: list[int | None]


class LiveSet(NamedTuple):
    """What is alive while one operation runs.

    operation  its index in `TensorGraph.operations`
    live       the number of elements alive
    tensors    the tensors alive, in the order in which they were written; one that is written in
               place of another takes no more memory than that one; empty if they are not listed
    in_place   the tensors in whose memory the result lies
    frees      the tensors that are dead after the operation
    """

    operation: int
    live: int
    tensors: tuple[int, ...]
    in_place: tuple[int, ...]
    frees: tuple[int, ...]


@gc_paused()
def tensor_graph(
    network: Network,
    *,
    in_place: bool = False,
    concat_in_place: bool = False,
    float32: int = 0,
    number_bytes: int = 4,
) -> TensorGraph:
    """The tensors of a network and the operations on them.

    in_place         element-wise operations may write over their inputs
    concat_in_place  the parts of a concatenation may be made within its result
    float32          attentions are fused, and a float32 number takes this many elements
    number_bytes     bytes of an element; one of another type takes as many elements as it needs
    """
    fused = by_part(fused_attentions(network)) if float32 else {}
    tensors: list[Tensor] = []
    operations: list[Operation] = []
    tensor_of: list[int | None] = []
    nodes = network.nodes
    for index, node in enumerate(nodes):
        inputs, size = node.reads, prod(node.shape) * node.width(number_bytes)
        shapes = [nodes[i].shape for i in inputs]
        attention = fused.get(index)
        if attention is not None and index == attention.sums:
            inputs, size = attention.reads[:2], attention.statistics * float32
        elif attention is not None and index == attention.result:
            inputs = (*attention.reads, attention.sums)
        elif attention is not None or (inputs and node.layer.is_view(shapes)):
            tensor_of.append(tensor_of[inputs[0]])
            continue
        if node.layer.constant:
            tensor_of.append(None)
            continue
        made = Tensor(len(tensors), index, size)
        tensors.append(made)
        tensor_of.append(made.number)
        if node.is_input:
            continue
        parts = [tensor_of[i] for i in inputs]
        reads = tuple(dict.fromkeys([t for t in parts if t is not None]))
        for read in reads:
            tensors[read].readers.append(len(operations))
        reusable: tuple[int, ...] = ()
        gathers = False
        starts: dict[int, int] = {}
        if in_place and node.layer.elementwise:
            reusable = tuple([t for t in reads if tensors[t].size == made.size])
        elif concat_in_place and node.layer.gathers(shapes):
            starts = _starts(zip(parts, map(prod, shapes), strict=True))
            reusable = tuple([t for t in starts if not nodes[tensors[t].node].is_input])
            gathers = True
        found = Operation(index, reads, made.number, reusable, gathers, tuple(starts.items()))
        operations.append(found)
    for index in network.outputs.values():
        result = tensor_of[index]
        if result is not None:
            tensors[result].result = True
    if in_place or concat_in_place:
        for number, operation in enumerate(operations):
            free = tuple([t for t in operation.reusable if not tensors[t].result])
            operations[number] = operation._replace(reusable=free)
    at_start = [t.number for t in tensors if nodes[t.node].is_input]
    return TensorGraph(tensors, at_start, operations, tensor_of)


def _starts(parts: Iterable[tuple[int | None, int]]) -> dict[int, int]:
    """The first element of each part of a concatenation in it; `parts` are tensors and sizes."""
    found: dict[int, int] = {}
    repeated = set()
    start = 0
    for part, size in parts:
        if part in found:
            repeated.add(part)
        if part is not None:
            found[part] = start
        start += size
    # A tensor that is joined with itself cannot be at two places.
    return {part: start for part, start in found.items() if part not in repeated}


def live_sets(
    graph: TensorGraph,
    order: Sequence[int] | None = None,
    *,
    listed: bool | Container[int] = True,
) -> Iterator[LiveSet]:
    """What is alive at each step of an order of execution; of the written one if none is given.

    listed  whether to list the tensors, or the steps, counted from 0, at which to list them. All
            lists together grow with the square of a network that is wide.
    """
    tensors, operations = graph.tensors, graph.operations
    unread = [len(tensor.readers) for tensor in tensors]
    # Insertion order is the order of writing; deleting keeps it.
    alive: dict[int, None] = dict.fromkeys(graph.inputs)
    live = sum(tensors[number].size for number in alive)
    for step, number in enumerate(range(len(operations)) if order is None else order):
        operation = operations[number]
        made = tensors[operation.writes]
        frees: dict[int, None] = {}
        for read in operation.reads:
            unread[read] -= 1
            if not unread[read] and not tensors[read].result:
                frees[read] = None
        if not made.readers and not made.result:
            frees[made.number] = None
        reused = tuple([t for t in operation.reusable if t in frees])
        if not operation.gathers:
            reused = reused[:1]
        added = made.size - sum(tensors[t].size for t in reused)
        alive[made.number] = None
        shown = listed if isinstance(listed, bool) else step in listed
        yield LiveSet(number, live + added, tuple(alive) if shown else (), reused, tuple(frees))
        live += made.size - sum(tensors[t].size for t in frees)
        for freed in frees:
            del alive[freed]


def peak_live_set(graph: TensorGraph) -> LiveSet | None:
    """The first of the largest live sets of the written order; None if there is no operation."""
    sizes = [found.live for found in live_sets(graph, listed=False)]
    if not sizes:
        return None
    step = sizes.index(max(sizes))
    return next(islice(live_sets(graph, listed=(step,)), step, None))


def peak_of(graph: TensorGraph, order: Sequence[int] | None = None) -> int:
    """The most elements alive at once, in an order of execution or as written."""
    at_start = sum(graph.tensors[number].size for number in graph.inputs)
    return max([found.live for found in live_sets(graph, order, listed=False)], default=at_start)
