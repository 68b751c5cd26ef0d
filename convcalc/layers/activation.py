"""Activations: element-wise functions, and softmax along the channels."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from convcalc.counts import Counts
from convcalc.layers.base import ElementwiseLayer, Layer, only
from convcalc.layers.fields import Flag, Real, field
from convcalc.shapes import Shape


class _Activation(ElementwiseLayer):
    """A function of one element; abstract."""

    role = "activation"


class ReLU(_Activation, kind="relu"):
    """max(x, 0): one comparison an element."""

    cost = Counts(compares=1)


class ReLU6(_Activation, kind="relu6"):
    """min(max(x, 0), 6): two comparisons an element."""

    cost = Counts(compares=2)


class LeakyReLU(_Activation, kind="leaky_relu"):
    """x if x > 0 else slope*x: one comparison and one multiplication an element."""

    cost = Counts(compares=1, multiplies=1)

    slope: float = field(Real(), "factor of negative values", default=0.01)


class PReLU(_Activation, kind="prelu"):
    """leaky_relu with a learned slope: one comparison and one multiplication an element."""

    cost = Counts(compares=1, multiplies=1)

    per_channel: bool = field(Flag(), "learn a slope for each channel, not one", default=False)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        return {"weight": (only(inputs)[0] if self.per_channel else 1,)}


class ELU(_Activation, kind="elu"):
    """x if x > 0 else alpha*(exp(x) - 1): a comparison, exp, addition, multiplication."""

    cost = Counts(multiplies=1, adds=1, compares=1, specials=1)

    alpha: float = field(Real(), "limit of negative values, negated", default=1.0)


class SELU(_Activation, kind="selu"):
    """scale*(x if x > 0 else alpha*(exp(x) - 1)), both constants fixed: two multiplications."""

    cost = Counts(multiplies=2, adds=1, compares=1, specials=1)


class CELU(_Activation, kind="celu"):
    """x if x > 0 else alpha*(exp(x/alpha) - 1): as elu, and one division."""

    cost = Counts(multiplies=1, adds=1, divides=1, compares=1, specials=1)

    alpha: float = field(Real(0, above=True), "limit of negative values, negated", default=1.0)


class GELU(_Activation, kind="gelu"):
    """x*0.5*(1 + erf(x*0.7071...)): three multiplications, one addition, one erf."""

    cost = Counts(multiplies=3, adds=1, specials=1)


class SiLU(_Activation, kind="silu"):
    """x / (1 + exp(-x)): one exp, one addition, one division."""

    cost = Counts(adds=1, divides=1, specials=1)


class Mish(_Activation, kind="mish"):
    """x*tanh(log(1 + exp(x))): exp, log and tanh, one addition, one multiplication."""

    cost = Counts(multiplies=1, adds=1, specials=3)


class Softplus(_Activation, kind="softplus"):
    """log(1 + exp(x)): exp and log, one addition."""

    cost = Counts(adds=1, specials=2)


class Sigmoid(_Activation, kind="sigmoid"):
    """1 / (1 + exp(-x)): one exp, one addition, one division."""

    cost = Counts(adds=1, divides=1, specials=1)


class HardSigmoid(_Activation, kind="hard_sigmoid"):
    """min(max(x + 3, 0), 6) / 6: one addition, two comparisons, one division."""

    cost = Counts(adds=1, divides=1, compares=2)


class HardSwish(_Activation, kind="hard_swish"):
    """x*min(max(x + 3, 0), 6) / 6: as hard_sigmoid, and one multiplication."""

    cost = Counts(multiplies=1, adds=1, divides=1, compares=2)


class Tanh(_Activation, kind="tanh"):
    """tanh(x): one special an element."""

    cost = Counts(specials=1)


class Softmax(Layer, kind="softmax"):
    """exp(x - max) / sum, along the channels of each position.

    Shape:  (c, ...) -> (c, ...)
    Counts: per position: compares = c - 1, adds = 2*c - 1 (c to shift, c - 1 to sum),
            specials = c, divides = c

    >>> Softmax().counts([(10,)], (10,))
    Counts(multiplies=0, adds=19, divides=10, compares=9, specials=10)
    """

    role = "activation"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return only(inputs)

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        channels, rows = output[0], prod(output[1:])
        return Counts(
            adds=rows * (channels * 2 - 1),
            divides=rows * channels,
            compares=rows * (channels - 1),
            specials=rows * channels,
        )
