"""The counting oracle: every kind run with plain loops on numbers that count.

Written from the definitions of the operations and from `op-counts`; nothing here asks a layer for
its shape, its windows, its parameters or its counts. A new kind gets one line in `ORACLES`; a test
fails while it has none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from convcalc.counts import Counts
from convcalc.layers.base import Layer
from convcalc.shapes import Shape
from tests.oracle import (
    activation,
    attention,
    constants,
    convolution,
    deformable,
    functions,
    joins,
    magnitude,
    normalisation,
    pooling,
    recurrent,
    reduction,
    resizing,
    structure,
)
from tests.oracle.activation import each
from tests.oracle.counting import Run, Tensor, square_root, tanh
from tests.oracle.dense import dense
from tests.oracle.windows import everywhere, shape_of

#: What runs each kind: (layer, inputs, run) -> output. A layer's fields are its class's own.
ORACLES: dict[str, Callable[[Any, Sequence[Tensor], Run], Tensor]] = {
    "conv": convolution.conv,
    "depthwise": convolution.depthwise,
    "conv_transpose": convolution.conv_transpose,
    "maxpool": pooling.maxpool,
    "indices": pooling.indices,
    "unpool": pooling.unpool,
    "minpool": pooling.minpool,
    "avgpool": pooling.avgpool,
    "global_maxpool": pooling.global_maxpool,
    "global_avgpool": pooling.global_avgpool,
    "adaptive_maxpool": pooling.adaptive_maxpool,
    "adaptive_avgpool": pooling.adaptive_avgpool,
    "channel_maxpool": reduction.reduce_max,
    "channel_avgpool": reduction.reduce_mean,
    "dense": dense,
    "lstm": recurrent.lstm,
    "gru": recurrent.gru,
    "conv_lstm": recurrent.conv_lstm,
    "batchnorm": normalisation.batchnorm,
    "layernorm": normalisation.layernorm,
    "groupnorm": normalisation.groupnorm,
    "instancenorm": normalisation.instancenorm,
    "lrn": normalisation.lrn,
    "rmsnorm": magnitude.rmsnorm,
    "l2norm": magnitude.l2norm,
    "grn": magnitude.grn,
    "relu": each(activation.relu),
    "relu6": each(activation.relu6),
    "clip": activation.clip,
    "leaky_relu": activation.leaky_relu,
    "prelu": activation.prelu,
    "elu": activation.elu,
    "selu": each(activation.selu),
    "celu": activation.celu,
    "gelu": each(activation.gelu),
    "silu": each(activation.silu),
    "mish": each(activation.mish),
    "softplus": each(activation.softplus),
    "sigmoid": each(activation.sigmoid),
    "hard_sigmoid": activation.hard_sigmoid,
    "hard_swish": each(activation.hard_swish),
    "tanh": each(tanh),
    "softmax": activation.softmax,
    "pow": functions.pow_,
    "sqrt": each(square_root),
    "rescaling": functions.rescaling,
    "dropout": structure.unchanged,
    "stochastic_depth": structure.unchanged,
    "identity": structure.unchanged,
    "flatten": structure.flatten,
    "reshape": structure.reshape,
    "transpose": structure.transpose,
    "pad": structure.pad,
    "crop": structure.crop,
    "upsample": resizing.upsample,
    "pixel_shuffle": structure.pixel_shuffle,
    "pixel_unshuffle": structure.pixel_unshuffle,
    "channel_shuffle": structure.channel_shuffle,
    "slice": structure.slice_,
    "gather": reduction.gather,
    "broadcast": reduction.broadcast,
    "reduce_mean": reduction.reduce_mean,
    "reduce_max": reduction.reduce_max,
    "reduce_sum": reduction.reduce_sum,
    "scale": structure.scale,
    "parameter": constants.parameter,
    "buffer": constants.buffer,
    "add": joins.add,
    "sub": joins.sub,
    "mul": joins.mul,
    "div": joins.div,
    "concat": joins.concat,
    "matmul": joins.matmul,
    "deform_conv": deformable.deform_conv,
    "attention_norm": attention.norm,
    "attention_scores": attention.scores,
    "attention_bias": attention.bias,
    "attention_values": attention.values,
}


class Observed(NamedTuple):
    """What a layer was seen to do: its output's shape, the numbers it uses, its operations."""

    shape: Shape
    params: int
    buffers: int
    counts: Counts


def observe(
    layer: Layer, inputs: Sequence[Shape], *, valid_taps: bool = False, seed: int = 0
) -> Observed:
    """Runs a layer on random numbers. With `valid_taps` padding is not there to be computed with.

    The learned numbers are those that the run touches; with `valid_taps` that may be fewer than the
    layer has, where a tap never meets the input.
    """
    run = Run(seed, valid_taps=valid_taps)
    tensors = [{index: run.number() for index in everywhere(shape)} for shape in inputs]
    output = ORACLES[layer.kind](layer, tensors, run)
    return Observed(shape_of(output), len(run.learned), len(run.statistics), run.tally.counts())
