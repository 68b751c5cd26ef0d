"""Normalisation layers, at inference and, where that differs, in training.

In the gradients N is the number of elements in all samples of the batch, and the normalised values
are xh = (x - mean) / deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from convcalc.arithmetic import Window, pairs_within
from convcalc.counts import NOTHING, Counts
from convcalc.layers.base import Layer, divisible_by_groups, only
from convcalc.layers.fields import Flag, Real, Whole, field
from convcalc.layers.reading import WHOLE, Readings, grouped, same, same_from, slides
from convcalc.layers.traits import Backward, ChannelRule, Kept
from convcalc.shapes import Shape
from convcalc.traced import named


class _Norm(Layer):
    """A layer that keeps its input's shape and may scale and shift each channel; abstract."""

    role = "norm"
    keeps = ("inputs",)

    eps: float = field(Real(0, 1, above=True), "added to the variance", default=1e-5)
    affine: bool = field(Flag(), "learn a scale and a shift per channel", default=True)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return only(inputs)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        channels = only(inputs)[0]
        return {"weight": (channels,), "bias": (channels,)} if self.affine else {}

    def _counts(self, output: Shape, statistics: int) -> Counts:
        """Counts of normalising with statistics of the input itself, `statistics` sets of them.

        Each set of M values: mean (M - 1 adds, 1 divide), centred (M adds), variance (M multiplies,
        M - 1 adds, 1 divide), + eps (1 add), root (1 special), M divides; then scale and shift.
        """
        elements = named("N", prod(output))
        sets = named("G", statistics)
        affine = elements if self.affine else 0
        return Counts(
            multiplies=elements + affine,
            adds=elements * 3 - sets + affine,
            divides=elements + sets * 2,
            specials=sets,
        )

    def _sets(self, output: Shape, batch: int) -> int:
        """Sets of values in a batch that share a mean and a deviation."""
        raise NotImplementedError

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        elements = batch * prod(output)
        normalised = Counts(adds=elements, divides=elements)
        summed = elements - output[0]
        weights = bias = input_ = NOTHING
        if any(wanted):
            input_ = self._input_gradient(elements, self._sets(output, batch))
        if self.affine:
            weights = normalised.plus(Counts(multiplies=elements, adds=summed))
            bias = Counts(adds=summed)
        elif any(wanted):
            input_ = input_.plus(normalised)
        return Backward(weights, bias, input_)

    def _input_gradient(self, elements: int, sets: int) -> Counts:
        """The input's gradient, normalised values given.

        For each set of M values, with g = dy*scale (M multiplies where it is learned): two sums, of
        g and of g*xh (M multiplies, 2*(M - 1) adds), a mean of each (2 divides), then
        dx = (g - mean - xh*mean) / deviation (M multiplies, 2*M adds, M divides).
        """
        return Counts(
            multiplies=elements * (3 if self.affine else 2),
            adds=elements * 4 - sets * 2,
            divides=elements + sets * 2,
        )

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return Kept((0,), statistics=2 * self._sets(output, batch))


class BatchNorm(_Norm, kind="batchnorm"):
    """Batch normalisation at inference, statistics, scale and shift folded into one of each.

    In training each channel of the batch is normalised with its own mean and variance.

    Shape:  (c, ...) -> (c, ...)
    Params: 2*c with affine; buffers 2*c, the running mean and variance
    Counts: multiplies = N, adds = N; in training, for the M values of a channel in the batch, those
            of a groupnorm's group, and 4 multiplies and 2 adds for its running mean and variance
    Grads:  affine: dscale = sum of dy*xh: multiplies = N, adds = 2*N - c, divides = N;
            dshift = sum of dy: adds = N - c;
            dx = (dy - dshift/M - xh*(dscale/M))*(scale/deviation): multiplies = 2*N, adds = 2*N,
            divides = 3*c; without affine as groupnorm's; keeps x, each mean and deviation
    Source: Ioffe & Szegedy, arXiv:1502.03167

    >>> BatchNorm().counts([(64, 8, 8)], (64, 8, 8)).multiplies
    4096
    """

    elementwise = True

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        elements = named("N", prod(output))
        return Counts(multiplies=elements, adds=elements)

    def training_counts(self, inputs: Sequence[Shape], output: Shape, *, batch: int = 1) -> Counts:
        channels = output[0]
        running = Counts(multiplies=4 * channels, adds=2 * channels)
        return self._counts((batch, *output), channels).plus(running)

    def _sets(self, output: Shape, batch: int) -> int:
        return output[0]

    def _input_gradient(self, elements: int, sets: int) -> Counts:
        if not self.affine:
            return super()._input_gradient(elements, sets)
        # One scale for a whole set: the sums are the gradients of shift and scale, known by then.
        return Counts(multiplies=elements * 2, adds=elements * 2, divides=sets * 3)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return same_from(0, inputs[index])

    def buffers(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        channels = only(inputs)[0]
        return {"running_mean": (channels,), "running_var": (channels,)}


class LayerNorm(_Norm, kind="layernorm"):
    """Normalises the channel axis of each position.

    Shape:  (c, ...) -> (c, ...)
    Params: 2*c with affine
    Counts: per position of c values: multiplies = c, adds = 3*c - 1, divides = c + 2, specials = 1;
            affine: c multiplies and c adds more
    Grads:  as groupnorm's, the sets being the positions of all samples
    Source: Ba, Kiros & Hinton, arXiv:1607.06450

    >>> LayerNorm(affine=False).counts([(96,)], (96,))
    Counts(multiplies=96, adds=287, divides=98, compares=0, specials=1)
    """

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return self._counts(output, prod(output[1:]))

    def _sets(self, output: Shape, batch: int) -> int:
        return batch * prod(output[1:])

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return (WHOLE, *same_from(1, inputs[index]))


class GroupNorm(_Norm, kind="groupnorm"):
    """Normalises groups of channels over all positions.

    Shape:  (c, ...) -> (c, ...)
    Params: 2*c with affine
    Counts: per group of M values: multiplies = M, adds = 3*M - 1, divides = M + 2, specials = 1;
            affine: M multiplies and M adds more
    Grads:  xh: adds = N, divides = N; affine: dscale = sum of dy*xh: multiplies = N, adds = N - c;
            dshift = sum of dy: adds = N - c; then per set of M values, with g = dy*scale (M
            multiplies; g = dy without affine),
            dx = (g - mean of g - xh*(mean of g*xh)) / deviation: multiplies = 2*M,
            adds = 4*M - 2, divides = M + 2; keeps x, each mean and deviation
    Errors: groups-mismatch
    Source: Wu & He, arXiv:1803.08494

    >>> GroupNorm(groups=8).counts([(32, 2, 2)], (32, 2, 2)).specials
    8
    """

    groups: int = field(Whole(), "groups of channels", symbol="g")

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        divisible_by_groups(only(inputs)[0], self.groups, "channels")
        return only(inputs)

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return self._counts(output, self.groups)

    def _sets(self, output: Shape, batch: int) -> int:
        return batch * self.groups

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        channels, *sizes = only(inputs)
        group = channels // self.groups
        return (grouped(0, group, group), *[WHOLE for _ in sizes])

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return ChannelRule("same", groups=self.groups)


class InstanceNorm(_Norm, kind="instancenorm"):
    """Normalises each channel over all positions.

    Shape:  (c, h, w) -> (c, h, w)
    Params: 2*c with affine
    Counts: per channel of M values: multiplies = M, adds = 3*M - 1, divides = M + 2, specials = 1;
            affine: M multiplies and M adds more
    Grads:  as groupnorm's, the sets being the channels of all samples
    Errors: wrong-rank
    Source: Ulyanov, Vedaldi & Lempitsky, arXiv:1607.08022

    >>> InstanceNorm().parameters([(64, 8, 8)]), InstanceNorm(affine=True).parameters([(64, 8, 8)])
    ({}, {'weight': (64,), 'bias': (64,)})
    """

    least_rank = 1

    affine: bool = field(Flag(), "learn a scale and a shift per channel", default=False)

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return self._counts(output, output[0])

    def _sets(self, output: Shape, batch: int) -> int:
        return batch * output[0]

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return (same(0), *[WHOLE for _ in only(inputs)[1:]])


class LocalResponseNorm(Layer, kind="lrn"):
    """Local response normalisation: x / (k + alpha/size * sum of `size` neighbours' squares)^beta.

    Neighbours are channels at the same position, size // 2 before and (size - 1) // 2 after; those
    outside count as zeros.

    Shape:  (c, ...) -> (c, ...)
    Counts: per element: multiplies = 2 (its square; alpha/size), adds = size (size - 1 for the sum,
            1 for k), specials = 1, divides = 1
    Grads:  d = k + alpha/size * sum of squares; dx = dy / d^beta - x*(2*alpha/size*beta * sum of
            dy*(y/d) over the neighbours that x was one for): per element: multiplies = 3,
            adds = size, divides = 2, specials = 1; keeps x, y and d
    Source: Krizhevsky, Sutskever & Hinton 2012; PyTorch's LocalResponseNorm

    >>> LocalResponseNorm(size=5).counts([(96, 1, 1)], (96, 1, 1))
    Counts(multiplies=192, adds=480, divides=96, compares=0, specials=96)
    """

    role = "norm"
    keeps = ("inputs", "output")

    size: int = field(Whole(), "neighbouring channels summed over", symbol="size")
    alpha: float = field(Real(), "weight of the sum", default=1e-4)
    beta: float = field(Real(), "exponent", default=0.75)
    k: float = field(Real(), "constant added", default=1.0)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return only(inputs)

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        elements = named("N", prod(output))
        taps = elements * self.size
        if valid_taps:
            taps = prod(output[1:]) * _real_neighbours(output[0], self.size)
        return Counts(
            multiplies=elements * 2,
            adds=taps - elements + elements,
            divides=elements,
            specials=elements,
        )

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        cost = Counts(multiplies=3, adds=self.size, divides=2, specials=1)
        return Backward(input=cost.times(batch * prod(output)) if any(wanted) else NOTHING)

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        kept = super().kept(inputs, output, wanted=wanted, batch=batch)
        return kept._replace(numbers=batch * prod(output))

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        channels, before = only(inputs)[0], self.size // 2
        after = self.size - 1 - before
        window = Window(channels, self.size, 1, 1, before, after, channels)
        return (slides(0, window), *same_from(1, inputs[index]))


def _real_neighbours(channels: int, size: int) -> int:
    """Channels within the window, summed over all windows; the window begins size // 2 before."""
    before = size // 2
    return pairs_within(channels, size, 1, 1, before, before + channels)
