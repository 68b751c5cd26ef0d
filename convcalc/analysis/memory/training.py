"""The memory of a training step: weights, gradients, optimizer state, and kept activations."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from convcalc.analysis.costs.report import analyze
from convcalc.analysis.memory.fused import by_part, fused_attentions
from convcalc.analysis.training.step import Training
from convcalc.graph import Network
from convcalc.layers.traits import Kept

#: Bytes of a number that is float32 whatever the passes compute with: master weights, optimizer
#: state, statistics.
FULL = 4
#: Bytes of a truth value, and of the place of an element.
_FLAG = 1
_INDEX = 8


class KeptTensor(NamedTuple):
    """Memory that the forward pass fills and the backward pass reads.

    path   the layer or input whose value it is, or whose backward pass reads it
    what   "value", "numbers", "statistics", "flags" or "indices"
    bytes  for the whole batch
    """

    path: str
    what: str
    bytes: int


class TrainingMemory(NamedTuple):
    """Bytes that are held when the backward pass begins.

    weights      the learned numbers, in the type that the passes compute with
    buffers      the running statistics, float32
    gradients    one number for each learned one, of the same type
    master       float32 copies of the weights, if those are narrower
    state        what the optimizer keeps for each learned number, float32
    activations  what is kept for the backward pass
    kept         those activations, one by one, in execution order
    fused        whether attentions run as one kernel each, without scores and probabilities
    """

    weights: int
    buffers: int
    gradients: int
    master: int
    state: int
    activations: int
    kept: tuple[KeptTensor, ...]
    fused: bool = False

    @property
    def total(self) -> int:
        """All of it, without the gradients of activations, which are freed one by one."""
        return sum(self[:6])


def training_memory(
    training: Training, number_bytes: int = FULL, *, fused_attention: bool = False
) -> TrainingMemory:
    """The memory of a training step whose weights and activations take `number_bytes` each.

    With `fused_attention` an attention keeps no scores and no probabilities.

    Fewer than 4 bytes (float16, bfloat16) mean mixed precision: the passes work on narrow weights,
    gradients and activations, and the optimizer on a float32 copy of the weights.

    >>> import convcalc
    >>> from convcalc.analysis.training.step import train
    >>> memory = training_memory(train(convcalc.load("lenet"), optimizer="adam"))
    >>> memory.weights, memory.gradients, memory.state
    (246824, 246824, 493648)
    """
    totals = analyze(training.network).totals
    kept = kept_tensors(training, number_bytes, fused_attention=fused_attention)
    return TrainingMemory(
        weights=totals.params * number_bytes,
        buffers=totals.buffers * FULL,
        gradients=totals.params * number_bytes,
        master=totals.params * FULL if number_bytes < FULL else 0,
        state=totals.params * training.optimizer.state * FULL,
        activations=sum([tensor.bytes for tensor in kept]),
        kept=tuple(kept),
        fused=fused_attention,
    )


def kept_tensors(
    training: Training, number_bytes: int = FULL, *, fused_attention: bool = False
) -> list[KeptTensor]:
    """What the backward pass needs of the forward pass, each value once, in execution order."""
    network, batch = training.network, training.batch
    fused = by_part(fused_attentions(network)) if fused_attention else {}
    made_by = _makers(network)
    indices = [index for index, node in enumerate(network.nodes) if not node.is_input]
    values: set[int] = set()
    others: dict[int, list[KeptTensor]] = {}
    for index, layer in zip(indices, training.layers, strict=True):
        node, kept = layer.node, layer.kept
        attention = fused.get(index)
        if attention is None:
            values.update([made_by[node.inputs[which]] for which in kept.inputs])
            if kept.output:
                values.add(made_by[index])
        elif index == attention.result and kept != Kept():
            values.update([made_by[i] for i in (*attention.reads, index)])
            kept = Kept(statistics=batch * attention.statistics)
        else:
            # What the network of a continuous bias keeps is no score and no probability.
            kept = Kept(numbers=kept.numbers)
        sizes = {
            "numbers": kept.numbers * number_bytes,
            "statistics": kept.statistics * FULL,
            "flags": kept.flags * _FLAG,
            "indices": kept.indices * _INDEX,
        }
        others[index] = [KeptTensor(node.path, what, size) for what, size in sizes.items() if size]
    # Places that are a value of the network are not kept once more by what has found them.
    placed = {
        network.nodes[index].unit for index in values if network.nodes[index].layer.element_bytes
    }
    for index, kept_by in others.items():
        if network.nodes[index].unit in placed:
            others[index] = [tensor for tensor in kept_by if tensor.what != "indices"]
    found: list[KeptTensor] = []
    for index, node in enumerate(network.nodes):
        if index in values and not node.layer.constant:
            size = batch * prod(node.shape) * (node.layer.element_bytes or number_bytes)
            found.append(KeptTensor(node.path, "value", size))
        found += others.get(index, [])
    return found


def _makers(network: Network) -> list[int]:
    """By node, the node that made its value: that of a view is its input's."""
    made_by: list[int] = []
    for index, node in enumerate(network.nodes):
        view = bool(node.inputs) and node.layer.training_view(network.input_shapes(node))
        made_by.append(made_by[node.inputs[0]] if view else index)
    return made_by
