"""Functions of one element that are no activations: powers, roots, and a factor with an offset.

N is the number of elements. x is the input, y the output, dx and dy are the gradients with respect
to them.
"""

from __future__ import annotations

from convcalc.counts import Counts
from convcalc.layers.elementwise import ElementwiseLayer
from convcalc.layers.fields import Real, field


class Pow(ElementwiseLayer, kind="pow"):
    """x to the power of a constant.

    Shape:  (c, ...) -> (c, ...)
    Counts: specials = N, whatever the exponent
    Grads:  dx = dy*(exponent * x^(exponent - 1)): multiplies = 2*N, specials = N; keeps x
    Source: PyTorch's pow; of negative x with an exponent that is no whole number not a number (NaN)

    >>> Pow(exponent=2.0).counts([(16, 8, 8)], (16, 8, 8)).specials
    1024
    """

    cost = Counts(specials=1)
    gradient_cost = Counts(multiplies=2, specials=1)
    keeps = ("inputs",)

    exponent: float = field(Real(), "the power")


class Sqrt(ElementwiseLayer, kind="sqrt"):
    """The square root of x.

    Shape:  (c, ...) -> (c, ...)
    Counts: specials = N
    Grads:  dx = dy / (2*y): multiplies = N, divides = N; keeps y
    Source: PyTorch's sqrt; of negative x not a number (NaN)
    """

    cost = Counts(specials=1)
    gradient_cost = Counts(multiplies=1, divides=1)
    keeps = ("output",)


class Rescaling(ElementwiseLayer, kind="rescaling"):
    """factor*x + offset, both constants.

    Shape:  (c, ...) -> (c, ...)
    Counts: multiplies = N, unless the factor is 1 or -1; adds = N, unless the offset is 0
    Grads:  dx = factor*dy: multiplies = N, unless the factor is 1 or -1; keeps nothing
    Source: Keras's Rescaling

    >>> Rescaling(factor=-1.0, offset=1.0).counts([(16, 8, 8)], (16, 8, 8))
    Counts(multiplies=0, adds=1024, divides=0, compares=0, specials=0)
    """

    keeps = ()

    factor: float = field(Real(), "what each element is multiplied by", default=1.0)
    offset: float = field(Real(), "what is added then", default=0.0)

    def element_cost(self) -> Counts:
        return Counts(multiplies=self._multiplies, adds=0 if self.offset == 0 else 1)

    def element_gradient_cost(self) -> Counts:
        return Counts(multiplies=self._multiplies)

    @property
    def _multiplies(self) -> int:
        # To change the sign costs nothing.
        return 0 if self.factor in (1, -1) else 1
