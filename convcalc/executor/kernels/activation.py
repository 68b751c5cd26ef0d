"""Activations: each a function of one element, and softmax along the channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from convcalc.executor.arrays import Array, per_channel
from convcalc.executor.kernels.erf import erf

if TYPE_CHECKING:
    from convcalc.layers import activation as kinds

#: The constants of SELU, from Klambauer et al., arXiv:1706.02515.
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946

Weights = Mapping[str, Array]


def relu(layer: kinds.ReLU, inputs: Sequence[Array], weights: Weights) -> Array:
    """max(x, 0)."""
    return np.maximum(inputs[0], 0)


def relu6(layer: kinds.ReLU6, inputs: Sequence[Array], weights: Weights) -> Array:
    """min(max(x, 0), 6)."""
    return np.minimum(np.maximum(inputs[0], 0), 6)


def clip(layer: kinds.Clip, inputs: Sequence[Array], weights: Weights) -> Array:
    """min(max(x, least), most)."""
    result: Array = np.clip(inputs[0], layer.min, layer.max)
    return result


def leaky_relu(layer: kinds.LeakyReLU, inputs: Sequence[Array], weights: Weights) -> Array:
    """x where x > 0, else slope*x."""
    (x,) = inputs
    return np.where(x > 0, x, x * layer.slope)


def prelu(layer: kinds.PReLU, inputs: Sequence[Array], weights: Weights) -> Array:
    """leaky_relu with a learned slope, one or one a channel."""
    (x,) = inputs
    return np.where(x > 0, x, x * per_channel(weights["weight"], x.ndim))


def elu(layer: kinds.ELU, inputs: Sequence[Array], weights: Weights) -> Array:
    """x where x > 0, else alpha*(exp(x) - 1)."""
    (x,) = inputs
    return np.where(x > 0, x, layer.alpha * np.expm1(np.minimum(x, 0)))


def selu(layer: kinds.SELU, inputs: Sequence[Array], weights: Weights) -> Array:
    """scale*(x where x > 0, else alpha*(exp(x) - 1))."""
    (x,) = inputs
    return np.where(x > 0, SELU_SCALE * x, SELU_SCALE * SELU_ALPHA * np.expm1(np.minimum(x, 0)))


def celu(layer: kinds.CELU, inputs: Sequence[Array], weights: Weights) -> Array:
    """x where x > 0, else alpha*(exp(x/alpha) - 1)."""
    (x,) = inputs
    return np.where(x > 0, x, layer.alpha * np.expm1(np.minimum(x, 0) / layer.alpha))


def gelu(layer: kinds.GELU, inputs: Sequence[Array], weights: Weights) -> Array:
    """x*0.5*(1 + erf(x / sqrt(2)))."""
    (x,) = inputs
    result: Array = x * 0.5 * (1 + erf(x * 0.5**0.5))
    return result


def sigmoid_of(x: Array) -> Array:
    """1 / (1 + exp(-x))."""
    # exp(-|x|) never overflows; below 0 the fraction is turned around.
    small = np.exp(-np.abs(x))
    result: Array = np.where(x >= 0, 1, small) / (1 + small)
    return result


def sigmoid(layer: kinds.Sigmoid, inputs: Sequence[Array], weights: Weights) -> Array:
    """1 / (1 + exp(-x))."""
    return sigmoid_of(inputs[0])


def silu(layer: kinds.SiLU, inputs: Sequence[Array], weights: Weights) -> Array:
    """x / (1 + exp(-x))."""
    (x,) = inputs
    return x * sigmoid_of(x)


def _softplus(x: Array) -> Array:
    # log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), which never overflows.
    result: Array = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return result


def softplus(layer: kinds.Softplus, inputs: Sequence[Array], weights: Weights) -> Array:
    """log(1 + exp(x))."""
    return _softplus(inputs[0])


def mish(layer: kinds.Mish, inputs: Sequence[Array], weights: Weights) -> Array:
    """x*tanh(log(1 + exp(x)))."""
    (x,) = inputs
    result: Array = x * np.tanh(_softplus(x))
    return result


def hard_sigmoid(layer: kinds.HardSigmoid, inputs: Sequence[Array], weights: Weights) -> Array:
    """min(max(alpha*x + beta, 0), 1)."""
    result: Array = np.clip(inputs[0] * layer.alpha + layer.beta, 0, 1)
    return result


def hard_swish(layer: kinds.HardSwish, inputs: Sequence[Array], weights: Weights) -> Array:
    """x*min(max(x + 3, 0), 6) / 6."""
    (x,) = inputs
    result: Array = x * np.minimum(np.maximum(x + 3, 0), 6) / 6
    return result


def tanh(layer: kinds.Tanh, inputs: Sequence[Array], weights: Weights) -> Array:
    """tanh(x)."""
    result: Array = np.tanh(inputs[0])
    return result


def softmax(layer: kinds.Softmax, inputs: Sequence[Array], weights: Weights) -> Array:
    """exp(x - max) over its sum, along the channels of each group."""
    (x,) = inputs
    groups = x.reshape(len(x), layer.groups, -1, *x.shape[2:])
    powers = np.exp(groups - groups.max(axis=2, keepdims=True))
    powers /= powers.sum(axis=2, keepdims=True)
    result: Array = powers.reshape(x.shape)
    return result
