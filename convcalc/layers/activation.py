"""Activations: element-wise functions, and softmax along the channels.

N is the number of elements. Where a function has two cases, both are computed and one is taken, so
that the count does not depend on the data.
"""

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
    """max(x, 0).

    Shape:  (c, ...) -> (c, ...)
    Counts: compares = N
    Source: Nair & Hinton, ICML 2010
    """

    cost = Counts(compares=1)


class ReLU6(_Activation, kind="relu6"):
    """min(max(x, 0), 6).

    Shape:  (c, ...) -> (c, ...)
    Counts: compares = 2*N
    Source: Sandler et al., arXiv:1801.04381
    """

    cost = Counts(compares=2)


class LeakyReLU(_Activation, kind="leaky_relu"):
    """x if x > 0 else slope*x.

    Shape:  (c, ...) -> (c, ...)
    Counts: compares = N, multiplies = N
    Source: Maas, Hannun & Ng, ICML 2013
    """

    cost = Counts(compares=1, multiplies=1)

    slope: float = field(Real(), "factor of negative values", default=0.01)


class PReLU(_Activation, kind="prelu"):
    """x if x > 0 else slope*x, with a learned slope.

    Shape:  (c, ...) -> (c, ...)
    Params: 1; with per_channel c
    Counts: compares = N, multiplies = N
    Source: He et al., arXiv:1502.01852
    """

    cost = Counts(compares=1, multiplies=1)

    per_channel: bool = field(Flag(), "learn a slope for each channel, not one", default=False)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        return {"weight": (only(inputs)[0] if self.per_channel else 1,)}


class ELU(_Activation, kind="elu"):
    """x if x > 0 else alpha*(exp(x) - 1).

    Shape:  (c, ...) -> (c, ...)
    Counts: compares = N, specials = N (exp), adds = N, multiplies = N
    Source: Clevert, Unterthiner & Hochreiter, arXiv:1511.07289
    """

    cost = Counts(multiplies=1, adds=1, compares=1, specials=1)

    alpha: float = field(Real(), "limit of negative values, negated", default=1.0)


class SELU(_Activation, kind="selu"):
    """scale*(x if x > 0 else alpha*(exp(x) - 1)), scale 1.0507..., alpha 1.6732...

    Shape:  (c, ...) -> (c, ...)
    Counts: compares = N, specials = N (exp), adds = N, multiplies = 2*N
    Source: Klambauer et al., arXiv:1706.02515
    """

    cost = Counts(multiplies=2, adds=1, compares=1, specials=1)


class CELU(_Activation, kind="celu"):
    """x if x > 0 else alpha*(exp(x/alpha) - 1).

    Shape:  (c, ...) -> (c, ...)
    Counts: compares = N, divides = N, specials = N (exp), adds = N, multiplies = N
    Source: Barron, arXiv:1704.07483
    """

    cost = Counts(multiplies=1, adds=1, divides=1, compares=1, specials=1)

    alpha: float = field(Real(0, above=True), "limit of negative values, negated", default=1.0)


class GELU(_Activation, kind="gelu"):
    """x*0.5*(1 + erf(x*0.7071...)), the exact form.

    Shape:  (c, ...) -> (c, ...)
    Counts: multiplies = 3*N, specials = N (erf), adds = N
    Source: Hendrycks & Gimpel, arXiv:1606.08415
    """

    cost = Counts(multiplies=3, adds=1, specials=1)


class SiLU(_Activation, kind="silu"):
    """x / (1 + exp(-x)), also called swish.

    Shape:  (c, ...) -> (c, ...)
    Counts: specials = N (exp), adds = N, divides = N
    Source: Elfwing, Uchibe & Doya, arXiv:1702.03118
    """

    cost = Counts(adds=1, divides=1, specials=1)


class Mish(_Activation, kind="mish"):
    """x*tanh(log(1 + exp(x))).

    Shape:  (c, ...) -> (c, ...)
    Counts: specials = 3*N (exp, log, tanh), adds = N, multiplies = N
    Source: Misra, arXiv:1908.08681
    """

    cost = Counts(multiplies=1, adds=1, specials=3)


class Softplus(_Activation, kind="softplus"):
    """log(1 + exp(x)).

    Shape:  (c, ...) -> (c, ...)
    Counts: specials = 2*N (exp, log), adds = N
    Source: Dugas et al., NIPS 2000
    """

    cost = Counts(adds=1, specials=2)


class Sigmoid(_Activation, kind="sigmoid"):
    """1 / (1 + exp(-x)).

    Shape:  (c, ...) -> (c, ...)
    Counts: specials = N (exp), adds = N, divides = N
    """

    cost = Counts(adds=1, divides=1, specials=1)


class HardSigmoid(_Activation, kind="hard_sigmoid"):
    """min(max(x + 3, 0), 6) / 6.

    Shape:  (c, ...) -> (c, ...)
    Counts: adds = N, compares = 2*N, divides = N
    Source: Howard et al., arXiv:1905.02244
    """

    cost = Counts(adds=1, divides=1, compares=2)


class HardSwish(_Activation, kind="hard_swish"):
    """x*min(max(x + 3, 0), 6) / 6.

    Shape:  (c, ...) -> (c, ...)
    Counts: adds = N, compares = 2*N, multiplies = N, divides = N
    Source: Howard et al., arXiv:1905.02244
    """

    cost = Counts(multiplies=1, adds=1, divides=1, compares=2)


class Tanh(_Activation, kind="tanh"):
    """tanh(x).

    Shape:  (c, ...) -> (c, ...)
    Counts: specials = N
    """

    cost = Counts(specials=1)


class Softmax(Layer, kind="softmax"):
    """exp(x - max) / sum, along the channels of each position.

    Shape:  (c, ...) -> (c, ...)
    Counts: per position: compares = c - 1, adds = 2*c - 1 (c to shift, c - 1 to sum),
            specials = c, divides = c
    Source: Bridle, NIPS 1989; shifted by the largest so that exp stays finite

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
