"""What kinds share that compute each element on its own."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar

from convcalc.counts import NOTHING, Counts
from convcalc.layers.base import Layer, only
from convcalc.layers.reading import Readings, same_from
from convcalc.layers.traits import Backward
from convcalc.shapes import Shape


class ElementwiseLayer(Layer):
    """A kind whose output has its input's shape, and that costs the same for every element.

    Abstract: a subclass declares the cost of one element.
    """

    elementwise = True
    #: Scalar operations for one element.
    cost: ClassVar[Counts] = Counts()
    #: Scalar operations for one element of the input's gradient; None where no rule is known.
    gradient_cost: ClassVar[Counts | None] = None

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return only(inputs)

    def element_cost(self) -> Counts:
        """Scalar operations for one element, where they depend on the arguments."""
        return self.cost

    def element_gradient_cost(self) -> Counts | None:
        """The same for one element of the input's gradient."""
        return self.gradient_cost

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return self.element_cost().times(prod(output))

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        cost = self.element_gradient_cost()
        if cost is None:
            raise self._no_backward_rule()
        return Backward(input=cost.times(batch * prod(output)) if any(wanted) else NOTHING)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return same_from(0, inputs[index])
