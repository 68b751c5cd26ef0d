"""Reductions: one value of all along some axes, axis 0 being the channels."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from convcalc.counts import NOTHING, Counts
from convcalc.layers.base import Layer, check_axis, only
from convcalc.layers.fields import Flag, WholeList, field
from convcalc.layers.reading import WHOLE, Readings, same
from convcalc.layers.traits import CONSTANT, SAME, Backward, ChannelRule, Kept
from convcalc.problems import Help, RuleError
from convcalc.shapes import MOST_AXES, Shape
from convcalc.traced import named


class _Reduction(Layer):
    """What reductions share; abstract."""

    @property
    def reduced(self) -> tuple[int, ...]:
        """The axes along which values become one, 0 being the channels."""
        raise NotImplementedError

    @property
    def keeps_axes(self) -> bool:
        """Whether these axes stay, with size 1."""
        return True

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        axes = enumerate(only(inputs))
        if self.keeps_axes:
            return tuple([1 if axis in self.reduced else n for axis, n in axes])
        return tuple([n for axis, n in axes if axis not in self.reduced])

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        every = range(len(only(inputs)))
        places = [axis for axis in every if self.keeps_axes or axis not in self.reduced]
        return tuple(
            [WHOLE if axis in self.reduced else same(places.index(axis)) for axis in every]
        )

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return CONSTANT if 0 in self.reduced else SAME


class _AlongAxes(_Reduction):
    """A reduction along axes that are given; abstract."""

    axes: tuple[int, ...] = field(
        WholeList(
            "an axis or a list of axes, counted from 0 without the batch axis",
            0,
            MOST_AXES,
            alone=True,
        ),
        "along which, 0 being the channels",
    )
    keepdims: bool = field(Flag(), "keep these axes with size 1", default=True)

    @property
    def reduced(self) -> tuple[int, ...]:
        return self.axes

    @property
    def keeps_axes(self) -> bool:
        return self.keepdims

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
        return super().output_shape(inputs)


class _OfChannels(_Reduction):
    """A reduction of the channels of each position; abstract."""

    @property
    def reduced(self) -> tuple[int, ...]:
        return (0,)


def _sizes(inputs: Sequence[Shape], output: Shape) -> tuple[int, int]:
    """The numbers of elements that enter and that leave."""
    return named("N", prod(only(inputs))), named("O", prod(output))


class _Mean(_Reduction):
    keeps = ()

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        entering, leaving = _sizes(inputs, output)
        return Counts(adds=entering - leaving, divides=leaving)

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        return Backward(input=Counts(divides=batch * prod(output)) if any(wanted) else NOTHING)


class _Max(_Reduction):
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


class ReduceMean(_AlongAxes, _Mean, kind="reduce_mean"):
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


class ReduceSum(_AlongAxes, kind="reduce_sum"):
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


class ReduceMax(_AlongAxes, _Max, kind="reduce_max"):
    """The largest value along some axes.

    Shape:  each of the axes becomes 1, or goes without keepdims
    Counts: of N elements that enter: compares = N - O
    Grads:  dx: each dy is added onto the chosen place in a map of zeros: adds = O; keeps the places
    Errors: bad-axis
    Source: ONNX's ReduceMax; PyTorch's max, with keepdim=True
    """


class ChannelAvgPool(_OfChannels, _Mean, kind="channel_avgpool", prefix="pool"):
    """The mean of the channels of each position.

    Shape:  (c, ...) -> (1, ...)
    Counts: of N elements that enter: adds = N - O, divides = O
    Grads:  dx = dy / c at every channel: divides = O
    Source: Woo et al., arXiv:1807.06521, the spatial half of CBAM

    >>> ChannelAvgPool().output_shape([(64, 32, 32)])
    (1, 32, 32)
    """


class ChannelMaxPool(_OfChannels, _Max, kind="channel_maxpool", prefix="pool"):
    """The largest of the channels of each position.

    Shape:  (c, ...) -> (1, ...)
    Counts: of N elements that enter: compares = N - O
    Grads:  dx: each dy is added onto the chosen place in a map of zeros: adds = O; keeps the places
    Source: Woo et al., arXiv:1807.06521, the spatial half of CBAM

    >>> ChannelMaxPool().counts([(64, 32, 32)], (1, 32, 32)).compares
    64512
    """
