"""The execution plan: which operations run fused, and when each value can be freed."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from convcalc.executor.dispatch import PLACED, WITH_EPILOGUE
from convcalc.graph import Network


class FusedOp(NamedTuple):
    """An operation and those that run in its epilogue, all by the index of their node.

    first       computes; its inputs are those of the fused operation
    norm        the batchnorm that is folded into its weights
    add         the addition that takes its result, and `residual` the other value that it adds
    activation  comes last
    frees       values that no later operation reads
    in_place    the result may overwrite the input
    """

    first: int
    norm: int | None
    add: int | None
    residual: int | None
    activation: int | None
    frees: tuple[int, ...] = ()
    in_place: bool = False

    @property
    def nodes(self) -> tuple[int, ...]:
        """All operations, in their order."""
        chain = (self.first, self.norm, self.add, self.activation)
        return tuple([index for index in chain if index is not None])

    @property
    def result(self) -> int:
        """The node whose value the fused operation leaves."""
        return self.nodes[-1]


def execution_plan(network: Network, keep: Collection[int]) -> list[FusedOp]:
    """The operations of a run in their order.

    The values of the outputs and of the nodes in `keep` are never fused away. Predicted shapes
    decide what is fused, and nothing else.
    """
    nodes = network.nodes
    kept = {*keep, *network.outputs.values()}
    readers: list[list[int]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        for read in node.inputs:
            readers[read].append(index)
    ops = _fused(network, readers, kept)

    last_read: dict[int, int] = {}
    for number, op in enumerate(ops):
        for value in (op.result, *nodes[op.first].inputs, op.residual):
            if value is not None:
                last_read[value] = number
    frees: list[list[int]] = [[] for _ in ops]
    for value, number in last_read.items():
        if value not in kept:
            frees[number].append(value)

    plan = []
    for op, free in zip(ops, frees, strict=True):
        source = nodes[op.first].inputs[0]
        in_place = (
            nodes[op.first].layer.elementwise
            and nodes[op.first].kind not in PLACED
            and source in free
            and len(readers[source]) == 1
            and _owns_memory(network, source)
            and nodes[source].shape == nodes[op.first].shape
        )
        plan.append(op._replace(frees=tuple(free), in_place=in_place))
    return plan


def _fused(network: Network, readers: list[list[int]], kept: set[int]) -> list[FusedOp]:
    nodes = network.nodes

    def only_reader(index: int) -> int | None:
        """The node that alone reads this value, if it may be fused."""
        return readers[index][0] if len(readers[index]) == 1 and index not in kept else None

    fused: set[int] = set()
    computed = {index for index, node in enumerate(nodes) if node.is_input}
    ops = []
    for index, node in enumerate(nodes):
        if node.is_input or index in fused:
            continue
        norm = add = residual = activation = None
        last = index
        if node.kind in WITH_EPILOGUE:
            after = only_reader(last)
            if after is not None and _is_folded(network, after):
                norm = last = after
                after = only_reader(last)
            if after is not None and nodes[after].kind == "add" and len(nodes[after].inputs) == 2:
                other = sum(nodes[after].inputs) - last
                if other in computed and nodes[other].shape == nodes[last].shape:
                    residual, add = other, after
                    last = after
                    after = only_reader(last)
            if after is not None and _is_activation(network, after):
                activation = last = after
        op = FusedOp(index, norm, add, residual, activation)
        fused.update(op.nodes)
        computed.add(last)
        ops.append(op)
    return ops


def _is_folded(network: Network, index: int) -> bool:
    """Whether a node is a normalisation with the same factors at every position."""
    layer = network.nodes[index].layer
    return layer.role == "norm" and layer.elementwise


def _is_activation(network: Network, index: int) -> bool:
    """Whether a node is an activation without weights that needs one element at a time."""
    node = network.nodes[index]
    layer = node.layer
    learned = layer.parameters(network.input_shapes(node))
    return layer.role == "activation" and layer.elementwise and not learned


def _owns_memory(network: Network, index: int) -> bool:
    """Whether a value surely has memory of its own; other kernels may return views."""
    node = network.nodes[index]
    return node.kind in WITH_EPILOGUE or node.layer.elementwise or node.layer.joins is not None
