"""The backward oracle: every kind's gradients in plain loops, on numbers that count.

Written from the derivatives of the forward definitions; nothing here asks a layer for its shape,
its windows, its parameters or its counts. That the loops do compute gradients is seen by small
changes of the inputs and the learned numbers. A new kind gets one line in `BACKWARD`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from random import Random
from typing import Any, NamedTuple

from convcalc.counts import Counts
from convcalc.layers.base import Layer
from convcalc.layers.traits import Backward, Kept
from convcalc.shapes import Shape
from tests.oracle import backward_activation as activation
from tests.oracle import backward_attention as attention
from tests.oracle import backward_constants as constants
from tests.oracle import backward_deformable as deformable
from tests.oracle import backward_normalisation as normalisation
from tests.oracle import backward_recurrent as recurrent
from tests.oracle import backward_resizing as resizing
from tests.oracle import backward_structure as structure
from tests.oracle import backward_windows as windows
from tests.oracle import functions, magnitude, reduction
from tests.oracle.backward_activation import from_input, from_output
from tests.oracle.counting import Number, Run, Tensor
from tests.oracle.table import ORACLES
from tests.oracle.training import Step
from tests.oracle.windows import everywhere

#: What goes back through each kind: (layer, step). A layer's fields are its class's own.
BACKWARD: dict[str, Callable[[Any, Step], None]] = {
    "conv": windows.conv,
    "depthwise": windows.depthwise,
    "conv_transpose": windows.conv_transpose,
    "maxpool": windows.maxpool,
    "indices": windows.indices,
    "unpool": structure.unpool,
    "minpool": windows.minpool,
    "avgpool": windows.avgpool,
    "global_maxpool": windows.global_maxpool,
    "global_avgpool": windows.global_avgpool,
    "adaptive_maxpool": windows.adaptive_maxpool,
    "adaptive_avgpool": windows.adaptive_avgpool,
    "channel_maxpool": reduction.reduce_max_backward,
    "channel_avgpool": reduction.reduce_mean_backward,
    "dense": windows.dense,
    "lstm": recurrent.lstm,
    "gru": recurrent.gru,
    "conv_lstm": recurrent.conv_lstm,
    "batchnorm": normalisation.batchnorm,
    "layernorm": normalisation.layernorm,
    "groupnorm": normalisation.groupnorm,
    "instancenorm": normalisation.instancenorm,
    "lrn": normalisation.lrn,
    "rmsnorm": magnitude.rmsnorm_backward,
    "l2norm": magnitude.l2norm_backward,
    "grn": magnitude.grn_backward,
    "relu": from_output(activation.relu),
    "relu6": from_input(activation.relu6),
    "clip": from_input(activation.clip),
    "leaky_relu": from_input(activation.leaky_relu),
    "prelu": activation.prelu,
    "elu": from_input(activation.elu),
    "selu": from_input(activation.selu),
    "celu": from_input(activation.celu),
    "gelu": from_input(activation.gelu),
    "silu": from_input(activation.silu),
    "mish": from_input(activation.mish),
    "softplus": from_input(activation.softplus),
    "sigmoid": from_output(activation.sigmoid),
    "hard_sigmoid": from_input(activation.hard_sigmoid),
    "hard_swish": from_input(activation.hard_swish),
    "tanh": from_output(activation.tanh_),
    "softmax": activation.softmax,
    "pow": from_input(functions.pow_backward),
    "sqrt": from_output(functions.sqrt_backward),
    "rescaling": functions.rescaling_backward,
    "dropout": structure.dropout,
    "stochastic_depth": structure.stochastic_depth,
    "identity": structure.moved,
    "flatten": structure.moved,
    "reshape": structure.moved,
    "transpose": structure.moved,
    "pad": structure.moved,
    "crop": structure.moved,
    "upsample": resizing.upsample,
    "pixel_shuffle": structure.moved,
    "pixel_unshuffle": structure.moved,
    "channel_shuffle": structure.moved,
    "slice": structure.moved,
    "gather": structure.moved,
    "broadcast": structure.moved,
    "reduce_mean": reduction.reduce_mean_backward,
    "reduce_max": reduction.reduce_max_backward,
    "reduce_sum": reduction.reduce_sum_backward,
    "scale": structure.scale,
    "parameter": constants.parameter,
    "buffer": constants.buffer,
    "add": structure.add,
    "sub": structure.sub,
    "mul": structure.mul,
    "div": structure.div,
    "concat": structure.moved,
    "matmul": structure.matmul,
    "deform_conv": deformable.deform_conv,
    "attention_norm": attention.norm,
    "attention_scores": attention.scores,
    "attention_bias": attention.bias,
    "attention_values": attention.values,
}

#: Kinds whose forward pass in training is not that of inference, sample by sample.
FORWARD: dict[str, Callable[[Any, Step], None]] = {
    "batchnorm": normalisation.batchnorm_forward,
    "dropout": structure.dropout_forward,
    "attention_norm": attention.norm_forward,
    "attention_bias": attention.bias_forward,
    "stochastic_depth": structure.stochastic_depth_forward,
}

#: Inputs are drawn from this range, so that both sides of every bend are reached.
_RANGES = {
    "relu6": (-4.0, 9.0),
    "hard_sigmoid": (-6.0, 6.0),
    "hard_swish": (-6.0, 6.0),
    # Powers and roots of negative numbers are none.
    "pow": (0.2, 2.0),
    "sqrt": (0.2, 2.0),
    # A divisor away from 0.
    "div": (0.5, 2.0),
}


class Trained(NamedTuple):
    """What a layer was seen to do in a training step."""

    forward: Counts
    backward: Backward
    kept: Kept


class Experiment:
    """A layer, a batch of random inputs, and the gradient of a random loss."""

    def __init__(
        self, layer: Layer, shapes: Sequence[Shape], batch: int, wanted: Sequence[bool], seed: str
    ) -> None:
        self.rng = Random(seed)
        self.layer = layer
        self.run = Run(self.rng.randrange(10**9), valid_taps=False)
        low, high = _RANGES.get(layer.kind, (-1.0, 1.0))
        self.samples = [
            [
                {i: self.run.constant(self.rng.uniform(low, high)) for i in everywhere(shape)}
                for shape in shapes
            ]
            for _ in range(batch)
        ]
        self.step = Step(layer, self.samples, self.run, wanted)

    def observe(self) -> Trained:
        """Runs the layer forward and backward."""
        step = self.step
        with step.part("forward"):
            forward(step)
        step.dy = [
            {index: self.run.constant(self.rng.uniform(-1, 1)) for index in y} for y in step.outputs
        ]
        BACKWARD[self.layer.kind](self.layer, step)
        counts = {name: step.counts.get(name, Counts()) for name in ("weights", "bias", "input")}
        return Trained(step.counts["forward"], Backward(**counts), step.kept())

    def slopes(self) -> list[tuple[str, float, float]]:
        """How the loss changes with small changes: by the gradients, and as it is seen to.

        For a random direction of each wanted input and of all learned numbers: what was changed,
        what the gradients say, what a central difference says. Of a kind whose result jumps, a
        difference says nothing.
        """
        step = self.step
        found = []
        for which, wanted in enumerate(step.wanted):
            if wanted and self.layer.differentiable:
                direction = [self._direction(sample[which]) for sample in self.samples]
                told = sum(
                    [
                        step.dx[s, which][index].value * by
                        for s, along in enumerate(direction)
                        for index, by in along.items()
                    ]
                )
                seen = self._difference(inputs={which: direction})
                found.append((f"input {which}", told, seen))
        if self.run.learned:
            along = self._direction(self.run.learned)
            told = sum([step.dw[key].value * by for key, by in along.items()])
            found.append(("learned", told, self._difference(learned=along)))
        return found

    def _direction(self, numbers: Mapping[Any, Number]) -> dict[Any, float]:
        return {key: self.rng.uniform(-1, 1) for key in numbers}

    def _difference(
        self,
        inputs: Mapping[int, Sequence[Mapping[Any, float]]] | None = None,
        learned: Mapping[Any, float] | None = None,
    ) -> float:
        size = 1e-6
        ahead = self._loss(inputs or {}, learned or {}, size)
        behind = self._loss(inputs or {}, learned or {}, -size)
        return (ahead - behind) / (2 * size)

    def _loss(
        self,
        inputs: Mapping[int, Sequence[Mapping[Any, float]]],
        learned: Mapping[Any, float],
        size: float,
    ) -> float:
        run = Run(0, valid_taps=False)
        run.statistics = self.run.statistics
        run.learned = {
            key: run.constant(number.value + size * learned.get(key, 0.0))
            for key, number in self.run.learned.items()
        }
        samples: list[list[Tensor]] = []
        for s, sample in enumerate(self.samples):
            tensors: list[Tensor] = []
            for which, x in enumerate(sample):
                along = inputs[which][s] if which in inputs else {}
                tensors.append(
                    {i: run.constant(v.value + size * along.get(i, 0.0)) for i, v in x.items()}
                )
            samples.append(tensors)
        step = Step(self.layer, samples, run, self.step.wanted)
        forward(step)
        return sum(
            [
                y[index].value * gradient.value
                for y, dy in zip(step.outputs, self.step.dy, strict=True)
                for index, gradient in dy.items()
                if isfinite(y[index].value)  # a window that lies on padding alone
            ]
        )


def forward(step: Step) -> None:
    """The forward pass as it is in training."""
    kind = step.layer.kind
    if kind in FORWARD:
        FORWARD[kind](step.layer, step)
    else:
        step.outputs = [ORACLES[kind](step.layer, sample, step.run) for sample in step.samples]
