"""Layers that resample maps, element by element."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from convcalc.layers.resizing import Upsample
from tests.oracle.counting import Number, Run, Tensor, at, total
from tests.oracle.windows import everywhere, shape_of


def places(layer: Upsample, sizes: Sequence[int]) -> list[list[Fraction]]:
    """For each spatial axis where on the input each output position takes its value, exactly."""
    found = []
    for axis, n in enumerate(sizes):
        if layer.factor:
            factor = Fraction(*layer.factor[axis])
            out = math.floor(n * factor)
        else:
            out = (layer.size or ())[axis]
            factor = Fraction(out, n)
        coordinates = layer.coordinates
        if coordinates is None:
            coordinates = "asymmetric" if layer.mode == "nearest" else "half_pixel"
        along = []
        for y in range(out):
            if coordinates == "half_pixel":
                x = (y + Fraction(1, 2)) / factor - Fraction(1, 2)
            elif coordinates == "asymmetric":
                x = y / factor
            else:
                x = Fraction(y * (n - 1), out - 1) if out > 1 else Fraction(0)
            if layer.mode == "nearest":
                # The start of a position in one case, its middle in the others.
                x = Fraction(math.floor(x if coordinates == "asymmetric" else x + Fraction(1, 2)))
            along.append(x)
        found.append(along)
    return found


def upsample(layer: Upsample, inputs: Sequence[Tensor], run: Run) -> Tensor:
    """Nearest, between two, or of four neighbours, along one axis after the other."""
    (x,) = inputs
    channels, *sizes = shape_of(x)
    along = places(layer, sizes)
    value = {"nearest": _nearest, "bilinear": _between, "bicubic": _of_four}[layer.mode]
    result: Tensor = {}
    for channel, *place in everywhere([channels, *map(len, along)]):
        centres = [along[axis][y] for axis, y in enumerate(place)]
        result[at(channel, *place)] = value(x, (channel,), sizes, centres)
    return result


def _nearest(
    x: Tensor, index: tuple[int, ...], sizes: list[int], centres: list[Fraction]
) -> Number:
    return x[at(*index, *[int(centre) for centre in centres])]


def neighbours(centre: Fraction, n: int) -> tuple[int, int, float]:
    """The positions before and after a place on an axis, and how far it is from the first."""
    centre = max(centre, Fraction(0))
    low = min(math.floor(centre), n - 1)
    return low, min(low + 1, n - 1), float(centre - low)


def _between(
    x: Tensor, index: tuple[int, ...], sizes: list[int], centres: list[Fraction]
) -> Number:
    """The value at fractional positions: between two values of the first axis, each found so."""
    if not centres:
        return x[index]
    low, high, share = neighbours(centres[0], sizes[0])
    a = _between(x, (*index, low), sizes[1:], centres[1:])
    b = _between(x, (*index, high), sizes[1:], centres[1:])
    return a + share * (b - a)


def four_weights(centre: Fraction, n: int) -> list[tuple[int, float]]:
    """Four positions around a place, kept on the axis, and their weights.

    Keys, Cubic Convolution Interpolation for Digital Image Processing, 1981, equation 4.
    """
    a = Fraction(-3, 4)
    first = math.floor(centre) - 1
    found = []
    for position in range(first, first + 4):
        s = abs(centre - position)
        if s <= 1:
            weight = (a + 2) * s**3 - (a + 3) * s**2 + 1
        else:
            weight = a * s**3 - 5 * a * s**2 + 8 * a * s - 4 * a
        found.append((min(max(position, 0), n - 1), float(weight)))
    return found


def _of_four(
    x: Tensor, index: tuple[int, ...], sizes: list[int], centres: list[Fraction]
) -> Number:
    """The weighted sum of four values of the first axis, each found so on the others."""
    if not centres:
        return x[index]
    return total(
        [
            weight * _of_four(x, (*index, position), sizes[1:], centres[1:])
            for position, weight in four_weights(centres[0], sizes[0])
        ]
    )
