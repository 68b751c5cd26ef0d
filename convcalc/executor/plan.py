"""The plan of a run: which operations run together, and when each value can be forgotten."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from convcalc.graph import Network


class Step(NamedTuple):
    """One layer with what runs on its result while that is in the cache; indices of nodes.

    first       the layer that computes; its inputs are the step's
    norm        the batchnorm folded into it
    join        the `add` that takes its result, and `residual` what else that adds
    activation  applied last
    frees       values that nobody needs after this step
    in_place    the result may take its input's memory
    """

    first: int
    norm: int | None
    join: int | None
    residual: int | None
    activation: int | None
    frees: tuple[int, ...]
    in_place: bool

    @property
    def nodes(self) -> tuple[int, ...]:
        """The nodes of the step, in their order."""
        chain = (self.first, self.norm, self.join, self.activation)
        return tuple([index for index in chain if index is not None])

    @property
    def result(self) -> int:
        """The node whose value the step leaves."""
        return self.nodes[-1]


def steps_of(network: Network, keep: Collection[int]) -> list[Step]:
    """The steps of a run. Values of the outputs and of the nodes in `keep` are never fused away.

    Predicted shapes decide what is fused, never what comes out.
    """
    nodes = network.nodes
    kept = {*keep, *network.outputs.values()}
    readers: list[list[int]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        for read in node.inputs:
            readers[read].append(index)

    def follower(index: int) -> int | None:
        """The one node that reads this value, if it may be fused."""
        return readers[index][0] if len(readers[index]) == 1 and index not in kept else None

    taken: set[int] = set()
    ready = {index for index, node in enumerate(nodes) if not node.inputs}
    chains: list[Step] = []
    for index, node in enumerate(nodes):
        if not node.inputs or index in taken:
            continue
        norm = join = residual = activation = None
        last = index
        if node.layer.weighted:
            after = follower(last)
            if after is not None and _folds(network, after):
                norm = last = after
                after = follower(last)
            if after is not None and nodes[after].kind == "add" and len(nodes[after].inputs) == 2:
                other = sum(nodes[after].inputs) - last
                if other in ready and nodes[other].shape == nodes[last].shape:
                    residual, join = other, after
                    last = after
                    after = follower(last)
            if after is not None and _activates(network, after):
                activation = last = after
        taken.update(i for i in (norm, join, activation) if i is not None)
        chains.append(Step(index, norm, join, residual, activation, (), False))
        ready.add(last)

    last_use: dict[int, int] = {}
    for number, step in enumerate(chains):
        last_use[step.result] = number
        for read in _reads(network, step):
            last_use[read] = number
    frees: list[list[int]] = [[] for _ in chains]
    for index, number in last_use.items():
        if index not in kept:
            frees[number].append(index)

    finished = []
    for step, free in zip(chains, frees, strict=True):
        layer = nodes[step.first].layer
        source = nodes[step.first].inputs[0]
        in_place = (
            layer.elementwise
            and source in free
            and len(readers[source]) == 1
            and _fresh(network, source)
            and nodes[source].shape == nodes[step.first].shape
        )
        finished.append(step._replace(frees=tuple(free), in_place=in_place))
    return finished


class Separable(NamedTuple):
    """Steps in a row that run as one depthwise separable convolution; numbers of steps.

    The pointwise convolution before the depthwise one, or the one behind it, may be missing.
    """

    expand: int | None
    depthwise: int
    project: int | None

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps in their order."""
        numbers = (self.expand, self.depthwise, self.project)
        return tuple([number for number in numbers if number is not None])


def separables_of(network: Network, steps: list[Step]) -> dict[int, Separable]:
    """The depthwise separable convolutions among the steps, by the number of their first step.

    What lies between their steps is never there as a whole: nobody else may want it.
    """

    def leads(number: int) -> bool:
        """Whether this step's value goes into the next step, and nowhere else."""
        if not 0 <= number < len(steps) - 1:
            return False
        after = steps[number + 1]
        value = steps[number].result
        return network.nodes[after.first].inputs == (value,) and value in after.frees

    found: dict[int, Separable] = {}
    taken = -1
    for number, step in enumerate(steps):
        if not _filters(network, step):
            continue
        before, after = number - 1, number + 1
        expands = before > taken and leads(before) and _pointwise(network, steps[before])
        # What a residual adds must not be cut into other strips than the expanded map's.
        expands = expands and steps[before].residual is None
        projects = leads(number) and _pointwise(network, steps[after])
        if (expands or projects) and step.residual is None:
            block = Separable(before if expands else None, number, after if projects else None)
            found[block.steps[0]] = block
            taken = block.steps[-1]
    return found


def _filters(network: Network, step: Step) -> bool:
    """Whether a step is a depthwise convolution with as many channels behind it as before."""
    node = network.nodes[step.first]
    channels = network.nodes[node.inputs[0]].shape[0]
    layer: Any = node.layer
    grouped = layer.kind == "depthwise" or (layer.kind == "conv" and layer.groups == channels > 1)
    return grouped and node.shape[0] == channels


def _pointwise(network: Network, step: Step) -> bool:
    """Whether a step is a convolution that looks at one position at a time, and at each."""
    node = network.nodes[step.first]
    layer: Any = node.layer
    if layer.kind != "conv" or layer.groups > 1:
        return False
    return set(layer.kernel) == set(layer.stride) == {1} and (
        node.shape[1:] == network.nodes[node.inputs[0]].shape[1:]
    )


def _reads(network: Network, step: Step) -> list[int]:
    inputs = list(network.nodes[step.first].inputs)
    return inputs if step.residual is None else [*inputs, step.residual]


def _folds(network: Network, index: int) -> bool:
    layer = network.nodes[index].layer
    return layer.role == "norm" and layer.elementwise


def _activates(network: Network, index: int) -> bool:
    node = network.nodes[index]
    layer = node.layer
    learned = layer.parameters(network.input_shapes(node))
    return layer.role == "activation" and layer.elementwise and not learned


def _fresh(network: Network, index: int) -> bool:
    """Whether a value surely has memory of its own; other kernels may return views."""
    layer = network.nodes[index].layer
    return layer.weighted or layer.elementwise or layer.joins is not None
