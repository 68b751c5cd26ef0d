"""What is in memory while a network runs: its tensors, and which of them are alive at each step.

A tensor is a piece of memory that holds one value. An operation reads some tensors and writes one
of its own. A view (flatten, reshape, a slice of the whole axis) has none: it is its input's, looked
at in another way, and takes neither memory nor a step.

The conventions:

- An operation's inputs and its result are alive while it runs.
- A tensor is freed after the last operation that reads it, or that reads a view of it.
- The network's inputs are alive from the start until they are freed, like any other tensor; one
  that nothing reads is alive all the time.
- A result of the network is alive from the operation that makes it to the end.
- A tensor that nothing reads, and that is no result of the network, is alive while it is made.

In place (`in_place=True`), an element-wise operation writes its result over an input of the same
size that it is the last to read; nothing is then added to what is alive. The network's inputs may
be written over as well: they are handed over, as in a static allocation for a device. A result of
the network never is. With `concat_in_place=True`, the inputs that are freed at a concatenation, and
are no inputs of the network, have been made in their places in its result, so that it adds only
what must be copied.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from itertools import islice
from math import prod
from typing import NamedTuple

from convcalc.collection import collector_paused
from convcalc.graph import Network


class Tensor:
    """One piece of memory; sizes are in elements, for one sample.

    number   its place in `Memory.tensors`
    node     the index of the node that writes it first: an input or an operation
    size     how many elements it holds
    readers  the operations that read it, as places in `Memory.operations`, each once, ascending
    kept     a result of the network: alive to the end
    """

    __slots__ = ("kept", "node", "number", "readers", "size")

    def __init__(self, number: int, node: int, size: int) -> None:
        self.number = number
        self.node = node
        self.size = size
        self.readers: list[int] = []
        self.kept = False

    def __repr__(self) -> str:
        return f"<tensor {self.number} of node {self.node}: {self.size}>"


class Operation(NamedTuple):
    """One operation that takes memory, in terms of tensors.

    node      the index of its node
    reads     the tensors that it reads, each once
    writes    the tensor that it writes
    reusable  those of `reads` that its result may lie in, if it is the last to read them
    gathers   whether `reusable` are the parts of a concatenation
    starts    where in a concatenation each of `reusable` begins, as (tensor, elements) pairs
    """

    node: int
    reads: tuple[int, ...]
    writes: int
    reusable: tuple[int, ...]
    gathers: bool
    starts: tuple[tuple[int, int], ...] = ()


class Memory(NamedTuple):
    """A network as a reader of its memory sees it.

    tensors     every tensor, in the order in which they are written
    inputs      the tensors that are there at the start
    operations  every operation that is no view, in the order in which they are written down
    tensor_of   the tensor of each node, by the node's index
    """

    tensors: list[Tensor]
    inputs: list[int]
    operations: list[Operation]
    tensor_of: list[int]


class Step(NamedTuple):
    """One operation running.

    operation  its place in `Memory.operations`
    live       elements alive while it runs
    tensors    the tensors alive while it runs, in the order in which they were written; one that
               is written in place of another is counted with that one's memory; empty where the
               step is not to be listed
    in_place   the tensors that its result lies in
    frees      the tensors that are dead after it
    """

    operation: int
    live: int
    tensors: tuple[int, ...]
    in_place: tuple[int, ...]
    frees: tuple[int, ...]


@collector_paused()
def memory_of(network: Network, *, in_place: bool = False, concat_in_place: bool = False) -> Memory:
    """The tensors of a network and the operations on them.

    `in_place` lets element-wise operations write over their inputs, `concat_in_place` lets the
    parts of a concatenation be made within its result.
    """
    tensors: list[Tensor] = []
    operations: list[Operation] = []
    tensor_of: list[int] = []
    nodes = network.nodes
    for index, node in enumerate(nodes):
        inputs = node.inputs
        if inputs and node.layer.is_view([nodes[i].shape for i in inputs]):
            tensor_of.append(tensor_of[inputs[0]])
            continue
        made = Tensor(len(tensors), index, prod(node.shape))
        tensors.append(made)
        tensor_of.append(made.number)
        if not inputs:
            continue
        reads = tuple(dict.fromkeys([tensor_of[i] for i in inputs]))
        for read in reads:
            tensors[read].readers.append(len(operations))
        reusable: tuple[int, ...] = ()
        gathers = False
        starts: dict[int, int] = {}
        if in_place and node.layer.elementwise:
            reusable = tuple([t for t in reads if tensors[t].size == made.size])
        elif concat_in_place and node.layer.gathers:
            parts = [tensor_of[i] for i in inputs]
            starts = _starts([(part, tensors[part].size) for part in parts])
            reusable = tuple([t for t in starts if nodes[tensors[t].node].inputs])
            gathers = True
        found = Operation(index, reads, made.number, reusable, gathers, tuple(starts.items()))
        operations.append(found)
    for index in network.outputs.values():
        tensors[tensor_of[index]].kept = True
    if in_place or concat_in_place:
        for place, operation in enumerate(operations):
            free = tuple([t for t in operation.reusable if not tensors[t].kept])
            operations[place] = operation._replace(reusable=free)
    there = [t.number for t in tensors if not nodes[t.node].inputs]
    return Memory(tensors, there, operations, tensor_of)


def _starts(parts: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Where the parts of a concatenation begin in it, by tensor; `parts` with their sizes."""
    found: dict[int, int] = {}
    again = set()
    start = 0
    for part, size in parts:
        if part in found:
            again.add(part)
        found[part] = start
        start += size
    # What is joined with itself cannot be in two places.
    return {part: start for part, start in found.items() if part not in again}


def steps(
    memory: Memory, order: Sequence[int] | None = None, *, listed: bool | Container[int] = True
) -> Iterator[Step]:
    """What is alive at each step of an order of execution; the written one if none is given.

    `listed` says of which steps, counted from 0, `tensors` is to be known. All of these lists
    together grow with the square of a network that is wide.
    """
    tensors, operations = memory.tensors, memory.operations
    waiting = [len(tensor.readers) for tensor in tensors]
    # Insertion order is the order of writing; deleting keeps it.
    alive: dict[int, None] = dict.fromkeys(memory.inputs)
    live = sum(tensors[number].size for number in alive)
    for number, place in enumerate(range(len(operations)) if order is None else order):
        operation = operations[place]
        made = tensors[operation.writes]
        frees: dict[int, None] = {}
        for read in operation.reads:
            waiting[read] -= 1
            if not waiting[read] and not tensors[read].kept:
                frees[read] = None
        if not made.readers and not made.kept:
            frees[made.number] = None
        within = tuple([t for t in operation.reusable if t in frees])
        if not operation.gathers:
            within = within[:1]
        added = made.size - sum(tensors[t].size for t in within)
        alive[made.number] = None
        shown = listed if isinstance(listed, bool) else number in listed
        yield Step(place, live + added, tuple(alive) if shown else (), within, tuple(frees))
        live += made.size - sum(tensors[t].size for t in frees)
        for freed in frees:
            del alive[freed]


def peak_step(memory: Memory) -> Step | None:
    """The first step of the written order at which most is alive; None where nothing runs."""
    lives = [step.live for step in steps(memory, listed=False)]
    if not lives:
        return None
    place = lives.index(max(lives))
    return next(islice(steps(memory, listed=(place,)), place, None))


def peak_elements(memory: Memory, order: Sequence[int] | None = None) -> int:
    """The most elements alive at once, in an order of execution or as written."""
    waiting = sum(memory.tensors[number].size for number in memory.inputs)
    return max([step.live for step in steps(memory, order, listed=False)], default=waiting)


def written_peak(network: Network, number_bytes: int, batch: int = 1) -> int:
    """Bytes alive at once at most, in the written order and without writing in place.

    number_bytes  bytes of one element

    >>> import convcalc
    >>> written_peak(convcalc.load("resnet50"), 4)
    9633792
    """
    return peak_elements(memory_of(network)) * number_bytes * batch
