"""The reference kernels: what each kind computes, as short as NumPy can say it.

`convcalc.executor.dispatch` replaces some by faster kernels, which tests compare with these. A
kernel takes its layer, its inputs (batch, channels, *spatial) and its weights by name, and returns
a new array or a view of its input. Its sizes come out of NumPy's views: it must not ask the layer,
or use the formulas of the predictor, for a shape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from convcalc.executor.arrays import Array
from convcalc.executor.kernels import (
    activation,
    attention,
    constants,
    convolution,
    deformable,
    dense,
    functions,
    indexing,
    joins,
    magnitude,
    normalisation,
    pooling,
    recurrent,
    reduction,
    resizing,
    structure,
)

#: (layer, inputs, weights) -> output. The layer's type is the kind's own class.
Kernel = Callable[[Any, Any, Any], Array]

#: Every kind's kernel. A new kind adds its line here.
KERNELS: dict[str, Kernel] = {
    "conv": convolution.conv,
    "depthwise": convolution.depthwise,
    "conv_transpose": convolution.conv_transpose,
    "maxpool": pooling.maxpool,
    "minpool": pooling.minpool,
    "avgpool": pooling.avgpool,
    "global_maxpool": pooling.global_maxpool,
    "global_avgpool": pooling.global_avgpool,
    "adaptive_maxpool": pooling.adaptive_maxpool,
    "adaptive_avgpool": pooling.adaptive_avgpool,
    "dense": dense.dense,
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
    "relu": activation.relu,
    "relu6": activation.relu6,
    "clip": activation.clip,
    "leaky_relu": activation.leaky_relu,
    "prelu": activation.prelu,
    "elu": activation.elu,
    "selu": activation.selu,
    "celu": activation.celu,
    "gelu": activation.gelu,
    "silu": activation.silu,
    "mish": activation.mish,
    "softplus": activation.softplus,
    "sigmoid": activation.sigmoid,
    "hard_sigmoid": activation.hard_sigmoid,
    "hard_swish": activation.hard_swish,
    "tanh": activation.tanh,
    "softmax": activation.softmax,
    "pow": functions.pow_,
    "sqrt": functions.sqrt,
    "rescaling": functions.rescaling,
    "dropout": structure.dropout,
    "identity": structure.identity,
    "flatten": structure.flatten,
    "reshape": structure.reshape,
    "transpose": structure.transpose,
    "pad": structure.pad,
    "crop": structure.crop,
    "upsample": resizing.upsample,
    "pixel_shuffle": structure.pixel_shuffle,
    "channel_shuffle": structure.channel_shuffle,
    "slice": structure.slice_axis,
    "gather": indexing.gather,
    "broadcast": indexing.broadcast,
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
