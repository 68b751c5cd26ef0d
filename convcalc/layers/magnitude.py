"""Normalisations by magnitude: values are divided by one, and no mean is subtracted.

In the gradients N is the number of elements in all samples of the batch, G the number of positions
in them, and xh the normalised values.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from convcalc.counts import NOTHING, Counts
from convcalc.layers.base import Layer, only
from convcalc.layers.fields import Flag, Real, field
from convcalc.layers.reading import WHOLE, Readings, same_from
from convcalc.layers.traits import Backward, Kept, Start
from convcalc.shapes import Shape
from convcalc.traced import named


class _Magnitude(Layer):
    """A layer that keeps its input's shape and divides it by a magnitude; abstract."""

    role = "norm"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return only(inputs)


class RMSNorm(_Magnitude, kind="rmsnorm"):
    """Divides the channels of each position by their root mean square: a layernorm without mean.

    Shape:  (c, ...) -> (c, ...)
    Params: c with affine
    Counts: per position of c values: multiplies = c, adds = c (c - 1 to sum the squares, 1 for
            eps), divides = c + 1, specials = 1; affine: c multiplies more
    Grads:  xh: divides = N; affine: dscale = sum of dy*xh: multiplies = N, adds = N - c; then per
            position, with g = dy*scale (c multiplies; g = dy without affine),
            dx = (g - xh*(mean of g*xh)) / root: multiplies = 2*c, adds = 2*c - 1, divides = c + 1;
            keeps x and each root
    Source: Zhang & Sennrich, arXiv:1910.07467

    >>> RMSNorm().counts([(768, 196)], (768, 196)).multiplies == 2 * 768 * 196
    True
    """

    eps: float = field(Real(0, 1, above=True), "added to the mean of the squares", default=1e-6)
    affine: bool = field(Flag(), "learn a scale per channel", default=True)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        return {"weight": (only(inputs)[0],)} if self.affine else {}

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        elements, sets = named("N", prod(output)), named("G", prod(output[1:]))
        return Counts(
            multiplies=elements + (elements if self.affine else 0),
            adds=elements,
            divides=elements + sets,
            specials=sets,
        )

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        elements, sets = batch * prod(output), batch * prod(output[1:])
        weights = input_ = NOTHING
        if any(wanted):
            input_ = Counts(
                multiplies=elements * (3 if self.affine else 2),
                adds=elements * 2 - sets,
                divides=elements + sets,
            )
        normalised = Counts(divides=elements)
        if self.affine:
            weights = normalised.plus(Counts(multiplies=elements, adds=elements - output[0]))
        elif any(wanted):
            input_ = input_.plus(normalised)
        return Backward(weights, NOTHING, input_)

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return Kept((0,), statistics=batch * prod(output[1:]))

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return (WHOLE, *same_from(1, inputs[index]))


class L2Norm(_Magnitude, kind="l2norm"):
    """Divides the channels of each position by their length: x / max(sqrt(sum of x*x), eps).

    It learns nothing: the learned factors of SSD's layer are a `scale` after it, with `init: 20`.

    Shape:  (c, ...) -> (c, ...)
    Counts: per position of c values: multiplies = c, adds = c - 1, specials = 1, compares = 1,
            divides = c
    Grads:  xh: divides = N; per position dx = (dy - xh*(sum of dy*xh)) / length, without the sum
            where the length was below eps: multiplies = 2*c, adds = 2*c - 1, compares = 1,
            divides = c; keeps x and each length
    Source: Liu, Rabinovich & Berg, arXiv:1506.04579; PyTorch's normalize

    >>> L2Norm().counts([(512, 38, 38)], (512, 38, 38)).divides == 512 * 38 * 38
    True
    """

    eps: float = field(Real(0, 1, above=True), "the least that is divided by", default=1e-12)

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        elements, sets = named("N", prod(output)), named("G", prod(output[1:]))
        return Counts(
            multiplies=elements,
            adds=elements - sets,
            divides=elements,
            compares=sets,
            specials=sets,
        )

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        if not any(wanted):
            return Backward()
        elements, sets = batch * prod(output), batch * prod(output[1:])
        return Backward(
            input=Counts(
                multiplies=elements * 2,
                adds=elements * 2 - sets,
                divides=elements * 2,
                compares=sets,
            )
        )

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return Kept((0,), statistics=batch * prod(output[1:]))

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return (WHOLE, *same_from(1, inputs[index]))


class GlobalResponseNorm(_Magnitude, kind="grn"):
    """Global response normalisation: scale*(x*n) + shift + x.

    The length of each channel over all positions is l = sqrt(sum of x*x), and n = l / (m + eps), m
    the mean of all channels' lengths. Scale and shift, one of each per channel, are learned and
    begin at 0.

    Shape:  (c, h, w) -> (c, h, w)
    Params: 2*c
    Counts: multiplies = 3*N, adds = 3*N (N - c to sum the squares, c - 1 the lengths, 1 for eps,
            2*N for the shift and x), divides = c + 1, specials = c
    Grads:  M maps of one channel of one sample, b samples; n again: divides = M; a = sum of dy*x
            over each map: multiplies = N, adds = N - M; dscale = sum of a*n: multiplies = M,
            adds = M - c; dshift = sum of dy: adds = N - c; with g = scale*a,
            dx = dy*(scale*n + 1) + x*((g - mean of g*n) / (m + eps) / l):
            multiplies = 2*N + 3*M, adds = N + 3*M - b, divides = 2*M + b;
            keeps x, each length and each m + eps
    Errors: wrong-rank
    Source: Woo et al., arXiv:2301.00808

    >>> GlobalResponseNorm().parameters([(384, 7, 7)])
    {'weight': (384,), 'bias': (384,)}
    """

    least_rank = 1

    eps: float = field(Real(0, 1, above=True), "added to the mean of the lengths", default=1e-6)

    def start(self, name: str) -> Start:
        return Start(0.0, 0.25)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        channels = only(inputs)[0]
        return {"weight": (channels,), "bias": (channels,)}

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        elements, channels = named("N", prod(output)), output[0]
        return Counts(
            multiplies=elements * 3,
            adds=elements * 3,
            divides=channels + 1,
            specials=channels,
        )

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        elements, sets = batch * prod(output), batch * output[0]
        summed = elements - output[0]
        return Backward(
            weights=Counts(multiplies=elements + sets, adds=summed, divides=sets),
            bias=Counts(adds=summed),
            input=Counts(
                multiplies=elements * 2 + sets * 3,
                adds=elements + sets * 3 - batch,
                divides=sets * 2 + batch,
            )
            if any(wanted)
            else NOTHING,
        )

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        return Kept((0,), statistics=batch * (output[0] + 1))

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        return (WHOLE,) * len(inputs[index])
