"""Activations: element-wise functions, and softmax along the channels.

N is the number of elements. Where a function has two cases, both are computed and one is taken, so
that the count does not depend on the data. x is the input, y the output, dx and dy are the
gradients with respect to them; where either would do, the one is kept that PyTorch keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from convcalc.counts import NOTHING, Counts
from convcalc.layers.base import Layer, divisible_by_groups, only
from convcalc.layers.elementwise import ElementwiseLayer
from convcalc.layers.fields import Flag, Real, Whole, field
from convcalc.layers.reading import WHOLE, Readings, grouped, same_from
from convcalc.layers.traits import Backward, ChannelRule, Start
from convcalc.problems import Help, Rule, RuleError
from convcalc.shapes import Shape


class _Activation(ElementwiseLayer):
    """A function of one element; abstract."""

    role = "activation"


class ReLU(_Activation, kind="relu"):
    """max(x, 0).

    Shape:  (c, ...) -> (c, ...)
    Counts: compares = N
    Grads:  dx = dy if y > 0 else 0: compares = N; keeps y
    Source: Nair & Hinton, ICML 2010
    """

    cost = Counts(compares=1)
    gradient_cost = Counts(compares=1)
    keeps = ("output",)


class ReLU6(_Activation, kind="relu6"):
    """min(max(x, 0), 6).

    Shape:  (c, ...) -> (c, ...)
    Counts: compares = 2*N
    Grads:  dx = dy if 0 < x < 6 else 0: compares = 2*N; keeps x
    Source: Sandler et al., arXiv:1801.04381
    """

    cost = Counts(compares=2)
    gradient_cost = Counts(compares=2)
    keeps = ("inputs",)


class Clip(_Activation, kind="clip"):
    """min(max(x, least), most), with one of both bounds or with both.

    Shape:  (c, ...) -> (c, ...)
    Counts: compares = 2*N, or N with one bound
    Grads:  dx = dy if least < x < most else 0: as many compares; keeps x
    Errors: missing-argument, bad-value
    Source: PyTorch's clamp, ONNX's Clip

    >>> Clip(min=0.0, max=1.0).counts([(8, 4, 4)], (8, 4, 4)).compares
    256
    """

    cost = Counts(compares=2)
    gradient_cost = Counts(compares=2)
    keeps = ("inputs",)

    min: float | None = field(Real(), "the least result", default=None)
    max: float | None = field(Real(), "the largest result", default=None)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if self.min is None and self.max is None:
            facts = [Help("write {clip: {min: 0, max: 6}}, say")]
            raise RuleError("missing-argument", "clip needs 'min', 'max' or both", "", facts)
        if self.min is not None and self.max is not None and self.min > self.max:
            message = f"min {self.min:g} is above max {self.max:g}"
            raise RuleError("bad-value", message, "max", [Rule("min <= max")])
        return only(inputs)

    def element_cost(self) -> Counts:
        return Counts(compares=(self.min is not None) + (self.max is not None))

    def element_gradient_cost(self) -> Counts:
        return self.element_cost()


class LeakyReLU(_Activation, kind="leaky_relu"):
    """x if x > 0 else slope*x.

    Shape:  (c, ...) -> (c, ...)
    Counts: compares = N, multiplies = N
    Grads:  dx = dy if x > 0 else slope*dy: compares = N, multiplies = N; keeps x
    Source: Maas, Hannun & Ng, ICML 2013
    """

    cost = Counts(compares=1, multiplies=1)
    gradient_cost = Counts(compares=1, multiplies=1)
    keeps = ("inputs",)

    slope: float = field(Real(), "factor of negative values", default=0.01)


class PReLU(_Activation, kind="prelu"):
    """x if x > 0 else slope*x, with a learned slope.

    Shape:  (c, ...) -> (c, ...)
    Params: 1; with per_channel c
    Counts: compares = N, multiplies = N
    Grads:  dslope = sum of (0 if x > 0 else x*dy): compares = N, multiplies = N, adds = N - Params;
            dx = dy if x > 0 else slope*dy: multiplies = N, the comparison is known; keeps x
    Source: He et al., arXiv:1502.01852
    """

    cost = Counts(compares=1, multiplies=1)
    gradient_cost = Counts(multiplies=1)
    keeps = ("inputs",)

    per_channel: bool = field(Flag(), "learn a slope for each channel, not one", default=False)

    def start(self, name: str) -> Start:
        return Start(0.25, 0.05)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        return {"weight": (only(inputs)[0] if self.per_channel else 1,)}

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        elements = batch * prod(output)
        slopes = output[0] if self.per_channel else 1
        slope_gradient = Counts(multiplies=elements, adds=elements - slopes, compares=elements)
        back = super().backward_counts(inputs, output, wanted=wanted, batch=batch)
        return back._replace(weights=slope_gradient)


class ELU(_Activation, kind="elu"):
    """x if x > 0 else alpha*(exp(x) - 1).

    Shape:  (c, ...) -> (c, ...)
    Counts: compares = N, specials = N (exp), adds = N, multiplies = N
    Grads:  dx = dy if x > 0 else dy*(alpha*exp(x)):
            compares = N, specials = N (exp), multiplies = 2*N; keeps x
    Source: Clevert, Unterthiner & Hochreiter, arXiv:1511.07289
    """

    cost = Counts(multiplies=1, adds=1, compares=1, specials=1)
    gradient_cost = Counts(multiplies=2, compares=1, specials=1)
    keeps = ("inputs",)

    alpha: float = field(Real(), "limit of negative values, negated", default=1.0)


class SELU(_Activation, kind="selu"):
    """scale*(x if x > 0 else alpha*(exp(x) - 1)), scale 1.0507..., alpha 1.6732...

    Shape:  (c, ...) -> (c, ...)
    Counts: compares = N, specials = N (exp), adds = N, multiplies = 2*N
    Grads:  dx = scale*(dy if x > 0 else dy*(alpha*exp(x))):
            compares = N, specials = N (exp), multiplies = 3*N; keeps x
    Source: Klambauer et al., arXiv:1706.02515
    """

    cost = Counts(multiplies=2, adds=1, compares=1, specials=1)
    gradient_cost = Counts(multiplies=3, compares=1, specials=1)
    keeps = ("inputs",)


class CELU(_Activation, kind="celu"):
    """x if x > 0 else alpha*(exp(x/alpha) - 1).

    Shape:  (c, ...) -> (c, ...)
    Counts: compares = N, divides = N, specials = N (exp), adds = N, multiplies = N
    Grads:  dx = dy if x > 0 else dy*exp(x/alpha):
            compares = N, divides = N, specials = N (exp), multiplies = N; keeps x
    Source: Barron, arXiv:1704.07483
    """

    cost = Counts(multiplies=1, adds=1, divides=1, compares=1, specials=1)
    gradient_cost = Counts(multiplies=1, divides=1, compares=1, specials=1)
    keeps = ("inputs",)

    alpha: float = field(Real(0, above=True), "limit of negative values, negated", default=1.0)


class GELU(_Activation, kind="gelu"):
    """x*0.5*(1 + erf(x*0.7071...)), the exact form.

    Shape:  (c, ...) -> (c, ...)
    Counts: multiplies = 3*N, specials = N (erf), adds = N
    Grads:  dx = dy*(0.5*(1 + erf(x*0.7071...)) + x*(0.3989...*exp(-0.5*(x*x)))):
            multiplies = 7*N, adds = 2*N, specials = 2*N (erf, exp); keeps x
    Source: Hendrycks & Gimpel, arXiv:1606.08415
    """

    cost = Counts(multiplies=3, adds=1, specials=1)
    gradient_cost = Counts(multiplies=7, adds=2, specials=2)
    keeps = ("inputs",)


class SiLU(_Activation, kind="silu"):
    """x / (1 + exp(-x)), also called swish.

    Shape:  (c, ...) -> (c, ...)
    Counts: specials = N (exp), adds = N, divides = N
    Grads:  dx = dy*(s*(1 + x*(1 - s))), s = 1 / (1 + exp(-x)):
            multiplies = 3*N, adds = 3*N, divides = N, specials = N (exp); keeps x
    Source: Elfwing, Uchibe & Doya, arXiv:1702.03118
    """

    cost = Counts(adds=1, divides=1, specials=1)
    gradient_cost = Counts(multiplies=3, adds=3, divides=1, specials=1)
    keeps = ("inputs",)


class Mish(_Activation, kind="mish"):
    """x*tanh(log(1 + exp(x))).

    Shape:  (c, ...) -> (c, ...)
    Counts: specials = 3*N (exp, log, tanh), adds = N, multiplies = N
    Grads:  dx = dy*(t + x*s*(1 - t*t)), e = exp(x), t = tanh(log(1 + e)), s = e / (1 + e):
            multiplies = 4*N, adds = 3*N, divides = N, specials = 3*N; keeps x
    Source: Misra, arXiv:1908.08681
    """

    cost = Counts(multiplies=1, adds=1, specials=3)
    gradient_cost = Counts(multiplies=4, adds=3, divides=1, specials=3)
    keeps = ("inputs",)


class Softplus(_Activation, kind="softplus"):
    """log(1 + exp(x)).

    Shape:  (c, ...) -> (c, ...)
    Counts: specials = 2*N (exp, log), adds = N
    Grads:  dx = dy / (1 + exp(-x)): specials = N (exp), adds = N, divides = N; keeps x
    Source: Dugas et al., NIPS 2000
    """

    cost = Counts(adds=1, specials=2)
    gradient_cost = Counts(adds=1, divides=1, specials=1)
    keeps = ("inputs",)


class Sigmoid(_Activation, kind="sigmoid"):
    """1 / (1 + exp(-x)).

    Shape:  (c, ...) -> (c, ...)
    Counts: specials = N (exp), adds = N, divides = N
    Grads:  dx = dy*y*(1 - y): multiplies = 2*N, adds = N; keeps y
    """

    cost = Counts(adds=1, divides=1, specials=1)
    gradient_cost = Counts(multiplies=2, adds=1)
    keeps = ("output",)


class HardSigmoid(_Activation, kind="hard_sigmoid"):
    """min(max(x + 3, 0), 6) / 6; with other arguments min(max(alpha*x + beta, 0), 1).

    The second is computed as the first: min(max(x + beta/alpha, 0), 1/alpha) / (1/alpha).

    Shape:  (c, ...) -> (c, ...)
    Counts: adds = N, compares = 2*N, divides = N
    Grads:  dx = dy / 6 if -3 < x < 3 else 0: compares = 2*N, divides = N; keeps x
    Source: Howard et al., arXiv:1905.02244; ONNX's HardSigmoid
    """

    cost = Counts(adds=1, divides=1, compares=2)
    gradient_cost = Counts(divides=1, compares=2)
    keeps = ("inputs",)

    alpha: float = field(Real(0, above=True), "slope between 0 and 1", default=1 / 6)
    beta: float = field(Real(), "value at 0", default=0.5)


class HardSwish(_Activation, kind="hard_swish"):
    """x*min(max(x + 3, 0), 6) / 6.

    Shape:  (c, ...) -> (c, ...)
    Counts: adds = N, compares = 2*N, multiplies = N, divides = N
    Grads:  dx = 0 if x < -3, dy*(x/3 + 0.5) up to 3, dy above:
            compares = 2*N, divides = N, adds = N, multiplies = N; keeps x
    Source: Howard et al., arXiv:1905.02244
    """

    cost = Counts(multiplies=1, adds=1, divides=1, compares=2)
    gradient_cost = Counts(multiplies=1, adds=1, divides=1, compares=2)
    keeps = ("inputs",)


class Tanh(_Activation, kind="tanh"):
    """tanh(x).

    Shape:  (c, ...) -> (c, ...)
    Counts: specials = N
    Grads:  dx = dy*(1 - y*y): multiplies = 2*N, adds = N; keeps y
    """

    cost = Counts(specials=1)
    gradient_cost = Counts(multiplies=2, adds=1)
    keeps = ("output",)


class Softmax(Layer, kind="softmax"):
    """exp(x - max) / sum, along the channels of each position, or of each group of them.

    Shape:  (c, ...) -> (c, ...)
    Counts: per position and group of k = c/groups channels: compares = k - 1, adds = 2*k - 1 (k to
            shift, k - 1 to sum), specials = k, divides = k
    Grads:  dx = y*(dy - sum of dy*y): per position and group multiplies = 2*k, adds = 2*k - 1;
            keeps y
    Errors: groups-mismatch
    Source: Bridle, NIPS 1989; shifted by the largest so that exp stays finite

    >>> Softmax().counts([(10,)], (10,))
    Counts(multiplies=0, adds=19, divides=10, compares=9, specials=10)
    """

    role = "activation"
    keeps = ("output",)

    groups: int = field(Whole(), "groups of channels", default=1, symbol="g")

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        divisible_by_groups(only(inputs)[0], self.groups, "channels")
        return only(inputs)

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        channels, rows = output[0] // self.groups, prod(output[1:]) * self.groups
        return Counts(
            adds=rows * (channels * 2 - 1),
            divides=rows * channels,
            compares=rows * (channels - 1),
            specials=rows * channels,
        )

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        channels, rows = output[0] // self.groups, batch * prod(output[1:]) * self.groups
        step = Counts(multiplies=rows * 2 * channels, adds=rows * (2 * channels - 1))
        return Backward(input=step if any(wanted) else NOTHING)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        channels, *_ = only(inputs)
        group = channels // self.groups
        row = WHOLE if self.groups == 1 else grouped(0, group, group)
        return (row, *same_from(1, inputs[index]))

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return ChannelRule("same", groups=self.groups)
