"""The cost of a training step on a batch, layer by layer, and what the backward pass needs of it.

A step runs the network forward, propagates the gradient of the loss backward, and updates every
parameter. The loss itself is not part of the network and is not counted: its gradient with respect
to the outputs is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from convcalc import given
from convcalc.analysis.training.optimizers import Optimizer, optimizer_named
from convcalc.counts import NOTHING, Counts
from convcalc.gc_pause import gc_paused
from convcalc.graph import Network, Node, check_network, located
from convcalc.layers.base import parameter_count
from convcalc.layers.traits import Backward, Kept
from convcalc.problems import ConvcalcError, RuleError
from convcalc.shapes import Shape


class StepCost(NamedTuple):
    """Scalar operations of a training step, of a layer or of many, and the MACs among them.

    forward          the forward pass, as it is while training
    input_gradient   the gradient with respect to the layer's inputs
    weight_gradient  that with respect to its learned arrays, biases aside
    bias_gradient    that with respect to its biases
    gradient_sums    the sum of the gradients with respect to its output, if that has several uses
    step             the optimizer's update of its parameters
    unknown          the layers of which only that update is known, where their parameters are given
    """

    forward: Counts = NOTHING
    input_gradient: Counts = NOTHING
    weight_gradient: Counts = NOTHING
    bias_gradient: Counts = NOTHING
    gradient_sums: Counts = NOTHING
    step: Counts = NOTHING
    forward_macs: int = 0
    input_gradient_macs: int = 0
    weight_gradient_macs: int = 0
    unknown: int = 0

    @property
    def phases(self) -> tuple[Counts, ...]:
        """The six counted parts, in the order of the fields."""
        return self[:6]

    @property
    def backward(self) -> Counts:
        """Everything between the forward pass and the optimizer's step."""
        return summed(self.phases[1:5])

    @property
    def total(self) -> Counts:
        """The whole step."""
        return summed(self.phases)

    @property
    def backward_macs(self) -> int:
        """Multiply-accumulates of the backward pass."""
        return self.input_gradient_macs + self.weight_gradient_macs

    @property
    def macs(self) -> int:
        """Those of the forward and of the backward pass."""
        return self.forward_macs + self.backward_macs

    def to_dict(self) -> dict[str, Any]:
        """The phases and the MACs as plain data."""
        parts = zip(self._fields[:6], self.phases, strict=True)
        return {
            **{name: _classes(part) for name, part in parts},
            "macs": {
                "forward": self.forward_macs,
                "input_gradient": self.input_gradient_macs,
                "weight_gradient": self.weight_gradient_macs,
            },
        }


def _classes(counts: Counts) -> dict[str, int]:
    return {**counts._asdict(), "flops": counts.flops}


class LayerTraining(NamedTuple):
    """One operation: its node, what it costs, and what it keeps for the backward pass."""

    node: Node
    cost: StepCost
    kept: Kept


class Training:
    """A training step on a batch: what every layer costs, and the totals.

    optimizer       the one whose steps are counted
    input_gradient  whether the gradient reaches the network's own inputs
    layers          a `LayerTraining` for each operation, in execution order
    totals          the sum over the layers
    """

    def __init__(
        self,
        network: Network,
        batch: int,
        optimizer: Optimizer,
        input_gradient: bool,
        layers: list[LayerTraining],
    ) -> None:
        self.network = network
        self.batch = batch
        self.optimizer = optimizer
        self.input_gradient = input_gradient
        self.layers = layers
        self.totals = step_total([layer.cost for layer in layers])

    @property
    def complete(self) -> bool:
        """Whether the totals are whole: there is no layer of which the cost is unknown."""
        return not self.totals.unknown

    def __repr__(self) -> str:
        least = "" if self.complete else "at least "
        what = f"batch {self.batch}, {self.optimizer.name}, {least}{self.totals.macs:,} MACs"
        return f"<Training of {self.network.name}: {what}>"

    def to_dict(self) -> dict[str, Any]:
        """The step as plain data: what `flops --training --format json` has under "training".

        >>> import convcalc
        >>> step = convcalc.train(convcalc.load("lenet"))
        >>> step.to_dict()["totals"]["macs"]["forward"]
        416520
        """
        layers = []
        for layer in self.layers:
            cost = layer.cost.to_dict()
            known = dict.fromkeys(cost) if layer.cost.unknown else cost
            layers.append({"path": layer.node.path, "kind": layer.node.kind, **known})
        return {
            "batch": self.batch,
            "optimizer": self.optimizer.name,
            "input_gradient": self.input_gradient,
            "layers": layers,
            "totals": {
                **self.totals.to_dict(),
                "backward": _classes(self.totals.backward),
                "total": _classes(self.totals.total),
            },
        }


def summed(counts: Sequence[Counts]) -> Counts:
    """The sum, class by class."""
    return Counts(*[sum(column) for column in zip(*counts, strict=True)])


def step_total(costs: Sequence[StepCost]) -> StepCost:
    """The sum of some layers' costs."""
    if not costs:
        return StepCost()
    parts = [summed(column) for column in zip(*[cost.phases for cost in costs], strict=True)]
    macs = [sum(column) for column in zip(*[cost[6:] for cost in costs], strict=True)]
    return StepCost._make([*parts, *macs])


@gc_paused()
def train(
    network: Network,
    *,
    batch: int = 1,
    optimizer: str = "sgd",
    input_gradient: bool = False,
) -> Training:
    """Counts one training step on `batch` samples.

    A gradient is computed where it is needed for parameters, so not for the network's inputs, nor
    for the layers before the first one with parameters; `input_gradient` computes it for them too.
    Raises ConvcalcError for an optimizer that is not known, and for layers whose kind has no rule.

    >>> import convcalc
    >>> step = train(convcalc.load("lenet"), optimizer="adam")
    >>> step.totals.forward_macs, step.totals.weight_gradient_macs, step.totals.input_gradient_macs
    (416520, 416520, 298920)
    """
    check_network(network)
    batch = given.whole("batch", batch)
    given.flag("input_gradient", input_gradient)
    chosen = optimizer_named(optimizer)
    flows = gradient_flows(network, input_gradient=input_gradient)
    arriving = _arriving_gradients(network, flows)
    # Copies of a layer share one Layer object; their costs are computed once for each input shape.
    known: dict[tuple[object, ...], tuple[Counts, Backward, Kept]] = {}
    layers: list[LayerTraining] = []
    problems = []
    for index, node in enumerate(network.nodes):
        if node.is_input:
            continue
        shapes = tuple(network.input_shapes(node))
        wanted = tuple([flows[source] for source in node.reads])
        key = (id(node.layer), shapes, wanted, flows[index])
        found = known.get(key)
        if found is None:
            try:
                found = known[key] = _passes(node, shapes, wanted, batch, flows[index])
            except RuleError as error:
                problems.append(located(error, node, shapes))
                continue
        forward, back, kept = found
        cost = _cost(node, shapes, forward, back, chosen)
        if arriving[index] > 1:
            sums = Counts(adds=(arriving[index] - 1) * batch * prod(node.shape))
            cost = cost._replace(gradient_sums=sums)
        layers.append(LayerTraining(node, cost, kept))
    if problems:
        raise ConvcalcError(problems)
    return Training(network, batch, chosen, input_gradient, layers)


def gradient_flows(network: Network, *, input_gradient: bool = False) -> list[bool]:
    """For every node, whether its output depends on parameters, so that it has a gradient."""
    flows: list[bool] = []
    for node in network.nodes:
        before = [flows[source] for source in node.reads]
        learns = not node.is_input and bool(node.layer.parameters(network.input_shapes(node)))
        depends = any(before) or learns or (input_gradient and node.is_input)
        flows.append(depends and node.layer.differentiable)
    return flows


def _arriving_gradients(network: Network, flows: list[bool]) -> list[int]:
    """For every node, the number of gradients of its output: one for each use, one as a result."""
    arriving = [0] * len(network.nodes)
    for index, node in enumerate(network.nodes):
        # Whether an unknown layer hands a gradient on is unknown as well.
        for source in node.reads if flows[index] and not node.layer.unknown else ():
            arriving[source] += flows[source]
    for result in set(network.outputs.values()):
        arriving[result] += flows[result]
    return arriving


def _passes(
    node: Node, shapes: tuple[Shape, ...], wanted: tuple[bool, ...], batch: int, flows: bool
) -> tuple[Counts, Backward, Kept]:
    """The forward pass, the backward pass and what is kept between them."""
    layer = node.layer
    if layer.unknown:
        return NOTHING, Backward(), Kept()
    forward = layer.training_counts(shapes, node.shape, batch=batch)
    if not flows:
        # Neither it nor what precedes it has parameters: no gradient is computed.
        return forward, Backward(), Kept()
    back = layer.backward_counts(shapes, node.shape, wanted=wanted, batch=batch)
    return forward, back, layer.kept(shapes, node.shape, wanted=wanted, batch=batch)


def _cost(
    node: Node,
    shapes: tuple[Shape, ...],
    forward: Counts,
    back: Backward,
    optimizer: Optimizer,
) -> StepCost:
    layer = node.layer
    arrays = layer.parameters(shapes)
    params = parameter_count(arrays)
    weights, bias, step = back.weights, back.bias, optimizer.step.times(params)
    if node.shares is not None:
        # The gradient is added to that of the layer that owns the parameters; the optimizer's
        # update is counted there.
        added = {name: shape for name, shape in arrays.items() if name.startswith("bias")}
        biases = parameter_count(added)
        weights = weights.plus(Counts(adds=params - biases))
        bias = bias.plus(Counts(adds=biases))
        step = NOTHING
    return StepCost(
        forward,
        back.input,
        weights,
        bias,
        NOTHING,
        step,
        layer.macs(shapes, node.shape, forward),
        *layer.backward_macs(shapes, node.shape, back),
        int(layer.unknown),
    )
