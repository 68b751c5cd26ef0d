"""Backward passes of activations: the input's gradient from what was kept and the output's."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from convcalc.layers.activation import CELU, ELU, Clip, HardSigmoid, LeakyReLU, PReLU, Softmax
from convcalc.layers.base import Layer
from tests.oracle.counting import Number, Tensor, at, erf, exp, log, select, tanh, total
from tests.oracle.training import Element, Step
from tests.oracle.windows import everywhere, shape_of

# Klambauer et al., arXiv:1706.02515.
_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805

Back = Callable[[Any, Step], None]


def from_input(rule: Callable[[Any, Number, Number], Number]) -> Back:
    """A backward function that looks at each input."""
    return _each(rule, Step.x)


def from_output(rule: Callable[[Any, Number, Number], Number]) -> Back:
    """A backward function that looks at each output."""
    return _each(rule, Step.y)


def _each(
    rule: Callable[[Any, Number, Number], Number], values: Callable[[Step, int], Tensor]
) -> Back:
    def back(layer: Layer, step: Step) -> None:
        with step.part("input"):
            for sample in step.batch():
                v, dy = values(step, sample), step.dy[sample]
                step.dx[sample, 0] = {index: rule(layer, v[index], dy[index]) for index in dy}

    return back


def _nothing(dy: Number) -> Number:
    return Number(0.0, dy.tally)


def relu(layer: Layer, y: Number, dy: Number) -> Number:
    return select(y > 0, dy, _nothing(dy))


def relu6(layer: Layer, x: Number, dy: Number) -> Number:
    above, below = x > 0, Number(6.0, x.tally) > x
    return select(above and below, dy, _nothing(dy))


def clip(layer: Clip, x: Number, dy: Number) -> Number:
    inside = True
    if layer.min is not None:
        inside = x > layer.min
    if layer.max is not None:
        inside = Number(layer.max, x.tally) > x and inside
    return select(inside, dy, _nothing(dy))


def leaky_relu(layer: LeakyReLU, x: Number, dy: Number) -> Number:
    return select(x > 0, dy, layer.slope * dy)


def elu(layer: ELU, x: Number, dy: Number) -> Number:
    return select(x > 0, dy, dy * (layer.alpha * exp(x)))


def selu(layer: Layer, x: Number, dy: Number) -> Number:
    return _SELU_SCALE * select(x > 0, dy, dy * (_SELU_ALPHA * exp(x)))


def celu(layer: CELU, x: Number, dy: Number) -> Number:
    return select(x > 0, dy, dy * exp(x / layer.alpha))


def gelu(layer: Layer, x: Number, dy: Number) -> Number:
    area = 0.5 * (1 + erf(x * math.sqrt(0.5)))
    density = exp(-0.5 * (x * x)) * (1 / math.sqrt(2 * math.pi))
    return dy * (area + x * density)


def silu(layer: Layer, x: Number, dy: Number) -> Number:
    s = 1 / (1 + exp(-x))
    return dy * (s * (1 + x * (1 - s)))


def mish(layer: Layer, x: Number, dy: Number) -> Number:
    e = exp(x)
    one_and_e = 1 + e
    t = tanh(log(one_and_e))
    s = e / one_and_e
    return dy * (t + x * s * (1 - t * t))


def softplus(layer: Layer, x: Number, dy: Number) -> Number:
    return dy / (1 + exp(-x))


def sigmoid(layer: Layer, y: Number, dy: Number) -> Number:
    return dy * y * (1 - y)


def hard_sigmoid(layer: HardSigmoid, x: Number, dy: Number) -> Number:
    low, high = (0 - layer.beta) / layer.alpha, (1 - layer.beta) / layer.alpha
    above, below = x > low, Number(high, x.tally) > x
    share = dy / (1 / layer.alpha)
    return select(above and below, share, _nothing(dy))


def hard_swish(layer: Layer, x: Number, dy: Number) -> Number:
    above, beyond = x > -3, x > 3
    between = dy * (x / 3 + 0.5)
    return select(beyond, dy, select(above, between, _nothing(dy)))


def tanh_(layer: Layer, y: Number, dy: Number) -> Number:
    return dy * (1 - y * y)


def prelu(layer: PReLU, step: Step) -> None:
    """The slope's gradient decides which side each element is on; the input's knows it then."""
    positive: dict[Element, bool] = {}
    with step.part("weights"):
        terms: dict[int, list[Number]] = defaultdict(list)
        for (sample, index), dy in step.elements():
            x = step.x(sample)[index]
            positive[sample, index] = x > 0
            term = select(positive[sample, index], _nothing(dy), x * dy)
            terms[index[0] if layer.per_channel else 0].append(term)
        step.dw.update({("slope", c): total(values) for c, values in terms.items()})
    if any(step.wanted):
        with step.part("input"):
            for sample in step.batch():
                step.dx[sample, 0] = {
                    index: select(
                        positive[sample, index],
                        dy,
                        step.run.weight("slope", index[0] if layer.per_channel else 0) * dy,
                    )
                    for index, dy in step.dy[sample].items()
                }


def softmax(layer: Softmax, step: Step) -> None:
    with step.part("input"):
        for sample in step.batch():
            y, dy = step.y(sample), step.dy[sample]
            channels, *sizes = shape_of(dy)
            dx = step.dx[sample, 0] = {}
            for place in everywhere(sizes):
                for group in range(layer.groups):
                    members = [c for c in range(channels) if c * layer.groups // channels == group]
                    row = [at(c, *place) for c in members]
                    inner = total([dy[index] * y[index] for index in row])
                    dx.update({index: y[index] * (dy[index] - inner) for index in row})
