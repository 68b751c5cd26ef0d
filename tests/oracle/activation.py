"""Activations, each written as its formula stands in the literature."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from convcalc.layers.activation import CELU, ELU, Clip, HardSigmoid, LeakyReLU, PReLU, Softmax
from convcalc.layers.base import Layer
from tests.oracle.counting import (
    Number,
    Run,
    Tensor,
    at,
    combine,
    erf,
    exp,
    log,
    maximum,
    minimum,
    select,
    tanh,
    total,
)
from tests.oracle.windows import everywhere, shape_of

# Klambauer et al., arXiv:1706.02515.
_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805

Kind = Callable[[Layer, Sequence[Tensor], Run], Tensor]


def each(function: Callable[[Number], Number]) -> Kind:
    """The kind that applies a function without arguments of its own to each element."""

    def run_kind(layer: Layer, inputs: Sequence[Tensor], run: Run) -> Tensor:
        (x,) = inputs
        return {index: function(value) for index, value in x.items()}

    return run_kind


def relu(x: Number) -> Number:
    return maximum(x, 0.0)


def relu6(x: Number) -> Number:
    return minimum(maximum(x, 0.0), 6.0)


def clip(layer: Clip, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    result: Tensor = {}
    for index, value in x.items():
        result[index] = value
        if layer.min is not None:
            result[index] = maximum(result[index], layer.min)
        if layer.max is not None:
            result[index] = minimum(result[index], layer.max)
    return result


def leaky_relu(layer: LeakyReLU, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return {index: select(v > 0, v, layer.slope * v) for index, v in x.items()}


def prelu(layer: PReLU, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    result: Tensor = {}
    for index, value in x.items():
        slope = run.weight("slope", index[0] if layer.per_channel else 0)
        result[index] = select(value > 0, value, slope * value)
    return result


def elu(layer: ELU, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return {index: select(v > 0, v, layer.alpha * (exp(v) - 1)) for index, v in x.items()}


def selu(x: Number) -> Number:
    return _SELU_SCALE * select(x > 0, x, _SELU_ALPHA * (exp(x) - 1))


def celu(layer: CELU, inputs: Sequence[Tensor], run: Run) -> Tensor:
    (x,) = inputs
    return {
        index: select(v > 0, v, layer.alpha * (exp(v / layer.alpha) - 1)) for index, v in x.items()
    }


def gelu(x: Number) -> Number:
    return x * 0.5 * (1 + erf(x * math.sqrt(0.5)))


def silu(x: Number) -> Number:
    return x / (1 + exp(-x))


def mish(x: Number) -> Number:
    return x * tanh(log(1 + exp(x)))


def softplus(x: Number) -> Number:
    return log(1 + exp(x))


def sigmoid(x: Number) -> Number:
    return 1 / (1 + exp(-x))


def hard_sigmoid(layer: HardSigmoid, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """A line that is cut off at 0 and at 1, in units of 1 / alpha: those are known before."""
    (x,) = inputs
    one = 1 / layer.alpha
    shift = layer.beta * one
    return {i: minimum(maximum(v + shift, 0.0), one) / one for i, v in x.items()}


def hard_swish(x: Number) -> Number:
    return x * minimum(maximum(x + 3, 0.0), 6.0) / 6


def softmax(layer: Softmax, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """Along each position's channels of a group; without the largest, so that exp stays finite."""
    (x,) = inputs
    channels, *sizes = shape_of(x)
    result: Tensor = {}
    for place in everywhere(sizes):
        for group in range(layer.groups):
            members = [c for c in range(channels) if c * layer.groups // channels == group]
            largest = combine([x[at(c, *place)] for c in members], maximum)
            powers = {c: exp(x[at(c, *place)] - largest) for c in members}
            sum_ = total(powers.values())
            for c in members:
                result[at(c, *place)] = powers[c] / sum_
    return result
