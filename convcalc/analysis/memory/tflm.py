"""What a network takes on a microcontroller under TensorFlow Lite Micro: an arena, and flash.

The network runs as a converter writes it for TFLite, batch normalisation folded into the weights
and ReLU into the layer before it. Where padding is neither none nor TFLite's own "same", a PAD
comes before the layer. A reshape copies. Nothing is written in place: an operation's inputs and its
result are alive together, an input from the start, a result to the end.

The arena holds these tensors, each padded to a multiple of 16 bytes, at the offsets of TFLite
Micro's default planner: from the largest to the smallest, of equal ones the last first, each at the
lowest offset that is free of every placed tensor alive at the same time. What TFLite Micro keeps in
the arena beside them (its structures, scratch memory of kernels) is not in the figure: it depends
on the version and on the kernels.

Flash holds the weights: in int8 one byte each, and four for a bias. The program and the rest of the
model's file are not in the figure.

Source: tflite-micro, August 2026: `micro_allocation_info.cc` (lives), `micro_allocator.cc`
(alignment), `memory_planner/greedy_memory_planner.cc` (offsets); the rule: Pisarchyk and Lee,
Efficient memory management for deep neural net inference, arXiv:2001.03288 (greedy by size).
TensorFlow Lite 8-bit quantization specification (biases).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

from convcalc.arithmetic import Window
from convcalc.graph import Network, Node
from convcalc.layers.base import parameter_count
from convcalc.problems import ConvcalcError, Problem, Rule
from convcalc.quantities import DTYPES

#: Bytes that sizes are multiples of.
ALIGNMENT = 16
#: Bytes of a bias that is added to sums of products of int8.
_INT8_BIAS = 4
#: Pairs of tensors alive at once that are planned; a wide network has as many as its square.
MOST_PAIRS = 2_000_000
#: What the converter folds into the weights of the layer before, and into which.
_NORM = "batchnorm"
_WEIGHTED = frozenset(("conv", "conv_transpose", "depthwise", "dense"))
#: Activations that operations of TFLite have an option for, and which have it.
_ACTIVATIONS = frozenset(("relu", "relu6"))
_ACTIVATED = _WEIGHTED | {"add", "avgpool", "div", "maxpool", "mul", "sub"}


class Planned(NamedTuple):
    """A tensor in the arena.

    node   the index of the node that makes it
    bytes  its size, a multiple of 16
    first  the first step at which it is alive; the inputs are there at step 0
    last   and the last one
    """

    node: int
    bytes: int
    first: int
    last: int
    offset: int = 0


class Plan(NamedTuple):
    """The size of an arena in bytes, and the tensors in it in the order in which they are made."""

    size: int
    tensors: list[Planned]

    def fullest(self) -> list[Planned]:
        """The tensors alive at the first step at which the most bytes are."""
        steps: dict[int, int] = {}
        for tensor in self.tensors:
            steps[tensor.first] = 0
        alive: list[Planned] = []
        for tensor in sorted(self.tensors, key=lambda one: one.first):
            alive = [one for one in alive if one.last >= tensor.first]
            alive.append(tensor)
            steps[tensor.first] = sum([one.bytes for one in alive])
        step = max(steps, key=lambda one: steps[one], default=0)
        return [one for one in self.tensors if one.first <= step <= one.last]


def plan(network: Network, dtype: str, batch: int = 1) -> Plan:
    """The arena of a network whose values are of a type.

    Raises ConvcalcError too-many-tensors where very many are alive at once.

    >>> import convcalc
    >>> plan(convcalc.load("lenet"), "int8").size
    9408
    """
    wanted = _tensors(network, DTYPES[dtype], batch)
    beside = _beside(network, wanted)
    offsets: dict[int, int] = {}
    for number in sorted(range(len(wanted)), key=lambda one: (-wanted[one].bytes, -one)):
        placed = [other for other in beside[number] if other in offsets]
        offset = 0
        for start, end in sorted([(offsets[o], offsets[o] + wanted[o].bytes) for o in placed]):
            if start - offset >= wanted[number].bytes:
                break
            offset = max(offset, end)
        offsets[number] = offset
    tensors = [one._replace(offset=offsets[number]) for number, one in enumerate(wanted)]
    return Plan(max([one.offset + one.bytes for one in tensors], default=0), tensors)


def _beside(network: Network, tensors: Sequence[Planned]) -> list[list[int]]:
    """For each tensor those that are alive at a step at which it is."""
    beside: list[list[int]] = [[] for _ in tensors]
    alive: list[int] = []
    pairs = 0
    for number, tensor in enumerate(tensors):
        alive = [other for other in alive if tensors[other].last >= tensor.first]
        pairs += len(alive)
        if pairs > MOST_PAIRS:
            message = "very many tensors are alive at once, too many to plan an arena"
            rule = Rule(f"at most {MOST_PAIRS:,} pairs of them")
            node = network.nodes[tensor.node]
            raise ConvcalcError([Problem("too-many-tensors", message, node.span, (rule,))])
        for other in alive:
            beside[number].append(other)
            beside[other].append(number)
        alive.append(number)
    return beside


def _tensors(network: Network, number_bytes: int, batch: int) -> list[Planned]:
    """The tensors with their lives, in the order in which they are made."""
    nodes = network.nodes
    folded = _folded(network)
    made: list[Planned] = []
    tensor_of: list[int | None] = []
    step = 0

    def make(index: int, shape: Sequence[int]) -> int:
        elements = prod(shape) * batch * nodes[index].width(number_bytes)
        size = -(-elements * number_bytes // ALIGNMENT) * ALIGNMENT
        made.append(Planned(index, size, step, step))
        return len(made) - 1

    def read(tensors: Sequence[int | None]) -> None:
        for tensor in tensors:
            if tensor is not None:
                made[tensor] = made[tensor]._replace(last=step)

    for index, node in enumerate(nodes):
        if node.is_input:
            tensor_of.append(make(index, node.shape))
            continue
        shapes = [nodes[source].shape for source in node.inputs]
        sources = [tensor_of[source] for source in node.reads]
        view = bool(node.inputs) and node.layer.is_view(shapes)
        # A view of a constant is made when the model is converted.
        if index in folded or (view and (node.shape == shapes[0] or sources == [None])):
            tensor_of.append(tensor_of[node.inputs[0]])
            continue
        if node.layer.constant:
            tensor_of.append(None)
            continue
        padded = _padded(node, shapes)
        step += 1
        if padded:
            read(sources)
            sources = [make(index, padded)]
            step += 1
        tensor_of.append(make(index, node.shape))
        read(sources)
    lasting = {tensor_of[index] for index in network.outputs.values()}
    read_ones = {source for node in nodes for source in node.reads}
    lasting |= {tensor_of[i] for i, node in enumerate(nodes) if node.is_input} - {
        tensor_of[i] for i in read_ones
    }
    return [
        one._replace(last=step) if number in lasting else one for number, one in enumerate(made)
    ]


def _folded(network: Network) -> set[int]:
    """The nodes that the converter makes a part of the operation before them."""
    nodes = network.nodes
    readers = [0] * len(nodes)
    for node in nodes:
        for source in node.inputs:
            readers[source] += 1
    for index in network.outputs.values():
        readers[index] += 1
    found: set[int] = set()
    #: The kind of the operation that a node is a part of, and whether it ends in an activation.
    part_of: list[tuple[str, bool]] = []
    for index, node in enumerate(nodes):
        part_of.append((node.kind, False))
        if len(node.inputs) != 1 or readers[node.inputs[0]] != 1:
            continue
        kind, activated = part_of[node.inputs[0]]
        norm = node.kind == _NORM and kind in _WEIGHTED
        activation = node.kind in _ACTIVATIONS and kind in _ACTIVATED
        if not activated and (norm or activation):
            found.add(index)
            part_of[index] = (kind, activation)
    return found


def _padded(node: Node, shapes: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The shape of the padded input where padding is an operation of its own; () elsewhere."""
    windows = () if node.layer.scatters else node.layer.windows([tuple(shape) for shape in shapes])
    pads = [(window.before, _after(window)) for window in windows]
    if not any([before or after for before, after in pads]):
        return ()
    if pads == [_same(window) for window in windows]:
        return ()
    sizes = [
        window.n + before + after for window, (before, after) in zip(windows, pads, strict=True)
    ]
    return (shapes[0][0], *sizes)


def _after(window: Window) -> int:
    """The padding after the input, with what a window that begins in the input needs beyond it."""
    return max(window.after, _reach(window) - window.n - window.before)


def _same(window: Window) -> tuple[int, int]:
    """The padding of TFLite's "same" on an axis."""
    out = -(-window.n // window.stride)
    total = max((out - 1) * window.stride + window.extent - window.n, 0)
    return total // 2, total - total // 2


def _reach(window: Window) -> int:
    """The positions from the first of the first window to the last of the last one."""
    return (window.out - 1) * window.stride + window.extent


def flash(network: Network, dtype: str) -> dict[int, int]:
    """The bytes that the weights of each node take, by its index; a folded norm's are its layer's.

    >>> import convcalc
    >>> sum(flash(convcalc.load("lenet"), "int8").values())  # 61,470 weights and 236 biases
    62414
    """
    return dict(_stored(network, dtype))


def _stored(network: Network, dtype: str) -> Iterator[tuple[int, int]]:
    nodes = network.nodes
    folded = _folded(network)
    size = DTYPES[dtype]
    bias_size = _INT8_BIAS if dtype == "int8" else size
    normed = {nodes[index].inputs[0] for index in folded if nodes[index].kind == _NORM}
    for index, node in enumerate(nodes):
        shapes = [nodes[source].shape for source in node.inputs]
        if node.is_input or node.shares is not None or index in folded:
            continue
        arrays = node.layer.parameters(shapes)
        added = {name: shape for name, shape in arrays.items() if name.startswith("bias")}
        biases = parameter_count(added)
        weights = parameter_count(arrays) - biases
        if node.kind == _NORM:  # a factor and an offset for each channel
            yield index, 2 * node.shape[0] * size
            continue
        if index in normed and not biases:
            biases = node.shape[0]
        constants = parameter_count(node.layer.buffers(shapes))
        yield index, (weights + constants) * size + biases * bias_size
