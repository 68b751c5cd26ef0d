"""Layers that resample maps: `upsample`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from convcalc.arithmetic import Ratio
from convcalc.counts import NOTHING, Counts
from convcalc.layers.base import Layer, only
from convcalc.layers.fields import Choice, Factors, PerAxis, field
from convcalc.layers.reading import Centres, Reading, Readings, interpolated, same, sampled
from convcalc.layers.traits import Backward
from convcalc.problems import Rule, RuleError
from convcalc.shapes import MOST_WINDOW_AXES, Shape, axis_name
from convcalc.symbols import larger

#: By mode, how many positions before and after the floor of a unit's centre are weighed.
_TAPS = {"nearest": (0, 0), "bilinear": (0, 1), "bicubic": (1, 2)}


class Upsample(Layer, kind="upsample"):
    """A map of another size, by a factor or to a size: nearest neighbour, (bi)linear or (bi)cubic.

    Shape:  (c, h, w) -> (c, floor(h*factor), floor(w*factor)), or (c, *size)
    Places: unit y takes the value at x, where q is 1/factor or n/size: half_pixel:
            x = (y + 1/2)*q - 1/2; asymmetric: x = y*q; align_corners: x = y*(n - 1)/(n' - 1);
            nearest: the position nearest to x, the later of two, but asymmetric: floor(x)
    Counts: nearest: nothing; bilinear: 2^r - 1 interpolations a + t*(b - a) an output element for r
            spatial axes: one multiplication and two additions each; bicubic: (4^r - 1)/3 sums of
            four weighted values an output element: four multiplications and three additions each
    Grads:  dx: nearest: the dy of all copies added up: adds = O - input elements that were copied;
            bilinear: an interpolation hands t*dy to b and dy - t*dy to a, a multiplication and an
            addition, and what arrives at an element is added up: multiplies = (2^r - 1)*O,
            adds = (2^r - 1)*O + 2^r*O - input elements that were read; bicubic: a sum hands dy to
            its four values, each times its weight: multiplies = 4*(4^r - 1)/3*O,
            adds = 4^r*O - input elements that were read
    Errors: upsample-size (give factor or size, not both; a factor leaves nothing), wrong-rank
    Source: ONNX's Resize (cubic with a = -3/4), and PyTorch's Upsample, whose nearest-exact is
            half_pixel

    >>> Upsample.read({"factor": 2, "mode": "bilinear"}, 2).counts([(1, 4, 4)], (1, 8, 8))
    Counts(multiplies=192, adds=384, divides=0, compares=0, specials=0)
    """

    least_rank = 1
    most_rank = MOST_WINDOW_AXES

    keeps = ()

    factor: tuple[Ratio, ...] | None = field(Factors(), "how many times larger", default=None)
    size: tuple[int, ...] | None = field(PerAxis(), "output size of each axis", default=None)
    mode: str = field(Choice(*_TAPS), "how values are made", default="nearest")
    coordinates: str | None = field(
        Choice("half_pixel", "align_corners", "asymmetric"),
        "where units have their centres; asymmetric for nearest, half_pixel for the others if not"
        " given",
        default=None,
    )

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, *sizes = only(inputs)
        if self.size and not self.factor:
            return (channels, *self.size)
        if self.size or not self.factor:
            raise RuleError("upsample-size", "takes either factor or size", "size")
        resized = []
        for axis, (n, factor) in enumerate(zip(sizes, self.factor, strict=True)):
            out = n * factor.numerator // factor.denominator
            if out < 1:
                raise RuleError(
                    "upsample-size",
                    f"factor {factor} leaves nothing of the {axis_name(axis, len(sizes))} {n}",
                    "factor",
                    [Rule(f"floor({n}*{factor}) = 0, must be at least 1")],
                )
            resized.append(out)
        return (channels, *resized)

    def argument(self, name: str) -> object:
        if name == "coordinates" and self.coordinates is None:
            return "asymmetric" if self.mode == "nearest" else "half_pixel"
        return super().argument(name)

    def _centres(self, axis: int, n: int, out: int) -> Centres:
        """Where units have their centres on a spatial axis, counted from 0."""
        coordinates = self.argument("coordinates")
        start = 0
        if coordinates == "align_corners":
            # The last unit lies on the last position; a single one on the first.
            step, parts = n - 1, larger(out - 1, 1)
        else:
            step, parts = n, out
            if self.factor:
                step, parts = self.factor[axis].denominator, self.factor[axis].numerator
            if coordinates == "half_pixel":
                step, start, parts = 2 * step, step - parts, 2 * parts
        if self.mode == "nearest" and coordinates != "asymmetric":
            # The floor of x + 1/2.
            step, start, parts = 2 * step, 2 * start + parts, 2 * parts
        return Centres(step, start, parts)

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        sizes = zip(only(inputs)[1:], self.output_shape(inputs)[1:], strict=True)
        return (same(0), *[self._read(axis, n, out) for axis, (n, out) in enumerate(sizes)])

    def _read(self, axis: int, n: int, out: int) -> Reading:
        centres = self._centres(axis, n, out)
        if self.mode == "bilinear":
            return interpolated(axis + 1, centres)
        return sampled(axis + 1, centres, *_TAPS[self.mode])

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        return self._interpolation(len(output) - 1).times(prod(output))

    def _interpolation(self, rank: int) -> Counts:
        """What one output element takes: an interpolation of interpolations on the other axes."""
        if self.mode == "nearest":
            return NOTHING
        if self.mode == "bilinear":
            return Counts(multiplies=1, adds=2).times(2**rank - 1)
        return Counts(multiplies=4, adds=3).times((4**rank - 1) // 3)

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        if not any(wanted):
            return Backward()
        before, after = _TAPS[self.mode]
        rank, outputs = len(output) - 1, prod(output)
        read = output[0]
        for axis, (n, out) in enumerate(zip(only(inputs)[1:], output[1:], strict=True)):
            read *= self._centres(axis, n, out).taps(out, n, before, after)
        arriving = outputs * (before + 1 + after) ** rank
        multiplies = outputs * self._interpolation(rank).multiplies
        # Of a + t*(b - a) what a gets takes a subtraction.
        split = multiplies if self.mode == "bilinear" else 0
        return Backward(input=Counts(multiplies, split + arriving - read).times(batch))
