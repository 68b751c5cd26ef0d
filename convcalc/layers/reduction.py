"""Reductions: one value of all along some axes, axis 0 being the channels."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from convcalc.counts import NOTHING, Counts
from convcalc.layers.base import Layer, check_axis, only
from convcalc.layers.fields import Flag, WholeList, field
from convcalc.layers.reading import WHOLE, Readings, same
from convcalc.layers.traits import FIXED, SAME, Backward, ChannelRule, Kept
from convcalc.problems import Help, RuleError
from convcalc.shapes import MOST_AXES, Shape
from convcalc.traced import named


class _Reduction(Layer):
    """What reductions share: their axes; abstract."""

    axes: tuple[int, ...] = field(
        WholeList("a list of axes, counted from 0 without the batch axis", 0, MOST_AXES),
        "along which, 0 being the channels",
    )
    keepdims: bool = field(Flag(), "keep these axes with size 1", default=True)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        shape = only(inputs)
        for axis in self.axes:
            check_axis(axis, shape, "axes")
        if len(set(self.axes)) < len(self.axes):
            raise RuleError("bad-axis", f"axes {list(self.axes)} name an axis twice", "axes")
        if not self.keepdims and len(self.axes) == len(shape):
            raise RuleError(
                "bad-axis",
                f"{self.kind} leaves no axis",
                "axes",
                [Help("'keepdims: true' keeps each with size 1")],
            )
        if self.keepdims:
            return tuple([1 if axis in self.axes else n for axis, n in enumerate(shape)])
        return tuple([n for axis, n in enumerate(shape) if axis not in self.axes])

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        every = range(len(only(inputs)))
        places = [axis for axis in every if self.keepdims or axis not in self.axes]
        return tuple([WHOLE if axis in self.axes else same(places.index(axis)) for axis in every])

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return FIXED if 0 in self.axes else SAME


def _sizes(inputs: Sequence[Shape], output: Shape) -> tuple[int, int]:
    """The numbers of elements that enter and that leave."""
    return named("N", prod(only(inputs))), named("O", prod(output))


class ReduceMean(_Reduction, kind="reduce_mean"):
    """The mean along some axes.

    Shape:  each of the axes becomes 1, or goes without keepdims
    Counts: of N elements that enter: adds = N - O, divides = O
    Grads:  dx = dy / (N / O) at every place: divides = O
    Errors: bad-axis
    Source: ONNX's ReduceMean; PyTorch's mean, with keepdim=True

    >>> ReduceMean(axes=(1, 2)).output_shape([(64, 7, 7)])
    (64, 1, 1)
    >>> ReduceMean(axes=(0,), keepdims=False).output_shape([(64, 7, 7)])
    (7, 7)
    """

    keeps = ()

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        entering, leaving = _sizes(inputs, output)
        return Counts(adds=entering - leaving, divides=leaving)

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        return Backward(input=Counts(divides=batch * prod(output)) if any(wanted) else NOTHING)


class ReduceSum(_Reduction, kind="reduce_sum"):
    """The sum along some axes.

    Shape:  each of the axes becomes 1, or goes without keepdims
    Counts: of N elements that enter: adds = N - O
    Grads:  dx = dy at every place: nothing to compute
    Errors: bad-axis
    Source: ONNX's ReduceSum; PyTorch's sum, with keepdim=True
    """

    keeps = ()

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        entering, leaving = _sizes(inputs, output)
        return Counts(adds=entering - leaving)

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        return Backward()


class ReduceMax(_Reduction, kind="reduce_max"):
    """The largest value along some axes.

    Shape:  each of the axes becomes 1, or goes without keepdims
    Counts: of N elements that enter: compares = N - O
    Grads:  dx: each dy is added onto the chosen place in a map of zeros: adds = O; keeps the places
    Errors: bad-axis
    Source: ONNX's ReduceMax; PyTorch's max, with keepdim=True
    """

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        entering, leaving = _sizes(inputs, output)
        return Counts(compares=entering - leaving)

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        return Backward(input=Counts(adds=batch * prod(output)) if any(wanted) else NOTHING)

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return Kept(indices=batch * prod(output))
